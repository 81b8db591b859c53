/* The queue in front of the committer. */
#include "daemon/queue.h"

#include "base/clock.h"
#include "test.h"

#define WAIT_MS 20000

static void
put(struct queue *q, struct received *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		CHECK(queue_put(q, &list[i]));
}

/* So many were taken and are answered. */
static void
leave(struct queue *q, size_t n)
{
	while (n-- > 0)
		queue_leave(q);
}

/* Groups so close to each other that the queue takes them for a flood. */
static void
flood(struct queue *q)
{
	static struct received list[64];
	struct received *group[QUEUE_GROUP_MAX];
	int64_t until = clock_mono_ms() + WAIT_MS;

	while (!queue_is_pressed(q) && clock_mono_ms() < until) {
		put(q, list, 64);
		CHECK_INT(queue_take(q, group), 64);
		leave(q, 64);
	}
}

TEST(a_group_is_what_was_put_in_its_order)
{
	static struct received list[QUEUE_GROUP_MAX + 10];
	struct received *group[QUEUE_GROUP_MAX];
	struct queue q;

	queue_init(&q, QUEUE_MAX);
	CHECK_INT(queue_take(&q, group), 0);
	put(&q, list, QUEUE_GROUP_MAX + 10);
	CHECK(queue_wait(&q, INT64_MAX));
	CHECK_INT(queue_take(&q, group), QUEUE_GROUP_MAX);
	CHECK(group[0] == &list[0]);
	CHECK(group[QUEUE_GROUP_MAX - 1] == &list[QUEUE_GROUP_MAX - 1]);
	CHECK_INT(queue_take(&q, group), 10);
	CHECK(group[9] == &list[QUEUE_GROUP_MAX + 9]);
	queue_done(&q);
}

TEST(a_full_queue_takes_nothing_more)
{
	static struct received list[QUEUE_MAX], more;
	struct received *group[QUEUE_GROUP_MAX];
	struct queue q;

	queue_init(&q, QUEUE_MAX);
	put(&q, list, QUEUE_MAX);
	CHECK(!queue_put(&q, &more));
	CHECK_INT(queue_take(&q, group), QUEUE_GROUP_MAX);
	CHECK(!queue_put(&q, &more)); /* what is being written still has its place */
	leave(&q, 1);
	CHECK(queue_put(&q, &more));
	CHECK(!queue_put(&q, &more));
	queue_done(&q);
}

TEST(a_closed_queue_gives_what_it_has_and_takes_nothing)
{
	struct received one = { 0 }, late = { 0 }, *group[QUEUE_GROUP_MAX];
	struct queue q;

	queue_init(&q, QUEUE_MAX);
	put(&q, &one, 1);
	queue_close(&q);
	CHECK(queue_is_closed(&q));
	CHECK(!queue_put(&q, &late));
	CHECK(queue_wait(&q, INT64_MAX));
	CHECK_INT(queue_take(&q, group), 1);
	CHECK(!queue_wait(&q, INT64_MAX));
	queue_done(&q);
}

TEST(a_flood_is_pressure_and_silence_ends_it)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	struct queue q;

	queue_init(&q, QUEUE_MAX);
	CHECK(!queue_is_pressed(&q));
	flood(&q);
	CHECK(queue_is_pressed(&q));
	while (queue_is_pressed(&q) && clock_mono_ms() < until)
		;
	CHECK(!queue_is_pressed(&q));
	queue_done(&q);
}

/* The window ends by itself: senders that are all waiting for their answer bring no more. */
TEST(under_pressure_one_delivery_alone_is_taken_too)
{
	struct received one = { 0 }, *group[QUEUE_GROUP_MAX];
	struct queue q;

	queue_init(&q, QUEUE_MAX);
	flood(&q);
	put(&q, &one, 1);
	CHECK_INT(queue_take(&q, group), 1);
	CHECK(group[0] == &one);
	queue_done(&q);
}

struct sender {
	struct queue *q;
	struct received list[1000];
};

static void *
send(void *arg)
{
	struct sender *s = arg;

	for (size_t i = 0; i < 1000; i++)
		while (!queue_put(s->q, &s->list[i]))
			;
	return NULL;
}

TEST(what_two_threads_put_is_taken_once_each)
{
	static struct sender senders[2];
	struct received *group[QUEUE_GROUP_MAX];
	pthread_t threads[2];
	size_t taken = 0;
	struct queue q;

	queue_init(&q, QUEUE_MAX);
	for (int i = 0; i < 2; i++) {
		senders[i].q = &q;
		CHECK(pthread_create(&threads[i], NULL, send, &senders[i]) == 0);
	}
	while (taken < 2000) {
		size_t n;

		CHECK(queue_wait(&q, INT64_MAX));
		n = queue_take(&q, group);
		leave(&q, n);
		taken += n;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(taken, 2000);
	queue_close(&q);
	CHECK(!queue_wait(&q, INT64_MAX));
	queue_done(&q);
}
