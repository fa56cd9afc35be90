/*
 * accept.c: see accept.h.
 *
 * Index entries are put when a frame is appended, before it is durable: so a duplicate finds a first that is still on its
 * way to the disk. After a crash such an entry is gone together with its frame (index_durable()).
 *
 * While the journal writes one group and the next is full, messages wait in `later`, in their order, until it has written.
 *
 * Keys of one source: 'i' Idempotency-Key, 'e' provider's id, 'd' digest. The second and later bodies of one provider's id
 * stand under id, NUL, digest.
 */
#include "intake/accept.h"

#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "index/entries.h"
#include "intake/later.h"

#define HEAD_MAX (JOURNAL_FRAME_MAX - JOURNAL_INLINE_MAX) /* bytes of a frame besides the body */
#define SPARE_MAX 4096                                    /* nodes kept for reuse */

/* Who waits for a frame to be durable. */
struct waiting {
	struct waiting *next;
	uint64_t end; /* of the frame */
	struct receipt receipt;
	void (*done)(void *argument, enum ep_status status, const struct receipt *receipt, const struct error *error);
	void *argument;
};

struct acceptor {
	struct journal *journal;
	struct index *index;
	struct buffer head; /* a frame's payload without the body */
	struct buffer key;
	struct buffer id;
	struct waiting *first, **last; /* in the order of their frames */
	struct waiting *spare;
	struct later_list later; /* behind `first` */
	size_t spare_count;
	struct acceptor_counts counts;
};

/* What the index says of a message. */
struct finding {
	struct entry_message entry;
	bool duplicate;
	bool conflict; /* same provider's id as `entry`, other body */
};

static bool is_same_body(const struct entry_message *entry, const struct message *message)
{
	return entry->bytes == message->body_length &&
	       memcmp(entry->sha256, message->sha256, sizeof(entry->sha256)) == 0;
}

static struct ep_slice digest_of(const struct message *message)
{
	return ep_slice_make((const char *)message->sha256, sizeof(message->sha256));
}

static struct ep_slice make_key(
	struct acceptor *acceptor, enum entry_known_by by, struct ep_slice source, struct ep_slice id)
{
	buffer_clear(&acceptor->key);
	if (entry_message_key(&acceptor->key, by, source, id) != EP_OK)
		PANIC("a key longer than a message's head");
	return buffer_slice(&acceptor->key);
}

/* The provider's id together with the body's digest. */
static struct ep_slice make_conflict_id(struct acceptor *acceptor, const struct message *message)
{
	buffer_clear(&acceptor->id);
	(void)buffer_append_slice(&acceptor->id, message->dedupe);
	(void)buffer_append_byte(&acceptor->id, '\0');
	if (buffer_append_slice(&acceptor->id, digest_of(message)) != EP_OK)
		PANIC("a key longer than a message's head");
	return buffer_slice(&acceptor->id);
}

static bool look_up(struct acceptor *acceptor, enum entry_known_by by, const struct message *message,
	struct ep_slice id, struct entry_message *entry)
{
	struct ep_slice value;

	if (index_get(acceptor->index, INDEX_MESSAGES, make_key(acceptor, by, message->source, id), &value) != EP_OK)
		return false;
	*entry = entry_message_read(value);
	return true;
}

static bool within(const struct entry_message *entry, int64_t now_ns, int64_t window_ns)
{
	return now_ns - entry->received_at_ns <= window_ns;
}

static void find_by_event(struct acceptor *acceptor, const struct message *message, struct finding *finding)
{
	if (!look_up(acceptor, ENTRY_BY_EVENT, message, message->dedupe, &finding->entry))
		return;
	finding->duplicate =
		is_same_body(&finding->entry, message) ||
		look_up(acceptor, ENTRY_BY_EVENT, message, make_conflict_id(acceptor, message), &finding->entry);
	finding->conflict = !finding->duplicate;
}

