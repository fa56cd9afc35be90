/*
 * courier.c: when what is sent, and what an answer means. See courier.h.
 *
 * Failures are met on two levels. A batch that failed waits for another try by itself, while others go on: it may be its
 * content. When the destination can't be reached, asks for time or fails several times in a row, it is held: nothing is
 * sent until the wait is over, then one batch at a time until one succeeds. Waits double, and are random below their
 * ceiling, so that what failed together doesn't come back together.
 */
#include "courier/courier.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "courier/parts.h"

#define EVENT_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define FRAME_BYTES_MAX ((size_t)1024 * 1024)
#define FAILURES_UNTIL_HOLD 3
#define RETRY_AFTER_MAX_NS (3600 * NS_PER_S) /* a destination may not ask for more */

static void on_done(struct transport_batch *transport, const struct transport_result *result);

static void wake(void *argument)
{
	struct courier *courier = argument;

	loop_task_queue(courier->loop, &courier->task);
}

/* Waiting ------------------------------------------------------------------------------------------------------ */

/* Full jitter: anything between nothing and the ceiling. */
static int64_t wait_ns(const struct conf_destination *destination, uint32_t attempts)
{
	int64_t ceiling = destination->retry_first_ns;

	for (uint32_t i = 1; i < attempts && ceiling < destination->retry_max_ns; i++)
		ceiling *= 2;
	if (ceiling > destination->retry_max_ns)
		ceiling = destination->retry_max_ns;
	return (int64_t)random_below((uint64_t)ceiling) + 1;
}

static void set_timer(struct courier *courier, int64_t now)
{
	const struct batch *first = retries_first(&courier->retries), *building = courier->building;
	int64_t next = INT64_MAX;

	loop_timer_cancel(&courier->timer);
	if (courier->stopping || courier->flying == courier->flying_max || (courier->failures && courier->flying))
		return;
	if (first)
		next = first->due_ns;
	if (building && building->count && building->begun_ns + courier->destination->batch_linger_ns < next)
		next = building->begun_ns + courier->destination->batch_linger_ns;
	if (courier->hold_until_ns > now && (next == INT64_MAX || next < courier->hold_until_ns))
		next = courier->hold_until_ns; /* something may have come meanwhile */
	if (next != INT64_MAX)
		loop_timer_set(&courier->timer, next > now ? next - now + NS_PER_MS : 0);
}

/* Sending ------------------------------------------------------------------------------------------------------ */

static void send_batch(struct courier *courier, struct batch *batch)
{
	batch->transport.done = on_done;
	batch->transport.owner = batch;
	batch->successes_seen = courier->successes;
	LIST_INSERT_HEAD(&courier->under_way, batch, listed);
	courier->flying++;
	courier->transport->ops->send(courier->transport, &batch->transport);
}

static void wait_again(struct courier *courier, struct batch *batch, int64_t due_ns)
{
	batch_empty(batch);
	batch->due_ns = due_ns;
	if (retries_push(&courier->retries, batch) != EP_OK)
		courier_disband(courier, batch);
}

/* A batch that waited, if its time has come. */
static bool send_retry(struct courier *courier, int64_t now)
{
	struct batch *batch = retries_first(&courier->retries);

	if (!batch || batch->due_ns > now)
		return false;
	retries_pop(&courier->retries);
	if (batch->count == 0) {
		batch_destroy(batch);
		return true;
	}
	if (courier_render(courier, batch) != EP_OK) {
		wait_again(courier, batch, courier->hold_until_ns);
		return false;
	}
	courier->carried += batch->count;
	courier->prefer_new = true;
	send_batch(courier, batch);
	return true;
}

/* A batch of what is new, if it is full or has waited long enough for more. */
static bool send_new(struct courier *courier, int64_t now)
{
	enum courier_more more = courier_fill(courier);
	struct batch *batch = courier->building;

	if (more == COURIER_MORE) {
		wake(courier);
		return false;
	}
	if (courier->broken || !batch || batch->count == 0)
		return false;
	if (!batch->full && now < batch->begun_ns + courier->destination->batch_linger_ns)
		return false;
	courier->building = NULL;
	if (batch_seal(batch) != EP_OK) {
		courier->carried -= batch->count;
		courier_disband(courier, batch);
		courier_halt(courier, "no memory");
		return false;
	}
	courier->prefer_new = false;
	send_batch(courier, batch);
	return true;
}

static bool may_send(const struct courier *courier, int64_t now)
{
	return courier->started && !courier->stopping && courier->flying < courier->flying_max &&
	       now >= courier->hold_until_ns && !(courier->failures && courier->flying);
}

static void run(void *argument)
{
	struct courier *courier = argument;
	int64_t now = clock_monotonic_ns();

	while (may_send(courier, now)) {
		bool sent = courier->prefer_new ? send_new(courier, now) || send_retry(courier, now)
						: send_retry(courier, now) || send_new(courier, now);

		if (!sent)
			break;
	}
	courier_write_progress(courier, false);
	set_timer(courier, now);
}

