/* What the SQLite store must do with a disk that fails for a while, and beside somebody who reads.
 */

#undef _FORTIFY_SOURCE /* its pread() is inline, ours is a function */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store_world.h"

/* ---- a disk that fails ---- */

static struct {
	int error;	 /* 0 = all is well */
	const char *end; /* of the paths that it is about, below the test's folder */
	bool writes, syncs, reads;
	int64_t from; /* reads at this place or behind it */
} bad;

static bool
is_bad(const char *name, bool call)
{
	size_t n = strlen(name), end = bad.error == 0 ? 0 : strlen(bad.end);

	if (bad.error == 0 || !call || strncmp(name, folder, strlen(folder)) != 0 || n < end ||
	    strcmp(name + n - end, bad.end) != 0)
		return false;
	errno = bad.error;
	return true;
}

static bool
is_bad_fd(int fd, bool call)
{
	char link[64], name[PATH_MAX];
	ssize_t n;

	if (bad.error == 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, name, sizeof(name) - 1);
	name[n < 0 ? 0 : n] = '\0';
	return is_bad(name, call);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t at)
{
	return is_bad_fd(fd, bad.writes) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pread64(int fd, void *p, size_t n, off_t at)
{
	return is_bad_fd(fd, bad.reads && at >= bad.from) ? -1 : syscall(SYS_pread64, fd, p, n, at);
}

int
fdatasync(int fd)
{
	return is_bad_fd(fd, bad.syncs) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

static int
open_it(const char *name, int flags, mode_t mode)
{
	if ((flags & O_CREAT) != 0 && access(name, F_OK) != 0 && is_bad(name, bad.writes))
		return -1;
	return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

int
open(const char *name, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_it(name, flags, mode);
}

int
open64(const char *name, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_it(name, flags, mode);
}

static void
writes_fail(int error, const char *end)
{
	bad.error = error;
	bad.end = end;
	bad.writes = bad.syncs = true;
	bad.reads = false;
}

static void
syncs_fail(const char *end)
{
	writes_fail(EIO, end);
	bad.writes = false;
}

static void
reads_fail(const char *end, int64_t from)
{
	writes_fail(EIO, end);
	bad.writes = bad.syncs = false;
	bad.reads = true;
	bad.from = from;
}

static void
heal(void)
{
	bad.error = 0;
}

/* ---- what is asked of the store ---- */

static bool
try_put(struct store *st, const struct sample *s, struct err *e)
{
	bool fresh;

	if (!store_begin(st, e))
		return false;
	if (store_put_decision(st, &s->d, &fresh, e))
		return store_commit(st, 7, e);
	store_rollback(st);
	return false;
}

static struct sample *
large_sample(int n)
{
	static char raw[1 << 20];
	struct sample *s = sample(n, "alert-1");

	memset(raw, 'x', sizeof(raw));
	s->event.raw = (struct str){ raw, sizeof(raw) };
	return s;
}

/* Four large ones: the last makes the log long enough to be copied into the database. */
static bool
try_put_four(struct store *st, struct err *e)
{
	for (int i = 1; i <= 4; i++)
		if (!try_put(st, large_sample(i), e))
			return false;
	return true;
}

/* Somebody's sqlite3 shell. */
static sqlite3 *
begin_to_read(void)
{
	sqlite3 *reader;

	CHECK(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
	CHECK(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM events", NULL, NULL, NULL) ==
	      SQLITE_OK);
	return reader;
}

static int64_t
size_of(const char *suffix)
{
	struct stat info;

	return stat(arena_printf(arena, "%s%s", path, suffix).p, &info) == 0 ? info.st_size : -1;
}

/* ---- while it runs ---- */

TEST(a_reader_does_not_keep_a_connection_from_being_opened_anew)
{
	struct store *st = new_store();
	sqlite3 *reader;
	int64_t began;
	struct err e;

	CHECK(put(st, sample(1, "alert-1")));
	reader = begin_to_read();
	order_fault("store.ioerr:fail:1+");
	CHECK(!try_put(st, sample(2, "alert-2"), &e));
	order_fault(NULL);
	began = clock_mono_ms();
	CHECK_OK(try_put(st, sample(2, "alert-2"), &e));
	CHECK(clock_mono_ms() - began < 2000);
	sqlite3_close(reader);
	CHECK_INT(figures(st).events, 2);
	store_close(st);
}

static void
expect_trouble_of_the_log(void (*begin)(void))
{
	struct store *st = new_store();
	struct err e;

	CHECK_OK(store_mend(st, &e));
	begin();
	CHECK_OK(try_put_four(st, &e)); /* the last of them is committed all the same */
	CHECK(!store_mend(st, &e));
	CHECK_HAS(e.text, path);
	CHECK_HAS(e.text, "its log cannot be copied into it: disk I/O error: Input/output error");
	CHECK(!try_put(st, sample(100, "alert-100"), &e));
	CHECK_HAS(e.text, "its log cannot be copied into it");
	CHECK(store_log_bytes(st) < 8 << 20); /* it does not grow meanwhile */
	heal();
	CHECK_OK(store_mend(st, &e));
	CHECK_OK(try_put(st, sample(100, "alert-100"), &e));
	CHECK_INT(figures(st).events, 5);
	store_close(st);
	store_close(open_store());
}

static void
database_cannot_be_written(void)
{
	writes_fail(EIO, ".db");
}

static void
database_cannot_be_synced(void)
{
	syncs_fail(".db");
}

TEST(a_log_that_cannot_be_copied_into_the_database_is_told)
{
	expect_trouble_of_the_log(database_cannot_be_written);
	expect_trouble_of_the_log(database_cannot_be_synced);
}

TEST(a_full_disk_is_told_when_the_database_cannot_grow)
{
	struct store *st = new_store();
	struct err e;

	writes_fail(ENOSPC, ".db");
	CHECK_OK(try_put_four(st, &e));
	CHECK(!store_mend(st, &e));
	CHECK_INT(e.kind, ERR_AGAIN);
	CHECK_HAS(e.text, "the disk is full");
	heal();
	CHECK_OK(store_mend(st, &e));
	store_close(st);
}

TEST(the_log_stays_when_it_ends_before_the_disk_is_well)
{
	struct store *st = new_store();
	struct err e;

	database_cannot_be_synced();
	CHECK_OK(try_put_four(st, &e));
	/* As good as new, but what the failed sync lost is in the log only. */
	heal();
	store_close(st);
	CHECK(size_of("-wal") > 4 << 20);
	st = open_store();
	CHECK_INT(figures(st).events, 4);
	store_close(st);
	CHECK_INT(size_of("-wal"), -1);
}

TEST(the_size_of_the_log_is_known)
{
	struct store *st = new_store();
	struct err e;

	CHECK_OK(try_put(st, large_sample(1), &e));
	CHECK(store_log_bytes(st) > 1 << 20);
	CHECK_INT(store_log_bytes(st), size_of("-wal"));
	store_close(st);
}

TEST(the_log_is_short_again_when_a_reader_has_left)
{
	struct store *st = new_store();
	sqlite3 *reader = begin_to_read();
	struct err e;

	for (int i = 1; i <= 30; i++)
		CHECK_OK(try_put(st, large_sample(i), &e));
	CHECK(store_log_bytes(st) > 30 << 20);
	sqlite3_close(reader);
	for (int i = 31; i <= 34; i++)
		CHECK_OK(try_put(st, large_sample(i), &e));
	CHECK(store_log_bytes(st) <= 17 << 20);
	store_close(st);
}

/* ---- at start ---- */

/* A process that is killed: its log is still there. */
static void
kill_after_three(bool killed)
{
	pid_t child;
	int status;

	heal();
	fresh_folder();
	child = fork();
	if (child == 0) {
		struct store *st = open_store();
		unsigned char secret[16];
		struct claimed c;
		struct err e;
		int64_t next;

		CHECK_OK(store_secret(st, "a secret", secret, &e));
		for (int i = 1; i <= 3; i++) {
			struct sample *s = sample(i, "alert-1");

			if (i == 1)
				add(s, "isolate_vm", 5000);
			CHECK_OK(try_put(st, s, &e));
		}
		CHECK(claim(st, 5000, &c, &next));
		if (!killed)
			store_close(st);
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
expect_a_start_in_trouble(int error, const char *end, const char *words)
{
	unsigned char secret[16], same[16];
	char damage[ERR_TEXT_MAX];
	struct list_filter all = { .limit = 10 };
	struct store_figures f;
	struct alert_row *rows;
	struct claimed c;
	struct store *st;
	uint64_t decided;
	bool done;
	int64_t ms, next;
	size_t n;
	struct err e;

	writes_fail(error, end);
	CHECK_OK(try_open(&st, &e));
	CHECK(!store_is_new(st));
	/* What a delivery needs to be kept. */
	CHECK_OK(store_decided_seq(st, &decided, &e));
	CHECK_INT(decided, 7);
	CHECK_OK(store_secret(st, "a secret", secret, &e));
	/* All else waits, and says for what. */
	for (int i = 0; i < 3; i++) {
		CHECK(!store_mend(st, &e));
		CHECK_HAS(e.text, path);
		CHECK_HAS(e.text, words);
		CHECK(!store_begin(st, &e));
		CHECK_HAS(e.text, words);
		CHECK(!store_figures(st, &f, &e));
		CHECK_HAS(e.text, "not open");
		CHECK(!store_list_alerts(st, &all, arena, &rows, &n, &e));
		CHECK(!store_clock_seen(st, &ms, &e));
		CHECK_OK(store_check(st, &done, &e));
		CHECK(!store_damage(st, damage));
	}
	heal();
	CHECK_OK(store_mend(st, &e));
	CHECK_INT(figures(st).events, 3);
	CHECK_OK(store_secret(st, "a secret", same, &e));
	CHECK(memcmp(secret, same, sizeof(same)) == 0);
	CHECK(claim(st, 5001, &c, &next)); /* the lease of the process before is void */
	CHECK(put(st, sample(4, "alert-4")));
	store_close(st);
	store_close(open_store());
}

TEST(a_start_on_a_full_disk_knows_what_receiving_needs)
{
	kill_after_three(false);
	CHECK_INT(size_of("-wal"), -1);
	expect_a_start_in_trouble(ENOSPC, "", "-wal: No space left on device");
	kill_after_three(true);
	CHECK(size_of("-wal") > 0);
	expect_a_start_in_trouble(ENOSPC, "", "the disk is full");
}

TEST(a_start_on_a_failing_disk_knows_what_receiving_needs)
{
	kill_after_three(false);
	expect_a_start_in_trouble(EIO, "", "Input/output error");
	kill_after_three(true);
	expect_a_start_in_trouble(EIO, "-wal", "Input/output error");
}

TEST(a_new_store_on_a_full_disk_is_refused)
{
	struct store *st;
	struct err e;

	fresh_folder();
	CHECK(mkdir(folder, 0750) == 0 || errno == EEXIST);
	writes_fail(ENOSPC, "");
	CHECK(!try_open(&st, &e));
	heal();
	CHECK_HAS(e.text, path);
	store_close(open_store());
}

/* ---- reading ---- */

static struct store *
large_store(void)
{
	struct store *st = new_store();

	for (int i = 1; i <= (STORE_CHECK_NOW_MAX >> 20) + 1; i++)
		CHECK(put(st, large_sample(i)));
	store_close(st);
	return open_store();
}

TEST(a_read_error_that_passes_is_no_damage)
{
	struct store *st = large_store();
	char damage[ERR_TEXT_MAX];
	bool done;
	struct err e;

	reads_fail(".db", 8 << 20);
	CHECK(!store_check(st, &done, &e));
	CHECK(!done);
	CHECK_HAS(e.text, path);
	CHECK_HAS(e.text, "Input/output error");
	CHECK(!store_damage(st, damage));
	heal();
	CHECK_OK(store_check(st, &done, &e));
	CHECK(done);
	CHECK(!store_damage(st, damage));
	store_close(st);
}

TEST(a_place_that_cannot_be_read_twice_in_a_row_is_damage)
{
	struct store *st = large_store();
	char damage[ERR_TEXT_MAX];
	bool done;
	struct err e;

	reads_fail(".db", 8 << 20);
	CHECK(!store_check(st, &done, &e));
	CHECK(!store_damage(st, damage));
	CHECK(!store_check(st, &done, &e));
	heal();
	CHECK(store_damage(st, damage));
	CHECK_HAS(damage, "Input/output error");
	store_close(st);
}
