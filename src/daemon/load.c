#include "daemon/load.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"

/* Read a file for diags to point into; NULL when it cannot be read, which is put into d. */
static struct source *
read_source(const char *path, struct arena *a, struct diags *d)
{
	struct source *src = arena_alloc(a, sizeof(*src));
	struct err e;

	src->name = arena_cstr(a, str_of(path));
	src->text = STR_EMPTY;
	if (!file_read(path, CONFIG_SIZE_MAX, a, &src->text, &e)) {
		diags_add(d, DIAG_ERROR, src, 0, 0, "%s", e.text);
		return NULL;
	}
	return src;
}

/* What names an action that does not exist, or changes nothing, would hold back nothing. */
static void
check_action(struct str name, int line, int col, const struct source *src, struct diags *d)
{
	const struct action *action = action_find(name);
	const char *near = action == NULL ? action_nearest(name) : NULL;

	if (action == NULL)
		diags_add(d, DIAG_ERROR, src, line, col, "unknown action '%.*s'%s%s%s",
		    STR_ARG(name), near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
		    near == NULL ? "" : "'?");
	else if (!action->disruptive)
		diags_add(d, DIAG_ERROR, src, line, col,
		    "'%s' changes nothing, it would never be held back", action->name);
}

static bool
actions_are_named(const struct settings *s, const struct source *src, struct diags *d)
{
	size_t errors = d->errors;

	for (size_t i = 0; i < s->n_budgets; i++)
		check_action(s->budgets[i].action, s->budgets[i].line, s->budgets[i].col, src, d);
	for (size_t i = 0; i < s->approvals.n_actions; i++)
		check_action(s->approvals.actions[i], s->approvals.line, s->approvals.col, src, d);
	return d->errors == errors;
}

static struct settings *
load(const char *path, struct arena *a, struct diags *d, struct source **src)
{
	struct settings *s;

	*src = read_source(path, a, d);
	s = *src == NULL ? NULL : settings_parse(*src, d);
	if (s == NULL || actions_are_named(s, *src, d))
		return s;
	settings_free(s);
	return NULL;
}

struct settings *
load_settings(const char *path, struct arena *a, struct diags *d)
{
	struct source *src;

	return load(path, a, d, &src);
}

struct settings *
load_settings_and_try(const char *path, struct arena *a, struct diags *d)
{
	struct source *src;
	struct settings *s = load(path, a, d, &src);

	if (s != NULL)
		action_try_credentials(s, src, a, d);
	return s;
}

struct rules *
load_rules(const char *path, const struct settings *settings, struct arena *a, struct diags *d)
{
	struct source *list;
	const char **paths;
	size_t n;
	struct err e;

	if (!file_list(path, ".yaml", RULE_FILES_MAX, a, &paths, &n, &e)) {
		struct source *src = arena_alloc(a, sizeof(*src));

		*src = (struct source){ arena_cstr(a, str_of(path)), STR_EMPTY };
		diags_add(d, DIAG_ERROR, src, 0, 0, "%s", e.text);
		return NULL;
	}
	list = arena_alloc(a, n * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		struct source *src = read_source(paths[i], a, d);

		if (src == NULL)
			return NULL;
		list[i] = *src;
	}
	return rules_parse(list, n,
	    &(const struct rules_outside){
		.check = action_check, .ctx = settings, .now_ms = clock_now_ms() },
	    d);
}

struct config *
config_load(const char *path, struct arena *a, struct diags *d)
{
	struct settings *settings = load_settings_and_try(path, a, d);
	struct rules *rules;
	struct config *c;

	if (settings == NULL)
		return NULL;
	rules = load_rules(arena_cstr(a, settings->rules), settings, a, d);
	if (rules == NULL) {
		settings_free(settings);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	c->settings = settings;
	c->rules = rules;
	c->references = 1;
	c->shared = action_shared_new(settings);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

struct config *
config_ref(struct config *c)
{
	pthread_mutex_lock(&c->lock);
	c->references++;
	pthread_mutex_unlock(&c->lock);
	return c;
}

void
config_unref(struct config *c)
{
	int left;

	if (c == NULL)
		return;
	pthread_mutex_lock(&c->lock);
	left = --c->references;
	pthread_mutex_unlock(&c->lock);
	if (left > 0)
		return;
	action_shared_free(c->shared);
	rules_free(c->rules);
	settings_free(c->settings);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
current_init(struct current *cur, struct config *c)
{
	pthread_mutex_init(&cur->lock, NULL);
	cur->config = c;
}

void
current_done(struct current *cur)
{
	config_unref(cur->config);
	pthread_mutex_destroy(&cur->lock);
}

struct config *
current_get(struct current *cur)
{
	struct config *c;

	pthread_mutex_lock(&cur->lock);
	c = config_ref(cur->config);
	pthread_mutex_unlock(&cur->lock);
	return c;
}

void
current_set(struct current *cur, struct config *c)
{
	struct config *old;

	pthread_mutex_lock(&cur->lock);
	old = cur->config;
	cur->config = c;
	pthread_mutex_unlock(&cur->lock);
	config_unref(old);
}
