/* When settings and rules are due to be read; the time is told, nothing waits. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config_watch.h"
#include "test.h"

struct world {
	char folder[64];
	struct arena *a;
	struct config *c;
	struct config_watch *w;
	int64_t now_ms;
};

static const char *
at(const struct world *w, const char *name)
{
	return arena_printf(w->a, "%s/%s", w->folder, name).p;
}

static void
put(const struct world *w, const char *name, const char *text)
{
	FILE *f = fopen(at(w, name), "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

#define RULES                                                                   \
	"rules: [{name: r, match: {severity: High}, actions: [{notify: soc}], " \
	"tests: [{alert: ../alerts/a.json, expect: {fires: true}}]}]\n"

static void
begin(struct world *w)
{
	char digest[SHA256_HEX_MAX];
	struct diags d;
	struct err e;

	*w = (struct world){ .folder = "/tmp/test_cw.XXXXXX", .a = arena_new(), .now_ms = 1000 };
	CHECK(mkdtemp(w->folder) != NULL);
	CHECK(mkdir(at(w, "rules.d"), 0700) == 0 && mkdir(at(w, "alerts"), 0700) == 0);
	put(w, "rules.d/a.yaml", RULES);
	put(w, "alerts/a.json", "{\"alertName\":\"x\",\"severity\":\"High\"}");
	put(w, "settings",
	    "listen: {address: '127.0.0.1:0'}\nauth: {insecure: true}\nrules: rules.d\n"
	    "channels: {soc: {type: teams, url_file: u}}\n");
	diags_init(&d, w->a);
	w->c = config_load(at(w, "settings"), w->a, &d, digest);
	CHECK(w->c != NULL && w->c->tests == 1 && w->c->tests_failed == 0);
	CHECK_OK(config_watch_new(at(w, "settings"), &w->w, &e));
	config_watch_follow(w->w, w->c, w->now_ms);
	/* They may have changed before they could be watched. */
	CHECK(config_watch_due(w->w, w->now_ms));
	CHECK(!config_watch_due(w->w, w->now_ms));
	CHECK_INT(config_watch_wait_ms(w->w, w->now_ms), -1);
}

static void
end(struct world *w)
{
	char command[128];

	config_watch_free(w->w);
	config_unref(w->c);
	snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	CHECK(system(command) == 0);
	arena_free(w->a);
}

/* Due after the quiet, and not a moment before. */
static void
check_taken(struct world *w)
{
	CHECK(!config_watch_due(w->w, w->now_ms));
	CHECK_INT(config_watch_wait_ms(w->w, w->now_ms), CONFIG_QUIET_MS);
	CHECK(!config_watch_due(w->w, w->now_ms + CONFIG_QUIET_MS - 1));
	CHECK(config_watch_due(w->w, w->now_ms + CONFIG_QUIET_MS));
	CHECK_INT(config_watch_wait_ms(w->w, w->now_ms + CONFIG_QUIET_MS), -1);
	w->now_ms += 10 * CONFIG_QUIET_MS;
}

TEST(each_file_that_counts_is_noticed)
{
	struct world w;

	begin(&w);
	put(&w, "settings", "x");
	check_taken(&w);
	put(&w, "rules.d/a.yaml", "x");
	check_taken(&w);
	put(&w, "rules.d/b.yaml", "x");
	check_taken(&w);
	CHECK(unlink(at(&w, "rules.d/b.yaml")) == 0);
	check_taken(&w);
	put(&w, "alerts/a.json", "x");
	check_taken(&w);
	put(&w, "beside", "x");
	CHECK(!config_watch_due(w.w, w.now_ms));
	CHECK_INT(config_watch_wait_ms(w.w, w.now_ms), -1);
	end(&w);
}

TEST(what_goes_on_changing_is_read_all_the_same)
{
	struct world w;
	int64_t began;

	begin(&w);
	for (began = w.now_ms; w.now_ms < began + CONFIG_BUSY_MS; w.now_ms += CONFIG_QUIET_MS / 2) {
		put(&w, "rules.d/a.yaml", "x");
		CHECK(!config_watch_due(w.w, w.now_ms));
	}
	put(&w, "rules.d/a.yaml", "x");
	CHECK(config_watch_due(w.w, began + CONFIG_BUSY_MS));
	end(&w);
}

TEST(following_the_same_files_again_makes_nothing_due)
{
	struct world w;

	begin(&w);
	config_watch_follow(w.w, w.c, w.now_ms);
	CHECK_INT(config_watch_wait_ms(w.w, w.now_ms), -1);
	end(&w);
}
