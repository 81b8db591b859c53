/*
 * What keeps the store small and sound while it runs: old events are deleted, free space is given
 * back, the long check is made.  Each call does a little and lets go of the writing connection.
 *
 * What can go wrong: an alert gets news while it is being deleted: it is looked at again in each
 * transaction, and stays.  A transaction that fails is tried again in the next round.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

/* Alerts looked at, and rows deleted, in one go. */
#define LOOK_MAX 100
#define ROWS_MAX 200
/* Pages: moved in one go, and left free for what comes. */
#define SHRINK_STEP "128"
#define SHRINK_SLACK 4096
/* Read errors pass, most of them: so many checks in a row must meet one before it is damage. */
#define UNREAD_MAX 2
/* How PRAGMA quick_check tells it. */
#define CODE_MARK "unable to get the page. error code="

/* ---- forget ---- */

/*
 * Why alert a stays (?1: older than this): a step of it is not settled or was not long ago;
 * something was changed and not taken back, so a release needs what was recorded; or its number,
 * or that of a step, is the newest: it would be given a second time.
 */
#define STAYS                                                                         \
	"(a.id = (SELECT max(id) FROM alerts) OR EXISTS (SELECT 1 FROM steps s WHERE" \
	" s.alert = a.id AND (s.state IN ('waiting', 'running', 'approval')"          \
	" OR s.settled_ms >= ?1 OR s.id = (SELECT max(id) FROM steps)"                \
	" OR (s.undo_of = 0 AND s.record <> '' AND s.state IN ('done', 'failed')"     \
	" AND NOT EXISTS (SELECT 1 FROM steps u WHERE u.alert = s.alert"              \
	" AND u.undo_of = s.id AND u.state = 'done')))))"

struct candidate {
	int64_t last_ms, id;
	bool stays;
};

/* The next old alerts of the round, on the reading connection: nobody waits for this. */
static bool
look(struct store *s, int64_t before_ms, const struct store_round *from, struct candidate *list,
    size_t *n, struct err *e)
{
	bool found = true, ok;
	sqlite3_stmt *st;

	*n = 0;
	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e,
	    "SELECT a.last_ms, a.id, " STAYS " FROM alerts a"
	    " WHERE a.last_ms < ?1 AND (a.last_ms, a.id) > (?2, ?3)"
	    " ORDER BY a.last_ms, a.id LIMIT ?4",
	    "iiii", before_ms, from->last_ms, from->id, (int64_t)LOOK_MAX);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found)
		list[(*n)++] =
		    (struct candidate){ db_int(st, 0), db_int(st, 1), db_int(st, 2) != 0 };
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

static bool
still_old(struct db *db, int64_t before_ms, int64_t id, bool *old, struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT 1 FROM alerts a WHERE a.last_ms < ?1 AND a.id = ?2 AND NOT " STAYS, "ii",
	    before_ms, id);

	if (st == NULL || !db_step(db, st, old, e))
		return false;
	if (*old)
		db_reset(st);
	return true;
}

/* Steps of one alert are few; their keys stay known. */
static bool
delete_steps(struct db *db, int64_t alert, struct err *e)
{
	struct arena *a = arena_new();
	struct step *steps;
	size_t n;
	bool ok = read_alert_steps(db, alert, a, &steps, &n, e);

	for (size_t i = 0; ok && i < n; i++) {
		struct hash128 key = forgotten_key(steps[i].key);

		ok = steps[i].undo_of != 0 ||
		     db_run(db, e, "INSERT INTO forgotten (key) VALUES (?) ON CONFLICT DO NOTHING",
			 "b", &key);
	}
	ok = ok &&
	     db_run(db, e,
		 "DELETE FROM approvals WHERE step IN (SELECT id FROM steps WHERE alert = ?)", "i",
		 alert) &&
	     db_run(db, e, "DELETE FROM steps WHERE alert = ?", "i", alert);
	arena_free(a);
	return ok;
}

