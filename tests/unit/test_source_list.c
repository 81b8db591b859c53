#include "core/source_list.h"

#include "test.h"

#define TOPIC                                                                                  \
	"/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-soc/providers/" \
	"Microsoft.EventGrid/topics/defender"

static struct str sources[] = { { TOPIC, sizeof(TOPIC) - 1 }, { "/relay/*", 8 } };
static struct str types[] = { { "Contoso.Security.*", 18 } };
static struct str subscriptions[] = { { "soc-alerts", 10 } };
static struct str only_none[] = { { "none", 4 } };
static struct arena *arena;

static const struct settings_auth listed = { .subscriptions = subscriptions,
	.n_subscriptions = 1,
	.sources = sources,
	.n_sources = 2,
	.event_types = types,
	.n_event_types = 1 };

static struct event
good(void)
{
	return (struct event){ .kind = EVENT_NOTIFICATION,
		.source = STR(TOPIC),
		.type = STR("Contoso.Security.AlertRaised"),
		.subscription = STR("SOC-ALERTS") };
}

static void
allowed(const struct settings_auth *auth, struct event ev)
{
	struct str why = STR_EMPTY;

	if (!source_list_allows(auth, &ev, arena, &why))
		print_error("%.*s\n", STR_ARG(why));
	CHECK_INT(why.n, 0);
}

static void
refused(const struct settings_auth *auth, struct event ev, const char *reason)
{
	struct str why;

	arena_free(arena);
	arena = arena_new();
	CHECK(!source_list_allows(auth, &ev, arena, &why));
	CHECK_STR(why, reason);
}

TEST(without_lists_everything_is_allowed)
{
	static const struct settings_auth nothing;
	struct event ev = { .kind = EVENT_NOTIFICATION,
		.source = STR(""),
		.type = STR(""),
		.subscription = STR("") };

	allowed(&nothing, good());
	allowed(&nothing, ev);
}

TEST(what_is_listed_is_allowed_without_case)
{
	struct event ev = good();

	allowed(&listed, ev);
	ev.source = STR("/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/resourcegroups/RG-SOC/"
			"providers/microsoft.eventgrid/topics/Defender");
	ev.type = STR("contoso.SECURITY.x");
	allowed(&listed, ev);
	ev.source = STR("/Relay/7");
	allowed(&listed, ev);
}

TEST(what_is_foreign_is_refused_and_the_setting_is_named)
{
	struct event ev = good();

	ev.source = STR(TOPIC "2");
	refused(&listed, ev, "source '" TOPIC "2' is not in auth.sources");
	ev = good();
	ev.type = STR("Microsoft.Security.Alert");
	refused(&listed, ev, "event type 'Microsoft.Security.Alert' is not in auth.event_types");
	ev = good();
	ev.subscription = STR("evil");
	refused(&listed, ev, "event subscription 'evil' is not in auth.subscriptions");
}

TEST(what_an_event_does_not_have_must_be_listed_as_none)
{
	struct settings_auth auth = listed;
	struct event ev = good();

	ev.source = STR("");
	refused(&auth, ev, "it has no source, and 'none' is not in auth.sources");
	auth.sources = only_none;
	auth.n_sources = 1;
	allowed(&auth, ev);
	refused(&auth, good(), "source '" TOPIC "' is not in auth.sources");
	ev.type = STR("");
	refused(&auth, ev, "it has no event type, and 'none' is not in auth.event_types");
	ev = good();
	ev.subscription = STR("");
	refused(
	    &listed, ev, "it has no event subscription, and 'none' is not in auth.subscriptions");
}

/* Whoever lists it means "absent": nobody can call his topic so and come in. */
TEST(none_names_no_text)
{
	CHECK(source_list_fits(STR("none"), STR("")));
	CHECK(source_list_fits(STR("None"), STR("")));
	CHECK(!source_list_fits(STR("none"), STR("none")));
	CHECK(source_list_fits(STR("*"), STR("")));
	CHECK(!source_list_fits(STR("/*"), STR("")));
	CHECK(!source_list_fits(STR("?"), STR("")));
}

