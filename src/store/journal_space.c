/*
 * Where records go: the newest segment, then a spare, then a new file until the limit is reached.
 * A spare is made ahead by another thread, so that the committer rarely has to.
 *
 * What can go wrong: a place of the disk that cannot be written.  A segment that failed before it
 * held a record is suspect, and others are tried before it; it stays in the list until all before
 * it is decided, as the decider may stand in it.
 */
#include "journal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"

/*
 * Writing to blocks that were written before is twice as fast as to new ones, so spares are kept
 * for the next storm: this part of what the journal may take, from which on the decider hurries.
 */
#define SPARES_PART 2
/* The next one is made when so much of the newest is used: a storm fills it in a moment. */
#define USED_PART 4

#define MIB (1024 * 1024)
#define FULL_RETRY_MS 10000

/* When so many are suspect, the disk is to blame, and not a place of it. */
#define SUSPECTS_MAX 3

/* Under `lock`. */
static bool
too_many_suspects(const struct inbox *in)
{
	int n = 0;

	for (const struct segment *s = in->oldest; s != NULL; s = s->next)
		n += s->suspect;
	for (const struct segment *s = in->spare; s != NULL; s = s->next)
		n += s->suspect;
	return n >= SUSPECTS_MAX;
}

static struct segment *
take_spare(struct inbox *in, bool suspect_too)
{
	struct segment *s;

	pthread_mutex_lock(&in->lock);
	s = in->spare;
	if (s != NULL && s->suspect && !suspect_too && !too_many_suspects(in))
		s = NULL;
	if (s != NULL)
		in->spare = s->next;
	pthread_mutex_unlock(&in->lock);
	return s;
}

/* Under `lock`. */
static void
put_spare(struct inbox *in, struct segment *s)
{
	struct segment **place = &in->spare;

	while (s->suspect && *place != NULL)
		place = &(*place)->next;
	s->next = *place;
	*place = s;
}

static void
give_spare(struct inbox *in, struct segment *s)
{
	pthread_mutex_lock(&in->lock);
	put_spare(in, s);
	pthread_mutex_unlock(&in->lock);
}

/* A disk that is nearly full may have room for a small one. */
static bool
make_smaller(struct inbox *in, int64_t size, struct segment **out, struct err *e)
{
	return e->kind == ERR_AGAIN && in->sizes.first < size &&
	       segment_make(in->folder, in->number, in->sizes.first, out, e);
}

/* Under `making`. */
static bool
make(struct inbox *in, struct segment **out, struct err *e)
{
	int64_t bytes, size;
	uint64_t waiting;

	pthread_mutex_lock(&in->lock);
	bytes = in->bytes;
	waiting = in->last_seq - in->released;
	pthread_mutex_unlock(&in->lock);
	size = bytes == 0 ? in->sizes.first : in->sizes.next;
	if (bytes + size > in->sizes.max)
		return fail_again(e, FULL_RETRY_MS,
		    "inbox is full: %llu deliveries wait to be decided in %lld MiB",
		    (unsigned long long)waiting, (long long)(bytes / MIB));
	if (!segment_make(in->folder, in->number, size, out, e) && !make_smaller(in, size, out, e))
		return fail_in(e, "inbox %s", in->folder);
	in->number++;
	pthread_mutex_lock(&in->lock);
	in->bytes += (*out)->size;
	pthread_mutex_unlock(&in->lock);
	return true;
}

static bool
spare_or_new(struct inbox *in, struct segment **out, struct err *e)
{
	bool ok = true;

	pthread_mutex_lock(&in->making);
	*out = take_spare(in, false);
	if (*out == NULL)
		ok = make(in, out, e);
	if (!ok) {
		*out = take_spare(in, true);
		ok = *out != NULL;
	}
	pthread_mutex_unlock(&in->making);
	return ok;
}

void
journal_seal(struct inbox *in)
{
	in->sealed = true;
	pthread_mutex_lock(&in->lock);
	in->newest->suspect = in->newest->last_seq < in->newest->first_seq;
	pthread_mutex_unlock(&in->lock);
}

