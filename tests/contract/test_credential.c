#include "azure/credential.h"

#include <sched.h>

#include "base/clock.h"
#include "emulator.h"
#include "scripted.h"

#define AUDIENCE STR("https://management.azure.com/")
#define TENANT "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"
#define CLIENT "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11"
#define HOUR INT64_C(3600000)

/* 2026-11-23 20:04:55 UTC */
#define NOW INT64_C(1795464295000)

static struct emulator azure;
static struct scripted server;
static struct settings_azure settings;
static struct credential *credential;
static struct http *http;
static struct arena *arena;
static char secret_file[64];

static void
begin(const char *url, enum credential_type type)
{
	struct err e;

	if (arena == NULL) {
		CHECK_OK(http_global_init(&e));
		arena = arena_new();
		http = http_new(NULL);
	}
	settings = (struct settings_azure){ .login = str_of(url),
		.imds = str_of(url),
		.has_login = true,
		.has_imds = true,
		.credential = { .type = type,
		    .tenant = STR(TENANT),
		    .client_id = STR_EMPTY,
		    .client_secret_file = str_of(secret_file) } };
	if (type == CREDENTIAL_CLIENT_SECRET)
		settings.credential.client_id = STR(CLIENT);
	credential_free(credential);
	credential = credential_new(&settings);
}

static void
write_secret(const char *secret)
{
	FILE *f;

	if (secret_file[0] == '\0') {
		strcpy(secret_file, "/tmp/gridwarden-secret-XXXXXX");
		close(mkstemp(secret_file));
	}
	f = fopen(secret_file, "w");
	CHECK(f != NULL && fputs(secret, f) >= 0 && fclose(f) == 0);
}

static bool
get(int64_t now_ms, struct str *out, struct err *e)
{
	return credential_get(credential, http, AUDIENCE, now_ms, arena, out, e);
}

#define TOKEN(fields, token)                                   \
	ANSWER("200 OK", "Content-Type: application/json\r\n", \
	    "{\"token_type\":\"Bearer\"," fields ",\"access_token\":\"" token "\"}")

/* ---- where tokens come from ---- */

TEST(a_managed_identity_gives_a_token)
{
	struct str authorization;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_OK(get(clock_now_ms(), &authorization, &e));
	CHECK(str_starts_nocase(authorization, STR("Bearer ey")));
	CHECK_STR(json_text(json_at(emulator_call(&azure, "imds", 0), "headers.metadata")), "true");
	emulator_stop(&azure);
}

