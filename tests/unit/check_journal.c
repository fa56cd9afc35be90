/* check_journal.c: append, commit, read back, reopen; groups, segments, extents; what is refused. On real files. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/message.h"
#include "journal/outcome.h"

static char directory[256];
static struct loop *loop;
static struct journal *journal;
static struct error error;
static int durable_calls;

static void on_durable(void *argument)
{
	(void)argument;
	durable_calls++;
}

static enum ep_status open_with(int64_t segment_bytes)
{
	const struct journal_options options = {.directory = directory, .loop = loop, .segment_bytes = segment_bytes};
	enum ep_status status = journal_open(&journal, &options, &error);

	if (status == EP_OK)
		journal_on_durable(journal, on_durable, NULL);
	return status;
}

static void setup(void)
{
	snprintf(directory, sizeof(directory), "%s/check-journal-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	durable_calls = 0;
	journal = NULL;
}

static void teardown(void)
{
	char command[400];

	journal_close(journal);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

static void reopen(int64_t segment_bytes)
{
	journal_close(journal);
	journal = NULL;
	ck_assert_msg(open_with(segment_bytes) == EP_OK, "%s", error.text);
}

static struct journal_frame append(
	enum journal_kind kind, enum journal_urgency urgency, const void *bytes, size_t length)
{
	struct iovec part = {(void *)(uintptr_t)bytes, length};
	const struct journal_append what = {.kind = kind,
		.urgency = urgency,
		.parts = &part,
		.part_count = 1,
		.spool_fd = -1,
		.source_sequence = 7};
	struct journal_frame frame;

	ck_assert_msg(journal_append(journal, &what, &frame, &error) == EP_OK, "%s", error.text);
	return frame;
}

static void wait_durable(uint64_t position)
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_S;

	while (journal_durable(journal) <= position) {
		ck_assert_int_lt(clock_monotonic_ns(), until);
		loop_run_once(loop, 10 * NS_PER_MS);
	}
}

START_TEST(what_is_appended_is_read_back_after_the_commit)
{
	struct journal_reader *reader;
	struct journal_frame first, second, got;

	ck_assert_int_eq(open_with(0), EP_OK);
	ck_assert_int_eq(journal_reader_open(journal, 0, &reader, &error), EP_OK);
	first = append(JOURNAL_MESSAGE, JOURNAL_URGENT, "hello", 5);
	second = append(JOURNAL_OUTCOME, JOURNAL_LAZY, "", 0);
	ck_assert_uint_gt(first.position, 0);
	ck_assert_uint_eq(first.next, second.position);
	ck_assert_uint_eq(second.next, journal_end(journal));
	ck_assert_msg(journal_read(reader, ~0u, &got, &error) == EP_END, "%s", error.text);
	wait_durable(second.position);
	ck_assert_int_eq(durable_calls, 1);
	ck_assert_int_eq(journal_read(reader, ~0u, &got, &error), EP_OK);
	ck_assert_uint_eq(got.position, first.position);
	ck_assert_uint_eq(got.next, first.next);
	ck_assert_uint_eq(got.sequence, 1);
	ck_assert_uint_eq(got.source_sequence, 7);
	ck_assert_int_eq(got.kind, JOURNAL_MESSAGE);
	ck_assert(ep_slice_is(got.payload, "hello"));
	ck_assert_int_eq(journal_read(reader, ~0u, &got, &error), EP_OK);
	ck_assert_int_eq(got.kind, JOURNAL_OUTCOME);
	ck_assert_uint_eq(got.payload.length, 0);
	ck_assert_int_eq(journal_read(reader, ~0u, &got, &error), EP_END);
	journal_reader_close(reader);
}
END_TEST

static uint64_t count_frames(uint32_t kinds, uint64_t from)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	enum ep_status status;
	uint64_t count = 0;

	ck_assert_int_eq(journal_reader_open(journal, from, &reader, &error), EP_OK);
	while ((status = journal_read(reader, kinds, &frame, &error)) == EP_OK)
		count++;
	ck_assert_msg(status == EP_END, "%s", error.text);
	journal_reader_close(reader);
	return count;
}

START_TEST(everything_is_there_after_reopening_many_segments)
{
	static char bytes[3000];
	uint64_t sequence = 0;

	ck_assert_int_eq(open_with(256 * 1024), EP_OK);
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 200; i++) {
			struct journal_frame frame = append(JOURNAL_MESSAGE, JOURNAL_URGENT, bytes, (size_t)i * 13);

			ck_assert_uint_eq(frame.sequence, ++sequence);
			if (i % 10 == 9)
				wait_durable(frame.position);
		}
		append(JOURNAL_OUTCOME, JOURNAL_LAZY, "o", 1);
		reopen(256 * 1024);
		ck_assert_uint_eq(count_frames(JOURNAL_INBOX, 0), (uint64_t)(round + 1) * 200);
		ck_assert_uint_eq(count_frames(JOURNAL_KINDS(JOURNAL_OUTCOME), 0), (uint64_t)round + 1);
	}
}
END_TEST

START_TEST(a_second_gateway_is_refused)
{
	const struct journal_options options = {.directory = directory, .loop = loop};
	struct journal *other;

	ck_assert_int_eq(open_with(0), EP_OK);
	ck_assert_int_eq(journal_open(&other, &options, &error), EP_CONFLICT);
	ck_assert_int_eq(error.code, EP_ERR_JOURNAL_LOCKED);
}
END_TEST

static void write_file(const char *name, const char *content)
{
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(content, file);
	fclose(file);
}

START_TEST(an_unknown_format_is_refused)
{
	ck_assert_int_eq(open_with(0), EP_OK);
	journal_close(journal);
	journal = NULL;
	write_file("format", "2\n");
	ck_assert_int_eq(open_with(0), EP_BAD_CONFIG);
	ck_assert_int_eq(error.code, EP_ERR_JOURNAL_FORMAT);
	ck_assert_msg(strstr(error.text, "\"2\""), "%s", error.text);
	write_file("format", "1\n");
	ck_assert_int_eq(open_with(0), EP_OK);
}
END_TEST

START_TEST(a_directory_is_made_and_keeps_its_identity)
{
	uint8_t identity[16];
	struct stat status;

	snprintf(directory + strlen(directory), sizeof(directory) - strlen(directory), "/new");
	ck_assert_int_eq(open_with(0), EP_OK);
	ck_assert_int_eq(stat(directory, &status), 0);
	ck_assert_int_eq((int)(status.st_mode & 0777), 0700);
	memcpy(identity, journal_identity(journal), sizeof(identity));
	reopen(0);
	ck_assert_mem_eq(identity, journal_identity(journal), sizeof(identity));
	journal_close(journal);
	journal = NULL;
	write_file("identity", "0123456789abcdef"); /* the segments are of another one */
	ck_assert_int_eq(open_with(0), EP_BAD_INPUT);
	*strrchr(directory, '/') = '\0';
}
END_TEST

