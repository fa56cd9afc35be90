/* check_journal_faults.c: the journal on a disk that is full, fails, tears and rots. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "journal/format.h"
#include "support/fake_disk.h"

#define LOG "/fake/data/journal"
#define SEGMENT_BYTES (64 * 1024)
#define EXIT_DISK_FAILED 70

static struct loop *loop;
static struct journal *journal;
static struct error error;

static enum ep_status open_journal(void)
{
	const struct journal_options options = {.directory = "/fake/data",
		.loop = loop,
		.segment_bytes = SEGMENT_BYTES,
		.reserve_bytes = 4096,
		.spool_bytes = 100000};

	return journal_open(&journal, &options, &error);
}

static void close_journal(void)
{
	journal_close(journal);
	journal = NULL;
}

static void setup(void)
{
	log_setup(LOG_TEXT, EP_LOG_ERROR);
	fake_disk_begin(1);
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	ck_assert_int_eq(open_journal(), EP_OK);
}

static void teardown(void)
{
	close_journal();
	loop_destroy(loop);
	fake_disk_end();
}

/* The nth frame says n, and is `length` bytes long. */
static enum ep_status try_append(uint64_t n, size_t length, enum journal_urgency urgency, struct journal_frame *frame)
{
	static char bytes[SEGMENT_BYTES];
	struct iovec part = {bytes, length};
	const struct journal_append what = {
		.kind = JOURNAL_MESSAGE, .urgency = urgency, .parts = &part, .part_count = 1, .spool_fd = -1};

	memset(bytes, (int)n, length);
	return journal_append(journal, &what, frame, &error);
}

static struct journal_frame append(uint64_t n, size_t length, enum journal_urgency urgency)
{
	struct journal_frame frame;

	ck_assert_msg(try_append(n, length, urgency, &frame) == EP_OK, "%s", error.text);
	return frame;
}

static void wait_durable(uint64_t position)
{
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_S;

	while (journal_durable(journal) <= position) {
		ck_assert_int_lt(clock_monotonic_ns(), until);
		loop_run_once(loop, 10 * NS_PER_MS);
	}
}

static void commit(uint64_t n, size_t length)
{
	wait_durable(append(n, length, JOURNAL_URGENT).position);
}

/* Frames 1, 2, 3 ... each as written. Returns how many, or -1 if the journal says that it is damaged. */
static int read_all(void)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	enum ep_status status;
	int count = 0;

	ck_assert_int_eq(journal_reader_open(journal, 0, &reader, &error), EP_OK);
	while ((status = journal_read(reader, ~0u, &frame, &error)) == EP_OK) {
		count++;
		ck_assert_uint_eq(frame.sequence, (uint64_t)count);
		for (size_t i = 0; i < frame.payload.length; i++)
			ck_assert_int_eq((uint8_t)frame.payload.data[i], count & 0xff);
	}
	journal_reader_close(reader);
	ck_assert(status == EP_END || status == EP_BAD_INPUT);
	return status == EP_END ? count : -1;
}

/* The last segment's path. */
static const char *last_segment(void)
{
	static char path[256];
	char name[128];

	for (int i = 0; fake_disk_name(LOG, i, name); i++)
		if (strncmp(name, "segment-", 8) == 0)
			snprintf(path, sizeof(path), LOG "/%s", name);
	return path;
}

/* Commits. */

START_TEST(one_sync_commits_what_one_pass_appended)
{
	struct journal_frame frame = {0};

	append(1, 100, JOURNAL_LAZY);
	for (uint64_t n = 2; n <= 50; n++)
		frame = append(n, 100, JOURNAL_URGENT);
	fake_disk_reset_counts();
	wait_durable(frame.position);
	ck_assert_uint_eq(fake_disk_count(FAKE_SYNC_DATA), 1);
	ck_assert_uint_eq(fake_disk_count(FAKE_WRITE), 1);
	ck_assert_uint_eq(fake_disk_count(FAKE_SYNC), 0);
	ck_assert_int_eq(read_all(), 50);
}
END_TEST

