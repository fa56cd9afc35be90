/*
 * fault.c: what becomes of a worker that is late, ends or lies, and of the calls that it had.
 *
 * A call is counted as the culprit only if it was the one under way: the worker's progress page says which, and failing
 * that it's the first that wasn't answered. All others are sent again, uncounted. The culprit is tried once more, alone,
 * in a fresh worker; then it ends as CALL_CRASHED. A page that lies costs its own source a second try of another message.
 * Whose a lie is can't be told, since a plugin may have written it at any time: then all are sent again, each alone.
 * A worker that ends before its first good answer is started again after a delay that doubles.
 */
#include "supervise/state.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "worker/protocol.h"

#define TRIES_MAX 2
#define THROTTLE_FIRST_NS (100 * NS_PER_MS)
#define THROTTLE_MAX_NS (60 * NS_PER_S)
#define TICK_MIN_NS (10 * NS_PER_MS)
#define MIB ((uint64_t)1024 * 1024)

static int64_t time_allowed(const struct worker *worker, const struct worker_call *call)
{
	const uint64_t length = call->body_fd != -1 ? call->body_length : call->body.length;

	return worker->options.deadline_ns + (int64_t)(length / MIB) * worker->options.deadline_per_mib_ns;
}

/* Looked at four times a deadline: a call is killed when it has taken at most a quarter more than it may. */
static int64_t tick(const struct worker *worker)
{
	const int64_t quarter = worker->options.deadline_ns / 4;

	return quarter > TICK_MIN_NS ? quarter : TICK_MIN_NS;
}

/* The call that the worker says it is busy with, else the first that it has not answered; NULL: it has none. */
static struct worker_call *under_way(struct worker *worker)
{
	const uint64_t number = worker->channel ? worker->supervisor->ops->progress(worker->channel) : 0;

	for (struct worker_call *call = worker->first; call && call != worker->unsent; call = call->next) {
		if (call->number == number)
			return call;
	}
	return worker->first != worker->unsent ? worker->first : NULL;
}

void fault_arm(struct worker *worker)
{
	worker->seen_number = 0;
	worker->seen_first = 0;
	worker->seen_ns = clock_monotonic_ns();
	worker->graced = false;
	if (worker->timer.due_ns == 0 || worker->timer.due_ns - worker->seen_ns > tick(worker))
		loop_timer_set(&worker->timer, tick(worker)); /* if anything, it waited for idleness */
}

void fault_idle(struct worker *worker)
{
	worker->idle_since_ns = clock_monotonic_ns();
	if (worker->options.idle_ns > 0 && worker->timer.due_ns == 0)
		loop_timer_set(&worker->timer, worker->options.idle_ns);
}

void fault_retire(struct worker *worker)
{
	worker->retired = true;
	worker->dying = true;
	worker->supervisor->ops->want(worker->channel, false, false);
	worker->supervisor->ops->kill(worker->channel);
}

/* The timer of a worker that has no call. */
static void watch_idle(struct worker *worker)
{
	const int64_t idle_ns = clock_monotonic_ns() - worker->idle_since_ns;

	if (worker->options.idle_ns == 0 || worker->count > 0 || worker->dying)
		return;
	if (idle_ns >= worker->options.idle_ns)
		fault_retire(worker);
	else
		loop_timer_set(&worker->timer, worker->options.idle_ns - idle_ns);
}

void fault_kill(struct worker *worker, enum ep_error code, bool uncertain, const char *format, ...)
{
	va_list arguments;

	if (!worker->channel || worker->dying)
		return;
	va_start(arguments, format);
	vsnprintf(worker->fault_text, sizeof(worker->fault_text), format, arguments);
	va_end(arguments);
	worker->fault_code = code;
	worker->fault_uncertain = uncertain;
	worker->dying = true;
	worker->supervisor->ops->want(worker->channel, false, false);
	worker->supervisor->ops->kill(worker->channel);
}

void worker_fault(struct worker *worker, const char *what)
{
	fault_kill(worker, EP_ERR_PLUGIN_FAULT, true, "%s", what);
}

/*
 * Whether the page shows another call than at the last look, which then has its time from now on. Numbers ascend, so a
 * page that goes to and fro gains nothing; and output waits a few milliseconds at most in a worker, so a page that has
 * moved on twice while not one call was answered lies.
 */
static bool has_moved_on(struct worker *worker, const struct worker_call *call)
{
	if (call->number <= worker->seen_number)
		return false;
	if (worker->first->number == worker->seen_first && worker->seen_unanswered++ > 0)
		return false;
	if (worker->first->number != worker->seen_first)
		worker->seen_unanswered = 0;
	worker->seen_first = worker->first->number;
	worker->seen_number = call->number;
	return true;
}

