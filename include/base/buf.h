/*
 * Text that grows up to a ceiling.  Append freely and ask buf_over() once at the end: over the
 * ceiling nothing more is stored and the buffer stays over.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct buf {
	char *p; /* always NUL-terminated once something was appended */
	size_t n;
	size_t cap;
	size_t max;
	bool over;
};

void buf_init(struct buf *b, size_t max); /* max: bytes of text, without the NUL */
void buf_done(struct buf *b);		  /* frees; the buf may be initialised again */
void buf_reset(struct buf *b);		  /* empties, keeps the memory */

void buf_add(struct buf *b, struct str s);
void buf_add_cstr(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_add_utf8(struct buf *b, uint32_t c); /* c: a Unicode code point */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

bool buf_over(const struct buf *b);
struct str buf_str(const struct buf *b); /* borrowed until the next change */
const char *buf_cstr(const struct buf *b);
struct str buf_to_arena(struct buf *b, struct arena *a); /* a copy of the text; b is done */
char *buf_take(struct buf *b); /* the text, owned by the caller now, to free(); b is empty */

#endif
