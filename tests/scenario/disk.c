/*
 * A disk that can be told to fail, and whose power can be cut: loaded into the daemon by
 * conftest.py (LD_PRELOAD).
 *
 *	DISK_FOLDER    only files below it are looked at
 *	DISK_TROUBLE   a file "EIO text": while it is there, what writes to or syncs a path that
 *	               holds the text fails so
 *	DISK_REMAINS   a folder that gets what would survive: each file as it was when it was last
 *	               synced (inode-N), each folder's names as they were when it was (names-N)
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

/* The error that is ordered for this path; 0 = none. */
static int
ordered(const char *path)
{
	const char *order = getenv("DISK_TROUBLE");
	char text[256] = "", name[32], part[128] = "";
	int fd = order == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, order, O_RDONLY, 0);

	if (fd < 0)
		return 0;
	(void)!read(fd, text, sizeof(text) - 1);
	close(fd);
	if (sscanf(text, "%31s %127s", name, part) < 1 || strstr(path, part) == NULL)
		return 0;
	return strcmp(name, "ENOSPC") == 0 ? ENOSPC : strcmp(name, "EROFS") == 0 ? EROFS : EIO;
}

static int
refused(int fd)
{
	char path[PATH_MAX];
	int error = path_of(fd, path) ? ordered(path) : 0;

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

static void
keep_file(int fd, ino_t ino)
{
	static char part[1 << 20];
	char draft[PATH_MAX], name[PATH_MAX];
	off_t at = 0;
	ssize_t n;
	int to;

	name_of(draft, "inode", ino, ".draft");
	name_of(name, "inode", ino, "");
	to = (int)syscall(SYS_openat, AT_FDCWD, draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	while ((n = pread(fd, part, sizeof(part), at)) > 0) {
		if (syscall(SYS_pwrite64, to, part, n, at) != n)
			abort();
		at += n;
	}
	close(to);
	syscall(SYS_rename, draft, name);
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

	if (getenv("DISK_REMAINS") == NULL || !path_of(fd, path) || fstat(fd, &st) != 0)
		return;
	pthread_mutex_lock(&lock);
	if (S_ISDIR(st.st_mode)) {
		keep_names(path, st.st_ino);
	} else {
		/* A read-only descriptor of our own, as the caller's may be write-only. */
		int from = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

		if (from >= 0) {
			keep_file(from, st.st_ino);
			syscall(SYS_close, from);
		}
	}
	pthread_mutex_unlock(&lock);
}

/* ---- calls ---- */

int
fdatasync(int fd)
{
	if (refused(fd) || syscall(SYS_fdatasync, fd) != 0)
		return -1;
	keep(fd);
	return 0;
}

int
fsync(int fd)
{
	if (refused(fd) || syscall(SYS_fsync, fd) != 0)
		return -1;
	keep(fd);
	return 0;
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return refused(fd) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return pwrite64(fd, p, n, at);
}

ssize_t
pwritev64(int fd, const struct iovec *iov, int n, off_t at)
{
	return refused(fd) ? -1 : syscall(SYS_pwritev, fd, iov, (long)n, at, 0L);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	return pwritev64(fd, iov, n, at);
}

int
ftruncate64(int fd, off_t n)
{
	return refused(fd) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int
ftruncate(int fd, off_t n)
{
	return ftruncate64(fd, n);
}

int
fallocate64(int fd, int mode, off_t at, off_t n)
{
	return refused(fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, n);
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	return fallocate64(fd, mode, at, n);
}

/* A new file has nothing on disk, whatever had its number before. */
static void
forget(int fd)
{
	char path[PATH_MAX], name[PATH_MAX];
	struct stat st;

	if (getenv("DISK_REMAINS") == NULL || !path_of(fd, path) || fstat(fd, &st) != 0)
		return;
	name_of(name, "inode", st.st_ino, "");
	syscall(SYS_unlink, name);
}

static int
open_it(const char *path, int flags, mode_t mode)
{
	int made = (flags & O_CREAT) != 0 && watched(path) && access(path, F_OK) != 0;
	int fd, error = 0;

	if (watched(path) && (flags & O_ACCMODE) != O_RDONLY)
		error = ordered(path);
	if (error != 0) {
		errno = error;
		return -1;
	}
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (fd >= 0 && made)
		forget(fd);
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
