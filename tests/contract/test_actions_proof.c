/*
 * What Azure says is in force after an isolation: verified, or by what traffic still passes.
 */
#include "isolation_world.h"

#define VNET SHOP "/providers/Microsoft.Network/virtualNetworks/vnet-shop"
#define ASKED "/effectiveNetworkSecurityGroups"
#define MANAGER                                                                      \
	"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-hub/" \
	"providers/Microsoft.Network/networkManagers/hub"

static struct str
proof_state(const struct step *step)
{
	return json_text(json_at(result_of(step), "proof.state"));
}

static const struct json *
first_proof(const struct step *step)
{
	return json_first(json_at(result_of(step), "proof.interfaces"));
}

static void
a_manager_allows(const char *access)
{
	change_resource(VNET,
	    arena_printf(world.arena,
		"{\"_emulator\":{\"security_admin\":{\"manager\":\"" MANAGER "\",\"rules\":["
		"{\"name\":\"always-ssh\",\"protocol\":\"Tcp\",\"access\":\"%s\","
		"\"priority\":10,\"direction\":\"Inbound\",\"sourceAddressPrefix\":\"10.0.0.0/8\","
		"\"sourcePortRange\":\"0-65535\",\"destinationAddressPrefix\":\"0.0.0.0/0\","
		"\"destinationPortRange\":\"22-22\"}]}}}",
		access)
		.p);
}

TEST(an_isolation_is_verified_on_every_interface)
{
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	CHECK_STR(proof_state(&step), "verified");
	CHECK_INT(json_count(json_at(result_of(&step), "proof.interfaces")), 2);
	CHECK_INT(count_calls("POST", "/web-01-nic" ASKED), 1);
	CHECK_INT(count_calls("POST", "/web-01-nic-back" ASKED), 1);
}

TEST(what_the_subnets_group_allows_is_denied_by_the_interfaces_own)
{
	struct json *subnet;
	struct step step;

	fresh_world();
	subnet = json_child(json_path(resource(VNET), "properties.subnets"));
	CHECK(json_at(subnet, "properties.networkSecurityGroup.id") != NULL);
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	CHECK_STR(proof_state(&step), "verified");
}

TEST(a_rule_of_a_network_manager_that_lets_traffic_pass_is_named)
{
	int64_t began;
	struct step step;

	fresh_world();
	a_manager_allows("Allow");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	began = world.now_ms;
	drive_done(&step);
	CHECK_STR(proof_state(&step), "still_allowed");
	CHECK_STR(json_text(json_first(json_get(first_proof(&step), "leaks"))),
	    "inbound by security admin rule always-ssh of network manager hub");
	/* It was asked again for a while: it might have been late. */
	CHECK(count_calls("POST", "/web-01-nic" ASKED) > 3);
	CHECK(world.now_ms - began >= 90000 && world.now_ms - began < 150000);
}

TEST(what_a_network_manager_denies_is_no_leak)
{
	struct step step;

	fresh_world();
	a_manager_allows("Deny");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	CHECK_STR(proof_state(&step), "verified");
}

TEST(what_comes_into_force_late_is_verified_then)
{
	struct step step;
	struct err e;

	fresh_world();
	a_manager_allows("Allow");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	do
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	while (count_calls("POST", "/web-01-nic" ASKED) < 2);
	CHECK_HAS(e.text, "waiting for Azure to tell what is in force");
	change_resource(VNET, "{\"_emulator\":{\"security_admin\":null}}");
	drive_done(&step);
	CHECK_STR(proof_state(&step), "verified");
}

TEST(a_rule_above_the_denial_is_named)
{
	struct step step, second;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	change_resource(QUARANTINE,
	    "{\"properties\":{\"securityRules\":["
	    "{\"name\":\"ssh\",\"properties\":{\"priority\":150,\"direction\":\"Inbound\","
	    "\"access\":\"Allow\",\"protocol\":\"Tcp\",\"sourceAddressPrefix\":\"*\","
	    "\"sourcePortRange\":\"*\",\"destinationAddressPrefix\":\"*\","
	    "\"destinationPortRange\":\"22\"}},"
	    "{\"name\":\"late\",\"properties\":{\"priority\":4000,\"direction\":\"Outbound\","
	    "\"access\":\"Deny\",\"protocol\":\"Tcp\",\"sourceAddressPrefix\":\"*\","
	    "\"sourcePortRange\":\"*\",\"destinationAddressPrefix\":\"*\","
	    "\"destinationPortRange\":\"25\"}}]}}");
	second = a_step("isolate_vm", VM("web-02"), NO_PARAMS);
	drive_done(&second);
	CHECK_STR(proof_state(&second), "still_allowed");
	CHECK_INT(json_count(json_get(first_proof(&second), "leaks")), 1);
	CHECK_STR(json_text(json_first(json_get(first_proof(&second), "leaks"))),
	    "inbound by rule ssh of gridwarden-quarantine-westeurope");
}

TEST(forensic_sources_are_no_leak)
{
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), "{\"forensic_sources\":[\"10.9.0.0/26\"]}");
	drive_done(&step);
	CHECK_STR(proof_state(&step), "verified");
}

TEST(a_machine_that_does_not_run_is_isolated_and_not_verified)
{
	struct step step;

	fresh_world();
	change_resource(VM("web-01"), "{\"_emulator\":{\"power\":\"deallocated\"}}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	CHECK_STR(proof_state(&step), "unknown");
	CHECK_HAS(
	    arena_cstr(world.arena, json_text(json_get(first_proof(&step), "unknown"))), "running");
}

TEST(a_missing_permission_to_ask_fails_no_isolation)
{
	struct step step;

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"" ASKED "$\",\"times\":-1,\"status\":403,"
	      "\"body\":{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"The client does "
	      "not have authorization to perform action 'Microsoft.Network/networkInterfaces/"
	      "effectiveNetworkSecurityGroups/action' over scope 'x'.\"}}}");
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	CHECK_STR(proof_state(&step), "unknown");
	CHECK_HAS(arena_cstr(world.arena, json_text(json_get(first_proof(&step), "unknown"))),
	    "effectiveNetworkSecurityGroups/action");
}

TEST(asking_comes_to_an_end_when_azure_does_not_answer)
{
	int64_t began;
	struct step step;

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"" ASKED "$\",\"times\":-1,\"status\":503}");
	step = a_step("isolate_vm", VM("web-01"), "{\"expires_after\":3600000}");
	began = world.now_ms;
	drive_done(&step);
	CHECK_STR(proof_state(&step), "unknown");
	CHECK(world.now_ms - began < 300000);
}

TEST(the_time_until_the_way_back_begins_when_all_are_cut_off)
{
	int64_t first = 0, last = 0;
	struct step step;
	struct err e;

	fresh_world();
	a_manager_allows("Allow");
	step = a_step("isolate_vm", VM("web-01"), "{\"expires_after\":3600000}");
	do
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	while (step.result.n == 0);
	CHECK(json_int(json_get(result_of(&step), "expires_ms"), &first));
	drive_done(&step);
	CHECK(json_int(json_get(result_of(&step), "expires_ms"), &last));
	CHECK_INT(first, last);
}
