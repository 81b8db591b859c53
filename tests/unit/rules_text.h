/*
 * Rules out of C texts, with actions that stand in for the real ones.
 */
#ifndef TESTS_UNIT_RULES_TEXT_H
#define TESTS_UNIT_RULES_TEXT_H

#include "base/json.h"
#include "base/zone.h"
#include "core/rules.h"
#include "test.h"

static struct arena *rules_arena;
static struct diags diags;
static struct buf shown;

static inline struct str
params_as_text(const struct yaml *params, struct arena *a)
{
	struct json *j = json_object(a);

	for (size_t i = 0; params != NULL && params->type == YAML_MAPPING && i < params->n; i++)
		json_set_str(
		    j, arena_cstr(a, params->pairs[i].key->text), params->pairs[i].value->text, a);
	return json_print(j, a);
}

static inline bool
is_action(struct str name)
{
	return str_is(name, "isolate_vm") || str_is(name, "notify");
}

/* isolate_vm is disruptive, notify reports to what its parameter names, nothing else is known. */
static inline bool
check_action(const void *ctx, const struct yaml *name, const struct yaml *params, struct arena *a,
    struct rule_action *out, struct diags *d)
{
	(void)ctx;
	*out = (struct rule_action){ .name = arena_str(a, name->text),
		.params = params_as_text(params, a),
		.named = STR_EMPTY };
	if (str_is(name->text, "isolate_vm")) {
		out->disruptive = true;
		return true;
	}
	if (str_is(name->text, "notify") && params != NULL) {
		out->target = TARGET_NAMED;
		out->named = arena_str(a, params->text);
		out->reports = true;
		return true;
	}
	yaml_error(d, name, "unknown action '%.*s'", STR_ARG(name->text));
	return false;
}

/* What every file that a rule names has in it; NULL: there is none. */
static const char *list_text;
static int64_t rules_now_ms;

static inline bool
read_list(struct str folder, struct str path, struct arena *a, struct source *out, struct err *e)
{
	*out = (struct source){ arena_printf(a, "%.*s/%.*s", STR_ARG(folder), STR_ARG(path)).p,
		arena_str(a, str_of(list_text)) };
	return list_text != NULL || fail(e, ERR_INPUT, "there is no %s", out->name);
}

static inline struct rules *
rules_of_files(const struct source *files, size_t n)
{
	buf_done(&shown);
	arena_free(rules_arena);
	rules_arena = arena_new();
	diags_init(&diags, rules_arena);
	buf_init(&shown, 1024 * 1024);
	return rules_parse(files, n,
	    &(const struct rules_outside){ .check = check_action,
		.is_action = is_action,
		.read = read_list,
		.zone = zone_open,
		.now_ms = rules_now_ms },
	    &diags);
}

static inline struct rules *
rules_of(const char *text)
{
	static struct source source;

	source = (struct source){ "r.yaml", str_of(text) };
	return rules_of_files(&source, 1);
}

static inline const char *
complaints(void)
{
	buf_reset(&shown);
	diags_print(&diags, &shown);
	return buf_cstr(&shown);
}

#endif
