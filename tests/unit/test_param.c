#include "test.h"

#include <stdio.h>

#include "core/param.h"

static const struct param inner[] = {
	{ .name = "size", .type = PARAM_SIZE, .fallback = "4KiB", .min = 1024, .max = 1 << 20 },
	{ .name = "kind", .type = PARAM_CHOICE, .choices = "red|green|blue", .required = true },
	{ .name = NULL },
};

static const struct param loose[] = {
	{ .name = "on", .type = PARAM_BOOL, .fallback = "true" },
	{ .name = NULL },
};

static const struct param table[] = {
	{ .name = "text", .type = PARAM_TEXT },
	{ .name = "severity", .type = PARAM_TEXT, .fallback = "High" },
	{ .name = "flag", .type = PARAM_BOOL, .fallback = "false" },
	{ .name = "count", .type = PARAM_INTEGER, .min = -5, .max = 100 },
	{ .name = "wait", .type = PARAM_DURATION, .fallback = "30s", .min = 1000, .max = 3600000 },
	{ .name = "port", .type = PARAM_PORT },
	{ .name = "ports", .type = PARAM_PORT, .list = true },
	{ .name = "range", .type = PARAM_CIDR },
	{ .name = "url", .type = PARAM_URL },
	{ .name = "imds", .type = PARAM_URL, .choices = "169.254.169.254" },
	{ .name = "vm", .type = PARAM_RESOURCE_ID },
	{ .name = "sub", .type = PARAM_GROUP, .group = inner, .shorthand = "kind" },
	{ .name = "plain", .type = PARAM_GROUP, .group = loose },
	{ .name = "subs", .type = PARAM_GROUP, .group = inner, .list = true },
	{ .name = "named", .type = PARAM_NAMED, .group = inner },
	{ .name = "tags", .type = PARAM_STRING_MAP },
	{ .name = "tree", .type = PARAM_TREE },
	{ .name = "either", .type = PARAM_TEXT_OR_TREE },
	{ .name = "shape", .type = PARAM_SHAPE, .shape = "match" },
	{ .name = "owned", .type = PARAM_GROUP, .group = inner, .apart = true },
	{ .name = "later", .type = PARAM_REFUSED, .help = "not in this version" },
	{ .name = NULL },
};

static struct arena *arena;
static struct diags d;
static struct source source;
static struct buf out;

static const struct json *
read(const char *text)
{
	struct yaml *y;

	arena_free(arena);
	buf_done(&out);
	arena = arena_new();
	diags_init(&d, arena);
	buf_init(&out, 65536);
	source = (struct source){ "p.yaml", str_of(text) };
	y = yaml_parse(&source, arena, &d);
	CHECK(y != NULL);
	return params_read(table, y, arena, &d);
}

/* What is read, as one line of JSON without the keys that are there by default. */
static void
check_read(const char *text, const char *name, const char *want)
{
	const struct json *j = read(text);

	diags_print(&d, &out);
	if (d.errors > 0)
		print_error("%s", buf_cstr(&out));
	CHECK_INT(d.errors, 0);
	CHECK_STR(json_print(json_get(j, name), arena), want);
}

static void
check_refused(const char *text, int line, int col, const char *words)
{
	char place[64];

	read(text);
	diags_print(&d, &out);
	snprintf(place, sizeof(place), "p.yaml:%d:%d: error: ", line, col);
	CHECK_HAS(buf_cstr(&out), place);
	CHECK_HAS(buf_cstr(&out), words);
	if (d.errors != 1)
		print_error("%s", buf_cstr(&out));
	CHECK_INT(d.errors, 1);
}

TEST(the_table_decides_what_a_text_means)
{
	check_read("text: no", "text", "\"no\"");
	check_read("text: 1e3", "text", "\"1e3\"");
	check_read("text: 0123", "text", "\"0123\"");
	check_read("text: true", "text", "\"true\"");
	check_read("flag: true", "flag", "true");
	check_read("count: -5", "count", "-5");
	check_read("count: '100'", "count", "100");
	check_read("wait: 5m", "wait", "300000");
	check_read("port: 443", "port", "443");
	check_read("ports: [22, 3389]", "ports", "[22,3389]");
	check_read("sub: {kind: red, size: 512KiB}", "sub", "{\"size\":524288,\"kind\":\"red\"}");
	check_read("sub: {kind: red, size: 1MiB}", "sub", "{\"size\":1048576,\"kind\":\"red\"}");
	check_read("sub: {kind: red, size: 2048}", "sub", "{\"size\":2048,\"kind\":\"red\"}");
	check_read("tree: {a: [1, '1', true, x, 07, ~], b: {c: -2.5}}", "tree",
	    "{\"a\":[1,\"1\",true,\"x\",\"07\",null],\"b\":{\"c\":-2.5}}");
	check_read("tags: {a: b, c: no}", "tags", "{\"a\":\"b\",\"c\":\"no\"}");
	check_read("vm: /subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg",
	    "vm", "\"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg\"");
}

