/* check_record_accept.c: whatever a worker sends is refused or comes out sound; what deviates is kept and noted. */
#include "record_fixture.h"

#include "record/content.h"
#include "record/event.h"

static const struct record_policy policy = {.person_key = {"secret", 6}, .source = {"bank-a", 6}};
static struct record_rejection rejection;

/* The data of a record as accepted; the caller frees it. */
static char *accepted_data(struct ep_slice encoded, const struct record_policy *with)
{
	struct buffer accepted, out;

	buffer_init(&accepted, RECORD_BYTES_MAX);
	buffer_init(&out, RECORD_BYTES_MAX);
	ck_assert_int_eq(record_accept(with, encoded, NULL, 0, &accepted, &rejection), EP_OK);
	ck_assert(record_check(buffer_slice(&accepted)));
	ck_assert_int_eq(event_write_data(buffer_slice(&accepted), &out), EP_OK);
	buffer_append_byte(&out, '\0');
	buffer_free(&accepted);
	return out.data;
}

static void expect_data(struct ep_slice encoded, const char *want)
{
	char *data = accepted_data(encoded, &policy);

	ck_assert_str_eq(data, want);
	free(data);
}

/* Accepts what may be anything; what is accepted must be sound, and must be accepted no differently a second time. */
static void try(struct ep_slice encoded, struct buffer *out, struct buffer *event)
{
	enum ep_status status;

	buffer_clear(out);
	rejection.text[0] = '\0';
	status = record_accept(&policy, encoded, NULL, 0, out, &rejection);
	if (status != EP_OK) {
		ck_assert(status == EP_MISUSE || status == EP_BAD_INPUT);
		ck_assert_uint_eq(out->length, 0);
		ck_assert_int_ne(rejection.text[0], '\0');
		return;
	}
	ck_assert(record_check(buffer_slice(out)));
	buffer_clear(event);
	ck_assert_int_eq(event_write_data(buffer_slice(out), event), EP_OK);
}

/* Each byte changed in each bit and to some others, and each length cut off. In memory of its own, so that a read past
 * the end is seen. */
static void mutate(struct ep_slice encoded)
{
	struct buffer out, event;

	buffer_init(&out, RECORD_BYTES_MAX);
	buffer_init(&event, RECORD_BYTES_MAX);
	for (uint64_t length = 0; length <= encoded.length; length++) {
		char *copy = malloc(length + (length == 0));

		memcpy(copy, encoded.data, length);
		try(ep_slice_make(copy, length), &out, &event);
		/* The same with a head that tells the length. */
		if (length >= RECORD_HEAD_BYTES) {
			uint32_t rest = (uint32_t)(length - RECORD_HEAD_BYTES);

			memcpy(copy + 4, &rest, 4);
			try(ep_slice_make(copy, length), &out, &event);
		}
		free(copy);
	}
	for (uint64_t at = 0; at < encoded.length; at++) {
		char *copy = malloc(encoded.length);

		memcpy(copy, encoded.data, encoded.length);
		for (int change = 1; change < 256; change++) {
			copy[at] = (char)((uint8_t)encoded.data[at] ^ change);
			try(ep_slice_make(copy, encoded.length), &out, &event);
		}
		free(copy);
	}
	buffer_free(&out);
	buffer_free(&event);
}

START_TEST(a_changed_order)
{
	begin_order("#1001");
	mutate(finish());
}
END_TEST

START_TEST(a_changed_settlement)
{
	begin_mixed_settlement();
	mutate(finish());
}
END_TEST

START_TEST(a_changed_shipment)
{
	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say("W"));
	record_builder_text(builder, EP_SHIPMENT_ORDER_NOS, say("1"));
	record_builder_text(builder, EP_SHIPMENT_ORDER_NOS, say("22"));
	record_builder_integer(builder, EP_SHIPMENT_PIECES, 2, say("x"));
	record_builder_note(builder, 0, EP_NOTE_ENVELOPE);
	record_builder_note(builder, EP_SHIPMENT_PIECES, EP_NOTE_VALUE_UNREADABLE);
	record_builder_note(builder, EP_SHIPMENT_LINES_GTIN, EP_NOTE_CHECK_DIGIT);
	mutate(finish());
}
END_TEST

