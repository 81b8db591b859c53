/*
 * An inbox in a folder of its own, and deliveries to append to it.  Another implementation passes
 * test_inbox.c unchanged, it only has to be named in `under_test`; the fault points of
 * test_inbox_crash.c and the files of test_inbox_damage.c are the journal's.
 */
#ifndef TESTS_INBOX_WORLD_H
#define TESTS_INBOX_WORLD_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/inbox.h"
#include "folder.h"
#include "test.h"

static bool (*const under_test)(const char *folder, const struct inbox_sizes *sizes,
    uint64_t decided, struct inbox **out, struct err *e) = inbox_open_sized;

static const struct inbox_sizes small = { 64 * 1024, 64 * 1024, 256 * 1024 };

/* ---- deliveries, faults ---- */

static inline struct inbox *
open_inbox(uint64_t decided)
{
	struct inbox *in;
	struct err e;

	CHECK_OK(under_test(folder, &small, decided, &in, &e));
	return in;
}

static inline struct inbox *
new_inbox(void)
{
	folder_make("inbox");
	return open_inbox(0);
}

/* One delivery with up to four events, in static memory. */
struct sample {
	struct delivery d;
	struct hash128 hashes[4];
	bool fresh[4];
};

static inline struct hash128
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

static inline struct delivery *
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

static inline struct delivery *
sample(struct sample *s, const char *body, uint64_t event)
{
	return sample_of(s, body, 1, &event);
}

/* Append one delivery of one event; the body says its number. */
static inline bool
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
static inline uint64_t
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

static inline uint64_t
count_records(struct inbox *in)
{
	uint64_t after = 0, n = 0;

	while (read_numbered(in, &after) != 0)
		n++;
	return n;
}

static inline void
order_fault(const char *orders)
{
	if (orders == NULL)
		unsetenv("GRIDWARDEN_FAULT");
	else
		setenv("GRIDWARDEN_FAULT", orders, 1);
}

/* ---- files ---- */

/* All bytes of the only segment, and where it is. */
struct image {
	char path[128];
	char *bytes;
	size_t n;
};

static inline void
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

static inline void
image_write(const struct image *im, size_t n)
{
	int fd = open(im->path, O_WRONLY | O_TRUNC);

	CHECK(fd >= 0);
	CHECK(write(fd, im->bytes, n) == (ssize_t)n);
	close(fd);
}

/* Where the body that starts with these words lies. */
static inline size_t
image_find(const struct image *im, const char *words)
{
	char *p = memmem(im->bytes, im->n, words, strlen(words));

	CHECK(p != NULL);
	return (size_t)(p - im->bytes);
}

static inline void
image_done(struct image *im)
{
	free(im->bytes);
}

/* Numbers 1..n, each in a write of its own, in one segment. */
static inline void
write_numbered(uint64_t n, size_t size, struct image *im)
{
	struct inbox *in = new_inbox();
	struct err e;

	for (uint64_t i = 1; i <= n; i++)
		CHECK_OK(append_numbered(in, i, size, &e));
	inbox_close(in);
	image_read(im, "segment-000001");
}

#endif
