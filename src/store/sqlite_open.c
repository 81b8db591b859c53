/*
 * Happy path: lock, open, look whether it is ours and sound, bring it up to date.
 *
 * What can go wrong: a file that is damaged, too new, of another program, read-only or in use is
 * refused with what to do.  A large file is not read to its end here: store_check() does that when
 * the daemon runs.  A disk that is full or fails may be better in a second: then the little that is
 * needed to receive is read, and each use tries all of the above again.  A connection that met an
 * I/O error is replaced.
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

#include "base/buf.h"
#include "base/file.h"
#include "sqlite.h"

#define SCHEMA_VERSION 4
#define BUSY_MS 5000

static const char schema[] = ""
#include "sqlite_schema.inc"
    ;
static const char version_2[] = ""
#include "sqlite_2.inc"
    ;
static const char version_3[] = ""
#include "sqlite_3.inc"
    ;
static const char version_4[] = ""
#include "sqlite_4.inc"
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

char *
db_path(const struct store *s, const char *suffix)
{
	char *path = NULL;

	if (asprintf(&path, "%s%s", s->path, suffix) < 0)
		abort();
	return path;
}

/* A name as SQLite reads one: "file:" and what is not plain as %XX. */
static void
add_uri(struct buf *b, const char *path)
{
	buf_add_cstr(b, "file:");
	for (; *path != '\0'; path++) {
		if (*path == '?' || *path == '#' || *path == '%')
			buf_printf(b, "%%%02x", (unsigned)*path);
		else
			buf_add_char(b, *path);
	}
	buf_add_cstr(b, "?immutable=1");
}

bool
db_open_still(struct db *db, const char *path, struct err *e)
{
	struct buf uri;
	bool ok;

	buf_init(&uri, 3 * strlen(path) + 64);
	add_uri(&uri, path);
	ok = db_open(db, buf_cstr(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
	buf_done(&uri);
	return ok;
}

void
db_close(struct db *db)
{
	for (size_t i = 0; i < db->n; i++)
		sqlite3_finalize(db->cache[i].statement);
	db->n = 0;
	/* The last one to close copies the log and removes it, but not on this one's word. */
	if (db->handle != NULL && atomic_load(&db->broken))
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db->handle);
	db->handle = NULL;
}

/* ---- is it ours, and sound? ---- */

bool
db_knows(int64_t version, struct err *e)
{
	return version <= SCHEMA_VERSION ||
	       fail(e, ERR_INPUT,
		   "the database is of version %" PRId64
		   ", written by a newer gridwarden; this one knows version %d",
		   version, SCHEMA_VERSION);
}

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
	return db_knows(*version, e);
}

static int64_t
file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
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

	if (atomic_load(&s->checked)) /* by a try before, which failed elsewhere */
		return true;
	if (file_size(s->path) <= STORE_CHECK_NOW_MAX) {
		ok = db_check(&s->writer, e) == CHECK_SOUND;
		atomic_store(&s->checked, ok);
		return ok || fail_in(e, "quick_check");
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
	       (version >= 2 || db_exec(db, version_2, e)) &&
	       (version >= 3 || db_exec(db, version_3, e)) && db_exec(db, version_4, e) &&
	       db_exec(db, "PRAGMA user_version = 4", e) && db_exec(db, "COMMIT", e);
}

/* ---- the writing connection ---- */

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
	log_follow(s);
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
	if (file_size(s->path) > 0 || store_log_bytes(s) == 0)
		return true;
	atomic_store(&s->writer.corrupt, true);
	return fail(e, ERR_SYSTEM, "it is empty, but its log %s-wal is not", s->path);
}

/* Nothing is built on what the process before left in the page cache only. */
static bool
settle_log(struct store *s, struct err *e)
{
	struct db *db = &s->writer;

	return db_exec(db, "BEGIN IMMEDIATE", e) && log_write_again(s, e) &&
	       db_exec(db, "ROLLBACK", e) && log_copy_anew(db, e);
}

/* Nobody else has it open, so nobody holds a lease. */
static bool
drop_leases(struct db *db, struct err *e)
{
	return db_exec(db, "UPDATE steps SET look_ms = due_ms WHERE state = 'running'", e);
}

