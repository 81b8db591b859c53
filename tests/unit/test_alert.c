#include "core/alert.h"

#include <stdio.h>

#include "alert_text.h"
#include "base/buf.h"

/* ---- one incident in every form ---- */

#define REST_2022                                                                                  \
	"{'id':'" SUB                                                                              \
	"/resourceGroups/rg-shop/providers/Microsoft.Security/locations/we/alerts/" ALERT_ID       \
	"','name':'" ALERT_ID "','type':'Microsoft.Security/Locations/alerts',"                    \
	"'properties':{'alertType':'VM_Tool','systemAlertId':'" ALERT_ID "',"                      \
	"'alertDisplayName':'Suspicious process executed','description':'A process.',"             \
	"'severity':'High','intent':'CredentialAccess,Execution','status':'Active',"               \
	"'startTimeUtc':'" START "','compromisedEntity':'web-01',"                                 \
	"'productName':'Microsoft Defender for Cloud','alertUri':'https://portal/1',"              \
	"'resourceIdentifiers':[{'$id':'1','workspaceId':'w','type':'LogAnalytics'},"              \
	"{'$id':'2','azureResourceId':'" VM_UPPER "','type':'AzureResource'}],"                    \
	"'remediationSteps':['Isolate.','{\\'kind\\':\\'Link\\',\\'displayValue\\':\\'Read\\'}']," \
	"'techniques':['T1003']}}"

#define EXPORT                                                                                  \
	"{'AlertType':'VM_Tool','StartTimeUtc':'" START "','Severity':'High','Status':'New',"   \
	"'SystemAlertId':'" ALERT_ID "','AlertDisplayName':'Suspicious process executed',"      \
	"'Description':'A process.','Intent':'CredentialAccess, Execution',"                    \
	"'CompromisedEntity':'web-01','ProductName':'Azure Security Center',"                   \
	"'AzureResourceId':'" VM_UPPER "','AlertUri':'https://portal/1','CorrelationKey':null," \
	"'ResourceIdentifiers':[{'AadTenantId':'t','Type':'AAD'},"                              \
	"{'AzureResourceId':'" VM_UPPER "','Type':'AzureResource'}],"                           \
	"'RemediationSteps':['Isolate.','Read']}"

#define REST_2019                                                                            \
	"{'name':'" ALERT_ID "','type':'Microsoft.Security/Locations/alerts','properties':{" \
	"'alertDisplayName':'Suspicious process executed','alertName':'Tool',"               \
	"'detectedTimeUtc':'" START "','reportedSeverity':'High','state':'Active',"          \
	"'associatedResource':'" VM "','remediationSteps':'Isolate.\\r\\nRead\\r\\n'}}"

#define LOG_ANALYTICS                                                                             \
	"{'DisplayName':'Suspicious process executed','AlertName':'Suspicious process executed'," \
	"'AlertType':'VM_Tool','AlertSeverity':'High','SystemAlertId':'" ALERT_ID "',"            \
	"'VendorOriginalId':'v-1','StartTime':'" START "','Status':'New','ResourceId':'" VM "',"  \
	"'AlertLink':'https://portal/1','Tactics':'CredentialAccess, Execution',"                 \
	"'RemediationSteps':'[\\'Isolate.\\',\\'Read\\']','Type':'SecurityAlert'}"

#define FLAT                                                                           \
	"{'alertName':'Suspicious process executed','severity':'High','status':'New'," \
	"'startTimeUtc':'" START "','resourceIdentifiers':[{'azureResourceId':'" VM "'}]}"

/* The decisive fields of the incident above, in whatever form it came. */
static void
check_incident(struct alert al, const char *form)
{
	struct buf key;

	CHECK_CSTR(al.form, form);
	CHECK_STR(al.name, "Suspicious process executed");
	CHECK_STR(al.severity, "High");
	CHECK_INT(al.level, SEVERITY_HIGH);
	CHECK_STR(al.status, "Active");
	CHECK_STR(al.start_time, START);
	CHECK(al.has_resource);
	CHECK(!al.sample);
	buf_init(&key, RESOURCE_ID_MAX);
	resource_id_format_key(&al.resource, &key);
	CHECK_CSTR(buf_cstr(&key),
	    "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-shop"
	    "/providers/microsoft.compute/virtualmachines/web-01");
	buf_done(&key);
}

/* json_of() turns ' into ", so a quote inside a string is written \\' above. */
TEST(one_incident_has_the_same_decisive_fields_in_every_form)
{
	check_incident(alert_of(REST_2022), "rest-2022");
	check_incident(alert_of(EXPORT), "export");
	check_incident(alert_of(REST_2019), "rest-2019");
	check_incident(alert_of(LOG_ANALYTICS), "log-analytics");
	check_incident(alert_of(FLAT), "flat");
}

