/*
 * Work that any thread may ask for and that one thread does, so that it is done by nobody else at
 * the same time: who asks waits for the answer.
 */
#ifndef DAEMON_ERRAND_H
#define DAEMON_ERRAND_H

#include <stdbool.h>

#include "base/err.h"

struct errand;

bool errand_new(struct errand **out, struct err *e) MUST_CHECK;
void errand_free(struct errand *x); /* nobody asks any more; NULL is fine */

/* For the thread that does it: readable when somebody has asked. */
int errand_fd(const struct errand *x);
/*
 * Done once for all who have asked before it begins.  *words: what run() has to say besides, to be
 * freed; may stay NULL.
 */
typedef bool errand_run(void *ctx, char **words, struct err *e);
void errand_do(struct errand *x, errand_run *run, void *ctx);
/* Nobody does it from now on: who waits, and who asks later, is told so.  NULL is fine. */
void errand_close(struct errand *x);

/* Any other thread.  What run() has answered; *words is the caller's, or NULL. */
bool errand_ask(struct errand *x, char **words, struct err *e) MUST_CHECK;

#endif
