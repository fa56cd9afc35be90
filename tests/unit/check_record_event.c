/* check_record_event.c: the bytes of events, the values of ids, hashes and versions, the schema's JSON. */
#include "record_fixture.h"

#include "base/text.h"
#include "record/event.h"

static const struct record_policy policy = {.person_key = {"secret", 6}};

/* As text, ended by a NUL. */
static const char *text_of(struct buffer *buffer)
{
	buffer_append_byte(buffer, '\0');
	ck_assert_int_eq(buffer->failed, EP_OK);
	return buffer->data;
}

static void accept_record(struct ep_slice encoded, struct buffer *out)
{
	struct record_rejection rejection;

	ck_assert_int_eq(record_accept(&policy, encoded, NULL, 0, out, &rejection), EP_OK);
}

static const char order_data[] =
	"{\"order_no\":\"#1001/\303\244\",\"status\":\"paid\",\"ordered_at\":\"2026-11-23T18:00:00.12+08:00\","
	"\"updated_at\":\"2026-11-23T10:01:00Z\",\"total\":{\"amount\":\"123.45\",\"currency\":\"EUR\"},"
	"\"buyer_id\":{\"kind\":\"cn-id\",\"hash\":"
	"\"ca26805e7e8130e5d0c287b010c77e78fdf49041013dfd52cbb64cc170a07146\","
	"\"masked\":\"110*************2X\"},\"consignee_name\":\"M\303\274ller \\\"& Co\\\"\\n\\u007f\","
	"\"ship_to_country\":\"DE\",\"test\":false,\"lines\":[{\"sku\":\"A-1\",\"gtin\":\"4006381333931\","
	"\"quantity\":{\"quantity\":\"2\",\"unit\":\"EA\"},\"unit_price\":{\"amount\":\"-0.005\"}},"
	"{\"sku\":\"B-2\",\"quantity\":{\"quantity\":\"1\"}}],"
	"\"quality\":[{\"field\":\"lines.quantity\",\"code\":\"unit-assumed\"}]}";

START_TEST(an_order_in_all_its_bytes)
{
	struct record_keys *keys = record_keys_create(EP_SAY("shop"));
	struct event event = {
		.source = EP_SAY("shop"), .message = EP_SAY("0123456789abcdef0123456789abcdef"), .revision = 2};
	struct buffer accepted, key, out, expected;
	char version[40];

	buffer_init(&accepted, RECORD_BYTES_MAX);
	buffer_init(&key, 65536);
	buffer_init(&out, RECORD_BYTES_MAX);
	buffer_init(&expected, RECORD_BYTES_MAX);
	begin_order("#1001/\303\244");
	accept_record(finish(), &accepted);
	event.record = buffer_slice(&accepted);
	ck_assert_int_eq(record_keys_see(keys, event.record), EP_OK);
	ck_assert_int_eq(record_keys_make(keys, event.record, &key), EP_OK);
	event.key = buffer_slice(&key);
	event.version = record_version(event.record, version);
	record_id(event.source, record_read(event.record).record, event.key, event.version, 0, event.id);
	ck_assert_int_eq(event_write(&event, &out), EP_OK);
	buffer_append_string(&expected, "{\"specversion\":\"1.0\",\"id\":\"460355c861faa26febfe5d06f862a522\","
					"\"source\":\"urn:entrepot:source:shop\","
					"\"type\":\"entrepot.order.v1\",\"subject\":\"%231001%2F%C3%A4\",\"time\":"
					"\"2026-11-23T18:00:00.12+08:00\","
					"\"datacontenttype\":\"application/"
					"json\",\"dataschema\":\"urn:entrepot:schema:order:v1\",\"revision\":2,"
					"\"version\":\"2026-11-23T10:01:00Z\",\"entrepotmessage\":"
					"\"0123456789abcdef0123456789abcdef\",\"data\":");
	buffer_append_string(&expected, order_data);
	buffer_append_byte(&expected, '}');
	ck_assert_str_eq(text_of(&out), text_of(&expected));
	buffer_free(&accepted);
	buffer_free(&key);
	buffer_free(&out);
	buffer_free(&expected);
	record_keys_destroy(keys);
}
END_TEST

