/*
 * intake_world.h: journal, index and acceptor on real files in a temporary folder, and outcomes as the test wants them.
 */
#ifndef TEST_INTAKE_WORLD_H
#define TEST_INTAKE_WORLD_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "index/entries.h"
#include "intake/accept.h"
#include "intake/intake.h"

#define WORLD_WAIT_NS (10 * NS_PER_S)
#define WORLD_OUTCOMES 1000

static struct world {
	char directory[256];
	struct loop *loop;
	struct journal *journal;
	struct index *index;
	struct acceptor *acceptor;
	struct intake_outcomes outcomes;
	bool automatic;      /* every message has an outcome at once: quarantined if `bad` says so, else normalized */
	bool busy;           /* admits() refuses */
	uint32_t records;    /* of a normalized one */
	struct ep_slice bad; /* source whose messages are quarantined */
	struct {
		uint8_t id[16];
		enum outcome_kind kind;
	} known[WORLD_OUTCOMES];
	size_t known_count;
	struct {
		uint8_t id[16];
		void (*ready)(void *argument);
		void *argument;
	} waiting[WORLD_OUTCOMES];
	size_t waiting_count;
	struct buffer rejections;
	char source[64];
	struct error error;
} world;

/* Which source a message has is read from its frame, as the pipeline would. */
static inline enum ep_status world_find(void *self, const uint8_t id[16], struct outcome *outcome)
{
	struct ep_slice value;
	struct entry_outcome entry;
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;

	(void)self;
	if (index_get(world.index, INDEX_OUTCOMES, entry_outcome_key(id), &value) != EP_OK)
		return EP_NOT_FOUND;
	entry = entry_outcome_read(value);
	*outcome = (struct outcome){.kind = OUTCOME_PENDING, .inbox_position = entry.inbox_position};
	memcpy(outcome->message_id, id, 16);
	ck_assert_int_eq(journal_reader_open(world.journal, entry.inbox_position, &reader, &world.error), EP_OK);
	ck_assert_int_eq(journal_read(reader, JOURNAL_INBOX, &frame, &world.error), EP_OK);
	ck_assert_int_eq(message_read(&frame, &message), EP_OK);
	snprintf(world.source, sizeof(world.source), "%.*s", (int)message.source.length, message.source.data);
	outcome->source = ep_slice_of(world.source);
	journal_reader_close(reader);
	if (world.automatic)
		outcome->kind = ep_slice_equal(outcome->source, world.bad) ? OUTCOME_QUARANTINED : OUTCOME_NORMALIZED;
	for (size_t i = 0; i < world.known_count; i++)
		if (memcmp(world.known[i].id, id, 16) == 0)
			outcome->kind = world.known[i].kind;
	if (outcome->kind == OUTCOME_NORMALIZED)
		outcome->record_count = world.records;
	if (outcome->kind == OUTCOME_QUARANTINED) {
		struct outcome_rejection rejection = {EP_ERR_SYNTAX, EP_SAY("byte 3"), EP_SAY("not a message")};

		buffer_clear(&world.rejections);
		ck_assert_int_eq(outcome_write_rejection(&rejection, &world.rejections), EP_OK);
		outcome->rejections = buffer_slice(&world.rejections);
		outcome->rejected = outcome->rejection_count = 1;
	}
	return EP_OK;
}

static inline void world_wait(void *self, const uint8_t id[16], void (*ready)(void *argument), void *argument)
{
	(void)self;
	ck_assert_uint_lt(world.waiting_count, WORLD_OUTCOMES);
	memcpy(world.waiting[world.waiting_count].id, id, 16);
	world.waiting[world.waiting_count].ready = ready;
	world.waiting[world.waiting_count++].argument = argument;
}

static inline void world_cancel(void *self, void *argument)
{
	(void)self;
	for (size_t i = 0; i < world.waiting_count; i++)
		if (world.waiting[i].argument == argument) {
			world.waiting[i] = world.waiting[--world.waiting_count];
			return;
		}
}

static inline enum ep_status world_admits(void *self, struct ep_slice source)
{
	(void)self;
	(void)source;
	return world.busy ? EP_AGAIN : EP_OK;
}

/* The message has its outcome now: who waits for it is told. */
static inline void world_settle(const uint8_t id[16], enum outcome_kind kind)
{
	ck_assert_uint_lt(world.known_count, WORLD_OUTCOMES);
	memcpy(world.known[world.known_count].id, id, 16);
	world.known[world.known_count++].kind = kind;
	for (size_t i = 0; i < world.waiting_count;) {
		void (*ready)(void *argument) = world.waiting[i].ready;
		void *argument = world.waiting[i].argument;

		if (memcmp(world.waiting[i].id, id, 16) != 0) {
			i++;
			continue;
		}
		world.waiting[i] = world.waiting[--world.waiting_count];
		ready(argument);
	}
}

static inline void world_on_durable(void *argument)
{
	(void)argument;
	index_durable(world.index, journal_durable(world.journal));
}

/* Opens what is in the folder and reads the log, as the gateway does when it starts. */
static inline void world_open(void)
{
	struct journal_options journal_options = {
		.directory = world.directory, .loop = world.loop, .segment_bytes = 8 << 20};
	struct index_options index_options = {.loop = world.loop, .map_bytes = 64 << 20};
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;
	char path[300];

	snprintf(path, sizeof(path), "%s/index", world.directory);
	index_options.directory = path;
	ck_assert_msg(journal_open(&world.journal, &journal_options, &world.error) == EP_OK, "%s", world.error.text);
	ck_assert_msg(index_open(&world.index, &index_options, &world.error) == EP_OK, "%s", world.error.text);
	journal_on_durable(world.journal, world_on_durable, NULL);
	ck_assert_int_eq(acceptor_create(&world.acceptor, world.loop, world.journal, world.index, &world.error), EP_OK);
	ck_assert_int_eq(journal_reader_open(world.journal, index_position(world.index), &reader, &world.error), EP_OK);
	while (journal_read(reader, JOURNAL_INBOX, &frame, &world.error) == EP_OK) {
		ck_assert_int_eq(message_read(&frame, &message), EP_OK);
		acceptor_recover(world.acceptor, &frame, &message);
	}
	journal_reader_close(reader);
}

static inline void world_close(void)
{
	acceptor_destroy(world.acceptor);
	journal_close(world.journal);
	index_close(world.index);
	world.acceptor = NULL;
	world.journal = NULL;
	world.index = NULL;
}

static inline void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	snprintf(world.directory, sizeof(world.directory), "%s/check-intake-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(world.directory));
	ck_assert_int_eq(loop_create(&world.loop, &world.error), EP_OK);
	world.outcomes = (struct intake_outcomes){world_find, world_wait, world_cancel, world_admits, NULL};
	world.bad = EP_SAY("bad");
	world.records = 2;
	buffer_init(&world.rejections, 10000);
	world_open();
}

static inline void world_end(void)
{
	char command[400];

	world_close();
	loop_destroy(world.loop);
	buffer_free(&world.rejections);
	snprintf(command, sizeof(command), "rm -rf '%s'", world.directory);
	ck_assert_int_eq(system(command), 0);
}

/* Runs the loop until `condition` holds. */
#define world_until(condition)                                                                                         \
	do {                                                                                                           \
		int64_t until_ns = clock_monotonic_ns() + WORLD_WAIT_NS;                                               \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(clock_monotonic_ns() < until_ns, "not reached: %s", #condition);                 \
			loop_run_once(world.loop, NS_PER_MS);                                                          \
		}                                                                                                      \
	} while (0)

#endif
