/*
 * connection.c: the bytes of a connection. See server.h.
 *
 * Every connection stands in the list of its phase, in the order in which it got there; all of a phase have the same
 * time, so only the heads of the lists are looked at. What a connection answers is collected and written at the end of
 * the loop's pass, straight to the socket; the bufferevent's own output is used only for what the socket doesn't take,
 * and for TLS. Connections are closed from events, sweeps and the end of the pass, never while a request is worked on.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "intake/server.h"

#define READ_MAX ((size_t)64 * 1024)   /* bytes of one read */
#define INPUT_MAX ((size_t)128 * 1024) /* bytes read and not yet worked on */
#define PROGRESS_BYTES 1024            /* of a body in body_timeout: less is no progress */
#define LINGER_NS (2 * NS_PER_S)
#define OUT_KEEP_MAX ((size_t)16 * 1024)
#define EVICT_HEAD_NS NS_PER_S /* a head, a body that has not moved for so long may be given up for a new connection */
#define EVICT_BODY_NS (5 * NS_PER_S)
#define STOPPING_NS                                                                                                    \
	NS_PER_S /* a gateway that stops waits for a request under way no longer than this without progress */

static void move_to(struct connection *connection, enum phase phase)
{
	struct intake *intake = connection->intake;

	if (phase == connection->phase && !connection->fresh_phase)
		return;
	TAILQ_REMOVE(&intake->phases[connection->phase], connection, phase_link);
	connection->phase = phase;
	connection->phase_since_ns = clock_monotonic_ns();
	connection->fresh_phase = false;
	connection->progress = 0;
	TAILQ_INSERT_TAIL(&intake->phases[phase], connection, phase_link);
}

static size_t output_length(const struct connection *connection)
{
	return connection->out.length + evbuffer_get_length(bufferevent_get_output(connection->stream));
}

/* Whether the next head may be read: a client that doesn't take its answers is read no further. */
static bool may_begin(const struct connection *connection)
{
	return !connection->closing && connection->exchange_count < PIPELINE_MAX &&
	       output_length(connection) < BACKLOG_MAX && connection->out.failed == EP_OK;
}

static void settle_phase(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	bool blocked = !connection->receiving && !may_begin(connection);

	if (connection->phase == PHASE_LINGER)
		return;
	if (blocked)
		bufferevent_disable(connection->stream, EV_READ);
	else if (!(bufferevent_get_enabled(connection->stream) & EV_READ) && !connection->ended)
		bufferevent_enable(connection->stream, EV_READ);
	if (connection->receiving)
		move_to(connection, PHASE_BODY);
	else if (blocked)
		move_to(connection, PHASE_BUSY);
	else if (evbuffer_get_length(input) || !connection->used)
		move_to(connection, PHASE_HEAD);
	else
		move_to(connection, connection->exchange_count ? PHASE_BUSY : PHASE_IDLE);
}

static void refuse_fault(struct connection *connection, const struct http_fault *fault)
{
	const struct problem problem = {.status = fault->status,
		.code = fault->code,
		.text = fault->text,
		.allow = fault->status == 405 ? "GET, POST" : NULL};

	request_refuse(connection, &problem);
}

/* EP_OK: something was done; EP_AGAIN: more bytes are needed. */
static enum ep_status take_head(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	size_t head_max = connection->intake->head_max, available = evbuffer_get_length(input), length;
	struct http_fault fault = {431, EP_ERR_HEADER_TOO_LARGE, "the head is too large"};
	struct ep_slice data = {NULL, available < head_max ? available : head_max};
	enum ep_status status;

	if (data.length == 0)
		return EP_AGAIN;
	data.data = (const char *)evbuffer_pullup(input, (ssize_t)data.length);
	if (!data.data)
		return EP_AGAIN;
	length = connection->scanned > 1 ? 0 : http_skip_empty_lines(data);
	if (length) {
		evbuffer_drain(input, length);
		connection->scanned = 0;
		return EP_OK;
	}
	status = http_head_find(data, &connection->scanned, &length, &fault);
	if (status == EP_AGAIN && available < head_max)
		return EP_AGAIN;
	connection->scanned = 0;
	connection->used = true;
	if (status == EP_OK) {
		status = receiving_take(connection);
		if (status != EP_OK) {
			connection->out.failed = status;
			return EP_AGAIN;
		}
		data.length = length;
		status = http_head_read(connection->receiving->head, data, &fault);
	}
	if (status != EP_OK) {
		refuse_fault(connection, &fault);
		return EP_OK;
	}
	evbuffer_drain(input, length);
	connection->fresh_phase = true;
	request_begin(connection);
	return EP_OK;
}

/* What came of the body so far must not be borrowed from the input any more. */
static void keep_body(struct connection *connection)
{
	struct error error = {.code = EP_ERR_INTERNAL};
	enum ep_status status = body_settle(&connection->receiving->body, &error);
	struct problem problem;

	if (status == EP_OK)
		return;
	problem = exchange_problem_of(connection->intake, status, &error);
	request_refuse(connection, &problem);
}

