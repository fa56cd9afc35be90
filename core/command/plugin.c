/* plugin.c: `entrepot plugin swap SOURCE FILE`: another plugin for a source of the running gateway. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/client.h"
#include "command/command.h"
#include "command/plugin.h"
#include "intake/json_find.h"

#define TIMEOUT_S 60

static const char usage[] =
	"Usage: entrepot plugin swap SOURCE FILE [--config FILE] [--json]\n"
	"\n"
	"Gives a source of the running gateway another plugin, or another build of it, while it goes on working: the "
	"new one\n"
	"is loaded in a worker of its own and checked (note, interface, options, sandbox), then takes over between "
	"two\n"
	"messages, and the old one finishes what it has. If the new one can't be loaded, or crashes on one of its "
	"first 16\n"
	"messages, the old one stays and gets these messages; nothing is lost or refused meanwhile.\n"
	"\n"
	"It holds until the gateway stops: put the file into the configuration, too.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: entrepot.conf), which names the admin socket\n"
	"  -j, --json         the answer as JSON\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 in service or on trial, 1 refused, the old plugin stays; 64 usage, 66 no such file, 69 the "
	"gateway\n"
	"isn't running, 75 try later, 78 configuration.\n";

static struct ep_slice member(const struct buffer *answer, const char *name)
{
	return json_find(buffer_slice(answer), ep_slice_of(name));
}

static void print_answer(const struct buffer *answer)
{
	struct ep_slice source = member(answer, "source"), plugin = member(answer, "plugin");
	struct ep_slice version = member(answer, "version"), build = member(answer, "build");
	struct ep_slice messages = member(answer, "messages"), refused = member(answer, "refused");
	struct ep_slice configured = member(answer, "configured");

	printf("source %.*s: %.*s %.*s (build %.*s) ", (int)source.length, source.data, (int)plugin.length, plugin.data,
		(int)version.length, version.data, (int)build.length, build.data);
	if (ep_slice_is(member(answer, "state"), "in service"))
		printf("is in service");
	else
		printf("has taken over and is on trial for its first 16 messages (entrepot status shows how it goes)");
	printf("; %.*s answered, %.*s of them refused\n", (int)messages.length, messages.data, (int)refused.length,
		refused.data);
	if (configured.length)
		fprintf(stderr, "entrepot plugin: until the gateway stops: the configuration names %.*s\n",
			(int)configured.length, configured.data);
}

int plugin_swap(const char *command, const char *file, const char *source, const char *plugin, struct buffer *answer)
{
	struct client_request request = {.method = "POST", .timeout_s = TIMEOUT_S};
	char *path = realpath(plugin, NULL), target[256];
	int result;

	if (!path) {
		fprintf(stderr, "entrepot %s: %s: %m\n", command, plugin);
		return COMMAND_NO_INPUT;
	}
	if (strspn(source, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(source) || strlen(source) > 40) {
		fprintf(stderr, "entrepot %s: '%s' isn't a source's name\n", command, source);
		free(path);
		return COMMAND_USAGE;
	}
	snprintf(target, sizeof(target), "/sources/%s/swap", source);
	request.path = target;
	request.body = ep_slice_of(path);
	result = client_run(command, file, &request, answer);
	free(path);
	return result;
}

static int swap(const char *file, const char *source, const char *plugin, bool as_json)
{
	struct buffer answer;
	int result;

	buffer_init(&answer, CLIENT_ANSWER_MAX);
	result = plugin_swap("plugin", file, source, plugin, &answer);
	if (result == COMMAND_OK && as_json)
		fwrite(answer.data, 1, answer.length, stdout);
	else if (result == COMMAND_OK)
		print_answer(&answer);
	buffer_free(&answer);
	return result;
}

int command_plugin(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *file = "entrepot.conf";
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:jh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return COMMAND_OK;
		}
		if (option == '?') {
			fputs(usage, stderr);
			return COMMAND_USAGE;
		}
		if (option == 'c')
			file = optarg;
		as_json = as_json || option == 'j';
	}
	if (argc - optind != 3 || strcmp(argv[optind], "swap") != 0) {
		fputs(usage, stderr);
		return COMMAND_USAGE;
	}
	return swap(file, argv[optind + 1], argv[optind + 2], as_json);
}
