/* check_supervise.c: real workers: calls in order, in batches, with large bodies; crashes, hangs, lies and floods contained. */
#include "worker_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MANY 200

START_TEST(answers_in_order)
{
	static struct answer answers[MANY];
	struct worker *worker = worker_of("neighbour");

	for (unsigned i = 0; i < MANY; i++) {
		char body[32];

		snprintf(body, sizeof(body), "order-%u\nmore", i);
		answer_init(&answers[i], body);
		submit(worker, &answers[i]);
	}
	wait_for(&answers[MANY - 1].ended);
	for (unsigned i = 0; i < MANY; i++) {
		char number[32];

		snprintf(number, sizeof(number), "order-%u", i);
		ck_assert_int_eq(answers[i].result, CALL_OK);
		ck_assert_uint_eq(answers[i].order, i + 1);
		ck_assert_uint_eq(answers[i].records, 2);
		ck_assert_str_eq(answers[i].first_number, number);
		ck_assert_str_eq(answers[i].last_number, "more");
	}
	ck_assert_uint_eq(worker_identity(worker)->crashes, 0);
	ck_assert_str_eq(worker_identity(worker)->name, "neighbour");
	ck_assert_str_eq(worker_identity(worker)->version, "1.2.3");
}
END_TEST

START_TEST(rejects_and_failures)
{
	struct worker *worker = worker_of("neighbour");
	struct answer answer;

	ask(worker, &answer, "a\nreject b\nc");
	ck_assert_int_eq(answer.result, CALL_OK);
	ck_assert_uint_eq(answer.records, 2);
	ck_assert_uint_eq(answer.rejects, 1);
	ck_assert_uint_eq(answer.place.offset, 2);
	ask(worker, &answer, "a\nfail here");
	ck_assert_int_eq(answer.result, CALL_FAILED);
	ck_assert_int_eq(answer.code, EP_ERR_VALUE);
	ck_assert_str_eq(answer.text, "fail here");
	ck_assert_uint_eq(worker_identity(worker)->crashes, 0);
}
END_TEST

START_TEST(reject_message)
{
	struct worker_options options = options_for("neighbour");
	struct worker *worker;
	struct answer answer;

	options.reject_message = true;
	worker = worker_with(&options);
	ask(worker, &answer, "a\nreject b\nc");
	ck_assert_int_eq(answer.result, CALL_FAILED);
}
END_TEST

START_TEST(headers_and_options)
{
	const struct worker_setting settings[] = {{"prefix", "P-"}, {"zone", "+08:00"}};
	const struct ep_header headers[] = {{EP_SAY("x-secret"), EP_SAY("no")}, {EP_SAY("x-order"), EP_SAY("77")}};
	struct worker_options options = options_for("neighbour");
	struct worker *worker;
	struct answer answer;

	options.settings = settings;
	options.setting_count = 2;
	worker = worker_with(&options);
	answer_init(&answer, "");
	answer.call.headers = headers;
	answer.call.header_count = 2;
	submit(worker, &answer);
	wait_for(&answer.ended);
	ck_assert_int_eq(answer.result, CALL_OK);
	ck_assert_uint_eq(answer.records, 1);
	ck_assert_str_eq(answer.first_number, "P-77");
}
END_TEST

static int memory_file(const char *bytes, size_t length)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	return fd;
}

/* A message of exactly `length` bytes: an order, a line of filler too long for one, an order. By descriptor or not. */
static void ask_large(struct worker *worker, size_t length, bool by_descriptor, size_t beyond)
{
	char *bytes = malloc(length + beyond);
	struct answer answer;
	int fd = -1;

	memset(bytes, 'x', length + beyond);
	memcpy(bytes, "first\n", 6);
	memcpy(bytes + length - 5, "\nlast", 5);
	answer_init(&answer, "");
	if (by_descriptor) {
		fd = memory_file(bytes, length + beyond);
		answer.call.body_fd = fd;
		answer.call.body_length = length;
	} else {
		answer.call.body = ep_slice_make(bytes, length);
	}
	submit(worker, &answer);
	wait_for(&answer.ended);
	ck_assert_msg(answer.result == CALL_OK, "%zu bytes: %s", length, answer.text);
	ck_assert_uint_eq(answer.records, 2);
	ck_assert_str_eq(answer.first_number, "first");
	ck_assert_str_eq(answer.last_number, "last");
	if (fd != -1)
		close(fd);
	free(bytes);
}

