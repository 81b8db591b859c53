/*
 * The questions that the command line asks, each answered from the store.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/admin.h"
#include "daemon/approval.h"
#include "admin_question.h"
#include "admin_rows.h"

#define LIST_DEFAULT 50
#define LIST_MAX 10000
#define AFTER_MAX_MS (90 * INT64_C(86400000))

/* ---- commands: each gives a result or an error ---- */

static struct list_filter
read_filter(const struct question *q)
{
	struct list_filter f = { .limit = LIST_DEFAULT };
	int64_t n;

	if (json_int(json_get(q->args, "limit"), &n) && n > 0)
		f.limit = n > LIST_MAX ? LIST_MAX : (size_t)n;
	if (json_int(json_get(q->args, "since_ms"), &n))
		f.since_ms = n;
	if (json_int(json_get(q->args, "alert"), &n))
		f.alert_id = n;
	f.state = json_text(json_get(q->args, "state"));
	f.action = json_text(json_get(q->args, "action"));
	return f;
}

bool
question_id(const struct question *q, int64_t *id, struct err *e)
{
	if (!json_int(json_get(q->args, "id"), id))
		return fail(e, ERR_INPUT, "an id is missing");
	return true;
}

static struct json *
alerts_list(const struct question *q, struct err *e)
{
	struct list_filter f = read_filter(q);
	struct json *list = json_array(q->arena);
	struct alert_row *rows;
	size_t n;

	if (!store_list_alerts(q->options->pipeline->store, &f, q->arena, &rows, &n, e))
		return NULL;
	for (size_t i = 0; i < n; i++)
		json_add(list, row_of_alert(&rows[i], q->arena), q->arena);
	return list;
}

static struct json *
alerts_show(const struct question *q, struct err *e)
{
	struct alert_detail d;
	struct json *j, *steps = json_array(q->arena);
	int64_t id;

	if (!question_id(q, &id, e) ||
	    !store_show_alert(q->options->pipeline->store, id, q->arena, &d, e))
		return NULL;
	j = row_of_alert(&d.row, q->arena);
	row_set_time(j, "decided", d.decided_ms, q->arena);
	json_set_str(j, "rules", d.rules_hash, q->arena);
	for (size_t i = 0; i < d.n_steps; i++)
		json_add(steps, row_of_step(&d.steps[i], q->arena), q->arena);
	json_set(j, "actions", steps, q->arena);
	row_set_stored(j, "why", d.trace, q->arena);
	row_set_stored(j, "event", d.event_raw, q->arena);
	return j;
}

static struct json *
actions_list(const struct question *q, struct err *e)
{
	struct list_filter f = read_filter(q);
	struct json *list = json_array(q->arena);
	struct step *rows;
	size_t n;

	if (!store_list_steps(q->options->pipeline->store, &f, q->arena, &rows, &n, e))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct json *j = row_of_step(&rows[i], q->arena);

		if (!row_set_containment(j, q->options->pipeline->store, &rows[i], q->arena, e))
			return NULL;
		json_add(list, j, q->arena);
	}
	return list;
}

static struct json *
actions_show(const struct question *q, struct err *e)
{
	struct json *j, *list = json_array(q->arena);
	struct step_call *calls;
	struct step step;
	int64_t id;
	size_t n;

	if (!question_id(q, &id, e) ||
	    !store_show_step(q->options->pipeline->store, id, q->arena, &step, &calls, &n, e))
		return NULL;
	j = row_of_step(&step, q->arena);
	if (!row_set_containment(j, q->options->pipeline->store, &step, q->arena, e))
		return NULL;
	if (!row_set_approvals(j, q->options->pipeline->store, &step, q->arena, e))
		return NULL;
	row_set_stored(j, "before", step.before, q->arena);
	for (size_t i = 0; i < n; i++)
		json_add(list, row_of_call(&calls[i], q->arena), q->arena);
	json_set(j, "calls", list, q->arena);
	return j;
}

/* What to do with what somebody changed since. */
static bool
read_how(const struct question *q, const struct action *action, const char **how, struct err *e)
{
	bool said = json_get(q->args, "if_changed") != NULL;

	*how = step_undo_how(q->args);
	if (said && *how == NULL)
		return fail(e, ERR_INPUT, "if_changed is \"force\" or \"merge\"");
	if (said && !action->contains)
		return fail(e, ERR_INPUT,
		    "%s leaves what somebody changed since as it is, there is nothing to %s",
		    action->name, *how);
	return true;
}