START_TEST(the_other_types)
{
	struct buffer accepted, out;

	buffer_init(&accepted, RECORD_BYTES_MAX);
	buffer_init(&out, RECORD_BYTES_MAX);
	begin_mixed_settlement();
	accept_record(finish(), &accepted);
	ck_assert_int_eq(event_write_data(buffer_slice(&accepted), &out), EP_OK);
	ck_assert_str_eq(text_of(&out),
		"{\"account\":\"DE89370400440532013000\",\"amount\":{\"amount\":\"1.00\",\"currency\":"
		"\"EUR\"},\"direction\":\"credit\",\"booking_date\":\"2026-11-23\",\"exchange_rate\":"
		"\"99999999999999.99999\",\"batch_count\":-3,\"details\":[{\"remittance\":"
		"\"\345\217\221\347\245\250\"}]}");
	buffer_clear(&accepted);
	buffer_clear(&out);
	record_builder_begin(builder, EP_SHIPMENT);
	record_builder_text(builder, EP_SHIPMENT_WAYBILL_NO, say("W"));
	record_builder_text(builder, EP_SHIPMENT_ORDER_NOS, say("1"));
	record_builder_text(builder, EP_SHIPMENT_ORDER_NOS, say("2\\"));
	record_builder_integer(builder, EP_SHIPMENT_PIECES, INT64_MIN, say("x"));
	accept_record(finish(), &accepted);
	ck_assert_int_eq(event_write_data(buffer_slice(&accepted), &out), EP_OK);
	ck_assert_str_eq(text_of(&out),
		"{\"waybill_no\":\"W\",\"order_nos\":[\"1\",\"2\\\\\"],\"pieces\":-9223372036854775808}");
	buffer_free(&accepted);
	buffer_free(&out);
}
END_TEST

START_TEST(extreme_decimals_are_written_whole)
{
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	begin_settlement("1", 0, 18);
	record_builder_decimal(builder, EP_SETTLEMENT_EXCHANGE_RATE,
		(struct ep_decimal){~UINT64_C(0x098a223fffffffff) + 1, ~INT64_C(0x4b3b4ca85a86c47a), 18, 0}, say("x"));
	ck_assert_int_eq(event_write_data(finish(), &out), EP_OK);
	ck_assert_ptr_nonnull(strstr(text_of(&out), "\"exchange_rate\":\"-99999999999999999999.999999999999999999\""));
	ck_assert_ptr_nonnull(strstr(out.data, "{\"amount\":\"0.000000000000000000\",\"currency\":\"EUR\"}"));
	buffer_free(&out);
}
END_TEST

START_TEST(a_number_in_clear_never_leaves)
{
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	begin_order("1");
	ck_assert_int_eq(event_write_data(finish(), &out), EP_OK);
	ck_assert_ptr_null(strstr(text_of(&out), "buyer_id"));
	ck_assert_ptr_null(strstr(out.data, "19491231"));
	buffer_free(&out);
}
END_TEST

START_TEST(every_byte_below_space_is_escaped)
{
	char text[40], want[8];
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	for (int byte = 1; byte < 128; byte++)
		for (int at = 0; at < 20; at++) {
			const char *shown = byte == '"'    ? "\\\""
					    : byte == '\\' ? "\\\\"
					    : byte == '\n' ? "\\n"
					    : byte == '\r' ? "\\r"
					    : byte == '\t' ? "\\t"
					    : byte == '\b' ? "\\b"
					    : byte == '\f' ? "\\f"
							   : want;

			memset(text, 'x', 20);
			text[20] = '\0';
			text[at] = (char)byte;
			buffer_clear(&out);
			record_builder_begin(builder, EP_ORDER);
			record_builder_text(builder, EP_ORDER_ORDER_NO, say(text));
			ck_assert_int_eq(event_write_data(finish(), &out), EP_OK);
			snprintf(want, sizeof(want), byte < 32 || byte == 127 ? "\\u%04x" : "%c", (unsigned)byte);
			ck_assert_uint_eq(strlen(text_of(&out)), 15 + 19 + strlen(shown));
			ck_assert_mem_eq(out.data + 13 + at, shown, strlen(shown));
		}
	buffer_free(&out);
}
END_TEST

