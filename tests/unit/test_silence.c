/* Which notifications a silence holds back, and what makes none. */
#include "alert_text.h"
#include "core/mute.h"

#define NOW INT64_C(1760000000000)
#define HOUR INT64_C(3600000)

static const char high[] =
    "{'alertDisplayName':'Brute force attack','severity':'High',"
    "'systemAlertId':'a1','resourceIdentifiers':[{'azureResourceId':'" VM "'}]}";

static struct arena *own;

static void
fresh(void)
{
	arena_free(own);
	own = arena_new();
}

/* In force now, for an hour more. */
static struct silence
silence_of(int64_t id, const char *matcher)
{
	struct str *words = arena_alloc(own, sizeof(*words));

	words[0] = str_of(matcher);
	return (struct silence){ .id = id,
		.matchers = words,
		.n_matchers = 1,
		.owner = STR("Ann"),
		.reason = STR("patch day"),
		.starts_ms = NOW - HOUR,
		.ends_ms = NOW + HOUR };
}

/* The id of the one that holds the alert back; 0 = none. */
static int64_t
found(const struct silence *list, size_t n, const char *alert, int64_t now_ms)
{
	struct silences *all = silences_new(list, n);
	struct alert al = alert_of(alert);
	const struct silence *s = silences_find(all, &al, now_ms, own);
	int64_t id = s == NULL ? 0 : s->id;

	silences_free(all);
	return id;
}

static int64_t
found_by(const char *matcher)
{
	struct silence s = silence_of(7, matcher);

	return found(&s, 1, high, NOW);
}

/* Why it is no silence; "" = it is one. */
static const char *
complaint(const struct silence *s)
{
	static struct err e;
	struct diags d;

	diags_init(&d, own);
	return silence_check(s, NOW, own, &d, &e) ? "" : e.text;
}

TEST(matchers_have_the_words_of_the_rules)
{
	fresh();
	CHECK_INT(found_by("resourceName=WEB-01"), 7);
	CHECK_INT(found_by("resourceName=web-*"), 7);
	CHECK_INT(found_by("alertDisplayName|contains=force"), 7);
	CHECK_INT(found_by("alertDisplayName|re=^Brute"), 7);
	CHECK_INT(found_by("severity|gte=Medium"), 7);
	CHECK_INT(found_by("severity=Low"), 0);
	CHECK_INT(found_by("resourceName=db=01"), 0);
}

TEST(all_matchers_must_hold_also_two_about_one_field)
{
	struct str words[] = { STR("alertDisplayName|contains=Brute"),
		STR("alertDisplayName|contains=attack") };
	struct silence s;

	fresh();
	s = silence_of(7, "");
	s.matchers = words;
	s.n_matchers = 2;
	CHECK_INT(found(&s, 1, high, NOW), 7);
	words[1] = STR("alertDisplayName|contains=process");
	CHECK_INT(found(&s, 1, high, NOW), 0);
}

TEST(it_holds_from_its_start_until_its_end)
{
	struct silence s;

	fresh();
	s = silence_of(7, "severity=High");
	CHECK_INT(found(&s, 1, high, s.starts_ms - 1), 0);
	CHECK_INT(found(&s, 1, high, s.starts_ms), 7);
	CHECK_INT(found(&s, 1, high, s.ends_ms - 1), 7);
	CHECK_INT(found(&s, 1, high, s.ends_ms), 0);
	CHECK_STR(str_of(silence_state(&s, s.starts_ms - 1)), "pending");
	CHECK_STR(str_of(silence_state(&s, s.starts_ms)), "active");
	CHECK_STR(str_of(silence_state(&s, s.ends_ms)), "expired");
}

TEST(in_doubt_people_are_told)
{
	fresh();
	/* No number, so it cannot be compared. */
	CHECK_INT(found_by("resourceName|gt=3"), 0);
}

