/*
 * A token:
 *	the cache has one that need not be refreshed yet: it is handed out;
 *	it is due and still good: one caller refreshes it, the others are given the old one;
 *	there is none: one caller asks the identity service while the others wait for the lock;
 *	when that fails and the old one still has five minutes, the old one is handed out.
 *
 * What can go wrong is what the sources say (credential_*.c): trouble (ERR_AGAIN), a refusal
 * (ERR_DENIED).
 */
#include "azure/credential.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "credential_internal.h"

/* Tokens that live longer are refreshed at half their life, others shortly before their end. */
#define LONG_LIFE_MS (2 * 3600 * INT64_C(1000))
#define EARLY_MS (600 * INT64_C(1000))
/* A little earlier by chance: machines that started together do not ask together for ever. */
#define JITTER_MS (300 * 1000)
/* Between two tries to refresh a token that is still good. */
#define REFRESH_AGAIN_MS (30 * INT64_C(1000))
/* Resource Manager, and room for other services of Azure. */
#define AUDIENCES_MAX 8

struct token {
	char *audience;
	char *authorization; /* NULL = dropped */
	int64_t expires_ms, refresh_ms;
	bool refreshing;    /* somebody does it, and holds no lock */
	int64_t rest_ms;    /* the service is not asked before this time ... */
	struct err resting; /* ... because it said so */
};

struct credential {
	const struct settings_azure *azure;
	const struct settings_credential *own;
	pthread_mutex_t lock;
	struct token tokens[AUDIENCES_MAX];
	size_t n;
	atomic_int chosen;	   /* of the chain "default" */
	struct credential *others; /* of single subscriptions; only the default one has them */
	size_t n_others;
};

static void
init(struct credential *c, const struct settings_azure *s, const struct settings_credential *own)
{
	c->azure = s;
	c->own = own;
	atomic_init(&c->chosen, -1);
	pthread_mutex_init(&c->lock, NULL);
}

struct credential *
credential_new(const struct settings_azure *s)
{
	struct credential *c = xcalloc(1, sizeof(*c));

	init(c, s, &s->credential);
	c->others = s->n_credentials == 0 ? NULL : xcalloc(s->n_credentials, sizeof(*c));
	for (; c->n_others < s->n_credentials; c->n_others++)
		init(&c->others[c->n_others], s, &s->credentials[c->n_others]);
	return c;
}

static void
forget(struct token *t)
{
	if (t->authorization != NULL)
		explicit_bzero(t->authorization, strlen(t->authorization));
	free(t->authorization);
	t->authorization = NULL;
}

static void
done(struct credential *c)
{
	for (size_t i = 0; i < c->n; i++) {
		forget(&c->tokens[i]);
		free(c->tokens[i].audience);
	}
	pthread_mutex_destroy(&c->lock);
}

void
credential_free(struct credential *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n_others; i++)
		done(&c->others[i]);
	free(c->others);
	done(c);
	free(c);
}

struct credential *
credential_for(struct credential *c, struct str subscription)
{
	for (size_t i = 0; i < c->n_others; i++)
		for (size_t k = 0; k < c->others[i].own->n_subscriptions; k++)
			if (str_eq_nocase(c->others[i].own->subscriptions[k], subscription))
				return &c->others[i];
	return c;
}

/* ---- asking ---- */

/* NULL: the chain has not chosen yet. */
static const struct token_source *
source_of(const struct credential *c)
{
	static const struct token_source *const sources[] = {
		[CREDENTIAL_MANAGED_IDENTITY] = &source_managed_identity,
		[CREDENTIAL_CLIENT_SECRET] = &source_client_secret,
		[CREDENTIAL_CLIENT_CERTIFICATE] = &source_client_certificate,
		[CREDENTIAL_WORKLOAD_IDENTITY] = &source_workload_identity,
		[CREDENTIAL_AZURE_CLI] = &source_azure_cli,
	};

	return c->own->type == CREDENTIAL_DEFAULT ? default_source(&c->chosen)
						  : sources[c->own->type];
}

static bool
ask(struct credential *c, const struct sign_in *si, struct granted *out, struct err *e)
{
	if (c->own->type == CREDENTIAL_DEFAULT)
		return default_ask(si, &c->chosen, out, e);
	return source_of(c)->ask(si, out, e);
}