static void watch(struct worker *worker)
{
	const int64_t now = clock_monotonic_ns();
	struct worker_call *call = under_way(worker);
	const uint64_t heard = worker->heard;

	if (!call) { /* armed again by the next call */
		watch_idle(worker);
		return;
	}
	if (has_moved_on(worker, call)) {
		worker->graced = false;
		if (worker->seen_ns < now - tick(worker))
			worker->seen_ns = now - tick(worker); /* it began after the last look */
	} else if (now - worker->seen_ns > time_allowed(worker, call)) {
		/* Its answer may be waiting here, if it is this thread that was held up. */
		if (!worker->graced)
			answer_read(worker);
		if (worker->graced || worker->heard == heard)
			fault_kill(worker, EP_ERR_PLUGIN_DEADLINE, false,
				"didn't finish within its deadline of %lld ms",
				(long long)(time_allowed(worker, call) / NS_PER_MS));
		worker->graced = true;
	}
	if (!worker->dying)
		loop_timer_set(&worker->timer, tick(worker));
}

void fault_timer(void *argument)
{
	struct worker *worker = argument;

	switch (worker->state) {
	case WORKER_THROTTLED:
		worker->state = WORKER_STOPPED;
		worker->identity.throttled = false;
		if (worker->count > 0)
			submit_start(worker);
		break;
	case WORKER_STARTING:
	case WORKER_LOADS:
		fault_kill(worker, EP_ERR_WORKER_DIED, false, "it wasn't ready in time");
		break;
	case WORKER_SERVING:
		watch(worker);
		if (worker->unsent)
			submit_pump(worker);
		break;
	case WORKER_STOPPED:
		break;
	}
}

/* Whether a worker of this history waits before it is started again, and for how long. */
static int64_t throttle(const struct worker *worker)
{
	int64_t delay = THROTTLE_FIRST_NS;

	if (worker->failures == 0)
		return 0;
	for (uint32_t i = 1; i < worker->failures && delay < THROTTLE_MAX_NS; i++)
		delay *= 2;
	if (delay > THROTTLE_MAX_NS)
		delay = THROTTLE_MAX_NS;
	return delay * 3 / 4 + (int64_t)random_below((uint64_t)delay / 4);
}

/* Somebody else says why it wasn't started. */
static bool is_told(const struct worker *worker)
{
	return worker->asked || (worker->refused && worker->supervisor->starting_all);
}

static void schedule(struct worker *worker)
{
	const int64_t delay = throttle(worker);

	worker->state = WORKER_STOPPED;
	worker->identity.throttled = delay > 0;
	if (delay > 0) {
		worker->state = WORKER_THROTTLED;
		loop_timer_set(&worker->timer, delay);
		if (!is_told(worker))
			log_warn("worker throttled", log_text("source", worker->options.source),
				log_number("delay_ms", delay / NS_PER_MS), log_number("failures", worker->failures));
	} else if (worker->count > 0) {
		loop_task_queue(worker->supervisor->loop, &worker->send_task);
	}
}

/* The plugin closed it, in whichever call. */
static bool has_closed_socket(const struct worker *worker, const struct channel_exit *how)
{
	return how->signal == SIGKILL ? worker->dying : how->status == WORKER_EXIT_SOCKET;
}

/* How it ended, as a sentence about the plugin goes on; and the code for it. */
static enum ep_error describe(const struct worker *worker, const struct channel_exit *how, char *text, size_t size)
{
	if (worker->fault_text[0] != '\0') {
		snprintf(text, size, "%s", worker->fault_text);
		return worker->fault_code;
	}
	if (has_closed_socket(worker, how)) {
		snprintf(text, size, "closed its socket");
		return EP_ERR_PLUGIN_FAULT;
	}
	if (how->signal == SIGSYS && worker->last_line[0] != '\0') {
		snprintf(text, size, "died of SIGSYS: %s", worker->last_line);
		return EP_ERR_PLUGIN_CRASH;
	}
	if (how->signal != 0) {
		const char *name = sigabbrev_np(how->signal);

		snprintf(text, size, "died of signal %d, SIG%s", how->signal, name ? name : "?");
		return EP_ERR_PLUGIN_CRASH;
	}
	if (how->status == WORKER_EXIT_MEMORY) {
		snprintf(text, size, "crashed when it had used up its memory_max of %lld MiB",
			(long long)(worker->options.memory_max / (int64_t)MIB));
		return EP_ERR_PLUGIN_MEMORY;
	}
	if (how->status == WORKER_EXIT_BODY) {
		snprintf(text, size, "couldn't read the message: the disk failed, or the file was cut short");
		return EP_ERR_IO;
	}
	snprintf(text, size, "ended by itself with status %d in the middle of a call", how->status);
	return EP_ERR_PLUGIN_CRASH;
}

