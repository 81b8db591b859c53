#include "record.h"

#include <assert.h>
#include <string.h>

static size_t
bitmap_size(size_t events)
{
	return (events + 7) / 8;
}

static size_t
align_up(size_t n)
{
	return (n + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

static size_t
front_size(size_t events, size_t headers)
{
	return sizeof(struct record_front) + events * sizeof(struct hash128) + bitmap_size(events) +
	       headers;
}

size_t
record_front_size(const struct delivery *d)
{
	return front_size(d->n, d->headers.n);
}

size_t
record_size(const struct delivery *d)
{
	return align_up(record_front_size(d) + d->body.n);
}

/* What the checksum covers begins behind it. */
static uint32_t
crc_of(const void *p, size_t n)
{
	size_t skip = offsetof(struct record_front, mark);

	return crc32c(0, (const unsigned char *)p + skip, n - skip);
}

void
record_build(const struct delivery *d, uint64_t mark, uint64_t seq, uint64_t group, void *out)
{
	static const char zeros[RECORD_ALIGN];
	struct record_front front = { .magic = RECORD_MAGIC,
		.mark = mark,
		.seq = seq,
		.group = group,
		.received_ms = d->received_ms,
		.length = (uint32_t)record_size(d),
		.events = (uint32_t)d->n,
		.headers = (uint32_t)d->headers.n,
		.body = (uint32_t)d->body.n };
	unsigned char *hashes = (unsigned char *)out + sizeof(front);
	unsigned char *bits = hashes + d->n * sizeof(struct hash128);
	size_t n = record_front_size(d);

	if (d->n * sizeof(struct hash128) > 0) /* an empty one may have no address */
		memcpy(hashes, d->hashes, d->n * sizeof(struct hash128));
	memset(bits, 0, bitmap_size(d->n));
	for (size_t i = 0; i < d->n; i++)
		bits[i / 8] = (unsigned char)(bits[i / 8] | d->fresh[i] << i % 8);
	memcpy(bits + bitmap_size(d->n), d->headers.p, d->headers.n);
	memcpy(out, &front, sizeof(front));
	front.crc = crc32c(crc_of(out, n), d->body.p, d->body.n);
	front.crc = crc32c(front.crc, zeros, front.length - n - d->body.n);
	memcpy(out, &front, sizeof(front));
}

void
record_build_gap(uint64_t mark, uint64_t first, uint64_t behind, uint64_t lost, size_t length,
    struct record_front *out)
{
	*out = (struct record_front){ .magic = RECORD_GAP,
		.mark = mark,
		.seq = first,
		.group = behind,
		.events = (uint32_t)lost,
		.length = (uint32_t)length };
	out->crc = crc_of(out, sizeof(*out));
}

/* Numbers rise, and a gap counts no more than it spans: else the walk would go back, or far. */
static bool
numbers_fit(const struct record_front *f)
{
	if (f->seq > RECORD_SEQ_MAX || f->group > RECORD_SEQ_MAX)
		return false;
	return f->magic == RECORD_GAP ? f->group >= f->seq && f->events <= f->group - f->seq
				      : f->group <= f->seq;
}

bool
record_front_fits(const struct record_front *f, uint64_t mark, size_t max)
{
	if (f->mark != mark || f->length < sizeof(*f) || f->length > max ||
	    f->length % RECORD_ALIGN != 0 || !numbers_fit(f))
		return false;
	if (f->magic == RECORD_GAP)
		return true;
	return f->magic == RECORD_MAGIC && f->length <= INBOX_RECORD_MAX &&
	       align_up(front_size(f->events, f->headers) + f->body) == f->length;
}

bool
record_holds(const void *p)
{
	struct record_front f;

	memcpy(&f, p, sizeof(f));
	/* What lies in a gap is kept as it was found; only its front is ours. */
	return f.crc == crc_of(p, f.magic == RECORD_GAP ? sizeof(f) : f.length);
}

void
record_read(const void *p, struct arena *a, struct delivery *out)
{
	const unsigned char *hashes = (const unsigned char *)p + sizeof(struct record_front);
	const unsigned char *bits;
	const char *headers;
	struct record_front f;

	memcpy(&f, p, sizeof(f));
	assert(f.magic == RECORD_MAGIC);
	bits = hashes + f.events * sizeof(struct hash128);
	headers = (const char *)bits + bitmap_size(f.events);
	*out = (struct delivery){ .received_ms = f.received_ms,
		.headers = { headers, f.headers },
		.body = { headers + f.headers, f.body },
		.hashes = (const struct hash128 *)hashes,
		.fresh = arena_alloc(a, f.events * sizeof(bool)),
		.n = f.events,
		.seq = f.seq };
	for (size_t i = 0; i < f.events; i++)
		out->fresh[i] = (bits[i / 8] >> i % 8 & 1) != 0;
}