START_TEST(a_full_buffer_is_said)
{
	struct event event = {.source = EP_SAY("s"), .revision = 1};
	struct buffer out;
	size_t length;

	begin_order("1");
	event.record = finish();
	buffer_init(&out, RECORD_BYTES_MAX);
	ck_assert_int_eq(event_write(&event, &out), EP_OK);
	length = out.length;
	buffer_free(&out);
	for (size_t max = 0; max < length; max++) {
		buffer_init(&out, max);
		ck_assert_int_eq(event_write(&event, &out), EP_LIMIT);
		ck_assert_uint_le(out.length, max);
		buffer_free(&out);
	}
}
END_TEST

START_TEST(the_content_hash_leaves_quality_out)
{
	uint8_t plain[32], noted[32];
	struct ep_slice encoded;

	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1001"));
	encoded = finish();
	record_content_hash(encoded, plain);
	record_builder_begin(builder, EP_ORDER);
	record_builder_text(builder, EP_ORDER_ORDER_NO, say("1001"));
	record_builder_note(builder, EP_ORDER_ORDERED_AT, EP_NOTE_TIME_ZONE_MISSING);
	record_content_hash(finish(), noted);
	ck_assert_mem_eq(plain, noted, 32);
	/* printf '\1\0\0\0\14\0\0\0\1\0\1\0\4\0\0\0001001' | sha256sum */
	char digits[65];
	hex_write(plain, 32, digits);
	ck_assert_str_eq(digits, "7a5f46f096f69168f946a76325424b4db259609159e0c96f7b79a4bc4c97b2d2");
}
END_TEST

START_TEST(ids_are_those_of_the_design)
{
	static const char key[] = "\4\0001001";
	const struct schema_record *order = schema_record_find(EP_ORDER);
	char digits[33], large[6000];
	uint8_t id[16];

	record_id(EP_SAY("shop"), order, ep_slice_make(key, 6), EP_SAY("2026-11-23T10:01:00Z"), 0, id);
	hex_write(id, 16, digits);
	ck_assert_str_eq(digits, "56e534ab0f57827a279d48f6b9d9212f");
	record_id(EP_SAY("shop"), order, ep_slice_make(key, 6), EP_SAY(""), 3, id);
	hex_write(id, 16, digits);
	ck_assert_str_eq(digits, "26b74970e3b7ffaeaebcded24b199f31");
	memset(large, 'k', sizeof(large));
	record_id(EP_SAY("shop"), order, ep_slice_make(large, sizeof(large)), EP_SAY("v"), 0, id);
	hex_write(id, 16, digits);
	ck_assert_str_eq(digits, "0ed225660fa4bb20489e11c05473d5cc");
}
END_TEST

START_TEST(a_schema_for_each_record)
{
	size_t count;
	const struct schema_record *records = schema_record_list(&count);
	struct buffer out;

	buffer_init(&out, RECORD_BYTES_MAX);
	for (size_t i = 0; i < count; i++) {
		buffer_clear(&out);
		ck_assert_int_eq(event_write_schema(&records[i], &out), EP_OK);
		ck_assert_ptr_nonnull(
			strstr(text_of(&out), "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\""));
	}
	buffer_clear(&out);
	ck_assert_int_eq(event_write_schema(schema_record_find(EP_SHIPMENT), &out), EP_OK);
	ck_assert_ptr_nonnull(
		strstr(text_of(&out), "\"anyOf\":[{\"required\":[\"shipment_no\"]},{\"required\":[\"waybill_no\"]}]"));
	buffer_clear(&out);
	ck_assert_int_eq(event_write_schema(schema_record_find(EP_ORDER), &out), EP_OK);
	ck_assert_ptr_nonnull(strstr(text_of(&out), "\"required\":[\"order_no\"]"));
	ck_assert_ptr_nonnull(
		strstr(out.data, "\"enum\":[\"placed\",\"paid\",\"shipped\",\"done\",\"cancelled\",\"refunded\"]"));
	buffer_free(&out);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {an_order_in_all_its_bytes, the_other_types, extreme_decimals_are_written_whole,
		a_number_in_clear_never_leaves, every_byte_below_space_is_escaped, a_full_buffer_is_said,
		the_content_hash_leaves_quality_out, ids_are_those_of_the_design, a_schema_for_each_record};

	return run_suite("record event", tests, sizeof(tests) / sizeof(tests[0]));
}
