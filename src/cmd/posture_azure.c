/*
 * What the commands of `posture` share.  Happy path: settings, a credential, the subscriptions that
 * are meant; then page after page.
 * What can go wrong: settings with mistakes; several subscriptions and nobody said which; Azure
 * throttles (waited for, and said); a permission is missing (its name is in the message).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cmd/posture.h"
#include "core/resource_id.h"
#include "daemon/load.h"

#define SUBSCRIPTIONS_VERSION "2022-12-01"
#define WAIT_MS 2000 /* when Azure does not say how long */
#define WAIT_MAX_MS 120000
#define GUID_LENGTH 36

/* ---- talk ---- */

static bool progress_shown;

void
posture_progress(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO) || (fmt == NULL && !progress_shown))
		return;
	fputs("\r\033[K", stderr);
	progress_shown = fmt != NULL;
	if (fmt == NULL)
		return;
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fflush(stderr);
}

static void
say(const struct posture *p, const char *text)
{
	posture_progress(NULL);
	fprintf(stderr, "gridwarden %s: ", p->self->name);
	output_text(stderr, str_of(text));
	fputc('\n', stderr);
}

int
posture_failed(const struct posture *p, const struct err *e)
{
	fflush(stdout);
	say(p, e->text);
	return exit_code_of(e->kind);
}

/* ---- options ---- */

void
posture_init(struct posture *p, const struct command *self)
{
	*p = (struct posture){ .self = self,
		.config = CONFIG_DEFAULT,
		.format = FORMAT_TABLE,
		.arena = arena_new(),
		.page = arena_new() };
}

static bool
is_guid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.p[i] != '-' : strchr("0123456789abcdefABCDEF", s.p[i]) == NULL)
			return false;
	}
	return s.n == GUID_LENGTH;
}

static void
add_subscription(struct posture *p, struct str id)
{
	struct str *more = arena_alloc(p->arena, (p->n_subscriptions + 1) * sizeof(*more));

	if (p->n_subscriptions > 0)
		memcpy(more, p->subscriptions, p->n_subscriptions * sizeof(*more));
	more[p->n_subscriptions++] = arena_str(p->arena, id);
	p->subscriptions = more;
}

static bool
take_subscription(struct posture *p, const char *value)
{
	struct str id = str_of(value);

	if (!is_guid(id)) {
		usage_error(p->self,
		    "--subscription takes its id, such as 11111111-2222-3333-4444-555555555555, "
		    "not '%s'",
		    value);
		return false;
	}
	for (size_t i = 0; i < p->n_subscriptions; i++)
		if (str_eq_nocase(p->subscriptions[i], id))
			return true;
	add_subscription(p, id);
	return true;
}

bool
posture_take(void *ctx, int key, const char *value)
{
	struct posture *p = ctx;

	switch (key) {
	case 's':
		return take_subscription(p, value);
	case 'A':
		p->all = true;
		return true;
	case 'c':
		p->config = value;
		return true;
	case 'y':
		p->yes = true;
		return true;
	case 'n':
		p->dry_run = true;
		return true;
	case 'o':
		return format_parse(p->self, value, &p->format);
	default:
		return false;
	}
}

bool
posture_options(struct posture *p, const struct option_row *rows, int argc, char **argv,
    posture_take_fn *take, void *ctx, int *code)
{
	const char *value;
	int key;

	*code = EXIT_USAGE;
	while ((key = options_next(p->self, rows, argc, argv, &value)) != -1) {
		if (key == 'h')
			*code = EXIT_OK;
		if (key == 'h' || !take(ctx, key, value))
			return false;
	}
	return true;
}

bool
posture_takes_none(const struct posture *p, int argc)
{
	if (options_end() == argc)
		return true;
	usage_error(p->self, "takes no argument");
	return false;
}

/* ---- asking Azure ---- */

struct str
posture_path(const struct posture *p, struct str subscription, const char *rest)
{
	return arena_printf(p->arena, "/subscriptions/%.*s%s", STR_ARG(subscription), rest);
}

static void
pause_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&t, &t) != 0)
		continue;
}

/* False: e is to be reported. */
static bool
waited(const struct posture *p, int tries, const struct err *e)
{
	int64_t ms = e->retry_ms > 0 ? e->retry_ms : WAIT_MS;

	if (e->kind != ERR_AGAIN || tries >= POSTURE_TRIES || ms > WAIT_MAX_MS)
		return false;
	posture_progress(NULL);
	fprintf(
	    stderr, "gridwarden %s: again in %" PRId64 " s: ", p->self->name, (ms + 999) / 1000);
	output_text(stderr, str_of(e->text));
	fputc('\n', stderr);
	pause_ms(ms);
	return true;
}

bool
posture_send(struct posture *p, const struct arm_call *c, struct arena *a, struct arm_answer *out,
    struct err *e)
{
	for (int tries = 1;; tries++) {
		p->arm.now_ms = clock_now_ms();
		if (arm_send(&p->arm, c, a, out, e))
			return true;
		if (!waited(p, tries, e))
			return false;
	}
}

