/* describe.c: see describe.h. */
#include "command/describe.h"

#include <stdlib.h>

#include "base/clock.h"

#define MEMORY_MAX ((int64_t)256 * 1024 * 1024)
#define JSON_MAX ((int64_t)1024 * 1024)

struct description {
	struct loop *loop;
	struct supervisor *supervisor;
	struct worker *worker;
};

void description_close(struct description *description)
{
	if (!description)
		return;
	if (description->worker)
		worker_destroy(description->worker);
	if (description->supervisor)
		supervisor_destroy(description->supervisor);
	loop_destroy(description->loop);
	free(description);
}

enum ep_status description_open(struct description **out, const char *plugin_path, struct error *error)
{
	const struct worker_options options = {.source = "describe",
		.plugin_path = plugin_path,
		.deadline_ns = 5 * NS_PER_S,
		.memory_max = MEMORY_MAX,
		.json_max = JSON_MAX,
		.describe = true};
	struct supervisor_options supervisor = {.worker_program = NULL};
	struct description *description = calloc(1, sizeof(*description));
	enum ep_status status;

	*out = NULL;
	if (!description)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to describe a plugin");
	status = loop_create(&description->loop, error);
	supervisor.loop = description->loop;
	if (status == EP_OK)
		status = supervisor_create(&description->supervisor, &supervisor, error);
	if (status == EP_OK)
		status = worker_create(description->supervisor, &options, &description->worker, error);
	if (status == EP_OK)
		status = worker_start(description->worker, error);
	if (status != EP_OK) {
		description_close(description);
		return status;
	}
	*out = description;
	return EP_OK;
}

const struct worker_identity *description_identity(const struct description *description)
{
	return worker_identity(description->worker);
}
