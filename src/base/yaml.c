/*
 * Happy path: text_check() looks at the bytes, libfyaml gives events, each event becomes a node in
 * the arena, the stack of open lists and mappings says where it belongs.
 *
 * What can go wrong: bytes that are no text, too much of anything (size, depth, values), YAML that
 * is not used here (anchors, tags, ...), a key twice, and what libfyaml itself refuses.  Aliases
 * are never followed, so there is nothing to blow up.
 */
#include "base/yaml.h"

#include <assert.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "place.h"
#include "yaml_words.h"

/* A list or mapping whose end has not been seen. */
struct frame {
	struct yaml *node;
	struct yaml *key; /* mapping: the key that waits for its value */
	size_t cap;
	bool flow; /* written with brackets */
};

struct builder {
	const struct source *source;
	struct arena *arena;
	struct diags *diags;
	struct frame stack[YAML_DEPTH_MAX];
	size_t depth;
	struct yaml *root;
	size_t nodes;
	size_t documents;
	size_t end; /* byte behind the last token */
	/* The last place that was counted: counting goes on from there, not from the front. */
	size_t counted;
	struct place place;
};

static void refuse_at(struct builder *b, struct place at, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
refuse_at(struct builder *b, struct place at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diags_add(b->diags, DIAG_ERROR, b->source, at.line, at.col, "%s", text);
}

/* ---- the bytes, before libfyaml sees them ---- */

/* What is wrong with the character at s; NULL when nothing is. */
static const char *
character_problem(struct str s, size_t n)
{
	unsigned char c = (unsigned char)s.p[0];

	if (n == 0)
		return "this is not UTF-8";
	if (c == '\0')
		return "a NUL byte";
	if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f ||
	    (c == 0xc2 && (unsigned char)s.p[1] < 0xa0))
		return "a control character";
	if (n == 3 && memcmp(s.p, "\xef\xbb\xbf", 3) == 0)
		return "a byte order mark: save the file as plain UTF-8";
	return NULL;
}

static bool
line_starts(struct str text, size_t at)
{
	return at == 0 || text.p[at - 1] == '\n' || text.p[at - 1] == '\r';
}

static bool
tab_before(struct str text, size_t at)
{
	while (at > 0 && text.p[at - 1] == ' ')
		at--;
	return at > 0 && text.p[at - 1] == '\t';
}

/* What stands before the blanks is a sign itself: here a value begins. */
static bool
sign_before(struct str text, size_t at)
{
	while (at > 0 && (text.p[at - 1] == ' ' || text.p[at - 1] == '\t'))
		at--;
	return at > 0 && strchr("?:-", text.p[at - 1]) != NULL;
}

/*
 * A sign that begins a key, a value, a list entry or a block of text.  Behind a tab libfyaml 0.7.12
 * may get lost there, and read what is not its own or nothing at all.
 */
static bool
is_tabbed_sign(struct str text, size_t at)
{
	char c = text.p[at];
	bool alone = at + 1 == text.n || strchr(" \t\r\n", text.p[at + 1]) != NULL;

	if (strchr("?:-|>", c) == NULL || !tab_before(text, at))
		return false;
	if (c == '?' || c == ':')
		return true;
	return (c != '-' || alone) && sign_before(text, at);
}

/*
 * libfyaml reads a bracketed list to its end before it gives the first event, hence the count of
 * brackets and commas; and it may loop for ever over a line of '%', hence no directives at all.
 */
static bool
text_check(struct builder *b)
{
	struct str text = b->source->text;
	size_t structure = 0;

	if (text.n > YAML_SIZE_MAX) {
		diags_add(b->diags, DIAG_ERROR, b->source, 0, 0, "the file is larger than %d KiB",
		    YAML_SIZE_MAX / 1024);
		return false;
	}
	for (size_t i = 0, n; i < text.n; i += n) {
		struct str rest = str_slice(text, i, text.n);
		const char *problem;

		n = utf8_sequence(rest);
		problem = character_problem(rest, n);
		if (problem == NULL && rest.p[0] == '%' && line_starts(text, i))
			problem = "directives (%YAML, %TAG) are not used here";
		if (problem == NULL && is_tabbed_sign(text, i))
			problem = "a tab before '?', ':', '-', '|' or '>', write a blank";
		structure += strchr("[]{},", rest.p[0]) != NULL;
		if (problem == NULL && structure > 2 * YAML_NODES_MAX)
			problem = "too many brackets and commas in one file";
		if (problem != NULL) {
			refuse_at(b, place_of(text, i), "%s", problem);
			return false;
		}
	}
	return true;
}

