/*
 * posture plans list | enable | disable: Defender's plans.
 *
 * A plan that Microsoft took back is never turned on: those that took its place are.  What is as
 * wished already is left alone.
 */
#include <string.h>

#include "azure/pricing.h"
#include "cmd/posture.h"

#define WHAT_MAX 300
#define PLANS_MAX 100

/* ---- list ---- */

static const struct option_row list_options[] = { POSTURE_OPTIONS };

static const struct column columns[] = { { "SUBSCRIPTION", "subscription", 0, false },
	{ "PLAN", "plan", 0, false }, { "TIER", "tier", 0, false },
	{ "SUB-PLAN", "sub_plan", 0, false }, { "COVERAGE", "coverage", 0, false },
	{ "NOTE", "note", 60, false } };

/* "deprecated, Containers took its place" */
static struct str
note_of(const struct pricing *plan, struct arena *a)
{
	struct str by = STR_EMPTY;

	if (!plan->deprecated)
		return STR_EMPTY;
	for (size_t i = 0; i < plan->n_replaced_by; i++)
		by = arena_printf(a, "%.*s%s%.*s", STR_ARG(by), i > 0 ? " and " : "",
		    STR_ARG(plan->replaced_by[i]));
	if (by.n == 0)
		return STR("deprecated");
	return arena_printf(a, "deprecated, %.*s took its place", STR_ARG(by));
}

static struct json *
plan_row(struct str subscription, const struct pricing *plan, struct arena *a)
{
	struct json *row = json_object(a), *by = json_array(a);

	json_set_str(row, "subscription", subscription, a);
	json_set_str(row, "plan", plan->name, a);
	json_set_str(row, "tier", plan->tier, a);
	json_set_str(row, "sub_plan", plan->sub_plan, a);
	json_set_str(row, "coverage", plan->coverage, a);
	json_set_bool(row, "deprecated", plan->deprecated, a);
	for (size_t i = 0; i < plan->n_replaced_by; i++)
		json_add(by, json_string(plan->replaced_by[i], a), a);
	json_set(row, "replaced_by", by, a);
	json_set_str(row, "note", note_of(plan, a), a);
	return row;
}

static bool
plans_of(struct posture *p, struct str subscription, struct pricing **out, size_t *n, struct err *e)
{
	struct str path = posture_path(p, subscription, "/providers/Microsoft.Security/pricings");
	struct json *all = json_array(p->arena);
	const struct json *items;
	struct arm_pages pages;
	bool ok;

	arm_pages_begin(&p->arm, path, NULL, PRICING_API_VERSION, p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL)
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			json_add(all, json_copy(j, p->arena), p->arena);
	arm_pages_done(&pages);
	*n = 0;
	*out = arena_alloc(p->arena, (json_count(all) + 1) * sizeof(**out));
	for (const struct json *j = json_first(all); j != NULL; j = json_next(j))
		pricing_read(j, p->arena, &(*out)[(*n)++]);
	return ok;
}

static int
list(struct posture *p)
{
	int code = EXIT_OK;
	struct output out;
	struct err e;

	output_begin(&out, columns, sizeof(columns) / sizeof(columns[0]), p->format);
	for (size_t i = 0; i < p->n_subscriptions; i++) {
		struct pricing *plans;
		size_t n;

		if (!plans_of(p, p->subscriptions[i], &plans, &n, &e)) {
			code = posture_failed(p, &e);
			continue;
		}
		for (size_t k = 0; k < n; k++)
			output_put(&out, plan_row(p->subscriptions[i], &plans[k], p->arena));
	}
	output_end(&out);
	return code;
}

static int
run_list(const struct command *self, int argc, char **argv)
{
	struct posture p;
	int code;

	posture_init(&p, self);
	if (posture_options(&p, list_options, argc, argv, posture_take, &p, &code) &&
	    posture_takes_none(&p, argc) && posture_open(&p, &code))
		code = list(&p);
	posture_close(&p);
	return code;
}