START_TEST(many_changes_at_once)
{
	struct buffer out, event;
	struct ep_slice encoded;
	uint64_t state = 20261123;

	buffer_init(&out, RECORD_BYTES_MAX);
	buffer_init(&event, RECORD_BYTES_MAX);
	begin_order("#1001");
	encoded = finish();
	for (int round = 0; round < 20000; round++) {
		char *copy = malloc(encoded.length);

		memcpy(copy, encoded.data, encoded.length);
		for (int change = 0; change < 1 + round % 6; change++) {
			state = state * 6364136223846793005U + 1442695040888963407U;
			copy[(state >> 33) % encoded.length] = (char)(state >> 24 & (state & 1 ? 0xff : 0x0f));
		}
		try(ep_slice_make(copy, encoded.length), &out, &event);
		free(copy);
	}
	buffer_free(&out);
	buffer_free(&event);
}
END_TEST

/* One field of an order, written by hand. */
static struct ep_slice forge(
	char *bytes, uint16_t record, uint16_t id, uint8_t type, const void *value, uint32_t length)
{
	uint32_t all = 8 + length;

	memset(bytes, 0, 16);
	memcpy(bytes, &record, 2);
	memcpy(bytes + 4, &all, 4);
	memcpy(bytes + 8, &id, 2);
	bytes[10] = (char)type;
	memcpy(bytes + 12, &length, 4);
	memcpy(bytes + 16, value, length);
	return ep_slice_make(bytes, 16 + length);
}

static void expect_refusal(struct ep_slice encoded, const char *text)
{
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	ck_assert_int_eq(record_accept(&policy, encoded, NULL, 0, &out, &rejection), EP_MISUSE);
	ck_assert_int_eq(rejection.code, EP_ERR_PLUGIN_FAULT);
	ck_assert_str_eq(rejection.text, text);
	ck_assert_uint_eq(out.length, 0);
	buffer_free(&out);
}

