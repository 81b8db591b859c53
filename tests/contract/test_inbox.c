/* What every inbox must do with deliveries. */

#include <pthread.h>
#include <stdlib.h>

#include "inbox_world.h"

static struct inbox_figures
figures_of(struct inbox *in)
{
	struct inbox_figures f;

	inbox_figures(in, &f);
	return f;
}

TEST(what_is_appended_is_read_back_byte_for_byte)
{
	struct inbox *in = new_inbox();
	struct arena *a = arena_new();
	const uint64_t events[] = { 7, 8, 9 };
	struct sample s;
	struct delivery *d = sample_of(&s, "three \n\r\t\"events\"", 3, events), out;
	struct err e;
	bool found;

	d->body.n++; /* with its NUL */
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK_INT(d->seq, 1);
	CHECK(d->fresh[0] && d->fresh[1] && d->fresh[2]);
	CHECK_OK(inbox_read(in, 0, a, &out, &found, &e));
	CHECK(found);
	CHECK_INT(out.seq, 1);
	CHECK_INT(out.received_ms, 1700000000000);
	CHECK(str_eq(out.body, d->body));
	CHECK(str_eq(out.headers, d->headers));
	CHECK_INT(out.n, 3);
	CHECK(memcmp(out.hashes, d->hashes, sizeof(s.hashes[0]) * 3) == 0);
	CHECK(out.fresh[0] && out.fresh[1] && out.fresh[2]);
	CHECK_OK(inbox_read(in, 1, a, &out, &found, &e));
	CHECK(!found);
	arena_free(a);
	inbox_close(in);
}

TEST(an_empty_body_is_kept_too)
{
	struct inbox *in = new_inbox();
	struct arena *a = arena_new();
	struct sample s;
	struct delivery *d = sample(&s, "", 1), out;
	struct err e;
	bool found;

	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK_OK(inbox_read(in, 0, a, &out, &found, &e));
	CHECK(found);
	CHECK_INT(out.body.n, 0);
	arena_free(a);
	inbox_close(in);
}

TEST(a_known_event_is_a_duplicate_and_is_not_written_again)
{
	struct inbox *in = new_inbox();
	struct inbox_figures f;
	struct sample s;
	struct delivery *d = sample(&s, "delivery 1 ", 1);
	struct err e;

	CHECK_OK(inbox_append(in, &d, 1, &e));
	d = sample(&s, "delivery 1 ", 1);
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK_INT(d->seq, 0);
	CHECK(!d->fresh[0]);
	CHECK_INT(count_records(in), 1);
	inbox_figures(in, &f);
	CHECK_INT(f.syncs, 1);
	inbox_close(in);
}

TEST(a_group_with_duplicates_keeps_each_event_once)
{
	struct inbox *in = new_inbox();
	const uint64_t first[] = { 1, 2 }, second[] = { 2, 3 }, third[] = { 3, 1 };
	struct sample s[3];
	struct delivery *d[] = { sample_of(&s[0], "a", 2, first), sample_of(&s[1], "b", 2, second),
		sample_of(&s[2], "c", 2, third) };
	struct inbox_figures f;
	struct err e;

	CHECK_OK(inbox_append(in, d, 3, &e));
	CHECK(d[0]->fresh[0] && d[0]->fresh[1]);
	CHECK(!d[1]->fresh[0] && d[1]->fresh[1]);
	CHECK(!d[2]->fresh[0] && !d[2]->fresh[1]);
	CHECK_INT(d[0]->seq, 1);
	CHECK_INT(d[1]->seq, 2);
	CHECK_INT(d[2]->seq, 0);
	inbox_figures(in, &f);
	CHECK_INT(f.records, 2);
	CHECK_INT(f.syncs, 1);
	CHECK_INT(f.last_seq, 2);
	CHECK_INT(f.waiting, 2);
	inbox_close(in);
}

