/*
 * Bearer tokens of deliveries, judged by the settings and the signing keys in force.
 */
#ifndef DAEMON_TOKENS_H
#define DAEMON_TOKENS_H

#include "core/settings.h"
#include "daemon/auth.h"
#include "daemon/key_cache.h"

/* Good tokens that are remembered: Event Grid shows the same one in thousands of deliveries. */
#define TOKENS_VERIFIED_MAX 256

struct tokens; /* any thread may use it */

struct tokens *tokens_new(const struct settings_entra *s);
void tokens_free(struct tokens *t);
/* Whose keys; stays the caller's.  Until then every token is "not known now". */
void tokens_use_keys(struct tokens *t, struct key_cache *keys);
/* Never waits for the network.  why says why it is not AUTH_OK, without a word of the token. */
enum auth_answer tokens_check(struct tokens *t, struct str token, struct err *why);

/*
 * Does the service that gave the keys say that our clock is wrong, so that times say nothing?  It
 * is asked again then.
 */
bool tokens_clock_is_wrong(struct tokens *t, struct err *why);

#endif
