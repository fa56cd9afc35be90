/*
 * check_courier.c: a courier on a real journal with a destination made up here: it answers as told, and remembers what it
 * got. The model test drives it by chance, kills it at any point, starts it again, and counts.
 */
#include <check.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "courier/parts.h"
#include "record/encode.h"
#include "record/schema.h"

#define RECORDS_MAX 20000
#define KEYS 40

/* What is known of each record: its number is its id. */
struct known {
	uint32_t key;
	bool wanted;        /* by type, source and fate */
	bool bad;           /* refused for good */
	uint32_t got;       /* times that the destination took it in */
	bool answered;      /* and said so */
	uint64_t safe_from; /* end of the log after that answer: once durable, it is never sent again */
	bool never_again;
};

static char directory[64], copy[80];
static struct loop *loop;
static struct journal *journal;
static struct courier *courier;
static struct conf_destination destination;
static struct known known[RECORDS_MAX];
static uint32_t records, inbox;
static uint64_t outbox_end; /* behind the last outcome */
static uint32_t last_of_key[KEYS];
static const char *sources[] = {"shop", "bank"};
static uint32_t wanted_type = EP_ORDER;
static const char *wanted_source = "shop";

/* The destination ------------------------------------------------------------------------------------------------ */

struct fake {
	struct transport transport;
	struct transport_batch *waiting[64];
	size_t count;
};

static struct fake fake;
static size_t sent, most_records, most_bytes;
static char last_key[33];

static enum ep_status fake_create(const struct conf_destination *unused, struct loop *unused_loop,
	struct transport **transport, struct error *error);
static void fake_send(struct transport *transport, struct transport_batch *batch);
static void fake_destroy(struct transport *transport);

static struct transport_ops fake_ops = {
	.name = "fake", .create = fake_create, .send = fake_send, .destroy = fake_destroy};

static enum ep_status fake_create(const struct conf_destination *unused, struct loop *unused_loop,
	struct transport **transport, struct error *error)
{
	(void)unused;
	(void)unused_loop;
	(void)error;
	fake = (struct fake){.transport = {.ops = &fake_ops}};
	*transport = &fake.transport;
	return EP_OK;
}

/* The numbers of the records in a body. */
static size_t numbers_of(struct ep_slice body, uint32_t *numbers, size_t max)
{
	static const char mark[] = "\"id\":\"";
	size_t count = 0;

	for (uint64_t at = 0; at + sizeof(mark) + 32 < body.length; at++) {
		uint8_t id[16];

		if (memcmp(body.data + at, mark, sizeof(mark) - 1) != 0)
			continue;
		if (hex_read(ep_slice_make(body.data + at + sizeof(mark) - 1, 32), id, 16) != EP_OK)
			continue;
		ck_assert_uint_lt(count, max);
		memcpy(&numbers[count++], id, sizeof(numbers[0]));
	}
	return count;
}

static void fake_send(struct transport *transport, struct transport_batch *batch)
{
	uint32_t numbers[64];
	size_t count = numbers_of(batch->body, numbers, 64);

	ck_assert_ptr_eq(transport, &fake.transport);
	ck_assert_uint_eq(count, batch->record_count);
	ck_assert_uint_lt(fake.count, 64);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_lt(numbers[i], records);
		ck_assert_msg(known[numbers[i]].wanted, "record %u was not for this destination", numbers[i]);
		ck_assert_msg(!known[numbers[i]].never_again, "record %u was answered and written down", numbers[i]);
		for (size_t k = 0; k < fake.count; k++) { /* one key is never in two requests */
			uint32_t others[64];
			size_t other_count = numbers_of(fake.waiting[k]->body, others, 64);

			for (size_t j = 0; j < other_count; j++)
				ck_assert_uint_ne(known[others[j]].key, known[numbers[i]].key);
		}
	}
	sent++;
	if (batch->record_count > most_records)
		most_records = batch->record_count;
	if (batch->body.length > most_bytes)
		most_bytes = batch->body.length;
	memcpy(last_key, batch->key, sizeof(last_key));
	fake.waiting[fake.count++] = batch;
}

