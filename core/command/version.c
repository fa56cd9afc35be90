/* version.c: `entrepot version`: which entrepot this is, and what it runs on. */
#include <getopt.h>
#include <stdio.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <http_parser.h>
#include <libconfig.h>
#include <lmdb.h>
#include <openssl/crypto.h>
#include <xxhash.h>

#include "base/json.h"
#include "base/note.h"
#include "command/command.h"
#include "record/schema.h"

static const char usage[] = "Usage: entrepot version [--json]\n"
			    "\n"
			    "Prints the version, the plugin interface, the build and the libraries in use.\n"
			    "\n"
			    "  -j, --json         as JSON\n"
			    "  -c, --config FILE  accepted and not read\n"
			    "  -h, --help         this text\n"
			    "\n"
			    "Exit status: 0, 64 usage.\n";

struct library {
	const char *name;
	char version[64];
};

#define LIBRARIES 7

static void list_libraries(struct library libraries[LIBRARIES])
{
	unsigned long parser = http_parser_version();
	unsigned xxhash = XXH_versionNumber();

	libraries[0] = (struct library){.name = "libevent"};
	snprintf(libraries[0].version, sizeof(libraries[0].version), "%s", event_get_version());
	libraries[1] = (struct library){.name = "openssl"};
	snprintf(libraries[1].version, sizeof(libraries[1].version), "%s", OpenSSL_version(OPENSSL_VERSION_STRING));
	libraries[2] = (struct library){.name = "libcurl"};
	snprintf(libraries[2].version, sizeof(libraries[2].version), "%s", curl_version_info(CURLVERSION_NOW)->version);
	libraries[3] = (struct library){.name = "lmdb"};
	snprintf(libraries[3].version, sizeof(libraries[3].version), "%d.%d.%d", MDB_VERSION_MAJOR, MDB_VERSION_MINOR,
		MDB_VERSION_PATCH);
	libraries[4] = (struct library){.name = "libconfig"};
	snprintf(libraries[4].version, sizeof(libraries[4].version), "%d.%d.%d", LIBCONFIG_VER_MAJOR,
		LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
	libraries[5] = (struct library){.name = "http-parser"};
	snprintf(libraries[5].version, sizeof(libraries[5].version), "%lu.%lu.%lu", (parser >> 16) & 255,
		(parser >> 8) & 255, parser & 255);
	libraries[6] = (struct library){.name = "xxhash"};
	snprintf(libraries[6].version, sizeof(libraries[6].version), "%u.%u.%u", xxhash / 10000, xxhash / 100 % 100,
		xxhash % 100);
}

static void print_text(const char *build, const struct library *libraries)
{
	printf("entrepot %s\nplugin interface %d.%d\nbuild %s\nunified format %016llx\n", ENTREPOT_VERSION,
		EP_ABI_MAJOR, EP_ABI_MINOR, build, (unsigned long long)schema_fingerprint());
	for (size_t i = 0; i < LIBRARIES; i++)
		printf("%s %s\n", libraries[i].name, libraries[i].version);
}

static int print_json(const char *build, const struct library *libraries)
{
	char text[32];
	struct buffer out;
	struct json json;
	int result = COMMAND_OK;

	buffer_init(&out, 65536);
	json = json_begin(&out);
	json_object_begin(&json);
	json_member_string(&json, "version", ENTREPOT_VERSION);
	snprintf(text, sizeof(text), "%d.%d", EP_ABI_MAJOR, EP_ABI_MINOR);
	json_member_string(&json, "plugin_interface", text);
	json_member_string(&json, "build", build);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)schema_fingerprint());
	json_member_string(&json, "unified_format", text);
	json_name(&json, "libraries");
	json_object_begin(&json);
	for (size_t i = 0; i < LIBRARIES; i++)
		json_member_string(&json, libraries[i].name, libraries[i].version);
	json_object_end(&json);
	json_object_end(&json);
	if (buffer_append_byte(&out, '\n') != EP_OK || fwrite(out.data, 1, out.length, stdout) != out.length)
		result = COMMAND_INTERNAL;
	buffer_free(&out);
	return result;
}

int command_version(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct library libraries[LIBRARIES];
	struct error error = {0};
	uint64_t build = 0;
	bool as_json = false;
	char text[32];
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
		as_json = as_json || option == 'j';
	}
	if (optind != argc) {
		fprintf(stderr, "entrepot version: '%s' isn't expected\n%s", argv[optind], usage);
		return COMMAND_USAGE;
	}
	list_libraries(libraries);
	if (note_build_id("/proc/self/exe", &build, &error) == EP_OK)
		snprintf(text, sizeof(text), "%016llx", (unsigned long long)build);
	else
		snprintf(text, sizeof(text), "unknown");
	if (as_json)
		return print_json(text, libraries);
	print_text(text, libraries);
	return COMMAND_OK;
}
