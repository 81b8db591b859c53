/*
 * Tell a channel what happened and what was done about it.  A card that was posted cannot be looked
 * for: after a crash between the post and the commit it comes twice, and never not at all.
 */
#include "action/action.h"

#include <inttypes.h>

#include "action/channel.h"
#include "base/fault.h"
#include "tools.h"

static enum outcome
posted(struct action_env *env, struct step *step, const struct settings_channel *channel,
    const struct channel_answer *answer)
{
	struct json *j = json_object(env->arena);

	json_set_int(j, "status", answer->status, env->arena);
	json_set_cstr(j, "format",
	    channel->format == FORMAT_MESSAGE_CARD ? "message_card" : "adaptive_card", env->arena);
	step->result = json_print(j, env->arena);
	return OUTCOME_DONE;
}

/* Of the alert that began it there is the time and the severity. */
static struct card
digest_of(const struct action_env *env)
{
	return (struct card){ .name = arena_printf(env->arena,
				  "%" PRId64 " action%s refused: a budget is used up", env->digest,
				  env->digest == 1 ? " was" : "s were"),
		.severity = env->alert->severity,
		.status = env->alert->status,
		.time = env->alert->start_time,
		.description = STR("All of them: gridwarden actions list --state refused"),
		.steps = env->steps,
		.n_steps = env->n_steps };
}

static enum outcome
run(struct action_env *env, struct step *step, struct err *e)
{
	const struct settings_channel *channel = settings_channel(env->settings, step->target);
	struct channel_answer answer;
	struct card card = env->digest > 0 ? digest_of(env) : card_of(env);
	bool ok;

	if (channel == NULL) {
		fail(e, ERR_INPUT, "channel '%.*s' is not in the settings any more",
		    STR_ARG(step->target));
		return OUTCOME_NEVER;
	}
	if (settings_links_in(env->settings, channel->name)) {
		card.approvals = env->approvals;
		card.channel = channel->name;
	}
	if (FAULT("action.notify.post"))
		return later(e, 0, "fault ordered at action.notify.post");
	ok = teams_post(env->http, channel, card_print(&card, channel->format, env->arena),
	    env->now_ms, env->arena, &answer, e);
	if (FAULT("action.notify.post.done"))
		return later(e, 0, "fault ordered at action.notify.post.done");
	env->rest_ms = answer.rest_ms;
	if (ok)
		return posted(env, step, channel, &answer);
	fail_in(e, "channel '%.*s'", STR_ARG(channel->name));
	return outcome_of(e);
}

static const struct param params[] = {
	{ .name = "channel",
	    .type = PARAM_TEXT,
	    .required = true,
	    .help = "name of a channel of the settings" },
	{ .name = NULL },
};

static bool
name_of(const struct settings *s, size_t i, struct str *out)
{
	if (i >= s->n_channels)
		return false;
	*out = s->channels[i].name;
	return true;
}

static const char *const permissions[] = { NULL };

extern const struct action action_notify;
const struct action action_notify = {
	.name = "notify",
	.help = "tell a Teams channel what happened, what was done and how to undo it",
	.params = params,
	.shorthand = "channel",
	.named_by = "channel",
	.name_of = name_of,
	.named_what = "channel",
	.permissions = permissions,
	.reports = true,
	.run = run,
};