static void fake_destroy(struct transport *transport)
{
	(void)transport;
	fake.count = 0;
}

/* The records of a batch arrive. */
static void take_in(const struct transport_batch *batch)
{
	uint32_t numbers[64];
	size_t count = numbers_of(batch->body, numbers, 64);

	for (size_t i = 0; i < count; i++) {
		struct known *record = &known[numbers[i]];

		ck_assert(!record->bad);
		if (record->got++ == 0) {
			ck_assert_msg(last_of_key[record->key] <= numbers[i], "record %u of key %u came after %u",
				numbers[i], record->key, last_of_key[record->key]);
			last_of_key[record->key] = numbers[i];
		}
	}
}

static void answer(size_t index, enum transport_answer what, int code, bool answered)
{
	struct transport_batch *batch = fake.waiting[index];
	struct transport_result result = {
		.answer = what, .answered = answered, .code = code, .retry_after_ns = -1, .text = "no such thing"};
	uint32_t numbers[64];
	size_t count = numbers_of(batch->body, numbers, 64);

	if (what == TRANSPORT_DONE)
		take_in(batch);
	fake.waiting[index] = fake.waiting[--fake.count];
	batch->done(batch, &result);
	for (size_t i = 0; i < count && what == TRANSPORT_DONE; i++) {
		known[numbers[i]].answered = true;
		known[numbers[i]].safe_from = journal_end(journal);
	}
}

static bool has_bad(const struct transport_batch *batch)
{
	uint32_t numbers[64];
	size_t count = numbers_of(batch->body, numbers, 64);

	for (size_t i = 0; i < count; i++)
		if (known[numbers[i]].bad)
			return true;
	return false;
}

/* Set-up --------------------------------------------------------------------------------------------------------- */

static void on_durable(void *argument)
{
	(void)argument;
	if (courier)
		courier_wake(courier);
}

static void open_journal(const char *where)
{
	const struct journal_options options = {
		.directory = where, .loop = loop, .segment_bytes = 4 << 20, .reserve_bytes = 1};
	struct error error = {0};

	ck_assert_msg(journal_open(&journal, &options, &error) == EP_OK, "%s", error.text);
	journal_on_durable(journal, on_durable, NULL);
}

static void make_courier(void)
{
	const struct courier_options options = {
		.destination = &destination, .loop = loop, .journal = journal, .transport = &fake_ops};
	struct error error = {0};

	ck_assert_msg(courier_create(&courier, &options, &error) == EP_OK, "%s", error.text);
}

/* As the gateway does: the checkpoint, then every frame from there on. */
static void recover(void)
{
	uint64_t from;
	struct ep_slice checkpoint = journal_checkpoint(journal, &from);
	struct journal_reader *reader;
	struct journal_frame frame;
	struct error error = {0};
	enum ep_status status;

	make_courier();
	ck_assert_int_eq(courier_restore(courier, checkpoint), EP_OK);
	ck_assert_int_eq(journal_reader_open(journal, from, &reader, &error), EP_OK);
	while ((status = journal_read(reader, UINT32_MAX, &frame, &error)) == EP_OK)
		courier_recover(courier, &frame);
	ck_assert_int_eq(status, EP_END);
	journal_reader_close(reader);
}

