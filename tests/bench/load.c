/*
 * A lean load generator: one thread, epoll, OpenSSL.  It shares the machine with what it measures,
 * so it does as little as it can; a slower one would measure itself.
 *
 *	load --port N --body FILE [options]       requests, one JSON line of figures
 *	load --disk FILE [--seconds S]            write + fdatasync of 4 KB, one after the other
 *
 * Happy path: every slot has a connection and a request of its own; it sends, waits for the answer
 * and sends again.  Each run of sixteen '@' in the body becomes a number that no other request has.
 * What can go wrong: an answer other than 200 is counted, a connection that ends too early is
 * counted and made anew; a server that cannot be reached ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SLOTS_MAX 1024
#define MARK "@@@@@@@@@@@@@@@@"
#define MARK_N 16
#define MARKS_MAX 64
#define ANSWER_MAX 8192
#define DISK_BYTES (64 * 1024 * 1024)
#define SECTOR 4096
/* Errors in a row that end the program: the server is gone. */
#define ERRORS_MAX 1000

struct options {
	int port, slots, seconds_ms, warmup_ms;
	long count; /* requests; 0 = as many as the time allows */
	long rate;  /* a second, open loop; 0 = closed loop */
	const char *body, *path, *disk;
	int tls; /* 0, 12, 13 */
	bool fresh, resume;
};

struct slot {
	int fd;
	SSL *ssl;
	SSL_SESSION *session;
	char *out; /* head and body */
	size_t sent;
	char in[ANSWER_MAX];
	size_t got;
	int64_t began_us;			  /* when this request was due */
	bool connected, busy, wants_write, asked; /* to resume */
};

struct figures {
	long all, counted, not_200, errors, asked, resumed;
	uint32_t *us;
	size_t cap;
};

static struct options o = { .slots = 64, .seconds_ms = 2000, .path = "/", .tls = 13 };
static struct figures f;
static struct slot slots[SLOTS_MAX];
static struct slot *idle[SLOTS_MAX];
static size_t n_idle;
static SSL_CTX *ctx;
static char *request;
static size_t n_request, marks[MARKS_MAX], n_marks;
static uint64_t serial;
static int poller, errors_in_a_row;
static int64_t counting_from_us, end_us, due_us;

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(2);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the request ---- */

static char *
read_body(size_t *n)
{
	FILE *in = fopen(o.body, "rb");
	char *text;
	long size;

	if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (size = ftell(in)) < 0)
		die(o.body);
	rewind(in);
	text = malloc((size_t)size + 1);
	if (text == NULL || fread(text, 1, (size_t)size, in) != (size_t)size)
		die(o.body);
	fclose(in);
	text[size] = '\0';
	*n = (size_t)size;
	return text;
}

static void
make_request(void)
{
	size_t n_body, n_head;
	char *body = read_body(&n_body), head[1024];

	n_head = (size_t)snprintf(head, sizeof(head),
	    "POST %s HTTP/1.1\r\nHost: localhost:%d\r\n"
	    "Content-Type: application/json; charset=utf-8\r\naeg-event-type: Notification\r\n"
	    "aeg-subscription-name: SOC-ALERTS\r\naeg-delivery-count: 0\r\n"
	    "Content-Length: %zu\r\n%s\r\n",
	    o.path, o.port, n_body, o.fresh ? "Connection: close\r\n" : "");
	n_request = n_head + n_body;
	request = malloc(n_request + 1);
	memcpy(request, head, n_head);
	memcpy(request + n_head, body, n_body + 1);
	free(body);
	for (char *p = request; (p = strstr(p, MARK)) != NULL && n_marks < MARKS_MAX; p += MARK_N)
		marks[n_marks++] = (size_t)(p - request);
	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		die("random");
}

static void
number_request(struct slot *s)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n_marks; i++) {
		uint64_t number = serial++;

		for (size_t k = 0; k < MARK_N; k++, number >>= 4)
			s->out[marks[i] + k] = digits[number & 15];
	}
}

/* ---- connections ---- */

static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
	struct slot *s = SSL_get_app_data(ssl);

	SSL_SESSION_free(s->session);
	s->session = session;
	return 1; /* ours now */
}

static void
watch(struct slot *s, int how)
{
	struct epoll_event ev = { .events = EPOLLIN | (s->wants_write ? EPOLLOUT : 0u),
		.data.ptr = s };

	if (epoll_ctl(poller, how, s->fd, &ev) != 0)
		die("epoll_ctl");
}

