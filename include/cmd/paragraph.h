/*
 * Text for people: lines that fit, colours where somebody looks.  All of it made safe for a
 * terminal, as output_text() does.
 */
#ifndef CMD_PARAGRAPH_H
#define CMD_PARAGRAPH_H

#include "base/str.h"

#define PRINT_WIDTH 100

#define PAINT_GOOD "32"
#define PAINT_BAD "31"
#define PAINT_DOUBT "33"
#define PAINT_FAINT "2"
#define PAINT_TITLE "1"

/* For --no-color.  Without it: only on a terminal, and when NO_COLOR is not set. */
void color_off(void);

void print_painted(const char *color, struct str text);

/* Characters on the screen, near enough: one for each UTF-8 sequence. */
int print_width(struct str s);

/* The rest of a line that stands at column `at`; what does not fit goes on below at `indent`. */
void print_wrapped(struct str text, int at, int indent);

#endif
