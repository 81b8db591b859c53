/*
 * Happy path: the token is one that was verified before with the keys in force; or it is verified
 * and remembered until it expires.
 * What can go wrong: it is wrong (bad); it lacks the role; its key is not known, there are no keys
 * yet, or our clock and the identity service's differ so much that its times say nothing (later).
 */
#include "tokens.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

struct verified {
	unsigned char digest[SHA256_SIZE];
	uint64_t set; /* verified with these keys */
	int64_t from_ms, until_ms;
};

struct tokens {
	struct arena *arena;
	struct jwt_wanted wanted;
	struct str source;
	struct key_cache *keys;
	unsigned char salt[SALT_SIZE];
	pthread_mutex_t lock; /* of verified */
	struct verified verified[TOKENS_VERIFIED_MAX];
};

/* ---- tokens that were good before ---- */

static struct verified *
slot(struct tokens *t, const unsigned char digest[SHA256_SIZE])
{
	return &t->verified[(digest[0] | digest[1] << 8) % TOKENS_VERIFIED_MAX];
}

static bool
is_remembered(
    struct tokens *t, const struct key_set *set, const unsigned char d[SHA256_SIZE], int64_t now)
{
	struct verified *v = slot(t, d);
	bool good;

	pthread_mutex_lock(&t->lock);
	good = v->until_ms > 0 && memcmp(v->digest, d, sizeof(v->digest)) == 0 &&
	       v->set == key_set_number(set) && now >= v->from_ms && now < v->until_ms;
	pthread_mutex_unlock(&t->lock);
	return good;
}

static void
remember(struct tokens *t, const struct key_set *set, const unsigned char d[SHA256_SIZE],
    const struct jwt *jwt)
{
	struct verified *v = slot(t, d);

	pthread_mutex_lock(&t->lock);
	memcpy(v->digest, d, sizeof(v->digest));
	v->set = key_set_number(set);
	v->from_ms = jwt->not_before_ms - JWT_SKEW_MS;
	v->until_ms = jwt->expires_ms + JWT_SKEW_MS;
	pthread_mutex_unlock(&t->lock);
}

/* ---- judging ---- */

static enum auth_answer
later(struct err *why, const char *text)
{
	fail_again(why, 0, "%s", text);
	return AUTH_LATER;
}

static enum auth_answer
key_not_known(struct tokens *t, const struct key_set *set, const struct jwt *jwt, struct err *why)
{
	if (set == NULL)
		return later(why, "there are no signing keys yet");
	if (key_cache_is_absent(t->keys, t->source, jwt->version, jwt->kid, clock_mono_ms()))
		return AUTH_BAD; /* why is the verifier's */
	return later(why, "the key that it names is looked for");
}

/* Wrong by our clock proves nothing when the clock is wrong; right by it proves nothing either. */
static bool
clock_is_wrong(struct tokens *t, const struct key_set *set, int64_t now, struct err *why)
{
	int64_t ahead = key_set_clock_ahead_ms(set, now, clock_mono_ms());

	if (ahead <= JWT_SKEW_MS && ahead >= -JWT_SKEW_MS)
		return false;
	key_cache_doubt(t->keys);
	fail_again(why, 0, "our clock is %jd seconds %s that of Microsoft Entra ID",
	    (intmax_t)(ahead < 0 ? -ahead : ahead) / 1000, ahead < 0 ? "behind" : "ahead of");
	return true;
}

static enum auth_answer
judge(struct tokens *t, const struct key_set *set, struct str token, int64_t now, struct jwt *jwt,
    struct arena *a, struct err *why)
{
	struct jwt_keys keys = { { NULL } };

	if (set != NULL)
		keys = key_set_keys(set);
	switch (jwt_verify(&t->wanted, &keys, token, now, a, jwt, why)) {
	case JWT_GOOD:
		return clock_is_wrong(t, set, now, why) ? AUTH_LATER : AUTH_OK;
	case JWT_NOT_NOW:
		return clock_is_wrong(t, set, now, why) ? AUTH_LATER : AUTH_BAD;
	case JWT_NO_ROLE:
		return AUTH_NO_ROLE;
	case JWT_UNKNOWN_KEY:
		return key_not_known(t, set, jwt, why);
	default:
		return AUTH_BAD;
	}
}

static enum auth_answer
verify(struct tokens *t, const struct key_set *set, struct str token,
    const unsigned char d[SHA256_SIZE], int64_t now, struct err *why)
{
	struct arena *a = arena_new();
	struct jwt jwt;
	enum auth_answer answer = judge(t, set, token, now, &jwt, a, why);

	if (answer == AUTH_OK)
		remember(t, set, d, &jwt);
	arena_free(a);
	return answer;
}

enum auth_answer
tokens_check(struct tokens *t, struct str token, struct err *why)
{
	struct key_set *set = t->keys == NULL ? NULL : key_cache_get(t->keys, t->source);
	int64_t now = clock_now_ms();
	unsigned char d[SHA256_SIZE];
	enum auth_answer answer;

	sha256_salted(t->salt, token, d);
	if (set != NULL && is_remembered(t, set, d, now))
		answer = clock_is_wrong(t, set, now, why) ? AUTH_LATER : AUTH_OK;
	else
		answer = verify(t, set, token, d, now, why);
	key_set_release(set);
	if (answer != AUTH_OK)
		fail_in(why, "the bearer token %s",
		    answer == AUTH_LATER ? "cannot be judged now" : "is not good");
	return answer;
}

bool
tokens_clock_is_wrong(struct tokens *t, struct err *why)
{
	struct key_set *set = t->keys == NULL ? NULL : key_cache_get(t->keys, t->source);
	bool wrong = set != NULL && clock_is_wrong(t, set, clock_now_ms(), why);

	key_set_release(set);
	return wrong;
}

/* ---- made once for each version of the settings ---- */

struct tokens *
tokens_new(const struct settings_entra *s)
{
	struct tokens *t = xcalloc(1, sizeof(*t));

	t->arena = arena_new();
	t->source = arena_str(t->arena, s->source);
	t->wanted = (struct jwt_wanted){ .tenant = arena_str(t->arena, s->tenant),
		.audience = arena_strs(t->arena, s->audience, s->n_audience),
		.n_audience = s->n_audience,
		.application = arena_str(t->arena, s->application),
		.role = arena_str(t->arena, s->role) };
	for (int v = JWT_V1; v < JWT_VERSIONS; v++) {
		t->wanted.issuers[v].list = arena_strs(t->arena, s->issuers[v], s->n_issuers[v]);
		t->wanted.issuers[v].n = s->n_issuers[v];
	}
	random_bytes(t->salt, sizeof(t->salt));
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
tokens_free(struct tokens *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	arena_free(t->arena);
	free(t);
}

void
tokens_use_keys(struct tokens *t, struct key_cache *keys)
{
	t->keys = keys;
}
