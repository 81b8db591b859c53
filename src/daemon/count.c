/*
 * Happy path: feeds that are not complete are counted over the stored events, in their order, in
 * one commit; nothing is decided meanwhile, so none is missed or counted twice.
 * What can go wrong: there are more events than are looked at: it is said from when on is counted.
 * The program dies of one of them: after a few tries it counts from then on.  An event can no
 * longer be read: it is left out.
 */
#include "daemon/count.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "core/decide.h"

/* Events read in one go. */
#define READ_MAX 200

struct looking_back {
	struct store *store;
	const struct rules *rules;
	struct store_feed *feeds;
	size_t n;
	int64_t now_ms;
	int64_t events; /* looked at */
};

void
count_done(struct count *c)
{
	config_unref(c->followed);
	c->followed = NULL;
}

/* ---- one stored event ---- */

static bool
is_counted_anew(const struct looking_back *l, const struct hit *h, int64_t received_ms)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->feeds[i].look_back && hash128_eq(&l->feeds[i].id, &h->feed))
			return received_ms > l->now_ms - l->feeds[i].timespan_ms;
	return false;
}

/* Nothing fires for the past: what holds already fires on the next alert. */
static bool
count_event(struct looking_back *l, const struct stored_event *ev, struct arena *a, struct err *e)
{
	struct event_headers headers;
	struct event_batch batch;
	struct judged judged;
	struct counted anew;
	struct alert al;
	struct err unreadable;

	event_headers_read(ev->headers, a, &headers);
	event_batch_parse(ev->raw, &headers, a, &batch);
	if (batch.n != 1 || batch.events[0].kind != EVENT_NOTIFICATION ||
	    !alert_parse(&batch.events[0], a, &al, &unreadable))
		return true;
	rules_judge_after(l->rules, &al, ev->decided_ms, &past_nothing, a, &judged);
	anew = (struct counted){ .hits = judged.counted.hits };
	for (size_t i = 0; i < judged.counted.n_hits; i++)
		if (is_counted_anew(l, &judged.counted.hits[i], ev->received_ms))
			anew.hits[anew.n_hits++] = judged.counted.hits[i];
	return store_count_again(l->store, ev, al.id, &anew, e);
}

/* ---- all of them ---- */

static bool
count_events(struct looking_back *l, int64_t after, struct err *e)
{
	struct arena *page = arena_new(), *one = arena_new();
	struct stored_event *list;
	size_t n = READ_MAX;
	bool ok = true;

	while (ok && n == READ_MAX) {
		arena_reset(page);
		ok = store_next_events(l->store, after, READ_MAX, page, &list, &n, e);
		for (size_t i = 0; ok && i < n; i++) {
			arena_reset(one);
			ok = count_event(l, &list[i], one, e);
			after = list[i].id;
			l->events++;
		}
	}
	arena_free(page);
	arena_free(one);
	return ok;
}

static int64_t
longest(const struct looking_back *l)
{
	int64_t ms = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->feeds[i].look_back && l->feeds[i].timespan_ms > ms)
			ms = l->feeds[i].timespan_ms;
	return ms;
}

/* Only of those that the events reach further back than what is counted of them. */
static bool
begin_anew(struct looking_back *l, int64_t reach_ms, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		struct store_feed *f = &l->feeds[i];

		f->look_back = f->look_back && f->since_ms > reach_ms;
		if (f->look_back && !store_recount(l->store, f, reach_ms, e))
			return false;
	}
	return true;
}

static void
say(const struct looking_back *l, int64_t reach_ms, int64_t wanted_ms)
{
	char from[CLOCK_TEXT_MAX];

	if (l->events == 0)
		return;
	log_info("%" PRId64 " stored events were judged once more for new correlations", l->events);
	if (reach_ms > wanted_ms)
		log_warning("there are more: new correlations count what was received since %s",
		    clock_format(reach_ms, from));
}

static bool
look_back(struct looking_back *l, struct err *e)
{
	int64_t wanted_ms = l->now_ms - longest(l), reach_ms, after;
	bool ok;

	if (longest(l) == 0)
		return true;
	if (!store_begin(l->store, e))
		return false;
	ok = store_look_back(l->store, wanted_ms, &after, &reach_ms, e) &&
	     begin_anew(l, reach_ms, e) && (longest(l) == 0 || count_events(l, after, e));
	if (ok && FAULT("count.back"))
		ok = fail(e, ERR_SYSTEM, "fault ordered at count.back");
	if (!ok) {
		store_rollback(l->store);
		return false;
	}
	if (!store_commit_counted(l->store, e))
		return false;
	say(l, reach_ms, wanted_ms);
	return true;
}

/* What a correlation said cannot be told from one event alone: it is counted from now on. */
static struct store_feed *
feeds_of(const struct rules *rules, struct arena *a)
{
	size_t n = rules_feeds(rules);
	struct store_feed *list = arena_alloc(a, n * sizeof(*list));

	for (size_t i = 0; i < n; i++) {
		struct rule_feed f = rules_feed(rules, i);

		list[i] =
		    (struct store_feed){ .id = f.id, .rule = f.rule, .timespan_ms = f.timespan_ms };
	}
	return list;
}

static bool
follow(struct store *store, const struct rules *rules, struct arena *a, struct err *e)
{
	struct looking_back l = { .store = store,
		.rules = rules,
		.feeds = feeds_of(rules, a),
		.n = rules_feeds(rules),
		.now_ms = clock_now_ms() };

	if (!store_follow_feeds(store, l.feeds, l.n, l.now_ms, e))
		return false;
	for (size_t i = 0; i < l.n; i++)
		l.feeds[i].look_back &= rules_feed(rules, i).plain;
	return look_back(&l, e);
}

bool
count_follow(struct count *c, struct store *store, struct config *config, struct err *e)
{
	struct arena *a;
	bool ok;

	if (c->followed == config)
		return true;
	a = arena_new();
	ok = follow(store, config->rules, a, e);
	arena_free(a);
	if (!ok)
		return false;
	config_unref(c->followed);
	c->followed = config_ref(config);
	return true;
}
