/*
 * core/value_list.c and value_set.c: the first line is asked for, the rest is the list.
 *
 * What must hold: a mistake has a place within the list; what was read holds no control characters
 * but tabs; and in every way a set says what asking each of its values would.
 */
#include "fuzz.h"
#include "matcher.h"

#define NOW_MS INT64_C(1800000000000)

static bool
holds(struct str value, enum list_way way, struct str text)
{
	struct cidr c;

	switch (way) {
	case LIST_WHOLE:
		return str_eq_nocase(value, text);
	case LIST_FRONT:
		return str_starts_nocase(text, value);
	case LIST_END:
		return str_ends_nocase(text, value);
	case LIST_INSIDE:
		return str_has_nocase(text, value);
	case LIST_RANGE:
		return cidr_parse(value, &c) && cidr_holds(&c, text) == ANSWER_YES;
	}
	abort();
}

static void
ask(const struct value_list *l, const struct source *src, enum list_way way, struct str text,
    struct arena *arena)
{
	int64_t work = CONDITION_WORK_MAX;
	struct list_hit hit = { NULL, NULL };
	struct value_set *s;
	struct diags d;
	bool want = false;

	diags_init(&d, arena);
	s = value_set_new(l, src, way, false, &d);
	MUST((s == NULL) == (d.errors > 0) && (s != NULL || way == LIST_RANGE));
	if (s == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		want |= l->entries[i].until_ms > NOW_MS && holds(l->entries[i].value, way, text);
	MUST((value_set_ask(s, text, NOW_MS, &work, &hit) == ANSWER_YES) == want);
	MUST(!want || (hit.holds != NULL && holds(hit.holds->value, way, text)));
	value_set_free(s);
}

FUZZ(input)
{
	struct str rest = input, text;
	struct value_list l;
	struct source src;
	struct diags d;
	int lines = 1;

	str_next(&rest, '\n', &text);
	src = (struct source){ "l.txt", rest.p == NULL ? STR_EMPTY : rest };
	for (size_t i = 0; i < src.text.n; i++)
		lines += src.text.p[i] == '\n';
	diags_init(&d, arena);
	MUST(value_list_parse(&src, STR("l.txt"), NOW_MS, arena, &l, &d) == (d.errors == 0));
	for (size_t i = 0; i < d.n; i++)
		MUST(d.list[i].line <= lines);
	for (size_t i = 0; i < l.n; i++) {
		MUST(l.entries[i].value.n > 0 && l.entries[i].line >= 1);
		for (size_t k = 0; k < l.entries[i].value.n; k++)
			MUST((unsigned char)l.entries[i].value.p[k] >= 0x20 ||
			     l.entries[i].value.p[k] == '\t');
	}
	for (enum list_way way = LIST_WHOLE; way <= LIST_RANGE; way++)
		ask(&l, &src, way, text, arena);
}
