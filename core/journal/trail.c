/* trail.c: see trail.h. */
#include "journal/trail.h"

#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX ((size_t)65536)

void trail_init(struct trail *trail, uint64_t first)
{
	*trail = (struct trail){.first = first, .since_ns = INT64_MIN};
}

void trail_free(struct trail *trail)
{
	for (size_t i = 0; i < trail->source_count; i++) {
		free((char *)(uintptr_t)trail->sources[i].name.data);
		free(trail->sources[i].waiting);
	}
	free(trail->sources);
	*trail = (struct trail){.first = 0};
}

struct trail_source *trail_source(const struct trail *trail, struct ep_slice name)
{
	for (size_t i = 0; i < trail->source_count; i++)
		if (ep_slice_equal(trail->sources[i].name, name))
			return &trail->sources[i];
	return NULL;
}

static struct trail_source *get_source(struct trail *trail, struct ep_slice name)
{
	struct trail_source *source = trail_source(trail, name);
	char *copy;

	if (source)
		return source;
	if (trail->source_count == trail->source_capacity) {
		size_t capacity = trail->source_capacity ? trail->source_capacity * 2 : 16;
		struct trail_source *grown =
			capacity > SOURCES_MAX ? NULL : reallocarray(trail->sources, capacity, sizeof(*grown));

		if (!grown)
			return NULL;
		trail->sources = grown;
		trail->source_capacity = capacity;
	}
	copy = malloc(name.length + 1);
	if (!copy)
		return NULL;
	if (name.length)
		memcpy(copy, name.data, name.length);
	source = &trail->sources[trail->source_count++];
	*source = (struct trail_source){.name = ep_slice_make(copy, name.length)};
	return source;
}

/* A ring: `first` is the index of the oldest, in an array whose size is a power of two. */
static struct trail_message *slot(const struct trail_source *source, size_t index)
{
	return &source->waiting[(source->first + index) & (source->capacity - 1)];
}

const struct trail_message *trail_waiting(const struct trail_source *source, size_t index)
{
	return slot(source, index);
}

static enum ep_status grow(struct trail_source *source)
{
	size_t capacity = source->capacity ? source->capacity * 2 : 64;
	struct trail_message *grown = calloc(capacity, sizeof(*grown));

	if (!grown)
		return EP_NO_MEMORY;
	for (size_t i = 0; i < source->count; i++)
		grown[i] = *slot(source, i);
	free(source->waiting);
	source->waiting = grown;
	source->capacity = capacity;
	source->first = 0;
	return EP_OK;
}

static bool counts(const struct trail *trail, const struct trail_message *message)
{
	return message->received_at_ns >= trail->since_ns;
}

enum ep_status trail_add(struct trail *trail, const struct journal_frame *frame, const struct message *message)
{
	struct trail_source *source = get_source(trail, message->source);
	struct trail_message *added;

	if (!source)
		return EP_NO_MEMORY;
	if (trail->waiting == TRAIL_WAITING_MAX)
		return EP_LIMIT;
	if (source->count == source->capacity && grow(source) != EP_OK)
		return EP_NO_MEMORY;
	added = slot(source, source->count++);
	*added = (struct trail_message){
		.position = frame->position, .sequence = frame->sequence, .received_at_ns = message->received_at_ns};
	memcpy(added->id, message->id, sizeof(added->id));
	trail->waiting++;
	source->received += counts(trail, added);
	return EP_OK;
}

static struct trail_message take(struct trail *trail, struct trail_source *source)
{
	struct trail_message message = *slot(source, 0);

	source->first = (source->first + 1) & (source->capacity - 1);
	source->count--;
	trail->waiting--;
	return message;
}

enum ep_status trail_end(struct trail *trail, const struct outcome *outcome)
{
	struct trail_source *source = get_source(trail, outcome->source);

	if (!source)
		return EP_NO_MEMORY;
	while (source->count && slot(source, 0)->position < outcome->inbox_position) {
		struct trail_message message = take(trail, source);

		source->skipped += counts(trail, &message);
		if (trail->skipped)
			trail->skipped(trail->argument, source, &message);
	}
	if (source->count && slot(source, 0)->position == outcome->inbox_position) {
		struct trail_message message = take(trail, source);

		source->outcomes[outcome->kind] += counts(trail, &message);
		return EP_OK;
	}
	if (outcome->inbox_position < trail->first)
		return EP_OK; /* of a message that is no longer kept */
	source->strange++;
	return EP_NOT_FOUND;
}

uint64_t trail_pending(const struct trail *trail, const struct trail_source *source, uint64_t before)
{
	uint64_t pending = 0;

	for (size_t i = 0; i < source->count && slot(source, i)->position < before; i++)
		pending += counts(trail, slot(source, i));
	return pending;
}
