/*
 * parts.h: what the pipeline's own files share. A lane is one source's way from inbox to outbox, an item one message on it.
 *
 * Reading: one live reader goes over the inbox behind what is durable and gives each message to its lane. A lane that is
 * full, or whose worker takes no more, starts to lag: the live reader passes over its messages and only counts them. When
 * the lane has room again, a reader of its own follows from where it stopped until it meets the live one. So what is in
 * memory is bounded a lane, and no lane waits for another.
 *
 * An item ends its call in the order of the lane (supervise.h) and gets its outcome in that order too; hence one position
 * a lane, `done`, says which of its messages have an outcome.
 */
#ifndef PIPELINE_PARTS_H
#define PIPELINE_PARTS_H

#include <sys/queue.h>

#include "index/entries.h"
#include "pipeline/overlay.h"
#include "pipeline/pipeline.h"
#include "pipeline/stage.h"
#include "record/accept.h"

#define LANE_ITEMS_MAX ((size_t)WORKER_QUEUE_MAX)
#define LANE_BYTES_MAX ((size_t)4 * 1024 * 1024)  /* of frames in memory; one is always taken */
#define LANE_EXTENTS_MAX ((size_t)4)              /* open bodies */
#define LANE_STAGED_MAX ((size_t)4 * 1024 * 1024) /* of records in memory, of all items that wait for their turn */
#define PENDING_MAX UINT64_C(1000000)
#define REJECTION_TEXT_MAX 256
#define WAITER_BUCKETS 1024

enum item_state {
	ITEM_CALLED,   /* with the worker */
	ITEM_STALLED,  /* there was no room for its records: called again later */
	ITEM_ENDED,    /* all is there to settle it */
	ITEM_SETTLED,  /* its outcome can be appended */
	ITEM_APPENDED, /* index entries are being put */
};

/* Why the records that come are not taken any more. */
enum item_flaw { FLAW_NONE, FLAW_FAULT, FLAW_NO_ROOM, FLAW_TOO_MANY };

/* One message under way. */
struct item {
	struct worker_call call;
	struct lane *lane;
	struct engine *engine; /* whose worker has or had it; NULL: none */
	struct item *next;
	enum item_state state;
	uint64_t position;
	uint64_t sequence;
	uint64_t source_sequence;
	char *payload; /* owned: the frame's, into which `message` points */
	size_t payload_length;
	struct message message;
	int body_fd; /* owned; -1: the body is in the payload */
	/* What the worker gave so far. */
	struct stage staged;   /* accepted records, each u32 length and encoding */
	size_t staged_counted; /* of lane->staged */
	uint32_t record_count;
	enum item_flaw flaw;
	struct buffer rejections; /* encoded */
	uint32_t rejection_count, rejected;
	size_t before_last; /* length of `rejections` without the last one that fits */
	/* What becomes of it. */
	enum outcome_kind kind;
	struct settling *settling; /* owned; settle.c, commit.c */
	uint64_t outbox_position;
};

/* The records of one item on their way to its outcome frame. */
struct settling {
	struct window input;
	uint64_t at; /* in the input, then in the output */
	uint32_t count;
	bool seen; /* every record was shown to `keys` */
	struct record_keys *keys;
	struct stage output; /* encoded outcome records */
	struct overlay overlay;
	struct window back; /* reads the output */
	uint32_t kept, suppressed;
	/* After the append. */
	int extent_fd; /* owned; -1: none */
	bool held;     /* the index waits for the rest of the records */
	struct index_hold hold;
};

/* A worker of a lane, kept as long as an item names it. */
struct engine {
	struct lane *lane;
	struct worker *worker; /* owned; NULL: it was stopped */
	char *path;            /* owned; of the plugin */
	char name[80];         /* "camt 1.0.0": what it says of itself; until then what the file's note says */
	uint64_t build;
	bool whole;   /* a message with a bad record is refused whole */
	size_t items; /* that name it */
	bool retired; /* goes with its last item */
};

/* A plugin that takes the place of another; swap.c. */
struct swap {
	struct lane *lane;
	struct engine *incoming, *outgoing;
	bool ready, taken_over, failed;
	uint32_t calls, refused; /* answered by the new worker */
	enum ep_error code;
	char why[512];
	void (*done)(void *argument, const struct swap_result *result);
	void *argument;
	struct loop_task task;
	struct loop_timer timer;
};

/* Since the source's first message; counts.c. */
struct lane_counts {
	uint64_t received, bytes, records, suppressed, rejected;
	uint64_t outcomes[OUTCOME_DISCARDED + 1]; /* by enum outcome_kind */
};

struct lane {
	struct pipeline *pipeline;
	struct ep_slice name;             /* owned */
	const struct conf_source *source; /* NULL: not configured any more; its messages stay pending */
	struct engine *engine;            /* that new messages go to; NULL: not configured any more */
	struct swap *swap;                /* under way; NULL: none */
	char swap_trouble[512];
	struct record_policy policy;
	struct ep_slice account;    /* stands in where a file names no account */
	struct item *first, **last; /* in inbox order */
	size_t item_count, item_bytes, extents;
	size_t staged;
	uint64_t done;    /* position of the last message that has an outcome */
	uint64_t pending; /* messages that the live reader has seen, without outcome */
	bool lagging;
	uint64_t lag;                  /* what lies before it was taken */
	bool refused;                  /* the worker took no more; until it says that it has room */
	struct journal_reader *reader; /* while catching up */
	struct lane *ready_next;
	bool ready;
	struct lane_counts counts;
	int64_t oldest_ns;     /* received_at of what has waited longest, where no item says it */
	uint64_t last_records; /* position of the last outcome with records */
};

