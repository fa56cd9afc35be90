/*
 * bench_worker.c: what it costs to hand a message of 1 KiB to a worker and to get 600 bytes back.
 *
 *   bench_worker PLUGIN [ROUNDS]
 *
 * At full load: as many messages under way as the supervisor's queue holds. Alone: the next one is sent when the answer to
 * the last is here. Beside it the bare mechanism, in rounds that alternate: the same bytes through a stream socketpair, by
 * writev in batches of 64, between two processes that look at nothing. Medians of the rounds; time by the clock and time
 * on a processor, of this process and of the other.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervise/supervise.h"

#define MESSAGE_BYTES 1024
#define ANSWER_BYTES 600
#define BATCH 64
#define FULL_MESSAGES 200000
#define ALONE_MESSAGES 3000
#define ROUNDS_MAX 32
#define SOCKET_BUFFER (1024 * 1024)

struct figures {
	double wall, here, there; /* microseconds a message */
	double p50, p99;          /* alone */
};

static struct loop *loop;
static struct supervisor *supervisor;
static struct worker *worker;
static struct worker_call calls[WORKER_QUEUE_MAX];
static char bodies[2][MESSAGE_BYTES]; /* that ask for an answer, and that don't */
static const char *body;
static uint64_t submitted, ended, wanted;
static uint64_t answer_bytes;

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "bench_worker: %s\n", what);
	exit(EXIT_FAILURE);
}

static int64_t processor_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* Of another process: the first number of its schedstat. */
static int64_t processor_ns_of(pid_t pid)
{
	char path[64], line[128];
	int64_t ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		ns = strtoll(line, NULL, 10);
	fclose(file);
	return ns;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double at(double *values, size_t count, size_t percent)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count * percent / 100 < count ? count * percent / 100 : count - 1];
}

/* The worker ------------------------------------------------------------------------------------------------------ */

static void on_record(
	struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins, uint32_t count)
{
	(void)call;
	(void)origins;
	answer_bytes += encoded.length + count * sizeof(*origins);
}

static void on_reject(struct worker_call *call, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	(void)call;
	(void)code;
	(void)place;
	(void)text;
	fail("a record was rejected");
}

static void on_restarted(struct worker_call *call)
{
	(void)call;
	fail("the worker was restarted");
}

static void submit(struct worker_call *call);

static void on_end(struct worker_call *call, enum call_result result, enum ep_error code, const struct ep_place *place,
	struct ep_slice text)
{
	(void)code;
	(void)place;
	(void)text;
	if (result != CALL_OK)
		fail("a call failed");
	ended++;
	if (submitted < wanted)
		submit(call);
}

static void submit(struct worker_call *call)
{
	*call = (struct worker_call){.body = ep_slice_make(body, MESSAGE_BYTES),
		.body_fd = -1,
		.record = on_record,
		.reject = on_reject,
		.restarted = on_restarted,
		.end = on_end};
	submitted++;
	if (worker_submit(worker, call) != EP_OK)
		fail("the queue is full");
}

static void run_calls(uint64_t messages, size_t at_once)
{
	submitted = ended = 0;
	wanted = messages;
	for (size_t i = 0; i < at_once; i++)
		submit(&calls[i]);
	while (ended < messages)
		loop_run_once(loop, NS_PER_S);
}

static void full_worker(struct figures *figures, bool answers)
{
	const pid_t pid = worker_identity(worker)->pid;
	const int64_t begun = clock_monotonic_ns(), here = processor_ns(), there = processor_ns_of(pid);

	body = bodies[answers ? 0 : 1];
	run_calls(FULL_MESSAGES, WORKER_QUEUE_MAX - 1);
	figures->wall = (double)(clock_monotonic_ns() - begun) / 1000 / FULL_MESSAGES;
	figures->here = (double)(processor_ns() - here) / 1000 / FULL_MESSAGES;
	figures->there = (double)(processor_ns_of(pid) - there) / 1000 / FULL_MESSAGES;
}

static void alone_worker(struct figures *figures)
{
	static double samples[ALONE_MESSAGES];

	body = bodies[0];
	for (size_t i = 0; i < ALONE_MESSAGES; i++) {
		const int64_t begun = clock_monotonic_ns();

		run_calls(1, 1);
		samples[i] = (double)(clock_monotonic_ns() - begun) / 1000;
	}
	figures->p50 = at(samples, ALONE_MESSAGES, 50);
	figures->p99 = at(samples, ALONE_MESSAGES, 99);
}

/* Bare ------------------------------------------------------------------------------------------------------------ */

/* The other process: for each message that has come, an answer. */
static void __attribute__((noreturn)) echo(int fd)
{
	static char in[256 * 1024], out[256 * ANSWER_BYTES];
	size_t bytes = 0;

	for (;;) {
		ssize_t got = read(fd, in, sizeof(in));
		size_t length;

		if (got <= 0)
			_exit(0);
		bytes += (size_t)got;
		length = bytes / MESSAGE_BYTES * ANSWER_BYTES;
		bytes %= MESSAGE_BYTES;
		for (size_t done = 0; done < length;) {
			ssize_t wrote = write(fd, out + done, length - done);

			if (wrote == -1)
				_exit(0);
			done += (size_t)wrote;
		}
	}
}

