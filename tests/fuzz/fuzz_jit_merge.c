/*
 * azure/jit_merge.c: a policy, a list of port numbers, and the policy as it was before, a line
 * each.
 *
 * What must hold: after a merge the machine has the wanted ports and all others stand as they
 * stood; a second merge has nothing to do; taking back keeps the others too, and is done once.
 */
#include "azure/jit.h"
#include "fuzz.h"

#define VM                                                                                      \
	"/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/Micro" \
	"soft.Compute/virtualMachines/web-01"

static struct json *
wanted_ports(const struct json *numbers, struct arena *a)
{
	struct json *list = json_array(a), *sources = json_array(a);
	bool seen[65536] = { false };
	int64_t number;

	json_add(sources, json_string(STR("203.0.113.0/24"), a), a);
	for (const struct json *j = json_first(numbers); j != NULL; j = json_next(j)) {
		if (!json_int(j, &number) || number < 1 || number > 65535 || seen[number])
			continue;
		seen[number] = true;
		json_add(list, jit_port(number, 3 * 3600000, sources, a), a);
	}
	return list;
}

static void
check_merge(const struct json *policy, const struct json *wanted, struct arena *a)
{
	struct json *body = jit_merge(policy, STR(VM), wanted, a);
	const struct json *ports = jit_ports(body == NULL ? policy : body, STR(VM));

	for (const struct json *p = json_first(wanted); p != NULL; p = json_next(p))
		MUST(jit_holds(ports, p));
	if (body == NULL)
		return;
	MUST(jit_keeps_others(policy, body, STR(VM)));
	MUST(jit_merge(body, STR(VM), wanted, a) == NULL);
}

static void
check_return(
    const struct json *policy, const struct json *wanted, const struct json *was, struct arena *a)
{
	struct jit_return back, again;

	jit_take_back(policy, STR(VM), wanted, was, a, &back);
	MUST(json_is(back.removed, JSON_ARRAY) && json_is(back.drifted, JSON_ARRAY));
	if (back.body == NULL)
		return;
	MUST(jit_keeps_others(policy, back.body, STR(VM)));
	jit_take_back(back.body, STR(VM), wanted, was, a, &again);
	MUST(json_count(again.removed) == 0 || again.body == NULL);
}

FUZZ(input)
{
	struct str rest = input;
	struct err e;
	struct json *policy = json_parse(take_line(&rest), arena, &e);
	struct json *wanted = wanted_ports(json_parse(take_line(&rest), arena, &e), arena);
	struct json *was = json_parse(take_line(&rest), arena, &e);

	check_merge(policy, wanted, arena);
	check_return(policy, wanted, was, arena);
	check_return(jit_merge(policy, STR(VM), wanted, arena), wanted, policy, arena);
	(void)jit_writable(policy, arena);
}
