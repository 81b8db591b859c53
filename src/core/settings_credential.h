/*
 * The part of the settings that says how we sign in to Azure.
 */
#ifndef CORE_SETTINGS_CREDENTIAL_H
#define CORE_SETTINGS_CREDENTIAL_H

#include "base/diag.h"
#include "base/yaml.h"
#include "core/settings.h"

enum credential_type settings_credential_type(struct str name);
/* What makes no sense together; written is azure.credential in the file, or what is nearest. */
void settings_credential_check(
    const struct settings_azure *z, const struct yaml *written, struct diags *d);

#endif
