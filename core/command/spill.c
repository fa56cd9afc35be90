/* spill.c: see spill.h. A piece is its length (u32) and its bytes. */
#include "command/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void spill_init(struct spill *spill)
{
	memset(spill, 0, sizeof(*spill));
	buffer_init(&spill->memory, SPILL_MEMORY_MAX);
}

void spill_clear(struct spill *spill)
{
	if (spill->file)
		fclose(spill->file);
	spill->file = NULL;
	spill->at = 0;
	buffer_clear(&spill->memory);
}

void spill_free(struct spill *spill)
{
	spill_clear(spill);
	buffer_free(&spill->memory);
}

FILE *spill_temporary_file(void)
{
	const char *folder = getenv("TMPDIR");
	char path[PATH_MAX];
	FILE *file;
	int fd;

	if (!folder || folder[0] == '\0')
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd == -1) { /* a file system without O_TMPFILE */
		snprintf(path, sizeof(path), "%s/entrepot-XXXXXX", folder);
		fd = mkostemp(path, O_CLOEXEC);
		if (fd == -1)
			return NULL;
		unlink(path);
	}
	file = fdopen(fd, "w+");
	if (!file)
		close(fd);
	return file;
}

static enum ep_status write_piece(FILE *file, struct ep_slice piece, struct error *error)
{
	const uint32_t length = (uint32_t)piece.length;

	if (fwrite(&length, sizeof(length), 1, file) != 1 ||
		(piece.length > 0 && fwrite(piece.data, piece.length, 1, file) != 1))
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be written");
	return EP_OK;
}

static enum ep_status move_to_file(struct spill *spill, struct error *error)
{
	spill->file = spill_temporary_file();
	if (!spill->file ||
		(spill->memory.length > 0 && fwrite(spill->memory.data, spill->memory.length, 1, spill->file) != 1))
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be written");
	buffer_free(&spill->memory);
	return EP_OK;
}

enum ep_status spill_append(struct spill *spill, struct ep_slice piece, struct error *error)
{
	const uint32_t length = (uint32_t)piece.length;

	if (!spill->file && spill->memory.length + sizeof(length) + piece.length > SPILL_MEMORY_MAX) {
		enum ep_status status = move_to_file(spill, error);

		if (status != EP_OK)
			return status;
	}
	if (spill->file)
		return write_piece(spill->file, piece, error);
	buffer_append(&spill->memory, &length, sizeof(length));
	if (buffer_append_slice(&spill->memory, piece) != EP_OK)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for records");
	return EP_OK;
}

enum ep_status spill_rewind(struct spill *spill, struct error *error)
{
	spill->at = 0;
	if (spill->file && fseeko(spill->file, 0, SEEK_SET) == -1)
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be read");
	return EP_OK;
}

static enum ep_status read_piece(FILE *file, struct buffer *piece, struct error *error)
{
	uint32_t length;
	char *to;

	if (fread(&length, sizeof(length), 1, file) != 1) {
		if (feof(file))
			return EP_END;
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be read");
	}
	to = buffer_reserve(piece, length);
	if (!to)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a record");
	if (length > 0 && fread(to, length, 1, file) != 1)
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be read");
	piece->length += length;
	return EP_OK;
}

enum ep_status spill_next(struct spill *spill, struct buffer *piece, struct error *error)
{
	uint32_t length;

	buffer_clear(piece);
	if (spill->file)
		return read_piece(spill->file, piece, error);
	if (spill->at == spill->memory.length)
		return EP_END;
	memcpy(&length, spill->memory.data + spill->at, sizeof(length));
	if (buffer_append(piece, spill->memory.data + spill->at + sizeof(length), length) != EP_OK)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a record");
	spill->at += sizeof(length) + length;
	return EP_OK;
}
