/* What the journal must do with a disk that cannot write everywhere, or has little room. */

#include <errno.h>
#include <limits.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "inbox_world.h"

/* Of a file whose name holds this, no byte from `from` on can be written; "" = all is well. */
static struct {
	const char *name;
	int64_t from;
} bad = { .name = "" };

static bool
refuses(int fd, int64_t at, int64_t n)
{
	char link[64], path[PATH_MAX];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	path[length < 0 ? 0 : length] = '\0';
	errno = EIO;
	return bad.name[0] != '\0' && strstr(path, bad.name) != NULL && at + n > bad.from;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return refuses(fd, at, (int64_t)n) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	int64_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += (int64_t)iov[i].iov_len;
	return refuses(fd, at, bytes) ? -1 : syscall(SYS_pwritev, fd, iov, (long)n, at, 0L);
}

/* The room that the disk says it has, and how often it was asked to give some. */
static uint64_t room = 1 << 30;
static int taken;

int
fstatvfs(int fd, struct statvfs *out)
{
	(void)fd;
	*out = (struct statvfs){
		.f_bsize = 4096, .f_frsize = 1024, .f_blocks = 1 << 20, .f_bavail = room / 1024
	};
	return 0;
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	taken++;
	return (int)syscall(SYS_fallocate, fd, mode, at, n);
}

static void
heal(void)
{
	bad.name = "";
}

static int64_t
bytes_of(struct inbox *in)
{
	struct inbox_figures f;

	inbox_figures(in, &f);
	return f.bytes;
}

static void
refuse(struct inbox *in, uint64_t n)
{
	struct err e;

	CHECK(!append_numbered(in, n, 100, &e));
	CHECK_INT(e.kind, ERR_SYSTEM);
	CHECK_HAS(e.text, "Input/output error");
}

TEST(a_segment_that_cannot_be_written_is_passed_by)
{
	struct inbox *in = new_inbox();
	struct err e;

	bad.name = "segment-000001";
	bad.from = 8192;
	refuse(in, 1);
	CHECK_OK(append_numbered(in, 1, 100, &e));
	CHECK_OK(append_numbered(in, 2, 100, &e));
	CHECK_INT(count_records(in), 2);
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 2);
	CHECK_OK(append_numbered(in, 3, 100, &e));
	inbox_close(in);
	heal();
}

TEST(after_a_restart_it_is_found_out_anew)
{
	struct inbox *in = new_inbox();
	struct err e;

	bad.name = "segment-000001";
	bad.from = 8192;
	refuse(in, 1);
	inbox_close(in);
	in = open_inbox(0);
	refuse(in, 1);
	CHECK_OK(append_numbered(in, 1, 100, &e));
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
	heal();
}

TEST(two_segments_that_cannot_be_written_are_passed_by)
{
	struct inbox *in = new_inbox();
	struct err e;

	bad.name = "segment-000001";
	bad.from = 8192;
	refuse(in, 1);
	bad.name = "segment-00000"; /* all that are there */
	refuse(in, 1);
	bad.name = "segment-000002";
	CHECK_OK(append_numbered(in, 1, 100, &e));
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
	heal();
}

TEST(the_probe_tries_the_place_of_the_next_record)
{
	struct inbox *in = new_inbox();
	struct err e;

	CHECK_OK(append_numbered(in, 1, 5000, &e));
	CHECK_OK(inbox_probe(in, &e));
	CHECK_INT(count_records(in), 1);
	bad.name = "segment-";
	bad.from = 8192 + 4096; /* headers can be written, and what lies there */
	CHECK(!inbox_probe(in, &e));
	CHECK_HAS(e.text, "Input/output error");
	heal();
	CHECK_OK(inbox_probe(in, &e));
	CHECK_OK(append_numbered(in, 2, 100, &e));
	CHECK_INT(count_records(in), 2);
	inbox_close(in);
	in = open_inbox(0);
	CHECK_INT(count_records(in), 2);
	inbox_close(in);
}

TEST(a_disk_that_cannot_write_at_all_does_not_make_the_journal_grow)
{
	static const struct inbox_sizes large = { 64 * 1024, 64 * 1024, 4 * 1024 * 1024 };
	uint64_t after = 0;
	struct inbox *in;
	struct err e;

	folder_make("inbox");
	CHECK_OK(under_test(folder, &large, 0, &in, &e));
	CHECK_OK(append_numbered(in, 1, 100, &e));
	bad.name = "segment-"; /* drafts of new ones can */
	bad.from = 8192;
	for (int i = 0; i < 50; i++) {
		refuse(in, 2);
		CHECK(!inbox_probe(in, &e));
		CHECK_INT(count_records(in), i == 0 ? 1 : 0);
		inbox_release(in, 1);
	}
	CHECK(bytes_of(in) <= 6 * large.next);
	heal();
	/* None of them is lost for it: as much goes in as before. */
	for (uint64_t n = 2; n < 200; n++) {
		CHECK_OK(append_numbered(in, n, 5000, &e));
		CHECK_INT(read_numbered(in, &after), n);
		inbox_release(in, after);
	}
	inbox_close(in);
	in = open_inbox(after - 1);
	CHECK_INT(count_records(in), 1);
	inbox_close(in);
}

TEST(a_segment_that_the_disk_has_no_room_for_takes_none_of_it_meanwhile)
{
	struct inbox *in = new_inbox();
	uint64_t n = 0;
	struct err e;

	taken = 0;
	room = 79 * 1024; /* a segment of 64 KiB leaves a quarter of that */
	while (append_numbered(in, n + 1, 10000, &e))
		n++;
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "No space left on device");
	CHECK(!inbox_make_room(in));
	CHECK_INT(taken, 0);
	room = 80 * 1024;
	CHECK_OK(append_numbered(in, n + 1, 10000, &e));
	CHECK_INT(taken, 1);
	CHECK_INT(count_records(in), n + 1);
	inbox_close(in);
	room = 1 << 30;
}
