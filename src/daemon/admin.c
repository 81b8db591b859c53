/*
 * Happy path: one thread takes one connection after the other, reads a line, asks the store, writes
 * a line.
 * What can go wrong: a client that is slow or talks too much loses its connection; a question that
 * makes no sense gets an answer that says so.
 */
#include "daemon/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct admin {
	struct admin_options options;
	char *path;
	int fd, stop[2];
	pthread_t thread;
};

/* ---- the socket ---- */

static bool
read_line(int fd, struct buf *line)
{
	char part[4096];

	for (;;) {
		ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || buf_over(line))
			return false;
		buf_add(line, (struct str){ part, (size_t)n });
		if (memchr(part, '\n', (size_t)n) != NULL)
			return !buf_over(line);
	}
}

static void
write_all(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text = str_slice(text, (size_t)n, text.n);
	}
}

static void
serve_one(struct admin *ad, int fd)
{
	struct timeval limit = { ADMIN_TIMEOUT_MS / 1000, 0 };
	struct arena *a = arena_new();
	struct buf line;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	buf_init(&line, ADMIN_REQUEST_MAX);
	if (read_line(fd, &line)) {
		write_all(fd, admin_answer(&ad->options, buf_str(&line), a));
		write_all(fd, STR("\n"));
	}
	buf_done(&line);
	arena_free(a);
}

static void *
serve(void *arg)
{
	struct admin *ad = arg;
	struct pollfd fds[] = { { ad->fd, POLLIN, 0 }, { ad->stop[0], POLLIN, 0 } };

	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		int fd;

		if (fds[1].revents != 0)
			break;
		fd = accept4(ad->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		serve_one(ad, fd);
		close(fd);
	}
	return NULL;
}

/* Is somebody listening on this socket file? */
static bool
in_use(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool used = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return used;
}

static bool
open_socket(const char *path, int *out, struct err *e)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(e, ERR_INPUT, "socket: %s is longer than %zu bytes", path,
		    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (in_use(&address))
		return fail(e, ERR_CONFLICT, "another gridwarden listens on %s", path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(path, 0660) != 0 || listen(fd, 16) != 0) {
		fail_errno(e, ERR_SYSTEM, "cannot listen on %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	*out = fd;
	return true;
}

bool
admin_start(const struct admin_options *o, struct admin **out, struct err *e)
{
	struct admin *ad = xcalloc(1, sizeof(*ad));

	ad->options = *o;
	ad->path = xstrdup(o->path);
	if (!open_socket(o->path, &ad->fd, e)) {
		free(ad->path);
		free(ad);
		return false;
	}
	if (pipe2(ad->stop, O_CLOEXEC) != 0 || pthread_create(&ad->thread, NULL, serve, ad) != 0) {
		fail_errno(e, ERR_SYSTEM, "cannot start the command line's thread");
		close(ad->fd);
		free(ad->path);
		free(ad);
		return false;
	}
	*out = ad;
	return true;
}

void
admin_stop(struct admin *ad)
{
	if (ad == NULL)
		return;
	(void)!write(ad->stop[1], "", 1);
	pthread_join(ad->thread, NULL);
	close(ad->stop[0]);
	close(ad->stop[1]);
	close(ad->fd);
	unlink(ad->path);
	free(ad->path);
	free(ad);
}
