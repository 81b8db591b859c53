/*
 * daemon/listener.c with libmicrohttpd behind it: the input goes over a loopback connection to a
 * listener in this process.
 *
 * What must hold: a second, strict reading of the same bytes (RFC 9112) says which requests are in
 * them and where each ends; what reaches `handle` is a beginning of that list, method, target and
 * body, and nothing else.  Where a head has what the library hides from its user (a bare LF, a
 * folded line, a NUL: include/daemon/framing.h) the reading stops, and only crashes count.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/listener.h"
#include "fuzz.h"

#define BODY_MAX 65536
#define REQUESTS_MAX 32
/* A slow listener is cut off in the middle, which only makes the list of what it handled shorter.
 */
#define QUIET_MS 2
/* The listener lets go of a connection long before: its own deadline is a tenth of that. */
#define WAIT_MS 20000

struct one {
	struct str method, path, body;
};

/* What reached handle(); one connection at a time. */
static struct {
	struct listener *l;
	pthread_mutex_t lock;
	struct arena *arena;
	struct one list[REQUESTS_MAX];
	size_t n;
} got = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
on_handle(void *ctx, struct request *rq)
{
	(void)ctx;
	pthread_mutex_lock(&got.lock);
	if (got.n < REQUESTS_MAX && got.arena != NULL)
		got.list[got.n++] = (struct one){ arena_str(got.arena, request_method(rq)),
			arena_str(got.arena, request_path(rq)),
			arena_str(got.arena, request_body(rq)) };
	pthread_mutex_unlock(&got.lock);
	(void)request_query(rq, "code");
	request_answer(rq, &(struct reply){ .status = 200, .body = STR_EMPTY });
}

static void
on_head(void *ctx, struct request *rq)
{
	(void)ctx, (void)rq;
}

static void
stop(void)
{
	listener_stop(got.l);
}

static void
start(void)
{
	struct listener_handler h = { .head = on_head, .handle = on_handle };
	struct listener_options o = { .address = STR("127.0.0.1:0"),
		.body_max = BODY_MAX,
		.connections_max = 50,
		.per_address_max = 50,
		.deadline_ms = 2000,
		.threads = 1 };
	struct err e;

	MUST(listener_start(&o, &h, &got.l, &e));
	atexit(stop);
}

/* ---- the client ---- */

static int
dial(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)listener_port(got.l)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	/* Reset on close: thousands of connections a second leave no TIME_WAIT behind. */
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	MUST(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return fd;
}

static bool
is_gone(void)
{
	struct listener_figures f;

	listener_figures(got.l, &f);
	return f.connections == 0;
}

/* Until the listener closes or says nothing more for a while. */
static void
listen_until_quiet(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char answer[4096];

	while (poll(&p, 1, QUIET_MS) == 1)
		if (recv(fd, answer, sizeof(answer), 0) <= 0)
			return;
}

static void
exchange(struct str bytes)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	int fd = dial();

	for (ssize_t n; bytes.n > 0; bytes = str_slice(bytes, (size_t)n, bytes.n))
		if ((n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL)) <= 0)
			break;
	listen_until_quiet(fd);
	close(fd);
	while (!is_gone()) {
		MUST(clock_mono_ms() < until);
		poll(NULL, 0, 1);
	}
}

/* ---- the strict reading ---- */

enum reading {
	READ_ONE,    /* a request that is beyond doubt */
	READ_END,    /* broken, doubtful or not complete: nothing from here on may be handled */
	READ_HIDDEN, /* only the library sees it: no promise */
};

/* A line that ends in CRLF. */
static enum reading
strict_line(struct str *rest, struct str *line)
{
	const char *lf = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
	size_t n = lf == NULL ? rest->n : (size_t)(lf - rest->p);

	if (n > 0 && memchr(rest->p, '\0', n) != NULL)
		return READ_HIDDEN;
	if (lf == NULL)
		return READ_END;
	if (n == 0 || rest->p[n - 1] != '\r')
		return READ_HIDDEN;
	*line = str_slice(*rest, 0, n - 1);
	*rest = str_slice(*rest, n + 1, rest->n);
	/* A CR alone ends no line, but some servers think so. */
	return line->n > 0 && memchr(line->p, '\r', line->n) != NULL ? READ_HIDDEN : READ_ONE;
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", s.p[i]) != NULL)
			return false;
	return s.n > 0;
}

static bool
request_line(struct str line, struct one *out, struct str *version)
{
	struct str rest = line, target;

	if (!str_next(&rest, ' ', &out->method) || rest.p == NULL ||
	    !str_next(&rest, ' ', &target) || rest.p == NULL)
		return false;
	*version = rest;
	str_next(&target, '?', &out->path);
	/* The library takes any word for a method, and intake answers 405: it ends no body. */
	return out->method.n > 0 && out->path.n > 0 && out->path.p[0] == '/' &&
	       (str_is(*version, "HTTP/1.1") || str_is(*version, "HTTP/1.0"));
}

