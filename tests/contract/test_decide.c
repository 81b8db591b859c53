/* What the decider must do with records that it cannot decide, or dies of. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/pipeline.h"
#include "folder.h"
#include "test.h"

#define EVENT(id)                                                                                \
	"{\"id\":\"" id "\",\"topic\":\"/t\",\"subject\":\"s\",\"eventType\":\"t\","             \
	"\"eventTime\":\"2026-11-23T03:12:46Z\",\"dataVersion\":\"1\",\"data\":{\"alertName\":"  \
	"\"n\","                                                                                 \
	"\"severity\":\"High\",\"status\":\"Active\",\"startTimeUtc\":\"2026-11-23T03:12:45Z\"," \
	"\"resourceIdentifiers\":[]}}"
#define SETTINGS                                             \
	"listen: {certificate: c.pem, private_key: k.pem}\n" \
	"auth: {keys_file: key}\n"                           \
	"channels: {soc: {type: teams, url_file: url}}\n"    \
	"rules: rules.yaml\n"
#define RULES "rules:\n  - {name: none, match: {severity: Unheard}, actions: [notify: soc]}\n"

/* One process: what deciding needs, from its start to its end. */
struct process {
	struct current current;
	struct store *store;
	struct inbox *inbox;
	struct pipeline p;
	struct arena *a;
};

static const struct inbox_sizes small = { 64 * 1024, 64 * 1024, 256 * 1024 };

static void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	CHECK(f != NULL && fputs(text, f) >= 0);
	fclose(f);
}

static void
new_folder(void)
{
	folder_make("decide");
	write_file("gridwarden.yaml", SETTINGS);
	write_file("rules.yaml", RULES);
}

static void
begin(struct process *w)
{
	char digest[SHA256_HEX_MAX];
	struct config *config;
	struct diags d;
	uint64_t decided;
	struct err e;

	w->a = arena_new();
	diags_init(&d, w->a);
	config = config_load(
	    arena_cstr(w->a, arena_printf(w->a, "%s/gridwarden.yaml", folder)), w->a, &d, digest);
	CHECK(config != NULL);
	current_init(&w->current, config);
	CHECK_OK(store_open(arena_printf(w->a, "sqlite:%s/g.db", folder), &w->store, &e));
	CHECK_OK(store_decided_seq(w->store, &decided, &e));
	CHECK_OK(inbox_open_sized(arena_cstr(w->a, arena_printf(w->a, "%s/inbox", folder)), &small,
	    decided, &w->inbox, &e));
	CHECK_OK(pipeline_init(&w->p, w->inbox, w->store, &w->current, 64, &e));
}

static void
end(struct process *w)
{
	pipeline_done(&w->p);
	inbox_close(w->inbox);
	store_close(w->store);
	current_done(&w->current);
	arena_free(w->a);
}

/* A delivery that was taken for n events; their hashes are made from its text. */
static void
receive(struct process *w, const char *body, size_t n)
{
	struct hash128 hashes[4];
	bool fresh[4];
	struct delivery d = { .received_ms = 1700000000000,
		.headers = STR("{}"),
		.body = str_of(body),
		.hashes = hashes,
		.fresh = fresh,
		.n = n };
	struct delivery *one = &d;
	unsigned char digest[SHA256_SIZE];
	struct err e;

	sha256_parts(&d.body, 1, digest);
	for (size_t i = 0; i < n; i++) {
		digest[0] = (unsigned char)i;
		memcpy(hashes[i].bytes, digest, sizeof(hashes[i].bytes));
	}
	CHECK_OK(inbox_append(w->inbox, &one, 1, &e));
	CHECK(d.seq != 0);
}

static bool
decide(struct process *w, struct err *e)
{
	struct arena *a = arena_new();
	bool found = true, ok = true;

	while (ok && found)
		ok = pipeline_decide(&w->p, a, &found, e);
	arena_free(a);
	return ok;
}

static void
order_fault(const char *orders)
{
	if (orders == NULL)
		unsetenv("GRIDWARDEN_FAULT");
	else
		setenv("GRIDWARDEN_FAULT", orders, 1);
}

/* This program as a process that dies while it decides: faults count from its beginning. */
__attribute__((constructor)) static void
die(void)
{
	const char *orders = getenv("DIE_DECIDING");
	struct process w;
	struct err e;

	if (orders == NULL)
		return;
	snprintf(folder, sizeof(folder), "%s", getenv("DIE_IN"));
	begin(&w);
	order_fault(orders);
	(void)!decide(&w, &e);
	_exit(1);
}

static void
die_deciding(const char *orders)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		setenv("DIE_DECIDING", orders, 1);
		setenv("DIE_IN", folder, 1);
		execl("/proc/self/exe", "die", (char *)NULL);
		_exit(1);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A process that cannot commit what it decides and is ended in an orderly way. */
static void
fail_deciding(const char *orders)
{
	struct process w;
	struct err e;

	begin(&w);
	order_fault(orders);
	CHECK(!decide(&w, &e));
	order_fault(NULL);
	end(&w);
}

