/*
 * Root may read everything: what may not be read is tested as somebody else.
 */
#ifndef TESTS_NOBODY_H
#define TESTS_NOBODY_H

#include <unistd.h>

#include "test.h"

#define NOBODY 65534

/* Until become_root_again(). */
static inline bool
leave_root(void)
{
	bool was_root = geteuid() == 0;

	if (was_root)
		CHECK(seteuid(NOBODY) == 0);
	return was_root;
}

static inline void
become_root_again(bool was_root)
{
	if (was_root)
		CHECK(seteuid(0) == 0);
}

#endif
