/*
 * Vectors in the categories of Wycheproof's suite for JSON Web Signatures: signatures that are
 * nearly right.  Made with the private key, so that nothing but the one fault can refuse them.
 *
 * https://github.com/C2SP/wycheproof
 */
#include "base/buf.h"
#include "jwt_vectors.h"

/* ---- the signature as a number ---- */

static const struct str zero_byte = { "", 1 };

/* Of a token whose signature begins with a zero: one in 256 does. */
static struct str
find_leading_zero(EVP_PKEY *key, struct str *text)
{
	struct str signature;

	for (int64_t i = 0;; i++) {
		CHECK(i < 20000);
		*text = token_signed_text(a, HEADER,
		    token_claims(a, 1, NOW_S, "iat", arena_printf(a, "%jd", (intmax_t)i).p));
		signature = token_sign(a, key, "SHA256", RSA_PKCS1_PADDING, *text);
		if (signature.p[0] == '\0')
			return signature;
	}
}

TEST(a_signature_has_the_length_of_its_key_whatever_it_begins_with)
{
	EVP_PKEY *key = token_key(2048, false);
	struct str text, zero;

	fresh();
	use(token_set(a, key, "k1"));
	zero = find_leading_zero(key, &text);
	CHECK_INT(zero.n, RSA_BYTES);
	is("leading zero", token_join(a, text, zero), JWT_GOOD);
	is("leading zero left out", token_join(a, text, str_slice(zero, 1, zero.n)), JWT_BAD);
	is("one zero more", token_join(a, text, insert(zero, 0, zero_byte)), JWT_BAD);
	is("trailing zero", token_join(a, text, insert(zero, zero.n, zero_byte)), JWT_BAD);
	is("shortened", token_join(a, text, str_slice(zero, 0, zero.n - 1)), JWT_BAD);
	is("twice", token_join(a, text, insert(zero, 0, zero)), JWT_BAD);
}

TEST(numbers_that_are_no_signature_are_refused)
{
	EVP_PKEY *key = token_key(2048, false);
	BIGNUM *n = NULL, *s = BN_new();
	struct str text, zero;

	fresh();
	use(token_set(a, key, "k1"));
	CHECK(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1);
	zero = find_leading_zero(key, &text);
	/* The same number in the ring of the key. */
	CHECK(BN_bin2bn((const unsigned char *)zero.p, (int)zero.n, s) != NULL);
	CHECK(BN_add(s, s, n) == 1);
	is("with the modulus added", token_join(a, text, number_bytes(s, (size_t)BN_num_bytes(s))),
	    JWT_BAD);
	for (int i = 0; i <= 3; i++) {
		CHECK(BN_copy(s, n) != NULL && BN_sub_word(s, (BN_ULONG)i) == 1);
		is("near the modulus", token_join(a, text, number_bytes(s, RSA_BYTES)), JWT_BAD);
		CHECK(BN_set_word(s, (BN_ULONG)i) == 1);
		is("near zero", token_join(a, text, number_bytes(s, RSA_BYTES)), JWT_BAD);
		is("short", token_join(a, text, number_bytes(s, 1)), JWT_BAD);
	}
	BN_free(n);
	BN_free(s);
}

/* ---- the padding of PKCS #1 (RFC 8017, 9.2) ---- */

#define BYTES(s)                 \
	{                        \
		s, sizeof(s) - 1 \
	}
#define OID_SHA2 "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02"
#define OID OID_SHA2 "\x01" /* of SHA-256 */
#define INFO "\x30\x31\x30\x0d" OID "\x05\x00\x04\x20"

/* A block as wide as the key: lead, filling, separator, info, digest, tail. */
struct block {
	const char *name;
	struct str lead;
	unsigned char fill;
	size_t n_fill;	/* 0 = as many as there is room for; else garbage takes the rest */
	bool one_other; /* a byte in the middle of the filling is another */
	struct str separator, info;
	const char *digest;
	size_t n_digest; /* bytes of it */
	struct str tail;
};

