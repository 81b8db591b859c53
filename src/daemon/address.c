#include "daemon/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024
#define ADDRESS_MAX 256
/* The kernel would keep 2.5 MB for each client that asks and never reads; answers are short. */
#define SEND_BUFFER (64 * 1024)

static bool
address_split(struct str address, char host[ADDRESS_MAX], char port[16], struct err *e)
{
	size_t colon = address.n;
	struct str h, p;
	int64_t number;

	while (colon > 0 && address.p[colon - 1] != ':')
		colon--;
	h = str_slice(address, 0, colon == 0 ? 0 : colon - 1);
	p = str_slice(address, colon, address.n);
	if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_slice(h, 1, h.n - 1);
	if (colon == 0 || h.n == 0 || h.n >= ADDRESS_MAX || p.n >= 16 ||
	    !str_to_int(p, 0, 65535, &number))
		return fail(e, ERR_INPUT,
		    "'%.*s' is not an address, write [::]:8443 or 127.0.0.1:8443",
		    STR_ARG(address));
	snprintf(host, ADDRESS_MAX, "%.*s", STR_ARG(h));
	snprintf(port, 16, "%.*s", STR_ARG(p));
	return true;
}

/* Of the connections too: they inherit it. */
static void
bound_send_buffer(int fd)
{
	int bytes = SEND_BUFFER;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

static int
socket_listen(const struct addrinfo *at)
{
	int one = 1, zero = 0;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bound_send_buffer(fd);
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
port_of(int fd)
{
	struct sockaddr_storage bound;
	socklen_t n = sizeof(bound);

	getsockname(fd, (struct sockaddr *)&bound, &n);
	return ntohs(bound.ss_family == AF_INET6
			 ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
			 : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
}

bool
address_listen(struct str address, int *out, int *port, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *at;
	char host[ADDRESS_MAX], service[16];
	int fd;

	if (!address_split(address, host, service, e))
		return false;
	if (getaddrinfo(host, service, &hints, &at) != 0)
		return fail(
		    e, ERR_INPUT, "'%.*s' is not an IP address and a port", STR_ARG(address));
	fd = socket_listen(at);
	freeaddrinfo(at);
	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot listen on %.*s", STR_ARG(address));
	*port = port_of(fd);
	*out = fd;
	return true;
}

static int
option(int fd, int name)
{
	int value = -1;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

bool
address_adopt(int fd, int *port, struct err *e)
{
	int family = option(fd, SO_DOMAIN);

	if (family < 0)
		return fail(e, ERR_INPUT, "descriptor %d is not a socket", fd);
	if ((family != AF_INET && family != AF_INET6) || option(fd, SO_TYPE) != SOCK_STREAM)
		return fail(e, ERR_INPUT, "descriptor %d is not a TCP socket", fd);
	if (option(fd, SO_ACCEPTCONN) != 1)
		return fail(e, ERR_INPUT, "the socket in descriptor %d does not listen", fd);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return fail_errno(e, ERR_SYSTEM, "cannot use the socket in descriptor %d", fd);
	bound_send_buffer(fd);
	*port = port_of(fd);
	return true;
}

struct str
address_text(const struct sockaddr *sa, struct arena *a)
{
	char text[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in4 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		inet_ntop(AF_INET, &in4->sin_addr, text, sizeof(text));
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], text, sizeof(text));
	else if (sa->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
	return arena_str(a, str_of(text));
}
