#include "sqlite.h"

struct str
store_waiting_digest(struct store *s, struct str channel, struct str params, struct arena *a)
{
	struct str key = STR_EMPTY;
	bool found = false;
	struct err ignored; /* then there is one more */
	/* It is due later than what is told at once: seen first in steps_by_state. */
	sqlite3_stmt *st = db_bind(&s->writer, &ignored,
	    "SELECT key FROM steps WHERE action = 'notify' AND target = ? AND params = ?"
	    " AND state = 'waiting' ORDER BY due_ms DESC, id DESC LIMIT 1",
	    "ss", channel, params);

	if (st != NULL && db_step(&s->writer, st, &found, &ignored) && found) {
		key = db_text(st, 0, a);
		db_reset(st);
	}
	return key;
}

/* No step is due before it was made: due_ms is for the index steps_by_state. */
#define REFUSED                                                                       \
	" FROM steps s WHERE s.disruptive AND s.state = 'refused' AND s.alert IN"     \
	" (SELECT n.alert FROM steps n WHERE n.state = 'done' AND n.due_ms >= ?1 AND" \
	" n.created_ms >= ?1 AND n.action = 'notify' AND n.target = ?2 AND n.reason = ?3)"

bool
store_list_digest(struct store *s, struct str channel, struct str told, int64_t since_ms,
    size_t max, struct arena *a, struct step **out, size_t *n, int64_t *all, struct err *e)
{
	struct step *list = arena_alloc(a, max * sizeof(*list));
	struct db *db = &s->reader;
	bool found = false, ok;
	sqlite3_stmt *st;

	*n = 0;
	*out = list;
	*all = 0;
	pthread_mutex_lock(&db->lock);
	st = db_bind(db, e, "SELECT count(*)" REFUSED, "iss", since_ms, channel, told);
	ok = st != NULL && db_step(db, st, &found, e);
	if (ok && found) {
		*all = db_int(st, 0);
		db_reset(st);
		st = db_bind(db, e, "SELECT " STEP_COLUMNS REFUSED " ORDER BY s.id LIMIT ?4",
		    "issi", since_ms, channel, told, (int64_t)max);
		ok = st != NULL;
		while (ok && *n < max && (ok = db_step(db, st, &found, e)) && found)
			read_step(st, a, &list[(*n)++]);
		if (st != NULL)
			db_reset(st);
	}
	pthread_mutex_unlock(&db->lock);
	return ok;
}
