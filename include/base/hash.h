/*
 * Checksums, digests and names made from them.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* CRC-32C (Castagnoli), as in iSCSI.  Start with 0; feed parts in order. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#define SHA256_SIZE 32
#define SHA256_HEX_MAX 65

/* Digest of the parts, each preceded by its length so that ("ab","c") differs from ("a","bc"). */
void sha256_parts(const struct str *parts, size_t n, unsigned char out[32]);
/* Digest of these bytes alone. */
void sha256_of(struct str bytes, unsigned char out[SHA256_SIZE]);
/* A secret to compare with, without keeping it: its digest under a random salt of the process. */
#define SALT_SIZE 16
void sha256_salted(
    const unsigned char salt[SALT_SIZE], struct str secret, unsigned char out[SHA256_SIZE]);
void sha256_parts_hex(const struct str *parts, size_t n, char out[SHA256_HEX_MAX]);
/* HMAC-SHA256 (RFC 2104): a signature that only who holds the key can make. */
void hmac_sha256(struct str key, struct str bytes, unsigned char out[SHA256_SIZE]);

/*
 * For tables: who knows neither the key, which is random, nor any hash cannot choose collisions,
 * and two texts have the same with a probability of at most 2^-83 (12 MiB of them).  It is no
 * signature: hashes stay in this installation.  Parts are separated by length as above.
 *
 * Poly1305 (RFC 8439, 2.5) under a key that stays the same: a polynomial hash, not a one-time tag.
 */
#define HASH_KEY_SIZE 32
struct hash128 {
	unsigned char bytes[16];
};
void hash128_parts(
    const unsigned char key[HASH_KEY_SIZE], const struct str *parts, size_t n, struct hash128 *out);

/* The same everywhere: the first half of sha256_parts(). */
void hash128_plain(const struct str *parts, size_t n, struct hash128 *out);
bool hash128_eq(const struct hash128 *x, const struct hash128 *y);

/* One for several (at least one); of a single one it is that one. */
void hash128_all(const struct hash128 *list, size_t n, struct hash128 *out);

#define UUID_MAX 37

/* A random UUID (version 4) as lower-case text. */
char *uuid_random(char out[UUID_MAX]);
/* A UUID made from text (version 5 layout over SHA-256): the same text gives the same UUID. */
char *uuid_from(struct str text, char out[UUID_MAX]);
/* 8-4-4-4-12 hexadecimal digits, in any case. */
bool uuid_is(struct str s);

void random_bytes(void *p, size_t n);
void hex_encode(const void *p, size_t n, char *out); /* writes 2n digits and a NUL */

#endif