START_TEST(bodies_of_all_sizes)
{
	static const size_t sizes[] = {100, 4000, 4032, 4033, 4095, 4096, 4097, 8192, 65536, 1024 * 1024 - 1,
		1024 * 1024, 1024 * 1024 + 1, 5 * 1024 * 1024};
	struct worker *worker = worker_of("neighbour");
	struct answer answer;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ask_large(worker, sizes[i], false, 0);
		ask_large(worker, sizes[i], true, 0);
		ask_large(worker, sizes[i], true, 5000); /* the file goes on behind the message */
	}
	ask(worker, &answer, "");
	ck_assert_int_eq(answer.result, CALL_OK);
	ck_assert_uint_eq(answer.records, 0);
	answer_init(&answer, "");
	answer.call.body_fd = memory_file("", 0);
	submit(worker, &answer);
	wait_for(&answer.ended);
	ck_assert_int_eq(answer.result, CALL_OK);
	close(answer.call.body_fd);
	ck_assert_uint_eq(worker_identity(worker)->crashes, 0);
}
END_TEST

START_TEST(many_large_bodies_at_once)
{
	enum { COUNT = 40, LENGTH = 2 * 1024 * 1024 };
	static struct answer answers[COUNT];
	struct worker *worker = worker_of("neighbour");
	char *bytes = malloc(LENGTH);
	int fd;

	memset(bytes, 'x', LENGTH);
	memcpy(bytes, "one\n", 4);
	fd = memory_file(bytes, LENGTH);
	for (unsigned i = 0; i < COUNT; i++) {
		answer_init(&answers[i], "small");
		if (i % 3 == 0) {
			answers[i].call.body_fd = fd;
			answers[i].call.body_length = LENGTH;
		} else if (i % 3 == 1) {
			answers[i].call.body = ep_slice_make(bytes, LENGTH / 4);
		}
		submit(worker, &answers[i]);
	}
	wait_for(&answers[COUNT - 1].ended);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_int_eq(answers[i].result, CALL_OK);
		ck_assert_uint_eq(answers[i].records, 1);
	}
	close(fd);
	free(bytes);
}
END_TEST

START_TEST(a_body_that_is_too_short)
{
	struct worker *worker = worker_of("neighbour");
	struct answer answer;

	answer_init(&answer, "");
	answer.call.body_fd = memory_file("abc", 3);
	answer.call.body_length = 100000;
	submit(worker, &answer);
	wait_for(&answer.ended);
	ck_assert_int_eq(answer.result, CALL_FAILED);
	ck_assert_int_eq(answer.code, EP_ERR_IO);
	close(answer.call.body_fd);
}
END_TEST

/* The file is cut short while its mapping is read: that is the disk's fault, whatever the plugin was doing. */
START_TEST(a_body_that_shrinks)
{
	enum { LENGTH = 64 * 1024 * 1024 };
	struct worker *worker = worker_of("neighbour");

	for (int i = 0; i < 10; i++) {
		FILE *file = tmpfile();
		struct answer answer;

		ck_assert_int_eq(ftruncate(fileno(file), LENGTH), 0);
		answer_init(&answer, "");
		answer.call.body_fd = fileno(file);
		answer.call.body_length = LENGTH;
		submit(worker, &answer);
		for (int pass = 0; pass <= i && !answer.ended; pass++)
			loop_run_once(loop, NS_PER_MS);
		ck_assert_int_eq(ftruncate(fileno(file), 0), 0);
		wait_for(&answer.ended);
		ck_assert_msg(answer.result == CALL_OK || answer.code == EP_ERR_IO, "%s", answer.text);
		fclose(file);
	}
}
END_TEST

static bool room;

static void on_room(void *argument)
{
	(void)argument;
	room = true;
}

