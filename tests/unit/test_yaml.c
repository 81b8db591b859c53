#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/yaml.h"

static struct arena *arena;
static struct diags d;
static struct source source;
static struct buf out;

static struct yaml *
parse(struct str text)
{
	arena = arena_new();
	diags_init(&d, arena);
	buf_init(&out, 1024 * 1024);
	source = (struct source){ "f.yaml", text };
	return yaml_parse(&source, arena, &d);
}

static void
finish(void)
{
	buf_done(&out);
	arena_free(arena);
}

static const char *
printed(void)
{
	diags_print(&d, &out);
	return buf_cstr(&out);
}

static void
check_at(const struct yaml *y, int line, int col)
{
	CHECK_INT(y->line, line);
	CHECK_INT(y->col, col);
}

/* The text is refused, with one mistake at that place. */
static void
check_refused(struct str text, int line, int col, const char *words)
{
	char place[64];

	CHECK(parse(text) == NULL);
	snprintf(place, sizeof(place), "f.yaml:%d:%d: error: ", line, col);
	CHECK_HAS(printed(), place);
	CHECK_HAS(buf_cstr(&out), words);
	CHECK_INT(d.errors, 1);
	finish();
}

TEST(a_file_becomes_a_tree_with_places)
{
	struct yaml *y = parse(STR("listen:\n"
				   "  path: /api/events\n"
				   "names: [a, 'b', \"c\\n\"]\n"
				   "rules:\n"
				   "  - one\n"
				   "  -  - two\n"));

	CHECK(y != NULL);
	CHECK_INT(y->type, YAML_MAPPING);
	CHECK_INT(y->n, 3);
	CHECK_STR(y->pairs[0].key->text, "listen");
	CHECK_STR(yaml_get(yaml_get(y, "listen"), "path")->text, "/api/events");
	check_at(yaml_get(yaml_get(y, "listen"), "path"), 2, 9);
	check_at(yaml_get(y, "names"), 3, 8);
	CHECK_STR(yaml_get(y, "names")->items[2]->text, "c\n");
	check_at(yaml_get(y, "rules"), 5, 3);
	check_at(yaml_get(y, "rules")->items[1]->items[0], 6, 8);
	CHECK(yaml_get(y, "absent") == NULL);
	CHECK(yaml_get(yaml_get(y, "names"), "a") == NULL);
	check_at(yaml_pair(y, "rules")->key, 4, 1);
	finish();
}

TEST(scalars_stay_text)
{
	static const char *const texts[] = { "no", "1e3", "0123", "0x1F", "true", "2024-01-01",
		"1:30", "+1", ".5" };
	struct yaml *y = parse(STR("[no, 1e3, 0123, 0x1F, true, 2024-01-01, 1:30, +1, .5]"));

	CHECK(y != NULL && y->n == 9);
	for (size_t i = 0; i < 9; i++) {
		CHECK_STR(y->items[i]->text, texts[i]);
		CHECK(y->items[i]->plain && !y->items[i]->null);
	}
	finish();
}

TEST(nothing_is_null_unless_it_is_quoted)
{
	struct yaml *y = parse(STR("a:\nb: ~\nc: null\nd: NULL\ne: ''\nf: 'null'\ng: nul\n"));

	CHECK(y != NULL);
	for (size_t i = 0; i < 4; i++)
		CHECK(y->pairs[i].value->null);
	for (size_t i = 4; i < 7; i++)
		CHECK(!y->pairs[i].value->null);
	check_at(y->pairs[0].value, 1, 1); /* the key's place: there is nothing else */
	CHECK_CSTR(yaml_type_name(y->pairs[0].value), "nothing");
	CHECK_CSTR(yaml_type_name(y->pairs[4].value), "a text");
	CHECK_CSTR(yaml_type_name(y), "a mapping");
	CHECK_CSTR(yaml_type_name(NULL), "nothing");
	finish();
}

TEST(an_empty_list_entry_stands_at_its_dash)
{
	struct yaml *y = parse(STR("a:\n  - x # - no\n  # - no\n  -\n  -\n"));

	CHECK(y != NULL);
	y = yaml_get(y, "a");
	CHECK_INT(y->n, 3);
	check_at(y->items[1], 4, 3);
	check_at(y->items[2], 5, 3);
	finish();
}