START_TEST(what_a_worker_can_not_have)
{
	static const char sealed[40] = "\002id01234567890123456789012345678901*";
	char bytes[128];
	uint16_t status = 7;

	expect_refusal(forge(bytes, EP_ORDER, 1, SCHEMA_TEXT, "\300\200", 2),
		"order.order_no: a text that is empty or not UTF-8");
	expect_refusal(
		forge(bytes, EP_ORDER, 1, SCHEMA_TEXT, "", 0), "order.order_no: a text that is empty or not UTF-8");
	expect_refusal(forge(bytes, EP_ORDER, 1, SCHEMA_TIME, "x", 1), "order.order_no: a value of another type");
	expect_refusal(forge(bytes, EP_ORDER, 3, SCHEMA_ENUM, &status, 2), "order.status: a code that it doesn't have");
	expect_refusal(
		forge(bytes, EP_ORDER, 24, SCHEMA_BOOL, "\2", 1), "order.test: a truth value other than 0 and 1");
	expect_refusal(
		forge(bytes, EP_ORDER, 27, SCHEMA_TEXT, "x", 1), "order.lines.sku: a field that doesn't belong here");
	expect_refusal(forge(bytes, EP_ORDER, 999, SCHEMA_TEXT, "x", 1), "order: a field that doesn't belong here");
	expect_refusal(forge(bytes, EP_ORDER, 25, SCHEMA_LIST, "", 0), "order.lines: an empty list");
	expect_refusal(forge(bytes, EP_ORDER, 25, SCHEMA_LIST, "\0\0\0\0", 4), "order.lines: an item without fields");
	expect_refusal(forge(bytes, EP_ORDER, 17, SCHEMA_SEALED_PERSON, sealed, 38),
		"order: a person's number that is sealed already");
	expect_refusal(forge(bytes, EP_SETTLEMENT, 7, SCHEMA_DATE, "\xe7\x07\x02\x1d", 4),
		"settlement.booking_date: a date that doesn't exist");
	expect_refusal(forge(bytes, EP_SETTLEMENT, 19, SCHEMA_DECIMAL, "\x13\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 17),
		"settlement.exchange_rate: a decimal of more than 38 digits or a scale over 18");
	/* 10^38 */
	expect_refusal(forge(bytes, EP_SETTLEMENT, 19, SCHEMA_DECIMAL,
			       "\0\0\0\0\0\x40\x22\x8a\x09\x7a\xc4\x86\x5a\xa8\x4c\x3b\x4b", 17),
		"settlement.exchange_rate: a decimal of more than 38 digits or a scale over 18");
	expect_refusal(forge(bytes, 99, 1, SCHEMA_TEXT, "x", 1), "record: no such record type");
	expect_refusal(ep_slice_make("", 0), "record: the record's size is out of bounds");
}
END_TEST

START_TEST(the_key_is_required)
{
	static const struct record_origin origins[] = {
		{EP_ORDER_ORDERED_AT & 0xffff, 0, 10, 120, 0, 0}, {EP_ORDER_LINES_SKU & 0xffff, 0, 5, 200, 0, 0}};
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	record_builder_begin(builder, EP_ORDER);
	record_builder_bool(builder, EP_ORDER_TEST, true, say("x"));
	ck_assert_int_eq(record_accept(&policy, finish(), origins, 2, &out, &rejection), EP_BAD_INPUT);
	ck_assert_int_eq(rejection.code, EP_ERR_KEY_MISSING);
	ck_assert_str_eq(rejection.text, "order.order_no is missing");
	ck_assert_str_eq(rejection.path, "order_no");
	ck_assert_uint_eq(rejection.place.offset, 120);
	ck_assert_uint_eq(rejection.place.length, 85);
	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_CARRIER, say("x"));
	ck_assert_int_eq(record_accept(&policy, finish(), NULL, 0, &out, &rejection), EP_BAD_INPUT);
	ck_assert_str_eq(rejection.text, "shipment.shipment_no or waybill_no is missing");
	ck_assert_uint_eq(rejection.place.part, EP_NO_PART);
	buffer_free(&out);
}
END_TEST

START_TEST(the_source_stands_in_for_the_account)
{
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_text(builder, EP_SETTLEMENT_SERVICER_REF, say("R"));
	expect_data(finish(), "{\"account\":\"bank-a\",\"servicer_ref\":\"R\"}");
	record_builder_begin(builder, EP_STATEMENT);
	expect_data(finish(), "{\"account\":\"bank-a\"}");
}
END_TEST

START_TEST(a_place_is_the_origin_s)
{
	struct ep_slice encoded, text;
	const struct record_origin *origins;
	uint32_t count;
	enum ep_error error;
	struct buffer out;
	char *copy, *at;

	buffer_init(&out, RECORD_BYTES_MAX);
	begin_order("1");
	ck_assert_int_eq(record_builder_end(builder, &encoded, &origins, &count, &error, &text), EP_OK);
	copy = malloc(encoded.length);
	memcpy(copy, encoded.data, encoded.length);
	at = memmem(copy, encoded.length, "B-2", 3);
	at[1] = '\377';
	ck_assert_int_eq(record_accept(&policy, ep_slice_make(copy, encoded.length), origins, count, &out, &rejection),
		EP_MISUSE);
	ck_assert_str_eq(rejection.path, "lines[2].sku");
	ck_assert_uint_eq(rejection.place.offset, 140);
	ck_assert_uint_eq(rejection.place.length, 3);
	ck_assert_uint_eq(rejection.place.part, 0);
	free(copy);
	buffer_free(&out);
}
END_TEST

