/* balance_destination.c: see balance.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/balance.h"
#include "journal/wire.h"
#include "record/bytes.h"

#define OPEN_MAX ((size_t)4 * 1024 * 1024)

const char *const balance_end_names[BALANCE_ENDS] = {
	"records", "delivered", "filtered", "superseded", "dead", "pending"};

/* What a step came to when its records are looked at. */
struct tally_of_step {
	uint64_t delivered, filtered, superseded, dead, opened;
};

/* Lists of a step, walked as the cursor passes their places. */
struct lists {
	struct wire_cursor opened;
	struct ep_slice dead;
	struct delivery_place next_opened, next_dead;
	bool has_opened, has_dead;
};

void balance_violation(struct balance_destination *destination, const char *format, ...)
{
	va_list arguments;

	if (destination->violation_count < BALANCE_VIOLATIONS_MAX) {
		va_start(arguments, format);
		vsnprintf(destination->violations[destination->violation_count], 256, format, arguments);
		va_end(arguments);
	}
	destination->violation_count++;
}

void balance_destination_init(struct balance_destination *destination, struct ep_slice name,
	const struct conf_destination *conf, const struct balance_filter *filter)
{
	*destination = (struct balance_destination){.conf = conf, .filter = filter};
	snprintf(destination->name, sizeof(destination->name), "%.*s", (int)(name.length < 63 ? name.length : 63),
		name.data);
	destination->records.extent_fd = -1;
	delivery_state_init(&destination->state, OPEN_MAX);
}

enum ep_status balance_destination_open(
	struct balance_destination *destination, const char *directory, struct error *error)
{
	return balance_records_open(&destination->records, directory, error);
}

void balance_destination_free(struct balance_destination *destination)
{
	balance_records_close(&destination->records);
	delivery_state_free(&destination->state);
	free(destination->open);
	sums_free(&destination->sums);
}

static bool is_wanted(const struct balance_destination *destination, const struct outcome_record *record)
{
	const struct conf_destination *conf = destination->conf;
	uint32_t type = record->encoded.length >= RECORD_HEAD_BYTES ? get_u16(record->encoded.data) : 0;
	bool wanted = !conf || conf->type_count == 0;

	for (size_t i = 0; !wanted && i < conf->type_count; i++)
		wanted = conf->types[i] == type;
	if (!wanted || !conf || conf->source_count == 0)
		return wanted;
	for (size_t i = 0; i < conf->source_count; i++)
		if (ep_slice_equal(ep_slice_of(conf->sources[i]), destination->records.outcome.source))
			return true;
	return false;
}

static struct balance_open look(
	const struct balance_destination *destination, struct delivery_place at, const struct outcome_record *record)
{
	const struct balance_filter *filter = destination->filter;
	const struct outcome *outcome = &destination->records.outcome;
	struct balance_open seen = {.at = at};

	seen.counts = outcome->received_at_ns >= filter->since_ns &&
		      (!filter->source.data || ep_slice_equal(filter->source, outcome->source));
	seen.monetary = sums_amount(record->encoded, &seen.amount);
	return seen;
}

static void count(struct balance_destination *destination, enum balance_end end, const struct balance_open *record)
{
	if (!record->counts)
		return;
	destination->counts[end]++;
	if (record->monetary)
		sums_add(&destination->sums, end, &record->amount);
}

/* The records that are open. */

static enum ep_status keep_open(
	struct balance_destination *destination, const struct balance_open *record, struct error *error)
{
	if (destination->open_count == destination->open_capacity) {
		size_t capacity = destination->open_capacity ? destination->open_capacity * 2 : 64;
		struct balance_open *grown = reallocarray(destination->open, capacity, sizeof(*grown));

		if (!grown)
			return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for open records");
		destination->open = grown;
		destination->open_capacity = capacity;
	}
	destination->open[destination->open_count++] = *record;
	return EP_OK;
}

static bool take_open(struct balance_destination *destination, struct delivery_place at, struct balance_open *record)
{
	for (size_t i = 0; i < destination->open_count; i++) {
		if (delivery_place_compare(destination->open[i].at, at) != 0)
			continue;
		*record = destination->open[i];
		destination->open_count--;
		memmove(destination->open + i, destination->open + i + 1,
			(destination->open_count - i) * sizeof(*destination->open));
		return true;
	}
	return false;
}

/* Where it begins. */

static enum ep_status gather_open(struct balance_destination *destination, struct error *error)
{
	const struct delivery_state *state = &destination->state;
	struct outcome_record record;
	struct delivery_place at;
	size_t next = 0;
	enum ep_status status = EP_OK;

