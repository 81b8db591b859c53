#include "parse_settings.h"

TEST(a_short_file_gets_the_defaults)
{
	parse(BASE);
	CHECK_STR(s->listen.address, "[::]:8443");
	CHECK_STR(s->listen.path, "/api/events");
	CHECK_INT(s->listen.body_max, 4 * 1024 * 1024);
	CHECK(s->listen.connections_max > 0 && s->listen.per_address_max > 0);
	CHECK_STR(s->operations, "127.0.0.1:9464");
	CHECK_STR(s->socket, "/run/gridwarden/gridwarden.sock");
	CHECK_STR(s->inbox, "/var/lib/gridwarden/inbox");
	CHECK_STR(s->store, "sqlite:/var/lib/gridwarden/gridwarden.db");
	CHECK_STR(s->auth.key_header, "");
	CHECK_INT(s->auth.n_subscriptions, 0);
	CHECK_INT(s->auth.n_origins, 1);
	CHECK_STR(s->auth.origins[0], "eventgrid.azure.net");
	CHECK(!s->auth.insecure);
	CHECK_STR(s->azure.resource_manager, "https://management.azure.com");
	CHECK_STR(s->azure.audience, "https://management.azure.com/");
	CHECK_STR(s->azure.login, "https://login.microsoftonline.com");
	CHECK_STR(s->azure.imds, "http://169.254.169.254");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_INT(s->azure.operation_timeout_ms, 30 * 60000);
	CHECK_INT(s->mode, GUARD_ENFORCE);
	CHECK_INT(s->n_channels + s->n_protects + s->n_budgets, 0);
	CHECK_INT(s->report_wait_ms, 30000);
	CHECK_INT(s->inbox_max, INT64_C(4) << 30);
	CHECK_INT(s->retention_ms, 90 * INT64_C(86400000));
	CHECK_STR(s->log_level, "info");
}

TEST(paths_are_relative_to_the_folder_of_the_file)
{
	parse(BASE "inbox: data/inbox\nstore: sqlite:data/db\nchannels: {soc: {url_file: url}}\n");
	CHECK_STR(s->listen.certificate, "/etc/gw/tls/c.pem");
	CHECK_STR(s->listen.private_key, "/k.pem");
	CHECK_STR(s->auth.keys_files[0], "/etc/gw/key");
	CHECK_STR(s->inbox, "/etc/gw/data/inbox");
	CHECK_STR(s->store, "sqlite:/etc/gw/data/db");
	CHECK_STR(s->rules, "/etc/gw/rules.d");
	CHECK_STR(s->channels[0].url_file, "/etc/gw/url");
	CHECK(parse_as("gridwarden.yaml", BASE) != NULL);
	CHECK_STR(s->rules, "./rules.d");
	CHECK(parse_as("/gridwarden.yaml", BASE) != NULL);
	CHECK_STR(s->rules, "//rules.d");
}

