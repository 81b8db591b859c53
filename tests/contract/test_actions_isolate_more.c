/*
 * What a rule asks of isolate_vm besides cutting off: public addresses, tags, power.
 */
#include "isolation_world.h"

#define ADDRESS(name) SHOP "/providers/Microsoft.Network/publicIPAddresses/" name
#define DETACH "{\"detach_public_ip\":true}"
#define OFF "{\"power_off\":true}"
#define TAG "{\"tag\":{\"quarantine\":\"alert\"}}"
#define ALL "{\"detach_public_ip\":true,\"power_off\":true,\"tag\":{\"quarantine\":\"alert\"}}"

static const char *
said(const struct step *step)
{
	struct step s = *step;

	s.state = STEP_DONE;
	return arena_cstr(world.arena, step_sentence(&s, world.arena));
}

static const struct json *
configuration(void)
{
	return json_first(json_at(resource(NIC("web-01-nic")), "properties.ipConfigurations"));
}

static struct str
address_of_nic(void)
{
	return json_text(json_at(configuration(), "properties.publicIPAddress.id"));
}

static struct str
tag(const char *name)
{
	return json_text(json_get(json_get(resource(VM("web-01")), "tags"), name));
}

static struct str
power(void)
{
	return json_text(json_at(resource(VM("web-01")), "_emulator.power"));
}

static struct step
isolated(const char *params)
{
	struct step step = a_step("isolate_vm", VM("web-01"), params);

	drive_done(&step);
	check_isolated();
	return step;
}

static struct step
released(const struct step *step)
{
	struct step undo = its_undo(step);

	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	return undo;
}

static struct str
not_done(const struct step *step, const char *what)
{
	return json_text(json_get(json_get(result_of(step), "not_done"), what));
}

/* ---- public addresses ---- */

TEST(the_public_address_is_taken_off_and_the_release_gives_back_exactly_it)
{
	struct json *front;
	struct step step, undo;

	fresh_world();
	change_resource(NIC("web-01-nic"),
	    "{\"properties\":{\"ipConfigurations\":[{\"name\":\"ipconfig1\",\"id\":\"" NIC(
		"web-01-nic") "/ipConfigurations/ipconfig1\",\"type\":\"t\",\"properties\":{"
			      "\"provisioningState\":\"Succeeded\",\"primary\":true,"
			      "\"privateIPAddress\":\"10.20.1.10\",\"privateIPAddressVersion\":"
			      "\"IPv4\",\"privateIPAllocationMethod\":\"Static\",\"subnet\":{"
			      "\"id\":\"" SHOP "/providers/Microsoft.Network/virtualNetworks/"
			      "vnet-shop/subnets/web\"},\"publicIPAddress\":{\"id\":\"" ADDRESS(
				  "web-01-ip") "\",\"properties\":{\"deleteOption\":\"Delete\"}}}}]"
					       "}}");
	front = json_copy(json_get(configuration(), "properties"), world.arena);
	step = isolated(DETACH);
	CHECK_STR(address_of_nic(), "");
	CHECK_STR(json_text(json_at(resource(ADDRESS("web-01-ip")), "properties.ipAddress")),
	    "203.0.113.10");
	CHECK_INT(count_calls("DELETE", ""), 0);
	CHECK_HAS(said(&step), "public address 203.0.113.10 taken off");
	CHECK(!str_has_nocase(str_of(said(&step)), STR("dynamic")));

	undo = released(&step);
	CHECK(json_equal(front, json_get(configuration(), "properties")));
	CHECK(json_get(result_of(&undo), "lost") == NULL);
}

TEST(an_address_is_taken_off_after_the_cut_so_that_it_never_keeps_a_machine_open)
{
	struct step step;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"times\":-1,"
	      "\"status\":403}");
	step = isolated(DETACH);
	CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
	CHECK_HAS(arena_cstr(world.arena, not_done(&step, "addresses")), "403");
	CHECK_HAS(said(&step), "the public address was not taken off: ");
	CHECK_STR(json_text(json_at(result_of(&step), "proof.state")), "verified");
	control("DELETE", "faults", NULL);
	released(&step);
	CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
}

