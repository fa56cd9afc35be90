/*
 * run.c: `entrepot run`: the gateway in the foreground, until SIGTERM or SIGINT.
 *
 * A first signal drains (gateway_drain); a second one ends at once, which loses nothing: the journal holds it.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "admin/admin.h"
#include "base/note.h"
#include "command/command.h"
#include "command/gateway.h"

#define DESCRIPTORS_MAX 65536

static const char usage[] =
	"Usage: entrepot run [--config FILE]\n"
	"\n"
	"Runs the gateway in the foreground: takes messages from the configured sources, makes each durable before "
	"its\n"
	"receipt, and forwards their records to the destinations. Logs to standard error.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: entrepot.conf)\n"
	"  -h, --help         this text\n"
	"\n"
	"SIGTERM or SIGINT: accept nothing new, answer what is durable, finish deliveries in flight, exit 0 within\n"
	"drain_timeout; again: end at once. Exit status: 0 ended as asked, 64 usage, 69 a listener can't be bound,\n"
	"70 the disk failed or a defect, 75 another gateway uses the data directory, 78 configuration.\n";

struct run {
	struct loop *loop;
	struct gateway *gateway;
	struct admin *admin;
	bool draining;
};

static void on_drained(void *argument)
{
	struct run *run = argument;

	loop_stop(run->loop);
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
	struct run *run = argument;

	(void)what;
	log_info("stopping", log_number("signal", number));
	if (run->draining) {
		loop_stop(run->loop);
		return;
	}
	run->draining = true;
	admin_stopping(run->admin);
	gateway_drain(run->gateway, on_drained, run);
}

/* Before it is ready: nothing has been accepted that isn't in the journal. */
static void end_at_once(int number)
{
	(void)number;
	_exit(COMMAND_OK);
}

static int exit_code(enum ep_status status)
{
	switch (status) {
	case EP_CONFLICT:
		return COMMAND_TRY_LATER;
	case EP_BAD_CONFIG:
		return COMMAND_BAD_CONFIG;
	case EP_AGAIN:
		return COMMAND_NOT_RUNNING;
	default:
		return COMMAND_INTERNAL;
	}
}

/* Last of all: who reaches the admin API reaches a gateway that has read its journal. */
static enum ep_status start_admin(struct run *run, const struct conf *conf, struct error *error)
{
	const struct gateway_parts parts = gateway_parts(run->gateway);
	struct admin_options options = {.conf = conf,
		.loop = run->loop,
		.journal = parts.journal,
		.index = parts.index,
		.acceptor = parts.acceptor,
		.intake = parts.intake,
		.pipeline = parts.pipeline,
		.couriers = parts.couriers,
		.courier_count = parts.courier_count,
		.version = ENTREPOT_VERSION};
	struct error ignored;

	if (note_build_id("/proc/self/exe", &options.build, &ignored) != EP_OK)
		options.build = 0;
	return admin_create(&run->admin, &options, error);
}

/* Connections, workers (four each), extents: as many as whoever started the gateway allows it at most. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur >= DESCRIPTORS_MAX)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		log_warn("few descriptors", log_number("soft_limit", (int64_t)limit.rlim_cur));
}

static int serve(const struct conf *conf)
{
	struct run run = {0};
	struct error error = {0};
	struct event *signals[2] = {NULL, NULL};
	enum ep_status status = loop_create(&run.loop, &error);

	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, end_at_once);
	signal(SIGINT, end_at_once);
	allow_descriptors();
	if (status == EP_OK)
		status = gateway_start(&run.gateway, conf, run.loop, NULL, &error);
	if (status == EP_OK)
		status = start_admin(&run, conf, &error);
	if (status != EP_OK) {
		gateway_destroy(run.gateway);
		log_error("not started", log_text("reason", error.text),
			log_text("remedy", schema_error_find(error.code)->remedy));
		loop_destroy(run.loop);
		return exit_code(status);
	}
	signals[0] = evsignal_new(loop_base(run.loop), SIGTERM, on_signal, &run);
	signals[1] = evsignal_new(loop_base(run.loop), SIGINT, on_signal, &run);
	for (size_t i = 0; i < 2; i++)
		if (!signals[i] || event_add(signals[i], NULL) == -1)
			PANIC("signals can't be handled");
	for (size_t i = 0; i < conf->listener_count; i++)
		log_info("listening", log_text("address", gateway_address(run.gateway, i)),
			log_text("transport", conf->listeners[i].has_tls ? "https" : "http"));
	if (admin_address(run.admin))
		log_info("admin listening", log_text("at", admin_address(run.admin)));
	log_info("ready", log_number("pid", getpid()));
	loop_run(run.loop);
	admin_destroy(run.admin);
	gateway_destroy(run.gateway);
	for (size_t i = 0; i < 2; i++)
		event_free(signals[i]);
	loop_destroy(run.loop);
	log_info("stopped", log_number("pid", getpid()));
	return COMMAND_OK;
}

int command_run(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *file = "entrepot.conf";
	struct buffer report;
	struct conf *conf = NULL;
	int option, result;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return COMMAND_OK;
		}
		if (option != 'c') {
			fputs(usage, stderr);
			return COMMAND_USAGE;
		}
		file = optarg;
	}
	if (optind != argc) {
		fprintf(stderr, "entrepot run: '%s' isn't expected\n%s", argv[optind], usage);
		return COMMAND_USAGE;
	}
	buffer_init(&report, (size_t)1024 * 1024);
	if (conf_load(file, &conf, &report) != EP_OK) {
		fprintf(stderr, "%.*s", (int)report.length, report.data ? report.data : "");
		result = COMMAND_BAD_CONFIG;
	} else {
		fprintf(stderr, "%.*s", (int)report.length, report.data ? report.data : ""); /* warnings */
		log_setup(conf->log_format, conf->log_level);
		result = serve(conf);
	}
	conf_free(conf);
	buffer_free(&report);
	return result;
}
