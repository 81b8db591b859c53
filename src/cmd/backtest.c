/*
 * backtest: the stored alerts, decided again.
 *
 * Happy path: page by page the stored events are read and decided under the rules in force and
 * under the new ones, both by today's program and settings, each with a ledger and a past of its
 * own that hold what it decided before, at the time when the event was received. What can go wrong:
 * mistakes in rules or settings (said as `check` does); the store cannot be read; the daemon
 * deletes meanwhile what is old - then there is less.
 */
#include "backtest.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/ledger.h"
#include "daemon/load.h"
#include "daemon/report.h"
#include "store/history.h"
#include "store/store.h"

#define SINCE_DEFAULT "30d"
/* So nice that a daemon on a small machine does not feel it. */
#define NICE 10
#define PROGRESS_MS 1000

/* Without a letter; 1000 and 1001 are taken. */
#define STORE 1002
#define SAMPLES 1003
#define FAIL_ON_CHANGE 1004

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "rules", 'r', true }, { "since", 's', true }, { "until", 'u', true },
	{ "store", STORE, true }, { "against-samples", SAMPLES, false },
	{ "fail-on-change", FAIL_ON_CHANGE, false }, { NULL, 0, false } };

/* ---- one side ---- */

/* Rules, and what they decided before. */
struct side {
	const struct settings *settings;
	const struct rules *rules;
	struct ledger *ledger;
	struct past_memory *past; /* what correlations count */
};

/* As the daemon would have, had these rules been in force all the time. */
static void
decide(struct side *side, const struct event *ev, const struct history_event *was, struct arena *a,
    struct decided *out)
{
	const struct guard_facts facts = ledger_facts(side->ledger, was->received_ms);
	const struct past past = past_in_memory(side->past, was->received_ms);
	const struct decide_by by = { .settings = side->settings,
		.rules = side->rules,
		.facts = &facts,
		.past = &past,
		.only = STR_EMPTY };
	struct ledger_alert about = { .id = was->alert, .more = !was->is_last };

	decide_event(&by, ev, a, out);
	if (out->state != EVENT_STATE_DECIDED)
		return;
	about.key = out->alert->id;
	report_plan(&out->plan, out->alert, side->settings, &facts, a);
	ledger_put(side->ledger, &out->plan, &about);
	past_memory_add(side->past, &out->counted, about.key, was->alert, was->received_ms);
}

static struct side
new_side(const struct settings *settings, const struct rules *rules, int64_t window_ms)
{
	return (struct side){ settings, rules, ledger_new(window_ms), past_memory_new() };
}

static void
end_side(struct side *side)
{
	ledger_free(side->ledger);
	past_memory_free(side->past);
}

/* How far back anything that these rules ask may look. */
static int64_t
looks_back_ms(const struct settings *settings, const struct rules *rules)
{
	int64_t longest = ledger_window_ms(settings, rules);

	for (size_t i = 0; i < rules_feeds(rules); i++)
		if (rules_feed(rules, i).timespan_ms > longest)
			longest = rules_feed(rules, i).timespan_ms;
	return longest;
}

/* ---- the past ---- */

struct going {
	struct backtest *b;
	struct history *past;
	struct difference *difference;
	struct side before, after;
	struct arena *page, *scratch;
	int64_t window_ms, forgotten_ms;
	int64_t shown_ms;
	bool is_shown;
};

/* The event as it was received; false: nobody looks into it again. */
static bool
read_again(struct going *g, const struct history_event *past, struct event *out)
{
	struct event_headers headers;
	struct event_batch batch;

	if (str_is(past->state, event_state_name(EVENT_STATE_DAMAGED)))
		return false;
	event_headers_read(past->headers, g->scratch, &headers);
	event_batch_parse(past->raw, &headers, g->scratch, &batch);
	*out = batch.events[0];
	return batch.n == 1;
}

static void
go_over(struct going *g, const struct history_event *past)
{
	const struct backtest *b = g->b;
	bool counts = past->received_ms >= b->since_ms && past->received_ms < b->until_ms;
	const struct difference_event about = { .alert = past->alert,
		.received_ms = past->received_ms,
		.is_first = past->is_first,
		.other_rules = !str_eq(past->rules_hash, rules_hash(b->before)),
		.has_then = true,
		.then = past->steps,
		.n_then = past->n_steps };
	struct decided before, after;
	struct event ev;

	arena_reset(g->scratch);
	if (!read_again(g, past, &ev)) {
		g->b->skipped += counts;
		return;
	}
	decide(&g->before, &ev, past, g->scratch, &before);
	after = before;
	if (b->after != b->before)
		decide(&g->after, &ev, past, g->scratch, &after);
	if (counts)
		difference_add(g->difference, &about, &before, &after);
}

