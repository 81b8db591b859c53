/*
 * The chain "default", as Microsoft's libraries have it, as far as a daemon has such things:
 * the environment, workload identity, managed identity, Azure CLI.  AZURE_TOKEN_CREDENTIALS cuts it
 * as it does there.
 * What can go wrong: a word in that variable that we do not know (ERR_DENIED); nothing is here,
 * which a metadata service that is slow looks like, too (ERR_AGAIN).
 */
#include "base/log.h"
#include "credential_internal.h"

static const struct link {
	const struct token_source *source;
	const char *kind; /* of AZURE_TOKEN_CREDENTIALS */
	const char *name; /* the same, for this one alone */
} chain[] = {
	{ &source_environment, "prod", "EnvironmentCredential" },
	{ &source_workload_identity, "prod", "WorkloadIdentityCredential" },
	{ &source_managed_identity, "prod", "ManagedIdentityCredential" },
	{ &source_azure_cli, "dev", "AzureCliCredential" },
};
#define LINKS ((int)(sizeof(chain) / sizeof(chain[0])))

static bool
is_wanted(const struct link *l, struct str only)
{
	return only.n == 0 || str_is_nocase(only, l->kind) || str_is_nocase(only, l->name);
}

/* -1: none is here. */
static int
find(const struct sign_in *si, struct str only)
{
	for (int i = 0; i < LINKS; i++) {
		if (!is_wanted(&chain[i], only))
			continue;
		/* The one that is named is not looked for, but asked. */
		if (str_is_nocase(only, chain[i].name) || chain[i].source->is_here(si))
			return i;
	}
	return -1;
}

const struct token_source *
default_source(const atomic_int *chosen)
{
	int at = atomic_load(chosen);

	return at < 0 ? NULL : chain[at].source;
}

bool
default_ask(const struct sign_in *si, atomic_int *chosen, struct granted *out, struct err *e)
{
	struct str only = credential_env("AZURE_TOKEN_CREDENTIALS");
	struct settings_credential own = *si->own;
	struct sign_in now = *si;
	int at = atomic_load(chosen), none = -1;
	bool known = only.n == 0;

	for (int i = 0; i < LINKS; i++)
		known = known || is_wanted(&chain[i], only);
	if (!known)
		return fail(e, ERR_DENIED,
		    "no token: AZURE_TOKEN_CREDENTIALS is '%.*s', not prod, dev, "
		    "EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential "
		    "or AzureCliCredential",
		    STR_ARG(only));
	if (own.client_id.n == 0)
		own.client_id = credential_env("AZURE_CLIENT_ID");
	now.own = &own;
	if (at < 0)
		at = find(&now, only);
	if (at < 0)
		return fail_again(e, 0,
		    "no token: neither AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH, nor a "
		    "workload identity, nor a managed identity is here");
	if (!chain[at].source->ask(&now, out, e))
		return fail_in(e, "%s", chain[at].source->name);
	if (atomic_compare_exchange_strong(chosen, &none, at))
		log_info("credential: default takes %s", chain[at].source->name);
	return true;
}
