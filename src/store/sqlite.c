/*
 * Happy path: open, check, make the schema; statements are prepared once and bound again.
 * What can go wrong: a file that is damaged, too new, or cannot be made durable is refused at open;
 * a full disk or an I/O error later fails the call, and the caller tries again.
 */
#include "sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"

#define SCHEMA_VERSION 1
#define BUSY_MS 5000

static const char schema[] = ""
#include "sqlite_schema.inc"
    ;

/* ---- statements ---- */

bool
db_fail(struct db *db, struct err *e, const char *doing)
{
	int code = sqlite3_errcode(db->handle);

	if (code == SQLITE_FULL)
		return fail_again(e, 0, "%s: the disk is full", doing);
	return fail(e, code == SQLITE_BUSY ? ERR_AGAIN : ERR_SYSTEM, "%s: %s", doing,
	    sqlite3_errmsg(db->handle));
}

static sqlite3_stmt *
prepared(struct db *db, const char *sql, struct err *e)
{
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
	int code = sqlite3_step(st);

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
	if (db_run(&s->writer, e, "BEGIN IMMEDIATE", ""))
		return true;
	pthread_mutex_unlock(&s->writer.lock);
	return false;
}

bool
db_end(struct store *s, bool commit, struct err *e)
{
	struct err ignored;
	bool ok = commit;

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

/* ---- open ---- */

static bool
pragma_is(struct db *db, const char *pragma, const char *wanted, struct err *e)
{
	sqlite3_stmt *st;
	const char *got;
	bool ok;

	if (sqlite3_prepare_v2(db->handle, pragma, -1, &st, NULL) != SQLITE_OK)
		return db_fail(db, e, pragma);
	ok = sqlite3_step(st) == SQLITE_ROW;
	got = ok ? (const char *)sqlite3_column_text(st, 0) : sqlite3_errmsg(db->handle);
	ok = ok && strcmp(got, wanted) == 0;
	if (!ok)
		fail(e, ERR_SYSTEM, "%s gave '%s', not '%s'", pragma, got, wanted);
	sqlite3_finalize(st);
	return ok;
}

static bool
exec(struct db *db, const char *sql, struct err *e)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK || db_fail(db, e, sql);
}

static bool
db_open(struct db *db, const char *path, int flags, struct err *e)
{
	pthread_mutex_init(&db->lock, NULL);
	if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return db_fail(db, e, path);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	return true;
}

static void
db_close(struct db *db)
{
	for (size_t i = 0; i < db->n; i++)
		sqlite3_finalize(db->cache[i].statement);
	sqlite3_close(db->handle);
	pthread_mutex_destroy(&db->lock);
}

static bool
ask_int(struct db *db, const char *sql, int64_t *out, struct err *e)
{
	sqlite3_stmt *st = db_bind(db, e, sql, "");
	bool found;

	if (st == NULL || !db_step(db, st, &found, e) || !found)
		return false;
	*out = db_int(st, 0);
	db_reset(st);
	return true;
}

/* Ours, of this version, or empty; asked before anything is written. */
static bool
check_ours(struct db *db, bool *empty, struct err *e)
{
	int64_t version = 0, tables = 0;

	if (!ask_int(db, "PRAGMA user_version", &version, e) ||
	    !ask_int(db, "SELECT count(*) FROM sqlite_schema", &tables, e))
		return false;
	*empty = version == 0 && tables == 0;
	if (version == 0 && tables > 0)
		return fail(e, ERR_INPUT, "it is the database of another program");
	if (version > SCHEMA_VERSION)
		return fail(e, ERR_INPUT,
		    "the database is of version %" PRId64
		    ", written by a newer gridwarden; this one knows version %d",
		    version, SCHEMA_VERSION);
	return true;
}

static bool
make_schema(struct db *db, struct err *e)
{
	return exec(db, "BEGIN EXCLUSIVE", e) && exec(db, schema, e) &&
	       exec(db, "PRAGMA user_version = 1", e) && exec(db, "COMMIT", e);
}

/* Write-ahead log, every commit on disk; small memory, bounded log. */
static bool
set_up_writer(struct db *db, struct err *e)
{
	bool empty;

	return pragma_is(db, "PRAGMA quick_check(1)", "ok", e) && check_ours(db, &empty, e) &&
	       pragma_is(db, "PRAGMA journal_mode = WAL", "wal", e) &&
	       exec(db,
		   "PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;"
		   "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216",
		   e) &&
	       pragma_is(db, "PRAGMA synchronous", "2", e) && (!empty || make_schema(db, e));
}

static bool
set_up_reader(struct db *db, struct err *e)
{
	return exec(db,
	    "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -512", e);
}

