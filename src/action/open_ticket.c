/*
 * Happy path: look for the alert's ticket, open it when there is none; later steps of the same
 * action, made by the daemon as reports are, add to it what became of the alert's other steps.
 *
 * What can go wrong: a crash or a lost answer between opening and the commit.  Where the same again
 * would be a second ticket, the intent is committed first (cursor), and whoever comes after it
 * looks, for as long as the system may not show what it has, before opening again.  A comment may
 * come twice after a crash, never not at all.
 */
#include "action/ticket.h"

#include <inttypes.h>

#include "base/fault.h"
#include "tools.h"

/* While another step opens the ticket, or the system may not show it yet. */
#define LOOK_AGAIN_MS 5000

/* ---- what is told ---- */

static struct str
key_of(const struct alert *al, struct arena *a)
{
	char hex[SHA256_HEX_MAX];

	sha256_parts_hex(&al->id, 1, hex);
	return arena_printf(a, "gridwarden-%.32s", hex);
}

/* The steps that change something: what a ticket follows. */
static const struct step *
containment(const struct action_env *env, size_t *n)
{
	struct step *out = arena_alloc(env->arena, (env->n_steps + 1) * sizeof(*out));

	*n = 0;
	for (size_t i = 0; i < env->n_steps; i++)
		if (env->steps[i].disruptive)
			out[(*n)++] = env->steps[i];
	return out;
}

static bool
is_contained(const struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i].undo_of == 0 && steps[i].state != STEP_DONE)
			return false;
	return n > 0;
}

static struct str
news_of(const struct action_env *env)
{
	struct card card = card_of(env);

	card.steps = containment(env, &card.n_steps);
	return card.n_steps == 0 ? STR_EMPTY : card_print_news(&card, TICKET_TEXT_MAX, env->arena);
}

/* false: e says that the ticket system is gone. */
static bool
prepare(const struct action_env *env, const struct step *step, struct ticket_job *j, struct err *e)
{
	const struct step *steps;
	struct card card = card_of(env);
	char uuid[UUID_MAX];
	size_t n;

	*j = (struct ticket_job){ .system = settings_ticket(env->settings, step->target),
		.arm = env->arm,
		.http = env->http,
		.arena = env->arena,
		.now_ms = env->now_ms,
		.alert = env->alert };
	if (j->system == NULL)
		return fail(e, ERR_INPUT, "ticket system '%.*s' is not in the settings any more",
		    STR_ARG(step->target));
	steps = containment(env, &n);
	j->key = key_of(env->alert, env->arena);
	j->title = card_print_title(&card, TICKET_TITLE_MAX, env->arena);
	j->once = arena_str(env->arena, str_of(uuid_from(step->key, uuid)));
	j->contained = is_contained(steps, n);
	return true;
}

/* ---- what is known from steps before ---- */

/* {"ticket": {"id", "number"}, "told": text's digest} */
static struct json *
result_of(const struct step *s, struct arena *a)
{
	struct err ignored;

	return s->result.n == 0 ? NULL : json_parse(s->result, a, &ignored);
}

static bool
read_ticket(const struct json *result, struct ticket *out)
{
	const struct json *t = json_get(result, "ticket");

	*out = (struct ticket){ json_text(json_get(t, "id")), json_text(json_get(t, "number")) };
	return out->id.n > 0;
}

enum known { KNOWN_NOT, KNOWN_COMING, KNOWN };

/* Another step of this action is at the same ticket, and came first. */
static bool
is_ahead(const struct step *s, const struct step *step)
{
	if (s->reports)
		return s->state == STEP_RUNNING && s->id < step->id;
	return s->state == STEP_WAITING || s->state == STEP_RUNNING;
}

/* The ticket that earlier steps opened, and the digest of what it was told last. */
static enum known
look_back(
    const struct action_env *env, const struct step *step, struct ticket *out, struct str *told)
{
	bool found = false, ahead = false;
	int64_t newest = -1;

	*told = STR_EMPTY;
	for (size_t i = 0; i < env->n_steps; i++) {
		const struct step *s = &env->steps[i];
		struct json *result;
		struct ticket one;

		if (s->id == step->id || s->undo_of != 0 || !str_eq(s->action, step->action) ||
		    !str_eq(s->target, step->target))
			continue;
		ahead = ahead || is_ahead(s, step);
		result = s->state == STEP_DONE ? result_of(s, env->arena) : NULL;
		if (s->settled_ms < newest || !read_ticket(result, &one))
			continue;
		*out = one;
		newest = s->settled_ms;
		*told = json_text(json_get(result, "told"));
		found = true;
	}
	return ahead ? KNOWN_COMING : found ? KNOWN : KNOWN_NOT;
}

