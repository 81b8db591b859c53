/*
 * The content of just-in-time policies, without any call.
 *
 * Ports are told apart by their number.  Two forms of one port are the same when Azure would treat
 * them the same: PT180M is PT3H, and one source may stand in either of two fields.
 */
#include "azure/jit.h"

#include <inttypes.h>

static struct json *
duration_json(int64_t ms, struct arena *a)
{
	int64_t s = ms / 1000;

	if (s % 3600 == 0)
		return json_string(arena_printf(a, "PT%" PRId64 "H", s / 3600), a);
	if (s % 60 == 0)
		return json_string(arena_printf(a, "PT%" PRId64 "M", s / 60), a);
	return json_string(arena_printf(a, "PT%" PRId64 "S", s), a);
}

static int64_t
unit_ms(char unit, bool time)
{
	switch (unit) {
	case 'D':
		return time ? 0 : 86400000;
	case 'H':
		return time ? 3600000 : 0;
	case 'M':
		return time ? 60000 : 0;
	case 'S':
		return time ? 1000 : 0;
	default:
		return 0;
	}
}

bool
jit_duration_ms(struct str text, int64_t *ms)
{
	int64_t total = 0, n;
	size_t digits = 0;
	bool time = false, any = false;

	if (text.n == 0 || text.p[0] != 'P')
		return false;
	for (size_t i = 1; i < text.n; i++) {
		char c = text.p[i];

		if (c >= '0' && c <= '9') {
			digits++;
			continue;
		}
		if (c == 'T' && digits == 0 && !time) {
			time = true;
			continue;
		}
		if (unit_ms(c, time) == 0 ||
		    !str_to_int(str_slice(text, i - digits, i), 0, 1000000, &n))
			return false;
		total += n * unit_ms(c, time);
		digits = 0;
		any = true;
	}
	if (digits > 0 || !any)
		return false;
	*ms = total;
	return true;
}

struct json *
jit_port(int64_t number, int64_t longest_ms, const struct json *sources, struct arena *a)
{
	struct json *port = json_object(a);

	json_set_int(port, "number", number, a);
	json_set_cstr(port, "protocol", "*", a);
	if (json_count(sources) > 1)
		json_set(port, "allowedSourceAddressPrefixes", json_copy(sources, a), a);
	else
		json_set_str(port, "allowedSourceAddressPrefix", json_text(json_first(sources)), a);
	json_set(port, "maxRequestAccessDuration", duration_json(longest_ms, a), a);
	return port;
}

/* ---- comparing ---- */

static int64_t
number_of(const struct json *port)
{
	int64_t n = 0;

	json_int(json_get(port, "number"), &n);
	return n;
}

/* How often a source stands in either field. */
static size_t
count_source(const struct json *port, struct str source)
{
	size_t n = str_eq_nocase(json_text(json_get(port, "allowedSourceAddressPrefix")), source);

	for (const struct json *j = json_first(json_get(port, "allowedSourceAddressPrefixes"));
	     j != NULL; j = json_next(j))
		n += str_eq_nocase(json_text(j), source);
	return n;
}

static bool
has_all_sources(const struct json *port, const struct json *other)
{
	struct str single = json_text(json_get(other, "allowedSourceAddressPrefix"));

	if (single.n > 0 && count_source(port, single) == 0)
		return false;
	for (const struct json *j = json_first(json_get(other, "allowedSourceAddressPrefixes"));
	     j != NULL; j = json_next(j))
		if (count_source(port, json_text(j)) == 0)
			return false;
	return true;
}

static bool
same_port(const struct json *x, const struct json *y)
{
	struct str long_x = json_text(json_get(x, "maxRequestAccessDuration"));
	struct str long_y = json_text(json_get(y, "maxRequestAccessDuration"));
	int64_t x_ms = 0, y_ms = 1;

	return number_of(x) == number_of(y) &&
	       str_eq_nocase(
		   json_text(json_get(x, "protocol")), json_text(json_get(y, "protocol"))) &&
	       (str_eq(long_x, long_y) || (jit_duration_ms(long_x, &x_ms) &&
					      jit_duration_ms(long_y, &y_ms) && x_ms == y_ms)) &&
	       has_all_sources(x, y) && has_all_sources(y, x);
}

static size_t
count_number(const struct json *ports, int64_t number)
{
	size_t n = 0;

	for (const struct json *p = json_first(ports); p != NULL; p = json_next(p))
		n += number_of(p) == number;
	return n;
}

static bool
has_port(const struct json *ports, const struct json *port)
{
	for (const struct json *p = json_first(ports); p != NULL; p = json_next(p))
		if (same_port(p, port))
			return true;
	return false;
}

bool
jit_holds(const struct json *ports, const struct json *port)
{
	return has_port(ports, port) && count_number(ports, number_of(port)) == 1;
}

/* The same forms of one number in both lists. */
static bool
same_number(const struct json *x, const struct json *y, int64_t number)
{
	if (count_number(x, number) != count_number(y, number))
		return false;
	for (const struct json *p = json_first(x); p != NULL; p = json_next(p))
		if (number_of(p) == number && !has_port(y, p))
			return false;
	return true;
}

