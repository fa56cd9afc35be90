/*
 * load.c: a load generator: signed orders, each with its own number, over keep-alive connections.
 *
 * Closed loop (the default): every connection sends a message, waits for its answer, sends the next. Open loop (--rate):
 * messages are due at a fixed rate whatever the answers do, and latencies count from the moment a message was due, so
 * that a server that stalls can't hide it. Ends after --seconds, --messages, or when every connection is lost.
 *
 * The numbers of those that were acknowledged (202, not a duplicate) go to --acked FILE, one a line, each written before
 * the next message is sent, so that the file is true even if the gateway is killed in the middle. It shares the machine
 * with what it measures, so it is cheap: one thread, plain sockets, what all bodies begin with hashed once.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_CTX: a hash's state that can be copied */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "histogram.h"

#define CONNECTIONS_MAX 16384
#define BODY_MAX ((size_t)64 * 1024 * 1024)
#define HEAD_MAX 512
#define TAIL_BYTES 192 /* what differs from body to body, at its end */
#define ANSWER_MAX 4096
#define EVENTS_MAX 256
#define GRAIN_NS (50 * NS_PER_US) /* open loop: no shorter sleep */

struct connection {
	int fd;       /* -1: lost or done */
	bool writing; /* epoll tells when there is room */
	int64_t due_ns;
	uint64_t order;      /* the one under way; 0: none */
	size_t sent, wanted; /* bytes of the request */
	size_t head_length;
	size_t got; /* bytes of the answer */
	struct connection *idle_next;
	char tail[TAIL_BYTES + 1];
	char head[HEAD_MAX];
	char answer[ANSWER_MAX];
};

struct load {
	int epoll;
	struct connection *connections;
	size_t connection_count, open;
	struct connection *idle;
	uint64_t next, last; /* orders to send: next to last */
	uint64_t acknowledged, duplicates, refused, lost;
	const char *path, *secret, *prefix;
	FILE *acked;
	int64_t started_ns, until_ns, interval_ns; /* interval 0: closed loop */
	int64_t next_due_ns;
	size_t body_bytes;
	char *body; /* what all bodies begin with */
	size_t body_length;
	SHA256_CTX inner, outer; /* of the HMAC, after `body` and after the key */
	struct histogram latencies;
};

