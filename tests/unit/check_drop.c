/* check_drop.c: files put into a drop folder: what counts, where they end, what a crash leaves. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "intake/claim.h"
#include "intake_world.h"

static struct conf conf;
static struct conf_source source;
static struct sources sources;
static struct body_room room;
static struct drops *drops;
static char folder[300];

static void open_drops(void)
{
	const struct drops_options options = {.conf = &conf,
		.loop = world.loop,
		.acceptor = world.acceptor,
		.sources = &sources,
		.room = &room,
		.outcomes = &world.outcomes};

	room = (struct body_room){.journal = world.journal, .memory_max = 16 << 20};
	ck_assert_int_eq(sources_create(&sources, &conf, &world.error), EP_OK);
	ck_assert_msg(drops_create(&drops, &options, &world.error) == EP_OK, "%s", world.error.text);
	drops_start(drops);
}

static void close_drops(void)
{
	acceptor_forget(world.acceptor);
	drops_destroy(drops);
	sources_destroy(&sources);
	drops = NULL;
}

static void setup(void)
{
	world_begin();
	world.automatic = true;
	snprintf(folder, sizeof(folder), "%s/new/in", world.directory);
	source = (struct conf_source){.name = "bank",
		.verify = {.scheme = CONF_VERIFY_NONE},
		.drop_directory = folder,
		.drop_stable_for_ns = 100 * NS_PER_MS,
		.dedupe = CONF_DEDUPE_DIGEST,
		.dedupe_window_ns = 3600 * NS_PER_S,
		.body_max = 8 << 20};
	conf = (struct conf){.sources = &source, .source_count = 1};
	open_drops();
}

static void teardown(void)
{
	close_drops();
	world_end();
}

static const char *path_of(const char *name)
{
	static char paths[4][600];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof(paths[next]), "%s/%s", folder, name);
	return paths[next];
}

static void write_file(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	close(fd);
}

/* Written elsewhere and renamed in. */
static void put(const char *name, const char *text)
{
	char aside[300];

	snprintf(aside, sizeof(aside), "%s/aside", world.directory);
	write_file(aside, text, strlen(text));
	ck_assert_int_eq(rename(aside, path_of(name)), 0);
}

static bool exists(const char *name)
{
	struct stat status;

	return lstat(path_of(name), &status) == 0;
}

static void read_text(const char *name, char *out, size_t size)
{
	int fd = open(path_of(name), O_RDONLY);
	ssize_t got;

	ck_assert_int_ne(fd, -1);
	got = read(fd, out, size - 1);
	ck_assert_int_ge(got, 0);
	out[got] = '\0';
	close(fd);
}

static size_t count_in(const char *name)
{
	DIR *listing = opendir(path_of(name));
	size_t count = 0;
	struct dirent *entry;

	ck_assert_ptr_nonnull(listing);
	while ((entry = readdir(listing)))
		count += entry->d_name[0] != '.';
	closedir(listing);
	return count;
}

static struct message first_message(void)
{
	static struct buffer kept;
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;

	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &world.error), EP_OK);
	ck_assert_int_eq(journal_read(reader, JOURNAL_INBOX, &frame, &world.error), EP_OK);
	buffer_free(&kept);
	buffer_init(&kept, JOURNAL_FRAME_MAX);
	(void)buffer_append_slice(&kept, frame.payload);
	frame.payload = buffer_slice(&kept);
	ck_assert_int_eq(message_read(&frame, &message), EP_OK);
	journal_reader_close(reader);
	return message;
}

START_TEST(renamed_in)
{
	struct message message;

	put("one.xml", "hello");
	world_until(exists("done/one.xml"));
	message = first_message();
	ck_assert(ep_slice_is(message.name, "one.xml"));
	ck_assert(ep_slice_is(message.source, "bank"));
	ck_assert(ep_slice_is(message.body, "hello"));
	ck_assert_uint_eq(count_in(".claimed"), 0);
	ck_assert(!exists("one.xml"));
}
END_TEST

START_TEST(written_in_place)
{
	int fd = open(path_of("slow.txt"), O_WRONLY | O_CREAT, 0640);
	int64_t started_ns = clock_monotonic_ns();

	/* As long as something comes within stable_for, it is left alone */
	while (clock_monotonic_ns() - started_ns < 400 * NS_PER_MS) {
		ck_assert_int_eq(write(fd, "x", 1), 1);
		loop_run_once(world.loop, 20 * NS_PER_MS);
		ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 0);
	}
	close(fd);
	world_until(exists("done/slow.txt"));
	ck_assert_uint_gt(first_message().body_length, 3);
}
END_TEST

START_TEST(quarantined)
{
	char reason[2000];

	world.bad = EP_SAY("bank");
	put("bad.xml", "nonsense");
	world_until(exists("failed/bad.xml"));
	read_text("failed/bad.xml.reason.json", reason, sizeof(reason));
	ck_assert_msg(strstr(reason, "\"outcome\":\"quarantined\"") != NULL, "%s", reason);
	ck_assert_ptr_nonnull(strstr(reason, "\"code\":\"syntax\""));
	ck_assert_ptr_nonnull(strstr(reason, "\"source\":\"bank\""));
	put("bad.xml", "other nonsense"); /* the name is taken */
	world_until(count_in("failed") == 4);
	/* The same again is a duplicate, and as such done */
	put("again.xml", "nonsense");
	world_until(exists("done/again.xml"));
}
END_TEST

