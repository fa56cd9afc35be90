/*
 * file.c: events as lines at the end of a file, synced before they count as delivered.
 *
 * The disk thread writes and syncs, one batch at a time. Whatever stands behind the last line that was synced is cut off:
 * a line torn by a crash when the file is opened, the rest of a write that failed before the next one. Both belong to
 * batches that were never answered, so they are sent again. With rotate_bytes the file is renamed to path.1, path.2 ...
 * before it would grow past that; the oldest has the lowest number.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/disk_thread.h"
#include "courier/transport.h"

#define LINE_BYTES_MAX                                                                                                 \
	(INT64_C(32) * 1024 * 1024) /* longer than any event: a file without a line end that long isn't ours */
#define SCAN_BYTES 65536
#define PATH_BYTES 4096

struct file_transport {
	struct transport transport;
	const struct conf_destination *destination;
	struct loop *loop;
	struct disk_thread *thread;
	char folder[PATH_BYTES];
	int folder_fd, fd;             /* -1: not open */
	int64_t size;                  /* bytes that are whole lines, all synced */
	bool dirty;                    /* something may stand behind `size` */
	uint64_t rotated;              /* the highest number in use */
	struct transport_batch *batch; /* that is being written */
	struct iovec part;
	struct disk_job write_job, folder_job;
	bool folder_failed;
	struct loop_task failed; /* answers what didn't reach the disk thread */
	struct error error;
	int error_number;
};

/* The end of the last whole line, looked for from the file's end on. */
static int64_t find_line_end(int fd, int64_t size)
{
	char bytes[SCAN_BYTES];
	int64_t at = size;

	while (at > 0 && size - at < LINE_BYTES_MAX) {
		int64_t begin = at > SCAN_BYTES ? at - SCAN_BYTES : 0;
		ssize_t got = disk_read_at(fd, bytes, (size_t)(at - begin), begin);

		if (got != at - begin)
			return -1;
		for (int64_t i = got - 1; i >= 0; i--)
			if (bytes[i] == '\n')
				return begin + i + 1;
		at = begin;
	}
	if (at > 0) {
		errno = EFBIG;
		return -1;
	}
	return 0;
}

static void close_file(struct file_transport *file)
{
	if (file->fd != -1)
		disk_close(file->fd);
	file->fd = -1;
}

static enum ep_status open_checked(struct file_transport *file, struct error *error)
{
	const char *path = file->destination->path;
	struct stat status;
	int64_t size;

	file->fd = disk_open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY, 0640);
	if (file->fd == -1)
		return error_set_errno(error, EP_ERR_IO, "%s", path);
	if (fstat(file->fd, &status) == -1 || !S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return error_set_errno(error, EP_ERR_IO, "%s is not a regular file", path);
	}
	size = disk_size(file->fd);
	file->size = size == -1 ? -1 : find_line_end(file->fd, size);
	if (file->size == -1)
		return error_set_errno(error, EP_ERR_IO, "%s: the end of its last line isn't found", path);
	if (file->size != size) {
		log_warn("torn line at the end of a file cut off", log_text("path", path),
			log_number("bytes", size - file->size));
		if (disk_truncate(file->fd, file->size) == -1)
			return error_set_errno(error, EP_ERR_IO, "%s can't be cut to its last whole line", path);
	}
	file->dirty = false;
	return EP_OK;
}

static enum ep_status open_file(struct file_transport *file, struct error *error)
{
	enum ep_status status = open_checked(file, error);

	if (status != EP_OK)
		close_file(file);
	return status;
}

struct search {
	const char *name;
	uint64_t highest;
};

static int see_name(void *argument, const char *name)
{
	struct search *search = argument;
	size_t length = strlen(search->name);
	int64_t number;

	if (strncmp(name, search->name, length) == 0 && name[length] == '.' &&
		ep_slice_integer(ep_slice_of(name + length + 1), &number) && (uint64_t)number > search->highest)
		search->highest = (uint64_t)number;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static enum ep_status open_folder(struct file_transport *file, struct error *error)
{
	const char *path = file->destination->path;
	size_t length = (size_t)(base_name(path) - path);
	struct search search = {.name = base_name(path)};

	if (length >= sizeof(file->folder))
		return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "%s: the path is too long", path);
	snprintf(file->folder, sizeof(file->folder), "%.*s", length ? (int)length : 1, length ? path : ".");
	file->folder_fd = disk_open(file->folder, O_RDONLY | O_DIRECTORY, 0);
	if (file->folder_fd == -1 || disk_list(file->folder, see_name, &search) == -1)
		return error_set_errno(error, EP_ERR_IO, "%s", file->folder);
	file->rotated = search.highest;
	return EP_OK;
}

static void answer(struct file_transport *file, const struct transport_result *result)
{
	struct transport_batch *batch = file->batch;

	file->batch = NULL;
	batch->done(batch, result);
}

