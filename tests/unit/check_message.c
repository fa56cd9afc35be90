/* check_message.c: the payloads of inbox and outbox frames: what is written is read back; nothing else is believed. */
#include <check.h>
#include <stdlib.h>

#include "journal/message.h"
#include "journal/outcome.h"

static struct buffer out;

static void setup(void)
{
	buffer_init(&out, 1024 * 1024);
}

static void teardown(void)
{
	buffer_free(&out);
}

static struct message example(void)
{
	struct message message = {.id = {1, 2, 3},
		.first = 4711,
		.received_at_ns = INT64_C(1790000000123456789),
		.body_length = 4,
		.sha256 = {9, 8, 7},
		.flags = MESSAGE_CONFLICT,
		.source = EP_SAY("shop-a"),
		.dedupe = EP_SAY("evt_1"),
		.name = EP_SAY("a b.csv"),
		.content_type = EP_SAY("application/json"),
		.header_count = 2,
		.headers = {{EP_SAY("x-topic"), EP_SAY("orders/create")}, {EP_SAY("x-empty"), EP_SAY("")}}};

	return message;
}

static struct journal_frame frame_of(enum journal_kind kind)
{
	struct journal_frame frame = {.kind = kind, .payload = buffer_slice(&out)};

	return frame;
}

START_TEST(a_message_is_read_back)
{
	struct message wanted = example();
	struct message got;
	struct journal_frame frame;

	ck_assert_int_eq(message_write(&wanted, &out), EP_OK);
	buffer_append_string(&out, "body");
	frame = frame_of(JOURNAL_MESSAGE);
	ck_assert_int_eq(message_read(&frame, &got), EP_OK);
	ck_assert_mem_eq(got.id, wanted.id, sizeof(got.id));
	ck_assert_mem_eq(got.sha256, wanted.sha256, sizeof(got.sha256));
	ck_assert_uint_eq(got.first, 4711);
	ck_assert_int_eq(got.received_at_ns, wanted.received_at_ns);
	ck_assert_uint_eq(got.flags, MESSAGE_CONFLICT);
	ck_assert(ep_slice_is(got.source, "shop-a"));
	ck_assert(ep_slice_is(got.dedupe, "evt_1"));
	ck_assert_uint_eq(got.idempotency.length, 0);
	ck_assert(ep_slice_is(got.name, "a b.csv"));
	ck_assert(ep_slice_is(got.content_type, "application/json"));
	ck_assert_uint_eq(got.content_encoding.length, 0);
	ck_assert_uint_eq(got.header_count, 2);
	ck_assert(ep_slice_is(got.headers[0].name, "x-topic"));
	ck_assert(ep_slice_is(got.headers[0].value, "orders/create"));
	ck_assert(ep_slice_is(got.headers[1].name, "x-empty"));
	ck_assert(ep_slice_is(got.body, "body"));
	buffer_clear(&out);
	wanted.content_type = EP_SAY("application/JSON");
	wanted.content_encoding = EP_SAY("gzip");
	wanted.idempotency = EP_SAY("key");
	wanted.name = ep_slice_make(NULL, 0);
	wanted.first = 0;
	ck_assert_int_eq(message_write(&wanted, &out), EP_OK);
	buffer_append_string(&out, "body");
	frame = frame_of(JOURNAL_MESSAGE);
	ck_assert_int_eq(message_read(&frame, &got), EP_OK);
	ck_assert(ep_slice_is(got.content_type, "application/JSON"));
	ck_assert(ep_slice_is(got.content_encoding, "gzip"));
	ck_assert(ep_slice_is(got.idempotency, "key"));
	ck_assert_uint_eq(got.name.length, 0);
	ck_assert_uint_eq(got.first, 0);
}
END_TEST

START_TEST(a_body_lies_in_the_frame_or_in_the_extent_or_nowhere)
{
	struct message message = example();
	struct message got;
	struct journal_frame frame;

	ck_assert_int_eq(message_write(&message, &out), EP_OK);
	frame = frame_of(JOURNAL_MESSAGE);
	ck_assert_int_eq(message_read(&frame, &got), EP_BAD_INPUT);
	frame.extent = 5;
	frame.extent_length = 5;
	ck_assert_int_eq(message_read(&frame, &got), EP_BAD_INPUT);
	frame.extent_length = 4;
	ck_assert_int_eq(message_read(&frame, &got), EP_OK);
	ck_assert_ptr_null(got.body.data);
	buffer_clear(&out);
	message.flags = MESSAGE_DUPLICATE;
	ck_assert_int_eq(message_write(&message, &out), EP_OK);
	frame = frame_of(JOURNAL_MESSAGE);
	ck_assert_int_eq(message_read(&frame, &got), EP_OK);
	ck_assert_ptr_null(got.body.data);
	ck_assert_uint_eq(got.body_length, 4);
	frame.kind = JOURNAL_ACTION;
	ck_assert_int_eq(message_read(&frame, &got), EP_BAD_INPUT);
}
END_TEST

/* Whatever is read lies within the payload. */
static void touch(struct ep_slice slice, const struct journal_frame *frame)
{
	if (!slice.length)
		return;
	ck_assert(slice.data >= frame->payload.data);
	ck_assert(slice.data + slice.length <= frame->payload.data + frame->payload.length);
}

