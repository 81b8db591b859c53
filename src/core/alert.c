/*
 * Happy path: find the object that has an alert's fields, name its form, read the fields from a
 * table, choose the resource.
 * What can go wrong: a payload that is not an object.  A missing field stays empty; a resource id
 * that does not parse is kept as text with the reason.
 */
#include "core/alert.h"

#include <stddef.h>

#include "alert_parts.h"
#include "base/buf.h"
#include "base/hash.h"

#define TYPE_MALWARE_SCAN "Microsoft.Security.MalwareScanningResult"
#define OPERATION_ALERT "Microsoft.Security/locations/alerts/"
#define WORDS_MAX 32

/* ---- severity ---- */

static const char *const severity_names[] = { [SEVERITY_UNKNOWN] = "Unknown",
	[SEVERITY_INFORMATIONAL] = "Informational",
	[SEVERITY_LOW] = "Low",
	[SEVERITY_MEDIUM] = "Medium",
	[SEVERITY_HIGH] = "High" };

enum severity
severity_parse(struct str word)
{
	for (int i = SEVERITY_INFORMATIONAL; i <= SEVERITY_HIGH; i++)
		if (str_is_nocase(word, severity_names[i]))
			return (enum severity)i;
	return str_is_nocase(word, "Information") ? SEVERITY_INFORMATIONAL : SEVERITY_UNKNOWN;
}

const char *
severity_name(enum severity s)
{
	return severity_names[s];
}

/* ---- the resource ---- */

/* How much an id says; of several the first of the highest rank is taken. */
enum rank { RANK_NONE, RANK_UNUSABLE, RANK_SCOPE, RANK_RESOURCE };

struct choice {
	enum rank rank;
	struct str text;
};

/* Alerts are resources too, and sometimes `resourceId` is the alert's own. */
static bool
is_alert_itself(const struct resource_id *id)
{
	return resource_id_is(id, "Microsoft.Security", "locations") &&
	       str_starts_nocase(id->rest, STR("alerts/"));
}

static enum rank
rank_of(struct str text)
{
	struct resource_id id;
	struct err e;

	if (text.n == 0)
		return RANK_NONE;
	if (!resource_id_parse(text, &id, &e))
		return RANK_UNUSABLE;
	if (is_alert_itself(&id))
		return RANK_NONE;
	return id.provider.n > 0 ? RANK_RESOURCE : RANK_SCOPE;
}

static void
consider(struct choice *best, struct str text)
{
	enum rank rank = rank_of(text);

	if (rank > best->rank)
		*best = (struct choice){ rank, text };
}

static void
settle_resource(struct alert *al, struct choice best, struct arena *a)
{
	struct err e;

	if (best.rank == RANK_NONE)
		return;
	al->resource_text = best.text;
	al->has_resource = resource_id_parse(best.text, &al->resource, &e);
	if (!al->has_resource)
		al->resource_problem = arena_str(a, str_of(e.text));
}

/* resourceIdentifiers is a list; its entries of type LogAnalytics or AAD name no resource. */
static void
consider_identifiers(struct choice *best, const struct json *list, struct arena *a)
{
	list = look_inside(list, a);
	if (json_is(list, JSON_OBJECT))
		consider(best, text_of(list, "azureResourceId", a));
	if (!json_is(list, JSON_ARRAY))
		return;
	for (const struct json *item = json_first(list); item != NULL; item = json_next(item))
		consider(best, text_of(item, "azureResourceId", a));
}

static void
read_resource(struct alert *al, const struct json *fields, struct arena *a)
{
	struct choice best = { RANK_NONE, STR_EMPTY };

	consider_identifiers(&best, first_of(fields, "resourceIdentifiers"), a);
	consider(&best, text_of(fields, "AzureResourceId", a));
	consider(&best, text_of(fields, "associatedResource", a));
	consider(&best, text_of(fields, "ResourceId", a));
	settle_resource(al, best, a);
}

/* ---- fields that every form has under some name ---- */