/* Ends when nothing came for a while, and the next call starts another: neither a crash nor a restart. */
START_TEST(an_idle_worker_ends)
{
	struct worker_options options = options_for("neighbour");
	struct worker *worker;
	struct answer answer;

	options.idle_ns = 60 * NS_PER_MS;
	worker = worker_with(&options);
	for (int round = 0; round < 3; round++) {
		const int64_t begun = clock_monotonic_ns();

		ask(worker, &answer, "a");
		ck_assert_int_eq(answer.result, CALL_OK);
		ask(worker, &answer, "b"); /* by the same one */
		ck_assert_int_eq(answer.result, CALL_OK);
		while (worker_identity(worker)->pid != 0) {
			ck_assert_int_lt(clock_monotonic_ns() - begun, PATIENCE_NS);
			loop_run_once(loop, 10 * NS_PER_MS);
		}
		ck_assert_int_ge(clock_monotonic_ns() - begun, options.idle_ns);
		if (round == 1) { /* at once after its end was decided on */
			ask(worker, &answer, "c");
			ck_assert_int_eq(answer.result, CALL_OK);
		}
	}
	ck_assert_uint_eq(worker_identity(worker)->crashes, 0);
	ck_assert_uint_eq(worker_identity(worker)->restarts, 0);
	ck_assert_str_eq(worker_identity(worker)->trouble, "");
}
END_TEST

static void tell_nobody(void *argument, const char *source, const struct error *error)
{
	(void)argument;
	ck_abort_msg("%s: %s", source, error->text);
}

/* Of many that were started to see whether they can, a few stay. */
START_TEST(most_of_many_workers_end_at_once)
{
	enum { COUNT = 40, STAY_MAX = 16 };
	struct worker *workers[COUNT];
	struct answer answer;
	const int64_t until = clock_monotonic_ns() + PATIENCE_NS;
	size_t running = COUNT;

	for (size_t i = 0; i < COUNT; i++)
		workers[i] = worker_of("neighbour");
	ck_assert_uint_eq(supervisor_start_all(supervisor, PATIENCE_NS, tell_nobody, NULL), 0);
	while (running > STAY_MAX) {
		ck_assert_int_lt(clock_monotonic_ns(), until);
		loop_run_once(loop, 10 * NS_PER_MS);
		running = 0;
		for (size_t i = 0; i < COUNT; i++)
			running += worker_identity(workers[i])->pid != 0;
	}
	ck_assert_uint_eq(running, STAY_MAX);
	for (size_t i = 0; i < COUNT; i++) {
		ask(workers[i], &answer, "x");
		ck_assert_int_eq(answer.result, CALL_OK);
		ck_assert_uint_eq(worker_identity(workers[i])->restarts, 0);
	}
}
END_TEST

START_TEST(queue_has_a_bound)
{
	static struct answer answers[WORKER_QUEUE_MAX + 1];
	struct worker *worker = worker_of("neighbour");

	room = false;
	worker_on_room(worker, on_room, NULL);
	for (unsigned i = 0; i <= WORKER_QUEUE_MAX; i++)
		answer_init(&answers[i], "x");
	for (unsigned i = 0; i < WORKER_QUEUE_MAX; i++)
		submit(worker, &answers[i]);
	ck_assert_int_eq(worker_submit(worker, &answers[WORKER_QUEUE_MAX].call), EP_AGAIN);
	wait_for(&room);
	submit(worker, &answers[WORKER_QUEUE_MAX]);
	wait_for(&answers[WORKER_QUEUE_MAX].ended);
	ck_assert_uint_eq(ended_calls, WORKER_QUEUE_MAX + 1);
}
END_TEST

