/*
 * What `alerts` and `actions` share: "list" with filters, "show ID".
 */
#ifndef CMD_LIST_H
#define CMD_LIST_H

#include "cmd/cmd.h"

struct list_command {
	const struct command *self;
	const char *list, *show; /* commands of the daemon's socket */
	const struct column *columns;
	size_t n_columns;
	const char *const *states; /* what --state takes; ends with NULL */
	bool of_actions;	   /* takes --action and --alert */
	const char *nothing;	   /* said when the list is empty */
	void (*print)(const struct json *object, struct arena *a); /* one object for people */
};

int list_run(const struct list_command *lc, int argc, char **argv);

#endif