static void answer_failed(void *argument)
{
	struct file_transport *file = argument;
	struct transport_result result = {.answer = TRANSPORT_AGAIN, .code = file->error_number, .retry_after_ns = -1};

	snprintf(result.text, sizeof(result.text), "%.255s", file->error.text);
	answer(file, &result); /* what was written of it is cut off before the next one is */
}

static void on_folder_synced(struct disk_job *job, int error_number)
{
	struct file_transport *file = job->owner;

	file->folder_failed = error_number != 0;
}

static void on_written(struct disk_job *job, int error_number)
{
	struct file_transport *file = job->owner;
	struct transport_result result = {.answer = TRANSPORT_DONE, .answered = true, .retry_after_ns = -1};

	if (file->folder_failed)
		close_file(file); /* so that its name is synced with the next batch */
	if (error_number || file->folder_failed) {
		file->error_number = error_number ? error_number : EIO;
		errno = file->error_number;
		error_set_errno(&file->error, EP_ERR_IO, "%s can't be written", file->destination->path);
		answer_failed(file);
		return;
	}
	file->size += (int64_t)file->batch->body.length;
	file->dirty = false;
	answer(file, &result);
}

/* The file gets its next number; a new one is begun. What is in the old one is synced already. */
static enum ep_status rotate(struct file_transport *file, struct error *error)
{
	char target[PATH_BYTES + 32];

	snprintf(target, sizeof(target), "%s.%llu", file->destination->path, (unsigned long long)file->rotated + 1);
	if (disk_rename(file->destination->path, target) == -1)
		return error_set_errno(error, EP_ERR_IO, "%s can't be renamed to %s", file->destination->path, target);
	file->rotated++;
	log_info("file rotated", log_text("to", target), log_number("bytes", file->size));
	close_file(file);
	return open_file(file, error);
}

/* The file is open, has room for the batch, and ends with its last whole line. *renewed: its name must be synced. */
static enum ep_status make_ready(struct file_transport *file, uint64_t length, bool *renewed, struct error *error)
{
	int64_t rotate_bytes = file->destination->rotate_bytes;
	enum ep_status status = EP_OK;

	*renewed = file->fd == -1;
	if (file->fd == -1)
		status = open_file(file, error);
	if (status == EP_OK && file->dirty && disk_truncate(file->fd, file->size) == -1)
		status = error_set_errno(error, EP_ERR_IO, "%s can't be cut", file->destination->path);
	if (status == EP_OK && rotate_bytes && file->size && file->size + (int64_t)length > rotate_bytes) {
		status = rotate(file, error);
		*renewed = true;
	}
	return status;
}

static void start(struct transport *transport, struct transport_batch *batch)
{
	struct file_transport *file = (struct file_transport *)transport;
	bool renewed;

	ASSERT(!file->batch);
	file->batch = batch;
	file->folder_failed = false;
	if (make_ready(file, batch->body.length, &renewed, &file->error) != EP_OK) {
		file->error_number = EIO;
		loop_task_queue(file->loop, &file->failed);
		return;
	}
	if (renewed) { /* the file's name, before what is in it counts */
		file->folder_job =
			(struct disk_job){.fd = file->folder_fd, .sync = true, .done = on_folder_synced, .owner = file};
		disk_thread_submit(file->thread, &file->folder_job);
	}
	file->dirty = true;
	file->part = (struct iovec){(void *)batch->body.data, batch->body.length};
	file->write_job = (struct disk_job){.fd = file->fd,
		.parts = &file->part,
		.part_count = 1,
		.offset = file->size,
		.sync = true,
		.done = on_written,
		.owner = file};
	disk_thread_submit(file->thread, &file->write_job);
}

static void ignore(struct disk_job *job, int error_number)
{
	(void)job;
	(void)error_number;
}

static void destroy(struct transport *transport)
{
	struct file_transport *file = (struct file_transport *)transport;

	file->write_job.done = ignore;
	file->folder_job.done = ignore;
	disk_thread_destroy(file->thread);
	loop_task_cancel(file->loop, &file->failed);
	close_file(file);
	if (file->folder_fd != -1)
		disk_close(file->folder_fd);
	free(file);
}

static enum ep_status create(const struct conf_destination *destination, struct loop *loop,
	struct transport **transport, struct error *error)
{
	struct file_transport *file = calloc(1, sizeof(*file));
	enum ep_status status;

	*transport = NULL;
	if (!file)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for %s", destination->path);
	file->transport.ops = &transport_file;
	file->destination = destination;
	file->loop = loop;
	file->fd = file->folder_fd = -1;
	file->failed = (struct loop_task){.run = answer_failed, .argument = file};
	status = open_folder(file, error);
	if (status == EP_OK)
		status = disk_thread_create(&file->thread, loop, error);
	if (status == EP_OK)
		status = open_file(file, error);
	if (status != EP_OK) {
		destroy(&file->transport);
		return status;
	}
	close_file(
		file); /* it could be opened: now it is the first batch's business, so that its name is synced with it */
	*transport = &file->transport;
	return EP_OK;
}

const struct transport_ops transport_file = {
	.name = "file", .lines = true, .single = true, .create = create, .send = start, .destroy = destroy};
