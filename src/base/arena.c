#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

#define BLOCK_MIN 8192
#define GROW_FROM 4 /* items */

/* Under AddressSanitizer a fence stands behind each piece: reading past its end is seen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_FENCE 16
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_FENCE 16
#endif
#ifdef ARENA_FENCE
#include <sanitizer/asan_interface.h>
#else
#define ARENA_FENCE 0
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *head; /* the block in use; older ones behind it */
};

static void
out_of_memory(void)
{
	static const char text[] = "gridwarden: out of memory\n";

	(void)!fwrite(text, 1, sizeof(text) - 1, stderr);
	abort();
}

void *
xmalloc(size_t size)
{
	void *p = malloc(size == 0 ? 1 : size);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *
xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size == 0 ? 1 : size);

	if (p == NULL)
		out_of_memory();
	return p;
}

char *
xstrndup(struct str s)
{
	char *p = xmalloc(s.n + 1);

	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

char *
xstrdup(const char *s)
{
	return xstrndup(str_of(s));
}

static struct block *
block_new(size_t size, struct block *next)
{
	struct block *b = xmalloc(sizeof(*b) + size);

	b->next = next;
	b->size = size;
	b->used = 0;
	ASAN_POISON_MEMORY_REGION(b->bytes, size);
	return b;
}

struct arena *
arena_new(void)
{
	struct arena *a = xmalloc(sizeof(*a));

	a->head = block_new(BLOCK_MIN, NULL);
	return a;
}

void
arena_reset(struct arena *a)
{
	while (a->head->next != NULL) {
		struct block *b = a->head;

		a->head = b->next;
		free(b);
	}
	a->head->used = 0;
	ASAN_POISON_MEMORY_REGION(a->head->bytes, a->head->size);
}

void
arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	arena_reset(a);
	free(a->head);
	free(a);
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t need;
	void *p;

	if (size > SIZE_MAX / 2)
		out_of_memory();
	need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	need += ARENA_FENCE;
	if (a->head->size - a->head->used < need)
		a->head = block_new(need > BLOCK_MIN ? need : BLOCK_MIN, a->head);
	p = a->head->bytes + a->head->used;
	a->head->used += need;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	memset(p, 0, size);
	return p;
}

void *
arena_grow(struct arena *a, void *list, size_t n, size_t *cap, size_t size)
{
	void *grown;

	if (n < *cap)
		return list;
	*cap = *cap == 0 ? GROW_FROM : 2 * *cap;
	grown = arena_alloc(a, *cap * size);
	if (n > 0)
		memcpy(grown, list, n * size);
	return grown;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n > 0) /* an empty one may have no address */
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

struct str *
arena_strs(struct arena *a, const struct str *list, size_t n)
{
	struct str *copy = arena_alloc(a, n * sizeof(*copy));

	for (size_t i = 0; i < n; i++)
		copy[i] = arena_str(a, list[i]);
	return copy;
}

struct str
arena_lower(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		p[i] = ascii_lower(s.p[i]);
	return (struct str){ p, s.n };
}

const char *
arena_cstr(struct arena *a, struct str s)
{
	return arena_str(a, s).p;
}

struct str
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *p;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){ p, (size_t)n };
}
