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

static enum ep_status restore_lane(struct pipeline *pipeline, struct ep_slice *rest)
{
	struct lane *lane;
	uint8_t length;
	char name[256];

	if (!take(rest, &length, 1) || !take(rest, name, length))
		return EP_BAD_INPUT;
	lane = lane_get(pipeline, ep_slice_make(name, length));
	if (!lane)
		return EP_NO_MEMORY;
	if (!take(rest, &lane->done, 8) || !take(rest, &lane->pending, 8) || !take(rest, &lane->lag, 8))
		return EP_BAD_INPUT;
	return EP_OK;
}

enum ep_status pipeline_restore(struct pipeline *pipeline, struct ep_slice checkpoint)
{
	uint32_t version, count;

	if (checkpoint.length == 0)
		return EP_OK;
	if (!take(&checkpoint, &version, sizeof(version)) || version != CHECKPOINT_VERSION ||
		!take(&checkpoint, &pipeline->head, 8) || !take(&checkpoint, &count, sizeof(count)))
		return EP_BAD_INPUT;
	for (uint32_t i = 0; i < count; i++) {
		enum ep_status status = restore_lane(pipeline, &checkpoint);

		if (status != EP_OK)
			return status;
	}
	return checkpoint.length == 0 ? EP_OK : EP_BAD_INPUT;
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
