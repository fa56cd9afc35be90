/* check_pipeline.c: what becomes of messages, with played workers: order, outcomes, versions, back-pressure, waiting. */
#include "pipeline/version.h"
#include "support/fake_disk.h"
#include "support/pipeline_world.h"

static struct world world;

static void set_up(void)
{
	world_init(&world);
}

static void tear_down(void)
{
	world_free(&world);
}

static void outcomes_are(const char *expected)
{
	char *found = world_outcomes(&world);

	ck_assert_str_eq(found, expected);
	free(found);
}

START_TEST(messages_become_outcomes)
{
	world_open(&world);
	world_send(&world, "alpha", "order A1 1.00\norder A2 2.00\n");
	world_settle(&world, 0);
	world_send(&world, "alpha", "");
	world_settle(&world, 0);
	world_send(&world, "beta", "order A1 1.00\n"); /* another source's order is another key */
	world_settle(&world, 0);
	outcomes_are("alpha normalized 2 0 0 | A1 new 1 1 1 | A2 new 1 1 1\n"
		     "alpha normalized 0 0 0\n"
		     "beta normalized 1 0 0 | A1 new 1 1 3\n");
}
END_TEST

START_TEST(order_of_a_source)
{
	char body[64], *found, *at;

	world_open(&world);
	for (int i = 0; i < 500; i++) {
		snprintf(body, sizeof(body), "order A %d.00\n", i);
		world_send(&world, "alpha", body);
	}
	world_settle(&world, 0);
	at = found = world_outcomes(&world);
	for (int i = 1; i <= 500; i++) {
		snprintf(
			body, sizeof(body), "alpha normalized 1 0 0 | A %s %d 1 %d\n", i == 1 ? "new" : "update", i, i);
		ck_assert_msg(strncmp(at, body, strlen(body)) == 0, "%.80s instead of %s", at, body);
		at += strlen(body);
	}
	ck_assert_str_eq(at, "");
	free(found);
}
END_TEST

START_TEST(versions)
{
	world_open(&world);
	world_send(&world, "alpha", "order A 1.00 2026-01-02T00:00:00Z\n");
	world_send(&world, "alpha", "order A 1.00 2026-01-02T00:00:00Z\n");      /* the same */
	world_send(&world, "alpha", "order A 2.00 2026-01-03T00:00:00Z\n");      /* newer */
	world_send(&world, "alpha", "order A 9.00 2026-01-01T00:00:00Z\n");      /* older */
	world_send(&world, "alpha", "order A 3.00 2026-01-03T08:00:00+08:00\n"); /* the same instant, another total */
	world_send(&world, "alpha", "order A 4.00 2026-01-03T00:00:00Z\n");
	world_send(&world, "alpha", "order A 5.00\n"); /* no version: another content of the version that there is */
	world_send(&world, "alpha", "order A 6.00 2020-01-01T00:00:00Z\n"); /* which isn't forgotten for that */
	world_send(&world, "alpha", "order A 6.00 2026-01-04T00:00:00Z\n");
	world_send(&world, "alpha", "order B 1.00\n");                      /* no version yet */
	world_send(&world, "alpha", "order B 1.00 2020-01-01T00:00:00Z\n"); /* against none: arrived later */
	world_settle(&world, 0);
	outcomes_are("alpha normalized 1 0 0 | A new 1 1 2026-01-02T00:00:00Z\n"
		     "alpha normalized 0 1 0\n"
		     "alpha normalized 1 0 0 | A update 2 1 2026-01-03T00:00:00Z\n"
		     "alpha normalized 1 0 0 | A superseded 0 1 2026-01-01T00:00:00Z\n"
		     "alpha normalized 1 0 0 | A conflict 3 2 2026-01-03T08:00:00+08:00\n"
		     "alpha normalized 1 0 0 | A conflict 4 3 2026-01-03T00:00:00Z\n"
		     "alpha normalized 1 0 0 | A conflict 5 4 2026-01-03T00:00:00Z\n"
		     "alpha normalized 1 0 0 | A superseded 0 1 2020-01-01T00:00:00Z\n"
		     "alpha normalized 1 0 0 | A update 6 1 2026-01-04T00:00:00Z\n"
		     "alpha normalized 1 0 0 | B new 1 1 10\n"
		     "alpha normalized 1 0 0 | B update 2 1 2020-01-01T00:00:00Z\n");
}
END_TEST

