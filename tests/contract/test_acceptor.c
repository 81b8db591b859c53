/* The thread that takes connections: how many, what it does in a lack, and how it ends. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/acceptor.h"
#include "daemon/address.h"
#include "listener_world.h"

#define TAKEN_MAX 64

struct world {
	struct acceptor *a;
	int listening, port;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int taken[TAKEN_MAX], n;
	bool refuse;
};

static bool
take(void *ctx, int fd, const struct sockaddr *address, socklen_t n)
{
	struct world *w = ctx;

	CHECK(address->sa_family == AF_INET && n == sizeof(struct sockaddr_in));
	pthread_mutex_lock(&w->lock);
	w->taken[w->n++] = fd;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	if (w->refuse)
		close(fd);
	return !w->refuse;
}

static void
begin_with(struct world *w, int64_t max, int64_t caller_max)
{
	struct acceptor_options o = {
		.max = max, .caller_max = caller_max, .take = take, .ctx = w
	};
	struct err e;

	*w = (struct world){ .n = 0 };
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->changed);
	CHECK_OK(address_listen(STR("127.0.0.1:0"), &w->listening, &w->port, &e));
	o.fd = w->listening;
	CHECK_OK(acceptor_start(&o, &w->a, &e));
}

static void
begin(struct world *w, int64_t max)
{
	begin_with(w, max, max);
}

/* One from 127.0.0.1 has ended. */
static void
say_ended(struct world *w)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	acceptor_ended(w->a, (struct sockaddr *)&from);
}

/* So many have been taken, in time. */
static void
wait_taken(struct world *w, int n)
{
	struct timespec until = clock_in_ms(WAIT_MS);

	pthread_mutex_lock(&w->lock);
	while (w->n < n)
		CHECK(pthread_cond_timedwait(&w->changed, &w->lock, &until) == 0);
	CHECK_INT(w->n, n);
	pthread_mutex_unlock(&w->lock);
}

