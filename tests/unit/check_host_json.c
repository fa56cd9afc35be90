/*
 * check_host_json.c: the JSON service: what it accepts and refuses (RFC 8259), where it says an error is, that nothing a
 * sender can write makes it read outside of the message, and that values, names and origins come out as written.
 */
#include "call_test.h"

#include "worker/json_tree.h"

static struct call_test test;

static void setup(void)
{
	call_test_start(&test);
}

static void teardown(void)
{
	call_test_stop(&test);
}

/* Walks every value, so that each accessor meets whatever was accepted. Returns the number of values. */
static uint64_t visit(const struct ep_host *host, struct ep_json value)
{
	uint64_t count = 1, sum = 0;
	struct ep_text text = host->json->text(value);

	for (uint64_t i = 0; i < text.value.length; i++)
		sum += (unsigned char)text.value.data[i];
	ck_assert_uint_le(sum, text.value.length * 255);
	for (struct ep_json at = host->json->first(value); at.kind; at = host->json->next(at)) {
		struct ep_text name = host->json->name(at);

		if (value.kind == EP_JSON_OBJECT)
			ck_assert_uint_ne(host->json->member(value, name.value).kind, EP_JSON_ABSENT);
		count += visit(host, at);
	}
	return count;
}

static enum ep_status parse_any(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_json root;
	enum ep_status status = host->json->open(call, &input->parts[0], 0, NULL, &root);

	(void)state;
	if (status == EP_OK)
		visit(host, root);
	return status;
}

static enum ep_status run(const char *text)
{
	return call_test_run(&test, parse_any, NULL, text, strlen(text));
}

START_TEST(sound_documents_are_accepted)
{
	static const char *const sound[] = {"0", "-0", "1", "-1.5e+10", "1E5", "1e-0", "0.0", "0e1", "\"\"", "\"a\"",
		"null", "true", "false", "[]", "{}", "[[]]", "[1,2,3]", "{\"a\":1}", "{\"\":0}", " \t\r\n[ ] \n",
		"{\"a\":{\"b\":[{}]}}", "\"\\u00e9\\n\\\\\\\"\\/\\b\\f\\r\\t\"", "\"\\ud83d\\ude00\"",
		"\"\xf0\x9f\x98\x80\"", "[\"\x7f\"]", "123456789012345678901234567890123456789012345678901234567890",
		"1e999999", "\xef\xbb\xbf[1]", "[1,\n2]", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "[\"\xe2\x80\xa8\"]",
		"\"\\uDBFF\\uDFFF\"", "[\"\\\\\"]"};

	for (size_t i = 0; i < sizeof(sound) / sizeof(sound[0]); i++)
		ck_assert_msg(run(sound[i]) == EP_OK, "refused: %s: %s", sound[i], test.text);
}
END_TEST

START_TEST(unsound_documents_are_refused)
{
	static const char *const unsound[] = {"[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1]",
		"[1}", "01", "-", "-01", "1.", ".1", "1.e1", "1e", "1e+", "+1", "0x10", "1_000", "NaN", "Infinity",
		"-Infinity", "tru", "truex", "nul", "nulll", "fals", "True", "'a'", "\"", "\"a", "\"\\\"", "\"\\x\"",
		"\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\ud800x\"",
		"\"\x01\"", "\"\t\"", "\"\n\"", "[\"a\",\n\"\x1f\"]", "1 2", "[] []", "{} x", "[1]]", "\"a\" \"b\"",
		"[\"\xff\"]", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "[1]\xff",
		"\xef\xbb\xbf\xef\xbb\xbf[1]", "[1\x0c]", "\xff\xfe[\0", "[\"a\"x]", "[\"a\"\"b\"]", "[1\"a\"]",
		"[true\"a\"]", "{\"a\":1:2}", "[:]", "[/**/1]", "// a\n1", "[1,\xa0 2]", "\"a\\\"", "[\"\\\"]",
		"{\"a\\\":1}", "-\"a\"", "[--1]", "[1-2]", "[1+]", "{\"a\":tru}", "{,}", "{\"a\":1,,}"};

	for (size_t i = 0; i < sizeof(unsound) / sizeof(unsound[0]); i++) {
		ck_assert_msg(run(unsound[i]) == EP_BAD_INPUT, "accepted: %s", unsound[i]);
		ck_assert_uint_ne(test.failure.code, 0);
		ck_assert_uint_gt(test.failure.text.length, 0);
		ck_assert_msg(test.failure.place.offset <= strlen(unsound[i]), "%s", unsound[i]);
	}
}
END_TEST

