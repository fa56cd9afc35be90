/*
 * check_host_call.c: the host's table: errors that stick, rules that a plugin may break, what its return is made of,
 * texts in other character sets, parts made by text->utf8().
 */
#include "call_test.h"

static struct call_test test;

static void setup(void)
{
	call_test_start(&test);
}

static void teardown(void)
{
	call_test_stop(&test);
}

static const struct ep_host *host;
static struct ep_call *at_hand;
static const struct ep_part *part;

/* Each case is a function that behaves like a parse(); this makes it one. */
typedef enum ep_status (*plugin_case)(void);

static enum ep_status parse_case(
	const struct ep_host *table, struct ep_call *call, const void *state, const struct ep_input *input)
{
	host = table;
	at_hand = call;
	part = &input->parts[0];
	return (*(const plugin_case *)state)();
}

static enum ep_status run_on(plugin_case function, const char *bytes, size_t length, uint32_t charset)
{
	return call_test_run_charset(&test, parse_case, &function, bytes, length, charset);
}

static enum ep_status run(plugin_case function)
{
	return run_on(function, "0123456789", 10, EP_UTF8);
}

static struct ep_text text_at(uint64_t offset, uint64_t length)
{
	struct ep_text text = {.value = {part->bytes.data + offset, length},
		.offset = offset,
		.length = length,
		.part = part->index,
		.charset = part->charset};

	return text;
}

static void put_key(void)
{
	host->put_text(at_hand, EP_ORDER_ORDER_NO, text_at(0, 4));
}

static enum ep_status sound_record(void)
{
	host->record_begin(at_hand, EP_ORDER);
	put_key();
	return host->record_end(at_hand);
}

static void expect_text(uint32_t field, const char *expected, uint64_t offset, uint64_t length)
{
	struct record_value value;
	bool found = false;

	ck_assert(record_find(ep_slice_make(test.record, test.record_length), field, &value));
	ck_assert_msg(
		ep_slice_equal(value.bytes, ep_slice_of(expected)), "%.*s", (int)value.bytes.length, value.bytes.data);
	for (uint32_t i = 0; i < test.origin_count; i++)
		if (test.origins[i].field == (uint16_t)field) {
			ck_assert_uint_eq(test.origins[i].part, 0);
			ck_assert_uint_eq(test.origins[i].offset, offset);
			ck_assert_uint_eq(test.origins[i].length, length);
			found = true;
		}
	ck_assert(found);
}

START_TEST(a_record_reaches_the_sink_with_its_origins)
{
	ck_assert_int_eq(run(sound_record), EP_OK);
	ck_assert_uint_eq(test.records, 1);
	expect_text(EP_ORDER_ORDER_NO, "0123", 0, 4);
}
END_TEST

static enum ep_status return_bad_input(void)
{
	return EP_BAD_INPUT;
}

static enum ep_status return_no_zone(void)
{
	return EP_NO_ZONE;
}

static enum ep_status return_end(void)
{
	return EP_END;
}

static enum ep_status return_nonsense(void)
{
	return (enum ep_status)77;
}

START_TEST(a_status_without_a_reason_is_given_one)
{
	ck_assert_int_eq(run(return_bad_input), EP_MISUSE);
	ck_assert_int_eq(test.failure.code, EP_ERR_PLUGIN_FAULT);
	ck_assert_int_eq(run(return_no_zone), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_TIME_ZONE);
	ck_assert_int_eq(run(return_end), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_EMPTY);
	ck_assert_int_eq(run(return_nonsense), EP_MISUSE);
	ck_assert_int_eq(test.failure.code, EP_ERR_PLUGIN_FAULT);
}
END_TEST

static enum ep_status fail_twice(void)
{
	struct ep_place place = {.offset = 5, .length = 2, .row = 3, .path = EP_SAY("a/b")};

