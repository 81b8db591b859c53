/* The threads behind the pipeline: their end. */
#include "daemon/worker.h"

#include <stdio.h>

#include "base/clock.h"
#include "folder.h"
#include "test.h"

static const struct inbox_sizes small = { 64 * 1024, 64 * 1024, 256 * 1024 };

/* A pipeline with nothing to do. */
struct world {
	struct arena *arena;
	struct current current;
	struct store *store;
	struct inbox *inbox;
	struct pipeline pipeline;
	struct workers *workers;
};

static struct config *
no_rules(struct arena *a)
{
	struct str path = arena_printf(a, "%s/settings", folder);
	FILE *f = fopen(path.p, "w");
	char digest[SHA256_HEX_MAX];
	struct config *c;
	struct diags d;

	CHECK(f != NULL);
	fprintf(f, "listen: {address: '127.0.0.1:0'}\nauth: {insecure: true}\nrules: %s\n", folder);
	CHECK(fclose(f) == 0);
	diags_init(&d, a);
	c = config_load(path.p, a, &d, digest);
	CHECK(c != NULL);
	return c;
}

static void
begin(struct world *w)
{
	struct err e;

	folder_make("worker");
	w->arena = arena_new();
	current_init(&w->current, no_rules(w->arena));
	CHECK_OK(store_open(arena_printf(w->arena, "sqlite:%s/store.db", folder), &w->store, &e));
	CHECK_OK(inbox_open_sized(folder, &small, 0, &w->inbox, &e));
	CHECK_OK(pipeline_init(&w->pipeline, w->inbox, w->store, &w->current, 100, &e));
	CHECK_OK(workers_start(&w->pipeline, &w->workers, &e));
}

static void
end(struct world *w)
{
	pipeline_done(&w->pipeline);
	inbox_close(w->inbox);
	store_close(w->store);
	current_done(&w->current);
	arena_free(w->arena);
}

/* The probes of /livez end later than the workers. */
TEST(workers_can_be_asked_after_their_end_until_they_are_freed)
{
	struct world w;

	begin(&w);
	CHECK(workers_alive(w.workers, clock_mono_ms()));
	workers_stop(w.workers);
	CHECK(workers_alive(w.workers, clock_mono_ms()));
	workers_free(w.workers);
	end(&w);
}