/* ---- machines ---- */

static const struct json *
machines_of(const struct json *policy)
{
	return json_at(policy, "properties.virtualMachines");
}

static bool
is_machine(const struct json *entry, struct str vm)
{
	return str_eq_nocase(json_text(json_get(entry, "id")), vm);
}

static const struct json *
find_machine(const struct json *policy, struct str vm)
{
	for (const struct json *m = json_first(machines_of(policy)); m != NULL; m = json_next(m))
		if (is_machine(m, vm))
			return m;
	return NULL;
}

const struct json *
jit_ports(const struct json *policy, struct str vm)
{
	return json_get(find_machine(policy, vm), "ports");
}

bool
jit_keeps_others(const struct json *before, const struct json *after, struct str vm)
{
	for (const struct json *m = json_first(machines_of(before)); m != NULL; m = json_next(m))
		if (!is_machine(m, vm) && find_machine(after, json_text(json_get(m, "id"))) == NULL)
			return false;
	return true;
}

static struct json *
policy_of(const struct json *policy, struct json *machines, struct arena *a)
{
	struct json *body = json_object(a), *properties = json_object(a);
	struct str kind = json_text(json_get(policy, "kind"));

	json_set_str(body, "kind", kind.n > 0 ? kind : STR("Basic"), a);
	json_set(properties, "virtualMachines", machines, a);
	json_set(body, "properties", properties, a);
	return body;
}

struct json *
jit_writable(const struct json *policy, struct arena *a)
{
	const struct json *machines = machines_of(policy);

	return policy_of(policy, machines == NULL ? json_array(a) : json_copy(machines, a), a);
}

/* The policy with other ports for one machine; without any the machine leaves it. */
static struct json *
with_ports(const struct json *policy, struct str vm, struct json *ports, struct arena *a)
{
	struct json *machines = json_array(a), *entry;
	bool placed = json_count(ports) == 0;

	for (const struct json *m = json_first(machines_of(policy)); m != NULL; m = json_next(m)) {
		if (is_machine(m, vm) && placed)
			continue;
		entry = json_copy(m, a);
		if (is_machine(m, vm)) {
			json_set(entry, "ports", ports, a);
			placed = true;
		}
		json_add(machines, entry, a);
	}
	if (!placed) {
		entry = json_object(a);
		json_set_str(entry, "id", vm, a);
		json_set(entry, "ports", ports, a);
		json_add(machines, entry, a);
	}
	return policy_of(policy, machines, a);
}

/* ---- merge and take back ---- */

static void
add_number(struct json *out, const struct json *ports, int64_t number, struct arena *a)
{
	for (const struct json *p = json_first(ports); p != NULL; p = json_next(p))
		if (number_of(p) == number)
			json_add(out, json_copy(p, a), a);
}

/* The given ports of one number at the place where that number stood; at the end if nowhere. */
static struct json *
exchange(const struct json *ports, int64_t number, const struct json *given, struct arena *a)
{
	struct json *out = json_array(a);
	bool placed = false;

	for (const struct json *p = json_first(ports); p != NULL; p = json_next(p)) {
		if (number_of(p) != number) {
			json_add(out, json_copy(p, a), a);
			continue;
		}
		if (!placed)
			add_number(out, given, number, a);
		placed = true;
	}
	if (!placed)
		add_number(out, given, number, a);
	return out;
}

struct json *
jit_merge(const struct json *policy, struct str vm, const struct json *wanted, struct arena *a)
{
	const struct json *have = jit_ports(policy, vm);
	struct json *ports = json_is(have, JSON_ARRAY) ? json_copy(have, a) : json_array(a);
	bool changed = false;

	for (const struct json *w = json_first(wanted); w != NULL; w = json_next(w)) {
		if (jit_holds(ports, w))
			continue;
		ports = exchange(ports, number_of(w), wanted, a);
		changed = true;
	}
	return changed ? with_ports(policy, vm, ports, a) : NULL;
}

void
jit_take_back(const struct json *policy, struct str vm, const struct json *wanted,
    const struct json *was, struct arena *a, struct jit_return *out)
{
	const struct json *old = jit_ports(was, vm), *have = jit_ports(policy, vm);
	struct json *ports = json_is(have, JSON_ARRAY) ? json_copy(have, a) : json_array(a);
	bool changed = false;

	*out = (struct jit_return){ NULL, json_array(a), json_array(a) };
	for (const struct json *w = json_first(wanted); w != NULL; w = json_next(w)) {
		int64_t number = number_of(w);
		struct json *name = json_integer(number, a);

		if (jit_holds(old, w))
			continue; /* it was so before us */
		if (same_number(ports, old, number)) {
			json_add(out->removed, name, a);
		} else if (jit_holds(ports, w)) {
			json_add(out->removed, name, a);
			ports = exchange(ports, number, old, a);
			changed = true;
		} else {
			json_add(out->drifted, name, a);
		}
	}
	if (changed)
		out->body = with_ports(policy, vm, ports, a);
}