START_TEST(what_deviates_is_noted)
{
	char exact[60 * 4 + 1], longer[61 * 4 + 1];

	for (int i = 0; i < 61; i++) {
		if (i < 60)
			memcpy(exact + 4 * i, "\360\237\223\246", 4);
		memcpy(longer + 4 * i, "\360\237\223\246", 4);
	}
	exact[240] = longer[244] = '\0';
	/* 60 characters of four bytes are 60, not 240. */
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say(exact));
	char *data = accepted_data(finish(), &policy);
	ck_assert_ptr_null(strstr(data, "quality"));
	free(data);
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say(longer));
	data = accepted_data(finish(), &policy);
	ck_assert_ptr_nonnull(strstr(data, longer));
	ck_assert_ptr_nonnull(strstr(data, "\"quality\":[{\"field\":\"order_no\",\"code\":\"too-long\"}]"));
	free(data);

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1"));
	record_builder_money(builder, EP_ORDER_TOTAL, money(1, 0, "QQQ"), say("x"));
	record_builder_money(builder, EP_ORDER_FREIGHT, money(1, 0, "HRK"), say("x"));
	record_builder_text(builder, EP_ORDER_SHIP_TO_COUNTRY, say("de"));
	record_builder_list_begin(builder, EP_ORDER_LINES);
	for (int i = 0; i < 2; i++) {
		record_builder_item_begin(builder);
		record_builder_text(builder, EP_ORDER_LINES_GTIN, say("4006381333932"));
		record_builder_text(builder, EP_ORDER_LINES_ORIGIN, say("XK"));
		record_builder_quantity(builder, EP_ORDER_LINES_QUANTITY, quantity(1, i ? "Stück" : "XCT"), say("x"));
		record_builder_item_end(builder);
	}
	record_builder_list_end(builder);
	record_builder_note(builder, EP_ORDER_ORDERED_AT, EP_NOTE_TIME_ZONE_MISSING);
	record_builder_note(builder, EP_ORDER_TOTAL, EP_NOTE_CURRENCY_ASSUMED);
	data = accepted_data(finish(), &policy);
	ck_assert_str_eq(strstr(data, "\"quality\""),
		"\"quality\":[{\"field\":\"ordered_at\",\"code\":\"time-zone-missing\"},"
		"{\"field\":\"total\",\"code\":\"code-unknown\"},{\"field\":\"total\",\"code\":\"currency-assumed\"},"
		"{\"field\":\"ship_to_country\",\"code\":\"code-unknown\"},{\"field\":\"lines.gtin\",\"code\":\"check-"
		"digit\"},"
		"{\"field\":\"lines.quantity\",\"code\":\"code-unknown\"}]}");
	free(data);
}
END_TEST

START_TEST(check_digits)
{
	ck_assert(gtin_valid(EP_SAY("96385074")));
	ck_assert(gtin_valid(EP_SAY("036000291452")));
	ck_assert(gtin_valid(EP_SAY("4006381333931")));
	ck_assert(gtin_valid(EP_SAY("10012345678902")));
	ck_assert(!gtin_valid(EP_SAY("10012345678901")));
	ck_assert(!gtin_valid(EP_SAY("400638133393")));
	ck_assert(!gtin_valid(EP_SAY("40063813339a1")));
	ck_assert(!gtin_valid(EP_SAY("")));
	ck_assert(iban_valid(EP_SAY("DE89370400440532013000")));
	ck_assert(iban_valid(EP_SAY("gb82 west 1234 5698 7654 32")));
	ck_assert(iban_valid(EP_SAY("NO9386011117947")));
	ck_assert(iban_valid(EP_SAY("MT84MALT011000012345MTLCAST001S")));
	ck_assert(!iban_valid(EP_SAY("DE88370400440532013000")));
	ck_assert(!iban_valid(EP_SAY("NO9386011117948")));
	/* Account numbers that are none, and masked ones. */
	ck_assert(iban_valid(EP_SAY("0532013000")));
	ck_assert(iban_valid(EP_SAY("DE89XXXXXXXXXXXX3000*")));
	ck_assert(iban_valid(EP_SAY("US00123456789012345")));
	ck_assert(iban_valid(EP_SAY("")));
}
END_TEST

