/*
 * The part of the settings that says which bearer tokens let a delivery in.
 */
#ifndef CORE_SETTINGS_ENTRA_H
#define CORE_SETTINGS_ENTRA_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/yaml.h"
#include "core/settings.h"

/* From the values of auth.entra, once s->azure is filled; cloud is its name. */
void settings_entra_copy(
    struct settings *s, const struct json *entra, struct str cloud, struct arena *a);
/* What makes no sense together; written is auth.entra in the file. */
void settings_entra_check(const struct settings *s, const struct yaml *written, struct diags *d);

#endif
