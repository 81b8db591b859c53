#include "daemon/metrics.h"

#include <inttypes.h>

#include "base/clock.h"
#include "core/plan.h"

static void
metric(struct buf *out, const char *name, const char *type, const char *help, int64_t value)
{
	buf_printf(out,
	    "# HELP gridwarden_%s %s\n# TYPE gridwarden_%s %s\ngridwarden_%s %" PRId64 "\n", name,
	    help, name, type, name, value);
}

static void
intake_metrics(struct metrics *m, struct buf *out)
{
	struct intake_figures f;
	struct listener_figures l;

	intake_figures(m->intake, &f);
	listener_figures(m->listener, &l);
	metric(
	    out, "deliveries_total", "counter", "Deliveries kept and answered 200.", f.deliveries);
	metric(out, "events_received_total", "counter", "Events in those deliveries.", f.events);
	metric(out, "events_unreadable_total", "counter", "Of those, kept but unreadable.",
	    f.unreadable);
	metric(out, "handshakes_total", "counter", "Handshakes completed.", f.handshakes);
	metric(out, "handshakes_refused_total", "counter", "Handshakes refused.", f.forbidden);
	buf_printf(out,
	    "# HELP gridwarden_unauthorized_total Deliveries answered 401.\n"
	    "# TYPE gridwarden_unauthorized_total counter\n"
	    "gridwarden_unauthorized_total{reason=\"missing\"} %" PRId64 "\n"
	    "gridwarden_unauthorized_total{reason=\"wrong\"} %" PRId64 "\n"
	    "gridwarden_unauthorized_total{reason=\"token\"} %" PRId64 "\n",
	    f.no_credential, f.bad_credential, f.bad_token);
	metric(out, "forbidden_total", "counter",
	    "Deliveries answered 403: a token without the role.", f.no_role);
	metric(out, "unjudged_total", "counter",
	    "Deliveries answered 503: a token that cannot be judged now.", f.unjudged);
	metric(out, "overload_total", "counter", "Deliveries answered 503: they could not be kept.",
	    f.overload + l.overload);
}

static void
key_metrics(struct metrics *m, struct buf *out)
{
	struct key_cache_figures f;

	key_cache_figures(m->keys, &f);
	metric(out, "signing_keys", "gauge", "Keys that tokens are verified with.", f.keys);
	metric(out, "signing_keys_last_success_timestamp_seconds", "gauge",
	    "When they were fetched; 0 = never.", f.fetched_ms / 1000);
	metric(out, "signing_keys_fetches_total", "counter", "Fetches, good or not.", f.fetches);
	metric(out, "signing_keys_failures_total", "counter", "Of those, failed.", f.failed);
}

static void
listener_metrics(struct metrics *m, struct buf *out)
{
	struct listener_figures f;
	struct renewal_figures r;

	listener_figures(m->listener, &f);
	renewal_figures(m->renewal, &r);
	metric(out, "connections", "gauge", "Open connections.", f.connections);
	metric(out, "requests_held", "gauge", "Requests waiting for the disk.", f.held);
	metric(out, "requests_refused_total", "counter", "Refused by the listener.", f.refused);
	metric(out, "connections_expired_total", "counter", "Cut at their deadline.", f.expired);
	metric(out, "tls_handshake_failures_total", "counter", "TLS handshakes not completed.",
	    f.handshakes_failed);
	metric(out, "connections_displaced_total", "counter", "Cut to make room in a crowd.",
	    f.displaced);
	metric(out, "tls_cert_not_after_timestamp_seconds", "gauge", "Expiry of the certificate.",
	    listener_certificate_expires_ms(m->listener) / 1000);
	metric(out, "tls_reload_failures_total", "counter", "Changed files that were no good.",
	    r.failures);
	metric(out, "tls_last_reload_success_timestamp_seconds", "gauge",
	    "Time that certificate files were last put in force.", r.success_ms / 1000);
}

static void
approval_metrics(struct metrics *m, struct buf *out)
{
	struct approvals_figures f;
	struct arena *a = arena_new();

	approvals_figures(m->approvals, &f);
	metric(out, "approvals_page", "gauge", "1 = cards have links to the page of approvals.",
	    approval_links_get(m->pipeline->links, a) != NULL);
	metric(out, "approvals_decided_total", "counter", "Answers that the page kept.", f.decided);
	metric(out, "approvals_refused_total", "counter",
	    "Links and forms that were not ours, over, or used.", f.refused);
	arena_free(a);
}

