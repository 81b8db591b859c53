/*
 * Happy path: the words of a person become a matcher as rules have it; the first silence in force
 * whose matcher says yes holds the notification back.
 * What can go wrong: a matcher that cannot be read is refused when it is said; a limit of the
 * matcher says unsure, and then people are told.
 */
#include "core/silence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/text.h"
#include "matcher.h"
#include "rule_index.h"

struct silences {
	struct arena *arena;
	struct silence *list;
	struct rule *rules; /* the matcher of each, for the index */
	size_t n;
	struct rule_index *index; /* NULL: there are few */
};

/* ---- matchers ---- */

static struct yaml *
scalar(const struct source *src, struct str text, size_t at, struct arena *a)
{
	struct yaml *y = arena_alloc(a, sizeof(*y));

	*y = (struct yaml){
		.type = YAML_SCALAR, .source = src, .line = 1, .col = 1, .text = text, .plain = true
	};
	for (size_t i = 0; i < at; i++) /* in characters */
		y->col += ((unsigned char)src->text.p[i] & 0xc0) != 0x80;
	return y;
}

/* Alertmanager's operators that rules write as modifiers. */
static const char *
instead_of(struct str matcher, size_t equals)
{
	if (equals > 0 && matcher.p[equals - 1] == '!')
		return "FIELD|neq=VALUE";
	if (equals + 1 < matcher.n && matcher.p[equals + 1] == '~')
		return "FIELD|re=VALUE";
	return NULL;
}

/* "field|modifier=value" */
static bool
read_matcher(struct str matcher, struct arena *a, struct yaml_pair *out, struct diags *d)
{
	struct source *src = arena_alloc(a, sizeof(*src));
	const char *equals = memchr(matcher.p, '=', matcher.n), *instead;
	size_t at = equals == NULL ? matcher.n : (size_t)(equals - matcher.p);

	*src = (struct source){ "matcher", matcher };
	out->key = scalar(src, str_slice(matcher, 0, at), 0, a);
	out->value = scalar(src, str_slice(matcher, at + 1, matcher.n), at + 1, a);
	instead = instead_of(matcher, at);
	if (matcher.n > SILENCE_MATCHER_MAX)
		yaml_error(d, out->key, "a matcher has at most %d bytes", SILENCE_MATCHER_MAX);
	else if (equals == NULL || at == 0)
		yaml_error(d, out->key,
		    "a matcher is FIELD=VALUE or FIELD|MODIFIER=VALUE, such as "
		    "resourceGroup=rg-lab");
	else if (instead != NULL)
		yaml_error(d, out->key, "a matcher has the rules' words: %s", instead);
	else if (str_is(out->key->text, "condition"))
		yaml_error(d, out->key, "a matcher names a field; all matchers must hold");
	else
		return true;
	return false;
}

/* All must hold; NULL when d got errors. */
static struct matcher *
read_matchers(const struct str *words, size_t n, struct arena *a, struct diags *d)
{
	struct yaml_pair *pairs = arena_alloc(a, n * sizeof(*pairs));
	struct yaml match = { .type = YAML_MAPPING, .n = n, .pairs = pairs };
	const struct rules_outside no_files = { .check = NULL };
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = read_matcher(words[i], a, &pairs[i], d) && ok;
	return ok ? match_parse(&match, rule_lists_new(&no_files, a), a, d) : NULL;
}

/* Does it hold for an alert that says nothing?  Then it holds for nearly all. */
static bool
fits_nothing(const struct matcher *m, int64_t now_ms, struct arena *a)
{
	const struct event none = { .kind = EVENT_NOTIFICATION };
	const struct alert empty = { .form = "flat", .event = &none, .fields = json_object(a) };
	struct verdict v = { .rule = NULL };

	matcher_judge(m, inquiry_new(&empty, now_ms, a), &v);
	return v.answer == ANSWER_YES;
}

/* ---- what a person says ---- */

const char *
silence_state(const struct silence *s, int64_t now_ms)
{
	return now_ms >= s->ends_ms ? "expired" : now_ms < s->starts_ms ? "pending" : "active";
}

void
silence_read(const struct json *j, struct arena *a, struct silence *out)
{
	const struct json *list = json_get(j, "matchers");
	struct str *words = arena_alloc(a, json_count(list) * sizeof(*words));

	*out = (struct silence){ .matchers = words,
		.owner = json_text(json_get(j, "owner")),
		.reason = str_trim(json_text(json_get(j, "reason"))) };
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
		words[out->n_matchers++] = json_text(i);
	json_int(json_get(j, "starts_ms"), &out->starts_ms);
	json_int(json_get(j, "ends_ms"), &out->ends_ms);
}

