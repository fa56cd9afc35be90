/*
 * request.c: a request as it comes in: whom it is for, who sends it, its body, and how it is refused. See server.h.
 *
 * Order of refusals: what the path and method say, then who sends, then what is sent, then whether there is room. So
 * nobody learns of a source's limits who could not be its sender.
 */
#include <stdlib.h>

#include <entrepot/helpers.h>

#include "base/text.h"
#include "intake/route.h"
#include "intake/server.h"

#define DISCARD_MAX ((uint64_t)64 * 1024) /* bytes of a refused body that are read so that the connection can stay */
#define UNKNOWN_BODY_MAX ((uint64_t)64 * 1024 * 1024) /* the default: a source that doesn't exist has it too */
#define IDEMPOTENCY_KEY_MAX 255
#define RETRY_BUSY_S 1
#define RETRY_STOPPING_S 5
#define RETRY_DISK_S 30

static const struct problem unauthorized = {
	.status = 401, .code = EP_ERR_UNAUTHORIZED, .text = "unknown source, or the sender could not be verified"};
static const struct problem too_large = {
	.status = 413, .code = EP_ERR_BODY_TOO_LARGE, .text = "the body is larger than this source accepts"};
const struct problem problem_stopping = {
	.status = 503, .code = EP_ERR_STOPPING, .text = "the gateway is stopping", .retry_after_s = RETRY_STOPPING_S};

enum ep_status receiving_take(struct connection *connection)
{
	struct intake *intake = connection->intake;
	struct receiving *receiving = intake->receiving_spare;

	if (receiving) {
		intake->receiving_spare = receiving->next;
		intake->receiving_spare_count--;
	} else {
		receiving = calloc(1, sizeof(*receiving));
		if (!receiving)
			return EP_NO_MEMORY;
		if (http_head_create(&receiving->head, intake->head_max) != EP_OK) {
			free(receiving);
			return EP_NO_MEMORY;
		}
		body_create(&receiving->body, &intake->room);
	}
	receiving->exchange = NULL;
	receiving->discard = false;
	connection->receiving = receiving;
	return EP_OK;
}

static void receiving_destroy(struct receiving *receiving)
{
	body_destroy(&receiving->body);
	http_head_destroy(receiving->head);
	free(receiving);
}

void receiving_release(struct connection *connection)
{
	struct intake *intake = connection->intake;
	struct receiving *receiving = connection->receiving;

	connection->receiving = NULL;
	if (!receiving)
		return;
	if (intake->receiving_spare_count == RECEIVING_SPARE_MAX) {
		receiving_destroy(receiving);
		return;
	}
	body_begin(&receiving->body); /* gives up what it holds */
	receiving->next = intake->receiving_spare;
	intake->receiving_spare = receiving;
	intake->receiving_spare_count++;
}

void receiving_free_spare(struct intake *intake)
{
	while (intake->receiving_spare) {
		struct receiving *receiving = intake->receiving_spare;

		intake->receiving_spare = receiving->next;
		receiving_destroy(receiving);
	}
}

/* GET. */
static void answer_outcome(struct connection *connection, struct exchange *exchange, const struct route *route)
{
	static const struct problem not_found = {
		.status = 404, .code = EP_ERR_NOT_FOUND, .text = "there is no such message for this sender"};
	struct intake *intake = connection->intake;
	const struct source *source = sources_find(&intake->sources, route->source);
	struct outcome outcome;
	uint8_t id[16];

	if (!verify_reader(source ? source->verifier : intake->sources.nobody, connection->receiving->head)) {
		exchange_answer_problem(exchange, &unauthorized);
		return;
	}
	if (route->id.length != 32 || hex_read(route->id, id, sizeof(id)) != EP_OK ||
		intake->outcomes->find(intake->outcomes->self, id, &outcome) != EP_OK ||
		!ep_slice_equal(outcome.source, source->name)) {
		exchange_answer_problem(exchange, &not_found);
		return;
	}
	exchange_answer_outcome(exchange, &outcome);
}

