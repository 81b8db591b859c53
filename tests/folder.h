/*
 * One folder under /tmp for the test that runs; it is removed when the next one is made, and at
 * exit.
 */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "test.h"

static char folder[64];

static inline int
folder_remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(name);
}

static inline void
folder_remove(void)
{
	if (folder[0] != '\0')
		nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	folder[0] = '\0';
}

static inline void
folder_make(const char *name)
{
	static bool registered;

	if (!registered)
		atexit(folder_remove);
	registered = true;
	folder_remove();
	snprintf(folder, sizeof(folder), "/tmp/%s-XXXXXX", name);
	CHECK(mkdtemp(folder) != NULL);
}

#endif
