/*
 * The decider's side: records in their order, from a cursor that mostly stands at the right place.
 */
#include "journal.h"

#include <inttypes.h>
#include <string.h>

/* What of a segment is on disk, at this moment. */
struct view {
	int64_t end;
	uint64_t last_seq;
	struct segment *next;
};

static struct view
look(struct inbox *in, const struct segment *s)
{
	struct view v;

	pthread_mutex_lock(&in->lock);
	v = (struct view){ .end = s->end, .last_seq = s->last_seq, .next = s->next };
	pthread_mutex_unlock(&in->lock);
	return v;
}

/* Stand in front of record after + 1, or somewhere before it. */
static void
seek(struct inbox *in, uint64_t after)
{
	struct cursor *c = &in->cursor;
	struct view v;

	if (c->segment == NULL || c->seq > after) {
		pthread_mutex_lock(&in->lock);
		*c = (struct cursor){
			.segment = in->oldest, .at = SEGMENT_DATA, .seq = in->oldest->first_seq - 1
		};
		pthread_mutex_unlock(&in->lock);
	}
	for (v = look(in, c->segment); v.next != NULL && v.last_seq <= after;
	     v = look(in, c->segment))
		*c = (struct cursor){ .segment = v.next, .at = SEGMENT_DATA, .seq = v.last_seq };
}

/*
 * What was on disk does not hold any more.  Once the caller is past the records that are missing,
 * the cursor goes on behind them.
 */
static bool
step_over(struct cursor *c, const struct view *v, uint64_t after, struct arena *a, struct err *e)
{
	struct finding next;
	enum found found = segment_find(c->segment, c->at, v->end, a, &next, e);
	uint64_t behind = v->last_seq + 1;
	struct record_front f;

	if (found == FOUND_UNKNOWN)
		return false;
	if (found == FOUND_RECORD) {
		memcpy(&f, next.record, sizeof(f));
		behind = f.seq;
	}
	if (after + 1 < behind) {
		segment_distrust(c->segment, c->at);
		return fail(e, ERR_NOT_FOUND,
		    "%s at %" PRId64 ": record %" PRIu64 " does not hold any more",
		    c->segment->name, c->at, after + 1);
	}
	c->at = next.at;
	c->seq = behind - 1;
	return true;
}

/* Records that the caller has seen are passed by their fronts alone. */
static bool
pass_seen(struct cursor *c, int64_t end, uint64_t after)
{
	struct record_front f;
	struct err ignored;

	if (segment_front(c->segment, c->at, end, &f, &ignored) != FOUND_RECORD ||
	    f.magic != RECORD_MAGIC || f.seq != c->seq + 1 || f.seq > after)
		return false;
	c->at += f.length;
	c->seq = f.seq;
	return true;
}

/* A record to hand out; false for one that only moves the cursor. */
static bool
take(struct cursor *c, const void *record, uint64_t after)
{
	struct record_front f;

	memcpy(&f, record, sizeof(f));
	c->at += f.length;
	if (f.magic == RECORD_GAP)
		return false;
	c->seq = f.seq;
	return f.seq > after;
}

/* *out is set with FOUND_RECORD; FOUND_NONE only moved the cursor. */
static enum found
read_one(struct cursor *c, const struct view *v, uint64_t after, struct arena *a,
    struct delivery *out, struct err *e)
{
	const void *record;
	enum found found = segment_read(c->segment, c->at, v->end, a, &record, e);

	if (found == FOUND_NONE)
		return step_over(c, v, after, a, e) ? FOUND_NONE : FOUND_UNKNOWN;
	if (found == FOUND_UNKNOWN || !take(c, record, after))
		return found == FOUND_UNKNOWN ? found : FOUND_NONE;
	record_read(record, a, out);
	return FOUND_RECORD;
}

bool
inbox_read(struct inbox *in, uint64_t after, struct arena *a, struct delivery *out, bool *found,
    struct err *e)
{
	struct cursor *c = &in->cursor;
	enum found one = FOUND_NONE;

	if (after < in->released)
		after = in->released;
	while (one == FOUND_NONE) {
		struct view v;

		seek(in, after);
		v = look(in, c->segment);
		if (c->at >= v.end)
			break;
		if (!pass_seen(c, v.end, after))
			one = read_one(c, &v, after, a, out, e);
	}
	*found = one == FOUND_RECORD;
	return one != FOUND_UNKNOWN || fail_in(e, "inbox %s", in->folder);
}
