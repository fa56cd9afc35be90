/*
 * progress.c: what has got its end is written to the journal as a step, lazily: it rides with the next commit.
 *
 * A step that can't be appended is made again later; until then what it says is only known here, and after a crash would
 * be sent again with the same ids.
 */
#include <stdlib.h>

#include "courier/parts.h"

#define ADVANCE_BYTES                                                                                                  \
	((uint64_t)1024 * 1024) /* of log, after which a cursor is written that moved past nothing for us */

/* How many of each list are in the step that is being made. */
struct taken {
	size_t closed, window;
	uint64_t filtered, superseded;
};

static void add_end(struct delivery_step *step, const struct item *item)
{
	if (item->state == ITEM_DEAD)
		delivery_step_bury(step, item->at, item->code, ep_slice_of(item->reason));
	else
		step->delivered++;
}

static void make_step(struct courier *courier, struct taken *taken)
{
	struct delivery_step *step = &courier->step;
	size_t resolved = courier->window_resolved;
	struct item *item;

	*taken = (struct taken){.closed = 0};
	delivery_step_clear(step, courier->state.cursor);
	for (item = TAILQ_FIRST(&courier->closed); item; item = TAILQ_NEXT(item, listed)) {
		if (delivery_step_is_full(step))
			break;
		delivery_step_close(step, item->at);
		add_end(step, item);
		taken->closed++;
	}
	for (item = TAILQ_FIRST(&courier->window); item; item = TAILQ_NEXT(item, listed)) {
		if (resolved == 0 || delivery_step_is_full(step))
			break;
		if (item->state >= ITEM_DELIVERED) {
			add_end(step, item);
			resolved--;
		} else {
			delivery_step_open(step, item->at, item->key->hash);
		}
		taken->window++;
	}
	/* `item` is the first that stays in the window: the cursor moves up to it */
	step->after = item ? item->at : outbox_place(courier->outbox);
	taken->filtered = item ? item->filtered : courier->filtered;
	taken->superseded = item ? item->superseded : courier->superseded;
	step->filtered = taken->filtered - courier->state.filtered;
	step->superseded = taken->superseded - courier->state.superseded;
}

static enum ep_status append(struct courier *courier)
{
	struct iovec part;
	struct journal_append what = {
		.kind = JOURNAL_DELIVERY, .urgency = JOURNAL_LAZY, .parts = &part, .part_count = 1, .spool_fd = -1};
	struct journal_frame frame;
	struct error error = {0};
	enum ep_status status;

	buffer_clear(&courier->frame);
	status = delivery_step_write(&courier->step, ep_slice_of(courier->destination->name), &courier->frame);
	if (status != EP_OK)
		return status;
	part = (struct iovec){courier->frame.data, courier->frame.length};
	status = journal_append(courier->journal, &what, &frame, &error);
	if (status != EP_OK && status != EP_AGAIN && !courier->refused_append)
		log_error("progress of a destination can't be written",
			log_text("destination", courier->destination->name), log_text("reason", error.text));
	courier->refused_append = status != EP_OK && status != EP_AGAIN;
	return status;
}

static void apply(struct courier *courier)
{
	struct delivery delivery;

	ASSERT(delivery_read(buffer_slice(&courier->frame), &delivery) == EP_OK);
	ASSERT(delivery_apply(&courier->state, &delivery) == EP_OK);
}

static void forget(struct courier *courier, const struct taken *taken)
{
	for (size_t i = 0; i < taken->closed; i++) {
		struct item *item = TAILQ_FIRST(&courier->closed);

		TAILQ_REMOVE(&courier->closed, item, listed);
		free(item->reason);
		free(item);
	}
	for (size_t i = 0; i < taken->window; i++) {
		struct item *item = TAILQ_FIRST(&courier->window);

		TAILQ_REMOVE(&courier->window, item, listed);
		courier->window_count--;
		item->open = true;
		if (item->state < ITEM_DELIVERED)
			continue;
		courier->window_resolved--;
		free(item->reason);
		free(item);
	}
}

void courier_write_progress(struct courier *courier, bool all)
{
	const struct delivery_step *step = &courier->step;
	struct taken taken;

	do {
		make_step(courier, &taken);
		if (delivery_place_compare(step->after, step->before) == 0 && taken.closed == 0)
			return;
		if (!all && taken.closed == 0 && taken.window == 0 &&
			step->after.frame - step->before.frame < ADVANCE_BYTES)
			return;
		if (append(courier) != EP_OK)
			return;
		apply(courier);
		forget(courier, &taken);
	} while (!TAILQ_EMPTY(&courier->closed) || courier->window_resolved);
}