TEST(an_empty_file_is_an_empty_mapping)
{
	static const char *const texts[] = { "", "\n\n", "# only a comment\n", "---\n" };

	for (size_t i = 0; i < 4; i++) {
		struct yaml *y = parse(str_of(texts[i]));

		CHECK(y != NULL && y->type == YAML_MAPPING && y->n == 0);
		finish();
	}
}

TEST(json_is_yaml)
{
	struct yaml *y = parse(
	    STR("{\n\t\"a\": 1,\n\t\"b\": [\n\t\ttrue,\n\t\tnull\n\t],\n\t\"c\": \"\\u00e9\\ud83d"
		"\\ude00\\/\"\n}\n"));

	CHECK(y != NULL);
	CHECK_STR(yaml_get(y, "a")->text, "1");
	CHECK_STR(yaml_get(y, "b")->items[0]->text, "true");
	CHECK(yaml_get(y, "b")->items[1]->null);
	CHECK_STR(yaml_get(y, "c")->text, "\u00e9\U0001f600/");
	finish();
}

TEST(columns_are_counted_in_characters)
{
	struct yaml *y = parse(STR("gr\u00fc\u00dfe: {\u65e5\u672c: x, y: z}\n"));

	CHECK(y != NULL);
	check_at(yaml_get(y->pairs[0].value, "y"), 1, 19);
	finish();
}

TEST(text_blocks_keep_or_fold_their_lines_and_know_their_place)
{
	struct yaml *y = parse(STR("a: |\n\n  one\n  two\nb: >-\n  three\n  four\n"));

	CHECK(y != NULL);
	CHECK_STR(yaml_get(y, "a")->text, "\none\ntwo\n");
	CHECK_STR(yaml_get(y, "b")->text, "three four");
	check_at(yaml_get(y, "a"), 3, 3);
	check_at(yaml_get(y, "b"), 6, 3);
	finish();
}

TEST(what_is_no_text_is_refused_with_its_place)
{
	check_refused((struct str){ "a: 1\nb: x\0y\n", 12 }, 2, 5, "a NUL byte");
	check_refused(STR("a: \xff\n"), 1, 4, "not UTF-8");
	check_refused(STR("a: \xc0\xaf\n"), 1, 4, "not UTF-8");
	check_refused(STR("a: \xed\xa0\x80\n"), 1, 4, "not UTF-8");
	check_refused(STR("\xef\xbb\xbf"
			  "a: 1\n"),
	    1, 1, "byte order mark");
	check_refused(STR("\xff\xfe"
			  "a\0"),
	    1, 1, "not UTF-8");
	check_refused(STR("a: \x01\n"), 1, 4, "a control character");
	check_refused(STR("\u00e9: \x1b[1m\n"), 1, 4, "a control character");
	check_refused(STR("a: \xc2\x85\n"), 1, 4, "a control character");
	check_refused(STR("a: \"x\\0y\"\n"), 1, 5, "a NUL character");
	check_refused(STR("a: \"\\ud800\"\n"), 1, 5, "not a character");
}

TEST(yaml_that_is_not_used_here_is_refused_with_its_place)
{
	check_refused(STR("a: &x 1\n"), 1, 4, "anchors (&name) are not used here");
	check_refused(STR("a: *x\n"), 1, 4, "aliases (*name) are not used here");
	check_refused(STR("a: !!str 1\n"), 1, 4, "tags (!name) are not used here");
	check_refused(STR("a: !x\n"), 1, 4, "tags (!name)");
	check_refused(STR("a: !x [1]\n"), 1, 4, "tags (!name)");
	check_refused(STR("&a\nb: 1\n"), 1, 1, "anchors (&name)");
	check_refused(STR("a:\n  <<: {b: 1}\n"), 2, 3, "merge keys (<<) are not used here");
	check_refused(STR("%YAML 1.1\n---\na: no\n"), 1, 1, "directives");
	check_refused(STR("a: 1\n%TAG ! x\n"), 2, 1, "directives");
	check_refused(STR("a: 1\n---\nb: 2\n"), 2, 1, "a second document starts here");
	check_refused(STR("a: 1\n...\nb\n"), 2, 1, "a second document starts here");
	check_refused(STR("? [a, b]\n: 1\n"), 1, 3, "a key must be a text, not a list");
	check_refused(STR("{a: 1}: 1\n"), 1, 1, "a key must be a text, not a mapping");
	check_refused(STR("'': 1\n"), 1, 2, "a key is empty");
	check_refused(STR(": 1\n"), 1, 1, "a key is empty");
}

