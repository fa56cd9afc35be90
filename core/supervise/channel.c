/*
 * channel.c: see channel.h. A worker process started through base/process.h, its stream socket and log pipe on the loop.
 *
 * The progress page is sealed: a worker that could shrink it would kill the gateway by SIGBUS.
 */
#include "supervise/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/process.h"
#include "worker/protocol.h"

#define LOG_CHUNK 4096
#define LOG_CHUNKS_AT_END 16 /* 64 KiB: a pipe's worth */
#define SOCKET_BUFFER (1024 * 1024)

struct channel {
	struct channel_events events;
	struct event *readable, *writable, *logged, *ended; /* owned */
	struct worker_progress *page;                       /* shared with the worker */
	int socket, log, pidfd, page_fd;
	pid_t pid; /* -1: reaped */
};

static void channel_close(struct channel *channel);

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct channel *channel = argument;

	(void)fd;
	(void)what;
	channel->events.readable(channel->events.owner);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
	struct channel *channel = argument;

	(void)fd;
	(void)what;
	channel->events.writable(channel->events.owner);
}

/* False once nothing more comes now. */
static bool read_log(struct channel *channel)
{
	char bytes[LOG_CHUNK];
	ssize_t got = read(channel->log, bytes, sizeof(bytes));

	if (got > 0)
		channel->events.logged(channel->events.owner, ep_slice_make(bytes, (uint64_t)got));
	else if (got == 0)
		event_del(channel->logged);
	return got > 0;
}

static void on_logged(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	read_log(argument); /* one chunk a pass: a worker that floods its log waits, nobody else */
}

static void reap(struct channel *channel, int flags, struct channel_exit *how)
{
	int status;
	pid_t pid;

	memset(how, 0, sizeof(*how));
	do
		pid = waitpid(channel->pid, &status, flags);
	while (pid == -1 && errno == EINTR);
	if (pid != channel->pid)
		return;
	channel->pid = -1;
	if (WIFSIGNALED(status))
		how->signal = WTERMSIG(status);
	else if (WEXITSTATUS(status) > 128 && WEXITSTATUS(status) < 128 + NSIG)
		how->signal = WEXITSTATUS(status) - 128; /* see enum worker_exit */
	else
		how->status = WEXITSTATUS(status);
}

static void on_ended(evutil_socket_t fd, short what, void *argument)
{
	struct channel *channel = argument;
	struct channel_exit how;

	(void)fd;
	(void)what;
	reap(channel, WNOHANG, &how);
	if (channel->pid != -1)
		return;
	event_del(channel->ended);
	for (int i = 0; i < LOG_CHUNKS_AT_END && read_log(channel); i++)
		;
	channel->events.exited(channel->events.owner, &how);
}

