/*
 * Rows of the store as JSON, for the command line.
 */
#ifndef DAEMON_ADMIN_ROWS_H
#define DAEMON_ADMIN_ROWS_H

#include "base/arena.h"
#include "base/json.h"
#include "store/store.h"

struct json *row_of_step(const struct step *s, struct arena *a);
struct json *row_of_alert(const struct alert_row *r, struct arena *a);
struct json *row_of_call(const struct step_call *c, struct arena *a);

/* Null when it is never. */
void row_set_time(struct json *j, const char *name, int64_t ms, struct arena *a);
/* Stored JSON text as a value; what cannot be read is shown as the text it is. */
void row_set_stored(struct json *j, const char *name, struct str text, struct arena *a);
/* Of a step that contains a machine, how that stands. */
bool row_set_containment(
    struct json *j, struct store *store, const struct step *s, struct arena *a, struct err *e);
/* Who said what about a step that is or was held. */
bool row_set_approvals(
    struct json *j, struct store *store, const struct step *s, struct arena *a, struct err *e);

#endif