static int start_echo(pid_t *pid)
{
	const int size = SOCKET_BUFFER;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == -1)
		fail("no socketpair");
	setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(sockets[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*pid = fork();
	if (*pid == 0) {
		close(sockets[0]);
		echo(sockets[1]);
	}
	close(sockets[1]);
	return sockets[0];
}

static void send_bare(int fd, size_t messages)
{
	struct iovec parts[BATCH];

	for (size_t i = 0; i < messages; i++)
		parts[i] = (struct iovec){bodies[0], MESSAGE_BYTES};
	if (writev(fd, parts, (int)messages) != (ssize_t)(messages * MESSAGE_BYTES))
		fail("a short write"); /* the socket holds all that may be under way */
}

/* Bytes of answers; waits for some. */
static size_t receive_bare(int fd)
{
	static char in[64 * 1024];
	ssize_t got = read(fd, in, sizeof(in));

	if (got <= 0)
		fail("the other process has ended");
	return (size_t)got;
}

static void full_bare(struct figures *figures, int fd, pid_t pid)
{
	const int64_t begun = clock_monotonic_ns(), here = processor_ns(), there = processor_ns_of(pid);
	size_t sent = 0, bytes = 0;

	while (bytes < (size_t)FULL_MESSAGES * ANSWER_BYTES) {
		while (sent < FULL_MESSAGES && sent + BATCH - bytes / ANSWER_BYTES <= WORKER_QUEUE_MAX) {
			const size_t batch = FULL_MESSAGES - sent < BATCH ? FULL_MESSAGES - sent : BATCH;

			send_bare(fd, batch);
			sent += batch;
		}
		bytes += receive_bare(fd);
	}
	figures->wall = (double)(clock_monotonic_ns() - begun) / 1000 / FULL_MESSAGES;
	figures->here = (double)(processor_ns() - here) / 1000 / FULL_MESSAGES;
	figures->there = (double)(processor_ns_of(pid) - there) / 1000 / FULL_MESSAGES;
}

static void alone_bare(struct figures *figures, int fd)
{
	static double samples[ALONE_MESSAGES];

	for (size_t i = 0; i < ALONE_MESSAGES; i++) {
		const int64_t begun = clock_monotonic_ns();

		send_bare(fd, 1);
		for (size_t bytes = 0; bytes < ANSWER_BYTES;)
			bytes += receive_bare(fd);
		samples[i] = (double)(clock_monotonic_ns() - begun) / 1000;
	}
	figures->p50 = at(samples, ALONE_MESSAGES, 50);
	figures->p99 = at(samples, ALONE_MESSAGES, 99);
}

/* Rounds ---------------------------------------------------------------------------------------------------------- */

static double median(const struct figures *rounds, size_t count, size_t offset)
{
	double values[ROUNDS_MAX];

	for (size_t i = 0; i < count; i++)
		memcpy(&values[i], (const char *)&rounds[i] + offset, sizeof(double));
	return at(values, count, 50);
}

static void show(const char *name, const struct figures *rounds, size_t count, bool alone)
{
	printf("%-34s %6.2f %6.2f %6.2f", name, median(rounds, count, offsetof(struct figures, wall)),
		median(rounds, count, offsetof(struct figures, here)),
		median(rounds, count, offsetof(struct figures, there)));
	if (alone)
		printf("  %7.1f %7.1f", median(rounds, count, offsetof(struct figures, p50)),
			median(rounds, count, offsetof(struct figures, p99)));
	printf("\n");
}

static void open_worker(const char *plugin)
{
	const struct worker_options options = {.source = "bench",
		.plugin_path = plugin,
		.deadline_ns = 10 * NS_PER_S,
		.memory_max = 64 << 20,
		.json_max = 1 << 20};
	struct supervisor_options supervisor_options = {.worker_program = NULL};
	struct error error;

	log_setup(LOG_TEXT, EP_LOG_ERROR);
	if (loop_create(&loop, &error) != EP_OK)
		fail(error.text);
	supervisor_options.loop = loop;
	if (supervisor_create(&supervisor, &supervisor_options, &error) != EP_OK ||
		worker_create(supervisor, &options, &worker, &error) != EP_OK || worker_start(worker, &error) != EP_OK)
		fail(error.text);
}

int main(int argc, char **argv)
{
	static struct figures bare[ROUNDS_MAX], silent[ROUNDS_MAX], whole[ROUNDS_MAX];
	const size_t rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 5;
	pid_t pid;
	int fd;

	if (argc < 2 || rounds == 0 || rounds > ROUNDS_MAX)
		fail("bench_worker PLUGIN [ROUNDS, at most 32]");
	memset(bodies, 'a', sizeof(bodies));
	bodies[1][0] = '-';
	fd = start_echo(&pid);
	open_worker(argv[1]);
	for (size_t i = 0; i < rounds; i++) {
		full_bare(&bare[i], fd, pid);
		full_worker(&silent[i], false);
		answer_bytes = 0;
		full_worker(&whole[i], true);
		alone_bare(&bare[i], fd);
		alone_worker(&whole[i]);
	}
	printf("messages of %d bytes, medians of %zu rounds\n", MESSAGE_BYTES, rounds);
	printf("%-34s %20s  %15s\n", "", "full load, us a message", "alone, us");
	printf("%-34s %6s %6s %6s  %7s %7s\n", "", "clock", "here", "there", "p50", "p99");
	show("bare, 600 bytes back", bare, rounds, true);
	show("worker, nothing back but its end", silent, rounds, false);
	show("worker, a record of 600 bytes back", whole, rounds, true);
	printf("(the records with their origins: %" PRIu64 " bytes each)\n",
		answer_bytes / (FULL_MESSAGES + ALONE_MESSAGES));
	supervisor_destroy(supervisor);
	loop_destroy(loop);
	close(fd);
	waitpid(pid, NULL, 0);
	return EXIT_SUCCESS;
}