TEST(a_full_file_is_read)
{
	const struct settings_protected *p;

	parse("config_version: 1\n"
	      "listen: {address: '127.0.0.1:0', path: /in, certificate: /c, private_key: /k,\n"
	      "  body_max: 2MiB, connections_max: 50, per_address_max: 10}\n"
	      "operations: off\n"
	      "auth: {keys_file: [/a, /b], key_header: X-Key, subscriptions: [s1, s2],\n"
	      "  origins: [x.example]}\n"
	      "azure:\n"
	      "  cloud: usgovernment\n"
	      "  credential: {type: client_secret, tenant: t, client_id: c,\n"
	      "    client_secret_file: /s}\n"
	      "  operation_timeout: 1h\n"
	      "channels:\n"
	      "  soc: {type: teams, format: message_card, url_file: /u}\n"
	      "  it: {url_file: /v}\n"
	      "guards:\n"
	      "  mode: shadow\n"
	      "  protected:\n"
	      "    - resource_group: rg-identity\n"
	      "    - {subscription: 11111111-2222-3333-4444-555555555555, resource_group: rg}\n"
	      "    - resource: '/subscriptions/*/virtualMachines/dc-*'\n"
	      "    - tag: {gridwarden: protected}\n"
	      "    - tag: {critical: '*'}\n"
	      "  budgets:\n"
	      "    isolate_vm: {per_hour: 5, per_subscription_per_hour: 3, over: approve}\n"
	      "    enable_jit: {per_hour: 9, per_rule_per_hour: 4}\n"
	      "report_wait: 1m\n"
	      "retention: 400d\n"
	      "inbox_max: 256MiB\n"
	      "log_level: debug\n");
	CHECK_STR(s->listen.address, "127.0.0.1:0");
	CHECK_INT(s->listen.body_max, 2 * 1024 * 1024);
	CHECK_STR(s->operations, "");
	CHECK_INT(s->auth.n_keys_files, 2);
	CHECK_STR(s->auth.key_header, "X-Key");
	CHECK_STR(s->auth.subscriptions[1], "s2");
	CHECK_STR(s->auth.origins[0], "x.example");
	CHECK_STR(s->azure.resource_manager, "https://management.usgovcloudapi.net");
	CHECK_STR(s->azure.login, "https://login.microsoftonline.us");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_CLIENT_SECRET);
	CHECK_STR(s->azure.credential.client_secret_file, "/s");
	CHECK_INT(s->azure.operation_timeout_ms, 3600000);
	CHECK_INT(settings_channel(s, STR("soc"))->format, FORMAT_MESSAGE_CARD);
	CHECK_INT(settings_channel(s, STR("it"))->format, FORMAT_ADAPTIVE_CARD);
	CHECK(settings_channel(s, STR("nobody")) == NULL);
	CHECK_INT(s->mode, GUARD_SHADOW);
	CHECK_INT(s->n_protects, 5);
	p = s->protects;
	CHECK_STR(p[0].text, "resource_group rg-identity");
	CHECK_STR(
	    p[1].text, "subscription 11111111-2222-3333-4444-555555555555, resource_group rg");
	CHECK_STR(p[2].resource, "/subscriptions/*/virtualMachines/dc-*");
	CHECK_STR(p[3].text, "tag gridwarden=protected");
	CHECK_STR(p[4].tag_name, "critical");
	CHECK_STR(p[4].tag_value, "");
	CHECK_INT(s->n_budgets, 2);
	CHECK_INT(s->budgets[0].per_hour, 5);
	CHECK_INT(s->budgets[0].per_subscription_per_hour, 3);
	CHECK(s->budgets[0].over_approve && !s->budgets[1].over_approve);
	CHECK_INT(s->budgets[0].per_rule_per_hour, 0);
	CHECK_INT(s->budgets[1].per_rule_per_hour, 4);
	CHECK_INT(s->budgets[1].per_subscription_per_hour, 0);
	CHECK_INT(s->report_wait_ms, 60000);
	CHECK_INT(s->inbox_max, 256 << 20);
	CHECK_INT(s->retention_ms, 400 * INT64_C(86400000));
	CHECK_INT(d.warnings, 0);
}

TEST(json_is_read_too)
{
	parse("{\n\t\"listen\": {\"certificate\": \"/c\", \"private_key\": \"/k\"},\n"
	      "\t\"auth\": {\"keys_file\": [\"/a\"]}\n}\n");
	CHECK_STR(s->auth.keys_files[0], "/a");
}

TEST(nobody_delivers_without_a_credential)
{
	check_refused("listen: {certificate: /c, private_key: /k}\n", 1, 1,
	    "no credential is asked for: name a keys_file, entra or client_certificates");
	check_refused("listen: {certificate: /c, private_key: /k}\nauth: {key_header: X}\n", 2, 7,
	    "no credential is asked for");
	check_refused("listen: {certificate: /c, private_key: /k}\nauth: {insecure: true}\n", 2, 18,
	    "insecure is for a loopback address, and listen.address is '[::]:8443'");
	check_refused("listen: {address: '127.evil.example:1', certificate: /c, private_key: /k}\n"
		      "auth: {keys_file: k}\n",
	    1, 20, "address must be an IP address and a port");
	parse("listen: {address: '127.0.0.1:1'}\nauth: {insecure: true}\n");
	CHECK(s->auth.insecure);
	parse("listen: {address: '[::1]:1'}\nauth: {insecure: true}\n");
	CHECK(s->auth.insecure);
}

