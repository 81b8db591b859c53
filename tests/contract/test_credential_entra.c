/* Tokens of Entra for applications, the chain, and several credentials beside each other. */
#include "credential_world.h"
#include "scripted.h"

static struct scripted server;

/* ---- a certificate ---- */

static struct made
make_certificate(const char *name, bool known)
{
	struct wanted w = { .name = name, .rsa_bits = 2048 };
	struct made m = make(&w);
	struct json *order = json_object(arena), *list = json_array(arena);
	gnutls_datum_t cert, key;

	CHECK(gnutls_x509_crt_export2(m.cert, GNUTLS_X509_FMT_PEM, &cert) == 0);
	CHECK(gnutls_x509_privkey_export2_pkcs8(
		  m.key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &key) == 0);
	write_text("app.pem", arena_printf(arena, "%.*s%.*s", (int)key.size, (char *)key.data,
				  (int)cert.size, (char *)cert.data)
				  .p);
	json_add(list, json_string((struct str){ (char *)cert.data, cert.size }, arena), arena);
	json_set_cstr(order, "client_id", CLIENT, arena);
	json_set(order, "certificates", list, arena);
	if (known)
		emulator_control(&azure, "POST", "applications", json_print(order, arena).p);
	gnutls_free(cert.data);
	gnutls_free(key.data);
	return m;
}

TEST(a_certificate_gives_a_token_and_a_renewed_one_is_used_without_a_restart)
{
	struct made old, fresh;
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_CLIENT_CERTIFICATE);
	settings.credential.client_certificate_file = path_of("app.pem");
	old = make_certificate("old", true);
	CHECK_OK(get(&token, &e));
	/* The id of an assertion is never the same: the emulator takes each once. */
	CHECK_OK(get_anew(&token, &e));
	settings.credential.send_certificate_chain = true;
	CHECK_OK(get_anew(&token, &e));
	fresh = make_certificate("fresh", false);
	check_denied("the certificate is not one of the application's");
	made_done(&fresh);
	fresh = make_certificate("fresh", true);
	CHECK_OK(get_anew(&token, &e));
	made_done(&old);
	made_done(&fresh);
	emulator_stop(&azure);
}

TEST(a_certificate_file_that_cannot_sign_is_named_and_entra_is_not_asked)
{
	begin("http://127.0.0.1:1", CREDENTIAL_CLIENT_CERTIFICATE);
	settings.credential.client_certificate_file = STR("/nonexistent/app.pem");
	check_denied("client_certificate_file: cannot open /nonexistent/app.pem");
	settings.credential.client_certificate_file = path_of("empty.pem");
	settings.credential.name = STR("azure.credentials for prod");
	write_text("empty.pem", "-----BEGIN NOTHING-----\n");
	check_denied("empty.pem: it holds no private key");
	check_denied("azure.credentials for prod: client_certificate_file: ");
}

static void
check_useless(struct settings_credential c, const char *words)
{
	struct err e;

	CHECK(!credential_try_files(&c, clock_now_ms(), arena, &e));
	CHECK_HAS(e.text, words);
}

TEST(files_are_tried_before_they_are_needed)
{
	struct settings_credential c = { .client_secret_file = STR("credential:secret") };
	struct made m;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_CLIENT_CERTIFICATE);
	m = make_certificate("app", false);
	unsetenv("CREDENTIALS_DIRECTORY");
	CHECK_OK(credential_try_files(&c, clock_now_ms(), arena, &e));
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	check_useless(c, "client_secret_file: cannot open credential:secret");
	write_text("secret", "word\n");
	CHECK_OK(credential_try_files(&c, clock_now_ms(), arena, &e));
	unsetenv("CREDENTIALS_DIRECTORY");
	c = (struct settings_credential){ .federated_token_file = path_of("no-token") };
	check_useless(c, "federated_token_file: cannot open");
	c = (struct settings_credential){ .client_certificate_file = path_of("secret") };
	check_useless(c, "/secret: it holds no private key");
	c.client_certificate_file = path_of("app.pem");
	CHECK_OK(credential_try_files(&c, clock_now_ms(), arena, &e));
	CHECK_OK(credential_try_files(&settings.credential, clock_now_ms(), arena, &e));
	CHECK_INT(emulator_count(&azure, "entra", "POST"), 0);
	made_done(&m);
	emulator_stop(&azure);
}

