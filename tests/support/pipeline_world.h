/*
 * pipeline_world.h: a journal, an index and a pipeline with workers that this file plays, for tests.
 *
 * What a played worker answers is written in the message's body, one line a record or event:
 *   order NO TOTAL [TIME]   an order; TIME is the sender's version
 *   many COUNT SIZE         COUNT orders numbered from 1, each with a platform name of SIZE bytes
 *   nameless                a record without its key: rejected by the core
 *   reject TEXT             the plugin rejects a record
 *   garbage                 bytes that are no record
 *   crash                   the first try crashes here: what came is taken back, then all comes again
 *   fail TEXT               the call fails
 *   die                     the call ends as crashed
 */
#ifndef TESTS_PIPELINE_WORLD_H
#define TESTS_PIPELINE_WORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/entries.h"
#include "support/memory_store.h"
#include "pipeline/pipeline.h"

#define WORLD_SOURCES 3
#define WORLD_WORKERS (WORLD_SOURCES + 4) /* a few more, for swaps */

/* In place of Check's own assertions, which must not be used in a child that a test forks. */
#define MUST(condition) ((condition) ? (void)0 : must_fail(__FILE__, __LINE__, #condition))
#define MUST_EQ(a, b) MUST((a) == (b))

static inline void must_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

/* A played worker: answers its calls in order, a few a pass, unless it is stuck. */
struct played {
	struct world *world;
	struct worker_identity identity;
	struct worker_call *first, **last;
	size_t count;
	bool stuck;
	bool crashed; /* the call at hand had its crash */
	bool faulted;
	size_t submitted, faults;
	void (*room)(void *argument);
	void *argument;
	struct worker_watch watch;
};

struct world {
	char directory[64];
	struct loop *loop;
	struct journal *journal;
	struct index *index;
	struct pipeline *pipeline;
	struct memory_store memory;
	bool lmdb;
	bool fake;           /* on the fake disk; without lmdb only */
	int64_t spool_bytes; /* quota; 0: the journal's own */
	struct conf conf;
	struct conf_source sources[WORLD_SOURCES];
	struct conf_option account;
	struct played workers[WORLD_WORKERS];
	size_t worker_count;
	struct record_builder *builder;
	struct loop_timer turn;
	uint32_t hot_max;
	uint64_t checkpoint_from;
};

/* The vtable has no place for its world: there is one at a time. */
static struct world *world_now;

/* Workers ------------------------------------------------------------------------------------------------------- */

static struct ep_slice world_word(struct ep_slice *line)
{
	struct ep_slice word = ep_slice_make(NULL, 0);

	(void)ep_slice_split(line, ' ', &word);
	return word;
}

static void world_order(struct world *world, struct worker_call *call, struct ep_slice number, struct ep_slice total,
	struct ep_slice updated, size_t padding)
{
	struct record_builder *builder = world->builder;
	struct ep_slice encoded, text;
	const struct record_origin *origins;
	uint32_t count;
	enum ep_error code;
	char *name = padding ? malloc(padding) : NULL;

	record_builder_begin(builder, EP_ORDER);
	if (number.length)
		record_builder_text(builder, EP_ORDER_ORDER_NO, ep_text_constant(number));
	if (total.length) {
		struct ep_money money;

		MUST_EQ(ep_money_read(&money, total, EP_DECIMAL_POINT, EP_SAY("EUR")), EP_OK);
		record_builder_money(builder, EP_ORDER_TOTAL, money, ep_text_constant(total));
	}
	if (updated.length) {
		struct ep_time time;

		MUST_EQ(ep_time_read(&time, NULL, updated), EP_OK);
		record_builder_time(builder, EP_ORDER_UPDATED_AT, time, ep_text_constant(updated));
	}
	if (padding) {
		memset(name, 'x', padding);
		record_builder_text(builder, EP_ORDER_ORDER_ID, ep_text_constant(ep_slice_make(name, padding)));
	}
	MUST_EQ(record_builder_end(builder, &encoded, &origins, &count, &code, &text), EP_OK);
	call->record(call, encoded, origins, count);
	free(name);
}