TEST(after_a_restart_duplicates_and_undecided_records_are_known)
{
	struct inbox *in = new_inbox();
	uint64_t after = 0;
	struct sample s;
	struct delivery *d;
	struct err e;

	for (uint64_t i = 1; i <= 5; i++)
		CHECK_OK(append_numbered(in, i, 100, &e));
	inbox_close(in);
	in = open_inbox(2);
	CHECK_INT(read_numbered(in, &after), 3);
	CHECK_INT(read_numbered(in, &after), 4);
	CHECK_INT(read_numbered(in, &after), 5);
	CHECK_INT(read_numbered(in, &after), 0);
	d = sample(&s, "again", 1);
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK_INT(d->seq, 0);
	CHECK_OK(append_numbered(in, 6, 100, &e));
	CHECK_INT(read_numbered(in, &after), 6);
	CHECK_INT(after, 6);
	inbox_close(in);
}

TEST(what_was_forgotten_is_kept_once_more)
{
	struct inbox *in = new_inbox();
	struct sample s;
	struct delivery *d;
	uint64_t before;
	struct err e;

	CHECK_OK(append_numbered(in, 1, 10, &e));
	before = figures_of(in).last_seq;
	/* A set that holds all would grow with every event: the store knows the older ones. */
	for (uint64_t n = 2; n <= INBOX_KNOWN_MAX + 2; n++) {
		CHECK_OK(append_numbered(in, n, 1, &e));
		if (n % 256 == 0)
			inbox_release(in, figures_of(in).last_seq);
	}
	CHECK_INT(figures_of(in).last_seq, before + INBOX_KNOWN_MAX + 1);
	d = sample(&s, "the newest", INBOX_KNOWN_MAX + 2);
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK_INT(d->seq, 0);
	d = sample(&s, "the oldest", 1);
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK(d->seq != 0);
	inbox_close(in);
}

TEST(how_much_there_is_to_be_read_is_known_before_it_is_opened)
{
	struct inbox *in = new_inbox();
	char elsewhere[128];
	struct err e;

	for (uint64_t i = 1; i <= 10; i++)
		CHECK_OK(append_numbered(in, i, 10000, &e));
	CHECK(inbox_stored(folder) >= 10 * 10000);
	CHECK_INT(inbox_stored(folder), figures_of(in).bytes);
	inbox_close(in);
	snprintf(elsewhere, sizeof(elsewhere), "%s/not-there", folder);
	CHECK_INT(inbox_stored(elsewhere), 0);
}

TEST(numbers_go_on_behind_what_the_store_has_decided)
{
	struct inbox *in;
	uint64_t after = 0;
	struct err e;

	folder_make("inbox");
	in = open_inbox(500);
	CHECK_OK(append_numbered(in, 1, 10, &e));
	CHECK_INT(read_numbered(in, &after), 1);
	CHECK_INT(after, 501);
	inbox_close(in);
	in = open_inbox(900);
	CHECK_OK(append_numbered(in, 2, 10, &e));
	after = 0;
	CHECK_INT(read_numbered(in, &after), 2);
	CHECK_INT(after, 901);
	inbox_close(in);
	in = open_inbox(500);
	CHECK_INT(count_records(in), 2);
	inbox_close(in);
}

TEST(reading_may_start_anywhere_and_again)
{
	struct inbox *in = new_inbox();
	uint64_t after;
	struct err e;

	for (uint64_t i = 1; i <= 100; i++)
		CHECK_OK(append_numbered(in, i, 2000, &e));
	after = 97;
	CHECK_INT(read_numbered(in, &after), 98);
	after = 3;
	CHECK_INT(read_numbered(in, &after), 4);
	after = 50;
	CHECK_INT(read_numbered(in, &after), 51);
	after = 100;
	CHECK_INT(read_numbered(in, &after), 0);
	inbox_close(in);
}

TEST(a_second_process_is_refused)
{
	struct inbox *in = new_inbox(), *second;
	struct err e;

	CHECK(!under_test(folder, &small, 0, &second, &e));
	CHECK_INT(e.kind, ERR_CONFLICT);
	CHECK_HAS(e.text, "in use by another process");
	CHECK_HAS(e.text, folder);
	inbox_close(in);
	inbox_close(open_inbox(0));
}

