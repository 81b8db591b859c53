/*
 * base/json.h, the view of text: the strict scan against cJSON, and the walkers against the tree.
 *
 * What must hold: the scan and the parser take the same texts; every member, element, string and
 * number that the walkers give is the one that stands in the tree at that place.
 */
#include "base/json.h"
#include "fuzz.h"

static void check_value(struct str text, const struct json *tree, struct arena *a);

static void
check_array(struct str text, const struct json *tree, struct arena *a)
{
	const struct json *child = json_first(tree);
	struct str value;
	size_t at = 0;

	for (; json_text_element(text, &at, &value); child = json_next(child)) {
		MUST(child != NULL && is_within(value, text));
		check_value(value, child, a);
	}
	MUST(child == NULL);
}

/* A name as it stands between its quotes, decoded. */
static struct str
decoded(struct str key, struct arena *a)
{
	return json_text_string(arena_printf(a, "\"%.*s\"", STR_ARG(key)), a);
}

static void
check_object(struct str text, const struct json *tree, struct arena *a)
{
	const struct json *child = json_first(tree);
	struct str key, value, found;
	size_t at = 0;

	for (; json_text_member(text, &at, &key, &value); child = json_next(child)) {
		struct str name = decoded(key, a);

		MUST(child != NULL && is_within(key, text) && is_within(value, text));
		MUST(str_eq(name, json_name(child)));
		check_value(value, child, a);
		MUST(json_text_find(text, arena_cstr(a, name), &found));
		MUST(found.p <= value.p);
		MUST(json_equal(json_get_str(tree, name), json_get(tree, arena_cstr(a, name))));
	}
	MUST(child == NULL);
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

FUZZ(input)
{
	struct json *tree;
	struct err e, refused;
	bool good = json_check(input, &e);

	tree = json_parse(input, arena, &refused);
	MUST(good == (tree != NULL));
	MUST(good || e.kind == ERR_INPUT);
	if (good)
		check_value(input, tree, arena);
}
