/* check_transport.c: the transports themselves: HTTP against a server in this process, files against a folder. */
#include <check.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/disk.h"
#include "courier/transport.h"

static struct loop *loop;
static struct conf_destination destination;
static struct transport *transport;
static struct error error;

/* What came back. */
static int done_count;
static struct transport_result last;

static void on_done(struct transport_batch *batch, const struct transport_result *result)
{
	(void)batch;
	done_count++;
	last = *result;
}

static struct transport_batch make_batch(const char *body)
{
	return (struct transport_batch){.body = ep_slice_of(body),
		.record_count = 1,
		.key = "0123456789abcdef0123456789abcdef",
		.done = on_done};
}

static void wait_done(int count)
{
	for (int i = 0; i < 3000 && done_count < count; i++)
		loop_run_once(loop, NS_PER_MS);
	ck_assert_int_eq(done_count, count);
}

/* HTTP ------------------------------------------------------------------------------------------------------------ */

static struct evhttp *server;
static char url[64], got_body[256], got_type[128], got_key[64], got_expect[64];
static int status, requests, connections;
static const char *retry_after, *answer_text;
static size_t answer_bytes;
static bool keep_silent, hang_up;

static void on_request(struct evhttp_request *request, void *unused)
{
	struct evkeyvalq *in = evhttp_request_get_input_headers(request);
	struct evbuffer *body = evhttp_request_get_input_buffer(request), *out = evbuffer_new();
	const char *expect = evhttp_find_header(in, "Expect");
	static struct evhttp_connection *seen;

	(void)unused;
	if (evhttp_request_get_connection(request) != seen)
		connections++;
	seen = evhttp_request_get_connection(request);
	requests++;
	snprintf(got_body, sizeof(got_body), "%.*s", (int)evbuffer_get_length(body), (char *)evbuffer_pullup(body, -1));
	snprintf(got_type, sizeof(got_type), "%s", evhttp_find_header(in, "Content-Type"));
	snprintf(got_key, sizeof(got_key), "%s", evhttp_find_header(in, "Idempotency-Key"));
	snprintf(got_expect, sizeof(got_expect), "%s", expect ? expect : "");
	if (hang_up) {
		evhttp_connection_free(seen);
		seen = NULL;
	} else if (!keep_silent) {
		if (retry_after)
			evhttp_add_header(evhttp_request_get_output_headers(request), "Retry-After", retry_after);
		evhttp_add_header(evhttp_request_get_output_headers(request), "Location", "http://127.0.0.1:1/");
		evbuffer_add_printf(out, "%s", answer_text);
		for (size_t i = 0; i < answer_bytes; i++)
			evbuffer_add(out, "x", 1);
		evhttp_send_reply(request, status, NULL, out);
	}
	evbuffer_free(out);
}

static void start_server(void)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	server = evhttp_new(loop_base(loop));
	bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
	ck_assert_ptr_nonnull(bound);
	ck_assert_int_eq(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &length), 0);
	evhttp_set_gencb(server, on_request, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/events", ntohs(address.sin_port));
}

static void set_up_http(void)
{
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	start_server();
	status = 202;
	requests = connections = done_count = 0;
	retry_after = NULL;
	answer_text = "";
	answer_bytes = 0;
	keep_silent = hang_up = false;
	destination = (struct conf_destination){
		.name = "platform", .url = url, .batch_records = 500, .timeout_ns = 2 * NS_PER_S, .connections = 2};
	ck_assert_int_eq(transport_http.create(&destination, loop, &transport, &error), EP_OK);
}

static void tear_down_http(void)
{
	transport_http.destroy(transport);
	evhttp_free(server);
	loop_destroy(loop);
}

static void post(const char *body)
{
	struct transport_batch batch = make_batch(body);
	int before = done_count;

	transport_http.send(transport, &batch);
	ck_assert_int_eq(done_count, before); /* never from within send() */
	wait_done(before + 1);
}

START_TEST(posts_cloudevents)
{
	post("[{\"id\":\"1\"}]");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
	ck_assert_int_eq(last.code, 202);
	ck_assert(last.answered);
	ck_assert_str_eq(got_body, "[{\"id\":\"1\"}]");
	ck_assert_str_eq(got_type, "application/cloudevents-batch+json; charset=utf-8");
	ck_assert_str_eq(got_key, "0123456789abcdef0123456789abcdef");
	ck_assert_str_eq(got_expect, "");
}
END_TEST