/* Between records of one message, before anything of it is in the index. */
START_TEST(versions_in_one_message)
{
	world_open(&world);
	world_send(&world, "alpha",
		"order A 1.00 2026-01-02T00:00:00Z\norder B 1.00\norder A 1.00 2026-01-02T00:00:00Z\n"
		"order A 2.00 2026-01-03T00:00:00Z\norder A 3.00 2026-01-01T00:00:00Z\norder B 2.00\n"
		"order A 4.00 2026-01-03T00:00:00Z\n");
	world_send(&world, "alpha", "order A 4.00 2026-01-03T00:00:00Z\n");
	world_settle(&world, 0);
	outcomes_are("alpha normalized 6 1 0 | A new 1 1 2026-01-02T00:00:00Z | B new 1 1 1"
		     " | A update 2 1 2026-01-03T00:00:00Z | A superseded 0 1 2026-01-01T00:00:00Z | B conflict 2 2 1"
		     " | A conflict 3 2 2026-01-03T00:00:00Z\n"
		     "alpha normalized 0 1 0\n");
}
END_TEST

START_TEST(duplicates_at_once)
{
	uint8_t id[16];
	uint64_t first;
	struct outcome outcome;

	world_open(&world);
	first = world_send_flagged(&world, "alpha", ep_slice_of("order A 1.00\n"), 0, 0, id);
	world_send_flagged(&world, "alpha", ep_slice_make("", 0), MESSAGE_DUPLICATE, first, id);
	world_settle(&world, 0);
	outcomes_are("alpha normalized 1 0 0 | A new 1 1 1\nalpha duplicate 0 0 0\n");
	ck_assert_uint_eq(world.workers[0].submitted, 1);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_int_eq(outcome.kind, OUTCOME_NORMALIZED); /* the first's own */
}
END_TEST

START_TEST(rejected_records)
{
	char body[4096] = "order A 1.00\n", *found;
	struct outcome outcome;
	uint8_t id[16];

	world_open(&world);
	world_send(&world, "alpha", "order A 1.00\nnameless\nreject no amount\norder B 1.00\n");
	world_settle(&world, 0);
	found = world_outcomes(&world);
	ck_assert_msg(strstr(found, "alpha normalized 2 0 2 ! 3 (") == found, "%s", found);
	ck_assert_ptr_nonnull(strstr(found, " ! 2 (byte 120 (row 3, column 5) Ntry[2]/Amt) no amount | A new"));
	free(found);
	for (int i = 0; i < 150; i++)
		strncat(body, "reject x\n", sizeof(body) - strlen(body) - 1);
	world_send_flagged(&world, "alpha", ep_slice_of(body), 0, 0, id);
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_uint_eq(outcome.rejected, 150);
	ck_assert_uint_eq(outcome.rejection_count, OUTCOME_REJECTIONS_MAX);
	strncat(body, "fail at last\n", sizeof(body) - strlen(body) - 1);
	world_send_flagged(&world, "alpha", ep_slice_of(body), 0, 0, id);
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_int_eq(outcome.kind, OUTCOME_QUARANTINED);
	ck_assert_uint_eq(outcome.rejected, 151);
	ck_assert_uint_eq(outcome.rejection_count, OUTCOME_REJECTIONS_MAX);
}
END_TEST

