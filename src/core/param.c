/*
 * Happy path: every key of the mapping is found in the table, its value is read as the table's
 * type. What can go wrong: each mistake is reported at its own place and the rest is read on, so
 * that one run shows them all.
 */
#include "core/param.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "core/resource_id.h"
#include "endpoint.h"

/* So few keys are listed where an unknown one is like none of them. */
#define LISTED_MAX 8
#define NAMES_MAX 64
#define NAME_MAX_BYTES 64

struct reader {
	struct arena *arena;
	struct diags *diags;
	const char *called; /* the name in messages, when it is another */
};

/* ---- scalars: text to JSON, or a sentence about what was expected ---- */

/* NULL: e says why. */
typedef struct json *
convert(const struct param *p, struct str text, struct arena *a, struct err *e);

static struct json *
to_text(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	(void)p;
	if (text.n > 0)
		return json_string(text, a);
	fail(e, ERR_INPUT, "must not be empty");
	return NULL;
}

static struct json *
to_bool(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	(void)p;
	if (str_is(text, "true") || str_is(text, "false"))
		return json_boolean(text.p[0] == 't', a);
	fail(e, ERR_INPUT, "must be true or false, not '%.*s'", STR_ARG(text));
	return NULL;
}

static struct json *
to_integer(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	int64_t n;

	if (str_to_int(text, p->min, p->max, &n))
		return json_integer(n, a);
	fail(e, ERR_INPUT, "must be a whole number from %" PRId64 " to %" PRId64 ", not '%.*s'",
	    p->min, p->max, STR_ARG(text));
	return NULL;
}

/* "5m", the largest unit that gives a whole number. */
static struct str
duration_text(int64_t ms, struct arena *a)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (ms >= units[i].ms && ms % units[i].ms == 0)
			return arena_printf(a, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
	return arena_printf(a, "%" PRId64 "ms", ms);
}

static struct json *
to_duration(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	int64_t ms;

	if (!str_to_duration_ms(text, &ms, e))
		return NULL;
	if (ms >= p->min && ms <= p->max)
		return json_integer(ms, a);
	fail(e, ERR_INPUT, "must be from %.*s to %.*s, not '%.*s'",
	    STR_ARG(duration_text(p->min, a)), STR_ARG(duration_text(p->max, a)), STR_ARG(text));
	return NULL;
}

static struct json *
to_size(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	static const struct {
		const char *unit;
		int64_t bytes;
	} units[] = { { "", 1 }, { "KiB", 1024 }, { "MiB", 1024 * 1024 },
		{ "GiB", 1024 * 1024 * 1024 } };
	size_t digits = 0;
	int64_t n;

	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_is(str_slice(text, digits, text.n), units[i].unit) ||
		    !str_to_int(str_slice(text, 0, digits), 0, 1000000000, &n))
			continue;
		if (n * units[i].bytes >= p->min && n * units[i].bytes <= p->max)
			return json_integer(n * units[i].bytes, a);
		fail(e, ERR_INPUT, "must be from %" PRId64 " to %" PRId64 " bytes, not '%.*s'",
		    p->min, p->max, STR_ARG(text));
		return NULL;
	}
	fail(e, ERR_INPUT, "must be a size such as 512KiB or 4MiB, not '%.*s'", STR_ARG(text));
	return NULL;
}

static size_t
split_choices(const struct param *p, const char *names[NAMES_MAX], struct arena *a)
{
	struct str rest = str_of(p->choices), name;
	size_t n = 0;

	while (n < NAMES_MAX && str_next(&rest, '|', &name))
		names[n++] = arena_cstr(a, name);
	return n;
}

