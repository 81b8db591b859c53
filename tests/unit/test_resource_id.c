#include "core/resource_id.h"

#include <stdio.h>

#include "test.h"

#define SUB "/subscriptions/11111111-2222-3333-4444-555555555555"
#define GROUP SUB "/resourceGroups/rg-shop"
#define VM GROUP "/providers/Microsoft.Compute/virtualMachines/web-01"

typedef void format_fn(const struct resource_id *id, struct buf *out);

/* format(parse(text)) must be `want`, byte for byte. */
static void
check_format(format_fn *format, struct str text, const char *want)
{
	struct resource_id id;
	struct buf b;
	struct err e;

	CHECK_OK(resource_id_parse(text, &id, &e));
	buf_init(&b, RESOURCE_ID_MAX);
	format(&id, &b);
	CHECK_CSTR(buf_cstr(&b), want);
	buf_done(&b);
}

static void
check_refused(struct str text, const char *words)
{
	struct resource_id id;
	struct err e = { .text = "(no error)" };

	if (resource_id_parse(text, &id, &e)) {
		print_error("accepted: %.*s\n", STR_ARG(text));
		CHECK(!"a bad resource id was accepted");
	}
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, words);
}

TEST(a_machine_has_its_parts)
{
	struct resource_id id;
	struct err e;

	CHECK_OK(resource_id_parse(STR(VM), &id, &e));
	CHECK_STR(id.subscription, "11111111-2222-3333-4444-555555555555");
	CHECK_STR(id.resource_group, "rg-shop");
	CHECK_STR(id.provider, "Microsoft.Compute");
	CHECK_STR(id.type, "virtualMachines");
	CHECK_STR(id.name, "web-01");
	CHECK_STR(id.rest, "");
	CHECK(resource_id_is(&id, "microsoft.compute", "VIRTUALMACHINES"));
	CHECK(!resource_id_is(&id, "Microsoft.Compute", "disks"));
	CHECK(!resource_id_is(&id, "Microsoft.ClassicCompute", "virtualMachines"));
}

TEST(a_subscription_and_a_resource_group_are_resource_ids)
{
	struct resource_id id;
	struct err e;

	CHECK_OK(resource_id_parse(STR(SUB), &id, &e));
	CHECK_STR(id.resource_group, "");
	CHECK_STR(id.provider, "");
	CHECK_OK(resource_id_parse(STR(GROUP), &id, &e));
	CHECK_STR(id.resource_group, "rg-shop");
	CHECK_STR(id.name, "");
	CHECK(!resource_id_is(&id, "Microsoft.Compute", "virtualMachines"));
}

TEST(a_resource_may_belong_to_the_subscription_itself)
{
	struct resource_id id;
	struct err e;

	CHECK_OK(resource_id_parse(
	    STR(SUB "/providers/Microsoft.Security/pricings/VirtualMachines"), &id, &e));
	CHECK_STR(id.resource_group, "");
	CHECK_STR(id.type, "pricings");
}

TEST(an_extension_resolves_to_its_machine)
{
	struct resource_id id;
	struct err e;

	CHECK_OK(resource_id_parse(STR(VM "/extensions/agent"), &id, &e));
	CHECK_STR(id.name, "web-01");
	CHECK_STR(id.rest, "extensions/agent");
	CHECK(resource_id_is(&id, "Microsoft.Compute", "virtualMachines"));
	check_format(resource_id_format_owner, STR(VM "/extensions/agent"), VM);
	check_format(
	    resource_id_format_owner, STR(VM "/providers/Microsoft.Security/assessments/a1"), VM);
}

TEST(a_scale_set_instance_is_not_a_machine)
{
	struct resource_id id;
	struct err e;

	CHECK_OK(resource_id_parse(
	    STR(GROUP "/providers/Microsoft.Compute/virtualMachineScaleSets/s/virtualMachines/0"),
	    &id, &e));
	CHECK(!resource_id_is(&id, "Microsoft.Compute", "virtualMachines"));
}

