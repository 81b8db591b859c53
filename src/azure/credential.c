/*
 * A token:
 *	the cache has one that need not be refreshed yet: it is handed out;
 *	otherwise one caller asks the identity service while the others wait for the lock;
 *	when that fails and the old one still has five minutes, the old one is handed out.
 *
 * What can go wrong: the service is away or busy (ERR_AGAIN), it refuses us (ERR_DENIED), or the
 * settings cannot be used: no secret file, an identity that does not exist (ERR_DENIED too: only a
 * person can mend it).
 */
#include "azure/credential.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "credential_tenant.h"

/* A token with less left than this is not used: a call may take long to arrive. */
#define LEFT_MIN_MS (300 * INT64_C(1000))
/* Tokens that live longer are refreshed at half their life, others shortly before their end. */
#define LONG_LIFE_MS (2 * 3600 * INT64_C(1000))
#define EARLY_MS (600 * INT64_C(1000))
/* Between two tries to refresh a token that is still good. */
#define REFRESH_AGAIN_MS (30 * INT64_C(1000))
/* The metadata service says it is being updated (410): back within 70 seconds. */
#define UPDATING_MS (70 * INT64_C(1000))
/* Resource Manager, and room for other services of Azure. */
#define AUDIENCES_MAX 8
#define TOKEN_MAX (64 * 1024)
#define WORDS_MAX 300

struct token {
	char *audience;
	char *authorization; /* NULL = dropped */
	int64_t expires_ms, refresh_ms;
};

struct credential {
	const struct settings_azure *settings;
	pthread_mutex_t lock;
	struct token tokens[AUDIENCES_MAX];
	size_t n;
};