/* Now and then: all groups are gone through. */
static void
forget(struct going *g, int64_t now_ms)
{
	if (now_ms - g->forgotten_ms < g->window_ms)
		return;
	g->forgotten_ms = now_ms;
	past_memory_forget(g->before.past, now_ms - g->window_ms);
	past_memory_forget(g->after.past, now_ms - g->window_ms);
}

/* On a terminal in one line, else now and then a line of its own. */
static void
show_progress(struct going *g, const struct history_range *range, int64_t at)
{
	int64_t now_ms = clock_mono_ms(), all = range->last - range->first + 1;
	int64_t done = at < range->first ? 0 : at - range->first + 1;
	bool terminal = isatty(STDERR_FILENO);

	if (now_ms - g->shown_ms < (terminal ? PROGRESS_MS : 10 * PROGRESS_MS))
		return;
	g->shown_ms = now_ms;
	g->is_shown = terminal;
	fprintf(stderr, "%s%" PRId64 " of about %" PRId64 " events, %d %%%s", terminal ? "\r" : "",
	    done, all, (int)(100 * done / all), terminal ? "" : "\n");
}

/* From a row that may be before the range: what is decided there counts for budgets only. */
static bool
go_through(struct going *g, const struct history_range *range, int64_t from, struct err *e)
{
	struct history_event *events;
	size_t n;

	for (;;) {
		arena_reset(g->page);
		if (!history_read(g->past, range, from, g->page, &events, &n, e))
			return false;
		if (n == 0)
			return true;
		for (size_t i = 0; i < n; i++)
			go_over(g, &events[i]);
		from = events[n - 1].id + 1;
		forget(g, events[n - 1].received_ms);
		show_progress(g, range, events[n - 1].id);
	}
}

static int64_t
longest(const struct backtest *b)
{
	int64_t before = looks_back_ms(b->settings, b->before);
	int64_t after = looks_back_ms(b->settings, b->after);

	return before > after ? before : after;
}

/* What looks back from the first alert finds what was decided before it. */
static bool
go(struct going *g, struct err *e)
{
	int64_t window_ms = longest(g->b);
	struct history_range range, before;
	bool ok;

	g->window_ms = window_ms;
	g->before = new_side(g->b->settings, g->b->before, window_ms);
	g->after = new_side(g->b->settings, g->b->after, window_ms);
	g->page = arena_new();
	g->scratch = arena_new();
	g->shown_ms = clock_mono_ms();
	ok = history_find(g->past, g->b->since_ms, g->b->until_ms, &range, e) &&
	     history_find(g->past, g->b->since_ms - window_ms, g->b->until_ms, &before, e) &&
	     go_through(g, &range, before.first, e);
	if (g->is_shown)
		fputc('\n', stderr);
	end_side(&g->before);
	end_side(&g->after);
	arena_free(g->page);
	arena_free(g->scratch);
	return ok;
}

static int
backtest(struct backtest *b, struct str store, struct arena *a)
{
	struct going g = { .b = b, .difference = difference_new(b->before, b->after) };
	struct err e;
	int code = EXIT_OK;

	(void)setpriority(PRIO_PROCESS, 0, NICE);
	if (history_open(store, &g.past, &e) && go(&g, &e)) {
		backtest_print(backtest_report(b, g.difference, a), b->format, a);
		if (b->fail_on_change && difference_any(g.difference))
			code = EXIT_FAILED;
	} else {
		fprintf(stderr, "gridwarden backtest: %s\n", e.text);
		code = exit_code_of(e.kind);
	}
	history_close(g.past);
	difference_free(g.difference);
	return code;
}

/* ---- the command ---- */

struct request {
	const char *config, *rules, *store;
	bool samples;
	struct settings *settings;
	struct rules *before, *after;
};

/* "30d" ago, a time, or the beginning of a day. */
static bool
parse_when(const struct command *self, const char *option, const char *text, int64_t *out)
{
	struct str when = str_of(text);
	char midnight[CLOCK_TEXT_MAX];
	struct err e;
	int64_t ms;

	if (when.n == strlen("2026-11-01") &&
	    snprintf(midnight, sizeof(midnight), "%sT00:00:00Z", text) > 0 &&
	    clock_parse(str_of(midnight), out))
		return true;
	if (clock_parse(when, out))
		return true;
	if (!str_to_duration_ms(when, &ms, &e)) {
		usage_error(self,
		    "--%s takes a time ago (8h, 30d) or a time (2026-11-01, 2026-11-01T08:00:00Z), "
		    "not '%s'",
		    option, text);
		return false;
	}
	*out = clock_now_ms() - ms;
	return true;
}

