/*
 * The card as plain text, for ticket systems.  What they make markup of ("<b>", "{code}", "[code]",
 * "[~user]") begins with a bracket: text from an alert keeps none that is live.
 */
#include "base/buf.h"
#include "card_parts.h"

#define TEXT_MAX (64 * 1024) /* the largest card is far below */

struct str
card_plain(struct str s, struct arena *a)
{
	static const struct {
		char live;
		const char *dead;
	} brackets[] = { { '<', "\u2039" }, { '>', "\u203a" }, { '{', "(" }, { '}', ")" },
		{ '[', "(" }, { ']', ")" } };
	const size_t n = sizeof(brackets) / sizeof(brackets[0]);
	struct buf b;

	buf_init(&b, 3 * s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		size_t k = 0;

		while (k < n && brackets[k].live != s.p[i])
			k++;
		if (k < n)
			buf_add_cstr(&b, brackets[k].dead);
		else
			buf_add_char(&b, s.p[i]);
	}
	return buf_to_arena(&b, a);
}

static void
add_line(struct buf *b, const char *name, struct str value)
{
	if (value.n > 0)
		buf_printf(b, "%s: %.*s\n", name, STR_ARG(value));
}

static void
add_list(struct buf *b, const char *name, const struct card_list *list)
{
	if (list->n > 0)
		buf_printf(b, "%s%s:\n", b->n > 0 ? "\n" : "", name);
	for (size_t i = 0; i < list->n; i++)
		buf_printf(b, "- %.*s\n", STR_ARG(list->lines[i]));
	if (list->n > 0 && list->more > 0)
		buf_printf(b, "- and %zu more\n", list->more);
}

static void
add_badges(struct buf *b, const struct card_parts *p)
{
	if (p->shadow)
		buf_add_cstr(b, "SHADOW: decided and reported, nothing touched\n");
	if (p->sample)
		buf_add_cstr(b, "SAMPLE alert, not a real attack\n");
	if (p->approval)
		buf_add_cstr(b, "NEEDS APPROVAL\n");
}

static void
add_news(struct buf *b, const struct card_parts *p)
{
	add_badges(b, p);
	add_list(b, "What was done", &p->done);
	add_list(b, p->approval ? "Approve or undo" : "Undo", &p->undo);
}

static struct str
finish(struct buf *b, struct arena *a)
{
	struct str out = card_plain(str_trim(buf_str(b)), a);

	buf_done(b);
	return out;
}

struct str
card_text(const struct card_parts *p, struct arena *a)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	add_line(&b, "Alert", p->name);
	for (size_t i = 0; i < p->n_facts; i++)
		add_line(&b, p->facts[i].name, p->facts[i].value);
	add_line(&b, "Link", p->uri);
	add_line(&b, "Description", p->description);
	add_news(&b, p);
	add_list(&b, "Why", &p->reasons);
	add_list(&b, "What Defender advises", &p->remediation);
	return finish(&b, a);
}

struct str
card_news(const struct card_parts *p, struct arena *a)
{
	struct buf b;

	buf_init(&b, TEXT_MAX);
	add_news(&b, p);
	return finish(&b, a);
}