static void
inbox_metrics(struct metrics *m, struct buf *out)
{
	struct inbox_figures f;

	inbox_figures(m->pipeline->inbox, &f);
	metric(
	    out, "inbox_waiting", "gauge", "Records that are not decided yet.", (int64_t)f.waiting);
	metric(out, "inbox_bytes", "gauge", "Size of the journal.", f.bytes);
	metric(out, "inbox_syncs_total", "counter", "fdatasync calls.", (int64_t)f.syncs);
	metric(out, "inbox_lost_records", "gauge", "Records that the last start could not read.",
	    (int64_t)f.lost);
	metric(out, "inbox_failures_total", "counter", "Groups that could not be kept.",
	    m->pipeline->figures_failed_commits);
	metric(out, "events_decided_total", "counter", "Events decided.",
	    m->pipeline->figures_decided);
	metric(out, "events_refused_total", "counter", "Events that no list of auth allows.",
	    m->pipeline->figures_refused);
	metric(out, "events_damaged_total", "counter", "Events set aside.",
	    m->pipeline->figures_damaged);
}

static void
silence_metrics(struct metrics *m, struct buf *out)
{
	int64_t active, pending;
	struct err e;

	buf_printf(out,
	    "# HELP gridwarden_notifications_suppressed_total Notifications held back.\n"
	    "# TYPE gridwarden_notifications_suppressed_total counter\n"
	    "gridwarden_notifications_suppressed_total{reason=\"silence\"} %" PRId64 "\n",
	    m->pipeline->figures_silenced);
	if (!store_count_silences(m->pipeline->store, clock_now_ms(), &active, &pending, &e))
		return;
	buf_printf(out,
	    "# HELP gridwarden_silences Silences that have not ended.\n"
	    "# TYPE gridwarden_silences gauge\n"
	    "gridwarden_silences{state=\"active\"} %" PRId64 "\n"
	    "gridwarden_silences{state=\"pending\"} %" PRId64 "\n",
	    active, pending);
}

/* Where the store cannot be asked, /readyz says why, and trouble{} is among what is left. */
static void
store_metrics(struct metrics *m, struct buf *out)
{
	struct store_figures f;
	struct err e;

	metric(out, "store_log_bytes", "gauge", "Size of the log of the database.",
	    store_log_bytes(m->pipeline->store));
	if (!store_figures(m->pipeline->store, &f, &e))
		return;
	metric(out, "alerts", "gauge", "Alerts in the store.", f.alerts);
	metric(out, "events", "gauge", "Events in the store.", f.events);
	metric(out, "store_bytes", "gauge", "Size of the database.", f.bytes);
	metric(out, "oldest_event_timestamp_seconds", "gauge",
	    "When the oldest event in the store was received, 0 = none.", f.oldest_event_ms / 1000);
	metric(
	    out, "panic", "gauge", "1 = a person stopped all that is destructive.", f.panic_ms > 0);
	metric(out, "events_deleted_total", "counter", "Events older than the retention.",
	    f.deleted_events);
	silence_metrics(m, out);
	buf_add_cstr(
	    out, "# HELP gridwarden_steps Steps by state.\n# TYPE gridwarden_steps gauge\n");
	for (int i = STEP_WAITING; i <= STEP_SHADOW; i++)
		buf_printf(out, "gridwarden_steps{state=\"%s\"} %" PRId64 "\n",
		    step_state_name((enum step_state)i), f.steps[i]);
}

/* What fails now: the same that /readyz says in words. */
static void
trouble_metrics(struct metrics *m, struct buf *out)
{
	struct pipeline *p = m->pipeline;
	char text[ERR_TEXT_MAX];

	buf_printf(out,
	    "# HELP gridwarden_trouble 1 = failing now.\n# TYPE gridwarden_trouble gauge\n"
	    "gridwarden_trouble{part=\"receive\"} %d\n"
	    "gridwarden_trouble{part=\"decide\"} %d\n"
	    "gridwarden_trouble{part=\"perform\"} %d\n",
	    trouble_now(&p->keeping, text), trouble_now(&p->deciding, text),
	    trouble_now(&p->performing, text));
	metric(out, "store_damaged", "gauge", "1 = the database is damaged.",
	    store_damage(p->store, text));
}

