/*
 * Texts of the settings as the rest of the program wants them.
 */
#ifndef CORE_SETTINGS_TEXT_H
#define CORE_SETTINGS_TEXT_H

#include "base/arena.h"
#include "base/str.h"

/* Relative paths are relative to the folder of the settings file.  "" stays empty. */
struct str settings_path(struct str path, const char *folder, struct arena *a);
/* The same of a file that is read whole: systemd may hand it over ("credential:NAME"). */
struct str settings_readable(struct str path, const char *folder, struct arena *a);

#endif