START_TEST(names_clash)
{
	put("same.csv", "1");
	world_until(count_in("done") == 1);
	put("same.csv", "2");
	world_until(count_in("done") == 2);
	put("same.csv", "3");
	world_until(count_in("done") == 3);
	ck_assert(exists("done/same.csv"));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 3);
}
END_TEST

START_TEST(duplicates)
{
	put("a", "same");
	world_until(exists("done/a"));
	put("b", "same");
	world_until(exists("done/b"));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).duplicates, 1);
}
END_TEST

START_TEST(what_does_not_count)
{
	char outside[300];

	snprintf(outside, sizeof(outside), "%s/outside", world.directory);
	write_file(outside, "secret", 6);
	ck_assert_int_eq(symlink(outside, path_of("link")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path_of("link2")), 0);
	ck_assert_int_eq(mkdir(path_of("directory"), 0770), 0);
	ck_assert_int_eq(mkfifo(path_of("fifo"), 0660), 0);
	put(".hidden", "hidden");
	put("good", "good");
	world_until(exists("done/good"));
	/* Another round, in which they could have become ripe */
	put("good2", "good2");
	for (int64_t until_ns = clock_monotonic_ns() + 300 * NS_PER_MS; clock_monotonic_ns() < until_ns;)
		loop_run_once(world.loop, 10 * NS_PER_MS);
	world_until(exists("done/good2"));
	ck_assert(exists("link") && exists("link2") && exists("directory") && exists("fifo") && exists(".hidden"));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 2);
}
END_TEST

START_TEST(foreign_owner)
{
	if (geteuid() != 0)
		return; /* only root can make such a file */
	put("mine", "mine");
	world_until(exists("done/mine"));
	write_file(path_of("foreign"), "foreign", 7);
	ck_assert_int_eq(chown(path_of("foreign"), 12345, 12345), 0);
	put("after", "after");
	for (int64_t until_ns = clock_monotonic_ns() + 300 * NS_PER_MS; clock_monotonic_ns() < until_ns;)
		loop_run_once(world.loop, 10 * NS_PER_MS);
	ck_assert(exists("foreign"));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 2);
	/* The folder's owner may */
	ck_assert_int_eq(chown(folder, 12345, 12345), 0);
	close_drops();
	open_drops();
	world_until(exists("done/foreign"));
}
END_TEST

/* A claimed file that somebody replaced by something else. */
START_TEST(claimed_link_is_not_followed)
{
	struct drop_directory directory;
	struct stat status;

	ck_assert_int_eq(drop_directory_open(&directory, folder, &world.error), EP_OK);
	ck_assert_int_eq(symlinkat("/etc/passwd", directory.claimed, "link"), 0);
	ck_assert_int_eq(drop_file_open(&directory, "link", &status), -1);
	ck_assert_int_eq(drop_file_open(&directory, "../../../outside", &status), -1);
	ck_assert_int_eq(drop_file_open(&directory, "/etc/passwd", &status), -1);
	ck_assert_int_eq(mkfifoat(directory.claimed, "fifo", 0600), 0);
	ck_assert_int_eq(drop_file_open(&directory, "fifo", &status), -1);
	drop_directory_close(&directory);
	close_drops();
	open_drops();
	world_until(exists("failed/link.reason.json") && exists("failed/fifo.reason.json"));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 0);
}
END_TEST

START_TEST(names)
{
	ck_assert(drop_name_counts("a.xml") && drop_name_counts("a b") && drop_name_counts("\xc3\xa9"));
	ck_assert(!drop_name_counts("") && !drop_name_counts(".a") && !drop_name_counts("a/b"));
	ck_assert(!drop_name_counts("a\nb") && !drop_name_counts("\x1b[1m"));
	put("line\nbreak", "x");
	put("good", "good");
	world_until(exists("done/good"));
	ck_assert(exists("line\nbreak"));
}
END_TEST

START_TEST(sizes)
{
	size_t length = 3000000;
	char *bytes = malloc(length), reason[1000];
	uint8_t digest[32];

	put("empty", "");
	world_until(exists("done/empty"));
	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)(i * 31 + i / 777);
	write_file(path_of("large"), bytes, length);
	world_until(exists("done/large"));
	sha256_of(ep_slice_make(bytes, length), digest);
	free(bytes);
	write_file(path_of("larger"), "", 0);
	ck_assert_int_eq(truncate(path_of("larger"), (8 << 20) + 1), 0);
	world_until(exists("failed/larger"));
	read_text("failed/larger.reason.json", reason, sizeof(reason));
	ck_assert_ptr_nonnull(strstr(reason, "\"code\":\"body-too-large\""));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 2);
	ck_assert_uint_eq(room.memory_used <= 65536, 1);
}
END_TEST