static void
dial(struct slot *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)o.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger at_once = { 1, 0 }; /* no port is left waiting */
	int one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		die("socket");
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (connect(s->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
		die("connect");
	s->ssl = SSL_new(ctx);
	SSL_set_app_data(s->ssl, s);
	SSL_set_fd(s->ssl, s->fd);
	SSL_set_connect_state(s->ssl);
	SSL_set_tlsext_host_name(s->ssl, "localhost");
	s->asked = o.resume && s->session != NULL;
	if (s->asked)
		SSL_set_session(s->ssl, s->session);
	s->connected = false;
	s->wants_write = true;
	watch(s, EPOLL_CTL_ADD);
}

static void
hang_up(struct slot *s)
{
	/* Else OpenSSL takes the session for a bad one. */
	SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(s->ssl);
	close(s->fd);
	s->got = 0;
}

static void
failed(struct slot *s)
{
	f.errors++;
	if (++errors_in_a_row > ERRORS_MAX)
		die("the server is gone");
	hang_up(s);
	s->sent = 0;
	dial(s);
}

/* ---- a slot goes on as far as it can ---- */

static void
begin(struct slot *s, int64_t due)
{
	number_request(s);
	s->sent = s->got = 0;
	s->began_us = due;
	s->busy = true;
}

static void
count_answer(struct slot *s)
{
	int64_t now = now_us();

	errors_in_a_row = 0;
	f.all++;
	if (strncmp(s->in, "HTTP/1.1 200", 12) != 0) {
		f.not_200++;
		return;
	}
	if (s->began_us < counting_from_us || now > end_us)
		return;
	if ((size_t)f.counted == f.cap) {
		f.cap = f.cap == 0 ? 1 << 16 : f.cap * 2;
		f.us = realloc(f.us, f.cap * sizeof(*f.us));
		if (f.us == NULL)
			die("memory");
	}
	f.us[f.counted++] = (uint32_t)(now - s->began_us);
}

/* Is the answer complete?  What we measure sends a Content-Length with every one. */
static bool
answered(struct slot *s)
{
	char *end, *length;

	s->in[s->got] = '\0';
	end = strstr(s->in, "\r\n\r\n");
	if (end == NULL)
		return false;
	length = strcasestr(s->in, "content-length:");
	return s->got >=
	       (size_t)(end + 4 - s->in) + (length == NULL ? 0 : strtoul(length + 15, NULL, 10));
}

static bool
over(void)
{
	return o.count > 0 ? f.all >= o.count : now_us() >= end_us;
}

static void
next(struct slot *s)
{
	s->busy = false;
	if (o.fresh) {
		f.asked += s->asked;
		f.resumed += SSL_session_reused(s->ssl);
		hang_up(s);
		dial(s);
	}
	if (o.rate > 0)
		idle[n_idle++] = s;
	else
		begin(s, now_us());
}

/* Always false: it waits for the socket. */
static bool
wait_for(struct slot *s, bool write)
{
	if (write != s->wants_write) {
		s->wants_write = write;
		watch(s, EPOLL_CTL_MOD);
	}
	return false;
}

static bool
wait_or_fail(struct slot *s, int rc)
{
	int why = SSL_get_error(s->ssl, rc);

	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return wait_for(s, why == SSL_ERROR_WANT_WRITE);
	ERR_clear_error();
	failed(s);
	return false;
}

static bool
step(struct slot *s)
{
	int rc;

	if (!s->connected) {
		rc = SSL_do_handshake(s->ssl);
		if (rc != 1)
			return wait_or_fail(s, rc);
		s->connected = true;
	}
	if (s->busy && s->sent < n_request) {
		rc = SSL_write(s->ssl, s->out + s->sent, (int)(n_request - s->sent));
		if (rc <= 0)
			return wait_or_fail(s, rc);
		s->sent += (size_t)rc;
		/* The answer takes a while: no use in looking for it now. */
		return s->sent < n_request || wait_for(s, false);
	}
	rc = SSL_read(s->ssl, s->in + s->got, (int)(ANSWER_MAX - 1 - s->got));
	if (rc <= 0)
		return wait_or_fail(s, rc);
	s->got += (size_t)rc;
	if (!s->busy || !answered(s))
		return s->got < ANSWER_MAX - 1;
	count_answer(s);
	next(s);
	return true;
}

static void
go_on(struct slot *s)
{
	while (step(s) && !over())
		;
}

/* ---- open loop: requests are due by the clock, whatever the server does ---- */

static void
set_timer(int timer)
{
	struct itimerspec at = { .it_value = { due_us / 1000000, due_us % 1000000 * 1000 } };

	if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL) != 0)
		die("timer");
}

static void
send_due(int timer)
{
	static double due;

	due = due < (double)due_us ? (double)due_us : due;
	while (n_idle > 0 && due_us <= now_us()) {
		struct slot *s = idle[--n_idle];

		begin(s, due_us);
		due += 1e6 / (double)o.rate;
		due_us = (int64_t)due;
		go_on(s);
	}
	set_timer(timer);
}

/* ---- run ---- */

