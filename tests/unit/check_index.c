/* check_index.c: the index on LMDB and on a store in memory: levels, positions, holds, crashes, expiry, back-pressure. */
#include <check.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "index/entries.h"
#include "index/store.h"
#include "support/memory_store.h"

#define DAY_NS (86400 * NS_PER_S)

static char directory[] = "/tmp/check_index.XXXXXX";
static char path[64];
static struct loop *loop;
static struct error error;
static struct index *opened;
static struct memory_store memory;

static void set_up(void)
{
	snprintf(directory, sizeof(directory), "/tmp/check_index.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/index", directory);
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	memory_store_init(&memory);
	opened = NULL;
}

static void tear_down(void)
{
	char command[128];

	index_close(opened);
	loop_destroy(loop);
	memory_store_free(&memory);
	for (int i = 0; i < 2; i++) {
		snprintf(command, sizeof(command), "%s/%s", path, i ? "lock.mdb" : "data.mdb");
		unlink(command);
	}
	rmdir(path);
	rmdir(directory);
}

static void open_index(uint32_t hot_max, struct index_store *store)
{
	const struct index_options options = {
		.directory = path, .loop = loop, .hot_max = hot_max, .linger_ns = 10 * NS_PER_MS, .store = store};

	ck_assert_msg(index_open(&opened, &options, &error) == EP_OK, "%s", error.text);
}

static void put(enum index_table table, const char *key, const char *value, uint64_t position)
{
	ck_assert_int_eq(index_put(opened, table, ep_slice_of(key), ep_slice_of(value), position), EP_OK);
}

static void has(enum index_table table, const char *key, const char *value)
{
	struct ep_slice found;

	ck_assert_msg(index_get(opened, table, ep_slice_of(key), &found) == EP_OK, "%s is missing", key);
	ck_assert_msg(ep_slice_equal(found, ep_slice_of(value)), "%s is %.*s, not %s", key, (int)found.length,
		found.data, value);
}

static void lacks(enum index_table table, const char *key)
{
	struct ep_slice found;

	ck_assert_int_eq(index_get(opened, table, ep_slice_of(key), &found), EP_NOT_FOUND);
}

/* Until the store holds everything up to `position`. */
static void wait_position(uint64_t position)
{
	int64_t until = clock_monotonic_ns() + 10 * NS_PER_S;

	while (index_position(opened) < position) {
		ck_assert_msg(clock_monotonic_ns() < until, "position %llu not reached", (unsigned long long)position);
		loop_run_once(loop, NS_PER_MS);
	}
}

START_TEST(levels)
{
	char name[32];

	open_index(64, NULL);
	index_durable(opened, 10);
	put(INDEX_RECORDS, "old", "1", 1);
	put(INDEX_RECORDS, "both", "1", 2);
	wait_position(2); /* in LMDB */
	has(INDEX_RECORDS, "old", "1");
	put(INDEX_RECORDS, "both", "2", 20); /* beyond the durable position: sealed, but not written */
	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		put(INDEX_OUTCOMES, name, name, 21);
	}
	put(INDEX_RECORDS, "new", "3", 22);
	put(INDEX_OUTCOMES, "new", "x", 22); /* another table's */
	for (int i = 0; i < 70; i++) {
		snprintf(name, sizeof(name), "many-%d", i);
		has(INDEX_OUTCOMES, name, name);
	}
	has(INDEX_RECORDS, "old", "1");
	has(INDEX_RECORDS, "both", "2");
	has(INDEX_RECORDS, "new", "3");
	lacks(INDEX_RECORDS, "none");
	lacks(INDEX_OUTCOMES, "old");
	index_durable(opened, 30);
	wait_position(22);
	has(INDEX_RECORDS, "both", "2");
	has(INDEX_OUTCOMES, "many-69", "many-69");
	has(INDEX_RECORDS, "new", "3");
}
END_TEST

