/*
 * What others may ask of a listener while it runs: nothing of libmicrohttpd.
 */
#include "listener_parts.h"

int
listener_port(const struct listener *l)
{
	return l->port;
}

bool
listener_set_tls(struct listener *l, const struct tls_files *f, struct err *e)
{
	if (l->tls == NULL)
		return f->certificate.n == 0 ||
		       fail(e, ERR_INPUT, "the listener was started for plain HTTP: restart it");
	if (f->certificate.n == 0)
		return fail(e, ERR_INPUT, "the listener was started for HTTPS: restart it");
	return tls_set(l->tls, f, e);
}

int64_t
listener_certificate_expires_ms(const struct listener *l)
{
	return l->tls == NULL ? 0 : tls_expires_ms(l->tls);
}

uint64_t
listener_tls_number(const struct listener *l)
{
	return l->tls == NULL ? 0 : tls_number(l->tls);
}

void
listener_figures(struct listener *l, struct listener_figures *out)
{
	pthread_mutex_lock(&l->lock);
	out->held = l->held;
	pthread_mutex_unlock(&l->lock);
	out->connections = reaper_watched(l->reaper);
	out->requests = atomic_load(&l->requests);
	out->refused = atomic_load(&l->refused);
	out->expired = reaper_expired(l->reaper);
	out->handshakes_failed = atomic_load(&l->handshakes_failed);
	out->displaced = reaper_displaced(l->reaper);
	out->overload = atomic_load(&l->overload);
	out->overload_ms = atomic_load(&l->overload_ms);
}
