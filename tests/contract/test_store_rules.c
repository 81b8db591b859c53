/* The text of the rules that decided something is kept as long as what they decided. */
#include "store_world.h"

static void
keep(struct store *s, const char *hash, const char *files, int64_t now_ms)
{
	struct err e;

	CHECK_OK(store_begin(s, &e));
	CHECK_OK(store_put_rules(s, str_of(hash), str_of(files), now_ms, &e));
	CHECK_OK(store_commit(s, 1, &e));
}

static size_t
versions(struct store *s, struct rule_version **rows)
{
	struct err e;
	size_t n;

	CHECK_OK(store_list_rules(s, 10, arena, rows, &n, &e));
	return n;
}

TEST(a_version_is_found_by_its_hash_and_the_newest_use_is_first)
{
	struct store *s = new_store();
	struct rule_version v, *rows;
	struct err e;

	keep(s, "aaa", "[\"a\"]", 1000);
	keep(s, "bbb", "[\"b\"]", 2000);
	keep(s, "aaa", "[\"a\"]", 3000); /* taken back */
	CHECK_INT(versions(s, &rows), 2);
	CHECK_STR(rows[0].hash, "aaa");
	CHECK_INT(rows[0].first_ms, 1000);
	CHECK_INT(rows[0].last_ms, 3000);
	CHECK_OK(store_show_rules(s, STR("bbb"), arena, &v, &e));
	CHECK_STR(v.files, "[\"b\"]");
	CHECK(!store_show_rules(s, STR("ccc"), arena, &v, &e));
	CHECK_INT(e.kind, ERR_NOT_FOUND);
	CHECK_HAS(e.text, "no version ccc of the rules is kept");
	store_close(s);
}

/* One event that was decided then. */
static void
decide(struct store *s, int64_t decided_ms)
{
	struct event ev = { .kind = EVENT_UNREADABLE, .raw = STR("{}") };
	struct decision d = { .event = &ev,
		.received_ms = decided_ms,
		.decided_ms = decided_ms,
		.headers = STR("{}"),
		.state = EVENT_STATE_UNREADABLE,
		.trace = STR_EMPTY };
	struct err e;
	bool fresh;

	memcpy(d.hash.bytes, &decided_ms, sizeof(decided_ms));
	CHECK_OK(store_begin(s, &e));
	CHECK_OK(store_put_decision(s, &d, &fresh, &e));
	CHECK_OK(store_commit(s, 1, &e));
}

TEST(a_version_goes_when_nothing_is_left_that_it_decided)
{
	struct store *s = new_store();
	struct rule_version *rows;
	struct err e;

	keep(s, "old", "[]", 1000);
	keep(s, "mid", "[]", 2000);
	CHECK_OK(store_forget_rules(s, &e)); /* there is no event that says how old they are */
	CHECK_INT(versions(s, &rows), 2);
	decide(s, 2500);
	keep(s, "new", "[]", 3000);
	CHECK_OK(store_forget_rules(s, &e));
	CHECK_INT(versions(s, &rows), 2);
	CHECK_STR(rows[0].hash, "new");
	CHECK_STR(rows[1].hash, "mid");
	store_close(s);
}

TEST(the_oldest_texts_go_when_all_are_too_much)
{
	struct store *s = new_store();
	struct rule_version *rows;
	size_t half = STORE_RULES_BYTES_MAX / 2 + 1;
	char *text = xmalloc(half + 1);

	memset(text, 'x', half);
	text[half] = '\0';
	keep(s, "old", text, 1000);
	keep(s, "new", text, 2000);
	CHECK_INT(versions(s, &rows), 2);
	CHECK_STR(rows[0].hash, "new");
	CHECK_INT(rows[0].bytes, half);
	CHECK_INT(rows[1].bytes, 0);
	free(text);
	store_close(s);
}
