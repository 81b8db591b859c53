/*
 * What every inbox must do, then what the journal must do with damaged files.  Another
 * implementation passes the first part unchanged: it only has to be named in `under_test`.
 */
#include "test.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/inbox.h"

static bool (*const under_test)(const char *folder, const struct inbox_sizes *sizes,
    uint64_t decided, struct inbox **out, struct err *e) = inbox_open_sized;

static const struct inbox_sizes small = { 64 * 1024, 64 * 1024, 256 * 1024 };

/* ---- a folder, deliveries, faults ---- */

static char folder[64];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void
remove_folder(void)
{
	if (folder[0] != '\0')
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

static void
fresh_folder(void)
{
	static bool registered;

	if (!registered)
		atexit(remove_folder);
	registered = true;
	remove_folder();
	snprintf(folder, sizeof(folder), "/tmp/inbox-XXXXXX");
	CHECK(mkdtemp(folder) != NULL);
}

static struct inbox *
open_inbox(uint64_t decided)
{
	struct inbox *in;
	struct err e;

	CHECK_OK(under_test(folder, &small, decided, &in, &e));
	return in;
}

static struct inbox *
new_inbox(void)
{
	fresh_folder();
	return open_inbox(0);
}

/* One delivery with up to four events, in static memory. */
struct sample {
	struct delivery d;
	struct hash128 hashes[4];
	bool fresh[4];
};

static struct hash128
hash_of(uint64_t n)
{
	struct hash128 h = { { 1 } };

	/* As well mixed as a keyed hash: the set takes its bytes for a place. */
	n *= 0x9e3779b97f4a7c15u;
	memcpy(h.bytes + 8, &n, sizeof(n));
	n ^= n >> 29;
	memcpy(h.bytes, &n, sizeof(n));
	return h;
}

static struct delivery *
sample_of(struct sample *s, const char *body, size_t n, const uint64_t *events)
{
	*s = (struct sample){ .d = { .received_ms = 1700000000000,
				  .headers = STR("{\"aeg-event-type\":\"Notification\"}"),
				  .body = str_of(body),
				  .n = n } };
	for (size_t i = 0; i < n; i++)
		s->hashes[i] = hash_of(events[i]);
	s->d.hashes = s->hashes;
	s->d.fresh = s->fresh;
	return &s->d;
}

static struct delivery *
sample(struct sample *s, const char *body, uint64_t event)
{
	return sample_of(s, body, 1, &event);
}

/* Append one delivery of one event; the body says its number. */
static bool
append_numbered(struct inbox *in, uint64_t n, size_t size, struct err *e)
{
	struct sample s;
	char *body = calloc(1, size + 32);
	struct delivery *d;
	bool ok;

	snprintf(body, size + 32, "delivery %06llu ", (unsigned long long)n);
	memset(body + strlen(body), 'x', size);
	d = sample(&s, body, n);
	ok = inbox_append(in, &d, 1, e);
	free(body);
	return ok;
}

/* The number that the next record's body says; 0 when there is none. */
static uint64_t
read_numbered(struct inbox *in, uint64_t *after)
{
	struct arena *a = arena_new();
	struct delivery d;
	struct err e;
	bool found;
	unsigned long long n = 0;

	CHECK_OK(inbox_read(in, *after, a, &d, &found, &e));
	if (found) {
		CHECK(sscanf(arena_cstr(a, d.body), "delivery %llu ", &n) == 1);
		*after = d.seq;
	}
	arena_free(a);
	return n;
}

static uint64_t
count_records(struct inbox *in)
{
	uint64_t after = 0, n = 0;

	while (read_numbered(in, &after) != 0)
		n++;
	return n;
}

static void
order_fault(const char *orders)
{
	if (orders == NULL)
		unsetenv("GRIDWARDEN_FAULT");
	else
		setenv("GRIDWARDEN_FAULT", orders, 1);
}

/* ---- what every inbox must do ---- */

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

TEST(an_event_of_the_store_is_a_duplicate)
{
	struct inbox *in = new_inbox();
	struct hash128 h = hash_of(77);
	struct sample s;
	struct delivery *d = sample(&s, "x", 77);
	struct err e;

	inbox_remember(in, &h);
	CHECK_OK(inbox_append(in, &d, 1, &e));
	CHECK_INT(d->seq, 0);
	inbox_close(in);
}

TEST(numbers_go_on_behind_what_the_store_has_decided)
{
	struct inbox *in;
	uint64_t after = 0;
	struct err e;

	fresh_folder();
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

	fresh_folder();
	CHECK_OK(inbox_open(folder, 0, &in, &e));
	for (uint64_t i = 1; i <= 10000; i++)
		CHECK_OK(append_numbered(in, i, i % 5000, &e));
	for (uint64_t i = 1; i <= 5000; i++)
		CHECK_INT(read_numbered(in, &after), i);
	inbox_close(in);
	CHECK_OK(inbox_open(folder, 5000, &in, &e));
	for (uint64_t i = 5001; i <= 10000; i++)
		CHECK_INT(read_numbered(in, &after), i);
	CHECK_INT(read_numbered(in, &after), 0);
	inbox_close(in);
}

/* ---- failures ---- */

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

		fresh_folder();
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

	fresh_folder();
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

/* ---- the journal's files ---- */

/* All bytes of the only segment, and where it is. */
struct image {
	char path[128];
	char *bytes;
	size_t n;
};

static void
image_read(struct image *im, const char *name)
{
	struct stat st;
	int fd;

	snprintf(im->path, sizeof(im->path), "%s/%s", folder, name);
	fd = open(im->path, O_RDONLY);
	CHECK(fd >= 0 && fstat(fd, &st) == 0);
	im->n = (size_t)st.st_size;
	im->bytes = malloc(im->n);
	CHECK(read(fd, im->bytes, im->n) == st.st_size);
	close(fd);
}

static void
image_write(const struct image *im, size_t n)
{
	int fd = open(im->path, O_WRONLY | O_TRUNC);

	CHECK(fd >= 0);
	CHECK(write(fd, im->bytes, n) == (ssize_t)n);
	close(fd);
}

/* Where the body that starts with these words lies. */
static size_t
image_find(const struct image *im, const char *words)
{
	char *p = memmem(im->bytes, im->n, words, strlen(words));

	CHECK(p != NULL);
	return (size_t)(p - im->bytes);
}

static void
image_done(struct image *im)
{
	free(im->bytes);
}

/* Numbers 1..n, each in a write of its own, in one segment. */
static void
write_numbered(uint64_t n, size_t size, struct image *im)
{
	struct inbox *in = new_inbox();
	struct err e;

	for (uint64_t i = 1; i <= n; i++)
		CHECK_OK(append_numbered(in, i, size, &e));
	inbox_close(in);
	image_read(im, "segment-000001");
}

static void
expect_two_then_go_on(const char *damage, size_t at)
{
	struct inbox *in = open_inbox(0);
	uint64_t after = 0;
	struct err e;

	if (read_numbered(in, &after) != 1 || read_numbered(in, &after) != 2 ||
	    read_numbered(in, &after) != 0) {
		print_error("%s at %zu: not the first two records\n", damage, at);
		_fail(__FILE__, __LINE__);
	}
	CHECK_OK(append_numbered(in, 3, 20, &e));
	CHECK_OK(append_numbered(in, 4, 20, &e));
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 4);
	inbox_close(in);
}

