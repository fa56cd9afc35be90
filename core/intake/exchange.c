/*
 * exchange.c: the answers of a connection's requests: receipts, outcomes, problems, each in its turn. See server.h.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "intake/server.h"
#include "record/schema.h"

#define STOPPING_WAIT_NS (500 * NS_PER_MS)
#define COMPLAINT_NS (10 * NS_PER_S)
#define RETRY_BUSY_S 1
#define RETRY_DISK_S 30

struct exchange *exchange_create(struct connection *connection)
{
	struct intake *intake = connection->intake;
	struct exchange *exchange = TAILQ_FIRST(&intake->exchange_spare);
	struct buffer answer;

	if (exchange) {
		TAILQ_REMOVE(&intake->exchange_spare, exchange, link);
		intake->exchange_spare_count--;
		answer = exchange->answer;
	} else {
		exchange = malloc(sizeof(*exchange));
		if (!exchange)
			return NULL;
		buffer_init(&answer, REPLY_MAX);
	}
	*exchange = (struct exchange){.intake = intake, .connection = connection, .wait_s = -1, .answer = answer};
	TAILQ_INSERT_TAIL(&connection->exchanges, exchange, link);
	connection->exchange_count++;
	intake->owed++;
	return exchange;
}

static void exchange_free(struct exchange *exchange)
{
	struct intake *intake = exchange->intake;

	if (exchange->state != EXCHANGE_ANSWERED)
		intake->owed--;
	if (intake->exchange_spare_count == EXCHANGE_SPARE_MAX) {
		buffer_free(&exchange->answer);
		free(exchange);
		return;
	}
	if (exchange->answer.capacity > 4096)
		buffer_free(&exchange->answer);
	buffer_clear(&exchange->answer);
	TAILQ_INSERT_HEAD(&intake->exchange_spare, exchange, link);
	intake->exchange_spare_count++;
}

void exchanges_free_spare(struct intake *intake)
{
	struct exchange *exchange;

	while ((exchange = TAILQ_FIRST(&intake->exchange_spare))) {
		TAILQ_REMOVE(&intake->exchange_spare, exchange, link);
		buffer_free(&exchange->answer);
		free(exchange);
	}
}

/* Answers ------------------------------------------------------------------------------------------------------- */

/* The first one's answer goes straight to the connection. */
static struct reply_frame frame_of(struct exchange *exchange)
{
	struct connection *connection = exchange->connection;
	bool is_first = TAILQ_FIRST(&connection->exchanges) == exchange;

	if ((connection->closing || exchange->intake->stopping) &&
		TAILQ_LAST(&connection->exchanges, exchange_list) == exchange)
		exchange->keep_alive = false;
	return (struct reply_frame){.out = is_first ? &connection->out : &exchange->answer,
		.scratch = &exchange->intake->scratch,
		.head_only = exchange->head_only,
		.http_1_0 = exchange->http_1_0,
		.keep_alive = exchange->keep_alive};
}

