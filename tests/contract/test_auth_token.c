/* Deliveries that show a token: settings, signing keys and the clock together. */
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "daemon/auth.h"
#include "daemon/key_cache.h"
#include "token.h"

#define SOURCE "login and tenant"
#define LIMIT_MS 60000
#define HOUR_MS 3600000

static struct arena *a;
static struct err e;

/* ---- an identity service ---- */

static _Atomic bool down, other_key, silent;
static _Atomic int64_t clock_off_ms;

static bool
fetch(void *ctx, struct arena *scratch, struct key_documents *out, struct err *why)
{
	(void)ctx;
	if (down)
		return fail_again(why, 0, "down");
	out->of[JWT_V1] = out->of[JWT_V2] =
	    token_set(scratch, token_key(2048, other_key), other_key ? "k2" : "k1");
	out->server_ms = silent ? -1 : clock_now_ms() + clock_off_ms;
	return true;
}

static void
settled(struct key_cache *c, int fetches)
{
	int64_t until = clock_mono_ms() + LIMIT_MS;
	struct key_cache_figures f;

	do {
		CHECK(clock_mono_ms() < until && sched_yield() == 0);
		key_cache_figures(c, &f);
	} while (f.fetches < fetches);
}

static struct key_cache *
start_keys_with(int64_t unknown_ms)
{
	struct key_cache_options o = {
		.fetch = fetch, .unknown_ms = unknown_ms, .retry_ms = HOUR_MS
	};
	struct key_cache *c = key_cache_new(&o);

	(void)token_key(2048, false); /* made before there is another thread */
	(void)token_key(2048, true);
	CHECK_OK(key_cache_start(c, STR(SOURCE), &e));
	key_cache_set_source(c, STR(SOURCE));
	settled(c, 1);
	return c;
}

static struct key_cache *
start_keys(void)
{
	return start_keys_with(1);
}

static void
fresh(void)
{
	arena_free(a);
	a = arena_new();
	down = other_key = silent = false;
	clock_off_ms = 0;
}

/* ---- who asks ---- */

static struct auth *
load_with(struct key_cache *keys, const char *role, bool insecure, const char *client_ca)
{
	static struct str audience[] = { { AUDIENCE, sizeof(AUDIENCE) - 1 },
		{ CLIENT_ID, sizeof(CLIENT_ID) - 1 } };
	static struct str v1[] = { { ISSUER_V1, sizeof(ISSUER_V1) - 1 } };
	static struct str v2[] = { { ISSUER_V2, sizeof(ISSUER_V2) - 1 } };
	static struct str listed[] = { { "soc-alerts", 10 } };
	struct settings_auth s = { .key_header = STR_EMPTY,
		.insecure = insecure,
		.client_ca = str_of(client_ca),
		.subscriptions = listed,
		.n_subscriptions = 1,
		.entra = { .tenant = STR(TENANT),
		    .audience = audience,
		    .n_audience = 2,
		    .role = str_of(role),
		    .application = STR(EVENT_GRID),
		    .issuers = { v1, v2 },
		    .n_issuers = { 1, 1 },
		    .handshake_without_token = keys != NULL,
		    .source = STR(SOURCE) } };
	struct auth *auth;

	CHECK_OK(auth_load(&s, &auth, &e));
	if (keys != NULL)
		auth_use_keys(auth, keys);
	return auth;
}

static struct auth *
load(struct key_cache *keys, const char *role, bool insecure)
{
	return load_with(keys, role, insecure, "");
}

static struct str
token(const char *name, const char *value)
{
	return token_make(a, token_key(2048, false), HEADER,
	    token_claims(a, 1, clock_now_ms() / 1000, name, value));
}

static enum auth_answer
check(const struct auth *auth, struct str bearer)
{
	struct auth_shown shown = { .code = STR_EMPTY, .key = STR_EMPTY, .bearer = bearer };

	return auth_check(auth, &shown, &e);
}

