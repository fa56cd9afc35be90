/*
 * check_journal_crash.c: the journal on a disk that loses what was not synced.
 *
 * A life is a child process that opens the journal, compares all that it finds with what earlier lives were told to be
 * durable, appends, and is stopped at some operation. Then the machine may lose power. What a frame holds follows from
 * its stream and sequence, so the model is three numbers a stream: given, durable, released.
 *
 * SEED=, ROUNDS= (environment) make the campaign at the end another or longer one.
 */
#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/journal.h"
#include "support/fake_disk.h"

#define STREAMS 3
#define SEGMENT_BYTES (64 * 1024)
#define PENDING_MAX 4096
#define STOPPED 99
#define REFUSED 3 /* the journal reported an I/O error */
#define EXIT_DISK_FAILED 70
#define PAYLOAD_MAX 6000

enum note { NOTE_DURABLE = 0, NOTE_RELEASED = 3, NOTE_CHECKPOINT = 6, NOTE_OPENED = 7 };

static const struct journal_options options = {.directory = "/fake/data", .segment_bytes = SEGMENT_BYTES};

/* One life, in the child. */

struct pending {
	uint64_t position;
	int stream;
	uint64_t sequence;
	bool checkpoint;
};

static struct loop *loop;
static struct journal *journal;
static struct error error;
static struct pending pending[PENDING_MAX];
static size_t pending_count;
static uint64_t sequences[STREAMS];
static uint64_t chooser;

#define FAIL(...) fail_at(__LINE__, __VA_ARGS__)
static void __attribute__((noreturn, format(printf, 2, 3))) fail_at(int line, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "check_journal_crash.c:%d: ", line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	_exit(1);
}

/* An I/O error that is reported ends this life in order. */
static void must(enum ep_status status, int line)
{
	if (status == EP_IO)
		_exit(REFUSED);
	if (status != EP_OK)
		fail_at(line, "%s", error.text);
}
#define MUST(status) must((status), __LINE__)

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

static uint64_t choose(uint64_t below)
{
	chooser++;
	return mix(chooser * UINT64_C(0x9e3779b97f4a7c15)) % below;
}

static size_t payload_of(int stream, uint64_t sequence, bool extent, char *bytes)
{
	uint64_t random = mix(sequence * 8 + (uint64_t)stream * 2 + extent);
	size_t length = 8 + random % (random % 16 == 0 ? PAYLOAD_MAX - 8 : 300);

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(mix(random + i / 8) >> (i % 8 * 8));
	if (!extent)
		memcpy(bytes, &sequence, sizeof(sequence));
	return length;
}

static bool has_extent(int stream, uint64_t sequence)
{
	return stream == 0 && sequence % 7 == 3;
}

static int stream_of(enum journal_kind kind)
{
	return kind == JOURNAL_MESSAGE || kind == JOURNAL_ACTION ? 0 : kind == JOURNAL_OUTCOME ? 1 : 2;
}

static void on_durable(void *argument)
{
	struct fake_notes *notes = fake_disk_notes();
	size_t kept = 0;

	(void)argument;
	for (size_t i = 0; i < pending_count; i++) {
		const struct pending *frame = &pending[i];

		if (frame->position >= journal_durable(journal)) {
			pending[kept++] = *frame;
			continue;
		}
		notes->number[NOTE_DURABLE + frame->stream] = frame->sequence;
		if (frame->checkpoint)
			notes->number[NOTE_CHECKPOINT] = frame->sequence;
	}
	pending_count = kept;
}

static void check_extent(const struct journal_frame *frame)
{
	char wanted[PAYLOAD_MAX];
	char bytes[PAYLOAD_MAX];
	size_t length = payload_of(0, frame->sequence, true, wanted);
	ssize_t got;
	int fd;

	MUST(journal_extent_open(journal, frame->extent, &fd, &error));
	MUST(journal_extent_check(journal, frame, fd, &error));
	got = disk_read_at(fd, bytes, PAYLOAD_MAX, 0);
	if (got == -1)
		_exit(REFUSED);
	if (frame->extent_length != length || got != (ssize_t)length || memcmp(bytes, wanted, length) != 0)
		FAIL("extent %llu holds something else", (unsigned long long)frame->extent);
	disk_close(fd);
}

