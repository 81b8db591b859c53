/*
 * Text for people: lines that fit, colours where somebody looks.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd/cmd.h"
#include "cmd/paragraph.h"

static bool without_color;

void
color_off(void)
{
	without_color = true;
}

/* https://no-color.org */
static bool
is_colored(void)
{
	const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return !without_color && isatty(STDOUT_FILENO) && (no == NULL || no[0] == '\0') &&
	       terminal != NULL && strcmp(terminal, "dumb") != 0;
}

void
print_painted(const char *color, struct str text)
{
	bool painted = color[0] != '\0' && is_colored();

	if (painted)
		printf("\033[%sm", color);
	output_text(stdout, text);
	if (painted)
		fputs("\033[0m", stdout);
}

int
print_width(struct str s)
{
	int n = 0;

	for (; s.n > 0; n++)
		s = str_slice(s, utf8_sequence(s) == 0 ? 1 : utf8_sequence(s), s.n);
	return n;
}

/* The first word with the blanks before it. */
static struct str
next_word(struct str s)
{
	size_t i = 0;

	while (i < s.n && s.p[i] == ' ')
		i++;
	while (i < s.n && s.p[i] != ' ')
		i++;
	return str_slice(s, 0, i);
}

void
print_wrapped(struct str text, int at, int indent)
{
	struct buf b;
	struct str rest;

	buf_init(&b, 4 * text.n + 1);
	output_visible(&b, text);
	rest = buf_str(&b);
	while (rest.n > 0) {
		struct str word = next_word(rest);

		rest = str_slice(rest, word.n, rest.n);
		if (at > indent && at + print_width(word) > PRINT_WIDTH) {
			printf("\n%*s", indent, "");
			at = indent;
			word = str_trim(word);
		}
		fwrite(word.p, 1, word.n, stdout);
		at += print_width(word);
	}
	buf_done(&b);
	putchar('\n');
}
