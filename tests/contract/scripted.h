/*
 * A server that says what a test has written down: one answer for each request, in order, on plain
 * HTTP.  It keeps what it was asked.
 */
#ifndef TESTS_SCRIPTED_H
#define TESTS_SCRIPTED_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

#define SCRIPT_MAX 16
#define REQUEST_MAX 8192
/* Nothing more comes after this: a test has gone wrong. */
#define SCRIPT_LIMIT_MS 10000

/* Instead of an answer: */
#define CUT ""	      /* end the connection */
#define HANG "hang"   /* say nothing until the client goes away */
#define FLOOD "flood" /* a body that does not end before 10 MB */

#define ANSWER(status, headers, body) \
	"HTTP/1.1 " status "\r\nConnection: close\r\n" headers "\r\n" body

struct scripted {
	int fd;
	pthread_t thread;
	const char *answers[SCRIPT_MAX];
	size_t n;
	char requests[SCRIPT_MAX][REQUEST_MAX];
	atomic_size_t asked;
	atomic_size_t connections;
	char url[64];
};

/* A request with its body: up to the length it names. */
static inline bool
scripted_read(int fd, char *out)
{
	size_t n = 0, need = 0;

	while (n + 1 < REQUEST_MAX) {
		ssize_t got = recv(fd, out + n, REQUEST_MAX - 1 - n, 0);
		const char *end, *length;

		if (got <= 0)
			return false;
		n += (size_t)got;
		out[n] = '\0';
		end = strstr(out, "\r\n\r\n");
		if (end == NULL)
			continue;
		length = strstr(out, "Content-Length: ");
		need =
		    (size_t)(end + 4 - out) + (length == NULL ? 0 : strtoul(length + 16, NULL, 10));
		if (n >= need)
			return true;
	}
	return false;
}

static inline void
scripted_say(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		left -= (size_t)n;
	}
}

static inline void
scripted_flood(int fd)
{
	static char part[65536];

	memset(part, 'x', sizeof(part) - 1);
	scripted_say(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < 160; i++)
		scripted_say(fd, part);
}

/* False: the connection is to be closed. */
static inline bool
scripted_answer(int fd, const char *answer)
{
	char byte;

	if (strcmp(answer, HANG) == 0) {
		(void)!recv(fd, &byte, 1, 0);
		return false;
	}
	if (strcmp(answer, FLOOD) == 0)
		scripted_flood(fd);
	else
		scripted_say(fd, answer);
	return answer[0] != '\0' && strstr(answer, "Connection: close") == NULL &&
	       strcmp(answer, FLOOD) != 0;
}

/* The connection that speaks next: the kept one or a new one; -1 at the end. */
static inline int
scripted_next(struct scripted *s, int kept)
{
	struct pollfd p[] = { { s->fd, POLLIN, 0 }, { kept, POLLIN, 0 } };

	if (poll(p, kept < 0 ? 1 : 2, SCRIPT_LIMIT_MS) <= 0 || (p[0].revents & ~POLLIN) != 0)
		return -1;
	if (kept >= 0 && p[1].revents != 0)
		return kept;
	s->connections++;
	return accept(s->fd, NULL, NULL);
}

static inline void *
scripted_serve(void *arg)
{
	struct scripted *s = arg;
	int kept = -1, fd;

	while (s->asked < s->n && (fd = scripted_next(s, kept)) >= 0) {
		size_t i = s->asked;
		bool read = scripted_read(fd, s->requests[i]);

		if (kept >= 0 && kept != fd)
			close(kept);
		kept = -1;
		s->asked += read;
		if (read && scripted_answer(fd, s->answers[i]))
			kept = fd;
		else
			close(fd);
	}
	if (kept >= 0)
		close(kept);
	return NULL;
}

static inline void
scripted_start(struct scripted *s, const char *const *answers, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);

	memset(s, 0, sizeof(*s));
	CHECK(n <= SCRIPT_MAX);
	memcpy(s->answers, answers, n * sizeof(*answers));
	s->n = n;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	CHECK(listen(s->fd, 16) == 0 && getsockname(s->fd, (struct sockaddr *)&at, &len) == 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", ntohs(at.sin_port));
	CHECK(pthread_create(&s->thread, NULL, scripted_serve, s) == 0);
}

#define SCRIPT(s, ...)                                                              \
	do {                                                                        \
		static const char *const script_[] = { __VA_ARGS__ };               \
		scripted_start((s), script_, sizeof(script_) / sizeof(script_[0])); \
	} while (0)

/* All that was written down has been said, and nothing more was asked. */
static inline void
scripted_end(struct scripted *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

#endif
