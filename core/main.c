/*
 * main.c: `entrepot COMMAND ...`: finds the command and hands over. Every command explains itself with --help.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "conf/setting.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"balance", command_balance, "every message and every record accounted for, exactly"},
	{"check", command_check, "tell everything that is wrong with a configuration"},
	{"journal", command_journal, "look at the log: what it holds, what is damaged"},
	{"normalize", command_normalize, "run files through a plugin and print the records as events"},
	{"plugin", command_plugin, "swap a source's plugin while the gateway runs"},
	{"plugins", command_plugins, "list the plugins that there are"},
	{"run", command_run, "take messages, make them durable, forward their records"},
	{"schema", command_schema, "print the JSON Schema of the unified format"},
	{"status", command_status, "show how the running gateway is doing"},
	{"version", command_version, "print version, interface, build and libraries"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *to)
{
	fputs("Usage: entrepot COMMAND [ARGUMENTS]\n\n"
	      "One point of access for the messages of platforms, banks, warehouses, carriers and insurers.\n\n",
		to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nentrepot COMMAND --help says more about one of them.\n", to);
}

static const char *command_name(const void *argument, size_t index)
{
	(void)argument;
	return commands[index].name;
}

static int unknown(const char *name)
{
	const char *nearest = nearest_name(name, command_name, NULL, COMMANDS);

	fprintf(stderr, "entrepot: no command '%s'%s%s%s\n", name, nearest ? "; nearest: '" : "",
		nearest ? nearest : "", nearest ? "'" : "");
	print_usage(stderr);
	return COMMAND_USAGE;
}

/* What was printed into a full disk hasn't been printed. */
static int printed(int result)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return result;
	if (result != COMMAND_OK)
		return result;
	fprintf(stderr, "entrepot: standard output: %s\n", strerror(errno));
	return COMMAND_INTERNAL;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return COMMAND_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return printed(COMMAND_OK);
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return printed(commands[i].run(argc - 1, argv + 1));
	}
	return unknown(argv[1]);
}
