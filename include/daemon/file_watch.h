/*
 * Notices that files are replaced or written, by whatever way: in place, renamed over, or by a
 * symbolic link anywhere on the way to them that leads elsewhere now.  Nothing wakes up while
 * nothing happens.  One thread at a time.
 */
#ifndef DAEMON_FILE_WATCH_H
#define DAEMON_FILE_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct file_watch;

/* Names on the way to all files: folders and links.  Real ones have ten or twenty. */
#define FILE_WATCH_NAMES_MAX 256
/* As the kernel has it for one path. */
#define FILE_WATCH_LINKS_MAX 40

bool file_watch_new(struct file_watch **out, struct err *e) MUST_CHECK;
void file_watch_free(struct file_watch *w);

/* Readable when file_watch_take() has something to look at; the same for ever. */
int file_watch_fd(const struct file_watch *w);

/*
 * From now on these files, which need not exist, and no others; the name * stands for each name in
 * its folder.  Call it again after a change and
 * before the files are read: links may lead elsewhere, and what happens later is then not missed.
 * An error says which folder cannot be watched; the others are, and when it is one that may not be
 * read, so is the day when it may.
 */
bool
file_watch_set(struct file_watch *w, const struct str *paths, size_t n, struct err *e) MUST_CHECK;

/* What has happened since: true when it may have changed one of the files.  Does not wait. */
bool file_watch_take(struct file_watch *w);

#endif
