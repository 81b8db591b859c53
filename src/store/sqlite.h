/*
 * The one door to SQLite: connections and prepared statements, for the files of the store.
 *
 *	sqlite.c          statements and transactions
 *	sqlite_open.c     open, check, bring up to date, open anew after an I/O error
 *	sqlite_log.c      the write-ahead log: copied into the database, and what a sync may lose
 *	sqlite_decide.c   events, alerts, steps          sqlite_perform.c  claim and settle
 *	sqlite_hand_out.c what the decider looks into, and of what a process died
 *	sqlite_look.c     listings and figures
 *	sqlite_approve.c  what people say about steps that are held
 *	sqlite_silence.c  who holds back which notifications, and until when
 *	sqlite_rules.c    the text of rules that decided something
 *	sqlite_notice.c   what people are told of gridwarden itself
 *	sqlite_panic.c    nothing destructive from now on
 *	sqlite_keep.c     retention, space, the long check
 *	sqlite_copy.c     a copy of the running store
 *	sqlite_history.c  what is stored, from its beginning, beside a running daemon
 *	sqlite_count.c    what correlations count         sqlite_feeds.c  of which rules
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store/store.h"

#define STATEMENTS_MAX 128
/* Claims of which a failed commit left open whether they are in the store; a performer has one. */
#define LOST_CLAIMS_MAX 8

/* A connection and its statements; used with the lock held. */
struct db {
	sqlite3 *handle;
	pthread_mutex_t lock;
	atomic_bool broken;  /* an I/O error: to be opened anew */
	atomic_bool corrupt; /* SQLite found the file damaged */
	struct {
		const char *sql; /* a literal: compared by address */
		sqlite3_stmt *statement;
	} cache[STATEMENTS_MAX];
	size_t n;
};

struct lost_claim {
	int64_t step, attempt;
};

struct store {
	struct db writer; /* all writing and all checkpoints: one connection */
	struct db reader; /* listings */
	char *path;
	int lock;	    /* the file that keeps a second process out; holds a place, see there */
	bool is_new;	    /* it was empty when it was opened */
	bool may_recover;   /* it could not be opened, and that was the disk's fault */
	atomic_bool usable; /* looked through and up to date: not when the disk failed at start */
	atomic_bool checked; /* all of the file was seen */
	int unread;	     /* checks in a row that met a read error; of the thread that checks */
	atomic_bool ending;  /* store_interrupt(): long reads end */
	atomic_bool copying;
	_Atomic int64_t deleted_events;
	_Atomic int64_t wal_pages; /* after the last commit */

	struct lost_claim lost[LOST_CLAIMS_MAX]; /* under the writer's lock */
	size_t n_lost;

	/* The decider's own: what the process before left in the lock file. */
	struct {
		bool placed; /* it was of a version that writes its place there */
		uint64_t seq;
		int64_t event;
		uint64_t newest; /* record that any process died of */
	} died;

	pthread_mutex_t health; /* all below */
	sqlite3 *checker;	/* the long check's connection, while it runs */
	char damage[ERR_TEXT_MAX];
};

/* One letter a value: i int64_t, s struct str, b struct hash128 const *. */
sqlite3_stmt *db_bind(struct db *db, struct err *e, const char *sql, const char *types, ...);
/* Run to its end. */
bool db_run(struct db *db, struct err *e, const char *sql, const char *types, ...);
/* Next row of what db_bind() gave: *found false at the end; then, and on failure, it is reset. */
bool db_step(struct db *db, sqlite3_stmt *st, bool *found, struct err *e);
bool db_fail(struct db *db, struct err *e, const char *doing);
void db_reset(sqlite3_stmt *st);

