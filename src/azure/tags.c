#include "azure/tags.h"

#define API_VERSION "2024-03-01"

static struct str
path_of(struct str resource, struct arena *a)
{
	return arena_printf(
	    a, "%.*s/providers/Microsoft.Resources/tags/default", STR_ARG(resource));
}

bool
tags_get(struct arm *arm, struct str resource, struct arena *a, struct json **tags, struct err *e)
{
	struct arm_call call = {
		.method = "GET", .path = path_of(resource, a), .api_version = API_VERSION
	};
	struct arm_answer answer;
	const struct json *found;

	if (!arm_send(arm, &call, a, &answer, e))
		return false;
	found = json_at(answer.body, "properties.tags");
	*tags = json_is(found, JSON_OBJECT) ? json_copy(found, a) : json_object(a);
	return true;
}

bool
tags_change(struct arm *arm, struct str resource, const char *operation, const struct json *tags,
    struct arena *a, struct arm_answer *out, struct err *e)
{
	struct json *body = json_object(a), *properties = json_object(a);
	struct arm_call call = { .method = "PATCH",
		.path = path_of(resource, a),
		.api_version = API_VERSION,
		.body = body };

	json_set_cstr(body, "operation", operation, a);
	json_set(properties, "tags", json_copy(tags, a), a);
	json_set(body, "properties", properties, a);
	return arm_send(arm, &call, a, out, e);
}