START_TEST(a_lazy_frame_waits_for_company_but_not_long)
{
	int64_t start = clock_monotonic_ns();
	struct journal_frame frame = append(1, 100, JOURNAL_LAZY);

	loop_run_once(loop, 0);
	wait_durable(frame.position);
	ck_assert_int_ge(clock_monotonic_ns() - start, 900 * NS_PER_US);
	fake_disk_reset_counts();
	append(2, 100, JOURNAL_LAZY);
	commit(3, 100);
	ck_assert_uint_eq(fake_disk_count(FAKE_SYNC_DATA), 1);
	ck_assert_int_eq(read_all(), 3);
}
END_TEST

START_TEST(what_waits_is_bounded)
{
	struct journal_frame frame = {0};
	enum ep_status status = EP_OK;
	uint64_t n = 0;

	while (status == EP_OK && n < 100)
		status = try_append(++n, 10000, JOURNAL_LAZY, &frame);
	ck_assert_int_eq(status, EP_AGAIN);
	ck_assert_uint_lt(n, 14);
	wait_durable(journal_end(journal) - 1);
	ck_assert_int_eq(read_all(), (int)n - 1); /* the refused one changed nothing */
}
END_TEST

START_TEST(closing_commits_everything)
{
	for (uint64_t n = 1; n <= 20; n++)
		append(n, 50, JOURNAL_LAZY);
	close_journal();
	fake_disk_crash(FAKE_DROP);
	ck_assert_int_eq(open_journal(), EP_OK);
	ck_assert_int_eq(read_all(), 20);
}
END_TEST

START_TEST(closing_before_the_pass_ends_is_the_same)
{
	append(1, 10, JOURNAL_URGENT);
	close_journal();
	loop_run_once(loop, 0);
	ck_assert_int_eq(open_journal(), EP_OK);
	ck_assert_int_eq(read_all(), 1);
}
END_TEST

START_TEST(a_frame_too_large_for_any_group_is_refused)
{
	struct journal_frame frame;

	ck_assert_int_eq(try_append(1, SEGMENT_BYTES - 4096, JOURNAL_URGENT, &frame), EP_LIMIT);
	ck_assert_int_eq(error.code, EP_ERR_LIMIT);
	commit(1, 10);
	ck_assert_int_eq(read_all(), 1);
}
END_TEST

/* Torn and stale. */

/* Ten committed groups, the last of several blocks; then the process is gone. Returns where the last one begins. */
static uint64_t written_and_killed(void)
{
	struct journal_frame last = {0};

	for (uint64_t n = 1; n <= 9; n++)
		commit(n, 300);
	for (uint64_t n = 10; n <= 20; n++)
		last = append(n, 1500, JOURNAL_URGENT);
	wait_durable(last.position);
	return last.position;
}

/* The journal that was killed is given up without another write: its memory is a child's business. */
static void in_child(void (*run)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		if (loop_create(&loop, &error) != EP_OK || open_journal() != EP_OK)
			_exit(2);
		run();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %x", (unsigned)status);
	fake_disk_crash(FAKE_KEEP);
}

static void write_and_die(void)
{
	fake_disk_notes()->number[0] = written_and_killed();
}

START_TEST(a_torn_last_group_is_cut_off)
{
	struct fake_image *image;
	uint64_t size;

	close_journal();
	in_child(write_and_die);
	image = fake_disk_save();
	for (uint64_t block = 0; block < 5; block++) {
		for (int how = 0; how < 3; how++) {
			const char *path;
			uint8_t *bytes;
			uint64_t at;

			fake_disk_restore(image);
			path = last_segment();
			bytes = fake_disk_bytes(path, &size);
			at = 4096 + 9 * 4096 + block * 4096;
			if (how == 0)
				memset(bytes + at, 0, 4096);
			else if (how == 1)
				memset(bytes + at, 0xa5, 4096);
			else
				fake_disk_set_size(path, at + 100);
			ck_assert_msg(open_journal() == EP_OK, "%s", error.text);
			ck_assert_int_eq(read_all(), 9);
			commit(10, 77);
			ck_assert_int_eq(read_all(), 10);
			close_journal();
			ck_assert_int_eq(open_journal(), EP_OK);
			ck_assert_int_eq(read_all(), 10);
			close_journal();
		}
	}
	fake_disk_free_image(image);
}
END_TEST

