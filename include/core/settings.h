/*
 * The settings file, gridwarden.yaml, as the rest of the program sees it.  Immutable once read.
 * Secrets are never in it: *_file only; they are read by whoever uses them.
 */
#ifndef CORE_SETTINGS_H
#define CORE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/str.h"
#include "core/jwt.h"
#include "core/param.h"
#include "core/resource_id.h"

/* No body_max is larger: a delivery must fit into one record of the journal. */
#define SETTINGS_BODY_MAX (12 * 1024 * 1024)

struct settings_listen {
	struct str address; /* "[::]:8443", "127.0.0.1:0" */
	struct str path;    /* "/api/events" */
	struct str certificate, private_key;
	int64_t body_max; /* bytes; larger deliveries are answered 413 */
	int64_t connections_max;
	int64_t per_address_max;
};

/* Bearer tokens of Microsoft Entra ID; what a token must say comes from here alone. */
struct settings_entra {
	struct str tenant;    /* GUID; "" = tokens are not asked for */
	struct str *audience; /* any of them */
	size_t n_audience;
	struct str role;
	struct str application; /* GUID: Event Grid's own in the cloud */
	/* Issuers of v1.0 and of v2.0 tokens: any of them; without one no tokens of that version.
	 */
	struct str *issuers[JWT_VERSIONS];
	size_t n_issuers[JWT_VERSIONS];
	bool handshake_without_token; /* of the event subscriptions that are listed */
	struct str source; /* all that the signing keys depend on: another text, other keys */
};

struct settings_auth {
	struct str *keys_files;
	size_t n_keys_files;
	struct str key_header;	   /* a header that may carry the key; "" = query only */
	struct str *subscriptions; /* event subscriptions; none listed = all */
	size_t n_subscriptions;
	struct str *schemas; /* names of enum event_schema whose events are judged; none = all */
	size_t n_schemas;
	struct str *sources; /* core/source_list.h; none listed = all */
	size_t n_sources;
	struct str *event_types; /* the same */
	size_t n_event_types;
	struct str *origins; /* CloudEvents WebHook-Request-Origin; none listed = none */
	size_t n_origins;
	struct str
	    client_ca; /* authorities whose client certificates let in; "" = none asked for */
	struct str *client_names; /* of those, only with these names; none listed = all */
	size_t n_client_names;
	struct settings_entra entra;
	bool insecure; /* no credential asked; refused unless the listener is loopback */
};

enum credential_type {
	CREDENTIAL_MANAGED_IDENTITY,
	CREDENTIAL_CLIENT_SECRET,
	CREDENTIAL_CLIENT_CERTIFICATE,
	CREDENTIAL_WORKLOAD_IDENTITY,
	CREDENTIAL_AZURE_CLI,
	CREDENTIAL_DEFAULT, /* whichever of the others this machine has */
};

/* How to sign in.  "" = as the environment has it, where the type knows an environment. */
struct settings_credential {
	enum credential_type type;
	struct str tenant, client_id;
	struct str client_secret_file;
	struct str client_certificate_file; /* PEM: key and certificates */
	bool send_certificate_chain;
	struct str federated_token_file;
	struct str *subscriptions; /* GUIDs that it is for; none of the default one */
	size_t n_subscriptions;
	int line, col;	 /* where it is written */
	struct str name; /* "azure.credential", "azure.credentials for ID" */
};

struct settings_azure {
	struct str resource_manager; /* https://management.azure.com */
	struct str audience;	     /* https://management.azure.com/ */
	struct str login;	     /* https://login.microsoftonline.com */
	struct str imds;	     /* http://169.254.169.254 */
	struct str defender;	     /* Defender for Endpoint; "" = this cloud has none */
	struct str defender_audience;
	struct str ca_file; /* extra trust for all outgoing TLS; "" = the system's */
	bool has_login,
	    has_imds; /* somebody wrote them, or the cloud: the environment is not asked */
	struct settings_credential credential;
	struct settings_credential *credentials; /* of single subscriptions, instead of it */
	size_t n_credentials;
	int64_t operation_timeout_ms; /* a long operation that takes longer has failed */
};

enum channel_format { FORMAT_ADAPTIVE_CARD, FORMAT_MESSAGE_CARD };

struct settings_channel {
	struct str name;
	enum channel_format format;
	struct str url_file; /* the URL is a secret: its signature lets anyone post */
};

