/*
 * Happy path: each rule that fired gives its actions as steps; equal steps are one; guards let
 * them through.
 * What can go wrong: the rule is unsure, the alert names no usable resource, it is a sample, the
 * target is protected, the budget is used up - the step is kept with its reason, never dropped.
 */
#include "core/plan.h"

#include <inttypes.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/clock.h"
#include "core/alert_source.h"
#include "core/guard.h"
#include "cooldown.h"
#include "core/text.h"

#define REASON_MAX 400
#define BUDGET_USED_UP "budget used up"
#define MUTED "the rule is muted: "
#define COOLDOWN "the rule is in cooldown "
#define TARGET_COOLDOWN "cooldown"
#define HOUR_MS 3600000

static const char *const state_names[] = {
	[STEP_WAITING] = "waiting",
	[STEP_RUNNING] = "running",
	[STEP_APPROVAL] = "approval",
	[STEP_DONE] = "done",
	[STEP_FAILED] = "failed",
	[STEP_REFUSED] = "refused",
	[STEP_SUPPRESSED] = "suppressed",
	[STEP_SHADOW] = "shadow",
};

/* What one guard said: STEP_WAITING lets the step through. */
struct ruling {
	enum step_state state;
	struct str reason;
};

struct planner {
	const struct settings *settings;
	const struct alert *alert;
	const struct guard_facts *facts;
	struct arena *arena;
	struct plan *plan;
	struct str quiet; /* why the rule at hand does nothing; "" = it does */
};

const char *
step_state_name(enum step_state s)
{
	return state_names[s];
}

bool
step_state_parse(struct str name, enum step_state *out)
{
	for (int i = STEP_WAITING; i <= STEP_SHADOW; i++) {
		if (str_is(name, state_names[i])) {
			*out = (enum step_state)i;
			return true;
		}
	}
	return false;
}

struct str
step_key(struct str alert, struct str action, struct str params, struct str target, int64_t undo_of,
    struct arena *a)
{
	char hex[SHA256_HEX_MAX];
	struct str parts[] = { alert, action, params, target,
		undo_of == 0 ? STR_EMPTY : arena_printf(a, "%" PRId64, undo_of) };

	sha256_parts_hex(parts, sizeof(parts) / sizeof(parts[0]), hex);
	return arena_str(a, str_of(hex));
}

/* The machine of an extension, in Azure's spelling; ids that differ in case are one target. */
static struct str
resource_target(const struct planner *p, bool key)
{
	struct resource_id owner = p->alert->resource;
	struct buf b;

	if (!p->alert->has_resource)
		return STR_EMPTY;
	owner.rest = STR_EMPTY;
	buf_init(&b, RESOURCE_ID_MAX);
	if (key)
		resource_id_format_key(&owner, &b);
	else
		resource_id_format(&owner, &b);
	return buf_to_arena(&b, p->arena);
}

static struct ruling
refuse(struct str reason)
{
	return (struct ruling){ STEP_REFUSED, reason };
}

/* The first condition that could not be decided, in words. */
static struct str
unsure_because(const struct verdict *v, struct arena *a)
{
	for (size_t i = 0; i < v->n_lines; i++)
		if (v->lines[i].answer == ANSWER_UNSURE)
			return arena_printf(a, "the rule could not be decided: %.*s%s%.*s",
			    STR_ARG(v->lines[i].field), v->lines[i].field.n > 0 ? ": " : "",
			    STR_ARG(v->lines[i].problem));
	return STR("the rule could not be decided");
}

static struct ruling
ask_target(const struct planner *p)
{
	const struct alert *al = p->alert;
	struct ruling r = { STEP_WAITING, STR_EMPTY };
	struct buf why;

	if (!al->has_resource && al->resource_text.n == 0)
		return refuse(STR("the alert names no Azure resource"));
	if (!al->has_resource)
		return refuse(arena_printf(p->arena, "the alert's resource id cannot be used: %.*s",
		    STR_ARG(al->resource_problem)));
	buf_init(&why, REASON_MAX);
	if (!guard_in_scope(p->settings, &al->resource))
		r = refuse(STR("outside of guards.scope"));
	else if (guard_protects(p->settings, &al->resource, &why))
		r = refuse(arena_printf(p->arena, "protected by %.*s", STR_ARG(buf_str(&why))));
	buf_done(&why);
	return r;
}

