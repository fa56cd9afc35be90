/*
 * loop.h: a thread's event loop, a seam over libevent: timers, work at the end of a pass, work from other threads.
 *
 * Files and sockets are libevent's business (loop_base()); what the simulator must drive goes through here only.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct event_base;
struct event;
struct loop;

/* Work that runs once, after the events of the current pass. Embedded in its owner. */
struct loop_task {
	void (*run)(void *argument);
	void *argument;
	struct loop_task *next;
	bool queued;
};

struct loop_timer {
	void (*run)(void *argument);
	void *argument;
	struct loop *loop;
	struct event *event; /* owned; NULL in simulation */
	int64_t due_ns;      /* monotonic; 0: not set */
};

enum ep_status loop_create(struct loop **loop, struct error *error);
void loop_destroy(struct loop *loop);
/* Until loop_stop(). */
void loop_run(struct loop *loop);
/* One pass: waits for events at most `wait_ns`. For tests and for `normalize`. */
void loop_run_once(struct loop *loop, int64_t wait_ns);
void loop_stop(struct loop *loop);
struct event_base *loop_base(struct loop *loop);

/* Queues the task, once however often it is called before it runs. */
void loop_task_queue(struct loop *loop, struct loop_task *task);
/* It won't run; its owner may be freed. */
void loop_task_cancel(struct loop *loop, struct loop_task *task);
/* From any thread: `run` is called on the loop's thread soon. The queue holds at most 65,536; more is a defect. */
void loop_post(struct loop *loop, void (*run)(void *argument), void *argument);

void loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*run)(void *argument), void *argument);
/* Once, after `delay_ns` (libevent's grain is 1 ms); replaces what was set before. */
void loop_timer_set(struct loop_timer *timer, int64_t delay_ns);
void loop_timer_cancel(struct loop_timer *timer);
/* Cancels and releases; the timer may then be freed. */
void loop_timer_end(struct loop_timer *timer);

#endif
