/*
 * Links to the page where a step that is held is approved or denied, and the tokens in them.
 *
 * A link holds a token of the kind "show": it shows the page and decides nothing, since programs
 * that make previews follow each link.  The page holds one token for each decision, which is taken
 * once.  All are signed, and end when the step is refused by itself.
 *
 * What is read is text that anybody may have written; nothing of it counts before its signature is
 * right.
 */
#ifndef CORE_APPROVAL_H
#define CORE_APPROVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "core/plan.h"

#define APPROVAL_KEY_SIZE 32
/* The longest name of a channel that can be in a link. */
#define APPROVAL_CHANNEL_MAX 128
#define APPROVAL_TOKEN_MAX 384
/* In front of the token, behind the page's URL. */
#define APPROVAL_PATH "/approvals"

enum approval_kind { APPROVAL_SHOW, APPROVAL_APPROVE, APPROVAL_DENY };

struct approval_token {
	enum approval_kind kind;
	int64_t step_id;
	int64_t expires_ms;
	struct str mark;    /* of the step's key: ids begin anew with a new database */
	struct str channel; /* whose card holds the link */
};

/* What links are made with. */
struct approval_page {
	struct str url; /* "https://gridwarden.example.com:8444", no slash at its end */
	unsigned char key[APPROVAL_KEY_SIZE];
};

/* "1.show.17.1764400000000.<mark>.<channel>.<signature>", safe in a URL and in HTML. */
struct str approval_token_print(
    const struct approval_token *t, const unsigned char key[APPROVAL_KEY_SIZE], struct arena *a);
/* False: it is not one of ours, or was signed with another key.  Whether it is over is not asked.
 */
bool approval_token_read(struct str text, const unsigned char key[APPROVAL_KEY_SIZE],
    struct arena *a, struct approval_token *out);

/* The token of that kind for a step that is held; false when it is not held until some time. */
bool approval_token_for(const struct step *s, enum approval_kind kind, struct str channel,
    struct arena *a, struct approval_token *out);
/* Is it about this step, as it is or was when it was held? */
bool approval_token_fits(const struct approval_token *t, const struct step *s, struct arena *a);

/* The link for the card of a channel; empty when there can be none. */
struct str approval_link(
    const struct approval_page *page, const struct step *s, struct str channel, struct arena *a);

#endif
