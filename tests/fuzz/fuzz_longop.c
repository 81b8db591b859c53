/*
 * azure/arm.c and longop.c: a line with the method (or "cursor " and a cursor), then Azure's
 * answers to the call and to the polls, as scripted_http.c reads them.
 *
 * What must hold: a request with our token goes to the configured host and nowhere else; the wait
 * between polls stays within its limits; a cursor is JSON; an end has words.
 */
#include "azure/arm.h"
#include "fuzz.h"

#define NOW_MS INT64_C(1764000000000)
#define HOST "https://management.azure.com"
#define VM                                                                                      \
	"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Micro" \
	"soft.Compute/virtualMachines/web-01"
#define POLLS 8

static struct settings_azure settings;
static struct credential *credential;

/* "https://management.azure.com[:443]" and then nothing, '/', '?' or '#'. */
static bool
is_ours(struct str url)
{
	struct str rest;

	if (!str_starts_nocase(url, STR(HOST)))
		return false;
	rest = str_slice(url, strlen(HOST), url.n);
	if (str_starts_nocase(rest, STR(":443")))
		rest = str_slice(rest, 4, rest.n);
	else if (str_starts_nocase(rest, STR(":/")))
		rest = str_slice(rest, 1, rest.n);
	return rest.n == 0 || strchr("/?#", rest.p[0]) != NULL;
}

static void
look(const struct http_request *rq)
{
	for (size_t i = 0; i < rq->n_headers; i++)
		if (strcmp(rq->headers[i].name, "Authorization") == 0)
			MUST(is_ours(rq->url));
}

static void
prepare(struct arena *a)
{
	struct str authorization;
	struct err e;

	settings = (struct settings_azure){ .resource_manager = STR(HOST),
		.audience = STR(HOST "/"),
		.login = STR("https://login.microsoftonline.com"),
		.imds = STR("http://169.254.169.254"),
		.ca_file = STR_EMPTY,
		.operation_timeout_ms = 60000 };
	credential = credential_new(&settings);
	scripted_answers(STR("200\n\n{\"access_token\":\"t\",\"expires_in\":\"86400\"}"));
	MUST(credential_get(credential, NULL, settings.audience, NOW_MS, a, &authorization, &e));
	scripted_look = look;
}

static void
poll(struct arm *arm, struct str operation, struct arena *a)
{
	enum arm_progress progress = ARM_RUNNING;
	struct json *result;
	int64_t wait_ms;
	struct err e;

	for (int i = 0; i < POLLS && progress == ARM_RUNNING; i++) {
		e.text[0] = '\0';
		if (!arm_poll(arm, &operation, a, &progress, &wait_ms, &result, &e)) {
			MUST(e.text[0] != '\0');
			return;
		}
		MUST(wait_ms >= 500 && wait_ms <= 60000);
		MUST(json_check(operation, &e));
		MUST(progress != ARM_FAILED || e.kind == ERR_INPUT || e.kind == ERR_AGAIN);
		arm->now_ms += wait_ms;
	}
}

static void
send_and_poll(struct arm *arm, const char *method, struct arena *a)
{
	struct arm_call c = { .method = method,
		.path = STR(VM),
		.api_version = "2024-07-01",
		.body = json_object(a),
		.if_match = STR_EMPTY };
	struct arm_answer answer;
	struct err e;

	if (!arm_send(arm, &c, a, &answer, &e)) {
		MUST(e.text[0] != '\0');
		return;
	}
	MUST(answer.status >= 100 && answer.status < 300);
	MUST(answer.operation.n == 0 || (answer.poll_ms >= 500 && answer.poll_ms <= 60000));
	if (answer.operation.n > 0)
		poll(arm, answer.operation, a);
}

FUZZ(input)
{
	static const char *const methods[] = { "PUT", "PATCH", "POST", "DELETE" };
	struct str rest = input, line = take_line(&rest);
	struct arm arm = { .settings = &settings,
		.correlation_id = STR_EMPTY,
		.now_ms = NOW_MS,
		.log_arena = arena };

	if (credential == NULL)
		prepare(arena);
	arm.credential = credential;
	scripted_answers(rest);
	if (str_starts_nocase(line, STR("cursor ")))
		poll(&arm, str_slice(line, 7, line.n), arena);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (str_is(line, methods[i]))
			send_and_poll(&arm, methods[i], arena);
}