START_TEST(a_whole_last_group_stays)
{
	close_journal();
	in_child(write_and_die);
	ck_assert_int_eq(open_journal(), EP_OK);
	ck_assert_int_eq(read_all(), 20);
}
END_TEST

/* Damage before the last group is never cut off: what follows was acknowledged. */
START_TEST(damage_before_what_was_durable_is_reported_with_its_place)
{
	uint64_t size;
	uint8_t *bytes;

	close_journal();
	in_child(write_and_die);
	bytes = fake_disk_bytes(last_segment(), &size);
	bytes[4096 + 3 * 4096 + 200] ^= 1;
	ck_assert_int_eq(open_journal(), EP_BAD_INPUT);
	ck_assert_int_eq(error.code, EP_ERR_JOURNAL_DAMAGED);
	ck_assert_msg(strstr(error.text, "segment-0000000000000002") && strstr(error.text, "offset 16384") &&
			      strstr(error.text, "position 16384"),
		"%s", error.text);
}
END_TEST

/* Whether the flip lies in something that must be sound: all but the seal at the end, and what was never written. */
static void flip_byte(const char *path, uint64_t at, uint64_t end)
{
	uint64_t size;
	uint8_t *bytes = fake_disk_bytes(path, &size);
	int count;

	bytes[at] ^= (uint8_t)(1u << (at % 8));
	if (open_journal() != EP_OK) {
		ck_assert_msg(
			error.code == EP_ERR_JOURNAL_DAMAGED || error.code == EP_ERR_JOURNAL_FORMAT, "%s", error.text);
		ck_assert_uint_lt(at, end);
		ck_assert_ptr_nonnull(strstr(error.text, "segment-"));
		return;
	}
	count = read_all();
	ck_assert_msg(at < end ? count == -1 : count == 12, "a flip at %llu: %d frames", (unsigned long long)at, count);
	close_journal();
}

START_TEST(each_flipped_byte_is_reported)
{
	struct fake_image *image;
	char path[256];

	for (uint64_t n = 1; n <= 12; n++)
		if (n % 3)
			append(n, 200, JOURNAL_LAZY);
		else
			commit(n, 200);
	close_journal();
	image = fake_disk_save();
	snprintf(path, sizeof(path), "%s", last_segment());
	for (uint64_t at = 0; at < 4096 * 7; at += at / 4096 == 1 && at % 4096 < 800 ? 1 : 41) {
		fake_disk_restore(image);
		flip_byte(path, at, 4096 * 5); /* a head, four groups; then the seal */
	}
	fake_disk_free_image(image);
}
END_TEST

static void write_and_rest(void)
{
	uint64_t end;

	commit(1, 300);
	commit(2, 300);
	end = journal_durable(journal);
	wait_durable(end); /* nothing is appended: the journal says by itself that all is on disk */
}

START_TEST(an_idle_journal_is_sealed)
{
	uint64_t size;

	close_journal();
	in_child(write_and_rest);
	fake_disk_bytes(last_segment(), &size)[2 * 4096 + 200] ^= 1;
	ck_assert_int_eq(open_journal(), EP_BAD_INPUT);
	ck_assert_int_eq(error.code, EP_ERR_JOURNAL_DAMAGED);
}
END_TEST

START_TEST(a_missing_segment_is_reported)
{
	char name[128];
	char path[256];
	uint64_t n = 0;

	while (journal_end(journal) < 4 * SEGMENT_BYTES)
		commit(++n, 3000);
	close_journal();
	for (int i = 0, seen = 0; fake_disk_name(LOG, i, name); i++)
		if (strncmp(name, "segment-", 8) == 0 && ++seen == 2)
			snprintf(path, sizeof(path), LOG "/%s", name);
	disk_unlink(path);
	ck_assert_int_eq(open_journal(), EP_BAD_INPUT);
	ck_assert_msg(strstr(error.text, "missing"), "%s", error.text);
}
END_TEST

