/*
 * Statements and transactions.
 *
 * Happy path: a statement is prepared once and bound again; a transaction holds the writing
 * connection from begin to end.
 * What can go wrong: a full disk fails the call, and the caller tries again; after any other I/O
 * error nobody knows what the connection's cached pages are worth, so the next transaction opens
 * it anew (sqlite_open.c).
 */
#include "sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/fault.h"

/* ---- statements ---- */

/* errno is what the system said last, when SQLite only says "disk I/O error". */
bool
db_fail(struct db *db, struct err *e, const char *doing)
{
	int said = errno, code = sqlite3_errcode(db->handle) & 0xff;
	bool io = code == SQLITE_IOERR || code == SQLITE_CANTOPEN;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		atomic_store(&db->corrupt, true);
	if (io || code == SQLITE_READONLY)
		atomic_store(&db->broken, true);
	if (code == SQLITE_FULL || (io && said == ENOSPC))
		return fail_again(e, 0, "%s: the disk is full", doing);
	return fail(e, code == SQLITE_BUSY ? ERR_AGAIN : ERR_SYSTEM, "%s: %s%s%s", doing,
	    sqlite3_errmsg(db->handle), io && said != 0 ? ": " : "",
	    io && said != 0 ? strerror(said) : "");
}

static sqlite3_stmt *
prepared(struct db *db, const char *sql, struct err *e)
{
	if (db->handle == NULL) {
		fail_again(e, 0, "it is not open yet");
		return NULL;
	}
	for (size_t i = 0; i < db->n; i++)
		if (db->cache[i].sql == sql)
			return db->cache[i].statement;
	assert(db->n < STATEMENTS_MAX);
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
		&db->cache[db->n].statement, NULL) != SQLITE_OK) {
		db_fail(db, e, sql);
		return NULL;
	}
	db->cache[db->n].sql = sql;
	return db->cache[db->n++].statement;
}

