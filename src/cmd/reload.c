/*
 * Happy path: settings, rules, keys and certificate are read, what may fail is done, then all of it
 * is put in force.
 * What can go wrong: anything of it is no good - everything stays as it was, and the reason is
 * logged, counted and handed back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/json.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "daemon/auth.h"
#include "server.h"

void
server_log_diags(struct diags *d)
{
	for (size_t i = 0; i < d->n; i++)
		log_line(d->list[i].level == DIAG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, NULL,
		    0, "%s:%d:%d: %.*s", d->list[i].source->name, d->list[i].line, d->list[i].col,
		    STR_ARG(d->list[i].text));
}

void
server_note_tests(struct server *sv, const struct config *c)
{
	sv->metrics.tests = (int64_t)c->tests;
	sv->metrics.tests_failed = (int64_t)c->tests_failed;
}

void
server_set_log_level(const struct config *c)
{
	enum log_level level;

	if (log_level_parse(c->settings->log_level, &level))
		log_set_level(level);
}

struct tls_files
server_tls_files(const struct settings *s)
{
	return (struct tls_files){ .certificate = s->listen.certificate,
		.private_key = s->listen.private_key,
		.client_ca = s->auth.client_ca,
		.client_names = s->auth.client_names,
		.n_client_names = s->auth.n_client_names };
}

/* All that may fail, up to the certificates, which are exchanged last. */
static bool
prepare(struct server *sv, const struct settings *s, struct auth **auth,
    unsigned char key[APPROVAL_KEY_SIZE], struct err *e)
{
	struct tls_files files = server_tls_files(s);

	if (FAULT("reload"))
		return fail(e, ERR_SYSTEM, "fault ordered at reload");
	/* The address that makes it harmless would only be taken at the next start. */
	if (s->auth.insecure && !sv->insecure)
		return fail(e, ERR_INPUT, "auth.insecure is only taken at start: restart it");
	if (!auth_load(&s->auth, auth, e))
		return false;
	if (key_cache_start(sv->keys, s->auth.entra.source, e) &&
	    server_prepare_approvals(sv, s, key, e) && listener_set_tls(sv->listener, &files, e))
		return true;
	auth_free(*auth);
	return false;
}

static void
put_in_force(struct server *sv, struct config *c, struct auth *auth,
    const unsigned char key[APPROVAL_KEY_SIZE])
{
	struct tls_files files = server_tls_files(c->settings);

	server_set_log_level(c);
	renewal_follow(sv->renewal, &files, clock_mono_ms());
	current_set(&sv->current, config_ref(c));
	key_cache_set_source(sv->keys, c->settings->auth.entra.source);
	auth_use_keys(auth, sv->keys);
	intake_set_auth(sv->intake, auth);
	server_put_approvals(sv, c->settings, key);
	keeper_ring(sv->keeper);
	config_watch_follow(sv->config_watch, c, clock_mono_ms());
	sv->metrics.reload_ms = clock_now_ms();
	log_info("configuration reloaded: %zu rules, version %.*s", rules_count(c->rules),
	    STR_ARG(rules_hash(c->rules)));
}

/* ---- what it came to, for who asked ---- */

static struct json *
change_json(const char *old, const char *new, struct arena *a)
{
	struct json *j = json_object(a);

	json_set_cstr(j, "old", old, a);
	json_set_cstr(j, "new", new, a);
	return j;
}

static char *
report_taken(const struct config *old, const struct config *c, struct arena *a)
{
	struct json *j = json_object(a);

	json_set(j, "rules",
	    change_json(
		arena_cstr(a, rules_hash(old->rules)), arena_cstr(a, rules_hash(c->rules)), a),
	    a);
	json_set(j, "settings", change_json(old->settings_hash, c->settings_hash, a), a);
	json_set_int(j, "count", (int64_t)rules_count(c->rules), a);
	json_set_int(j, "tests", (int64_t)c->tests, a);
	return xstrndup(json_print(j, a));
}

/* Also as check prints them: only here the files are as they were read. */
static char *
report_refused(struct diags *d, struct arena *a)
{
	struct json *j = json_object(a);

	json_set(j, "mistakes", mistakes_json(d, a), a);
	json_set_str(j, "shown", mistakes_text(d, a), a);
	return xstrndup(json_print(j, a));
}

/* ---- all of it ---- */

/* What the log says is so already. */
static void
count(struct server *sv, enum reload_trigger trigger, bool ok)
{
	sv->metrics.reload_ok = ok;
	atomic_fetch_add(&sv->metrics.reloads[trigger][ok], 1);
}

static bool
take(struct server *sv, enum reload_trigger trigger, struct config *c, char **words,
    struct arena *a, struct err *e)
{
	unsigned char key[APPROVAL_KEY_SIZE] = { 0 }; /* of links to approve */
	struct config *old;
	struct auth *auth;

	if (!prepare(sv, c->settings, &auth, key, e))
		return false;
	old = current_get(&sv->current);
	*words = report_taken(old, c, a);
	config_unref(old);
	count(sv, trigger, true);
	put_in_force(sv, c, auth, key);
	server_notice_good(sv);
	return true;
}

static bool
try(struct server *sv, enum reload_trigger trigger, struct config *c, struct diags *d, char **words,
    struct arena *a, struct err *e)
{
	server_log_diags(d);
	if (c != NULL)
		server_note_tests(sv, c);
	if (c == NULL || c->tests_failed > 0)
		diags_fail(d, e);
	else if (take(sv, trigger, c, words, a, e))
		return true;
	*words = report_refused(d, a);
	server_notice_refused(sv, trigger, d, e->text);
	count(sv, trigger, false);
	log_error("configuration not reloaded, the old one stays in force: %s", e->text);
	return false;
}

bool
server_reload(struct server *sv, enum reload_trigger trigger, char **words, struct err *e)
{
	struct arena *a = arena_new();
	char digest[SHA256_HEX_MAX];
	struct config *c;
	struct diags d;
	bool ok = true;

	*words = NULL;
	diags_init(&d, a);
	c = config_load(sv->config_path, a, &d, digest);
	/* Files that were touched, and mistakes that were told: nothing is new. */
	if (trigger != RELOAD_FILES || strcmp(digest, sv->digest) != 0) {
		memcpy(sv->digest, digest, sizeof(sv->digest));
		if (trigger == RELOAD_FILES)
			log_info("settings or rules have changed");
		ok = try(sv, trigger, c, &d, words, a, e);
	}
	config_unref(c);
	arena_free(a);
	memory_forget_setup();
	return ok;
}
