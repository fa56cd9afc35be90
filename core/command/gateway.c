/*
 * gateway.c: see gateway.h.
 *
 * A message's way is straight, and so is the order of creation: journal, index, acceptor, supervisor, pipeline,
 * couriers, intake. Nothing below calls back above; where intake wants to know an outcome, it asks through a table of
 * functions that is filled here.
 *
 * A checkpoint holds what the pipeline and each courier need to go on, and the position from which the log must be read
 * again: the least of theirs and the index's. One is written every CHECKPOINT_NS while the log grows, and one at the end.
 */
#include "command/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "command/checkpoint.h"
#include "command/key_file.h"
#include "command/retention.h"
#include "courier/courier.h"
#include "intake/accept.h"
#include "pipeline/pipeline.h"

#define CHECKPOINT_NS (10 * NS_PER_S)
#define FIRST_CHECKPOINT_NS (2 * NS_PER_S) /* a gateway that is ended again and again comes forward, too */
#define CHECKPOINT_MAX ((size_t)1024 * 1024)
#define DRAIN_STEP_NS (5 * NS_PER_MS)
#define START_NS (10 * NS_PER_S)   /* a plugin that hangs delays the others no longer */
#define CLOSE_NS (500 * NS_PER_MS) /* of drain_timeout, at most a tenth of it: for the last checkpoint */

struct gateway {
	const struct conf *conf;
	struct loop *loop;
	struct gateway_seams seams;
	struct journal *journal;
	struct index *index;
	struct acceptor *acceptor;
	struct supervisor *supervisor;
	struct pipeline *pipeline;
	struct courier **couriers;
	size_t courier_count;
	struct intake_outcomes outcomes;
	struct intake *intake;
	struct loop_timer checkpoint_timer;
	struct loop_timer drain_timer;
	struct retention retention;
	bool running;
	uint64_t checkpointed; /* end of the log at the last checkpoint */
	uint64_t needed;       /* at that time: the log from here on */
	int64_t drain_until_ns;
	void (*drained)(void *argument);
	void *drained_argument;
	uint8_t person_key[KEY_FILE_BYTES];
};

/* Checkpoints --------------------------------------------------------------------------------------------------- */

static uint64_t find_needed(const struct gateway *gateway)
{
	uint64_t needed = pipeline_needs(gateway->pipeline);

	for (size_t i = 0; i < gateway->courier_count; i++)
		if (courier_needs(gateway->couriers[i]) < needed)
			needed = courier_needs(gateway->couriers[i]);
	return needed;
}

static enum ep_status write_checkpoint(struct gateway *gateway, struct error *error)
{
	struct buffer all, part;
	uint64_t from = journal_end(gateway->journal), needed, needed_then;
	enum ep_status status;

	buffer_init(&all, CHECKPOINT_MAX);
	buffer_init(&part, CHECKPOINT_MAX);
	needed = from;
	status = pipeline_checkpoint(gateway->pipeline, &part, &needed);
	if (status != EP_OK)
		goto out;
	from = needed < from ? needed : from;
	checkpoint_append(&all, CHECKPOINT_PIPELINE, "", buffer_slice(&part));
	buffer_clear(&part);
	status = pipeline_counts_save(gateway->pipeline, &part);
	if (status != EP_OK)
		goto out;
	checkpoint_append(&all, CHECKPOINT_COUNTS, "", buffer_slice(&part));
	for (size_t i = 0; i < gateway->courier_count; i++) {
		buffer_clear(&part);
		needed = from;
		status = courier_checkpoint(gateway->couriers[i], &part, &needed);
		if (status != EP_OK)
			goto out;
		from = needed < from ? needed : from;
		checkpoint_append(&all, CHECKPOINT_COURIER, gateway->conf->destinations[i].name, buffer_slice(&part));
	}
	if (index_position(gateway->index) < from)
		from = index_position(gateway->index);
	needed_then = find_needed(gateway);
	status = all.failed;
	if (status == EP_OK)
		status = journal_append_checkpoint(gateway->journal, from, buffer_slice(&all), error);
	if (status == EP_OK) {
		gateway->checkpointed = journal_end(gateway->journal);
		gateway->needed = needed_then;
	}
out:
	buffer_free(&part);
	buffer_free(&all);
	return status;
}