static bool
check_times(const struct silence *s, int64_t now_ms, struct arena *a, struct err *e)
{
	if (s->ends_ms <= now_ms)
		return fail(e, ERR_INPUT, "it would have ended already");
	if (s->ends_ms <= s->starts_ms)
		return fail(e, ERR_INPUT, "it would end before it starts");
	if (s->starts_ms - now_ms > SILENCE_AHEAD_MAX_MS)
		return fail(e, ERR_INPUT, "a silence starts at most %s ahead",
		    text_duration(SILENCE_AHEAD_MAX_MS, a));
	return s->ends_ms - (s->starts_ms > now_ms ? s->starts_ms : now_ms) <=
		   SILENCE_LENGTH_MAX_MS ||
	       fail(e, ERR_INPUT, "a silence holds at most %s; it can be extended while it does",
		   text_duration(SILENCE_LENGTH_MAX_MS, a));
}

static bool
check_words(const struct silence *s, struct err *e)
{
	if (s->n_matchers == 0)
		return fail(
		    e, ERR_INPUT, "a silence needs a matcher, such as resourceGroup=rg-lab");
	if (s->n_matchers > SILENCE_MATCHERS_MAX)
		return fail(
		    e, ERR_INPUT, "a silence has at most %d matchers", SILENCE_MATCHERS_MAX);
	if (s->reason.n == 0)
		return fail(e, ERR_INPUT, "a silence needs a reason");
	if (s->reason.n > SILENCE_REASON_MAX)
		return fail(e, ERR_INPUT, "a reason has at most %d bytes", SILENCE_REASON_MAX);
	return s->owner.n <= SILENCE_OWNER_MAX ||
	       fail(e, ERR_INPUT, "an owner's name has at most %d bytes", SILENCE_OWNER_MAX);
}

bool
silence_check(
    const struct silence *s, int64_t now_ms, struct arena *a, struct diags *d, struct err *e)
{
	struct matcher *m;
	bool all;

	if (!check_words(s, e) || !check_times(s, now_ms, a, e))
		return false;
	m = read_matchers(s->matchers, s->n_matchers, a, d);
	if (m == NULL)
		return diags_fail(d, e);
	all = fits_nothing(m, now_ms, a);
	matcher_done(m);
	return !all || fail(e, ERR_INPUT,
			   "it would silence all alerts that lack the field: one "
			   "matcher must ask for a value");
}

struct str
silence_words(const struct silence *s, struct arena *a)
{
	char until[CLOCK_TEXT_MAX];

	return arena_printf(a, "silenced by #%" PRId64 " (%.*s, until %s): %.*s", s->id,
	    STR_ARG(text_tame(s->owner, SILENCE_OWNER_MAX, a)), clock_format(s->ends_ms, until),
	    STR_ARG(text_tame(s->reason, SILENCE_REASON_MAX, a)));
}

/* ---- all of them ---- */

static void
copy(struct silences *all, const struct silence *from, struct diags *d)
{
	struct arena *a = all->arena;
	struct str *words = arena_alloc(a, from->n_matchers * sizeof(*words));
	struct silence *s = &all->list[all->n];
	struct matcher *m;

	for (size_t i = 0; i < from->n_matchers; i++)
		words[i] = arena_str(a, from->matchers[i]);
	m = read_matchers(words, from->n_matchers, a, d);
	if (m == NULL)
		return;
	*s = *from;
	s->matchers = words;
	s->owner = arena_str(a, from->owner);
	s->reason = arena_str(a, from->reason);
	all->rules[all->n++] = (struct rule){ .matcher = m };
}

struct silences *
silences_new(const struct silence *list, size_t n)
{
	struct silences *all = xcalloc(1, sizeof(*all));
	struct diags d;

	all->arena = arena_new();
	all->list = arena_alloc(all->arena, n * sizeof(*all->list));
	all->rules = arena_alloc(all->arena, n * sizeof(*all->rules));
	diags_init(&d, all->arena);
	for (size_t i = 0; i < n; i++)
		copy(all, &list[i], &d);
	if (all->n >= RULE_INDEX_FROM)
		all->index = rule_index_new(all->rules, all->n);
	return all;
}

void
silences_free(struct silences *all)
{
	if (all == NULL)
		return;
	for (size_t i = 0; i < all->n; i++)
		matcher_done(all->rules[i].matcher);
	rule_index_free(all->index);
	arena_free(all->arena);
	free(all);
}

const struct silence *
silences_find(const struct silences *all, const struct alert *al, int64_t now_ms, struct arena *a)
{
	const uint64_t *may;
	struct inquiry *q;

	if (all == NULL || all->n == 0)
		return NULL;
	may = all->index == NULL ? NULL : rule_index_ask(all->index, al, a);
	q = inquiry_new(al, now_ms, a);
	for (size_t i = 0; i < all->n; i++) {
		const struct silence *s = &all->list[i];
		struct verdict v = { .rule = NULL };

		if (now_ms < s->starts_ms || now_ms >= s->ends_ms ||
		    (may != NULL && (may[i / 64] >> (i % 64) & 1) == 0))
			continue;
		matcher_judge(all->rules[i].matcher, q, &v);
		if (v.answer == ANSWER_YES)
			return s;
	}
	return NULL;
}
