/* check_record_keys.c: business keys, those of settlements above all. */
#include "record_fixture.h"

#define MESSAGE_MAX 8

static struct buffer records[MESSAGE_MAX];
static int record_count;

/* Keeps the record that was begun as the next of the message. */
static void keep(void)
{
	struct ep_slice encoded = finish();

	buffer_init(&records[record_count], RECORD_BYTES_MAX);
	ck_assert_int_eq(buffer_append_slice(&records[record_count], encoded), EP_OK);
	record_count++;
}

/* The keys of the message as "part|part|..." each, by lines; the message is gone then. */
static char *keys_of_message(void)
{
	struct record_keys *keys = record_keys_create(EP_SAY("bank-a"));
	struct buffer key, text;

	buffer_init(&key, 65536);
	buffer_init(&text, 65536);
	for (int i = 0; i < record_count; i++)
		ck_assert_int_eq(record_keys_see(keys, buffer_slice(&records[i])), EP_OK);
	for (int i = 0; i < record_count; i++) {
		struct ep_slice rest;

		buffer_clear(&key);
		ck_assert_int_eq(record_keys_make(keys, buffer_slice(&records[i]), &key), EP_OK);
		rest = buffer_slice(&key);
		while (rest.length) {
			uint16_t length;

			memcpy(&length, rest.data, 2);
			if (rest.data != key.data)
				buffer_append_byte(&text, '|');
			buffer_append(&text, rest.data + 2, length);
			rest = ep_slice_make(rest.data + 2 + length, rest.length - 2 - length);
		}
		buffer_append_byte(&text, '\n');
		buffer_free(&records[i]);
	}
	buffer_append_byte(&text, '\0');
	buffer_free(&key);
	record_keys_destroy(keys);
	record_count = 0;
	return text.data;
}

static void expect_keys(const char *want)
{
	char *got = keys_of_message();

	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(keys_of_the_contract)
{
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("#1"));
	keep();
	record_builder_begin(builder, EP_PAYMENT);
	record_builder_text(builder, EP_PAYMENT_PAYMENT_ID, say("ch_1"));
	record_builder_code(builder, EP_PAYMENT_KIND, EP_PAYMENT_KIND_REFUND, say("x"));
	keep();
	record_builder_begin(builder, EP_STATEMENT);
	record_builder_text(builder, EP_STATEMENT_STATEMENT_ID, say("S"));
	record_builder_date(builder, EP_STATEMENT_TO_DATE, (struct ep_date){2026, 1, 2}, say("x"));
	keep();
	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say("W"));
	record_builder_text(builder, EP_SHIPMENT_CARRIER, say("DHL"));
	keep();
	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say("W"));
	record_builder_text(builder, EP_SHIPMENT_SHIPMENT_NO, say("N"));
	keep();
	record_builder_begin(builder, EP_TRACKING_EVENT);
	record_builder_text(builder, EP_TRACKING_EVENT_WAYBILL_NO, say("W"));
	record_builder_time(
		builder, EP_TRACKING_EVENT_OCCURRED_AT, (struct ep_time){1795428000, 0, -90, 0, 0}, say("x"));
	keep();
	record_builder_begin(builder, EP_INVENTORY_POSITION);
	record_builder_text(builder, EP_INVENTORY_POSITION_SKU, say("A"));
	record_builder_text(builder, EP_INVENTORY_POSITION_LOT, say("L"));
	keep();
	expect_keys("#1\nch_1|refund\nbank-a|S|||2026-01-02\nW|DHL\nN|\nW|||2026-11-23T08:30:00-01:30|\nA|||L\n");
}
END_TEST

static void entry(
	int64_t amount, uint32_t scale, const char *servicer_ref, const char *end_to_end_id, const char *remittance)
{
	begin_settlement("ACC", amount, scale);
	record_builder_text(builder, EP_SETTLEMENT_SERVICER_REF, say(servicer_ref));
	record_builder_text(builder, EP_SETTLEMENT_END_TO_END_ID, say(end_to_end_id));
	record_builder_text(builder, EP_SETTLEMENT_REMITTANCE, say(remittance));
	keep();
}

START_TEST(a_servicer_s_reference_is_the_key_where_unique)
{
	entry(100, 2, "R1", "", "");
	entry(100, 2, "R2", "", "");
	entry(100, 2, "R2", "", "");
	entry(100, 2, "NONREF", "", "");
	begin_settlement("OTHER", 100, 2);
	record_builder_text(builder, EP_SETTLEMENT_SERVICER_REF, say("R1"));
	keep();
	expect_keys("ACC|R1\n"
		    "ACC|2026-11-23|EUR|1|credit|b9b4b5cc362878cb|1\n"
		    "ACC|2026-11-23|EUR|1|credit|b9b4b5cc362878cb|2\n"
		    "ACC|2026-11-23|EUR|1|credit||1\n"
		    "OTHER|R1\n");
}
END_TEST

