/*
 * claim.c: see claim.h.
 *
 * A crash may come between any two steps: the file is in .claimed until it is in done/ or failed/, so it is read again
 * and found to be a duplicate: by its digest, or, where the source has no de-duplication, by what makes the file itself
 * (an Idempotency-Key of inode, time, size and name). Its outcome is then that of the first reading.
 */
#include "intake/claim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "base/json.h"
#include "intake/outcome_json.h"
#include "record/schema.h"

#define RETRY_NS NS_PER_S /* after the gateway had no room */

struct claim *claim_create(struct drop_folder *folder, const char *name, bool resumed)
{
	struct claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->folder = folder;
	claim->resumed = resumed;
	claim->fd = -1;
	snprintf(claim->name, sizeof(claim->name), "%s", name);
	TAILQ_INSERT_TAIL(&folder->claims, claim, link);
	folder->claim_count++;
	return claim;
}

static void close_file(struct claim *claim)
{
	if (claim->fd == -1)
		return;
	close(claim->fd);
	claim->fd = -1;
	body_begin(&claim->folder->body); /* gives up what was read */
}

void claim_drop(struct claim *claim)
{
	const struct intake_outcomes *outcomes = claim->folder->drops->options.outcomes;

	close_file(claim);
	if (claim->state == CLAIM_ACCEPTING)
		claim->folder->drops->accepting--;
	if (claim->state == CLAIM_WAITING)
		outcomes->cancel(outcomes->self, claim);
	TAILQ_REMOVE(&claim->folder->claims, claim, link);
	claim->folder->claim_count--;
	free(claim);
}

/* Read again from the beginning after `delay_ns`. */
static void put_off(struct claim *claim, int64_t delay_ns)
{
	close_file(claim);
	claim->state = CLAIM_QUEUED;
	claim->not_before_ns = clock_monotonic_ns() + delay_ns;
	drops_wake_at(claim->folder->drops, claim->not_before_ns);
}

static void finish(struct claim *claim, bool failed, struct ep_slice reason)
{
	struct drop_folder *folder = claim->folder;
	char as[DROP_NAME_MAX + 1];
	struct error error;

	if (drop_file_finish(&folder->directory, claim->name, failed, reason, as, &error) == EP_OK)
		log_info("file done", log_slice("source", folder->source->name), log_text("file", claim->name),
			log_text("as", as), log_text("folder", failed ? "failed" : "done"));
	else /* it stays claimed, and is taken up at the next start */
		log_error("file can't be moved", log_slice("source", folder->source->name),
			log_text("file", claim->name), log_text("reason", error.text));
	claim->state = CLAIM_QUEUED;
	claim_drop(claim);
	drops_wake(folder->drops);
}

/* Not even a message: an outcome object all the same, without an id. */
static void refuse(struct claim *claim, enum ep_error code, const char *text)
{
	struct buffer *out = &claim->folder->drops->scratch;
	struct json json = json_begin(out);

	close_file(claim);
	buffer_clear(out);
	json_object_begin(&json);
	json_name(&json, "message_id");
	json_null(&json);
	json_member_text(&json, "source", claim->folder->source->name);
	json_member_string(&json, "outcome", "quarantined");
	json_member_integer(&json, "records", 0);
	json_member_integer(&json, "suppressed", 0);
	json_name(&json, "rejected");
	json_array_begin(&json);
	json_object_begin(&json);
	json_member_string(&json, "place", "message");
	json_member_string(&json, "code", schema_error_find(code)->code);
	json_member_string(&json, "text", text);
	json_object_end(&json);
	json_array_end(&json);
	json_object_end(&json);
	finish(claim, true, buffer_slice(out));
}

/* false: there is none yet. */
static bool try_outcome(struct claim *claim)
{
	const struct intake_outcomes *outcomes = claim->folder->drops->options.outcomes;
	struct buffer *out = &claim->folder->drops->scratch;
	struct outcome outcome;
	bool duplicate = claim->receipt.duplicate && !claim->resumed;

	if (outcomes->find(outcomes->self, claim->receipt.message_id, &outcome) != EP_OK ||
		outcome.kind == OUTCOME_PENDING)
		return false;
	buffer_clear(out);
	if (duplicate || outcome.kind != OUTCOME_QUARANTINED)
		finish(claim, false, buffer_slice(out));
	else if (outcome_json_write(&outcome, false, out) == EP_OK)
		finish(claim, true, buffer_slice(out));
	else
		refuse(claim, EP_ERR_INTERNAL, "the outcome can't be written");
	return true;
}

static void on_outcome(void *argument)
{
	struct claim *claim = argument;

	claim->state = CLAIM_QUEUED; /* not waiting any more */
	if (!try_outcome(claim))
		put_off(claim, RETRY_NS);
}

