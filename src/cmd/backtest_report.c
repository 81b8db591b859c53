/*
 * What came out, as JSON: the one source of all that is printed.
 */
#include <inttypes.h>
#include <string.h>

#include "backtest.h"
#include "base/buf.h"
#include "base/clock.h"

#define DAY_MS 86400000
#define VERDICT_MAX 1000

struct str
backtest_number(int64_t n, struct arena *a)
{
	struct str digits = arena_printf(a, "%" PRId64, n);
	struct buf b;

	buf_init(&b, 2 * digits.n);
	for (size_t i = 0; i < digits.n; i++) {
		if (i > 0 && (digits.n - i) % 3 == 0)
			buf_add_char(&b, ',');
		buf_add_char(&b, digits.p[i]);
	}
	return buf_to_arena(&b, a);
}

/* ---- the time that it is about ---- */

/* What is stored may begin later than what was asked for. */
static int64_t
begin_ms(const struct backtest *b, const struct difference_totals *t)
{
	return t->oldest_ms > b->since_ms ? t->oldest_ms : b->since_ms;
}

static double
days(const struct backtest *b, const struct difference_totals *t)
{
	int64_t ms = b->until_ms - begin_ms(b, t);

	return ms < DAY_MS ? 1 : (double)ms / DAY_MS;
}

static struct str
a_day(int64_t n, double n_days, struct arena *a)
{
	double rate = (double)n / n_days;

	return rate >= 10 ? backtest_number((int64_t)(rate + 0.5), a)
			  : arena_printf(a, "%.1f", rate);
}

static void
set_time(struct json *j, const char *name, int64_t ms, struct arena *a)
{
	char text[CLOCK_TEXT_MAX];

	json_set_cstr(j, name, clock_format(ms, text), a);
}

/* ---- the verdict: one sentence ---- */

