#include "base/buf.h"
#include "cmd/cmd.h"

/* With its source line, each cut to a screen. */
#define SHOWN_MAX 2048

struct str
mistakes_text(struct diags *d, struct arena *a)
{
	struct buf b;

	buf_init(&b, (size_t)DIAGS_MAX * SHOWN_MAX);
	diags_print(d, &b);
	return buf_to_arena(&b, a);
}

void
mistakes_show(struct diags *d)
{
	struct str text = mistakes_text(d, d->arena);

	fwrite(text.p, 1, text.n, stderr);
}

static struct json *
mistake_json(const struct diag *d, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_cstr(j, "file", d->source->name, a);
	json_set_int(j, "line", d->line, a);
	json_set_int(j, "column", d->col, a);
	json_set_cstr(j, "level", d->level == DIAG_ERROR ? "error" : "warning", a);
	json_set_str(j, "text", d->text, a);
	return j;
}

struct json *
mistakes_json(struct diags *d, struct arena *a)
{
	struct json *list = json_array(a);

	diags_sort(d);
	for (size_t i = 0; i < d->n; i++)
		json_add(list, mistake_json(&d->list[i], a), a);
	return list;
}
