/*
 * Signing in with a certificate, and as a workload: the emulated Entra ID checks the assertion as
 * Microsoft describes it, signature and all.
 */
#include "azure/credential.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "emulator.h"
#include "folder.h"

#define AUDIENCE STR("https://management.azure.com/")
#define TENANT "7f1c2a64-30d8-4b8e-9a55-6c0f4f2b9d17"
#define CLIENT "0c6f1f5e-52f0-4f0e-8c7b-6b1f1d0c2a11"

static struct emulator azure;
static struct settings_azure settings;
static struct credential *credential;
static struct http *http;
static struct arena *arena;

static void
begin(enum credential_type type)
{
	struct err e;

	if (arena == NULL) {
		CHECK_OK(http_global_init(&e));
		arena = arena_new();
		http = http_new(NULL);
	}
	folder_make("credential");
	emulator_start(&azure, NULL, NULL);
	settings = (struct settings_azure){ .login = str_of(azure.url),
		.imds = str_of(azure.url),
		.credential = type,
		.tenant = STR(TENANT),
		.client_id = STR(CLIENT) };
	credential_free(credential);
	credential = credential_new(&settings);
}

static bool
get(struct err *e)
{
	struct str authorization;

	credential_drop(credential, AUDIENCE);
	return credential_get(
		   credential, http, AUDIENCE, clock_now_ms(), arena, &authorization, e) &&
	       str_starts_nocase(authorization, STR("Bearer ey"));
}

static const char *
in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name).p;
}

static struct str
content(const char *name)
{
	struct str text;
	struct err e;

	CHECK_OK(file_read(in_folder(name), 100000, arena, &text, &e));
	return text;
}

static void
write_file(const char *name, struct str text)
{
	FILE *f = fopen(in_folder(name), "w");

	CHECK(f != NULL && fwrite(text.p, 1, text.n, f) == text.n && fclose(f) == 0);
}

/* A key and a certificate of it, alone and in one file, NAME-key.pem, NAME-cert.pem, NAME.pem. */
static void
make_certificate(const char *name, const char *algorithm)
{
	struct str command = arena_printf(arena,
	    "cd %s && openssl req -x509 -newkey %s -nodes -days 2 -subj /CN=gridwarden "
	    "-keyout %s-key.pem -out %s-cert.pem 2>openssl.log && "
	    "cat %s-key.pem %s-cert.pem > %s.pem",
	    folder, algorithm, name, name, name, name, name);

	CHECK_INT(system(command.p), 0);
}

static void
use_file(const char *name)
{
	settings.certificate_file = str_of(in_folder(name));
}

/* The application knows this certificate. */
static void
register_certificate(const char *name)
{
	struct json *order = json_object(arena), *list = json_array(arena);

	json_add(list, json_string(content(name), arena), arena);
	json_set(order, "certificates", list, arena);
	emulator_control(
	    &azure, "POST", "application", arena_cstr(arena, json_print(order, arena)));
}

static void
denied(const char *words)
{
	struct err e;

	CHECK(!get(&e));
	CHECK_INT(e.kind, ERR_DENIED);
	CHECK_HAS(e.text, words);
	CHECK(strstr(e.text, "PRIVATE") == NULL);
}

TEST(a_certificate_gives_a_token_and_each_assertion_is_a_new_one)
{
	struct err e;

	begin(CREDENTIAL_CLIENT_CERTIFICATE);
	make_certificate("one", "rsa:2048");
	use_file("one.pem");
	register_certificate("one-cert.pem");
	CHECK_OK(get(&e));
	CHECK_OK(get(&e)); /* the emulator takes no assertion twice */
	settings.send_chain = true;
	CHECK_OK(get(&e));
	emulator_stop(&azure);
}

TEST(a_renewed_certificate_is_used_without_a_restart)
{
	struct err e;

	begin(CREDENTIAL_CLIENT_CERTIFICATE);
	make_certificate("one", "rsa:2048");
	make_certificate("two", "rsa:3072");
	use_file("one.pem");
	register_certificate("two-cert.pem");
	denied("the certificate is not one of the application's");
	write_file("one.pem", content("two.pem"));
	CHECK_OK(get(&e));
	emulator_stop(&azure);
}

TEST(a_file_of_no_use_is_said_and_nothing_is_sent)
{
	begin(CREDENTIAL_CLIENT_CERTIFICATE);
	make_certificate("one", "rsa:2048");
	make_certificate("two", "rsa:2048");
	make_certificate("curve", "ec -pkeyopt ec_paramgen_curve:prime256v1");
	make_certificate("short", "rsa:1024");
	write_file("mixed.pem", arena_printf(arena, "%.*s%.*s", STR_ARG(content("one-key.pem")),
				    STR_ARG(content("two-cert.pem"))));
	use_file("missing.pem");
	denied("certificate_file: cannot open");
	use_file("one-cert.pem");
	denied("no private key in it");
	use_file("one-key.pem");
	denied("no certificate in it");
	use_file("mixed.pem");
	denied("does not belong to the first certificate");
	use_file("curve.pem");
	denied("not RSA with 2048 bits");
	use_file("short.pem");
	denied("not RSA with 2048 bits");
	CHECK_INT(emulator_count(&azure, "entra", "POST"), 0);
	emulator_stop(&azure);
}

static void
trust_workload(const char *token)
{
	emulator_control(&azure, "POST", "application",
	    arena_printf(arena, "{\"workload_tokens\":[\"%s\"]}", token).p);
}

TEST(a_workload_signs_in_with_the_token_that_its_file_holds_now)
{
	struct err e;

	begin(CREDENTIAL_WORKLOAD_IDENTITY);
	settings.token_file = str_of(in_folder("token"));
	write_file("token", STR("ey.first.token\n"));
	trust_workload("ey.first.token");
	CHECK_OK(get(&e));
	write_file("token", STR("ey.second.token\n"));
	trust_workload("ey.second.token");
	CHECK_OK(get(&e));
	emulator_stop(&azure);
}

TEST(what_the_settings_leave_out_a_workloads_environment_says)
{
	struct err e;

	begin(CREDENTIAL_WORKLOAD_IDENTITY);
	settings.tenant = settings.client_id = STR_EMPTY;
	unsetenv("AZURE_TENANT_ID");
	denied("in the settings or as AZURE_TENANT_ID");
	write_file("token", STR("ey.first.token\n"));
	trust_workload("ey.first.token");
	setenv("AZURE_TENANT_ID", TENANT, 1);
	setenv("AZURE_CLIENT_ID", CLIENT, 1);
	setenv("AZURE_FEDERATED_TOKEN_FILE", in_folder("token"), 1);
	CHECK_OK(get(&e));
	settings.tenant = STR("00000000-0000-0000-0000-000000000000"); /* what is written wins */
	denied("the tenant does not exist");
	unsetenv("AZURE_TENANT_ID");
	unsetenv("AZURE_CLIENT_ID");
	unsetenv("AZURE_FEDERATED_TOKEN_FILE");
	emulator_stop(&azure);
}
