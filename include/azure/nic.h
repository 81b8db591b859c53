/*
 * Network interfaces, api-version 2024-01-01
 * https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces/create-or-update
 *
 * PUT replaces the whole interface: a field that is left out goes back to its default, a read-only
 * one is refused.  So a change is GET, edit, PUT with If-Match.
 */
#ifndef AZURE_NIC_H
#define AZURE_NIC_H

#include <stdbool.h>

#include "azure/arm.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct nic {
	struct str id;
	struct str etag;
	struct str nsg;		 /* id of its network security group; "" = none */
	const struct json *body; /* as GET shows it */
};

/* How far the last change of a resource has come: properties.provisioningState. */
enum provisioning {
	PROVISIONING_SUCCEEDED,
	PROVISIONING_RUNNING, /* wait: a change now would be refused */
	PROVISIONING_FAILED,  /* or cancelled: the change has to be made again */
};
enum provisioning provisioning_of(const struct json *body);

bool
nic_get(struct arm *arm, struct str id, struct arena *a, struct nic *out, struct err *e) MUST_CHECK;

/* The body of a PUT that changes nothing: all that may be written, references as {"id": ...}. */
struct json *nic_writable(const struct json *body, struct arena *a);

/*
 * The public addresses of its IP configurations, as they are written: {"ipconfig1": {"id": ...}};
 * without those that have none.  body: as GET shows the interface.
 */
struct json *nic_addresses(const struct json *body, struct arena *a);
/* Id of the one of an IP configuration; "" = none. */
struct str nic_address(const struct nic *n, struct str configuration);
/* Has each configuration that is named the address that is given, or none for null? */
bool nic_has_addresses(const struct nic *n, const struct json *wanted);

/*
 * Give the interface this network security group ("" = none), and the IP configurations named in
 * addresses the one given there or, with null, none; NULL = none is named.  Nothing else changes.
 * An address that is taken off goes on existing.
 */
bool nic_put(struct arm *arm, const struct nic *n, struct str nsg, const struct json *addresses,
    struct arena *a, struct arm_answer *out, struct err *e) MUST_CHECK;

struct public_address {
	struct str address; /* "" while it has none */
	bool dynamic;	    /* Azure gives another one after it was taken off */
	struct str used_by; /* id of an IP configuration; "" = nobody */
};
/* reference: its resource id, rebuilt before it is asked. */
bool nic_address_get(struct arm *arm, struct str reference, struct arena *a,
    struct public_address *out, struct err *e) MUST_CHECK;

/* The public addresses of the interface, texts; added to list. */
bool nic_public_addresses(struct arm *arm, const struct nic *n, struct arena *a, struct json *list,
    struct err *e) MUST_CHECK;

#endif
