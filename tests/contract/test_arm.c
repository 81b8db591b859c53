#include "azure/arm_internal.h"

#include "base/clock.h"
#include "emulator.h"
#include "scripted.h"

#define SHOP "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-shop"
#define NIC SHOP "/providers/Microsoft.Network/networkInterfaces/web-02-nic"
#define NSG SHOP "/providers/Microsoft.Network/networkSecurityGroups/nsg-test"
#define VMS SHOP "/providers/Microsoft.Compute/virtualMachines"
#define NETWORK "2024-01-01"
#define COMPUTE "2024-07-01"
#define TOKEN ANSWER("200 OK", "", "{\"access_token\":\"t\",\"expires_in\":\"86400\"}")
#define POLLS_MAX 10

static struct emulator azure;
static struct scripted server;
static struct settings_azure settings;
static struct credential *credential;
static struct http *http;
static struct arena *arena;
static struct arm arm;

static void
begin(const char *url)
{
	struct err e;

	if (arena == NULL) {
		CHECK_OK(http_global_init(&e));
		arena = arena_new();
		http = http_new(NULL);
	}
	settings = (struct settings_azure){ .resource_manager = str_of(url),
		.audience = STR("https://management.azure.com/"),
		.imds = str_of(url),
		.operation_timeout_ms = 1800000 };
	credential_free(credential);
	credential = credential_new(&settings);
	arm = (struct arm){ .settings = &settings,
		.credential = credential,
		.http = http,
		.correlation_id = STR("5d1c8a77-2f0e-4a63-9a53-0b6ad3a1e001"),
		.now_ms = clock_now_ms(),
		.log_arena = arena };
}

static void
begin_emulator(void)
{
	emulator_start(&azure, NULL, NULL);
	begin(azure.url);
}

static bool
get(const char *path, struct arm_answer *out, struct err *e)
{
	struct arm_call c = { .method = "GET", .path = str_of(path), .api_version = NETWORK };

	return arm_send(&arm, &c, arena, out, e);
}

static bool
change(
    const char *method, const char *path, const char *body, struct arm_answer *out, struct err *e)
{
	struct arm_call c = { .method = method, .path = str_of(path), .api_version = NETWORK };

	c.body = body == NULL ? NULL : json_parse(str_of(body), arena, e);
	return arm_send(&arm, &c, arena, out, e);
}

/* ---- one call ---- */

TEST(a_call_carries_what_azure_asks_for)
{
	struct arm_answer answer;
	const struct json *call;
	struct err e;

	begin_emulator();
	CHECK_OK(get(NIC, &answer, &e));
	call = emulator_call(&azure, "arm", 0);
	CHECK_STR(json_text(json_at(call, "query.api-version")), NETWORK);
	CHECK(json_true(json_get(call, "has_bearer")));
	CHECK_STR(json_text(json_at(call, "headers.accept")), "application/json");
	CHECK_STR(json_text(json_at(call, "headers.x-ms-correlation-request-id")),
	    "5d1c8a77-2f0e-4a63-9a53-0b6ad3a1e001");
	CHECK_INT(json_text(json_at(call, "headers.x-ms-client-request-id")).n, 36);
	CHECK(
	    str_starts_nocase(json_text(json_at(call, "headers.user-agent")), STR("gridwarden/")));
	CHECK_INT(answer.status, 200);
	CHECK(str_starts_nocase(answer.etag, STR("W/\"")));
	CHECK_INT(answer.operation.n, 0);
	emulator_stop(&azure);
}

TEST(each_call_is_recorded_without_its_query)
{
	struct arm_answer answer;
	struct err e;

	begin_emulator();
	CHECK_OK(get(NIC, &answer, &e));
	CHECK(!get(NIC "x", &answer, &e));
	CHECK_INT(arm.n_calls, 2);
	CHECK_STR(arm.calls[0].method, "GET");
	CHECK_STR(arm.calls[0].path, NIC);
	CHECK_INT(arm.calls[0].status, 200);
	CHECK_INT(arm.calls[0].request_id.n, 36);
	CHECK_STR(arm.calls[0].error, "");
	CHECK_INT(arm.calls[1].status, 404);
	CHECK(str_starts_nocase(arm.calls[1].error, STR("ResourceNotFound: ")));
	emulator_stop(&azure);
}

