/*
 * Addresses that people write into files.  Numbers only where we listen: a name may mean another
 * machine tomorrow.
 */
#ifndef CORE_ENDPOINT_H
#define CORE_ENDPOINT_H

#include <stdbool.h>

#include "base/str.h"

/* Anything in 127.0.0.0/8, or ::1. */
bool endpoint_is_loopback(struct str host);

/* "[::]:8443", "127.0.0.1:0": an IP address and a port.  *host comes without brackets. */
bool endpoint_parse(struct str text, struct str *host);

/*
 * "https://login.example.com:443/path": scheme, host without brackets, and nothing that is not part
 * of an address: no user, query or fragment.
 */
bool endpoint_parse_url(struct str text, struct str *scheme, struct str *host);

#endif
