#include "core/containment.h"

#include "base/json.h"

static const struct json *
result_of(const struct step *s, struct arena *a)
{
	struct err ignored;

	return s->result.n == 0 ? NULL : json_parse(s->result, a, &ignored);
}

static const char *
state_forward(const struct step *s, struct arena *a)
{
	const struct json *proof = json_get(result_of(s, a), "proof");

	switch (s->state) {
	case STEP_APPROVAL:
		return "planned";
	case STEP_WAITING:
		if (s->attempts == 0)
			return "planned";
		/* What is asked already is cut off. */
		return proof == NULL ? "applying" : "isolated";
	case STEP_RUNNING:
		return proof == NULL ? "applying" : "isolated";
	case STEP_DONE:
		return str_is(json_text(json_get(proof, "state")), "verified") ? "verified"
									       : "isolated";
	case STEP_FAILED:
		return "failed";
	case STEP_REFUSED:
	case STEP_SUPPRESSED:
	case STEP_SHADOW:
		break;
	}
	return NULL;
}

/* NULL: this way back does not say, what was before still holds. */
static const char *
state_back(const struct step *undo, int64_t now_ms, struct arena *a)
{
	switch (undo->state) {
	case STEP_DONE:
		return "released";
	case STEP_RUNNING:
		return "releasing";
	case STEP_WAITING:
		return undo->attempts > 0 || undo->due_ms <= now_ms ? "releasing" : NULL;
	case STEP_FAILED:
		return json_count(json_get(result_of(undo, a), "drifted")) > 0 ? "drifted"
									       : "failed";
	case STEP_APPROVAL:
	case STEP_REFUSED:
	case STEP_SUPPRESSED:
	case STEP_SHADOW:
		break;
	}
	return NULL;
}

void
containment_of(const struct step *s, const struct step *undos, size_t n, int64_t now_ms,
    struct arena *a, struct containment *out)
{
	*out = (struct containment){ .state = state_forward(s, a) };
	for (size_t i = 0; i < n; i++) {
		const char *back = state_back(&undos[i], now_ms, a);

		out->undo = undos[i].id;
		if (back != NULL)
			out->state = back;
		else if (undos[i].state == STEP_WAITING)
			out->expires_ms = undos[i].due_ms;
		if (undos[i].state == STEP_DONE)
			return; /* free; what else was tried before does not matter */
	}
}