/* ---- nodes ---- */

static struct yaml *
node_new(struct builder *b, enum yaml_type type, struct place at)
{
	struct yaml *y = arena_alloc(b->arena, sizeof(*y));

	y->type = type;
	y->source = b->source;
	y->line = at.line;
	y->col = at.col;
	y->text = STR_EMPTY;
	b->nodes++;
	return y;
}

static struct place
place_at(struct builder *b, size_t offset)
{
	if (offset < b->counted || b->counted == 0) {
		b->counted = 0;
		b->place = (struct place){ 1, 1 };
	}
	b->place = place_walk(b->source->text, b->place, b->counted, offset);
	b->counted = offset;
	return b->place;
}

static struct place
mark_place(const struct fy_mark *mark)
{
	return (struct place){ mark->line + 1, mark->column + 1 };
}

/* A list entry of nothing has no mark: it stands at the next dash. */
static struct place
place_of_dash(struct builder *b)
{
	struct str text = b->source->text;
	size_t i = b->end;

	while (i < text.n && text.p[i] != '-') {
		if (text.p[i] == '#')
			while (i + 1 < text.n && text.p[i + 1] != '\n' && text.p[i + 1] != '\r')
				i++;
		i++;
	}
	b->end = i + 1;
	return place_at(b, i);
}

static struct place
place_of_nothing(struct builder *b)
{
	const struct frame *top = b->depth == 0 ? NULL : &b->stack[b->depth - 1];

	if (top == NULL)
		return (struct place){ 1, 1 };
	if (top->node->type == YAML_MAPPING && top->key != NULL)
		return (struct place){ top->key->line, top->key->col };
	if (top->node->type == YAML_SEQUENCE && !top->flow)
		return place_of_dash(b);
	return place_at(b, b->end);
}

/* A block text is marked at the start of its first line; its place is its first character. */
static struct place
place_of_event(struct builder *b, struct fy_event *ev, bool block_text)
{
	const struct fy_mark *mark = fy_event_start_mark(ev);
	struct str text = b->source->text;
	size_t i;

	if (mark == NULL)
		return place_of_nothing(b);
	for (i = mark->input_pos; block_text && i < text.n && strchr(" \n\r", text.p[i]) != NULL;)
		i++;
	return place_walk(text, mark_place(mark), mark->input_pos, i);
}

static bool
is_null(struct str s)
{
	return s.n == 0 || str_is(s, "~") || str_is(s, "null") || str_is(s, "Null") ||
	       str_is(s, "NULL");
}

static struct yaml *
scalar_new(struct builder *b, struct fy_event *ev)
{
	enum fy_scalar_style style = fy_token_scalar_style(ev->scalar.value);
	bool block_text = style == FYSS_LITERAL || style == FYSS_FOLDED;
	struct yaml *y = node_new(b, YAML_SCALAR, place_of_event(b, ev, block_text));
	size_t n = 0;
	const char *text = fy_token_get_text(ev->scalar.value, &n);

	if (text != NULL && n > 0)
		y->text = arena_str(b->arena, (struct str){ text, n });
	y->plain = style == FYSS_PLAIN;
	y->null = y->plain && is_null(y->text);
	if (memchr(y->text.p, '\0', y->text.n) != NULL)
		yaml_error(b->diags, y, "a NUL character");
	return y;
}

/* ---- the tree ---- */

static void
key_check(struct builder *b, struct yaml *key)
{
	if (key->type != YAML_SCALAR) {
		yaml_error(b->diags, key, "a key must be a text, not %s",
		    key->type == YAML_SEQUENCE ? "a list" : "a mapping");
		key->type = YAML_SCALAR;
		key->text = STR_EMPTY;
	} else if (key->text.n == 0) {
		yaml_error(b->diags, key, "a key is empty");
	} else if (key->plain && str_is(key->text, "<<")) {
		yaml_error(b->diags, key, "merge keys (<<) are not used here");
	}
}