/* As much of it as *rows allows; *rows says what is left of that. */
static bool
delete_alert(struct store *s, int64_t alert, int64_t *rows, struct err *e)
{
	struct db *db = &s->writer;

	if (!db_run(db, e,
		"DELETE FROM calls WHERE id IN (SELECT c.id FROM steps s JOIN calls c"
		" ON c.step = s.id WHERE s.alert = ? LIMIT ?)",
		"ii", alert, *rows))
		return false;
	*rows -= sqlite3_changes(db->handle);
	if (*rows <= 0)
		return true;
	if (!delete_steps(db, alert, e) ||
	    !db_run(db, e,
		"DELETE FROM events WHERE id IN"
		" (SELECT id FROM events WHERE alert = ? ORDER BY id LIMIT ?)",
		"ii", alert, *rows))
		return false;
	*rows -= sqlite3_changes(db->handle);
	atomic_fetch_add(&s->deleted_events, sqlite3_changes(db->handle));
	return *rows <= 0 || db_run(db, e, "DELETE FROM alerts WHERE id = ?", "i", alert);
}

static bool
trim_forgotten(struct db *db, struct err *e)
{
	return db_run(db, e,
	    "DELETE FROM forgotten WHERE id <= (SELECT max(id) FROM forgotten) - ?", "i",
	    (int64_t)STORE_FORGOTTEN_MAX);
}

/* In one transaction; the round goes on behind the last alert that is done with. */
static bool
delete_some(struct store *s, int64_t before_ms, const struct candidate *list, size_t n,
    struct store_round *round, struct err *e)
{
	int64_t rows = ROWS_MAX;
	bool ok = true, old;

	for (size_t i = 0; ok && rows > 0 && i < n; i++) {
		if (!list[i].stays)
			ok = still_old(&s->writer, before_ms, list[i].id, &old, e) &&
			     (!old || delete_alert(s, list[i].id, &rows, e));
		if (ok && rows > 0)
			*round = (struct store_round){ list[i].last_ms, list[i].id };
	}
	return ok && trim_forgotten(&s->writer, e);
}

bool
store_forget(
    struct store *s, int64_t before_ms, struct store_round *round, bool *more, struct err *e)
{
	struct candidate list[LOOK_MAX];
	struct store_round next = *round;
	int64_t deleted = atomic_load(&s->deleted_events);
	size_t n, i;

	if (!look(s, before_ms, round, list, &n, e))
		return false;
	*more = n > 0;
	for (i = 0; i < n && list[i].stays; i++)
		next = (struct store_round){ list[i].last_ms, list[i].id };
	if (i == n) { /* nothing to delete among them */
		*round = next;
		return true;
	}
	if (!db_begin(s, e))
		return false;
	if (!db_end(s, delete_some(s, before_ms, list, n, &next, e), e)) {
		atomic_store(&s->deleted_events, deleted);
		return false;
	}
	*round = next;
	return true;
}

/* ---- shrink ---- */

bool
store_shrink(struct store *s, bool *more, struct err *e)
{
	int64_t pages = 0, mode = 0;
	bool ok;

	if (!db_begin(s, e))
		return false;
	ok = db_ask(&s->writer, "PRAGMA freelist_count", &pages, e) &&
	     db_ask(&s->writer, "PRAGMA auto_vacuum", &mode, e);
	*more = ok && mode == 2 && pages > SHRINK_SLACK;
	if (*more)
		ok = db_exec(&s->writer, "PRAGMA incremental_vacuum(" SHRINK_STEP ")", e);
	return db_end(s, ok, e);
}

/* ---- the long check ---- */

static void
note_damage(struct store *s, const char *words)
{
	pthread_mutex_lock(&s->health);
	if (s->damage[0] == '\0')
		snprintf(s->damage, sizeof(s->damage), "%s", words);
	pthread_mutex_unlock(&s->health);
}

