/*
 * The table of actions, and what the performers hand to them.
 */
#include "action/action.h"

#include <stdlib.h>

#include "azure/credential.h"
#include "base/clock.h"
#include "confirm.h"
#include "net/http.h"

#define NAMES_MAX 64

extern const struct action action_isolate_vm, action_isolate_machine, action_enable_jit,
    action_request_jit, action_snapshot_vm, action_tag_resource, action_power_off_vm,
    action_set_alert_status, action_block_source_address, action_http_post, action_open_ticket,
    action_notify;

const struct action *const actions[] = {
	&action_isolate_vm,
	&action_isolate_machine,
	&action_enable_jit,
	&action_request_jit,
	&action_snapshot_vm,
	&action_tag_resource,
	&action_power_off_vm,
	&action_set_alert_status,
	&action_block_source_address,
	&action_http_post,
	&action_open_ticket,
	&action_notify,
	NULL,
};

const struct action *
action_find(struct str name)
{
	for (const struct action *const *a = actions; *a != NULL; a++)
		if (str_is(name, (*a)->name))
			return *a;
	return NULL;
}

/* ---- what rules may write ---- */

const char *
action_nearest(struct str name)
{
	const char *names[NAMES_MAX];
	size_t n = 0;

	for (const struct action *const *a = actions; *a != NULL && n < NAMES_MAX; a++)
		names[n++] = (*a)->name;
	return str_nearest(name, names, n);
}

static void
unknown_action(const struct yaml *name, struct diags *d)
{
	const char *near = action_nearest(name->text);

	if (near != NULL)
		yaml_error(d, name, "unknown action '%.*s', did you mean '%s'?",
		    STR_ARG(name->text), near);
	else
		yaml_error(d, name, "unknown action '%.*s'", STR_ARG(name->text));
}

/* "notify: soc" as {channel: soc}; both have the place of "soc". */
static const struct yaml *
spell_out(const char *key, const struct yaml *value, struct arena *a)
{
	struct yaml *nodes = arena_alloc(a, 3 * sizeof(*nodes));
	struct yaml_pair *pair = arena_alloc(a, sizeof(*pair));

	nodes[0] = nodes[1] = nodes[2] = *value;
	nodes[1].text = str_of(key);
	*pair = (struct yaml_pair){ &nodes[1], &nodes[2] };
	nodes[0].type = YAML_MAPPING;
	nodes[0].n = 1;
	nodes[0].pairs = pair;
	return &nodes[0];
}

/*
 * The parameters as a mapping, however they are written; none at all has the place of the action's
 * name.  NULL after a mistake.
 */
static const struct yaml *
mapping_of(const struct action *action, const struct yaml *name, const struct yaml *y,
    struct arena *a, struct diags *d)
{
	struct yaml *none;

	if (y != NULL && y->type == YAML_MAPPING)
		return y;
	if (y == NULL || (y->type == YAML_SCALAR && y->null)) {
		none = arena_alloc(a, sizeof(*none));
		*none = *(y == NULL ? name : y);
		none->type = YAML_MAPPING;
		none->n = 0;
		return none;
	}
	if (y->type == YAML_SCALAR && action->shorthand != NULL)
		return spell_out(action->shorthand, y, a);
	yaml_error(
	    d, y, "%s takes a mapping of parameters, not %s", action->name, yaml_type_name(y));
	return NULL;
}

static void
check_name(const struct action *action, const struct settings *s, const struct yaml *at,
    struct str name, struct diags *d)
{
	const char *names[NAMES_MAX], *near;
	struct arena *a = arena_new();
	struct str known;
	size_t n = 0;
	bool found = false;

	for (size_t i = 0; !found && action->name_of(s, i, &known); i++) {
		found = str_eq(known, name);
		if (n < NAMES_MAX)
			names[n++] = arena_cstr(a, known);
	}
	near = found ? NULL : str_nearest(name, names, n);
	if (!found)
		yaml_error(d, at, "the settings have no %s '%.*s'%s%s%s", action->named_what,
		    STR_ARG(name), NEAR_ARG(near));
	arena_free(a);
}

bool
action_check(const void *ctx, const struct yaml *name, const struct yaml *params, struct arena *a,
    struct rule_action *out, struct diags *d)
{
	const struct action *action = action_find(name->text);
	size_t errors = d->errors;
	const struct yaml *y;
	struct json *read;
	struct err e;

	if (action == NULL) {
		unknown_action(name, d);
		return false;
	}
	y = mapping_of(action, name, params, a, d);
	if (y == NULL)
		return false;
	read = params_read(action->params, y, a, d);
	if (d->errors == errors && action->check != NULL && !action->check(read, &e))
		yaml_error(d, y, "%s", e.text);
	*out = (struct rule_action){ .name = str_of(action->name),
		.params = json_print(read, a),
		.target = action->named_by == NULL ? TARGET_RESOURCE : TARGET_NAMED,
		.disruptive = action->disruptive,
		.reports = action->reports };
	if (action->named_by != NULL)
		out->named = arena_str(a, json_text(json_get(read, action->named_by)));
	out->pages = action->reports ||
		     (action->pages != NULL && ctx != NULL && action->pages(ctx, out->named));
	if (action->name_of != NULL && ctx != NULL && d->errors == errors)
		check_name(action, ctx, yaml_get(y, action->named_by), out->named, d);
	return d->errors == errors;
}

