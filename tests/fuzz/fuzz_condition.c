/*
 * core/condition.c: a condition over the selections below.
 *
 * What must hold: for every choice of which selections are true, the tree says what a second, naive
 * reading of the same text says: it copies the text with each word replaced by its value and folds
 * that with "not" before "and" before "or".
 */
#include "fuzz.h"
#include "matcher.h"

static const char *const names[] = { "vm", "lab", "vm2", "_own", "a.b" };
#define NAMES (sizeof(names) / sizeof(names[0]))
#define TEXT_MAX 4096

static bool
tree_value(const struct node *n, unsigned chosen, int depth)
{
	MUST(n != NULL && depth < 10000);
	switch (n->kind) {
	case NODE_SELECTION:
		MUST(n->selection < NAMES);
		return (chosen >> n->selection & 1) != 0;
	case NODE_NOT:
		return !tree_value(n->left, chosen, depth + 1);
	case NODE_AND:
		return tree_value(n->left, chosen, depth + 1) &&
		       tree_value(n->right, chosen, depth + 1);
	case NODE_OR:
		return tree_value(n->left, chosen, depth + 1) ||
		       tree_value(n->right, chosen, depth + 1);
	}
	abort();
}

/* ---- the second reading: one letter for each word ---- */

static bool
fits(const char *pattern, const char *name)
{
	if (*pattern == '*')
		return fits(pattern + 1, name) || (*name != '\0' && fits(pattern, name + 1));
	if (*pattern == '\0' || *name == '\0')
		return *pattern == *name;
	return *pattern == *name && fits(pattern + 1, name + 1);
}

static char
some_of(const char *pattern, bool all, unsigned chosen)
{
	bool any = false, every = true;

	for (size_t i = 0; i < NAMES; i++) {
		bool taken =
		    strcasecmp(pattern, "them") == 0 ? names[i][0] != '_' : fits(pattern, names[i]);

		any |= taken && (chosen >> i & 1) != 0;
		every &= !taken || (chosen >> i & 1) != 0;
	}
	return (all ? every : any) ? '1' : '0';
}

static bool
next_word(struct str *rest, char word[TEXT_MAX + 1])
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-*.";
	size_t n = 0;

	while (rest->n > 0 && strchr(" \t\n", rest->p[0]) != NULL && rest->p[0] != '\0')
		*rest = str_slice(*rest, 1, rest->n);
	while (n < rest->n && rest->p[n] != '\0' && strchr(letters, rest->p[n]) != NULL)
		n++;
	n = n == 0 && rest->n > 0 ? 1 : n;
	memcpy(word, rest->p, n);
	word[n] = '\0';
	*rest = str_slice(*rest, n, rest->n);
	return n > 0;
}

/* "vm and not 1 of them" as "1&!0" */
static void
letters_of(struct str text, unsigned chosen, char out[TEXT_MAX + 1])
{
	char word[TEXT_MAX + 1];
	size_t n = 0;

	while (next_word(&text, word)) {
		bool all = strcasecmp(word, "all") == 0;

		if (strcasecmp(word, "and") == 0)
			out[n++] = '&';
		else if (strcasecmp(word, "or") == 0)
			out[n++] = '|';
		else if (strcasecmp(word, "not") == 0)
			out[n++] = '!';
		else if (strcmp(word, "(") == 0 || strcmp(word, ")") == 0)
			out[n++] = word[0];
		else if (all || strcmp(word, "1") == 0 || strcasecmp(word, "any") == 0) {
			MUST(next_word(&text, word) && next_word(&text, word));
			out[n++] = some_of(word, all, chosen);
		} else {
			for (size_t i = 0; i < NAMES; i++)
				if (strcmp(word, names[i]) == 0)
					out[n++] = (chosen >> i & 1) != 0 ? '1' : '0';
		}
	}
	out[n] = '\0';
}

/* Replaces until nothing is left to replace; "not" first, then "and", then "or". */
static bool
replace(char *text, const char *from, char to)
{
	char *at = strstr(text, from);

	if (at == NULL)
		return false;
	*at = to;
	memmove(at + 1, at + strlen(from), strlen(at + strlen(from)) + 1);
	return true;
}

static bool
fold_inner(char *text)
{
	static const struct {
		const char *from;
		char to;
	} steps[] = { { "!0", '1' }, { "!1", '0' }, { "0&0", '0' }, { "0&1", '0' }, { "1&0", '0' },
		{ "1&1", '1' }, { "0|0", '0' }, { "0|1", '1' }, { "1|0", '1' }, { "1|1", '1' } };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (replace(text, steps[i].from, steps[i].to))
			return true;
	return false;
}

/* The innermost parentheses first: what stands between them is folded alone. */
static bool
text_value(char *text)
{
	for (;;) {
		char *close = strchr(text, ')'), *open = close, inner[TEXT_MAX + 1];

		while (open != NULL && *open != '(')
			open--;
		if (close == NULL)
			break;
		memcpy(inner, open + 1, (size_t)(close - open - 1));
		inner[close - open - 1] = '\0';
		while (fold_inner(inner))
			;
		MUST(strlen(inner) == 1);
		*open = inner[0];
		memmove(open + 1, close + 1, strlen(close + 1) + 1);
	}
	while (fold_inner(text))
		;
	MUST(strlen(text) == 1);
	return text[0] == '1';
}

FUZZ(input)
{
	struct source src = { "f.yaml", input };
	struct yaml text = { .type = YAML_SCALAR,
		.source = &src,
		.line = 1,
		.col = 1,
		.text = input,
		.plain = true };
	struct selection selections[NAMES];
	struct matcher m = { .selections = selections, .n = NAMES };
	char letters[TEXT_MAX + 1];
	struct node *root;
	struct diags d;

	for (size_t i = 0; i < NAMES; i++)
		selections[i] = (struct selection){ .name = str_of(names[i]) };
	diags_init(&d, arena);
	root = condition_parse(&text, &m, arena, &d);
	MUST((root != NULL) == (d.errors == 0));
	for (unsigned chosen = 0; root != NULL && chosen < 1u << NAMES; chosen += 3) {
		letters_of(input, chosen, letters);
		MUST(text_value(letters) == tree_value(root, chosen, 0));
	}
}