static bool
load(struct request *r, struct arena *a)
{
	struct rule_tests tests;
	struct diags d;

	diags_init(&d, a);
	if (r->config != NULL)
		r->settings = load_settings(r->config, a, &d);
	if (r->settings != NULL)
		r->before = load_rules(arena_cstr(a, r->settings->rules), r->settings, a, &d);
	if (r->rules != NULL)
		r->after = load_rules_and_test(r->rules, r->settings, a, &d, &tests);
	if (d.errors == 0)
		return true;
	mistakes_show(&d);
	return false;
}

static int
dispatch(struct request *r, struct backtest *b, struct arena *a)
{
	const struct settings none = { .mode = GUARD_ENFORCE, .approvals = { .quorum = 1 } };

	if (!load(r, a))
		return EXIT_FAILED;
	b->settings = r->settings == NULL ? &none : r->settings;
	b->before = r->before;
	b->after = r->after == NULL ? r->before : r->after;
	b->after_path = r->rules;
	if (r->samples) {
		backtest_samples(b->settings, b->after, b->format, a);
		return EXIT_OK;
	}
	return backtest(
	    b, r->store == NULL ? b->settings->store : arena_printf(a, "sqlite:%s", r->store), a);
}

/* One option; false after a message. */
static bool
take(const struct command *self, int key, const char *value, struct request *r, struct backtest *b)
{
	switch (key) {
	case 'c':
		r->config = value;
		return true;
	case 'r':
		r->rules = value;
		return true;
	case STORE:
		r->store = value;
		return true;
	case SAMPLES:
		r->samples = true;
		return true;
	case FAIL_ON_CHANGE:
		b->fail_on_change = true;
		return true;
	case 's':
		return parse_when(self, "since", value, &b->since_ms);
	case 'u':
		return parse_when(self, "until", value, &b->until_ms);
	case 'o':
		return format_parse(self, value, &b->format);
	default:
		return false;
	}
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct request r = { .config = NULL };
	struct backtest b = { .format = FORMAT_TABLE, .until_ms = clock_now_ms() };
	struct arena *a;
	const char *value;
	int key, code;

	(void)parse_when(self, "since", SINCE_DEFAULT, &b.since_ms);
	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (!take(self, key, value, &r, &b))
			return EXIT_USAGE;
	}
	if (options_end() < argc)
		return usage_error(self, "takes no operand, the new rules follow --rules");
	if (b.since_ms >= b.until_ms)
		return usage_error(self, "--since is not before --until");
	if (r.config == NULL && !(r.samples && r.rules != NULL))
		r.config = CONFIG_DEFAULT;
	a = arena_new();
	code = dispatch(&r, &b, a);
	rules_free(r.before);
	rules_free(r.after);
	settings_free(r.settings);
	arena_free(a);
	return code;
}

const struct command cmd_backtest = {
	.name = "backtest",
	.summary = "decide the stored alerts again under other rules, and show the difference",
	.usage =
	    "[OPTION]...\n"
	    "\n"
	    "Decides what was received under the rules in force and under new ones, with the same\n"
	    "settings, and shows what would have been done otherwise: to which resource, whom it\n"
	    "would have told, which budgets it would have met.  Touches nothing.  Without --rules\n"
	    "it shows what today's rules would decide otherwise than was decided then.\n"
	    "\n"
	    "  -r, --rules PATH     the new rules, a file or folder\n"
	    "  -s, --since TIME     30d ago (the default), or a time: 2026-11-01T08:00:00Z\n"
	    "  -u, --until TIME     the same; default now\n"
	    "      --against-samples\n"
	    "                       in place of the past: one alert of each type that Defender "
	    "for\n"
	    "                       Cloud is known to raise\n"
	    "      --store FILE     a copy of the store (gridwarden backup), in place of the one "
	    "that\n"
	    "                       the settings name\n"
	    "      --fail-on-change\n"
	    "                       end with 1 when anything would be done otherwise\n"
	    "  -c, --config FILE    settings (default " CONFIG_DEFAULT ")\n"
	    "  -o, --output FORMAT  table, json, yaml or tsv\n"
	    "      --no-color\n",
	.run = run,
};
