/*
 * Tokens for Azure.  Cached and refreshed early; shared by all performers.
 *
 * managed identity  instance metadata service, api-version 2018-02-01
 *                   https://learn.microsoft.com/entra/identity/managed-identities-azure-resources
 * client secret     OAuth 2.0 client credentials at the tenant's v2.0 token endpoint
 */
#ifndef AZURE_CREDENTIAL_H
#define AZURE_CREDENTIAL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/settings.h"
#include "net/http.h"

struct credential; /* any thread may use it */

struct credential *credential_new(const struct settings_azure *s); /* s must outlive it */
void credential_free(struct credential *c);

/*
 * "Bearer ..." for the audience, valid for at least five minutes from now.  ERR_AGAIN when the
 * identity service is in trouble, ERR_DENIED when it refuses us: the text says what to mend and
 * never holds the secret.
 */
bool credential_get(struct credential *c, struct http *http, struct str audience, int64_t now_ms,
    struct arena *a, struct str *authorization, struct err *e) MUST_CHECK;

/* The service said that the token is not valid any more. */
void credential_drop(struct credential *c, struct str audience);

#endif
