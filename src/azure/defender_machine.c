/*
 * Happy path: the call goes to the host of the settings, with a token for it.
 * What can go wrong: the cloud has no such host, a permission is missing, another action is under
 * way (400 ActiveRequestAlreadyExists: again later), a throttle.
 */
#include "azure/defender_machine.h"

#include "arm_internal.h"
#include "base/hash.h"

#define ID_CHARS 40
#define BUSY_MS 10000

/* ---- one call ---- */

static bool
refused(struct arm *arm, const struct http_response *rs, const struct json *body, const char *role,
    struct arena *a, struct err *e)
{
	struct arm_error x;

	arm_error_read(body, &x);
	if (rs->status == 400 && str_is_nocase(x.code, "ActiveRequestAlreadyExists"))
		return fail_again(e, BUSY_MS, "another action on this machine is under way");
	(void)arm_refused(rs, body, arm->now_ms, &arm->rest_ms, a, e);
	if (e->kind == ERR_DENIED)
		return fail_in(e, "it needs the application permission %s", role);
	return false;
}

static bool
call(struct arm *arm, const char *method, struct str path, const struct json *body,
    const char *role, struct arena *a, struct json **answer, struct err *e)
{
	const struct settings_azure *azure = arm->settings;
	struct settings_azure there = *azure;
	struct arm to = *arm;
	struct http_response rs;
	bool ok;

	if (azure->defender.n == 0)
		return fail(e, ERR_INPUT,
		    "this cloud has no Defender for Endpoint; azure.cloud.defender can name one");
	there.resource_manager = azure->defender;
	there.audience = azure->defender_audience;
	to.settings = &there;
	ok = arm_exchange(&to, method,
	    arena_printf(a, "%.*s%.*s", STR_ARG(azure->defender), STR_ARG(path)), body, STR_EMPTY,
	    a, &rs, answer, e);
	ok = ok && (rs.status < 300 || refused(&to, &rs, *answer, role, a, e));
	if (ok && !json_is(*answer, JSON_OBJECT))
		ok = fail_again(e, 0, "the answer %d is no JSON object", rs.status);
	to.settings = azure;
	*arm = to; /* what was called, and how long it rests */
	return ok || fail_in(e, "Defender for Endpoint");
}

static bool
get(struct arm *arm, struct str path, struct arena *a, struct json **answer, struct err *e)
{
	return call(arm, "GET", path, NULL, "Machine.Read.All", a, answer, e);
}

/* ---- machines ---- */

bool
defender_machine_id_is(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
			return false;
	return id.n == ID_CHARS;
}

bool
defender_machine_get(
    struct arm *arm, struct str id, struct arena *a, const struct json **machine, struct err *e)
{
	struct json *answer;

	if (!defender_machine_id_is(id))
		return fail(e, ERR_NOT_FOUND, "'%.*s' is no machine of Defender for Endpoint",
		    STR_ARG(str_slice(id, 0, ID_CHARS)));
	if (!get(arm, arena_printf(a, "/api/machines/%.*s", STR_ARG(id)), a, &answer, e))
		return false;
	*machine = answer;
	return true;
}

static bool
list_machines(
    struct arm *arm, struct str filter, struct arena *a, const struct json **list, struct err *e)
{
	struct json *answer;

	if (!get(arm,
		arena_printf(a, "/api/machines?$filter=%.*s", STR_ARG(http_escape(filter, a))), a,
		&answer, e))
		return false;
	*list = json_get(answer, "value");
	return true;
}

bool
defender_machines_of_device(struct arm *arm, struct str aad_device, struct arena *a,
    const struct json **list, struct err *e)
{
	if (!uuid_is(aad_device))
		return fail(e, ERR_NOT_FOUND, "'%.*s' is no device of Entra ID",
		    STR_ARG(str_slice(aad_device, 0, ID_CHARS)));
	return list_machines(
	    arm, arena_printf(a, "aadDeviceId eq %.*s", STR_ARG(aad_device)), a, list, e);
}

/* Names go into a filter: nothing but what a host name has. */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '_' || c == '.'))
			return false;
	}
	return s.n > 0;
}

bool
defender_machines_named(
    struct arm *arm, struct str prefix, struct arena *a, const struct json **list, struct err *e)
{
	if (!is_name(prefix))
		return fail(e, ERR_INPUT, "'%.*s' is no computer's name", STR_ARG(prefix));
	return list_machines(arm,
	    arena_printf(a, "startswith(computerDnsName,'%.*s')", STR_ARG(prefix)), a, list, e);
}

/* ---- which one ---- */