static void
attach(struct builder *b, struct yaml *node)
{
	struct frame *top = b->depth == 0 ? NULL : &b->stack[b->depth - 1];
	struct yaml *y = top == NULL ? NULL : top->node;

	if (top == NULL) {
		b->root = node;
	} else if (y->type == YAML_SEQUENCE) {
		y->items = arena_grow(b->arena, y->items, y->n, &top->cap, sizeof(struct yaml *));
		y->items[y->n++] = node;
	} else if (top->key == NULL) {
		key_check(b, node);
		top->key = node;
	} else {
		y->pairs =
		    arena_grow(b->arena, y->pairs, y->n, &top->cap, sizeof(struct yaml_pair));
		y->pairs[y->n++] = (struct yaml_pair){ top->key, node };
		top->key = NULL;
	}
}

static bool
open_frame(struct builder *b, struct fy_event *ev, enum yaml_type type)
{
	struct place at = place_of_event(b, ev, false);

	if (b->depth == YAML_DEPTH_MAX) {
		refuse_at(b, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
		return false;
	}
	b->stack[b->depth++] = (struct frame){ .node = node_new(b, type, at),
		.flow = fy_event_get_node_style(ev) == FYNS_FLOW };
	return true;
}

static int
compare_keys(const void *px, const void *py)
{
	const struct yaml *x = *(const struct yaml *const *)px;
	const struct yaml *y = *(const struct yaml *const *)py;
	int order = str_cmp(x->text, y->text);

	if (order != 0)
		return order;
	return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
				  : (x->col > y->col) - (x->col < y->col);
}

static void
duplicates_check(struct builder *b, const struct yaml *mapping)
{
	const struct yaml **keys = xmalloc(mapping->n * sizeof(*keys));
	const struct yaml *first = NULL;

	for (size_t i = 0; i < mapping->n; i++)
		keys[i] = mapping->pairs[i].key;
	qsort(keys, mapping->n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < mapping->n; i++) {
		if (first == NULL || !str_eq(first->text, keys[i]->text))
			first = keys[i];
		else if (first->text.n > 0)
			yaml_error(b->diags, keys[i], "key '%.*s' is there twice, first at %d:%d",
			    STR_ARG(first->text), first->line, first->col);
	}
	free(keys);
}

static void
close_frame(struct builder *b)
{
	struct yaml *node = b->stack[--b->depth].node;

	if (node->type == YAML_MAPPING)
		duplicates_check(b, node);
	attach(b, node);
}

/* ---- events ---- */

static void
refuse_token(struct builder *b, struct fy_token *token, int back, const char *what)
{
	const struct fy_mark *mark;
	struct place at;

	if (token == NULL)
		return;
	mark = fy_token_start_mark(token);
	at = mark == NULL ? place_at(b, b->end) : mark_place(mark);
	at.col -= at.col > back ? back : 0;
	refuse_at(b, at, "%s are not used here", what);
}

/* The sign stands before the name of an anchor or alias, whose token is the name alone. */
static void
refuse_decoration(struct builder *b, struct fy_event *ev)
{
	if (ev->type == FYET_ALIAS)
		return;
	refuse_token(b, fy_event_get_anchor_token(ev), 1, "anchors (&name)");
	refuse_token(b, fy_event_get_tag_token(ev), 0, "tags (!name)");
}

static bool
document_start(struct builder *b, struct fy_event *ev)
{
	const struct fy_mark *mark = fy_event_start_mark(ev);

	if (b->documents++ == 0)
		return true;
	refuse_at(b, mark == NULL ? place_at(b, b->end) : mark_place(mark),
	    "a second document starts here; one file is one document");
	return false;
}

/* False: nothing behind this event is looked at. */
static bool
event_take(struct builder *b, struct fy_event *ev)
{
	refuse_decoration(b, ev);
	if (b->nodes > YAML_NODES_MAX) {
		refuse_at(b, place_of_event(b, ev, false), "more than %d values in one file",
		    YAML_NODES_MAX);
		return false;
	}
	switch (ev->type) {
	case FYET_DOCUMENT_START:
		return document_start(b, ev);
	case FYET_MAPPING_START:
		return open_frame(b, ev, YAML_MAPPING);
	case FYET_SEQUENCE_START:
		return open_frame(b, ev, YAML_SEQUENCE);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		close_frame(b);
		return true;
	case FYET_SCALAR:
		attach(b, scalar_new(b, ev));
		return true;
	case FYET_ALIAS:
		refuse_token(b, ev->alias.anchor, 1, "aliases (*name)");
		attach(b, node_new(b, YAML_SCALAR, place_of_event(b, ev, false)));
		return true;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
	return true;
}

/* ---- what libfyaml refuses ---- */

static bool
behind_the_end(struct str text, struct place at)
{
	return str_trim(str_slice(text, place_offset(text, at), text.n)).n == 0;
}

static bool
opens_quote(struct str text, struct place at)
{
	size_t i = place_offset(text, at);

	return i < text.n && (text.p[i] == '"' || text.p[i] == '\'');
}

static void
refuse_syntax(struct builder *b, struct place at, const char *theirs)
{
	struct str text = b->source->text;
	const struct frame *top = b->depth == 0 ? NULL : &b->stack[b->depth - 1];
	const char *ours;

	if (behind_the_end(text, at)) {
		if (top != NULL && top->flow) {
			yaml_error(b->diags, top->node, "'%s' is not closed",
			    top->node->type == YAML_SEQUENCE ? "[" : "{");
			return;
		}
		while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]) != NULL)
			text.n--;
		at = place_of(text, text.n);
	}
	ours = yaml_words(theirs, opens_quote(text, at));
	if (ours != NULL)
		refuse_at(b, at, "%s", ours);
	else
		refuse_at(b, at, "this is not YAML: %s", theirs);
}

