#include "azure/vm.h"
#include "azure/nic.h"
#include "test.h"

static struct arena *a;

__attribute__((constructor)) static void
make_arena(void)
{
	a = arena_new();
}

/* JSON with ' for ", so that it can be read. */
static struct json *
parse(const char *text)
{
	struct str copy = arena_str(a, str_of(text));
	char *p = arena_alloc(a, copy.n + 1);
	struct json *j;
	struct err e;

	for (size_t i = 0; i < copy.n; i++)
		p[i] = (char)(copy.p[i] == '\'' ? '"' : copy.p[i]);
	j = json_parse((struct str){ p, copy.n }, a, &e);
	CHECK(j != NULL);
	return j;
}

static void
check_writable(const char *shown, const char *written)
{
	struct str got = json_print(nic_writable(parse(shown), a), a);

	CHECK_STR(got, json_print(parse(written), a).p);
}

TEST(what_azure_computes_is_not_written)
{
	check_writable(
	    "{'name':'n','id':'/n','type':'t','etag':'W/1','systemData':{},'location':'we',"
	    "'properties':{'provisioningState':'Succeeded','resourceGuid':'g',"
	    "'macAddress':'m','primary':true,'virtualMachine':{'id':'/vm'},"
	    "'privateEndpoint':{'id':'/pe'},'tapConfigurations':[],'hostedWorkloads':[],"
	    "'dscpConfiguration':{'id':'/d'},'vnetEncryptionSupported':false,"
	    "'defaultOutboundConnectivityEnabled':true}}",
	    "{'location':'we','properties':{}}");
	check_writable("{'properties':{'dnsSettings':{'dnsServers':['10.0.0.4'],"
		       "'internalDnsNameLabel':'web','appliedDnsServers':['10.0.0.4'],"
		       "'internalFqdn':'f','internalDomainNameSuffix':'s'}}}",
	    "{'properties':{'dnsSettings':{'dnsServers':['10.0.0.4'],'internalDnsNameLabel':'web'}}"
	    "}");
	check_writable("{'properties':{'ipConfigurations':[{'name':'ip1','id':'/ip1','etag':'e',"
		       "'type':'t','properties':{'provisioningState':'Succeeded',"
		       "'privateLinkConnectionProperties':{}}}]}}",
	    "{'properties':{'ipConfigurations':[{'name':'ip1','id':'/ip1','properties':{}}]}}");
}

TEST(every_setting_of_the_interface_is_kept)
{
	static const char all[] =
	    "{'location':'we','tags':{'owner':'web'},'extendedLocation':{'name':'edge',"
	    "'type':'EdgeZone'},'properties':{'enableAcceleratedNetworking':true,"
	    "'enableIPForwarding':true,'disableTcpStateTracking':true,'nicType':'Elastic',"
	    "'auxiliaryMode':'MaxConnections','auxiliarySku':'A4','workloadType':'w',"
	    "'migrationPhase':'None','somethingNewer':{'kept':[1,2]},'ipConfigurations':[{"
	    "'name':'ip1','properties':{'primary':true,'privateIPAddress':'10.0.0.9',"
	    "'privateIPAddressPrefixLength':28,'privateIPAllocationMethod':'Static',"
	    "'privateIPAddressVersion':'IPv4'}}]}}";

	check_writable(all, all);
}

