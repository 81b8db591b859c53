#include "core/template.h"

#include "test.h"

static struct arena *arena;

/* What the template becomes for an alert with these fields. */
static const char *
filled(const char *template, const char *fields)
{
	static const struct event ev;
	struct alert al = { .form = "flat", .event = &ev };
	struct template_facts f = { .alert = &al,
		.event = "open",
		.key = STR("gridwarden-1"),
		.title = STR("High: x"),
		.text = STR_EMPTY };
	struct err e;
	struct json *j;

	arena_free(arena);
	arena = arena_new();
	al.fields = al.data = json_parse(str_of(fields), arena, &e);
	CHECK(al.fields != NULL);
	j = json_parse(str_of(template), arena, &e);
	CHECK(j != NULL);
	return arena_cstr(arena, json_print(template_fill(j, &f, arena), arena));
}

TEST(a_placeholder_becomes_the_value_and_all_else_stays)
{
	CHECK_CSTR(filled("{\"a\":\"{ticket.title}\",\"b\":[\"{ticket.key}\",1,true,null,\"x\"],"
			  "\"c\":{\"d\":\"{ticket.event}\"}}",
		       "{}"),
	    "{\"a\":\"High: "
	    "x\",\"b\":[\"gridwarden-1\",1,true,null,\"x\"],\"c\":{\"d\":\"open\"}}");
	CHECK_CSTR(
	    filled("{\"a\":\"{alert.host}\"}", "{\"host\":\"web-01\"}"), "{\"a\":\"web-01\"}");
}

TEST(what_is_absent_is_null_and_several_values_are_a_list)
{
	CHECK_CSTR(filled("{\"a\":\"{alert.nothing}\",\"b\":\"{ticket.text}\"}", "{}"),
	    "{\"a\":null,\"b\":null}");
	CHECK_CSTR(filled("{\"a\":\"{alert.hosts}\"}", "{\"hosts\":[\"x\",\"y\"]}"),
	    "{\"a\":[\"x\",\"y\"]}");
}

/* Whatever an attacker writes is one text, and no placeholder. */
TEST(a_value_is_inserted_and_never_pasted)
{
	CHECK_CSTR(filled("{\"a\":\"{alert.host}\"}",
		       "{\"host\":\"\\\",\\\"admin\\\":true,\\\"x\\\":\\\"\"}"),
	    "{\"a\":\"\\\",\\\"admin\\\":true,\\\"x\\\":\\\"\"}");
	CHECK_CSTR(filled("{\"a\":\"{alert.host}\"}", "{\"host\":\"{ticket.key}\"}"),
	    "{\"a\":\"{ticket.key}\"}");
}

TEST(two_braces_stand_for_one)
{
	CHECK_CSTR(filled("{\"a\":\"{{ticket.key}\",\"b\":\"{\",\"c\":\"{}\"}", "{}"),
	    "{\"a\":\"{ticket.key}\",\"b\":\"{\",\"c\":\"{}\"}");
}

TEST(what_stands_for_nothing_is_said)
{
	arena_free(arena);
	arena = arena_new();
	CHECK(template_problem(STR("plain"), true, arena) == NULL);
	CHECK(template_problem(STR("{alert.severity}"), true, arena) == NULL);
	CHECK(template_problem(STR("{{alert.severity} is text"), true, arena) == NULL);
	CHECK_HAS(template_problem(STR("x {alert.severity}"), true, arena), "stands alone");
	CHECK_HAS(template_problem(STR("{severity}"), true, arena), "is no placeholder");
	CHECK_HAS(template_problem(STR("{alert.}"), true, arena), "names no field");
	CHECK_HAS(
	    template_problem(STR("{ticket.txt}"), true, arena), "did you mean '{ticket.text}'?");
	CHECK(template_problem(STR("{alert.severity}"), false, arena) == NULL);
	CHECK_HAS(template_problem(STR("{ticket.text}"), false, arena), "is no placeholder");
}