/* Events in this state, and the reason and the raw text of the last of them. */
static struct alert_detail
expect(struct process *w, const char *state, size_t want)
{
	struct list_filter filter = { .state = str_of(state), .limit = 100 };
	struct alert_detail detail = { .event_raw = STR_EMPTY };
	struct alert_row *rows;
	struct err e;
	size_t n;

	CHECK_OK(store_list_alerts(w->store, &filter, w->a, &rows, &n, &e));
	CHECK_INT(n, want);
	if (n > 0)
		CHECK_OK(store_show_alert(w->store, rows[0].id, w->a, &detail, &e));
	return detail;
}

static void
receive_one_delivery(const char *body, size_t n)
{
	struct process w;

	new_folder();
	begin(&w);
	receive(&w, body, n);
	end(&w);
}

TEST(what_could_not_be_decided_in_any_number_of_orderly_runs_is_decided_once_it_can)
{
	struct process w;
	struct err e;

	receive_one_delivery("[" EVENT("a") "," EVENT("b") "]", 2);
	for (int run = 0; run < 5; run++) {
		fail_deciding("decide.event:fail:1+");
		fail_deciding("store.commit:fail:1+");
	}
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "decided", 2);
	expect(&w, "damaged", 0);
	end(&w);
}

TEST(an_event_of_which_three_processes_died_is_set_aside_and_the_others_are_decided)
{
	struct alert_detail d;
	struct process w;
	struct err e;

	receive_one_delivery("[" EVENT("a") "," EVENT("b") "," EVENT("c") "]", 3);
	for (int run = 0; run < 3; run++) {
		die_deciding("decide.event:kill:2");
		fail_deciding("decide.event:fail:1+"); /* which changes nothing */
	}
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "decided", 2);
	d = expect(&w, "damaged", 1);
	CHECK_STR(d.event_raw, EVENT("b"));
	CHECK_HAS(arena_cstr(w.a, d.row.reason), "ended the program several times");
	CHECK_INT(w.p.figures_damaged, 1);
	end(&w);
}

TEST(two_deaths_are_not_enough_and_are_forgotten_once_the_record_is_decided)
{
	struct process w;
	struct err e;

	receive_one_delivery("[" EVENT("a") "," EVENT("b") "]", 2);
	die_deciding("decide.event:kill:2");
	die_deciding("decide.event:kill:1");
	die_deciding("decide.event:kill:2");
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "decided", 2);
	receive(&w, "[" EVENT("c") "," EVENT("d") "]", 2);
	end(&w);
	die_deciding("decide.event:kill:2");
	die_deciding("decide.event:kill:2");
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "decided", 4);
	end(&w);
}

TEST(several_events_that_kill_are_set_aside_one_after_the_other)
{
	struct process w;
	struct err e;

	receive_one_delivery("[" EVENT("a") "," EVENT("b") "," EVENT("c") "]", 3);
	for (int run = 0; run < 3; run++)
		die_deciding("decide.event:kill:1");
	for (int run = 0; run < 3; run++)
		die_deciding("decide.event:kill:2"); /* the first one is not looked into */
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "decided", 1);
	expect(&w, "damaged", 2);
	end(&w);
}

TEST(a_death_in_the_commit_is_the_disk_s_and_never_counted)
{
	struct process w;
	struct err e;

	receive_one_delivery("[" EVENT("a") "]", 1);
	for (int run = 0; run < 5; run++)
		die_deciding("store.commit:kill:2+");
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "decided", 1);
	end(&w);
}

TEST(a_record_of_which_three_processes_died_in_taking_it_apart_is_set_aside_whole)
{
	struct alert_detail d;
	struct process w;
	struct err e;

	receive_one_delivery("[" EVENT("a") "," EVENT("b") "]", 2);
	begin(&w);
	receive(&w, EVENT("c"), 1);
	end(&w);
	for (int run = 0; run < 3; run++)
		die_deciding("decide.record:kill:1");
	begin(&w);
	CHECK_OK(decide(&w, &e));
	d = expect(&w, "damaged", 1);
	CHECK_STR(d.event_raw, "[" EVENT("a") "," EVENT("b") "]");
	expect(&w, "decided", 1);
	end(&w);
}

TEST(a_record_that_holds_another_number_of_events_than_were_received_is_kept_whole_and_shown)
{
	struct alert_detail d;
	struct process w;
	struct err e;

	receive_one_delivery(EVENT("a"), 2);
	begin(&w);
	receive(&w, "[" EVENT("b") "," EVENT("c") "]", 1);
	receive(&w, EVENT("d"), 1);
	CHECK_OK(decide(&w, &e));
	d = expect(&w, "damaged", 2);
	CHECK_STR(d.event_raw, "[" EVENT("b") "," EVENT("c") "]");
	CHECK_HAS(arena_cstr(w.a, d.row.reason), "received as 1 and is read as 2 events");
	expect(&w, "decided", 1);
	CHECK_INT(w.p.figures_damaged, 2);
	end(&w);
	/* That is all: nothing of it comes again. */
	begin(&w);
	CHECK_OK(decide(&w, &e));
	expect(&w, "damaged", 2);
	end(&w);
}
