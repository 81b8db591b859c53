/*
 * request_jit: access to a machine that a just-in-time policy holds.
 */
#include "azure_world.h"

#define SHOP_POLICY POLICY("westeurope", "default")
#define INITIATE SHOP_POLICY "/initiate"
#define KEY "0123456789abcdef0123456789abcdef"
#define MARK "gridwarden 0123456789abcdef"
#define WANTED "{\"ports\":[22],\"source\":\"198.51.100.7\",\"duration\":1800000}"

static struct step
access_step(const char *params)
{
	struct step step = a_step("request_jit", VM("db-01"), params);

	step.key = STR(KEY);
	return step;
}

static struct step
opened(void)
{
	struct step step = access_step(WANTED);

	drive_done(&step);
	return step;
}

static const struct json *
request_at(size_t i)
{
	const struct json *r = json_first(json_at(resource(SHOP_POLICY), "properties.requests"));

	while (i-- > 0)
		r = json_next(r);
	return r;
}

static size_t
requests(void)
{
	return json_count(json_at(resource(SHOP_POLICY), "properties.requests"));
}

static const struct json *
port_of(const struct json *request)
{
	return json_first(json_get(json_first(json_get(request, "virtualMachines")), "ports"));
}

/* What Azure shows of a request that somebody else made. */
static void
somebody_asks(const char *source)
{
	char ends[CLOCK_TEXT_MAX];

	change_resource(SHOP_POLICY,
	    arena_printf(world.arena,
		"{\"properties\":{\"requests\":[{\"requestor\":\"ada@contoso.example\","
		"\"startTimeUtc\":\"2026-01-01T00:00:00Z\",\"justification\":\"at work\","
		"\"virtualMachines\":[{\"id\":\"" VM(
		    "db-01") "\",\"ports\":[{\"number\":22,"
			     "\"allowedSourceAddressPrefix\":\"%s\",\"endTimeUtc\":\"%s\","
			     "\"status\":"
			     "\"Initiated\",\"statusReason\":\"UserRequested\"}]}]}]}}",
		source, clock_format(clock_now_ms() + 3600000, ends))
		.p);
}

TEST(access_is_asked_for_with_an_end_and_a_justification)
{
	struct step step;
	struct json *result;
	int64_t ends_ms, told_ms = 0;

	fresh_world();
	step = opened();
	CHECK_INT(requests(), 1);
	CHECK_STR(json_text(json_get(request_at(0), "justification")),
	    "Suspicious process executed (" MARK ")");
	CHECK_STR(json_text(json_get(port_of(request_at(0)), "allowedSourceAddressPrefix")),
	    "198.51.100.7");
	CHECK(clock_parse(json_text(json_get(port_of(request_at(0)), "endTimeUtc")), &ends_ms));
	result = result_of(&step);
	CHECK(json_int(json_get(result, "ends_ms"), &told_ms));
	CHECK_INT(ends_ms, told_ms);
	CHECK_INT(json_count(json_get(result, "opened")), 1);
	CHECK(json_get(result, "expires_ms") == NULL); /* Azure ends it, not we */
	CHECK_INT(count_calls("PUT", ""), 0);
}

TEST(what_is_asked_for_is_recorded_before_it_is_asked)
{
	struct step step;
	struct err e;

	fresh_world();
	step = access_step(WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(e.retry_ms, 0);
	CHECK_INT(count_calls("POST", "/initiate"), 0);
	CHECK_STR(json_text(json_get(json_parse(step.before, world.arena, &e), "mark")), MARK);
}

static void
check_never(const char *params, const char *words)
{
	struct step step = access_step(params);
	struct err e;

	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, words);
	CHECK_INT(count_calls("POST", "/initiate"), 0);
}

TEST(what_the_policy_does_not_allow_is_refused_in_words_before_azure_is_asked)
{
	fresh_world();
	check_never("{\"ports\":[22,8080],\"source\":\"198.51.100.7\",\"duration\":1800000}",
	    "port 8080 is not in just-in-time policy default, which has ports 22, 5432 of this "
	    "machine");
	check_never("{\"ports\":[22],\"source\":\"198.51.100.7\",\"duration\":7200000}",
	    "port 22: duration is 120m, and just-in-time policy default allows PT1H at most");
	check_never("{\"ports\":[22],\"source\":\"203.0.113.7\",\"duration\":1800000}",
	    "port 22: source is 203.0.113.7, and just-in-time policy default allows "
	    "198.51.100.0/24");
	check_never("{\"ports\":[5432],\"source\":\"10.20.0.0/16\",\"duration\":1800000}",
	    "port 5432: source is 10.20.0.0/16, and just-in-time policy default allows "
	    "10.20.2.0/24, 10.20.1.0/24");
	check_never("{\"ports\":[22],\"source\":\"2001:db8::7\",\"duration\":1800000}",
	    "port 22: source is 2001:db8::7");
}

TEST(a_machine_that_no_policy_holds_is_said_so)
{
	struct step step;
	struct err e;

	fresh_world();
	step = a_step("request_jit", VM("web-01"), WANTED);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "no just-in-time policy holds the machine");
}

TEST(sources_that_the_policy_holds_are_asked_for)
{
	static const char *const rows[] = {
		"{\"ports\":[22],\"source\":\"198.51.100.0/24\",\"duration\":300000}",
		"{\"ports\":[22],\"source\":\"198.51.100.128/25\",\"duration\":3600000}",
		"{\"ports\":[5432],\"source\":\"10.20.1.4\",\"duration\":3600000}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct step step;

		fresh_world();
		step = access_step(rows[i]);
		drive_done(&step);
		CHECK_INT(requests(), 1);
	}
}

