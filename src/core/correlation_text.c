#include "correlation_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define SEEN_MAX 1000
#define DATE 11 /* "2026-11-29T" */

static void
add_until(struct buf *b, int64_t from_ms, int64_t to_ms)
{
	char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX];
	bool same_day;

	clock_format(from_ms, from);
	clock_format(to_ms, to);
	same_day = strncmp(from, to, DATE) == 0;
	buf_add_cstr(b, same_day ? to + DATE : to);
}

static void
add_time(struct buf *b, int64_t from_ms, int64_t to_ms)
{
	char from[CLOCK_TEXT_MAX];

	if (from_ms / 1000 == to_ms / 1000) /* with the alert itself */
		return;
	clock_format(from_ms, from);
	buf_printf(b, ", from %s to ", from);
	add_until(b, from_ms, to_ms);
}

struct str
correlation_seen(const struct correlation *c, const struct seen_words *words, struct arena *a)
{
	bool rules = c->type == CORRELATION_TEMPORAL || c->type == CORRELATION_ORDERED;
	struct buf b;

	buf_init(&b, SEEN_MAX);
	if (c->type == CORRELATION_ORDERED && words->sure + words->unsure == 0) {
		buf_printf(&b, "no alert of '%.*s' behind one of each before",
		    STR_ARG(c->rules[c->n - 1]));
		return buf_to_arena(&b, a);
	}
	buf_printf(&b, "%zu", words->sure);
	if (rules)
		buf_printf(&b, " of %zu", c->n);
	if (words->unsure > 0)
		buf_printf(&b, " and %zu unsure", words->unsure);
	if (words->group.n > 0)
		buf_printf(&b, " with %.*s", STR_ARG(words->group));
	if (words->sure + words->unsure > 0)
		add_time(&b, words->oldest_ms, words->now_ms);
	for (size_t i = 0; i < words->n_values; i++)
		buf_printf(&b, "%s%.*s", i == 0 ? ": " : ", ", STR_ARG(words->values[i]));
	return buf_to_arena(&b, a);
}

struct str
correlation_quiet(const struct correlation *c, struct str group, const struct past_firing *before,
    bool sure, struct arena *a)
{
	char at[CLOCK_TEXT_MAX];
	struct buf b;

	buf_init(&b, SEEN_MAX);
	buf_add_cstr(&b, sure ? "it fired" : "it told that it cannot be decided");
	if (group.n > 0)
		buf_printf(&b, " for %.*s", STR_ARG(group));
	buf_printf(&b, " at %s", clock_format(before->at_ms, at));
	if (before->number > 0)
		buf_printf(&b, " on alert %" PRId64, before->number);
	buf_add_cstr(&b, " and is quiet until ");
	add_until(&b, before->at_ms, before->at_ms + c->timespan_ms);
	return buf_to_arena(&b, a);
}
