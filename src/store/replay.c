#include "replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"

/* Where we are in the segment: the next number expected and the place where it should be. */
struct walk {
	struct segment *s;
	struct arena *a;
	uint64_t seq, behind; /* behind: the first number of the next segment, 0 = none */
	int64_t at;
	uint64_t group; /* the last write seen, and where it starts */
	int64_t group_at;
	bool remains; /* something torn lies there */
};

void
replay_lost(struct replay *r, const char *where, int64_t at, uint64_t first, uint64_t last)
{
	if (first <= r->decided)
		first = r->decided + 1;
	if (first > last)
		return;
	if (r->lost == 0)
		snprintf(r->damage, sizeof(r->damage),
		    "%s at %" PRId64 ": records %" PRIu64 " to %" PRIu64 " cannot be read", where,
		    at, first, last);
	r->lost += last - first + 1;
}

static void
take_hashes(struct replay *r, const void *record, struct arena *a)
{
	struct delivery d;

	record_read(record, a, &d);
	for (size_t i = 0; i < d.n; i++)
		known_add(r->known, &d.hashes[i]);
}

/* What was lost stays lost: it is counted at each start until the segment is used again. */
static void
take_gap(struct replay *r, struct walk *w, const struct record_front *f)
{
	if (f->events > 0)
		replay_lost(r, w->s->name, w->at, f->seq, f->seq + f->events - 1);
	w->seq = f->group;
	w->at += f->length;
}

static void
take_record(struct replay *r, struct walk *w, const struct record_front *f, const void *record)
{
	replay_lost(r, w->s->name, w->at, w->seq, f->seq - 1);
	take_hashes(r, record, w->a);
	if (f->group != w->group) {
		w->group = f->group;
		w->group_at = w->at;
	}
	w->seq = f->seq + 1;
	w->at += f->length;
}

enum stride { STRIDE_ON, STRIDE_END, STRIDE_TROUBLE };

/* Does this number belong to the segment, and not before where we are? */
static bool
in_turn(const struct walk *w, const struct record_front *f)
{
	return f->seq >= w->seq && (w->behind == 0 || f->seq < w->behind);
}

/* Nothing holds here: lay a gap record over it, up to the next record that does. */
static enum stride
bridge(struct walk *w, struct err *e)
{
	struct record_front f, gap;
	struct iovec iov = { .iov_base = &gap, .iov_len = sizeof(gap) };
	struct finding next;
	enum found found = segment_find(w->s, w->at, w->s->size, w->a, &next, e);
	uint64_t first_unsure, lost;

	if (found == FOUND_UNKNOWN)
		return STRIDE_TROUBLE;
	w->remains = w->remains || next.remains;
	if (found == FOUND_NONE || next.at - w->at < (int64_t)sizeof(gap))
		return STRIDE_END;
	memcpy(&f, next.record, sizeof(f));
	if (!in_turn(w, &f))
		return STRIDE_END;
	/* A write is begun after the one before it is synced, so what is older was answered. */
	first_unsure = f.magic == RECORD_GAP ? f.seq : f.group;
	lost = first_unsure > w->seq ? first_unsure - w->seq : 0;
	record_build_gap(w->s->mark, w->seq, f.seq, lost, (size_t)(next.at - w->at), &gap);
	return segment_write(w->s, w->at, &iov, 1, e) ? STRIDE_ON : STRIDE_TROUBLE;
}

/* What does not hold is read twice, the second time from the disk. */
static enum found
read_here(const struct walk *w, const void **record, struct err *e)
{
	enum found found = segment_read(w->s, w->at, w->s->size, w->a, record, e);

	if (found != FOUND_NONE)
		return found;
	segment_distrust(w->s, w->at);
	return segment_read(w->s, w->at, w->s->size, w->a, record, e);
}

static enum stride
stride(struct replay *r, struct walk *w, struct err *e)
{
	const void *record;
	struct record_front f;
	enum found found;

	if (w->behind != 0 && w->seq >= w->behind)
		return STRIDE_END;
	arena_reset(w->a);
	found = read_here(w, &record, e);
	if (found == FOUND_UNKNOWN)
		return STRIDE_TROUBLE;
	if (found == FOUND_NONE)
		return bridge(w, e);
	memcpy(&f, record, sizeof(f));
	if (!in_turn(w, &f))
		return STRIDE_END;
	if (f.magic == RECORD_GAP)
		take_gap(r, w, &f);
	else
		take_record(r, w, &f, record);
	return STRIDE_ON;
}

/*
 * The newest segment goes on being written.  Its last write may have reached the page cache only,
 * by a crash or by a sync that failed, so it is written and synced again before it counts.
 */
static bool
settle_tail(struct walk *w, struct err *e)
{
	if (FAULT("journal.cut"))
		return fail(e, ERR_SYSTEM, "fault ordered at journal.cut");
	if (w->remains && !segment_zero(w->s, w->at, e))
		return false;
	return segment_write_header(w->s, e) && segment_rewrite(w->s, w->group_at, w->at, e) &&
	       segment_sync(w->s, e);
}

bool
replay_segment(struct replay *r, struct segment *s, uint64_t behind, struct err *e)
{
	struct walk w = { .s = s,
		.a = arena_new(),
		.seq = s->first_seq,
		.behind = behind,
		.at = SEGMENT_DATA,
		.group_at = SEGMENT_DATA };
	enum stride next;
	bool ok;

	/* All that an older one holds is decided: it is used again at once, unread. */
	if (behind != 0 && behind - 1 <= r->decided) {
		s->last_seq = behind - 1;
		arena_free(w.a);
		return true;
	}
	segment_read_ahead(s);
	do {
		next = stride(r, &w, e);
	} while (next == STRIDE_ON);
	segment_read_ahead_done(s);
	arena_free(w.a);
	if (behind != 0)
		replay_lost(r, s->name, w.at, w.seq, behind - 1);
	ok = next == STRIDE_END && (behind != 0 || settle_tail(&w, e));
	s->last_seq = w.seq - 1;
	s->end = w.at;
	return ok;
}
