/*
 * command.h: the subcommands of `entrepot`. Each gets what stands behind its name and returns an exit status.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#define ENTREPOT_VERSION "0.1.0"

/* sysexits.h's numbers, as the contract lists them. */
enum command_exit {
	COMMAND_OK = 0,
	COMMAND_FAILED = 1,
	COMMAND_USAGE = 64,
	COMMAND_BAD_DATA = 65,
	COMMAND_NO_INPUT = 66,
	COMMAND_NOT_RUNNING = 69,
	COMMAND_INTERNAL = 70,
	COMMAND_TRY_LATER = 75,
	COMMAND_BAD_CONFIG = 78
};

int command_balance(int argc, char **argv);   /* balance.c */
int command_run(int argc, char **argv);       /* run.c */
int command_check(int argc, char **argv);     /* check.c */
int command_journal(int argc, char **argv);   /* journal.c */
int command_normalize(int argc, char **argv); /* normalize.c */
int command_plugin(int argc, char **argv);    /* plugin.c */
int command_plugins(int argc, char **argv);   /* plugins.c */
int command_schema(int argc, char **argv);    /* schema.c */
int command_status(int argc, char **argv);    /* status.c */
int command_version(int argc, char **argv);   /* version.c */

#endif