TEST(a_tail_torn_at_any_byte_is_cut)
{
	struct image im;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000002") + 36;
	to = image_find(&im, "delivery 000003") + 36;
	for (size_t at = from; at < to; at++) {
		image_write(&im, at);
		CHECK(truncate(im.path, (off_t)im.n) == 0); /* zeros behind it */
		expect_two_then_go_on("torn", at);
	}
	image_done(&im);
}

TEST(what_was_torn_is_zeroed)
{
	struct image im, mended;
	size_t middle;

	write_numbered(3, 20, &im);
	middle = image_find(&im, "delivery 000003") + 20;
	memset(im.bytes + middle, 0, im.n - middle);
	image_write(&im, im.n);
	inbox_close(open_inbox(0));
	image_read(&mended, "segment-000001");
	CHECK(memmem(mended.bytes, mended.n, "delivery 000002", 15) != NULL);
	CHECK(memmem(mended.bytes, mended.n, "delivery 000003", 15) == NULL);
	image_done(&im);
	image_done(&mended);
}

TEST(a_file_cut_short_at_any_byte_of_the_tail_still_opens)
{
	struct image im;
	struct inbox *in;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000002") + 36;
	from += (8 - from % 8) % 8;
	to = image_find(&im, "delivery 000003") + 36;
	for (size_t at = from; at < to; at++) {
		image_write(&im, at);
		in = open_inbox(0);
		CHECK_INT(count_records(in), 2);
		inbox_close(in);
	}
	image_done(&im);
}

TEST(a_flipped_bit_at_any_byte_of_the_last_record_cuts_it)
{
	struct image im;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000002") + 36;
	from += (8 - from % 8) % 8;
	to = image_find(&im, "delivery 000003") + 36;
	for (size_t at = from; at < to; at++) {
		im.bytes[at] = (char)(im.bytes[at] ^ 0x10);
		image_write(&im, im.n);
		im.bytes[at] = (char)(im.bytes[at] ^ 0x10);
		expect_two_then_go_on("flipped", at);
	}
	image_done(&im);
}

