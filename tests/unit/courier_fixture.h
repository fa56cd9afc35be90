/*
 * courier_fixture.h: a courier on a real journal with a destination made up here: it answers as told, remembers what it
 * got, and fails the test when it gets what it must not.
 */
#ifndef COURIER_FIXTURE_H
#define COURIER_FIXTURE_H

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
static inline size_t numbers_of(struct ep_slice body, uint32_t *numbers, size_t max)
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
static inline void take_in(const struct transport_batch *batch)
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

static inline void answer(size_t index, enum transport_answer what, int code, bool answered)
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

static inline bool has_bad(const struct transport_batch *batch)
{
	uint32_t numbers[64];
	size_t count = numbers_of(batch->body, numbers, 64);

	for (size_t i = 0; i < count; i++)
		if (known[numbers[i]].bad)
			return true;
	return false;
}

/* Set-up --------------------------------------------------------------------------------------------------------- */

static inline void on_durable(void *argument)
{
	(void)argument;
	if (courier)
		courier_wake(courier);
}

static inline void open_journal(const char *where)
{
	const struct journal_options options = {
		.directory = where, .loop = loop, .segment_bytes = 4 << 20, .reserve_bytes = 1};
	struct error error = {0};

	ck_assert_msg(journal_open(&journal, &options, &error) == EP_OK, "%s", error.text);
	journal_on_durable(journal, on_durable, NULL);
}

static inline void make_courier(void)
{
	const struct courier_options options = {
		.destination = &destination, .loop = loop, .journal = journal, .transport = &fake_ops};
	struct error error = {0};

	ck_assert_msg(courier_create(&courier, &options, &error) == EP_OK, "%s", error.text);
}

static inline void set_up(void)
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

static inline void tear_down(void)
{
	char command[160];

	courier_destroy(courier);
	courier = NULL;
	journal_close(journal);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf '%s' '%s'", directory, copy);
	ck_assert_int_eq(system(command), 0);
}

static inline struct ep_slice encode(uint32_t type, uint32_t number)
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
static inline void append_outcome(const char *source, const struct wanted_record *wanted, uint32_t count, bool extent)
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

static inline void append_orders(uint32_t count, uint32_t first_key)
{
	struct wanted_record wanted[64] = {0};

	for (uint32_t i = 0; i < count; i++)
		wanted[i].key = first_key + i;
	append_outcome("shop", wanted, count, false);
}

static inline void pass(void)
{
	loop_run_once(loop, NS_PER_MS);
}

/* Until the destination has something to answer; it must come soon. */
static inline void wait_sent(size_t count)
{
	for (int i = 0; i < 3000 && fake.count < count; i++)
		pass();
	ck_assert_uint_ge(fake.count, count);
}

static inline void settle(void)
{
	for (int i = 0; i < 20; i++)
		pass();
}

#endif
