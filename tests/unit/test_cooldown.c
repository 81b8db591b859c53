/*
 * Cooldown of rules: what is the same, how long, and what is kept of it.
 */
#include "judge_text.h"

#include <stdio.h>

#include "core/plan.h"

#define HOUR_MS INT64_C(3600000)
#define NOW INT64_C(1800000000000)

static bool has_fired;
static struct rule_fired last;
static char asked_key[100];

static bool
fired(void *ctx, struct str rule, struct str key, struct arena *a, struct rule_fired *out)
{
	(void)ctx, (void)a;
	CHECK_STR(rule, "r");
	snprintf(asked_key, sizeof(asked_key), "%.*s", STR_ARG(key));
	*out = last;
	return has_fired;
}

static int64_t
nothing_done(void *ctx, const struct step_filter *which)
{
	(void)ctx, (void)which;
	return 0;
}

/* What the only rule plans about this alert, with this cooldown. */
static struct plan
plan(const char *keys, const char *alert)
{
	static const struct settings none = { .mode = GUARD_ENFORCE };
	static struct rules *r;
	static struct alert al;
	const struct guard_facts facts = { .now_ms = NOW, .count = nothing_done, .fired = fired };
	char text[1000];
	struct verdict *v;
	struct plan out;
	size_t n;

	rules_free(r);
	al = alert_of(alert);
	snprintf(text, sizeof(text),
	    "rules: [{name: r, match: {severity|gte: Medium}, actions: [{notify: soc}, "
	    "isolate_vm], "
	    "%s}]",
	    keys);
	r = rules_of(text);
	if (r == NULL)
		print_error("%s", complaints());
	CHECK(r != NULL);
	rules_judge(r, &al, NOW, arena, &v, &n);
	asked_key[0] = '\0';
	plan_build(&none, v, n, &al, &facts, arena, &out);
	CHECK_INT(out.n, 2);
	return out;
}

TEST(a_rule_that_fires_begins_its_cooldown)
{
	struct plan p;

	has_fired = false;
	p = plan("cooldown: 1h", ATTACK);
	CHECK_INT(p.steps[0].state, STEP_WAITING);
	CHECK_INT(p.n_firings, 1);
	CHECK_STR(p.firings[0].rule, "r");
	CHECK_STR(p.firings[0].key, asked_key);
	CHECK_INT(p.firings[0].until_ms, NOW + HOUR_MS);
	p = plan("mode: enforce", ATTACK);
	CHECK_INT(p.n_firings, 0);
	CHECK_INT(strlen(asked_key), 0);
}

TEST(within_it_nothing_is_done_and_the_reason_names_the_time_and_the_alert)
{
	struct plan p;

	has_fired = true;
	last = (struct rule_fired){ NOW - HOUR_MS / 2, 17, STR("another") };
	p = plan("cooldown: 1h", ATTACK);
	for (size_t i = 0; i < 2; i++) {
		CHECK_INT(p.steps[i].state, STEP_REFUSED);
		CHECK_STR(p.steps[i].reason, "the rule is in cooldown of 1h since "
					     "2027-01-15T07:30:00Z, because of alert 17");
		CHECK(step_is_quiet(&p.steps[i]));
	}
	CHECK_INT(p.n_firings, 0); /* it does not go on for ever */
	last.at_ms = NOW - HOUR_MS + 1;
	CHECK_INT(plan("cooldown: 1h", ATTACK).steps[0].state, STEP_REFUSED);
	last.at_ms = NOW - HOUR_MS;
	p = plan("cooldown: 1h", ATTACK);
	CHECK_INT(p.steps[0].state, STEP_WAITING);
	CHECK_INT(p.n_firings, 1);
}

TEST(the_alert_that_began_it_is_not_held_back)
{
	char id[ALERT_ID_MAX + 1]; /* an alert lives until the next one */
	struct plan p;

	has_fired = true;
	snprintf(id, sizeof(id), "%.*s", STR_ARG(alert_of(ATTACK).id));
	last = (struct rule_fired){ NOW - 1000, 17, str_of(id) };
	p = plan("cooldown: 1h", ATTACK);
	CHECK_INT(p.steps[0].state, STEP_WAITING);
	CHECK_INT(p.n_firings, 0);
}