TEST(damage_in_the_middle_loses_that_record_only_and_is_told_at_each_start)
{
	struct image im;
	size_t from, to;

	write_numbered(3, 20, &im);
	from = image_find(&im, "delivery 000001") + 36;
	from += (8 - from % 8) % 8;
	to = image_find(&im, "delivery 000002") + 36;
	for (size_t at = from; at < to; at++) {
		im.bytes[at] = (char)(im.bytes[at] ^ 0x01);
		image_write(&im, im.n);
		im.bytes[at] = (char)(im.bytes[at] ^ 0x01);
		for (int start = 0; start < 2; start++) {
			struct inbox *in = open_inbox(0);
			struct inbox_figures f;
			uint64_t after = 0;

			CHECK_INT(read_numbered(in, &after), 1);
			CHECK_INT(read_numbered(in, &after), 3);
			CHECK_INT(read_numbered(in, &after), 0);
			inbox_figures(in, &f);
			CHECK_INT(f.lost, 1);
			CHECK_HAS(f.damage, "segment-000001");
			CHECK_HAS(f.damage, "records 2 to 2 cannot be read");
			inbox_close(in);
		}
	}
	image_done(&im);
}

TEST(damage_to_decided_records_is_no_loss)
{
	struct inbox_figures f;
	struct inbox *in;
	struct image im;

	write_numbered(3, 20, &im);
	im.bytes[image_find(&im, "delivery 000002")] = 'D';
	image_write(&im, im.n);
	in = open_inbox(2);
	inbox_figures(in, &f);
	CHECK_INT(f.lost, 0);
	CHECK_CSTR(f.damage, "");
	inbox_close(in);
	image_done(&im);
}

TEST(a_bit_that_flips_while_it_runs_is_told_with_its_place_and_can_be_passed)
{
	struct inbox *in = new_inbox();
	struct arena *a = arena_new();
	uint64_t after = 1;
	struct delivery d;
	struct image im;
	struct err e;
	bool found;
	int fd;

	for (uint64_t i = 1; i <= 3; i++)
		CHECK_OK(append_numbered(in, i, 20, &e));
	image_read(&im, "segment-000001");
	fd = open(im.path, O_WRONLY);
	CHECK(pwrite(fd, "D", 1, (off_t)image_find(&im, "delivery 000002")) == 1);
	close(fd);
	CHECK(!inbox_read(in, 1, a, &d, &found, &e));
	CHECK_INT(e.kind, ERR_SYSTEM);
	CHECK_HAS(e.text, "segment-000001 at ");
	CHECK_HAS(e.text, "record 2 does not hold any more");
	after = 2;
	CHECK_INT(read_numbered(in, &after), 3);
	image_done(&im);
	arena_free(a);
	inbox_close(in);
}

TEST(a_power_cut_that_keeps_any_sectors_of_the_last_write_loses_nothing_answered)
{
	enum { SECTOR = 512 };
	struct image before, after;
	struct inbox *in;
	struct sample s[3];
	struct delivery *d[3];
	static char bodies[3][3000];
	unsigned chance = 4711;
	struct err e;

	write_numbered(5, 300, &before);
	in = open_inbox(0);
	for (uint64_t i = 0; i < 3; i++) {
		snprintf(bodies[i], sizeof(bodies[i]), "delivery %06d %02000d", (int)i + 6, 0);
		d[i] = sample(&s[i], bodies[i], i + 6);
	}
	CHECK_OK(inbox_append(in, d, 3, &e));
	inbox_close(in);
	image_read(&after, "segment-000001");
	for (int round = 0; round < 200; round++) {
		struct image mixed = after;
		struct inbox_figures f;
		uint64_t seq = 0, n, last = 5;

		mixed.bytes = malloc(mixed.n);
		for (size_t at = 0; at < mixed.n; at += SECTOR)
			memcpy(mixed.bytes + at,
			    (rand_r(&chance) & 1 ? before.bytes : after.bytes) + at, SECTOR);
		image_write(&mixed, mixed.n);
		free(mixed.bytes);
		in = open_inbox(0);
		for (uint64_t i = 1; i <= 5; i++)
			CHECK_INT(read_numbered(in, &seq), i);
		for (; (n = read_numbered(in, &seq)) != 0; last = n)
			CHECK(n > last && n <= 8);
		inbox_figures(in, &f);
		CHECK_INT(f.lost, 0);
		CHECK_OK(append_numbered(in, 9, 300, &e));
		inbox_close(in);
		in = open_inbox(0);
		inbox_figures(in, &f);
		CHECK_INT(f.lost, 0);
		inbox_close(in);
	}
	image_done(&before);
	image_done(&after);
}