START_TEST(nothing_is_empty)
{
	ck_assert_int_eq(run(""), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_EMPTY);
	ck_assert_int_eq(run(" \n\t "), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_EMPTY);
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, "\xef\xbb\xbf", 3), EP_BAD_INPUT);
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, "[1]\0", 4), EP_BAD_INPUT);
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, "\0", 1), EP_BAD_INPUT);
}
END_TEST

static void expect_place(
	const char *text, enum ep_error code, uint64_t offset, uint64_t row, uint32_t column, const char *path)
{
	ck_assert_int_eq(run(text), EP_BAD_INPUT);
	ck_assert_msg(test.failure.code == code, "%s: code %d: %s", text, (int)test.failure.code, test.text);
	ck_assert_msg(test.failure.place.offset == offset, "%s: offset %llu: %s", text,
		(unsigned long long)test.failure.place.offset, test.text);
	ck_assert_uint_eq(test.failure.place.row, row);
	ck_assert_uint_eq(test.failure.place.column, column);
	ck_assert_str_eq(test.path, path);
}

START_TEST(errors_say_where)
{
	expect_place("{\"a\": [1, 2, x]}", EP_ERR_SYNTAX, 13, 1, 14, "/a/2");
	expect_place("{\"a\": 1,\n \"b/c\": {\"d~\": 01}}", EP_ERR_SYNTAX, 26, 2, 18, "/b~1c/d~0");
	expect_place("[1, 2", EP_ERR_TRUNCATED, 5, 1, 6, "/1");
	expect_place("{\"a\": \"\\q\"}", EP_ERR_SYNTAX, 7, 1, 8, "/a");
	expect_place("{\"a\": 1, b: 2}", EP_ERR_SYNTAX, 9, 1, 10, "");
	expect_place("[\"a\", \"\xff\"]", EP_ERR_CHARSET, 7, 1, 8, "");
	expect_place("[\"a\", \"b\nc\"]", EP_ERR_SYNTAX, 8, 1, 9, "");
	expect_place("[\"a\", \"bc]", EP_ERR_TRUNCATED, 6, 1, 7, "");
	expect_place("[1] x", EP_ERR_SYNTAX, 4, 1, 5, "");
	expect_place("[{\"n\": 12.}]", EP_ERR_SYNTAX, 10, 1, 11, "/0/n");
	expect_place("[tru", EP_ERR_TRUNCATED, 4, 1, 5, "/0");
}
END_TEST

static const char order[] =
	"{\"id\": 5, \"name\": \"#1001\", \"total\": 12.50, \"test\": false, \"note\": null, \"items\": "
	"[{\"sku\": \"A-1\", \"t\": \"caf\\u00e9 \\ud83d\\ude00 \\\"x\\\"\"}, {\"sku\": \"\xe4\xb8\xad\"}], "
	"\"deep\": {\"a\": {\"b\": [1e3, -0.0]}}, \"\\u0069d2\": \"escaped\", \"dup\": 1, \"dup\": 2}";

START_TEST(every_truncation_is_refused)
{
	for (size_t length = 0; length < sizeof(order) - 1; length++)
		ck_assert_msg(
			call_test_run(&test, parse_any, NULL, order, length) == EP_BAD_INPUT, "length %zu", length);
	ck_assert_int_eq(run(order), EP_OK);
}
END_TEST

START_TEST(any_flipped_byte_is_survived)
{
	static const char others[] =
		"01234567\\\"{}[]:,<>&;-.eE u0\xc3\x80\xff\n"; /* the first 8 stand for a flipped bit */
	char bytes[sizeof(order)];

	for (size_t i = 0; i < sizeof(order) - 1; i++)
		for (size_t j = 0; j < sizeof(others); j++) {
			enum ep_status status;

			memcpy(bytes, order, sizeof(order));
			bytes[i] = (char)(j < 8 ? bytes[i] ^ (1 << j) : others[j]);
			status = call_test_run(&test, parse_any, NULL, bytes, sizeof(order) - 1);
			ck_assert(status == EP_OK || status == EP_BAD_INPUT);
			if (status != EP_OK)
				ck_assert_uint_le(test.failure.place.offset, sizeof(order) - 1);
		}
}
END_TEST

