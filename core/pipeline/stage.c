/* stage.c: see stage.h. */
#include "pipeline/stage.h"

#define WINDOW_BYTES ((uint64_t)256 * 1024)

void stage_init(struct stage *stage, struct journal *journal)
{
	*stage = (struct stage){.journal = journal, .fd = -1};
	buffer_init(&stage->memory, JOURNAL_INLINE_MAX + STAGE_PIECE_MAX);
}

void stage_free(struct stage *stage)
{
	if (stage->fd != -1)
		journal_spool_drop(stage->journal, stage->fd, stage->written);
	stage->fd = -1;
	buffer_free(&stage->memory);
}

static enum ep_status flush(struct stage *stage, struct error *error)
{
	enum ep_status status =
		journal_spool_write(stage->journal, stage->fd, stage->written, buffer_slice(&stage->memory), error);

	if (status != EP_OK)
		return status;
	stage->written += stage->memory.length;
	buffer_clear(&stage->memory);
	return EP_OK;
}

enum ep_status stage_append(struct stage *stage, struct ep_slice piece, bool spill, struct error *error)
{
	enum ep_status status;

	ASSERT(piece.length <= STAGE_PIECE_MAX);
	if (stage->fd == -1 && (spill || stage->memory.length + piece.length > JOURNAL_INLINE_MAX)) {
		status = journal_spool_open(stage->journal, &stage->fd, error);
		if (status != EP_OK) {
			stage->fd = -1;
			return status;
		}
	}
	if (buffer_append_slice(&stage->memory, piece) != EP_OK)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a message's records");
	if (stage->fd != -1 && stage->memory.length >= STAGE_WRITE_BYTES)
		return flush(stage, error);
	return EP_OK;
}

enum ep_status stage_finish(struct stage *stage, struct error *error)
{
	if (stage->fd != -1 && stage->memory.length)
		return flush(stage, error);
	return EP_OK;
}

void window_init_memory(struct window *window, struct ep_slice memory)
{
	*window = (struct window){.memory = memory, .fd = -1, .length = memory.length};
	buffer_init(&window->cache, 0);
}

void window_init_file(struct window *window, int fd, uint64_t length)
{
	*window = (struct window){.fd = fd, .length = length};
	buffer_init(&window->cache, STAGE_PIECE_MAX * 2);
}

void window_init_stage(struct window *window, const struct stage *stage)
{
	if (stage->fd == -1)
		window_init_memory(window, buffer_slice(&stage->memory));
	else
		window_init_file(window, stage->fd, stage->written);
}

void window_free(struct window *window)
{
	buffer_free(&window->cache);
}

static enum ep_status load(struct window *window, uint64_t offset, uint64_t length, struct error *error)
{
	char *room;
	ssize_t got;

	buffer_clear(&window->cache);
	room = buffer_reserve(&window->cache, length);
	if (!room)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory to read records back");
	got = disk_read_at(window->fd, room, length, (off_t)offset);
	if (got == -1)
		return error_set_errno(error, EP_ERR_IO, "records can't be read back");
	if ((uint64_t)got < length)
		return error_set(error, EP_IO, EP_ERR_IO, "records can't be read back: the file is too short");
	window->cache.length = length;
	window->cache_at = offset;
	return EP_OK;
}

enum ep_status window_read(
	struct window *window, uint64_t offset, uint64_t least, struct ep_slice *bytes, struct error *error)
{
	uint64_t left = offset < window->length ? window->length - offset : 0, wanted = least < left ? least : left;

	if (window->fd == -1) {
		*bytes = ep_slice_sub(window->memory, offset, left);
		return EP_OK;
	}
	if (offset < window->cache_at || offset + wanted > window->cache_at + window->cache.length) {
		uint64_t length = wanted > WINDOW_BYTES ? wanted : WINDOW_BYTES;
		enum ep_status status = load(window, offset, length < left ? length : left, error);

		if (status != EP_OK)
			return status;
	}
	*bytes = ep_slice_sub(buffer_slice(&window->cache), offset - window->cache_at, window->cache.length);
	return EP_OK;
}