static void check_frame(const struct journal_frame *frame, bool *first)
{
	char wanted[PAYLOAD_MAX];
	int stream = stream_of(frame->kind);
	size_t length = payload_of(stream, frame->sequence, false, wanted);
	size_t skip = frame->kind == JOURNAL_CHECKPOINT ? 8 : 0;

	if (*first && frame->sequence > fake_disk_notes()->number[NOTE_RELEASED + stream] + 1)
		FAIL("stream %d begins at %llu", stream, (unsigned long long)frame->sequence);
	if (!*first && frame->sequence != sequences[stream] + 1)
		FAIL("stream %d has %llu after %llu", stream, (unsigned long long)frame->sequence,
			(unsigned long long)sequences[stream]);
	*first = false;
	sequences[stream] = frame->sequence;
	if (frame->payload.length != length + skip || memcmp(frame->payload.data + skip, wanted, length) != 0)
		FAIL("frame %llu of stream %d holds something else", (unsigned long long)frame->sequence, stream);
	if ((frame->extent != 0) != has_extent(stream, frame->sequence))
		FAIL("frame %llu and its extent", (unsigned long long)frame->sequence);
	if (frame->extent)
		check_extent(frame);
}

static void check_checkpoint(void)
{
	char wanted[PAYLOAD_MAX];
	uint64_t least = fake_disk_notes()->number[NOTE_CHECKPOINT];
	uint64_t from, sequence;
	struct ep_slice checkpoint = journal_checkpoint(journal, &from);

	if (checkpoint.length == 0 && least == 0)
		return;
	if (checkpoint.length < 8)
		FAIL("the checkpoint is lost");
	memcpy(&sequence, checkpoint.data, sizeof(sequence));
	if (sequence < least || checkpoint.length != payload_of(2, sequence, false, wanted) ||
		memcmp(checkpoint.data, wanted, checkpoint.length) != 0)
		FAIL("an old or wrong checkpoint");
	fake_disk_notes()->number[NOTE_CHECKPOINT] = sequence;
}

static void check_all(void)
{
	struct fake_notes *notes = fake_disk_notes();
	bool first[STREAMS] = {true, true, true};
	struct journal_reader *reader;
	struct journal_frame frame;
	enum ep_status status;

	MUST(journal_reader_open(journal, 0, &reader, &error));
	while ((status = journal_read(reader, ~0u, &frame, &error)) == EP_OK)
		check_frame(&frame, &first[stream_of(frame.kind)]);
	if (status != EP_END)
		MUST(status);
	journal_reader_close(reader);
	for (int i = 0; i < STREAMS; i++) {
		if (first[i]) /* nothing was kept of it: what the journal itself goes on from is seen at the next append */
			sequences[i] = notes->number[NOTE_RELEASED + i];
		if (sequences[i] < notes->number[NOTE_DURABLE + i])
			FAIL("stream %d ends at %llu, and %llu was durable", i, (unsigned long long)sequences[i],
				(unsigned long long)notes->number[NOTE_DURABLE + i]);
		notes->number[NOTE_DURABLE + i] = sequences[i]; /* whoever reads it now acts on it */
	}
	check_checkpoint();
}

static void note_pending(const struct journal_frame *frame, int stream, bool checkpoint)
{
	if (pending_count == PENDING_MAX)
		FAIL("too many frames wait");
	pending[pending_count++] = (struct pending){frame->position, stream, frame->sequence, checkpoint};
	if (frame->sequence != sequences[stream] + 1)
		FAIL("stream %d: %llu was given after %llu", stream, (unsigned long long)frame->sequence,
			(unsigned long long)sequences[stream]);
	sequences[stream] = frame->sequence;
}

static int write_spool(uint64_t sequence, uint64_t *length)
{
	char bytes[PAYLOAD_MAX];
	int fd;

	*length = payload_of(0, sequence, true, bytes);
	MUST(journal_spool_open(journal, &fd, &error));
	MUST(journal_spool_write(journal, fd, 0, ep_slice_make(bytes, *length / 2), &error));
	MUST(journal_spool_write(
		journal, fd, *length / 2, ep_slice_make(bytes + *length / 2, *length - *length / 2), &error));
	return fd;
}

