/* check_courier.c: what a courier sends, when, and what each answer means. */
#include "courier_fixture.h"

START_TEST(batches_and_cursor)
{
	make_courier();
	courier_start(courier);
	append_orders(20, 0);
	wait_sent(3);
	ck_assert_uint_eq(most_records, 8);
	ck_assert_int_eq(fake.waiting[0]->body.data[0], '[');
	ck_assert_int_eq(fake.waiting[0]->body.data[fake.waiting[0]->body.length - 1], ']');
	while (fake.count)
		answer(0, TRANSPORT_DONE, 202, true);
	settle();
	ck_assert_uint_eq(courier_counts(courier).delivered, 20);
	ck_assert_uint_eq(courier->state.delivered, 20);
	ck_assert_uint_eq(courier->state.open_count, 0);
	ck_assert_uint_eq(courier_busy(courier), 0);
	ck_assert_uint_gt(courier_needs(courier), 0);
	ck_assert_uint_eq(sent, 3);
}
END_TEST

START_TEST(single_events_and_lines)
{
	destination.batch_records = 1;
	make_courier();
	courier_start(courier);
	append_orders(1, 0);
	wait_sent(1);
	ck_assert_int_eq(fake.waiting[0]->body.data[0], '{');
	answer(0, TRANSPORT_DONE, 202, true);
	courier_destroy(courier);
	destination.batch_records = 8;
	fake_ops.lines = true;
	make_courier();
	courier_start(courier);
	append_orders(2, 1);
	wait_sent(1);
	ck_assert_int_eq(fake.waiting[0]->body.data[0], '{');
	ck_assert_int_eq(fake.waiting[0]->body.data[fake.waiting[0]->body.length - 1], '\n');
}
END_TEST

START_TEST(filters)
{
	const struct wanted_record mixed[] = {{.key = 0}, {.key = 1, .foreign = true}, {.key = 2, .superseded = true}};

	make_courier();
	courier_start(courier);
	append_outcome("shop", mixed, 3, false);
	append_outcome("bank", mixed, 3, false);
	wait_sent(1);
	ck_assert_uint_eq(fake.waiting[0]->record_count, 1);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_uint_eq(courier_counts(courier).delivered, 1);
	ck_assert_uint_eq(courier_counts(courier).filtered, 4);
	ck_assert_uint_eq(courier_counts(courier).superseded, 1);
}
END_TEST

START_TEST(bytes_bound_a_batch)
{
	destination.batch_bytes = 2048;
	destination.connections = 64;
	make_courier();
	courier_start(courier);
	append_orders(30, 0);
	wait_sent(4);
	settle();
	ck_assert_uint_le(most_bytes, 2048);
	ck_assert_uint_gt(most_records, 1);
}
END_TEST

START_TEST(linger_waits_for_more)
{
	destination.batch_linger_ns = 400 * NS_PER_MS;
	make_courier();
	courier_start(courier);
	append_orders(2, 0);
	for (int i = 0; i < 10; i++) /* no longer than that */
		pass();
	append_orders(2, 2);
	wait_sent(1);
	ck_assert_uint_eq(fake.waiting[0]->record_count, 4);
	append_orders(8, 4);
	append_orders(1, 12);
	wait_sent(2); /* full: at once */
}
END_TEST

START_TEST(repeats_keep_their_key)
{
	char key[33];

	make_courier();
	courier_start(courier);
	append_orders(3, 0);
	wait_sent(1);
	memcpy(key, last_key, sizeof(key));
	answer(0, TRANSPORT_AGAIN, 503, true);
	wait_sent(1);
	ck_assert_str_eq(key, last_key);
	ck_assert_uint_eq(courier_counts(courier).retried, 1);
	answer(0, TRANSPORT_AGAIN, 0, false);
	wait_sent(1);
	ck_assert_str_eq(key, last_key);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_uint_eq(courier->state.delivered, 3);
}
END_TEST

START_TEST(failing_batch_holds_up_its_keys_only)
{
	make_courier();
	courier_start(courier);
	append_orders(2, 0);
	wait_sent(1);
	destination.retry_first_ns = destination.retry_max_ns = 3600 * NS_PER_S;
	answer(0, TRANSPORT_AGAIN, 500, true);
	append_orders(3, 1); /* keys 1, 2, 3: the first is behind what failed */
	wait_sent(1);
	ck_assert_uint_eq(fake.waiting[0]->record_count, 2);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_uint_eq(courier_parked(courier), 3);
	ck_assert_uint_eq(courier->state.open_count, 3);
	ck_assert_uint_eq(courier->state.delivered, 2);
	ck_assert_uint_lt(courier_needs(courier), courier->state.cursor.frame);
}
END_TEST

