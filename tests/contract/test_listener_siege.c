/*
 * The listener under requests that are broken at random: many a second, since there is no TLS
 * around them.  SIEGE_MUTATIONS says how many, SIEGE_SEED where to begin.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "listener_world.h"

#define MUTATIONS 20000
#define AT_ONCE 200
/* Nobody has said anything for so long: who is still open waits for the rest of a request. */
#define QUIET_MS 30
#define REQUEST_MAX 2048

static uint64_t chance;

static size_t
below(size_t n)
{
	/* xorshift64*: the same numbers on every machine */
	chance ^= chance >> 12;
	chance ^= chance << 25;
	chance ^= chance >> 27;
	return (size_t)((chance * UINT64_C(2685821657736338717)) >> 33) % n;
}

static const char *const bases[] = {
	"POST /api/events?code=k HTTP/1.1\r\n" HOST "Content-Type: application/json\r\n"
	"Content-Length: 5\r\n\r\nhello",
	"POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
	"3;a=b\r\nabc\r\n4\r\ndefg\r\n0\r\nX: y\r\n\r\n",
	"GET /x?a=%20&b HTTP/1.1\r\n" HOST "A: b\r\n\r\nGET /y HTTP/1.0\r\n" HOST "\r\n",
	"POST /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
};

static const char *const pieces[] = { "\r", "\n", "\r\n", " ", "\t", ":", "%", "?", "#", ",", "0",
	"9", "-", "\xff", "\x7f", "\r\n\r\n", "\r\n ", "\r\n:", "Content-Length: 3\r\n",
	"Transfer-Encoding: chunked\r\n", "ffffffffffffffff", HOST };

/* One change in place; the text stays shorter than REQUEST_MAX. */
static void
mutate(char *text, size_t *n)
{
	const char *piece = pieces[below(sizeof(pieces) / sizeof(pieces[0]))];
	size_t at = below(*n), some = 1 + below(8), more = strlen(piece);

	switch (below(4)) {
	case 0:
		text[at] = (char)below(256);
		break;
	case 1:
		if (*n + more >= REQUEST_MAX)
			break;
		memmove(text + at + more, text + at, *n - at);
		memcpy(text + at, piece, more);
		*n += more;
		break;
	case 2:
		some = some < *n - at ? some : *n - at - 1;
		memmove(text + at, text + at + some, *n - at - some);
		*n -= some;
		break;
	default:
		some = 1 + below(60);
		if (at + some > *n || *n + some >= REQUEST_MAX)
			break;
		memmove(text + at + some, text + at, *n - at);
		*n += some;
		break;
	}
}

/* One connection a request; the address changes so that ports do not run out. */
static int
attack(struct seen *s, size_t i)
{
	const char *base = bases[below(sizeof(bases) / sizeof(bases[0]))];
	char text[REQUEST_MAX], from[32];
	size_t n = strlen(base);
	int fd;

	memcpy(text, base, n);
	for (size_t k = 1 + below(4); k > 0; k--)
		mutate(text, &n);
	snprintf(from, sizeof(from), "127.0.%zu.%zu", 1 + i / 250 % 200, 1 + i % 250);
	fd = dial_from(s, from);
	(void)say_n(fd, text, n);
	return fd;
}

static void
check_answers(const struct buf *b)
{
	static const char *const fine[] = { "100 ", "200 ", "400 ", "413 ", "414 ", "431 ", "500 ",
		"503 ", "505 " };
	const char *at = buf_cstr(b);
	size_t k;

	if (*at != '\0' && strncmp(at, "HTTP/1.", 7) != 0)
		print_error("an answer that is none: %s\n", at);
	while ((at = strstr(at, "HTTP/1.1 ")) != NULL) {
		at += 9;
		if (*at < '0' || *at > '9')
			continue; /* the echo of a header */
		for (k = 0; k < sizeof(fine) / sizeof(fine[0]); k++)
			if (strncmp(at, fine[k], 4) == 0)
				break;
		if (k == sizeof(fine) / sizeof(fine[0]))
			print_error("an unexpected answer: %s\n", at);
		CHECK(k < sizeof(fine) / sizeof(fine[0]));
	}
}

struct attacker {
	struct buf heard;
};

/* What comes back on all of them, until all are closed or quiet. */
static void
listen_to(struct pollfd *p, struct attacker *a, size_t n)
{
	char part[4096];

	while (poll(p, n, QUIET_MS) > 0) {
		for (size_t i = 0; i < n; i++) {
			ssize_t got;

			if (p[i].revents == 0)
				continue;
			got = recv(p[i].fd, part, sizeof(part), 0);
			if (got > 0) {
				buf_add(&a[i].heard, (struct str){ part, (size_t)got });
				continue;
			}
			close(p[i].fd);
			p[i].fd = -1; /* poll() leaves it out */
		}
	}
}

static void
wave(struct seen *s, size_t first, size_t n)
{
	struct pollfd p[AT_ONCE];
	struct attacker a[AT_ONCE] = { 0 };

	for (size_t i = 0; i < n; i++) {
		buf_init(&a[i].heard, 262144);
		p[i] = (struct pollfd){ .fd = attack(s, first + i), .events = POLLIN };
	}
	listen_to(p, a, n);
	for (size_t i = 0; i < n; i++) {
		check_answers(&a[i].heard);
		buf_done(&a[i].heard);
		if (p[i].fd >= 0)
			close(p[i].fd);
	}
}

TEST(requests_that_are_broken_at_random_harm_nobody)
{
	const char *count = getenv("SIEGE_MUTATIONS"), *seed = getenv("SIEGE_SEED");
	size_t total = count == NULL ? MUTATIONS : strtoul(count, NULL, 10);
	struct seen s;
	struct buf b;

	chance = seed == NULL ? 19 : strtoull(seed, NULL, 10);
	chance = chance == 0 ? 1 : chance;
	log_set_level(LOG_LEVEL_ERROR);
	start_with(&s, ECHO, &(struct listener_options){ .connections_max = 4 * AT_ONCE });
	for (size_t i = 0; i < total; i += AT_ONCE) {
		wave(&s, i, AT_ONCE);
		exchange(&s, POST_HI, "body=2:hi", &b);
		buf_done(&b);
	}
	log_set_level(LOG_LEVEL_INFO);
	stop(&s);
}