static void wait_all(void)
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_S;

	while (pending_count) {
		if (clock_monotonic_ns() > until)
			FAIL("a commit doesn't come");
		loop_run_once(loop, 10 * NS_PER_MS);
	}
}

static void append(enum journal_kind kind, enum journal_urgency urgency)
{
	char bytes[PAYLOAD_MAX];
	int stream = stream_of(kind);
	uint64_t sequence = sequences[stream] + 1;
	struct iovec part = {bytes, payload_of(stream, sequence, false, bytes)};
	struct journal_append what = {
		.kind = kind, .urgency = urgency, .parts = &part, .part_count = 1, .spool_fd = -1};
	struct journal_frame frame;
	enum ep_status status;

	if (has_extent(stream, sequence))
		what.spool_fd = write_spool(sequence, &what.spool_length);
	status = journal_append(journal, &what, &frame, &error);
	if (status == EP_AGAIN) { /* both groups are full */
		wait_all();
		status = journal_append(journal, &what, &frame, &error);
	}
	MUST(status);
	note_pending(&frame, stream, false);
}

static void append_checkpoint(void)
{
	char bytes[PAYLOAD_MAX];
	size_t length = payload_of(2, sequences[2] + 1, false, bytes);
	struct journal_frame frame = {.position = journal_end(journal), .sequence = sequences[2] + 1};

	wait_all();
	frame.position = journal_end(journal);
	MUST(journal_append_checkpoint(journal, journal_durable(journal), ep_slice_make(bytes, length), &error));
	note_pending(&frame, 2, true);
	wait_all();
}

static void release(void)
{
	struct fake_notes *notes = fake_disk_notes();

	wait_all();
	for (int i = 0; i < STREAMS; i++)
		notes->number[NOTE_RELEASED + i] = sequences[i];
	journal_release(journal, journal_durable(journal));
}

static void step(void)
{
	static const enum journal_kind kinds[] = {
		JOURNAL_MESSAGE, JOURNAL_MESSAGE, JOURNAL_OUTCOME, JOURNAL_OUTCOME, JOURNAL_DELIVERY};
	uint64_t count = 1 + choose(choose(4) == 0 ? 60 : 6);

	for (uint64_t i = 0; i < count; i++)
		append(kinds[choose(5)], choose(2) ? JOURNAL_URGENT : JOURNAL_LAZY);
	if (choose(3) == 0)
		wait_all();
	else
		loop_run_once(loop, 0);
	if (choose(6) == 0)
		append_checkpoint();
	if (choose(6) == 0)
		release();
}

static void __attribute__((noreturn)) live(uint64_t seed, int steps)
{
	struct journal_options with_loop = options;

	log_setup(LOG_TEXT, EP_LOG_ERROR + 1);
	chooser = seed * 1000000;
	pending_count = 0;
	if (loop_create(&loop, &error) != EP_OK)
		FAIL("%s", error.text);
	with_loop.loop = loop;
	MUST(journal_open(&journal, &with_loop, &error));
	journal_on_durable(journal, on_durable, NULL);
	check_all();
	fake_disk_notes()->number[NOTE_OPENED] = fake_disk_operations();
	for (int i = 0; i < steps; i++)
		step();
	journal_close(journal);
	for (int i = 0; i < STREAMS; i++)
		fake_disk_notes()->number[NOTE_DURABLE + i] = sequences[i];
	loop_destroy(loop);
	_exit(0);
}

/* The world around it. */

/* The exit code: 0, STOPPED, or what an I/O error makes it. */
static int live_and_exit(uint64_t seed, int steps, uint64_t stop_at)
{
	int status;
	pid_t pid;

	fake_disk_stop_at(stop_at);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		live(seed, steps);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 1, "seed %llu, stopped at %llu: status %x",
		(unsigned long long)seed, (unsigned long long)stop_at, (unsigned)status);
	return WEXITSTATUS(status);
}

