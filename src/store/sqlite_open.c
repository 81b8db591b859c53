/*
 * Happy path: lock, open, look whether it is ours and sound, bring it up to date.
 *
 * What can go wrong: a file that is damaged, too new, of another program, read-only or in use is
 * refused with what to do.  A large file is not read to its end here: store_check() does that when
 * the daemon runs.  A connection that met an I/O error is replaced, and goes on only when all that
 * was committed is in the database and on disk.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "sqlite.h"

#define SCHEMA_VERSION 2
#define BUSY_MS 5000
/* Pages in the log at which the commit that wrote them copies them into the database. */
#define CHECKPOINT_PAGES 1000

static const char schema[] = ""
#include "sqlite_schema.inc"
    ;
static const char version_2[] = ""
#include "sqlite_2.inc"
    ;

/* ---- connections ---- */

bool
db_says(struct db *db, const char *pragma, const char *wanted, struct err *e)
{
	sqlite3_stmt *st;
	bool ok;

	errno = 0;
	if (sqlite3_prepare_v2(db->handle, pragma, -1, &st, NULL) != SQLITE_OK)
		return db_fail(db, e, pragma);
	ok = sqlite3_step(st) == SQLITE_ROW;
	if (!ok) {
		db_fail(db, e, pragma);
	} else if (strcmp((const char *)sqlite3_column_text(st, 0), wanted) != 0) {
		ok = fail(e, ERR_SYSTEM, "%s gave '%s', not '%s'", pragma,
		    (const char *)sqlite3_column_text(st, 0), wanted);
	}
	sqlite3_finalize(st);
	return ok;
}

bool
db_exec(struct db *db, const char *sql, struct err *e)
{
	errno = 0;
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ||
	       db_fail(db, e, "store");
}

bool
db_ask(struct db *db, const char *sql, int64_t *out, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e, sql, "");

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	assert(found);
	*out = db_int(st, 0);
	db_reset(st);
	return true;
}

bool
db_open(struct db *db, const char *path, int flags, struct err *e)
{
	errno = 0;
	if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return db_fail(db, e, "cannot open it");
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_MS);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	return true;
}

void
db_close(struct db *db)
{
	for (size_t i = 0; i < db->n; i++)
		sqlite3_finalize(db->cache[i].statement);
	db->n = 0;
	sqlite3_close(db->handle);
	db->handle = NULL;
}

/* ---- is it ours, and sound? ---- */

/* Ours, of a version that is known, or empty; asked before anything is written. */
static bool
check_ours(struct db *db, int64_t *version, bool *empty, struct err *e)
{
	int64_t tables;

	if (!db_ask(db, "PRAGMA user_version", version, e) ||
	    !db_ask(db, "SELECT count(*) FROM sqlite_schema", &tables, e))
		return false;
	*empty = *version == 0 && tables == 0;
	if (*version == 0 && tables > 0)
		return fail(e, ERR_INPUT, "it is the database of another program");
	if (*version > SCHEMA_VERSION)
		return fail(e, ERR_INPUT,
		    "the database is of version %" PRId64
		    ", written by a newer gridwarden; this one knows version %d",
		    *version, SCHEMA_VERSION);
	return true;
}

static int64_t
file_size(const char *path, const char *suffix)
{
	char *name = NULL;
	struct stat st;
	int64_t size = 0;

	if (asprintf(&name, "%s%s", path, suffix) > 0 && stat(name, &st) == 0)
		size = st.st_size;
	free(name);
	return size;
}

/*
 * A small file is read to its end.  Of a large one the ends of each table, and that it is as long
 * as it says (SQLite compares that itself): what a torn or cut file shows first.
 */
static bool
check_sound(struct store *s, struct err *e)
{
	static const char *const ends[] = { "SELECT coalesce(min(id) + max(id), 0) FROM alerts",
		"SELECT coalesce(min(id) + max(id), 0) FROM events",
		"SELECT coalesce(min(id) + max(id), 0) FROM steps",
		"SELECT coalesce(min(id) + max(id), 0) FROM calls", "SELECT count(*) FROM meta",
		"SELECT count(*) FROM steps WHERE look_ms IS NOT NULL" };
	bool ok = true;
	int64_t ignored;

	s->checked = file_size(s->path, "") <= STORE_CHECK_NOW_MAX;
	if (s->checked) {
		ok = db_says(&s->writer, "PRAGMA quick_check(1)", "ok", e);
		if (!ok)
			atomic_store(&s->writer.corrupt, true);
		return ok;
	}
	for (size_t i = 0; ok && !s->is_new && i < sizeof(ends) / sizeof(ends[0]); i++)
		ok = db_ask(&s->writer, ends[i], &ignored, e);
	return ok;
}

/* ---- bring it up to date ---- */

/* A new one can give space back; this cannot be said later.  Versions are steps, all in one go. */
static bool
make_current(struct db *db, int64_t version, struct err *e)
{
	if (version == SCHEMA_VERSION)
		return true;
	return db_exec(db, "BEGIN EXCLUSIVE", e) && (version >= 1 || db_exec(db, schema, e)) &&
	       db_exec(db, version_2, e) && db_exec(db, "PRAGMA user_version = 2", e) &&
	       db_exec(db, "COMMIT", e);
}

/* ---- the writing connection ---- */