TEST(one_incident_has_the_same_id_type_and_tactics_in_every_official_form)
{
	static const char *const forms[] = { REST_2022, EXPORT, LOG_ANALYTICS };

	for (size_t i = 0; i < 3; i++) {
		struct alert al = alert_of(forms[i]);

		CHECK_STR(al.id, ALERT_ID);
		CHECK_STR(al.type, "VM_Tool");
		CHECK_STR(al.intent, "CredentialAccess,Execution");
		CHECK_STR(al.uri, "https://portal/1");
	}
	CHECK_STR(alert_of(REST_2019).id, ALERT_ID);
}

TEST(remediation_steps_are_plain_text_in_every_form)
{
	static const char *const forms[] = { REST_2022, EXPORT, REST_2019, LOG_ANALYTICS };

	for (size_t i = 0; i < 4; i++) {
		struct alert al = alert_of(forms[i]);

		CHECK_INT(al.n_remediation, 2);
		CHECK_STR(al.remediation[0], "Isolate.");
		CHECK_STR(al.remediation[1], "Read");
	}
	CHECK_INT(alert_of(FLAT).n_remediation, 0);
}

TEST(other_fields_are_read_too)
{
	struct alert al = alert_of(REST_2022);

	CHECK_STR(al.description, "A process.");
	CHECK_STR(al.compromised_entity, "web-01");
	CHECK_STR(al.product, "Microsoft Defender for Cloud");
}

TEST(before_2019_became_2022_alert_name_was_the_type)
{
	CHECK_STR(alert_of(REST_2019).type, "Tool");
	CHECK_STR(alert_of(FLAT).type, "");
	CHECK_STR(alert_of("{'alertType':'VM_X'}").name, "VM_X");
	CHECK_STR(alert_of("{'systemAlertId':'1'}").name, "(no name)");
}

/* ---- where the alert is ---- */

TEST(relays_wrap_alerts_and_all_their_wrappings_are_opened)
{
	check_incident(alert_of("{'object':" REST_2022 "}"), "rest-2022");
	check_incident(alert_of("{'headers':{},'Body':" EXPORT "}"), "export");
	check_incident(alert_of("{'body':" REST_2022 "}"), "rest-2022");
	check_incident(alert_of("{'id':'1','eventType':'x','data':" FLAT "}"), "flat");
	check_incident(alert_of("{'id':'1','eventType':'x','data':" REST_2022 "}"), "rest-2022");
}

TEST(a_payload_or_body_that_is_json_in_a_string_is_looked_into)
{
	CHECK_STR(alert_of("'{\\'alertName\\':\\'x\\'}'").name, "x");
	CHECK_STR(alert_of("{'Body':'{\\'alertName\\':\\'x\\'}'}").name, "x");
	CHECK_STR(alert_of("{'properties':'{\\'alertName\\':\\'x\\'}'}").name, "x");
}

TEST(the_first_place_that_has_alert_fields_wins)
{
	CHECK_STR(
	    alert_of("{'alertName':'outer','properties':{'alertName':'inner'}}").name, "inner");
	CHECK_STR(alert_of("{'alertName':'outer','Body':{'alertName':'inner'}}").name, "outer");
	CHECK_STR(alert_of("{'alertName':'outer','properties':{'x':1}}").name, "outer");
}

TEST(names_are_read_without_case)
{
	struct alert al =
	    alert_of("{'ALERTNAME':'x','SEVERITY':'high','Starttimeutc':'" START "'}");

	CHECK_STR(al.name, "x");
	CHECK_INT(al.level, SEVERITY_HIGH);
	CHECK_STR(al.severity, "high");
	CHECK_STR(al.start_time, START);
}

/* ---- identity ---- */

TEST(an_alert_without_an_id_gets_one_from_its_event)
{
	struct alert al = alert_of(FLAT);
	char id[100];

	CHECK(str_starts_nocase(al.id, STR("event:")));
	CHECK_INT(al.id.n, 6 + 32);
	snprintf(id, sizeof(id), "%.*s", STR_ARG(al.id));
	CHECK_STR(alert_of(FLAT).id, id);
	CHECK_STR(alert_of("{'alertName':'other'}").id, id);
	al = alert_of(FLAT);
	event.id = STR("e-2");
	CHECK(alert_parse(&event, arena, &al, &(struct err){ .text = "" }));
	CHECK(!str_is(al.id, id));
}

