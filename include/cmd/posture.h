/*
 * What the commands of `gridwarden posture` share: whose Azure is asked, pages and throttling,
 * and that nothing is changed without a yes.
 */
#ifndef CMD_POSTURE_H
#define CMD_POSTURE_H

#include "azure/arm.h"
#include "cmd/cmd.h"
#include "core/settings.h"

struct posture {
	const struct command *self;
	const char *config;
	enum format format;
	bool yes, dry_run;	   /* of those that change something */
	bool all;		   /* all subscriptions that the credential sees */
	struct str *subscriptions; /* asked for on the command line, then those that are meant */
	size_t n_subscriptions;
	struct arena *arena; /* of the command */
	struct arena *page;  /* of one page: gone at the next */
	struct settings *settings;
	struct http *http;
	struct credential *credential;
	struct arm arm;
};

/* The last rows of a command's options; the first two of those that change something. */
#define POSTURE_CHANGES { "yes", 'y', false }, { "dry-run", 'n', false },
#define POSTURE_OPTIONS                                                     \
	{ "subscription", 's', true }, { "all-subscriptions", 'A', false }, \
	    { "output", 'o', true }, { "config", 'c', true },               \
	{                                                                   \
		NULL, 0, false                                              \
	}
#define POSTURE_CHANGES_USAGE                               \
	"  -y, --yes                do it without asking\n" \
	"  -n, --dry-run            print the requests, send none that changes anything\n"
#define POSTURE_USAGE                                                          \
	"  -s, --subscription ID    of this one; may be given several times\n" \
	"  -A, --all-subscriptions  of all that the credential sees\n"         \
	"  -o, --output FORMAT      table, json, yaml or tsv\n"                \
	"  -c, --config FILE        settings with the credential (default " CONFIG_DEFAULT ")\n"

void posture_init(struct posture *p, const struct command *self);
typedef bool posture_take_fn(void *ctx, int key, const char *value);
/* One of the options above: false after a message. */
posture_take_fn posture_take; /* ctx: the struct posture */
/*
 * All options, each given to take: posture_take(), or what asks that in the end.  False: --help or
 * a wrong one, and *code is the exit code; else options_end() is the first operand.
 */
bool posture_options(struct posture *p, const struct option_row *rows, int argc, char **argv,
    posture_take_fn *take, void *ctx, int *code);
/* Of those that take no operand: false after a message. */
bool posture_takes_none(const struct posture *p, int argc);
/*
 * Read the settings and find out which subscriptions are meant: those asked for, all, or the only
 * one there is.  False after a message; *code is the exit code.  posture_close() in any case.
 */
bool posture_open(struct posture *p, int *code) MUST_CHECK;
void posture_close(struct posture *p);

/* ---- asking Azure ---- */

/*
 * As arm_send() and arm_pages_next(), but when Azure wants us to wait that is said on standard
 * error and done, up to POSTURE_TRIES times.
 */
#define POSTURE_TRIES 6
bool posture_send(struct posture *p, const struct arm_call *c, struct arena *a,
    struct arm_answer *out, struct err *e) MUST_CHECK;
/* The page is in p->page. */
bool posture_next(struct posture *p, struct arm_pages *pages, const struct json **items,
    struct err *e) MUST_CHECK;
/* "/subscriptions/ID" + rest */
struct str posture_path(const struct posture *p, struct str subscription, const char *rest);
/* The message, and the exit code of its kind. */
int posture_failed(const struct posture *p, const struct err *e);

/* ---- changing something ---- */

/*
 * --dry-run prints the request, and nothing is to be sent.  Without --yes a person at a terminal is
 * asked; there is none: false after a message.  *send: it may be sent.
 */
bool posture_may_send(struct posture *p, const struct arm_call *c, const char *what, bool *send,
    int *code) MUST_CHECK;

/* ---- talk ---- */

/* A line that is written over by the next, on a terminal only; NULL takes it away. */
void posture_progress(const char *fmt, ...) PRINTF_LIKE(1, 2);

extern const struct command posture_plans_list, posture_plans_enable, posture_plans_disable,
    posture_score, posture_recommendations, posture_alerts_list, posture_compliance_standards,
    posture_compliance_controls, posture_app_control_list, posture_jit_list, posture_jit_enable,
    posture_jit_request;

#endif