/* In the commit: what it wrote is copied into the database; a log that grows ends long checks. */
static int
after_commit(void *ctx, sqlite3 *handle, const char *name, int pages)
{
	struct store *s = ctx;

	atomic_store(&s->wal_pages, pages);
	if (pages >= CHECKPOINT_PAGES)
		(void)sqlite3_wal_checkpoint_v2(
		    handle, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (pages > STORE_CHECK_LOG_MAX) {
		pthread_mutex_lock(&s->health);
		if (s->checker != NULL)
			sqlite3_interrupt(s->checker);
		pthread_mutex_unlock(&s->health);
	}
	return SQLITE_OK;
}

/* Write-ahead log, every commit on disk; small memory, bounded log. */
static bool
set_up_writer(struct store *s, struct err *e)
{
	struct db *db = &s->writer;

	if (!db_says(db, "PRAGMA journal_mode = WAL", "wal", e) ||
	    !db_exec(db,
		"PRAGMA synchronous = FULL; PRAGMA cache_size = -1024; PRAGMA secure_delete = FAST;"
		"PRAGMA journal_size_limit = 16777216",
		e) ||
	    !db_says(db, "PRAGMA synchronous", "2", e))
		return false;
	sqlite3_wal_hook(db->handle, after_commit, s);
	return true;
}

static bool
open_writer(struct store *s, struct err *e)
{
	if (!db_open(&s->writer, s->path, SQLITE_OPEN_READWRITE, e))
		return false;
	if (sqlite3_db_readonly(s->writer.handle, "main") == 1)
		return fail(e, ERR_SYSTEM, "it cannot be written: read-only file or file system");
	return true;
}

/* SQLite would drop the log of an empty file without a word. */
static bool
not_emptied(struct store *s, struct err *e)
{
	if (file_size(s->path, "") > 0 || file_size(s->path, "-wal") == 0)
		return true;
	atomic_store(&s->writer.corrupt, true);
	return fail(e, ERR_SYSTEM, "it is empty, but its log %s-wal is not", s->path);
}

static bool
first_writer(struct store *s, struct err *e)
{
	int64_t version;

	return not_emptied(s, e) && open_writer(s, e) &&
	       check_ours(&s->writer, &version, &s->is_new, e) && check_sound(s, e) &&
	       (!s->is_new || db_exec(&s->writer, "PRAGMA auto_vacuum = INCREMENTAL", e)) &&
	       set_up_writer(s, e) && make_current(&s->writer, version, e);
}

/*
 * After a sync that failed, what the page cache holds need not be on disk, whatever the next sync
 * says.  So the log is copied into the database anew, synced, and begun from its start.
 */
bool
writer_renew(struct store *s, struct err *e)
{
	db_close(&s->writer);
	atomic_store(&s->writer.broken, false);
	if (open_writer(s, e) && set_up_writer(s, e) &&
	    db_says(&s->writer, "PRAGMA wal_checkpoint(TRUNCATE)", "0", e))
		return true;
	atomic_store(&s->writer.broken, true);
	return false;
}

/* ---- open and close ---- */

static bool
set_up_reader(struct db *db, struct err *e)
{
	return db_exec(db,
	    "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -512", e);
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
	char *path = NULL;
	bool ok;

	if (asprintf(&path, "%s-lock", s->path) < 0)
		abort();
	s->lock = open_private(path);
	if (s->lock < 0)
		ok = fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	else if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		ok = true;
	else if (errno == EWOULDBLOCK)
		ok = fail(e, ERR_CONFLICT, "it is in use by another process");
	else
		ok = fail_errno(e, ERR_SYSTEM, "cannot lock %s", path);
	free(path);
	return ok;
}

/* A new file's name is on disk before anything in it counts. */
static bool
make_file(const char *path, const char *folder, struct err *e)
{
	int fd = open_private(path);

	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	close(fd);
	return file_sync_dir(folder, e);
}

static bool
open_all(struct store *s, struct err *e)
{
	char *folder = xstrndup(str_folder(str_of(s->path)));
	bool ok = file_make_dirs(folder, e) && lock_file(s, e) && hand_out_open(s, e) &&
		  make_file(s->path, folder, e) && first_writer(s, e) &&
		  db_open(&s->reader, s->path, SQLITE_OPEN_READONLY, e) &&
		  set_up_reader(&s->reader, e);

	free(folder);
	return ok;
}

/* What a person is to do about it, at the end of what is wrong. */
static void
advise(const struct store *s, struct err *e)
{
	struct err was = *e;

	if (atomic_load(&s->writer.corrupt))
		fail(e, was.kind,
		    "%s; the database is damaged: keep its files aside, put a backup in their "
		    "place, see gridwarden(1), backup",
		    was.text);
	(void)fail_in(e, "store %s", s->path);
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
	pthread_mutex_init(&s->writer.lock, NULL);
	pthread_mutex_init(&s->reader.lock, NULL);
	pthread_mutex_init(&s->health, NULL);
	if (!open_all(s, e)) {
		advise(s, e);
		store_close(s);
		return false;
	}
	*out = s;
	return true;
}

bool
store_is_new(const struct store *s)
{
	return s->is_new;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(&s->reader);
	db_close(&s->writer);
	pthread_mutex_destroy(&s->reader.lock);
	pthread_mutex_destroy(&s->writer.lock);
	pthread_mutex_destroy(&s->health);
	if (s->lock >= 0)
		close(s->lock);
	free(s->path);
	free(s);
}