START_TEST(refused_whole)
{
	world.sources[0].on_bad_record = CONF_REJECT_MESSAGE;
	world.sources[1].note.flags = EP_WHOLE_ONLY;
	world_open(&world);
	world_send(&world, "alpha", "order A 1.00\nreject bad\norder B 1.00\n");
	world_settle(&world, 0);
	world_send(&world, "beta", "order A 1.00\nreject bad\n");
	world_settle(&world, 0);
	world_send(&world, "alpha", "order A 1.00\n"); /* nothing of the first stayed */
	world_settle(&world, 0);
	outcomes_are("alpha quarantined 0 0 1 ! 2 (byte 120 (row 3, column 5) Ntry[2]/Amt) bad\n"
		     "beta quarantined 0 0 1 ! 2 (byte 120 (row 3, column 5) Ntry[2]/Amt) bad\n"
		     "alpha normalized 1 0 0 | A new 1 1 3\n");
}
END_TEST

START_TEST(failed_calls)
{
	world_open(&world);
	world_send(&world, "alpha", "order A 1.00\nfail not XML\n");
	world_send(&world, "alpha", "order A 1.00\ndie\n");
	world_send(&world, "alpha", "order A 1.00\ncrash\norder B 1.00\n"); /* once is made good */
	world_send(&world, "alpha", "order C 1.00\ngarbage\norder D 1.00\n");
	world_settle(&world, 0);
	outcomes_are("alpha quarantined 0 0 1 ! 4 (byte 120 (row 3, column 5) Ntry[2]/Amt) not XML\n"
		     "alpha quarantined 0 0 1 ! 18 (message) SIGSEGV, twice\n"
		     "alpha normalized 2 0 0 | A new 1 1 3 | B new 1 1 3\n"
		     "alpha quarantined 0 0 1 ! 17 (message) broke a rule, twice\n");
	ck_assert_uint_eq(world.workers[0].faults, 2);
}
END_TEST

/* More records than fit into memory or a frame: spilled, committed as one extent, in the index all the same. */
START_TEST(spilled)
{
	struct outcome outcome;
	struct journal_frame frame;
	struct journal_reader *reader;
	struct error error;
	uint8_t id[16];

	world.hot_max = 512; /* the records don't fit into the index's tables at once either */
	world_open(&world);
	world_send_flagged(&world, "alpha", ep_slice_of("many 5000 400\n"), 0, 0, id);
	world_send(&world, "alpha", "many 5000 400\n");
	world_send(&world, "beta", "order B 1.00\n");
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_uint_eq(outcome.record_count, 5000);
	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &error), EP_OK);
	do
		ck_assert_int_eq(journal_read(reader, JOURNAL_KINDS(JOURNAL_OUTCOME), &frame, &error), EP_OK);
	while (frame.extent == 0);
	ck_assert_uint_gt(frame.extent_length, JOURNAL_INLINE_MAX);
	do
		ck_assert_int_eq(journal_read(reader, JOURNAL_KINDS(JOURNAL_OUTCOME), &frame, &error), EP_OK);
	while (outcome_read(&frame, &outcome) != EP_OK || !ep_slice_is(outcome.source, "alpha"));
	ck_assert_uint_eq(outcome.record_count, 0); /* all are known */
	ck_assert_uint_eq(outcome.suppressed, 5000);
	journal_reader_close(reader);
}
END_TEST

/* The keys of a spilled message are found in its own output, also where that is in a file already. */
START_TEST(spilled_versions)
{
	struct outcome outcome;
	uint8_t id[16];

	world_open(&world);
	world_send_flagged(&world, "alpha",
		ep_slice_of("order N0000003 5.00\nmany 6000 400\nmany 6000 400\norder N0000003 7.00\norder N0005999 "
			    "7.00\n"),
		0, 0, id);
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_uint_eq(outcome.record_count, 1 + 6000 + 2);
	ck_assert_uint_eq(outcome.suppressed, 6000);
}
END_TEST

