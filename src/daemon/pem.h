/*
 * Is a PEM file all there?  GnuTLS takes the certificates that it finds and passes over the front
 * of another one that is still being written.
 */
#ifndef DAEMON_PEM_H
#define DAEMON_PEM_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* Every block has its end.  Words between blocks are no fault; after the last one no line may begin
 * like a block. */
bool pem_is_whole(struct str text, struct err *e) MUST_CHECK;

#endif
