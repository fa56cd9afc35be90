/* check_base.c: buffers, arenas, JSON, text conversions, hashes, loop, disk thread. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/disk_thread.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"

/* Also over the end of the pool that short ones come from. */
START_TEST(random_bytes_do_not_repeat)
{
	enum { COUNT = 200 };
	uint8_t got[COUNT][10];

	for (size_t i = 0; i < COUNT; i++)
		random_bytes(got[i], sizeof(got[i]));
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(memcmp(got[i], got[j], sizeof(got[i])) != 0, "%zu repeats %zu", i, j);
}
END_TEST

START_TEST(buffer_stops_at_its_maximum)
{
	struct buffer buffer;

	buffer_init(&buffer, 10);
	ck_assert_int_eq(buffer_append(&buffer, "12345678", 8), EP_OK);
	ck_assert_int_eq(buffer_append(&buffer, "abc", 3), EP_LIMIT);
	ck_assert_int_eq(buffer_append(&buffer, "a", 1), EP_LIMIT); /* a failed buffer stays failed */
	ck_assert_uint_eq(buffer.length, 8);
	buffer_clear(&buffer);
	ck_assert_int_eq(buffer_append(&buffer, "1234567890", 10), EP_OK);
	buffer_consume(&buffer, 8);
	ck_assert(ep_slice_is(buffer_slice(&buffer), "90"));
	buffer_free(&buffer);
}
END_TEST

START_TEST(arena_gives_zeroed_memory_up_to_its_maximum)
{
	struct arena arena;
	char *first;

	arena_init(&arena, 300000);
	first = arena_alloc(&arena, 100);
	ck_assert_ptr_nonnull(first);
	memset(first, 'x', 100);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 200000));
	ck_assert_ptr_null(arena_alloc(&arena, 200000));
	ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
	arena_reset(&arena);
	first = arena_alloc(&arena, 100);
	ck_assert_int_eq(first[0], 0);
	ck_assert_uint_eq((uintptr_t)first % 16, 0);
	arena_free(&arena);
}
END_TEST

START_TEST(json_sets_commas_and_escapes)
{
	struct buffer out;
	struct json json;

	buffer_init(&out, 1000);
	json = json_begin(&out);
	json_object_begin(&json);
	json_member_string(&json, "a", "q\"b\\c\n\x01");
	json_name(&json, "list");
	json_array_begin(&json);
	json_integer(&json, -5);
	json_bool(&json, true);
	json_null(&json);
	json_array_end(&json);
	json_member_text(&json, "absent", ep_slice_make(NULL, 0));
	json_member_text(&json, "bad", EP_SAY("\xc3\x28\xff"));
	json_object_end(&json);
	ck_assert_int_eq(buffer_append_byte(&out, '\0'), EP_OK);
	ck_assert_str_eq(out.data,
		"{\"a\":\"q\\\"b\\\\c\\n\\u0001\",\"list\":[-5,true,null],\"bad\":\"\xef\xbf\xbd(\xef\xbf\xbd\"}");
	buffer_free(&out);
}
END_TEST

static const struct {
	const char *text;
	uint64_t valid;
} utf8_cases[] = {{"abc", 3}, {"abcdefghij\xc3\xa9", 12}, {"\xe4\xbd\xa0", 3}, {"\xf0\x9f\x98\x80", 4},
	{"a\xc0\xaf", 1}, {"\xed\xa0\x80", 0}, {"\xf4\x90\x80\x80", 0}, {"12345678\xe4\xbd", 8}, {"\x80", 0},
	{"\xf0\x80\x80\x80", 0}};

START_TEST(utf8_is_strict)
{
	ck_assert_uint_eq(utf8_valid_until(ep_slice_of(utf8_cases[_i].text)), utf8_cases[_i].valid);
}
END_TEST

static const struct {
	const char *text;
	int64_t value; /* -1: refused */
} size_cases[] = {{"64MiB", 64 << 20}, {"0", 0}, {"5kB", 5000}, {"64", -1}, {"64 MiB", -1}, {"9999999999TiB", -1},
	{"1MiB2KiB", -1}, {"", -1}, {"-1B", -1}},
  duration_cases[] = {{"1h30m", 5400 * NS_PER_S}, {"200ms", 200 * NS_PER_MS}, {"7d", 604800 * NS_PER_S}, {"0", 0},
	  {"30m1h", -1}, {"5", -1}, {"", -1}, {"1x", -1}, {"99999999999d", -1}};

START_TEST(sizes_are_read)
{
	int64_t value = 0;
	enum ep_status status = size_read(ep_slice_of(size_cases[_i].text), &value);

	ck_assert_int_eq(status, size_cases[_i].value < 0 ? EP_BAD_INPUT : EP_OK);
	if (status == EP_OK)
		ck_assert_int_eq(value, size_cases[_i].value);
}
END_TEST

START_TEST(durations_are_read)
{
	int64_t value = 0;
	enum ep_status status = duration_read(ep_slice_of(duration_cases[_i].text), &value);

	ck_assert_int_eq(status, duration_cases[_i].value < 0 ? EP_BAD_INPUT : EP_OK);
	if (status == EP_OK)
		ck_assert_int_eq(value, duration_cases[_i].value);
}
END_TEST