/* The way back of a step, due then; its id. */
static bool
ask_back(const struct question *q, const struct step *done, const char *how, int64_t due_ms,
    int64_t *id, struct err *e)
{
	struct store *store = q->options->pipeline->store;
	struct alert_detail alert;
	struct step undo;

	if (!store_show_alert(store, done->alert_id, q->arena, &alert, e))
		return false;
	step_undo(done, alert.row.alert, due_ms, q->arena, &undo);
	if (how != NULL)
		step_undo_anyway(&undo, alert.row.alert, how, q->arena);
	return store_ask_back(store, &undo, id, e);
}

/* Take a finished step back: the same road as everything else, a step of its own. */
static struct json *
release(const struct question *q, struct err *e)
{
	struct pipeline *p = q->options->pipeline;
	const struct action *action;
	struct step_call *calls;
	struct step step, undo;
	const char *how;
	int64_t id, after_ms = 0;
	size_t n;

	if (!question_id(q, &id, e) ||
	    !store_show_step(p->store, id, q->arena, &step, &calls, &n, e))
		return NULL;
	action = action_find(step.action);
	if (action == NULL || action->undo == NULL || step.undo_of != 0) {
		fail(e, ERR_INPUT, "action %" PRId64 " (%.*s) cannot be taken back", id,
		    STR_ARG(step.action));
		return NULL;
	}
	if (step.state != STEP_DONE && step.state != STEP_FAILED) {
		fail(e, ERR_CONFLICT,
		    "action %" PRId64 " is %s: only what was done can be released", id,
		    step_state_name(step.state));
		return NULL;
	}
	if (!read_how(q, action, &how, e))
		return NULL;
	if (json_get(q->args, "after_ms") != NULL &&
	    (!json_int(json_get(q->args, "after_ms"), &after_ms) || after_ms < 0 ||
		after_ms > AFTER_MAX_MS)) {
		fail(e, ERR_INPUT, "a way back can be put off by 90 days at most");
		return NULL;
	}
	if (!ask_back(q, &step, how, clock_now_ms() + after_ms, &id, e) ||
	    !store_show_step(p->store, id, q->arena, &undo, &calls, &n, e))
		return NULL;
	log_info("release of action %" PRId64 " was asked for", step.id);
	bell_ring(&p->due);
	return row_of_step(&undo, q->arena);
}

/* Take back each of them; the ids of the ways back. */
static struct json *
release_all(const struct question *q, struct err *e)
{
	struct pipeline *p = q->options->pipeline;
	struct json *ids = json_array(q->arena);
	struct step *rows;
	size_t n;

	if (!store_list_contained(p->store, LIST_MAX, q->arena, &rows, &n, e))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const struct action *action = action_find(rows[i].action);
		int64_t id;

		if (action == NULL || action->undo == NULL)
			continue;
		if (!ask_back(q, &rows[i], NULL, clock_now_ms(), &id, e))
			return NULL;
		json_add(ids, json_integer(id, q->arena), q->arena);
	}
	log_warning("panic: all that was done is taken back: %zu steps", json_count(ids));
	bell_ring(&p->due);
	return ids;
}

static struct json *
panic(const struct question *q, struct err *e)
{
	struct pipeline *p = q->options->pipeline;
	struct json *j = json_object(q->arena), *ids;
	int64_t since_ms, stopped, running;

	if (!store_panic(p->store, clock_now_ms(), &stopped, &running, e) ||
	    !store_panic_since(p->store, &since_ms, e))
		return NULL;
	if (!atomic_exchange(&p->halted, true))
		log_warning("panic: nothing destructive is done from now on; %" PRId64
			    " steps stopped, %" PRId64 " under way",
		    stopped, running);
	bell_ring(&p->due);
	row_set_time(j, "since", since_ms, q->arena);
	json_set_int(j, "stopped", stopped, q->arena);
	json_set_int(j, "running", running, q->arena);
	if (!json_true(json_get(q->args, "release_all")))
		return j;
	ids = release_all(q, e);
	if (ids == NULL)
		return NULL;
	json_set(j, "releasing", ids, q->arena);
	return j;
}

