#include "azure/secure_score.h"

void
secure_score_read(const struct json *j, struct secure_score *out)
{
	const struct json *p = json_get(j, "properties"), *score = json_get(p, "score");

	*out = (struct secure_score){ .name = json_text(json_get(p, "displayName")),
		.current = json_number(json_get(score, "current")),
		.max = json_number(json_get(score, "max")),
		.percentage = json_number(json_get(score, "percentage")) };
	json_int(json_get(p, "healthyResourceCount"), &out->healthy);
	json_int(json_get(p, "unhealthyResourceCount"), &out->unhealthy);
}
