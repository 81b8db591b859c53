/*
 * Happy path: values lie in a hash table.  A text is asked for as a whole; for its front and its
 * end, once for each length that some value has; an address, once for each length of a prefix.
 * What is looked for inside goes into a finder, which sees all of it in one pass.
 */
#include "value_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/finder.h"
#include "core/cidr.h"

#define LENGTHS (LIST_VALUE_MAX + 1)
#define PREFIXES 129 /* 0..128 */

struct value_set {
	const struct value_list *list;
	enum list_way way;
	bool cased;
	uint32_t *slots; /* open addressing: the number of an entry and 1; a power of two */
	size_t cap;
	struct cidr *ranges;	    /* LIST_RANGE: of each entry, without the bits behind it */
	bool prefixes[2][PREFIXES]; /* that are there: [1] of IPv4 */
	bool lengths[LENGTHS];	    /* that are there */
	size_t longest;
	struct finder *finder; /* LIST_INSIDE */
	uint32_t *literals;    /* the entry of each of its literals */
};

/* ---- keys ---- */

#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t
hash_byte(uint64_t h, unsigned char c)
{
	return (h ^ c) * UINT64_C(0x100000001b3);
}

static char
folded(const struct value_set *s, char c)
{
	return s->cased ? c : ascii_lower(c);
}

/* From the front, or from the end, so that it can go on for a longer one. */
static uint64_t
hash_text(const struct value_set *s, struct str text)
{
	uint64_t h = HASH_START;

	for (size_t i = 0; i < text.n; i++)
		h = hash_byte(
		    h, (unsigned char)folded(s, text.p[s->way == LIST_END ? text.n - 1 - i : i]));
	return h;
}

static uint64_t
hash_range(const struct cidr *c)
{
	uint64_t h = hash_byte(HASH_START, (unsigned char)c->bits);

	for (size_t i = 0; i < sizeof(c->bytes); i++)
		h = hash_byte(h, c->bytes[i]);
	return h;
}

static struct cidr
masked(const struct cidr *c, int bits)
{
	struct cidr out = *c;

	out.bits = bits;
	for (int i = 0; i < 16; i++) {
		int kept = bits - 8 * i;

		out.bytes[i] &= (unsigned char)(kept >= 8 ? 0xff : kept <= 0 ? 0 : 0xff00 >> kept);
	}
	return out;
}

static bool
same_text(const struct value_set *s, struct str a, struct str b)
{
	return s->cased ? str_eq(a, b) : str_eq_nocase(a, b);
}

/* Where it is, or the free place where it would be. */
static uint32_t *
slot_of_text(const struct value_set *s, uint64_t hash, struct str text)
{
	size_t at = (size_t)(hash ^ hash >> 32) & (s->cap - 1);

	while (s->slots[at] != 0 && !same_text(s, s->list->entries[s->slots[at] - 1].value, text))
		at = (at + 1) & (s->cap - 1);
	return &s->slots[at];
}

static uint32_t *
slot_of_range(const struct value_set *s, const struct cidr *c)
{
	uint64_t hash = hash_range(c);
	size_t at = (size_t)(hash ^ hash >> 32) & (s->cap - 1);

	for (; s->slots[at] != 0; at = (at + 1) & (s->cap - 1)) {
		const struct cidr *other = &s->ranges[s->slots[at] - 1];

		if (other->bits == c->bits && other->v4 == c->v4 &&
		    memcmp(other->bytes, c->bytes, sizeof(c->bytes)) == 0)
			break;
	}
	return &s->slots[at];
}

/* ---- making it ---- */

/* Of two lines with one value that counts which holds longer. */
static void
put(struct value_set *s, uint32_t *slot, size_t i, const struct source *src, struct diags *d)
{
	const struct list_entry *e = &s->list->entries[i], *other;

	if (*slot == 0) {
		*slot = (uint32_t)i + 1;
		return;
	}
	other = &s->list->entries[*slot - 1];
	diags_add(d, DIAG_WARNING, src, e->line, 1, "'%.*s' is in line %d too%s", STR_ARG(e->value),
	    other->line, other->until_ms == e->until_ms ? "" : "; the later end counts");
	if (e->until_ms > other->until_ms)
		*slot = (uint32_t)i + 1;
}

static void
put_text(struct value_set *s, size_t i, const struct source *src, struct diags *d)
{
	struct str value = s->list->entries[i].value;

	put(s, slot_of_text(s, hash_text(s, value), value), i, src, d);
	s->lengths[value.n] = true;
	s->longest = value.n > s->longest ? value.n : s->longest;
}

static void
put_range(struct value_set *s, size_t i, const struct source *src, struct diags *d)
{
	const struct list_entry *e = &s->list->entries[i];
	struct cidr c;

	if (!cidr_parse(e->value, &c)) {
		diags_add(d, DIAG_ERROR, src, e->line, 1,
		    "'%.*s' is no address range such as 203.0.113.0/24", STR_ARG(e->value));
		return;
	}
	s->ranges[i] = masked(&c, c.bits);
	s->prefixes[c.v4][c.bits] = true;
	put(s, slot_of_range(s, &s->ranges[i]), i, src, d);
}

