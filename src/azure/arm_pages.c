/*
 * Lists.  Happy path: a page, the address of the next one, until there is none.
 * What can go wrong: a page that cannot be had (asked for again by who wants it), a nextLink to
 * another host (not followed: our token would go there), one that never ends (given up).
 */
#include <stdlib.h>

#include "arm_internal.h"

void
arm_pages_begin(const struct arm *arm, struct str path, const char *query, const char *api_version,
    struct arena *a, struct arm_pages *out)
{
	struct str url = arm_url(arm, path, api_version, a);

	if (query != NULL)
		url = arena_printf(a, "%.*s&%s", STR_ARG(url), query);
	*out = (struct arm_pages){ .path = path, .url = xstrndup(url) };
}

void
arm_pages_done(struct arm_pages *p)
{
	free(p->url);
	p->url = NULL;
}

static void
go_on(struct arm_pages *p, struct str next)
{
	free(p->url);
	p->url = next.n == 0 ? NULL : xstrndup(next);
	p->n++;
}

bool
arm_pages_next(
    struct arm *arm, struct arm_pages *p, struct arena *a, const struct json **items, struct err *e)
{
	struct http_response rs;
	struct json *page;

	*items = NULL;
	if (p->url == NULL)
		return true;
	if (p->n == ARM_PAGES_MAX)
		return fail(
		    e, ERR_INPUT, "GET %.*s: more than %d pages", STR_ARG(p->path), ARM_PAGES_MAX);
	if (!arm_is_ours(arm, str_of(p->url), a))
		return fail(e, ERR_INPUT,
		    "GET %.*s: Azure's nextLink points to another host, not followed",
		    STR_ARG(p->path));
	if (!arm_exchange(arm, "GET", str_of(p->url), NULL, STR_EMPTY, a, &rs, &page, e) ||
	    !arm_succeeded(arm, &rs, page, a, e))
		return fail_in(e, "GET %.*s", STR_ARG(p->path));
	*items = json_get(page, "value");
	if (*items == NULL)
		*items = json_array(a);
	go_on(p, json_text(json_get(page, "nextLink")));
	return true;
}

bool
arm_list(struct arm *arm, struct str path, const char *api_version, struct arena *a,
    struct json **items, struct err *e)
{
	struct json *all = json_array(a);
	const struct json *page;
	struct arm_pages p;
	bool ok;

	arm_pages_begin(arm, path, NULL, api_version, a, &p);
	while ((ok = arm_pages_next(arm, &p, a, &page, e)) && page != NULL)
		for (const struct json *j = json_first(page); j != NULL; j = json_next(j))
			json_add(all, json_copy(j, a), a);
	arm_pages_done(&p);
	*items = all;
	return ok;
}
