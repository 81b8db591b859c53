/*
 * Happy path: the cloud gives issuers and Event Grid's application, the file the rest.
 * What can go wrong: a tenant that is no id, a cloud whose Event Grid is not known, a handshake
 * opened to every event subscription.
 */
#include "settings_entra.h"

#include <ctype.h>

#include "base/hash.h"

/*
 * Issuers: https://learn.microsoft.com/entra/identity-platform/access-tokens and its pages about
 * national clouds.  Applications: https://learn.microsoft.com/azure/event-grid/
 * secure-webhook-delivery; that of China is written nowhere.
 */
static const struct cloud {
	const char *name, *issuer_v1, *issuer_v2, *application;
} clouds[] = {
	{ "public", "https://sts.windows.net", "https://login.microsoftonline.com",
	    "4962773b-9cdb-44cf-a8bf-237846a00ab7" },
	{ "usgovernment", "https://sts.windows.net", "https://login.microsoftonline.us",
	    "54316b56-3481-47f9-8f30-0300f5542a7b" },
	{ "china", "https://sts.chinacloudapi.cn", "https://login.partner.microsoftonline.cn", "" },
};

static const struct cloud *
find(struct str name)
{
	for (size_t i = 0; i < sizeof(clouds) / sizeof(clouds[0]); i++)
		if (str_is(name, clouds[i].name))
			return &clouds[i];
	return &clouds[0];
}

static struct str *
copy_list(const struct json *list, struct arena *a, size_t *n)
{
	struct str *out = arena_alloc(a, json_count(list) * sizeof(*out));

	*n = 0;
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i))
		out[(*n)++] = arena_str(a, json_text(i));
	return out;
}

/* Entra's own end with it in v2.0 tokens; some of its products write a slash behind it. */
static enum jwt_version
version_of(struct str issuer)
{
	return str_ends_nocase(issuer, STR("/v2.0")) || str_ends_nocase(issuer, STR("/v2.0/"))
		   ? JWT_V2
		   : JWT_V1;
}

/* A version without an issuer has no tokens that are ours, and its keys are not asked for. */
static void
listed_issuers(struct settings_entra *en, const struct json *list, struct arena *a)
{
	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		en->issuers[v] = arena_alloc(a, json_count(list) * sizeof(struct str));
	for (const struct json *i = json_first(list); i != NULL; i = json_next(i)) {
		enum jwt_version v = version_of(json_text(i));

		en->issuers[v][en->n_issuers[v]++] = arena_str(a, json_text(i));
	}
}

/* Where the settings have another login, its own issuer of v2.0 tokens is right too. */
static void
usual_issuers(
    struct settings_entra *en, const struct cloud *cloud, struct str login, struct arena *a)
{
	struct str tenant = arena_lower(a, en->tenant);

	en->issuers[JWT_V1] = arena_alloc(a, sizeof(struct str));
	en->issuers[JWT_V1][0] = arena_printf(a, "%s/%.*s/", cloud->issuer_v1, STR_ARG(tenant));
	en->n_issuers[JWT_V1] = 1;
	en->issuers[JWT_V2] = arena_alloc(a, 2 * sizeof(struct str));
	en->issuers[JWT_V2][0] = arena_printf(a, "%s/%.*s/v2.0", cloud->issuer_v2, STR_ARG(tenant));
	en->issuers[JWT_V2][1] = arena_printf(a, "%.*s/%.*s/v2.0", STR_ARG(login), STR_ARG(tenant));
	en->n_issuers[JWT_V2] = 2;
}

static struct str
source_of(const struct settings *s, struct arena *a)
{
	const struct settings_entra *en = &s->auth.entra;
	struct str out = arena_printf(a, "%.*s\n%.*s\n%.*s", STR_ARG(s->azure.login),
	    STR_ARG(en->tenant), STR_ARG(s->azure.ca_file));

	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		for (size_t i = 0; i < en->n_issuers[v]; i++)
			out =
			    arena_printf(a, "%.*s\n%.*s", STR_ARG(out), STR_ARG(en->issuers[v][i]));
	return out;
}

void
settings_entra_copy(
    struct settings *s, const struct json *entra, struct str cloud_name, struct arena *a)
{
	struct settings_entra *en = &s->auth.entra;
	const struct cloud *cloud = find(cloud_name);

	en->tenant = arena_str(a, json_text(json_get(entra, "tenant")));
	en->audience = copy_list(json_get(entra, "audience"), a, &en->n_audience);
	en->role = arena_str(a, json_text(json_get(entra, "role")));
	en->application = arena_str(a, json_text(json_get(entra, "application")));
	if (en->application.n == 0)
		en->application = str_of(cloud->application);
	en->handshake_without_token = json_true(json_get(entra, "handshake_without_token"));
	listed_issuers(en, json_get(entra, "issuer"), a);
	if (en->n_issuers[JWT_V1] + en->n_issuers[JWT_V2] == 0)
		usual_issuers(en, cloud, s->azure.login, a);
	en->source = en->tenant.n == 0 ? STR_EMPTY : source_of(s, a);
}

/* ---- what makes no sense together ---- */

static const struct yaml *
at(const struct yaml *written, const char *key)
{
	const struct yaml *y = yaml_get(written, key);

	return y == NULL ? written : y;
}

static void
check_id(const struct yaml *written, const char *key, struct str id, struct diags *d)
{
	if (id.n > 0 && !uuid_is(id))
		yaml_error(d, at(written, key),
		    "%s must be an id such as 11111111-2222-3333-4444-555555555555, not '%.*s'",
		    key, STR_ARG(id));
}

static void
check_issuers(const struct settings_entra *en, const struct yaml *written, struct diags *d)
{
	for (int v = JWT_V1; v < JWT_VERSIONS; v++)
		for (size_t i = 0; i < en->n_issuers[v]; i++)
			if (!str_starts_nocase(en->issuers[v][i], STR("https://")))
				yaml_error(d, written, "an issuer begins with https://, not '%.*s'",
				    STR_ARG(en->issuers[v][i]));
}

void
settings_entra_check(const struct settings *s, const struct yaml *written, struct diags *d)
{
	const struct settings_entra *en = &s->auth.entra;

	if (written == NULL || written->type != YAML_MAPPING)
		return;
	check_id(written, "tenant", en->tenant, d);
	check_id(written, "application", en->application, d);
	if (en->application.n == 0)
		yaml_error(d, written,
		    "the id of Event Grid in this cloud is not published: name it as application");
	if (yaml_get(written, "issuer") != NULL)
		check_issuers(en, at(written, "issuer"), d);
	if (en->handshake_without_token && s->auth.n_subscriptions == 0)
		yaml_error(d, at(written, "handshake_without_token"),
		    "handshake_without_token is for listed event subscriptions, and "
		    "auth.subscriptions lists none");
}
