/*
 * plugins.c: `entrepot plugins`: what plugins there are, from their notes: nothing of them is loaded for the list. The
 * options of one stand in its code; for them it is loaded, in a sandboxed worker as ever.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/disk.h"
#include "base/json.h"
#include "base/note.h"
#include "command/command.h"
#include "command/describe.h"
#include "conf/conf.h"

#define PLUGINS_MAX 1024
#define PATH_BYTES 4096

static const char usage[] =
	"Usage: entrepot plugins [--config FILE] [--json] [NAME]\n"
	"\n"
	"Lists the plugins that sources can name; or shows one (a name, or a file's path with a slash) with its "
	"options.\n"
	"\n"
	"  -c, --config FILE  look in this configuration's plugin_dir\n"
	"  -j, --json         as JSON\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0, 64 usage, 66 no such plugin, 78 configuration, or a plugin that can't be used.\n";

static const char *const kinds[] = {"", "bank", "payment", "platform", "warehouse", "insurer", "customs"};

struct plugin {
	char *path; /* owned */
	struct ep_note note;
	bool refused;
	char why[1000];
};

struct listing {
	struct plugin *plugins; /* owned */
	size_t count;
	const char *folder;
};

static bool add_plugin(struct listing *listing, const char *path)
{
	struct plugin *plugins, *plugin;
	struct error error = {0};

	plugins = reallocarray(listing->plugins, listing->count + 1, sizeof(*plugins));
	if (!plugins)
		return false;
	listing->plugins = plugins;
	plugin = &plugins[listing->count];
	*plugin = (struct plugin){.path = strdup(path)};
	if (!plugin->path)
		return false;
	listing->count++;
	plugin->refused = note_read(path, &plugin->note, &error) != EP_OK;
	snprintf(plugin->why, sizeof(plugin->why), "%s", error.text);
	return true;
}

static int see_name(void *argument, const char *name)
{
	struct listing *listing = argument;
	size_t length = strlen(name);
	char path[PATH_BYTES];

	if (length < 4 || strcmp(name + length - 3, ".so") != 0 || listing->count == PLUGINS_MAX)
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", listing->folder, name) >= (int)sizeof(path))
		return 0;
	return add_plugin(listing, path) ? 0 : 1;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct plugin *)a)->path, ((const struct plugin *)b)->path);
}

static void list_flags(uint32_t flags, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s", flags & EP_REPEATS_MEANINGFUL ? "repeats-meaningful" : "",
		flags == (EP_REPEATS_MEANINGFUL | EP_WHOLE_ONLY) ? " " : "", flags & EP_WHOLE_ONLY ? "whole-only" : "");
}

static void print_table(const struct listing *listing)
{
	printf("%-20s %-10s %-10s %-20s %s\n", "NAME", "VERSION", "KIND", "FLAGS", "FILE");
	for (size_t i = 0; i < listing->count; i++) {
		const struct plugin *plugin = &listing->plugins[i];
		char flags[64];

		if (plugin->refused)
			continue;
		list_flags(plugin->note.flags, flags, sizeof(flags));
		printf("%-20s %-10s %-10s %-20s %s\n", plugin->note.name, plugin->note.version,
			kinds[plugin->note.kind], flags[0] ? flags : "-", plugin->path);
	}
}

static void print_one(const struct plugin *plugin)
{
	char flags[64];

	list_flags(plugin->note.flags, flags, sizeof(flags));
	printf("name       %s\nversion    %s\nkind       %s\ninterface  %u.%u\nflags      %s\nheaders    %s\nfile      "
	       " %s\n",
		plugin->note.name, plugin->note.version, kinds[plugin->note.kind], plugin->note.abi_major,
		plugin->note.abi_minor, flags[0] ? flags : "-", plugin->note.headers[0] ? plugin->note.headers : "-",
		plugin->path);
}

