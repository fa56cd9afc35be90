/*
 * pipeline.c: the pipeline's life: made, restored, recovered, started, stopped; and the turns in which its lanes work.
 *
 * See parts.h for lanes and items. All runs on the loop's thread, in a task that gives way to the rest of the loop after
 * PASS_RECORDS. Fatal: a log that can't be read any more.
 */
#include "pipeline/pipeline.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/parts.h"

#define PASS_RECORDS ((size_t)1024) /* settled or indexed in one pass of the loop */
#define TURN_RECORDS ((size_t)128)  /* of one lane, before the next has its turn */
#define TURN_ITEMS ((size_t)64)
#define RETRY_NS NS_PER_S

void pipeline_die(const struct error *error)
{
	log_error("the journal can't be read: ending now", log_text("error", error->text));
	_exit(70);
}

void pipeline_retry_later(struct pipeline *pipeline, const struct error *error)
{
	if (!pipeline->complained)
		log_warn("accepted messages wait for room", log_text("reason", error ? error->text : "no memory"));
	pipeline->complained = true;
	if (pipeline->retry.due_ns == 0)
		loop_timer_set(&pipeline->retry, RETRY_NS);
}

static void on_retry(void *argument)
{
	struct pipeline *pipeline = argument;

	for (size_t i = 0; i < pipeline->lane_count; i++)
		for (struct item *item = pipeline->lanes[i]->first; item && !pipeline->stopping; item = item->next)
			if (item->state == ITEM_STALLED && item_submit(item) != EP_OK)
				pipeline_retry_later(pipeline, NULL);
	lane_wake_all(pipeline);
	loop_task_queue(pipeline->loop, &pipeline->task);
}

/* Turns --------------------------------------------------------------------------------------------------------- */

static enum step advance(struct item *item, size_t *budget)
{
	switch (item->state) {
	case ITEM_ENDED:
		return item_settle(item, budget);
	case ITEM_SETTLED:
		return item_append(item);
	case ITEM_APPENDED:
		return item_index(item, budget);
	case ITEM_CALLED:
	case ITEM_STALLED:
		break;
	}
	return STEP_BLOCKED;
}

/* A lane's turn. True: it can go on when its turn comes again. */
static bool work(struct lane *lane, size_t *budget)
{
	size_t items = 0;

	while (lane->first && *budget > 0 && items < TURN_ITEMS) {
		struct item *item = lane->first;
		enum item_state before = item->state;
		enum step step = advance(item, budget);

		if (step != STEP_DONE)
			return step == STEP_MORE;
		if (before != ITEM_APPENDED)
			continue;
		lane_finish(lane);
		items++;
	}
	return lane->first && lane->first->state != ITEM_CALLED && lane->first->state != ITEM_STALLED;
}

static bool work_in_turns(struct pipeline *pipeline)
{
	size_t left = PASS_RECORDS;

	while (pipeline->ready_first && left > 0) {
		struct lane *lane = pipeline->ready_first;
		size_t budget = TURN_RECORDS;

		pipeline->ready_first = lane->ready_next;
		if (!pipeline->ready_first)
			pipeline->ready_last = &pipeline->ready_first;
		lane->ready = false;
		if (work(lane, &budget))
			lane_wake(lane);
		left -= left < TURN_RECORDS - budget + 1 ? left : TURN_RECORDS - budget + 1;
	}
	return pipeline->ready_first != NULL;
}

static void on_task(void *argument)
{
	struct pipeline *pipeline = argument;
	bool more = false;

	if (!pipeline->started)
		return;
	if (!pipeline->stopping)
		more = read_live(pipeline);
	if (work_in_turns(pipeline))
		more = true;
	if (!pipeline->stopping && read_lagging(pipeline))
		more = true;
	if (more)
		loop_task_queue(pipeline->loop, &pipeline->task);
}

static void on_durable(void *argument)
{
	struct pipeline *pipeline = argument;

	index_durable(pipeline->index, journal_durable(pipeline->journal));
	if (!pipeline->started)
		return;
	waiters_durable(pipeline);
	for (size_t i = 0; i < pipeline->lane_count; i++) { /* those that the journal refused for now */
		struct lane *lane = pipeline->lanes[i];

		if (lane->first && lane->first->state == ITEM_SETTLED)
			lane_wake(lane);
	}
	loop_task_queue(pipeline->loop, &pipeline->task);
}

static void on_index_room(void *argument)
{
	struct pipeline *pipeline = argument;

	if (pipeline->started)
		lane_wake_all(pipeline);
}

/* Life ---------------------------------------------------------------------------------------------------------- */

static struct ep_slice account_of(const struct conf_source *source)
{
	for (size_t i = 0; i < source->option_count; i++)
		if (strcmp(source->options[i].name, "account") == 0 && source->options[i].value[0])
			return ep_slice_of(source->options[i].value);
	return ep_slice_of(source->name);
}

