/*
 * check_pipeline_restart.c: killed at any point and started again, every message gets its one outcome, the same that it
 * would have got without. What is expected is worked out anew from the inbox, by a model that knows nothing of lanes,
 * quanta, indexes or crashes.
 */
#include "support/fake_disk.h"
#include "support/pipeline_world.h"

#include <sys/wait.h>

#include "base/log.h"

#define KEYS_MAX 2000
#define CRASHES 10

static struct world world;

/* The model ----------------------------------------------------------------------------------------------------- */

struct model_key {
	char source[16], number[32], total[16], updated[40], version[40];
	uint64_t sequence, revision;
	unsigned attempt;
	bool sent; /* `version` is a sender's */
};

struct model {
	struct model_key keys[KEYS_MAX];
	size_t count;
	struct buffer lines[WORLD_SOURCES]; /* expected, a source */
};

static struct model_key *model_find(struct model *model, const struct model_key *wanted)
{
	for (size_t i = 0; i < model->count; i++)
		if (strcmp(model->keys[i].source, wanted->source) == 0 &&
			strcmp(model->keys[i].number, wanted->number) == 0)
			return &model->keys[i];
	return NULL;
}

/* All times of this test are in UTC and of one length. */
static int model_compare(const struct model_key *a, const struct model_key *b)
{
	if (a->sent && b->sent)
		return strcmp(a->version, b->version);
	return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

struct model_counts {
	unsigned kept, suppressed;
};

static void model_order(struct model *model, struct model_key *order, uint64_t sequence, struct model_counts *counts,
	struct buffer *out)
{
	struct model_key *current = model_find(model, order);
	const char *fate = "new";

	order->sequence = sequence;
	snprintf(order->version, sizeof(order->version), "%llu", (unsigned long long)sequence);
	if (order->updated[0])
		memcpy(order->version, order->updated, sizeof(order->version));
	order->sent = order->updated[0] != '\0';
	order->revision = order->attempt = 1;
	if (current && strcmp(current->total, order->total) == 0 && strcmp(current->updated, order->updated) == 0) {
		counts->suppressed++;
		return;
	}
	if (current && current->sent && !order->sent) { /* another content of the version that the key has */
		order->sent = true;
		memcpy(order->version, current->version, sizeof(order->version));
	}
	if (current && model_compare(order, current) < 0) {
		fate = "superseded";
		order->revision = 0;
	} else if (current) {
		fate = model_compare(order, current) > 0 ? "update" : "conflict";
		order->revision = current->revision + 1;
		order->attempt = *fate == 'c' ? current->attempt + 1 : 1;
		*current = *order;
	} else {
		ck_assert_uint_lt(model->count, KEYS_MAX);
		model->keys[model->count++] = *order;
	}
	counts->kept++;
	buffer_append_format(out, " | %s %s %llu %u %s", order->number, fate, (unsigned long long)order->revision,
		order->attempt, order->version);
}

static void model_many(struct model *model, struct model_key *order, struct ep_slice line, uint64_t sequence,
	struct model_counts *counts, struct buffer *out)
{
	int64_t count = 0;

	ck_assert(ep_slice_integer(world_word(&line), &count));
	snprintf(order->total, sizeof(order->total), "1.00");
	order->updated[0] = '\0';
	for (int64_t i = 1; i <= count; i++) {
		snprintf(order->number, sizeof(order->number), "N%07lld", (long long)i);
		model_order(model, order, sequence, counts, out);
	}
}

static void copy_word(struct ep_slice *line, char *out, size_t size)
{
	struct ep_slice word = world_word(line);

	snprintf(out, size, "%.*s", (int)word.length, word.length ? word.data : "");
}

static void model_message(struct model *model, const struct journal_frame *frame)
{
	struct message message;
	struct model_key order = {0};
	struct ep_slice rest, line;
	struct buffer records, *out;
	struct model_counts counts = {0};
	bool failed = false;
	size_t source = 0;

	ck_assert_int_eq(message_read(frame, &message), EP_OK);
	snprintf(order.source, sizeof(order.source), "%.*s", (int)message.source.length, message.source.data);
	while (strcmp(world.sources[source].name, order.source) != 0)
		source++;
	out = &model->lines[source];
	if (message.flags & MESSAGE_DUPLICATE) {
		buffer_append_format(out, "%s duplicate 0 0 0\n", order.source);
		return;
	}
	rest = message.body;
	buffer_init(&records, (size_t)1 << 20);
	failed = message.body.length > 4 && memcmp(message.body.data, "fail", 4) == 0;
	while (!failed && ep_slice_split(&rest, '\n', &line)) {
		struct ep_slice verb = world_word(&line);

		if (ep_slice_is(verb, "many"))
			model_many(model, &order, line, frame->sequence, &counts, &records);
		if (!ep_slice_is(verb, "order"))
			continue;
		copy_word(&line, order.number, sizeof(order.number));
		copy_word(&line, order.total, sizeof(order.total));
		copy_word(&line, order.updated, sizeof(order.updated));
		model_order(model, &order, frame->sequence, &counts, &records);
	}
	if (failed)
		buffer_append_format(
			out, "%s quarantined 0 0 1 ! 4 (byte 120 (row 3, column 5) Ntry[2]/Amt) x\n", order.source);
	else
		buffer_append_format(out, "%s normalized %u %u 0%.*s\n", order.source, counts.kept, counts.suppressed,
			(int)records.length, records.length ? records.data : "");
	buffer_free(&records);
}

/* The outcomes that there are, a source. */
static void read_outcomes(struct buffer lines[WORLD_SOURCES], struct model *model)
{
	const uint32_t kinds = JOURNAL_KINDS(JOURNAL_MESSAGE) | JOURNAL_KINDS(JOURNAL_OUTCOME);
	struct journal_reader *reader;
	struct journal_frame frame;
	struct outcome outcome;
	struct error error;

	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &error), EP_OK);
	while (journal_read(reader, kinds, &frame, &error) == EP_OK) {
		size_t source = 0;

		if (frame.kind == JOURNAL_MESSAGE) {
			model_message(model, &frame);
			continue;
		}
		ck_assert_int_eq(outcome_read(&frame, &outcome), EP_OK);
		while (!ep_slice_equal(ep_slice_of(world.sources[source].name), outcome.source))
			source++;
		world_describe(&world, &frame, &lines[source]);
	}
	journal_reader_close(reader);
}