START_TEST(a_frame_of_another_life_or_place_does_not_pass)
{
	uint8_t bytes[FRAME_HEAD_MAX + 5];
	struct journal_frame frame = {.kind = JOURNAL_OUTCOME, .sequence = 9, .schema = 1, .payload = {NULL, 5}};
	struct group_head group = {.epoch = 5, .position = 8192, .bytes = 200};
	uint8_t head[GROUP_HEAD_BYTES];
	size_t length = format_write_frame(&frame, bytes);
	uint8_t copy[sizeof(bytes)];

	memcpy(bytes + length, "hello", 5);
	length += 5;
	ck_assert_uint_eq(length, format_frame_bytes(&frame));
	format_digest_frame(bytes, length);
	format_seal_frame(bytes, 5, 8192);
	ck_assert_uint_eq(format_frame_claims(bytes), length);
	ck_assert_int_eq(format_read_frame(bytes, length, 5, 8192, &frame), FORMAT_SOUND);
	ck_assert_int_eq(format_read_frame(bytes, length, 6, 8192, &frame), FORMAT_BAD);
	ck_assert_int_eq(format_read_frame(bytes, length, 5, 12288, &frame), FORMAT_BAD);
	format_write_group(&group, head);
	ck_assert_int_eq(format_read_group(head, 5, 8192, &group), FORMAT_SOUND);
	ck_assert_int_eq(format_read_group(head, 6, 8192, &group), FORMAT_BAD);
	ck_assert_int_eq(format_read_group(head, 5, 12288, &group), FORMAT_BAD);
	memcpy(copy, bytes, length);
	copy[1] |= 0x80; /* a flag that this version doesn't know, in a frame that is sound */
	format_digest_frame(copy, length);
	format_seal_frame(copy, 5, 8192);
	ck_assert_int_eq(format_read_frame(copy, length, 5, 8192, &frame), FORMAT_UNKNOWN);
}
END_TEST

/* Full. */

START_TEST(a_full_disk_refuses_and_goes_on_when_there_is_room)
{
	struct journal_frame frame = {0};
	enum ep_status status = EP_OK;
	uint64_t n = 0;

	fake_disk_space(3 * SEGMENT_BYTES);
	while (status == EP_OK && n < 200) {
		status = try_append(n + 1, 2000, JOURNAL_URGENT, &frame);
		if (status == EP_OK) {
			n++;
			wait_durable(frame.position);
		}
	}
	ck_assert_int_eq(status, EP_LIMIT);
	ck_assert_int_eq(error.code, EP_ERR_DISK_FULL);
	ck_assert_uint_gt(n, 20);
	ck_assert_int_eq(journal_accepts(journal), EP_LIMIT);
	ck_assert_int_eq(read_all(), (int)n);
	fake_disk_space(100 * SEGMENT_BYTES);
	for (int i = 0; i < 40; i++)
		commit(++n, 2000);
	ck_assert_int_eq(read_all(), (int)n);
}
END_TEST

START_TEST(a_full_disk_lets_the_gateway_start)
{
	for (uint64_t n = 1; n <= 8; n++)
		commit(n, 1000);
	close_journal();
	for (uint64_t room = 0;; room += 4096) { /* from where it can't to where it can */
		fake_disk_space(SEGMENT_BYTES + 3 * 4096 + room);
		if (open_journal() == EP_OK)
			break;
		ck_assert_int_eq(error.code, EP_ERR_DISK_FULL);
		ck_assert_uint_lt(room, 2 * SEGMENT_BYTES);
	}
	ck_assert_int_eq(read_all(), 8);
	commit(9, 1000);
	ck_assert_int_eq(read_all(), 9);
}
END_TEST

