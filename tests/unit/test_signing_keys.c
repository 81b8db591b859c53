#include "core/signing_keys.h"
#include "base/buf.h"
#include "token.h"

static struct arena *a;
static struct signing_keys *keys;

static bool
parse(struct str text, struct err *e)
{
	signing_keys_free(keys);
	keys = NULL;
	return signing_keys_parse(text, &keys, e);
}

static void
fresh(void)
{
	arena_free(a);
	a = arena_new();
}

/* A set with this key and one that is right. */
static void
left_out(struct str jwk)
{
	struct str good = token_jwk(a, token_key(2048, false), "good", ",\"use\":\"sig\"");
	struct err e;

	CHECK_OK(parse(arena_printf(a, "{\"keys\":[%.*s,%.*s]}", STR_ARG(jwk), STR_ARG(good)), &e));
	if (signing_keys_count(keys) != 1)
		print_error("taken: %.*s\n", STR_ARG(jwk));
	CHECK_INT(signing_keys_count(keys), 1);
	CHECK(signing_keys_find(keys, STR("good")) != NULL);
	CHECK(!parse(arena_printf(a, "{\"keys\":[%.*s]}", STR_ARG(jwk)), &e));
	CHECK_HAS(e.text, "none of the 1 keys can be used");
}

TEST(a_signature_of_the_key_is_good_and_every_other_one_is_not)
{
	const struct signing_key *key;
	struct str text = STR("some text"), signature;
	char *broken;
	struct err e;

	fresh();
	CHECK_OK(parse(token_set(a, token_key(2048, false), "k1"), &e));
	key = signing_keys_find(keys, STR("k1"));
	signature = token_sign(a, token_key(2048, false), "SHA256", RSA_PKCS1_PADDING, text);
	CHECK(signing_key_verify(key, text, signature));
	CHECK(!signing_key_verify(key, STR("some texT"), signature));
	CHECK(!signing_key_verify(key, text, str_slice(signature, 0, signature.n - 1)));
	CHECK(!signing_key_verify(key, text, arena_printf(a, "%.*s%c", STR_ARG(signature), 'x')));
	CHECK(!signing_key_verify(key, text, STR("")));
	for (size_t i = 0; i < signature.n; i += 15) {
		broken = arena_alloc(a, signature.n);
		memcpy(broken, signature.p, signature.n);
		broken[i] = (char)(broken[i] ^ 1);
		CHECK(!signing_key_verify(key, text, (struct str){ broken, signature.n }));
	}
	CHECK(!signing_key_verify(
	    key, text, token_sign(a, token_key(2048, true), "SHA256", RSA_PKCS1_PADDING, text)));
	CHECK(!signing_key_verify(
	    key, text, token_sign(a, token_key(2048, false), "SHA512", RSA_PKCS1_PADDING, text)));
	CHECK(!signing_key_verify(key, text,
	    token_sign(a, token_key(2048, false), "SHA256", RSA_PKCS1_PSS_PADDING, text)));
}

TEST(a_key_is_found_by_its_id_alone)
{
	struct str one, two;
	struct err e;

	fresh();
	one = token_jwk(a, token_key(2048, false), "one", ",\"issuer\":\"https://a/{tenantid}\"");
	two = token_jwk(a, token_key(2048, true), "two", "");
	CHECK_OK(parse(arena_printf(a, "{\"keys\":[%.*s,%.*s]}", STR_ARG(one), STR_ARG(two)), &e));
	CHECK_INT(signing_keys_count(keys), 2);
	CHECK(signing_keys_find(keys, STR("one")) != signing_keys_find(keys, STR("two")));
	CHECK(signing_keys_find(keys, STR("ONE")) == NULL);
	CHECK(signing_keys_find(keys, STR("on")) == NULL);
	CHECK(signing_keys_find(keys, STR("")) == NULL);
	CHECK_STR(signing_key_issuer(signing_keys_find(keys, STR("one"))), "https://a/{tenantid}");
	CHECK_STR(signing_key_issuer(signing_keys_find(keys, STR("two"))), "");
}

TEST(keys_for_something_else_are_left_out)
{
	static const char *const more[] = { ",\"use\":\"enc\"", ",\"use\":null", ",\"use\":1",
		",\"alg\":\"RS512\"", ",\"alg\":\"PS256\"", ",\"alg\":\"rs256\"", ",\"alg\":\"\"",
		",\"key_ops\":[\"encrypt\"]", ",\"key_ops\":[]", ",\"key_ops\":\"verify\"",
		",\"use\":\"sig\",\"use\":\"sig\"", ",\"kid\":\"two\"",
		",\"\\u006b\\u0069d\":\"x\"" };

	fresh();
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		left_out(token_jwk(a, token_key(2048, false), "k", more[i]));
}

TEST(keys_that_say_they_verify_are_taken)
{
	struct err e;

	fresh();
	CHECK_OK(parse(arena_printf(a, "{\"keys\":[%.*s]}",
			   STR_ARG(token_jwk(a, token_key(2048, false), "k",
			       ",\"alg\":\"RS256\",\"key_ops\":[\"sign\",\"verify\"]"))),
	    &e));
}

