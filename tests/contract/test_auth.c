/* Who may deliver: keys come from files, so this is no unit test. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "daemon/auth.h"
#include "test.h"

#define KEY "correct-horse-battery-staple"
#define OTHER "the-key-of-last-year-0123456789"

struct key_file {
	char path[64];
};

static void
key_write(struct key_file *k, const char *text)
{
	int fd;

	snprintf(k->path, sizeof(k->path), "/tmp/test_auth.XXXXXX");
	fd = mkstemp(k->path);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* Both keys are valid; the header may carry one; two event subscriptions are known. */
static struct auth *
load(void)
{
	static struct str subscriptions[] = { { "soc-alerts", 10 }, { "backup", 6 } };
	struct key_file one, two;
	struct str files[2];
	struct settings_auth s = { .keys_files = files,
		.n_keys_files = 2,
		.key_header = STR("X-Gridwarden-Key"),
		.subscriptions = subscriptions,
		.n_subscriptions = 2 };
	struct auth *a = NULL;
	struct err e;

	key_write(&one, KEY "\n");
	key_write(&two, OTHER);
	files[0] = str_of(one.path);
	files[1] = str_of(two.path);
	CHECK_OK(auth_load(&s, &a, &e));
	unlink(one.path);
	unlink(two.path);
	return a;
}

static enum auth_answer
answer(const struct auth *a, const struct auth_shown *shown)
{
	struct err why;

	return auth_check(a, shown, &why);
}

static enum auth_answer
check(const struct auth *a, const char *code, const char *key)
{
	struct auth_shown shown = { .code = str_of(code), .key = str_of(key), .bearer = STR_EMPTY };
	struct err why;

	return auth_check(a, &shown, &why);
}

TEST(each_listed_key_lets_in_by_query_and_by_header)
{
	struct auth *a = load();

	CHECK_INT(check(a, KEY, ""), AUTH_OK);
	CHECK_INT(check(a, OTHER, ""), AUTH_OK);
	CHECK_INT(check(a, "", KEY), AUTH_OK);
	CHECK_INT(check(a, "wrong", OTHER), AUTH_OK);
	auth_free(a);
}

TEST(nothing_and_something_wrong_are_told_apart)
{
	static const char *const wrong[] = { "x", KEY "x", "correct-horse-battery-stapl",
		"Correct-horse-battery-staple", KEY "\n", " " KEY };
	struct auth *a = load();

	CHECK_INT(check(a, "", ""), AUTH_NO_CREDENTIAL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK_INT(check(a, wrong[i], ""), AUTH_BAD);
		CHECK_INT(check(a, "", wrong[i]), AUTH_BAD);
	}
	auth_free(a);
}

TEST(the_header_that_carries_the_key_is_told)
{
	struct auth *a = load();

	CHECK_CSTR(auth_key_header(a), "X-Gridwarden-Key");
	auth_free(a);
}

TEST(listed_event_subscriptions_are_allowed_without_case)
{
	struct auth *a = load();

	CHECK(auth_allows_subscription(a, STR("soc-alerts")));
	CHECK(auth_allows_subscription(a, STR("SOC-ALERTS")));
	CHECK(auth_allows_subscription(a, STR("backup")));
	CHECK(!auth_allows_subscription(a, STR("soc-alerts2")));
	CHECK(!auth_allows_subscription(a, STR("")));
	auth_free(a);
}

TEST(no_listed_origin_allows_none)
{
	struct auth *a = load();

	CHECK(!auth_allows_origin(a, STR("eventgrid.azure.net")));
	CHECK(!auth_allows_origin(a, STR("*")));
	CHECK(!auth_allows_origin(a, STR("")));
	auth_free(a);
}

TEST(listed_origins_are_allowed_without_case)
{
	struct str origins[] = { { "events.contoso.com", 18 } };
	struct settings_auth s = {
		.insecure = true, .key_header = STR_EMPTY, .origins = origins, .n_origins = 1
	};
	struct auth *a;
	struct err e;

	CHECK_OK(auth_load(&s, &a, &e));
	CHECK(auth_allows_origin(a, STR("events.contoso.com")));
	CHECK(auth_allows_origin(a, STR("Events.Contoso.Com")));
	CHECK(!auth_allows_origin(a, STR("*")));
	CHECK(!auth_allows_origin(a, STR("eventgrid.azure.net")));
	auth_free(a);
}

TEST(a_star_allows_every_origin_but_none)
{
	struct str origins[] = { { "*", 1 } };
	struct settings_auth s = {
		.insecure = true, .key_header = STR_EMPTY, .origins = origins, .n_origins = 1
	};
	struct auth *a;
	struct err e;

	CHECK_OK(auth_load(&s, &a, &e));
	CHECK(auth_allows_origin(a, STR("anybody.example")));
	CHECK(!auth_allows_origin(a, STR("")));
	auth_free(a);
}

