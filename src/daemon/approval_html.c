#include "approval_html.h"

#include <inttypes.h>

#include "action/action.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "core/text.h"
#include "daemon/approvals.h"

#define PAGE_MAX ((size_t)64 * 1024)
#define VALUE_MAX 600 /* characters of one value */
#define ID_MAX 1024   /* of a resource id */
#define LINES_MAX 12  /* rules, answers */

static const char style[] =
    ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}"
    "body{margin:0;padding:1rem}main{max-width:44rem;margin:auto}"
    "h1{font-size:1.4rem;line-height:1.25}h2{font-size:1.1rem;margin-top:1.5rem}"
    "dt{font-weight:600;margin-top:.6rem}dd{margin:0;overflow-wrap:anywhere}"
    "form{border:1px solid;border-radius:.4rem;padding:0 1rem 1rem;margin-top:1rem}"
    "label{display:block;font-weight:600}"
    "input,button{font:inherit;padding:.4rem .6rem;margin-top:.3rem}"
    "input{width:100%;max-width:20rem;box-sizing:border-box}"
    "button{display:block;margin-top:.8rem}.problem{font-weight:600}";

struct str
approval_html_policy(struct arena *a)
{
	unsigned char digest[SHA256_SIZE];

	sha256_of(str_of(style), digest);
	return arena_printf(a,
	    "default-src 'none'; style-src 'sha256-%.*s'; form-action 'self'; "
	    "frame-ancestors 'none'; base-uri 'none'",
	    STR_ARG(base64_encode((struct str){ (const char *)digest, sizeof(digest) }, a)));
}

/* Safe between tags and between quotes. */
static void
add_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '&':
			buf_add_cstr(b, "&amp;");
			break;
		case '<':
			buf_add_cstr(b, "&lt;");
			break;
		case '>':
			buf_add_cstr(b, "&gt;");
			break;
		case '"':
			buf_add_cstr(b, "&quot;");
			break;
		case '\'':
			buf_add_cstr(b, "&#39;");
			break;
		default:
			buf_add_char(b, s.p[i]);
		}
	}
}

static void
add_tamed(struct buf *b, struct str s, size_t max, struct arena *a)
{
	add_text(b, text_tame(s, max, a));
}

static void
begin(struct buf *b, struct str heading)
{
	buf_init(b, PAGE_MAX);
	buf_add_cstr(b, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta name=\"viewport\" content=\"width=device-width\">\n"
			"<meta name=\"robots\" content=\"noindex\">\n<title>");
	add_text(b, heading);
	buf_printf(
	    b, " - Gridwarden</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
	add_text(b, heading);
	buf_add_cstr(b, "</h1>\n");
}

static struct str
finish(struct buf *b, struct arena *a)
{
	struct str out;

	buf_add_cstr(b, "</main>\n</body>\n</html>\n");
	out = arena_str(a, buf_over(b) ? STR("too large\n") : buf_str(b));
	buf_done(b);
	return out;
}

/* ---- what it is about ---- */

static void
add_row(struct buf *b, const char *name, struct str value, size_t max, struct arena *a)
{
	if (value.n == 0)
		return;
	buf_printf(b, "<dt>%s</dt>\n<dd>", name);
	add_tamed(b, value, max, a);
	buf_add_cstr(b, "</dd>\n");
}

static void
add_time(struct buf *b, const char *name, int64_t ms, const char *after)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(ms, text);
	buf_printf(b, "<dt>%s</dt>\n<dd><time datetime=\"%s\">%s</time>%s</dd>\n", name, text, text,
	    after);
}

/* Durations as people write them. */
static struct str
value_text(const struct param *p, const struct json *value, struct arena *a)
{
	int64_t ms;

	if (p->type == PARAM_DURATION && json_int(value, &ms))
		return str_of(text_duration(ms, a));
	if (json_is(value, JSON_ARRAY) || json_is(value, JSON_OBJECT))
		return json_print(value, a);
	return json_scalar(value, a);
}

static struct str
params_text(const struct step *s, struct arena *a)
{
	const struct action *action = action_find(s->action);
	struct str out = STR_EMPTY;
	struct err ignored;
	const struct json *params = json_parse(s->params, a, &ignored);

	for (const struct param *p = action == NULL ? NULL : action->params;
	     p != NULL && p->name != NULL; p++) {
		const struct json *value = json_get(params, p->name);

		if (value != NULL && !json_is(value, JSON_NULL))
			out = arena_printf(a, "%.*s%s%s: %.*s", STR_ARG(out), out.n > 0 ? ", " : "",
			    p->name, STR_ARG(value_text(p, value, a)));
	}
	return out;
}

