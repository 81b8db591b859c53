/*
 * base/json.h, the view of a tree: printed and read again it is the same tree, in both forms, after
 * a copy and after a member was put in.
 */
#include <math.h>

#include "base/json.h"
#include "fuzz.h"

/* A number beyond a double's range is read as infinity, and written as null. */
static bool
has_infinity(const struct json *j)
{
	if (json_is(j, JSON_NUMBER) && !isfinite(json_number(j)))
		return true;
	for (const struct json *c = json_first(j); c != NULL; c = json_next(c))
		if (has_infinity(c))
			return true;
	return false;
}

static void
check_text(struct str text, const struct json *want, struct arena *a)
{
	struct json *again;
	struct err e;

	MUST(json_check(text, &e));
	again = json_parse(text, a, &e);
	MUST(again != NULL);
	MUST(json_equal(want, again) && json_equal(again, want));
}

/* Any bytes become a text that JSON can hold. */
static void
check_string(struct str input, struct arena *a)
{
	struct json *s = json_string(input, a), *object = json_object(a);

	MUST(is_utf8(json_text(s)));
	if (is_utf8(input) && memchr(input.p, '\0', input.n) == NULL)
		MUST(str_eq(json_text(s), input));
	json_set(object, "text", s, a);
	json_set_str(object, "again", input, a);
	check_text(json_print(object, a), object, a);
	MUST(str_eq(json_text(json_get(object, "text")), json_text(json_get(object, "again"))));
}

FUZZ(input)
{
	struct json *tree, *copy;
	struct err e;

	check_string(input, arena);
	tree = json_parse(input, arena, &e);
	if (tree == NULL || has_infinity(tree))
		return;
	copy = json_copy(tree, arena);
	MUST(json_equal(tree, copy));
	check_text(json_print(tree, arena), tree, arena);
	check_text(json_print_pretty(tree, arena), tree, arena);
	if (!json_is(copy, JSON_OBJECT))
		return;
	json_set_int(copy, "n", 7, arena);
	check_text(json_print(copy, arena), copy, arena);
	json_remove(copy, "n");
}