static void world_many(struct world *world, struct worker_call *call, struct ep_slice line)
{
	int64_t count = 0, size = 0;
	char number[24];

	MUST(ep_slice_integer(world_word(&line), &count) && ep_slice_integer(world_word(&line), &size));
	for (int64_t i = 1; i <= count; i++) {
		snprintf(number, sizeof(number), "N%07lld", (long long)i);
		world_order(world, call, ep_slice_of(number), EP_SAY("1.00"), ep_slice_make(NULL, 0), (size_t)size);
	}
}

enum world_answer { WORLD_GOES_ON, WORLD_ENDED, WORLD_AGAIN };

static enum world_answer world_line(struct played *played, struct worker_call *call, struct ep_slice line)
{
	const struct ep_place place = {
		.offset = 120, .length = 3, .row = 3, .column = 5, .path = EP_SAY("Ntry[2]/Amt")};
	struct ep_slice verb = world_word(&line), number, total;

	if (ep_slice_is(verb, "order")) {
		number = world_word(&line);
		total = world_word(&line);
		world_order(played->world, call, number, total, world_word(&line), 0);
	} else if (ep_slice_is(verb, "many")) {
		world_many(played->world, call, line);
	} else if (ep_slice_is(verb, "nameless")) {
		world_order(played->world, call, ep_slice_make(NULL, 0), EP_SAY("1.00"), ep_slice_make(NULL, 0), 0);
	} else if (ep_slice_is(verb, "reject")) {
		call->reject(call, EP_ERR_VALUE, &place, line);
	} else if (ep_slice_is(verb, "garbage")) {
		call->record(call, EP_SAY("\x01\x02garbage"), NULL, 0);
	} else if (ep_slice_is(verb, "crash") && !played->crashed) {
		played->crashed = true;
		call->restarted(call);
		return WORLD_AGAIN;
	} else if (ep_slice_is(verb, "fail")) {
		call->end(call, CALL_FAILED, EP_ERR_SYNTAX, &place, line);
		return WORLD_ENDED;
	} else if (ep_slice_is(verb, "die")) {
		call->end(call, CALL_CRASHED, EP_ERR_PLUGIN_CRASH, NULL, EP_SAY("SIGSEGV, twice"));
		return WORLD_ENDED;
	}
	if (played->faulted) { /* worker_fault(): killed, tried again, and the same once more */
		played->faulted = false;
		if (played->crashed) {
			call->end(call, CALL_CRASHED, EP_ERR_PLUGIN_FAULT, NULL, EP_SAY("broke a rule, twice"));
			return WORLD_ENDED;
		}
		played->crashed = true;
		call->restarted(call);
		return WORLD_AGAIN;
	}
	return WORLD_GOES_ON;
}

static char *world_body(const struct worker_call *call, uint64_t *length)
{
	char *body;

	*length = call->body_fd == -1 ? call->body.length : call->body_length;
	body = malloc(*length + 1);
	MUST(body);
	if (call->body_fd == -1)
		memcpy(body, call->body.data, *length);
	else
		MUST_EQ(pread(call->body_fd, body, *length, 0), (ssize_t)*length);
	return body;
}

static void world_answer(struct played *played)
{
	struct worker_call *call = played->first;
	enum world_answer answer = WORLD_AGAIN;
	uint64_t length;
	char *body = world_body(call, &length);

	played->first = call->next;
	if (!played->first)
		played->last = &played->first;
	played->count--;
	played->crashed = false;
	while (answer == WORLD_AGAIN) {
		struct ep_slice rest = ep_slice_make(body, length), line;

		answer = WORLD_GOES_ON;
		while (answer == WORLD_GOES_ON && ep_slice_split(&rest, '\n', &line))
			answer = world_line(played, call, line);
	}
	free(body);
	if (answer != WORLD_ENDED)
		call->end(call, CALL_OK, EP_ERR_INTERNAL, NULL, ep_slice_make(NULL, 0));
}

static void world_turn(void *argument)
{
	struct world *world = argument;

	for (size_t i = 0; i < world->worker_count; i++) {
		struct played *played = &world->workers[i];

		for (int calls = 0; calls < 16 && played->first && !played->stuck; calls++)
			world_answer(played);
		if (played->count < WORKER_QUEUE_MAX / 2 && played->room)
			played->room(played->argument);
	}
	loop_timer_set(&world->turn, NS_PER_MS);
}