START_TEST(single_events_have_their_own_type)
{
	destination.batch_records = 1;
	post("{}");
	ck_assert_str_eq(got_type, "application/cloudevents+json; charset=utf-8");
}
END_TEST

START_TEST(connections_are_kept)
{
	for (int i = 0; i < 10; i++)
		post("[]");
	ck_assert_int_eq(requests, 10);
	ck_assert_int_eq(connections, 1);
}
END_TEST

static const struct {
	int status;
	enum transport_answer answer;
} answers[] = {{200, TRANSPORT_DONE}, {202, TRANSPORT_DONE}, {204, TRANSPORT_DONE}, {299, TRANSPORT_DONE},
	{301, TRANSPORT_AGAIN}, {302, TRANSPORT_AGAIN}, {307, TRANSPORT_AGAIN}, {400, TRANSPORT_PERMANENT},
	{401, TRANSPORT_REFUSED}, {402, TRANSPORT_AGAIN}, {403, TRANSPORT_REFUSED}, {404, TRANSPORT_PERMANENT},
	{405, TRANSPORT_AGAIN}, {408, TRANSPORT_AGAIN}, {409, TRANSPORT_PERMANENT}, {410, TRANSPORT_PERMANENT},
	{412, TRANSPORT_AGAIN}, {413, TRANSPORT_PERMANENT}, {415, TRANSPORT_PERMANENT}, {422, TRANSPORT_PERMANENT},
	{425, TRANSPORT_AGAIN}, {429, TRANSPORT_AGAIN}, {500, TRANSPORT_AGAIN}, {503, TRANSPORT_AGAIN}};

START_TEST(answers_have_their_classes)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		status = answers[i].status;
		post("[]");
		ck_assert_msg(last.answer == answers[i].answer, "%d is %d", status, last.answer);
		ck_assert_int_eq(last.code, status);
		ck_assert(last.answered);
		ck_assert_int_eq(last.retry_after_ns, -1);
	}
	ck_assert_int_eq(requests, (int)(sizeof(answers) / sizeof(answers[0]))); /* no redirect was followed */
}
END_TEST

START_TEST(asked_to_wait)
{
	status = 503;
	retry_after = "7";
	post("[]");
	ck_assert_int_eq(last.retry_after_ns, 7 * NS_PER_S);
	retry_after = "999999999999";
	post("[]");
	ck_assert_int_eq(last.retry_after_ns, 86400 * NS_PER_S);
	retry_after = "soon";
	post("[]");
	ck_assert_int_eq(last.retry_after_ns, -1);
}
END_TEST

START_TEST(words_of_the_destination_are_kept)
{
	status = 422;
	answer_text = "order_no is taken ";
	answer_bytes = 5000;
	post("[]");
	ck_assert_ptr_nonnull(strstr(last.text, "HTTP 422: order_no is taken xxx"));
	ck_assert_uint_lt(strlen(last.text), sizeof(last.text));
	status = 200;
	answer_bytes = 3 * 1024 * 1024; /* cut off, and yet an answer */
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
	answer_bytes = 0;
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
}
END_TEST

START_TEST(silence_times_out)
{
	transport_http.destroy(transport);
	destination.timeout_ns = 80 * NS_PER_MS;
	ck_assert_int_eq(transport_http.create(&destination, loop, &transport, &error), EP_OK);
	keep_silent = true;
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_AGAIN);
	ck_assert(!last.answered);
	ck_assert_uint_gt(strlen(last.text), 0);
	keep_silent = false;
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
}
END_TEST

START_TEST(connection_lost)
{
	hang_up = true;
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_AGAIN);
	ck_assert(!last.answered);
	hang_up = false;
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
}
END_TEST

START_TEST(nobody_there)
{
	evhttp_free(server);
	server = evhttp_new(loop_base(loop));
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_AGAIN);
	ck_assert(!last.answered);
	ck_assert_ptr_nonnull(strstr(last.text, "onnect"));
}
END_TEST

START_TEST(environment_is_not_asked)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "socks5://127.0.0.1:1", 1);
	transport_http.destroy(transport);
	ck_assert_int_eq(transport_http.create(&destination, loop, &transport, &error), EP_OK);
	post("[]");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
}
END_TEST

