/*
 * Happy path: the field's name, and each modifier is found in one of the tables.
 * What can go wrong: a slip, what does not go together, and what Sigma has and alerts have no use
 * for; each is told at its own place.
 */
#include "modifiers.h"

#include "base/buf.h"

#define WORDS_MAX 200
#define TEXT (FLAG_ALL | FLAG_CASED)
#define FILE_CASED (FLAG_IN_FILE | FLAG_CASED)

const struct modifier modifiers[] = {
	{ .op = OP_LIKE,
	    .with = TEXT,
	    .with_file = FILE_CASED,
	    .help = "The field is the value; * is any text, ? one character." },
	{ .name = "contains",
	    .op = OP_LIKE,
	    .open_front = true,
	    .open_end = true,
	    .with = TEXT,
	    .with_file = FLAG_IN_FILE,
	    .help = "The value is somewhere in the field." },
	{ .name = "startswith",
	    .op = OP_LIKE,
	    .open_end = true,
	    .with = TEXT,
	    .with_file = FILE_CASED,
	    .help = "The field begins with the value." },
	{ .name = "endswith",
	    .op = OP_LIKE,
	    .open_front = true,
	    .with = TEXT,
	    .with_file = FILE_CASED,
	    .help = "The field ends with the value." },
	{ .name = "neq",
	    .op = OP_LIKE,
	    .negated = true,
	    .with = FLAG_CASED,
	    .help = "The field is none of the values." },
	{ .name = "re",
	    .op = OP_RE,
	    .takes = TAKES_REGEX,
	    .with = FLAG_ALL | FLAGS_RE,
	    .help = "The regular expression (PCRE2, minds the case) fits somewhere in the field." },
	{ .name = "cidr",
	    .op = OP_CIDR,
	    .takes = TAKES_RANGE,
	    .with = FLAG_ALL,
	    .with_file = FLAG_IN_FILE,
	    .help = "The field is an address in the range." },
	{ .name = "exists",
	    .op = OP_EXISTS,
	    .takes = TAKES_BOOL,
	    .with = FLAG_ALL,
	    .help = "true: the field is there; false: it is absent or empty." },
	{ .name = "gt",
	    .op = OP_GT,
	    .takes = TAKES_COMPARED,
	    .with = FLAG_ALL,
	    .help = "The field is greater: a number, or a severity." },
	{ .name = "gte",
	    .op = OP_GTE,
	    .takes = TAKES_COMPARED,
	    .with = FLAG_ALL,
	    .help = "The field is greater or the same." },
	{ .name = "lt",
	    .op = OP_LT,
	    .takes = TAKES_COMPARED,
	    .with = FLAG_ALL,
	    .help = "The field is less." },
	{ .name = "lte",
	    .op = OP_LTE,
	    .takes = TAKES_COMPARED,
	    .with = FLAG_ALL,
	    .help = "The field is less or the same." },
};
#define MODIFIERS (sizeof(modifiers) / sizeof(modifiers[0]))
const size_t modifiers_count = MODIFIERS;

const struct modifier_flag modifier_flags[] = {
	{ "all", FLAG_ALL, "Of a list each value must hold, not just one." },
	{ "cased", FLAG_CASED, "Upper and lower case matter." },
	{ "i", FLAG_RE_CASELESS, "re: upper and lower case do not matter." },
	{ "m", FLAG_RE_LINES, "re: ^ and $ are the ends of each line." },
	{ "s", FLAG_RE_DOT_ALL, "re: . is the end of a line too." },
	{ "in_file", FLAG_IN_FILE, "The values are the lines of a file beside the rule file." },
};
#define FLAGS (sizeof(modifier_flags) / sizeof(modifier_flags[0]))
const size_t modifier_flags_count = FLAGS;

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
	size_t at = (size_t)(word.p - r->key->text.p), n = 0;

	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (str_is(word, unsupported[i].name)) {
			yaml_error_inside(r->d, r->key, at,
			    "Sigma's modifier '%.*s' is not supported: %s", STR_ARG(word),
			    unsupported[i].instead);
			return;
		}
	for (size_t i = 1; i < MODIFIERS; i++)
		names[n++] = modifiers[i].name;
	for (size_t i = 0; i < FLAGS; i++)
		names[n++] = modifier_flags[i].name;
	near = str_nearest(word, names, n);
	yaml_error_inside(
	    r->d, r->key, at, "unknown modifier '%.*s'%s%s%s", STR_ARG(word), NEAR_ARG(near));
}

static bool
take(struct reading *r, struct str word)
{
	for (size_t i = 0; i < FLAGS; i++)
		if (str_is(word, modifier_flags[i].name)) {
			r->c->flags |= modifier_flags[i].flag;
			return true;
		}
	for (size_t i = 1; i < MODIFIERS; i++) {
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

/* "contains, startswith and endswith" */
static void
add_words(struct buf *b, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " and ", words[i]);
}

/* The modifiers that a flag may stand beside. */
static void
add_hosts(struct buf *b, const struct modifier_flag *f)
{
	const char *words[MODIFIERS];
	size_t n = 0;

	for (size_t i = 1; i < MODIFIERS; i++)
		if (((modifiers[i].with | modifiers[i].with_file) & f->flag) != 0)
			words[n++] = modifiers[i].name;
	add_words(b, words, n);
}

/* With in_file there it may be that one that it does not go with. */
static void
out_of_place(struct reading *r, const struct modifier *m, const struct modifier_flag *f)
{
	bool by_file = (r->c->flags & FLAG_IN_FILE) != 0 && (m->with & f->flag) != 0;
	struct buf b;

	buf_init(&b, WORDS_MAX);
	buf_printf(&b, "'%s' ", f->name);
	if (by_file && m->with_file != 0) {
		buf_add_cstr(&b, "does not go with ");
		if (m->name != NULL)
			buf_printf(&b, "'%s' and ", m->name);
		buf_add_cstr(&b, "'in_file'");
	} else {
		buf_add_cstr(&b, "goes with ");
		add_hosts(&b, f);
		if (m->name != NULL)
			buf_printf(&b, ", not with '%s'", m->name);
	}
	yaml_error(r->d, r->key, "%s", buf_cstr(&b));
	buf_done(&b);
}

/* What cannot stand together is a mistake. */
static bool
agree(struct reading *r)
{
	const struct modifier *m = r->main == NULL ? &modifiers[0] : r->main;
	bool in_file = (r->c->flags & FLAG_IN_FILE) != 0 && m->with_file != 0;
	unsigned wrong = r->c->flags & ~(in_file ? m->with_file : m->with);

	for (size_t i = 0; i < FLAGS; i++)
		if ((wrong & modifier_flags[i].flag) != 0)
			out_of_place(r, m, &modifier_flags[i]);
	if (in_file)
		r->c->op = OP_IN_FILE;
	return wrong == 0;
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
