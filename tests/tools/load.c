/*
 * load.c: a load generator: signed orders, each with its own number, over keep-alive connections in a closed loop.
 *
 * Every connection sends a message, waits for its answer, sends the next. The numbers of those that were acknowledged
 * (202, not a duplicate) go to --acked FILE, one a line, each written before the next message is sent, so that the file
 * is true even if the gateway is killed in the middle. Ends after --seconds, --messages, or when every connection is lost.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/text.h"

#define CONNECTIONS_MAX 4096
#define LATENCIES_MAX (4 * 1000 * 1000)

struct load;

struct connection {
	struct load *load;
	struct bufferevent *stream;
	uint64_t order; /* the one under way */
	int64_t sent_ns;
	size_t answer_wanted; /* bytes of the answer's body still to come */
	int status;           /* of the answer under way; 0: head not read yet */
};

struct load {
	struct event_base *base;
	struct connection connections[CONNECTIONS_MAX];
	size_t open;
	uint64_t next, last; /* orders to send: next to last */
	uint64_t acknowledged, refused, lost;
	const char *path, *secret, *prefix;
	FILE *acked;
	int64_t *latencies_ns;
	size_t latency_count;
	int64_t started_ns, until_ns;
	size_t body_bytes;
};

/* An order as Shopify's webhook sends it, padded with a note to body_bytes. */
static int make_order(const struct load *load, uint64_t order, char *body, size_t size)
{
	int used = snprintf(body, size,
		"{\"id\":%" PRIu64 ",\"name\":\"%s%" PRIu64 "\",\"created_at\":\"2026-11-23T10:00:00+08:00\","
		"\"updated_at\":\"2026-11-23T10:00:00+08:00\",\"currency\":\"USD\",\"total_price\":\"%" PRIu64
		".%02" PRIu64 "\","
		"\"financial_status\":\"paid\",\"fulfillment_status\":null,\"test\":false,"
		"\"line_items\":[{\"id\":%" PRIu64 ",\"sku\":\"TEA-%" PRIu64
		"\",\"title\":\"Green tea, 100 g\",\"quantity\":2,\"price\":\"9.90\"}],"
		"\"shipping_address\":{\"country_code\":\"DE\"},\"note\":\"",
		order + 1000000, load->prefix, order, order % 900 + 10, order % 100, order + 5000000, order % 500);

	while (used < (int)load->body_bytes - 2 && used < (int)size - 3)
		body[used++] = 'x';
	body[used++] = '"';
	body[used++] = '}';
	return used;
}

static void send_next(struct connection *connection)
{
	struct load *load = connection->load;
	char body[65536], head[1024], signature[64];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int mac_length = 0;
	int body_length, head_length;

	if (load->next > load->last || clock_monotonic_ns() >= load->until_ns) {
		bufferevent_free(connection->stream);
		connection->stream = NULL;
		if (--load->open == 0)
			event_base_loopbreak(load->base);
		return;
	}
	connection->order = load->next++;
	body_length = make_order(load, connection->order, body, sizeof(body));
	HMAC(EVP_sha256(), load->secret, (int)strlen(load->secret), (unsigned char *)body, (size_t)body_length, mac,
		&mac_length);
	base64_write(mac, mac_length, signature);
	head_length = snprintf(head, sizeof(head),
		"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Shopify-Topic: "
		"orders/create\r\n"
		"X-Shopify-Webhook-Id: %s-%" PRIu64 "\r\nX-Shopify-Hmac-Sha256: %s\r\nContent-Length: %d\r\n\r\n",
		load->path, load->prefix, connection->order, signature, body_length);
	connection->status = 0;
	connection->sent_ns = clock_monotonic_ns();
	evbuffer_add(bufferevent_get_output(connection->stream), head, (size_t)head_length);
	evbuffer_add(bufferevent_get_output(connection->stream), body, (size_t)body_length);
}

static void on_answer(struct connection *connection)
{
	struct load *load = connection->load;

	if (load->latency_count < LATENCIES_MAX)
		load->latencies_ns[load->latency_count++] = clock_monotonic_ns() - connection->sent_ns;
	if (connection->status == 202) {
		load->acknowledged++;
		if (load->acked)
			fprintf(load->acked, "%s%" PRIu64 "\n", load->prefix, connection->order);
	} else {
		load->refused++;
	}
	send_next(connection);
}

/* The status and the length of the body from the answer's head; false until it is whole. */
static bool read_head(struct connection *connection, struct evbuffer *input)
{
	struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
	const char *length;
	char head[4096];
	size_t size;

	if (end.pos == -1)
		return false;
	size = (size_t)end.pos + 4;
	if (size >= sizeof(head) || evbuffer_remove(input, head, size) != (int)size || size < 12)
		exit(EXIT_FAILURE);
	head[size] = '\0';
	connection->status = (int)strtol(head + 9, NULL, 10);
	length = strcasestr(head, "content-length:");
	connection->answer_wanted = length ? strtoul(length + 15, NULL, 10) : 0;
	return true;
}