/* NULL: it may send. Sets who it is for. */
static const struct problem *check_sender(
	struct connection *connection, struct receiving *receiving, const struct route *route)
{
	struct intake *intake = connection->intake;
	const struct source *source = sources_find(&intake->sources, route->source);

	receiving->exchange->source = source;
	receiving->body_max = source ? (uint64_t)source->conf->body_max : UNKNOWN_BODY_MAX;
	if (verify_begin(&receiving->verification, source ? source->verifier : intake->sources.nobody, receiving->head,
		    connection->tls) == VERIFY_REFUSED)
		return &unauthorized;
	return NULL;
}

static const struct problem *check_message(const struct http_head *head, uint64_t body_max)
{
	static const struct problem expectation = {
		.status = 417, .code = EP_ERR_EXPECTATION, .text = "only Expect: 100-continue is known"};
	static const struct problem no_length = {
		.status = 411, .code = EP_ERR_LENGTH_REQUIRED, .text = "Content-Length or chunks are needed"};
	static const struct problem bad_key = {.status = 400,
		.code = EP_ERR_BAD_REQUEST,
		.text = "one Idempotency-Key of at most 255 bytes may be given"};
	uint32_t keys;
	struct ep_slice key = http_header(head, EP_SAY("idempotency-key"), &keys);

	if (head->expects_other)
		return &expectation;
	if (!head->has_length && !head->chunked)
		return &no_length;
	if (head->has_length && head->content_length > body_max)
		return &too_large;
	if (keys > 1 || key.length > IDEMPOTENCY_KEY_MAX)
		return &bad_key;
	return NULL;
}

static const struct problem *check_room(struct intake *intake, const struct source *source)
{
	static const struct problem busy = {.status = 429,
		.code = EP_ERR_BUSY,
		.text = "the source sends faster than it is processed",
		.retry_after_s = RETRY_BUSY_S};
	static const struct problem disk_full = {.status = 503,
		.code = EP_ERR_DISK_FULL,
		.text = "there is no room to accept more",
		.retry_after_s = RETRY_DISK_S};

	if (journal_accepts(intake->journal) != EP_OK)
		return &disk_full;
	if (intake->outcomes->admits(intake->outcomes->self, source->name) != EP_OK)
		return &busy;
	return NULL;
}

/* Answers a request whose body has not been read. A short one is read first, so that the connection can stay. */
static void refuse_early(struct connection *connection, const struct problem *problem)
{
	struct receiving *receiving = connection->receiving;
	const struct http_head *head = receiving->head;

	if (!head->chunked && head->content_length <= DISCARD_MAX && !head->expects_continue) {
		receiving->discard = true;
		receiving->problem = *problem;
		return;
	}
	connection->closing = true;
	exchange_answer_problem(receiving->exchange, problem);
	receiving_release(connection);
}

static const struct problem *check_post(struct connection *connection, const struct route *route)
{
	struct receiving *receiving = connection->receiving;
	const struct problem *problem = check_sender(connection, receiving, route);

	if (!problem)
		problem = check_message(receiving->head, receiving->body_max);
	if (!problem)
		problem = check_room(connection->intake, receiving->exchange->source);
	return problem;
}

static void begin_post(struct connection *connection, const struct route *route)
{
	struct receiving *receiving = connection->receiving;
	const struct problem *problem = check_post(connection, route);

	if (problem) {
		refuse_early(connection, problem);
		return;
	}
	receiving->exchange->wait_s = route_wait(receiving->head, WAIT_MAX_S);
	receiving->exchange->owes_continue = receiving->head->expects_continue;
	if (receiving->exchange->owes_continue)
		exchange_advance(connection);
}

