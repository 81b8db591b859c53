/*
 * A step as a sentence: what, on what, how it stands, and what its result says.
 */
#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "core/card.h"

#define SENTENCE_MAX 1000
#define NAME_MAX_CHARS 120
#define PORTS_MAX 16 /* told by name; the rest as a number */

/* "/subscriptions/.../virtualMachines/web-01" is web-01 to a person. */
static struct str
short_name(struct str s)
{
	size_t at = s.n;

	while (at > 0 && s.p[at - 1] != '/')
		at--;
	return str_slice(str_slice(s, at, s.n), 0, NAME_MAX_CHARS);
}

static void
tell_name(struct buf *b, const char *before, struct str name)
{
	if (name.n > 0)
		buf_printf(b, "%s%.*s", before, STR_ARG(short_name(name)));
}

static void
tell_time(struct buf *b, const char *before, const struct json *ms)
{
	char text[CLOCK_TEXT_MAX];
	int64_t at;

	if (json_int(ms, &at) && at > 0)
		buf_printf(b, "%s%s", before, clock_format(at, text));
}

/* isolate_vm: {"interfaces":[{"id","was","now"}],"nsg","expires_ms"} */
static void
tell_interfaces(const struct json *result, struct buf *b)
{
	size_t n = json_count(json_get(result, "interfaces"));

	buf_printf(b, " (%zu network interface%s", n, n == 1 ? "" : "s");
	tell_name(b, ", network security group ", json_text(json_get(result, "nsg")));
	tell_time(b, ", until ", json_get(result, "expires_ms"));
	buf_add_char(b, ')');
}

/* A port as a number, as text, or as an object of Azure's own with a number in it. */
static struct str
port_text(const struct json *port, struct arena *a)
{
	return json_scalar(json_is(port, JSON_OBJECT) ? json_get(port, "number") : port, a);
}

/* enable_jit: {"policy","kept","added":[22,3389]}; kept: what other machines had in the policy */
static void
tell_ports(const struct json *result, struct arena *a, struct buf *b)
{
	const struct json *added = json_get(result, "added"), *kept = json_get(result, "kept");
	size_t n = json_count(added), told = 0;
	int64_t others = (int64_t)json_count(kept);

	buf_printf(b, n == 0 ? " (nothing to add" : n == 1 ? " (port " : " (ports ");
	for (const struct json *p = json_first(added); p != NULL && told < PORTS_MAX;
	     p = json_next(p))
		buf_printf(b, "%s%.*s", told++ == 0 ? "" : ", ", STR_ARG(port_text(p, a)));
	if (n > told)
		buf_printf(b, " and %zu more", n - told);
	tell_name(b, n == 0 ? " to policy " : " in policy ", json_text(json_get(result, "policy")));
	(void)json_int(kept, &others);
	if (others > 0)
		buf_printf(b, ", %" PRId64 " other%s kept", others, others == 1 ? "" : "s");
	tell_time(b, ", until ", json_get(result, "expires_ms"));
	buf_add_char(b, ')');
}

static void
tell_result(const struct step *s, struct arena *a, struct buf *b)
{
	struct json *result;
	struct err ignored;

	if (s->result.n == 0)
		return;
	result = json_parse(s->result, a, &ignored);
	if (json_is(json_get(result, "interfaces"), JSON_ARRAY))
		tell_interfaces(result, b);
	else if (json_is(json_get(result, "added"), JSON_ARRAY))
		tell_ports(result, a, b);
}

static const char *
state_words(const struct step *s)
{
	switch (s->state) {
	case STEP_WAITING:
		return s->attempts > 0 ? "under way" : "waiting";
	case STEP_RUNNING:
		return "under way";
	case STEP_APPROVAL:
		return "needs approval";
	case STEP_DONE:
		return "done";
	case STEP_FAILED:
		return "failed";
	case STEP_REFUSED:
		return "refused";
	case STEP_SHADOW:
		return "would be done, nothing was touched";
	}
	return "";
}

struct str
step_sentence(const struct step *s, struct arena *a)
{
	struct buf b;
	struct str text;

	buf_init(&b, SENTENCE_MAX);
	buf_printf(&b, "%s%.*s", s->undo_of != 0 ? "undo of " : "",
	    STR_ARG(str_slice(s->action, 0, NAME_MAX_CHARS)));
	tell_name(&b, " ", s->target);
	buf_printf(&b, ": %s", state_words(s));
	if (s->state == STEP_DONE)
		tell_result(s, a, &b);
	else if (s->reason.n > 0)
		buf_printf(&b, ": %.*s", STR_ARG(str_slice(s->reason, 0, SENTENCE_MAX / 2)));
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}
