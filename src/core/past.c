/*
 * A past in memory, with the answers of the store: hits by feed and group, in the order in which
 * they were added.
 */
#include <stdlib.h>
#include <string.h>
#define uthash_fatal(what) abort() /* out of memory */
#include <uthash.h>

#include "base/arena.h"
#include "core/correlation.h"

/* ---- nothing ---- */

static bool
no_hits(void *ctx, const struct past_question *q, struct arena *a, struct past_hit **out, size_t *n,
    bool *lost)
{
	(void)ctx, (void)q, (void)a;
	*out = NULL;
	*n = 0;
	*lost = false;
	return true;
}

static bool
no_firing(void *ctx, const struct completion *what, int64_t after_ms,
    const struct hash128 *not_alert, struct past_firing *out, bool *found)
{
	(void)ctx, (void)what, (void)after_ms, (void)not_alert, (void)out;
	*found = false;
	return true;
}

const struct past past_nothing = { 0, NULL, no_hits, no_firing };

/* ---- in memory ---- */

struct kept_hit {
	struct past_hit hit;
	bool sure, live; /* of several with one value only the newest is live */
};

struct place {
	struct hash128 feed, group;
};

struct kept_group {
	struct place at;
	struct kept_hit *list; /* the oldest first */
	size_t n, cap;
	int64_t lost_ms; /* the newest that was dropped */
	UT_hash_handle hh;
};

struct kept_firing {
	struct firing_name {
		struct hash128 correlation, group;
		uint64_t sure;
	} name;
	struct past_firing fired;
	struct hash128 alert;
	UT_hash_handle hh;
};

struct past_memory {
	struct kept_group *groups;
	struct kept_firing *firings;
	struct arena *texts;
	int64_t place;
};

struct past_memory *
past_memory_new(void)
{
	struct past_memory *m = xcalloc(1, sizeof(*m));

	m->texts = arena_new();
	return m;
}

void
past_memory_free(struct past_memory *m)
{
	struct kept_group *g, *next;
	struct kept_firing *f, *later;

	if (m == NULL)
		return;
	for (g = m->groups; g != NULL; g = next) {
		next = g->hh.next;
		HASH_DEL(m->groups, g);
		free(g->list);
		free(g);
	}
	for (f = m->firings; f != NULL; f = later) {
		later = f->hh.next;
		HASH_DEL(m->firings, f);
		free(f);
	}
	arena_free(m->texts);
	free(m);
}

static struct kept_group *
group_of(struct past_memory *m, const struct hash128 *feed, const struct hash128 *group)
{
	struct place at = { *feed, *group };
	struct kept_group *g;

	HASH_FIND(hh, m->groups, &at, sizeof(at), g);
	return g;
}

static void
drop_first(struct kept_group *g, size_t n)
{
	memmove(g->list, &g->list[n], (g->n - n) * sizeof(*g->list));
	g->n -= n;
}

/* The same alert counts once; once it is sure, or what is known is old, it counts from then. */
static bool
is_new(struct kept_group *g, const struct hit *hit, const struct past_hit *as)
{
	for (size_t i = 0; i < g->n; i++) {
		struct kept_hit *k = &g->list[i];

		if (!hash128_eq(&k->hit.alert, &as->alert) ||
		    !hash128_eq(&k->hit.value, &hit->value))
			continue;
		if ((k->sure || !hit->sure) &&
		    k->hit.received_ms > as->received_ms - hit->timespan_ms)
			return false;
		memmove(k, k + 1, (g->n - i - 1) * sizeof(*k));
		g->n--;
		return true;
	}
	return true;
}

static void
outdate(struct kept_group *g, const struct hit *hit)
{
	for (size_t i = g->n; i > 0; i--) {
		struct kept_hit *k = &g->list[i - 1];

		if (!k->live || k->sure != hit->sure || !hash128_eq(&k->hit.value, &hit->value))
			continue;
		k->live = false;
		return;
	}
}

static struct kept_group *
make_group(struct past_memory *m, const struct hit *hit)
{
	struct kept_group *g = group_of(m, &hit->feed, &hit->group);

	if (g != NULL)
		return g;
	g = xcalloc(1, sizeof(*g));
	g->at = (struct place){ hit->feed, hit->group };
	g->lost_ms = INT64_MIN;
	HASH_ADD(hh, m->groups, at, sizeof(g->at), g);
	return g;
}

static void
add_hit(struct past_memory *m, const struct hit *hit, const struct past_hit *as)
{
	struct kept_group *g = make_group(m, hit);

	if (!is_new(g, hit, as))
		return;
	if (!hash128_eq(&hit->value, &hash_none))
		outdate(g, hit);
	if (g->n == HITS_PER_GROUP_MAX) {
		g->lost_ms = g->list[0].hit.received_ms;
		drop_first(g, 1);
	}
	if (g->n == g->cap) {
		g->cap = 2 * g->cap + 4;
		g->list = xrealloc(g->list, g->cap * sizeof(*g->list));
	}
	g->list[g->n++] = (struct kept_hit){ *as, hit->sure, true };
}

