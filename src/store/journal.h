/*
 * The inside of an inbox, shared by the files journal*.c.
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include <pthread.h>

#include "known.h"
#include "pages.h"
#include "segment.h"
#include "store/inbox.h"

/* Where the decider is.  Belongs to the thread that reads and releases. */
struct cursor {
	struct segment *segment;
	int64_t at;
	uint64_t seq; /* the record before that place */
};

struct inbox {
	char *folder;
	int folder_lock;
	struct inbox_sizes sizes;
	struct cursor cursor;

	/* The committer's own. */
	struct known *known;   /* on disk */
	struct known *pending; /* in the group that is being written */
	bool sealed;	       /* the newest segment's tail is not trusted: go on in another */
	uint64_t epoch;
	struct pages pages;
	char *front; /* scratch memory: of one record, what is in front of the body */
	size_t front_size;

	pthread_mutex_t making; /* held while a file is made; taken before `lock` */
	unsigned number;	/* of the next file; under `making` */

	pthread_mutex_t lock; /* all below, and the lists' segments */
	struct segment *oldest, *newest;
	struct segment *spare; /* suspects last */
	int64_t bytes;
	uint64_t last_seq, released;
	uint64_t syncs, records;

	/* Since inbox_open(). */
	uint64_t lost;
	char damage[INBOX_DAMAGE_MAX];
};

/* The committer: a write failed, the newest segment's tail is of no use. */
void journal_seal(struct inbox *in);
/* The committer: go on in a fresh segment. */
bool journal_roll_over(struct inbox *in, struct err *e) MUST_CHECK;
/* A spare is there, or is made. */
bool journal_need_spare(struct inbox *in, struct err *e) MUST_CHECK;
/* Of those no longer needed, some are kept for use again, the others removed.  Takes `lock`. */
void journal_trim_spares(struct inbox *in);
/* Put segments whose records are all released among the spares.  Under `lock`. */
void journal_retire(struct inbox *in);

#endif
