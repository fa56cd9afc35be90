/*
 * delivery.c: see delivery.h. Numbers are LEB128, a text is its length and its bytes, a place is two numbers.
 *
 *   step   version u8 (1), destination text, before, after places, delivered, filtered, superseded numbers,
 *          closed count and text of places, dead count and text of (place, code number, reason text),
 *          opened count and text of (place, key u64)
 *   state  version u8 (1), as_of number, cursor place, delivered, filtered, superseded, dead, first_dead numbers,
 *          open count, then (place, key u64) of each
 */
#include "courier/delivery.h"

#include <stdlib.h>

#include "journal/wire.h"

#define VERSION 1

int delivery_place_compare(struct delivery_place a, struct delivery_place b)
{
	if (a.frame != b.frame)
		return a.frame < b.frame ? -1 : 1;
	return a.index < b.index ? -1 : a.index > b.index;
}

static void add_place(struct buffer *out, struct delivery_place place)
{
	wire_add_number(out, place.frame);
	wire_add_number(out, place.index);
}

static struct delivery_place take_place(struct wire_cursor *cursor)
{
	struct delivery_place place = {.frame = wire_take_number(cursor)};

	place.index = wire_take_number32(cursor);
	return place;
}

void delivery_state_init(struct delivery_state *state, size_t open_max)
{
	*state = (struct delivery_state){.open_max = open_max};
}

void delivery_state_free(struct delivery_state *state)
{
	free(state->open);
	*state = (struct delivery_state){.open_max = state->open_max};
}

enum ep_status delivery_state_write(const struct delivery_state *state, struct buffer *out)
{
	buffer_append_byte(out, VERSION);
	wire_add_number(out, state->as_of);
	add_place(out, state->cursor);
	wire_add_number(out, state->delivered);
	wire_add_number(out, state->filtered);
	wire_add_number(out, state->superseded);
	wire_add_number(out, state->dead);
	wire_add_number(out, state->first_dead);
	wire_add_number(out, state->open_count);
	for (size_t i = 0; i < state->open_count; i++) {
		add_place(out, state->open[i].at);
		wire_add64(out, state->open[i].key);
	}
	return out->failed;
}

static enum ep_status reserve_open(struct delivery_state *state, uint64_t count)
{
	size_t capacity = state->open_capacity ? state->open_capacity : 64;
	struct delivery_open *open;

	if (count > state->open_max)
		return EP_LIMIT;
	if (count <= state->open_capacity)
		return EP_OK;
	while (capacity < count)
		capacity *= 2;
	open = reallocarray(state->open, capacity, sizeof(*open));
	if (!open)
		return EP_NO_MEMORY;
	state->open = open;
	state->open_capacity = capacity;
	return EP_OK;
}

enum ep_status delivery_state_read(struct delivery_state *state, struct ep_slice bytes)
{
	struct wire_cursor cursor = {.rest = bytes};
	struct delivery_state read = {.open_max = state->open_max};
	enum ep_status status = EP_OK;
	uint64_t count;
	uint8_t version;

	wire_take_bytes(&cursor, &version, sizeof(version));
	read.as_of = wire_take_number(&cursor);
	read.cursor = take_place(&cursor);
	read.delivered = wire_take_number(&cursor);
	read.filtered = wire_take_number(&cursor);
	read.superseded = wire_take_number(&cursor);
	read.dead = wire_take_number(&cursor);
	read.first_dead = wire_take_number(&cursor);
	count = wire_take_number(&cursor);
	if (cursor.failed || version != VERSION || count > cursor.rest.length)
		return EP_BAD_INPUT;
	if (count > read.open_max) /* parked_max was lowered: what is open stays open */
		read.open_max = count;
	status = reserve_open(&read, count);
	for (uint64_t i = 0; status == EP_OK && i < count; i++) {
		read.open[i].at = take_place(&cursor);
		read.open[i].key = wire_take64(&cursor);
		if (cursor.failed || (i && delivery_place_compare(read.open[i - 1].at, read.open[i].at) >= 0))
			status = EP_BAD_INPUT;
	}
	if (status == EP_OK && cursor.rest.length)
		status = EP_BAD_INPUT;
	if (status != EP_OK) {
		free(read.open);
		return status;
	}
	read.open_count = (size_t)count;
	free(state->open);
	*state = read;
	return EP_OK;
}

