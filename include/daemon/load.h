/*
 * The configuration as one thing: settings and rules that were read together.  Immutable and
 * counted, so that a reload can swap it under running work.
 */
#ifndef DAEMON_LOAD_H
#define DAEMON_LOAD_H

#include <pthread.h>

#include "action/action.h"
#include "base/arena.h"
#include "base/diag.h"
#include "core/rules.h"
#include "core/settings.h"

struct config {
	struct settings *settings;
	struct rules *rules;
	struct action_shared *shared; /* for performers */
	int references;
	pthread_mutex_t lock;
};

#define CONFIG_SIZE_MAX ((size_t)1024 * 1024)
#define RULE_FILES_MAX 1000

/* Read the settings file.  NULL when d has errors. */
struct settings *load_settings(const char *path, struct arena *a, struct diags *d);
/* And try the files that its credentials name: warnings.  For who may read them. */
struct settings *load_settings_and_try(const char *path, struct arena *a, struct diags *d);
/*
 * Read a rule file or a folder of *.yaml.  settings names the channels that actions may use; NULL
 * = any.  NULL when d has errors.
 */
struct rules *
load_rules(const char *path, const struct settings *settings, struct arena *a, struct diags *d);

/* Both.  Holds one reference for the caller.  Texts of d live in a. */
struct config *config_load(const char *path, struct arena *a, struct diags *d);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

/* The one in force: any thread gets a reference; a reload sets another. */
struct current {
	pthread_mutex_t lock;
	struct config *config;
};
void current_init(struct current *cur, struct config *c); /* takes the reference over */
void current_done(struct current *cur);
struct config *current_get(struct current *cur);
void current_set(struct current *cur, struct config *c); /* takes the reference over */

#endif
