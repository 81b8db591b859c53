/*
 * A step as a sentence: what, on what, how it stands, and what its result says.
 */
#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "card_parts.h"

#define SENTENCE_MAX 4000 /* more than all parts together */
#define REASON_MAX 500
#define NAME_MAX_CHARS 120
#define LISTED_MAX 16 /* told by name; the rest as a number */
#define LISTED_CHARS 80

/* "/subscriptions/.../virtualMachines/web-01" is web-01 to a person. */
static struct str
short_name(struct str s)
{
	return str_slice(str_leaf(s), 0, NAME_MAX_CHARS);
}

/* Begins a part of what is told in brackets. */
static void
comma(struct buf *b)
{
	if (b->n > 0)
		buf_add_cstr(b, ", ");
}

static void
tell_count(struct buf *b, size_t n, const char *what, const char *after)
{
	if (n == 0)
		return;
	comma(b);
	buf_printf(b, "%zu %s%s%s", n, what, n == 1 ? "" : "s", after);
}

/* Names or numbers of a list, "port 22" or "ports 22, 3389"; objects by the number in them. */
static void
tell_list(
    struct buf *b, const struct json *list, const char *what, const char *after, struct arena *a)
{
	size_t n = json_count(list), told = 0;

	if (n == 0)
		return;
	comma(b);
	buf_printf(b, "%s%s ", what, n == 1 ? "" : "s");
	for (const struct json *j = json_first(list); j != NULL && told < LISTED_MAX;
	     j = json_next(j)) {
		struct str text =
		    json_scalar(json_is(j, JSON_OBJECT) ? json_get(j, "number") : j, a);

		buf_printf(b, "%s%.*s", told++ == 0 ? "" : ", ",
		    STR_ARG(str_slice(text, 0, LISTED_CHARS)));
	}
	if (n > told)
		buf_printf(b, " and %zu more", n - told);
	buf_add_cstr(b, after);
}

static void
tell_name(struct buf *b, const char *before, struct str name)
{
	if (name.n == 0)
		return;
	comma(b);
	buf_printf(b, "%s%.*s", before, STR_ARG(short_name(name)));
}

static void
tell_end(struct buf *b, const struct json *ms)
{
	char text[CLOCK_TEXT_MAX];
	int64_t at;

	if (!json_int(ms, &at) || at <= 0)
		return;
	comma(b);
	buf_printf(b, "until %s", clock_format(at, text));
}

static bool
has_text(const struct json *list, const struct json *text)
{
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
		if (json_equal(j, text))
			return true;
	return false;
}

/* Most interfaces of a machine leak by the same rule. */
static struct json *
all_leaks(const struct json *proof, struct arena *a)
{
	struct json *all = json_array(a);

	for (const struct json *n = json_first(json_get(proof, "interfaces")); n != NULL;
	     n = json_next(n))
		for (const struct json *j = json_first(json_get(n, "leaks")); j != NULL;
		     j = json_next(j))
			if (!has_text(all, j))
				json_add(all, json_copy(j, a), a);
	return all;
}

static struct str
first_unknown(const struct json *proof)
{
	for (const struct json *n = json_first(json_get(proof, "interfaces")); n != NULL;
	     n = json_next(n))
		if (json_get(n, "unknown") != NULL)
			return json_text(json_get(n, "unknown"));
	return STR_EMPTY;
}

/* {"state","interfaces":[{"leaks":[...],"unknown"}]}: what Azure said is in force */
static void
tell_proof(const struct json *proof, struct arena *a, struct buf *b)
{
	struct str state = json_text(json_get(proof, "state")), unknown = first_unknown(proof);
	const struct json *leaks = all_leaks(proof, a);

	if (str_is(state, "verified")) {
		comma(b);
		buf_add_cstr(b, "verified");
	}
	for (const struct json *j = json_first(leaks); j != NULL; j = json_next(j)) {
		comma(b);
		buf_printf(b, "traffic still passes %.*s", STR_ARG(json_text(j)));
	}
	if (str_is(state, "unknown")) {
		comma(b);
		buf_printf(b, "not verified: %.*s", STR_ARG(str_slice(unknown, 0, REASON_MAX)));
	}
}

