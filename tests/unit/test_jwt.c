/*
 * Tokens that must be let in, and many that must not: alg tricks, keys brought along, broken
 * encodings, claims that mean somebody else.  In the spirit of Wycheproof's vectors.
 */
#include "core/jwt.h"
#include "base/buf.h"
#include "token.h"

#define NOW_S INT64_C(1795000000)

static struct arena *a;
static struct signing_keys *sets[JWT_VERSIONS];
static struct jwt_keys keys;
static struct jwt out;
static struct err e;

static const struct str audiences[] = { { AUDIENCE, sizeof(AUDIENCE) - 1 },
	{ CLIENT_ID, sizeof(CLIENT_ID) - 1 } };
static const struct str issuer_v1 = { ISSUER_V1, sizeof(ISSUER_V1) - 1 };
static const struct str issuer_v2 = { ISSUER_V2, sizeof(ISSUER_V2) - 1 };
static struct jwt_wanted wanted;

static void
use(enum jwt_version v, struct str text)
{
	signing_keys_free(sets[v]);
	CHECK_OK(signing_keys_parse(text, &sets[v], &e));
	keys.of[v] = sets[v];
}

static void
fresh(void)
{
	arena_free(a);
	a = arena_new();
	use(JWT_V1, token_set(a, token_key(2048, false), "k1"));
	use(JWT_V2, token_set(a, token_key(2048, false), "k1"));
	wanted = (struct jwt_wanted){ .issuers = { { &issuer_v1, 1 }, { &issuer_v2, 1 } },
		.tenant = STR(TENANT),
		.audience = audiences,
		.n_audience = 2,
		.application = STR(EVENT_GRID),
		.role = STR(ROLE) };
}

static enum jwt_answer
verify_at(struct str token, int64_t s)
{
	return jwt_verify(&wanted, &keys, token, s * 1000, a, &out, &e);
}

static enum jwt_answer
verify(struct str token)
{
	return verify_at(token, NOW_S);
}

/* Signed rightly; only the header is another. */
static enum jwt_answer
with_header(const char *header)
{
	return verify(
	    token_make(a, token_key(2048, false), header, token_claims(a, 1, NOW_S, NULL, NULL)));
}

/* Signed rightly; only one claim is another, or is missing (""). */
static enum jwt_answer
with_claim(int version, const char *name, const char *value)
{
	return verify(token_make(
	    a, token_key(2048, false), HEADER, token_claims(a, version, NOW_S, name, value)));
}

static void
bad(enum jwt_answer answer, const char *words)
{
	if (answer != JWT_BAD)
		print_error("answer %d, wanted to hear: %s\n", answer, words);
	CHECK_INT(answer, JWT_BAD);
	CHECK_HAS(e.text, words);
}

static struct str
good_token(void)
{
	return token_make(a, token_key(2048, false), HEADER, token_claims(a, 1, NOW_S, NULL, NULL));
}

/* ---- let in ---- */

TEST(event_grids_token_is_good_in_both_versions)
{
	fresh();
	CHECK_INT(with_claim(1, NULL, NULL), JWT_GOOD);
	CHECK_INT(out.version, JWT_V1);
	CHECK_INT(out.expires_ms, (NOW_S + 3600) * 1000);
	CHECK_STR(out.kid, "k1");
	CHECK_INT(with_claim(2, NULL, NULL), JWT_GOOD);
	CHECK_INT(out.version, JWT_V2);
}

TEST(any_listed_audience_is_ours_and_guids_have_no_case)
{
	fresh();
	CHECK_INT(with_claim(1, "aud", "\"" CLIENT_ID "\""), JWT_GOOD);
	CHECK_INT(with_claim(1, "aud", "\"33333333-AAAA-BBBB-CCCC-444444444444\""), JWT_GOOD);
	CHECK_INT(with_claim(1, "tid", "\"11111111-AAAA-BBBB-CCCC-222222222222\""), JWT_GOOD);
	CHECK_INT(with_claim(1, "appid", "\"4962773B-9CDB-44CF-A8BF-237846A00AB7\""), JWT_GOOD);
	bad(with_claim(1, "aud", "\"API://gridwarden\""), "audience");
}