static enum ep_status world_worker_create(struct supervisor *supervisor, const struct worker_options *options,
	struct worker **worker, struct error *error)
{
	struct played *played = &world_now->workers[world_now->worker_count++];

	MUST(world_now->worker_count <= WORLD_WORKERS);
	(void)supervisor;
	(void)options;
	(void)error;
	played->world = world_now;
	played->last = &played->first;
	played->identity = (struct worker_identity){.name = "played", .version = "1.0.0", .build = 77};
	*worker = (struct worker *)(void *)played;
	return EP_OK;
}

static struct played *world_played(struct worker *worker)
{
	return (struct played *)(void *)worker;
}

static void world_worker_destroy(struct worker *worker)
{
	world_played(worker)->first = NULL;
}

static const struct worker_identity *world_identity(const struct worker *worker)
{
	return &((const struct played *)(const void *)worker)->identity;
}

static enum ep_status world_submit(struct worker *worker, struct worker_call *call)
{
	struct played *played = world_played(worker);

	if (played->count == WORKER_QUEUE_MAX)
		return EP_AGAIN;
	played->count++;
	played->submitted++;
	call->next = NULL;
	*played->last = call;
	played->last = &call->next;
	return EP_OK;
}

static void world_on_room(struct worker *worker, void (*room)(void *argument), void *argument)
{
	world_played(worker)->room = room;
	world_played(worker)->argument = argument;
}

static void world_fault(struct worker *worker, const char *what)
{
	(void)what;
	world_played(worker)->faulted = true;
	world_played(worker)->faults++;
}

static void world_watch(struct worker *worker, const struct worker_watch *watch)
{
	world_played(worker)->watch = watch ? *watch : (struct worker_watch){.argument = NULL};
}

/* It serves at once, unless it is stuck already. */
static void world_begin(struct worker *worker)
{
	struct played *played = world_played(worker);

	if (!played->stuck)
		played->watch.ready(played->watch.argument);
}

static const struct pipeline_workers world_workers = {world_worker_create, world_worker_destroy, world_identity,
	world_submit, world_on_room, world_fault, world_watch, world_begin};

/* Life ---------------------------------------------------------------------------------------------------------- */

static void world_init(struct world *world)
{
	static const char *const names[WORLD_SOURCES] = {"alpha", "beta", "gamma"};
	struct error error;

	*world = (struct world){0};
	world_now = world;
	snprintf(world->directory, sizeof(world->directory), "/tmp/check_pipeline.XXXXXX");
	MUST(mkdtemp(world->directory));
	MUST_EQ(loop_create(&world->loop, &error), EP_OK);
	memory_store_init(&world->memory);
	world->builder = record_builder_create(RECORD_BYTES_MAX);
	MUST(world->builder);
	for (size_t i = 0; i < WORLD_SOURCES; i++)
		world->sources[i] = (struct conf_source){.name = names[i], .plugin = "played", .deadline_ns = NS_PER_S};
	world->conf.sources = world->sources;
	world->conf.source_count = WORLD_SOURCES;
}

/* Recovers as the gateway does, and starts. */
static void world_recover(struct world *world, struct ep_slice checkpoint, uint64_t from)
{
	const uint32_t kinds = JOURNAL_INBOX | JOURNAL_KINDS(JOURNAL_OUTCOME);
	struct journal_reader *reader;
	struct journal_frame frame;
	struct error error;

	MUST_EQ(pipeline_restore(world->pipeline, checkpoint), EP_OK);
	if (index_position(world->index) < from)
		from = index_position(world->index);
	MUST_EQ(journal_reader_open(world->journal, from, &reader, &error), EP_OK);
	while (journal_read(reader, kinds, &frame, &error) == EP_OK) {
		struct message message;

		if (frame.kind == JOURNAL_MESSAGE) {
			const struct entry_outcome entry = {frame.position, 0};
			uint8_t value[ENTRY_OUTCOME_BYTES];

			MUST_EQ(message_read(&frame, &message), EP_OK);
			index_wait_room(world->index);
			if (!(message.flags & MESSAGE_DUPLICATE))
				MUST_EQ(index_put(world->index, INDEX_OUTCOMES, entry_outcome_key(message.id),
						entry_outcome_write(&entry, value), frame.position),
					EP_OK);
		}
		pipeline_recover(world->pipeline, &frame);
	}
	journal_reader_close(reader);
}

