/*
 * Happy path: a step that is let through becomes an entry, which is linked to the one before it of
 * the same action, target, subscription and rule; counting follows one of these chains back to the
 * time in question.
 * What can go wrong: nothing; but entries are as many as what was let through within the window,
 * keys as many as alerts that are still to come again.
 */
#include "core/ledger.h"

#include <stdlib.h>
#include <string.h>

#define uthash_fatal(what) abort() /* out of memory */
#include <uthash.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "key_set.h"

#define HOUR_MS 3600000
#define NAME_MAX_BYTES 4096
/* Below so many nothing is thrown away. */
#define KEPT_MIN 1024

/* What a chain is about; that of the action alone is the last that is asked. */
enum link { LINK_TARGET, LINK_SUBSCRIPTION, LINK_RULE, LINK_ACTION };
#define LINKS (LINK_ACTION + 1)

struct chain {
	uint64_t last; /* number of its newest entry, counted from 1 */
	UT_hash_handle hh;
	char name[];
};

struct entry {
	int64_t at_ms;
	struct chain *chains[LINKS]; /* NULL: a target without a subscription */
	uint64_t before[LINKS];
};

/* A rule that fired, for what its cooldown tells apart. */
struct fired {
	struct rule_fired last;
	char *alert_key; /* what last points to */
	int64_t until_ms;
	UT_hash_handle hh;
	char name[];
};

/* A digest that waits for its time. */
struct waiting {
	struct str target, params, key;
	int64_t due_ms;
	struct waiting *next;
};

struct ledger {
	int64_t window_ms, now_ms;
	struct entry *entries; /* the oldest first */
	size_t n, room;
	uint64_t dropped; /* entries before the first */
	struct chain *chains;
	struct fired *fired;
	size_t fired_max; /* so many, and those that ended go */
	struct key_set *keys;
	struct waiting *waiting; /* one for each channel */
	struct arena *arena;	 /* of those */
};

struct ledger *
ledger_new(int64_t window_ms)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	l->window_ms = window_ms;
	l->keys = key_set_new();
	l->arena = arena_new();
	return l;
}

static void
free_chain(struct ledger *l, struct chain *c)
{
	HASH_DEL(l->chains, c);
	free(c);
}

static void
free_fired(struct ledger *l, struct fired *f)
{
	HASH_DEL(l->fired, f);
	free(f->alert_key);
	free(f);
}

void
ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	while (l->chains != NULL)
		free_chain(l, l->chains);
	while (l->fired != NULL)
		free_fired(l, l->fired);
	free(l->entries);
	key_set_free(l->keys);
	arena_free(l->arena);
	free(l);
}

int64_t
ledger_window_ms(const struct settings *s, const struct rules *r)
{
	int64_t longest = HOUR_MS;

	for (size_t i = 0; i < rules_count(r); i++)
		if (rules_at(r, i)->cooldown_ms > longest)
			longest = rules_at(r, i)->cooldown_ms;
	for (size_t i = 0; i < s->n_budgets; i++)
		if (s->budgets[i].cooldown_ms > longest)
			longest = s->budgets[i].cooldown_ms;
	return longest;
}

/* ---- chains ---- */

/* One name for each thing that is counted; false: it is about nothing. */
static bool
chain_name(enum link link, struct str action, struct str of, struct buf *name)
{
	char mark[2] = { (char)('a' + link), '\0' };

	if (of.n == 0 && link != LINK_ACTION)
		return false;
	buf_add_cstr(name, mark);
	buf_add(name, action);
	buf_add_char(name, '\n');
	for (size_t i = 0; i < of.n; i++)
		buf_add_char(name, link == LINK_RULE ? of.p[i] : ascii_lower(of.p[i]));
	return true;
}

static struct chain *
find_chain(const struct ledger *l, enum link link, struct str action, struct str of)
{
	struct chain *c = NULL;
	struct buf name;

	buf_init(&name, NAME_MAX_BYTES);
	if (chain_name(link, action, of, &name))
		HASH_FIND(hh, l->chains, buf_cstr(&name), name.n, c);
	buf_done(&name);
	return c;
}

