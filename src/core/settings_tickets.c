/*
 * Happy path: each ticket system is copied; the table below says which keys a type must have and
 * which it may have.
 * What can go wrong: a key of another type, a missing one, a template with a placeholder that
 * stands for nothing - each is reported at its place.
 */
#include "settings_tickets.h"

#include <string.h>

#include "core/template.h"
#include "settings_text.h"

static const struct kind {
	const char *name;
	const char *must; /* each word a key; "a/b": one of them */
	const char *may;
} kinds[TICKET_TYPES] = {
	[TICKET_SENTINEL] = { "sentinel", "workspace", "" },
	[TICKET_SERVICENOW] = { "servicenow", "url password_file/token_file",
	    "user category assignment_group close_state close_code" },
	[TICKET_JIRA] = { "jira", "url project password_file/token_file",
	    "user edition issue_type priority close_transition" },
	[TICKET_PAGERDUTY] = { "pagerduty", "routing_key_file", "url acknowledge" },
	[TICKET_HTTP] = { "http", "url/url_file template", "user password_file token_file" },
};

const struct settings_ticket *
settings_ticket(const struct settings *s, struct str name)
{
	for (size_t i = 0; i < s->n_tickets; i++)
		if (str_eq(s->tickets[i].name, name))
			return &s->tickets[i];
	return NULL;
}

static enum ticket_type
type_of(struct str name)
{
	int i = 0;

	while (i < TICKET_HTTP && !str_is(name, kinds[i].name))
		i++;
	return (enum ticket_type)i;
}

static void
copy_one(struct settings_ticket *t, const struct json *j, const char *folder, struct arena *a)
{
	const struct {
		const char *key;
		struct str *to;
		bool file;
	} texts[] = {
		{ "url", &t->url, false },
		{ "url_file", &t->url_file, true },
		{ "user", &t->user, false },
		{ "password_file", &t->password_file, true },
		{ "token_file", &t->token_file, true },
		{ "routing_key_file", &t->routing_key_file, true },
		{ "category", &t->category, false },
		{ "assignment_group", &t->assignment_group, false },
		{ "close_state", &t->close_state, false },
		{ "close_code", &t->close_code, false },
		{ "project", &t->project, false },
		{ "issue_type", &t->issue_type, false },
		{ "close_transition", &t->close_transition, false },
	};
	struct err ignored;

	t->name = arena_str(a, json_name(j));
	t->type = type_of(json_text(json_get(j, "type")));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct str value = json_text(json_get(j, texts[i].key));

		*texts[i].to =
		    texts[i].file ? settings_readable(value, folder, a) : arena_str(a, value);
	}
	t->url = str_trim_end(t->url, '/');
	t->acknowledge = json_true(json_get(j, "acknowledge"));
	t->data_center = str_is(json_text(json_get(j, "edition")), "data_center");
	t->priority = json_get(j, "priority");
	t->template = json_get(j, "template");
	if (!resource_id_parse(
		arena_str(a, json_text(json_get(j, "workspace"))), &t->workspace, &ignored))
		memset(&t->workspace, 0, sizeof(t->workspace));
}

void
settings_tickets_copy(
    struct settings *s, const struct json *tickets, const char *folder, struct arena *a)
{
	s->tickets = arena_alloc(a, json_count(tickets) * sizeof(*s->tickets));
	for (const struct json *j = json_first(tickets); j != NULL; j = json_next(j))
		copy_one(&s->tickets[s->n_tickets++], j, folder, a);
}

/* ---- what makes no sense together ---- */

static bool
has_word(const char *words, struct str key)
{
	struct str rest = str_of(words), word, one;

	while (str_next(&rest, ' ', &word))
		while (str_next(&word, '/', &one))
			if (str_eq(one, key))
				return true;
	return false;
}

static const char *
owner_of(struct str key, struct arena *a)
{
	struct str names = STR_EMPTY;

	for (int i = 0; i < TICKET_TYPES; i++)
		if (has_word(kinds[i].must, key) || has_word(kinds[i].may, key))
			names = arena_printf(a, "%.*s%s%s", STR_ARG(names),
			    names.n > 0 ? " or " : "", kinds[i].name);
	return arena_cstr(a, names);
}

