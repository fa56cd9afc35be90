/*
 * supervise.h: the workers of a gateway. One worker is one sandboxed process that hosts one plugin instance.
 *
 * A call hands one message over; its records come back one by one, then its end. Calls of one worker end in the order
 * in which they were submitted. A worker that crashes, hangs, lies or eats memory is killed and started again; the call
 * it was busy with is tried once more in a fresh one, then ended as CALL_CRASHED (design: Faults). Records of a first
 * try that came before the crash are taken back by `restarted`.
 *
 * Workers are started by the thread of the loop, and end with it (PDEATHSIG belongs to a thread).
 * The socket is a seam (struct worker_channel_ops) so that the simulator can be the worker.
 */
#ifndef SUPERVISE_SUPERVISE_H
#define SUPERVISE_SUPERVISE_H

#include <sys/types.h>

#include "base/error.h"
#include "base/loop.h"
#include "record/encode.h"

struct supervisor;
struct worker;
struct worker_channel_ops;

struct supervisor_options {
	struct loop *loop;
	const char *worker_program; /* NULL: entrepot-worker beside the executable */
	const char *const *require; /* sandbox layers without which no worker serves */
	size_t require_count;
	const struct worker_channel_ops *channels; /* NULL: real processes; else whatever plays the workers */
};

EP_MUST_CHECK enum ep_status supervisor_create(
	struct supervisor **supervisor, const struct supervisor_options *options, struct error *error);
void supervisor_destroy(struct supervisor *supervisor); /* kills what is left */

struct worker_setting {
	const char *name, *value; /* an option of the plugin, or zone, charset */
};

struct worker_options {
	const char *source;
	const char *plugin_path;
	const struct worker_setting *settings;
	size_t setting_count;
	int64_t deadline_ns;
	int64_t deadline_per_mib_ns;
	int64_t memory_max;
	int64_t body_max; /* the largest message; 0: not known */
	int64_t json_max;
	int64_t idle_ns;     /* without a call for so long, the process is ended; 0: never */
	bool reject_message; /* on_bad_record = "reject-message" */
	bool describe;       /* only to know the plugin's options: takes no settings, serves no calls */
};

/* An option as the plugin declares it. */
struct worker_option {
	uint32_t type; /* enum ep_option_type */
	bool required;
	int64_t min, max;                             /* of an integer */
	const char *name, *fallback, *choices, *help; /* never NULL; choices: "a|b|c" */
};

/* Known after the worker's first hello; told by the worker before it loads the plugin, which could claim what it likes. */
struct worker_identity {
	const char *name, *version; /* of the plugin */
	uint64_t build;
	const char *layers; /* of the sandbox that are active, separated by blanks, as probed by the worker */
	pid_t pid;          /* 0: not running */
	uint64_t restarts;  /* after an end that wasn't for idleness */
	uint64_t crashes;
	bool throttled;      /* not running, and not started before its delay is over */
	const char *trouble; /* why it last ended badly, or couldn't be started; printable; empty: never */
	const struct worker_option *options; /* with `describe` */
	size_t option_count;
};

/* Starts nothing yet: the process is started by the first call, or by worker_start(). */
EP_MUST_CHECK enum ep_status worker_create(struct supervisor *supervisor, const struct worker_options *options,
	struct worker **worker, struct error *error);
/* Started and ready, or why not (options refused, sandbox layer missing, plugin can't be loaded). For `check`; waits. */
EP_MUST_CHECK enum ep_status worker_start(struct worker *worker, struct error *error);
/*
 * Starts every worker there is, a few at a time, and waits for them, at most `wait_ns`. What the configuration is to blame
 * for (an option, a missing layer, a plugin that can't be loaded) is told to `refused`. A worker that crashes or hangs
 * isn't: that is its plugin's fault, and it is started again for its first call. Returns how many were refused.
 */
size_t supervisor_start_all(struct supervisor *supervisor, int64_t wait_ns,
	void (*refused)(void *argument, const char *source, const struct error *error), void *argument);
/* Starts the process if none runs, and doesn't wait: what comes of it is told to the watch. */
void worker_begin(struct worker *worker);
/*
 * Who wants to know how a worker fares: it serves, after each start; it ended badly or couldn't be started, and why. Called
 * from the loop or from within worker_begin(); the worker may not be destroyed from within.
 */
struct worker_watch {
	void (*ready)(void *argument);
	void (*failed)(void *argument, enum ep_error code, const char *why);
	void *argument;
};
/* NULL: nobody. */
void worker_watch(struct worker *worker, const struct worker_watch *watch);
/* Calls not ended are dropped without a word. Not from within a call's callbacks. */
void worker_destroy(struct worker *worker);
const struct worker_identity *worker_identity(const struct worker *worker);

enum call_result {
	CALL_OK = 1,     /* records and rejects were given */
	CALL_FAILED = 2, /* the plugin refused the message: code, place, text are set */
	CALL_CRASHED = 3 /* crash, deadline, memory or lies, twice: code and text say which, with signal and version */
};

struct call_place {
	struct ep_place place; /* place.path: valid during the callback */
};

struct worker_call {
	/* Set by the caller; all must stay valid until `end`. */
	struct ep_slice body; /* inline; or: */
	int body_fd;          /* -1, or a descriptor for reading, from offset 0; stays the caller's */
	uint64_t body_length;
	struct ep_slice content_type, content_encoding, name;
	const struct ep_header *headers;
	uint32_t header_count;
	/* What these are given is valid during the callback. */
	void (*record)(struct worker_call *call, struct ep_slice encoded, const struct record_origin *origins,
		uint32_t origin_count);
	void (*reject)(
		struct worker_call *call, enum ep_error code, const struct ep_place *place, struct ep_slice text);
	void (*restarted)(struct worker_call *call); /* forget what came so far: it comes again */
	void (*end)(struct worker_call *call, enum call_result result, enum ep_error code, const struct ep_place *place,
		struct ep_slice text);
	void *owner;
	/* The supervisor's. */
	struct worker_call *next;
	uint64_t number;
	uint32_t tries; /* that ended badly for certain because of it */
	bool alone;     /* goes to a worker that has nothing else: a call with it ended badly, or may have */
	int64_t started_ns;
};

/* EP_AGAIN: enough is queued (WORKER_QUEUE_MAX calls or bytes); wait for `room`. */
#define WORKER_QUEUE_MAX 256
EP_MUST_CHECK enum ep_status worker_submit(struct worker *worker, struct worker_call *call);
void worker_on_room(struct worker *worker, void (*room)(void *argument), void *argument);
/* Kills the worker because its output broke a rule (a record that record_accept() calls EP_MISUSE); counts as a crash of
 * the call that is being answered. */
void worker_fault(struct worker *worker, const char *what);

#endif