struct credential *
credential_new(const struct settings_azure *s)
{
	struct credential *c = xcalloc(1, sizeof(*c));

	c->settings = s;
	pthread_mutex_init(&c->lock, NULL);
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

void
credential_free(struct credential *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++) {
		forget(&c->tokens[i]);
		free(c->tokens[i].audience);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- asking the identity service ---- */

static bool
ask_metadata(const struct settings_azure *s, struct http *http, struct str audience,
    struct arena *a, struct http_response *rs, struct err *e)
{
	static const struct http_header metadata = { "Metadata", { "true", 4 } };
	struct http_request rq = { .method = "GET", .headers = &metadata, .n_headers = 1 };
	struct str which = STR_EMPTY;

	if (s->client_id.n > 0)
		which = arena_printf(a, "&client_id=%.*s", STR_ARG(http_escape(s->client_id, a)));
	rq.url = arena_printf(a,
	    "%.*s/metadata/identity/oauth2/token?api-version=2018-02-01&resource=%.*s%.*s",
	    STR_ARG(s->imds), STR_ARG(http_escape(audience, a)), STR_ARG(which));
	rq.timeout_ms = TOKEN_TIMEOUT_MS;
	return http_call(http, &rq, a, rs, e);
}

static bool
is_passing(int status, bool metadata)
{
	if (status == 408 || status == 429 || status >= 500)
		return true;
	return metadata && (status == 404 || status == 410);
}

/* What the service says, on one line: the trace ids behind the sentence help nobody here. */
static struct str
words(const struct http_response *rs, struct arena *a)
{
	struct err ignored;
	const struct json *j = json_parse(rs->body, a, &ignored);
	struct str text = json_text(json_get(j, "error_description"));
	struct str end = STR(" Trace ID:");

	if (text.n == 0)
		text = json_text(json_get(j, "error"));
	for (size_t i = 0; i + end.n <= text.n; i++)
		if (str_eq(str_slice(text, i, i + end.n), end) || text.p[i] == '\r' ||
		    text.p[i] == '\n')
			text = str_slice(text, 0, i);
	return str_slice(text, 0, WORDS_MAX);
}

/* What to mend, for the refusals that people meet (error codes of Microsoft Entra ID). */
static const char *
advice(struct str said, bool metadata)
{
	static const struct {
		const char *sign, *advice;
	} known[] = {
		{ "AADSTS7000215", "the client secret is wrong: write the secret's value, not its "
				   "id, to client_secret_file" },
		{ "AADSTS7000222",
		    "the client secret has expired: make a new one and replace the file" },
		{ "AADSTS700016", "the client_id is not an application of this tenant" },
		{ "AADSTS700027",
		    "the certificate is not one of the application's: upload it there" },
		{ "AADSTS700024", "the assertion is not valid at this time; is our clock right?" },
		{ "AADSTS700213", "no federated credential of the application fits the subject of "
				  "the workload's token" },
		{ "AADSTS70021", "no federated credential of the application fits the workload's "
				 "token: compare issuer, subject and audience" },
		{ "AADSTS90002", "the tenant does not exist" },
		{ "AADSTS500011", "the audience is not known in this tenant" },
		{ "Identity not found",
		    "assign the managed identity to this machine, or mend client_id" },
		{ "Multiple user assigned", "this machine has several identities: set client_id" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_has_nocase(said, str_of(known[i].sign)))
			return known[i].advice;
	return metadata ? "check that this machine has a managed identity"
			: "check tenant, client_id and the file that proves who we are";
}

static bool
refused(
    const struct http_response *rs, bool metadata, int64_t now_ms, struct arena *a, struct err *e)
{
	const char *who = metadata ? "the instance metadata service" : "Microsoft Entra ID";
	struct str said = words(rs, a);
	int64_t wait = http_retry_after_ms(rs, now_ms);

	if (is_passing(rs->status, metadata))
		return fail_again(e,
		    wait > 0		? wait
		    : rs->status == 410 ? UPDATING_MS
					: 0,
		    "no token: %s answered %d%s%.*s", who, rs->status, said.n > 0 ? ": " : "",
		    STR_ARG(said));
	return fail(e, ERR_DENIED, "no token: %s (%s answered %d%s%.*s)", advice(said, metadata),
	    who, rs->status, said.n > 0 ? ": " : "", STR_ARG(said));
}

/* ---- reading a token ---- */

/* Seconds as a number, a number in a string, or (expires_on) a time as text. */
static bool
read_seconds(const struct json *j, struct arena *a, int64_t *out)
{
	struct str text = json_scalar(j, a);
	int64_t ms;

	if (str_to_int(text, 0, INT64_C(1) << 40, out))
		return true;
	if (json_is(j, JSON_STRING) && clock_parse(text, &ms)) {
		*out = ms / 1000;
		return true;
	}
	return false;
}

static bool
read_expiry(const struct json *j, int64_t now_ms, struct arena *a, int64_t *expires_ms)
{
	int64_t s;

	if (read_seconds(json_get(j, "expires_in"), a, &s))
		*expires_ms = now_ms + s * 1000;
	else if (read_seconds(json_get(j, "expires_on"), a, &s))
		*expires_ms = s * 1000;
	else
		return false;
	return true;
}

static int64_t
refresh_at(const struct json *j, int64_t now_ms, int64_t expires_ms, struct arena *a)
{
	int64_t life = expires_ms - now_ms, s;

	if (read_seconds(json_get(j, "refresh_in"), a, &s) && s * 1000 < life)
		return now_ms + s * 1000;
	if (life > LONG_LIFE_MS)
		return now_ms + life / 2;
	return life > 2 * EARLY_MS ? expires_ms - EARLY_MS : now_ms + life / 2;
}

/* Bearer tokens are visible ASCII (RFC 6750): anything else would break the header. */
static bool
is_token(struct str s)
{
	if (s.n == 0 || s.n > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static bool
keep(
    struct token *t, const struct http_response *rs, int64_t now_ms, struct arena *a, struct err *e)
{
	const struct json *j = json_parse(rs->body, a, e);
	struct str token = json_text(json_get(j, "access_token"));
	int64_t expires_ms;

	if (!is_token(token) || !read_expiry(j, now_ms, a, &expires_ms))
		return fail_again(e, 0, "no token: the identity service answered 200 without one");
	if (expires_ms - now_ms < LEFT_MIN_MS)
		return fail_again(
		    e, 0, "no token: the one given ends within five minutes; is our clock right?");
	forget(t);
	t->authorization = xstrndup(arena_printf(a, "Bearer %.*s", STR_ARG(token)));
	t->expires_ms = expires_ms;
	t->refresh_ms = refresh_at(j, now_ms, expires_ms, a);
	return true;
}

static bool
refresh(const struct credential *c, struct token *t, struct http *http, int64_t now_ms,
    struct arena *a, struct err *e)
{
	bool metadata = c->settings->credential == CREDENTIAL_MANAGED_IDENTITY;
	struct str audience = str_of(t->audience);
	struct http_response rs;
	bool answered = metadata ? ask_metadata(c->settings, http, audience, a, &rs, e)
				 : tenant_ask(c->settings, http, audience, now_ms, a, &rs, e);

	if (!answered)
		return fail_in(e, "no token");
	if (rs.status != 200)
		return refused(&rs, metadata, now_ms, a, e);
	return keep(t, &rs, now_ms, a, e);
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
	return t->authorization != NULL && t->expires_ms - now_ms >= LEFT_MIN_MS;
}

static bool
get(struct credential *c, struct http *http, struct str audience, int64_t now_ms, struct arena *a,
    struct str *authorization, struct err *e)
{
	struct token *t = find_or_add(c, audience);

	if (t == NULL)
		return fail(e, ERR_INPUT, "more than %d audiences for tokens", AUDIENCES_MAX);
	if (!is_good(t, now_ms) || now_ms >= t->refresh_ms) {
		if (!refresh(c, t, http, now_ms, a, e)) {
			if (!is_good(t, now_ms))
				return false;
			t->refresh_ms = now_ms + REFRESH_AGAIN_MS;
		}
	}
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
