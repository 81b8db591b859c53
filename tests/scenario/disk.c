/*
 * A disk that can be told to fail, and whose power can be cut: loaded into the daemon by the
 * scenarios that use the fixture `disk` (LD_PRELOAD).
 *
 *	DISK_FOLDER    only files below it are looked at
 *	DISK_TROUBLE   a file with lines "EIO text [sync|read]": while it is there, what writes to
 *	               or syncs a path that holds the text fails so; only its syncs, or only its
 *	               reads.  A text that ends in '$' is the path's end
 *	DISK_UNREADABLE  a file "text": while it is there, reading a path that holds it fails
 *	DISK_REMAINS   a folder that gets what would survive: the bytes of each file that were
 *synced (inode-N), each folder's names as they were when it was (names-N)
 *
 * What a file's page cache holds and its disk does not is kept page by page (dirty-N), for the
 * processes to come too.  A sync that succeeds puts these pages on disk and no others; one that
 * fails forgets them, as the kernel does: the next one says yes without having written them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int
watched(const char *path)
{
	const char *folder = getenv("DISK_FOLDER");

	return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int
path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n <= 0)
		return 0;
	path[n] = '\0';
	return watched(path);
}

enum call { CALL_WRITE, CALL_SYNC, CALL_READ };

static int
is_meant(const char *path, const char *part)
{
	size_t n = strlen(part), all = strlen(path);

	if (n == 0 || part[n - 1] != '$')
		return strstr(path, part) != NULL;
	n--;
	return all >= n && memcmp(path + all - n, part, n) == 0;
}

static int
is_for(const char *line, const char *path, enum call call)
{
	char part[128] = "", what[8] = "";

	if (sscanf(line, "%*s %127s %7s", part, what) < 1 || !is_meant(path, part))
		return 0;
	if (strcmp(what, "sync") == 0)
		return call == CALL_SYNC;
	return (strcmp(what, "read") == 0) == (call == CALL_READ);
}

/* The error that is ordered for this path; 0 = none. */
static int
ordered(const char *path, enum call call)
{
	const char *order = getenv("DISK_TROUBLE");
	char text[512] = "", *rest = text, *line;
	int fd = order == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, order, O_RDONLY, 0);

	if (fd < 0)
		return 0;
	(void)!syscall(SYS_read, fd, text, sizeof(text) - 1);
	close(fd);
	while ((line = strsep(&rest, "\n")) != NULL)
		if (is_for(line, path, call))
			return strncmp(line, "ENOSPC", 6) == 0	? ENOSPC
			       : strncmp(line, "EROFS", 5) == 0 ? EROFS
								: EIO;
	return 0;
}

static int
refused(int fd, enum call call)
{
	char path[PATH_MAX];
	int error = path_of(fd, path) ? ordered(path, call) : 0;

	if (error != 0)
		errno = error;
	return error;
}

/* ---- what survives ---- */

static void
name_of(char out[PATH_MAX], const char *kind, ino_t ino, const char *suffix)
{
	snprintf(out, PATH_MAX, "%s/%s-%llu%s", getenv("DISK_REMAINS"), kind,
	    (unsigned long long)ino, suffix);
}

#define PAGE 4096
#define PAGES_MAX (1 << 18) /* of a file: 1 GiB */
#define FILES_MAX 256

/* Of one file, shared with the processes to come. */
struct cache {
	off_t cut; /* it was this short since the last sync, plus 1; 0 = it only grew */
	unsigned char dirty[PAGES_MAX];
};

static struct {
	ino_t ino;
	struct cache *cache;
} files[FILES_MAX];
static size_t n_files;

static struct cache *
map_cache(ino_t ino)
{
	char name[PATH_MAX];
	struct cache *cache;
	int fd;

	name_of(name, "dirty", ino, "");
	fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof(*cache)) != 0)
		abort();
	cache = mmap(NULL, sizeof(*cache), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (cache == MAP_FAILED)
		abort();
	close(fd);
	return cache;
}

