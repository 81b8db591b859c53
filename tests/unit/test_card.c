#include "core/card.h"

#include <stdlib.h>

#include "step_sample.h"

#define PORTAL "https://portal.azure.com/#blade/Microsoft_Azure_Security/AlertBlade/alertId/1"
#define BOTH(format)                                                                           \
	for (enum channel_format format = FORMAT_ADAPTIVE_CARD; format <= FORMAT_MESSAGE_CARD; \
	     format++)

static struct card
card_of(const char *name, const char *severity)
{
	return (struct card){ .name = str_of(name),
		.severity = str_of(severity),
		.status = STR("Active"),
		.time = STR("2026-11-23T20:00:00Z"),
		.type = empty,
		.entity = empty,
		.resource = empty,
		.description = empty,
		.tactics = empty,
		.uri = empty };
}

/* Every card is JSON of one line below the cap, whatever is in it. */
static const struct json *
parsed(const struct card *c, enum channel_format format, struct arena *a)
{
	struct str text = card_print(c, format, a);
	struct json *j;
	struct err e;

	CHECK(text.n <= CARD_MAX);
	CHECK(memchr(text.p, '\n', text.n) == NULL);
	j = json_parse(text, a, &e);
	if (j == NULL)
		print_error("%s\n", e.text);
	CHECK(j != NULL);
	return j;
}

static const char *
printed(const struct card *c, enum channel_format format, struct arena *a)
{
	(void)parsed(c, format, a);
	return arena_cstr(a, card_print(c, format, a));
}

static struct str
at(const struct json *j, size_t i, const char *name)
{
	const struct json *child = json_first(j);

	while (i-- > 0)
		child = json_next(child);
	return json_text(json_get(child, name));
}

/* ---- message card ---- */

TEST(a_message_card_is_as_office_connectors_knew_it)
{
	struct card c = card_of("Suspicious process executed", "High");
	struct arena *a = arena_new();
	const struct json *j, *section, *facts, *action;

	c.uri = STR(PORTAL);
	j = parsed(&c, FORMAT_MESSAGE_CARD, a);
	CHECK_STR(json_text(json_get(j, "@type")), "MessageCard");
	CHECK_STR(json_text(json_get(j, "@context")), "http://schema.org/extensions");
	CHECK_STR(json_text(json_get(j, "themeColor")), "FF0000");
	CHECK_STR(json_text(json_get(j, "summary")), "Security Alert: Suspicious process executed");
	CHECK_STR(json_text(json_get(j, "title")), "Security Alert: Suspicious process executed");
	section = json_first(json_get(j, "sections"));
	CHECK(json_is(json_get(section, "markdown"), JSON_BOOL));
	CHECK(!json_true(json_get(section, "markdown")));
	facts = json_get(section, "facts");
	CHECK_STR(at(facts, 0, "name"), "Severity");
	CHECK_STR(at(facts, 0, "value"), "High");
	CHECK_STR(at(facts, 1, "name"), "Status");
	CHECK_STR(at(facts, 1, "value"), "Active");
	CHECK_STR(at(facts, 2, "name"), "Time");
	CHECK_STR(at(facts, 2, "value"), "2026-11-23T20:00:00Z");
	action = json_first(json_get(j, "potentialAction"));
	CHECK_STR(json_text(json_get(action, "@type")), "OpenUri");
	CHECK_STR(at(json_get(action, "targets"), 0, "os"), "default");
	CHECK_STR(at(json_get(action, "targets"), 0, "uri"), PORTAL);
	arena_free(a);
}

TEST(only_high_is_red)
{
	static const char *const words[] = { "Medium", "Low", "Informational", "", "critical" };
	struct arena *a = arena_new();
	struct card c;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		c = card_of("x", words[i]);
		CHECK_STR(json_text(json_get(parsed(&c, FORMAT_MESSAGE_CARD, a), "themeColor")),
		    "FFA500");
	}
	c = card_of("x", "high");
	CHECK_STR(json_text(json_get(parsed(&c, FORMAT_MESSAGE_CARD, a), "themeColor")), "FF0000");
	arena_free(a);
}

