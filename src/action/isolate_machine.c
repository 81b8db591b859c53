/*
 * Isolate a machine by its own sensor: Microsoft Defender for Endpoint cuts it off from all but
 * itself.
 *
 *	1  read the virtual machine and its tags; find out which of Defender's machines it is: one
 *	   that the alert names, or one of that name, if it is this very machine; record it;
 *	   committed
 *	2  look at what was done about it there: isolated by somebody else already is done, and
 *	   not ours to undo; an action under way is waited for
 *	3  ask for the isolation, wait until the sensor has done it
 *
 * Undo releases it when it was we who isolated it; one that has not begun yet is cancelled.
 * What can go wrong: Defender does not know the machine, or several that may be it; a permission is
 * missing; the sensor does not answer; somebody releases it, or isolates it again, meanwhile.
 *
 * The record: {"machine": Defender's id, "computer", "mark": what our comments have, "foreign":
 * {"requestor", "at"}}; foreign only when somebody else had isolated it.
 */
#include "action/action.h"

#include <inttypes.h>
#include <string.h>

#include "azure/defender_machine.h"
#include "azure/vm.h"
#include "base/fault.h"
#include "base/hash.h"
#include "tools.h"

#define DAY_MS 86400000
#define POLL_MS 5000
#define NAMED_MAX 8 /* machines that an alert names */
#define COMMENT_ID_MAX 100

struct isolating {
	struct action_env *env;
	struct step *step;
	struct json *params, *record;
	struct resource_id id;
	struct str machine, mark;
	struct json *actions; /* of the machine */
};

static bool
begin(struct isolating *w, struct action_env *env, struct step *step, struct err *e)
{
	*w = (struct isolating){ .env = env, .step = step };
	if (!target_machine(step, &w->id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &w->params, e) ||
	    !stored_json(step->before, "record", env->arena, &w->record, e))
		return false;
	w->machine = json_text(json_get(w->record, "machine"));
	w->mark = json_text(json_get(w->record, "mark"));
	return true;
}

/* ---- which machine ---- */

static void
add_all(struct json *candidates, const struct json *list, struct arena *a)
{
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
		json_add(candidates, json_copy(j, a), a);
}

/* Those that the alert names by an id; what it names is no proof of which machine that is. */
static bool
add_named(struct isolating *w, struct json *candidates, struct err *e)
{
	struct arena *a = w->env->arena;
	const struct json *found;
	struct field_values ids, devices;

	alert_field(w->env->alert, STR("entities.MdatpDeviceId"), a, &ids);
	for (size_t i = 0; i < ids.n && i < NAMED_MAX; i++) {
		if (defender_machine_get(w->env->arm, ids.values[i], a, &found, e))
			json_add(candidates, json_copy(found, a), a);
		else if (e->kind != ERR_NOT_FOUND)
			return false;
	}
	alert_field(w->env->alert, STR("entities.AadDeviceId"), a, &devices);
	for (size_t i = 0; i < devices.n && i < NAMED_MAX; i++) {
		if (defender_machines_of_device(w->env->arm, devices.values[i], a, &found, e))
			add_all(candidates, found, a);
		else if (e->kind != ERR_NOT_FOUND)
			return false;
	}
	return true;
}

/* *found NULL: Defender does not know it. */
static bool
find(struct isolating *w, const struct vm *vm, const struct json **found, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *candidates = json_array(a);
	struct str name = vm->computer.n > 0 ? vm->computer : w->id.name;
	const struct json *list;

	if (!add_named(w, candidates, e) || !defender_choose(candidates, vm->vm_id, name, found, e))
		return false;
	if (*found != NULL)
		return true;
	return defender_machines_named(w->env->arm, name, a, &list, e) &&
	       defender_choose(list, vm->vm_id, name, found, e);
}

static enum outcome
record(struct isolating *w, struct err *e)
{
	struct arena *a = w->env->arena;
	const struct json *found = NULL;
	char mark[SHA256_HEX_MAX];
	struct vm vm;

	if (!machine_read(w->env, &w->id, &vm, e))
		return outcome_of(e);
	if (protected_now(w->env, &w->id, vm.tags, e))
		return OUTCOME_REFUSED;
	if (!find(w, &vm, &found, e))
		return outcome_of(e);
	if (found == NULL) {
		fail(e, ERR_INPUT, "Defender for Endpoint knows no machine that is %.*s",
		    STR_ARG(w->id.name));
		return OUTCOME_NEVER;
	}
	sha256_parts_hex(&w->step->key, 1, mark);
	w->record = json_object(a);
	json_set(w->record, "machine", json_copy(json_get(found, "id"), a), a);
	json_set(w->record, "computer", json_copy(json_get(found, "computerDnsName"), a), a);
	json_set_str(w->record, "mark", arena_printf(a, "gridwarden-%.16s", mark), a);
	w->step->before = json_print(w->record, a);
	return later(e, 0, "machine recorded, not isolated yet");
}