const struct command posture_plans_list = {
	.name = "posture plans list",
	.summary = "Defender's plans and which of them are on",
	.usage = "[OPTION]...\n\n" POSTURE_USAGE,
	.run = run_list,
};

/* ---- enable and disable ---- */

struct change {
	struct posture posture;
	bool on, every;
	struct str sub_plan;
	struct str *names; /* as typed */
	size_t n_names;
	size_t troubles;
};

static const struct option_row change_options[] = { { "sub-plan", 'p', true },
	{ "all", 'a', false }, POSTURE_CHANGES POSTURE_OPTIONS };
/* disable takes no sub-plan. */
#define OF_ENABLE 1

static const struct pricing *
find(const struct pricing *plans, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(plans[i].name, name))
			return &plans[i];
	return NULL;
}

static bool
known(const struct change *c, const struct pricing *plans, size_t n, struct str name)
{
	const char *names[PLANS_MAX], *near;
	size_t k = 0;

	if (find(plans, n, name) != NULL)
		return true;
	for (size_t i = 0; i < n && k < PLANS_MAX; i++)
		names[k++] = arena_cstr(c->posture.arena, plans[i].name);
	near = str_nearest(name, names, k);
	fprintf(stderr, "gridwarden %s: unknown plan '%.*s'", c->posture.self->name, STR_ARG(name));
	if (near != NULL)
		fprintf(stderr, ", did you mean '%s'?", near);
	fputs("\n'gridwarden posture plans list' shows them all.\n", stderr);
	return false;
}

/* A name once; deprecated plans give their successors. */
static void
want(struct change *c, const struct pricing *plans, size_t n, const struct pricing *plan,
    const struct pricing **wanted, size_t *k)
{
	if (plan == NULL || *k == PLANS_MAX)
		return;
	for (size_t i = 0; i < *k; i++)
		if (wanted[i] == plan)
			return;
	if (!c->on || !plan->deprecated) {
		wanted[(*k)++] = plan;
		return;
	}
	if (!c->every)
		fprintf(stderr, "%.*s is %.*s\n", STR_ARG(plan->name),
		    STR_ARG(note_of(plan, c->posture.arena)));
	for (size_t i = 0; i < plan->n_replaced_by; i++) {
		const struct pricing *by = find(plans, n, plan->replaced_by[i]);

		if (by != NULL && !by->deprecated)
			want(c, plans, n, by, wanted, k);
	}
}

static bool
is_as_wished(const struct change *c, const struct pricing *plan)
{
	if (pricing_is_on(plan) != c->on)
		return false;
	return !c->on || c->sub_plan.n == 0 || str_eq_nocase(plan->sub_plan, c->sub_plan);
}

static void
report(struct change *c, const struct arm_answer *answer, struct str subscription)
{
	struct arena *a = c->posture.arena;
	struct pricing now;
	struct str trouble;

	pricing_read(answer->body, a, &now);
	trouble = pricing_trouble(&now, a);
	fprintf(stderr, "%.*s of %.*s is %.*s%s%.*s\n", STR_ARG(now.name), STR_ARG(subscription),
	    STR_ARG(now.tier), now.sub_plan.n > 0 ? ", sub-plan " : "", STR_ARG(now.sub_plan));
	if (trouble.n == 0)
		return;
	c->troubles++;
	fputs("  but not all of it works:\n", stderr);
	output_text(stderr, trouble);
	fputc('\n', stderr);
}

/* False: not another one is tried. */
static bool
change_plan(struct change *c, struct str subscription, const struct pricing *plan, int *code)
{
	struct posture *p = &c->posture;
	struct arm_call call = pricing_call(subscription, plan->name, c->on, c->sub_plan, p->arena);
	struct arm_answer answer;
	char what[WHAT_MAX];
	struct err e;
	bool send;

	if (is_as_wished(c, plan)) {
		fprintf(stderr, "%.*s of %.*s is %.*s already\n", STR_ARG(plan->name),
		    STR_ARG(subscription), STR_ARG(plan->tier));
		return true;
	}
	snprintf(what, sizeof(what), "Turn %s %.*s for %.*s", c->on ? "on" : "off",
	    STR_ARG(plan->name), STR_ARG(subscription));
	if (!posture_may_send(p, &call, what, &send, code))
		return false;
	if (!send)
		return true;
	if (posture_send(p, &call, p->arena, &answer, &e)) {
		report(c, &answer, subscription);
		return true;
	}
	*code = posture_failed(p, &e);
	c->troubles++;
	return e.kind != ERR_DENIED;
}

