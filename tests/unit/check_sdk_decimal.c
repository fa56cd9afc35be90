/*
 * Decimals, money, quantities: what real senders write, the bounds, and every input that must be refused.
 */
#include <check.h>
#include <stdlib.h>

#include <entrepot/plugin.h>

/* What reading gives, as text: the value, or the status. */
static const char *read_as(const char *text, enum ep_decimal_mark mark, char group)
{
	static char written[48];
	struct ep_decimal decimal;
	enum ep_status status;

	status = group ? ep_decimal_read_grouped(&decimal, ep_slice_of(text), mark, group)
		       : ep_decimal_read(&decimal, ep_slice_of(text), mark);
	if (status == EP_LIMIT)
		return "limit";
	if (status != EP_OK)
		return "bad";
	ck_assert_uint_eq(ep_decimal_write(decimal, written), strlen(written));
	return written;
}

static const char *json_as(const char *text)
{
	static char written[48];
	struct ep_decimal decimal;
	enum ep_status status = ep_decimal_read_json(&decimal, ep_slice_of(text));

	if (status == EP_LIMIT)
		return "limit";
	if (status != EP_OK)
		return "bad";
	ep_decimal_write(decimal, written);
	return written;
}

static struct ep_decimal value(const char *text)
{
	struct ep_decimal decimal;

	ck_assert_int_eq(ep_decimal_read(&decimal, ep_slice_of(text), EP_DECIMAL_POINT), EP_OK);
	return decimal;
}

