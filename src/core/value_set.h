/*
 * A list of values to be asked at once: what an answer costs does not grow with the list.
 */
#ifndef CORE_VALUE_SET_H
#define CORE_VALUE_SET_H

#include "core/rules.h"
#include "value_list.h"

/* How a value of the list stands to the text that is asked for. */
enum list_way {
	LIST_WHOLE, /* it is all of it */
	LIST_FRONT,
	LIST_END,
	LIST_INSIDE,
	LIST_RANGE, /* a range of addresses that holds it */
};

/* All values together that are looked for inside of texts: some 60 bytes of memory for each. */
#define LIST_INSIDE_BYTES_MAX ((size_t)1024 * 1024)

struct value_set; /* immutable; many threads may ask it */

/* Borrows the list.  NULL: a value is no range, or there are too many; d says where. */
struct value_set *value_set_new(const struct value_list *list, const struct source *src,
    enum list_way way, bool cased, struct diags *d);
void value_set_free(struct value_set *s);
struct str value_set_path(const struct value_set *s); /* of its file, as a rule writes it */

/* Which line said yes, or would have before it ended. */
struct list_hit {
	const struct list_entry *holds, *ended; /* NULL = none */
};

/*
 * Unsure: the text is no address.  *work as in matcher.h.  *hit is only added to, so that several
 * texts may be asked for one answer.
 */
enum answer value_set_ask(const struct value_set *s, struct str text, int64_t now_ms, int64_t *work,
    struct list_hit *hit);

#endif
