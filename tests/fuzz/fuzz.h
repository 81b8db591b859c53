/*
 * What a fuzz target needs: FUZZ(input) is its body, called with bytes that nobody wrote on
 * purpose; MUST() says what holds whatever they are.  Each file fuzz_*.c becomes one program.
 *
 * `input` is a piece of memory of its own, without a NUL behind it, and `arena` is freed after each
 * run: reading past either is seen by AddressSanitizer.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define FUZZ(input)                                                         \
	static void fuzz(struct str input, struct arena *arena);            \
	int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)          \
	{                                                                   \
		struct arena *arena = arena_new();                          \
		struct str text = { n == 0 ? "" : (const char *)bytes, n }; \
                                                                            \
		fuzz(text, arena);                                          \
		arena_free(arena);                                          \
		return 0;                                                   \
	}                                                                   \
	static void fuzz(struct str input, struct arena *arena __attribute__((unused)))

/* A promise of a header: the run ends here when it does not hold. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(                                                                   \
			    stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The next line of an input that has parts; empty when there is none. */
static inline struct str
take_line(struct str *rest)
{
	struct str line = STR_EMPTY;

	if (rest->n == 0 || !str_next(rest, '\n', &line))
		return STR_EMPTY;
	if (rest->p == NULL)
		*rest = STR_EMPTY;
	return line;
}

static inline bool
is_utf8(struct str s)
{
	for (size_t i = 0, n; i < s.n; i += n)
		if ((n = utf8_sequence(str_slice(s, i, s.n))) == 0)
			return false;
	return true;
}

/* Is it a slice of that text? */
static inline bool
is_within(struct str slice, struct str text)
{
	return slice.p >= text.p && slice.p + slice.n <= text.p + text.n;
}

/* ---- the other end of http_call(), see scripted_http.c ---- */

/*
 * From here on http_call() answers with these bytes, one answer after the other; when there are no
 * more, no answer comes.  Each answer is lines: a status, headers, an empty line, then the body up
 * to a line "----".
 */
void scripted_answers(struct str text);
/* Called with each request before it is answered; NULL = nobody looks. */
extern void (*scripted_look)(const struct http_request *rq);

#endif