static struct json *
to_choice(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	const char *names[NAMES_MAX], *near;
	size_t n = split_choices(p, names, a);
	struct buf all;

	for (size_t i = 0; i < n; i++)
		if (str_is(text, names[i]))
			return json_string(text, a);
	near = str_nearest(text, names, n);
	if (near != NULL) {
		fail(e, ERR_INPUT, "is '%.*s', did you mean '%s'?", STR_ARG(text), near);
		return NULL;
	}
	buf_init(&all, 1024);
	for (size_t i = 0; i < n; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", names[i]);
	fail(e, ERR_INPUT, "must be %s, not '%.*s'", buf_cstr(&all), STR_ARG(text));
	buf_done(&all);
	return NULL;
}

static struct json *
to_port(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	int64_t n;

	(void)p;
	if (str_to_int(text, 1, 65535, &n))
		return json_integer(n, a);
	fail(e, ERR_INPUT, "must be a port from 1 to 65535, not '%.*s'", STR_ARG(text));
	return NULL;
}

static struct json *
to_cidr(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	struct str rest = text, address = STR_EMPTY;
	unsigned char bytes[16];
	int64_t length;
	const char *host;
	bool v6, ok;

	(void)p;
	str_next(&rest, '/', &address);
	host = arena_cstr(a, address);
	v6 = inet_pton(AF_INET6, host, bytes) == 1;
	ok = v6 || inet_pton(AF_INET, host, bytes) == 1;
	if (ok && rest.p != NULL)
		ok = str_to_int(rest, 0, v6 ? 128 : 32, &length);
	if (ok)
		return json_string(text, a);
	fail(e, ERR_INPUT, "must be an address or a range such as 203.0.113.0/24, not '%.*s'",
	    STR_ARG(text));
	return NULL;
}

/* Tokens and alerts go to these: only encrypted, or without leaving the machine. */
static struct json *
to_url(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	struct str scheme, host;

	if (!endpoint_parse_url(text, &scheme, &host)) {
		fail(e, ERR_INPUT,
		    "must be an address such as https://host or https://host:8443/path, not '%.*s'",
		    STR_ARG(text));
		return NULL;
	}
	if (str_is(scheme, "https") || endpoint_is_loopback(host) ||
	    str_is_nocase(host, "localhost") || (p->choices != NULL && str_is(host, p->choices)))
		return json_string(text, a);
	fail(e, ERR_INPUT, "must begin with https://: http is for this machine alone, not '%.*s'",
	    STR_ARG(text));
	return NULL;
}

static struct json *
to_resource_id(const struct param *p, struct str text, struct arena *a, struct err *e)
{
	struct resource_id id;

	(void)p;
	return resource_id_parse(text, &id, e) ? json_string(text, a) : NULL;
}

static convert *const converts[] = {
	[PARAM_TEXT] = to_text,
	[PARAM_BOOL] = to_bool,
	[PARAM_INTEGER] = to_integer,
	[PARAM_DURATION] = to_duration,
	[PARAM_SIZE] = to_size,
	[PARAM_CHOICE] = to_choice,
	[PARAM_PORT] = to_port,
	[PARAM_CIDR] = to_cidr,
	[PARAM_URL] = to_url,
	[PARAM_RESOURCE_ID] = to_resource_id,
	[PARAM_TEXT_OR_TREE] = to_text,
};

static bool
is_scalar(enum param_type type)
{
	return type < PARAM_GROUP;
}

/* ---- mappings ---- */

static struct json *read_one(struct reader *r, const struct param *p, const struct yaml *y);
static struct json *
read_table(struct reader *r, const struct param *table, const struct yaml *y, const char *called);

static const struct param *
find(const struct param *table, struct str name)
{
	for (; table->name != NULL; table++)
		if (str_is(name, table->name))
			return table;
	return NULL;
}

static void
unknown_key(struct reader *r, const struct param *table, const struct yaml *key)
{
	const char *names[NAMES_MAX], *near;
	struct buf all;
	size_t n = 0;

	for (; n < NAMES_MAX && table[n].name != NULL; n++)
		names[n] = table[n].name;
	near = str_nearest(key->text, names, n);
	if (near != NULL) {
		yaml_error(r->diags, key, "unknown key '%.*s', did you mean '%s'?",
		    STR_ARG(key->text), near);
		return;
	}
	buf_init(&all, 1024);
	for (size_t i = 0; n <= LISTED_MAX && i < n; i++)
		buf_printf(&all, "%s%s",
		    i == 0	? "; there is "
		    : i + 1 < n ? ", "
				: " and ",
		    names[i]);
	yaml_error(r->diags, key, "unknown key '%.*s'%s", STR_ARG(key->text), buf_cstr(&all));
	buf_done(&all);
}

static struct json *
read_scalar(struct reader *r, const struct param *p, const struct yaml *y)
{
	const char *name = r->called != NULL ? r->called : p->name;
	struct json *value;
	struct err e;

	if (y->type != YAML_SCALAR || y->null) {
		yaml_error(
		    r->diags, y, "%s must be a single value, not %s", name, yaml_type_name(y));
		return NULL;
	}
	value = converts[p->type](p, y->text, r->arena, &e);
	if (value == NULL)
		yaml_error(r->diags, y, "%s %s", name, e.text);
	return value;
}

/* A single text as the mapping it stands for; both have the same place. */
static const struct yaml *
spell_out(struct reader *r, const struct param *p, const struct yaml *y)
{
	struct yaml *nodes = arena_alloc(r->arena, 3 * sizeof(*nodes));
	struct yaml_pair *pair = arena_alloc(r->arena, sizeof(*pair));

	nodes[0] = nodes[1] = nodes[2] = *y;
	nodes[1].text = str_of(p->shorthand);
	pair->key = &nodes[1];
	pair->value = &nodes[2];
	nodes[0].type = YAML_MAPPING;
	nodes[0].n = 1;
	nodes[0].pairs = pair;
	return &nodes[0];
}

static struct json *
read_group(struct reader *r, const struct param *p, const struct yaml *y)
{
	if (y->type == YAML_SCALAR && !y->null && p->shorthand != NULL)
		return read_table(r, p->group, spell_out(r, p, y), p->name);
	if (y->type != YAML_MAPPING) {
		yaml_error(r->diags, y, "%s must be a mapping of keys, not %s", p->name,
		    yaml_type_name(y));
		return NULL;
	}
	return read_table(r, p->group, y, NULL);
}

/* Names of the user's choice become parts of keys, targets and metrics. */
static bool
name_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return name.n > 0 && name.n <= NAME_MAX_BYTES;
}

