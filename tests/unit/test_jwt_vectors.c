/*
 * Vectors in the categories of Wycheproof's suite for JSON Web Signatures, made here with keys of
 * their own: no vector that must be refused is let in, each right one is.  Those about signatures
 * as numbers are in test_jwt_padding.c; what a token claims and the words of refusals in
 * test_jwt.c.
 *
 * https://github.com/C2SP/wycheproof
 */
#include "jwt_vectors.h"

/* ---- the three parts ---- */

struct parts {
	struct str header, claims, signature;
};

/* Of a token that is right. */
static struct parts
right_parts(void)
{
	struct parts p;
	struct str rest;

	fresh();
	use(token_set(a, token_key(2048, false), "k1"));
	rest = token_of(token_key(2048, false), HEADER);
	CHECK(str_next(&rest, '.', &p.header) && str_next(&rest, '.', &p.claims));
	p.signature = rest;
	return p;
}

static struct str
join(struct parts p)
{
	return arena_printf(
	    a, "%.*s.%.*s.%.*s", STR_ARG(p.header), STR_ARG(p.claims), STR_ARG(p.signature));
}

TEST(parts_that_are_missing_or_too_many_are_refused)
{
	struct parts p = right_parts();
	const char *h = arena_cstr(a, p.header), *c = arena_cstr(a, p.claims),
		   *s = arena_cstr(a, p.signature),
		   *none = token_base64(a, "{\"alg\":\"none\",\"kid\":\"k1\"}", 25).p;
	const struct {
		const char *name;
		struct str token;
	} vectors[] = {
		{ "missing signature", arena_printf(a, "%s.%s.", h, c) },
		{ "missing signature and separator", arena_printf(a, "%s.%s", h, c) },
		{ "missing payload", arena_printf(a, "%s..%s", h, s) },
		{ "missing payload and separator", arena_printf(a, "%s.%s", h, s) },
		{ "missing header", arena_printf(a, ".%s.%s", c, s) },
		{ "missing header and separator", arena_printf(a, "%s.%s", c, s) },
		{ "missing header and signature", arena_printf(a, ".%s.", c) },
		{ "payload alone", arena_printf(a, "%s", c) },
		{ "header alone", arena_printf(a, "%s..", h) },
		{ "signature alone", arena_printf(a, "..%s", s) },
		{ "empty string", STR_EMPTY },
		{ "extra empty component", arena_printf(a, "%s.%s.%s.", h, c, s) },
		{ "extra component", arena_printf(a, "%s.%s.%s.Zm9v", h, c, s) },
		{ "component in front", arena_printf(a, "%s.%s.%s.%s", h, h, c, s) },
		{ "five components, as in JWE", arena_printf(a, "%s.%s.%s.%s.%s", h, h, c, s, s) },
		{ "parts exchanged", arena_printf(a, "%s.%s.%s", c, h, s) },
		{ "other separators", arena_printf(a, "%s,%s,%s", h, c, s) },
		{ "none and missing signature", arena_printf(a, "%s.%s.", none, c) },
		{ "none and its separator missing", arena_printf(a, "%s.%s", none, c) },
		{ "none and a signature", arena_printf(a, "%s.%s.%s", none, c, s) },
		{ "detached payload", arena_printf(a, "%s..%s", h, s) },
		{ "JSON serialization",
		    arena_printf(a,
			"{\"payload\":\"%s\",\"signatures\":[{\"protected\":\"%s\",\"header\":{},"
			"\"signature\":\"%s\"}]}",
			c, h, s) },
		{ "flattened JSON serialization",
		    arena_printf(a,
			"{\"payload\":\"%s\",\"protected\":\"%s\",\"signature\":\"%s\"}", c, h,
			s) },
		{ "JSON serialization of no signature",
		    arena_printf(a, "{\"payload\":\"%s\",\"signatures\":[]}", c) },
	};

	is("right", join(p), JWT_GOOD);
	for (size_t i = 0; i < COUNT(vectors); i++)
		is(vectors[i].name, vectors[i].token, JWT_BAD);
}