TEST(of_very_many_the_first_that_fits_is_found)
{
	struct silence list[200];

	fresh();
	for (int i = 0; i < 200; i++)
		list[i] = silence_of(
		    i + 1, i == 150 || i == 180 ? "resourceName=web-01" : "resourceName=db-01");
	CHECK_INT(found(list, 200, high, NOW), 151);
	list[150].ends_ms = NOW;
	CHECK_INT(found(list, 200, high, NOW), 181);
}

TEST(what_makes_no_silence_is_refused_in_words)
{
	struct silence s;

	fresh();
	s = silence_of(0, "severity=High");
	CHECK_STR(str_of(complaint(&s)), "");
	s.ends_ms = NOW + SILENCE_LENGTH_MAX_MS + 1;
	CHECK_STR(
	    str_of(complaint(&s)), "a silence holds at most 30d; it can be extended while it does");
	s.ends_ms = NOW;
	CHECK_STR(str_of(complaint(&s)), "it would have ended already");
	s = silence_of(0, "severity=High");
	s.starts_ms = s.ends_ms;
	CHECK_STR(str_of(complaint(&s)), "it would end before it starts");
	s.starts_ms = NOW + SILENCE_AHEAD_MAX_MS + 1;
	s.ends_ms = s.starts_ms + HOUR;
	CHECK_STR(str_of(complaint(&s)), "a silence starts at most 90d ahead");
	s = silence_of(0, "severity=High");
	s.reason = STR_EMPTY;
	CHECK_STR(str_of(complaint(&s)), "a silence needs a reason");
	s = silence_of(0, "resourceGroup");
	CHECK_STR(str_of(complaint(&s)),
	    "matcher:1:1: a matcher is FIELD=VALUE or FIELD|MODIFIER=VALUE, such as "
	    "resourceGroup=rg-lab");
	s = silence_of(0, "severity=~High");
	CHECK_STR(
	    str_of(complaint(&s)), "matcher:1:1: a matcher has the rules' words: FIELD|re=VALUE");
	s = silence_of(0, "severity|exists=false");
	CHECK_STR(str_of(complaint(&s)), "it would silence all alerts that lack the field: one "
					 "matcher must ask for a value");
}

/* ---- plans ---- */

static struct plan
muted(struct step *steps, size_t n)
{
	struct silence s = silence_of(7, "severity=High");
	struct silences *all = silences_new(&s, 1);
	struct alert al = alert_of(high);
	struct guard_facts facts = { .now_ms = NOW, .silences = all };
	struct plan plan = { .steps = steps, .n = n };

	mute_plan(&plan, &al, &facts, own);
	silences_free(all);
	return plan;
}

TEST(notifications_and_pagers_are_held_back_with_the_reason_and_nothing_else_is)
{
	struct step steps[] = { { .action = STR("notify"), .reports = true },
		{ .action = STR("open_ticket"), .pages = true }, { .action = STR("tag_resource") },
		{ .action = STR("isolate_vm"), .disruptive = true, .state = STEP_REFUSED } };

	fresh();
	muted(steps, 4);
	CHECK_INT(steps[0].state, STEP_SUPPRESSED);
	CHECK_INT(steps[0].silence, 7);
	CHECK_STR(steps[0].reason, "silenced by #7 (Ann, until 2025-10-09T09:53:20Z): patch day");
	CHECK_INT(steps[1].state, STEP_SUPPRESSED);
	CHECK_INT(steps[2].state, STEP_WAITING);
	CHECK_INT(steps[3].state, STEP_REFUSED);
}

TEST(what_will_be_changed_or_waits_for_a_person_is_told_under_a_silence)
{
	struct step steps[] = { { .action = STR("notify"), .reports = true },
		{ .action = STR("isolate_vm"), .disruptive = true } };

	fresh();
	muted(steps, 2);
	CHECK_INT(steps[0].state, STEP_WAITING);
	steps[1].state = STEP_APPROVAL;
	muted(steps, 2);
	CHECK_INT(steps[0].state, STEP_WAITING);
	steps[1].state = STEP_SHADOW;
	muted(steps, 2);
	CHECK_INT(steps[0].state, STEP_SUPPRESSED);
	arena_free(own);
	own = NULL;
}
