/*
 * What the tests of isolate_vm look at.
 */
#ifndef TESTS_ISOLATION_WORLD_H
#define TESTS_ISOLATION_WORLD_H

#include "azure_world.h"

#define NO_PARAMS "{}"

/* What undo and everybody else rely on: the interface without its group and what Azure counts. */
static inline struct json *
all_but_group(const char *nic)
{
	struct json *j = resource(nic), *properties = json_member(j, "properties");

	json_remove(j, "etag");
	json_remove(properties, "networkSecurityGroup");
	for (struct json *ip = json_child(json_member(properties, "ipConfigurations")); ip != NULL;
	     ip = json_sibling(ip))
		json_remove(ip, "etag");
	return j;
}

static inline struct str
group_of(const char *nic)
{
	return json_text(json_at(resource(nic), "properties.networkSecurityGroup.id"));
}

static inline void
check_isolated(void)
{
	CHECK_STR(group_of(NIC("web-01-nic")), QUARANTINE);
	CHECK_STR(group_of(NIC("web-01-nic-back")), QUARANTINE);
}

#endif
