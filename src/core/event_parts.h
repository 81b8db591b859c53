/*
 * Small pieces between event.c and event_headers.c.
 */
#ifndef CORE_EVENT_PARTS_H
#define CORE_EVENT_PARTS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * A header's value as UTF-8: the same before and after the journal, which holds nothing else.  May
 * be value itself.
 */
struct str header_mended(struct str value, struct arena *a);

/* A header's value as CloudEvents writes it: percent-encoded UTF-8.  The result is UTF-8. */
struct str header_text(struct str value, struct arena *a);

#endif
