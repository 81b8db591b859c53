/*
 * The Unix socket of the command line: one line of JSON in, one line of JSON out, then the
 * connection ends.  Who may connect is decided by the socket's mode (0660) and folder.
 *
 *	{"command":"alerts.list","limit":50}
 *	{"ok":true,"result":[...]}     {"ok":false,"kind":"not found","error":"there is no alert 7"}
 *
 * What is wrong with a configuration comes besides, as "report".
 */
#ifndef DAEMON_ADMIN_H
#define DAEMON_ADMIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "daemon/pipeline.h"

#define ADMIN_REQUEST_MAX ((size_t)64 * 1024)
#define ADMIN_ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define ADMIN_TIMEOUT_MS 10000

struct admin;

struct admin_options {
	const char *path; /* of the socket */
	struct pipeline *pipeline;
	int port; /* of the public listener, told by "status" */
	/*
	 * Reload the configuration; the error says why the old one stays.  *words: JSON with what
	 * was found, to be freed; may be NULL.
	 */
	bool (*reload)(void *ctx, char **words, struct err *e);
	void *ctx;
};

/* Who asks, as the kernel says (SO_PEERCRED). */
struct admin_peer {
	uid_t uid;
};

/*
 * {"command":"backup"} comes with the descriptor of an empty file (SCM_RIGHTS).  To end one early:
 * store_interrupt(), before admin_stop().
 *
 * A socket file left behind by a dead process is replaced; one in use is refused.
 */
bool admin_start(const struct admin_options *o, struct admin **out, struct err *e) MUST_CHECK;
void admin_stop(struct admin *ad);

/* One line of JSON for one line of JSON; what the socket's thread calls. */
struct str admin_answer(
    const struct admin_options *o, const struct admin_peer *peer, struct str line, struct arena *a);
/* The same for "backup": the store is written to this file, which the client opened and checks. */
struct str admin_backup(const struct admin_options *o, int fd, struct arena *a);

#endif
