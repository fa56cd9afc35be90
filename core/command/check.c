/*
 * check.c: `entrepot check`: everything that would be wrong with a configuration at run time, told before it runs.
 *
 * Beyond reading the file it loads what only shows when it is loaded: certificates and their keys, and each source's
 * plugin, in a worker of its own, with its options, behind the sandbox. Listens on nothing, sends nothing, writes nothing.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "conf/conf.h"
#include "intake/tls.h"
#include "supervise/supervise.h"

static const char usage[] =
	"Usage: entrepot check [--config FILE | --reference]\n"
	"\n"
	"Tells everything that is wrong with a configuration: each source's worker is started once with its\n"
	"options and its sandbox. Listens on nothing and changes nothing.\n"
	"\n"
	"  -c, --config FILE  the configuration (default: entrepot.conf)\n"
	"  -r, --reference    no check: prints every setting there is, as Markdown\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 it would run, 64 usage, 70 a defect, 78 what is wrong stands on standard error.\n";

static void complain(const struct conf *conf, int line, const char *what, const char *name, const char *text)
{
	fprintf(stderr, "%s:%d: %s %s: %s\n", conf->file, line, what, name, text);
}

static size_t check_listeners(const struct conf *conf)
{
	struct error error = {0};
	size_t wrong = 0;

	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *listener = &conf->listeners[i];
		SSL_CTX *context = NULL;

		if (!listener->has_tls)
			continue;
		if (tls_create(&context, &listener->tls, &error) != EP_OK) {
			complain(conf, listener->line, "listener", listener->address, error.text);
			wrong++;
		}
		tls_destroy(context);
	}
	return wrong;
}

static enum ep_status start_worker(struct supervisor *supervisor, const struct conf_source *source, struct error *error)
{
	struct worker_setting *settings = calloc(source->option_count + 1, sizeof(*settings));
	struct worker_options options = {.source = source->name,
		.plugin_path = source->plugin_path,
		.settings = settings,
		.setting_count = source->option_count,
		.deadline_ns = source->deadline_ns,
		.deadline_per_mib_ns = source->deadline_per_mib_ns,
		.memory_max = source->memory_max,
		.body_max = source->body_max,
		.json_max = source->json_max,
		.reject_message = source->on_bad_record == CONF_REJECT_MESSAGE};
	struct worker *worker = NULL;
	enum ep_status status;

	if (!settings)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker's options");
	for (size_t i = 0; i < source->option_count; i++)
		settings[i] = (struct worker_setting){source->options[i].name, source->options[i].value};
	status = worker_create(supervisor, &options, &worker, error);
	if (status == EP_OK)
		status = worker_start(worker, error);
	if (status == EP_OK)
		printf("source %s: %s %s, sandbox: %s\n", source->name, worker_identity(worker)->name,
			worker_identity(worker)->version, worker_identity(worker)->layers);
	if (worker)
		worker_destroy(worker); /* one at a time: a machine need not carry all of them at once for this */
	free(settings);
	return status;
}

static enum ep_status check_sources(const struct conf *conf, size_t *wrong, struct error *error)
{
	struct supervisor_options options = {
		.require = conf->sandbox_require, .require_count = conf->sandbox_require_count};
	struct supervisor *supervisor = NULL;
	enum ep_status status = loop_create(&options.loop, error);

	if (status != EP_OK)
		return status;
	status = supervisor_create(&supervisor, &options, error);
	for (size_t i = 0; status == EP_OK && i < conf->source_count; i++) {
		struct error reason = {0};

		if (start_worker(supervisor, &conf->sources[i], &reason) == EP_OK)
			continue;
		complain(conf, conf->sources[i].line, "source", conf->sources[i].name, reason.text);
		++*wrong;
	}
	if (supervisor)
		supervisor_destroy(supervisor);
	loop_destroy(options.loop);
	return status;
}

static int check(const char *file)
{
	struct error error = {0};
	struct conf *conf = NULL;
	struct buffer report;
	size_t wrong = 0;
	int result = COMMAND_BAD_CONFIG;

	buffer_init(&report, (size_t)1024 * 1024);
	if (conf_load(file, &conf, &report) == EP_OK) {
		wrong = check_listeners(conf);
		if (check_sources(conf, &wrong, &error) != EP_OK) {
			fprintf(stderr, "entrepot check: %s\n", error.text);
			result = COMMAND_INTERNAL;
		} else if (wrong == 0) {
			result = COMMAND_OK;
		}
	}
	fprintf(stderr, "%.*s", (int)report.length, report.data ? report.data : ""); /* errors, or warnings */
	if (result == COMMAND_OK)
		printf("%s: sound: %zu listeners, %zu sources, %zu destinations\n", file, conf->listener_count,
			conf->source_count, conf->destination_count);
	conf_free(conf);
	buffer_free(&report);
	return result;
}

static int print_reference(void)
{
	struct buffer out;
	int result = COMMAND_OK;

	buffer_init(&out, (size_t)1024 * 1024);
	if (conf_write_reference(&out) != EP_OK || fwrite(out.data, 1, out.length, stdout) != out.length)
		result = COMMAND_INTERNAL;
	buffer_free(&out);
	return result;
}

int command_check(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"reference", no_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *file = "entrepot.conf";
	bool reference = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:rh", options, NULL)) != -1) {
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
		reference = reference || option == 'r';
	}
	if (optind != argc) {
		fprintf(stderr, "entrepot check: '%s' isn't expected\n%s", argv[optind], usage);
		return COMMAND_USAGE;
	}
	if (reference)
		return print_reference();
	log_setup(LOG_TEXT, EP_LOG_ERROR + 1); /* what a worker says is told once, with the source's line */
	return check(file);
}
