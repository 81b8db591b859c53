/*
 * The listener's certificate follows its files: when they change they are read again, once things
 * are quiet.  Certificate and key are replaced one after the other, so a pair that does not belong
 * together is an error only when it stays so; the pair in use stays until then and afterwards.
 * While the files are no good, or a folder cannot be watched, they are read each minute; nothing is
 * due while all is well.
 *
 * Whoever runs it polls its descriptor and calls renewal_work(); the time is told it.
 */
#ifndef DAEMON_RENEWAL_H
#define DAEMON_RENEWAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/listener.h"

struct renewal;

/* The files are read when nothing has happened to them for so long... */
#define RENEWAL_QUIET_MS 300
/* ...or when something has been happening to them for so long. */
#define RENEWAL_BUSY_MS 3000
/* Files that are no good for so long are an error. */
#define RENEWAL_GRACE_MS 5000
/* What passes without an event, as a lack of descriptors does, is tried again after so long. */
#define RENEWAL_RETRY_MS 60000

/* l must outlive it. */
bool renewal_new(struct listener *l, struct renewal **out, struct err *e) MUST_CHECK;
void renewal_free(struct renewal *r);

/*
 * Follow these files, which have just been put in force by somebody else.  They are read once more,
 * since they may have changed before they could be watched.  Copies the texts.
 */
void renewal_follow(struct renewal *r, const struct tls_files *f, int64_t now_ms);

int renewal_fd(const struct renewal *r);
/* Milliseconds until renewal_work() is to be called, readable or not; -1 = nothing is due. */
int64_t renewal_wait_ms(struct renewal *r, int64_t now_ms);
/* Take what happened and do what is due, and log it.  now_ms is monotonic. */
void renewal_work(struct renewal *r, int64_t now_ms);

struct renewal_figures {
	int64_t failures;   /* files that stayed no good, ever */
	int64_t success_ms; /* wall clock of the last time that files were put in force */
};
void renewal_figures(struct renewal *r, struct renewal_figures *out);

#endif