/* Answers ------------------------------------------------------------------------------------------------------ */

static void say_works_again(struct courier *courier)
{
	if (courier->refused || courier->failures >= FAILURES_UNTIL_HOLD)
		log_info("destination works again", log_text("destination", courier->destination->name));
	courier->failures = 0;
	courier->refused = false;
	courier->hold_until_ns = 0;
}

/* Both halves go on by themselves; what remains of the second is behind the first where they share a key. */
static void halve(struct courier *courier, struct batch *batch, int64_t due_ns)
{
	struct batch *second = batch_split(batch);

	wait_again(courier, batch, due_ns);
	if (second)
		wait_again(courier, second, due_ns);
}

static void on_permanent(struct courier *courier, struct batch *batch, const struct transport_result *result)
{
	say_works_again(courier);
	if (batch->count > 1) { /* which one it is: halves tell */
		halve(courier, batch, clock_monotonic_ns());
		return;
	}
	courier_bury(courier, batch->items[0], result->code, result->text);
	batch_destroy(batch);
}

static void on_refused(struct courier *courier, struct batch *batch, const struct transport_result *result)
{
	if (!courier->refused)
		log_error("destination refuses our credentials: paused",
			log_text("destination", courier->destination->name), log_number("code", result->code),
			log_text("answer", result->text),
			log_number("tried_again_ms", courier->destination->retry_max_ns / NS_PER_MS));
	courier->refused = true;
	courier->failures++;
	courier->retried++;
	courier->hold_until_ns = clock_monotonic_ns() + courier->destination->retry_max_ns;
	wait_again(courier, batch, courier->hold_until_ns);
}

static void hold(struct courier *courier, const struct transport_result *result, int64_t now)
{
	int64_t asked = result->retry_after_ns < RETRY_AFTER_MAX_NS ? result->retry_after_ns : RETRY_AFTER_MAX_NS;

	if (courier->failures == FAILURES_UNTIL_HOLD)
		log_warn("destination fails", log_text("destination", courier->destination->name),
			log_number("code", result->code), log_text("reason", result->text));
	if (asked >= 0)
		courier->hold_until_ns = now + asked;
	else if (!result->answered || courier->failures >= FAILURES_UNTIL_HOLD)
		courier->hold_until_ns = now + wait_ns(courier->destination, courier->failures);
}

static void on_again(struct courier *courier, struct batch *batch, const struct transport_result *result)
{
	int64_t now = clock_monotonic_ns(), due;

	courier->failures++;
	courier->retried++;
	batch->attempts++;
	hold(courier, result, now);
	due = now + wait_ns(courier->destination, batch->attempts);
	/* It failed again while others succeeded: one of its records may be the reason, and must not hold up the rest. */
	if (result->answered && batch->count > 1 && batch->attempts > 1 && courier->successes != batch->successes_seen)
		halve(courier, batch, due);
	else
		wait_again(courier, batch, due);
}

static void on_done(struct transport_batch *transport, const struct transport_result *result)
{
	struct batch *batch = transport->owner;
	struct courier *courier = batch->courier;

	LIST_REMOVE(batch, listed);
	courier->flying--;
	courier->carried -= batch->count;
	switch (result->answer) {
	case TRANSPORT_DONE:
		courier->successes++;
		courier->bytes += transport->body.length;
		say_works_again(courier);
		for (uint32_t i = 0; i < batch->count; i++)
			courier_deliver(courier, batch->items[i]);
		batch_destroy(batch);
		break;
	case TRANSPORT_PERMANENT:
		on_permanent(courier, batch, result);
		break;
	case TRANSPORT_REFUSED:
		on_refused(courier, batch, result);
		break;
	case TRANSPORT_AGAIN:
		on_again(courier, batch, result);
		break;
	}
	courier_write_progress(courier, courier->stopping);
	wake(courier);
}

/* The courier's life -------------------------------------------------------------------------------------------- */

enum ep_status courier_create(struct courier **out, const struct courier_options *options, struct error *error)
{
	const struct conf_destination *destination = options->destination;
	struct courier *courier = calloc(1, sizeof(*courier));
	enum ep_status status;
	size_t most;