/* What all orders have in common, then a note as long as is needed. */
static void make_body(struct load *load)
{
	static const char common[] =
		"{\"currency\":\"USD\",\"financial_status\":\"paid\",\"fulfillment_status\":null,\"test\":false,"
		"\"line_items\":[{\"id\":7001,\"sku\":\"TEA-1\",\"title\":\"Green tea, 100 g\",\"quantity\":2,"
		"\"price\":\"9.90\"}],\"shipping_address\":{\"country_code\":\"DE\"},\"note\":\"";
	static const char small[] = "{\"currency\":\"USD\",\"note\":\"";
	const char *text = load->body_bytes >= sizeof(common) + TAIL_BYTES ? common : small;
	size_t least = strlen(text) + TAIL_BYTES;
	size_t note = load->body_bytes > least ? load->body_bytes - least : 0;
	unsigned char inner[SHA256_CBLOCK] = {0}, outer[SHA256_CBLOCK];

	load->body_length = strlen(text) + note;
	load->body = malloc(load->body_length + 1);
	if (!load->body)
		PANIC("no memory for a body");
	memcpy(load->body, text, strlen(text));
	memset(load->body + strlen(text), 'x', note);
	if (strlen(load->secret) > sizeof(inner))
		PANIC("the secret is too long");
	memcpy(inner, load->secret, strlen(load->secret));
	for (size_t i = 0; i < sizeof(inner); i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	SHA256_Init(&load->inner);
	SHA256_Update(&load->inner, inner, sizeof(inner));
	SHA256_Update(&load->inner, load->body, load->body_length);
	SHA256_Init(&load->outer);
	SHA256_Update(&load->outer, outer, sizeof(outer));
}

static void sign(const struct load *load, const char *tail, char signature[64])
{
	SHA256_CTX inner = load->inner, outer = load->outer;
	unsigned char mac[SHA256_DIGEST_LENGTH];

	SHA256_Update(&inner, tail, TAIL_BYTES);
	SHA256_Final(mac, &inner);
	SHA256_Update(&outer, mac, sizeof(mac));
	SHA256_Final(mac, &outer);
	base64_write(mac, sizeof(mac), signature);
}

/* The request for the next order, as Shopify's webhook sends it; blanks after the last brace make all equally long. */
static void make_request(struct load *load, struct connection *connection)
{
	uint64_t order = load->next++;
	char signature[64];
	int length = snprintf(connection->tail, sizeof(connection->tail),
		"\",\"id\":%" PRIu64 ",\"name\":\"%s%" PRIu64 "\",\"created_at\":\"2026-11-23T10:00:00+08:00\","
		"\"updated_at\":\"2026-11-23T10:00:00+08:00\",\"total_price\":\"%" PRIu64 ".%02" PRIu64 "\"}",
		order + 1000000, load->prefix, order, order % 900 + 10, order % 100);

	if (length < 0 || length > TAIL_BYTES)
		PANIC("the prefix is too long");
	memset(connection->tail + length, ' ', (size_t)(TAIL_BYTES - length));
	sign(load, connection->tail, signature);
	connection->head_length = (size_t)snprintf(connection->head, HEAD_MAX,
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
		"X-Shopify-Topic: orders/create\r\nX-Shopify-Webhook-Id: %s-%" PRIu64
		"\r\nX-Shopify-Hmac-Sha256: %s\r\nContent-Length: %zu\r\n\r\n",
		load->path, load->prefix, order, signature, load->body_length + TAIL_BYTES);
	if (connection->head_length >= HEAD_MAX)
		PANIC("the path is too long");
	connection->order = order;
	connection->sent = 0;
	connection->got = 0;
	connection->wanted = connection->head_length + load->body_length + TAIL_BYTES;
}

static void end_connection(struct load *load, struct connection *connection)
{
	close(connection->fd);
	connection->fd = -1;
	load->open--;
}

static void want_writable(struct load *load, struct connection *connection, bool want)
{
	struct epoll_event event = {.events = EPOLLIN | (want ? EPOLLOUT : 0U), .data.ptr = connection};

	if (connection->writing == want)
		return;
	connection->writing = want;
	if (epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event) == -1)
		PANIC("epoll_ctl: %s", strerror(errno));
}

/* false: the connection is lost. */
static bool send_rest(struct load *load, struct connection *connection)
{
	struct iovec parts[3] = {{connection->head, connection->head_length}, {load->body, load->body_length},
		{connection->tail, TAIL_BYTES}};
	size_t skip = connection->sent;
	ssize_t sent;

	for (size_t i = 0; i < 3; i++) {
		size_t part = skip < parts[i].iov_len ? skip : parts[i].iov_len;

		parts[i].iov_base = (char *)parts[i].iov_base + part;
		parts[i].iov_len -= part;
		skip -= part;
	}
	sent = writev(connection->fd, parts, 3);
	if (sent == -1 && errno != EAGAIN)
		return false;
	if (sent > 0)
		connection->sent += (size_t)sent;
	want_writable(load, connection, connection->sent < connection->wanted);
	return true;
}

static void lose(struct load *load, struct connection *connection)
{
	load->lost++;
	end_connection(load, connection);
}

static bool is_over(const struct load *load, int64_t now_ns)
{
	return load->next > load->last || now_ns >= load->until_ns;
}

static void send_next(struct load *load, struct connection *connection, int64_t due_ns)
{
	make_request(load, connection);
	connection->due_ns = due_ns;
	if (!send_rest(load, connection))
		lose(load, connection);
}

/* Open loop: what is due goes out, as long as a connection is free for it. */
static void send_due(struct load *load, int64_t now_ns)
{
	while (load->idle && load->next_due_ns <= now_ns && !is_over(load, load->next_due_ns)) {
		struct connection *connection = load->idle;

		load->idle = connection->idle_next;
		send_next(load, connection, load->next_due_ns);
		load->next_due_ns += load->interval_ns;
	}
}

static void on_free(struct load *load, struct connection *connection, int64_t now_ns)
{
	connection->order = 0;
	if (load->interval_ns) {
		connection->idle_next = load->idle;
		load->idle = connection;
	} else if (is_over(load, now_ns)) {
		end_connection(load, connection);
	} else {
		send_next(load, connection, now_ns);
	}
}

