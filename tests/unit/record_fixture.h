/* record_fixture.h: values and records for the tests of core/record. */
#ifndef RECORD_FIXTURE_H
#define RECORD_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/accept.h"
#include "record/encode.h"

static struct record_builder *builder;

static inline struct ep_text say(const char *string)
{
	return (struct ep_text){ep_slice_of(string), 0, 0, EP_NO_PART, EP_UTF8};
}

static inline struct ep_text from(const char *string, uint64_t offset)
{
	return (struct ep_text){ep_slice_of(string), offset, strlen(string), 0, EP_UTF8};
}

static inline struct ep_decimal decimal(int64_t units, uint32_t scale)
{
	return (struct ep_decimal){(uint64_t)units, units < 0 ? -1 : 0, scale, 0};
}

static inline struct ep_money money(int64_t units, uint32_t scale, const char *currency)
{
	struct ep_money value = {.amount = decimal(units, scale)};

	memcpy(value.currency, currency, strlen(currency));
	return value;
}

static inline struct ep_quantity quantity(int64_t units, const char *unit)
{
	struct ep_quantity value = {.quantity = decimal(units, 0)};

	memcpy(value.unit, unit, strlen(unit));
	return value;
}

static inline void setup(void)
{
	builder = record_builder_create(RECORD_BYTES_MAX);
	ck_assert_ptr_nonnull(builder);
}

static inline void teardown(void)
{
	record_builder_destroy(builder);
}

/* The record that was begun; valid until the next one is. */
static inline struct ep_slice finish(void)
{
	const struct record_origin *origins;
	struct ep_slice encoded, text;
	uint32_t origin_count;
	enum ep_error error;

	ck_assert_int_eq(record_builder_end(builder, &encoded, &origins, &origin_count, &error, &text), EP_OK);
	ck_assert(record_check(encoded));
	return encoded;
}

/* An order that has a field of nearly every type, two lines, a note. */
static inline void begin_order(const char *order_no)
{
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, from(order_no, 10));
	record_builder_code(builder, EP_ORDER_STATUS, EP_ORDER_STATUS_PAID, from("paid", 20));
	record_builder_time(
		builder, EP_ORDER_ORDERED_AT, (struct ep_time){1795428000, 120000000, 480, 2, 0}, from("t", 30));
	record_builder_time(builder, EP_ORDER_UPDATED_AT, (struct ep_time){1795428060, 0, 0, 0, 0}, from("t", 40));
	record_builder_money(builder, EP_ORDER_TOTAL, money(12345, 2, "EUR"), from("123.45", 50));
	record_builder_person(builder, EP_ORDER_BUYER_ID, EP_SAY("cn-id"), from("11010519491231002x", 60));
	record_builder_text(builder, EP_ORDER_CONSIGNEE_NAME, from("M\303\274ller \"& Co\"\n\177", 70));
	record_builder_text(builder, EP_ORDER_SHIP_TO_COUNTRY, from("DE", 80));
	record_builder_bool(builder, EP_ORDER_TEST, false, from("false", 90));
	record_builder_list_begin(builder, EP_ORDER_LINES);
	record_builder_item_begin(builder);
	record_builder_text(builder, EP_ORDER_LINES_SKU, from("A-1", 100));
	record_builder_text(builder, EP_ORDER_LINES_GTIN, from("4006381333931", 110));
	record_builder_quantity(builder, EP_ORDER_LINES_QUANTITY, quantity(2, "EA"), from("2", 120));
	record_builder_money(builder, EP_ORDER_LINES_UNIT_PRICE, money(-5, 3, ""), from("-0.005", 130));
	record_builder_item_end(builder);
	record_builder_item_begin(builder);
	record_builder_text(builder, EP_ORDER_LINES_SKU, from("B-2", 140));
	record_builder_quantity(builder, EP_ORDER_LINES_QUANTITY, quantity(1, ""), from("1", 150));
	record_builder_item_end(builder);
	record_builder_list_end(builder);
	record_builder_note(builder, EP_ORDER_LINES_QUANTITY, EP_NOTE_UNIT_ASSUMED);
}

/* An entry of an account, without any of its references. */
static inline void begin_settlement(const char *account, int64_t amount, uint32_t scale)
{
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_text(builder, EP_SETTLEMENT_ACCOUNT, say(account));
	record_builder_money(builder, EP_SETTLEMENT_AMOUNT, money(amount, scale, "EUR"), say("x"));
	record_builder_code(builder, EP_SETTLEMENT_DIRECTION, EP_DIRECTION_CREDIT, say("x"));
	record_builder_date(builder, EP_SETTLEMENT_BOOKING_DATE, (struct ep_date){2026, 11, 23}, say("x"));
}

/* A record with texts, an integer, a date and a decimal. */
static inline void begin_mixed_settlement(void)
{
	begin_settlement("DE89370400440532013000", 100, 2);
	record_builder_decimal(
		builder, EP_SETTLEMENT_EXCHANGE_RATE, (struct ep_decimal){9999999999999999999U, 0, 5, 0}, say("x"));
	record_builder_integer(builder, EP_SETTLEMENT_BATCH_COUNT, -3, say("x"));
	record_builder_list_begin(builder, EP_SETTLEMENT_DETAILS);
	record_builder_item_begin(builder);
	record_builder_text(builder, EP_SETTLEMENT_DETAILS_REMITTANCE, say("\345\217\221\347\245\250"));
	record_builder_item_end(builder);
	record_builder_list_end(builder);
}

static inline int run_suite(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