START_TEST(spool_files_have_a_quota_and_meet_a_full_disk)
{
	static char bytes[60000];
	int first, second;

	ck_assert_int_eq(journal_spool_open(journal, &first, &error), EP_OK);
	ck_assert_int_eq(journal_spool_write(journal, first, 0, ep_slice_make(bytes, 60000), &error), EP_OK);
	ck_assert_int_eq(journal_spool_open(journal, &second, &error), EP_OK);
	ck_assert_int_eq(journal_spool_write(journal, second, 0, ep_slice_make(bytes, 60000), &error), EP_LIMIT);
	ck_assert_int_eq(error.code, EP_ERR_DISK_FULL);
	journal_spool_drop(journal, first, 60000);
	fake_disk_space(4096);
	ck_assert_int_eq(journal_spool_write(journal, second, 0, ep_slice_make(bytes, 60000), &error), EP_LIMIT);
	ck_assert_int_eq(error.code, EP_ERR_DISK_FULL);
	fake_disk_space(UINT64_MAX / 2);
	ck_assert_int_eq(journal_spool_write(journal, second, 0, ep_slice_make(bytes, 60000), &error), EP_OK);
	ck_assert_int_eq(journal_spool_write(journal, second, 7, ep_slice_make(bytes, 1), &error), EP_MISUSE);
	journal_spool_drop(journal, second, 60000);
}
END_TEST

static void spool_to_extent(void)
{
	struct journal_append what = {.kind = JOURNAL_MESSAGE, .urgency = JOURNAL_URGENT, .spool_length = 5};
	struct journal_frame frame;
	char bytes[8];
	int fd;

	ck_assert_int_eq(journal_spool_open(journal, &what.spool_fd, &error), EP_OK);
	ck_assert_int_eq(journal_spool_write(journal, what.spool_fd, 0, EP_SAY("hello"), &error), EP_OK);
	what.spool_length = 4;
	ck_assert_int_eq(journal_append(journal, &what, &frame, &error), EP_MISUSE);
	what.spool_length = 5;
	ck_assert_int_eq(journal_append(journal, &what, &frame, &error), EP_OK);
	wait_durable(frame.position);
	ck_assert_int_eq(journal_extent_open(journal, frame.extent, &fd, &error), EP_OK);
	ck_assert_int_eq(disk_read_at(fd, bytes, sizeof(bytes), 0), 5);
	ck_assert_mem_eq(bytes, "hello", 5);
	ck_assert_int_eq(journal_extent_check(journal, &frame, fd, &error), EP_OK);
	frame.extent_digest++;
	ck_assert_int_eq(journal_extent_check(journal, &frame, fd, &error), EP_BAD_INPUT);
	frame.extent_length--;
	ck_assert_int_eq(journal_extent_check(journal, &frame, fd, &error), EP_BAD_INPUT);
	disk_close(fd);
}

START_TEST(an_extent_with_and_without_unnamed_files)
{
	spool_to_extent();
	fake_disk_no_tmpfile(true);
	spool_to_extent();
}
END_TEST

START_TEST(a_full_disk_refuses_an_extent_and_keeps_the_spool_file)
{
	struct journal_append what = {.kind = JOURNAL_MESSAGE, .urgency = JOURNAL_URGENT, .spool_length = 5};
	struct journal_frame frame;

	ck_assert_int_eq(journal_spool_open(journal, &what.spool_fd, &error), EP_OK);
	ck_assert_int_eq(journal_spool_write(journal, what.spool_fd, 0, EP_SAY("hello"), &error), EP_OK);
	fake_disk_fail(FAKE_LINK, 0, ENOSPC);
	ck_assert_int_eq(journal_append(journal, &what, &frame, &error), EP_LIMIT);
	ck_assert_int_eq(error.code, EP_ERR_DISK_FULL);
	ck_assert_int_eq(journal_append(journal, &what, &frame, &error), EP_OK);
	ck_assert_uint_eq(frame.sequence, 1);
}
END_TEST

/* Failing. */

