/*
 * Happy path: a key that a caller shows is digested with a salt of this process and compared with
 * the digests of all keys (the keys themselves are forgotten after reading); a token is judged by
 * tokens.c.  Each way of showing who one is gives an answer of its own; the best one counts.
 * What can go wrong: a key file cannot be read or is no key - the whole is refused, with its name.
 */
#include "daemon/auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/source_list.h"
#include "tokens.h"

struct digest {
	unsigned char bytes[SHA256_SIZE];
};

struct auth {
	struct arena *arena; /* owns the texts, not the keys */
	unsigned char salt[SALT_SIZE];
	struct digest keys[AUTH_KEYS_MAX];
	size_t n_keys;
	const char *key_header;
	bool key_in_authorization;
	struct tokens *tokens; /* NULL = tokens are not asked for */
	bool bare_handshake;
	struct str *subscriptions, *schemas, *sources, *origins;
	size_t n_subscriptions, n_schemas, n_sources, n_origins;
	bool insecure, certificates; /* the settings name an authority of client certificates */
};

static struct digest
digest(const struct auth *a, struct str key)
{
	struct digest d = { .bytes = { 0 } };

	sha256_salted(a->salt, key, d.bytes);
	return d;
}

static bool
read_key(struct auth *a, const char *path, struct arena *scratch, struct err *e)
{
	struct str key;

	if (!file_read_secret(path, scratch, &key, e))
		return false;
	if (key.n > AUTH_KEY_MAX)
		return fail(
		    e, ERR_INPUT, "%s: a key has at most %d characters", path, AUTH_KEY_MAX);
	if (key.n < AUTH_KEY_WEAK)
		log_warning("%s: the key has %zu characters and can be guessed, use %d or more",
		    path, key.n, AUTH_KEY_WEAK);
	a->keys[a->n_keys++] = digest(a, key);
	return true;
}

static bool
read_keys(struct auth *a, const struct settings_auth *s, struct err *e)
{
	struct arena *scratch;
	bool ok = true;

	if (s->n_keys_files > AUTH_KEYS_MAX)
		return fail(e, ERR_INPUT, "auth.keys_file lists %zu files, at most %d are read",
		    s->n_keys_files, AUTH_KEYS_MAX);
	if (s->n_keys_files == 0 && s->entra.tenant.n == 0 && s->client_ca.n == 0 && !s->insecure)
		return fail(e, ERR_INPUT,
		    "neither auth.keys_file nor auth.entra nor auth.client_certificates is there: "
		    "nobody could deliver");
	scratch = arena_new();
	for (size_t i = 0; ok && i < s->n_keys_files; i++)
		ok = read_key(a, arena_cstr(scratch, s->keys_files[i]), scratch, e);
	arena_free(scratch);
	return ok || fail_in(e, "auth");
}

bool
auth_load(const struct settings_auth *s, struct auth **out, struct err *e)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->arena = arena_new();
	random_bytes(a->salt, sizeof(a->salt));
	a->insecure = s->insecure;
	a->certificates = s->client_ca.n > 0;
	a->key_header = arena_cstr(a->arena, s->key_header);
	a->key_in_authorization = str_is_nocase(s->key_header, "Authorization");
	a->bare_handshake = s->entra.handshake_without_token;
	a->n_subscriptions = s->n_subscriptions;
	a->subscriptions = arena_strs(a->arena, s->subscriptions, s->n_subscriptions);
	a->n_schemas = s->n_schemas;
	a->schemas = arena_strs(a->arena, s->schemas, s->n_schemas);
	a->n_sources = s->n_sources;
	a->sources = arena_strs(a->arena, s->sources, s->n_sources);
	a->n_origins = s->n_origins;
	a->origins = arena_strs(a->arena, s->origins, s->n_origins);
	if (!read_keys(a, s, e)) {
		auth_free(a);
		return false;
	}
	if (s->entra.tenant.n > 0)
		a->tokens = tokens_new(&s->entra);
	*out = a;
	return true;
}

void
auth_use_keys(struct auth *a, struct key_cache *keys)
{
	if (a->tokens != NULL)
		tokens_use_keys(a->tokens, keys);
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	tokens_free(a->tokens);
	arena_free(a->arena);
	explicit_bzero(a, sizeof(*a));
	free(a);
}

const char *
auth_key_header(const struct auth *a)
{
	return a->key_header;
}

/* All keys are looked at, whichever matches. */
static bool
is_ours(const struct auth *a, struct str shown)
{
	struct digest d;
	struct str got = { (const char *)d.bytes, sizeof(d.bytes) };
	bool ours = false;

	if (shown.n == 0)
		return false;
	d = digest(a, shown);
	for (size_t i = 0; i < a->n_keys; i++)
		ours |= str_eq_secret(
		    got, (struct str){ (const char *)a->keys[i].bytes, sizeof(d.bytes) });
	return ours;
}

