#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"

#define SEGMENT_MAGIC "GWSEG01" /* with its NUL; another layout needs another */
#define HEADER_COPIES 2
#define HEADER_SPACE (SEGMENT_DATA / HEADER_COPIES)
#define PART (256 * 1024) /* zeros and scans go in parts of this size */
#define SECTOR 4096
/* Making one leaves this part of its size free on the disk. */
#define LEFT_PART 4
/* A new file is synced in steps, so that a commit next to it never waits for all of it. */
#define SYNC_STEP (4 * 1024 * 1024)

struct window {
	int64_t at;
	size_t n;
	char bytes[PART];
};

struct header {
	char magic[8];
	uint64_t epoch, mark, first_seq;
	uint32_t zero, crc; /* of all before it */
};

static uint32_t
header_crc(const struct header *h)
{
	return crc32c(0, h, offsetof(struct header, crc));
}

/* ---- bytes in and out ---- */

static bool
no_space(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

static bool
write_failed(const struct segment *s, const char *what, struct err *e)
{
	return fail_errno(
	    e, no_space(errno) ? ERR_AGAIN : ERR_SYSTEM, "cannot %s %s", what, s->name);
}

bool
segment_write_failed(const struct segment *s, struct err *e)
{
	return write_failed(s, "write", e);
}

/* Leave out what was written: n bytes. */
static void
advance(struct iovec **iov, int *count, size_t n)
{
	while (*count > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + n;
		(*iov)->iov_len -= n;
	}
}

bool
segment_write(const struct segment *s, int64_t at, struct iovec *iov, int n, struct err *e)
{
	if (s->window != NULL)
		s->window->n = 0;
	while (n > 0) {
		ssize_t done = pwritev(s->fd, iov, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return write_failed(s, "write", e);
		at += done;
		advance(&iov, &n, (size_t)done);
	}
	return true;
}

static bool
write_bytes(const struct segment *s, int64_t at, void *p, size_t n, struct err *e)
{
	struct iovec iov = { .iov_base = p, .iov_len = n };

	return segment_write(s, at, &iov, 1, e);
}

bool
segment_sync(const struct segment *s, struct err *e)
{
	return fdatasync(s->fd) == 0 || write_failed(s, "sync", e);
}

/* *got is less than n at the end of the file, and, with false, where the disk fails. */
static bool
read_disk(const struct segment *s, int64_t at, void *p, size_t n, size_t *got, struct err *e)
{
	for (*got = 0; *got < n;) {
		ssize_t k = pread(s->fd, (char *)p + *got, n - *got, at + (int64_t)*got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return fail_errno(e, ERR_SYSTEM, "cannot read %s at %" PRId64, s->name,
			    at + (int64_t)*got);
		if (k == 0)
			break;
		*got += (size_t)k;
	}
	return true;
}

bool
segment_read_exactly(const struct segment *s, int64_t at, void *p, size_t n, struct err *e)
{
	size_t got;

	return read_disk(s, at, p, n, &got, e) &&
	       (got == n || fail(e, ERR_SYSTEM, "%s ends at %" PRId64, s->name, at + (int64_t)got));
}

static bool
read_bytes(const struct segment *s, int64_t at, void *p, size_t n, size_t *got, struct err *e)
{
	struct window *w = s->window;
	struct err ignored;

	if (w == NULL || n > PART)
		return read_disk(s, at, p, n, got, e);
	if (at < w->at || at + (int64_t)n > w->at + (int64_t)w->n) {
		w->at = at;
		/* What it cannot read may lie behind what is asked for. */
		(void)!read_disk(s, at, w->bytes, PART, &w->n, &ignored);
		if (w->n < n)
			return read_disk(s, at, p, n, got, e);
	}
	memcpy(p, w->bytes + (at - w->at), n);
	*got = n;
	return true;
}

void
segment_read_ahead(struct segment *s)
{
	s->window = xmalloc(sizeof(*s->window));
	s->window->n = 0;
	s->window->at = 0;
}

void
segment_read_ahead_done(struct segment *s)
{
	free(s->window);
	s->window = NULL;
}

/* ---- make, open, use ---- */

static struct segment *
segment_new(int fd, const char *name, int64_t size)
{
	struct segment *s = xcalloc(1, sizeof(*s));

	s->fd = fd;
	s->size = size;
	snprintf(s->name, sizeof(s->name), "%s", name);
	return s;
}

void
segment_close(struct segment *s)
{
	if (s == NULL)
		return;
	close(s->fd);
	free(s->window);
	free(s);
}

/*
 * To ask for more than there is would take all of it until the answer is no, and others, the store
 * among them, would find the disk full meanwhile; nor is the last of it ours alone.
 */
static bool
leaves_room(const struct segment *s)
{
	uint64_t wanted = (uint64_t)s->size + (uint64_t)s->size / LEFT_PART;
	struct statvfs fs;

	if (fstatvfs(s->fd, &fs) != 0 || fs.f_blocks == 0) /* nobody knows */
		return true;
	return (uint64_t)fs.f_bavail * fs.f_frsize >= wanted;
}

/* Ask for all blocks first: a full disk says so before we write the half of them. */
static bool
reserve(const struct segment *s, struct err *e)
{
	if (!leaves_room(s)) {
		errno = ENOSPC;
		return write_failed(s, "make room for", e);
	}
	return fallocate(s->fd, 0, 0, s->size) == 0 || errno == EOPNOTSUPP ||
	       write_failed(s, "make room for", e);
}

/* Zeros that nobody reads need no page cache, whose copies cost more than the disk's work. */
static void
go_direct(const struct segment *s, bool on)
{
	int flags = fcntl(s->fd, F_GETFL);

	if (s->size % SECTOR == 0) /* a file system that cannot says no, and it stays as it was */
		(void)fcntl(s->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

static bool
fill(const struct segment *s, struct err *e)
{
	static _Alignas(SECTOR) char zeros[PART]; /* never written to: it takes no memory */
	bool ok = reserve(s, e);

	go_direct(s, true);

	for (int64_t at = 0; ok && at < s->size; at += PART) {
		int64_t n = s->size - at < PART ? s->size - at : PART;

		ok = write_bytes(s, at, zeros, (size_t)n, e) &&
		     ((at + n) % SYNC_STEP != 0 || segment_sync(s, e));
	}
	go_direct(s, false);
	if (ok && fsync(s->fd) != 0)
		ok = write_failed(s, "sync", e);
	return ok;
}

bool
segment_make(const char *folder, unsigned number, int64_t size, struct segment **out, struct err *e)
{
	char draft[PATH_MAX], path[PATH_MAX], name[SEGMENT_NAME_MAX];
	struct segment *s;
	int fd;

	if (FAULT("journal.make"))
		return fail_again(e, 0, "fault ordered at journal.make");
	snprintf(name, sizeof(name), SEGMENT_PREFIX "%06u", number);
	snprintf(draft, sizeof(draft), "%s/draft", folder);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot make %s", draft);
	s = segment_new(fd, name, size);
	if (!fill(s, e))
		goto failed;
	/* Under its real name a segment is complete: a half-made one is a draft, made anew. */
	if (rename(draft, path) != 0) {
		fail_errno(e, ERR_SYSTEM, "cannot rename %s", draft);
		goto failed;
	}
	if (!file_sync_dir(folder, e))
		goto failed;
	*out = s;
	return true;
failed:
	segment_close(s);
	unlink(draft);
	unlink(path);
	return false;
}

/* One copy that holds is enough; false: none does, and one of them could not be read. */
static bool
take_header(struct segment *s, struct err *e)
{
	bool ok = true;
	struct header h;
	size_t got;

	for (int i = 0; i < HEADER_COPIES; i++) {
		if (!read_bytes(s, i * HEADER_SPACE, &h, sizeof(h), &got, e)) {
			ok = false;
			continue;
		}
		if (got != sizeof(h) || memcmp(h.magic, SEGMENT_MAGIC, sizeof(h.magic)) != 0 ||
		    h.crc != header_crc(&h) || h.epoch <= s->epoch)
			continue;
		s->epoch = h.epoch;
		s->mark = h.mark;
		s->first_seq = h.first_seq;
		s->last_seq = h.first_seq - 1;
		s->end = SEGMENT_DATA;
	}
	return ok || s->epoch != 0;
}

/* A spare has zeros for a header. */
static bool
look_blank(const struct segment *s, bool *blank, struct err *e)
{
	char bytes[SEGMENT_DATA];
	size_t got;

	if (!read_bytes(s, 0, bytes, sizeof(bytes), &got, e))
		return false;
	*blank = got == sizeof(bytes);
	for (size_t i = 0; *blank && i < sizeof(bytes); i++)
		*blank = bytes[i] == 0;
	return true;
}

static bool
look_readable(struct segment *s, bool *readable, struct err *e)
{
	if (!take_header(s, e))
		return false;
	if (s->epoch == 0)
		return look_blank(s, readable, e);
	*readable = s->size >= SEGMENT_DATA;
	return true;
}

bool
segment_open(
    const char *folder, const char *name, struct segment **out, bool *readable, struct err *e)
{
	char path[PATH_MAX];
	struct segment *s;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	s = segment_new(fd, name, st.st_size);
	if (!look_readable(s, readable, e)) {
		segment_close(s);
		return false;
	}
	*out = s;
	return true;
}

bool
segment_write_header(const struct segment *s, struct err *e)
{
	struct header h = {
		.epoch = s->epoch, .mark = s->mark, .first_seq = s->first_seq, .zero = 0
	};

	memcpy(h.magic, SEGMENT_MAGIC, sizeof(h.magic));
	h.crc = header_crc(&h);
	for (int i = 0; i < HEADER_COPIES; i++)
		if (!write_bytes(s, i * HEADER_SPACE, &h, sizeof(h), e))
			return false;
	return true;
}

bool
segment_use(struct segment *s, uint64_t epoch, uint64_t first_seq, struct err *e)
{
	s->epoch = epoch;
	s->first_seq = first_seq;
	s->last_seq = first_seq - 1;
	s->end = SEGMENT_DATA;
	random_bytes(&s->mark, sizeof(s->mark));
	return segment_write_header(s, e);
}

/* ---- records ---- */

enum found
segment_front(
    const struct segment *s, int64_t at, int64_t limit, struct record_front *f, struct err *e)
{
	size_t got;

	if (at + (int64_t)sizeof(*f) > limit)
		return FOUND_NONE;
	if (!read_bytes(s, at, f, sizeof(*f), &got, e))
		return FOUND_UNKNOWN;
	return got == sizeof(*f) && record_front_fits(f, s->mark, (size_t)(limit - at))
		   ? FOUND_RECORD
		   : FOUND_NONE;
}

enum found
segment_read(const struct segment *s, int64_t at, int64_t limit, struct arena *a,
    const void **record, struct err *e)
{
	struct record_front f;
	enum found front = segment_front(s, at, limit, &f, e);
	size_t n, got;
	void *p;

	if (front != FOUND_RECORD)
		return front;
	n = f.magic == RECORD_GAP ? sizeof(f) : f.length;
	p = arena_alloc(a, n);
	if (!read_bytes(s, at, p, n, &got, e))
		return FOUND_UNKNOWN;
	*record = p;
	return got == n && record_holds(p) ? FOUND_RECORD : FOUND_NONE;
}

static bool
has_mark(const struct segment *s, const char *p)
{
	return memcmp(p + offsetof(struct record_front, mark), &s->mark, sizeof(s->mark)) == 0;
}

/* Look through one part for a record that holds. */
static enum found
find_in(const struct segment *s, int64_t at, const char *part, size_t n, int64_t limit,
    struct arena *a, struct finding *out, struct err *e)
{
	for (size_t i = 0; i + sizeof(struct record_front) <= n; i += RECORD_ALIGN) {
		enum found found;

		if (!has_mark(s, part + i))
			continue;
		out->at = at + (int64_t)i;
		found = segment_read(s, out->at, limit, a, &out->record, e);
		if (found != FOUND_NONE)
			return found;
		out->remains = true;
	}
	return FOUND_NONE;
}

enum found
segment_find(const struct segment *s, int64_t from, int64_t limit, struct arena *a,
    struct finding *out, struct err *e)
{
	const int64_t overlap = sizeof(struct record_front);
	enum found found = FOUND_NONE;
	char *part = xmalloc(PART);
	size_t got = PART;

	*out = (struct finding){ .record = NULL };
	for (int64_t at = from; found == FOUND_NONE && got == PART && at < limit;
	     at += (PART - overlap) / RECORD_ALIGN * RECORD_ALIGN) {
		int64_t want = limit - at < PART ? limit - at : PART;

		found = read_bytes(s, at, part, (size_t)want, &got, e)
			    ? find_in(s, at, part, got, limit, a, out, e)
			    : FOUND_UNKNOWN;
	}
	if (found != FOUND_RECORD)
		out->at = limit;
	free(part);
	return found;
}

void
segment_distrust(const struct segment *s, int64_t from)
{
	if (s->window != NULL)
		s->window->n = 0;
	(void)posix_fadvise(s->fd, from, INBOX_RECORD_MAX, POSIX_FADV_DONTNEED);
}

/* ---- mend ---- */

bool
segment_zero(const struct segment *s, int64_t at, struct err *e)
{
	char *zeros = xcalloc(1, PART);
	bool ok = true;

	for (; ok && at < s->size; at += PART) {
		int64_t n = s->size - at < PART ? s->size - at : PART;

		ok = write_bytes(s, at, zeros, (size_t)n, e);
	}
	free(zeros);
	return ok;
}

bool
segment_rewrite(const struct segment *s, int64_t from, int64_t to, struct err *e)
{
	char *part = xmalloc(PART);
	bool ok = true;

	for (; ok && from < to; from += PART) {
		size_t n = (size_t)(to - from < PART ? to - from : PART);

		ok = segment_read_exactly(s, from, part, n, e) && write_bytes(s, from, part, n, e);
	}
	free(part);
	return ok;
}
