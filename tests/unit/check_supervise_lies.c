/*
 * check_supervise_lies.c: the supervisor against a worker that is played by the test: every frame a hostile process
 * could send, cut anywhere, and a progress page that runs to and fro.
 */
#include <check.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "supervise/channel.h"
#include "supervise/supervise.h"
#include "worker/protocol.h"

struct channel {
	struct channel_events events;
	struct loop_task end;
	struct loop *loop;
	bool killed;
};

static struct loop *loop;
static struct supervisor *supervisor;
static struct worker *worker;
static struct channel *channel; /* the one that is open */
static struct buffer said;      /* what the worker says next */
static unsigned opened;
static uint64_t progress;
static struct worker_call calls[3];
static unsigned records, ended;
static enum call_result result;
static enum ep_error code;
static char text[600];

static void end_channel(void *argument)
{
	struct channel *at = argument;
	const struct channel_exit how = {.signal = SIGKILL};

	at->events.exited(at->events.owner, &how);
}

static enum ep_status fake_open(void *self, struct loop *on, const char *program, const struct channel_events *events,
	struct channel **out, struct error *error)
{
	(void)self;
	(void)program;
	(void)error;
	channel = calloc(1, sizeof(*channel));
	channel->events = *events;
	channel->loop = on;
	channel->end = (struct loop_task){.run = end_channel, .argument = channel};
	opened++;
	*out = channel;
	return EP_OK;
}

static ssize_t fake_read(struct channel *at, void *data, size_t length)
{
	const size_t given = said.length < length ? said.length : length;

	(void)at;
	if (given == 0) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(data, said.data, given);
	buffer_consume(&said, given);
	return (ssize_t)given;
}

static ssize_t fake_write(struct channel *at, const void *data, size_t length, int fd)
{
	(void)at;
	(void)data;
	(void)fd;
	return (ssize_t)length;
}

static void fake_want(struct channel *at, bool readable, bool writable)
{
	(void)at;
	(void)readable;
	(void)writable;
}

static int fake_progress_fd(struct channel *at)
{
	(void)at;
	return 0;
}

static uint64_t fake_progress(struct channel *at)
{
	(void)at;
	return progress;
}

static pid_t fake_pid(struct channel *at)
{
	(void)at;
	return 4711;
}

static void fake_kill(struct channel *at)
{
	at->killed = true;
	loop_task_queue(at->loop, &at->end);
}

static void fake_close(struct channel *at)
{
	loop_task_cancel(at->loop, &at->end);
	channel = NULL;
	free(at);
}

static const struct worker_channel_ops fake = {fake_open, fake_read, fake_write, fake_want, fake_progress_fd,
	fake_progress, fake_pid, fake_kill, fake_close, NULL};

static void on_record(
	struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins, uint32_t count)
{
	uint64_t sum = 0;

	(void)call;
	for (uint64_t i = 0; i < encoded.length; i++) /* every byte is there to be read */
		sum += (unsigned char)encoded.data[i];
	for (uint32_t i = 0; i < count; i++) {
		sum += origins[i].field;
		ck_assert(origins[i].part != 0 || origins[i].offset + origins[i].length <= 5);
	}
	ck_assert_uint_lt(sum, UINT64_MAX);
	records++;
}

static void on_reject(struct worker_call *call, enum ep_error error, const struct ep_place *place, struct ep_slice why)
{
	(void)call;
	(void)error;
	(void)place;
	(void)why;
}

static void on_restarted(struct worker_call *call)
{
	(void)call;
	records = 0;
}

static void on_end(struct worker_call *call, enum call_result how, enum ep_error error, const struct ep_place *place,
	struct ep_slice why)
{
	(void)call;
	(void)place;
	ended++;
	result = how;
	code = error;
	snprintf(text, sizeof(text), "%.*s", (int)why.length, why.data ? why.data : "");
}

static void run_until(const bool *condition, int64_t ns)
{
	const int64_t until = clock_monotonic_ns() + ns;

	while (!(condition && *condition) && clock_monotonic_ns() < until)
		loop_run_once(loop, NS_PER_MS);
}

static void hear(void)
{
	while (channel && !channel->killed && said.length > 0)
		channel->events.readable(channel->events.owner);
}

static void say_loading(void)
{
	const size_t at = frame_begin(&said, WORKER_LOADING);

	frame_put_u64(&said, 0xabc);
	frame_put_bytes(&said, EP_SAY("fake"));
	frame_put_bytes(&said, EP_SAY("0.0.1"));
	frame_put_bytes(&said, EP_SAY("rlimits"));
	frame_end(&said, at);
}

static void say_ready(void)
{
	size_t at;

	say_loading();
	at = frame_begin(&said, WORKER_READY);
	frame_put_u32(&said, 0);
	frame_end(&said, at);
	hear();
}

static void say_done(uint64_t number)
{
	const size_t at = frame_begin(&said, WORKER_DONE);

	frame_put_u64(&said, number);
	frame_end(&said, at);
	hear();
}

