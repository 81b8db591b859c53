#include "parse_settings.h"

#define ONE "11111111-2222-3333-4444-555555555555"
#define TWO "66666666-7777-8888-9999-000000000000"
#define THREE "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"

TEST(clouds_have_their_endpoints_and_each_can_be_overridden)
{
	parse(BASE "azure: {cloud: china}\n");
	CHECK_STR(s->azure.resource_manager, "https://management.chinacloudapi.cn");
	CHECK_STR(s->azure.audience, "https://management.chinacloudapi.cn");
	CHECK_STR(s->azure.defender, "");
	CHECK_STR(s->azure.login, "https://login.chinacloudapi.cn");
	parse(BASE "azure: {cloud: {resource_manager: 'https://arm.local:4443/',\n"
		   "  audience: 'https://arm.local/', login: 'http://127.0.0.1:5000',\n"
		   "  imds: 'http://127.0.0.1:5001/', defender: 'https://api-gcc.local/',\n"
		   "  defender_audience: 'https://gcc.local'}}\n");
	CHECK_STR(s->azure.defender, "https://api-gcc.local");
	CHECK_STR(s->azure.defender_audience, "https://gcc.local");
	CHECK_STR(s->azure.resource_manager, "https://arm.local:4443");
	CHECK_STR(s->azure.audience, "https://arm.local/");
	CHECK_STR(s->azure.login, "http://127.0.0.1:5000");
	CHECK_STR(s->azure.imds, "http://127.0.0.1:5001");
	parse(BASE "azure: {cloud: usgovernment}\n");
	CHECK_STR(s->azure.audience, "https://management.usgovcloudapi.net");
	CHECK_STR(s->azure.defender, "https://api-gov.securitycenter.microsoft.us");
	CHECK_STR(s->azure.defender_audience, "https://api-gov.securitycenter.microsoft.us");
	CHECK_STR(s->azure.login, "https://login.microsoftonline.us");
	parse(BASE "azure: {cloud: {name: usgovernment, login: 'https://login.local'}}\n");
	CHECK_STR(s->azure.resource_manager, "https://management.usgovcloudapi.net");
	CHECK_STR(s->azure.login, "https://login.local");
}

TEST(a_credential_needs_all_its_parts)
{
	CHECK(parse_as("g.yaml", BASE "azure: {credential: client_secret}\n") == NULL);
	CHECK_INT(d.errors, 3);
	CHECK_HAS(buf_cstr(&out), "g.yaml:3:21: error: client_secret needs a tenant");
	CHECK_HAS(buf_cstr(&out), "client_secret needs a client_id");
	CHECK_HAS(buf_cstr(&out), "client_secret needs a client_secret_file");
	check_refused(BASE "azure: {credential: {client_secret_file: /s}}\n", 3, 21,
	    "client_secret_file goes with type: client_secret");
	check_refused(BASE "azure: {credential: password}\n", 3, 21,
	    "client_certificate, workload_identity, azure_cli or default");
	check_refused(BASE "azure: {cloud: {login: 'http://login.example'}}\n", 3, 25,
	    "login must begin with https://");
	check_refused(BASE "azure: {cloud: {login: 'http://169.254.169.254'}}\n", 3, 25,
	    "login must begin with https://");
}

