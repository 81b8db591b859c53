/*
 * posture jit list | enable | request: just-in-time access.
 *
 * enable merges into the policy that holds the machine, as the action enable_jit does: other
 * machines and other ports stay.  Azure has no ETag for it, so what was written is read again.
 */
#include <inttypes.h>
#include <string.h>

#include "azure/jit.h"
#include "azure/vm.h"
#include "base/clock.h"
#include "cmd/posture.h"
#include "core/cidr.h"

#define PORTS_MAX 50
#define SHORTEST_MS ((int64_t)5 * 60 * 1000)
#define LONGEST_MS ((int64_t)24 * 3600 * 1000)
#define WHAT_MAX 400

struct jit {
	struct posture posture;
	bool requests; /* else it enables */
	struct resource_id vm;
	struct str path; /* of the machine */
	struct json *ports;
	struct json *sources;
	int64_t longest_ms;
	struct str justification;
};

/* ---- list ---- */

static const struct option_row list_options[] = { POSTURE_OPTIONS };

static const struct column columns[] = { { "SUBSCRIPTION", "subscription", 0, false },
	{ "POLICY", "policy", 0, false }, { "MACHINE", "machine", 50, true },
	{ "PORT", "port", 0, false }, { "SOURCES", "sources", 40, false },
	{ "LONGEST", "longest", 0, false } };

static struct str
sources_of(const struct json *port, struct arena *a)
{
	const struct json *several = json_get(port, "allowedSourceAddressPrefixes");
	struct str text = json_text(json_get(port, "allowedSourceAddressPrefix"));

	for (const struct json *j = json_first(several); j != NULL; j = json_next(j))
		text = arena_printf(
		    a, "%.*s%s%.*s", STR_ARG(text), text.n > 0 ? ", " : "", STR_ARG(json_text(j)));
	return text;
}

static void
put_port(struct posture *p, struct output *out, struct str subscription, const struct json *policy,
    const struct json *machine, const struct json *port)
{
	struct arena *a = p->page;
	struct json *row = json_object(a);

	json_set_str(row, "subscription", subscription, a);
	json_set_str(row, "policy", json_text(json_get(policy, "name")), a);
	json_set_str(row, "machine", json_text(json_get(machine, "id")), a);
	json_set(row, "port", json_copy(json_get(port, "number"), a), a);
	json_set_str(row, "sources", sources_of(port, a), a);
	json_set_str(row, "longest", json_text(json_get(port, "maxRequestAccessDuration")), a);
	output_put(out, row);
}

static void
put_policy(
    struct posture *p, struct output *out, struct str subscription, const struct json *policy)
{
	const struct json *machines = json_at(policy, "properties.virtualMachines");

	for (const struct json *m = json_first(machines); m != NULL; m = json_next(m))
		for (const struct json *port = json_first(json_get(m, "ports")); port != NULL;
		     port = json_next(port))
			put_port(p, out, subscription, policy, m, port);
}

static bool
list_subscription(struct posture *p, struct output *out, struct str subscription, struct err *e)
{
	const struct json *items;
	struct arm_pages pages;
	bool ok;

	arm_pages_begin(&p->arm, posture_path(p, subscription, JIT_POLICIES), NULL, JIT_API_VERSION,
	    p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL)
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			put_policy(p, out, subscription, j);
	arm_pages_done(&pages);
	return ok;
}

static int
list(struct posture *p)
{
	int code = EXIT_OK;
	struct output out;
	struct err e;

	output_begin(&out, columns, sizeof(columns) / sizeof(columns[0]), p->format);
	for (size_t i = 0; i < p->n_subscriptions; i++)
		if (!list_subscription(p, &out, p->subscriptions[i], &e))
			code = posture_failed(p, &e);
	output_end(&out);
	return code;
}

static int
run_list(const struct command *self, int argc, char **argv)
{
	struct posture p;
	int code;

	posture_init(&p, self);
	if (posture_options(&p, list_options, argc, argv, posture_take, &p, &code) &&
	    posture_takes_none(&p, argc) && posture_open(&p, &code))
		code = list(&p);
	posture_close(&p);
	return code;
}

const struct command posture_jit_list = {
	.name = "posture jit list",
	.summary = "just-in-time policies: which ports of which machines",
	.usage = "[OPTION]...\n\n" POSTURE_USAGE,
	.run = run_list,
};

/* ---- what enable and request take ---- */

static const struct option_row enable_options[] = { { "ports", 'p', true }, { "max", 'm', true },
	{ "source", 'f', true }, POSTURE_CHANGES{ "output", 'o', true }, { "config", 'c', true },
	{ NULL, 0, false } };

static const struct option_row request_options[] = { { "port", 'p', true }, { "for", 'm', true },
	{ "source", 'f', true }, { "justification", 'j', true },
	POSTURE_CHANGES{ "output", 'o', true }, { "config", 'c', true }, { NULL, 0, false } };

