/*
 * schema.c: `entrepot schema`: prints the unified format, for those who read the events. Needs neither configuration nor
 * gateway: what it prints is built in.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "record/event.h"

#define OUTPUT_MAX (4 * 1024 * 1024) /* bytes */

static const char usage[] = "Usage: entrepot schema --format json-schema [TYPE]\n"
			    "\n"
			    "Prints the JSON Schema (2020-12) of the data of one type of event, or of all.\n"
			    "\n"
			    "  -f, --format F     json-schema\n"
			    "  -c, --config FILE  accepted and not read: the schema doesn't depend on it\n"
			    "  -h, --help         this text\n"
			    "\n"
			    "Types: ";

static void print_usage(FILE *to)
{
	size_t count;
	const struct schema_record *records = schema_record_list(&count);

	fputs(usage, to);
	for (size_t i = 0; i < count; i++)
		fprintf(to, "%s%s", i ? ", " : "", records[i].name);
	fputs(".\nExit status: 0, 64 usage.\n", to);
}

static int refuse_format(const char *format)
{
	if (!format)
		fprintf(stderr, "entrepot schema: --format is missing; json-schema is the one there is\n");
	else if (strcmp(format, "sql") == 0 || strcmp(format, "markdown") == 0)
		fprintf(stderr, "entrepot schema: format %s is reserved and not there yet; use json-schema\n", format);
	else
		fprintf(stderr, "entrepot schema: format '%s' is unknown; json-schema is the one there is\n", format);
	return COMMAND_USAGE;
}

static int print_schema(const struct schema_record *record)
{
	struct buffer out;
	int result = COMMAND_OK;

	buffer_init(&out, OUTPUT_MAX);
	if (event_write_schema(record, &out) != EP_OK || buffer_append_byte(&out, '\n') != EP_OK)
		result = COMMAND_INTERNAL;
	else if (fwrite(out.data, 1, out.length, stdout) != out.length || fflush(stdout) == EOF)
		result = COMMAND_INTERNAL;
	if (result != COMMAND_OK)
		perror("entrepot schema");
	buffer_free(&out);
	return result;
}

int command_schema(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const struct schema_record *record = NULL;
	const char *format = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "c:f:h", options, NULL)) != -1) {
		if (option == 'h') {
			print_usage(stdout);
			return COMMAND_OK;
		}
		if (option == '?') {
			print_usage(stderr);
			return COMMAND_USAGE;
		}
		if (option == 'f')
			format = optarg;
	}
	if (!format || strcmp(format, "json-schema") != 0)
		return refuse_format(format);
	if (argc - optind > 1) {
		fprintf(stderr, "entrepot schema: '%s' isn't expected behind the type\n", argv[optind + 1]);
		return COMMAND_USAGE;
	}
	if (argc - optind == 1) {
		record = schema_record_named(ep_slice_of(argv[optind]));
		if (!record) {
			fprintf(stderr, "entrepot schema: there is no type '%s'\n", argv[optind]);
			print_usage(stderr);
			return COMMAND_USAGE;
		}
	}
	return print_schema(record);
}