/* The host's own, which every plugin has. */
static const struct worker_option own_options[] = {
	{.type = EP_OPTION_TEXT,
		.name = "zone",
		.fallback = "",
		.choices = "",
		.help = "of times without an offset: \"+08:00\", or a name such as \"Asia/Shanghai\""},
	{.type = EP_OPTION_TEXT,
		.name = "charset",
		.fallback = "",
		.choices = "",
		.help = "of messages that don't say: such as \"GB18030\"; without it UTF-8"},
};

#define OWN_OPTIONS (sizeof(own_options) / sizeof(own_options[0]))

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {"?", "text", "character", "number", "true or false", "one of"};

	return names[type < sizeof(names) / sizeof(names[0]) ? type : 0];
}

static void print_option(const struct worker_option *option)
{
	printf("  %-20s %s", option->name, type_name(option->type));
	if (option->type == EP_OPTION_CHOICE)
		printf(" %s", option->choices);
	if (option->type == EP_OPTION_INTEGER && (option->min != INT64_MIN || option->max != INT64_MAX))
		printf(" %lld to %lld", (long long)option->min, (long long)option->max);
	if (option->required)
		printf(", required");
	else if (option->fallback[0])
		printf(", default \"%s\"", option->fallback);
	printf("\n  %-20s %s\n", "", option->help);
}

static void write_option(struct json *json, const struct worker_option *option)
{
	json_object_begin(json);
	json_member_string(json, "name", option->name);
	json_member_string(json, "type", type_name(option->type));
	json_member_bool(json, "required", option->required);
	if (!option->required)
		json_member_string(json, "default", option->fallback);
	if (option->type == EP_OPTION_CHOICE)
		json_member_string(json, "choices", option->choices);
	if (option->type == EP_OPTION_INTEGER) {
		json_member_integer(json, "min", option->min);
		json_member_integer(json, "max", option->max);
	}
	json_member_string(json, "help", option->help);
	json_object_end(json);
}

static void print_options(const struct worker_identity *identity)
{
	printf("options\n");
	for (size_t i = 0; i < identity->option_count; i++)
		print_option(&identity->options[i]);
	for (size_t i = 0; i < OWN_OPTIONS; i++)
		print_option(&own_options[i]);
}

static void write_options(struct json *json, const struct worker_identity *identity)
{
	json_name(json, "options");
	json_array_begin(json);
	for (size_t i = 0; i < identity->option_count; i++)
		write_option(json, &identity->options[i]);
	for (size_t i = 0; i < OWN_OPTIONS; i++)
		write_option(json, &own_options[i]);
	json_array_end(json);
}

static void write_words(struct json *json, const char *name, const char *words)
{
	json_name(json, name);
	json_array_begin(json);
	while (*words) {
		size_t length = strcspn(words, " ");

		json_text(json, ep_slice_make(words, length));
		words += length + (words[length] == ' ');
	}
	json_array_end(json);
}

/* `identity`: NULL for the list, which loads nothing. */
static void write_plugin(struct json *json, const struct plugin *plugin, const struct worker_identity *identity)
{
	char text[64];

	json_object_begin(json);
	json_member_string(json, "file", plugin->path);
	if (plugin->refused) {
		json_member_string(json, "error", plugin->why);
	} else {
		json_member_string(json, "name", plugin->note.name);
		json_member_string(json, "version", plugin->note.version);
		json_member_string(json, "kind", kinds[plugin->note.kind]);
		snprintf(text, sizeof(text), "%u.%u", plugin->note.abi_major, plugin->note.abi_minor);
		json_member_string(json, "interface", text);
		list_flags(plugin->note.flags, text, sizeof(text));
		write_words(json, "flags", text);
		write_words(json, "headers", plugin->note.headers);
		if (identity)
			write_options(json, identity);
	}
	json_object_end(json);
}

static int print_json(const struct listing *listing, const struct worker_identity *identity, bool one)
{
	struct buffer out;
	struct json json;
	int result = COMMAND_OK;

	buffer_init(&out, (size_t)16 * 1024 * 1024);
	json = json_begin(&out);
	if (!one)
		json_array_begin(&json);
	for (size_t i = 0; i < listing->count; i++)
		write_plugin(&json, &listing->plugins[i], identity);
	if (!one)
		json_array_end(&json);
	if (buffer_append_byte(&out, '\n') != EP_OK || fwrite(out.data, 1, out.length, stdout) != out.length)
		result = COMMAND_INTERNAL;
	buffer_free(&out);
	return result;
}