TEST(keys_of_the_wrong_size_or_form_are_left_out)
{
	struct str n, even, huge;
	struct buf b;

	fresh();
	n = token_number(a, token_key(2048, false), OSSL_PKEY_PARAM_RSA_N);
	left_out(token_jwk(a, token_key(1024, false), "k", ""));
	left_out(token_jwk(a, token_key(2040, false), "k", ""));
#define JWK(kty, kid, n, e) \
	arena_printf(a, "{\"kty\":" kty ",\"kid\":" kid ",\"n\":\"%.*s\",\"e\":" e "}", STR_ARG(n))
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"AQ\""));		      /* 1 */
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"Ag\""));		      /* 2 */
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"AQAA\""));	      /* 65536 */
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"\""));		      /* 0 */
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"AQAB=\""));	      /* padded */
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"AQ AB\""));	      /* white space */
	left_out(JWK("\"RSA\"", "\"k\"", n, "65537"));		      /* a number */
	left_out(JWK("\"RSA\"", "\"k\"", n, "\"AQAAAAAAAAAAAAAB\"")); /* too large */
	left_out(JWK("\"RSA\"", "\"\"", n, "\"AQAB\""));
	left_out(JWK("\"RSA\"", "17", n, "\"AQAB\""));
	left_out(JWK("\"EC\"", "\"k\"", n, "\"AQAB\""));
	left_out(JWK("\"rsa\"", "\"k\"", n, "\"AQAB\""));
	left_out(JWK("null", "\"k\"", n, "\"AQAB\""));
	left_out(JWK("\"RSA\"", "\"k\"", str_slice(n, 0, 40), "\"AQAB\""));
	left_out(JWK("\"RSA\"", "\"k\"", str_slice(n, 0, 0), "\"AQAB\""));
	even = arena_printf(a, "%.*sg", STR_ARG(str_slice(n, 0, n.n - 1)));
	left_out(JWK("\"RSA\"", "\"k\"", even, "\"AQAB\""));
	buf_init(&b, 100000);
	for (int i = 0; i < SIGNING_KEY_BITS_MAX / 8 + 4; i += 3)
		buf_add_cstr(&b, "____");
	huge = buf_str(&b);
	left_out(JWK("\"RSA\"", "\"k\"", huge, "\"AQAB\""));
	buf_reset(&b);
	for (int i = 0; i < SIGNING_KEY_ID_MAX + 1; i++)
		buf_add_char(&b, 'k');
	left_out(token_jwk(a, token_key(2048, false), buf_cstr(&b), ""));
	buf_done(&b);
	left_out(STR("17"));
	left_out(STR("null"));
	left_out(STR("[]"));
	left_out(STR("{}"));
}

TEST(of_two_keys_with_one_id_the_first_counts)
{
	struct str text = STR("t"), signature;
	struct err e;

	fresh();
	CHECK_OK(parse(arena_printf(a, "{\"keys\":[%.*s,%.*s]}",
			   STR_ARG(token_jwk(a, token_key(2048, false), "k", "")),
			   STR_ARG(token_jwk(a, token_key(2048, true), "k", ""))),
	    &e));
	CHECK_INT(signing_keys_count(keys), 1);
	signature = token_sign(a, token_key(2048, true), "SHA256", RSA_PKCS1_PADDING, text);
	CHECK(!signing_key_verify(signing_keys_find(keys, STR("k")), text, signature));
}

TEST(what_is_no_key_set_is_refused_with_its_reason)
{
	static const struct {
		const char *text, *words;
	} wrong[] = { { "", "not JSON" }, { "{\"keys\":[}", "not JSON" }, { "[]", "a list 'keys'" },
		{ "{\"keys\":{}}", "a list 'keys'" }, { "{\"keys\":[]}", "none of the 0 keys" },
		{ "{\"keys\":null}", "a list 'keys'" }, { "\xff", "not JSON" } };
	struct err e;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK(!parse(str_of(wrong[i].text), &e));
		CHECK_HAS(e.text, wrong[i].words);
	}
}

TEST(a_set_has_an_end)
{
	struct buf b;
	struct err e;

	buf_init(&b, SIGNING_KEYS_TEXT_MAX + 100);
	buf_add_cstr(&b, "{\"keys\":[0");
	for (int i = 0; i < SIGNING_KEYS_MAX; i++)
		buf_add_cstr(&b, ",0");
	buf_add_cstr(&b, "]}");
	CHECK(!parse(buf_str(&b), &e));
	CHECK_HAS(e.text, "at most 1000 keys, this one has more");
	while (b.n <= SIGNING_KEYS_TEXT_MAX)
		buf_add_char(&b, ' ');
	CHECK(!parse(buf_str(&b), &e));
	CHECK_HAS(e.text, "bytes");
	buf_done(&b);
}