static void
config_metrics(struct metrics *m, struct buf *out)
{
	static const char *const triggers[RELOAD_TRIGGERS] = { "signal", "command", "files" };
	struct config *c = current_get(m->pipeline->current);

	buf_printf(out,
	    "# HELP gridwarden_config_info The versions in force.\n"
	    "# TYPE gridwarden_config_info gauge\n"
	    "gridwarden_config_info{rules=\"%.*s\",settings=\"%s\"} 1\n",
	    STR_ARG(rules_hash(c->rules)), c->settings_hash);
	metric(out, "rules", "gauge", "Rules in force.", (int64_t)rules_count(c->rules));
	config_unref(c);
	buf_add_cstr(out, "# HELP gridwarden_config_reloads_total Reloads since the start.\n"
			  "# TYPE gridwarden_config_reloads_total counter\n");
	for (int t = 0; t < RELOAD_TRIGGERS; t++)
		buf_printf(out,
		    "gridwarden_config_reloads_total{trigger=\"%s\",result=\"done\"} %" PRId64 "\n"
		    "gridwarden_config_reloads_total{trigger=\"%s\",result=\"refused\"} %" PRId64
		    "\n",
		    triggers[t], m->reloads[t][true], triggers[t], m->reloads[t][false]);
	metric(out, "config_last_reload_successful", "gauge", "1 = the last load was good.",
	    m->reload_ok ? 1 : 0);
	metric(out, "config_last_reload_success_timestamp_seconds", "gauge",
	    "Time of the last good load.", m->reload_ms / 1000);
	metric(out, "rules_tests", "gauge", "Tests of the rules that were last loaded.", m->tests);
	metric(out, "rules_tests_failed", "gauge",
	    "Of those, failed: these rules are not put in force.", m->tests_failed);
}

static int
metrics_page(void *ctx, struct buf *out)
{
	struct metrics *m = ctx;

	buf_printf(out,
	    "# HELP gridwarden_build_info Version.\n# TYPE gridwarden_build_info gauge\n"
	    "gridwarden_build_info{version=\"%s\"} 1\n",
	    GRIDWARDEN_VERSION);
	intake_metrics(m, out);
	key_metrics(m, out);
	listener_metrics(m, out);
	inbox_metrics(m, out);
	approval_metrics(m, out);
	trouble_metrics(m, out);
	config_metrics(m, out);
	store_metrics(m, out);
	return 200;
}

static int
live_page(void *ctx, struct buf *out)
{
	struct metrics *m = ctx;
	bool alive = workers_alive(m->workers, clock_mono_ms());

	buf_add_cstr(out, alive ? "ok\n" : "a worker hangs\n");
	return alive ? 200 : 503;
}

/* Are senders told to come again: the queue is full, or bodies have used their memory? */
static bool
is_refusing(struct metrics *m)
{
	struct listener_figures f;

	listener_figures(m->listener, &f);
	return pipeline_is_refusing(m->pipeline) ||
	       (f.overload_ms != 0 && clock_mono_ms() - f.overload_ms < PIPELINE_REFUSED_MS);
}

/* Azure being down does not make us unready: alerts can still be kept. */
static int
ready_page(void *ctx, struct buf *out)
{
	struct metrics *m = ctx;
	struct pipeline *p = m->pipeline;
	struct trouble *troubles[] = { &p->keeping, &p->deciding, &p->performing };
	char text[ERR_TEXT_MAX];
	struct store_figures f;
	struct err e;

	if (m->draining) {
		buf_add_cstr(out, "shutting down\n");
		return 503;
	}
	if (!store_figures(p->store, &f, &e))
		buf_printf(out, "store: %s\n", e.text);
	if (store_damage(p->store, text))
		buf_printf(out, "%s\n", text);
	for (size_t i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		if (trouble_now(troubles[i], text))
			buf_printf(out, "%s: %s\n", troubles[i]->begins, text);
	if (is_refusing(m))
		buf_add_cstr(out, "too much at once: deliveries are told to come again\n");
	if (out->n > 0)
		return 503;
	buf_add_cstr(out, "ready\n");
	return 200;
}

const struct operations_page *
metrics_pages(struct metrics *m)
{
	static const char text[] = "text/plain; charset=utf-8";

	m->pages[0] = (struct operations_page){ "/metrics",
		"text/plain; version=0.0.4; charset=utf-8", metrics_page, m };
	m->pages[1] = (struct operations_page){ "/livez", text, live_page, m };
	m->pages[2] = (struct operations_page){ "/readyz", text, ready_page, m };
	m->pages[3] = (struct operations_page){ "/healthz", text, ready_page, m };
	m->pages[4] = (struct operations_page){ NULL, NULL, NULL, NULL };
	return m->pages;
}
