/*
 * The part of the settings that says how people approve what is held.
 */
#ifndef CORE_SETTINGS_APPROVALS_H
#define CORE_SETTINGS_APPROVALS_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/yaml.h"
#include "core/settings.h"

/*
 * From the values of `approvals`, once s->listen is filled; written is `approvals` in the file,
 * whose folder that is.
 */
void settings_approvals_copy(struct settings *s, const struct json *approvals,
    const struct yaml *written, const char *folder, struct arena *a);
/* What makes no sense together, once s->channels is filled; written is `approvals` in the file. */
void settings_approvals_check(
    const struct settings *s, const struct yaml *written, struct arena *a, struct diags *d);

#endif
