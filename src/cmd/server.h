/*
 * The parts of the running daemon, between serve.c, which builds them and takes them down, and
 * reload.c, which exchanges what can be exchanged.
 */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/admin.h"
#include "daemon/approvals.h"
#include "daemon/config_watch.h"
#include "daemon/errand.h"
#include "daemon/intake.h"
#include "daemon/keeper.h"
#include "daemon/key_cache.h"
#include "daemon/listener.h"
#include "daemon/load.h"
#include "daemon/metrics.h"
#include "daemon/pipeline.h"
#include "daemon/renewal.h"
#include "daemon/worker.h"

/* What is to be told of the configuration. */
struct server_notice {
	char state[SHA256_HEX_MAX]; /* "" = it is good */
	const char *title;
	char *text;
	int64_t wait_ms;
	int64_t due_ms; /* when it is kept, monotonic; 0 = it is */
};

struct server {
	const char *config_path;
	char digest[SHA256_HEX_MAX]; /* of the configuration that was tried last */
	struct current current;
	bool has_current;
	struct store *store;
	unsigned char hash_key[HASH_KEY_SIZE]; /* of the store */
	struct inbox *inbox;
	struct pipeline pipeline;
	bool has_pipeline;
	struct workers *workers;
	struct keeper *keeper;
	struct key_cache *keys;
	atomic_bool ending; /* a fetch of keys is cut off */
	struct intake *intake;
	bool insecure; /* since the start */
	struct listener *listener, *operations;
	struct approvals *approvals;
	struct listener *approvals_listener; /* NULL = there is no page */
	struct renewal *approvals_renewal;
	int approvals_socket;
	int public_socket, operations_socket; /* systemd listens there for us; 0 = nobody does */
	struct renewal *renewal;
	struct config_watch *config_watch;
	struct server_notice notice;
	struct errand *reloads; /* that the command line asks for: main does them */
	struct admin *admin;
	struct metrics metrics;
};

/* ---- reload.c ---- */

/*
 * Read everything anew; only when all of it is good is it put in force, and the log says which.
 * Addresses and folders stay as they were at start.  In main's thread: one at a time.  *words: what
 * was found, as JSON, to be freed; or NULL.  Because of files nothing is done, and true returned,
 * when all is as it was when it was tried last, well or badly.
 */
bool server_reload(
    struct server *sv, enum reload_trigger trigger, char **words, struct err *e) MUST_CHECK;

/* ---- serve_notice.c: people are told once what became of the configuration ---- */

void server_notice_good(struct server *sv);
void server_notice_refused(
    struct server *sv, enum reload_trigger trigger, const struct diags *d, const char *why);
/* At the start: tests fail. */
void server_notice_doubt(struct server *sv, const struct diags *d);
/* What could not be kept is tried again then; -1 = nothing is to do. */
int64_t server_notice_wait_ms(const struct server *sv, int64_t now_ms);
void server_notice_work(struct server *sv, int64_t now_ms);

/* ---- serve_approvals.c ---- */

/* Once the pipeline is there and before it runs; without a page when that fails, which is logged.
 */
void server_start_approvals(struct server *sv, const struct settings *s);
void server_stop_approvals(struct server *sv);
/* For a reload: all that may fail, and what then cannot. */
bool server_prepare_approvals(struct server *sv, const struct settings *s,
    unsigned char key[APPROVAL_KEY_SIZE], struct err *e) MUST_CHECK;
void server_put_approvals(
    struct server *sv, const struct settings *s, const unsigned char key[APPROVAL_KEY_SIZE]);

/* ---- both ---- */

void server_log_diags(struct diags *d);
/* For the figures. */
void server_note_tests(struct server *sv, const struct config *c);
void server_set_log_level(const struct config *c);
/* The texts are those of s. */
struct tls_files server_tls_files(const struct settings *s);

#endif