void delivery_step_init(struct delivery_step *step)
{
	*step = (struct delivery_step){.delivered = 0};
	buffer_init(&step->closed, DELIVERY_STEP_BYTES_MAX);
	buffer_init(&step->dead, DELIVERY_STEP_BYTES_MAX);
	buffer_init(&step->opened, DELIVERY_STEP_BYTES_MAX);
}

void delivery_step_free(struct delivery_step *step)
{
	buffer_free(&step->closed);
	buffer_free(&step->dead);
	buffer_free(&step->opened);
}

void delivery_step_clear(struct delivery_step *step, struct delivery_place cursor)
{
	struct buffer closed = step->closed, dead = step->dead, opened = step->opened;

	*step = (struct delivery_step){
		.before = cursor, .after = cursor, .closed = closed, .dead = dead, .opened = opened};
	buffer_clear(&step->closed);
	buffer_clear(&step->dead);
	buffer_clear(&step->opened);
}

void delivery_step_close(struct delivery_step *step, struct delivery_place at)
{
	add_place(&step->closed, at);
	step->closed_count++;
}

void delivery_step_bury(struct delivery_step *step, struct delivery_place at, int code, struct ep_slice reason)
{
	if (reason.length > DELIVERY_REASON_MAX)
		reason.length = DELIVERY_REASON_MAX;
	add_place(&step->dead, at);
	wire_add_number(&step->dead, (uint64_t)code);
	wire_add_text(&step->dead, reason);
	step->dead_count++;
}

void delivery_step_open(struct delivery_step *step, struct delivery_place at, uint64_t key)
{
	add_place(&step->opened, at);
	wire_add64(&step->opened, key);
	step->opened_count++;
}

bool delivery_step_is_full(const struct delivery_step *step)
{
	return step->closed.length + step->dead.length + step->opened.length > DELIVERY_STEP_BYTES_MAX / 2;
}

enum ep_status delivery_step_write(const struct delivery_step *step, struct ep_slice destination, struct buffer *out)
{
	if (step->closed.failed != EP_OK || step->dead.failed != EP_OK || step->opened.failed != EP_OK)
		return EP_NO_MEMORY;
	buffer_append_byte(out, VERSION);
	wire_add_text(out, destination);
	add_place(out, step->before);
	add_place(out, step->after);
	wire_add_number(out, step->delivered);
	wire_add_number(out, step->filtered);
	wire_add_number(out, step->superseded);
	wire_add_number(out, step->closed_count);
	wire_add_text(out, buffer_slice(&step->closed));
	wire_add_number(out, step->dead_count);
	wire_add_text(out, buffer_slice(&step->dead));
	wire_add_number(out, step->opened_count);
	wire_add_text(out, buffer_slice(&step->opened));
	return out->failed;
}

enum ep_status delivery_read(struct ep_slice payload, struct delivery *delivery)
{
	struct wire_cursor cursor = {.rest = payload};
	uint8_t version;

	wire_take_bytes(&cursor, &version, sizeof(version));
	delivery->destination = wire_take_text(&cursor);
	delivery->before = take_place(&cursor);
	delivery->after = take_place(&cursor);
	delivery->delivered = wire_take_number(&cursor);
	delivery->filtered = wire_take_number(&cursor);
	delivery->superseded = wire_take_number(&cursor);
	delivery->closed_count = wire_take_number(&cursor);
	delivery->closed = wire_take_text(&cursor);
	delivery->dead_count = wire_take_number(&cursor);
	delivery->dead = wire_take_text(&cursor);
	delivery->opened_count = wire_take_number(&cursor);
	delivery->opened = wire_take_text(&cursor);
	return cursor.failed || cursor.rest.length || version != VERSION ? EP_BAD_INPUT : EP_OK;
}

