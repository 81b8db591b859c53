/*
 * posture recommendations: unhealthy assessments, as they come.
 *
 * Azure says severity and remediation once for each kind of assessment: those are read first, then
 * page after page is shown, so that of twenty thousand the first is there at once.
 */
#include <string.h>

#include "azure/assessment.h"
#include "cmd/posture.h"
#include "core/resource_id.h"

struct recommendations {
	struct posture posture;
	struct str severity; /* "" = all */
	struct resource_id resource;
	bool one_resource;
	struct assessment_kinds *kinds;
	struct output out;
	size_t seen, shown;
};

static const struct option_row options[] = { { "severity", 'S', true }, { "resource", 'R', true },
	POSTURE_OPTIONS };

static const struct column columns[] = { { "SEVERITY", "severity", 0, false },
	{ "RECOMMENDATION", "recommendation", 60, false }, { "RESOURCE", "resource", 50, true } };

static bool
is_asked_for(const struct recommendations *r, const struct assessment *one)
{
	return str_is_nocase(one->status, "Unhealthy") &&
	       (r->severity.n == 0 || str_eq_nocase(one->severity, r->severity));
}

static void
put(struct recommendations *r, const struct json *item)
{
	struct arena *a = r->posture.page;
	struct json *row = json_object(a);
	struct assessment one;

	r->seen++;
	assessment_read(item, &one);
	assessment_complete(r->kinds, a, &one);
	if (!is_asked_for(r, &one))
		return;
	r->shown++;
	json_set_str(row, "severity", one.severity, a);
	json_set_str(row, "recommendation", one.name, a);
	json_set_str(row, "resource", one.resource, a);
	json_set_str(row, "cause", one.cause, a);
	json_set_str(row, "remediation", one.remediation, a);
	json_set_str(row, "assessment", one.key, a);
	output_put(&r->out, row);
}

static bool
learn_kinds(struct recommendations *r, struct str subscription, struct err *e)
{
	struct posture *p = &r->posture;
	struct str path = posture_path(p, subscription, ASSESSMENT_METADATA);
	const struct json *items;
	struct arm_pages pages;
	bool ok;

	arm_pages_begin(&p->arm, path, NULL, ASSESSMENT_API_VERSION, p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL)
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			assessment_kinds_add(r->kinds, j);
	arm_pages_done(&pages);
	assessment_kinds_ready(r->kinds);
	return ok;
}

static struct str
scope_of(const struct recommendations *r, struct str subscription)
{
	struct arena *a = r->posture.arena;
	struct buf b;
	struct str path;

	if (!r->one_resource)
		return posture_path(&r->posture, subscription, ASSESSMENTS);
	buf_init(&b, RESOURCE_ID_MAX);
	resource_id_format(&r->resource, &b);
	path = arena_printf(a, "%s" ASSESSMENTS, buf_cstr(&b));
	buf_done(&b);
	return path;
}

static bool
show(struct recommendations *r, struct str subscription, struct err *e)
{
	struct posture *p = &r->posture;
	const struct json *items;
	struct arm_pages pages;
	bool ok;

	arm_pages_begin(
	    &p->arm, scope_of(r, subscription), NULL, ASSESSMENT_API_VERSION, p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL) {
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			put(r, j);
		output_flush(&r->out);
		posture_progress(
		    "%zu assessments, %zu of them recommend something", r->seen, r->shown);
	}
	arm_pages_done(&pages);
	return ok;
}

static int
list(struct recommendations *r)
{
	int code = EXIT_OK;
	struct err e;

	output_begin(&r->out, columns, sizeof(columns) / sizeof(columns[0]), r->posture.format);
	for (size_t i = 0; i < r->posture.n_subscriptions; i++) {
		struct str subscription = r->posture.subscriptions[i];

		r->kinds = assessment_kinds_new();
		if (!learn_kinds(r, subscription, &e) || !show(r, subscription, &e))
			code = posture_failed(&r->posture, &e);
		assessment_kinds_free(r->kinds);
	}
	output_end(&r->out);
	posture_progress(NULL);
	if (code == EXIT_OK)
		fprintf(stderr, "%zu of %zu assessments recommend something\n", r->shown, r->seen);
	return code;
}

static bool
take_severity(struct recommendations *r, const char *value)
{
	static const char *const known[] = { "High", "Medium", "Low" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is_nocase(str_of(value), known[i]))
			r->severity = str_of(known[i]);
	if (r->severity.n > 0)
		return true;
	usage_error(r->posture.self, "--severity is High, Medium or Low, not '%s'", value);
	return false;
}

static bool
take_resource(struct recommendations *r, const char *value)
{
	struct err e;

	if (!resource_id_parse(str_of(value), &r->resource, &e)) {
		usage_error(r->posture.self, "--resource: %s", e.text);
		return false;
	}
	r->one_resource = true;
	return posture_take(
	    &r->posture, 's', arena_cstr(r->posture.arena, r->resource.subscription));
}

static bool
take(void *ctx, int key, const char *value)
{
	struct recommendations *r = ctx;

	if (key == 'S')
		return take_severity(r, value);
	if (key == 'R')
		return take_resource(r, value);
	return posture_take(&r->posture, key, value);
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct recommendations r = { .one_resource = false };
	int code;

	posture_init(&r.posture, self);
	if (posture_options(&r.posture, options, argc, argv, take, &r, &code) &&
	    posture_takes_none(&r.posture, argc)) {
		if (r.one_resource && (r.posture.all || r.posture.n_subscriptions > 1))
			code = usage_error(self, "--resource names its subscription itself");
		else if (posture_open(&r.posture, &code))
			code = list(&r);
	}
	posture_close(&r.posture);
	return code;
}

const struct command posture_recommendations = {
	.name = "posture recommendations",
	.summary = "what Defender for Cloud recommends: unhealthy assessments",
	.usage = "[OPTION]...\n"
		 "\n"
		 "      --severity LEVEL     High, Medium or Low\n"
		 "      --resource ID        of one resource\n" POSTURE_USAGE,
	.run = run,
};
