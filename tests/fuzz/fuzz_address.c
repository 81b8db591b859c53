/*
 * Addresses that people write: core/endpoint.c, daemon/address.c, and the origin of a URL.
 *
 * What must hold: what the settings take can be listened on and called; a URL has one host, whoever
 * reads it: our own parser, libcurl, or the plain words of RFC 3986 below.  No socket is opened.
 */
#include <errno.h>
#include <sys/socket.h>

#include "daemon/address.h"
#include "endpoint.h"
#include "fuzz.h"

int __wrap_socket(int domain, int type, int protocol);

int
__wrap_socket(int domain, int type, int protocol)
{
	(void)domain, (void)type, (void)protocol;
	errno = EMFILE;
	return -1;
}

static void
check_listen(struct str text)
{
	struct str host;
	struct err e;
	int fd, port;

	MUST(!address_listen(text, &fd, &port, &e));
	MUST(e.kind == ERR_INPUT || e.kind == ERR_SYSTEM);
	if (endpoint_parse(text, &host))
		MUST(e.kind == ERR_SYSTEM);
}

/* Between "://" and the next of "/?#": a host, maybe a port, and no '@'. */
static struct str
authority(struct str url)
{
	size_t from = 0, to;

	while (from + 3 <= url.n && memcmp(url.p + from, "://", 3) != 0)
		from++;
	from += 3;
	for (to = from; to < url.n && strchr("/?#", url.p[to]) == NULL;)
		to++;
	return str_slice(url, from, to);
}

/* libcurl reads 2 as 0.0.0.2 and 0x7f.1 as 127.0.0.1, as inet_aton() does. */
static bool
is_number(struct str host)
{
	return host.p[0] >= '0' && host.p[0] <= '9';
}

static void
check_url(struct str url, struct arena *a)
{
	struct str scheme, host, origin, place = authority(url);
	struct err e;

	if (!endpoint_parse_url(url, &scheme, &host))
		return;
	MUST(str_starts_nocase(place, host) || (place.p[0] == '[' && host.p == place.p + 1));
	MUST(host.n > 0 && memchr(place.p, '@', place.n) == NULL);
	/* What libcurl refuses is never called; what it takes must be the same host. */
	if (!http_origin(url, a, &origin))
		return;
	MUST(str_starts_nocase(origin, scheme));
	origin = str_slice(origin, scheme.n + strlen("://"), origin.n);
	if (origin.n > 0 && origin.p[0] == '[')
		origin = str_slice(origin, 1, origin.n);
	else if (!is_number(host))
		MUST(str_starts_nocase(origin, host));
	if (http_url_allowed(url, &e) && str_is_nocase(scheme, "http"))
		MUST(endpoint_is_loopback(host) || str_is_nocase(host, "localhost") ||
		     str_is(host, "169.254.169.254") || is_number(host));
}

FUZZ(input)
{
	check_listen(input);
	check_url(input, arena);
	check_url(arena_printf(arena, "https://%.*s", STR_ARG(input)), arena);
}