static const struct {
	const char *names;
	size_t offset;
} texts[] = {
	{ "alertDisplayName|DisplayName|AlertName", offsetof(struct alert, name) },
	{ "alertType", offsetof(struct alert, type) },
	{ "severity|AlertSeverity|reportedSeverity", offsetof(struct alert, severity) },
	{ "status|state", offsetof(struct alert, status) },
	{ "description", offsetof(struct alert, description) },
	{ "compromisedEntity", offsetof(struct alert, compromised_entity) },
	{ "startTimeUtc|StartTime|detectedTimeUtc|timeGeneratedUtc|TimeGenerated",
	    offsetof(struct alert, start_time) },
	{ "productName", offsetof(struct alert, product) },
	{ "alertUri|AlertLink", offsetof(struct alert, uri) },
};

static struct str
join(const struct str *words, size_t n, struct arena *a)
{
	struct str out = n == 0 ? STR_EMPTY : words[0];

	for (size_t i = 1; i < n; i++)
		out = arena_printf(a, "%.*s,%.*s", STR_ARG(out), STR_ARG(words[i]));
	return out;
}

/* A step may be a link written as JSON inside the string: {"displayValue":...,"kind":"Link"}. */
static struct str
step_text(const struct json *step, struct arena *a)
{
	step = look_inside(step, a);
	return json_is(step, JSON_OBJECT) ? text_of(step, "displayValue|value", a)
					  : str_trim(json_scalar(step, a));
}

static void
add_step(struct alert *al, struct str step)
{
	if (step.n > 0 && al->n_remediation < REMEDIATION_MAX)
		al->remediation[al->n_remediation++] = step;
}

/* A list of steps, such a list inside a string, or plain text with one step a line. */
static void
read_remediation(struct alert *al, const struct json *steps, struct arena *a)
{
	struct str rest, line;

	steps = look_inside(steps, a);
	if (steps == NULL)
		return;
	al->remediation = arena_alloc(a, REMEDIATION_MAX * sizeof(*al->remediation));
	if (json_is(steps, JSON_ARRAY)) {
		for (const struct json *s = json_first(steps); s != NULL; s = json_next(s))
			add_step(al, step_text(s, a));
		return;
	}
	rest = step_text(steps, a);
	while (str_next(&rest, '\n', &line))
		add_step(al, str_trim(line));
}

static void
read_fields(struct alert *al, const struct json *fields, struct arena *a)
{
	struct str words[WORDS_MAX];
	size_t n;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct str *to = (struct str *)(void *)((char *)al + texts[i].offset);

		*to = text_of(fields, texts[i].names, a);
	}
	n = words_of(first_of(fields, "intent|Tactics"), a, words, WORDS_MAX);
	al->intent = join(words, n, a);
	read_remediation(al, first_of(fields, "remediationSteps"), a);
	al->extended = look_inside(first_of(fields, "extendedProperties"), a);
	al->entities = look_inside(first_of(fields, "entities"), a);
}

/* ---- Defender for Cloud alerts: five forms with one vocabulary ---- */

static bool
has_alert_fields(const struct json *j, struct arena *a)
{
	return text_of(j, "alertType|alertDisplayName|alertName|systemAlertId", a).n > 0;
}

/* Where relays put the alert, tried in this order. */
static const struct place {
	const char *path;
	bool in_properties;
} places[] = { { "properties", true }, { "", false }, { "object.properties", true },
	{ "Body.properties", true }, { "Body", false }, { "data.properties", true },
	{ "data", false } };

/* The object at a path, and the one above it. */
static const struct json *
object_at(const struct json *j, const char *path, const struct json **above, struct arena *a)
{
	struct str rest = str_of(path), name;

	*above = j;
	while (rest.n > 0 && str_next(&rest, '.', &name)) {
		*above = j;
		j = look_inside(json_get_nocase(j, name), a);
	}
	return j;
}

static bool
has_any(const struct json *fields, const char *names)
{
	return first_of(fields, names) != NULL;
}

/* Export is the form whose names begin with capitals. */
static bool
has_capitals(const struct json *fields)
{
	return json_get(fields, "AlertDisplayName") != NULL ||
	       json_get(fields, "AlertType") != NULL || json_get(fields, "SystemAlertId") != NULL;
}

static const char *
form_of(const struct json *fields, bool in_properties, struct arena *a)
{
	if (str_is_nocase(text_of(fields, "Type", a), "SecurityAlert") ||
	    has_any(fields, "AlertSeverity|AlertLink|VendorOriginalId|SourceComputerId"))
		return "log-analytics";
	if (has_capitals(fields))
		return "export";
	if (has_any(fields, "reportedSeverity|detectedTimeUtc|associatedResource"))
		return "rest-2019";
	return in_properties ? "rest-2022" : "flat";
}

