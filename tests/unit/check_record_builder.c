/* check_record_builder.c: records are built canonically from puts in any order; what is put wrongly is named. */
#include "record_fixture.h"

static struct ep_slice encoded, text;
static const struct record_origin *origins;
static uint32_t origin_count;
static enum ep_error error;

static enum ep_status end(void)
{
	return record_builder_end(builder, &encoded, &origins, &origin_count, &error, &text);
}

static void expect_error(enum ep_status status, enum ep_error code, const char *says)
{
	char *got;

	ck_assert_int_eq(end(), status);
	ck_assert_int_eq(error, code);
	got = strndup(text.data, text.length);
	ck_assert_str_eq(got, says);
	free(got);
	ck_assert(!record_builder_active(builder));
}

static struct record_value find(uint32_t field)
{
	struct record_value value = {0};

	ck_assert(record_find(encoded, field, &value));
	return value;
}

START_TEST(every_type_comes_back)
{
	struct ep_time when = {1795428000, 120000000, -330, 2, 0};
	struct record_value value;
	struct ep_slice rest, item;

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("#1001"));
	record_builder_code(builder, EP_ORDER_STATUS, EP_ORDER_STATUS_PAID, say("paid"));
	record_builder_time(builder, EP_ORDER_ORDERED_AT, when, say("x"));
	record_builder_money(builder, EP_ORDER_TOTAL, money(-12345, 2, "EUR"), say("x"));
	record_builder_person(builder, EP_ORDER_BUYER_ID, EP_SAY("cn-id"), say("11010519491231002X"));
	record_builder_text(builder, EP_ORDER_SHIP_TO_COUNTRY, say("DE"));
	record_builder_bool(builder, EP_ORDER_TEST, true, say("true"));
	record_builder_list_begin(builder, EP_ORDER_LINES);
	record_builder_item_begin(builder);
	record_builder_text(builder, EP_ORDER_LINES_GTIN, say("4006381333931"));
	record_builder_quantity(builder, EP_ORDER_LINES_QUANTITY, quantity(3, "EA"), say("3"));
	record_builder_item_end(builder);
	record_builder_list_end(builder);
	ck_assert_int_eq(end(), EP_OK);
	ck_assert(record_check(encoded));
	ck_assert(ep_slice_is(find(EP_ORDER_ORDER_NO).bytes, "#1001"));
	ck_assert_uint_eq((uint8_t)find(EP_ORDER_STATUS).bytes.data[0], EP_ORDER_STATUS_PAID);
	ck_assert_int_eq(record_time(find(EP_ORDER_ORDERED_AT).bytes).seconds, when.seconds);
	ck_assert_int_eq(record_time(find(EP_ORDER_ORDERED_AT).bytes).nanosecond, 120000000);
	ck_assert_int_eq(record_time(find(EP_ORDER_ORDERED_AT).bytes).offset_minutes, -330);
	ck_assert_int_eq(record_money(find(EP_ORDER_TOTAL).bytes).amount.high, -1);
	ck_assert_int_eq((int64_t)record_money(find(EP_ORDER_TOTAL).bytes).amount.low, -12345);
	ck_assert_str_eq(record_money(find(EP_ORDER_TOTAL).bytes).currency, "EUR");
	ck_assert(ep_slice_is(find(EP_ORDER_BUYER_ID).bytes, "\005cn-id11010519491231002X"));
	ck_assert(ep_slice_is(find(EP_ORDER_SHIP_TO_COUNTRY).bytes, "DE"));
	ck_assert_int_eq(find(EP_ORDER_TEST).bytes.data[0], 1);
	rest = find(EP_ORDER_LINES).bytes;
	ck_assert(record_next_item(&rest, &item));
	ck_assert_uint_eq(rest.length, 0);
	struct record_reader reader = record_read_item(schema_record_find(EP_ORDER), item);
	ck_assert(record_next(&reader, &value));
	ck_assert_str_eq(value.field->path, "lines.gtin");
	ck_assert(record_next(&reader, &value));
	ck_assert_str_eq(value.field->name, "quantity");
	ck_assert_str_eq(record_quantity(value.bytes).unit, "EA");
	ck_assert(!record_next(&reader, &value));

	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_text(builder, EP_SETTLEMENT_ACCOUNT, say("DE89370400440532013000"));
	record_builder_date(builder, EP_SETTLEMENT_BOOKING_DATE, (struct ep_date){2024, 2, 29}, say("x"));
	record_builder_decimal(builder, EP_SETTLEMENT_EXCHANGE_RATE, decimal(1, 18), say("x"));
	record_builder_integer(builder, EP_SETTLEMENT_BATCH_COUNT, INT64_MIN, say("x"));
	ck_assert_int_eq(end(), EP_OK);
	ck_assert(record_check(encoded));
	ck_assert_int_eq(record_date(find(EP_SETTLEMENT_BOOKING_DATE).bytes).day, 29);
	ck_assert_int_eq(record_date(find(EP_SETTLEMENT_BOOKING_DATE).bytes).year, 2024);
	ck_assert_uint_eq(record_decimal(find(EP_SETTLEMENT_EXCHANGE_RATE).bytes).scale, 18);
	ck_assert_int_eq(record_integer(find(EP_SETTLEMENT_BATCH_COUNT).bytes), INT64_MIN);
}
END_TEST

