/*
 * An emulator, a credential of one type, and files for it.
 */
#ifndef TESTS_CREDENTIAL_WORLD_H
#define TESTS_CREDENTIAL_WORLD_H

#include <sys/stat.h>

#include "azure/credential_internal.h"
#include "base/clock.h"
#include "base/file.h"
#include "certificates.h"
#include "emulator.h"
#include "folder.h"

#define AUDIENCE STR("https://management.azure.com/")
#define TENANT "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"
#define CLIENT "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11"
#define USER_ASSIGNED "9a7f4b6d-8c3e-4d15-b0a2-5e6c7d8f9a31"
#define KUBERNETES "https://oidc.example/cluster/"

static struct emulator azure;
static struct settings_azure settings;
static struct credential *credential;
static struct http *http;
static struct arena *arena;

/* The environment of another test says nothing here. */
static inline void
no_environment(void)
{
	static const char *const names[] = { "AZURE_TENANT_ID", "AZURE_CLIENT_ID",
		"AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
		"AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST", "AZURE_TOKEN_CREDENTIALS",
		"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT",
		"IMDS_ENDPOINT", "AZURE_POD_IDENTITY_AUTHORITY_HOST",
		"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

static inline void
begin(const char *url, enum credential_type type)
{
	struct err e;

	if (arena == NULL) {
		CHECK_OK(http_global_init(&e));
		arena = arena_new();
		http = http_new(NULL);
		folder_make("gridwarden-sources");
	}
	no_environment();
	settings = (struct settings_azure){ .login = str_of(url),
		.imds = str_of(url),
		.has_login = true,
		.has_imds = true,
		.credential = { .type = type } };
	if (type == CREDENTIAL_CLIENT_CERTIFICATE || type == CREDENTIAL_WORKLOAD_IDENTITY) {
		settings.credential.tenant = STR(TENANT);
		settings.credential.client_id = STR(CLIENT);
	}
	credential_free(credential);
	credential = credential_new(&settings);
}

static inline struct str
path_of(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static inline void
write_text(const char *name, const char *text)
{
	file_write(path_of(name).p, text, strlen(text));
}

static inline bool
get(struct str *out, struct err *e)
{
	return credential_get(credential, http, AUDIENCE, clock_now_ms(), arena, out, e);
}

static inline bool
get_anew(struct str *out, struct err *e)
{
	credential_drop(credential, AUDIENCE);
	return get(out, e);
}

static inline void
check_denied(const char *words)
{
	struct str token;
	struct err e;

	CHECK(!get_anew(&token, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, words);
}

static char *path_before;

/* A program `az` of these lines of shell, alone in PATH but for the system's own. */
static inline void
write_az(const char *lines)
{
	if (path_before == NULL)
		path_before = xstrdup(getenv("PATH"));
	write_text("az", arena_printf(arena, "#!/bin/sh\n%s\n", lines).p);
	CHECK(chmod(path_of("az").p, 0700) == 0);
	setenv("PATH", arena_printf(arena, "%s:/usr/bin:/bin", folder).p, 1);
}

static inline void
end_az(void)
{
	setenv("PATH", path_before, 1);
	unlink(path_of("az").p);
}

#endif
