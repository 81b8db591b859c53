/*
 * A question of the command line while it is answered: what the files of answers share.
 */
#ifndef DAEMON_ADMIN_QUESTION_H
#define DAEMON_ADMIN_QUESTION_H

#include "daemon/admin.h"

struct question {
	const struct admin_options *options;
	const struct admin_peer *peer;
	const struct json *args;
	struct arena *arena;
	struct json **report; /* out: goes with an error */
};

/* Who asks: "user 1000", and the account's name. */
struct str question_seat(const struct question *q);
struct str question_name(const struct question *q);
bool question_id(const struct question *q, int64_t *id, struct err *e);

/* ---- silences (admin_silence.c): each gives a result, or NULL and an error ---- */

struct json *silence_list(const struct question *q, struct err *e);
struct json *silence_show(const struct question *q, struct err *e);
struct json *silence_add(const struct question *q, struct err *e);
struct json *silence_extend(const struct question *q, struct err *e);
struct json *silence_expire(const struct question *q, struct err *e);

#endif
