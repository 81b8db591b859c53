/*
 * PCRE2's own match limit counts anew at each place where a match may start, so a long text could
 * still hold the decider for minutes.  A callout before each item of the pattern sees every step
 * and how far it moved; one sum bounds the whole search.  PCRE2's limits stay as a second fence.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "matcher.h"

#define MATCH_LIMIT 200000
#define DEPTH_LIMIT 10000
#define HEAP_LIMIT_KIB 4096
#define PARENS_MAX 100

struct regex {
	pcre2_code *code;
};

static pcre2_code *
compile(struct str text, unsigned flags, int *number, size_t *at)
{
	uint32_t options = (flags & FLAG_RE_CASELESS ? PCRE2_CASELESS : 0) |
			   (flags & FLAG_RE_LINES ? PCRE2_MULTILINE : 0) |
			   (flags & FLAG_RE_DOT_ALL ? PCRE2_DOTALL : 0);
	pcre2_compile_context *ctx = pcre2_compile_context_create(NULL);
	pcre2_code *code;

	if (ctx == NULL)
		abort(); /* out of memory */
	pcre2_set_max_pattern_length(ctx, REGEX_PATTERN_MAX);
	pcre2_set_parens_nest_limit(ctx, PARENS_MAX);
	code = pcre2_compile((PCRE2_SPTR)text.p, text.n,
	    options | PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
		PCRE2_AUTO_CALLOUT,
	    number, at, ctx);
	pcre2_compile_context_free(ctx);
	return code;
}

struct regex *
regex_new(struct str text, unsigned flags, size_t *error_at, struct err *e)
{
	struct regex *r;
	PCRE2_UCHAR message[256];
	PCRE2_SIZE at = 0;
	int number;
	pcre2_code *code = compile(text, flags, &number, &at);

	if (code == NULL) {
		pcre2_get_error_message(number, message, sizeof(message));
		*error_at = at;
		fail(e, ERR_INPUT, "%s", (const char *)message);
		return NULL;
	}
	r = xmalloc(sizeof(*r));
	r->code = code;
	return r;
}

void
regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	pcre2_code_free(r->code);
	free(r);
}

struct meter {
	int64_t left;
	size_t at; /* where the last step stood */
};

static int
spend(pcre2_callout_block *block, void *arg)
{
	struct meter *m = arg;
	size_t now = block->current_position;

	m->left -= 1 + (int64_t)(now > m->at ? now - m->at : m->at - now);
	m->at = now;
	return m->left < 0 ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static int
search(const struct regex *r, struct str text, struct meter *meter)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *found = pcre2_match_data_create(1, NULL);
	int rc;

	if (limits == NULL || found == NULL)
		abort(); /* out of memory */
	pcre2_set_match_limit(limits, MATCH_LIMIT);
	pcre2_set_depth_limit(limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
	pcre2_set_callout(limits, spend, meter);
	rc = pcre2_match(r->code, (PCRE2_SPTR)text.p, text.n, 0, 0, found, limits);
	pcre2_match_data_free(found);
	pcre2_match_context_free(limits);
	return rc;
}

enum answer
regex_match(const struct regex *r, struct str text, int64_t *work)
{
	/* PCRE2 looks for a possible start without a callout: the text is paid for in advance. */
	struct meter meter = { *work - (int64_t)text.n, 0 };
	int rc = meter.left < 0 ? PCRE2_ERROR_MATCHLIMIT : search(r, text, &meter);

	*work = meter.left;
	if (rc >= 0)
		return ANSWER_YES;
	return rc == PCRE2_ERROR_NOMATCH ? ANSWER_NO : ANSWER_UNSURE;
}
