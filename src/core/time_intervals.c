/*
 * Happy path: each entry becomes ranges of numbers; a moment is taken apart in the entry's zone and
 * held against them.
 * What can go wrong: words that are no day or month, ranges that run backwards, zones that the
 * system does not have; each is told at its place.
 *
 * A zone says what its clocks show at a moment, so there is nothing to decide where they are set:
 * an hour that is left out never comes, one that is there twice holds both times.
 */
#include "time_intervals.h"

#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/zone.h"
#include "rule_params.h"

#define DAY_MINUTES (24 * 60)
#define NAMES_TEXT_MAX 400

struct range {
	int from, to; /* a day of the month below zero counts from its end */
};

struct ranges {
	struct range *list;
	size_t n;
	bool written; /* or everything holds */
};

enum part { PART_WEEKDAYS, PART_DAYS, PART_MONTHS, PART_YEARS, PARTS };

struct entry {
	struct ranges parts[PARTS];
	struct ranges times; /* minutes of the day; the last one is not in it */
	struct zone *zone;   /* NULL: UTC */
};

struct time_interval {
	const struct yaml *key; /* its name */
	struct str name;
	struct entry *entries;
	size_t n;
	bool used;
};

struct time_intervals {
	const struct rules_outside *outside;
	struct arena *arena;
	struct time_interval *list[TIME_INTERVALS_MAX];
	size_t n;
};

static const struct param time_params[] = {
	{ .name = "start_time", .type = PARAM_TEXT, .required = true, .help = "From, 08:00." },
	{ .name = "end_time",
	    .type = PARAM_TEXT,
	    .required = true,
	    .help = "Until, 18:00; 24:00 is the end of the day." },
	{ .name = NULL },
};

static const struct param entry_params[] = {
	{ .name = "times",
	    .type = PARAM_GROUP,
	    .list = true,
	    .group = time_params,
	    .help = "Times of the day." },
	{ .name = "weekdays",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "Days of the week, monday or monday:friday." },
	{ .name = "days_of_month",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "Days of the month, 1 or 1:5; -1 is its last one." },
	{ .name = "months",
	    .type = PARAM_TEXT,
	    .list = true,
	    .help = "Months, december, 12 or january:march." },
	{ .name = "years", .type = PARAM_TEXT, .list = true, .help = "Years, 2026 or 2026:2028." },
	{ .name = "location",
	    .type = PARAM_TEXT,
	    .fallback = "UTC",
	    .help = "The time zone, Europe/Berlin." },
	{ .name = NULL },
};

const struct param time_interval_params[] = {
	{ .name = "name", .type = PARAM_TEXT, .required = true, .help = "What rules call it." },
	{ .name = "time_intervals",
	    .type = PARAM_GROUP,
	    .list = true,
	    .group = entry_params,
	    .required = true,
	    .help = "The times; one of them must hold." },
	{ .name = NULL },
};

static const char *const weekday_names[] = { "sunday", "monday", "tuesday", "wednesday", "thursday",
	"friday", "saturday" };
static const char *const month_names[] = { "january", "february", "march", "april", "may", "june",
	"july", "august", "september", "october", "november", "december" };

/* What may stand in a range; numbers when max is not 0. */
static const struct part_row {
	const char *key, *what;
	const char *const *names;
	size_t n_names;
	int first; /* the number of the first name */
	int min, max;
} part_rows[PARTS] = {
	[PART_WEEKDAYS] = { "weekdays", "a day such as monday", weekday_names, 7, 0, 0, 0 },
	[PART_DAYS] = { "days_of_month", "a day from 1 to 31, or -1 to -31 from the end", NULL, 0,
	    0, -31, 31 },
	[PART_MONTHS] = { "months", "a month such as may, or 1 to 12", month_names, 12, 1, 1, 12 },
	[PART_YEARS] = { "years", "a year such as 2026", NULL, 0, 0, 1970, 9999 },
};

struct time_intervals *
time_intervals_new(const struct rules_outside *outside, struct arena *a)
{
	struct time_intervals *t = arena_alloc(a, sizeof(*t));

	t->outside = outside;
	t->arena = a;
	return t;
}

void
time_intervals_free(struct time_intervals *t)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->list[i]->n; k++)
			zone_close(t->list[i]->entries[k].zone);
}

/* ---- reading ---- */

static bool
wrong_word(const struct part_row *row, const struct yaml *y, struct str word, struct diags *d)
{
	const char *near = row->names == NULL ? NULL : str_nearest(word, row->names, row->n_names);

	if (near != NULL)
		yaml_error(
		    d, y, "'%.*s' is not %s, did you mean '%s'?", STR_ARG(word), row->what, near);
	else
		yaml_error(d, y, "'%.*s' is not %s", STR_ARG(word), row->what);
	return false;
}

static bool
read_word(
    const struct part_row *row, const struct yaml *y, struct str word, int *out, struct diags *d)
{
	int64_t number;

	for (size_t i = 0; i < row->n_names; i++)
		if (str_is_nocase(word, row->names[i])) {
			*out = row->first + (int)i;
			return true;
		}
	if (row->max == 0 || !str_to_int(word, row->min, row->max, &number) ||
	    (row->min < 0 && number == 0))
		return wrong_word(row, y, word, d);
	*out = (int)number;
	return true;
}