static void read_any(const struct journal_frame *frame)
{
	struct outcome_rejection rejection;
	struct outcome_record record;
	struct message message;
	struct outcome outcome;

	if (message_read(frame, &message) == EP_OK) {
		touch(message.source, frame);
		touch(message.content_encoding, frame);
		touch(message.body, frame);
		for (uint32_t i = 0; i < message.header_count; i++)
			touch(message.headers[i].value, frame);
	}
	if (outcome_read(frame, &outcome) == EP_OK) {
		touch(outcome.plugin, frame);
		while (outcome_next_rejection(&outcome.rejections, &rejection))
			touch(rejection.text, frame);
		while (outcome_next_record(&outcome.records, &record))
			touch(record.encoded, frame);
	}
}

static void write_outcome(void)
{
	struct buffer rejections;
	struct outcome outcome = {.kind = OUTCOME_NORMALIZED,
		.inbox_position = 4192,
		.inbox_sequence = 3,
		.original_position = 4192,
		.message_id = {1},
		.received_at_ns = 77,
		.source = EP_SAY("bank"),
		.plugin = EP_SAY("camt 1.0.0"),
		.record_count = 2,
		.suppressed = 1,
		.rejected = 200,
		.rejection_count = 1};
	const struct outcome_rejection rejection = {EP_ERR_VALUE, EP_SAY("row 3"), EP_SAY("not a number")};
	struct outcome_record record = {.id = {4},
		.content = {5},
		.revision = 2,
		.attempt = 1,
		.fate = RECORD_UPDATE,
		.version = EP_SAY("2026"),
		.key = EP_SAY("k"),
		.encoded = EP_SAY("tlv")};

	buffer_init(&rejections, 4096);
	ck_assert_int_eq(outcome_write_rejection(&rejection, &rejections), EP_OK);
	outcome.rejections = buffer_slice(&rejections);
	ck_assert_int_eq(outcome_write(&outcome, &out), EP_OK);
	ck_assert_int_eq(outcome_write_record(&record, &out), EP_OK);
	record.fate = RECORD_SUPERSEDED;
	record.encoded = ep_slice_make(NULL, 0);
	ck_assert_int_eq(outcome_write_record(&record, &out), EP_OK);
	buffer_free(&rejections);
}

START_TEST(an_outcome_is_read_back)
{
	struct outcome_rejection rejection;
	struct outcome_record record;
	struct journal_frame frame;
	struct outcome got;

	write_outcome();
	frame = frame_of(JOURNAL_OUTCOME);
	ck_assert_int_eq(outcome_read(&frame, &got), EP_OK);
	ck_assert_int_eq(got.kind, OUTCOME_NORMALIZED);
	ck_assert_uint_eq(got.inbox_position, 4192);
	ck_assert_uint_eq(got.inbox_sequence, 3);
	ck_assert_int_eq(got.received_at_ns, 77);
	ck_assert(ep_slice_is(got.plugin, "camt 1.0.0"));
	ck_assert_uint_eq(got.rejected, 200);
	ck_assert(outcome_next_rejection(&got.rejections, &rejection));
	ck_assert_uint_eq(rejection.code, EP_ERR_VALUE);
	ck_assert(ep_slice_is(rejection.text, "not a number"));
	ck_assert(!outcome_next_rejection(&got.rejections, &rejection));
	ck_assert(outcome_next_record(&got.records, &record));
	ck_assert_uint_eq(record.revision, 2);
	ck_assert(ep_slice_is(record.encoded, "tlv"));
	ck_assert_uint_eq(outcome_record_bytes(got.records), got.records.length);
	ck_assert(outcome_next_record(&got.records, &record));
	ck_assert_uint_eq(record.fate, RECORD_SUPERSEDED);
	ck_assert(!outcome_next_record(&got.records, &record));
	ck_assert_uint_eq(got.records.length, 0);
	frame.kind = JOURNAL_MESSAGE;
	ck_assert_int_eq(outcome_read(&frame, &got), EP_BAD_INPUT);
}
END_TEST

/* Each payload cut at each length, then with each byte changed in several ways. The copy ends where its memory ends. */
static void garble(enum journal_kind kind)
{
	for (size_t length = 0; length <= out.length; length++) {
		char *copy = malloc(length + 1);
		struct journal_frame frame = {.kind = kind, .payload = {copy + 1, length}};

		ck_assert_ptr_nonnull(copy);
		if (length)
			memcpy(copy + 1, out.data, length);
		read_any(&frame);
		if (length == out.length) {
			for (size_t i = 0; i < length; i++) {
				for (int value = 0; value < 256; value += 15) {
					copy[1 + i] = (char)value;
					read_any(&frame);
				}
				copy[1 + i] = out.data[i];
			}
		}
		free(copy);
	}
}

START_TEST(nothing_else_is_believed)
{
	struct message message = example();

	ck_assert_int_eq(message_write(&message, &out), EP_OK);
	buffer_append_string(&out, "body");
	garble(JOURNAL_MESSAGE);
	buffer_clear(&out);
	write_outcome();
	garble(JOURNAL_OUTCOME);
}
END_TEST

START_TEST(the_metadata_of_a_usual_message_are_small)
{
	struct message message = example();

	ck_assert_int_eq(message_write(&message, &out), EP_OK);
	ck_assert_uint_le(out.length, 130);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *tests = tcase_create("message");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_message_is_read_back);
	tcase_add_test(tests, a_body_lies_in_the_frame_or_in_the_extent_or_nowhere);
	tcase_add_test(tests, an_outcome_is_read_back);
	tcase_add_test(tests, nothing_else_is_believed);
	tcase_add_test(tests, the_metadata_of_a_usual_message_are_small);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
