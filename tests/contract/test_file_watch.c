/* Every way in which a file is replaced is noticed, and nothing else. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file_watch.h"
#include "nobody.h"
#include "test.h"

struct world {
	char folder[64];
	struct file_watch *w;
};

static char *
at(const struct world *w, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", w->folder, name);
	return path;
}

static void
put(const struct world *w, const char *name)
{
	char path[256];
	FILE *f = fopen(at(w, name, path), "w");

	CHECK(f != NULL && fputs("text", f) >= 0 && fclose(f) == 0);
}

static void
folder(const struct world *w, const char *name)
{
	char path[256];

	CHECK(mkdir(at(w, name, path), 0700) == 0);
}

static void
move(const struct world *w, const char *from, const char *to)
{
	char a[256], b[256];

	CHECK(rename(at(w, from, a), at(w, to, b)) == 0);
}

/* As ln -sfn: made beside, then renamed over. */
static void
lead(const struct world *w, const char *link, const char *to)
{
	char path[256];

	CHECK(symlink(to, at(w, "new-link", path)) == 0);
	move(w, "new-link", link);
}

static void
follow(struct world *w, const char *name)
{
	char path[256];
	struct str one = str_of(at(w, name, path));
	struct err e;

	CHECK_OK(file_watch_set(w->w, &one, 1, &e));
}