static void submit_call(struct worker_call *call)
{
	*call = (struct worker_call){.body = EP_SAY("12345"),
		.body_fd = -1,
		.record = on_record,
		.reject = on_reject,
		.restarted = on_restarted,
		.end = on_end};
	ck_assert_int_eq(worker_submit(worker, call), EP_OK);
}

static void submit(size_t i)
{
	submit_call(&calls[i]);
}

static void setup(void)
{
	struct supervisor_options options = {.channels = &fake};
	const struct worker_options of_worker = {.source = "s",
		.plugin_path = "p.so",
		.deadline_ns = 80 * NS_PER_MS,
		.memory_max = 1 << 20,
		.json_max = 1 << 20};
	struct error error;

	log_setup(LOG_TEXT, (enum ep_log_level)(EP_LOG_ERROR + 1));
	buffer_init(&said, (size_t)64 << 20);
	opened = records = ended = 0;
	progress = 0;
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	options.loop = loop;
	ck_assert_int_eq(supervisor_create(&supervisor, &options, &error), EP_OK);
	ck_assert_int_eq(worker_create(supervisor, &of_worker, &worker, &error), EP_OK);
	submit(0);
	run_until(NULL, 2 * NS_PER_MS);
	ck_assert_ptr_nonnull(channel);
}

static void teardown(void)
{
	supervisor_destroy(supervisor);
	loop_destroy(loop);
	buffer_free(&said);
}

/* What was said must have led to its end, and the call must still be there for its second try. */
static void caught(void)
{
	hear();
	ck_assert_msg(!channel || channel->killed, "it lives on");
	run_until(NULL, 2 * NS_PER_MS);
	ck_assert_uint_eq(ended, 0);
	buffer_clear(&said);
}

START_TEST(an_honest_worker)
{
	say_ready();
	say_done(1);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(result, CALL_OK);
	ck_assert_uint_eq(worker_identity(worker)->build, 0xabc);
}
END_TEST

START_TEST(answers_too_early_too_late_or_to_others)
{
	say_done(1); /* before it is ready */
	caught();
	run_until(NULL, 150 * NS_PER_MS);
	say_ready();
	say_done(2);
	caught();
	run_until(NULL, 300 * NS_PER_MS);
	say_ready();
	say_done(1);
	ck_assert_uint_eq(ended, 1);
	say_done(1); /* once more: a second answer */
	ck_assert(!channel || channel->killed);
}
END_TEST

START_TEST(twice_is_the_end)
{
	for (int i = 0; i < 2; i++) {
		run_until(NULL, 150 * NS_PER_MS);
		say_ready();
		say_done(77);
		run_until(NULL, 2 * NS_PER_MS);
	}
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(result, CALL_CRASHED);
	ck_assert_int_eq(code, EP_ERR_PLUGIN_FAULT);
	ck_assert_ptr_nonnull(strstr(text, "plugin fake 0.0.1 (build 0000000000000abc)"));
}
END_TEST

static void say_record(uint32_t origins, uint32_t length, size_t bytes)
{
	const size_t at = frame_begin(&said, WORKER_RECORD);

	frame_put_u64(&said, 1);
	frame_put_u32(&said, origins);
	frame_put_u32(&said, length);
	for (size_t i = 0; i < bytes; i++)
		buffer_append_byte(&said, (char)i);
	frame_end(&said, at);
}

START_TEST(records_of_lying_lengths)
{
	static const struct {
		uint32_t origins, length;
		size_t bytes;
	} lies[] = {{0, 100, 24}, {1, 0, 16}, {1, 8, 24}, {0xffffffff, 0, 64}, {0x0aaaaaab, 0, 64}, {0, 0xffffffff, 64},
		{0, RECORD_BYTES_MAX + 1, 64}, {WORKER_ORIGINS_MAX + 1, 0, 64}, {2, 0, 40}};

	say_ready();
	say_record(lies[_i].origins, lies[_i].length, lies[_i].bytes);
	caught();
	ck_assert_uint_eq(records, 0);
}
END_TEST

START_TEST(an_origin_outside_of_the_message)
{
	struct record_origin origins[3] = {{.field = 1, .offset = 4, .length = 1},
		{.field = 2, .offset = 4, .length = 2}, {.field = 3, .offset = UINT64_MAX, .length = 1}};
	size_t at;

	say_ready();
	at = frame_begin(&said, WORKER_RECORD);
	frame_put_u64(&said, 1);
	frame_put_u32(&said, 3);
	frame_put_u32(&said, 0);
	buffer_append(&said, origins, sizeof(origins));
	frame_end(&said, at);
	hear();
	ck_assert_uint_eq(records, 1); /* on_record() has looked at them */
}
END_TEST

START_TEST(frames_that_are_too_long)
{
	const uint32_t length = _i == 0 ? 0xfffffff8 : _i == 1 ? (uint32_t)WORKER_REPLY_MAX + 8 : 13;

	say_ready();
	frame_put_u32(&said, length);
	frame_put_u32(&said, WORKER_RECORD);
	caught();
}
END_TEST

