/*
 * Calls on just-in-time policies; what is done to their content is in jit_merge.c.
 */
#include "azure/jit.h"

#include "base/buf.h"

#define POLICIES "jitNetworkAccessPolicies/"

static struct str
collection(const struct resource_id *vm, struct str region, struct arena *a)
{
	return arena_printf(a,
	    "/subscriptions/%.*s/resourceGroups/%.*s/providers/Microsoft.Security/locations/"
	    "%.*s/jitNetworkAccessPolicies",
	    STR_ARG(vm->subscription), STR_ARG(vm->resource_group), STR_ARG(region));
}

/* The policy's own id goes into paths: rebuilt. */
static bool
read_policy(const struct json *body, struct arena *a, struct jit_policy *out,
    struct resource_id *id, struct err *e)
{
	struct buf b;

	if (!resource_id_parse(json_text(json_get(body, "id")), id, e))
		return fail_in(e, "just-in-time policy");
	if (!resource_id_is(id, "Microsoft.Security", "locations") ||
	    !str_starts_nocase(id->rest, STR(POLICIES)))
		return fail(e, ERR_INPUT, "Azure lists %.*s as a just-in-time policy",
		    STR_ARG(json_text(json_get(body, "id"))));
	buf_init(&b, RESOURCE_ID_MAX);
	resource_id_format(id, &b);
	*out = (struct jit_policy){ buf_to_arena(&b, a), body };
	return true;
}

static struct str
machine_text(const struct resource_id *vm, struct arena *a)
{
	struct buf b;

	buf_init(&b, RESOURCE_ID_MAX);
	resource_id_format_owner(vm, &b);
	return buf_to_arena(&b, a);
}

bool
jit_find(struct arm *arm, const struct resource_id *vm, struct str region, struct arena *a,
    struct jit_policy *out, struct err *e)
{
	struct str list_path = collection(vm, region, a), machine = machine_text(vm, a);
	struct jit_policy found = { arena_printf(a, "%.*s/default", STR_ARG(list_path)), NULL };
	struct json *policies;

	if (!arm_list(arm, list_path, JIT_API_VERSION, a, &policies, e))
		return false;
	for (const struct json *j = json_first(policies); j != NULL; j = json_next(j)) {
		struct jit_policy one;
		struct resource_id id;

		if (!read_policy(j, a, &one, &id, e))
			return false;
		if (jit_ports(j, machine) != NULL) {
			found = one;
			break;
		}
		if (str_is_nocase(id.rest, POLICIES "default"))
			found = one;
	}
	*out = found;
	return true;
}

bool
jit_get(struct arm *arm, struct str path, struct arena *a, struct jit_policy *out, struct err *e)
{
	struct arm_call call = { .method = "GET", .path = path, .api_version = JIT_API_VERSION };
	struct arm_answer answer;

	*out = (struct jit_policy){ path, NULL };
	if (!arm_send(arm, &call, a, &answer, e))
		return e->kind == ERR_NOT_FOUND;
	out->body = answer.body;
	return true;
}

struct arm_call
jit_put_call(struct str path, const struct json *body)
{
	return (struct arm_call){
		.method = "PUT", .path = path, .api_version = JIT_API_VERSION, .body = body
	};
}

bool
jit_put(struct arm *arm, struct str path, const struct json *body, struct arena *a, struct err *e)
{
	struct arm_call call = jit_put_call(path, body);
	struct arm_answer ignored;

	return arm_send(arm, &call, a, &ignored, e);
}

static struct json *
initiation(struct str vm, const struct json *ports, struct str source, struct str ends,
    struct str justification, struct arena *a)
{
	struct json *body = json_object(a), *machines = json_array(a), *machine = json_object(a),
		    *list = json_array(a);

	for (const struct json *p = json_first(ports); p != NULL; p = json_next(p)) {
		struct json *port = json_object(a);

		json_set(port, "number", json_copy(p, a), a);
		json_set_str(port, "allowedSourceAddressPrefix", source, a);
		json_set_str(port, "endTimeUtc", ends, a);
		json_add(list, port, a);
	}
	json_set_str(machine, "id", vm, a);
	json_set(machine, "ports", list, a);
	json_add(machines, machine, a);
	json_set(body, "virtualMachines", machines, a);
	json_set_str(body, "justification", justification, a);
	return body;
}

struct arm_call
jit_initiate_call(struct str path, struct str vm, const struct json *ports, struct str source,
    struct str ends, struct str justification, struct arena *a)
{
	return (struct arm_call){ .method = "POST",
		.path = arena_printf(a, "%.*s/initiate", STR_ARG(path)),
		.api_version = JIT_API_VERSION,
		.body = initiation(vm, ports, source, ends, justification, a) };
}

bool
jit_initiate(struct arm *arm, struct str path, struct str vm, const struct json *ports,
    struct str source, struct str ends, struct str justification, struct arena *a, struct err *e)
{
	struct arm_call call = jit_initiate_call(path, vm, ports, source, ends, justification, a);
	struct arm_answer ignored;

	return arm_send(arm, &call, a, &ignored, e);
}

bool
jit_delete(struct arm *arm, struct str path, struct arena *a, struct err *e)
{
	struct arm_call call = { .method = "DELETE", .path = path, .api_version = JIT_API_VERSION };
	struct arm_answer ignored;

	return arm_send(arm, &call, a, &ignored, e) || e->kind == ERR_NOT_FOUND;
}
