/*
 * Happy path: the field's name, and each modifier is found in one of the tables.
 * What can go wrong: a slip, what does not go together, and what Sigma has and alerts have no use
 * for; each is told at its own place.
 */
#include "modifiers.h"

static const struct modifier modifiers[] = {
	{ "contains", OP_LIKE, true, true, false },
	{ "startswith", OP_LIKE, false, true, false },
	{ "endswith", OP_LIKE, true, false, false },
	{ "neq", OP_LIKE, false, false, true },
	{ "re", OP_RE, false, false, false },
	{ "cidr", OP_CIDR, false, false, false },
	{ "exists", OP_EXISTS, false, false, false },
	{ "gt", OP_GT, false, false, false },
	{ "gte", OP_GTE, false, false, false },
	{ "lt", OP_LT, false, false, false },
	{ "lte", OP_LTE, false, false, false },
};
#define MODIFIERS (sizeof(modifiers) / sizeof(modifiers[0]))

/* What goes with one of the above, and says more. */
static const struct {
	const char *name;
	enum flag flag;
} flags[] = {
	{ "all", FLAG_ALL },
	{ "cased", FLAG_CASED },
	{ "i", FLAG_RE_CASELESS },
	{ "m", FLAG_RE_LINES },
	{ "s", FLAG_RE_DOT_ALL },
	{ "in_file", FLAG_IN_FILE },
};
#define FLAGS (sizeof(flags) / sizeof(flags[0]))

/* https://github.com/SigmaHQ/sigma-specification, Sigma Modifiers 2.1.0: the others. */
static const struct {
	const char *name, *instead;
} unsupported[] = {
	{ "windash", "write each dash: contains: ['-enc', '/enc']" },
	{ "base64", "alerts hold text as it was, write the encoded value out" },
	{ "base64offset", "alerts hold text as it was, write the encoded values out" },
	{ "utf16", "alerts hold text, not bytes" },
	{ "utf16le", "alerts hold text, not bytes" },
	{ "utf16be", "alerts hold text, not bytes" },
	{ "wide", "alerts hold text, not bytes" },
	{ "expand", "there are no placeholders, in_file takes values from a file" },
	{ "fieldref", "a field is compared with values, not with another field" },
	{ "minute", "a date is a text here" },
	{ "hour", "a date is a text here" },
	{ "day", "a date is a text here" },
	{ "week", "a date is a text here" },
	{ "month", "a date is a text here" },
	{ "year", "a date is a text here, startswith: '2026-' asks for its year" },
};

struct reading {
	const struct yaml *key;
	struct condition *c;
	const struct modifier *main;
	struct diags *d;
};

static void
unknown(struct reading *r, struct str word)
{
	const char *names[MODIFIERS + FLAGS], *near;
	size_t at = (size_t)(word.p - r->key->text.p);

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (str_is(word, unsupported[i].name)) {
			yaml_error_inside(r->d, r->key, at,
			    "Sigma's modifier '%.*s' is not supported: %s", STR_ARG(word),
			    unsupported[i].instead);
			return;
		}
	for (size_t i = 0; i < MODIFIERS; i++)
		names[i] = modifiers[i].name;
	for (size_t i = 0; i < FLAGS; i++)
		names[MODIFIERS + i] = flags[i].name;
	near = str_nearest(word, names, MODIFIERS + FLAGS);
	yaml_error_inside(r->d, r->key, at, "unknown modifier '%.*s'%s%s%s", STR_ARG(word),
	    near == NULL ? "" : ", did you mean '", near == NULL ? "" : near,
	    near == NULL ? "" : "'?");
}

static bool
take(struct reading *r, struct str word)
{
	for (size_t i = 0; i < FLAGS; i++)
		if (str_is(word, flags[i].name)) {
			r->c->flags |= flags[i].flag;
			return true;
		}
	for (size_t i = 0; i < MODIFIERS; i++) {
		if (!str_is(word, modifiers[i].name))
			continue;
		if (r->main != NULL) {
			yaml_error_inside(r->d, r->key, (size_t)(word.p - r->key->text.p),
			    "'%s' and '%s' cannot be used together", r->main->name,
			    modifiers[i].name);
			return false;
		}
		r->main = &modifiers[i];
		r->c->op = modifiers[i].op;
		r->c->negated = modifiers[i].negated;
		return true;
	}
	unknown(r, word);
	return false;
}

static bool
agrees_with_file(struct reading *r)
{
	struct condition *c = r->c;

	if (c->negated || (c->op != OP_LIKE && c->op != OP_CIDR)) {
		yaml_error(r->d, r->key,
		    "'in_file' goes with contains, startswith, endswith and cidr, not with '%s'",
		    r->main->name);
		return false;
	}
	if (c->flags & FLAG_ALL) {
		yaml_error(r->d, r->key, "'in_file' asks for any of the values, not for all");
		return false;
	}
	if ((c->flags & FLAG_CASED) && r->main != NULL && r->main->open_front &&
	    r->main->open_end) {
		yaml_error(r->d, r->key, "'contains' with 'in_file' cannot mind the case");
		return false;
	}
	c->op = OP_IN_FILE;
	return true;
}

/* What cannot stand together is a mistake. */
static bool
agree(struct reading *r)
{
	const struct condition *c = r->c;

	if ((c->flags & FLAG_CASED) && c->op != OP_LIKE && !(c->flags & FLAG_IN_FILE)) {
		yaml_error(r->d, r->key, "'cased' goes with text, not with '%s'%s", r->main->name,
		    c->op == OP_RE ? ", which minds the case by itself" : "");
		return false;
	}
	if ((c->flags & FLAGS_RE) && c->op != OP_RE) {
		yaml_error(
		    r->d, r->key, "'i', 'm' and 's' go with 're': %.*s|re|i", STR_ARG(c->field));
		return false;
	}
	if ((c->flags & FLAG_ALL) && c->negated) {
		yaml_error(r->d, r->key, "'neq' is about each of the values, 'all' adds nothing");
		return false;
	}
	return !(c->flags & FLAG_IN_FILE) || agrees_with_file(r);
}

/* Any path of the payload may be matched, so a name that looks like a slip is only warned of. */
void
warn_misspelt_field(struct str field, const struct yaml *y, struct diags *d)
{
	const char *near;

	for (size_t i = 0; i < alert_field_count; i++)
		if (str_is_nocase(field, alert_field_names[i]))
			return;
	near = str_nearest(field, alert_field_names, alert_field_count);
	if (near != NULL)
		yaml_warning(d, y, "no alert has a field '%.*s' by itself, did you mean '%s'?",
		    STR_ARG(field), near);
}

bool
modifiers_read(const struct yaml *key, struct arena *a, struct condition *out,
    const struct modifier **main, struct diags *d)
{
	struct reading r = { key, out, NULL, d };
	struct str rest = key->text, word;
	bool ok = true;

	out->op = OP_LIKE;
	out->written = arena_str(a, key->text);
	str_next(&rest, '|', &word);
	out->field = arena_str(a, word);
	if (word.n == 0) {
		yaml_error(d, key, "a field name is missing" KEYWORDS_HINT);
		return false;
	}
	while (str_next(&rest, '|', &word))
		ok = take(&r, word) && ok;
	ok = ok && agree(&r);
	warn_misspelt_field(out->field, key, d);
	out->by_severity = str_is_nocase(out->field, "severity") && out->op >= OP_GT;
	*main = r.main;
	return ok;
}
