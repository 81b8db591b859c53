/*
 * A Microsoft Defender for Cloud alert, out of every shape in which it reaches a webhook.
 *
 * rest-2022      Microsoft.Security/alerts 2022-01-01, fields under `properties`
 * export         flat PascalCase, as workflow automation and continuous export send it
 * rest-2019      2019-01-01: reportedSeverity, state, associatedResource
 * log-analytics  a row of the SecurityAlert table, nested JSON as strings
 * activity-log   operationName Microsoft.Security/locations/alerts/activate/action
 * flat           {alertName, severity, status, startTimeUtc, resourceIdentifiers}
 * malware-scan   Microsoft.Security.MalwareScanningResult of Defender for Storage
 * event          any other event: it has no alert fields but can be matched by its own
 *
 * Names are read without case.  Azure leaves its enumerations open, so unknown words are kept.
 */
#ifndef CORE_ALERT_H
#define CORE_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "core/event.h"
#include "core/resource_id.h"

enum severity {
	SEVERITY_UNKNOWN, /* absent, or a word that is not one of the four */
	SEVERITY_INFORMATIONAL,
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH,
};

struct alert {
	const char *form;    /* one of the names above */
	struct str id;	     /* systemAlertId, or made from the event: same event, same id */
	struct str name;     /* display name; for form "event" the event type */
	struct str type;     /* alertType, "VM_SuspiciousProcess" */
	struct str severity; /* as received */
	enum severity level;
	struct str status; /* "New" of the export form is "Active" */
	struct str description;
	struct str intent; /* MITRE tactics, comma-joined */
	struct str compromised_entity;
	struct str start_time; /* ISO 8601 as received */
	struct str product;
	struct str uri;		 /* the alert in the portal */
	struct str *remediation; /* steps, plain text */
	size_t n_remediation;
	struct str resource_text; /* the Azure resource id as received; may be empty */
	bool has_resource;	  /* resource_text parsed: resource is usable */
	struct resource_id resource;
	struct str resource_problem; /* why it is not usable, when resource_text is not empty */
	bool sample;		     /* SIMULATED_ type or [SAMPLE ALERT] title */
	const struct event *event;   /* borrowed */
	const struct json *fields;   /* the object that has the alert's fields; never NULL */
	const struct json *data;     /* the whole payload of the event */
	const struct json
	    *extended; /* extendedProperties, looked into when it is a string; or NULL */
	const struct json *entities; /* likewise */
};

/* A longer id is not one of Azure's: the alert gets one made from its event. */
#define ALERT_ID_MAX 256
/* More steps than this are left out: nobody reads them in an incident. */
#define REMEDIATION_MAX 50

/*
 * False only when the payload is not a JSON object at all.  An event without a payload has an empty
 * one; a string that holds an object is looked into.
 *
 * Where the alert is: in the payload, its `properties`, `object.properties`, `Body` (as Logic Apps
 * wrap it) or `data` (as dead-lettered events are wrapped).  Its resource is the most exact of the
 * ids it names (a resource before a group or subscription), never the alert's own id.
 */
bool
alert_parse(const struct event *ev, struct arena *a, struct alert *out, struct err *e) MUST_CHECK;

enum severity severity_parse(struct str word); /* without case; "Information" too */
const char *severity_name(enum severity s);

/*
 * The values that a field name of a rule stands for: none, one, or several (any-of).
 *
 * alertDisplayName alertType severity status intent tactics compromisedEntity description
 * startTimeUtc productName alertUri systemAlertId; alertName (display name or type: Azure's API
 * versions do not agree); extendedProperties.<name>, entities.<name> (of any entity, nested names
 * with dots, "$ref" followed), resourceIdentifiers.<name>, techniques, subTechniques;
 * subscriptionId resourceGroup resourceType resourceName resourceId (of something below a machine
 * also the machine's); event.id event.type event.source event.subject event.time
 * event.data.<path>; otherwise a path in the alert's own fields, then in the payload.  Names are
 * compared without case; a path through a list means any of its elements.
 *
 * Numbers and booleans are given as JSON writes them.  JSON in strings is looked into where a path
 * goes on behind it (extendedProperties, entities of Log Analytics rows).
 */
struct field_values {
	struct str *values;
	size_t n;
	bool present; /* the field exists (it may be null or an empty list) */
	bool cut;     /* there may be more: a limit was reached, "no" is not certain */
	int64_t
	    work; /* what looking it up took, in the judge's steps; small change is not counted */
};
#define FIELD_VALUES_MAX 256
/* References followed, and nodes looked at to find where they point: some 20 ms at worst. */
#define FIELD_REFS_MAX 256
#define FIELD_NODES_MAX 200000

/* The names that stand for something in every alert, for "did you mean". */
extern const char *const alert_field_names[];
extern const size_t alert_field_count;

void
alert_field(const struct alert *al, struct str name, struct arena *a, struct field_values *out);

#endif
