/*
 * Happy path: the tenant's v2.0 token endpoint is shown a proof of who we are: a secret, an
 * assertion signed with a certificate, or the token of a workload that the application trusts.
 * Each is read for each token: what was renewed is used without a restart.
 * What can go wrong: no file, a file that is no proof, a part that neither the settings nor the
 * environment have (ERR_DENIED), and what Entra says.
 */
#include <stdlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "core/assertion.h"
#include "credential_internal.h"

#define TOKEN_FILE "/var/run/secrets/azure/tokens/azure-identity-token"
#define APPLICATION "application"
#define JWT_BEARER "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* Who signs in. */
struct application {
	struct str login, tenant, client_id;
};

struct str
credential_env(const char *name)
{
	return str_of(getenv(name));
}

struct str
credential_env_url(const char *name)
{
	return str_trim_end(credential_env(name), '/');
}

static struct str
or_env(struct str setting, const char *name)
{
	return setting.n > 0 ? setting : credential_env(name);
}

static struct application
of_settings(const struct sign_in *si)
{
	return (struct application){ si->azure->login, si->own->tenant, si->own->client_id };
}

static bool
of_environment(const struct sign_in *si, struct application *app, struct err *e)
{
	struct str login = credential_env_url("AZURE_AUTHORITY_HOST");

	*app = (struct application){
		.login = si->azure->has_login || login.n == 0 ? si->azure->login : login,
		.tenant = or_env(si->own->tenant, "AZURE_TENANT_ID"),
		.client_id = or_env(si->own->client_id, "AZURE_CLIENT_ID"),
	};
	if (app->tenant.n == 0)
		return fail(e, ERR_DENIED, "no token: neither a tenant is set nor AZURE_TENANT_ID");
	if (app->client_id.n == 0)
		return fail(
		    e, ERR_DENIED, "no token: neither a client_id is set nor AZURE_CLIENT_ID");
	return true;
}

static struct str
endpoint_of(const struct application *app, struct arena *a)
{
	return arena_printf(a, "%.*s/%.*s/oauth2/v2.0/token", STR_ARG(app->login),
	    STR_ARG(http_escape(app->tenant, a)));
}

/* ---- files ---- */

static bool
read_line(const char *key, struct str file, struct arena *a, struct str *out, struct err *e)
{
	if (file_read_secret(arena_cstr(a, file), a, out, e))
		return true;
	e->kind = ERR_DENIED;
	return fail_in(e, "%s", key);
}

static bool
sign_with(
    const struct assertion *as, struct str file, struct arena *a, struct str *jwt, struct err *e)
{
	const char *path = arena_cstr(a, file);
	struct str pem;

	if (file_read(path, ASSERTION_PEM_MAX, a, &pem, e) &&
	    (assertion_sign(as, pem, a, jwt, e) || fail_in(e, "%s", path)))
		return true;
	e->kind = ERR_DENIED;
	return fail_in(e, "client_certificate_file");
}

static bool
is_ours(struct str file)
{
	return file.n > 0 && (!str_starts_nocase(file, STR(FILE_CREDENTIAL)) ||
				 credential_env("CREDENTIALS_DIRECTORY").n > 0);
}

bool
credential_try_files(
    const struct settings_credential *s, int64_t now_ms, struct arena *a, struct err *e)
{
	struct assertion as = {
		.client_id = s->client_id, .audience = STR_EMPTY, .id = STR_EMPTY, .now_ms = now_ms
	};
	struct str ignored;

	if (is_ours(s->client_secret_file))
		return read_line("client_secret_file", s->client_secret_file, a, &ignored, e);
	if (is_ours(s->federated_token_file))
		return read_line("federated_token_file", s->federated_token_file, a, &ignored, e);
	return !is_ours(s->client_certificate_file) ||
	       sign_with(&as, s->client_certificate_file, a, &ignored, e);
}

/* ---- asking the tenant ---- */

/* proof: the fields of the form that are the secret. */
static bool
ask_tenant(const struct sign_in *si, const struct application *app, struct str proof,
    const char *advice, struct granted *out, struct err *e)
{
	static const struct http_header form = { "Content-Type",
		{ "application/x-www-form-urlencoded", 33 } };
	struct http_request rq = { .method = "POST", .headers = &form, .n_headers = 1 };
	struct speaker entra = { "Microsoft Entra ID", false, advice };
	struct http_response rs;
	struct str scope = arena_printf(si->a, "%.*s/.default", STR_ARG(si->audience));

	rq.url = endpoint_of(app, si->a);
	rq.body =
	    arena_printf(si->a, "grant_type=client_credentials&client_id=%.*s&scope=%.*s&%.*s",
		STR_ARG(http_escape(app->client_id, si->a)), STR_ARG(http_escape(scope, si->a)),
		STR_ARG(proof));
	rq.has_body = true;
	rq.timeout_ms = TOKEN_TIMEOUT_MS;
	if (!http_call(si->http, &rq, si->a, &rs, e))
		return fail_in(e, "no token");
	return answer_read(si, &rs, &entra, out, e);
}