/* ---- what was done about it ---- */

static struct str
state_of(const struct json *action)
{
	return json_text(json_get(action, "status"));
}

static bool
is_under_way(const struct json *action)
{
	return str_is_nocase(state_of(action), "Pending") ||
	       str_is_nocase(state_of(action), "InProgress");
}

static bool
is_release(const struct json *action)
{
	return str_is_nocase(json_text(json_get(action, "type")), "Unisolate");
}

static bool
is_marked(const struct json *action, struct str mark)
{
	return mark.n > 0 && str_has_nocase(json_text(json_get(action, "requestorComment")), mark);
}

/* The newest of those that the question says yes to; NULL = none. */
typedef bool asked(const struct json *action, struct str mark);

static const struct json *
newest(const struct isolating *w, asked *is, struct str mark)
{
	const struct json *found = NULL;

	for (const struct json *j = json_first(w->actions); j != NULL; j = json_next(j))
		if (is(j, mark) &&
		    (found == NULL || str_cmp(json_text(json_get(j, "creationDateTimeUtc")),
					  json_text(json_get(found, "creationDateTimeUtc"))) > 0))
			found = j;
	return found;
}

static bool
has_succeeded(const struct json *action, struct str mark)
{
	(void)mark;
	return str_is_nocase(state_of(action), "Succeeded");
}

static bool
goes_on(const struct json *action, struct str mark)
{
	(void)mark;
	return is_under_way(action);
}

static bool
is_our_isolation(const struct json *action, struct str mark)
{
	return is_marked(action, mark) && !is_release(action);
}

/* Of this very way back: its cursor has the id, once it is committed. */
static bool
is_our_release(const struct json *action, struct str mark)
{
	return is_marked(action, mark) && is_release(action);
}

static bool
is_the_same(const struct json *x, const struct json *y)
{
	return x != NULL && y != NULL && json_equal(json_get(x, "id"), json_get(y, "id"));
}

static enum outcome
look(struct isolating *w, struct err *e)
{
	if (defender_actions(w->env->arm, w->machine, w->env->arena, &w->actions, e))
		return OUTCOME_DONE;
	return outcome_of(e);
}

static enum outcome
wait_for(const struct isolating *w, const struct json *action, struct err *e)
{
	return later(e, POLL_MS, "waiting for the sensor of %.*s: %.*s by %.*s is %.*s",
	    STR_ARG(json_text(json_get(w->record, "computer"))),
	    STR_ARG(json_text(json_get(action, "type"))),
	    STR_ARG(json_text(json_get(action, "requestor"))), STR_ARG(state_of(action)));
}

static enum outcome
ended_badly(const struct json *action, struct err *e)
{
	struct str by = json_text(json_get(action, "cancellationRequestor"));

	fail(e, ERR_INPUT, "Defender for Endpoint: %.*s has ended as %.*s%s%.*s",
	    STR_ARG(json_text(json_get(action, "type"))), STR_ARG(state_of(action)),
	    by.n > 0 ? " by " : "", STR_ARG(by));
	return OUTCOME_NEVER;
}

/* ---- there ---- */

static struct json *
result(const struct isolating *w, const char *isolation)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set(j, "computer", json_copy(json_get(w->record, "computer"), a), a);
	json_set_str(j, "machine", w->machine, a);
	json_set_cstr(j, "isolation", isolation, a);
	return j;
}

static enum outcome
done(struct isolating *w, struct json *j)
{
	int64_t expires_after;

	if (w->step->undo_of == 0 && json_get(w->record, "foreign") == NULL &&
	    json_int(json_get(w->params, "expires_after"), &expires_after))
		json_set_int(j, "expires_ms", w->env->now_ms + expires_after, w->env->arena);
	w->step->result = json_print(j, w->env->arena);
	return OUTCOME_DONE;
}

/* Isolated by somebody else: that is noted, and theirs to end. */
static enum outcome
leave(struct isolating *w, const struct json *action, const char *how)
{
	struct arena *a = w->env->arena;
	struct json *j = result(w, how), *foreign = json_object(a);

	json_set(foreign, "requestor", json_copy(json_get(action, "requestor"), a), a);
	json_set(foreign, "at", json_copy(json_get(action, "creationDateTimeUtc"), a), a);
	json_set(j, "by", json_copy(json_get(action, "requestor"), a), a);
	json_set(w->record, "foreign", foreign, a);
	w->step->before = json_print(w->record, a);
	return done(w, j);
}

static struct str
comment(const struct isolating *w)
{
	return arena_printf(w->env->arena, "Gridwarden, rule %.*s, alert %.*s [%.*s]",
	    STR_ARG(str_slice(w->step->rule, 0, COMMENT_ID_MAX)),
	    STR_ARG(str_slice(w->env->alert->id, 0, COMMENT_ID_MAX)), STR_ARG(w->mark));
}

