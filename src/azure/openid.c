/*
 * Happy path: metadata document, the address of the keys in it, the keys.
 * What can go wrong: no answer, another status, no JSON, an issuer that is not ours, keys on
 * another host.  All of it is passing trouble for the caller: what was fetched before stays good.
 */
#include "azure/openid.h"

#include "base/json.h"

#define OPENID_TIMEOUT_MS 15000

static bool
get(struct http *http, struct str url, struct arena *a, struct http_response *rs, struct err *e)
{
	struct http_request rq = {
		.method = "GET", .url = url, .body = STR_EMPTY, .timeout_ms = OPENID_TIMEOUT_MS
	};

	if (!http_call(http, &rq, a, rs, e))
		return false;
	if (rs->status != 200)
		return fail_again(e, 0, "%.*s answered %d", STR_ARG(url), rs->status);
	return true;
}

/* A document of another cloud or tenant would give keys that fit no token. */
static bool
issuer_is_ours(
    const struct settings_entra *en, enum jwt_version v, struct str issuer, struct err *e)
{
	for (size_t i = 0; i < en->n_issuers[v]; i++)
		if (str_eq(en->issuers[v][i], issuer))
			return true;
	return fail(e, ERR_INPUT,
	    "it says that the issuer is '%.*s'; when that is right, name it as auth.entra.issuer",
	    STR_ARG(issuer));
}

static bool
is_on(struct str login, struct str url, struct arena *a)
{
	struct str ours, theirs;

	return http_origin(login, a, &ours) && http_origin(url, a, &theirs) && str_eq(ours, theirs);
}

static bool
read_document(const struct settings *s, enum jwt_version v, struct str body, struct arena *a,
    struct str *keys_url, struct err *e)
{
	const struct json *j = json_parse(body, a, e);
	struct str found = json_text(json_get(j, "jwks_uri"));

	if (j == NULL || !issuer_is_ours(&s->auth.entra, v, json_text(json_get(j, "issuer")), e))
		return false;
	if (!is_on(s->azure.login, found, a))
		return fail(e, ERR_INPUT,
		    "its jwks_uri is not on the login host, not followed: '%.*s'", STR_ARG(found));
	if (!http_url_allowed(found, e))
		return false;
	*keys_url = found;
	return true;
}

bool
openid_fetch_keys(struct http *http, const struct settings *s, enum jwt_version version,
    struct arena *a, struct str *keys, int64_t *server_ms, struct err *e)
{
	struct str url =
	    arena_printf(a, "%.*s/%.*s%s/.well-known/openid-configuration", STR_ARG(s->azure.login),
		STR_ARG(http_escape(s->auth.entra.tenant, a)), version == JWT_V2 ? "/v2.0" : "");
	struct http_response rs;
	struct str keys_url;

	if (!get(http, url, a, &rs, e))
		return false;
	if (!read_document(s, version, rs.body, a, &keys_url, e))
		return fail_in(e, "%.*s", STR_ARG(url));
	if (!get(http, keys_url, a, &rs, e))
		return false;
	*keys = rs.body;
	*server_ms = http_date_ms(&rs);
	return true;
}
