/*
 * One file of the journal: a header, then records, in blocks that were written (as zeros) before
 * they are used, so that a commit changes no metadata and cannot run out of space.
 *
 * A segment is spare until segment_use() gives it an epoch, its first sequence number and a mark.
 * The header is written twice; of two that differ the later epoch counts.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/err.h"
#include "record.h"

#define SEGMENT_DATA 8192 /* where records start */
#define SEGMENT_NAME_MAX 32
#define SEGMENT_PREFIX "segment-"

struct segment {
	struct segment *next; /* of a list that holds it */
	int fd;
	char name[SEGMENT_NAME_MAX];
	int64_t size;
	uint64_t epoch; /* rises with each use; 0 = spare */
	uint64_t mark;
	uint64_t first_seq;
	uint64_t last_seq;     /* newest record on disk; first_seq - 1 = none */
	int64_t end;	       /* where the next record goes */
	struct window *window; /* while it is read from front to back */
};

/* A new spare: zero-filled, synced, named.  ERR_AGAIN when the disk has no room for it. */
bool segment_make(const char *folder, unsigned number, int64_t size, struct segment **out,
    struct err *e) MUST_CHECK;

/* *readable false: neither copy of the header holds; the segment has an epoch of 0 then. */
bool segment_open(const char *folder, const char *name, struct segment **out, bool *readable,
    struct err *e) MUST_CHECK;
void segment_close(struct segment *s);

/*
 * From here on many small reads are few large ones, until it is closed again or written.  For the
 * one thread that replays.
 */
void segment_read_ahead(struct segment *s);
void segment_read_ahead_done(struct segment *s);

/* Begin a use: nothing that the segment holds counts from here on.  Not synced. */
bool segment_use(struct segment *s, uint64_t epoch, uint64_t first_seq, struct err *e) MUST_CHECK;
bool segment_write_header(const struct segment *s, struct err *e) MUST_CHECK;

/* Write all of it at `at`; the array is used up.  Not synced. */
bool segment_write(
    const struct segment *s, int64_t at, struct iovec *iov, int n, struct err *e) MUST_CHECK;
bool segment_sync(const struct segment *s, struct err *e) MUST_CHECK;
/* For whoever writes to the file himself: false, with errno and the segment's name in e. */
bool segment_write_failed(const struct segment *s, struct err *e);
/* All n bytes at `at`; false when they cannot be read. */
bool segment_read_exactly(
    const struct segment *s, int64_t at, void *p, size_t n, struct err *e) MUST_CHECK;

/* The front of the record at `at`, unchecked but for its mark and lengths. */
bool segment_front(const struct segment *s, int64_t at, int64_t limit, struct record_front *f);
/* The record at `at` that ends before limit; NULL when none is there that holds. */
const void *segment_read(const struct segment *s, int64_t at, int64_t limit, struct arena *a);
/*
 * The place of the first record that holds, at `from` or behind it; limit when there is none.
 * *remains is set when something with this segment's mark was seen that does not hold.
 */
int64_t
segment_find(const struct segment *s, int64_t from, int64_t limit, struct arena *a, bool *remains);

/* Write zeros from `at` to the end of the file.  Not synced. */
bool segment_zero(const struct segment *s, int64_t at, struct err *e) MUST_CHECK;
/* Write what is there once more, so that the next sync is about these bytes.  Not synced. */
bool segment_rewrite(const struct segment *s, int64_t from, int64_t to, struct err *e) MUST_CHECK;

#endif
