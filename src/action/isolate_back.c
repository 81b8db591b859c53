/*
 * The way back of isolate_vm.
 *
 *	1  each recorded interface gets its group and its public addresses back
 *	2  the machine is started when we switched it off, our tags go
 *
 * What can go wrong: somebody gave an interface another group or address since (the way back stops
 * there and says so, unless a person has decided: by force, or to leave it), an interface or an
 * address is gone, an address has another owner now.
 */
#include <inttypes.h>
#include <string.h>

#include "isolation.h"
#include "operations.h"
#include "power.h"
#include "swap.h"
#include "tagging.h"
#include "tools.h"

struct release {
	struct action_env *env;
	struct step *step;
	struct swap swap;
	struct json *before, *params;
	const char *how; /* what to do with what somebody changed since; NULL = stop */
	struct json *restored, *drifted, *kept, *gone, *left;
	struct json *lost;	  /* public addresses that are gone, or somebody else's now */
	struct json *tag, *power; /* NULL = nothing was to be done about them */
};

/* What one interface shall have. */
struct target {
	struct str nsg;
	struct json *addresses;
	bool stopped; /* nothing is done about it */
	bool kept;    /* a part of it is left as it is now */
};

static bool
is_forced(const struct release *r)
{
	return r->how != NULL && strcmp(r->how, "force") == 0;
}

/* Somebody changed it since: not ours to overrule unless a person says so.  False: by force. */
static bool
leave(struct release *r, struct target *t, struct str id, struct str configuration, struct str was,
    struct str now)
{
	struct arena *a = r->env->arena;
	struct json *j = json_object(a);

	if (is_forced(r))
		return false;
	json_set_str(j, "id", id, a);
	if (configuration.n > 0)
		json_set_str(j, "configuration", configuration, a);
	json_set(j, "was", isolation_id_or_null(was, a), a);
	json_set(j, "now", isolation_id_or_null(now, a), a);
	json_add(r->how == NULL ? r->drifted : r->kept, j, a);
	t->stopped |= r->how == NULL;
	t->kept = true;
	return true;
}

static void
choose_group(struct release *r, const struct nic *n, struct str was, struct target *t)
{
	t->nsg = was;
	/* Held by an earlier isolation, whose way back it is. */
	if (quarantine_is(was))
		t->nsg = n->nsg;
	else if (!quarantine_is(n->nsg) && !str_eq_nocase(n->nsg, was) &&
		 leave(r, t, n->id, STR_EMPTY, was, n->nsg))
		t->nsg = n->nsg;
}

/* An address that belongs to somebody else now cannot be had, not even by force. */
static bool
is_taken(const struct public_address *found, const struct nic *n)
{
	struct str user = found->used_by;

	return user.n > 0 &&
	       !(str_starts_nocase(user, n->id) && user.n > n->id.n && user.p[n->id.n] == '/');
}

/* False: e says what is in the way just now. */
static bool
choose_address(struct release *r, const struct nic *n, const struct json *entry, struct target *t,
    struct err *e)
{
	struct str name = json_text(json_get(entry, "configuration"));
	struct str id = json_text(json_at(entry, "reference.id")), now = nic_address(n, name);
	struct arena *a = r->env->arena;
	struct public_address found;

	if (str_eq_nocase(now, id))
		return true;
	if (!nic_address_get(r->env->arm, id, a, &found, e)) {
		if (e->kind != ERR_NOT_FOUND)
			return false;
		json_add(r->lost, json_string(id, a), a);
		return true;
	}
	if ((now.n > 0 || is_taken(&found, n)) &&
	    leave(r, t, n->id, name, id, now.n > 0 ? now : found.used_by))
		return true;
	if (is_taken(&found, n))
		json_add(r->lost, json_string(id, a), a);
	else
		json_set(t->addresses, arena_cstr(a, name),
		    json_copy(json_get(entry, "reference"), a), a);
	return true;
}

static bool
choose_addresses(struct release *r, const struct nic *n, struct target *t, struct err *e)
{
	for (const struct json *j = json_first(json_at(r->before, "addresses.list")); j != NULL;
	     j = json_next(j))
		if (str_eq_nocase(json_text(json_get(j, "interface")), n->id) &&
		    !choose_address(r, n, j, t, e))
			return false;
	return true;
}

static void
release_nic(struct release *r, const struct json *record)
{
	struct str id = json_text(json_get(record, "id")), was = json_text(json_get(record, "nsg"));
	struct arena *a = r->env->arena;
	struct target t = { .addresses = json_object(a) };
	struct nic n;
	struct err e;

	if (!nic_get(r->env->arm, id, a, &n, &e)) {
		if (e.kind == ERR_NOT_FOUND)
			json_add(r->gone, json_string(id, a), a);
		else
			several_trouble(&r->swap.nics, &e);
		return;
	}
	choose_group(r, &n, was, &t);
	if (!choose_addresses(r, &n, &t, &e))
		several_trouble(&r->swap.nics, &e);
	else if (!t.stopped && swap_nic(&r->swap, &n, t.nsg, t.addresses) && !t.kept)
		json_add(quarantine_is(was) ? r->left : r->restored, json_string(id, a), a);
}

