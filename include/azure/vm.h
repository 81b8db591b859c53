/*
 * Virtual machines, api-version 2024-07-01
 * https://learn.microsoft.com/rest/api/compute/virtual-machines/get
 */
#ifndef AZURE_VM_H
#define AZURE_VM_H

#include <stdbool.h>
#include <stddef.h>

#include "azure/arm.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "core/resource_id.h"

struct vm_disk {
	struct str name;
	struct str id;	     /* of the managed disk, rebuilt from parts; "" = it cannot be copied */
	const char *why_not; /* then in words, else NULL */
};

struct vm {
	struct str location;	 /* as Azure writes it */
	struct str region;	 /* the same as names and paths want it: "westeurope" */
	const struct json *tags; /* NULL = none */
	struct str vm_id;	 /* a GUID that no other machine ever has; "" = not told */
	struct str computer;	 /* what it calls itself; "" = not told */
	struct str *interfaces;	 /* resource ids of all network interfaces, rebuilt from parts */
	size_t n_interfaces;
	struct vm_disk *disks; /* the disk of the system first */
	size_t n_disks;
};

/* id may name something below the machine, such as an extension: the machine is read. */
bool vm_get(struct arm *arm, const struct resource_id *id, struct arena *a, struct vm *out,
    struct err *e) MUST_CHECK;

/* "running", "deallocated", "stopping", ...: PowerState of the instance view, "" = unknown. */
bool vm_power(struct arm *arm, const struct resource_id *id, struct arena *a, struct str *state,
    struct err *e) MUST_CHECK;
/* verb: "deallocate", "powerOff" or "start". */
bool vm_set_power(struct arm *arm, const struct resource_id *id, const char *verb, struct arena *a,
    struct arm_answer *out, struct err *e) MUST_CHECK;

/* "West Europe" is "westeurope"; empty when it holds more than letters, digits and blanks. */
struct str region_name(struct str location, struct arena *a);

#endif