static struct ep_json at(const struct ep_host *host, struct ep_json value, const char *name)
{
	return host->json->member(value, ep_slice_of(name));
}

static bool text_is(const struct ep_host *host, struct ep_json value, const char *expected)
{
	return ep_slice_equal(host->json->text(value).value, ep_slice_of(expected));
}

static enum ep_status parse_order(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_json_service *json = host->json;
	const char *bytes = input->parts[0].bytes.data;
	struct ep_json root, item, absent;
	struct ep_text text;
	struct ep_place place;

	(void)state;
	ck_assert_int_eq(json->open(call, &input->parts[0], 0, NULL, &root), EP_OK);
	ck_assert_uint_eq(root.kind, EP_JSON_OBJECT);
	ck_assert(text_is(host, at(host, root, "id"), "5"));
	ck_assert(text_is(host, at(host, root, "total"), "12.50"));
	ck_assert(text_is(host, at(host, root, "test"), "false"));
	ck_assert_uint_eq(at(host, root, "test").kind, EP_JSON_FALSE);
	ck_assert_uint_eq(at(host, root, "note").kind, EP_JSON_NULL);
	ck_assert_uint_eq(json->text(at(host, root, "note")).value.length, 0);
	ck_assert(text_is(host, at(host, root, "dup"), "1"));       /* of one name, the first */
	ck_assert(text_is(host, at(host, root, "id2"), "escaped")); /* a name written with an escape */
	text = json->name(at(host, root, "id2"));
	ck_assert(ep_slice_is(text.value, "id2"));
	ck_assert_mem_eq(bytes + text.offset, "\\u0069d2", 8);
	ck_assert_uint_eq(text.length, 8);
	item = json->first(at(host, root, "items"));
	text = json->text(at(host, item, "t"));
	ck_assert(ep_slice_is(text.value, "caf\xc3\xa9 \xf0\x9f\x98\x80 \"x\""));
	ck_assert_mem_eq(bytes + text.offset, "caf\\u00e9", 9);
	ck_assert_int_eq(bytes[text.offset + text.length], '"');
	item = json->next(item);
	text = json->text(at(host, item, "sku"));
	ck_assert(ep_slice_is(text.value, "\xe4\xb8\xad"));
	ck_assert_ptr_eq(text.value.data, bytes + text.offset);
	place = json->place(at(host, item, "sku"));
	ck_assert(ep_slice_is(place.path, "/items/1/sku"));
	ck_assert_uint_eq(place.length, 3);
	place = json->place(json->next(json->first(at(host, at(host, at(host, root, "deep"), "a"), "b"))));
	ck_assert(ep_slice_is(place.path, "/deep/a/b/1"));
	ck_assert(ep_slice_is(json->place(root).path, ""));
	ck_assert_uint_eq(json->next(item).kind, EP_JSON_ABSENT);
	absent = at(host, at(host, root, "nothing"), "here");
	ck_assert_uint_eq(absent.kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(json->first(absent).kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(json->next(absent).kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(json->text(absent).value.length, 0);
	ck_assert_uint_eq(json->name(absent).value.length, 0);
	ck_assert_uint_eq(json->place(absent).part, EP_NO_PART);
	ck_assert_uint_eq(at(host, at(host, root, "items"), "sku").kind, EP_JSON_ABSENT);
	ck_assert_uint_eq(json->first(at(host, root, "id")).kind, EP_JSON_ABSENT);
	return EP_OK;
}

START_TEST(values_names_and_origins_are_as_written)
{
	ck_assert_int_eq(call_test_run(&test, parse_order, NULL, order, sizeof(order) - 1), EP_OK);
}
END_TEST

static char *repeat(const char *piece, size_t times, const char *end, size_t *length)
{
	size_t size = strlen(piece);
	char *text = malloc(size * times + strlen(end) + 1);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * size, piece, size);
	memcpy(text + size * times, end, strlen(end) + 1);
	*length = size * times + strlen(end);
	return text;
}

START_TEST(depth_is_bounded)
{
	static const char *const opening[] = {"[", "{\"a\":", "[{\"a\":"};
	size_t length;
	char *text;

	for (size_t i = 0; i < 3; i++) {
		text = repeat(opening[i], 100000, "", &length);
		ck_assert_int_eq(call_test_run(&test, parse_any, NULL, text, length), EP_BAD_INPUT);
		ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
		free(text);
	}
	text = repeat("[", JSON_DEPTH_MAX, "", &length);
	text = realloc(text, length * 2 + 3);
	memset(text + length, ']', length);
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, text, length * 2), EP_OK);
	memmove(text + 1, text, length * 2);
	text[length * 2 + 1] = ']';
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, text, length * 2 + 2), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
	free(text);
}
END_TEST