TEST(a_credential_has_no_parts_of_another)
{
	CHECK(parse_as("g.yaml", BASE "azure: {credential: client_certificate}\n") == NULL);
	CHECK_INT(d.errors, 3);
	CHECK_HAS(buf_cstr(&out), "client_certificate needs a tenant");
	CHECK_HAS(buf_cstr(&out), "client_certificate needs a client_certificate_file");
	check_refused(BASE "azure: {credential: {client_certificate_file: /s}}\n", 3, 21,
	    "client_certificate_file goes with type: client_certificate");
	check_refused(BASE "azure: {credential: {send_certificate_chain: true}}\n", 3, 21,
	    "send_certificate_chain goes with type: client_certificate");
	check_refused(BASE "azure: {credential: {federated_token_file: /s}}\n", 3, 21,
	    "federated_token_file goes with type: workload_identity");
	parse(BASE "azure: {credential: {type: client_certificate, tenant: t, client_id: c,\n"
		   "  client_certificate_file: app.pem, send_certificate_chain: true}}\n");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_CLIENT_CERTIFICATE);
	CHECK_STR(s->azure.credential.client_certificate_file, "/etc/gw/app.pem");
	CHECK(s->azure.credential.send_certificate_chain);
	parse(BASE "azure: {credential: {type: workload_identity, federated_token_file: /t}}\n");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_WORKLOAD_IDENTITY);
	CHECK_STR(s->azure.credential.federated_token_file, "/t");
	parse(BASE "azure: {credential: azure_cli}\n");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_AZURE_CLI);
	parse(BASE "azure: {credential: default}\n");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_DEFAULT);
}

TEST(subscriptions_have_credentials_of_their_own)
{
	const struct settings_credential *c;

	parse(BASE "azure:\n  credentials:\n"
		   "    - subscriptions: [" ONE ", " TWO "]\n"
		   "      credential: {type: client_secret, tenant: t, client_id: c,\n"
		   "        client_secret_file: lab}\n"
		   "    - {subscriptions: " THREE ", credential: workload_identity}\n");
	CHECK_INT(s->azure.credential.type, CREDENTIAL_MANAGED_IDENTITY);
	CHECK_INT(s->azure.n_credentials, 2);
	c = &s->azure.credentials[0];
	CHECK_INT(c->n_subscriptions, 2);
	CHECK_STR(c->subscriptions[1], TWO);
	CHECK_STR(c->client_secret_file, "/etc/gw/lab");
	CHECK_INT(c->line, 6);
	CHECK_INT(c->col, 19);
	c = &s->azure.credentials[1];
	CHECK_STR(c->subscriptions[0], THREE);
	CHECK_INT(c->type, CREDENTIAL_WORKLOAD_IDENTITY);
}

TEST(a_subscription_has_one_credential)
{
#define CREDENTIALS(entries) BASE "azure:\n  credentials:\n" entries
	check_refused(
	    CREDENTIALS("    - {subscriptions: [" ONE ", " ONE "], credential: default}\n"), 5, 62,
	    "the subscription " ONE " has a credential already");
	check_refused(CREDENTIALS("    - {subscriptions: " ONE ", credential: default}\n"
				  "    - {subscriptions: " ONE ", credential: azure_cli}\n"),
	    6, 23, "has a credential already");
	check_refused(CREDENTIALS("    - {subscriptions: prod, credential: default}\n"), 5, 23,
	    "a subscription is an id such as");
	check_refused(CREDENTIALS("    - {subscriptions: [], credential: default}\n"), 5, 23,
	    "subscriptions must not be empty");
	check_refused(CREDENTIALS("    - {subscriptions: " ONE "}\n"), 5, 7,
	    "the key 'credential' is missing");
	check_refused(CREDENTIALS("    - {credential: default}\n"), 5, 7,
	    "the key 'subscriptions' is missing");
	check_refused(CREDENTIALS("    - {subscriptions: " ONE ", credential: {typ: default}}\n"),
	    5, 74, "did you mean 'type'?");
	check_refused(CREDENTIALS("    - {subscriptions: " ONE ", credential: {client_secret_file: "
				  "/s}}\n"),
	    5, 73, "client_secret_file goes with type: client_secret");
}

TEST(an_endpoint_is_known_to_be_written_or_not)
{
	parse(BASE);
	CHECK(!s->azure.has_login && !s->azure.has_imds);
	parse(BASE "azure: {cloud: public}\n");
	CHECK(s->azure.has_login && !s->azure.has_imds);
	parse(BASE "azure: {cloud: {imds: 'http://127.0.0.1:1'}}\n");
	CHECK(!s->azure.has_login && s->azure.has_imds);
	parse(BASE "azure: {cloud: {login: 'https://login.local'}}\n");
	CHECK(s->azure.has_login);
}