TEST(the_first_three_facts_are_there_even_when_the_alert_lacks_them)
{
	struct arena *a = arena_new();
	struct card c = card_of("x", "");
	const struct json *facts;

	c.status = c.time = empty;
	facts =
	    json_get(json_first(json_get(parsed(&c, FORMAT_MESSAGE_CARD, a), "sections")), "facts");
	CHECK_INT(json_count(facts), 3);
	CHECK_STR(at(facts, 0, "value"), "not given");
	CHECK_STR(at(facts, 2, "value"), "not given");
	arena_free(a);
}

/* ---- adaptive card ---- */

static const struct json *
content(const struct card *c, struct arena *a)
{
	const struct json *j = parsed(c, FORMAT_ADAPTIVE_CARD, a);

	return json_get(json_first(json_get(j, "attachments")), "content");
}

TEST(an_adaptive_card_is_in_the_wrapper_of_workflows)
{
	struct card c = card_of("Suspicious process executed", "High");
	struct arena *a = arena_new();
	const struct json *j = parsed(&c, FORMAT_ADAPTIVE_CARD, a), *one, *card;

	CHECK_STR(json_text(json_get(j, "type")), "message");
	CHECK_INT(json_count(json_get(j, "attachments")), 1);
	one = json_first(json_get(j, "attachments"));
	CHECK_STR(
	    json_text(json_get(one, "contentType")), "application/vnd.microsoft.card.adaptive");
	CHECK(json_get(one, "contentUrl") != NULL);
	CHECK(json_is(json_get(one, "contentUrl"), JSON_NULL));
	card = json_get(one, "content");
	CHECK_STR(json_text(json_get(card, "type")), "AdaptiveCard");
	CHECK_STR(json_text(json_get(card, "version")), "1.4");
	CHECK_STR(json_text(json_at(card, "msteams.width")), "Full");
	CHECK(json_at(card, "msteams.entities") == NULL);
	arena_free(a);
}

static struct str
style(const struct card *c, struct arena *a)
{
	const struct json *band = json_first(json_get(content(c, a), "body"));

	CHECK(json_true(json_get(band, "bleed")));
	return json_text(json_get(band, "style"));
}

TEST(the_band_tells_how_bad_it_is)
{
	struct step steps[2] = { step_of("isolate_vm", STEP_DONE),
		step_of("isolate_vm", STEP_DONE) };
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	CHECK_STR(style(&c, a), "attention");
	c = card_of("x", "Medium");
	CHECK_STR(style(&c, a), "warning");
	c = card_of("x", "Low");
	CHECK_STR(style(&c, a), "accent");
	c.steps = steps;
	c.n_steps = 2;
	CHECK_STR(style(&c, a), "accent");
	steps[1].undo_of = 7;
	steps[1].id = 8;
	CHECK_STR(style(&c, a), "good");
	steps[1].state = STEP_APPROVAL;
	CHECK_STR(style(&c, a), "warning");
	steps[1].state = STEP_FAILED;
	CHECK_STR(style(&c, a), "attention");
	arena_free(a);
}

TEST(a_card_of_an_effect_that_is_not_whole_is_red)
{
	struct step steps[2] = { step_of("isolate_vm", STEP_DONE),
		step_of("isolate_vm", STEP_DONE) };
	struct arena *a = arena_new();
	struct card c = card_of("x", "Low");

	steps[1].id = 8;
	steps[1].undo_of = 7;
	c.steps = steps;
	c.n_steps = 2;
	CHECK_STR(style(&c, a), "good");
	steps[1].result = STR("{\"restored\":[],\"drifted\":[{}]}");
	CHECK_STR(style(&c, a), "attention");
	c.n_steps = 1;
	steps[0].result = STR("{\"interfaces\":[{}],\"still_allowed_by\":[\"ssh\"]}");
	CHECK_STR(style(&c, a), "attention");
	arena_free(a);
}

