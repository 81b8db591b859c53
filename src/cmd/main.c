#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static const struct command *const commands[] = { &cmd_serve, &cmd_check, &cmd_explain, &cmd_test,
	&cmd_backtest, &cmd_send, &cmd_alerts, &cmd_actions, &cmd_release, &cmd_approve, &cmd_deny,
	&cmd_silence, &cmd_panic, &cmd_rules, &cmd_reload, &cmd_backup, &cmd_posture,
	&cmd_version };

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
print_all(FILE *f)
{
	fputs("Usage: gridwarden COMMAND [OPTION]... [ARGUMENT]...\n"
	      "Responds to Microsoft Defender for Cloud alerts that Azure Event Grid delivers.\n\n"
	      "Commands:\n",
	    f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n'gridwarden COMMAND --help' explains one; 'man gridwarden' explains all.\n", f);
}

static int
unknown(const char *name)
{
	const char *names[COMMANDS], *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i]->name;
	near = str_nearest(str_of(name), names, COMMANDS);
	fprintf(stderr, "gridwarden: unknown command '%s'", name);
	if (near != NULL)
		fprintf(stderr, ", did you mean '%s'?", near);
	fputs("\nTry 'gridwarden --help'.\n", stderr);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	signal(SIGPIPE, SIG_IGN);
	if (name == NULL) {
		print_all(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_all(stdout);
		return EXIT_OK;
	}
	if (strcmp(name, "--version") == 0)
		name = "version";
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(name, commands[i]->name) == 0)
			return commands[i]->run(commands[i], argc - 1, argv + 1);
	return unknown(name);
}
