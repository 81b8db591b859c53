#include "azure/jit.h"
#include "test.h"

#define PORT(number, source, longest)                                               \
	"{\"number\":" number ",\"protocol\":\"*\",\"allowedSourceAddressPrefix\":" \
	"\"" source "\",\"maxRequestAccessDuration\":\"" longest "\"}"
#define MACHINE(name, ports) "{\"id\":\"/" name "\",\"ports\":[" ports "]}"
#define POLICY(machines) "{\"kind\":\"Basic\",\"properties\":{\"virtualMachines\":[" machines "]}}"

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

	return json_parse(str_of(text), a, &e);
}

static struct json *
wanted(void)
{
	struct json *list = json_array(a);

	json_add(list, jit_port(22, 3 * 3600000, parse("[\"203.0.113.0/24\"]"), a), a);
	return list;
}

#define WANTED_22 PORT("22", "203.0.113.0/24", "PT3H")

TEST(a_new_policy_holds_the_machine_alone)
{
	CHECK_STR(json_print(jit_merge(NULL, STR("/vm"), wanted(), a), a),
	    POLICY(MACHINE("vm", WANTED_22)));
}

TEST(other_machines_are_written_as_they_were_read_and_requests_are_not)
{
	struct json *policy =
	    parse("{\"kind\":\"Basic\",\"id\":\"/p\",\"name\":\"default\",\"type\":\"t\","
		  "\"location\":\"westeurope\",\"properties\":{\"provisioningState\":\"Succeeded\","
		  "\"requests\":[{\"requestor\":\"me\"}],\"virtualMachines\":[{\"id\":\"/other\","
		  "\"publicIpAddress\":\"203.0.113.9\",\"ports\":[{\"number\":22,\"protocol\":"
		  "\"TCP\",\"allowedSourceAddressPrefixes\":[\"10.0.0.1\",\"10.0.0.2\"],"
		  "\"maxRequestAccessDuration\":\"PT1H\"}]}]}}");

	CHECK_STR(json_print(jit_merge(policy, STR("/vm"), wanted(), a), a),
	    POLICY("{\"id\":\"/other\",\"publicIpAddress\":\"203.0.113.9\",\"ports\":[{\"number\":"
		   "22,\"protocol\":\"TCP\",\"allowedSourceAddressPrefixes\":[\"10.0.0.1\","
		   "\"10.0.0.2\"],\"maxRequestAccessDuration\":\"PT1H\"}]}," MACHINE(
		       "vm", WANTED_22)));
}

TEST(a_port_in_another_form_is_replaced_in_its_place)
{
	struct json *policy = parse(
	    POLICY(MACHINE("VM", PORT("22", "*", "PT3H") "," PORT("443", "10.0.0.1", "PT1H"))));

	CHECK_STR(json_print(jit_merge(policy, STR("/vm"), wanted(), a), a),
	    POLICY(MACHINE("VM", WANTED_22 "," PORT("443", "10.0.0.1", "PT1H"))));
}

TEST(two_entries_of_one_port_become_one)
{
	struct json *policy = parse(POLICY(MACHINE("vm", WANTED_22 "," PORT("22", "*", "PT3H"))));

	CHECK_STR(json_print(jit_merge(policy, STR("/vm"), wanted(), a), a),
	    POLICY(MACHINE("vm", WANTED_22)));
}

TEST(the_same_in_other_words_needs_no_writing)
{
	CHECK(jit_merge(parse(POLICY(MACHINE("vm", PORT("22", "203.0.113.0/24", "PT180M")))),
		  STR("/VM"), wanted(), a) == NULL);
	CHECK(jit_merge(parse(POLICY(MACHINE("vm",
			    "{\"number\":22,\"protocol\":\"*\",\"allowedSourceAddressPrefixes\":["
			    "\"203.0.113.0/24\"],\"maxRequestAccessDuration\":\"PT3H\"}"))),
		  STR("/vm"), wanted(), a) == NULL);
	CHECK(jit_merge(parse(POLICY(MACHINE("vm",
			    "{\"number\":22,\"protocol\":\"TCP\",\"allowedSourceAddressPrefix\":"
			    "\"203.0.113.0/24\",\"maxRequestAccessDuration\":\"PT3H\"}"))),
		  STR("/vm"), wanted(), a) != NULL);
}

