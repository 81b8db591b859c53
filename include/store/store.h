/*
 * Everything decided: events, alerts, decisions, steps and their timeline.
 *
 * One connection does all writing, behind a lock: any thread may call.  Listings use a connection
 * of their own.  What returned true and says "commits" has reached the disk.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
#include "core/alert.h"
#include "core/correlation.h"
#include "core/decide.h"
#include "core/event.h"
#include "core/plan.h"
#include "core/silence.h"

struct store;

/* A database up to this size is checked to its end when it is opened: a tenth of a second. */
#define STORE_CHECK_NOW_MAX (16 * 1024 * 1024)
/* Pages (4 KiB) of log at which store_check() gives way: while it reads, the log cannot shrink. */
#define STORE_CHECK_LOG_MAX 16384
/* The same for store_copy(), which somebody waits for: 1 GiB. */
#define STORE_COPY_LOG_MAX 262144

/*
 * "sqlite:/path/file.db", made when it is missing, with its folder; one of an older version is
 * brought up to date, in one transaction.  Refuses a damaged file (ERR_SYSTEM), one of a newer
 * version or of another program (ERR_INPUT), and one that another process has open (ERR_CONFLICT).
 * Of a large file only the ends are looked at: the rest is store_check()'s.  Leases of the process
 * before are void.
 *
 * When all that is wrong is a disk that is full or fails, a store that was made before opens in
 * trouble: store_secret() and store_decided_seq(), when they are asked before anything else, give
 * what is there, so that deliveries can be kept meanwhile.  All else tries to open it, fails and
 * says why, until the disk is well.
 */
bool store_open(struct str url, struct store **out, struct err *e) MUST_CHECK;
void store_close(struct store *s);
/* There was no database, or an empty file: store_open() made it. */
bool store_is_new(const struct store *s);
/*
 * Costs nothing while all is well.  After an I/O error, of a call that failed or of one that did
 * not (its commit stands, but the log cannot be copied into the database): is it over?
 */
bool store_mend(struct store *s, struct err *e) MUST_CHECK;

/* A random secret of this installation, made at first use.  Commits. */
bool
store_secret(struct store *s, const char *name, unsigned char out[16], struct err *e) MUST_CHECK;
/* What the wall clock said when it was last seen to be right; 0 = never.  Writing it commits. */
bool store_clock_seen(struct store *s, int64_t *ms, struct err *e) MUST_CHECK;
bool store_see_clock(struct store *s, int64_t ms, struct err *e) MUST_CHECK;
/* The journal's last record whose events are all decided. */
bool store_decided_seq(struct store *s, uint64_t *seq, struct err *e) MUST_CHECK;

/* ---- decide ---- */

/* What became of one event. */
struct decision {
	const struct event *event;
	struct hash128 hash;
	int64_t received_ms, decided_ms;
	struct str headers; /* as in the journal */
	enum event_state state;
	struct str reason;	   /* why unreadable, damaged or refused */
	const struct alert *alert; /* NULL when it is none */
	struct str trace;	   /* JSON: the verdicts, see docs/architecture.md */
	struct str rules_hash;
	const struct plan *plan;       /* NULL = no steps */
	const struct counted *counted; /* what correlations are to remember; NULL = nothing */
};

/*
 * A group of decisions: begin takes the writing connection for this thread, commit or rollback
 * gives it back, commit also when it fails.  store_put_decision() sees what was put before it.  An
 * event that is known by its hash changes nothing (*fresh false); a step whose key is known, or was
 * before store_forget() deleted it, is not added again.
 */
bool store_begin(struct store *s, struct err *e) MUST_CHECK;
bool store_put_decision(
    struct store *s, const struct decision *d, bool *fresh, struct err *e) MUST_CHECK;
bool store_commit(struct store *s, uint64_t decided_seq, struct err *e) MUST_CHECK; /* commits */
void store_rollback(struct store *s);

/*
 * Between begin and commit: disruptive forward steps let through since then; not refused, not
 * shadow, and not held, until approved.  A budget that cannot be looked up is used up: INT32_MAX.
 */
int64_t store_count_steps(struct store *s, const struct step_filter *which);

/*
 * Between begin and commit: when a rule with a cooldown last fired for this key, as its decision
 * was put.  False: it did not, or longer ago than its cooldown then was.
 */
bool store_cooldown(
    struct store *s, struct str rule, struct str key, struct arena *a, struct rule_fired *out);