static enum ep_status parse_long(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	uint64_t expected = *(const uint64_t *)state;
	struct ep_json root, second;

	ck_assert_int_eq(host->json->open(call, &input->parts[0], 0, NULL, &root), EP_OK);
	ck_assert_uint_eq(host->json->text(host->json->first(root)).value.length, expected);
	second = host->json->next(host->json->first(root));
	ck_assert_uint_eq(host->json->name(second).value.length, expected);
	ck_assert_uint_ne(host->json->member(root, host->json->name(second).value).kind, EP_JSON_ABSENT);
	return EP_OK;
}

START_TEST(long_values_and_names)
{
	static const uint64_t sizes[] = {0, 1, 7, 8, 254, 255, 256, 524286, 524287, 524288, 1000000};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t n = sizes[i], put;
		char *text = malloc(2 * n + 64);

		put = (uint64_t)sprintf(text, "{\"a\":\"");
		memset(text + put, 'x', n);
		put += n;
		put += (uint64_t)sprintf(text + put, "\",\"");
		memset(text + put, 'y', n);
		put += n;
		put += (uint64_t)sprintf(text + put, "\":%s}", "1");
		ck_assert_int_eq(call_test_run(&test, parse_long, &n, text, put), EP_OK);
		text[5] = '1'; /* the same as a number of many digits */
		memset(text + 6, '2', n);
		text[6 + n] = ' ';
		if (n > 0)
			ck_assert_int_eq(call_test_run(&test, parse_any, NULL, text, put), EP_OK);
		free(text);
	}
}
END_TEST

static enum ep_status parse_many(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	uint64_t *documents = (uint64_t *)(uintptr_t)state, offset = 0;
	struct ep_json root, last = {0};
	enum ep_status status;

	*documents = 0;
	while ((status = host->json->open(call, &input->parts[0], offset, &offset, &root)) == EP_OK) {
		struct ep_json number = at(host, root, "n");

		if (number.kind) {
			char expected[32];

			snprintf(expected, sizeof(expected), "%llu", (unsigned long long)*documents);
			ck_assert(text_is(host, number, expected));
		}
		visit(host, root);
		ck_assert_uint_eq(host->json->next(last).kind, EP_JSON_ABSENT); /* the one before is gone, safely */
		ck_assert_uint_eq(host->json->first(last).kind, EP_JSON_ABSENT);
		last = root;
		++*documents;
	}
	return status == EP_END ? EP_OK : status;
}

static uint64_t documents;

static enum ep_status run_many(const char *text, size_t length)
{
	return call_test_run(&test, parse_many, &documents, text, length);
}

START_TEST(one_document_after_the_other)
{
	static const char text[] = "{\"n\":0}{\"n\":1}\n {\"n\":2} 3 \"four\" [5]true null\n-6.5e1 \"x\"[]";

	ck_assert_msg(run_many(text, sizeof(text) - 1) == EP_OK, "%s", test.text);
	ck_assert_uint_eq(documents, 11);
	ck_assert_int_eq(run_many("", 0), EP_OK);
	ck_assert_int_eq(run_many("{} {", 4), EP_BAD_INPUT);
	ck_assert_int_eq(run_many("{} }", 4), EP_BAD_INPUT);
	ck_assert_int_eq(run_many("{},{}", 5), EP_BAD_INPUT);
}
END_TEST

/* Lines of every length around the windows in which tokens are found, and some larger than a window. */
START_TEST(many_lines_pass_the_windows)
{
	size_t size = (size_t)3 << 20, put = 0;
	char *text = malloc(size + 700000);
	uint64_t count = 0;

	while (put < size) {
		size_t filler = count == 50 ? 600000 : (count * 7919) % 3000;

		put += (size_t)sprintf(text + put, "{\"n\":%llu,\"t\":\"", (unsigned long long)count++);
		for (size_t i = 0; i < filler; i += 3)
			put += (size_t)sprintf(text + put, "\xe4\xb8\xad");
		put += (size_t)sprintf(text + put, "\",\"l\":[1,2,{\"x\":\"\\n\"}]}\n");
	}
	ck_assert_msg(run_many(text, put) == EP_OK, "%s", test.text);
	ck_assert_uint_eq(documents, count);
	ck_assert_int_eq(run_many(text, put - 10), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_TRUNCATED);
	free(text);
}
END_TEST

