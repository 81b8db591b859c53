#include "daemon/query.h"

#include "test.h"

static struct form_field fields[2];

static bool
read_it(const char *body, struct arena *a)
{
	fields[0] = (struct form_field){ "token", STR_EMPTY };
	fields[1] = (struct form_field){ "name", STR_EMPTY };
	return form_read(str_of(body), fields, 2, a);
}

TEST(a_form_as_browsers_send_it_is_read)
{
	struct arena *a = arena_new();

	CHECK(read_it("token=1.show.x&name=Ann+M%C3%BCller%2B%26%3D", a));
	CHECK_STR(fields[0].value, "1.show.x");
	CHECK_STR(fields[1].value, "Ann M\xc3\xbcller+&=");
	CHECK(read_it("name=a=b", a));
	CHECK_STR(fields[1].value, "a=b");
	CHECK_STR(fields[0].value, "");
	CHECK(read_it("n%61me=x", a));
	CHECK_STR(fields[1].value, "x");
	CHECK(read_it("", a));
	CHECK(read_it("name=", a));
	arena_free(a);
}

TEST(what_could_be_read_in_two_ways_is_refused)
{
	static const char *const wrong[] = { "token=a&token=a", "name=a&n%61me=b", "other=1",
		"token", "token=a&", "&token=a", "&", "=", "name=%", "name=%4", "name=%4g",
		"name=%00", "name=%0a", "name=%7F", "name=a\nb", "name=\xff", "name=%C3",
		"name=%C3%28", "NAME=x", "name[]=x", "token=a;name=b&x" };
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (read_it(wrong[i], a))
			print_error("%s was read\n", wrong[i]);
		CHECK(!read_it(wrong[i], a));
	}
	arena_free(a);
}
