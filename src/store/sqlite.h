/*
 * The one door to SQLite: connections and prepared statements, for the files of the store.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/store.h"

#define STATEMENTS_MAX 48

/* A connection and its statements; used with the lock held. */
struct db {
	sqlite3 *handle;
	pthread_mutex_t lock;
	struct {
		const char *sql; /* a literal: compared by address */
		sqlite3_stmt *statement;
	} cache[STATEMENTS_MAX];
	size_t n;
};

struct store {
	struct db writer; /* all writing and all checkpoints: one connection */
	struct db reader; /* listings */
	char *path;
	int lock; /* the file that keeps a second process out */
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

/* A transaction of the writing connection: begin takes the lock, end gives it back. */
bool db_begin(struct store *s, struct err *e);
bool db_end(struct store *s, bool commit, struct err *e); /* returns commit and its success */

/* The columns of a step in the order of read_step(). */
#define STEP_COLUMNS                                                                          \
	"id, key, alert, event, rule, action, target, params, disruptive, reports, undo_of, " \
	"state, reason, attempts, created_ms, due_ms, settled_ms, record, cursor, result, "   \
	"destination, troubles"
void read_step(sqlite3_stmt *st, struct arena *a, struct step *out);
bool insert_step(struct db *db, const struct step *step, struct err *e);
/* All steps of an alert, oldest first. */
bool read_alert_steps(
    struct db *db, int64_t alert, struct arena *a, struct step **out, size_t *n, struct err *e);

#endif
