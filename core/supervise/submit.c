/*
 * submit.c: the queue of a worker's calls, and what goes out: HELLO, then calls in order, as many at a time as are there.
 *
 * A call that is tried for the second time, or is suspected, goes alone: nothing else is with the worker meanwhile.
 */
#include "supervise/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "worker/protocol.h"

#define OUT_FILL ((size_t)256 * 1024)             /* frames are made ready up to here */
#define BODY_BYTES_MAX ((size_t)16 * 1024 * 1024) /* of inline bodies in one queue */
#define HANDSHAKE_NS (30 * NS_PER_S)
#define NAME_MAX_BYTES 1024 /* of a file name or media type */

static void put_hello(struct worker *worker)
{
	const struct worker_options *options = &worker->options;
	const struct supervisor *supervisor = worker->supervisor;
	struct buffer *out = &worker->out;
	const size_t at = frame_begin(out, WORKER_HELLO);

	frame_put_u32(out, WORKER_PROTOCOL);
	frame_put_u32(out,
		(options->reject_message ? WORKER_REJECT_MESSAGE : 0u) | (options->describe ? WORKER_DESCRIBE : 0u));
	frame_put_u64(out, (uint64_t)options->memory_max);
	frame_put_u64(out, (uint64_t)options->body_max);
	frame_put_u64(out, (uint64_t)options->json_max);
	frame_put_bytes(out, ep_slice_of(options->source));
	frame_put_bytes(out, ep_slice_of(options->plugin_path));
	frame_put_u32(out, (uint32_t)supervisor->require_count);
	for (size_t i = 0; i < supervisor->require_count; i++)
		frame_put_bytes(out, ep_slice_of(supervisor->require[i]));
	frame_put_u32(out, (uint32_t)options->setting_count);
	for (size_t i = 0; i < options->setting_count; i++) {
		frame_put_bytes(out, ep_slice_of(options->settings[i].name));
		frame_put_bytes(out, ep_slice_of(options->settings[i].value));
	}
	frame_end(out, at);
	worker->descriptors[worker->descriptor_count++] =
		(struct descriptor_to_send){at, worker->supervisor->ops->progress_fd(worker->channel), false};
}

static void on_readable(void *owner)
{
	answer_read(owner);
}

static void on_writable(void *owner)
{
	submit_pump(owner);
}

static void on_logged(void *owner, struct ep_slice bytes)
{
	lines_take(owner, bytes);
}

static void on_exited(void *owner, const struct channel_exit *how)
{
	fault_exited(owner, how);
}

void submit_start(struct worker *worker)
{
	const struct channel_events events = {on_readable, on_writable, on_logged, on_exited, worker};
	const struct supervisor *supervisor = worker->supervisor;
	struct error error;

	if (supervisor->ops->open(supervisor->ops->self, supervisor->loop, supervisor->worker_program, &events,
		    &worker->channel, &error) != EP_OK) {
		fault_unstartable(worker, &error);
		return;
	}
	worker->state = WORKER_STARTING;
	worker->identity.throttled = false;
	worker->starts++;
	worker->identity.restarts = worker->starts - 1;
	worker->identity.pid = supervisor->ops->pid(worker->channel);
	worker->good = false;
	worker->refused = false;
	worker->dying = false;
	worker->fault_text[0] = '\0';
	worker->fault_uncertain = false;
	worker->last_line[0] = '\0';
	put_hello(worker);
	loop_timer_set(&worker->timer, HANDSHAKE_NS);
	submit_pump(worker);
}

