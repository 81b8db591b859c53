/*
 * Happy path: one table gives keys, types and defaults; what it gives is copied into the struct.
 * What can go wrong: every mistake of the file is reported at its place, and what only makes no
 * sense together (a credential without its secret, a public listener without a key) after that.
 */
#include "core/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/source_list.h"
#include "endpoint.h"
#include "settings_approvals.h"
#include "settings_azure.h"
#include "settings_entra.h"
#include "settings_text.h"
#include "settings_tickets.h"

/* Batches are cut at this size: https://learn.microsoft.com/azure/event-grid/quotas-limits */
#define EVENT_GRID_DELIVERY_MAX (1024 * 1024)

struct copying {
	struct settings *s;
	const struct json *j;
	const struct yaml *root;
	const char *folder; /* of the file: what relative paths are relative to */
	struct arena *a;
	struct diags *d;
};

/* The node that a mistake is about; the nearest one that is written. */
static const struct yaml *
at(const struct copying *c, const char *group, const char *key)
{
	const struct yaml *y = yaml_get(c->root, group), *inner;

	if (y == NULL)
		return c->root;
	inner = key == NULL ? NULL : yaml_get(y, key);
	return inner == NULL ? y : inner;
}

/* ---- copying ---- */

static struct str
text(const struct copying *c, const char *path)
{
	return arena_str(c->a, json_text(json_at(c->j, path)));
}

static int64_t
number(const struct copying *c, const char *path)
{
	int64_t n = 0;

	json_int(json_at(c->j, path), &n);
	return n;
}

static struct str
absolute(const struct copying *c, struct str path)
{
	return settings_path(path, c->folder, c->a);
}

static struct str
readable(const struct copying *c, struct str path)
{
	return settings_readable(path, c->folder, c->a);
}

static struct str
path(const struct copying *c, const char *where)
{
	return absolute(c, json_text(json_at(c->j, where)));
}

static struct str *
texts(const struct copying *c, const char *where, size_t *n)
{
	return json_texts(json_at(c->j, where), c->a, n);
}

static void
copy_listen(const struct copying *c)
{
	struct settings_listen *l = &c->s->listen;

	l->address = text(c, "listen.address");
	l->path = text(c, "listen.path");
	l->certificate = readable(c, json_text(json_at(c->j, "listen.certificate")));
	l->private_key = readable(c, json_text(json_at(c->j, "listen.private_key")));
	l->body_max = number(c, "listen.body_max");
	l->connections_max = number(c, "listen.connections_max");
	l->per_address_max = number(c, "listen.per_address_max");
}

static void
copy_auth(const struct copying *c)
{
	struct settings_auth *auth = &c->s->auth;

	auth->keys_files = texts(c, "auth.keys_file", &auth->n_keys_files);
	for (size_t i = 0; i < auth->n_keys_files; i++)
		auth->keys_files[i] = readable(c, auth->keys_files[i]);
	auth->key_header = text(c, "auth.key_header");
	auth->subscriptions = texts(c, "auth.subscriptions", &auth->n_subscriptions);
	auth->schemas = texts(c, "auth.schemas", &auth->n_schemas);
	auth->sources = texts(c, "auth.sources", &auth->n_sources);
	auth->event_types = texts(c, "auth.event_types", &auth->n_event_types);
	auth->origins = texts(c, "auth.origins", &auth->n_origins);
	auth->client_ca = readable(c, json_text(json_at(c->j, "auth.client_certificates.ca")));
	auth->client_names = texts(c, "auth.client_certificates.names", &auth->n_client_names);
	auth->insecure = json_true(json_at(c->j, "auth.insecure"));
}

static void
copy_channels(const struct copying *c)
{
	const struct json *all = json_get(c->j, "channels");
	struct settings_channel *list = arena_alloc(c->a, json_count(all) * sizeof(*list));

	for (const struct json *i = json_first(all); i != NULL; i = json_next(i)) {
		bool message = str_is(json_text(json_get(i, "format")), "message_card");

		list[c->s->n_channels++] = (struct settings_channel){ arena_str(c->a, json_name(i)),
			message ? FORMAT_MESSAGE_CARD : FORMAT_ADAPTIVE_CARD,
			readable(c, json_text(json_get(i, "url_file"))) };
	}
	c->s->channels = list;
}