/* A bare word that a window cuts in two is still one word. */
START_TEST(words_across_windows)
{
	size_t size = (size_t)272 * 1024; /* a little more than a window */
	char *text = malloc(size + 32);

	for (size_t shift = 0; shift < 9; shift++) {
		memset(text, ' ', shift);
		for (size_t i = shift; i + 8 <= size; i += 8)
			memcpy(text + i, "1234567 ", 8);
		ck_assert_int_eq(run_many(text, size - 8), EP_OK);
		ck_assert_uint_eq(documents, (size - 8 - shift + 7) / 8);
	}
	free(text);
}
END_TEST

START_TEST(json_max_bounds_a_document)
{
	struct call_options options = call_test_options(&test);
	struct ep_call *kept = test.call;
	struct error error;
	size_t length;
	char *text;

	(void)kept;
	options.json_max = 1000000;
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_OK);
	text = repeat("1,", 499999, "1]", &length);
	text[0] = '[';
	text[1] = ' ';
	ck_assert_uint_eq(length, 1000000);
	ck_assert_msg(call_test_run(&test, parse_any, NULL, text, length) == EP_OK, "%s", test.text);
	ck_assert_msg(run_many(text, length) == EP_OK, "%s", test.text);
	text[length - 1] = '1';
	text = realloc(text, length + 2);
	text[length] = ']';
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, text, length + 1), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
	ck_assert_int_eq(run_many(text, length + 1), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_LIMIT);
	free(text);
}
END_TEST

START_TEST(memory_max_bounds_the_values)
{
	struct call_options options = call_test_options(&test);
	struct error error;
	size_t length;
	char *text;

	options.memory_max = 1000000;
	ck_assert_int_eq(call_create(&test.call, &options, &error), EP_OK);
	text = repeat("1,", 499999, "1]", &length);
	text[0] = '[';
	text[1] = ' ';
	ck_assert_int_eq(call_test_run(&test, parse_any, NULL, text, length), EP_BAD_INPUT);
	ck_assert_int_eq(test.failure.code, EP_ERR_PLUGIN_MEMORY);
	free(text);
}
END_TEST

/* What a plugin asks place() of, element by element, must not cost the square of the elements. */
static enum ep_status parse_places(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct ep_json root;
	uint64_t count = 0;

	(void)state;
	ck_assert_int_eq(host->json->open(call, &input->parts[0], 0, NULL, &root), EP_OK);
	for (struct ep_json value = host->json->first(root); value.kind; value = host->json->next(value)) {
		struct ep_place place = host->json->place(value);
		char expected[32];

		snprintf(expected, sizeof(expected), "/%llu", (unsigned long long)count++);
		ck_assert(ep_slice_equal(place.path, ep_slice_of(expected)));
		ck_assert_uint_eq(place.row, count);
	}
	return EP_OK;
}

START_TEST(places_of_many_elements)
{
	size_t length;
	char *text = repeat("\n1,", 50000, "\n1]", &length);

	text[0] = '[';
	ck_assert_int_eq(call_test_run(&test, parse_places, NULL, text, length), EP_OK);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host_json");
	TCase *cases = tcase_create("json"), *own = tcase_create("own options");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, sound_documents_are_accepted);
	tcase_add_test(cases, unsound_documents_are_refused);
	tcase_add_test(cases, nothing_is_empty);
	tcase_add_test(cases, errors_say_where);
	tcase_add_test(cases, every_truncation_is_refused);
	tcase_add_test(cases, any_flipped_byte_is_survived);
	tcase_add_test(cases, values_names_and_origins_are_as_written);
	tcase_add_test(cases, depth_is_bounded);
	tcase_add_test(cases, long_values_and_names);
	tcase_add_test(cases, one_document_after_the_other);
	tcase_add_test(cases, many_lines_pass_the_windows);
	tcase_add_test(cases, words_across_windows);
	tcase_add_test(cases, places_of_many_elements);
	tcase_add_checked_fixture(own, NULL, teardown);
	tcase_add_test(own, json_max_bounds_a_document);
	tcase_add_test(own, memory_max_bounds_the_values);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, own);
	return call_test_main(suite);
}