/* ---- the machine ---- */

static enum outcome
start_again(struct release *r, struct err *e)
{
	struct resource_id id;
	struct power p = { .env = r->env,
		.step = r->step,
		.id = &id,
		.record = json_member(r->before, "power"),
		.cursor = &r->step->cursor };
	enum outcome outcome;

	if (p.record == NULL)
		return OUTCOME_DONE;
	if (!target_machine(r->step, &id, e))
		return OUTCOME_NEVER;
	outcome = power_on_again(&p, e);
	if (outcome == OUTCOME_DONE)
		r->power = power_result(&p);
	return outcome;
}

static enum outcome
untag(struct release *r, struct err *e)
{
	struct resource_id id;
	struct tagging t = { .env = r->env,
		.step = r->step,
		.wanted = json_get(r->params, "tag"),
		.record = json_member(r->before, "tag"),
		.cursor = &r->step->cursor };
	enum outcome outcome;

	if (t.record == NULL)
		return OUTCOME_DONE;
	if (!target_machine(r->step, &id, e))
		return OUTCOME_NEVER;
	t.path = resource_id_owner_path(&id, r->env->arena);
	outcome = tagging_look(&t, e);
	return outcome == OUTCOME_DONE ? tagging_back(&t, is_forced(r), &r->tag, e) : outcome;
}

/* ---- what came of it ---- */

static struct str
result(const struct release *r)
{
	struct arena *a = r->env->arena;
	struct json *j = json_object(a);

	json_set(j, "restored", r->restored, a);
	json_set(j, "drifted", r->drifted, a);
	json_set(j, "gone", r->gone, a);
	if (json_count(r->kept) > 0)
		json_set(j, "kept", r->kept, a);
	/* Under quarantine before this isolation began: that one's own undo frees them. */
	if (json_count(r->left) > 0)
		json_set(j, "left", r->left, a);
	if (json_count(r->lost) > 0)
		json_set(j, "lost", r->lost, a);
	if (r->power != NULL)
		json_set(j, "power", r->power, a);
	if (r->tag != NULL)
		json_set(j, "tag", r->tag, a);
	return json_print(j, a);
}

static struct str
words(const struct json *drifted, const char *when)
{
	struct str id = json_text(json_get(drifted, when));
	bool address = json_get(drifted, "configuration") != NULL;

	if (id.n == 0)
		return address ? STR("no public address") : STR("no group");
	return str_leaf(id);
}

static size_t
interfaces_in(const struct json *list)
{
	size_t n = 0;

	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		const struct json *first = json_first(list);

		while (first != j && !json_equal(json_get(first, "id"), json_get(j, "id")))
			first = json_next(first);
		n += first == j;
	}
	return n;
}

/* The others are free; of these a person has to decide. */
static enum outcome
drifted(const struct release *r, struct err *e)
{
	const struct json *first = json_first(r->drifted);
	size_t n = interfaces_in(r->drifted);

	fail(e, ERR_CONFLICT,
	    "%zu network interface%s changed by somebody since: %.*s has %.*s and had %.*s; "
	    "'gridwarden release %" PRId64
	    " --force' puts back what was there, '--merge' leaves it "
	    "as it is now",
	    n, n == 1 ? " was" : "s were", STR_ARG(str_leaf(json_text(json_get(first, "id")))),
	    STR_ARG(words(first, "now")), STR_ARG(words(first, "was")), r->step->undo_of);
	return OUTCOME_NEVER;
}

static enum outcome
go_back(struct release *r, struct err *e)
{
	enum outcome outcome;

	swap_init(&r->swap, r->env, r->step);
	for (const struct json *j = json_first(json_get(r->before, "interfaces")); j != NULL;
	     j = json_next(j))
		release_nic(r, j);
	outcome = several_outcome(&r->swap.nics, e);
	if (outcome == OUTCOME_DONE && json_count(r->drifted) > 0)
		outcome = drifted(r, e);
	if (outcome == OUTCOME_DONE)
		outcome = start_again(r, e);
	return outcome == OUTCOME_DONE ? untag(r, e) : outcome;
}

enum outcome
isolation_back(struct action_env *env, struct step *step, struct err *e)
{
	struct arena *a = env->arena;
	struct release r = { .env = env,
		.step = step,
		.restored = json_array(a),
		.drifted = json_array(a),
		.kept = json_array(a),
		.gone = json_array(a),
		.left = json_array(a),
		.lost = json_array(a) };
	enum outcome outcome;

	if (!stored_json(step->before, "record", a, &r.before, e) ||
	    !stored_json(step->params, "parameters", a, &r.params, e))
		return OUTCOME_NEVER;
	r.how = step_undo_how(r.params);
	outcome = operations_poll(env, &step->cursor, e);
	if (outcome != OUTCOME_DONE)
		return outcome;
	outcome = go_back(&r, e);
	if (outcome != OUTCOME_LATER)
		step->result = result(&r);
	return outcome;
}
