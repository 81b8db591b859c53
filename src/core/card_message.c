/*
 * MessageCard, as Office 365 connectors knew it; relays still take it.
 * https://learn.microsoft.com/outlook/actionable-messages/message-card-reference
 */
#include "card_parts.h"

static struct json *
object_of(const char *name, struct str value, const char *name2, struct str value2, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_str(j, name, value, a);
	json_set_str(j, name2, value2, a);
	return j;
}

static void
add_fact(struct json *facts, const char *name, struct str value, struct arena *a)
{
	json_add(facts, object_of("name", str_of(name), "value", value, a), a);
}

/* The first line of a list carries its name, as facts have no headings. */
static void
add_list(struct json *facts, const char *name, const struct card_list *list, struct arena *a)
{
	for (size_t i = 0; i < list->n; i++)
		add_fact(facts, i == 0 ? name : "", list->lines[i], a);
	if (list->n > 0 && list->more > 0)
		add_fact(facts, "", arena_printf(a, "and %zu more", list->more), a);
}

static void
add_badges(struct json *facts, const struct card_parts *p, struct arena *a)
{
	if (p->shadow)
		add_fact(facts, "Mode", STR("SHADOW: decided and reported, nothing touched"), a);
	if (p->sample)
		add_fact(facts, "Sample", STR("SAMPLE alert, not a real attack"), a);
	if (p->approval)
		add_fact(facts, "Attention", STR("NEEDS APPROVAL"), a);
}

static struct json *
section(const struct card_parts *p, struct arena *a)
{
	struct json *s = json_object(a), *facts = json_array(a);

	for (size_t i = 0; i < p->n_facts; i++)
		add_fact(facts, p->facts[i].name, p->facts[i].value, a);
	add_badges(facts, p, a);
	add_list(facts, "What was done", &p->done, a);
	add_list(facts, "Why", &p->reasons, a);
	add_list(facts, p->approval ? "Approve or undo" : "Undo", &p->undo, a);
	if (p->description.n > 0)
		add_fact(facts, "Description", p->description, a);
	add_list(facts, "What Defender advises", &p->remediation, a);
	json_set(s, "facts", facts, a);
	json_set_bool(s, "markdown", false, a);
	return s;
}

static void
add_open(struct json *actions, struct str name, struct str uri, struct arena *a)
{
	struct json *targets = json_array(a);
	struct json *action = object_of("@type", STR("OpenUri"), "name", name, a);

	json_add(targets, object_of("os", STR("default"), "uri", uri, a), a);
	json_set(action, "targets", targets, a);
	json_add(actions, action, a);
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
		json_set(card, "potentialAction", actions, a);
}

struct json *
card_message(const struct card_parts *p, struct arena *a)
{
	struct str title = arena_printf(a, "Security Alert: %.*s", STR_ARG(p->name));
	struct json *card = object_of(
	    "@type", STR("MessageCard"), "@context", STR("http://schema.org/extensions"), a);
	struct json *sections = json_array(a);

	json_set_cstr(card, "themeColor", p->level == SEVERITY_HIGH ? "FF0000" : "FFA500", a);
	json_set_str(card, "summary", title, a);
	json_set_str(card, "title", title, a);
	json_add(sections, section(p, a), a);
	json_set(card, "sections", sections, a);
	add_actions(card, p, a);
	return card;
}
