#include "azure_world.h"

#include <stdlib.h>
#include <unistd.h>

static char url_file[] = "/tmp/gridwarden-hook-XXXXXX";

static void
remove_url_file(void)
{
	unlink(url_file);
}

static void
write_url(const char *url)
{
	static int fd = -1;

	if (fd < 0) {
		fd = mkstemp(url_file);
		atexit(remove_url_file);
	}
	CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
	CHECK(pwrite(fd, url, strlen(url), 0) == (ssize_t)strlen(url));
}

#define TEMPLATE                                                              \
	"{\"title\":\"{alert.alertDisplayName}\",\"fixed\":\"text\",\"n\":5," \
	"\"more\":[\"{alert.severity}\",{\"none\":\"{alert.entities.nothing}\"}]}"

static void
hook_world(void)
{
	static const struct event event;

	fresh_world();
	world.alert.event = &event;
	world.alert.fields = world.alert.data = json_object(world.arena);
	write_url(
	    arena_printf(world.arena, "%s/hooks/tickets?sig=secret-part", world.emulator.url).p);
}

static struct step
a_post(void)
{
	struct json *params = json_object(world.arena);
	struct step step;

	json_set_cstr(params, "url_file", url_file, world.arena);
	json_set_cstr(params, "body", TEMPLATE, world.arena);
	step = a_step("http_post", url_file, "{}");
	step.params = json_print(params, world.arena);
	step.key = STR("key-1");
	return step;
}

static const struct json *
posts(void)
{
	return json_get(control("GET", "state", NULL), "posts");
}

TEST(values_of_the_alert_are_put_in_as_values)
{
	const struct json *body;
	struct step step;

	hook_world();
	world.alert.name = STR("\",\"admin\":true,\"x\":\"{alert.severity}");
	step = a_post();
	drive_done(&step);
	CHECK_INT(json_count(posts()), 1);
	body = json_get(json_first(posts()), "body");
	CHECK_INT(json_count(body), 4);
	CHECK_STR(json_text(json_get(body, "title")), "\",\"admin\":true,\"x\":\"{alert.severity}");
	CHECK_STR(json_text(json_get(body, "fixed")), "text");
	CHECK_INT(json_number(json_get(body, "n")), 5);
	CHECK_STR(json_text(json_first(json_get(body, "more"))), "High");
	CHECK(json_is(json_get(json_next(json_first(json_get(body, "more"))), "none"), JSON_NULL));
	CHECK_INT(json_number(json_get(result_of(&step), "answered")), 201);
}

TEST(done_again_after_death_it_has_the_same_key)
{
	struct step step;
	struct err e;

	hook_world();
	step = a_post();
	CHECK_INT(drive(&step, 1, NULL, &e), OUTCOME_DONE);
	CHECK_INT(count_calls("POST", "/hooks/tickets"), 2);
	CHECK_INT(json_count(posts()), 1);
	step = a_post();
	step.key = STR("key-2");
	drive_done(&step);
	CHECK_INT(json_count(posts()), 2);
}

TEST(trouble_that_passes_ends_well)
{
	static const char *const orders[] = {
		"{\"method\":\"POST\",\"path\":\"/hooks/\",\"status\":500}",
		"{\"method\":\"POST\",\"path\":\"/hooks/\",\"status\":503}",
		"{\"method\":\"POST\",\"path\":\"/hooks/\",\"status\":408}",
		"{\"method\":\"POST\",\"path\":\"/hooks/\",\"cut\":\"before\"}",
		"{\"method\":\"POST\",\"path\":\"/hooks/\",\"cut\":\"after\"}",
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct step step;

		hook_world();
		fault(orders[i]);
		step = a_post();
		drive_done(&step);
		CHECK_INT(json_count(posts()), 1);
	}
}

TEST(a_throttle_waits_as_long_as_the_service_says)
{
	struct step step;
	struct err e;

	hook_world();
	fault("{\"method\":\"POST\",\"path\":\"/hooks/\",\"status\":429,"
	      "\"headers\":{\"Retry-After\":\"17\"}}");
	step = a_post();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(world.rest_ms, 17000);
	CHECK_INT(e.retry_ms, 17000);
	drive_done(&step);
}

TEST(a_refusal_and_a_redirect_end_it)
{
	static const int statuses[] = { 400, 401, 403, 404, 301, 302, 307 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct step step;
		struct err e;

		hook_world();
		fault(arena_printf(world.arena,
		    "{\"method\":\"POST\",\"path\":\"/hooks/\",\"status\":%d,"
		    "\"headers\":{\"Location\":\"/hooks/other\"}}",
		    statuses[i])
			  .p);
		step = a_post();
		CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
		CHECK_HAS(e.text, arena_printf(world.arena, "%d", statuses[i]).p);
		CHECK(strstr(e.text, "secret-part") == NULL);
		CHECK_INT(json_count(posts()), 0);
	}
}

TEST(only_encrypted_addresses_are_posted_to)
{
	struct step step;
	struct err e;

	hook_world();
	write_url("http://tickets.example/hooks/tickets?sig=secret-part");
	step = a_post();
	CHECK_INT(drive(&step, 0, NULL, &e), OUTCOME_NEVER);
	CHECK(strstr(e.text, "secret-part") == NULL);
	CHECK_INT(count_calls("POST", "/hooks/tickets"), 0);
}