/* Rows that are wrong in the frame alone, and in what stands in it. */
#define FRAME(name, lead, fill, separator)                                                      \
	{                                                                                       \
		name, BYTES(lead), fill, 0, false, BYTES(separator), BYTES(INFO), "SHA256", 32, \
		    BYTES("")                                                                   \
	}
#define FILLED(name, n, other, tail)                                                           \
	{                                                                                      \
		name, BYTES("\0\x01"), 0xff, n, other, BYTES("\0"), BYTES(INFO), "SHA256", 32, \
		    BYTES(tail)                                                                \
	}
#define HASH(name, info, digest, n)                                                         \
	{                                                                                   \
		name, BYTES("\0\x01"), 0xff, 0, false, BYTES("\0"), BYTES(info), digest, n, \
		    BYTES("")                                                               \
	}
#define ASN1(name, info, tail)                                                                 \
	{                                                                                      \
		name, BYTES("\0\x01"), 0xff, 0, false, BYTES("\0"), BYTES(info), "SHA256", 32, \
		    BYTES(tail)                                                                \
	}

static const struct block right = FRAME("right", "\0\x01", 0xff, "\0");

static const struct block wrong[] = {
	FRAME("block type 2", "\0\x02", 0xff, "\0"),
	FRAME("block type 0", "\0\0", 0xff, "\0"),
	FRAME("block type ff", "\0\xff", 0xff, "\0"),
	FRAME("first byte 1", "\x01\x01", 0xff, "\0"),
	FRAME("no first byte", "\x01", 0xff, "\0"),
	FRAME("no separator", "\0\x01", 0xff, ""),
	FRAME("separator 1", "\0\x01", 0xff, "\x01"),
	FRAME("two separators", "\0\x01", 0xff, "\0\0"),
	FRAME("filled with zeros", "\0\x01", 0, "\0"),
	FRAME("filled with fe", "\0\x01", 0xfe, "\0"),
	FILLED("one byte of the filling", 0, true, ""),
	FILLED("short filling, then garbage", 8, false, ""),
	FILLED("shorter filling, then garbage", 1, false, ""),
	FILLED("one byte of garbage", 0, false, "\0"),
	HASH("SHA-1", "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14", "SHA1", 20),
	HASH("MD5", "\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
	    "MD5", 16),
	HASH("SHA-224", "\x30\x2d\x30\x0d" OID_SHA2 "\x04\x05\x00\x04\x1c", "SHA224", 28),
	HASH("SHA-384", "\x30\x41\x30\x0d" OID_SHA2 "\x02\x05\x00\x04\x30", "SHA384", 48),
	HASH("SHA-512", "\x30\x51\x30\x0d" OID_SHA2 "\x03\x05\x00\x04\x40", "SHA512", 64),
	HASH("SHA-512/256", "\x30\x31\x30\x0d" OID_SHA2 "\x06\x05\x00\x04\x20", "SHA512-256", 32),
	HASH("SHA3-256", "\x30\x31\x30\x0d" OID_SHA2 "\x08\x05\x00\x04\x20", "SHA3-256", 32),
	HASH("SHA-256 under another name", "\x30\x31\x30\x0d" OID_SHA2 "\x06\x05\x00\x04\x20",
	    "SHA256", 32),
	HASH("SHA3-256 under the name of SHA-256", INFO, "SHA3-256", 32),
	HASH("digest alone", "", "SHA256", 32),
	HASH("digest in an octet string", "\x04\x20", "SHA256", 32),
	HASH("digest cut short", INFO, "SHA256", 31),
	HASH("digest cut short, and said so", "\x30\x30\x30\x0d" OID "\x05\x00\x04\x1f", "SHA256",
	    31),
	HASH("no digest", "\x30\x11\x30\x0d" OID "\x05\x00\x04\x00", "SHA256", 0),
	ASN1("no parameters", "\x30\x2f\x30\x0b" OID "\x04\x20", ""),
	ASN1("NULL with a byte", "\x30\x32\x30\x0e" OID "\x05\x01\x00\x04\x20", ""),
	ASN1("NULL with a long length", "\x30\x32\x30\x0e" OID "\x05\x81\x00\x04\x20", ""),
	ASN1("another tag for NULL", "\x30\x31\x30\x0d" OID "\x04\x00\x04\x20", ""),
	ASN1("two NULL", "\x30\x33\x30\x0f" OID "\x05\x00\x05\x00\x04\x20", ""),
	ASN1("garbage for NULL", "\x30\x35\x30\x11" OID "\x30\x04\xde\xad\xbe\xef\x04\x20", ""),
	ASN1("long length of the whole", "\x30\x81\x31\x30\x0d" OID "\x05\x00\x04\x20", ""),
	ASN1("longer length of the whole", "\x30\x82\x00\x31\x30\x0d" OID "\x05\x00\x04\x20", ""),
	ASN1("long length of the algorithm", "\x30\x32\x30\x81\x0d" OID "\x05\x00\x04\x20", ""),
	ASN1("long length of the digest", "\x30\x32\x30\x0d" OID "\x05\x00\x04\x81\x20", ""),
	ASN1("long length of the name",
	    "\x30\x32\x30\x0e\x06\x81\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", ""),
	ASN1("a name with an empty digit",
	    "\x30\x32\x30\x0e\x06\x0a\x60\x86\x48\x80\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", ""),
	ASN1("indefinite length", "\x30\x80\x30\x0d" OID "\x05\x00\x04\x20", "\0\0"),
	ASN1("length of the whole too small", "\x30\x30\x30\x0d" OID "\x05\x00\x04\x20", ""),
	ASN1("length of the whole too large", "\x30\x32\x30\x0d" OID "\x05\x00\x04\x20", ""),
	ASN1("length of the digest too small", "\x30\x31\x30\x0d" OID "\x05\x00\x04\x1f", ""),
	ASN1("a set for a sequence", "\x31\x31\x30\x0d" OID "\x05\x00\x04\x20", ""),
	ASN1("a bit string for an octet string", "\x30\x31\x30\x0d" OID "\x05\x00\x03\x20", ""),
	ASN1("more behind the digest", "\x30\x33\x30\x0d" OID "\x05\x00\x04\x20", "\x05\x00"),
};