static void set_up(void)
{
	struct error error = {0};

	snprintf(directory, sizeof(directory), "/tmp/check_courier.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(copy, sizeof(copy), "%s.copy", directory);
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	memset(known, 0, sizeof(known));
	memset(last_of_key, 0, sizeof(last_of_key));
	records = inbox = 0;
	outbox_end = 0;
	sent = most_records = most_bytes = 0;
	fake_ops.lines = false;
	destination = (struct conf_destination){.name = "platform",
		.batch_records = 8,
		.batch_bytes = 1 << 20,
		.batch_linger_ns = 0,
		.retry_first_ns = NS_PER_MS,
		.retry_max_ns = 4 * NS_PER_MS,
		.parked_max = 60,
		.connections = 3,
		.types = &wanted_type,
		.type_count = 1,
		.sources = &wanted_source,
		.source_count = 1};
	open_journal(directory);
	courier = NULL;
	log_setup(LOG_TEXT, EP_LOG_ERROR + 1);
}

static void tear_down(void)
{
	char command[160];

	courier_destroy(courier);
	courier = NULL;
	journal_close(journal);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", directory, copy);
	ck_assert_int_eq(system(command), 0);
}

static struct ep_slice encode(uint32_t type, uint32_t number)
{
	static struct record_builder *builder;
	const struct record_origin *origins;
	struct ep_slice encoded, text;
	uint32_t origin_count;
	enum ep_error error;
	char name[32];
	struct ep_text value = {.part = EP_NO_PART};

	if (!builder)
		builder = record_builder_create(RECORD_BYTES_MAX);
	snprintf(name, sizeof(name), "N%u", number);
	value.value = ep_slice_of(name);
	record_builder_begin(builder, type);
	record_builder_text(builder, type == EP_ORDER ? EP_ORDER_ORDER_NO : EP_RETURN_RETURN_NO, value);
	ck_assert_int_eq(record_builder_end(builder, &encoded, &origins, &origin_count, &error, &text), EP_OK);
	return encoded;
}

struct wanted_record {
	uint32_t key;
	bool foreign, superseded, bad;
};

/* One outcome with these records, in the log or in an extent. */
static void append_outcome(const char *source, const struct wanted_record *wanted, uint32_t count, bool extent)
{
	struct buffer head, body;
	struct outcome outcome = {.kind = OUTCOME_NORMALIZED,
		.inbox_position = ++inbox,
		.source = ep_slice_of(source),
		.plugin = EP_SAY("acme 1.0.0"),
		.record_count = count};
	struct iovec parts[2];
	struct journal_append what = {.kind = JOURNAL_OUTCOME, .urgency = JOURNAL_LAZY, .parts = parts, .spool_fd = -1};
	struct journal_frame frame;
	struct error error = {0};

	buffer_init(&head, 1 << 20);
	buffer_init(&body, 1 << 20);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number = records++;
		char key[16];
		struct outcome_record record = {.revision = 1,
			.fate = wanted[i].superseded ? RECORD_SUPERSEDED : RECORD_NEW,
			.encoded = encode(wanted[i].foreign ? EP_RETURN : EP_ORDER, number)};

		ck_assert_uint_lt(number, RECORDS_MAX);
		snprintf(key, sizeof(key), "%c%cK%02u", 3, 0, wanted[i].key);
		record.key = ep_slice_make(key, 5);
		memcpy(record.id, &number, sizeof(number));
		known[number] = (struct known){.key = wanted[i].key,
			.bad = wanted[i].bad,
			.wanted = !wanted[i].foreign && !wanted[i].superseded && strcmp(source, "shop") == 0};
		ck_assert_int_eq(outcome_write_record(&record, &body), EP_OK);
	}
	ck_assert_int_eq(outcome_write(&outcome, &head), EP_OK);
	parts[0] = (struct iovec){head.data, head.length};
	parts[1] = (struct iovec){body.data, body.length};
	what.part_count = body.length && !extent ? 2 : 1;
	if (extent && body.length) {
		ck_assert_int_eq(journal_spool_open(journal, &what.spool_fd, &error), EP_OK);
		ck_assert_int_eq(journal_spool_write(journal, what.spool_fd, 0, buffer_slice(&body), &error), EP_OK);
		what.spool_length = body.length;
	}
	ck_assert_msg(journal_append(journal, &what, &frame, &error) == EP_OK, "%s", error.text);
	outbox_end = frame.next;
	buffer_free(&head);
	buffer_free(&body);
}

static void append_orders(uint32_t count, uint32_t first_key)
{
	struct wanted_record wanted[64] = {0};

	for (uint32_t i = 0; i < count; i++)
		wanted[i].key = first_key + i;
	append_outcome("shop", wanted, count, false);
}

static void pass(void)
{
	loop_run_once(loop, NS_PER_MS);
}