TEST(what_systemd_hands_over_is_named_and_not_a_path)
{
	parse("listen: {certificate: c, private_key: 'credential:privkey.pem'}\n"
	      "auth: {keys_file: ['credential:key', './credential:key']}\n"
	      "channels: {soc: {url_file: 'credential:url'}}\n");
	CHECK_STR(s->listen.private_key, "credential:privkey.pem");
	CHECK_STR(s->auth.keys_files[0], "credential:key");
	CHECK_STR(s->auth.keys_files[1], "/etc/gw/./credential:key");
	CHECK_STR(s->channels[0].url_file, "credential:url");
}

TEST(client_certificates_are_a_credential_and_need_https)
{
	parse("listen: {certificate: /c, private_key: /k}\n"
	      "auth: {client_certificates: {ca: ca.pem, names: [relay, other]}}\n");
	CHECK_STR(s->auth.client_ca, "/etc/gw/ca.pem");
	CHECK_INT(s->auth.n_client_names, 2);
	CHECK_STR(s->auth.client_names[1], "other");
	check_refused("listen: {certificate: /c, private_key: /k}\n"
		      "auth: {keys_file: k, client_certificates: {names: [x]}}\n",
	    2, 43, "the key 'ca' is missing");
	check_refused("listen: {address: '127.0.0.1:1'}\n"
		      "auth: {insecure: true, client_certificates: ca.pem}\n",
	    2, 45, "client_certificates needs HTTPS");
}

TEST(the_listener_needs_an_address_a_path_and_a_certificate)
{
	check_refused("auth: {keys_file: k}\n", 1, 1, "Event Grid delivers over HTTPS only");
	check_refused("listen: {certificate: /c}\nauth: {keys_file: k}\n", 1, 9,
	    "certificate and private_key go together");
	check_refused("listen: {path: events, certificate: /c, private_key: /k}\n"
		      "auth: {keys_file: k}\n",
	    1, 16, "path must begin with '/'");
#define LISTEN(address)                                                      \
	"listen: {address: " address ", certificate: /c, private_key: /k}\n" \
	"auth: {keys_file: k}\n"
	check_refused(LISTEN("'[::]'"), 1, 20, "an IP address and a port");
	check_refused(LISTEN("'8443'"), 1, 20, "an IP address and a port");
	check_refused(LISTEN("localhost:8443"), 1, 19, "an IP address and a port");
	check_refused(LISTEN("'::1:8443'"), 1, 20, "an IP address and a port");
	check_refused(LISTEN("127.0.0.1:65536"), 1, 19, "an IP address and a port");
	check_refused(BASE "operations: localhost\n", 3, 13, "operations must be an IP address");
	check_refused("listen: {certificate: /c, private_key: /k}\n"
		      "auth: {keys_file: k, key_header: 'X Key'}\n",
	    2, 35, "'X Key' cannot name a header");
}

TEST(what_this_version_cannot_do_is_said_clearly)
{
	check_refused(BASE "config_version: 2\n", 3, 17, "config_version must be a whole number");
	check_refused(BASE "store: postgres:x\n", 3, 8, "store must be sqlite:/path/of/the/file");
	check_refused(BASE "store: 'sqlite:'\n", 3, 9, "store must be sqlite:/path/of/the/file");
}

#define LISTEN_ONLY "listen: {certificate: /c, private_key: /k}\n"
#define TENANT "aaaaaaaa-2222-3333-4444-555555555555"

