#include "key_set.h"

#include <stdlib.h>

#include "base/arena.h"

#define FIRST_ROOM 1024 /* a power of two, as all rooms */

struct key_set {
	uint64_t *slots; /* 0 = free */
	size_t n, room;
};

struct key_set *
key_set_new(void)
{
	struct key_set *s = xcalloc(1, sizeof(*s));

	s->room = FIRST_ROOM;
	s->slots = xcalloc(s->room, sizeof(*s->slots));
	return s;
}

void
key_set_free(struct key_set *s)
{
	if (s == NULL)
		return;
	free(s->slots);
	free(s);
}

/* FNV-1a; never 0. */
static uint64_t
hash(struct str key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * UINT64_C(0x100000001b3);
	return h == 0 ? 1 : h;
}

/* Where it is, or would be. */
static uint64_t *
slot(const struct key_set *s, uint64_t h)
{
	size_t at = (size_t)h & (s->room - 1);

	while (s->slots[at] != 0 && s->slots[at] != h)
		at = (at + 1) & (s->room - 1);
	return &s->slots[at];
}

bool
key_set_has(const struct key_set *s, struct str key)
{
	return *slot(s, hash(key)) != 0;
}

static void
grow(struct key_set *s)
{
	struct key_set old = *s;

	s->room = 2 * old.room;
	s->slots = xcalloc(s->room, sizeof(*s->slots));
	for (size_t i = 0; i < old.room; i++)
		if (old.slots[i] != 0)
			*slot(s, old.slots[i]) = old.slots[i];
	free(old.slots);
}

void
key_set_add(struct key_set *s, struct str key)
{
	uint64_t h = hash(key), *at;

	if (2 * s->n >= s->room)
		grow(s);
	at = slot(s, h);
	s->n += *at == 0;
	*at = h;
}
