/*
 * posture score: the classic secure score, of several subscriptions side by side.
 */
#include "azure/secure_score.h"
#include "cmd/posture.h"

struct score {
	struct posture posture;
	bool controls;
	struct output out;
};

static const struct option_row options[] = { { "controls", 'C', false }, POSTURE_OPTIONS };

static const struct column scores[] = { { "SUBSCRIPTION", "subscription", 0, false },
	{ "SCORE", "score", 0, false }, { "CURRENT", "current", 0, false },
	{ "MAX", "max", 0, false }, { "PERCENT", "percent", 0, false } };

static const struct column controls[] = { { "SUBSCRIPTION", "subscription", 0, false },
	{ "CONTROL", "score", 60, false }, { "CURRENT", "current", 0, false },
	{ "MAX", "max", 0, false }, { "PERCENT", "percent", 0, false },
	{ "HEALTHY", "healthy", 0, false }, { "UNHEALTHY", "unhealthy", 0, false } };

/* Azure's own figures, without the digits that binary fractions add. */
static void
set_number(struct json *row, const char *name, double n, struct arena *a)
{
	struct err never;
	struct json *j = json_parse(arena_printf(a, "%.4g", n), a, &never);

	json_set(row, name, j == NULL ? json_null(a) : j, a);
}

static void
put(struct score *s, struct str subscription, const struct json *item)
{
	struct arena *a = s->posture.page;
	struct json *row = json_object(a);
	struct secure_score one;

	secure_score_read(item, &one);
	json_set_str(row, "subscription", subscription, a);
	json_set_str(row, "score", one.name, a);
	set_number(row, "current", one.current, a);
	set_number(row, "max", one.max, a);
	set_number(row, "percent", 100 * one.percentage, a);
	if (s->controls) {
		json_set_int(row, "healthy", one.healthy, a);
		json_set_int(row, "unhealthy", one.unhealthy, a);
	}
	output_put(&s->out, row);
}

static bool
of_subscription(struct score *s, struct str subscription, struct err *e)
{
	struct posture *p = &s->posture;
	struct str path =
	    posture_path(p, subscription, s->controls ? SECURE_SCORE_CONTROLS : SECURE_SCORES);
	const struct json *items;
	struct arm_pages pages;
	bool ok;

	arm_pages_begin(&p->arm, path, NULL, SECURE_SCORE_API_VERSION, p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL)
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			put(s, subscription, j);
	arm_pages_done(&pages);
	return ok;
}

static int
score(struct score *s)
{
	int code = EXIT_OK;
	struct err e;

	fputs("This is the classic secure score; the portal's Cloud Secure Score is reckoned by "
	      "risk and has no API.\n",
	    stderr);
	if (s->controls)
		output_begin(
		    &s->out, controls, sizeof(controls) / sizeof(controls[0]), s->posture.format);
	else
		output_begin(
		    &s->out, scores, sizeof(scores) / sizeof(scores[0]), s->posture.format);
	for (size_t i = 0; i < s->posture.n_subscriptions; i++)
		if (!of_subscription(s, s->posture.subscriptions[i], &e))
			code = posture_failed(&s->posture, &e);
	output_end(&s->out);
	return code;
}

static bool
take(void *ctx, int key, const char *value)
{
	struct score *s = ctx;

	if (key != 'C')
		return posture_take(&s->posture, key, value);
	s->controls = true;
	return true;
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct score s = { .controls = false };
	int code;

	posture_init(&s.posture, self);
	if (posture_options(&s.posture, options, argc, argv, take, &s, &code) &&
	    posture_takes_none(&s.posture, argc) && posture_open(&s.posture, &code))
		code = score(&s);
	posture_close(&s.posture);
	return code;
}

const struct command posture_score = {
	.name = "posture score",
	.summary = "the secure score, and the controls it is made of",
	.usage = "[OPTION]...\n"
		 "\n"
		 "      --controls           each control with its resources\n" POSTURE_USAGE,
	.run = run,
};