TEST(only_the_envelope_of_an_alert_lends_its_name_as_id)
{
	CHECK_STR(alert_of("{'name':'a-1','type':'Microsoft.Security/Locations/alerts',"
			   "'properties':{'alertType':'t'}}")
		      .id,
	    "a-1");
	CHECK_STR(alert_of("{'name':'a-1','id':'/x/alerts/a-1','properties':{'alertType':'t'}}").id,
	    "a-1");
	CHECK(str_starts_nocase(
	    alert_of("{'name':'relay 7','properties':{'alertType':'t'}}").id, STR("event:")));
	CHECK_STR(alert_of("{'AlertName':'x','VendorOriginalId':'v-1'}").id, "v-1");
}

TEST(an_id_that_is_too_long_is_replaced)
{
	char text[400];

	snprintf(text, sizeof(text), "{'systemAlertId':'%0300d'}", 1);
	CHECK(str_starts_nocase(alert_of(text).id, STR("event:")));
	snprintf(text, sizeof(text), "{'systemAlertId':'%0256d'}", 1);
	CHECK_INT(alert_of(text).id.n, 256);
}

/* ---- severity, status, time ---- */

TEST(severities_are_ordered_and_unknown_words_are_kept)
{
	struct alert al = alert_of("{'alertName':'x','severity':'Critical'}");

	CHECK_INT(al.level, SEVERITY_UNKNOWN);
	CHECK_STR(al.severity, "Critical");
	CHECK_INT(severity_parse(STR("medium")), SEVERITY_MEDIUM);
	CHECK_INT(severity_parse(STR("Information")), SEVERITY_INFORMATIONAL);
	CHECK_INT(severity_parse(STR("Informational")), SEVERITY_INFORMATIONAL);
	CHECK_INT(severity_parse(STR("Unknown")), SEVERITY_UNKNOWN);
	CHECK_INT(severity_parse(STR("")), SEVERITY_UNKNOWN);
	CHECK(SEVERITY_INFORMATIONAL < SEVERITY_LOW && SEVERITY_MEDIUM < SEVERITY_HIGH);
	CHECK_CSTR(severity_name(SEVERITY_LOW), "Low");
}

TEST(a_status_other_than_new_is_kept)
{
	CHECK_STR(alert_of("{'alertName':'x','status':'InProgress'}").status, "InProgress");
	CHECK_STR(alert_of("{'alertName':'x','status':'new'}").status, "Active");
	CHECK_STR(alert_of("{'alertName':'x','state':'Dismissed'}").status, "Dismissed");
	CHECK_STR(alert_of("{'alertName':'x'}").status, "");
}

TEST(an_alert_without_a_start_has_the_time_it_was_generated_or_sent)
{
	CHECK_STR(alert_of("{'alertName':'x','TimeGenerated':'2026-01-01T00:00:00Z'}").start_time,
	    "2026-01-01T00:00:00Z");
	CHECK_STR(alert_of("{'alertName':'x'}").start_time, "2026-03-14T08:41:20Z");
}

TEST(values_of_the_wrong_type_are_absent)
{
	struct alert al = alert_of("{'alertName':'x','severity':['High'],'status':{},'intent':{},"
				   "'remediationSteps':{},'resourceIdentifiers':'none',"
				   "'entities':7,'description':null}");

	CHECK_STR(al.severity, "");
	CHECK_STR(al.status, "");
	CHECK_STR(al.intent, "");
	CHECK_STR(al.description, "");
	CHECK_INT(al.n_remediation, 0);
	CHECK(!al.has_resource);
	CHECK_STR(al.resource_problem, "");
}

/* ---- the resource ---- */

TEST(of_several_identifiers_the_azure_resource_is_chosen)
{
	struct alert al =
	    alert_of("{'alertName':'x','resourceIdentifiers':[{'type':'AAD','aadTenantId':'t'},"
		     "{'type':'AzureResource','azureResourceId':'" SUB "'},"
		     "{'type':'AzureResource','azureResourceId':'" VM "'},"
		     "{'type':'AzureResource','azureResourceId':'" VM "-b'}]}");

	CHECK_STR(al.resource_text, VM);
}

TEST(a_subscription_is_taken_when_nothing_more_exact_is_named)
{
	struct alert al =
	    alert_of("{'alertName':'x','resourceIdentifiers':{'azureResourceId':'" SUB "'}}");

	CHECK(al.has_resource);
	CHECK_STR(al.resource.name, "");
	CHECK_STR(alert_of("{'alertName':'x','AzureResourceId':'" SUB "','ResourceId':'" VM "'}")
		      .resource.name,
	    "web-01");
}

