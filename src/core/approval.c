#include "core/approval.h"

#include <inttypes.h>
#include <string.h>

#include "base/base64.h"
#include "base/hash.h"

/* Signatures of this key are for nothing else. */
#define PURPOSE "gridwarden approval"
#define VERSION "1"
#define MARK_BYTES 9

static const char *const kinds[] = { "show", "approve", "deny" };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct str
signature(struct str text, const unsigned char key[APPROVAL_KEY_SIZE], struct arena *a)
{
	struct str bytes = arena_printf(a, PURPOSE "\n%.*s", STR_ARG(text));
	unsigned char mac[SHA256_SIZE];

	hmac_sha256((struct str){ (const char *)key, APPROVAL_KEY_SIZE }, bytes, mac);
	return base64url_encode((struct str){ (const char *)mac, sizeof(mac) }, a);
}

static struct str
mark_of(const struct step *s, struct arena *a)
{
	unsigned char digest[SHA256_SIZE];

	sha256_of(s->key, digest);
	return base64url_encode((struct str){ (const char *)digest, MARK_BYTES }, a);
}

struct str
approval_token_print(
    const struct approval_token *t, const unsigned char key[APPROVAL_KEY_SIZE], struct arena *a)
{
	struct str text = arena_printf(a, VERSION ".%s.%" PRId64 ".%" PRId64 ".%.*s.%.*s",
	    kinds[t->kind], t->step_id, t->expires_ms, STR_ARG(t->mark),
	    STR_ARG(base64url_encode(t->channel, a)));

	return arena_printf(a, "%.*s.%.*s", STR_ARG(text), STR_ARG(signature(text, key, a)));
}

static bool
read_kind(struct str text, enum approval_kind *out)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (!str_is(text, kinds[i]))
			continue;
		*out = (enum approval_kind)i;
		return true;
	}
	return false;
}

static bool
read_fields(struct str text, struct arena *a, struct approval_token *t)
{
	struct str rest = text, version, kind, id, expires, channel, end;

	return str_next(&rest, '.', &version) && str_next(&rest, '.', &kind) &&
	       str_next(&rest, '.', &id) && str_next(&rest, '.', &expires) &&
	       str_next(&rest, '.', &t->mark) && str_next(&rest, '.', &channel) &&
	       !str_next(&rest, '.', &end) && str_is(version, VERSION) &&
	       read_kind(kind, &t->kind) && str_to_int(id, 1, INT64_MAX, &t->step_id) &&
	       str_to_int(expires, 1, INT64_MAX, &t->expires_ms) &&
	       base64url_decode(channel, a, &t->channel);
}

bool
approval_token_read(struct str text, const unsigned char key[APPROVAL_KEY_SIZE], struct arena *a,
    struct approval_token *out)
{
	struct approval_token t = { .mark = STR_EMPTY, .channel = STR_EMPTY };
	size_t at = text.n;

	if (text.n > APPROVAL_TOKEN_MAX)
		return false;
	while (at > 0 && text.p[at - 1] != '.')
		at--;
	/* In the same time, however much of it is right. */
	if (at == 0 || !str_eq_secret(str_slice(text, at, text.n),
			   signature(str_slice(text, 0, at - 1), key, a)))
		return false;
	if (!read_fields(str_slice(text, 0, at - 1), a, &t))
		return false;
	*out = t;
	return true;
}

bool
approval_token_for(const struct step *s, enum approval_kind kind, struct str channel,
    struct arena *a, struct approval_token *out)
{
	int64_t until = step_held_until_ms(s);

	if (until == 0 || s->id == 0 || channel.n == 0 || channel.n > APPROVAL_CHANNEL_MAX)
		return false;
	*out = (struct approval_token){ kind, s->id, until, mark_of(s, a), channel };
	return true;
}

bool
approval_token_fits(const struct approval_token *t, const struct step *s, struct arena *a)
{
	int64_t until = step_held_until_ms(s);

	return t->step_id == s->id && str_eq(t->mark, mark_of(s, a)) &&
	       (until == 0 || until == t->expires_ms);
}

struct str
approval_link(
    const struct approval_page *page, const struct step *s, struct str channel, struct arena *a)
{
	struct approval_token t;

	if (page == NULL || !approval_token_for(s, APPROVAL_SHOW, channel, a, &t))
		return STR_EMPTY;
	return arena_printf(a, "%.*s" APPROVAL_PATH "/%.*s", STR_ARG(page->url),
	    STR_ARG(approval_token_print(&t, page->key, a)));
}
