#include "base/hash.h"

#include <isa-l/crc.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- CRC-32C ---- */

/* ISA-L's reads only, though it does not say so; its length is an int. */
uint32_t
crc32c(uint32_t crc, const void *data, size_t n)
{
	unsigned char *p = (unsigned char *)(uintptr_t)data;

	crc = ~crc;
	for (size_t part; n > 0; p += part, n -= part) {
		part = n < INT_MAX ? n : INT_MAX;
		crc = crc32_iscsi(p, (int)part, crc);
	}
	return ~crc;
}

/* ---- digests: OpenSSL fails here only when it is broken or out of memory ---- */

static void
length_bytes(size_t n, unsigned char out[8])
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)((uint64_t)n >> (8 * i));
}

void
sha256_parts(const struct str *parts, size_t n, unsigned char out[32])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char length[8];
	int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL);

	for (size_t i = 0; ok && i < n; i++) {
		length_bytes(parts[i].n, length);
		ok = EVP_DigestUpdate(md, length, sizeof(length)) &&
		     EVP_DigestUpdate(md, parts[i].p, parts[i].n);
	}
	ok = ok && EVP_DigestFinal_ex(md, out, NULL);
	EVP_MD_CTX_free(md);
	if (!ok)
		abort();
}

void
sha256_of(struct str bytes, unsigned char out[SHA256_SIZE])
{
	if (EVP_Digest(bytes.p, bytes.n, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void
sha256_salted(
    const unsigned char salt[SALT_SIZE], struct str secret, unsigned char out[SHA256_SIZE])
{
	const struct str parts[] = { { (const char *)salt, SALT_SIZE }, secret };

	sha256_parts(parts, 2, out);
}

void
sha256_parts_hex(const struct str *parts, size_t n, char out[SHA256_HEX_MAX])
{
	unsigned char digest[32];

	sha256_parts(parts, n, digest);
	hex_encode(digest, sizeof(digest), out);
}

void
hmac_sha256(struct str key, struct str bytes, unsigned char out[SHA256_SIZE])
{
	unsigned written = SHA256_SIZE;

	if (HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)bytes.p, bytes.n, out,
		&written) == NULL ||
	    written != SHA256_SIZE)
		abort();
}

/* One MAC context a thread: fetching the algorithm costs more than hashing an alert. */
static _Thread_local EVP_MAC_CTX *poly_ctx;
static pthread_key_t poly_key;
static pthread_once_t poly_once = PTHREAD_ONCE_INIT;

static void
poly_free(void *ctx)
{
	EVP_MAC_CTX_free(ctx);
}

static void
poly_init(void)
{
	if (pthread_key_create(&poly_key, poly_free) != 0)
		abort();
}

static EVP_MAC_CTX *
poly_get(void)
{
	EVP_MAC *mac;

	if (poly_ctx != NULL)
		return poly_ctx;
	pthread_once(&poly_once, poly_init);
	mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	poly_ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (poly_ctx == NULL || pthread_setspecific(poly_key, poly_ctx) != 0)
		abort();
	return poly_ctx;
}

void
hash128_parts(
    const unsigned char key[HASH_KEY_SIZE], const struct str *parts, size_t n, struct hash128 *out)
{
	EVP_MAC_CTX *ctx = poly_get();
	unsigned char length[8];
	size_t written = 0;
	int ok = EVP_MAC_init(ctx, key, HASH_KEY_SIZE, NULL);

	for (size_t i = 0; ok && i < n; i++) {
		length_bytes(parts[i].n, length);
		ok = EVP_MAC_update(ctx, length, sizeof(length)) &&
		     EVP_MAC_update(ctx, (const unsigned char *)parts[i].p, parts[i].n);
	}
	ok = ok && EVP_MAC_final(ctx, out->bytes, &written, sizeof(out->bytes));
	if (!ok || written != sizeof(out->bytes))
		abort();
}

void
hash128_plain(const struct str *parts, size_t n, struct hash128 *out)
{
	unsigned char digest[SHA256_SIZE];

	sha256_parts(parts, n, digest);
	memcpy(out->bytes, digest, sizeof(out->bytes));
}

bool
hash128_eq(const struct hash128 *x, const struct hash128 *y)
{
	return memcmp(x->bytes, y->bytes, sizeof(x->bytes)) == 0;
}

void
hash128_all(const struct hash128 *list, size_t n, struct hash128 *out)
{
	struct str all = { (const char *)list, n * sizeof(*list) };
	unsigned char digest[SHA256_SIZE];

	*out = list[0];
	if (n == 1)
		return;
	sha256_parts(&all, 1, digest);
	memcpy(out->bytes, digest, sizeof(out->bytes));
}

/* ---- names ---- */

void
random_bytes(void *p, size_t n)
{
	if (RAND_bytes(p, (int)n) != 1)
		abort();
}

void
hex_encode(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

static char *
uuid_format(unsigned char b[16], int version, char out[UUID_MAX])
{
	static const size_t lengths[] = { 4, 2, 2, 2, 6 };
	char *p = out;
	size_t at = 0;

	b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < 5; i++) {
		hex_encode(b + at, lengths[i], p);
		at += lengths[i];
		p += 2 * lengths[i];
		*p++ = i < 4 ? '-' : '\0';
	}
	return out;
}

char *
uuid_random(char out[UUID_MAX])
{
	unsigned char bytes[16];

	random_bytes(bytes, sizeof(bytes));
	return uuid_format(bytes, 4, out);
}

char *
uuid_from(struct str text, char out[UUID_MAX])
{
	unsigned char digest[32];

	sha256_parts(&text, 1, digest);
	return uuid_format(digest, 5, out);
}

bool
uuid_is(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool hex = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f') ||
			   (s.p[i] >= 'A' && s.p[i] <= 'F');

		if (dash ? s.p[i] != '-' : !hex)
			return false;
	}
	return true;
}