static enum ep_status create_lanes(struct pipeline *pipeline, struct error *error)
{
	for (size_t i = 0; i < pipeline->conf->source_count; i++) {
		const struct conf_source *source = &pipeline->conf->sources[i];
		struct lane *lane = lane_get(pipeline, ep_slice_of(source->name));
		enum ep_status status;

		if (!lane)
			return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a source");
		lane->source = source;
		lane->account = account_of(source);
		lane->policy = (struct record_policy){pipeline->person_key, lane->account};
		status = engine_create(&lane->engine, lane, source->plugin_path, &source->note, error);
		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

enum ep_status pipeline_create(struct pipeline **out, const struct pipeline_options *options, struct error *error)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	enum ep_status status;

	*out = NULL;
	if (!pipeline)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the pipeline");
	pipeline->conf = options->conf;
	pipeline->loop = options->loop;
	pipeline->journal = options->journal;
	pipeline->index = options->index;
	pipeline->supervisor = options->supervisor;
	pipeline->workers = options->workers ? options->workers : &pipeline_workers_real;
	pipeline->person_key = options->person_key;
	pipeline->ready_last = &pipeline->ready_first;
	pipeline->task = (struct loop_task){.run = on_task, .argument = pipeline};
	loop_timer_init(&pipeline->retry, options->loop, on_retry, pipeline);
	waiters_init(pipeline);
	buffer_init(&pipeline->accepted, STAGE_PIECE_MAX);
	buffer_init(&pipeline->key, STAGE_PIECE_MAX);
	buffer_init(&pipeline->entry_key, STAGE_PIECE_MAX + 512);
	buffer_init(&pipeline->record, STAGE_PIECE_MAX);
	buffer_init(&pipeline->header, JOURNAL_FRAME_MAX - JOURNAL_INLINE_MAX);
	if (index_position(options->index) > journal_end(options->journal))
		status = error_set(error, EP_CONFLICT, EP_ERR_JOURNAL_DAMAGED,
			"the index reaches to %llu, but the journal ends at %llu: they are not of one data directory",
			(unsigned long long)index_position(options->index),
			(unsigned long long)journal_end(options->journal));
	else
		status = create_lanes(pipeline, error);
	if (status != EP_OK) {
		pipeline_destroy(pipeline);
		return status;
	}
	index_durable(options->index, journal_durable(options->journal));
	index_on_room(options->index, on_index_room, pipeline);
	journal_on_durable(options->journal, on_durable, pipeline);
	*out = pipeline;
	return EP_OK;
}

void pipeline_destroy(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	pipeline->started = false;
	index_off_room(pipeline->index, pipeline);
	loop_timer_end(&pipeline->retry);
	waiters_free(pipeline);
	for (size_t i = 0; i < pipeline->lane_count; i++)
		lane_free(pipeline->lanes[i]);
	loop_task_cancel(pipeline->loop, &pipeline->task);
	loop_task_cancel(pipeline->loop, &pipeline->fire);
	free(pipeline->lanes);
	if (pipeline->live)
		journal_reader_close(pipeline->live);
	if (pipeline->finder)
		journal_reader_close(pipeline->finder);
	buffer_free(&pipeline->accepted);
	buffer_free(&pipeline->key);
	buffer_free(&pipeline->entry_key);
	buffer_free(&pipeline->record);
	buffer_free(&pipeline->header);
	free(pipeline);
}

void pipeline_start(struct pipeline *pipeline)
{
	struct error error = {0};

	for (size_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = pipeline->lanes[i];

		lane->lagging = lane->pending > 0; /* its own reader finds what is left */
		if (lane->lagging && !lane->source)
			log_warn("messages of a source that is not configured any more stay pending",
				log_slice("source", lane->name), log_number("messages", (int64_t)lane->pending));
	}
	if (journal_reader_open(pipeline->journal, pipeline->head, &pipeline->live, &error) != EP_OK)
		pipeline_die(&error);
	pipeline->started = true;
	loop_task_queue(pipeline->loop, &pipeline->task);
}

void pipeline_stop(struct pipeline *pipeline)
{
	pipeline->stopping = true;
}

/* Those that end soon: what waits for room or for a worker that can't be started now waits in the journal as well. */
static size_t lane_busy(const struct lane *lane)
{
	size_t busy = 0;

	for (const struct item *item = lane->first; item; item = item->next) {
		const struct worker_identity *identity = engine_identity(item->engine);

		if (item->state == ITEM_STALLED || (item->state == ITEM_CALLED && identity && identity->throttled))
			break; /* what is behind it waits with it */
		busy++;
	}
	return busy;
}

size_t pipeline_busy(const struct pipeline *pipeline)
{
	size_t busy = 0;

	for (size_t i = 0; i < pipeline->lane_count; i++)
		busy += lane_busy(pipeline->lanes[i]);
	return busy;
}

uint64_t pipeline_pending(struct pipeline *pipeline, struct ep_slice source)
{
	const struct lane *lane = lane_find(pipeline, source);

	return lane ? lane->pending : 0;
}

enum ep_status pipeline_admits(struct pipeline *pipeline, struct ep_slice source)
{
	return pipeline_pending(pipeline, source) >= PENDING_MAX ? EP_AGAIN : EP_OK;
}
