#include "core/trace.h"

#include "base/buf.h"
#include "core/text.h"

#define WHY_MAX 600
#define SEEN_MAX 60 /* of a value in a sentence */

static struct json *
condition_json(const struct trace_line *line, struct arena *a)
{
	struct json *j = json_object(a), *alerts = json_array(a);

	if (line->selection.n > 0)
		json_set_str(j, "selection", line->selection, a);
	if (line->group > 0)
		json_set_int(j, "group", (int64_t)line->group, a);
	if (line->correlation != NULL)
		json_set_cstr(j, "correlation", line->correlation, a);
	else
		json_set_str(j, "field", line->field, a);
	json_set_str(j, "wanted", line->wanted, a);
	if (line->answer != ANSWER_NOT_ASKED)
		json_set_str(j, "seen", line->seen, a);
	if (line->note.n > 0)
		json_set_str(j, "note", line->note, a);
	json_set_cstr(j, "answer", answer_name(line->answer), a);
	if (line->problem.n > 0)
		json_set_str(j, "problem", line->problem, a);
	if (line->stopped)
		json_set_bool(j, "stopped", true, a);
	for (size_t i = 0; i < line->n_alerts; i++)
		json_add(alerts, json_integer(line->alerts[i], a), a);
	if (line->n_alerts > 0)
		json_set(j, "alerts", alerts, a);
	return j;
}

static void
set_selections(struct json *j, const struct verdict *v, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < v->n_selections; i++) {
		struct json *one = json_object(a);

		json_set_str(one, "name", v->selections[i].name, a);
		json_set_cstr(one, "answer", answer_name(v->selections[i].answer), a);
		json_add(list, one, a);
	}
	json_set_str(j, "condition", v->condition, a);
	json_set(j, "selections", list, a);
}

static struct json *
verdict_json(const struct verdict *v, struct arena *a)
{
	struct json *j = json_object(a), *lines = json_array(a);

	json_set_str(j, "rule", v->rule->name, a);
	json_set_str(j, "file", v->rule->file, a);
	json_set_int(j, "line", v->rule->line, a);
	json_set_cstr(j, "answer", answer_name(v->answer), a);
	if (v->muted.n > 0)
		json_set_str(j, "muted", v->muted, a);
	if (v->n_selections > 0)
		set_selections(j, v, a);
	for (size_t i = 0; i < v->n_lines; i++)
		json_add(lines, condition_json(&v->lines[i], a), a);
	json_set(j, "conditions", lines, a);
	return j;
}

struct json *
trace_json(const struct verdict *v, size_t nv, size_t not_asked, struct arena *a)
{
	struct json *j = json_object(a), *rules = json_array(a);
	size_t bytes = 0;
	int64_t left_out = (int64_t)not_asked;

	for (size_t i = 0; i < nv; i++) {
		struct json *one;

		if (v[i].answer == ANSWER_NO && bytes >= TRACE_BYTES_MAX) {
			left_out++;
			continue;
		}
		one = verdict_json(&v[i], a);
		bytes += json_print(one, a).n;
		json_add(rules, one, a);
	}
	json_set(j, "rules", rules, a);
	json_set_int(j, "left_out", left_out, a);
	return j;
}

/* The rule that fired last, when it kept later ones from being asked. */
static const struct rule *
stopping(const struct verdict *v, size_t nv)
{
	const struct verdict *last = nv == 0 ? NULL : &v[nv - 1];

	return last != NULL && last->answer == ANSWER_YES && last->muted.n == 0 && last->rule->stop
		   ? last->rule
		   : NULL;
}

/* Rules stand in one list, in their order. */
static void
set_not_reached(struct json *j, const struct rule *by, const struct rules *rules, struct arena *a)
{
	const struct rule *end = rules_at(rules, 0) + rules_count(rules);
	struct json *one = json_object(a), *names = json_array(a);
	int64_t n = 0;

	for (const struct rule *r = by + 1; r < end; r++) {
		if (r->mode == RULE_OFF)
			continue;
		if (++n <= TRACE_NOT_REACHED_MAX)
			json_add(names, json_string(r->name, a), a);
	}
	if (n == 0)
		return;
	json_set_str(one, "stopped_by", by->name, a);
	json_set_int(one, "rules", n, a);
	json_set(one, "first", names, a);
	json_set(j, "not_reached", one, a);
}

