#include "core/alert_types.h"

#include <string.h>

#include "base/json.h"
#include "core/alert.h"

const struct alert_type alert_types[] = {
#include "alert_types.inc"
};
const size_t alert_types_n = sizeof(alert_types) / sizeof(alert_types[0]);

#define SIMULATED "SIMULATED_"
/* A type is never longer; comparing longer texts would only take time. */
#define TYPE_MAX 100
/* As many slips as str_nearest() allows at most; a text with fewer keeps one of so many parts. */
#define SLIPS_MAX 3
#define PARTS (SLIPS_MAX + 1)

/* ---- is it one, and which is meant? ---- */

static struct str
plain(struct str type)
{
	struct str mark = STR(SIMULATED);

	return str_starts_nocase(type, mark) ? str_slice(type, mark.n, type.n) : type;
}

bool
alert_type_is_known(struct str type)
{
	for (size_t i = 0; i < alert_types_n; i++)
		if (str_is_nocase(plain(type), alert_types[i].type))
			return true;
	return false;
}

/* Cheap, and says no to most: of near texts one quarter at least is the same. */
static bool
may_be_near(struct str word, struct str name)
{
	if (name.n == 0 || name.n > word.n + SLIPS_MAX || word.n > name.n + SLIPS_MAX)
		return false;
	for (size_t i = 0; i < PARTS; i++) {
		struct str part = str_slice(word, i * word.n / PARTS, (i + 1) * word.n / PARTS);

		if (str_has_nocase(name, part))
			return true;
	}
	return false;
}

const char *
alert_type_nearest(struct str type)
{
	const char *near[64];
	struct str word = plain(type);
	size_t n = 0;

	if (word.n == 0 || word.n > TYPE_MAX || alert_type_is_known(type))
		return NULL;
	for (size_t i = 0; i < alert_types_n && n < sizeof(near) / sizeof(near[0]); i++)
		if (may_be_near(word, str_of(alert_types[i].type)))
			near[n++] = alert_types[i].type;
	return str_nearest(word, near, n);
}

/* ---- samples ---- */

#define SAMPLE_TIME "2026-01-01T00:00:00Z"

#define SUBSCRIPTION "/subscriptions/00000000-0000-0000-0000-000000000000"
#define GROUP SUBSCRIPTION "/resourceGroups/rg-sample/providers/"
#define MACHINE GROUP "Microsoft.Compute/virtualMachines/"
/* Documentation's own, RFC 5737. */
#define IP_ENTITY "{\"type\":\"ip\",\"address\":\"203.0.113.77\"}"
#define ACCOUNT_ENTITY "{\"type\":\"account\",\"name\":\"sample-user\"}"
#define HOST_ENTITY(os) \
	"{\"type\":\"host\",\"hostName\":\"vm-sample\",\"osFamily\":\"" os "\"}," ACCOUNT_ENTITY ","

/* What alerts of a kind have in common: an Azure id, and entities as Defender gives them. */
struct kind {
	const char *name, *resource, *entity, *entities;
};

static const struct kind kinds[] = {
	[SAMPLE_WINDOWS] = { "Windows machine", MACHINE "vm-sample", "vm-sample",
	    HOST_ENTITY("Windows") "{\"type\":\"process\",\"commandLine\":"
				   "\"C:\\\\Windows\\\\Temp\\\\sample.exe -x\"}" },
	[SAMPLE_LINUX] = { "Linux machine", MACHINE "vm-sample", "vm-sample",
	    HOST_ENTITY("Linux") "{\"type\":\"process\",\"commandLine\":\"/tmp/.x/sample -x\"}" },
	[SAMPLE_EXTENSION] = { "extension of a machine",
	    MACHINE "vm-sample/extensions/sample-extension", "vm-sample",
	    HOST_ENTITY("Linux") IP_ENTITY },
	[SAMPLE_TRAFFIC] = { "traffic of a machine", MACHINE "vm-sample", "vm-sample", IP_ENTITY },
	[SAMPLE_DNS] = { "DNS of a machine", MACHINE "vm-sample", "vm-sample",
	    "{\"type\":\"dns\",\"domainName\":\"sample.example\"}," IP_ENTITY },
	[SAMPLE_APP] = { "App Service", GROUP "Microsoft.Web/sites/app-sample", "app-sample",
	    IP_ENTITY },
	[SAMPLE_CLUSTER] = { "Kubernetes cluster",
	    GROUP "Microsoft.ContainerService/managedClusters/aks-sample", "aks-sample",
	    "{\"type\":\"K8s-namespace\",\"name\":\"sample\"},"
	    "{\"type\":\"K8s-pod\",\"name\":\"pod-sample\"}" },
	[SAMPLE_NODE] = { "Kubernetes node",
	    GROUP "Microsoft.ContainerService/managedClusters/aks-sample", "aks-nodepool1-sample",
	    "{\"type\":\"host\",\"hostName\":\"aks-nodepool1-sample\",\"osFamily\":\"Linux\"},"
	    "{\"type\":\"process\",\"commandLine\":\"/tmp/.x/sample -x\"}" },
	[SAMPLE_SQL_DATABASE] = { "SQL database",
	    GROUP "Microsoft.Sql/servers/sql-sample/databases/db", "db",
	    ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_SQL_INSTANCE] = { "SQL managed instance",
	    GROUP "Microsoft.Sql/managedInstances/mi-sample", "mi-sample",
	    ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_SQL_MACHINE] = { "SQL on a machine", MACHINE "vm-sample", "vm-sample",
	    HOST_ENTITY("Windows") IP_ENTITY },
	[SAMPLE_SYNAPSE] = { "Synapse pool",
	    GROUP "Microsoft.Synapse/workspaces/syn-sample/sqlPools/pool", "pool",
	    ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_POSTGRESQL] = { "PostgreSQL",
	    GROUP "Microsoft.DBforPostgreSQL/flexibleServers/psql-sample", "psql-sample",
	    ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_MYSQL] = { "MySQL", GROUP "Microsoft.DBforMySQL/flexibleServers/mysql-sample",
	    "mysql-sample", ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_MARIADB] = { "MariaDB", GROUP "Microsoft.DBforMariaDB/servers/mariadb-sample",
	    "mariadb-sample", ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_STORAGE] = { "storage account", GROUP "Microsoft.Storage/storageAccounts/stsample",
	    "stsample", "{\"type\":\"blob-container\",\"name\":\"uploads\"}," IP_ENTITY },
	[SAMPLE_VAULT] = { "key vault", GROUP "Microsoft.KeyVault/vaults/kv-sample", "kv-sample",
	    ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_SUBSCRIPTION] = { "subscription", SUBSCRIPTION, "sample-user@contoso.example",
	    ACCOUNT_ENTITY "," IP_ENTITY },
	[SAMPLE_COSMOS] = { "Cosmos DB",
	    GROUP "Microsoft.DocumentDB/databaseAccounts/cosmos-sample", "cosmos-sample",
	    IP_ENTITY },
	[SAMPLE_API] = { "API", GROUP "Microsoft.ApiManagement/service/apim-sample", "apim-sample",
	    IP_ENTITY },
	[SAMPLE_PUBLIC_ADDRESS] = { "public address",
	    GROUP "Microsoft.Network/publicIPAddresses/pip-sample", "pip-sample", IP_ENTITY },
	[SAMPLE_AI] = { "AI service", GROUP "Microsoft.CognitiveServices/accounts/ai-sample",
	    "ai-sample", IP_ENTITY },
};