/* EP_CONFLICT: the Idempotency-Key belongs to another body. */
static enum ep_status find_earlier(struct acceptor *acceptor, const struct conf_source *source,
	const struct message *message, struct finding *finding, struct error *error)
{
	struct entry_message entry;

	*finding = (struct finding){.duplicate = false};
	if (message->idempotency.length &&
		look_up(acceptor, ENTRY_BY_IDEMPOTENCY, message, message->idempotency, &entry)) {
		if (!is_same_body(&entry, message))
			return error_set(error, EP_CONFLICT, EP_ERR_IDEMPOTENCY_CONFLICT,
				"this Idempotency-Key was used for another body");
		finding->entry = entry;
		finding->duplicate = true;
		return EP_OK;
	}
	if (source->dedupe == CONF_DEDUPE_OFF)
		return EP_OK;
	if (message->dedupe.length)
		find_by_event(acceptor, message, finding);
	else if (look_up(acceptor, ENTRY_BY_DIGEST, message, digest_of(message), &entry) &&
		 within(&entry, message->received_at_ns, source->dedupe_window_ns) && is_same_body(&entry, message))
		*finding = (struct finding){.entry = entry, .duplicate = true};
	return EP_OK;
}

/* index_has_room() was asked before the frame was appended, so there is room for these. */
static void put(struct acceptor *acceptor, enum index_table table, struct ep_slice key, struct ep_slice value,
	uint64_t position)
{
	if (index_put(acceptor->index, table, key, value, position) != EP_OK)
		PANIC("the index has no room although it said so");
}

/* The entries of one frame, when it is appended and when it is read again. At most INDEX_ROOM. `findable`: the next
 * message like it is a duplicate. */
static void put_entries(struct acceptor *acceptor, const struct message *message, const struct entry_message *entry,
	uint64_t position, bool findable)
{
	const struct entry_outcome pending = {.inbox_position = entry->position};
	uint8_t bytes[ENTRY_MESSAGE_BYTES], outcome[ENTRY_OUTCOME_BYTES];
	struct ep_slice value = entry_message_write(entry, bytes), id = digest_of(message);
	enum entry_known_by by = ENTRY_BY_DIGEST;

	if (message->idempotency.length)
		put(acceptor, INDEX_MESSAGES,
			make_key(acceptor, ENTRY_BY_IDEMPOTENCY, message->source, message->idempotency), value,
			position);
	if (message->flags & MESSAGE_DUPLICATE)
		return;
	if (message->dedupe.length) {
		by = ENTRY_BY_EVENT;
		id = message->flags & MESSAGE_CONFLICT ? make_conflict_id(acceptor, message) : message->dedupe;
	}
	if (findable)
		put(acceptor, INDEX_MESSAGES, make_key(acceptor, by, message->source, id), value, position);
	put(acceptor, INDEX_OUTCOMES, entry_outcome_key(message->id), entry_outcome_write(&pending, outcome), position);
}

static enum ep_status append(struct acceptor *acceptor, const struct message *message, int spool_fd,
	struct journal_frame *frame, struct error *error)
{
	struct iovec parts[2];
	struct journal_append what = {.kind = JOURNAL_MESSAGE,
		.urgency = JOURNAL_URGENT,
		.parts = parts,
		.part_count = 1,
		.spool_fd = spool_fd,
		.spool_length = spool_fd == -1 ? 0 : message->body_length};

	buffer_clear(&acceptor->head);
	if (message_write(message, &acceptor->head) != EP_OK)
		return error_set(error, EP_BAD_INPUT, EP_ERR_HEADER_TOO_LARGE, "the headers to be kept are too large");
	parts[0] = (struct iovec){acceptor->head.data, acceptor->head.length};
	if (spool_fd == -1 && message->body.length)
		parts[what.part_count++] = (struct iovec){(void *)message->body.data, message->body.length};
	return journal_append(acceptor->journal, &what, frame, error);
}

/* A duplicate's evidence: everything of the message but its body, and the id of the first. */
static void make_evidence(struct message *message, const struct entry_message *first)
{
	message->flags = MESSAGE_DUPLICATE;
	message->first = first->position;
	memcpy(message->id, first->id, sizeof(message->id));
	message->body = ep_slice_make(NULL, 0);
}

static struct waiting *take_waiting(struct acceptor *acceptor)
{
	struct waiting *waiting = acceptor->spare;

	if (!waiting)
		return malloc(sizeof(*waiting));
	acceptor->spare = waiting->next;
	acceptor->spare_count--;
	return waiting;
}

static void give_waiting(struct acceptor *acceptor, struct waiting *waiting)
{
	if (acceptor->spare_count == SPARE_MAX) {
		free(waiting);
		return;
	}
	waiting->next = acceptor->spare;
	acceptor->spare = waiting;
	acceptor->spare_count++;
}

