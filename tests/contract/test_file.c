#include "base/file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "test.h"

static struct arena *arena;

static void
free_arena(void)
{
	arena_free(arena);
}

static const char *
path_of(const char *name)
{
	if (arena == NULL) {
		arena = arena_new();
		atexit(free_arena);
	}
	return arena_printf(arena, "%s/%s", folder, name).p;
}

static struct str
text_of(const char *path)
{
	struct str text = STR_EMPTY;
	struct err e;

	CHECK_OK(file_read(path, 1024, arena, &text, &e));
	return text;
}

TEST(a_private_file_is_replaced_whole_and_closed_to_others)
{
	const char *path;
	struct stat st;
	struct err e;

	folder_make("file");
	path = path_of("key");
	CHECK_OK(file_write_private(path, STR("a long first text\n"), &e));
	CHECK(chmod(path, 0644) == 0);
	CHECK_OK(file_write_private(path, STR("short\n"), &e));
	CHECK_STR(text_of(path), "short\n");
	CHECK(stat(path, &st) == 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK(access(path_of("key.new"), F_OK) != 0);
}

TEST(when_it_cannot_be_replaced_the_old_one_stays)
{
	const char *path;
	struct err e;

	folder_make("file");
	path = path_of("key");
	CHECK_OK(file_write_private(path, STR("old\n"), &e));
	CHECK(symlink("elsewhere", path_of("key.new")) == 0); /* is not followed */
	CHECK(!file_write_private(path, STR("new\n"), &e));
	CHECK_HAS(e.text, "key.new");
	CHECK_STR(text_of(path), "old\n");
	CHECK(access(path_of("elsewhere"), F_OK) != 0);
	CHECK(!file_write_private(path_of("no/such/key"), STR("x"), &e));
}