/* True: it came to its end; false: it was stopped. */
static bool life(uint64_t seed, int steps, uint64_t stop_at)
{
	int code = live_and_exit(seed, steps, stop_at);

	ck_assert_msg(code == 0 || code == STOPPED, "seed %llu, stopped at %llu: exit code %d",
		(unsigned long long)seed, (unsigned long long)stop_at, code);
	return code == 0;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void setup(void)
{
	fake_disk_begin(from_environment("SEED", 1));
}

static void teardown(void)
{
	fake_disk_end();
}

/* Stopped at each operation in turn, with each kind of loss; then two more lives, the second after a power cut. */
static void stop_everywhere(int lives_before, enum fake_loss loss, int steps)
{
	struct fake_image *image;
	bool finished = false;
	uint64_t at;

	for (int i = 0; i < lives_before; i++) {
		life((uint64_t)i + 10, 8, i % 2 ? 0 : 90);
		fake_disk_crash(i % 2 ? FAKE_KEEP : FAKE_SOME);
	}
	image = fake_disk_save();
	for (at = 1; !finished; at++) {
		fake_disk_restore(image);
		finished = life(1, steps, at);
		fake_disk_crash(loss);
		ck_assert(life(2, 2, 0));
		fake_disk_crash(FAKE_DROP);
		ck_assert(life(3, 0, 0));
	}
	ck_assert_uint_gt(at, 20);
	fake_disk_free_image(image);
}

START_TEST(stopped_at_every_operation_of_a_first_life)
{
	stop_everywhere(0, (enum fake_loss)_i, 3);
}
END_TEST

START_TEST(stopped_at_every_operation_of_a_later_life)
{
	stop_everywhere(3, (enum fake_loss)_i, 2);
}
END_TEST

/* Each operation of a later life fails with EIO in turn: it goes on, refuses, or ends the process; nothing is lost. */
START_TEST(failing_at_every_operation)
{
	struct fake_image *image;

	for (uint64_t i = 0; i < 3; i++) {
		life(i + 10, 8, i % 2 ? 0 : 90);
		fake_disk_crash(i % 2 ? FAKE_KEEP : FAKE_SOME);
	}
	image = fake_disk_save();
	for (int operation = 0; operation < FAKE_OPERATIONS; operation++) {
		for (uint64_t skip = 0; skip < 400; skip++) {
			int code;
			bool met;

			fake_disk_restore(image);
			fake_disk_fail((enum fake_operation)operation, skip, EIO);
			code = live_and_exit(1, 3, 0);
			met = !fake_disk_fails((enum fake_operation)operation);
			ck_assert_msg(code == 0 || code == REFUSED || code == EXIT_DISK_FAILED,
				"operation %d, %llu: exit code %d", operation, (unsigned long long)skip, code);
			ck_assert(met || code == 0);
			fake_disk_crash(skip % 2 ? FAKE_KEEP : FAKE_DROP);
			ck_assert(life(2, 2, 0));
			fake_disk_crash(FAKE_DROP);
			ck_assert(life(3, 0, 0));
			if (!met)
				break;
		}
	}
	fake_disk_free_image(image);
}
END_TEST

START_TEST(campaign)
{
	uint64_t rounds = from_environment("ROUNDS", 20);
	uint64_t seed = from_environment("SEED", 1) * 1000;

	for (uint64_t round = 0; round < rounds; round++) {
		fake_disk_end();
		fake_disk_begin(seed + round);
		for (uint64_t i = 0; i < 8; i++) {
			uint64_t random = mix((seed + round) * 64 + i);

			fake_disk_disturb(random % 2);
			life(seed * 8 + round * 8 + i, 6, random % 5 ? 1 + (random >> 8) % 150 : 0);
			fake_disk_crash((enum fake_loss)((random >> 32) % 3));
		}
		fake_disk_disturb(false);
		ck_assert_msg(life(0, 0, 0), "round %llu", (unsigned long long)round);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal_crash");
	TCase *tests = tcase_create("crash");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 600);
	tcase_add_loop_test(tests, stopped_at_every_operation_of_a_first_life, FAKE_KEEP, FAKE_SOME + 1);
	tcase_add_loop_test(tests, stopped_at_every_operation_of_a_later_life, FAKE_KEEP, FAKE_SOME + 1);
	tcase_add_test(tests, failing_at_every_operation);
	tcase_add_test(tests, campaign);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
