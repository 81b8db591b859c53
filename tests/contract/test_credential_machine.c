/* Tokens that the machine gives, but for the metadata service (test_credential.c). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "credential_world.h"

/* ---- managed identities of other machines ---- */

TEST(an_app_of_app_service_gives_a_token)
{
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	settings.has_imds = false;
	setenv("IDENTITY_ENDPOINT", arena_printf(arena, "%s/msi/token", azure.url).p, 1);
	setenv("IDENTITY_HEADER", "wrong", 1);
	check_denied("the identity endpoint of App Service answered 401");
	setenv("IDENTITY_HEADER", "emulated-app-service", 1);
	CHECK_OK(get_anew(&token, &e));
	settings.credential.client_id = STR(USER_ASSIGNED);
	CHECK_OK(get_anew(&token, &e));
	CHECK_STR(json_text(json_at(emulator_call(&azure, "app_service", 0), "query.client_id")),
	    USER_ASSIGNED);
	setenv("IDENTITY_SERVER_THUMBPRINT", "ab", 1);
	check_denied("Service Fabric are not supported");
	emulator_stop(&azure);
}

TEST(the_metadata_service_of_the_settings_is_asked_whatever_the_environment_says)
{
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token", 1);
	setenv("IDENTITY_HEADER", "x", 1);
	CHECK_OK(get(&token, &e));
	no_environment();
	settings.has_imds = false;
	settings.imds = STR("http://127.0.0.1:1");
	setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", arena_printf(arena, "%s/", azure.url).p, 1);
	CHECK_OK(get_anew(&token, &e));
	emulator_stop(&azure);
}

static bool
ask_arc(struct granted *out, struct err *e)
{
	struct sign_in si = { &settings, &settings.credential, http, AUDIENCE, clock_now_ms(),
		arena };

	return arc_ask(&si, arena_printf(arena, "%s/arc/metadata/identity/oauth2/token", azure.url),
	    folder, out, e);
}

static void
arc_is(const char *realm, bool old)
{
	emulator_control(&azure, "POST", "settings",
	    arena_printf(arena, "{\"arc_tokens\":\"%s\",\"arc_realm\":%s,\"arc_is_old\":%s}",
		folder, realm, old ? "true" : "false")
		.p);
}

static void
arc_denied(const char *words)
{
	struct granted g;
	struct err e;

	CHECK(!ask_arc(&g, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, words);
}

TEST(the_challenge_of_azure_arc_is_answered_with_its_key)
{
	struct granted g;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	arc_is("null", false);
	CHECK_OK(ask_arc(&g, &e));
	CHECK(g.token.n > 100 && g.expires_ms > clock_now_ms());
	settings.credential.client_id = STR(USER_ASSIGNED);
	CHECK_OK(ask_arc(&g, &e));
	arc_is("null", true);
	arc_denied("answered for another identity than client_id");
	emulator_stop(&azure);
}

TEST(a_challenge_of_azure_arc_that_leads_elsewhere_is_not_followed)
{
	static const char *const elsewhere[] = { "\"/etc/shadow\"", "\"/etc/x.key\"",
		"\"%s/../x.key\"", "\"%s/a/x.key\"", "\"%s/x.pem\"", "\"%s/.key\"", "\"%sx/y.key\"",
		"\" \"" };

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		struct str text = str_of(elsewhere[i]);

		if (memcmp(text.p, "\"%s", 3) == 0)
			text = arena_printf(
			    arena, "\"%s%.*s", folder, STR_ARG(str_slice(text, 3, text.n)));
		arc_is(text.p, false);
		arc_denied("names no key in");
	}
	write_text("large.key", arena_printf(arena, "%05000d", 7).p);
	arc_is(arena_printf(arena, "\"%s/large.key\"", folder).p, false);
	arc_denied("is larger than 4096 bytes");
	arc_is(arena_printf(arena, "\"%s/gone.key\"", folder).p, false);
	arc_denied("is the user of gridwarden in the group himds?");
	emulator_stop(&azure);
}

TEST(the_place_of_azure_arcs_keys_is_fixed)
{
	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	settings.has_imds = false;
	arc_is("null", false);
	setenv("IMDS_ENDPOINT", azure.url, 1);
	setenv("IDENTITY_ENDPOINT",
	    arena_printf(arena, "%s/arc/metadata/identity/oauth2/token", azure.url).p, 1);
	check_denied("names no key in /var/opt/azcmagent/tokens, not followed");
	emulator_stop(&azure);
}

/* ---- the Azure CLI ---- */

