/*
 * Happy path: an event, quiet, and the files are due.
 * What can go wrong: a folder cannot be watched, or there are too many names - that is said once,
 * and the files are due each minute.
 */
#include "daemon/config_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "core/rule_test.h"
#include "daemon/file_watch.h"

struct config_watch {
	struct file_watch *watch;
	char *settings;
	struct arena *arena; /* of paths */
	struct str *paths;
	size_t n;
	int64_t due_ms;	  /* when the files are to be read; 0 = nothing is due */
	int64_t since_ms; /* when things began to happen; 0 = they are quiet */
	bool blind;	  /* something cannot be watched */
	char told[ERR_TEXT_MAX];
};

bool
config_watch_new(const char *settings, struct config_watch **out, struct err *e)
{
	struct config_watch *w = xcalloc(1, sizeof(*w));

	if (!file_watch_new(&w->watch, e)) {
		free(w);
		return false;
	}
	w->settings = xstrdup(settings);
	w->arena = arena_new();
	*out = w;
	return true;
}

void
config_watch_free(struct config_watch *w)
{
	if (w == NULL)
		return;
	file_watch_free(w->watch);
	arena_free(w->arena);
	free(w->settings);
	free(w);
}

int
config_watch_fd(const struct config_watch *w)
{
	return file_watch_fd(w->watch);
}

/* ---- which files ---- */

/* The set is kept small: an equal path is not added again. */
struct paths {
	struct arena *arena;
	struct str *list;
	size_t n;
};

static void
add(struct paths *p, struct str path)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq(p->list[i], path))
			return;
	if (p->n < FILE_WATCH_NAMES_MAX)
		p->list[p->n++] = arena_str(p->arena, path);
}

/* A link in the folder may lead to a file that is written where it is. */
static void
add_links(struct paths *p, const char *folder)
{
	struct arena *a = arena_new();
	const char **paths;
	struct stat st;
	struct err ignored;
	size_t n;

	if (file_list(folder, ".yaml", RULE_FILES_MAX, a, &paths, &n, &ignored))
		for (size_t i = 0; i < n; i++)
			if (lstat(paths[i], &st) == 0 && S_ISLNK(st.st_mode))
				add(p, str_of(paths[i]));
	arena_free(a);
}

static void
add_rules(struct paths *p, struct str rules)
{
	const char *path = arena_cstr(p->arena, rules);
	struct stat st;

	add(p, rules);
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return;
	add(p, arena_printf(p->arena, "%s/*", path));
	add_links(p, path);
}

static void
add_alert(struct paths *p, const struct rule *rule, const struct rule_test *test, struct arena *a)
{
	struct str path = rule_test_path(rule, test, a);

	if (path.n > 0)
		add(p, arena_printf(a, "%.*s/*", STR_ARG(str_folder(path))));
}

/* A test that fails may be mended in its alert. */
static void
add_alerts(struct paths *p, const struct rules *rules)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		arena_reset(a);
		for (size_t k = 0; k < rule->n_tests; k++)
			add_alert(p, rule, &rule->tests[k], a);
	}
	arena_free(a);
}

static void
collect(struct config_watch *w, const struct config *c, struct paths *p)
{
	add(p, str_of(w->settings));
	add_rules(p, c->settings->rules);
	for (size_t i = 0; i < rules_lists(c->rules); i++)
		add(p, rules_list(c->rules, i));
	add_alerts(p, c->rules);
}

/* ---- watching them ---- */

static void
rearm(struct config_watch *w)
{
	struct err e;

	w->blind = !file_watch_set(w->watch, w->paths, w->n, &e);
	if (w->blind && strcmp(w->told, e.text) != 0) {
		memcpy(w->told, e.text, sizeof(w->told));
		log_warning("changes of settings and rules are not noticed, they are read every %d "
			    "s: %s",
		    CONFIG_RETRY_MS / 1000, e.text);
	}
	if (!w->blind && w->told[0] != '\0') {
		w->told[0] = '\0';
		log_info("changes of settings and rules are noticed again");
	}
}

static bool
are_same(const struct config_watch *w, const struct paths *p)
{
	bool same = w->n == p->n;

	for (size_t i = 0; same && i < p->n; i++)
		same = str_eq(w->paths[i], p->list[i]);
	return same;
}

void
config_watch_follow(struct config_watch *w, const struct config *c, int64_t now_ms)
{
	struct paths p = { .arena = arena_new() };

	p.list = arena_alloc(p.arena, FILE_WATCH_NAMES_MAX * sizeof(*p.list));
	collect(w, c, &p);
	if (are_same(w, &p)) {
		arena_free(p.arena);
		return;
	}
	arena_free(w->arena);
	w->arena = p.arena;
	w->paths = p.list;
	w->n = p.n;
	rearm(w);
	w->due_ms = now_ms;
}

int64_t
config_watch_wait_ms(const struct config_watch *w, int64_t now_ms)
{
	return w->due_ms == 0 ? -1 : w->due_ms <= now_ms ? 0 : w->due_ms - now_ms;
}

bool
config_watch_due(struct config_watch *w, int64_t now_ms)
{
	if (file_watch_take(w->watch)) {
		if (w->since_ms == 0)
			w->since_ms = now_ms;
		w->due_ms = now_ms + CONFIG_QUIET_MS;
		if (w->due_ms > w->since_ms + CONFIG_BUSY_MS)
			w->due_ms = w->since_ms + CONFIG_BUSY_MS;
	}
	if (w->due_ms == 0 || now_ms < w->due_ms)
		return false;
	/* Before reading: links may lead elsewhere, and what changes from here on is the next
	 * event.
	 */
	rearm(w);
	w->since_ms = 0;
	w->due_ms = w->blind ? now_ms + CONFIG_RETRY_MS : 0;
	return true;
}
