#include "core/guard.h"

/* The parts that an entry names must all hold; tags are asked for elsewhere. */
static bool
covers(const struct settings_protected *entry, const struct resource_id *id, struct str text)
{
	if (entry->tag_name.n > 0)
		return false;
	if (entry->subscription.n > 0 && !str_eq_nocase(entry->subscription, id->subscription))
		return false;
	if (entry->resource_group.n > 0 &&
	    !str_eq_nocase(entry->resource_group, id->resource_group))
		return false;
	return entry->resource.n == 0 || str_fits_nocase(entry->resource, text);
}

static const struct settings_protected *
find(const struct settings_protected *list, size_t n, const struct resource_id *id)
{
	const struct settings_protected *found = NULL;
	struct buf text;

	buf_init(&text, RESOURCE_ID_MAX);
	resource_id_format(id, &text);
	for (size_t i = 0; found == NULL && i < n; i++)
		if (covers(&list[i], id, buf_str(&text)))
			found = &list[i];
	buf_done(&text);
	return found;
}

bool
guard_in_scope(const struct settings *s, const struct resource_id *id)
{
	return s->n_scopes == 0 || find(s->scopes, s->n_scopes, id) != NULL;
}

bool
guard_protects(const struct settings *s, const struct resource_id *id, struct buf *why)
{
	const struct settings_protected *entry = find(s->protects, s->n_protects, id);

	if (entry != NULL)
		buf_add(why, entry->text);
	return entry != NULL;
}

bool
guard_protects_tags(const struct settings *s, const struct json *tags, struct buf *why)
{
	for (size_t i = 0; i < s->n_protects; i++) {
		const struct settings_protected *entry = &s->protects[i];
		const struct json *tag;

		if (entry->tag_name.n == 0)
			continue;
		tag = json_get_nocase(tags, entry->tag_name);
		if (tag == NULL ||
		    (entry->tag_value.n > 0 && !str_eq(json_text(tag), entry->tag_value)))
			continue;
		buf_add(why, entry->text);
		return true;
	}
	return false;
}

bool
guard_needs_tags(const struct settings *s)
{
	for (size_t i = 0; i < s->n_protects; i++)
		if (s->protects[i].tag_name.n > 0)
			return true;
	return false;
}
