/*
 * Two tables, young and old.  Hashes go into the young one; when it holds half the limit it
 * becomes the old one and the old one is dropped.  Each table starts small and doubles when it is
 * three quarters full, so an idle daemon pays for what it knows and no more.
 *
 * A slot of zeros is empty; the one hash that is all zeros is kept as another value.
 */
#include "known.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define SLOTS_FIRST 1024 /* a power of two */

struct table {
	struct hash128 *slots;
	size_t cap, n;
};

struct known {
	struct table young, old;
	size_t max;
};

static const struct hash128 nothing;

static void
table_init(struct table *t)
{
	*t = (struct table){ .slots = xcalloc(SLOTS_FIRST, sizeof(*t->slots)), .cap = SLOTS_FIRST };
}

struct known *
known_new(size_t max)
{
	struct known *k = xmalloc(sizeof(*k));

	table_init(&k->young);
	k->old = (struct table){ 0 };
	k->max = max;
	return k;
}

void
known_free(struct known *k)
{
	if (k == NULL)
		return;
	free(k->young.slots);
	free(k->old.slots);
	free(k);
}

static bool
same(const struct hash128 *x, const struct hash128 *y)
{
	return memcmp(x, y, sizeof(*x)) == 0;
}

/* Where h is, or the empty slot where it belongs. */
static struct hash128 *
slot_of(const struct table *t, const struct hash128 *h)
{
	uint64_t place;
	size_t i;

	memcpy(&place, h, sizeof(place));
	for (i = place & (t->cap - 1); !same(&t->slots[i], &nothing); i = (i + 1) & (t->cap - 1))
		if (same(&t->slots[i], h))
			break;
	return &t->slots[i];
}

static struct hash128
never_nothing(const struct hash128 *h)
{
	struct hash128 copy = *h;

	if (same(h, &nothing))
		copy.bytes[15] = 1;
	return copy;
}

static void
table_grow(struct table *t)
{
	struct table bigger = {
		.slots = xcalloc(t->cap * 2, sizeof(*t->slots)), .cap = t->cap * 2, .n = t->n
	};

	for (size_t i = 0; i < t->cap; i++)
		if (!same(&t->slots[i], &nothing))
			*slot_of(&bigger, &t->slots[i]) = t->slots[i];
	free(t->slots);
	*t = bigger;
}

static bool
table_has(const struct table *t, const struct hash128 *h)
{
	return t->slots != NULL && !same(slot_of(t, h), &nothing);
}

static void
table_expect(const struct table *t, const struct hash128 *h)
{
	uint64_t place;

	memcpy(&place, h, sizeof(place));
	if (t->slots != NULL)
		__builtin_prefetch(&t->slots[place & (t->cap - 1)]);
}

void
known_expect(const struct known *k, const struct hash128 *hash)
{
	table_expect(&k->young, hash);
	table_expect(&k->old, hash);
}

bool
known_has(const struct known *k, const struct hash128 *hash)
{
	struct hash128 h = never_nothing(hash);

	return table_has(&k->young, &h) || table_has(&k->old, &h);
}

static void
table_clear(struct table *t)
{
	memset(t->slots, 0, t->cap * sizeof(*t->slots));
	t->n = 0;
}

/* Both tables are full size by then and are used again: steady work takes no new memory. */
static void
age(struct known *k)
{
	struct table freed = k->old;

	k->old = k->young;
	if (freed.slots == NULL)
		table_init(&freed);
	else
		table_clear(&freed);
	k->young = freed;
}

bool
known_add(struct known *k, const struct hash128 *hash)
{
	struct hash128 h = never_nothing(hash);

	if (known_has(k, &h))
		return false;
	if (k->young.n >= k->max / 2)
		age(k);
	if (k->young.n >= k->young.cap / 4 * 3)
		table_grow(&k->young);
	*slot_of(&k->young, &h) = h;
	k->young.n++;
	return true;
}

void
known_clear(struct known *k)
{
	free(k->old.slots);
	k->old = (struct table){ 0 };
	if (k->young.cap > SLOTS_FIRST) {
		free(k->young.slots);
		table_init(&k->young);
		return;
	}
	table_clear(&k->young);
}