TEST(badges_say_shadow_sample_and_needs_approval)
{
	struct step held = step_of("isolate_vm", STEP_APPROVAL);
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	BOTH(f)
	{
		c.sample = c.shadow = false;
		c.n_steps = 0;
		CHECK(strstr(printed(&c, f, a), "SHADOW") == NULL);
		CHECK(strstr(printed(&c, f, a), "SAMPLE") == NULL);
		CHECK(strstr(printed(&c, f, a), "NEEDS APPROVAL") == NULL);
		c.sample = c.shadow = true;
		c.steps = &held;
		c.n_steps = 1;
		CHECK_HAS(printed(&c, f, a), "SHADOW");
		CHECK_HAS(printed(&c, f, a), "SAMPLE");
		CHECK_HAS(printed(&c, f, a), "NEEDS APPROVAL");
		CHECK_HAS(printed(&c, f, a), "gridwarden approve 7");
	}
	arena_free(a);
}

TEST(a_card_says_what_was_done_why_and_how_to_undo_it)
{
	struct step steps[2] = { step_of("isolate_vm", STEP_DONE),
		step_of("notify", STEP_RUNNING) };
	struct verdict_text why = { STR("isolate-on-suspicious-process"), STR("severity is High") };
	struct str advice = STR("Escalate to the security team");
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	steps[0].result = STR("{\"interfaces\":[{\"id\":\"a\"},{\"id\":\"b\"}]}");
	steps[1].reports = true;
	steps[1].disruptive = false;
	c.steps = steps;
	c.n_steps = 2;
	c.reasons = &why;
	c.n_reasons = 1;
	c.remediation = &advice;
	c.n_remediation = 1;
	c.resource = STR(VM);
	c.entity = STR("web-01");
	c.description = STR("What happened.");
	BOTH(f)
	{
		const char *text = printed(&c, f, a);

		CHECK_HAS(text, "What was done");
		CHECK_HAS(text, "isolate_vm web-01: done (2 network interfaces)");
		CHECK_HAS(text, "isolate-on-suspicious-process: severity is High");
		CHECK_HAS(text, "gridwarden release 7");
		CHECK_HAS(text, VM);
		CHECK_HAS(text, "What happened.");
		CHECK_HAS(text, "Escalate to the security team");
		CHECK(strstr(text, "notify") == NULL); /* it is this card */
	}
	CHECK_HAS(printed(&c, FORMAT_ADAPTIVE_CARD, a), "\"fontType\":\"Monospace\"");
	arena_free(a);
}

TEST(a_step_that_was_undone_offers_no_undo)
{
	struct step steps[2] = { step_of("isolate_vm", STEP_DONE),
		step_of("isolate_vm", STEP_DONE) };
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	steps[1].id = 8;
	steps[1].undo_of = 7;
	c.steps = steps;
	c.n_steps = 2;
	BOTH(f)
	{
		CHECK(strstr(printed(&c, f, a), "gridwarden release") == NULL);
		CHECK_HAS(printed(&c, f, a), "undo of isolate_vm web-01: done");
	}
	arena_free(a);
}

static bool
is_isolation(struct str action)
{
	return str_is(action, "isolate_vm");
}

TEST(what_has_no_way_back_is_offered_none)
{
	struct step steps[2] = { step_of("isolate_vm", STEP_DONE),
		step_of("snapshot_vm", STEP_DONE) };
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	steps[1].id = 8;
	c.steps = steps;
	c.n_steps = 2;
	c.undoable = is_isolation;
	BOTH(f)
	{
		CHECK_HAS(printed(&c, f, a), "gridwarden release 7");
		CHECK(strstr(printed(&c, f, a), "gridwarden release 8") == NULL);
	}
	arena_free(a);
}

TEST(only_a_link_to_a_portal_is_a_button)
{
	static const char *const wrong[] = { "http://portal.azure.com/x", "javascript:alert(1)",
		"https://evil.example/", "https://portal.azure.com.evil.example/",
		"https://portal.azure.com@evil.example/", "https://portal.azure.com:444/",
		"https://portal.azure.com/a b", "https://portal.azure.com/\"onclick",
		"https://portal.azure.com/\n", "https://evil.cloudapp.azure.com/" };
	static const char *const right[] = { PORTAL, "https://portal.azure.us/#x",
		"https://security.microsoft.com?x=1", "https://portal.azure.com" };
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		c.uri = str_of(wrong[i]);
		CHECK(json_get(parsed(&c, FORMAT_MESSAGE_CARD, a), "potentialAction") == NULL);
		CHECK(json_get(content(&c, a), "actions") == NULL);
		CHECK_HAS(printed(&c, FORMAT_ADAPTIVE_CARD, a), "Link (not checked)");
	}
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		c.uri = str_of(right[i]);
		CHECK_STR(at(json_get(content(&c, a), "actions"), 0, "type"), "Action.OpenUrl");
		CHECK_STR(at(json_get(content(&c, a), "actions"), 0, "url"), right[i]);
		CHECK(json_get(parsed(&c, FORMAT_MESSAGE_CARD, a), "potentialAction") != NULL);
	}
	arena_free(a);
}

