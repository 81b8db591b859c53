/*
 * Happy path: the interface as GET shows it loses what Azure computes itself, references lose all
 * but their id, the network security group is exchanged, and the whole goes back with If-Match.
 *
 * The tables follow the readOnly marks and the resource-typed fields of networkInterface.json in
 * Microsoft.Network 2024-01-01.  What is not in them is kept: a field that is lost is a setting of
 * the machine that is lost.
 */
#include "azure/nic.h"

#define API_VERSION "2024-01-01"

static const char *const top_read_only[] = { "etag", "id", "name", "systemData", "type", NULL };

static const char *const read_only[] = { "defaultOutboundConnectivityEnabled", "dscpConfiguration",
	"hostedWorkloads", "macAddress", "primary", "privateEndpoint", "provisioningState",
	"resourceGuid", "tapConfigurations", "virtualMachine", "vnetEncryptionSupported", NULL };
static const char *const references[] = { "networkSecurityGroup", "privateLinkService", NULL };

static const char *const dns_read_only[] = { "appliedDnsServers", "internalDomainNameSuffix",
	"internalFqdn", NULL };

static const char *const ip_top_read_only[] = { "etag", "type", NULL };
static const char *const ip_read_only[] = { "privateLinkConnectionProperties", "provisioningState",
	NULL };
static const char *const ip_references[] = { "gatewayLoadBalancer", "subnet", NULL };
static const char *const ip_reference_lists[] = { "applicationGatewayBackendAddressPools",
	"applicationSecurityGroups", "loadBalancerBackendAddressPools",
	"loadBalancerInboundNatRules", "virtualNetworkTaps", NULL };

enum provisioning
provisioning_of(const struct json *body)
{
	struct str state = json_text(json_at(body, "properties.provisioningState"));

	if (state.n == 0 || str_is_nocase(state, "Succeeded"))
		return PROVISIONING_SUCCEEDED;
	if (str_is_nocase(state, "Failed") || str_is_nocase(state, "Canceled"))
		return PROVISIONING_FAILED;
	return PROVISIONING_RUNNING;
}

static void
strip(struct json *object, const char *const *names)
{
	for (; *names != NULL; names++)
		json_remove(object, *names);
}

static struct json *
only_id(const struct json *reference, struct arena *a)
{
	struct json *j = json_object(a);

	json_set(j, "id", json_copy(json_get(reference, "id"), a), a);
	return j;
}

/*
 * What becomes of the address when the machine is deleted stands in the reference: it would be lost
 * with the rest.
 */
static struct json *
address_reference(const struct json *address, struct arena *a)
{
	const struct json *option = json_at(address, "properties.deleteOption");
	struct json *j = only_id(address, a), *properties = json_object(a);

	if (option == NULL)
		return j;
	json_set(properties, "deleteOption", json_copy(option, a), a);
	json_set(j, "properties", properties, a);
	return j;
}

static void
shorten_references(struct json *object, const char *const *names, struct arena *a)
{
	for (; *names != NULL; names++)
		if (json_is(json_get(object, *names), JSON_OBJECT))
			json_set(object, *names, only_id(json_get(object, *names), a), a);
}

static void
shorten_lists(struct json *object, const char *const *names, struct arena *a)
{
	for (; *names != NULL; names++) {
		const struct json *list = json_get(object, *names);
		struct json *shortened = json_array(a);

		if (!json_is(list, JSON_ARRAY))
			continue;
		for (const struct json *j = json_first(list); j != NULL; j = json_next(j))
			json_add(shortened, only_id(j, a), a);
		json_set(object, *names, shortened, a);
	}
}

struct json *
nic_writable(const struct json *body, struct arena *a)
{
	struct json *nic = json_copy(body, a), *properties = json_member(nic, "properties");

	strip(nic, top_read_only);
	strip(properties, read_only);
	shorten_references(properties, references, a);
	strip(json_member(properties, "dnsSettings"), dns_read_only);
	for (struct json *ip = json_child(json_member(properties, "ipConfigurations")); ip != NULL;
	     ip = json_sibling(ip)) {
		struct json *inner = json_member(ip, "properties");

		strip(ip, ip_top_read_only);
		strip(inner, ip_read_only);
		shorten_references(inner, ip_references, a);
		if (json_is(json_get(inner, "publicIPAddress"), JSON_OBJECT))
			json_set(inner, "publicIPAddress",
			    address_reference(json_get(inner, "publicIPAddress"), a), a);
		shorten_lists(inner, ip_reference_lists, a);
	}
	return nic;
}

