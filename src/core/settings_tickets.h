/*
 * The part of the settings that says where tickets are opened.
 */
#ifndef CORE_SETTINGS_TICKETS_H
#define CORE_SETTINGS_TICKETS_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/yaml.h"
#include "core/settings.h"

/* From the values of `tickets`; folder is that of the settings file. */
void settings_tickets_copy(
    struct settings *s, const struct json *tickets, const char *folder, struct arena *a);
/* What makes no sense together; written is `tickets` in the file. */
void settings_tickets_check(
    const struct settings *s, const struct yaml *written, struct arena *a, struct diags *d);

#endif
