/*
 * Happy path: look at every byte and segment, then take the segments in the order of the grammar.
 * What can go wrong: anything a URL could be bent with; the error names the byte or the segment.
 */
#include "core/resource_id.h"

#include "base/ascii.h"
#include "base/hash.h"

#define SEGMENT_MAX 260

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_allowed(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '(' || c == ')';
}

static bool
check_segment(struct str segment, size_t at, struct err *e)
{
	if (segment.n == 0)
		return fail(e, ERR_INPUT, "resource id has an empty segment at byte %zu", at);
	if (segment.n > SEGMENT_MAX)
		return fail(e, ERR_INPUT, "resource id has a segment of %zu bytes, %d are allowed",
		    segment.n, SEGMENT_MAX);
	for (size_t i = 0; i < segment.n; i++) {
		unsigned char c = (unsigned char)segment.p[i];

		if (is_allowed((char)c))
			continue;
		if (c > ' ' && c < 0x7f)
			return fail(e, ERR_INPUT, "resource id has '%c' at byte %zu", c, at + i);
		return fail(e, ERR_INPUT, "resource id has byte 0x%02x at byte %zu", c, at + i);
	}
	if (str_is(segment, ".") || str_is(segment, ".."))
		return fail(e, ERR_INPUT, "resource id has the segment '%.*s'", STR_ARG(segment));
	return true;
}

/* Every byte and segment, before anything is understood. */
static bool
check_text(struct str text, struct err *e)
{
	struct str rest, segment;

	if (text.n == 0)
		return fail(e, ERR_INPUT, "resource id is empty");
	if (text.n > RESOURCE_ID_MAX)
		return fail(e, ERR_INPUT, "resource id is longer than %d bytes", RESOURCE_ID_MAX);
	if (text.p[0] != '/')
		return fail(e, ERR_INPUT, "resource id does not start with '/'");
	rest = str_slice(text, 1, text.n);
	while (str_next(&rest, '/', &segment))
		if (!check_segment(segment, (size_t)(segment.p - text.p) + 1, e))
			return false;
	return true;
}

static bool
take(struct str *rest, const char *what, struct str *segment, struct err *e)
{
	if (!str_next(rest, '/', segment))
		return fail(e, ERR_INPUT, "resource id ends where %s is expected", what);
	return true;
}

static bool
take_word(struct str *rest, const char *word, struct err *e)
{
	struct str segment;

	if (!take(rest, word, &segment, e))
		return false;
	if (!str_is_nocase(segment, word))
		return fail(e, ERR_INPUT, "resource id has '%.*s' where '%s' is expected",
		    STR_ARG(segment), word);
	return true;
}

static bool
take_provider(struct str *rest, struct str *provider, struct err *e)
{
	struct str parts, first;

	if (!take(rest, "a resource provider", provider, e))
		return false;
	parts = *provider;
	str_next(&parts, '.', &first);
	if (parts.p == NULL || parts.n == 0 || first.n == 0)
		return fail(e, ERR_INPUT,
		    "resource id has '%.*s' where a resource provider "
		    "such as Microsoft.Compute is expected",
		    STR_ARG(*provider));
	return true;
}

/* What is below a resource: pairs of type and name; "providers/{namespace}" starts an extension. */
static bool
check_below(struct str rest, struct err *e)
{
	struct str type, name;

	while (str_next(&rest, '/', &type)) {
		if (str_is_nocase(type, "providers") &&
		    (!take_provider(&rest, &name, e) || !take(&rest, "a type", &type, e)))
			return false;
		if (!take(&rest, "a name", &name, e))
			return false;
	}
	return true;
}

static bool
next_is(struct str rest, const char *word)
{
	struct str segment;

	return str_next(&rest, '/', &segment) && str_is_nocase(segment, word);
}

bool
resource_id_parse(struct str text, struct resource_id *out, struct err *e)
{
	struct resource_id id = { STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY,
		STR_EMPTY };
	struct str rest;

	if (!check_text(text, e))
		return false;
	rest = str_slice(text, 1, text.n);
	if (!take_word(&rest, "subscriptions", e) ||
	    !take(&rest, "a subscription", &id.subscription, e))
		return false;
	if (!uuid_is(id.subscription))
		return fail(e, ERR_INPUT,
		    "resource id has '%.*s' where the GUID of a subscription "
		    "is expected",
		    STR_ARG(id.subscription));
	if (next_is(rest, "resourceGroups") &&
	    (!take_word(&rest, "resourceGroups", e) ||
		!take(&rest, "a resource group", &id.resource_group, e)))
		return false;
	if (rest.p != NULL &&
	    (!take_word(&rest, "providers", e) || !take_provider(&rest, &id.provider, e) ||
		!take(&rest, "a type", &id.type, e) || !take(&rest, "a name", &id.name, e) ||
		!check_below(rest, e)))
		return false;
	if (rest.p != NULL)
		id.rest = rest;
	*out = id;
	return true;
}

bool
resource_id_is(const struct resource_id *id, const char *provider, const char *type)
{
	return str_is_nocase(id->provider, provider) && str_is_nocase(id->type, type);
}

bool
resource_id_eq(const struct resource_id *x, const struct resource_id *y)
{
	return str_eq_nocase(x->subscription, y->subscription) &&
	       str_eq_nocase(x->resource_group, y->resource_group) &&
	       str_eq_nocase(x->provider, y->provider) && str_eq_nocase(x->type, y->type) &&
	       str_eq_nocase(x->name, y->name) && str_eq_nocase(x->rest, y->rest);
}

void
resource_id_format_owner(const struct resource_id *id, struct buf *out)
{
	buf_printf(out, "/subscriptions/%.*s", STR_ARG(id->subscription));
	if (id->resource_group.n > 0)
		buf_printf(out, "/resourceGroups/%.*s", STR_ARG(id->resource_group));
	if (id->provider.n > 0)
		buf_printf(out, "/providers/%.*s/%.*s/%.*s", STR_ARG(id->provider),
		    STR_ARG(id->type), STR_ARG(id->name));
}

void
resource_id_format(const struct resource_id *id, struct buf *out)
{
	resource_id_format_owner(id, out);
	if (id->rest.n > 0)
		buf_printf(out, "/%.*s", STR_ARG(id->rest));
}

void
resource_id_format_key(const struct resource_id *id, struct buf *out)
{
	size_t from = out->n;

	resource_id_format(id, out);
	for (size_t i = from; i < out->n; i++)
		out->p[i] = ascii_lower(out->p[i]);
}

struct str
resource_id_owner_path(const struct resource_id *id, struct arena *a)
{
	struct buf b;

	buf_init(&b, RESOURCE_ID_MAX);
	resource_id_format_owner(id, &b);
	return buf_to_arena(&b, a);
}