/* What is held has a link to its page, before the link to the alert; nothing else has. */
TEST(what_is_held_has_a_link_in_the_card_of_a_channel)
{
	struct approval_page page = { .url = STR("https://gw.example.com:8444") };
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");
	struct step steps[6];
	const struct json *actions;

	for (int i = 0; i < 6; i++)
		steps[i] = (struct step){ .id = i + 1,
			.key = STR("key"),
			.action = STR("isolate_vm"),
			.target = STR("/subscriptions/s/virtualMachines/web-[01](x)"),
			.state = i == 0 ? STEP_DONE : STEP_APPROVAL,
			.created_ms = 1,
			.due_ms = 2 };
	c.steps = steps;
	c.n_steps = 6;
	c.uri = STR("https://portal.azure.com");
	actions = json_get(content(&c, a), "actions");
	CHECK_INT(json_count(actions), 1);

	c.approvals = &page;
	c.channel = STR("soc");
	actions = json_get(content(&c, a), "actions");
	CHECK_INT(json_count(actions), 4); /* three at most, and the alert's */
	CHECK_STR(at(actions, 0, "type"), "Action.OpenUrl");
	CHECK_STR(at(actions, 0, "title"), "Approve or deny isolate_vm web-[01] (x)");
	CHECK(str_eq(at(actions, 0, "url"), approval_link(&page, &steps[1], c.channel, a)));
	CHECK_STR(at(actions, 3, "title"), "Open alert");
	actions = json_get(parsed(&c, FORMAT_MESSAGE_CARD, a), "potentialAction");
	CHECK_INT(json_count(actions), 4);
	CHECK(
	    str_eq(json_text(json_get(json_first(json_get(json_first(actions), "targets")), "uri")),
		approval_link(&page, &steps[1], c.channel, a)));
	/* Whoever reads a ticket is not asked. */
	CHECK(!str_has_nocase(card_print_text(&c, 8192, a), STR("/approvals/")));
	arena_free(a);
}

/* ---- hostile text ---- */

/* Texts that are not ours are in TextRun only: everything else may render Markdown. */
static void
check_runs_only(const struct json *j, const char *hostile)
{
	for (const struct json *k = json_first(j); k != NULL; k = json_next(k)) {
		if (json_is(k, JSON_STRING) && strstr(json_text(k).p, hostile) != NULL) {
			CHECK_STR(json_text(json_get(j, "type")), "TextRun");
			CHECK_STR(json_name(k), "text");
		}
		check_runs_only(k, hostile);
	}
}

static void
fill(struct card *c, struct str text, struct verdict_text *why)
{
	c->name = c->severity = c->status = c->time = c->type = c->entity = text;
	c->resource = c->description = c->tactics = c->uri = text;
	*why = (struct verdict_text){ text, text };
	c->reasons = why;
	c->n_reasons = 1;
	c->remediation = &c->name;
	c->n_remediation = 1;
}

TEST(hostile_text_is_tamed_in_every_field)
{
	struct step step = step_of("isolate_vm", STEP_FAILED);
	struct verdict_text why;
	struct arena *a = arena_new();
	struct card c;

	step.reason =
	    STR("HOSTILE<at>SOC</at>[x](https://evil.example)\xe2\x80\xae{{DATE()}}\n\x1b");
	fill(&c, step.reason, &why);
	c.sample = c.shadow = false;
	c.steps = &step;
	c.n_steps = 1;
	BOTH(f)
	{
		const char *text = printed(&c, f, a);

		CHECK(strstr(text, "<at>") == NULL);
		CHECK(strstr(text, "](") == NULL);
		CHECK(strstr(text, "https://evil") == NULL);
		CHECK(strstr(text, "\xe2\x80\xae") == NULL);
		CHECK(strstr(text, "{{") == NULL);
		CHECK(strstr(text, "\\n") == NULL);
		CHECK(strstr(text, "\\u00") == NULL);
	}
	check_runs_only(parsed(&c, FORMAT_ADAPTIVE_CARD, a), "HOSTILE");
	arena_free(a);
}