START_TEST(destroyed_while_under_way)
{
	struct transport_batch batches[2] = {make_batch("[1]"), make_batch("[2]")};

	keep_silent = true;
	transport_http.send(transport, &batches[0]);
	transport_http.send(transport, &batches[1]);
	for (int i = 0; i < 300 && requests < 2; i++)
		loop_run_once(loop, NS_PER_MS);
	transport_http.destroy(transport);
	for (int i = 0; i < 10; i++)
		loop_run_once(loop, NS_PER_MS);
	ck_assert_int_eq(done_count, 0);
	ck_assert_int_eq(transport_http.create(&destination, loop, &transport, &error), EP_OK);
}
END_TEST

/* Files ----------------------------------------------------------------------------------------------------------- */

static char directory[64], path[96];

static void set_up_file(void)
{
	snprintf(directory, sizeof(directory), "/tmp/check_transport.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/out.ndjson", directory);
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	log_setup(LOG_TEXT, EP_LOG_ERROR + 1);
	destination = (struct conf_destination){.name = "log", .transport = CONF_FILE, .path = path};
	done_count = 0;
	transport = NULL;
}

static void close_file(void)
{
	if (transport)
		transport_file.destroy(transport);
	transport = NULL;
}

static void tear_down_file(void)
{
	char command[128];

	close_file();
	disk_install(NULL);
	loop_destroy(loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

static void open_file(void)
{
	ck_assert_msg(transport_file.create(&destination, loop, &transport, &error) == EP_OK, "%s", error.text);
}

static void append(const char *lines)
{
	struct transport_batch batch = make_batch(lines);
	int before = done_count;

	transport_file.send(transport, &batch);
	ck_assert_int_eq(done_count, before);
	wait_done(before + 1);
}

static const char *content(const char *name)
{
	static char bytes[65536];
	char file_path[160];
	size_t length;
	FILE *file;

	snprintf(file_path, sizeof(file_path), "%s/%s", directory, name);
	file = fopen(file_path, "rb");
	if (!file)
		return NULL;
	length = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	bytes[length] = '\0';
	return bytes;
}

static void write_content(const char *text)
{
	FILE *file = fopen(path, "wb");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

START_TEST(lines_are_appended)
{
	open_file();
	append("{\"a\":1}\n");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
	append("{\"a\":2}\n{\"a\":3}\n");
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
	close_file();
	open_file();
	append("{\"a\":4}\n");
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n");
}
END_TEST

START_TEST(torn_line_is_cut)
{
	write_content("{\"a\":1}\n{\"a\":2}\n{\"a\":");
	open_file();
	append("{\"a\":2}\n");
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":1}\n{\"a\":2}\n{\"a\":2}\n");
	close_file();
	write_content("{\"a\":"); /* nothing but a torn line */
	open_file();
	append("{\"b\":1}\n");
	ck_assert_str_eq(content("out.ndjson"), "{\"b\":1}\n");
}
END_TEST

START_TEST(rotated_files_ascend)
{
	destination.rotate_bytes = 20;
	open_file();
	append("{\"a\":1}\n");
	append("{\"a\":2}\n");
	append("{\"a\":3}\n");
	ck_assert_str_eq(content("out.ndjson.1"), "{\"a\":1}\n{\"a\":2}\n");
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":3}\n");
	close_file();
	open_file();
	append("{\"a\":4}\n");
	append("{\"longer than the limit by itself\":5}\n");
	append("{\"a\":6}\n");
	ck_assert_str_eq(content("out.ndjson.1"), "{\"a\":1}\n{\"a\":2}\n");
	ck_assert_str_eq(content("out.ndjson.2"), "{\"a\":3}\n{\"a\":4}\n");
	ck_assert_str_eq(content("out.ndjson.3"), "{\"longer than the limit by itself\":5}\n");
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":6}\n");
}
END_TEST

START_TEST(not_a_file)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(transport_file.create(&destination, loop, &transport, &error), EP_IO);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(transport_file.create(&destination, loop, &transport, &error), EP_IO);
	ck_assert_int_eq(unlink(path), 0);
	destination.path = "/nonexistent/folder/out.ndjson";
	ck_assert_int_eq(transport_file.create(&destination, loop, &transport, &error), EP_IO);
	ck_assert_ptr_nonnull(strstr(error.text, "/nonexistent/folder"));
}
END_TEST

