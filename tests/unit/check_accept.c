/* check_accept.c: receipts, duplicates, conflicts; before and after a restart. */
#include <sys/wait.h>
#include <unistd.h>

#include "intake_world.h"

struct answer {
	int calls;
	enum ep_status status;
	enum ep_error code;
	struct receipt receipt;
	uint64_t durable; /* when it came */
};

static struct conf_source source = {.name = "shop"};

static void setup(void)
{
	source.dedupe = CONF_DEDUPE_DIGEST;
	source.dedupe_window_ns = 3600 * NS_PER_S;
	world_begin();
}

static void on_done(void *argument, enum ep_status status, const struct receipt *receipt, const struct error *error)
{
	struct answer *answer = argument;

	answer->calls++;
	answer->status = status;
	answer->durable = journal_durable(world.journal);
	if (receipt)
		answer->receipt = *receipt;
	if (error)
		answer->code = error->code;
}

static void accept_spooled(
	struct answer *answer, const char *body, const char *id, const char *idempotency, int spool_fd)
{
	struct acceptance acceptance = {.source = &source, .spool_fd = spool_fd, .done = on_done, .argument = answer};
	struct message *message = &acceptance.message;

	*answer = (struct answer){.calls = 0};
	message->source = ep_slice_of(source.name);
	message->dedupe = id ? ep_slice_of(id) : ep_slice_make(NULL, 0);
	message->idempotency = idempotency ? ep_slice_of(idempotency) : ep_slice_make(NULL, 0);
	message->body_length = strlen(body);
	if (spool_fd == -1)
		message->body = ep_slice_of(body);
	sha256_of(ep_slice_of(body), message->sha256);
	acceptor_accept(world.acceptor, &acceptance);
}

static void start(struct answer *answer, const char *body, const char *id, const char *idempotency)
{
	accept_spooled(answer, body, id, idempotency, -1);
}

static struct answer post(const char *body, const char *id, const char *idempotency)
{
	struct answer answer;

	start(&answer, body, id, idempotency);
	world_until(answer.calls);
	ck_assert_int_eq(answer.calls, 1);
	return answer;
}

static void expect_new(struct answer answer)
{
	ck_assert_int_eq(answer.status, EP_OK);
	ck_assert(!answer.receipt.duplicate);
	ck_assert_uint_gt(answer.durable, answer.receipt.inbox_position);
}

static void expect_repeat(struct answer answer, const struct answer *first)
{
	ck_assert_int_eq(answer.status, EP_OK);
	ck_assert(answer.receipt.duplicate);
	answer.receipt.duplicate = false;
	ck_assert_mem_eq(answer.receipt.message_id, first->receipt.message_id, 16);
	ck_assert_mem_eq(answer.receipt.sha256, first->receipt.sha256, 32);
	ck_assert_int_eq(answer.receipt.received_at_ns, first->receipt.received_at_ns);
	ck_assert_uint_eq(answer.receipt.bytes, first->receipt.bytes);
	ck_assert_uint_eq(answer.receipt.inbox_position, first->receipt.inbox_position);
}

/* The nth inbox frame. */
static struct message read_message(int n)
{
	static struct buffer kept;
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;

	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &world.error), EP_OK);
	for (int i = 0; i <= n; i++)
		ck_assert_int_eq(journal_read(reader, JOURNAL_INBOX, &frame, &world.error), EP_OK);
	buffer_free(&kept);
	buffer_init(&kept, JOURNAL_FRAME_MAX);
	(void)buffer_append_slice(&kept, frame.payload);
	frame.payload = buffer_slice(&kept);
	ck_assert_int_eq(message_read(&frame, &message), EP_OK);
	journal_reader_close(reader);
	return message;
}

START_TEST(receipt_only_when_durable)
{
	struct answer answer, other;

	start(&answer, "one", NULL, NULL);
	start(&other, "two", NULL, NULL);
	ck_assert_int_eq(answer.calls + other.calls, 0);
	ck_assert_uint_eq(journal_durable(world.journal) < journal_end(world.journal), 1);
	world_until(answer.calls && other.calls);
	expect_new(answer);
	expect_new(other);
	ck_assert_uint_eq(answer.receipt.bytes, 3);
	ck_assert(memcmp(answer.receipt.message_id, other.receipt.message_id, 16) != 0);
}
END_TEST

START_TEST(digest)
{
	struct answer first = post("body", NULL, NULL);
	struct message evidence;

	expect_new(first);
	expect_repeat(post("body", NULL, NULL), &first);
	expect_new(post("other", NULL, NULL));
	evidence = read_message(1);
	ck_assert_uint_eq(evidence.flags, MESSAGE_DUPLICATE);
	ck_assert_uint_eq(evidence.first, first.receipt.inbox_position);
	ck_assert_uint_eq(evidence.body.length, 0);
	ck_assert_uint_eq(evidence.body_length, 4);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).duplicates, 1);
}
END_TEST