START_TEST(base64_and_hex_are_strict)
{
	uint8_t bytes[8];
	char text[32];
	size_t length;

	ck_assert_int_eq(base64_read(EP_SAY("aGVsbG8="), bytes, sizeof(bytes), &length), EP_OK);
	ck_assert_uint_eq(length, 5);
	ck_assert_mem_eq(bytes, "hello", 5);
	ck_assert_int_eq(base64_read(EP_SAY("aGVsbG8"), bytes, sizeof(bytes), &length), EP_BAD_INPUT);
	ck_assert_int_eq(base64_read(EP_SAY("aGVsbG9="), bytes, sizeof(bytes), &length), EP_BAD_INPUT); /* stray bits */
	ck_assert_int_eq(base64_read(EP_SAY("aGVsbG8gd29ybGQh"), bytes, sizeof(bytes), &length), EP_LIMIT);
	ck_assert_int_eq(base64_read(EP_SAY("a==="), bytes, sizeof(bytes), &length), EP_BAD_INPUT);
	base64_write("hello", 5, text);
	ck_assert_str_eq(text, "aGVsbG8=");
	ck_assert_int_eq(hex_read(EP_SAY("00fF"), bytes, 2), EP_OK);
	ck_assert_uint_eq(bytes[1], 0xff);
	ck_assert_int_eq(hex_read(EP_SAY("00f"), bytes, 2), EP_BAD_INPUT);
	ck_assert_int_eq(hex_read(EP_SAY("00fg"), bytes, 2), EP_BAD_INPUT);
}
END_TEST

START_TEST(timestamps_are_utc_with_milliseconds)
{
	char text[32];

	timestamp_write(INT64_C(1795428000123456789), text);
	ck_assert_str_eq(text, "2026-11-23T10:00:00.123Z");
}
END_TEST

START_TEST(sha256_of_fields)
{
	uint8_t hash[SHA256_BYTES];
	char text[2 * SHA256_BYTES + 1];
	struct sha256 *digest = sha256_create();

	sha256_of(EP_SAY("abc"), hash);
	hex_write(hash, sizeof(hash), text);
	ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_start(digest); /* printf '\2\0\0\0\0\0\0\0ab\1\0\0\0\0\0\0\0c' | sha256sum */
	sha256_update_field(digest, EP_SAY("ab"));
	sha256_update_field(digest, EP_SAY("c"));
	sha256_finish(digest, hash);
	hex_write(hash, sizeof(hash), text);
	ck_assert_str_eq(text, "43ee655579de01ca739b3f95c1c2d3f46d353b2c0df818064ea594506cdb2617");
	sha256_destroy(digest);
}
END_TEST

struct written {
	struct loop *loop;
	int count;
	int error_number;
};

static void on_written(struct disk_job *job, int error_number)
{
	struct written *written = job->owner;

	written->count++;
	written->error_number = error_number;
	loop_stop(written->loop);
}

START_TEST(disk_thread_writes_and_tells)
{
	char path[] = "/tmp/entrepot-check-XXXXXX", read_back[8];
	struct iovec parts[2] = {{(void *)"abc", 3}, {(void *)"def", 3}};
	struct disk_thread *thread;
	struct written written = {0};
	struct disk_job job = {.parts = parts, .part_count = 2, .offset = 1, .sync = true, .done = on_written};

	ck_assert_int_eq(loop_create(&written.loop, NULL), EP_OK);
	ck_assert_int_eq(disk_thread_create(&thread, written.loop, NULL), EP_OK);
	job.fd = mkstemp(path);
	ck_assert_int_ne(job.fd, -1);
	job.owner = &written;
	disk_thread_submit(thread, &job);
	loop_run(written.loop);
	ck_assert_int_eq(written.count, 1);
	ck_assert_int_eq(written.error_number, 0);
	ck_assert_int_eq(disk_read_at(job.fd, read_back, sizeof(read_back), 0), 7);
	ck_assert_mem_eq(read_back, "\0abcdef", 7);
	disk_thread_destroy(thread);
	loop_destroy(written.loop);
	close(job.fd);
	unlink(path);
}
END_TEST

static void count_up(void *argument)
{
	++*(int *)argument;
}

START_TEST(loop_runs_tasks_once_and_timers)
{
	int tasks = 0, timers = 0;
	struct loop *loop;
	struct loop_timer timer;
	struct loop_task task = {.run = count_up, .argument = &tasks};

	ck_assert_int_eq(loop_create(&loop, NULL), EP_OK);
	loop_timer_init(&timer, loop, count_up, &timers);
	loop_task_queue(loop, &task);
	loop_task_queue(loop, &task);
	loop_timer_set(&timer, 2 * NS_PER_MS);
	for (int i = 0; i < 100 && timers == 0; i++)
		loop_run_once(loop, 10 * NS_PER_MS);
	ck_assert_int_eq(tasks, 1);
	ck_assert_int_eq(timers, 1);
	loop_timer_end(&timer);
	loop_destroy(loop);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("base");
	TCase *all = tcase_create("base");
	SRunner *runner;
	int failed;

	tcase_add_test(all, random_bytes_do_not_repeat);
	tcase_add_test(all, buffer_stops_at_its_maximum);
	tcase_add_test(all, arena_gives_zeroed_memory_up_to_its_maximum);
	tcase_add_test(all, json_sets_commas_and_escapes);
	tcase_add_loop_test(all, utf8_is_strict, 0, COUNT(utf8_cases));
	tcase_add_loop_test(all, sizes_are_read, 0, COUNT(size_cases));
	tcase_add_loop_test(all, durations_are_read, 0, COUNT(duration_cases));
	tcase_add_test(all, base64_and_hex_are_strict);
	tcase_add_test(all, timestamps_are_utc_with_milliseconds);
	tcase_add_test(all, sha256_of_fields);
	tcase_add_test(all, disk_thread_writes_and_tells);
	tcase_add_test(all, loop_runs_tasks_once_and_timers);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
