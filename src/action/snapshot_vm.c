/*
 * Copy the disks of a virtual machine before their content changes: a snapshot of each.
 *
 *	1  read the machine and its disks, record which snapshot each will get; committed
 *	2  make each snapshot that is not there, all together; wait for the long operations
 *	3  all there and whole: done
 *
 * What can go wrong: a disk cannot be copied (not managed, ephemeral: told, not a failure unless
 * all are so), a disk is refused (the others are copied all the same, then it has failed), a
 * permission is missing.  There is no undo: evidence is deleted by people.
 *
 * The record: {"machine", "location", "by", "disks": [{"disk", "snapshot", "at", "request_id",
 * "failed"}], "left_out": [{"disk", "why"}]}; at and request_id are there once Azure took it.
 */
#include "action/action.h"

#include "azure/credential.h"
#include "azure/nic.h"
#include "azure/snapshot.h"
#include "azure/vm.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "operations.h"
#include "several.h"
#include "tools.h"

#define TAG_MAX 256
#define COPYING_MS 15000

struct copying {
	struct action_env *env;
	struct step *step;
	struct json *params, *record;
	struct resource_id id;
	struct several all;
	struct json *snapshots, *failed; /* for the result */
};

/* Whose name the snapshots are made in: the machine's subscription has them. */
static struct str
made_by(const struct copying *w)
{
	const struct credential *c = credential_for(w->env->arm->credential, w->id.subscription);

	return credential_whose(c, w->env->arena);
}

static struct str
snapshot_of(const struct copying *w, struct str disk)
{
	struct str group = json_text(json_get(w->params, "resource_group"));
	struct str parts[] = { w->step->key, w->step->target };
	char of[SHA256_HEX_MAX];

	sha256_parts_hex(parts, 2, of);
	return snapshot_id(w->id.subscription, group.n > 0 ? group : w->id.resource_group, disk,
	    str_of(of), w->env->arena);
}

static enum outcome
record(struct copying *w, const struct vm *vm, struct err *e)
{
	struct arena *a = w->env->arena;
	struct json *r = json_object(a), *disks = json_array(a), *left_out = json_array(a);

	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vm_disk *d = &vm->disks[i];
		struct json *j = json_object(a);

		json_set_str(j, "disk", d->why_not == NULL ? d->id : d->name, a);
		if (d->why_not == NULL)
			json_set_str(j, "snapshot", snapshot_of(w, d->id), a);
		else
			json_set_cstr(j, "why", d->why_not, a);
		json_add(d->why_not == NULL ? disks : left_out, j, a);
	}
	if (json_count(disks) == 0) {
		fail(e, ERR_INPUT, "the machine has no disk that can be copied");
		return OUTCOME_NEVER;
	}
	json_set_str(r, "machine", w->step->target, a);
	json_set_str(r, "location", vm->location, a);
	json_set_str(r, "by", made_by(w), a);
	json_set(r, "disks", disks, a);
	json_set(r, "left_out", left_out, a);
	w->step->before = json_print(r, a);
	return later(e, 0, "%zu disks recorded, none copied yet", json_count(disks));
}

/* ---- one disk ---- */

static void
tag(struct json *tags, const char *name, struct str value, struct arena *a)
{
	if (value.n > 0)
		json_set_str(tags, name, str_slice(value, 0, TAG_MAX), a);
}

/* Who, when, of what and why: it stays with the evidence when our store is gone. */
static struct json *
custody(const struct copying *w, struct str disk, const char *at)
{
	struct arena *a = w->env->arena;
	struct json *tags = json_object(a);

	json_set_cstr(tags, "managed-by", "gridwarden", a);
	tag(tags, "gridwarden-alert", w->env->alert->id, a);
	tag(tags, "gridwarden-rule", w->step->rule, a);
	tag(tags, "gridwarden-disk", disk, a);
	tag(tags, "gridwarden-by", json_text(json_get(w->record, "by")), a);
	tag(tags, "gridwarden-at", str_of(at), a);
	return tags;
}

static bool
put(struct copying *w, struct json *entry, struct err *e)
{
	struct str disk = json_text(json_get(entry, "disk"));
	struct str id = json_text(json_get(entry, "snapshot"));
	struct arena *a = w->env->arena;
	struct arm_answer answer;
	char at[CLOCK_TEXT_MAX];

	clock_format(w->env->now_ms, at);
	if (FAULT("action.snapshot.put"))
		return fail_again(e, 0, "fault ordered at action.snapshot.put");
	if (!snapshot_put(w->env->arm, id, disk, json_text(json_get(w->record, "location")),
		custody(w, disk, at), a, &answer, e))
		return false;
	if (FAULT("action.snapshot.put.done"))
		return fail_again(e, 0, "fault ordered at action.snapshot.put.done");
	json_set_cstr(entry, "at", at, a);
	json_set_str(entry, "request_id", last_request_id(w->env->arm), a);
	operations_add(w->env, w->step, id, &answer);
	several_wait(&w->all, id, answer.operation.n > 0 ? answer.poll_ms : SOON_MS);
	w->all.sent++;
	return true;
}

static void
made(struct copying *w, const struct json *entry, const struct json *body)
{
	static const struct {
		const char *name, *path;
	} rows[] = {
		{ "unique_id", "properties.uniqueId" },
		{ "source_unique_id", "properties.creationData.sourceUniqueId" },
		{ "created", "properties.timeCreated" },
	};
	struct arena *a = w->env->arena;
	struct json *j = json_copy(entry, a);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_at(body, rows[i].path) != NULL)
			json_set(j, rows[i].name, json_copy(json_at(body, rows[i].path), a), a);
	json_add(w->snapshots, j, a);
	w->all.right++;
}