static void on_answer(struct load *load, struct connection *connection, int status, bool duplicate)
{
	int64_t now_ns = clock_monotonic_ns();

	histogram_add(&load->latencies, now_ns - connection->due_ns);
	if (status != 202) {
		load->refused++;
	} else if (duplicate) {
		load->duplicates++;
	} else {
		load->acknowledged++;
		if (load->acked)
			fprintf(load->acked, "%s%" PRIu64 "\n", load->prefix, connection->order);
	}
	on_free(load, connection, now_ns);
}

/* Whether an answer is complete; then what it says. */
static bool read_answer(struct connection *connection, int *status, bool *duplicate)
{
	const char *end, *length;

	connection->answer[connection->got] = '\0';
	end = strstr(connection->answer, "\r\n\r\n");
	if (!end || connection->got < 12)
		return false;
	length = strcasestr(connection->answer, "content-length:");
	if (length && length < end &&
		connection->got < (size_t)(end + 4 - connection->answer) + strtoul(length + 15, NULL, 10))
		return false;
	*status = (int)strtol(connection->answer + 9, NULL, 10);
	*duplicate = strstr(end, "\"duplicate\":true") != NULL;
	return true;
}

static void on_readable(struct load *load, struct connection *connection)
{
	ssize_t got = read(connection->fd, connection->answer + connection->got, ANSWER_MAX - 1 - connection->got);
	bool duplicate;
	int status;

	if (got == -1 && errno == EAGAIN)
		return;
	if (got <= 0) {
		lose(load, connection);
		return;
	}
	connection->got += (size_t)got;
	if (connection->order && read_answer(connection, &status, &duplicate))
		on_answer(load, connection, status, duplicate);
}

static void connect_all(struct load *load, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	const int on = 1;

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	for (size_t i = 0; i < load->connection_count; i++) {
		struct connection *connection = &load->connections[i];
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

		connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connection->fd == -1 ||
			connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
			fcntl(connection->fd, F_SETFL, O_NONBLOCK) == -1 ||
			setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == -1 ||
			epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event) == -1) {
			fprintf(stderr, "load: connection %zu to port %d: %s\n", i, port, strerror(errno));
			exit(EXIT_FAILURE);
		}
		load->open++;
	}
}

/* Nanoseconds that may be slept; -1: until something comes. */
static int64_t sleep_ns(const struct load *load, int64_t now_ns)
{
	int64_t until_ns = load->until_ns + 5 * NS_PER_S; /* after which what is owed is given up */

	if (load->interval_ns && load->idle && !is_over(load, load->next_due_ns))
		until_ns = load->next_due_ns;
	return until_ns - now_ns > GRAIN_NS ? until_ns - now_ns : GRAIN_NS;
}

/* Open loop only: the last answers are in. */
static bool is_done(const struct load *load, int64_t now_ns)
{
	if (now_ns > load->until_ns + 5 * NS_PER_S)
		return true;
	if (!load->interval_ns || !is_over(load, load->next_due_ns))
		return false;
	for (size_t i = 0; i < load->connection_count; i++)
		if (load->connections[i].fd != -1 && load->connections[i].order)
			return false;
	return true;
}

static void run(struct load *load)
{
	struct epoll_event events[EVENTS_MAX];
	int64_t now_ns = clock_monotonic_ns();

	for (size_t i = 0; i < load->connection_count; i++)
		on_free(load, &load->connections[i], now_ns);
	while (load->open && !is_done(load, now_ns)) {
		int64_t wait_ns = sleep_ns(load, now_ns);
		struct timespec wait = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};
		int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &wait, NULL);

		if (count == -1 && errno != EINTR)
			PANIC("epoll_pwait2: %s", strerror(errno));
		for (int i = 0; i < count; i++) {
			struct connection *connection = events[i].data.ptr;

			if (connection->fd != -1 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				on_readable(load, connection);
			if (connection->fd != -1 && connection->writing && events[i].events & EPOLLOUT &&
				!send_rest(load, connection))
				lose(load, connection);
		}
		now_ns = clock_monotonic_ns();
		if (load->interval_ns)
			send_due(load, now_ns);
	}
}