void
db_reset(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

static void
bind_all(sqlite3_stmt *st, const char *types, va_list ap)
{
	for (int i = 0; types[i] != '\0'; i++) {
		if (types[i] == 'i') {
			sqlite3_bind_int64(st, i + 1, va_arg(ap, int64_t));
		} else if (types[i] == 's') {
			struct str s = va_arg(ap, struct str);

			sqlite3_bind_text(st, i + 1, s.n == 0 ? "" : s.p, (int)s.n, SQLITE_STATIC);
		} else {
			const struct hash128 *h = va_arg(ap, const struct hash128 *);

			sqlite3_bind_blob(st, i + 1, h->bytes, sizeof(h->bytes), SQLITE_STATIC);
		}
	}
}

sqlite3_stmt *
db_bind(struct db *db, struct err *e, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = prepared(db, sql, e);
	va_list ap;

	if (st == NULL)
		return NULL;
	va_start(ap, types);
	bind_all(st, types, ap);
	va_end(ap);
	return st;
}

bool
db_step(struct db *db, sqlite3_stmt *st, bool *found, struct err *e)
{
	int code;

	errno = 0;
	code = sqlite3_step(st);
	*found = code == SQLITE_ROW;
	if (*found)
		return true;
	if (code != SQLITE_DONE)
		db_fail(db, e, "store");
	db_reset(st);
	return code == SQLITE_DONE;
}

bool
db_run(struct db *db, struct err *e, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st = prepared(db, sql, e);
	bool found = true, ok = true;
	va_list ap;

	if (st == NULL)
		return false;
	va_start(ap, types);
	bind_all(st, types, ap);
	va_end(ap);
	while (ok && found)
		ok = db_step(db, st, &found, e);
	return ok;
}

struct str
db_text(sqlite3_stmt *st, int column, struct arena *a)
{
	const void *p = sqlite3_column_blob(st, column);
	int n = sqlite3_column_bytes(st, column);

	return n == 0 ? STR_EMPTY : arena_str(a, (struct str){ p, (size_t)n });
}

int64_t
db_int(sqlite3_stmt *st, int column)
{
	return sqlite3_column_int64(st, column);
}

/* ---- transactions ---- */

bool
db_begin(struct store *s, struct err *e)
{
	pthread_mutex_lock(&s->writer.lock);
	if ((!atomic_load(&s->writer.broken) || writer_renew(s, e)) &&
	    db_run(&s->writer, e, "BEGIN IMMEDIATE", ""))
		return true;
	pthread_mutex_unlock(&s->writer.lock);
	return false;
}

bool
db_end(struct store *s, bool commit, struct err *e)
{
	struct err ignored;
	bool ok = commit;

	if (ok && FAULT("store.ioerr")) {
		atomic_store(&s->writer.broken, true);
		ok = fail(e, ERR_SYSTEM, "fault ordered at store.ioerr");
	}
	if (ok && FAULT("store.commit"))
		ok = fail(e, ERR_SYSTEM, "fault ordered at store.commit");
	ok = ok && db_run(&s->writer, e, "COMMIT", "");
	/* A failed COMMIT may have rolled back by itself. */
	if (!ok && sqlite3_get_autocommit(s->writer.handle) == 0)
		(void)db_run(&s->writer, &ignored, "ROLLBACK", "");
	pthread_mutex_unlock(&s->writer.lock);
	if (ok && FAULT("store.committed"))
		return fail(e, ERR_SYSTEM, "fault ordered at store.committed");
	return ok;
}

/* ---- meta ---- */

static bool
read_secret(struct db *db, const char *name, unsigned char out[16], bool *found, struct err *e)
{
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT value FROM meta WHERE name = ?", "s", str_of(name));
	bool ok = st != NULL && db_step(db, st, found, e);

	if (!ok || !*found)
		return ok;
	if (sqlite3_column_bytes(st, 0) == sizeof(struct hash128))
		memcpy(out, sqlite3_column_blob(st, 0), sizeof(struct hash128));
	else
		ok = fail(e, ERR_SYSTEM, "the secret '%s' in the store is damaged", name);
	db_reset(st);
	return ok;
}

static bool
make_secret(struct db *db, const char *name, unsigned char out[16], struct err *e)
{
	struct hash128 fresh;
	bool found;

	random_bytes(fresh.bytes, sizeof(fresh.bytes));
	return db_run(db, e, "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", "sb",
		   str_of(name), &fresh) &&
	       read_secret(db, name, out, &found, e);
}

/* First without a transaction: it is read also where nothing can be written. */
bool
store_secret(struct store *s, const char *name, unsigned char out[16], struct err *e)
{
	bool found, ok;

	pthread_mutex_lock(&s->writer.lock);
	ok = read_secret(&s->writer, name, out, &found, e);
	pthread_mutex_unlock(&s->writer.lock);
	if (!ok || found)
		return ok;
	if (!db_begin(s, e))
		return false;
	return db_end(s, make_secret(&s->writer, name, out, e), e);
}

bool
db_number(struct db *db, const char *name, int64_t *out, struct err *e)
{
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = ?",
		"s", str_of(name));
	bool found = false;

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	*out = found ? db_int(st, 0) : 0;
	if (found)
		db_reset(st);
	return true;
}

static bool
read_number(struct store *s, const char *name, int64_t *number, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->writer.lock);
	ok = db_number(&s->writer, name, number, e);
	pthread_mutex_unlock(&s->writer.lock);
	return ok;
}

bool
store_decided_seq(struct store *s, uint64_t *seq, struct err *e)
{
	int64_t number;

	if (!read_number(s, "decided_seq", &number, e))
		return false;
	*seq = (uint64_t)number;
	return true;
}

bool
store_clock_seen(struct store *s, int64_t *ms, struct err *e)
{
	return read_number(s, "clock_seen", ms, e);
}

bool
store_see_clock(struct store *s, int64_t ms, struct err *e)
{
	if (!db_begin(s, e))
		return false;
	return db_end(s,
	    db_run(&s->writer, e,
		"INSERT INTO meta VALUES ('clock_seen', CAST(? AS BLOB))"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		"i", ms),
	    e);
}