static struct str
block_bytes(const struct block *b, struct str text)
{
	struct buf out;
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t n_digest = 0, others, n_fill;
	struct str bytes;

	CHECK(EVP_Q_digest(NULL, b->digest, NULL, text.p, text.n, digest, &n_digest) == 1);
	CHECK(b->n_digest <= n_digest);
	n_digest = b->n_digest;
	others = b->lead.n + b->separator.n + b->info.n + n_digest + b->tail.n;
	n_fill = b->n_fill > 0 ? b->n_fill : RSA_BYTES - others;
	buf_init(&out, RSA_BYTES);
	buf_add(&out, b->lead);
	for (size_t i = 0; i < n_fill; i++)
		buf_add_char(&out, (char)(b->one_other && i == n_fill / 2 ? b->fill - 1 : b->fill));
	buf_add(&out, b->separator);
	buf_add(&out, b->info);
	buf_add(&out, (struct str){ (const char *)digest, n_digest });
	buf_add(&out, b->tail);
	while (out.n < RSA_BYTES)
		buf_add_char(&out, 'x');
	CHECK(!buf_over(&out) && out.n == RSA_BYTES);
	bytes = arena_str(a, buf_str(&out));
	buf_done(&out);
	return bytes;
}

/* The private key's operation alone. */
static struct str
raw_signature(EVP_PKEY *key, struct str block)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = RSA_BYTES;
	unsigned char *bytes = arena_alloc(a, n);

	CHECK(
	    EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1);
	CHECK(EVP_PKEY_sign(ctx, bytes, &n, (const unsigned char *)block.p, block.n) == 1);
	EVP_PKEY_CTX_free(ctx);
	return (struct str){ (const char *)bytes, n };
}