struct str
credential_whose(const struct credential *c, struct arena *a)
{
	const struct token_source *source = source_of(c);
	struct str id = c->own->client_id;

	if (source == NULL)
		return STR("nobody yet");
	if (source == &source_azure_cli)
		return str_of(source->who);
	if (id.n == 0 &&
	    (c->own->type == CREDENTIAL_DEFAULT || c->own->type == CREDENTIAL_WORKLOAD_IDENTITY))
		id = credential_env("AZURE_CLIENT_ID");
	return arena_printf(a, "%s%s%.*s", source->who, id.n > 0 ? " " : "", STR_ARG(id));
}

static int64_t
refresh_at(const struct granted *g, int64_t now_ms)
{
	int64_t life = g->expires_ms - now_ms;
	uint32_t chance;

	if (g->refresh_ms > 0)
		return g->refresh_ms;
	random_bytes(&chance, sizeof(chance));
	if (life > LONG_LIFE_MS)
		return now_ms + life / 2 - chance % JITTER_MS;
	if (life > 2 * (EARLY_MS + JITTER_MS))
		return g->expires_ms - EARLY_MS - chance % JITTER_MS;
	return now_ms + life / 2;
}

static void
keep(struct token *t, const struct granted *g, int64_t now_ms, struct arena *a)
{
	forget(t);
	t->authorization = xstrndup(arena_printf(a, "Bearer %.*s", STR_ARG(g->token)));
	t->expires_ms = g->expires_ms;
	t->refresh_ms = refresh_at(g, now_ms);
}

/* ---- the cache ---- */

static struct token *
find(struct credential *c, struct str audience)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_is(audience, c->tokens[i].audience))
			return &c->tokens[i];
	return NULL;
}

static struct token *
find_or_add(struct credential *c, struct str audience)
{
	struct token *t = find(c, audience);

	if (t != NULL || c->n == AUDIENCES_MAX)
		return t;
	t = &c->tokens[c->n++];
	t->audience = xstrndup(audience);
	return t;
}

static bool
is_good(const struct token *t, int64_t now_ms)
{
	return t->authorization != NULL && t->expires_ms - now_ms >= TOKEN_LEFT_MIN_MS;
}

/* Called with the lock; while a good token is refreshed the lock is given away. */
static bool
refresh(struct credential *c, struct token *t, const struct sign_in *si, struct err *e)
{
	bool alone = is_good(t, si->now_ms), ok;
	struct granted g;

	if (si->now_ms < t->rest_ms) {
		*e = t->resting;
		e->retry_ms = t->rest_ms - si->now_ms;
		return false;
	}
	if (alone) {
		t->refreshing = true;
		pthread_mutex_unlock(&c->lock);
	}
	ok = ask(c, si, &g, e);
	if (alone) {
		pthread_mutex_lock(&c->lock);
		t->refreshing = false;
	}
	if (ok) {
		keep(t, &g, si->now_ms, si->a);
		return true;
	}
	t->refresh_ms = si->now_ms + REFRESH_AGAIN_MS;
	if (e->kind == ERR_AGAIN && e->retry_ms > 0) {
		t->rest_ms = si->now_ms + e->retry_ms;
		t->resting = *e;
	}
	return false;
}

static bool
get(struct credential *c, struct http *http, struct str audience, int64_t now_ms, struct arena *a,
    struct str *authorization, struct err *e)
{
	struct sign_in si = { c->azure, c->own, http, audience, now_ms, a };
	struct token *t = find_or_add(c, audience);

	if (t == NULL)
		return fail(e, ERR_INPUT, "more than %d audiences for tokens", AUDIENCES_MAX);
	if (!is_good(t, now_ms) || (now_ms >= t->refresh_ms && !t->refreshing))
		if (!refresh(c, t, &si, e) && !is_good(t, now_ms))
			return false;
	*authorization = arena_str(a, str_of(t->authorization));
	return true;
}

bool
credential_get(struct credential *c, struct http *http, struct str audience, int64_t now_ms,
    struct arena *a, struct str *authorization, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&c->lock);
	ok = get(c, http, audience, now_ms, a, authorization, e);
	pthread_mutex_unlock(&c->lock);
	/* Of several somebody has to find the one to mend. */
	if (!ok && c->own->name.n > 0)
		fail_in(e, "%.*s", STR_ARG(c->own->name));
	return ok;
}

void
credential_drop(struct credential *c, struct str audience)
{
	struct token *t;

	pthread_mutex_lock(&c->lock);
	t = find(c, audience);
	if (t != NULL)
		forget(t);
	pthread_mutex_unlock(&c->lock);
}
