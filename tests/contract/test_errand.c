/* What many ask for is done by one thread, one after the other, and each hears the answer. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "daemon/errand.h"
#include "test.h"

#define ASKING 8
#define EACH 200
#define WAIT_MS 20000

struct world {
	struct errand *x;
	atomic_int inside, runs, answers, refusals, begun;
	bool refuse;
};

static bool
run(void *ctx, char **words, struct err *e)
{
	struct world *w = ctx;

	CHECK_INT(atomic_fetch_add(&w->inside, 1), 0);
	atomic_fetch_add(&w->runs, 1);
	atomic_fetch_sub(&w->inside, 1);
	*words = xstrdup("said");
	return !w->refuse || fail(e, ERR_CONFLICT, "not today");
}

static void *
asking(void *arg)
{
	struct world *w = arg;
	struct err e;
	char *words;

	for (int i = 0; i < EACH; i++) {
		atomic_fetch_add(&w->begun, 1);
		if (errand_ask(w->x, &words, &e)) {
			CHECK_STR(str_of(words), "said");
			atomic_fetch_add(&w->answers, 1);
		} else {
			CHECK(e.text[0] != '\0');
			atomic_fetch_add(&w->refusals, 1);
		}
		free(words);
	}
	return NULL;
}

static void
open_world(struct world *w, pthread_t threads[ASKING])
{
	struct err e;

	memset(w, 0, sizeof(*w));
	CHECK_OK(errand_new(&w->x, &e));
	for (int i = 0; i < ASKING; i++)
		CHECK(pthread_create(&threads[i], NULL, asking, w) == 0);
}

static void
wait_asked(struct world *w)
{
	struct pollfd fd = { errand_fd(w->x), POLLIN, 0 };

	CHECK(poll(&fd, 1, WAIT_MS) == 1);
}

static void
close_world(struct world *w, pthread_t threads[ASKING])
{
	for (int i = 0; i < ASKING; i++)
		pthread_join(threads[i], NULL);
	errand_free(w->x);
}

TEST(each_who_asks_is_answered_by_a_run_that_began_afterwards)
{
	pthread_t threads[ASKING];
	struct world w;

	open_world(&w, threads);
	while (atomic_load(&w.answers) < ASKING * EACH) {
		struct pollfd fd = { errand_fd(w.x), POLLIN, 0 };

		CHECK(poll(&fd, 1, 10) >= 0);
		errand_do(w.x, run, &w);
	}
	close_world(&w, threads);
	CHECK_INT(w.answers, ASKING * EACH);
	/* Each asks only when it has its answer: one run serves each of them once at most. */
	CHECK(w.runs >= EACH && w.runs <= ASKING * EACH);
}

TEST(nothing_is_done_when_nobody_has_asked)
{
	struct pollfd fd = { .events = POLLIN };
	struct world w = { .runs = 0 };
	struct err e;

	CHECK_OK(errand_new(&w.x, &e));
	fd.fd = errand_fd(w.x);
	CHECK(poll(&fd, 1, 0) == 0);
	errand_do(w.x, run, &w);
	CHECK_INT(w.runs, 0);
	errand_free(w.x);
}

TEST(the_reason_of_a_refusal_is_handed_on_and_the_end_is_one)
{
	pthread_t threads[ASKING];
	struct world w;
	struct err e;
	char *words;

	open_world(&w, threads);
	w.refuse = true;
	wait_asked(&w);
	errand_do(w.x, run, &w);
	errand_close(w.x);
	CHECK(!errand_ask(w.x, &words, &e));
	CHECK(words == NULL);
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "it is ending");
	close_world(&w, threads);
	CHECK_INT(w.answers, 0);
	CHECK_INT(w.refusals, ASKING * EACH);
	CHECK_INT(w.runs, 1);
}