/* Until the destination has something to answer; it must come soon. */
static void wait_sent(size_t count)
{
	for (int i = 0; i < 3000 && fake.count < count; i++)
		pass();
	ck_assert_uint_ge(fake.count, count);
}

static void settle(void)
{
	for (int i = 0; i < 20; i++)
		pass();
}

/* Tests ---------------------------------------------------------------------------------------------------------- */

START_TEST(batches_and_cursor)
{
	make_courier();
	courier_start(courier);
	append_orders(20, 0);
	wait_sent(3);
	ck_assert_uint_eq(most_records, 8);
	ck_assert_int_eq(fake.waiting[0]->body.data[0], '[');
	ck_assert_int_eq(fake.waiting[0]->body.data[fake.waiting[0]->body.length - 1], ']');
	while (fake.count)
		answer(0, TRANSPORT_DONE, 202, true);
	settle();
	ck_assert_uint_eq(courier_counts(courier).delivered, 20);
	ck_assert_uint_eq(courier->state.delivered, 20);
	ck_assert_uint_eq(courier->state.open_count, 0);
	ck_assert_uint_eq(courier_busy(courier), 0);
	ck_assert_uint_gt(courier_needs(courier), 0);
	ck_assert_uint_eq(sent, 3);
}
END_TEST

START_TEST(single_events_and_lines)
{
	destination.batch_records = 1;
	make_courier();
	courier_start(courier);
	append_orders(1, 0);
	wait_sent(1);
	ck_assert_int_eq(fake.waiting[0]->body.data[0], '{');
	answer(0, TRANSPORT_DONE, 202, true);
	courier_destroy(courier);
	destination.batch_records = 8;
	fake_ops.lines = true;
	make_courier();
	courier_start(courier);
	append_orders(2, 1);
	wait_sent(1);
	ck_assert_int_eq(fake.waiting[0]->body.data[0], '{');
	ck_assert_int_eq(fake.waiting[0]->body.data[fake.waiting[0]->body.length - 1], '\n');
}
END_TEST

START_TEST(filters)
{
	const struct wanted_record mixed[] = {{.key = 0}, {.key = 1, .foreign = true}, {.key = 2, .superseded = true}};

	make_courier();
	courier_start(courier);
	append_outcome("shop", mixed, 3, false);
	append_outcome("bank", mixed, 3, false);
	wait_sent(1);
	ck_assert_uint_eq(fake.waiting[0]->record_count, 1);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_uint_eq(courier_counts(courier).delivered, 1);
	ck_assert_uint_eq(courier_counts(courier).filtered, 4);
	ck_assert_uint_eq(courier_counts(courier).superseded, 1);
}
END_TEST

START_TEST(bytes_bound_a_batch)
{
	destination.batch_bytes = 2048;
	destination.connections = 64;
	make_courier();
	courier_start(courier);
	append_orders(30, 0);
	wait_sent(4);
	settle();
	ck_assert_uint_le(most_bytes, 2048);
	ck_assert_uint_gt(most_records, 1);
}
END_TEST

START_TEST(linger_waits_for_more)
{
	destination.batch_linger_ns = 400 * NS_PER_MS;
	make_courier();
	courier_start(courier);
	append_orders(2, 0);
	for (int i = 0; i < 10; i++) /* no longer than that */
		pass();
	append_orders(2, 2);
	wait_sent(1);
	ck_assert_uint_eq(fake.waiting[0]->record_count, 4);
	append_orders(8, 4);
	append_orders(1, 12);
	wait_sent(2); /* full: at once */
}
END_TEST

START_TEST(repeats_keep_their_key)
{
	char key[33];

	make_courier();
	courier_start(courier);
	append_orders(3, 0);
	wait_sent(1);
	memcpy(key, last_key, sizeof(key));
	answer(0, TRANSPORT_AGAIN, 503, true);
	wait_sent(1);
	ck_assert_str_eq(key, last_key);
	ck_assert_uint_eq(courier_counts(courier).retried, 1);
	answer(0, TRANSPORT_AGAIN, 0, false);
	wait_sent(1);
	ck_assert_str_eq(key, last_key);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_uint_eq(courier->state.delivered, 3);
}
END_TEST