/* A body that is too long for a frame and has no file: a sealed copy in memory. -1 with errno. */
static int body_in_memory(struct ep_slice body)
{
	int fd = memfd_create("body", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	for (uint64_t done = 0; done < body.length;) {
		ssize_t wrote = write(fd, body.data + done, body.length - done);

		if (wrote == -1 && errno == EINTR)
			continue;
		if (wrote == -1) {
			close(fd);
			return -1;
		}
		done += (uint64_t)wrote;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
	return fd;
}

static bool goes_by_descriptor(const struct worker_call *call)
{
	return call->body_fd != -1 || call->body.length > WORKER_INLINE_MAX;
}

/* A sender may have sent more than a frame holds; the intake's own limit is lower. */
static uint32_t headers_that_fit(const struct worker_call *call)
{
	uint64_t bytes = 4 * NAME_MAX_BYTES;
	uint32_t count = 0;

	while (count < call->header_count && count < WORKER_HEADERS_MAX) {
		bytes += call->headers[count].name.length + call->headers[count].value.length + 2 * sizeof(uint32_t);
		if (bytes > WORKER_HEAD_MAX)
			break;
		count++;
	}
	return count;
}

static void put_call(struct buffer *out, const struct worker_call *call, bool by_descriptor)
{
	static const char zeros[WORKER_BODY_PADDING];
	const size_t at = frame_begin(out, WORKER_CALL);
	const uint32_t headers = headers_that_fit(call);

	frame_put_u64(out, call->number);
	frame_put_u64(out, call->body_fd != -1 ? call->body_length : call->body.length);
	frame_put_u32(out, by_descriptor ? 1 : 0);
	frame_put_u32(out, headers);
	frame_put_bytes(out, ep_slice_sub(call->content_type, 0, NAME_MAX_BYTES));
	frame_put_bytes(out, ep_slice_sub(call->content_encoding, 0, NAME_MAX_BYTES));
	frame_put_bytes(out, ep_slice_sub(call->name, 0, NAME_MAX_BYTES));
	for (uint32_t i = 0; i < headers; i++) {
		frame_put_bytes(out, call->headers[i].name);
		frame_put_bytes(out, call->headers[i].value);
	}
	if (!by_descriptor) {
		buffer_append_slice(out, call->body);
		buffer_append(out, zeros, sizeof(zeros));
	}
	frame_end(out, at);
}

/* EP_AGAIN: it must wait for its turn. */
static enum ep_status encode(struct worker *worker, struct worker_call *call)
{
	const bool by_descriptor = goes_by_descriptor(call);
	const size_t at = worker->out.length;
	int fd = call->body_fd;

	if (worker->first != call && (worker->first->alone || call->alone))
		return EP_AGAIN;
	if (by_descriptor && worker->descriptor_calls == SEND_DESCRIPTORS_MAX)
		return EP_AGAIN;
	if (by_descriptor && fd == -1) {
		fd = body_in_memory(call->body);
		if (fd == -1) {
			fault_arm(worker); /* out of descriptors or memory: its timer tries again */
			return EP_AGAIN;
		}
	}
	put_call(&worker->out, call, by_descriptor);
	if (worker->out.failed != EP_OK)
		PANIC("no memory to hand a message to a worker");
	if (by_descriptor) {
		worker->descriptors[worker->descriptor_count++] =
			(struct descriptor_to_send){at, fd, fd != call->body_fd};
		worker->descriptor_calls++;
	}
	return EP_OK;
}

static void fill(struct worker *worker)
{
	if (worker->state != WORKER_SERVING)
		return;
	while (worker->unsent && worker->out.length - worker->out_used < OUT_FILL) {
		struct worker_call *call = worker->unsent;

		if (encode(worker, call) != EP_OK)
			return;
		if (call == worker->first) {
			worker->first_given = false;
			worker->first_output = 0;
			fault_arm(worker);
		}
		call->started_ns = clock_monotonic_ns();
		worker->unsent = call->next;
	}
}

/* One write, up to the next descriptor. False if nothing went. */
static bool write_some(struct worker *worker)
{
	struct descriptor_to_send *next = worker->descriptor_count > 0 ? &worker->descriptors[0] : NULL;
	size_t length = worker->out.length - worker->out_used;
	int fd = -1;
	ssize_t wrote;

	if (next && next->at == worker->out_used) {
		fd = next->fd;
		next = worker->descriptor_count > 1 ? &worker->descriptors[1] : NULL;
	}
	if (next)
		length = next->at - worker->out_used;
	wrote = worker->supervisor->ops->write(worker->channel, worker->out.data + worker->out_used, length, fd);
	if (wrote <= 0)
		return false; /* full, or the worker has ended, which its exit says */
	worker->out_used += (size_t)wrote;
	if (worker->out_used == worker->out.length) {
		buffer_clear(&worker->out);
		worker->out_used = 0;
	}
	if (fd != -1) {
		if (worker->descriptors[0].owned)
			close(fd);
		worker->descriptor_count--;
		memmove(worker->descriptors, worker->descriptors + 1,
			worker->descriptor_count * sizeof(worker->descriptors[0]));
	}
	return true;
}

/* Drops what was written from the buffer's front, and moves the descriptors' places along. */
static void compact(struct worker *worker)
{
	for (size_t i = 0; i < worker->descriptor_count; i++)
		worker->descriptors[i].at -= worker->out_used;
	buffer_consume(&worker->out, worker->out_used);
	worker->out_used = 0;
}

void submit_pump(struct worker *worker)
{
	bool blocked = false;

	if (!worker->channel || worker->dying)
		return;
	for (;;) {
		fill(worker);
		if (worker->out_used == worker->out.length)
			break;
		if (!write_some(worker)) {
			blocked = true;
			break;
		}
	}
	compact(worker);
	worker->supervisor->ops->want(worker->channel, true, blocked);
}

void submit_task(void *argument)
{
	struct worker *worker = argument;

	if (worker->state == WORKER_STOPPED && worker->count > 0)
		submit_start(worker);
	else if (worker->state == WORKER_SERVING)
		submit_pump(worker);
}

void submit_room_task(void *argument)
{
	struct worker *worker = argument;

	if (worker->room)
		worker->room(worker->room_argument);
}

enum ep_status worker_submit(struct worker *worker, struct worker_call *call)
{
	const size_t length = call->body_fd == -1 ? (size_t)call->body.length : 0;

	if (worker->count == WORKER_QUEUE_MAX || (worker->count > 0 && worker->body_bytes + length > BODY_BYTES_MAX)) {
		worker->room_wanted = true;
		return EP_AGAIN;
	}
	call->next = NULL;
	call->number = ++worker->last_number;
	call->tries = 0;
	call->alone = false;
	*worker->last = call;
	worker->last = &call->next;
	if (!worker->unsent)
		worker->unsent = call;
	worker->count++;
	worker->body_bytes += length;
	loop_task_queue(worker->supervisor->loop, &worker->send_task);
	return EP_OK;
}

void submit_unlink(struct worker *worker, struct worker_call *call)
{
	struct worker_call **at = &worker->first;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	if (!*at)
		worker->last = at;
	if (worker->unsent == call)
		worker->unsent = call->next;
	else if (goes_by_descriptor(call) && worker->descriptor_calls > 0)
		worker->descriptor_calls--;
	worker->count--;
	if (call->body_fd == -1)
		worker->body_bytes -= (size_t)call->body.length;
	if (worker->room_wanted && worker->count <= WORKER_QUEUE_MAX / 2 && worker->body_bytes <= BODY_BYTES_MAX / 2) {
		worker->room_wanted = false;
		loop_task_queue(worker->supervisor->loop, &worker->room_task);
	}
}

void submit_reset(struct worker *worker)
{
	for (size_t i = 0; i < worker->descriptor_count; i++) {
		if (worker->descriptors[i].owned)
			close(worker->descriptors[i].fd);
	}
	worker->descriptor_count = 0;
	worker->descriptor_calls = 0;
	buffer_free(&worker->out);
	worker->out_used = 0;
	worker->unsent = worker->first;
}

void worker_on_room(struct worker *worker, void (*room)(void *argument), void *argument)
{
	worker->room = room;
	worker->room_argument = argument;
}
