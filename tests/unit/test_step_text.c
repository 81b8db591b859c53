#include "core/card.h"

#include "step_sample.h"

static struct str
said(struct step s)
{
	static struct arena *a;

	if (a == NULL)
		a = arena_new();
	return step_sentence(&s, a);
}

TEST(each_state_has_its_sentence)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	CHECK_STR(said(s), "isolate_vm web-01: done");
	s.reason = STR("AuthorizationFailed: no permission");
	s.state = STEP_FAILED;
	CHECK_STR(said(s), "isolate_vm web-01: failed: AuthorizationFailed: no permission");
	s.reason = STR("protected by resource_group rg-identity");
	s.state = STEP_REFUSED;
	CHECK_STR(said(s), "isolate_vm web-01: refused: protected by resource_group rg-identity");
	s.reason = STR("budget used up: 5 isolate_vm an hour");
	s.state = STEP_APPROVAL;
	CHECK_STR(
	    said(s), "isolate_vm web-01: needs approval: budget used up: 5 isolate_vm an hour");
	s.reason = STR("guards.mode is shadow");
	s.state = STEP_SHADOW;
	CHECK_STR(said(s),
	    "isolate_vm web-01: would be done, nothing was touched: guards.mode is shadow");
	s.reason = empty;
	s.state = STEP_WAITING;
	CHECK_STR(said(s), "isolate_vm web-01: waiting");
	s.attempts = 2;
	s.reason = STR("waiting for Azure");
	CHECK_STR(said(s), "isolate_vm web-01: under way: waiting for Azure");
	s.state = STEP_RUNNING;
	s.reason = empty;
	CHECK_STR(said(s), "isolate_vm web-01: under way");
}

TEST(a_ticket_is_told_by_its_number)
{
	struct step s = step_of("open_ticket", STEP_DONE);

	s.target = STR("snow");
	s.result = STR("{\"ticket\":{\"id\":\"9d38\",\"number\":\"INC0010001\"},\"made\":true}");
	CHECK_STR(said(s), "open_ticket snow: done (ticket INC0010001)");
	s.undo_of = 4;
	s.result =
	    STR("{\"ticket\":{\"id\":\"9d38\",\"number\":\"INC0010001\"},\"became\":\"closed\"}");
	CHECK_STR(said(s), "undo of open_ticket snow: done (ticket INC0010001, closed)");
}

TEST(an_undo_says_so)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	s.undo_of = 3;
	CHECK_STR(said(s), "undo of isolate_vm web-01: done");
	s.state = STEP_FAILED;
	s.reason = STR("drift: somebody changed the network interface");
	CHECK_STR(said(s),
	    "undo of isolate_vm web-01: failed: drift: somebody changed the network interface");
}

TEST(a_channel_is_told_by_its_name)
{
	struct step s = step_of("notify", STEP_DONE);

	s.target = STR("soc");
	CHECK_STR(said(s), "notify soc: done");
	s.target = empty;
	CHECK_STR(said(s), "notify: done");
}

TEST(an_isolation_tells_interfaces_group_and_end)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	s.result = STR("{\"interfaces\":[{\"id\":\"/a/b\",\"was\":null,\"now\":\"\"}]}");
	CHECK_STR(said(s), "isolate_vm web-01: done (1 network interface)");
	s.result = STR("{\"interfaces\":[{},{}],\"nsg\":\"/x/networkSecurityGroups/quarantine\","
		       "\"expires_ms\":1795464000000}");
	CHECK_STR(said(s),
	    "isolate_vm web-01: done (2 network interfaces, network security group quarantine, "
	    "until 2026-11-23T20:00:00Z)");
}

TEST(an_isolation_names_the_rules_that_still_let_traffic_through)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	s.result = STR("{\"interfaces\":[{}],\"still_allowed_by\":[\"ssh\",\"backup\"]}");
	CHECK_STR(said(s),
	    "isolate_vm web-01: done (1 network interface, still allowed by rules ssh, backup)");
}

