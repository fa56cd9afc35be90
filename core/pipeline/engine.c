/*
 * engine.c: the workers of a lane. A lane has one; while its plugin is swapped, two: the one that new messages go to, and
 * the one that finishes what it has, or stands by (swap.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/parts.h"

static void on_worker_room(void *argument)
{
	struct lane *lane = argument;

	lane->refused = false;
	loop_task_queue(lane->pipeline->loop, &lane->pipeline->task);
}

static enum ep_status create_worker(struct engine *engine, struct error *error)
{
	struct pipeline *pipeline = engine->lane->pipeline;
	const struct conf_source *source = engine->lane->source;
	struct worker_setting *settings = calloc(source->option_count + 1, sizeof(*settings));
	struct worker_options options = {.source = source->name,
		.plugin_path = engine->path,
		.settings = settings,
		.setting_count = source->option_count,
		.deadline_ns = source->deadline_ns,
		.deadline_per_mib_ns = source->deadline_per_mib_ns,
		.memory_max = source->memory_max,
		.body_max = source->body_max,
		.json_max = source->json_max,
		.idle_ns = source->idle_timeout_ns,
		.reject_message = engine->whole};
	enum ep_status status;

	if (!settings)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker's settings");
	for (size_t i = 0; i < source->option_count; i++)
		settings[i] = (struct worker_setting){source->options[i].name, source->options[i].value};
	status = pipeline->workers->create(pipeline->supervisor, &options, &engine->worker, error);
	free(settings);
	if (status == EP_OK)
		pipeline->workers->on_room(engine->worker, on_worker_room, engine->lane);
	return status;
}

enum ep_status engine_create(
	struct engine **out, struct lane *lane, const char *path, const struct ep_note *note, struct error *error)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	enum ep_status status;

	*out = NULL;
	if (engine)
		engine->path = strdup(path ? path : "");
	if (!engine || !engine->path) {
		free(engine);
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker");
	}
	engine->lane = lane;
	engine->whole = lane->source->on_bad_record == CONF_REJECT_MESSAGE || (note->flags & EP_WHOLE_ONLY);
	snprintf(engine->name, sizeof(engine->name), "%.*s %.*s", (int)sizeof(note->name), note->name,
		(int)sizeof(note->version), note->version);
	status = create_worker(engine, error);
	if (status != EP_OK) {
		free(engine->path);
		free(engine);
		return status;
	}
	*out = engine;
	return EP_OK;
}

const struct worker_identity *engine_identity(const struct engine *engine)
{
	return engine && engine->worker ? engine->lane->pipeline->workers->identity(engine->worker) : NULL;
}

const char *engine_plugin(struct engine *engine, uint64_t *build)
{
	const struct worker_identity *identity = engine_identity(engine);

	if (identity) {
		engine->build = identity->build;
		if (identity->name && identity->name[0])
			snprintf(engine->name, sizeof(engine->name), "%s %s", identity->name, identity->version);
	}
	*build = engine->build;
	return engine->name;
}

void engine_stop(struct engine *engine)
{
	uint64_t build;

	if (!engine->worker)
		return;
	(void)engine_plugin(engine, &build); /* messages that it has answered still name it */
	engine->lane->pipeline->workers->destroy(engine->worker);
	engine->worker = NULL;
}

static void free_if_done(struct engine *engine)
{
	if (!engine->retired || engine->items)
		return;
	engine_stop(engine);
	free(engine->path);
	free(engine);
}

void engine_retire(struct engine *engine)
{
	engine->retired = true;
	free_if_done(engine);
}

void engine_take(struct engine *engine, struct item *item)
{
	engine_drop(item);
	item->engine = engine;
	engine->items++;
}

void engine_drop(struct item *item)
{
	struct engine *engine = item->engine;

	item->engine = NULL;
	if (!engine)
		return;
	engine->items--;
	free_if_done(engine);
}
