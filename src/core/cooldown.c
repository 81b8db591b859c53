#include "cooldown.h"

struct str
cooldown_key(const struct rule *rule, const struct alert *al, struct arena *a)
{
	struct str *parts;
	char hex[SHA256_HEX_MAX];
	size_t n = 0;

	if (rule->cooldown_ms == 0)
		return STR_EMPTY;
	if (rule->n_cooldown_by == 0)
		return STR("all");
	parts = arena_alloc(a, rule->n_cooldown_by * (FIELD_VALUES_MAX + 1) * sizeof(*parts));
	for (size_t i = 0; i < rule->n_cooldown_by; i++) {
		struct field_values v;

		alert_field(al, rule->cooldown_by[i], a, &v);
		parts[n++] = arena_printf(a, "%zu", v.n);
		for (size_t k = 0; k < v.n; k++)
			parts[n++] = arena_lower(a, v.values[k]);
	}
	if (n == rule->n_cooldown_by)
		return STR_EMPTY;
	sha256_parts_hex(parts, n, hex);
	return arena_str(a, str_of(hex));
}