/* The name of a REST envelope is the alert's id; other envelopes are named by somebody else. */
static struct str
envelope_id(const struct json *envelope, struct arena *a)
{
	if (str_ends_nocase(text_of(envelope, "type", a), STR("/alerts")) ||
	    str_has_nocase(text_of(envelope, "id", a), STR("/alerts/")))
		return text_of(envelope, "name", a);
	return STR_EMPTY;
}

static void
read_defender(struct alert *al, const struct json *fields, const struct json *above,
    bool in_properties, struct arena *a)
{
	al->fields = fields;
	al->form = form_of(fields, in_properties, a);
	read_fields(al, fields, a);
	read_resource(al, fields, a);
	al->id = text_of(fields, "systemAlertId", a);
	if (al->id.n == 0 && in_properties)
		al->id = envelope_id(above, a);
	if (al->id.n == 0)
		al->id = text_of(fields, "VendorOriginalId", a);
	/* Since 2019 alertName is the type where there is a display name beside it. */
	if (al->type.n == 0 && has_any(fields, "alertDisplayName"))
		al->type = text_of(fields, "alertName", a);
	if (al->name.n == 0)
		al->name = al->type;
}

static bool
try_defender(struct alert *al, struct arena *a)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct json *above, *fields = object_at(al->data, places[i].path, &above, a);

		if (!has_alert_fields(fields, a))
			continue;
		read_defender(al, fields, above, places[i].in_properties, a);
		return true;
	}
	return false;
}

/* ---- the activity log's form ---- */

static bool
try_activity_log(struct alert *al, struct arena *a)
{
	const struct json *log = al->data, *properties, *above;
	struct str text;

	if (!str_starts_nocase(text_of(log, "operationName", a), STR(OPERATION_ALERT)))
		log = object_at(al->data, "Body", &above, a);
	if (!str_starts_nocase(text_of(log, "operationName", a), STR(OPERATION_ALERT)))
		return false;
	properties = look_inside(first_of(log, "properties"), a);
	al->form = "activity-log";
	al->fields = log;
	read_fields(al, properties, a);
	/* The log's own resourceId is the alert; what was attacked may not be told at all. */
	read_resource(al, properties, a);
	al->extended = properties;
	al->id = text_of(log, "correlationId|eventDataId", a);
	al->name = text_of(log, "eventName", a);
	al->start_time = text_of(log, "eventTimestamp", a);
	text = text_of(log, "status", a);
	al->status = text.n > 0 ? text : al->status;
	text = text_of(log, "description", a);
	al->description = text.n > 0 ? text : al->description;
	return true;
}

/* ---- malware scanning of Defender for Storage ---- */

/* "https://{account}.blob.core.windows.net/...", or a subject "storageAccounts/{account}/...". */
static struct str
account_of(struct str uri, struct str subject)
{
	struct str part;

	if (str_starts_nocase(uri, STR("https://"))) {
		uri = str_slice(uri, 8, uri.n);
		str_next(&uri, '.', &part);
		return part;
	}
	if (!str_next(&subject, '/', &part) || !str_is_nocase(part, "storageAccounts") ||
	    !str_next(&subject, '/', &part))
		return STR_EMPTY;
	return part;
}

static void
consider_account(struct choice *best, struct str text)
{
	struct resource_id id;
	struct err e;

	if (resource_id_parse(text, &id, &e) &&
	    resource_id_is(&id, "Microsoft.Storage", "storageAccounts"))
		consider(best, text);
}

static struct str
scan_details(const struct json *details, struct arena *a)
{
	struct str names[WORDS_MAX];
	size_t n = words_of(first_of(details, "malwareNamesFound"), a, names, WORDS_MAX);

	return n > 0 ? join(names, n, a) : text_of(details, "notScannedReason", a);
}

