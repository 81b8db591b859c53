/*
 * A request as the listener keeps it; handlers see it through daemon/listener.h only.
 */
#ifndef DAEMON_REQUEST_H
#define DAEMON_REQUEST_H

#include "base/arena.h"
#include "daemon/framing.h"
#include "daemon/listener.h"
#include "body.h"

struct MHD_Connection;
struct MHD_Response;
struct connection;
struct watch;

enum stage { STAGE_HEAD, STAGE_BODY, STAGE_HANDLED };

struct request {
	struct listener *l;
	struct MHD_Connection *mhd;
	struct connection *connection;
	struct watch *watch; /* of the connection */
	struct arena *arena; /* holds this struct too */
	enum stage stage;
	struct str method, target, path, query, peer;
	const char *raw_target; /* where libmicrohttpd has it */
	struct header *headers;
	size_t n_headers, cap_headers;
	struct framing framing;
	struct body body;
	int64_t drained, drain_max; /* thrown away after a refusal */
	bool held;
	unsigned status;
	struct MHD_Response *response; /* the answer until it is queued */
	bool answered;
};

#endif
