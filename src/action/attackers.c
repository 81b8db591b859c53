#include "attackers.h"

#include <string.h>

#include "core/cidr.h"

/* What an alert says too much of is not told either. */
#define LEFT_OUT_MAX 50
#define ADDRESS_CHARS "0123456789abcdefABCDEF:."

struct search {
	const struct json *own, *allow;
	int64_t most;
	struct arena *a;
	struct attackers *out;
};

static bool
is_left_out(const struct json *left_out, struct str address)
{
	for (const struct json *j = json_first(left_out); j != NULL; j = json_next(j))
		if (str_eq_nocase(json_text(json_get(j, "address")), address))
			return true;
	return false;
}

static bool
is_allowed(const struct json *allow, struct str address)
{
	struct cidr range;

	for (const struct json *j = json_first(allow); j != NULL; j = json_next(j))
		if (!cidr_parse(json_text(j), &range) || cidr_holds(&range, address) != ANSWER_NO)
			return true;
	return false;
}

static const char *
why_not(const struct search *s, struct str address)
{
	if (!cidr_address_is_public(address))
		return "not a public address";
	if (json_has_text(s->own, address))
		return "the machine's own address";
	if (is_allowed(s->allow, address))
		return "allowed by the rule";
	if ((int64_t)json_count(s->out->addresses) >= s->most)
		return "more than the rule takes";
	return NULL;
}

static void
add(struct search *s, struct str address)
{
	struct cidr parsed;
	struct json *j;
	const char *why;

	if (memchr(address.p, '/', address.n) != NULL || !cidr_parse(address, &parsed) ||
	    json_has_text(s->out->addresses, address) || is_left_out(s->out->left_out, address))
		return;
	why = why_not(s, address);
	if (why == NULL) {
		json_add(s->out->addresses, json_string(address, s->a), s->a);
	} else if (json_count(s->out->left_out) < LEFT_OUT_MAX) {
		j = json_object(s->a);
		json_set_str(j, "address", address, s->a);
		json_set_cstr(j, "why", why, s->a);
		json_add(s->out->left_out, j, s->a);
	}
}

/* "IP Address: 198.51.100.7", "198.51.100.7, 198.51.100.8" */
static void
add_all(struct search *s, struct str text)
{
	size_t from = 0, to;

	for (; from < text.n; from = to + 1) {
		for (to = from; to < text.n && strchr(ADDRESS_CHARS, text.p[to]) != NULL;)
			to++;
		if (to > from)
			add(s, str_slice(text, from, to));
	}
}

void
attackers_of(const struct alert *al, const struct json *own, const struct json *allow, int64_t most,
    struct arena *a, struct attackers *out)
{
	struct search s = { own, allow, most, a, out };

	*out = (struct attackers){ json_array(a), json_array(a) };
	for (const struct json *x = json_first(al->entities); x != NULL; x = json_next(x))
		if (str_is_nocase(json_text(json_get_nocase(x, STR("type"))), "ip"))
			add(&s, str_trim(json_text(json_get_nocase(x, STR("address")))));
	for (const struct json *x = json_first(al->extended); x != NULL; x = json_next(x))
		if (str_has_nocase(json_name(x), STR("attacker")) &&
		    str_has_nocase(json_name(x), STR("ip")))
			add_all(&s, json_text(x));
}