static enum ep_status make_page(struct channel *channel, struct error *error)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);

	channel->page_fd = memfd_create("progress", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (channel->page_fd == -1 || ftruncate(channel->page_fd, (off_t)size) == -1 ||
		fcntl(channel->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		return error_set_errno(error, EP_ERR_WORKER_DIED, "no memory to share with a worker");
	channel->page = mmap(NULL, sizeof(*channel->page), PROT_READ, MAP_SHARED, channel->page_fd, 0);
	if (channel->page == MAP_FAILED) {
		channel->page = NULL;
		return error_set_errno(error, EP_ERR_WORKER_DIED, "no memory to share with a worker");
	}
	return EP_OK;
}

/* What a worker finds in its environment: nothing. In a build for tests which layers it is to leave out. */
static const char *const *environment_for_tests(bool *pid_namespace)
{
#ifdef ENTREPOT_TEST_BUILD
	static char text[256];
	static const char *environment[] = {text, NULL};
	const char *off = getenv(SANDBOX_OFF_NAME);

	*pid_namespace = !off || !strstr(off, "pid-ns");
	snprintf(text, sizeof(text), "%s=%s", SANDBOX_OFF_NAME, off ? off : "");
	return environment;
#else
	*pid_namespace = true;
	return NULL;
#endif
}

static enum ep_status start_process(struct channel *channel, const char *program, struct error *error)
{
	static const char *const arguments[] = {"entrepot-worker", NULL};
	int sockets[2] = {-1, -1}, pipes[2] = {-1, -1};
	const int size = SOCKET_BUFFER;
	bool pid_namespace;
	const char *const *environment = environment_for_tests(&pid_namespace);
	enum ep_status status;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == -1 || pipe2(pipes, O_CLOEXEC) == -1 ||
		fcntl(sockets[0], F_SETFL, O_NONBLOCK) == -1 || fcntl(pipes[0], F_SETFL, O_NONBLOCK) == -1) {
		status = error_set_errno(error, EP_ERR_WORKER_DIED, "no descriptors for a worker");
	} else {
		const int descriptors[] = {-1, -1, pipes[1], sockets[1]};
		const struct process_options options = {
			.program = program,
			.arguments = arguments,
			.environment = environment,
			.descriptors = descriptors,
			.descriptor_count = 4,
			.new_pid_namespace = pid_namespace,
		};

		setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* as much as the system grants */
		setsockopt(sockets[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		status = process_spawn(&options, &channel->pid, &channel->pidfd, error);
	}
	if (sockets[1] != -1)
		close(sockets[1]);
	if (pipes[1] != -1)
		close(pipes[1]);
	channel->socket = sockets[0];
	channel->log = pipes[0];
	return status;
}

static enum ep_status add_events(struct channel *channel, struct loop *loop, struct error *error)
{
	struct event_base *base = loop_base(loop);

	channel->readable = event_new(base, channel->socket, EV_READ | EV_PERSIST, on_readable, channel);
	channel->writable = event_new(base, channel->socket, EV_WRITE | EV_PERSIST, on_writable, channel);
	channel->logged = event_new(base, channel->log, EV_READ | EV_PERSIST, on_logged, channel);
	channel->ended = event_new(base, channel->pidfd, EV_READ | EV_PERSIST, on_ended, channel);
	if (!channel->readable || !channel->writable || !channel->logged || !channel->ended ||
		event_add(channel->logged, NULL) == -1 || event_add(channel->ended, NULL) == -1)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker's events");
	return EP_OK;
}

static enum ep_status channel_open(void *self, struct loop *loop, const char *program,
	const struct channel_events *events, struct channel **out, struct error *error)
{
	struct channel *channel = calloc(1, sizeof(*channel));
	enum ep_status status;

	(void)self;
	*out = NULL;
	if (!channel)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a worker");
	channel->events = *events;
	channel->socket = channel->log = channel->pidfd = channel->page_fd = -1;
	channel->pid = -1;
	status = make_page(channel, error);
	if (status == EP_OK)
		status = start_process(channel, program, error);
	if (status == EP_OK)
		status = add_events(channel, loop, error);
	if (status != EP_OK) {
		channel_close(channel);
		return status;
	}
	*out = channel;
	return EP_OK;
}

static ssize_t channel_read(struct channel *channel, void *data, size_t length)
{
	ssize_t got;

	do
		got = recv(channel->socket, data, length, 0);
	while (got == -1 && errno == EINTR);
	return got;
}

static ssize_t channel_write(struct channel *channel, const void *data, size_t length, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t wrote;

	if (fd != -1) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	}
	do
		wrote = sendmsg(channel->socket, &message, MSG_NOSIGNAL);
	while (wrote == -1 && errno == EINTR);
	return wrote;
}

static void channel_want(struct channel *channel, bool readable, bool writable)
{
	if (readable)
		event_add(channel->readable, NULL);
	else
		event_del(channel->readable);
	if (writable)
		event_add(channel->writable, NULL);
	else
		event_del(channel->writable);
}

static int channel_progress_fd(struct channel *channel)
{
	return channel->page_fd;
}

static uint64_t channel_progress(struct channel *channel)
{
	return atomic_load_explicit(&channel->page->number, memory_order_acquire);
}

static pid_t channel_pid(struct channel *channel)
{
	return channel->pid;
}

static void channel_kill(struct channel *channel)
{
	if (channel->pid != -1)
		kill(channel->pid, SIGKILL); /* not reaped, so the number is still its own */
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

static void channel_close(struct channel *channel)
{
	struct channel_exit ignored;

	free_event(channel->readable);
	free_event(channel->writable);
	free_event(channel->logged);
	free_event(channel->ended);
	channel_kill(channel);
	if (channel->pid != -1)
		reap(channel, 0, &ignored); /* SIGKILL was sent: soon */
	if (channel->page)
		munmap(channel->page, sizeof(*channel->page));
	close_fd(channel->socket);
	close_fd(channel->log);
	close_fd(channel->pidfd);
	close_fd(channel->page_fd);
	free(channel);
}

const struct worker_channel_ops channel_process_ops = {channel_open, channel_read, channel_write, channel_want,
	channel_progress_fd, channel_progress, channel_pid, channel_kill, channel_close, NULL};
