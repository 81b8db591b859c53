/*
 * Base64 as JSON Web Tokens have it (RFC 7515, section 2: base64url without padding); and in the
 * older form (RFC 4648, section 4), as the tokens' certificates and CloudEvents have it.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Strict: only the 64 characters of base64url, no padding, no white space, and no bit set behind
 * the last byte, so that no two texts mean the same bytes.  False when it is anything else.
 */
bool base64url_decode(struct str text, struct arena *a, struct str *out);

struct str base64url_encode(struct str bytes, struct arena *a);

/* With + and /, and padding; false when it is anything else. */
bool base64_decode(struct str text, struct arena *a, struct str *out);
struct str base64_encode(struct str bytes, struct arena *a);

#endif
