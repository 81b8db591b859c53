/*
 * Who holds back which notifications, and until when.
 *
 * What the decider has read stays good as long as the number of words in meta is the same: each
 * change writes one, in the same transaction.
 */
#include <inttypes.h>

#include "base/fault.h"
#include "sqlite.h"

#define META_SILENCES "silences"
#define WORDS_MAX 200 /* the newest of one silence */

#define COLUMNS "id, matchers, owner, reason, created_ms, starts_ms, ends_ms, held_back, last_ms"

static struct str
matchers_json(const struct silence *s, struct arena *a)
{
	struct json *list = json_array(a);

	for (size_t i = 0; i < s->n_matchers; i++)
		json_add(list, json_string(s->matchers[i], a), a);
	return json_print(list, a);
}

static void
read_silence(sqlite3_stmt *st, struct arena *a, struct silence *out)
{
	struct err never;

	*out = (struct silence){
		.id = db_int(st, 0),
		.owner = db_text(st, 2, a),
		.reason = db_text(st, 3, a),
		.created_ms = db_int(st, 4),
		.starts_ms = db_int(st, 5),
		.ends_ms = db_int(st, 6),
		.held_back = db_int(st, 7),
		.last_ms = db_int(st, 8),
	};
	out->matchers = json_texts(json_parse(db_text(st, 1, a), a, &never), a, &out->n_matchers);
}

static bool
find(struct db *db, int64_t id, struct arena *a, struct silence *out, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e, "SELECT " COLUMNS " FROM silences WHERE id = ?", "i", id);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	if (!found)
		return fail(e, ERR_NOT_FOUND, "there is no silence %" PRId64, id);
	read_silence(st, a, out);
	db_reset(st);
	return true;
}

/* ---- words ---- */

static bool
put_word(struct db *db, int64_t silence, int64_t ends_ms, const struct silence_word *w,
    const char *what, struct err *e)
{
	if (FAULT("store.silence"))
		return fail(e, ERR_SYSTEM, "fault ordered at store.silence");
	return db_run(db, e,
		   "INSERT INTO silence_words (silence, at_ms, what, seat, name, ends_ms)"
		   " VALUES (?,?,?,?,?,?)",
		   "iisssi", silence, w->at_ms, str_of(what), w->seat, w->name, ends_ms) &&
	       db_run(db, e,
		   "INSERT INTO meta VALUES ('" META_SILENCES "', CAST('1' AS BLOB))"
		   " ON CONFLICT (name) DO UPDATE SET"
		   " value = CAST(CAST(CAST(value AS TEXT) AS INTEGER) + 1 AS BLOB)",
		   "");
}

static bool
has_room(struct db *db, int64_t now_ms, struct err *e)
{
	bool found = false;
	int64_t n;
	sqlite3_stmt *st =
	    db_bind(db, e, "SELECT count(*) FROM silences WHERE ends_ms > ?", "i", now_ms);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	n = db_int(st, 0);
	db_reset(st);
	return n < SILENCES_MAX ||
	       fail(e, ERR_CONFLICT, "there are %d silences that have not ended: expire some",
		   SILENCES_MAX);
}

static bool
add(struct db *db, const struct silence *s, const struct silence_word *w, struct arena *a,
    int64_t *id, struct err *e)
{
	if (!has_room(db, w->at_ms, e) ||
	    !db_run(db, e,
		"INSERT INTO silences (matchers, owner, reason, created_ms, starts_ms, ends_ms,"
		" held_back, last_ms) VALUES (?,?,?,?,?,?,0,0)",
		"sssiii", matchers_json(s, a), s->owner, s->reason, w->at_ms, s->starts_ms,
		s->ends_ms))
		return false;
	*id = sqlite3_last_insert_rowid(db->handle);
	return put_word(db, *id, s->ends_ms, w, "added", e);
}

bool
store_add_silence(struct store *st, const struct silence *s, const struct silence_word *w,
    struct arena *a, int64_t *id, struct err *e)
{
	int64_t made = 0;

	if (!db_begin(st, e) || !db_end(st, add(&st->writer, s, w, a, &made, e), e))
		return false;
	*id = made;
	return true;
}

static bool
move_end(struct db *db, int64_t id, int64_t ends_ms, const struct silence_word *w, const char *what,
    struct arena *a, struct err *e)
{
	struct silence s;

	if (!find(db, id, a, &s, e))
		return false;
	if (s.ends_ms <= w->at_ms)
		return fail(e, ERR_CONFLICT, "silence %" PRId64 " has ended already", id);
	return db_run(db, e, "UPDATE silences SET ends_ms = ? WHERE id = ?", "ii", ends_ms, id) &&
	       put_word(db, id, ends_ms, w, what, e);
}

bool
store_expire_silence(
    struct store *st, int64_t id, const struct silence_word *w, struct arena *a, struct err *e)
{
	return db_begin(st, e) &&
	       db_end(st, move_end(&st->writer, id, w->at_ms, w, "expired", a, e), e);
}

