/*
 * Happy path, in a thread of its own:
 *	a fetch is due (start, an hour is over, an unknown key), the documents are read, the new set
 *	takes the place of the old one, the thread sleeps until the next one is due.
 * What can go wrong: the fetch fails, or what it brings cannot be used.  The old set stays; the
 * next try comes after a second, then two, four, up to a minute.  While it fails, unknown keys do
 * not make it come sooner.
 */
#include "daemon/key_cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "daemon/bell.h"

struct key_set {
	atomic_int holders;
	uint64_t number;       /* of the fetch that brought it */
	int64_t begun_mono_ms; /* and when that one began */
	struct signing_keys *of[JWT_VERSIONS];
	int64_t server_ms; /* the service's clock at mono_ms of ours; -1 = not said */
	int64_t mono_ms;
};

struct unknown {
	struct hash128 id;
	uint64_t fetches;	/* begun when it was first seen: none of them proves anything */
	int64_t lacked_mono_ms; /* when the first later one without it began; -1 = none yet */
};

struct key_cache {
	struct key_cache_options o;
	unsigned char hash_key[HASH_KEY_SIZE];
	struct bell bell;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock; /* of all below */
	bool stop;
	char *source;		/* "" = nothing is wanted */
	uint64_t source_number; /* a fetch for an older one is thrown away */
	struct key_set *set;
	uint64_t begun;	       /* fetches, ever */
	int64_t begun_mono_ms; /* the last one */
	int64_t next_mono_ms;  /* the next one by the clock */
	int64_t retry_ms;      /* 0 = the last one was good */
	bool wanted;	       /* an unknown key was named, or something is in doubt */
	int64_t gate_mono_ms;  /* not sooner for that reason */
	struct unknown unknown[KEY_CACHE_UNKNOWN_MAX];
	size_t n_unknown, next_unknown;
	struct key_cache_figures figures;
};

/* ---- sets ---- */

static void
release_keys(struct signing_keys *of[JWT_VERSIONS])
{
	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		signing_keys_free(of[v]);
}

void
key_set_release(struct key_set *set)
{
	if (set == NULL || atomic_fetch_sub(&set->holders, 1) > 1)
		return;
	release_keys(set->of);
	free(set);
}

struct key_set *
key_cache_get(struct key_cache *c, struct str source)
{
	struct key_set *set = NULL;

	pthread_mutex_lock(&c->lock);
	if (str_is(source, c->source))
		set = c->set;
	if (set != NULL)
		atomic_fetch_add(&set->holders, 1);
	pthread_mutex_unlock(&c->lock);
	return set;
}

struct jwt_keys
key_set_keys(const struct key_set *set)
{
	return (struct jwt_keys){ { set->of[JWT_V1], set->of[JWT_V2] } };
}

uint64_t
key_set_number(const struct key_set *set)
{
	return set->number;
}

int64_t
key_set_clock_ahead_ms(const struct key_set *set, int64_t now_ms, int64_t mono_ms)
{
	return set->server_ms < 0 ? 0 : now_ms - (set->server_ms + (mono_ms - set->mono_ms));
}

/* ---- what is not known ---- */

/* Under the lock. */
static void
want(struct key_cache *c)
{
	if (c->wanted)
		return;
	c->wanted = true;
	bell_ring(&c->bell);
}

void
key_cache_doubt(struct key_cache *c)
{
	pthread_mutex_lock(&c->lock);
	want(c);
	pthread_mutex_unlock(&c->lock);
}

static struct hash128
id_of(const struct key_cache *c, enum jwt_version version, struct str kid)
{
	const struct str parts[] = { version == JWT_V1 ? STR("1") : STR("2"), kid };
	struct hash128 id;

	hash128_parts(c->hash_key, parts, 2, &id);
	return id;
}

static struct unknown *
find_unknown(struct key_cache *c, const struct hash128 *id)
{
	for (size_t i = 0; i < c->n_unknown; i++)
		if (memcmp(&c->unknown[i].id, id, sizeof(*id)) == 0)
			return &c->unknown[i];
	return NULL;
}

static struct unknown *
remember_unknown(struct key_cache *c, const struct hash128 *id)
{
	struct unknown *u = &c->unknown[c->next_unknown];

	c->next_unknown = (c->next_unknown + 1) % KEY_CACHE_UNKNOWN_MAX;
	if (c->n_unknown < KEY_CACHE_UNKNOWN_MAX)
		c->n_unknown++;
	*u = (struct unknown){ *id, c->begun, -1 };
	return u;
}