	ck_assert_int_eq(host->fail(at_hand, EP_ERR_COLUMNS, place, EP_SAY("expected 4 columns")), EP_BAD_INPUT);
	return host->fail(at_hand, EP_ERR_VALUE, place, EP_SAY("not this one"));
}

static enum ep_status fail_and_go_on(void)
{
	fail_twice();
	return sound_record();
}

static enum ep_status fail_strangely(void)
{
	struct ep_place place = {0};

	return host->fail(at_hand, 4711, place, EP_SAY("no such code"));
}

START_TEST(fail_fails_the_message)
{
	ck_assert_int_eq(run(fail_twice), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_COLUMNS);
	ck_assert_str_eq(test.text, "expected 4 columns");
	ck_assert_str_eq(test.path, "a/b");
	ck_assert_uint_eq(test.failure.place.offset, 5);
	ck_assert_uint_eq(test.failure.place.row, 3);
	ck_assert_int_eq(run(fail_and_go_on), EP_MISUSE);
	ck_assert_int_eq(test.failure.code, EP_ERR_PLUGIN_FAULT);
	ck_assert_ptr_nonnull(strstr(test.text, "expected 4 columns"));
	ck_assert_int_eq(run(fail_strangely), EP_MISUSE);
	ck_assert_int_eq(run(sound_record), EP_OK); /* nothing is left of it */
}
END_TEST

static enum ep_status leave_record_open(void)
{
	host->record_begin(at_hand, EP_ORDER);
	put_key();
	return EP_OK;
}

static enum ep_status begin_twice(void)
{
	host->record_begin(at_hand, EP_ORDER);
	return sound_record();
}

static enum ep_status put_outside(void)
{
	put_key();
	return EP_OK;
}

static enum ep_status end_outside(void)
{
	ck_assert_int_eq(host->record_end(at_hand), EP_MISUSE);
	return EP_OK;
}

static enum ep_status put_twice(void)
{
	host->record_begin(at_hand, EP_ORDER);
	put_key();
	put_key();
	return host->record_end(at_hand);
}

static enum ep_status put_foreign(void)
{
	host->record_begin(at_hand, EP_ORDER);
	host->put_text(at_hand, EP_PAYMENT_PAYMENT_ID, text_at(0, 1));
	return host->record_end(at_hand);
}

static enum ep_status unknown_charset(void)
{
	struct ep_text text = text_at(0, 1);

	text.charset = EP_GB18030;
	host->record_begin(at_hand, EP_ORDER);
	host->put_text(at_hand, EP_ORDER_ORDER_NO, text);
	return host->record_end(at_hand);
}

START_TEST(broken_rules_are_the_plugins_fault)
{
	static const plugin_case cases[] = {leave_record_open, begin_twice, put_outside, end_outside, unknown_charset};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(run(cases[i]) == EP_MISUSE, "case %zu", i);
		ck_assert_uint_gt(test.failure.text.length, 0);
		ck_assert_int_eq(run(sound_record), EP_OK);
	}
}
END_TEST

static enum ep_status bad_record(void)
{
	host->record_begin(at_hand, EP_ORDER);
	put_key();
	host->put_text(at_hand, EP_ORDER_BUYER_NAME, text_at(4, 4));
	host->put_text(at_hand, EP_ORDER_PLATFORM, text_at(0, 1)); /* too late to matter */
	return host->record_end(at_hand);
}

static enum ep_status bad_record_between(void)
{
	ck_assert_int_eq(sound_record(), EP_OK);
	ck_assert_int_eq(bad_record(), EP_OK);
	return sound_record();
}

static enum ep_status reject_bad_record(void)
{
	struct ep_place place = {.offset = 6};

	host->record_begin(at_hand, EP_ORDER);
	put_key();
	host->put_text(at_hand, EP_ORDER_BUYER_NAME, text_at(4, 4));
	ck_assert_int_eq(host->reject(at_hand, EP_ERR_VALUE, place, EP_SAY("too late")), EP_OK);
	ck_assert_int_eq(host->record_end(at_hand), EP_OK);
	return sound_record();
}

