#include "settings_credential.h"

static const char *const names[] = {
	[CREDENTIAL_MANAGED_IDENTITY] = "managed_identity",
	[CREDENTIAL_CLIENT_SECRET] = "client_secret",
	[CREDENTIAL_CLIENT_CERTIFICATE] = "client_certificate",
	[CREDENTIAL_WORKLOAD_IDENTITY] = "workload_identity",
};

enum credential_type
settings_credential_type(struct str name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_is(name, names[i]))
			return (enum credential_type)i;
	return CREDENTIAL_MANAGED_IDENTITY;
}

/* Of a credential that has to be told everything. */
static void
needs(
    const char *name, const char *key, struct str value, const struct yaml *where, struct diags *d)
{
	if (value.n == 0)
		yaml_error(d, where, "%s needs a %s", name, key);
}

/* A file that belongs to another type would be thought to be in use. */
static void
goes_with(enum credential_type type, const struct settings_azure *z, const char *key,
    struct str value, const struct yaml *where, struct diags *d)
{
	if (value.n > 0 && z->credential != type)
		yaml_error(d, where, "%s goes with type: %s", key, names[type]);
}

void
settings_credential_check(
    const struct settings_azure *z, const struct yaml *written, struct diags *d)
{
	const char *name = names[z->credential];
	bool is_told = z->credential == CREDENTIAL_CLIENT_SECRET ||
		       z->credential == CREDENTIAL_CLIENT_CERTIFICATE;

	if (is_told) {
		needs(name, "tenant", z->tenant, written, d);
		needs(name, "client_id", z->client_id, written, d);
	}
	if (z->credential == CREDENTIAL_CLIENT_SECRET)
		needs(name, "client_secret_file", z->client_secret_file, written, d);
	if (z->credential == CREDENTIAL_CLIENT_CERTIFICATE)
		needs(name, "certificate_file", z->certificate_file, written, d);
	goes_with(
	    CREDENTIAL_CLIENT_SECRET, z, "client_secret_file", z->client_secret_file, written, d);
	goes_with(
	    CREDENTIAL_CLIENT_CERTIFICATE, z, "certificate_file", z->certificate_file, written, d);
	goes_with(CREDENTIAL_WORKLOAD_IDENTITY, z, "token_file", z->token_file, written, d);
}
