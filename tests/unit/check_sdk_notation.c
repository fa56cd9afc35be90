/*
 * check_sdk_notation.c: words and amounts in a sender's notation, payments and entries, columns by their headers, JSON
 * members by tables.
 */
#include <check.h>

#include "sdk_host.h"

static struct ep_call call;

/* What was put since the last time; fields of the unified format by their numbers in records.h. */
static const char *said(void)
{
	static char output[sizeof(call.output)];

	snprintf(output, sizeof(output), "%s", call.output);
	call.output[0] = '\0';
	return output;
}

static struct ep_text text(const char *value)
{
	return ep_text_constant(ep_slice_of(value));
}

START_TEST(words_are_found_in_any_case)
{
	static const struct ep_word words[] = {{"paid", 2}, {"PENDING", 1}, {NULL, 0}};

	ck_assert_uint_eq(ep_word_code(words, EP_SAY("PAID"), 9), 2);
	ck_assert_uint_eq(ep_word_code(words, EP_SAY("pending"), 9), 1);
	ck_assert_uint_eq(ep_word_code(words, EP_SAY("pai"), 9), 9);
	ck_assert_uint_eq(ep_word_code(words, ep_slice_make(NULL, 0), 9), 9);
	ep_put_payment_status(sdk_host(), &call, words, text("Paid"), 1);
	ck_assert_str_eq(said(), "code 131075 2\ntext 131085 Paid\n");
	ep_put_payment_status(sdk_host(), &call, words, text(""), 1);
	ck_assert_str_eq(said(), "code 131075 1\n");
}
END_TEST

START_TEST(minor_units_have_the_senders_digits)
{
	static const struct ep_word digits[] = {{"ISK", 2}, {"", 3}, {NULL, 0}};
	static const struct ep_notation iso = {.minor = true}, own = {.minor = true, .digits = digits},
					fractions = {.minor = true, .fractions = true};
	const struct ep_host *host = sdk_host();
	struct ep_money money;

	ep_put_money_unsigned(host, &call, 1, text("-1250"), &iso, EP_SAY("kwd"));
	ep_put_money_unsigned(host, &call, 2, text("1250"), &iso, EP_SAY("ISK"));
	ep_put_money_unsigned(host, &call, 3, text("1250"), &own, EP_SAY("isk"));
	ep_put_money_unsigned(host, &call, 4, text("1250"), &own, EP_SAY(""));
	ep_put_money_unsigned(host, &call, 5, text("45.5"), &fractions, EP_SAY("GBP"));
	ep_put_money_unsigned(host, &call, 6, text(""), &iso, EP_SAY("EUR"));
	ck_assert_str_eq(
		said(), "money 1 1.250 KWD\nmoney 2 1250 ISK\nmoney 3 12.50 ISK\nmoney 4 1.250\nmoney 5 0.455 GBP\n");
	ep_put_money_unsigned(host, &call, 1, text("12.5"), &iso, EP_SAY("EUR"));
	ep_put_money_unsigned(host, &call, 2, text("125"), &iso, EP_SAY(""));
	ep_put_money_unsigned(host, &call, 3, text("125"), &iso, EP_SAY("EURO"));
	ep_put_money_unsigned(host, &call, 4, text("0.12345678901234567"), &fractions, EP_SAY("EUR"));
	ck_assert_str_eq(said(), "reject 2 \nreject 2 \nreject 2 \nreject 2 \n");
	ck_assert(ep_money_take(host, &call, &money, text("-5"), &iso, EP_SAY("EUR")));
	ck_assert(ep_money_is_negative(money));
	ck_assert(!ep_money_take(host, &call, &money, text("five"), &iso, EP_SAY("EUR")));
	said();
}
END_TEST

START_TEST(decimals_are_as_declared)
{
	static const struct ep_notation german = {.mark = EP_DECIMAL_COMMA, .group = '.'},
					json = {.mark = EP_DECIMAL_JSON}, plain = {.mark = EP_DECIMAL_POINT};
	const struct ep_host *host = sdk_host();

	ep_put_entry(host, &call, text("-1.234,50"), &german, EP_SAY("EUR"));
	ep_put_entry(host, &call, text("1.5e2"), &json, EP_SAY("JPY"));
	ep_put_entry(host, &call, text("0"), &plain, EP_SAY(""));
	ck_assert_str_eq(said(), "money 262147 1234.50 EUR\ncode 262148 2\nmoney 262147 150 JPY\ncode 262148 1\n"
				 "money 262147 0\ncode 262148 1\n");
	ep_put_entry(host, &call, text("1,234.50"), &german, EP_SAY("EUR"));
	ep_put_entry(host, &call, text("1,5"), &plain, EP_SAY("EUR"));
	ck_assert_str_eq(said(), "reject 2 \nreject 2 \n");
}
END_TEST

START_TEST(unix_times_are_bounded)
{
	ep_put_unix_time(sdk_host(), &call, 1, text("1700000000"));
	ep_put_unix_ms(sdk_host(), &call, 2, text("1700000000123"));
	ep_put_unix_time(sdk_host(), &call, 3, text(""));
	ep_put_unix_time(sdk_host(), &call, 4, text("253402300799"));
	ck_assert_str_eq(
		said(), "time 1 2023-11-14T22:13:20Z\ntime 2 2023-11-14T22:13:20.123Z\ntime 4 9999-12-31T23:59:59Z\n");
	ep_put_unix_time(sdk_host(), &call, 1, text("253402300800"));
	ep_put_unix_time(sdk_host(), &call, 2, text("-1"));
	ep_put_unix_ms(sdk_host(), &call, 3, text("soon"));
	ck_assert_str_eq(said(), "note 1 12\nnote 2 12\nnote 3 12\n");
}
END_TEST