START_TEST(digest_window)
{
	struct answer first = post("body", NULL, NULL);

	source.dedupe_window_ns = 0;
	expect_new(post("body", NULL, NULL));
	source.dedupe_window_ns = 3600 * NS_PER_S;
	ck_assert(post("body", NULL, NULL).receipt.duplicate);
	(void)first;
}
END_TEST

START_TEST(sources_are_apart)
{
	(void)post("body", NULL, "key");
	source.name = "bank";
	expect_new(post("body", NULL, "key"));
	source.name = "shop";
}
END_TEST

START_TEST(both_at_the_same_moment)
{
	struct answer first, second, third;

	start(&first, "body", NULL, NULL);
	start(&second, "body", NULL, NULL);
	start(&third, "body", NULL, NULL);
	ck_assert_int_eq(first.calls + second.calls + third.calls, 0);
	world_until(third.calls);
	expect_new(first);
	expect_repeat(second, &first);
	expect_repeat(third, &first);
}
END_TEST

START_TEST(off)
{
	source.dedupe = CONF_DEDUPE_OFF;
	expect_new(post("body", NULL, NULL));
	expect_new(post("body", NULL, NULL));
}
END_TEST

START_TEST(event_id)
{
	struct answer first, conflict, by_digest;

	source.dedupe = CONF_DEDUPE_EVENT_ID;
	first = post("body", "evt_1", NULL);
	expect_new(first);
	expect_repeat(post("body", "evt_1", NULL), &first);
	expect_new(post("body", "evt_2", NULL)); /* the id says that it is another */
	conflict = post("other", "evt_1", NULL);
	expect_new(conflict);
	ck_assert_uint_eq(read_message(3).flags, MESSAGE_CONFLICT);
	expect_repeat(post("other", "evt_1", NULL), &conflict);
	expect_repeat(post("body", "evt_1", NULL), &first);
	expect_new(post("third", "evt_1", NULL));
	ck_assert_uint_eq(acceptor_counts(world.acceptor).conflicts, 2);
	by_digest = post("no id", NULL, NULL);
	expect_new(by_digest);
	expect_repeat(post("no id", NULL, NULL), &by_digest);
}
END_TEST

START_TEST(idempotency_key)
{
	struct answer first, refused, again;

	source.dedupe = CONF_DEDUPE_OFF;
	first = post("body", NULL, "key");
	expect_new(first);
	expect_repeat(post("body", NULL, "key"), &first);
	refused = post("other", NULL, "key");
	ck_assert_int_eq(refused.status, EP_CONFLICT);
	ck_assert_int_eq(refused.code, EP_ERR_IDEMPOTENCY_CONFLICT);
	expect_new(post("body", NULL, "key2"));
	source.dedupe = CONF_DEDUPE_DIGEST;
	first = post("digest", NULL, NULL);
	again = post("digest", NULL, "key3"); /* a duplicate, whose key is bound to the body all the same */
	expect_repeat(again, &first);
	ck_assert_int_eq(post("another", NULL, "key3").status, EP_CONFLICT);
}
END_TEST

START_TEST(long_ids)
{
	char id[3000];
	struct answer first;

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	source.dedupe = CONF_DEDUPE_EVENT_ID;
	first = post("body", id, NULL);
	expect_repeat(post("body", id, NULL), &first);
	id[2998] = 'y';
	expect_new(post("body", id, NULL));
}
END_TEST

START_TEST(after_a_restart)
{
	struct answer first, event, conflict, keyed;

	first = post("body", NULL, NULL);
	ck_assert(post("body", NULL, "late").receipt.duplicate);
	keyed = post("keyed", NULL, "key");
	source.dedupe = CONF_DEDUPE_EVENT_ID;
	event = post("event", "evt", NULL);
	conflict = post("conflict", "evt", NULL);
	for (int i = 0; i < 3; i++) {
		world_close();
		world_open();
		source.dedupe = CONF_DEDUPE_EVENT_ID;
		expect_repeat(post("event", "evt", NULL), &event);
		expect_repeat(post("conflict", "evt", NULL), &conflict);
		source.dedupe = CONF_DEDUPE_DIGEST;
		expect_repeat(post("body", NULL, NULL), &first);
		expect_repeat(post("keyed", NULL, "key"), &keyed);
		expect_repeat(post("body", NULL, "late"), &first);
		ck_assert_int_eq(post("x", NULL, "key").status, EP_CONFLICT);
	}
}
END_TEST

