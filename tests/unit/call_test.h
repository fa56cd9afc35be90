/*
 * call_test.h: runs a function as a plugin's parse() on bytes in memory and keeps what came out.
 */
#ifndef TESTS_CALL_TEST_H
#define TESTS_CALL_TEST_H

#include <check.h>
#undef fail /* a macro of Check, and a member of struct ep_host */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/encode.h"
#include "worker/call.h"

#define CALL_TEST_PADDING 64

struct call_test {
	struct ep_call *call;
	uint32_t records, rejects, logs;
	char record[4096]; /* the last one's encoding */
	size_t record_length;
	struct record_origin origins[64];
	uint32_t origin_count;
	enum ep_error reject_code;
	struct ep_place reject_place;
	struct call_failure failure;
	char path[512], text[1024]; /* of the failure */
};

typedef enum ep_status (*call_test_parse)(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input);

static inline void call_test_record(
	void *self, struct ep_slice encoded, const struct record_origin *origins, uint32_t origin_count)
{
	struct call_test *test = self;

	test->records++;
	ck_assert_uint_le(encoded.length, sizeof(test->record));
	memcpy(test->record, encoded.data, encoded.length);
	test->record_length = encoded.length;
	test->origin_count = origin_count < 64 ? origin_count : 64;
	memcpy(test->origins, origins, test->origin_count * sizeof(*origins));
}

static inline void call_test_reject(void *self, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	struct call_test *test = self;

	(void)text;
	test->rejects++;
	test->reject_code = code;
	test->reject_place = *place;
}

static inline void call_test_log(void *self, enum ep_log_level level, struct ep_slice text)
{
	struct call_test *test = self;

	(void)level;
	(void)text;
	test->logs++;
}

static inline struct call_options call_test_options(struct call_test *test)
{
	struct call_options options = {.memory_max = (size_t)64 << 20,
		.json_max = (size_t)16 << 20,
		.sink = {call_test_record, call_test_reject, call_test_log, test}};

	*test = (struct call_test){0};
	return options;
}

static inline void call_test_start(struct call_test *test)
{
	struct call_options options = call_test_options(test);
	struct error error = {0};

	ck_assert_msg(call_create(&test->call, &options, &error) == EP_OK, "%s", error.text);
}

static inline void call_test_stop(struct call_test *test)
{
	call_destroy(test->call);
	test->call = NULL;
}

/* A copy with the padding that a part has, and nothing mapped for the reader behind it that could hide an overrun. */
static inline enum ep_status call_test_run_charset(struct call_test *test, call_test_parse parse, const void *state,
	const char *bytes, size_t length, uint32_t charset)
{
	struct ep_plugin plugin = {.size = sizeof(plugin), .name = "test", .parse = parse};
	char *copy = calloc(1, length + CALL_TEST_PADDING);
	struct ep_part part = {.bytes = {copy, length}, .charset = charset};
	struct ep_input input = {.size = sizeof(input), .part_count = 1, .parts = &part};
	enum ep_status status;

	memcpy(copy, bytes, length);
	test->records = test->rejects = test->logs = 0;
	status = call_parse(test->call, &plugin, state, &input, &test->failure);
	snprintf(test->text, sizeof(test->text), "%.*s", (int)test->failure.text.length,
		test->failure.text.data ? test->failure.text.data : "");
	snprintf(test->path, sizeof(test->path), "%.*s", (int)test->failure.place.path.length,
		test->failure.place.path.data ? test->failure.place.path.data : "");
	free(copy);
	return status;
}

static inline enum ep_status call_test_run(
	struct call_test *test, call_test_parse parse, const void *state, const char *bytes, size_t length)
{
	return call_test_run_charset(test, parse, state, bytes, length, EP_UTF8);
}

static inline int call_test_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