static void
check_keys(const struct kind *k, const struct yaml *y, struct arena *a, struct diags *d)
{
	struct str rest = str_of(k->must), word, one;

	for (size_t i = 0; i < y->n; i++) {
		struct str key = y->pairs[i].key->text;
		const char *owner = owner_of(key, a);

		if (owner[0] != '\0' && !has_word(k->must, key) && !has_word(k->may, key))
			yaml_error(
			    d, y->pairs[i].key, "%.*s goes with type %s", STR_ARG(key), owner);
	}
	while (str_next(&rest, ' ', &word)) {
		struct str choice = word;
		size_t n = 0;

		while (str_next(&choice, '/', &one))
			n += yaml_get(y, arena_cstr(a, one)) != NULL;
		if (n == 0)
			yaml_error(d, y, "%s needs %.*s", k->name, STR_ARG(word));
		else if (n > 1)
			yaml_error(d, y, "%.*s: one of them, not both", STR_ARG(word));
	}
}

static void
check_template(const struct yaml *y, struct arena *a, struct diags *d)
{
	const char *problem;

	if (y->type == YAML_SCALAR) {
		problem = template_problem(y->text, true, a);
		if (problem != NULL)
			yaml_error(d, y, "'%.*s' %s", STR_ARG(y->text), problem);
		return;
	}
	for (size_t i = 0; i < y->n; i++)
		check_template(y->type == YAML_MAPPING ? y->pairs[i].value : y->items[i], a, d);
}

/* It goes into a query language. */
static bool
is_project_key(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '_' ||
			(i > 0 && s.p[i] >= '0' && s.p[i] <= '9')))
			return false;
	return s.n > 0;
}

static bool
is_number(struct str s)
{
	int64_t n;

	return str_to_int(s, 0, INT64_MAX, &n);
}

static void
check_values(
    const struct settings_ticket *t, const struct yaml *y, struct arena *a, struct diags *d)
{
	const struct yaml *template = yaml_get(y, "template");

	if (t->workspace.subscription.n > 0 &&
	    (!resource_id_is(&t->workspace, "Microsoft.OperationalInsights", "workspaces") ||
		t->workspace.resource_group.n == 0 || t->workspace.rest.n > 0))
		yaml_error(d, yaml_get(y, "workspace"),
		    "workspace must be the id of a Log Analytics workspace: /subscriptions/ID/"
		    "resourceGroups/NAME/providers/Microsoft.OperationalInsights/workspaces/NAME");
	if (t->project.n > 0 && !is_project_key(t->project))
		yaml_error(d, yaml_get(y, "project"),
		    "project must be a key such as SEC, not '%.*s'", STR_ARG(t->project));
	if (t->close_transition.n > 0 && !is_number(t->close_transition))
		yaml_error(d, yaml_get(y, "close_transition"),
		    "close_transition must be the number of a transition, not '%.*s'",
		    STR_ARG(t->close_transition));
	if ((t->user.n > 0) != (t->password_file.n > 0))
		yaml_error(d, y, "user and password_file go together");
	if (t->token_file.n > 0 && t->password_file.n > 0 && t->type == TICKET_HTTP)
		yaml_error(d, y, "password_file/token_file: one of them, not both");
	if (t->close_code.n > 0 && t->close_state.n == 0)
		yaml_error(d, yaml_get(y, "close_code"), "close_code goes with close_state");
	if (template != NULL && t->type == TICKET_HTTP)
		check_template(template, a, d);
}

void
settings_tickets_check(
    const struct settings *s, const struct yaml *written, struct arena *a, struct diags *d)
{
	for (size_t i = 0; i < s->n_tickets; i++) {
		const struct settings_ticket *t = &s->tickets[i];
		const struct yaml *y = yaml_get(written, t->name.p), *type = yaml_get(y, "type");

		/* What is no mapping, or of no known type, was reported when it was read. */
		if (y == NULL || y->type != YAML_MAPPING || type == NULL ||
		    !str_is(type->text, kinds[t->type].name))
			continue;
		check_keys(&kinds[t->type], y, a, d);
		check_values(t, y, a, d);
	}
}
