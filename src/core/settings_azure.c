/*
 * Happy path: the cloud gives the endpoints, the file the rest; one credential for all, others for
 * the subscriptions that they list.
 * What can go wrong: a credential without its parts or with those of another, a subscription that
 * is no id or has two credentials.
 */
#include "settings_azure.h"

#include "base/hash.h"
#include "settings_text.h"

/*
 * https://learn.microsoft.com/azure/developer/identity/clouds and the SDKs' environments
 * https://learn.microsoft.com/defender-endpoint/gov (GCC signs in at the public cloud and has
 * api-gcc.securitycenter.microsoft.us, which is for the file to say)
 */
static const struct cloud {
	const char *name, *resource_manager, *audience, *login, *defender, *defender_audience;
} clouds[] = {
	{ "public", "https://management.azure.com", "https://management.azure.com/",
	    "https://login.microsoftonline.com", "https://api.securitycenter.microsoft.com",
	    "https://api.securitycenter.microsoft.com" },
	{ "usgovernment", "https://management.usgovcloudapi.net",
	    "https://management.usgovcloudapi.net", "https://login.microsoftonline.us",
	    "https://api-gov.securitycenter.microsoft.us",
	    "https://api-gov.securitycenter.microsoft.us" },
	{ "china", "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn",
	    "https://login.chinacloudapi.cn", "", "" },
};

/* As rules of the table in settings_params.c write them. */
static const char *const type_names[] = {
	[CREDENTIAL_MANAGED_IDENTITY] = "managed_identity",
	[CREDENTIAL_CLIENT_SECRET] = "client_secret",
	[CREDENTIAL_CLIENT_CERTIFICATE] = "client_certificate",
	[CREDENTIAL_WORKLOAD_IDENTITY] = "workload_identity",
	[CREDENTIAL_AZURE_CLI] = "azure_cli",
	[CREDENTIAL_DEFAULT] = "default",
};
#define TYPES (sizeof(type_names) / sizeof(type_names[0]))

/* ---- copying ---- */

/* Written in the file, else as the cloud has it. */
static struct str
endpoint(const struct json *cloud, const char *key, const char *of_cloud, struct arena *a)
{
	struct str s = arena_str(a, json_text(json_get(cloud, key)));

	return s.n == 0 ? str_of(of_cloud) : str_trim_end(s, '/');
}

static void
copy_cloud(struct settings_azure *z, const struct json *j, struct arena *a)
{
	const struct cloud *cloud = &clouds[0];
	struct str name = json_text(json_get(j, "name")),
		   audience = arena_str(a, json_text(json_get(j, "audience"))),
		   defender_audience = arena_str(a, json_text(json_get(j, "defender_audience")));

	for (size_t i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++)
		if (str_is(name, clouds[i].name))
			cloud = &clouds[i];
	z->resource_manager = endpoint(j, "resource_manager", cloud->resource_manager, a);
	z->audience = audience.n > 0 ? audience : str_of(cloud->audience);
	z->login = endpoint(j, "login", cloud->login, a);
	z->defender = endpoint(j, "defender", cloud->defender, a);
	z->defender_audience =
	    defender_audience.n > 0 ? defender_audience : str_of(cloud->defender_audience);
	z->imds = endpoint(j, "imds", "http://169.254.169.254", a);
}

static void
copy_credential(struct settings_credential *c, const struct json *j, const struct yaml *written,
    const char *folder, struct arena *a)
{
	struct str type = json_text(json_get(j, "type"));

	for (size_t i = 0; i < TYPES; i++)
		if (str_is(type, type_names[i]))
			c->type = (enum credential_type)i;
	c->tenant = arena_str(a, json_text(json_get(j, "tenant")));
	c->client_id = arena_str(a, json_text(json_get(j, "client_id")));
	c->client_secret_file =
	    settings_readable(json_text(json_get(j, "client_secret_file")), folder, a);
	c->client_certificate_file =
	    settings_readable(json_text(json_get(j, "client_certificate_file")), folder, a);
	c->send_certificate_chain = json_true(json_get(j, "send_certificate_chain"));
	c->federated_token_file =
	    settings_readable(json_text(json_get(j, "federated_token_file")), folder, a);
	c->name = STR("azure.credential");
	c->line = written == NULL ? 0 : written->line;
	c->col = written == NULL ? 0 : written->col;
}

static void
copy_credentials(struct settings_azure *z, const struct json *list, const struct yaml *written,
    const char *folder, struct arena *a)
{
	z->credentials = arena_alloc(a, json_count(list) * sizeof(*z->credentials));
	for (const struct json *j = json_first(list); j != NULL; j = json_next(j)) {
		struct settings_credential *c = &z->credentials[z->n_credentials];
		const struct yaml *entry = yaml_entry(written, z->n_credentials++);

		copy_credential(
		    c, json_get(j, "credential"), yaml_get(entry, "credential"), folder, a);
		c->subscriptions = json_texts(json_get(j, "subscriptions"), a, &c->n_subscriptions);
		if (c->n_subscriptions > 0)
			c->name = arena_printf(
			    a, "azure.credentials for %.*s", STR_ARG(c->subscriptions[0]));
	}
}

