#include "core/alert.h"

#include <stdio.h>

#include "alert_text.h"
#include "base/buf.h"

/* The values of a field as one text: "a|b"; "(absent)" when the field does not exist. */
static const char *
field(const struct alert *al, const char *name)
{
	static char text[2000];
	struct field_values v;
	size_t n = 0;

	alert_field(al, str_of(name), arena, &v);
	CHECK(!v.cut);
	CHECK(v.present || v.n == 0);
	text[0] = '\0';
	for (size_t i = 0; i < v.n; i++)
		n += (size_t)snprintf(
		    text + n, sizeof(text) - n, "%s%.*s", i == 0 ? "" : "|", STR_ARG(v.values[i]));
	return v.present ? text : "(absent)";
}

#define CHECK_FIELD(al, name, want) CHECK_CSTR(field(&(al), name), want)

/* ---- names with a meaning ---- */

TEST(fields_have_one_name_in_every_form)
{
	struct alert al =
	    alert_of("{'alertName':'Process','reportedSeverity':'High','state':'New',"
		     "'StartTime':'" START "','AlertLink':'https://p/1',"
		     "'Tactics':'A, B','ProductName':'P','CompromisedEntity':'web-01',"
		     "'alertType':'VM_X','Description':'d','systemAlertId':'i-1'}");

	CHECK_FIELD(al, "alertDisplayName", "Process");
	CHECK_FIELD(al, "ALERTDISPLAYNAME", "Process");
	CHECK_FIELD(al, "alertType", "VM_X");
	CHECK_FIELD(al, "severity", "High");
	CHECK_FIELD(al, "status", "Active");
	CHECK_FIELD(al, "intent", "A|B");
	CHECK_FIELD(al, "tactics", "A|B");
	CHECK_FIELD(al, "compromisedEntity", "web-01");
	CHECK_FIELD(al, "description", "d");
	CHECK_FIELD(al, "startTimeUtc", START);
	CHECK_FIELD(al, "productName", "P");
	CHECK_FIELD(al, "alertUri", "https://p/1");
	CHECK_FIELD(al, "systemAlertId", "i-1");
}

TEST(alert_name_means_the_display_name_or_the_type)
{
	struct alert al = alert_of("{'alertDisplayName':'Process','alertType':'VM_X'}");

	CHECK_FIELD(al, "alertName", "Process|VM_X");
	al = alert_of("{'alertType':'VM_X'}");
	CHECK_FIELD(al, "alertName", "VM_X");
}

TEST(what_is_not_there_is_absent)
{
	struct alert al = alert_of("{'alertName':'x'}");

	CHECK_FIELD(al, "severity", "(absent)");
	CHECK_FIELD(al, "intent", "(absent)");
	CHECK_FIELD(al, "techniques", "(absent)");
	CHECK_FIELD(al, "resourceId", "(absent)");
	CHECK_FIELD(al, "subscriptionId", "(absent)");
	CHECK_FIELD(al, "extendedProperties.x", "(absent)");
	CHECK_FIELD(al, "entities.x", "(absent)");
	CHECK_FIELD(al, "event.data.x", "(absent)");
	CHECK_FIELD(al, "no.such.path", "(absent)");
	CHECK_FIELD(al, "", "(absent)");
}

TEST(techniques_are_lists_in_any_form)
{
	struct alert al = alert_of("{'alertName':'x','techniques':['T1003','T1059'],"
				   "'SubTechniques':'[\\'T1003.007\\']'}");

	CHECK_FIELD(al, "techniques", "T1003|T1059");
	CHECK_FIELD(al, "subTechniques", "T1003.007");
	al = alert_of("{'alertName':'x','techniques':[]}");
	CHECK_FIELD(al, "techniques", "");
}

/* ---- the resource ---- */

TEST(the_resource_is_told_by_its_validated_parts)
{
	struct alert al = alert_of("{'alertName':'x','azureResourceId':'" VM_UPPER "'}");

	CHECK_FIELD(al, "subscriptionId", "11111111-2222-3333-4444-555555555555");
	CHECK_FIELD(al, "resourceGroup", "rg-shop");
	CHECK_FIELD(al, "resourceType", "Microsoft.Compute/virtualMachines");
	CHECK_FIELD(al, "resourceName", "web-01");
	CHECK_FIELD(al, "resourceId", VM);
}

TEST(something_below_a_machine_is_also_told_as_the_machine)
{
	struct alert al = alert_of("{'alertName':'x','azureResourceId':'" VM "/extensions/agent'}");

	CHECK_FIELD(al, "resourceName", "web-01");
	CHECK_FIELD(al, "resourceId", VM "/extensions/agent|" VM);
}

