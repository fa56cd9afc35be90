/*
 * check_courier_model.c: a courier driven by chance: records come, answers of every kind, stops, kills, checkpoints. After
 * each start its state is what it was; nothing is lost, nothing that was answered and written down is sent again, and
 * the records of a key arrive in their order.
 */
#include "courier_fixture.h"

static const char *sources[] = {"shop", "bank"};

/* As the gateway does: the checkpoint, then every frame from there on. */
static void recover(void)
{
	uint64_t from;
	struct ep_slice checkpoint = journal_checkpoint(journal, &from);
	struct journal_reader *reader;
	struct journal_frame frame;
	struct error error = {0};
	enum ep_status status;

	make_courier();
	ck_assert_int_eq(courier_restore(courier, checkpoint), EP_OK);
	ck_assert_int_eq(journal_reader_open(journal, from, &reader, &error), EP_OK);
	while ((status = journal_read(reader, UINT32_MAX, &frame, &error)) == EP_OK)
		courier_recover(courier, &frame);
	ck_assert_int_eq(status, EP_END);
	journal_reader_close(reader);
}

static uint32_t chance(uint32_t below)
{
	return (uint32_t)(random() % below);
}

static void append_random(void)
{
	struct wanted_record wanted[12];
	uint32_t count = chance(12);

	for (uint32_t i = 0; i < count; i++)
		wanted[i] = (struct wanted_record){.key = chance(chance(3) ? KEYS : 3),
			.foreign = chance(6) == 0,
			.superseded = chance(8) == 0,
			.bad = chance(25) == 0};
	append_outcome(sources[chance(4) == 0], wanted, count, chance(5) == 0);
}

static void answer_random(void)
{
	size_t index = chance((uint32_t)fake.count);
	struct transport_batch *batch = fake.waiting[index];

	if (has_bad(batch)) {
		answer(index, chance(8) ? TRANSPORT_PERMANENT : TRANSPORT_AGAIN, 422, true);
		return;
	}
	switch (chance(12)) {
	case 0:
		answer(index, TRANSPORT_AGAIN, 0, false);
		break;
	case 1:
		answer(index, TRANSPORT_AGAIN, 503, true);
		break;
	case 2: /* stored, and died before the answer */
		take_in(batch);
		answer(index, TRANSPORT_AGAIN, 0, false);
		break;
	case 3:
		if (chance(10) == 0) {
			answer(index, TRANSPORT_REFUSED, 403, true);
			break;
		}
		/* fall through */
	default:
		answer(index, TRANSPORT_DONE, 200, true);
	}
}

static void write_state(struct buffer *out)
{
	uint64_t as_of = courier->state.as_of;

	courier->state.as_of = 0;
	buffer_clear(out);
	ck_assert_int_eq(delivery_state_write(&courier->state, out), EP_OK);
	courier->state.as_of = as_of;
}

static void write_checkpoint(void)
{
	struct buffer out;
	struct error error = {0};
	uint64_t from;

	buffer_init(&out, 1 << 20);
	ck_assert_int_eq(courier_checkpoint(courier, &out, &from), EP_OK);
	ck_assert_int_eq(journal_append_checkpoint(journal, from, buffer_slice(&out), &error), EP_OK);
	buffer_free(&out);
}

/* All that was said is on disk when it is opened again: the state must be the very same. */
static void stop_and_start(void)
{
	struct buffer before, after;

	buffer_init(&before, 1 << 20);
	buffer_init(&after, 1 << 20);
	courier_stop(courier);
	write_state(&before);
	for (uint32_t i = 0; i < records; i++)
		known[i].never_again = known[i].answered;
	courier_destroy(courier);
	courier = NULL;
	journal_close(journal);
	open_journal(directory);
	recover();
	write_state(&after);
	ck_assert_uint_eq(before.length, after.length);
	ck_assert_mem_eq(before.data, after.data, before.length);
	courier_start(courier);
	buffer_free(&before);
	buffer_free(&after);
}

