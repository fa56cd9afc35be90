/*
 * parts.h: what a courier is made of. Inside core/courier only.
 *
 *   item    one record that is to be forwarded and has no end yet
 *   key     the items of one business key, in their order: only the first may be on its way, or several in one batch
 *   batch   items that are sent together; when it must be tried again it stays together, so that its key stays the same
 *   window  items read since the durable cursor, in the order of the outbox
 *
 * An item is read (window), carried in a batch, and resolved: delivered or dead. The durable cursor passes everything that
 * is resolved; an item that it has to pass unresolved is written down as open.
 */
#ifndef COURIER_PARTS_H
#define COURIER_PARTS_H

#include <sys/queue.h>

#include "courier/courier.h"
#include "courier/delivery.h"
#include "courier/outbox.h"

enum item_state {
	ITEM_WAITING, /* behind another of its key */
	ITEM_READY,   /* to be put into the next batch */
	ITEM_CARRIED, /* in a batch */
	ITEM_DELIVERED,
	ITEM_DEAD
};

struct key;

struct item {
	struct delivery_place at;
	uint8_t id[16]; /* of the event; known once it has been rendered */
	struct key *key;
	struct item *key_previous, *key_next; /* unresolved ones of the key */
	struct batch *batch;                  /* that carries it, or waits with it */
	enum item_state state;
	bool open;                     /* the durable cursor has passed it */
	uint64_t filtered, superseded; /* the courier's counts when it was read; of items in the window */
	int code;                      /* of a dead one */
	char *reason;                  /* of a dead one, owned */
	TAILQ_ENTRY(item) listed;      /* not open: in `window`; open and resolved: in `closed` */
	TAILQ_ENTRY(item) ready;
};

struct key {
	uint64_t hash;
	struct item *first, *last;
	struct key *next; /* in its bucket */
};

TAILQ_HEAD(item_list, item);

#define KEY_BUCKETS 16384

/* keys.c */
struct keys {
	struct key *buckets[KEY_BUCKETS];
};

/* Hash of what must keep its order. Never DELIVERY_NO_KEY. */
uint64_t key_hash(struct ep_slice source, const struct outcome_record *record);
/* Puts the item at the end of its key's line; false without memory. */
bool keys_join(struct keys *keys, uint64_t hash, struct item *item);
/* Takes the first item of its key out of the line; returns the one that is now first, or NULL. */
struct item *keys_leave(struct keys *keys, struct item *item);

struct batch {
	struct transport_batch transport;
	struct courier *courier;
	struct item **items; /* owned; of one key in their order */
	uint32_t count, capacity;
	bool full;
	struct buffer body; /* empty while it waits for another try */
	uint32_t attempts;
	int64_t due_ns;           /* of the next try */
	int64_t begun_ns;         /* when its first item came */
	uint64_t successes_seen;  /* the courier's when it was sent */
	LIST_ENTRY(batch) listed; /* under way */
};

LIST_HEAD(batch_list, batch);

/* batch.c */
struct batch *batch_create(struct courier *courier); /* NULL without memory */
void batch_destroy(struct batch *batch);
/* EP_OK: taken in. EP_LIMIT: it doesn't fit any more, the batch is full. EP_NO_MEMORY. */
EP_MUST_CHECK enum ep_status batch_add(struct batch *batch, struct item *item, struct ep_slice event);
/* The body is whole; `transport` is filled in. */
EP_MUST_CHECK enum ep_status batch_seal(struct batch *batch);
/* Gives the body's memory back. */
void batch_empty(struct batch *batch);
/* Appends one event to the body; for a batch whose items are known. */
EP_MUST_CHECK enum ep_status batch_append(struct batch *batch, uint32_t index, struct ep_slice event);
/* The second half of the items, in a batch of their own; NULL without memory, and then nothing has changed. Items behind
 * one of the first half wait by themselves. It may come out empty. */
struct batch *batch_split(struct batch *batch);

/* Batches that wait for another try, the one that is due first on top. */
struct retries {
	struct batch **heap; /* owned */
	size_t count, capacity;
};
EP_MUST_CHECK enum ep_status retries_push(struct retries *retries, struct batch *batch);
struct batch *retries_pop(struct retries *retries);
struct batch *retries_first(const struct retries *retries); /* NULL: none */

struct courier {
	const struct conf_destination *destination;
	const struct transport_ops *ops;
	struct transport *transport;
	struct loop *loop;
	struct journal *journal;
	struct outbox *outbox;   /* reads on */
	struct outbox *repeated; /* reads again what is sent once more; opened when it is needed first */
	struct loop_task task;
	struct loop_timer timer;
	bool started, stopping;
	bool broken; /* the journal can't be read, or there is no memory: said once */

	struct delivery_state state; /* what the journal says */
	struct delivery_step step;   /* the next one, while it is made */
	struct buffer frame;         /* its payload */
	bool refused_append;         /* said once */

	struct keys keys;
	struct item_list window; /* not open; in the order of the outbox */
	size_t window_count, window_resolved;
	struct item_list closed; /* open and resolved: to be written down */
	struct item_list ready;
	struct item *held;          /* rendered in `event`, on its way into a batch */
	size_t unresolved, carried; /* items without an end; of these, in a batch that is being built or under way */
	uint64_t delivered, filtered, superseded, dead;

	struct buffer event;    /* that of `held` */
	struct buffer again;    /* one that is rendered once more */
	struct batch *building; /* NULL: none */
	struct retries retries;
	struct batch_list under_way;
	size_t flying; /* batches under way */
	size_t flying_max;

	uint32_t failures; /* in a row */
	uint64_t successes;
	uint64_t bytes;        /* of their bodies */
	int64_t hold_until_ns; /* nothing is sent before */
	bool refused;          /* our credentials */
	bool prefer_new;       /* retries and new batches take turns while it fails */
	uint64_t retried;
};

/* items.c: records from the outbox into batches, and to their end. */
/* Every record that was open when the state was written. */
void courier_reopen(struct courier *courier);
enum courier_more { COURIER_MORE, COURIER_NO_MORE };
/* Takes records into `building` until it is full, nothing is left or the quantum is used up (COURIER_MORE). */
enum courier_more courier_fill(struct courier *courier);
/* Renders a batch that waited once more. */
EP_MUST_CHECK enum ep_status courier_render(struct courier *courier, struct batch *batch);
void courier_deliver(struct courier *courier, struct item *item);
void courier_bury(struct courier *courier, struct item *item, int code, const char *reason);
/* The items wait by themselves again; the batch is gone. */
void courier_disband(struct courier *courier, struct batch *batch);
size_t courier_parked(const struct courier *courier);
/* Nothing more for a while, because of something that isn't the destination's fault. */
void courier_halt(struct courier *courier, const char *why);
void courier_free_items(struct courier *courier);

/* progress.c: writes down what has got its end. `all`: also where only the cursor moved. */
void courier_write_progress(struct courier *courier, bool all);

#endif
