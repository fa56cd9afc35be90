/*
 * swap.c: another plugin, or another build of it, for a source that goes on working.
 *
 * The new worker is started and checked (note, interface, options, sandbox) while the old one works. Once it serves, the
 * lane's next message goes to it; what the old one has, it finishes. Both run side by side, and the lane settles messages
 * in their order whoever answers them, so nothing waits, is lost, or overtakes.
 *
 * The first TRIAL_CALLS messages are its trial, during which the old worker stands by: if the new one ends badly, whatever
 * it has not answered goes to the old one, which stays. What it has answered stands: these answers were sound.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/note.h"
#include "pipeline/parts.h"

#define TRIAL_CALLS 16
#define ANSWER_NS (2 * NS_PER_S) /* whoever asked is told how far the trial has come */

static void tell(struct swap *swap, enum swap_state state)
{
	void (*done)(void *argument, const struct swap_result *result) = swap->done;
	struct swap_result result = {.state = state,
		.messages = swap->calls,
		.refused = swap->refused,
		.why = swap->why,
		.code = swap->code,
		.identity = swap->incoming ? engine_identity(swap->incoming) : NULL};

	swap->done = NULL;
	loop_timer_cancel(&swap->timer);
	if (done)
		done(swap->argument, &result);
}

static void end(struct swap *swap)
{
	struct lane *lane = swap->lane;

	loop_task_cancel(lane->pipeline->loop, &swap->task);
	loop_timer_end(&swap->timer);
	lane->swap = NULL;
	free(swap);
}

/* The new worker has shown itself: the old one ends with its last message. */
static void accept(struct swap *swap)
{
	const struct worker_identity *identity = engine_identity(swap->incoming);

	log_info("plugin swapped", log_slice("source", swap->lane->name), log_text("file", swap->incoming->path),
		log_text("plugin", identity->name), log_text("version", identity->version));
	swap->lane->pipeline->workers->watch(swap->incoming->worker, NULL);
	engine_retire(swap->outgoing);
	tell(swap, SWAP_IN_SERVICE);
	end(swap);
}

/* What the new worker has not answered goes to the old one again, in order. */
static void give_back(struct swap *swap)
{
	struct lane *lane = swap->lane;

	lane->engine = swap->outgoing;
	lane->refused = false;
	loop_task_queue(lane->pipeline->loop, &lane->pipeline->task);
	for (struct item *item = lane->first; item; item = item->next) {
		if (item->engine != swap->incoming || (item->state != ITEM_CALLED && item->state != ITEM_STALLED))
			continue;
		item_forget(item);
		if (item_submit(item) != EP_OK)
			pipeline_retry_later(lane->pipeline, NULL);
	}
}

static void reject(struct swap *swap)
{
	struct lane *lane = swap->lane;
	struct engine *incoming = swap->incoming;

	log_warn("plugin not swapped: the old one stays", log_slice("source", lane->name),
		log_text("file", incoming->path), log_text("why", swap->why));
	snprintf(lane->swap_trouble, sizeof(lane->swap_trouble), "%s: %s", incoming->path, swap->why);
	engine_stop(incoming); /* its calls are dropped without a word */
	if (swap->taken_over)
		give_back(swap);
	swap->incoming = NULL;
	engine_retire(incoming);
	tell(swap, SWAP_REFUSED);
	end(swap);
}

static void take_over(struct swap *swap)
{
	struct lane *lane = swap->lane;

	log_info("plugin on trial", log_slice("source", lane->name), log_text("file", swap->incoming->path));
	swap->taken_over = true;
	lane->engine = swap->incoming;
	lane->refused = false;
	lane->swap_trouble[0] = '\0';
	loop_timer_set(&swap->timer, ANSWER_NS);
	loop_task_queue(lane->pipeline->loop, &lane->pipeline->task);
}

/* Outside of the workers' own callbacks, in which no worker may be destroyed. */
static void run(void *argument)
{
	struct swap *swap = argument;

	if (swap->failed)
		reject(swap);
	else if (swap->ready && !swap->taken_over)
		take_over(swap);
	else if (swap->calls >= TRIAL_CALLS)
		accept(swap);
}

