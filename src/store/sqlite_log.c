/*
 * The write-ahead log: every commit goes there and is synced there.
 *
 * Happy path: a commit that leaves CHECKPOINT_PAGES in the log copies them into the database; when
 * all of them are there and synced, the log is begun anew.
 *
 * What can go wrong:
 *	a reader      holds back what it may still need; the rest is copied, but not synced
 *	copying       fails: the connection counts as broken until it works again, as the log would
 *	              grow without end.  After a sync of the database that failed, what was copied
 *	              since the last good one may be lost, and no later sync says so: all that is in
 *	              the log is copied anew
 *	a sync        of the log fails: that commit did not happen.  But when the process ends then,
 *	              the next one finds it in the page cache: it writes all of the log again before
 *	              it builds on it
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

/* Pages in the log at which the commit that wrote them copies them into the database. */
#define CHECKPOINT_PAGES 1000
#define PART (256 * 1024)

/* The shared memory of the log, as www.sqlite.org/walformat.html has it. */
#define SHM_REGION 32768
#define SHM_COPIED (96 / sizeof(uint32_t)) /* so many frames are in the database already */
#define SHM_LOCK_COPYING 1

int64_t
store_log_bytes(const struct store *s)
{
	char *path = db_path(s, "-wal");
	struct stat st;
	int64_t size = stat(path, &st) == 0 ? st.st_size : 0;

	free(path);
	return size;
}

/* ---- copy it into the database ---- */

/* As far as readers allow: they are no failure, and neither is somebody else who copies. */
static bool
copied(sqlite3 *handle)
{
	int code =
	    0xff & sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	return code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

bool
log_copy(struct db *db, struct err *e)
{
	errno = 0;
	return copied(db->handle) || db_fail(db, e, "its log cannot be copied into it");
}

/* In the commit, which stands whatever happens here; a log that grows ends long checks. */
static int
after_commit(void *ctx, sqlite3 *handle, const char *name, int pages)
{
	struct store *s = ctx;

	(void)name;
	atomic_store(&s->wal_pages, pages);
	if (pages >= CHECKPOINT_PAGES && !copied(handle))
		atomic_store(&s->writer.broken, true);
	if (pages > STORE_CHECK_LOG_MAX) {
		pthread_mutex_lock(&s->health);
		if (s->checker != NULL)
			sqlite3_interrupt(s->checker);
		pthread_mutex_unlock(&s->health);
	}
	return SQLITE_OK;
}

void
log_follow(struct store *s)
{
	sqlite3_wal_hook(s->writer.handle, after_commit, s);
}

bool
log_copy_anew(struct db *db, struct err *e)
{
	const int exclusive = SQLITE_SHM_EXCLUSIVE;
	void volatile *memory = NULL;
	sqlite3_file *file = NULL;
	const sqlite3_io_methods *m;

	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK)
		return db_fail(db, e, "its log");
	m = file->pMethods;
	if (m->xShmMap(file, 0, SHM_REGION, 0, &memory) != SQLITE_OK || memory == NULL)
		return fail(e, ERR_SYSTEM, "the memory of its log cannot be mapped");
	if (m->xShmLock(file, SHM_LOCK_COPYING, 1, SQLITE_SHM_LOCK | exclusive) != SQLITE_OK)
		return fail_again(e, 0, "another program copies its log");
	((uint32_t volatile *)memory)[SHM_COPIED] = 0;
	m->xShmLock(file, SHM_LOCK_COPYING, 1, SQLITE_SHM_UNLOCK | exclusive);
	return true;
}

/* ---- write it again ---- */

static bool
write_part(int fd, char *part, int64_t at, size_t *n)
{
	ssize_t got = pread(fd, part, PART, at);

	*n = got < 0 ? 0 : (size_t)got;
	for (size_t done = 0; got > 0 && done < *n;) {
		ssize_t k = pwrite(fd, part + done, *n - done, at + (int64_t)done);

		if (k <= 0)
			return false;
		done += (size_t)k;
	}
	return got >= 0;
}

static bool
write_all(int fd)
{
	char *part = xmalloc(PART);
	int64_t at = 0;
	size_t n;
	bool ok;

	do {
		ok = write_part(fd, part, at, &n);
		at += (int64_t)n;
	} while (ok && n > 0);
	free(part);
	return ok && fdatasync(fd) == 0;
}

bool
log_write_again(struct store *s, struct err *e)
{
	char *path = db_path(s, "-wal");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	bool ok = fd >= 0 ? write_all(fd) : errno == ENOENT;

	if (!ok) {
		fail_errno(e, ERR_SYSTEM, "cannot write %s again", path);
		atomic_store(&s->writer.broken, true);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}
