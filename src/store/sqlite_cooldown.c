/*
 * When rules with a cooldown fired: written by the decider with the decision itself, and read on
 * its connection, so that what this very transaction decided counts.
 */
#include "sqlite.h"

/* Rows deleted in one go, besides as many as come. */
#define ENDED_MAX 200

bool
store_cooldown(
    struct store *s, struct str rule, struct str key, struct arena *a, struct rule_fired *out)
{
	struct err ignored; /* then nobody is quiet because of it */
	bool found = false;
	sqlite3_stmt *st = db_bind(&s->writer, &ignored,
	    "SELECT since_ms, alert, alert_key FROM cooldowns WHERE rule = ? AND key = ?", "ss",
	    rule, key);

	if (st == NULL || !db_step(&s->writer, st, &found, &ignored) || !found)
		return false;
	*out = (struct rule_fired){ db_int(st, 0), db_int(st, 1), db_text(st, 2, a) };
	db_reset(st);
	return true;
}

/* More than come are deleted, so that there are as many as are needed. */
static bool
forget_ended(struct db *db, size_t to_come, int64_t now_ms, struct err *e)
{
	return db_run(db, e,
	    "DELETE FROM cooldowns WHERE (rule, key) IN"
	    " (SELECT rule, key FROM cooldowns WHERE until_ms < ? LIMIT ?)",
	    "ii", now_ms, (int64_t)(ENDED_MAX + to_come));
}

bool
put_cooldowns(struct db *db, const struct plan *plan, int64_t alert, struct str alert_key,
    int64_t now_ms, struct err *e)
{
	if (plan == NULL || plan->n_firings == 0)
		return true;
	if (!forget_ended(db, plan->n_firings, now_ms, e))
		return false;
	for (size_t i = 0; i < plan->n_firings; i++)
		if (!db_run(db, e,
			"INSERT INTO cooldowns (rule, key, since_ms, until_ms, alert, alert_key)"
			" VALUES (?,?,?,?,?,?) ON CONFLICT (rule, key) DO UPDATE SET since_ms ="
			" excluded.since_ms, until_ms = excluded.until_ms, alert = excluded.alert,"
			" alert_key = excluded.alert_key",
			"ssiiis", plan->firings[i].rule, plan->firings[i].key, now_ms,
			plan->firings[i].until_ms, alert, alert_key))
			return false;
	return true;
}
