/*
 * core/approval.c and form_read() of daemon/query.c: a line with a token, then a form.
 *
 * What must hold: no token is taken that was not signed with the key; one that was, whatever it
 * says, is read as it was written or not at all, and never by another key; a form's values are
 * UTF-8 without control bytes, and writing them again gives the same form.
 */
#include "core/approval.h"

#include "daemon/query.h"
#include "fuzz.h"

static const unsigned char key[APPROVAL_KEY_SIZE] = { 1 };
static const unsigned char other[APPROVAL_KEY_SIZE] = { 2 };

/* Fields of a token made of the input's own bytes. */
static void
check_written(struct str text, struct arena *a)
{
	struct step s = { .id = 1 + (int64_t)text.n,
		.key = text,
		.state = STEP_APPROVAL,
		.created_ms = 1,
		.due_ms = 2 + (int64_t)text.n };
	struct approval_token t, again;
	struct str printed;

	if (!approval_token_for(&s, (enum approval_kind)(text.n % 3), text, a, &t))
		return;
	printed = approval_token_print(&t, key, a);
	MUST(printed.n <= APPROVAL_TOKEN_MAX);
	MUST(approval_token_read(printed, key, a, &again));
	MUST(!approval_token_read(printed, other, a, &again));
	MUST(again.kind == t.kind && again.step_id == t.step_id && str_eq(again.channel, text) &&
	     approval_token_fits(&again, &s, a));
	MUST(str_eq(approval_token_print(&again, key, a), printed));
}

static struct str
escaped(struct str s, struct arena *a)
{
	char *out = arena_alloc(a, 3 * s.n + 1);

	for (size_t i = 0; i < s.n; i++)
		snprintf(out + 3 * i, 4, "%%%02X", (unsigned char)s.p[i]);
	return (struct str){ out, 3 * s.n };
}

static void
check_form(struct str body, struct arena *a)
{
	struct form_field f[2] = { { "token", STR_EMPTY }, { "name", STR_EMPTY } };
	struct form_field g[2] = { { "token", STR_EMPTY }, { "name", STR_EMPTY } };

	if (!form_read(body, f, 2, a))
		return;
	for (int i = 0; i < 2; i++) {
		MUST(is_utf8(f[i].value) && f[i].value.n <= body.n);
		for (size_t k = 0; k < f[i].value.n; k++)
			MUST((unsigned char)f[i].value.p[k] >= 0x20 && f[i].value.p[k] != 0x7f);
	}
	MUST(form_read(arena_printf(a, "token=%.*s&name=%.*s", STR_ARG(escaped(f[0].value, a)),
			   STR_ARG(escaped(f[1].value, a))),
	    g, 2, a));
	MUST(str_eq(f[0].value, g[0].value) && str_eq(f[1].value, g[1].value));
}

FUZZ(input)
{
	struct str rest = input, token = take_line(&rest);
	struct approval_token t;

	MUST(!approval_token_read(token, key, arena, &t)); /* nobody guesses a signature */
	check_written(token, arena);
	check_form(rest, arena);
}
