#include "rule_lists.h"

/* Each way in which one list is asked is a table of its own. */
struct asked {
	enum list_way way;
	bool cased;
	struct value_set *set; /* NULL: it has mistakes, which were told */
	struct asked *next;
};

struct file {
	struct str folder, path; /* of the rule file; as it is written there */
	struct source *source;	 /* of the caller's arena; name NULL: it could not be read */
	struct str name;
	bool usable;
	struct value_list list;
	struct asked *asked;
};

struct rule_lists {
	const struct rules_outside *outside;
	struct arena *arena;
	struct file **files;
	size_t n;
};

struct rule_lists *
rule_lists_new(const struct rules_outside *outside, struct arena *a)
{
	struct rule_lists *l = arena_alloc(a, sizeof(*l));

	l->outside = outside;
	l->arena = a;
	l->files = arena_alloc(a, LIST_FILES_MAX * sizeof(*l->files));
	return l;
}

void
rule_lists_free(struct rule_lists *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (struct asked *q = l->files[i]->asked; q != NULL; q = q->next)
			value_set_free(q->set);
}

static void
read_file(struct rule_lists *l, struct file *f, const struct yaml *path, struct diags *d)
{
	struct err e;

	f->source = arena_alloc(d->arena, sizeof(*f->source));
	if (l->outside->read == NULL) {
		yaml_error(d, path, "no files can be read here");
	} else if (!l->outside->read(f->folder, f->path, d->arena, f->source, &e)) {
		yaml_error(d, path, "%s", e.text);
	} else {
		f->name = arena_str(l->arena, str_of(f->source->name));
		/* What is right of it is asked all the same: every mistake is told at once. */
		(void)value_list_parse(
		    f->source, f->path, l->outside->now_ms, l->arena, &f->list, d);
		f->usable = true;
	}
}

static struct file *
file_of(struct rule_lists *l, const struct yaml *path, struct diags *d)
{
	struct str folder = str_folder(str_of(path->source->name));
	struct file *f;

	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->files[i]->folder, folder) && str_eq(l->files[i]->path, path->text))
			return l->files[i];
	if (l->n == LIST_FILES_MAX) {
		yaml_error(d, path, "more than %d lists", LIST_FILES_MAX);
		return NULL;
	}
	f = l->files[l->n++] = arena_alloc(l->arena, sizeof(*f));
	f->folder = arena_str(l->arena, folder);
	f->path = arena_str(l->arena, path->text);
	f->name = STR_EMPTY;
	read_file(l, f, path, d);
	return f;
}

const struct value_set *
rule_lists_get(
    struct rule_lists *l, const struct yaml *path, enum list_way way, bool cased, struct diags *d)
{
	struct file *f = file_of(l, path, d);
	struct asked *q;

	if (f == NULL || !f->usable)
		return NULL;
	if (f->list.n == 0)
		yaml_warning(d, path, "the list has no values: nothing is in it");
	for (q = f->asked; q != NULL; q = q->next)
		if (q->way == way && q->cased == cased)
			return q->set;
	q = arena_alloc(l->arena, sizeof(*q));
	*q = (struct asked){ way, cased, value_set_new(&f->list, f->source, way, cased, d),
		f->asked };
	f->asked = q;
	return q->set;
}

size_t
rule_lists_count(const struct rule_lists *l)
{
	return l->n;
}

struct str
rule_lists_file(const struct rule_lists *l, size_t i)
{
	return l->files[i]->name;
}

struct str
rule_lists_text(const struct rule_lists *l, size_t i)
{
	return l->files[i]->source->text;
}