TEST(longer_keys_and_other_odd_exponents_are_good)
{
	fresh();
	use(JWT_V1, token_set(a, token_key(4096, false), "k1"));
	CHECK_INT(verify(token_make(
		      a, token_key(4096, false), HEADER, token_claims(a, 1, NOW_S, NULL, NULL))),
	    JWT_GOOD);
}

TEST(the_role_may_stand_among_others)
{
	fresh();
	CHECK_INT(with_claim(1, "roles", "[\"Other\",17,null,\"" ROLE "\"]"), JWT_GOOD);
}

TEST(a_header_may_name_type_and_thumbprint)
{
	fresh();
	CHECK_INT(with_header("{\"alg\":\"RS256\",\"kid\":\"k1\",\"x5t\":\"k1\"}"), JWT_GOOD);
	CHECK_INT(
	    with_header(" {\"kid\" : \"k1\", \"typ\":\"jwt\", \"alg\":\"RS256\"} "), JWT_GOOD);
}

/* ---- the algorithm ---- */

TEST(no_algorithm_but_rs256_is_taken)
{
	static const char *const algorithms[] = { "none", "None", "NONE", "HS256", "HS512", "RS384",
		"RS512", "PS256", "ES256", "EdDSA", "rs256", "Rs256", "RS256 ", "", "RS2567",
		"RS25" };

	fresh();
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		bad(with_header(
			arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"k1\"}", algorithms[i]).p),
		    "not RS256");
	bad(with_header("{\"kid\":\"k1\"}"), "not RS256");
	bad(with_header("{\"alg\":null,\"kid\":\"k1\"}"), "not RS256");
	bad(with_header("{\"alg\":[\"RS256\"],\"kid\":\"k1\"}"), "not RS256");
	bad(with_header("{\"Alg\":\"RS256\",\"kid\":\"k1\"}"), "not RS256");
}

TEST(the_public_key_is_no_secret)
{
	EVP_PKEY *key = token_key(2048, false);
	struct str set, text;
	unsigned char mac[64];
	unsigned n = 0;

	fresh();
	set = token_number(a, key, OSSL_PKEY_PARAM_RSA_N);
	for (int honest = 0; honest < 2; honest++) {
		text = token_signed_text(a, honest ? "{\"alg\":\"HS256\",\"kid\":\"k1\"}" : HEADER,
		    token_claims(a, 1, NOW_S, NULL, NULL));
		HMAC(EVP_sha256(), set.p, (int)set.n, (const unsigned char *)text.p, text.n, mac,
		    &n);
		bad(verify(token_join(a, text, (struct str){ (const char *)mac, n })),
		    honest ? "not RS256" : "signature is wrong");
	}
}

TEST(signatures_of_other_kinds_under_the_name_rs256_are_wrong)
{
	EVP_PKEY *key = token_key(2048, false), *curve = EVP_EC_gen("P-256");
	struct str text;

	fresh();
	text = token_signed_text(a, HEADER, token_claims(a, 1, NOW_S, NULL, NULL));
	bad(verify(token_join(a, text, token_sign(a, key, "SHA384", RSA_PKCS1_PADDING, text))),
	    "signature is wrong");
	bad(verify(token_join(a, text, token_sign(a, key, "SHA512", RSA_PKCS1_PADDING, text))),
	    "signature is wrong");
	bad(verify(token_join(a, text, token_sign(a, key, "SHA1", RSA_PKCS1_PADDING, text))),
	    "signature is wrong");
	bad(verify(token_join(a, text, token_sign(a, key, "SHA256", RSA_PKCS1_PSS_PADDING, text))),
	    "signature is wrong");
	bad(verify(token_join(a, text, token_sign(a, curve, "SHA256", 0, text))),
	    "signature is wrong");
	EVP_PKEY_free(curve);
}