START_TEST(parked_max_stops_reading)
{
	destination.parked_max = 10;
	destination.connections = 1;
	make_courier();
	courier_start(courier);
	for (uint32_t i = 0; i < 5; i++)
		append_orders(8, i % 4 * 8);
	wait_sent(1);
	destination.retry_first_ns = destination.retry_max_ns = 3600 * NS_PER_S;
	for (int i = 0; i < 2; i++) { /* not often enough for a hold */
		answer(0, TRANSPORT_AGAIN, 500, true);
		if (i == 0)
			wait_sent(1);
	}
	settle();
	ck_assert_uint_eq(fake.count, 0);
	ck_assert_uint_eq(courier_parked(courier), 16);
}
END_TEST

START_TEST(unreachable_destination_is_left_alone)
{
	destination.retry_first_ns = destination.retry_max_ns = 3600 * NS_PER_S;
	make_courier();
	courier_start(courier);
	append_orders(40, 0);
	wait_sent(3);
	answer(0, TRANSPORT_AGAIN, 0, false);
	ck_assert_uint_eq(courier_busy(courier), 0); /* nobody waits for it at a stop */
	answer(0, TRANSPORT_AGAIN, 0, false);
	answer(0, TRANSPORT_AGAIN, 0, false);
	settle();
	ck_assert_uint_eq(fake.count, 0);
	ck_assert_uint_le(courier_parked(courier), 24);
}
END_TEST

START_TEST(retry_after_is_kept)
{
	const struct transport_result later = {
		.answer = TRANSPORT_AGAIN, .answered = true, .code = 429, .retry_after_ns = 60 * NS_PER_MS};
	struct transport_batch *batch;
	int64_t began;

	make_courier();
	courier_start(courier);
	append_orders(1, 0);
	wait_sent(1);
	batch = fake.waiting[--fake.count];
	batch->done(batch, &later);
	began = clock_monotonic_ns();
	append_orders(1, 1); /* nor anything else */
	wait_sent(1);
	ck_assert_int_ge(clock_monotonic_ns() - began, 60 * NS_PER_MS);
}
END_TEST

START_TEST(refused_credentials_pause)
{
	destination.retry_max_ns = 50 * NS_PER_MS;
	make_courier();
	courier_start(courier);
	append_orders(20, 0);
	wait_sent(3);
	while (fake.count)
		answer(0, TRANSPORT_REFUSED, 401, true);
	ck_assert(courier->refused);
	wait_sent(1);
	settle();
	ck_assert_uint_eq(fake.count, 1); /* one at a time until it works */
	answer(0, TRANSPORT_DONE, 200, true);
	ck_assert(!courier->refused);
	for (int i = 0; i < 300 && courier->state.delivered < 20; i++) {
		pass();
		while (fake.count)
			answer(0, TRANSPORT_DONE, 200, true);
	}
	ck_assert_uint_eq(courier->state.delivered, 20);
}
END_TEST

START_TEST(bad_record_is_found_alone)
{
	struct wanted_record wanted[8] = {0};

	for (uint32_t i = 0; i < 8; i++)
		wanted[i] = (struct wanted_record){.key = i < 6 ? i : 0, .bad = i == 3};
	make_courier();
	courier_start(courier);
	append_outcome("shop", wanted, 8, true);
	wait_sent(1);
	for (int i = 0; i < 300 && courier->state.delivered < 7; i++) {
		pass();
		while (fake.count)
			answer(0, has_bad(fake.waiting[0]) ? TRANSPORT_PERMANENT : TRANSPORT_DONE, 422, true);
	}
	settle();
	ck_assert_uint_eq(courier->state.delivered, 7);
	ck_assert_uint_eq(courier->state.dead, 1);
	ck_assert_uint_eq(courier->state.open_count, 0);
	ck_assert_uint_le(courier_needs(courier), courier->state.first_dead);
}
END_TEST

