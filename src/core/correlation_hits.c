/*
 * Happy path: an alert that fits a counted rule is a hit in each group it belongs to.
 * What can go wrong: it lacks a field to group by: it is not counted.  A field could not be looked
 * at as a whole, or there are too many groups: it is a hit of any group, and unsure.
 */

#include "base/buf.h"
#include "core/text.h"
#include "counting.h"

const struct hash128 hash_none;
const struct hash128 hash_any = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

void
hit_alert(struct str alert_id, struct hash128 *out)
{
	hash128_plain(&alert_id, 1, out);
}

struct counting *
counting_new(const struct alert *al, const struct past *past, struct arena *a)
{
	struct counting *c = arena_alloc(a, sizeof(*c));

	*c = (struct counting){ .al = al, .past = past, .a = a };
	hit_alert(al->id, &c->alert);
	return c;
}

void
counting_done(const struct counting *c, struct counted *out)
{
	*out = (struct counted){ c->hits, c->n_hits, c->firings, c->n_firings };
}

/* ---- hits of an alert ---- */

/* The same values, compared without case, are the same group. */
static struct hash128
name_group(const struct counting *c, const struct str *values, size_t n, struct str *text)
{
	struct str parts[CORRELATION_FIELDS_MAX + 1];
	struct hash128 name;
	struct buf b;

	/* Samples are for trials: they count among themselves. */
	parts[0] = c->al->sample ? STR("sample") : STR_EMPTY;
	buf_init(&b, 4 * HIT_TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		parts[i + 1] = arena_lower(c->a, values[i]);
		buf_printf(&b, "%s", i == 0 ? "" : ", ");
		buf_add(&b, str_slice(values[i], 0, HIT_TEXT_MAX + 1));
	}
	hash128_plain(parts, n + 1, &name);
	*text = text_tame(buf_str(&b), HIT_TEXT_MAX, c->a);
	buf_done(&b);
	return name;
}

static struct hit *
add_hit(struct counting *c, const struct feed *f, bool sure)
{
	c->hits = arena_grow(c->a, c->hits, c->n_hits, &c->cap_hits, sizeof(*c->hits));
	c->hits[c->n_hits] = (struct hit){
		.feed = f->id, .group = hash_none, .sure = sure, .timespan_ms = f->timespan_ms
	};
	return &c->hits[c->n_hits++];
}

static bool
has_hit(
    const struct counting *c, size_t from, const struct hash128 *group, const struct hash128 *value)
{
	for (size_t i = from; i < c->n_hits; i++)
		if (hash128_eq(&c->hits[i].group, group) && hash128_eq(&c->hits[i].value, value))
			return true;
	return false;
}

/*
 * A field that names a resource names the one that is acted on: of an extension its machine.  An
 * empty value is as good as none.
 */
static void
values_of(const struct counting *c, struct str field, struct field_values *v)
{
	size_t kept = 0;

	alert_field(c->al, field, c->a, v);
	if (str_is_nocase(field, "resourceId") && v->n > 1)
		v->values[kept++] = v->values[v->n - 1];
	else
		for (size_t i = 0; i < v->n; i++)
			if (v->values[i].n > 0)
				v->values[kept++] = v->values[i];
	v->n = kept;
}

/* The values of all fields of one alert, and which of each is looked at: they are counted up. */
struct combination {
	struct field_values v[CORRELATION_FIELDS_MAX + 1];
	size_t at[CORRELATION_FIELDS_MAX + 1];
	size_t n;
	bool cut, absent;
};

static void
add_field(const struct counting *c, struct str field, struct combination *x)
{
	struct field_values *v = &x->v[x->n++];

	values_of(c, field, v);
	x->cut |= v->cut;
	x->absent |= v->n == 0 && !v->cut;
}

static bool
next_combination(struct combination *x)
{
	for (size_t i = x->n; i > 0; i--) {
		if (++x->at[i - 1] < x->v[i - 1].n)
			return true;
		x->at[i - 1] = 0;
	}
	return false;
}

static size_t
combinations(const struct combination *x)
{
	size_t n = 1;

	for (size_t i = 0; i < x->n; i++)
		n *= n > HITS_PER_ALERT_MAX ? 1 : x->v[i].n;
	return n;
}

static void
note_combination(
    struct counting *c, const struct feed *f, const struct combination *x, size_t from, bool sure)
{
	struct str values[CORRELATION_FIELDS_MAX], group_text, value = STR_EMPTY;
	struct hash128 group, name = hash_none;
	struct hit *hit;

	for (size_t i = 0; i < f->n; i++)
		values[i] = x->v[i].values[x->at[i]];
	group = name_group(c, values, f->n, &group_text);
	if (f->value.n > 0) {
		value = x->v[f->n].values[x->at[f->n]];
		name = name_group(c, &value, 1, &value);
	}
	if (has_hit(c, from, &group, &name))
		return;
	hit = add_hit(c, f, sure);
	hit->group = group;
	hit->value = name;
	hit->group_text = group_text;
	hit->value_text = value;
}

static void
note_feed(struct counting *c, const struct feed *f, bool sure)
{
	struct combination x = { .n = 0 };
	size_t from = c->n_hits, n = 0;
	struct hit *hit;

	for (size_t i = 0; i < f->n; i++)
		add_field(c, f->group_by[i], &x);
	if (f->value.n > 0)
		add_field(c, f->value, &x);
	if (x.absent)
		return;
	x.cut |= combinations(&x) > HITS_PER_ALERT_MAX;
	if (combinations(&x) > 0)
		do
			note_combination(c, f, &x, from, sure);
		while (++n < HITS_PER_ALERT_MAX && next_combination(&x));
	if (!x.cut)
		return;
	hit = add_hit(c, f, false);
	hit->group = hit->value = hash_any;
	hit->group_text = STR("(more than can be told)");
	hit->value_text = f->value.n > 0 ? hit->group_text : STR_EMPTY;
}

void
counting_note(struct counting *c, const struct verdict *v)
{
	for (size_t i = 0; v->answer != ANSWER_NO && i < v->rule->n_feeds; i++) {
		size_t from = c->n_hits;

		note_feed(c, v->rule->feeds[i], v->answer == ANSWER_YES);
		c->noted = arena_grow(c->a, c->noted, c->n_noted, &c->cap_noted, sizeof(*c->noted));
		c->noted[c->n_noted++] = (struct noted){ v->rule->feeds[i], from, c->n_hits };
	}
}
