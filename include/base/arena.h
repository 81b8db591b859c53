/*
 * One job's memory, freed at once.  Out of memory ends the process (that is safe: what was
 * answered 200 is on disk), so nothing here returns NULL.  An arena belongs to one thread.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);
void arena_reset(struct arena *a); /* frees what was handed out, keeps one block for the next job */

void *arena_alloc(struct arena *a, size_t size);     /* zeroed, aligned for any type */
struct str arena_str(struct arena *a, struct str s); /* a copy, NUL-terminated behind its end */
struct str *arena_strs(struct arena *a, const struct str *list, size_t n); /* each copied so */
struct str
arena_lower(struct arena *a, struct str s); /* the same, its ASCII letters in lower case */
const char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Room for one more behind the n items of `size` bytes of a list with room for *cap: the list
 * itself, or a copy of it with twice the room.  NULL, 0 and a *cap of 0 begin one.
 */
void *arena_grow(struct arena *a, void *list, size_t n, size_t *cap, size_t size) MUST_CHECK;

/* malloc and friends that end the process instead of returning NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(struct str s);

#endif