static struct str
digest(struct str text, struct arena *a)
{
	char hex[SHA256_HEX_MAX];

	sha256_parts_hex(&text, 1, hex);
	return arena_printf(a, "%.32s", hex);
}

static struct json *
ticket_json(const struct ticket *t, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, "id", t->id, a);
	json_set_str(j, "number", t->number, a);
	return j;
}

/* ---- opening ---- */

static enum outcome
opened(const struct action_env *env, struct step *step, const struct ticket *t, bool made)
{
	struct json *result = json_object(env->arena);
	/* One that was there already may not know how things stand: then it is told. */
	struct str told = made ? digest(news_of(env), env->arena) : STR_EMPTY;

	json_set(result, "ticket", ticket_json(t, env->arena), env->arena);
	json_set_bool(result, "made", made, env->arena);
	json_set_str(result, "told", told, env->arena);
	step->cursor = STR_EMPTY;
	step->result = json_print(result, env->arena);
	return OUTCOME_DONE;
}

/* Commit that the next claim of the step may open a ticket. */
static enum outcome
intend(const struct action_env *env, struct step *step, struct err *e)
{
	struct json *cursor = json_object(env->arena);

	json_set_int(cursor, "claim", step->attempts + 1, env->arena);
	json_set_int(cursor, "at_ms", env->now_ms, env->arena);
	step->cursor = json_print(cursor, env->arena);
	return later(e, SOON_MS, "about to open a ticket");
}

/* May it be opened now?  OUTCOME_DONE = yes. */
static enum outcome
may_open(
    const struct action_env *env, const struct ticket_system *sys, struct step *step, struct err *e)
{
	struct json *cursor;
	int64_t claim = 0, at_ms = 0;

	if (!sys->doubles)
		return OUTCOME_DONE;
	if (!stored_json(step->cursor, "cursor", env->arena, &cursor, e))
		return OUTCOME_NEVER;
	if (!json_int(json_get(cursor, "claim"), &claim) ||
	    !json_int(json_get(cursor, "at_ms"), &at_ms))
		return intend(env, step, e);
	if (claim == step->attempts)
		return OUTCOME_DONE;
	/* A claim before this one may have opened it. */
	if (env->now_ms - at_ms < sys->settles_ms)
		return later(e, LOOK_AGAIN_MS,
		    "looking whether %s has the ticket that may have been opened", sys->name);
	return intend(env, step, e);
}

static enum outcome
failed(const struct action_env *env, const struct ticket_job *j, struct step *step, struct err *e)
{
	/* A throttle says that nothing was opened. */
	if (j->rest_ms > 0 || env->arm->rest_ms > 0)
		step->cursor = STR_EMPTY;
	fail_in(e, "ticket system '%.*s'", STR_ARG(step->target));
	return outcome_of(e);
}

static enum outcome
open_it(struct action_env *env, struct ticket_job *j, struct step *step, struct err *e)
{
	const struct ticket_system *sys = ticket_system(j->system->type);
	struct card card = card_of(env);
	struct ticket t;
	bool found = false, ok;
	enum outcome may;

	if (sys->find != NULL && !sys->find(j, &t, &found, e))
		return failed(env, j, step, e);
	if (found)
		return opened(env, step, &t, false);
	may = may_open(env, sys, step, e);
	if (may != OUTCOME_DONE)
		return may;
	card.steps = containment(env, &card.n_steps);
	j->text = card_print_text(&card, TICKET_TEXT_MAX, env->arena);
	if (FAULT("action.ticket.open"))
		return later(e, 0, "fault ordered at action.ticket.open");
	ok = sys->open(j, &t, e);
	if (FAULT("action.ticket.opened"))
		return later(e, 0, "fault ordered at action.ticket.opened");
	return ok ? opened(env, step, &t, true) : failed(env, j, step, e);
}

/* ---- telling more ---- */

static enum outcome
told(const struct action_env *env, struct step *step, const struct ticket *t, bool commented,
    struct str news)
{
	struct json *result = json_object(env->arena);

	json_set(result, "ticket", ticket_json(t, env->arena), env->arena);
	json_set_bool(result, "commented", commented, env->arena);
	json_set_str(result, "told", news, env->arena);
	step->result = json_print(result, env->arena);
	return OUTCOME_DONE;
}

