/*
 * A managed identity, as the machine offers it:
 *	App Service, Functions, Container Apps	IDENTITY_ENDPOINT and IDENTITY_HEADER
 *	Azure Arc				a file that only its group may read proves who asks
 *	any other				the instance metadata service (IMDS)
 * Nothing here waits and asks again: a step that gets no token is done again later, after 1, 2, 4
 * ... seconds or as long as the service says.
 *
 * What can go wrong: no identity, several and none chosen, a place that we do not know (Service
 * Fabric), a challenge of Arc that leads elsewhere (ERR_DENIED); no answer, or not yet (ERR_AGAIN).
 */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "credential_internal.h"

#define ARC_AGENT "/opt/azcmagent/bin/himds"
#define ARC_ENDPOINT "http://127.0.0.1:40342/metadata/identity/oauth2/token"
#define ARC_KEY_MAX 4096
/* Only whether something is there: it answers 400 at once. */
#define PROBE_TIMEOUT_MS 1000

static const char no_identity[] = "check that this machine has a managed identity";

static const struct http_header metadata = { "Metadata", { "true", 4 } };

/* "?api-version=...&resource=...[&client_id=...]" */
static struct str
query(const struct sign_in *si, const char *version)
{
	struct str which = STR_EMPTY;

	if (si->own->client_id.n > 0)
		which = arena_printf(
		    si->a, "&client_id=%.*s", STR_ARG(http_escape(si->own->client_id, si->a)));
	return arena_printf(si->a, "?api-version=%s&resource=%.*s%.*s", version,
	    STR_ARG(http_escape(si->audience, si->a)), STR_ARG(which));
}

static bool
call(const struct sign_in *si, struct str url, const struct http_header *headers, size_t n,
    struct http_response *rs, struct err *e)
{
	struct http_request rq = { .method = "GET",
		.url = url,
		.headers = headers,
		.n_headers = n,
		.link_local = true,
		.timeout_ms = TOKEN_TIMEOUT_MS };

	return http_call(si->http, &rq, si->a, rs, e) || fail_in(e, "no token");
}

/* ---- the instance metadata service ---- */

static struct str
imds_url(const struct sign_in *si)
{
	struct str host = credential_env_url("AZURE_POD_IDENTITY_AUTHORITY_HOST");

	if (si->azure->has_imds || host.n == 0)
		host = si->azure->imds;
	return arena_printf(si->a, "%.*s/metadata/identity/oauth2/token", STR_ARG(host));
}

static bool
imds_ask(const struct sign_in *si, struct granted *out, struct err *e)
{
	static const struct speaker imds = { "the instance metadata service", true, no_identity };
	struct str url = arena_printf(
	    si->a, "%.*s%.*s", STR_ARG(imds_url(si)), STR_ARG(query(si, "2018-02-01")));
	struct http_response rs;

	return call(si, url, &metadata, 1, &rs, e) && answer_read(si, &rs, &imds, out, e);
}

/* Any answer will do, but that of a gateway that says there is no such place. */
static bool
imds_is_here(const struct sign_in *si)
{
	struct http_request rq = {
		.method = "GET", .url = imds_url(si), .timeout_ms = PROBE_TIMEOUT_MS
	};
	struct http_response rs;
	struct err ignored;

	return http_call(si->http, &rq, si->a, &rs, &ignored) &&
	       (rs.status != 403 || !str_has_nocase(rs.body, STR("unreachable")));
}

/* ---- App Service, Functions, Container Apps ---- */

static bool
app_service_ask(const struct sign_in *si, struct str endpoint, struct granted *out, struct err *e)
{
	static const struct speaker app_service = { "the identity endpoint of App Service", true,
		"check that this app has a managed identity, or set client_id" };
	struct http_header secret = { "X-IDENTITY-HEADER", credential_env("IDENTITY_HEADER") };
	struct str url =
	    arena_printf(si->a, "%.*s%.*s", STR_ARG(endpoint), STR_ARG(query(si, "2019-08-01")));
	struct http_response rs;

	if (credential_env("IDENTITY_SERVER_THUMBPRINT").n > 0)
		return fail(e, ERR_DENIED,
		    "no token: managed identities of Service Fabric are not supported");
	return call(si, url, &secret, 1, &rs, e) && answer_read(si, &rs, &app_service, out, e);
}

