/*
 * Who may deliver, and who may complete a handshake.  Read at start and at each reload; immutable
 * afterwards, so any thread may ask.
 *
 * A refusal here becomes a 401, which Event Grid never retries: it is given for a credential that
 * is proven wrong or absent, never for trouble of our own.
 */
#ifndef DAEMON_AUTH_H
#define DAEMON_AUTH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "core/event.h"
#include "core/settings.h"
#include "daemon/tls.h"

struct auth;
struct key_cache;

/* What settings `auth.keys_file` lists at most: two while rotating, a few more for slow rotations.
 */
#define AUTH_KEYS_MAX 8
#define AUTH_KEY_MAX 4096
#define AUTH_KEY_WEAK 16 /* a shorter key is taken, with a warning in the log */

/* Reads the key files.  A problem names the file. */
bool auth_load(const struct settings_auth *s, struct auth **out, struct err *e) MUST_CHECK;
void auth_free(struct auth *a);

/* Where the keys that sign tokens come from, when the settings ask for tokens; stays the caller's.
 */
void auth_use_keys(struct auth *a, struct key_cache *keys);

/* What a caller showed; empty = not shown.  Any one that is right is enough. */
struct auth_shown {
	struct str code;   /* ?code= */
	struct str key;	   /* the header of auth_key_header() */
	struct str bearer; /* Authorization: Bearer, or ?access_token= */
	bool ambiguous;	   /* more than one Authorization: refused whatever they hold */
	enum client_certificate certificate;
	struct str certificate_wrong; /* _NOT_TRUSTED, _NOT_NOW: why */
};

enum auth_answer {
	AUTH_OK,	    /* always, when the settings say insecure */
	AUTH_NO_CREDENTIAL, /* nothing was shown */
	AUTH_BAD,	    /* something was shown, and it is proven not to be ours: 401 */
	AUTH_BAD_TOKEN,	    /* the same, and it was a token */
	AUTH_NO_ROLE,	    /* a right token, whose owner may not deliver: 403 */
	AUTH_LATER,	    /* cannot be told now: no signing keys, a clock that is wrong: 503 */
};

/* The header that may carry the key; "" = none. */
const char *auth_key_header(const struct auth *a);
/*
 * Takes the same time whatever key was shown, but for its length.  Never waits.  why says why it is
 * not AUTH_OK, and holds nothing of what was shown.
 */
enum auth_answer auth_check(const struct auth *a, const struct auth_shown *shown, struct err *why);
/* WWW-Authenticate of a refusal. */
const char *auth_challenge(const struct auth *a, enum auth_answer answer);

/*
 * May the validation of an event subscription of this name come without a credential?  It gives no
 * access: each delivery has to show one.
 */
bool auth_allows_bare_handshake(const struct auth *a, struct str name);
/* May an event subscription of this name complete the handshake?  None listed = all. */
bool auth_allows_subscription(const struct auth *a, struct str name);
/*
 * May one whose validation comes in this schema, by the list auth.schemas?  Topics of the custom
 * input schema have theirs in Event Grid's.
 */
bool auth_allows_validation_in(const struct auth *a, enum event_schema schema);
/*
 * May one of this source, by the list auth.sources?  With `none` in it any may where events of the
 * custom schema are judged: such a topic could bring whatever envelope its publisher writes.
 */
bool auth_allows_source(const struct auth *a, struct str source);
/* Are CloudEvents judged at all?  Else their handshake gets no consent. */
bool auth_allows_cloud_events(const struct auth *a);
/* WebHook-Request-Origin, without case; "*" in the list allows all, an empty list none. */
bool auth_allows_origin(const struct auth *a, struct str origin);

#endif
