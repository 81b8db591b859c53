/*
 * The only place that wires the floors: builds them from the bottom up, waits for signals, takes
 * them down in the order of the stages.
 *
 * What can go wrong: any part that cannot start ends the program with 78 (configuration) or 1, and
 * says which; what was started before it is taken down again.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "azure/openid.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "daemon/auth.h"
#include "daemon/operations.h"
#include "server.h"

#define DRAIN_MS 10000
/* The slowest disk whose journal is read to its end before systemd gives up. */
#define REPLAY_BYTES_PER_S ((int64_t)8 * 1024 * 1024)
/* Open files beyond connections and segments of the journal: the store, and room to spare. */
#define FILES_SPARE 128

/* ---- configuration ---- */

/* People at a terminal see the source line and the caret; logs get a line for each mistake. */
static void
show_diags(struct diags *d)
{
	if (isatty(STDERR_FILENO))
		mistakes_show(d);
	else
		server_log_diags(d);
}

/* The cache of signing keys asks for them here, from a thread of its own. */
static bool
fetch_keys(void *ctx, struct arena *a, struct key_documents *out, struct err *e)
{
	struct server *sv = ctx;
	struct config *c = current_get(&sv->current);
	const struct settings *s = c->settings;
	struct http *http = http_new(arena_cstr(a, s->azure.ca_file));
	bool ok = true;

	http_obey(http, &sv->ending);
	for (int v = JWT_V1; ok && v < JWT_VERSIONS; v++) {
		out->left_out[v] = s->auth.entra.n_issuers[v] == 0;
		ok = out->left_out[v] || openid_fetch_keys(http, s, (enum jwt_version)v, a,
					     &out->of[v], &out->server_ms, e);
	}
	http_free(http);
	config_unref(c);
	return ok;
}

/* ---- start, from the bottom up ---- */

/* What a disk lost is said, never passed over. */
static void
say_damage(struct inbox *in)
{
	struct inbox_figures f;

	inbox_figures(in, &f);
	if (f.damage[0] != '\0')
		log_error("the inbox is damaged, %" PRIu64 " records could not be read: %s", f.lost,
		    f.damage);
}

/* A journal without its database: the same happens again to what that had decided. */
static void
say_new_store(struct server *sv, const struct settings *s)
{
	struct inbox_figures f;

	inbox_figures(sv->inbox, &f);
	if (store_is_new(sv->store) && f.waiting > 0)
		log_warning("%.*s is new, but the journal %.*s holds %" PRIu64
			    " deliveries: all of them are decided now, also what a lost database "
			    "had decided before",
		    STR_ARG(s->store), STR_ARG(s->inbox), f.waiting);
}

/* The more there is to be read, the longer the start may take: systemd knows only one limit. */
static void
ask_for_time(const char *inbox)
{
	int64_t seconds = inbox_stored(inbox) / REPLAY_BYTES_PER_S;

	if (seconds > 0)
		sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRId64 "000000", seconds);
}

/* A secret of the store is half as long. */
static bool
read_hash_key(struct store *store, unsigned char key[HASH_KEY_SIZE], struct err *e)
{
	return store_secret(store, "event hashes, first half", key, e) &&
	       store_secret(store, "event hashes, second half", key + HASH_KEY_SIZE / 2, e);
}

/* First what receiving needs of the store: it is there also when the disk is full or fails. */
static bool
open_state(struct server *sv, const struct settings *s, struct arena *a, struct err *e)
{
	const char *inbox = arena_cstr(a, s->inbox);
	uint64_t decided;
	bool ok;

	ok = store_open(s->store, &sv->store, e) && store_decided_seq(sv->store, &decided, e) &&
	     read_hash_key(sv->store, sv->hash_key, e);
	if (ok) {
		ask_for_time(inbox);
		ok = inbox_open(inbox, s->inbox_max, decided, &sv->inbox, e);
	}
	if (ok) {
		say_damage(sv->inbox);
		say_new_store(sv, s);
	}
	return ok;
}

static bool
start_keys(struct server *sv, const struct settings *s, struct err *e)
{
	struct key_cache_options o = { .fetch = fetch_keys, .ctx = sv };

	sv->keys = key_cache_new(&o);
	if (!key_cache_start(sv->keys, s->auth.entra.source, e))
		return false;
	key_cache_set_source(sv->keys, s->auth.entra.source);
	return true;
}