static struct kept_firing *
find_firing(struct past_memory *m, const struct completion *f)
{
	struct firing_name name = { f->correlation, f->group, f->sure };
	struct kept_firing *k;

	HASH_FIND(hh, m->firings, &name, sizeof(name), k);
	return k;
}

/* News of the alert it fired on do not make it quiet for longer. */
static void
add_firing(struct past_memory *m, const struct completion *f, const struct hash128 *alert,
    int64_t number, int64_t at_ms)
{
	struct kept_firing *k = find_firing(m, f);

	if (k == NULL) {
		k = xcalloc(1, sizeof(*k));
		k->name = (struct firing_name){ f->correlation, f->group, f->sure };
		HASH_ADD(hh, m->firings, name, sizeof(k->name), k);
	} else if (hash128_eq(&k->alert, alert) && k->fired.at_ms > at_ms - f->timespan_ms) {
		return;
	}
	k->fired = (struct past_firing){ at_ms, number };
	k->alert = *alert;
}

void
past_memory_add(struct past_memory *m, const struct counted *c, struct str alert_id, int64_t number,
    int64_t received_ms)
{
	struct past_hit as = { .received_ms = received_ms, .place = ++m->place, .number = number };

	hit_alert(alert_id, &as.alert);
	for (size_t i = 0; i < c->n_hits; i++) {
		as.value = c->hits[i].value;
		as.value_text = c->hits[i].value_text.n == 0
				    ? STR_EMPTY
				    : arena_str(m->texts, c->hits[i].value_text);
		add_hit(m, &c->hits[i], &as);
	}
	for (size_t i = 0; i < c->n_firings; i++)
		add_firing(m, &c->firings[i], &as.alert, number, received_ms);
}

static size_t
older(const struct kept_group *g, int64_t before_ms)
{
	size_t n = 0;

	while (n < g->n && g->list[n].hit.received_ms <= before_ms)
		n++;
	return n;
}

/* Texts of what is left move on; the others go. */
static void
forget_texts(struct past_memory *m)
{
	struct arena *fresh = arena_new();

	for (struct kept_group *g = m->groups; g != NULL; g = g->hh.next)
		for (size_t i = 0; i < g->n; i++)
			g->list[i].hit.value_text = arena_str(fresh, g->list[i].hit.value_text);
	arena_free(m->texts);
	m->texts = fresh;
}

void
past_memory_forget(struct past_memory *m, int64_t before_ms)
{
	struct kept_group *g, *next;
	struct kept_firing *f, *later;

	for (g = m->groups; g != NULL; g = next) {
		next = g->hh.next;
		drop_first(g, older(g, before_ms));
		if (g->n > 0)
			continue;
		HASH_DEL(m->groups, g);
		free(g->list);
		free(g);
	}
	for (f = m->firings; f != NULL; f = later) {
		later = f->hh.next;
		if (f->fired.at_ms > before_ms)
			continue;
		HASH_DEL(m->firings, f);
		free(f);
	}
	forget_texts(m);
}

/* ---- the answers ---- */

static bool
fits(const struct kept_hit *k, const struct past_question *q)
{
	return k->live && k->sure == q->sure && k->hit.received_ms > q->after_ms &&
	       k->hit.received_ms <= q->until_ms && k->hit.place < q->before_place &&
	       !hash128_eq(&k->hit.alert, &q->not_alert);
}

static bool
memory_hits(void *ctx, const struct past_question *q, struct arena *a, struct past_hit **out,
    size_t *n, bool *lost)
{
	struct kept_group *g = group_of(ctx, &q->feed, &q->group);
	size_t max = g == NULL ? 0 : g->n < q->max ? g->n : q->max;

	*out = arena_alloc(a, max * sizeof(**out));
	*n = 0;
	*lost = g != NULL && g->lost_ms > q->after_ms;
	for (size_t i = max == 0 ? 0 : g->n; i > 0 && *n < max; i--)
		if (fits(&g->list[i - 1], q))
			(*out)[(*n)++] = g->list[i - 1].hit;
	return true;
}

static bool
memory_fired(void *ctx, const struct completion *what, int64_t after_ms,
    const struct hash128 *not_alert, struct past_firing *out, bool *found)
{
	const struct kept_firing *k = find_firing(ctx, what);

	*found = k != NULL && k->fired.at_ms > after_ms && !hash128_eq(&k->alert, not_alert);
	if (*found)
		*out = k->fired;
	return true;
}

struct past
past_in_memory(struct past_memory *m, int64_t received_ms)
{
	return (struct past){ received_ms, m, memory_hits, memory_fired };
}
