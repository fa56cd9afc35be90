/*
 * normalize.c: `entrepot normalize`: runs files through a plugin, in the same sandboxed worker as the gateway does, and
 * prints what would be forwarded. For a plugin's author, for tests, and for a message that was refused.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/note.h"
#include "command/command.h"
#include "command/input.h"
#include "command/normalizer.h"

#define SETTINGS_MAX 200
#define ARGUMENTS_BYTES_MAX ((size_t)1024 * 1024)

static const char usage[] =
	"Usage: entrepot normalize PLUGIN [-o KEY=VALUE]... [--header 'NAME: VALUE']... [--source NAME] FILE...\n"
	"\n"
	"Runs each FILE (\"-\": standard input) through PLUGIN and prints its records, one CloudEvent a line.\n"
	"PLUGIN is a name, or a path with a slash. FILE.headers beside FILE, one \"Name: value\" a line, reach the "
	"plugin.\n"
	"\n"
	"  -o, --option KEY=VALUE  an option of the plugin; every plugin takes zone= and charset=\n"
	"  -H, --header 'N: V'     a header, as if it had come with every file\n"
	"  -s, --source NAME       the source's name (default: the plugin's); with --config its settings are used\n"
	"  -c, --config FILE       takes plugin_dir, sandbox and the source's settings from there\n"
	"  -v, --verbose           what the plugin logs, on standard error\n"
	"  -h, --help              this text\n"
	"\n"
	"Errors go to standard error as FILE: PLACE: CODE: TEXT. Exit status: 0; 64 usage; 65 a message or a record "
	"was\n"
	"rejected; 66 a file can't be read; 70 the worker died; 78 the plugin or an option isn't accepted.\n";

struct arguments {
	const char *plugin, *source, *config;
	struct worker_setting settings[SETTINGS_MAX];
	size_t setting_count;
	struct ep_header headers[INPUT_HEADERS_MAX];
	uint32_t header_count;
	bool verbose;
	struct arena memory;
	struct conf *conf; /* NULL: none */
};

static int misuse(const char *what, const char *about)
{
	fprintf(stderr, "entrepot normalize: %s%s\n%s", what, about, usage);
	return COMMAND_USAGE;
}

static bool add_setting(struct arguments *arguments, const char *text)
{
	const char *equals = strchr(text, '=');
	struct ep_slice name;

	if (!equals || equals == text || arguments->setting_count == SETTINGS_MAX)
		return false;
	name = arena_copy(&arguments->memory, ep_slice_make(text, (uint64_t)(equals - text)));
	arguments->settings[arguments->setting_count++] = (struct worker_setting){name.data, equals + 1};
	return name.data != NULL;
}

static bool add_header(struct arguments *arguments, const char *text)
{
	return arguments->header_count < INPUT_HEADERS_MAX &&
	       input_header(&arguments->memory, ep_slice_of(text), &arguments->headers[arguments->header_count++]);
}

/* COMMAND_OK: go on. -1: done. */
static int read_arguments(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {{"option", required_argument, NULL, 'o'},
		{"header", required_argument, NULL, 'H'}, {"source", required_argument, NULL, 's'},
		{"config", required_argument, NULL, 'c'}, {"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "o:H:s:c:vh", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			if (!add_setting(arguments, optarg))
				return misuse("-o takes KEY=VALUE, not ", optarg);
			break;
		case 'H':
			if (!add_header(arguments, optarg))
				return misuse("--header takes 'NAME: VALUE', not ", optarg);
			break;
		case 's':
			arguments->source = optarg;
			break;
		case 'c':
			arguments->config = optarg;
			break;
		case 'v':
			arguments->verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return -1;
		default:
			fputs(usage, stderr);
			return COMMAND_USAGE;
		}
	}
	if (argc - optind < 2)
		return misuse(argc == optind ? "PLUGIN is missing" : "FILE is missing", "");
	arguments->plugin = argv[optind];
	return COMMAND_OK;
}