static struct json *
panic_end(const struct question *q, struct err *e)
{
	struct pipeline *p = q->options->pipeline;
	struct json *j = json_object(q->arena);

	if (!store_panic_end(p->store, e))
		return NULL;
	atomic_store(&p->halted, false);
	log_warning("panic is over: rules act again");
	json_set(j, "since", json_null(q->arena), q->arena);
	return j;
}

#define PASSWD_MAX 16384

/* "uid 1000" when it has no name, or whoever knows it cannot be asked. */
static struct str
account_name(uid_t uid, struct arena *a)
{
	struct passwd entry, *found = NULL;

	if (getpwuid_r(uid, &entry, arena_alloc(a, PASSWD_MAX), PASSWD_MAX, &found) != 0 ||
	    found == NULL)
		return arena_printf(a, "uid %u", (unsigned)uid);
	return arena_str(a, str_of(entry.pw_name));
}

struct str
question_seat(const struct question *q)
{
	return arena_printf(q->arena, "user %u", (unsigned)q->peer->uid);
}

struct str
question_name(const struct question *q)
{
	return account_name(q->peer->uid, q->arena);
}

/* The account counts, whatever it is called: of each one approval. */
static struct approval
word_of(const struct question *q, int64_t id, bool approves)
{
	return (struct approval){ .step_id = id,
		.at_ms = clock_now_ms(),
		.approves = approves,
		.seat = question_seat(q),
		.name = question_name(q),
		.way = STR("command line"),
		.address = STR_EMPTY,
		.agent = STR_EMPTY };
}

static struct json *
answer_approval(const struct question *q, bool approves, struct err *e)
{
	struct pipeline *p = q->options->pipeline;
	struct approval_outcome outcome;
	struct approval word;
	struct step_call *calls;
	struct step step;
	struct json *j;
	int64_t id;
	size_t n;

	if (!question_id(q, &id, e))
		return NULL;
	word = word_of(q, id, approves);
	if (!approval_answer(p, &word, q->arena, &outcome, e) ||
	    !store_show_step(p->store, id, q->arena, &step, &calls, &n, e))
		return NULL;
	j = row_of_step(&step, q->arena);
	json_set_int(j, "missing", outcome.missing, q->arena);
	return j;
}

static struct json *
approve(const struct question *q, struct err *e)
{
	return answer_approval(q, true, e);
}

static struct json *
deny(const struct question *q, struct err *e)
{
	return answer_approval(q, false, e);
}

static struct json *
status(const struct question *q, struct err *e)
{
	struct pipeline *p = q->options->pipeline;
	struct json *j = json_object(q->arena), *steps = json_object(q->arena);
	struct store_figures f;
	struct inbox_figures in;
	struct config *c;

	if (!store_figures(p->store, &f, e))
		return NULL;
	inbox_figures(p->inbox, &in);
	json_set_cstr(j, "version", GRIDWARDEN_VERSION, q->arena);
	json_set_int(j, "pid", getpid(), q->arena);
	json_set_int(j, "port", q->options->port, q->arena);
	json_set_int(j, "undecided", (int64_t)in.waiting, q->arena);
	json_set_int(j, "events", f.events, q->arena);
	json_set_int(j, "alerts", f.alerts, q->arena);
	for (int i = STEP_WAITING; i <= STEP_SHADOW; i++)
		json_set_int(steps, step_state_name((enum step_state)i), f.steps[i], q->arena);
	json_set(j, "actions", steps, q->arena);
	row_set_time(j, "panic", f.panic_ms, q->arena);
	c = current_get(p->current);
	json_set_str(j, "rules", rules_hash(c->rules), q->arena);
	json_set_cstr(j, "settings", c->settings_hash, q->arena);
	config_unref(c);
	return j;
}

/* ---- versions of the rules ---- */

static struct json *
row_of_version(const struct question *q, const struct rule_version *v)
{
	struct config *c = current_get(q->options->pipeline->current);
	struct json *j = json_object(q->arena);

	json_set_str(j, "version", v->hash, q->arena);
	row_set_time(j, "first", v->first_ms, q->arena);
	row_set_time(j, "last", v->last_ms, q->arena);
	json_set_bool(j, "in_force", str_eq(v->hash, rules_hash(c->rules)), q->arena);
	json_set_int(j, "bytes", v->bytes, q->arena);
	config_unref(c);
	return j;
}