/* Appends until the disk fails; says how many were durable. */
static void append_until_dead(void)
{
	struct fake_notes *notes = fake_disk_notes();

	for (uint64_t n = 1; n < 120; n++) {
		commit(n, 2000);
		notes->number[0] = n;
	}
}

static int die_of(enum fake_operation operation, uint64_t skip)
{
	int status;
	pid_t pid;

	fake_disk_notes()->number[0] = 0;
	fflush(NULL);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		log_setup(LOG_TEXT, EP_LOG_ERROR + 1);
		if (loop_create(&loop, &error) != EP_OK || open_journal() != EP_OK)
			_exit(2);
		fake_disk_fail(operation, skip, EIO);
		append_until_dead();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Write, sync of a group, and what turns a spare file into a segment. */
START_TEST(a_failed_write_or_sync_ends_the_process)
{
	static const enum fake_operation operations[] = {
		FAKE_WRITE, FAKE_SYNC_DATA, FAKE_RENAME, FAKE_SYNC, FAKE_WRITE, FAKE_SYNC_DATA};
	struct fake_image *image;

	close_journal();
	image = fake_disk_save();
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		uint64_t durable, syncs;

		fake_disk_restore(image);
		fake_disk_reset_counts();
		ck_assert_int_eq(die_of(operations[i], i < 4 ? 0 : 25), EXIT_DISK_FAILED);
		durable = fake_disk_notes()->number[0];
		syncs = fake_disk_count(FAKE_SYNC_DATA);
		ck_assert_msg(syncs <= durable + 24, "%llu syncs", (unsigned long long)syncs);
		fake_disk_crash(i % 2 ? FAKE_DROP : FAKE_SOME);
		ck_assert_msg(open_journal() == EP_OK, "%s", error.text);
		ck_assert_int_ge(read_all(), (int)durable);
		close_journal();
	}
	fake_disk_free_image(image);
}
END_TEST

/* After a failed sync the cache shows what the disk doesn't hold; the next start must not trust it. */
START_TEST(what_a_failed_sync_left_in_the_cache_is_written_again)
{
	int served;

	close_journal();
	ck_assert_int_eq(die_of(FAKE_SYNC_DATA, 3), EXIT_DISK_FAILED);
	fake_disk_crash(FAKE_KEEP);
	ck_assert_int_eq(open_journal(), EP_OK);
	served = read_all();
	ck_assert_int_ge(served, (int)fake_disk_notes()->number[0]);
	close_journal();
	fake_disk_crash(FAKE_DROP);
	ck_assert_int_eq(open_journal(), EP_OK);
	ck_assert_int_eq(read_all(), served);
}
END_TEST

START_TEST(a_read_error_stops_only_who_reads)
{
	struct journal_reader *reader;
	struct journal_frame frame;

	commit(1, 100);
	ck_assert_int_eq(journal_reader_open(journal, 0, &reader, &error), EP_OK);
	fake_disk_fail(FAKE_READ, 0, EIO);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_IO);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_OK);
	journal_reader_close(reader);
	commit(2, 100);
	ck_assert_int_eq(read_all(), 2);
}
END_TEST

/* Keeping. */

static int count_names(const char *prefix)
{
	char name[128];
	int count = 0;

	for (int i = 0; fake_disk_name(LOG, i, name); i++)
		count += strncmp(name, prefix, strlen(prefix)) == 0;
	return count;
}

