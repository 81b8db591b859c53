#include "rule_times.h"

struct rule_times {
	struct time_interval_list active, mute;
};

struct rule_times *
rule_times_read(
    const struct yaml *rule, struct time_intervals *known, struct arena *a, struct diags *d)
{
	const struct yaml *active = yaml_get(rule, "active_time_intervals"),
			  *mute = yaml_get(rule, "mute_time_intervals");
	struct rule_times *t;

	if (active == NULL && mute == NULL)
		return NULL;
	t = arena_alloc(a, sizeof(*t));
	if (active != NULL)
		time_intervals_take(known, active, &t->active, d);
	if (mute != NULL)
		time_intervals_take(known, mute, &t->mute, d);
	return t;
}

bool
rule_is_timed(const struct rule *rule)
{
	return rule->times != NULL && rule->times->active.n + rule->times->mute.n > 0;
}

struct str
rule_times_muted(const struct rule_times *t, int64_t now_ms, struct arena *a)
{
	struct str mute;

	if (t == NULL)
		return STR_EMPTY;
	if (t->active.n > 0 && time_intervals_at(&t->active, now_ms).n == 0)
		return arena_printf(a, "outside of active_time_intervals (%.*s)",
		    STR_ARG(time_intervals_names(&t->active, a)));
	mute = time_intervals_at(&t->mute, now_ms);
	return mute.n == 0 ? STR_EMPTY
			   : arena_printf(a, "in mute_time_intervals (%.*s)", STR_ARG(mute));
}
