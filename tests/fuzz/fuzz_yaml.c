/*
 * base/yaml.c: every node has a place in the file, mistakes come with theirs, limits hold.
 */
#include "base/yaml.h"
#include "fuzz.h"

static size_t nodes;

static void
check(const struct yaml *y, const struct source *src, int depth)
{
	MUST(y->source == src && y->line >= 1 && y->col >= 1);
	MUST(depth <= YAML_DEPTH_MAX + 1 && ++nodes <= YAML_NODES_MAX + 1);
	MUST(is_utf8(y->text) && yaml_type_name(y)[0] != '\0');
	for (size_t i = 0; y->type == YAML_SEQUENCE && i < y->n; i++)
		check(y->items[i], src, depth + 1);
	for (size_t i = 0; y->type == YAML_MAPPING && i < y->n; i++) {
		MUST(y->pairs[i].key->type == YAML_SCALAR);
		check(y->pairs[i].key, src, depth + 1);
		check(y->pairs[i].value, src, depth + 1);
	}
}

FUZZ(input)
{
	struct source src = { "f.yaml", input };
	struct diags d;
	struct yaml *y;
	struct buf text;
	struct err e;

	nodes = 0;
	diags_init(&d, arena);
	y = yaml_parse(&src, arena, &d);
	MUST((y == NULL) <= (d.errors > 0));
	if (y != NULL)
		check(y, &src, 0);
	for (size_t i = 0; y != NULL && y->type == YAML_SCALAR && i <= y->text.n; i += 7)
		yaml_error_inside(&d, y, i, "here");
	buf_init(&text, 1024 * 1024);
	diags_print(&d, &text);
	MUST(d.n == 0 || text.n > 0);
	MUST(d.errors == 0 || !diags_fail(&d, &e));
	buf_done(&text);
}
