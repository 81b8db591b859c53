/*
 * The keys with which Microsoft Entra ID signs tokens, by OpenID Connect discovery: the tenant's
 * metadata document names the key set.  v1.0 and v2.0 tokens have documents of their own.
 *
 * https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
 */
#ifndef AZURE_OPENID_H
#define AZURE_OPENID_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/settings.h"
#include "net/http.h"

/*
 * The key set as published, not looked into.  *server_ms is the service's clock when it answered,
 * -1 when it does not say.  Nothing in the document is followed that leads away from the login host
 * of the settings, and its issuer must be one that they allow.
 */
bool openid_fetch_keys(struct http *http, const struct settings *s, enum jwt_version version,
    struct arena *a, struct str *keys, int64_t *server_ms, struct err *e) MUST_CHECK;

#endif
