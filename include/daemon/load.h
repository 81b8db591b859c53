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
#include "base/hash.h"
#include "core/rules.h"
#include "core/settings.h"
#include "daemon/rule_tests.h"

/* As much of the rules' text is kept of each version. */
#define RULES_TEXT_MAX ((size_t)4 * 1024 * 1024)

struct config {
	struct settings *settings;
	struct rules *rules;
	char settings_hash[13]; /* 12 hex digits of the file's digest, as rules_hash() */
	uint64_t rules_number;	/* each that is loaded in this process has its own, from 1 */
	char *rules_text;	/* JSON: [{"name":"rules.d/10.yaml","text":"..."}]; "" = too much */
	size_t tests, tests_failed;   /* of the rules; those that are off aside */
	struct action_shared *shared; /* for performers */
	int references;
	pthread_mutex_t lock;
};

#define CONFIG_SIZE_MAX ((size_t)1024 * 1024)
#define RULE_FILES_MAX 1000
#define LIST_SIZE_MAX ((size_t)16 * 1024 * 1024) /* of a file that in_file names */

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

/* And run their tests: those that fail are in d, as the daemon would say of them. */
struct rules *load_rules_and_test(const char *path, const struct settings *settings,
    struct arena *a, struct diags *d, struct rule_tests *tests);

/*
 * Both, and the rules' tests are run.  Holds one reference for the caller.  NULL when d has other
 * errors than tests that fail: with those (tests_failed) it is for the caller to say whether it can
 * be put in force.  Texts of d live in a.  digest is of all that counts: the same again is the same
 * configuration or the same mistakes.
 */
struct config *
config_load(const char *path, struct arena *a, struct diags *d, char digest[SHA256_HEX_MAX]);
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
