/*
 * azure/openid.c: a line "v1" or "v2", then the answers to the metadata document and to the keys,
 * as scripted_http.c reads them.
 *
 * What must hold: two plain GETs at most, the first to the tenant's document, both on the login
 * host and nowhere else, without a credential; keys come out only of a document whose issuer is
 * ours, as they are; a refusal says which of the two addresses is to blame.
 */
#include "azure/openid.h"

#include "base/json.h"
#include "core/signing_keys.h"
#include "fuzz.h"

#define LOGIN "https://login.microsoftonline.com"
#define TENANT "11111111-aaaa-bbbb-cccc-222222222222"
#define DOCUMENT LOGIN "/" TENANT "/.well-known/openid-configuration"
#define DOCUMENT_V2 LOGIN "/" TENANT "/v2.0/.well-known/openid-configuration"
/* The year 36812, the last of http_date_ms(). */
#define DATE_MS_MAX ((INT64_C(1) << 40) * 1000)

static struct {
	enum jwt_version version;
	int calls;
} seen;

/* "https://login.microsoftonline.com[:[443]]" and then nothing, '/', '?' or '#'. */
static bool
is_on_login(struct str url)
{
	struct str rest;

	if (!str_starts_nocase(url, STR(LOGIN)))
		return false;
	rest = str_slice(url, strlen(LOGIN), url.n);
	/* The digits of a port may be left out (RFC 3986, 3.2.3). */
	if (str_starts_nocase(rest, STR(":443")))
		rest = str_slice(rest, 4, rest.n);
	else if (str_starts_nocase(rest, STR(":")))
		rest = str_slice(rest, 1, rest.n);
	return rest.n == 0 || strchr("/?#", rest.p[0]) != NULL;
}

static void
look(const struct http_request *rq)
{
	MUST(++seen.calls <= 2 && strcmp(rq->method, "GET") == 0);
	MUST(rq->n_headers == 0 && rq->body.n == 0 && !rq->has_body);
	if (seen.calls == 1)
		MUST(str_is(rq->url, seen.version == JWT_V2 ? DOCUMENT_V2 : DOCUMENT));
	MUST(is_on_login(rq->url));
}

/* The document of the script is the body of its first answer. */
static struct str
first_body(struct str script)
{
	struct str rest = script, line, body;

	while ((line = take_line(&rest)).n > 0)
		;
	body = rest;
	while (rest.n > 0) {
		const char *end = rest.p;

		line = take_line(&rest);
		if (str_is(line, "----"))
			return str_slice(body, 0, (size_t)(end - body.p));
	}
	return body;
}

static void
check_keys(
    struct str keys, int64_t server_ms, struct str script, struct str issuer, struct arena *a)
{
	struct signing_keys *set = NULL;
	struct err e;
	const struct json *j = json_parse(first_body(script), a, &e);

	MUST(seen.calls == 2);
	MUST(str_eq(json_text(json_get(j, "issuer")), issuer));
	MUST(is_on_login(json_text(json_get(j, "jwks_uri"))));
	MUST(server_ms >= -1 && server_ms <= DATE_MS_MAX);
	MUST(keys.n == 0 || str_has_nocase(script, keys));
	if (signing_keys_parse(keys, &set, &e))
		MUST(signing_keys_count(set) > 0);
	signing_keys_free(set);
}

/* "URL: what happened", "URL answered 404" */
static struct str
named_first(struct str text)
{
	const char *end = strstr(text.p, ": ");

	end = end == NULL ? strstr(text.p, " answered ") : end;
	return end == NULL ? text : str_slice(text, 0, (size_t)(end - text.p));
}

FUZZ(input)
{
	static struct str v1 = { "https://sts.windows.net/" TENANT "/", 61 },
			  v2 = { LOGIN "/" TENANT "/v2.0", 75 };
	struct str rest = input, keys = STR_EMPTY;
	struct settings s = { .azure.login = STR(LOGIN),
		.auth.entra = {
		    .tenant = STR(TENANT), .issuers = { &v1, &v2 }, .n_issuers = { 1, 1 } } };
	int64_t server_ms = -2;
	struct err e = { .kind = ERR_SYSTEM };

	seen.version = str_is(take_line(&rest), "v2") ? JWT_V2 : JWT_V1;
	seen.calls = 0;
	scripted_look = look;
	scripted_answers(rest);
	if (openid_fetch_keys(NULL, &s, seen.version, arena, &keys, &server_ms, &e)) {
		check_keys(keys, server_ms, rest, seen.version == JWT_V2 ? v2 : v1, arena);
		return;
	}
	MUST(keys.n == 0 && server_ms == -2);
	MUST(e.kind == ERR_INPUT || e.kind == ERR_AGAIN);
	/* The transport's own words have no address here; http.c puts the host into them. */
	MUST(strcmp(e.text, "no answer") == 0 || is_on_login(named_first(str_of(e.text))));
	MUST(seen.calls == 2 || strcmp(e.text, "no answer") == 0 ||
	     strncmp(e.text, seen.version == JWT_V2 ? DOCUMENT_V2 : DOCUMENT,
		 strlen(seen.version == JWT_V2 ? DOCUMENT_V2 : DOCUMENT)) == 0);
}
