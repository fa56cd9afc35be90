/*
 * body.c: see body.h.
 *
 * Whole pages are mapped from the file, so that 1 GiB costs no memory of ours. The rest of the last page is copied
 * into a page behind them, of which the remainder, and the page after it, is zero whatever the file holds beyond.
 */
#include "worker/body.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/protocol.h"

static const char *current;
static size_t current_length;

static enum ep_status read_tail(int fd, char *to, size_t length, off_t offset)
{
	while (length > 0) {
		ssize_t got = pread(fd, to, length, offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0) {
			if (got == 0)
				errno = ENODATA;
			return EP_IO;
		}
		to += got;
		offset += got;
		length -= (size_t)got;
	}
	return EP_OK;
}

enum ep_status body_map(struct body *body, int fd, uint64_t length, struct error *error)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t whole = (size_t)length / page * page, rest = (size_t)length - whole;
	const off_t size = lseek(fd, 0, SEEK_END);
	char *memory;

	memset(body, 0, sizeof(*body));
	if (size == -1)
		return error_set_errno(error, EP_ERR_IO, "the body can't be read");
	if ((uint64_t)size < length)
		return error_set(error, EP_IO, EP_ERR_IO, "the body has %lld bytes, %llu were announced",
			(long long)size, (unsigned long long)length);
	/* Not writable, so that it doesn't count against the limit of memory; and nothing becomes read-only (seccomp.c). */
	memory = mmap(NULL, whole + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return error_set_errno(
			error, EP_ERR_LIMIT, "a body of %llu bytes can't be mapped", (unsigned long long)length);
	body->mapping = memory;
	body->mapped = whole + 2 * page;
	body->bytes = ep_slice_make(memory, length);
	current = memory;
	current_length = body->mapped;
	if ((whole > 0 && mmap(memory, whole, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) ||
		mprotect(memory + whole, 2 * page, PROT_READ | PROT_WRITE) == -1 ||
		read_tail(fd, memory + whole, rest, (off_t)whole) != EP_OK) {
		error_set_errno(error, EP_ERR_IO, "a body of %llu bytes can't be mapped", (unsigned long long)length);
		body_unmap(body);
		return EP_IO;
	}
	madvise(memory, whole, MADV_SEQUENTIAL);
	return EP_OK;
}

void body_unmap(struct body *body)
{
	if (body->mapping)
		munmap(body->mapping, body->mapped);
	current = NULL;
	current_length = 0;
	memset(body, 0, sizeof(*body));
}

bool body_holds(const void *address)
{
	const char *at = address;

	return current && at >= current && at < current + current_length;
}
