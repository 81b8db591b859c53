/*
 * Files read and written whole.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* In front of the name of what systemd hands over: systemd.exec(5), LoadCredential. */
#define FILE_CREDENTIAL "credential:"

/*
 * Read a regular file of at most max bytes; "-" is standard input, "credential:NAME" the file NAME
 * in $CREDENTIALS_DIRECTORY.  The text lives in a.
 */
bool file_read(
    const char *path, size_t max, struct arena *a, struct str *text, struct err *e) MUST_CHECK;

/* A secret from a file: one line, white space at its ends removed, never empty. */
bool
file_read_secret(const char *path, struct arena *a, struct str *secret, struct err *e) MUST_CHECK;

/*
 * The files of a folder whose names end in suffix, sorted by name; hidden files are left out.
 * A path that is itself a file gives that one file.  More than max are refused (ERR_INPUT).
 */
bool file_list(const char *path, const char *suffix, size_t max, struct arena *a,
    const char ***paths, size_t *n, struct err *e) MUST_CHECK;

/*
 * Replace a small file as a whole, mode 0600: it is on disk when true is returned, and what was
 * there before stays when it fails.
 */
bool file_write_private(const char *path, struct str text, struct err *e) MUST_CHECK;

/* fsync a folder, so that names made or removed in it survive a power cut. */
bool file_sync_dir(const char *path, struct err *e) MUST_CHECK;

/*
 * Make the folder and its parents (mode 0750), and sync the names of those that were missing; fine
 * when it is there.
 */
bool file_make_dirs(const char *path, struct err *e) MUST_CHECK;

#endif
