/* lane.c: the lanes, one a source: found by name, made for sources of the configuration and for those still in the log. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/parts.h"

static int compare_names(struct ep_slice a, struct ep_slice b)
{
	uint64_t shorter = a.length < b.length ? a.length : b.length;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

	if (order != 0 || a.length == b.length)
		return order;
	return a.length < b.length ? -1 : 1;
}

/* Where the name stands or belongs. */
static size_t search(const struct pipeline *pipeline, struct ep_slice name, bool *found)
{
	size_t low = 0, high = pipeline->lane_count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_names(pipeline->lanes[middle]->name, name);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct lane *lane_find(struct pipeline *pipeline, struct ep_slice name)
{
	bool found;
	size_t at = search(pipeline, name, &found);

	return found ? pipeline->lanes[at] : NULL;
}

static struct lane *lane_create(struct pipeline *pipeline, struct ep_slice name)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	char *copy = malloc(name.length + 1);

	if (!lane || !copy) {
		free(lane);
		free(copy);
		return NULL;
	}
	memcpy(copy, name.data, name.length);
	copy[name.length] = '\0';
	lane->pipeline = pipeline;
	lane->name = ep_slice_make(copy, name.length);
	lane->last = &lane->first;
	return lane;
}

struct lane *lane_get(struct pipeline *pipeline, struct ep_slice name)
{
	bool found;
	size_t at = search(pipeline, name, &found);
	struct lane *lane;

	if (found)
		return pipeline->lanes[at];
	if (pipeline->lane_count == pipeline->lane_capacity) {
		size_t capacity = pipeline->lane_capacity ? pipeline->lane_capacity * 2 : 16;
		struct lane **grown = realloc(pipeline->lanes, capacity * sizeof(struct lane *));

		if (!grown)
			return NULL;
		pipeline->lanes = grown;
		pipeline->lane_capacity = capacity;
	}
	lane = lane_create(pipeline, name);
	if (!lane)
		return NULL;
	memmove(pipeline->lanes + at + 1, pipeline->lanes + at, (pipeline->lane_count - at) * sizeof(struct lane *));
	pipeline->lanes[at] = lane;
	pipeline->lane_count++;
	return lane;
}

void lane_free(struct lane *lane)
{
	swap_free(lane->swap); /* the workers first: they name the items' calls */
	if (lane->engine)
		engine_stop(lane->engine);
	while (lane->first) {
		struct item *item = lane->first;

		lane->first = item->next;
		item_free(item);
	}
	if (lane->engine)
		engine_retire(lane->engine);
	if (lane->reader)
		journal_reader_close(lane->reader);
	free((char *)(uintptr_t)lane->name.data);
	free(lane);
}

void lane_finish(struct lane *lane)
{
	struct item *item = lane->first;

	lane->first = item->next;
	if (!lane->first)
		lane->last = &lane->first;
	lane->item_count--;
	lane->item_bytes -= item->payload_length;
	item_free(item);
}

uint64_t lane_low(const struct lane *lane)
{
	if (lane->first && lane->first->state != ITEM_APPENDED)
		return lane->first->position;
	if (lane->first && lane->first->next)
		return lane->first->next->position;
	return lane->lagging ? lane->lag : lane->pipeline->head;
}

void lane_wake(struct lane *lane)
{
	struct pipeline *pipeline = lane->pipeline;

	loop_task_queue(pipeline->loop, &pipeline->task);
	if (lane->ready)
		return;
	lane->ready = true;
	lane->ready_next = NULL;
	*pipeline->ready_last = lane;
	pipeline->ready_last = &lane->ready_next;
}

void lane_wake_all(struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->lane_count; i++)
		if (pipeline->lanes[i]->first)
			lane_wake(pipeline->lanes[i]);
}