TEST(an_operation_that_fails_to_take_an_address_off_fails_no_isolation)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"times\":3,\"longop\":{"
	      "\"end\":\"Failed\"}}");
	step = isolated(DETACH);
	CHECK_HAS(arena_cstr(world.arena, not_done(&step, "addresses")), "after 3 attempts");
	fresh_world();
	fault("{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"times\":-1,\"longop\":{"
	      "\"end\":\"Failed\"}}");
	step = a_step("isolate_vm", VM("web-01"), DETACH);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "changing web-01-nic");
}

TEST(a_dynamic_address_is_told_to_become_another_one)
{
	struct step step;

	fresh_world();
	change_resource(
	    ADDRESS("web-01-ip"), "{\"properties\":{\"publicIPAllocationMethod\":\"Dynamic\"}}");
	step = isolated(DETACH);
	CHECK_HAS(said(&step), "203.0.113.10 taken off (dynamic: ");
	released(&step);
	CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
}

TEST(an_address_that_cannot_be_read_is_taken_off_all_the_same)
{
	struct step step;

	fresh_world();
	fault("{\"method\":\"GET\",\"path\":\"/publicIPAddresses/\",\"status\":403}");
	step = isolated(DETACH);
	CHECK_STR(address_of_nic(), "");
	CHECK_HAS(said(&step), "public address web-01-ip taken off");
	released(&step);
	CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
}

TEST(a_machine_without_a_public_address_has_none_taken_off)
{
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-02"), DETACH);
	drive_done(&step);
	CHECK_INT(json_count(json_get(result_of(&step), "addresses")), 0);
	CHECK_INT(count_calls("PUT", "/web-02-nic"), 1);
}

/* Taken off, and somebody gave the interface another one since. */
static struct step
given_another(void)
{
	struct step step;

	fresh_world();
	control("PUT", "resource",
	    "{\"id\":\"" ADDRESS(
		"other-ip") "\",\"name\":\"other-ip\",\"type\":\"Microsoft.Network/"
			    "publicIPAddresses\",\"location\":\"westeurope\","
			    "\"properties\":{\"provisioningState\":\"Succeeded\","
			    "\"publicIPAllocationMethod\":\"Static\","
			    "\"ipAddress\":\"203.0.113.77\"}}");
	step = isolated(DETACH);
	change_resource(NIC("web-01-nic"),
	    "{\"properties\":{\"ipConfigurations\":[{\"name\":\"ipconfig1\",\"id\":\"" NIC(
		"web-01-nic") "/ipConfigurations/ipconfig1\",\"type\":\"t\",\"properties\":{"
			      "\"provisioningState\":\"Succeeded\",\"primary\":true,"
			      "\"privateIPAddress\":\"10.20.1.10\",\"privateIPAddressVersion\":"
			      "\"IPv4\",\"privateIPAllocationMethod\":\"Static\",\"subnet\":{"
			      "\"id\":\"" SHOP "/providers/Microsoft.Network/virtualNetworks/"
			      "vnet-shop/subnets/web\"},\"publicIPAddress\":{\"id\":\"" ADDRESS(
				  "other-ip") "\"}}}]}}");
	return step;
}