static struct json *
read_named(struct reader *r, const struct param *p, const struct yaml *y)
{
	struct param one = { .name = p->name, .type = PARAM_GROUP, .group = p->group };
	struct json *all = json_object(r->arena);

	if (y->type != YAML_MAPPING) {
		yaml_error(r->diags, y, "%s must be a mapping from names to keys, not %s", p->name,
		    yaml_type_name(y));
		return NULL;
	}
	for (size_t i = 0; i < y->n; i++) {
		const struct yaml *key = y->pairs[i].key;
		struct json *value;

		if (!name_fits(key->text)) {
			yaml_error(r->diags, key,
			    "'%.*s' cannot be a name: 1 to %d of a-z, 0-9, - and _",
			    STR_ARG(key->text), NAME_MAX_BYTES);
			continue;
		}
		one.name = arena_cstr(r->arena, key->text);
		value = read_one(r, &one, y->pairs[i].value);
		if (value != NULL)
			json_set(all, one.name, value, r->arena);
	}
	return all;
}

static struct json *
read_string_map(struct reader *r, const struct param *p, const struct yaml *y)
{
	struct json *all = json_object(r->arena);

	if (y->type != YAML_MAPPING) {
		yaml_error(r->diags, y, "%s must be a mapping from text to text, not %s", p->name,
		    yaml_type_name(y));
		return NULL;
	}
	for (size_t i = 0; i < y->n; i++) {
		const struct yaml *value = y->pairs[i].value;

		if (value->type != YAML_SCALAR)
			yaml_error(
			    r->diags, value, "must be a text, not %s", yaml_type_name(value));
		else
			json_set_str(all, arena_cstr(r->arena, y->pairs[i].key->text), value->text,
			    r->arena);
	}
	return all;
}

static struct json *
tree_scalar(struct reader *r, const struct yaml *y)
{
	struct json *j = NULL;
	struct err ignored;

	if (y->null)
		return json_null(r->arena);
	if (y->plain)
		j = json_parse(y->text, r->arena, &ignored);
	return json_is(j, JSON_NUMBER) || json_is(j, JSON_BOOL) ? j
								: json_string(y->text, r->arena);
}

