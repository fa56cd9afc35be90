/* check_intake.c: requests over real sockets, in one process with the server; the outcomes are made up. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake_world.h"

#define HOST "Host: gw\r\n"
#define BEARER "Authorization: Bearer token\r\n"
#define PLAIN_SHA256 "98934867fc5e2d155ffcc194ecd481d7a53524bb490510c6699bb8609cc626d1" /* of SIGNED with key k */
#define SIGNED "{\"id\":\"evt_1\",\"type\":\"charge.succeeded\"}"

static struct intake *intake;
static struct conf conf;
static struct conf_source sources[4];
static struct conf_listener listeners[1];

static struct conf_secret secret(const char *text)
{
	return (struct conf_secret){(char *)(uintptr_t)text, strlen(text)};
}

static void set_source(struct conf_source *source, const char *name, enum conf_scheme scheme)
{
	*source = (struct conf_source){.name = name,
		.verify = {.scheme = scheme},
		.dedupe = CONF_DEDUPE_DIGEST,
		.dedupe_window_ns = 3600 * NS_PER_S,
		.body_max = 4 << 20};
}

static void open_intake(void)
{
	const struct intake_options options = {.conf = &conf,
		.loop = world.loop,
		.journal = world.journal,
		.acceptor = world.acceptor,
		.outcomes = &world.outcomes};

	ck_assert_msg(intake_create(&intake, &options, &world.error) == EP_OK, "%s", world.error.text);
	intake_start(intake);
}

static void setup(void)
{
	world_begin();
	set_source(&sources[0], "open", CONF_VERIFY_NONE);
	set_source(&sources[1], "bank", CONF_VERIFY_BEARER);
	sources[1].verify.secret = secret("token");
	set_source(&sources[2], "wh", CONF_VERIFY_HMAC);
	sources[2].verify.header = "x-signature";
	sources[2].verify.signed_text = "{body}";
	sources[2].verify.secret = secret("k");
	sources[2].status_token = secret("status");
	set_source(&sources[3], "bad", CONF_VERIFY_NONE);
	snprintf(sources[0].note.headers, sizeof(sources[0].note.headers), "x-topic cookie");
	listeners[0] = (struct conf_listener){.address = "127.0.0.1:0", .loopback = true};
	conf = (struct conf){.header_max = 8192,
		.header_timeout_ns = 5 * NS_PER_S,
		.body_timeout_ns = 5 * NS_PER_S,
		.idle_timeout_ns = 5 * NS_PER_S,
		.connections_max = 100,
		.listeners = listeners,
		.listener_count = 1,
		.sources = sources,
		.source_count = 4};
	open_intake();
}

static void teardown(void)
{
	intake_destroy(intake);
	intake = NULL;
	world_end();
}

static void reopen(void)
{
	intake_destroy(intake);
	open_intake();
}

/* A client -------------------------------------------------------------------------------------------------------- */

struct client {
	int fd;
	struct buffer in;
	bool closed;
};

static struct client connect_client(void)
{
	struct client client = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in address = {.sin_family = AF_INET};

