/*
 * Lists that are shown as Azure gives them: a path, and what of each item is shown, as data.
 */
#include <string.h>

#include "cmd/posture.h"
#include "core/resource_id.h"

#define FIELDS_MAX 8
#define ALERTS_VERSION "2022-01-01"
#define COMPLIANCE_VERSION "2019-01-01-preview"
#define APP_CONTROL_VERSION "2020-01-01"
#define STANDARDS "/providers/Microsoft.Security/regulatoryComplianceStandards"

struct field {
	const char *title, *name; /* in a table, in JSON */
	const char *path;	  /* in the item */
	int width;
	bool tail;
};

struct list {
	const struct command *command;
	const char *path; /* behind the subscription; %s is the argument */
	const char *version;
	bool takes_name;  /* an argument */
	const char *said; /* what is to be known besides, on standard error; or NULL */
	struct field fields[FIELDS_MAX];
};

static const struct list lists[] = {
	{ .command = &posture_alerts_list,
	    .path = "/providers/Microsoft.Security/alerts",
	    .version = ALERTS_VERSION,
	    .fields = { { "SEVERITY", "severity", "properties.severity", 0, false },
		{ "ALERT", "alert", "properties.alertDisplayName", 60, false },
		{ "STATUS", "status", "properties.status", 0, false },
		{ "ENTITY", "entity", "properties.compromisedEntity", 30, false },
		{ "STARTED", "started", "properties.startTimeUtc", 0, false },
		{ "ID", "id", "id", 50, true } } },
	{ .command = &posture_compliance_standards,
	    .path = STANDARDS,
	    .version = COMPLIANCE_VERSION,
	    .fields = { { "STANDARD", "standard", "name", 0, false },
		{ "STATE", "state", "properties.state", 0, false },
		{ "PASSED", "passed_controls", "properties.passedControls", 0, false },
		{ "FAILED", "failed_controls", "properties.failedControls", 0, false },
		{ "SKIPPED", "skipped_controls", "properties.skippedControls", 0, false },
		{ "UNSUPPORTED", "unsupported_controls", "properties.unsupportedControls", 0,
		    false } } },
	{ .command = &posture_compliance_controls,
	    .path = STANDARDS "/%s/regulatoryComplianceControls",
	    .version = COMPLIANCE_VERSION,
	    .takes_name = true,
	    .fields = { { "CONTROL", "control", "name", 0, false },
		{ "STATE", "state", "properties.state", 0, false },
		{ "PASSED", "passed_assessments", "properties.passedAssessments", 0, false },
		{ "FAILED", "failed_assessments", "properties.failedAssessments", 0, false },
		{ "SKIPPED", "skipped_assessments", "properties.skippedAssessments", 0, false },
		{ "DESCRIPTION", "description", "properties.description", 70, false } } },
	{ .command = &posture_app_control_list,
	    .path = "/providers/Microsoft.Security/applicationWhitelistings",
	    .version = APP_CONTROL_VERSION,
	    .said = "Microsoft retired adaptive application controls in 2024 and replaced them by "
		    "nothing alike. App Control for Business says which programs may run, Defender "
		    "for Endpoint watches those that do. What the API still returns:",
	    .fields = { { "GROUP", "group", "name", 0, false },
		{ "LOCATION", "location", "location", 0, false },
		{ "ENFORCEMENT", "enforcement", "properties.enforcementMode", 0, false },
		{ "RECOMMENDATION", "recommendation", "properties.recommendationStatus", 0,
		    false } } },
};

static const struct option_row options[] = { POSTURE_OPTIONS };

static size_t
columns_of(const struct list *l, struct column *columns)
{
	static const struct column first = { "SUBSCRIPTION", "subscription", 0, false };
	size_t n = 0;

	columns[n++] = first;
	for (const struct field *f = l->fields; f < l->fields + FIELDS_MAX && f->name != NULL; f++)
		columns[n++] = (struct column){ f->title, f->name, f->width, f->tail };
	return n;
}

