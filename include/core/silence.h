/*
 * Silences: a person says which notifications are held back, until when and why.  The words are
 * Alertmanager's (https://prometheus.io/docs/alerting/latest/alertmanager/#silences), the matchers
 * those of the rules: "resourceGroup=rg-lab", "alertDisplayName|contains=Brute force".
 */
#ifndef CORE_SILENCE_H
#define CORE_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "core/alert.h"

/* None is for ever: whoever still wants it after that says so again. */
#define SILENCE_LENGTH_MAX_MS (30 * (int64_t)86400000)
#define SILENCE_AHEAD_MAX_MS (90 * (int64_t)86400000)
#define SILENCE_MATCHERS_MAX 20
#define SILENCE_MATCHER_MAX 1000 /* bytes */
#define SILENCE_REASON_MAX 500	 /* bytes */
#define SILENCE_OWNER_MAX 100	 /* bytes */
/* That have not ended: each alert is compared with them. */
#define SILENCES_MAX 1000

struct silence {
	int64_t id;
	const struct str *matchers; /* as a person wrote them: all must hold */
	size_t n_matchers;
	struct str owner, reason;
	int64_t created_ms;
	int64_t starts_ms, ends_ms; /* in force from the first, and until the second */
	int64_t held_back;	    /* notifications */
	int64_t last_ms;	    /* the newest of them; 0 = none */
};

const char *silence_state(const struct silence *s, int64_t now_ms); /* pending, active, expired */

/*
 * Is it whole, and short enough at now_ms?  d gets what is wrong with matchers, at its place in
 * them; e the first thing that is wrong.
 */
bool silence_check(const struct silence *s, int64_t now_ms, struct arena *a, struct diags *d,
    struct err *e) MUST_CHECK;

/* {"matchers":[...],"owner","reason","starts_ms","ends_ms"}: what a person says; unchecked. */
void silence_read(const struct json *j, struct arena *a, struct silence *out);

/* "silenced by #3 (Ann, until 2026-11-29T12:00:00Z): maintenance" */
struct str silence_words(const struct silence *s, struct arena *a);

struct silences; /* those that have not ended; immutable, many threads may ask */

/* Copies what it needs.  One whose matchers cannot be read holds nothing back. */
struct silences *silences_new(const struct silence *list, size_t n);
void silences_free(struct silences *all);

/*
 * The first that is in force and fits the alert; NULL = none, also where it cannot be decided: in
 * doubt people are told.
 */
const struct silence *
silences_find(const struct silences *all, const struct alert *al, int64_t now_ms, struct arena *a);

#endif