/* What a destination said of a record is in the journal, for `dead list`. */
START_TEST(dead_records_keep_their_reason)
{
	struct wanted_record wanted = {.key = 7, .bad = true};
	struct journal_reader *reader;
	struct journal_frame frame;
	struct delivery delivery;
	struct delivery_dead dead = {.code = 0};
	struct error error = {0};
	size_t found = 0;

	make_courier();
	courier_start(courier);
	append_outcome("shop", &wanted, 1, false);
	wait_sent(1);
	answer(0, TRANSPORT_PERMANENT, 422, true);
	settle();
	ck_assert_int_eq(journal_reader_open(journal, 0, &reader, &error), EP_OK);
	while (journal_read(reader, JOURNAL_KINDS(JOURNAL_DELIVERY), &frame, &error) == EP_OK) {
		ck_assert_int_eq(delivery_read(frame.payload, &delivery), EP_OK);
		ck_assert(ep_slice_is(delivery.destination, "platform"));
		found += delivery_next_dead(&delivery.dead, &dead);
	}
	ck_assert_uint_eq(found, 1);
	ck_assert_int_eq(dead.code, 422);
	ck_assert_uint_eq(dead.at.index, 0);
	journal_reader_close(reader);
}
END_TEST

START_TEST(stop_starts_nothing_new)
{
	make_courier();
	courier_start(courier);
	append_orders(8, 0);
	wait_sent(1);
	courier_stop(courier);
	append_orders(8, 8);
	settle();
	ck_assert_uint_eq(fake.count, 1);
	ck_assert_uint_eq(courier_busy(courier), 1);
	answer(0, TRANSPORT_DONE, 200, true);
	ck_assert_uint_eq(courier_busy(courier), 0);
	settle();
	ck_assert_uint_eq(sent, 1);
	ck_assert_uint_eq(courier->state.delivered, 8);
}
END_TEST

START_TEST(idle_writes_nothing)
{
	struct buffer out;
	uint64_t from, end;

	buffer_init(&out, 1 << 20);
	make_courier();
	courier_start(courier);
	append_orders(1, 0);
	wait_sent(1);
	answer(0, TRANSPORT_DONE, 200, true);
	settle();
	ck_assert_int_eq(courier_checkpoint(courier, &out, &from), EP_OK);
	settle();
	end = journal_end(journal);
	for (int i = 0; i < 3; i++) {
		buffer_clear(&out);
		ck_assert_int_eq(courier_checkpoint(courier, &out, &from), EP_OK);
		settle();
	}
	ck_assert_uint_eq(journal_end(journal), end);
	buffer_free(&out);
}
END_TEST

START_TEST(state_bytes_are_checked)
{
	struct delivery_state state, other;
	struct buffer out;

	delivery_state_init(&state, 10);
	delivery_state_init(&other, 10);
	state.cursor = (struct delivery_place){1000, 3};
	state.open = calloc(2, sizeof(*state.open));
	state.open[0] = (struct delivery_open){{100, 1}, 5};
	state.open[1] = (struct delivery_open){{100, 2}, 6};
	state.open_count = state.open_capacity = 2;
	state.delivered = 77;
	buffer_init(&out, 4096);
	ck_assert_int_eq(delivery_state_write(&state, &out), EP_OK);
	ck_assert_int_eq(delivery_state_read(&other, buffer_slice(&out)), EP_OK);
	ck_assert_uint_eq(other.open_count, 2);
	ck_assert_uint_eq(other.open[1].key, 6);
	ck_assert_uint_eq(other.delivered, 77);
	for (size_t length = 0; length < out.length; length++)
		ck_assert_int_eq(delivery_state_read(&other, ep_slice_make(out.data, length)), EP_BAD_INPUT);
	out.data[0] = 9;
	ck_assert_int_eq(delivery_state_read(&other, buffer_slice(&out)), EP_BAD_INPUT);
	buffer_free(&out);
	delivery_state_free(&state);
	delivery_state_free(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("courier");
	TCase *tests = tcase_create("courier");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, batches_and_cursor);
	tcase_add_test(tests, single_events_and_lines);
	tcase_add_test(tests, filters);
	tcase_add_test(tests, bytes_bound_a_batch);
	tcase_add_test(tests, linger_waits_for_more);
	tcase_add_test(tests, repeats_keep_their_key);
	tcase_add_test(tests, failing_batch_holds_up_its_keys_only);
	tcase_add_test(tests, parked_max_stops_reading);
	tcase_add_test(tests, unreachable_destination_is_left_alone);
	tcase_add_test(tests, retry_after_is_kept);
	tcase_add_test(tests, refused_credentials_pause);
	tcase_add_test(tests, bad_record_is_found_alone);
	tcase_add_test(tests, dead_records_keep_their_reason);
	tcase_add_test(tests, stop_starts_nothing_new);
	tcase_add_test(tests, idle_writes_nothing);
	tcase_add_test(tests, state_bytes_are_checked);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