TEST(a_right_token_lets_in_again_and_again)
{
	struct key_cache *keys;
	struct auth *auth;
	struct str good;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	good = token(NULL, NULL);
	for (int i = 0; i < 3; i++)
		CHECK_INT(check(auth, good), AUTH_OK);
	CHECK_INT(check(auth, arena_printf(a, "%.*sA", STR_ARG(good))), AUTH_BAD_TOKEN);
	CHECK_INT(check(auth, STR_EMPTY), AUTH_NO_CREDENTIAL);
	CHECK_HAS(e.text, "no bearer token was shown");
	CHECK_INT(check(auth, token("roles", "[]")), AUTH_NO_ROLE);
	CHECK_INT(check(auth, token("aud", "\"api://other\"")), AUTH_BAD_TOKEN);
	CHECK_HAS(e.text, "the bearer token is not good: its audience is not ours");
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_token_that_was_good_is_judged_anew_with_other_keys)
{
	struct key_cache *keys;
	struct auth *auth;
	struct str good;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	good = token(NULL, NULL);
	CHECK_INT(check(auth, good), AUTH_OK);
	other_key = true;
	key_cache_doubt(keys);
	settled(keys, 2);
	CHECK_INT(check(auth, good), AUTH_LATER);
	CHECK_HAS(e.text, "cannot be judged now: the key that it names is looked for");
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_token_that_was_good_is_judged_anew_with_other_settings)
{
	struct key_cache *keys;
	struct auth *auth;
	struct str good;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	good = token(NULL, NULL);
	CHECK_INT(check(auth, good), AUTH_OK);
	auth_free(auth);
	auth = load(keys, "Another", false);
	CHECK_INT(check(auth, good), AUTH_NO_ROLE);
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_token_that_was_good_still_expires)
{
	int64_t until = clock_mono_ms() + LIMIT_MS;
	struct key_cache *keys;
	enum auth_answer answer;
	struct auth *auth;
	struct str soon;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	/* Three seconds are left of the grace. */
	soon = token(
	    "exp", arena_printf(a, "%jd", (intmax_t)((clock_now_ms() - JWT_SKEW_MS) / 1000 + 3)).p);
	CHECK_INT(check(auth, soon), AUTH_OK);
	while ((answer = check(auth, soon)) == AUTH_OK)
		CHECK(clock_mono_ms() < until && poll(NULL, 0, 10) == 0);
	CHECK_INT(answer, AUTH_BAD_TOKEN);
	CHECK_HAS(e.text, "has expired");
	auth_free(auth);
	key_cache_free(keys);
}

TEST(without_keys_nothing_is_proven_but_what_needs_no_key)
{
	struct key_cache *keys;
	struct auth *auth;

	fresh();
	down = true;
	keys = start_keys();
	auth = load(keys, ROLE, false);
	CHECK_INT(check(auth, token(NULL, NULL)), AUTH_LATER);
	CHECK_HAS(e.text, "there are no signing keys yet");
	CHECK_INT(check(auth, token("exp", "1000")), AUTH_LATER);
	CHECK_INT(check(auth, token("roles", "[]")), AUTH_LATER);
	CHECK_INT(check(auth, token("aud", "\"api://other\"")), AUTH_BAD_TOKEN);
	CHECK_INT(check(auth, STR("x")), AUTH_BAD_TOKEN);
	auth_free(auth);
	auth = load(NULL, ROLE, false); /* not even a cache */
	CHECK_INT(check(auth, token(NULL, NULL)), AUTH_LATER);
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_clock_that_is_wrong_makes_nothing_good_or_expired)
{
	static const int64_t offs[] = { HOUR_MS, -HOUR_MS };
	struct key_cache *keys;
	struct auth *auth;
	int64_t until;

	for (size_t i = 0; i < 2; i++) {
		fresh();
		clock_off_ms = offs[i];
		keys = start_keys();
		auth = load(keys, ROLE, false);
		CHECK_INT(check(auth, token(NULL, NULL)), AUTH_LATER);
		CHECK_HAS(e.text, i == 0 ? "seconds behind that of" : "seconds ahead of that of");
		CHECK_INT(check(auth, token("exp", "1000")), AUTH_LATER);
		CHECK_INT(check(auth, token("nbf", "4000000000")), AUTH_LATER);
		CHECK_INT(check(auth, arena_printf(a, "%.*sA", STR_ARG(token(NULL, NULL)))),
		    AUTH_BAD_TOKEN);
		clock_off_ms = 0;
		/* The doubt makes it look again. */
		until = clock_mono_ms() + LIMIT_MS;
		while (check(auth, token(NULL, NULL)) != AUTH_OK)
			CHECK(clock_mono_ms() < until && sched_yield() == 0);
		CHECK_INT(check(auth, token("exp", "1000")), AUTH_BAD_TOKEN);
		auth_free(auth);
		key_cache_free(keys);
	}
}