/* Steps of this very plan that use up the same budget; all are about one target. */
static int64_t
planned(const struct planner *p, const struct step_filter *which)
{
	int64_t n = 0;

	for (size_t i = 0; i < p->plan->n; i++) {
		const struct step *s = &p->plan->steps[i];

		n += s->state == STEP_WAITING && str_eq(s->action, which->action) &&
		     (which->rule.n == 0 || str_eq(s->rule, which->rule));
	}
	return n;
}

static int64_t
used(const struct planner *p, const struct step_filter *which)
{
	return p->facts->count(p->facts->count_ctx, which) + planned(p, which);
}

static struct ruling
over(const struct planner *p, const struct settings_budget *b, int64_t limit, const char *where)
{
	return (struct ruling){ b->over_approve ? STEP_APPROVAL : STEP_REFUSED,
		arena_printf(p->arena, BUDGET_USED_UP ": %" PRId64 " %.*s an hour%s", limit,
		    STR_ARG(b->action), where) };
}

static bool
cools_down(const struct planner *p, const struct settings_budget *b)
{
	struct step_filter which = { .action = b->action,
		.target = resource_target(p, false),
		.since_ms = p->facts->now_ms - b->cooldown_ms };

	return b->cooldown_ms > 0 && used(p, &which) > 0;
}

static struct ruling
ask_one_budget(const struct planner *p, const struct settings_budget *b, struct str rule)
{
	struct str subscription = p->alert->resource.subscription;
	const struct {
		int64_t limit;
		struct str subscription, rule;
		const char *where;
	} rows[] = {
		{ b->per_hour, STR_EMPTY, STR_EMPTY, "" },
		{ b->per_rule_per_hour, STR_EMPTY, rule, " by one rule" },
		{ b->per_subscription_per_hour, subscription, STR_EMPTY, " in one subscription" },
	};

	if (cools_down(p, b))
		return (struct ruling){ b->over_approve ? STEP_APPROVAL : STEP_REFUSED,
			arena_printf(p->arena,
			    TARGET_COOLDOWN ": %.*s was done on this target within the last %s",
			    STR_ARG(b->action), text_duration(b->cooldown_ms, p->arena)) };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct step_filter which = { .action = b->action,
			.subscription = rows[i].subscription,
			.rule = rows[i].rule,
			.since_ms = p->facts->now_ms - HOUR_MS };

		if (rows[i].limit > 0 && used(p, &which) >= rows[i].limit)
			return over(p, b, rows[i].limit, rows[i].where);
	}
	return (struct ruling){ STEP_WAITING, STR_EMPTY };
}

static struct ruling
ask_budget(const struct planner *p, struct str action, struct str rule)
{
	for (size_t i = 0; i < p->settings->n_budgets; i++)
		if (str_eq(p->settings->budgets[i].action, action))
			return ask_one_budget(p, &p->settings->budgets[i], rule);
	return (struct ruling){ STEP_WAITING, STR_EMPTY };
}

/* Held whatever its budget says; what is used up refuses or holds it too. */
static bool
is_always_held(const struct settings *s, struct str action)
{
	for (size_t i = 0; i < s->approvals.n_actions; i++)
		if (str_eq(s->approvals.actions[i], action))
			return true;
	return false;
}

static struct str
panic_words(int64_t since_ms, struct arena *a)
{
	char text[CLOCK_TEXT_MAX];

	return arena_printf(
	    a, "panic since %s: nothing destructive is done", clock_format(since_ms, text));
}

/* Whether it is so is asked before the step is done; here only whether it can be asked. */
static struct ruling
ask_source(const struct planner *p)
{
	struct str ignored;
	struct err e;

	if (!p->settings->confirm_at_source || alert_source_id(p->alert, p->arena, &ignored, &e))
		return (struct ruling){ STEP_WAITING, STR_EMPTY };
	return refuse(arena_printf(p->arena, "not confirmed at source: %s", e.text));
}