static enum ep_status cancel_bad_record(void)
{
	host->record_begin(at_hand, EP_ORDER);
	host->put_text(at_hand, EP_ORDER_BUYER_NAME, text_at(4, 4));
	host->record_cancel(at_hand);
	return sound_record();
}

static enum ep_status reject_within(void)
{
	struct ep_place place = {.offset = 1};

	host->record_begin(at_hand, EP_ORDER);
	put_key();
	if (host->reject(at_hand, EP_ERR_VALUE, place, EP_SAY("in the middle")) != EP_OK)
		return EP_BAD_INPUT;
	host->put_text(at_hand, EP_ORDER_PLATFORM, text_at(0, 1)); /* does nothing */
	ck_assert_int_eq(host->record_end(at_hand), EP_OK);
	return sound_record();
}

static enum ep_status reject_ignored(void)
{
	struct ep_place place = {.offset = 1};

	ck_assert_int_eq(host->reject(at_hand, EP_ERR_VALUE, place, EP_SAY("ignored")), EP_BAD_INPUT);
	return sound_record();
}

/* A put has gone wrong, and the plugin takes reject()'s word for it that the message must end. */
static enum ep_status reject_after_bad_put(void)
{
	struct ep_place place = {.offset = 6};

	host->record_begin(at_hand, EP_ORDER);
	host->put_text(at_hand, EP_ORDER_BUYER_NAME, text_at(4, 4));
	return host->reject(at_hand, EP_ERR_VALUE, place, EP_SAY("too late"));
}

START_TEST(errors_of_a_record_stick)
{
	static const char bytes[] = "key1ab\xff"
				    "d";

	ck_assert_int_eq(run_on(bad_record, bytes, 8, EP_UTF8), EP_OK);
	ck_assert_uint_eq(test.records, 0);
	ck_assert_uint_eq(test.rejects, 1);
	ck_assert_int_eq(test.reject_code, EP_ERR_CHARSET);
	ck_assert_uint_eq(test.reject_place.offset, 6);
	ck_assert_int_eq(run_on(bad_record_between, bytes, 8, EP_UTF8), EP_OK);
	ck_assert_uint_eq(test.records, 2);
	ck_assert_uint_eq(test.rejects, 1);
	ck_assert_int_eq(run_on(reject_bad_record, bytes, 8, EP_UTF8), EP_OK); /* the first error is the one told */
	ck_assert_uint_eq(test.rejects, 1);
	ck_assert_int_eq(test.reject_code, EP_ERR_CHARSET);
	ck_assert_int_eq(run_on(cancel_bad_record, bytes, 8, EP_UTF8), EP_OK);
	ck_assert_uint_eq(test.rejects, 0);
	ck_assert_int_eq(run(put_twice), EP_OK);
	ck_assert_int_eq(test.reject_code, EP_ERR_FIELD_REPEATED);
	ck_assert_int_eq(run(put_foreign), EP_OK);
	ck_assert_int_eq(test.reject_code, EP_ERR_FIELD_FOREIGN);
	ck_assert_uint_eq(test.records, 0);
	ck_assert_int_eq(run(reject_within), EP_OK);
	ck_assert_uint_eq(test.records, 1);
}
END_TEST

START_TEST(a_source_may_refuse_messages_in_part)
{
	struct call_options options = call_test_options(&test);
	struct error error;

	options.reject_message = true;
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_OK);
	ck_assert_int_eq(run(reject_within), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_RECORD_REJECTED);
	ck_assert_ptr_nonnull(strstr(test.text, "in the middle"));
	ck_assert_uint_eq(test.failure.place.offset, 1);
	ck_assert_uint_eq(test.rejects, 1);
	ck_assert_int_eq(run(reject_ignored), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_RECORD_REJECTED);
	ck_assert_int_eq(run_on(bad_record,
				 "key1ab\xff"
				 "d",
				 8, EP_UTF8),
		EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_RECORD_REJECTED);
	ck_assert_uint_eq(test.failure.place.offset, 6);
	ck_assert_int_eq(run_on(reject_after_bad_put,
				 "key1ab\xff"
				 "d",
				 8, EP_UTF8),
		EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_RECORD_REJECTED);
	ck_assert_int_eq(test.reject_code, EP_ERR_CHARSET);
	ck_assert_uint_eq(test.rejects, 1);
}
END_TEST