TEST(a_subscription_has_no_group_even_when_the_payload_names_one)
{
	struct alert al =
	    alert_of("{'alertName':'x','azureResourceId':'" SUB "','resourceGroup':'g',"
		     "'resourceType':'t'}");

	CHECK_FIELD(al, "subscriptionId", "11111111-2222-3333-4444-555555555555");
	CHECK_FIELD(al, "resourceGroup", "(absent)");
	CHECK_FIELD(al, "resourceType", "(absent)");
}

TEST(a_bad_resource_id_can_be_matched_as_the_text_it_is)
{
	struct alert al = alert_of("{'alertName':'x','azureResourceId':'/x/../y'}");

	CHECK_FIELD(al, "resourceId", "/x/../y");
	CHECK_FIELD(al, "resourceName", "(absent)");
}

/* ---- nested fields ---- */

TEST(extended_properties_have_spaces_dots_and_unstable_case)
{
	struct alert al = alert_of("{'alertName':'x','extendedProperties':{'attacker IP Address':"
				   "'203.0.113.7','file.name':'a.exe','count':12,'ok':true,"
				   "'none':null,'report':'{\\'Kind\\':\\'Link\\'}'}}");

	CHECK_FIELD(al, "extendedProperties.Attacker IP address", "203.0.113.7");
	CHECK_FIELD(al, "extendedProperties.file.name", "a.exe");
	CHECK_FIELD(al, "extendedProperties.count", "12");
	CHECK_FIELD(al, "extendedProperties.ok", "true");
	CHECK_FIELD(al, "extendedProperties.none", "");
	CHECK_FIELD(al, "extendedProperties.report", "{\"Kind\":\"Link\"}");
	CHECK_FIELD(al, "extendedProperties.report.kind", "Link");
	CHECK_FIELD(al, "extendedProperties", "");
	CHECK_FIELD(al, "extendedProperties.", "(absent)");
}

#define ENTITIES                                                                     \
	"[{'$id':'1','hostName':'web-01','type':'host'},"                            \
	"{'$id':'2','name':'sh','directory':'/bin','type':'file'},"                  \
	"{'$id':'3','processId':'0x1','imageFile':{'$ref':'2'},'host':{'$ref':'1'}," \
	"'type':'process'},{'address':'203.0.113.7','location':{'asn':64500},'type':'ip'}]"

TEST(an_entity_field_is_that_of_any_entity)
{
	struct alert al = alert_of("{'alertName':'x','entities':" ENTITIES "}");

	CHECK_FIELD(al, "entities.type", "host|file|process|ip");
	CHECK_FIELD(al, "entities.address", "203.0.113.7");
	CHECK_FIELD(al, "entities.location.asn", "64500");
	CHECK_FIELD(al, "Entities.HostName", "web-01");
}

TEST(references_between_entities_are_followed)
{
	struct alert al = alert_of("{'alertName':'x','entities':" ENTITIES "}");

	CHECK_FIELD(al, "entities.host.hostName", "web-01");
	CHECK_FIELD(al, "entities.imageFile.name", "sh");
	CHECK_FIELD(al, "entities.imageFile.nothing", "(absent)");
}

TEST(a_reference_may_point_to_an_entity_written_inside_another)
{
	struct alert al = alert_of("{'alertName':'x','entities':[{'$id':'1','host':{'$id':'2',"
				   "'hostName':'web-01'}},{'account':{'$ref':'2'}}]}");

	CHECK_FIELD(al, "entities.account.hostName", "web-01");
}

TEST(references_in_a_circle_end_and_say_so)
{
	struct alert al = alert_of("{'alertName':'x','entities':[{'$id':'1','$ref':'1'}]}");
	struct field_values v;

	alert_field(&al, STR("entities.name"), arena, &v);
	CHECK_INT(v.n, 0);
	CHECK(v.cut);
}

TEST(looking_for_what_references_point_to_has_a_limit)
{
	struct field_values v;
	struct alert al;
	struct buf b;

	buf_init(&b, 1 << 20);
	buf_add_cstr(&b, "{'alertName':'x','entities':[{'hostName':'first'}");
	for (int i = 0; i < FIELD_REFS_MAX; i++)
		buf_add_cstr(&b, ",{'host':{'$ref':'lost'}},[],[],[],[],[],[],[],[],[],[]");
	buf_add_cstr(&b, "]}");
	al = alert_of(buf_cstr(&b));
	alert_field(&al, STR("entities.host.hostName"), arena, &v);
	CHECK_INT(v.n, 0);
	CHECK(v.cut);
	alert_field(&al, STR("entities.hostName"), arena, &v);
	CHECK_INT(v.n, 1);
	CHECK(!v.cut);
	buf_done(&b);
}

TEST(log_analytics_rows_hide_json_in_strings)
{
	struct alert al = alert_of(
	    "{'AlertName':'x','AlertSeverity':'Low','Entities':'[{\\'Type\\':\\'host\\',"
	    "\\'HostName\\':\\'web-01\\'}]','ExtendedProperties':'{\\'User\\':\\'root\\'}'}");

	CHECK_FIELD(al, "entities.hostName", "web-01");
	CHECK_FIELD(al, "extendedProperties.user", "root");
}

