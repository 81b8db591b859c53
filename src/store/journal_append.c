/*
 * The committer's side.  Happy path: find out what is new, lay the records behind the newest one
 * (pages.c), sync, count them.
 *
 * What can go wrong: no room (another segment; none: refuse before anything is written); the write
 * or the sync fails (nothing of it counts, its place is never used again in this use of the
 * segment: the next one starts in another, whose first number makes the leftovers void; in the
 * same one again only when it holds no record and no other can be had).
 */
#include "journal.h"

#include <assert.h>

#include "base/fault.h"

/* Deliveries from..to of a group that go into one segment. */
struct part {
	size_t from, to;
	size_t records;
	size_t bytes;
};

static bool
keeps(const struct delivery *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->fresh[i])
			return true;
	return false;
}

static size_t
record_max(const struct inbox *in)
{
	int64_t smallest = in->sizes.first < in->sizes.next ? in->sizes.first : in->sizes.next;
	size_t room = (size_t)(smallest - SEGMENT_DATA);

	return room < INBOX_RECORD_MAX ? room : INBOX_RECORD_MAX;
}

static bool
fits(const struct inbox *in, const struct delivery *d)
{
	size_t max = record_max(in);

	return d->headers.n <= max && d->body.n <= max && record_size(d) <= max;
}

static bool
all_fit(const struct inbox *in, struct delivery *const *d, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		assert(d[i]->n > 0);
		if (!fits(in, d[i]))
			return fail(e, ERR_INPUT,
			    "a delivery of %zu bytes and %zu events is larger than the %zu bytes "
			    "that one record of the inbox can hold",
			    d[i]->body.n, d[i]->n, record_max(in));
	}
	return true;
}

/* Hashes lie at random in tables larger than any cache: all are fetched at once. */
static void
expect_all(const struct inbox *in, struct delivery *const *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d[i]->n; k++)
			known_expect(in->known, &d[i]->hashes[k]);
}

static void
mark_fresh(struct inbox *in, struct delivery *const *d, size_t n)
{
	expect_all(in, d, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < d[i]->n; k++)
			d[i]->fresh[k] = !known_has(in->known, &d[i]->hashes[k]) &&
					 known_add(in->pending, &d[i]->hashes[k]);
}

/* As many of the deliveries from `from` on as the newest segment has room for. */
static struct part
plan(const struct inbox *in, struct delivery *const *d, size_t n, size_t from)
{
	size_t room = in->sealed ? 0 : (size_t)(in->newest->size - in->newest->end);
	struct part p = { .from = from, .to = from };

	for (; p.to < n; p.to++) {
		if (!keeps(d[p.to]))
			continue;
		if (p.bytes + record_size(d[p.to]) > room)
			break;
		p.bytes += record_size(d[p.to]);
		p.records++;
	}
	return p;
}

static char *
front_of(struct inbox *in, size_t n)
{
	if (n > in->front_size) {
		in->front = xrealloc(in->front, n);
		in->front_size = n;
	}
	return in->front;
}

static bool
add_record(struct inbox *in, const struct delivery *d, uint64_t seq, struct err *e)
{
	static const char zeros[RECORD_ALIGN];
	size_t n = record_front_size(d), rest = record_size(d) - n - d->body.n;
	char *front = front_of(in, n);

	record_build(d, in->newest->mark, seq, in->last_seq + 1, front);
	return pages_add(&in->pages, front, n, e) &&
	       pages_add(&in->pages, d->body.p, d->body.n, e) &&
	       pages_add(&in->pages, zeros, rest, e);
}

static bool
add_records(struct inbox *in, struct delivery *const *d, const struct part *p, struct err *e)
{
	uint64_t seq = in->last_seq;

	for (size_t i = p->from; i < p->to; i++)
		if (keeps(d[i]) && !add_record(in, d[i], ++seq, e))
			return false;
	return true;
}

static bool
write_and_sync(struct inbox *in, struct delivery *const *d, const struct part *p, struct err *e)
{
	if (FAULT("journal.write"))
		return fail(e, ERR_SYSTEM, "fault ordered at journal.write");
	if (!add_records(in, d, p, e) || !pages_flush(&in->pages, e))
		return false;
	if (FAULT("journal.sync"))
		return fail(e, ERR_SYSTEM, "fault ordered at journal.sync");
	if (!segment_sync(in->newest, e))
		return false;
	return !FAULT("journal.synced") || fail(e, ERR_SYSTEM, "fault ordered at journal.synced");
}

/* It is on disk: from now on it is read, and its like is a duplicate. */
static void
count_in(struct inbox *in, struct delivery *const *d, const struct part *p)
{
	uint64_t seq = in->last_seq;

	for (size_t i = p->from; i < p->to; i++) {
		if (!keeps(d[i]))
			continue;
		d[i]->seq = ++seq;
		for (size_t k = 0; k < d[i]->n; k++)
			if (d[i]->fresh[k])
				known_add(in->known, &d[i]->hashes[k]);
	}
	pthread_mutex_lock(&in->lock);
	in->last_seq = in->newest->last_seq = seq;
	in->newest->end += (int64_t)p->bytes;
	in->newest->suspect = false;
	in->records += p->records;
	in->syncs++;
	pthread_mutex_unlock(&in->lock);
}

static bool
write_part(struct inbox *in, struct delivery *const *d, const struct part *p, struct err *e)
{
	if (!write_and_sync(in, d, p, e)) {
		journal_seal(in);
		return fail_in(e, "inbox %s", in->folder);
	}
	count_in(in, d, p);
	return true;
}

/* Mostly one part.  Parts that were written before a failure stay: they are known when resent. */
static bool
write_group(struct inbox *in, struct delivery *const *d, size_t n, struct err *e)
{
	struct part p = { 0 };

	while (p.to < n) {
		p = plan(in, d, n, p.to);
		if (p.records > 0 ? !write_part(in, d, &p, e)
				  : p.to < n && !journal_roll_over(in, e))
			return false;
	}
	return true;
}

static void
forget_outputs(struct delivery *const *d, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		d[i]->seq = 0;
		for (size_t k = 0; k < d[i]->n; k++)
			d[i]->fresh[k] = false;
	}
}

bool
inbox_append(struct inbox *in, struct delivery *const *d, size_t n, struct err *e)
{
	bool ok;

	if (!all_fit(in, d, n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		d[i]->seq = 0;
	mark_fresh(in, d, n);
	ok = write_group(in, d, n, e);
	if (!ok)
		forget_outputs(d, n);
	known_clear(in->pending);
	return ok;
}

/* At the place of the next record, which may fail where the header does not. */
bool
inbox_probe(struct inbox *in, struct err *e)
{
	bool ok = !in->sealed || journal_roll_over(in, e);

	if (ok && FAULT("journal.probe"))
		ok = fail(e, ERR_SYSTEM, "fault ordered at journal.probe");
	ok = ok && pages_try(&in->pages, e) && segment_sync(in->newest, e);
	if (!ok) {
		journal_seal(in);
		return fail_in(e, "inbox %s", in->folder);
	}
	return in->newest->size - in->newest->end >= INBOX_PROBE_ROOM || journal_need_spare(in, e);
}