TEST(who_approved_is_told_while_it_is_held_and_afterwards)
{
	struct step s = step_of("isolate_vm", STEP_APPROVAL);

	s.reason = STR("budget used up");
	s.approved_by = STR("Ann (link in soc)");
	CHECK_STR(said(s), "isolate_vm web-01: needs approval: budget used up (approved by Ann "
			   "(link in soc) so far)");
	s.state = STEP_WAITING;
	s.reason = STR("approved by Ann (link in soc)");
	CHECK_STR(said(s), "isolate_vm web-01: waiting: approved by Ann (link in soc)");
	s.state = STEP_DONE;
	s.result = STR("{\"interfaces\":[{}]}");
	CHECK_STR(said(s), "isolate_vm web-01: done (1 network interface, approved by Ann (link in "
			   "soc))");
}

TEST(what_is_held_says_until_when)
{
	struct step s = step_of("isolate_vm", STEP_APPROVAL);

	s.reason = STR("budget used up");
	CHECK_STR(said(s), "isolate_vm web-01: needs approval: budget used up");
	s.created_ms = 1795464000000 - 1;
	s.due_ms = 1795464000000;
	CHECK_STR(said(s), "isolate_vm web-01: needs approval: budget used up (refused at "
			   "2026-11-23T20:00:00Z unless approved)");
}

TEST(an_isolation_tells_what_azure_says_is_in_force)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	s.result = STR("{\"interfaces\":[{}],\"proof\":{\"state\":\"verified\",\"interfaces\":["
		       "{\"leaks\":[]}]}}");
	CHECK_STR(said(s), "isolate_vm web-01: done (1 network interface, verified)");
	s.result =
	    STR("{\"interfaces\":[{},{}],\"proof\":{\"state\":\"still_allowed\","
		"\"interfaces\":[{\"leaks\":[\"inbound by x\"]},{\"leaks\":[\"inbound by x\","
		"\"outbound by y\"]}]}}");
	CHECK_STR(said(s), "isolate_vm web-01: done (2 network interfaces, traffic still passes "
			   "inbound by x, traffic still passes outbound by y)");
	s.result = STR("{\"interfaces\":[{}],\"proof\":{\"state\":\"unknown\",\"interfaces\":["
		       "{\"unknown\":\"the machine is off\"}]}}");
	CHECK_STR(said(s),
	    "isolate_vm web-01: done (1 network interface, not verified: the machine is off)");
}

TEST(an_isolation_tells_what_was_done_besides_and_what_was_not)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	s.result = STR("{\"interfaces\":[{}],\"addresses\":[{\"id\":\"/x/web-01-ip\",\"address\":"
		       "\"203.0.113.10\",\"dynamic\":true},{\"id\":\"/x/other-ip\"}],"
		       "\"tag\":{\"quarantine\":\"alert\"},"
		       "\"power\":{\"power\":\"deallocated\",\"was\":\"running\"}}");
	CHECK_STR(said(s),
	    "isolate_vm web-01: done (1 network interface, public address 203.0.113.10 taken off "
	    "(dynamic: its release gives another one), public address other-ip taken off, 1 tag, "
	    "now deallocated, was running)");
	s.result = STR("{\"interfaces\":[{}],\"joined\":12,\"copies\":{\"snapshots\":[{},{}],"
		       "\"failed\":[{}],\"left_out\":[],\"action\":12}}");
	CHECK_STR(said(s), "isolate_vm web-01: done (1 network interface, already cut off by "
			   "action 12, 2 disks copied by action 12, 1 disk not)");
	s.result = STR("{\"interfaces\":[{}],\"not_done\":{\"power\":\"no permission\","
		       "\"addresses\":\"refused\",\"tag\":\"too many\"}}");
	CHECK_STR(said(s),
	    "isolate_vm web-01: done (1 network interface, the public address was not taken off: "
	    "refused, not tagged: too many, not switched off: no permission)");
	s.undo_of = 1;
	s.result = STR("{\"restored\":[\"a\"],\"lost\":[\"ip\"],\"power\":{\"power\":\"running\"},"
		       "\"tag\":{\"untagged\":[\"quarantine\"],\"drifted\":[]}}");
	CHECK_STR(said(s),
	    "undo of isolate_vm web-01: done (1 network interface restored, 1 public "
	    "address not to be had any more, now running, tag quarantine as before)");
}