START_TEST(failing_batch_holds_up_its_keys_only)
{
	make_courier();
	courier_start(courier);
	append_orders(2, 0);
	wait_sent(1);
	destination.retry_first_ns = destination.retry_max_ns = 3600 * NS_PER_S;
	answer(0, TRANSPORT_AGAIN, 500, true);
	append_orders(3, 1); /* keys 1, 2, 3: the first is behind what failed */
	wait_sent(1);
	ck_assert_uint_eq(fake.waiting[0]->record_count, 2);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_uint_eq(courier_parked(courier), 3);
	ck_assert_uint_eq(courier->state.open_count, 3);
	ck_assert_uint_eq(courier->state.delivered, 2);
	ck_assert_uint_lt(courier_needs(courier), courier->state.cursor.frame);
}
END_TEST

START_TEST(parked_max_stops_reading)
{
	destination.parked_max = 10;
	destination.connections = 1;
	make_courier();
	courier_start(courier);
	for (uint32_t i = 0; i < 5; i++)
		append_orders(8, i % 4 * 8);
	wait_sent(1);
	destination.retry_first_ns = destination.retry_max_ns = 3600 * NS_PER_S;
	for (int i = 0; i < 2; i++) { /* not often enough for a hold */
		answer(0, TRANSPORT_AGAIN, 500, true);
		if (i == 0)
			wait_sent(1);
	}
	settle();
	ck_assert_uint_eq(fake.count, 0);
	ck_assert_uint_eq(courier_parked(courier), 16);
}
END_TEST

START_TEST(unreachable_destination_is_left_alone)
{
	destination.retry_first_ns = destination.retry_max_ns = 3600 * NS_PER_S;
	make_courier();
	courier_start(courier);
	append_orders(40, 0);
	wait_sent(3);
	answer(0, TRANSPORT_AGAIN, 0, false);
	ck_assert_uint_eq(courier_busy(courier), 0); /* nobody waits for it at a stop */
	answer(0, TRANSPORT_AGAIN, 0, false);
	answer(0, TRANSPORT_AGAIN, 0, false);
	settle();
	ck_assert_uint_eq(fake.count, 0);
	ck_assert_uint_le(courier_parked(courier), 24);
}
END_TEST

START_TEST(retry_after_is_kept)
{
	const struct transport_result later = {
		.answer = TRANSPORT_AGAIN, .answered = true, .code = 429, .retry_after_ns = 60 * NS_PER_MS};
	struct transport_batch *batch;
	int64_t began;

	make_courier();
	courier_start(courier);
	append_orders(1, 0);
	wait_sent(1);
	batch = fake.waiting[--fake.count];
	batch->done(batch, &later);
	began = clock_monotonic_ns();
	append_orders(1, 1); /* nor anything else */
	wait_sent(1);
	ck_assert_int_ge(clock_monotonic_ns() - began, 60 * NS_PER_MS);
}
END_TEST

START_TEST(refused_credentials_pause)
{
	destination.retry_max_ns = 50 * NS_PER_MS;
	make_courier();
	courier_start(courier);
	append_orders(20, 0);
	wait_sent(3);
	while (fake.count)
		answer(0, TRANSPORT_REFUSED, 401, true);
	ck_assert(courier->refused);
	wait_sent(1);
	settle();
	ck_assert_uint_eq(fake.count, 1); /* one at a time until it works */
	answer(0, TRANSPORT_DONE, 200, true);
	ck_assert(!courier->refused);
	for (int i = 0; i < 300 && courier->state.delivered < 20; i++) {
		pass();
		while (fake.count)
			answer(0, TRANSPORT_DONE, 200, true);
	}
	ck_assert_uint_eq(courier->state.delivered, 20);
}
END_TEST

