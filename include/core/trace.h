/*
 * The stored reason of a decision: verdicts as JSON, and as sentences for the card.
 *
 *	{"rules":[{"rule":"isolate","file":"10-vm.yaml","line":4,"answer":"yes","conditions":[
 *	  {"field":"severity","wanted":"High","seen":"High","answer":"yes"}]}],"left_out":0}
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "core/card.h"
#include "core/rules.h"

/* Rules that said yes or unsure are always kept; of the others as many as fit. */
#define TRACE_BYTES_MAX (32 * 1024)

/* not_asked: rules that could only say no, and are among those left out. */
struct json *trace_json(const struct verdict *v, size_t nv, size_t not_asked, struct arena *a);

/* Rules that fired (or were unsure), each with the conditions that held, in words. */
void trace_reasons(const struct json *trace, struct arena *a, struct verdict_text **out, size_t *n);

/* "alertDisplayName|contains" and what is wanted as a phrase: "alertDisplayName contains ...". */
void trace_phrase(struct str field, struct str wanted, struct buf *out);

#endif
