/*
 * The public keys with which an identity service signs its tokens: a JSON Web Key Set (RFC 7517),
 * read once, immutable afterwards, so any thread may look into it.  RSA only.
 *
 * A key that cannot be used (another kind, too short, for encryption, broken) is left out; a set
 * without one that can be used is refused.
 */
#ifndef CORE_SIGNING_KEYS_H
#define CORE_SIGNING_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* Entra publishes about ten; its documentation speaks of 10 to 1000. */
#define SIGNING_KEYS_MAX 1000
/* A thousand keys with their certificates. */
#define SIGNING_KEYS_TEXT_MAX ((size_t)4 * 1024 * 1024)
/* Shorter keys can be broken, longer ones only cost time. */
#define SIGNING_KEY_BITS_MIN 2048
#define SIGNING_KEY_BITS_MAX 8192
/* Entra's are thumbprints of 27 characters. */
#define SIGNING_KEY_ID_MAX 256

struct signing_keys;
struct signing_key; /* lives as long as its set */

bool signing_keys_parse(struct str text, struct signing_keys **out, struct err *e) MUST_CHECK;
void signing_keys_free(struct signing_keys *keys); /* NULL is fine */
size_t signing_keys_count(const struct signing_keys *keys);
/* Their ids, i from 0 on. */
struct str signing_keys_id(const struct signing_keys *keys, size_t i);
/* NULL when there is none of that id; ids are compared with case. */
const struct signing_key *signing_keys_find(const struct signing_keys *keys, struct str kid);

/* The only issuer whose tokens the key may sign; may hold "{tenantid}".  "" = not said. */
struct str signing_key_issuer(const struct signing_key *key);
/* RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, section 3.3) over text. */
bool signing_key_verify(const struct signing_key *key, struct str text, struct str signature);

#endif