START_TEST(persons_are_sealed)
{
	static const char *const same[] = {
		"11010519491231002X", "110105 1949-1231 002x", "\357\274\221\357\274\221010519491231002\357\274\270"};
	char *first = NULL;

	for (int i = 0; i < 3; i++) {
		char *data;

		record_builder_begin(builder, EP_ORDER);
		record_builder_text(builder, EP_ORDER_ORDER_NO, say("1"));
		record_builder_person(builder, EP_ORDER_BUYER_ID, EP_SAY("cn-id"), say(same[i]));
		data = accepted_data(finish(), &policy);
		ck_assert_ptr_nonnull(strstr(data, "\"masked\":\"110*************2X\""));
		ck_assert_ptr_nonnull(strstr(data, "\"hash\":\""));
		if (first)
			ck_assert_str_eq(first, data);
		free(first);
		first = data;
	}
	free(first);
	/* Without a key there is only the mask; without a letter or digit nothing. */
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1"));
	record_builder_person(builder, EP_ORDER_BUYER_ID, EP_SAY("passport"), say("E1234567"));
	first = accepted_data(finish(), &(struct record_policy){0});
	ck_assert_str_eq(first, "{\"order_no\":\"1\",\"buyer_id\":{\"kind\":\"passport\",\"masked\":\"******67\"}}");
	free(first);
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1"));
	record_builder_person(builder, EP_ORDER_BUYER_ID, EP_SAY("cn-id"), say(" -- "));
	expect_data(
		finish(), "{\"order_no\":\"1\",\"quality\":[{\"field\":\"buyer_id\",\"code\":\"value-unreadable\"}]}");
}
END_TEST

START_TEST(it_appends_and_leaves_what_was_there)
{
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	buffer_append_string(&out, "before");
	begin_order("1");
	ck_assert_int_eq(record_accept(&policy, finish(), NULL, 0, &out, &rejection), EP_OK);
	ck_assert_mem_eq(out.data, "before", 6);
	ck_assert(record_check(ep_slice_make(out.data + 6, out.length - 6)));
	buffer_free(&out);
	/* No room: nothing is appended. */
	buffer_init(&out, 100);
	begin_order("1");
	ck_assert_int_eq(record_accept(&policy, finish(), NULL, 0, &out, &rejection), EP_LIMIT);
	ck_assert_uint_eq(out.length, 0);
	buffer_free(&out);
}
END_TEST

START_TEST(notes_that_make_it_too_large_reject)
{
	uint32_t length = RECORD_BYTES_MAX - RECORD_HEAD_BYTES - RECORD_FIELD_HEAD_BYTES;
	char *large = malloc(length + 1);
	struct buffer out;

	buffer_init(&out, 2 * RECORD_BYTES_MAX);
	memset(large, 'x', length);
	large[length] = '\0';
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say(large));
	ck_assert_int_eq(record_accept(&policy, finish(), NULL, 0, &out, &rejection), EP_BAD_INPUT);
	ck_assert_int_eq(rejection.code, EP_ERR_LIMIT);
	ck_assert_uint_eq(out.length, 0);
	free(large);
	buffer_free(&out);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {a_changed_order, a_changed_settlement, a_changed_shipment, many_changes_at_once,
		what_a_worker_can_not_have, the_key_is_required, the_source_stands_in_for_the_account,
		a_place_is_the_origin_s, what_deviates_is_noted, check_digits, persons_are_sealed,
		it_appends_and_leaves_what_was_there, notes_that_make_it_too_large_reject};

	return run_suite("record accept", tests, sizeof(tests) / sizeof(tests[0]));
}