/* [a-z][a-z0-9-]{0,39} */
static bool is_source_name(const char *name)
{
	const size_t length = strlen(name);

	return length > 0 && length <= 40 && name[0] >= 'a' && name[0] <= 'z' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* A plugin's name is a source's but for its underscores. */
static void name_source(const char *plugin, char *name, size_t size)
{
	snprintf(name, size, "%s", plugin);
	for (; *name; name++) {
		if (*name == '_')
			*name = '-';
	}
}

/* What the configuration says about the source stands before what the command line says, which therefore wins. */
static bool use_source(
	struct arguments *arguments, const struct conf_source *source, struct normalizer_options *options)
{
	struct worker_setting given[SETTINGS_MAX];
	const size_t count = arguments->setting_count;

	memcpy(given, arguments->settings, sizeof(given));
	arguments->setting_count = 0;
	for (size_t i = 0; i < source->option_count; i++) {
		bool overridden = false;

		for (size_t j = 0; j < count; j++)
			overridden |= strcmp(given[j].name, source->options[i].name) == 0;
		if (overridden)
			continue;
		if (arguments->setting_count + count >= SETTINGS_MAX)
			return false;
		arguments->settings[arguments->setting_count++] =
			(struct worker_setting){source->options[i].name, source->options[i].value};
	}
	memcpy(arguments->settings + arguments->setting_count, given, count * sizeof(given[0]));
	arguments->setting_count += count;
	options->deadline_ns = source->deadline_ns;
	options->deadline_per_mib_ns = source->deadline_per_mib_ns;
	options->memory_max = source->memory_max;
	options->json_max = source->json_max;
	options->reject_message = source->on_bad_record == CONF_REJECT_MESSAGE;
	return true;
}

static int load_config(struct arguments *arguments, struct normalizer_options *options)
{
	struct buffer report;
	enum ep_status status;

	buffer_init(&report, (size_t)1024 * 1024);
	status = conf_load(arguments->config, &arguments->conf, &report);
	if (report.length > 0)
		fwrite(report.data, 1, report.length, stderr);
	buffer_free(&report);
	if (status != EP_OK)
		return COMMAND_BAD_CONFIG;
	options->require = arguments->conf->sandbox_require;
	options->require_count = arguments->conf->sandbox_require_count;
	if (arguments->source) {
		const struct conf_source *source = conf_source_find(arguments->conf, ep_slice_of(arguments->source));

		if (source && !use_source(arguments, source, options))
			return misuse("too many options", "");
	}
	return COMMAND_OK;
}

/* The worst of two files' results. */
static int worse(int a, int b)
{
	static const int order[] = {COMMAND_INTERNAL, COMMAND_NO_INPUT, COMMAND_BAD_DATA};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (a == order[i] || b == order[i])
			return order[i];
	}
	return COMMAND_OK;
}

static int normalize(struct arguments *arguments, char **files)
{
	struct normalizer_options options = {
		.headers = arguments->headers,
		.header_count = arguments->header_count,
		.deadline_ns = 5 * NS_PER_S, /* the configuration's defaults */
		.deadline_per_mib_ns = NS_PER_S,
		.memory_max = INT64_C(256) << 20,
		.json_max = INT64_C(16) << 20,
		.out = stdout,
		.errors = stderr,
	};
	struct normalizer *normalizer = NULL;
	struct ep_note note;
	struct error error = {.code = EP_ERR_CONFIG_VALUE};
	char path[4096], source[sizeof(note.name)];
	enum ep_status status;
	int result = COMMAND_OK;

	if (arguments->config)
		result = load_config(arguments, &options);
	if (result != COMMAND_OK)
		return result;
	status = plugin_file_find(
		arguments->conf ? arguments->conf->plugin_dir : NULL, arguments->plugin, path, sizeof(path), &error);
	if (status == EP_OK)
		status = note_read(path, &note, &error);
	if (status == EP_OK) {
		name_source(note.name, source, sizeof(source));
		options.source = arguments->source ? arguments->source : source;
		options.plugin_path = path;
		options.settings = arguments->settings;
		options.setting_count = arguments->setting_count;
		status = normalizer_create(&normalizer, &options, &error);
	}
	if (status != EP_OK) {
		fprintf(stderr, "entrepot normalize: %s: %s\n", schema_error_find(error.code)->code, error.text);
		return status == EP_BAD_CONFIG ? COMMAND_BAD_CONFIG : COMMAND_INTERNAL;
	}
	for (; *files; files++)
		result = worse(result, normalizer_run(normalizer, *files));
	normalizer_destroy(normalizer);
	return result;
}

int command_normalize(int argc, char **argv)
{
	static struct arguments arguments;
	int result;

	memset(&arguments, 0, sizeof(arguments));
	arena_init(&arguments.memory, ARGUMENTS_BYTES_MAX);
	result = read_arguments(argc, argv, &arguments);
	if (result == COMMAND_OK && arguments.source && !is_source_name(arguments.source))
		result = misuse("a source's name is [a-z][a-z0-9-]{0,39}, not ", arguments.source);
	if (result == COMMAND_OK) {
		log_setup(LOG_TEXT, arguments.verbose ? EP_LOG_DEBUG : EP_LOG_ERROR);
		result = normalize(&arguments, argv + optind + 1);
	}
	conf_free(arguments.conf);
	arena_free(&arguments.memory);
	return result == -1 ? COMMAND_OK : result;
}