TEST(an_isolation_by_the_sensor_tells_the_computer_and_who_it_was)
{
	struct step s = step_of("isolate_machine", STEP_DONE);

	s.result = STR("{\"computer\":\"web-01.corp\",\"isolation\":\"Selective\"}");
	CHECK_STR(said(s), "isolate_machine web-01: done (computer web-01.corp, isolated by its "
			   "sensor, but for mail and Teams)");
	s.result = STR("{\"computer\":\"web-01.corp\",\"isolation\":\"already\",\"by\":\"ann\"}");
	CHECK_STR(said(s),
	    "isolate_machine web-01: done (computer web-01.corp, isolated already by ann)");
}

TEST(an_isolation_that_failed_half_way_tells_how_far_it_came)
{
	struct step s = step_of("isolate_vm", STEP_FAILED);

	s.reason = STR("no permission");
	s.result = STR("{\"interfaces\":[{\"now\":\"/x/Q\"},{\"now\":null}],\"nsg\":\"/x/q\"}");
	CHECK_STR(said(s),
	    "isolate_vm web-01: failed: no permission (1 of 2 network interfaces cut off, network "
	    "security group q)");
}

TEST(a_release_tells_what_it_restored_and_what_it_left_alone)
{
	struct step s = step_of("isolate_vm", STEP_DONE);

	s.undo_of = 3;
	s.result = STR("{\"restored\":[\"a\",\"b\"],\"drifted\":[{}],\"gone\":[\"c\"]}");
	CHECK_STR(said(s),
	    "undo of isolate_vm web-01: done (2 network interfaces restored, 1 network interface "
	    "changed by somebody meanwhile and left alone, 1 network interface gone)");
}

TEST(a_just_in_time_policy_tells_its_ports)
{
	struct step s = step_of("enable_jit", STEP_DONE);

	s.result = STR("{\"policy\":\"/x/jitNetworkAccessPolicies/default\",\"kept\":2,"
		       "\"added\":[22,3389]}");
	CHECK_STR(said(s), "enable_jit web-01: done (ports 22, 3389 added, policy default, 2 other "
			   "machines kept)");
	s.result = STR("{\"policy\":\"default\",\"kept\":0,\"added\":[{\"number\":22}]}");
	CHECK_STR(said(s), "enable_jit web-01: done (port 22 added, policy default)");
	s.result = STR("{\"policy\":\"default\",\"kept\":0,\"added\":[]}");
	CHECK_STR(said(s), "enable_jit web-01: done (nothing to add, policy default)");
	s.undo_of = 3;
	s.result = STR("{\"policy\":\"default\",\"removed\":[22],\"drifted\":[3389]}");
	CHECK_STR(said(s),
	    "undo of enable_jit web-01: done (port 22 removed, port 3389 changed by somebody "
	    "meanwhile and left alone)");
	s.result = STR("{\"removed\":[],\"drifted\":[]}");
	CHECK_STR(said(s), "undo of enable_jit web-01: done (nothing to remove)");
}

TEST(access_that_was_asked_for_says_for_whom_and_until_when)
{
	struct step s = step_of("request_jit", STEP_DONE);

	s.result = STR("{\"policy\":\"/x/default\",\"opened\":[22,3389],\"source\":"
		       "\"203.0.113.0/24\",\"ends_ms\":1795377600000}");
	CHECK_STR(said(s),
	    "request_jit web-01: done (ports 22, 3389 open for 203.0.113.0/24, policy default, "
	    "until 2026-11-22T20:00:00Z)");
	s.undo_of = 1;
	s.result = STR("{\"policy\":\"/x/default\",\"ended\":[22],\"drifted\":[3389]}");
	CHECK_STR(said(s),
	    "undo of request_jit web-01: done (port 22 ends within a minute, port 3389 open by "
	    "somebody else's request and left alone)");
	s.result = STR("{\"policy\":\"/x/default\",\"ended\":[],\"drifted\":[]}");
	CHECK_STR(said(s), "undo of request_jit web-01: done (nothing to end)");
}