TEST(death_after_any_return_asks_once_and_ends_once)
{
	int n = returns_of("request_jit", VM("db-01"), WANTED);

	CHECK(n > 2);
	for (int death = 1; death <= n; death++) {
		struct step step, undo;
		struct err e;

		fresh_world();
		step = access_step(WANTED);
		CHECK_INT(drive(&step, death, NULL, &e), OUTCOME_DONE);
		CHECK_INT(requests(), 1);
		undo = its_undo(&step);
		CHECK_INT(drive(&undo, death, NULL, &e), OUTCOME_DONE);
		CHECK_INT(requests(), 2);
	}
}

TEST(an_answer_that_is_lost_does_not_make_two)
{
	static const char *const orders[] = {
		"{\"method\":\"POST\",\"path\":\"/initiate\",\"cut\":\"after\"}",
		"{\"method\":\"POST\",\"path\":\"/initiate\",\"status\":500,\"when\":\"after\"}",
		"{\"method\":\"POST\",\"path\":\"/initiate\",\"cut\":\"before\"}",
		"{\"method\":\"POST\",\"path\":\"/initiate\",\"status\":503}",
		"{\"method\":\"GET\",\"path\":\"/jitNetworkAccessPolicies\",\"status\":500}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		fresh_world();
		fault(orders[i]);
		opened();
		CHECK_INT(requests(), 1);
	}
}

TEST(somebody_who_has_access_is_not_thrown_out)
{
	struct step step;
	struct err e;

	fresh_world();
	somebody_asks("198.51.100.9");
	step = access_step(WANTED);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "port 22 is open for 198.51.100.9 until ");
	CHECK_HAS(e.text, "as ada@contoso.example asked for; a newer request would end that");
	CHECK_INT(count_calls("POST", "/initiate"), 0);
}

TEST(undo_ends_our_access_by_a_newer_request)
{
	struct step step, undo;
	int64_t ends_ms = 0;

	fresh_world();
	step = opened();
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(requests(), 2);
	CHECK_STR(
	    json_text(json_get(port_of(request_at(0)), "statusReason")), "NewerRequestInitiated");
	CHECK(clock_parse(json_text(json_get(port_of(request_at(1)), "endTimeUtc")), &ends_ms));
	CHECK(ends_ms <= clock_now_ms() + 65000);
	CHECK_INT(json_count(json_get(result_of(&undo), "ended")), 1);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(requests(), 2);
}

TEST(undo_leaves_what_is_over_and_what_somebody_asked_for_since)
{
	struct step step, undo;

	fresh_world();
	step = opened();
	world.now_ms += 1800000 + 1000;
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(json_count(json_get(result_of(&undo), "ended")), 0);
	CHECK_INT(requests(), 1);

	fresh_world();
	step = opened();
	somebody_asks("198.51.100.9");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(json_number(json_first(json_get(result_of(&undo), "drifted"))), 22);
	CHECK_INT(count_calls("POST", "/initiate"), 1);
}

TEST(undo_ends_what_no_list_shows_any_more_and_stops_where_the_policy_is_gone)
{
	struct step step, undo;
	struct str id = http_escape(STR(SHOP_POLICY), world.arena);

	fresh_world();
	step = opened();
	change_resource(SHOP_POLICY, "{\"properties\":{\"requests\":[]}}");
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(json_count(json_get(result_of(&undo), "ended")), 1);

	fresh_world();
	step = opened();
	control("DELETE", arena_printf(world.arena, "resource?id=%.*s", STR_ARG(id)).p, NULL);
	undo = its_undo(&step);
	drive_done(&undo);
	CHECK_INT(json_count(json_get(result_of(&undo), "ended")), 0);
}

TEST(a_policy_that_is_changed_before_we_ask_is_noticed)
{
	struct step step;
	struct err e;

	fresh_world();
	step = access_step(WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	change_resource(SHOP_POLICY,
	    "{\"properties\":{\"virtualMachines\":[{\"id\":\"" VM(
		"db-01") "\",\"ports\":[{\"number\":22,\"protocol\":\"*\","
			 "\"allowedSourceAddressPrefix\":\"198.51.100.0/24\","
			 "\"maxRequestAccessDuration\":\"PT5M\"}]}]}}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "allows PT5M at most");
	CHECK_INT(count_calls("POST", "/initiate"), 0);
}

TEST(a_time_that_is_over_is_not_asked_for)
{
	struct step step;
	struct err e;

	fresh_world();
	step = access_step(WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	world.now_ms += 1800000;
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "the time is over for which access was to be asked for");
}

TEST(a_missing_permission_and_panic_are_named)
{
	struct step step;
	struct err e;

	fresh_world();
	fault("{\"method\":\"POST\",\"path\":\"/initiate\",\"status\":403,\"body\":{\"error\":{"
	      "\"code\":\"AuthorizationFailed\",\"message\":\"The client 'x' does not have "
	      "authorization to perform action 'Microsoft.Security/locations/"
	      "jitNetworkAccessPolicies/initiate/action' over scope 'y'.\"}}}");
	step = access_step(WANTED);
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action");
	fresh_world();
	step = access_step(WANTED);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	atomic_store(&world.halted, true);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "stopped by panic");
	CHECK_INT(requests(), 0);
}