static void
put_inside(struct value_set *s, size_t i)
{
	struct str value = s->list->entries[i].value;
	size_t known = finder_count(s->finder);
	uint32_t literal = finder_add(s->finder, value);

	if (literal == known ||
	    s->list->entries[i].until_ms > s->list->entries[s->literals[literal]].until_ms)
		s->literals[literal] = (uint32_t)i;
}

static bool
fits_inside(const struct value_list *list, const struct source *src, struct diags *d)
{
	size_t bytes = 0;

	for (size_t i = 0; i < list->n; i++)
		bytes += list->entries[i].value.n;
	if (bytes <= LIST_INSIDE_BYTES_MAX)
		return true;
	diags_add(d, DIAG_ERROR, src, 0, 0,
	    "more than %zu bytes of values for 'contains'; startswith and endswith take more",
	    LIST_INSIDE_BYTES_MAX);
	return false;
}

struct value_set *
value_set_new(const struct value_list *list, const struct source *src, enum list_way way,
    bool cased, struct diags *d)
{
	struct value_set *s;
	size_t errors = d->errors;

	if (way == LIST_INSIDE && !fits_inside(list, src, d))
		return NULL;
	s = xcalloc(1, sizeof(*s));
	*s = (struct value_set){ .list = list, .way = way, .cased = cased, .cap = 2 };
	while (s->cap < 2 * list->n)
		s->cap *= 2;
	s->slots = xcalloc(s->cap, sizeof(*s->slots));
	s->ranges = xcalloc(way == LIST_RANGE ? list->n + 1 : 1, sizeof(*s->ranges));
	s->literals = xcalloc(way == LIST_INSIDE ? list->n + 1 : 1, sizeof(*s->literals));
	s->finder = finder_new();
	for (size_t i = 0; i < list->n; i++)
		if (way == LIST_RANGE)
			put_range(s, i, src, d);
		else if (way == LIST_INSIDE)
			put_inside(s, i);
		else
			put_text(s, i, src, d);
	finder_ready(s->finder);
	if (d->errors == errors)
		return s;
	value_set_free(s);
	return NULL;
}

void
value_set_free(struct value_set *s)
{
	if (s == NULL)
		return;
	finder_free(s->finder);
	free(s->literals);
	free(s->ranges);
	free(s->slots);
	free(s);
}

struct str
value_set_path(const struct value_set *s)
{
	return s->list->path;
}

/* ---- asking it ---- */

static void
note(const struct value_set *s, uint32_t slot, int64_t now_ms, struct list_hit *hit)
{
	const struct list_entry *e = slot == 0 ? NULL : &s->list->entries[slot - 1];

	if (e != NULL && e->until_ms > now_ms)
		hit->holds = e;
	else if (e != NULL)
		hit->ended = e;
}

/* The front, or the end, of each length that there is; the whole text is the last of them. */
static void
ask_text(const struct value_set *s, struct str text, int64_t now_ms, struct list_hit *hit)
{
	size_t n = text.n < s->longest ? text.n : s->longest;
	uint64_t h = HASH_START;

	for (size_t i = 0; i < n && hit->holds == NULL; i++) {
		bool end = s->way == LIST_END;

		h = hash_byte(h, (unsigned char)folded(s, text.p[end ? text.n - 1 - i : i]));
		if (s->lengths[i + 1])
			note(s,
			    *slot_of_text(s, h,
				end ? str_slice(text, text.n - 1 - i, text.n)
				    : str_slice(text, 0, i + 1)),
			    now_ms, hit);
	}
}

static enum answer
ask_range(const struct value_set *s, struct str text, int64_t now_ms, struct list_hit *hit)
{
	struct cidr address;

	text = str_trim(text);
	if (memchr(text.p, '/', text.n) != NULL || !cidr_parse(text, &address))
		return ANSWER_UNSURE;
	for (int bits = PREFIXES - 1; bits >= 0 && hit->holds == NULL; bits--)
		if (s->prefixes[address.v4][bits]) {
			struct cidr range = masked(&address, bits);

			note(s, *slot_of_range(s, &range), now_ms, hit);
		}
	return hit->holds != NULL ? ANSWER_YES : ANSWER_NO;
}

struct inside {
	const struct value_set *s;
	int64_t now_ms;
	struct list_hit *hit;
};

static void
found(void *ctx, uint32_t literal)
{
	const struct inside *q = ctx;

	if (q->hit->holds == NULL)
		note(q->s, q->s->literals[literal] + 1, q->now_ms, q->hit);
}

enum answer
value_set_ask(
    const struct value_set *s, struct str text, int64_t now_ms, int64_t *work, struct list_hit *hit)
{
	*work -= (int64_t)text.n + 1;
	if (*work < 0)
		return ANSWER_UNSURE;
	switch (s->way) {
	case LIST_WHOLE:
		if (text.n > 0 && text.n <= s->longest)
			note(s, *slot_of_text(s, hash_text(s, text), text), now_ms, hit);
		break;
	case LIST_FRONT:
	case LIST_END:
		ask_text(s, text, now_ms, hit);
		break;
	case LIST_INSIDE:
		finder_scan(s->finder, text, found, &(struct inside){ s, now_ms, hit });
		break;
	case LIST_RANGE:
		return ask_range(s, text, now_ms, hit);
	}
	return hit->holds != NULL ? ANSWER_YES : ANSWER_NO;
}
