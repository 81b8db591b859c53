/*
 * A copy of the running store, written through a descriptor that somebody else opened.
 *
 * Happy path: a connection of its own reads the store as it is at this moment and SQLite's backup
 * copies it page by page, into a "file system" that knows one file: the descriptor.
 * What can go wrong: the other file cannot be written (said); the log of the running store, which
 * cannot shrink while we read, grows too long (given up); the daemon ends (given up).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

#define VFS_NAME "gridwarden-copy"
#define STEP_PAGES 256

/* ---- a file system of one file ---- */

struct target {
	sqlite3_file base;
	int fd;
};

static int
target_of(sqlite3_file *file)
{
	return ((struct target *)file)->fd;
}

static int
target_close(sqlite3_file *file)
{
	(void)file; /* the caller's */
	return SQLITE_OK;
}

static int
target_read(sqlite3_file *file, void *p, int n, sqlite3_int64 at)
{
	ssize_t got = pread(target_of(file), p, (size_t)n, at);

	if (got < 0)
		return SQLITE_IOERR_READ;
	memset((char *)p + got, 0, (size_t)(n - got));
	return got == n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
target_write(sqlite3_file *file, const void *p, int n, sqlite3_int64 at)
{
	const char *from = p;

	while (n > 0) {
		ssize_t k = pwrite(target_of(file), from, (size_t)n, at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL
								  : SQLITE_IOERR_WRITE;
		from += k;
		at += k;
		n -= (int)k;
	}
	return SQLITE_OK;
}

static int
target_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return ftruncate(target_of(file), size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int
target_sync(sqlite3_file *file, int flags)
{
	(void)file, (void)flags; /* once, at the end */
	return SQLITE_OK;
}

static int
target_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct stat st;

	if (fstat(target_of(file), &st) != 0)
		return SQLITE_IOERR_FSTAT;
	*size = st.st_size;
	return SQLITE_OK;
}

static int
target_lock(sqlite3_file *file, int level)
{
	(void)file, (void)level; /* nobody else knows the file */
	return SQLITE_OK;
}

static int
target_is_locked(sqlite3_file *file, int *out)
{
	(void)file;
	*out = 0;
	return SQLITE_OK;
}

static int
target_control(sqlite3_file *file, int op, void *arg)
{
	(void)file, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int
target_sector(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int
target_traits(sqlite3_file *file)
{
	(void)file;
	return 0;
}

static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
	static const sqlite3_io_methods methods = { .iVersion = 1,
		.xClose = target_close,
		.xRead = target_read,
		.xWrite = target_write,
		.xTruncate = target_truncate,
		.xSync = target_sync,
		.xFileSize = target_size,
		.xLock = target_lock,
		.xUnlock = target_lock,
		.xCheckReservedLock = target_is_locked,
		.xFileControl = target_control,
		.xSectorSize = target_sector,
		.xDeviceCharacteristics = target_traits };

	(void)name;
	file->pMethods = NULL;
	if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
		return SQLITE_CANTOPEN; /* no journal: a copy that fails is thrown away */
	((struct target *)file)->fd = *(const int *)vfs->pAppData;
	file->pMethods = &methods;
	if (flags_out != NULL)
		*flags_out = flags;
	return SQLITE_OK;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs, (void)name, (void)sync;
	return SQLITE_OK;
}

static int
vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs, (void)name, (void)flags;
	*out = 0;
	return SQLITE_OK;
}

static int
vfs_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
	(void)vfs;
	sqlite3_snprintf(n, out, "%s", name);
	return SQLITE_OK;
}

/* ---- copy ---- */

/* Ours and the source's: pages go over in the order of the file. */
static bool
copy_pages(struct store *s, sqlite3 *to, sqlite3 *from, struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int code = b == NULL ? SQLITE_ERROR : SQLITE_OK;

	while (code == SQLITE_OK && !atomic_load(&s->ending) &&
	       atomic_load(&s->wal_pages) <= STORE_COPY_LOG_MAX)
		code = sqlite3_backup_step(b, STEP_PAGES);
	sqlite3_backup_finish(b);
	if (code == SQLITE_DONE)
		return true;
	if (code != SQLITE_OK)
		return fail(e, ERR_SYSTEM, "cannot write the copy: %s",
		    code == SQLITE_FULL ? "its disk is full" : sqlite3_errmsg(to));
	return atomic_load(&s->ending)
		   ? fail_again(e, 0, "the daemon is ending")
		   : fail_again(e, 0,
			 "given up: the log of the running store grew too long meanwhile; write "
			 "to a faster disk, or at a quieter time");
}

static bool
copy_from(struct store *s, struct db *from, sqlite3 *to, struct err *e)
{
	int64_t ignored;

	/* From the first read to the end it is one and the same moment. */
	return db_open(from, s->path, SQLITE_OPEN_READONLY, e) &&
	       db_exec(from, "PRAGMA cache_size = -512; BEGIN", e) &&
	       db_ask(from, "SELECT count(*) FROM meta", &ignored, e) &&
	       copy_pages(s, to, from->handle, e);
}

static bool
copy_through(struct store *s, int fd, const char *vfs, struct err *e)
{
	struct db from = { .handle = NULL }, to = { .handle = NULL };
	bool ok = sqlite3_open_v2("copy", &to.handle,
		      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		      vfs) == SQLITE_OK &&
		  db_exec(&to,
		      "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
		      "PRAGMA cache_size = -1024",
		      e);

	if (!ok)
		fail(e, ERR_SYSTEM, "cannot write the copy: %s", sqlite3_errmsg(to.handle));
	ok = ok && copy_from(s, &from, to.handle, e);
	db_close(&from);
	db_close(&to);
	return ok && (fsync(fd) == 0 || fail_errno(e, ERR_SYSTEM, "cannot sync the copy"));
}

bool
store_copy(struct store *s, int fd, struct err *e)
{
	sqlite3_vfs vfs = *sqlite3_vfs_find(NULL);
	bool ok;

	if (!atomic_load(&s->usable))
		return fail_again(e, 0, "the store is not open yet");
	if (atomic_exchange(&s->copying, true))
		return fail(e, ERR_CONFLICT, "another backup is being written");
	vfs.iVersion = 1;
	vfs.szOsFile = sizeof(struct target);
	vfs.zName = VFS_NAME;
	vfs.pAppData = &fd;
	vfs.pNext = NULL;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	vfs.xFullPathname = vfs_full_path;
	ok = sqlite3_vfs_register(&vfs, 0) == SQLITE_OK || fail(e, ERR_SYSTEM, "no memory");
	ok = ok && copy_through(s, fd, VFS_NAME, e);
	sqlite3_vfs_unregister(&vfs);
	atomic_store(&s->copying, false);
	return ok;
}

/* ---- is a copy good? ---- */

static bool
look_through(struct db *db, struct store_copy_figures *out, struct err *e)
{
	int64_t pages, size, version;

	if (!db_ask(db, "PRAGMA user_version", &version, e))
		return false;
	if (version < 1)
		return fail(e, ERR_INPUT, "it is no store");
	if (db_check(db, e) != CHECK_SOUND)
		return fail_in(e, "quick_check");
	return db_ask(db, "PRAGMA page_count", &pages, e) &&
	       db_ask(db, "PRAGMA page_size", &size, e) &&
	       db_ask(db, "SELECT count(*) FROM events", &out->events, e) &&
	       db_ask(db, "SELECT count(*) FROM alerts", &out->alerts, e) &&
	       db_ask(db, "SELECT count(*) FROM steps", &out->steps, e) &&
	       db_ask(db, "SELECT coalesce(max(received_ms), 0) FROM events", &out->newest_event_ms,
		   e) &&
	       (out->bytes = pages * size, true);
}

bool
store_copy_check(const char *path, struct store_copy_figures *out, struct err *e)
{
	struct store_copy_figures f = { 0 };
	struct db db = { .handle = NULL };
	bool ok = db_open_still(&db, path, e) && look_through(&db, &f, e);

	db_close(&db);
	if (ok)
		*out = f;
	return ok || fail_in(e, "%s", path);
}
