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
	bool remains;
	int64_t next = segment_find(c->segment, c->at, v->end, a, &remains);
	uint64_t behind = v->last_seq + 1;
	struct record_front f;

	if (next < v->end) {
		memcpy(&f, segment_read(c->segment, next, v->end, a), sizeof(f));
		behind = f.seq;
	}
	if (after + 1 < behind)
		return fail(e, ERR_SYSTEM,
		    "inbox: %s at %" PRId64 ": record %" PRIu64 " does not hold any more",
		    c->segment->name, c->at, after + 1);
	c->at = next;
	c->seq = behind - 1;
	return true;
}

/* Records that the caller has seen are passed by their fronts alone. */
static bool
pass_seen(struct cursor *c, int64_t end, uint64_t after)
{
	struct record_front f;

	if (!segment_front(c->segment, c->at, end, &f) || f.magic != RECORD_MAGIC ||
	    f.seq != c->seq + 1 || f.seq > after)
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

bool
inbox_read(struct inbox *in, uint64_t after, struct arena *a, struct delivery *out, bool *found,
    struct err *e)
{
	struct cursor *c = &in->cursor;
	const void *record;
	struct view v;

	if (after < in->released)
		after = in->released;
	for (;;) {
		seek(in, after);
		v = look(in, c->segment);
		if (c->at >= v.end) {
			*found = false;
			return true;
		}
		if (pass_seen(c, v.end, after))
			continue;
		record = segment_read(c->segment, c->at, v.end, a);
		if (record == NULL && !step_over(c, &v, after, a, e))
			return false;
		if (record == NULL || !take(c, record, after))
			continue;
		record_read(record, a, out);
		*found = true;
		return true;
	}
}