static void
prepare(void)
{
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	SSL_CTX_set_min_proto_version(ctx, o.tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_max_proto_version(ctx, o.tls == 12 ? TLS1_2_VERSION : TLS1_3_VERSION);
	make_request();
	poller = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < o.slots; i++) {
		struct slot *s = &slots[i];

		s->out = malloc(n_request);
		memcpy(s->out, request, n_request);
		dial(s);
		if (o.rate > 0)
			idle[n_idle++] = s;
		else
			begin(s, now_us());
	}
}

static void
run(void)
{
	struct epoll_event events[256];
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	int64_t began = now_us();

	counting_from_us = began + (int64_t)o.warmup_ms * 1000;
	end_us = o.count > 0 ? INT64_MAX : counting_from_us + (int64_t)o.seconds_ms * 1000;
	due_us = began;
	if (o.rate > 0) {
		epoll_ctl(poller, EPOLL_CTL_ADD, timer, &ev);
		set_timer(timer);
	}
	while (!over()) {
		int n = epoll_wait(poller, events, 256, 100);

		for (int i = 0; i < n; i++)
			if (events[i].data.ptr != NULL)
				go_on(events[i].data.ptr);
		if (o.rate > 0)
			send_due(timer);
	}
	if (o.count > 0)
		end_us = now_us();
}

static int
by_size(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

static double
percentile_ms(double part)
{
	if (f.counted == 0)
		return 0;
	return f.us[(size_t)((double)(f.counted - 1) * part)] / 1000.0;
}

static void
report(void)
{
	double seconds = (double)(end_us - counting_from_us) / 1e6;

	qsort(f.us, (size_t)f.counted, sizeof(*f.us), by_size);
	printf("{\"rate\": %.1f, \"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f, \"max\": %.3f, "
	       "\"all\": %ld, \"not_200\": %ld, \"errors\": %ld, \"asked\": %ld, "
	       "\"resumed\": %ld}\n",
	    (double)f.counted / seconds, percentile_ms(0.5), percentile_ms(0.99),
	    percentile_ms(0.999), percentile_ms(1), f.all, f.not_200, f.errors, f.asked, f.resumed);
}

/* ---- the disk alone, in the same way as the journal: zero-filled first ---- */

static void
measure_disk(void)
{
	static char block[SECTOR];
	int fd = open(o.disk, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int64_t end;
	long n = 0;

	if (fd < 0)
		die(o.disk);
	for (long at = 0; at < DISK_BYTES; at += SECTOR)
		if (pwrite(fd, block, SECTOR, at) != SECTOR)
			die(o.disk);
	if (fsync(fd) != 0)
		die(o.disk);
	memset(block, 'x', SECTOR);
	for (end = now_us() + (int64_t)o.seconds_ms * 1000; now_us() < end; n++)
		if (pwrite(fd, block, SECTOR, n * SECTOR % DISK_BYTES) != SECTOR ||
		    fdatasync(fd) != 0)
			die(o.disk);
	close(fd);
	unlink(o.disk);
	printf("{\"rate\": %.1f}\n", (double)n * 1000 / o.seconds_ms);
}

/* ---- options ---- */

static const struct option longs[] = { { "port", 1, NULL, 'p' }, { "body", 1, NULL, 'b' },
	{ "path", 1, NULL, 'u' }, { "connections", 1, NULL, 'c' }, { "seconds", 1, NULL, 's' },
	{ "warmup", 1, NULL, 'w' }, { "count", 1, NULL, 'n' }, { "rate", 1, NULL, 'r' },
	{ "tls", 1, NULL, 't' }, { "new", 0, NULL, 'N' }, { "resume", 0, NULL, 'R' },
	{ "disk", 1, NULL, 'd' }, { NULL, 0, NULL, 0 } };

static bool
take(int key)
{
	switch (key) {
	case 'p':
		o.port = atoi(optarg);
		break;
	case 'b':
		o.body = optarg;
		break;
	case 'u':
		o.path = optarg;
		break;
	case 'c':
		o.slots = atoi(optarg);
		break;
	case 's':
		o.seconds_ms = (int)(atof(optarg) * 1000);
		break;
	case 'w':
		o.warmup_ms = (int)(atof(optarg) * 1000);
		break;
	case 'n':
		o.count = atol(optarg);
		break;
	case 'r':
		o.rate = atol(optarg);
		break;
	case 't':
		o.tls = strcmp(optarg, "1.2") == 0 ? 12 : 13;
		break;
	case 'N':
		o.fresh = true;
		break;
	case 'R':
		o.fresh = o.resume = true;
		break;
	case 'd':
		o.disk = optarg;
		break;
	default:
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	int key;

	while ((key = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!take(key))
			return 64;
	if (o.disk != NULL) {
		measure_disk();
		return 0;
	}
	if (o.port == 0 || o.body == NULL || o.slots < 1 || o.slots > SLOTS_MAX) {
		fputs("usage: load --port N --body FILE [--connections N] [--seconds S] ...\n",
		    stderr);
		return 64;
	}
	prepare();
	run();
	report();
	return 0;
}
