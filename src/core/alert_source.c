#include "core/alert_source.h"

#include "base/buf.h"

/* Is it the id of an alert?  Then *out is the same, rebuilt. */
static bool
alert_id(struct str text, struct arena *a, struct str *out)
{
	struct resource_id id;
	struct str rest, word = STR_EMPTY;
	struct err ignored;
	struct buf b;

	if (!resource_id_parse(text, &id, &ignored) ||
	    !resource_id_is(&id, "Microsoft.Security", "locations"))
		return false;
	rest = id.rest;
	str_next(&rest, '/', &word);
	if (!str_is_nocase(word, "alerts"))
		return false;
	buf_init(&b, RESOURCE_ID_MAX);
	resource_id_format(&id, &b);
	*out = buf_to_arena(&b, a);
	return true;
}

/* The segment behind /name/ in a link; "" when there is none. */
static struct str
behind(struct str uri, const char *name)
{
	struct str segment = STR_EMPTY;

	while (str_next(&uri, '/', &segment))
		if (str_is_nocase(segment, name))
			return str_next(&uri, '/', &segment) ? segment : STR_EMPTY;
	return STR_EMPTY;
}

/*
 * https://portal.azure.com/#blade/Microsoft_Azure_Security_AzureDefenderForData/AlertBlade/alertId/
 * {name}/subscriptionId/{guid}/resourceGroup/{name}/referencedFrom/alertDeepLink/location/{location}
 */
static bool
from_link(struct str uri, struct arena *a, struct str *out)
{
	struct str group = behind(uri, "resourceGroup");

	return alert_id(
	    arena_printf(a,
		"/subscriptions/%.*s%s%.*s/providers/Microsoft.Security/locations/"
		"%.*s/alerts/%.*s",
		STR_ARG(behind(uri, "subscriptionId")), group.n > 0 ? "/resourceGroups/" : "",
		STR_ARG(group), STR_ARG(behind(uri, "location")), STR_ARG(behind(uri, "alertId"))),
	    a, out);
}

bool
alert_source_id(const struct alert *al, struct arena *a, struct str *out, struct err *e)
{
	static const char *const names[] = { "id", "resourceId" };
	const struct json *places[] = { al->data, al->fields };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (alert_id(
				json_text(json_get_nocase(places[i], str_of(names[k]))), a, out))
				return true;
	return from_link(al->uri, a, out) ||
	       fail(e, ERR_INPUT,
		   "the event does not say where Defender for Cloud keeps the alert: it has "
		   "neither the alert's resource id nor its link to the portal");
}
