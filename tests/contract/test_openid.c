/* Discovery of signing keys: which documents are asked for, and what is not believed. */
#include "azure/openid.h"
#include "scripted.h"

#define TENANT "11111111-aaaa-bbbb-cccc-222222222222"
#define V1 "https://sts.windows.net/" TENANT "/"
#define V2 "https://login.microsoftonline.com/" TENANT "/v2.0"
#define KEYS "{\"keys\":[]}"
#define DATE "Date: Mon, 23 Nov 2026 20:00:00 GMT\r\n"

static struct arena *a;
static struct scripted s;
static struct str keys;
static int64_t server_ms;
static struct err e;

/* With the service's own address in the place of HOST. */
static const char *
with_host(const char *text)
{
	const char *at = strstr(text, "HOST");

	if (at == NULL)
		return text;
	return with_host(
	    arena_printf(a, "%.*s%s%s", (int)(at - text), text, s.url, at + strlen("HOST")).p);
}

/* A service that answers with the document, then with the other answer. */
static bool
ask(enum jwt_version version, const char *document, const char *answer)
{
	static struct str v1[] = { { V1, sizeof(V1) - 1 } }, v2[] = { { V2, sizeof(V2) - 1 } };
	const char *answers[] = { NULL, answer };
	struct settings settings = { .azure = { .login = STR_EMPTY },
		.auth = {
		    .entra = {
			.tenant = STR(TENANT), .issuers = { v1, v2 }, .n_issuers = { 1, 1 } } } };
	struct http *http = http_new(NULL);
	bool ok;

	arena_free(a);
	a = arena_new();
	/* The address is known when it listens, and it answers when it is asked. */
	answers[0] = CUT;
	scripted_start(&s, answers, answer == NULL ? 1 : 2);
	s.answers[0] = with_host(document);
	settings.azure.login = str_of(s.url);
	ok = openid_fetch_keys(http, &settings, version, a, &keys, &server_ms, &e);
	http_free(http);
	scripted_end(&s);
	return ok;
}

#define DOCUMENT(issuer, jwks) \
	ANSWER("200 OK", "", "{\"issuer\":\"" issuer "\",\"jwks_uri\":\"" jwks "\"}")

TEST(the_document_of_the_version_names_the_keys)
{
	CHECK_OK(ask(JWT_V1, DOCUMENT(V1, "HOST/some/keys"), ANSWER("200 OK", DATE, KEYS)));
	CHECK_STR(keys, KEYS);
	CHECK_INT(server_ms, INT64_C(1795464000000));
	CHECK_HAS(s.requests[0], "GET /" TENANT "/.well-known/openid-configuration HTTP");
	CHECK_HAS(s.requests[1], "GET /some/keys HTTP");
	CHECK_OK(ask(JWT_V2, DOCUMENT(V2, "HOST/some/keys"), ANSWER("200 OK", "", KEYS)));
	CHECK_INT(server_ms, -1);
	CHECK_HAS(s.requests[0], "GET /" TENANT "/v2.0/.well-known/openid-configuration HTTP");
}

TEST(an_issuer_that_the_settings_do_not_allow_is_not_believed)
{
	CHECK(!ask(JWT_V1, DOCUMENT("https://evil.example/", "HOST/keys"), NULL));
	CHECK_HAS(e.text, "the issuer is 'https://evil.example/'");
	CHECK_HAS(e.text, "auth.entra.issuer");
	CHECK(!ask(JWT_V1, DOCUMENT(V2, "HOST/keys"), NULL));
	CHECK(!ask(JWT_V1, ANSWER("200 OK", "", "{\"jwks_uri\":\"HOST/keys\"}"), NULL));
}

TEST(keys_are_fetched_from_the_login_host_only)
{
	static const char *const addresses[] = { DOCUMENT(V1, "https://evil.example/keys"),
		DOCUMENT(V1, "http://127.0.0.1:1/keys"), DOCUMENT(V1, "HOST@evil.example/keys"),
		DOCUMENT(V1, "/keys"), DOCUMENT(V1, ""), DOCUMENT(V1, "file:///etc/passwd"),
		ANSWER("200 OK", "", "{\"issuer\":\"" V1 "\"}"),
		ANSWER("200 OK", "", "{\"issuer\":\"" V1 "\",\"jwks_uri\":17}") };

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		CHECK(!ask(JWT_V1, addresses[i], NULL));
		CHECK_HAS(e.text, "not on the login host, not followed");
		CHECK_HAS(e.text, s.url);
		CHECK_HAS(e.text, "/.well-known/openid-configuration: its jwks_uri");
	}
}

TEST(anything_but_an_answer_of_200_is_a_failure)
{
	CHECK(!ask(JWT_V1, ANSWER("500 Oops", "", ""), NULL));
	CHECK_HAS(e.text, "answered 500");
	CHECK(!ask(JWT_V1, ANSWER("302 Found", "Location: HOST/elsewhere\r\n", ""), NULL));
	CHECK_HAS(e.text, "answered 302");
	CHECK(!ask(JWT_V1, ANSWER("200 OK", "", "no json"), NULL));
	CHECK_HAS(e.text, "not JSON");
	CHECK(!ask(JWT_V1, CUT, NULL));
	CHECK(!ask(JWT_V1, DOCUMENT(V1, "HOST/keys"), ANSWER("404 Not Found", "", "")));
	CHECK_HAS(e.text, "/keys answered 404");
	CHECK(!ask(JWT_V1, DOCUMENT(V1, "HOST/keys"), CUT));
}
