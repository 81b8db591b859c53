/*
 * The token endpoint of a tenant: OAuth 2.0 client credentials, with a secret, a certificate or the
 * token of a workload.
 */
#ifndef AZURE_CREDENTIAL_TENANT_H
#define AZURE_CREDENTIAL_TENANT_H

#include "core/settings.h"
#include "net/http.h"

/* The identity service is near or it is down. */
#define TOKEN_TIMEOUT_MS 15000

/*
 * Ask for a token for the audience.  Files are read each time: what was renewed is used without a
 * restart.  ERR_DENIED when one is of no use.
 */
bool tenant_ask(const struct settings_azure *s, struct http *http, struct str audience,
    int64_t now_ms, struct arena *a, struct http_response *rs, struct err *e) MUST_CHECK;

#endif