/* The puts of one record, each its own step, so that a test can shuffle them. */
static void step(int number)
{
	switch (number) {
	case 0:
		record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, from("W1", 10));
		break;
	case 1:
		record_builder_text(builder, EP_SHIPMENT_CARRIER, from("DHL", 20));
		break;
	case 2:
		record_builder_integer(builder, EP_SHIPMENT_PIECES, 2, from("2", 30));
		break;
	case 3:
		record_builder_quantity(builder, EP_SHIPMENT_GROSS_WEIGHT, quantity(7, "KGM"), from("7", 40));
		break;
	case 4:
		record_builder_list_begin(builder, EP_SHIPMENT_LINES);
		record_builder_item_begin(builder);
		record_builder_text(builder, EP_SHIPMENT_LINES_NAME, from("ink", 60));
		record_builder_text(builder, EP_SHIPMENT_LINES_SKU, from("S1", 50));
		record_builder_item_end(builder);
		record_builder_item_begin(builder);
		record_builder_item_end(builder);
		record_builder_item_begin(builder);
		record_builder_text(builder, EP_SHIPMENT_LINES_SKU, from("S2", 70));
		record_builder_item_end(builder);
		record_builder_list_end(builder);
		break;
	default:
		record_builder_text(
			builder, EP_SHIPMENT_ORDER_NOS, from(number == 5 ? "O1" : "O2", number == 5 ? 80 : 90));
		break;
	}
}

START_TEST(any_order_gives_the_same_bytes)
{
	char first[1024];
	struct record_origin first_origins[16];
	size_t length = 0;
	uint32_t count = 0;

	srand(7);
	for (int round = 0; round < 500; round++) {
		int order[] = {0, 1, 2, 3, 4, 5, 6};

		for (int i = 6; i > 0 && round; i--) {
			int other = rand() % (i + 1), kept = order[i];

			order[i] = order[other];
			order[other] = kept;
		}
		/* Texts append, so the two order numbers stay in their order. */
		for (int i = 0, texts = 5; i < 7; i++)
			if (order[i] >= 5)
				order[i] = texts++;
		record_builder_begin(builder, EP_SHIPMENT);
		for (int i = 0; i < 7; i++)
			step(order[i]);
		ck_assert_int_eq(end(), EP_OK);
		ck_assert(record_check(encoded));
		if (round == 0) {
			length = encoded.length;
			count = origin_count;
			ck_assert_uint_le(length, sizeof(first));
			ck_assert_uint_eq(count, 9);
			memcpy(first, encoded.data, length);
			memcpy(first_origins, origins, count * sizeof(*origins));
		}
		ck_assert_uint_eq(encoded.length, length);
		ck_assert_mem_eq(encoded.data, first, length);
		ck_assert_uint_eq(origin_count, count);
		ck_assert_mem_eq(origins, first_origins, count * sizeof(*origins));
	}
	/* waybill, carrier, two order numbers, pieces, weight, then the lines: ids ascending. */
	ck_assert_uint_eq(first_origins[0].offset, 10);
	ck_assert_uint_eq(first_origins[2].offset, 80);
	ck_assert_uint_eq(first_origins[3].offset, 90);
	ck_assert_uint_eq(first_origins[3].item, 1);
	ck_assert_uint_eq(first_origins[6].offset, 50);
	ck_assert_uint_eq(first_origins[8].offset, 70);
	ck_assert_uint_eq(first_origins[8].item, 1);
	ck_assert_uint_eq(first_origins[8].length, 2);
}
END_TEST

