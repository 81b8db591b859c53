#include "azure_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char url_file[] = "/tmp/gridwarden-url-XXXXXX";

static void
remove_url_file(void)
{
	unlink(url_file);
}

static void
write_url(const char *url)
{
	static bool made;
	int fd;

	if (!made) {
		fd = mkstemp(url_file);
		made = true;
		atexit(remove_url_file);
	} else {
		fd = open(url_file, O_WRONLY | O_TRUNC);
	}
	CHECK(fd >= 0);
	CHECK(write(fd, url, strlen(url)) == (ssize_t)strlen(url));
	close(fd);
}

#define WORKFLOW "/teams/workflows/soc?api-version=1&sp=%2Ftriggers&sv=1.0&sig=Zm9yLXRlc3RzLW9ubHk"
#define CONNECTOR "/webhookb2/0000-secret-part"

static void
channel_world(enum channel_format format, const char *path)
{
	fresh_world();
	write_url(arena_printf(world.arena, "%s%s\n", world.emulator.url, path).p);
	world.channels[0] = (struct settings_channel){
		.name = STR("soc"), .format = format, .url_file = str_of(url_file)
	};
	world.settings.n_channels = 1;
}

static struct step
a_card(void)
{
	return a_step("notify", "soc", "{\"channel\":\"soc\"}");
}

TEST(an_adaptive_card_reaches_a_workflow)
{
	struct json *cards;
	struct step step;

	channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
	step = a_card();
	drive_done(&step);
	CHECK_STR(step.result, "{\"status\":202,\"format\":\"adaptive_card\"}");
	cards = control("GET", "cards", NULL);
	CHECK_INT(json_count(cards), 1);
	CHECK_STR(json_text(json_get(json_first(cards), "format")), "adaptive");
	CHECK(str_has_nocase(json_print(cards, world.arena), STR("Suspicious process executed")));
}

TEST(a_message_card_reaches_a_connector)
{
	struct json *cards;
	struct step step;

	channel_world(FORMAT_MESSAGE_CARD, CONNECTOR);
	step = a_card();
	drive_done(&step);
	CHECK_STR(step.result, "{\"status\":200,\"format\":\"message_card\"}");
	cards = control("GET", "cards", NULL);
	CHECK_STR(json_text(json_at(json_first(cards), "message.summary")),
	    "Security Alert: Suspicious process executed");
}

TEST(a_new_url_in_the_file_counts_at_once)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_ADAPTIVE_CARD, "/teams/workflows/soc?sig=wrong");
	step = a_card();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "channel 'soc': Teams refused the card: 401");
	write_url(arena_printf(world.arena, "%s%s", world.emulator.url, WORKFLOW).p);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_DONE);
}

TEST(teams_asking_for_a_rest_gets_it)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
	fault("{\"service\":\"teams\",\"status\":429,\"headers\":{\"Retry-After\":\"9\"}}");
	step = a_card();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_INT(e.retry_ms, 9000);
	CHECK_INT(world.rest_ms, 9000);
	fault("{\"service\":\"teams\",\"status\":429}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK(world.rest_ms >= 10000);
	CHECK_INT(call_once(&step, false, &e), OUTCOME_DONE);
	CHECK_INT(world.rest_ms, 0);
	CHECK_INT(json_count(control("GET", "cards", NULL)), 1);
}

TEST(trouble_and_silence_are_tried_again)
{
	static const char *const orders[] = { "{\"service\":\"teams\",\"status\":500}",
		"{\"service\":\"teams\",\"status\":503}", "{\"service\":\"teams\",\"status\":408}",
		"{\"service\":\"teams\",\"cut\":\"before\"}" };

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct step step;
		struct err e;

		channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
		fault(orders[i]);
		step = a_card();
		CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
		drive_done(&step);
		CHECK_INT(json_count(control("GET", "cards", NULL)), 1);
	}
}

TEST(a_connector_that_hides_its_failure_in_a_200_is_not_believed)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_MESSAGE_CARD, CONNECTOR);
	fault(
	    "{\"service\":\"teams\",\"status\":200,\"body\":\"Webhook message delivery failed with "
	    "error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x\"}");
	step = a_card();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK(world.rest_ms > 0);
	fault(
	    "{\"service\":\"teams\",\"status\":200,\"body\":\"Webhook message delivery failed with "
	    "error: Microsoft Teams endpoint returned HTTP error 403 with ContextId x\"}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "Teams refused the card: 403");
}

TEST(a_refused_card_is_not_sent_again_and_the_words_of_teams_are_kept)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
	fault("{\"service\":\"teams\",\"status\":400,\"body\":{\"error\":{\"code\":\"Bad\","
	      "\"message\":\"The card is\\nwrong.\"}}}");
	step = a_card();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_CSTR(e.text, "channel 'soc': Teams refused the card: 400 The card is wrong.");
	fault("{\"service\":\"teams\",\"status\":404,\"body\":\"\"}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "the webhook does not exist");
}

/* The signature of a Workflow, the path of a connector: whoever reads them can post. */
TEST(the_url_is_in_no_error_and_no_record)
{
	static const char *const paths[] = { WORKFLOW, CONNECTOR };
	static const char *const orders[] = { "{\"service\":\"teams\",\"cut\":\"before\"}",
		"{\"service\":\"teams\",\"status\":500}",
		"{\"service\":\"teams\",\"status\":400}" };

	for (size_t i = 0; i < 6; i++) {
		struct job job;
		struct err e;

		channel_world(FORMAT_ADAPTIVE_CARD, paths[i / 3]);
		fault(orders[i % 3]);
		job = (struct job){ .step = a_card(), .alert = &world.alert };
		CHECK(performer_run(world.performer, &job, world.now_ms, world.arena, &e) !=
		      OUTCOME_DONE);
		CHECK(strstr(e.text, "Zm9y") == NULL);
		CHECK(strstr(e.text, "secret-part") == NULL);
		CHECK_INT(job.n_calls, 0);
	}
}

TEST(a_channel_that_left_the_settings_ends_the_step)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
	world.settings.n_channels = 0;
	step = a_card();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_CSTR(e.text, "channel 'soc' is not in the settings any more");
}

TEST(a_url_file_that_cannot_be_read_is_waited_for_and_a_wrong_address_is_not)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
	world.channels[0].url_file = STR("/tmp/gridwarden-there-is-no-such-file");
	step = a_card();
	CHECK_INT(call_once(&step, false, &e), OUTCOME_LATER);
	CHECK_HAS(e.text, "url_file");
	CHECK(e.retry_ms > 0);
	world.channels[0].url_file = str_of(url_file);
	write_url("http://teams.example/hook?sig=abc");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK(strstr(e.text, "abc") == NULL);
}

TEST(a_card_cannot_be_taken_back_and_unknown_actions_say_so)
{
	struct step step;
	struct err e;

	channel_world(FORMAT_ADAPTIVE_CARD, WORKFLOW);
	step = a_card();
	step.undo_of = 1;
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "notify cannot be taken back");
	step = a_step("isolat_vm", VM("web-01"), "{}");
	CHECK_INT(call_once(&step, false, &e), OUTCOME_NEVER);
	CHECK_HAS(e.text, "unknown action 'isolat_vm'");
}