/* Under the lock. */
static struct cache *
cache_of(ino_t ino)
{
	for (size_t i = 0; i < n_files; i++)
		if (files[i].ino == ino)
			return files[i].cache;
	if (n_files == FILES_MAX)
		abort();
	files[n_files].ino = ino;
	files[n_files].cache = map_cache(ino);
	return files[n_files++].cache;
}

/* Does what becomes of this descriptor's file count? */
static int
counts(int fd, char path[PATH_MAX], struct stat *st)
{
	return getenv("DISK_REMAINS") != NULL && path_of(fd, path) && fstat(fd, st) == 0;
}

/* Once they are in the page cache: n bytes at `at` are not on disk. */
static void
wrote(int fd, off_t at, ssize_t n)
{
	int saved = errno;
	char path[PATH_MAX];
	struct stat st;

	if (n > 0 && counts(fd, path, &st)) {
		if (at + n > (off_t)PAGES_MAX * PAGE)
			abort();
		pthread_mutex_lock(&lock);
		memset(cache_of(st.st_ino)->dirty + at / PAGE, 1,
		    (size_t)((at + n - 1) / PAGE - at / PAGE + 1));
		pthread_mutex_unlock(&lock);
	}
	errno = saved;
}

static void
cut_to(int fd, off_t size)
{
	char path[PATH_MAX];
	struct stat st;
	struct cache *cache;

	if (!counts(fd, path, &st))
		return;
	pthread_mutex_lock(&lock);
	cache = cache_of(st.st_ino);
	if (cache->cut == 0 || size + 1 < cache->cut)
		cache->cut = size + 1;
	pthread_mutex_unlock(&lock);
}

static void
keep_page(int from, int to, off_t at)
{
	char page[PAGE];
	ssize_t n = syscall(SYS_pread64, from, page, sizeof(page), at);

	if (n > 0 && syscall(SYS_pwrite64, to, page, n, at) != n)
		abort();
}

