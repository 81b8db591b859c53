/*
 * Commands: one file, one struct, one line in the table in main.c.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* Exit codes; documented in gridwarden(1). */
enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_REFUSED = 4,
	EXIT_CONFLICT = 5,
	EXIT_UNREACHABLE = 6,
	EXIT_CONFIG = 78, /* sysexits.h EX_CONFIG */
};

#define CONFIG_DEFAULT "/etc/gridwarden/gridwarden.yaml"

struct command {
	const char *name;
	const char *summary; /* one line */
	const char *usage;   /* what --help prints below the first line */
	int (*run)(const struct command *self, int argc, char **argv); /* argv[0] is the name */
};

extern const struct command cmd_serve, cmd_check, cmd_explain, cmd_test, cmd_backtest, cmd_send,
    cmd_alerts, cmd_actions, cmd_rules, cmd_release, cmd_approve, cmd_deny, cmd_silence, cmd_panic,
    cmd_reload, cmd_backup, cmd_posture, cmd_version;

/* ---- options ---- */

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_YAML, FORMAT_TSV };

/* A long option of a command; `key` is also its one-letter form when it is a letter. */
struct option_row {
	const char *name;
	int key;
	bool has_value;
};

/*
 * Next option: its key; '?' after a message for a wrong one; 'h' after --help printed the usage;
 * -1 when none is left.  rows end with an entry whose name is NULL; --no-color is understood by
 * all.
 */
int options_next(const struct command *self, const struct option_row *rows, int argc, char **argv,
    const char **value);
int options_end(void); /* index of the first operand */

/* "mistake\nTry 'gridwarden NAME --help'." on standard error; gives EXIT_USAGE. */
int usage_error(const struct command *self, const char *fmt, ...) PRINTF_LIKE(2, 3);
void usage_print(const struct command *self);

/* Parse -o's value; a message on standard error when it is wrong. */
bool format_parse(const struct command *self, const char *text, enum format *out);

/* ---- mistakes in files ---- */

struct str mistakes_text(struct diags *d, struct arena *a); /* sorted, as check prints them */
void mistakes_show(struct diags *d);			    /* the same, on standard error */
/* [{"file":"rules.d/a.yaml","line":1,"column":5,"level":"error","text":"..."}], sorted. */
struct json *mistakes_json(struct diags *d, struct arena *a);

/* ---- output: data on standard output, talk on standard error ---- */

struct column {
	const char *title; /* "SEVERITY" */
	const char *path;  /* member of the row, dots allowed */
	int width;	   /* cut there on a terminal; 0 = never */
	bool tail;	   /* the end is what matters: the front is cut */
};

/*
 * Rows as they come: objects of which a table or TSV shows these columns.  A table is as wide as
 * what was put before the first flush needs; all is written when output_end() returns.
 */
#define COLUMNS_MAX 16
struct output {
	const struct column *columns;
	size_t n;
	enum format format;
	struct arena *a;   /* of held */
	struct json *held; /* not yet shown */
	int widths[COLUMNS_MAX];
	bool begun;
};
void output_begin(struct output *o, const struct column *columns, size_t n, enum format format);
void output_put(struct output *o, const struct json *row);
void output_flush(struct output *o);
void output_end(struct output *o);
/* All at once: an array of them. */
void
output_rows(const struct json *rows, const struct column *columns, size_t n, enum format format);
/* One object: table gives "name  value" lines, nested things below. */
void output_object(const struct json *object, enum format format, struct arena *a);
/* Text that came from outside, safe for a terminal: control bytes are made visible. */
void output_text(FILE *f, struct str s);
/* The same, appended. */
void output_visible(struct buf *b, struct str s);

/* ---- the running daemon ---- */

/*
 * Ask it over its socket; NULL after a message on standard error, then *code is the exit code.
 * socket NULL: from the settings file at config, which may be NULL too.
 */
const struct json *client_ask(const char *socket, const char *config, const struct json *question,
    struct arena *a, int *code);
/* The same, and hands over a descriptor; -1 = none. */
const struct json *client_ask_with(const char *socket, const char *config,
    const struct json *question, int passed, struct arena *a, int *code);
/* All of the answer, also when it is an error: then *code is not EXIT_OK, and nothing was said. */
const struct json *client_talk(const char *socket, const char *config, const struct json *question,
    int passed, struct arena *a, int *code);
/* Between two questions about something that is waited for. */
void client_pause(void);
/* The exit code for an error's kind. */
int exit_code_of(enum err_kind kind);

#endif