enum ticket_type { TICKET_SENTINEL, TICKET_SERVICENOW, TICKET_JIRA, TICKET_PAGERDUTY, TICKET_HTTP };
#define TICKET_TYPES (TICKET_HTTP + 1)

/* What a ticket system of another type has is "" or NULL. */
struct settings_ticket {
	struct str name;
	enum ticket_type type;
	struct resource_id workspace;	       /* Sentinel's Log Analytics workspace */
	struct str url, url_file;	       /* without a slash at the end */
	struct str user, password_file;	       /* HTTP Basic */
	struct str token_file;		       /* a bearer token instead */
	struct str routing_key_file;	       /* PagerDuty's integration key */
	bool acknowledge;		       /* PagerDuty: once all is contained */
	struct str category, assignment_group; /* ServiceNow */
	struct str close_state, close_code;    /* ServiceNow; "" = a note only */
	bool data_center;		       /* Jira: not Cloud */
	struct str project, issue_type;	       /* Jira */
	struct str close_transition;	       /* Jira; "" = a comment only */
	const struct json *priority; /* Jira: names of severities in lower case to its own */
	const struct json *template; /* core/template.h */
};

enum guard_mode { GUARD_ENFORCE, GUARD_SHADOW };

struct settings_protected {
	struct str subscription, resource_group; /* "" = any */
	struct str resource;			 /* id pattern with * and ? */
	struct str tag_name, tag_value;		 /* value "" = any */
	struct str text; /* as a person reads it: "resource_group rg-identity" */
};

struct settings_budget {
	struct str action;
	int64_t per_hour;		   /* 0 = no limit */
	int64_t per_rule_per_hour;	   /* 0 = no limit */
	int64_t per_subscription_per_hour; /* 0 = no limit */
	int64_t cooldown_ms;		   /* on the same target, 0 = none */
	int line, col;			   /* where it is written */
	bool over_approve;		   /* over budget: wait for approval; otherwise refuse */
};

/* How people let go on what is held.  Without an address there is no page, only the command line.
 */
struct settings_approvals {
	int64_t quorum;	     /* people that must approve; one denies */
	struct str *actions; /* these are always held */
	size_t n_actions;
	int line, col;	    /* where they are written */
	struct str address; /* of the page; "" = none */
	struct str certificate, private_key;
	struct str public_url; /* as it is reached, no slash at its end */
	struct str key_file;   /* a secret that links depend on too; "" = none */
	struct str *channels;  /* whose cards hold links, and that hear of what is held */
	size_t n_channels;     /* none listed = the cards of all channels hold links */
};

struct settings {
	struct settings_listen listen;
	struct str operations; /* "127.0.0.1:9464", "" = off */
	struct str socket;     /* Unix socket of the command line */
	struct settings_auth auth;
	struct str inbox;  /* folder of the journal */
	int64_t inbox_max; /* bytes of it at which deliveries are refused */
	struct str store;  /* "sqlite:/var/lib/gridwarden/gridwarden.db" */
	struct settings_azure azure;
	struct str rules; /* folder or file */
	struct settings_channel *channels;
	size_t n_channels;
	struct settings_ticket *tickets;
	size_t n_tickets;
	enum guard_mode mode;
	int64_t digest_wait_ms; /* what budgets refuse is told together after so long; 0 = each at
				   once */
	bool confirm_at_source; /* disruptive: only what Defender for Cloud says of the alert too */
	struct settings_protected *protects;
	size_t n_protects;
	struct settings_protected *scopes; /* without tags; what may be touched, none = all */
	size_t n_scopes;
	struct settings_approvals approvals;
	int64_t approval_timeout_ms; /* what nobody approved by then is refused; 0 = never */
	struct settings_budget *budgets;
	size_t n_budgets;
	int64_t report_wait_ms; /* a card waits this long for the steps it reports */
	int64_t retention_ms;	/* older events are deleted, when nothing is to be done for them */
	struct str log_level;
	struct arena *arena; /* owns all of the above */
};

/* NULL when d has errors.  Relative paths in the file are relative to the file's folder. */
struct settings *settings_parse(const struct source *src, struct diags *d);
void settings_free(struct settings *s);

const struct settings_channel *settings_channel(const struct settings *s, struct str name);
/* Do the cards of this channel hold links to the page of approvals, if there is one? */
bool settings_links_in(const struct settings *s, struct str channel);
const struct settings_ticket *settings_ticket(const struct settings *s, struct str name);

/* The table behind it all, for the manual and the schema. */
extern const struct param settings_params[];

#endif