/* ---- Azure Arc ---- */

/* The file that the challenge names, only if it lies where the agent writes such files. */
static bool
arc_key_file(const struct http_response *rs, const char *folder, struct str *path, struct err *e)
{
	struct str challenge = http_get_header(rs, "www-authenticate"), name;
	struct str realm = STR("Basic realm=");

	if (rs->status != 401 || !str_starts_nocase(challenge, realm))
		return fail_again(
		    e, 0, "no token: the agent of Azure Arc answered %d, no challenge", rs->status);
	*path = str_slice(challenge, realm.n, challenge.n);
	if (path->n >= 2 && path->p[0] == '"' && path->p[path->n - 1] == '"')
		*path = str_slice(*path, 1, path->n - 1);
	name = str_slice(*path, strlen(folder) + 1, path->n);
	if (path->n <= strlen(folder) + 1 || memcmp(path->p, folder, strlen(folder)) != 0 ||
	    path->p[strlen(folder)] != '/' || memchr(name.p, '/', name.n) != NULL ||
	    name.n <= strlen(".key") || !str_ends_nocase(name, STR(".key")))
		return fail(e, ERR_DENIED,
		    "no token: the challenge of Azure Arc names no key in %s, not followed",
		    folder);
	return true;
}

/* Old agents do not know user-assigned identities and answer for the system's. */
static bool
is_echoed(const struct sign_in *si, const struct http_response *rs)
{
	struct err ignored;
	const struct json *j = json_parse(rs->body, si->a, &ignored);

	return si->own->client_id.n == 0 ||
	       str_eq_nocase(json_text(json_get(j, "client_id")), si->own->client_id);
}

bool
arc_ask(const struct sign_in *si, struct str endpoint, const char *folder, struct granted *out,
    struct err *e)
{
	static const struct speaker arc = { "the agent of Azure Arc", true, no_identity };
	struct http_header headers[] = { metadata, { "Authorization", STR_EMPTY } };
	struct str url =
	    arena_printf(si->a, "%.*s%.*s", STR_ARG(endpoint), STR_ARG(query(si, "2020-06-01")));
	struct str path, key;
	struct http_response rs;

	if (!call(si, url, headers, 1, &rs, e) || !arc_key_file(&rs, folder, &path, e))
		return false;
	if (!file_read(arena_cstr(si->a, path), ARC_KEY_MAX, si->a, &key, e)) {
		e->kind = ERR_DENIED;
		return fail_in(e, "no token: is the user of gridwarden in the group himds?");
	}
	headers[1].value = arena_printf(si->a, "Basic %.*s", STR_ARG(key));
	if (!call(si, url, headers, 2, &rs, e))
		return false;
	if (rs.status == 200 && !is_echoed(si, &rs))
		return fail(e, ERR_DENIED,
		    "no token: the agent of Azure Arc answered for another identity than "
		    "client_id: "
		    "a newer one knows user-assigned identities");
	return answer_read(si, &rs, &arc, out, e);
}

/* ---- which of them ---- */

static bool
is_arc(void)
{
	return (credential_env("IDENTITY_ENDPOINT").n > 0 &&
		   credential_env("IMDS_ENDPOINT").n > 0) ||
	       access(ARC_AGENT, X_OK) == 0;
}

static bool
is_app_service(void)
{
	return credential_env("IDENTITY_ENDPOINT").n > 0 && credential_env("IDENTITY_HEADER").n > 0;
}

static bool
is_here(const struct sign_in *si)
{
	return (!si->azure->has_imds && (is_app_service() || is_arc())) || imds_is_here(si);
}

static bool
ask(const struct sign_in *si, struct granted *out, struct err *e)
{
	struct str endpoint = credential_env("IDENTITY_ENDPOINT");

	if (si->azure->has_imds)
		return imds_ask(si, out, e);
	if (is_app_service())
		return app_service_ask(si, endpoint, out, e);
	if (is_arc())
		return arc_ask(
		    si, endpoint.n > 0 ? endpoint : STR(ARC_ENDPOINT), ARC_TOKENS, out, e);
	return imds_ask(si, out, e);
}

const struct token_source source_managed_identity = { "managed_identity", "managed identity",
	is_here, ask };