static struct receipt make_receipt(const struct entry_message *entry, bool duplicate)
{
	struct receipt receipt = {.received_at_ns = entry->received_at_ns,
		.bytes = entry->bytes,
		.duplicate = duplicate,
		.inbox_position = entry->position};

	memcpy(receipt.message_id, entry->id, sizeof(receipt.message_id));
	memcpy(receipt.sha256, entry->sha256, sizeof(receipt.sha256));
	return receipt;
}

/* Appends the message, or the evidence of a duplicate. EP_OK: *waiting is filled in, the spool file is taken over.
 * EP_AGAIN: `full` if the journal has room again once it has written what it has. */
static enum ep_status take_message(struct acceptor *acceptor, const struct acceptance *what, struct waiting *waiting,
	bool *full, struct error *error)
{
	struct message message = what->message;
	struct finding finding;
	struct journal_frame frame;
	int spool_fd = what->spool_fd;
	enum ep_status status = journal_accepts(acceptor->journal);

	if (status != EP_OK)
		return error_set(error, status, EP_ERR_DISK_FULL, "there is no room to accept more");
	if (!index_has_room(acceptor->index))
		return error_set(error, EP_AGAIN, EP_ERR_BUSY, "the index is behind");
	message.received_at_ns = clock_realtime_ns();
	message.first = 0;
	message.flags &= MESSAGE_TEST;
	status = find_earlier(acceptor, what->source, &message, &finding, error);
	if (status != EP_OK)
		return status;
	if (finding.duplicate) {
		make_evidence(&message, &finding.entry);
		spool_fd = -1;
	} else {
		message.flags |= finding.conflict ? MESSAGE_CONFLICT : 0;
		entry_message_id(message.received_at_ns, message.id);
		finding.entry =
			(struct entry_message){.received_at_ns = message.received_at_ns, .bytes = message.body_length};
		memcpy(finding.entry.id, message.id, sizeof(message.id));
		memcpy(finding.entry.sha256, message.sha256, sizeof(message.sha256));
	}
	status = append(acceptor, &message, spool_fd, &frame, error);
	*full = status == EP_AGAIN;
	if (status != EP_OK)
		return status;
	if (!finding.duplicate)
		finding.entry.position = frame.position;
	put_entries(acceptor, &message, &finding.entry, frame.position, what->source->dedupe != CONF_DEDUPE_OFF);
	if (finding.duplicate && what->spool_fd != -1)
		journal_spool_drop(acceptor->journal, what->spool_fd, message.body_length);
	acceptor->counts.messages++;
	acceptor->counts.duplicates += finding.duplicate;
	acceptor->counts.conflicts += finding.conflict;
	waiting->end = frame.next;
	waiting->receipt = make_receipt(&finding.entry, finding.duplicate);
	return EP_OK;
}

static void refuse(
	struct acceptor *acceptor, const struct acceptance *what, enum ep_status status, const struct error *error)
{
	acceptor->counts.refused++;
	if (what->spool_fd != -1)
		journal_spool_drop(acceptor->journal, what->spool_fd, what->message.body_length);
	what->done(what->argument, status, NULL, error);
}

/* True: its receipt follows, or it was refused. False: the journal must write first. */
static bool try_accept(struct acceptor *acceptor, const struct acceptance *what)
{
	struct waiting *waiting = take_waiting(acceptor);
	struct error error = {.code = EP_ERR_INTERNAL};
	enum ep_status status = EP_NO_MEMORY;
	bool full = false;

	if (waiting)
		status = take_message(acceptor, what, waiting, &full, &error);
	else
		(void)error_set(&error, EP_NO_MEMORY, EP_ERR_BUSY, "no memory to accept more");
	if (status == EP_OK) {
		waiting->done = what->done;
		waiting->argument = what->argument;
		waiting->next = NULL;
		*acceptor->last = waiting;
		acceptor->last = &waiting->next;
		return true;
	}
	if (waiting)
		give_waiting(acceptor, waiting);
	if (full)
		return false;
	refuse(acceptor, what, status, &error);
	return true;
}

void acceptor_accept(struct acceptor *acceptor, const struct acceptance *what)
{
	struct error error;
	enum ep_status status;

	if (!acceptor->later.first && try_accept(acceptor, what))
		return;
	status = later_put(&acceptor->later, what);
	if (status == EP_OK)
		return;
	(void)error_set(&error, status, EP_ERR_BUSY, "too much waits to be written to the journal");
	refuse(acceptor, what, status, &error);
}