TEST(a_token_that_is_over_is_replaced_once)
{
	struct arm_answer answer;
	struct err e;

	begin_emulator();
	CHECK_OK(get(NIC, &answer, &e));
	emulator_control(&azure, "POST", "tokens/expire", "");
	CHECK_OK(get(NIC, &answer, &e));
	CHECK_INT(emulator_count(&azure, "arm", "GET"), 3);
	emulator_fault(&azure, "{\"service\":\"arm\",\"status\":401,\"times\":-1}");
	CHECK(!get(NIC, &answer, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_INT(emulator_count(&azure, "arm", "GET"), 5);
	emulator_stop(&azure);
}

/* ---- what refusals mean ---- */

struct refusal {
	const char *answer;
	enum err_kind kind;
	int64_t retry_ms, rest_ms;
	const char *words;
};

static void
check_refusal(const struct refusal *r)
{
	const char *script[] = { TOKEN, r->answer };
	struct arm_answer answer;
	struct err e;

	scripted_start(&server, script, 2);
	begin(server.url);
	CHECK(!get(NIC, &answer, &e));
	scripted_end(&server);
	if (e.kind != r->kind || e.retry_ms != r->retry_ms || arm.rest_ms != r->rest_ms)
		print_error("%s\n-> %s: %s, retry %ld, rest %ld\n", r->answer,
		    err_kind_name(e.kind), e.text, (long)e.retry_ms, (long)arm.rest_ms);
	CHECK_INT(e.kind, r->kind);
	CHECK_INT(e.retry_ms, r->retry_ms);
	CHECK_INT(arm.rest_ms, r->rest_ms);
	CHECK_HAS(e.text, r->words);
}

#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
#define DETAIL(code, detail)                                                                   \
	"{\"error\":{\"code\":\"" code "\",\"message\":\"m\",\"details\":[{\"code\":\"" detail \
	"\"}]}}"

TEST(a_refusal_says_whether_and_when_to_come_again)
{
	static const struct refusal table[] = {
		{ ANSWER("429 Slow", "Retry-After: 17\r\n", ERROR("TooManyRequests", "m")),
		    ERR_AGAIN, 17000, 17000, "Azure answered 429 TooManyRequests" },
		{ ANSWER("429 Slow", "", ""), ERR_AGAIN, 30000, 30000, "429" },
		{ ANSWER("429 Busy", "",
		      DETAIL("RetryableError", "RetryableErrorDueToAnotherOperation")),
		    ERR_AGAIN, 10000, 0, "RetryableError" },
		{ ANSWER("408 Late", "", ""), ERR_AGAIN, 0, 0, "408" },
		{ ANSWER("500 Oops", "", ""), ERR_AGAIN, 0, 0, "500" },
		{ ANSWER("503 Oops", "Retry-After: 3\r\n", ""), ERR_AGAIN, 3000, 0, "503" },
		{ ANSWER("501 Never", "", ""), ERR_INPUT, 0, 0, "501" },
		{ ANSWER("409 Busy", "", ERROR("AnotherOperationInProgress", "m")), ERR_AGAIN,
		    10000, 0, "AnotherOperationInProgress" },
		{ ANSWER("409 Busy", "",
		      ERROR("Conflict",
			  "The request failed due to conflict with a concurrent request.")),
		    ERR_AGAIN, 10000, 0, "concurrent request" },
		{ ANSWER("409 No", "", ERROR("Conflict", "already in policy")), ERR_CONFLICT, 0, 0,
		    "already in policy" },
		{ ANSWER("409 No", "", ERROR("ScopeLocked", "locked")), ERR_INPUT, 0, 0,
		    "ScopeLocked: locked" },
		{ ANSWER("412 Stale", "", DETAIL("PreconditionFailed", "x")), ERR_CONFLICT, 0, 0,
		    "PreconditionFailed" },
		{ ANSWER("404 No", "", ERROR("ResourceNotFound", "m")), ERR_NOT_FOUND, 0, 0,
		    "ResourceNotFound" },
		{ ANSWER("400 No", "", ERROR("InvalidRequestFormat", "m")), ERR_INPUT, 0, 0,
		    "InvalidRequestFormat" },
		{ ANSWER("400 No", "", "{\"code\":\"Old\",\"message\":\"form\"}"), ERR_INPUT, 0, 0,
		    "Old: form" },
		{ ANSWER("307 There", "Location: https://elsewhere.example/\r\n", ""), ERR_INPUT, 0,
		    0, "307" },
		{ CUT, ERR_AGAIN, 0, 0, "no answer from 127.0.0.1" },
		{ ANSWER("200 OK", "", "<html>"), ERR_AGAIN, 0, 0, "not JSON" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_refusal(&table[i]);
}

TEST(a_denial_names_the_missing_permission)
{
	static const struct refusal table[] = {
		{ ANSWER("403 No", "",
		      ERROR("AuthorizationFailed",
			  "The client 'a' with object id 'b' does not have authorization to "
			  "perform "
			  "action 'Microsoft.Network/networkInterfaces/write' over scope "
			  "'/subscriptions/1' or the scope is invalid.")),
		    ERR_DENIED, 0, 0,
		    "lacks Microsoft.Network/networkInterfaces/write on /subscriptions/1" },
		{ ANSWER("403 No", "",
		      ERROR("LinkedAuthorizationFailed",
			  "The client 'a' with object id 'b' has permission to perform action "
			  "'Microsoft.Network/networkInterfaces/write' on scope '/s'; however, it "
			  "does "
			  "not have permission to perform action(s) "
			  "'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked "
			  "scope(s) '/s/subnet' (respectively).")),
		    ERR_DENIED, 0, 0,
		    "lacks Microsoft.Network/virtualNetworks/subnets/join/action on /s/subnet" },
		{ ANSWER("403 No", "", ERROR("RequestDisallowedByPolicy", "policy x")), ERR_DENIED,
		    0, 0, "RequestDisallowedByPolicy: policy x" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		check_refusal(&table[i]);
}

/* ---- long operations ---- */

#define NSG_BODY "{\"location\":\"westeurope\",\"properties\":{\"securityRules\":[]}}"

static enum arm_progress
poll_to_end(struct str operation, int *polls, struct json **result, struct err *e)
{
	enum arm_progress progress = ARM_RUNNING;
	int64_t wait;

	for (*polls = 0; progress == ARM_RUNNING && *polls < POLLS_MAX; ++*polls)
		CHECK(arm_poll(&arm, &operation, arena, &progress, &wait, result, e));
	return progress;
}

TEST(a_long_operation_is_followed_in_each_pattern)
{
	static const char *const patterns[] = { "async", "location", "both", "body" };
	struct arm_answer answer;
	struct json *result;
	struct err e;
	int polls;

	for (size_t i = 0; i < 4; i++) {
		begin_emulator();
		emulator_fault(
		    &azure, arena_printf(arena,
				"{\"method\":\"PUT\",\"longop\":{\"pattern\":\"%s\",\"polls\":2,"
				"\"retry_after\":7}}",
				patterns[i])
				.p);
		CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
		CHECK(answer.operation.n > 0);
		CHECK_INT(answer.poll_ms, i == 3 ? 5000 : 7000);
		CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_SUCCEEDED);
		CHECK_INT(polls, 3);
		emulator_stop(&azure);
	}
}

TEST(a_long_operation_that_fails_says_why_in_each_pattern)
{
	static const char *const patterns[] = { "async", "location", "body" };
	struct arm_answer answer;
	struct json *result;
	struct err e;
	int polls;

	for (size_t i = 0; i < 3; i++) {
		begin_emulator();
		emulator_fault(&azure,
		    arena_printf(arena,
			"{\"method\":\"PUT\",\"longop\":{\"pattern\":\"%s\",\"polls\":1,"
			"\"end\":\"Failed\",\"error\":{\"code\":\"Quota\",\"message\":\"full\"}}}",
			patterns[i])
			.p);
		CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
		CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_FAILED);
		CHECK_INT(e.kind, ERR_INPUT);
		CHECK_HAS(e.text, i == 2 ? "ended as Failed" : "Quota: full");
		emulator_stop(&azure);
	}
}

TEST(an_operation_that_another_one_preempted_is_to_be_done_again)
{
	struct arm_answer answer;
	struct json *result;
	struct err e;
	int polls;

	begin_emulator();
	emulator_fault(&azure, "{\"method\":\"PUT\",\"longop\":{\"end\":\"Canceled\",\"error\":"
			       "{\"code\":\"OperationPreempted\",\"message\":\"m\"}}}");
	CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
	CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_FAILED);
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "OperationPreempted");
	emulator_stop(&azure);
}

TEST(a_poll_that_is_lost_is_not_the_end_of_the_operation)
{
	struct arm_answer answer;
	enum arm_progress progress;
	struct json *result;
	int64_t wait;
	struct err e;
	int polls;

	begin_emulator();
	CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
	/* Always: libcurl asks again by itself when a kept connection turns out dead. */
	emulator_fault(&azure, "{\"path\":\"/operations/\",\"cut\":\"before\",\"times\":-1}");
	CHECK(!arm_poll(&arm, &answer.operation, arena, &progress, &wait, &result, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "asking how the operation stands: no answer from 127.0.0.1");
	emulator_control(&azure, "DELETE", "faults", NULL);
	emulator_fault(&azure, "{\"path\":\"/operations/\",\"status\":429,"
			       "\"headers\":{\"Retry-After\":\"9\"}}");
	CHECK(!arm_poll(&arm, &answer.operation, arena, &progress, &wait, &result, &e));
	CHECK(e.kind == ERR_AGAIN && e.retry_ms == 9000 && arm.rest_ms == 9000);
	CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_SUCCEEDED);
	emulator_stop(&azure);
}

TEST(an_address_that_azure_has_forgotten_leaves_the_resource_to_ask)
{
	struct arm_answer answer;
	struct json *result;
	struct err e;
	int polls;

	begin_emulator();
	CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
	emulator_fault(&azure, "{\"path\":\"/operations/\",\"status\":404,\"times\":-1}");
	/* The emulator ends operations by themselves after two seconds; its polls are not counted.
	 */
	emulator_control(&azure, "PATCH", "resource?id=" NSG,
	    "{\"properties\":{\"provisioningState\":\"Succeeded\"}}");
	CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_SUCCEEDED);
	CHECK_STR(json_text(json_get(result, "name")), "nsg-test");
	emulator_stop(&azure);
}

TEST(an_operation_that_takes_too_long_has_failed)
{
	struct arm_answer answer;
	enum arm_progress progress;
	struct json *result;
	int64_t wait;
	struct err e;

	begin_emulator();
	emulator_fault(&azure, "{\"method\":\"PUT\",\"longop\":{\"polls\":100}}");
	CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
	CHECK_OK(arm_poll(&arm, &answer.operation, arena, &progress, &wait, &result, &e));
	CHECK_INT(progress, ARM_RUNNING);
	arm.now_ms += 1800000;
	CHECK_OK(arm_poll(&arm, &answer.operation, arena, &progress, &wait, &result, &e));
	CHECK_INT(progress, ARM_FAILED);
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "did not end within 1800 s");
	emulator_stop(&azure);
}

