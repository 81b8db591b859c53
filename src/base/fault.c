#include "base/fault.h"

#ifdef GRIDWARDEN_FAULTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define POINTS_MAX 64

static struct {
	const char *name; /* a literal: names are compared by text, stored by pointer */
	int passes;
} points[POINTS_MAX];
#define SLOW_US 500000

static size_t count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
write_down(const char *name)
{
	const char *path = getenv("GRIDWARDEN_FAULT_LIST");
	int fd = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	(void)!write(fd, name, strlen(name));
	(void)!write(fd, "\n", 1);
	close(fd);
}

/* Which pass of this point is it?  1 for the first. */
static int
pass_of(const char *name)
{
	size_t i;
	int pass;

	pthread_mutex_lock(&lock);
	for (i = 0; i < count && strcmp(points[i].name, name) != 0; i++)
		;
	if (i == POINTS_MAX)
		abort();
	if (i == count) {
		points[count++].name = name;
		write_down(name);
	}
	pass = ++points[i].passes;
	pthread_mutex_unlock(&lock);
	return pass;
}

/* Does "2" or "2+" mean this pass? */
static bool
means(struct str when, int pass)
{
	bool onwards = when.n > 0 && when.p[when.n - 1] == '+';
	int64_t n;

	if (onwards)
		when.n--;
	if (!str_to_int(when, 1, 1000000, &n))
		return false;
	return onwards ? pass >= n : pass == n;
}

bool
fault_hit(const char *name)
{
	int pass = pass_of(name);
	struct str orders = str_of(getenv("GRIDWARDEN_FAULT")), order, what, point;

	while (str_next(&orders, ',', &order)) {
		if (!str_next(&order, ':', &point) || !str_is(point, name) ||
		    !str_next(&order, ':', &what) || order.p == NULL || !means(order, pass))
			continue;
		if (str_is(what, "kill"))
			raise(SIGKILL);
		if (str_is(what, "slow"))
			usleep(SLOW_US);
		return str_is(what, "fail");
	}
	return false;
}

#endif
