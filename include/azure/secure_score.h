/*
 * The classic secure score of a subscription and the controls it is made of.
 * https://learn.microsoft.com/rest/api/defenderforcloud/secure-scores (Microsoft.Security
 * 2020-01-01)
 */
#ifndef AZURE_SECURE_SCORE_H
#define AZURE_SECURE_SCORE_H

#include "base/json.h"
#include "base/str.h"

#define SECURE_SCORE_API_VERSION "2020-01-01"
/* Behind "/subscriptions/ID". */
#define SECURE_SCORES "/providers/Microsoft.Security/secureScores"
#define SECURE_SCORE_CONTROLS SECURE_SCORES "/ascScore/secureScoreControls"

struct secure_score {
	struct str name; /* "ascScore"; of a control what it is called */
	double current, max;
	double percentage;	    /* 0 to 1, as Azure counts it */
	int64_t healthy, unhealthy; /* resources; of a control only */
};

/* One of the values of either list; texts are borrowed. */
void secure_score_read(const struct json *j, struct secure_score *out);

#endif