	address.sin_port = htons((uint16_t)strtol(strchr(intake_address(intake, 0), ':') + 1, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(client.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
	buffer_init(&client.in, 16 << 20);
	return client;
}

static void close_client(struct client *client)
{
	close(client->fd);
	buffer_free(&client->in);
}

static void receive(struct client *client)
{
	char bytes[65536];
	ssize_t got = recv(client->fd, bytes, sizeof(bytes), 0);

	if (got > 0)
		ck_assert_int_eq(buffer_append(&client->in, bytes, (size_t)got), EP_OK);
	else if (got == 0 || errno != EAGAIN)
		client->closed = true;
}

/* Sends all of it, with the server running. */
static void send_bytes(struct client *client, struct ep_slice data)
{
	int64_t until_ns = clock_monotonic_ns() + WORLD_WAIT_NS;

	while (data.length) {
		ssize_t sent = send(client->fd, data.data, data.length, MSG_NOSIGNAL);

		ck_assert_msg(clock_monotonic_ns() < until_ns, "the server takes no more");
		if (sent > 0)
			data = ep_slice_sub(data, (uint64_t)sent, data.length);
		else if (errno != EAGAIN)
			return; /* it has closed: its answer says why */
		loop_run_once(world.loop, NS_PER_MS);
	}
}

static void send_text(struct client *client, const char *text)
{
	send_bytes(client, ep_slice_of(text));
}

/* Whether the input begins with a whole response; its length, head's length and status. */
static size_t whole_response(const struct client *client, size_t *head, int *status)
{
	const char *end, *length;
	struct buffer text = client->in;

	if (text.length < 12)
		return 0;
	end = memmem(text.data, text.length, "\r\n\r\n", 4);
	if (!end)
		return 0;
	*status = (int)strtol(text.data + 9, NULL, 10);
	*head = (size_t)(end + 4 - text.data);
	length = memmem(text.data, *head, "Content-Length: ", 16);
	if (!length)
		return *head;
	return *head + (size_t)strtol(length + 16, NULL, 10) <= text.length
		       ? *head + (size_t)strtol(length + 16, NULL, 10)
		       : 0;
}

/* Takes the next response; a NUL-terminated copy of it is in `text`. Returns the status, 0: closed without one. */
static char text[1 << 20];

static int next_response(struct client *client)
{
	int64_t until_ns = clock_monotonic_ns() + WORLD_WAIT_NS;
	size_t head = 0, length;
	int status = 0;

	while (!(length = whole_response(client, &head, &status))) {
		if (client->closed)
			return 0;
		ck_assert_msg(clock_monotonic_ns() < until_ns, "no answer; so far: %.*s", (int)client->in.length,
			client->in.data ? client->in.data : "");
		loop_run_once(world.loop, NS_PER_MS);
		receive(client);
	}
	ck_assert_uint_lt(length, sizeof(text));
	memcpy(text, client->in.data, length);
	text[length] = '\0';
	buffer_consume(&client->in, length);
	return status;
}

static void expect_closed(struct client *client)
{
	world_until((receive(client), client->closed));
	ck_assert_uint_eq(client->in.length, 0);
}

/* One request on a connection of its own. */
static int ask(const char *request)
{
	struct client client = connect_client();
	int status;

	send_text(&client, request);
	status = next_response(&client);
	close_client(&client);
	return status;
}

static void expect_problem(int status, int wanted, const char *code)
{
	char member[100];

	snprintf(member, sizeof(member), "\"code\":\"%s\"", code);
	ck_assert_msg(status == wanted, "%d: %s", status, text);
	ck_assert_msg(strstr(text, member) != NULL, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "Content-Type: application/problem+json\r\n"));
}

static void member(const char *name, char value[100])
{
	char key[100];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	ck_assert_msg(at != NULL, "no %s in %s", name, text);
	at += strlen(key);
	at += *at == '"';
	snprintf(value, 100, "%.*s", (int)strcspn(at, "\",}"), at);
}

static void expect_member(const char *name, const char *wanted)
{
	char value[100];

	member(name, value);
	ck_assert_str_eq(value, wanted);
}

#define POST(path, headers, body) "POST " path " HTTP/1.1\r\n" HOST headers "\r\n" body

/* Receipts -------------------------------------------------------------------------------------------------------- */

START_TEST(receipt)
{
	char first[100], again[100], received[100];

	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 5\r\n", "hello")), 202);
	expect_member("source", "open");
	expect_member("bytes", "5");
	expect_member("duplicate", "false");
	expect_member("sha256", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	member("message_id", first);
	member("received_at", received);
	ck_assert_uint_eq(strlen(first), 32);
	ck_assert_ptr_nonnull(strstr(text, "Content-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nDate: "));
	ck_assert_int_eq(ask(POST("/in/open?x=y", "Content-Length: 5\r\n", "hello")), 202);
	expect_member("duplicate", "true");
	expect_member("received_at", received);
	member("message_id", again);
	ck_assert_str_eq(first, again);
}
END_TEST

START_TEST(what_is_kept)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;

	ck_assert_int_eq(
		ask(POST("/in/open",
			"Content-Type: a/b; c=d\r\nContent-Encoding: gzip\r\nX-Topic: t\r\nX-Other: o\r\nCookie: "
			"secret\r\nAuthorization: Bearer secret\r\nIdempotency-Key: key\r\nContent-Length: 5\r\n",
			"hello")),
		202);
	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &world.error), EP_OK);
	ck_assert_int_eq(journal_read(reader, JOURNAL_INBOX, &frame, &world.error), EP_OK);
	ck_assert_int_eq(message_read(&frame, &message), EP_OK);
	ck_assert(ep_slice_is(message.source, "open"));
	ck_assert(ep_slice_is(message.content_type, "a/b; c=d"));
	ck_assert(ep_slice_is(message.content_encoding, "gzip"));
	ck_assert(ep_slice_is(message.idempotency, "key"));
	ck_assert(ep_slice_is(message.body, "hello"));
	ck_assert_uint_eq(message.header_count, 1);
	ck_assert(ep_slice_is(message.headers[0].name, "x-topic"));
	ck_assert(ep_slice_is(message.headers[0].value, "t"));
	ck_assert_ptr_null(memmem(frame.payload.data, frame.payload.length, "secret", 6));
	journal_reader_close(reader);
}
END_TEST

