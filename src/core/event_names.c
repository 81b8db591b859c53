/*
 * Few names are compared pair by pair; many are sorted, so that no object makes it quadratic.
 */
#include "event_names.h"

#include <stdlib.h>
#include <string.h>

void
names_init(struct names *ns, struct arena *a)
{
	ns->list = ns->at_hand;
	ns->n = 0;
	ns->room = NAMES_AT_HAND;
	ns->arena = a;
}

void
names_add(struct names *ns, struct str name)
{
	if (ns->n == ns->room) {
		struct str *list = arena_alloc(ns->arena, 2 * ns->room * sizeof(*list));

		memcpy(list, ns->list, ns->n * sizeof(*list));
		ns->list = list;
		ns->room *= 2;
	}
	ns->list[ns->n++] = name;
}

/* By length first: names of one length are few, and most need no look at their bytes. */
static int
by_text(const void *x, const void *y)
{
	const struct str *a = x, *b = y;

	return a->n != b->n ? (a->n < b->n ? -1 : 1) : memcmp(a->p, b->p, a->n);
}

static bool
sorted_twice(struct names *ns, bool nocase, struct str *name)
{
	for (size_t i = 0; nocase && i < ns->n; i++)
		ns->list[i] = arena_lower(ns->arena, ns->list[i]);
	qsort(ns->list, ns->n, sizeof(ns->list[0]), by_text);
	for (size_t i = 1; i < ns->n; i++) {
		if (by_text(&ns->list[i - 1], &ns->list[i]) == 0) {
			*name = ns->list[i];
			return true;
		}
	}
	return false;
}

bool
names_twice(struct names *ns, bool nocase, struct str *name)
{
	if (ns->n > NAMES_AT_HAND)
		return sorted_twice(ns, nocase, name);
	for (size_t i = 1; i < ns->n; i++) {
		const struct str *one = &ns->list[i];

		for (size_t k = 0; k < i; k++) {
			if (ns->list[k].n != one->n)
				continue;
			if (nocase ? str_eq_nocase(ns->list[k], *one) : str_eq(ns->list[k], *one)) {
				*name = *one;
				return true;
			}
		}
	}
	return false;
}
