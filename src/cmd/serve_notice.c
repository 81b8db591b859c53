/*
 * Happy path: a configuration that was refused, or whose tests fail at the start, is told the first
 * channel once; so is the first good one behind it.
 * What can go wrong: the store fails - it is tried again until it is kept, or something else is to
 * be said.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/notice.h"
#include "server.h"

#define TOPIC "configuration"
#define TEXT_MAX 2000
#define RETRY_MS 10000
/* Who edits files makes mistakes on the way: what is mended by then is not told. */
#define FILES_WAIT_MS 60000

static void
set(struct server *sv, const char *state, const char *title, struct str text, int64_t wait_ms)
{
	struct server_notice *n = &sv->notice;

	snprintf(n->state, sizeof(n->state), "%s", state);
	free(n->text);
	n->text = xstrndup(text);
	n->title = title;
	n->wait_ms = wait_ms;
	n->due_ms = clock_mono_ms();
	server_notice_work(sv, n->due_ms);
}

void
server_notice_good(struct server *sv)
{
	set(sv, "", "Gridwarden: settings and rules are good again", STR("They are in force."), 0);
}

/* The same files with the same mistakes are the same state; not so when another part objects. */
static void
state_of(const struct server *sv, const char *why, char out[SHA256_HEX_MAX])
{
	struct str parts[] = { str_of(sv->digest), str_of(why) };

	sha256_parts_hex(parts, 2, out);
}

static struct str
mistakes(const struct diags *d, const char *front, const char *why, struct buf *b)
{
	buf_init(b, TEXT_MAX);
	buf_add_cstr(b, front);
	if (d->errors == 0)
		buf_printf(b, " %s", why);
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].level == DIAG_ERROR)
			buf_printf(b, "\n%s:%d:%d: %.*s", d->list[i].source->name, d->list[i].line,
			    d->list[i].col, STR_ARG(d->list[i].text));
	return buf_str(b);
}

void
server_notice_refused(
    struct server *sv, enum reload_trigger trigger, const struct diags *d, const char *why)
{
	char state[SHA256_HEX_MAX];
	struct buf b;

	state_of(sv, why, state);
	set(sv, state, "Gridwarden: changed settings or rules are refused",
	    mistakes(d, "The old ones stay in force.", why, &b),
	    trigger == RELOAD_FILES ? FILES_WAIT_MS : 0);
	buf_done(&b);
}

void
server_notice_doubt(struct server *sv, const struct diags *d)
{
	char state[SHA256_HEX_MAX];
	struct buf b;

	state_of(sv, "start", state);
	set(sv, state, "Gridwarden: it has started with rules whose tests fail",
	    mistakes(d, "What is destructive waits for a person until they pass.", "", &b), 0);
	buf_done(&b);
}

int64_t
server_notice_wait_ms(const struct server *sv, int64_t now_ms)
{
	int64_t due = sv->notice.due_ms;

	return due == 0 ? -1 : due <= now_ms ? 0 : due - now_ms;
}

void
server_notice_work(struct server *sv, int64_t now_ms)
{
	struct server_notice *n = &sv->notice;
	struct config *c;
	struct err e;
	bool told;

	if (n->due_ms == 0 || now_ms < n->due_ms)
		return;
	c = current_get(&sv->current);
	n->due_ms = 0;
	if (!notice_tell(&sv->pipeline, c->settings,
		&(const struct notice){ .topic = TOPIC,
		    .state = str_of(n->state),
		    .title = str_of(n->title),
		    .text = str_of(n->text),
		    .severity = n->state[0] == '\0' ? "Informational" : "Medium",
		    .wait_ms = n->wait_ms },
		&told, &e)) {
		n->due_ms = now_ms + RETRY_MS;
		log_warning("what became of the configuration cannot be told yet: %s", e.text);
	}
	config_unref(c);
}
