/*
 * Happy path: an event, quiet, the files are read, the listener has them.
 * What can go wrong: the files are no good - they are looked at again with each event and at the
 * end of the grace; then it is logged, each reason once.  Or a folder cannot be watched, so that
 * there are no events.  In both cases the files are looked at each minute until all is well.
 */
#include "daemon/renewal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/file_watch.h"

#define FILES 3

struct renewal {
	struct listener *l;
	struct file_watch *watch;
	pthread_mutex_t lock; /* of all below, and of watch */
	struct arena *arena;  /* of files */
	struct tls_files files;
	int64_t due_ms;	  /* when the files are to be read; 0 = nothing is due */
	int64_t since_ms; /* when things began to happen; 0 = they are quiet */
	int64_t bad_ms;	  /* when the files were found to be no good; 0 = they are good */
	bool given_up;	  /* that was complained of, and nothing has happened since */
	bool blind;	  /* something on the way to the files cannot be watched */
	char told[ERR_TEXT_MAX],
	    told_blind[ERR_TEXT_MAX]; /* what was complained of; "" = nothing */
	struct renewal_figures figures;
};

bool
renewal_new(struct listener *l, struct renewal **out, struct err *e)
{
	struct renewal *r = xcalloc(1, sizeof(*r));

	r->l = l;
	if (!file_watch_new(&r->watch, e)) {
		free(r);
		return false;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->arena = arena_new();
	*out = r;
	return true;
}

void
renewal_free(struct renewal *r)
{
	if (r == NULL)
		return;
	file_watch_free(r->watch);
	pthread_mutex_destroy(&r->lock);
	arena_free(r->arena);
	free(r);
}

/* Watch the ways to the files as they are now.  What systemd hands over never changes. */
static bool
rearm(struct renewal *r, struct err *e)
{
	const struct str all[FILES] = { r->files.certificate, r->files.private_key,
		r->files.client_ca };
	struct str paths[FILES];
	size_t n = 0;

	for (size_t i = 0; i < FILES; i++)
		if (!str_starts_nocase(all[i], STR(FILE_CREDENTIAL)))
			paths[n++] = all[i];
	return file_watch_set(r->watch, paths, n, e);
}

static void
watch(struct renewal *r)
{
	struct err e;

	r->blind = !rearm(r, &e);
	if (r->blind && strcmp(r->told_blind, e.text) != 0) {
		memcpy(r->told_blind, e.text, sizeof(r->told_blind));
		log_warning("changes of certificate files are not noticed, they are read every %d "
			    "s: %s",
		    RENEWAL_RETRY_MS / 1000, e.text);
	}
	if (!r->blind && r->told_blind[0] != '\0') {
		r->told_blind[0] = '\0';
		log_info("changes of certificate files are noticed again");
	}
}

/* Nothing is known of the files, and nothing was said. */
static void
begin_anew(struct renewal *r)
{
	r->due_ms = r->since_ms = r->bad_ms = 0;
	r->given_up = false;
	r->told[0] = '\0';
}

static void
copy_files(struct renewal *r, const struct tls_files *f)
{
	struct arena *a = arena_new();
	struct str *names = arena_alloc(a, f->n_client_names * sizeof(*names));

	for (size_t i = 0; i < f->n_client_names; i++)
		names[i] = arena_str(a, f->client_names[i]);
	r->files = (struct tls_files){ arena_str(a, f->certificate), arena_str(a, f->private_key),
		arena_str(a, f->client_ca), names, f->n_client_names };
	arena_free(r->arena);
	r->arena = a;
}

int
renewal_fd(const struct renewal *r)
{
	return file_watch_fd(r->watch);
}

int64_t
renewal_wait_ms(struct renewal *r, int64_t now_ms)
{
	int64_t left;

	pthread_mutex_lock(&r->lock);
	left = r->due_ms == 0 ? -1 : r->due_ms <= now_ms ? 0 : r->due_ms - now_ms;
	pthread_mutex_unlock(&r->lock);
	return left;
}

/* number: of what was in use before. */
static void
taken(struct renewal *r, uint64_t number)
{
	bool told = r->told[0] != '\0';
	char text[CLOCK_TEXT_MAX];

	begin_anew(r);
	r->figures.success_ms = clock_now_ms();
	if (listener_tls_number(r->l) != number)
		log_info("certificate reloaded since its files have changed; it expires on %s",
		    clock_format(listener_certificate_expires_ms(r->l), text));
	else if (told)
		log_info("the certificate files are good again, they hold what is in use");
}

static void
complain(struct renewal *r, const struct err *e)
{
	r->bad_ms = 0;
	r->given_up = true;
	r->figures.failures++;
	if (strcmp(r->told, e->text) == 0)
		return;
	memcpy(r->told, e->text, sizeof(r->told));
	log_error("certificate not reloaded, the one in use stays: %s", e->text);
}

static void
refused(struct renewal *r, int64_t now_ms, const struct err *e)
{
	/* As it was a minute ago; another reason is the sign that something has happened. */
	if (r->given_up && strcmp(r->told, e->text) == 0)
		return;
	r->given_up = false;
	if (r->bad_ms == 0)
		r->bad_ms = now_ms;
	if (now_ms - r->bad_ms >= RENEWAL_GRACE_MS)
		complain(r, e);
	else
		r->due_ms = r->bad_ms + RENEWAL_GRACE_MS;
}

static void
try_files(struct renewal *r, int64_t now_ms)
{
	uint64_t number = listener_tls_number(r->l);
	struct err e;

	/* Before reading: what changes from here on is the next event. */
	watch(r);
	r->due_ms = r->since_ms = 0;
	if (listener_set_tls(r->l, &r->files, &e))
		taken(r, number);
	else
		refused(r, now_ms, &e);
	if (r->due_ms == 0 && (r->given_up || r->blind))
		r->due_ms = now_ms + RENEWAL_RETRY_MS;
}

void
renewal_follow(struct renewal *r, const struct tls_files *f, int64_t now_ms)
{
	pthread_mutex_lock(&r->lock);
	copy_files(r, f);
	begin_anew(r);
	r->figures.success_ms = clock_now_ms();
	try_files(r, now_ms);
	pthread_mutex_unlock(&r->lock);
}

void
renewal_work(struct renewal *r, int64_t now_ms)
{
	pthread_mutex_lock(&r->lock);
	if (file_watch_take(r->watch)) {
		r->given_up = false;
		if (r->since_ms == 0)
			r->since_ms = now_ms;
		r->due_ms = now_ms + RENEWAL_QUIET_MS;
		if (r->due_ms > r->since_ms + RENEWAL_BUSY_MS)
			r->due_ms = r->since_ms + RENEWAL_BUSY_MS;
	}
	if (r->due_ms != 0 && now_ms >= r->due_ms)
		try_files(r, now_ms);
	pthread_mutex_unlock(&r->lock);
}

void
renewal_figures(struct renewal *r, struct renewal_figures *out)
{
	pthread_mutex_lock(&r->lock);
	*out = r->figures;
	pthread_mutex_unlock(&r->lock);
}
