/*
 * What links to the page of approvals are made with: its URL, and the key that they are signed
 * with.
 *
 * The key is made at first use and kept beside the database, mode 0600, with the number of answers
 * that the database had.  A database that has had fewer was put back from a backup: it may have
 * forgotten that a link was used, so another key is made and older links are nobody's.  So it is
 * when the file is gone, damaged or readable by others.
 */
#ifndef DAEMON_APPROVAL_LINKS_H
#define DAEMON_APPROVAL_LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/approval.h"
#include "core/settings.h"
#include "store/store.h"

struct approval_links;

/* A secret that links depend on (approvals.key_file) is not shorter. */
#define APPROVAL_SECRET_MIN 16

struct approval_links *approval_links_new(void);
void approval_links_free(struct approval_links *l);

/* The key that the settings ask for.  Nothing is in force by this. */
bool approval_key_read(struct approval_links *l, const struct settings *s, struct store *store,
    unsigned char key[APPROVAL_KEY_SIZE], struct err *e) MUST_CHECK;
/* From now on links lead there.  url NULL: there are none.  Any thread, as for the next two. */
void approval_links_set(
    struct approval_links *l, const struct str *url, const unsigned char key[APPROVAL_KEY_SIZE]);
/* There were so many answers by now: the next start knows.  What fails is logged. */
void approval_links_note(struct approval_links *l, const struct settings *s, int64_t answers);
/* NULL when there are none, and of no links; in the arena. */
const struct approval_page *approval_links_get(struct approval_links *l, struct arena *a);

#endif