static void index_agrees(const struct model *model)
{
	struct buffer key, business;

	buffer_init(&key, 600);
	buffer_init(&business, 600);
	for (size_t i = 0; i < model->count; i++) {
		const struct model_key *expected = &model->keys[i];
		uint16_t length = (uint16_t)strlen(expected->number);
		struct entry_record entry;
		struct ep_slice value;

		buffer_clear(&key);
		buffer_clear(&business);
		buffer_append(&business, &length, 2);
		buffer_append_string(&business, expected->number);
		ck_assert_int_eq(
			entry_record_key(&key, ep_slice_of(expected->source), EP_ORDER, buffer_slice(&business)),
			EP_OK);
		ck_assert_int_eq(index_get(world.index, INDEX_RECORDS, buffer_slice(&key), &value), EP_OK);
		entry = entry_record_read(value);
		ck_assert_uint_eq(entry.revision, expected->revision);
		ck_assert_uint_eq(entry.attempt, expected->attempt);
	}
	buffer_free(&key);
	buffer_free(&business);
}

/* Check's own messages have a limit, and these texts have none. */
static void lines_agree(const char *found, const char *expected)
{
	size_t at = 0, line = 0;

	while (found[at] && found[at] == expected[at])
		if (found[at++] == '\n')
			line = at;
	ck_assert_msg(found[at] == expected[at], "%.600s\ninstead of\n%.600s", found + line, expected + line);
}

static void world_agrees(void)
{
	static struct model model;
	struct buffer lines[WORLD_SOURCES];

	memset(&model, 0, sizeof(model));
	for (size_t i = 0; i < WORLD_SOURCES; i++) {
		buffer_init(&model.lines[i], (size_t)1 << 24);
		buffer_init(&lines[i], (size_t)1 << 24);
	}
	read_outcomes(lines, &model);
	for (size_t i = 0; i < WORLD_SOURCES; i++) {
		ck_assert_int_eq(buffer_append_byte(&lines[i], '\0'), EP_OK);
		ck_assert_int_eq(buffer_append_byte(&model.lines[i], '\0'), EP_OK);
		lines_agree(lines[i].data, model.lines[i].data);
		ck_assert_uint_eq(pipeline_pending(world.pipeline, ep_slice_of(world.sources[i].name)), 0);
		buffer_free(&lines[i]);
		buffer_free(&model.lines[i]);
	}
	index_agrees(&model);
}

/* The runs ------------------------------------------------------------------------------------------------------ */

static uint64_t seed;

static unsigned pick(unsigned bound)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % bound;
}

static void send_something(void)
{
	static uint8_t id[16];
	static uint64_t first;
	const char *source = world.sources[pick(WORLD_SOURCES)].name;
	char body[1024] = "";
	unsigned lines = pick(6);

	if (first && pick(8) == 0) {
		world_send_flagged(&world, "alpha", ep_slice_make("", 0), MESSAGE_DUPLICATE, first, id);
		return;
	}
	if (pick(10) == 0)
		snprintf(body, sizeof(body), "fail x\n");
	for (unsigned i = 0; i < lines; i++) {
		size_t at = strlen(body);

		if (pick(30) == 0) /* more than the index takes at once */
			snprintf(body + at, sizeof(body) - at, "many %u 8\n", 50 + pick(250));
		else if (pick(12) == 0)
			snprintf(body + at, sizeof(body) - at, "crash\n");
		else if (pick(3))
			snprintf(body + at, sizeof(body) - at, "order K%u %u.00\n", pick(8), pick(4));
		else
			snprintf(body + at, sizeof(body) - at, "order K%u %u.00 2026-01-0%uT00:00:00Z\n", pick(8),
				pick(4), 1 + pick(9));
	}
	if (strcmp(source, "alpha") == 0)
		first = world_send_flagged(&world, source, ep_slice_of(body), 0, 0, id);
	else
		world_send(&world, source, body);
}