START_TEST(nothing_is_absent)
{
	struct record_value value;

	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say(""));
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say("W"));
	record_builder_text(builder, EP_SHIPMENT_ORDER_NOS, say(""));
	record_builder_person(builder, EP_ORDER_BUYER_ID, EP_SAY("cn-id"), say(""));
	record_builder_cancel(builder);
	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say(""));
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say("W"));
	record_builder_text(builder, EP_SHIPMENT_ORDER_NOS, say(""));
	record_builder_list_begin(builder, EP_SHIPMENT_LINES);
	record_builder_list_end(builder);
	ck_assert_int_eq(end(), EP_OK);
	ck_assert(!record_find(encoded, EP_SHIPMENT_ORDER_NOS, &value));
	ck_assert(!record_find(encoded, EP_SHIPMENT_LINES, &value));
	ck_assert_uint_eq(encoded.length, RECORD_HEAD_BYTES + RECORD_FIELD_HEAD_BYTES + 1);
}
END_TEST

START_TEST(notes_are_written_once)
{
	struct record_value value;

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1"));
	record_builder_note(builder, EP_ORDER_LINES_SKU, EP_NOTE_VALUE_UNREADABLE);
	record_builder_note(builder, EP_ORDER_ORDERED_AT, EP_NOTE_TIME_ZONE_MISSING);
	record_builder_note(builder, EP_ORDER_LINES_SKU, EP_NOTE_VALUE_UNREADABLE);
	record_builder_note(builder, 0, EP_NOTE_ENVELOPE);
	ck_assert_int_eq(end(), EP_OK);
	ck_assert(record_check(encoded));
	value = find(SCHEMA_QUALITY_FIELD);
	ck_assert_int_eq(value.type, SCHEMA_LIST);
	struct ep_slice rest = value.bytes, item;
	int items = 0;
	while (record_next_item(&rest, &item))
		items++;
	ck_assert_int_eq(items, 3);
	ck_assert_ptr_nonnull(memmem(encoded.data, encoded.length, "lines.sku", 9));
}
END_TEST

