/*
 * The Azure CLI of a developer: `az account get-access-token`, run as it is, without a shell.
 * What can go wrong: there is no `az`, nobody has signed in (ERR_DENIED), it does not end in time
 * or prints something else (ERR_AGAIN).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "credential_internal.h"

/* It is Python and starts slowly. */
#define CLI_TIMEOUT_MS 20000
/* So often it is seen that we are to end. */
#define CLI_LOOK_MS 500
#define CLI_ERRORS_MAX 4096
#define CLI_WORDS_MAX 200
/* Nobody else can put a program or a module there for it to find. */
#define CLI_FOLDER "/"

extern char **environ;

struct output {
	int fd; /* -1 = at its end */
	struct buf text;
};

/* ---- running it ---- */

static bool
prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *how, int out, int err)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(files);
	posix_spawnattr_init(how);
	return posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0) == 0 &&
	       posix_spawn_file_actions_adddup2(files, out, 1) == 0 &&
	       posix_spawn_file_actions_adddup2(files, err, 2) == 0 &&
	       posix_spawn_file_actions_addclosefrom_np(files, 3) == 0 &&
	       posix_spawn_file_actions_addchdir_np(files, CLI_FOLDER) == 0 &&
	       posix_spawnattr_setsigmask(how, &none) == 0 &&
	       posix_spawnattr_setsigdefault(how, &all) == 0 &&
	       posix_spawnattr_setpgroup(how, 0) == 0 &&
	       posix_spawnattr_setflags(how,
		   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0;
}

/* argv holds no secret: everyone on the machine can read it. */
static bool
spawn(const struct sign_in *si, int out, int err, pid_t *pid, struct err *e)
{
	const char *argv[10] = { "az", "account", "get-access-token", "--output", "json",
		"--resource", arena_cstr(si->a, si->audience) };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	int rc = ENOMEM;

	if (si->own->tenant.n > 0) {
		argv[7] = "--tenant";
		argv[8] = arena_cstr(si->a, si->own->tenant);
	}
	if (prepare(&files, &how, out, err))
		rc = posix_spawnp(
		    pid, argv[0], &files, &how, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&how);
	if (rc == 0)
		return true;
	errno = rc;
	return rc == ENOENT ? fail(e, ERR_DENIED,
				  "no token: there is no az (Azure CLI) in PATH; azure_cli is for "
				  "developers")
			    : fail_errno(e, ERR_DENIED, "no token: cannot run az");
}

static void
take(struct output *o)
{
	char part[4096];
	ssize_t n = read(o->fd, part, sizeof(part));

	if (n > 0) {
		buf_add(&o->text, (struct str){ part, (size_t)n });
	} else if (n == 0 || errno != EINTR) {
		close(o->fd);
		o->fd = -1;
	}
}

/* False: the time is over, or ours. */
static bool
listen_to(struct output o[2], const struct http *http)
{
	int64_t end = clock_mono_ms() + CLI_TIMEOUT_MS, left;

	while (o[0].fd >= 0 || o[1].fd >= 0) {
		struct pollfd p[] = { { o[0].fd, POLLIN, 0 }, { o[1].fd, POLLIN, 0 } };

		left = end - clock_mono_ms();
		if (left <= 0 || http_is_ending(http))
			return false;
		if (poll(p, 2, (int)(left < CLI_LOOK_MS ? left : CLI_LOOK_MS)) < 0 &&
		    errno != EINTR)
			return false;
		for (int i = 0; i < 2; i++)
			if (p[i].revents != 0)
				take(&o[i]);
	}
	return true;
}

/* Its exit code; -1 = it was ended. */
static int
wait_for(pid_t pid, bool in_time)
{
	int status;

	if (!in_time)
		kill(-pid, SIGKILL); /* with what it started: az is a script */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return in_time && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
run(const struct sign_in *si, struct output o[2], int *code, struct err *e)
{
	int out[2], err[2];
	bool in_time;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0)
		return fail_errno(e, ERR_AGAIN, "no token: cannot run az");
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return fail_errno(e, ERR_AGAIN, "no token: cannot run az");
	}
	o[0].fd = out[0];
	o[1].fd = err[0];
	in_time = spawn(si, out[1], err[1], &pid, e);
	close(out[1]);
	close(err[1]);
	if (!in_time)
		return false;
	in_time = listen_to(o, si->http);
	*code = wait_for(pid, in_time);
	if (in_time)
		return true;
	if (http_is_ending(si->http))
		return fail_again(e, 0, "no token: az was cut off, since we are ending");
	return fail_again(e, 0, "no token: az did not end within %d s", CLI_TIMEOUT_MS / 1000);
}

/* ---- what it says ---- */

/* "2026-11-23 21:04:55.000000" in the time of this machine: older CLIs have nothing better. */
static bool
read_local(struct str text, struct arena *a, int64_t *s)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *end = strptime(arena_cstr(a, text), "%Y-%m-%d %H:%M:%S", &tm);

	if (end == NULL || (*end != '\0' && *end != '.'))
		return false;
	tm.tm_isdst = -1;
	*s = (int64_t)mktime(&tm);
	return *s > 0;
}

bool
cli_read(struct str text, int64_t now_ms, struct arena *a, struct granted *out, struct err *e)
{
	struct granted g = { .refresh_ms = 0 };
	struct err ignored;
	const struct json *j = json_parse(text, a, &ignored);
	int64_t s;

	g.token = json_text(json_get(j, "accessToken"));
	if (!answer_seconds(json_get(j, "expires_on"), a, &s) &&
	    !read_local(json_text(json_get(j, "expiresOn")), a, &s))
		return fail_again(e, 0, "no token: az printed none, or without its end");
	g.expires_ms = s * 1000;
	if (!granted_check(&g, now_ms, e))
		return false;
	*out = g;
	return true;
}

/* Its first line; what it prints on standard output is never told. */
static struct str
first_line(const struct buf *b)
{
	struct str rest = str_trim(buf_str(b)), line = STR_EMPTY;

	(void)str_next(&rest, '\n', &line);
	return str_slice(str_trim(line), 0, CLI_WORDS_MAX);
}

static bool
said_no(const struct output *o, int code, struct err *e)
{
	struct str said = first_line(&o[1].text);

	if (str_has_nocase(buf_str(&o[1].text), STR("az login")))
		return fail(e, ERR_DENIED,
		    "no token: nobody has signed in: run 'az login' as the user of gridwarden "
		    "(az: %.*s)",
		    STR_ARG(said));
	return fail_again(e, 0, "no token: az ended with %d: %.*s", code, STR_ARG(said));
}

static bool
ask(const struct sign_in *si, struct granted *out, struct err *e)
{
	struct output o[2] = { { .fd = -1 }, { .fd = -1 } };
	int code = 0;
	bool ok;

	buf_init(&o[0].text, 2 * TOKEN_MAX);
	buf_init(&o[1].text, CLI_ERRORS_MAX);
	ok = run(si, o, &code, e) && (code == 0 || said_no(o, code, e)) &&
	     cli_read(arena_str(si->a, buf_str(&o[0].text)), si->now_ms, si->a, out, e);
	for (int i = 0; i < 2; i++) {
		if (o[i].fd >= 0)
			close(o[i].fd);
		buf_done(&o[i].text);
	}
	return ok;
}

/* Whether it is there is found out by running it: the chain ends here. */
static bool
is_here(const struct sign_in *si)
{
	(void)si;
	return true;
}

const struct token_source source_azure_cli = { "azure_cli", "account of the Azure CLI", is_here,
	ask };
