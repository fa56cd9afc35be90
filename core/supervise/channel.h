/*
 * channel.h: the way to one worker process: its socket, its log pipe, its end. A seam, so that the simulator can be the
 * worker. What is said over it is worker/protocol.h.
 */
#ifndef SUPERVISE_CHANNEL_H
#define SUPERVISE_CHANNEL_H

#include <sys/types.h>

#include "base/error.h"
#include "base/loop.h"

/* How a worker ended. */
struct channel_exit {
	int signal; /* 0: it exited by itself */
	int status; /* of its exit */
};

/* Called from the loop. Whatever a worker wrote before its end is readable before `exited` is called. */
struct channel_events {
	void (*readable)(void *owner);
	void (*writable)(void *owner);
	void (*logged)(void *owner, struct ep_slice bytes);
	void (*exited)(void *owner, const struct channel_exit *how);
	void *owner;
};

struct channel; /* the implementor's */

struct worker_channel_ops {
	/* Starts a worker process. */
	enum ep_status (*open)(void *self, struct loop *loop, const char *program, const struct channel_events *events,
		struct channel **channel, struct error *error);
	/* Bytes read, 0 at the end, -1 with errno (EAGAIN: none now). */
	ssize_t (*read)(struct channel *channel, void *data, size_t length);
	/* Bytes taken, or -1 with errno (EAGAIN: none now). `fd`, unless -1, goes with the first byte. */
	ssize_t (*write)(struct channel *channel, const void *data, size_t length, int fd);
	/* Which events are wanted. `logged` and `exited` always are. */
	void (*want)(struct channel *channel, bool readable, bool writable);
	/* A descriptor of the progress page, to be sent with HELLO. */
	int (*progress_fd)(struct channel *channel);
	/* The call that the worker says it is busy with; 0: none. */
	uint64_t (*progress)(struct channel *channel);
	pid_t (*pid)(struct channel *channel);
	void (*kill)(struct channel *channel);  /* `exited` follows */
	void (*close)(struct channel *channel); /* kills it if it lives, and reaps it */
	void *self;
};

/* Real processes. */
extern const struct worker_channel_ops channel_process_ops;

#endif
