/*
 * store/record.c: the input is a record as it might lie on a disk, and a delivery to be written.
 *
 * What must hold: what fits and holds is taken apart into slices of itself; a delivery that was
 * built reads back, and no longer holds when a bit of it is turned.
 */
#include "base/hash.h"
#include "fuzz.h"
#include "record.h"

#define MARK 7

static char *
aligned_copy(struct str s, struct arena *a)
{
	char *p = arena_alloc(a, s.n);

	memcpy(p, s.p, s.n);
	return p;
}

static void
check_found(struct str input, struct arena *a)
{
	size_t skip = offsetof(struct record_front, mark);
	struct record_front f;
	struct delivery d;
	char *p;

	if (input.n < sizeof(f))
		return;
	p = aligned_copy(input, a);
	memcpy(&f, p, sizeof(f));
	f.mark = MARK;
	if (!record_front_fits(&f, MARK, input.n))
		return;
	MUST(f.length >= sizeof(f) && f.length <= input.n);
	memcpy(p, &f, sizeof(f));
	/* Of a gap only the front is ours. */
	f.crc = crc32c(0, p + skip, (f.magic == RECORD_MAGIC ? f.length : sizeof(f)) - skip);
	memcpy(p, &f, sizeof(f));
	MUST(record_holds(p));
	if (f.magic != RECORD_MAGIC)
		return;
	record_read(p, a, &d);
	MUST(is_within(d.body, (struct str){ p, f.length }));
	MUST(is_within(d.headers, (struct str){ p, f.length }));
	MUST(d.n == f.events && d.seq == f.seq);
	for (size_t i = 0; i < d.n; i++)
		MUST(d.hashes[i].bytes[0] == d.hashes[i].bytes[0] && (d.fresh[i] | 1) == 1);
}

static void
check_built(struct str input, struct arena *a)
{
	struct hash128 hashes[9] = { { { 1 } } };
	bool fresh[9] = { [1] = true, [8] = true };
	struct str headers = take_line(&input);
	struct delivery d = { .received_ms = 5,
		.headers = headers,
		.body = input,
		.hashes = hashes,
		.fresh = fresh,
		.n = 1 + input.n % 9 },
			read;
	size_t front = record_front_size(&d);
	char *p = arena_alloc(a, record_size(&d));
	struct record_front f;

	record_build(&d, MARK, 3, 2, p);
	memcpy(p + front, input.p, input.n);
	memcpy(&f, p, sizeof(f));
	MUST(record_front_fits(&f, MARK, record_size(&d)) && record_holds(p));
	MUST(!record_front_fits(&f, MARK + 1, record_size(&d)));
	record_read(p, a, &read);
	MUST(str_eq(read.body, d.body) && str_eq(read.headers, d.headers) && read.n == d.n);
	MUST(memcmp(read.fresh, fresh, d.n) == 0 && read.seq == 3);
	p[sizeof(f) + input.n % (record_size(&d) - sizeof(f))] ^= 4;
	MUST(!record_holds(p));
}

FUZZ(input)
{
	check_found(input, arena);
	check_built(input, arena);
}