/* "monday" or "monday:friday" */
static bool
read_range(const struct part_row *row, const struct yaml *y, struct range *out, struct diags *d)
{
	struct str to = y->text, from;

	str_next(&to, ':', &from);
	if (!read_word(row, y, str_trim(from), &out->from, d))
		return false;
	out->to = out->from;
	if (to.p != NULL && !read_word(row, y, str_trim(to), &out->to, d))
		return false;
	if (out->from < 0 && out->to > 0)
		yaml_error(d, y, "a range that begins at the end of the month ends there, too");
	else if (out->from > out->to && !(out->from > 0 && out->to < 0))
		yaml_error(d, y,
		    "the range runs backwards: write what is before and behind the turn "
		    "as two%s",
		    row->names == weekday_names ? "; the week begins with sunday" : "");
	else
		return true;
	return false;
}

static size_t
length(const struct yaml *list)
{
	return list == NULL ? 0 : list->type == YAML_SEQUENCE ? list->n : 1;
}

static void
read_part(struct time_intervals *t, const struct yaml *y, enum part part, struct entry *e,
    struct diags *d)
{
	const struct part_row *row = &part_rows[part];
	const struct yaml *list = yaml_get(y, row->key);
	struct ranges *r = &e->parts[part];

	r->written = list != NULL;
	r->list = arena_alloc(t->arena, length(list) * sizeof(*r->list));
	if (list != NULL && length(list) == 0)
		yaml_error(d, list, "an empty list can never match");
	for (size_t i = 0; i < length(list); i++) {
		const struct yaml *one = yaml_entry(list, i);

		if (one->type == YAML_SCALAR && !one->null &&
		    read_range(row, one, &r->list[r->n], d))
			r->n++;
	}
}

/* "08:00" to "24:00" */
static bool
read_time(const struct yaml *y, int *out, struct diags *d)
{
	int64_t hour, minute;

	if (y->text.n == 5 && y->text.p[2] == ':' &&
	    str_to_int(str_slice(y->text, 0, 2), 0, 24, &hour) &&
	    str_to_int(str_slice(y->text, 3, 5), 0, 59, &minute) &&
	    60 * hour + minute <= DAY_MINUTES) {
		*out = (int)(60 * hour + minute);
		return true;
	}
	yaml_error(d, y, "'%.*s' is no time from 00:00 to 24:00", STR_ARG(y->text));
	return false;
}

static void
read_times(struct time_intervals *t, const struct yaml *y, struct entry *e, struct diags *d)
{
	const struct yaml *list = yaml_get(y, "times");

	e->times.written = list != NULL;
	e->times.list = arena_alloc(t->arena, length(list) * sizeof(*e->times.list));
	if (list != NULL && length(list) == 0)
		yaml_error(d, list, "an empty list can never match");
	for (size_t i = 0; i < length(list); i++) {
		const struct yaml *one = yaml_entry(list, i), *from, *to;
		struct range r;

		from = one->type == YAML_MAPPING ? yaml_get(one, "start_time") : NULL;
		to = one->type == YAML_MAPPING ? yaml_get(one, "end_time") : NULL;
		if (from == NULL || to == NULL || from->type != YAML_SCALAR ||
		    to->type != YAML_SCALAR || !read_time(from, &r.from, d) ||
		    !read_time(to, &r.to, d))
			continue;
		if (r.from >= r.to)
			yaml_error(d, to,
			    "end_time is not behind start_time: over midnight write two, "
			    "to 24:00 and from 00:00");
		e->times.list[e->times.n++] = r;
	}
}

static void
read_location(struct time_intervals *t, const struct yaml *y, struct entry *e, struct diags *d)
{
	const struct yaml *location = yaml_get(y, "location");
	struct err why;

	if (location == NULL || location->type != YAML_SCALAR || str_is(location->text, "UTC"))
		return;
	if (t->outside->zone == NULL)
		fail(&why, ERR_INPUT, "no time zones are known here");
	else
		e->zone = t->outside->zone(location->text, &why);
	if (e->zone == NULL)
		yaml_error(d, location, "%s", why.text);
}

static void
read_entries(
    struct time_intervals *t, const struct yaml *list, struct time_interval *out, struct diags *d)
{
	out->entries = arena_alloc(t->arena, length(list) * sizeof(*out->entries));
	for (size_t i = 0; i < length(list); i++) {
		const struct yaml *y = yaml_entry(list, i);
		struct entry *e = &out->entries[out->n++];

		if (y->type != YAML_MAPPING)
			continue;
		for (enum part part = PART_WEEKDAYS; part < PARTS; part++)
			read_part(t, y, part, e, d);
		read_times(t, y, e, d);
		read_location(t, y, e, d);
	}
}

static struct time_interval *
find(const struct time_intervals *t, struct str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->list[i]->name, name))
			return t->list[i];
	return NULL;
}