/* What nobody needed at the last checkpoint may go, once that is on disk: what has moved on since then, a crash takes
 * back. How much of it is kept says the configuration, in a simulation `keep_bytes`. */
static void release_old(struct gateway *gateway)
{
	uint64_t keep = (uint64_t)gateway->seams.keep_bytes, cut;

	if (journal_durable(gateway->journal) < gateway->checkpointed)
		return;
	if (gateway->seams.releases)
		cut = gateway->needed > keep ? gateway->needed - keep : 0;
	else
		cut = retention_cut(&gateway->retention, gateway->conf, gateway->journal, gateway->needed);
	if (cut)
		journal_release(gateway->journal, cut);
}

/* Ids are kept as long as any source still looks back at them. */
static int64_t longest_window(const struct conf *conf)
{
	int64_t longest_ns = 0;

	for (size_t i = 0; i < conf->source_count; i++)
		if (conf->sources[i].dedupe_window_ns > longest_ns)
			longest_ns = conf->sources[i].dedupe_window_ns;
	return longest_ns;
}

static void on_checkpoint_timer(void *argument)
{
	struct gateway *gateway = argument;
	struct error error = {0};

	index_expire(gateway->index, clock_realtime_ns() - longest_window(gateway->conf));
	release_old(gateway);
	if (journal_end(gateway->journal) != gateway->checkpointed && write_checkpoint(gateway, &error) != EP_OK)
		log_warn("checkpoint not written: a restart takes longer", log_text("reason", error.text));
	loop_timer_set(&gateway->checkpoint_timer, CHECKPOINT_NS);
}

/* Opening ------------------------------------------------------------------------------------------------------- */

static struct ep_slice person_key(const struct gateway *gateway)
{
	const struct conf_secret *secret = &gateway->conf->person_key;

	if (secret->length)
		return ep_slice_make(secret->data, secret->length);
	return ep_slice_make((const char *)gateway->person_key, KEY_FILE_BYTES);
}

static void on_durable(void *argument)
{
	struct gateway *gateway = argument;

	index_durable(gateway->index, journal_durable(gateway->journal));
}

static enum ep_status open_storage(struct gateway *gateway, struct error *error)
{
	const struct conf *conf = gateway->conf;
	const struct journal_options journal_options = {.directory = conf->data_dir,
		.loop = gateway->loop,
		.segment_bytes = conf->segment_bytes,
		.reserve_bytes = conf->disk_reserve,
		.spool_bytes = conf->spool_max};
	struct index_options index_options = {.loop = gateway->loop,
		.hot_max = gateway->seams.index_hot_max,
		.linger_ns = gateway->seams.index_linger_ns,
		.store = gateway->seams.store};
	enum ep_status status = journal_open(&gateway->journal, &journal_options, error);
	char path[4096];

	if (status != EP_OK)
		return status;
	snprintf(path, sizeof(path), "%s/index", conf->data_dir);
	index_options.directory = path;
	status = index_open(&gateway->index, &index_options, error);
	if (status == EP_OK)
		journal_on_durable(gateway->journal, on_durable, gateway);
	if (status == EP_OK && !conf->person_key.length)
		status = key_file_load(conf->data_dir, gateway->person_key, error);
	return status;
}

static void tell_refused(void *argument, const char *source, const struct error *error)
{
	const struct conf *conf = ((struct gateway *)argument)->conf;
	int line = 0;

	for (size_t i = 0; i < conf->source_count; i++)
		if (strcmp(conf->sources[i].name, source) == 0)
			line = conf->sources[i].line;
	fprintf(stderr, "%s:%d: source %s: %s\n", conf->file, line, source, error->text);
}