TEST(an_alert_that_leaves_the_rule_unsure_begins_none_and_is_held_back_by_one)
{
	static const char odd[] = "{'alertDisplayName':'x','severity':'Critical',"
				  "'resourceIdentifiers':[{'azureResourceId':'" VM "'}]}";
	struct plan p;

	has_fired = false;
	p = plan("cooldown: 1h", odd);
	CHECK_INT(p.steps[0].state, STEP_WAITING);
	CHECK_INT(p.steps[1].state, STEP_REFUSED);
	CHECK_INT(p.n_firings, 0);
	has_fired = true;
	last = (struct rule_fired){ NOW - 1000, 17, STR("another") };
	CHECK_INT(plan("cooldown: 1h", odd).steps[0].state, STEP_REFUSED);
}

static void
key_of(const char *by, const char *alert, char out[100])
{
	char keys[200];

	snprintf(keys, sizeof(keys), "cooldown: 1h, cooldown_by: %s", by);
	has_fired = false;
	(void)plan(keys, alert);
	snprintf(out, 100, "%s", asked_key);
}

#define ALERT(resource, user)                                                           \
	"{'alertDisplayName':'x','severity':'High','extendedProperties':{'user':'" user \
	"'},'resourceIdentifiers':[{'azureResourceId':'" resource "'}]}"

TEST(what_is_the_same_is_told_by_the_fields_without_case)
{
	char one[100], other[100];

	key_of("[resourceId]", ALERT(VM, "ann"), one);
	key_of("resourceId", ALERT(VM_UPPER, "ben"), other);
	CHECK(strcmp(one, other) == 0);
	key_of("resourceId", ALERT(VM "2", "ann"), other);
	CHECK(strcmp(one, other) != 0);
	key_of("[resourceId, extendedProperties.user]", ALERT(VM, "ann"), one);
	key_of("[resourceId, extendedProperties.user]", ALERT(VM, "ANN"), other);
	CHECK(strcmp(one, other) == 0);
	key_of("[resourceId, extendedProperties.user]", ALERT(VM, "ben"), other);
	CHECK(strcmp(one, other) != 0);
	key_of("[]", ALERT(VM, "ann"), one);
	key_of("[]", ALERT(VM "2", "ben"), other);
	CHECK(strlen(one) > 0 && strcmp(one, other) == 0);
}

TEST(an_alert_that_has_none_of_the_fields_is_like_no_other)
{
	struct plan p;

	has_fired = true;
	last = (struct rule_fired){ NOW - 1000, 17, STR("another") };
	p = plan("cooldown: 1h, cooldown_by: [extendedProperties.nothing]", ATTACK);
	CHECK_INT(p.steps[0].state, STEP_WAITING);
	CHECK_INT(p.n_firings, 0);
}

TEST(the_keys_are_checked)
{
#define RULE(keys) "rules: [{name: r, match: {severity: High}, actions: [{notify: soc}], " keys "}]"
	CHECK(rules_of(RULE("cooldown: 1")) == NULL);
	CHECK_HAS(complaints(), "cooldown '1' has no unit, write 30s, 5m, 8h or 2d");
	CHECK(rules_of(RULE("cooldown: 31d")) == NULL);
	CHECK_HAS(complaints(), "cooldown must be from 1s to 30d, not '31d'");
	CHECK(rules_of(RULE("cooldown_by: resourceId")) == NULL);
	CHECK_HAS(complaints(), "r.yaml:1:70: error: there is no cooldown");
	rules_free(rules_of(RULE("cooldown: 1h, cooldown_by: [resourceID, resorceId]")));
	CHECK_INT(diags.errors, 0);
	CHECK_HAS(complaints(),
	    "r.yaml:1:110: warning: no alert has a field 'resorceId' by itself, "
	    "did you mean 'resourceId'?");
}