/* Under the lock: the set is in force now.  What it has was seen now for the first time again. */
static void
hold_against(struct key_cache *c, const struct key_set *set)
{
	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		for (size_t i = 0; set->of[v] != NULL && i < signing_keys_count(set->of[v]); i++) {
			struct hash128 id =
			    id_of(c, (enum jwt_version)v, signing_keys_id(set->of[v], i));
			struct unknown *u = find_unknown(c, &id);

			if (u != NULL)
				*u = (struct unknown){ id, c->begun, -1 };
		}
	for (size_t i = 0; i < c->n_unknown; i++)
		if (c->unknown[i].lacked_mono_ms < 0 && c->unknown[i].fetches < set->number)
			c->unknown[i].lacked_mono_ms = set->begun_mono_ms;
}

/* Under the lock: two fetches lacked it, far enough apart, and the last one not long ago. */
static bool
is_proven(const struct key_cache *c, const struct unknown *u, int64_t mono_ms)
{
	return u->lacked_mono_ms >= 0 &&
	       c->set->begun_mono_ms - u->lacked_mono_ms >= c->o.unknown_ms &&
	       mono_ms - c->set->begun_mono_ms < c->o.unknown_ms;
}

bool
key_cache_is_absent(struct key_cache *c, struct str source, enum jwt_version version,
    struct str kid, int64_t mono_ms)
{
	struct hash128 id = id_of(c, version, kid);
	struct unknown *u;
	bool absent = false;

	pthread_mutex_lock(&c->lock);
	if (str_is(source, c->source) && c->set != NULL) {
		u = find_unknown(c, &id);
		if (u == NULL)
			u = remember_unknown(c, &id);
		absent = is_proven(c, u, mono_ms);
		want(c);
	}
	pthread_mutex_unlock(&c->lock);
	return absent;
}

/* ---- fetching ---- */

static bool
read_documents(
    const struct key_documents *docs, struct signing_keys *of[JWT_VERSIONS], struct err *e)
{
	static const char *const names[] = { "keys of v1.0 tokens", "keys of v2.0 tokens" };

	of[JWT_V1] = of[JWT_V2] = NULL;
	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		if (!docs->left_out[v] && !signing_keys_parse(docs->of[v], &of[v], e)) {
			release_keys(of);
			return fail_in(e, "%s", names[v]);
		}
	return true;
}

static struct key_set *
fetch(struct key_cache *c, struct err *e)
{
	struct arena *a = arena_new();
	struct key_documents docs = { .server_ms = -1 };
	struct key_set *set = NULL;
	struct signing_keys *of[JWT_VERSIONS];

	if (c->o.fetch(c->o.ctx, a, &docs, e) && read_documents(&docs, of, e)) {
		set = xcalloc(1, sizeof(*set));
		atomic_init(&set->holders, 1);
		set->of[JWT_V1] = of[JWT_V1];
		set->of[JWT_V2] = of[JWT_V2];
		set->server_ms = docs.server_ms;
		set->mono_ms = clock_mono_ms();
	}
	arena_free(a);
	return set;
}

static int64_t
count_keys(const struct key_set *set)
{
	size_t n = 0;

	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		n += set->of[v] == NULL ? 0 : signing_keys_count(set->of[v]);
	return (int64_t)n;
}

/* Under the lock.  Takes the set over; gives what is to be released. */
static struct key_set *
put_in_force(struct key_cache *c, struct key_set *set)
{
	struct key_set *old = c->set;

	set->number = c->begun; /* one thread fetches: the last one begun is this one */
	set->begun_mono_ms = c->begun_mono_ms;
	hold_against(c, set);
	c->set = set;
	c->next_mono_ms = clock_mono_ms() + c->o.refresh_ms;
	c->retry_ms = 0;
	c->figures.keys = count_keys(set);
	c->figures.fetched_ms = clock_now_ms();
	return old;
}

/* Under the lock. */
static void
try_again(struct key_cache *c)
{
	c->retry_ms = c->retry_ms == 0 ? c->o.retry_ms : 2 * c->retry_ms;
	if (c->retry_ms > KEY_CACHE_RETRY_MAX_MS)
		c->retry_ms = KEY_CACHE_RETRY_MAX_MS;
	c->next_mono_ms = clock_mono_ms() + c->retry_ms;
	c->figures.failed++;
}

/* keys: -1 = not fetched.  The set itself may be gone: somebody changed the source. */
static void
say(int64_t keys, bool was_failing, const struct err *e, bool first)
{
	static struct log_gate gate = { .burst = 5 };

	if (keys < 0 && log_gate_open(&gate))
		log_warning("signing keys not fetched, %s: %s",
		    first ? "deliveries with a token are told to come again"
			  : "those known before stay in force",
		    e->text);
	else if (keys >= 0 && (first || was_failing))
		log_info("signing keys fetched: %jd", (intmax_t)keys);
}

