/*
 * collect.c: one message with its worker: what goes out, and what comes back record by record.
 *
 * What a worker sends is untrusted (invariant 8): record_accept() checks it as if it came from the network; a record that
 * breaks the encoding's rules ends the worker. Nothing is visible before the call has ended well (invariant 3).
 */
#include <stdlib.h>
#include <string.h>

#include "base/place.h"
#include "pipeline/parts.h"

#define REJECTIONS_BYTES_MAX ((size_t)56 * 1024) /* of the frame's 64 KiB beside the records */

/* Cut to at most `max` bytes, not inside a UTF-8 sequence. */
static struct ep_slice cut(struct ep_slice text, uint64_t max)
{
	if (text.length <= max)
		return text;
	while (max > 0 && ((unsigned char)text.data[max] & 0xc0) == 0x80)
		max--;
	return ep_slice_make(text.data, max);
}

static enum ep_status encode_rejection(
	enum ep_error code, const struct ep_place *place, struct ep_slice text, struct buffer *out)
{
	const struct ep_place nowhere = ep_place_none();
	struct outcome_rejection rejection = {.code = code, .text = text};
	struct buffer shown;
	enum ep_status status;

	buffer_init(&shown, 4096);
	place_write(place ? place : &nowhere, &shown);
	rejection.place = buffer_slice(&shown);
	status = outcome_write_rejection(&rejection, out);
	buffer_free(&shown);
	return status;
}

/* Keeps at most OUTCOME_REJECTIONS_MAX; all are counted. */
static void add_rejection(struct item *item, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	size_t before = item->rejections.length;

	item->rejected++;
	if (item->rejection_count == OUTCOME_REJECTIONS_MAX)
		return;
	if (encode_rejection(code, place, cut(text, REJECTION_TEXT_MAX), &item->rejections) == EP_OK) {
		item->rejection_count++;
		item->before_last = before;
	} else { /* counted all the same */
		item->rejections.length = before;
		item->rejections.failed = EP_OK;
	}
}

/* Why it is refused stands first, before the records that were rejected until then. */
void item_quarantine(struct item *item, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	struct buffer before = item->rejections;

	item->kind = OUTCOME_QUARANTINED;
	if (item->rejection_count == OUTCOME_REJECTIONS_MAX) {
		before.length = item->before_last;
		item->rejection_count--;
	}
	buffer_init(&item->rejections, REJECTIONS_BYTES_MAX + 2048);
	item->rejection_count++;
	item->rejected++;
	if (encode_rejection(code, place, cut(text, REJECTION_TEXT_MAX * 2), &item->rejections) != EP_OK ||
		buffer_append_slice(&item->rejections, buffer_slice(&before)) != EP_OK)
		PANIC("no memory to say why a message is quarantined");
	buffer_free(&before);
}

static void count_staged(struct item *item)
{
	item->lane->staged += item->staged.memory.length - item->staged_counted;
	item->staged_counted = item->staged.memory.length;
}

void item_forget(struct item *item)
{
	stage_free(&item->staged);
	count_staged(item);
	stage_init(&item->staged, item->lane->pipeline->journal);
	item->record_count = 0;
	item->flaw = FLAW_NONE;
	buffer_clear(&item->rejections);
	item->rejection_count = 0;
	item->rejected = 0;
	item->before_last = 0;
}

static void stage_record(struct item *item, struct ep_slice accepted)
{
	struct pipeline *pipeline = item->lane->pipeline;
	uint32_t length = (uint32_t)accepted.length;
	bool spill = item->lane->staged + length > LANE_STAGED_MAX;
	struct error error = {0};
	enum ep_status status;

	if (item->record_count == OVERLAY_MAX) {
		item->flaw = FLAW_TOO_MANY;
		return;
	}
	status = stage_append(&item->staged, ep_slice_make((const char *)&length, sizeof(length)), spill, &error);
	if (status == EP_OK)
		status = stage_append(&item->staged, accepted, spill, &error);
	if (status != EP_OK) {
		item->flaw = FLAW_NO_ROOM;
		pipeline_retry_later(pipeline, &error);
	}
	item->record_count++;
	count_staged(item);
}

static void on_record(
	struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins, uint32_t origin_count)
{
	struct item *item = call->owner;
	struct lane *lane = item->lane;
	struct pipeline *pipeline = lane->pipeline;
	struct record_rejection rejection = {0};
	enum ep_status status;

	if (item->flaw != FLAW_NONE)
		return;
	buffer_clear(&pipeline->accepted);
	status = record_accept(&lane->policy, encoded, origins, origin_count, &pipeline->accepted, &rejection);
	if (status == EP_OK) {
		if (!item->engine->whole || item->rejected == 0) /* otherwise it is refused whole anyway */
			stage_record(item, buffer_slice(&pipeline->accepted));
		return;
	}
	if (status == EP_BAD_INPUT) {
		add_rejection(item, rejection.code, &rejection.place, ep_slice_of(rejection.text));
		return;
	}
	if (status == EP_MISUSE) {
		item->flaw = FLAW_FAULT;
		pipeline->workers->fault(item->engine->worker, "gave a record that breaks the rules of the encoding");
		return;
	}
	if (status == EP_LIMIT) { /* sound, but too large to be kept */
		add_rejection(item, EP_ERR_LIMIT, NULL, EP_SAY("a record is too large"));
		return;
	}
	item->flaw = FLAW_NO_ROOM;
	pipeline_retry_later(pipeline, NULL);
}