/* An option that a plugin doesn't know, or a layer of the sandbox that isn't there, shows now, not with a message. */
static enum ep_status start_workers(struct gateway *gateway, struct error *error)
{
	size_t refused;

	if (gateway->seams.channels) /* a simulation's workers come with their calls */
		return EP_OK;
	refused = supervisor_start_all(gateway->supervisor, START_NS, tell_refused, gateway);
	if (refused)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "%zu sources can't be served", refused);
	return EP_OK;
}

static enum ep_status create_couriers(struct gateway *gateway, struct error *error)
{
	gateway->couriers = calloc(gateway->conf->destination_count + 1, sizeof(struct courier *));
	if (!gateway->couriers)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for couriers");
	for (size_t i = 0; i < gateway->conf->destination_count; i++) {
		const struct courier_options options = {.destination = &gateway->conf->destinations[i],
			.loop = gateway->loop,
			.journal = gateway->journal,
			.transport = gateway->seams.transport};
		enum ep_status status = courier_create(&gateway->couriers[i], &options, error);

		if (status != EP_OK)
			return status;
		gateway->courier_count++;
	}
	return EP_OK;
}

static enum ep_status create_parts(struct gateway *gateway, struct error *error)
{
	const struct conf *conf = gateway->conf;
	const struct supervisor_options supervisor_options = {.loop = gateway->loop,
		.require = conf->sandbox_require,
		.require_count = conf->sandbox_require_count,
		.channels = gateway->seams.channels};
	struct pipeline_options pipeline_options = {
		.conf = conf, .loop = gateway->loop, .journal = gateway->journal, .index = gateway->index};
	enum ep_status status =
		acceptor_create(&gateway->acceptor, gateway->loop, gateway->journal, gateway->index, error);

	if (status == EP_OK)
		status = supervisor_create(&gateway->supervisor, &supervisor_options, error);
	if (status != EP_OK)
		return status;
	pipeline_options.supervisor = gateway->supervisor;
	pipeline_options.person_key = person_key(gateway);
	status = pipeline_create(&gateway->pipeline, &pipeline_options, error);
	if (status == EP_OK)
		status = create_couriers(gateway, error);
	return status;
}

/* Recovery ------------------------------------------------------------------------------------------------------ */

static void recover_frame(struct gateway *gateway, const struct journal_frame *frame)
{
	struct message message;

	switch (frame->kind) {
	case JOURNAL_MESSAGE:
		if (message_read(frame, &message) == EP_OK)
			acceptor_recover(gateway->acceptor, frame, &message);
		pipeline_recover(gateway->pipeline, frame);
		break;
	case JOURNAL_ACTION:
	case JOURNAL_OUTCOME:
		pipeline_recover(gateway->pipeline, frame);
		break;
	case JOURNAL_DELIVERY:
		for (size_t i = 0; i < gateway->courier_count; i++)
			courier_recover(gateway->couriers[i], frame);
		break;
	case JOURNAL_CHECKPOINT:
	case JOURNAL_HOLE:
		break;
	}
}

/* A line a second, so that nobody kills a gateway that is merely reading. */
static void show_progress(uint64_t position, uint64_t from, uint64_t end, int64_t *shown_ns)
{
	int64_t now = clock_monotonic_ns();

	if (now - *shown_ns < NS_PER_S)
		return;
	*shown_ns = now;
	log_info("reading the journal", log_number("mib_read", (int64_t)((position - from) >> 20)),
		log_number("mib_all", (int64_t)((end - from) >> 20)));
}