START_TEST(mistakes_are_named)
{
	record_builder_begin(builder, EP_ORDER);
	record_builder_list_begin(builder, EP_ORDER_LINES);
	record_builder_item_begin(builder);
	record_builder_text(builder, EP_ORDER_LINES_SKU, say("a"));
	record_builder_text(builder, EP_ORDER_LINES_SKU, say("b"));
	record_builder_text(builder, EP_PAYMENT_METHOD, say("later errors don't replace the first"));
	expect_error(EP_MISUSE, EP_ERR_FIELD_REPEATED, "order.lines.sku given twice");

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_PAYMENT_METHOD, say("x"));
	expect_error(EP_MISUSE, EP_ERR_FIELD_FOREIGN, "payment.method put into order");

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_LINES_SKU, say("x"));
	expect_error(EP_MISUSE, EP_ERR_NESTING, "order.lines.sku put into the record itself");

	record_builder_begin(builder, EP_ORDER);
	record_builder_list_begin(builder, EP_ORDER_LINES);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("x"));
	expect_error(EP_MISUSE, EP_ERR_NESTING, "order.order_no put into list lines outside of an item");

	record_builder_begin(builder, EP_ORDER);
	record_builder_list_begin(builder, EP_ORDER_LINES);
	record_builder_item_begin(builder);
	expect_error(EP_MISUSE, EP_ERR_NESTING, "order was ended with a list or an item open");

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_TOTAL, say("12.00"));
	expect_error(EP_MISUSE, EP_ERR_PLUGIN_FAULT, "order.total is of another type than text");

	record_builder_begin(builder, EP_ORDER);
	record_builder_code(builder, EP_ORDER_STATUS, 7, say("x"));
	expect_error(EP_MISUSE, EP_ERR_PLUGIN_FAULT, "order.status: 7 is none of its 6 codes");

	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_date(builder, EP_SETTLEMENT_VALUE_DATE, (struct ep_date){2023, 2, 29}, say("x"));
	expect_error(EP_MISUSE, EP_ERR_PLUGIN_FAULT, "settlement.value_date: a date that doesn't exist");

	record_builder_begin(builder, 77);
	expect_error(EP_MISUSE, EP_ERR_PLUGIN_FAULT, "there is no record type 77");

	record_builder_begin(builder, EP_ORDER);
	record_builder_begin(builder, EP_PAYMENT);
	expect_error(EP_MISUSE, EP_ERR_NESTING, "a record was begun before order was ended");

	record_builder_item_end(builder);
	record_builder_begin(builder, EP_ORDER);
	expect_error(EP_MISUSE, EP_ERR_NESTING, "an item was ended that was not begun, or with a list open in it");

	expect_error(EP_MISUSE, EP_ERR_NESTING, "a record was ended that was not begun");

	/* After all that, a sound record is sound. */
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1"));
	ck_assert_int_eq(end(), EP_OK);
	ck_assert(record_check(encoded));
}
END_TEST

START_TEST(extreme_decimals)
{
	/* 14 digits before the point and 5 behind it, and the largest of 38. */
	struct ep_decimal wide = {9999999999999999999U, 0, 5, 0};
	struct ep_decimal largest = {0x098a223fffffffffU, 0x4b3b4ca85a86c47a, 0, 0}, beyond;

	beyond = (struct ep_decimal){0x098a224000000000U, 0x4b3b4ca85a86c47a, 0, 0};
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_decimal(builder, EP_SETTLEMENT_EXCHANGE_RATE, wide, say("x"));
	record_builder_decimal(builder, EP_SETTLEMENT_DETAILS_EXCHANGE_RATE, largest, say("x"));
	expect_error(EP_MISUSE, EP_ERR_NESTING, "settlement.details.exchange_rate put into the record itself");
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_decimal(builder, EP_SETTLEMENT_EXCHANGE_RATE, largest, say("x"));
	ck_assert_int_eq(end(), EP_OK);
	ck_assert_int_eq(record_decimal(find(EP_SETTLEMENT_EXCHANGE_RATE).bytes).high, largest.high);
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_decimal(builder, EP_SETTLEMENT_EXCHANGE_RATE, beyond, say("x"));
	expect_error(EP_MISUSE, EP_ERR_PLUGIN_FAULT,
		"settlement.exchange_rate: a decimal has at most 38 digits and a scale of 0 to 18");
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_decimal(builder, EP_SETTLEMENT_EXCHANGE_RATE, decimal(1, 19), say("x"));
	expect_error(EP_MISUSE, EP_ERR_PLUGIN_FAULT,
		"settlement.exchange_rate: a decimal has at most 38 digits and a scale of 0 to 18");
}
END_TEST