/* What is refused for good is not asked for again while the others are waited for. */
static void
refused(struct copying *w, struct json *entry, const struct err *e)
{
	if (outcome_of(e) == OUTCOME_NEVER)
		json_set_cstr(entry, "failed", e->text, w->env->arena);
	else
		several_trouble(&w->all, e);
}

static void
see_to(struct copying *w, struct json *entry)
{
	struct str id = json_text(json_get(entry, "snapshot"));
	const struct json *body;
	struct err e;

	if (json_get(entry, "failed") != NULL)
		return;
	if (!snapshot_get(w->env->arm, id, w->env->arena, &body, &e))
		refused(w, entry, &e);
	else if (body != NULL && provisioning_of(body) == PROVISIONING_RUNNING)
		several_wait(&w->all, id, BUSY_MS);
	else if (body != NULL && provisioning_of(body) == PROVISIONING_SUCCEEDED &&
		 snapshot_is_whole(body))
		made(w, entry, body);
	else if (body != NULL && provisioning_of(body) == PROVISIONING_SUCCEEDED)
		several_wait(&w->all, id, COPYING_MS);
	else if (!put(w, entry, &e))
		refused(w, entry, &e);
}

/* ---- all of them ---- */

static struct str
result(const struct copying *w)
{
	struct arena *a = w->env->arena;
	struct json *j = json_object(a);

	json_set(j, "snapshots", w->snapshots, a);
	json_set(j, "failed", w->failed, a);
	json_set(j, "left_out", json_copy(json_get(w->record, "left_out"), a), a);
	json_set_str(j, "by", json_text(json_get(w->record, "by")), a);
	return json_print(j, a);
}

/* None is under way any more: what became of all. */
static enum outcome
settled(struct copying *w, struct err *e)
{
	struct arena *a = w->env->arena;
	struct str why = STR_EMPTY;

	for (const struct json *j = json_first(json_get(w->record, "disks")); j != NULL;
	     j = json_next(j)) {
		if (json_get(j, "failed") == NULL)
			continue;
		if (why.n == 0)
			why = json_text(json_get(j, "failed"));
		json_add(w->failed, json_copy(j, a), a);
	}
	w->step->result = result(w);
	if (why.n == 0)
		return OUTCOME_DONE;
	fail(e, ERR_INPUT, "%zu of %zu disks are copied, the others not: %.*s", w->all.right,
	    json_count(json_get(w->record, "disks")), STR_ARG(why));
	return OUTCOME_NEVER;
}

static enum outcome
copy_disks(struct copying *w, struct err *e)
{
	enum outcome outcome;

	for (struct json *j = json_child(json_member(w->record, "disks")); j != NULL;
	     j = json_sibling(j))
		see_to(w, j);
	w->step->before = json_print(w->record, w->env->arena);
	outcome = several_outcome(&w->all, e);
	return outcome == OUTCOME_DONE ? settled(w, e) : outcome;
}

/* Azure gave one up for good: those that are there must be told all the same. */
static enum outcome
given_up(struct copying *w, const struct err *e)
{
	const struct json *body;
	struct json *missing;
	struct err unread;

	for (const struct json *j = json_first(json_get(w->record, "disks")); j != NULL;
	     j = json_next(j)) {
		if (snapshot_get(w->env->arm, json_text(json_get(j, "snapshot")), w->env->arena,
			&body, &unread) &&
		    body != NULL && provisioning_of(body) == PROVISIONING_SUCCEEDED) {
			made(w, j, body);
			continue;
		}
		missing = json_copy(j, w->env->arena);
		json_set_cstr(missing, "failed", e->text, w->env->arena);
		json_add(w->failed, missing, w->env->arena);
	}
	w->step->result = result(w);
	return OUTCOME_NEVER;
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct copying w = { .env = env,
		.step = step,
		.snapshots = json_array(env->arena),
		.failed = json_array(env->arena) };
	enum outcome outcome;
	struct vm vm;

	several_init(&w.all);
	if (!target_machine(step, &w.id, e) ||
	    !stored_json(step->params, "parameters", env->arena, &w.params, e) ||
	    !stored_json(step->before, "record", env->arena, &w.record, e))
		return OUTCOME_NEVER;
	outcome = operations_poll(env, step, e);
	if (outcome == OUTCOME_NEVER)
		return given_up(&w, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	if (w.record != NULL)
		return copy_disks(&w, e);
	if (!machine_read(env, &w.id, &vm, e))
		return outcome_of(e);
	if (protected_now(env, &w.id, vm.tags, e))
		return OUTCOME_REFUSED;
	return record(&w, &vm, e);
}

static bool
check(const struct json *params, struct err *e)
{
	return check_resource_group(json_text(json_get(params, "resource_group")), e);
}

static const struct param params[] = {
	{ .name = "resource_group",
	    .type = PARAM_TEXT,
	    .help = "where the snapshots are kept; default: the machine's resource group" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.Compute/virtualMachines/read",
	"Microsoft.Compute/disks/read",
	"Microsoft.Compute/snapshots/read",
	"Microsoft.Compute/snapshots/write",
	NULL,
};

extern const struct action action_snapshot_vm;
const struct action action_snapshot_vm = {
	.name = "snapshot_vm",
	.help = "copy the disks of a virtual machine: an incremental snapshot of each",
	.params = params,
	.check = check,
	.permissions = permissions,
	.disruptive = true,
	.run = run,
};
