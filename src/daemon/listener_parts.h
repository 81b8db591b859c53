/*
 * A listener as listener.c and listener_ask.c see it.
 */
#ifndef DAEMON_LISTENER_PARTS_H
#define DAEMON_LISTENER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/acceptor.h"
#include "daemon/listener.h"
#include "daemon/reaper.h"

struct MHD_Daemon;
struct MHD_Response;

struct listener {
	struct listener_options o; /* numbers only; the texts are the caller's */
	struct listener_handler handler;
	struct tls *tls; /* NULL = plain HTTP */
	struct reaper *reaper;
	struct MHD_Daemon *mhd;
	struct acceptor *acceptor;
	struct MHD_Response *kept; /* what nearly every delivery hears: 200 and nothing else */
	int fd, port;
	atomic_bool draining;
	atomic_int_fast64_t requests, refused, handshakes_failed, overload, overload_ms;
	atomic_int_fast64_t bodies; /* bytes that all of them hold */

	pthread_mutex_t lock; /* of held */
	pthread_cond_t none_held;
	int64_t held;
};

#endif
