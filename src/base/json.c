/*
 * The tree is cJSON's; its nodes are taken from the arena of the call.  cJSON has one pair of
 * allocation hooks for the process, so the arena in use is kept for each thread.
 */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "base/buf.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53: larger whole numbers lose digits in a double */

static _Thread_local struct arena *current;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *
take_from_arena(size_t size)
{
	return arena_alloc(current, size);
}

static void
freed_with_the_arena(void *p)
{
	(void)p;
}

static void
install_hooks(void)
{
	cJSON_Hooks hooks = { take_from_arena, freed_with_the_arena };

	cJSON_InitHooks(&hooks);
}

static void
use(struct arena *a)
{
	pthread_once(&once, install_hooks);
	current = a;
}

/* struct json is never defined: a node is a cJSON seen through this door only. */
static cJSON *
node(struct json *j)
{
	return (cJSON *)(void *)j;
}

static const cJSON *
peek(const struct json *j)
{
	return (const cJSON *)(const void *)j;
}

static struct json *
made(cJSON *c)
{
	assert(c != NULL); /* the arena never runs out */
	return (struct json *)(void *)c;
}

static const struct json *
seen(const cJSON *c)
{
	return (const struct json *)(const void *)c;
}

/* ---- parse and print ---- */

struct json *
json_parse(struct str text, struct arena *a, struct err *e)
{
	return json_parse_within(text, JSON_VALUES_MAX, a, e);
}

struct json *
json_parse_within(struct str text, size_t values_max, struct arena *a, struct err *e)
{
	struct json_reader r;
	struct str value;
	cJSON *c;

	json_reader_init(&r, text, values_max, e);
	if (!json_read_value(&r, &value) || !json_read_end(&r))
		return NULL;
	use(a);
	c = cJSON_ParseWithLength(text.p, text.n);
	if (c == NULL)
		fail(e, ERR_INPUT, "not JSON that can be read");
	return c == NULL ? NULL : made(c);
}

static struct str
print(const struct json *j, struct arena *a, bool pretty)
{
	use(a);
	return j == NULL ? STR("null")
			 : str_of(pretty ? cJSON_Print(peek(j)) : cJSON_PrintUnformatted(peek(j)));
}

struct str
json_print(const struct json *j, struct arena *a)
{
	return print(j, a, false);
}

struct str
json_print_pretty(const struct json *j, struct arena *a)
{
	return print(j, a, true);
}

/* ---- look ---- */

enum json_type
json_type(const struct json *j)
{
	const cJSON *c = peek(j);

	if (cJSON_IsString(c))
		return JSON_STRING;
	if (cJSON_IsObject(c))
		return JSON_OBJECT;
	if (cJSON_IsArray(c))
		return JSON_ARRAY;
	if (cJSON_IsNumber(c))
		return JSON_NUMBER;
	return cJSON_IsBool(c) ? JSON_BOOL : JSON_NULL;
}

bool
json_is(const struct json *j, enum json_type type)
{
	return j != NULL && json_type(j) == type;
}

const struct json *
json_get_str(const struct json *object, struct str name)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	for (const struct json *c = json_first(object); c != NULL; c = json_next(c))
		if (str_eq(json_name(c), name))
			return c;
	return NULL;
}

const struct json *
json_get(const struct json *object, const char *name)
{
	return json_get_str(object, str_of(name));
}

const struct json *
json_get_nocase(const struct json *object, struct str name)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	for (const struct json *c = json_first(object); c != NULL; c = json_next(c))
		if (str_eq_nocase(json_name(c), name))
			return c;
	return NULL;
}

const struct json *
json_at(const struct json *j, const char *path)
{
	struct str rest = str_of(path), name;

	while (j != NULL && str_next(&rest, '.', &name))
		j = json_get_str(j, name);
	return j;
}

struct str
json_text(const struct json *j)
{
	return str_of(cJSON_GetStringValue(peek(j)));
}

bool
json_true(const struct json *j)
{
	return cJSON_IsTrue(peek(j));
}

double
json_number(const struct json *j)
{
	return cJSON_IsNumber(peek(j)) ? peek(j)->valuedouble : 0;
}

bool
json_int(const struct json *j, int64_t *out)
{
	double d = json_number(j);

	if (!json_is(j, JSON_NUMBER) || fabs(d) > EXACT_MAX || floor(d) != d)
		return false;
	*out = (int64_t)d;
	return true;
}

