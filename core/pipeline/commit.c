/*
 * commit.c: a message's one outcome frame (invariant 2), and the index entries that follow from it.
 *
 * The entries are put right after the append, so the lane's next message is settled against them while the frame is not
 * yet durable; the index writes nothing ahead of the log. A frame with more entries than the index takes at once is put
 * in pieces under a hold. At start the same entries are put from the frames that are read again.
 */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "pipeline/parts.h"
#include "pipeline/version.h"

static void describe(const struct item *item, struct outcome *outcome)
{
	const struct message *message = &item->message;

	outcome->kind = item->kind;
	outcome->inbox_position = item->position;
	outcome->inbox_sequence = item->sequence;
	outcome->original_position = item->kind == OUTCOME_DUPLICATE ? message->first : item->position;
	memcpy(outcome->message_id, message->id, sizeof(outcome->message_id));
	outcome->received_at_ns = message->received_at_ns;
	outcome->source = item->lane->name;
	outcome->rejected = item->rejected;
	outcome->rejection_count = item->rejection_count;
	outcome->rejections = buffer_slice(&item->rejections);
	if (item->settling) {
		outcome->record_count = item->settling->kept;
		outcome->suppressed = item->settling->suppressed;
		outcome->records = buffer_slice(&item->settling->output.memory);
	}
}

/* For people who look at the log: never the text, which may quote the message. */
static void log_quarantine(const struct item *item, struct ep_slice rejections)
{
	struct outcome_rejection first = {0};
	char id[33];

	if (item->kind != OUTCOME_QUARANTINED)
		return;
	(void)outcome_next_rejection(&rejections, &first);
	hex_write(item->message.id, sizeof(item->message.id), id);
	log_warn("message quarantined", log_slice("source", item->lane->name), log_text("message_id", id),
		log_text("code", schema_error_find(first.code)->code), log_slice("place", first.place));
}

static enum ep_status put_outcome(struct pipeline *pipeline, const uint8_t id[16], uint64_t inbox, uint64_t outbox)
{
	const struct entry_outcome entry = {inbox, outbox};
	uint8_t value[ENTRY_OUTCOME_BYTES];

	return index_put(
		pipeline->index, INDEX_OUTCOMES, entry_outcome_key(id), entry_outcome_write(&entry, value), outbox);
}

static void appended(struct item *item, const struct journal_frame *frame, const struct outcome *outcome)
{
	struct lane *lane = item->lane;
	struct pipeline *pipeline = lane->pipeline;
	struct settling *settling = item->settling;
	struct error error = {0};

	item->outbox_position = frame->position;
	item->state = ITEM_APPENDED;
	lane->done = item->position;
	lane->pending--;
	counts_outcome(lane, outcome);
	if (outcome->record_count)
		lane->last_records = frame->position;
	pipeline->complained = false;
	if (item->kind == OUTCOME_DUPLICATE)
		return;
	if (put_outcome(pipeline, item->message.id, item->position, frame->position) != EP_OK)
		PANIC("the index said that it had room");
	waiters_appended(pipeline, item->message.id, frame->position);
	if (!settling)
		return;
	index_hold_begin(pipeline->index, &settling->hold, frame->position); /* until its records are put, too */
	settling->held = true;
	if (settling->output.fd == -1) {
		window_init_stage(&settling->input, &settling->output);
		return;
	}
	settling->output.fd = -1; /* the journal has it now, as the extent */
	if (journal_extent_open(pipeline->journal, frame->extent, &settling->extent_fd, &error) != EP_OK)
		pipeline_die(&error);
	window_init_file(&settling->input, settling->extent_fd, settling->output.written);
}

enum step item_append(struct item *item)
{
	struct pipeline *pipeline = item->lane->pipeline;
	const struct stage *output = item->settling ? &item->settling->output : NULL;
	struct outcome outcome = {0};
	struct journal_frame frame;
	struct journal_append what = {
		.kind = JOURNAL_OUTCOME, .spool_fd = -1, .source_sequence = item->source_sequence};
	struct iovec parts[2];
	struct error error = {0};
	enum ep_status status;