const char *
sample_kind_name(enum sample_kind kind)
{
	return kinds[kind].name;
}

size_t
alert_type_severities(const struct alert_type *type, const char *out[4])
{
	static const enum severity levels[] = { SEVERITY_HIGH, SEVERITY_MEDIUM, SEVERITY_LOW,
		SEVERITY_INFORMATIONAL };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strchr(type->severities, severity_name(levels[i])[0]) != NULL)
			out[n++] = severity_name(levels[i]);
	if (n == 0)
		out[n++] = severity_name(SEVERITY_HIGH);
	return n;
}

/* A list of one object, or of what a text of ours holds. */
static struct json *
resource_list(const struct kind *k, struct arena *a)
{
	struct json *list = json_array(a), *one = json_object(a);

	json_set_cstr(one, "type", "AzureResource", a);
	json_set_cstr(one, "azureResourceId", k->resource, a);
	json_add(list, one, a);
	return list;
}

static struct json *
entity_list(const struct kind *k, struct arena *a)
{
	struct err e;

	return json_parse(arena_printf(a, "[%s]", k->entities), a, &e);
}

/* The fields of the 2022-01-01 form. */
static struct json *
properties(const struct alert_type *t, const char *severity, struct arena *a)
{
	const struct kind *k = &kinds[t->kind];
	struct json *j = json_object(a), *extended = json_object(a);

	json_set_cstr(j, "version", "2022-01-01", a);
	json_set_cstr(j, "vendorName", "Microsoft", a);
	json_set_cstr(j, "productName", "Microsoft Defender for Cloud", a);
	json_set_cstr(j, "systemAlertId", "sample", a);
	json_set_cstr(j, "alertType", t->type, a);
	json_set_cstr(j, "alertDisplayName", t->name, a);
	json_set_cstr(j, "description", t->name, a);
	json_set_cstr(j, "severity", severity, a);
	json_set_cstr(j, "status", "Active", a);
	json_set_cstr(j, "intent", t->tactics, a);
	json_set_cstr(j, "startTimeUtc", SAMPLE_TIME, a);
	json_set_cstr(j, "compromisedEntity", k->entity, a);
	json_set(j, "resourceIdentifiers", resource_list(k, a), a);
	json_set_cstr(extended, "resourceType", k->name, a);
	json_set(j, "extendedProperties", extended, a);
	json_set(j, "entities", entity_list(k, a), a);
	return j;
}

struct str
alert_type_sample(const struct alert_type *type, const char *severity, struct arena *a)
{
	struct json *j = json_object(a), *data = json_object(a);

	json_set_cstr(j, "id", "sample", a);
	json_set_cstr(j, "topic", SUBSCRIPTION, a);
	json_set_cstr(j, "subject", kinds[type->kind].resource, a);
	json_set_cstr(j, "eventType", "Microsoft.Security.Alert", a);
	json_set_cstr(j, "eventTime", SAMPLE_TIME, a);
	json_set_cstr(j, "dataVersion", "1", a);
	json_set_cstr(data, "type", "Microsoft.Security/Locations/alerts", a);
	json_set(data, "properties", properties(type, severity, a), a);
	json_set(j, "data", data, a);
	return json_print(j, a);
}
