#include "core/approval.h"

#include <stdlib.h>

#include "test.h"

static const unsigned char key[APPROVAL_KEY_SIZE] = { 1, 2, 3 };
static const unsigned char other_key[APPROVAL_KEY_SIZE] = { 1, 2, 4 };
static struct arena *arena;

static void
free_arena(void)
{
	arena_free(arena);
}

static struct step
held(void)
{
	if (arena == NULL) {
		arena = arena_new();
		atexit(free_arena);
	}
	return (struct step){ .id = 17,
		.key = STR("the effect"),
		.action = STR("isolate_vm"),
		.state = STEP_APPROVAL,
		.created_ms = 5000,
		.due_ms = 9000 };
}

static struct str
token(enum approval_kind kind, const char *channel)
{
	struct step s = held();
	struct approval_token t;

	CHECK(approval_token_for(&s, kind, str_of(channel), arena, &t));
	return approval_token_print(&t, key, arena);
}

TEST(a_token_says_what_it_is_for_and_is_read_as_it_was_written)
{
	struct str text = token(APPROVAL_DENY, "soc");
	struct approval_token t;
	struct step s = held();

	CHECK_STR(str_slice(text, 0, 15), "1.deny.17.9000.");
	CHECK(approval_token_read(text, key, arena, &t));
	CHECK_INT(t.kind, APPROVAL_DENY);
	CHECK_INT(t.step_id, 17);
	CHECK_INT(t.expires_ms, 9000);
	CHECK_STR(t.channel, "soc");
	CHECK(approval_token_fits(&t, &s, arena));
	CHECK(str_eq(approval_token_print(&t, key, arena), text));
}

/* RFC 2104 over what the header says is signed, computed with another program. */
TEST(the_signature_is_the_hmac_of_all_that_stands_before_it)
{
	struct approval_token t = { APPROVAL_SHOW, 1, 2, STR("m"), STR("c") };

	CHECK_STR(approval_token_print(&t, key, (held(), arena)),
	    "1.show.1.2.m.Yw.VYseAKchq5u1x0hyiFcH-9Hxf4lACwxlMuwR4L3Ki0w");
}

TEST(whatever_byte_of_a_token_is_changed_it_is_nobodys)
{
	struct str text = token(APPROVAL_APPROVE, "soc");
	char *copy = xstrndup(text);
	struct approval_token t;

	for (size_t i = 0; i < text.n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = (char)(text.p[i] ^ (1 << bit));
			CHECK(!approval_token_read((struct str){ copy, text.n }, key, arena, &t));
		}
		copy[i] = text.p[i];
		CHECK(!approval_token_read(str_slice(text, 0, i), key, arena, &t));
	}
	free(copy);
	CHECK(!approval_token_read(arena_printf(arena, "%.*s.", STR_ARG(text)), key, arena, &t));
	CHECK(!approval_token_read(text, other_key, arena, &t));
}

TEST(what_is_signed_and_no_token_is_none)
{
	struct approval_token t = { APPROVAL_SHOW, 1, 2, STR("a.b"), STR("c") }, out;
	struct step s = held();

	CHECK(!approval_token_read(approval_token_print(&t, key, arena), key, arena, &out));
	t = (struct approval_token){ APPROVAL_SHOW, 0, 2, STR("m"), STR("c") };
	CHECK(!approval_token_read(approval_token_print(&t, key, arena), key, arena, &out));
	t = (struct approval_token){ APPROVAL_SHOW, 1, -2, STR("m"), STR("c") };
	CHECK(!approval_token_read(approval_token_print(&t, key, arena), key, arena, &out));
	(void)s;
}

TEST(a_token_is_for_one_step_one_decision_and_one_channel)
{
	struct step s = held(), other;
	struct approval_token t;

	CHECK(!str_eq(token(APPROVAL_APPROVE, "soc"), token(APPROVAL_DENY, "soc")));
	CHECK(!str_eq(token(APPROVAL_APPROVE, "soc"), token(APPROVAL_APPROVE, "leads")));
	CHECK(approval_token_read(token(APPROVAL_APPROVE, "soc"), key, arena, &t));
	other = s;
	other.id = 18;
	CHECK(!approval_token_fits(&t, &other, arena));
	other = s;
	other.key = STR("another effect");
	CHECK(!approval_token_fits(&t, &other, arena));
	other = s;
	other.due_ms = 9001;
	CHECK(!approval_token_fits(&t, &other, arena));
	/* Once it is decided it is still that step's: what became of it can be shown. */
	other = s;
	other.state = STEP_DONE;
	other.created_ms = other.due_ms = 7000;
	CHECK(approval_token_fits(&t, &other, arena));
}

TEST(only_what_is_held_until_some_time_has_a_link)
{
	struct approval_page page = { .url = STR("https://gw.example.com:8444") };
	struct step s = held();
	struct str link;

	memcpy(page.key, key, sizeof(key));
	link = approval_link(&page, &s, STR("soc"), arena);
	CHECK_STR(str_slice(link, 0, 45), "https://gw.example.com:8444/approvals/1.show.");
	CHECK_INT(approval_link(NULL, &s, STR("soc"), arena).n, 0);
	CHECK_INT(approval_link(&page, &s, STR_EMPTY, arena).n, 0);
	s.due_ms = s.created_ms; /* for ever */
	CHECK_INT(approval_link(&page, &s, STR("soc"), arena).n, 0);
	s = held();
	s.state = STEP_WAITING;
	CHECK_INT(approval_link(&page, &s, STR("soc"), arena).n, 0);
	s = held();
	s.id = 0;
	CHECK_INT(approval_link(&page, &s, STR("soc"), arena).n, 0);
}

TEST(the_longest_token_can_be_read)
{
	char name[APPROVAL_CHANNEL_MAX + 2];
	struct approval_token t;
	struct step s = held();
	struct str text;

	memset(name, 'x', sizeof(name));
	s.id = s.due_ms = INT64_MAX / 16;
	CHECK(approval_token_for(
	    &s, APPROVAL_APPROVE, (struct str){ name, APPROVAL_CHANNEL_MAX }, arena, &t));
	text = approval_token_print(&t, key, arena);
	CHECK(approval_token_read(text, key, arena, &t));
	CHECK(!approval_token_for(
	    &s, APPROVAL_APPROVE, (struct str){ name, APPROVAL_CHANNEL_MAX + 1 }, arena, &t));
}
