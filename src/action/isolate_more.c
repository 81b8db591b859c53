/*
 * What is done about a machine whose interfaces are all cut off: the proof, and what the rule asks
 * for besides.
 *
 *	addresses  its public addresses are recorded, then taken off; right after the cut, and not
 *	           with it: an address that cannot be taken off must not keep a machine open
 *	copies     what became of the snapshots (isolate_copies.c)
 *	tag        tags are recorded, then merged
 *	proof      what is in force on each interface (proof.h); the machine must run for that
 *	power      last of all, it is switched off
 *
 * What can go wrong: any of them is refused, or does not end in time.  The machine is cut off all
 * the same, so the step is done, and says what was not.
 */
#include "isolation.h"
#include "power.h"
#include "proof.h"
#include "swap.h"
#include "tagging.h"
#include "tools.h"

/* From when all interfaces are cut off.  Switching off begins late: it gets the time once more. */
#define MORE_MAX_MS 600000
#define AGAIN_MS 5000

struct more {
	struct isolation *w;
	const struct json *earlier; /* result after the round before; NULL = the first round */
	struct json *result;
	int64_t until_ms;
	int64_t wait_ms; /* the soonest next round; -1 = all is settled */
	bool changing;	 /* an interface was changed just now */
	struct err e;	 /* then: what is waited for */
};

/* One round of one of them; *out is its part of the result, when there is one. */
typedef enum outcome round_of(struct more *m, struct json **out, struct err *e);

static void
wait_for(struct more *m, const struct err *e, bool recorded)
{
	/* A record is to be committed; nothing else is done at once without a hint. */
	int64_t ms = e->retry_ms > 0 ? e->retry_ms : recorded ? SOON_MS : AGAIN_MS;

	if (m->wait_ms >= 0 && m->wait_ms <= ms)
		return;
	m->wait_ms = ms;
	m->e = *e;
}

static void
not_done(struct more *m, const char *name, struct str why)
{
	struct arena *a = m->w->env->arena;

	if (json_get(m->result, "not_done") == NULL)
		json_set(m->result, "not_done", json_object(a), a);
	json_set_str(json_member(m->result, "not_done"), name, why, a);
}

/* Settled in an earlier round, well or not? */
static bool
is_settled(struct more *m, const char *name)
{
	const struct json *part = json_get(m->earlier, name);
	const struct json *why = json_get(json_get(m->earlier, "not_done"), name);
	struct arena *a = m->w->env->arena;

	if (part != NULL)
		json_set(m->result, name, json_copy(part, a), a);
	if (why != NULL)
		not_done(m, name, json_text(why));
	return part != NULL || why != NULL;
}

/* True: settled, well or not. */
static bool
go_on(struct more *m, const char *name, round_of *round, int64_t until_ms)
{
	struct json *record = m->w->record, *part = NULL;
	bool recorded = json_get(record, name) != NULL;
	enum outcome outcome;
	struct err e = { .retry_ms = 0 };

	if (is_settled(m, name))
		return true;
	outcome = round(m, &part, &e);
	if (outcome == OUTCOME_LATER && m->w->env->now_ms < until_ms) {
		wait_for(m, &e, !recorded && json_get(record, name) != NULL);
		return false;
	}
	if (outcome == OUTCOME_LATER)
		fail_in(&e, "not done in time");
	if (part != NULL)
		json_set(m->result, name, part, m->w->env->arena);
	if (outcome != OUTCOME_DONE)
		not_done(m, name, arena_str(m->w->env->arena, str_of(e.text)));
	return true;
}

/* ---- its part of the record, with the cursor of its operations ---- */

static struct json *
open_part(struct more *m, const char *name, struct str *cursor)
{
	struct json *part = json_member(m->w->record, name);

	*cursor = json_text(json_get(part, "cursor"));
	return part;
}

static void
close_part(struct more *m, const char *name, struct json *part, struct str cursor)
{
	struct arena *a = m->w->env->arena;

	if (part == NULL)
		return;
	if (cursor.n > 0)
		json_set_str(part, "cursor", cursor, a);
	else
		json_remove(part, "cursor");
	if (json_get(m->w->record, name) != part)
		json_set(m->w->record, name, part, a);
}

