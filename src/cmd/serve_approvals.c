/*
 * The page of approvals: a listener of its own, so that neither can harm the other.
 *
 * What can go wrong: its address is taken, its certificate or its key is no good - the daemon runs
 * without it, cards hold no links, and the next reload tries again.
 */
#include "base/clock.h"
#include "base/log.h"
#include "server.h"

static struct tls_files
files_of(const struct settings *s)
{
	return (struct tls_files){ .certificate = s->approvals.certificate,
		.private_key = s->approvals.private_key,
		.client_ca = STR_EMPTY };
}

static bool
start(struct server *sv, const struct settings *s, struct err *e)
{
	struct listener_options lo = { .address = s->approvals.address,
		.socket = sv->approvals_socket,
		.tls = files_of(s),
		.body_max = APPROVALS_BODY_MAX,
		.connections_max = APPROVALS_CONNECTIONS_MAX,
		.per_address_max = APPROVALS_CONNECTIONS_MAX,
		.threads = 1 };
	struct listener_handler handler = approvals_handler(sv->approvals);
	struct tls_files files = files_of(s);
	unsigned char key[APPROVAL_KEY_SIZE];

	if (!approval_key_read(sv->pipeline.links, s, sv->store, key, e) ||
	    !listener_start(&lo, &handler, &sv->approvals_listener, e))
		return false;
	if (!renewal_new(sv->approvals_listener, &sv->approvals_renewal, e)) {
		listener_stop(sv->approvals_listener);
		sv->approvals_listener = NULL;
		return false;
	}
	renewal_follow(sv->approvals_renewal, &files, clock_mono_ms());
	approval_links_set(sv->pipeline.links, &s->approvals.public_url, key);
	log_info("approvals: people decide at %.*s, port %d", STR_ARG(s->approvals.public_url),
	    listener_port(sv->approvals_listener));
	return true;
}

void
server_start_approvals(struct server *sv, const struct settings *s)
{
	struct err e;

	if (s->approvals.address.n > 0 && !start(sv, s, &e))
		log_error("there is no page of approvals, only the command line: %s", e.text);
}

bool
server_prepare_approvals(struct server *sv, const struct settings *s,
    unsigned char key[APPROVAL_KEY_SIZE], struct err *e)
{
	struct tls_files files = files_of(s);

	return sv->approvals_listener == NULL || s->approvals.address.n == 0 ||
	       ((approval_key_read(sv->pipeline.links, s, sv->store, key, e) &&
		    listener_set_tls(sv->approvals_listener, &files, e)) ||
		   fail_in(e, "approvals"));
}

void
server_put_approvals(
    struct server *sv, const struct settings *s, const unsigned char key[APPROVAL_KEY_SIZE])
{
	struct tls_files files = files_of(s);

	if (s->approvals.address.n == 0) {
		approval_links_set(sv->pipeline.links, NULL, NULL);
	} else if (sv->approvals_listener != NULL) {
		renewal_follow(sv->approvals_renewal, &files, clock_mono_ms());
		approval_links_set(sv->pipeline.links, &s->approvals.public_url, key);
	} else if (sv->approvals_socket == 0) { /* one that was handed over is closed by now */
		server_start_approvals(sv, s);
	}
}

void
server_stop_approvals(struct server *sv)
{
	if (sv->approvals_listener != NULL)
		(void)listener_drain(sv->approvals_listener, 0);
	renewal_free(sv->approvals_renewal);
	listener_stop(sv->approvals_listener);
	approvals_free(sv->approvals);
}