TEST(a_foreign_address_is_not_followed_and_the_resource_is_asked_instead)
{
	struct arm_answer answer;
	struct json *result;
	struct err e;
	int polls;

	SCRIPT(&server, TOKEN,
	    ANSWER("200 OK", "Azure-AsyncOperation: https://evil.example/op\r\n", "{}"),
	    ANSWER("200 OK", "", "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"));
	begin(server.url);
	CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
	CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_SUCCEEDED);
	scripted_end(&server);
	CHECK_HAS(server.requests[2], "GET " NSG "?api-version=" NETWORK);
}

TEST(a_cursor_with_a_foreign_address_gets_no_token)
{
	struct str cursor = STR("{\"kind\":\"async\",\"url\":\"https://evil.example/op\"}");
	enum arm_progress progress;
	struct json *result;
	int64_t wait;
	struct err e;

	begin("http://127.0.0.1:1");
	CHECK(!arm_poll(&arm, &cursor, arena, &progress, &wait, &result, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "on another host");
	CHECK_INT(arm.n_calls, 0);
}

TEST(a_post_ends_with_the_result_behind_location)
{
	struct arm_answer answer;
	struct json *result;
	struct err e;
	int polls;

	begin_emulator();
	CHECK_OK(change("POST", NIC "/effectiveNetworkSecurityGroups", NULL, &answer, &e));
	CHECK_INT(answer.status, 202);
	CHECK_INT(poll_to_end(answer.operation, &polls, &result, &e), ARM_SUCCEEDED);
	CHECK(json_count(json_get(result, "value")) > 0);
	emulator_stop(&azure);
}

TEST(retry_after_of_a_poll_is_honoured_up_to_a_minute)
{
	struct arm_answer answer;
	enum arm_progress progress;
	struct json *result;
	int64_t wait;
	struct err e;

	begin_emulator();
	emulator_fault(&azure, "{\"method\":\"PUT\",\"longop\":{\"polls\":9,\"retry_after\":600}}");
	CHECK_OK(change("PUT", NSG, NSG_BODY, &answer, &e));
	CHECK_INT(answer.poll_ms, 60000);
	CHECK_OK(arm_poll(&arm, &answer.operation, arena, &progress, &wait, &result, &e));
	CHECK_INT(wait, 60000);
	emulator_stop(&azure);
}

/* ---- lists ---- */

TEST(a_list_is_read_to_its_last_page_and_over_an_empty_first_one)
{
	struct json *items;
	struct err e;

	begin_emulator();
	emulator_control(&azure, "POST", "settings", "{\"page_size\":2,\"empty_first_page\":true}");
	CHECK_OK(arm_list(&arm, STR(VMS), COMPUTE, arena, &items, &e));
	CHECK_INT(json_count(items), 7);
	CHECK_INT(emulator_count(&azure, "arm", "GET"), 5);
	emulator_stop(&azure);
}

TEST(a_next_link_on_another_host_is_refused)
{
	struct json *items;
	struct err e;

	SCRIPT(&server, TOKEN,
	    ANSWER("200 OK", "", "{\"value\":[],\"nextLink\":\"https://evil.example/p2\"}"));
	begin(server.url);
	CHECK(!arm_list(&arm, STR(VMS), COMPUTE, arena, &items, &e));
	scripted_end(&server);
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "nextLink points to another host, not followed");
}