START_TEST(large_body)
{
	size_t length = JOURNAL_INLINE_MAX + 5000;
	char *body = malloc(length);

	world_open(&world);
	memset(body, '\n', length);
	memcpy(body + length - 14, "\norder A 1.00\n", 14);
	for (int i = 0; i < 20; i++)
		world_send_flagged(&world, "alpha", ep_slice_make(body, length), 0, 0, NULL);
	free(body);
	world_settle(&world, 0);
	ck_assert_uint_eq(world_pending(&world), 0);
}
END_TEST

/* A stuck worker's messages wait; the others' go on; then it catches up, in order, with bounded memory meanwhile. */
START_TEST(stuck_source_holds_up_no_other)
{
	char body[64], *found, *at;
	int seen = 0;

	world_open(&world);
	world.workers[0].stuck = true;
	for (int i = 0; i < 2000; i++) {
		snprintf(body, sizeof(body), "order A %d.00\n", i);
		world_send(&world, "alpha", body);
		if (i % 4 == 0)
			world_send(&world, "beta", body);
		if (i % 100 == 0)
			loop_run_once(world.loop, NS_PER_MS);
	}
	world_settle(&world, 2000);
	ck_assert_uint_eq(world.workers[0].count, WORKER_QUEUE_MAX);
	ck_assert_uint_lt(pipeline_needs(world.pipeline), journal_durable(world.journal) / 2);
	world.workers[0].stuck = false;
	world_settle(&world, 0);
	found = world_outcomes(&world);
	for (at = found; (at = strstr(at, "alpha")); at++) {
		snprintf(body, sizeof(body), "alpha normalized 1 0 0 | A %s %d 1 ", seen ? "update" : "new", seen + 1);
		ck_assert_msg(strncmp(at, body, strlen(body)) == 0, "%.60s instead of %s", at, body);
		seen++;
	}
	free(found);
	ck_assert_int_eq(seen, 2000);
	world_send(&world, "alpha", "order A 1.00\n"); /* and it is live again */
	world_settle(&world, 0);
	ck_assert_uint_eq(pipeline_busy(world.pipeline), 0);
}
END_TEST

/* No room for outcomes: accepted messages wait, none is lost, and all are finished when there is room again. */
START_TEST(disk_full)
{
	char body[64], *found;
	const char *last = "alpha normalized 1 0 0 | A update 3000 1 3000\n";
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_S;

	fake_disk_begin(1);
	world.fake = true;
	world_open(&world);
	world.workers[0].stuck = true;
	for (int i = 0; i < 3000; i++) {
		snprintf(body, sizeof(body), "order A %d.00\n", i);
		world_send(&world, "alpha", body);
	}
	world_settle(&world, 3000);
	fake_disk_space(1);
	world.workers[0].stuck = false;
	for (size_t left = 3000, before = 0; left != before; before = left, left = world_pending(&world)) {
		ck_assert_int_lt(clock_monotonic_ns(), until);
		for (int i = 0; i < 100; i++)
			loop_run_once(world.loop, NS_PER_MS);
	}
	ck_assert_uint_gt(world_pending(&world), 0);
	fake_disk_space(UINT64_MAX);
	world_settle(&world, 0);
	found = world_outcomes(&world);
	ck_assert_uint_gt(strlen(found), strlen(last));
	ck_assert_str_eq(found + strlen(found) - strlen(last), last);
	free(found);
	world_close(&world, false);
	fake_disk_end();
}
END_TEST

