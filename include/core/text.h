/*
 * Text from an alert is chosen by whoever attacks: process, user, file and host names.  Before it
 * is shown to people it is tamed here.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "base/arena.h"
#include "base/str.h"

/*
 * A copy on one line, at most max characters, "..." in place of a tail that was cut.
 *
 * Left out: control, bidirectional and zero-width characters, and tags.  White space of any kind is
 * one blank; what is not UTF-8 is U+FFFD.  Broken up, so that no chat client makes something of it:
 * mentions ("<at>"), Markdown links ("]("), functions of Adaptive Cards ("{{"), and addresses
 * ("https://" becomes "hxxps://", as is the custom among analysts).
 */
struct str text_tame(struct str s, size_t max, struct arena *a);

/* In the largest unit that leaves no rest, as durations are written: "8h".  Whole seconds. */
const char *text_duration(int64_t ms, struct arena *a);

#endif
