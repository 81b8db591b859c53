/*
 * What the command line says about silences.
 */
#include <inttypes.h>

#include "admin_question.h"
#include "admin_rows.h"
#include "base/clock.h"
#include "base/log.h"

#define LIST_MAX 10000

static struct json *
row_of_silence(const struct silence *s, int64_t now_ms, struct arena *a)
{
	struct json *j = json_object(a), *list = json_array(a);

	json_set_int(j, "id", s->id, a);
	json_set_cstr(j, "state", silence_state(s, now_ms), a);
	json_set_str(j, "owner", s->owner, a);
	row_set_time(j, "starts", s->starts_ms, a);
	row_set_time(j, "ends", s->ends_ms, a);
	json_set_int(j, "held_back", s->held_back, a);
	row_set_time(j, "last", s->last_ms, a);
	for (size_t i = 0; i < s->n_matchers; i++)
		json_add(list, json_string(s->matchers[i], a), a);
	json_set(j, "matchers", list, a);
	json_set_str(j, "reason", s->reason, a);
	row_set_time(j, "created", s->created_ms, a);
	return j;
}

static struct json *
row_of_word(const struct silence_word *w, struct arena *a)
{
	struct json *j = json_object(a);

	row_set_time(j, "time", w->at_ms, a);
	json_set_str(j, "what", w->what, a);
	json_set_str(j, "name", w->name, a);
	json_set_str(j, "seat", w->seat, a);
	row_set_time(j, "ends", w->ends_ms, a);
	return j;
}

struct json *
silence_list(const struct question *q, struct err *e)
{
	bool all = json_true(json_get(q->args, "all"));
	struct json *list = json_array(q->arena);
	int64_t now_ms = clock_now_ms();
	struct silence *rows;
	size_t n;

	if (!store_list_silences(q->options->pipeline->store, all ? INT64_MIN : now_ms, LIST_MAX,
		q->arena, &rows, &n, e))
		return NULL;
	for (size_t i = 0; i < n; i++)
		json_add(list, row_of_silence(&rows[i], now_ms, q->arena), q->arena);
	return list;
}

static struct json *
show(const struct question *q, int64_t id, struct err *e)
{
	struct json *j, *list = json_array(q->arena);
	struct silence_word *words;
	struct silence s;
	size_t n;

	if (!store_show_silence(q->options->pipeline->store, id, q->arena, &s, &words, &n, e))
		return NULL;
	j = row_of_silence(&s, clock_now_ms(), q->arena);
	for (size_t i = 0; i < n; i++)
		json_add(list, row_of_word(&words[i], q->arena), q->arena);
	json_set(j, "record", list, q->arena);
	return j;
}

struct json *
silence_show(const struct question *q, struct err *e)
{
	int64_t id;

	return question_id(q, &id, e) ? show(q, id, e) : NULL;
}

static struct silence_word
word_of(const struct question *q, int64_t now_ms)
{
	return (struct silence_word){
		.at_ms = now_ms, .seat = question_seat(q), .name = question_name(q)
	};
}

static void
say(int64_t id, const struct silence_word *w, const char *what)
{
	struct log_field fields[] = { { "name", w->name }, { "seat", w->seat } };

	log_line(LOG_LEVEL_INFO, fields, 2, "silence %" PRId64 " was %s", id, what);
}

struct json *
silence_add(const struct question *q, struct err *e)
{
	int64_t now_ms = clock_now_ms(), id;
	struct silence_word w = word_of(q, now_ms);
	struct silence s;
	struct diags d;

	silence_read(q->args, q->arena, &s);
	if (s.owner.n == 0)
		s.owner = w.name;
	if (s.starts_ms < now_ms)
		s.starts_ms = now_ms;
	diags_init(&d, q->arena);
	if (!silence_check(&s, now_ms, q->arena, &d, e) ||
	    !store_add_silence(q->options->pipeline->store, &s, &w, q->arena, &id, e))
		return NULL;
	say(id, &w, "added");
	return show(q, id, e);
}

struct json *
silence_extend(const struct question *q, struct err *e)
{
	struct store *store = q->options->pipeline->store;
	int64_t now_ms = clock_now_ms(), id, ends_ms = 0;
	struct silence_word w = word_of(q, now_ms), *words;
	struct silence s;
	struct diags d;
	size_t n;

	if (!question_id(q, &id, e) || !store_show_silence(store, id, q->arena, &s, &words, &n, e))
		return NULL;
	json_int(json_get(q->args, "ends_ms"), &ends_ms);
	s.ends_ms = ends_ms;
	diags_init(&d, q->arena);
	if (!silence_check(&s, now_ms, q->arena, &d, e) ||
	    !store_extend_silence(store, id, ends_ms, &w, q->arena, e))
		return NULL;
	say(id, &w, "extended");
	return show(q, id, e);
}

struct json *
silence_expire(const struct question *q, struct err *e)
{
	struct silence_word w = word_of(q, clock_now_ms());
	int64_t id;

	if (!question_id(q, &id, e) ||
	    !store_expire_silence(q->options->pipeline->store, id, &w, q->arena, e))
		return NULL;
	say(id, &w, "expired");
	return show(q, id, e);
}