bool
store_damage(struct store *s, char out[ERR_TEXT_MAX])
{
	if (atomic_load(&s->writer.corrupt) || atomic_load(&s->reader.corrupt))
		note_damage(s, "SQLite found the file malformed");
	pthread_mutex_lock(&s->health);
	memcpy(out, s->damage, ERR_TEXT_MAX);
	pthread_mutex_unlock(&s->health);
	return out[0] != '\0';
}

/* While it is registered others may interrupt it. */
static void
register_checker(struct store *s, sqlite3 *handle)
{
	pthread_mutex_lock(&s->health);
	s->checker = handle;
	pthread_mutex_unlock(&s->health);
}

/* "*** in database main ***" is a line of its own in front of what is wrong. */
static const char *
finding(const char *text)
{
	const char *line = strchr(text, '\n');

	return strncmp(text, "***", 3) == 0 && line != NULL ? line + 1 : text;
}

/*
 * A page that cannot be read is told like one that is wrong, most of them with the code of the
 * attempt; of the others only the system's word is known.
 */
static bool
is_unread(const char *text, int said)
{
	const char *code = strstr(text, CODE_MARK);

	if (code == NULL)
		return said == EIO;
	return (atoi(code + strlen(CODE_MARK)) & 0xff) != SQLITE_CORRUPT;
}

static enum check
judge(struct db *db, const char *text, int said, struct err *e)
{
	bool unread = is_unread(text, said);

	if (strcmp(text, "ok") == 0)
		return CHECK_SOUND;
	fail(e, ERR_SYSTEM, "%s%s%s", finding(text), unread && said != 0 ? ": " : "",
	    unread && said != 0 ? strerror(said) : "");
	atomic_store(unread ? &db->broken : &db->corrupt, true);
	return unread ? CHECK_UNREAD : CHECK_DAMAGED;
}

enum check
db_check(struct db *db, struct err *e)
{
	sqlite3_stmt *st = NULL;
	enum check found;
	int code, said;

	errno = 0;
	code = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	said = errno;
	if (code == SQLITE_ROW) {
		found = judge(db, (const char *)sqlite3_column_text(st, 0), said, e);
	} else {
		db_fail(db, e, "store");
		found = atomic_load(&db->corrupt)	? CHECK_DAMAGED
			: (code & 0xff) == SQLITE_IOERR ? CHECK_UNREAD
							: CHECK_GAVE_WAY;
	}
	sqlite3_finalize(st);
	return found;
}

/* On a connection of its own, which others may interrupt. */
static enum check
check_all(struct store *s, struct err *e)
{
	struct db db = { .handle = NULL };
	enum check found = CHECK_GAVE_WAY;
	bool ok = db_open(&db, s->path, SQLITE_OPEN_READONLY, e);

	register_checker(s, db.handle);
	if (ok && !atomic_load(&s->ending))
		found = db_check(&db, e);
	register_checker(s, NULL);
	db_close(&db);
	return found;
}

bool
store_check(struct store *s, bool *done, struct err *e)
{
	enum check found;

	*done = atomic_load(&s->checked);
	if (*done || !atomic_load(&s->usable))
		return true;
	found = check_all(s, e);
	s->unread = found == CHECK_UNREAD ? s->unread + 1 : 0;
	if (found == CHECK_GAVE_WAY)
		return true;
	if (found == CHECK_UNREAD && s->unread < UNREAD_MAX)
		return fail_in(e, "store %s could not be checked", s->path);
	*done = true;
	atomic_store(&s->checked, found == CHECK_SOUND);
	if (found == CHECK_SOUND)
		return true;
	fail_in(e, "store %s is damaged", s->path);
	note_damage(s, e->text);
	return false;
}

void
store_interrupt(struct store *s)
{
	atomic_store(&s->ending, true);
	pthread_mutex_lock(&s->health);
	if (s->checker != NULL)
		sqlite3_interrupt(s->checker);
	pthread_mutex_unlock(&s->health);
}
