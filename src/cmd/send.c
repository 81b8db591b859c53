/*
 * An alert sent to a running gridwarden exactly as Event Grid would: handshake, envelope, headers,
 * credential.
 */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "cmd/cmd.h"
#include "core/event.h"
#include "core/source_list.h"
#include "daemon/load.h"
#include "net/http.h"

#define FILE_MAX ((size_t)16 * 1024 * 1024)
#define TOPIC                                                                                      \
	"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/gridwarden/providers/" \
	"Microsoft.EventGrid/topics/send"
#define TYPE "Microsoft.Security.Alert"
#define SUBSCRIPTION "gridwarden-send"

struct send {
	const struct command *self;
	const char *config, *url, *key_file, *token_file, *ca_file, *subscription, *source, *type;
	const char *id;
	bool cloud_events, schema_given, handshake;
	enum format format;
	struct arena *arena;
	struct http *http;
	struct str target;	  /* URL with the key */
	struct str authorization; /* "Bearer ..."; "" = none */
	struct json *report;
};

static const struct option_row options[] = { { "output", 'o', true }, { "config", 'c', true },
	{ "to", 't', true }, { "key-file", 'k', true }, { "token-file", 'b', true },
	{ "ca-file", 'C', true }, { "subscription", 's', true }, { "schema", 'm', true },
	{ "type", 'T', true }, { "source", 'S', true }, { "id", 'i', true },
	{ "no-handshake", 'n', false }, { NULL, 0, false } };

/* ---- where to ---- */

/* The port that the settings name; when they let the system choose, the daemon knows it. */
static struct str
port_of(const struct settings *s, struct arena *a, int *code)
{
	struct str port = STR_EMPTY, rest = s->listen.address, field;
	const struct json *status;
	struct json *question;

	while (str_next(&rest, ':', &field))
		port = field;
	if (!str_is(port, "0"))
		return port;
	question = json_object(a);
	json_set_cstr(question, "command", "status", a);
	status = client_ask(arena_cstr(a, s->socket), NULL, question, a, code);
	return json_scalar(json_get(status, "port"), a);
}

/* https://localhost:port/path of the listener that the settings describe; NULL after a message. */
static const char *
url_of(const struct settings *s, struct arena *a, int *code)
{
	struct str port = port_of(s, a, code);

	if (port.n == 0)
		return NULL;
	return arena_printf(a, "%s://localhost:%.*s%.*s",
	    s->listen.certificate.n > 0 ? "https" : "http", STR_ARG(port), STR_ARG(s->listen.path))
	    .p;
}

/* What is sent when the command line does not say: the default when a list names it, else what it
 * names first. */
static const char *
listed(const struct str *list, size_t n, const char *fallback, struct arena *a)
{
	struct str example = str_of(fallback);

	for (size_t i = 0; i < n; i++)
		if (source_list_fits(list[i], str_of(fallback)))
			return fallback;
	for (size_t i = n; i > 0; i--)
		if (source_list_example(list[i - 1], a).n > 0)
			example = source_list_example(list[i - 1], a);
	return arena_cstr(a, example);
}

/* Of the two schemas that are sent. */
static bool
judges_only_cloud_events(const struct settings_auth *auth)
{
	return !source_list_judges(auth->schemas, auth->n_schemas, SCHEMA_EVENT_GRID) &&
	       source_list_judges(auth->schemas, auth->n_schemas, SCHEMA_CLOUD_EVENTS);
}

static void
complete_lists(struct send *s, const struct settings_auth *auth)
{
	if (s->subscription == NULL)
		s->subscription =
		    listed(auth->subscriptions, auth->n_subscriptions, SUBSCRIPTION, s->arena);
	if (s->source == NULL)
		s->source = listed(auth->sources, auth->n_sources, TOPIC, s->arena);
	if (s->type == NULL)
		s->type = listed(auth->event_types, auth->n_event_types, TYPE, s->arena);
}

