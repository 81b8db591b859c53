/*
 * `gridwarden posture WORD...`: the table of its commands.
 */
#include <string.h>

#include "cmd/posture.h"

static const struct command *const commands[] = { &posture_score, &posture_recommendations,
	&posture_plans_list, &posture_plans_enable, &posture_plans_disable, &posture_alerts_list,
	&posture_compliance_standards, &posture_compliance_controls, &posture_app_control_list,
	&posture_jit_list, &posture_jit_enable, &posture_jit_request };

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))
#define WORDS_MAX 64

/* What stands behind "posture ". */
static const char *
words(const struct command *c)
{
	return c->name + strlen("posture ");
}

static void
print_all(FILE *f)
{
	fputs("Usage: gridwarden posture COMMAND [OPTION]... [ARGUMENT]...\n"
	      "Asks Defender for Cloud how an Azure subscription stands, and mends it.\n\n"
	      "Commands:\n",
	    f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-22s  %s\n", words(commands[i]), commands[i]->summary);
	fputs("\n'gridwarden posture COMMAND --help' explains one.\n", f);
}

/* How many arguments the command's words are; 0 = these are not they. */
static int
fits(const struct command *c, int argc, char **argv)
{
	struct str rest = str_of(words(c)), word;
	int n = 0;

	while (str_next(&rest, ' ', &word))
		if (++n >= argc || !str_eq(word, str_of(argv[n])))
			return 0;
	return n;
}

static int
unknown(int argc, char **argv)
{
	const char *names[COMMANDS], *near;
	bool second = argc > 2 && argv[2][0] != '-';
	char asked[WORDS_MAX];

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = words(commands[i]);
	snprintf(asked, sizeof(asked), "%s%s%s", argv[1], second ? " " : "", second ? argv[2] : "");
	near = str_nearest(str_of(asked), names, COMMANDS);
	if (near == NULL)
		near = str_nearest(str_of(argv[1]), names, COMMANDS);
	fprintf(stderr, "gridwarden posture: unknown command '%s'", asked);
	for (size_t i = 0; near == NULL && i < COMMANDS; i++)
		if (str_starts_nocase(str_of(names[i]), str_of(argv[1])))
			near = names[i];
	if (near != NULL)
		fprintf(stderr, ", did you mean '%s'?", near);
	fputs("\nTry 'gridwarden posture --help'.\n", stderr);
	return EXIT_USAGE;
}

static int
run(const struct command *self, int argc, char **argv)
{
	if (argc < 2) {
		print_all(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_all(stdout);
		return EXIT_OK;
	}
	if (argv[1][0] == '-') { /* options stand behind the words of a command */
		static const struct option_row none[] = { { NULL, 0, false } };
		const char *value;

		if (options_next(self, none, argc, argv, &value) == -1)
			usage_error(self, "takes a command before its options");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		int n = fits(commands[i], argc, argv);

		if (n > 0)
			return commands[i]->run(commands[i], argc - n, argv + n);
	}
	return unknown(argc, argv);
}

const struct command cmd_posture = {
	.name = "posture",
	.summary = "plans, secure score, recommendations: how a subscription stands",
	.usage = "COMMAND [OPTION]...\n",
	.run = run,
};