static bool
first_writer(struct store *s, struct err *e)
{
	struct db *db = &s->writer;
	int64_t version;

	return not_emptied(s, e) && open_writer(s, e) && check_ours(db, &version, &s->is_new, e) &&
	       check_sound(s, e) &&
	       (!s->is_new || db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL", e)) &&
	       set_up_writer(s, e) && settle_log(s, e) && make_current(db, version, e) &&
	       drop_leases(db, e);
}

static bool
open_reader(struct store *s, struct err *e)
{
	struct db *db = &s->reader;
	bool ok;

	pthread_mutex_lock(&db->lock);
	ok = db_open(db, s->path, SQLITE_OPEN_READONLY, e) &&
	     db_exec(db,
		 "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -512",
		 e);
	if (!ok)
		db_close(db);
	pthread_mutex_unlock(&db->lock);
	return ok;
}

/*
 * After a sync that failed, what the page cache holds need not be on disk, whatever the next sync
 * says.  Commits were synced in the log; but all that is in it is copied into the database anew.
 */
static bool
next_writer(struct store *s, struct err *e)
{
	return open_writer(s, e) && set_up_writer(s, e) && log_copy_anew(&s->writer, e) &&
	       log_copy(&s->writer, e);
}

/* SQLite does not say why it cannot make the files of a log. */
static void
ask_why(struct store *s, struct err *e)
{
	static const char *const suffixes[] = { "-wal", "-shm" };
	int fd = 0;

	for (size_t i = 0; fd >= 0 && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *path = db_path(s, suffixes[i]);

		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
		if (fd < 0)
			fail_errno(e, ERR_AGAIN, "cannot open %s", path);
		else
			close(fd);
		free(path);
	}
}

/* What a person is to do about it, at the end of what is wrong. */
static bool
advise(const struct store *s, struct err *e)
{
	struct err was = *e;

	if (atomic_load(&s->writer.corrupt))
		fail(e, was.kind,
		    "%s; the database is damaged: keep its files aside, put a backup in their "
		    "place, see gridwarden(1), backup",
		    was.text);
	return fail_in(e, "store %s", s->path);
}

bool
writer_renew(struct store *s, struct err *e)
{
	bool usable = atomic_load(&s->usable), ok;

	db_close(&s->writer);
	ok = usable ? next_writer(s, e) : first_writer(s, e) && open_reader(s, e);
	atomic_store(&s->usable, usable || ok);
	if (ok) { /* not before: others ask without the lock */
		atomic_store(&s->writer.broken, false);
		return true;
	}
	if (!usable && (sqlite3_errcode(s->writer.handle) & 0xff) == SQLITE_CANTOPEN)
		ask_why(s, e);
	if (!usable)
		db_close(&s->writer);
	s->may_recover = atomic_exchange(&s->writer.broken, true) || e->kind == ERR_AGAIN;
	return advise(s, e);
}

bool
store_mend(struct store *s, struct err *e)
{
	bool ok;

	if (!atomic_load(&s->writer.broken))
		return true;
	pthread_mutex_lock(&s->writer.lock);
	ok = !atomic_load(&s->writer.broken) || writer_renew(s, e);
	pthread_mutex_unlock(&s->writer.lock);
	return ok;
}

/* ---- open and close ---- */

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
	char *path = db_path(s, "-lock");
	bool ok;

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

/*
 * Without room for a log: in place of the writing connection, until that can be opened, one that
 * can be read.  What a log holds is found by a connection that nobody shares.
 */
static bool
open_to_read(struct store *s, struct err *e)
{
	struct db *db = &s->writer;
	int64_t version;
	bool empty;

	db_close(db);
	return (store_log_bytes(s) == 0 ? db_open_still(db, s->path, e)
					: db_open(db, s->path, SQLITE_OPEN_READWRITE, e) &&
					      db_exec(db, "PRAGMA locking_mode = EXCLUSIVE", e)) &&
	       check_ours(db, &version, &empty, e) && !empty;
}

static bool
open_files(struct store *s, struct err *e)
{
	char *folder = xstrndup(str_folder(str_of(s->path)));
	bool ok = (file_make_dirs(folder, e) && lock_file(s, e) && hand_out_open(s, e) &&
		      make_file(s->path, folder, e)) ||
		  fail_in(e, "store %s", s->path);

	free(folder);
	return ok;
}

bool
store_open(struct str url, struct store **out, struct err *e)
{
	struct err ignored;
	struct store *s;

	if (!str_starts_nocase(url, STR("sqlite:")) || url.n == strlen("sqlite:"))
		return fail(e, ERR_INPUT, "store '%.*s' is not sqlite:/path", STR_ARG(url));
	s = xcalloc(1, sizeof(*s));
	s->lock = -1;
	s->path = xstrndup(str_slice(url, strlen("sqlite:"), url.n));
	pthread_mutex_init(&s->writer.lock, NULL);
	pthread_mutex_init(&s->reader.lock, NULL);
	pthread_mutex_init(&s->health, NULL);
	if (!open_files(s, e) ||
	    (!writer_renew(s, e) && !(s->may_recover && open_to_read(s, &ignored)))) {
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
