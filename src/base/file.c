#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define SECRET_MAX 16384
#define LIST_MAX 1000

static bool
read_all(int fd, const char *path, struct buf *b, struct err *e)
{
	char part[16384];

	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(e, ERR_SYSTEM, "cannot read %s", path);
		if (n == 0)
			return true;
		buf_add(b, (struct str){ part, (size_t)n });
		if (buf_over(b))
			return fail(e, ERR_INPUT, "%s is larger than %zu bytes", path, b->max);
	}
}

/* A name with a slash could lead out of the folder. */
static bool
open_credential(const char *name, int *fd, struct err *e)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	int dir;

	if (*name == '\0' || strchr(name, '/') != NULL || strcmp(name, "..") == 0)
		return fail(
		    e, ERR_INPUT, "'" FILE_CREDENTIAL "%s' does not name a credential", name);
	if (folder == NULL)
		return fail(e, ERR_INPUT,
		    "cannot open " FILE_CREDENTIAL "%s: systemd hands over no credentials "
		    "(CREDENTIALS_DIRECTORY is not set)",
		    name);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*fd = dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (dir >= 0)
		close(dir);
	return *fd >= 0 || fail_errno(e, ERR_NOT_FOUND, "cannot open " FILE_CREDENTIAL "%s", name);
}

static bool
open_any(const char *path, int *fd, struct err *e)
{
	if (strncasecmp(path, FILE_CREDENTIAL, strlen(FILE_CREDENTIAL)) == 0)
		return open_credential(path + strlen(FILE_CREDENTIAL), fd, e);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	return *fd >= 0 ||
	       fail_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "cannot open %s", path);
}

bool
file_read(const char *path, size_t max, struct arena *a, struct str *text, struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = STDIN_FILENO;
	struct buf b;
	bool ok;

	if (!is_stdin && !open_any(path, &fd, e))
		return false;
	buf_init(&b, max);
	ok = read_all(fd, is_stdin ? "standard input" : path, &b, e);
	if (!is_stdin)
		close(fd);
	if (ok)
		*text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return ok;
}

bool
file_read_secret(const char *path, struct arena *a, struct str *secret, struct err *e)
{
	struct str text;

	if (!file_read(path, SECRET_MAX, a, &text, e))
		return false;
	text = str_trim(text);
	if (text.n == 0)
		return fail(e, ERR_INPUT, "%s is empty, a secret was expected", path);
	if (memchr(text.p, '\n', text.n) != NULL)
		return fail(
		    e, ERR_INPUT, "%s has more than one line, one secret was expected", path);
	*secret = arena_str(a, text);
	return true;
}

static int
by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

bool
file_list(const char *path, const char *suffix, struct arena *a, const char ***paths, size_t *n,
    struct err *e)
{
	struct stat st;
	struct dirent *entry;
	const char **list = arena_alloc(a, LIST_MAX * sizeof(*list));
	size_t count = 0;
	DIR *dir;

	if (stat(path, &st) != 0)
		return fail_errno(e, ERR_NOT_FOUND, "cannot open %s", path);
	if (!S_ISDIR(st.st_mode)) {
		list[count++] = arena_cstr(a, str_of(path));
	} else {
		dir = opendir(path);
		if (dir == NULL)
			return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
		while ((entry = readdir(dir)) != NULL && count < LIST_MAX) {
			if (entry->d_name[0] == '.' ||
			    !str_ends_nocase(str_of(entry->d_name), str_of(suffix)))
				continue;
			list[count++] = arena_printf(a, "%s/%s", path, entry->d_name).p;
		}
		closedir(dir);
		if (count == LIST_MAX)
			return fail(e, ERR_INPUT, "%s holds %d files or more", path, LIST_MAX);
	}
	qsort(list, count, sizeof(*list), by_name);
	*paths = list;
	*n = count;
	return true;
}

bool
file_sync_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	ok = fsync(fd) == 0;
	if (!ok)
		fail_errno(e, ERR_SYSTEM, "cannot sync %s", path);
	close(fd);
	return ok;
}

bool
file_make_dirs(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	bool ok = true;

	for (char *p = copy + 1; ok && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = mkdir(copy, 0750) == 0 || errno == EEXIST;
		*p = '/';
	}
	ok = ok && (mkdir(copy, 0750) == 0 || errno == EEXIST);
	if (!ok)
		fail_errno(e, ERR_SYSTEM, "cannot make the folder %s", path);
	free(copy);
	return ok;
}