static enum ep_status take_all_memory(void)
{
	while (host->alloc(at_hand, 4096))
		;
	return sound_record();
}

static enum ep_status take_some_memory(void)
{
	unsigned char *memory = host->alloc(at_hand, 100);

	ck_assert_uint_eq((uintptr_t)memory % 16, 0);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(memory[i], 0);
	memset(memory, 0xff, 100);
	ck_assert_ptr_nonnull(host->alloc(at_hand, 0));
	ck_assert_ptr_null(host->alloc(at_hand, UINT64_MAX - 3));
	return EP_OK;
}

static enum ep_status log_much(void)
{
	for (int i = 0; i < 1000; i++)
		host->log(at_hand, EP_LOG_INFO, EP_SAY("hello"));
	return EP_OK;
}

START_TEST(memory_and_logs_are_bounded)
{
	ck_assert_int_eq(run(take_all_memory), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_PLUGIN_MEMORY);
	ck_assert_int_eq(run(sound_record), EP_OK);
	ck_assert_int_eq(run(take_some_memory), EP_BAD_INPUT);
	ck_assert_int_eq(run(log_much), EP_OK);
	ck_assert_uint_eq(test.logs, 101);
}
END_TEST

/* Character sets ---------------------------------------------------------------------------------------------------- */

static enum ep_status put_all(void)
{
	host->record_begin(at_hand, EP_ORDER);
	host->put_text(at_hand, EP_ORDER_ORDER_NO, text_at(0, part->bytes.length));
	return host->record_end(at_hand);
}

START_TEST(one_byte_texts_are_converted_when_put)
{
	ck_assert_int_eq(run_on(put_all, "caf\xe9", 4, EP_LATIN1), EP_OK);
	expect_text(EP_ORDER_ORDER_NO, "caf\xc3\xa9", 0, 4);
	ck_assert_int_eq(run_on(put_all, "\x80 5", 3, EP_WINDOWS_1252), EP_OK);
	expect_text(EP_ORDER_ORDER_NO, "\xe2\x82\xac 5", 0, 3);
	ck_assert_int_eq(run_on(put_all, "M\x81ller", 6, EP_CP850), EP_OK);
	expect_text(EP_ORDER_ORDER_NO, "M\xc3\xbcller", 0, 6);
	ck_assert_int_eq(run_on(put_all, "\xa5", 1, EP_CP852), EP_OK);
	expect_text(EP_ORDER_ORDER_NO, "\xc4\x85", 0, 1);
	ck_assert_int_eq(run_on(put_all, "ab\x81", 3, EP_WINDOWS_1252), EP_OK);
	ck_assert_int_eq(test.reject_code, EP_ERR_CHARSET);
	ck_assert_uint_eq(test.reject_place.offset, 2);
}
END_TEST

static uint64_t piece_offset, piece_length;
static uint32_t wanted_charset;

static enum ep_status put_converted(void)
{
	struct ep_part utf8;
	struct ep_text text;

	if (host->text->utf8(at_hand, part, wanted_charset, &utf8) != EP_OK)
		return EP_BAD_INPUT;
	for (int i = 0; i < CALL_TEST_PADDING; i++)
		ck_assert_int_eq(utf8.bytes.data[utf8.bytes.length + (uint64_t)i], 0);
	text = (struct ep_text){.value = {utf8.bytes.data + piece_offset, piece_length},
		.offset = piece_offset,
		.length = piece_length,
		.part = utf8.index,
		.charset = utf8.charset};
	host->record_begin(at_hand, EP_ORDER);
	host->put_text(at_hand, EP_ORDER_ORDER_NO, text);
	return host->record_end(at_hand);
}

