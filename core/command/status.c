/*
 * status.c: `entrepot status`: how the running gateway is doing, as tables or JSON, once or again and again.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "command/client.h"
#include "command/command.h"

#define TIMEOUT_S 10
#define WATCH_MS 2000

static const char usage[] =
	"Usage: entrepot status [--config FILE] [--json] [--watch]\n"
	"\n"
	"Shows what the running gateway's sources, destinations and workers have done and what is pending.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: entrepot.conf), which names the admin socket\n"
	"  -j, --json         as JSON\n"
	"  -w, --watch        again every two seconds, until interrupted or the gateway ends\n"
	"  -h, --help         this text\n"
	"\n"
	"Messages are counted by the outcome that counts now: received = normalized + duplicate + quarantined +\n"
	"discarded + pending. Records: delivered + filtered + superseded + dead + pending. Counts are kept over "
	"restarts,\n"
	"but for retried. OLDEST is the age of what has been pending longest.\n"
	"\n"
	"States of a source: works; idle (its worker is started by the next message); throttled (its worker died "
	"before its\n"
	"first good answer, and is started again after a delay); removed (from the configuration; its messages stay "
	"pending).\n"
	"States of a destination: works; fails (tried again by itself); refused (it refuses our credentials: paused); "
	"halted.\n"
	"\n"
	"Exit status: 0, 64 usage, 69 the gateway isn't running, 70 it didn't answer, 78 configuration.\n";

static int show(const char *file, bool as_json, bool again)
{
	const struct client_request request = {.method = "GET",
		.path = "/status",
		.accept = as_json ? "application/json" : "text/plain",
		.timeout_s = TIMEOUT_S};
	struct buffer answer;
	int result;

	buffer_init(&answer, CLIENT_ANSWER_MAX);
	result = client_run("status", file, &request, &answer);
	if (result == COMMAND_OK) {
		if (again && !as_json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		if (fwrite(answer.data, 1, answer.length, stdout) != answer.length || fflush(stdout) == EOF)
			result = COMMAND_INTERNAL;
	}
	buffer_free(&answer);
	return result;
}

int command_status(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'}, {"watch", no_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}};
	const char *file = "entrepot.conf";
	bool as_json = false, watch = false;
	int option, result;

	while ((option = getopt_long(argc, argv, "c:jwh", options, NULL)) != -1) {
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
		watch = watch || option == 'w';
	}
	if (optind != argc) {
		fprintf(stderr, "entrepot status: '%s' isn't expected\n%s", argv[optind], usage);
		return COMMAND_USAGE;
	}
	result = show(file, as_json, watch);
	while (watch && result == COMMAND_OK) {
		poll(NULL, 0, WATCH_MS);
		result = show(file, as_json, true);
	}
	return result;
}