/* ---- a secret ---- */

static bool
show_secret(const struct sign_in *si, const struct application *app, struct str secret,
    struct granted *out, struct err *e)
{
	struct str proof =
	    arena_printf(si->a, "client_secret=%.*s", STR_ARG(http_escape(secret, si->a)));

	return ask_tenant(si, app, proof, "check tenant, client_id and client_secret_file", out, e);
}

static bool
ask_with_secret(const struct sign_in *si, struct granted *out, struct err *e)
{
	struct application app = of_settings(si);
	struct str secret;

	return read_line("client_secret_file", si->own->client_secret_file, si->a, &secret, e) &&
	       show_secret(si, &app, secret, out, e);
}

/* ---- a certificate ---- */

static bool
show_assertion(const struct sign_in *si, const struct application *app, struct str assertion,
    const char *advice, struct granted *out, struct err *e)
{
	struct str proof = arena_printf(si->a, "client_assertion_type=%.*s&client_assertion=%.*s",
	    STR_ARG(http_escape(STR(JWT_BEARER), si->a)), STR_ARG(http_escape(assertion, si->a)));

	return ask_tenant(si, app, proof, advice, out, e);
}

static bool
show_certificate(const struct sign_in *si, const struct application *app, struct str file,
    bool send_chain, struct granted *out, struct err *e)
{
	char id[UUID_MAX];
	struct assertion as = { .client_id = app->client_id,
		.audience = endpoint_of(app, si->a),
		.id = str_of(uuid_random(id)),
		.now_ms = si->now_ms,
		.send_chain = send_chain };
	struct str jwt;

	return sign_with(&as, file, si->a, &jwt, e) &&
	       show_assertion(
		   si, app, jwt, "check tenant, client_id and client_certificate_file", out, e);
}

static bool
ask_with_certificate(const struct sign_in *si, struct granted *out, struct err *e)
{
	struct application app = of_settings(si);

	return show_certificate(
	    si, &app, si->own->client_certificate_file, si->own->send_certificate_chain, out, e);
}

/* ---- the token of a workload ---- */

static bool
workload_is_here(const struct sign_in *si)
{
	return or_env(si->own->federated_token_file, "AZURE_FEDERATED_TOKEN_FILE").n > 0 &&
	       or_env(si->own->tenant, "AZURE_TENANT_ID").n > 0 &&
	       or_env(si->own->client_id, "AZURE_CLIENT_ID").n > 0;
}

static bool
ask_as_workload(const struct sign_in *si, struct granted *out, struct err *e)
{
	struct str file = or_env(si->own->federated_token_file, "AZURE_FEDERATED_TOKEN_FILE");
	struct application app;
	struct str token;

	if (!of_environment(si, &app, e))
		return false;
	if (file.n == 0)
		file = STR(TOKEN_FILE);
	return read_line("federated_token_file", file, si->a, &token, e) &&
	       show_assertion(si, &app, token,
		   "check tenant, client_id and the federated credentials of the application", out,
		   e);
}

/* ---- what the environment has, for the chain "default" ---- */

static bool
environment_is_here(const struct sign_in *si)
{
	return or_env(si->own->tenant, "AZURE_TENANT_ID").n > 0 &&
	       or_env(si->own->client_id, "AZURE_CLIENT_ID").n > 0 &&
	       (credential_env("AZURE_CLIENT_SECRET").n > 0 ||
		   credential_env("AZURE_CLIENT_CERTIFICATE_PATH").n > 0);
}

static bool
ask_by_environment(const struct sign_in *si, struct granted *out, struct err *e)
{
	struct str secret = credential_env("AZURE_CLIENT_SECRET");
	struct str chain = credential_env("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
	struct application app;

	if (!of_environment(si, &app, e))
		return false;
	if (secret.n > 0)
		return show_secret(si, &app, secret, out, e);
	return show_certificate(si, &app, credential_env("AZURE_CLIENT_CERTIFICATE_PATH"),
	    str_is_nocase(chain, "true") || str_is(chain, "1"), out, e);
}

const struct token_source source_client_secret = { "client_secret", APPLICATION, NULL,
	ask_with_secret };
const struct token_source source_client_certificate = { "client_certificate", APPLICATION, NULL,
	ask_with_certificate };
const struct token_source source_workload_identity = { "workload_identity", APPLICATION,
	workload_is_here, ask_as_workload };
const struct token_source source_environment = { "the environment", APPLICATION,
	environment_is_here, ask_by_environment };