static void on_ready(void *argument)
{
	struct swap *swap = argument;

	swap->ready = true;
	loop_task_queue(swap->lane->pipeline->loop, &swap->task);
}

static void on_failed(void *argument, enum ep_error code, const char *why)
{
	struct swap *swap = argument;

	if (!swap->failed)
		snprintf(swap->why, sizeof(swap->why), "%s", why);
	swap->code = code;
	swap->failed = true;
	loop_task_queue(swap->lane->pipeline->loop, &swap->task);
}

static void on_timer(void *argument)
{
	tell(argument, SWAP_ON_TRIAL);
}

void swap_answered(struct item *item, enum call_result result)
{
	struct swap *swap = item->lane->swap;

	if (!swap || item->engine != swap->incoming)
		return;
	swap->calls++;
	swap->refused += result != CALL_OK;
	if (swap->calls >= TRIAL_CALLS)
		loop_task_queue(item->lane->pipeline->loop, &swap->task);
}

/* One that is still on trial is decided before the next: it stays if it has answered anything. */
static enum ep_status decide_earlier(struct swap *swap, struct error *error)
{
	if (!swap)
		return EP_OK;
	if (!swap->taken_over || swap->failed)
		return error_set(error, EP_CONFLICT, EP_ERR_BUSY, "another swap of this source is under way");
	if (swap->calls) {
		accept(swap);
		return EP_OK;
	}
	snprintf(swap->why, sizeof(swap->why), "another plugin was asked for before its first message");
	swap->code = EP_ERR_BUSY;
	reject(swap);
	return EP_OK;
}

static struct swap *create(struct lane *lane)
{
	struct swap *swap = calloc(1, sizeof(*swap));

	if (!swap)
		return NULL;
	swap->lane = lane;
	swap->outgoing = lane->engine;
	swap->task = (struct loop_task){.run = run, .argument = swap};
	loop_timer_init(&swap->timer, lane->pipeline->loop, on_timer, swap);
	return swap;
}

enum ep_status pipeline_swap(struct pipeline *pipeline, struct ep_slice source, const char *path,
	void (*done)(void *argument, const struct swap_result *result), void *argument, struct error *error)
{
	struct lane *lane = lane_find(pipeline, source);
	struct worker_watch watch = {.ready = on_ready, .failed = on_failed};
	struct ep_note note;
	struct swap *swap;
	enum ep_status status;

	if (!lane || !lane->source)
		return error_set(error, EP_NOT_FOUND, EP_ERR_NOT_FOUND, "no source %.*s is configured",
			(int)source.length, source.data);
	if (pipeline->stopping || !pipeline->started)
		return error_set(error, EP_AGAIN, EP_ERR_STOPPING, "the gateway is stopping");
	status = note_read(path, &note, error);
	if (status == EP_OK)
		status = decide_earlier(lane->swap, error);
	if (status != EP_OK)
		return status;
	swap = create(lane);
	if (!swap)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a swap");
	lane->swap = swap;
	status = engine_create(&swap->incoming, lane, path, &note, error);
	if (status != EP_OK) {
		end(swap);
		return status;
	}
	swap->done = done;
	swap->argument = argument;
	watch.argument = swap;
	pipeline->workers->watch(swap->incoming->worker, &watch);
	pipeline->workers->begin(swap->incoming->worker);
	return EP_OK;
}

void pipeline_swap_cancel(struct pipeline *pipeline, const void *argument)
{
	for (size_t i = 0; i < pipeline->lane_count; i++) {
		struct swap *swap = pipeline->lanes[i]->swap;

		if (swap && swap->argument == argument)
			swap->done = NULL;
	}
}

void swap_free(struct swap *swap)
{
	if (!swap)
		return;
	engine_stop(swap->incoming);
	engine_stop(swap->outgoing);
	if (swap->lane->engine == swap->outgoing)
		engine_retire(swap->incoming);
	else
		engine_retire(swap->outgoing);
	end(swap);
}