void
settings_azure_copy(struct settings *s, const struct json *azure, const struct yaml *written,
    const char *folder, struct arena *a)
{
	struct settings_azure *z = &s->azure;
	const struct yaml *cloud = yaml_get(written, "cloud");

	copy_cloud(z, json_get(azure, "cloud"), a);
	z->has_login =
	    cloud != NULL && (cloud->type == YAML_SCALAR || yaml_get(cloud, "name") != NULL ||
				 yaml_get(cloud, "login") != NULL);
	z->has_imds = cloud != NULL && yaml_get(cloud, "imds") != NULL;
	z->ca_file = settings_path(json_text(json_get(azure, "ca_file")), folder, a);
	copy_credential(&z->credential, json_get(azure, "credential"),
	    yaml_get(written, "credential"), folder, a);
	copy_credentials(
	    z, json_get(azure, "credentials"), yaml_get(written, "credentials"), folder, a);
	json_int(json_get(azure, "operation_timeout"), &z->operation_timeout_ms);
}

/* ---- what makes no sense together ---- */

#define BIT(type) (1u << (type))
#define APPLICATION (BIT(CREDENTIAL_CLIENT_SECRET) | BIT(CREDENTIAL_CLIENT_CERTIFICATE))
#define ANY (BIT(TYPES) - 1)

static void
check_part(struct str value, const char *key, unsigned needed, unsigned allowed,
    const struct settings_credential *c, const struct yaml *where, struct diags *d)
{
	const char *owner = NULL;

	if (value.n == 0 && (needed & BIT(c->type)) != 0)
		yaml_error(d, where, "%s needs a %s", type_names[c->type], key);
	for (size_t i = 0; i < TYPES && owner == NULL; i++)
		if ((allowed & BIT(i)) != 0)
			owner = type_names[i];
	if (value.n > 0 && (allowed & BIT(c->type)) == 0)
		yaml_error(d, where, "%s goes with type: %s", key, owner);
}

static void
check_credential(const struct settings_credential *c, const struct yaml *where, struct diags *d)
{
	unsigned secret = BIT(CREDENTIAL_CLIENT_SECRET),
		 certificate = BIT(CREDENTIAL_CLIENT_CERTIFICATE),
		 federated = BIT(CREDENTIAL_WORKLOAD_IDENTITY);

	check_part(c->tenant, "tenant", APPLICATION, ANY, c, where, d);
	check_part(c->client_id, "client_id", APPLICATION, ANY, c, where, d);
	check_part(c->client_secret_file, "client_secret_file", secret, secret, c, where, d);
	check_part(c->client_certificate_file, "client_certificate_file", certificate, certificate,
	    c, where, d);
	check_part(c->send_certificate_chain ? STR("true") : STR_EMPTY, "send_certificate_chain", 0,
	    certificate, c, where, d);
	check_part(c->federated_token_file, "federated_token_file", 0, federated, c, where, d);
}

/* Of the first n entries, and of the last one its first k. */
static bool
is_listed(const struct settings_azure *z, size_t n, size_t k, struct str id)
{
	for (size_t i = 0; i <= n; i++)
		for (size_t m = 0; m < (i < n ? z->credentials[i].n_subscriptions : k); m++)
			if (str_eq_nocase(z->credentials[i].subscriptions[m], id))
				return true;
	return false;
}

static void
check_subscriptions(
    const struct settings_azure *z, size_t i, const struct yaml *entry, struct diags *d)
{
	const struct settings_credential *c = &z->credentials[i];
	const struct yaml *list = yaml_get(entry, "subscriptions");

	for (size_t k = 0; k < c->n_subscriptions; k++) {
		struct str id = c->subscriptions[k];

		if (!uuid_is(id))
			yaml_error(d, yaml_entry(list, k),
			    "a subscription is an id such as "
			    "11111111-2222-3333-4444-555555555555, not '%.*s'",
			    STR_ARG(id));
		else if (is_listed(z, i, k, id))
			yaml_error(d, yaml_entry(list, k),
			    "the subscription %.*s has a credential already", STR_ARG(id));
	}
}

void
settings_azure_check(const struct settings *s, const struct yaml *written, struct diags *d)
{
	const struct settings_azure *z = &s->azure;
	const struct yaml *one = yaml_get(written, "credential"),
			  *list = yaml_get(written, "credentials");
	size_t entries = list == NULL ? 0 : list->type == YAML_SEQUENCE ? list->n : 1;

	check_credential(&z->credential, one == NULL ? written : one, d);
	/* With an entry left out the places would be those of others; it was told of. */
	if (entries != z->n_credentials)
		return;
	for (size_t i = 0; i < entries; i++) {
		const struct yaml *entry = yaml_entry(list, i);
		const struct yaml *where = yaml_get(entry, "credential");

		check_subscriptions(z, i, entry, d);
		if (where != NULL)
			check_credential(&z->credentials[i], where, d);
	}
}
