/*
 * bench_journal.c: what the journal costs beside a bare loop of pwrite + fdatasync on a recycled file.
 *
 *   bench_journal [DIRECTORY] [SECONDS of each round] [ROUNDS]
 *
 * 1 and 64 appenders, each waiting until its message is durable before it appends the next; bodies of 1 KiB and 1 MiB.
 * The bare loop writes batches of as many bodies as the journal's groups held on average, in rounds that alternate with
 * the journal's. Medians of the rounds; "body" counts bodies only, "disk" what was written.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "journal/message.h"

#define APPENDERS_MAX 64
#define ROUNDS_MAX 32
#define SAMPLES_MAX 1000000
#define MIB (1024.0 * 1024.0)
#define BARE_BYTES (INT64_C(64) * 1024 * 1024)
#define CHECKPOINT_BYTES (UINT64_C(16) * 1024 * 1024)

struct figures {
	double body;  /* MiB a second */
	double disk;  /* the same, of what was written */
	double group; /* bodies a group */
	double p50;   /* microseconds */
	double p99;
};

static struct loop *loop;
static struct journal *journal;
static struct error error;
static struct buffer head;
static char *body;
static size_t body_bytes;
static size_t appenders;
static uint64_t waiting_position[APPENDERS_MAX];
static int64_t waiting_since[APPENDERS_MAX];
static int64_t *samples;
static size_t sample_count;
static uint64_t commits;
static uint64_t bodies;
static uint64_t checkpointed;

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "bench_journal: %s: %s\n", what, error.text);
	exit(EXIT_FAILURE);
}

static void append(size_t appender)
{
	struct iovec parts[2] = {{head.data, head.length}, {body, body_bytes}};
	const struct journal_append what = {.kind = JOURNAL_MESSAGE,
		.urgency = JOURNAL_URGENT,
		.source_sequence = 1,
		.parts = parts,
		.part_count = 2,
		.spool_fd = -1};
	struct journal_frame frame;
	enum ep_status status = journal_append(journal, &what, &frame, &error);

	if (status == EP_AGAIN)
		return;
	if (status != EP_OK)
		fail("append");
	waiting_position[appender] = frame.position;
}

static void on_durable(void *argument)
{
	uint64_t durable = journal_durable(journal);
	int64_t now = clock_monotonic_ns();

	(void)argument;
	commits++;
	for (size_t i = 0; i < appenders; i++) {
		if (waiting_position[i] >= durable)
			continue;
		if (waiting_position[i]) {
			bodies++;
			if (sample_count < SAMPLES_MAX)
				samples[sample_count++] = now - waiting_since[i];
			waiting_since[i] = now;
			waiting_position[i] = 0;
		}
		append(i); /* if the journal is full, the next commit tries again */
	}
	if (durable - checkpointed > CHECKPOINT_BYTES) { /* so that segments are recycled */
		checkpointed = durable;
		if (journal_append_checkpoint(journal, durable, EP_SAY("bench"), &error) != EP_OK &&
			error.code != EP_ERR_BUSY)
			fail("checkpoint");
		journal_release(journal, durable);
	}
}

static int compare_samples(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

static void set_latency(struct figures *figures)
{
	size_t at;

	if (!sample_count)
		return;
	qsort(samples, sample_count, sizeof(*samples), compare_samples);
	at = sample_count / 2;
	figures->p50 = (double)samples[at] / 1000;
	at = sample_count * 99 / 100;
	figures->p99 = (double)samples[at] / 1000;
}

static struct figures run_journal(int64_t duration_ns)
{
	struct figures figures;
	uint64_t position = journal_end(journal);
	int64_t start = clock_monotonic_ns();
	int64_t elapsed;
	double seconds;

	commits = bodies = sample_count = 0;
	for (size_t i = 0; i < appenders; i++)
		if (!waiting_position[i])
			waiting_since[i] = start;
	for (size_t i = 0; i < appenders; i++)
		if (!waiting_position[i])
			append(i);
	do {
		loop_run_once(loop, NS_PER_S);
		elapsed = clock_monotonic_ns() - start;
	} while (elapsed < duration_ns);
	seconds = (double)elapsed / NS_PER_S;
	figures.body = (double)(bodies * body_bytes) / MIB / seconds;
	figures.disk = (double)(journal_end(journal) - position) / MIB / seconds;
	figures.group = commits ? (double)bodies / (double)commits : 0;
	set_latency(&figures);
	return figures;
}

/* Batches of `count` bodies, over and over the same written blocks. */
static struct figures run_bare(int fd, const char *bytes, double count, int64_t duration_ns)
{
	struct figures figures = {.group = count};
	size_t batch = ((size_t)(count * (double)body_bytes) + 4095) & ~(size_t)4095;
	int64_t start = clock_monotonic_ns();
	int64_t before = start;
	int64_t now = start;
	off_t offset = 0;
	uint64_t written = 0;

	sample_count = 0;
	do {
		if (offset + (off_t)batch > BARE_BYTES)
			offset = 0;
		if (pwrite(fd, bytes, batch, offset) != (ssize_t)batch || fdatasync(fd) == -1)
			fail("bare write");
		offset += (off_t)batch;
		written++;
		now = clock_monotonic_ns();
		if (sample_count < SAMPLES_MAX)
			samples[sample_count++] = now - before;
		before = now;
	} while (now - start < duration_ns);
	figures.disk = (double)(written * batch) / MIB / ((double)(now - start) / NS_PER_S);
	figures.body = (double)written * count * (double)body_bytes / MIB / ((double)(now - start) / NS_PER_S);
	set_latency(&figures);
	return figures;
}

static int compare_figures(const void *a, const void *b)
{
	double left = ((const struct figures *)a)->body;
	double right = ((const struct figures *)b)->body;

	return left < right ? -1 : left > right;
}

static struct figures median(struct figures *all, size_t count)
{
	qsort(all, count, sizeof(*all), compare_figures);
	return all[count / 2];
}

static int open_bare(const char *directory, const char *zeros)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/bare", directory);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int64_t at = 0; fd != -1 && at < BARE_BYTES; at += 1024 * 1024)
		if (pwrite(fd, zeros, 1024 * 1024, at) != 1024 * 1024)
			fail("bare file");
	if (fd == -1 || fsync(fd) == -1)
		fail("bare file");
	unlink(path);
	return fd;
}