static enum ep_status recover(struct gateway *gateway, struct error *error)
{
	const uint32_t every = JOURNAL_INBOX | JOURNAL_KINDS(JOURNAL_OUTCOME) | JOURNAL_KINDS(JOURNAL_DELIVERY);
	uint64_t from = 0, end = journal_durable(gateway->journal), frames = 0;
	struct ep_slice checkpoint = journal_checkpoint(gateway->journal, &from);
	int64_t started_ns = clock_monotonic_ns(), shown_ns = started_ns;
	struct journal_reader *reader;
	struct journal_frame frame;
	enum ep_status status =
		pipeline_restore(gateway->pipeline, checkpoint_find(checkpoint, CHECKPOINT_PIPELINE, ""));

	if (status == EP_OK)
		status = pipeline_counts_restore(gateway->pipeline, checkpoint_find(checkpoint, CHECKPOINT_COUNTS, ""));
	for (size_t i = 0; i < gateway->courier_count && status == EP_OK; i++)
		status = courier_restore(gateway->couriers[i],
			checkpoint_find(checkpoint, CHECKPOINT_COURIER, gateway->conf->destinations[i].name));
	if (status != EP_OK)
		return error_set(error, status, EP_ERR_JOURNAL_DAMAGED, "the checkpoint in the journal can't be read");
	if (index_position(gateway->index) < from)
		from = index_position(gateway->index);
	status = journal_reader_open(gateway->journal, from, &reader, error);
	if (status != EP_OK)
		return status;
	while ((status = journal_read(reader, every, &frame, error)) == EP_OK) {
		recover_frame(gateway, &frame);
		frames++;
		show_progress(frame.next, from, end, &shown_ns);
		while (!index_has_room(gateway->index)) /* its writer is behind: wait until it has caught up */
			loop_run_once(gateway->loop, 10 * NS_PER_MS);
	}
	journal_reader_close(reader);
	if (status != EP_END)
		return status;
	log_info("journal read", log_number("frames", (int64_t)frames),
		log_number("ms", (clock_monotonic_ns() - started_ns) / NS_PER_MS));
	return EP_OK;
}

/* What intake may ask ------------------------------------------------------------------------------------------- */

static enum ep_status find_outcome(void *self, const uint8_t message_id[16], struct outcome *outcome)
{
	return pipeline_find(((struct gateway *)self)->pipeline, message_id, outcome);
}

static void wait_outcome(void *self, const uint8_t message_id[16], void (*ready)(void *argument), void *argument)
{
	pipeline_wait(((struct gateway *)self)->pipeline, message_id, ready, argument);
}

static void cancel_outcome(void *self, void *argument)
{
	pipeline_cancel(((struct gateway *)self)->pipeline, argument);
}

static enum ep_status admits(void *self, struct ep_slice source)
{
	return pipeline_admits(((struct gateway *)self)->pipeline, source);
}

static enum ep_status create_intake(struct gateway *gateway, struct error *error)
{
	const struct intake_options options = {.conf = gateway->conf,
		.loop = gateway->loop,
		.journal = gateway->journal,
		.acceptor = gateway->acceptor,
		.outcomes = &gateway->outcomes};

	gateway->outcomes = (struct intake_outcomes){find_outcome, wait_outcome, cancel_outcome, admits, gateway};
	if (gateway->seams.intake) {
		gateway->seams.intake(gateway->seams.self, &options);
		return EP_OK;
	}
	return intake_create(&gateway->intake, &options, error);
}

static void wake_couriers(void *argument)
{
	struct gateway *gateway = argument;

	for (size_t i = 0; i < gateway->courier_count; i++)
		courier_wake(gateway->couriers[i]);
}

