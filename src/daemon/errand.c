#include "daemon/errand.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"

/* On the stack of the one who waits. */
struct asked {
	struct asked *next;
	struct err *e;
	char *words;
	bool answered, ok;
};

struct errand {
	int fd;
	pthread_mutex_t lock; /* of all below, and of what is asked */
	pthread_cond_t answered;
	struct asked *waiting;
	bool closed;
};

bool
errand_new(struct errand **out, struct err *e)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct errand *x;

	if (fd < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot make an eventfd");
	x = xcalloc(1, sizeof(*x));
	x->fd = fd;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->answered, NULL);
	*out = x;
	return true;
}

void
errand_free(struct errand *x)
{
	if (x == NULL)
		return;
	close(x->fd);
	pthread_cond_destroy(&x->answered);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

int
errand_fd(const struct errand *x)
{
	return x->fd;
}

static struct asked *
take(struct errand *x)
{
	struct asked *list;
	uint64_t count;

	(void)!read(x->fd, &count, sizeof(count));
	pthread_mutex_lock(&x->lock);
	list = x->waiting;
	x->waiting = NULL;
	pthread_mutex_unlock(&x->lock);
	return list;
}

static void
answer(struct errand *x, struct asked *list, bool ok, const char *words, const struct err *e)
{
	pthread_mutex_lock(&x->lock);
	while (list != NULL) {
		struct asked *next = list->next; /* it is gone when it has its answer */

		if (!ok)
			*list->e = *e;
		list->ok = ok;
		list->words = words == NULL ? NULL : xstrdup(words);
		list->answered = true;
		list = next;
	}
	pthread_cond_broadcast(&x->answered);
	pthread_mutex_unlock(&x->lock);
}

void
errand_do(struct errand *x, errand_run *run, void *ctx)
{
	struct asked *list = take(x);
	char *words = NULL;
	struct err e;
	bool ok;

	if (list == NULL)
		return;
	ok = run(ctx, &words, &e);
	answer(x, list, ok, words, &e);
	free(words);
}

static bool
too_late(struct err *e)
{
	return fail_again(e, 0, "it is ending");
}

void
errand_close(struct errand *x)
{
	struct err e;

	if (x == NULL)
		return;
	pthread_mutex_lock(&x->lock);
	x->closed = true;
	pthread_mutex_unlock(&x->lock);
	answer(x, take(x), too_late(&e), NULL, &e);
}

bool
errand_ask(struct errand *x, char **words, struct err *e)
{
	struct asked mine = { .e = e };
	const uint64_t one = 1;

	*words = NULL;
	pthread_mutex_lock(&x->lock);
	if (x->closed) {
		pthread_mutex_unlock(&x->lock);
		return too_late(e);
	}
	mine.next = x->waiting;
	/* It leaves the list before we return. */
	x->waiting = &mine; // cppcheck-suppress autoVariables
	(void)!write(x->fd, &one, sizeof(one));
	while (!mine.answered)
		pthread_cond_wait(&x->answered, &x->lock);
	pthread_mutex_unlock(&x->lock);
	*words = mine.words;
	return mine.ok;
}
