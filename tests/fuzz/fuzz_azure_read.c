/*
 * Readers of what Azure shows: a line that says which, then its answers as scripted_http.c reads
 * them.
 *
 * What must hold: pages are followed on the configured host only; every id that comes out of an
 * answer and goes into another path was parsed and rebuilt; what is written back is stable: made
 * writable or mended twice it is the same.
 */
#include "azure/arm.h"
#include "azure/effective.h"
#include "azure/jit.h"
#include "azure/nic.h"
#include "azure/nsg.h"
#include "azure/vm.h"
#include "fuzz.h"

#define NOW_MS INT64_C(1764000000000)
#define HOST "https://management.azure.com"
#define RG "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
#define VM RG "/providers/Microsoft.Compute/virtualMachines/web-01"
#define NSG RG "/providers/Microsoft.Network/networkSecurityGroups/gridwarden-quarantine-westeurope"

static struct settings_azure settings;
static struct credential *credential;

static void
look(const struct http_request *rq)
{
	struct str rest = str_slice(rq->url, strlen(HOST), rq->url.n);

	for (size_t i = 0; i < rq->n_headers; i++)
		if (strcmp(rq->headers[i].name, "Authorization") == 0)
			MUST(str_starts_nocase(rq->url, STR(HOST)) &&
			     (rest.n == 0 || strchr("/?#:", rest.p[0]) != NULL));
}

static void
prepare(struct arena *a)
{
	struct str authorization;
	struct err e;

	settings = (struct settings_azure){ .resource_manager = STR(HOST),
		.audience = STR(HOST "/"),
		.login = STR("https://login.microsoftonline.com"),
		.imds = STR("http://169.254.169.254"),
		.ca_file = STR_EMPTY,
		.operation_timeout_ms = 60000 };
	credential = credential_new(&settings);
	scripted_answers(STR("200\n\n{\"access_token\":\"t\",\"expires_in\":\"86400\"}"));
	MUST(credential_get(credential, NULL, settings.audience, NOW_MS, a, &authorization, &e));
	scripted_look = look;
}

static bool
same(const struct json *x, const struct json *y, struct arena *a)
{
	return str_eq(json_print(x, a), json_print(y, a));
}

static void
read_list(struct arm *arm, struct arena *a)
{
	struct json *items;
	struct err e;

	if (arm_list(arm, STR(RG), "2024-01-01", a, &items, &e))
		MUST(json_is(items, JSON_ARRAY));
}

static void
read_vm(struct arm *arm, struct arena *a)
{
	struct resource_id id, nic;
	struct vm vm;
	struct err e;

	MUST(resource_id_parse(STR(VM), &id, &e));
	if (!vm_get(arm, &id, a, &vm, &e))
		return;
	for (size_t i = 0; i < vm.n_interfaces; i++)
		MUST(resource_id_parse(vm.interfaces[i], &nic, &e));
	MUST(memchr(vm.region.p, ' ', vm.region.n) == NULL);
	MUST(memchr(vm.region.p, '/', vm.region.n) == NULL);
}

static void
read_nic(struct arm *arm, struct arena *a)
{
	struct json *once;
	struct nic nic;
	struct err e;

	if (!nic_get(arm, STR(RG "/providers/Microsoft.Network/networkInterfaces/n"), a, &nic, &e))
		return;
	once = nic_writable(nic.body, a);
	MUST(same(once, nic_writable(once, a), a));
	MUST(json_get(once, "etag") == NULL && json_at(once, "properties.virtualMachine") == NULL);
	(void)provisioning_of(nic.body);
}

static void
read_nsg(struct arm *arm, struct arena *a)
{
	struct json *sources = json_array(a), *mended;
	struct quarantine q = { STR(NSG), STR("westeurope"), sources, true };
	const struct json *existing;
	struct str etag;
	struct err e;

	json_add(sources, json_string(STR("10.0.0.0/8"), a), a);
	if (!nsg_get(arm, STR(NSG), a, &existing, &etag, &e))
		return;
	mended = quarantine_mend(&q, existing, a);
	if (mended != NULL)
		MUST(quarantine_mend(&q, mended, a) == NULL);
	(void)quarantine_leaks(existing, a);
}

/* Nothing in force is a leak too: the list is empty only when the quarantine was seen. */
static void
read_effective(struct arm *arm, struct arena *a)
{
	struct str nic = STR(RG "/providers/Microsoft.Network/networkInterfaces/n");
	struct arm_answer answer;
	struct json *leaks;
	struct err e;

	if (!effective_ask(arm, nic, a, &answer, &e))
		return;
	leaks = effective_leaks(answer.body, STR(NSG), a);
	if (json_count(leaks) == 0)
		MUST(str_has_nocase(json_print(answer.body, a), STR("networkInterface")));
	for (const struct json *j = json_first(leaks); j != NULL; j = json_next(j))
		MUST(json_is(j, JSON_STRING) && is_utf8(json_text(j)));
}

static void
read_jit(struct arm *arm, struct arena *a)
{
	struct jit_policy policy;
	struct resource_id id, machine;
	struct err e;

	MUST(resource_id_parse(STR(VM), &machine, &e));
	if (!jit_find(arm, &machine, STR("westeurope"), a, &policy, &e))
		return;
	MUST(resource_id_parse(policy.path, &id, &e));
	MUST(resource_id_is(&id, "Microsoft.Security", "locations"));
}

FUZZ(input)
{
	static const struct {
		const char *name;
		void (*read)(struct arm *arm, struct arena *a);
	} readers[] = { { "list", read_list }, { "vm", read_vm }, { "nic", read_nic },
		{ "nsg", read_nsg }, { "effective", read_effective }, { "jit", read_jit } };
	struct str rest = input, line = take_line(&rest);
	struct arm arm = { .settings = &settings,
		.correlation_id = STR_EMPTY,
		.now_ms = NOW_MS,
		.log_arena = arena };

	if (credential == NULL)
		prepare(arena);
	arm.credential = credential;
	scripted_answers(rest);
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (str_is(line, readers[i].name))
			readers[i].read(&arm, arena);
}