static void expect_converted(const char *bytes, size_t length, uint32_t charset, const char *piece, uint64_t offset,
	uint64_t raw, uint64_t raw_size)
{
	wanted_charset = charset;
	piece_offset = offset;
	piece_length = strlen(piece);
	ck_assert_msg(run_on(put_converted, bytes, length, EP_UTF8) == EP_OK, "%s", test.text);
	expect_text(EP_ORDER_ORDER_NO, piece, raw, raw_size);
}

START_TEST(converted_parts_name_the_senders_bytes)
{
	expect_converted("abc caf\xc3\xa9", 9, EP_UTF8, "caf\xc3\xa9", 4, 4, 5);
	expect_converted("\xef\xbb\xbf"
			 "abc",
		6, EP_UTF8, "bc", 1, 4, 2);
	expect_converted("caf\xe9 au lait", 12, EP_LATIN1, "lait", 9, 8, 4);
	expect_converted("\xd6\xd0\xce\xc4 x\x84\x31\xa4\x37y", 11, EP_GB18030, "x\xef\xbf\xbdy", 7, 5, 6);
	expect_converted("\xff\xfe"
			 "a\0\xe9\0b\0",
		8, EP_UTF8,
		"\xc3\xa9"
		"b",
		1, 4, 4);
}
END_TEST

/* Every character of a long text leads back to its own byte, across all marks. */
static enum ep_status fail_everywhere(void)
{
	struct ep_part utf8;
	struct ep_place place;
	struct ep_text text = {.charset = EP_UTF8};

	if (host->text->utf8(at_hand, part, wanted_charset, &utf8) != EP_OK)
		return EP_BAD_INPUT;
	for (uint64_t i = 0; i < utf8.bytes.length; i++) {
		if (((unsigned char)utf8.bytes.data[i] & 0xc0) == 0x80)
			continue;
		place = (struct ep_place){.part = utf8.index, .offset = i};
		ck_assert_int_eq(host->reject(at_hand, EP_ERR_VALUE, place, EP_SAY("")), EP_OK);
		ck_assert_uint_eq(test.reject_place.part, 0);
		text.value = ep_slice_make(part->bytes.data + test.reject_place.offset, 1);
		if ((unsigned char)utf8.bytes.data[i] < 0x80)
			ck_assert_int_eq(utf8.bytes.data[i], text.value.data[0]);
		else
			ck_assert_int_ne(text.value.data[0] & 0x80, 0);
	}
	ck_assert_uint_gt(utf8.bytes.length, 5000);
	return EP_OK;
}

START_TEST(origins_across_the_marks)
{
	static const char *const pieces[] = {"a\xe9"
					     "bc\xfc",
		"x\xd6\xd0y\x84\x31\xa4\x37"};
	static const uint32_t charsets[] = {EP_LATIN1, EP_GB18030};

	for (int i = 0; i < 2; i++) {
		char text[8000];
		size_t length = strlen(pieces[i]), used = 0;

		while (used + length < sizeof(text) - 1) {
			memcpy(text + used, pieces[i], length);
			used += length;
			text[used] = (char)('0' + used % 10);
			used += used % 7 == 0;
		}
		wanted_charset = charsets[i];
		ck_assert_msg(run_on(fail_everywhere, text, used, EP_UTF8) == EP_OK, "%s", test.text);
	}
}
END_TEST

