/*
 * Happy path: copy, write when the buffer is full or the group is complete, keep the last page.
 * What can go wrong: a file system without O_DIRECT, or one that wants larger pages, says so when
 * the file is opened or first written - the same bytes go through the cache then; a write that
 * fails leaves the buffer of no use, and the caller goes on in another segment.
 */
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

_Static_assert(SEGMENT_DATA % PAGES_PAGE == 0, "the first record begins a page");

void
pages_init(struct pages *p)
{
	*p = (struct pages){ .direct = -1, .buffer = aligned_alloc(PAGES_PAGE, PAGES_SIZE) };
	if (p->buffer == NULL)
		abort(); /* out of memory */
}

static void
leave(struct pages *p)
{
	if (p->direct >= 0)
		close(p->direct);
	p->direct = -1;
	p->segment = NULL;
}

void
pages_done(struct pages *p)
{
	leave(p);
	free(p->buffer);
}

static int
open_direct(const struct segment *s, const char *folder)
{
	char path[PATH_MAX];

	if (s->size % PAGES_PAGE != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/%s", folder, s->name);
	return open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

bool
pages_begin(struct pages *p, struct segment *s, const char *folder, struct err *e)
{
	leave(p);
	p->n = (size_t)(s->end % PAGES_PAGE);
	p->at = s->end - (int64_t)p->n;
	if (!segment_read_exactly(s, p->at, p->buffer, p->n, e))
		return false;
	p->direct = open_direct(s, folder);
	p->segment = s;
	return true;
}

/* The first n bytes of the buffer, where they belong. */
static bool
write_out(struct pages *p, size_t n, struct err *e)
{
	struct iovec iov = { .iov_base = p->buffer, .iov_len = n };
	ssize_t done = p->direct < 0 ? -1 : pwrite(p->direct, p->buffer, n, p->at);

	if (done == (ssize_t)n)
		return true;
	if (p->direct >= 0 && done < 0 && errno != EINVAL && errno != EINTR)
		return segment_write_failed(p->segment, e);
	/* Not allowed, or not all: what is left is tried through the cache. */
	return segment_write(p->segment, p->at, &iov, 1, e);
}

bool
pages_add(struct pages *p, const void *bytes, size_t n, struct err *e)
{
	const char *from = bytes;

	while (n > 0) {
		size_t room = PAGES_SIZE - p->n, part = n < room ? n : room;

		memcpy(p->buffer + p->n, from, part);
		p->n += part;
		from += part;
		n -= part;
		if (p->n < PAGES_SIZE)
			continue;
		if (!write_out(p, PAGES_SIZE, e))
			return false;
		p->at += (int64_t)PAGES_SIZE;
		p->n = 0;
	}
	return true;
}

/* What was added, and zeros behind it: n of them, but no more than the segment has room for. */
static bool
write_all(struct pages *p, size_t zeros, struct err *e)
{
	int64_t room = p->segment->size - p->at - (int64_t)p->n;

	if (room < (int64_t)zeros)
		zeros = (size_t)room;
	memset(p->buffer + p->n, 0, zeros);
	return write_out(p, p->n + zeros, e);
}

bool
pages_try(struct pages *p, struct err *e)
{
	return write_all(p, PAGES_PAGE - p->n, e);
}

bool
pages_flush(struct pages *p, struct err *e)
{
	size_t rest = p->n % PAGES_PAGE, whole = p->n - rest;

	if (p->n == 0)
		return true;
	if (!write_all(p, rest == 0 ? 0 : PAGES_PAGE - rest, e))
		return false;
	memmove(p->buffer, p->buffer + whole, rest);
	p->at += (int64_t)whole;
	p->n = rest;
	return true;
}
