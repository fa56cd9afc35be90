/*
 * journal.c: `entrepot journal stat|verify|dump`: looks at the log without the gateway. They read
 * only, take no lock, and work beside a running gateway.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/journal.h"
#include "command/offline.h"

static const char usage[] =
	"Usage: entrepot journal stat|verify|dump [--config FILE | --data DIRECTORY] [--json]\n"
	"\n"
	"  stat    what the log holds: segments, frames, extents, where it begins and ends\n"
	"  verify  reads everything, bodies in extents too; names every damaged place, and every message that it "
	"affects\n"
	"  dump    each frame as a line of JSON; no bodies, no records, no personal data but with --bodies\n"
	"\n"
	"  -c, --config FILE     the configuration (default: entrepot.conf); its secrets are not needed\n"
	"  -d, --data DIRECTORY  the data directory itself, without a configuration\n"
	"  -j, --json            for programs\n"
	"      --from POSITION   dump: begin there\n"
	"      --bodies          dump: messages' bodies (base64 if they aren't text) and records as well\n"
	"  -h, --help            this text\n"
	"\n"
	"Exit status: 0 sound, 1 damaged, 64 usage, 66 no journal there, 70 it can't be read,\n"
	"78 configuration.\n";

static const struct {
	const char *name;
	int (*run)(const struct journal_command *command);
} subcommands[] = {{"stat", journal_stat}, {"verify", journal_verify}, {"dump", journal_dump}};

enum { OPTION_FROM = 256, OPTION_BODIES };

static bool read_position(const char *text, uint64_t *position)
{
	char *end;

	errno = 0;
	*position = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9';
}

static int run(const char *name, struct journal_command *command, const char *file)
{
	struct conf *conf = NULL;
	int result = COMMAND_USAGE;

	if (!command->directory) {
		conf = offline_conf(file);
		if (!conf)
			return COMMAND_BAD_CONFIG;
		command->conf = conf;
		command->directory = conf->data_dir;
	}
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		if (strcmp(subcommands[i].name, name) == 0)
			result = subcommands[i].run(command);
	if (result == COMMAND_USAGE)
		fprintf(stderr, "entrepot journal: '%s' is none of stat, verify, dump\n%s", name, usage);
	conf_free(conf);
	return result;
}

int command_journal(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"data", required_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'},
		{"from", required_argument, NULL, OPTION_FROM}, {"bodies", no_argument, NULL, OPTION_BODIES},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct journal_command command = {.directory = NULL};
	const char *file = "entrepot.conf";
	int option;

	while ((option = getopt_long(argc, argv, "c:d:jh", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(usage, stdout);
			return COMMAND_OK;
		case 'c':
			file = optarg;
			break;
		case 'd':
			command.directory = optarg;
			break;
		case 'j':
			command.json = true;
			break;
		case OPTION_BODIES:
			command.bodies = true;
			break;
		case OPTION_FROM:
			if (read_position(optarg, &command.from))
				break;
			fprintf(stderr, "entrepot journal: --from takes a position, a number of bytes\n");
			return COMMAND_USAGE;
		default:
			fputs(usage, stderr);
			return COMMAND_USAGE;
		}
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "entrepot journal: one of stat, verify, dump is expected\n%s", usage);
		return COMMAND_USAGE;
	}
	log_setup(LOG_TEXT, EP_LOG_WARN);
	return run(argv[optind], &command, file);
}