/*
 * Before the decisions of another version of the rules: its text, JSON as struct config has it; ""
 * = too much.  Of all versions STORE_RULES_BYTES_MAX are kept, the newest.  Between begin and
 * commit.
 */
#define STORE_RULES_BYTES_MAX ((size_t)64 * 1024 * 1024)
bool store_put_rules(
    struct store *s, struct str hash, struct str files, int64_t now_ms, struct err *e) MUST_CHECK;
/* Those that decided no event that is left.  Commits. */
bool store_forget_rules(struct store *s, struct err *e) MUST_CHECK;

struct rule_version {
	struct str hash;
	int64_t first_ms, last_ms; /* it first decided; it last came into use */
	int64_t bytes;		   /* 0 = its text is not kept */
	struct str files;	   /* JSON; store_show_rules() only */
};
/* Newest use first. */
bool store_list_rules(struct store *s, size_t max, struct arena *a, struct rule_version **rows,
    size_t *n, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND. */
bool store_show_rules(struct store *s, struct str hash, struct arena *a, struct rule_version *out,
    struct err *e) MUST_CHECK;

/*
 * Something about gridwarden itself: d is an event that is no alert, with the step that tells it.
 * Of each topic the state that was told last is remembered: the same again is not told (*told
 * false), and "", which is that all is well, only after another.  A step that was put before and
 * nobody has taken yet is settled without being told, and needs no "all is well".  Commits.
 */
bool store_tell(struct store *s, const char *topic, struct str state, const struct decision *d,
    bool *told, struct err *e) MUST_CHECK;

/*
 * Poison.  Before the decider looks into a record as a whole (event -1) or into one event of it, it
 * says so; *deaths is how many processes died there.  Once it is back, whatever came of it, it
 * takes that back.  Between begin and commit; costs no commit and needs no room on the disk.
 */
bool store_hand_out(
    struct store *s, uint64_t seq, int64_t event, int64_t *deaths, struct err *e) MUST_CHECK;
void store_take_back(struct store *s);

/*
 * Before the first of these: count the death of the process before, if it died there.  Deaths are
 * forgotten with the commit that covers the record.  *newest: the newest record with deaths, 0 =
 * none.  Commits.
 */
bool store_count_death(struct store *s, uint64_t *newest, struct err *e) MUST_CHECK;

/* ---- count ---- */

/* What correlations are told of the past.  Between begin and commit. */
struct past store_past(struct store *s, int64_t received_ms);

/* A feed that is in force (core/rules.h), and what the store has of it. */
struct store_feed {
	struct hash128 id;
	struct str rule;
	int64_t timespan_ms;
	int64_t since_ms; /* its hits are complete from there */
	bool look_back;	  /* that is too late, and stored events may tell more */
};

/*
 * From now on these are counted, and others not any more.  Fills in since_ms and look_back, which
 * is said STORE_LOOK_BACK_MAX times for a feed at most: a process may die of what it reads.
 * Commits.
 */
#define STORE_LOOK_BACK_MAX 3
bool store_follow_feeds(
    struct store *s, struct store_feed *feeds, size_t n, int64_t now_ms, struct err *e) MUST_CHECK;

/* A stored event of an alert, to be judged once more. */
struct stored_event {
	int64_t id, number; /* of itself and of its alert */
	struct str raw, headers;
	int64_t received_ms, decided_ms;
};

/*
 * All between begin and commit.  Stored events of alerts that were decided after since_ms, the
 * oldest first, behind that one; where to begin so that they are few enough.  *reach_ms: since_ms
 * when these are all, else they are complete from there.
 */
#define STORE_LOOK_BACK_EVENTS 20000
#define STORE_LOOK_BACK_BYTES ((int64_t)64 * 1024 * 1024)
bool store_look_back(
    struct store *s, int64_t since_ms, int64_t *after, int64_t *reach_ms, struct err *e) MUST_CHECK;
bool store_next_events(struct store *s, int64_t after, size_t max, struct arena *a,
    struct stored_event **out, size_t *n, struct err *e) MUST_CHECK;
/* Forget all hits of a feed: they are counted anew, complete from there. */
bool store_recount(
    struct store *s, const struct store_feed *feed, int64_t since_ms, struct err *e) MUST_CHECK;
/* Of an event that was judged once more. */
bool store_count_again(struct store *s, const struct stored_event *ev, struct str alert,
    const struct counted *c, struct err *e) MUST_CHECK;
/* As store_commit(), for nothing new was decided.  Commits. */
bool store_commit_counted(struct store *s, struct err *e) MUST_CHECK;

/* ---- perform ---- */

/* A claimed step with all that running it needs.  In the caller's arena. */
struct claimed {
	struct step step;
	struct str event_raw, event_headers; /* to parse the alert again */
	struct str trace;
	struct step *steps; /* all steps of that alert, this one included */
	size_t n_steps;
};

/*
 * Take one step that is due: waiting and due, or running with a lease that ran out; not one whose
 * destination rests.  One that is held, and that nobody approved in time, is only shown
 * (STEP_APPROVAL): it is for store_refuse_held().  A step that reports waits until the other steps
 * of its alert are settled or report_wait_ms is over.  *found false: *next_ms is when to look again
 * (wall clock, INT64_MAX = when something new comes).  Commits; attempts counts this one.  One that
 * failed although it was committed holds its lease until the next call that can write.
 */
bool store_claim_step(struct store *s, int64_t now_ms, int64_t lease_ms, int64_t report_wait_ms,
    struct arena *a, struct claimed *out, bool *found, int64_t *next_ms, struct err *e) MUST_CHECK;

/*
 * Refuse a step that is still held, with its reason, and add the reports of that.
 * *refused false: somebody answered meanwhile, and nothing was written.  Commits.
 */
bool store_refuse_held(struct store *s, const struct step *step, const struct step *reports,
    size_t n, int64_t now_ms, bool *refused, struct err *e) MUST_CHECK;

/*
 * Write back state, reason, due_ms, before, cursor, result, destination of a step that this process
 * has claimed, and add its calls.  With STEP_RUNNING it goes on under its lease; any other state
 * but waiting settles it.  ERR_NOT_FOUND; ERR_CONFLICT when it is settled already or was claimed
 * again since (attempts differs): then nothing is written.  Commits.
 */
bool store_settle_step(struct store *s, const struct step *step, int64_t now_ms,
    const struct step_call *calls, size_t n_calls, struct err *e) MUST_CHECK;

/*
 * A step that no rule asked for: release, expiry, a second report.  A key that is known adds
 * nothing: *id is the step that is there, and if it waits it is hurried to the earlier due time.
 * Commits.
 */
bool
store_add_step(struct store *s, const struct step *step, int64_t *id, struct err *e) MUST_CHECK;

/*
 * The same for a way back that a person asks for: one that failed is tried again, and one that has
 * not begun is moved to step->due_ms, be that later.  Commits.
 */
bool
store_ask_back(struct store *s, const struct step *step, int64_t *id, struct err *e) MUST_CHECK;

/* What a person says about a step that is held for approval. */
struct approval {
	int64_t step_id;
	int64_t at_ms;
	bool approves;		   /* false: denies */
	struct str seat;	   /* of each one approval counts: "user 1000", "channel soc" */
	struct str name;	   /* of each too, without case */
	struct str way;		   /* in words: "command line", "link in soc" */
	struct str address, agent; /* of a browser; "" = there was none */
};
struct approval_outcome {
	int64_t approvals; /* this one included; 0 = it was denied */
	int64_t missing;   /* how many it still takes */
	int64_t answers;   /* ever, of all steps */
};

/*
 * Keep the answer.  As many approvals as quorum says and the step waits to be done now; one denial
 * and it is refused, and the reports of that are added.  ERR_NOT_FOUND; ERR_CONFLICT when it is not
 * held any more, or that seat or name has said so before.  Commits.
 */
bool store_answer_approval(struct store *s, const struct approval *word, int64_t quorum,
    const struct step *reports, size_t n, struct approval_outcome *out, struct err *e) MUST_CHECK;
/* All answers about a step, the oldest first. */
bool store_list_approvals(struct store *s, int64_t step, struct arena *a, struct approval **rows,
    size_t *n, struct err *e) MUST_CHECK;
/* How many answers there ever were: a store that has fewer than it had is an older one. */
bool store_count_answers(struct store *s, int64_t *n, struct err *e) MUST_CHECK;

/*
 * Panic: from now on nothing destructive is done.  Forward steps that wait or are held are settled:
 * as failed where something was changed already, else as refused.  *running: how many a performer
 * has just now, which settle by themselves.  A second time the first stays.  Commits.
 */
bool store_panic(
    struct store *s, int64_t now_ms, int64_t *stopped, int64_t *running, struct err *e) MUST_CHECK;
bool store_panic_end(struct store *s, struct err *e) MUST_CHECK; /* commits */
/* Since when; 0 = there is none.  The second between begin and commit of a group of decisions. */
bool store_panic_since(struct store *s, int64_t *ms, struct err *e) MUST_CHECK;
bool store_panic_holds(struct store *s, int64_t *ms, struct err *e) MUST_CHECK;
/* Disruptive steps that changed something and were not taken back, the oldest first. */
bool store_list_contained(struct store *s, size_t max, struct arena *a, struct step **rows,
    size_t *n, struct err *e) MUST_CHECK;

/* ---- silences ---- */

/* Who says what about a silence, for the record. */
struct silence_word {
	int64_t at_ms;
	struct str what;       /* added, extended, expired; not read */
	struct str seat, name; /* as in struct approval */
	int64_t ends_ms;       /* the silence's end from then on; not read */
};

/* A silence that was checked.  ERR_CONFLICT: there are SILENCES_MAX.  Commits. */
bool store_add_silence(struct store *st, const struct silence *s, const struct silence_word *w,
    struct arena *a, int64_t *id, struct err *e) MUST_CHECK;
/* Both: ERR_NOT_FOUND; ERR_CONFLICT when it has ended.  Commit. */
bool store_expire_silence(struct store *st, int64_t id, const struct silence_word *w,
    struct arena *a, struct err *e) MUST_CHECK;
bool store_extend_silence(struct store *st, int64_t id, int64_t ends_ms,
    const struct silence_word *w, struct arena *a, struct err *e) MUST_CHECK;

/*
 * Both between begin and commit.  Was something said since *version, which is brought up to date?
 * Version 0 is of a store in which nothing was ever said.  Then: those that have not ended, the
 * oldest first.
 */
bool
store_silences_changed(struct store *s, int64_t *version, bool *changed, struct err *e) MUST_CHECK;
bool store_silences_to_come(struct store *s, int64_t now_ms, struct arena *a, struct silence **out,
    size_t *n, struct err *e) MUST_CHECK;

/* Those that end, or ended, after that; the newest first. */
bool store_list_silences(struct store *s, int64_t ended_after_ms, size_t max, struct arena *a,
    struct silence **out, size_t *n, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND. */
bool store_show_silence(struct store *s, int64_t id, struct arena *a, struct silence *out,
    struct silence_word **words, size_t *n, struct err *e) MUST_CHECK;
/* How many are in force, and will be. */
bool store_count_silences(
    struct store *s, int64_t now_ms, int64_t *active, int64_t *pending, struct err *e) MUST_CHECK;
/* Delete what ended before that.  Commits. */
bool store_forget_silences(struct store *s, int64_t before_ms, struct err *e) MUST_CHECK;

/* Let a destination rest until then; a longer rest stays.  "" never rests.  Commits. */
bool
store_rest(struct store *s, struct str destination, int64_t until_ms, struct err *e) MUST_CHECK;

/*
 * Other steps that do the same to the same target (without case), created since then: those that
 * were done, or failed having begun, and were not taken back; the oldest first, at most
 * STORE_EARLIER_MAX.  *busy: the id of one that goes first, because it is older and not settled or
 * its way back is under way; 0 = none.
 */
#define STORE_EARLIER_MAX 16
bool store_list_earlier(struct store *s, const struct step *step, int64_t since_ms, struct arena *a,
    struct step **earlier, size_t *n, int64_t *busy, struct err *e) MUST_CHECK;

/*
 * The digest of what budgets refused (daemon/digest.h) that waits for this channel: the key of the
 * step with these parameters; empty = none waits.  For the thread that decides, inside of its
 * transaction.
 */
struct str
store_waiting_digest(struct store *s, struct str channel, struct str params, struct arena *a);

/*
 * The first steps that were refused about alerts of which the channel was told by `told` since
 * then, at most max, and how many there are.
 */
bool store_list_digest(struct store *s, struct str channel, struct str told, int64_t since_ms,
    size_t max, struct arena *a, struct step **out, size_t *n, int64_t *all,
    struct err *e) MUST_CHECK;

/* ---- look ---- */

/* All ways back of a step, the oldest first. */
bool store_list_undos(struct store *s, int64_t of, struct arena *a, struct step **undos, size_t *n,
    struct err *e) MUST_CHECK;

/* An alert, or an event that is none: what cannot be read is shown in the same list. */
struct alert_row {
	int64_t id;	  /* what people type */
	struct str alert; /* Defender's own id; of an event that is none, a name made for it */
	struct str name, severity, status, type, resource, entity, form;
	struct str state, reason; /* of its newest event: event_state as text */
	int64_t received_ms;	  /* of its first event */
	int64_t events, steps;
	struct str summary; /* "isolate_vm done, notify waiting" */
};

struct list_filter {
	int64_t since_ms;  /* 0 = all */
	struct str state;  /* "" = all */
	struct str action; /* "" = all; steps only */
	int64_t alert_id;  /* 0 = all; steps only */
	size_t limit;
};

/* Newest first. */
bool store_list_alerts(struct store *s, const struct list_filter *f, struct arena *a,
    struct alert_row **rows, size_t *n, struct err *e) MUST_CHECK;
bool store_list_steps(struct store *s, const struct list_filter *f, struct arena *a,
    struct step **rows, size_t *n, struct err *e) MUST_CHECK;

struct alert_detail {
	struct alert_row row;
	struct str event_raw, event_headers, trace, rules_hash; /* of its newest event */
	int64_t decided_ms;
	struct step *steps;
	size_t n_steps;
};
/* ERR_NOT_FOUND when there is none. */
bool store_show_alert(struct store *s, int64_t id, struct arena *a, struct alert_detail *out,
    struct err *e) MUST_CHECK;
bool store_show_step(struct store *s, int64_t id, struct arena *a, struct step *out,
    struct step_call **calls, size_t *n_calls, struct err *e) MUST_CHECK;

struct store_figures {
	int64_t events, alerts;
	int64_t steps[STEP_SHADOW + 1]; /* by state */
	int64_t oldest_due_ms;		/* of the waiting ones; 0 = none */
	int64_t oldest_event_ms;	/* when it was received; 0 = none */
	int64_t deleted_events;		/* by store_forget(), since it was opened */
	int64_t bytes;			/* of the database, without its log */
	int64_t panic_ms;		/* since when; 0 = there is none */
};
/* Costs the same however much is stored. */
bool store_figures(struct store *s, struct store_figures *out, struct err *e) MUST_CHECK;
/* Of what is not in the database yet, and room to write it again. */
int64_t store_log_bytes(const struct store *s);

const char *event_state_name(enum event_state s);

/* ---- keep ---- */

/*
 * Delete some of what is older than before_ms: alerts without news since, whose steps were all
 * settled before it.  Never one that something is still to be done about: a step that is to do or
 * held for approval, or something changed and not taken back.  Of deleted forward steps the key
 * stays known, the newest STORE_FORGOTTEN_MAX of them.  *more: call again, after a pause, with the
 * same round, all zeros at first.  Holds the writing connection for some 20 ms.  Commits.
 */
#define STORE_FORGOTTEN_MAX 1000000
struct store_round {
	int64_t last_ms, id; /* looked at up to here */
};
bool store_forget(struct store *s, int64_t before_ms, struct store_round *round, bool *more,
    struct err *e) MUST_CHECK;

/*
 * Delete some of what was counted longer before the newest decision than the longest timespan, as
 * above: what waits to be decided is counted from when it was received.
 */
bool store_forget_counted(
    struct store *s, int64_t now_ms, int64_t longest_ms, bool *more, struct err *e) MUST_CHECK;

/*
 * Give some of the space that is free back to the disk; 16 MiB stay for what comes.  A database
 * made by version 1 cannot: what is free is used again.  As above.  Commits.
 */
bool store_shrink(struct store *s, bool *more, struct err *e) MUST_CHECK;

/*
 * What store_open() left out of the check, on a connection of its own; takes as long as reading
 * the file.  *done false: call again later, as it gave way because the log grew, or by
 * store_interrupt(), or, when it fails, met a read error for the first time.  Damage is an error of
 * kind ERR_SYSTEM, and store_damage() from then on; so is a read error the second time in a row.
 */
bool store_check(struct store *s, bool *done, struct err *e) MUST_CHECK;

/* Has the file been found damaged, by store_check() or by any call?  In words. */
bool store_damage(struct store *s, char out[ERR_TEXT_MAX]);

/*
 * Write the whole store, as it is now, to an empty file that is open for reading and writing, and
 * sync it.  Others go on meanwhile; their log grows until it is done, ERR_AGAIN beyond
 * STORE_COPY_LOG_MAX.  One at a time.
 */
bool store_copy(struct store *s, int fd, struct err *e) MUST_CHECK;

/* What a copy holds, after checking all of it.  No store needs to be open. */
struct store_copy_figures {
	int64_t bytes, events, alerts, steps;
	int64_t newest_event_ms; /* 0 = none */
};
bool store_copy_check(const char *path, struct store_copy_figures *out, struct err *e) MUST_CHECK;

/* From any thread: long reads end, and no new ones begin. */
void store_interrupt(struct store *s);

#endif