/* ---- public addresses ---- */

/* What can be told about it; that it cannot be read keeps nobody from taking it off. */
static bool
describe(struct more *m, struct str id, struct json *entry, struct err *e)
{
	struct arena *a = m->w->env->arena;
	struct public_address found;

	if (!nic_address_get(m->w->env->arm, id, a, &found, e))
		return outcome_of(e) == OUTCOME_NEVER;
	json_set_str(entry, "address", found.address, a);
	json_set_bool(entry, "dynamic", found.dynamic, a);
	return true;
}

static bool
record_nic(struct more *m, const struct nic *n, struct json *list, struct err *e)
{
	struct arena *a = m->w->env->arena;

	for (const struct json *j = json_first(nic_addresses(n->body, a)); j != NULL;
	     j = json_next(j)) {
		struct json *entry = json_object(a);

		json_set_str(entry, "interface", n->id, a);
		json_set_str(entry, "configuration", json_name(j), a);
		json_set(entry, "reference", json_copy(j, a), a);
		if (!describe(m, json_text(json_get(j, "id")), entry, e))
			return false;
		json_add(list, entry, a);
	}
	return true;
}

static enum outcome
record_addresses(struct more *m, struct err *e)
{
	struct arena *a = m->w->env->arena;
	struct json *part = json_object(a), *list = json_array(a);

	for (size_t i = 0; i < m->w->vm.n_interfaces; i++)
		if (!record_nic(m, &m->w->nics[i], list, e))
			return outcome_of(e);
	json_set(part, "list", list, a);
	json_set(m->w->record, "addresses", part, a);
	return later(e, 0, "%zu public addresses recorded, none taken off yet", json_count(list));
}

/* None for each configuration that still has what is recorded. */
static struct json *
to_take_off(struct more *m, const struct nic *n, const struct json *list)
{
	struct arena *a = m->w->env->arena;
	struct json *wanted = json_object(a);

	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		struct str name = json_text(json_get(j, "configuration"));

		if (str_eq_nocase(json_text(json_get(j, "interface")), n->id) &&
		    str_eq_nocase(json_text(json_at(j, "reference.id")), nic_address(n, name)))
			json_set(wanted, arena_cstr(a, name), json_null(a), a);
	}
	return wanted;
}

static struct json *
addresses_result(const struct json *list, struct arena *a)
{
	struct json *all = json_array(a);

	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		struct json *entry = json_copy(j, a);

		json_set_str(entry, "id", json_text(json_at(j, "reference.id")), a);
		json_remove(entry, "reference");
		json_add(all, entry, a);
	}
	return all;
}

static enum outcome
take_addresses_off(struct more *m, struct json **out, struct err *e)
{
	struct isolation *w = m->w;
	const struct json *part = json_get(w->record, "addresses"), *list = json_get(part, "list");
	struct str refused = json_text(json_get(part, "refused"));
	enum outcome outcome;
	struct swap s;

	if (part == NULL)
		return record_addresses(m, e);
	if (refused.n > 0) {
		fail(e, ERR_INPUT, "%.*s", STR_ARG(refused));
		return OUTCOME_NEVER;
	}
	swap_init(&s, w->env, w->step);
	for (size_t i = 0; i < w->vm.n_interfaces; i++)
		swap_nic(&s, &w->nics[i], w->nics[i].nsg, to_take_off(m, &w->nics[i], list));
	outcome = several_outcome(&s.nics, e);
	m->changing = s.nics.sent > 0;
	if (outcome == OUTCOME_DONE)
		*out = addresses_result(list, w->env->arena);
	return outcome;
}

bool
isolation_was_more(struct isolation *w, const struct err *e)
{
	struct json *part = json_member(w->record, "addresses");

	if (part == NULL || json_get(part, "refused") != NULL)
		return false;
	json_set_cstr(part, "refused", e->text, w->env->arena);
	w->step->cursor = STR_EMPTY;
	w->step->before = json_print(w->record, w->env->arena);
	return true;
}

/* ---- tags and power ---- */

