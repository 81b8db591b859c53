/*
 * Exchanging the network security group of several interfaces, and their public addresses, there
 * and back.
 */
#ifndef ACTION_SWAP_H
#define ACTION_SWAP_H

#include "action/action.h"
#include "azure/nic.h"
#include "several.h"

struct swap {
	struct action_env *env;
	struct step *step;
	struct several nics;
};

void swap_init(struct swap *s, struct action_env *env, struct step *step);

/*
 * Does the interface carry the group and these addresses (as nic_put() takes them), with nothing
 * under way?  Otherwise see to it; n->nsg follows what was sent.
 */
bool swap_nic(struct swap *s, struct nic *n, struct str nsg, const struct json *addresses);

#endif
