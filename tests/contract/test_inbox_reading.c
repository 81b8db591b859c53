/* What the journal must do with a disk that cannot read: wait for it, and cut nothing meanwhile. */

#undef _FORTIFY_SOURCE /* its pread() is inline, ours is a function */
#include <errno.h>
#include <sys/syscall.h>

#include "inbox_world.h"

/*
 * Of every file, until it is healed: bytes from..to cannot be read; or none, from some read on.
 * The byte at `flipped` is another one in memory than on the disk.
 */
static struct {
	int64_t from, to;
	int reads, failing_read;
	int64_t flipped;
} bad;

int
posix_fadvise(int fd, off_t at, off_t n, int advice)
{
	(void)fd;
	if (advice == POSIX_FADV_DONTNEED && at <= bad.flipped && (n == 0 || bad.flipped < at + n))
		bad.flipped = 0;
	return 0;
}

ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
	bool in_front = at < bad.from && at + (int64_t)n > bad.from;
	ssize_t k;
	bool out_of_service = ++bad.reads >= bad.failing_read && bad.failing_read > 0;

	if (out_of_service || (at >= bad.from && at < bad.to)) {
		errno = EIO;
		return -1;
	}
	k = syscall(SYS_pread64, fd, p, in_front ? (size_t)(bad.from - at) : n, at);
	if (bad.flipped > 0 && at <= bad.flipped && bad.flipped < at + k)
		((char *)p)[bad.flipped - at] ^= 1;
	return k;
}

static void
heal(void)
{
	bad.from = bad.to = bad.failing_read = 0;
}

/* Refused, with this place in the words, and no byte of it changed. */
static void
expect_refusal(const struct image *im, const char *words)
{
	struct image now;
	struct inbox *in;
	struct err e;

	CHECK(!under_test(folder, &small, 0, &in, &e));
	CHECK_INT(e.kind, ERR_SYSTEM);
	CHECK_HAS(e.text, folder);
	CHECK_HAS(e.text, words);
	CHECK_HAS(e.text, "Input/output error");
	image_read(&now, "segment-000001");
	CHECK_INT(now.n, im->n);
	CHECK(memcmp(now.bytes, im->bytes, im->n) == 0);
	image_done(&now);
}

/* Records 1 to 3 are there, nothing is lost, and the next one is number 4. */
static void
expect_all_three(void)
{
	struct inbox *in = open_inbox(0);
	struct inbox_figures f;
	uint64_t after = 0;
	struct err e;

	for (uint64_t i = 1; i <= 3; i++)
		CHECK_INT(read_numbered(in, &after), i);
	CHECK_INT(read_numbered(in, &after), 0);
	inbox_figures(in, &f);
	CHECK_INT(f.lost, 0);
	CHECK_CSTR(f.damage, "");
	CHECK_OK(append_numbered(in, 4, 20, &e));
	CHECK_INT(read_numbered(in, &after), 4);
	CHECK_INT(after, 4);
	inbox_close(in);
}

TEST(a_first_record_that_cannot_be_read_at_start_is_not_cut)
{
	struct image im;

	write_numbered(3, 20, &im);
	bad.from = 8192;
	bad.to = 8704;
	expect_refusal(&im, "cannot read segment-000001 at 8192");
	heal();
	expect_all_three();
	image_done(&im);
}

TEST(a_record_in_the_middle_that_cannot_be_read_at_start_is_not_bridged)
{
	struct image im;

	write_numbered(3, 5000, &im);
	bad.from = (int64_t)image_find(&im, "delivery 000002") + 1000;
	bad.to = bad.from + 512;
	expect_refusal(&im, "cannot read segment-000001 at ");
	heal();
	expect_all_three();
	image_done(&im);
}

TEST(a_tail_that_cannot_be_read_at_start_is_not_cut)
{
	struct image im;

	write_numbered(3, 5000, &im);
	bad.from = (int64_t)image_find(&im, "delivery 000003") + 4096;
	bad.to = INT64_MAX;
	expect_refusal(&im, "cannot read segment-000001 at ");
	/* Also where nothing is known to be: a record may lie behind what does not hold. */
	bad.from = (int64_t)im.n - 512;
	expect_refusal(&im, "cannot read segment-000001 at ");
	heal();
	expect_all_three();
	image_done(&im);
}