TEST(tokens_are_asked_for_when_a_tenant_is_named)
{
	const struct settings_entra *en;

	parse(BASE);
	CHECK_STR(s->auth.entra.tenant, "");
	CHECK_STR(s->auth.entra.source, "");
	parse(LISTEN_ONLY "auth: {entra: {tenant: " TENANT ", audience: 'api://gw'}}\n");
	en = &s->auth.entra;
	CHECK_INT(s->auth.n_keys_files, 0);
	CHECK_STR(en->tenant, TENANT);
	CHECK_INT(en->n_audience, 1);
	CHECK_STR(en->audience[0], "api://gw");
	CHECK_STR(en->role, "AzureEventGridSecureWebhookSubscriber");
	CHECK_STR(en->application, "4962773b-9cdb-44cf-a8bf-237846a00ab7");
	CHECK_INT(en->n_issuers[JWT_V1], 1);
	CHECK_STR(en->issuers[JWT_V1][0], "https://sts.windows.net/" TENANT "/");
	CHECK_STR(en->issuers[JWT_V2][0], "https://login.microsoftonline.com/" TENANT "/v2.0");
	CHECK(!en->handshake_without_token);
	CHECK_HAS(en->source.p, "https://login.microsoftonline.com\n" TENANT "\n");
}

TEST(each_cloud_has_its_issuers_and_its_event_grid)
{
	parse(LISTEN_ONLY "auth: {entra: {tenant: AAAAAAAA-2222-3333-4444-555555555555,\n"
			  "  audience: [a, b], role: R}}\nazure: {cloud: usgovernment}\n");
	CHECK_INT(s->auth.entra.n_audience, 2);
	CHECK_STR(s->auth.entra.role, "R");
	CHECK_STR(s->auth.entra.application, "54316b56-3481-47f9-8f30-0300f5542a7b");
	CHECK_STR(s->auth.entra.issuers[JWT_V1][0], "https://sts.windows.net/" TENANT "/");
	CHECK_STR(
	    s->auth.entra.issuers[JWT_V2][0], "https://login.microsoftonline.us/" TENANT "/v2.0");
	parse(LISTEN_ONLY "auth: {entra: {tenant: " TENANT ", audience: a,\n"
			  "  application: " TENANT "}}\nazure: {cloud: china}\n");
	CHECK_STR(s->auth.entra.application, TENANT);
	CHECK_STR(s->auth.entra.issuers[JWT_V1][0], "https://sts.chinacloudapi.cn/" TENANT "/");
	CHECK_STR(s->auth.entra.issuers[JWT_V2][0],
	    "https://login.partner.microsoftonline.cn/" TENANT "/v2.0");
	parse(LISTEN_ONLY "auth: {entra: {tenant: " TENANT ", audience: a}}\n"
			  "azure: {cloud: {login: 'https://login.local'}}\n");
	CHECK_INT(s->auth.entra.n_issuers[JWT_V2], 2);
	CHECK_STR(s->auth.entra.issuers[JWT_V2][1], "https://login.local/" TENANT "/v2.0");
	parse(LISTEN_ONLY "auth: {entra: {tenant: " TENANT ", audience: a,\n"
			  "  issuer: 'https://mine/'}}\n");
	CHECK_INT(s->auth.entra.n_issuers[JWT_V1], 1);
	CHECK_STR(s->auth.entra.issuers[JWT_V1][0], "https://mine/");
	CHECK_INT(s->auth.entra.n_issuers[JWT_V2], 0);
}

