/*
 * Happy path: take what there is in the alert and its steps, tame it, build the card, print it.
 * What can go wrong: it is too large - again with shorter facts and fewer lines, down to a card
 * that says little more than name, severity and where to look; that one always fits.
 */
#include <inttypes.h>
#include <string.h>

#include "card_parts.h"
#include "core/text.h"

#define URI_MAX 2048
#define LINK_TITLE_MAX 80

/* The last one is small enough for any text: 4 bytes a character, doubled by escapes. */
static const struct card_size sizes[] = {
	{ .text = 256,
	    .step = 600,
	    .description = 600,
	    .steps = 12,
	    .reasons = 8,
	    .remediation = 5,
	    .links = CARD_LINKS_MAX },
	{ .text = 256, .step = 400, .description = 256, .steps = 8, .reasons = 5, .links = 3 },
	{ .text = 160, .step = 256, .steps = 6, .reasons = 4, .links = 3 },
	{ .text = 96, .step = 96, .steps = 4, .reasons = 2, .links = 2 },
	{ .text = 48, .step = 48, .steps = 1, .links = 1 },
};

struct card
card_about(const struct alert *al)
{
	return (struct card){ .name = al->name,
		.severity = al->severity,
		.status = al->status,
		.time = al->start_time,
		.type = al->type,
		.entity = al->compromised_entity,
		.resource = al->resource_text,
		.description = al->description,
		.tactics = al->intent,
		.uri = al->uri,
		.remediation = al->remediation,
		.n_remediation = al->n_remediation,
		.sample = al->sample };
}

/* ---- links ---- */

/*
 * The alert's own link becomes a button only when it leads to one of Microsoft's portals: what a
 * forged alert brings along is never one click away.
 */
static bool
is_portal(struct str host)
{
	static const char *const portals[] = { "portal.azure.com", "portal.azure.us",
		"portal.azure.cn", "security.microsoft.com", "security.microsoft.us" };

	for (size_t i = 0; i < sizeof(portals) / sizeof(portals[0]); i++)
		if (str_is_nocase(host, portals[i]))
			return true;
	return false;
}

static bool
is_safe_link(struct str uri)
{
	static const struct str scheme = { "https://", 8 };
	size_t end = scheme.n;

	if (uri.n > URI_MAX || !str_starts_nocase(uri, scheme))
		return false;
	for (size_t i = 0; i < uri.n; i++)
		if (uri.p[i] <= ' ' || uri.p[i] > '~' || strchr("\"<>\\^`{|}", uri.p[i]) != NULL)
			return false;
	while (end < uri.n && strchr("/?#", uri.p[end]) == NULL)
		end++;
	return is_portal(str_slice(uri, scheme.n, end));
}

/* ---- parts ---- */

static void
fact(struct card_parts *p, const char *name, struct str value, const struct card_size *z,
    struct arena *a)
{
	p->facts[p->n_facts++] = (struct card_fact){ name, text_tame(value, z->text, a) };
}

static void
fact_if(struct card_parts *p, const char *name, struct str value, const struct card_size *z,
    struct arena *a)
{
	if (value.n > 0)
		fact(p, name, value, z, a);
}

/* These three are always there, and first: relays look for them. */
static struct str
given(struct str value)
{
	return value.n > 0 ? value : STR("not given");
}

static void
take_facts(const struct card *c, const struct card_size *z, struct arena *a, struct card_parts *p)
{
	fact(p, "Severity", given(c->severity), z, a);
	fact(p, "Status", given(c->status), z, a);
	fact(p, "Time", given(c->time), z, a);
	fact_if(p, "Resource", c->resource, z, a);
	fact_if(p, "Entity", c->entity, z, a);
	fact_if(p, "Alert type", c->type, z, a);
	fact_if(p, "Tactics", c->tactics, z, a);
	if (c->uri.n > 0 && p->uri.n == 0)
		fact(p, "Link (not checked)", c->uri, z, a);
}

static struct card_list
list_new(size_t n, size_t max, struct arena *a)
{
	return (
	    struct card_list){ .lines = arena_alloc(a, (n < max ? n : max) * sizeof(struct str)) };
}

/* The card itself is such a step: it would always be "under way" on its own card. */
static bool
worth_telling(const struct step *s)
{
	return !s->reports || s->state == STEP_FAILED;
}

/* What a person has to look at comes first. */
static int
urgency(const struct step *s, struct arena *a)
{
	if (s->state == STEP_APPROVAL || s->state == STEP_FAILED || step_left_something(s, a))
		return 0;
	return s->disruptive ? 1 : 2;
}

static void
take_steps(const struct card *c, const struct card_size *z, struct arena *a, struct card_parts *p)
{
	p->done = list_new(c->n_steps, z->steps, a);
	for (int want = 0; want <= 2; want++) {
		for (size_t i = 0; i < c->n_steps; i++) {
			const struct step *s = &c->steps[i];

			if (!worth_telling(s) || urgency(s, a) != want)
				continue;
			if (p->done.n == z->steps)
				p->done.more++;
			else
				p->done.lines[p->done.n++] =
				    text_tame(step_sentence(s, a), z->step, a);
		}
	}
}

static bool
is_undone(const struct card *c, int64_t id)
{
	for (size_t i = 0; i < c->n_steps; i++)
		if (c->steps[i].undo_of == id && c->steps[i].state == STEP_DONE)
			return true;
	return false;
}