static void on_receipt(void *argument, enum ep_status status, const struct receipt *receipt, const struct error *error)
{
	struct claim *claim = argument;
	const struct intake_outcomes *outcomes = claim->folder->drops->options.outcomes;

	claim->folder->drops->accepting--;
	claim->state = CLAIM_QUEUED;
	if (status == EP_LIMIT || status == EP_AGAIN || status == EP_NO_MEMORY) {
		put_off(claim, RETRY_NS);
		return;
	}
	if (status != EP_OK) {
		refuse(claim, error->code, error->text);
		return;
	}
	claim->receipt = *receipt;
	if (try_outcome(claim))
		return;
	claim->state = CLAIM_WAITING;
	outcomes->wait(outcomes->self, claim->receipt.message_id, on_outcome, claim);
	drops_wake(claim->folder->drops);
}

/* Whether it is still what was opened. */
static bool is_unchanged(const struct claim *claim)
{
	struct stat now;

	return fstat(claim->fd, &now) == 0 && now.st_size == claim->status.st_size &&
	       now.st_mtim.tv_sec == claim->status.st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == claim->status.st_mtim.tv_nsec;
}

static void accept_file(struct claim *claim)
{
	struct drop_folder *folder = claim->folder;
	struct drops *drops = folder->drops;
	struct acceptance acceptance = {
		.source = folder->source->conf, .spool_fd = -1, .done = on_receipt, .argument = claim};
	struct message *message = &acceptance.message;
	char key[DROP_NAME_MAX + 120];

	body_finish(&folder->body, message->sha256);
	message->body_length = folder->body.length;
	message->body = body_bytes(&folder->body);
	message->name = ep_slice_of(claim->name);
	source_fill_file(drops->options.sources, folder->source, &folder->body, message);
	if (folder->source->conf->dedupe == CONF_DEDUPE_OFF) {
		snprintf(key, sizeof(key), "file:%ju:%jd.%09ld:%jd:%s", (uintmax_t)claim->status.st_ino,
			(intmax_t)claim->status.st_mtim.tv_sec, claim->status.st_mtim.tv_nsec,
			(intmax_t)claim->status.st_size, claim->name);
		message->idempotency = ep_slice_of(key);
	}
	acceptance.spool_fd = body_take_spool(&folder->body);
	claim->state = CLAIM_ACCEPTING;
	drops->accepting++;
	close(claim->fd);
	claim->fd = -1;
	acceptor_accept(drops->options.acceptor, &acceptance);
	body_begin(&folder->body);
}

static bool open_file(struct claim *claim)
{
	struct drop_folder *folder = claim->folder;
	int64_t body_max = folder->source->conf->body_max;

	claim->fd = drop_file_open(&folder->directory, claim->name, &claim->status);
	if (claim->fd == -1 && errno == ENOENT) {
		claim_drop(claim); /* somebody took it away */
		return false;
	}
	if (claim->fd == -1) {
		refuse(claim, EP_ERR_IO, "this is no file that can be read");
		return false;
	}
	if (claim->status.st_size > body_max) {
		refuse(claim, EP_ERR_BODY_TOO_LARGE, "the file is larger than this source accepts");
		return false;
	}
	claim->state = CLAIM_READING;
	claim->offset = 0;
	body_begin(&folder->body);
	return true;
}

static bool at_end(struct claim *claim)
{
	if (is_unchanged(claim) && claim->offset == (uint64_t)claim->status.st_size)
		accept_file(claim);
	else
		put_off(claim, claim->folder->source->conf->drop_stable_for_ns + NS_PER_MS);
	return false;
}

bool claim_step(struct claim *claim)
{
	struct drop_folder *folder = claim->folder;
	struct error error = {.code = EP_ERR_IO};
	enum ep_status status;
	ssize_t got;

	if (claim->state == CLAIM_QUEUED && !open_file(claim))
		return true;
	do
		got = pread(claim->fd, folder->drops->read_buffer, CLAIM_READ, (off_t)claim->offset);
	while (got == -1 && errno == EINTR);
	if (got == -1) {
		refuse(claim, EP_ERR_IO, "the file can't be read");
		return true;
	}
	/* More than it was: it is still being written */
	if (got == 0 || claim->offset + (uint64_t)got > (uint64_t)claim->status.st_size)
		return at_end(claim);
	claim->offset += (uint64_t)got;
	status = body_append(&folder->body, ep_slice_make(folder->drops->read_buffer, (uint64_t)got), &error);
	if (claim->offset == (uint64_t)claim->status.st_size && status == EP_OK)
		return at_end(claim);
	if (status == EP_OK)
		status = body_settle(&folder->body, &error); /* read_buffer is used again */
	if (status != EP_OK)
		put_off(claim, RETRY_NS);
	return status == EP_OK;
}