static const char *
plural(int64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

/* Both ways to isolate are about machines. */
static void
say_isolations(struct buf *b, const struct difference *d, struct arena *a)
{
	struct difference_gain x = difference_gain(d, STR("isolate_vm"));
	struct difference_gain y = difference_gain(d, STR("isolate_machine"));
	int64_t more = x.more + y.more, less = x.less + y.less, same = x.same + y.same;

	if (more > 0)
		buf_printf(b, "%.*s %s more would be isolated", STR_ARG(backtest_number(more, a)),
		    plural(more, "machine", "machines"));
	if (less > 0)
		buf_printf(b, more > 0 ? ", %.*s less" : "%.*s %s less would be isolated",
		    STR_ARG(backtest_number(less, a)), plural(less, "machine", "machines"));
	if (more == 0 && less == 0 && same == 0)
		buf_add_cstr(b, "no machine would be isolated, as before");
	else if (more == 0 && less == 0)
		buf_printf(b, "the same %.*s would be isolated",
		    STR_ARG(arena_printf(a, "%.*s %s", STR_ARG(backtest_number(same, a)),
			plural(same, "machine", "machines"))));
}

static void
say_others(struct buf *b, struct difference *d, struct arena *a)
{
	int64_t others = 0;
	const struct difference_row **rows;
	size_t n;

	rows = difference_rows(d, &n);
	for (size_t i = 0; i < n; i++) {
		bool before = rows[i]->before[EFFECT_DONE] > 0;
		bool after = rows[i]->after[EFFECT_DONE] > 0;

		others += before == after || !str_starts_nocase(rows[i]->action, STR("isolate_"));
	}
	if (others > 0)
		buf_printf(b, "; %.*s other %s", STR_ARG(backtest_number(others, a)),
		    plural(others, "change below", "changes below"));
}

static void
say_cards(struct buf *b, const struct difference_totals *t, double n_days, struct arena *a)
{
	struct str before = a_day(t->cards[0], n_days, a), after = a_day(t->cards[1], n_days, a);

	if (t->cards[0] == t->cards[1])
		buf_printf(b, "; %.*s notifications a day, as before", STR_ARG(after));
	else
		buf_printf(b, "; %.*s notifications a day in place of %.*s", STR_ARG(after),
		    STR_ARG(before));
}

static struct str
verdict(const struct backtest *b, struct difference *d, struct arena *a)
{
	const struct difference_totals *t = difference_totals(d);
	char since[CLOCK_TEXT_MAX];
	struct buf text;

	buf_init(&text, VERDICT_MAX);
	buf_printf(&text, "%.*s %s since %s: ", STR_ARG(backtest_number(t->alerts, a)),
	    plural(t->alerts, "alert", "alerts"), clock_format(begin_ms(b, t), since));
	if (b->after_path == NULL) {
		buf_printf(&text, "%.*s would be decided otherwise today than %s then",
		    STR_ARG(backtest_number(t->then_differs, a)),
		    plural(t->then_differs, "was", "were"));
	} else {
		say_isolations(&text, d, a);
		say_others(&text, d, a);
		say_cards(&text, t, days(b, t), a);
	}
	buf_add_char(&text, '.');
	return buf_to_arena(&text, a);
}

/* ---- resources ---- */

static struct json *
effects(const int64_t counts[EFFECTS], struct arena *a)
{
	struct json *j = json_object(a);

	for (int i = EFFECT_DONE; i > EFFECT_NONE; i--)
		if (counts[i] > 0)
			json_set_int(j, effect_name((enum effect)i), counts[i], a);
	return j;
}

static struct json *
side_of_case(enum effect effect, struct str rule, struct str reason, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_cstr(j, "effect", effect_name(effect), a);
	if (rule.n > 0)
		json_set_str(j, "rule", rule, a);
	if (reason.n > 0)
		json_set_str(j, "reason", reason, a);
	return j;
}

static struct json *
case_json(const struct difference_case *c, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_int(j, "id", c->alert, a);
	set_time(j, "received", c->at_ms, a);
	json_set_str(j, "name", c->name, a);
	json_set(
	    j, "before", side_of_case(c->before.effect, c->before.rule, c->before.reason, a), a);
	json_set(j, "after", side_of_case(c->after.effect, c->after.rule, c->after.reason, a), a);
	if (c->params)
		json_set_bool(j, "other_parameters", true, a);
	return j;
}

static const char *
change_of(const struct difference_row *r)
{
	bool before = r->before[EFFECT_DONE] > 0, after = r->after[EFFECT_DONE] > 0;

	return after && !before ? "added" : before && !after ? "removed" : "otherwise";
}

static struct json *
row_json(const struct difference_row *r, bool then, struct arena *a)
{
	struct json *j = json_object(a), *cases = json_array(a);

	json_set_str(j, "action", r->action, a);
	json_set_str(j, "target", r->target, a);
	if (!then) {
		json_set_cstr(j, "change", change_of(r), a);
		json_set(j, "before", effects(r->before, a), a);
		json_set(j, "after", effects(r->after, a), a);
	}
	json_set_int(j, "differ", r->differ, a);
	for (size_t i = 0; i < r->n_cases; i++)
		json_add(cases, case_json(&r->cases[i], a), a);
	json_set(j, "alerts", cases, a);
	return j;
}

static struct json *
rows_json(const struct difference_row **rows, size_t n, bool then, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < n; i++)
		json_add(list, row_json(rows[i], then, a), a);
	return list;
}

/* ---- what is counted ---- */

static struct json *
messages_json(const struct difference_count *c, size_t n, double n_days, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < n; i++) {
		struct json *j = json_object(a);

		json_set_str(j, "action", c[i].what, a);
		json_set_str(j, "target", c[i].where, a);
		json_set_str(j, "rule", c[i].rule, a);
		json_set_int(j, "before", c[i].before, a);
		json_set_int(j, "after", c[i].after, a);
		json_set_str(j, "before_a_day", a_day(c[i].before, n_days, a), a);
		json_set_str(j, "after_a_day", a_day(c[i].after, n_days, a), a);
		json_add(list, j, a);
	}
	return list;
}