/* All guards in order; the first that objects decides. */
static struct ruling
ask_guards(const struct planner *p, const struct verdict *v, const struct rule_action *action)
{
	struct ruling r = { STEP_WAITING, STR_EMPTY };

	if (p->quiet.n > 0)
		return refuse(p->quiet);
	if (!action->disruptive)
		return r;
	if (p->facts->panic_ms > 0)
		return refuse(panic_words(p->facts->panic_ms, p->arena));
	if (v->answer == ANSWER_UNSURE)
		return refuse(unsure_because(v, p->arena));
	if (p->alert->sample && !v->rule->allow_sample)
		return refuse(STR("sample alert, and the rule does not say allow_sample: true"));
	r = ask_target(p);
	if (r.state == STEP_WAITING)
		r = ask_source(p);
	if (r.state != STEP_WAITING)
		return r;
	if (p->settings->mode == GUARD_SHADOW)
		return (struct ruling){ STEP_SHADOW, STR("guards.mode is shadow") };
	if (v->rule->mode == RULE_SHADOW)
		return (struct ruling){ STEP_SHADOW, STR("the rule's mode is shadow") };
	r = ask_budget(p, action->name, v->rule->name);
	if (r.state == STEP_WAITING && is_always_held(p->settings, action->name))
		r = (struct ruling){ STEP_APPROVAL, STR("it always waits for approval") };
	if (r.state == STEP_WAITING && p->facts->doubt.n > 0)
		r = (struct ruling){ STEP_APPROVAL, p->facts->doubt };
	return r;
}

/* How much of the effect a state lets happen: the strongest of equal steps stays. */
static int
strength(enum step_state s)
{
	switch (s) {
	case STEP_WAITING:
		return 3;
	case STEP_APPROVAL:
		return 2;
	case STEP_SHADOW:
		return 1;
	case STEP_RUNNING:
	case STEP_DONE:
	case STEP_FAILED:
	case STEP_REFUSED:
	case STEP_SUPPRESSED:
		break;
	}
	return 0;
}

static struct step *
find(struct plan *plan, struct str key)
{
	for (size_t i = 0; i < plan->n; i++)
		if (str_eq(plan->steps[i].key, key))
			return &plan->steps[i];
	return NULL;
}

static void
add_step(struct planner *p, const struct verdict *v, const struct rule_action *action)
{
	bool named = action->target == TARGET_NAMED;
	struct str key = step_key(p->alert->id, action->name, action->params,
	    named ? action->named : resource_target(p, true), 0, p->arena);
	struct step *same = find(p->plan, key);
	struct ruling r;

	if (same != NULL && same->state == STEP_WAITING)
		return;
	r = ask_guards(p, v, action);
	if (same == NULL)
		same = &p->plan->steps[p->plan->n++];
	else if (strength(r.state) <= strength(same->state))
		return;
	*same = (struct step){
		.key = key,
		.rule = v->rule->name,
		.action = action->name,
		.target = named ? action->named : resource_target(p, false),
		.params = action->params,
		.disruptive = action->disruptive,
		.reports = action->reports,
		.pages = action->pages,
		.state = r.state,
		.reason = r.reason,
		.created_ms = p->facts->now_ms,
		.due_ms = p->facts->now_ms,
	};
	if (r.state == STEP_APPROVAL)
		same->due_ms += p->settings->approval_timeout_ms;
}

/*
 * The alert that began a cooldown is not held back by it: what it asks for anew is new.  A rule
 * that is unsure begins none, so that nobody can send one such alert and have peace from the next.
 */
static struct str
cooldown(const struct planner *p, const struct verdict *v)
{
	const struct rule *rule = v->rule;
	struct str key = cooldown_key(rule, p->alert, p->arena);
	int64_t now_ms = p->facts->now_ms;
	struct rule_fired last;
	char since[CLOCK_TEXT_MAX];

	if (key.n == 0)
		return STR_EMPTY;
	if (p->facts->fired == NULL ||
	    !p->facts->fired(p->facts->count_ctx, rule->name, key, p->arena, &last) ||
	    last.at_ms + rule->cooldown_ms <= now_ms) {
		if (v->answer == ANSWER_YES)
			p->plan->firings[p->plan->n_firings++] =
			    (struct firing){ rule->name, key, now_ms + rule->cooldown_ms };
		return STR_EMPTY;
	}
	if (str_eq(last.alert_key, p->alert->id))
		return STR_EMPTY;
	return arena_printf(p->arena, COOLDOWN "of %s since %s, because of alert %" PRId64,
	    text_duration(rule->cooldown_ms, p->arena), clock_format(last.at_ms, since),
	    last.alert);
}

