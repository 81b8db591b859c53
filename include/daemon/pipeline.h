/*
 * The way of an event: receive, decide, perform.  Each stage ends in a commit; nothing mutable is
 * shared between them but inbox and store.
 */
#ifndef DAEMON_PIPELINE_H
#define DAEMON_PIPELINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "action/action.h"
#include "base/arena.h"
#include "base/err.h"
#include "daemon/approval_links.h"
#include "daemon/bell.h"
#include "daemon/count.h"
#include "daemon/intake.h"
#include "daemon/load.h"
#include "daemon/queue.h"
#include "daemon/trouble.h"
#include "store/inbox.h"
#include "store/store.h"

/* Not ready for so long after a delivery was told to come again. */
#define PIPELINE_REFUSED_MS 10000
/* While nothing can be kept: how often the disk is tried. */
#define PIPELINE_PROBE_MS 1000
/* Deliveries, and bytes of them, that share one commit of the store. */
#define PIPELINE_DECIDE_MAX 64
#define PIPELINE_DECIDE_BYTES ((size_t)512 * 1024)
/*
 * While senders press, the decider rests this many times as long as it worked, but not longer than
 * that: both want the same disk, and only senders cannot wait.
 */
#define PIPELINE_YIELD 15
#define PIPELINE_YIELD_MAX_MS 500
/*
 * After a group, others are waited for so long if few are there: a commit costs as much as deciding
 * a dozen alerts, and nobody waits for it.  The first after a rest is decided at once.
 */
#define PIPELINE_PACE_MS 10
/* An event, or a record, that the decider died of this often is set aside. */
#define PIPELINE_DEATHS_MAX 3
/*
 * A record of the inbox that was read so often, a second apart, and never held is left out: it must
 * not stop the line.
 */
#define PIPELINE_READS_MAX 5
/* Nothing a performer does takes longer; after a crash leases are dropped at start anyway. */
#define PIPELINE_LEASE_MS ((int64_t)15 * 60 * 1000)
/* Between two tries to commit what a step came to. */
#define PIPELINE_SETTLE_PAUSE_MS 1000

struct pipeline {
	struct inbox *inbox;
	struct store *store;
	struct current *current;
	struct queue queue;		/* for the committer */
	struct bell decided, due, calm; /* for decider, performers, who pauses */
	struct bell room;		/* for who makes segments ahead */
	struct trouble keeping, deciding, performing;
	struct approval_links *links; /* for cards, of what is held */

	/* The decider's own. */
	struct count counting;
	uint64_t decided_seq;
	uint64_t rules_kept; /* config.rules_number whose text is in the store; 0 = none */
	int failed_reads;
	bool death_counted;	   /* of the process before */
	uint64_t deadly_seq;	   /* the newest record that a process died of, 0 = none */
	struct silences *silences; /* as of that version; NULL = there are none */
	int64_t silences_version;
	/* Somebody said panic while this process runs: what is under way stops at its next change.
	 */
	atomic_bool halted;
	_Atomic int64_t refused_ms;	  /* monotonic; the queue was full, 0 = never */
	_Atomic int64_t figures_silenced; /* notifications */
	_Atomic int64_t figures_decided, figures_damaged, figures_refused, figures_failed_commits;
};

/* The handles stay the caller's; connections: how many the listener lets in. */
bool pipeline_init(struct pipeline *p, struct inbox *inbox, struct store *store,
    struct current *current, int64_t connections, struct err *e) MUST_CHECK;
void pipeline_done(struct pipeline *p);

/* ---- receive ---- */

/* intake_submit: any listener thread; ctx is the pipeline. */
bool pipeline_receive(void *ctx, struct received *r);
/* The committer: put what has gathered on disk and answer it.  False: nothing was there. */
bool pipeline_commit_group(struct pipeline *p);
/* Were senders told to come again just now, since the queue is full?  Any thread. */
bool pipeline_is_refusing(struct pipeline *p);
/*
 * The committer: until something has been received.  After a failure it finds out by itself whether
 * deliveries can be kept again: senders that were sent away, or a balancer that asks /readyz, would
 * not come.  False: closed, and nothing is left.
 */
bool pipeline_wait_received(struct pipeline *p);
/* Nothing more is taken from now on. */
void pipeline_close(struct pipeline *p);
/* Any thread: wait so long, or until the pipeline is closed. */
void pipeline_pause(struct pipeline *p, int64_t ms);

/* ---- decide ---- */

/* The decider: *found false when the inbox has nothing new. */
bool pipeline_decide(struct pipeline *p, struct arena *a, bool *found, struct err *e) MUST_CHECK;

/* Deliveries press and the journal has room: the decider takes only what is idle. */
bool pipeline_gives_way(struct pipeline *p);
/*
 * The decider, after a group that took worked_ms: wait a moment for more to share the next commit,
 * and longer if senders press and the journal has room.
 */
void pipeline_give_way(struct pipeline *p, int64_t worked_ms);

/* ---- perform ---- */

/* A performer: *found false when nothing is due; look again at *next_ms (wall clock). */
bool pipeline_perform_one(struct pipeline *p, struct performer *performer,
    const struct settings *settings, struct arena *a, bool *found, int64_t *next_ms,
    struct err *e) MUST_CHECK;

#endif
