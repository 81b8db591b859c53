#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define SECRET_MAX 16384
#define LIST_FIRST 64 /* room at first; it doubles */

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

struct list {
	const char **paths;
	size_t n, room;
};

static void
list_add(struct list *l, const char *path, struct arena *a)
{
	if (l->n == l->room) {
		size_t room = l->room == 0 ? LIST_FIRST : 2 * l->room;
		const char **paths = arena_alloc(a, room * sizeof(*paths));

		if (l->n > 0)
			memcpy(paths, l->paths, l->n * sizeof(*paths));
		l->paths = paths;
		l->room = room;
	}
	l->paths[l->n++] = path;
}

static bool
list_folder(const char *path, const char *suffix, size_t max, struct arena *a, struct list *l,
    struct err *e)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	while (l->n <= max && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    str_ends_nocase(str_of(entry->d_name), str_of(suffix)))
			list_add(l, arena_printf(a, "%s/%s", path, entry->d_name).p, a);
	closedir(dir);
	return l->n <= max || fail(e, ERR_INPUT, "%s holds more than %zu files", path, max);
}

bool
file_list(const char *path, const char *suffix, size_t max, struct arena *a, const char ***paths,
    size_t *n, struct err *e)
{
	struct list l = { .n = 0 };
	struct stat st;

	if (stat(path, &st) != 0)
		return fail_errno(e, ERR_NOT_FOUND, "cannot open %s", path);
	if (!S_ISDIR(st.st_mode))
		list_add(&l, arena_cstr(a, str_of(path)), a);
	else if (!list_folder(path, suffix, max, a, &l, e))
		return false;
	if (l.n > 0)
		qsort(l.paths, l.n, sizeof(*l.paths), by_name);
	*paths = l.paths;
	*n = l.n;
	return true;
}

static bool
write_new(const char *path, struct str text, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && fchmod(fd, 0600) == 0;

	while (ok && text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		ok = n > 0 || (n < 0 && errno == EINTR);
		if (n > 0)
			text = str_slice(text, (size_t)n, text.n);
	}
	ok = ok && fsync(fd) == 0;
	if (!ok)
		fail_errno(e, ERR_SYSTEM, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool
file_write_private(const char *path, struct str text, struct err *e)
{
	char *folder = xstrndup(str_folder(str_of(path))), *fresh = NULL;
	bool ok;

	if (asprintf(&fresh, "%s.new", path) < 0)
		abort();
	ok = write_new(fresh, text, e) &&
	     (rename(fresh, path) == 0 ||
		 fail_errno(e, ERR_SYSTEM, "cannot rename %s to %s", fresh, path)) &&
	     file_sync_dir(folder, e);
	free(fresh);
	free(folder);
	return ok;
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

static bool
make_dir(const char *path, struct err *e)
{
	char *parent;
	bool ok;

	if (mkdir(path, 0750) != 0)
		return errno == EEXIST ||
		       fail_errno(e, ERR_SYSTEM, "cannot make the folder %s", path);
	parent = xstrndup(str_folder(str_of(path)));
	ok = file_sync_dir(parent, e);
	free(parent);
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
		ok = make_dir(copy, e);
		*p = '/';
	}
	ok = ok && make_dir(copy, e);
	free(copy);
	return ok;
}