static void
check_back(
    const char *now, const char *was, const char *body, const char *removed, const char *drifted)
{
	struct jit_return back;

	jit_take_back(parse(now), STR("/vm"), wanted(), was == NULL ? NULL : parse(was), a, &back);
	if (body == NULL)
		CHECK(back.body == NULL);
	else
		CHECK_STR(json_print(back.body, a), body);
	CHECK_STR(json_print(back.removed, a), removed);
	CHECK_STR(json_print(back.drifted, a), drifted);
}

TEST(taking_back_removes_what_was_added_and_no_more)
{
	check_back(POLICY(MACHINE("o", WANTED_22) "," MACHINE("vm", WANTED_22)),
	    POLICY(MACHINE("o", WANTED_22)), POLICY(MACHINE("o", WANTED_22)), "[22]", "[]");
	check_back(POLICY(MACHINE("vm", WANTED_22 "," PORT("443", "*", "PT1H"))), NULL,
	    POLICY(MACHINE("vm", PORT("443", "*", "PT1H"))), "[22]", "[]");
	check_back(POLICY(MACHINE("vm", WANTED_22)), POLICY(MACHINE("vm", PORT("22", "*", "PT1H"))),
	    POLICY(MACHINE("vm", PORT("22", "*", "PT1H"))), "[22]", "[]");
	check_back(POLICY(MACHINE("vm", WANTED_22)), NULL, POLICY(""), "[22]", "[]");
}

TEST(taking_back_twice_writes_once)
{
	check_back(
	    POLICY(MACHINE("o", WANTED_22)), POLICY(MACHINE("o", WANTED_22)), NULL, "[22]", "[]");
	check_back("null", NULL, NULL, "[22]", "[]");
}

TEST(what_was_there_before_or_changed_since_is_not_taken_back)
{
	check_back(
	    POLICY(MACHINE("vm", WANTED_22)), POLICY(MACHINE("vm", WANTED_22)), NULL, "[]", "[]");
	check_back(POLICY(MACHINE("vm", PORT("22", "*", "PT2H"))), NULL, NULL, "[]", "[22]");
}

TEST(a_lost_machine_is_noticed)
{
	struct json *two = parse(POLICY(MACHINE("o", WANTED_22) "," MACHINE("vm", WANTED_22)));

	CHECK(jit_keeps_others(two, parse(POLICY(MACHINE("O", ""))), STR("/vm")));
	CHECK(!jit_keeps_others(two, parse(POLICY(MACHINE("vm", WANTED_22))), STR("/vm")));
	CHECK(jit_keeps_others(NULL, two, STR("/vm")));
}

TEST(durations_of_azure_are_read)
{
	static const char *const wrong[] = { "", "P", "PT", "3H", "PT3", "PTH", "P3H", "PT1D",
		"PT3HX", "PTT3H", "PT-3H" };
	int64_t ms = 0;

	CHECK(jit_duration_ms(STR("PT3H"), &ms) && ms == 10800000);
	CHECK(jit_duration_ms(STR("P1D"), &ms) && ms == 86400000);
	CHECK(jit_duration_ms(STR("P1DT1H30M5S"), &ms) && ms == 91805000);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK(!jit_duration_ms(str_of(wrong[i]), &ms));
}

TEST(the_longest_access_is_written_in_the_largest_unit)
{
	struct json *all = parse("[\"*\"]"), *two = parse("[\"10.0.0.1\",\"10.0.0.2\"]");

	CHECK_STR(json_text(json_get(jit_port(22, 86400000, all, a), "maxRequestAccessDuration")),
	    "PT24H");
	CHECK_STR(
	    json_text(json_get(jit_port(22, 300000, all, a), "maxRequestAccessDuration")), "PT5M");
	CHECK_STR(json_text(json_get(jit_port(22, 301000, all, a), "maxRequestAccessDuration")),
	    "PT301S");
	CHECK_INT(
	    json_count(json_get(jit_port(22, 300000, two, a), "allowedSourceAddressPrefixes")), 2);
}