TEST(the_azure_cli_gives_a_token)
{
	struct str token;
	struct err e;

	begin("http://127.0.0.1:1", CREDENTIAL_AZURE_CLI);
	settings.credential.tenant = STR("; touch /tmp/no");
	write_az(arena_printf(arena,
	    "printf '%%s\\n' \"$PWD\" \"$@\" > %s/said\n"
	    "echo '{\"accessToken\": \"from-az\", \"expires_on\": 4102444800}'",
	    folder)
		     .p);
	CHECK_OK(get(&token, &e));
	CHECK_STR(token, "Bearer from-az");
	CHECK_OK(file_read(path_of("said").p, 4096, arena, &token, &e));
	CHECK_STR(token, "/\naccount\nget-access-token\n--output\njson\n--resource\n"
			 "https://management.azure.com/\n--tenant\n; touch /tmp/no\n");
	end_az();
}

TEST(what_az_says_when_it_fails_is_told_but_never_what_it_prints)
{
	struct str token;
	struct err e;

	begin("http://127.0.0.1:1", CREDENTIAL_AZURE_CLI);
	write_az("echo hush; echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1");
	check_denied("nobody has signed in: run 'az login'");
	write_az("echo '{\"accessToken\": \"hush hush\", \"expires_on\": 4102444800}'");
	CHECK(!get_anew(&token, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK(strstr(e.text, "hush") == NULL);
	write_az("echo hush; echo broken >&2; exit 3");
	CHECK(!get_anew(&token, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "az ended with 3: broken");
	CHECK(strstr(e.text, "hush") == NULL);
	end_az();
}

static atomic_bool ending_now;

/* As soon as az has written into its pipe. */
static void *
end_when_it_runs(void *arg)
{
	struct pollfd p = { *(int *)arg, POLLIN, 0 };
	char bytes[8];

	CHECK(poll(&p, 1, 10000) == 1 && read(p.fd, bytes, sizeof(bytes)) == 2);
	atomic_store(&ending_now, true);
	return NULL;
}

TEST(an_azure_cli_that_hangs_is_ended_with_all_it_started_when_we_end)
{
	struct str token;
	struct err e;
	struct pollfd p = { .events = POLLIN };
	pthread_t killer;
	int64_t began = clock_mono_ms();
	char byte;
	int fd;

	begin("http://127.0.0.1:1", CREDENTIAL_AZURE_CLI);
	CHECK(mkfifo(path_of("alive").p, 0600) == 0);
	fd = open(path_of("alive").p, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	write_az(
	    arena_printf(arena, "exec 9>%s/alive\necho x >&9\nsleep 1000; sleep 1000", folder).p);
	CHECK(pthread_create(&killer, NULL, end_when_it_runs, &fd) == 0);
	http_obey(http, &ending_now);
	CHECK(!get(&token, &e));
	http_obey(http, NULL);
	pthread_join(killer, NULL);
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "az was cut off, since we are ending");
	CHECK(clock_mono_ms() - began < 10000);
	/* Nobody holds the pipe open any more: script and child are gone. */
	p.fd = fd;
	CHECK(poll(&p, 1, 10000) == 1 && read(fd, &byte, 1) == 0);
	close(fd);
	end_az();
}

TEST(without_an_azure_cli_the_refusal_says_so)
{
	begin("http://127.0.0.1:1", CREDENTIAL_AZURE_CLI);
	path_before = path_before == NULL ? xstrdup(getenv("PATH")) : path_before;
	setenv("PATH", "/nonexistent", 1);
	check_denied("there is no az (Azure CLI) in PATH");
	setenv("PATH", path_before, 1);
}

TEST(the_end_of_a_token_of_older_clis_is_local_time)
{
	struct granted g;
	struct err e;
	char *zone = getenv("TZ") == NULL ? NULL : xstrdup(getenv("TZ"));

	begin("http://127.0.0.1:1", CREDENTIAL_AZURE_CLI);
	setenv("TZ", "XXX-2", 1);
	tzset();
	CHECK(!cli_read(STR("{\"accessToken\":\"t\",\"expiresOn\":\"soon\"}"), 0, arena, &g, &e));
	CHECK_OK(
	    cli_read(STR("{\"accessToken\":\"t\",\"expiresOn\":\"2026-11-23 23:04:55.000000\"}"),
		INT64_C(1795460000000), arena, &g, &e));
	CHECK(g.expires_ms == INT64_C(1795467895000));
	/* The newer field wins. */
	CHECK_OK(cli_read(STR("{\"accessToken\":\"t\",\"expires_on\":1795467896,"
			      "\"expiresOn\":\"2026-11-23 23:04:55.000000\"}"),
	    INT64_C(1795460000000), arena, &g, &e));
	CHECK(g.expires_ms == INT64_C(1795467896000));
	if (zone == NULL)
		unsetenv("TZ");
	else
		setenv("TZ", zone, 1);
	tzset();
	free(zone);
}