/* For records that people read. */
TEST(in_whose_name_calls_are_made_is_told)
{
	struct str token;
	struct err e;

	begin("http://127.0.0.1:1", CREDENTIAL_MANAGED_IDENTITY);
	setenv("AZURE_CLIENT_ID", "from-environment", 1);
	CHECK_STR(credential_whose(credential, arena), "managed identity");
	settings.credential.client_id = STR("written");
	CHECK_STR(credential_whose(credential, arena), "managed identity written");
	settings.credential.type = CREDENTIAL_CLIENT_CERTIFICATE;
	CHECK_STR(credential_whose(credential, arena), "application written");
	settings.credential.type = CREDENTIAL_WORKLOAD_IDENTITY;
	CHECK_STR(credential_whose(credential, arena), "application written");
	settings.credential.client_id = STR_EMPTY;
	CHECK_STR(credential_whose(credential, arena), "application from-environment");
	settings.credential.type = CREDENTIAL_DEFAULT;
	CHECK_STR(credential_whose(credential, arena), "nobody yet");
	setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential", 1);
	write_az("echo '{\"accessToken\": \"from-az\", \"expires_on\": 4102444800}'");
	CHECK_OK(get(&token, &e));
	CHECK_STR(credential_whose(credential, arena), "account of the Azure CLI");
	end_az();
}

TEST(a_clock_that_is_wrong_is_told_with_the_refusal)
{
	struct made m;
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_CLIENT_CERTIFICATE);
	settings.credential.client_certificate_file = path_of("app.pem");
	m = make_certificate("app", true);
	CHECK(!credential_get(
	    credential, http, AUDIENCE, clock_now_ms() - INT64_C(7200000), arena, &token, &e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, "set the clock of this machine");
	made_done(&m);
	emulator_stop(&azure);
}

/* ---- the token of a workload ---- */

static struct str
workload_token(const char *subject)
{
	const struct json *j = emulator_control(&azure, "POST", "tokens",
	    arena_printf(arena,
		"{\"audience\":\"api://AzureADTokenExchange\",\"claims\":{\"iss\":\"" KUBERNETES
		"\",\"sub\":\"%s\"}}",
		subject)
		.p);

	return arena_printf(arena, "%.*s\n", STR_ARG(json_text(json_get(j, "token"))));
}

static void
trust_workload(void)
{
	emulator_control(&azure, "POST", "applications",
	    "{\"client_id\":\"" CLIENT "\",\"federated\":[{\"issuer\":\"" KUBERNETES
	    "\",\"subject\":\"system:serviceaccount:soc:gridwarden\","
	    "\"audience\":\"api://AzureADTokenExchange\"}]}");
}

TEST(a_workloads_token_is_read_again_for_each_token)
{
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_WORKLOAD_IDENTITY);
	settings.credential.federated_token_file = path_of("token");
	trust_workload();
	write_text("token", workload_token("system:serviceaccount:soc:gridwarden").p);
	CHECK_OK(get(&token, &e));
	write_text("token", workload_token("system:serviceaccount:soc:other").p);
	check_denied("no federated credential of the application has issuer, subject and audience");
	write_text("token", workload_token("system:serviceaccount:soc:gridwarden").p);
	CHECK_OK(get_anew(&token, &e));
	emulator_stop(&azure);
}

TEST(the_environment_of_a_workload_is_used_where_the_settings_are_silent)
{
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_WORKLOAD_IDENTITY);
	settings.credential.tenant = settings.credential.client_id = STR_EMPTY;
	trust_workload();
	write_text("token", workload_token("system:serviceaccount:soc:gridwarden").p);
	check_denied("neither a tenant is set nor AZURE_TENANT_ID");
	setenv("AZURE_TENANT_ID", TENANT, 1);
	check_denied("neither a client_id is set nor AZURE_CLIENT_ID");
	setenv("AZURE_CLIENT_ID", CLIENT, 1);
	check_denied("federated_token_file: cannot open /var/run/secrets/azure/tokens/");
	setenv("AZURE_FEDERATED_TOKEN_FILE", path_of("token").p, 1);
	CHECK_OK(get_anew(&token, &e));
	/* Settings win over the environment. */
	settings.credential.tenant = STR("another");
	check_denied("the tenant does not exist");
	settings.credential.tenant = STR_EMPTY;
	setenv("AZURE_AUTHORITY_HOST", "http://127.0.0.1:1/", 1);
	CHECK_OK(get_anew(&token, &e));
	settings.has_login = false;
	settings.login = STR("https://login.microsoftonline.com");
	CHECK(!get_anew(&token, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	setenv("AZURE_AUTHORITY_HOST", arena_printf(arena, "%s/", azure.url).p, 1);
	CHECK_OK(get_anew(&token, &e));
	emulator_stop(&azure);
}

/* ---- the chain ---- */

TEST(the_chain_takes_the_first_that_is_here)
{
	struct str token;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_DEFAULT);
	CHECK_OK(get(&token, &e));
	CHECK_INT(emulator_count(&azure, "entra", "POST"), 0);

	begin(azure.url, CREDENTIAL_DEFAULT);
	setenv("AZURE_TENANT_ID", TENANT, 1);
	setenv("AZURE_CLIENT_ID", CLIENT, 1);
	trust_workload();
	write_text("token", workload_token("system:serviceaccount:soc:gridwarden").p);
	setenv("AZURE_FEDERATED_TOKEN_FILE", path_of("token").p, 1);
	CHECK_OK(get(&token, &e));
	CHECK_STR(json_text(json_at(emulator_call(&azure, "entra", 0), "body.client_assertion")),
	    "(secret)");

	begin(azure.url, CREDENTIAL_DEFAULT);
	setenv("AZURE_TENANT_ID", TENANT, 1);
	setenv("AZURE_CLIENT_ID", CLIENT, 1);
	setenv("AZURE_FEDERATED_TOKEN_FILE", path_of("token").p, 1);
	setenv("AZURE_CLIENT_SECRET", "p4ss+word/&=~ %", 1);
	CHECK_OK(get(&token, &e));
	CHECK_STR(json_text(json_at(emulator_call(&azure, "entra", 0), "body.client_secret")),
	    "(secret)");
	/* What was taken stays: a chain that changes its mind cannot be understood. */
	unsetenv("AZURE_FEDERATED_TOKEN_FILE");
	setenv("AZURE_CLIENT_SECRET", "wrong", 1);
	check_denied("the environment: no token: the client secret is wrong");
	emulator_stop(&azure);
}