TEST(tokens_that_could_not_be_judged_are_no_setting)
{
#define V1_ISSUER "https://sts.windows.net/" TENANT "/"
#define V2_ISSUER "https://login.microsoftonline.com/" TENANT "/v2.0"
#define ENTRA(more) LISTEN_ONLY "auth: {entra: {" more "}}\n"
	check_refused(ENTRA("audience: a"), 2, 15, "the key 'tenant' is missing");
	check_refused(ENTRA("tenant: " TENANT), 2, 15, "the key 'audience' is missing");
	check_refused(ENTRA("tenant: " TENANT ", audience: []"), 2, 72, "must not be empty");
	check_refused(ENTRA("tenant: contoso.com, audience: a"), 2, 24,
	    "tenant must be an id such as 11111111-2222-3333-4444-555555555555, not "
	    "'contoso.com'");
	check_refused(ENTRA("tenant: " TENANT ", audience: a, application: grid"), 2, 88,
	    "application must be an id");
	check_refused(ENTRA("tenant: " TENANT ", audience: a, issuer: 'http://x'"), 2, 84,
	    "an issuer begins with https://");
	check_refused(ENTRA("tenant: " TENANT ", audience: a, handshake_without_token: true"), 2,
	    100, "auth.subscriptions lists none");
	check_refused(ENTRA("tenant: " TENANT ", audience: a") "azure: {cloud: china}\n", 2, 15,
	    "name it as application");
	check_refused(ENTRA("tenant: " TENANT ", audiance: a, audience: b"), 2, 62,
	    "did you mean 'audience'?");
	check_refused(LISTEN_ONLY "auth: {entra: on}\n", 2, 15, "entra must be a mapping");
}

/* Who lists one version's issuer asks for tokens of that version only. */
TEST(a_listed_issuer_is_one_of_the_version_that_its_end_says)
{
	const struct settings_entra *en;

	parse(ENTRA("tenant: " TENANT ", audience: a, issuer: [" V2_ISSUER ", " V1_ISSUER
		    ", https://other/" TENANT "/v2.0/, https://other/v2.0x]"));
	en = &s->auth.entra;
	CHECK_INT(en->n_issuers[JWT_V1], 2);
	CHECK_STR(en->issuers[JWT_V1][0], V1_ISSUER);
	CHECK_STR(en->issuers[JWT_V1][1], "https://other/v2.0x");
	CHECK_INT(en->n_issuers[JWT_V2], 2);
	CHECK_STR(en->issuers[JWT_V2][0], V2_ISSUER);
	CHECK_STR(en->issuers[JWT_V2][1], "https://other/" TENANT "/v2.0/");
	parse(ENTRA("tenant: " TENANT ", audience: a, issuer: " V2_ISSUER));
	CHECK_INT(s->auth.entra.n_issuers[JWT_V1], 0);
	CHECK_INT(s->auth.entra.n_issuers[JWT_V2], 1);
	check_refused(ENTRA("tenant: " TENANT ", audience: a, issuer: 'http://x/v2.0'"), 2, 84,
	    "an issuer begins with https://");
}

TEST(a_guard_that_would_protect_everything_or_nothing_is_refused)
{
#define PROTECTED(entry) BASE "guards:\n  protected:\n    - " entry "\n"
	check_refused(PROTECTED("{}"), 5, 7, "or it would protect everything");
	check_refused(PROTECTED("{resource_grup: x}"), 5, 8, "did you mean 'resource_group'?");
	check_refused(
	    PROTECTED("{subscription: prod}"), 5, 22, "subscription must be an id such as");
	check_refused(PROTECTED("{resource: dc-01}"), 5, 18, "begins with /subscriptions/ or *");
	check_refused(PROTECTED("{tag: {a: b, c: d}}"), 5, 13, "a tag stands alone in its entry");
	check_refused(PROTECTED("{tag: {a: b}, resource_group: x}"), 5, 13, "a tag stands alone");
	check_refused(PROTECTED("{tag: critical}"), 5, 13, "tag must be a mapping");
	check_refused(PROTECTED("rg-identity"), 5, 7, "protected must be a mapping of keys");
	/* One wrong entry does not shift the places of the others. */
	check_refused(PROTECTED("{resource_group: a}\n    - x\n    - {resource_group: b}"), 6, 7,
	    "not a text");
	check_refused(BASE "guards: {budgets: {isolate_vm: {per_hour: 0}}}\n", 3, 43,
	    "a whole number from 1 to 100000");
	check_refused(BASE "guards: {budgets: {isolate_vm: {over: ask}}}\n", 3, 39,
	    "must be approve or refuse");
}

