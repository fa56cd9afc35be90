/*
 * read.c: from the inbox to the lanes: the live reader, and those of lanes that lag (see parts.h).
 *
 * Both go in quanta, lane by lane, so that neither a long backlog nor one busy source starves the rest of the loop.
 */
#include "base/log.h"
#include "pipeline/parts.h"

#define LIVE_FRAMES ((size_t)256) /* read in one turn */
#define LIVE_BYTES ((size_t)4 * 1024 * 1024)
#define LAGGING_FRAMES ((size_t)256) /* passed over or taken in one turn of a lane */
#define LAGGING_LANES ((size_t)8)    /* that have a turn in one pass */

static bool is_full(const struct lane *lane, const struct journal_frame *frame)
{
	if (lane->item_count == 0)
		return false;
	return lane->item_count >= LANE_ITEMS_MAX || lane->item_bytes + frame->payload.length > LANE_BYTES_MAX ||
	       (frame->extent != 0 && lane->extents >= LANE_EXTENTS_MAX);
}

static void drop_last(struct lane *lane, struct item *item)
{
	struct item **link = &lane->first;

	while (*link != item)
		link = &(*link)->next;
	*link = NULL;
	lane->last = link;
	lane->item_count--;
	lane->item_bytes -= item->payload_length;
	item_free(item);
}

/* The message becomes the lane's last item, and its worker's last call. EP_AGAIN: not now. */
static enum ep_status take(struct lane *lane, const struct journal_frame *frame)
{
	struct error error = {0};
	struct item *item;

	if (is_full(lane, frame))
		return EP_AGAIN;
	item = item_create(lane, frame, &error);
	if (!item) {
		pipeline_retry_later(lane->pipeline, &error);
		return EP_AGAIN;
	}
	*lane->last = item;
	lane->last = &item->next;
	lane->item_count++;
	lane->item_bytes += item->payload_length;
	if (item->state == ITEM_ENDED) {
		lane_wake(lane);
		return EP_OK;
	}
	if (item_submit(item) != EP_OK) {
		lane->refused = true;
		drop_last(lane, item);
		return EP_AGAIN;
	}
	return EP_OK;
}

static void begin_lagging(struct lane *lane, uint64_t position)
{
	lane->lagging = true;
	lane->lag = position;
	if (lane->source)
		return;
	if (lane->pending == 1)
		log_warn("messages of a source that is not configured any more stay pending",
			log_slice("source", lane->name));
}

static void give(struct pipeline *pipeline, const struct journal_frame *frame)
{
	struct message message;
	struct error error = {0};
	struct lane *lane;

	if (message_read(frame, &message) != EP_OK) {
		error_set(&error, EP_BAD_INPUT, EP_ERR_JOURNAL_DAMAGED, "the message at %llu can't be read",
			(unsigned long long)frame->position);
		pipeline_die(&error);
	}
	lane = lane_get(pipeline, message.source);
	if (!lane)
		PANIC("no memory for a source");
	lane->pending++;
	counts_received(lane, &message);
	if (lane->lagging)
		return;
	if (!lane->source || take(lane, frame) != EP_OK)
		begin_lagging(lane, frame->position);
}

bool read_live(struct pipeline *pipeline)
{
	struct journal_frame frame;
	struct error error = {0};
	size_t bytes = 0;

	for (size_t i = 0; i < LIVE_FRAMES && bytes < LIVE_BYTES; i++) {
		enum ep_status status = journal_read(pipeline->live, JOURNAL_KINDS(JOURNAL_MESSAGE), &frame, &error);

		if (status == EP_END)
			return false;
		if (status != EP_OK)
			pipeline_die(&error);
		give(pipeline, &frame);
		pipeline->head = frame.next;
		bytes += frame.payload.length;
	}
	return true;
}

static void close_reader(struct lane *lane)
{
	if (lane->reader)
		journal_reader_close(lane->reader);
	lane->reader = NULL;
}

static bool may_catch_up(const struct lane *lane)
{
	return lane->lagging && lane->source && !lane->refused && lane->item_count <= LANE_ITEMS_MAX / 2 &&
	       lane->item_bytes <= LANE_BYTES_MAX / 2 && lane->extents <= LANE_EXTENTS_MAX / 2;
}

/* One frame of the inbox, seen by a lane's own reader. False: the lane can't take it now. */
static bool follow(struct lane *lane, const struct journal_frame *frame)
{
	struct message message;

	if (frame->position > lane->done && message_read(frame, &message) == EP_OK &&
		ep_slice_equal(message.source, lane->name) && take(lane, frame) != EP_OK)
		return false;
	lane->lag = frame->next;
	return true;
}

/* One turn of a lane. True: it has more to read and may read on. */
static bool catch_up(struct lane *lane)
{
	struct pipeline *pipeline = lane->pipeline;
	struct journal_frame frame;
	struct error error = {0};
	enum ep_status status = EP_OK;

	if (!lane->reader)
		status = journal_reader_open(pipeline->journal, lane->lag, &lane->reader, &error);
	for (size_t i = 0; status == EP_OK && i < LAGGING_FRAMES; i++) {
		status = journal_read(lane->reader, JOURNAL_KINDS(JOURNAL_MESSAGE), &frame, &error);
		if (status == EP_OK && frame.position >= pipeline->head)
			status = EP_END;
		if (status == EP_OK && !follow(lane, &frame)) {
			close_reader(lane);
			return false;
		}
	}
	if (status == EP_OK)
		return true;
	if (status == EP_NO_MEMORY) {
		pipeline_retry_later(pipeline, &error);
		return false;
	}
	if (status != EP_END)
		pipeline_die(&error);
	close_reader(lane); /* it has met the live reader, which goes on with this lane */
	lane->lagging = false;
	return false;
}

bool read_lagging(struct pipeline *pipeline)
{
	size_t turns = 0;
	bool more = false;

	for (size_t i = 0; i < pipeline->lane_count && turns < LAGGING_LANES; i++) {
		struct lane *lane = pipeline->lanes[pipeline->turn % pipeline->lane_count];

		pipeline->turn = (pipeline->turn + 1) % pipeline->lane_count;
		if (!may_catch_up(lane))
			continue;
		turns++;
		if (catch_up(lane))
			more = true;
	}
	return more || turns == LAGGING_LANES;
}