/* A second or two pass between the service's answer and our question. */
TEST(our_clock_may_be_five_minutes_off_and_not_more)
{
	static const struct {
		int64_t off_s;
		enum auth_answer answer;
	} clocks[] = { { 296, AUTH_OK }, { -296, AUTH_OK }, { 304, AUTH_LATER },
		{ -304, AUTH_LATER } };
	struct key_cache *keys;
	struct auth *auth;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		fresh();
		clock_off_ms = clocks[i].off_s * 1000;
		keys = start_keys();
		auth = load(keys, ROLE, false);
		CHECK_INT(check(auth, token(NULL, NULL)), clocks[i].answer);
		CHECK_INT(check(auth, token("exp", "1000")),
		    clocks[i].answer == AUTH_OK ? AUTH_BAD_TOKEN : AUTH_LATER);
		auth_free(auth);
		key_cache_free(keys);
	}
}

/* Right by a wrong clock proves as little as wrong by it. */
TEST(a_certificate_is_not_judged_by_a_clock_that_is_wrong)
{
	struct auth_shown trusted = { .certificate = CLIENT_CERTIFICATE_TRUSTED };
	struct auth_shown expired = { .certificate = CLIENT_CERTIFICATE_NOT_NOW,
		.certificate_wrong = STR("it has expired") };
	struct auth_shown stranger = { .certificate = CLIENT_CERTIFICATE_NOT_TRUSTED,
		.certificate_wrong = STR("it is not of an authority") };
	struct key_cache *keys;
	struct auth *auth;
	int64_t until;

	fresh();
	clock_off_ms = HOUR_MS;
	keys = start_keys();
	auth = load_with(keys, ROLE, false, "/ca.pem");
	/* First, before the doubt makes the service be asked again: it is not our clock's fault. */
	CHECK_INT(auth_check(auth, &stranger, &e), AUTH_BAD);
	CHECK_INT(auth_check(auth, &expired, &e), AUTH_LATER);
	CHECK_HAS(e.text, "the client certificate cannot be judged now: our clock is 3");
	CHECK_INT(auth_check(auth, &trusted, &e), AUTH_LATER);
	/* A token that is proven wrong does not make it worse. */
	expired.bearer = STR("no token");
	CHECK_INT(auth_check(auth, &expired, &e), AUTH_LATER);
	CHECK_HAS(e.text, "the client certificate cannot be judged now");
	clock_off_ms = 0;
	until = clock_mono_ms() + LIMIT_MS;
	while (auth_check(auth, &trusted, &e) != AUTH_OK)
		CHECK(clock_mono_ms() < until && sched_yield() == 0);
	expired.bearer = STR_EMPTY;
	CHECK_INT(auth_check(auth, &expired, &e), AUTH_BAD);
	CHECK_HAS(e.text, "the client certificate is not trusted: it has expired");
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_service_that_does_not_tell_its_time_is_believed)
{
	struct key_cache *keys;
	struct auth *auth;

	fresh();
	silent = true;
	keys = start_keys();
	auth = load(keys, ROLE, false);
	CHECK_INT(check(auth, token(NULL, NULL)), AUTH_OK);
	CHECK_INT(check(auth, token("exp", "1000")), AUTH_BAD_TOKEN);
	auth_free(auth);
	key_cache_free(keys);
}

