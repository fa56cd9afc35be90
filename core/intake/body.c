/* body.c: see body.h. */
#include "intake/body.h"

#include <entrepot/helpers.h>

#define KEEP_MAX ((size_t)64 * 1024) /* memory that an empty body keeps for the next message */

void body_create(struct body *body, struct body_room *room)
{
	*body = (struct body){.room = room, .digest = sha256_create(), .spool_fd = -1};
	buffer_init(&body->memory, JOURNAL_INLINE_MAX);
}

static void free_memory(struct body *body)
{
	body->room->memory_used -= body->memory.capacity;
	buffer_free(&body->memory);
}

static void give_up_spool(struct body *body)
{
	if (body->spool_fd != -1)
		journal_spool_drop(body->room->journal, body->spool_fd, body->spooled);
	body->spool_fd = -1;
	body->spooled = 0;
}

void body_destroy(struct body *body)
{
	if (!body->digest)
		return;
	give_up_spool(body);
	free_memory(body);
	sha256_destroy(body->digest);
	body->digest = NULL;
}

void body_begin(struct body *body)
{
	give_up_spool(body);
	buffer_clear(&body->memory);
	if (body->memory.capacity > KEEP_MAX)
		free_memory(body);
	body->borrowed = ep_slice_make(NULL, 0);
	body->length = 0;
	sha256_start(body->digest);
}

static enum ep_status spool(struct body *body, struct ep_slice data, struct error *error)
{
	enum ep_status status = journal_spool_write(body->room->journal, body->spool_fd, body->spooled, data, error);

	if (status == EP_OK)
		body->spooled += data.length;
	return status;
}

static enum ep_status move_to_spool(struct body *body, struct error *error)
{
	enum ep_status status = journal_spool_open(body->room->journal, &body->spool_fd, error);

	if (status != EP_OK) {
		body->spool_fd = -1;
		return status;
	}
	if (body->memory.length)
		status = spool(body, buffer_slice(&body->memory), error);
	free_memory(body);
	return status;
}

/* false: it doesn't fit into this body's memory, or into what all may hold. */
static bool remember(struct body *body, struct ep_slice data)
{
	size_t before = body->memory.capacity;

	if (data.length > JOURNAL_INLINE_MAX - body->memory.length)
		return false;
	/* Growth doubles at most, or takes what is needed */
	if (body->memory.length + data.length > before &&
		body->room->memory_used + before + data.length > body->room->memory_max)
		return false;
	if (buffer_append_slice(&body->memory, data) != EP_OK) {
		body->memory.failed = EP_OK;
		return false;
	}
	body->room->memory_used += body->memory.capacity - before;
	return true;
}

static enum ep_status keep(struct body *body, struct ep_slice data, struct error *error)
{
	enum ep_status status;

	if (body->spool_fd != -1)
		return spool(body, data, error);
	if (remember(body, data))
		return EP_OK;
	status = move_to_spool(body, error);
	return status == EP_OK ? spool(body, data, error) : status;
}

enum ep_status body_settle(struct body *body, struct error *error)
{
	struct ep_slice data = body->borrowed;

	body->borrowed = ep_slice_make(NULL, 0);
	return data.length ? keep(body, data, error) : EP_OK;
}

enum ep_status body_append(struct body *body, struct ep_slice data, struct error *error)
{
	enum ep_status status;

	sha256_update(body->digest, data);
	if (body->length == 0 && data.length <= JOURNAL_INLINE_MAX) {
		body->borrowed = data;
		body->length = data.length;
		return EP_OK;
	}
	body->length += data.length;
	status = body_settle(body, error);
	return status == EP_OK ? keep(body, data, error) : status;
}

void body_finish(struct body *body, uint8_t sha256[SHA256_BYTES])
{
	sha256_finish(body->digest, sha256);
}

struct ep_slice body_bytes(const struct body *body)
{
	if (body->borrowed.length)
		return body->borrowed;
	return body->spool_fd == -1 ? buffer_slice(&body->memory) : ep_slice_make(NULL, 0);
}

int body_take_spool(struct body *body)
{
	int fd = body->spool_fd;

	body->spool_fd = -1;
	body->spooled = 0;
	return fd;
}
