/*
 * The stored reason of a decision: how each rule was asked, as JSON, and as sentences for the card.
 *
 *	{"rules":[{"rule":"isolate","file":"10-vm.yaml","line":4,"answer":"no","conditions":[
 *	  {"field":"severity","wanted":"High","seen":"Low","answer":"no","stopped":true},
 *	  {"field":"alertType","wanted":"x","answer":"not asked"}]}],"left_out":0}
 *
 * Of a rule with named selections also "condition", and "selections" with their answers.  When a
 * rule with `stop` fired: "not_reached":{"stopped_by":"isolate","rules":2,"first":["a","b"]}.
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "core/card.h"
#include "core/decide.h"
#include "core/rules.h"

/* Rules that said yes or unsure are always kept; of the others as many as fit. */
#define TRACE_BYTES_MAX (32 * 1024)

/* not_asked: rules that could only say no, and are among those left out. */
struct json *trace_json(const struct verdict *v, size_t nv, size_t not_asked, struct arena *a);

/* Of rules behind one that stops, so many are named. */
#define TRACE_NOT_REACHED_MAX 20

/* All of it, of an event that was decided by these rules. */
struct json *trace_of(const struct decided *d, const struct rules *rules, struct arena *a);

/* Rules that fired (or were unsure), each with the conditions that held, in words. */
void trace_reasons(const struct json *trace, struct arena *a, struct verdict_text **out, size_t *n);

/*
 * "alertDisplayName|contains" and what is wanted as a phrase: "alertDisplayName contains ...".
 * Without a field what is wanted is a phrase already.
 */
void trace_phrase(struct str field, struct str wanted, struct buf *out);

#endif
