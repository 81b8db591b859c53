/*
 * Assessments: what Defender for Cloud recommends for a resource, and whether it is healthy.
 * https://learn.microsoft.com/rest/api/defenderforcloud/assessments (Microsoft.Security 2021-06-01)
 */
#ifndef AZURE_ASSESSMENT_H
#define AZURE_ASSESSMENT_H

#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"

#define ASSESSMENT_API_VERSION "2021-06-01"
/* Behind "/subscriptions/ID" or any resource. */
#define ASSESSMENTS "/providers/Microsoft.Security/assessments"
/* Behind "/subscriptions/ID". */
#define ASSESSMENT_METADATA "/providers/Microsoft.Security/assessmentMetadata"

struct assessment {
	struct str key;	     /* of its kind: a GUID */
	struct str name;     /* "MFA should be enabled on accounts with owner permissions" */
	struct str status;   /* "Healthy", "Unhealthy", "NotApplicable" */
	struct str cause;    /* of the status; "" = not said */
	struct str resource; /* its id, as Azure writes it */
	struct str severity; /* "High", "Medium", "Low"; "" = not said in the assessment itself */
	struct str remediation; /* what to do, in Microsoft's words; "" as above */
};

/* Texts are borrowed from j. */
void assessment_read(const struct json *j, struct assessment *out);

/* What is the same for all assessments of a key. */
struct assessment_kinds;
struct assessment_kinds *assessment_kinds_new(void);
void assessment_kinds_free(struct assessment_kinds *k);
/* One of the values of the metadata. */
void assessment_kinds_add(struct assessment_kinds *k, const struct json *metadata);
/* All were added: from now on they are looked up. */
void assessment_kinds_ready(struct assessment_kinds *k);
/* Fill in what the assessment itself does not say; borrowed from k. */
void assessment_complete(const struct assessment_kinds *k, struct arena *a, struct assessment *one);

#endif