/* "resource_group rg-identity, tag gridwarden=protected" */
static struct str
describe(const struct settings_protected *p, struct arena *a)
{
	const struct {
		const char *what;
		struct str value;
	} parts[] = { { "subscription", p->subscription }, { "resource_group", p->resource_group },
		{ "resource", p->resource }, { "tag", p->tag_name } };
	struct str out = STR_EMPTY;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].value.n > 0)
			out = arena_printf(a, "%.*s%s%s %.*s", STR_ARG(out), out.n > 0 ? ", " : "",
			    parts[i].what, STR_ARG(parts[i].value));
	if (p->tag_value.n > 0)
		out = arena_printf(a, "%.*s=%.*s", STR_ARG(out), STR_ARG(p->tag_value));
	return out;
}

/* Entries of guards.protected or guards.scope; *n: how many. */
static struct settings_protected *
copy_places(const struct copying *c, const char *path, size_t *n)
{
	const struct json *all = json_at(c->j, path);
	struct settings_protected *list = arena_alloc(c->a, json_count(all) * sizeof(*list));

	for (const struct json *i = json_first(all); i != NULL; i = json_next(i)) {
		struct settings_protected *p = &list[(*n)++];
		const struct json *tag = json_first(json_get(i, "tag"));

		p->subscription = arena_str(c->a, json_text(json_get(i, "subscription")));
		p->resource_group = arena_str(c->a, json_text(json_get(i, "resource_group")));
		p->resource = arena_str(c->a, json_text(json_get(i, "resource")));
		p->tag_name = arena_str(c->a, json_name(tag));
		p->tag_value = arena_str(c->a, json_text(tag));
		if (str_is(p->tag_value, "*"))
			p->tag_value = STR_EMPTY;
		p->text = describe(p, c->a);
	}
	return list;
}

static void
copy_budgets(const struct copying *c)
{
	const struct json *all = json_at(c->j, "guards.budgets");
	const struct yaml *written = yaml_get(at(c, "guards", NULL), "budgets");
	struct settings_budget *list = arena_alloc(c->a, json_count(all) * sizeof(*list));

	for (const struct json *i = json_first(all); i != NULL; i = json_next(i)) {
		struct settings_budget *b = &list[c->s->n_budgets++];

		const struct yaml_pair *pair;

		b->action = arena_str(c->a, json_name(i));
		pair = yaml_pair(written, b->action.p);
		b->line = pair == NULL ? 0 : pair->key->line;
		b->col = pair == NULL ? 0 : pair->key->col;
		json_int(json_get(i, "per_hour"), &b->per_hour);
		json_int(json_get(i, "per_rule_per_hour"), &b->per_rule_per_hour);
		json_int(json_get(i, "per_subscription_per_hour"), &b->per_subscription_per_hour);
		json_int(json_get(i, "cooldown"), &b->cooldown_ms);
		b->over_approve = str_is(json_text(json_get(i, "over")), "approve");
	}
	c->s->budgets = list;
}

static void
copy_rest(const struct copying *c)
{
	struct settings *s = c->s;
	struct str store = text(c, "store");

	s->operations = text(c, "operations");
	if (str_is(s->operations, "off"))
		s->operations = STR_EMPTY;
	s->socket = path(c, "socket");
	s->inbox = path(c, "inbox");
	s->inbox_max = number(c, "inbox_max");
	s->store = store;
	if (str_starts_nocase(store, STR("sqlite:"))) {
		struct str file = absolute(c, str_slice(store, strlen("sqlite:"), store.n));

		s->store = arena_printf(c->a, "sqlite:%.*s", STR_ARG(file));
	}
	s->rules = path(c, "rules");
	s->mode = str_is(text(c, "guards.mode"), "shadow") ? GUARD_SHADOW : GUARD_ENFORCE;
	s->digest_wait_ms = number(c, "guards.digest_wait");
	s->confirm_at_source = json_true(json_at(c->j, "guards.confirm_at_source"));
	s->report_wait_ms = number(c, "report_wait");
	s->retention_ms = number(c, "retention");
	s->log_level = text(c, "log_level");
}

/* ---- what makes no sense together ---- */

static bool
is_loopback(struct str address)
{
	struct str host;

	return endpoint_parse(address, &host) && endpoint_is_loopback(host);
}

static void
check_address(const struct copying *c, const struct yaml *y, const char *key, struct str address)
{
	struct str host;

	if (!endpoint_parse(address, &host))
		yaml_error(c->d, y,
		    "%s must be an IP address and a port such as [::]:8443 or 127.0.0.1:8443, "
		    "not '%.*s'",
		    key, STR_ARG(address));
}

/* RFC 9110: a token. */
static bool
header_fits(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("!#$%&'*+-.^_`|~", c) != NULL))
			return false;
	}
	return true;
}