static const struct ep_column table[] = {{"Amount", 1}, {"Betrag", 1}, {"Date", 2}, {"Note", 3}, {NULL, 0}};

START_TEST(columns_are_found_by_their_headers)
{
	static const char file[] = "x, DATE ,Betrag,Amount\n,2026-01-02, 5 ,6,7\n1\n";
	struct ep_part part = sdk_part(file, sizeof(file) - 1);
	struct ep_csv csv = ep_csv_begin(sdk_host(), &call, &part, ',');
	struct ep_columns columns;
	struct ep_text row[4];

	ck_assert(ep_csv_row(&csv));
	ep_columns_read(&columns, &csv, table);
	ck_assert(ep_columns_have(&columns, 1) && ep_columns_have(&columns, 2) && !ep_columns_have(&columns, 3));
	ck_assert(ep_csv_row(&csv));
	ep_columns_take(&columns, &csv, row, 4);
	ck_assert(ep_slice_is(row[1].value, "5") && ep_slice_is(row[2].value, "2026-01-02"));
	ck_assert_uint_eq(row[3].value.length, 0);
	ck_assert(ep_csv_row(&csv));
	ep_columns_take(&columns, &csv, row, 4);
	ck_assert_uint_eq(row[1].value.length + row[2].value.length, 0);
	sdk_part_free(&part);
	sdk_call_free(&call);
}
END_TEST

START_TEST(columns_beyond_the_maximum_are_left_out)
{
	static char file[2 * EP_COLUMNS_MAX + 200];
	struct ep_columns columns;
	struct ep_part part;
	struct ep_csv csv;

	memset(file, ',', EP_COLUMNS_MAX + 10);
	memcpy(file + EP_COLUMNS_MAX + 10, "Amount\n", 7);
	part = sdk_part(file, EP_COLUMNS_MAX + 17);
	csv = ep_csv_begin(sdk_host(), &call, &part, ',');
	ck_assert(ep_csv_row(&csv));
	ep_columns_read(&columns, &csv, table);
	ck_assert_uint_eq(columns.count, EP_COLUMNS_MAX);
	ck_assert(!ep_columns_have(&columns, 1));
	sdk_part_free(&part);
	sdk_call_free(&call);
}
END_TEST

/* An object, by numbers: 1 the root, 2 its member "name", 3 "when", 4 "yes". */
static struct ep_json fake_member(struct ep_json object, struct ep_slice name)
{
	static const char *const names[] = {"name", "when", "yes"};
	struct ep_json member = {NULL, 0, EP_JSON_ABSENT};

	for (uint32_t i = 0; object.node == 1 && i < 3; i++)
		if (ep_slice_equal(name, ep_slice_of(names[i])))
			member = (struct ep_json){NULL, i + 2, i == 2 ? EP_JSON_TRUE : EP_JSON_STRING};
	return member;
}

static struct ep_text fake_text(struct ep_json value)
{
	static const char *const texts[] = {"", "", "Ann", "1700000000", "true"};

	return text(texts[value.node]);
}

START_TEST(members_are_put_by_a_table)
{
	static const struct ep_json_field fields[] = {{1, EP_AS_TEXT, "none|name"}, {2, EP_AS_UNIX, "when"},
		{3, EP_AS_DECIMAL, "when"}, {4, EP_AS_TRUE, "yes"}, {5, EP_AS_TRUE, "name"}, {6, EP_AS_TEXT, "a.b|c"},
		{0, 0, NULL}};
	struct ep_json_service service = {.member = fake_member, .text = fake_text};
	struct ep_host host = *sdk_host();

	host.json = &service;
	ep_json_put(&host, &call, (struct ep_json){NULL, 1, EP_JSON_OBJECT}, fields);
	ck_assert_str_eq(said(), "text 1 Ann\ntime 2 2023-11-14T22:13:20Z\ndecimal 3 1700000000\nbool 4 true\n");
}
END_TEST

START_TEST(json_begins_with_a_bracket)
{
	static const struct {
		const char *text;
		bool likely;
	} cases[] = {{"{}", true}, {" \r\n[", true}, {"\xef\xbb\xbf{", true}, {"id=tr_1", false}, {"", false},
		{"\"x\"", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ep_part part = sdk_part(cases[i].text, strlen(cases[i].text));

		ck_assert_msg(ep_json_likely(&part) == cases[i].likely, "%s", cases[i].text);
		sdk_part_free(&part);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sdk notation");
	TCase *tcase = tcase_create("notation");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, words_are_found_in_any_case);
	tcase_add_test(tcase, minor_units_have_the_senders_digits);
	tcase_add_test(tcase, decimals_are_as_declared);
	tcase_add_test(tcase, unix_times_are_bounded);
	tcase_add_test(tcase, columns_are_found_by_their_headers);
	tcase_add_test(tcase, columns_beyond_the_maximum_are_left_out);
	tcase_add_test(tcase, members_are_put_by_a_table);
	tcase_add_test(tcase, json_begins_with_a_bracket);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
