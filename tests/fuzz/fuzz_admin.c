/*
 * daemon/admin_answer.c: one line of the command line's socket, answered from a store that has one
 * alert with a finished step and one that waits for approval.
 *
 * What must hold: the answer is one line of JSON that says ok or why not.
 */
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/admin.h"
#include "fuzz.h"

static char folder[64];
static struct pipeline pipeline;
static struct settings settings;
static struct config config = {
	.settings = &settings, .references = 1, .lock = PTHREAD_MUTEX_INITIALIZER
};
static struct current current = { PTHREAD_MUTEX_INITIALIZER, &config };

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void
stop(void)
{
	inbox_close(pipeline.inbox);
	store_close(pipeline.store);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
put_alert(struct arena *a)
{
	struct event event = { .kind = EVENT_NOTIFICATION,
		.id = STR("e"),
		.source = STR("s"),
		.type = STR("Microsoft.Security/alerts"),
		.subject = STR("s"),
		.raw = STR("{}") };
	struct step steps[2] = { { .key = STR("k1"),
				     .rule = STR("r"),
				     .action = STR("isolate_vm"),
				     .target = STR("/t"),
				     .params = STR("{}"),
				     .disruptive = true,
				     .state = STEP_APPROVAL,
				     .created_ms = 1,
				     .due_ms = 1 },
		{ .key = STR("k2"),
		    .rule = STR("r"),
		    .action = STR("enable_jit"),
		    .target = STR("/t"),
		    .params = STR("{}"),
		    .disruptive = true,
		    .state = STEP_REFUSED,
		    .reason = STR("protected"),
		    .created_ms = 1 } };
	struct alert alert = { .form = "rest-2022",
		.id = STR("a-1"),
		.name = STR("n"),
		.type = STR("t"),
		.severity = STR("High"),
		.status = STR("Active"),
		.event = &event };
	struct plan plan = { .steps = steps, .n = 2 };
	struct decision d = { .event = &event,
		.received_ms = 1,
		.decided_ms = 2,
		.headers = STR("{}"),
		.state = EVENT_STATE_DECIDED,
		.reason = STR_EMPTY,
		.alert = &alert,
		.trace = STR("{}"),
		.rules_hash = STR("0123456789ab"),
		.plan = &plan };
	bool fresh;
	struct err e;

	(void)a;
	MUST(store_begin(pipeline.store, &e));
	MUST(store_put_decision(pipeline.store, &d, &fresh, &e) && fresh);
	MUST(store_commit(pipeline.store, 0, &e));
}

static void
prepare(struct arena *a)
{
	static const struct inbox_sizes sizes = { 65536, 65536, 262144 };
	static const struct rules_outside nothing = { .check = NULL };
	struct diags d;
	struct err e;

	log_set_level(LOG_LEVEL_ERROR);
	diags_init(&d, a);
	config.rules = rules_parse(NULL, 0, &nothing, &d);
	MUST(config.rules != NULL);
	snprintf(folder, sizeof(folder), "%s/fuzz-admin-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MUST(mkdtemp(folder) != NULL);
	atexit(stop);
	MUST(store_open(arena_printf(a, "sqlite:%s/g.db", folder), &pipeline.store, &e));
	MUST(inbox_open_sized(
	    arena_printf(a, "%s/inbox", folder).p, &sizes, 0, &pipeline.inbox, &e));
	bell_init(&pipeline.due);
	settings.approvals.quorum = 2;
	pipeline.current = &current;
	put_alert(a);
}

static bool
reload(void *ctx, char **words, struct err *e)
{
	*words = NULL;
	(void)ctx;
	return fail(e, ERR_INPUT, "not here");
}

FUZZ(input)
{
	struct admin_peer peer = { 0 };
	struct admin_options o = {
		.path = folder, .pipeline = &pipeline, .port = 1, .reload = reload
	};
	struct str answer;
	const struct json *j;
	struct err e;

	if (folder[0] == '\0')
		prepare(arena);
	answer = admin_answer(&o, &peer, input, arena);
	MUST(answer.n > 0 && memchr(answer.p, '\n', answer.n) == NULL);
	j = json_parse(answer, arena, &e);
	MUST(json_is(json_get(j, "ok"), JSON_BOOL));
	if (json_true(json_get(j, "ok")))
		MUST(json_get(j, "result") != NULL);
	else
		MUST(json_text(json_get(j, "error")).n > 0 && json_text(json_get(j, "kind")).n > 0);
}
