/*
 * Adaptive Card 1.4 in the wrapper that the Workflows webhook takes; newer versions render nothing.
 * https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
 *
 * TextBlock and Fact render Markdown, TextRun does not: texts that are not ours go into TextRun
 * only.  No Action.Submit: over a webhook nobody would receive it.
 */
#include "card_parts.h"

static struct json *
element(const char *type, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_cstr(j, "type", type, a);
	return j;
}

static struct json *
run(struct str text, struct arena *a)
{
	struct json *j = element("TextRun", a);

	json_set_str(j, "text", text, a);
	return j;
}

static struct json *
run_bold(struct str text, struct arena *a)
{
	struct json *j = run(text, a);

	json_set_cstr(j, "weight", "Bolder", a);
	return j;
}

/* One line of runs; the caller adds to its "inlines". */
static struct json *
line(struct json *items, struct arena *a)
{
	struct json *block = element("RichTextBlock", a), *inlines = json_array(a);

	json_set(block, "inlines", inlines, a);
	json_add(items, block, a);
	return inlines;
}

static void
heading(struct json *items, const char *text, struct arena *a)
{
	struct json *block = element("TextBlock", a);

	json_set_cstr(block, "text", text, a); /* ours */
	json_set_cstr(block, "weight", "Bolder", a);
	json_set_cstr(block, "spacing", "Medium", a);
	json_add(items, block, a);
}

static const char *
band_style(const struct card_parts *p)
{
	if (p->failed)
		return "attention";
	if (p->approval)
		return "warning";
	if (p->undone)
		return "good";
	if (p->level == SEVERITY_HIGH)
		return "attention";
	return p->level == SEVERITY_MEDIUM ? "warning" : "accent";
}

static void
badge(struct json *inlines, const char *text, struct arena *a)
{
	struct json *j = run_bold(arena_printf(a, " %s ", text), a);

	json_set_bool(j, "highlight", true, a);
	json_add(inlines, j, a);
	json_add(inlines, run(STR(" "), a), a);
}

static struct json *
band(const struct card_parts *p, struct arena *a)
{
	struct json *c = element("Container", a), *items = json_array(a), *inlines, *name;

	json_set_cstr(c, "style", band_style(p), a);
	json_set_bool(c, "bleed", true, a);
	if (p->shadow || p->sample || p->approval) {
		inlines = line(items, a);
		if (p->shadow)
			badge(inlines, "SHADOW", a);
		if (p->sample)
			badge(inlines, "SAMPLE", a);
		if (p->approval)
			badge(inlines, "NEEDS APPROVAL", a);
	}
	name = run_bold(arena_printf(a, "%.*s%s%.*s", STR_ARG(p->severity),
			    p->severity.n > 0 ? ": " : "", STR_ARG(p->name)),
	    a);
	json_set_cstr(name, "size", "Large", a);
	json_add(line(items, a), name, a);
	json_set(c, "items", items, a);
	return c;
}

static void
add_facts(struct json *body, const struct card_parts *p, struct arena *a)
{
	struct json *c = element("Container", a), *items = json_array(a);

	for (size_t i = 0; i < p->n_facts; i++) {
		struct json *inlines = line(items, a);

		json_add(inlines, run_bold(arena_printf(a, "%s: ", p->facts[i].name), a), a);
		json_add(inlines, run(p->facts[i].value, a), a);
	}
	json_set(c, "items", items, a);
	json_add(body, c, a);
}

static void
add_list(struct json *body, const char *name, const struct card_list *list, const char *font,
    struct arena *a)
{
	struct json *c = element("Container", a), *items = json_array(a);

	if (list->n == 0)
		return;
	heading(items, name, a);
	for (size_t i = 0; i < list->n; i++) {
		struct json *text = run(list->lines[i], a);

		if (font != NULL)
			json_set_cstr(text, "fontType", font, a);
		json_add(line(items, a), text, a);
	}
	if (list->more > 0)
		json_add(line(items, a), run(arena_printf(a, "and %zu more", list->more), a), a);
	json_set(c, "items", items, a);
	json_add(body, c, a);
}

static void
add_text(struct json *body, const char *name, struct str text, struct arena *a)
{
	struct card_list one = { .lines = &text, .n = 1 };

	if (text.n > 0)
		add_list(body, name, &one, NULL, a);
}

static void
add_open(struct json *actions, struct str title, struct str url, struct arena *a)
{
	struct json *open = element("Action.OpenUrl", a);

	json_set_str(open, "title", title, a);
	json_set_str(open, "url", url, a);
	json_add(actions, open, a);
}

/* What a person has to decide comes first. */
static void
add_actions(struct json *card, const struct card_parts *p, struct arena *a)
{
	struct json *actions = json_array(a);

	for (size_t i = 0; i < p->n_links; i++)
		add_open(actions, p->links[i].title, p->links[i].url, a);
	if (p->uri.n > 0)
		add_open(actions, STR("Open alert"), p->uri, a);
	if (json_count(actions) > 0)
		json_set(card, "actions", actions, a);
}

static struct json *
content(const struct card_parts *p, struct arena *a)
{
	struct json *card = element("AdaptiveCard", a), *body = json_array(a);
	struct json *teams = json_object(a);

	json_set_cstr(card, "$schema", "http://adaptivecards.io/schemas/adaptive-card.json", a);
	json_set_cstr(card, "version", "1.4", a);
	json_set_cstr(teams, "width", "Full", a);
	json_set(card, "msteams", teams, a);
	json_add(body, band(p, a), a);
	add_facts(body, p, a);
	add_list(body, "What was done", &p->done, NULL, a);
	add_list(body, "Why", &p->reasons, NULL, a);
	add_list(body, p->approval ? "Approve or undo" : "Undo", &p->undo, "Monospace", a);
	add_text(body, "Description", p->description, a);
	add_list(body, "What Defender advises", &p->remediation, NULL, a);
	json_set(card, "body", body, a);
	add_actions(card, p, a);
	return card;
}

struct json *
card_adaptive(const struct card_parts *p, struct arena *a)
{
	struct json *message = element("message", a), *attachments = json_array(a);
	struct json *one = json_object(a);

	json_set_cstr(one, "contentType", "application/vnd.microsoft.card.adaptive", a);
	json_set(one, "contentUrl", json_null(a), a);
	json_set(one, "content", content(p, a), a);
	json_add(attachments, one, a);
	json_set(message, "attachments", attachments, a);
	return message;
}