/* ---- the key ---- */

TEST(a_key_that_comes_with_the_token_is_refused)
{
	static const char *const more[] = { "\"jku\":\"https://evil.example/keys\"",
		"\"x5u\":\"https://evil.example/cert\"", "\"x5c\":[\"MII\"]", "\"jwk\":{}",
		"\"crit\":[\"exp\"]", "\"crit\":[]", "\"b64\":false", "\"zip\":\"DEF\"" };

	fresh();
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		bad(with_header(
			arena_printf(a, "{\"alg\":\"RS256\",\"kid\":\"k1\",%s}", more[i]).p),
		    "its header has");
	bad(verify(token_make(a, token_key(2048, true),
		arena_printf(a, "{\"alg\":\"RS256\",\"kid\":\"k1\",\"jwk\":%.*s}",
		    STR_ARG(token_jwk(a, token_key(2048, true), "k1", "")))
		    .p,
		token_claims(a, 1, NOW_S, NULL, NULL))),
	    "its header has 'jwk'");
}

TEST(another_key_under_a_known_id_signs_in_vain)
{
	fresh();
	bad(verify(token_make(
		a, token_key(2048, true), HEADER, token_claims(a, 1, NOW_S, NULL, NULL))),
	    "signature is wrong");
	bad(verify(token_make(
		a, token_key(4096, false), HEADER, token_claims(a, 1, NOW_S, NULL, NULL))),
	    "signature is wrong");
}

