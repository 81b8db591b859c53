/*
 * The way back of isolate_vm.
 */
#include "isolation_world.h"

TEST(undo_restores_each_interface_exactly)
{
	struct json *front, *back, *result;
	struct step step, undo;

	fresh_world();
	front = all_but_group(NIC("web-01-nic"));
	back = all_but_group(NIC("web-01-nic-back"));
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	undo = its_undo(&step);
	drive_done(&undo);

	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	CHECK(json_equal(front, all_but_group(NIC("web-01-nic"))));
	CHECK(json_equal(back, all_but_group(NIC("web-01-nic-back"))));
	result = result_of(&undo);
	CHECK_INT(json_count(json_get(result, "restored")), 2);
	CHECK_INT(json_count(json_get(result, "drifted")), 0);
	CHECK_INT(json_count(json_get(result, "gone")), 0);
}

TEST(death_during_undo_restores_each_interface_once)
{
	struct step step, undo;
	struct err e;
	int n = 0;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	undo = its_undo(&step);
	CHECK_INT(drive(&undo, 0, &n, &e), OUTCOME_DONE);
	CHECK(n > 1);
	for (int death = 1; death <= n; death++) {
		fresh_world();
		step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
		drive_done(&step);
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
		CHECK_STR(group_of(NIC("web-01-nic-back")), "");
		CHECK_INT(count_calls("PUT", "/web-01-nic"), 2);
	}
}

/* Isolated, and somebody gave the front interface a group since. */
static struct step
isolated_and_changed(void)
{
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	change_resource(NIC("web-01-nic"),
	    "{\"properties\":{\"networkSecurityGroup\":{\"id\":\"" NSG("nsg-shop-subnet") "\"}}}");
	return step;
}

static struct step
its_undo_anyway(const struct step *step, const char *how)
{
	struct step undo = its_undo(step);

	step_undo_anyway(&undo, STR("alert-1"), how, world.arena);
	return undo;
}

TEST(undo_stops_at_drift_and_shows_the_difference)
{
	const struct json *drifted;
	struct step step = isolated_and_changed(), undo = its_undo(&step);
	struct err e;

	CHECK_INT(drive(&undo, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "1 network interface was changed by somebody since: web-01-nic has "
			  "nsg-shop-subnet and had nsg-web");
	CHECK_HAS(e.text, "gridwarden release 1 --force");
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-shop-subnet"));
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	drifted = json_first(json_get(result_of(&undo), "drifted"));
	CHECK_STR(json_text(json_get(drifted, "id")), NIC("web-01-nic"));
	CHECK_STR(json_text(json_get(drifted, "was")), NSG("nsg-web"));
	CHECK_STR(json_text(json_get(drifted, "now")), NSG("nsg-shop-subnet"));
	CHECK_INT(json_count(json_get(result_of(&undo), "restored")), 1);
}

TEST(undo_by_force_puts_back_what_somebody_changed)
{
	struct step step = isolated_and_changed(), undo = its_undo_anyway(&step, "force");

	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	CHECK_INT(json_count(json_get(result_of(&undo), "restored")), 2);
	CHECK_INT(json_count(json_get(result_of(&undo), "drifted")), 0);
}

TEST(undo_by_merge_keeps_what_somebody_changed)
{
	struct step step = isolated_and_changed(), undo = its_undo_anyway(&step, "merge");

	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-shop-subnet"));
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	CHECK_INT(json_count(json_get(result_of(&undo), "restored")), 1);
	CHECK_STR(json_text(json_get(json_first(json_get(result_of(&undo), "kept")), "now")),
	    NSG("nsg-shop-subnet"));
}

TEST(each_answer_to_drift_is_a_step_of_its_own)
{
	struct step step = isolated_and_changed(), undo = its_undo(&step);
	struct step force = its_undo_anyway(&step, "force"),
		    merge = its_undo_anyway(&step, "merge");

	CHECK(!str_eq(undo.key, force.key) && !str_eq(force.key, merge.key) &&
	      !str_eq(undo.key, merge.key));
}

TEST(undo_goes_on_when_an_interface_is_gone)
{
	struct step step, undo;
	struct str id;

	fresh_world();
	id = http_escape(STR(NIC("web-01-nic")), world.arena);
	step = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&step);
	control("DELETE", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(id)).p, NULL);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	CHECK_STR(json_text(json_first(json_get(result_of(&undo), "gone"))), NIC("web-01-nic"));
}

TEST(an_interface_under_quarantine_before_us_is_left_to_whoever_put_it_there)
{
	struct step first, second, undo;

	fresh_world();
	first = a_step("isolate_vm", VM("web-01"), NO_PARAMS);
	drive_done(&first);
	second = a_step("isolate_vm", VM("web-01"), "{\"forensic_sources\":[\"10.9.0.0/26\"]}");
	drive_done(&second);
	check_isolated();
	undo = its_undo(&second);
	drive_done(&undo);
	check_isolated();
	CHECK_INT(json_count(json_get(result_of(&undo), "left")), 2);
	undo = its_undo(&first);
	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
}
