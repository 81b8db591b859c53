/*
 * Happy path: the thread sleeps until somebody comes, takes one connection, hands it on.
 * What can go wrong: all places are taken - wait until one is free; one caller has too many - close
 * it; no descriptor or memory for another connection - wait the same way, but not for ever, since
 * the lack may not be ours.
 */
#include "daemon/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/callers.h"

#define LACK_PAUSE_MS 1000

struct acceptor {
	struct acceptor_options o;
	int wake;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	int64_t open;
	struct callers *callers; /* of those that are open */
	bool stop, stopped;
};

/* False: stop. */
static bool
wait_for_room(struct acceptor *a)
{
	bool go_on;

	pthread_mutex_lock(&a->lock);
	while (!a->stop && a->open >= a->o.max)
		pthread_cond_wait(&a->changed, &a->lock);
	go_on = !a->stop;
	pthread_mutex_unlock(&a->lock);
	return go_on;
}

static void
wait_for_caller(struct acceptor *a)
{
	struct pollfd p[] = { { .fd = a->o.fd, .events = POLLIN },
		{ .fd = a->wake, .events = POLLIN } };

	(void)poll(p, 2, -1);
}

/* Something that another connection's end may mend. */
static bool
is_lack(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void
pause_for_lack(struct acceptor *a, int error)
{
	static struct log_gate gate = { .burst = 2 };
	struct timespec until = clock_in_ms(LACK_PAUSE_MS);

	if (log_gate_open(&gate))
		log_warning("connections wait, none can be taken: %s", strerror(error));
	pthread_mutex_lock(&a->lock);
	if (!a->stop)
		pthread_cond_timedwait(&a->changed, &a->lock, &until);
	pthread_mutex_unlock(&a->lock);
}

/* False: this caller has enough. */
static bool
enter(struct acceptor *a, const struct sockaddr *address)
{
	bool fits;

	pthread_mutex_lock(&a->lock);
	fits = callers_enter(a->callers, address);
	if (fits)
		a->open++;
	pthread_mutex_unlock(&a->lock);
	return fits;
}

void
acceptor_ended(struct acceptor *a, const struct sockaddr *address)
{
	pthread_mutex_lock(&a->lock);
	callers_leave(a->callers, address);
	a->open--;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static void
take_one(struct acceptor *a)
{
	struct sockaddr_storage from;
	const struct sockaddr *address = (const struct sockaddr *)&from;
	socklen_t n = sizeof(from);
	int fd = accept4(a->o.fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (is_lack(errno))
			pause_for_lack(a, errno);
		return; /* else the caller is gone, or another process was faster */
	}
	if (!enter(a, address)) /* before: it may end before take() returns */
		close(fd);
	else if (!a->o.take(a->o.ctx, fd, address, n))
		acceptor_ended(a, address);
}

static void *
run(void *arg)
{
	struct acceptor *a = arg;

	while (wait_for_room(a)) {
		wait_for_caller(a);
		take_one(a);
	}
	return NULL;
}

bool
acceptor_start(const struct acceptor_options *o, struct acceptor **out, struct err *e)
{
	struct acceptor *a = xcalloc(1, sizeof(*a));

	a->o = *o;
	a->callers = callers_new(o->caller_max);
	pthread_mutex_init(&a->lock, NULL);
	clock_cond_init(&a->changed);
	a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*out = a; /* before: the first connection may end before we return */
	if (a->wake < 0 || pthread_create(&a->thread, NULL, run, a) != 0) {
		*out = NULL;
		a->stopped = true;
		acceptor_free(a);
		return fail(e, ERR_SYSTEM, "cannot start the thread that takes connections");
	}
	pthread_setname_np(a->thread, "acceptor");
	return true;
}

void
acceptor_stop(struct acceptor *a)
{
	if (a == NULL || a->stopped)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	(void)eventfd_write(a->wake, 1);
	pthread_join(a->thread, NULL);
	a->stopped = true;
}

void
acceptor_free(struct acceptor *a)
{
	if (a == NULL)
		return;
	acceptor_stop(a);
	if (a->wake >= 0)
		close(a->wake);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	callers_free(a->callers);
	free(a);
}