enum ep_status gateway_start(struct gateway **out, const struct conf *conf, struct loop *loop,
	const struct gateway_seams *seams, struct error *error)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	enum ep_status status;

	*out = NULL;
	if (!gateway)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the gateway");
	gateway->conf = conf;
	gateway->loop = loop;
	if (seams)
		gateway->seams = *seams;
	loop_timer_init(&gateway->checkpoint_timer, loop, on_checkpoint_timer, gateway);
	status = open_storage(gateway, error);
	if (status == EP_OK)
		status = create_parts(gateway, error);
	if (status == EP_OK)
		status = start_workers(gateway, error);
	if (status == EP_OK)
		status = recover(gateway, error);
	if (status == EP_OK)
		status = create_intake(gateway, error);
	if (status != EP_OK) {
		gateway_destroy(gateway);
		return status;
	}
	pipeline_start(gateway->pipeline);
	for (size_t i = 0; i < gateway->courier_count; i++)
		courier_start(gateway->couriers[i]);
	journal_on_durable(gateway->journal, wake_couriers, gateway);
	if (gateway->intake)
		intake_start(gateway->intake);
	gateway->running = true;
	loop_timer_set(&gateway->checkpoint_timer, FIRST_CHECKPOINT_NS);
	*out = gateway;
	return EP_OK;
}

const char *gateway_address(const struct gateway *gateway, size_t listener)
{
	return intake_address(gateway->intake, listener);
}

struct gateway_parts gateway_parts(const struct gateway *gateway)
{
	return (struct gateway_parts){.journal = gateway->journal,
		.index = gateway->index,
		.acceptor = gateway->acceptor,
		.pipeline = gateway->pipeline,
		.supervisor = gateway->supervisor,
		.intake = gateway->intake,
		.couriers = gateway->couriers,
		.courier_count = gateway->courier_count};
}

/* Draining ------------------------------------------------------------------------------------------------------ */

static void on_drain_timer(void *argument)
{
	struct gateway *gateway = argument;
	size_t busy = pipeline_busy(gateway->pipeline);

	if (gateway->intake)
		busy += intake_busy(gateway->intake);

	if (busy == 0) /* what the pipeline finished has been appended: now the couriers may stop */
		for (size_t i = 0; i < gateway->courier_count; i++) {
			courier_stop(gateway->couriers[i]);
			busy += courier_busy(gateway->couriers[i]);
		}
	if (busy && clock_monotonic_ns() < gateway->drain_until_ns) {
		loop_timer_set(&gateway->drain_timer, DRAIN_STEP_NS);
		return;
	}
	if (busy)
		log_warn("drain_timeout is over: the rest stays in the journal", log_number("busy", (int64_t)busy));
	gateway->drained(gateway->drained_argument);
}

void gateway_drain(struct gateway *gateway, void (*drained)(void *argument), void *argument)
{
	const int64_t timeout_ns = gateway->conf->drain_timeout_ns;

	gateway->drained = drained;
	gateway->drained_argument = argument;
	gateway->drain_until_ns =
		clock_monotonic_ns() + timeout_ns - (timeout_ns / 10 < CLOSE_NS ? timeout_ns / 10 : CLOSE_NS);
	if (gateway->intake)
		intake_stop(gateway->intake);
	pipeline_stop(gateway->pipeline);
	loop_timer_init(&gateway->drain_timer, gateway->loop, on_drain_timer, gateway);
	loop_timer_set(&gateway->drain_timer, 0);
}

void gateway_destroy(struct gateway *gateway)
{
	struct error error = {0};

	if (!gateway)
		return;
	if (gateway->running && write_checkpoint(gateway, &error) != EP_OK)
		log_warn("checkpoint not written: the next start takes longer", log_text("reason", error.text));
	loop_timer_end(&gateway->checkpoint_timer);
	if (gateway->drain_timer.loop)
		loop_timer_end(&gateway->drain_timer);
	intake_destroy(gateway->intake);
	for (size_t i = 0; i < gateway->courier_count; i++)
		courier_destroy(gateway->couriers[i]);
	gateway->courier_count = 0; /* the journal still tells what becomes durable while it is closed */
	free(gateway->couriers);
	pipeline_destroy(gateway->pipeline);
	supervisor_destroy(gateway->supervisor);
	acceptor_destroy(gateway->acceptor);
	journal_close(gateway->journal);
	index_close(gateway->index);
	explicit_bzero(gateway->person_key, sizeof(gateway->person_key));
	free(gateway);
}
