/*
 * Happy path: a link is followed and shows the step; a form comes back, its token is read, the
 * answer is kept with all that follows from it in one commit, and the page says what it came to.
 *
 * What can go wrong
 *	a program follows the link    it is shown the page: only a form with a name decides
 *	a link that is forged         403, nothing is looked up, and the log is not filled with it
 *	a link that is used or over   409 or 410, with how things stand
 *	the store fails               503: nothing was decided, or it is found decided the next time
 *
 * All of it happens in the threads of this page's own listener: what is slow here is slow here.
 */
#include "daemon/approvals.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "approval_html.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/text.h"
#include "core/trace.h"
#include "daemon/approval.h"
#include "daemon/query.h"

#define AGENT_MAX 200
#define FORM "application/x-www-form-urlencoded"

struct approvals {
	struct pipeline *p;
	atomic_int_fast64_t decided, refused;
};

struct approvals *
approvals_new(struct pipeline *p)
{
	struct approvals *ap = xcalloc(1, sizeof(*ap));

	ap->p = p;
	return ap;
}

void
approvals_free(struct approvals *ap)
{
	free(ap);
}

void
approvals_figures(struct approvals *ap, struct approvals_figures *out)
{
	out->decided = atomic_load(&ap->decided);
	out->refused = atomic_load(&ap->refused);
}

/* ---- answers ---- */

/* Nothing of it is kept, shown in another page, or sent on. */
static void
answer(struct request *rq, int status, struct str html, const char *allow)
{
	struct reply r = { .status = status,
		.content_type = "text/html; charset=utf-8",
		.body = html,
		.headers = { { "Content-Security-Policy", approval_html_policy(request_arena(rq)) },
		    { "Cache-Control", STR("no-store") }, { "Referrer-Policy", STR("no-referrer") },
		    { "X-Frame-Options", STR("DENY") },
		    { "X-Content-Type-Options", STR("nosniff") },
		    { "Cross-Origin-Opener-Policy", STR("same-origin") },
		    { "X-Robots-Tag", STR("noindex, nofollow") } },
		.n_headers = 7 };

	if (allow != NULL)
		r.headers[r.n_headers++] = (struct reply_header){ "Allow", str_of(allow) };
	if (status == 503)
		r.headers[r.n_headers++] = (struct reply_header){ "Retry-After", STR("5") };
	request_answer(rq, &r);
}

static void
answer_message(struct request *rq, int status, const char *heading, struct str message)
{
	answer(rq, status, approval_html_message(heading, message, request_arena(rq)),
	    status == 405 ? "GET, HEAD, POST" : NULL);
}

/* A stranger can cause it as often as he likes. */
static void
answer_forged(struct approvals *ap, struct request *rq)
{
	static struct log_gate gate = { .burst = 10 };

	atomic_fetch_add(&ap->refused, 1);
	if (log_gate_open(&gate))
		log_warning("the page of approvals refused %.*s: its link is not one of ours",
		    STR_ARG(request_peer(rq)));
	answer_message(rq, 403, "This link is not valid",
	    STR("It was not made by this gridwarden, or with a key that does not count any more. "
		"Nothing was decided. A person with an account can use the command line: "
		"gridwarden approve, gridwarden deny."));
}

static void
answer_trouble(struct request *rq, const struct err *e)
{
	log_error("the page of approvals: %s", e->text);
	answer_message(rq, 503, "Not now",
	    STR("The answer could not be kept, or it is not known whether it was. Open the link "
		"again to see how things stand."));
}

/* What was decided long ago is deleted some day. */
static void
answer_unseen(struct request *rq, const struct err *e)
{
	if (e->kind == ERR_NOT_FOUND)
		answer_message(rq, 410, "This is over", STR("It is not kept any more."));
	else
		answer_trouble(rq, e);
}

/* ---- the link ---- */

/* The token of a link; empty when it is another path. */
static struct str
token_of(const struct request *rq)
{
	struct str path = request_path(rq), folder = str_folder(path);

	return str_ends_nocase(folder, STR(APPROVAL_PATH)) ? str_leaf(path) : STR_EMPTY;
}

static bool
read_link(struct approvals *ap, struct request *rq, struct approval_token *t,
    const struct approval_page **page)
{
	struct arena *a = request_arena(rq);

	*page = approval_links_get(ap->p->links, a);
	return *page != NULL && approval_token_read(token_of(rq), (*page)->key, a, t) &&
	       t->kind == APPROVAL_SHOW;
}

