/* worker_fixture.h: workers with the plugins of tests/plugins, and calls whose answers are written down. */
#ifndef WORKER_FIXTURE_H
#define WORKER_FIXTURE_H

#include <check.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "record/accept.h"
#include "supervise/supervise.h"

/* Its build has no limit of memory, and ends with a report and a status instead of a signal. */
#ifdef __SANITIZE_ADDRESS__
#define ADDRESS_SANITIZER true
#else
#define ADDRESS_SANITIZER false
#endif

#define PATIENCE_NS (60 * NS_PER_S)

static struct loop *loop;
static struct supervisor *supervisor;

/* What came of one call. */
struct answer {
	struct worker_call call;
	char body[64];
	bool ended;
	enum call_result result;
	enum ep_error code;
	struct ep_place place;
	char text[600];
	unsigned records, rejects, restarts;
	unsigned order;                         /* when it ended, from 1 */
	char first_number[64], last_number[64]; /* order_no of records */
};

static unsigned ended_calls;

static inline void number_of(struct ep_slice encoded, char *text)
{
	struct record_value value;

	ck_assert(record_check(encoded));
	ck_assert(record_find(encoded, EP_ORDER_ORDER_NO & 0xffff, &value));
	snprintf(text, 64, "%.*s", (int)value.bytes.length, value.bytes.data);
}

static inline void on_record(
	struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins, uint32_t count)
{
	struct answer *answer = call->owner;

	(void)origins;
	(void)count;
	number_of(encoded, answer->last_number);
	if (answer->records++ == 0)
		number_of(encoded, answer->first_number);
}

static inline void on_reject(
	struct worker_call *call, enum ep_error code, const struct ep_place *place, struct ep_slice text)
{
	struct answer *answer = call->owner;

	(void)text;
	answer->rejects++;
	answer->code = code;
	answer->place = *place;
}

static inline void on_restarted(struct worker_call *call)
{
	struct answer *answer = call->owner;

	answer->restarts++;
	answer->records = answer->rejects = 0;
}

static inline void on_end(struct worker_call *call, enum call_result result, enum ep_error code,
	const struct ep_place *place, struct ep_slice text)
{
	struct answer *answer = call->owner;

	ck_assert(!answer->ended);
	answer->ended = true;
	answer->order = ++ended_calls;
	answer->result = result;
	if (result == CALL_OK)
		return;
	answer->code = code;
	answer->place = *place;
	snprintf(answer->text, sizeof(answer->text), "%.*s", (int)text.length, text.data ? text.data : "");
}

static inline void answer_init(struct answer *answer, const char *body)
{
	memset(answer, 0, sizeof(*answer));
	snprintf(answer->body, sizeof(answer->body), "%s", body);
	answer->call = (struct worker_call){.body = ep_slice_of(answer->body),
		.body_fd = -1,
		.record = on_record,
		.reject = on_reject,
		.restarted = on_restarted,
		.end = on_end,
		.owner = answer};
}

static inline void wait_for(const bool *condition)
{
	const int64_t until = clock_monotonic_ns() + PATIENCE_NS;

	while (!*condition) {
		ck_assert_msg(clock_monotonic_ns() < until, "it never happened");
		loop_run_once(loop, 50 * NS_PER_MS);
	}
}

/* A file beside the test program. */
static inline const char *built(const char *name)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	ck_assert_int_gt(length, 0);
	path[length] = '\0';
	snprintf(strrchr(path, '/') + 1, 200, "%s", name);
	return path;
}

static inline struct worker_options options_for(const char *plugin)
{
	static char paths[8][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 8], name[64];

	snprintf(name, sizeof(name), "plugins/%s.so", plugin);
	snprintf(path, PATH_MAX, "%s", built(name));
	return (struct worker_options){.source = "test",
		.plugin_path = path,
		.deadline_ns = 10 * NS_PER_S,
		.deadline_per_mib_ns = NS_PER_S,
		.memory_max = 64 << 20,
		.json_max = 1 << 20};
}

static inline struct worker *worker_with(const struct worker_options *options)
{
	struct worker *worker;
	struct error error = {0};

	ck_assert_msg(worker_create(supervisor, options, &worker, &error) == EP_OK, "%s", error.text);
	return worker;
}

static inline struct worker *worker_of(const char *plugin)
{
	struct worker_options options = options_for(plugin);

	return worker_with(&options);
}

static inline void submit(struct worker *worker, struct answer *answer)
{
	ck_assert_int_eq(worker_submit(worker, &answer->call), EP_OK);
}

/* One call, to its end. */
static inline void ask(struct worker *worker, struct answer *answer, const char *body)
{
	answer_init(answer, body);
	submit(worker, answer);
	wait_for(&answer->ended);
}

static inline void open_supervisor(const char *const *require, size_t count)
{
	struct error error = {0};
	struct supervisor_options options = {.require = require, .require_count = count};

	log_setup(LOG_TEXT, getenv("VERBOSE") ? EP_LOG_DEBUG : (enum ep_log_level)(EP_LOG_ERROR + 1));
	ck_assert_int_eq(loop_create(&loop, &error), EP_OK);
	options.loop = loop;
	ck_assert_msg(supervisor_create(&supervisor, &options, &error) == EP_OK, "%s", error.text);
	ended_calls = 0;
}

static inline void fixture_setup(void)
{
	open_supervisor(NULL, 0);
}

static inline void fixture_teardown(void)
{
	supervisor_destroy(supervisor);
	loop_destroy(loop);
}

#endif