TEST(a_text_or_a_mapping_is_either)
{
	check_read("either: file.json", "either", "\"file.json\"");
	check_read("either: {a: 1}", "either", "{\"a\":1}");
	check_refused("either: [1]", 1, 9, "either must be a single value, not a list");
}

TEST(what_stands_apart_is_known_and_left_to_its_owner)
{
	CHECK(json_get(read("owned: [whatever]"), "owned") == NULL);
	CHECK_INT(d.errors, 0);
	CHECK(json_get(read("shape: {also: this}"), "shape") == NULL);
	CHECK_INT(d.errors, 0);
	check_refused("shap: 1", 1, 1, "did you mean 'shape'?");
}

TEST(defaults_are_filled_in)
{
	const struct json *j = params_read(table, NULL, read("") != NULL ? arena : NULL, &d);

	CHECK_STR(json_text(json_get(j, "severity")), "High");
	CHECK(!json_true(json_get(j, "flag")) && json_is(json_get(j, "flag"), JSON_BOOL));
	CHECK_STR(json_print(json_get(j, "wait"), arena), "30000");
	CHECK_STR(json_print(json_get(j, "ports"), arena), "[]");
	CHECK(json_true(json_at(j, "plain.on")));
	CHECK(json_get(j, "text") == NULL);
	CHECK_INT(d.errors, 0);
}

TEST(one_is_a_list_of_one_and_a_word_is_its_group)
{
	check_read("ports: 22", "ports", "[22]");
	check_read("subs: {kind: blue}", "subs", "[{\"size\":4096,\"kind\":\"blue\"}]");
	check_read("sub: green", "sub", "{\"size\":4096,\"kind\":\"green\"}");
	check_read("named: {one: {kind: red}, two: {kind: blue}}", "named",
	    "{\"one\":{\"size\":4096,\"kind\":\"red\"},\"two\":{\"size\":4096,\"kind\":\"blue\"}}");
}

TEST(an_unknown_key_is_refused_and_the_nearest_named)
{
	check_refused("sevrity: Low", 1, 1, "unknown key 'sevrity', did you mean 'severity'?");
	check_refused("zzzzzz: 1", 1, 1, "unknown key 'zzzzzz'\n");
	check_refused("sub:\n  kind: red\n  siez: 4KiB", 3, 3, "did you mean 'size'?");
	check_refused("SEVERITY: Low", 1, 1, "did you mean 'severity'?");
}

TEST(a_missing_key_is_reported_where_it_belongs)
{
	check_refused("text: x\nsub: {size: 4KiB}", 2, 6, "the key 'kind' is missing");
	check_refused("named: {one: {size: 4KiB}}", 1, 14, "the key 'kind' is missing");
}

TEST(a_wrong_type_is_refused_and_the_right_one_named)
{
	check_refused("text: [a]", 1, 7, "text must be a single value, not a list");
	check_refused("text: {a: b}", 1, 7, "text must be a single value, not a mapping");
	check_refused("text:", 1, 1, "text must be a single value, not nothing");
	check_refused("text: ''", 1, 8, "text must not be empty");
	check_refused("sub: [red]", 1, 6, "sub must be a mapping of keys, not a list");
	check_refused("plain: x", 1, 8, "plain must be a mapping of keys, not a text");
	check_refused("named: x", 1, 8, "named must be a mapping from names to keys, not a text");
	check_refused("tags: x", 1, 7, "tags must be a mapping from text to text");
	check_refused("tags: {a: [b]}", 1, 11, "must be a text, not a list");
	check_refused("ports: [22, [23]]", 1, 13, "ports must be a single value, not a list");
	check_refused("later: 1", 1, 8, "later: not in this version");
}

TEST(only_true_and_false_are_booleans)
{
	static const char *const words[] = { "yes", "no", "True", "on", "1", "''" };

	for (size_t i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "flag: %s", words[i]);
		read(text);
		diags_print(&d, &out);
		CHECK_HAS(buf_cstr(&out), "flag must be true or false, not '");
	}
}

TEST(numbers_are_refused_outside_their_limits)
{
	check_refused("count: 101", 1, 8, "must be a whole number from -5 to 100, not '101'");
	check_refused("count: -6", 1, 8, "from -5 to 100");
	check_refused("count: 1.5", 1, 8, "a whole number");
	check_refused("count: 1e3", 1, 8, "a whole number");
	check_refused("count: 0x10", 1, 8, "a whole number");
	check_refused("count: 99999999999999999999", 1, 8, "a whole number");
	check_refused("port: 0", 1, 7, "must be a port from 1 to 65535, not '0'");
	check_refused("port: 65536", 1, 7, "must be a port");
	check_refused("ports: [22, http]", 1, 13, "must be a port");
}