/* A step with a record of what was there before can be taken back. */
static bool
is_undoable(const struct card *c, const struct step *s)
{
	return s->state == STEP_DONE && s->undo_of == 0 && s->id != 0 && !s->reports &&
	       (s->disruptive || s->before.n > 0) &&
	       (c->undoable == NULL || c->undoable(s->action)) && !is_undone(c, s->id);
}

static void
take_undo(const struct card *c, const struct card_size *z, struct arena *a, struct card_parts *p)
{
	p->undo = list_new(c->n_steps, z->steps, a);
	for (size_t i = 0; i < c->n_steps; i++) {
		const struct step *s = &c->steps[i];
		const char *command = s->state == STEP_APPROVAL ? "approve" : "release";

		if (s->id == 0 || (s->state != STEP_APPROVAL && !is_undoable(c, s)))
			continue;
		if (p->undo.n == z->steps)
			p->undo.more++;
		else
			p->undo.lines[p->undo.n++] =
			    arena_printf(a, "gridwarden %s %" PRId64, command, s->id);
	}
}

/* What is held, each with its page; "Approve or deny isolate_vm web-01". */
static void
take_links(const struct card *c, const struct card_size *z, struct arena *a, struct card_parts *p)
{
	for (size_t i = 0; i < c->n_steps && p->n_links < z->links; i++) {
		const struct step *s = &c->steps[i];
		struct str url = approval_link(c->approvals, s, c->channel, a);
		struct str what = arena_printf(a, "Approve or deny %.*s %.*s", STR_ARG(s->action),
		    STR_ARG(str_leaf(s->target)));

		if (url.n > 0)
			p->links[p->n_links++] =
			    (struct card_link){ text_tame(what, LINK_TITLE_MAX, a), url };
	}
}

static void
take_reasons(const struct card *c, const struct card_size *z, struct arena *a, struct card_parts *p)
{
	p->reasons = list_new(c->n_reasons, z->reasons, a);
	for (size_t i = 0; i < c->n_reasons; i++) {
		const struct verdict_text *v = &c->reasons[i];

		if (p->reasons.n == z->reasons)
			p->reasons.more++;
		else
			p->reasons.lines[p->reasons.n++] = text_tame(
			    arena_printf(a, "%.*s: %.*s", STR_ARG(v->rule), STR_ARG(v->why)),
			    z->text, a);
	}
}

static void
take_remediation(
    const struct card *c, const struct card_size *z, struct arena *a, struct card_parts *p)
{
	p->remediation = list_new(c->n_remediation, z->remediation, a);
	for (size_t i = 0; i < c->n_remediation; i++) {
		if (p->remediation.n == z->remediation)
			p->remediation.more++;
		else
			p->remediation.lines[p->remediation.n++] =
			    text_tame(c->remediation[i], z->text, a);
	}
}

static void
take_badges(const struct card *c, struct arena *a, struct card_parts *p)
{
	p->sample = c->sample;
	p->shadow = c->shadow;
	for (size_t i = 0; i < c->n_steps; i++) {
		const struct step *s = &c->steps[i];

		p->shadow |= s->state == STEP_SHADOW;
		p->approval |= s->state == STEP_APPROVAL;
		p->failed |= s->state == STEP_FAILED && s->disruptive;
		p->failed |= step_left_something(s, a);
		p->undone |= s->state == STEP_DONE && s->undo_of != 0;
	}
}

static struct card_parts *
build(const struct card *c, const struct card_size *z, struct arena *a)
{
	struct card_parts *p = arena_alloc(a, sizeof(*p));

	p->level = severity_parse(c->severity);
	p->uri = STR_EMPTY;
	p->name = text_tame(c->name, z->text, a);
	p->severity = text_tame(c->severity, z->text, a);
	if (is_safe_link(c->uri))
		p->uri = c->uri;
	p->description = text_tame(c->description, z->description, a);
	take_badges(c, a, p);
	take_facts(c, z, a, p);
	take_steps(c, z, a, p);
	take_reasons(c, z, a, p);
	take_undo(c, z, a, p);
	take_links(c, z, a, p);
	take_remediation(c, z, a, p);
	return p;
}

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct str
card_print(const struct card *c, enum channel_format format, struct arena *a)
{
	struct str text = STR_EMPTY;

	for (size_t i = 0; i < SIZES; i++) {
		struct card_parts *p = build(c, &sizes[i], a);

		text = json_print(
		    format == FORMAT_MESSAGE_CARD ? card_message(p, a) : card_adaptive(p, a), a);
		if (text.n <= CARD_MAX)
			break;
	}
	return text;
}

static struct str
print_plain(const struct card *c, size_t max, struct arena *a,
    struct str (*print)(const struct card_parts *p, struct arena *a))
{
	struct str text = STR_EMPTY;

	for (size_t i = 0; i < SIZES; i++) {
		struct card_parts *p = build(c, &sizes[i], a);

		text = print(p, a);
		if (text.n <= max)
			return text;
	}
	while (max > 0 && ((unsigned char)text.p[max] & 0xc0) == 0x80)
		max--;
	return str_slice(text, 0, max);
}

struct str
card_print_text(const struct card *c, size_t max, struct arena *a)
{
	return print_plain(c, max, a, card_text);
}

struct str
card_print_news(const struct card *c, size_t max, struct arena *a)
{
	return print_plain(c, max, a, card_news);
}

struct str
card_print_title(const struct card *c, size_t max, struct arena *a)
{
	struct str name = text_tame(c->name.n > 0 ? c->name : STR("alert"), max, a);

	return arena_printf(a, "%s%s: %.*s", c->sample ? "SAMPLE " : "",
	    severity_name(severity_parse(c->severity)), STR_ARG(card_plain(name, a)));
}
