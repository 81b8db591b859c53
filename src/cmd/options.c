#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/paragraph.h"

#define OPTIONS_MAX 32
#define NO_COLOR_KEY 1000 /* behind every letter */
#define HELP_KEY 1001

void
usage_print(const struct command *self)
{
	printf("Usage: gridwarden %s %s", self->name, self->usage);
}

int
usage_error(const struct command *self, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "gridwarden %s: ", self->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry 'gridwarden %s --help'.\n", self->name);
	return EXIT_USAGE;
}

/* Our rows as getopt_long() wants them. */
static void
translate(const struct option_row *rows, struct option *long_options, char *letters)
{
	size_t n = 0;

	*letters++ = ':'; /* tell a missing value from an unknown option */
	for (; rows != NULL && rows->name != NULL && n < OPTIONS_MAX; rows++) {
		long_options[n++] = (struct option){ rows->name,
			rows->has_value ? required_argument : no_argument, NULL, rows->key };
		if (rows->key < 256) {
			*letters++ = (char)rows->key;
			if (rows->has_value)
				*letters++ = ':';
		}
	}
	long_options[n++] = (struct option){ "help", no_argument, NULL, HELP_KEY };
	long_options[n++] = (struct option){ "no-color", no_argument, NULL, NO_COLOR_KEY };
	long_options[n] = (struct option){ NULL, 0, NULL, 0 };
	*letters++ = 'h';
	*letters = '\0';
}

int
options_next(const struct command *self, const struct option_row *rows, int argc, char **argv,
    const char **value)
{
	struct option long_options[OPTIONS_MAX + 3];
	char letters[2 * OPTIONS_MAX + 3];
	int key;

	translate(rows, long_options, letters);
	opterr = 0;
	for (;;) {
		key = getopt_long(argc, argv, letters, long_options, NULL);
		*value = optarg;
		switch (key) {
		case NO_COLOR_KEY:
			color_off();
			continue;
		case 'h':
		case HELP_KEY:
			usage_print(self);
			return 'h';
		case ':':
			usage_error(self, "option '%s' needs a value", argv[optind - 1]);
			return '?';
		case '?':
			/* A letter may stand among others, then it is not the word before. */
			if (optopt != 0 && optopt < 256 && strchr(letters, optopt) == NULL)
				usage_error(self, "unknown option '-%c'", optopt);
			else
				usage_error(self, "unknown option '%s'", argv[optind - 1]);
			return '?';
		default:
			return key;
		}
	}
}

int
options_end(void)
{
	return optind;
}

bool
format_parse(const struct command *self, const char *text, enum format *out)
{
	static const char *const names[] = { "table", "json", "yaml", "tsv" };

	for (int i = FORMAT_TABLE; i <= FORMAT_TSV; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum format)i;
			return true;
		}
	}
	usage_error(self, "unknown output format '%s', choose table, json, yaml or tsv", text);
	return false;
}