TEST(resource_identifiers_are_any_of_them)
{
	struct alert al =
	    alert_of("{'alertName':'x','ResourceIdentifiers':[{'Type':'AAD',"
		     "'AadTenantId':'t-1'},{'Type':'LogAnalytics','WorkspaceId':'w'}]}");

	CHECK_FIELD(al, "resourceIdentifiers.type", "AAD|LogAnalytics");
	CHECK_FIELD(al, "resourceIdentifiers.aadTenantId", "t-1");
}

TEST(the_activity_logs_properties_are_its_extended_properties)
{
	struct alert al = alert_of("{'operationName':'Microsoft.Security/locations/alerts/activate/"
				   "action','properties':{'subjectKind':'ServiceAccount'}}");

	CHECK_FIELD(al, "extendedProperties.subjectKind", "ServiceAccount");
	CHECK_FIELD(al, "properties.subjectKind", "ServiceAccount");
}

/* ---- any path ---- */

TEST(other_names_are_paths_in_the_alert_then_in_the_payload)
{
	struct alert al = alert_of("{'name':'outer','location':'we','properties':{'alertName':'x',"
				   "'name':'inner','isIncident':false,'score':0.8,"
				   "'deep':{'list':[{'a':1},{'a':[2,[3]]},{'b':4}]}}}");

	CHECK_FIELD(al, "name", "inner");
	CHECK_FIELD(al, "location", "we");
	CHECK_FIELD(al, "isIncident", "false");
	CHECK_FIELD(al, "score", "0.8");
	CHECK_FIELD(al, "deep.list.a", "1|2|3");
	CHECK_FIELD(al, "deep.list", "");
	CHECK_FIELD(al, "deep.list.c", "(absent)");
	CHECK_FIELD(al, "properties.name", "inner");
	CHECK_FIELD(al, "deep.", "(absent)");
	CHECK_FIELD(al, ".deep", "(absent)");
}

TEST(the_longest_name_wins_when_names_hold_dots)
{
	struct alert al =
	    alert_of("{'alertName':'x','a':{'b':'short'},'a.b':'long','c.d':{'e':1}}");

	CHECK_FIELD(al, "a.b", "long");
	CHECK_FIELD(al, "c.d.e", "1");
}

TEST(an_event_of_another_service_is_matched_by_its_own_fields)
{
	struct alert al = alert_of("{'VaultName':'kv','EXP':1559082102,'severity':'own',"
				   "'description':'d'}");

	CHECK_FIELD(al, "vaultName", "kv");
	CHECK_FIELD(al, "exp", "1559082102");
	CHECK_FIELD(al, "severity", "own");
	CHECK_FIELD(al, "alertDisplayName", "(absent)");
	CHECK_FIELD(al, "systemAlertId", "(absent)");
	CHECK_FIELD(al, "startTimeUtc", "(absent)");
}

TEST(the_envelope_is_under_event)
{
	struct alert al = alert_of("{'alertName':'x','severity':'High','event':{'id':'mine'}}");

	CHECK_FIELD(al, "event.id", "e-1");
	CHECK_FIELD(al, "Event.Type", "Contoso.Alert");
	CHECK_FIELD(al, "event.source", "/t");
	CHECK_FIELD(al, "event.subject", "alerts");
	CHECK_FIELD(al, "event.time", "2026-03-14T08:41:20Z");
	CHECK_FIELD(al, "event.data.severity", "High");
	CHECK_FIELD(al, "event.data.event.id", "mine");
}

TEST(an_empty_member_of_the_envelope_is_absent)
{
	struct alert al = alert_of("{'alertName':'x','event':{'subject':'mine'}}");

	event.subject = STR_EMPTY;
	CHECK_FIELD(al, "event.subject", "(absent)");
}

/* ---- limits ---- */

TEST(more_values_than_fit_are_cut_and_it_is_said)
{
	struct field_values v;
	struct alert al;
	struct buf b;

	buf_init(&b, 100000);
	buf_add_cstr(&b, "{'alertName':'x','list':[0");
	for (int i = 1; i < FIELD_VALUES_MAX; i++)
		buf_printf(&b, ",%d", i);
	al = alert_of(arena_printf(arena, "%s]}", buf_cstr(&b)).p);
	alert_field(&al, STR("list"), arena, &v);
	CHECK_INT(v.n, FIELD_VALUES_MAX);
	CHECK(!v.cut);
	al = alert_of(arena_printf(arena, "%s,256]}", buf_cstr(&b)).p);
	alert_field(&al, STR("list"), arena, &v);
	CHECK_INT(v.n, FIELD_VALUES_MAX);
	CHECK(v.cut);
	CHECK_STR(v.values[255], "255");
	buf_done(&b);
}
