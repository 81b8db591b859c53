#include "body.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fault.h"
#include "daemon/listener.h"

#define FIRST ((size_t)8 * 1024)
/* A length that was told saves copies; it is not believed beyond this before it has come. */
#define BELIEVED 65536

void
body_init(struct body *b, atomic_int_fast64_t *all, int64_t max, int64_t told)
{
	*b = (struct body){ .max = (size_t)max, .told = told, .all = all };
}

void
body_free(struct body *b)
{
	if (b->cap == 0)
		return;
	atomic_fetch_sub(b->all, (int_fast64_t)b->cap);
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

static size_t
grown(const struct body *b, size_t need)
{
	size_t cap = b->cap == 0 ? FIRST : b->cap;

	if (b->told >= 0 && b->told <= BELIEVED)
		cap = (size_t)b->told;
	if (cap < need && cap < FIRST)
		cap = FIRST;
	while (cap < need)
		cap *= 2;
	return cap > b->max ? b->max : cap;
}

/* False: all of them together would be too large. */
static bool
claim(struct body *b, int64_t more)
{
	if (FAULT("listener.body"))
		return false;
	if (atomic_fetch_add(b->all, more) + more <= LISTENER_BODIES_MAX)
		return true;
	atomic_fetch_sub(b->all, more);
	return false;
}

enum body_added
body_add(struct body *b, const char *data, size_t n)
{
	size_t cap = b->cap;

	if (n > b->max - b->n)
		return BODY_TOO_LARGE;
	if (b->n + n > cap) {
		cap = grown(b, b->n + n);
		if (!claim(b, (int64_t)(cap - b->cap)))
			return BODY_NO_MEMORY;
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	memcpy(b->p + b->n, data, n);
	b->n += n;
	return BODY_OK;
}