static struct chain *
make_chain(struct ledger *l, enum link link, struct str action, struct str of)
{
	struct chain *c = find_chain(l, link, action, of);
	struct buf name;

	if (c != NULL)
		return c;
	buf_init(&name, NAME_MAX_BYTES);
	if (chain_name(link, action, of, &name)) {
		c = xcalloc(1, sizeof(*c) + name.n + 1);
		memcpy(c->name, buf_cstr(&name), name.n);
		HASH_ADD_KEYPTR(hh, l->chains, c->name, name.n, c);
	}
	buf_done(&name);
	return c;
}

static const struct entry *
entry_at(const struct ledger *l, uint64_t number)
{
	return number <= l->dropped ? NULL : &l->entries[number - l->dropped - 1];
}

/* ---- asking ---- */

static bool
is_on(const struct entry *entry, struct chain *const chains[LINKS])
{
	for (int i = 0; i < LINKS; i++)
		if (chains[i] != NULL && entry->chains[i] != chains[i])
			return false;
	return true;
}

static int64_t
count(void *ctx, const struct step_filter *which)
{
	const struct ledger *l = ctx;
	const struct str of[LINKS] = { which->target, which->subscription, which->rule, STR_EMPTY };
	struct chain *chains[LINKS] = { NULL };
	const struct entry *entry;
	int first = LINKS;
	int64_t n = 0;

	for (int i = LINKS - 1; i >= 0; i--) {
		if (of[i].n == 0 && i != LINK_ACTION)
			continue;
		chains[i] = find_chain(l, (enum link)i, which->action, of[i]);
		if (chains[i] == NULL)
			return 0;
		first = i;
	}
	entry = entry_at(l, chains[first]->last);
	for (; entry != NULL && entry->at_ms > which->since_ms;
	     entry = entry_at(l, entry->before[first]))
		n += is_on(entry, chains);
	return n;
}

static struct str
fired_name(struct str rule, struct str key, struct arena *a)
{
	return arena_printf(a, "%.*s\n%.*s", STR_ARG(rule), STR_ARG(key));
}

static struct waiting *
find_waiting(const struct ledger *l, struct str channel, struct str params)
{
	struct waiting *w = l->waiting;

	while (w != NULL && !(str_eq(w->target, channel) && str_eq(w->params, params)))
		w = w->next;
	return w;
}

static struct str
waiting_digest(void *ctx, struct str channel, struct str params, struct arena *a)
{
	const struct ledger *l = ctx;
	const struct waiting *w = find_waiting(l, channel, params);

	return w == NULL || w->due_ms <= l->now_ms ? STR_EMPTY : arena_str(a, w->key);
}

static struct fired *
find_fired(const struct ledger *l, struct str name)
{
	struct fired *f;

	HASH_FIND(hh, l->fired, name.p, name.n, f);
	return f;
}

static bool
fired(void *ctx, struct str rule, struct str key, struct arena *a, struct rule_fired *out)
{
	const struct ledger *l = ctx;
	const struct fired *f = find_fired(l, fired_name(rule, key, a));

	if (f != NULL)
		*out = f->last;
	return f != NULL;
}

struct guard_facts
ledger_facts(struct ledger *l, int64_t now_ms)
{
	if (now_ms > l->now_ms) /* a clock was set back */
		l->now_ms = now_ms;
	return (struct guard_facts){ .now_ms = l->now_ms,
		.count = count,
		.count_ctx = l,
		.fired = fired,
		.waiting_digest = waiting_digest };
}

/* ---- putting ---- */

/* What is out of the window goes, when it is half of all. */
static void
forget(struct ledger *l)
{
	struct chain *c, *next;
	size_t old = 0;

	while (old < l->n && l->entries[old].at_ms <= l->now_ms - l->window_ms)
		old++;
	if (l->n < KEPT_MIN || old < l->n / 2)
		return;
	l->n -= old;
	l->dropped += old;
	memmove(l->entries, l->entries + old, l->n * sizeof(*l->entries));
	for (c = l->chains; c != NULL; c = next) {
		next = c->hh.next;
		if (c->last <= l->dropped)
			free_chain(l, c);
	}
}

