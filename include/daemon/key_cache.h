/*
 * The signing keys in force, and the thread that fetches them: at start, every hour, and when a
 * token names a key that is not known, but then not more often than every five minutes.  What was
 * fetched stays good when a later fetch fails.
 *
 * Whoever checks tokens never waits for the network: he is told that it is not known now.  One
 * answer may be an old one, of a replica that lags behind: a key id that nobody has published is
 * "not known now" until two good fetches, begun after it was first seen and five minutes apart,
 * have ended without it.  Then it is proven wrong, for five minutes after the last fetch: it may be
 * published any time.
 *
 * https://learn.microsoft.com/entra/identity-platform/signing-key-rollover
 */
#ifndef DAEMON_KEY_CACHE_H
#define DAEMON_KEY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "core/jwt.h"

#define KEY_CACHE_REFRESH_MS ((int64_t)3600 * 1000)
/*
 * A stranger can name keys that do not exist as fast as he likes: this is how often we look, how
 * far two looks must be apart to prove something, and how long that holds.
 */
#define KEY_CACHE_UNKNOWN_MS ((int64_t)300 * 1000)
/* After a fetch that failed: doubled each time, up to the second. */
#define KEY_CACHE_RETRY_MS 1000
#define KEY_CACHE_RETRY_MAX_MS 60000
/*
 * Key ids that are remembered as not published; beyond it the oldest is forgotten, and with it what
 * was proven: it is answered "not known now" again.
 */
#define KEY_CACHE_UNKNOWN_MAX 512

/* What a fetch brings: the key sets as text, and the service's clock (-1 = it does not say). */
struct key_documents {
	struct str of[JWT_VERSIONS];
	bool left_out[JWT_VERSIONS]; /* not asked for: no token of that version is let in */
	int64_t server_ms;
};

/* Called from the cache's own thread; may take its time.  Texts live in a. */
typedef bool key_fetch(void *ctx, struct arena *a, struct key_documents *out, struct err *e);

struct key_cache_options {
	key_fetch *fetch;
	void *ctx;
	int64_t refresh_ms, unknown_ms, retry_ms; /* 0 = as above; tests have no hour */
};

struct key_cache;

struct key_cache *key_cache_new(const struct key_cache_options *o);
void key_cache_free(struct key_cache *c); /* waits for a fetch under way; NULL is fine */

/* Its thread, when a source is named; before key_cache_set_source(), which cannot fail then. */
bool key_cache_start(struct key_cache *c, struct str source, struct err *e) MUST_CHECK;
/*
 * Whose keys are wanted.  The same source as before changes nothing; another one forgets all keys
 * and fetches anew; "" = none are wanted.
 */
void key_cache_set_source(struct key_cache *c, struct str source);

/* Keys that were fetched together.  Counted: they stay while somebody holds them. */
struct key_set;
/* NULL when none of that source were fetched yet. */
struct key_set *key_cache_get(struct key_cache *c, struct str source);
void key_set_release(struct key_set *set);
struct jwt_keys key_set_keys(const struct key_set *set);
/* Another number, another set. */
uint64_t key_set_number(const struct key_set *set);
/*
 * How far our clock is ahead of the one of the service that gave the keys (negative: behind); 0
 * when it did not say.
 */
int64_t key_set_clock_ahead_ms(const struct key_set *set, int64_t now_ms, int64_t mono_ms);

/*
 * A token names a key that is not in the set that somebody holds.  True: it is proven that no such
 * key is published.  False: not known now, it will be looked for.
 */
bool key_cache_is_absent(struct key_cache *c, struct str source, enum jwt_version version,
    struct str kid, int64_t mono_ms);
/* The keys (or the clock that came with them) are in doubt: fetch when the five minutes allow. */
void key_cache_doubt(struct key_cache *c);

struct key_cache_figures {
	int64_t keys;		 /* in force now */
	int64_t fetched_ms;	 /* last success, wall clock; 0 = never */
	int64_t fetches, failed; /* ever */
	int64_t next_mono_ms;	 /* when the next one begins; INT64_MAX = never */
};
void key_cache_figures(struct key_cache *c, struct key_cache_figures *out);

#endif