static void world_open(struct world *world)
{
	char path[128];
	const struct journal_options journal_options = {.directory = world->fake ? "/fake/data" : world->directory,
		.loop = world->loop,
		.segment_bytes = world->fake ? 128 * 1024 : 4 * 1024 * 1024,
		.reserve_bytes = 1,
		.spool_bytes = world->spool_bytes};
	const struct index_options index_options = {.directory = path,
		.loop = world->loop,
		.hot_max = world->hot_max,
		.linger_ns = 2 * NS_PER_MS,
		.store = world->lmdb ? NULL : &world->memory.store};
	struct pipeline_options options = {
		.conf = &world->conf, .loop = world->loop, .workers = &world_workers, .person_key = EP_SAY("key")};
	struct error error = {0};
	struct ep_slice checkpoint;
	uint64_t from = 0;

	snprintf(path, sizeof(path), "%s/index", world->directory);
	world->worker_count = 0;
	memset(world->workers, 0, sizeof(world->workers));
	MUST(journal_open(&world->journal, &journal_options, &error) == EP_OK);
	MUST(index_open(&world->index, &index_options, &error) == EP_OK);
	options.journal = world->journal;
	options.index = world->index;
	MUST(pipeline_create(&world->pipeline, &options, &error) == EP_OK);
	checkpoint = journal_checkpoint(world->journal, &from);
	world->checkpoint_from = from;
	world_recover(world, checkpoint, from);
	pipeline_start(world->pipeline);
	loop_timer_init(&world->turn, world->loop, world_turn, world);
	loop_timer_set(&world->turn, NS_PER_MS);
}

static inline void world_checkpoint(struct world *world)
{
	struct buffer bytes;
	struct error error = {0};
	uint64_t from = 0;

	buffer_init(&bytes, 65536);
	MUST_EQ(pipeline_checkpoint(world->pipeline, &bytes, &from), EP_OK);
	if (index_position(world->index) < from)
		from = index_position(world->index);
	MUST_EQ(journal_append_checkpoint(world->journal, from, buffer_slice(&bytes), &error), EP_OK);
	buffer_free(&bytes);
}

/* `crash`: the index forgets what it hasn't written. */
static void world_close(struct world *world, bool crash)
{
	loop_timer_end(&world->turn);
	pipeline_destroy(world->pipeline);
	if (crash)
		index_abandon(world->index);
	journal_close(world->journal);
	if (!crash)
		index_close(world->index);
	world->pipeline = NULL;
}

static void world_free(struct world *world)
{
	char command[128];

	if (world->pipeline)
		world_close(world, true);
	loop_destroy(world->loop);
	memory_store_free(&world->memory);
	record_builder_destroy(world->builder);
	snprintf(command, sizeof(command), "rm -rf '%s'", world->directory);
	MUST_EQ(system(command), 0);
}

/* Messages and outcomes ----------------------------------------------------------------------------------------- */

/* As the acceptor does. Returns the position; the id is filled in if it isn't NULL. */
static uint64_t world_send_flagged(
	struct world *world, const char *source, struct ep_slice body, uint32_t flags, uint64_t first, uint8_t id[16])
{
	struct message message = {.received_at_ns = clock_realtime_ns(),
		.first = first,
		.flags = flags,
		.body_length = body.length,
		.source = ep_slice_of(source)};
	struct journal_append what = {.kind = JOURNAL_MESSAGE, .urgency = JOURNAL_URGENT, .spool_fd = -1};
	struct journal_frame frame;
	struct buffer head;
	struct iovec parts[2];
	struct error error = {0};