static struct str
quiet(const struct planner *p, const struct verdict *v)
{
	return v->muted.n > 0 ? arena_printf(p->arena, MUTED "%.*s", STR_ARG(v->muted))
			      : cooldown(p, v);
}

void
plan_build(const struct settings *s, const struct verdict *v, size_t nv, const struct alert *al,
    const struct guard_facts *facts, struct arena *a, struct plan *out)
{
	struct planner p = { s, al, facts, a, out, STR_EMPTY };
	size_t most = 0;

	for (size_t i = 0; i < nv; i++)
		if (v[i].answer != ANSWER_NO)
			most += v[i].rule->n_actions;
	out->n = out->n_firings = 0;
	out->steps = arena_alloc(a, most * sizeof(*out->steps));
	out->firings = arena_alloc(a, nv * sizeof(*out->firings));
	for (size_t i = 0; i < nv; i++) {
		if (v[i].answer == ANSWER_NO)
			continue;
		p.quiet = quiet(&p, &v[i]);
		for (size_t k = 0; k < v[i].rule->n_actions; k++)
			add_step(&p, &v[i], &v[i].rule->actions[k]);
	}
}

void
step_undo(
    const struct step *done, struct str alert, int64_t due_ms, struct arena *a, struct step *out)
{
	*out = (struct step){
		.event_id = done->event_id,
		.alert_id = done->alert_id,
		.key = step_key(alert, done->action, done->params, done->target, done->id, a),
		.rule = done->rule,
		.action = done->action,
		.target = done->target,
		.params = done->params,
		.disruptive = done->disruptive,
		.undo_of = done->id,
		.state = STEP_WAITING,
		.created_ms = due_ms,
		.due_ms = due_ms,
		.before = done->before,
		.destination = done->destination,
	};
}

#define IF_CHANGED "if_changed"

void
step_undo_anyway(struct step *undo, struct str alert, const char *how, struct arena *a)
{
	struct err e;
	struct json *params = json_parse(undo->params, a, &e);

	if (!json_is(params, JSON_OBJECT))
		params = json_object(a);
	json_set_cstr(params, IF_CHANGED, how, a);
	undo->params = json_print(params, a);
	undo->key = step_key(alert, undo->action, undo->params, undo->target, undo->undo_of, a);
}

const char *
step_undo_how(const struct json *params)
{
	static const char *const known[] = { "force", "merge" };
	struct str how = json_text(json_get(params, IF_CHANGED));

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is(how, known[i]))
			return known[i];
	return NULL;
}

struct str
step_subscription(struct str target, char out[STEP_SUBSCRIPTION_MAX])
{
	struct str rest = target, field = STR_EMPTY;

	for (int i = 0; i < 3; i++)
		if (!str_next(&rest, '/', &field))
			return STR_EMPTY;
	if (!str_starts_nocase(target, STR("/subscriptions/")) || field.n >= STEP_SUBSCRIPTION_MAX)
		return STR_EMPTY;
	for (size_t i = 0; i < field.n; i++)
		out[i] = ascii_lower(field.p[i]);
	return (struct str){ out, field.n };
}

bool
step_met_budget(const struct step *s)
{
	return (s->state == STEP_REFUSED || s->state == STEP_APPROVAL) &&
	       (str_starts_nocase(s->reason, STR(BUDGET_USED_UP)) ||
		   str_starts_nocase(s->reason, STR(TARGET_COOLDOWN)));
}

bool
step_is_quiet(const struct step *s)
{
	return s->state == STEP_REFUSED && (str_starts_nocase(s->reason, STR(MUTED)) ||
					       str_starts_nocase(s->reason, STR(COOLDOWN)));
}

bool
step_is_over_budget(const struct step *s)
{
	return s->state == STEP_REFUSED && str_starts_nocase(s->reason, STR(BUDGET_USED_UP));
}

int64_t
step_held_until_ms(const struct step *s)
{
	return s->state == STEP_APPROVAL && s->due_ms > s->created_ms ? s->due_ms : 0;
}