/* A header and claims that are right themselves, under a signature of others. */
TEST(what_was_changed_after_it_was_signed_is_refused)
{
	static const struct {
		const char *name, *header;
	} headers[] = {
		{ "space", "{ \"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k1\"}" },
		{ "order", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}" },
		{ "no type", "{\"alg\":\"RS256\",\"kid\":\"k1\"}" },
		{ "escape", "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"\\u006b1\"}" },
		{ "more", "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k1\",\"x5t\":\"k1\"}" },
	};
	struct parts right = right_parts(), p;

	for (size_t i = 0; i < COUNT(headers); i++) {
		p = right;
		p.header = token_base64(a, headers[i].header, strlen(headers[i].header));
		is(headers[i].name, join(p), JWT_BAD);
		is(headers[i].name, token_of(token_key(2048, false), headers[i].header), JWT_GOOD);
	}
	for (int64_t later = 1; later <= 3600; later *= 60) {
		struct str other = token_claims(a, 1, NOW_S - later, NULL, NULL);

		p = right;
		p.claims = token_base64(a, other.p, other.n);
		is("other claims", join(p), JWT_BAD);
	}
	p = right;
	for (size_t i = 0; i < p.signature.n; i++) {
		char *text = arena_alloc(a, p.signature.n);

		memcpy(text, right.signature.p, p.signature.n);
		text[i] = text[i] == 'B' ? 'C' : 'B';
		p.signature.p = text;
		is("modified signature", join(p), JWT_BAD);
	}
}

/* The signature is made over the text as it is sent, so that only its encoding is wrong. */
static void
is_badly_encoded(const char *name, struct parts p)
{
	struct str text = arena_printf(a, "%.*s.%.*s", STR_ARG(p.header), STR_ARG(p.claims));

	is(name, join(p), JWT_BAD);
	is(name,
	    token_join(
		a, text, token_sign(a, token_key(2048, false), "SHA256", RSA_PKCS1_PADDING, text)),
	    JWT_BAD);
}

TEST(stray_characters_in_base64_are_refused_wherever_they_are)
{
	static const char *const stray[] = { " ", "    ", "\t", "\n", "\r\n", "?", "#", "####", "=",
		"==", "===", "+", "/", "%3D", "\xc3\xa9", "\x7f", "\"", "," };
	struct parts right = right_parts(), p;

	for (size_t i = 0; i < COUNT(stray); i++) {
		const struct str s = str_of(stray[i]);

		for (size_t k = 0; k < 3; k++) {
			struct str *part;
			size_t at[3];

			p = right;
			part = k == 0 ? &p.header : k == 1 ? &p.claims : &p.signature;
			at[0] = 0;
			at[1] = part->n / 2;
			at[2] = part->n;
			for (size_t n = 0; n < 3; n++) {
				struct str was = *part;

				*part = insert(was, at[n], s);
				if (k == 2)
					is(stray[i], join(p), JWT_BAD);
				else
					is_badly_encoded(stray[i], p);
				*part = was;
			}
		}
	}
}

/* The last character of a part holds bits that belong to no byte. */
TEST(unused_bits_of_base64_must_be_zero)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct parts p = right_parts();
	/* Two bytes left over: two bits unused. */
	struct str header = STR("{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"k1\"}  ");
	char *last;

	while (header.n % 3 != 2)
		header.n--;
	p.header = token_base64(a, header.p, header.n);
	last = arena_alloc(a, p.header.n);
	memcpy(last, p.header.p, p.header.n);
	p.header.p = last;
	last += p.header.n - 1;
	for (int bits = 1; bits < 4; bits++) {
		char right = *last;

		*last = digits[(size_t)(strchr(digits, right) - digits) + (size_t)bits];
		is_badly_encoded("unused bits in the header", p);
		*last = right;
	}
}

/* ---- the key ---- */

