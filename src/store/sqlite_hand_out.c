/*
 * Poison: of which event did a process die?
 *
 * Happy path: before the decider looks into an event, its place is written over the one before in
 * the lock file, and over with nothing once the decider is back.  That costs no commit, needs no
 * room, since the page was taken when the store was opened, and no sync: what is in the page cache
 * outlives the process.  A place that is found there at start is the event that the process before
 * died of, and is counted in the table.
 *
 * What can go wrong: the place cannot be written (nothing is decided then: the store's disk fails);
 * an older version counted each hand-out in the table, a full disk and a stop among them, and wrote
 * no place: its counts are void.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

#define PLACE_SPACE 4096      /* a whole page: to write it the kernel reads nothing */
#define PLACE_MAGIC "GWPLACE" /* with its NUL */

struct place {
	char magic[8];
	uint64_t seq; /* 0 = nothing is being decided */
	int64_t event;
	uint32_t zero, crc; /* of all before it */
};

static uint32_t
place_crc(const struct place *p)
{
	return crc32c(0, p, offsetof(struct place, crc));
}

static bool
write_place(struct store *s, uint64_t seq, int64_t event, struct err *e)
{
	struct place p = { .magic = PLACE_MAGIC, .seq = seq, .event = event };
	char page[PLACE_SPACE] = { 0 };
	ssize_t n;

	p.crc = place_crc(&p);
	memcpy(page, &p, sizeof(p));
	do {
		n = pwrite(s->lock, page, sizeof(page), 0);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(page))
		return true;
	if (n >= 0 || errno == ENOSPC || errno == EDQUOT)
		return fail_again(e, 0, "%s-lock: the disk is full", s->path);
	return fail_errno(e, ERR_SYSTEM, "cannot write %s-lock", s->path);
}

/* Without room there is no place to write to, and nothing is decided until there is. */
static void
take_room(struct store *s)
{
	static const char zeros[PLACE_SPACE];
	struct stat st;

	if (fstat(s->lock, &st) == 0 && st.st_size < PLACE_SPACE)
		(void)!pwrite(s->lock, zeros, sizeof(zeros), 0);
}

bool
hand_out_open(struct store *s, struct err *e)
{
	struct place p;
	ssize_t n;

	do {
		n = pread(s->lock, &p, sizeof(p), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail_errno(e, ERR_SYSTEM, "cannot read %s-lock", s->path);
	s->died.placed = n == (ssize_t)sizeof(p) &&
			 memcmp(p.magic, PLACE_MAGIC, sizeof(p.magic)) == 0 &&
			 p.crc == place_crc(&p);
	if (s->died.placed) {
		s->died.seq = p.seq;
		s->died.event = p.event;
	} else {
		take_room(s);
	}
	return true;
}

static bool
count_death(struct store *s, struct err *e)
{
	if (!s->died.placed)
		return db_run(&s->writer, e, "DELETE FROM hand_outs", "");
	return s->died.seq == 0 || db_run(&s->writer, e,
				       "INSERT INTO hand_outs VALUES (?, ?, 1)"
				       " ON CONFLICT DO UPDATE SET count = count + 1",
				       "ii", (int64_t)s->died.seq, s->died.event);
}

/* One number; 0 when there is no row. */
static bool
ask(struct db *db, sqlite3_stmt *st, int64_t *out, struct err *e)
{
	bool found = false;

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	*out = found ? db_int(st, 0) : 0;
	if (found)
		db_reset(st);
	return true;
}

bool
store_count_death(struct store *s, uint64_t *newest, struct err *e)
{
	struct db *db = &s->writer;
	int64_t last = 0;
	bool ok;

	if (!db_begin(s, e))
		return false;
	ok = count_death(s, e) &&
	     ask(db, db_bind(db, e, "SELECT max(seq) FROM hand_outs", ""), &last, e);
	if (!db_end(s, ok, e))
		return false;
	/* Counted; should the place stay there, it is not counted again by this process. */
	s->died.seq = 0;
	s->died.placed = true;
	s->died.newest = (uint64_t)last;
	*newest = s->died.newest;
	return write_place(s, 0, 0, e);
}

bool
store_hand_out(struct store *s, uint64_t seq, int64_t event, int64_t *deaths, struct err *e)
{
	struct db *db = &s->writer;

	*deaths = 0;
	if (!write_place(s, seq, event, e))
		return false;
	return seq > s->died.newest ||
	       ask(db,
		   db_bind(db, e, "SELECT count FROM hand_outs WHERE seq = ? AND event = ?", "ii",
		       (int64_t)seq, event),
		   deaths, e);
}

void
store_take_back(struct store *s)
{
	struct err ignored;

	(void)!write_place(s, 0, 0, &ignored);
}
