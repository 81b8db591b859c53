/*
 * Channels: how a card reaches people.
 */
#ifndef ACTION_CHANNEL_H
#define ACTION_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "core/settings.h"
#include "net/http.h"

struct channel_answer {
	int status;	 /* 0 = no answer came */
	int64_t rest_ms; /* the channel asked for a rest of this long; 0 = no */
};

/*
 * Post a card to a Teams webhook: a Workflow
 * (https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors) or a connector of
 * the years before.  The URL is read from its file each time, so that a new one needs no restart;
 * it is a secret and never in e.
 *
 * True: Teams took the card.  ERR_AGAIN: throttled, in trouble, or no answer.  ERR_INPUT: the card
 * or the address is refused, the same again will be too.
 */
bool teams_post(struct http *h, const struct settings_channel *c, struct str card, int64_t now_ms,
    struct arena *a, struct channel_answer *out, struct err *e) MUST_CHECK;

#endif