static void
fetch_once(struct key_cache *c, uint64_t source_number)
{
	struct key_set *set, *old = NULL;
	bool first, was_failing;
	int64_t keys;
	struct err e;

	set = fetch(c, &e);
	keys = set == NULL ? -1 : count_keys(set);
	pthread_mutex_lock(&c->lock);
	c->figures.fetches++;
	first = c->set == NULL;
	was_failing = c->retry_ms > 0;
	if (source_number != c->source_number)
		old = set; /* nobody wants it any more */
	else if (set != NULL)
		old = put_in_force(c, set);
	else
		try_again(c);
	pthread_mutex_unlock(&c->lock);
	say(keys, was_failing, &e, first);
	key_set_release(old);
}

/* Under the lock: when the next fetch is due, INT64_MAX = never. */
static int64_t
due(const struct key_cache *c)
{
	if (c->source[0] == '\0')
		return INT64_MAX;
	if (c->retry_ms > 0 || !c->wanted || c->gate_mono_ms > c->next_mono_ms)
		return c->next_mono_ms;
	return c->gate_mono_ms;
}

/* Under the lock.  What is asked for from now on is not answered by this fetch. */
static void
begin(struct key_cache *c, int64_t at, int64_t now)
{
	if (at < c->next_mono_ms) /* for an unknown key */
		c->gate_mono_ms = now + c->o.unknown_ms;
	c->begun++;
	c->begun_mono_ms = now;
	c->wanted = false;
}

static void *
run(void *arg)
{
	struct key_cache *c = arg;

	for (;;) {
		uint64_t rings = bell_rings(&c->bell), source_number;
		int64_t now = clock_mono_ms(), at;
		bool stop;

		pthread_mutex_lock(&c->lock);
		stop = c->stop;
		at = due(c);
		source_number = c->source_number;
		if (at <= now)
			begin(c, at, now);
		pthread_mutex_unlock(&c->lock);
		if (stop)
			return NULL;
		if (at <= now)
			fetch_once(c, source_number);
		else
			bell_wait(&c->bell, rings, at == INT64_MAX ? INT64_MAX : at - now);
	}
}

/* ---- the cache itself ---- */

struct key_cache *
key_cache_new(const struct key_cache_options *o)
{
	struct key_cache *c = xcalloc(1, sizeof(*c));

	assert(o->fetch != NULL);
	c->o = *o;
	if (o->refresh_ms == 0)
		c->o.refresh_ms = KEY_CACHE_REFRESH_MS;
	if (o->unknown_ms == 0)
		c->o.unknown_ms = KEY_CACHE_UNKNOWN_MS;
	if (o->retry_ms == 0)
		c->o.retry_ms = KEY_CACHE_RETRY_MS;
	random_bytes(c->hash_key, sizeof(c->hash_key));
	c->source = xstrdup("");
	bell_init(&c->bell);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
key_cache_free(struct key_cache *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_mutex_unlock(&c->lock);
	bell_ring(&c->bell);
	if (c->has_thread)
		pthread_join(c->thread, NULL);
	key_set_release(c->set);
	free(c->source);
	bell_done(&c->bell);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

bool
key_cache_start(struct key_cache *c, struct str source, struct err *e)
{
	/* Who asks for no tokens has no thread for them. */
	if (c->has_thread || source.n == 0)
		return true;
	if (pthread_create(&c->thread, NULL, run, c) != 0)
		return fail_errno(e, ERR_SYSTEM, "cannot start a thread");
	c->has_thread = true;
	return true;
}

void
key_cache_set_source(struct key_cache *c, struct str source)
{
	struct key_set *old = NULL;

	assert(c->has_thread || source.n == 0);
	pthread_mutex_lock(&c->lock);
	if (!str_is(source, c->source)) {
		free(c->source);
		c->source = xstrndup(source);
		c->source_number++;
		old = c->set;
		c->set = NULL;
		c->next_mono_ms = c->retry_ms = 0;
		c->gate_mono_ms = 0;
		c->wanted = false;
		c->n_unknown = c->next_unknown = 0;
		c->figures.keys = c->figures.fetched_ms = 0;
	}
	pthread_mutex_unlock(&c->lock);
	bell_ring(&c->bell);
	key_set_release(old);
}

void
key_cache_figures(struct key_cache *c, struct key_cache_figures *out)
{
	pthread_mutex_lock(&c->lock);
	*out = c->figures;
	out->next_mono_ms = due(c);
	pthread_mutex_unlock(&c->lock);
}
