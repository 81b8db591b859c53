/*
 * base/json.h, the view of text: the strict scan against cJSON, and the reader against the tree.
 *
 * What must hold: the scan and the parser take the same texts; every member, element, string and
 * number that the reader gives is the one that stands in the tree at that place; what is stepped
 * over in one go is what is stepped over by steps.
 */
#include "base/json.h"
#include "fuzz.h"
#include "json_parts.h"

static void check_value(struct str text, const struct json *tree, struct arena *a);

/* A reader on text that was scanned: nothing of it may be refused now. */
static void
open_checked(struct json_reader *r, struct str text, struct json_level *l, struct err *e)
{
	json_reader_init(r, text, JSON_VALUES_MAX, e);
	MUST(json_read_peek(r) == text.p[0]);
	MUST(json_read_open(r, l));
}

static void
check_array(struct str text, const struct json *tree, struct arena *a)
{
	const struct json *child = json_first(tree);
	struct str key, value;
	struct json_reader r;
	struct json_level l;
	struct err e;

	open_checked(&r, text, &l, &e);
	for (; json_read_next(&r, &l, &key); child = json_next(child)) {
		MUST(json_read_value(&r, &value));
		MUST(child != NULL && is_within(value, text));
		check_value(value, child, a);
	}
	MUST(!r.failed && json_read_end(&r) && child == NULL);
}

static void
check_object(struct str text, const struct json *tree, struct arena *a)
{
	const struct json *child = json_first(tree);
	struct str key, value;
	struct json_reader r;
	struct json_level l;
	struct err e;

	open_checked(&r, text, &l, &e);
	for (; json_read_next(&r, &l, &key); child = json_next(child)) {
		struct str name = json_text_decode(key, a);

		MUST(json_read_value(&r, &value));
		MUST(child != NULL && is_within(key, text) && is_within(value, text));
		MUST(str_eq(name, json_name(child)));
		check_value(value, child, a);
		MUST(json_equal(json_get_str(tree, name), json_get(tree, arena_cstr(a, name))));
	}
	MUST(!r.failed && json_read_end(&r) && child == NULL);
}

static void
check_value(struct str text, const struct json *tree, struct arena *a)
{
	struct err e;

	MUST(json_check(text, &e));
	MUST(json_text_type(text) == json_type(tree));
	switch (json_type(tree)) {
	case JSON_OBJECT:
		check_object(text, tree, a);
		break;
	case JSON_ARRAY:
		check_array(text, tree, a);
		break;
	case JSON_STRING:
		MUST(str_eq(json_text_string(text, a), json_text(tree)));
		MUST(is_utf8(json_text(tree)));
		break;
	default:
		MUST(json_text_string(text, a).n == 0);
	}
}

/* Of an array or object at the front of the text. */
static void
check_skip(struct str text)
{
	const unsigned char *p = (const unsigned char *)text.p, *behind, *early;
	size_t values = 0, again;
	struct json_reader r;
	struct err e;
	bool good;

	if (text.n == 0 || (*p != '[' && *p != '{'))
		return;
	json_reader_init(&r, text, JSON_VALUES_MAX, &e);
	good = json_read_by_steps(&r) && r.wide == NULL && json_skip_possible();
	behind = json_skip(p, good ? r.p : r.end, JSON_DEPTH_MAX, &values);
	MUST(good ? behind == r.p && values == r.values : behind == NULL);
	early = json_skip(p, r.end, JSON_DEPTH_MAX, &again);
	MUST(early == NULL || (early == behind && again == values));
}

FUZZ(input)
{
	struct json *tree;
	struct err e, refused;
	bool good = json_check(input, &e);

	check_skip(str_trim(input));
	tree = json_parse(input, arena, &refused);
	MUST(good == (tree != NULL));
	MUST(good || e.kind == ERR_INPUT);
	if (good)
		check_value(str_trim(input), tree, arena);
}
