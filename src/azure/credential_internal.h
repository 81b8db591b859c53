/*
 * Between credential.c, which keeps tokens, and the files that know where tokens come from.
 */
#ifndef AZURE_CREDENTIAL_INTERNAL_H
#define AZURE_CREDENTIAL_INTERNAL_H

#include <stdatomic.h>

#include "azure/credential.h"
#include "base/json.h"

/* A token with less left than this is not used: a call may take long to arrive. */
#define TOKEN_LEFT_MIN_MS (300 * INT64_C(1000))
#define TOKEN_MAX (64 * 1024)
/* An identity service is near or it is down. */
#define TOKEN_TIMEOUT_MS 15000

/* One question for a token. */
struct sign_in {
	const struct settings_azure *azure;
	const struct settings_credential *own;
	struct http *http;
	struct str audience;
	int64_t now_ms;
	struct arena *a;
};

struct granted {
	struct str token;
	int64_t expires_ms;
	int64_t refresh_ms; /* 0 = the service did not say */
};

/*
 * Where tokens come from.  ask: ERR_AGAIN when the service is in trouble, ERR_DENIED when it
 * refuses us or the settings cannot be used: only a person can mend that.
 */
struct token_source {
	const char *name;
	const char *who; /* signs in so, as a person would say it */
	/* For the chain "default": is there such a thing on this machine? */
	bool (*is_here)(const struct sign_in *si);
	bool (*ask)(const struct sign_in *si, struct granted *out, struct err *e);
};

extern const struct token_source source_managed_identity;
extern const struct token_source source_client_secret;
extern const struct token_source source_client_certificate;
extern const struct token_source source_workload_identity;
extern const struct token_source source_environment;
extern const struct token_source source_azure_cli;

/* "" when it is not set. */
struct str credential_env(const char *name);
/* To be joined with a path: without slashes at its end. */
struct str credential_env_url(const char *name);

/* ---- credential_answer.c: what identity services say ---- */

struct speaker {
	const char *name;
	bool is_local; /* of this machine: 404 and 410 pass, it is being updated */
	const char *advice;
};

/* The answer of a service, whatever its status. */
bool answer_read(const struct sign_in *si, const struct http_response *rs,
    const struct speaker *who, struct granted *out, struct err *e) MUST_CHECK;
/* Seconds as a number, a number in a string, or a time as text. */
bool answer_seconds(const struct json *j, struct arena *a, int64_t *out) MUST_CHECK;
/* A token that may be used: it fits into a header and lives long enough. */
bool granted_check(const struct granted *g, int64_t now_ms, struct err *e) MUST_CHECK;

/* ---- credential_managed.c ---- */

/* Azure Arc shows who may have tokens by who can read a file in this folder. */
#define ARC_TOKENS "/var/opt/azcmagent/tokens"
bool arc_ask(const struct sign_in *si, struct str endpoint, const char *folder, struct granted *out,
    struct err *e) MUST_CHECK;

/* ---- credential_cli.c ---- */

/* What `az` printed, as a token. */
bool cli_read(struct str text, int64_t now_ms, struct arena *a, struct granted *out,
    struct err *e) MUST_CHECK;

/* ---- credential_default.c ---- */

/* The one that was chosen; NULL = none yet. */
const struct token_source *default_source(const atomic_int *chosen);
/*
 * Ask the first source that is here; *chosen (-1 = none yet) is kept once it gave a token, and
 * logged.
 */
bool default_ask(
    const struct sign_in *si, atomic_int *chosen, struct granted *out, struct err *e) MUST_CHECK;

#endif