/* A file that is still written to while it is read is taken later, whole. */
START_TEST(changed_while_read)
{
	size_t length = 1000000;
	char *bytes = calloc(1, length);
	struct claim *claim;
	int fd;

	drops_stop(drops);
	write_file(path_of(".claimed/growing"), bytes, length);
	claim = claim_create(&drops->folders[0], "growing", false);
	ck_assert_ptr_nonnull(claim);
	ck_assert(claim_step(claim));
	ck_assert_int_eq(claim->state, CLAIM_READING);
	fd = open(path_of(".claimed/growing"), O_WRONLY | O_APPEND);
	ck_assert_int_eq(write(fd, "end", 3), 3);
	close(fd);
	while (claim_step(claim))
		;
	ck_assert_int_eq(claim->state, CLAIM_QUEUED);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 0);
	drops_start(drops);
	world_until(exists("done/growing"));
	ck_assert_uint_eq(first_message().body_length, length + 3);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 1);
	free(bytes);
}
END_TEST

START_TEST(many)
{
	char name[64], text[64];

	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "file-%03d", i);
		snprintf(text, sizeof(text), "text %d", i);
		put(name, text);
	}
	world_until(count_in("done") == 600);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 600);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).duplicates, 0);
}
END_TEST

START_TEST(waits_for_its_outcome)
{
	struct message message;

	world.automatic = false;
	put("one", "one");
	world_until(world.waiting_count == 1);
	ck_assert(exists(".claimed/one"));
	ck_assert_uint_eq(drops_busy(drops), 0);
	put("two", "two"); /* isn't held up */
	world_until(world.waiting_count == 2);
	message = first_message();
	world_settle(message.id, OUTCOME_NORMALIZED);
	world_until(exists("done/one"));
	ck_assert(exists(".claimed/two"));
}
END_TEST

START_TEST(no_room)
{
	world.busy = true;
	put("one", "one");
	write_file(path_of("two"), "two", 3);
	for (int64_t until_ns = clock_monotonic_ns() + 400 * NS_PER_MS; clock_monotonic_ns() < until_ns;)
		loop_run_once(world.loop, 10 * NS_PER_MS);
	ck_assert(exists("one") && exists("two"));
	world.busy = false;
	world_until(exists("done/one") && exists("done/two"));
}
END_TEST

/* Whatever a crash left in .claimed is taken up: neither lost nor twice. */
static void take_up(enum conf_dedupe dedupe)
{
	source.dedupe = dedupe;
	world.automatic = false;
	put("accepted", "accepted");
	put("refused", "refused");
	world_until(world.waiting_count == 2);
	close_drops();
	write_file(path_of(".claimed/unread"), "unread", 6);
	write_file(path_of("unclaimed"), "unclaimed", 9);
	world_close();
	world_open();
	world.automatic = true;
	for (int round = 0; round < 2; round++) {
		open_drops();
		world_until(count_in("done") == 4);
		close_drops();
	}
	open_drops();
	ck_assert_uint_eq(count_in(".claimed"), 0);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).duplicates, 2);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 4);
}

START_TEST(taken_up_after_a_crash)
{
	take_up(CONF_DEDUPE_DIGEST);
}
END_TEST

START_TEST(taken_up_without_deduplication)
{
	take_up(CONF_DEDUPE_OFF);
}
END_TEST

/* Its first reading was refused by the plugin: the second gives that outcome, not `duplicate`. */
START_TEST(taken_up_and_quarantined)
{
	world.automatic = false;
	put("bad", "bad");
	world_until(world.waiting_count == 1);
	close_drops();
	world.bad = EP_SAY("bank");
	world.automatic = true;
	open_drops();
	world_until(exists("failed/bad"));
	ck_assert(exists("failed/bad.reason.json"));
}
END_TEST

START_TEST(equal_files_without_deduplication)
{
	close_drops();
	source.dedupe = CONF_DEDUPE_OFF;
	open_drops();
	put("a", "same");
	put("b", "same");
	world_until(count_in("done") == 2);
	put("a", "same");
	world_until(count_in("done") == 3);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).duplicates, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drop");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, renamed_in);
	tcase_add_test(all, written_in_place);
	tcase_add_test(all, quarantined);
	tcase_add_test(all, names_clash);
	tcase_add_test(all, duplicates);
	tcase_add_test(all, what_does_not_count);
	tcase_add_test(all, foreign_owner);
	tcase_add_test(all, claimed_link_is_not_followed);
	tcase_add_test(all, names);
	tcase_add_test(all, sizes);
	tcase_add_test(all, changed_while_read);
	tcase_add_test(all, many);
	tcase_add_test(all, waits_for_its_outcome);
	tcase_add_test(all, no_room);
	tcase_add_test(all, taken_up_after_a_crash);
	tcase_add_test(all, taken_up_without_deduplication);
	tcase_add_test(all, taken_up_and_quarantined);
	tcase_add_test(all, equal_files_without_deduplication);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
