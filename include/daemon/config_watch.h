/*
 * Notices that settings or rules have changed, so that they are read again without a signal: the
 * settings file, the rule file or every name in its folder, what links in there lead to, lists that
 * rules name, and the folders of their tests' alerts.  A change is taken when things have been
 * quiet for a moment: editors write in steps, and so does whoever puts several files in place.
 *
 * Whoever runs it polls its descriptor and asks config_watch_due(); the time is told it.
 */
#ifndef DAEMON_CONFIG_WATCH_H
#define DAEMON_CONFIG_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "daemon/load.h"

struct config_watch;

/* The files are read when nothing has happened to them for so long... */
#define CONFIG_QUIET_MS 1000
/* ...or when something has been happening to them for so long. */
#define CONFIG_BUSY_MS 10000
/* Where a folder cannot be watched they are read after so long, again and again. */
#define CONFIG_RETRY_MS 60000

bool config_watch_new(const char *settings, struct config_watch **out, struct err *e) MUST_CHECK;
void config_watch_free(struct config_watch *w);

/*
 * From now on what c was read from, which is in force.  If that is another set of files they are
 * due once more, as they may have changed before they could be watched.
 */
void config_watch_follow(struct config_watch *w, const struct config *c, int64_t now_ms);

int config_watch_fd(const struct config_watch *w);
/* Milliseconds until config_watch_due() is to be asked, readable or not; -1 = nothing is due. */
int64_t config_watch_wait_ms(const struct config_watch *w, int64_t now_ms);
/* Take what happened.  True: read them now.  now_ms is monotonic. */
bool config_watch_due(struct config_watch *w, int64_t now_ms);

#endif
