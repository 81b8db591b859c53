#include "azure/nic.h"
#include "test.h"

#define REF(name) "{\"id\":\"/" name "\"}"
/* A reference as GET may expand it. */
#define EXPANDED(name) "{\"id\":\"/" name "\",\"properties\":{\"more\":1},\"etag\":\"e\"}"

static struct arena *a;

__attribute__((constructor)) static void
make_arena(void)
{
	a = arena_new();
}

static struct json *
parse(const char *text)
{
	struct err e;
	struct json *j;

	j = json_parse(str_of(text), a, &e);
	if (j == NULL)
		print_error("%s\n", e.text);
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
	check_writable("{\"name\":\"n\",\"id\":\"/n\",\"type\":\"t\",\"etag\":\"W/"
		       "1\",\"systemData\":{},"
		       "\"location\":\"westeurope\",\"properties\":{\"provisioningState\":"
		       "\"Succeeded\","
		       "\"resourceGuid\":\"g\",\"macAddress\":\"m\",\"primary\":true,"
		       "\"virtualMachine\":" REF("vm") ",\"privateEndpoint\":" REF(
			   "pe") ",\"tapConfigurations\":[],"
				 "\"hostedWorkloads\":[],\"dscpConfiguration\":" REF(
				     "d") ","
					  "\"vnetEncryptionSupported\":false,"
					  "\"defaultOutboundConnectivityEnabled\":true,"
					  "\"dnsSettings\":{\"dnsServers\":[\"10.0.0.4\"],"
					  "\"appliedDnsServers\":[\"10.0.0.4\"],"
					  "\"internalDnsNameLabel\":\"web\",\"internalFqdn\":\"f\","
					  "\"internalDomainNameSuffix\":\"s\"}}}",
	    "{\"location\":\"westeurope\",\"properties\":{\"dnsSettings\":{\"dnsServers\":"
	    "[\"10.0.0.4\"],\"internalDnsNameLabel\":\"web\"}}}");
}

TEST(every_setting_of_the_interface_is_kept)
{
	static const char all[] =
	    "{\"location\":\"westeurope\",\"tags\":{\"owner\":\"web\"},\"extendedLocation\":{"
	    "\"name\":\"edge\",\"type\":\"EdgeZone\"},\"properties\":{"
	    "\"enableAcceleratedNetworking\":true,\"enableIPForwarding\":true,"
	    "\"disableTcpStateTracking\":true,\"nicType\":\"Elastic\",\"auxiliaryMode\":"
	    "\"MaxConnections\",\"auxiliarySku\":\"A4\",\"workloadType\":\"w\","
	    "\"migrationPhase\":\"None\",\"somethingNewer\":{\"kept\":[1,2]}}}";

	check_writable(all, all);
}

TEST(references_are_written_as_their_id_alone)
{
	check_writable(
	    "{\"properties\":{\"networkSecurityGroup\":" EXPANDED(
		"nsg") ",\"privateLinkService\":" EXPANDED("pls") ",\"ipConfigurations\":[{"
								  "\"name\":\"ip1\",\"id\":\"/"
								  "ip1\",\"etag\":\"e\",\"type\":"
								  "\"t\",\"properties\":{"
								  "\"provisioningState\":"
								  "\"Succeeded\","
								  "\"privateLinkConnectionPropertie"
								  "s\":{},"
								  "\"primary\":true,"
								  "\"privateIPAddress\":\"10.0.0."
								  "9\","
								  "\"privateIPAllocationMethod\":"
								  "\"Static\",\"subnet\":" EXPANDED("sn") ",\"publicIPAddress\":" EXPANDED("pip") ",\"gatewayLoadBalancer\":" EXPANDED(
								      "glb") ","
									     "\"loadBalancerBackend"
									     "AddressPools\":"
									     "[" EXPANDED("p1") "," EXPANDED(
										 "p2") "],"
										       "\"loadBalan"
										       "cerInboundN"
										       "atRules\":"
										       "[" EXPANDED(
											   "nat") "],"
												  "\"applicationGatewayBackendAddressPools\":[" EXPANDED(
												      "agw") "],"
													     "\"applicationSecurityGroups\":[" EXPANDED(
														 "asg") "],"
															"\"virtualNetworkTaps\":[" EXPANDED(
															    "tap") "]}}]}}",
	    "{\"properties\":{\"networkSecurityGroup\":" REF("nsg") ",\"privateLinkService\":" REF(
		"pls") ",\"ipConfigurations\":[{\"name\":\"ip1\",\"id\":\"/ip1\",\"properties\":{"
		       "\"primary\":true,\"privateIPAddress\":\"10.0.0.9\","
		       "\"privateIPAllocationMethod\":"
		       "\"Static\",\"subnet\":" REF("sn") ",\"publicIPAddress\":" REF(
			   "pip") ","
				  "\"gatewayLoadBalancer\":" REF(
				      "glb") ",\"loadBalancerBackendAddr"
					     "essPools\":[" REF(
						 "p1") "," REF("p2") "],"
								     "\"loadBalancerInboundNatRules"
								     "\":[" REF("nat") "],"
										       "\"applicati"
										       "onGa"
										       "tewayBacken"
										       "dAdd"
										       "ressPools\""
										       ":"
										       "[" REF(
											   "agw") "],"
												  "\"ap"
												  "plic"
												  "atio"
												  "nSec"
												  "urit"
												  "yGro"
												  "ups"
												  "\":"
												  "[" REF("asg") "],\"virtualNetworkTaps\":[" REF(
												      "tap") "]"
													     "}}]}}");
}

TEST(what_was_read_is_left_as_it_is)
{
	struct json *shown = parse("{\"etag\":\"e\",\"properties\":{\"primary\":true}}");

	CHECK(nic_writable(shown, a) != shown);
	CHECK_STR(json_print(shown, a), "{\"etag\":\"e\",\"properties\":{\"primary\":true}}");
}

TEST(the_state_of_the_last_change_is_understood)
{
	CHECK_INT(provisioning_of(parse("{\"properties\":{\"provisioningState\":\"succeeded\"}}")),
	    PROVISIONING_SUCCEEDED);
	CHECK_INT(provisioning_of(parse("{\"properties\":{}}")), PROVISIONING_SUCCEEDED);
	CHECK_INT(provisioning_of(parse("{\"properties\":{\"provisioningState\":\"Updating\"}}")),
	    PROVISIONING_RUNNING);
	CHECK_INT(provisioning_of(parse("{\"properties\":{\"provisioningState\":\"Deleting\"}}")),
	    PROVISIONING_RUNNING);
	CHECK_INT(provisioning_of(parse("{\"properties\":{\"provisioningState\":\"Failed\"}}")),
	    PROVISIONING_FAILED);
	CHECK_INT(provisioning_of(parse("{\"properties\":{\"provisioningState\":\"Canceled\"}}")),
	    PROVISIONING_FAILED);
}
