/* What the journal must do when the disk refuses or its process is killed. */

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inbox_world.h"

static void
fails_then_works(const char *orders, const char *words)
{
	struct inbox *in = new_inbox();
	struct sample s;
	struct delivery *d;
	uint64_t after = 0;
	struct err e;

	CHECK_OK(append_numbered(in, 1, 100, &e));
	order_fault(orders);
	for (int i = 0; i < 20; i++) {
		d = sample(&s, "delivery 2 ", 2);
		CHECK(!inbox_append(in, &d, 1, &e));
		CHECK_HAS(e.text, words);
		CHECK_INT(d->seq, 0);
		CHECK(!d->fresh[0]);
		CHECK_INT(count_records(in), 1);
	}
	order_fault(NULL);
	d = sample(&s, "delivery 2 ", 2);
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK(d->fresh[0]);
	CHECK_INT(d->seq, 2);
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(read_numbered(in, &after), 1);
	CHECK_INT(read_numbered(in, &after), 2);
	CHECK_INT(read_numbered(in, &after), 0);
	inbox_close(in);
}

TEST(a_failed_write_keeps_nothing_and_the_next_one_works)
{
	fails_then_works("journal.write:fail:1+", "journal.write");
}

TEST(a_failed_sync_keeps_nothing_and_the_next_one_works)
{
	fails_then_works("journal.sync:fail:1+", "journal.sync");
}

TEST(a_failed_rollover_keeps_nothing_and_the_next_one_works)
{
	fails_then_works("journal.write:fail:1+,journal.rollover:fail:1+", "journal.");
}

TEST(a_disk_without_room_for_a_segment_is_a_passing_trouble)
{
	struct inbox *in = new_inbox();
	uint64_t n = 0;
	struct err e;

	order_fault("journal.make:fail:1+");
	while (append_numbered(in, n + 1, 10000, &e))
		n++;
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_INT(count_records(in), n);
	order_fault(NULL);
	CHECK_OK(append_numbered(in, n + 1, 10000, &e));
	CHECK_INT(count_records(in), n + 1);
	inbox_close(in);
}

TEST(what_a_failed_sync_left_behind_never_comes_back)
{
	struct inbox *in = new_inbox();
	struct sample s[2];
	struct delivery *d[2];
	uint64_t after = 0;
	struct err e;

	CHECK_OK(append_numbered(in, 1, 100, &e));
	/* Twice: in the segment that holds the first record, and in the fresh one after it. */
	order_fault("journal.sync:fail:1+");
	for (int i = 0; i < 2; i++) {
		d[0] = sample(&s[0], "delivery 2 ", 2);
		d[1] = sample(&s[1], "delivery 3 ", 3);
		CHECK(!inbox_append(in, d, 2, &e));
	}
	order_fault(NULL);
	/* As long as the first of them, so that the second lies right behind it. */
	d[0] = sample(&s[0], "delivery 4 ", 4);
	CHECK_OK(inbox_append(in, d, 1, &e));
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(read_numbered(in, &after), 1);
	CHECK_INT(read_numbered(in, &after), 4);
	CHECK_INT(read_numbered(in, &after), 0);
	CHECK_INT(after, 2);
	inbox_close(in);
}

TEST(what_was_written_before_a_group_failed_is_a_duplicate_when_it_comes_again)
{
	enum { N = 6 };
	struct inbox *in = new_inbox();
	struct sample s[N];
	struct delivery *d[N];
	static char bodies[N][15000];
	struct err e;

	for (uint64_t i = 0; i < N; i++) {
		snprintf(bodies[i], sizeof(bodies[i]), "delivery %d %013000d", (int)i + 1, 0);
		d[i] = sample(&s[i], bodies[i], i + 1);
	}
	order_fault("journal.rollover:fail:1+");
	CHECK(!inbox_append(in, d, N, &e));
	order_fault(NULL);
	for (size_t i = 0; i < N; i++)
		CHECK(d[i]->seq == 0 && !d[i]->fresh[0]);
	CHECK_OK(inbox_append(in, d, N, &e));
	CHECK_INT(d[0]->seq, 0);
	CHECK(d[N - 1]->seq != 0);
	CHECK_INT(count_records(in), N);
	inbox_close(in);
}

/*
 * A child appends one delivery after the other and says each answer; at `point` it is killed while
 * it appends number `at`.  How many were answered.
 */
static uint64_t
append_until_killed(const char *point, uint64_t at, size_t size)
{
	uint64_t answered = 0;
	char orders[64];
	struct err e;
	int answers[2], status;
	pid_t child;

	CHECK(pipe(answers) == 0);
	child = fork();
	if (child == 0) {
		struct inbox *in = open_inbox(0);

		for (uint64_t i = 1; i < at + 50; i++) {
			snprintf(orders, sizeof(orders), "%s:kill:1+", point);
			if (i == at)
				order_fault(orders);
			if (!append_numbered(in, i, size, &e) ||
			    write(answers[1], &i, sizeof(i)) != sizeof(i))
				break;
		}
		_exit(1);
	}
	close(answers[1]);
	while (read(answers[0], &answered, sizeof(answered)) == sizeof(answered))
		;
	close(answers[0]);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status));
	return answered;
}

TEST(wherever_it_is_killed_what_was_answered_is_there_once)
{
	static const char *const points[] = { "journal.write", "journal.sync", "journal.synced",
		"journal.rollover", "journal.make" };

	for (size_t p = 0; p < sizeof(points) / sizeof(points[0]); p++) {
		uint64_t answered, kept, after = 0;
		struct inbox *in;
		struct err e;

		folder_make("inbox");
		answered = append_until_killed(points[p], 4, 9000);
		CHECK(answered >= 3);
		in = open_inbox(0);
		for (kept = 0; read_numbered(in, &after) == kept + 1; kept++)
			;
		CHECK(kept == answered || kept == answered + 1);
		for (uint64_t i = answered + 1; i <= answered + 3; i++)
			CHECK_OK(append_numbered(in, i, 100, &e));
		CHECK_INT(count_records(in), answered + 3);
		inbox_close(in);
		in = open_inbox(0);
		CHECK_INT(count_records(in), answered + 3);
		inbox_close(in);
	}
}

TEST(killed_while_it_cuts_a_torn_tail_it_does_so_at_the_next_start)
{
	struct inbox *in;
	int status;
	pid_t child;

	folder_make("inbox");
	CHECK_INT(append_until_killed("journal.sync", 3, 100), 2);
	child = fork();
	if (child == 0) {
		order_fault("journal.cut:kill:1+");
		inbox_close(open_inbox(0));
		_exit(1);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status));
	in = open_inbox(0);
	CHECK_INT(count_records(in), 3);
	inbox_close(in);
}