TEST(a_bad_resource_id_is_kept_as_text_with_its_problem)
{
	struct alert al = alert_of("{'alertName':'x','resourceIdentifiers':[{'azureResourceId':"
				   "'" VM "/../../x'}]}");

	CHECK(!al.has_resource);
	CHECK_STR(al.resource_text, VM "/../../x");
	CHECK_STR(al.resource_problem, "resource id has the segment '..'");
}

TEST(the_alerts_own_id_is_never_its_resource)
{
	struct alert al = alert_of("{'alertName':'x','resourceId':'" SUB
				   "/resourceGroups/g/providers/microsoft.security/locations/we/"
				   "alerts/a-1'}");

	CHECK(!al.has_resource);
	CHECK_STR(al.resource_text, "");
}

TEST(an_extension_belongs_to_its_machine)
{
	struct alert al = alert_of("{'alertName':'x','azureResourceId':'" VM "/extensions/agent'}");

	CHECK(resource_id_is(&al.resource, "Microsoft.Compute", "virtualMachines"));
	CHECK_STR(al.resource.name, "web-01");
}

/* ---- lists ---- */

TEST(remediation_steps_have_a_limit)
{
	struct buf b;

	buf_init(&b, 10000);
	buf_add_cstr(&b, "{'alertName':'x','remediationSteps':['a'");
	for (int i = 0; i < 2 * REMEDIATION_MAX; i++)
		buf_add_cstr(&b, ",'a'");
	buf_add_cstr(&b, "]}");
	CHECK_INT(alert_of(buf_cstr(&b)).n_remediation, REMEDIATION_MAX);
	buf_done(&b);
}

TEST(tactics_are_joined_by_commas_from_any_list)
{
	CHECK_STR(alert_of("{'alertName':'x','intent':['A',' B ','']}").intent, "A,B");
	CHECK_STR(alert_of("{'alertName':'x','intent':'[\\'A\\',\\'B\\']'}").intent, "A,B");
	CHECK_STR(alert_of("{'alertName':'x','intent':'A , B'}").intent, "A,B");
}

/* ---- samples ---- */

TEST(samples_are_known_by_type_or_title)
{
	CHECK(alert_of("{'alertType':'SIMULATED_VM_X','alertDisplayName':'y'}").sample);
	CHECK(alert_of("{'alertType':'VM_X','alertDisplayName':'[SAMPLE ALERT]  y'}").sample);
	CHECK(!alert_of("{'alertType':'VM_X','alertDisplayName':'y','description':'SIMULATED_ "
			"[SAMPLE ALERT]'}")
		   .sample);
}

/* ---- the activity log ---- */

#define ACTIVITY_LOG                                                                              \
	"{'correlationId':'a-9','eventName':{'value':'New binding'},'status':{'value':'Active'}," \
	"'operationName':{'value':'Microsoft.Security/locations/alerts/activate/action'},"        \
	"'eventTimestamp':'" START "','description':'d','resourceId':'" SUB                       \
	"/resourceGroups/g/providers/Microsoft.Security/locations/we/alerts/a-9','properties':{"  \
	"'severity':'Low','intent':'[\\'Persistence\\']','compromisedEntity':'aks',"              \
	"'remediationSteps':'[\\'Review.\\']','resourceType':'Kubernetes Service'}}"

TEST(an_activity_log_record_is_an_alert_without_a_known_resource)
{
	struct alert al = alert_of(ACTIVITY_LOG);

	CHECK_CSTR(al.form, "activity-log");
	CHECK_STR(al.id, "a-9");
	CHECK_STR(al.name, "New binding");
	CHECK_INT(al.level, SEVERITY_LOW);
	CHECK_STR(al.status, "Active");
	CHECK_STR(al.start_time, START);
	CHECK_STR(al.intent, "Persistence");
	CHECK_STR(al.compromised_entity, "aks");
	CHECK_STR(al.description, "d");
	CHECK_INT(al.n_remediation, 1);
	CHECK_STR(al.remediation[0], "Review.");
	CHECK_STR(al.resource_text, "");
	CHECK_CSTR(alert_of("{'Body':" ACTIVITY_LOG "}").form, "activity-log");
}

/* ---- malware scans ---- */

#define SCAN(result, details)                                                                 \
	"{'correlationId':'c-1','blobUri':'https://stshop.blob.core.windows.net/in/a b.txt'," \
	"'scanFinishedTimeUtc':'" START "','scanResultType':'" result "',"                    \
	"'scanResultDetails':" details "}"