START_TEST(verification)
{
	static char unknown[sizeof(text)];
	const char *wrong[] = {POST("/in/bank", "Content-Length: 5\r\n", "hello"),
		POST("/in/bank", "Authorization: Bearer other\r\nContent-Length: 5\r\n", "hello"),
		POST("/in/wh", "Content-Length: 5\r\n", "hello"),
		POST("/in/wh", "X-Signature: " PLAIN_SHA256 "\r\nContent-Length: 5\r\n", "hello")};

	expect_problem(ask(POST("/in/nobody", "Content-Length: 5\r\n", "hello")), 401, "unauthorized");
	ck_assert_ptr_nonnull(strstr(text, "WWW-Authenticate: "));
	memcpy(unknown, strstr(text, "\r\nContent-Type"), strlen(strstr(text, "\r\nContent-Type")) + 1);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ck_assert_int_eq(ask(wrong[i]), 401);
		ck_assert_str_eq(strstr(text, "\r\nContent-Type"), unknown); /* all but the date */
	}
	ck_assert_int_eq(ask(POST("/in/bank", BEARER "Content-Length: 5\r\n", "hello")), 202);
	ck_assert_int_eq(ask(POST("/in/wh", "X-Signature: " PLAIN_SHA256 "\r\nContent-Length: 40\r\n", SIGNED)), 202);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 2);
}
END_TEST

START_TEST(event_id_from_body)
{
	sources[0].dedupe = CONF_DEDUPE_EVENT_ID;
	sources[0].verify.event_id_path = "id";
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 17\r\n", "{\"id\":\"e\",\"a\":1}\n")), 202);
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 17\r\n", "{\"id\":\"e\",\"a\":2}\n")), 202);
	expect_member("duplicate", "false");
	ck_assert_uint_eq(acceptor_counts(world.acceptor).conflicts, 1);
	sources[0].verify.event_id_path = NULL;
	sources[0].verify.event_id_header = "x-id";
	ck_assert_int_eq(ask(POST("/in/open", "X-Id: 7\r\nContent-Length: 1\r\n", "a")), 202);
	ck_assert_int_eq(ask(POST("/in/open", "X-Id: 7\r\nContent-Length: 1\r\n", "b")), 202);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).conflicts, 2);
}
END_TEST

START_TEST(idempotency)
{
	ck_assert_int_eq(ask(POST("/in/open", "Idempotency-Key: k\r\nContent-Length: 1\r\n", "a")), 202);
	expect_problem(
		ask(POST("/in/open", "Idempotency-Key: k\r\nContent-Length: 1\r\n", "b")), 422, "idempotency-conflict");
	expect_problem(ask(POST("/in/open", "Idempotency-Key: k\r\nIdempotency-Key: l\r\nContent-Length: 1\r\n", "b")),
		400, "bad-request");
}
END_TEST