static bool
start_intake(struct server *sv, const struct settings *s, struct err *e)
{
	struct intake_options io = {
		.path = s->listen.path, .submit = pipeline_receive, .submit_ctx = &sv->pipeline
	};
	struct listener_options lo = { .address = s->listen.address,
		.socket = sv->public_socket,
		.tls = server_tls_files(s),
		.body_max = s->listen.body_max,
		.connections_max = s->listen.connections_max,
		.per_address_max = s->listen.per_address_max };
	struct listener_handler handler;
	struct auth *auth;

	if (!auth_load(&s->auth, &auth, e))
		return false;
	memcpy(io.hash_key, sv->hash_key, sizeof(io.hash_key));
	sv->intake = intake_new(&io, auth);
	auth_use_keys(auth, sv->keys);
	handler = intake_handler(sv->intake);
	return listener_start(&lo, &handler, &sv->listener, e);
}

static bool
start_renewal(struct server *sv, const struct settings *s, struct err *e)
{
	struct tls_files files = server_tls_files(s);

	if (!renewal_new(sv->listener, &sv->renewal, e) ||
	    !config_watch_new(sv->config_path, &sv->config_watch, e))
		return false;
	renewal_follow(sv->renewal, &files, clock_mono_ms());
	config_watch_follow(sv->config_watch, sv->current.config, clock_mono_ms());
	return true;
}

static bool
start_operations(struct server *sv, const struct settings *s, struct err *e)
{
	struct listener_options lo = { .address = s->operations,
		.socket = sv->operations_socket,
		.body_max = 1024,
		.connections_max = OPERATIONS_CONNECTIONS_MAX,
		.per_address_max = OPERATIONS_CONNECTIONS_MAX,
		.threads = 1 };
	struct listener_handler handler;

	sv->metrics.pipeline = &sv->pipeline;
	sv->metrics.intake = sv->intake;
	sv->metrics.keys = sv->keys;
	sv->metrics.listener = sv->listener;
	sv->metrics.renewal = sv->renewal;
	sv->metrics.workers = sv->workers;
	sv->metrics.approvals = sv->approvals;
	sv->metrics.reload_ms = clock_now_ms();
	server_note_tests(sv, sv->current.config);
	sv->metrics.reload_ok = sv->current.config->tests_failed == 0;
	if (s->operations.n == 0 && sv->operations_socket == 0)
		return true;
	handler = operations_handler(metrics_pages(&sv->metrics));
	return listener_start(&lo, &handler, &sv->operations, e) ||
	       fail_in(e, "operations listener");
}

/* In the thread of the command line's socket: main does it, as it does for a signal. */
static bool
ask_reload(void *ctx, char **words, struct err *e)
{
	struct server *sv = ctx;

	return errand_ask(sv->reloads, words, e);
}

static bool
start_admin(struct server *sv, const struct settings *s, struct arena *a, struct err *e)
{
	struct admin_options ao = { .path = arena_cstr(a, s->socket),
		.pipeline = &sv->pipeline,
		.port = listener_port(sv->listener),
		.reload = ask_reload,
		.ctx = sv };

	return errand_new(&sv->reloads, e) && admin_start(&ao, &sv->admin, e);
}

/* The one that a name of gridwarden.socket stands for; a lone one needs no name. */
static int *
socket_slot(struct server *sv, const char *name, int n)
{
	if (strcmp(name, "operations") == 0)
		return &sv->operations_socket;
	if (strcmp(name, "approvals") == 0)
		return &sv->approvals_socket;
	if (strcmp(name, "public") == 0 || (n == 1 && strcmp(name, "unknown") == 0))
		return &sv->public_socket;
	return NULL;
}

/* Sockets that systemd listens on: while no daemon runs, connections wait there. */
static bool
take_sockets(struct server *sv, const struct settings *s, struct err *e)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	bool ok = n >= 0 || fail(e, ERR_SYSTEM, "systemd's sockets: %s", strerror(-n));

	for (int i = 0; ok && i < n; i++) {
		int *slot = socket_slot(sv, names[i], n);

		if (slot == NULL)
			ok = fail(e, ERR_INPUT,
			    "systemd hands over a socket named '%s': FileDescriptorName is "
			    "public, operations or approvals",
			    names[i]);
		else if (*slot != 0)
			ok = fail(e, ERR_INPUT,
			    "systemd hands over two sockets named '%s': one is served, [::] takes "
			    "IPv4 too",
			    names[i]);
		else
			*slot = SD_LISTEN_FDS_START + i;
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	/* That it is for a loopback address was checked of an address that does not count. */
	if (ok && sv->public_socket != 0 && s->auth.insecure)
		ok = fail(e, ERR_INPUT, "auth.insecure does not go with a socket of systemd");
	if (ok && sv->public_socket != 0)
		log_info("listen.address does not count: systemd listens for us");
	if (ok && sv->approvals_socket != 0)
		log_info("approvals.listen.address does not count: systemd listens for us");
	if (ok && sv->operations_socket != 0)
		log_info("operations does not count: systemd listens for us");
	return ok;
}