START_TEST(a_record_has_a_maximum)
{
	char *large = calloc(1, RECORD_BYTES_MAX);

	memset(large, 'x', RECORD_BYTES_MAX - 1);
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say(large));
	expect_error(EP_LIMIT, EP_ERR_LIMIT, "order.order_no: the record would be larger than 1048576 bytes");
	large[RECORD_BYTES_MAX - RECORD_HEAD_BYTES - RECORD_FIELD_HEAD_BYTES] = '\0';
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say(large));
	ck_assert_int_eq(end(), EP_OK);
	ck_assert_uint_eq(encoded.length, RECORD_BYTES_MAX);
	free(large);
}
END_TEST

/* One call of the builder, sound or not. */
static void any_call(const struct schema_record *record)
{
	const struct schema_field *field = &record->fields[rand() % record->field_count];
	uint32_t id = (uint32_t)record->number << 16 | field->id;
	struct ep_text origin = rand() % 2 ? from("x", (uint64_t)rand()) : say("x");

	switch (rand() % 20 ? field->type : (uint32_t)(rand() % 20)) {
	case SCHEMA_ENUM:
		record_builder_code(builder, id, (uint32_t)rand() % (field->code_count + 1), origin);
		break;
	case SCHEMA_BOOL:
		record_builder_bool(builder, id, rand() % 2, origin);
		break;
	case SCHEMA_INTEGER:
		record_builder_integer(builder, id, rand(), origin);
		break;
	case SCHEMA_DECIMAL:
		record_builder_decimal(builder, id, decimal(rand(), (uint32_t)rand() % 19), origin);
		break;
	case SCHEMA_MONEY:
		record_builder_money(builder, id, money(-rand(), 2, rand() % 2 ? "EUR" : ""), origin);
		break;
	case SCHEMA_QUANTITY:
		record_builder_quantity(builder, id, quantity(rand(), "KGM"), origin);
		break;
	case SCHEMA_DATE:
		record_builder_date(builder, id, (struct ep_date){2026, 2, (uint8_t)(1 + rand() % 28)}, origin);
		break;
	case SCHEMA_TIME:
		record_builder_time(
			builder, id, (struct ep_time){rand(), 123456789, -60, (uint8_t)(rand() % 10), 0}, origin);
		break;
	case SCHEMA_PERSON:
		record_builder_person(builder, id, EP_SAY("cn-id"), origin);
		break;
	case SCHEMA_LIST:
		record_builder_list_begin(builder, id);
		break;
	default:
		record_builder_text(builder, id, rand() % 8 ? origin : say(""));
		break;
	}
}

/* Calls at random, most of them at a place where they may stand: what is called sound is sound, and in one order. */
START_TEST(whatever_is_put_is_sound)
{
	size_t record_types;
	const struct schema_record *records = schema_record_list(&record_types);
	int sound = 0;

	srand(20261123);
	for (int round = 0; round < 60000; round++) {
		const struct schema_record *record = &records[(size_t)rand() % record_types];

		record_builder_begin(builder, record->number);
		for (int calls = rand() % 12; calls > 0; calls--)
			any_call(record);
		if (rand() % 4 == 0)
			record_builder_item_begin(builder);
		if (rand() % 4 == 0)
			record_builder_item_end(builder);
		if (rand() % 4 == 0)
			record_builder_list_end(builder);
		if (rand() % 4 == 0)
			record_builder_note(builder, (uint32_t)record->number << 16 | record->fields[0].id,
				1 + (uint32_t)rand() % 13);
		if (end() != EP_OK)
			continue;
		sound++;
		ck_assert(record_check(encoded));
		for (uint32_t i = 1; i < origin_count; i++)
			ck_assert(origins[i - 1].field <= origins[i].field ||
				  schema_field_find(record, origins[i - 1].field)->parent != 0);
	}
	ck_assert_int_gt(sound, 1000);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {every_type_comes_back, any_order_gives_the_same_bytes, nothing_is_absent,
		notes_are_written_once, mistakes_are_named, extreme_decimals, a_record_has_a_maximum,
		whatever_is_put_is_sound};

	return run_suite("record builder", tests, sizeof(tests) / sizeof(tests[0]));
}