/* "web-01.contoso.example" is web-01. */
static bool
has_name(const struct json *machine, struct str name)
{
	struct str full = json_text(json_get(machine, "computerDnsName")), first = STR_EMPTY;

	str_next(&full, '.', &first);
	return name.n > 0 &&
	       (str_eq_nocase(first, name) ||
		   str_eq_nocase(json_text(json_get(machine, "computerDnsName")), name));
}

enum match { MATCH_NOT, MATCH_BY_NAME, MATCH_BY_ID };

static enum match
match(const struct json *machine, struct str vm_id, struct str name)
{
	struct str its = json_text(json_at(machine, "vmMetadata.vmId"));

	if (!str_is_nocase(json_text(json_get(machine, "onboardingStatus")), "Onboarded"))
		return MATCH_NOT;
	if (its.n > 0)
		return vm_id.n > 0 && str_eq_nocase(its, vm_id) ? MATCH_BY_ID : MATCH_NOT;
	return has_name(machine, name) ? MATCH_BY_NAME : MATCH_NOT;
}

static bool
is_active(const struct json *machine)
{
	return str_is_nocase(json_text(json_get(machine, "healthStatus")), "Active");
}

/* ISO 8601 in one zone: the later text is the later time. */
static bool
is_seen_later(const struct json *x, const struct json *y)
{
	return str_cmp(json_text(json_get(x, "lastSeen")), json_text(json_get(y, "lastSeen"))) > 0;
}

bool
defender_choose(const struct json *machines, struct str vm_id, struct str name,
    const struct json **out, struct err *e)
{
	enum match best = MATCH_NOT;
	const struct json *found = NULL;
	size_t n = 0, active = 0;

	for (const struct json *j = json_first(machines); j != NULL; j = json_next(j)) {
		enum match m = match(j, vm_id, name);

		if (m == MATCH_NOT || m < best)
			continue;
		if (m > best)
			n = active = 0;
		if (n == 0 || is_active(j) > is_active(found) ||
		    (is_active(j) == is_active(found) && is_seen_later(j, found)))
			found = j;
		best = m;
		n++;
		active += is_active(j);
	}
	/* One that says by its vmId that it is the machine is it, however often it was set up. */
	if (best == MATCH_BY_NAME && n > 1 && active != 1)
		return fail(e, ERR_INPUT,
		    "Defender for Endpoint knows %zu machines named %.*s, %zu of them active, and "
		    "none says which virtual machine it is",
		    n, STR_ARG(name), active);
	*out = found;
	return true;
}

/* ---- actions ---- */

static bool
is_isolation(const struct json *action)
{
	struct str type = json_text(json_get(action, "type"));

	return str_is_nocase(type, "Isolate") || str_is_nocase(type, "Unisolate");
}

bool
defender_actions(
    struct arm *arm, struct str machine, struct arena *a, struct json **list, struct err *e)
{
	struct str filter =
	    http_escape(arena_printf(a, "machineId eq '%.*s'", STR_ARG(machine)), a);
	struct json *answer, *all = json_array(a);

	if (!get(arm, arena_printf(a, "/api/machineactions?$filter=%.*s", STR_ARG(filter)), a,
		&answer, e))
		return false;
	for (const struct json *j = json_first(json_get(answer, "value")); j != NULL;
	     j = json_next(j))
		if (is_isolation(j) && str_eq_nocase(json_text(json_get(j, "machineId")), machine))
			json_add(all, json_copy(j, a), a);
	*list = all;
	return true;
}

bool
defender_isolate(struct arm *arm, struct str machine, const char *isolation, struct str comment,
    struct arena *a, struct str *action, struct err *e)
{
	bool release = isolation[0] == '\0';
	struct str path = arena_printf(
	    a, "/api/machines/%.*s/%s", STR_ARG(machine), release ? "unisolate" : "isolate");
	struct json *body = json_object(a), *answer;

	json_set_str(body, "Comment", comment, a);
	if (!release)
		json_set_cstr(body, "IsolationType", isolation, a);
	if (!call(arm, "POST", path, body, "Machine.Isolate", a, &answer, e))
		return false;
	*action = json_text(json_get(answer, "id"));
	return true;
}

bool
defender_cancel(
    struct arm *arm, struct str action, struct str comment, struct arena *a, struct err *e)
{
	struct json *body = json_object(a), *answer;

	if (!uuid_is(action))
		return fail(e, ERR_INPUT, "'%.*s' is no machine action", STR_ARG(action));
	json_set_str(body, "Comment", comment, a);
	return call(arm, "POST",
	    arena_printf(a, "/api/machineactions/%.*s/cancel", STR_ARG(action)), body,
	    "Machine.Isolate", a, &answer, e);
}