TEST(a_key_for_something_else_verifies_nothing)
{
	static const struct {
		const char *name, *members;
		enum jwt_answer answer;
	} vectors[] = {
		{ "right", "\"kty\":\"RSA\"", JWT_GOOD },
		{ "use sig", "\"kty\":\"RSA\",\"use\":\"sig\"", JWT_GOOD },
		{ "alg RS256", "\"kty\":\"RSA\",\"alg\":\"RS256\"", JWT_GOOD },
		{ "key_ops verify", "\"kty\":\"RSA\",\"key_ops\":[\"verify\"]", JWT_GOOD },
		{ "key_ops sign and verify", "\"kty\":\"RSA\",\"key_ops\":[\"sign\",\"verify\"]",
		    JWT_GOOD },
		{ "use enc", "\"kty\":\"RSA\",\"use\":\"enc\"", JWT_UNKNOWN_KEY },
		{ "use Sig", "\"kty\":\"RSA\",\"use\":\"Sig\"", JWT_UNKNOWN_KEY },
		{ "use is a list", "\"kty\":\"RSA\",\"use\":[\"sig\"]", JWT_UNKNOWN_KEY },
		{ "key_ops encrypt", "\"kty\":\"RSA\",\"key_ops\":[\"encrypt\"]", JWT_UNKNOWN_KEY },
		{ "key_ops sign", "\"kty\":\"RSA\",\"key_ops\":[\"sign\"]", JWT_UNKNOWN_KEY },
		{ "key_ops empty", "\"kty\":\"RSA\",\"key_ops\":[]", JWT_UNKNOWN_KEY },
		{ "key_ops a text", "\"kty\":\"RSA\",\"key_ops\":\"verify\"", JWT_UNKNOWN_KEY },
		{ "use enc, key_ops verify",
		    "\"kty\":\"RSA\",\"use\":\"enc\",\"key_ops\":[\"verify\"]", JWT_UNKNOWN_KEY },
		{ "use sig, key_ops encrypt",
		    "\"kty\":\"RSA\",\"use\":\"sig\",\"key_ops\":[\"encrypt\"]", JWT_UNKNOWN_KEY },
		{ "alg PS256", "\"kty\":\"RSA\",\"alg\":\"PS256\"", JWT_UNKNOWN_KEY },
		{ "alg RS384", "\"kty\":\"RSA\",\"alg\":\"RS384\"", JWT_UNKNOWN_KEY },
		{ "alg RS512", "\"kty\":\"RSA\",\"alg\":\"RS512\"", JWT_UNKNOWN_KEY },
		{ "alg RSA-OAEP", "\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\"", JWT_UNKNOWN_KEY },
		{ "alg RSA1_5", "\"kty\":\"RSA\",\"alg\":\"RSA1_5\"", JWT_UNKNOWN_KEY },
		{ "alg HS256", "\"kty\":\"RSA\",\"alg\":\"HS256\"", JWT_UNKNOWN_KEY },
		{ "alg none", "\"kty\":\"RSA\",\"alg\":\"none\"", JWT_UNKNOWN_KEY },
		{ "alg rs256", "\"kty\":\"RSA\",\"alg\":\"rs256\"", JWT_UNKNOWN_KEY },
		{ "no kty", "\"x\":1", JWT_UNKNOWN_KEY },
		{ "kty rsa", "\"kty\":\"rsa\"", JWT_UNKNOWN_KEY },
		{ "kty EC", "\"kty\":\"EC\",\"crv\":\"P-256\"", JWT_UNKNOWN_KEY },
		{ "kty oct", "\"kty\":\"oct\",\"k\":\"AAAA\"", JWT_UNKNOWN_KEY },
	};
	EVP_PKEY *key = token_key(2048, false);

	fresh();
	for (size_t i = 0; i < COUNT(vectors); i++) {
		use_key(token_number(a, key, OSSL_PKEY_PARAM_RSA_N),
		    arena_printf(a, "\"e\":\"AQAB\",%s", vectors[i].members).p);
		is(vectors[i].name, token_of(key, HEADER), vectors[i].answer);
	}
}

