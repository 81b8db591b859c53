#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "matcher.h"

/* A hostile text cannot hold the decider: about ten milliseconds and a megabyte at most. */
#define MATCH_LIMIT 200000
#define DEPTH_LIMIT 1000
#define HEAP_LIMIT_KIB 1024

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
};

struct regex *
regex_new(struct str text, size_t *error_at, struct err *e)
{
	struct regex *r;
	PCRE2_UCHAR message[256];
	PCRE2_SIZE at = 0;
	int number;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.p, text.n,
	    PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &number, &at, NULL);

	if (code == NULL) {
		pcre2_get_error_message(number, message, sizeof(message));
		*error_at = at;
		fail(e, ERR_INPUT, "%s", (const char *)message);
		return NULL;
	}
	r = xmalloc(sizeof(*r));
	r->code = code;
	r->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(r->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KIB);
	return r;
}

void
regex_free(struct regex *r)
{
	if (r == NULL)
		return;
	pcre2_match_context_free(r->limits);
	pcre2_code_free(r->code);
	free(r);
}

enum answer
regex_match(const struct regex *r, struct str text)
{
	pcre2_match_data *found = pcre2_match_data_create(1, NULL);
	int rc = pcre2_match(r->code, (PCRE2_SPTR)text.p, text.n, 0, 0, found, r->limits);

	pcre2_match_data_free(found);
	if (rc >= 0)
		return ANSWER_YES;
	return rc == PCRE2_ERROR_NOMATCH ? ANSWER_NO : ANSWER_UNSURE;
}
