/*
 * The inbox: an append-only journal.  It is what an answer of 200 stands for: a delivery that was
 * appended without error is on disk (fdatasync) and survives crash and power cut.
 *
 * Records are framed with length, epoch and CRC-32C in zero-filled segments that are used again
 * once everything in them is decided.  One thread appends (the committer), one reads and releases
 * (the decider); figures are for any thread.
 */
#ifndef STORE_INBOX_H
#define STORE_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

struct inbox;

struct delivery {
	int64_t received_ms;
	struct str headers;	      /* one line, what the body needs to be understood */
	struct str body;	      /* as received, once */
	const struct hash128 *hashes; /* one for each event of the body, in its order */
	bool *fresh;		      /* out, caller's memory: this event was not here before */
	size_t n;		      /* at least one */
	uint64_t seq; /* out: its place in the journal; 0 = all duplicates, not kept */
};

/*
 * Hashes of the newest events, 16 bytes each: what comes twice within a short time is not kept a
 * second time.  Beyond this the older half is forgotten: the store still knows them all, so that a
 * duplicate takes room in the journal and changes nothing.
 */
#define INBOX_KNOWN_MAX 65536
/* Body, headers and hashes of one delivery; a larger one is refused with ERR_INPUT. */
#define INBOX_RECORD_MAX (15 * 1024 * 1024)

/* The first segment is small, so that the first start is quick. */
#define INBOX_SEGMENT_FIRST (16LL * 1024 * 1024)
#define INBOX_SEGMENT_NEXT (64LL * 1024 * 1024)

/*
 * Open or make the folder's journal and replay it: a torn tail is cut, records after `decided` are
 * handed out again by inbox_read().  Damage does not stop it: what holds is kept and the figures
 * say what is lost.  A disk that cannot read does: what lies there may hold, so nothing is cut,
 * and ERR_SYSTEM names the place.  At max bytes of segments deliveries are refused until some are
 * decided.  A folder in use by another process is refused (ERR_CONFLICT).
 */
bool inbox_open(const char *folder, int64_t max, uint64_t decided, struct inbox **out,
    struct err *e) MUST_CHECK;

/* Before that: how many bytes there are to be read at most.  A folder not there yet has none. */
int64_t inbox_stored(const char *folder);

/* The same with segments of other sizes, for small disks and for tests. */
struct inbox_sizes {
	int64_t first; /* of the first segment: small, so that the first start is quick */
	int64_t next;  /* of the others */
	int64_t max;   /* of all together */
};
bool inbox_open_sized(const char *folder, const struct inbox_sizes *sizes, uint64_t decided,
    struct inbox **out, struct err *e) MUST_CHECK;
void inbox_close(struct inbox *in);

/*
 * Write all n with one write and one fdatasync.  True: all of them are on disk (duplicates
 * were before).  False: none of them counts as kept and the senders must be told to come again;
 * ERR_AGAIN (full) or ERR_SYSTEM (disk).  The next call starts afresh.  One delivery that is
 * larger than INBOX_RECORD_MAX (ERR_INPUT) refuses the group: whoever takes deliveries in has a
 * smaller limit.
 */
bool inbox_append(struct inbox *in, struct delivery *const *d, size_t n, struct err *e) MUST_CHECK;

/*
 * The committer, after a failure: would a delivery of a usual size (INBOX_PROBE_ROOM) be kept now?
 * Writes nothing that counts, syncs it, takes a fresh segment where one is needed.
 */
#define INBOX_PROBE_ROOM (2 * 1024 * 1024)
bool inbox_probe(struct inbox *in, struct err *e) MUST_CHECK;

/*
 * The next record behind `after`: *found false when there is none yet.  Two errors, which name
 * segment and offset: ERR_SYSTEM, the disk cannot read it, ask again; ERR_NOT_FOUND, it was read
 * and does not hold any more, ask again (the next answer comes from the disk, not from memory) or
 * leave it out with after + 1.  seq rises by one from record to record but where some are lost.
 */
bool inbox_read(struct inbox *in, uint64_t after, struct arena *a, struct delivery *out,
    bool *found, struct err *e) MUST_CHECK;

/* All records up to here are decided and stored: their segments may be used again. */
void inbox_release(struct inbox *in, uint64_t decided);

/*
 * Ahead of need, so that the committer rarely has to: is another segment wanted?  Making it may
 * take a tenth of a second.  False: it failed, which is no harm yet, but not to be tried again at
 * once. Any thread.
 */
bool inbox_wants_room(struct inbox *in);
bool inbox_make_room(struct inbox *in);

#define INBOX_DAMAGE_MAX 160

struct inbox_figures {
	uint64_t last_seq;	  /* newest record on disk */
	uint64_t waiting;	  /* records behind the released ones */
	int64_t bytes, bytes_max; /* size of all segments, now and at most */
	int64_t bytes_in_use;	  /* of those that hold what is not released */
	uint64_t syncs, records;  /* since it was opened */
	uint64_t lost; /* records answered with yes that could not be read at the last open */
	char damage[INBOX_DAMAGE_MAX]; /* the first place of that, in words; "" = none */
};
void inbox_figures(struct inbox *in, struct inbox_figures *out);

#endif