static EVP_PKEY *
make_key(unsigned bits, unsigned exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *e_number = BN_new();
	EVP_PKEY *key = NULL;

	CHECK(BN_set_word(e_number, exponent) == 1 && EVP_PKEY_keygen_init(ctx) == 1);
	CHECK(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1 &&
	      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e_number) == 1);
	CHECK(EVP_PKEY_generate(ctx, &key) == 1);
	BN_free(e_number);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

TEST(keys_that_are_long_enough_are_good_with_each_usual_exponent)
{
	static const struct {
		unsigned bits, exponent;
	} keys[] = { { 2048, 3 }, { 2048, 17 }, { 2048, 65537 }, { 3072, 65537 } };

	fresh();
	for (size_t i = 0; i < COUNT(keys); i++) {
		EVP_PKEY *key = make_key(keys[i].bits, keys[i].exponent);

		use(token_set(a, key, "k1"));
		is("exponent or length", token_of(key, HEADER), JWT_GOOD);
		EVP_PKEY_free(key);
	}
}

TEST(keys_that_are_too_short_verify_nothing)
{
	static const unsigned bits[] = { 512, 1024, 1536, 2040 };

	fresh();
	for (size_t i = 0; i < COUNT(bits); i++) {
		EVP_PKEY *key = make_key(bits[i], 65537);
		struct str text = token_signed_text(a, HEADER, claims());

		use_key(
		    token_number(a, key, OSSL_PKEY_PARAM_RSA_N), "\"kty\":\"RSA\",\"e\":\"AQAB\"");
		is("short key",
		    token_join(a, text, token_sign(a, key, "SHA256", RSA_PKCS1_PADDING, text)),
		    JWT_UNKNOWN_KEY);
		EVP_PKEY_free(key);
	}
}

TEST(a_modulus_that_is_encoded_otherwise_verifies_nothing)
{
	EVP_PKEY *key = token_key(2048, false);
	BIGNUM *number = NULL;
	struct str n, bytes;

	fresh();
	CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &number) == 1);
	n = token_number(a, key, OSSL_PKEY_PARAM_RSA_N);
	bytes = number_bytes(number, RSA_BYTES + 1);
	BN_free(number);
	use_key(token_base64(a, bytes.p, bytes.n), "\"kty\":\"RSA\",\"e\":\"AQAB\"");
	is("a leading zero, as some write it", token_of(key, HEADER), JWT_GOOD);
	for (size_t i = 0; i < 4; i++) {
		const struct str stray[] = { STR("=="), STR(" "), STR("."), STR("AA") };

		use_key(insert(n, n.n, stray[i]), "\"kty\":\"RSA\",\"e\":\"AQAB\"");
		CHECK(verify(token_of(key, HEADER)) != JWT_GOOD);
	}
}

/* ---- the key's name ---- */

TEST(a_key_is_known_by_its_name_and_by_nothing_like_it)
{
	static const struct {
		const char *kid; /* JSON */
		enum jwt_answer answer;
	} vectors[] = { { "\"k1\"", JWT_GOOD }, { "\"\\u006b1\"", JWT_GOOD },
		{ "\"K1\"", JWT_UNKNOWN_KEY }, { "\"k1 \"", JWT_UNKNOWN_KEY },
		{ "\" k1\"", JWT_UNKNOWN_KEY }, { "\"k\"", JWT_UNKNOWN_KEY },
		{ "\"k11\"", JWT_UNKNOWN_KEY }, { "\"\\uff4b1\"", JWT_UNKNOWN_KEY },
		{ "\"../k1\"", JWT_UNKNOWN_KEY }, { "\"' or '1'='1\"", JWT_UNKNOWN_KEY },
		{ "\"k1\\u0000\"", JWT_BAD }, { "\"\"", JWT_BAD }, { "null", JWT_BAD },
		{ "1", JWT_BAD }, { "true", JWT_BAD }, { "[\"k1\"]", JWT_BAD },
		{ "{\"kid\":\"k1\"}", JWT_BAD }, { "\"k2\"", JWT_BAD } };
	EVP_PKEY *key = token_key(2048, false);

	fresh();
	use(arena_printf(a, "{\"keys\":[%.*s,%.*s]}", STR_ARG(token_jwk(a, key, "k1", "")),
	    STR_ARG(token_jwk(a, token_key(2048, true), "k2", ""))));
	for (size_t i = 0; i < COUNT(vectors); i++)
		is(vectors[i].kid,
		    token_of(
			key, arena_printf(a, "{\"alg\":\"RS256\",\"kid\":%s}", vectors[i].kid).p),
		    vectors[i].answer);
	is("no name", token_of(key, "{\"alg\":\"RS256\"}"), JWT_BAD);
}