static struct json *
row_of(const struct list *l, struct str subscription, const struct json *item, struct arena *a)
{
	struct json *row = json_object(a);

	json_set_str(row, "subscription", subscription, a);
	for (const struct field *f = l->fields; f < l->fields + FIELDS_MAX && f->name != NULL;
	     f++) {
		const struct json *value = json_at(item, f->path);

		json_set(row, f->name, value == NULL ? json_null(a) : json_copy(value, a), a);
	}
	return row;
}

static bool
show(struct posture *p, const struct list *l, const char *name, struct str subscription,
    struct output *out, struct err *e)
{
	const char *hole = strstr(l->path, "%s");
	struct str path = arena_printf(p->arena, "/subscriptions/%.*s%.*s%s%s",
	    STR_ARG(subscription), hole == NULL ? (int)strlen(l->path) : (int)(hole - l->path),
	    l->path, hole == NULL ? "" : name, hole == NULL ? "" : hole + strlen("%s"));
	const struct json *items;
	struct arm_pages pages;
	bool ok;

	arm_pages_begin(&p->arm, path, NULL, l->version, p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL) {
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			output_put(out, row_of(l, subscription, j, p->page));
		output_flush(out);
	}
	arm_pages_done(&pages);
	return ok;
}

static int
show_all(struct posture *p, const struct list *l, const char *name)
{
	struct column columns[FIELDS_MAX + 1];
	int code = EXIT_OK;
	struct output out;
	struct err e;

	if (l->said != NULL)
		fprintf(stderr, "%s\n", l->said);
	output_begin(&out, columns, columns_of(l, columns), p->format);
	for (size_t i = 0; i < p->n_subscriptions; i++)
		if (!show(p, l, name, p->subscriptions[i], &out, &e))
			code = posture_failed(p, &e);
	output_end(&out);
	return code;
}

/* What becomes part of a path: checked as part of a resource id. */
static bool
take_name(const struct command *self, const char *name)
{
	struct resource_id id;
	struct buf b;
	struct err e;
	bool ok;

	buf_init(&b, RESOURCE_ID_MAX);
	buf_printf(&b,
	    "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Security/any/"
	    "%s",
	    name);
	ok = !buf_over(&b) && strchr(name, '/') == NULL && resource_id_parse(buf_str(&b), &id, &e);
	buf_done(&b);
	if (!ok)
		usage_error(self, "'%s' cannot be a name", name);
	return ok;
}

static bool
take_operand(
    const struct posture *p, const struct list *l, int argc, char **argv, const char **name)
{
	if (!l->takes_name)
		return posture_takes_none(p, argc);
	if (argc - options_end() != 1) {
		usage_error(p->self, "takes one name");
		return false;
	}
	*name = argv[options_end()];
	return take_name(p->self, *name);
}

static const struct list *
list_of(const struct command *self)
{
	const struct list *l = lists;

	while (l->command != self)
		l++;
	return l;
}

static int
run(const struct command *self, int argc, char **argv)
{
	const struct list *l = list_of(self);
	const char *name = NULL;
	struct posture p;
	int code;

	posture_init(&p, self);
	if (posture_options(&p, options, argc, argv, posture_take, &p, &code) &&
	    take_operand(&p, l, argc, argv, &name) && posture_open(&p, &code))
		code = show_all(&p, l, name);
	posture_close(&p);
	return code;
}

const struct command posture_alerts_list = {
	.name = "posture alerts list",
	.summary = "alerts as Defender for Cloud has them",
	.usage = "[OPTION]...\n\n" POSTURE_USAGE,
	.run = run,
};

const struct command posture_compliance_standards = {
	.name = "posture compliance standards",
	.summary = "regulatory standards: controls passed and failed",
	.usage = "[OPTION]...\n\n" POSTURE_USAGE,
	.run = run,
};

const struct command posture_compliance_controls = {
	.name = "posture compliance controls",
	.summary = "the controls of one standard",
	.usage = "STANDARD [OPTION]...\n\n" POSTURE_USAGE,
	.run = run,
};

const struct command posture_app_control_list = {
	.name = "posture app-control list",
	.summary = "adaptive application controls, which Microsoft retired",
	.usage = "[OPTION]...\n\n" POSTURE_USAGE,
	.run = run,
};
