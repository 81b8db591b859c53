#include "azure/vm.h"

#include "base/buf.h"

#define API_VERSION "2024-07-01"

struct str
region_name(struct str location, struct arena *a)
{
	char *out = arena_alloc(a, location.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < location.n; i++) {
		char c = location.p[i];

		c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (c != ' ')
			return STR_EMPTY; /* it goes into paths */
	}
	return (struct str){ out, n };
}

static struct str
owner_path(const struct resource_id *id, struct arena *a)
{
	struct buf b;
	struct str path;

	buf_init(&b, RESOURCE_ID_MAX);
	resource_id_format_owner(id, &b);
	path = arena_str(a, buf_str(&b));
	buf_done(&b);
	return path;
}

/* Ids out of an answer go into paths again: rebuilt, like those from outside. */
static bool
read_interfaces(const struct json *list, struct arena *a, struct vm *out, struct err *e)
{
	out->interfaces = arena_alloc(a, json_count(list) * sizeof(*out->interfaces));
	out->n_interfaces = 0;
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		struct resource_id id;

		if (!resource_id_parse(json_text(json_get(j, "id")), &id, e))
			return fail_in(e, "network interface of the machine");
		if (!resource_id_is(&id, "Microsoft.Network", "networkInterfaces"))
			return fail(e, ERR_INPUT,
			    "the machine has an interface of type %.*s/%.*s, which cannot be read",
			    STR_ARG(id.provider), STR_ARG(id.type));
		out->interfaces[out->n_interfaces++] = owner_path(&id, a);
	}
	return true;
}

bool
vm_get(
    struct arm *arm, const struct resource_id *id, struct arena *a, struct vm *out, struct err *e)
{
	struct arm_call call = {
		.method = "GET", .path = owner_path(id, a), .api_version = API_VERSION
	};
	struct arm_answer answer;
	struct vm vm = { .tags = NULL };

	if (!arm_send(arm, &call, a, &answer, e))
		return false;
	vm.location = json_text(json_get(answer.body, "location"));
	vm.region = region_name(vm.location, a);
	vm.tags = json_get(answer.body, "tags");
	if (vm.region.n == 0)
		return fail(e, ERR_AGAIN, "Azure's answer about the machine names no region");
	if (!read_interfaces(
		json_at(answer.body, "properties.networkProfile.networkInterfaces"), a, &vm, e))
		return false;
	*out = vm;
	return true;
}
