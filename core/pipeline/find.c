/*
 * find.c: what became of a message, told to who asks or waits for it. Only what is durable is told: an outcome that a
 * crash could still take back is pending.
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/parts.h"

static struct waiter_list *bucket_of_id(struct pipeline *pipeline, const uint8_t id[16])
{
	uint32_t hash;

	memcpy(&hash, id + 12, sizeof(hash)); /* of the random part */
	return &pipeline->by_id[hash % WAITER_BUCKETS];
}

static struct waiter_list *bucket_of_argument(struct pipeline *pipeline, const void *argument)
{
	return &pipeline->by_argument[((uintptr_t)argument >> 4) % WAITER_BUCKETS];
}

static void fire(void *argument)
{
	waiters_durable(argument);
}

static void remove_waiter(struct pipeline *pipeline, struct waiter *waiter)
{
	LIST_REMOVE(waiter, by_id);
	LIST_REMOVE(waiter, by_argument);
	pipeline->waiter_count--;
	free(waiter);
}

bool waiters_want(struct pipeline *pipeline, const uint8_t id[16])
{
	struct waiter *waiter;

	if (pipeline->waiter_count == 0)
		return false;
	LIST_FOREACH (waiter, bucket_of_id(pipeline, id), by_id)
		if (memcmp(waiter->id, id, sizeof(waiter->id)) == 0)
			return true;
	return false;
}

void waiters_appended(struct pipeline *pipeline, const uint8_t id[16], uint64_t position)
{
	struct waiter *waiter, *next;

	if (pipeline->waiter_count == 0)
		return;
	for (waiter = LIST_FIRST(bucket_of_id(pipeline, id)); waiter; waiter = next) {
		next = LIST_NEXT(waiter, by_id);
		if (memcmp(waiter->id, id, sizeof(waiter->id)) != 0)
			continue;
		waiter->position = position;
		LIST_REMOVE(waiter, by_id);
		LIST_INSERT_HEAD(&pipeline->appended, waiter, by_id);
	}
}

static struct waiter *find_due(struct pipeline *pipeline)
{
	const uint64_t durable = journal_durable(pipeline->journal);
	struct waiter *waiter;

	LIST_FOREACH (waiter, &pipeline->appended, by_id)
		if (waiter->position < durable)
			return waiter;
	return NULL;
}

/* `ready` may wait or cancel again, so the list is looked at from its beginning after each. */
void waiters_durable(struct pipeline *pipeline)
{
	struct waiter *waiter;

	while ((waiter = find_due(pipeline))) {
		void (*ready)(void *argument) = waiter->ready;
		void *argument = waiter->argument;

		remove_waiter(pipeline, waiter);
		ready(argument);
	}
}

static bool find_entry(struct pipeline *pipeline, const uint8_t id[16], struct entry_outcome *entry)
{
	struct ep_slice value;

	if (index_get(pipeline->index, INDEX_OUTCOMES, entry_outcome_key(id), &value) != EP_OK)
		return false;
	*entry = entry_outcome_read(value);
	return true;
}

void pipeline_wait(
	struct pipeline *pipeline, const uint8_t message_id[16], void (*ready)(void *argument), void *argument)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	struct entry_outcome entry = {0};

	if (!waiter)
		return; /* who waits gives up after its time and gets the receipt */
	memcpy(waiter->id, message_id, sizeof(waiter->id));
	waiter->ready = ready;
	waiter->argument = argument;
	LIST_INSERT_HEAD(bucket_of_argument(pipeline, argument), waiter, by_argument);
	pipeline->waiter_count++;
	if (!find_entry(pipeline, message_id, &entry) || entry.outbox_position == 0) {
		LIST_INSERT_HEAD(bucket_of_id(pipeline, message_id), waiter, by_id);
		return;
	}
	waiter->position = entry.outbox_position;
	LIST_INSERT_HEAD(&pipeline->appended, waiter, by_id);
	loop_task_queue(pipeline->loop, &pipeline->fire);
}

void pipeline_cancel(struct pipeline *pipeline, void *argument)
{
	struct waiter *waiter, *next;

	for (waiter = LIST_FIRST(bucket_of_argument(pipeline, argument)); waiter; waiter = next) {
		next = LIST_NEXT(waiter, by_argument);
		if (waiter->argument == argument)
			remove_waiter(pipeline, waiter);
	}
}

void waiters_init(struct pipeline *pipeline)
{
	for (size_t i = 0; i < WAITER_BUCKETS; i++) {
		LIST_INIT(&pipeline->by_id[i]);
		LIST_INIT(&pipeline->by_argument[i]);
	}
	LIST_INIT(&pipeline->appended);
	pipeline->fire = (struct loop_task){.run = fire, .argument = pipeline};
}

void waiters_free(struct pipeline *pipeline)
{
	for (size_t i = 0; i < WAITER_BUCKETS; i++)
		while (!LIST_EMPTY(&pipeline->by_argument[i]))
			remove_waiter(pipeline, LIST_FIRST(&pipeline->by_argument[i]));
}

/* The frame at `position`, which is durable. */
static enum ep_status read_frame(
	struct pipeline *pipeline, uint64_t position, uint32_t kinds, struct journal_frame *frame)
{
	struct error error = {0};
	enum ep_status status;

	if (!pipeline->finder) {
		status = journal_reader_open(pipeline->journal, position, &pipeline->finder, &error);
		if (status != EP_OK)
			return status;
	}
	journal_reader_seek(pipeline->finder, position);
	status = journal_read(pipeline->finder, kinds, frame, &error);
	if (status == EP_OK && frame->position != position)
		return EP_NOT_FOUND; /* older than what the journal keeps */
	return status == EP_END ? EP_NOT_FOUND : status;
}

enum ep_status pipeline_find(struct pipeline *pipeline, const uint8_t message_id[16], struct outcome *outcome)
{
	const uint64_t durable = journal_durable(pipeline->journal);
	struct entry_outcome entry;
	struct journal_frame frame;
	struct message message;
	enum ep_status status;

	*outcome = (struct outcome){.kind = OUTCOME_PENDING};
	if (!find_entry(pipeline, message_id, &entry) || entry.inbox_position >= durable)
		return EP_NOT_FOUND;
	if (entry.outbox_position != 0 && entry.outbox_position < durable) {
		status = read_frame(pipeline, entry.outbox_position, JOURNAL_KINDS(JOURNAL_OUTCOME), &frame);
		return status == EP_OK ? outcome_read(&frame, outcome) : status;
	}
	status = read_frame(pipeline, entry.inbox_position, JOURNAL_KINDS(JOURNAL_MESSAGE), &frame);
	if (status == EP_OK)
		status = message_read(&frame, &message);
	if (status != EP_OK)
		return status;
	outcome->inbox_position = outcome->original_position = frame.position;
	outcome->inbox_sequence = frame.sequence;
	memcpy(outcome->message_id, message.id, sizeof(outcome->message_id));
	outcome->received_at_ns = message.received_at_ns;
	outcome->source = message.source;
	return EP_OK;
}