TEST(a_key_id_must_be_there_and_have_an_end)
{
	struct buf b;

	fresh();
	bad(with_header("{\"alg\":\"RS256\"}"), "names no key");
	bad(with_header("{\"alg\":\"RS256\",\"kid\":\"\"}"), "names no key");
	bad(with_header("{\"alg\":\"RS256\",\"kid\":1}"), "names no key");
	buf_init(&b, 1000);
	for (int i = 0; i < SIGNING_KEY_ID_MAX; i++)
		buf_add_char(&b, 'k');
	CHECK_INT(
	    with_header(arena_printf(a, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", buf_cstr(&b)).p),
	    JWT_UNKNOWN_KEY);
	bad(with_header(arena_printf(a, "{\"alg\":\"RS256\",\"kid\":\"%sk\"}", buf_cstr(&b)).p),
	    "names no key");
	buf_done(&b);
}

TEST(an_unknown_key_is_told_apart_but_only_of_a_token_for_us)
{
	static const char header[] = "{\"alg\":\"RS256\",\"kid\":\"k2\"}";

	fresh();
	CHECK_INT(with_header(header), JWT_UNKNOWN_KEY);
	CHECK_STR(out.kid, "k2");
	bad(verify(token_make(a, token_key(2048, false), header,
		token_claims(a, 1, NOW_S, "aud", "\"api://other\""))),
	    "audience");
	keys.of[JWT_V1] = NULL;
	CHECK_INT(verify(good_token()), JWT_UNKNOWN_KEY);
}

TEST(each_version_has_its_own_keys)
{
	fresh();
	use(JWT_V2, token_set(a, token_key(2048, true), "k2"));
	CHECK_INT(with_claim(1, NULL, NULL), JWT_GOOD);
	CHECK_INT(with_claim(2, NULL, NULL), JWT_UNKNOWN_KEY);
}

TEST(a_key_of_another_issuer_signs_in_vain)
{
	static const struct {
		const char *issuer;
		enum jwt_answer answer;
	} known[] = { { ISSUER_V2, JWT_GOOD },
		{ "https://login.microsoftonline.com/{tenantid}/v2.0", JWT_GOOD },
		{ "https://login.microsoftonline.com/99999999-aaaa-bbbb-cccc-222222222222/v2.0",
		    JWT_BAD },
		{ "{tenantid}", JWT_BAD }, { "https://evil.example/", JWT_BAD } };

	fresh();
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		use(JWT_V2, arena_printf(a, "{\"keys\":[%.*s]}",
				STR_ARG(token_jwk(a, token_key(2048, false), "k1",
				    arena_printf(a, ",\"issuer\":\"%s\"", known[i].issuer).p))));
		CHECK_INT(with_claim(2, NULL, NULL), known[i].answer);
	}
}

/* ---- the form ---- */

TEST(only_three_parts_that_are_not_empty_are_a_token)
{
	struct str t;

	fresh();
	t = good_token();
	CHECK_INT(verify(t), JWT_GOOD);
#define SHAPE(...) bad(verify(arena_printf(a, __VA_ARGS__)), "compact form")
	SHAPE("%.*s.", STR_ARG(t));
	SHAPE(".%.*s", STR_ARG(t));
	SHAPE("%.*s.e30", STR_ARG(t));
	SHAPE("%.*s.e30.e30", STR_ARG(t));
	SHAPE("%.*s=", STR_ARG(t));
	SHAPE("%.*s==", STR_ARG(t));
	SHAPE(" %.*s", STR_ARG(t));
	SHAPE("%.*s ", STR_ARG(t));
	SHAPE("%.*s\n", STR_ARG(t));
	SHAPE("Bearer %.*s", STR_ARG(t));
	SHAPE("%.*s", STR_ARG(str_slice(t, 0, out.signed_text.n)));
	SHAPE("%.*s.", STR_ARG(str_slice(t, 0, out.signed_text.n)));
	SHAPE("%s", "");
	SHAPE("%s", ".");
	SHAPE("%s", "..");
	SHAPE("%s", "...");
	SHAPE("%s", "a.b.c");
	SHAPE("%s", "{\"payload\":\"e30\",\"signatures\":[]}");
	bad(verify((struct str){ "a\0b.c.d", 7 }), "compact form");
}

TEST(a_signature_with_stray_bits_or_of_another_length_is_refused)
{
	struct str t;
	char *text;

	fresh();
	t = good_token();
	text = arena_alloc(a, t.n + 1);
	/* 256 bytes leave four bits over in the last character, which must be zero. */
	for (const char *digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	     *digit != '\0'; digit++) {
		memcpy(text, t.p, t.n);
		text[t.n - 1] = *digit;
		CHECK_INT(
		    verify((struct str){ text, t.n }), *digit == t.p[t.n - 1] ? JWT_GOOD : JWT_BAD);
	}
	bad(verify(str_slice(t, 0, t.n - 2)), "signature is wrong");
	bad(verify(arena_printf(a, "%.*sAAAA", STR_ARG(str_slice(t, 0, t.n - 2)))),
	    "signature is wrong");
	bad(verify(arena_printf(a, "%.*s.AAAA", STR_ARG(str_slice(t, 0, t.n - 343)))),
	    "signature is wrong");
}

TEST(every_changed_character_spoils_a_token)
{
	struct str t;
	char *text;

	fresh();
	t = good_token();
	for (size_t i = 0; i < t.n; i += 7) {
		text = arena_alloc(a, t.n);
		memcpy(text, t.p, t.n);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (text[i] != t.p[i])
			CHECK(verify((struct str){ text, t.n }) != JWT_GOOD);
	}
}

TEST(a_member_that_is_there_twice_is_refused)
{
	struct str claims;

	fresh();
	bad(with_header("{\"alg\":\"RS256\",\"kid\":\"k1\",\"alg\":\"RS256\"}"), "compact form");
	bad(with_header("{\"alg\":\"RS256\",\"kid\":\"k1\",\"\\u0061lg\":\"none\"}"),
	    "compact form");
	bad(with_header("{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"k1\"}"), "compact form");
	claims = token_claims(a, 1, NOW_S, NULL, NULL);
	claims = arena_printf(
	    a, "%.*s,\"a\\u0075d\":\"x\"}", STR_ARG(str_slice(claims, 0, claims.n - 1)));
	bad(verify(token_make(a, token_key(2048, false), HEADER, claims)), "compact form");
}

TEST(what_is_no_strict_json_is_refused)
{
	static const char *const headers[] = { "", "{", "[]", "\"RS256\"", "null",
		"{\"alg\":\"RS256\",\"kid\":\"k1\"}x", "{\"alg\":\"RS256\",\"kid\":\"k1\",}",
		"{alg:\"RS256\",\"kid\":\"k1\"}", "{\"alg\":\"RS256\",\"kid\":\"k1\\u0000\"}",
		"{\"alg\":\"RS256\",\"kid\":\"k1\xff\"}", "{\"alg\":\"RS256\",\"kid\":\"k\n1\"}",
		"\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"k1\"}" };
	static const struct str claims[] = { { "[]", 2 }, { "null", 4 }, { "\"x\"", 3 }, { "{", 1 },
		{ "{}\0", 3 } };

	fresh();
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		bad(with_header(headers[i]), "compact form");
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		bad(verify(token_make(a, token_key(2048, false), HEADER, claims[i])),
		    "compact form");
	bad(verify(token_make(a, token_key(2048, false), HEADER, STR("{}"))), "version");
}

TEST(a_token_has_an_end)
{
	struct buf b;

	fresh();
	buf_init(&b, 100000);
	while (b.n < JWT_TOKEN_MAX)
		buf_add_char(&b, 'A');
	bad(verify(buf_str(&b)), "compact form");
	buf_add_char(&b, 'A');
	bad(verify(buf_str(&b)), "too long");
	buf_reset(&b);
	buf_add_char(&b, '{');
	for (int i = 0; i < JWT_NAMES_MAX; i++)
		buf_printf(&b, "\"n%d\":1,", i);
	buf_add_cstr(&b, "\"alg\":\"RS256\"}");
	bad(with_header(buf_cstr(&b)), "compact form");
	buf_done(&b);
}

TEST(a_type_that_is_no_token_is_refused)
{
	fresh();
	bad(with_header("{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWE\"}"), "type");
	bad(with_header("{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":1}"), "type");
}

/* ---- the claims ---- */

TEST(tokens_for_somebody_else_are_refused)
{
	static const struct {
		int version;
		const char *name, *value, *words;
	} wrong[] = {
		{ 1, "iss", "\"" ISSUER_V2 "\"", "issuer" },
		{ 2, "iss", "\"" ISSUER_V1 "\"", "issuer" },
		{ 1, "iss", "\"https://sts.windows.net/" TENANT "\"", "issuer" },
		{ 1, "iss", "\"https://sts.windows.net.evil.example/" TENANT "/\"", "issuer" },
		{ 1, "iss", "\"HTTPS://sts.windows.net/" TENANT "/\"", "issuer" },
		{ 1, "iss", "[\"" ISSUER_V1 "\"]", "issuer" },
		{ 1, "iss", "", "issuer" },
		{ 1, "tid", "\"99999999-aaaa-bbbb-cccc-222222222222\"", "tenant" },
		{ 1, "tid", "", "tenant" },
		{ 1, "tid", "null", "tenant" },
		{ 1, "aud", "\"api://other\"", "audience" },
		{ 1, "aud", "\"" AUDIENCE "/\"", "audience" },
		{ 1, "aud", "\"\"", "audience" },
		{ 1, "aud", "[\"api://other\"]", "audience" },
		{ 1, "aud", "[\"" AUDIENCE "\"]", "audience" },
		{ 1, "aud", "[\"" AUDIENCE "\",\"api://other\"]", "audience" },
		{ 1, "aud", "", "audience" },
		{ 1, "appid", "\"99999999-9cdb-44cf-a8bf-237846a00ab7\"",
		    "not issued to Event Grid" },
		{ 1, "appid", "", "not issued to Event Grid" },
		{ 2, "azp", "", "not issued to Event Grid" },
		{ 1, "ver", "\"2.0\"", "issuer" },
		{ 2, "ver", "\"1.0\"", "issuer" },
		{ 1, "ver", "\"3.0\"", "version" },
		{ 1, "ver", "1.0", "version" },
		{ 1, "ver", "", "version" },
	};

	fresh();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		bad(with_claim(wrong[i].version, wrong[i].name, wrong[i].value), wrong[i].words);
}

TEST(the_client_of_one_version_is_no_client_of_the_other)
{
	struct str claims;

	fresh();
	claims = token_claims(a, 1, NOW_S, "appid", "");
	claims = arena_printf(
	    a, "%.*s,\"azp\":\"" EVENT_GRID "\"}", STR_ARG(str_slice(claims, 0, claims.n - 1)));
	bad(verify(token_make(a, token_key(2048, false), HEADER, claims)),
	    "not issued to Event Grid");
}

TEST(times_are_whole_seconds_and_must_be_there)
{
	static const char *const wrong[] = { "", "null", "true", "\"1795003600\"", "1795003600.5",
		"1795003600.0", "1.795e9", "-1795003600", "-0", "99999999999999999999999", "1e400",
		"[1795003600]", "{}" };

	fresh();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bad(with_claim(1, "exp", wrong[i]), "exp or nbf");
		bad(with_claim(1, "nbf", wrong[i]), "exp or nbf");
	}
}

TEST(clocks_may_differ_by_five_minutes)
{
	struct str t;

	fresh();
	t = good_token();
	CHECK_INT(verify_at(t, NOW_S - 300), JWT_GOOD);
	CHECK_INT(verify_at(t, NOW_S - 301), JWT_NOT_NOW);
	CHECK_HAS(e.text, "not valid yet");
	CHECK_INT(verify_at(t, NOW_S + 3600 + 299), JWT_GOOD);
	CHECK_INT(verify_at(t, NOW_S + 3600 + 300), JWT_NOT_NOW);
	CHECK_HAS(e.text, "has expired");
	CHECK_INT(verify_at(t, 0), JWT_NOT_NOW);
}

TEST(time_and_role_are_told_only_of_a_signed_token)
{
	fresh();
	bad(verify(token_make(
		a, token_key(2048, true), HEADER, token_claims(a, 1, NOW_S, "exp", "1000"))),
	    "signature");
	bad(verify(token_make(
		a, token_key(2048, true), HEADER, token_claims(a, 1, NOW_S, "roles", ""))),
	    "signature");
}

TEST(a_token_without_the_role_is_told_apart)
{
	static const char *const none[] = { "", "[]", "null", "{}", "[\"Other\"]", "\"" ROLE "\"",
		"[[\"" ROLE "\"]]", "[\"azureeventgridsecurewebhooksubscriber\"]",
		"[\"" ROLE " \"]", "[\"\"]" };

	fresh();
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		CHECK_INT(with_claim(1, "roles", none[i]), JWT_NO_ROLE);
		CHECK_HAS(e.text, "lacks the role " ROLE);
	}
	wanted.role = STR("Mine");
	CHECK_INT(with_claim(1, "roles", "[\"Mine\"]"), JWT_GOOD);
	CHECK_INT(with_claim(1, "roles", "[\"" ROLE "\"]"), JWT_NO_ROLE);
}

TEST(no_reason_holds_a_word_of_the_token)
{
	fresh();
	bad(with_claim(1, "aud", "\"SECRETWORD\""), "audience");
	CHECK(strstr(e.text, "SECRETWORD") == NULL);
	bad(with_header("{\"alg\":\"SECRETWORD\",\"kid\":\"k1\"}"), "not RS256");
	CHECK(strstr(e.text, "SECRETWORD") == NULL);
}