START_TEST(bad_record_is_found_alone)
{
	struct wanted_record wanted[8] = {0};

	for (uint32_t i = 0; i < 8; i++)
		wanted[i] = (struct wanted_record){.key = i < 6 ? i : 0, .bad = i == 3};
	make_courier();
	courier_start(courier);
	append_outcome("shop", wanted, 8, true);
	wait_sent(1);
	for (int i = 0; i < 300 && courier->state.delivered < 7; i++) {
		pass();
		while (fake.count)
			answer(0, has_bad(fake.waiting[0]) ? TRANSPORT_PERMANENT : TRANSPORT_DONE, 422, true);
	}
	settle();
	ck_assert_uint_eq(courier->state.delivered, 7);
	ck_assert_uint_eq(courier->state.dead, 1);
	ck_assert_uint_eq(courier->state.open_count, 0);
	ck_assert_uint_le(courier_needs(courier), courier->state.first_dead);
}
END_TEST

/* What a destination said of a record is in the journal, for `dead list`. */
START_TEST(dead_records_keep_their_reason)
{
	struct wanted_record wanted = {.key = 7, .bad = true};
	struct journal_reader *reader;
	struct journal_frame frame;
	struct delivery delivery;
	struct delivery_dead dead = {.code = 0};
	struct error error = {0};
	size_t found = 0;

	make_courier();
	courier_start(courier);
	append_outcome("shop", &wanted, 1, false);
	wait_sent(1);
	answer(0, TRANSPORT_PERMANENT, 422, true);
	settle();
	ck_assert_int_eq(journal_reader_open(journal, 0, &reader, &error), EP_OK);
	while (journal_read(reader, JOURNAL_KINDS(JOURNAL_DELIVERY), &frame, &error) == EP_OK) {
		ck_assert_int_eq(delivery_read(frame.payload, &delivery), EP_OK);
		ck_assert(ep_slice_is(delivery.destination, "platform"));
		found += delivery_next_dead(&delivery.dead, &dead);
	}
	ck_assert_uint_eq(found, 1);
	ck_assert_int_eq(dead.code, 422);
	ck_assert_uint_eq(dead.at.index, 0);
	journal_reader_close(reader);
}
END_TEST

START_TEST(stop_starts_nothing_new)
{
	make_courier();
	courier_start(courier);
	append_orders(8, 0);
	wait_sent(1);
	courier_stop(courier);
	append_orders(8, 8);
	settle();
	ck_assert_uint_eq(fake.count, 1);
	ck_assert_uint_eq(courier_busy(courier), 1);
	answer(0, TRANSPORT_DONE, 200, true);
	ck_assert_uint_eq(courier_busy(courier), 0);
	settle();
	ck_assert_uint_eq(sent, 1);
	ck_assert_uint_eq(courier->state.delivered, 8);
}
END_TEST

START_TEST(idle_writes_nothing)
{
	struct buffer out;
	uint64_t from, end;

	buffer_init(&out, 1 << 20);
	make_courier();
	courier_start(courier);
	append_orders(1, 0);
	wait_sent(1);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_int_eq(courier_checkpoint(courier, &out, &from), EP_OK);
	settle();
	end = journal_end(journal);
	for (int i = 0; i < 3; i++) {
		buffer_clear(&out);
		ck_assert_int_eq(courier_checkpoint(courier, &out, &from), EP_OK);
		settle();
	}
	ck_assert_uint_eq(journal_end(journal), end);
	buffer_free(&out);
}
END_TEST

START_TEST(state_bytes_are_checked)
{
	struct delivery_state state, other;
	struct buffer out;

	delivery_state_init(&state, 10);
	delivery_state_init(&other, 10);
	state.cursor = (struct delivery_place){1000, 3};
	state.open = calloc(2, sizeof(*state.open));
	state.open[0] = (struct delivery_open){{100, 1}, 5};
	state.open[1] = (struct delivery_open){{100, 2}, 6};
	state.open_count = state.open_capacity = 2;
	state.delivered = 77;
	buffer_init(&out, 4096);
	ck_assert_int_eq(delivery_state_write(&state, &out), EP_OK);
	ck_assert_int_eq(delivery_state_read(&other, buffer_slice(&out)), EP_OK);
	ck_assert_uint_eq(other.open_count, 2);
	ck_assert_uint_eq(other.open[1].key, 6);
	ck_assert_uint_eq(other.delivered, 77);
	for (size_t length = 0; length < out.length; length++)
		ck_assert_int_eq(delivery_state_read(&other, ep_slice_make(out.data, length)), EP_BAD_INPUT);
	out.data[0] = 9;
	ck_assert_int_eq(delivery_state_read(&other, buffer_slice(&out)), EP_BAD_INPUT);
	buffer_free(&out);
	delivery_state_free(&state);
	delivery_state_free(&other);
}
END_TEST

