/*
 * intake.c: see intake.h. Listeners, the limit on connections, start and stop; the work is done in connection.c,
 * request.c, exchange.c and drop.c.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "base/clock.h"
#include "intake/server.h"

#define SWEEP_NS (100 * NS_PER_MS)
#define ACCEPT_BACKLOG 1024

static void start_sweep(struct intake *intake)
{
	if (intake->sweep.due_ns == 0)
		loop_timer_set(&intake->sweep, SWEEP_NS);
}

static void resume_listening(struct intake *intake)
{
	if (!intake->listening_paused || intake->stopping)
		return;
	intake->listening_paused = false;
	for (size_t i = 0; i < intake->listener_count; i++)
		evconnlistener_enable(intake->listeners[i].socket);
}

static void on_sweep(void *argument)
{
	struct intake *intake = argument;
	int64_t now_ns = clock_monotonic_ns();

	exchanges_sweep(intake, now_ns);
	connections_sweep(intake, now_ns);
	resume_listening(intake);
	if (intake->connection_count || intake->listening_paused)
		start_sweep(intake);
}

/* More connections than configured, and all of them are at work. */
static void turn_away(const struct listener *listener, evutil_socket_t fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
				     "Connection: close\r\n\r\n";

	/* Best effort: it fits into the empty send buffer of a new socket */
	if (!listener->tls && send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) != -1)
		shutdown(fd, SHUT_WR);
	evutil_closesocket(fd);
}

static void on_accept(
	struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *peer, int peer_length, void *argument)
{
	struct listener *listener = argument;
	struct intake *intake = listener->intake;

	(void)socket;
	(void)peer;
	(void)peer_length;
	if (intake->connection_count >= (size_t)intake->conf->connections_max &&
		!connections_evict(intake, clock_monotonic_ns())) {
		turn_away(listener, fd);
		return;
	}
	connection_open(intake, listener, fd);
	start_sweep(intake);
}

/* accept() fails: no descriptors or no memory. Without a pause the loop would spin on it. */
static void on_accept_error(struct evconnlistener *socket, void *argument)
{
	struct listener *listener = argument;
	struct intake *intake = listener->intake;
	int number = EVUTIL_SOCKET_ERROR();

	(void)socket;
	if (connections_evict(intake, clock_monotonic_ns()))
		return;
	log_warn("connections can't be accepted for a moment", log_text("reason", strerror(number)));
	intake->listening_paused = true;
	for (size_t i = 0; i < intake->listener_count; i++)
		evconnlistener_disable(intake->listeners[i].socket);
	start_sweep(intake);
}

static void note_address(struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char host[48] = "";
	unsigned port = 0;

	if (getsockname(evconnlistener_get_fd(listener->socket), (struct sockaddr *)&address, &length) == -1)
		return;
	if (address.ss_family == AF_INET6) {
		const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)&address;

		evutil_inet_ntop(AF_INET6, &ip6->sin6_addr, host, sizeof(host));
		port = ntohs(ip6->sin6_port);
		snprintf(listener->address, sizeof(listener->address), "[%s]:%u", host, port);
	} else {
		const struct sockaddr_in *ip4 = (const struct sockaddr_in *)&address;

		evutil_inet_ntop(AF_INET, &ip4->sin_addr, host, sizeof(host));
		port = ntohs(ip4->sin_port);
		snprintf(listener->address, sizeof(listener->address), "%s:%u", host, port);
	}
}

/* "127.0.0.1:0", "[::1]:8080": numeric, as the configuration has checked. */
static bool read_address(const char *text, struct sockaddr_storage *address, int *length)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	size_t skip = text[0] == '[';
	char host[64];

	if (!colon || colon - text < 2 || (size_t)(colon - text) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text - (ptrdiff_t)(2 * skip)), text + skip);
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return false;
	memcpy(address, found->ai_addr, found->ai_addrlen);
	*length = (int)found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static enum ep_status open_listener(
	struct intake *intake, struct listener *listener, const struct conf_listener *conf, struct error *error)
{
	struct sockaddr_storage address;
	int length;

	listener->intake = intake;
	if (!read_address(conf->address, &address, &length))
		return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "listener %s: not an address and port",
			conf->address);
	if (conf->has_tls) {
		enum ep_status status = tls_create(&listener->tls, &conf->tls, error);

		if (status != EP_OK)
			return status;
	}
	listener->socket = evconnlistener_new_bind(loop_base(intake->loop), on_accept, listener,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE | LEV_OPT_DISABLED, ACCEPT_BACKLOG,
		(struct sockaddr *)&address, length);
	if (!listener->socket)
		return error_set(error, EP_AGAIN, EP_ERR_LISTEN, "listener %s: %s", conf->address, strerror(errno));
	evconnlistener_set_error_cb(listener->socket, on_accept_error);
	note_address(listener);
	return EP_OK;
}

static enum ep_status open_listeners(struct intake *intake, struct error *error)
{
	const struct conf *conf = intake->conf;