/* A disk that takes half of a write and then fails, or whose sync fails. */
static int failing_writes, failing_syncs;

static ssize_t failing_pwritev(void *self, int fd, const struct iovec *parts, int count, off_t offset)
{
	(void)self;
	if (failing_writes) {
		failing_writes--;
		ck_assert_int_ge(pwrite(fd, parts[0].iov_base, parts[0].iov_len / 2, offset), 0);
		errno = ENOSPC;
		return -1;
	}
	return pwritev(fd, parts, count, offset);
}

static int failing_fdatasync(void *self, int fd)
{
	(void)self;
	if (failing_syncs) {
		failing_syncs--;
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static int plain_open(void *self, const char *name, int flags, mode_t mode)
{
	(void)self;
	return open(name, flags | O_CLOEXEC, mode);
}

static int plain_close(void *self, int fd)
{
	(void)self;
	return close(fd);
}

static ssize_t plain_pread(void *self, int fd, void *data, size_t length, off_t offset)
{
	(void)self;
	return pread(fd, data, length, offset);
}

static int plain_ftruncate(void *self, int fd, off_t length)
{
	(void)self;
	return ftruncate(fd, length);
}

static int64_t plain_size(void *self, int fd)
{
	struct stat file_status;

	(void)self;
	return fstat(fd, &file_status) == -1 ? -1 : file_status.st_size;
}

START_TEST(failed_write_leaves_no_half_line)
{
	static const struct disk_ops ops = {.open = plain_open,
		.close = plain_close,
		.pread = plain_pread,
		.pwritev = failing_pwritev,
		.fdatasync = failing_fdatasync,
		.ftruncate = plain_ftruncate,
		.size = plain_size};

	open_file();
	append("{\"a\":1}\n");
	disk_install(&ops);
	failing_writes = 1;
	append("{\"a\":2,\"long\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n");
	ck_assert_int_eq(last.answer, TRANSPORT_AGAIN);
	ck_assert_int_eq(last.code, ENOSPC);
	append("{\"a\":3}\n");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":1}\n{\"a\":3}\n");
	failing_syncs = 1;
	append("{\"a\":4}\n");
	ck_assert_int_eq(last.answer, TRANSPORT_AGAIN);
	ck_assert_int_eq(last.code, EIO);
	append("{\"a\":4}\n");
	ck_assert_int_eq(last.answer, TRANSPORT_DONE);
	ck_assert_str_eq(content("out.ndjson"), "{\"a\":1}\n{\"a\":3}\n{\"a\":4}\n");
	close_file();
	disk_install(NULL);
}
END_TEST

START_TEST(destroyed_while_writing)
{
	struct transport_batch batch = make_batch("{\"a\":1}\n");

	open_file();
	transport_file.send(transport, &batch);
	close_file();
	ck_assert_int_eq(done_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transport");
	TCase *http = tcase_create("http"), *file = tcase_create("file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(http, set_up_http, tear_down_http);
	tcase_set_timeout(http, 20);
	tcase_add_test(http, posts_cloudevents);
	tcase_add_test(http, single_events_have_their_own_type);
	tcase_add_test(http, connections_are_kept);
	tcase_add_test(http, answers_have_their_classes);
	tcase_add_test(http, asked_to_wait);
	tcase_add_test(http, words_of_the_destination_are_kept);
	tcase_add_test(http, silence_times_out);
	tcase_add_test(http, connection_lost);
	tcase_add_test(http, nobody_there);
	tcase_add_test(http, environment_is_not_asked);
	tcase_add_test(http, destroyed_while_under_way);
	suite_add_tcase(suite, http);
	tcase_add_checked_fixture(file, set_up_file, tear_down_file);
	tcase_set_timeout(file, 20);
	tcase_add_test(file, lines_are_appended);
	tcase_add_test(file, torn_line_is_cut);
	tcase_add_test(file, rotated_files_ascend);
	tcase_add_test(file, not_a_file);
	tcase_add_test(file, failed_write_leaves_no_half_line);
	tcase_add_test(file, destroyed_while_writing);
	suite_add_tcase(suite, file);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