/* The framing in one contiguous piece of the input. */
static enum ep_status take_pieces(struct connection *connection, struct ep_slice *rest)
{
	struct http_fault fault;
	struct ep_slice piece;
	enum ep_status status;

	while ((status = http_body_next(&connection->receiving->framing, rest, &piece, &fault)) == EP_OK) {
		request_body(connection, piece);
		if (!connection->receiving)
			return EP_OK; /* refused */
	}
	if (status == EP_END) {
		request_end(connection);
		connection->fresh_phase = true;
	} else if (status == EP_BAD_INPUT) {
		refuse_fault(connection, &fault);
	} else {
		keep_body(connection);
	}
	return status == EP_AGAIN ? EP_AGAIN : EP_OK;
}

static enum ep_status take_body(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	size_t length = evbuffer_get_contiguous_space(input);
	struct ep_slice rest = {NULL, length};
	enum ep_status status;

	if (length)
		rest.data = (const char *)evbuffer_pullup(input, (ssize_t)length);
	status = take_pieces(connection, &rest);
	evbuffer_drain(input, length - rest.length);
	connection->progress += length - rest.length;
	if (connection->progress >= PROGRESS_BYTES)
		connection->fresh_phase = true;
	return status == EP_AGAIN && length ? EP_OK : status;
}

static void process(struct connection *connection)
{
	while (connection->receiving || may_begin(connection)) {
		enum ep_status status = connection->receiving ? take_body(connection) : take_head(connection);

		if (status != EP_OK || connection->out.failed != EP_OK)
			break;
	}
	settle_phase(connection);
}

static void on_readable(struct bufferevent *stream, void *argument)
{
	struct connection *connection = argument;

	if (connection->phase == PHASE_LINGER)
		evbuffer_drain(bufferevent_get_input(stream), SIZE_MAX);
	else
		process(connection);
}

static void on_writable(struct bufferevent *stream, void *argument)
{
	(void)stream;
	connection_wake(argument);
}

/* The client has nothing more to say. What it asked before is still answered. */
static void on_end(struct connection *connection)
{
	struct exchange *exchange;

	connection->ended = true;
	connection->closing = true;
	if (connection->receiving) {
		exchange = connection->receiving->exchange;
		receiving_release(connection);
		TAILQ_REMOVE(&connection->exchanges, exchange, link);
		connection->exchange_count--;
		exchange_abandon(exchange);
	}
	if (connection->exchange_count == 0 && output_length(connection) == 0)
		connection_close(connection);
	else
		connection_wake(connection);
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
	struct connection *connection = argument;

	(void)stream;
	if (what & BEV_EVENT_CONNECTED)
		return; /* TLS is agreed on */
	if (what & BEV_EVENT_EOF && connection->phase != PHASE_LINGER)
		on_end(connection);
	else
		connection_close(connection);
}

void connection_open(struct intake *intake, struct listener *listener, evutil_socket_t fd)
{
	const struct timeval write_time = {.tv_sec = intake->conf->body_timeout_ns / NS_PER_S,
		.tv_usec = intake->conf->body_timeout_ns % NS_PER_S / NS_PER_US};
	struct event_base *base = loop_base(intake->loop);
	struct connection *connection = calloc(1, sizeof(*connection));
	SSL *tls = connection && listener->tls ? SSL_new(listener->tls) : NULL;
	const int on = 1;

	if (!connection || (listener->tls && !tls))
		goto failed;
	if (tls)
		connection->stream =
			bufferevent_openssl_socket_new(base, fd, tls, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	else
		connection->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!connection->stream)
		goto failed;
	connection->intake = intake;
	connection->fd = fd;
	connection->tls = tls != NULL;
	connection->phase = PHASE_HEAD;
	connection->phase_since_ns = clock_monotonic_ns();
	TAILQ_INIT(&connection->exchanges);
	TAILQ_INSERT_TAIL(&intake->phases[PHASE_HEAD], connection, phase_link);
	buffer_init(&connection->out, OUT_MAX);
	intake->connection_count++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (tls)
		bufferevent_openssl_set_allow_dirty_shutdown(connection->stream, 1);
	bufferevent_setcb(connection->stream, on_readable, on_writable, on_event, connection);
	bufferevent_set_timeouts(connection->stream, NULL, &write_time);
	bufferevent_set_max_single_read(connection->stream, READ_MAX);
	bufferevent_setwatermark(connection->stream, EV_READ, 0, INPUT_MAX);
	bufferevent_enable(connection->stream, EV_READ); /* writing is enabled from the start */
	return;
failed:
	SSL_free(tls);
	free(connection);
	evutil_closesocket(fd);
}