/* Those that found the journal full, as many as it takes now. */
static void accept_later(struct acceptor *acceptor)
{
	struct later *later;

	while ((later = later_take(&acceptor->later))) {
		if (!try_accept(acceptor, &later->what)) {
			later_put_back(&acceptor->later, later);
			return;
		}
		free(later);
	}
}

static void on_durable(void *argument)
{
	struct acceptor *acceptor = argument;
	uint64_t durable = journal_durable(acceptor->journal);

	accept_later(acceptor); /* before those that the answers bring */
	/* `done` may accept the next message, which goes to the end of the list and isn't durable yet */
	while (acceptor->first && acceptor->first->end <= durable) {
		struct waiting *waiting = acceptor->first;

		acceptor->first = waiting->next;
		if (!acceptor->first)
			acceptor->last = &acceptor->first;
		waiting->done(waiting->argument, EP_OK, &waiting->receipt, NULL);
		give_waiting(acceptor, waiting);
	}
}

/* The entry of the message that evidence names, under any of its keys. */
static bool find_first(
	struct acceptor *acceptor, const struct message *message, uint64_t position, struct entry_message *first)
{
	return (look_up(acceptor, ENTRY_BY_IDEMPOTENCY, message, message->idempotency, first) &&
		       first->position == position) ||
	       (look_up(acceptor, ENTRY_BY_DIGEST, message, digest_of(message), first) &&
		       first->position == position) ||
	       (look_up(acceptor, ENTRY_BY_EVENT, message, message->dedupe, first) && first->position == position) ||
	       (look_up(acceptor, ENTRY_BY_EVENT, message, make_conflict_id(acceptor, message), first) &&
		       first->position == position);
}

void acceptor_recover(struct acceptor *acceptor, const struct journal_frame *frame, const struct message *message)
{
	struct entry_message entry = {.received_at_ns = message->received_at_ns,
		.position = message->flags & MESSAGE_DUPLICATE ? message->first : frame->position,
		.bytes = message->body_length};
	struct entry_message first;

	memcpy(entry.id, message->id, sizeof(entry.id));
	memcpy(entry.sha256, message->sha256, sizeof(entry.sha256));
	/* Evidence names the first, whose time of arrival stands under the first's own keys */
	if (message->flags & MESSAGE_DUPLICATE && find_first(acceptor, message, entry.position, &first))
		entry.received_at_ns = first.received_at_ns;
	put_entries(acceptor, message, &entry, frame->position, true);
}

struct acceptor_counts acceptor_counts(const struct acceptor *acceptor)
{
	return acceptor->counts;
}

enum ep_status acceptor_create(
	struct acceptor **out, struct loop *loop, struct journal *journal, struct index *index, struct error *error)
{
	struct acceptor *acceptor = calloc(1, sizeof(*acceptor));

	(void)loop; /* what happens here happens in calls and when the journal has become durable */
	*out = NULL;
	if (!acceptor)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the acceptor");
	acceptor->journal = journal;
	acceptor->index = index;
	acceptor->last = &acceptor->first;
	later_init(&acceptor->later);
	buffer_init(&acceptor->head, HEAD_MAX);
	buffer_init(&acceptor->key, HEAD_MAX);
	buffer_init(&acceptor->id, HEAD_MAX);
	journal_on_durable(journal, on_durable, acceptor);
	*out = acceptor;
	return EP_OK;
}

static void free_list(struct waiting *waiting)
{
	while (waiting) {
		struct waiting *next = waiting->next;

		free(waiting);
		waiting = next;
	}
}

void acceptor_forget(struct acceptor *acceptor)
{
	struct later *later;

	free_list(acceptor->first);
	acceptor->first = NULL;
	acceptor->last = &acceptor->first;
	while ((later = later_take(&acceptor->later))) {
		if (later->what.spool_fd != -1)
			journal_spool_drop(acceptor->journal, later->what.spool_fd, later->what.message.body_length);
		free(later);
	}
}

void acceptor_destroy(struct acceptor *acceptor)
{
	if (!acceptor)
		return;
	acceptor_forget(acceptor);
	free_list(acceptor->spare);
	buffer_free(&acceptor->head);
	buffer_free(&acceptor->key);
	buffer_free(&acceptor->id);
	free(acceptor);
}
