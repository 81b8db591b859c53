#include "azure/pricing.h"

#include "base/buf.h"

#define TROUBLE_MAX 4000

void
pricing_read(const struct json *j, struct arena *a, struct pricing *out)
{
	const struct json *p = json_get(j, "properties");

	*out = (struct pricing){ .name = json_text(json_get(j, "name")),
		.tier = json_text(json_get(p, "pricingTier")),
		.sub_plan = json_text(json_get(p, "subPlan")),
		.coverage = json_text(json_get(p, "resourcesCoverageStatus")),
		.deprecated = json_true(json_get(p, "deprecated")),
		.extensions = json_get(p, "extensions") };
	out->replaced_by = json_texts(json_get(p, "replacedBy"), a, &out->n_replaced_by);
}

bool
pricing_is_on(const struct pricing *p)
{
	return str_is_nocase(p->tier, "Standard");
}

struct arm_call
pricing_call(
    struct str subscription, struct str name, bool on, struct str sub_plan, struct arena *a)
{
	struct json *body = json_object(a), *p = json_object(a);

	json_set_cstr(p, "pricingTier", on ? "Standard" : "Free", a);
	if (on && sub_plan.n > 0)
		json_set_str(p, "subPlan", sub_plan, a);
	json_set(body, "properties", p, a);
	return (struct arm_call){ .method = "PUT",
		.path = arena_printf(a,
		    "/subscriptions/%.*s/providers/Microsoft.Security/pricings/%.*s",
		    STR_ARG(subscription), STR_ARG(name)),
		.api_version = PRICING_API_VERSION,
		.body = body };
}

struct str
pricing_trouble(const struct pricing *p, struct arena *a)
{
	struct buf b;

	buf_init(&b, TROUBLE_MAX);
	for (const struct json *x = json_first(p->extensions); x != NULL; x = json_next(x)) {
		const struct json *status = json_get(x, "operationStatus");

		if (!str_is_nocase(json_text(json_get(status, "code")), "Failed"))
			continue;
		buf_printf(&b, "%s%.*s: %.*s", b.n > 0 ? "\n" : "",
		    STR_ARG(json_text(json_get(x, "name"))),
		    STR_ARG(json_text(json_get(status, "message"))));
	}
	return buf_to_arena(&b, a);
}