TEST(modified_padding_is_refused)
{
	EVP_PKEY *key = token_key(2048, false);
	struct str text;

	fresh();
	use(token_set(a, key, "k1"));
	text = token_signed_text(a, HEADER, claims());
	is(right.name, token_join(a, text, raw_signature(key, block_bytes(&right, text))),
	    JWT_GOOD);
	for (size_t i = 0; i < COUNT(wrong); i++)
		is(wrong[i].name,
		    token_join(a, text, raw_signature(key, block_bytes(&wrong[i], text))), JWT_BAD);
}

TEST(each_changed_byte_of_the_padding_is_refused)
{
	EVP_PKEY *key = token_key(2048, false);
	struct str text, block;

	fresh();
	use(token_set(a, key, "k1"));
	text = token_signed_text(a, HEADER, claims());
	block = block_bytes(&right, text);
	for (size_t i = 0; i < block.n; i++) {
		char *bytes = arena_alloc(a, block.n);

		memcpy(bytes, block.p, block.n);
		bytes[i] ^= 1;
		is("a changed byte",
		    token_join(a, text, raw_signature(key, (struct str){ bytes, block.n })),
		    JWT_BAD);
	}
}

TEST(a_signature_with_pss_is_refused_whatever_its_salt)
{
	static const int salts[] = { 0, 20, 32, RSA_PSS_SALTLEN_MAX };
	EVP_PKEY *key = token_key(2048, false);
	struct str text;

	fresh();
	use(token_set(a, key, "k1"));
	text = token_signed_text(a, HEADER, claims());
	for (size_t i = 0; i < COUNT(salts); i++) {
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *how = NULL;
		size_t n = RSA_BYTES;
		unsigned char *bytes = arena_alloc(a, n);

		CHECK(EVP_DigestSignInit_ex(ctx, &how, "SHA256", NULL, NULL, key, NULL) == 1);
		CHECK(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		      EVP_PKEY_CTX_set_rsa_pss_saltlen(how, salts[i]) == 1);
		CHECK(EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)text.p, text.n) == 1);
		EVP_MD_CTX_free(ctx);
		is("PSS", token_join(a, text, (struct str){ (const char *)bytes, n }), JWT_BAD);
	}
}

/* With an exponent of 1 the padded digest is its own signature: anybody could make it. */
TEST(an_exponent_that_makes_everybody_a_signer_verifies_nothing)
{
	static const struct {
		const char *name, *exponent;
	} vectors[] = { { "1", "AQ" }, { "1 with zeros", "AAAAAQ" }, { "0", "AA" }, { "empty", "" },
		{ "2", "Ag" }, { "65536", "AQAA" }, { "padded", "AQAB==" }, { "stray bits", "AQB" },
		{ "blank", " AQAB" }, { "nine bytes", "AQAAAAAAAAAB" }, { "no base64", "!" } };
	EVP_PKEY *key = token_key(2048, false);
	struct str text;

	fresh();
	text = token_signed_text(a, HEADER, claims());
	for (size_t i = 0; i < COUNT(vectors); i++) {
		use_key(token_number(a, key, OSSL_PKEY_PARAM_RSA_N),
		    arena_printf(a, "\"kty\":\"RSA\",\"e\":\"%s\"", vectors[i].exponent).p);
		is(vectors[i].name, token_join(a, text, block_bytes(&right, text)),
		    JWT_UNKNOWN_KEY);
		is(vectors[i].name, token_of(key, HEADER), JWT_UNKNOWN_KEY);
	}
	use_key(token_number(a, key, OSSL_PKEY_PARAM_RSA_N), "\"kty\":\"RSA\"");
	is("none at all", token_of(key, HEADER), JWT_UNKNOWN_KEY);
}
