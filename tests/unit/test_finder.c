#include "base/finder.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "test.h"

#define MANY 300

struct seen {
	unsigned times[MANY];
};

static void
count(void *ctx, uint32_t literal)
{
	struct seen *s = ctx;

	CHECK(literal < MANY);
	s->times[literal]++;
}

static struct seen
look(struct finder *f, const char *text)
{
	struct seen s = { { 0 } };

	finder_scan(f, str_of(text), count, &s);
	return s;
}

TEST(literals_in_each_other_are_all_found)
{
	struct finder *f = finder_new();
	struct seen s;

	CHECK_INT(finder_add(f, STR("he")), 0);
	CHECK_INT(finder_add(f, STR("she")), 1);
	CHECK_INT(finder_add(f, STR("HIS")), 2);
	CHECK_INT(finder_add(f, STR("hers")), 3);
	CHECK_INT(finder_add(f, STR("She")), 1);
	CHECK_INT(finder_count(f), 4);
	finder_ready(f);
	s = look(f, "ushers uSHE his");
	CHECK_INT(s.times[0], 2);
	CHECK_INT(s.times[1], 2);
	CHECK_INT(s.times[2], 1);
	CHECK_INT(s.times[3], 1);
	s = look(f, "");
	CHECK_INT(s.times[0], 0);
	finder_free(f);
}

TEST(none_is_found_where_there_is_none)
{
	struct finder *f = finder_new();
	struct seen s;

	finder_ready(f);
	s = look(f, "anything");
	CHECK_INT(s.times[0], 0);
	finder_free(f);
}

/* Few letters, so that they overlap in every way. */
static void
random_text(char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = "abAB\xc3"[rand() % 5];
	out[n] = '\0';
}

static unsigned
places(const char *text, const char *literal)
{
	unsigned n = 0;
	size_t len = strlen(literal);

	for (; strlen(text) >= len; text++)
		n += str_eq_nocase((struct str){ text, len }, (struct str){ literal, len });
	return n;
}

TEST(as_many_are_found_as_a_plain_search_finds)
{
	srand(7);
	for (int round = 0; round < 300; round++) {
		struct finder *f = finder_new();
		char literals[MANY][9], text[60];
		uint32_t id[MANY];
		struct seen s;

		for (int i = 0; i < MANY; i++) {
			random_text(literals[i], 1 + (size_t)rand() % 8);
			id[i] = finder_add(f, str_of(literals[i]));
		}
		finder_ready(f);
		random_text(text, sizeof(text) - 1);
		s = look(f, text);
		for (int i = 0; i < MANY; i++)
			CHECK_INT(s.times[id[i]], places(text, literals[i]));
		finder_free(f);
	}
}
