/*
 * The inbox as a journal of segments.
 *
 *	journal.c         open: lock the folder, replay, find the place to go on; release
 *	journal_append.c  the committer: one write, one sync
 *	journal_read.c    the decider: one record after the other
 *	journal_space.c   segments: used again, made, removed
 *	replay.c          one segment read back at start
 *	segment.c         one file          record.c  one record          known.c  what is a
 *duplicate
 *
 * Opening, happy path: the segments in the order of their epochs hold records without a hole, the
 * last of them is where the next one goes.  What can go wrong: a torn tail (cut); bytes that do
 * not hold any more in the middle (the rest is kept, what is missing is counted as lost); a
 * segment whose header cannot be read (set aside under another name); records missing that the
 * store does not know as decided (lost).  None of these stops the daemon: an inbox that does not
 * open cannot take the next alert either.  What the disk cannot read is not known to be lost: it
 * does, before anything is cut or set aside because of it.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "replay.h"

_Static_assert(INBOX_RECORD_MAX + SEGMENT_DATA <= INBOX_SEGMENT_FIRST, "a record fits a segment");

static bool
lock_folder(struct inbox *in, struct err *e)
{
	char path[PATH_MAX];

	if (!file_make_dirs(in->folder, e))
		return false;
	snprintf(path, sizeof(path), "%s/lock", in->folder);
	in->folder_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (in->folder_lock < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot open %s", path);
	if (flock(in->folder_lock, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return fail(e, ERR_CONFLICT, "inbox %s is in use by another process", in->folder);
	return fail_errno(e, ERR_SYSTEM, "cannot lock %s", path);
}

/* ---- find the segments ---- */

/* By epoch; spares, which have none, come first. */
static void
insert(struct segment **list, struct segment *s)
{
	while (*list != NULL && (*list)->epoch < s->epoch)
		list = &(*list)->next;
	s->next = *list;
	*list = s;
}

static bool
set_aside(struct inbox *in, struct segment *s, struct err *e)
{
	char from[PATH_MAX], to[PATH_MAX];
	int renamed;

	snprintf(from, sizeof(from), "%s/%s", in->folder, s->name);
	snprintf(to, sizeof(to), "%s/unreadable-%s", in->folder, s->name);
	if (in->damage[0] == '\0')
		snprintf(in->damage, sizeof(in->damage),
		    "%s: its header cannot be read, set aside as unreadable-%s", s->name, s->name);
	segment_close(s);
	renamed = rename(from, to);
	return renamed == 0 || fail_errno(e, ERR_SYSTEM, "cannot rename %s", from);
}

static void
count_number(struct inbox *in, const char *name)
{
	const char *dash = strrchr(name, '-');
	unsigned long number = dash == NULL ? 0 : strtoul(dash + 1, NULL, 10);

	if (number >= in->number && number < UINT_MAX)
		in->number = (unsigned)number + 1;
}

static bool
is_segment(const char *name)
{
	return strncmp(name, SEGMENT_PREFIX, strlen(SEGMENT_PREFIX)) == 0;
}

static bool
find_segment(struct inbox *in, const char *name, struct segment **list, struct err *e)
{
	struct segment *s;
	bool readable;

	count_number(in, name);
	if (!is_segment(name))
		return true;
	if (!segment_open(in->folder, name, &s, &readable, e))
		return false;
	if (!readable)
		return set_aside(in, s, e);
	in->bytes += s->size;
	insert(list, s);
	return true;
}

static bool
find_segments(struct inbox *in, struct segment **list, struct err *e)
{
	struct arena *a = arena_new();
	const char **paths;
	size_t n;
	/* inbox_max says how many there may be. */
	bool ok = file_list(in->folder, "", SIZE_MAX, a, &paths, &n, e);

	for (size_t i = 0; ok && i < n; i++)
		ok = find_segment(in, strrchr(paths[i], '/') + 1, list, e);
	arena_free(a);
	return ok;
}

int64_t
inbox_stored(const char *folder)
{
	struct arena *a = arena_new();
	const char **paths;
	int64_t bytes = 0;
	struct stat st;
	struct err e;
	size_t n;

	if (!file_list(folder, "", SIZE_MAX, a, &paths, &n, &e))
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (is_segment(strrchr(paths[i], '/') + 1) && stat(paths[i], &st) == 0)
			bytes += st.st_size;
	arena_free(a);
	return bytes;
}

/* Spares go to their list; what stays is in use, the oldest first. */
static void
take_segments(struct inbox *in, struct segment *list)
{
	struct segment *s;

	while (list != NULL && list->epoch == 0) {
		s = list;
		list = s->next;
		s->next = in->spare;
		in->spare = s;
	}
	in->oldest = list;
	for (s = list; s != NULL; s = s->next)
		in->newest = s;
}