/* One life: sends, works, and dies without a word after so many passes of the loop. */
static void live(unsigned passes)
{
	world_open(&world);
	for (unsigned pass = 0; pass < passes; pass++) {
		for (unsigned i = pick(8); i > 0; i--)
			send_something();
		if (pick(16) == 0)
			world_checkpoint(&world);
		if (pick(10) == 0)
			world.workers[pick(WORLD_SOURCES)].stuck ^= true;
		loop_run_once(world.loop, NS_PER_MS);
	}
	_exit(0);
}

static void set_up(void)
{
	world_init(&world);
	world.lmdb = true;
	world.hot_max = 64;
}

static void tear_down(void)
{
	world_free(&world);
}

START_TEST(killed_and_started_again)
{
	for (int crash = 0; crash < CRASHES; crash++) {
		int status;
		pid_t child;

		seed = (uint64_t)_i * 1000 + (uint64_t)crash;
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0)
			live(pick(40) * (1 + pick(4)));
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "seed %d, crash %d: status %d", _i, crash,
			status);
	}
	world_open(&world);
	world_settle(&world, 0);
	world_agrees();
	world_close(&world, false);
	world_open(&world); /* and nothing is left to be done */
	for (int i = 0; i < 20; i++)
		loop_run_once(world.loop, NS_PER_MS);
	world_agrees();
	ck_assert_uint_eq(world.workers[0].submitted, 0);
}
END_TEST

/* The power fails at any operation on the disk, and takes what was not synced; the index is gone as well. */
START_TEST(power_cut)
{
	world.lmdb = false;
	world.fake = true;
	fake_disk_begin((uint64_t)_i + 1);
	for (int cut = 0; cut < CRASHES; cut++) {
		int status;
		pid_t child;

		seed = (uint64_t)_i * 100000 + (uint64_t)cut;
		fake_disk_stop_at(fake_disk_operations() + 1 + pick(60));
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0)
			live(pick(30));
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 99),
			"seed %d, cut %d: status %d", _i, cut, status);
		fake_disk_stop_at(0);
		fake_disk_crash(FAKE_SOME);
	}
	world_open(&world);
	world_settle(&world, 0);
	world_agrees();
	world_close(&world, false);
	fake_disk_end();
}
END_TEST

/* An index that stayed behind, or was lost: the log gives it back. */
START_TEST(index_lost)
{
	char command[256];

	seed = 4711;
	world_open(&world);
	for (int i = 0; i < 200; i++)
		send_something();
	world_settle(&world, 0);
	world_checkpoint(&world);
	world_close(&world, false);
	snprintf(command, sizeof(command), "rm -rf '%s/index'", world.directory);
	ck_assert_int_eq(system(command), 0);
	world_open(&world);
	ck_assert_uint_gt(world.checkpoint_from, 0);
	for (int i = 0; i < 200; i++)
		send_something();
	world_settle(&world, 0);
	world_agrees();
}
END_TEST

/* Spilled output is committed once, and put again from its extent. */
START_TEST(spilled_over_a_restart)
{
	struct outcome outcome;
	uint8_t id[16], again[16];

	world_open(&world);
	world_send_flagged(&world, "alpha", ep_slice_of("many 5000 400\n"), 0, 0, id);
	world_settle(&world, 0);
	world_close(&world, true);
	world_open(&world);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_uint_eq(outcome.record_count, 5000);
	world_send_flagged(&world, "alpha", ep_slice_of("many 5000 400\n"), 0, 0, again);
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, again, &outcome), EP_OK);
	ck_assert_uint_eq(outcome.record_count, 0);
	ck_assert_uint_eq(outcome.suppressed, 5000);
}
END_TEST

START_TEST(foreign_checkpoint_is_refused)
{
	world_open(&world);
	ck_assert_int_eq(pipeline_restore(world.pipeline, EP_SAY("\x02\0\0\0xxxx")), EP_BAD_INPUT);
	ck_assert_int_eq(pipeline_restore(world.pipeline, EP_SAY("\x01")), EP_BAD_INPUT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pipeline_restart");
	TCase *test = tcase_create("restart");
	SRunner *runner = srunner_create(suite);
	int failed;

	log_setup(LOG_TEXT, EP_LOG_ERROR); /* quarantined messages are meant here */
	suite_add_tcase(suite, test);
	tcase_set_timeout(test, 60);
	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_add_loop_test(test, killed_and_started_again, 0, 8);
	tcase_add_loop_test(test, power_cut, 0, 12);
	tcase_add_test(test, index_lost);
	tcase_add_test(test, spilled_over_a_restart);
	tcase_add_test(test, foreign_checkpoint_is_refused);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