/* Moves the answers whose turn it is to the connection. */
void exchange_advance(struct connection *connection)
{
	struct exchange *exchange;

	while ((exchange = TAILQ_FIRST(&connection->exchanges)) && exchange->state == EXCHANGE_ANSWERED) {
		if (exchange->answer.length)
			(void)buffer_append_slice(&connection->out, buffer_slice(&exchange->answer));
		if (!exchange->keep_alive)
			connection->closing = true;
		TAILQ_REMOVE(&connection->exchanges, exchange, link);
		connection->exchange_count--;
		exchange_free(exchange);
	}
	if (exchange && exchange->owes_continue) {
		exchange->owes_continue = false;
		(void)buffer_append_string(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n");
	}
	connection_wake(connection);
}

/* The answer has been written: `status` says whether that went well. */
static void answered(struct exchange *exchange, enum ep_status status)
{
	struct connection *connection = exchange->connection;

	exchange->state = EXCHANGE_ANSWERED;
	exchange->intake->owed--;
	if (status != EP_OK) /* no memory for it: half an answer is none */
		connection->out.failed = status;
	exchange_advance(connection);
}

void exchange_answer_problem(struct exchange *exchange, const struct problem *problem)
{
	struct reply_frame frame = frame_of(exchange);

	answered(exchange, reply_problem(&frame, problem));
}

static void answer_receipt(struct exchange *exchange)
{
	struct reply_frame frame = frame_of(exchange);

	answered(exchange, reply_receipt(&frame, exchange->source->name, &exchange->receipt, exchange->wait_s));
}

/* Outcomes ------------------------------------------------------------------------------------------------------ */

/* false: there is none yet. */
static bool try_outcome(struct exchange *exchange)
{
	const struct intake_outcomes *outcomes = exchange->intake->outcomes;
	struct outcome outcome;
	struct reply_frame frame;

	if (outcomes->find(outcomes->self, exchange->receipt.message_id, &outcome) != EP_OK ||
		outcome.kind == OUTCOME_PENDING)
		return false;
	frame = frame_of(exchange);
	answered(exchange, reply_outcome(&frame, &outcome, exchange->receipt.duplicate, exchange->wait_s));
	return true;
}

/* GET: what became of the message so far. */
void exchange_answer_outcome(struct exchange *exchange, const struct outcome *outcome)
{
	struct reply_frame frame = frame_of(exchange);

	answered(exchange, reply_outcome(&frame, outcome, false, -1));
}

static void on_outcome(void *argument)
{
	struct exchange *exchange = argument;

	TAILQ_REMOVE(&exchange->intake->waits, exchange, wait_link);
	if (!try_outcome(exchange))
		answer_receipt(exchange);
}

/* A gateway that stops gives outcomes that come soon, and doesn't wait for the others. */
static void shorten_wait(struct exchange *exchange)
{
	int64_t until_ns = clock_monotonic_ns() + STOPPING_WAIT_NS;

	if (exchange->wait_until_ns > until_ns)
		exchange->wait_until_ns = until_ns;
}

void exchanges_hurry(struct intake *intake)
{
	struct exchange *exchange;

	for (exchange = TAILQ_FIRST(&intake->waits); exchange; exchange = TAILQ_NEXT(exchange, wait_link))
		shorten_wait(exchange);
}

static void begin_wait(struct exchange *exchange)
{
	const struct intake_outcomes *outcomes = exchange->intake->outcomes;

	if (try_outcome(exchange))
		return;
	if (exchange->wait_s == 0) {
		answer_receipt(exchange);
		return;
	}
	exchange->state = EXCHANGE_WANTS_OUTCOME;
	exchange->wait_until_ns = clock_monotonic_ns() + exchange->wait_s * NS_PER_S;
	if (exchange->intake->stopping)
		shorten_wait(exchange);
	TAILQ_INSERT_TAIL(&exchange->intake->waits, exchange, wait_link);
	outcomes->wait(outcomes->self, exchange->receipt.message_id, on_outcome, exchange);
}

static void end_wait(struct exchange *exchange)
{
	const struct intake_outcomes *outcomes = exchange->intake->outcomes;

	outcomes->cancel(outcomes->self, exchange);
	TAILQ_REMOVE(&exchange->intake->waits, exchange, wait_link);
}

void exchanges_sweep(struct intake *intake, int64_t now_ns)
{
	struct exchange *exchange = TAILQ_FIRST(&intake->waits);

	while (exchange) {
		struct exchange *next = TAILQ_NEXT(exchange, wait_link);

		if (exchange->wait_until_ns <= now_ns) {
			end_wait(exchange);
			answer_receipt(exchange);
		}
		exchange = next;
	}
}

void exchange_abandon(struct exchange *exchange)
{
	exchange->connection = NULL;
	if (exchange->state == EXCHANGE_WANTS_RECEIPT) {
		/* The message stands all the same; on_receipt() frees */
		TAILQ_INSERT_TAIL(&exchange->intake->orphans, exchange, wait_link);
		return;
	}
	if (exchange->state == EXCHANGE_WANTS_OUTCOME)
		end_wait(exchange);
	exchange_free(exchange);
}

void exchanges_free_orphans(struct intake *intake)
{
	struct exchange *exchange;

	while ((exchange = TAILQ_FIRST(&intake->orphans))) {
		TAILQ_REMOVE(&intake->orphans, exchange, wait_link);
		exchange_free(exchange);
	}
}

/* Receipts ------------------------------------------------------------------------------------------------------- */

/* What is wrong inside is told to the operator, once in a while, and not to the sender: it names files. */
static void keep_inside(struct intake *intake, struct problem *problem)
{
	int64_t now_ns = clock_monotonic_ns();

	if (intake->complained_ns == 0 || now_ns - intake->complained_ns > COMPLAINT_NS) {
		log_warn("messages are refused", log_text("code", schema_error_find(problem->code)->code),
			log_text("reason", problem->text));
		intake->complained_ns = now_ns;
	}
	problem->text = NULL;
}

struct problem exchange_problem_of(struct intake *intake, enum ep_status status, const struct error *error)
{
	struct problem problem = {.status = 503, .code = error->code, .text = error->text};

	switch (status) {
	case EP_CONFLICT:
		problem.status = 422;
		break;
	case EP_LIMIT:
		problem.retry_after_s = RETRY_DISK_S;
		break;
	case EP_AGAIN:
	case EP_NO_MEMORY:
		problem.code = EP_ERR_BUSY;
		problem.retry_after_s = RETRY_BUSY_S;
		break;
	case EP_BAD_INPUT:
		problem.status = error->code == EP_ERR_HEADER_TOO_LARGE ? 431 : 400;
		break;
	default:
		problem.status = 500;
	}
	if (problem.status >= 500)
		keep_inside(intake, &problem);
	return problem;
}

void exchange_on_receipt(
	void *argument, enum ep_status status, const struct receipt *receipt, const struct error *error)
{
	struct exchange *exchange = argument;
	struct problem problem;

	if (!exchange->connection) {
		TAILQ_REMOVE(&exchange->intake->orphans, exchange, wait_link);
		exchange_free(exchange);
		return;
	}
	if (status != EP_OK) {
		problem = exchange_problem_of(exchange->intake, status, error);
		exchange_answer_problem(exchange, &problem);
		return;
	}
	exchange->receipt = *receipt;
	if (exchange->wait_s >= 0)
		begin_wait(exchange);
	else
		answer_receipt(exchange);
}
