/*
 * One record of the journal, as it lies on disk (in the byte order of the machine):
 *
 *	front     struct record_front
 *	hashes    events x 16 bytes
 *	fresh     one bit for each event
 *	headers, body
 *	zeros     up to a multiple of 8
 *
 * The checksum covers all that follows it.  `mark` is drawn at random each time a segment is
 * used: nothing left from an earlier use and nothing inside a body can pass for a record.
 */
#ifndef STORE_RECORD_H
#define STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/inbox.h"

#define RECORD_ALIGN 8
#define RECORD_MAGIC 0x52445747u /* a delivery */
#define RECORD_GAP 0x50414757u	 /* where records were that cannot be read any more */

/* Stored: a change here needs another SEGMENT_MAGIC. */
struct record_front {
	uint32_t magic;
	uint32_t crc;
	uint64_t mark;
	uint64_t seq;
	uint64_t group; /* seq of the first record that was written together with this one */
	int64_t received_ms;
	uint32_t length; /* of the whole record, zeros included */
	uint32_t events;
	uint32_t headers, body; /* bytes */
};

/*
 * A gap: `seq` is the first record missing, `group` the first one behind it, `events` how many of
 * the missing were answered with yes.
 */

size_t record_size(const struct delivery *d);
/* The part in front of the body: front, hashes, fresh bits, headers. */
size_t record_front_size(const struct delivery *d);

/* Write that part to out and compute the checksum, body included. */
void record_build(const struct delivery *d, uint64_t mark, uint64_t seq, uint64_t group, void *out);
void record_build_gap(uint64_t mark, uint64_t first, uint64_t behind, uint64_t lost, size_t length,
    struct record_front *out);

/* No number is larger: the store keeps them as signed integers. */
#define RECORD_SEQ_MAX ((uint64_t)INT64_MAX - 1)

/* A front with this mark whose lengths and numbers agree and that fits into max bytes. */
bool record_front_fits(const struct record_front *f, uint64_t mark, size_t max);
/* The whole record, f->length bytes at p, has the checksum that its front says. */
bool record_holds(const void *p);

/* Take a record apart that holds; slices and hashes point into it, fresh is the arena's. */
void record_read(const void *p, struct arena *a, struct delivery *out);

#endif