/* isolation: as defender_isolate() takes it. */
static enum outcome
ask(struct isolating *w, const char *isolation, struct err *e)
{
	struct str action;

	if (is_halted(w->env, w->step, e))
		return OUTCOME_NEVER;
	if (FAULT("action.machine.post"))
		return later(e, 0, "fault ordered at action.machine.post");
	if (!defender_isolate(
		w->env->arm, w->machine, isolation, comment(w), w->env->arena, &action, e))
		return outcome_of(e);
	if (FAULT("action.machine.post.done"))
		return later(e, 0, "fault ordered at action.machine.post.done");
	w->step->cursor = action;
	return later(e, POLL_MS, "waiting for the sensor of %.*s",
	    STR_ARG(json_text(json_get(w->record, "computer"))));
}

static const char *
wanted(const struct isolating *w)
{
	return str_is(json_text(json_get(w->params, "type")), "selective") ? "Selective" : "Full";
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	const struct json *ours, *other, *last;
	struct isolating w;
	enum outcome outcome;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	if (w.record == NULL)
		return record(&w, e);
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	ours = newest(&w, is_our_isolation, w.mark);
	if (ours != NULL && is_under_way(ours))
		return wait_for(&w, ours, e);
	if (ours != NULL && has_succeeded(ours, w.mark))
		return done(&w, result(&w, wanted(&w)));
	if (ours != NULL)
		return ended_badly(ours, e);
	other = newest(&w, goes_on, w.mark);
	if (other != NULL)
		return wait_for(&w, other, e);
	last = newest(&w, has_succeeded, w.mark);
	if (last != NULL && !is_release(last))
		return leave(&w, last, "already");
	return ask(&w, wanted(&w), e);
}

/* ---- and back ---- */

static enum outcome
drifted(const struct isolating *w, const struct json *last, struct err *e)
{
	struct str by = json_text(json_get(last, "requestor"));

	fail(e, ERR_CONFLICT,
	    "%.*s isolated the machine again since; 'gridwarden release %" PRId64
	    " --force' ends that, '--merge' leaves it",
	    STR_ARG(by), w->step->undo_of);
	return OUTCOME_NEVER;
}

/* One that has not begun. */
static enum outcome
cancel(struct isolating *w, const struct json *ours, struct err *e)
{
	struct str id = json_text(json_get(ours, "id"));

	if (!defender_cancel(w->env->arm, id, comment(w), w->env->arena, e))
		return outcome_of(e);
	return later(e, SOON_MS, "cancelled, looking again");
}

static enum outcome
release(struct isolating *w, const struct json *ours, struct err *e)
{
	const struct json *last = newest(w, has_succeeded, w->mark);
	const struct json *other = newest(w, goes_on, w->mark);
	const struct json *back = newest(w, is_our_release, w->mark);
	const char *how = step_undo_how(w->params);

	if (ours != NULL && is_under_way(ours))
		return cancel(w, ours, e);
	if (other != NULL)
		return wait_for(w, other, e);
	if (ours == NULL || !has_succeeded(ours, w->mark) || last == NULL || is_release(last))
		return done(w, result(w, "released"));
	if (back != NULL && str_eq(w->step->cursor, json_text(json_get(back, "id"))))
		return ended_badly(back, e);
	if (!is_the_same(last, ours) && how == NULL)
		return drifted(w, last, e);
	if (!is_the_same(last, ours) && strcmp(how, "merge") == 0)
		return leave(w, last, "kept");
	return ask(w, "", e);
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	const struct json *foreign;
	struct isolating w;
	enum outcome outcome;
	struct json *j;

	if (!begin(&w, env, step, e))
		return OUTCOME_NEVER;
	foreign = json_get(w.record, "foreign");
	if (w.record == NULL || foreign != NULL) {
		j = result(&w, "left");
		json_set(
		    j, "by", json_copy(json_get(foreign, "requestor"), env->arena), env->arena);
		return done(&w, j);
	}
	outcome = look(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	return release(&w, newest(&w, is_our_isolation, w.mark), e);
}

static const struct param params[] = {
	{ .name = "expires_after",
	    .type = PARAM_DURATION,
	    .min = 1000,
	    .max = 90 * (int64_t)DAY_MS,
	    .help = "release the machine by itself after this time" },
	{ .name = "type",
	    .type = PARAM_CHOICE,
	    .choices = "full|selective",
	    .fallback = "full",
	    .help = "selective lets Outlook, Teams and Skype for Business go on" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	NULL,
};

/* Of the API "WindowsDefenderATP", given by an administrator of Entra ID. */
static const char *const app_roles[] = {
	"Machine.Isolate",
	"Machine.Read.All",
	NULL,
};

extern const struct action action_isolate_machine;
const struct action action_isolate_machine = {
	.name = "isolate_machine",
	.help = "cut a machine off by its sensor of Defender for Endpoint",
	.params = params,
	.permissions = permissions,
	.app_roles = app_roles,
	.service = "defender-for-endpoint",
	.disruptive = true,
	.contains = true,
	.run = run,
	.undo = undo,
};