static void
read_interval(struct time_intervals *t, const struct yaml *y, struct diags *d)
{
	struct time_interval *one = arena_alloc(t->arena, sizeof(*one)), *other;

	if (y->type != YAML_MAPPING) {
		yaml_error(d, y, "a time interval is {name: ..., time_intervals: [...]}, not %s",
		    yaml_type_name(y));
		return;
	}
	(void)params_read(time_interval_params, y, t->arena, d);
	one->key = yaml_get(y, "name");
	if (one->key == NULL || one->key->type != YAML_SCALAR)
		return;
	one->name = arena_str(t->arena, one->key->text);
	other = find(t, one->name);
	if (other != NULL)
		yaml_error(d, one->key, "the name '%.*s' is taken: %s:%d", STR_ARG(one->name),
		    other->key->source->name, other->key->line);
	else if (t->n == TIME_INTERVALS_MAX)
		yaml_error(d, one->key, "more than %d time intervals", TIME_INTERVALS_MAX);
	else
		t->list[t->n++] = one;
	if (other == NULL && yaml_get(y, "time_intervals") != NULL)
		read_entries(t, yaml_get(y, "time_intervals"), one, d);
}

void
time_intervals_add(struct time_intervals *t, const struct yaml *list, struct diags *d)
{
	if (list->type != YAML_SEQUENCE)
		yaml_error(d, list,
		    "time_intervals are a list of {name: ..., time_intervals: [...]}, "
		    "not %s",
		    yaml_type_name(list));
	for (size_t i = 0; list->type == YAML_SEQUENCE && i < list->n; i++)
		read_interval(t, list->items[i], d);
}

void
time_intervals_take(struct time_intervals *t, const struct yaml *names,
    struct time_interval_list *out, struct diags *d)
{
	const char *known[TIME_INTERVALS_MAX], *near;

	for (size_t i = 0; i < t->n; i++)
		known[i] = t->list[i]->name.p;
	if (length(names) > 0)
		out->list = arena_alloc(t->arena, length(names) * sizeof(struct time_interval *));
	for (size_t i = 0; i < length(names); i++) {
		const struct yaml *y = yaml_entry(names, i);
		struct time_interval *one = y->type == YAML_SCALAR ? find(t, y->text) : NULL;

		if (one != NULL) {
			one->used = true;
			out->list[out->n++] = one;
			continue;
		}
		near = y->type == YAML_SCALAR ? str_nearest(y->text, known, t->n) : NULL;
		if (near != NULL)
			yaml_error(d, y, "there is no time interval '%.*s', did you mean '%s'?",
			    STR_ARG(y->text), near);
		else if (y->type == YAML_SCALAR)
			yaml_error(d, y, "there is no time interval '%.*s'", STR_ARG(y->text));
	}
}

void
time_intervals_unused(const struct time_intervals *t, struct diags *d)
{
	for (size_t i = 0; i < t->n; i++)
		if (!t->list[i]->used)
			yaml_warning(d, t->list[i]->key, "no rule uses the time interval '%.*s'",
			    STR_ARG(t->list[i]->name));
}

/* ---- a moment ---- */

static int
days_in_month(const struct tm *t)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = t->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[t->tm_mon] + (t->tm_mon == 1 && leap);
}

static int
part_of(const struct tm *t, enum part part)
{
	switch (part) {
	case PART_WEEKDAYS:
		return t->tm_wday;
	case PART_DAYS:
		return t->tm_mday;
	case PART_MONTHS:
		return t->tm_mon + 1;
	case PART_YEARS:
		return t->tm_year + 1900;
	case PARTS:
		break;
	}
	return 0;
}

static bool
holds(const struct ranges *r, int value, int days)
{
	for (size_t i = 0; i < r->n; i++) {
		int from = r->list[i].from, to = r->list[i].to;

		from += from < 0 ? days + 1 : 0;
		to += to < 0 ? days + 1 : 0;
		if (value >= from && value <= to)
			return true;
	}
	return !r->written;
}

static bool
is_in(const struct entry *e, int64_t ms)
{
	int64_t utc_s = ms / 1000 - (ms % 1000 < 0);
	time_t local = utc_s + (e->zone == NULL ? 0 : zone_offset_s(e->zone, utc_s));
	struct tm t;
	int minute;

	if (gmtime_r(&local, &t) == NULL)
		return false;
	for (enum part part = PART_WEEKDAYS; part < PARTS; part++)
		if (!holds(&e->parts[part], part_of(&t, part), days_in_month(&t)))
			return false;
	minute = 60 * t.tm_hour + t.tm_min;
	for (size_t i = 0; i < e->times.n; i++)
		if (minute >= e->times.list[i].from && minute < e->times.list[i].to)
			return true;
	return !e->times.written;
}

struct str
time_intervals_at(const struct time_interval_list *l, int64_t ms)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < l->list[i]->n; k++)
			if (is_in(&l->list[i]->entries[k], ms))
				return l->list[i]->name;
	return STR_EMPTY;
}

struct str
time_intervals_names(const struct time_interval_list *l, struct arena *a)
{
	struct buf b;

	buf_init(&b, NAMES_TEXT_MAX);
	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(l->list[i]->name));
	return buf_to_arena(&b, a);
}