/* An act of the hostile plugin, with what it must come to. */
static const struct {
	const char *act;
	enum ep_error code;
	const char *text;
	unsigned crashes; /* 3: whose a lie is shows only when each call is alone */
} fatal[] = {
	{"null", EP_ERR_PLUGIN_CRASH, "SIGSEGV", 2},
	{"overflow", EP_ERR_PLUGIN_CRASH, "SIGSEGV", 2},
	{"heap", EP_ERR_PLUGIN_CRASH, "SIG", 2},
	{"abort", EP_ERR_PLUGIN_CRASH, "SIGABRT", 2},
	{"hang", EP_ERR_PLUGIN_DEADLINE, "deadline of 400 ms", 2},
	{"bomb", EP_ERR_PLUGIN_MEMORY, "memory_max of 64 MiB", 2},
	{"exit", EP_ERR_PLUGIN_CRASH, "ended by itself with status 0", 2},
	{"garbage", EP_ERR_PLUGIN_FAULT, "a frame of", 3},
	{"lengths", EP_ERR_PLUGIN_FAULT, "an answer to a call that it doesn't have", 3},
	{"foreign-answer", EP_ERR_PLUGIN_FAULT, "an answer to a call that it doesn't have", 3},
	{"close", EP_ERR_PLUGIN_FAULT, "closed its socket", 3},
	{"flood", EP_ERR_PLUGIN_FAULT, "of output from a message of 5", 3},
};

/* The hostile message stands in the middle of good ones: it alone is ended, after two tries, and the rest is answered. */
START_TEST(a_crash_is_one_calls_own)
{
	enum { COUNT = 21, BAD = 10 };
	static struct answer answers[COUNT];
	struct worker_options options = options_for("hostile");
	struct worker *worker, *neighbour = worker_of("neighbour");
	struct answer beside;
	pid_t pid;

	if (ADDRESS_SANITIZER && fatal[_i].code == EP_ERR_PLUGIN_MEMORY)
		return;
	options.deadline_ns = strcmp(fatal[_i].act, "hang") == 0 ? 400 * NS_PER_MS : 20 * NS_PER_S;
	worker = worker_with(&options);
	ask(neighbour, &beside, "before");
	pid = worker_identity(neighbour)->pid;
	ended_calls = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		answer_init(&answers[i], i == BAD ? fatal[_i].act : "none");
		submit(worker, &answers[i]);
	}
	wait_for(&answers[COUNT - 1].ended);
	for (unsigned i = 0; i < COUNT; i++) {
		ck_assert_uint_eq(answers[i].order, i + 1);
		if (i == BAD)
			continue;
		ck_assert_msg(answers[i].result == CALL_OK, "%s: call %u: %s", fatal[_i].act, i, answers[i].text);
		ck_assert_uint_eq(answers[i].records, 1);
	}
	ck_assert_msg(answers[BAD].result == CALL_CRASHED, "%s: result %d", fatal[_i].act, answers[BAD].result);
	ck_assert_msg(strstr(answers[BAD].text, fatal[_i].text) ||
			      (ADDRESS_SANITIZER && strstr(answers[BAD].text, "status 1")),
		"%s: %s", fatal[_i].act, answers[BAD].text);
	ck_assert_msg(answers[BAD].code == fatal[_i].code, "%s: code %d, %s", fatal[_i].act, answers[BAD].code,
		answers[BAD].text);
	ck_assert_ptr_nonnull(strstr(answers[BAD].text, "plugin hostile 6.6.6 (build "));
	ck_assert_uint_eq(worker_identity(worker)->crashes, fatal[_i].crashes);
	ask(neighbour, &beside, "after");
	ck_assert_int_eq(beside.result, CALL_OK);
	ck_assert_int_eq(worker_identity(neighbour)->pid, pid);
	ck_assert_uint_eq(worker_identity(neighbour)->crashes, 0);
}
END_TEST

/* Killed from outside in the middle of many records: given once more, from the start, and whole. */
START_TEST(a_second_try_succeeds)
{
	const struct worker_setting settings[] = {{"repeat", "300000"}};
	struct worker_options options = options_for("neighbour");
	struct worker *worker;
	struct answer answer;
	const int64_t until = clock_monotonic_ns() + PATIENCE_NS;

	options.settings = settings;
	options.setting_count = 1;
	options.deadline_ns = PATIENCE_NS;
	worker = worker_with(&options);
	answer_init(&answer, "x");
	submit(worker, &answer);
	while (answer.records == 0 && clock_monotonic_ns() < until)
		loop_run_once(loop, NS_PER_MS);
	ck_assert_uint_gt(answer.records, 0);
	ck_assert_int_eq(kill(worker_identity(worker)->pid, SIGKILL), 0);
	wait_for(&answer.ended);
	ck_assert_int_eq(answer.result, CALL_OK);
	ck_assert_uint_eq(answer.restarts, 1);
	ck_assert_uint_eq(answer.records, 300000);
	ck_assert_uint_eq(worker_identity(worker)->crashes, 1);
}
END_TEST