static bool
is_post(const struct request *rq)
{
	return str_is(request_method(rq), "POST");
}

static bool
is_form(const struct request *rq)
{
	struct str rest = request_header(rq, "Content-Type"), type;

	(void)str_next(&rest, ';', &type);
	return str_is_nocase(str_trim(type), FORM);
}

static void
on_head(void *ctx, struct request *rq)
{
	struct approvals *ap = ctx;
	struct str method = request_method(rq);
	const struct approval_page *page;
	struct approval_token t;

	if (token_of(rq).n == 0)
		answer_message(rq, 404, "Nothing is here", STR("Use the link in the card."));
	else if (!str_is(method, "GET") && !str_is(method, "HEAD") && !is_post(rq))
		answer_message(rq, 405, "This cannot be done", STR("A page is shown or answered."));
	else if (!read_link(ap, rq, &t, &page))
		answer_forged(ap, rq);
	else if (is_post(rq) && !is_form(rq))
		answer_message(rq, 415, "This is no form", STR("Use the form of the page."));
}

/* ---- how things stand ---- */

struct visit {
	struct approvals *ap;
	struct request *rq;
	struct arena *a;
	const struct approval_page *page;
	struct approval_token link;
	int64_t now_ms, quorum;
	struct step step;
	struct alert_detail alert;
	struct approval *answers;
	size_t n_answers;
};

static bool
look(struct visit *v, struct err *e)
{
	struct store *store = v->ap->p->store;
	struct step_call *calls;
	size_t n;

	return store_show_step(store, v->link.step_id, v->a, &v->step, &calls, &n, e) &&
	       store_show_alert(store, v->step.alert_id, v->a, &v->alert, e) &&
	       store_list_approvals(store, v->step.id, v->a, &v->answers, &v->n_answers, e);
}

static bool
is_over(const struct visit *v)
{
	return v->step.state != STEP_APPROVAL || v->now_ms > v->link.expires_ms;
}

static struct str
token_for(const struct visit *v, enum approval_kind kind)
{
	struct approval_token t = v->link;

	t.kind = kind;
	return approval_token_print(&t, v->page->key, v->a);
}

/* Of a step that is held no message takes the place of the forms. */
static void
show(struct visit *v, int status, const char *heading, struct str message, struct str problem)
{
	struct err ignored;
	struct json *trace = json_parse(v->alert.trace, v->a, &ignored);
	struct verdict_text *reasons;
	struct approval_view view = { .step = &v->step,
		.alert = &v->alert.row,
		.answers = v->answers,
		.n_answers = v->n_answers,
		.quorum = v->quorum,
		.now_ms = v->now_ms,
		.channel = v->link.channel,
		.approve = STR_EMPTY,
		.deny = STR_EMPTY,
		.problem = problem,
		.message = message };

	trace_reasons(trace, v->a, &reasons, &view.n_reasons);
	view.reasons = reasons;
	view.heading = arena_printf(v->a, "%s %.*s on %.*s", heading, STR_ARG(v->step.action),
	    STR_ARG(str_leaf(v->step.target)));
	if (message.n == 0) {
		view.approve = token_for(v, APPROVAL_APPROVE);
		view.deny = token_for(v, APPROVAL_DENY);
	}
	answer(v->rq, status, approval_html(&view, v->a), NULL);
}

/* Somebody wants to decide it, or only looks. */
static void
show_over(struct visit *v)
{
	bool post = is_post(v->rq), in_time = v->now_ms <= v->link.expires_ms;

	atomic_fetch_add(&v->ap->refused, post);
	if (v->step.state == STEP_APPROVAL)
		show(v, 410, "Too late:", STR("Nobody approved it in time: it is not done."),
		    STR_EMPTY);
	else
		show(v, post && in_time ? 409 : 410,
		    "Decided:", STR("It was decided before: below is how it stands."), STR_EMPTY);
}

/* That link or name has said so before, or somebody was faster. */
static void
show_conflict(struct visit *v, const struct err *why)
{
	atomic_fetch_add(&v->ap->refused, 1);
	show(v, 409, "Not counted:", arena_str(v->a, str_of(why->text)), STR_EMPTY);
}

