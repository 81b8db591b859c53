#include "endpoint.h"

#include <arpa/inet.h>
#include <string.h>

/* 0 = no address, else AF_INET or AF_INET6. */
static int
family(struct str host, unsigned char bytes[16])
{
	char text[INET6_ADDRSTRLEN];

	if (host.n == 0 || host.n >= sizeof(text))
		return 0;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET6, text, bytes) == 1)
		return AF_INET6;
	return inet_pton(AF_INET, text, bytes) == 1 ? AF_INET : 0;
}

bool
endpoint_is_loopback(struct str host)
{
	static const unsigned char one[16] = { [15] = 1 };
	unsigned char bytes[16];

	switch (family(host, bytes)) {
	case AF_INET:
		return bytes[0] == 127;
	case AF_INET6:
		return memcmp(bytes, one, sizeof(one)) == 0;
	default:
		return false;
	}
}

/* Before and behind the last colon; IPv6 only in brackets, which are taken off. */
static bool
split_port(struct str text, struct str *host, struct str *port, bool *bracketed)
{
	size_t at = text.n;

	while (at > 0 && text.p[at - 1] != ':' && text.p[at - 1] != ']')
		at--;
	*port = STR_EMPTY;
	*host = text;
	if (at > 0 && text.p[at - 1] == ':') {
		*port = str_slice(text, at, text.n);
		*host = str_slice(text, 0, at - 1);
		if (port->n == 0)
			return false;
	}
	*bracketed = host->n > 2 && host->p[0] == '[' && host->p[host->n - 1] == ']';
	if (*bracketed)
		*host = str_slice(*host, 1, host->n - 1);
	return host->n > 0;
}

bool
endpoint_parse(struct str text, struct str *host)
{
	unsigned char bytes[16];
	struct str port;
	int64_t number;
	bool bracketed;

	return split_port(text, host, &port, &bracketed) && str_to_int(port, 0, 65535, &number) &&
	       family(*host, bytes) == (bracketed ? AF_INET6 : AF_INET);
}

static bool
is_name(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '.'))
			return false;
	}
	return host.n <= 253 && host.p[0] != '.' && host.p[0] != '-';
}

bool
endpoint_parse_url(struct str text, struct str *scheme, struct str *host)
{
	unsigned char bytes[16];
	struct str rest, authority, port;
	int64_t number;
	bool bracketed;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f || strchr("?#@\\", text.p[i]) != NULL)
			return false;
	if (str_starts_nocase(text, STR("https://")))
		*scheme = STR("https");
	else if (str_starts_nocase(text, STR("http://")))
		*scheme = STR("http");
	else
		return false;
	rest = str_slice(text, scheme->n + strlen("://"), text.n);
	str_next(&rest, '/', &authority);
	if (!split_port(authority, host, &port, &bracketed) ||
	    (port.n > 0 && !str_to_int(port, 1, 65535, &number)))
		return false;
	return bracketed ? family(*host, bytes) == AF_INET6 : is_name(*host);
}