/* The model ------------------------------------------------------------------------------------------------------ */

static uint32_t chance(uint32_t below)
{
	return (uint32_t)(random() % below);
}

static void append_random(void)
{
	struct wanted_record wanted[12];
	uint32_t count = chance(12);

	for (uint32_t i = 0; i < count; i++)
		wanted[i] = (struct wanted_record){.key = chance(chance(3) ? KEYS : 3),
			.foreign = chance(6) == 0,
			.superseded = chance(8) == 0,
			.bad = chance(25) == 0};
	append_outcome(sources[chance(4) == 0], wanted, count, chance(5) == 0);
}

static void answer_random(void)
{
	size_t index = chance((uint32_t)fake.count);
	struct transport_batch *batch = fake.waiting[index];

	if (has_bad(batch)) {
		answer(index, chance(8) ? TRANSPORT_PERMANENT : TRANSPORT_AGAIN, 422, true);
		return;
	}
	switch (chance(12)) {
	case 0:
		answer(index, TRANSPORT_AGAIN, 0, false);
		break;
	case 1:
		answer(index, TRANSPORT_AGAIN, 503, true);
		break;
	case 2: /* stored, and died before the answer */
		take_in(batch);
		answer(index, TRANSPORT_AGAIN, 0, false);
		break;
	case 3:
		if (chance(10) == 0) {
			answer(index, TRANSPORT_REFUSED, 403, true);
			break;
		}
		/* fall through */
	default:
		answer(index, TRANSPORT_DONE, 200, true);
	}
}

static void write_state(struct buffer *out)
{
	uint64_t as_of = courier->state.as_of;

	courier->state.as_of = 0;
	buffer_clear(out);
	ck_assert_int_eq(delivery_state_write(&courier->state, out), EP_OK);
	courier->state.as_of = as_of;
}

static void write_checkpoint(void)
{
	struct buffer out;
	struct error error = {0};
	uint64_t from;

	buffer_init(&out, 1 << 20);
	ck_assert_int_eq(courier_checkpoint(courier, &out, &from), EP_OK);
	ck_assert_int_eq(journal_append_checkpoint(journal, from, buffer_slice(&out), &error), EP_OK);
	buffer_free(&out);
}

/* All that was said is on disk when it is opened again: the state must be the very same. */
static void stop_and_start(void)
{
	struct buffer before, after;

	buffer_init(&before, 1 << 20);
	buffer_init(&after, 1 << 20);
	courier_stop(courier);
	write_state(&before);
	for (uint32_t i = 0; i < records; i++)
		known[i].never_again = known[i].answered;
	courier_destroy(courier);
	courier = NULL;
	journal_close(journal);
	open_journal(directory);
	recover();
	write_state(&after);
	ck_assert_uint_eq(before.length, after.length);
	ck_assert_mem_eq(before.data, after.data, before.length);
	courier_start(courier);
	buffer_free(&before);
	buffer_free(&after);
}

/* As after SIGKILL: what the files hold now. What was answered and on disk may never be sent again. */
static void kill_and_start(void)
{
	char command[256];
	uint64_t durable = journal_durable(journal);

	snprintf(command, sizeof(command), "rm -rf '%s' && cp -r '%s' '%s'", copy, directory, copy);
	ck_assert_int_eq(system(command), 0);
	for (uint32_t i = 0; i < records; i++) /* an answer that isn't on disk is forgotten */
		known[i].never_again = known[i].answered = known[i].answered && known[i].safe_from <= durable;
	courier_destroy(courier);
	courier = NULL;
	journal_close(journal);
	snprintf(command, sizeof(command), "rm -rf '%s' && mv '%s' '%s'", directory, copy, directory);
	ck_assert_int_eq(system(command), 0);
	open_journal(directory);
	recover();
	courier_start(courier);
}