TEST(a_scope_has_places_and_no_tags)
{
#define SCOPE(entry) BASE "guards:\n  scope:\n    - " entry "\n"
	struct settings *scoped =
	    parse(SCOPE("{resource_group: rg-lab}\n    - {resource: '*/virtualMachines/web-*'}"));

	CHECK(scoped != NULL);
	CHECK_INT(scoped->n_scopes, 2);
	CHECK_STR(scoped->scopes[0].resource_group, "rg-lab");
	CHECK_STR(scoped->scopes[1].resource, "*/virtualMachines/web-*");
	check_refused(SCOPE("{}"), 5, 7, "or it would allow everything");
	check_refused(SCOPE("{tag: {a: b}}"), 5, 8, "unknown key 'tag'");
	check_refused(BASE "guards: {budgets: {isolate_vm: {cooldown: 4}}}\n", 3, 43, "cooldown");
}

TEST(a_body_smaller_than_event_grid_sends_is_warned_of)
{
	parse("listen: {certificate: /c, private_key: /k, body_max: 512KiB}\n"
	      "auth: {keys_file: k}\n");
	CHECK_INT(d.warnings, 1);
	CHECK_HAS(buf_cstr(&out), "g");
	CHECK_HAS(buf_cstr(&out), ":1:54: warning: Event Grid sends up to 1 MiB");
}

TEST(a_file_that_is_no_mapping_is_refused)
{
	check_refused("- a\n", 1, 1, "settings are a mapping of keys, not a list");
	check_refused("hello\n", 1, 1, "settings are a mapping of keys, not a text");
	check_refused("a: [\n", 1, 4, "'[' is not closed");
	CHECK(parse_as("g.yaml", "") == NULL);
	CHECK_HAS(buf_cstr(&out), "no credential is asked for");
}

TEST(ten_mistakes_are_all_shown)
{
	CHECK(parse_as("g.yaml",
		  "config_version: 3\n"
		  "listn: {}\n"
		  "listen: {certificate: /c, private_key: /k, body_max: 4MB, path: events}\n"
		  "auth: {keys_file: k, insecure: yes}\n"
		  "azure: {cloud: publik, operation_timeout: 30}\n"
		  "channels: {soc: {type: slack}}\n"
		  "guards: {mode: shaddow}\n"
		  "log_level: loud\n") == NULL);
	CHECK_HAS(buf_cstr(&out), "g.yaml:1:17: error: config_version must be a whole number");
	CHECK_HAS(buf_cstr(&out), "g.yaml:2:1: error: unknown key 'listn', did you mean 'listen'?");
	CHECK_HAS(buf_cstr(&out), "g.yaml:3:54: error: body_max must be a size such as");
	CHECK_HAS(buf_cstr(&out), "g.yaml:3:65: error: path must begin with '/'");
	CHECK_HAS(buf_cstr(&out), "g.yaml:4:32: error: insecure must be true or false, not 'yes'");
	CHECK_HAS(buf_cstr(&out), "g.yaml:5:16: error: cloud is 'publik', did you mean 'public'?");
	CHECK_HAS(buf_cstr(&out), "g.yaml:5:43: error: operation_timeout '30' has no unit");
	CHECK_HAS(buf_cstr(&out), "g.yaml:6:17: error: the key 'url_file' is missing");
	CHECK_HAS(buf_cstr(&out), "g.yaml:6:24: error: type must be teams, not 'slack'");
	CHECK_HAS(buf_cstr(&out), "g.yaml:7:16: error: mode is 'shaddow', did you mean 'shadow'?");
	CHECK_HAS(buf_cstr(&out), "g.yaml:8:12: error: log_level must be error, warning, info or");
	CHECK_INT(d.errors, 11);
}

#define WITH_TLS "listen: {certificate: tls/c.pem, private_key: /k.pem}\n"

