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

struct pipeline_options {
	const struct conf *conf;
	struct loop *loop;
	struct journal *journal;
	struct index *index;
	struct supervisor *supervisor;
	struct ep_slice person_key;
};

EP_MUST_CHECK enum ep_status pipeline_create(
	struct pipeline **pipeline, const struct pipeline_options *options, struct error *error);
void pipeline_destroy(struct pipeline *pipeline);

/* Start: the state of the checkpoint, then every inbox and outcome frame from there on, in order; then go. */
EP_MUST_CHECK enum ep_status pipeline_restore(struct pipeline *pipeline, struct ep_slice checkpoint);
void pipeline_recover(struct pipeline *pipeline, const struct journal_frame *frame);
void pipeline_start(struct pipeline *pipeline);
/* No new calls; what is under way is finished. */
void pipeline_stop(struct pipeline *pipeline);
size_t pipeline_busy(const struct pipeline *pipeline);

/* What a checkpoint must hold, and from which position the log must be read again. */
enum ep_status pipeline_checkpoint(struct pipeline *pipeline, struct buffer *out, uint64_t *from);

/* What intake asks (see struct intake_outcomes). */
enum ep_status pipeline_find(struct pipeline *pipeline, const uint8_t message_id[16], struct outcome *outcome);
void pipeline_wait(struct pipeline *pipeline, const uint8_t message_id[16], void (*ready)(void *argument), void *argument);
void pipeline_cancel(struct pipeline *pipeline, void *argument);
enum ep_status pipeline_admits(struct pipeline *pipeline, struct ep_slice source);

#endif