static void on_reject(struct worker_call *call, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	struct item *item = call->owner;

	if (item->flaw == FLAW_NONE)
		add_rejection(item, code, place, text);
}

static void on_restarted(struct worker_call *call)
{
	item_forget(call->owner);
}

/* What the message comes to, from how its call ended and what came before. */
static void judge(struct item *item, enum call_result result, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	if (result != CALL_OK)
		item_quarantine(item, code, place, text);
	else if (item->flaw == FLAW_FAULT)
		item_quarantine(item, EP_ERR_PLUGIN_FAULT, NULL, EP_SAY("a record breaks the rules of the encoding"));
	else if (item->flaw == FLAW_TOO_MANY)
		item_quarantine(item, EP_ERR_LIMIT, NULL, EP_SAY("more than 4,194,304 records in one message"));
	else if (item->engine->whole && item->rejected)
		item->kind = OUTCOME_QUARANTINED; /* the first rejection says why */
	else
		item->kind = OUTCOME_NORMALIZED;
}

static void close_body(struct item *item)
{
	if (item->body_fd == -1)
		return;
	disk_close(item->body_fd);
	item->body_fd = -1;
	item->lane->extents--;
}

static void on_end(struct worker_call *call, enum call_result result, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	struct item *item = call->owner;
	struct error error = {0};

	swap_answered(item, result);
	if (result == CALL_OK && item->flaw == FLAW_NONE && stage_finish(&item->staged, &error) != EP_OK) {
		item->flaw = FLAW_NO_ROOM;
		pipeline_retry_later(item->lane->pipeline, &error);
	}
	count_staged(item);
	if (result == CALL_OK && item->flaw == FLAW_NO_ROOM) {
		item_forget(item);
		item->state = ITEM_STALLED;
		return;
	}
	judge(item, result, code, place, text);
	if (item->kind == OUTCOME_QUARANTINED) {
		stage_free(&item->staged);
		count_staged(item);
		item->record_count = 0;
	}
	close_body(item);
	item->state = ITEM_ENDED;
	lane_wake(item->lane);
}

static void prepare_call(struct item *item)
{
	const struct message *message = &item->message;

	item->call = (struct worker_call){.body = message->body,
		.body_fd = item->body_fd,
		.body_length = message->body_length,
		.content_type = message->content_type,
		.content_encoding = message->content_encoding,
		.name = message->name,
		.headers = message->headers,
		.header_count = message->header_count,
		.record = on_record,
		.reject = on_reject,
		.restarted = on_restarted,
		.end = on_end,
		.owner = item};
}

enum ep_status item_submit(struct item *item)
{
	struct lane *lane = item->lane;
	enum ep_status status;

	prepare_call(item);
	item->state = ITEM_CALLED;
	engine_take(lane->engine, item);
	status = lane->pipeline->workers->submit(lane->engine->worker, &item->call);
	if (status != EP_OK)
		item->state = ITEM_STALLED;
	return status;
}

static enum ep_status read_message(struct item *item, const struct journal_frame *frame, struct error *error)
{
	struct journal_frame copy = *frame;

	item->payload = malloc(frame->payload.length + 1);
	if (!item->payload)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a message");
	memcpy(item->payload, frame->payload.data, frame->payload.length);
	item->payload_length = frame->payload.length;
	copy.payload = ep_slice_make(item->payload, item->payload_length);
	return message_read(&copy, &item->message);
}

struct item *item_create(struct lane *lane, const struct journal_frame *frame, struct error *error)
{
	struct item *item = calloc(1, sizeof(*item));
	enum ep_status status;

	if (!item) {
		error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a message");
		return NULL;
	}
	item->lane = lane;
	item->position = frame->position;
	item->sequence = frame->sequence;
	item->source_sequence = frame->source_sequence;
	item->body_fd = -1;
	stage_init(&item->staged, lane->pipeline->journal);
	buffer_init(&item->rejections, REJECTIONS_BYTES_MAX);
	status = read_message(item, frame, error);
	if (status == EP_OK && item->message.flags & MESSAGE_DUPLICATE) {
		item->kind = OUTCOME_DUPLICATE;
		item->state = ITEM_ENDED;
		return item;
	}
	if (status == EP_OK && frame->extent) {
		status = journal_extent_open(lane->pipeline->journal, frame->extent, &item->body_fd, error);
		if (status == EP_OK)
			lane->extents++;
		else
			item->body_fd = -1;
	}
	if (status != EP_OK) {
		item_free(item);
		return NULL;
	}
	return item;
}

void item_free(struct item *item)
{
	engine_drop(item);
	close_body(item);
	settling_free(item);
	stage_free(&item->staged);
	count_staged(item);
	buffer_free(&item->rejections);
	free(item->payload);
	free(item);
}