bool
nic_get(struct arm *arm, struct str id, struct arena *a, struct nic *out, struct err *e)
{
	struct arm_call call = { .method = "GET", .path = id, .api_version = API_VERSION };
	struct arm_answer answer;

	if (!arm_send(arm, &call, a, &answer, e))
		return false;
	if (!json_is(json_get(answer.body, "properties"), JSON_OBJECT))
		return fail(
		    e, ERR_AGAIN, "GET %.*s: Azure's answer has no properties", STR_ARG(id));
	*out = (struct nic){ .id = id,
		.etag = answer.etag,
		.nsg = json_text(json_at(answer.body, "properties.networkSecurityGroup.id")),
		.body = answer.body };
	return true;
}

struct json *
nic_addresses(const struct json *body, struct arena *a)
{
	struct json *all = json_object(a);

	for (const struct json *ip = json_first(json_at(body, "properties.ipConfigurations"));
	     ip != NULL; ip = json_next(ip)) {
		const struct json *address = json_at(ip, "properties.publicIPAddress");

		if (json_is(address, JSON_OBJECT))
			json_set(all, arena_cstr(a, json_text(json_get(ip, "name"))),
			    address_reference(address, a), a);
	}
	return all;
}

struct str
nic_address(const struct nic *n, struct str configuration)
{
	for (const struct json *ip = json_first(json_at(n->body, "properties.ipConfigurations"));
	     ip != NULL; ip = json_next(ip))
		if (str_eq_nocase(json_text(json_get(ip, "name")), configuration))
			return json_text(json_at(ip, "properties.publicIPAddress.id"));
	return STR_EMPTY;
}

bool
nic_has_addresses(const struct nic *n, const struct json *wanted)
{
	for (const struct json *j = json_first(wanted); j != NULL; j = json_next(j))
		if (!str_eq_nocase(nic_address(n, json_name(j)), json_text(json_get(j, "id"))))
			return false;
	return true;
}

static void
set_addresses(struct json *properties, const struct json *wanted, struct arena *a)
{
	for (struct json *ip = json_child(json_member(properties, "ipConfigurations")); ip != NULL;
	     ip = json_sibling(ip)) {
		const struct json *address =
		    json_get_nocase(wanted, json_text(json_get(ip, "name")));
		struct json *inner = json_member(ip, "properties");

		if (json_is(address, JSON_OBJECT))
			json_set(inner, "publicIPAddress", json_copy(address, a), a);
		else if (address != NULL)
			json_remove(inner, "publicIPAddress");
	}
}

bool
nic_put(struct arm *arm, const struct nic *n, struct str nsg, const struct json *addresses,
    struct arena *a, struct arm_answer *out, struct err *e)
{
	struct json *body = nic_writable(n->body, a), *group = json_object(a);
	struct json *properties = json_member(body, "properties");
	struct arm_call call = { .method = "PUT",
		.path = n->id,
		.api_version = API_VERSION,
		.body = body,
		.if_match = n->etag };

	json_set_str(group, "id", nsg, a);
	if (nsg.n == 0)
		json_remove(properties, "networkSecurityGroup");
	else
		json_set(properties, "networkSecurityGroup", group, a);
	set_addresses(properties, addresses, a);
	return arm_send(arm, &call, a, out, e);
}

bool
nic_address_get(struct arm *arm, struct str reference, struct arena *a, struct public_address *out,
    struct err *e)
{
	struct arm_call call = { .method = "GET", .api_version = API_VERSION };
	struct arm_answer answer;
	struct resource_id id;

	if (!resource_id_parse(reference, &id, e))
		return fail_in(e, "public address of the machine");
	call.path = resource_id_owner_path(&id, a);
	if (!arm_send(arm, &call, a, &answer, e))
		return false;
	*out = (struct public_address){
		.address = json_text(json_at(answer.body, "properties.ipAddress")),
		.dynamic = str_is_nocase(
		    json_text(json_at(answer.body, "properties.publicIPAllocationMethod")),
		    "Dynamic"),
		.used_by = json_text(json_at(answer.body, "properties.ipConfiguration.id")),
	};
	return true;
}

bool
nic_public_addresses(
    struct arm *arm, const struct nic *n, struct arena *a, struct json *list, struct err *e)
{
	for (const struct json *j = json_first(nic_addresses(n->body, a)); j != NULL;
	     j = json_next(j)) {
		struct public_address found;

		if (!nic_address_get(arm, json_text(json_get(j, "id")), a, &found, e))
			return false;
		if (found.address.n > 0)
			json_add(list, json_string(found.address, a), a);
	}
	return true;
}
