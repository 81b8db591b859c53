#include "daemon/load.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/zone.h"
#include "base/json.h"

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
		    STR_ARG(name), NEAR_ARG(near));
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

/* ---- rules ---- */

/* As they were read. */
struct rule_files {
	struct source *list;
	size_t n;
};

/* What a rule names beside its own file; "-" and "credential:" are names like others here. */
static bool
read_list(struct str folder, struct str path, struct arena *a, struct source *out, struct err *e)
{
	bool bare = str_is(folder, ".") && !str_is(path, "-") &&
		    !str_starts_nocase(path, STR(FILE_CREDENTIAL));
	struct str name = (path.n > 0 && path.p[0] == '/') || bare
			      ? arena_str(a, path)
			      : arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(path));

	*out = (struct source){ name.p, STR_EMPTY };
	return file_read(name.p, LIST_SIZE_MAX, a, &out->text, e);
}

/* The files as they were read; false: d says which could not be. */
static bool
read_rule_files(const char *path, struct arena *a, struct diags *d, struct rule_files *out)
{
	const char **paths;
	struct err e;

	out->n = 0;
	if (!file_list(path, ".yaml", RULE_FILES_MAX, a, &paths, &out->n, &e)) {
		struct source *src = arena_alloc(a, sizeof(*src));

		*src = (struct source){ arena_cstr(a, str_of(path)), STR_EMPTY };
		diags_add(d, DIAG_ERROR, src, 0, 0, "%s", e.text);
		return false;
	}
	out->list = arena_alloc(a, out->n * sizeof(*out->list));
	for (size_t i = 0; i < out->n; i++) {
		struct source *src = read_source(paths[i], a, d);

		if (src == NULL)
			return false;
		out->list[i] = *src;
	}
	return true;
}

static bool
is_action(struct str name)
{
	return action_find(name) != NULL;
}

static struct rules *
read_rules(const char *path, const struct settings *settings, struct arena *a, struct diags *d,
    struct rule_files *files)
{
	const struct rules_outside outside = { .check = action_check,
		.ctx = settings,
		.is_action = is_action,
		.read = read_list,
		.zone = zone_open,
		.now_ms = clock_now_ms() };

	return read_rule_files(path, a, d, files) ? rules_parse(files->list, files->n, &outside, d)
						  : NULL;
}

struct rules *
load_rules(const char *path, const struct settings *settings, struct arena *a, struct diags *d)
{
	struct rule_files files;

	return read_rules(path, settings, a, d, &files);
}

static void
test(const struct rules *rules, const struct settings *settings, const struct rule_files *files,
    struct arena *a, struct diags *d, struct rule_tests *tests)
{
	rule_tests_run(rules, settings, RULE_TESTS_LIMIT_MS, a, tests);
	rule_tests_report(tests, files->list, files->n, d);
}

struct rules *
load_rules_and_test(const char *path, const struct settings *settings, struct arena *a,
    struct diags *d, struct rule_tests *tests)
{
	struct rule_files files;
	struct rules *rules = read_rules(path, settings, a, d, &files);

	if (rules != NULL)
		test(rules, settings, &files, a, d, tests);
	return rules;
}

/* ---- both ---- */

static void
add_text(struct json *list, struct str name, struct str text, struct arena *a)
{
	struct json *file = json_object(a);

	json_set_str(file, "name", name, a);
	json_set_str(file, "text", text, a);
	json_add(list, file, a);
}

/* "" when it is too much to be kept for each version. */
static struct str
text_of(const struct rule_files *files, const struct rules *rules, struct arena *a)
{
	struct json *list = json_array(a);
	struct str text;

	for (size_t i = 0; i < files->n; i++)
		add_text(list, str_of(files->list[i].name), files->list[i].text, a);
	for (size_t i = 0; i < rules_lists(rules); i++)
		add_text(list, rules_list(rules, i), rules_list_text(rules, i), a);
	text = json_print(list, a);
	return text.n <= RULES_TEXT_MAX ? text : STR_EMPTY;
}

static void
hash_settings(const struct source *src, struct config *c)
{
	char hex[SHA256_HEX_MAX];

	sha256_parts_hex(&src->text, 1, hex);
	memcpy(c->settings_hash, hex, sizeof(c->settings_hash) - 1);
}

/*
 * Of all that counts: the same digest is the same configuration, or the same mistakes.  Alerts of
 * tests count by what came of them.
 */
static void
digest_of(const struct source *settings, const struct rule_files *files, const struct config *c,
    const struct diags *d, struct arena *a, char out[SHA256_HEX_MAX])
{
	struct str *parts = arena_alloc(a, (2 + 2 * files->n + d->n) * sizeof(*parts));
	size_t n = 0;

	if (settings != NULL)
		parts[n++] = settings->text;
	for (size_t i = 0; i < files->n; i++) {
		parts[n++] = str_of(files->list[i].name);
		parts[n++] = files->list[i].text;
	}
	for (size_t i = 0; i < d->n; i++)
		parts[n++] = d->list[i].text;
	if (c != NULL)
		parts[n++] = rules_hash(c->rules); /* the lists that they name too */
	sha256_parts_hex(parts, n, out);
}

static _Atomic uint64_t loaded;

static struct config *
new_config(const struct source *src, const struct rule_files *files, struct settings *settings,
    struct rules *rules, struct arena *a)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->settings = settings;
	c->rules = rules;
	c->references = 1;
	c->shared = action_shared_new(settings);
	c->rules_number = atomic_fetch_add(&loaded, 1) + 1;
	c->rules_text = xstrndup(text_of(files, rules, a));
	hash_settings(src, c);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

struct config *
config_load(const char *path, struct arena *a, struct diags *d, char digest[SHA256_HEX_MAX])
{
	struct rule_files files = { NULL, 0 };
	struct rule_tests tests;
	struct source *src;
	struct settings *settings = load(path, a, d, &src);
	struct rules *rules = NULL;
	struct config *c = NULL;

	if (settings != NULL) {
		action_try_credentials(settings, src, a, d);
		rules = read_rules(arena_cstr(a, settings->rules), settings, a, d, &files);
	}
	if (rules != NULL) {
		c = new_config(src, &files, settings, rules, a);
		test(rules, settings, &files, a, d, &tests);
		c->tests = tests.n - tests.counts[RULE_TEST_SKIPPED];
		c->tests_failed = rule_tests_bad(&tests);
	} else {
		settings_free(settings);
	}
	digest_of(src, &files, c, d, a, digest);
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
	free(c->rules_text);
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