START_TEST(overwritten)
{
	open_index(64, NULL);
	index_durable(opened, 100);
	put(INDEX_RECORDS, "a", "short", 1);
	put(INDEX_RECORDS, "a", "x", 2);
	has(INDEX_RECORDS, "a", "x");
	put(INDEX_RECORDS, "a", "a much longer value than before", 3);
	has(INDEX_RECORDS, "a", "a much longer value than before");
	wait_position(3);
	has(INDEX_RECORDS, "a", "a much longer value than before");
	put(INDEX_RECORDS, "a", "", 4);
	has(INDEX_RECORDS, "a", "");
}
END_TEST

START_TEST(long_keys)
{
	char one[800], two[800];

	memset(one, 'k', sizeof(one) - 1);
	one[sizeof(one) - 1] = '\0';
	memcpy(two, one, sizeof(two));
	two[700] = 'x';
	open_index(64, NULL);
	index_durable(opened, 100);
	put(INDEX_RECORDS, one, "one", 1);
	put(INDEX_RECORDS, two, "two", 2);
	has(INDEX_RECORDS, one, "one");
	wait_position(2);
	has(INDEX_RECORDS, one, "one");
	has(INDEX_RECORDS, two, "two");
}
END_TEST

START_TEST(opened_again_at_position)
{
	open_index(64, NULL);
	ck_assert_uint_eq(index_position(opened), 0);
	index_durable(opened, 1000);
	put(INDEX_RECORDS, "a", "1", 100);
	put(INDEX_RECORDS, "b", "2", 200);
	index_close(opened);
	open_index(64, NULL);
	ck_assert_uint_eq(index_position(opened), 200);
	has(INDEX_RECORDS, "a", "1");
	/* The log read again from further back changes nothing. */
	put(INDEX_RECORDS, "a", "0", 50);
	has(INDEX_RECORDS, "a", "1");
	put(INDEX_RECORDS, "b", "2", 200);
	put(INDEX_RECORDS, "c", "3", 300);
	has(INDEX_RECORDS, "c", "3");
}
END_TEST

START_TEST(not_ahead_of_durable)
{
	open_index(64, &memory.store);
	put(INDEX_RECORDS, "a", "1", 100);
	index_durable(opened, 100); /* everything before 100: the frame at 100 is not */
	for (int i = 0; i < 50; i++)
		loop_run_once(loop, NS_PER_MS);
	ck_assert_uint_eq(memory.commits, 0);
	index_close(opened);
	ck_assert_uint_eq(memory.position, 0);
	open_index(64, &memory.store);
	lacks(INDEX_RECORDS, "a");
	put(INDEX_RECORDS, "a", "1", 100);
	index_durable(opened, 101);
	wait_position(100);
	ck_assert_uint_eq(memory.position, 100);
}
END_TEST

/* A child writes, seals without the journal being durable, and is killed: what was committed stands, the rest doesn't. */
START_TEST(killed_between_seal_and_commit)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ne(child, -1);
	if (child == 0) {
		open_index(64, NULL);
		index_durable(opened, 10);
		put(INDEX_RECORDS, "a", "1", 5);
		wait_position(5);
		put(INDEX_RECORDS, "a", "2", 20);
		put(INDEX_RECORDS, "b", "2", 21);
		for (int i = 0; i < 30; i++)
			loop_run_once(loop, NS_PER_MS); /* sealed by now */
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	open_index(64, NULL);
	ck_assert_uint_eq(index_position(opened), 5);
	has(INDEX_RECORDS, "a", "1");
	lacks(INDEX_RECORDS, "b");
}
END_TEST

