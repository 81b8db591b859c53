/*
 * What reading a delivery costs, without a daemon: `make bench-parse`.
 *
 * Prints nanoseconds of thread CPU time, the median of RUNS runs, for an alert of 4 KB in Event
 * Grid schema and for a batch of ten.  "delivery" is what a listener thread does: parse and hash.
 * It measures and promises nothing, so it ends with 0 whatever it finds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "core/alert.h"
#include "core/event.h"
#include "measure.h"

#define RUNS 15
#define ALERT_BYTES 4096
#define BATCH_EVENTS 10

static const unsigned char key[HASH_KEY_SIZE] = { 1, 2, 3 };
static const struct event_headers headers; /* none */

struct work {
	struct str body;
	struct event_batch batch; /* of body, for what comes behind the parser */
	struct arena *arena;
};

static void
work_check(struct work *w)
{
	struct err e;

	if (!json_check(w->body, &e))
		abort();
}

static void
work_parse(struct work *w)
{
	struct event_batch batch;

	event_batch_parse(w->body, &headers, w->arena, &batch);
	if (batch.events[0].kind != EVENT_NOTIFICATION)
		abort();
}

static void
work_hash(struct work *w)
{
	struct hash128 h;

	for (size_t i = 0; i < w->batch.n; i++)
		event_hash(&w->batch.events[i], key, &h);
}

static void
work_delivery(struct work *w)
{
	struct event_batch batch;
	struct hash128 h;

	event_batch_parse(w->body, &headers, w->arena, &batch);
	for (size_t i = 0; i < batch.n; i++)
		event_hash(&batch.events[i], key, &h);
}

static void
work_headers(struct work *w)
{
	struct event_headers some = headers;

	some.content_type = STR("application/json; charset=utf-8");
	some.aeg_event_type = STR("Notification");
	some.aeg_subscription_name = STR("SOC-ALERTS");
	some.aeg_delivery_count = STR("0");
	some.aeg_data_version = STR("1.0");
	(void)event_headers_print(&some, w->arena);
}

static void
work_alert(struct work *w)
{
	struct alert al;
	struct err e;

	for (size_t i = 0; i < w->batch.n; i++)
		if (!alert_parse(&w->batch.events[i], w->arena, &al, &e))
			abort();
}

static double
median_ns(void (*run)(struct work *), struct work *w, int rounds)
{
	double times[RUNS];

	for (int i = 0; i < RUNS; i++) {
		double start = now_ns();

		for (int n = 0; n < rounds; n++) {
			run(w);
			arena_reset(w->arena);
		}
		times[i] = (now_ns() - start) / rounds;
	}
	return median(times, RUNS);
}

/* Shaped like Defender's: short members, some entities, one long text with a few escapes. */
static void
add_event(struct buf *b, int number)
{
	size_t start = b->n;

	buf_printf(b,
	    "{\"id\":\"2517538088322968242_%08d\",\"topic\":\"/subscriptions/"
	    "11111111-2222-3333-4444-555555555555/resourceGroups/rg-soc/providers/"
	    "Microsoft.EventGrid/topics/defender\",\"subject\":\"web-%02d\",\"eventType\":"
	    "\"Contoso.Security.AlertRaised\",\"eventTime\":\"2026-11-23T03:12:46.1234567Z\","
	    "\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\",\"data\":{"
	    "\"AlertDisplayName\":\"Suspicious process executed\",\"AlertType\":\"VM_Suspicious\","
	    "\"Severity\":\"Informational\",\"Status\":\"New\",\"IsIncident\":false,"
	    "\"StartTimeUtc\":\"2026-11-23T03:12:45.1234567Z\",\"CompromisedEntity\":\"web-%02d\","
	    "\"ResourceIdentifiers\":[{\"AzureResourceId\":\"/subscriptions/"
	    "11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop/providers/"
	    "Microsoft.Compute/virtualMachines/web-%02d\",\"Type\":\"AzureResource\"}],"
	    "\"Entities\":[",
	    number, number, number, number);
	for (int i = 0; i < 8; i++)
		buf_printf(b,
		    "%s{\"$id\":\"%d\",\"ProcessId\":\"0x%x\",\"CommandLine\":\"C:\\\\Windows\\\\"
		    "System32\\\\cmd.exe /c \\\"whoami\\\"\",\"Type\":\"process\",\"Elevated\":"
		    "true,\"Pid\":%d,\"Host\":{\"$ref\":\"%d\"}}",
		    i > 0 ? "," : "", i, 4096 + i, 1234 + i, i + 1);
	buf_add_cstr(b, "],\"ExtendedProperties\":{");
	for (int i = 0; i < 12; i++)
		buf_printf(b, "\"property %d\":\"caf\xc3\xa9 value %d\",", i, i);
	buf_add_cstr(b, "\"last\":null},\"Description\":\"");
	while (b->n < start + ALERT_BYTES - 5)
		buf_add_cstr(b, "x");
	buf_add_cstr(b, "\"}}");
}

static void
measure(const char *name, struct str body, int rounds)
{
	static const struct {
		const char *name;
		void (*run)(struct work *);
	} works[] = { { "json_check", work_check }, { "event_batch_parse", work_parse },
		{ "event_hash", work_hash }, { "delivery (parse + hash)", work_delivery },
		{ "event_headers_print", work_headers }, { "alert_parse", work_alert } };
	struct arena *kept = arena_new();
	struct work w = { .body = body, .arena = arena_new() };

	event_batch_parse(body, &headers, kept, &w.batch);
	printf("%s: %zu bytes, %zu event%s\n", name, body.n, w.batch.n, w.batch.n == 1 ? "" : "s");
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
		double ns = median_ns(works[i].run, &w, rounds);

		printf("  %-24s %8.0f ns\n", works[i].name, ns);
	}
	arena_free(w.arena);
	arena_free(kept);
}

int
main(void)
{
	struct buf b;

	buf_init(&b, (size_t)1 << 20);
	for (int i = 0; i < BATCH_EVENTS; i++) {
		buf_add_cstr(&b, i == 0 ? "[" : ",");
		add_event(&b, i);
		if (i == 0) {
			buf_add_char(&b, ']');
			measure("one alert", buf_str(&b), 2000);
			b.n--;
		}
	}
	buf_add_char(&b, ']');
	measure("a batch of ten", buf_str(&b), 200);
	buf_done(&b);
	return 0;
}