static bool
take_ports(struct jit *j, const char *value)
{
	struct arena *a = j->posture.arena;
	struct str rest = str_of(value), word;
	int64_t n;

	while (str_next(&rest, ',', &word)) {
		if (!str_to_int(word, 1, 65535, &n) || json_count(j->ports) == PORTS_MAX) {
			usage_error(
			    j->posture.self, "'%.*s' is no port from 1 to 65535", STR_ARG(word));
			return false;
		}
		json_add(j->ports, json_integer(n, a), a);
	}
	return true;
}

static bool
take_time(struct jit *j, const char *value)
{
	struct err e;

	if (!str_to_duration_ms(str_of(value), &j->longest_ms, &e)) {
		usage_error(j->posture.self, "%s", e.text);
		return false;
	}
	if (j->longest_ms >= SHORTEST_MS && j->longest_ms <= LONGEST_MS)
		return true;
	usage_error(j->posture.self, "a time is 5m to 1d, not '%s'", value);
	return false;
}

static bool
take_sources(struct jit *j, const char *value)
{
	struct arena *a = j->posture.arena;
	struct str rest = str_of(value), word;
	struct cidr range;

	while (str_next(&rest, ',', &word)) {
		if (!cidr_parse(word, &range)) {
			usage_error(
			    j->posture.self, "'%.*s' is no address or range", STR_ARG(word));
			return false;
		}
		json_add(j->sources, json_string(word, a), a);
	}
	return true;
}

static bool
take(void *ctx, int key, const char *value)
{
	struct jit *j = ctx;

	switch (key) {
	case 'p':
		return take_ports(j, value);
	case 'm':
		return take_time(j, value);
	case 'f':
		return take_sources(j, value);
	case 'j':
		j->justification = str_of(value);
		return true;
	default:
		return posture_take(&j->posture, key, value);
	}
}

static bool
take_machine(struct jit *j, int argc, char **argv)
{
	const struct command *self = j->posture.self;
	struct err e;

	if (argc - options_end() != 1) {
		usage_error(self, "takes the resource id of one virtual machine");
		return false;
	}
	if (!resource_id_parse(str_of(argv[options_end()]), &j->vm, &e)) {
		usage_error(self, "%s", e.text);
		return false;
	}
	if (!resource_id_is(&j->vm, "Microsoft.Compute", "virtualMachines") || j->vm.name.n == 0) {
		usage_error(self, "'%s' is no virtual machine", argv[options_end()]);
		return false;
	}
	if (json_count(j->ports) == 0 || json_count(j->sources) == 0) {
		usage_error(
		    self, j->requests ? "needs --port and --source" : "needs --ports and --source");
		return false;
	}
	if (j->requests && json_count(j->sources) > 1) {
		usage_error(self, "--source is one address or range");
		return false;
	}
	j->path = resource_id_owner_path(&j->vm, j->posture.arena);
	return posture_take(&j->posture, 's', arena_cstr(j->posture.arena, j->vm.subscription));
}

/* ---- enable and request ---- */

static bool
find_policy(struct jit *j, struct jit_policy *policy, struct err *e)
{
	struct posture *p = &j->posture;
	struct vm vm;

	p->arm.now_ms = clock_now_ms();
	return vm_get(&p->arm, &j->vm, p->arena, &vm, e) &&
	       jit_find(&p->arm, &j->vm, vm.region, p->arena, policy, e);
}

static struct json *
wanted_ports(const struct jit *j)
{
	struct arena *a = j->posture.arena;
	struct json *wanted = json_array(a);
	int64_t n = 0;

	for (const struct json *port = json_first(j->ports); port != NULL; port = json_next(port)) {
		json_int(port, &n);
		json_add(wanted, jit_port(n, j->longest_ms, j->sources, a), a);
	}
	return wanted;
}

/* Somebody may have written at the same time: then it says so. */
static int
check_written(struct jit *j, const struct jit_policy *was, const struct json *wanted)
{
	struct posture *p = &j->posture;
	struct jit_policy now;
	struct err e;

	if (!jit_get(&p->arm, was->path, p->arena, &now, &e))
		return posture_failed(p, &e);
	for (const struct json *port = json_first(wanted); port != NULL; port = json_next(port))
		if (!jit_holds(jit_ports(now.body, j->path), port)) {
			fail(&e, ERR_CONFLICT,
			    "somebody else wrote the policy at the same time: try again");
			return posture_failed(p, &e);
		}
	if (!jit_keeps_others(was->body, now.body, j->path)) {
		fail(&e, ERR_CONFLICT, "machines that were in the policy are gone: look at %.*s",
		    STR_ARG(was->path));
		return posture_failed(p, &e);
	}
	fprintf(stderr, "%.*s has just-in-time access on %zu port%s\n", STR_ARG(j->vm.name),
	    json_count(wanted), json_count(wanted) == 1 ? "" : "s");
	return EXIT_OK;
}

