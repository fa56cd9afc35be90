/*
 * key_file.c: see key_file.h. The file appears whole or not at all: a gateway that is stopped while it makes its first
 * key makes another one at the next start, before anything was accepted.
 */
#include "command/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/disk.h"
#include "base/random.h"

#define PATH_BYTES 4096

static enum ep_status make(const char *data_dir, const char *path, uint8_t key[KEY_FILE_BYTES], struct error *error)
{
	struct iovec part = {key, KEY_FILE_BYTES};
	char temporary[PATH_BYTES];
	enum ep_status status = EP_OK;
	int fd;

	random_bytes(key, KEY_FILE_BYTES);
	snprintf(temporary, sizeof(temporary), "%s/person.key.new", data_dir);
	fd = disk_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be made", temporary);
	if (disk_write_at(fd, &part, 1, 0) == -1 || disk_sync(fd) == -1 || disk_rename(temporary, path) == -1 ||
		disk_sync_directory(data_dir) == -1)
		status = error_set_errno(error, EP_ERR_IO, "%s can't be written", path);
	disk_close(fd);
	return status;
}

enum ep_status key_file_load(const char *data_dir, uint8_t key[KEY_FILE_BYTES], struct error *error)
{
	uint8_t content[KEY_FILE_BYTES + 1]; /* a byte more, so that a longer file shows */
	char path[PATH_BYTES];
	ssize_t got;
	int fd;

	if ((size_t)snprintf(path, sizeof(path), "%s/person.key", data_dir) >= sizeof(path) - 4)
		return error_set(
			error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "the path of the data directory is too long");
	fd = disk_open(path, O_RDONLY, 0);
	if (fd == -1 && errno == ENOENT)
		return make(data_dir, path, key, error);
	got = fd == -1 ? -1 : disk_read_at(fd, content, sizeof(content), 0);
	if (got == -1)
		error_set_errno(error, EP_ERR_IO, "%s can't be read", path);
	if (fd != -1)
		disk_close(fd);
	if (got == -1)
		return EP_IO;
	if (got != KEY_FILE_BYTES)
		return error_set(error, EP_BAD_INPUT, EP_ERR_IO,
			"%s is damaged: put its backup back, since persons' hashes depend on it", path);
	memcpy(key, content, KEY_FILE_BYTES);
	return EP_OK;
}
