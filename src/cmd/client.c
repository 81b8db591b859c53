#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "daemon/admin.h"
#include "daemon/load.h"

void
client_pause(void)
{
	const struct timespec pause = { .tv_nsec = 200 * 1000000L };

	nanosleep(&pause, NULL);
}

int
exit_code_of(enum err_kind kind)
{
	switch (kind) {
	case ERR_NOT_FOUND:
		return EXIT_NOT_FOUND;
	case ERR_DENIED:
		return EXIT_REFUSED;
	case ERR_CONFLICT:
		return EXIT_CONFLICT;
	case ERR_INPUT:
	case ERR_AGAIN:
	case ERR_SYSTEM:
		break;
	}
	return EXIT_FAILED;
}

/* Where the daemon listens: said on the command line, else in the settings file. */
static const char *
socket_path(const char *socket, const char *config, struct arena *a, int *code)
{
	struct settings *s;
	struct diags d;
	const char *path;

	if (socket != NULL)
		return socket;
	diags_init(&d, a);
	s = load_settings(config == NULL ? CONFIG_DEFAULT : config, a, &d);
	if (s == NULL) {
		mistakes_show(&d);
		fputs("Name the daemon's socket with --socket, or its settings with --config.\n",
		    stderr);
		*code = EXIT_FAILED;
		return NULL;
	}
	path = arena_cstr(a, s->socket);
	settings_free(s);
	return path;
}

/* The line, and with it the descriptor when there is one. */
static bool
ask(int fd, struct str line, int passed)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char *text = xstrndup(line);
	struct iovec iov = { text, line.n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	bool ok;

	if (passed >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &passed, sizeof(passed));
	}
	ok = sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)line.n;
	free(text);
	return ok;
}

static bool
exchange(const char *path, struct str line, int passed, struct buf *answer, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char part[16384];
	ssize_t n = -1;

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return fail(e, ERR_INPUT, "%s cannot be a socket", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    ask(fd, line, passed)) {
		while ((n = read(fd, part, sizeof(part))) > 0)
			buf_add(answer, (struct str){ part, (size_t)n });
	}
	if (n < 0)
		fail_errno(e, ERR_AGAIN, "%s", path);
	close(fd);
	return n == 0;
}

const struct json *
client_talk(const char *socket, const char *config, const struct json *question, int passed,
    struct arena *a, int *code)
{
	const char *path = socket_path(socket, config, a, code);
	struct str line = arena_printf(a, "%.*s\n", STR_ARG(json_print(question, a)));
	struct json *answer;
	struct buf text;
	struct err e;
	bool ok;

	if (path == NULL)
		return NULL;
	buf_init(&text, ADMIN_ANSWER_MAX);
	ok = exchange(path, line, passed, &text, &e);
	answer = ok ? json_parse(buf_str(&text), a, &e) : NULL;
	buf_done(&text);
	if (answer == NULL) {
		fprintf(stderr, "gridwarden: the daemon cannot be reached: %s\n", e.text);
		*code = EXIT_UNREACHABLE;
		return NULL;
	}
	*code = EXIT_OK;
	if (json_true(json_get(answer, "ok")))
		return answer;
	*code = EXIT_FAILED;
	for (int k = ERR_INPUT; k <= ERR_SYSTEM; k++)
		if (str_is(json_text(json_get(answer, "kind")), err_kind_name((enum err_kind)k)))
			*code = exit_code_of((enum err_kind)k);
	return answer;
}

const struct json *
client_ask_with(const char *socket, const char *config, const struct json *question, int passed,
    struct arena *a, int *code)
{
	const struct json *answer = client_talk(socket, config, question, passed, a, code);

	if (answer == NULL || *code == EXIT_OK)
		return json_get(answer, "result");
	fputs("gridwarden: ", stderr);
	output_text(stderr, json_text(json_get(answer, "error")));
	fputc('\n', stderr);
	return NULL;
}

const struct json *
client_ask(
    const char *socket, const char *config, const struct json *question, struct arena *a, int *code)
{
	return client_ask_with(socket, config, question, -1, a, code);
}
