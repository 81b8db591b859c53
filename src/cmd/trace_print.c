/*
 *	rule arm-jit-on-brute-force does not fire  (rules.d/10-article.yaml:26)
 *	  yes        severity is High                               saw High
 *	  no         alertDisplayName contains Brute force attack   saw Suspicious process executed
 *	             stopped here: the answer is known
 */
#include "cmd/trace_print.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/paragraph.h"
#include "core/trace.h"

#define ANSWER_AT 2
#define PHRASE_AT 13
#define SEEN_AT 17    /* below its phrase */
#define PHRASE_MAX 56 /* a wider one has what was seen on the next line */
#define PHRASE_WORDS_MAX 100

static struct str
text_of(const struct json *j, const char *name)
{
	return json_text(json_get(j, name));
}

static const char *
paint_of(struct str answer)
{
	return str_is(answer, "yes")	     ? PAINT_GOOD
	       : str_is(answer, "no")	     ? PAINT_BAD
	       : str_is(answer, "not asked") ? PAINT_FAINT
					     : PAINT_DOUBT;
}

/* ---- conditions ---- */

/* "lab (2): resourceGroup starts with rg-lab" */
static void
phrase(const struct json *c, struct buf *out)
{
	struct str selection = text_of(c, "selection");
	int64_t group = 0;

	buf_add(out, selection);
	if (json_int(json_get(c, "group"), &group))
		buf_printf(out, "%s(%" PRId64 ")", selection.n > 0 ? " " : "", group);
	if (out->n > 0)
		buf_add_cstr(out, ": ");
	trace_phrase(text_of(c, "field"), text_of(c, "wanted"), out);
}

static struct str
visible_phrase(const struct json *c, struct buf *plain, struct buf *visible)
{
	size_t n = text_of(c, "field").n + text_of(c, "wanted").n + text_of(c, "selection").n;

	buf_init(plain, n + PHRASE_WORDS_MAX);
	phrase(c, plain);
	buf_init(visible, 4 * plain->n + 1);
	output_visible(visible, buf_str(plain));
	return buf_str(visible);
}

void
trace_print_phrase(const struct json *condition)
{
	struct buf plain, visible;
	struct str words = visible_phrase(condition, &plain, &visible);

	fwrite(words.p, 1, words.n, stdout);
	buf_done(&plain);
	buf_done(&visible);
}

static int
width_of(const struct json *c)
{
	struct buf plain, visible;
	int width = print_width(visible_phrase(c, &plain, &visible));

	buf_done(&plain);
	buf_done(&visible);
	return width;
}

static int
widest(const struct json *conditions)
{
	int most = 0;

	for (const struct json *c = json_first(conditions); c != NULL; c = json_next(c)) {
		int width = width_of(c);

		if (width > most && width <= PHRASE_MAX)
			most = width;
	}
	return most;
}

/* Beside the phrase, or below it when it is too long for that. */
static void
print_seen(const struct json *c, int at, int column)
{
	struct str seen = text_of(c, "seen"), problem = text_of(c, "problem");
	struct str note = text_of(c, "note");
	struct buf b;

	if (json_get(c, "seen") == NULL) {
		putchar('\n');
		return;
	}
	buf_init(&b, seen.n + problem.n + note.n + 32);
	buf_printf(&b, "saw %.*s", STR_ARG(seen));
	if (problem.n > 0)
		buf_printf(&b, " (%.*s)", STR_ARG(problem));
	if (note.n > 0)
		buf_printf(&b, " [%.*s]", STR_ARG(note));
	if (at > column || column + print_width(buf_str(&b)) > PRINT_WIDTH) {
		putchar('\n');
		at = 0;
		column = SEEN_AT;
	}
	printf("%*s", column - at, "");
	print_wrapped(buf_str(&b), column, column + 4);
	buf_done(&b);
}

static void
print_condition(const struct json *c, int phrases)
{
	struct str answer = text_of(c, "answer");
	struct buf plain, visible;
	struct str words = visible_phrase(c, &plain, &visible);
	int width = print_width(words);

	printf("%*s", ANSWER_AT, "");
	print_painted(paint_of(answer), answer);
	printf("%*s", PHRASE_AT - ANSWER_AT - print_width(answer), "");
	fwrite(words.p, 1, words.n, stdout);
	print_seen(c, PHRASE_AT + width, PHRASE_AT + (width > phrases ? 2 : phrases + 2));
	buf_done(&plain);
	buf_done(&visible);
}

