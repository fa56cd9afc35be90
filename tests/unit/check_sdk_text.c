/*
 * Slices, texts with their origin, CSV, and dates and times as they are put.
 */
#include <check.h>

#include "sdk_host.h"

static struct ep_call call;

START_TEST(slices_are_cut_inside_their_bounds)
{
	struct ep_slice slice = EP_SAY("  a b\t\r\n");

	ck_assert(ep_slice_is(ep_slice_trim(slice), "a b"));
	ck_assert_uint_eq(ep_slice_trim(EP_SAY(" \t ")).length, 0);
	ck_assert_uint_eq(ep_slice_trim(ep_slice_make(NULL, 0)).length, 0);
	ck_assert(ep_slice_is(ep_slice_sub(EP_SAY("abcdef"), 2, 3), "cde"));
	ck_assert(ep_slice_is(ep_slice_sub(EP_SAY("abcdef"), 4, UINT64_MAX), "ef"));
	ck_assert_uint_eq(ep_slice_sub(EP_SAY("abcdef"), UINT64_MAX, 1).length, 0);
	ck_assert_uint_eq(ep_slice_find(EP_SAY("abc"), 'c'), 2);
	ck_assert_uint_eq(ep_slice_find(EP_SAY("abc"), 'x'), 3);
	ck_assert_uint_eq(ep_slice_find(ep_slice_make(NULL, 0), 'x'), 0);
	ck_assert(ep_slice_starts(EP_SAY("abc"), EP_SAY("ab")));
	ck_assert(ep_slice_starts(EP_SAY("abc"), EP_SAY("")));
	ck_assert(!ep_slice_starts(EP_SAY("a"), EP_SAY("ab")));
	ck_assert(ep_slice_equal_nocase(EP_SAY("Content-Type"), EP_SAY("content-TYPE")));
	ck_assert(!ep_slice_equal_nocase(EP_SAY("a["), EP_SAY("a{")));
	ck_assert(!ep_slice_equal_nocase(EP_SAY("\xc3\x84"), EP_SAY("\xc3\xa4")));
	ck_assert(ep_slice_equal(ep_slice_make(NULL, 0), EP_SAY("")));
}
END_TEST

START_TEST(splitting_keeps_an_empty_end)
{
	struct ep_slice rest = EP_SAY("a,,b,");
	struct ep_slice piece;
	const char *want[] = {"a", "", "b", ""};
	size_t count = 0;

	while (ep_slice_split(&rest, ',', &piece)) {
		ck_assert_uint_lt(count, 4);
		ck_assert(ep_slice_equal(piece, ep_slice_of(want[count++])));
	}
	ck_assert_uint_eq(count, 4);
	rest = ep_slice_make(NULL, 0);
	ck_assert(!ep_slice_split(&rest, ',', &piece));
}
END_TEST

START_TEST(integers_have_digits_only)
{
	int64_t value = -7;

	ck_assert(ep_slice_integer(EP_SAY("0042"), &value));
	ck_assert_int_eq(value, 42);
	ck_assert(ep_slice_integer(EP_SAY("9223372036854775807"), &value));
	ck_assert_int_eq(value, INT64_MAX);
	ck_assert(!ep_slice_integer(EP_SAY("9223372036854775808"), &value));
	ck_assert(!ep_slice_integer(EP_SAY("99999999999999999999999"), &value));
	ck_assert(!ep_slice_integer(EP_SAY(""), &value));
	ck_assert(!ep_slice_integer(EP_SAY("-1"), &value));
	ck_assert(!ep_slice_integer(EP_SAY("+1"), &value));
	ck_assert(!ep_slice_integer(EP_SAY(" 1"), &value));
	ck_assert(!ep_slice_integer(EP_SAY("1.0"), &value));
	ck_assert_int_eq(value, INT64_MAX);
}
END_TEST