	*out = NULL;
	if (!courier)
		return error_set(
			error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for destination %s", destination->name);
	courier->destination = destination;
	courier->ops = options->transport;
	if (!courier->ops)
		courier->ops = destination->transport == CONF_HTTP ? &transport_http : &transport_file;
	courier->loop = options->loop;
	courier->journal = options->journal;
	courier->flying_max = courier->ops->single ? 1 : (size_t)destination->connections;
	/* What can be unresolved at once: parked, under way and being built, and one batch more that is parked late. */
	most = (size_t)destination->parked_max + (courier->flying_max + 2) * (size_t)destination->batch_records;
	delivery_state_init(&courier->state, most);
	delivery_step_init(&courier->step);
	buffer_init(&courier->frame, FRAME_BYTES_MAX);
	buffer_init(&courier->event, EVENT_BYTES_MAX);
	buffer_init(&courier->again, EVENT_BYTES_MAX);
	TAILQ_INIT(&courier->window);
	TAILQ_INIT(&courier->closed);
	TAILQ_INIT(&courier->ready);
	LIST_INIT(&courier->under_way);
	courier->task = (struct loop_task){.run = run, .argument = courier};
	loop_timer_init(&courier->timer, courier->loop, wake, courier);
	status = outbox_open(courier->journal, &courier->outbox, error);
	if (status == EP_OK)
		status = courier->ops->create(destination, courier->loop, &courier->transport, error);
	if (status != EP_OK) {
		courier_destroy(courier);
		return status;
	}
	*out = courier;
	return EP_OK;
}

void courier_destroy(struct courier *courier)
{
	struct batch *batch;

	if (!courier)
		return;
	if (courier->transport)
		courier->ops->destroy(courier->transport);
	loop_timer_end(&courier->timer);
	loop_task_cancel(courier->loop, &courier->task);
	while ((batch = LIST_FIRST(&courier->under_way)) != NULL) {
		LIST_REMOVE(batch, listed);
		batch_destroy(batch);
	}
	while ((batch = retries_pop(&courier->retries)) != NULL)
		batch_destroy(batch);
	free(courier->retries.heap);
	batch_destroy(courier->building);
	courier_free_items(courier);
	outbox_close(courier->outbox);
	outbox_close(courier->repeated);
	buffer_free(&courier->event);
	buffer_free(&courier->again);
	buffer_free(&courier->frame);
	delivery_step_free(&courier->step);
	delivery_state_free(&courier->state);
	free(courier);
}

enum ep_status courier_restore(struct courier *courier, struct ep_slice checkpoint)
{
	return checkpoint.length ? delivery_state_read(&courier->state, checkpoint) : EP_OK;
}

void courier_recover(struct courier *courier, const struct journal_frame *frame)
{
	struct delivery delivery;

	if (frame->kind != JOURNAL_DELIVERY || frame->position < courier->state.as_of)
		return;
	if (delivery_read(frame->payload, &delivery) != EP_OK) {
		log_error("a step of a destination can't be read", log_number("position", (int64_t)frame->position));
		return;
	}
	if (!ep_slice_equal(delivery.destination, ep_slice_of(courier->destination->name)))
		return;
	/* a destination that was taken out of the configuration and put back begins anew */
	if (delivery_apply(&courier->state, &delivery) != EP_OK)
		log_warn("a step of a destination doesn't continue its progress: it is passed over",
			log_text("destination", courier->destination->name),
			log_number("position", (int64_t)frame->position));
}

void courier_start(struct courier *courier)
{
	courier->delivered = courier->state.delivered;
	courier->filtered = courier->state.filtered;
	courier->superseded = courier->state.superseded;
	courier->dead = courier->state.dead;
	courier->state.open_max += courier->state.open_count;
	courier_reopen(courier);
	outbox_seek(courier->outbox, courier->state.cursor);
	courier->started = true;
	wake(courier);
}

void courier_wake(struct courier *courier)
{
	if (courier->started)
		wake(courier);
}

void courier_stop(struct courier *courier)
{
	courier->stopping = true;
	loop_timer_cancel(&courier->timer);
	if (courier->started)
		courier_write_progress(courier, true);
}

size_t courier_busy(const struct courier *courier)
{
	return courier->failures || courier->refused ? 0 : courier->flying;
}

enum ep_status courier_checkpoint(struct courier *courier, struct buffer *out, uint64_t *from)
{
	if (courier->started)
		courier_write_progress(courier, true);
	courier->state.as_of = journal_end(courier->journal);
	*from = courier->state.as_of;
	return delivery_state_write(&courier->state, out);
}

uint64_t courier_needs(const struct courier *courier)
{
	const struct delivery_state *state = &courier->state;
	uint64_t needed = state->cursor.frame;

	if (state->open_count && state->open[0].at.frame < needed)
		needed = state->open[0].at.frame;
	if (state->first_dead && state->first_dead < needed)
		needed = state->first_dead; /* dead letters are kept until someone has decided on them */
	return needed;
}

/* Open records first, then the window, then what wasn't read yet. */
static uint64_t oldest(const struct courier *courier)
{
	const struct item *item;

	if (courier->state.open_count > 0)
		return courier->state.open[0].at.frame;
	TAILQ_FOREACH (item, &courier->window, listed)
		if (item->state < ITEM_DELIVERED)
			return item->at.frame;
	return outbox_place(courier->outbox).frame;
}

struct courier_counts courier_counts(const struct courier *courier)
{
	return (struct courier_counts){.delivered = courier->delivered,
		.filtered = courier->filtered,
		.superseded = courier->superseded,
		.dead = courier->dead,
		.parked = courier_parked(courier),
		.unresolved = courier->unresolved,
		.retried = courier->retried,
		.requests = courier->successes,
		.bytes = courier->bytes,
		.next = outbox_place(courier->outbox).frame,
		.oldest = oldest(courier),
		.failures = courier->failures,
		.refused = courier->refused,
		.halted = courier->broken};
}