/* libfyaml 0.7.12 reads memory that is not its own there. */
TEST(a_sign_behind_a_tab_is_refused)
{
	check_refused(STR("? ::\t:"), 1, 6, "a tab before '?', ':', '-', '|' or '>'");
	check_refused(STR("? ?:\t?)"), 1, 6, "a tab before '?'");
	check_refused(STR("? x:\t?"), 1, 6, "a tab before '?'");
	check_refused(STR("? a:\t ? b\n"), 1, 7, "a tab before '?'");
	check_refused(STR("? x:\t>"), 1, 6, "a tab before '?', ':', '-', '|' or '>'");
	check_refused(STR("? x:\t|\n"), 1, 6, "a tab before");
	check_refused(STR("? x: \t -"), 1, 8, "a tab before");
	check_refused(STR("? - x:\t-\n y: z\n"), 1, 8, "a tab before");
	CHECK(parse(STR("a:\t-5\nb: x\t- y\nc: x\t> y\nd:\t-x\n")) != NULL);
	finish();
}

TEST(a_key_that_is_there_twice_is_refused_and_its_first_place_named)
{
	check_refused(STR("a: 1\nb: 2\na: 3\n"), 3, 1, "key 'a' is there twice, first at 1:1");
	check_refused(STR("x: {k: 1, \"k\": 2}\n"), 1, 12, "key 'k' is there twice, first at 1:5");
	CHECK(parse(STR("a: 1\na: 2\na: 3\nb: {c: 1}\nd: {c: 1, c: 2}\n")) == NULL);
	CHECK_INT(d.errors, 3);
	finish();
}

TEST(many_mistakes_of_one_file_are_shown_together)
{
	CHECK(parse(STR("a: &x 1\nb: *x\nc: !t 2\na: 3\n<<: 4\n")) == NULL);
	CHECK_INT(d.errors, 5);
	CHECK_HAS(printed(), "f.yaml:1:4: error: anchors");
	CHECK_HAS(buf_cstr(&out), "f.yaml:2:4: error: aliases");
	CHECK_HAS(buf_cstr(&out), "f.yaml:3:4: error: tags");
	CHECK_HAS(buf_cstr(&out), "f.yaml:4:1: error: key 'a'");
	CHECK_HAS(buf_cstr(&out), "f.yaml:5:1: error: merge keys");
	finish();
}

TEST(broken_yaml_is_refused_in_plain_words)
{
	check_refused(STR("a:\n\tb: 1\n"), 2, 1, "a tab is used as indentation: use spaces");
	check_refused(
	    STR("a:\n  b: 1\n\tc: 2\n"), 3, 2, "a tab is used as indentation: use spaces");
	check_refused(STR("a: 1\n b: 2\n"), 1, 4, "look at the indentation of the next line");
	check_refused(STR("a:\n  b: 1\n c: 2\n"), 3, 2, "does not line up");
	check_refused(STR("a: b: c\n"), 1, 5, "a second ': ' on one line");
	check_refused(STR("a: [1, 2\n"), 1, 4, "'[' is not closed");
	check_refused(STR("a: {b: 1\n"), 1, 4, "'{' is not closed");
	check_refused(STR("a: {b: [}\n"), 1, 9, "does not close the one that is open");
	check_refused(STR("a: \"x\n"), 1, 5, "this quote is not closed");
	check_refused(STR("a: 'x\n"), 1, 5, "this quote is not closed");
	check_refused(STR("a: @x\n"), 1, 4, "needs quotes");
	check_refused(STR("a: \"C:\\Windows\"\n"), 1, 7, "unknown escape");
	check_refused(STR("a: \"x\" y\n"), 1, 8, "behind the closing quote");
	check_refused(STR("a: - b\n"), 1, 4, "a list cannot start on the line of its key");
	check_refused(STR("- a\nb: 1\n"), 2, 1, "a key in the middle of a list");
	check_refused(STR("a: 1\nb\n"), 2, 1, "':' is missing behind this key");
	check_refused(STR("{\"a\" 1}\n"), 1, 6, "a comma or a closing bracket is missing");
	check_refused(STR("{\"a\": 1} x\n"), 1, 10, "behind the end of the document");
}