/* No room for a message's records while others fit: it waits, they go on, its turn comes. */
START_TEST(spool_full)
{
	struct outcome outcome;
	struct error error;
	static char filling[5 * 1024 * 1024];
	uint8_t id[16];
	int fd;

	world.spool_bytes = 6 * 1024 * 1024;
	world_open(&world);
	ck_assert_int_eq(journal_spool_open(world.journal, &fd, &error), EP_OK);
	ck_assert_int_eq(
		journal_spool_write(world.journal, fd, 0, ep_slice_make(filling, sizeof(filling)), &error), EP_OK);
	world_send_flagged(&world, "alpha", ep_slice_of("many 5000 400\n"), 0, 0, id);
	world_send(&world, "alpha",
		"order N0000007 5.00\n"); /* of the same key as one of those: after them all the same */
	world_send(&world, "beta", "order B 1.00\n");
	world_settle(&world, 2);
	journal_spool_drop(world.journal, fd, sizeof(filling));
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_uint_eq(outcome.record_count, 5000);
	ck_assert_uint_ge(world.workers[0].submitted, 3);
	world_send_flagged(&world, "alpha", ep_slice_of("order N0000007 6.00\n"), 0, 0, id);
	world_settle(&world, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	{
		struct outcome_record record;

		ck_assert(outcome_next_record(&outcome.records, &record));
		ck_assert_uint_eq(record.revision, 3);
	}
}
END_TEST

static struct entry_record version_of(const char *text, uint64_t sequence)
{
	struct entry_record entry = {.sent = text[0] != '\0', .sequence = sequence, .version = ep_slice_of(text)};

	return entry;
}

START_TEST(compared_versions)
{
	static const struct {
		const char *older, *newer;
	} pairs[] = {
		{"2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z"},
		{"2026-01-02T00:00:00.1Z", "2026-01-02T00:00:00.12Z"},
		{"2026-01-02T07:59:59+08:00", "2026-01-02T00:00:00Z"},
		{"9", "10"},
		{"007", "8"},
		{"v9", "v10"},
		{"2.9.3", "2.10.0"},
		{"a", "a1"},
		{"2026-01-02", "2026-01-03"}, /* a date is no time: as text */
		{"99999999999999999999998", "99999999999999999999999"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct entry_record a = version_of(pairs[i].older, 5), b = version_of(pairs[i].newer, 4);

		ck_assert_msg(version_compare(&a, &b) < 0, "%s < %s", pairs[i].older, pairs[i].newer);
		ck_assert_msg(version_compare(&b, &a) > 0, "%s > %s", pairs[i].newer, pairs[i].older);
		ck_assert_int_eq(version_compare(&a, &a), 0);
	}
	{ /* kinds that don't compare: by arrival */
		struct entry_record time = version_of("2026-01-02T00:00:00Z", 5), text = version_of("v1", 6),
				    none = version_of("", 7);

		ck_assert_int_lt(version_compare(&time, &text), 0);
		ck_assert_int_gt(version_compare(&none, &text), 0);
		ck_assert_int_lt(version_compare(&time, &none), 0);
	}
	{ /* zeros and instants that are written differently */
		struct entry_record a = version_of("01", 1), b = version_of("1", 2),
				    c = version_of("2026-01-02T08:00:00+08:00", 1),
				    d = version_of("2026-01-02T00:00:00.000Z", 2);

		ck_assert_int_eq(version_compare(&a, &b), 0);
		ck_assert_int_eq(version_compare(&c, &d), 0);
	}
}
END_TEST

START_TEST(admitted)
{
	world_open(&world);
	ck_assert_int_eq(pipeline_admits(world.pipeline, ep_slice_of("alpha")), EP_OK);
	ck_assert_int_eq(pipeline_admits(world.pipeline, ep_slice_of("unknown")), EP_OK);
}
END_TEST

static void on_ready(void *argument)
{
	++*(int *)argument;
}

START_TEST(found_and_waited_for)
{
	uint8_t id[16], unknown[16] = {1};
	struct outcome outcome;
	int ready = 0, cancelled = 0, late = 0;

	world_open(&world);
	world.workers[0].stuck = true;
	world_send_flagged(&world, "alpha", ep_slice_of("order A 1.00\n"), 0, 0, id);
	ck_assert_int_eq(pipeline_find(world.pipeline, unknown, &outcome), EP_NOT_FOUND);
	world_settle(&world, 1);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK);
	ck_assert_int_eq(outcome.kind, OUTCOME_PENDING);
	ck_assert(ep_slice_is(outcome.source, "alpha"));
	ck_assert_int_eq(memcmp(outcome.message_id, id, 16), 0);
	pipeline_wait(world.pipeline, id, on_ready, &ready);
	pipeline_wait(world.pipeline, id, on_ready, &cancelled);
	pipeline_cancel(world.pipeline, &cancelled);
	world.workers[0].stuck = false;
	for (int i = 0; i < 1000 && !ready; i++)
		loop_run_once(world.loop, NS_PER_MS);
	ck_assert_int_eq(ready, 1);
	ck_assert_int_eq(cancelled, 0);
	ck_assert_int_eq(pipeline_find(world.pipeline, id, &outcome), EP_OK); /* durable when told */
	ck_assert_int_eq(outcome.kind, OUTCOME_NORMALIZED);
	ck_assert(ep_slice_is(outcome.plugin, "played 1.0.0"));
	pipeline_wait(world.pipeline, id, on_ready, &late);
	ck_assert_int_eq(late, 0); /* never from within */
	for (int i = 0; i < 1000 && !late; i++)
		loop_run_once(world.loop, NS_PER_MS);
	ck_assert_int_eq(late, 1);
	pipeline_wait(world.pipeline, unknown, on_ready, &ready); /* given up by destroy */
}
END_TEST

START_TEST(stopped)
{
	world_open(&world);
	world.workers[0].stuck = true;
	for (int i = 0; i < 10; i++)
		world_send(&world, "alpha", "order A 1.00\n");
	world_settle(&world, 10);
	ck_assert_uint_eq(pipeline_busy(world.pipeline), 10);
	pipeline_stop(world.pipeline);
	world_send(&world, "alpha", "order B 1.00\n");
	world.workers[0].stuck = false;
	world_settle(&world, 1);
	ck_assert_uint_eq(pipeline_busy(world.pipeline), 0);
	ck_assert_uint_eq(world.workers[0].submitted, 10);
}
END_TEST

/* A source that left the configuration: its messages stay pending over restarts, and go on when it comes back. */
START_TEST(source_removed)
{
	world_open(&world);
	world.workers[0].stuck = true;
	for (int i = 0; i < 5; i++)
		world_send(&world, "alpha", "order A 1.00\n");
	world_settle(&world, 5);
	world_close(&world, false);
	world.conf.sources++;
	world.conf.source_count--;
	world_open(&world);
	world_send(&world, "beta", "order B 1.00\n");
	world_settle(&world, 5);
	world_checkpoint(&world);
	world_close(&world, false);
	world_open(&world);
	world_settle(&world, 5);
	world_close(&world, false);
	world.conf.sources--;
	world.conf.source_count++;
	world_open(&world);
	world_settle(&world, 0);
	outcomes_are("beta normalized 1 0 0 | B new 1 1 6\n"
		     "alpha normalized 1 0 0 | A new 1 1 1\nalpha normalized 0 1 0\nalpha normalized 0 1 0\n"
		     "alpha normalized 0 1 0\nalpha normalized 0 1 0\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pipeline");
	TCase *test = tcase_create("pipeline");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, test);
	tcase_set_timeout(test, 60);
	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_add_test(test, messages_become_outcomes);
	tcase_add_test(test, order_of_a_source);
	tcase_add_test(test, versions);
	tcase_add_test(test, versions_in_one_message);
	tcase_add_test(test, duplicates_at_once);
	tcase_add_test(test, rejected_records);
	tcase_add_test(test, refused_whole);
	tcase_add_test(test, failed_calls);
	tcase_add_test(test, spilled);
	tcase_add_test(test, spilled_versions);
	tcase_add_test(test, large_body);
	tcase_add_test(test, stuck_source_holds_up_no_other);
	tcase_add_test(test, disk_full);
	tcase_add_test(test, spool_full);
	tcase_add_test(test, compared_versions);
	tcase_add_test(test, admitted);
	tcase_add_test(test, found_and_waited_for);
	tcase_add_test(test, stopped);
	tcase_add_test(test, source_removed);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