TEST(the_chain_ends_with_the_azure_cli_and_can_be_cut)
{
	struct str token;
	struct err e;

	begin("http://127.0.0.1:1", CREDENTIAL_DEFAULT);
	write_az("echo '{\"accessToken\": \"from-az\", \"expires_on\": 4102444800}'");
	CHECK_OK(get(&token, &e));
	CHECK_STR(token, "Bearer from-az");
	begin("http://127.0.0.1:1", CREDENTIAL_DEFAULT);
	setenv("AZURE_TOKEN_CREDENTIALS", "prod", 1);
	CHECK(!get_anew(&token, &e));
	CHECK_INT(e.kind, ERR_AGAIN); /* a metadata service may only be slow */
	CHECK_HAS(e.text, "nor a managed identity is here");
	setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential", 1);
	CHECK_OK(get_anew(&token, &e));
	setenv("AZURE_TOKEN_CREDENTIALS", "prodd", 1);
	check_denied("AZURE_TOKEN_CREDENTIALS is 'prodd'");
	end_az();
}

TEST(a_gateway_that_says_unreachable_is_no_metadata_service)
{
	struct str token;
	struct err e;

	SCRIPT(&server, ANSWER("403 Forbidden", "", "host unreachable"),
	    ANSWER("400 Bad", "", "{\"error\":\"invalid_request\"}"),
	    ANSWER("200 OK", "", "{\"access_token\":\"t\",\"expires_in\":\"86400\"}"));
	begin(server.url, CREDENTIAL_DEFAULT);
	setenv("AZURE_TOKEN_CREDENTIALS", "prod", 1);
	CHECK(!get(&token, &e));
	CHECK_HAS(e.text, "nor a managed identity is here");
	CHECK(strstr(server.requests[0], "Metadata") == NULL);
	CHECK_OK(get_anew(&token, &e));
	scripted_end(&server);
}

/* ---- several ---- */

TEST(each_credential_keeps_its_own_tokens)
{
	static struct str ids[] = { { "6666AAAA-7777-8888-9999-000000000000", 36 } };
	struct settings_credential lab = { .type = CREDENTIAL_CLIENT_SECRET,
		.tenant = STR(TENANT),
		.client_id = STR(CLIENT),
		.client_secret_file = STR_EMPTY,
		.subscriptions = ids,
		.n_subscriptions = 1 };
	struct credential *other;
	struct str token, again;
	struct err e;

	emulator_start(&azure, NULL, NULL);
	begin(azure.url, CREDENTIAL_MANAGED_IDENTITY);
	lab.client_secret_file = path_of("secret");
	write_text("secret", "p4ss+word/&=~ %\n");
	settings.credentials = &lab;
	settings.n_credentials = 1;
	credential_free(credential);
	credential = credential_new(&settings);
	other = credential_for(credential, STR("6666aaaa-7777-8888-9999-000000000000"));
	CHECK(other != credential);
	CHECK(
	    credential_for(credential, STR("11111111-2222-3333-4444-555555555555")) == credential);
	CHECK(credential_for(credential, STR_EMPTY) == credential);
	CHECK_OK(get(&token, &e));
	CHECK_OK(credential_get(other, http, AUDIENCE, clock_now_ms(), arena, &again, &e));
	CHECK(!str_eq(token, again));
	CHECK_INT(emulator_count(&azure, "imds", "GET"), 1);
	CHECK_INT(emulator_count(&azure, "entra", "POST"), 1);
	credential_free(credential);
	credential = NULL;
	emulator_stop(&azure);
}