struct str
json_scalar(const struct json *j, struct arena *a)
{
	switch (json_type(j)) {
	case JSON_STRING:
		return json_text(j);
	case JSON_NUMBER:
	case JSON_BOOL:
		return json_print(j, a);
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return STR_EMPTY;
}

size_t
json_count(const struct json *j)
{
	return j == NULL ? 0 : (size_t)cJSON_GetArraySize(peek(j));
}

struct str *
json_texts(const struct json *list, struct arena *a, size_t *n)
{
	struct str *out = arena_alloc(a, json_count(list) * sizeof(*out));

	*n = 0;
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
		out[(*n)++] = arena_str(a, json_text(j));
	return out;
}

bool
json_has_text(const struct json *list, struct str text)
{
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
		if (str_eq_nocase(json_text(j), text))
			return true;
	return false;
}

const struct json *
json_first(const struct json *j)
{
	return j == NULL ? NULL : seen(peek(j)->child);
}

const struct json *
json_next(const struct json *child)
{
	return child == NULL ? NULL : seen(peek(child)->next);
}

struct str
json_name(const struct json *child)
{
	return child == NULL ? STR_EMPTY : str_of(peek(child)->string);
}

static bool
equal_arrays(const struct json *x, const struct json *y)
{
	x = json_first(x);
	y = json_first(y);
	for (; x != NULL && y != NULL; x = json_next(x), y = json_next(y))
		if (!json_equal(x, y))
			return false;
	return x == y;
}

/* Of a name that stands twice the first member counts, as for json_get(). */
static bool
equal_objects(const struct json *x, const struct json *y)
{
	for (const struct json *c = json_first(x); c != NULL; c = json_next(c))
		if (json_get_str(x, json_name(c)) == c &&
		    !json_equal(c, json_get_str(y, json_name(c))))
			return false;
	for (const struct json *c = json_first(y); c != NULL; c = json_next(c))
		if (json_get_str(x, json_name(c)) == NULL)
			return false;
	return true;
}

/* Not cJSON_Compare(): it looks at each object twice, so its time doubles with every level. */
bool
json_equal(const struct json *x, const struct json *y)
{
	if (x == NULL || y == NULL || json_type(x) != json_type(y))
		return x == y;
	switch (json_type(x)) {
	case JSON_OBJECT:
		return equal_objects(x, y);
	case JSON_ARRAY:
		return equal_arrays(x, y);
	default:
		return cJSON_Compare(peek(x), peek(y), true);
	}
}

/* ---- build ---- */

struct json *
json_object(struct arena *a)
{
	use(a);
	return made(cJSON_CreateObject());
}

struct json *
json_array(struct arena *a)
{
	use(a);
	return made(cJSON_CreateArray());
}

/*
 * Text from outside may be cut in the middle of a character: what is not UTF-8 becomes U+FFFD, and
 * so does a NUL, behind which cJSON sees nothing.
 */
static struct str
mend(struct str s, struct arena *a)
{
	struct buf b;

	buf_init(&b, 3 * s.n);
	while (s.n > 0) {
		size_t n = s.p[0] == '\0' ? 0 : utf8_sequence(s);

		buf_add(&b, n == 0 ? STR("\xef\xbf\xbd") : str_slice(s, 0, n));
		s = str_slice(s, n == 0 ? 1 : n, s.n);
	}
	return buf_to_arena(&b, a);
}

struct json *
json_string(struct str s, struct arena *a)
{
	struct str text = mend(s, a);

	use(a);
	return made(cJSON_CreateString(text.p));
}

struct json *
json_integer(int64_t n, struct arena *a)
{
	use(a);
	return made(cJSON_CreateNumber((double)n));
}

struct json *
json_boolean(bool b, struct arena *a)
{
	use(a);
	return made(cJSON_CreateBool(b));
}

struct json *
json_null(struct arena *a)
{
	use(a);
	return made(cJSON_CreateNull());
}

struct json *
json_copy(const struct json *j, struct arena *a)
{
	if (j == NULL)
		return json_null(a);
	use(a);
	return made(cJSON_Duplicate(peek(j), true));
}

void
json_set(struct json *object, const char *name, struct json *value, struct arena *a)
{
	use(a);
	if (json_get(object, name) != NULL)
		cJSON_ReplaceItemInObjectCaseSensitive(node(object), name, node(value));
	else
		cJSON_AddItemToObject(node(object), name, node(value));
}

void
json_set_str(struct json *object, const char *name, struct str value, struct arena *a)
{
	json_set(object, name, json_string(value, a), a);
}

void
json_set_cstr(struct json *object, const char *name, const char *value, struct arena *a)
{
	json_set_str(object, name, str_of(value), a);
}

void
json_set_int(struct json *object, const char *name, int64_t value, struct arena *a)
{
	json_set(object, name, json_integer(value, a), a);
}

void
json_set_bool(struct json *object, const char *name, bool value, struct arena *a)
{
	json_set(object, name, json_boolean(value, a), a);
}

void
json_add(struct json *array, struct json *value, struct arena *a)
{
	use(a);
	cJSON_AddItemToArray(node(array), node(value));
}

void
json_remove(struct json *object, const char *name)
{
	cJSON_DetachItemFromObjectCaseSensitive(node(object), name);
}

struct json *
json_member(struct json *object, const char *name)
{
	return json_get(object, name) == NULL
		   ? NULL
		   : made(cJSON_GetObjectItemCaseSensitive(node(object), name));
}

struct json *
json_path(struct json *j, const char *path)
{
	char name[256];
	struct str rest = str_of(path), part;

	while (j != NULL && str_next(&rest, '.', &part)) {
		assert(part.n < sizeof(name));
		memcpy(name, part.p, part.n);
		name[part.n] = '\0';
		j = json_member(j, name);
	}
	return j;
}

struct json *
json_child(struct json *parent)
{
	return parent == NULL || node(parent)->child == NULL ? NULL : made(node(parent)->child);
}

struct json *
json_sibling(struct json *child)
{
	return child == NULL || node(child)->next == NULL ? NULL : made(node(child)->next);
}