struct str db_text(sqlite3_stmt *st, int column, struct arena *a); /* a copy */
int64_t db_int(sqlite3_stmt *st, int column);
/* The first column of the first row, which must be there. */
bool db_ask(struct db *db, const char *sql, int64_t *out, struct err *e);
/* A number in meta; 0 when it was never written. */
bool db_number(struct db *db, const char *name, int64_t *out, struct err *e);
/* Where panic says since when it is. */
#define META_PANIC "panic"
/* How many answers there ever were; those of deleted steps count. */
#define META_ANSWERS "answers"

/* Of a file beside the database; to be freed. */
char *db_path(const struct store *s, const char *suffix);
bool db_open(struct db *db, const char *path, int flags, struct err *e);
/* Both ends accept one that was never opened, all zeros. */
void db_close(struct db *db);
/* Several statements, not kept. */
bool db_exec(struct db *db, const char *sql, struct err *e);
/* Does this pragma's first value read so? */
bool db_says(struct db *db, const char *pragma, const char *wanted, struct err *e);

/* A transaction of the writing connection: begin takes the lock, end gives it back. */
bool db_begin(struct store *s, struct err *e);
bool db_end(struct store *s, bool commit, struct err *e); /* returns commit and its success */
/* With the lock held: a new connection in place of a broken one, or of none.  Names the file. */
bool writer_renew(struct store *s, struct err *e);

/* Once the lock file is open: read of what the process before died. */
bool hand_out_open(struct store *s, struct err *e);

/* Look at every page.  But for CHECK_SOUND e says what was found, or why nothing was. */
enum check {
	CHECK_SOUND,
	CHECK_DAMAGED,
	CHECK_UNREAD,	/* the disk did not give all of it, which may pass */
	CHECK_GAVE_WAY, /* interrupted, or something is in the way */
};
enum check db_check(struct db *db, struct err *e);

/* What a commit of the writing connection leaves in the log goes into the database. */
void log_follow(struct store *s);
/* As much as readers allow. */
bool log_copy(struct db *db, struct err *e);
/* What was copied before may be lost: from now on it counts as not copied. */
bool log_copy_anew(struct db *db, struct err *e);
/* At start, with the log locked (BEGIN IMMEDIATE): what it holds is on disk then. */
bool log_write_again(struct store *s, struct err *e);
/* Is a database of this version not newer than we? */
bool db_knows(int64_t version, struct err *e);
/* The file as it lies there: no log, no locks, nothing that would need room. */
bool db_open_still(struct db *db, const char *path, struct err *e);

/*
 * The columns of a step in the order of read_step().  In the last one `id` is the step's: the table
 * of approvals has no such column.
 */
#define STEP_COLUMNS                                                                          \
	"id, key, alert, event, rule, action, target, params, disruptive, reports, undo_of, " \
	"state, reason, attempts, created_ms, due_ms, settled_ms, record, cursor, result, "   \
	"destination, troubles, silence, "                                                    \
	"coalesce((SELECT group_concat(said, ', ') FROM (SELECT name || ' (' || way || ')'"   \
	" AS said FROM approvals WHERE step = id AND approves ORDER BY answer)), '')"
void read_step(sqlite3_stmt *st, struct arena *a, struct step *out);
bool insert_step(struct db *db, const struct step *step, struct err *e);
/* All steps of an alert, oldest first. */
bool read_alert_steps(
    struct db *db, int64_t alert, struct arena *a, struct step **out, size_t *n, struct err *e);

/* The firings of a plan; NULL = there is none. */
bool put_cooldowns(struct db *db, const struct plan *plan, int64_t alert, struct str alert_key,
    int64_t now_ms, struct err *e);

/* One notification more that a silence held back, when it is such a step. */
bool silence_count(struct db *db, const struct step *step, struct err *e);

/* Where an alert stands that is counted. */
struct counted_at {
	struct str alert; /* its key */
	int64_t number, place, received_ms;
};
bool
insert_counted(struct db *db, const struct counted *c, const struct counted_at *at, struct err *e);

/* What is kept of a deleted step's key. */
struct hash128 forgotten_key(struct str key);

#endif
