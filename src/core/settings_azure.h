/*
 * The part of the settings that says where Azure is and how to sign in to it.
 */
#ifndef CORE_SETTINGS_AZURE_H
#define CORE_SETTINGS_AZURE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/yaml.h"
#include "core/settings.h"

/* From the values of azure; written is azure in the file, or NULL; folder is that of the file. */
void settings_azure_copy(struct settings *s, const struct json *azure, const struct yaml *written,
    const char *folder, struct arena *a);
/* What makes no sense together. */
void settings_azure_check(const struct settings *s, const struct yaml *written, struct diags *d);

#endif