static void end_culprit(struct worker *worker, struct worker_call *call, enum ep_error code, const char *what)
{
	const struct ep_place nowhere = ep_place_none();
	char text[512];
	int length = snprintf(text, sizeof(text), "plugin %s %s (build %016llx) %s, twice", worker->plugin_name,
		worker->plugin_version, (unsigned long long)worker->identity.build, what);

	submit_unlink(worker, call);
	if (length >= (int)sizeof(text))
		length = (int)sizeof(text) - 1;
	call->end(call, CALL_CRASHED, code, &nowhere, ep_slice_make(text, (uint64_t)length));
}

static void close_channel(struct worker *worker)
{
	loop_timer_cancel(&worker->timer);
	lines_end(worker);
	worker->supervisor->ops->close(worker->channel);
	worker->channel = NULL;
	worker->identity.pid = 0;
	submit_reset(worker);
	buffer_free(&worker->in);
}

/* It ended before it was ready: no call is to blame, all wait. */
static void end_of_start(struct worker *worker, const char *what)
{
	if (!worker->refused) {
		worker->start_status = EP_IO;
		error_set(&worker->start_error, EP_IO, EP_ERR_WORKER_DIED, "%s: the worker %s before it was ready%s%s",
			worker->options.plugin_path, what, worker->last_line[0] ? ": " : "", worker->last_line);
	}
	if (!is_told(worker))
		log_error("worker not started", log_text("source", worker->options.source),
			log_text("why", worker->start_error.text));
	snprintf(worker->trouble, sizeof(worker->trouble), "%s", worker->start_error.text);
}

/* NULL: none of the calls can be blamed. */
static struct worker_call *find_culprit(struct worker *worker, const struct channel_exit *how)
{
	const bool uncertain = worker->fault_text[0] ? worker->fault_uncertain : has_closed_socket(worker, how);
	struct worker_call *culprit = under_way(worker);

	if (uncertain && culprit && worker->first->next != worker->unsent) {
		for (struct worker_call *call = worker->first; call != worker->unsent; call = call->next)
			call->alone = true;
		return NULL;
	}
	if (culprit)
		culprit->alone = true;
	return culprit;
}

static void tell_watch(const struct worker *worker, enum ep_error code)
{
	char why[sizeof(worker->trouble) + 128];

	if (!worker->watch.failed)
		return;
	if (worker->good || worker->state == WORKER_SERVING)
		snprintf(why, sizeof(why), "plugin %s %s (build %016llx) %s", worker->plugin_name,
			worker->plugin_version, (unsigned long long)worker->identity.build, worker->trouble);
	else
		snprintf(why, sizeof(why), "%s", worker->trouble);
	worker->watch.failed(worker->watch.argument, code, why);
}

static void end_of_idleness(struct worker *worker)
{
	close_channel(worker);
	worker->retired = false;
	worker->starts--; /* the next start is no restart */
	worker->state = WORKER_STOPPED;
	log_debug("worker ended, being idle", log_text("source", worker->options.source));
	if (worker->count > 0)
		loop_task_queue(worker->supervisor->loop, &worker->send_task);
}

void fault_exited(struct worker *worker, const struct channel_exit *how)
{
	const bool starting = worker_is_starting(worker->state);
	struct worker_call *culprit;
	enum ep_error code;
	char what[400];

	if (worker->retired) {
		end_of_idleness(worker);
		return;
	}
	while (answer_read(worker)) /* its last words, as many as the socket holds */
		;
	culprit = find_culprit(worker, how);
	lines_end(worker);
	code = describe(worker, how, what, sizeof(what));
	snprintf(worker->trouble, sizeof(worker->trouble), "%s", what);
	close_channel(worker);
	if (!worker->refused)
		worker->identity.crashes++;
	if (!worker->good)
		worker->failures++;
	if (starting)
		end_of_start(worker, what);
	else
		log_warn("worker ended", log_text("source", worker->options.source),
			log_text("plugin", worker->plugin_name), log_text("how", what),
			log_number("calls_pending", (int64_t)worker->count));
	tell_watch(worker, starting ? worker->start_error.code : code);
	if (worker->first && worker->first_given) {
		worker->first_given = false;
		worker->first->restarted(worker->first);
	}
	worker->first_output = 0;
	if (culprit && ++culprit->tries >= TRIES_MAX)
		end_culprit(worker, culprit, code, what);
	schedule(worker);
}

void fault_unstartable(struct worker *worker, const struct error *error)
{
	worker->failures++;
	worker->start_status = EP_IO;
	worker->start_error = *error;
	snprintf(worker->trouble, sizeof(worker->trouble), "%s", error->text);
	if (!is_told(worker))
		log_error(
			"worker not started", log_text("source", worker->options.source), log_text("why", error->text));
	tell_watch(worker, error->code);
	schedule(worker);
}