	while (!index_has_room(world->index))
		loop_run_once(world->loop, NS_PER_MS);
	buffer_init(&head, 65536);
	if (flags & MESSAGE_DUPLICATE)
		memcpy(message.id, id, 16);
	else
		entry_message_id(message.received_at_ns, message.id);
	MUST_EQ(message_write(&message, &head), EP_OK);
	parts[0] = (struct iovec){head.data, head.length};
	what.parts = parts;
	what.part_count = 1;
	if (body.length > JOURNAL_INLINE_MAX) {
		MUST_EQ(journal_spool_open(world->journal, &what.spool_fd, &error), EP_OK);
		MUST_EQ(journal_spool_write(world->journal, what.spool_fd, 0, body, &error), EP_OK);
		what.spool_length = body.length;
	} else {
		parts[what.part_count++] = (struct iovec){(char *)(uintptr_t)body.data, body.length};
	}
	while (journal_append(world->journal, &what, &frame, &error) == EP_AGAIN)
		loop_run_once(world->loop, NS_PER_MS);
	buffer_free(&head);
	if (!(flags & MESSAGE_DUPLICATE)) {
		const struct entry_outcome entry = {frame.position, 0};
		uint8_t value[ENTRY_OUTCOME_BYTES];

		MUST_EQ(index_put(world->index, INDEX_OUTCOMES, entry_outcome_key(message.id),
				entry_outcome_write(&entry, value), frame.position),
			EP_OK);
	}
	if (id)
		memcpy(id, message.id, 16);
	return frame.position;
}

static inline uint64_t world_send(struct world *world, const char *source, const char *body)
{
	return world_send_flagged(world, source, ep_slice_of(body), 0, 0, NULL);
}

static inline size_t world_pending(struct world *world)
{
	const uint32_t kinds = JOURNAL_KINDS(JOURNAL_MESSAGE) | JOURNAL_KINDS(JOURNAL_OUTCOME);
	struct journal_reader *reader;
	struct journal_frame frame;
	struct error error;
	size_t pending = 0;

	MUST_EQ(journal_reader_open(world->journal, 0, &reader, &error), EP_OK);
	while (journal_read(reader, kinds, &frame, &error) == EP_OK)
		pending += frame.kind == JOURNAL_MESSAGE ? 1 : (size_t)-1;
	journal_reader_close(reader);
	return pending;
}

/* Until at most `left` messages are without a durable outcome. */
static inline void world_settle(struct world *world, size_t left)
{
	int64_t until = clock_monotonic_ns() + 30 * NS_PER_S;

	do {
		MUST(clock_monotonic_ns() < until);
		for (int i = 0; i < 20; i++)
			loop_run_once(world->loop, NS_PER_MS);
	} while (world_pending(world) > left);
}

/* The lines of all outcomes, in the order of the outbox: "alpha normalized 2 0 0 | A1 new 1 1 0001 | ...". */
static inline void world_describe_record(const struct outcome_record *record, struct buffer *out)
{
	static const char *const fates[] = {"?", "new", "update", "conflict", "superseded", "suppressed"};
	struct ep_slice key = ep_slice_sub(record->key, 2, record->key.length); /* one part: behind its length */

	buffer_append_format(out, " | %.*s %s %llu %u %.*s", (int)key.length, key.data, fates[record->fate],
		(unsigned long long)record->revision, record->attempt, (int)record->version.length,
		record->version.data);
}

static inline void world_describe(struct world *world, const struct journal_frame *frame, struct buffer *out)
{
	struct outcome outcome;
	struct outcome_rejection rejection;
	struct outcome_record record;

	(void)world;
	MUST_EQ(outcome_read(frame, &outcome), EP_OK);
	buffer_append_format(out, "%.*s %s %u %u %u", (int)outcome.source.length, outcome.source.data,
		outcome_kind_name(outcome.kind), outcome.record_count, outcome.suppressed, outcome.rejected);
	while (outcome_next_rejection(&outcome.rejections, &rejection))
		buffer_append_format(out, " ! %u (%.*s) %.*s", rejection.code, (int)rejection.place.length,
			rejection.place.data, (int)rejection.text.length, rejection.text.data);
	if (!frame->extent)
		while (outcome_next_record(&outcome.records, &record))
			world_describe_record(&record, out);
	MUST_EQ(buffer_append_byte(out, '\n'), EP_OK);
}

static inline char *world_outcomes(struct world *world)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	struct error error;
	struct buffer out;

	buffer_init(&out, (size_t)64 * 1024 * 1024);
	MUST_EQ(journal_reader_open(world->journal, 0, &reader, &error), EP_OK);
	while (journal_read(reader, JOURNAL_KINDS(JOURNAL_OUTCOME), &frame, &error) == EP_OK)
		world_describe(world, &frame, &out);
	journal_reader_close(reader);
	MUST_EQ(buffer_append_byte(&out, '\0'), EP_OK);
	return out.data;
}

#endif