START_TEST(an_idle_worker_that_is_killed)
{
	struct worker *worker = worker_of("neighbour");
	struct answer answer;

	ask(worker, &answer, "x");
	ck_assert_int_eq(kill(worker_identity(worker)->pid, SIGKILL), 0);
	ask(worker, &answer, "y");
	ck_assert_int_eq(answer.result, CALL_OK);
	ck_assert_uint_eq(answer.restarts, 0);
	ck_assert_uint_eq(worker_identity(worker)->restarts, 1);
}
END_TEST

static void refused(const char *plugin, const struct worker_setting *setting, enum ep_error code, const char *text)
{
	struct worker_options options = options_for(plugin);
	struct worker *worker;
	struct error error = {0};

	options.settings = setting;
	options.setting_count = setting ? 1 : 0;
	worker = worker_with(&options);
	ck_assert_int_ne(worker_start(worker, &error), EP_OK);
	ck_assert_msg(strstr(error.text, text) != NULL, "expected \"%s\" in: %s", text, error.text);
	ck_assert_int_eq(error.code, code);
}

START_TEST(refusals_to_start)
{
	const struct worker_setting unknown = {"prefxi", "x"}, zone = {"zone", "Mars/Olympus"}, range = {"repeat", "0"};

	refused("neighbour", &unknown, EP_ERR_PLUGIN_OPTION, "prefix");
	refused("neighbour", &range, EP_ERR_PLUGIN_OPTION, "repeat");
	refused("neighbour", &zone, EP_ERR_PLUGIN_OPTION, "Mars/Olympus");
	refused("liar", NULL, EP_ERR_PLUGIN_NOTE, "field version: the note says 1.0.0, ep_plugin_v1() says '9.9.9'");
	refused("not_there", NULL, EP_ERR_PLUGIN_MISSING, "not_there.so");
	refused("constructor_crash", NULL, EP_ERR_WORKER_DIED, "with status 9");
}
END_TEST

/* Calls wait for a worker that can't be started; it is tried again after a delay that doubles, not in a tight loop. */
START_TEST(a_worker_that_never_starts_is_throttled)
{
	struct worker *worker = worker_of("constructor_crash");
	struct answer answer;
	const int64_t until = clock_monotonic_ns() + 1200 * NS_PER_MS;

	answer_init(&answer, "x");
	submit(worker, &answer);
	while (clock_monotonic_ns() < until)
		loop_run_once(loop, 20 * NS_PER_MS);
	ck_assert(!answer.ended);
	ck_assert_uint_ge(worker_identity(worker)->crashes, 2);
	ck_assert_uint_le(worker_identity(worker)->crashes, 5); /* after 0, 75+, 225+, 525+, 1125+ ms */
}
END_TEST

static unsigned count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