static void
try_credential(
    const struct settings_credential *c, const struct source *src, struct arena *a, struct diags *d)
{
	struct err e;

	if (!credential_try_files(c, clock_now_ms(), a, &e))
		diags_add(d, DIAG_WARNING, src, c->line, c->col, "%s", e.text);
}

void
action_try_credentials(
    const struct settings *s, const struct source *src, struct arena *a, struct diags *d)
{
	try_credential(&s->azure.credential, src, a, d);
	for (size_t i = 0; i < s->azure.n_credentials; i++)
		try_credential(&s->azure.credentials[i], src, a, d);
}

/* ---- performing ---- */

/* "" when the target is no resource. */
static struct str
subscription_of(const struct step *s)
{
	struct resource_id id;
	struct err ignored;

	return resource_id_parse(s->target, &id, &ignored) ? id.subscription : STR_EMPTY;
}

struct str
action_destination(const struct step *s, struct arena *a)
{
	const struct action *action = action_find(s->action);
	struct str subscription = subscription_of(s);

	if (action != NULL && action->service != NULL)
		return str_of(action->service);
	if (subscription.n > 0)
		return arena_printf(a, "subscription:%.*s", STR_ARG(subscription));
	return arena_printf(a, "%.*s:%.*s", STR_ARG(s->action), STR_ARG(s->target));
}

struct action_shared {
	const struct settings *settings;
	struct credential *credential;
};

struct performer {
	struct action_shared *shared;
	struct http *http;
};

struct action_shared *
action_shared_new(const struct settings *s)
{
	struct action_shared *sh = xcalloc(1, sizeof(*sh));

	sh->settings = s;
	sh->credential = credential_new(&s->azure);
	return sh;
}

void
action_shared_free(struct action_shared *sh)
{
	if (sh == NULL)
		return;
	credential_free(sh->credential);
	free(sh);
}

struct performer *
performer_new(struct action_shared *sh, const atomic_bool *ending)
{
	struct performer *p = xcalloc(1, sizeof(*p));
	struct str ca = sh->settings->azure.ca_file;
	char *file = ca.n == 0 ? NULL : xstrndup(ca);

	p->shared = sh;
	p->http = http_new(file);
	http_obey(p->http, ending);
	free(file);
	return p;
}

void
performer_free(struct performer *p)
{
	if (p == NULL)
		return;
	http_free(p->http);
	free(p);
}

static enum outcome
perform(const struct action *action, struct action_env *env, struct step *step, struct err *e)
{
	bool back = step->undo_of != 0;

	if (!back && action->disruptive) {
		enum outcome confirmed = confirm_at_source(env, step, e);

		if (confirmed != OUTCOME_DONE)
			return confirmed;
	}
	if (!back)
		return action->run(env, step, e);
	if (action->undo != NULL)
		return action->undo(env, step, e);
	fail(e, ERR_INPUT, "%s cannot be taken back", action->name);
	return OUTCOME_NEVER;
}

enum outcome
performer_run(struct performer *p, struct job *job, int64_t now_ms, struct arena *a, struct err *e)
{
	const struct action *action = action_find(job->step.action);
	struct arm arm = { .settings = &p->shared->settings->azure,
		.credential = p->shared->credential,
		.subscription = subscription_of(&job->step),
		.http = p->http,
		.correlation_id = job->correlation_id,
		.now_ms = now_ms,
		.log_arena = a };
	struct action_env env = { .settings = p->shared->settings,
		.arm = &arm,
		.http = p->http,
		.arena = a,
		.now_ms = now_ms,
		.alert = job->alert,
		.reasons = job->reasons,
		.n_reasons = job->n_reasons,
		.steps = job->steps,
		.n_steps = job->n_steps,
		.digest = job->digest,
		.earlier = job->earlier,
		.n_earlier = job->n_earlier,
		.halted = job->halted,
		.approvals = job->approvals };
	enum outcome outcome;

	if (action == NULL) {
		fail(e, ERR_INPUT, "unknown action '%.*s'", STR_ARG(job->step.action));
		return OUTCOME_NEVER;
	}
	outcome = perform(action, &env, &job->step, e);
	job->rest_ms = env.rest_ms > arm.rest_ms ? env.rest_ms : arm.rest_ms;
	job->calls = arm.calls;
	job->n_calls = arm.n_calls;
	return outcome;
}

bool
action_global_init(struct err *e)
{
	return http_global_init(e);
}