static bool
start(struct server *sv, struct arena *a, struct err *e)
{
	const struct settings *s = sv->current.config->settings;
	bool ok = take_sockets(sv, s, e) && action_global_init(e) && open_state(sv, s, a, e) &&
		  pipeline_init(&sv->pipeline, sv->inbox, sv->store, &sv->current,
		      s->listen.connections_max, e);

	sv->insecure = s->auth.insecure;
	sv->has_pipeline = ok;
	if (ok) {
		sv->approvals = approvals_new(&sv->pipeline);
		server_start_approvals(sv, s);
	}
	return ok && workers_start(&sv->pipeline, &sv->workers, e) && start_keys(sv, s, e) &&
	       start_intake(sv, s, e) && start_renewal(sv, s, e) && start_operations(sv, s, e) &&
	       start_admin(sv, s, a, e) && keeper_start(sv->store, &sv->current, &sv->keeper, e);
}

/* ---- stop, in the order of the stages ---- */

static void
stop(struct server *sv)
{
	if (sv->store != NULL)
		store_interrupt(sv->store);
	atomic_store(&sv->ending, true);
	errand_close(sv->reloads);
	admin_stop(sv->admin);
	errand_free(sv->reloads);
	keeper_stop(sv->keeper);
	if (sv->listener != NULL && !listener_drain(sv->listener, DRAIN_MS))
		log_warning("some deliveries were not answered in time");
	workers_stop(sv->workers);
	listener_stop(sv->operations);
	workers_free(sv->workers); /* /livez asked them until now */
	server_stop_approvals(sv); /* and /metrics these */
	config_watch_free(sv->config_watch);
	free(sv->notice.text);
	renewal_free(sv->renewal);
	listener_stop(sv->listener);
	intake_free(sv->intake);
	key_cache_free(sv->keys);
	if (sv->has_pipeline)
		pipeline_done(&sv->pipeline);
	inbox_close(sv->inbox);
	store_close(sv->store);
	if (sv->has_current)
		current_done(&sv->current);
}

/* ---- run ---- */

/* Tests and people who let the system choose a port learn it here. */
static void
say_ready(struct server *sv, const struct settings *s)
{
	int64_t panic_ms;
	struct err ignored;

	log_info("gridwarden " GRIDWARDEN_VERSION
		 " ready: port %d, operations port %d, %zu rules, %s",
	    listener_port(sv->listener), sv->operations == NULL ? 0 : listener_port(sv->operations),
	    rules_count(sv->current.config->rules),
	    s->mode == GUARD_SHADOW ? "shadow mode: nothing is touched" : "enforcing");
	if (store_panic_since(sv->store, &panic_ms, &ignored) && panic_ms > 0)
		log_warning(
		    "panic is on: nothing destructive is done until 'gridwarden panic --end'");
	if (sv->current.config->tests_failed > 0)
		log_warning("%zu of the tests of the rules fail: what is destructive waits for a "
			    "person until they pass",
		    sv->current.config->tests_failed);
	if (s->auth.insecure)
		log_warning("auth.insecure: anyone who reaches this port can deliver alerts");
	sd_notify(0, "READY=1");
}

static int64_t
watchdog_ms(void)
{
	uint64_t us;

	return sd_watchdog_enabled(0, &us) > 0 ? (int64_t)(us / 2000) : -1;
}

static bool
reload(struct server *sv, enum reload_trigger trigger, char **words, struct err *e)
{
	bool ok;

	sd_notify(0, "RELOADING=1");
	ok = server_reload(sv, trigger, words, e);
	sd_notify(0, "READY=1");
	return ok;
}

static bool
reload_asked(void *ctx, char **words, struct err *e)
{
	return reload(ctx, RELOAD_COMMAND, words, e);
}

/* What is found is in the log. */
static void
reload_unasked(struct server *sv, enum reload_trigger trigger)
{
	struct err e;
	char *words;

	(void)!reload(sv, trigger, &words, &e);
	free(words);
}

/* True: it is time to end. */
static bool
take_signal(struct server *sv, int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo != SIGHUP) {
		sv->metrics.draining = true;
		log_info("ending: %s", strsignal((int)info.ssi_signo));
		return true;
	}
	reload_unasked(sv, RELOAD_SIGNAL);
	return false;
}

