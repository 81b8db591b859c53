/*
 * Listening addresses as the settings write them: "[::]:8443", "127.0.0.1:9464"; and sockets that
 * somebody else listens on for us.
 */
#ifndef DAEMON_ADDRESS_H
#define DAEMON_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A listening TCP socket, not blocking.  An IP address, never a name: "[::]" takes IPv4 too.  Port
 * 0 is any free one; *port is the one that was taken.
 */
bool address_listen(struct str address, int *fd, int *port, struct err *e) MUST_CHECK;

/*
 * A socket that was handed over, such as by systemd: refused unless it is a listening TCP one.  It
 * is made not blocking and not inherited, and what its clients do not read is bounded as of ours.
 */
bool address_adopt(int fd, int *port, struct err *e) MUST_CHECK;

/* The address alone, without its port; an IPv4 one that is written as IPv6 as IPv4 again. */
struct str address_text(const struct sockaddr *sa, struct arena *a);

#endif
