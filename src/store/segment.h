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
	bool suspect;	       /* a write failed while it held no record: others go first */
};

/* A new spare: zero-filled, synced, named.  ERR_AGAIN when the disk has no room for it and more. */
bool segment_make(const char *folder, unsigned number, int64_t size, struct segment **out,
    struct err *e) MUST_CHECK;

/*
 * *readable false: neither copy of the header holds; the segment has an epoch of 0 then.  A header
 * that the disk cannot read is an error, as it says nothing about what is there.
 */
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

/* What lies at a place. */
enum found {
	FOUND_RECORD,
	FOUND_NONE,    /* all was read, and it is no record that holds */
	FOUND_UNKNOWN, /* the disk could not read it: ERR_SYSTEM with the place */
};

/* The front of the record at `at`, unchecked but for its mark and lengths. */
enum found segment_front(const struct segment *s, int64_t at, int64_t limit, struct record_front *f,
    struct err *e) MUST_CHECK;
/* The record at `at` that ends before limit. */
enum found segment_read(const struct segment *s, int64_t at, int64_t limit, struct arena *a,
    const void **record, struct err *e) MUST_CHECK;

struct finding {
	int64_t at; /* limit when there is none */
	const void *record;
	bool remains; /* something with this segment's mark was seen that does not hold */
};
/* The first record that holds, at `from` or behind it. */
enum found segment_find(const struct segment *s, int64_t from, int64_t limit, struct arena *a,
    struct finding *out, struct err *e) MUST_CHECK;

/* What does not hold may be so in memory only: the next read of it comes from the disk. */
void segment_distrust(const struct segment *s, int64_t from);

/* Write zeros from `at` to the end of the file.  Not synced. */
bool segment_zero(const struct segment *s, int64_t at, struct err *e) MUST_CHECK;
/* Write what is there once more, so that the next sync is about these bytes.  Not synced. */
bool segment_rewrite(const struct segment *s, int64_t from, int64_t to, struct err *e) MUST_CHECK;

#endif