struct head {
	size_t hosts, lengths, codings;
	bool chunked;
	int64_t length;
};

static bool
header_line(struct str line, struct head *h)
{
	struct str value = line, name;

	str_next(&value, ':', &name);
	if (value.p == NULL || !is_token(name))
		return false;
	value = str_trim(value);
	h->hosts += str_is_nocase(name, "host");
	if (str_is_nocase(name, "content-length")) {
		h->lengths++;
		return value.n > 0 && value.p[0] >= '0' && value.p[0] <= '9' &&
		       str_to_int(value, 0, INT64_MAX, &h->length);
	}
	if (str_is_nocase(name, "transfer-encoding")) {
		h->codings++;
		h->chunked = str_is_nocase(value, "chunked");
	}
	return true;
}

static enum reading
read_head(struct str *rest, struct one *out, struct head *h)
{
	struct str line, version;
	enum reading r = strict_line(rest, &line);

	if (r != READ_ONE)
		return r;
	if (!request_line(line, out, &version))
		return READ_END;
	while ((r = strict_line(rest, &line)) == READ_ONE && line.n > 0) {
		if (line.p[0] == ' ' || line.p[0] == '\t' || line.p[0] == ':')
			return READ_HIDDEN; /* folded, or a header without a name */
		if (!header_line(line, h))
			return READ_END;
	}
	if (r != READ_ONE)
		return r;
	if (h->hosts > 1 || (h->hosts == 0 && str_is(version, "HTTP/1.1")) ||
	    h->lengths + h->codings > 1 || (h->codings > 0 && !h->chunked) ||
	    (h->chunked && str_is(version, "HTTP/1.0")))
		return READ_END;
	return READ_ONE;
}

static bool
chunk_size(struct str line, size_t *size)
{
	struct str rest = line, digits;

	str_next(&rest, ';', &digits);
	*size = 0;
	if (digits.n == 0 || digits.n > 7)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		const char *hex = "0123456789abcdefABCDEF", *at;

		if (digits.p[i] == '\0' || (at = strchr(hex, digits.p[i])) == NULL)
			return false;
		*size = *size * 16 + (size_t)(at - hex) - (at - hex > 15 ? 6 : 0);
	}
	return true;
}

static enum reading
read_chunks(struct str *rest, struct str *body, struct arena *a)
{
	char *p = arena_alloc(a, rest->n + 1);
	size_t n = 0, size;
	struct str line;
	enum reading r;

	for (;;) {
		if ((r = strict_line(rest, &line)) != READ_ONE)
			return r;
		if (!chunk_size(line, &size))
			return READ_END;
		if (size == 0)
			break;
		if (rest->n < size + 2)
			return READ_END;
		memcpy(p + n, rest->p, size);
		n += size;
		*rest = str_slice(*rest, size, rest->n);
		if ((r = strict_line(rest, &line)) != READ_ONE || line.n > 0)
			return r == READ_ONE ? READ_END : r;
	}
	*body = (struct str){ p, n };
	do {
		r = strict_line(rest, &line);
	} while (r == READ_ONE && line.n > 0);
	return r;
}

static enum reading
read_request(struct str *rest, struct one *out, struct arena *a)
{
	struct head h = { .hosts = 0 };
	enum reading r;

	/* RFC 9112 section 2.2: empty lines in front of a request are left out. */
	while (rest->n >= 2 && memcmp(rest->p, "\r\n", 2) == 0)
		*rest = str_slice(*rest, 2, rest->n);
	r = read_head(rest, out, &h);
	if (r != READ_ONE)
		return r;
	if (h.chunked)
		return read_chunks(rest, &out->body, a);
	if ((uint64_t)h.length > rest->n)
		return READ_END;
	out->body = str_slice(*rest, 0, (size_t)h.length);
	*rest = str_slice(*rest, (size_t)h.length, rest->n);
	return READ_ONE;
}

static void
compare(struct str input, struct arena *a)
{
	for (size_t i = 0; i < got.n; i++) {
		struct one want = { .body = STR_EMPTY };
		enum reading r = read_request(&input, &want, a);

		if (r == READ_HIDDEN)
			return;
		MUST(r == READ_ONE);
		MUST(str_eq(got.list[i].method, want.method));
		MUST(str_eq(got.list[i].path, want.path));
		MUST(str_eq(got.list[i].body, want.body));
	}
}

FUZZ(input)
{
	if (got.l == NULL)
		start();
	pthread_mutex_lock(&got.lock);
	got.arena = arena;
	got.n = 0;
	pthread_mutex_unlock(&got.lock);
	exchange(input);
	pthread_mutex_lock(&got.lock);
	got.arena = NULL;
	compare(input, arena);
	pthread_mutex_unlock(&got.lock);
}
