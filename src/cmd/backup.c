/*
 * backup: a copy of the running daemon's store.
 *
 * Happy path: make FILE.partial here, hand its descriptor to the daemon, which writes and syncs it,
 * check it from end to end, give it its name.  So the file is wherever we may write and is ours,
 * whatever the daemon may do.
 * What can go wrong: the name is taken (conflict); anything else leaves no file behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "store/store.h"

struct request {
	const char *socket, *config;
	const char *path, *partial, *folder;
	enum format format;
};

static const struct option_row options[] = { { "output", 'o', true }, { "socket", 'S', true },
	{ "config", 'c', true }, { NULL, 0, false } };

static int
say(const struct err *e)
{
	fprintf(stderr, "gridwarden: %s\n", e->text);
	return exit_code_of(e->kind);
}

static bool
is_free(const char *path, struct err *e)
{
	struct stat st;

	return lstat(path, &st) != 0 ||
	       fail(e, ERR_CONFLICT, "%s is there already: choose another name", path);
}

static bool
make_partial(const struct request *r, int *fd, struct err *e)
{
	if (!is_free(r->path, e))
		return false;
	*fd = open(r->partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return true;
	if (errno == EEXIST)
		return fail(e, ERR_CONFLICT,
		    "%s is there already: another backup writes it, or was cut; remove it then",
		    r->partial);
	return fail_errno(e, ERR_SYSTEM, "cannot make %s", r->partial);
}

/* link() does not replace a file that came meanwhile; rename() would. */
static bool
give_name(const struct request *r, struct err *e)
{
	if (link(r->partial, r->path) != 0) {
		if (errno == EEXIST)
			return is_free(r->path, e);
		if (!is_free(r->path, e))
			return false;
		if (rename(r->partial, r->path) != 0) /* a file system without links */
			return fail_errno(e, ERR_SYSTEM, "cannot make %s", r->path);
	}
	unlink(r->partial);
	return file_sync_dir(r->folder, e);
}

static void
print(const struct request *r, const struct store_copy_figures *f, int64_t ms, struct arena *a)
{
	struct json *j = json_object(a);
	char newest[CLOCK_TEXT_MAX] = "none";

	if (f->newest_event_ms > 0)
		clock_format(f->newest_event_ms, newest);
	json_set_cstr(j, "file", r->path, a);
	json_set_int(j, "bytes", f->bytes, a);
	json_set_int(j, "events", f->events, a);
	json_set_int(j, "alerts", f->alerts, a);
	json_set_int(j, "actions", f->steps, a);
	if (f->newest_event_ms > 0)
		json_set_cstr(j, "newest_event", newest, a);
	else
		json_set(j, "newest_event", json_null(a), a);
	json_set_int(j, "milliseconds", ms, a);
	if (r->format != FORMAT_TABLE) {
		output_object(j, r->format, a);
		return;
	}
	printf("%s: %.1f MiB, %" PRId64 " events of %" PRId64 " alerts, %" PRId64
	       " actions, newest event %s; written and checked in %.1f s\n",
	    r->path, (double)f->bytes / (1024 * 1024), f->events, f->alerts, f->steps, newest,
	    (double)ms / 1000);
}

static int
backup(const struct request *r, struct arena *a)
{
	struct json *q = json_object(a);
	struct store_copy_figures f;
	int64_t begun = clock_mono_ms();
	int fd, code = EXIT_OK;
	struct err e;

	if (!make_partial(r, &fd, &e))
		return say(&e);
	json_set_cstr(q, "command", "backup", a);
	if (client_ask_with(r->socket, r->config, q, fd, a, &code) != NULL) {
		if (store_copy_check(r->partial, &f, &e) && give_name(r, &e))
			print(r, &f, clock_mono_ms() - begun, a);
		else
			code = say(&e);
	}
	close(fd);
	if (code != EXIT_OK)
		unlink(r->partial);
	return code;
}

static int
run(const struct command *self, int argc, char **argv)
{
	struct request r = { .format = FORMAT_TABLE };
	struct arena *a;
	const char *value;
	int key, code;

	while ((key = options_next(self, options, argc, argv, &value)) != -1) {
		if (key == 'h')
			return EXIT_OK;
		if (key == 'S')
			r.socket = value;
		else if (key == 'c')
			r.config = value;
		else if (key != 'o' || !format_parse(self, value, &r.format))
			return EXIT_USAGE;
	}
	if (argc - options_end() != 1)
		return usage_error(self, "takes the name of a file that is not there yet");
	a = arena_new();
	r.path = argv[options_end()];
	r.partial = arena_printf(a, "%s.partial", r.path).p;
	r.folder = arena_cstr(a, str_folder(str_of(r.path)));
	code = backup(&r, a);
	arena_free(a);
	return code;
}

const struct command cmd_backup = {
	.name = "backup",
	.summary = "write a copy of the running daemon's store to a file",
	.usage = "FILE [OPTION]...\n"
		 "\n"
		 "FILE must not be there yet.  The daemon goes on meanwhile.\n"
		 "\n"
		 "  -o, --output FORMAT  table, json, yaml or tsv\n"
		 "  -c, --config FILE    settings that name the daemon's socket\n"
		 "      --socket PATH    the daemon's socket\n",
	.run = run,
};