/* A constructor may speak for the worker, but not about its name and its sandbox. */
START_TEST(who_it_is_is_said_once)
{
	const size_t at = frame_begin(&said, WORKER_READY);

	frame_put_u32(&said, 0);
	frame_end(&said, at);
	caught(); /* ready without a name */
	run_until(NULL, 150 * NS_PER_MS);
	say_loading();
	say_loading();
	caught();
	ck_assert_str_eq(worker_identity(worker)->layers, "rlimits");
}
END_TEST

START_TEST(a_refusal_is_printable)
{
	size_t at;

	say_loading();
	at = frame_begin(&said, WORKER_REFUSED);
	frame_put_u32(&said, EP_ERR_PLUGIN_LOAD);
	frame_put_u32(&said, EP_BAD_CONFIG);
	frame_put_bytes(&said, EP_SAY("\033[2J caf\xc3\xa9 \xff\xc3"));
	frame_end(&said, at);
	hear();
	channel->events.exited(channel->events.owner, &(struct channel_exit){.status = WORKER_EXIT_REFUSED});
	ck_assert_str_eq(worker_identity(worker)->trouble, "?[2J caf\xc3\xa9 ??");
}
END_TEST

START_TEST(errors_outside_of_the_catalogue)
{
	const struct ep_place nowhere = ep_place_none();
	size_t at;

	say_ready();
	at = frame_begin(&said, _i == 0 ? WORKER_REJECT : WORKER_FAIL);
	frame_put_u64(&said, 1);
	frame_put_u32(&said, 12345);
	frame_put_u32(&said, 0);
	frame_put_place(&said, &nowhere);
	frame_put_bytes(&said, EP_SAY("x"));
	frame_end(&said, at);
	caught();
}
END_TEST

/* Any bytes, in any pieces: never more than the end of that worker. */
START_TEST(noise)
{
	for (int round = 0; round < 40; round++) {
		const size_t length = (size_t)random_below(400);

		if (!channel || channel->killed) {
			teardown();
			setup();
		}
		say_ready();
		for (size_t i = 0; i < length; i++) {
			const uint64_t kind = random_below(8);
			const uint32_t word = kind < 3   ? (uint32_t)random_below(64) * 8
					      : kind < 6 ? (uint32_t)(WORKER_READY + random_below(8))
							 : (uint32_t)random_below(UINT32_MAX);

			frame_put_u32(&said, word);
			if (random_below(4) == 0)
				hear();
		}
		hear();
		buffer_clear(&said);
	}
}
END_TEST

/* On and on through the calls that it has, none of which is answered: twice the deadline at most. */
START_TEST(a_progress_page_that_runs_ahead)
{
	static struct worker_call more[60];
	const int64_t begun = clock_monotonic_ns();

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		submit_call(&more[i]);
	say_ready();
	while (channel && !channel->killed && clock_monotonic_ns() - begun < 5 * NS_PER_S) {
		progress = 1 + (uint64_t)((clock_monotonic_ns() - begun) / (40 * NS_PER_MS));
		loop_run_once(loop, 7 * NS_PER_MS);
	}
	ck_assert_msg(!channel || channel->killed, "it was never killed");
	ck_assert_int_lt(clock_monotonic_ns() - begun, NS_PER_S);
}
END_TEST

/* To and fro between two calls that it has: its time runs out all the same. */
START_TEST(a_progress_page_that_lies)
{
	const int64_t until = clock_monotonic_ns() + 5 * NS_PER_S;

	submit(1);
	say_ready();
	while (channel && !channel->killed && clock_monotonic_ns() < until) {
		progress = progress == 1 ? 2 : 1;
		loop_run_once(loop, 7 * NS_PER_MS);
	}
	ck_assert_msg(!channel || channel->killed, "it was never killed");
	ck_assert_int_lt(clock_monotonic_ns(), until);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("supervise_lies");
	TCase *lies = tcase_create("lies");
	SRunner *runner;
	int failed;

	tcase_set_timeout(lies, 60);
	tcase_add_checked_fixture(lies, setup, teardown);
	tcase_add_test(lies, an_honest_worker);
	tcase_add_test(lies, answers_too_early_too_late_or_to_others);
	tcase_add_test(lies, twice_is_the_end);
	tcase_add_loop_test(lies, records_of_lying_lengths, 0, 9);
	tcase_add_test(lies, an_origin_outside_of_the_message);
	tcase_add_loop_test(lies, frames_that_are_too_long, 0, 3);
	tcase_add_loop_test(lies, errors_outside_of_the_catalogue, 0, 2);
	tcase_add_test(lies, noise);
	tcase_add_test(lies, who_it_is_is_said_once);
	tcase_add_test(lies, a_refusal_is_printable);
	tcase_add_test(lies, a_progress_page_that_lies);
	tcase_add_test(lies, a_progress_page_that_runs_ahead);
	suite_add_tcase(suite, lies);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