/* An inbox frame of 1 KiB with all that goes with it takes at most 1.25 bytes a byte, with some 22 frames a group. */
START_TEST(little_is_written_beside_the_bodies)
{
	static char body[1024];
	struct message message = {.body_length = sizeof(body),
		.source = EP_SAY("shop-a"),
		.dedupe = EP_SAY("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
		.content_type = EP_SAY("application/json"),
		.header_count = 1,
		.headers = {{EP_SAY("x-shopify-topic"), EP_SAY("orders/create")}}};
	struct iovec parts[2] = {{NULL, 0}, {body, sizeof(body)}};
	const struct journal_append what = {
		.kind = JOURNAL_MESSAGE, .urgency = JOURNAL_URGENT, .parts = parts, .part_count = 2, .spool_fd = -1};
	struct journal_frame frame;
	struct buffer head;
	uint64_t start;

	ck_assert_int_eq(open_with(0), EP_OK);
	buffer_init(&head, 1000);
	ck_assert_int_eq(message_write(&message, &head), EP_OK);
	parts[0] = (struct iovec){head.data, head.length};
	start = journal_durable(journal);
	for (int group = 11; group <= 33; group++) { /* the padding of some is much, of others little */
		for (int i = 0; i < group; i++)
			ck_assert_int_eq(journal_append(journal, &what, &frame, &error), EP_OK);
		wait_durable(frame.position);
	}
	ck_assert_uint_le((journal_durable(journal) - start) * 100, 23 * 22 * sizeof(body) * 125);
	buffer_free(&head);
}
END_TEST

START_TEST(a_large_frame_is_read_whole)
{
	static char bytes[JOURNAL_FRAME_MAX + 1];
	struct journal_append what = {
		.kind = JOURNAL_OUTCOME, .urgency = JOURNAL_URGENT, .part_count = 1, .spool_fd = -1};
	struct iovec part = {bytes, sizeof(bytes)};
	struct journal_reader *reader;
	struct journal_frame frame;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	what.parts = &part;
	ck_assert_int_eq(open_with(0), EP_OK);
	ck_assert_int_eq(journal_append(journal, &what, &frame, &error), EP_LIMIT);
	append(JOURNAL_MESSAGE, JOURNAL_LAZY, bytes, 300 * 1024);
	append(JOURNAL_OUTCOME, JOURNAL_LAZY, bytes, JOURNAL_FRAME_MAX);
	append(JOURNAL_OUTCOME, JOURNAL_LAZY, "small", 5);
	reopen(0);
	ck_assert_int_eq(journal_reader_open(journal, 0, &reader, &error), EP_OK);
	ck_assert_int_eq(journal_read(reader, JOURNAL_KINDS(JOURNAL_OUTCOME), &frame, &error), EP_OK);
	ck_assert_uint_eq(frame.payload.length, JOURNAL_FRAME_MAX);
	ck_assert_mem_eq(frame.payload.data, bytes, JOURNAL_FRAME_MAX);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_OK);
	ck_assert(ep_slice_is(frame.payload, "small"));
	journal_reader_seek(reader, 0);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_OK);
	ck_assert_int_eq(frame.kind, JOURNAL_MESSAGE);
	journal_reader_seek(reader, frame.next);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_OK);
	ck_assert_uint_eq(frame.payload.length, JOURNAL_FRAME_MAX);
	journal_reader_close(reader);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tests = tcase_create("journal");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_appended_is_read_back_after_the_commit);
	tcase_add_test(tests, everything_is_there_after_reopening_many_segments);
	tcase_add_test(tests, a_second_gateway_is_refused);
	tcase_add_test(tests, an_unknown_format_is_refused);
	tcase_add_test(tests, a_directory_is_made_and_keeps_its_identity);
	tcase_add_test(tests, little_is_written_beside_the_bodies);
	tcase_add_test(tests, a_large_frame_is_read_whole);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