bool
posture_next(struct posture *p, struct arm_pages *pages, const struct json **items, struct err *e)
{
	for (int tries = 1;; tries++) {
		p->arm.now_ms = clock_now_ms();
		p->arm.n_calls = 0;
		p->arm.cap_calls = 0;
		arena_reset(p->page);
		if (arm_pages_next(&p->arm, pages, p->page, items, e))
			return true;
		if (!waited(p, tries, e))
			return false;
	}
}

/* ---- open and close ---- */

static bool
read_settings(struct posture *p)
{
	struct diags d;

	diags_init(&d, p->arena);
	p->settings = load_settings(p->config, p->arena, &d);
	if (p->settings != NULL)
		return true;
	mistakes_show(&d);
	return false;
}

static bool
connect_azure(struct posture *p, struct err *e)
{
	const struct settings_azure *azure = &p->settings->azure;

	if (!http_global_init(e))
		return false;
	p->http = http_new(azure->ca_file.n == 0 ? NULL : arena_cstr(p->arena, azure->ca_file));
	p->credential = credential_new(azure);
	p->arm = (struct arm){ .settings = azure,
		.credential = p->credential,
		.http = p->http,
		.log_arena = p->page };
	return true;
}

static bool
all_subscriptions(struct posture *p, struct err *e)
{
	struct arm_pages pages;
	const struct json *items;
	bool ok;

	arm_pages_begin(
	    &p->arm, STR("/subscriptions"), NULL, SUBSCRIPTIONS_VERSION, p->arena, &pages);
	while ((ok = posture_next(p, &pages, &items, e)) && items != NULL)
		for (const struct json *j = json_first(items); j != NULL; j = json_next(j))
			add_subscription(p, json_text(json_get(j, "subscriptionId")));
	arm_pages_done(&pages);
	return ok;
}

static bool
one_is_meant(const struct posture *p, int *code)
{
	if (p->n_subscriptions == 0) {
		say(p, "the credential sees no subscription: give it a role such as Security "
		       "Reader, or name one with --subscription");
		*code = EXIT_NOT_FOUND;
		return false;
	}
	if (p->n_subscriptions == 1 || p->all)
		return true;
	say(p, "the credential sees several subscriptions: choose with --subscription, or "
	       "--all-subscriptions");
	for (size_t i = 0; i < p->n_subscriptions; i++)
		fprintf(stderr, "  --subscription %.*s\n", STR_ARG(p->subscriptions[i]));
	*code = EXIT_USAGE;
	return false;
}

bool
posture_open(struct posture *p, int *code)
{
	struct err e;

	*code = EXIT_FAILED;
	if (p->all && p->n_subscriptions > 0) {
		*code =
		    usage_error(p->self, "takes --subscription or --all-subscriptions, not both");
		return false;
	}
	if (!read_settings(p))
		return false;
	if (!connect_azure(p, &e)) {
		*code = posture_failed(p, &e);
		return false;
	}
	if (p->n_subscriptions > 0)
		return true;
	if (!all_subscriptions(p, &e)) {
		*code = posture_failed(p, &e);
		return false;
	}
	return one_is_meant(p, code);
}

void
posture_close(struct posture *p)
{
	posture_progress(NULL);
	http_free(p->http);
	credential_free(p->credential);
	settings_free(p->settings);
	arena_free(p->page);
	arena_free(p->arena);
}

/* ---- changing something ---- */

static void
print_request(const struct posture *p, const struct arm_call *c)
{
	struct json *j = json_object(p->arena);

	if (p->format != FORMAT_TABLE) {
		json_set_cstr(j, "method", c->method, p->arena);
		json_set_str(j, "path", c->path, p->arena);
		json_set_cstr(j, "api_version", c->api_version, p->arena);
		if (c->body != NULL)
			json_set(j, "body", json_copy(c->body, p->arena), p->arena);
		output_object(j, p->format, p->arena);
		return;
	}
	printf("%s %.*s?api-version=%s\n", c->method, STR_ARG(c->path), c->api_version);
	if (c->body != NULL) {
		output_text(stdout, json_print(c->body, p->arena));
		putchar('\n');
	}
}

static bool
person_says_yes(const char *what)
{
	char answer[16];

	fprintf(stderr, "%s? [y/N] ", what);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

bool
posture_may_send(
    struct posture *p, const struct arm_call *c, const char *what, bool *send, int *code)
{
	*send = false;
	if (p->dry_run) {
		print_request(p, c);
		return true;
	}
	if (!p->yes && !isatty(STDIN_FILENO)) {
		say(p, "nothing is changed without --yes when nobody can be asked; --dry-run shows "
		       "the requests");
		*code = EXIT_REFUSED;
		return false;
	}
	if (!p->yes && !person_says_yes(what)) {
		say(p, "nothing was changed");
		*code = EXIT_REFUSED;
		return false;
	}
	*send = true;
	return true;
}
