#include "daemon/notice.h"

#include "base/clock.h"
#include "core/event.h"
#include "daemon/report.h"
#include "store/store.h"

/* In Event Grid's schema, with the fields of an alert: cards are made of those. */
static struct str
event_text(const struct notice *n, int64_t now_ms, struct arena *a)
{
	struct json *j = json_object(a), *data = json_object(a);
	char uuid[UUID_MAX], now[CLOCK_TEXT_MAX];

	clock_format(now_ms, now);
	json_set_str(data, "alertDisplayName", n->title, a);
	json_set_cstr(data, "severity", n->severity, a);
	json_set_cstr(data, "status", n->state.n > 0 ? "Active" : "Resolved", a);
	json_set_cstr(data, "startTimeUtc", now, a);
	json_set_str(data, "description", n->text, a);
	json_set_cstr(j, "id", uuid_random(uuid), a);
	json_set_cstr(j, "topic", "gridwarden", a);
	json_set_cstr(j, "subject", n->topic, a);
	json_set_cstr(j, "eventType", "Gridwarden.Notice", a);
	json_set_cstr(j, "eventTime", now, a);
	json_set(j, "data", data, a);
	return json_print(j, a);
}

static bool
put(struct pipeline *p, const struct settings *s, const struct notice *n, struct arena *a,
    bool *told, struct err *e)
{
	struct event_headers headers;
	struct event_batch batch;
	struct alert al;
	struct step step;
	struct plan plan = { .steps = &step };
	struct decision d = { .state = EVENT_STATE_NOTICE,
		.headers = STR("{}"),
		.alert = &al,
		.trace = STR("{}"),
		.rules_hash = STR_EMPTY,
		.reason = STR_EMPTY,
		.plan = &plan };

	d.received_ms = d.decided_ms = clock_now_ms();
	random_bytes(d.hash.bytes, sizeof(d.hash.bytes));
	event_headers_read(d.headers, a, &headers);
	event_batch_parse(event_text(n, d.decided_ms, a), &headers, a, &batch);
	d.event = &batch.events[0];
	if (!alert_parse(d.event, a, &al, e))
		return false;
	if (s->n_channels > 0) {
		step = report_notice(s->channels[0].name, al.id, d.decided_ms, n->wait_ms, a);
		plan.n = 1;
	}
	return store_tell(p->store, n->topic, n->state, &d, told, e);
}

bool
notice_tell(
    struct pipeline *p, const struct settings *s, const struct notice *n, bool *told, struct err *e)
{
	struct arena *a = arena_new();
	bool ok = put(p, s, n, a, told, e);

	arena_free(a);
	if (ok && *told)
		bell_ring(&p->due);
	return ok;
}
