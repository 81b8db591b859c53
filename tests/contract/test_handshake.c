/* Handshakes: who may have events delivered here, and what it takes to prove it. */
#include "intake_world.h"

TEST(a_validation_is_answered_with_its_code_and_nothing_else)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, EVENTS FROM("Soc-Alerts"), VALIDATION("512d38b6-c7b8-40c8-89fe-f46f9e9622b6"));
	CHECK(answers(a, 200));
	CHECK_HAS(a, "Content-Type: application/json\r\n");
	CHECK_CSTR(body_of(a), "{\"validationResponse\":\"512d38b6-c7b8-40c8-89fe-f46f9e9622b6\"}");
	CHECK_INT(p.n, 0);
	intake_figures(p.intake, &f);
	CHECK_INT(f.handshakes, 1);
	stop(&p);
}

TEST(a_validation_code_is_escaped)
{
	struct pipeline p;

	start(&p);
	CHECK_CSTR(body_of(post(&p, EVENTS FROM("soc-alerts"), VALIDATION("a\\\"},\\u0007<b>"))),
	    "{\"validationResponse\":\"a\\\"},\\u0007<b>\"}");
	stop(&p);
}

TEST(a_validation_of_a_foreign_event_subscription_is_answered_403)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, EVENTS FROM("other"), VALIDATION("code"));
	CHECK(answers(a, 403));
	CHECK_CSTR(body_of(a), "");
	CHECK(answers(post(&p, EVENTS, VALIDATION("code")), 403));
	intake_figures(p.intake, &f);
	CHECK_INT(f.forbidden, 2);
	CHECK_INT(f.handshakes, 0);
	stop(&p);
}

/* Its topic is "/t"; compared without case, as events are. */
TEST(a_validation_of_a_foreign_source_is_answered_403)
{
	static const char validation[] = VALIDATION("code");
	struct intake_figures f;
	struct pipeline p;

	sources = "/subscriptions/*/topics/other";
	start(&p);
	CHECK(answers(post(&p, EVENTS FROM("soc-alerts"), validation), 403));
	intake_figures(p.intake, &f);
	CHECK_INT(f.forbidden, 1);
	CHECK_INT(f.handshakes, 0);
	stop(&p);
	sources = "/T";
	start(&p);
	CHECK(answers(post(&p, EVENTS FROM("soc-alerts"), validation), 200));
	stop(&p);
	/* Its events will have none: custom input schema. */
	sources = "none";
	start(&p);
	CHECK(answers(post(&p, EVENTS FROM("soc-alerts"), validation), 200));
	stop(&p);
	sources = NULL;
}

static bool
validates(const char *source, const char *listed)
{
	static const char validation[] = VALIDATION("code");
	struct pipeline p;
	const char *a;
	bool yes;

	sources = source;
	schema = listed;
	start(&p);
	a = post(&p, EVENTS FROM("soc-alerts"), validation);
	yes = strstr(a, "\"code\"") != NULL;
	CHECK(answers(a, yes ? 200 : 403));
	stop(&p);
	sources = schema = NULL;
	return yes;
}

/* Topics of the custom input schema have it in Event Grid's own schema. */
TEST(a_validation_is_answered_when_its_events_can_be_judged)
{
	CHECK(validates(NULL, "event_grid"));
	CHECK(validates(NULL, "custom"));
	CHECK(!validates(NULL, "cloud_events"));
}

/* A topic of the custom schema could bring any envelope: only where it is expected. */
TEST(a_source_of_none_opens_the_handshake_for_the_custom_schema_only)
{
	CHECK(validates("none", "custom"));
	CHECK(!validates("none", "event_grid"));
	CHECK(validates("/t", "event_grid"));
}

TEST(a_validation_of_two_event_subscriptions_gets_no_code)
{
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(
	    &p, EVENTS FROM("soc-alerts") "aeg-subscription-name: another\r\n", VALIDATION("c1"));
	CHECK(answers(a, 200));
	CHECK_CSTR(body_of(a), "");
	CHECK_INT(p.kind, EVENT_UNREADABLE);
	stop(&p);
}

TEST(a_validation_without_the_key_is_answered_401)
{
	struct pipeline p;

	start(&p);
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), VALIDATION("code")), 401));
	stop(&p);
}

TEST(a_cloud_events_handshake_gets_its_consent)
{
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, "OPTIONS /api/events|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK(answers(a, 200));
	CHECK_HAS(a, "WebHook-Allowed-Origin: eventgrid.azure.net\r\n");
	CHECK_HAS(a, "WebHook-Allowed-Rate: *\r\n");
	CHECK_HAS(a, "Allow: POST\r\n");
	a = post(&p,
	    "OPTIONS /api/events?code=" KEY "|WebHook-Request-Origin: eventgrid.azure.net\r\n"
	    "WebHook-Request-Rate: 120\r\n",
	    "");
	CHECK_HAS(a, "WebHook-Allowed-Rate: 120\r\n");
	stop(&p);
}