static enum auth_answer
check_keys(const struct auth *a, const struct auth_shown *shown, struct err *why)
{
	bool code = is_ours(a, shown->code);
	bool key = is_ours(a, shown->key);
	/* The key may stand behind "Bearer", as Event Grid's documentation shows it. */
	bool bearer = is_ours(a, a->key_in_authorization ? shown->bearer : STR_EMPTY);

	if (code || key || bearer)
		return AUTH_OK;
	if (shown->code.n == 0 && shown->key.n == 0) {
		fail(why, ERR_DENIED, "no key was shown");
		return AUTH_NO_CREDENTIAL;
	}
	fail(why, ERR_DENIED, "the key that was shown is not ours");
	return AUTH_BAD;
}

static enum auth_answer
check_token(const struct auth *a, const struct auth_shown *shown, struct err *why)
{
	enum auth_answer answer;

	if (a->tokens == NULL || shown->bearer.n == 0) {
		fail(why, ERR_DENIED, "no bearer token was shown");
		return AUTH_NO_CREDENTIAL;
	}
	answer = tokens_check(a->tokens, shown->bearer, why);
	return answer == AUTH_BAD ? AUTH_BAD_TOKEN : answer;
}

/* By a clock that is wrong a certificate is neither expired nor good. */
static enum auth_answer
check_certificate(const struct auth *a, const struct auth_shown *shown, struct err *why)
{
	bool trusted = shown->certificate == CLIENT_CERTIFICATE_TRUSTED;
	bool by_time = trusted || shown->certificate == CLIENT_CERTIFICATE_NOT_NOW;

	if (!a->certificates || (!by_time && shown->certificate != CLIENT_CERTIFICATE_NOT_TRUSTED))
		return AUTH_NO_CREDENTIAL;
	if (by_time && a->tokens != NULL && tokens_clock_is_wrong(a->tokens, why)) {
		fail_in(why, "the client certificate cannot be judged now");
		return AUTH_LATER;
	}
	if (trusted)
		return AUTH_OK;
	fail(why, ERR_DENIED, "the client certificate is not trusted: %.*s",
	    STR_ARG(shown->certificate_wrong));
	return AUTH_BAD;
}

enum auth_answer
auth_check(const struct auth *a, const struct auth_shown *shown, struct err *why)
{
	enum auth_answer certificate, key, token;
	struct err why_not_key, why_not_certificate;

	if (a->insecure)
		return AUTH_OK;
	if (shown->ambiguous) {
		fail(why, ERR_DENIED, "there is more than one Authorization header");
		return AUTH_BAD;
	}
	certificate = check_certificate(a, shown, &why_not_certificate);
	if (certificate == AUTH_OK)
		return certificate;
	key = check_keys(a, shown, &why_not_key);
	if (key == AUTH_OK)
		return key;
	token = check_token(a, shown, why);
	if (token == AUTH_OK || (token != AUTH_NO_CREDENTIAL && certificate != AUTH_LATER))
		return token;
	if (certificate != AUTH_NO_CREDENTIAL) {
		*why = why_not_certificate;
		return certificate;
	}
	if (key != AUTH_NO_CREDENTIAL || a->n_keys > 0 || a->tokens == NULL)
		*why = why_not_key;
	return key;
}

const char *
auth_challenge(const struct auth *a, enum auth_answer answer)
{
	if (answer == AUTH_NO_ROLE)
		return "Bearer realm=\"gridwarden\", error=\"insufficient_scope\"";
	if (answer == AUTH_BAD_TOKEN)
		return "Bearer realm=\"gridwarden\", error=\"invalid_token\"";
	if (a->tokens == NULL)
		return "SharedKey realm=\"gridwarden\"";
	return a->n_keys == 0 ? "Bearer realm=\"gridwarden\""
			      : "Bearer realm=\"gridwarden\", SharedKey realm=\"gridwarden\"";
}

static bool
lists(const struct str *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(list[i], name))
			return true;
	return false;
}

bool
auth_allows_subscription(const struct auth *a, struct str name)
{
	return a->n_subscriptions == 0 || lists(a->subscriptions, a->n_subscriptions, name);
}

static bool
judges(const struct auth *a, enum event_schema schema)
{
	return source_list_judges(a->schemas, a->n_schemas, schema);
}

bool
auth_allows_validation_in(const struct auth *a, enum event_schema schema)
{
	return judges(a, schema) || (schema == SCHEMA_EVENT_GRID && judges(a, SCHEMA_CUSTOM));
}

bool
auth_allows_source(const struct auth *a, struct str source)
{
	/* Events of the custom input schema have no source, the handshake of their topic has. */
	return source_list_names(a->sources, a->n_sources, source) ||
	       (judges(a, SCHEMA_CUSTOM) && source_list_names(a->sources, a->n_sources, STR_EMPTY));
}

bool
auth_allows_cloud_events(const struct auth *a)
{
	return judges(a, SCHEMA_CLOUD_EVENTS);
}

bool
auth_allows_origin(const struct auth *a, struct str origin)
{
	return origin.n > 0 && (lists(a->origins, a->n_origins, origin) ||
				   lists(a->origins, a->n_origins, STR("*")));
}

bool
auth_allows_bare_handshake(const struct auth *a, struct str name)
{
	return a->bare_handshake && lists(a->subscriptions, a->n_subscriptions, name);
}