static bool
make_folder(const char *path, struct err *e)
{
	char *folder = xstrdup(path), *slash = strrchr(folder, '/');
	bool ok = true;

	if (slash != NULL && slash != folder) {
		*slash = '\0';
		ok = file_make_dirs(folder, e);
	}
	free(folder);
	return ok;
}

/* The file holds alerts and what was done about them: nobody else reads it. */
static int
open_private(const char *path)
{
	mode_t old = umask(0027);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	umask(old);
	return fd;
}

/*
 * A file of its own: closing any descriptor of the database would drop SQLite's locks.  Two
 * processes that write and checkpoint at once could damage the database (SQLite before 3.51.3).
 */
static bool
lock_file(struct store *s, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s-lock", s->path);
	s->lock = open_private(path);
	if (s->lock < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return fail(e, ERR_CONFLICT, "it is in use by another process");
	return fail_errno(e, ERR_SYSTEM, "cannot lock %s", path);
}

static bool
make_file(const char *path, struct err *e)
{
	int fd = open_private(path);

	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	close(fd);
	return true;
}

static bool
open_both(struct store *s, struct err *e)
{
	return make_folder(s->path, e) && lock_file(s, e) && make_file(s->path, e) &&
	       db_open(&s->writer, s->path, SQLITE_OPEN_READWRITE, e) &&
	       set_up_writer(&s->writer, e) &&
	       db_open(&s->reader, s->path, SQLITE_OPEN_READONLY, e) &&
	       set_up_reader(&s->reader, e);
}

bool
store_open(struct str url, struct store **out, struct err *e)
{
	struct store *s;

	if (!str_starts_nocase(url, STR("sqlite:")) || url.n == strlen("sqlite:"))
		return fail(e, ERR_INPUT, "store '%.*s' is not sqlite:/path", STR_ARG(url));
	s = xcalloc(1, sizeof(*s));
	s->lock = -1;
	s->path = xstrndup(str_slice(url, strlen("sqlite:"), url.n));
	if (!open_both(s, e)) {
		fail_in(e, "store %s", s->path);
		store_close(s);
		return false;
	}
	*out = s;
	return true;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(&s->reader);
	db_close(&s->writer);
	if (s->lock >= 0)
		close(s->lock);
	free(s->path);
	free(s);
}

/* ---- meta ---- */

bool
store_secret(struct store *s, const char *name, unsigned char out[16], struct err *e)
{
	struct hash128 fresh;
	sqlite3_stmt *st;
	bool found = false, ok;

	random_bytes(fresh.bytes, sizeof(fresh.bytes));
	if (!db_begin(s, e))
		return false;
	ok = db_run(&s->writer, e, "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO NOTHING", "sb",
	    str_of(name), &fresh);
	st = ok ? db_bind(&s->writer, e, "SELECT value FROM meta WHERE name = ?", "s", str_of(name))
		: NULL;
	ok = st != NULL && db_step(&s->writer, st, &found, e) && found;
	if (ok && sqlite3_column_bytes(st, 0) == (int)sizeof(fresh.bytes))
		memcpy(out, sqlite3_column_blob(st, 0), sizeof(fresh.bytes));
	else if (ok)
		ok = fail(e, ERR_SYSTEM, "the secret '%s' in the store is damaged", name);
	if (st != NULL)
		db_reset(st);
	return db_end(s, ok, e);
}

bool
store_decided_seq(struct store *s, uint64_t *seq, struct err *e)
{
	sqlite3_stmt *st;
	bool found = false, ok;

	pthread_mutex_lock(&s->writer.lock);
	st = db_bind(&s->writer, e,
	    "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = 'decided_seq'", "");
	ok = st != NULL && db_step(&s->writer, st, &found, e);
	if (ok)
		*seq = found ? (uint64_t)db_int(st, 0) : 0;
	if (found)
		db_reset(st);
	pthread_mutex_unlock(&s->writer.lock);
	return ok;
}

/* The oldest of the newest first: what is remembered last is forgotten last. */
bool
store_each_hash(struct store *s, size_t max, void (*fn)(void *ctx, const struct hash128 *h),
    void *ctx, struct err *e)
{
	struct hash128 h;
	sqlite3_stmt *st;
	bool found = true, ok;

	pthread_mutex_lock(&s->reader.lock);
	st = db_bind(&s->reader, e,
	    "SELECT hash FROM events WHERE id > (SELECT coalesce(max(id), 0) FROM events) - ?"
	    " ORDER BY id",
	    "i", max > INT64_MAX ? INT64_MAX : (int64_t)max);
	ok = st != NULL;
	while (ok && (ok = db_step(&s->reader, st, &found, e)) && found) {
		if (sqlite3_column_bytes(st, 0) != (int)sizeof(h.bytes))
			continue;
		memcpy(h.bytes, sqlite3_column_blob(st, 0), sizeof(h.bytes));
		fn(ctx, &h);
	}
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}
