/*
 * normalizer.h: one file through a plugin in its worker: records accepted and keyed, written as events, or nothing.
 */
#ifndef COMMAND_NORMALIZER_H
#define COMMAND_NORMALIZER_H

#include <stdio.h>

#include "conf/conf.h"
#include "supervise/supervise.h"

#define NORMALIZER_HEADERS_MAX 200

struct normalizer_options {
	const char *worker_program; /* NULL: beside the executable */
	const char *plugin_path;
	const char *source;
	const struct worker_setting *settings;
	size_t setting_count;
	const struct ep_header *headers; /* reach the plugin with every file; names in lower case */
	uint32_t header_count;
	int64_t deadline_ns, deadline_per_mib_ns, memory_max, json_max;
	bool reject_message;
	const char *const *require; /* sandbox layers */
	size_t require_count;
	FILE *out, *errors;
};

struct normalizer;

/* The options are borrowed. EP_BAD_CONFIG: the plugin or its options were refused. */
EP_MUST_CHECK enum ep_status normalizer_create(
	struct normalizer **normalizer, const struct normalizer_options *options, struct error *error);
void normalizer_destroy(struct normalizer *normalizer);
/* One file, "-" for standard input. Returns an exit status (enum command_exit); what is wrong was written to `errors`. */
int normalizer_run(struct normalizer *normalizer, const char *file);

#endif