/* Sent for every scan, clean or not, and sent by the topic, which is not the storage account. */
static bool
try_malware_scan(struct alert *al, struct arena *a)
{
	struct str result = text_of(al->data, "scanResultType", a), details;
	struct str uri = text_of(al->data, "blobUri", a);
	struct choice best = { RANK_NONE, STR_EMPTY };
	bool malicious = str_is_nocase(result, "Malicious");

	if (result.n == 0 || (uri.n == 0 && !str_is_nocase(al->event->type, TYPE_MALWARE_SCAN)))
		return false;
	details = scan_details(first_of(al->data, "scanResultDetails"), a);
	al->form = "malware-scan";
	al->id = text_of(al->data, "correlationId", a);
	al->name = malicious ? STR("Malicious blob scan result")
			     : arena_printf(a, "Blob scan result: %.*s", STR_ARG(result));
	al->type = STR(TYPE_MALWARE_SCAN);
	al->severity = malicious ? STR("High") : STR("Informational");
	al->status = malicious ? STR("Active") : STR_EMPTY;
	al->description = arena_printf(a, "%.*s%s%.*s: %.*s", STR_ARG(result),
	    details.n > 0 ? ", " : "", STR_ARG(details), STR_ARG(uri));
	al->compromised_entity = account_of(uri, al->event->subject);
	al->start_time = text_of(al->data, "scanFinishedTimeUtc", a);
	al->product = STR("Microsoft Defender for Storage");
	consider_account(&best, al->event->source);
	consider_account(&best, al->event->subject);
	settle_resource(al, best, a);
	return true;
}

/* ---- any other event ---- */

static void
consider_usable(struct choice *best, struct str text)
{
	if (rank_of(text) > RANK_UNUSABLE)
		consider(best, text);
}

/* Free text in a subject is no broken resource id; a custom topic is not what happened to. */
static void
read_event(struct alert *al, struct arena *a)
{
	const struct event *ev = al->event;
	struct choice best = { RANK_NONE, STR_EMPTY };
	struct resource_id id;
	struct err e;

	al->form = "event";
	al->name = ev->type;
	consider_usable(&best, text_of(al->data, "resourceUri", a));
	consider_usable(&best, ev->subject);
	if (resource_id_parse(ev->source, &id, &e) &&
	    !str_is_nocase(id.provider, "Microsoft.EventGrid"))
		consider_usable(&best, ev->source);
	settle_resource(al, best, a);
}

/* ---- what all forms share ---- */

static struct str
made_id(const struct event *ev, struct arena *a)
{
	const struct str parts[] = { ev->source, ev->type, ev->id };
	char hex[SHA256_HEX_MAX];

	sha256_parts_hex(parts, sizeof(parts) / sizeof(parts[0]), hex);
	return arena_printf(a, "event:%.32s", hex);
}

static void
settle(struct alert *al, struct arena *a)
{
	if (al->id.n == 0 || al->id.n > ALERT_ID_MAX)
		al->id = made_id(al->event, a);
	if (al->name.n == 0)
		al->name = STR("(no name)");
	if (al->start_time.n == 0)
		al->start_time = al->event->time;
	if (str_is_nocase(al->status, "New"))
		al->status = STR("Active");
	al->level = severity_parse(al->severity);
	al->sample = str_starts_nocase(al->type, STR("SIMULATED_")) ||
		     str_starts_nocase(al->name, STR("[SAMPLE ALERT]"));
}

static const struct json *
read_payload(const struct event *ev, struct arena *a, struct err *e)
{
	const struct json *data;

	if (ev->data.n == 0)
		return json_object(a);
	data = json_parse(ev->data, a, e);
	if (data == NULL)
		return NULL;
	data = look_inside(data, a);
	if (json_is(data, JSON_OBJECT))
		return data;
	fail(e, ERR_INPUT, "the event's data is not a JSON object");
	return NULL;
}

bool
alert_parse(const struct event *ev, struct arena *a, struct alert *out, struct err *e)
{
	const struct json *data = read_payload(ev, a, e);
	struct alert al = { .id = STR_EMPTY,
		.name = STR_EMPTY,
		.type = STR_EMPTY,
		.severity = STR_EMPTY,
		.status = STR_EMPTY,
		.description = STR_EMPTY,
		.intent = STR_EMPTY,
		.compromised_entity = STR_EMPTY,
		.start_time = STR_EMPTY,
		.product = STR_EMPTY,
		.uri = STR_EMPTY,
		.resource_text = STR_EMPTY,
		.resource_problem = STR_EMPTY,
		.event = ev,
		.fields = data,
		.data = data };

	if (data == NULL)
		return false;
	if (!try_activity_log(&al, a) && !try_malware_scan(&al, a) && !try_defender(&al, a))
		read_event(&al, a);
	settle(&al, a);
	*out = al;
	return true;
}