static enum outcome
tell(struct action_env *env, struct ticket_job *j, struct step *step, struct err *e)
{
	const struct ticket_system *sys = ticket_system(j->system->type);
	struct str known, news;
	char uuid[UUID_MAX];
	struct ticket t;
	bool ok;

	switch (look_back(env, step, &t, &known)) {
	case KNOWN_NOT: /* it was refused or has failed: a card says so */
		return OUTCOME_DONE;
	case KNOWN_COMING:
		return later(e, LOOK_AGAIN_MS, "another action is at the ticket");
	case KNOWN:
		break;
	}
	j->text = news_of(env);
	news = digest(j->text, env->arena);
	if (str_eq(news, known))
		return told(env, step, &t, false, news);
	j->once = arena_str(env->arena,
	    str_of(uuid_from(
		arena_printf(env->arena, "%.*s %.*s", STR_ARG(j->key), STR_ARG(news)), uuid)));
	if (FAULT("action.ticket.comment"))
		return later(e, 0, "fault ordered at action.ticket.comment");
	ok = sys->comment(j, &t, e);
	if (FAULT("action.ticket.commented"))
		return later(e, 0, "fault ordered at action.ticket.commented");
	return ok ? told(env, step, &t, true, news) : failed(env, j, step, e);
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	struct ticket_job j;
	enum outcome outcome;

	if (!prepare(env, step, &j, e))
		return OUTCOME_NEVER;
	outcome = step->reports ? tell(env, &j, step, e) : open_it(env, &j, step, e);
	env->rest_ms = j.rest_ms;
	return outcome;
}

/* ---- the way back ---- */

static enum outcome
undone(const struct action_env *env, struct step *step, const struct ticket *t, const char *how)
{
	struct json *result = json_object(env->arena);

	if (t != NULL)
		json_set(result, "ticket", ticket_json(t, env->arena), env->arena);
	json_set_cstr(result, "became", how, env->arena);
	step->result = json_print(result, env->arena);
	return OUTCOME_DONE;
}

static enum outcome
undo(struct action_env *env, struct step *step, struct err *e)
{
	struct ticket_job j;
	struct ticket t;
	struct str known;
	bool closed = false, ok;

	if (!prepare(env, step, &j, e))
		return OUTCOME_NEVER;
	switch (look_back(env, step, &t, &known)) {
	case KNOWN_NOT:
		return undone(env, step, NULL, "never opened");
	case KNOWN_COMING:
		return later(e, LOOK_AGAIN_MS, "another action is at the ticket");
	case KNOWN:
		break;
	}
	j.text = arena_printf(
	    env->arena, "This ticket was taken back in gridwarden.\n%.*s", STR_ARG(news_of(env)));
	ok = ticket_system(j.system->type)->close(&j, &t, &closed, e);
	env->rest_ms = j.rest_ms;
	if (!ok && e->kind == ERR_NOT_FOUND)
		return undone(env, step, &t, "gone");
	return ok ? undone(env, step, &t, closed ? "closed" : "commented")
		  : failed(env, &j, step, e);
}

static bool
name_of(const struct settings *s, size_t i, struct str *out)
{
	if (i >= s->n_tickets)
		return false;
	*out = s->tickets[i].name;
	return true;
}

/* PagerDuty wakes somebody up; the others keep a record. */
static bool
pages(const struct settings *s, struct str name)
{
	const struct settings_ticket *t = settings_ticket(s, name);

	return t != NULL && t->type == TICKET_PAGERDUTY;
}

static const struct param params[] = {
	{ .name = "system",
	    .type = PARAM_TEXT,
	    .required = true,
	    .help = "name of a ticket system of the settings" },
	{ .name = NULL },
};

static const char *const permissions[] = {
	"Microsoft.SecurityInsights/incidents/read",
	"Microsoft.SecurityInsights/incidents/write",
	"Microsoft.SecurityInsights/incidents/comments/write",
	NULL,
};

extern const struct action action_open_ticket;
const struct action action_open_ticket = {
	.name = "open_ticket",
	.help = "open a ticket about the alert, and tell it what becomes of the containment",
	.params = params,
	.shorthand = "system",
	.named_by = "system",
	.name_of = name_of,
	.named_what = "ticket system",
	.pages = pages,
	.permissions = permissions,
	.follows = true,
	.run = run,
	.undo = undo,
};
