#include "azure/snapshot.h"

#include "base/hash.h"

#define API_VERSION "2024-03-02"
#define MARK "-gridwarden-"
#define DIGEST_MAX 16

/* A disk may be named with dots; a snapshot may not. */
static struct str
plain_name(struct str disk, struct arena *a)
{
	const size_t most = SNAPSHOT_NAME_MAX - (sizeof(MARK) - 1) - DIGEST_MAX;
	struct str name = str_slice(str_leaf(disk), 0, most);
	char *out = arena_alloc(a, name.n + 1);

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			  (c >= '0' && c <= '9') || c == '_' || c == '-';

		out[i] = (char)(ok ? c : '_');
	}
	return (struct str){ out, name.n };
}

struct str
snapshot_id(struct str subscription, struct str resource_group, struct str disk, struct str of,
    struct arena *a)
{
	struct str parts[] = { of, disk };
	char hex[SHA256_HEX_MAX];

	sha256_parts_hex(parts, sizeof(parts) / sizeof(parts[0]), hex);
	return arena_printf(a,
	    "/subscriptions/%.*s/resourceGroups/%.*s/providers/Microsoft.Compute/snapshots/"
	    "%.*s" MARK "%.*s",
	    STR_ARG(subscription), STR_ARG(resource_group), STR_ARG(plain_name(disk, a)),
	    DIGEST_MAX, hex);
}

bool
snapshot_get(
    struct arm *arm, struct str id, struct arena *a, const struct json **body, struct err *e)
{
	struct arm_call call = { .method = "GET", .path = id, .api_version = API_VERSION };
	struct arm_answer answer;

	*body = NULL;
	if (!arm_send(arm, &call, a, &answer, e))
		return e->kind == ERR_NOT_FOUND;
	*body = answer.body;
	return true;
}

bool
snapshot_put(struct arm *arm, struct str id, struct str disk, struct str location,
    struct json *tags, struct arena *a, struct arm_answer *out, struct err *e)
{
	struct json *body = json_object(a), *properties = json_object(a), *source = json_object(a);
	struct arm_call call = {
		.method = "PUT", .path = id, .api_version = API_VERSION, .body = body
	};

	json_set_cstr(source, "createOption", "Copy", a);
	json_set_str(source, "sourceResourceId", disk, a);
	json_set(properties, "creationData", source, a);
	json_set_bool(properties, "incremental", true, a);
	json_set_cstr(properties, "networkAccessPolicy", "DenyAll", a);
	json_set_cstr(properties, "publicNetworkAccess", "Disabled", a);
	json_set_str(body, "location", location, a);
	json_set(body, "tags", tags, a);
	json_set(body, "properties", properties, a);
	return arm_send(arm, &call, a, out, e);
}

bool
snapshot_is_whole(const struct json *body)
{
	const struct json *percent = json_at(body, "properties.completionPercent");

	return !json_is(percent, JSON_NUMBER) || json_number(percent) >= 100;
}
