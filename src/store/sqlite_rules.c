/*
 * The text of each version of the rules that decided something.  A version is in use until another
 * comes: it can go when the oldest event is younger than that.
 */
#include "sqlite.h"

bool
store_put_rules(struct store *s, struct str hash, struct str files, int64_t now_ms, struct err *e)
{
	struct db *db = &s->writer;

	return db_run(db, e,
		   "INSERT INTO rule_versions VALUES (?, ?2, ?2, ?)"
		   " ON CONFLICT (hash) DO UPDATE SET last_ms = excluded.last_ms",
		   "sis", hash, now_ms, files) &&
	       db_run(db, e,
		   "UPDATE rule_versions SET files = '' WHERE hash IN (SELECT hash FROM"
		   " (SELECT hash, sum(length(CAST(files AS BLOB))) OVER (ORDER BY last_ms DESC)"
		   " AS bytes FROM rule_versions) WHERE bytes > ?) AND hash <> ?",
		   "is", (int64_t)STORE_RULES_BYTES_MAX, hash);
}

bool
store_forget_rules(struct store *s, struct err *e)
{
	if (!db_begin(s, e))
		return false;
	return db_end(s,
	    db_run(&s->writer, e,
		"DELETE FROM rule_versions WHERE EXISTS (SELECT 1 FROM rule_versions next"
		" WHERE next.last_ms > rule_versions.last_ms AND next.last_ms <"
		" (SELECT decided_ms FROM events ORDER BY id LIMIT 1))",
		""),
	    e);
}

static void
read_row(sqlite3_stmt *st, struct arena *a, struct rule_version *out)
{
	*out = (struct rule_version){ .hash = db_text(st, 0, a),
		.first_ms = db_int(st, 1),
		.last_ms = db_int(st, 2),
		.bytes = db_int(st, 3),
		.files = db_text(st, 4, a) };
}

/* Up to max rows of what st gives. */
static bool
read_rows(struct db *db, sqlite3_stmt *st, struct arena *a, struct rule_version *list, size_t *n,
    struct err *e)
{
	bool found = true;

	*n = 0;
	while (found) {
		if (!db_step(db, st, &found, e))
			return false;
		if (found)
			read_row(st, a, &list[(*n)++]);
	}
	return true;
}

bool
store_list_rules(struct store *s, size_t max, struct arena *a, struct rule_version **rows,
    size_t *n, struct err *e)
{
	struct rule_version *list = arena_alloc(a, max * sizeof(*list));
	sqlite3_stmt *st;
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e,
	    "SELECT hash, first_ms, last_ms, length(files), '' FROM rule_versions"
	    " ORDER BY last_ms DESC LIMIT ?",
	    "i", (int64_t)max);
	ok = st != NULL && read_rows(&s->reader, st, a, list, n, e);
	pthread_mutex_unlock(&s->reader.lock);
	*rows = list;
	return ok;
}

bool
store_show_rules(
    struct store *s, struct str hash, struct arena *a, struct rule_version *out, struct err *e)
{
	sqlite3_stmt *st;
	size_t n = 0;
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e,
	    "SELECT hash, first_ms, last_ms, length(files), files FROM rule_versions"
	    " WHERE hash = ?",
	    "s", hash);
	ok = st != NULL && read_rows(&s->reader, st, a, out, &n, e);
	pthread_mutex_unlock(&s->reader.lock);
	if (ok && n == 0)
		return fail(
		    e, ERR_NOT_FOUND, "no version %.*s of the rules is kept", STR_ARG(hash));
	return ok;
}