bool
store_extend_silence(struct store *st, int64_t id, int64_t ends_ms, const struct silence_word *w,
    struct arena *a, struct err *e)
{
	return db_begin(st, e) &&
	       db_end(st, move_end(&st->writer, id, ends_ms, w, "extended", a, e), e);
}

/* ---- the decider ---- */

bool
store_silences_changed(struct store *s, int64_t *version, bool *changed, struct err *e)
{
	int64_t now;

	if (!db_number(&s->writer, META_SILENCES, &now, e))
		return false;
	*changed = now != *version;
	*version = now;
	return true;
}

static bool
read_all(struct db *db, sqlite3_stmt *st, size_t max, struct arena *a, struct silence **out,
    size_t *n, struct err *e)
{
	struct silence *list = arena_alloc(a, max * sizeof(*list));
	bool found = true, ok = st != NULL;

	*n = 0;
	*out = list;
	while (ok && *n < max && (ok = db_step(db, st, &found, e)) && found)
		read_silence(st, a, &list[(*n)++]);
	if (st != NULL)
		db_reset(st);
	return ok;
}

bool
store_silences_to_come(struct store *s, int64_t now_ms, struct arena *a, struct silence **out,
    size_t *n, struct err *e)
{
	struct db *db = &s->writer;

	return read_all(db,
	    db_bind(db, e, "SELECT " COLUMNS " FROM silences WHERE ends_ms > ? ORDER BY id", "i",
		now_ms),
	    SILENCES_MAX, a, out, n, e);
}

bool
silence_count(struct db *db, const struct step *step, struct err *e)
{
	return step->silence == 0 ||
	       db_run(db, e,
		   "UPDATE silences SET held_back = held_back + 1, last_ms = max(last_ms, ?)"
		   " WHERE id = ?",
		   "ii", step->created_ms, step->silence);
}

/* ---- look ---- */

bool
store_list_silences(struct store *s, int64_t ended_after_ms, size_t max, struct arena *a,
    struct silence **out, size_t *n, struct err *e)
{
	struct db *db = &s->reader;
	bool ok;

	pthread_mutex_lock(&db->lock);
	ok = read_all(db,
	    db_bind(db, e,
		"SELECT " COLUMNS " FROM silences WHERE ends_ms > ? ORDER BY id DESC LIMIT ?", "ii",
		ended_after_ms, (int64_t)max),
	    max, a, out, n, e);
	pthread_mutex_unlock(&db->lock);
	return ok;
}

static bool
read_words(
    struct db *db, int64_t id, struct arena *a, struct silence_word **out, size_t *n, struct err *e)
{
	struct silence_word *list = arena_alloc(a, WORDS_MAX * sizeof(*list));
	bool found = true, ok;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT * FROM (SELECT word, at_ms, what, seat, name, ends_ms FROM silence_words"
	    " WHERE silence = ? ORDER BY word DESC LIMIT ?) ORDER BY word",
	    "ii", id, (int64_t)WORDS_MAX);

	*n = 0;
	*out = list;
	ok = st != NULL;
	while (ok && (ok = db_step(db, st, &found, e)) && found)
		list[(*n)++] = (struct silence_word){ .at_ms = db_int(st, 1),
			.what = db_text(st, 2, a),
			.seat = db_text(st, 3, a),
			.name = db_text(st, 4, a),
			.ends_ms = db_int(st, 5) };
	return ok;
}

bool
store_show_silence(struct store *s, int64_t id, struct arena *a, struct silence *out,
    struct silence_word **words, size_t *n, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = find(&s->reader, id, a, out, e) && read_words(&s->reader, id, a, words, n, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

static bool
count_silences(struct db *db, int64_t now_ms, int64_t *active, int64_t *pending, struct err *e)
{
	bool found = false;
	sqlite3_stmt *st = db_bind(db, e,
	    "SELECT coalesce(sum(starts_ms <= ?1), 0), coalesce(sum(starts_ms > ?1), 0)"
	    " FROM silences WHERE ends_ms > ?1",
	    "i", now_ms);

	if (st == NULL || !db_step(db, st, &found, e))
		return false;
	*active = db_int(st, 0);
	*pending = db_int(st, 1);
	db_reset(st);
	return true;
}

bool
store_count_silences(
    struct store *s, int64_t now_ms, int64_t *active, int64_t *pending, struct err *e)
{
	bool ok;

	pthread_mutex_lock(&s->reader.lock);
	ok = count_silences(&s->reader, now_ms, active, pending, e);
	pthread_mutex_unlock(&s->reader.lock);
	return ok;
}

/* ---- keep ---- */

/* They are few: in one go. */
bool
store_forget_silences(struct store *s, int64_t before_ms, struct err *e)
{
	struct db *db = &s->writer;

	return db_begin(s, e) &&
	       db_end(s,
		   db_run(db, e,
		       "DELETE FROM silence_words WHERE silence IN"
		       " (SELECT id FROM silences WHERE ends_ms < ?)",
		       "i", before_ms) &&
		       db_run(db, e, "DELETE FROM silences WHERE ends_ms < ?", "i", before_ms),
		   e);
}
