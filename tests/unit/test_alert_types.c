/* The catalogue: every row gives an alert that is read as what the row says. */
#include "core/alert_types.h"
#include "core/alert.h"
#include "event_text.h"
#include "rules_text.h"

static struct alert
alert_of_type(const struct alert_type *type, const char *severity)
{
	static struct arena *texts;
	static struct event ev;
	struct alert al;
	struct err e;

	arena_free(texts);
	texts = arena_new();
	ev = parse_one(alert_type_sample(type, severity, texts));
	CHECK_INT(ev.kind, EVENT_NOTIFICATION);
	CHECK_OK(alert_parse(&ev, arena, &al, &e));
	return al;
}

static const struct alert_type *
row(const char *type)
{
	for (size_t i = 0; i < alert_types_n; i++)
		if (str_is(str_of(type), alert_types[i].type))
			return &alert_types[i];
	CHECK(false);
	return NULL;
}

TEST(every_type_gives_an_alert_that_is_read_as_what_it_says)
{
	CHECK(alert_types_n > 600);
	for (size_t i = 0; i < alert_types_n; i++) {
		const struct alert_type *type = &alert_types[i];
		const char *severities[4];
		size_t n = alert_type_severities(type, severities);

		CHECK(n >= 1 && n <= 4);
		for (size_t k = 0; k < n; k++) {
			struct alert al = alert_of_type(type, severities[k]);

			CHECK_CSTR(al.form, "rest-2022");
			CHECK_STR(al.type, type->type);
			CHECK_STR(al.name, type->name);
			CHECK_CSTR(severity_name(al.level), severities[k]);
			CHECK(al.has_resource);
			CHECK(!al.sample);
			CHECK(json_count(al.entities) > 0);
		}
	}
}

TEST(the_same_alert_is_in_the_catalogue_once)
{
	for (size_t i = 0; i < alert_types_n; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(strcmp(alert_types[i].type, alert_types[k].type) != 0 ||
			      strcmp(alert_types[i].name, alert_types[k].name) != 0 ||
			      alert_types[i].kind != alert_types[k].kind);
}

TEST(an_alert_about_a_machine_names_a_machine)
{
	struct alert al = alert_of_type(row("VM_AmDisablementAndCodeExecution"), "High");

	CHECK(resource_id_is(&al.resource, "Microsoft.Compute", "virtualMachines"));
}

TEST(severities_are_given_from_the_highest)
{
	const char *severities[4];

	CHECK_INT(alert_type_severities(row("SQL.MI_ShellExternalSourceAnomaly"), severities), 2);
	CHECK_CSTR(severities[0], "High");
	CHECK_CSTR(severities[1], "Medium");
}

TEST(a_type_is_known_in_any_case_and_as_a_sample)
{
	CHECK(alert_type_is_known(STR("vm_amdisablement")));
	CHECK(alert_type_is_known(STR("SIMULATED_VM_AmDisablement")));
	CHECK(!alert_type_is_known(STR("VM_AmDisablemen")));
}

TEST(a_slip_in_a_type_finds_the_one_that_is_meant)
{
	CHECK_CSTR(alert_type_nearest(STR("VM_AmDisablemnt")), "VM_AmDisablement");
	CHECK_CSTR(alert_type_nearest(STR("K8S.NODE_CurencyMining")), "K8S.NODE_CurrencyMining");
	CHECK(alert_type_nearest(STR("VM_AmDisablement")) == NULL);
	CHECK(alert_type_nearest(STR("Contoso_OurOwnDetection")) == NULL);
	CHECK(alert_type_nearest(STR("")) == NULL);
}

static void
check_warning(const char *match, const char *words)
{
	struct rules *r;
	struct arena *a = arena_new();

	r = rules_of(
	    arena_printf(a, "rules: [{name: r, actions: [{notify: soc}], match: {%s}}]", match).p);
	CHECK(r != NULL);
	if (words == NULL)
		CHECK_CSTR(complaints(), "");
	else
		CHECK_HAS(complaints(), words);
	rules_free(r);
	arena_free(a);
}

TEST(a_rule_is_warned_of_a_slip_in_a_type_and_of_nothing_else)
{
	check_warning("alertType: VM_AmDisablemnt",
	    "no alert type 'VM_AmDisablemnt' is known, did you mean 'VM_AmDisablement'?");
	check_warning("alertType: [VM_EICAR, VM_AmDisablemnt]", "did you mean 'VM_AmDisablement'?");
	check_warning("alertType: VM_AmDisablement", NULL);
	check_warning("alertType: VM_AmDisablemn*", NULL);
	check_warning("alertType|contains: VM_AmDisablemnt", NULL);
	check_warning("alertType: Contoso_OurOwnDetection", NULL);
	check_warning("alertDisplayName: VM_AmDisablemnt", NULL);
}
