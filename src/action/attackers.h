/*
 * The addresses that an alert says an attack came from.
 */
#ifndef ACTION_ATTACKERS_H
#define ACTION_ATTACKERS_H

#include "base/arena.h"
#include "base/json.h"
#include "core/alert.h"

struct attackers {
	struct json *addresses; /* texts, each once: what may be blocked */
	struct json *left_out;	/* [{"address","why"}] */
};

/*
 * From the entities of type ip and the extended properties that speak of an attacker's IP.  Left
 * out: what is not public, own (texts), in allow (ranges), and what comes after `most` of them.
 */
void attackers_of(const struct alert *al, const struct json *own, const struct json *allow,
    int64_t most, struct arena *a, struct attackers *out);

#endif
