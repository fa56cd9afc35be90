/*
 * recover.c: what a checkpoint holds of the pipeline, and how its state follows from it and the frames behind.
 *
 * A checkpoint says: inbox frames before `head` are counted, and for each lane which message got the last outcome, how
 * many wait, and from where they are to be read. So recovery counts what came later, frame by frame, keeps no list, and
 * needs the log from `head` on only, however far back a lane waits. Frames from before, read again for the index's sake,
 * change nothing: outcomes of a lane come in order, so what is not behind `done` is known.
 */
#include <string.h>

#include "base/log.h"
#include "pipeline/parts.h"

#define CHECKPOINT_VERSION UINT32_C(1)

static void put_number(struct buffer *out, uint64_t number)
{
	(void)buffer_append(out, &number, sizeof(number));
}

static bool take(struct ep_slice *rest, void *out, uint64_t length)
{
	if (rest->length < length)
		return false;
	memcpy(out, rest->data, length);
	*rest = ep_slice_sub(*rest, length, rest->length);
	return true;
}

enum ep_status pipeline_checkpoint(struct pipeline *pipeline, struct buffer *out, uint64_t *from)
{
	const uint32_t version = CHECKPOINT_VERSION, count = (uint32_t)pipeline->lane_count;

	(void)buffer_append(out, &version, sizeof(version));
	put_number(out, pipeline->head);
	(void)buffer_append(out, &count, sizeof(count));
	for (size_t i = 0; i < pipeline->lane_count; i++) {
		const struct lane *lane = pipeline->lanes[i];

		(void)buffer_append_byte(out, (char)lane->name.length);
		(void)buffer_append_slice(out, lane->name);
		put_number(out, lane->done);
		put_number(out, lane->pending);
		put_number(out, lane_low(lane));
	}
	*from = pipeline->head;
	return out->failed;
}

uint64_t pipeline_needs(const struct pipeline *pipeline)
{
	uint64_t least = pipeline->head;

	for (size_t i = 0; i < pipeline->lane_count; i++)
		if (lane_low(pipeline->lanes[i]) < least)
			least = lane_low(pipeline->lanes[i]);
	return least;
}

enum ep_status pipeline_saved_read(struct ep_slice checkpoint, struct pipeline_saved *saved)
{
	uint32_t version;

	saved->rest = checkpoint;
	return take(&saved->rest, &version, sizeof(version)) && version == CHECKPOINT_VERSION &&
			       take(&saved->rest, &saved->head, 8) &&
			       take(&saved->rest, &saved->left, sizeof(saved->left))
		       ? EP_OK
		       : EP_BAD_INPUT;
}

bool pipeline_saved_next(struct pipeline_saved *saved, struct pipeline_saved_source *source)
{
	uint8_t length;

	if (saved->left == 0 || !take(&saved->rest, &length, 1) || saved->rest.length < length)
		return false;
	source->name = ep_slice_sub(saved->rest, 0, length);
	saved->rest = ep_slice_sub(saved->rest, length, saved->rest.length);
	if (!take(&saved->rest, &source->done, 8) || !take(&saved->rest, &source->pending, 8) ||
		!take(&saved->rest, &source->low, 8))
		return false;
	saved->left--;
	return true;
}

enum ep_status pipeline_restore(struct pipeline *pipeline, struct ep_slice checkpoint)
{
	struct pipeline_saved_source source;
	struct pipeline_saved saved;

	if (checkpoint.length == 0)
		return EP_OK;
	if (pipeline_saved_read(checkpoint, &saved) != EP_OK)
		return EP_BAD_INPUT;
	pipeline->head = saved.head;
	while (pipeline_saved_next(&saved, &source)) {
		struct lane *lane = lane_get(pipeline, source.name);

		if (!lane)
			return EP_NO_MEMORY;
		lane->done = source.done;
		lane->pending = source.pending;
		lane->lag = source.low;
	}
	return saved.left == 0 && saved.rest.length == 0 ? EP_OK : EP_BAD_INPUT;
}

static void refuse(const struct journal_frame *frame, const char *what)
{
	struct error error;

	error_set(&error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "%s at %llu can't be read", what,
		(unsigned long long)frame->position);
	pipeline_die(&error);
}

static struct lane *lane_of(struct pipeline *pipeline, struct ep_slice source)
{
	struct lane *lane = lane_get(pipeline, source);

	if (!lane)
		PANIC("no memory for a source");
	return lane;
}

static void recover_message(struct pipeline *pipeline, const struct journal_frame *frame)
{
	struct message message;
	struct lane *lane;

	if (frame->position < pipeline->head)
		return;
	if (message_read(frame, &message) != EP_OK)
		refuse(frame, "the message");
	lane = lane_of(pipeline, message.source);
	if (lane->pending++ == 0)
		lane->lag = frame->position;
	counts_received(lane, &message);
	pipeline->head = frame->next;
}

static void recover_outcome(struct pipeline *pipeline, const struct journal_frame *frame)
{
	struct outcome outcome;
	struct lane *lane;

	if (outcome_read(frame, &outcome) != EP_OK)
		refuse(frame, "the outcome");
	outcome_recover(pipeline, frame, &outcome);
	lane = lane_of(pipeline, outcome.source);
	if (outcome.inbox_position <= lane->done)
		return;
	if (lane->pending == 0) {
		log_warn("an outcome of a message that isn't there", log_slice("source", lane->name),
			log_number("position", (int64_t)frame->position));
		return;
	}
	lane->pending--;
	counts_outcome(lane, &outcome);
	if (outcome.record_count)
		lane->last_records = frame->position;
	lane->done = outcome.inbox_position;
	if (lane->lag < lane->done)
		lane->lag = lane->done; /* its reader passes over what is done */
}

void pipeline_recover(struct pipeline *pipeline, const struct journal_frame *frame)
{
	if (frame->kind == JOURNAL_MESSAGE)
		recover_message(pipeline, frame);
	else if (frame->kind == JOURNAL_OUTCOME)
		recover_outcome(pipeline, frame);
}