/* -1 = for ever, for both. */
static int64_t
sooner(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* Signals, reloads, the files of the certificate and the watchdog until it is time to end. */
static void
wait_for_signals(struct server *sv, int signals)
{
	struct pollfd fds[] = { { signals, POLLIN, 0 }, { renewal_fd(sv->renewal), POLLIN, 0 },
		{ errand_fd(sv->reloads), POLLIN, 0 },
		{ config_watch_fd(sv->config_watch), POLLIN, 0 }, { -1, POLLIN, 0 } };
	int64_t pulse = watchdog_ms(), fed = clock_mono_ms();

	for (;;) {
		int64_t now = clock_mono_ms();
		int64_t next = pulse < 0 ? -1 : fed + pulse <= now ? 0 : fed + pulse - now;
		int n;

		next = sooner(next, renewal_wait_ms(sv->renewal, now));
		next = sooner(next, config_watch_wait_ms(sv->config_watch, now));
		next = sooner(next, server_notice_wait_ms(sv, now));
		if (sv->approvals_renewal != NULL) { /* maybe since a reload */
			fds[4].fd = renewal_fd(sv->approvals_renewal);
			next = sooner(next, renewal_wait_ms(sv->approvals_renewal, now));
		}
		n = poll(fds, sizeof(fds) / sizeof(fds[0]), (int)next);
		now = clock_mono_ms();
		if (pulse >= 0 && now - fed >= pulse) {
			fed = now;
			if (workers_alive(sv->workers, now))
				sd_notify(0, "WATCHDOG=1");
		}
		if (n > 0 && fds[0].revents != 0 && take_signal(sv, signals))
			return;
		errand_do(sv->reloads, reload_asked, sv);
		server_notice_work(sv, clock_mono_ms());
		if (config_watch_due(sv->config_watch, clock_mono_ms()))
			reload_unasked(sv, RELOAD_FILES);
		renewal_work(sv->renewal, clock_mono_ms());
		if (sv->approvals_renewal != NULL)
			renewal_work(sv->approvals_renewal, clock_mono_ms());
	}
}

static int
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Before threads: they inherit the mask, and signals come to one place. */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Secrets are in memory: no core file, and enough descriptors for the connections. */
static void
set_limits(const struct settings *s)
{
	struct rlimit core = { 0, 0 }, files;
	/* On a nearly full disk all segments are small ones. */
	rlim_t wanted = (rlim_t)s->listen.connections_max + APPROVALS_CONNECTIONS_MAX +
			(rlim_t)(s->inbox_max / INBOX_SEGMENT_FIRST) + FILES_SPARE;

	setrlimit(RLIMIT_CORE, &core);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < wanted)
		log_warning("%" PRIu64 " files may be open, connections and a full journal take "
			    "%" PRIu64 ": raise LimitNOFILE",
		    (uint64_t)files.rlim_cur, (uint64_t)wanted);
}

static int
serve(const char *config_path)
{
	struct server *sv = xcalloc(1, sizeof(*sv));
	struct arena *a = arena_new();
	struct config *config;
	struct diags d;
	struct err e;
	int signals = block_signals(), code = EXIT_CONFIG;

	sv->config_path = config_path;
	diags_init(&d, a);
	config = config_load(config_path, a, &d, sv->digest);
	show_diags(&d);
	if (config != NULL) {
		server_set_log_level(config);
		set_limits(config->settings);
		current_init(&sv->current, config);
		sv->has_current = true;
		if (start(sv, a, &e)) {
			if (config->tests_failed > 0)
				server_notice_doubt(sv, &d);
			else
				server_notice_good(sv);
			say_ready(sv, config->settings);
			memory_forget_setup();
			wait_for_signals(sv, signals);
			sd_notify(0, "STOPPING=1");
			code = EXIT_OK;
		} else {
			log_error("cannot start: %s", e.text);
			code = e.kind == ERR_INPUT || e.kind == ERR_NOT_FOUND ? EXIT_CONFIG
									      : EXIT_FAILED;
		}
		stop(sv);
	}
	close(signals);
	arena_free(a);
	free(sv);
	return code;
}

static int
run(const struct command *self, int argc, char **argv)
{
	static const struct option_row options[] = { { "config", 'c', true }, { NULL, 0, false } };
	const char *config = CONFIG_DEFAULT, *value;
	int key;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key != 'c')
			return EXIT_USAGE;
		config = value;
	}
	if (options_end() != argc)
		return usage_error(self, "takes no argument");
	return serve(config);
}

const struct command cmd_serve = {
	.name = "serve",
	.summary = "run the daemon",
	.usage = "[--config FILE]\n"
		 "\n"
		 "  -c, --config FILE  settings (default " CONFIG_DEFAULT ")\n"
		 "\n"
		 "SIGHUP reloads settings, rules, keys and certificate; SIGTERM ends it.  Exit "
		 "code 78:\n"
		 "the configuration is not usable.\n",
	.run = run,
};