/* Only its first complaint: the others follow from it. */
static void
syntax_check(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_diag_error *first;
	void *at = NULL;

	if (!fy_parser_get_stream_error(parser))
		return;
	first = fy_diag_errors_iterate(diag, &at);
	if (first == NULL)
		diags_add(b->diags, DIAG_ERROR, b->source, 0, 0, "this is not YAML");
	else
		refuse_syntax(b, (struct place){ first->line, first->column }, first->msg);
}

/* libfyaml must never write to our terminal. */
static void
swallow(struct fy_diag *diag, void *user, const char *text, size_t n)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)n;
}

static struct fy_diag *
collector(void)
{
	struct fy_diag_cfg cfg;
	struct fy_diag *diag;

	fy_diag_cfg_default(&cfg);
	cfg.fp = NULL;
	cfg.output_fn = swallow;
	cfg.level = FYET_ERROR;
	cfg.colorize = false;
	diag = fy_diag_create(&cfg);
	if (diag == NULL)
		abort(); /* out of memory */
	fy_diag_set_collect_errors(diag, true);
	return diag;
}

static void
build(struct builder *b)
{
	struct fy_diag *diag = collector();
	struct fy_parse_cfg cfg = { .flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 |
					     FYPCF_JSON_NONE | FYPCF_DISABLE_MMAP_OPT,
		.diag = diag };
	struct fy_parser *parser = fy_parser_create(&cfg);
	struct fy_event *ev;
	bool more = true;

	if (parser == NULL ||
	    fy_parser_set_string(parser, b->source->text.p, b->source->text.n) != 0)
		abort(); /* out of memory */
	while (more && (ev = fy_parser_parse(parser)) != NULL) {
		const struct fy_mark *end;

		more = event_take(b, ev);
		end = fy_event_end_mark(ev);
		if (end != NULL && end->input_pos > b->end)
			b->end = end->input_pos;
		fy_parser_event_free(parser, ev);
	}
	if (more)
		syntax_check(b, parser, diag);
	fy_diag_reset_error(diag); /* what it collected is freed here or never */
	fy_parser_destroy(parser);
	fy_diag_unref(diag);
}

struct yaml *
yaml_parse(const struct source *src, struct arena *a, struct diags *d)
{
	struct builder b = { .source = src, .arena = a, .diags = d };
	size_t before = d->errors;

	if (text_check(&b))
		build(&b);
	if (d->errors > before)
		return NULL;
	if (b.root == NULL || (b.root->null && b.root->text.n == 0))
		return node_new(&b, YAML_MAPPING, (struct place){ 1, 1 });
	return b.root;
}