struct waiter {
	LIST_ENTRY(waiter) by_id; /* or in `appended` */
	LIST_ENTRY(waiter) by_argument;
	uint8_t id[16];
	uint64_t position; /* of the outcome; 0: none yet */
	void (*ready)(void *argument);
	void *argument;
};
LIST_HEAD(waiter_list, waiter);

struct pipeline {
	const struct conf *conf;
	struct loop *loop;
	struct journal *journal;
	struct index *index;
	struct supervisor *supervisor;
	const struct pipeline_workers *workers;
	struct ep_slice person_key;
	struct lane **lanes; /* by name */
	size_t lane_count, lane_capacity;
	size_t turn; /* lane with which catching up goes on */
	struct lane *ready_first, **ready_last;
	struct journal_reader *live;
	uint64_t head; /* inbox frames before it were given to their lanes */
	struct loop_task task;
	struct loop_timer retry;
	struct buffer accepted, key, entry_key, record, header; /* for one record or outcome at a time */
	bool started, stopping;
	bool complained; /* that the disk is full */
	struct waiter_list by_id[WAITER_BUCKETS], by_argument[WAITER_BUCKETS];
	struct waiter_list appended; /* of outcomes that are not yet durable */
	size_t waiter_count;
	struct loop_task fire;
	struct journal_reader *finder;
};

/* How far a piece of work came. */
enum step {
	STEP_DONE,
	STEP_MORE,   /* its turn is over */
	STEP_BLOCKED /* nothing can be done now: something will wake it */
};

/* lane.c */
struct lane *lane_find(struct pipeline *pipeline, struct ep_slice name);
/* Found or made; NULL without memory. */
struct lane *lane_get(struct pipeline *pipeline, struct ep_slice name);
void lane_free(struct lane *lane);
/* Takes the next item off, which is finished. */
void lane_finish(struct lane *lane);
/* The first message of the lane without an outcome is not before this position. */
uint64_t lane_low(const struct lane *lane);
/* Work on the lane's first item is possible. */
void lane_wake(struct lane *lane);
void lane_wake_all(struct pipeline *pipeline);

/* read.c: true if there is more to read now. */
bool read_live(struct pipeline *pipeline);
bool read_lagging(struct pipeline *pipeline);

/* engine.c */
EP_MUST_CHECK enum ep_status engine_create(
	struct engine **engine, struct lane *lane, const char *path, const struct ep_note *note, struct error *error);
/* NULL: it has no worker. */
const struct worker_identity *engine_identity(const struct engine *engine);
const char *engine_plugin(struct engine *engine, uint64_t *build);
/* Its worker is gone, with every call that it had. Not from within a worker's callbacks. */
void engine_stop(struct engine *engine);
void engine_retire(struct engine *engine);
/* The item names this one from now on, or none. */
void engine_take(struct engine *engine, struct item *item);
void engine_drop(struct item *item);

/* swap.c */
void swap_answered(struct item *item, enum call_result result);
void swap_free(struct swap *swap);

/* collect.c */
struct item *item_create(struct lane *lane, const struct journal_frame *frame, struct error *error);
void item_free(struct item *item);
/* EP_AGAIN: the worker takes no more. */
EP_MUST_CHECK enum ep_status item_submit(struct item *item);
/* What its worker has given so far is forgotten. */
void item_forget(struct item *item);
/* The message is refused, for this reason; `place` NULL: none. */
void item_quarantine(struct item *item, enum ep_error code, const struct ep_place *place, struct ep_slice text);

/* settle.c, commit.c: `budget` counts records. */
enum step item_settle(struct item *item, size_t *budget);
void settling_free(struct item *item);
enum step item_append(struct item *item);
enum step item_index(struct item *item, size_t *budget);
void outcome_recover(struct pipeline *pipeline, const struct journal_frame *frame, const struct outcome *outcome);

/* counts.c */
void counts_received(struct lane *lane, const struct message *message); /* it is counted as pending already */
void counts_outcome(struct lane *lane, const struct outcome *outcome);

/* find.c */
void waiters_init(struct pipeline *pipeline);
bool waiters_want(struct pipeline *pipeline, const uint8_t id[16]);
void waiters_appended(struct pipeline *pipeline, const uint8_t id[16], uint64_t position);
void waiters_durable(struct pipeline *pipeline);
void waiters_free(struct pipeline *pipeline);

/* No room on the disk, or no memory: what waits for it is tried again in a second. */
void pipeline_retry_later(struct pipeline *pipeline, const struct error *error);
/* Says why and ends the process: the log can't be read any more. */
__attribute__((noreturn)) void pipeline_die(const struct error *error);

#endif