/* A failed write left the newest segment without a record: it can be used again. */
static bool
newest_was_in_vain(const struct inbox *in)
{
	return in->sealed && in->newest != NULL && in->newest->last_seq < in->newest->first_seq;
}

static bool
others_first(struct inbox *in)
{
	bool yes;

	pthread_mutex_lock(&in->lock);
	yes = in->newest->suspect && (in->spare != NULL || !too_many_suspects(in));
	pthread_mutex_unlock(&in->lock);
	return yes;
}

/* Where to go on. */
static bool
choose_next(struct inbox *in, struct segment **out, struct err *e)
{
	if (!newest_was_in_vain(in))
		return spare_or_new(in, out, e);
	if (!others_first(in) || !spare_or_new(in, out, e))
		*out = in->newest;
	return true;
}

static void
link_newest(struct inbox *in, struct segment *s)
{
	s->next = NULL;
	if (in->newest == NULL)
		in->oldest = s;
	else
		in->newest->next = s;
	in->newest = s;
}

bool
journal_roll_over(struct inbox *in, struct err *e)
{
	struct segment *s;
	bool ok;

	if (!choose_next(in, &s, e))
		return false;
	/* On disk together with the first records: until then the old header, or none, counts. */
	pthread_mutex_lock(&in->lock);
	ok = FAULT("journal.rollover") ? fail(e, ERR_SYSTEM, "fault ordered at journal.rollover")
				       : segment_use(s, ++in->epoch, in->last_seq + 1, e) &&
					     pages_begin(&in->pages, s, in->folder, e);
	s->suspect = s->suspect || !ok;
	if (s != in->newest && ok)
		link_newest(in, s);
	else if (s != in->newest)
		put_spare(in, s);
	pthread_mutex_unlock(&in->lock);
	in->sealed = !ok;
	return ok;
}

bool
journal_need_spare(struct inbox *in, struct err *e)
{
	struct segment *s;

	if (!spare_or_new(in, &s, e))
		return false;
	give_spare(in, s);
	return true;
}

bool
inbox_wants_room(struct inbox *in)
{
	bool wants;

	pthread_mutex_lock(&in->lock);
	wants = (in->spare == NULL || in->spare->suspect) &&
		in->newest->end > in->newest->size / USED_PART;
	pthread_mutex_unlock(&in->lock);
	return wants;
}

bool
inbox_make_room(struct inbox *in)
{
	struct segment *s;
	struct err e;
	bool ok = true;

	if (!inbox_wants_room(in))
		return true;
	pthread_mutex_lock(&in->making);
	if (inbox_wants_room(in)) {
		ok = make(in, &s, &e);
		if (ok)
			give_spare(in, s);
	}
	pthread_mutex_unlock(&in->making);
	return ok;
}

static void
discard(struct inbox *in, struct segment *s)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", in->folder, s->name);
	unlink(path);
	segment_close(s);
}

void
journal_trim_spares(struct inbox *in)
{
	struct segment *s, *surplus = NULL, **end = &in->spare;

	int64_t kept = 0;

	pthread_mutex_lock(&in->lock);
	for (; *end != NULL && kept + (*end)->size <= in->sizes.max / SPARES_PART;
	     end = &(*end)->next)
		kept += (*end)->size;
	surplus = *end;
	*end = NULL;
	for (s = surplus; s != NULL; s = s->next)
		in->bytes -= s->size;
	pthread_mutex_unlock(&in->lock);
	while ((s = surplus) != NULL) {
		surplus = s->next;
		discard(in, s);
	}
}

void
journal_retire(struct inbox *in)
{
	struct segment *s;

	while ((s = in->oldest) != in->newest && s->last_seq <= in->released) {
		in->oldest = s->next;
		if (in->cursor.segment == s)
			in->cursor = (struct cursor){ .segment = s->next,
				.at = SEGMENT_DATA,
				.seq = s->next->first_seq - 1 };
		put_spare(in, s);
	}
}
