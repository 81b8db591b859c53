#include "core/cidr.h"

#include <arpa/inet.h>
#include <string.h>

/* IPv4 in its place in IPv6, so that one comparison serves both. */
static bool
address_parse(struct str text, unsigned char out[16], bool *v4)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	char host[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(host))
		return false;
	memcpy(host, text.p, text.n);
	host[text.n] = '\0';
	if (inet_pton(AF_INET6, host, out) == 1) {
		*v4 = memcmp(out, mapped, sizeof(mapped)) == 0;
		return true;
	}
	memcpy(out, mapped, sizeof(mapped));
	*v4 = true;
	return inet_pton(AF_INET, host, out + 12) == 1;
}

bool
cidr_parse(struct str text, struct cidr *out)
{
	struct str rest = text, address = STR_EMPTY;
	int64_t bits;

	str_next(&rest, '/', &address);
	if (!address_parse(address, out->bytes, &out->v4))
		return false;
	/* ::ffff:10.0.0.0/104 is an IPv4 range with its length counted as in IPv6. */
	bits = memchr(address.p, ':', address.n) == NULL ? 32 : 128;
	out->bits = bits == 32 ? 96 : 0;
	if (rest.p != NULL && !str_to_int(rest, 0, bits, &bits))
		return false;
	out->bits += (int)bits;
	out->v4 = out->v4 && out->bits >= 96;
	return true;
}

enum answer
cidr_holds(const struct cidr *range, struct str text)
{
	unsigned char bytes[16], mask;
	int whole = range->bits / 8;
	bool v4;

	if (!address_parse(str_trim(text), bytes, &v4))
		return ANSWER_UNSURE;
	if (v4 != range->v4 || memcmp(bytes, range->bytes, (size_t)whole) != 0)
		return ANSWER_NO;
	if (range->bits % 8 == 0)
		return ANSWER_YES;
	mask = (unsigned char)(0xff << (8 - range->bits % 8));
	return (bytes[whole] & mask) == (range->bytes[whole] & mask) ? ANSWER_YES : ANSWER_NO;
}

/* https://www.iana.org/assignments/iana-ipv4-special-registry, and Azure's own platform address. */
static const char *const not_public[] = { "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
	"168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.88.99.0/24",
	"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
	/* Ways to say an IPv4 address in IPv6. */
	"2001::/32", "2002::/16" };

bool
cidr_address_is_public(struct str address)
{
	struct cidr range;
	unsigned char bytes[16];
	bool v4;

	if (!address_parse(address, bytes, &v4))
		return false;
	for (size_t i = 0; i < sizeof(not_public) / sizeof(not_public[0]); i++)
		if (cidr_parse(str_of(not_public[i]), &range) &&
		    cidr_holds(&range, address) != ANSWER_NO)
			return false;
	/* All of IPv6 that is given to anybody: 2000::/3. */
	return v4 || (bytes[0] & 0xe0) == 0x20;
}