/* The source of the others is written by whoever publishes. */
TEST(only_listed_schemas_are_judged)
{
	static struct str schemas[] = { { "event_grid", 10 }, { "custom", 6 } };
	struct settings_auth auth = listed;
	struct event ev = good();

	auth.schemas = schemas;
	auth.n_schemas = 1;
	allowed(&auth, ev);
	ev.schema = SCHEMA_CLOUD_EVENTS;
	refused(&auth, ev, "schema 'cloud_events' is not in auth.schemas");
	ev.source = STR("/foreign");
	refused(&auth, ev, "schema 'cloud_events' is not in auth.schemas");
	ev = good();
	ev.schema = SCHEMA_CUSTOM;
	refused(&auth, ev, "schema 'custom' is not in auth.schemas");
	auth.n_schemas = 2;
	allowed(&auth, ev);
	ev.schema = SCHEMA_CLOUD_EVENTS;
	ev.kind = EVENT_DELETION; /* changes nothing */
	allowed(&auth, ev);
}

TEST(a_notice_is_asked_for_what_it_has_and_never_for_its_type)
{
	struct event ev = good();

	ev.kind = EVENT_DELETION;
	ev.type = STR("Microsoft.EventGrid.SubscriptionDeletedEvent");
	allowed(&listed, ev);
	ev.source = STR("");
	allowed(&listed, ev);
	ev.source = STR("/other");
	refused(&listed, ev, "source '/other' is not in auth.sources");
	ev = good();
	ev.kind = EVENT_DELETION;
	ev.subscription = STR("evil");
	refused(&listed, ev, "event subscription 'evil' is not in auth.subscriptions");
}

TEST(a_long_source_does_not_make_a_long_reason)
{
	struct event ev = good();
	char text[4000];
	struct str why;

	memset(text, 'x', sizeof(text));
	ev.source = (struct str){ text, sizeof(text) };
	CHECK(!source_list_allows(&listed, &ev, arena, &why));
	CHECK(why.n < 300);
}

TEST(an_example_fits_its_entry)
{
	static const char *const entries[] = { TOPIC, "/relay/*", "a?c", "*", "x*y*z" };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		CHECK(source_list_fits(
		    str_of(entries[i]), source_list_example(str_of(entries[i]), arena)));
	CHECK_STR(source_list_example(STR(TOPIC), arena), TOPIC);
	CHECK_STR(source_list_example(STR("none"), arena), "");
}

TEST(entries_that_make_no_sense_are_told)
{
	static const struct {
		const char *entry, *words;
	} bad[] = { { "*", "names everything" }, { "**", "names everything" },
		{ "/sub scriptions", "has a blank" },
		{ "subscriptions/11111111-2222-3333-4444-555555555555", "begins with" },
		{ "/subscriptions/prod/resourceGroups/x", "no GUID" },
		{ TOPIC "/", "ends with a slash" },
		{ TOPIC "/providers/Microsoft.EventGrid/eventSubscriptions/s",
		    "is an event subscription" } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *problem = source_list_problem(str_of(bad[i].entry), true);

		CHECK(problem != NULL);
		CHECK_HAS(problem, bad[i].words);
	}
	CHECK_HAS(source_list_problem(STR(TOPIC), false), "looks like a source");
	CHECK_HAS(source_list_problem(STR("*"), false), "names everything");
}

TEST(entries_that_make_sense_are_left_alone)
{
	static const char *const good_ones[] = { TOPIC, "none", "/relay", "urn:x:y",
		"*/topics/soc*", "/subscriptions/*", "/subscriptions/1111*/resourceGroups/x",
		"/subscriptions/11111111-2222-3333-4444-555555555555" };

	for (size_t i = 0; i < sizeof(good_ones) / sizeof(good_ones[0]); i++)
		CHECK(source_list_problem(str_of(good_ones[i]), true) == NULL);
	CHECK(source_list_problem(STR("Contoso.*"), false) == NULL);
	CHECK(source_list_problem(STR("none"), false) == NULL);
}