TEST(two_authorizations_are_refused_whatever_they_hold)
{
	struct auth_shown shown = { .code = STR_EMPTY, .key = STR_EMPTY, .ambiguous = true };
	struct key_cache *keys;
	struct auth *auth;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	shown.bearer = token(NULL, NULL);
	CHECK_INT(auth_check(auth, &shown, &e), AUTH_BAD);
	CHECK_HAS(e.text, "more than one Authorization");
	auth_free(auth);
	auth = load(keys, ROLE, true);
	CHECK_INT(auth_check(auth, &shown, &e), AUTH_OK); /* insecure asks nobody */
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_key_that_nobody_publishes_is_refused_once_that_is_proven)
{
	int64_t until = clock_mono_ms() + LIMIT_MS;
	enum auth_answer answer;
	struct key_cache *keys;
	struct auth *auth;
	struct str made_up;

	fresh();
	keys = start_keys_with(200);
	auth = load(keys, ROLE, false);
	made_up = token_make(a, token_key(2048, true), "{\"alg\":\"RS256\",\"kid\":\"made-up\"}",
	    token_claims(a, 1, clock_now_ms() / 1000, NULL, NULL));
	CHECK_INT(check(auth, made_up), AUTH_LATER);
	while ((answer = check(auth, made_up)) == AUTH_LATER)
		CHECK(clock_mono_ms() < until && sched_yield() == 0);
	CHECK_INT(answer, AUTH_BAD_TOKEN);
	CHECK_HAS(e.text, "is not good: the key that it names is not known");
	CHECK_INT(check(auth, token(NULL, NULL)), AUTH_OK);
	auth_free(auth);
	key_cache_free(keys);
}

static enum auth_answer
check_both(const struct auth *auth, enum client_certificate certificate, struct str bearer)
{
	struct auth_shown shown = { .code = STR_EMPTY,
		.key = STR_EMPTY,
		.bearer = bearer,
		.certificate = certificate,
		.certificate_wrong = STR("who knows it") };

	return auth_check(auth, &shown, &e);
}

TEST(a_token_and_a_client_certificate_may_come_together)
{
	struct key_cache *keys;
	struct auth *auth;
	struct str good, bad;

	fresh();
	keys = start_keys();
	auth = load_with(keys, ROLE, false, "/ca.pem");
	good = token(NULL, NULL);
	bad = token("aud", "\"api://other\"");
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_TRUSTED, good), AUTH_OK);
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_TRUSTED, bad), AUTH_OK);
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_NOT_TRUSTED, good), AUTH_OK);
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_NONE, good), AUTH_OK);
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_NOT_TRUSTED, bad), AUTH_BAD_TOKEN);
	CHECK_INT(
	    check_both(auth, CLIENT_CERTIFICATE_NOT_TRUSTED, token("roles", "[]")), AUTH_NO_ROLE);
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_NOT_TRUSTED, STR_EMPTY), AUTH_BAD);
	CHECK_HAS(e.text, "the client certificate is not trusted: who knows it");
	auth_free(auth);
	key_cache_free(keys);
}

/* The token may be right: a 401 would end the delivery for good. */
TEST(an_untrusted_certificate_does_not_refuse_a_token_that_cannot_be_judged)
{
	struct key_cache *keys;
	struct auth *auth;

	fresh();
	down = true;
	keys = start_keys();
	auth = load_with(keys, ROLE, false, "/ca.pem");
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_NOT_TRUSTED, token(NULL, NULL)), AUTH_LATER);
	CHECK_HAS(e.text, "there are no signing keys yet");
	CHECK_INT(check_both(auth, CLIENT_CERTIFICATE_TRUSTED, token(NULL, NULL)), AUTH_OK);
	auth_free(auth);
	key_cache_free(keys);
}

TEST(a_refusal_says_what_would_be_taken)
{
	struct key_cache *keys;
	struct auth *auth;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	CHECK_CSTR(auth_challenge(auth, AUTH_NO_CREDENTIAL), "Bearer realm=\"gridwarden\"");
	CHECK_HAS(auth_challenge(auth, AUTH_BAD_TOKEN), "error=\"invalid_token\"");
	CHECK_HAS(auth_challenge(auth, AUTH_NO_ROLE), "error=\"insufficient_scope\"");
	auth_free(auth);
	key_cache_free(keys);
}

TEST(only_listed_event_subscriptions_shake_hands_without_a_token)
{
	struct key_cache *keys;
	struct auth *auth;

	fresh();
	keys = start_keys();
	auth = load(keys, ROLE, false);
	CHECK(auth_allows_bare_handshake(auth, STR("SOC-alerts")));
	CHECK(!auth_allows_bare_handshake(auth, STR("other")));
	CHECK(!auth_allows_bare_handshake(auth, STR("")));
	auth_free(auth);
	auth = load(NULL, ROLE, false); /* the option is off here */
	CHECK(!auth_allows_bare_handshake(auth, STR("soc-alerts")));
	auth_free(auth);
	key_cache_free(keys);
}
