/*
 * Panic: one row says that nothing destructive is done; a transaction settles what waits.
 */
#include "sqlite.h"

/* What a person would have to release by hand. */
#define CONTAINED                                                                          \
	"SELECT " STEP_COLUMNS " FROM steps s WHERE disruptive AND undo_of = 0"            \
	" AND record <> '' AND state IN ('done', 'failed') AND NOT EXISTS (SELECT 1"       \
	" FROM steps u WHERE u.alert = s.alert AND u.undo_of = s.id AND u.state = 'done')" \
	" ORDER BY id LIMIT ?"

/* What was changed already has failed and can be taken back; the rest never began. */
static bool
stop_waiting(struct db *db, int64_t now_ms, int64_t *stopped, struct err *e)
{
	bool ok = db_run(db, e,
	    "UPDATE steps SET state = CASE WHEN record = '' THEN 'refused' ELSE 'failed' END,"
	    " reason = 'stopped by panic', settled_ms = ?, look_ms = NULL"
	    " WHERE disruptive AND undo_of = 0 AND state IN ('waiting', 'approval')",
	    "i", now_ms);

	*stopped = ok ? sqlite3_changes(db->handle) : 0;
	return ok;
}

bool
store_panic(struct store *s, int64_t now_ms, int64_t *stopped, int64_t *running, struct err *e)
{
	struct db *db = &s->writer;

	if (!db_begin(s, e))
		return false;
	return db_end(s,
	    db_run(db, e,
		"INSERT INTO meta VALUES ('" META_PANIC
		"', CAST(? AS BLOB)) ON CONFLICT DO NOTHING",
		"i", now_ms) &&
		stop_waiting(db, now_ms, stopped, e) &&
		db_ask(db,
		    "SELECT count(*) FROM steps WHERE disruptive AND undo_of = 0"
		    " AND state = 'running'",
		    running, e),
	    e);
}

bool
store_panic_end(struct store *s, struct err *e)
{
	if (!db_begin(s, e))
		return false;
	return db_end(
	    s, db_run(&s->writer, e, "DELETE FROM meta WHERE name = '" META_PANIC "'", ""), e);
}

bool
store_panic_since(struct store *s, int64_t *ms, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = db_number(&s->reader, META_PANIC, ms, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

bool
store_panic_holds(struct store *s, int64_t *ms, struct err *e)
{
	return db_number(&s->writer, META_PANIC, ms, e);
}

bool
store_list_contained(
    struct store *s, size_t max, struct arena *a, struct step **rows, size_t *n, struct err *e)
{
	struct step *list = arena_alloc(a, max * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st;

	*n = 0;
	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e, CONTAINED, "i", (int64_t)max);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found)
		read_step(st, a, &list[(*n)++]);
	pthread_mutex_unlock(&s->reader.lock);
	*rows = list;
	return ok;
}
