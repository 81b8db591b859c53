/*
 * Thread CPU time, which neighbours on the machine disturb little, and medians.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <stdlib.h>
#include <time.h>

static inline double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int
smaller(const void *x, const void *y)
{
	const double *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static inline double
median(double *times, size_t n)
{
	qsort(times, n, sizeof(times[0]), smaller);
	return times[n / 2];
}

#endif
