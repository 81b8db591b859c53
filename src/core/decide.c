#include "core/decide.h"

#include "core/mute.h"
#include "core/source_list.h"

static void
keep_only(struct str rule, struct decided *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->verdicts[i].rule->name, rule))
			out->verdicts[kept++] = out->verdicts[i];
	out->n = kept;
}

static void
judge(const struct decide_by *by, struct arena *a, struct decided *out)
{
	const struct past *past = by->past == NULL ? &past_nothing : by->past;
	struct judged judged;

	if (by->explains)
		rules_judge_all_after(by->rules, out->alert, by->facts->now_ms, past, a, &judged);
	else
		rules_judge_after(by->rules, out->alert, by->facts->now_ms, past, a, &judged);
	out->verdicts = judged.verdicts;
	out->n = judged.n;
	out->not_asked = judged.left_out;
	out->counted = judged.counted;
	if (by->only.n > 0)
		keep_only(by->only, out);
	plan_build(by->settings, out->verdicts, out->n, out->alert, by->facts, a, &out->plan);
	mute_plan(&out->plan, out->alert, by->facts, a);
}

void
decide_event(
    const struct decide_by *by, const struct event *ev, struct arena *a, struct decided *out)
{
	struct alert *al;
	struct err e;

	*out = (struct decided){ .state = EVENT_STATE_UNREADABLE, .reason = ev->reason };
	if (ev->kind == EVENT_UNREADABLE)
		return;
	if (!source_list_allows(&by->settings->auth, ev, a, &out->reason)) {
		out->state = EVENT_STATE_REFUSED;
		return;
	}
	if (ev->kind != EVENT_NOTIFICATION) {
		out->state = EVENT_STATE_NOTICE;
		return;
	}
	al = arena_alloc(a, sizeof(*al));
	if (!alert_parse(ev, a, al, &e)) {
		out->reason = arena_str(a, str_of(e.text));
		return;
	}
	out->state = EVENT_STATE_DECIDED;
	out->alert = al;
	judge(by, a, out);
}
