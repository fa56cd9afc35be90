/*
 * pipeline.h: from the inbox to the outbox: each message to its source's worker, its records checked, de-duplicated,
 * versioned, and committed as one outcome frame.
 *
 * Invariants kept here: 2 (one outcome a frame), 3 (one callback, one transaction), 5 (order of a source), 6 (a stuck
 * source holds up no other), 8 (worker output is untrusted), 11 (old never overwrites new).
 */
#ifndef PIPELINE_PIPELINE_H
#define PIPELINE_PIPELINE_H

#include "conf/conf.h"
#include "index/index.h"
#include "journal/message.h"
#include "journal/outcome.h"
#include "supervise/supervise.h"

struct pipeline;

/* The calls of supervise.h that the pipeline makes: a seam for tests and simulation, which bring workers of their own. */
struct pipeline_workers {
	enum ep_status (*create)(struct supervisor *supervisor, const struct worker_options *options,
		struct worker **worker, struct error *error);
	void (*destroy)(struct worker *worker);
	const struct worker_identity *(*identity)(const struct worker *worker);
	enum ep_status (*submit)(struct worker *worker, struct worker_call *call);
	void (*on_room)(struct worker *worker, void (*room)(void *argument), void *argument);
	void (*fault)(struct worker *worker, const char *what);
	/* Without these two nothing can be swapped. */
	void (*watch)(struct worker *worker, const struct worker_watch *watch);
	void (*begin)(struct worker *worker);
};

extern const struct pipeline_workers pipeline_workers_real; /* supervise.h itself */

struct pipeline_options {
	const struct conf *conf;
	struct loop *loop;
	struct journal *journal;
	struct index *index;
	struct supervisor *supervisor;
	const struct pipeline_workers *workers; /* NULL: pipeline_workers_real */
	struct ep_slice person_key;
};

EP_MUST_CHECK enum ep_status pipeline_create(
	struct pipeline **pipeline, const struct pipeline_options *options, struct error *error);
void pipeline_destroy(struct pipeline *pipeline);

/*
 * Start: the state of the checkpoint (empty: none yet), then every inbox and outcome frame from its position on, or from
 * further back, in order; then go. A message that has an outcome frame isn't processed again, one without is. Index
 * entries are put again from outcome frames: what was decided stands there and is never decided anew.
 */
EP_MUST_CHECK enum ep_status pipeline_restore(struct pipeline *pipeline, struct ep_slice checkpoint);
void pipeline_recover(struct pipeline *pipeline, const struct journal_frame *frame);
void pipeline_start(struct pipeline *pipeline);
/* No new calls; what is under way is finished. */
void pipeline_stop(struct pipeline *pipeline);
size_t pipeline_busy(const struct pipeline *pipeline);

/* What a checkpoint must hold, and from which position the log must be read again. */
EP_MUST_CHECK enum ep_status pipeline_checkpoint(struct pipeline *pipeline, struct buffer *out, uint64_t *from);
/* What stands in such a checkpoint, for who compares it with the log: inbox frames before `head` are counted. */
struct pipeline_saved {
	uint64_t head;
	struct ep_slice rest; /* of the sources */
	uint32_t left;
};
struct pipeline_saved_source {
	struct ep_slice name;
	uint64_t done; /* position of the last message that has an outcome */
	uint64_t pending;
	uint64_t low; /* nothing before it is pending */
};
EP_MUST_CHECK enum ep_status pipeline_saved_read(struct ep_slice checkpoint, struct pipeline_saved *saved);
/* False: none is left. */
bool pipeline_saved_next(struct pipeline_saved *saved, struct pipeline_saved_source *source);
/* The inbox before this position is not needed any more: every message there has its outcome. */
uint64_t pipeline_needs(const struct pipeline *pipeline);

/* Messages of the source that are durable and have no outcome yet. */
uint64_t pipeline_pending(struct pipeline *pipeline, struct ep_slice source);

/* What a source came to, since its first message. */
struct pipeline_source {
	struct ep_slice name;
	const struct conf_source *conf; /* NULL: not configured any more */
	uint64_t received, bytes;
	uint64_t outcomes[OUTCOME_DISCARDED + 1]; /* by enum outcome_kind */
	uint64_t pending;
	uint64_t records, suppressed, rejected; /* records kept; equal to what is known; refused */
	int64_t oldest_ns;                      /* realtime at which the oldest pending one was received; 0: none */
	const struct worker_identity *worker;   /* NULL: none */
	const char *plugin_path;                /* that it runs; NULL: none */
	const char *swap;                       /* "": none; "starting" or "on trial": its plugin is being swapped */
	const char *swap_trouble;               /* why the last swap was refused; "": it wasn't */
};
/* The sources in the order of their names; false behind the last. */
bool pipeline_source(const struct pipeline *pipeline, size_t index, struct pipeline_source *source);
/* All records that were ever kept, and the position of the last outcome that has some. */
struct pipeline_outbox {
	uint64_t records, last;
};
struct pipeline_outbox pipeline_outbox(const struct pipeline *pipeline);
/* The counts' own part of a checkpoint; restored behind pipeline_restore(), before the first frame. */
EP_MUST_CHECK enum ep_status pipeline_counts_save(struct pipeline *pipeline, struct buffer *out);
EP_MUST_CHECK enum ep_status pipeline_counts_restore(struct pipeline *pipeline, struct ep_slice saved);

/*
 * Another plugin for a source that goes on working (swap.c). EP_OK: `done` is called once, later, from the loop: refused
 * with the reason; or in service after its first messages; or, when those don't come soon, on trial. Else nothing has
 * changed: EP_NOT_FOUND: no such source; EP_CONFLICT: another swap of it is under way; EP_AGAIN: stopping; EP_BAD_CONFIG: the
 * file isn't a plugin of this interface.
 */
enum swap_state { SWAP_REFUSED, SWAP_ON_TRIAL, SWAP_IN_SERVICE };
struct swap_result {
	enum swap_state state;
	uint32_t messages, refused; /* that it has answered; of these, those that it refused */
	const char *why;            /* SWAP_REFUSED */
	enum ep_error code;
	const struct worker_identity *identity; /* of the new worker; NULL if it is gone */
};
EP_MUST_CHECK enum ep_status pipeline_swap(struct pipeline *pipeline, struct ep_slice source, const char *path,
	void (*done)(void *argument, const struct swap_result *result), void *argument, struct error *error);
/* Whoever asked is gone. */
void pipeline_swap_cancel(struct pipeline *pipeline, const void *argument);

/*
 * What intake asks (see struct intake_outcomes). Outcomes are told only once they are durable; OUTCOME_PENDING until
 * then. EP_NOT_FOUND: no such message. The outcome's slices are valid until the next call.
 */
EP_MUST_CHECK enum ep_status pipeline_find(
	struct pipeline *pipeline, const uint8_t message_id[16], struct outcome *outcome);
void pipeline_wait(
	struct pipeline *pipeline, const uint8_t message_id[16], void (*ready)(void *argument), void *argument);
void pipeline_cancel(struct pipeline *pipeline, void *argument);
/* EP_AGAIN: a million of the source's messages wait already. */
EP_MUST_CHECK enum ep_status pipeline_admits(struct pipeline *pipeline, struct ep_slice source);

#endif
