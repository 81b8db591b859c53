/*
 * Happy path: the way to each file is walked name by name.  The folder of every link and of the
 * file itself is watched for that name; the folders between only for being moved or removed.
 * What can go wrong: a name is missing - its folder is watched until it is there; a folder may not
 * be read - its parent is watched until it may, and that is an error if a name in it counts; the
 * kernel has lost count of events - anything may have changed.
 */
#include "daemon/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#define SELF (IN_MOVE_SELF | IN_DELETE_SELF)
/* Not IN_MODIFY: a file is looked at when its writer has closed it. */
#define INSIDE (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB)
/* But where files come and go: one that is still being written is not to be looked at. */
#define ALL (INSIDE | IN_MODIFY)
#define EVERY_NAME "*"

struct entry {
	int wd;
	char *name; /* NULL = only the folder itself counts; "*" = each name in it */
};

struct file_watch {
	int fd;
	struct entry entries[FILE_WATCH_NAMES_MAX];
	size_t n;
};

bool
file_watch_new(struct file_watch **out, struct err *e)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct file_watch *w;

	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot watch files");
	w = xcalloc(1, sizeof(*w));
	w->fd = fd;
	*out = w;
	return true;
}

static void
forget(struct entry *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].name);
}

void
file_watch_free(struct file_watch *w)
{
	if (w == NULL)
		return;
	close(w->fd);
	forget(w->entries, w->n);
	free(w);
}

int
file_watch_fd(const struct file_watch *w)
{
	return w->fd;
}

/* ---- the way to a file ---- */

static int
inside(const char *name)
{
	return name == NULL ? 0 : strcmp(name, EVERY_NAME) == 0 ? ALL : INSIDE;
}

static bool
names(const struct entry *x, const char *name)
{
	return x->name != NULL && (strcmp(x->name, EVERY_NAME) == 0 || strcmp(x->name, name) == 0);
}

static bool
add(struct file_watch *w, const char *folder, const char *name, struct err *e)
{
	/* Added to what is asked for already: one folder may be on the way to several files. */
	int wd = inotify_add_watch(
	    w->fd, folder, (uint32_t)(SELF | IN_ONLYDIR | IN_MASK_ADD | inside(name)));

	if (wd < 0)
		return fail_errno(
		    e, errno == EACCES ? ERR_DENIED : ERR_SYSTEM, "cannot watch %s", folder);
	if (w->n == FILE_WATCH_NAMES_MAX)
		return fail(e, ERR_INPUT, "more than %d names to watch", FILE_WATCH_NAMES_MAX);
	w->entries[w->n++] = (struct entry){ wd, name == NULL ? NULL : xstrndup(str_of(name)) };
	return true;
}

/*
 * A folder between.  Of one that may not be read its parent tells when it is moved, and when it may
 * be read.  Where the parent may not be read either the way is followed all the same.
 */
static bool
add_between(
    struct file_watch *w, const char *parent, const char *name, const char *folder, struct err *e)
{
	return add(w, folder, NULL, e) || add(w, parent, name, e) || e->kind == ERR_DENIED;
}

/* Takes the first name off; false when none is left. */
static bool
first_name(char *rest, char name[NAME_MAX + 1])
{
	size_t from = strspn(rest, "/"), n = strcspn(rest + from, "/");

	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(name, rest + from, n);
	name[n] = '\0';
	memmove(rest, rest + from + n, strlen(rest + from + n) + 1);
	return true;
}

