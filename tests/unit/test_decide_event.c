/* What becomes of an event: each way out, and that one decision is the other's. */
#include "core/decide.h"
#include "event_text.h"
#include "rules_text.h"

#define NOW 1760000000000

#define ALERT_EVENT(severity)                                                               \
	"{\"id\":\"a\",\"topic\":\"/t\",\"subject\":\"s\",\"eventType\":\"Contoso.Alert\"," \
	"\"eventTime\":\"2026-01-25T22:12:19Z\",\"dataVersion\":\"1\",\"data\":{"           \
	"\"alertName\":\"n\",\"severity\":\"" severity "\",\"resourceIdentifiers\":[]}}"

#define TWO                                                                \
	"rules:\n"                                                         \
	"  - {name: one, match: {severity: High}, actions: [notify: a]}\n" \
	"  - {name: two, match: {severity: '*'}, actions: [notify: b]}\n"

static struct rules *rules;

static int64_t
nothing_done(void *ctx, const struct step_filter *which)
{
	(void)ctx, (void)which;
	return 0;
}

static struct decided
decide(const struct settings *settings, const char *only, const char *body)
{
	const struct guard_facts facts = { .now_ms = NOW, .count = nothing_done };
	struct event ev = parse_one(str_of(body));
	struct decide_by by = { .settings = settings, .facts = &facts, .only = str_of(only) };
	struct decided out;

	rules_free(rules);
	rules = rules_of(TWO);
	CHECK(rules != NULL);
	by.rules = rules;
	decide_event(&by, &ev, arena, &out);
	return out;
}

TEST(an_alert_gets_its_verdicts_and_its_plan)
{
	const struct settings none = { .mode = GUARD_ENFORCE };
	struct decided d = decide(&none, NULL, ALERT_EVENT("High"));

	CHECK_INT(d.state, EVENT_STATE_DECIDED);
	CHECK_STR(d.alert->name, "n");
	CHECK_INT(d.n, 2);
	CHECK_INT(d.plan.n, 2);
	CHECK_INT(d.plan.steps[0].created_ms, NOW);
}

TEST(what_cannot_be_read_is_kept_with_its_reason_and_has_no_plan)
{
	const struct settings none = { .mode = GUARD_ENFORCE };
	struct decided d = decide(&none, NULL, "{\"id\":1");

	CHECK_INT(d.state, EVENT_STATE_UNREADABLE);
	CHECK(d.reason.n > 0);
	CHECK(d.alert == NULL && d.plan.n == 0);
}

TEST(a_payload_that_is_no_object_is_unreadable_too)
{
	const struct settings none = { .mode = GUARD_ENFORCE };
	struct decided d = decide(&none, NULL,
	    "{\"id\":\"a\",\"topic\":\"/t\",\"subject\":\"s\",\"eventType\":\"x\","
	    "\"eventTime\":\"2026-01-25T22:12:19Z\",\"dataVersion\":\"1\",\"data\":[1]}");

	CHECK_INT(d.state, EVENT_STATE_UNREADABLE);
	CHECK(d.reason.n > 0);
}

TEST(a_foreign_event_is_refused_with_the_list_that_does_not_name_it)
{
	struct str allowed = STR("/subscriptions/mine*");
	const struct settings s = { .mode = GUARD_ENFORCE,
		.auth = { .sources = &allowed, .n_sources = 1 } };
	struct decided d = decide(&s, NULL, ALERT_EVENT("High"));

	CHECK_INT(d.state, EVENT_STATE_REFUSED);
	CHECK_HAS(arena_cstr(arena, d.reason), "auth.sources");
}

TEST(a_notice_is_not_judged)
{
	const struct settings none = { .mode = GUARD_ENFORCE };

	CHECK_INT(decide(&none, NULL, VALIDATION).state, EVENT_STATE_NOTICE);
}

TEST(of_one_rule_alone_the_others_plan_nothing)
{
	const struct settings none = { .mode = GUARD_ENFORCE };
	struct decided d = decide(&none, "two", ALERT_EVENT("High"));

	CHECK_INT(d.n, 1);
	CHECK_INT(d.plan.n, 1);
	CHECK_STR(d.plan.steps[0].target, "b");
}
