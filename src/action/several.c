#include "several.h"

#include "tools.h"

void
several_init(struct several *s)
{
	*s = (struct several){ .wait_ms = -1 };
}

void
several_trouble(struct several *s, const struct err *e)
{
	bool hopeless = outcome_of(e) == OUTCOME_NEVER;

	if ((hopeless && !s->hopeless) || (!s->passing && !s->hopeless))
		s->e = *e;
	s->hopeless = s->hopeless || hopeless;
	s->passing = s->passing || !hopeless;
}

void
several_wait(struct several *s, struct str of, int64_t ms)
{
	if (s->wait_ms < 0 || ms < s->wait_ms)
		s->wait_ms = ms;
	s->of = of;
}

enum outcome
several_outcome(const struct several *s, struct err *e)
{
	if (s->hopeless || s->passing) {
		*e = s->e;
		return s->hopeless ? OUTCOME_NEVER : OUTCOME_LATER;
	}
	if (s->wait_ms >= 0)
		return later(
		    e, s->wait_ms, "waiting for Azure to change %.*s", STR_ARG(str_leaf(s->of)));
	return OUTCOME_DONE;
}
