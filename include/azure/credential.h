/*
 * Tokens for Azure.  Cached and refreshed early; shared by all performers.
 *
 * managed identity   instance metadata service, App Service and its like, Azure Arc
 *                    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources
 * client secret, client certificate, workload identity
 *                    OAuth 2.0 client credentials at the tenant's v2.0 token endpoint
 * azure cli          az account get-access-token
 * default            the first of these that is here
 */
#ifndef AZURE_CREDENTIAL_H
#define AZURE_CREDENTIAL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/settings.h"
#include "net/http.h"

struct credential; /* any thread may use it */

/* The default one, and with it those of single subscriptions; s must outlive it. */
struct credential *credential_new(const struct settings_azure *s);
void credential_free(struct credential *c);

/* The one that calls to this subscription are made with; c keeps it.  "" = the default one. */
struct credential *credential_for(struct credential *c, struct str subscription);

/*
 * Whether the file that this one names is of use, as far as it can be said without asking Azure.
 * What systemd hands over is not looked for where there is none of it.
 */
bool credential_try_files(
    const struct settings_credential *s, int64_t now_ms, struct arena *a, struct err *e) MUST_CHECK;

/* "managed identity", "application ID": in whose name its calls are made, for people. */
struct str credential_whose(const struct credential *c, struct arena *a);

/*
 * "Bearer ..." for the audience, valid for at least five minutes from now.  ERR_AGAIN when the
 * identity service is in trouble, ERR_DENIED when it refuses us: the text says what to mend and
 * never holds the secret.  While a token that is still good is refreshed others are given it; a
 * service that asked for a rest is left alone for so long.  The text begins with the credential's
 * name in the settings.
 */
bool credential_get(struct credential *c, struct http *http, struct str audience, int64_t now_ms,
    struct arena *a, struct str *authorization, struct err *e) MUST_CHECK;

/* The service said that the token is not valid any more. */
void credential_drop(struct credential *c, struct str audience);

#endif
