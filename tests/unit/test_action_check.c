#include "action/action.h"
#include "test.h"

static struct arena *a;

__attribute__((constructor)) static void
make_arena(void)
{
	a = arena_new();
}
static struct diags diags;
static struct rule_action out;
static struct settings_channel channels[] = { { .name = STR_EMPTY, .url_file = STR_EMPTY } };
static struct settings settings = { .channels = channels, .n_channels = 1 };

/* text: one action as a rule file has it, "isolate_vm: {expires_after: 8h}". */
static bool
checked(const char *text)
{
	static struct source source;
	struct yaml *y;

	channels[0].name = STR("soc");
	source = (struct source){ "rules.yaml", str_of(text) };
	diags_init(&diags, a);
	y = yaml_parse(&source, a, &diags);
	CHECK(y != NULL && y->type == YAML_MAPPING && y->n == 1);
	return action_check(&settings, y->pairs[0].key, y->pairs[0].value, a, &out, &diags);
}

static void
check_refused(const char *text, const char *words)
{
	CHECK(!checked(text));
	CHECK_INT(diags.errors, 1);
	CHECK_HAS(arena_cstr(a, diags.list[0].text), words);
	CHECK(diags.list[0].line == 1);
}

TEST(an_action_without_parameters_gets_its_defaults)
{
	CHECK(checked("isolate_vm:"));
	CHECK_STR(out.name, "isolate_vm");
	CHECK(out.disruptive && !out.reports && out.target == TARGET_RESOURCE);
	CHECK_STR(out.params, "{\"forensic_sources\":[]}");
	CHECK(checked("isolate_vm: {}"));
	CHECK(checked("isolate_vm: {snapshot: true}"));
	CHECK_STR(out.params, "{\"forensic_sources\":[],\"snapshot\":{\"snapshot\":true}}");
	CHECK(checked("isolate_vm: {snapshot: {resource_group: rg-evidence}}"));
	CHECK_STR(out.params, "{\"forensic_sources\":[],\"snapshot\":{\"snapshot\":true,"
			      "\"resource_group\":\"rg-evidence\"}}");
	CHECK(checked("isolate_vm: {expires_after: 8h, forensic_sources: 10.9.0.0/26}"));
	CHECK_STR(
	    out.params, "{\"expires_after\":28800000,\"forensic_sources\":[\"10.9.0.0/26\"]}");
}

TEST(a_single_text_is_the_parameter_that_names_the_target)
{
	CHECK(checked("notify: soc"));
	CHECK(out.target == TARGET_NAMED && out.reports && !out.disruptive);
	CHECK_STR(out.named, "soc");
	CHECK_STR(out.params, "{\"channel\":\"soc\"}");
	CHECK(checked("notify: {channel: soc}"));
	CHECK_STR(out.params, "{\"channel\":\"soc\"}");
}

TEST(a_misspelt_action_gets_the_name_that_was_meant)
{
	check_refused("isolat_vm: {}", "unknown action 'isolat_vm', did you mean 'isolate_vm'?");
	check_refused("reboot_the_internet: {}", "unknown action 'reboot_the_internet'");
}

TEST(a_channel_that_the_settings_do_not_have_is_refused)
{
	check_refused("notify: sco", "no channel 'sco', did you mean 'soc'?");
	check_refused("notify: elsewhere-entirely", "no channel 'elsewhere-entirely'");
	check_refused("notify:", "channel");
}