START_TEST(bytes_outside_of_a_character_set)
{
	static const struct {
		const char *bytes;
		uint64_t length, offset;
		uint32_t charset;
	} cases[] = {{"ab\xff", 3, 2, EP_UTF8}, {"\xc3", 1, 0, EP_UTF8}, {"a\xed\xa0\x80", 4, 1, EP_UTF8},
		{"a\x81", 2, 1, EP_WINDOWS_1252}, {"ab\xff\xff", 4, 2, EP_GB18030}, {"abc\xd6", 4, 3, EP_GB18030},
		{"\xff\xfe"
		 "a\0\0\xd8",
			6, 4, EP_UTF8},
		{"\xff\xfe"
		 "a",
			3, 2, EP_UTF8}};

	piece_offset = 0;
	piece_length = 1;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wanted_charset = cases[i].charset;
		ck_assert_int_eq(run_on(put_converted, cases[i].bytes, cases[i].length, EP_UTF8), EP_BAD_INPUT);
		ck_assert_int_eq(test.failure.code, EP_ERR_CHARSET);
		ck_assert_msg(test.failure.place.offset == cases[i].offset, "case %zu: %llu", i,
			(unsigned long long)test.failure.place.offset);
	}
}
END_TEST

static enum ep_status check_utf8_service(void)
{
	static const char *const bad[] = {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
		"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xfe", "\xff", "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28", "\xe2\x28\xa1"};
	static const char *const good[] = {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
		"\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
	uint64_t offset;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[32];

		snprintf(text, sizeof(text), "0123456789%s", bad[i]);
		ck_assert_int_eq(host->text->check_utf8(ep_slice_of(text), &offset), EP_BAD_INPUT);
		ck_assert_uint_eq(offset, 10);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_int_eq(host->text->check_utf8(ep_slice_of(good[i]), &offset), EP_OK);
	return EP_OK;
}

START_TEST(utf8_is_strict)
{
	ck_assert_int_eq(run(check_utf8_service), EP_OK);
}
END_TEST

START_TEST(the_charset_of_a_part)
{
	struct call_options options;
	struct error error = {0};

	ck_assert_uint_eq(call_charset(test.call, EP_SAY("")), EP_UTF8);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv; charset=ISO-8859-1")), EP_LATIN1);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv;charset=\"gb2312\"; header=present")), EP_GB18030);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv; Charset='windows-1252'")), EP_WINDOWS_1252);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv; charset=klingon")), EP_UTF8);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv; xcharset=cp850")), EP_UTF8);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv; charset=")), EP_UTF8);
	call_test_stop(&test);
	options = call_test_options(&test);
	options.charset = EP_SAY("CP850");
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_OK);
	ck_assert_uint_eq(call_charset(test.call, EP_SAY("text/csv; charset=utf-8")), EP_CP850);
	call_test_stop(&test);
	options.charset = EP_SAY("klingon");
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.text, "klingon"));
	ck_assert_ptr_nonnull(strstr(error.text, "gb18030"));
	options.charset = EP_SAY("");
	options.zone = EP_SAY("Asia/Nowhere");
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(error.text, "Asia/Nowhere"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host_call");
	TCase *cases = tcase_create("call"), *own = tcase_create("own options");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_record_reaches_the_sink_with_its_origins);
	tcase_add_test(cases, a_status_without_a_reason_is_given_one);
	tcase_add_test(cases, fail_fails_the_message);
	tcase_add_test(cases, broken_rules_are_the_plugins_fault);
	tcase_add_test(cases, errors_of_a_record_stick);
	tcase_add_test(cases, memory_and_logs_are_bounded);
	tcase_add_test(cases, one_byte_texts_are_converted_when_put);
	tcase_add_test(cases, converted_parts_name_the_senders_bytes);
	tcase_add_test(cases, origins_across_the_marks);
	tcase_add_test(cases, bytes_outside_of_a_character_set);
	tcase_add_test(cases, utf8_is_strict);
	tcase_add_test(cases, the_charset_of_a_part);
	tcase_add_checked_fixture(own, NULL, teardown);
	tcase_add_test(own, a_source_may_refuse_messages_in_part);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, own);
	return call_test_main(suite);
}