static void report(const struct load *load)
{
	double seconds = (double)(clock_monotonic_ns() - load->started_ns) / 1e9;

	printf("{\"acknowledged\":%" PRIu64 ",\"duplicates\":%" PRIu64 ",\"refused\":%" PRIu64
	       ",\"connections_lost\":%" PRIu64 ",\"seconds\":%.3f,\"per_second\":%.0f,",
		load->acknowledged, load->duplicates, load->refused, load->lost, seconds,
		(double)load->acknowledged / seconds);
	printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f}\n",
		histogram_ms(&load->latencies, 0.5), histogram_ms(&load->latencies, 0.99),
		histogram_ms(&load->latencies, 0.999), histogram_ms(&load->latencies, 1));
}

static const char usage[] =
	"Usage: load --port PORT [--path /in/shop] [--connections N] [--seconds N] [--messages N] [--first N]\n"
	"            [--rate N] [--prefix TEXT] [--secret TEXT] [--bytes N] [--acked FILE]\n"
	"Sends orders signed as Shopify signs them and prints what came of them as one JSON object. With --rate: so "
	"many\n"
	"a second, whatever the answers do.\n";

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || value < 0) {
		fprintf(stderr, "load: '%s' is not a number\n%s", text, usage);
		exit(64);
	}
	return value;
}

struct settings {
	long port, connections, seconds, messages, first, rate;
};

static void read_options(struct load *load, struct settings *settings, int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
		{"path", required_argument, NULL, 'u'}, {"connections", required_argument, NULL, 'c'},
		{"seconds", required_argument, NULL, 's'}, {"messages", required_argument, NULL, 'm'},
		{"first", required_argument, NULL, 'f'}, {"prefix", required_argument, NULL, 'x'},
		{"secret", required_argument, NULL, 'k'}, {"bytes", required_argument, NULL, 'b'},
		{"acked", required_argument, NULL, 'a'}, {"rate", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			settings->port = number(optarg);
			break;
		case 'u':
			load->path = optarg;
			break;
		case 'c':
			settings->connections = number(optarg);
			break;
		case 's':
			settings->seconds = number(optarg);
			break;
		case 'm':
			settings->messages = number(optarg);
			break;
		case 'f':
			settings->first = number(optarg);
			break;
		case 'r':
			settings->rate = number(optarg);
			break;
		case 'x':
			load->prefix = optarg;
			break;
		case 'k':
			load->secret = optarg;
			break;
		case 'b':
			load->body_bytes = (size_t)number(optarg);
			break;
		case 'a':
			load->acked = fopen(optarg, "a");
			break;
		default:
			fputs(usage, option == 'h' ? stdout : stderr);
			exit(option == 'h' ? 0 : 64);
		}
	}
	if (settings->port == 0 || settings->connections == 0 || settings->connections > CONNECTIONS_MAX ||
		settings->rate > NS_PER_S || load->body_bytes > BODY_MAX) {
		fputs(usage, stderr);
		exit(64);
	}
}

int main(int argc, char **argv)
{
	static struct load load = {.path = "/in/shop", .secret = "secret", .prefix = "L", .body_bytes = 1024};
	struct settings settings = {.connections = 64, .seconds = 3600, .messages = 1000 * 1000 * 1000, .first = 1};

	read_options(&load, &settings, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (load.acked)
		setvbuf(load.acked, NULL, _IOLBF, 0);
	load.connection_count = (size_t)settings.connections;
	load.connections = calloc(load.connection_count, sizeof(*load.connections));
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!load.connections || load.epoll == -1)
		return EXIT_FAILURE;
	make_body(&load);
	load.next = (uint64_t)settings.first;
	load.last = (uint64_t)(settings.first + settings.messages - 1);
	connect_all(&load, (int)settings.port);
	load.started_ns = clock_monotonic_ns();
	load.until_ns = load.started_ns + settings.seconds * NS_PER_S;
	load.next_due_ns = load.started_ns;
	load.interval_ns = settings.rate ? NS_PER_S / settings.rate : 0;
	run(&load);
	if (load.acked)
		fclose(load.acked);
	report(&load);
	free(load.connections);
	free(load.body);
	return 0;
}