TEST(parameters_that_mean_nothing_are_refused)
{
	check_refused("isolate_vm: {expires_aftr: 8h}", "did you mean 'expires_after'?");
	check_refused("isolate_vm: {expires_after: 8}", "expires_after");
	check_refused("isolate_vm: soc", "isolate_vm takes a mapping of parameters");
	check_refused("isolate_vm: [soc]", "takes a mapping of parameters, not a list");
	check_refused("isolate_vm: {snapshot: maybe}", "must be true or false, not 'maybe'");
	check_refused(
	    "isolate_vm: {snapshot: {resource_grop: rg}}", "did you mean 'resource_group'?");
	check_refused("isolate_vm: {snapshot: {resource_group: a/b}}", "is not the name of a");
	check_refused("isolate_vm: {snapshot: [true]}", "must be a mapping of keys, not a list");
	check_refused("isolate_vm: {power_of: true}", "did you mean 'power_off'?");
	check_refused("isolate_vm: {detach_public_ip: yes}", "must be true or false, not 'yes'");
	check_refused("isolate_vm: {tag: quarantine}", "must be a mapping from text to text");
	check_refused("isolate_vm: {tag: {}}", "tag has 0 entries");
	check_refused("isolate_vm: {tag: {a/b: c}}", "tag has 'a/b': Azure takes none of");
	check_refused("isolate_vm: {tag: {Owner: a, owner: b}}", "tag has 'owner' twice");
	check_refused("isolate_vm: {resource_group: a/b}", "is not the name of a resource group");
	check_refused("isolate_vm: {resource_group: rg/providers/X.Y/z/n}",
	    "is not the name of a resource group");
}

TEST(just_in_time_access_needs_ports_and_sources)
{
	CHECK(checked("enable_jit: {ports: [22, 3389], sources: 203.0.113.0/24}"));
	CHECK_STR(out.params, "{\"ports\":[22,3389],\"max_duration\":10800000,"
			      "\"sources\":[\"203.0.113.0/24\"]}");
	CHECK(out.disruptive);
	CHECK(checked("enable_jit: {ports: 22, sources: \"*\"}"));
	CHECK(checked("enable_jit: {ports: 22, sources: [2001:db8::/32, 203.0.113.7]}"));
	CHECK(checked("request_jit: {ports: [22, 3389], source: 203.0.113.7, duration: 2h}"));
	CHECK(
	    checked("request_jit: {ports: 22, source: 2001:db8::/64, justification: look at it}"));
	check_refused("request_jit: {ports: 22}", "'source' is missing");
	check_refused("request_jit: {source: 203.0.113.7}", "'ports' is missing");
	check_refused("request_jit: {ports: [22, 22], source: 203.0.113.7}", "22 twice");
	check_refused("request_jit: {ports: 22, source: \"*\"}", "source");
	check_refused("request_jit: {ports: 22, source: 203.0.113.7, duration: 25h}", "to 1d");
	check_refused("enable_jit: {ports: 22}", "the addresses that may ask for access");
	check_refused("enable_jit: {ports: 22, sources: []}", "the addresses that may ask");
	check_refused("enable_jit: {sources: 203.0.113.7}", "'ports' is missing");
	check_refused("enable_jit: {ports: [], sources: 203.0.113.7}", "ports must not be empty");
	check_refused("enable_jit: {ports: [22, 22], sources: 203.0.113.7}", "22 twice");
	check_refused(
	    "enable_jit: {ports: 22, sources: the office}", "'the office', which is neither");
	check_refused("enable_jit: {ports: 22, sources: 203.0.113.0/33}", "203.0.113.0/33");
	check_refused(
	    "enable_jit: {ports: 22, sources: [\"*\", 203.0.113.7]}", "everybody, and others");
	check_refused(
	    "enable_jit: {ports: 22, sources: 203.0.113.7, max_duration: 2d}", "max_duration");
	check_refused("enable_jit: {ports: 22, sources: 203.0.113.7, max_duration: 4m}", "from 5m");
}

TEST(steps_on_one_subscription_or_channel_rest_together)
{
	struct step vm = { .action = STR("isolate_vm"),
		.target =
		    STR("/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg/"
			"providers/Microsoft.Compute/virtualMachines/web-01") };
	struct step card = { .action = STR("notify"), .target = STR("soc") };

	CHECK_STR(action_destination(&vm, a), "subscription:11111111-2222-3333-4444-555555555555");
	CHECK_STR(action_destination(&card, a), "notify:soc");
}

TEST(snapshots_are_kept_in_a_resource_group)
{
	CHECK(checked("snapshot_vm:"));
	CHECK(out.disruptive && out.target == TARGET_RESOURCE);
	CHECK(checked("snapshot_vm: {resource_group: rg-evidence}"));
	check_refused("snapshot_vm: {resource_group: rg/evidence}", "not the name of a resource");
	check_refused("snapshot_vm: {resource_grup: rg}", "did you mean 'resource_group'");
}