TEST(durations_and_sizes_have_units_and_limits)
{
	check_refused("wait: 30", 1, 7, "'30' has no unit, write 30s, 5m, 8h or 2d");
	check_refused("wait: soon", 1, 7, "'soon' is not a duration");
	check_refused("wait: 30 s", 1, 7, "'30 s' has an unknown unit, write 30s");
	check_refused("wait: 500ms", 1, 7, "must be from 1s to 1h, not '500ms'");
	check_refused("wait: 2h", 1, 7, "must be from 1s to 1h, not '2h'");
	check_refused(
	    "sub: {kind: red, size: 4MB}", 1, 24, "a size such as 512KiB or 4MiB, not '4MB'");
	check_refused("sub: {kind: red, size: 1}", 1, 24, "from 1024 to 1048576 bytes, not '1'");
	check_refused("sub: {kind: red, size: 2MiB}", 1, 24, "from 1024 to 1048576 bytes");
	check_refused("sub: {kind: red, size: -1}", 1, 24, "must be a size");
}

TEST(a_choice_is_one_of_its_words)
{
	check_refused("sub: {kind: gren}", 1, 13, "kind is 'gren', did you mean 'green'?");
	check_refused("sub: {kind: violet}", 1, 13, "must be red, green or blue, not 'violet'");
}

TEST(addresses_are_ip_addresses_with_or_without_a_length)
{
	check_read("range: 203.0.113.0/24", "range", "\"203.0.113.0/24\"");
	check_read("range: 203.0.113.7", "range", "\"203.0.113.7\"");
	check_read("range: 2001:db8::/32", "range", "\"2001:db8::/32\"");
	check_refused("range: 203.0.113.0/33", 1, 8, "an address or a range such as");
	check_refused("range: 2001:db8::/129", 1, 8, "an address or a range such as");
	check_refused("range: 203.0.113", 1, 8, "an address or a range");
	check_refused("range: host", 1, 8, "an address or a range");
	check_refused("range: '*'", 1, 9, "an address or a range");
	check_refused("range: 10.0.0.0/", 1, 8, "an address or a range");
	check_refused("range: 10.0.0.0/8/8", 1, 8, "an address or a range");
}

TEST(urls_are_encrypted_or_stay_on_this_machine)
{
	check_read("url: https://management.azure.com", "url", "\"https://management.azure.com\"");
	check_read("url: https://h.example:8443/a/b", "url", "\"https://h.example:8443/a/b\"");
	check_read("url: http://127.0.0.1:8080", "url", "\"http://127.0.0.1:8080\"");
	check_read("url: http://127.1.2.3", "url", "\"http://127.1.2.3\"");
	check_read("url: 'http://[::1]:80/x'", "url", "\"http://[::1]:80/x\"");
	check_read("url: http://localhost:80", "url", "\"http://localhost:80\"");
	check_read("imds: http://169.254.169.254", "imds", "\"http://169.254.169.254\"");
}

TEST(urls_that_only_look_local_are_refused)
{
	static const char *const urls[] = { "http://management.azure.com",
		"http://127.evil.example", "http://127.0.0.1.evil.example",
		"http://localhost.evil.example", "http://169.254.169.254", "http://[::2]" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "url: %s", urls[i]);
		check_refused(text, 1, 6, "must begin with https://");
	}
	check_refused(
	    "imds: http://169.254.169.254.evil.example", 1, 7, "must begin with https://");
}

TEST(urls_have_nothing_in_them_that_could_send_them_elsewhere)
{
	static const char *const urls[] = { "https://", "https://u@h.example", "https://h?x=1",
		"https://h/a#b", "ftp://h", "h.example", "https://h:0", "https://h:x",
		"https://h:", "https://[::1", "https://[x]", "https:///path", "https://h\\\\x",
		"https://-h" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "url: '%s'", urls[i]);
		check_refused(text, 1, 7, "must be an address such as https://host");
	}
	check_refused("url: 'https://h x'", 1, 7, "must be an address such as");
}

TEST(a_resource_id_must_be_one)
{
	check_refused("vm: web-01", 1, 5, "vm resource id does not start with '/'");
}

TEST(names_of_the_users_choice_are_plain)
{
	check_refused("named: {'a b': {kind: red}}", 1, 10, "'a b' cannot be a name");
	check_refused("named: {SOC: {kind: red}}", 1, 9, "'SOC' cannot be a name");
}

TEST(all_mistakes_are_found_at_once)
{
	read("sevrity: x\nflag: yes\nport: 0\nwait: 3\nsub: {kind: x, size: y}\nlater: 1\n");
	CHECK_INT(d.errors, 7);
}