START_TEST(reads_what_is_declared)
{
	static const struct {
		const char *text, *point, *comma;
	} cases[] = {{"0", "0", "0"}, {"12", "12", "12"}, {"-12", "-12", "-12"}, {"+12", "12", "12"},
		{"12.50", "12.50", "bad"}, {"12,50", "bad", "12.50"}, {"300,", "bad", "300"}, {"300.", "300", "bad"},
		{",5", "bad", "0.5"}, {".5", "0.5", "bad"}, {"-,05", "bad", "-0.05"}, {"-0.00", "0.00", "bad"},
		{"00000006000", "6000", "6000"}, {"0.000000000000000001", "0.000000000000000001", "bad"},
		{"0.0000000000000000001", "limit", "bad"}, {"1,234.56", "bad", "bad"}, {"", "bad", "bad"},
		{"-", "bad", "bad"}, {".", "bad", "bad"}, {",", "bad", "bad"}, {"1 000", "bad", "bad"},
		{" 1", "bad", "bad"}, {"1 ", "bad", "bad"}, {"--1", "bad", "bad"}, {"1-", "bad", "bad"},
		{"1.2.3", "bad", "bad"}, {"1e3", "bad", "bad"}, {"0x10", "bad", "bad"}, {"NaN", "bad", "bad"},
		{"Infinity", "bad", "bad"}, {"\xd9\xa1", "bad", "bad"}, {"1'000", "bad", "bad"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_msg(strcmp(read_as(cases[i].text, EP_DECIMAL_POINT, 0), cases[i].point) == 0,
			"'%s' with point: %s", cases[i].text, read_as(cases[i].text, EP_DECIMAL_POINT, 0));
		ck_assert_msg(strcmp(read_as(cases[i].text, EP_DECIMAL_COMMA, 0), cases[i].comma) == 0,
			"'%s' with comma: %s", cases[i].text, read_as(cases[i].text, EP_DECIMAL_COMMA, 0));
	}
}
END_TEST

START_TEST(holds_38_digits_and_no_more)
{
	static const char most[] = "99999999999999999999999999999999999999";
	char text[400];

	ck_assert_str_eq(read_as(most, EP_DECIMAL_POINT, 0), most);
	ck_assert_str_eq(read_as("-99999999999999999999.999999999999999999", EP_DECIMAL_POINT, 0),
		"-99999999999999999999.999999999999999999");
	ck_assert_str_eq(read_as("999999999999999999999999999999999999990", EP_DECIMAL_POINT, 0), "limit");
	ck_assert_str_eq(read_as("340282366920938463463374607431768211456", EP_DECIMAL_POINT, 0), "limit");
	memset(text, '0', sizeof(text));
	memcpy(text + 300, "7", 2);
	ck_assert_str_eq(read_as(text, EP_DECIMAL_POINT, 0), "7"); /* leading zeros are no digits */
	memset(text, '9', 399);
	text[399] = '\0';
	ck_assert_str_eq(read_as(text, EP_DECIMAL_POINT, 0), "limit");
	memset(text, '0', 399);
	text[1] = '.';
	ck_assert_str_eq(read_as(text, EP_DECIMAL_POINT, 0), "limit");
	text[20] = '\0';
	ck_assert_str_eq(read_as(text, EP_DECIMAL_POINT, 0), "0.000000000000000000");
}
END_TEST

START_TEST(groups_are_declared_too)
{
	ck_assert_str_eq(read_as("1,234,567.89", EP_DECIMAL_POINT, ','), "1234567.89");
	ck_assert_str_eq(read_as("1.234.567,89", EP_DECIMAL_COMMA, '.'), "1234567.89");
	ck_assert_str_eq(read_as("12,34,567", EP_DECIMAL_POINT, ','), "1234567"); /* lakh, crore */
	ck_assert_str_eq(read_as("1,2345,6789", EP_DECIMAL_POINT, ','), "123456789");
	ck_assert_str_eq(read_as("1'000.00", EP_DECIMAL_POINT, '\''), "1000.00");
	ck_assert_str_eq(read_as("1 000,5", EP_DECIMAL_COMMA, ' '), "1000.5");
	ck_assert_str_eq(read_as("-1,234", EP_DECIMAL_POINT, ','), "-1234");
	/* A comma that was meant as decimal mark isn't taken for a group. */
	ck_assert_str_eq(read_as("1.234,56", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as("1,23", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as("12,5", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as(",123", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as("123,", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as("-,123", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as("1,,234", EP_DECIMAL_POINT, ','), "bad");
	ck_assert_str_eq(read_as("1,234.5,678", EP_DECIMAL_POINT, ','), "bad");
}
END_TEST

START_TEST(either_mark_is_read_where_a_format_allows_both)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"12,50", "12.50"}, {"12.50", "12.50"}, {"-1,234", "-1.234"}, {"1.234,56", "1234.56"},
		{"1,234.56", "1234.56"}, {"1.234.567", "1234567"}, {"1,234,567", "1234567"},
		{"1,234,567.8", "1234567.8"}, {"300,", "300"}, {",5", "0.5"}, {"12", "12"}, {"", "bad"}, {",", "bad"},
		{"1,2.3,4", "bad"}, {"1.2.3", "bad"}, {"1,23.4.5", "bad"}, {"12 50", "bad"}};
	struct ep_decimal decimal;
	char written[48];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum ep_status status = ep_decimal_read_either(&decimal, ep_slice_of(cases[i].text));

		if (status == EP_OK)
			ep_decimal_write(decimal, written);
		ck_assert_msg(strcmp(status == EP_OK ? written : "bad", cases[i].want) == 0, "%s", cases[i].text);
	}
}
END_TEST

START_TEST(json_numbers_keep_their_scale)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"0", "0"}, {"-0", "0"}, {"12.50", "12.50"}, {"1e3", "1000"}, {"1E+3", "1000"}, {"1.25e1", "12.5"},
		{"1.25e2", "125"}, {"125e-2", "1.25"}, {"1e-18", "0.000000000000000001"}, {"1e-19", "limit"},
		{"10e-19", "0.000000000000000001"}, {"1e37", "10000000000000000000000000000000000000"},
		{"1e38", "limit"}, {"0e999999999999", "0"}, {"1e999999999999", "limit"},
		{"0e-99999999999", "0.000000000000000000"}, {"1e-99999999999", "limit"}, {"01", "bad"}, {"-01", "bad"},
		{"+1", "bad"}, {"1.", "bad"}, {".5", "bad"}, {"1e", "bad"}, {"1e+", "bad"}, {"1e1.5", "bad"},
		{"", "bad"}, {"-", "bad"}, {"null", "bad"}, {"\"1\"", "bad"}, {"9007199254740993", "9007199254740993"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(json_as(cases[i].text), cases[i].want) == 0, "'%s': %s", cases[i].text,
			json_as(cases[i].text));
}
END_TEST

START_TEST(sums_are_exact_or_refused)
{
	struct ep_decimal most = value("99999999999999999999999999999999999999");
	struct ep_decimal result;
	char text[48];

	ck_assert_int_eq(ep_decimal_add(&result, value("0.1"), value("0.20")), EP_OK);
	ep_decimal_write(result, text);
	ck_assert_str_eq(text, "0.30");
	ck_assert_int_eq(ep_decimal_subtract(&result, value("1"), value("1.005")), EP_OK);
	ep_decimal_write(result, text);
	ck_assert_str_eq(text, "-0.005");
	ck_assert_int_eq(ep_decimal_add(&result, most, value("1")), EP_LIMIT);
	ck_assert_int_eq(ep_decimal_add(&result, most, value("0.1")), EP_LIMIT);
	ck_assert_int_eq(ep_decimal_subtract(&result, ep_decimal_negate(most), value("1")), EP_LIMIT);
	ck_assert_int_eq(ep_decimal_subtract(&result, most, most), EP_OK);
	ck_assert(ep_decimal_is_zero(result));
	ck_assert_int_eq(ep_decimal_multiply(&result, value("12.50"), value("-3")), EP_OK);
	ep_decimal_write(result, text);
	ck_assert_str_eq(text, "-37.50");
	/* The scale is cut only where zeros allow it. */
	ck_assert_int_eq(ep_decimal_multiply(&result, value("0.5000000000"), value("0.2000000000")), EP_OK);
	ck_assert_int_eq(ep_decimal_compare(result, value("0.1")), 0);
	ck_assert_int_eq(ep_decimal_multiply(&result, value("0.0000000001"), value("0.0000000001")), EP_LIMIT);
	ck_assert_int_eq(ep_decimal_multiply(&result, most, value("2")), EP_LIMIT);
	ck_assert_int_eq(ep_decimal_multiply(&result, most, value("0.10")), EP_OK);
}
END_TEST

START_TEST(compares_by_value)
{
	struct ep_decimal most = value("99999999999999999999999999999999999999");

	ck_assert_int_eq(ep_decimal_compare(value("1.0"), value("1.00")), 0);
	ck_assert_int_lt(ep_decimal_compare(value("-1.01"), value("-1")), 0);
	ck_assert_int_lt(ep_decimal_compare(value("-0.5"), value("0.5")), 0);
	ck_assert_int_gt(ep_decimal_compare(value("0.000000000000000001"), value("0")), 0);
	ck_assert_int_gt(ep_decimal_compare(most, value("99999999999999999999.999999999999999999")), 0);
	ck_assert_int_lt(ep_decimal_compare(ep_decimal_negate(most), most), 0);
	ck_assert(ep_decimal_is_negative(value("-0.01")));
	ck_assert(!ep_decimal_is_negative(value("-0.00")));
	ck_assert_int_eq(ep_decimal_compare(ep_decimal_abs(value("-7.1")), value("7.1")), 0);
}
END_TEST

START_TEST(writes_any_bits_inside_its_bound)
{
	struct ep_decimal decimal;
	char text[48];

	for (uint32_t scale = 0; scale < 70; scale++) {
		memset(&decimal, 0, sizeof(decimal));
		decimal.high = INT64_MIN;
		decimal.scale = scale;
		ck_assert_uint_lt(ep_decimal_write(decimal, text), 44);
		ck_assert(ep_decimal_abs(decimal).scale == scale);
		(void)ep_decimal_compare(decimal, value("1"));
		ck_assert_int_eq(ep_decimal_add(&decimal, decimal, decimal), EP_LIMIT);
	}
	ck_assert_uint_eq(ep_decimal_write(ep_decimal_make(5, 2), text), 4);
	ck_assert_str_eq(text, "0.05");
	ck_assert_uint_eq(ep_decimal_write(ep_decimal_make(-5, 0), text), 2);
	ck_assert_str_eq(text, "-5");
	ck_assert_uint_eq(ep_decimal_write(ep_decimal_make((ep_int128)1 << 64, 18), text), 21);
	ck_assert_str_eq(text, "18.446744073709551616");
	ck_assert_uint_eq(ep_decimal_write(ep_decimal_make((ep_int128)1 << 100, 18), text), 32);
	ck_assert_str_eq(text, "1267650600228.229401496703205376");
}
END_TEST

START_TEST(minor_units_follow_iso_4217)
{
	static const struct {
		const char *amount, *currency, *want;
	} cases[] = {{"12345", "EUR", "123.45"}, {"12345", "JPY", "12345"}, {"12345", "kwd", "12.345"},
		{"12345", "CLF", "1.2345"}, {"-5", "USD", "-0.05"}, {"0", "USD", "0.00"}, {"12345", "XAU", "12345"},
		{"12345", "QQQ", "123.45"}};
	static const char zero[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
	struct ep_money money;
	char text[48];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(
			ep_money_read_minor(&money, ep_slice_of(cases[i].amount), ep_slice_of(cases[i].currency)),
			EP_OK);
		ep_decimal_write(money.amount, text);
		ck_assert_str_eq(text, cases[i].want);
	}
	for (size_t i = 0; i + 3 <= sizeof(zero) - 1; i += 4)
		ck_assert_uint_eq(ep_currency_digits(ep_slice_make(zero + i, 3)), 0);
	for (size_t i = 0; i + 3 <= sizeof(three) - 1; i += 4)
		ck_assert_uint_eq(ep_currency_digits(ep_slice_make(three + i, 3)), 3);
	ck_assert_int_eq(ep_money_read_minor(&money, EP_SAY("1.5"), EP_SAY("EUR")), EP_BAD_INPUT);
	ck_assert_int_eq(ep_money_read_minor(&money, EP_SAY("15."), EP_SAY("EUR")), EP_BAD_INPUT);
	ck_assert_int_eq(ep_money_read_minor(&money, EP_SAY(""), EP_SAY("EUR")), EP_BAD_INPUT);
	ck_assert_int_eq(ep_money_read_minor(&money, EP_SAY("15"), EP_SAY("")), EP_BAD_INPUT);
}
END_TEST

START_TEST(currencies_and_units_are_bounded)
{
	struct ep_money money;
	struct ep_quantity quantity;

	ck_assert_int_eq(ep_money_read(&money, EP_SAY("1.50"), EP_DECIMAL_POINT, EP_SAY("eur")), EP_OK);
	ck_assert_str_eq(money.currency, "EUR");
	ck_assert_int_eq(ep_money_read(&money, EP_SAY("1.50"), EP_DECIMAL_POINT, ep_slice_make(NULL, 0)), EP_OK);
	ck_assert_str_eq(money.currency, "");
	ck_assert_int_eq(ep_money_read(&money, EP_SAY("1.50"), EP_DECIMAL_POINT, EP_SAY("EURO")), EP_BAD_INPUT);
	ck_assert_int_eq(ep_money_read(&money, EP_SAY("1.50"), EP_DECIMAL_POINT, EP_SAY("E1R")), EP_BAD_INPUT);
	ck_assert_int_eq(ep_currency_set(&money, EP_SAY("")), EP_BAD_INPUT);
	ck_assert(ep_money_is_negative(ep_money_negate(money)));
	ck_assert(!ep_money_is_negative(ep_money_abs(ep_money_negate(money))));

	ck_assert_int_eq(ep_quantity_read(&quantity, EP_SAY("1998.61"), EP_DECIMAL_POINT, EP_SAY("FT")), EP_OK);
	ck_assert_str_eq(quantity.unit, "FT");
	ck_assert_int_eq(ep_quantity_read(&quantity, EP_SAY("-1"), EP_DECIMAL_POINT, EP_SAY("")), EP_OK);
	ck_assert_str_eq(quantity.unit, "");
	ck_assert_int_eq(ep_quantity_read(&quantity, EP_SAY("1"), EP_DECIMAL_POINT, EP_SAY("123456789012345")), EP_OK);
	ck_assert_int_eq(
		ep_quantity_read(&quantity, EP_SAY("1"), EP_DECIMAL_POINT, EP_SAY("1234567890123456")), EP_LIMIT);
}
END_TEST

START_TEST(what_is_written_reads_back)
{
	uint64_t state = 88172645463325252u;
	struct ep_decimal decimal, again;
	char text[48];

	for (int i = 0; i < 20000; i++) {
		ep_int128 units;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		units = (ep_int128)(int64_t)state * (int64_t)(state >> (state % 60));
		units %= (ep_int128)1000000000000000000 * 1000000000000000000;
		decimal = ep_decimal_make(units, (uint32_t)(state % 19));
		ep_decimal_write(decimal, text);
		ck_assert_int_eq(ep_decimal_read(&again, ep_slice_of(text), EP_DECIMAL_POINT), EP_OK);
		ck_assert_mem_eq(&again, &decimal, sizeof(decimal));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sdk decimal");
	TCase *tcase = tcase_create("decimal");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, reads_what_is_declared);
	tcase_add_test(tcase, holds_38_digits_and_no_more);
	tcase_add_test(tcase, groups_are_declared_too);
	tcase_add_test(tcase, either_mark_is_read_where_a_format_allows_both);
	tcase_add_test(tcase, json_numbers_keep_their_scale);
	tcase_add_test(tcase, sums_are_exact_or_refused);
	tcase_add_test(tcase, compares_by_value);
	tcase_add_test(tcase, writes_any_bits_inside_its_bound);
	tcase_add_test(tcase, minor_units_follow_iso_4217);
	tcase_add_test(tcase, currencies_and_units_are_bounded);
	tcase_add_test(tcase, what_is_written_reads_back);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