TEST(nothing_submits_over_a_webhook)
{
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	c.uri = STR(PORTAL);
	CHECK(strstr(printed(&c, FORMAT_ADAPTIVE_CARD, a), "Action.Submit") == NULL);
	CHECK(strstr(printed(&c, FORMAT_ADAPTIVE_CARD, a), "Action.Execute") == NULL);
	arena_free(a);
}

/* Fields of 100 KB made of one character. */
static void
check_large(const char *character)
{
	struct step steps[200];
	struct str advice[50];
	struct verdict_text reasons[50];
	size_t n = strlen(character), count = 100000 / n;
	char *text = malloc(count * n);
	struct arena *a = arena_new();
	struct str large = { text, count * n };
	struct card c;

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * n, character, n);
	fill(&c, large, &reasons[0]);
	for (size_t i = 0; i < 50; i++) {
		reasons[i] = (struct verdict_text){ large, large };
		advice[i] = large;
	}
	for (size_t i = 0; i < 200; i++) {
		steps[i] = step_of("isolate_vm", i % 2 == 0 ? STEP_FAILED : STEP_APPROVAL);
		steps[i].id = (int64_t)i + 1000000000;
		steps[i].reason = steps[i].target = large;
	}
	c.sample = c.shadow = true;
	c.steps = steps;
	c.n_steps = 200;
	c.reasons = reasons;
	c.n_reasons = 50;
	c.remediation = advice;
	c.n_remediation = 50;
	BOTH(f)
	{
		CHECK_HAS(printed(&c, f, a), "NEEDS APPROVAL");
		CHECK_HAS(printed(&c, f, a), "gridwarden approve 10000");
		CHECK_HAS(printed(&c, f, a), "more");
	}
	arena_free(a);
	free(text);
}

TEST(fields_of_any_size_fit)
{
	check_large("x");
	check_large("\"");
	check_large("\\");
	check_large("\xf0\x9f\x98\x80"); /* four bytes a character */
	check_large("\xff");
	check_large("<at>");
	check_large("\x01");
}

TEST(a_usual_card_is_not_shrunk)
{
	struct step steps[12];
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	for (size_t i = 0; i < 12; i++) {
		steps[i] = step_of("isolate_vm", STEP_DONE);
		steps[i].id = (int64_t)i + 100;
	}
	c.steps = steps;
	c.n_steps = 12;
	c.description = STR("A suspicious process was seen.");
	BOTH(f)
	{
		CHECK_HAS(printed(&c, f, a), "gridwarden release 111");
		CHECK_HAS(printed(&c, f, a), "A suspicious process was seen.");
		CHECK(strstr(printed(&c, f, a), "more") == NULL);
	}
	arena_free(a);
}

TEST(what_does_not_fit_is_counted)
{
	struct step steps[20];
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	for (size_t i = 0; i < 20; i++)
		steps[i] = step_of("isolate_vm", STEP_DONE);
	c.steps = steps;
	c.n_steps = 20;
	BOTH(f)
	CHECK_HAS(printed(&c, f, a), "and 8 more");
	arena_free(a);
}

TEST(what_needs_a_person_comes_first)
{
	struct step steps[3] = { step_of("tag_resource", STEP_DONE),
		step_of("isolate_vm", STEP_DONE), step_of("enable_jit", STEP_FAILED) };
	struct arena *a = arena_new();
	struct card c = card_of("x", "High");

	steps[0].disruptive = false;
	c.steps = steps;
	c.n_steps = 3;
	BOTH(f)
	{
		const char *text = printed(&c, f, a);

		CHECK(strstr(text, "enable_jit web") < strstr(text, "isolate_vm web"));
		CHECK(strstr(text, "isolate_vm web") < strstr(text, "tag_resource web"));
	}
	arena_free(a);
}
