/* loop.c: see loop.h. */
#include "base/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "base/clock.h"

#define POSTS_MAX 65536

struct post {
	void (*run)(void *argument);
	void *argument;
};

struct loop {
	struct event_base *base;
	struct event *woken;    /* eventfd: another thread has posted */
	struct event *wait;     /* bounds loop_run_once() */
	struct event *pass_end; /* made active when a task is queued; lowest priority, so after the pass's events */
	struct loop_task *first, **last;
	struct loop_task *running; /* of the current pass, not yet run */
	pthread_mutex_t lock;      /* guards what follows */
	struct post *posts;
	size_t post_count;
	size_t post_capacity;
	int wake_fd;
};

static void run_tasks(struct loop *loop)
{
	struct loop_task *task;

	loop->running = loop->first;
	loop->first = NULL; /* what a task queues runs in the next pass */
	loop->last = &loop->first;
	while ((task = loop->running)) {
		loop->running = task->next;
		task->queued = false;
		task->run(task->argument);
	}
}

static void on_pass_end(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	run_tasks(argument);
}

static void on_woken(evutil_socket_t fd, short what, void *argument)
{
	struct loop *loop = argument;
	struct post *posts;
	size_t count;
	uint64_t ignored;

	(void)what;
	if (read(fd, &ignored, sizeof(ignored)) == -1)
		return;
	pthread_mutex_lock(&loop->lock);
	posts = loop->posts;
	count = loop->post_count;
	loop->posts = NULL;
	loop->post_count = loop->post_capacity = 0;
	pthread_mutex_unlock(&loop->lock);
	for (size_t i = 0; i < count; i++)
		posts[i].run(posts[i].argument);
	free(posts);
}

static void on_waited(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	(void)argument;
}

enum ep_status loop_create(struct loop **out, struct error *error)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	*out = NULL;
	if (!loop)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for an event loop");
	loop->wake_fd = -1;
	loop->last = &loop->first;
	pthread_mutex_init(&loop->lock, NULL);
	evthread_use_pthreads();
	loop->base = event_base_new();
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!loop->base || loop->wake_fd == -1 || event_base_priority_init(loop->base, 2) == -1)
		goto failed;
	loop->woken = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_woken, loop);
	loop->pass_end = event_new(loop->base, -1, 0, on_pass_end, loop);
	loop->wait = evtimer_new(loop->base, on_waited, NULL);
	if (!loop->woken || !loop->pass_end || !loop->wait || event_priority_set(loop->woken, 0) == -1 ||
		event_priority_set(loop->pass_end, 1) == -1 || event_add(loop->woken, NULL) == -1)
		goto failed;
	*out = loop;
	return EP_OK;
failed:
	loop_destroy(loop);
	return error_set(error, EP_IO, EP_ERR_INTERNAL, "an event loop can't be made");
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->woken)
		event_free(loop->woken);
	if (loop->pass_end)
		event_free(loop->pass_end);
	if (loop->wait)
		event_free(loop->wait);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->wake_fd != -1)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->lock);
	free(loop->posts);
	free(loop);
}

void loop_run(struct loop *loop)
{
	event_base_dispatch(loop->base);
}

void loop_run_once(struct loop *loop, int64_t wait_ns)
{
	struct timeval wait = {.tv_sec = wait_ns / NS_PER_S, .tv_usec = wait_ns % NS_PER_S / NS_PER_US};

	event_add(loop->wait, &wait);
	event_base_loop(loop->base, EVLOOP_ONCE);
	event_del(loop->wait);
}

void loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_task_queue(struct loop *loop, struct loop_task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	task->next = NULL;
	if (!loop->first)
		event_active(loop->pass_end, 0, 0);
	*loop->last = task;
	loop->last = &task->next;
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
	struct loop_task **at = &loop->running;

	if (!task->queued)
		return;
	while (*at && *at != task)
		at = &(*at)->next;
	if (!*at) {
		at = &loop->first;
		while (*at && *at != task)
			at = &(*at)->next;
		ASSERT(*at);
		if (!task->next)
			loop->last = at;
	}
	*at = task->next;
	task->queued = false;
}

void loop_post(struct loop *loop, void (*run)(void *argument), void *argument)
{
	const uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&loop->lock);
	ASSERT(loop->post_count < POSTS_MAX);
	if (loop->post_count == loop->post_capacity) {
		size_t capacity = loop->post_capacity ? loop->post_capacity * 2 : 64;
		struct post *grown = realloc(loop->posts, capacity * sizeof(*grown));

		if (!grown)
			PANIC("no memory to hand work to another thread");
		loop->posts = grown;
		loop->post_capacity = capacity;
	}
	first = loop->post_count == 0;
	loop->posts[loop->post_count++] = (struct post){run, argument};
	pthread_mutex_unlock(&loop->lock);
	if (first && write(loop->wake_fd, &one, sizeof(one)) == -1)
		PANIC("another thread can't be woken");
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct loop_timer *timer = argument;

	(void)fd;
	(void)what;
	timer->due_ns = 0;
	timer->run(timer->argument);
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, void (*run)(void *argument), void *argument)
{
	*timer = (struct loop_timer){.run = run, .argument = argument, .loop = loop};
	timer->event = evtimer_new(loop->base, on_timer, timer);
	if (!timer->event)
		PANIC("no memory for a timer");
	event_priority_set(timer->event, 0);
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_ns)
{
	struct timeval delay;

	if (delay_ns < 0)
		delay_ns = 0;
	delay = (struct timeval){.tv_sec = delay_ns / NS_PER_S, .tv_usec = delay_ns % NS_PER_S / NS_PER_US};
	timer->due_ns = clock_monotonic_ns() + delay_ns;
	evtimer_add(timer->event, &delay);
}

void loop_timer_cancel(struct loop_timer *timer)
{
	timer->due_ns = 0;
	evtimer_del(timer->event);
}

void loop_timer_end(struct loop_timer *timer)
{
	if (timer->event)
		event_free(timer->event);
	timer->event = NULL;
}