/* A process that is killed at any time: whoever had a receipt finds a duplicate afterwards. */
START_TEST(after_a_crash)
{
	world_close();
	for (int round = 0; round < 10; round++) {
		int pipes[2], status;
		struct receipt receipts[200];
		size_t count;
		pid_t child;

		ck_assert_int_eq(pipe(pipes), 0);
		child = fork();
		ck_assert_int_ne(child, -1);
		if (child == 0) {
			struct answer answer;
			char body[32];

			ck_assert_int_eq(loop_create(&world.loop, &world.error), EP_OK);
			world_open();
			for (int i = 0; i < 20 + round; i++) {
				snprintf(body, sizeof(body), "body %d %d", round, i);
				start(&answer, body, NULL, NULL);
				while (!answer.calls)
					loop_run_once(world.loop, NS_PER_MS);
				ck_assert_int_eq(write(pipes[1], &answer.receipt, sizeof(answer.receipt)),
					sizeof(answer.receipt));
			}
			start(&answer, "unfinished", NULL, NULL);
			_exit(0);
		}
		close(pipes[1]);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		count = (size_t)read(pipes[0], receipts, sizeof(receipts)) / sizeof(receipts[0]);
		close(pipes[0]);
		ck_assert_uint_eq(count, (size_t)(20 + round));
		world_open();
		for (size_t i = 0; i < count; i++) {
			const struct answer first = {.receipt = receipts[i]};
			char body[32];

			snprintf(body, sizeof(body), "body %d %zu", round, i);
			expect_repeat(post(body, NULL, NULL), &first);
		}
		world_close();
	}
	world_open();
}
END_TEST

START_TEST(spooled_body)
{
	struct answer first, again;
	int fd;

	ck_assert_int_eq(journal_spool_open(world.journal, &fd, &world.error), EP_OK);
	ck_assert_int_eq(journal_spool_write(world.journal, fd, 0, EP_SAY("large"), &world.error), EP_OK);
	accept_spooled(&first, "large", NULL, NULL, fd);
	world_until(first.calls);
	expect_new(first);
	ck_assert_int_eq(journal_spool_open(world.journal, &fd, &world.error), EP_OK);
	ck_assert_int_eq(journal_spool_write(world.journal, fd, 0, EP_SAY("large"), &world.error), EP_OK);
	accept_spooled(&again, "large", NULL, NULL, fd);
	world_until(again.calls);
	expect_repeat(again, &first);
	expect_repeat(post("large", NULL, NULL), &first);
}
END_TEST

/* More at once than the journal's groups hold waits for its turn; more than is kept waiting is told to come again. */
START_TEST(many_large_ones_at_once)
{
	enum { COUNT = 160, BYTES = 900 * 1000 };
	static struct answer answers[COUNT];
	static char body[BYTES + 1];
	int accepted = 0, refused = 0;
	uint64_t position = 0;

	memset(body, 'x', BYTES);
	for (int i = 0; i < COUNT; i++) {
		body[0] = (char)('a' + i % 26);
		body[1] = (char)('a' + i / 26);
		start(&answers[i], body, NULL, NULL);
	}
	for (int i = 0; i < COUNT; i++) {
		world_until(answers[i].calls);
		ck_assert_int_eq(answers[i].calls, 1);
		accepted += answers[i].status == EP_OK;
		refused += answers[i].status == EP_AGAIN;
		if (answers[i].status != EP_OK)
			continue;
		expect_new(answers[i]);
		ck_assert_uint_gt(answers[i].receipt.inbox_position, position); /* in their order */
		position = answers[i].receipt.inbox_position;
	}
	ck_assert_int_eq(accepted + refused, COUNT);
	ck_assert_int_gt(accepted, 70);
	ck_assert_int_gt(refused, 0);
	body[0] = body[1] = 'a'; /* the first again */
	start(&answers[0], body, NULL, NULL);
	world_until(answers[0].calls);
	ck_assert(answers[0].receipt.duplicate);
}
END_TEST

START_TEST(forgotten_while_they_wait)
{
	static struct answer answers[20];
	static char body[900 * 1000 + 1];

	memset(body, 'x', sizeof(body) - 1);
	for (int i = 0; i < 20; i++) {
		body[0] = (char)('a' + i);
		start(&answers[i], body, NULL, NULL);
	}
	acceptor_forget(world.acceptor);
	ck_assert(!post("body", NULL, NULL).receipt.duplicate);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(answers[i].calls, 0);
}
END_TEST

START_TEST(forgotten)
{
	struct answer answer;

	start(&answer, "body", NULL, NULL);
	acceptor_forget(world.acceptor);
	ck_assert(post("body", NULL, NULL).receipt.duplicate);
	ck_assert_int_eq(answer.calls, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("accept");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, world_end);
	tcase_add_test(all, receipt_only_when_durable);
	tcase_add_test(all, digest);
	tcase_add_test(all, digest_window);
	tcase_add_test(all, sources_are_apart);
	tcase_add_test(all, both_at_the_same_moment);
	tcase_add_test(all, off);
	tcase_add_test(all, event_id);
	tcase_add_test(all, idempotency_key);
	tcase_add_test(all, long_ids);
	tcase_add_test(all, after_a_restart);
	tcase_add_test(all, after_a_crash);
	tcase_add_test(all, spooled_body);
	tcase_add_test(all, many_large_ones_at_once);
	tcase_add_test(all, forgotten_while_they_wait);
	tcase_add_test(all, forgotten);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