/* ---- several credentials ---- */

TEST(a_call_shows_the_token_of_its_subscription)
{
	static struct str ids[] = { { "66666666-7777-8888-9999-000000000000", 36 } };
	static const char *const paths[] = {
		"/subscriptions/66666666-7777-8888-9999-000000000000/x",
		"/SUBSCRIPTIONS/66666666-7777-8888-9999-000000000000?",
		"/subscriptions/11111111-2222-3333-4444-555555555555/x", "/providers/x"
	};
	static const bool is_lab[] = { true, true, false, true };
	struct settings_credential lab = { .type = CREDENTIAL_MANAGED_IDENTITY,
		.client_id = STR("lab-identity"),
		.subscriptions = ids,
		.n_subscriptions = 1 };
	struct http_response rs;
	struct json *answer;
	struct str url;
	struct err e;

	SCRIPT(&server, ANSWER("200 OK", "", "{\"access_token\":\"lab\",\"expires_in\":3600}"),
	    ANSWER("200 OK", "", "{}"), ANSWER("200 OK", "", "{}"),
	    ANSWER("200 OK", "", "{\"access_token\":\"all\",\"expires_in\":3600}"),
	    ANSWER("200 OK", "", "{}"), ANSWER("200 OK", "", "{}"));
	begin(server.url);
	settings.has_imds = true;
	settings.credentials = &lab;
	settings.n_credentials = 1;
	credential_free(credential);
	arm.credential = credential = credential_new(&settings);
	/* An address that names no subscription is called as the job's own. */
	arm.subscription = ids[0];
	for (size_t i = 0; i < 4; i++) {
		size_t asked = server.asked;
		const char *want =
		    is_lab[i] ? "Authorization: Bearer lab" : "Authorization: Bearer all";

		url = arena_printf(arena, "%s%s", server.url, paths[i]);
		CHECK_OK(arm_exchange(&arm, "GET", url, NULL, STR_EMPTY, arena, &rs, &answer, &e));
		CHECK(server.asked > asked);
		CHECK_HAS(server.requests[server.asked - 1], want);
	}
	scripted_end(&server);
	CHECK_HAS(server.requests[0], "client_id=lab-identity");
	CHECK(strstr(server.requests[3], "client_id") == NULL);
	credential_free(credential);
	credential = NULL;
}