/* What the command line does not say comes from the settings of the daemon on this machine. */
static bool
complete(struct send *s, int *code)
{
	struct settings *settings;
	struct diags d;

	diags_init(&d, s->arena);
	settings = load_settings(s->config == NULL ? CONFIG_DEFAULT : s->config, s->arena, &d);
	if (settings == NULL) {
		mistakes_show(&d);
		return false;
	}
	if (s->url == NULL)
		s->url = url_of(settings, s->arena, code);
	/* A token stands alone: a key beside it would let in what the token does not. */
	if (s->key_file == NULL && s->token_file == NULL && settings->auth.n_keys_files > 0)
		s->key_file = arena_cstr(s->arena, settings->auth.keys_files[0]);
	if (s->ca_file == NULL && settings->listen.certificate.n > 0)
		s->ca_file = arena_cstr(s->arena, settings->listen.certificate);
	if (!s->schema_given)
		s->cloud_events = judges_only_cloud_events(&settings->auth);
	complete_lists(s, &settings->auth);
	settings_free(settings);
	return s->url != NULL;
}

/* RFC 6750: visible ASCII.  Anything else would break the header. */
static bool
make_authorization(struct send *s, struct err *e)
{
	struct str token;

	if (s->token_file == NULL)
		return true;
	if (!file_read_secret(s->token_file, s->arena, &token, e))
		return false;
	for (size_t i = 0; i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] > '~')
			return fail(e, ERR_INPUT, "%s: this is no bearer token", s->token_file);
	s->authorization = arena_printf(s->arena, "Bearer %.*s", STR_ARG(token));
	return true;
}

static bool
make_target(struct send *s, struct err *e)
{
	struct str key;

	s->target = str_of(s->url);
	if (!http_url_allowed(s->target, e))
		return false;
	if (s->key_file == NULL)
		return true;
	if (!file_read_secret(s->key_file, s->arena, &key, e))
		return false;
	s->target = arena_printf(s->arena, "%s%scode=%.*s", s->url,
	    strchr(s->url, '?') == NULL ? "?" : "&", STR_ARG(http_escape(key, s->arena)));
	return true;
}

/* ---- the exchange ---- */

static bool
post(struct send *s, const char *method, const char *event_type, struct str body,
    struct http_response *rs, struct err *e)
{
	const struct http_header headers[] = {
		{ "Content-Type", s->cloud_events
				      ? STR("application/cloudevents+json; charset=utf-8")
				      : STR("application/json; charset=utf-8") },
		{ "aeg-event-type", str_of(event_type) },
		{ "aeg-subscription-name", str_of(s->subscription) },
		{ "aeg-delivery-count", STR("0") },
		{ "aeg-metadata-version", s->cloud_events ? STR("1.0") : STR("1") },
		{ "aeg-data-version", STR("1.0") },
		{ "WebHook-Request-Origin", STR("eventgrid.azure.net") },
		{ "User-Agent", STR("gridwarden-send/" GRIDWARDEN_VERSION) },
		{ "Authorization", s->authorization }, /* the last one: may be left out */
	};
	struct http_request rq = { .method = method,
		.url = s->target,
		.headers = headers,
		.n_headers =
		    sizeof(headers) / sizeof(headers[0]) - (s->authorization.n > 0 ? 0 : 1),
		.body = body,
		.has_body = body.n > 0,
		.timeout_ms = 30000 };

	return http_call(s->http, &rq, s->arena, rs, e);
}

static struct json *
envelope(struct send *s, const char *type, const char *id, struct json *data)
{
	struct arena *a = s->arena;
	struct json *j = json_object(a);
	char time[CLOCK_TEXT_MAX];

	clock_format_ms(clock_now_ms(), time);
	json_set_cstr(j, "id", id, a);
	if (s->cloud_events) {
		json_set_cstr(j, "specversion", "1.0", a);
		json_set_cstr(j, "source", s->source, a);
		json_set_cstr(j, "type", type, a);
		json_set_cstr(j, "time", time, a);
		json_set_cstr(j, "datacontenttype", "application/json", a);
	} else {
		json_set_cstr(j, "topic", s->source, a);
		json_set_cstr(j, "eventType", type, a);
		json_set_cstr(j, "eventTime", time, a);
		json_set_cstr(j, "dataVersion", "1.0", a);
		json_set_cstr(j, "metadataVersion", "1", a);
	}
	json_set_cstr(j, "subject", "gridwarden/send", a);
	json_set(j, "data", data, a);
	return j;
}

