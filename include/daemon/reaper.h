/*
 * Deadlines of connections: when one has passed, the socket is shut down and its owner notices as
 * if the client had gone.  A thread of its own watches; libmicrohttpd's timeout counts inactivity
 * only, so that one byte now and then would hold a connection for ever.
 *
 * When there is a crowd, each newcomer displaces another: the longest idle, or else the one whose
 * deadline is next.  Honest clients are done in a fraction of a second, so it is not one of them.
 */
#ifndef DAEMON_REAPER_H
#define DAEMON_REAPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct reaper;
struct watch; /* one connection */

/* Looks every tick_ms while there is anything to watch.  More than `crowd` are a crowd. */
bool reaper_start(int64_t tick_ms, int64_t crowd, struct reaper **out, struct err *e) MUST_CHECK;
void reaper_stop(struct reaper *r); /* nothing may be watched any more */

/* From any thread.  watch_end() must come before the socket is closed. */
struct watch *watch_begin(struct reaper *r, int fd, int64_t limit_ms);
void watch_end(struct watch *w);

/* The next deadline, from now on; replaces the one before. */
void watch_limit(struct watch *w, int64_t limit_ms);
/* As watch_limit() after watch_idle(); a deadline that is running already goes on. */
void watch_busy(struct watch *w, int64_t limit_ms);
/* Between two requests: passing this deadline is not the client's fault and is not counted. */
void watch_idle(struct watch *w, int64_t limit_ms);
/* No deadline until the next call: it is us that the client waits for. */
void watch_pause(struct watch *w);

int64_t reaper_watched(const struct reaper *r);
int64_t reaper_expired(const struct reaper *r);	  /* cut in the middle of something, ever */
int64_t reaper_displaced(const struct reaper *r); /* to make room, ever */

#endif