TEST(tags_are_names_and_values_that_azure_takes)
{
	CHECK(checked("tag_resource: {tags: {quarantine: \"yes\", owner: soc}}"));
	CHECK_STR(out.params, "{\"tags\":{\"quarantine\":\"yes\",\"owner\":\"soc\"}}");
	CHECK(out.disruptive && out.target == TARGET_RESOURCE);
	check_refused("tag_resource:", "'tags' is missing");
	check_refused("tag_resource: {tags: {}}", "0 entries");
	check_refused("tag_resource: {tags: {a/b: x}}", "'a/b'");
	check_refused("tag_resource: {tags: {env: x, ENV: y}}", "'ENV' twice");
}

TEST(a_machine_is_deallocated_unless_it_shall_stay)
{
	CHECK(checked("power_off_vm:"));
	CHECK_STR(out.params, "{\"stay_allocated\":false}");
	CHECK(out.disruptive && out.target == TARGET_RESOURCE);
	CHECK(checked("power_off_vm: {stay_allocated: true}"));
	check_refused("power_off_vm: {stay_allocated: maybe}", "stay_allocated");
}

TEST(an_alert_gets_one_of_four_statuses)
{
	CHECK(checked("set_alert_status: dismiss"));
	CHECK_STR(out.params, "{\"status\":\"dismiss\"}");
	CHECK(out.disruptive && out.target == TARGET_RESOURCE);
	CHECK(checked("set_alert_status: {status: inProgress}"));
	check_refused("set_alert_status:", "'status' is missing");
	check_refused("set_alert_status: close", "dismiss");
}

TEST(addresses_that_are_never_blocked_are_ranges)
{
	CHECK(checked("block_source_address:"));
	CHECK_STR(out.params, "{\"allow\":[],\"max_addresses\":10}");
	CHECK(out.disruptive && out.target == TARGET_RESOURCE);
	CHECK(checked("block_source_address: {allow: 198.51.100.0/24, expires_after: 8h}"));
	check_refused("block_source_address: {allow: the office}", "the office");
	check_refused("block_source_address: {max_addresses: 51}", "max_addresses");
	check_refused("block_source_address: {expires_after: 30s}", "expires_after");
}

TEST(a_template_is_json_whose_fields_stand_alone)
{
	CHECK(checked("http_post: {url_file: /etc/gw/url, body: '{\"a\": \"{alert.severity}\"}'}"));
	CHECK(out.target == TARGET_NAMED && !out.disruptive && !out.reports);
	CHECK_STR(out.named, "/etc/gw/url");
	check_refused("http_post: {body: '{}'}", "'url_file' is missing");
	check_refused("http_post: {url_file: url, body: '{}'}", "absolute path");
	check_refused("http_post: {url_file: /url, body: '{'}", "body");
	check_refused("http_post: {url_file: /url, body: '{\"a\": \"x {alert.severity}\"}'}",
	    "body: 'x {alert.severity}' a placeholder stands alone");
}

TEST(every_action_says_what_it_needs_and_can_be_found)
{
	for (const struct action *const *x = actions; *x != NULL; x++) {
		CHECK(action_find(str_of((*x)->name)) == *x);
		CHECK((*x)->help[0] != '\0' && (*x)->permissions != NULL && (*x)->run != NULL);
	}
	CHECK(action_find(STR("isolate")) == NULL);
}

TEST(a_ticket_system_is_named_and_must_be_in_the_settings)
{
	static struct settings_ticket ticket;

	ticket.name = STR("sentinel");
	settings.tickets = &ticket;
	settings.n_tickets = 1;
	CHECK(checked("open_ticket: sentinel"));
	CHECK(out.target == TARGET_NAMED && !out.reports && !out.disruptive);
	CHECK_STR(out.named, "sentinel");
	CHECK_STR(out.params, "{\"system\":\"sentinel\"}");
	check_refused("open_ticket: sentinl",
	    "the settings have no ticket system 'sentinl', did you mean 'sentinel'?");
	check_refused("open_ticket: soc", "the settings have no ticket system 'soc'");
	check_refused("open_ticket:", "the key 'system' is missing");
}