/* As after SIGKILL: what the files hold now. What was answered and on disk may never be sent again. */
static void kill_and_start(void)
{
	char command[256];
	uint64_t durable = journal_durable(journal);

	snprintf(command, sizeof(command), "rm -rf '%s' && cp -r '%s' '%s'", copy, directory, copy);
	ck_assert_int_eq(system(command), 0);
	for (uint32_t i = 0; i < records; i++) /* an answer that isn't on disk is forgotten */
		known[i].never_again = known[i].answered = known[i].answered && known[i].safe_from <= durable;
	courier_destroy(courier);
	courier = NULL;
	journal_close(journal);
	snprintf(command, sizeof(command), "rm -rf '%s' && mv '%s' '%s'", directory, copy, directory);
	ck_assert_int_eq(system(command), 0);
	open_journal(directory);
	recover();
	courier_start(courier);
}

/* The last records may have been lost with the crash: they never existed then. */
static void forget_lost(void)
{
	struct outbox *outbox;
	struct outbox_record record;
	struct error error = {0};
	uint32_t highest = 0;
	enum ep_status status;

	ck_assert_int_eq(outbox_open(journal, &outbox, &error), EP_OK);
	while ((status = outbox_next(outbox, &record, &error)) == EP_OK || status == EP_AGAIN) {
		uint32_t number;

		if (status == EP_AGAIN)
			continue;
		memcpy(&number, record.record.id, sizeof(number));
		highest = number + 1;
	}
	ck_assert_msg(status == EP_END, "%s", error.text);
	outbox_end = outbox_place(outbox).frame;
	outbox_close(outbox);
	for (uint32_t i = highest; i < records; i++)
		ck_assert_uint_eq(known[i].got, 0); /* nothing was sent before it was durable */
	records = highest;
}

START_TEST(model)
{
	uint64_t wanted = 0, bad = 0;

	srandom((unsigned)_i);
	destination.connections = 1 + chance(4);
	destination.parked_max = 5 + chance(60);
	destination.batch_linger_ns = chance(2) ? NS_PER_MS : 0;
	make_courier();
	courier_start(courier);
	for (int step = 0; step < 600; step++) {
		uint32_t what = chance(100);

		if (what < 25 && records < RECORDS_MAX - 20)
			append_random();
		else if (what < 60 && fake.count)
			answer_random();
		else if (what == 60)
			stop_and_start();
		else if (what == 61) {
			kill_and_start();
			forget_lost();
		} else if (what == 62)
			write_checkpoint();
		else
			pass();
	}
	/* everything gets its end once the destination works */
	for (int i = 0; i < 20000 && (courier->unresolved || outbox_place(courier->outbox).frame < outbox_end); i++) {
		pass();
		while (fake.count)
			answer(0, has_bad(fake.waiting[0]) ? TRANSPORT_PERMANENT : TRANSPORT_DONE, 422, true);
	}
	ck_assert_uint_eq(courier->unresolved, 0);
	stop_and_start();
	for (uint32_t i = 0; i < records; i++) {
		if (known[i].wanted && !known[i].bad)
			ck_assert_msg(known[i].got > 0, "record %u is lost", i);
		wanted += known[i].wanted;
		bad += known[i].wanted && known[i].bad;
	}
	ck_assert_uint_eq(courier->state.delivered + courier->state.dead, wanted);
	ck_assert_uint_eq(courier->state.dead, bad);
	ck_assert_uint_eq(
		courier->state.delivered + courier->state.dead + courier->state.filtered + courier->state.superseded,
		records);
	ck_assert_uint_eq(courier->state.open_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("courier model");
	TCase *models = tcase_create("model");
	const char *seed = getenv("SEED"), *seeds = getenv("SEEDS");
	int64_t first = 1, count = 12;
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(models, set_up, tear_down);
	if (seed)
		ep_slice_integer(ep_slice_of(seed), &first);
	if (seeds)
		ep_slice_integer(ep_slice_of(seeds), &count);
	tcase_add_loop_test(models, model, (int)first, (int)(first + count));
	tcase_set_timeout(models, 60);
	suite_add_tcase(suite, models);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
