/*
 * Happy path: the key is read, the secret of the settings is mixed in, links are made.
 * What can go wrong: the file is not as it was left - another key is made, and the log says why;
 * it cannot be read or written - there are no links, and the caller says so.
 */
#include "daemon/approval_links.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

#define FILE_MAX 1024
#define MAGIC "gridwarden-approvals-1"

struct approval_links {
	pthread_mutex_t lock;
	char *url; /* NULL = there are no links */
	unsigned char key[APPROVAL_KEY_SIZE];
};

struct approval_links *
approval_links_new(void)
{
	struct approval_links *l = xcalloc(1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	return l;
}

void
approval_links_free(struct approval_links *l)
{
	if (l == NULL)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l->url);
	free(l);
}

/* ---- the file ---- */

/* "sqlite:/var/lib/gridwarden/gridwarden.db" has "/var/lib/gridwarden/gridwarden.db-approvals". */
static const char *
path_of(const struct settings *s, struct arena *a)
{
	struct str file = str_slice(s->store, strlen("sqlite:"), s->store.n);

	return arena_printf(a, "%.*s-approvals", STR_ARG(file)).p;
}

struct kept {
	unsigned char key[APPROVAL_KEY_SIZE];
	int64_t answers;
};

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_key(struct str hex, unsigned char key[APPROVAL_KEY_SIZE])
{
	if (hex.n != 2 * (size_t)APPROVAL_KEY_SIZE)
		return false;
	for (size_t i = 0; i < APPROVAL_KEY_SIZE; i++) {
		int high = digit(hex.p[2 * i]), low = digit(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* "gridwarden-approvals-1 <key> <answers>" */
static bool
read_kept(struct str text, struct kept *k)
{
	struct str rest = str_trim(text), magic, key;

	return str_next(&rest, ' ', &magic) && str_next(&rest, ' ', &key) && str_is(magic, MAGIC) &&
	       read_key(key, k->key) && rest.p != NULL &&
	       str_to_int(rest, 0, INT64_MAX, &k->answers);
}

static bool
write_kept(const char *path, const struct kept *k, struct arena *a, struct err *e)
{
	char hex[2 * APPROVAL_KEY_SIZE + 1];

	hex_encode(k->key, sizeof(k->key), hex);
	return file_write_private(
	    path, arena_printf(a, MAGIC " %s %" PRId64 "\n", hex, k->answers), e);
}

/* What is there; *why, when it is not to be used, says so.  False: nobody can tell. */
static bool
look(const char *path, struct kept *k, const char **why, struct arena *a, struct err *e)
{
	struct stat st;
	struct str text;

	*why = NULL;
	if (!file_read(path, FILE_MAX, a, &text, e)) {
		if (e->kind == ERR_NOT_FOUND)
			*why = "there was none";
		return e->kind == ERR_NOT_FOUND;
	}
	if (stat(path, &st) != 0 || (st.st_mode & 077) != 0)
		*why = "others could read the one that was there";
	else if (!read_kept(text, k))
		*why = "the one that was there is damaged";
	return true;
}

/* Counted after the file was read: an answer is first in the database, then in the file. */
static bool
read_or_make(const char *path, struct store *store, struct kept *k, struct arena *a, struct err *e)
{
	const char *why;
	int64_t answers;

	if (!look(path, k, &why, a, e) || !store_count_answers(store, &answers, e))
		return false;
	if (why == NULL && k->answers > answers)
		why = "the database is older than it was and may have forgotten which links were "
		      "used";
	if (why != NULL) {
		random_bytes(k->key, sizeof(k->key));
		log_info("links to approve have another key from now on, older ones do not count: "
			 "%s",
		    why);
	} else if (k->answers == answers) {
		return true;
	}
	k->answers = answers;
	return write_kept(path, k, a, e);
}

/* ---- the key ---- */

static bool
mix_in(struct str file, unsigned char key[APPROVAL_KEY_SIZE], struct arena *a, struct err *e)
{
	struct str secret;
	unsigned char mixed[SHA256_SIZE];

	if (file.n == 0)
		return true;
	if (!file_read_secret(arena_cstr(a, file), a, &secret, e))
		return fail_in(e, "approvals.key_file");
	if (secret.n < APPROVAL_SECRET_MIN)
		return fail(e, ERR_INPUT, "approvals.key_file: %.*s has fewer than %d bytes",
		    STR_ARG(file), APPROVAL_SECRET_MIN);
	hmac_sha256((struct str){ (const char *)key, APPROVAL_KEY_SIZE }, secret, mixed);
	memcpy(key, mixed, APPROVAL_KEY_SIZE);
	return true;
}

bool
approval_key_read(struct approval_links *l, const struct settings *s, struct store *store,
    unsigned char key[APPROVAL_KEY_SIZE], struct err *e)
{
	struct arena *a = arena_new();
	struct kept k;
	bool ok;

	pthread_mutex_lock(&l->lock);
	ok = read_or_make(path_of(s, a), store, &k, a, e);
	pthread_mutex_unlock(&l->lock);
	ok = ok && mix_in(s->approvals.key_file, k.key, a, e);
	if (ok)
		memcpy(key, k.key, APPROVAL_KEY_SIZE);
	arena_free(a);
	return ok;
}

/* ---- what is in force ---- */

void
approval_links_set(
    struct approval_links *l, const struct str *url, const unsigned char key[APPROVAL_KEY_SIZE])
{
	pthread_mutex_lock(&l->lock);
	free(l->url);
	l->url = url == NULL ? NULL : xstrndup(*url);
	if (url != NULL)
		memcpy(l->key, key, APPROVAL_KEY_SIZE);
	pthread_mutex_unlock(&l->lock);
}

static bool
note(const char *path, int64_t answers, struct arena *a, struct err *e)
{
	const char *why;
	struct kept k;

	if (!look(path, &k, &why, a, e))
		return false;
	/* Without a page there is no key, and whoever was faster has noted more. */
	if (why != NULL || k.answers >= answers)
		return true;
	k.answers = answers;
	return write_kept(path, &k, a, e);
}

void
approval_links_note(struct approval_links *l, const struct settings *s, int64_t answers)
{
	struct arena *a;
	struct err e;

	if (l == NULL)
		return;
	a = arena_new();
	pthread_mutex_lock(&l->lock);
	if (!note(path_of(s, a), answers, a, &e))
		log_warning("that an approval was given could not be noted: %s", e.text);
	pthread_mutex_unlock(&l->lock);
	arena_free(a);
}

const struct approval_page *
approval_links_get(struct approval_links *l, struct arena *a)
{
	struct approval_page *page = NULL;

	if (l == NULL)
		return NULL;
	pthread_mutex_lock(&l->lock);
	if (l->url != NULL) {
		page = arena_alloc(a, sizeof(*page));
		page->url = arena_str(a, str_of(l->url));
		memcpy(page->key, l->key, APPROVAL_KEY_SIZE);
	}
	pthread_mutex_unlock(&l->lock);
	return page;
}