static int list_all(const char *plugin_dir, struct listing *listing)
{
	char folder[PATH_BYTES];

	for (size_t i = 0; plugin_folder(plugin_dir, i, folder, sizeof(folder)); i++) {
		listing->folder = folder;
		if (disk_list(folder, see_name, listing) == -1 && plugin_dir) {
			fprintf(stderr, "entrepot plugins: %s: %m\n", folder);
			return COMMAND_BAD_CONFIG;
		}
	}
	if (listing->count)
		qsort(listing->plugins, listing->count, sizeof(*listing->plugins), compare);
	return COMMAND_OK;
}

static int find_one(const char *plugin_dir, const char *name, struct listing *listing)
{
	struct error error = {0};
	char path[PATH_BYTES];

	if (plugin_file_find(plugin_dir, name, path, sizeof(path), &error) != EP_OK) {
		fprintf(stderr, "entrepot plugins: %s\n", error.text);
		return COMMAND_NO_INPUT;
	}
	return add_plugin(listing, path) ? COMMAND_OK : COMMAND_INTERNAL;
}

static int print_list(const struct listing *listing, bool as_json)
{
	int result = as_json ? print_json(listing, NULL, false) : COMMAND_OK;

	if (!as_json)
		print_table(listing);
	for (size_t i = 0; i < listing->count; i++) {
		if (!listing->plugins[i].refused)
			continue;
		fprintf(stderr, "entrepot plugins: %s\n", listing->plugins[i].why);
		result = result == COMMAND_OK ? COMMAND_BAD_CONFIG : result;
	}
	return result;
}

static int print_found(const struct listing *listing, bool as_json)
{
	const struct plugin *plugin = &listing->plugins[0];
	struct description *description = NULL;
	struct error error = {0};
	int result = COMMAND_OK;

	if (plugin->refused) {
		fprintf(stderr, "entrepot plugins: %s\n", plugin->why);
		return COMMAND_BAD_CONFIG;
	}
	log_setup(LOG_TEXT, EP_LOG_ERROR + 1); /* what the worker says is told below */
	if (description_open(&description, plugin->path, &error) != EP_OK) {
		fprintf(stderr, "entrepot plugins: %s: its options can't be read: %s\n", plugin->path, error.text);
		result = COMMAND_BAD_CONFIG;
	}
	if (as_json) {
		int printed = print_json(listing, description ? description_identity(description) : NULL, true);

		result = result == COMMAND_OK ? printed : result;
	} else {
		print_one(plugin);
		if (description)
			print_options(description_identity(description));
	}
	description_close(description);
	return result;
}

int command_plugins(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *file = NULL, *plugin_dir;
	struct listing listing = {0};
	struct conf *conf = NULL;
	struct buffer report;
	bool as_json = false, one;
	int option, result;

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
	if (argc - optind > 1) {
		fprintf(stderr, "entrepot plugins: '%s' isn't expected\n%s", argv[optind + 1], usage);
		return COMMAND_USAGE;
	}
	buffer_init(&report, (size_t)1024 * 1024);
	if (file && conf_load(file, &conf, &report) != EP_OK) {
		fprintf(stderr, "%.*s", (int)report.length, report.data ? report.data : "");
		buffer_free(&report);
		return COMMAND_BAD_CONFIG;
	}
	plugin_dir = conf ? conf->plugin_dir : NULL;
	one = argc > optind;
	result = one ? find_one(plugin_dir, argv[optind], &listing) : list_all(plugin_dir, &listing);
	if (result == COMMAND_OK)
		result = one ? print_found(&listing, as_json) : print_list(&listing, as_json);
	for (size_t i = 0; i < listing.count; i++)
		free(listing.plugins[i].path);
	free(listing.plugins);
	conf_free(conf);
	buffer_free(&report);
	return result;
}