/* Killed at any moment of a commit: position and entries agree, since they are one transaction. */
START_TEST(killed_while_writing)
{
	struct ep_slice value;
	uint64_t count = 0;
	pid_t child = fork();
	int status;

	ck_assert_int_ne(child, -1);
	if (child == 0) {
		open_index(64, NULL);
		index_durable(opened, UINT64_MAX);
		for (uint64_t i = 1;; i++) {
			while (index_put(opened, INDEX_RECORDS, ep_slice_make((char *)&i, 8),
				       ep_slice_make((char *)&i, 8), i) == EP_AGAIN)
				loop_run_once(loop, NS_PER_MS);
			if (i == 5000 + (uint64_t)(_i * 517))
				kill(getpid(), SIGKILL);
		}
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	open_index(64, NULL);
	for (uint64_t i = 1; i <= index_position(opened); i++, count++)
		ck_assert_int_eq(index_get(opened, INDEX_RECORDS, ep_slice_make((char *)&i, 8), &value), EP_OK);
	ck_assert_uint_gt(count, 4000);
	count++;
	ck_assert_int_eq(index_get(opened, INDEX_RECORDS, ep_slice_make((char *)&count, 8), &value), EP_NOT_FOUND);
}
END_TEST

/* A frame of more entries than both tables hold, put while later frames come: the position waits for its last entry. */
START_TEST(held)
{
	struct index_hold hold;
	uint64_t put_count = 0, later = 1000;

	open_index(32, &memory.store);
	index_durable(opened, UINT64_MAX);
	put(INDEX_OUTCOMES, "before", "1", 50);
	index_hold_begin(opened, &hold, 100);
	while (put_count < 500) {
		if (index_put(opened, INDEX_RECORDS, ep_slice_make((char *)&put_count, 8), ep_slice_of("v"), 100) ==
			EP_AGAIN) {
			loop_run_once(loop, NS_PER_MS);
			continue;
		}
		if (++put_count % 50 == 0 && index_has_room(opened))
			put(INDEX_OUTCOMES, "later", "1", ++later);
		ck_assert_uint_le(index_position(opened), 100);
	}
	ck_assert_uint_eq(index_position(opened), 100);
	index_hold_end(opened, &hold);
	put(INDEX_OUTCOMES, "last", "1", 2000);
	wait_position(2000);
	for (uint64_t i = 0; i < 500; i++) {
		struct ep_slice value;

		ck_assert_int_eq(index_get(opened, INDEX_RECORDS, ep_slice_make((char *)&i, 8), &value), EP_OK);
	}
}
END_TEST

static int64_t message_at(const char *id, int64_t day, uint64_t position)
{
	const struct entry_message entry = {.received_at_ns = day * DAY_NS + 5, .position = position};
	uint8_t bytes[ENTRY_MESSAGE_BYTES];

	ck_assert_int_eq(
		index_put(opened, INDEX_MESSAGES, ep_slice_of(id), entry_message_write(&entry, bytes), position),
		EP_OK);
	return entry.received_at_ns;
}

static bool knows(const char *id)
{
	struct ep_slice value;

	return index_get(opened, INDEX_MESSAGES, ep_slice_of(id), &value) == EP_OK;
}

START_TEST(expired)
{
	struct ep_slice value;

	open_index(64, NULL);
	index_durable(opened, UINT64_MAX);
	message_at("one", 20000, 1);
	message_at("two", 20001, 2);
	message_at("three", 20002, 3);
	message_at("again", 20000, 4);
	message_at("again", 20002, 5);
	wait_position(5);
	message_at("again", 20003, 6); /* the newest of several days counts */
	wait_position(6);
	ck_assert_int_eq(index_get(opened, INDEX_MESSAGES, ep_slice_of("again"), &value), EP_OK);
	ck_assert_uint_eq(entry_message_read(value).position, 6);
	ck_assert(knows("one") && knows("two") && knows("three"));
	index_expire(opened, 20001 * DAY_NS + 1);
	put(INDEX_OUTCOMES, "x", "y", 7);
	wait_position(7);
	ck_assert(!knows("one") && knows("two") && knows("three") && knows("again"));
	index_close(opened);
	open_index(64, NULL);
	ck_assert(!knows("one") && knows("two") && knows("three") && knows("again"));
	index_expire(opened, 20100 * DAY_NS);
	index_durable(opened, UINT64_MAX);
	message_at("late", 20100, 8);
	wait_position(8);
	ck_assert(!knows("two") && !knows("three") && knows("late"));
	has(INDEX_OUTCOMES, "x", "y");
}
END_TEST

static void on_room(void *argument)
{
	++*(int *)argument;
}

START_TEST(back_pressure)
{
	int called = 0;
	uint64_t i = 1;
	enum ep_status status = EP_OK;

	open_index(32, &memory.store);
	index_on_room(opened, on_room, &called);
	ck_assert(index_has_room(opened));
	for (; i < 1000 && index_has_room(opened); i++)
		put(INDEX_RECORDS, (char[]){(char)('0' + i % 64), (char)('0' + i / 64), 0}, "v", i);
	ck_assert_uint_gt(i, 32);
	ck_assert_uint_lt(i, 65);
	for (; status == EP_OK; i++) /* the rest of the room is there for frames that are appended already */
		status = index_put(opened, INDEX_OUTCOMES, ep_slice_make((char *)&i, 8), ep_slice_of("v"), i);
	ck_assert_int_eq(status, EP_AGAIN);
	ck_assert_int_eq(called, 0);
	index_durable(opened, UINT64_MAX);
	for (int pass = 0; pass < 1000 && called == 0; pass++)
		loop_run_once(loop, NS_PER_MS);
	ck_assert_int_eq(called, 1);
	ck_assert(index_has_room(opened));
}
END_TEST

START_TEST(waits_for_room)
{
	open_index(32, NULL);
	index_durable(opened, UINT64_MAX);
	for (uint64_t i = 1; i < 2000; i++) {
		index_wait_room(opened);
		ck_assert_int_eq(
			index_put(opened, INDEX_OUTCOMES, ep_slice_make((char *)&i, 8), ep_slice_of("v"), i), EP_OK);
	}
	wait_position(1999);
}
END_TEST

/* Others have filled the disk: nothing ends, what can't be written waits in memory and is written when there is room. */
START_TEST(full_disk)
{
	int called = 0;
	uint64_t i = 1;

	open_index(32, &memory.store);
	index_on_room(opened, on_room, &called);
	index_durable(opened, UINT64_MAX);
	memory.full = true;
	for (; i < 1000 && index_has_room(opened); i++) {
		put(INDEX_OUTCOMES, (char[]){(char)('0' + i % 64), (char)('0' + i / 64), 0}, "v", i);
		loop_run_once(loop, 0);
	}
	ck_assert_uint_lt(i, 65);
	for (int pass = 0; pass < 30; pass++) /* not a retry each time round */
		loop_run_once(loop, NS_PER_MS);
	ck_assert_int_eq(called, 0);
	ck_assert_uint_eq(memory.commits, 0);
	memory.full = false;
	for (int pass = 0; pass < 3000 && called == 0; pass++)
		loop_run_once(loop, NS_PER_MS);
	ck_assert_int_eq(called, 1);
	ck_assert_uint_gt(memory.commits, 0);
	has(INDEX_OUTCOMES, "10", "v");
	memory.full = true;
	put(INDEX_OUTCOMES, "last", "v", i);
	index_close(opened); /* gives up: the journal has it */
	open_index(32, &memory.store);
	lacks(INDEX_OUTCOMES, "last");
	memory.full = false;
}
END_TEST

/* The same with LMDB, whose handle of a day that was made in the failed transaction must not be used again. */
START_TEST(full_disk_lmdb)
{
	struct rlimit before, small = {.rlim_cur = 0, .rlim_max = RLIM_INFINITY};
	struct index_store *store;
	int64_t day_ns = 20000 * DAY_NS;
	char value[64] = {0};
	struct store_put day = {.table = INDEX_MESSAGES, .day = 20000, .key = ep_slice_of("k")};

	memcpy(value, &day_ns, sizeof(day_ns));
	day.value = ep_slice_make(value, sizeof(value));
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(store_lmdb_open(path, 0, &store, &error), EP_OK);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0); /* EFBIG, the nearest to a full disk that needs no disk */
	ck_assert_int_eq(store->ops->commit(store, &day, 1, 5, &error), EP_LIMIT);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_int_eq(store->ops->commit(store, &day, 1, 5, &error), EP_OK);
	ck_assert_int_eq(store->ops->refresh(store, &error), EP_OK);
	ck_assert_uint_eq(store->ops->position(store), 5);
	ck_assert_int_eq(store->ops->get(store, INDEX_MESSAGES, ep_slice_of("k"), &day.value, &error), EP_OK);
	store->ops->close(store);
}
END_TEST