static void set_head(void)
{
	struct message message = {.received_at_ns = clock_realtime_ns(),
		.body_length = body_bytes,
		.source = EP_SAY("shop-a"),
		.dedupe = EP_SAY("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
		.content_type = EP_SAY("application/json"),
		.header_count = 1,
		.headers = {{EP_SAY("x-shopify-topic"), EP_SAY("orders/create")}}};

	buffer_clear(&head);
	if (message_write(&message, &head) != EP_OK)
		fail("message");
}

static void compare(size_t count, size_t bytes, int fd, const char *batch, int64_t round_ns, size_t rounds)
{
	struct figures journals[ROUNDS_MAX] = {0};
	struct figures bares[ROUNDS_MAX] = {0};
	struct figures j, b;

	appenders = count;
	body_bytes = bytes;
	set_head();
	for (size_t i = 0; i < rounds; i++) {
		journals[i] = run_journal(round_ns);
		bares[i] = run_bare(fd, batch, journals[i].group, round_ns);
	}
	appenders = 0;
	while (journal_durable(journal) < journal_end(journal) - 96) /* an empty group is its head */
		loop_run_once(loop, NS_PER_MS);
	memset(waiting_position, 0, sizeof(waiting_position));
	j = median(journals, rounds);
	b = median(bares, rounds);
	printf("%2zu x %4zu KiB  journal %7.1f MiB/s body %7.1f disk  p50 %6.0f us p99 %6.0f  %5.1f a group  "
	       "bare %7.1f MiB/s body %7.1f disk p50 %6.0f us p99 %6.0f  rate %3.0f %% (disk %3.0f %%) latency %.2f\n",
		count, bytes / 1024, j.body, j.disk, j.p50, j.p99, j.group, b.body, b.disk, b.p50, b.p99,
		100 * j.body / b.body, 100 * j.disk / b.disk, j.p50 / b.p50);
}

int main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : "build/bench-journal";
	int64_t round_ns = (int64_t)((argc > 2 ? strtod(argv[2], NULL) : 1.0) * NS_PER_S);
	size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
	struct journal_options options = {.directory = directory};
	char *batch = calloc(APPENDERS_MAX, 1024 * 1024);
	int fd;

	if (rounds < 1 || rounds > ROUNDS_MAX || !batch)
		return EXIT_FAILURE;
	samples = malloc(SAMPLES_MAX * sizeof(*samples));
	body = malloc(1024 * 1024);
	memset(samples, 1, SAMPLES_MAX * sizeof(*samples)); /* faulted in before it counts */
	memset(batch, 'b', (size_t)APPENDERS_MAX * 1024 * 1024);
	memset(body, 'b', 1024 * 1024);
	buffer_init(&head, 4096);
	if (loop_create(&loop, &error) != EP_OK)
		fail("loop");
	options.loop = loop;
	if (journal_open(&journal, &options, &error) != EP_OK)
		fail("open");
	journal_on_durable(journal, on_durable, NULL);
	fd = open_bare(directory, batch);
	compare(1, 1024, fd, batch, round_ns, rounds);
	compare(64, 1024, fd, batch, round_ns, rounds);
	compare(1, 1024 * 1024, fd, batch, round_ns, rounds);
	compare(64, 1024 * 1024, fd, batch, round_ns, rounds);
	close(fd);
	journal_close(journal);
	loop_destroy(loop);
	buffer_free(&head);
	free(samples);
	free(body);
	free(batch);
	return EXIT_SUCCESS;
}
