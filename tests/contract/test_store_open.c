/* Which files the SQLite store opens, and which it refuses. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_world.h"

static void
refused(enum err_kind kind, const char *words)
{
	struct store *st;
	struct err e;

	CHECK(!try_open(&st, &e));
	CHECK_INT(e.kind, kind);
	CHECK_HAS(e.text, path);
	CHECK_HAS(e.text, words);
}

static void
overwrite(off_t at, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0640);

	CHECK(fd >= 0 && pwrite(fd, p, n, at) == (ssize_t)n);
	close(fd);
}

TEST(an_address_of_another_kind_is_refused)
{
	struct store *st;
	struct err e;

	CHECK(!under_test(STR("postgres://x"), &st, &e));
	CHECK_INT(e.kind, ERR_INPUT);
	CHECK_HAS(e.text, "'postgres://x' is not sqlite:/path");
	CHECK(!under_test(STR("sqlite:"), &st, &e));
	CHECK_HAS(e.text, "'sqlite:' is not sqlite:/path");
}

TEST(a_second_process_is_refused)
{
	struct store *st = new_store();

	refused(ERR_CONFLICT, "in use by another process");
	store_close(st);
	store_close(open_store());
}

TEST(a_file_that_is_no_database_is_refused)
{
	static char text[8192];

	fresh_folder();
	memset(text, 'x', sizeof(text));
	overwrite(0, text, sizeof(text));
	refused(ERR_SYSTEM, "file is not a database");
}

TEST(a_damaged_file_is_refused)
{
	struct store *st = new_store();
	static char rubbish[4096];

	for (int i = 1; i <= 50; i++)
		CHECK(put(st, sample(i, "alert-1")));
	store_close(st);
	memset(rubbish, 0xff, sizeof(rubbish));
	overwrite(4 * 4096, rubbish, sizeof(rubbish));
	refused(ERR_SYSTEM, "quick_check");
	refused(ERR_SYSTEM, "put a backup in their place");
}

TEST(a_file_that_was_cut_is_refused)
{
	struct store *st = new_store();

	for (int i = 1; i <= 50; i++)
		CHECK(put(st, sample(i, "alert-1")));
	store_close(st);
	CHECK(truncate(path, 5 * 4096 + 100) == 0);
	refused(ERR_SYSTEM, "malformed");
	refused(ERR_SYSTEM, "the database is damaged: keep its files aside");
}

TEST(an_empty_file_beside_a_log_that_is_not_is_refused)
{
	char log[160];
	int fd;

	store_close(new_store());
	CHECK(truncate(path, 0) == 0);
	snprintf(log, sizeof(log), "%s-wal", path);
	fd = open(log, O_WRONLY | O_CREAT, 0640);
	CHECK(fd >= 0 && write(fd, "log", 3) == 3);
	close(fd);
	refused(ERR_SYSTEM, "it is empty, but its log");
}

TEST(an_empty_log_does_no_harm)
{
	struct store *st = new_store();
	char log[160];
	int fd;

	CHECK(put(st, sample(1, "alert-1")));
	store_close(st);
	snprintf(log, sizeof(log), "%s-wal", path);
	fd = open(log, O_WRONLY | O_CREAT, 0640);
	CHECK(fd >= 0);
	close(fd);
	st = open_store();
	CHECK_INT(figures(st).events, 1);
	store_close(st);
}

TEST(a_file_of_a_newer_version_is_refused)
{
	static const unsigned char version[4] = { 0, 0, 0, 5 };

	store_close(new_store());
	overwrite(60, version, sizeof(version)); /* user_version, www.sqlite.org/fileformat.html */
	refused(ERR_INPUT, "written by a newer gridwarden; this one knows version 4");
}

TEST(a_database_of_another_program_is_refused_and_left_alone)
{
	static const unsigned char none[4] = { 0, 0, 0, 0 };
	struct stat before, after;

	store_close(new_store());
	overwrite(60, none, sizeof(none)); /* tables, but not marked as ours */
	CHECK(stat(path, &before) == 0);
	refused(ERR_INPUT, "the database of another program");
	CHECK(stat(path, &after) == 0);
	CHECK(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
	      before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

TEST(files_are_closed_to_others)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-lock" };
	struct store *st = store_with_one_step();
	struct stat info;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		CHECK(stat(arena_printf(arena, "%s%s", path, suffixes[i]).p, &info) == 0);
		CHECK_INT(info.st_mode & 07777, 0640);
	}
	store_close(st);
}

TEST(the_folder_is_made_when_it_is_missing)
{
	fresh_folder();
	snprintf(path, sizeof(path), "%s/a/b/gridwarden.db", folder);
	store_close(open_store());
	CHECK(access(path, F_OK) == 0);
}
