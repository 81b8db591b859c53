/*
 * Text as GnuTLS takes it: what it only reads is an unsigned char * without const.
 */
#ifndef DAEMON_DATUM_H
#define DAEMON_DATUM_H

#include <gnutls/gnutls.h>

#include "base/str.h"

static inline gnutls_datum_t
datum(struct str s)
{
	union {
		const char *in;
		unsigned char *out;
	} p = { .in = s.p };

	return (gnutls_datum_t){ p.out, (unsigned)s.n };
}

#endif