START_TEST(released_segments_are_used_again)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	int64_t until = clock_monotonic_ns() + 20 * NS_PER_S;

	for (uint64_t n = 1; n < 1000; n++) {
		commit(n, 3000);
		if (n % 10)
			continue;
		ck_assert_int_eq(
			journal_append_checkpoint(journal, journal_durable(journal), EP_SAY("state"), &error), EP_OK);
		wait_durable(journal_end(journal) - 1);
		journal_release(journal, journal_durable(journal));
	}
	while (count_names("segment-") > 3) {
		ck_assert_int_lt(clock_monotonic_ns(), until);
		loop_run_once(loop, NS_PER_MS);
	}
	ck_assert_int_le(count_names("spare-"), 3);
	ck_assert_uint_lt(fake_disk_count(FAKE_ALLOCATE), 60); /* of some 60 segments most were recycled */
	ck_assert_int_eq(journal_reader_open(journal, 5000, &reader, &error), EP_OK);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_NOT_FOUND);
	journal_reader_seek(reader, 0);
	ck_assert_int_eq(journal_read(reader, ~0u, &frame, &error), EP_OK);
	ck_assert_uint_gt(frame.sequence, 100);
	journal_reader_close(reader);
}
END_TEST

START_TEST(without_a_checkpoint_nothing_is_released)
{
	for (uint64_t n = 1; n < 60; n++)
		commit(n, 3000);
	journal_release(journal, journal_durable(journal));
	close_journal();
	ck_assert_int_eq(open_journal(), EP_OK);
	ck_assert_int_eq(read_all(), 59);
}
END_TEST

START_TEST(the_newest_durable_checkpoint_is_found)
{
	struct ep_slice checkpoint;
	uint64_t from;

	checkpoint = journal_checkpoint(journal, &from);
	ck_assert_uint_eq(checkpoint.length, 0);
	ck_assert_uint_eq(from, 0);
	commit(1, 10);
	ck_assert_int_eq(journal_append_checkpoint(journal, 4096, EP_SAY("first"), &error), EP_OK);
	wait_durable(journal_end(journal) - 1);
	ck_assert_int_eq(journal_append_checkpoint(journal, 8192, EP_SAY("second"), &error), EP_OK);
	wait_durable(journal_end(journal) - 1);
	for (uint64_t n = 2; n < 80; n++) /* segments later */
		commit(n, 3000);
	for (int i = 0; i < 3; i++) {
		close_journal();
		ck_assert_int_eq(open_journal(), EP_OK);
		checkpoint = journal_checkpoint(journal, &from);
		ck_assert(ep_slice_is(checkpoint, "second"));
		ck_assert_uint_eq(from, 8192);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal_faults");
	TCase *tests = tcase_create("faults");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, one_sync_commits_what_one_pass_appended);
	tcase_add_test(tests, a_lazy_frame_waits_for_company_but_not_long);
	tcase_add_test(tests, what_waits_is_bounded);
	tcase_add_test(tests, closing_commits_everything);
	tcase_add_test(tests, closing_before_the_pass_ends_is_the_same);
	tcase_add_test(tests, a_frame_too_large_for_any_group_is_refused);
	tcase_add_test(tests, a_torn_last_group_is_cut_off);
	tcase_add_test(tests, a_whole_last_group_stays);
	tcase_add_test(tests, damage_before_what_was_durable_is_reported_with_its_place);
	tcase_add_test(tests, each_flipped_byte_is_reported);
	tcase_add_test(tests, an_idle_journal_is_sealed);
	tcase_add_test(tests, a_missing_segment_is_reported);
	tcase_add_test(tests, a_frame_of_another_life_or_place_does_not_pass);
	tcase_add_test(tests, a_full_disk_refuses_and_goes_on_when_there_is_room);
	tcase_add_test(tests, a_full_disk_lets_the_gateway_start);
	tcase_add_test(tests, spool_files_have_a_quota_and_meet_a_full_disk);
	tcase_add_test(tests, an_extent_with_and_without_unnamed_files);
	tcase_add_test(tests, a_full_disk_refuses_an_extent_and_keeps_the_spool_file);
	tcase_add_test(tests, a_failed_write_or_sync_ends_the_process);
	tcase_add_test(tests, what_a_failed_sync_left_in_the_cache_is_written_again);
	tcase_add_test(tests, a_read_error_stops_only_who_reads);
	tcase_add_test(tests, released_segments_are_used_again);
	tcase_add_test(tests, without_a_checkpoint_nothing_is_released);
	tcase_add_test(tests, the_newest_durable_checkpoint_is_found);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
