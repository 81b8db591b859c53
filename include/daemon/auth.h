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
#include "core/settings.h"
#include "daemon/tls.h"

struct auth;

/* What settings `auth.keys_file` lists at most: two while rotating, a few more for slow rotations.
 */
#define AUTH_KEYS_MAX 8
#define AUTH_KEY_MAX 4096
#define AUTH_KEY_WEAK 16 /* a shorter key is taken, with a warning in the log */

/* The origin of Azure Event Grid's CloudEvents handshake, allowed when the settings list none. */
#define AUTH_ORIGIN_DEFAULT "eventgrid.azure.net"

/* Reads the key files.  A problem names the file. */
bool auth_load(const struct settings_auth *s, struct auth **out, struct err *e) MUST_CHECK;
void auth_free(struct auth *a);

/* What a caller showed; empty = not shown. */
struct auth_shown {
	struct str code; /* ?code= */
	struct str key;	 /* the header of auth_key_header() */
	enum client_certificate certificate;
};

enum auth_answer {
	AUTH_OK,	    /* always, when the settings say insecure */
	AUTH_NO_CREDENTIAL, /* nothing was shown */
	AUTH_BAD,	    /* something was shown, and it is not ours */
};

/* The header that may carry the key; "" = none. */
const char *auth_key_header(const struct auth *a);
/* Takes the same time whatever was shown, but for its length. */
enum auth_answer auth_check(const struct auth *a, const struct auth_shown *shown);

/* May an event subscription of this name complete the handshake?  None listed = all. */
bool auth_allows_subscription(const struct auth *a, struct str name);
/* WebHook-Request-Origin, without case; "*" in the list allows all. */
bool auth_allows_origin(const struct auth *a, struct str origin);

#endif