TEST(a_malicious_blob_is_a_high_alert)
{
	struct alert al = alert_of(SCAN("Malicious", "{'malwareNamesFound':['EICAR','Other']}"));

	CHECK_CSTR(al.form, "malware-scan");
	CHECK_STR(al.id, "c-1");
	CHECK_STR(al.name, "Malicious blob scan result");
	CHECK_STR(al.type, "Microsoft.Security.MalwareScanningResult");
	CHECK_INT(al.level, SEVERITY_HIGH);
	CHECK_STR(al.status, "Active");
	CHECK_STR(al.compromised_entity, "stshop");
	CHECK_STR(al.start_time, START);
	CHECK_STR(al.description,
	    "Malicious, EICAR,Other: https://stshop.blob.core.windows.net/in/a b.txt");
	CHECK_STR(al.resource_text, "");
}

TEST(other_scan_results_are_informational)
{
	struct alert al = alert_of(SCAN("No threats found", "null"));

	CHECK_STR(al.name, "Blob scan result: No threats found");
	CHECK_INT(al.level, SEVERITY_INFORMATIONAL);
	CHECK_STR(al.status, "");
	al = alert_of(SCAN("Not Scanned", "{'notScannedReason':'too large'}"));
	CHECK_INT(al.level, SEVERITY_INFORMATIONAL);
	CHECK_STR(al.description,
	    "Not Scanned, too large: https://stshop.blob.core.windows.net/in/a b.txt");
}

TEST(the_storage_account_of_a_scan_is_taken_from_the_event_when_it_is_named_there)
{
#define ACCOUNT SUB "/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/stshop"
	struct alert al = alert_of(SCAN("Malicious", "null"));
	struct err e;

	event.source = STR(ACCOUNT);
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_STR(al.resource_text, ACCOUNT);
	event.source = STR(SUB "/resourceGroups/g/providers/Microsoft.EventGrid/topics/t");
	event.subject = STR(ACCOUNT);
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_STR(al.resource_text, ACCOUNT);
	event.subject = STR("storageAccounts/stshop/containers/in/blobs/a b.txt");
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_STR(al.resource_text, "");
}

/* ---- any other event ---- */

TEST(an_event_of_another_service_has_its_type_as_name_and_no_alert_fields)
{
	struct alert al = alert_of("{'VaultName':'kv','severity':'High'}");

	CHECK_CSTR(al.form, "event");
	CHECK_STR(al.name, "Contoso.Alert");
	CHECK_STR(al.severity, "");
	CHECK_INT(al.level, SEVERITY_UNKNOWN);
	CHECK(str_starts_nocase(al.id, STR("event:")));
	CHECK(al.fields == al.data);
}

TEST(an_assessment_is_not_an_alert)
{
	CHECK_CSTR(alert_of("{'name':'n','type':'Microsoft.Security/assessments','properties':"
			    "{'displayName':'MFA','status':{'code':'Unhealthy'}}}")
		       .form,
	    "event");
}

TEST(the_resource_of_an_event_is_what_it_happened_to)
{
	struct alert al = alert_of("{'resourceUri':'" VM "'}");
	struct err e;

	CHECK_STR(al.resource_text, VM);
	al = alert_of("{}");
	event.source = STR(SUB "/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv");
	event.subject = STR("db password");
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_STR(al.resource.name, "kv");
	event.source = STR(SUB);
	event.subject = STR(VM);
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_STR(al.resource.name, "web-01");
	event.source = STR(SUB "/resourceGroups/g/providers/Microsoft.EventGrid/topics/t");
	event.subject = STR("/../x");
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_STR(al.resource_text, "");
	CHECK_STR(al.resource_problem, "");
}

TEST(an_event_without_data_is_an_event)
{
	struct alert al;
	struct err e;

	al = alert_of("{}");
	event.data = STR_EMPTY;
	CHECK_OK(alert_parse(&event, arena, &al, &e));
	CHECK_CSTR(al.form, "event");
	CHECK(al.fields != NULL && al.data != NULL);
}

TEST(a_payload_that_is_not_an_object_is_refused)
{
	static const char *const payloads[] = { "[]", "7", "'text'", "'[1]'", "true" };

	for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
		struct event ev = { .data = json_of(payloads[i]) };
		struct alert al;
		struct err e;

		CHECK(!alert_parse(&ev, arena, &al, &e));
		CHECK_INT(e.kind, ERR_INPUT);
		CHECK_HAS(e.text, "the event's data is not a JSON object");
	}
}
