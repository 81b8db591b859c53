/*
 * azure/credential.c: answers of the identity service.  A first line "secret" asks Entra, anything
 * else the metadata service.
 *
 * What must hold: a token can stand in a header and is used again while it is good; a refusal says
 * whether to come again, and never the secret.
 */
#include <unistd.h>

#include "azure/credential.h"
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
		.credential = secret ? CREDENTIAL_CLIENT_SECRET : CREDENTIAL_MANAGED_IDENTITY,
		.tenant = STR("t"),
		.client_id = STR("c"),
		.client_secret_file = str_of(path) };
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
	struct str rest = input, token, again;
	struct settings_azure s = settings_of(str_is(take_line(&rest), "secret"));
	struct credential *c = credential_new(&s);
	int64_t now_ms = NOW_MS;
	struct err e;

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