	intake->listeners = calloc(conf->listener_count + 1, sizeof(*intake->listeners));
	if (!intake->listeners)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for listeners");
	for (size_t i = 0; i < conf->listener_count; i++) {
		enum ep_status status = open_listener(intake, &intake->listeners[i], &conf->listeners[i], error);

		intake->listener_count++;
		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

enum ep_status intake_create(struct intake **out, const struct intake_options *options, struct error *error)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	struct drops_options drops_options = {.conf = options->conf,
		.loop = options->loop,
		.acceptor = options->acceptor,
		.outcomes = options->outcomes};
	enum ep_status status;

	*out = NULL;
	if (!intake)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for intake");
	/* OpenSSL writes to sockets without MSG_NOSIGNAL: a client that has gone must not end the process */
	signal(SIGPIPE, SIG_IGN);
	intake->conf = options->conf;
	intake->loop = options->loop;
	intake->journal = options->journal;
	intake->acceptor = options->acceptor;
	intake->outcomes = options->outcomes;
	intake->head_max =
		(size_t)intake->conf->header_max < HTTP_HEAD_MAX ? (size_t)intake->conf->header_max : HTTP_HEAD_MAX;
	intake->room = (struct body_room){.journal = options->journal, .memory_max = BODIES_MEMORY_MAX};
	intake->flush_task = (struct loop_task){.run = connections_flush, .argument = intake};
	for (int i = 0; i < PHASES; i++)
		TAILQ_INIT(&intake->phases[i]);
	TAILQ_INIT(&intake->flushes);
	TAILQ_INIT(&intake->waits);
	TAILQ_INIT(&intake->orphans);
	TAILQ_INIT(&intake->exchange_spare);
	buffer_init(&intake->scratch, REPLY_MAX);
	loop_timer_init(&intake->sweep, intake->loop, on_sweep, intake);
	drops_options.room = &intake->room;
	drops_options.sources = &intake->sources;
	status = sources_create(&intake->sources, intake->conf, error);
	if (status == EP_OK)
		status = open_listeners(intake, error);
	if (status == EP_OK)
		status = drops_create(&intake->drops, &drops_options, error);
	if (status != EP_OK) {
		intake_destroy(intake);
		return status;
	}
	*out = intake;
	return EP_OK;
}

enum ep_status intake_keep_headers(struct intake *intake, struct ep_slice source, struct ep_slice headers)
{
	return sources_keep(&intake->sources, source, headers);
}

void intake_start(struct intake *intake)
{
	for (size_t i = 0; i < intake->listener_count; i++)
		evconnlistener_enable(intake->listeners[i].socket);
	drops_start(intake->drops);
}

static void close_listeners(struct intake *intake)
{
	for (size_t i = 0; i < intake->listener_count; i++) {
		if (intake->listeners[i].socket)
			evconnlistener_free(intake->listeners[i].socket);
		intake->listeners[i].socket = NULL;
	}
}

/* Connections on which nothing has begun. */
static void close_idle(struct intake *intake)
{
	struct connection *connection, *next;

	while ((connection = TAILQ_FIRST(&intake->phases[PHASE_IDLE])))
		connection_close(connection);
	for (connection = TAILQ_FIRST(&intake->phases[PHASE_HEAD]); connection; connection = next) {
		next = TAILQ_NEXT(connection, phase_link);
		if (evbuffer_get_length(bufferevent_get_input(connection->stream)) == 0)
			connection_close(connection);
	}
}

void intake_stop(struct intake *intake)
{
	if (intake->stopping)
		return;
	intake->stopping = true;
	close_listeners(intake);
	close_idle(intake);
	exchanges_hurry(intake);
	drops_stop(intake->drops);
}

size_t intake_busy(const struct intake *intake)
{
	const struct connection *connection;
	size_t busy = intake->owed + drops_busy(intake->drops);

	/* Answers that are given but not yet with the system */
	for (int phase = 0; phase < PHASES; phase++)
		for (connection = TAILQ_FIRST(&intake->phases[phase]); connection;
			connection = TAILQ_NEXT(connection, phase_link))
			busy += connection->out.length ||
				evbuffer_get_length(bufferevent_get_output(connection->stream));
	return busy;
}

const char *intake_address(const struct intake *intake, size_t listener)
{
	return listener < intake->listener_count ? intake->listeners[listener].address : "";
}

void intake_destroy(struct intake *intake)
{
	if (!intake)
		return;
	close_listeners(intake);
	for (int phase = 0; phase < PHASES; phase++)
		while (!TAILQ_EMPTY(&intake->phases[phase]))
			connection_close(TAILQ_FIRST(&intake->phases[phase]));
	acceptor_forget(intake->acceptor);
	exchanges_free_orphans(intake);
	drops_destroy(intake->drops);
	while (intake->flush_task.queued) /* the loop still names it */
		loop_run_once(intake->loop, NS_PER_MS);
	loop_timer_end(&intake->sweep);
	exchanges_free_spare(intake);
	receiving_free_spare(intake);
	sources_destroy(&intake->sources);
	for (size_t i = 0; i < intake->listener_count; i++)
		tls_destroy(intake->listeners[i].tls);
	free(intake->listeners);
	buffer_free(&intake->scratch);
	free(intake);
}