TEST(the_way_back_stops_at_another_address_that_somebody_gave_it)
{
	const struct json *drifted;
	struct step step = given_another(), undo = its_undo(&step);
	struct err e;

	CHECK_INT(drive(&undo, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "web-01-nic has other-ip and had web-01-ip");
	CHECK_STR(group_of(NIC("web-01-nic")), QUARANTINE);
	CHECK_STR(group_of(NIC("web-01-nic-back")), "");
	drifted = json_first(json_get(result_of(&undo), "drifted"));
	CHECK_STR(json_text(json_get(drifted, "configuration")), "ipconfig1");
	CHECK_STR(json_text(json_get(drifted, "was")), ADDRESS("web-01-ip"));
	CHECK_STR(json_text(json_get(drifted, "now")), ADDRESS("other-ip"));
}

TEST(a_person_decides_about_another_address)
{
	struct step step = given_another(), undo = its_undo(&step);

	step_undo_anyway(&undo, STR("alert-1"), "merge", world.arena);
	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
	CHECK_STR(address_of_nic(), ADDRESS("other-ip"));
	step = given_another();
	undo = its_undo(&step);
	step_undo_anyway(&undo, STR("alert-1"), "force", world.arena);
	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
	CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
}

TEST(an_address_that_is_gone_or_serves_another_keeps_nobody_cut_off)
{
	struct str id;
	struct step step, undo;
	struct err e;

	fresh_world();
	step = isolated(DETACH);
	id = http_escape(STR(ADDRESS("web-01-ip")), world.arena);
	control("DELETE", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(id)).p, NULL);
	undo = released(&step);
	CHECK_STR(json_text(json_first(json_get(result_of(&undo), "lost"))), ADDRESS("web-01-ip"));
	CHECK_HAS(said(&undo), "1 public address not to be had any more");

	fresh_world();
	step = isolated(DETACH);
	change_resource(NIC("web-01-nic-back"),
	    "{\"properties\":{\"ipConfigurations\":[{\"name\":\"ipconfig1\",\"id\":\"" NIC(
		"web-01-nic-back") "/ipConfigurations/ipconfig1\",\"type\":\"t\",\"properties\":{"
				   "\"provisioningState\":\"Succeeded\",\"primary\":true,"
				   "\"privateIPAddress\":\"10.20.2.10\","
				   "\"privateIPAddressVersion\":\"IPv4\","
				   "\"privateIPAllocationMethod\":\"Dynamic\",\"subnet\":{\"id\":"
				   "\"" SHOP
				   "/providers/Microsoft.Network/virtualNetworks/vnet-shop/subnets/"
				   "back\"},\"publicIPAddress\":{\"id\":\"" ADDRESS(
				       "web-01-ip") "\"}}}]}}");
	undo = its_undo(&step);
	CHECK_INT(drive(&undo, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "changed by somebody since");
	step_undo_anyway(&undo, STR("alert-1"), "force", world.arena);
	undo.result = undo.cursor = STR_EMPTY;
	drive_done(&undo);
	CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
	CHECK_INT(json_count(json_get(result_of(&undo), "lost")), 1);
}

/* ---- tags ---- */

TEST(a_tag_is_added_and_the_release_removes_it_alone)
{
	struct step step;

	fresh_world();
	step = isolated(TAG);
	CHECK_STR(tag("quarantine"), "alert");
	CHECK_STR(tag("env"), "prod");
	CHECK_STR(tag("owner"), "web team");
	CHECK_HAS(said(&step), "1 tag");
	released(&step);
	CHECK_STR(tag("quarantine"), "");
	CHECK_STR(tag("env"), "prod");
}

TEST(a_tag_that_somebody_changed_is_left_to_them)
{
	struct step step, undo;

	fresh_world();
	step = isolated(TAG);
	change_resource(VM("web-01"), "{\"tags\":{\"quarantine\":\"until tuesday\"}}");
	undo = released(&step);
	CHECK_STR(tag("quarantine"), "until tuesday");
	CHECK_STR(json_text(json_first(json_at(result_of(&undo), "tag.drifted"))), "quarantine");
	undo = its_undo(&step);
	step_undo_anyway(&undo, STR("alert-1"), "force", world.arena);
	drive_done(&undo);
	CHECK_STR(tag("quarantine"), "");
}

TEST(a_tag_that_cannot_be_written_fails_no_isolation_and_holds_up_no_proof)
{
	struct step step;
	int64_t began;

	fresh_world();
	fault("{\"method\":\"PATCH\",\"path\":\"/tags/default\",\"times\":-1,\"status\":403}");
	step = isolated(TAG);
	CHECK_HAS(arena_cstr(world.arena, not_done(&step, "tag")), "403");
	CHECK_STR(json_text(json_at(result_of(&step), "proof.state")), "verified");
	fresh_world();
	fault("{\"method\":\"PATCH\",\"path\":\"/tags/default\",\"times\":-1,\"status\":503}");
	began = world.now_ms;
	step = isolated(TAG);
	CHECK_HAS(arena_cstr(world.arena, not_done(&step, "tag")), "not done in time");
	CHECK(world.now_ms - began >= 600000 && world.now_ms - began < 900000);
}

/* ---- power ---- */

TEST(the_machine_is_switched_off_after_the_proof_and_the_release_starts_it)
{
	struct step step, undo;

	fresh_world();
	step = isolated(OFF);
	CHECK_STR(power(), "deallocated");
	CHECK_STR(json_text(json_at(result_of(&step), "proof.state")), "verified");
	CHECK_HAS(said(&step), "now deallocated, was running");
	undo = released(&step);
	CHECK_STR(power(), "running");
	CHECK_HAS(said(&undo), "now running");
	CHECK_INT(count_calls("POST", "/deallocate"), 1);
	CHECK_INT(count_calls("POST", "/start"), 1);
}

TEST(what_was_off_or_was_never_switched_off_by_us_is_not_started)
{
	struct step step;

	fresh_world();
	change_resource(VM("web-01"), "{\"_emulator\":{\"power\":\"deallocated\"}}");
	step = isolated(OFF);
	released(&step);
	CHECK_STR(power(), "deallocated");

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"/deallocate\",\"times\":-1,\"status\":403}");
	step = isolated(OFF);
	CHECK_HAS(arena_cstr(world.arena, not_done(&step, "power")), "403");
	CHECK_HAS(said(&step), "not switched off: ");
	change_resource(VM("web-01"), "{\"_emulator\":{\"power\":\"deallocated\"}}");
	released(&step);
	CHECK_STR(power(), "deallocated");
	CHECK_INT(count_calls("POST", "/start"), 0);
}