START_TEST(paths_and_methods)
{
	expect_problem(ask("GET / HTTP/1.1\r\n" HOST "\r\n"), 404, "no-such-path");
	expect_problem(ask(POST("/in/", "Content-Length: 0\r\n", "")), 404, "no-such-path");
	expect_problem(ask(POST("/in/open/", "Content-Length: 0\r\n", "")), 404, "no-such-path");
	expect_problem(ask(POST("/in/Open", "Content-Length: 0\r\n", "")), 401, "unauthorized");
	expect_problem(ask(POST("/in/open/messages", "Content-Length: 0\r\n", "")), 404, "no-such-path");
	expect_problem(ask(POST("/in/../in/open", "Content-Length: 0\r\n", "")), 404, "no-such-path");
	expect_problem(ask("GET /in/open HTTP/1.1\r\n" HOST "\r\n"), 405, "method-not-allowed");
	ck_assert_ptr_nonnull(strstr(text, "\r\nAllow: POST\r\n"));
	expect_problem(ask("DELETE /in/open/messages/1 HTTP/1.1\r\n" HOST "\r\n"), 405, "method-not-allowed");
	ck_assert_ptr_nonnull(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
	expect_problem(ask("BREW /in/open HTTP/1.1\r\n" HOST "\r\n"), 405, "method-not-allowed");
	ck_assert_int_eq(ask("HEAD /in/open HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), 0); /* no body follows */
}
END_TEST

START_TEST(bodies_refused)
{
	struct client client;

	expect_problem(ask(POST("/in/open", "", "")), 411, "length-required");
	expect_problem(
		ask(POST("/in/open", "Content-Length: 5\r\nExpect: more\r\n", "hello")), 417, "expectation-failed");
	/* Before the body has come */
	expect_problem(ask(POST("/in/open", "Content-Length: 5000000\r\n", "")), 413, "body-too-large");
	ck_assert_ptr_nonnull(strstr(text, "\r\nConnection: close\r\n"));
	sources[0].body_max = 10;
	client = connect_client();
	send_text(&client, POST("/in/open", "Transfer-Encoding: chunked\r\n", "8\r\n12345678\r\n8\r\n"));
	send_text(&client, "12345678\r\n");
	expect_problem(next_response(&client), 413, "body-too-large");
	expect_closed(&client);
	close_client(&client);
	expect_problem(ask(POST("/in/open", "Transfer-Encoding: chunked\r\n", "x\r\n")), 400, "bad-request");
}
END_TEST

START_TEST(refused_bodies_leave_the_connection)
{
	struct client client = connect_client();

	send_text(&client, POST("/in/bank", "Content-Length: 5\r\n", "hello"));
	ck_assert_int_eq(next_response(&client), 401);
	send_text(&client, POST("/in/nobody", "Content-Length: 5\r\n", "hello"));
	ck_assert_int_eq(next_response(&client), 401);
	send_text(&client, POST("/nothing", "Content-Length: 5\r\n", "hello"));
	ck_assert_int_eq(next_response(&client), 404);
	send_text(&client, POST("/in/bank", BEARER "Content-Length: 5\r\n", "hello"));
	ck_assert_int_eq(next_response(&client), 202);
	close_client(&client);
}
END_TEST

START_TEST(malformed)
{
	struct client client;

	expect_problem(ask("POST /in/open HTTP/1.1\n" HOST "\n"), 400, "bad-request");
	expect_problem(ask("\x16\x03\x01 garbage\r\n\r\n"), 400, "bad-request");
	expect_problem(ask("POST /in/open HTTP/3.0\r\n" HOST "\r\n"), 505, "bad-request");
	client = connect_client();
	send_text(&client, "POST /in/open HTTP/1.1\r\n" HOST "A: ");
	for (int i = 0; i < 100; i++)
		send_text(&client, "01234567890123456789012345678901234567890123456789012345678901234567890123456789012"
				   "34567890123456789");
	expect_problem(next_response(&client), 431, "header-too-large");
	expect_closed(&client);
	close_client(&client);
}
END_TEST

START_TEST(expect_continue)
{
	struct client client = connect_client();

	send_text(&client, POST("/in/open", "Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
	ck_assert_int_eq(next_response(&client), 100);
	send_text(&client, "hello");
	ck_assert_int_eq(next_response(&client), 202);
	send_text(
		&client, POST("/in/open", "Content-Length: 5\r\nExpect: 100-continue\r\n", "other")); /* doesn't wait */
	ck_assert_int_eq(next_response(&client), 100);
	ck_assert_int_eq(next_response(&client), 202);
	close_client(&client);
	ck_assert_int_eq(ask(POST("/in/nobody", "Content-Length: 5\r\nExpect: 100-continue\r\n", "")), 401);
	ck_assert_int_eq(ask(POST("/in/bank", "Content-Length: 5\r\nExpect: 100-continue\r\n", "")), 401);
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 5000000\r\nExpect: 100-continue\r\n", "")), 413);
}
END_TEST

START_TEST(no_room)
{
	world.busy = true;
	expect_problem(ask(POST("/in/open", "Content-Length: 5\r\n", "hello")), 429, "busy");
	ck_assert_ptr_nonnull(strstr(text, "\r\nRetry-After: 1\r\n"));
	world.busy = false;
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 5\r\n", "hello")), 202);
}
END_TEST

START_TEST(connection_header)
{
	struct client client = connect_client();

	send_text(&client, POST("/in/open", "Connection: close\r\nContent-Length: 1\r\n", "a")
				   POST("/in/open", "Content-Length: 1\r\n", "b"));
	ck_assert_int_eq(next_response(&client), 202);
	ck_assert_ptr_nonnull(strstr(text, "\r\nConnection: close\r\n"));
	expect_closed(&client);
	close_client(&client);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 1);
	client = connect_client();
	send_text(&client, "POST /in/open HTTP/1.0\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nc");
	ck_assert_int_eq(next_response(&client), 202);
	ck_assert_ptr_nonnull(strstr(text, "\r\nConnection: keep-alive\r\n"));
	send_text(&client, "POST /in/open HTTP/1.0\r\nContent-Length: 1\r\n\r\nc");
	ck_assert_int_eq(next_response(&client), 202);
	expect_closed(&client);
	close_client(&client);
}
END_TEST

START_TEST(half_closed_client)
{
	struct client client = connect_client();

	send_text(&client, POST("/in/open", "Content-Length: 1\r\n", "a"));
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	ck_assert_int_eq(next_response(&client), 202);
	expect_closed(&client);
	close_client(&client);
	client = connect_client();
	send_text(&client, POST("/in/open", "Content-Length: 5\r\n", "a"));
	ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
	expect_closed(&client);
	close_client(&client);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 1);
}
END_TEST

START_TEST(client_gone_before_the_receipt)
{
	struct client client = connect_client();

	send_text(&client, POST("/in/open", "Content-Length: 1\r\n", "a"));
	close_client(&client);
	world_until(acceptor_counts(world.acceptor).messages == 1 && intake_busy(intake) == 0);
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 1\r\n", "a")), 202);
	expect_member("duplicate", "true");
}
END_TEST

/* Outcomes -------------------------------------------------------------------------------------------------------- */

static void read_id(uint8_t id[16])
{
	char hex[100];

	member("message_id", hex);
	ck_assert_int_eq(hex_read(ep_slice_of(hex), id, 16), EP_OK);
}

START_TEST(outcome_query)
{
	char request[300], id[100];
	uint8_t bytes[16];

	ck_assert_int_eq(ask(POST("/in/bank", BEARER "Content-Length: 5\r\n", "hello")), 202);
	member("message_id", id);
	read_id(bytes);
	snprintf(request, sizeof(request), "GET /in/bank/messages/%s HTTP/1.1\r\n" HOST BEARER "\r\n", id);
	ck_assert_int_eq(ask(request), 200);
	expect_member("outcome", "pending");
	expect_member("message_id", id);
	world_settle(bytes, OUTCOME_QUARANTINED);
	ck_assert_int_eq(ask(request), 200);
	expect_member("outcome", "quarantined");
	expect_member("place", "byte 3");
	expect_member("code", "syntax");
	expect_member("text", "not a message");
	snprintf(request, sizeof(request), "GET /in/bank/messages/%s HTTP/1.1\r\n" HOST "\r\n", id);
	expect_problem(ask(request), 401, "unauthorized");
	snprintf(request, sizeof(request), "GET /in/nobody/messages/%s HTTP/1.1\r\n" HOST "\r\n", id);
	expect_problem(ask(request), 401, "unauthorized");
	snprintf(request, sizeof(request), "GET /in/open/messages/%s HTTP/1.1\r\n" HOST "\r\n", id);
	expect_problem(ask(request), 404, "not-found");
	expect_problem(ask("GET /in/open/messages/00000000000000000000000000000000 HTTP/1.1\r\n" HOST "\r\n"), 404,
		"not-found");
	expect_problem(ask("GET /in/open/messages/xyz HTTP/1.1\r\n" HOST "\r\n"), 404, "not-found");
	snprintf(request, sizeof(request),
		"GET /in/wh/messages/%s HTTP/1.1\r\n" HOST "Authorization: Bearer status\r\n\r\n", id);
	expect_problem(ask(request), 404, "not-found");
}
END_TEST

START_TEST(prefer_wait)
{
	struct client client = connect_client(), other = connect_client();
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;

	world.records = 3;
	send_text(&client, POST("/in/open", "Prefer: respond-async, wait=30\r\nContent-Length: 5\r\n", "hello"));
	world_until(world.waiting_count == 1);
	send_text(&other, POST("/in/open", "Prefer: wait=\"20\"; x=y\r\nContent-Length: 5\r\n", "hello"));
	world_until(world.waiting_count == 2);
	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &world.error), EP_OK);
	ck_assert_int_eq(journal_read(reader, JOURNAL_INBOX, &frame, &world.error), EP_OK);
	ck_assert_int_eq(message_read(&frame, &message), EP_OK);
	world_settle(message.id, OUTCOME_NORMALIZED);
	journal_reader_close(reader);
	ck_assert_int_eq(next_response(&client), 200);
	expect_member("outcome", "normalized");
	expect_member("records", "3");
	ck_assert_ptr_nonnull(strstr(text, "\"rejected\":[]"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nPreference-Applied: wait=30\r\n"));
	ck_assert_int_eq(next_response(&other), 200);
	expect_member("outcome", "duplicate");
	close_client(&client);
	close_client(&other);
	/* Known already */
	ck_assert_int_eq(ask(POST("/in/open", "Prefer: wait=0\r\nContent-Length: 5\r\n", "hello")), 200);
	expect_member("outcome", "duplicate");
}
END_TEST

START_TEST(prefer_wait_ends)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct client client;

	ck_assert_int_eq(ask(POST("/in/open", "Prefer: wait=0\r\nContent-Length: 5\r\n", "hello")), 202);
	ck_assert_int_eq(ask(POST("/in/open", "Prefer: wait=x\r\nContent-Length: 5\r\n", "hello")), 202);
	ck_assert_ptr_null(strstr(text, "Preference-Applied"));
	client = connect_client();
	send_text(&client, POST("/in/open", "Prefer: wait=1\r\nContent-Length: 5\r\n", "other"));
	ck_assert_int_eq(next_response(&client), 202);
	expect_member("duplicate", "false");
	ck_assert_ptr_nonnull(strstr(text, "\r\nPreference-Applied: wait=1\r\n"));
	ck_assert_uint_eq(world.waiting_count, 0);
	send_text(&client, POST("/in/open", "Prefer: wait=60\r\nContent-Length: 5\r\n", "third"));
	world_until(world.waiting_count == 1);
	/* Gone for good (a reset): an end of its sending alone would still get the answer */
	ck_assert_int_eq(setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close_client(&client);
	world_until(world.waiting_count == 0);
}
END_TEST

/* Framing --------------------------------------------------------------------------------------------------------- */

/* What a stream of requests is answered, without what differs from time to time. */
static void collect(struct client *client, int responses, struct buffer *out)
{
	for (int i = 0; i < responses; i++) {
		int status = next_response(client);
		char digest[100] = "", code[100] = "";

		if (status == 202)
			member("sha256", digest);
		else if (status >= 400)
			member("code", code);
		(void)buffer_append_format(out, "%d %s%s\n", status, digest, code);
	}
}

static const char stream[] = "\r\n" POST("/in/open", "Content-Length: 5\r\n", "hello") POST(
	"/in/open", "Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n") POST("/in/nobody",
	"Content-Length: 3\r\n", "abc") "GET /in/open HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nxy" POST("/in/bank",
	BEARER "Content-Length: 0\r\n",
	"") "\r\n" POST("/in/wh", "X-Signature: " PLAIN_SHA256 "\r\nTransfer-Encoding: chunked\r\n",
	"28\r\n{\"id\":\"evt_1\",\"type\":\"charge.succeeded\"}\r\n0\r\n\r\n") "GET /in/open/messages/1 "
									       "HTTP/1.1\r\n" HOST
									       "\r\n" POST("/in/open",
										       "Content-Length: x\r\n", "abc");
#define STREAM_RESPONSES 8

START_TEST(pipelined_in_any_split)
{
	struct client client = connect_client();
	struct buffer wanted, got;
	uint32_t seed = 5;

	buffer_init(&wanted, 10000);
	buffer_init(&got, 10000);
	send_text(&client, stream);
	collect(&client, STREAM_RESPONSES, &wanted);
	expect_closed(&client);
	close_client(&client);
	ck_assert_msg(strstr(wanted.data, "404 not-found\n400 bad-request\n") != NULL, "%s", wanted.data);
	for (int round = 0; round < 60; round++) {
		struct ep_slice rest = EP_SAY(stream);

		client = connect_client();
		while (rest.length) {
			uint64_t step = round == 0 ? 1 : 1 + (seed >> 10) % (round < 30 ? 20 : 200);

			seed = seed * 1664525 + 1013904223;
			send_bytes(&client, ep_slice_sub(rest, 0, step));
			rest = ep_slice_sub(rest, step, rest.length);
		}
		buffer_clear(&got);
		collect(&client, STREAM_RESPONSES, &got);
		expect_closed(&client);
		close_client(&client);
		ck_assert_msg(
			ep_slice_equal(buffer_slice(&got), buffer_slice(&wanted)), "%.*s", (int)got.length, got.data);
	}
	buffer_free(&wanted);
	buffer_free(&got);
}
END_TEST

START_TEST(many_pipelined)
{
	struct client client = connect_client();
	struct buffer requests;
	char wanted[100];

	buffer_init(&requests, 1 << 20);
	for (int i = 0; i < 500; i++)
		(void)buffer_append_format(&requests, POST("/in/open", "Content-Length: 8\r\n", "%08d"), i);
	send_bytes(&client, buffer_slice(&requests));
	for (int i = 0; i < 500; i++) {
		uint8_t digest[32];
		char body[9];

		snprintf(body, sizeof(body), "%08d", i);
		sha256_of(ep_slice_of(body), digest);
		hex_write(digest, sizeof(digest), wanted);
		ck_assert_int_eq(next_response(&client), 202);
		expect_member("sha256", wanted);
		expect_member("duplicate", "false");
	}
	buffer_free(&requests);
	close_client(&client);
}
END_TEST

static void post_large(size_t bytes, bool chunked)
{
	struct client client = connect_client();
	struct buffer request;
	uint8_t digest[32];
	char wanted[65];
	size_t head;

	buffer_init(&request, bytes + 1000);
	if (chunked)
		(void)buffer_append_format(
			&request, POST("/in/open", "Transfer-Encoding: chunked\r\n", "%zx\r\n"), bytes);
	else
		(void)buffer_append_format(&request, POST("/in/open", "Content-Length: %zu\r\n", ""), bytes);
	head = request.length;
	for (size_t i = 0; i < bytes; i++)
		(void)buffer_append_byte(&request, (char)(i * 7 + i / 1000));
	sha256_of(ep_slice_make(request.data + head, bytes), digest);
	hex_write(digest, sizeof(digest), wanted);
	if (chunked)
		(void)buffer_append_string(&request, "\r\n0\r\n\r\n");
	send_bytes(&client, buffer_slice(&request));
	ck_assert_msg(next_response(&client) == 202, "%s", text);
	expect_member("sha256", wanted);
	buffer_free(&request);
	close_client(&client);
}

START_TEST(large_bodies)
{
	struct journal_reader *reader;
	struct journal_frame frame;
	struct message message;
	size_t sizes[] = {100000, JOURNAL_INLINE_MAX, JOURNAL_INLINE_MAX + 1, 3000000};

	for (size_t i = 0; i < 4; i++)
		post_large(sizes[i], i % 2);
	ck_assert_int_eq(journal_reader_open(world.journal, 0, &reader, &world.error), EP_OK);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(journal_read(reader, JOURNAL_INBOX, &frame, &world.error), EP_OK);
		ck_assert_int_eq(message_read(&frame, &message), EP_OK);
		ck_assert_uint_eq(message.body_length, sizes[i]);
		ck_assert_uint_eq(frame.extent != 0, sizes[i] > JOURNAL_INLINE_MAX);
		ck_assert_uint_eq(frame.extent ? frame.extent_length : message.body.length, sizes[i]);
	}
	journal_reader_close(reader);
	post_large(3000000, false);
	expect_member("duplicate", "true");
}
END_TEST

START_TEST(garbage)
{
	uint32_t seed = 3;

	for (int round = 0; round < 150; round++) {
		struct client client = connect_client();
		char bytes[sizeof(stream)];

		memcpy(bytes, stream, sizeof(stream));
		for (int change = 0; change < 1 + round % 5; change++) {
			seed = seed * 1664525 + 1013904223;
			bytes[(seed >> 8) % (sizeof(stream) - 1)] = (char)(seed >> 24);
		}
		send_bytes(&client, ep_slice_make(bytes, sizeof(stream) - 1));
		ck_assert_int_eq(shutdown(client.fd, SHUT_WR), 0);
		world_until((receive(&client), client.closed));
		close_client(&client);
	}
	world_until(intake_busy(intake) == 0);
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 6\r\n", "after.")), 202);
}
END_TEST

/* Time and connections -------------------------------------------------------------------------------------------- */

START_TEST(slow_heads_and_bodies)
{
	struct client silent, head, body, idle;

	conf.header_timeout_ns = conf.body_timeout_ns = conf.idle_timeout_ns = 300 * NS_PER_MS;
	reopen();
	silent = connect_client();
	head = connect_client();
	body = connect_client();
	idle = connect_client();
	send_text(&head, "POST /in/open HTTP/1.1\r\n");
	send_text(&body, POST("/in/open", "Content-Length: 5\r\n", "a"));
	send_text(&idle, POST("/in/open", "Content-Length: 1\r\n", "a"));
	ck_assert_int_eq(next_response(&idle), 202);
	expect_problem(next_response(&head), 408, "request-timeout");
	expect_problem(next_response(&body), 408, "request-timeout");
	expect_closed(&silent);
	expect_closed(&head);
	expect_closed(&body);
	expect_closed(&idle);
	close_client(&silent);
	close_client(&head);
	close_client(&body);
	close_client(&idle);
}
END_TEST

START_TEST(dripping_is_no_progress)
{
	struct client client;
	int64_t until_ns = clock_monotonic_ns() + 5 * NS_PER_S, sent_ns = 0;
	bool answered = false;

	conf.header_timeout_ns = conf.body_timeout_ns = 300 * NS_PER_MS;
	reopen();
	client = connect_client();
	send_text(&client, POST("/in/open", "Content-Length: 100000\r\n", "a"));
	while (!answered) {
		ck_assert_msg(clock_monotonic_ns() < until_ns, "dripping holds the connection");
		if (clock_monotonic_ns() - sent_ns > 10 * NS_PER_MS) {
			(void)!send(client.fd, "x", 1, MSG_NOSIGNAL);
			sent_ns = clock_monotonic_ns();
		}
		loop_run_once(world.loop, 20 * NS_PER_MS);
		receive(&client);
		answered = client.in.length > 0;
	}
	expect_problem(next_response(&client), 408, "request-timeout");
	close_client(&client);
}
END_TEST

START_TEST(connections_are_bounded)
{
	struct client idle, busy, third;

	conf.connections_max = 2;
	reopen();
	idle = connect_client();
	send_text(&idle, POST("/in/open", "Content-Length: 1\r\n", "a"));
	ck_assert_int_eq(next_response(&idle), 202);
	busy = connect_client();
	send_text(&busy, POST("/in/open", "Prefer: wait=50\r\nContent-Length: 1\r\n", "b"));
	world_until(world.waiting_count == 1);
	third = connect_client(); /* takes the place of the idle one */
	send_text(&third, POST("/in/open", "Prefer: wait=50\r\nContent-Length: 1\r\n", "c"));
	world_until(world.waiting_count == 2);
	expect_closed(&idle);
	ck_assert_int_eq(ask(POST("/in/open", "Content-Length: 1\r\n", "d")), 503); /* nobody can be sent away */
	ck_assert_ptr_nonnull(strstr(text, "Retry-After"));
	close_client(&idle);
	close_client(&busy);
	close_client(&third);
}
END_TEST

START_TEST(stopping)
{
	struct client idle = connect_client(), half = connect_client(), waiting = connect_client();
	struct client hurried = connect_client();
	uint8_t id[16];

	send_text(&idle, POST("/in/open", "Content-Length: 1\r\n", "a"));
	ck_assert_int_eq(next_response(&idle), 202);
	read_id(id);
	send_text(&half, POST("/in/open", "Content-Length: 2\r\n", "b"));
	send_text(&waiting, POST("/in/open", "Prefer: wait=50\r\nContent-Length: 1\r\n", "a"));
	send_text(&hurried, POST("/in/open", "Prefer: wait=50\r\nContent-Length: 1\r\n", "h"));
	world_until(world.waiting_count == 2);
	intake_stop(intake);
	expect_closed(&idle);
	ck_assert_uint_eq(intake_busy(intake), 3);
	send_text(&half, "b" POST("/in/open", "Content-Length: 1\r\n", "c"));
	ck_assert_int_eq(next_response(&half), 202);
	ck_assert_int_eq(next_response(&half), 503);
	ck_assert_ptr_nonnull(strstr(text, "\"code\":\"stopping\""));
	expect_closed(&half);
	world_settle(id, OUTCOME_NORMALIZED);
	ck_assert_int_eq(next_response(&waiting), 200);
	expect_closed(&waiting);
	ck_assert_int_eq(next_response(&hurried), 202); /* its outcome doesn't come soon */
	expect_closed(&hurried);
	ck_assert_uint_eq(intake_busy(intake), 0);
	close_client(&idle);
	close_client(&half);
	close_client(&waiting);
	close_client(&hurried);
}
END_TEST

START_TEST(destroyed_at_work)
{
	struct client clients[3] = {connect_client(), connect_client(), connect_client()};

	send_text(&clients[0], POST("/in/open", "Prefer: wait=50\r\nContent-Length: 1\r\n", "a"));
	world_until(world.waiting_count == 1);
	send_text(&clients[1], POST("/in/open", "Content-Length: 2000000\r\n", "part"));
	for (int i = 0; i < 50; i++)
		send_text(&clients[2], POST("/in/open", "Content-Length: 1\r\n", "b"));
	intake_destroy(intake);
	ck_assert_uint_eq(world.waiting_count, 0);
	intake = NULL;
	for (int i = 0; i < 3; i++)
		close_client(&clients[i]);
}
END_TEST

START_TEST(client_that_reads_nothing)
{
	struct client client = connect_client();
	struct buffer requests;
	int64_t until_ns;

	conf.body_timeout_ns = 300 * NS_PER_MS;
	reopen();
	close_client(&client);
	client = connect_client();
	buffer_init(&requests, 1 << 20);
	for (int i = 0; i < 2000; i++)
		(void)buffer_append_string(&requests, "GET /nothing HTTP/1.1\r\n" HOST "\r\n");
	/* Until the server reads no more, then until it gives up */
	until_ns = clock_monotonic_ns() + 20 * NS_PER_S;
	for (;;) {
		ssize_t sent = send(client.fd, requests.data, requests.length, MSG_NOSIGNAL);

		if (sent == -1 && errno != EAGAIN)
			break;
		ck_assert_msg(clock_monotonic_ns() < until_ns, "a client that reads nothing is kept");
		loop_run_once(world.loop, 10 * NS_PER_MS);
	}
	buffer_free(&requests);
	close_client(&client);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intake");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, receipt);
	tcase_add_test(all, what_is_kept);
	tcase_add_test(all, verification);
	tcase_add_test(all, event_id_from_body);
	tcase_add_test(all, idempotency);
	tcase_add_test(all, paths_and_methods);
	tcase_add_test(all, bodies_refused);
	tcase_add_test(all, refused_bodies_leave_the_connection);
	tcase_add_test(all, malformed);
	tcase_add_test(all, expect_continue);
	tcase_add_test(all, no_room);
	tcase_add_test(all, connection_header);
	tcase_add_test(all, half_closed_client);
	tcase_add_test(all, client_gone_before_the_receipt);
	tcase_add_test(all, outcome_query);
	tcase_add_test(all, prefer_wait);
	tcase_add_test(all, prefer_wait_ends);
	tcase_add_test(all, pipelined_in_any_split);
	tcase_add_test(all, many_pipelined);
	tcase_add_test(all, large_bodies);
	tcase_add_test(all, garbage);
	tcase_add_test(all, slow_heads_and_bodies);
	tcase_add_test(all, dripping_is_no_progress);
	tcase_add_test(all, connections_are_bounded);
	tcase_add_test(all, stopping);
	tcase_add_test(all, destroyed_at_work);
	tcase_add_test(all, client_that_reads_nothing);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