TEST(a_header_that_cannot_be_read_at_start_is_not_set_aside)
{
	struct image im;

	write_numbered(3, 20, &im);
	bad.from = 0;
	bad.to = 8192;
	expect_refusal(&im, "cannot read segment-000001 at 4096");
	heal();
	expect_all_three();
	image_done(&im);
}

TEST(one_copy_of_the_header_that_can_be_read_is_enough)
{
	struct image im;

	write_numbered(3, 20, &im);
	bad.from = 0;
	bad.to = 4096;
	expect_all_three();
	heal();
	image_done(&im);
}

TEST(wherever_the_disk_ceases_to_read_at_start_nothing_is_lost)
{
	int failures = 0;

	for (int n = 1;; n++) {
		struct inbox *in;
		struct image im;
		struct err e;
		int reads;
		bool ok;

		write_numbered(3, 20, &im);
		image_done(&im);
		bad.reads = 0;
		bad.failing_read = n;
		ok = under_test(folder, &small, 0, &in, &e);
		if (ok)
			inbox_close(in);
		else
			failures++;
		reads = bad.reads;
		heal();
		expect_all_three();
		if (reads < n)
			break;
	}
	CHECK(failures > 2); /* in the header, the records and behind them */
}

TEST(a_record_that_cannot_be_read_is_asked_for_again_and_one_that_does_not_hold_is_another_error)
{
	struct inbox *in = new_inbox();
	struct arena *a = arena_new();
	uint64_t after = 1;
	struct delivery d;
	struct image im;
	struct err e;
	bool found;

	for (uint64_t i = 1; i <= 3; i++)
		CHECK_OK(append_numbered(in, i, 5000, &e));
	image_read(&im, "segment-000001");
	bad.from = (int64_t)image_find(&im, "delivery 000002") + 100;
	bad.to = bad.from + 512;
	for (int i = 0; i < 20; i++) {
		CHECK(!inbox_read(in, 1, a, &d, &found, &e));
		CHECK_INT(e.kind, ERR_SYSTEM);
		CHECK_HAS(e.text, "cannot read segment-000001 at ");
	}
	heal();
	CHECK_INT(read_numbered(in, &after), 2);
	CHECK_INT(read_numbered(in, &after), 3);
	image_done(&im);
	arena_free(a);
	inbox_close(in);
}

TEST(what_cannot_be_read_behind_a_record_that_does_not_hold_is_an_error_of_the_disk)
{
	struct inbox *in = new_inbox();
	struct arena *a = arena_new();
	uint64_t after = 2;
	struct delivery d;
	struct image im;
	struct err e;
	bool found;
	int fd;

	for (uint64_t i = 1; i <= 3; i++)
		CHECK_OK(append_numbered(in, i, 5000, &e));
	image_read(&im, "segment-000001");
	fd = open(im.path, O_WRONLY);
	CHECK(pwrite(fd, "D", 1, (off_t)image_find(&im, "delivery 000002")) == 1);
	close(fd);
	bad.from = (int64_t)image_find(&im, "delivery 000003");
	bad.to = bad.from + 512;
	CHECK(!inbox_read(in, 1, a, &d, &found, &e));
	CHECK_INT(e.kind, ERR_SYSTEM);
	heal();
	CHECK(!inbox_read(in, 1, a, &d, &found, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_INT(read_numbered(in, &after), 3);
	image_done(&im);
	arena_free(a);
	inbox_close(in);
}

TEST(what_does_not_hold_in_memory_is_read_from_the_disk_before_it_is_cut_or_left_out)
{
	struct inbox *in;
	struct arena *a = arena_new();
	struct delivery d;
	struct image im;
	struct err e;
	bool found;

	write_numbered(3, 5000, &im);
	bad.flipped = (int64_t)image_find(&im, "delivery 000003");
	expect_all_three();
	in = open_inbox(0);
	bad.flipped = (int64_t)image_find(&im, "delivery 000002");
	CHECK(!inbox_read(in, 1, a, &d, &found, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_OK(inbox_read(in, 1, a, &d, &found, &e));
	CHECK(found);
	CHECK_INT(d.seq, 2);
	image_done(&im);
	arena_free(a);
	inbox_close(in);
}
