/*
 * input.c: see input.h. A regular file is used where it lies; a pipe or terminal is first copied to an unlinked file,
 * since a plugin wants its message in one piece.
 */
#include "command/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/spill.h"

#define HEADER_FILE_MAX 65536
#define SPOOL_MAX ((uint64_t)4 << 30) /* bytes of standard input */

static enum ep_status spool(struct input *input, int from, const char *name, struct error *error)
{
	char bytes[65536];
	ssize_t got;

	input->spool = spill_temporary_file();
	if (!input->spool)
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be made");
	while ((got = read(from, bytes, sizeof(bytes))) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return error_set_errno(error, EP_ERR_IO, "%s can't be read", name);
		input->length += (uint64_t)got;
		if (input->length > SPOOL_MAX)
			return error_set(error, EP_LIMIT, EP_ERR_LIMIT, "%s: more than 4 GiB", name);
		if (fwrite(bytes, (size_t)got, 1, input->spool) != 1)
			return error_set_errno(error, EP_ERR_IO, "a temporary file can't be written");
	}
	if (fflush(input->spool) != 0)
		return error_set_errno(error, EP_ERR_IO, "a temporary file can't be written");
	input->fd = dup(fileno(input->spool));
	return input->fd == -1 ? error_set_errno(error, EP_ERR_IO, "%s can't be read", name) : EP_OK;
}

bool input_header(struct arena *memory, struct ep_slice line, struct ep_header *header)
{
	const uint64_t colon = ep_slice_find(line, ':');
	struct ep_slice name = ep_slice_trim(ep_slice_sub(line, 0, colon));
	char *lower;

	if (colon == line.length || name.length == 0 || ep_slice_find(name, ' ') < name.length)
		return false;
	lower = arena_alloc(memory, name.length + 1);
	header->value = arena_copy(memory, ep_slice_trim(ep_slice_sub(line, colon + 1, line.length)));
	if (!lower || !header->value.data)
		return false;
	for (uint64_t i = 0; i < name.length; i++) {
		const char byte = name.data[i];

		lower[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
	}
	header->name = ep_slice_make(lower, name.length);
	return true;
}

void input_add_header(struct input *input, struct ep_header header)
{
	for (uint32_t i = 0; i < input->header_count; i++) {
		if (ep_slice_equal(input->headers[i].name, header.name))
			return;
	}
	if (input->header_count < INPUT_HEADERS_MAX)
		input->headers[input->header_count++] = header;
}

/* Lines that are no headers (a request line of a capture) are passed over. */
static enum ep_status read_headers(struct input *input, const char *file, struct error *error)
{
	static char bytes[HEADER_FILE_MAX];
	char path[PATH_MAX];
	struct ep_slice rest, line;
	size_t length;
	FILE *from;

	snprintf(path, sizeof(path), "%s.headers", file);
	from = fopen(path, "re");
	if (!from)
		return errno == ENOENT || errno == ENOTDIR ? EP_OK : error_set_errno(error, EP_ERR_IO, "%s", path);
	length = fread(bytes, 1, sizeof(bytes), from);
	if (ferror(from) || !feof(from)) {
		fclose(from);
		return error_set(error, EP_LIMIT, EP_ERR_HEADER_TOO_LARGE, "%s: unreadable, or over %d bytes", path,
			HEADER_FILE_MAX - 1);
	}
	fclose(from);
	rest = ep_slice_make(bytes, length);
	while (ep_slice_split(&rest, '\n', &line)) {
		struct ep_header header;

		if (input_header(&input->memory, line, &header))
			input_add_header(input, header);
	}
	return EP_OK;
}

enum ep_status input_open(struct input *input, const char *file, struct error *error)
{
	const bool is_stdin = strcmp(file, "-") == 0;
	struct stat status;
	enum ep_status result;

	memset(input, 0, sizeof(*input));
	arena_init(&input->memory, (size_t)4 * HEADER_FILE_MAX);
	input->fd = is_stdin ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
	if (input->fd == -1 || fstat(input->fd, &status) == -1) {
		error_set_errno(error, EP_ERR_IO, "can't be opened");
		return EP_NOT_FOUND;
	}
	if (S_ISDIR(status.st_mode)) {
		error_set(error, EP_NOT_FOUND, EP_ERR_IO, "is a folder");
		return EP_NOT_FOUND;
	}
	input->length = (uint64_t)status.st_size;
	if (!S_ISREG(status.st_mode) || (is_stdin && lseek(input->fd, 0, SEEK_CUR) != 0)) {
		const int from = input->fd;

		input->length = 0;
		result = spool(input, from, is_stdin ? "standard input" : file, error);
		close(from);
		if (result != EP_OK) {
			if (input->fd == from)
				input->fd = -1;
			return result;
		}
	}
	return is_stdin ? EP_OK : read_headers(input, file, error);
}

void input_close(struct input *input)
{
	if (input->fd != -1)
		close(input->fd);
	if (input->spool)
		fclose(input->spool);
	arena_free(&input->memory);
}