TEST(the_user_assigned_identity_of_the_settings_is_asked_for)
{
	struct str authorization;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	settings.credential.client_id = STR("9a7f4b6d-8c3e-4d15-b0a2-5e6c7d8f9a31");
	CHECK_OK(get(clock_now_ms(), &authorization, &e));
	settings.credential.client_id = STR("9a7f4b6d-0000-0000-0000-000000000000");
	credential_drop(credential, AUDIENCE);
	CHECK(!get(clock_now_ms(), &authorization, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, "assign the managed identity to this machine, or mend client_id");
	emulator_stop(&azure);
}

TEST(a_client_secret_is_read_again_for_each_token)
{
	struct str authorization;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	write_secret("wrong\n");
	begin(azure.url, CREDENTIAL_CLIENT_SECRET);
	CHECK(!get(clock_now_ms(), &authorization, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, "the client secret is wrong");
	CHECK_HAS(e.text, "AADSTS7000215");
	CHECK(strstr(e.text, "Trace ID") == NULL);
	write_secret("p4ss+word/&=~ %\n");
	CHECK_OK(get(clock_now_ms(), &authorization, &e));
	emulator_stop(&azure);
}

TEST(a_missing_secret_file_is_named)
{
	struct str authorization;
	struct err e;

	begin("http://127.0.0.1:1", CREDENTIAL_CLIENT_SECRET);
	settings.credential.client_secret_file = STR("/nonexistent/secret");
	CHECK(!get(NOW, &authorization, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, "client_secret_file: cannot open /nonexistent/secret");
}

/* ---- how long they are kept ---- */

TEST(a_token_is_kept_until_half_its_long_life)
{
	struct str first, again, second;
	struct err e;

	SCRIPT(&server, TOKEN("\"expires_in\":\"86400\"", "one"),
	    TOKEN("\"expires_in\":86400", "two"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_OK(get(NOW, &first, &e));
	/* Up to five minutes early, by chance. */
	CHECK_OK(get(NOW + 12 * HOUR - 300000, &again, &e));
	CHECK_OK(get(NOW + 12 * HOUR, &second, &e));
	scripted_end(&server);
	CHECK_STR(first, "Bearer one");
	CHECK_STR(again, "Bearer one");
	CHECK_STR(second, "Bearer two");
}

TEST(the_end_is_read_as_number_text_and_time)
{
	struct str token;
	struct err e;

	SCRIPT(&server, TOKEN("\"expires_on\":1795467895", "a"),
	    TOKEN("\"expires_on\":\"1795467895\"", "b"),
	    TOKEN("\"expires_on\":\"2026-11-23T21:04:55Z\"", "c"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(get(NOW, &token, &e));
		CHECK_OK(get(NOW + HOUR - 901000, &token, &e));
		credential_drop(credential, AUDIENCE);
	}
	scripted_end(&server);
	CHECK_STR(token, "Bearer c");
}

TEST(refresh_in_is_honoured)
{
	struct str token;
	struct err e;

	SCRIPT(&server, TOKEN("\"expires_in\":3599,\"refresh_in\":1000", "one"),
	    TOKEN("\"expires_in\":3599", "two"));
	write_secret("x");
	begin(server.url, CREDENTIAL_CLIENT_SECRET);
	CHECK_OK(get(NOW, &token, &e));
	CHECK_OK(get(NOW + 999000, &token, &e));
	CHECK_STR(token, "Bearer one");
	CHECK_OK(get(NOW + 1000000, &token, &e));
	CHECK_STR(token, "Bearer two");
	scripted_end(&server);
}

TEST(an_old_token_outlives_a_service_in_trouble_but_not_its_last_five_minutes)
{
	struct str token;
	struct err e;

	SCRIPT(&server, TOKEN("\"expires_in\":3600", "old"), ANSWER("503 Busy", "", ""), CUT);
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_OK(get(NOW, &token, &e));
	CHECK_OK(get(NOW + HOUR - 400000, &token, &e));
	CHECK_STR(token, "Bearer old");
	CHECK_INT(server.asked, 2);
	/* Not asked again at once: the service is in trouble. */
	CHECK_OK(get(NOW + HOUR - 399000, &token, &e));
	CHECK_INT(server.asked, 2);
	CHECK(!get(NOW + HOUR - 299000, &token, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "no token: no answer from 127.0.0.1");
	scripted_end(&server);
}

TEST(a_dropped_token_is_never_handed_out_again)
{
	struct str token;
	struct err e;

	SCRIPT(&server, TOKEN("\"expires_in\":3600", "one"), TOKEN("\"expires_in\":3600", "two"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_OK(get(NOW, &token, &e));
	credential_drop(credential, AUDIENCE);
	CHECK_OK(get(NOW, &token, &e));
	scripted_end(&server);
	CHECK_STR(token, "Bearer two");
}

static atomic_bool ending;

struct asker {
	pthread_t thread;
	bool ok;
};

static void *
ask(void *arg)
{
	struct asker *x = arg;
	struct arena *own = arena_new();
	struct http *h = http_new(NULL);
	struct str token;
	struct err e;

	http_obey(h, &ending);
	x->ok = credential_get(credential, h, AUDIENCE, NOW, own, &token, &e) &&
		str_is(token, "Bearer one");
	http_free(h);
	arena_free(own);
	return NULL;
}

TEST(performers_that_ask_at_once_share_one_token)
{
	struct asker askers[4];

	SCRIPT(&server, TOKEN("\"expires_in\":3600", "one"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&askers[i].thread, NULL, ask, &askers[i]) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(askers[i].thread, NULL);
	scripted_end(&server);
	for (int i = 0; i < 4; i++)
		CHECK(askers[i].ok);
	CHECK_INT(server.asked, 1);
}

TEST(a_token_that_is_good_is_handed_out_while_it_is_refreshed)
{
	struct asker slow;
	struct str token;
	struct err e;

	/* The second question is never answered: its asker is cut off. */
	SCRIPT(&server, TOKEN("\"expires_in\":3600,\"refresh_in\":10", "one"), HANG,
	    TOKEN("\"expires_in\":3600", "two"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_OK(get(NOW - 20000, &token, &e));
	CHECK(pthread_create(&slow.thread, NULL, ask, &slow) == 0);
	while (server.asked < 2)
		sched_yield();
	/* One asks and waits; nobody else does. */
	for (int i = 0; i < 3; i++) {
		CHECK_OK(get(NOW, &token, &e));
		CHECK_STR(token, "Bearer one");
	}
	CHECK_INT(server.asked, 2);
	atomic_store(&ending, true);
	pthread_join(slow.thread, NULL);
	atomic_store(&ending, false);
	CHECK(slow.ok);
	CHECK_OK(get(NOW + 30000, &token, &e));
	CHECK_STR(token, "Bearer two");
	scripted_end(&server);
}

/* ---- refusals ---- */

TEST(passing_trouble_is_told_from_refusals)
{
	struct str token;
	struct err e;

	SCRIPT(&server, ANSWER("410 Gone", "", ""), ANSWER("404 Not Found", "", ""),
	    ANSWER("429 Slow", "Retry-After: 7\r\n", ""), ANSWER("500 Oops", "", ""),
	    ANSWER("400 Bad", "",
		"{\"error\":\"invalid_request\",\"error_description\":\"Multiple "
		"user assigned identities exist\"}"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK(!get(NOW, &token, &e));
	CHECK(e.kind == ERR_AGAIN && e.retry_ms == 10000);
	CHECK(!get(NOW + 10000, &token, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK(!get(NOW + 10000, &token, &e));
	CHECK(e.kind == ERR_AGAIN && e.retry_ms == 7000);
	CHECK(!get(NOW + 17000, &token, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK(!get(NOW + 17000, &token, &e));
	scripted_end(&server);
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, "set client_id");
}

TEST(a_service_that_asked_for_a_rest_is_left_alone_so_long)
{
	struct str token;
	struct err e;

	SCRIPT(&server, ANSWER("429 Slow", "Retry-After: 7\r\n", ""),
	    TOKEN("\"expires_in\":3600", "one"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	CHECK(!get(NOW, &token, &e));
	CHECK(!get(NOW + 5000, &token, &e));
	CHECK(e.kind == ERR_AGAIN && e.retry_ms == 2000);
	CHECK_HAS(e.text, "answered 429");
	CHECK_INT(server.asked, 1);
	CHECK_OK(get(NOW + 7000, &token, &e));
	scripted_end(&server);
}

TEST(an_answer_without_a_usable_token_is_none)
{
	struct str token;
	struct err e;

	SCRIPT(&server, TOKEN("\"expires_in\":3600", "with space"), TOKEN("\"x\":1", "no-end"),
	    TOKEN("\"expires_in\":299", "short"), ANSWER("200 OK", "", "<html>"));
	begin(server.url, CREDENTIAL_MANAGED_IDENTITY);
	for (int i = 0; i < 4; i++) {
		CHECK(!get(NOW, &token, &e));
		CHECK_INT(e.kind, ERR_AGAIN);
		CHECK_HAS(e.text, "no token");
	}
	scripted_end(&server);
}

TEST(no_error_text_holds_the_secret)
{
	struct str token;
	struct err e;

	write_secret("hush-hush");
	SCRIPT(&server, CUT, ANSWER("401 No", "", "{\"error_description\":\"AADSTS7000222: x\"}"));
	begin(server.url, CREDENTIAL_CLIENT_SECRET);
	CHECK(!get(NOW, &token, &e));
	CHECK(strstr(e.text, "hush") == NULL);
	CHECK(!get(NOW, &token, &e));
	CHECK_HAS(e.text, "the client secret has expired");
	CHECK(strstr(e.text, "hush") == NULL);
	scripted_end(&server);
	CHECK_HAS(server.requests[0], "client_secret=hush-hush");
	CHECK_HAS(server.requests[0], "scope=https%3A%2F%2Fmanagement.azure.com%2F%2F.default");
	unlink(secret_file);
}
