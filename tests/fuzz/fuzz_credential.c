/*
 * azure/credential_*.c: answers of identity services.  A first line "secret" asks Entra, "arc" the
 * agent of Azure Arc, "cli" is what az prints, anything else the metadata service.
 *
 * What must hold: a token can stand in a header and is used again while it is good; a refusal says
 * whether to come again, and never the secret.
 */
#include <unistd.h>

#include "credential_internal.h"
#include "fuzz.h"

#define NOW_MS INT64_C(1764000000000)
#define SECRET "s3cr3t-0f-the-app1ication"

static char path[] = "/tmp/fuzz-secret-XXXXXX";

static void
remove_secret(void)
{
	unlink(path);
}

static struct settings_azure
settings_of(bool secret)
{
	static bool made;

	if (!made) {
		int fd = mkstemp(path);

		MUST(fd >= 0 && write(fd, SECRET "\n", strlen(SECRET) + 1) > 0);
		close(fd);
		atexit(remove_secret);
		made = true;
	}
	return (struct settings_azure){ .resource_manager = STR("https://management.azure.com"),
		.audience = STR("https://management.azure.com/"),
		.login = STR("https://login.microsoftonline.com"),
		.imds = STR("http://169.254.169.254"),
		.has_imds = true,
		.credential = {
		    .type = secret ? CREDENTIAL_CLIENT_SECRET : CREDENTIAL_MANAGED_IDENTITY,
		    .tenant = STR("t"),
		    .client_id = STR("c"),
		    .client_secret_file = str_of(path) } };
}

static void
check_granted(const struct granted *g)
{
	MUST(g->token.n > 0 && g->expires_ms - NOW_MS >= TOKEN_LEFT_MIN_MS);
	for (size_t i = 0; i < g->token.n; i++)
		MUST(g->token.p[i] > ' ' && g->token.p[i] <= '~');
}

/* Nothing is in the folder: a token comes only without a challenge, so never. */
static void
try_arc(const struct settings_azure *s, struct str answers, struct arena *arena)
{
	struct sign_in si = { s, &s->credential, NULL, s->audience, NOW_MS, arena };
	struct granted g;
	struct err e;

	scripted_answers(answers);
	MUST(!arc_ask(&si, STR("http://127.0.0.1:40342/x"), "/nonexistent/tokens", &g, &e));
	MUST(e.kind == ERR_AGAIN || e.kind == ERR_DENIED);
}

static void
try_cli(struct str printed, struct arena *arena)
{
	struct granted g;
	struct err e;

	if (cli_read(printed, NOW_MS, arena, &g, &e))
		check_granted(&g);
	else
		MUST(e.kind == ERR_AGAIN);
}

static void
check_token(struct str authorization)
{
	MUST(str_starts_nocase(authorization, STR("Bearer ")) && authorization.n > 7);
	for (size_t i = 7; i < authorization.n; i++)
		MUST(authorization.p[i] > ' ' && authorization.p[i] <= '~');
}

FUZZ(input)
{
	struct str rest = input, first = take_line(&rest), token, again;
	struct settings_azure s = settings_of(str_is(first, "secret"));
	struct credential *c;
	int64_t now_ms = NOW_MS;
	struct err e;

	if (str_is(first, "cli") || str_is(first, "arc")) {
		if (str_is(first, "arc"))
			try_arc(&s, rest, arena);
		else
			try_cli(rest, arena);
		return;
	}
	c = credential_new(&s);
	scripted_answers(rest);
	for (int i = 0; i < 4; i++, now_ms += 7 * 3600 * INT64_C(1000)) {
		if (credential_get(c, NULL, s.audience, now_ms, arena, &token, &e)) {
			check_token(token);
			MUST(credential_get(c, NULL, s.audience, now_ms, arena, &again, &e));
		} else {
			MUST(e.kind == ERR_AGAIN || e.kind == ERR_DENIED);
			MUST(e.retry_ms >= 0 || e.kind == ERR_DENIED);
			/* libFuzzer learns the word from this comparison and plays the echo. */
			MUST(strstr(e.text, SECRET) == NULL || str_has_nocase(input, STR(SECRET)));
		}
	}
	credential_free(c);
}