static void
end(struct world *w)
{
	acceptor_free(w->a);
	for (int i = 0; i < w->n && !w->refuse; i++)
		close(w->taken[i]);
	close(w->listening);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

/* The socket first: who has none left can still call. */
static int
caller(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	return fd;
}

static void
call_with(int fd, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

static int
call(const struct world *w)
{
	int fd = caller();

	call_with(fd, w->port);
	return fd;
}

/* Nobody has taken who waits in the kernel: a second acceptor finds them all. */
static void
check_waiting(struct world *w, int n)
{
	struct pollfd p = { .fd = w->listening, .events = POLLIN };

	for (int i = 0; i < n; i++) {
		int fd;

		CHECK(poll(&p, 1, WAIT_MS) == 1);
		fd = accept(w->listening, NULL, NULL);
		CHECK(fd >= 0);
		close(fd);
	}
	CHECK(accept(w->listening, NULL, NULL) < 0 && errno == EAGAIN);
}

TEST(while_all_places_are_taken_others_wait_in_the_kernel)
{
	struct world w;
	int fd[3];

	begin(&w, 2);
	for (int i = 0; i < 3; i++)
		fd[i] = call(&w);
	wait_taken(&w, 2);
	say_ended(&w);
	wait_taken(&w, 3);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	end(&w);
}

static int
call_from(const struct world *w, const char *address)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	int fd = caller();

	inet_pton(AF_INET, address, &own.sin_addr);
	CHECK(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
	call_with(fd, w->port);
	return fd;
}

TEST(who_has_too_many_open_is_closed_and_others_are_taken)
{
	struct world w;
	struct pollfd p = { .events = POLLIN };
	char byte;
	int fd[5];

	begin_with(&w, 8, 2);
	for (int i = 0; i < 3; i++)
		fd[i] = call(&w);
	p.fd = fd[2];
	CHECK(poll(&p, 1, WAIT_MS) == 1);
	CHECK(recv(fd[2], &byte, 1, 0) == 0); /* closed, without a word */
	fd[3] = call_from(&w, "127.0.0.2");
	wait_taken(&w, 3);
	say_ended(&w);
	fd[4] = call(&w);
	wait_taken(&w, 4);
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	end(&w);
}

TEST(a_connection_that_its_owner_refused_takes_no_place)
{
	struct world w;
	int fd[3];

	begin(&w, 1);
	w.refuse = true;
	for (int i = 0; i < 3; i++)
		fd[i] = call(&w);
	wait_taken(&w, 3);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	end(&w);
}

TEST(who_comes_after_the_stop_waits_for_the_next_process)
{
	struct world w;
	int fd[2];

	begin(&w, 8);
	acceptor_stop(w.a);
	for (int i = 0; i < 2; i++)
		fd[i] = call(&w);
	check_waiting(&w, 2);
	CHECK_INT(w.n, 0);
	for (int i = 0; i < 2; i++)
		close(fd[i]);
	end(&w);
}

TEST(a_stop_is_quick_while_all_places_are_taken)
{
	struct world w;
	int fd;

	begin(&w, 1);
	fd = call(&w);
	wait_taken(&w, 1);
	acceptor_stop(w.a); /* joins: a thread that waits for room for ever would hang here */
	close(fd);
	end(&w);
}

/* Without descriptors a connection waits; it is taken when another one ends. */
TEST(a_lack_of_descriptors_ends_with_a_connection)
{
	struct rlimit before, none;
	struct world w;
	int first, second, spare[16], n = 0;

	begin(&w, 8);
	first = call(&w);
	wait_taken(&w, 1);
	second = caller();
	CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none = before;
	none.rlim_cur = (rlim_t)second + 1; /* all lower numbers are in use, or are taken now */
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	while (n < 16 && (spare[n] = dup(first)) >= 0)
		n++;
	call_with(second, w.port);
	close(w.taken[0]);
	say_ended(&w);
	wait_taken(&w, 2);
	CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
	w.taken[0] = w.taken[1];
	w.n = 1;
	for (int i = 0; i < n; i++)
		close(spare[i]);
	close(first);
	close(second);
	end(&w);
}

/* ---- in the listener: a burst is shared out over its threads ---- */
struct threads {
	pthread_mutex_t lock;
	pthread_t seen[2];
	int requests[2], n;
};

static void
note_thread(void *ctx, struct request *rq)
{
	struct threads *t = ctx;
	int i = 0;

	pthread_mutex_lock(&t->lock);
	while (i < t->n && !pthread_equal(t->seen[i], pthread_self()))
		i++;
	CHECK(i < 2);
	if (i == t->n)
		t->seen[t->n++] = pthread_self();
	t->requests[i]++;
	pthread_mutex_unlock(&t->lock);
	request_answer(rq, &(struct reply){ .status = 200, .body = STR_EMPTY });
}

TEST(connections_are_shared_out_evenly_over_the_threads)
{
	struct threads t = { .n = 0 };
	struct listener_options o = { .address = STR("127.0.0.1:0"),
		.body_max = BODY_MAX,
		.connections_max = 100,
		.per_address_max = 100,
		.threads = 2 };
	struct listener_handler h = { .handle = note_thread, .ctx = &t };
	struct seen s = { .l = NULL };
	struct buf b;
	struct err e;
	int fd[32];

	pthread_mutex_init(&t.lock, NULL);
	CHECK_OK(listener_start(&o, &h, &s.l, &e));
	for (int i = 0; i < 32; i++)
		fd[i] = caller();
	for (int i = 0; i < 32; i++)
		call_with(fd[i], listener_port(s.l));
	for (int i = 0; i < 32; i++) {
		buf_init(&b, 65536);
		say(fd[i], GET);
		CHECK(!hear(fd[i], &b, "200 OK"));
		buf_done(&b);
	}
	CHECK_INT(t.n, 2);
	CHECK(t.requests[0] >= 8 && t.requests[1] >= 8);
	for (int i = 0; i < 32; i++)
		close(fd[i]);
	listener_stop(s.l);
	pthread_mutex_destroy(&t.lock);
}