/* Event Grid schema delivers arrays, CloudEvents single objects. */
static struct str
wrap(struct send *s, struct json *event)
{
	struct json *array;

	if (s->cloud_events)
		return json_print(event, s->arena);
	array = json_array(s->arena);
	json_add(array, event, s->arena);
	return json_print(array, s->arena);
}

static bool
validate(struct send *s, struct http_response *rs, struct err *e)
{
	char code[UUID_MAX], id[UUID_MAX];
	struct json *data = json_object(s->arena), *answer;
	struct str body;

	json_set_cstr(data, "validationCode", uuid_random(code), s->arena);
	body = wrap(s,
	    envelope(s, "Microsoft.EventGrid.SubscriptionValidationEvent", uuid_random(id), data));
	if (!post(s, "POST", "SubscriptionValidation", body, rs, e))
		return false;
	if (rs->status != 200)
		return true;
	answer = json_parse(rs->body, s->arena, e);
	if (answer == NULL || !str_is(json_text(json_get(answer, "validationResponse")), code))
		return fail(e, ERR_DENIED, "the answer does not hold the validation code");
	return true;
}

static bool
ask_consent(struct send *s, struct http_response *rs, struct err *e)
{
	if (!post(s, "OPTIONS", "SubscriptionValidation", STR_EMPTY, rs, e))
		return false;
	if (rs->status == 200 &&
	    !str_is_nocase(http_get_header(rs, "webhook-allowed-origin"), "eventgrid.azure.net"))
		return fail(
		    e, ERR_DENIED, "the answer does not allow the origin eventgrid.azure.net");
	return true;
}

/* Put one exchange into the report; false when it was not a success. */
static bool
note(struct send *s, const char *what, const struct http_response *rs)
{
	struct json *j = json_object(s->arena);

	json_set_int(j, "status", rs->status, s->arena);
	if (http_get_header(rs, "retry-after").n > 0)
		json_set_str(j, "retry_after", http_get_header(rs, "retry-after"), s->arena);
	json_set(s->report, what, j, s->arena);
	return rs->status >= 200 && rs->status <= 204;
}

/* The file's own events, or its alert in an envelope. */
static struct str
body_of(struct send *s, struct str text, struct err *e)
{
	struct event_headers headers;
	struct event_batch batch;
	char id[UUID_MAX];
	struct json *data;

	event_headers_read(STR("{}"), s->arena, &headers);
	event_batch_parse(text, &headers, s->arena, &batch);
	if (batch.events[0].kind != EVENT_UNREADABLE && batch.events[0].schema != SCHEMA_CUSTOM) {
		s->cloud_events = batch.events[0].schema == SCHEMA_CLOUD_EVENTS;
		return text;
	}
	data = json_parse(text, s->arena, e);
	if (data == NULL)
		return text; /* sent as it is: the daemon's answer to it is of interest too */
	return wrap(s, envelope(s, s->type, s->id != NULL ? s->id : uuid_random(id), data));
}

static int
deliver(struct send *s, struct str text, struct err *e)
{
	struct str body = body_of(s, text, e);
	struct http_response rs;
	bool ok = true;

	if (s->handshake) {
		if (!(s->cloud_events ? ask_consent(s, &rs, e) : validate(s, &rs, e)))
			return -1;
		ok = note(s, "handshake", &rs);
	}
	if (ok) {
		if (!post(s, "POST", "Notification", body, &rs, e))
			return -1;
		ok = note(s, "delivery", &rs);
	}
	if (ok)
		return EXIT_OK;
	return rs.status >= 500 ? EXIT_FAILED : EXIT_REFUSED;
}

static void
print_report(const struct send *s)
{
	for (const struct json *j = json_first(s->report); j != NULL; j = json_next(j)) {
		int64_t status = 0;

		json_int(json_get(j, "status"), &status);
		printf("%-10.*s %d%s\n", STR_ARG(json_name(j)), (int)status,
		    status >= 200 && status <= 204 ? "" : " refused");
	}
}