static void on_read(struct bufferevent *stream, void *argument)
{
	struct connection *connection = argument;
	struct evbuffer *input = bufferevent_get_input(stream);

	if (connection->status == 0 && !read_head(connection, input))
		return;
	if (evbuffer_get_length(input) < connection->answer_wanted)
		return;
	evbuffer_drain(input, connection->answer_wanted);
	on_answer(connection);
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
	struct connection *connection = argument;
	int one = 1;

	if (what & BEV_EVENT_CONNECTED) {
		setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		send_next(connection);
		return;
	}
	connection->load->lost++;
	bufferevent_free(stream);
	connection->stream = NULL;
	if (--connection->load->open == 0)
		event_base_loopbreak(connection->load->base);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_ms(const struct load *load, double share)
{
	size_t at = (size_t)(share * (double)load->latency_count);

	if (load->latency_count == 0)
		return 0;
	if (at >= load->latency_count)
		at = load->latency_count - 1;
	return (double)load->latencies_ns[at] / 1e6;
}

static void report(struct load *load)
{
	double seconds = (double)(clock_monotonic_ns() - load->started_ns) / 1e9;

	qsort(load->latencies_ns, load->latency_count, sizeof(int64_t), compare);
	printf("{\"acknowledged\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"connections_lost\":%" PRIu64
	       ",\"seconds\":%.3f,\"per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f}\n",
		load->acknowledged, load->refused, load->lost, seconds, (double)load->acknowledged / seconds,
		percentile_ms(load, 0.5), percentile_ms(load, 0.99), percentile_ms(load, 0.999));
}

static void connect_all(struct load *load, int port, size_t count)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	for (size_t i = 0; i < count; i++) {
		struct connection *connection = &load->connections[i];

		connection->load = load;
		connection->stream = bufferevent_socket_new(load->base, -1, BEV_OPT_CLOSE_ON_FREE);
		bufferevent_setcb(connection->stream, on_read, NULL, on_event, connection);
		bufferevent_enable(connection->stream, EV_READ | EV_WRITE);
		load->open++;
		if (bufferevent_socket_connect(connection->stream, (struct sockaddr *)&address, sizeof(address)) ==
			-1) {
			fprintf(stderr, "load: port %d: %s\n", port, strerror(errno));
			exit(EXIT_FAILURE);
		}
	}
}

static const char usage[] =
	"Usage: load --port PORT [--path /in/shop] [--connections N] [--seconds N] [--messages N] [--first N]\n"
	"            [--prefix TEXT] [--secret TEXT] [--bytes N] [--acked FILE]\n"
	"Sends orders signed as Shopify signs them and prints what came of them as one JSON object.\n";

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

int main(int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
		{"path", required_argument, NULL, 'u'}, {"connections", required_argument, NULL, 'c'},
		{"seconds", required_argument, NULL, 's'}, {"messages", required_argument, NULL, 'm'},
		{"first", required_argument, NULL, 'f'}, {"prefix", required_argument, NULL, 'x'},
		{"secret", required_argument, NULL, 'k'}, {"bytes", required_argument, NULL, 'b'},
		{"acked", required_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	struct load *load = calloc(1, sizeof(*load));
	long port = 0, connections = 64, seconds = 3600, messages = 1000 * 1000 * 1000, first = 1;
	int option;

	if (!load || !(load->latencies_ns = malloc(LATENCIES_MAX * sizeof(int64_t))))
		return EXIT_FAILURE;
	load->path = "/in/shop";
	load->secret = "secret";
	load->prefix = "L";
	load->body_bytes = 1024;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			port = number(optarg);
			break;
		case 'u':
			load->path = optarg;
			break;
		case 'c':
			connections = number(optarg);
			break;
		case 's':
			seconds = number(optarg);
			break;
		case 'm':
			messages = number(optarg);
			break;
		case 'f':
			first = number(optarg);
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
			return option == 'h' ? 0 : 64;
		}
	}
	if (port == 0 || connections == 0 || connections > CONNECTIONS_MAX || load->body_bytes > 60000) {
		fputs(usage, stderr);
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	if (load->acked)
		setvbuf(load->acked, NULL, _IOLBF, 0);
	load->next = (uint64_t)first;
	load->last = (uint64_t)(first + messages - 1);
	load->base = event_base_new();
	load->started_ns = clock_monotonic_ns();
	load->until_ns = load->started_ns + seconds * NS_PER_S;
	connect_all(load, (int)port, (size_t)connections);
	event_base_dispatch(load->base);
	if (load->acked)
		fclose(load->acked);
	report(load);
	return 0;
}
