#include "core/card.h"

#include "step_sample.h"

static struct arena *arena;

static struct card
card_of(const char *name, const char *description)
{
	arena_free(arena);
	arena = arena_new();
	return (struct card){ .name = str_of(name),
		.severity = STR("high"),
		.status = STR("Active"),
		.time = STR("2026-11-23T20:00:00Z"),
		.type = empty,
		.entity = STR("web-01"),
		.resource = empty,
		.description = str_of(description),
		.tactics = empty,
		.uri = empty };
}

TEST(a_ticket_says_what_happened_what_was_done_why_and_how_to_undo_it)
{
	struct card c = card_of("Suspicious process", "A process.");
	const struct verdict_text why = { STR("isolate"), STR("severity is High") };
	struct step s = step_of("isolate_vm", STEP_DONE);

	c.steps = &s;
	c.n_steps = 1;
	c.reasons = &why;
	c.n_reasons = 1;
	CHECK_STR(card_print_text(&c, 4000, arena),
	    "Alert: Suspicious process\nSeverity: high\nStatus: Active\n"
	    "Time: 2026-11-23T20:00:00Z\nEntity: web-01\nDescription: A process.\n\n"
	    "What was done:\n- isolate_vm web-01: done\n\nUndo:\n- gridwarden release 7\n\n"
	    "Why:\n- isolate: severity is High");
	CHECK_STR(card_print_news(&c, 4000, arena),
	    "What was done:\n- isolate_vm web-01: done\n\nUndo:\n- gridwarden release 7");
	CHECK_STR(card_print_title(&c, 100, arena), "High: Suspicious process");
}

/* HTML, the wiki markup of Jira, the code tags of ServiceNow, Markdown. */
TEST(text_of_an_attacker_is_no_markup_in_any_ticket_system)
{
	struct card c = card_of("<b>x</b> {color:red}", "[code]<script>[/code] [~admin] "
							"[a|http://evil.example] ![i](https://x)\n"
							"{noformat}");
	struct str text = card_print_text(&c, 4000, arena);

	for (size_t i = 0; i < text.n; i++)
		CHECK(strchr("<>{}[]", text.p[i]) == NULL);
	CHECK(!str_has_nocase(text, STR("http://")) && !str_has_nocase(text, STR("https://")));
	CHECK_STR(
	    card_print_title(&c, 100, arena), "High: \u2039b\u203ax\u2039/b\u203a (color:red)");
}

TEST(a_ticket_is_never_longer_than_asked_for)
{
	struct card c = card_of("", "");
	char *longest = arena_alloc(arena, 60001);
	struct step steps[40];

	memset(longest, '<', 60000);
	c.name = c.description = c.entity = (struct str){ longest, 60000 };
	for (size_t i = 0; i < 40; i++) {
		steps[i] = step_of("isolate_vm", STEP_FAILED);
		steps[i].reason = (struct str){ longest, 60000 };
	}
	c.steps = steps;
	c.n_steps = 40;
	for (size_t max = TICKET_TEXT_MIN; max <= 8192; max += 1024) {
		struct str text = card_print_text(&c, max, arena);

		CHECK(text.n <= max && text.n > TICKET_TEXT_MIN / 4);
		CHECK(json_text(json_string(text, arena)).n == text.n); /* whole characters */
		CHECK(card_print_news(&c, max, arena).n <= max);
	}
}
