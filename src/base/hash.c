#include "base/hash.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- CRC-32C, eight bytes a step (slicing-by-8) ---- */

static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
table_fill(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
		table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
}

static uint32_t
little32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t
crc32c_table(uint32_t crc, const unsigned char *p, size_t n)
{
	pthread_once(&table_once, table_fill);
	for (; n >= 8; n -= 8, p += 8) {
		uint32_t lo = crc ^ little32(p), hi = little32(p + 4);

		crc = table[7][lo & 0xff] ^ table[6][(lo >> 8) & 0xff] ^
		      table[5][(lo >> 16) & 0xff] ^ table[4][lo >> 24] ^ table[3][hi & 0xff] ^
		      table[2][(hi >> 8) & 0xff] ^ table[1][(hi >> 16) & 0xff] ^ table[0][hi >> 24];
	}
	for (; n > 0; n--, p++)
		crc = (crc >> 8) ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

/* x86-64 has had an instruction for just this polynomial since 2008: six times as fast. */
#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc, eight;

	for (; n >= sizeof(eight); n -= sizeof(eight), p += sizeof(eight)) {
		memcpy(&eight, p, sizeof(eight));
		wide = __builtin_ia32_crc32di(wide, eight);
	}
	crc = (uint32_t)wide;
	for (; n > 0; n--, p++)
		crc = __builtin_ia32_crc32qi(crc, *p);
	return crc;
}
#endif

uint32_t
crc32c(uint32_t crc, const void *data, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc32c_sse42(~crc, data, n);
#endif
	return ~crc32c_table(~crc, data, n);
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