static int
enable(struct jit *j, const struct jit_policy *policy)
{
	struct posture *p = &j->posture;
	struct json *wanted = wanted_ports(j);
	struct json *body = jit_merge(policy->body, j->path, wanted, p->arena);
	struct arm_answer ignored;
	struct arm_call call;
	char what[WHAT_MAX];
	struct err e;
	bool send;
	int code;

	if (body == NULL) {
		fprintf(stderr, "%.*s has these ports already\n", STR_ARG(j->vm.name));
		return EXIT_OK;
	}
	call = jit_put_call(policy->path, body);
	snprintf(what, sizeof(what), "Write the policy %.*s", STR_ARG(policy->path));
	if (!posture_may_send(p, &call, what, &send, &code))
		return code;
	if (!send)
		return EXIT_OK;
	if (!posture_send(p, &call, p->arena, &ignored, &e))
		return posture_failed(p, &e);
	return check_written(j, policy, wanted);
}

static int
ask_access(struct jit *j, const struct jit_policy *policy)
{
	struct posture *p = &j->posture;
	char ends[CLOCK_TEXT_MAX], what[WHAT_MAX];
	struct arm_answer ignored;
	struct arm_call call;
	struct err e;
	bool send;
	int code;

	if (policy->body == NULL || jit_ports(policy->body, j->path) == NULL) {
		fail(&e, ERR_NOT_FOUND,
		    "no just-in-time policy holds %.*s: 'gridwarden posture jit enable' makes one",
		    STR_ARG(j->vm.name));
		return posture_failed(p, &e);
	}
	clock_format(clock_now_ms() + j->longest_ms, ends);
	call = jit_initiate_call(policy->path, j->path, j->ports, json_text(json_first(j->sources)),
	    str_of(ends), j->justification, p->arena);
	snprintf(what, sizeof(what), "Open %zu port%s of %.*s to %.*s until %s",
	    json_count(j->ports), json_count(j->ports) == 1 ? "" : "s", STR_ARG(j->vm.name),
	    STR_ARG(json_text(json_first(j->sources))), ends);
	if (!posture_may_send(p, &call, what, &send, &code))
		return code;
	if (!send)
		return EXIT_OK;
	if (!posture_send(p, &call, p->arena, &ignored, &e))
		return posture_failed(p, &e);
	fprintf(stderr, "asked for: open to %.*s until %s\n",
	    STR_ARG(json_text(json_first(j->sources))), ends);
	return EXIT_OK;
}

static int
change(struct jit *j)
{
	struct jit_policy policy;
	struct err e;

	if (!find_policy(j, &policy, &e))
		return posture_failed(&j->posture, &e);
	return j->requests ? ask_access(j, &policy) : enable(j, &policy);
}

static int
run_change(const struct command *self, int argc, char **argv)
{
	struct jit j = { .requests = self == &posture_jit_request };
	const struct option_row *rows = j.requests ? request_options : enable_options;
	int code;

	posture_init(&j.posture, self);
	j.ports = json_array(j.posture.arena);
	j.sources = json_array(j.posture.arena);
	j.longest_ms = (j.requests ? 1 : 3) * (int64_t)3600 * 1000;
	j.justification = STR("gridwarden posture jit request");
	if (posture_options(&j.posture, rows, argc, argv, take, &j, &code) &&
	    take_machine(&j, argc, argv) && posture_open(&j.posture, &code))
		code = change(&j);
	posture_close(&j.posture);
	return code;
}

#define COMMON                                      \
	POSTURE_CHANGES_USAGE                       \
	"  -o, --output FORMAT      of --dry-run\n" \
	"  -c, --config FILE        settings with the credential (default " CONFIG_DEFAULT ")\n"

const struct command posture_jit_enable = {
	.name = "posture jit enable",
	.summary = "put a machine under just-in-time access",
	.usage = "MACHINE --ports LIST --source LIST [OPTION]...\n"
		 "\n"
		 "MACHINE is its resource id.  Other machines and ports of its policy stay.\n"
		 "\n"
		 "      --ports LIST         22,3389\n"
		 "      --source LIST        from these addresses or ranges it may be asked for\n"
		 "      --max TIME           for at most so long at a time (default 3h)\n" COMMON,
	.run = run_change,
};

const struct command posture_jit_request = {
	.name = "posture jit request",
	.summary = "ask for access to a machine",
	.usage = "MACHINE --port LIST --source ADDRESS [OPTION]...\n"
		 "\n"
		 "MACHINE is its resource id.\n"
		 "\n"
		 "      --port LIST          22\n"
		 "      --source ADDRESS     open it to this address or range\n"
		 "      --for TIME           for so long (default 1h)\n"
		 "      --justification TEXT what the record says\n" COMMON,
	.run = run_change,
};