/* ---- replay ---- */

static bool
replay_all(struct inbox *in, uint64_t decided, struct err *e)
{
	struct replay r = { .known = in->known, .decided = decided };
	struct segment *s = in->oldest;
	bool ok = true;

	/* A store that knows nothing cannot say that something is missing. */
	if (s != NULL && decided > 0 && s->first_seq > 1)
		replay_lost(&r, s->name, SEGMENT_DATA, decided + 1, s->first_seq - 1);
	for (; ok && s != NULL; s = s->next)
		ok = replay_segment(&r, s, s->next == NULL ? 0 : s->next->first_seq, e);
	in->lost = r.lost;
	if (r.lost > 0)
		memcpy(in->damage, r.damage, sizeof(in->damage));
	return ok;
}

/*
 * Numbers go on behind the newest record, and behind what the store has decided: a journal made
 * anew must not give a number twice.
 */
static bool
find_place(struct inbox *in, uint64_t decided, struct err *e)
{
	if (in->newest != NULL) {
		in->epoch = in->newest->epoch;
		in->last_seq = in->newest->last_seq;
	}
	if (in->last_seq < decided) {
		in->last_seq = decided;
		in->sealed = true;
	}
	in->released = decided;
	if (in->newest == NULL ? !journal_roll_over(in, e)
			       : !pages_begin(&in->pages, in->newest, in->folder, e))
		return false;
	journal_retire(in);
	journal_trim_spares(in);
	return true;
}

static bool
read_back(struct inbox *in, uint64_t decided, struct err *e)
{
	struct segment *list = NULL;
	bool ok = find_segments(in, &list, e);

	take_segments(in, list); /* also to be closed */
	return (ok && replay_all(in, decided, e)) || fail_in(e, "inbox %s", in->folder);
}

static bool
start(struct inbox *in, uint64_t decided, struct err *e)
{
	return lock_folder(in, e) && read_back(in, decided, e) && find_place(in, decided, e);
}

bool
inbox_open_sized(const char *folder, const struct inbox_sizes *sizes, uint64_t decided,
    struct inbox **out, struct err *e)
{
	struct inbox *in = xcalloc(1, sizeof(*in));

	in->folder = xstrdup(folder);
	in->folder_lock = -1;
	in->sizes = *sizes;
	in->number = 1;
	in->known = known_new(INBOX_KNOWN_MAX);
	in->pending = known_new(SIZE_MAX);
	pages_init(&in->pages);
	pthread_mutex_init(&in->making, NULL);
	pthread_mutex_init(&in->lock, NULL);
	if (!start(in, decided, e)) {
		inbox_close(in);
		return false;
	}
	*out = in;
	return true;
}

bool
inbox_open(const char *folder, int64_t max, uint64_t decided, struct inbox **out, struct err *e)
{
	struct inbox_sizes sizes = { INBOX_SEGMENT_FIRST, INBOX_SEGMENT_NEXT, max };

	return inbox_open_sized(folder, &sizes, decided, out, e);
}

static void
close_all(struct segment *s)
{
	struct segment *next;

	for (; s != NULL; s = next) {
		next = s->next;
		segment_close(s);
	}
}

void
inbox_close(struct inbox *in)
{
	if (in == NULL)
		return;
	close_all(in->oldest);
	close_all(in->spare);
	if (in->folder_lock >= 0)
		close(in->folder_lock);
	pthread_mutex_destroy(&in->lock);
	pthread_mutex_destroy(&in->making);
	known_free(in->known);
	known_free(in->pending);
	pages_done(&in->pages);
	free(in->front);
	free(in->folder);
	free(in);
}

/* ---- the rest of the contract ---- */

void
inbox_release(struct inbox *in, uint64_t decided)
{
	pthread_mutex_lock(&in->lock);
	if (decided > in->last_seq)
		decided = in->last_seq;
	if (decided > in->released)
		in->released = decided;
	journal_retire(in);
	pthread_mutex_unlock(&in->lock);
	journal_trim_spares(in);
}

void
inbox_figures(struct inbox *in, struct inbox_figures *out)
{
	pthread_mutex_lock(&in->lock);
	*out = (struct inbox_figures){ .last_seq = in->last_seq,
		.waiting = in->last_seq - in->released,
		.bytes = in->bytes,
		.bytes_max = in->sizes.max,
		.syncs = in->syncs,
		.records = in->records,
		.lost = in->lost };
	memcpy(out->damage, in->damage, sizeof(out->damage));
	for (const struct segment *s = in->oldest; s != NULL; s = s->next)
		out->bytes_in_use += s->size;
	pthread_mutex_unlock(&in->lock);
}