static void
add_step(struct buf *b, const struct approval_view *v, struct arena *a)
{
	const struct step *s = v->step;
	const struct action *action = action_find(s->action);
	int64_t until = step_held_until_ms(s);

	buf_add_cstr(b, "<h2>What will be done</h2>\n<dl>\n");
	add_row(b, "Action",
	    arena_printf(a, "%.*s%s%s", STR_ARG(s->action), action == NULL ? "" : ": ",
		action == NULL ? "" : action->help),
	    VALUE_MAX, a);
	add_row(b, "To", s->target, ID_MAX, a);
	add_row(b, "With", params_text(s, a), VALUE_MAX, a);
	if (s->state == STEP_APPROVAL)
		add_row(b, "Held because", s->reason, VALUE_MAX, a);
	else
		add_row(b, "Now",
		    arena_printf(a, "%s%s%.*s", step_state_name(s->state),
			s->reason.n > 0 ? ": " : "", STR_ARG(s->reason)),
		    VALUE_MAX, a);
	if (until > 0)
		add_time(b, "Until", until, ", then it is refused by itself");
	if (action != NULL && action->undo != NULL)
		add_row(b, "To take it back later",
		    arena_printf(a, "gridwarden release %" PRId64, s->id), VALUE_MAX, a);
	buf_add_cstr(b, "</dl>\n");
}

static void
add_alert(struct buf *b, const struct approval_view *v, struct arena *a)
{
	buf_add_cstr(b, "<h2>Why</h2>\n<dl>\n");
	add_row(b, "Alert", v->alert->name, VALUE_MAX, a);
	add_row(b, "Severity", v->alert->severity, VALUE_MAX, a);
	add_row(b, "Entity", v->alert->entity, VALUE_MAX, a);
	add_time(b, "Received", v->alert->received_ms, "");
	for (size_t i = 0; i < v->n_reasons && i < LINES_MAX; i++)
		add_row(b,
		    str_eq(v->reasons[i].rule, v->step->rule) ? "The rule that asks for it"
							      : "A rule that fired too",
		    arena_printf(
			a, "%.*s: %.*s", STR_ARG(v->reasons[i].rule), STR_ARG(v->reasons[i].why)),
		    VALUE_MAX, a);
	buf_add_cstr(b, "</dl>\n");
}

static void
add_answers(struct buf *b, const struct approval_view *v, struct arena *a)
{
	int64_t approvals = 0;
	char time[CLOCK_TEXT_MAX];

	buf_add_cstr(b, "<h2>Who has answered</h2>\n<ul>\n");
	for (size_t i = 0; i < v->n_answers && i < LINES_MAX; i++) {
		const struct approval *ap = &v->answers[i];

		approvals += ap->approves;
		buf_printf(b, "<li>%s by ", ap->approves ? "Approved" : "Denied");
		add_tamed(b, ap->name, VALUE_MAX, a);
		buf_add_cstr(b, " (");
		add_tamed(b, ap->way, VALUE_MAX, a);
		buf_printf(b, ") at %s</li>\n", clock_format(ap->at_ms, time));
	}
	if (v->n_answers == 0)
		buf_add_cstr(b, "<li>Nobody yet</li>\n");
	buf_printf(b, "</ul>\n<p>%" PRId64 " of %" PRId64 " approvals.%s</p>\n", approvals,
	    v->quorum, v->step->state == STEP_APPROVAL ? " One denial is enough." : "");
}

/* ---- the forms ---- */

static void
add_form(struct buf *b, const char *decision, const char *what, struct str token)
{
	buf_printf(b,
	    "<form method=\"post\" autocomplete=\"off\">\n<h2>%s</h2>\n"
	    "<input type=\"hidden\" name=\"token\" value=\"",
	    decision);
	add_text(b, token);
	buf_printf(b,
	    "\">\n<label for=\"%s-name\">Your name</label>\n"
	    "<input id=\"%s-name\" name=\"name\" required maxlength=\"%d\">\n"
	    "<button>%s: %s</button>\n</form>\n",
	    decision, decision, APPROVALS_NAME_MAX, decision, what);
}

static void
add_forms(struct buf *b, const struct approval_view *v, struct arena *a)
{
	if (v->problem.n > 0) {
		buf_add_cstr(b, "<p class=\"problem\" role=\"alert\">");
		add_tamed(b, v->problem, VALUE_MAX, a);
		buf_add_cstr(b, "</p>\n");
	}
	add_form(b, "Approve", v->quorum > 1 ? "as one of those it takes" : "do it", v->approve);
	add_form(b, "Deny", "do not do it", v->deny);
	buf_add_cstr(b, "<p>Kept with your answer: the name you give, the time, your address, your "
			"browser, and that this link was in ");
	add_tamed(b, v->channel, VALUE_MAX, a);
	buf_add_cstr(b, ".</p>\n");
}

static void
add_message(struct buf *b, struct str message, struct arena *a)
{
	if (message.n == 0)
		return;
	buf_add_cstr(b, "<p role=\"status\">");
	add_tamed(b, message, VALUE_MAX, a);
	buf_add_cstr(b, "</p>\n");
}

struct str
approval_html(const struct approval_view *v, struct arena *a)
{
	struct buf b;

	begin(&b, text_tame(v->heading, VALUE_MAX, a));
	add_message(&b, v->message, a);
	add_step(&b, v, a);
	add_alert(&b, v, a);
	add_answers(&b, v, a);
	if (v->approve.n > 0)
		add_forms(&b, v, a);
	return finish(&b, a);
}

struct str
approval_html_message(const char *heading, struct str message, struct arena *a)
{
	struct buf b;

	begin(&b, str_of(heading));
	add_message(&b, message, a);
	return finish(&b, a);
}