TEST(no_listed_subscription_means_all)
{
	struct settings_auth s = { .insecure = true, .key_header = STR_EMPTY };
	struct auth *a;
	struct err e;

	CHECK_OK(auth_load(&s, &a, &e));
	CHECK(auth_allows_subscription(a, STR("anything")));
	CHECK_INT(check(a, "", ""), AUTH_OK);
	CHECK_INT(check(a, "whatever", ""), AUTH_OK);
	auth_free(a);
}

static struct auth *
load_certificates(void)
{
	struct settings_auth s = { .key_header = STR_EMPTY, .client_ca = STR("/ca.pem") };
	struct auth *a;
	struct err e;

	CHECK_OK(auth_load(&s, &a, &e));
	return a;
}

TEST(a_trusted_certificate_lets_in_alone_and_whatever_key_is_shown)
{
	struct auth *a = load_certificates();
	struct auth_shown shown = { .certificate = CLIENT_CERTIFICATE_TRUSTED };

	CHECK_INT(answer(a, &shown), AUTH_OK);
	shown.code = STR("whatever");
	CHECK_INT(answer(a, &shown), AUTH_OK);
	auth_free(a);
}

TEST(an_untrusted_certificate_is_a_wrong_credential)
{
	struct auth *a = load_certificates();
	struct auth_shown shown = { .certificate = CLIENT_CERTIFICATE_NOT_TRUSTED };

	CHECK_INT(answer(a, &shown), AUTH_BAD);
	shown.certificate = CLIENT_CERTIFICATE_NONE;
	CHECK_INT(answer(a, &shown), AUTH_NO_CREDENTIAL);
	auth_free(a);
	/* With a right key it does no harm. */
	a = load();
	shown.certificate = CLIENT_CERTIFICATE_NOT_TRUSTED;
	shown.code = STR(KEY);
	CHECK_INT(answer(a, &shown), AUTH_OK);
	auth_free(a);
}

TEST(a_certificate_of_another_time_is_a_wrong_credential_while_nobody_doubts_our_clock)
{
	struct auth *a = load_certificates();
	struct auth_shown shown = { .certificate = CLIENT_CERTIFICATE_NOT_NOW,
		.certificate_wrong = STR("it has expired") };
	struct err why;

	CHECK_INT(auth_check(a, &shown, &why), AUTH_BAD);
	CHECK_HAS(why.text, "the client certificate is not trusted: it has expired");
	auth_free(a);
}

TEST(certificates_do_not_count_when_the_settings_name_no_authority)
{
	struct auth *a = load();

	CHECK_INT(answer(a, &(struct auth_shown){ .certificate = CLIENT_CERTIFICATE_TRUSTED }),
	    AUTH_NO_CREDENTIAL);
	auth_free(a);
}

static void
refused(const char *text, const char *words)
{
	struct key_file k;
	struct str file;
	struct settings_auth s = {
		.keys_files = &file, .n_keys_files = 1, .key_header = STR_EMPTY
	};
	struct auth *a = NULL;
	struct err e;

	key_write(&k, text);
	file = str_of(k.path);
	CHECK(!auth_load(&s, &a, &e));
	CHECK(a == NULL);
	CHECK_HAS(e.text, k.path);
	CHECK_HAS(e.text, words);
	unlink(k.path);
}

TEST(a_key_file_that_holds_no_key_is_refused_by_its_name)
{
	struct buf long_key;

	refused(" \n", "is empty");
	refused("one\ntwo\n", "more than one line");
	buf_init(&long_key, 10000);
	for (int i = 0; i < AUTH_KEY_MAX + 1; i++)
		buf_add_char(&long_key, 'k');
	refused(buf_cstr(&long_key), "at most 4096");
	buf_done(&long_key);
}

TEST(a_key_file_that_is_missing_is_refused_by_its_name)
{
	struct str file = STR("/nonexistent/gridwarden/key");
	struct settings_auth s = {
		.keys_files = &file, .n_keys_files = 1, .key_header = STR_EMPTY
	};
	struct auth *a;
	struct err e;

	CHECK(!auth_load(&s, &a, &e));
	CHECK_HAS(e.text, "/nonexistent/gridwarden/key");
}

TEST(settings_that_would_let_nobody_in_are_refused)
{
	struct settings_auth s = { .key_header = STR_EMPTY };
	struct auth *a;
	struct err e;

	CHECK(!auth_load(&s, &a, &e));
	CHECK_HAS(e.text, "nobody could deliver");
}

TEST(too_many_key_files_are_refused)
{
	struct str files[AUTH_KEYS_MAX + 1] = { { "", 0 } };
	struct settings_auth s = {
		.keys_files = files, .n_keys_files = AUTH_KEYS_MAX + 1, .key_header = STR_EMPTY
	};
	struct auth *a;
	struct err e;

	CHECK(!auth_load(&s, &a, &e));
	CHECK_HAS(e.text, "lists 9 files, at most 8");
}