TEST(a_cloud_events_handshake_of_a_foreign_origin_gets_no_consent)
{
	struct pipeline p;
	const char *a;

	start(&p);
	a = post(&p, "OPTIONS /api/events|WebHook-Request-Origin: evil.example\r\n", "");
	CHECK(answers(a, 403));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	a = post(&p, "OPTIONS /api/events", "");
	CHECK(answers(a, 200));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	a = post(&p,
	    "OPTIONS /api/events?code=wrong|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK(answers(a, 401));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	stop(&p);
}

TEST(a_cloud_events_handshake_gets_no_consent_when_they_are_not_judged)
{
	struct intake_figures f;
	struct pipeline p;
	const char *a;

	schema = "event_grid";
	start(&p);
	a = post(&p,
	    "OPTIONS /api/events?code=" KEY "|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK(answers(a, 403));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	intake_figures(p.intake, &f);
	CHECK_INT(f.forbidden, 1);
	CHECK_INT(f.handshakes, 0);
	stop(&p);
	schema = "cloud_events";
	start(&p);
	a = post(&p, "OPTIONS /api/events|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK_HAS(a, "WebHook-Allowed-Origin: eventgrid.azure.net\r\n");
	stop(&p);
	schema = NULL;
}

TEST(when_no_origin_is_listed_no_cloud_events_handshake_gets_consent)
{
	static struct settings_auth nobody = { .insecure = true };
	struct auth *auth = NULL;
	struct pipeline p;
	struct err e;
	const char *a;

	start(&p);
	CHECK_OK(auth_load(&nobody, &auth, &e));
	intake_set_auth(p.intake, auth);
	a = post(&p, "OPTIONS /api/events|WebHook-Request-Origin: eventgrid.azure.net\r\n", "");
	CHECK(answers(a, 403));
	CHECK(strstr(a, "WebHook-Allowed") == NULL);
	stop(&p);
}

static struct auth *
auth_bare(void)
{
	static struct str subscriptions[] = { { "soc-alerts", 10 } };
	static struct str any[] = { { "x", 1 } };
	struct settings_auth s = { .key_header = STR(""),
		.subscriptions = subscriptions,
		.n_subscriptions = 1,
		.entra = { .tenant = STR("11111111-aaaa-bbbb-cccc-222222222222"),
		    .audience = any,
		    .n_audience = 1,
		    .role = STR("r"),
		    .application = STR("a"),
		    .source = STR("s"),
		    .handshake_without_token = true } };
	struct auth *a = NULL;
	struct err e;

	CHECK_OK(auth_load(&s, &a, &e));
	return a;
}

TEST(a_bare_validation_is_answered_and_opens_nothing_else)
{
	struct pipeline p;

	start(&p);
	intake_set_auth(p.intake, auth_bare());
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), VALIDATION("code")), 200));
	CHECK(answers(post(&p, "POST /api/events" FROM("other"), VALIDATION("code")), 401));
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), EVENT), 401));
	CHECK(answers(post(&p, "POST /api/events" FROM("soc-alerts"), VALIDATION("")), 401));
	CHECK(answers(
	    post(&p, "POST /api/events?access_token=x" FROM("soc-alerts"), VALIDATION("code")),
	    401));
	CHECK_INT(p.n, 0);
	stop(&p);
}

TEST(a_reload_between_head_and_body_lets_nobody_in)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pipeline p;
	char text[1024];
	ssize_t n;

	start(&p);
	intake_set_auth(p.intake, auth_bare());
	to.sin_port = htons((uint16_t)listener_port(p.l));
	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	n = snprintf(text, sizeof(text),
	    "POST /api/events HTTP/1.1\r\nHost: gw\r\nExpect: 100-continue\r\n"
	    "aeg-event-type: SubscriptionValidation\r\naeg-subscription-name: soc-alerts\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    sizeof(EVENT) - 1);
	CHECK(send(fd, text, (size_t)n, MSG_NOSIGNAL) == n);
	CHECK(recv(fd, text, sizeof(text), 0) > 0); /* 100: the head was let in */
	CHECK(strncmp(text, "HTTP/1.1 100 ", 13) == 0);
	intake_set_auth(p.intake, auth(KEY, false));
	CHECK(send(fd, EVENT, sizeof(EVENT) - 1, MSG_NOSIGNAL) == sizeof(EVENT) - 1);
	n = recv(fd, text, sizeof(text) - 1, 0);
	CHECK(n > 0);
	text[n] = '\0';
	CHECK(answers(text, 401));
	CHECK_INT(p.n, 0);
	close(fd);
	stop(&p);
}