struct json *
trace_of(const struct decided *d, const struct rules *rules, struct arena *a)
{
	struct json *j = trace_json(d->verdicts, d->n, d->not_asked, a);
	const struct rule *by = stopping(d->verdicts, d->n);

	if (by != NULL)
		set_not_reached(j, by, rules, a);
	return j;
}

/* ---- in words ---- */

static const struct {
	const char *modifier, *words;
} words[] = {
	{ "contains", "contains" },
	{ "startswith", "starts with" },
	{ "endswith", "ends with" },
	{ "neq", "is not" },
	{ "re", "matches" },
	{ "cidr", "is in" },
	{ "exists", "exists:" },
	{ "gt", "is above" },
	{ "gte", "is at least" },
	{ "lt", "is below" },
	{ "lte", "is at most" },
};

void
trace_phrase(struct str field, struct str wanted, struct buf *out)
{
	const char *verb = "is";
	bool all = false, cased = false, caseless = false;
	struct str modifier;

	if (field.n == 0) { /* a sentence by itself */
		buf_add(out, wanted);
		return;
	}
	str_next(&field, '|', &modifier);
	buf_add(out, modifier); /* the field's name stands first */
	while (str_next(&field, '|', &modifier)) {
		all = all || str_is(modifier, "all");
		cased = cased || str_is(modifier, "cased");
		caseless = caseless || str_is(modifier, "i");
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (str_is(modifier, words[i].modifier))
				verb = words[i].words;
	}
	buf_printf(out, " %s%s %.*s%s", verb, all ? " all of" : "", STR_ARG(wanted),
	    cased      ? " (case counts)"
	    : caseless ? " (without case)"
		       : "");
}

/* Where more was seen than was wanted, that too: people ask what it was. */
static void
add_seen(struct buf *b, const struct json *c, struct arena *a)
{
	struct str seen = json_text(json_get(c, "seen"));

	if (str_eq_nocase(seen, json_text(json_get(c, "wanted"))))
		return;
	buf_printf(b, " (it is %.*s)", STR_ARG(text_tame(seen, SEEN_MAX, a)));
}

static void
add_condition(struct buf *b, const struct json *c, struct arena *a)
{
	trace_phrase(json_text(json_get(c, "field")), json_text(json_get(c, "wanted")), b);
	if (json_get(c, "correlation") != NULL)
		buf_printf(b, ": %.*s", STR_ARG(json_text(json_get(c, "seen"))));
	else if (json_get(c, "problem") != NULL)
		buf_printf(b, ": %.*s", STR_ARG(json_text(json_get(c, "problem"))));
	else
		add_seen(b, c, a);
}

static struct str
why(const struct json *rule, struct arena *a)
{
	struct str answer = json_text(json_get(rule, "answer"));
	struct str condition = json_text(json_get(rule, "condition")),
		   muted = json_text(json_get(rule, "muted"));
	const char *between = "";
	struct buf b;

	buf_init(&b, WHY_MAX);
	if (str_is(answer, answer_name(ANSWER_UNSURE))) {
		buf_add_cstr(&b, "could not be decided");
		between = ", as ";
	}
	if (muted.n > 0) {
		buf_printf(&b, "%smuted, %.*s", b.n > 0 ? "; " : "", STR_ARG(muted));
		between = "; ";
	}
	if (condition.n > 0 && b.n == 0) {
		buf_add(&b, condition);
		between = ": ";
	}
	for (const struct json *c = json_first(json_get(rule, "conditions")); c != NULL;
	     c = json_next(c)) {
		if (!str_eq(json_text(json_get(c, "answer")), answer))
			continue;
		buf_add_cstr(&b, between);
		add_condition(&b, c, a);
		between = "; ";
	}
	return buf_to_arena(&b, a);
}

void
trace_reasons(const struct json *trace, struct arena *a, struct verdict_text **out, size_t *n)
{
	const struct json *rules = json_get(trace, "rules");

	*out = arena_alloc(a, json_count(rules) * sizeof(**out));
	*n = 0;
	for (const struct json *r = json_first(rules); r != NULL; r = json_next(r)) {
		if (str_is(json_text(json_get(r, "answer")), answer_name(ANSWER_NO)))
			continue;
		(*out)[(*n)++] =
		    (struct verdict_text){ arena_str(a, json_text(json_get(r, "rule"))),
			    why(r, a) };
	}
}
