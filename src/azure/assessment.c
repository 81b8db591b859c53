#include "azure/assessment.h"

#include <stdlib.h>
#include <strings.h>

struct kind {
	const char *key;
	struct str name, severity, remediation;
};

struct assessment_kinds {
	struct arena *arena;
	struct kind *list;
	size_t n, cap;
};

static struct str
first_of(struct str one, struct str other)
{
	return one.n > 0 ? one : other;
}

void
assessment_read(const struct json *j, struct assessment *out)
{
	const struct json *p = json_get(j, "properties"), *details = json_get(p, "resourceDetails");

	/* "id" where a region answers as the description says, "Id" where it does not. */
	*out = (struct assessment){ .key = json_text(json_get(j, "name")),
		.name = json_text(json_get(p, "displayName")),
		.status = json_text(json_at(p, "status.code")),
		.cause = json_text(json_at(p, "status.cause")),
		.resource = json_text(json_get_nocase(details, STR("id"))),
		.severity = json_text(json_at(p, "metadata.severity")),
		.remediation = json_text(json_at(p, "metadata.remediationDescription")) };
}

struct assessment_kinds *
assessment_kinds_new(void)
{
	struct assessment_kinds *k = xcalloc(1, sizeof(*k));

	k->arena = arena_new();
	return k;
}

void
assessment_kinds_free(struct assessment_kinds *k)
{
	if (k == NULL)
		return;
	arena_free(k->arena);
	free(k->list);
	free(k);
}

void
assessment_kinds_add(struct assessment_kinds *k, const struct json *metadata)
{
	const struct json *p = json_get(metadata, "properties");

	if (k->n == k->cap) {
		k->cap = 2 * k->cap + 64;
		k->list = xrealloc(k->list, k->cap * sizeof(*k->list));
	}
	k->list[k->n++] =
	    (struct kind){ arena_cstr(k->arena, json_text(json_get(metadata, "name"))),
		    arena_str(k->arena, json_text(json_get(p, "displayName"))),
		    arena_str(k->arena, json_text(json_get(p, "severity"))),
		    arena_str(k->arena, json_text(json_get(p, "remediationDescription"))) };
}

static int
by_key(const void *x, const void *y)
{
	return strcasecmp(((const struct kind *)x)->key, ((const struct kind *)y)->key);
}

void
assessment_kinds_ready(struct assessment_kinds *k)
{
	if (k->n > 0)
		qsort(k->list, k->n, sizeof(*k->list), by_key);
}

void
assessment_complete(const struct assessment_kinds *k, struct arena *a, struct assessment *one)
{
	struct kind asked = { .key = arena_cstr(a, one->key) };
	const struct kind *kind =
	    k->n == 0 ? NULL : bsearch(&asked, k->list, k->n, sizeof(asked), by_key);

	if (kind == NULL)
		return;
	one->name = first_of(one->name, kind->name);
	one->severity = first_of(one->severity, kind->severity);
	one->remediation = first_of(one->remediation, kind->remediation);
}