TEST(a_segment_used_again_does_not_give_its_old_records_back)
{
	struct inbox *in = new_inbox();
	uint64_t after = 0, n = 0;
	struct inbox_figures f;
	struct err e;

	/* Four times round: what lies behind the newest record is always an older one. */
	for (int round = 0; round < 4; round++) {
		while (append_numbered(in, n + 1, 5000 + (size_t)round * 64, &e))
			n++;
		CHECK_INT(e.kind, ERR_AGAIN);
		while (read_numbered(in, &after) != 0)
			;
		CHECK_INT(after, n);
		inbox_release(in, n);
		CHECK_OK(append_numbered(in, ++n, 777, &e));
		inbox_close(in);
		in = open_inbox(n - 1);
		after = 0;
		CHECK_INT(read_numbered(in, &after), n);
		CHECK_INT(read_numbered(in, &after), 0);
		inbox_release(in, n);
		inbox_figures(in, &f);
		CHECK_INT(f.lost, 0);
	}
	inbox_close(in);
}

TEST(a_body_that_looks_like_a_record_is_not_one)
{
	struct image im;
	struct inbox *in;
	struct sample s;
	struct delivery *d;
	size_t at;
	struct err e;

	/* A record of another journal, front and all, as the body of a delivery here. */
	write_numbered(2, 200, &im);
	at = image_find(&im, "delivery 000002") - 120;
	in = new_inbox();
	CHECK_OK(append_numbered(in, 1, 20, &e));
	d = sample(&s, "", 2);
	d->body = (struct str){ im.bytes + at, 400 };
	CHECK_OK(inbox_append(in, &d, 1, &e));
	inbox_close(in);
	image_done(&im);
	/* The delivery around it is damaged, so the bytes inside are searched for records. */
	image_read(&im, "segment-000001");
	at = image_find(&im, "delivery 000002") - 200;
	im.bytes[at] = (char)~im.bytes[at];
	image_write(&im, im.n);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
	image_done(&im);
}

TEST(a_segment_whose_header_cannot_be_read_is_set_aside_and_told)
{
	struct inbox_figures f;
	struct image im;
	struct inbox *in;
	struct err e;

	write_numbered(3, 20, &im);
	memset(im.bytes, 0x55, 100);
	image_write(&im, im.n);
	in = open_inbox(0); /* one copy of the header is enough */
	CHECK_INT(count_records(in), 3);
	inbox_close(in);
	memset(im.bytes + 4096, 0x55, 100);
	image_write(&im, im.n);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 0);
	inbox_figures(in, &f);
	CHECK_HAS(f.damage, "set aside as unreadable-segment-000001");
	CHECK_OK(append_numbered(in, 4, 20, &e));
	inbox_close(in);
	snprintf(im.path, sizeof(im.path), "%s/unreadable-segment-000001", folder);
	CHECK(access(im.path, F_OK) == 0);
	image_done(&im);
}

TEST(a_missing_segment_is_told)
{
	struct inbox *in = new_inbox();
	struct inbox_figures f;
	char path[128];
	struct err e;

	for (uint64_t i = 1; i <= 15; i++)
		CHECK_OK(append_numbered(in, i, 10000, &e));
	inbox_close(in);
	snprintf(path, sizeof(path), "%s/segment-000002", folder);
	CHECK(unlink(path) == 0);
	in = open_inbox(0);
	inbox_figures(in, &f);
	CHECK_INT(f.lost, 5);
	CHECK_HAS(f.damage, "records 6 to 10 cannot be read");
	CHECK_INT(count_records(in), 10);
	inbox_close(in);
}

TEST(a_half_made_segment_is_made_anew)
{
	char path[128];
	struct inbox *in = new_inbox();
	struct err e;
	int fd;

	inbox_close(in);
	snprintf(path, sizeof(path), "%s/draft", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0640);
	CHECK(fd >= 0 && write(fd, "half", 4) == 4);
	close(fd);
	in = open_inbox(0);
	for (uint64_t i = 1; i <= 15; i++)
		CHECK_OK(append_numbered(in, i, 10000, &e));
	CHECK_INT(count_records(in), 15);
	inbox_close(in);
}

TEST(files_are_closed_to_others)
{
	struct stat st;
	char path[128];

	inbox_close(new_inbox());
	snprintf(path, sizeof(path), "%s/segment-000001", folder);
	CHECK(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0640);
}