START_TEST(references_are_normalized)
{
	/* The same entry, told in four ways; then one that isn't it. */
	entry(1050, 2, "", "E2E-1", "one text");
	entry(105, 1, "notprovided", "e2e 1", "another");
	begin_settlement("ACC", 10500, 3);
	record_builder_list_begin(builder, EP_SETTLEMENT_DETAILS);
	record_builder_item_begin(builder);
	record_builder_text(builder, EP_SETTLEMENT_DETAILS_END_TO_END_ID, say("E2E1"));
	record_builder_text(builder, EP_SETTLEMENT_DETAILS_TRANSACTION_ID, say("NOTPROVIDED"));
	record_builder_item_end(builder);
	record_builder_list_end(builder);
	keep();
	entry(1050, 2, "", "E2E-2", "");
	expect_keys("ACC|2026-11-23|EUR|10.5|credit|e05485e6a8fa8fdf|1\n"
		    "ACC|2026-11-23|EUR|10.5|credit|e05485e6a8fa8fdf|2\n"
		    "ACC|2026-11-23|EUR|10.5|credit|e05485e6a8fa8fdf|3\n"
		    "ACC|2026-11-23|EUR|10.5|credit|e663ecd80601e49f|1\n");
	/* Without references the remittance tells entries apart. */
	entry(700, 0, "", "", "Invoice 12");
	entry(700, 0, "", "", "INVOICE-12");
	entry(700, 0, "", "", "Invoice 13");
	expect_keys("ACC|2026-11-23|EUR|700|credit|8f1f63359b1de013|1\n"
		    "ACC|2026-11-23|EUR|700|credit|8f1f63359b1de013|2\n"
		    "ACC|2026-11-23|EUR|700|credit|d43a73bac3b0d8ce|1\n");
	/* References are a set: neither their order nor how often they are told matters. */
	entry(1, 0, "X", "A", "");
	entry(1, 0, "X", "B", "");
	begin_settlement("ACC", 1, 0);
	record_builder_text(builder, EP_SETTLEMENT_SERVICER_REF, say("X"));
	record_builder_text(builder, EP_SETTLEMENT_END_TO_END_ID, say("B"));
	record_builder_text(builder, EP_SETTLEMENT_TRANSACTION_ID, say("b"));
	keep();
	expect_keys("ACC|2026-11-23|EUR|1|credit|bcdb1b728c362962|1\n"
		    "ACC|2026-11-23|EUR|1|credit|790c62c3709b7a90|1\n"
		    "ACC|2026-11-23|EUR|1|credit|790c62c3709b7a90|2\n");
}
END_TEST

START_TEST(absent_parts_are_empty)
{
	record_builder_begin(builder, EP_SETTLEMENT);
	record_builder_date(builder, EP_SETTLEMENT_VALUE_DATE, (struct ep_date){2026, 11, 24}, say("x"));
	keep();
	expect_keys("bank-a|2026-11-24|||||1\n");
}
END_TEST

START_TEST(a_long_part_is_its_beginning_and_its_hash)
{
	char text[601], want[512];

	memset(text, 'x', 600);
	text[600] = '\0';
	/* A character of two bytes lies across the cut: it stays out. */
	memcpy(text + 399, "\303\244", 2);
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say(text));
	keep();
	memset(want, 'x', 399);
	memcpy(want + 399, "~426ddaab8cc72f11100e789bc5aedff54e4e75e82aeeec4ab1e2965616c4cfc9\n", 67);
	expect_keys(want);
}
END_TEST

START_TEST(many_entries)
{
	struct record_keys *keys = record_keys_create(EP_SAY("bank-a"));
	struct buffer key;
	char reference[16];
	struct ep_slice encoded;

	buffer_init(&key, 4096);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < 50000; i++) {
			snprintf(reference, sizeof(reference), "R%d", i % 40000);
			begin_settlement("ACC", 1, 0);
			record_builder_text(builder, EP_SETTLEMENT_SERVICER_REF, say(reference));
			encoded = finish();
			if (pass == 0) {
				ck_assert_int_eq(record_keys_see(keys, encoded), EP_OK);
				continue;
			}
			buffer_clear(&key);
			ck_assert_int_eq(record_keys_make(keys, encoded, &key), EP_OK);
			/* R0 to R9999 came twice. */
			ck_assert_int_eq(key.length > 30, i < 10000 || i >= 40000);
		}
	buffer_free(&key);
	record_keys_destroy(keys);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {keys_of_the_contract, a_servicer_s_reference_is_the_key_where_unique,
		references_are_normalized, absent_parts_are_empty, a_long_part_is_its_beginning_and_its_hash,
		many_entries};

	return run_suite("record keys", tests, sizeof(tests) / sizeof(tests[0]));
}