void request_begin(struct connection *connection)
{
	static const struct problem no_path = {
		.status = 404, .code = EP_ERR_NO_SUCH_PATH, .text = "POST messages to /in/<source>"};
	struct receiving *receiving = connection->receiving;
	const struct http_head *head = receiving->head;
	struct route route = route_find(head);
	struct problem problem;

	receiving->exchange = exchange_create(connection);
	if (!receiving->exchange) {
		connection->out.failed = EP_NO_MEMORY;
		return;
	}
	receiving->exchange->http_1_0 = head->http_1_0;
	receiving->exchange->keep_alive = head->keep_alive;
	receiving->exchange->head_only = head->verb == HTTP_VERB_HEAD;
	http_body_begin(&receiving->framing, head);
	body_begin(&receiving->body);
	verify_nothing(&receiving->verification);
	if (route.kind == ROUTE_NONE) {
		refuse_early(connection, &no_path);
	} else if (!route.method_fits) {
		problem = (struct problem){
			.status = 405, .code = EP_ERR_METHOD, .text = "not with this method", .allow = route.allow};
		refuse_early(connection, &problem);
	} else if (connection->intake->stopping) {
		connection->closing = true;
		refuse_early(connection, &problem_stopping);
	} else if (route.kind == ROUTE_POST_MESSAGE) {
		begin_post(connection, &route);
	} else if (head->chunked || head->content_length > DISCARD_MAX) {
		refuse_early(connection, &too_large);
	}
	/* GET is answered when its body, which it should not have, has been read and dropped */
}

static void refuse_body(struct connection *connection, const struct problem *problem)
{
	struct receiving *receiving = connection->receiving;

	connection->closing = true;
	exchange_answer_problem(receiving->exchange, problem);
	receiving_release(connection);
}

void request_body(struct connection *connection, struct ep_slice piece)
{
	struct receiving *receiving = connection->receiving;
	struct error error = {.code = EP_ERR_INTERNAL};
	struct problem problem;
	enum ep_status status;

	verify_update(&receiving->verification, piece);
	if (receiving->discard || !receiving->exchange->source)
		return;
	if (piece.length > receiving->body_max - receiving->body.length) {
		refuse_body(connection, &too_large);
		return;
	}
	status = body_append(&receiving->body, piece, &error);
	if (status == EP_OK)
		return;
	problem = exchange_problem_of(connection->intake, status, &error);
	refuse_body(connection, &problem);
}

static void accept_message(struct connection *connection)
{
	struct intake *intake = connection->intake;
	struct receiving *receiving = connection->receiving;
	struct exchange *exchange = receiving->exchange;
	struct acceptance acceptance = {
		.source = exchange->source->conf, .spool_fd = -1, .done = exchange_on_receipt, .argument = exchange};
	struct message *message = &acceptance.message;

	body_finish(&receiving->body, message->sha256);
	message->body_length = receiving->body.length;
	message->body = body_bytes(&receiving->body);
	source_fill_message(&intake->sources, exchange->source, receiving->head, &receiving->body, message);
	acceptance.spool_fd = body_take_spool(&receiving->body);
	exchange->state = EXCHANGE_WANTS_RECEIPT;
	acceptor_accept(intake->acceptor, &acceptance);
}

void request_end(struct connection *connection)
{
	struct receiving *receiving = connection->receiving;
	struct exchange *exchange = receiving->exchange;
	bool verified = verify_finish(&receiving->verification);
	struct route route;

	exchange->owes_continue = false; /* the client didn't wait for it */
	if (!exchange->keep_alive)
		connection->closing = true;
	if (receiving->discard) {
		exchange_answer_problem(exchange, &receiving->problem);
	} else if (receiving->head->verb != HTTP_VERB_POST) {
		route = route_find(receiving->head);
		answer_outcome(connection, exchange, &route);
	} else if (!verified) {
		exchange_answer_problem(exchange, &unauthorized);
	} else {
		accept_message(connection);
	}
	receiving_release(connection);
}

void request_refuse(struct connection *connection, const struct problem *problem)
{
	struct receiving *receiving = connection->receiving;
	struct exchange *exchange = receiving ? receiving->exchange : NULL;

	connection->closing = true;
	if (!exchange)
		exchange = exchange_create(connection);
	if (exchange)
		exchange_answer_problem(exchange, problem);
	else
		connection->out.failed = EP_NO_MEMORY;
	receiving_release(connection);
}