static struct str
repeated(const char *head, const char *part, size_t bytes)
{
	size_t n = strlen(part), at = strlen(head);
	char *text = arena_alloc(arena, bytes + at + n);

	memcpy(text, head, at);
	for (; at + n <= bytes; at += n)
		memcpy(text + at, part, n);
	return (struct str){ text, at };
}

/* Refused with these words before it costs anything. */
static void
check_too_much(const char *head, const char *part, size_t bytes, const char *words)
{
	struct arena *own = arena_new();
	struct str text;

	arena = own;
	text = repeated(head, part, bytes);
	CHECK(parse(text) == NULL);
	CHECK_HAS(printed(), words);
	CHECK_INT(d.errors, 1);
	finish();
	arena_free(own);
}

TEST(too_much_of_anything_is_refused)
{
	check_too_much("", "# a comment\n", YAML_SIZE_MAX + 12,
	    "f.yaml: error: the file is larger than 1024 KiB");
	check_too_much("", "[", 40, "f.yaml:1:33: error: nested deeper than 32 levels");
	check_too_much("", "{a: ", 400, "nested deeper than 32 levels");
	check_too_much("", "- ", 400, "f.yaml:1:65: error: nested deeper than 32 levels");
	check_too_much("", "? ", 400, "nested deeper than 32 levels");
	check_too_much("", "[", YAML_SIZE_MAX, "too many brackets and commas");
	check_too_much("a: [", "x,", YAML_SIZE_MAX, "too many brackets and commas");
	check_too_much("", "-\n", YAML_SIZE_MAX, "more than 100000 values in one file");
}

TEST(a_tree_of_the_greatest_depth_is_read)
{
	struct arena *own = arena_new();
	struct str text;

	arena = own;
	text = repeated("", "- ", 2 * YAML_DEPTH_MAX);
	CHECK(parse(text) != NULL);
	finish();
	arena_free(own);
}

TEST(a_large_mapping_is_searched_for_duplicates_in_reasonable_time)
{
	struct buf text;

	buf_init(&text, YAML_SIZE_MAX);
	for (int i = 0; i < 49000; i++)
		buf_printf(&text, "key%d: v\n", i);
	buf_add_cstr(&text, "key7: v\n");
	CHECK(parse(buf_str(&text)) == NULL);
	CHECK_HAS(printed(), "f.yaml:49001:1: error: key 'key7' is there twice, first at 8:1");
	finish();
	buf_done(&text);
}

/* A mistake at a byte of the text is found again in the file. */
static void
check_inside(struct str text, size_t offset, int line, int col)
{
	struct yaml *y = yaml_get(parse(text), "c");

	CHECK(y != NULL);
	yaml_error_inside(&d, y, offset, "here");
	CHECK_INT(d.list[0].line, line);
	CHECK_INT(d.list[0].col, col);
	finish();
}

TEST(a_place_inside_a_text_is_found_again_in_the_file)
{
	check_inside(STR("c: vm and lab\n"), 7, 1, 11);
	check_inside(STR("c: \"vm and lab\"\n"), 7, 1, 12);
	check_inside(STR("{\"c\": \"vm and lab\"}\n"), 7, 1, 15);
	check_inside(STR("c: >-\n  vm\n  and lab\n"), 7, 3, 7);
	check_inside(STR("c: vm\n  and\n    lab\n"), 7, 3, 5);
	check_inside(STR("c: |\n  vm\n  and lab\n"), 7, 3, 7);
	check_inside(STR("c: \u00e9\u00e9 x\n"), 5, 1, 7);
	check_inside(STR("c: \"a\\tb x\"\n"), 4, 1, 6); /* the escape */
}