/* "addresses":[{"id","address","dynamic"}] */
static void
tell_addresses(const struct json *list, struct buf *b)
{
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		struct str address = json_text(json_get(j, "address"));

		if (address.n == 0)
			address = short_name(json_text(json_get(j, "id")));
		comma(b);
		buf_printf(b, "public address %.*s taken off%s",
		    STR_ARG(str_slice(address, 0, LISTED_CHARS)),
		    json_true(json_get(j, "dynamic")) ? " (dynamic: its release gives another one)"
						      : "");
	}
}

/* "not_done":{"tag":"why"}: what a rule asked for besides */
static void
tell_not_done(const struct json *not_done, struct buf *b)
{
	static const struct {
		const char *name, *words;
	} rows[] = {
		{ "copies", "not all disks are copied" },
		{ "addresses", "the public address was not taken off" },
		{ "tag", "not tagged" },
		{ "power", "not switched off" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str why = json_text(json_get(not_done, rows[i].name));

		if (why.n == 0)
			continue;
		comma(b);
		buf_printf(b, "%s: %.*s", rows[i].words, STR_ARG(str_slice(why, 0, REASON_MAX)));
	}
}

/* snapshot_vm: {"snapshots":[...],"failed":[...],"left_out":[{"disk","why"}]} */
static void
tell_copied(const struct json *result, struct arena *a, struct buf *b)
{
	const char *copied = " copied";
	int64_t by;

	if (json_int(json_get(result, "action"), &by))
		copied = arena_printf(a, " copied by action %" PRId64, by).p;
	tell_count(b, json_count(json_get(result, "snapshots")), "disk", copied);
	tell_count(b, json_count(json_get(result, "failed")), "disk", " not");
	tell_count(b, json_count(json_get(result, "left_out")), "disk", " that cannot be copied");
}

/* power_off_vm: {"power","was"}; set_alert_status: {"status","was"}; the same of their undo */
static void
tell_change(const struct json *now, const struct json *was, struct buf *b)
{
	if (json_text(now).n == 0)
		return;
	comma(b);
	buf_printf(b, "now %.*s", STR_ARG(str_slice(json_text(now), 0, LISTED_CHARS)));
	if (json_text(was).n > 0)
		buf_printf(b, ", was %.*s", STR_ARG(str_slice(json_text(was), 0, LISTED_CHARS)));
}

/*
 * isolate_vm: {"interfaces":[{"id","was","now"}],"nsg","still_allowed_by":[...],"expires_ms",
 * "proof","joined","copies":{...},"addresses","tag":{...},"power":{"power","was"},"not_done"}; also
 * when it failed half-way: people must see what is cut off and what is not.
 */
static void
tell_isolated(const struct step *s, const struct json *result, struct arena *a, struct buf *b)
{
	const struct json *list = json_get(result, "interfaces");
	struct str group = json_text(json_get(result, "nsg"));
	size_t n = json_count(list), cut_off = 0;
	int64_t joined;

	for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
		cut_off += group.n > 0 && str_eq_nocase(json_text(json_get(j, "now")), group);
	if (s->state == STEP_DONE)
		tell_count(b, n, "network interface", "");
	else if (n > 0)
		buf_printf(b, "%zu of %zu network interfaces cut off", cut_off, n);
	tell_name(b, "network security group ", group);
	tell_list(b, json_get(result, "still_allowed_by"), "still allowed by rule", "", a);
	tell_proof(json_get(result, "proof"), a, b);
	if (json_int(json_get(result, "joined"), &joined)) {
		comma(b);
		buf_printf(b, "already cut off by action %" PRId64, joined);
	}
	tell_copied(json_get(result, "copies"), a, b);
	tell_addresses(json_get(result, "addresses"), b);
	tell_count(b, json_count(json_get(result, "tag")), "tag", "");
	tell_change(json_at(result, "power.power"), json_at(result, "power.was"), b);
	tell_not_done(json_get(result, "not_done"), b);
	tell_end(b, json_get(result, "expires_ms"));
}

/* tag_resource: {"tags":{...}}; the undo of it: {"untagged":[names],"drifted":[names]} */
static void
tell_tags(const struct json *result, struct arena *a, struct buf *b)
{
	tell_count(b, json_count(json_get(result, "tags")), "tag", "");
	tell_list(b, json_get(result, "untagged"), "tag", " as before", a);
	tell_list(b, json_get(result, "drifted"), "tag",
	    " changed by somebody meanwhile and left alone", a);
}

/*
 * The undo of it: {"restored":[...],"drifted":[...],"kept":[...],"gone":[...],"left":[...],
 * "lost":[...],"power":{"power","was"},"tag":{"untagged","drifted"}}
 */
static void
tell_released(const struct json *result, struct arena *a, struct buf *b)
{
	static const struct {
		const char *name, *after;
	} rows[] = {
		{ "restored", " restored" },
		{ "drifted", " changed by somebody meanwhile and left alone" },
		{ "kept", " changed by somebody meanwhile and kept so" },
		{ "gone", " gone" },
		{ "left", " held by an earlier isolation" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tell_count(b, json_count(json_get(result, rows[i].name)), "network interface",
		    rows[i].after);
	tell_count(
	    b, json_count(json_get(result, "lost")), "public address", " not to be had any more");
	if (json_get(result, "power") != NULL)
		tell_change(json_at(result, "power.power"), NULL, b);
	tell_tags(json_get(result, "tag"), a, b);
}

/* enable_jit: {"policy","kept","added":[22,3389]}; kept: the other machines in the policy */
static void
tell_armed(const struct json *result, struct arena *a, struct buf *b)
{
	const struct json *added = json_get(result, "added");
	int64_t kept = 0;

	if (json_count(added) == 0)
		buf_add_cstr(b, "nothing to add");
	tell_list(b, added, "port", " added", a);
	tell_name(b, "policy ", json_text(json_get(result, "policy")));
	if (json_int(json_get(result, "kept"), &kept) && kept > 0)
		tell_count(b, (size_t)kept, "other machine", " kept");
	tell_end(b, json_get(result, "expires_ms"));
}

/* The undo of it: {"policy","removed":[...],"drifted":[...]}, both lists of port numbers */
static void
tell_disarmed(const struct json *result, struct arena *a, struct buf *b)
{
	if (json_count(json_get(result, "removed")) == 0)
		buf_add_cstr(b, "nothing to remove");
	tell_list(b, json_get(result, "removed"), "port", " removed", a);
	tell_list(b, json_get(result, "drifted"), "port",
	    " changed by somebody meanwhile and left alone", a);
}

/* request_jit: {"policy","opened":[22],"source","ends_ms"} */
static void
tell_opened(const struct json *result, struct arena *a, struct buf *b)
{
	tell_list(b, json_get(result, "opened"), "port", " open for ", a);
	buf_add(b, str_slice(json_text(json_get(result, "source")), 0, LISTED_CHARS));
	tell_name(b, "policy ", json_text(json_get(result, "policy")));
	tell_end(b, json_get(result, "ends_ms"));
}

/* The undo of it: {"policy","ended":[...],"drifted":[...]}, both lists of port numbers */
static void
tell_ended(const struct json *result, struct arena *a, struct buf *b)
{
	if (json_count(json_get(result, "ended")) == 0)
		buf_add_cstr(b, "nothing to end");
	tell_list(b, json_get(result, "ended"), "port", " ends within a minute", a);
	tell_list(b, json_get(result, "drifted"), "port",
	    " open by somebody else's request and left alone", a);
}

static void
tell_status(const struct json *result, struct buf *b)
{
	tell_change(json_get(result, "status"), json_get(result, "was"), b);
	if (json_count(json_get(result, "drifted")) > 0)
		buf_add_cstr(b, ", changed by somebody meanwhile and left alone");
}

/* block_source_address: {"blocked":[...],"left_out":[...],"groups",...}; undo: {"unblocked"} */
static void
tell_blocked(const struct json *result, struct arena *a, struct buf *b)
{
	size_t n = json_count(json_get(result, "without_group"));

	tell_list(b, json_get(result, "blocked"), "address", " blocked", a);
	tell_count(b, json_count(json_get(result, "left_out")), "other", " left out");
	tell_count(b, n, "network interface", " without a group of its own");
	tell_list(b, json_get(result, "still_allowed_by"), "still allowed by rule", "", a);
	tell_end(b, json_get(result, "expires_ms"));
	tell_count(b, json_count(json_get(result, "unblocked")), "group", " as before");
	tell_count(b, json_count(json_get(result, "drifted")), "group",
	    " changed by somebody meanwhile and left alone");
}

/* open_ticket: {"ticket":{"id","number"}}; the undo of it also "became" */
static void
tell_ticket(const struct json *result, struct buf *b)
{
	tell_name(b, "ticket ", json_text(json_at(result, "ticket.number")));
	if (json_text(json_get(result, "became")).n > 0)
		buf_printf(b, ", %.*s", STR_ARG(json_text(json_get(result, "became"))));
}

/* isolate_machine and its undo: {"computer","isolation","by","expires_ms"} */
static void
tell_sensor(const struct json *result, struct buf *b)
{
	static const struct {
		const char *isolation, *words;
	} rows[] = {
		{ "Full", "isolated by its sensor" },
		{ "Selective", "isolated by its sensor, but for mail and Teams" },
		{ "already", "isolated already" },
		{ "released", "free" },
		{ "left", "left isolated" },
		{ "kept", "left isolated" },
	};
	struct str isolation = json_text(json_get(result, "isolation"));
	struct str by = json_text(json_get(result, "by"));

	tell_name(b, "computer ", json_text(json_get(result, "computer")));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!str_is(isolation, rows[i].isolation))
			continue;
		comma(b);
		buf_add_cstr(b, rows[i].words);
	}
	if (by.n > 0)
		buf_printf(b, " by %.*s", STR_ARG(str_slice(by, 0, LISTED_CHARS)));
	tell_end(b, json_get(result, "expires_ms"));
}

static const struct json *
result_of(const struct step *s, struct arena *a)
{
	struct err ignored;

	return s->result.n == 0 ? NULL : json_parse(s->result, a, &ignored);
}

static void
tell_result(const struct step *s, struct arena *a, struct buf *b)
{
	const struct json *result = result_of(s, a);
	char text[CLOCK_TEXT_MAX];

	if (step_held_until_ms(s) > 0)
		buf_printf(b, "refused at %s unless approved", clock_format(s->due_ms, text));
	else if (json_is(json_get(result, "interfaces"), JSON_ARRAY))
		tell_isolated(s, result, a, b);
	else if (json_is(json_get(result, "computer"), JSON_STRING))
		tell_sensor(result, b);
	else if (json_is(json_get(result, "snapshots"), JSON_ARRAY))
		tell_copied(result, a, b);
	else if (json_is(json_get(result, "tags"), JSON_OBJECT) ||
		 json_is(json_get(result, "untagged"), JSON_ARRAY))
		tell_tags(result, a, b);
	else if (json_is(json_get(result, "power"), JSON_STRING))
		tell_change(json_get(result, "power"), json_get(result, "was"), b);
	else if (json_is(json_get(result, "status"), JSON_STRING))
		tell_status(result, b);
	else if (json_is(json_get(result, "blocked"), JSON_ARRAY) ||
		 json_is(json_get(result, "unblocked"), JSON_ARRAY))
		tell_blocked(result, a, b);
	else if (json_is(json_get(result, "restored"), JSON_ARRAY))
		tell_released(result, a, b);
	else if (json_is(json_get(result, "opened"), JSON_ARRAY))
		tell_opened(result, a, b);
	else if (json_is(json_get(result, "ended"), JSON_ARRAY))
		tell_ended(result, a, b);
	else if (json_is(json_get(result, "added"), JSON_ARRAY))
		tell_armed(result, a, b);
	else if (json_is(json_get(result, "removed"), JSON_ARRAY))
		tell_disarmed(result, a, b);
	else if (json_is(json_get(result, "ticket"), JSON_OBJECT))
		tell_ticket(result, b);
}

/* An address that its way back makes another one. */
static bool
has_dynamic(const struct json *result)
{
	for (const struct json *j = json_first(json_get(result, "addresses")); j != NULL;
	     j = json_next(j))
		if (json_true(json_get(j, "dynamic")))
			return true;
	return false;
}

bool
step_left_something(const struct step *s, struct arena *a)
{
	const struct json *result = s->state == STEP_DONE ? result_of(s, a) : NULL;

	return json_count(json_get(result, "still_allowed_by")) > 0 ||
	       str_is(json_text(json_at(result, "proof.state")), "still_allowed") ||
	       str_is(json_text(json_at(result, "proof.state")), "unknown") ||
	       json_count(json_get(result, "left_out")) > 0 ||
	       json_count(json_at(result, "copies.left_out")) > 0 ||
	       json_count(json_get(result, "not_done")) > 0 ||
	       json_count(json_get(result, "lost")) > 0 || has_dynamic(result) ||
	       json_count(json_get(result, "drifted")) > 0 ||
	       json_count(json_at(result, "tag.drifted")) > 0;
}

static const char *
state_words(const struct step *s)
{
	switch (s->state) {
	case STEP_WAITING:
		return s->attempts > 0 ? "under way" : "waiting";
	case STEP_RUNNING:
		return "under way";
	case STEP_APPROVAL:
		return "needs approval";
	case STEP_DONE:
		return "done";
	case STEP_FAILED:
		return "failed";
	case STEP_REFUSED:
		return "refused";
	case STEP_SUPPRESSED:
		return "suppressed";
	case STEP_SHADOW:
		return "would be done, nothing was touched";
	}
	return "";
}

/* Unless the reason says it: of a step that goes on since it was approved. */
static void
tell_approvers(const struct step *s, struct buf *b)
{
	if (s->approved_by.n == 0 ||
	    (s->state != STEP_DONE && s->reason.n > 0 && str_has_nocase(s->reason, s->approved_by)))
		return;
	comma(b);
	buf_printf(b, "approved by %.*s%s", STR_ARG(str_slice(s->approved_by, 0, REASON_MAX)),
	    s->state == STEP_APPROVAL ? " so far" : "");
}

struct str
step_sentence(const struct step *s, struct arena *a)
{
	struct buf b, more;
	struct str text, target = short_name(s->target);

	buf_init(&b, SENTENCE_MAX);
	buf_init(&more, SENTENCE_MAX);
	buf_printf(&b, "%s%.*s%s%.*s: %s", s->undo_of != 0 ? "undo of " : "",
	    STR_ARG(str_slice(s->action, 0, NAME_MAX_CHARS)), target.n > 0 ? " " : "",
	    STR_ARG(target), state_words(s));
	if (s->state != STEP_DONE && s->reason.n > 0)
		buf_printf(&b, ": %.*s", STR_ARG(str_slice(s->reason, 0, REASON_MAX)));
	if (s->state == STEP_DONE || s->state == STEP_FAILED || s->state == STEP_APPROVAL)
		tell_result(s, a, &more);
	tell_approvers(s, &more);
	if (more.n > 0)
		buf_printf(&b, " (%s)", buf_cstr(&more));
	text = arena_str(a, buf_str(&b));
	buf_done(&more);
	buf_done(&b);
	return text;
}