/* YAML_DEPTH_MAX bounds it. */
static struct json *
tree(struct reader *r, const struct yaml *y)
{
	struct json *j;

	if (y->type == YAML_SCALAR)
		return tree_scalar(r, y);
	j = y->type == YAML_MAPPING ? json_object(r->arena) : json_array(r->arena);
	for (size_t i = 0; i < y->n; i++) {
		if (y->type == YAML_SEQUENCE)
			json_add(j, tree(r, y->items[i]), r->arena);
		else
			json_set(j, arena_cstr(r->arena, y->pairs[i].key->text),
			    tree(r, y->pairs[i].value), r->arena);
	}
	return j;
}

static struct json *
read_tree(struct reader *r, const struct param *p, const struct yaml *y)
{
	if (y->type == YAML_MAPPING)
		return tree(r, y);
	yaml_error(r->diags, y, "%s must be a mapping, not %s", p->name, yaml_type_name(y));
	return NULL;
}

static struct json *
read_one(struct reader *r, const struct param *p, const struct yaml *y)
{
	switch (p->type) {
	case PARAM_GROUP:
		return read_group(r, p, y);
	case PARAM_NAMED:
		return read_named(r, p, y);
	case PARAM_STRING_MAP:
		return read_string_map(r, p, y);
	case PARAM_TREE:
		return read_tree(r, p, y);
	case PARAM_TEXT_OR_TREE:
		return y->type == YAML_MAPPING ? tree(r, y) : read_scalar(r, p, y);
	case PARAM_REFUSED:
		yaml_error(r->diags, y, "%s: %s", p->name, p->help);
		return NULL;
	default:
		return read_scalar(r, p, y);
	}
}

static struct json *
read_list(struct reader *r, const struct param *p, const struct yaml *y)
{
	struct json *list = json_array(r->arena), *value;

	if (y->type != YAML_SEQUENCE) {
		value = read_one(r, p, y);
		if (value != NULL)
			json_add(list, value, r->arena);
		return list;
	}
	for (size_t i = 0; i < y->n; i++) {
		value = read_one(r, p, y->items[i]);
		if (value != NULL)
			json_add(list, value, r->arena);
	}
	if (y->n == 0 && p->required)
		yaml_error(r->diags, y, "%s must not be empty", p->name);
	return list;
}

/* What holds when a key is not written. */
static struct json *
fallback(struct reader *r, const struct param *p)
{
	struct json *value = NULL, *list;
	struct err e;

	if (p->type == PARAM_GROUP && !p->list)
		return p->absent ? NULL : params_read(p->group, NULL, r->arena, r->diags);
	if (p->fallback != NULL) {
		assert(is_scalar(p->type));
		value = converts[p->type](p, str_of(p->fallback), r->arena, &e);
		assert(value != NULL); /* a table's own default must be right */
	}
	if (!p->list)
		return value;
	list = json_array(r->arena);
	if (value != NULL)
		json_add(list, value, r->arena);
	return list;
}

/* called: the key that a single text stands behind, in place of the one that it is spelled out to.
 */
static struct json *
read_table(
    struct reader *outer, const struct param *table, const struct yaml *y, const char *called)
{
	struct reader r = { outer->arena, outer->diags, called };
	struct json *out = json_object(r.arena);

	assert(y == NULL || y->type == YAML_MAPPING);
	for (size_t i = 0; y != NULL && i < y->n; i++)
		if (find(table, y->pairs[i].key->text) == NULL)
			unknown_key(&r, table, y->pairs[i].key);
	for (const struct param *p = table; p->name != NULL; p++) {
		const struct yaml *value = y == NULL ? NULL : yaml_get(y, p->name);
		struct json *j;

		if (value == NULL && y != NULL && p->required)
			yaml_error(r.diags, y, "the key '%s' is missing", p->name);
		if (p->apart || p->type == PARAM_SHAPE)
			continue;
		j = value == NULL ? fallback(&r, p)
		    : p->list	  ? read_list(&r, p, value)
				  : read_one(&r, p, value);
		if (j != NULL)
			json_set(out, p->name, j, r.arena);
	}
	return out;
}

struct json *
params_read(const struct param *table, const struct yaml *y, struct arena *a, struct diags *d)
{
	struct reader r = { .arena = a, .diags = d };

	return read_table(&r, table, y, NULL);
}