START_TEST(nothing_leaks)
{
	struct worker *worker = worker_of("hostile");
	struct answer answer;
	unsigned before;

	ask(worker, &answer, "none");
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		ask(worker, &answer, "exit");
		ck_assert_int_eq(answer.result, CALL_CRASHED);
		ask(worker, &answer, "none");
		ck_assert_int_eq(answer.result, CALL_OK);
	}
	ck_assert_uint_eq(count_descriptors(), before);
	worker_destroy(worker);
	ck_assert_uint_lt(count_descriptors(), before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no zombies */
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(a_flood_of_log_lines)
{
	struct worker *worker = worker_of("hostile");
	struct answer answer;

	ask(worker, &answer, "log");
	ck_assert_int_eq(answer.result, CALL_OK);
}
END_TEST

static struct worker *faulty;

static void fault_on_record(
	struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins, uint32_t count)
{
	(void)call;
	(void)encoded;
	(void)origins;
	(void)count;
	worker_fault(faulty, "gave a record that isn't one");
}

START_TEST(a_fault_found_by_the_caller)
{
	struct answer answer;

	faulty = worker_of("neighbour");
	answer_init(&answer, "x");
	answer.call.record = fault_on_record;
	submit(faulty, &answer);
	wait_for(&answer.ended);
	ck_assert_int_eq(answer.result, CALL_CRASHED);
	ck_assert_int_eq(answer.code, EP_ERR_PLUGIN_FAULT);
	ck_assert_ptr_nonnull(strstr(answer.text, "gave a record that isn't one"));
}
END_TEST

/* The gateway is killed: its worker, busy or not, is gone soon after. */
START_TEST(a_worker_dies_with_its_gateway)
{
	const int64_t until = clock_monotonic_ns() + PATIENCE_NS;
	int pipes[2];
	pid_t gateway, worker_pid = 0;

	ck_assert_int_eq(pipe(pipes), 0);
	gateway = fork();
	if (gateway == 0) {
		struct worker *worker = worker_of("hostile");
		struct answer answer;
		struct error error;

		if (worker_start(worker, &error) != EP_OK)
			_exit(1);
		answer_init(&answer, "hang");
		submit(worker, &answer);
		loop_run_once(loop, 100 * NS_PER_MS);
		worker_pid = worker_identity(worker)->pid;
		if (write(pipes[1], &worker_pid, sizeof(worker_pid)) == -1)
			_exit(1);
		raise(SIGKILL);
	}
	ck_assert_int_eq(read(pipes[0], &worker_pid, sizeof(worker_pid)), sizeof(worker_pid));
	ck_assert_int_eq(waitpid(gateway, NULL, 0), gateway);
	while (kill(worker_pid, 0) == 0 || errno != ESRCH) {
		char path[64], state = 'Z';
		FILE *status;

		snprintf(path, sizeof(path), "/proc/%d/stat", worker_pid);
		status = fopen(path, "r");
		if (!status || fscanf(status, "%*d (%*[^)]) %c", &state) != 1 || state == 'Z' || state == 'X')
			break; /* dead; whoever adopted it has not looked yet */
		fclose(status);
		ck_assert_msg(clock_monotonic_ns() < until, "worker %d lives on", worker_pid);
		loop_run_once(loop, 10 * NS_PER_MS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("supervise");
	TCase *calls = tcase_create("calls"), *faults = tcase_create("faults");
	SRunner *runner;
	int failed;

	tcase_set_timeout(calls, 120);
	tcase_add_checked_fixture(calls, fixture_setup, fixture_teardown);
	tcase_add_test(calls, answers_in_order);
	tcase_add_test(calls, rejects_and_failures);
	tcase_add_test(calls, reject_message);
	tcase_add_test(calls, headers_and_options);
	tcase_add_test(calls, bodies_of_all_sizes);
	tcase_add_test(calls, many_large_bodies_at_once);
	tcase_add_test(calls, a_body_that_is_too_short);
	tcase_add_test(calls, a_body_that_shrinks);
	tcase_add_test(calls, queue_has_a_bound);
	tcase_add_test(calls, an_idle_worker_ends);
	tcase_add_test(calls, most_of_many_workers_end_at_once);
	suite_add_tcase(suite, calls);
	tcase_set_timeout(faults, 120);
	tcase_add_checked_fixture(faults, fixture_setup, fixture_teardown);
	tcase_add_loop_test(faults, a_crash_is_one_calls_own, 0, (int)(sizeof(fatal) / sizeof(fatal[0])));
	tcase_add_test(faults, a_second_try_succeeds);
	tcase_add_test(faults, an_idle_worker_that_is_killed);
	tcase_add_test(faults, refusals_to_start);
	tcase_add_test(faults, a_worker_that_never_starts_is_throttled);
	tcase_add_test(faults, nothing_leaks);
	tcase_add_test(faults, a_flood_of_log_lines);
	tcase_add_test(faults, a_fault_found_by_the_caller);
	tcase_add_test(faults, a_worker_dies_with_its_gateway);
	suite_add_tcase(suite, faults);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