	balance_records_seek(&destination->records, state->open_count ? state->open[0].at : state->cursor);
	while (next < state->open_count &&
		(status = balance_records_next(&destination->records, state->cursor, &at, &record, error)) == EP_OK) {
		struct balance_open open;

		if (delivery_place_compare(at, state->open[next].at) != 0)
			continue;
		open = look(destination, at, &record);
		count(destination, BALANCE_RECORDS, &open);
		status = keep_open(destination, &open, error);
		if (status != EP_OK)
			return status;
		next++;
	}
	if (next < state->open_count && (status == EP_OK || status == EP_END))
		balance_violation(destination, "%zu open records are not in the log", state->open_count - next);
	if (status == EP_OK || status == EP_END)
		balance_records_seek(&destination->records, state->cursor);
	return status == EP_END ? EP_OK : status;
}

enum ep_status balance_destination_begin(
	struct balance_destination *destination, struct ep_slice checkpoint, uint64_t position, struct error *error)
{
	enum ep_status status = delivery_state_read(&destination->state, checkpoint);

	if (status != EP_OK)
		return error_set(error, status, EP_ERR_JOURNAL_DAMAGED, "the checkpoint at position %llu can't be read",
			(unsigned long long)position);
	destination->has_base = true;
	destination->base = destination->state.as_of;
	destination->began_at = destination->state.cursor.frame;
	return gather_open(destination, error);
}

/* Steps. */

static void next_opened(struct lists *lists)
{
	lists->has_opened = lists->opened.rest.length > 0;
	if (!lists->has_opened)
		return;
	lists->next_opened.frame = wire_take_number(&lists->opened);
	lists->next_opened.index = wire_take_number32(&lists->opened);
	wire_take64(&lists->opened);
}

static void next_dead(struct lists *lists)
{
	struct delivery_dead dead;

	lists->has_dead = delivery_next_dead(&lists->dead, &dead);
	if (lists->has_dead)
		lists->next_dead = dead.at;
}

/* A step lists dead ones that were open first, in the order of `closed`, then those that the cursor passes. */
static enum balance_end end_of_closed(struct lists *lists, struct delivery_place at)
{
	if (!lists->has_dead || delivery_place_compare(lists->next_dead, at) != 0)
		return BALANCE_DELIVERED;
	next_dead(lists);
	return BALANCE_DEAD;
}

static void close_open(struct balance_destination *destination, const struct delivery *delivery, struct lists *lists,
	struct tally_of_step *tally, uint64_t position)
{
	struct wire_cursor closed = {.rest = delivery->closed};

	while (!closed.failed && closed.rest.length) {
		struct delivery_place at = {.frame = wire_take_number(&closed)};
		struct balance_open record;
		enum balance_end end;

		at.index = wire_take_number32(&closed);
		end = end_of_closed(lists, at);
		*(end == BALANCE_DEAD ? &tally->dead : &tally->delivered) += 1;
		if (take_open(destination, at, &record))
			count(destination, end, &record);
		else
			balance_violation(destination,
				"the step at position %llu ends record %llu/%u, which isn't open",
				(unsigned long long)position, (unsigned long long)at.frame, at.index);
	}
}

static enum balance_end end_of_passed(const struct balance_destination *destination, struct lists *lists,
	struct delivery_place at, const struct outcome_record *record)
{
	if (lists->has_opened && delivery_place_compare(lists->next_opened, at) == 0) {
		next_opened(lists);
		return BALANCE_PENDING;
	}
	if (lists->has_dead && delivery_place_compare(lists->next_dead, at) == 0) {
		next_dead(lists);
		return BALANCE_DEAD;
	}
	if (!is_wanted(destination, record))
		return BALANCE_FILTERED;
	return record->fate == RECORD_SUPERSEDED ? BALANCE_SUPERSEDED : BALANCE_DELIVERED;
}

static enum ep_status pass(struct balance_destination *destination, const struct delivery *delivery,
	struct lists *lists, struct tally_of_step *tally, struct error *error)
{
	uint64_t *const counts[BALANCE_ENDS] = {
		NULL, &tally->delivered, &tally->filtered, &tally->superseded, &tally->dead, &tally->opened};
	struct outcome_record record;
	struct delivery_place at;
	enum ep_status status;