static bool
change_subscription(struct change *c, struct str subscription, int *code)
{
	const struct pricing *wanted[PLANS_MAX];
	struct pricing *plans;
	size_t n, k = 0;
	struct err e;

	if (!plans_of(&c->posture, subscription, &plans, &n, &e)) {
		*code = posture_failed(&c->posture, &e);
		return true;
	}
	for (size_t i = 0; i < c->n_names; i++) {
		if (!known(c, plans, n, c->names[i])) {
			*code = EXIT_NOT_FOUND;
			return false;
		}
		want(c, plans, n, find(plans, n, c->names[i]), wanted, &k);
	}
	for (size_t i = 0; c->every && i < n; i++)
		if (!plans[i].deprecated)
			want(c, plans, n, &plans[i], wanted, &k);
	for (size_t i = 0; i < k; i++)
		if (!change_plan(c, subscription, wanted[i], code))
			return false;
	return true;
}

static int
change(struct change *c)
{
	int code = EXIT_OK;

	for (size_t i = 0; i < c->posture.n_subscriptions; i++)
		if (!change_subscription(c, c->posture.subscriptions[i], &code))
			return code;
	return code == EXIT_OK && c->troubles > 0 ? EXIT_FAILED : code;
}

static bool
take_names(struct change *c, int argc, char **argv)
{
	const struct command *self = c->posture.self;

	if (c->every ? options_end() < argc : options_end() == argc) {
		usage_error(self, "takes the names of plans, or --all");
		return false;
	}
	if (c->sub_plan.n > 0 && argc - options_end() != 1) {
		usage_error(self, "--sub-plan goes with the name of one plan");
		return false;
	}
	c->n_names = (size_t)(argc - options_end());
	c->names = arena_alloc(c->posture.arena, (c->n_names + 1) * sizeof(*c->names));
	for (size_t i = 0; i < c->n_names; i++)
		c->names[i] = str_of(argv[options_end() + (int)i]);
	return true;
}

static bool
take(void *ctx, int key, const char *value)
{
	struct change *c = ctx;

	switch (key) {
	case 'p':
		c->sub_plan = str_of(value);
		return true;
	case 'a':
		c->every = true;
		return true;
	default:
		return posture_take(&c->posture, key, value);
	}
}

static int
run_change(const struct command *self, int argc, char **argv)
{
	struct change c = { .on = self == &posture_plans_enable };
	const struct option_row *rows = c.on ? change_options : change_options + OF_ENABLE;
	int code;

	posture_init(&c.posture, self);
	if (posture_options(&c.posture, rows, argc, argv, take, &c, &code) &&
	    take_names(&c, argc, argv) && posture_open(&c.posture, &code))
		code = change(&c);
	posture_close(&c.posture);
	return code;
}

const struct command posture_plans_enable = {
	.name = "posture plans enable",
	.summary = "turn plans on; of a deprecated one those that took its place",
	.usage = "NAME... [OPTION]...\n"
		 "\n"
		 "      --sub-plan NAME      P1 or P2 of VirtualMachines, and the like\n"
		 "      --all                all that are not deprecated, in place of "
		 "names\n" POSTURE_CHANGES_USAGE POSTURE_USAGE,
	.run = run_change,
};

const struct command posture_plans_disable = {
	.name = "posture plans disable",
	.summary = "turn plans off",
	.usage = "NAME... [OPTION]...\n"
		 "\n"
		 "      --all                all of them, in place of names\n" POSTURE_CHANGES_USAGE
		     POSTURE_USAGE,
	.run = run_change,
};
