#include "credential_tenant.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "core/assertion.h"

#define PEM_MAX ((size_t)64 * 1024)
#define ASSERTION                                                                       \
	"client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type" \
	"%%3Ajwt-bearer&client_assertion=%.*s"

/* Who asks, where: the settings, and for a workload what its environment says. */
struct asking {
	const struct settings_azure *s;
	struct str tenant, client_id, token_file;
	struct str url;
	int64_t now_ms;
	struct arena *arena;
};

static struct str
or_environment(struct str value, const char *name, struct arena *a)
{
	const char *set = value.n > 0 ? NULL : getenv(name);

	return set == NULL ? value : arena_str(a, str_of(set));
}

/* https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
 */
static void
ask_environment(struct asking *q)
{
	q->tenant = or_environment(q->tenant, "AZURE_TENANT_ID", q->arena);
	q->client_id = or_environment(q->client_id, "AZURE_CLIENT_ID", q->arena);
	q->token_file = or_environment(q->token_file, "AZURE_FEDERATED_TOKEN_FILE", q->arena);
}

static bool
denied(struct err *e, const char *file)
{
	e->kind = ERR_DENIED;
	return fail_in(e, "azure.credential.%s", file);
}

static bool
prove_by_secret(const struct asking *q, struct str *proof, struct err *e)
{
	struct arena *a = q->arena;
	struct str secret;

	if (!file_read_secret(arena_cstr(a, q->s->client_secret_file), a, &secret, e))
		return denied(e, "client_secret_file");
	*proof = arena_printf(a, "client_secret=%.*s", STR_ARG(http_escape(secret, a)));
	return true;
}

static bool
prove_by_certificate(const struct asking *q, struct str *proof, struct err *e)
{
	struct arena *a = q->arena;
	char jti[UUID_MAX];
	struct assertion c = { .audience = q->url,
		.client_id = q->client_id,
		.jti = str_of(uuid_random(jti)),
		.now_ms = q->now_ms,
		.send_chain = q->s->send_chain };
	struct str pem, token;

	if (!file_read(arena_cstr(a, q->s->certificate_file), PEM_MAX, a, &pem, e) ||
	    !assertion_make(&c, pem, a, &token, e))
		return denied(e, "certificate_file");
	*proof = arena_printf(a, ASSERTION, STR_ARG(token));
	return true;
}

static bool
prove_by_workload(const struct asking *q, struct str *proof, struct err *e)
{
	struct arena *a = q->arena;
	struct str token;

	if (q->tenant.n == 0 || q->client_id.n == 0 || q->token_file.n == 0)
		return fail(e, ERR_DENIED,
		    "azure.credential: workload_identity needs tenant, client_id and token_file, "
		    "in the settings or as AZURE_TENANT_ID, AZURE_CLIENT_ID and "
		    "AZURE_FEDERATED_TOKEN_FILE");
	if (!file_read_secret(arena_cstr(a, q->token_file), a, &token, e))
		return denied(e, "token_file");
	*proof = arena_printf(a, ASSERTION, STR_ARG(http_escape(token, a)));
	return true;
}

static bool
prove(const struct asking *q, struct str *proof, struct err *e)
{
	switch (q->s->credential) {
	case CREDENTIAL_CLIENT_CERTIFICATE:
		return prove_by_certificate(q, proof, e);
	case CREDENTIAL_WORKLOAD_IDENTITY:
		return prove_by_workload(q, proof, e);
	case CREDENTIAL_CLIENT_SECRET:
	case CREDENTIAL_MANAGED_IDENTITY:
		break;
	}
	return prove_by_secret(q, proof, e);
}

bool
tenant_ask(const struct settings_azure *s, struct http *http, struct str audience, int64_t now_ms,
    struct arena *a, struct http_response *rs, struct err *e)
{
	static const struct http_header form = { "Content-Type",
		{ "application/x-www-form-urlencoded", 33 } };
	struct http_request rq = { .method = "POST", .headers = &form, .n_headers = 1 };
	struct asking q = { .s = s,
		.tenant = s->tenant,
		.client_id = s->client_id,
		.token_file = s->token_file,
		.now_ms = now_ms,
		.arena = a };
	struct str scope = arena_printf(a, "%.*s/.default", STR_ARG(audience)), proof;

	if (s->credential == CREDENTIAL_WORKLOAD_IDENTITY)
		ask_environment(&q);
	q.url = arena_printf(
	    a, "%.*s/%.*s/oauth2/v2.0/token", STR_ARG(s->login), STR_ARG(http_escape(q.tenant, a)));
	if (!prove(&q, &proof, e))
		return false;
	rq.url = q.url;
	rq.body = arena_printf(a, "grant_type=client_credentials&client_id=%.*s&%.*s&scope=%.*s",
	    STR_ARG(http_escape(q.client_id, a)), STR_ARG(proof), STR_ARG(http_escape(scope, a)));
	rq.has_body = true;
	rq.timeout_ms = TOKEN_TIMEOUT_MS;
	return http_call(http, &rq, a, rs, e);
}