	while ((status = balance_records_next(&destination->records, delivery->after, &at, &record, error)) == EP_OK) {
		struct balance_open seen = look(destination, at, &record);
		enum balance_end end = end_of_passed(destination, lists, at, &record);

		++*counts[end];
		count(destination, BALANCE_RECORDS, &seen);
		if (end != BALANCE_PENDING) {
			count(destination, end, &seen);
			continue;
		}
		status = keep_open(destination, &seen, error);
		if (status != EP_OK)
			return status;
	}
	return status == EP_END ? EP_OK : status;
}

/* The step's own counts. A destination whose types or sources were changed since filtered otherwise: only the sum tells. */
static void compare_step(struct balance_destination *destination, const struct delivery *delivery,
	const struct tally_of_step *tally, uint64_t position)
{
	uint64_t said = delivery->delivered + delivery->filtered + delivery->superseded;
	uint64_t found = tally->delivered + tally->filtered + tally->superseded;

	if (said != found || delivery->dead_count != tally->dead || delivery->opened_count != tally->opened)
		balance_violation(destination,
			"the step at position %llu says %llu ended, %llu dead, %llu open, and the records are %llu, "
			"%llu, %llu",
			(unsigned long long)position, (unsigned long long)said,
			(unsigned long long)delivery->dead_count, (unsigned long long)delivery->opened_count,
			(unsigned long long)found, (unsigned long long)tally->dead, (unsigned long long)tally->opened);
}

/* A destination that was taken out of the configuration and put back begins anew. */
static void begin_anew(struct balance_destination *destination)
{
	delivery_state_free(&destination->state);
	destination->open_count = 0;
	memset(destination->counts, 0, sizeof(destination->counts));
	sums_free(&destination->sums);
	destination->has_base = false;
	balance_records_seek(&destination->records, (struct delivery_place){0});
}

enum ep_status balance_destination_step(struct balance_destination *destination, uint64_t position,
	const struct delivery *delivery, struct error *error)
{
	struct lists lists = {.opened = {.rest = delivery->opened}, .dead = delivery->dead};
	struct tally_of_step tally = {0};
	enum ep_status status;

	if (position < destination->base)
		return EP_OK;
	if (delivery->before.frame == 0 && destination->state.cursor.frame != 0)
		begin_anew(destination);
	status = delivery_apply(&destination->state, delivery);
	if (status == EP_CONFLICT) {
		balance_violation(destination, "the step at position %llu doesn't continue the one before it",
			(unsigned long long)position);
		return EP_OK;
	}
	if (status != EP_OK)
		return error_set(error, status, EP_ERR_INTERNAL, "no memory for a destination's progress");
	next_opened(&lists);
	next_dead(&lists);
	close_open(destination, delivery, &lists, &tally, position);
	status = pass(destination, delivery, &lists, &tally, error);
	if (status == EP_OK)
		compare_step(destination, delivery, &tally, position);
	return status;
}

void balance_destination_compare(struct balance_destination *destination, struct ep_slice checkpoint, uint64_t position)
{
	struct delivery_state saved;

	delivery_state_init(&saved, OPEN_MAX);
	if (position >= destination->base && delivery_state_read(&saved, checkpoint) == EP_OK &&
		(delivery_place_compare(saved.cursor, destination->state.cursor) != 0 ||
			saved.open_count != destination->state.open_count || saved.dead != destination->state.dead ||
			saved.delivered != destination->state.delivered ||
			saved.filtered != destination->state.filtered ||
			saved.superseded != destination->state.superseded))
		balance_violation(destination,
			"the checkpoint at position %llu says otherwise than the steps before it",
			(unsigned long long)position);
	delivery_state_free(&saved);
}

enum ep_status balance_destination_end(struct balance_destination *destination, uint64_t end, struct error *error)
{
	struct delivery_place limit = {.frame = end};
	struct outcome_record record;
	struct delivery_place at;
	enum ep_status status;
	uint64_t sum = 0;

	for (size_t i = 0; i < destination->open_count; i++)
		count(destination, BALANCE_PENDING, &destination->open[i]);
	while ((status = balance_records_next(&destination->records, limit, &at, &record, error)) == EP_OK) {
		struct balance_open seen = look(destination, at, &record);

		count(destination, BALANCE_RECORDS, &seen);
		count(destination, BALANCE_PENDING, &seen);
	}
	for (size_t i = BALANCE_DELIVERED; i < BALANCE_ENDS; i++)
		sum += destination->counts[i];
	if (sum != destination->counts[BALANCE_RECORDS])
		balance_violation(destination, "%llu records, but %llu have an end or wait",
			(unsigned long long)destination->counts[BALANCE_RECORDS], (unsigned long long)sum);
	return status == EP_END ? EP_OK : status;
}