TEST(fixed_words_are_rebuilt_in_azures_spelling)
{
	check_format(resource_id_format,
	    STR("/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/rg-shop"
		"/PROVIDERS/Microsoft.Compute/virtualMachines/web-01"),
	    VM);
	check_format(resource_id_format,
	    STR("/SUBSCRIPTIONS/0f907ea4-bc8b-4c11-9d7e-805c2fd144fb/RESOURCEGROUPS/Sample-RG"
		"/providers/microsoft.keyvault/vaults/Sample-KV"),
	    "/subscriptions/0f907ea4-bc8b-4c11-9d7e-805c2fd144fb/resourceGroups/Sample-RG"
	    "/providers/microsoft.keyvault/vaults/Sample-KV");
}

TEST(equal_ids_have_equal_keys_whatever_their_case)
{
	struct resource_id lower, upper, other;
	struct err e;

	check_format(resource_id_format_key, STR(VM "/extensions/Agent"),
	    "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-shop"
	    "/providers/microsoft.compute/virtualmachines/web-01/extensions/agent");
	CHECK_OK(resource_id_parse(STR(GROUP "/providers/A.B/c/d"), &lower, &e));
	CHECK_OK(resource_id_parse(
	    STR("/SUBSCRIPTIONS/11111111-2222-3333-4444-555555555555/RESOURCEGROUPS/RG-SHOP"
		"/PROVIDERS/a.b/C/D"),
	    &upper, &e));
	CHECK_OK(resource_id_parse(STR(GROUP "/providers/A.B/c/e"), &other, &e));
	CHECK(resource_id_eq(&lower, &upper));
	CHECK(!resource_id_eq(&lower, &other));
}

TEST(a_key_is_appended_without_touching_what_is_before_it)
{
	struct resource_id id;
	struct buf b;
	struct err e;

	CHECK_OK(resource_id_parse(STR(SUB), &id, &e));
	buf_init(&b, 200);
	buf_add_cstr(&b, "KEEP ");
	resource_id_format_key(&id, &b);
	CHECK_CSTR(buf_cstr(&b), "KEEP " SUB);
	buf_done(&b);
}

/* Ids put together from every choice of parts: rebuilding must be stable and keys caseless. */
TEST(rebuilding_is_stable_for_all_combinations_of_parts)
{
	static const char *const words[] = { "/subscriptions/", "/SUBSCRIPTIONS/",
		"/Subscriptions/" };
	static const char *const groups[] = { "", "/resourceGroups/rg", "/RESOURCEGROUPS/R(1)_x.y",
		"/resourcegroups/-" };
	static const char *const resources[] = { "", "/providers/Microsoft.Compute/disks/d",
		"/PROVIDERS/a.b.c/T/n", "/providers/X.Y/providers/providers" };
	static const char *const below[] = { "", "/t/n", "/t/n/u/m",
		"/providers/Microsoft.Security/assessments/1", "/blobServices/default" };

	for (size_t i = 0; i < 3 * 4 * 4 * 5; i++) {
		struct resource_id first, again;
		struct buf text, once, twice, key, key_again;
		struct err e;

		if (i / 12 % 4 == 0 && i / 48 > 0)
			continue;
		buf_init(&text, 1000);
		buf_init(&once, 1000);
		buf_init(&twice, 1000);
		buf_init(&key, 1000);
		buf_init(&key_again, 1000);
		buf_printf(&text, "%s11111111-2222-3333-AAAA-bbbbbbbbbbbb%s%s%s", words[i % 3],
		    groups[i / 3 % 4], resources[i / 12 % 4], below[i / 48]);
		CHECK_OK(resource_id_parse(buf_str(&text), &first, &e));
		resource_id_format(&first, &once);
		resource_id_format_key(&first, &key);
		CHECK_OK(resource_id_parse(buf_str(&once), &again, &e));
		resource_id_format(&again, &twice);
		resource_id_format_key(&again, &key_again);
		CHECK_CSTR(buf_cstr(&once), buf_cstr(&twice));
		CHECK_CSTR(buf_cstr(&key), buf_cstr(&key_again));
		CHECK(str_eq_nocase(buf_str(&text), buf_str(&key)));
		CHECK(resource_id_eq(&first, &again));
		buf_done(&text);
		buf_done(&once);
		buf_done(&twice);
		buf_done(&key);
		buf_done(&key_again);
	}
}