	if (!index_has_room(pipeline->index))
		return STEP_BLOCKED; /* its on_room wakes the lane */
	describe(item, &outcome);
	if (item->engine)
		outcome.plugin = ep_slice_of(engine_plugin(item->engine, &what.build));
	buffer_clear(&pipeline->header);
	if (outcome_write(&outcome, &pipeline->header) != EP_OK)
		PANIC("an outcome doesn't fit into its frame");
	parts[0] = (struct iovec){pipeline->header.data, pipeline->header.length};
	what.parts = parts;
	what.part_count = 1;
	if (output && output->fd != -1) {
		what.spool_fd = output->fd;
		what.spool_length = output->written;
	} else if (output && output->memory.length) {
		parts[what.part_count++] = (struct iovec){output->memory.data, output->memory.length};
	}
	what.schema = schema_fingerprint();
	what.urgency = waiters_want(pipeline, item->message.id) ? JOURNAL_URGENT : JOURNAL_LAZY;
	status = journal_append(pipeline->journal, &what, &frame, &error);
	if (status == EP_OK) {
		log_quarantine(item, outcome.rejections);
		appended(item, &frame, &outcome);
	} else if (status != EP_AGAIN) { /* EP_AGAIN: the journal's next commit wakes the lane */
		pipeline_retry_later(pipeline, &error);
	}
	return status == EP_OK ? STEP_DONE : STEP_BLOCKED;
}

/* Index entries ------------------------------------------------------------------------------------------------- */

static enum ep_status put_record(struct pipeline *pipeline, struct ep_slice source, const struct outcome_record *record,
	uint64_t sequence, uint64_t position)
{
	const struct entry_record entry = version_entry(record, sequence);
	uint8_t value[ENTRY_RECORD_BYTES_MAX];
	uint16_t number;

	if (record->fate == RECORD_SUPERSEDED)
		return EP_OK;
	memcpy(&number, record->encoded.data, sizeof(number));
	buffer_clear(&pipeline->entry_key);
	if (entry_record_key(&pipeline->entry_key, source, number, record->key) != EP_OK)
		PANIC("no memory for a key");
	return index_put(pipeline->index, INDEX_RECORDS, buffer_slice(&pipeline->entry_key),
		entry_record_write(&entry, value), position);
}

/* The outcome record at `at`, which moves behind it; false at the end. */
static bool next_outcome_record(struct window *window, uint64_t *at, struct outcome_record *record)
{
	struct ep_slice bytes, rest;
	struct error error = {0};

	if (*at >= window->length)
		return false;
	for (int whole = 0; whole < 2; whole++) { /* most are small */
		if (window_read(window, *at, whole ? STAGE_PIECE_MAX : 4096, &bytes, &error) != EP_OK)
			pipeline_die(&error);
		rest = bytes;
		if (outcome_next_record(&rest, record)) {
			*at += bytes.length - rest.length;
			return true;
		}
	}
	error_set(&error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "records of an outcome can't be read at byte %llu",
		(unsigned long long)*at);
	pipeline_die(&error);
}

enum step item_index(struct item *item, size_t *budget)
{
	struct settling *settling = item->settling;
	struct outcome_record record;
	uint64_t at;

	if (!settling)
		return STEP_DONE;
	while (at = settling->at, next_outcome_record(&settling->input, &at, &record)) {
		if (*budget == 0)
			return STEP_MORE;
		if (put_record(item->lane->pipeline, item->lane->name, &record, item->sequence,
			    item->outbox_position) != EP_OK)
			return STEP_BLOCKED; /* the index's on_room wakes the lane */
		settling->at = at;
		--*budget;
	}
	return STEP_DONE;
}

/* At start: puts until there is room, which the writer makes. */
static void recover_records(struct pipeline *pipeline, const struct journal_frame *frame, const struct outcome *outcome,
	struct window *window)
{
	struct outcome_record record;
	struct index_hold hold;
	uint64_t at = 0;

	index_hold_begin(pipeline->index, &hold, frame->position);
	while (next_outcome_record(window, &at, &record))
		while (put_record(pipeline, outcome->source, &record, outcome->inbox_sequence, frame->position) ==
			EP_AGAIN)
			index_wait_room(pipeline->index);
	index_hold_end(pipeline->index, &hold);
}

void outcome_recover(struct pipeline *pipeline, const struct journal_frame *frame, const struct outcome *outcome)
{
	struct window window;
	struct error error = {0};
	int fd = -1;

	if (outcome->kind == OUTCOME_DUPLICATE || frame->position < index_position(pipeline->index))
		return;
	while (put_outcome(pipeline, outcome->message_id, outcome->original_position, frame->position) == EP_AGAIN)
		index_wait_room(pipeline->index);
	if (frame->extent) {
		if (journal_extent_open(pipeline->journal, frame->extent, &fd, &error) != EP_OK)
			pipeline_die(&error);
		window_init_file(&window, fd, frame->extent_length);
	} else {
		window_init_memory(&window, outcome->records);
	}
	recover_records(pipeline, frame, outcome, &window);
	window_free(&window);
	if (fd != -1)
		disk_close(fd);
}
