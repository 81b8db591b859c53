/*
 * A trace (core/trace.h) for people: how each rule was asked, what it saw, and where it stopped.
 */
#ifndef CMD_TRACE_PRINT_H
#define CMD_TRACE_PRINT_H

#include "base/json.h"

/* A condition as a phrase: "severity is High". */
void trace_print_phrase(const struct json *condition);

/* Rules that said no are left out when `brief`. */
void trace_print(const struct json *trace, bool brief);

#endif