static void
check_listen(const struct copying *c)
{
	const struct settings_listen *l = &c->s->listen;

	if (l->address.n > 0)
		check_address(c, at(c, "listen", "address"), "address", l->address);
	if (c->s->operations.n > 0)
		check_address(c, at(c, "operations", NULL), "operations", c->s->operations);
	if (l->path.n > 0 && l->path.p[0] != '/')
		yaml_error(c->d, at(c, "listen", "path"), "path must begin with '/'");
	if (l->body_max > 0 && l->body_max < EVENT_GRID_DELIVERY_MAX)
		yaml_warning(c->d, at(c, "listen", "body_max"),
		    "Event Grid sends up to 1 MiB, and drops what is answered 413");
	if ((l->certificate.n == 0) != (l->private_key.n == 0))
		yaml_error(c->d, at(c, "listen", NULL), "certificate and private_key go together");
	else if (l->certificate.n == 0 && !(c->s->auth.insecure && is_loopback(l->address)))
		yaml_error(c->d, at(c, "listen", NULL),
		    "certificate and private_key are missing: "
		    "Event Grid delivers over HTTPS only");
}

/* An entry that can never fit would refuse everything, and the first alert would tell. */
static void
check_lists(const struct copying *c)
{
	const struct settings_auth *auth = &c->s->auth;
	const char *problem;

	for (size_t i = 0; i < auth->n_sources + auth->n_event_types; i++) {
		bool is_source = i < auth->n_sources;
		size_t k = is_source ? i : i - auth->n_sources;
		struct str entry = is_source ? auth->sources[k] : auth->event_types[k];

		problem = source_list_problem(entry, is_source);
		if (problem != NULL)
			yaml_warning(c->d,
			    yaml_entry(at(c, "auth", is_source ? "sources" : "event_types"), k),
			    "'%.*s' %s", STR_ARG(entry), problem);
	}
	for (size_t i = 0; i < auth->n_subscriptions; i++)
		for (size_t k = 0; k < auth->subscriptions[i].n; k++)
			if (strchr("*?/ ", auth->subscriptions[i].p[k]) != NULL) {
				yaml_error(c->d, yaml_entry(at(c, "auth", "subscriptions"), i),
				    "'%.*s' is no name of an event subscription: it has no "
				    "wildcards, slashes or blanks",
				    STR_ARG(auth->subscriptions[i]));
				break;
			}
}

static void
check_schemas(const struct copying *c)
{
	const struct settings_auth *auth = &c->s->auth;
	const struct yaml *written = yaml_get(yaml_get(c->root, "auth"), "schemas");

	if (written != NULL && written->type == YAML_SEQUENCE && written->n == 0)
		yaml_error(c->d, written,
		    "schemas must list one at least of event_grid, cloud_events and custom");
	if (auth->n_sources > 0 &&
	    source_list_judges(auth->schemas, auth->n_schemas, SCHEMA_CLOUD_EVENTS))
		yaml_warning(c->d, at(c, "auth", "sources"),
		    "whoever publishes a CloudEvent writes its source himself, this list holds "
		    "back only mistakes: set schemas to the others, such as [event_grid]");
}

static bool
has_entra(const struct copying *c)
{
	return yaml_get(yaml_get(c->root, "auth"), "entra") != NULL;
}

static void
check_auth(const struct copying *c)
{
	const struct settings_auth *auth = &c->s->auth;
	struct str address = c->s->listen.address;

	if (auth->insecure && address.n > 0 && !is_loopback(address))
		yaml_error(c->d, at(c, "auth", "insecure"),
		    "insecure is for a loopback address, and listen.address is '%.*s'",
		    STR_ARG(address));
	if (auth->client_ca.n > 0 && c->s->listen.certificate.n == 0)
		yaml_error(c->d, at(c, "auth", "client_certificates"),
		    "client_certificates needs HTTPS: listen has no certificate and private_key");
	if (auth->n_keys_files == 0 && !has_entra(c) && auth->client_ca.n == 0 && !auth->insecure)
		yaml_error(c->d, at(c, "auth", NULL),
		    "no credential is asked for: name a keys_file, entra or client_certificates, "
		    "or anyone could isolate machines");
	settings_entra_check(c->s, yaml_get(yaml_get(c->root, "auth"), "entra"), c->d);
	if (!header_fits(auth->key_header))
		yaml_error(c->d, at(c, "auth", "key_header"), "'%.*s' cannot name a header",
		    STR_ARG(auth->key_header));
}