static int
send_file(struct send *s, const char *path)
{
	struct str text;
	struct err e;
	int code;

	if (!file_read(path, FILE_MAX, s->arena, &text, &e) || !http_global_init(&e) ||
	    !make_target(s, &e) || !make_authorization(s, &e)) {
		fprintf(stderr, "gridwarden send: %s\n", e.text);
		return exit_code_of(e.kind);
	}
	s->http = http_new(s->ca_file);
	s->report = json_object(s->arena);
	code = deliver(s, text, &e);
	http_free(s->http);
	if (code < 0) {
		fprintf(stderr, "gridwarden send: %s\n", e.text);
		return e.kind == ERR_AGAIN ? EXIT_UNREACHABLE : exit_code_of(e.kind);
	}
	if (s->format == FORMAT_TABLE)
		print_report(s);
	else
		output_object(s->report, s->format, s->arena);
	return code;
}

static bool
take(struct send *s, int key, const char *value)
{
	switch (key) {
	case 'c':
		s->config = value;
		return true;
	case 't':
		s->url = value;
		return true;
	case 'k':
		s->key_file = value;
		return true;
	case 'b':
		s->token_file = value;
		return true;
	case 'C':
		s->ca_file = value;
		return true;
	case 's':
		s->subscription = value;
		return true;
	case 'S':
		s->source = value;
		return true;
	case 'T':
		s->type = value;
		return true;
	case 'i':
		s->id = value;
		return true;
	case 'n':
		s->handshake = false;
		return true;
	case 'o':
		return format_parse(s->self, value, &s->format);
	case 'm':
		s->schema_given = true;
		s->cloud_events = strcmp(value, "cloud-events") == 0;
		if (s->cloud_events || strcmp(value, "event-grid") == 0)
			return true;
		usage_error(
		    s->self, "unknown schema '%s', choose event-grid or cloud-events", value);
		return false;
	default:
		return false;
	}
}

static int
run(const struct command *self, int argc, char **argv)
{
	static const struct settings_auth nothing_listed;
	struct send s = {
		.self = self, .authorization = STR_EMPTY, .handshake = true, .format = FORMAT_TABLE
	};
	const char *value;
	int key, code = EXIT_FAILED;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (!take(&s, key, value))
			return EXIT_USAGE;
	}
	if (argc - options_end() != 1)
		return usage_error(self, "takes one file, or - for standard input");
	s.arena = arena_new();
	if (s.url != NULL || complete(&s, &code)) {
		complete_lists(&s, &nothing_listed);
		code = send_file(&s, argv[options_end()]);
	}
	arena_free(s.arena);
	return code;
}

const struct command cmd_send = {
	.name = "send",
	.summary = "send an alert to a running gridwarden exactly as Event Grid would",
	.usage =
	    "FILE [OPTION]...\n"
	    "\n"
	    "FILE is an alert in any form, which gets an envelope, or events as Event Grid "
	    "delivers\n"
	    "them, which are sent as they are; - is standard input.  The handshake goes first.\n"
	    "\n"
	    "  -c, --config FILE     settings of the daemon on this machine: address, key, "
	    "certificate\n"
	    "                        (default " CONFIG_DEFAULT ")\n"
	    "  -t, --to URL          another daemon; then nothing is taken from the settings\n"
	    "  -k, --key-file FILE   the shared key, sent as ?code=\n"
	    "  -b, --token-file FILE a bearer token of Microsoft Entra ID, shown instead of the "
	    "key\n"
	    "  -C, --ca-file FILE    trust this certificate or authority\n"
	    "  -s, --subscription N  name of the event subscription\n"
	    "  -m, --schema NAME     event-grid (default, where it is judged) or cloud-events\n"
	    "  -S, --source TOPIC    the topic, or CloudEvents source\n"
	    "  -T, --type TYPE       event type (default " TYPE ")\n"
	    "  -i, --id ID           event id (default: a new one)\n"
	    "  -n, --no-handshake    deliver at once\n"
	    "  -o, --output FORMAT   table, json or yaml\n"
	    "\n"
	    "Exit code: 0 kept, 1 not kept now, 4 refused, 6 not reached.\n",
	.run = run,
};
