#include "azure/vm.h"

#include "base/ascii.h"
#include "base/buf.h"

#define API_VERSION "2024-07-01"

struct str
region_name(struct str location, struct arena *a)
{
	char *out = arena_alloc(a, location.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < location.n; i++) {
		char c = ascii_lower(location.p[i]);

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (c != ' ')
			return STR_EMPTY; /* it goes into paths */
	}
	return (struct str){ out, n };
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
		out->interfaces[out->n_interfaces++] = resource_id_owner_path(&id, a);
	}
	return true;
}

/* What a disk of the machine is a copy of nothing for: it lies elsewhere, or on the host. */
static bool
read_disk(const struct json *j, struct arena *a, struct vm_disk *out, struct err *e)
{
	struct str text = json_text(json_at(j, "managedDisk.id"));
	struct resource_id id;

	*out = (struct vm_disk){ .name = json_text(json_get(j, "name")), .id = STR_EMPTY };
	if (str_is_nocase(json_text(json_at(j, "diffDiskSettings.option")), "Local"))
		out->why_not = "an ephemeral disk, which Azure cannot copy";
	else if (text.n == 0)
		out->why_not = "not a managed disk";
	if (out->why_not != NULL)
		return true;
	if (!resource_id_parse(text, &id, e))
		return fail_in(e, "disk of the machine");
	if (!resource_id_is(&id, "Microsoft.Compute", "disks"))
		return fail(e, ERR_INPUT, "the machine has a disk of type %.*s/%.*s",
		    STR_ARG(id.provider), STR_ARG(id.type));
	out->id = resource_id_owner_path(&id, a);
	return true;
}

static bool
read_disks(const struct json *profile, struct arena *a, struct vm *out, struct err *e)
{
	const struct json *system = json_get(profile, "osDisk"),
			  *data = json_get(profile, "dataDisks");

	out->disks = arena_alloc(a, (json_count(data) + 1) * sizeof(*out->disks));
	if (system != NULL && !read_disk(system, a, &out->disks[out->n_disks++], e))
		return false;
	for (const struct json *j = json_first(data); j != NULL; j = json_next(j))
		if (!read_disk(j, a, &out->disks[out->n_disks++], e))
			return false;
	return true;
}

bool
vm_get(
    struct arm *arm, const struct resource_id *id, struct arena *a, struct vm *out, struct err *e)
{
	struct arm_call call = {
		.method = "GET", .path = resource_id_owner_path(id, a), .api_version = API_VERSION
	};
	struct arm_answer answer;
	struct vm vm = { .tags = NULL };

	if (!arm_send(arm, &call, a, &answer, e))
		return false;
	vm.location = json_text(json_get(answer.body, "location"));
	vm.region = region_name(vm.location, a);
	vm.tags = json_get(answer.body, "tags");
	vm.vm_id = json_text(json_at(answer.body, "properties.vmId"));
	vm.computer = json_text(json_at(answer.body, "properties.osProfile.computerName"));
	if (vm.region.n == 0)
		return fail(e, ERR_AGAIN, "Azure's answer about the machine names no region");
	if (!read_interfaces(
		json_at(answer.body, "properties.networkProfile.networkInterfaces"), a, &vm, e) ||
	    !read_disks(json_at(answer.body, "properties.storageProfile"), a, &vm, e))
		return false;
	*out = vm;
	return true;
}

bool
vm_power(struct arm *arm, const struct resource_id *id, struct arena *a, struct str *state,
    struct err *e)
{
	struct arm_call call = { .method = "GET",
		.path =
		    arena_printf(a, "%.*s/instanceView", STR_ARG(resource_id_owner_path(id, a))),
		.api_version = API_VERSION };
	struct str prefix = STR("PowerState/");
	struct arm_answer answer;

	if (!arm_send(arm, &call, a, &answer, e))
		return false;
	*state = STR_EMPTY;
	for (const struct json *j = json_first(json_get(answer.body, "statuses")); j != NULL;
	     j = json_next(j)) {
		struct str code = json_text(json_get(j, "code"));

		if (str_starts_nocase(code, prefix))
			*state = str_slice(code, prefix.n, code.n);
	}
	return true;
}

bool
vm_set_power(struct arm *arm, const struct resource_id *id, const char *verb, struct arena *a,
    struct arm_answer *out, struct err *e)
{
	struct arm_call call = { .method = "POST",
		.path = arena_printf(a, "%.*s/%s", STR_ARG(resource_id_owner_path(id, a)), verb),
		.api_version = API_VERSION };

	return arm_send(arm, &call, a, out, e);
}
