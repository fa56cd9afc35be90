/* offline.c: see offline.h. */
#include "command/offline.h"

#include <stdio.h>

#include "base/text.h"
#include "command/command.h"
#include "record/schema.h"

struct conf *offline_conf(const char *file)
{
	struct conf *conf = NULL;
	struct buffer report;

	buffer_init(&report, (size_t)1024 * 1024);
	if (conf_load_blind(file, &conf, &report) != EP_OK)
		fprintf(stderr, "%.*s", (int)report.length, report.data ? report.data : "");
	buffer_free(&report);
	return conf;
}

bool offline_print(const char *command, struct buffer *out)
{
	bool written = out->failed == EP_OK &&
		       (out->length == 0 || fwrite(out->data, 1, out->length, stdout) == out->length) &&
		       fflush(stdout) == 0;

	if (!written)
		fprintf(stderr, "entrepot %s: the output can't be written\n", command);
	buffer_clear(out);
	return written;
}

int offline_fail(const char *command, enum ep_status status, const struct error *error)
{
	fprintf(stderr, "entrepot %s: %s\n", command, error->text);
	switch (status) {
	case EP_NOT_FOUND:
		return COMMAND_NO_INPUT;
	case EP_BAD_CONFIG:
		return COMMAND_BAD_CONFIG;
	case EP_BAD_INPUT:
		return COMMAND_BAD_DATA;
	case EP_CONFLICT:
		return COMMAND_TRY_LATER;
	default:
		return COMMAND_INTERNAL;
	}
}

const char *offline_id(const uint8_t id[16], char text[33])
{
	hex_write(id, 16, text);
	return text;
}