/* A second key cannot take over the name of the first. */
TEST(of_two_keys_with_one_name_the_first_holds)
{
	fresh();
	use(arena_printf(a, "{\"keys\":[%.*s,%.*s]}",
	    STR_ARG(token_jwk(a, token_key(2048, false), "k1", "")),
	    STR_ARG(token_jwk(a, token_key(2048, true), "k1", ""))));
	is("the first", token_of(token_key(2048, false), HEADER), JWT_GOOD);
	is("the second", token_of(token_key(2048, true), HEADER), JWT_BAD);
}

/* ---- headers that are right, however they are written ---- */

TEST(every_right_header_is_let_in)
{
	static const char *const headers[] = {
		"{\"alg\":\"RS256\",\"kid\":\"k1\"}",
		"{\"kid\":\"k1\",\"alg\":\"RS256\"}",
		"{ \"kid\" : \"k1\" , \"alg\" : \"RS256\" }",
		"{\"kid\":\"k1\",\n\t\"alg\":\"RS256\"}\r\n",
		"{\"\\u0061lg\":\"\\u0052S256\",\"k\\u0069d\":\"k1\"}",
		"{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}",
		"{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"RS256\",\"kid\":\"k1\",\"x5t\":\"k1\",\"x5t#S256\":\"x\"}",
		"{\"alg\":\"RS256\",\"kid\":\"k1\",\"nonce\":{\"a\":[1,null,true,-2.5e3]}}",
		"{\"alg\":\"RS256\",\"kid\":\"k1\",\"cty\":\"\xc3\xa9\"}",
	};

	fresh();
	use(token_set(a, token_key(2048, false), "k1"));
	for (size_t i = 0; i < COUNT(headers); i++)
		is(headers[i], token_of(token_key(2048, false), headers[i]), JWT_GOOD);
}

TEST(no_other_algorithm_passes_with_the_public_key_as_its_secret)
{
	static const struct {
		const char *name, *digest;
	} algorithms[] = { { "HS256", "SHA256" }, { "HS384", "SHA384" }, { "HS512", "SHA512" },
		{ "RS256", "SHA256" } };
	EVP_PKEY *key = token_key(2048, false);
	struct str set_text, n_text, secrets[3];

	fresh();
	set_text = token_set(a, key, "k1");
	n_text = token_number(a, key, OSSL_PKEY_PARAM_RSA_N);
	use(set_text);
	secrets[0] = set_text;
	secrets[1] = n_text;
	secrets[2] = STR_EMPTY;
	for (size_t i = 0; i < COUNT(algorithms); i++)
		for (size_t k = 0; k < COUNT(secrets); k++) {
			struct str text = token_signed_text(a,
			    arena_printf(a, "{\"alg\":\"%s\",\"kid\":\"k1\"}", algorithms[i].name)
				.p,
			    claims());
			unsigned char mac[EVP_MAX_MD_SIZE];
			unsigned mac_n = 0;

			CHECK(HMAC(EVP_get_digestbyname(algorithms[i].digest), secrets[k].p,
				  (int)secrets[k].n, (const unsigned char *)text.p, text.n, mac,
				  &mac_n) != NULL);
			is(algorithms[i].name,
			    token_join(a, text, (struct str){ (const char *)mac, mac_n }), JWT_BAD);
		}
}