TEST(references_are_written_as_their_id_alone)
{
	static const char *const own[] = { "networkSecurityGroup", "privateLinkService" };
	static const char *const single[] = { "subnet", "publicIPAddress", "gatewayLoadBalancer" };
	static const char *const lists[] = { "loadBalancerBackendAddressPools",
		"loadBalancerInboundNatRules", "applicationGatewayBackendAddressPools",
		"applicationSecurityGroups", "virtualNetworkTaps" };
	const char *expanded = "{'id':'/x','properties':{'more':1},'etag':'e'}";

	for (size_t i = 0; i < 2; i++)
		check_writable(arena_printf(a, "{'properties':{'%s':%s}}", own[i], expanded).p,
		    arena_printf(a, "{'properties':{'%s':{'id':'/x'}}}", own[i]).p);
	for (size_t i = 0; i < 3; i++)
		check_writable(arena_printf(a,
				   "{'properties':{'ipConfigurations':[{'properties':{'%s':%s}}]}}",
				   single[i], expanded)
				   .p,
		    arena_printf(a,
			"{'properties':{'ipConfigurations':[{'properties':{'%s':{'id':'/x'}}}]}}",
			single[i])
			.p);
	for (size_t i = 0; i < 5; i++)
		check_writable(
		    arena_printf(a,
			"{'properties':{'ipConfigurations':[{'properties':{'%s':[%s,%s]}}]}}",
			lists[i], expanded, expanded)
			.p,
		    arena_printf(a,
			"{'properties':{'ipConfigurations':[{'properties':{'%s':[{'id':'/x'},"
			"{'id':'/x'}]}}]}}",
			lists[i])
			.p);
}

TEST(what_becomes_of_an_address_is_kept_in_its_reference)
{
	check_writable("{'properties':{'ipConfigurations':[{'properties':{'publicIPAddress':"
		       "{'id':'/x','etag':'e','properties':{'deleteOption':'Delete',"
		       "'ipAddress':'192.0.2.1'}}}}]}}",
	    "{'properties':{'ipConfigurations':[{'properties':{'publicIPAddress':"
	    "{'id':'/x','properties':{'deleteOption':'Delete'}}}}]}}");
}

TEST(an_interface_has_the_addresses_of_its_configurations)
{
	struct nic n = { .body = parse("{'properties':{'ipConfigurations':["
				       "{'name':'One','properties':{'publicIPAddress':{'id':'/P/1',"
				       "'properties':{'deleteOption':'Delete'}}}},"
				       "{'name':'two','properties':{}}]}}") };
	struct json *all = nic_addresses(n.body, a);

	CHECK_STR(json_print(all, a),
	    "{\"One\":{\"id\":\"/P/1\",\"properties\":{\"deleteOption\":\"Delete\"}}}");
	CHECK_STR(nic_address(&n, STR("one")), "/P/1");
	CHECK_STR(nic_address(&n, STR("two")), "");
	CHECK(nic_has_addresses(&n, NULL));
	CHECK(nic_has_addresses(&n, parse("{'one':{'id':'/p/1'},'two':null}")));
	CHECK(!nic_has_addresses(&n, parse("{'one':null}")));
	CHECK(!nic_has_addresses(&n, parse("{'two':{'id':'/p/1'}}")));
}

TEST(what_was_read_is_left_as_it_is)
{
	struct json *shown = parse("{'etag':'e','properties':{'primary':true}}");

	CHECK(nic_writable(shown, a) != shown);
	CHECK_STR(json_print(shown, a), "{\"etag\":\"e\",\"properties\":{\"primary\":true}}");
}

static enum provisioning
state(const char *word)
{
	return provisioning_of(
	    parse(arena_printf(a, "{'properties':{'provisioningState':'%s'}}", word).p));
}

TEST(the_state_of_the_last_change_is_understood)
{
	CHECK_INT(provisioning_of(parse("{'properties':{}}")), PROVISIONING_SUCCEEDED);
	CHECK_INT(state("succeeded"), PROVISIONING_SUCCEEDED);
	CHECK_INT(state("Updating"), PROVISIONING_RUNNING);
	CHECK_INT(state("Deleting"), PROVISIONING_RUNNING);
	CHECK_INT(state("Failed"), PROVISIONING_FAILED);
	CHECK_INT(state("Canceled"), PROVISIONING_FAILED);
}

TEST(a_region_that_could_change_a_path_is_none)
{
	struct arena *scratch = arena_new();

	CHECK_STR(region_name(STR("West Europe 2"), scratch), "westeurope2");
	CHECK_STR(region_name(STR("west/../europe"), scratch), "");
	arena_free(scratch);
}