TEST(panic_between_the_cut_and_what_follows_stops_it)
{
	struct step step;

	fresh_world();
	step = a_step("isolate_vm", VM("web-01"), ALL);
	while (count_calls("PUT", "/web-01-nic") == 0) {
		struct err e;

		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	}
	atomic_store(&world.halted, true);
	drive_done(&step);
	CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
	CHECK_STR(tag("quarantine"), "");
	CHECK_STR(power(), "running");
	CHECK_HAS(arena_cstr(world.arena, not_done(&step, "power")), "stopped by panic");
}

/* ---- all together ---- */

TEST(death_after_any_return_does_all_once_there_and_back)
{
	int n = returns_of("isolate_vm", VM("web-01"), ALL);

	CHECK(n > 5);
	for (int death = 1; death <= n; death++) {
		struct step step, undo;
		struct err e;

		fresh_world();
		step = a_step("isolate_vm", VM("web-01"), ALL);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		check_isolated();
		CHECK_STR(address_of_nic(), "");
		CHECK_STR(tag("quarantine"), "alert");
		CHECK_STR(power(), "deallocated");
		CHECK(json_get(result_of(&step), "not_done") == NULL);
		CHECK_INT(count_calls("PUT", "/web-01-nic"), 2);
		CHECK_INT(count_calls("PUT", "/web-01-nic-back"), 1);
		CHECK_INT(count_calls("POST", "/deallocate"), 1);
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_STR(group_of(NIC("web-01-nic")), NSG("nsg-web"));
		CHECK_STR(address_of_nic(), ADDRESS("web-01-ip"));
		CHECK_STR(tag("quarantine"), "");
		CHECK_STR(power(), "running");
		CHECK_INT(count_calls("PUT", "/web-01-nic"), 3);
		CHECK_INT(count_calls("POST", "/start"), 1);
	}
}

TEST(trouble_that_passes_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"GET\",\"path\":\"/publicIPAddresses/\",\"status\":503}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"status\":500}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"cut\":\"after\"}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"status\":412}",
		"{\"method\":\"PUT\",\"path\":\"/web-01-nic$\",\"skip\":1,\"longop\":{\"end\":"
		"\"Failed\"}}",
		"{\"method\":\"GET\",\"path\":\"/tags/default\",\"status\":503}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/default\",\"cut\":\"after\"}",
		"{\"method\":\"PATCH\",\"path\":\"/tags/default\",\"longop\":{\"end\":\"Failed\"}}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"status\":429}",
		"{\"method\":\"POST\",\"path\":\"/deallocate\",\"cut\":\"after\"}",
		"{\"method\":\"GET\",\"path\":\"/instanceView\",\"status\":500}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct step step;

		fresh_world();
		fault(orders[i]);
		step = isolated(ALL);
		CHECK(json_get(result_of(&step), "not_done") == NULL);
		CHECK_STR(address_of_nic(), "");
		CHECK_STR(tag("quarantine"), "alert");
		CHECK_STR(power(), "deallocated");
	}
}