/* Where the link leads comes in front of the rest. */
static bool
follow(const char *link, char folder[PATH_MAX], char rest[PATH_MAX])
{
	char target[PATH_MAX], joined[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	int length;

	if (n <= 0)
		return false;
	target[n] = '\0';
	length = snprintf(joined, sizeof(joined), "%s%s", target, rest);
	if (length < 0 || (size_t)length >= sizeof(joined))
		return false;
	if (target[0] == '/')
		folder[0] = '\0';
	memcpy(rest, joined, (size_t)length + 1);
	return true;
}

static void
leave(char folder[PATH_MAX])
{
	char *slash = strrchr(folder, '/');

	if (slash != NULL)
		*slash = '\0';
}

/* folder is absolute, "" = the root. */
static bool
walk(struct file_watch *w, char folder[PATH_MAX], char rest[PATH_MAX], struct err *e)
{
	char name[NAME_MAX + 1], here[PATH_MAX];
	int links = 0;
	struct stat st;

	while (first_name(rest, name)) {
		const char *parent = folder[0] == '\0' ? "/" : folder;
		bool is_link, is_folder;
		int n = snprintf(here, sizeof(here), "%s/%s", folder, name);

		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			leave(folder);
			continue;
		}
		if (n < 0 || (size_t)n >= sizeof(here))
			break;
		is_folder = is_link = false;
		if (lstat(here, &st) == 0) {
			is_link = S_ISLNK(st.st_mode);
			is_folder = S_ISDIR(st.st_mode);
		}
		if (!is_folder && !add(w, parent, name, e))
			return false;
		if (is_link && links++ < FILE_WATCH_LINKS_MAX && follow(here, folder, rest))
			continue;
		if (!is_folder)
			break; /* the file, or where the way ends for now */
		if (!add_between(w, parent, name, here, e))
			return false;
		memcpy(folder, here, (size_t)n + 1);
	}
	return true;
}

static bool
watch_path(struct file_watch *w, struct str path, struct err *e)
{
	char folder[PATH_MAX] = "", rest[PATH_MAX];

	if (path.n >= PATH_MAX)
		return fail(e, ERR_INPUT, "the path is too long to be watched");
	snprintf(rest, sizeof(rest), "%.*s", STR_ARG(path));
	if (path.n > 0 && path.p[0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
		return fail_errno(e, ERR_SYSTEM, "cannot tell the folder of %s", rest);
	return walk(w, folder, rest, e);
}

static bool
has(const struct file_watch *w, int wd)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->entries[i].wd == wd)
			return true;
	return false;
}

bool
file_watch_set(struct file_watch *w, const struct str *paths, size_t n, struct err *e)
{
	struct entry *old = xcalloc(w->n + 1, sizeof(*old));
	size_t n_old = w->n;
	bool ok = true;

	memcpy(old, w->entries, n_old * sizeof(*old));
	w->n = 0;
	/* Twice: what changed while the way was walked first is seen when it is walked again, and
	 * what changes then is an event. */
	for (int pass = 0; pass < 2; pass++) {
		forget(w->entries, w->n);
		w->n = 0;
		for (size_t i = 0; i < n; i++)
			ok = (paths[i].n == 0 || watch_path(w, paths[i], e)) && ok;
	}
	for (size_t i = 0; i < n_old; i++)
		if (!has(w, old[i].wd))
			inotify_rm_watch(w->fd, old[i].wd); /* gone already: fine */
	forget(old, n_old);
	free(old);
	return ok;
}

/* ---- events ---- */

static bool
concerns(const struct file_watch *w, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	for (size_t i = 0; i < w->n; i++) {
		const struct entry *x = &w->entries[i];

		if (x->wd != event->wd)
			continue;
		if ((event->mask & (SELF | IN_UNMOUNT)) != 0)
			return true;
		/* The folder itself: it may be that its names can be looked up only now. */
		if (event->len == 0 && x->name != NULL && (event->mask & IN_ATTRIB) != 0)
			return true;
		if (event->len > 0 && names(x, event->name))
			return true;
	}
	return false;
}

bool
file_watch_take(struct file_watch *w)
{
	_Alignas(struct inotify_event) char events[4096];
	bool changed = false;
	ssize_t n;

	while ((n = read(w->fd, events, sizeof(events))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const void *)(events + at);

			changed |= concerns(w, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return changed;
}
