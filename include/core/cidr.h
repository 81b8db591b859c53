/*
 * IPv4 and IPv6 addresses and ranges of them.
 */
#ifndef CORE_CIDR_H
#define CORE_CIDR_H

#include <stdbool.h>

#include "base/str.h"
#include "core/rules.h"

struct cidr {
	unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
	int bits;		 /* of 128 */
	bool v4;
};
bool cidr_parse(struct str text, struct cidr *out);
/* Unsure when the text is no address. */
enum answer cidr_holds(const struct cidr *range, struct str address);

/* Somebody's on the internet: not private, of this link, of a carrier, of Azure's platform. */
bool cidr_address_is_public(struct str address);

#endif