TEST(a_full_inbox_says_so_and_takes_more_once_something_is_decided)
{
	struct inbox *in = new_inbox();
	uint64_t n = 0, after = 0;
	struct inbox_figures f;
	struct err e;

	while (append_numbered(in, n + 1, 10000, &e))
		n++;
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK(e.retry_ms > 0);
	CHECK_HAS(e.text, "inbox is full");
	CHECK(!inbox_make_room(in)); /* whoever makes it ahead must not try at once again */
	CHECK(n >= 15);
	inbox_figures(in, &f);
	CHECK_INT(f.bytes, small.max);
	CHECK_INT(f.waiting, n);
	for (uint64_t i = 1; i <= n; i++)
		CHECK_INT(read_numbered(in, &after), i);
	inbox_release(in, n);
	inbox_figures(in, &f);
	CHECK_INT(f.waiting, 0);
	CHECK_OK(append_numbered(in, n + 1, 10000, &e));
	CHECK_INT(read_numbered(in, &after), n + 1);
	inbox_close(in);
}

TEST(a_delivery_too_large_for_any_record_is_refused)
{
	struct inbox *in = new_inbox();
	struct err e;

	CHECK(!append_numbered(in, 1, 64 * 1024, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "larger than");
	CHECK_OK(append_numbered(in, 1, 50 * 1024, &e));
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
}

TEST(a_group_larger_than_a_segment_is_kept_whole)
{
	enum { N = 12 };
	struct inbox *in = new_inbox();
	struct sample s[N];
	struct delivery *d[N];
	static char bodies[N][15000];
	struct err e;

	for (uint64_t i = 0; i < N; i++) {
		memset(bodies[i], 'b', sizeof(bodies[i]) - 1);
		memcpy(bodies[i], "delivery 1 ", 11);
		d[i] = sample(&s[i], bodies[i], i + 1);
	}
	CHECK_OK(inbox_append(in, d, N, &e));
	CHECK_INT(count_records(in), N);
	CHECK_INT(d[N - 1]->seq, N);
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(count_records(in), N);
	inbox_close(in);
}

TEST(more_deliveries_than_one_write_takes_are_kept_whole)
{
	enum { N = 1500 };
	struct inbox *in = new_inbox();
	struct sample *s = calloc(N, sizeof(*s));
	struct delivery **d = calloc(N, sizeof(struct delivery *));
	struct err e;

	for (uint64_t i = 0; i < N; i++)
		d[i] = sample(&s[i], "delivery 1 ", i + 1);
	CHECK_OK(inbox_append(in, d, N, &e));
	CHECK_INT(count_records(in), N);
	inbox_close(in);
	free(s);
	free(d);
}

TEST(ten_thousand_deliveries_come_back_in_order)
{
	struct inbox *in;
	uint64_t after = 0;
	struct err e;

	folder_make("inbox");
	CHECK_OK(inbox_open(folder, 1 << 30, 0, &in, &e));
	for (uint64_t i = 1; i <= 10000; i++)
		CHECK_OK(append_numbered(in, i, i % 5000, &e));
	for (uint64_t i = 1; i <= 5000; i++)
		CHECK_INT(read_numbered(in, &after), i);
	inbox_close(in);
	CHECK_OK(inbox_open(folder, 1 << 30, 5000, &in, &e));
	for (uint64_t i = 5001; i <= 10000; i++)
		CHECK_INT(read_numbered(in, &after), i);
	CHECK_INT(read_numbered(in, &after), 0);
	inbox_close(in);
}

/* ---- two threads ---- */

enum { STREAM = 3000 };

static void *
append_stream(void *arg)
{
	struct inbox *in = arg;
	struct err e;

	/* A full inbox is told to come again: the reader makes room. */
	for (uint64_t i = 1; i <= STREAM;)
		if (append_numbered(in, i, 700, &e))
			i++;
		else if (e.kind != ERR_AGAIN)
			return arg;
	return NULL;
}

TEST(one_thread_appends_while_another_reads_and_releases)
{
	struct inbox *in = new_inbox();
	uint64_t after = 0, expected = 1, n;
	struct inbox_figures f;
	pthread_t committer;
	void *failed;

	CHECK(pthread_create(&committer, NULL, append_stream, in) == 0);
	while (expected <= STREAM) {
		n = read_numbered(in, &after);
		if (n == 0)
			continue;
		CHECK_INT(n, expected);
		expected++;
		if (n % 16 == 0)
			inbox_release(in, after);
		inbox_figures(in, &f);
		CHECK(f.bytes <= small.max);
	}
	pthread_join(committer, &failed);
	CHECK(failed == NULL);
	inbox_close(in);
}