static enum outcome
put_tags(struct more *m, struct json **out, struct err *e)
{
	struct arena *a = m->w->env->arena;
	struct str cursor;
	struct tagging t = { .env = m->w->env,
		.step = m->w->step,
		.path = resource_id_owner_path(&m->w->id, a),
		.wanted = json_get(m->w->params, "tag"),
		.record = open_part(m, "tag", &cursor),
		.cursor = &cursor };
	enum outcome outcome = tagging_look(&t, e);

	if (outcome == OUTCOME_DONE)
		outcome = tagging_put(&t, e);
	close_part(m, "tag", t.record, cursor);
	if (outcome == OUTCOME_DONE)
		*out = json_copy(t.wanted, a);
	return outcome;
}

static enum outcome
switch_off(struct more *m, struct json **out, struct err *e)
{
	struct str cursor;
	struct power p = { .env = m->w->env,
		.step = m->w->step,
		.id = &m->w->id,
		.record = open_part(m, "power", &cursor),
		.cursor = &cursor };
	enum outcome outcome = power_off(&p, e);

	close_part(m, "power", p.record, cursor);
	if (outcome == OUTCOME_DONE)
		*out = power_result(&p);
	return outcome;
}

static enum outcome
copy(struct more *m, struct json **out, struct err *e)
{
	return isolation_copy(m->w, m->w->env->now_ms >= m->until_ms, out, e);
}

/* ---- all ---- */

static bool
is_proven(const struct more *m)
{
	const struct json *proof = json_get(m->earlier, "proof");

	return proof != NULL && !str_is(json_text(json_get(proof, "state")), "asking") &&
	       json_count(json_get(proof, "interfaces")) == m->w->vm.n_interfaces;
}

/* True: Azure has said what is in force, or will not. */
static bool
prove(struct more *m)
{
	struct isolation *w = m->w;
	struct proof p = { .env = w->env, .before = json_get(m->earlier, "proof") };
	struct json *proof;
	enum outcome outcome;
	struct err e;

	if (is_proven(m) || m->changing) {
		if (p.before != NULL)
			json_set(
			    m->result, "proof", json_copy(p.before, w->env->arena), w->env->arena);
		return !m->changing;
	}
	outcome = proof_go_on(&p, w->nics, w->vm.n_interfaces, &proof, &e);
	json_set(m->result, "proof", proof, w->env->arena);
	if (outcome == OUTCOME_LATER)
		wait_for(m, &e, false);
	return outcome == OUTCOME_DONE;
}

static bool
is_wanted(const struct more *m, const char *param)
{
	const struct json *value = json_get(m->w->params, param);

	return json_true(value) || json_is(value, JSON_OBJECT);
}

/* The way back is due once the step is done: nothing may hold it up beyond that. */
static int64_t
no_later(const struct json *result, int64_t until_ms)
{
	int64_t expires_ms;

	if (json_int(json_get(result, "expires_ms"), &expires_ms) && expires_ms < until_ms)
		return expires_ms;
	return until_ms;
}

enum outcome
isolation_more(struct isolation *w, const struct json *earlier, struct json *result, struct err *e)
{
	struct more m = { .w = w, .earlier = earlier, .result = result, .wait_ms = -1 };
	bool all = true;

	if (!json_int(json_get(earlier, "until_ms"), &m.until_ms))
		m.until_ms = no_later(result, w->env->now_ms + MORE_MAX_MS);
	json_set_int(result, "until_ms", m.until_ms, w->env->arena);
	if (is_wanted(&m, "detach_public_ip"))
		all &= go_on(&m, "addresses", take_addresses_off, m.until_ms);
	if (json_get(w->record, "copies") != NULL)
		all &= go_on(&m, "copies", copy, m.until_ms);
	if (is_wanted(&m, "tag"))
		all &= go_on(&m, "tag", put_tags, m.until_ms);
	/* Not held up by the others; but an interface that is changing has nothing in force yet. */
	all &= prove(&m);
	if (all && is_wanted(&m, "power_off"))
		go_on(&m, "power", switch_off, no_later(result, m.until_ms + MORE_MAX_MS));
	if (m.wait_ms < 0) {
		json_remove(result, "until_ms");
		return OUTCOME_DONE;
	}
	*e = m.e;
	e->kind = ERR_AGAIN;
	e->retry_ms = m.wait_ms;
	return OUTCOME_LATER;
}