TEST(lists_of_what_is_judged_are_read)
{
	parse(WITH_TLS "auth: {keys_file: key, sources: [/relay, none], event_types: Contoso.*}\n");
	CHECK_INT(s->auth.n_sources, 2);
	CHECK_STR(s->auth.sources[0], "/relay");
	CHECK_STR(s->auth.sources[1], "none");
	CHECK_INT(s->auth.n_event_types, 1);
	CHECK_STR(s->auth.event_types[0], "Contoso.*");
	parse(BASE);
	CHECK_INT(s->auth.n_sources + s->auth.n_event_types, 0);
}

TEST(schemas_are_all_or_those_that_are_listed)
{
	parse(BASE);
	CHECK_INT(s->auth.n_schemas, 0);
	parse(WITH_TLS "auth: {keys_file: key, schemas: event_grid}\n");
	CHECK_INT(s->auth.n_schemas, 1);
	CHECK_STR(s->auth.schemas[0], "event_grid");
	parse(WITH_TLS "auth: {keys_file: key, schemas: [event_grid, cloud_events, custom]}\n");
	CHECK_INT(s->auth.n_schemas, 3);
	check_refused(WITH_TLS "auth: {keys_file: key, schemas: []}\n", 2, 33,
	    "schemas must list one at least of event_grid, cloud_events and custom");
	check_refused(WITH_TLS "auth: {keys_file: key, schemas: [cloud_event]}\n", 2, 34,
	    "schemas is 'cloud_event', did you mean 'cloud_events'?");
}

static void
check_warned(const char *auth, bool wanted)
{
	char text[400];

	snprintf(text, sizeof(text), WITH_TLS "auth: {keys_file: key, %s}\n", auth);
	parse(text);
	CHECK_INT(d.warnings, wanted);
	if (wanted)
		CHECK_HAS(buf_cstr(&out),
		    "warning: whoever publishes a CloudEvent writes its source himself, this list "
		    "holds back only mistakes: set schemas to the others, such as [event_grid]");
}

TEST(sources_that_a_publisher_may_choose_are_warned_of)
{
	check_warned("sources: /t", true);
	check_warned("sources: /t, schemas: [event_grid, cloud_events]", true);
	check_warned("sources: /t, schemas: cloud_events", true);
	check_warned("sources: /t, schemas: event_grid", false);
	check_warned("sources: /t, schemas: [event_grid, custom]", false);
	check_warned("event_types: t", false);
}

TEST(azures_origin_is_listed_unless_the_file_says_otherwise)
{
	parse(BASE);
	CHECK_INT(s->auth.n_origins, 1);
	CHECK_STR(s->auth.origins[0], "eventgrid.azure.net");
	parse(WITH_TLS "auth: {keys_file: key, origins: events.contoso.com}\n");
	CHECK_INT(s->auth.n_origins, 1);
	CHECK_STR(s->auth.origins[0], "events.contoso.com");
	parse(WITH_TLS "auth: {keys_file: key, origins: []}\n");
	CHECK_INT(s->auth.n_origins, 0);
}

TEST(an_entry_that_can_never_fit_is_warned_of_at_its_place)
{
	parse_as("g.yaml",
	    WITH_TLS "auth:\n  keys_file: key\n  sources:\n    - /relay\n"
		     "    - /subscriptions/prod/resourceGroups/x\n  event_types: /t\n"
		     "  schemas: event_grid\n");
	CHECK(s != NULL);
	CHECK_INT(d.warnings, 2);
	CHECK_HAS(buf_cstr(&out), "g.yaml:6:7: warning: '/subscriptions/prod/resourceGroups/x' can "
				  "never be the id of a topic: the subscription is no GUID");
	CHECK_HAS(buf_cstr(&out), "g.yaml:7:16: warning: '/t' looks like a source");
}

TEST(a_name_of_an_event_subscription_has_no_wildcards)
{
	check_refused(WITH_TLS "auth: {keys_file: key, subscriptions: [soc, 'soc-*']}\n", 2, 46,
	    "'soc-*' is no name of an event subscription");
	check_refused(WITH_TLS "auth: {keys_file: key, subscriptions: /subscriptions/x}\n", 2, 39,
	    "is no name of an event subscription");
}