static void
make_room(struct ledger *l)
{
	if (l->n < l->room)
		return;
	forget(l);
	if (l->n < l->room)
		return;
	l->room = 2 * l->room + KEPT_MIN;
	l->entries = xrealloc(l->entries, l->room * sizeof(*l->entries));
}

static void
note(struct ledger *l, const struct step *s)
{
	char subscription[STEP_SUBSCRIPTION_MAX];
	const struct str of[LINKS] = { s->target, step_subscription(s->target, subscription),
		s->rule, STR_EMPTY };
	struct entry *entry;

	make_room(l);
	entry = &l->entries[l->n++];
	*entry = (struct entry){ .at_ms = l->now_ms };
	for (int i = 0; i < LINKS; i++) {
		struct chain *c = make_chain(l, (enum link)i, s->action, of[i]);

		entry->chains[i] = c;
		if (c == NULL)
			continue;
		entry->before[i] = c->last;
		c->last = l->dropped + l->n;
	}
}

static void
keep_waiting(struct ledger *l, const struct step *s)
{
	struct waiting *w = find_waiting(l, s->target, s->params);

	if (w == NULL) {
		w = arena_alloc(l->arena, sizeof(*w));
		w->target = arena_str(l->arena, s->target);
		w->params = arena_str(l->arena, s->params);
		w->next = l->waiting;
		l->waiting = w;
	}
	w->key = arena_str(l->arena, s->key);
	w->due_ms = s->due_ms;
}

/* Is it the digest that waits already? */
static bool
joins(const struct ledger *l, const struct step *s)
{
	const struct waiting *w = find_waiting(l, s->target, s->params);

	return w != NULL && str_eq(w->key, s->key);
}

/* As the store does: what ended goes when there are many. */
static void
forget_fired(struct ledger *l)
{
	struct fired *f, *next;

	if (HASH_COUNT(l->fired) < l->fired_max)
		return;
	for (f = l->fired; f != NULL; f = next) {
		next = f->hh.next;
		if (f->until_ms < l->now_ms)
			free_fired(l, f);
	}
	l->fired_max = 2 * HASH_COUNT(l->fired) + KEPT_MIN;
}

static void
keep_fired(struct ledger *l, const struct firing *now, const struct ledger_alert *about)
{
	struct arena *a = arena_new();
	struct str name = fired_name(now->rule, now->key, a);
	struct fired *f = find_fired(l, name);

	if (f == NULL) {
		forget_fired(l);
		f = xcalloc(1, sizeof(*f) + name.n + 1);
		memcpy(f->name, name.p, name.n);
		HASH_ADD_KEYPTR(hh, l->fired, f->name, name.n, f);
	} else {
		free(f->alert_key);
	}
	f->alert_key = xstrndup(about->key);
	f->last = (struct rule_fired){ l->now_ms, about->id, str_of(f->alert_key) };
	f->until_ms = now->until_ms;
	arena_free(a);
}

void
ledger_put(struct ledger *l, struct plan *plan, const struct ledger_alert *about)
{
	size_t kept = 0;

	for (size_t i = 0; i < plan->n_firings; i++)
		keep_fired(l, &plan->firings[i], about);
	for (size_t i = 0; i < plan->n; i++) {
		const struct step *s = &plan->steps[i];

		if (key_set_has(l->keys, s->key) || joins(l, s))
			continue;
		if (about->more)
			key_set_add(l->keys, s->key);
		if (s->disruptive && s->state == STEP_WAITING)
			note(l, s);
		if (!s->disruptive && s->state == STEP_WAITING && s->due_ms > s->created_ms)
			keep_waiting(l, s);
		plan->steps[kept++] = *s;
	}
	plan->n = kept;
}