bool delivery_next_dead(struct ep_slice *rest, struct delivery_dead *dead)
{
	struct wire_cursor cursor = {.rest = *rest};

	if (rest->length == 0)
		return false;
	dead->at = take_place(&cursor);
	dead->code = (int)wire_take_number32(&cursor);
	dead->reason = wire_take_text(&cursor);
	*rest = cursor.rest;
	return !cursor.failed;
}

static size_t find_open(const struct delivery_state *state, struct delivery_place at)
{
	size_t low = 0, high = state->open_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (delivery_place_compare(state->open[middle].at, at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < state->open_count && delivery_place_compare(state->open[low].at, at) == 0 ? low : SIZE_MAX;
}

/* Every closed record is open, every opened one is new and ascending: else the step is of another state. */
static enum ep_status fits(const struct delivery_state *state, const struct delivery *delivery)
{
	struct wire_cursor closed = {.rest = delivery->closed}, opened = {.rest = delivery->opened};
	struct delivery_place last = delivery->before;
	struct ep_slice rest = delivery->dead;
	uint64_t dead_count = 0, opened_count = 0;
	struct delivery_dead dead;

	if (delivery_place_compare(delivery->before, state->cursor) != 0 ||
		delivery_place_compare(delivery->after, delivery->before) < 0 ||
		delivery->closed_count > state->open_count)
		return EP_CONFLICT;
	for (uint64_t i = 0; i < delivery->closed_count; i++)
		if (find_open(state, take_place(&closed)) == SIZE_MAX)
			return EP_CONFLICT;
	while (!opened.failed && opened.rest.length) {
		struct delivery_place at = take_place(&opened);

		wire_take64(&opened);
		if (delivery_place_compare(at, last) < 0 || delivery_place_compare(at, delivery->after) >= 0)
			return EP_CONFLICT;
		last = (struct delivery_place){at.frame, at.index + 1};
		opened_count++;
	}
	while (delivery_next_dead(&rest, &dead))
		dead_count++;
	if (closed.failed || closed.rest.length || opened.failed || opened_count != delivery->opened_count ||
		rest.length || dead_count != delivery->dead_count)
		return EP_CONFLICT;
	return EP_OK;
}

static void close_records(struct delivery_state *state, const struct delivery *delivery)
{
	struct wire_cursor closed = {.rest = delivery->closed};
	size_t kept = 0;

	if (delivery->closed_count == 0)
		return;
	for (uint64_t i = 0; i < delivery->closed_count; i++) {
		size_t at = find_open(state, take_place(&closed));

		if (at != SIZE_MAX)
			state->open[at].key = DELIVERY_NO_KEY;
	}
	for (size_t i = 0; i < state->open_count; i++)
		if (state->open[i].key != DELIVERY_NO_KEY)
			state->open[kept++] = state->open[i];
	state->open_count = kept;
}

enum ep_status delivery_apply(struct delivery_state *state, const struct delivery *delivery)
{
	struct wire_cursor opened = {.rest = delivery->opened};
	struct ep_slice rest = delivery->dead;
	struct delivery_dead dead;
	enum ep_status status = fits(state, delivery);

	if (status == EP_OK)
		status = reserve_open(state, state->open_count + delivery->opened_count);
	if (status != EP_OK)
		return status;
	close_records(state, delivery);
	for (uint64_t i = 0; i < delivery->opened_count; i++) {
		struct delivery_open *open = &state->open[state->open_count++];

		open->at = take_place(&opened);
		open->key = wire_take64(&opened);
	}
	while (delivery_next_dead(&rest, &dead)) {
		state->dead++;
		if (state->first_dead == 0 || dead.at.frame < state->first_dead)
			state->first_dead = dead.at.frame;
	}
	state->cursor = delivery->after;
	state->delivered += delivery->delivered;
	state->filtered += delivery->filtered;
	state->superseded += delivery->superseded;
	return EP_OK;
}
