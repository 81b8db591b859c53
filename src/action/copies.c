/*
 * Happy path: each snapshot that is not there is asked for, all together; the long operations are
 * waited for; all are there and whole.
 * What can go wrong: a disk cannot be copied (not managed, ephemeral: told, not a failure unless
 * all are so), a disk is refused (the others are copied all the same, then it has failed).
 */
#include "copies.h"

#include "azure/credential.h"
#include "azure/nic.h"
#include "azure/snapshot.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "operations.h"
#include "tools.h"

#define TAG_MAX 256
#define COPYING_MS 15000
/* What copies_start() may take altogether: somebody waits to cut the machine off. */
#define START_MAX_MS 5000

/* Whose name the snapshots are made in: the machine's subscription has them. */
static struct str
made_by(const struct copies *c)
{
	return credential_whose(
	    credential_for(c->env->arm->credential, c->id->subscription), c->env->arena);
}

static struct str
snapshot_of(const struct copies *c, struct str disk)
{
	struct str parts[] = { c->step->key, c->step->target };
	char of[SHA256_HEX_MAX];

	sha256_parts_hex(parts, 2, of);
	return snapshot_id(c->id->subscription,
	    c->resource_group.n > 0 ? c->resource_group : c->id->resource_group, disk, str_of(of),
	    c->env->arena);
}