/* The last records may have been lost with the crash: they never existed then. */
static void forget_lost(void)
{
	struct outbox *outbox;
	struct outbox_record record;
	struct error error = {0};
	uint32_t highest = 0;
	enum ep_status status;

	ck_assert_int_eq(outbox_open(journal, &outbox, &error), EP_OK);
	while ((status = outbox_next(outbox, &record, &error)) == EP_OK || status == EP_AGAIN) {
		uint32_t number;

		if (status == EP_AGAIN)
			continue;
		memcpy(&number, record.record.id, sizeof(number));
		highest = number + 1;
	}
	ck_assert_msg(status == EP_END, "%s", error.text);
	outbox_end = outbox_place(outbox).frame;
	outbox_close(outbox);
	for (uint32_t i = highest; i < records; i++)
		ck_assert_uint_eq(known[i].got, 0); /* nothing was sent before it was durable */
	records = highest;
}

START_TEST(model)
{
	uint64_t wanted = 0, bad = 0;

	srandom((unsigned)_i + 1);
	destination.connections = 1 + chance(4);
	destination.parked_max = 5 + chance(60);
	destination.batch_linger_ns = chance(2) ? NS_PER_MS : 0;
	make_courier();
	courier_start(courier);
	for (int step = 0; step < 600; step++) {
		uint32_t what = chance(100);

		if (what < 25 && records < RECORDS_MAX - 20)
			append_random();
		else if (what < 60 && fake.count)
			answer_random();
		else if (what == 60)
			stop_and_start();
		else if (what == 61) {
			kill_and_start();
			forget_lost();
		} else if (what == 62)
			write_checkpoint();
		else
			pass();
	}
	/* everything gets its end once the destination works */
	for (int i = 0; i < 20000 && (courier->unresolved || outbox_place(courier->outbox).frame < outbox_end); i++) {
		pass();
		while (fake.count)
			answer(0, has_bad(fake.waiting[0]) ? TRANSPORT_PERMANENT : TRANSPORT_DONE, 422, true);
	}
	ck_assert_uint_eq(courier->unresolved, 0);
	stop_and_start();
	for (uint32_t i = 0; i < records; i++) {
		if (known[i].wanted && !known[i].bad)
			ck_assert_msg(known[i].got > 0, "record %u is lost", i);
		wanted += known[i].wanted;
		bad += known[i].wanted && known[i].bad;
	}
	ck_assert_uint_eq(courier->state.delivered + courier->state.dead, wanted);
	ck_assert_uint_eq(courier->state.dead, bad);
	ck_assert_uint_eq(
		courier->state.delivered + courier->state.dead + courier->state.filtered + courier->state.superseded,
		records);
	ck_assert_uint_eq(courier->state.open_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("courier");
	TCase *tests = tcase_create("courier"), *models = tcase_create("model");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, batches_and_cursor);
	tcase_add_test(tests, single_events_and_lines);
	tcase_add_test(tests, filters);
	tcase_add_test(tests, bytes_bound_a_batch);
	tcase_add_test(tests, linger_waits_for_more);
	tcase_add_test(tests, repeats_keep_their_key);
	tcase_add_test(tests, failing_batch_holds_up_its_keys_only);
	tcase_add_test(tests, parked_max_stops_reading);
	tcase_add_test(tests, unreachable_destination_is_left_alone);
	tcase_add_test(tests, retry_after_is_kept);
	tcase_add_test(tests, refused_credentials_pause);
	tcase_add_test(tests, bad_record_is_found_alone);
	tcase_add_test(tests, dead_records_keep_their_reason);
	tcase_add_test(tests, stop_starts_nothing_new);
	tcase_add_test(tests, idle_writes_nothing);
	tcase_add_test(tests, state_bytes_are_checked);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(models, set_up, tear_down);
	tcase_add_loop_test(models, model, 0, 12);
	tcase_set_timeout(models, 60);
	suite_add_tcase(suite, models);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