TEST(what_could_bend_a_url_is_refused_with_its_place)
{
	check_refused(STR(GROUP "/providers/Microsoft.Compute/virtualMachines/.."),
	    "resource id has the segment '..'");
	check_refused(STR(SUB "/../x"), "the segment '..'");
	check_refused(STR(SUB "/./x"), "the segment '.'");
	check_refused(STR(SUB "/resourceGroups/a%2fb"), "resource id has '%' at byte 69");
	check_refused(STR(VM "?api-version=1"), "'?'");
	check_refused(STR(VM "#x"), "'#'");
	check_refused(STR(VM "\\..\\x"), "'\\'");
	check_refused(STR(VM "@evil.example"), "'@'");
	check_refused(STR(VM ":443"), "':'");
	check_refused(STR(VM " "), "byte 0x20");
	check_refused(STR(VM "\n"), "byte 0x0a");
	check_refused(STR(SUB "/resourceGroups/a\0b"), "byte 0x00");
	check_refused(STR(SUB "/resourceGroups/r\xc3\xa9"), "byte 0xc3");
	check_refused(STR("https://management.azure.com" VM), "does not start with '/'");
}

TEST(empty_segments_are_refused)
{
	check_refused(STR(""), "is empty");
	check_refused(STR("/"), "empty segment at byte 2");
	check_refused(STR("//subscriptions"), "empty segment");
	check_refused(STR(SUB "/"), "empty segment");
	check_refused(STR(SUB "//resourceGroups/x"), "empty segment");
	check_refused(STR(VM "/"), "empty segment");
}

TEST(a_broken_off_id_says_what_is_missing)
{
	check_refused(STR("/subscriptions"), "ends where a subscription is expected");
	check_refused(STR(SUB "/resourceGroups"), "ends where a resource group is expected");
	check_refused(STR(GROUP "/providers"), "ends where a resource provider is expected");
	check_refused(STR(GROUP "/providers/Microsoft.Compute"), "ends where a type is expected");
	check_refused(STR(GROUP "/providers/Microsoft.Compute/virtualMachines"),
	    "ends where a name is expected");
	check_refused(STR(VM "/extensions"), "ends where a name is expected");
	check_refused(STR(VM "/providers/Microsoft.Security"), "ends where a type is expected");
	check_refused(
	    STR(VM "/providers/Microsoft.Security/assessments"), "ends where a name is expected");
}

TEST(wrong_words_are_shown)
{
	check_refused(STR("/providers/Microsoft.Management/managementGroups/x"),
	    "has 'providers' where 'subscriptions' is expected");
	check_refused(STR(SUB "/resourceGroup/x"), "has 'resourceGroup' where 'providers'");
	check_refused(STR(GROUP "/resourceGroups/x"), "has 'resourceGroups' where 'providers'");
	check_refused(STR(GROUP "/providers/Compute/virtualMachines/x"),
	    "has 'Compute' where a resource provider");
	check_refused(STR(GROUP "/providers/Compute./virtualMachines/x"), "has 'Compute.' where");
	check_refused(STR(GROUP "/providers/.Compute/virtualMachines/x"), "has '.Compute' where");
	check_refused(STR(VM "/providers/Security/assessments/x"), "has 'Security' where");
}

TEST(a_subscription_is_a_guid)
{
	check_refused(STR("/subscriptions/prod"), "has 'prod' where the GUID of a subscription");
	check_refused(STR("/subscriptions/11111111-2222-3333-4444-55555555555"), "GUID");
	check_refused(STR("/subscriptions/11111111-2222-3333-4444-5555555555555"), "GUID");
	check_refused(STR("/subscriptions/11111111-2222-3333-4444-55555555555g"), "GUID");
	check_refused(STR("/subscriptions/1111111122223333-4444-555555555555----"), "GUID");
}

TEST(lengths_have_an_end)
{
	char text[RESOURCE_ID_MAX + 2];
	int n = snprintf(text, sizeof(text), "%s/resourceGroups/", SUB);
	struct resource_id id;
	struct err e;

	memset(text + n, 'a', sizeof(text) - (size_t)n);
	CHECK_OK(resource_id_parse((struct str){ text, (size_t)n + 260 }, &id, &e));
	check_refused((struct str){ text, (size_t)n + 261 }, "segment of 261 bytes");
	check_refused((struct str){ text, RESOURCE_ID_MAX + 1 }, "longer than 1024 bytes");
}

TEST(a_refused_id_leaves_the_output_alone)
{
	struct resource_id id = { .name = STR("before") };
	struct err e;

	CHECK(!resource_id_parse(STR(VM "/x"), &id, &e));
	CHECK_STR(id.name, "before");
}
