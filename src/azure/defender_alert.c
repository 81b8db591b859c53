#include "azure/defender_alert.h"

#define API_VERSION "2022-01-01"

bool
defender_alert_get(
    struct arm *arm, struct str id, struct arena *a, const struct json **out, struct err *e)
{
	struct arm_call call = { .method = "GET", .path = id, .api_version = API_VERSION };
	struct arm_answer answer;

	if (!arm_send(arm, &call, a, &answer, e))
		return e->kind == ERR_NOT_FOUND
			   ? fail_in(e, "Defender for Cloud does not have the alert (any more)")
			   : false;
	*out = answer.body;
	return true;
}

bool
defender_alert_status(
    struct arm *arm, struct str id, struct arena *a, struct str *status, struct err *e)
{
	const struct json *alert;

	if (!defender_alert_get(arm, id, a, &alert, e))
		return false;
	*status = json_text(json_at(alert, "properties.status"));
	return true;
}

bool
defender_alert_set(struct arm *arm, struct str id, const char *verb, struct arena *a, struct err *e)
{
	struct arm_call call = { .method = "POST",
		.path = arena_printf(a, "%.*s/%s", STR_ARG(id), verb),
		.api_version = API_VERSION };
	struct arm_answer ignored;

	return arm_send(arm, &call, a, &ignored, e);
}
