#include "core/trace.h"

#include "base/buf.h"

#define WHY_MAX 600

static struct json *
condition_json(const struct trace_line *line, struct arena *a)
{
	struct json *j = json_object(a);

	if (line->selection.n > 0)
		json_set_str(j, "selection", line->selection, a);
	json_set_str(j, "field", line->field, a);
	json_set_str(j, "wanted", line->wanted, a);
	json_set_str(j, "seen", line->seen, a);
	if (line->note.n > 0)
		json_set_str(j, "note", line->note, a);
	json_set_cstr(j, "answer", answer_name(line->answer), a);
	if (line->problem.n > 0)
		json_set_str(j, "problem", line->problem, a);
	return j;
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

static void
add_condition(struct buf *b, const struct json *c)
{
	if (b->n > 0)
		buf_add_cstr(b, "; ");
	trace_phrase(json_text(json_get(c, "field")), json_text(json_get(c, "wanted")), b);
}

static struct str
why(const struct json *rule, struct arena *a)
{
	struct str answer = json_text(json_get(rule, "answer")), text,
		   muted = json_text(json_get(rule, "muted"));
	struct buf b;

	buf_init(&b, WHY_MAX);
	if (str_is(answer, answer_name(ANSWER_UNSURE)))
		buf_add_cstr(&b, "could not be decided");
	if (muted.n > 0)
		buf_printf(&b, "%smuted, %.*s", b.n > 0 ? "; " : "", STR_ARG(muted));
	for (const struct json *c = json_first(json_get(rule, "conditions")); c != NULL;
	     c = json_next(c))
		if (str_eq(json_text(json_get(c, "answer")), answer))
			add_condition(&b, c);
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
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
