/*
 * state.h: what the files of supervise/ share about one worker.
 *
 *   supervisor.c  the table: create, start, destroy
 *   submit.c      the queue of calls, and what goes to the worker
 *   answer.c      what comes from the worker
 *   fault.c       deadlines, ends, second tries, throttling
 *   lines.c       the worker's standard error
 *   channel.c     the process, its socket and pipe
 */
#ifndef SUPERVISE_STATE_H
#define SUPERVISE_STATE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "supervise/channel.h"
#include "supervise/supervise.h"

#define SEND_DESCRIPTORS_MAX 8 /* calls under way whose body is a descriptor; the worker holds twice as many */
#define LINE_BYTES_MAX 1024

enum worker_state {
	WORKER_STOPPED,   /* no process; started by the next call */
	WORKER_THROTTLED, /* no process; started when the timer runs out */
	WORKER_STARTING,  /* HELLO was sent */
	WORKER_LOADS,     /* it has named its plugin and its layers; from now on the plugin may be the one that talks */
	WORKER_SERVING
};

static inline bool worker_is_starting(enum worker_state state)
{
	return state == WORKER_STARTING || state == WORKER_LOADS;
}

/* Goes with the first byte of the frame at `at` of worker.out. */
struct descriptor_to_send {
	size_t at;
	int fd;
	bool owned; /* closed once it was sent */
};

/* The worker's standard error, as lines. */
struct line_reader {
	char text[LINE_BYTES_MAX];
	size_t length;
	bool overlong;     /* the rest of the line is dropped */
	int64_t window_ns; /* start of the current window of the rate limit */
	uint32_t window_lines;
	uint64_t suppressed;
};

struct worker {
	struct supervisor *supervisor;
	struct worker *next;
	struct arena memory; /* of the options' copies */
	struct worker_options options;
	struct worker_identity identity;
	char plugin_name[64], plugin_version[32], layers[160];
	enum worker_state state;
	struct channel *channel; /* NULL: no process */

	/* Calls that have not ended, in order. Those before `unsent` are with the worker. */
	struct worker_call *first, **last;
	struct worker_call *unsent;
	size_t count;
	size_t body_bytes;       /* of inline bodies in the queue */
	size_t descriptor_calls; /* with the worker */
	uint64_t last_number;
	void (*room)(void *argument);
	void *room_argument;
	bool room_wanted;

	struct buffer out; /* frames to the worker */
	size_t out_used;   /* bytes at its front that were written */
	struct descriptor_to_send descriptors[SEND_DESCRIPTORS_MAX + 1];
	size_t descriptor_count;
	struct buffer in; /* frames from the worker */

	/* Of the first call. */
	bool first_given;      /* records or rejections were handed on */
	uint64_t first_output; /* bytes of its frames */

	/* Handshake, deadline, idleness or throttle, by state. */
	struct loop_timer timer;
	uint64_t seen_number;     /* the call that was under way when last looked */
	uint64_t seen_first;      /* the first that was not answered then */
	uint32_t seen_unanswered; /* how often another was under way, and none had been answered */
	int64_t seen_ns;          /* since when */
	bool graced;              /* it was given a moment more, since output of it was waiting here */

	int64_t idle_since_ns; /* serving, and without a call since */
	bool retired;          /* killed because it was idle: its exit is nobody's fault */

	bool dying; /* killed, or its socket is closed: its exit follows, and nothing is read or written any more */
	/* Why it was killed; text empty: for no fault of its own, or it ended by itself. */
	enum ep_error fault_code;
	bool fault_uncertain; /* whichever of the calls that it had has done it */
	char fault_text[256];
	bool asked;   /* worker_start() waits, and tells its caller */
	bool refused; /* it has said why it won't serve: */
	enum ep_status start_status;
	struct error start_error;

	uint64_t heard;    /* bytes it has said */
	bool good;         /* a call was answered since it was started */
	uint32_t failures; /* ends without a good call, in a row */
	uint64_t starts;
	struct loop_task send_task, room_task;
	struct worker_watch watch; /* functions NULL: nobody */
	struct line_reader lines;
	char last_line[160]; /* of its log, printable */
	char trouble[sizeof(((struct error *)0)->text)];
};

struct supervisor {
	struct loop *loop;
	const struct worker_channel_ops *ops;
	char *worker_program; /* owned */
	const char **require; /* owned, with its texts in `memory` */
	size_t require_count;
	struct arena memory;
	struct worker *workers; /* in the order in which they were made */
	size_t kept;            /* workers that were started with the others */
	bool starting_all;      /* whoever asked for it is told of refusals, and the log isn't */
};

/* submit.c */
void submit_start(struct worker *worker); /* starts the process now; what goes wrong is a fault */
void submit_pump(struct worker *worker);
void submit_task(void *worker);
void submit_room_task(void *worker);
/* Takes an ended call out of the queue, and tells who waits for room. */
void submit_unlink(struct worker *worker, struct worker_call *call);
/* Everything that was queued to go out is forgotten. */
void submit_reset(struct worker *worker);

/* answer.c: reads and handles what is there, up to a bound: true if more may be waiting. */
bool answer_read(struct worker *worker);

/* fault.c */
void fault_timer(void *worker);
void fault_arm(struct worker *worker); /* calls are under way: watch the deadline */
void fault_kill(struct worker *worker, enum ep_error code, bool uncertain, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Without a call for so long that its process isn't worth keeping; the next call starts another. */
void fault_retire(struct worker *worker);
/* Serving, and no call is left: from now on it is idle. */
void fault_idle(struct worker *worker);
void fault_exited(struct worker *worker, const struct channel_exit *how);
/* The process couldn't even be started. */
void fault_unstartable(struct worker *worker, const struct error *error);

/* lines.c */
void lines_take(struct worker *worker, struct ep_slice bytes);
void lines_end(struct worker *worker);

#endif