START_TEST(another_format_is_refused)
{
	struct index_store *store;
	const uint64_t strange = 77;
	struct store_put position = {.table = INDEX_OUTCOMES, .key = ep_slice_of("k"), .value = ep_slice_of("v")};
	FILE *file;
	char name[128];

	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(store_lmdb_open(path, 0, &store, &error), EP_OK);
	ck_assert_int_eq(store->ops->commit(store, &position, 1, strange, &error), EP_OK);
	store->ops->close(store);
	ck_assert_int_eq(store_lmdb_open(path, 0, &store, &error), EP_OK);
	ck_assert_uint_eq(store->ops->position(store), strange);
	store->ops->close(store);
	snprintf(name, sizeof(name), "%s/data.mdb", path);
	file = fopen(name, "wb"); /* not LMDB's */
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 10000; i++)
		fputc('x', file);
	fclose(file);
	ck_assert_int_eq(store_lmdb_open(path, 0, &store, &error), EP_IO);
	ck_assert_ptr_nonnull(strstr(error.text, path));
}
END_TEST

START_TEST(entries)
{
	struct entry_record record = {
		.revision = 7, .sequence = 99, .attempt = 2, .sent = true, .version = ep_slice_of("v1")};
	struct entry_outcome outcome = {123, 456};
	uint8_t bytes[ENTRY_RECORD_BYTES_MAX], first[16], second[16];
	struct buffer key, other;

	memset(record.content, 0x5a, sizeof(record.content));
	record = entry_record_read(entry_record_write(&record, bytes));
	ck_assert_uint_eq(record.revision, 7);
	ck_assert_uint_eq(record.sequence, 99);
	ck_assert_uint_eq(record.attempt, 2);
	ck_assert(record.sent && record.content[31] == 0x5a && ep_slice_is(record.version, "v1"));
	outcome = entry_outcome_read(entry_outcome_write(&outcome, bytes));
	ck_assert(outcome.inbox_position == 123 && outcome.outbox_position == 456);
	entry_message_id(1000 * NS_PER_MS, first);
	entry_message_id(1001 * NS_PER_MS, second);
	ck_assert_int_lt(memcmp(first, second, 16), 0);
	buffer_init(&key, 1000);
	buffer_init(&other, 1000);
	ck_assert_int_eq(entry_message_key(&key, ENTRY_BY_EVENT, ep_slice_of("ab"), ep_slice_of("c")), EP_OK);
	ck_assert_int_eq(entry_message_key(&other, ENTRY_BY_EVENT, ep_slice_of("a"), ep_slice_of("bc")), EP_OK);
	ck_assert(!ep_slice_equal(buffer_slice(&key), buffer_slice(&other)));
	buffer_free(&key);
	buffer_free(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("index");
	TCase *test = tcase_create("index");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, test);
	tcase_set_timeout(test, 60);
	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_add_test(test, levels);
	tcase_add_test(test, overwritten);
	tcase_add_test(test, long_keys);
	tcase_add_test(test, opened_again_at_position);
	tcase_add_test(test, not_ahead_of_durable);
	tcase_add_test(test, full_disk);
	tcase_add_test(test, full_disk_lmdb);
	tcase_add_test(test, killed_between_seal_and_commit);
	tcase_add_loop_test(test, killed_while_writing, 0, 4);
	tcase_add_test(test, held);
	tcase_add_test(test, expired);
	tcase_add_test(test, back_pressure);
	tcase_add_test(test, waits_for_room);
	tcase_add_test(test, another_format_is_refused);
	tcase_add_test(test, entries);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
