/*
 * The catalogue: which alerts Microsoft Defender for Cloud is known to raise, and a realistic alert
 * made of each, so that rules can be tried before the first one arrives.  The facts are in
 * alert_types.txt.  It is never complete: an alert that is not in it is as good as one that is.
 */
#ifndef CORE_ALERT_TYPES_H
#define CORE_ALERT_TYPES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* What an alert is about; the names of alert_types.txt. */
enum sample_kind {
	SAMPLE_WINDOWS,
	SAMPLE_LINUX,
	SAMPLE_EXTENSION,
	SAMPLE_TRAFFIC, /* of a machine, seen on the network */
	SAMPLE_DNS,
	SAMPLE_APP,
	SAMPLE_CLUSTER,
	SAMPLE_NODE,
	SAMPLE_SQL_DATABASE,
	SAMPLE_SQL_INSTANCE,
	SAMPLE_SQL_MACHINE,
	SAMPLE_SYNAPSE,
	SAMPLE_POSTGRESQL,
	SAMPLE_MYSQL,
	SAMPLE_MARIADB,
	SAMPLE_STORAGE,
	SAMPLE_VAULT,
	SAMPLE_SUBSCRIPTION,
	SAMPLE_COSMOS,
	SAMPLE_API,
	SAMPLE_PUBLIC_ADDRESS,
	SAMPLE_AI,
};

struct alert_type {
	const char *type;	/* "VM_AmDisablement"; "" = the reference does not say */
	const char *severities; /* letters of High, Medium, Low, Informational; "" likewise */
	const char *tactics;	/* comma-joined; "" likewise */
	const char *name;	/* what is displayed */
	enum sample_kind kind;
	bool retired; /* Microsoft lists it no longer */
};

extern const struct alert_type alert_types[];
extern const size_t alert_types_n;

/* Without case, and without what marks a sample. */
bool alert_type_is_known(struct str type);
/* "Did you mean": NULL when it is known, or when nothing is near. */
const char *alert_type_nearest(struct str type);

/*
 * An alert of that type as Event Grid would deliver it: raw JSON.  severity is a word.  It is no
 * sample alert (core/alert.h): what it would do for a real one is what is asked.
 */
struct str alert_type_sample(const struct alert_type *type, const char *severity, struct arena *a);
/* The words of type->severities, at most four; "High" when the reference does not say. */
size_t alert_type_severities(const struct alert_type *type, const char *out[4]);
const char *sample_kind_name(enum sample_kind kind); /* "Windows machine" */

#endif