TEST(copied_disks_are_counted_with_those_that_are_not)
{
	struct step s = step_of("snapshot_vm", STEP_DONE);

	s.result = STR("{\"snapshots\":[{},{}],\"failed\":[],\"left_out\":[]}");
	CHECK_STR(said(s), "snapshot_vm web-01: done (2 disks copied)");
	s.result = STR("{\"snapshots\":[{}],\"failed\":[{}],\"left_out\":[{}]}");
	CHECK_STR(said(s),
	    "snapshot_vm web-01: done (1 disk copied, 1 disk not, 1 disk that cannot be copied)");
}

TEST(tags_are_counted_and_those_taken_back_are_named)
{
	struct step s = step_of("tag_resource", STEP_DONE);

	s.result = STR("{\"tags\":{\"quarantine\":\"yes\"}}");
	CHECK_STR(said(s), "tag_resource web-01: done (1 tag)");
	s.undo_of = 3;
	s.result = STR("{\"untagged\":[\"quarantine\"],\"drifted\":[\"owner\"]}");
	CHECK_STR(said(s),
	    "undo of tag_resource web-01: done (tag quarantine as before, tag owner changed by "
	    "somebody meanwhile and left alone)");
}

TEST(a_state_is_told_with_the_one_before)
{
	struct step s = step_of("power_off_vm", STEP_DONE);

	s.result = STR("{\"power\":\"deallocated\",\"was\":\"running\"}");
	CHECK_STR(said(s), "power_off_vm web-01: done (now deallocated, was running)");
}

TEST(the_status_of_an_alert_is_told_with_the_one_before)
{
	struct step s = step_of("set_alert_status", STEP_DONE);

	s.result = STR("{\"status\":\"Dismissed\",\"was\":\"Active\"}");
	CHECK_STR(said(s), "set_alert_status web-01: done (now Dismissed, was Active)");
	s.undo_of = 3;
	s.result = STR("{\"status\":\"Resolved\",\"was\":\"Active\",\"drifted\":[\"status\"]}");
	CHECK_STR(said(s),
	    "undo of set_alert_status web-01: done (now Resolved, was Active, changed by somebody "
	    "meanwhile and left alone)");
}

TEST(blocked_addresses_are_told_with_what_is_left_open)
{
	struct step s = step_of("block_source_address", STEP_DONE);

	s.result =
	    STR("{\"blocked\":[\"203.0.113.66\"],\"left_out\":[{}],\"without_group\":[\"x\"],"
		"\"still_allowed_by\":[\"Allow-Https\"]}");
	CHECK_STR(said(s),
	    "block_source_address web-01: done (address 203.0.113.66 blocked, 1 other left out, 1 "
	    "network interface without a group of its own, still allowed by rule Allow-Https)");
	s.undo_of = 3;
	s.result = STR("{\"unblocked\":[\"g\"],\"drifted\":[\"h\"]}");
	CHECK_STR(said(s),
	    "undo of block_source_address web-01: done (1 group as before, 1 group changed by "
	    "somebody meanwhile and left alone)");
}

TEST(a_result_that_is_not_understood_is_left_out)
{
	static const char *const results[] = { "no json", "{}", "[]", "{\"interfaces\":5}",
		"{\"added\":\"x\"}", "null" };
	struct step s = step_of("isolate_vm", STEP_DONE);

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		s.result = str_of(results[i]);
		CHECK_STR(said(s), "isolate_vm web-01: done");
	}
}
