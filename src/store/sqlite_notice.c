/*
 * What people are told of gridwarden itself: an event that is no alert, with the step that tells
 * it, and what was told last, in one transaction.
 */
#include "sqlite.h"

/* In meta: the state that was told, a space, the key of the step that tells it. */
#define META_TOLD "told "

static bool
read_told(struct db *db, struct str name, struct arena *a, struct str *state, struct str *key,
    struct err *e)
{
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT CAST(value AS TEXT) FROM meta WHERE name = ?", "s", name);
	struct str rest = STR_EMPTY;
	bool found = false;

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (found) {
		rest = db_text(st, 0, a);
		db_reset(st);
	}
	str_next(&rest, ' ', state);
	*key = rest;
	return true;
}

static bool
write_told(struct db *db, struct str name, struct str state, struct str key, struct arena *a,
    struct err *e)
{
	struct str value = arena_printf(a, "%.*s %.*s", STR_ARG(state), STR_ARG(key));

	if (state.n == 0)
		return db_run(db, e, "DELETE FROM meta WHERE name = ?", "s", name);
	return db_run(db, e,
	    "INSERT INTO meta VALUES (?, CAST(? AS BLOB))"
	    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	    "ss", name, value);
}

/* What nobody was told yet needs not be told any more. */
static bool
take_back(struct db *db, struct str key, int64_t now_ms, bool *unsent, struct err *e)
{
	*unsent = false;
	if (key.n == 0)
		return true;
	if (!db_run(db, e,
		"UPDATE steps SET state = 'refused', reason = 'it was over before it was told',"
		" look_ms = NULL, settled_ms = ? WHERE key = ? AND state = 'waiting'"
		" AND attempts = 0",
		"is", now_ms, key))
		return false;
	*unsent = sqlite3_changes(db->handle) == 1;
	return true;
}

static bool
tell(struct store *s, struct str name, struct str state, const struct decision *d, struct arena *a,
    bool *told, struct err *e)
{
	struct db *db = &s->writer;
	bool tells = d->plan != NULL && d->plan->n > 0, unsent = false, fresh;
	struct str was, key;

	if (!read_told(db, name, a, &was, &key, e))
		return false;
	*told = !str_eq(was, state);
	if (!*told)
		return true;
	if (!take_back(db, key, d->decided_ms, &unsent, e))
		return false;
	*told = state.n > 0 || !unsent;
	return (!*told || store_put_decision(s, d, &fresh, e)) &&
	       write_told(db, name, state, tells ? d->plan->steps[0].key : STR_EMPTY, a, e);
}

bool
store_tell(struct store *s, const char *topic, struct str state, const struct decision *d,
    bool *told, struct err *e)
{
	struct arena *a = arena_new();
	bool ok = db_begin(s, e);

	if (ok)
		ok = db_end(
		    s, tell(s, arena_printf(a, META_TOLD "%s", topic), state, d, a, told, e), e);
	arena_free(a);
	return ok;
}