static struct json *
budgets_json(const struct difference_count *c, size_t n, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < n; i++) {
		struct json *j = json_object(a);

		json_set_str(j, "reason", c[i].what, a);
		if (c[i].rule.n > 0)
			json_set_str(j, "rule", c[i].rule, a);
		json_set_int(j, "before", c[i].before, a);
		json_set_int(j, "after", c[i].after, a);
		json_add(list, j, a);
	}
	return list;
}

static void
set_side(struct json *j, const struct rule *rule, const char *fired, int64_t n_fired,
    const char *unsure, int64_t n_unsure, struct arena *a)
{
	if (rule == NULL)
		return;
	json_set_int(j, fired, n_fired, a);
	json_set_int(j, unsure, n_unsure, a);
}

static struct json *
rules_json(const struct difference_rule *r, size_t n, struct arena *a)
{
	static const char *const modes[] = {
		[RULE_ENFORCE] = "enforce", [RULE_SHADOW] = "shadow", [RULE_OFF] = "off"
	};
	struct json *list = json_array(a);

	for (size_t i = 0; i < n; i++) {
		const struct rule *rule = r[i].after == NULL ? r[i].before : r[i].after;
		struct json *j = json_object(a);

		json_set_str(j, "rule", rule->name, a);
		json_set_str(j, "file", rule->file, a);
		json_set_int(j, "line", rule->line, a);
		json_set_cstr(j, "mode", modes[rule->mode], a);
		set_side(
		    j, r[i].before, "before", r[i].fired[0], "before_unsure", r[i].unsure[0], a);
		set_side(j, r[i].after, "after", r[i].fired[1], "after_unsure", r[i].unsure[1], a);
		json_add(list, j, a);
	}
	return list;
}

static struct json *
then_json(struct difference *d, struct arena *a)
{
	const struct difference_totals *t = difference_totals(d);
	struct json *j = json_object(a);
	const struct difference_row **rows;
	size_t n;

	rows = difference_then(d, &n);
	json_set_int(j, "events_by_other_rules", t->other_rules, a);
	json_set_int(j, "events_decided_otherwise", t->then_differs, a);
	json_set(j, "actions", rows_json(rows, n, true, a), a);
	return j;
}

static void
set_totals(struct json *j, const struct backtest *b, struct difference *d, struct arena *a)
{
	const struct difference_totals *t = difference_totals(d);

	json_set_str(j, "verdict", verdict(b, d, a), a);
	json_set_bool(j, "differs", difference_any(d), a);
	json_set_bool(j, "compares", b->after_path != NULL, a);
	set_time(j, "since", begin_ms(b, t), a);
	set_time(j, "until", b->until_ms, a);
	json_set_int(j, "alerts", t->alerts, a);
	json_set_int(j, "events", t->events, a);
	json_set_int(j, "unreadable", t->unreadable, a);
	json_set_int(j, "refused", t->refused, a);
	json_set_int(j, "damaged", b->skipped, a);
	json_set_int(j, "left_out", t->left_out, a);
	json_set_str(j, "before_a_day", a_day(t->cards[0], days(b, t), a), a);
	json_set_str(j, "after_a_day", a_day(t->cards[1], days(b, t), a), a);
}

struct json *
backtest_report(const struct backtest *b, struct difference *d, struct arena *a)
{
	struct json *j = json_object(a);
	const struct difference_row **rows;
	const struct difference_count *counts;
	const struct difference_rule *rules;
	size_t n;

	set_totals(j, b, d, a);
	rows = difference_rows(d, &n);
	json_set(j, "actions", rows_json(rows, n, false, a), a);
	counts = difference_messages(d, &n);
	json_set(j, "messages", messages_json(counts, n, days(b, difference_totals(d)), a), a);
	counts = difference_budgets(d, &n);
	json_set(j, "budgets", budgets_json(counts, n, a), a);
	rules = difference_rules(d, &n);
	json_set(j, "rules", rules_json(rules, n, a), a);
	json_set(j, "then", then_json(d, a), a);
	return j;
}