static struct json *
rules_list_versions(const struct question *q, struct err *e)
{
	struct json *list = json_array(q->arena);
	struct rule_version *rows;
	size_t n;

	if (!store_list_rules(q->options->pipeline->store, LIST_MAX, q->arena, &rows, &n, e))
		return NULL;
	for (size_t i = 0; i < n; i++)
		json_add(list, row_of_version(q, &rows[i]), q->arena);
	return list;
}

static struct json *
rules_show(const struct question *q, struct err *e)
{
	struct rule_version v;
	struct json *j;

	if (!store_show_rules(q->options->pipeline->store, json_text(json_get(q->args, "version")),
		q->arena, &v, e))
		return NULL;
	j = row_of_version(q, &v);
	row_set_stored(j, "files", v.files, q->arena);
	return j;
}

static struct json *
reload(const struct question *q, struct err *e)
{
	const struct admin_options *o = q->options;
	struct json *report = NULL;
	struct err ignored;
	char *words;
	bool ok = o->reload(o->ctx, &words, e);

	if (words != NULL)
		report = json_parse(arena_str(q->arena, str_of(words)), q->arena, &ignored);
	free(words);
	if (ok)
		return report != NULL ? report : json_boolean(true, q->arena);
	*q->report = report;
	return NULL;
}

static struct json *
backup(const struct question *q, struct err *e)
{
	(void)q;
	fail(e, ERR_INPUT, "a backup needs a file to write to, use 'gridwarden backup FILE'");
	return NULL;
}

static const struct {
	const char *name;
	struct json *(*run)(const struct question *q, struct err *e);
} commands[] = {
	{ "alerts.list", alerts_list },
	{ "alerts.show", alerts_show },
	{ "actions.list", actions_list },
	{ "actions.show", actions_show },
	{ "release", release },
	{ "approve", approve },
	{ "deny", deny },
	{ "silence.list", silence_list },
	{ "silence.show", silence_show },
	{ "silence.add", silence_add },
	{ "silence.extend", silence_extend },
	{ "silence.expire", silence_expire },
	{ "panic", panic },
	{ "panic.end", panic_end },
	{ "rules.list", rules_list_versions },
	{ "rules.show", rules_show },
	{ "status", status },
	{ "reload", reload },
	{ "backup", backup },
};

static struct json *
run(const struct question *q, struct err *e)
{
	struct str name = json_text(json_get(q->args, "command"));

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (str_is(name, commands[i].name))
			return commands[i].run(q, e);
	fail(e, ERR_INPUT, "unknown command \"%.*s\"", STR_ARG(name));
	return NULL;
}

static struct str
answer_text(struct json *result, struct json *report, const struct err *e, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_bool(j, "ok", result != NULL, a);
	if (result != NULL) {
		json_set(j, "result", result, a);
	} else {
		json_set_cstr(j, "kind", err_kind_name(e->kind), a);
		json_set_cstr(j, "error", e->text, a);
		if (report != NULL)
			json_set(j, "report", report, a);
	}
	return json_print(j, a);
}

struct str
admin_answer(
    const struct admin_options *o, const struct admin_peer *peer, struct str line, struct arena *a)
{
	struct json *result, *report = NULL;
	struct question q = { o, peer, NULL, a, &report };
	struct err e;

	q.args = json_parse(line, a, &e);
	result = q.args == NULL ? NULL : run(&q, &e);
	return answer_text(result, report, &e, a);
}

struct str
admin_backup(const struct admin_options *o, int fd, struct arena *a)
{
	struct stat st;
	struct err e;
	bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0;

	if (!ok)
		fail(&e, ERR_INPUT, "a backup is written to an empty file, this is none");
	ok = ok && store_copy(o->pipeline->store, fd, &e);
	if (ok)
		log_info("a backup of the store was written");
	else
		log_warning("a backup of the store failed: %s", e.text);
	return answer_text(ok ? json_boolean(true, a) : NULL, NULL, &e, a);
}