/* Only where something was left unasked does it matter where it stopped. */
static void
print_conditions(const struct json *conditions, struct str answer)
{
	int phrases = widest(conditions);

	for (const struct json *c = json_first(conditions); c != NULL; c = json_next(c)) {
		print_condition(c, phrases);
		if (!json_true(json_get(c, "stopped")) || json_next(c) == NULL)
			continue;
		printf("%*s", PHRASE_AT, "");
		print_painted(PAINT_FAINT, str_is(answer, "unsure")
					       ? STR("stopped here: it stays open")
					       : STR("stopped here: the answer is known"));
		putchar('\n');
	}
}

/* ---- rules ---- */

/* "vm yes, lab no, test not asked" */
static void
print_expression(const struct json *rule)
{
	const char *between = "";

	if (json_get(rule, "condition") == NULL)
		return;
	printf("%*s%-*s", ANSWER_AT, "", PHRASE_AT - ANSWER_AT, "condition");
	print_wrapped(text_of(rule, "condition"), PHRASE_AT, PHRASE_AT);
	printf("%*s", PHRASE_AT, "");
	for (const struct json *s = json_first(json_get(rule, "selections")); s != NULL;
	     s = json_next(s)) {
		fputs(between, stdout);
		output_text(stdout, text_of(s, "name"));
		fputs(": ", stdout);
		print_painted(paint_of(text_of(s, "answer")), text_of(s, "answer"));
		between = ", ";
	}
	putchar('\n');
}

static void
print_rule(const struct json *r)
{
	struct str answer = text_of(r, "answer");
	int64_t number = 0;

	fputs("\nrule ", stdout);
	print_painted(PAINT_TITLE, text_of(r, "rule"));
	putchar(' ');
	print_painted(paint_of(answer), str_is(answer, "yes")  ? STR("fires")
					: str_is(answer, "no") ? STR("does not fire")
							       : STR("cannot be decided"));
	if (text_of(r, "muted").n > 0) {
		fputs(", muted: ", stdout);
		output_text(stdout, text_of(r, "muted"));
	}
	json_int(json_get(r, "line"), &number);
	fputs("  (", stdout);
	output_text(stdout, text_of(r, "file"));
	printf(":%d)\n", (int)number);
	print_expression(r);
	print_conditions(json_get(r, "conditions"), answer);
}

static void
print_not_reached(const struct json *n)
{
	struct buf b;
	int64_t rules = 0;
	const char *between = " ";

	if (n == NULL)
		return;
	json_int(json_get(n, "rules"), &rules);
	buf_init(&b, 64 * 1024);
	buf_printf(&b, "%s", rules == 1 ? "rule" : "rules");
	for (const struct json *r = json_first(json_get(n, "first")); r != NULL; r = json_next(r)) {
		buf_printf(&b, "%s%.*s", between, STR_ARG(json_text(r)));
		between = ", ";
	}
	if (rules > (int64_t)json_count(json_get(n, "first")))
		buf_printf(
		    &b, " and %" PRId64 " more", rules - (int64_t)json_count(json_get(n, "first")));
	buf_printf(&b, " %s not asked: %.*s has fired, and says stop", rules == 1 ? "is" : "are",
	    STR_ARG(text_of(n, "stopped_by")));
	putchar('\n');
	print_wrapped(buf_str(&b), 0, 2);
	buf_done(&b);
}

void
trace_print(const struct json *trace, bool brief)
{
	int64_t left_out = 0;

	for (const struct json *r = json_first(json_get(trace, "rules")); r != NULL;
	     r = json_next(r))
		if (!brief || !str_is(text_of(r, "answer"), "no"))
			print_rule(r);
	print_not_reached(json_get(trace, "not_reached"));
	if (json_int(json_get(trace, "left_out"), &left_out) && left_out > 0)
		printf("\n%" PRId64 " more rule%s said no and %s not listed\n", left_out,
		    left_out == 1 ? "" : "s", left_out == 1 ? "is" : "are");
}