bool
copies_record(struct copies *c, const struct vm *vm, struct err *e)
{
	struct arena *a = c->env->arena;
	struct json *r = json_object(a), *disks = json_array(a), *left_out = json_array(a);

	for (size_t i = 0; i < vm->n_disks; i++) {
		const struct vm_disk *d = &vm->disks[i];
		struct json *j = json_object(a);

		json_set_str(j, "disk", d->why_not == NULL ? d->id : d->name, a);
		if (d->why_not == NULL)
			json_set_str(j, "snapshot", snapshot_of(c, d->id), a);
		else
			json_set_cstr(j, "why", d->why_not, a);
		json_add(d->why_not == NULL ? disks : left_out, j, a);
	}
	if (json_count(disks) == 0)
		return fail(e, ERR_INPUT, "the machine has no disk that can be copied");
	json_set_str(r, "location", vm->location, a);
	json_set_str(r, "by", made_by(c), a);
	json_set(r, "disks", disks, a);
	json_set(r, "left_out", left_out, a);
	c->record = r;
	return true;
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
custody(const struct copies *c, struct str disk, const char *at)
{
	struct arena *a = c->env->arena;
	struct json *tags = json_object(a);

	json_set_cstr(tags, "managed-by", "gridwarden", a);
	tag(tags, "gridwarden-alert", c->env->alert->id, a);
	tag(tags, "gridwarden-rule", c->step->rule, a);
	tag(tags, "gridwarden-disk", disk, a);
	tag(tags, "gridwarden-by", json_text(json_get(c->record, "by")), a);
	tag(tags, "gridwarden-at", str_of(at), a);
	return tags;
}

static bool
put(struct copies *c, struct json *entry, struct err *e)
{
	struct str disk = json_text(json_get(entry, "disk"));
	struct str id = json_text(json_get(entry, "snapshot"));
	struct arena *a = c->env->arena;
	struct arm_answer answer;
	char at[CLOCK_TEXT_MAX];

	clock_format(c->env->now_ms, at);
	if (FAULT("action.snapshot.put"))
		return fail_again(e, 0, "fault ordered at action.snapshot.put");
	if (!snapshot_put(c->env->arm, id, disk, json_text(json_get(c->record, "location")),
		custody(c, disk, at), a, &answer, e))
		return false;
	if (FAULT("action.snapshot.put.done"))
		return fail_again(e, 0, "fault ordered at action.snapshot.put.done");
	json_set_cstr(entry, "at", at, a);
	json_set_str(entry, "request_id", last_request_id(c->env->arm), a);
	operations_add(c->env, c->cursor, id, &answer);
	several_wait(&c->all, id, answer.operation.n > 0 ? answer.poll_ms : SOON_MS);
	c->all.sent++;
	return true;
}

static void
made(struct copies *c, const struct json *entry, const struct json *body)
{
	static const struct {
		const char *name, *path;
	} rows[] = {
		{ "unique_id", "properties.uniqueId" },
		{ "source_unique_id", "properties.creationData.sourceUniqueId" },
		{ "created", "properties.timeCreated" },
	};
	struct arena *a = c->env->arena;
	struct json *j = json_copy(entry, a);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (json_at(body, rows[i].path) != NULL)
			json_set(j, rows[i].name, json_copy(json_at(body, rows[i].path), a), a);
	json_add(c->snapshots, j, a);
	c->all.right++;
}

/* What is refused for good is not asked for again while the others are waited for. */
static void
refused(struct copies *c, struct json *entry, const struct err *e)
{
	if (outcome_of(e) == OUTCOME_NEVER)
		json_set_cstr(entry, "failed", e->text, c->env->arena);
	else
		several_trouble(&c->all, e);
}

static void
see_to(struct copies *c, struct json *entry)
{
	struct str id = json_text(json_get(entry, "snapshot"));
	const struct json *body;
	struct err e;

	if (json_get(entry, "failed") != NULL)
		return;
	if (!snapshot_get(c->env->arm, id, c->env->arena, &body, &e))
		refused(c, entry, &e);
	else if (body != NULL && provisioning_of(body) == PROVISIONING_RUNNING)
		several_wait(&c->all, id, BUSY_MS);
	else if (body != NULL && provisioning_of(body) == PROVISIONING_SUCCEEDED &&
		 snapshot_is_whole(body))
		made(c, entry, body);
	else if (body != NULL && provisioning_of(body) == PROVISIONING_SUCCEEDED)
		several_wait(&c->all, id, COPYING_MS);
	else if (!put(c, entry, &e))
		refused(c, entry, &e);
}

/* ---- all of them ---- */

static void
begin(struct copies *c)
{
	several_init(&c->all);
	c->snapshots = json_array(c->env->arena);
	c->failed = json_array(c->env->arena);
}

static struct json *
result(const struct copies *c)
{
	struct arena *a = c->env->arena;
	struct json *j = json_object(a);

	json_set(j, "snapshots", c->snapshots, a);
	json_set(j, "failed", c->failed, a);
	json_set(j, "left_out", json_copy(json_get(c->record, "left_out"), a), a);
	json_set_str(j, "by", json_text(json_get(c->record, "by")), a);
	return j;
}

/* None is under way any more: what became of all. */
static enum outcome
settled(struct copies *c, struct json **out, struct err *e)
{
	struct arena *a = c->env->arena;
	struct str why = STR_EMPTY;

	for (const struct json *j = json_first(json_get(c->record, "disks")); j != NULL;
	     j = json_next(j)) {
		if (json_get(j, "failed") == NULL)
			continue;
		if (why.n == 0)
			why = json_text(json_get(j, "failed"));
		json_add(c->failed, json_copy(j, a), a);
	}
	*out = result(c);
	if (why.n == 0)
		return OUTCOME_DONE;
	fail(e, ERR_INPUT, "%zu of %zu disks are copied, the others not: %.*s", c->all.right,
	    json_count(json_get(c->record, "disks")), STR_ARG(why));
	return OUTCOME_NEVER;
}

/* Those that are there must be told all the same. */
static struct json *
given_up(struct copies *c, struct str why)
{
	struct arena *a = c->env->arena;
	const struct json *body;
	struct json *missing;
	struct err unread;

	for (const struct json *j = json_first(json_get(c->record, "disks")); j != NULL;
	     j = json_next(j)) {
		if (snapshot_get(
			c->env->arm, json_text(json_get(j, "snapshot")), a, &body, &unread) &&
		    body != NULL && provisioning_of(body) == PROVISIONING_SUCCEEDED) {
			made(c, j, body);
			continue;
		}
		missing = json_copy(j, a);
		if (json_get(missing, "failed") == NULL)
			json_set_str(missing, "failed", why, a);
		json_add(c->failed, missing, a);
	}
	return result(c);
}

struct json *
copies_give_up(struct copies *c)
{
	begin(c);
	return given_up(c, STR("not there in time"));
}

void
copies_start(struct copies *c)
{
	struct arm *arm = c->env->arm;
	int64_t rest_ms = arm->rest_ms, until_ms = clock_mono_ms() + START_MAX_MS, left_ms;

	if (json_get(c->record, "started") != NULL)
		return;
	begin(c);
	json_set_bool(c->record, "started", true, c->env->arena);
	for (struct json *j = json_child(json_member(c->record, "disks")); j != NULL;
	     j = json_sibling(j)) {
		left_ms = until_ms - clock_mono_ms();
		if (left_ms <= 0 || c->all.passing)
			break;
		arm->timeout_ms = left_ms;
		see_to(c, j);
	}
	arm->timeout_ms = 0;
	arm->rest_ms = rest_ms;
}

enum outcome
copies_go_on(struct copies *c, struct json **out, struct err *e)
{
	enum outcome outcome = operations_poll(c->env, c->cursor, e);

	begin(c);
	if (outcome == OUTCOME_NEVER)
		*out = given_up(c, arena_str(c->env->arena, str_of(e->text)));
	if (outcome != OUTCOME_DONE)
		return outcome;
	for (struct json *j = json_child(json_member(c->record, "disks")); j != NULL;
	     j = json_sibling(j))
		see_to(c, j);
	outcome = several_outcome(&c->all, e);
	return outcome == OUTCOME_DONE ? settled(c, out, e) : outcome;
}