START_TEST(maps_and_headers_are_looked_up)
{
	struct ep_slice map = EP_SAY("33=available, 17 = on_hand,QH=,=x,bare");
	struct ep_header headers[] = {{EP_SAY("x-topic"), EP_SAY("orders/create")}, {EP_SAY("x-empty"), EP_SAY("")}};
	struct ep_input input = {.size = sizeof(input), .headers = headers, .header_count = 2};

	ck_assert(ep_slice_is(ep_map_find(map, EP_SAY("33")), "available"));
	ck_assert(ep_slice_is(ep_map_find(map, EP_SAY("17")), "on_hand"));
	ck_assert_ptr_nonnull(ep_map_find(map, EP_SAY("QH")).data);
	ck_assert_uint_eq(ep_map_find(map, EP_SAY("QH")).length, 0);
	ck_assert_ptr_null(ep_map_find(map, EP_SAY("3")).data);
	ck_assert_ptr_null(ep_map_find(map, EP_SAY("bare")).data);
	ck_assert_ptr_null(ep_map_find(ep_slice_make(NULL, 0), EP_SAY("a")).data);
	ck_assert(ep_slice_is(ep_header(&input, EP_SAY("x-topic")), "orders/create"));
	ck_assert_ptr_null(ep_header(&input, EP_SAY("x-other")).data);
}
END_TEST

START_TEST(the_origin_follows_the_text)
{
	struct ep_part part = sdk_part("one two\nthr\xc3\xa9\x65 four\r\nfive\rsix", 29);
	struct ep_text line = ep_text_of(&part, ep_slice_sub(part.bytes, 3, 5));
	struct ep_text word = ep_text_trim(line);
	struct ep_text texts[3];
	struct ep_place place;

	part.index = 0;
	ck_assert(ep_slice_is(word.value, "two"));
	ck_assert_uint_eq(word.offset, 4);
	ck_assert_uint_eq(word.length, 3);
	texts[0] = word;
	texts[1] = ep_text_constant(EP_SAY(""));
	texts[2] = ep_text_of(&part, ep_slice_sub(part.bytes, 15, 4));
	word = ep_text_join(sdk_host(), &call, texts, 3, EP_SAY(", "));
	ck_assert(ep_slice_is(word.value, "two, four"));
	ck_assert_uint_eq(word.offset, 4);
	ck_assert_uint_eq(word.length, 15);
	place = ep_place_in(&part, texts[2]);
	ck_assert_uint_eq(place.row, 2);
	ck_assert_uint_eq(place.column, 7); /* e with accent is one character */
	place = ep_place_in(&part, ep_text_of(&part, ep_slice_sub(part.bytes, 26, 3)));
	ck_assert_uint_eq(place.row, 4);
	ck_assert_uint_eq(place.column, 1);
	/* Where the value is shorter than its origin (quotes undone), a cut names the whole. */
	word.value.length = 3;
	word = ep_text_sub(word, 1, 1);
	ck_assert_uint_eq(word.length, 15);
	ck_assert_uint_eq(ep_text_of(&part, EP_SAY("elsewhere")).part, EP_NO_PART);
	ck_assert_uint_eq(ep_place_of(ep_text_constant(EP_SAY("x"))).part, EP_NO_PART);
	call.no_memory = true;
	ck_assert_ptr_null(ep_text_join(sdk_host(), &call, texts, 3, EP_SAY(", ")).value.data);
	sdk_part_free(&part);
	sdk_call_free(&call);
}
END_TEST

/* Rows as "[a][b]" one after another, "/" between rows, "!" behind a failure. */
static const char *csv_as(const char *bytes, size_t length, char separator)
{
	static char text[512];
	struct ep_part part = sdk_part(bytes, length);
	struct ep_csv csv = ep_csv_begin(sdk_host(), &call, &part, separator);
	struct ep_text field;

	text[0] = '\0';
	while (ep_csv_row(&csv)) {
		while (ep_csv_take(&csv, &field)) {
			size_t used = strlen(text);

			snprintf(text + used, sizeof(text) - used, "[%.*s]", (int)field.value.length, field.value.data);
			ck_assert_uint_le(field.offset + field.length, length);
		}
		strncat(text, "/", sizeof(text) - strlen(text) - 1);
	}
	if (csv.status != EP_OK)
		strncat(text, "!", sizeof(text) - strlen(text) - 1);
	sdk_part_free(&part);
	sdk_call_free(&call);
	return text;
}

#define csv(literal, separator) csv_as(literal, sizeof(literal) - 1, separator)