/* ---- a form ---- */

/* One line of some characters. */
static struct str
name_of(struct str given, struct arena *a)
{
	return str_trim(text_tame(str_trim(given), APPROVALS_NAME_MAX, a));
}

static bool
is_for(const struct approval_token *t, const struct visit *v)
{
	return t->kind != APPROVAL_SHOW && t->step_id == v->link.step_id &&
	       t->expires_ms == v->link.expires_ms && str_eq(t->mark, v->link.mark) &&
	       str_eq(t->channel, v->link.channel);
}

static struct approval
word_of(const struct visit *v, enum approval_kind kind, struct str name)
{
	return (struct approval){ .step_id = v->step.id,
		.at_ms = v->now_ms,
		.approves = kind == APPROVAL_APPROVE,
		.seat = arena_printf(v->a, "channel %.*s", STR_ARG(v->link.channel)),
		.name = name,
		.way = arena_printf(v->a, "link in %.*s", STR_ARG(v->link.channel)),
		.address = request_peer(v->rq),
		.agent = text_tame(request_header(v->rq, "User-Agent"), AGENT_MAX, v->a) };
}

static void
show_kept(struct visit *v, const struct approval *word, const struct approval_outcome *o)
{
	struct str message = STR("It will not be done.");
	struct err e;

	atomic_fetch_add(&v->ap->decided, 1);
	if (!look(v, &e)) {
		answer_trouble(v->rq, &e);
		return;
	}
	if (word->approves && o->missing > 0)
		message = arena_printf(v->a,
		    "Your approval is kept. It takes %" PRId64
		    " more, of another person by another link or the command line.",
		    o->missing);
	else if (word->approves)
		message = STR("It is being done now; a card tells when it is.");
	show(v, 200, word->approves ? "Approved:" : "Denied:", message, STR_EMPTY);
}

static void
keep(struct visit *v, const struct approval *word)
{
	struct approval_outcome outcome;
	struct err e, ignored;

	if (approval_answer(v->ap->p, word, v->a, &outcome, &e))
		show_kept(v, word, &outcome);
	else if (e.kind == ERR_CONFLICT && look(v, &ignored))
		show_conflict(v, &e);
	else
		answer_trouble(v->rq, &e);
}

static void
decide(struct visit *v)
{
	struct form_field fields[] = { { "token", STR_EMPTY }, { "name", STR_EMPTY } };
	struct approval_token t;
	struct approval word;
	struct str name;

	if (!form_read(request_body(v->rq), fields, 2, v->a)) {
		show(v, 400, "Approve or deny:", STR_EMPTY, STR("The form could not be read."));
		return;
	}
	if (!approval_token_read(fields[0].value, v->page->key, v->a, &t) || !is_for(&t, v)) {
		answer_forged(v->ap, v->rq);
		return;
	}
	name = name_of(fields[1].value, v->a);
	if (name.n == 0) {
		show(v, 400, "Approve or deny:", STR_EMPTY,
		    STR("Nothing was decided: give your name, it is kept with your answer."));
		return;
	}
	word = word_of(v, t.kind, name);
	keep(v, &word);
}

static int64_t
quorum_of(struct pipeline *p)
{
	struct config *c = current_get(p->current);
	int64_t quorum = c->settings->approvals.quorum;

	config_unref(c);
	return quorum;
}

static void
on_handle(void *ctx, struct request *rq)
{
	struct approvals *ap = ctx;
	struct visit v = { .ap = ap, .rq = rq, .a = request_arena(rq), .now_ms = clock_now_ms() };
	struct err e;

	v.quorum = quorum_of(ap->p);
	if (!read_link(ap, rq, &v.link, &v.page))
		answer_forged(ap, rq); /* another key since the head was read */
	else if (!look(&v, &e))
		answer_unseen(rq, &e);
	else if (!approval_token_fits(&v.link, &v.step, v.a))
		answer_forged(ap, rq);
	else if (is_over(&v))
		show_over(&v);
	else if (is_post(rq))
		decide(&v);
	else
		show(&v, 200, "Approve or deny:", STR_EMPTY, STR_EMPTY);
}

struct listener_handler
approvals_handler(struct approvals *ap)
{
	return (struct listener_handler){ .head = on_head, .handle = on_handle, .ctx = ap };
}