/* Under the lock.  It reaches the disk as far as it changed since it was there last. */
static void
keep_file(int from, ino_t ino)
{
	struct cache *cache = cache_of(ino);
	char name[PATH_MAX];
	struct stat st;
	int to;

	name_of(name, "inode", ino, "");
	to = (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (to < 0 || fstat(from, &st) != 0)
		abort();
	if (cache->cut > 0 && (fstat(to, &st) != 0 || st.st_size >= cache->cut))
		syscall(SYS_ftruncate, to, cache->cut - 1);
	cache->cut = 0;
	for (off_t i = 0; i < PAGES_MAX; i++) {
		if (!cache->dirty[i])
			continue;
		cache->dirty[i] = 0;
		keep_page(from, to, i * PAGE);
	}
	if (fstat(from, &st) != 0 || syscall(SYS_ftruncate, to, st.st_size) != 0)
		abort();
	close(to);
}

static void
keep_names(const char *path, ino_t ino)
{
	char draft[PATH_MAX], name[PATH_MAX];
	DIR *dir = opendir(path);
	struct dirent *entry;
	FILE *to;

	name_of(draft, "names", ino, ".draft");
	name_of(name, "names", ino, "");
	to = fopen(draft, "w");
	while ((entry = readdir(dir)) != NULL)
		fprintf(to, "%llu %s\n", (unsigned long long)entry->d_ino, entry->d_name);
	fclose(to);
	closedir(dir);
	syscall(SYS_rename, draft, name);
}

static void
keep(int fd)
{
	char path[PATH_MAX];
	struct stat st;

	if (!counts(fd, path, &st))
		return;
	pthread_mutex_lock(&lock);
	if (S_ISDIR(st.st_mode)) {
		keep_names(path, st.st_ino);
	} else {
		/* A descriptor of our own, as the caller's may be write-only or go past the cache.
		 */
		int from = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

		if (from >= 0) {
			keep_file(from, st.st_ino);
			syscall(SYS_close, from);
		}
	}
	pthread_mutex_unlock(&lock);
}

/* A sync that failed: what was to be written counts as written from now on, and is not. */
static void
lose(int fd)
{
	int saved = errno;
	char path[PATH_MAX];
	struct stat st;

	if (counts(fd, path, &st) && S_ISREG(st.st_mode)) {
		pthread_mutex_lock(&lock);
		memset(cache_of(st.st_ino)->dirty, 0, PAGES_MAX);
		pthread_mutex_unlock(&lock);
	}
	errno = saved;
}

/* A new file has nothing on disk, whatever had its number before. */
static void
forget(int fd)
{
	char path[PATH_MAX], name[PATH_MAX];
	struct stat st;

	if (!counts(fd, path, &st))
		return;
	name_of(name, "inode", st.st_ino, "");
	syscall(SYS_unlink, name);
	pthread_mutex_lock(&lock);
	memset(cache_of(st.st_ino), 0, sizeof(struct cache));
	pthread_mutex_unlock(&lock);
}

/* ---- calls ---- */

static int
sync_it(long call, int fd)
{
	if (refused(fd, CALL_SYNC)) {
		lose(fd);
		return -1;
	}
	if (syscall(call, fd) != 0)
		return -1;
	keep(fd);
	return 0;
}

int
fdatasync(int fd)
{
	return sync_it(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return sync_it(SYS_fsync, fd);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t at)
{
	ssize_t done = refused(fd, CALL_WRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);

	wrote(fd, at, done);
	return done;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite64(fd, p, n, at);
}

ssize_t
pwritev64(int fd, const struct iovec *iov, int n, off_t at)
{
	ssize_t done =
	    refused(fd, CALL_WRITE) ? -1 : syscall(SYS_pwritev, fd, iov, (long)n, at, 0L);

	wrote(fd, at, done);
	return done;
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	return pwritev64(fd, iov, n, at);
}

static int
unreadable(int fd)
{
	const char *order = getenv("DISK_UNREADABLE");
	char path[PATH_MAX], text[128] = "";
	int from = order == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, order, O_RDONLY, 0);

	if (from < 0)
		return 0;
	(void)!read(from, text, sizeof(text) - 1);
	close(from);
	return text[0] != '\0' && path_of(fd, path) && strstr(path, text) != NULL;
}

ssize_t
pread64(int fd, void *p, size_t n, off_t at)
{
	if (unreadable(fd)) {
		errno = EIO;
		return -1;
	}
	return refused(fd, CALL_READ) ? -1 : syscall(SYS_pread64, fd, p, n, at);
}

ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
	return pread64(fd, p, n, at);
}

/* What a hardened build calls. */
ssize_t
__pread64_chk(int fd, void *p, size_t n, off_t at, size_t size)
{
	if (n > size)
		abort();
	return pread64(fd, p, n, at);
}

ssize_t
__pread_chk(int fd, void *p, size_t n, off_t at, size_t size)
{
	return __pread64_chk(fd, p, n, at, size);
}

int
ftruncate64(int fd, off_t n)
{
	int result = refused(fd, CALL_WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, n);

	if (result == 0)
		cut_to(fd, n);
	return result;
}

int
ftruncate(int fd, off_t n)
{
	return ftruncate64(fd, n);
}

int
fallocate64(int fd, int mode, off_t at, off_t n)
{
	return refused(fd, CALL_WRITE) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, n);
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	return fallocate64(fd, mode, at, n);
}

static int
open_it(const char *path, int flags, mode_t mode)
{
	int made = (flags & O_CREAT) != 0 && watched(path) && access(path, F_OK) != 0;
	int fd, error = 0;

	if (watched(path) && (flags & O_ACCMODE) != O_RDONLY)
		error = ordered(path, CALL_WRITE);
	/* What is there already can be opened: a full disk, or a bad place on it, shows later. */
	if (error == EROFS || (error != 0 && made)) {
		errno = error;
		return -1;
	}
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (fd >= 0 && made)
		forget(fd);
	else if (fd >= 0 && (flags & O_TRUNC) != 0)
		cut_to(fd, 0);
	return fd;
}

int
open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_it(path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_it(path, flags, mode);
}