START_TEST(csv_with_the_liberties_of_real_files)
{
	ck_assert_str_eq(csv("a;b\nc;d\n", ';'), "[a][b]/[c][d]/");
	ck_assert_str_eq(csv("a;b\r\nc;d", ';'), "[a][b]/[c][d]/");
	ck_assert_str_eq(csv("a;b\rc;d\r", ';'), "[a][b]/[c][d]/");
	ck_assert_str_eq(csv("\xef\xbb\xbf\"a\";b\n", ';'), "[a][b]/");
	ck_assert_str_eq(csv("\n\r\n\ra\n\n", ';'), "[a]/");
	ck_assert_str_eq(csv(";;\n", ';'), "[][][]/");
	ck_assert_str_eq(csv("a,\n", ','), "[a][]/");
	ck_assert_str_eq(csv(" a , b \n", ','), "[ a ][ b ]/");
	ck_assert_str_eq(csv("\"a,b\",\"c\nd\",\"e\r\nf\"\n", ','), "[a,b][c\nd][e\r\nf]/");
	ck_assert_str_eq(csv("\"say \"\"hi\"\"\",\"\"\"\",\"\"\n", ','), "[say \"hi\"][\"][]/");
	ck_assert_str_eq(csv("5\" disk,x\"\"y\n", ','), "[5\" disk][x\"\"y]/");
	ck_assert_str_eq(csv("\"ab\"cd,e\n", ','), "[abcd][e]/");
	ck_assert_str_eq(csv("\"a\"\"b\"c,e\n", ','), "[a\"bc][e]/");
	ck_assert_str_eq(csv("a\tb\t\t\t\n", '\t'), "[a][b][][][]/");
	ck_assert_str_eq(csv("a,b\n\x1a", ','), "[a][b]/");
	ck_assert_str_eq(csv("", ','), "");
	ck_assert_str_eq(csv("\xef\xbb\xbf", ','), "");
	ck_assert_str_eq(csv("\"\"", ','), "[]/");
	ck_assert_str_eq(csv("a,b\n\"c,d\ne,f\n", ','), "[a][b]/!");
	ck_assert_str_eq(csv("\"", ','), "!");
	ck_assert_str_eq(csv("\"a\"\"", ','), "!");
}
END_TEST

START_TEST(csv_names_its_places)
{
	static const char text[] = "h\n\nx;\"y\"\"z\";\n\"open;";
	struct ep_part part = sdk_part(text, sizeof(text) - 1);
	struct ep_csv rows = ep_csv_begin(sdk_host(), &call, &part, ';');
	struct ep_text field;
	struct ep_place place;

	ck_assert(ep_csv_row(&rows));
	ck_assert(ep_csv_row(&rows));
	place = ep_csv_place(&rows);
	ck_assert_uint_eq(place.row, 3); /* the empty row counts */
	ck_assert_uint_eq(place.column, 0);
	ck_assert_uint_eq(place.offset, 3);
	ck_assert(ep_csv_take(&rows, &field) && ep_csv_take(&rows, &field));
	ck_assert(ep_slice_is(field.value, "y\"z"));
	place = ep_csv_place(&rows);
	ck_assert_uint_eq(place.column, 2);
	ck_assert_uint_eq(place.offset, 5);
	ck_assert_uint_eq(place.length, 6);
	ck_assert(!ep_csv_row(&rows));
	ck_assert_int_eq(rows.status, EP_BAD_INPUT);
	ck_assert_uint_eq(call.failed, EP_ERR_SYNTAX);
	ck_assert_uint_eq(call.place.row, 4);
	ck_assert_uint_eq(call.place.offset, 13);
	ck_assert(!ep_csv_row(&rows));
	sdk_part_free(&part);
	sdk_call_free(&call);
}
END_TEST

START_TEST(csv_without_meaning_in_quotes)
{
	struct ep_part part = sdk_part("\"a;b\nc", 6);
	struct ep_csv rows = ep_csv_begin(sdk_host(), &call, &part, ';');
	struct ep_text field;

	rows.quote = '\0';
	ck_assert(ep_csv_row(&rows) && ep_csv_take(&rows, &field));
	ck_assert(ep_slice_is(field.value, "\"a"));
	sdk_part_free(&part);
}
END_TEST

START_TEST(csv_survives_every_cut)
{
	static const char whole[] = "\xef\xbb\xbf\"a\"\"b\";c\r\n\"d\ne\"f;\"\"\r;;\"x\"";

	for (size_t length = 0; length < sizeof(whole); length++) {
		(void)csv_as(whole, length, ';');
		call.no_memory = true;
		(void)csv_as(whole, length, ';');
	}
}
END_TEST