static void
open_world(struct world *w)
{
	struct err e;

	snprintf(w->folder, sizeof(w->folder), "/tmp/test_watch.XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	CHECK_OK(file_watch_new(&w->w, &e));
}

static void
close_world(struct world *w)
{
	char command[128];

	file_watch_free(w->w);
	snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	CHECK(system(command) == 0);
}

/* inotify queues an event before the call that caused it returns. */
static bool
noticed(const struct world *w)
{
	struct pollfd fd = { file_watch_fd(w->w), POLLIN, 0 };
	bool readable = poll(&fd, 1, 0) == 1;
	bool changed = file_watch_take(w->w);

	CHECK(readable || !changed);
	CHECK(!file_watch_take(w->w));
	return changed;
}

TEST(a_file_that_is_written_in_place_is_noticed_when_it_is_closed)
{
	char path[256];
	struct world w;
	int fd;

	open_world(&w);
	put(&w, "cert");
	follow(&w, "cert");
	CHECK(!noticed(&w));
	fd = open(at(&w, "cert", path), O_WRONLY | O_CLOEXEC);
	CHECK(write(fd, "x", 1) == 1);
	CHECK(!noticed(&w));
	close(fd);
	CHECK(noticed(&w));
	close_world(&w);
}

TEST(a_file_that_is_renamed_over_removed_or_made_is_noticed)
{
	char path[256];
	struct world w;

	open_world(&w);
	put(&w, "cert");
	follow(&w, "cert");
	put(&w, "cert.new");
	CHECK(!noticed(&w));
	move(&w, "cert.new", "cert");
	CHECK(noticed(&w));
	CHECK(unlink(at(&w, "cert", path)) == 0);
	CHECK(noticed(&w));
	put(&w, "cert");
	CHECK(noticed(&w));
	CHECK(chmod(path, 0600) == 0);
	CHECK(noticed(&w));
	close_world(&w);
}

TEST(other_files_in_the_folder_are_not_noticed)
{
	struct world w;

	open_world(&w);
	put(&w, "cert");
	follow(&w, "cert");
	put(&w, "database");
	move(&w, "database", "database2");
	CHECK(!noticed(&w));
	close_world(&w);
}

TEST(a_link_that_leads_elsewhere_is_noticed_as_certbot_does_it)
{
	struct world w;

	open_world(&w);
	folder(&w, "archive");
	folder(&w, "live");
	put(&w, "archive/cert1");
	put(&w, "archive/cert2");
	lead(&w, "live/cert", "../archive/cert1");
	follow(&w, "live/cert");
	lead(&w, "live/cert", "../archive/cert2");
	CHECK(noticed(&w));
	/* And what it leads to now. */
	follow(&w, "live/cert");
	put(&w, "archive/cert2");
	CHECK(noticed(&w));
	put(&w, "archive/cert1");
	CHECK(!noticed(&w));
	close_world(&w);
}

TEST(a_link_to_a_folder_on_the_way_is_noticed_as_kubernetes_does_it)
{
	struct world w;

	open_world(&w);
	folder(&w, "tls");
	folder(&w, "tls/..1");
	folder(&w, "tls/..2");
	put(&w, "tls/..1/cert");
	put(&w, "tls/..2/cert");
	lead(&w, "tls/..data", "..1");
	lead(&w, "tls/cert", "..data/cert");
	follow(&w, "tls/cert");
	lead(&w, "tls/..data", "..2");
	CHECK(noticed(&w));
	close_world(&w);
}

TEST(a_folder_that_is_exchanged_is_noticed)
{
	struct world w;

	open_world(&w);
	folder(&w, "tls");
	folder(&w, "tls/inner");
	put(&w, "tls/inner/cert");
	follow(&w, "tls/inner/cert");
	move(&w, "tls", "tls.old");
	CHECK(noticed(&w));
	follow(&w, "tls/inner/cert"); /* it is not there: its place is watched */
	CHECK(!noticed(&w));
	folder(&w, "tls");
	CHECK(noticed(&w));
	close_world(&w);
}

TEST(links_that_lead_in_a_circle_come_to_an_end)
{
	struct world w;

	open_world(&w);
	lead(&w, "a", "b");
	lead(&w, "b", "a");
	follow(&w, "a");
	put(&w, "c");
	move(&w, "c", "b");
	CHECK(noticed(&w));
	close_world(&w);
}

/* A file where a folder should be: its own name is watched. */
TEST(a_file_in_place_of_a_folder_is_no_error)
{
	char path[256];
	struct world w;
	struct str one;
	struct err e;

	open_world(&w);
	put(&w, "file");
	one = str_of(at(&w, "file/cert", path));
	CHECK_OK(file_watch_set(w.w, &one, 1, &e));
	close_world(&w);
}

/* ---- folders that may not be read: not by root, who may read all ---- */

static void
mode(const struct world *w, const char *name, mode_t bits)
{
	char path[256];

	CHECK(chmod(at(w, name, path), bits) == 0);
}

static void
check_blind(struct world *w, const char *name, const char *folder)
{
	char path[256];
	struct str one = str_of(at(w, name, path));
	struct err e;

	CHECK(!file_watch_set(w->w, &one, 1, &e));
	CHECK_HAS(e.text, "cannot watch ");
	CHECK_HAS(e.text, folder);
}

TEST(a_folder_that_may_not_be_read_is_an_error_and_noticed_when_it_may)
{
	struct world w;
	bool was_root = leave_root();

	open_world(&w);
	folder(&w, "closed");
	folder(&w, "closed/inner");
	put(&w, "closed/cert");
	put(&w, "closed/inner/cert");
	lead(&w, "tls", "closed");
	mode(&w, "closed", 0);
	check_blind(&w, "tls/cert", "/closed");
	mode(&w, "closed", 0700);
	CHECK(noticed(&w));
	follow(&w, "tls/cert");
	mode(&w, "closed", 0);
	CHECK(noticed(&w));
	/* Nor can be seen what is behind it. */
	check_blind(&w, "closed/inner/cert", "/closed");
	mode(&w, "closed", 0700);
	CHECK(noticed(&w));
	follow(&w, "closed/inner/cert");
	CHECK(!noticed(&w));
	close_world(&w);
	become_root_again(was_root);
}

TEST(a_folder_that_may_be_read_and_not_entered_is_noticed_when_it_may)
{
	struct world w;
	bool was_root = leave_root();

	open_world(&w);
	folder(&w, "tls");
	put(&w, "tls/cert");
	mode(&w, "tls", 0600);
	follow(&w, "tls/cert");
	mode(&w, "tls", 0700);
	CHECK(noticed(&w));
	close_world(&w);
	become_root_again(was_root);
}

TEST(a_folder_on_the_way_that_may_only_be_entered_is_noticed_when_it_is_moved)
{
	struct world w;
	bool was_root = leave_root();

	open_world(&w);
	folder(&w, "private");
	folder(&w, "private/tls");
	put(&w, "private/tls/cert");
	mode(&w, "private", 0100);
	follow(&w, "private/tls/cert");
	put(&w, "private/tls/cert");
	CHECK(noticed(&w));
	mode(&w, "private", 0700);
	(void)noticed(&w);
	mode(&w, "private", 0100);
	follow(&w, "private/tls/cert");
	move(&w, "private", "private.old");
	CHECK(noticed(&w));
	mode(&w, "private.old", 0700);
	close_world(&w);
	become_root_again(was_root);
}

TEST(files_of_before_are_not_noticed_any_more)
{
	struct world w;

	open_world(&w);
	put(&w, "old");
	put(&w, "new");
	follow(&w, "old");
	put(&w, "old");
	follow(&w, "new");
	(void)file_watch_take(w.w); /* what was queued may still count */
	put(&w, "old");
	CHECK(!noticed(&w));
	put(&w, "new");
	CHECK(noticed(&w));
	close_world(&w);
}

TEST(a_star_is_each_name_in_its_folder_and_a_file_that_is_still_written)
{
	char path[256];
	struct world w;
	int fd;

	open_world(&w);
	folder(&w, "d");
	follow(&w, "d/*");
	put(&w, "d/a");
	CHECK(noticed(&w));
	move(&w, "d/a", "d/b");
	CHECK(noticed(&w));
	fd = open(at(&w, "d/b", path), O_WRONLY | O_APPEND);
	CHECK(fd >= 0 && !noticed(&w));
	CHECK(write(fd, "x", 1) == 1);
	CHECK(noticed(&w));
	close(fd);
	CHECK(noticed(&w));
	CHECK(unlink(path) == 0);
	CHECK(noticed(&w));
	put(&w, "beside");
	CHECK(!noticed(&w));
	close_world(&w);
}