/* A guard that can never fit would guard nothing, and nobody would know. */
static void
check_place(const struct copying *c, const struct yaml *entry, bool scope)
{
	const struct yaml *subscription = yaml_get(entry, "subscription"),
			  *resource = yaml_get(entry, "resource"), *tag = yaml_get(entry, "tag");
	struct resource_id id;
	struct err e;

	if (entry->type == YAML_MAPPING && entry->n == 0)
		yaml_error(c->d, entry,
		    scope ? "an entry must name a subscription, resource_group or resource, or it "
			    "would allow everything"
			  : "an entry must name a subscription, resource_group, resource or tag, "
			    "or it would protect everything");
	if (subscription != NULL && subscription->text.n > 0 &&
	    !resource_id_parse(
		arena_printf(c->a, "/subscriptions/%.*s", STR_ARG(subscription->text)), &id, &e))
		yaml_error(c->d, subscription,
		    "subscription must be an id such as 11111111-2222-3333-4444-555555555555, not "
		    "'%.*s'",
		    STR_ARG(subscription->text));
	if (resource != NULL && resource->text.n > 0 && resource->text.p[0] != '*' &&
	    !str_starts_nocase(resource->text, STR("/subscriptions/")))
		yaml_error(c->d, resource,
		    "resource must be an id with * and ? that begins with /subscriptions/ or *, "
		    "not '%.*s'",
		    STR_ARG(resource->text));
	if (tag != NULL && tag->type == YAML_MAPPING && (tag->n != 1 || entry->n != 1))
		yaml_error(c->d, tag, "a tag stands alone in its entry, one tag in each");
}

static void
check_places(const struct copying *c, const struct yaml *list, bool scope)
{
	if (list != NULL && list->type == YAML_MAPPING)
		check_place(c, list, scope);
	for (size_t i = 0; list != NULL && list->type == YAML_SEQUENCE && i < list->n; i++)
		check_place(c, list->items[i], scope);
}

static void
check_guards(const struct copying *c)
{
	const struct yaml *guards = yaml_get(c->root, "guards");

	check_places(c, yaml_get(guards, "protected"), false);
	check_places(c, yaml_get(guards, "scope"), true);
}

static void
check_store(const struct copying *c)
{
	if (c->s->store.n > 0 &&
	    (!str_starts_nocase(c->s->store, STR("sqlite:")) || c->s->store.n == strlen("sqlite:")))
		yaml_error(c->d, at(c, "store", NULL), "store must be sqlite:/path/of/the/file");
}

struct settings *
settings_parse(const struct source *src, struct diags *d)
{
	struct arena *a = arena_new();
	struct copying c = {
		.a = a, .d = d, .folder = arena_cstr(a, str_folder(str_of(src->name)))
	};
	size_t errors = d->errors;

	c.root = yaml_parse(src, a, d);
	if (c.root != NULL && c.root->type != YAML_MAPPING) {
		yaml_error(
		    d, c.root, "settings are a mapping of keys, not %s", yaml_type_name(c.root));
		c.root = NULL;
	}
	if (c.root != NULL) {
		c.s = arena_alloc(a, sizeof(*c.s));
		c.s->arena = a;
		c.j = params_read(settings_params, c.root, a, d);
		copy_listen(&c);
		copy_auth(&c);
		settings_azure_copy(
		    c.s, json_get(c.j, "azure"), yaml_get(c.root, "azure"), c.folder, a);
		settings_entra_copy(
		    c.s, json_at(c.j, "auth.entra"), text(&c, "azure.cloud.name"), a);
		copy_channels(&c);
		settings_approvals_copy(
		    c.s, json_get(c.j, "approvals"), yaml_get(c.root, "approvals"), c.folder, a);
		settings_tickets_copy(c.s, json_get(c.j, "tickets"), c.folder, a);
		c.s->protects = copy_places(&c, "guards.protected", &c.s->n_protects);
		c.s->approval_timeout_ms = number(&c, "guards.approval_timeout");
		c.s->scopes = copy_places(&c, "guards.scope", &c.s->n_scopes);
		copy_budgets(&c);
		copy_rest(&c);
		check_listen(&c);
		check_auth(&c);
		check_lists(&c);
		check_schemas(&c);
		settings_azure_check(c.s, yaml_get(c.root, "azure"), d);
		check_guards(&c);
		settings_approvals_check(c.s, yaml_get(c.root, "approvals"), a, d);
		settings_tickets_check(c.s, yaml_get(c.root, "tickets"), a, d);
		check_store(&c);
	}
	if (c.root == NULL || d->errors > errors) {
		arena_free(a);
		return NULL;
	}
	return c.s;
}

void
settings_free(struct settings *s)
{
	if (s != NULL)
		arena_free(s->arena);
}

const struct settings_channel *
settings_channel(const struct settings *s, struct str name)
{
	for (size_t i = 0; i < s->n_channels; i++)
		if (str_eq(s->channels[i].name, name))
			return &s->channels[i];
	return NULL;
}