void connection_close(struct connection *connection)
{
	struct intake *intake = connection->intake;
	struct exchange *exchange;

	TAILQ_REMOVE(&intake->phases[connection->phase], connection, phase_link);
	if (connection->flush_queued)
		TAILQ_REMOVE(&intake->flushes, connection, flush_link);
	receiving_release(connection);
	while ((exchange = TAILQ_FIRST(&connection->exchanges))) {
		TAILQ_REMOVE(&connection->exchanges, exchange, link);
		exchange_abandon(exchange);
	}
	bufferevent_free(connection->stream);
	buffer_free(&connection->out);
	intake->connection_count--;
	free(connection);
}

void connection_wake(struct connection *connection)
{
	struct intake *intake = connection->intake;

	if (connection->flush_queued)
		return;
	connection->flush_queued = true;
	TAILQ_INSERT_TAIL(&intake->flushes, connection, flush_link);
	loop_task_queue(intake->loop, &intake->flush_task);
}

/* false: the connection is broken. */
static bool write_out(struct connection *connection)
{
	struct buffer *out = &connection->out;
	ssize_t sent = 0;

	if (!connection->tls && evbuffer_get_length(bufferevent_get_output(connection->stream)) == 0) {
		sent = send(connection->fd, out->data, out->length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == -1 && errno != EAGAIN && errno != EINTR)
			return false;
		if (sent == -1)
			sent = 0;
	}
	if ((size_t)sent < out->length &&
		bufferevent_write(connection->stream, out->data + sent, out->length - (size_t)sent) == -1)
		return false;
	buffer_clear(out);
	if (out->capacity > OUT_KEEP_MAX)
		buffer_free(out);
	return true;
}

/*
 * All is said. Closing now, with bytes of the client unread, would reset the connection and might take the answer with
 * it; so only our side is closed, and what still comes is dropped for a while.
 */
static void begin_linger(struct connection *connection)
{
	SSL *tls = connection->tls ? bufferevent_openssl_get_ssl(connection->stream) : NULL;

	if (connection->ended) {
		connection_close(connection);
		return;
	}
	if (tls)
		SSL_shutdown(tls);
	shutdown(connection->fd, SHUT_WR);
	evbuffer_drain(bufferevent_get_input(connection->stream), SIZE_MAX);
	move_to(connection, PHASE_LINGER);
	bufferevent_enable(connection->stream, EV_READ);
}

static void flush(struct connection *connection)
{
	if (connection->out.failed != EP_OK || (connection->out.length && !write_out(connection))) {
		connection_close(connection);
		return;
	}
	if (connection->phase == PHASE_LINGER)
		return;
	process(connection);
	if (connection->closing && !connection->receiving && connection->exchange_count == 0 &&
		output_length(connection) == 0)
		begin_linger(connection);
}

void connections_flush(void *argument)
{
	struct intake *intake = argument;
	struct connection *connection;

	while ((connection = TAILQ_FIRST(&intake->flushes))) {
		TAILQ_REMOVE(&intake->flushes, connection, flush_link);
		connection->flush_queued = false;
		flush(connection);
	}
}

static void on_phase_timeout(struct connection *connection)
{
	static const struct problem timeout = {
		.status = 408, .code = EP_ERR_TIMEOUT, .text = "the request took too long to arrive"};
	bool has_begun = connection->receiving || evbuffer_get_length(bufferevent_get_input(connection->stream));

	if (connection->phase == PHASE_IDLE || connection->phase == PHASE_LINGER || !has_begun) {
		connection_close(connection);
		return;
	}
	request_refuse(connection, connection->intake->stopping ? &problem_stopping : &timeout);
	settle_phase(connection);
}

/* How long a connection may be in the phase; 0: as long as it takes. */
static int64_t time_of(const struct intake *intake, enum phase phase)
{
	const int64_t times[PHASES] = {[PHASE_IDLE] = intake->conf->idle_timeout_ns,
		[PHASE_HEAD] = intake->conf->header_timeout_ns,
		[PHASE_BODY] = intake->conf->body_timeout_ns,
		[PHASE_LINGER] = LINGER_NS};

	return intake->stopping && times[phase] > STOPPING_NS ? STOPPING_NS : times[phase];
}

void connections_sweep(struct intake *intake, int64_t now_ns)
{
	for (int phase = 0; phase < PHASES; phase++) {
		const int64_t time_ns = time_of(intake, phase);
		struct connection *connection;

		while (time_ns && (connection = TAILQ_FIRST(&intake->phases[phase])) &&
			now_ns - connection->phase_since_ns >= time_ns)
			on_phase_timeout(connection);
	}
}

bool connections_evict(struct intake *intake, int64_t now_ns)
{
	static const struct {
		enum phase phase;
		int64_t age_ns;
	} order[] = {{PHASE_LINGER, 0}, {PHASE_IDLE, 0}, {PHASE_HEAD, EVICT_HEAD_NS}, {PHASE_BODY, EVICT_BODY_NS}};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct connection *oldest = TAILQ_FIRST(&intake->phases[order[i].phase]);

		if (oldest && now_ns - oldest->phase_since_ns >= order[i].age_ns) {
			connection_close(oldest);
			return true;
		}
	}
	return false;
}
