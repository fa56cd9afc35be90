/*
 * counts.c: what each source came to, since its first message, for those who watch.
 *
 * Counted where messages are read and outcomes appended, and again at start from the frames behind the checkpoint, which
 * holds the rest; so the numbers go on over restarts and crashes, and received = normalized + duplicate + quarantined +
 * discarded + pending holds at all times. A checkpoint without them (of a version before) begins with what is pending.
 */
#include <string.h>

#include "pipeline/parts.h"

#define COUNTS_VERSION UINT32_C(1)
#define COUNTS_NUMBERS 11

void counts_received(struct lane *lane, const struct message *message)
{
	lane->counts.received++;
	lane->counts.bytes += message->body_length;
	if (lane->pending == 1 || lane->oldest_ns == 0)
		lane->oldest_ns = message->received_at_ns;
}

void counts_outcome(struct lane *lane, const struct outcome *outcome)
{
	struct lane_counts *counts = &lane->counts;

	counts->outcomes[outcome->kind]++;
	counts->records += outcome->record_count;
	counts->suppressed += outcome->suppressed;
	counts->rejected += outcome->rejected;
}

/* In the order in which they are written. */
static void list_numbers(struct lane *lane, uint64_t *numbers[COUNTS_NUMBERS])
{
	struct lane_counts *counts = &lane->counts;

	numbers[0] = &counts->received;
	numbers[1] = &counts->bytes;
	numbers[2] = &counts->records;
	numbers[3] = &counts->suppressed;
	numbers[4] = &counts->rejected;
	for (size_t kind = OUTCOME_NORMALIZED; kind <= OUTCOME_DISCARDED; kind++)
		numbers[4 + kind] = &counts->outcomes[kind];
	numbers[9] = (uint64_t *)&lane->oldest_ns;
	numbers[10] = &lane->last_records;
}

enum ep_status pipeline_counts_save(struct pipeline *pipeline, struct buffer *out)
{
	const uint32_t version = COUNTS_VERSION, count = (uint32_t)pipeline->lane_count;

	(void)buffer_append(out, &version, sizeof(version));
	(void)buffer_append(out, &count, sizeof(count));
	for (size_t i = 0; i < pipeline->lane_count; i++) {
		struct lane *lane = pipeline->lanes[i];
		uint64_t *numbers[COUNTS_NUMBERS];

		list_numbers(lane, numbers);
		(void)buffer_append_byte(out, (char)lane->name.length);
		(void)buffer_append_slice(out, lane->name);
		for (size_t n = 0; n < COUNTS_NUMBERS; n++)
			(void)buffer_append(out, numbers[n], sizeof(*numbers[n]));
	}
	return out->failed;
}

static bool take(struct ep_slice *rest, void *out, uint64_t length)
{
	if (rest->length < length)
		return false;
	memcpy(out, rest->data, length);
	*rest = ep_slice_sub(*rest, length, rest->length);
	return true;
}

static enum ep_status restore_lane(struct pipeline *pipeline, struct ep_slice *rest)
{
	uint64_t *numbers[COUNTS_NUMBERS];
	struct lane *lane;
	uint8_t length;
	char name[256];

	if (!take(rest, &length, 1) || !take(rest, name, length))
		return EP_BAD_INPUT;
	lane = lane_get(pipeline, ep_slice_make(name, length));
	if (!lane)
		return EP_NO_MEMORY;
	list_numbers(lane, numbers);
	for (size_t n = 0; n < COUNTS_NUMBERS; n++)
		if (!take(rest, numbers[n], sizeof(*numbers[n])))
			return EP_BAD_INPUT;
	return EP_OK;
}

enum ep_status pipeline_counts_restore(struct pipeline *pipeline, struct ep_slice saved)
{
	enum ep_status status = EP_OK;
	uint32_t version, count;

	for (size_t i = 0; i < pipeline->lane_count; i++)
		pipeline->lanes[i]->counts.received = pipeline->lanes[i]->pending;
	if (saved.length == 0)
		return EP_OK;
	if (!take(&saved, &version, sizeof(version)) || version != COUNTS_VERSION ||
		!take(&saved, &count, sizeof(count)))
		return EP_BAD_INPUT;
	for (uint32_t i = 0; i < count && status == EP_OK; i++)
		status = restore_lane(pipeline, &saved);
	return status == EP_OK && saved.length ? EP_BAD_INPUT : status;
}

/* When the oldest message without an outcome was received. */
static int64_t oldest_ns(const struct lane *lane)
{
	const struct item *first = lane->first;

	if (lane->pending == 0)
		return 0;
	if (first && first->state == ITEM_APPENDED)
		first = first->next;
	return first ? first->message.received_at_ns : lane->oldest_ns;
}

bool pipeline_source(const struct pipeline *pipeline, size_t index, struct pipeline_source *source)
{
	const struct lane *lane;

	if (index >= pipeline->lane_count)
		return false;
	lane = pipeline->lanes[index];
	*source = (struct pipeline_source){.name = lane->name,
		.conf = lane->source,
		.received = lane->counts.received,
		.bytes = lane->counts.bytes,
		.pending = lane->pending,
		.records = lane->counts.records,
		.suppressed = lane->counts.suppressed,
		.rejected = lane->counts.rejected,
		.oldest_ns = oldest_ns(lane),
		.worker = engine_identity(lane->engine),
		.plugin_path = lane->engine ? lane->engine->path : NULL,
		.swap = !lane->swap              ? ""
			: lane->swap->taken_over ? "on trial"
						 : "starting",
		.swap_trouble = lane->swap_trouble};
	memcpy(source->outcomes, lane->counts.outcomes, sizeof(source->outcomes));
	return true;
}

struct pipeline_outbox pipeline_outbox(const struct pipeline *pipeline)
{
	struct pipeline_outbox outbox = {0};

	for (size_t i = 0; i < pipeline->lane_count; i++) {
		outbox.records += pipeline->lanes[i]->counts.records;
		if (pipeline->lanes[i]->last_records > outbox.last)
			outbox.last = pipeline->lanes[i]->last_records;
	}
	return outbox;
}