static const char *put_time(const char *text, bool zoned)
{
	static char output[sizeof(call.output)];

	call.zoned = zoned;
	ep_put_time(sdk_host(), &call, 9, ep_text_constant(ep_slice_of(text)));
	memcpy(output, call.output, sizeof(output));
	sdk_call_free(&call);
	return output;
}

static const char *put_date(const char *text)
{
	static char output[sizeof(call.output)];

	ep_put_date(sdk_host(), &call, 9, ep_text_constant(ep_slice_of(text)));
	memcpy(output, call.output, sizeof(output));
	sdk_call_free(&call);
	return output;
}

START_TEST(times_are_put_or_noted)
{
	ck_assert_str_eq(put_time("2026-11-23T10:00:00+01:00", false), "time 9 2026-11-23T10:00:00+01:00\n");
	ck_assert_str_eq(put_time(" 2026-11-23T10:00:00Z ", false), "time 9 2026-11-23T10:00:00Z\n");
	ck_assert_str_eq(put_time("2026-11-23 10:00:00", true), "time 9 2026-11-23T10:00:00+08:00\n");
	ck_assert_str_eq(put_time("2026-11-23 10:00:00", false), "note 9 4\n");
	ck_assert_str_eq(put_time("2026-11-23", true), "note 9 5\ntime 9 2026-11-23T00:00:00+08:00\n");
	ck_assert_str_eq(put_time("20261123", true), "note 9 5\ntime 9 2026-11-23T00:00:00+08:00\n");
	ck_assert_str_eq(put_time("2026-11-23", false), "note 9 4\n");
	ck_assert_str_eq(put_time("2026-11-23+02:00", false), "note 9 5\ntime 9 2026-11-23T00:00:00+02:00\n");
	ck_assert_str_eq(put_time("2026-02-30", true), "note 9 10\n");
	ck_assert_str_eq(put_time("soon", true), "note 9 12\n");
	ck_assert_str_eq(put_time("", true), "");
	ck_assert_str_eq(put_time("  ", true), "");
}
END_TEST

START_TEST(dates_are_put_as_written)
{
	ck_assert_str_eq(put_date("2026-11-23"), "date 9 2026-11-23\n");
	ck_assert_str_eq(put_date("20261123"), "date 9 2026-11-23\n");
	ck_assert_str_eq(put_date("2026-11-23Z"), "date 9 2026-11-23\n");
	ck_assert_str_eq(put_date("2026-11-23+14:00"), "date 9 2026-11-23\n");
	ck_assert_str_eq(put_date("2026-11-23T23:30:00-11:00"), "date 9 2026-11-23\n");
	ck_assert_str_eq(put_date("2026-11-23T23:30:00"), "date 9 2026-11-23\n");
	ck_assert_str_eq(put_date("2026-02-30"), "note 9 10\n");
	ck_assert_str_eq(put_date("0000-00-00"), "note 9 10\n");
	ck_assert_str_eq(put_date("23.11.2026"), "note 9 12\n");
	ck_assert_str_eq(put_date("2026-11-23T99:99"), "note 9 12\n");
	ck_assert_str_eq(put_date(""), "");
}
END_TEST

/* What was said since the last look. */
static const char *said(void)
{
	static char output[sizeof(call.output)];

	memcpy(output, call.output, sizeof(output));
	sdk_call_free(&call);
	return output;
}

static struct ep_text text(const char *value)
{
	return ep_text_constant(ep_slice_of(value));
}

