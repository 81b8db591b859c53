/*
 * Happy path: one thread takes one connection after the other, reads a line, asks the store, writes
 * a line.  A line that comes with a descriptor asks for a backup: that takes long and gets a thread
 * of its own, one at a time.
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
	pthread_t saver;
	bool has_saver;
};

/* ---- the socket ---- */

/* The first descriptor that came along; others that a client may send are closed. */
static void
take_descriptors(struct msghdr *m, int *passed)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*passed < 0)
				*passed = fd;
			else
				close(fd);
		}
	}
}

static ssize_t
receive(int fd, char *part, size_t size, int *passed)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { part, size };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

	if (n >= 0)
		take_descriptors(&m, passed);
	return n;
}

static bool
read_line(int fd, struct buf *line, int *passed)
{
	char part[4096];

	for (;;) {
		ssize_t n = receive(fd, part, sizeof(part), passed);

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

/* ---- a backup, in its own thread ---- */

struct saving {
	struct admin *ad;
	int fd, file;
};

static void *
save(void *arg)
{
	struct saving *s = arg;
	struct arena *a = arena_new();

	write_all(s->fd, admin_backup(&s->ad->options, s->file, a));
	write_all(s->fd, STR("\n"));
	close(s->file);
	close(s->fd);
	arena_free(a);
	free(s);
	return NULL;
}

/* The one before has ended, or says itself that two are too many: store_copy() does. */
static bool
start_saving(struct admin *ad, int fd, int file)
{
	struct saving *s = xmalloc(sizeof(*s));
	pthread_t thread;

	*s = (struct saving){ ad, fd, file };
	if (ad->has_saver && pthread_tryjoin_np(ad->saver, NULL) == 0)
		ad->has_saver = false;
	if (ad->has_saver || pthread_create(&thread, NULL, save, s) != 0) {
		free(s);
		return false;
	}
	ad->saver = thread;
	ad->has_saver = true;
	return true;
}

static void
hand_over(struct admin *ad, int fd, int file)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (kept >= 0 && start_saving(ad, kept, file))
		return;
	write_all(fd, STR("{\"ok\":false,\"kind\":\"conflict\","
			  "\"error\":\"another backup is being written\"}\n"));
	close(file);
	if (kept >= 0)
		close(kept);
}

/* The account of the process at the other end. */
static struct admin_peer
peer_of(int fd)
{
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(who);

	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n);
	return (struct admin_peer){ who.uid };
}

static void
serve_one(struct admin *ad, int fd)
{
	int passed = -1;
	struct timeval limit = { ADMIN_TIMEOUT_MS / 1000, 0 };
	struct arena *a = arena_new();
	struct buf line;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	buf_init(&line, ADMIN_REQUEST_MAX);
	if (!read_line(fd, &line, &passed)) {
		if (passed >= 0)
			close(passed);
	} else if (passed >= 0) {
		hand_over(ad, fd, passed);
	} else {
		struct admin_peer peer = peer_of(fd);

		write_all(fd, admin_answer(&ad->options, &peer, buf_str(&line), a));
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
	if (ad->has_saver)
		pthread_join(ad->saver, NULL);
	close(ad->stop[0]);
	close(ad->stop[1]);
	close(ad->fd);
	unlink(ad->path);
	free(ad->path);
	free(ad);
}