START_TEST(amounts_are_put_or_rejected)
{
	const struct ep_host *host = sdk_host();

	ep_put_money(host, &call, 1, text("12,50"), EP_DECIMAL_COMMA, EP_SAY("eur"));
	ep_put_money(host, &call, 2, text("-3"), EP_DECIMAL_POINT, EP_SAY(""));
	ep_put_money(host, &call, 3, text("1.5e3"), EP_DECIMAL_JSON, EP_SAY("JPY"));
	ep_put_money(host, &call, 4, text(""), EP_DECIMAL_POINT, EP_SAY("EUR"));
	ck_assert_str_eq(said(), "money 1 12.50 EUR\nmoney 2 -3\nmoney 3 1500 JPY\n");
	ep_put_money(host, &call, 1, text("12.50"), EP_DECIMAL_COMMA, EP_SAY("EUR"));
	ep_put_money(host, &call, 2, text("12.50"), EP_DECIMAL_POINT, EP_SAY("EURO"));
	ck_assert_str_eq(said(), "reject 2 \nreject 2 \n");
	ep_put_money_minor(host, &call, 1, text("1250"), EP_SAY("KWD"));
	ep_put_money_minor(host, &call, 2, text("1250"), EP_SAY(""));
	ep_put_money_minor(host, &call, 3, text("12.50"), EP_SAY("EUR"));
	ck_assert_str_eq(said(), "money 1 1.250 KWD\nreject 2 \nreject 2 \n");
	ep_put_quantity(host, &call, 1, text("5.0"), EP_DECIMAL_POINT, EP_SAY("KGM"));
	ep_put_quantity(host, &call, 2, text("five"), EP_DECIMAL_POINT, EP_SAY("KGM"));
	ep_put_quantity(host, &call, 3, text("5"), EP_DECIMAL_POINT, EP_SAY("sixteen bytes...!"));
	ep_put_decimal(host, &call, 4, text("1.0375"), EP_DECIMAL_POINT);
	ck_assert_str_eq(said(), "quantity 1 5.0 KGM\nreject 2 \nreject 2 \ndecimal 4 1.0375\n");
	ep_put_integer(host, &call, 1, text("42"));
	ep_put_integer(host, &call, 2, text("4.2"));
	ep_put_integer(host, &call, 3, text(""));
	ck_assert_str_eq(said(), "integer 1 42\nnote 2 12\n");
}
END_TEST

/* A document {"a":{"list":["x","y"]}}, by numbers: 1 the root, 2 "a", 3 "list", 4 and 5 its elements. */
static struct ep_json node(uint32_t number, uint32_t kind)
{
	struct ep_json value = {NULL, number, kind};

	return value;
}

static struct ep_json fake_member(struct ep_json object, struct ep_slice name)
{
	if (object.node == 1 && ep_slice_is(name, "a"))
		return node(2, EP_JSON_OBJECT);
	if (object.node == 2 && ep_slice_is(name, "list"))
		return node(3, EP_JSON_ARRAY);
	return node(0, EP_JSON_ABSENT);
}

static struct ep_json fake_first(struct ep_json container)
{
	return container.node == 3 ? node(4, EP_JSON_STRING) : node(0, EP_JSON_ABSENT);
}

static struct ep_json fake_next(struct ep_json value)
{
	return value.node == 4 ? node(5, EP_JSON_STRING) : node(0, EP_JSON_ABSENT);
}

START_TEST(json_paths_are_followed)
{
	struct ep_json_service service = {.member = fake_member, .first = fake_first, .next = fake_next};
	struct ep_host host = *sdk_host();
	struct ep_json root = node(1, EP_JSON_OBJECT);

	host.json = &service;
	ck_assert_uint_eq(ep_json_at(&host, root, "a.list.1").node, 5);
	ck_assert_uint_eq(ep_json_at(&host, root, "a.list.0").node, 4);
	ck_assert_uint_eq(ep_json_at(&host, root, "a.list.2").kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(ep_json_at(&host, root, "a.list.9223372036854775807").kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(ep_json_at(&host, root, "a.b.c.d").kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(ep_json_at(&host, root, "a.list.x").kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(ep_json_at(&host, node(0, EP_JSON_ABSENT), "a").kind, EP_JSON_ABSENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sdk text");
	TCase *tcase = tcase_create("text");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, slices_are_cut_inside_their_bounds);
	tcase_add_test(tcase, splitting_keeps_an_empty_end);
	tcase_add_test(tcase, integers_have_digits_only);
	tcase_add_test(tcase, maps_and_headers_are_looked_up);
	tcase_add_test(tcase, the_origin_follows_the_text);
	tcase_add_test(tcase, csv_with_the_liberties_of_real_files);
	tcase_add_test(tcase, csv_names_its_places);
	tcase_add_test(tcase, csv_without_meaning_in_quotes);
	tcase_add_test(tcase, csv_survives_every_cut);
	tcase_add_test(tcase, times_are_put_or_noted);
	tcase_add_test(tcase, dates_are_put_as_written);
	tcase_add_test(tcase, amounts_are_put_or_rejected);
	tcase_add_test(tcase, json_paths_are_followed);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
