/*
 * random.c: see random.h. Short requests (a message's id takes 10 bytes) are served from a pool of each thread's, filled
 * by one system call for many; what was given out is wiped. Keys never come from a pool.
 */
#include "base/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"

static void (*installed)(void *self, void *bytes, size_t length);
static void *installed_self;

#define POOL_BYTES 256 /* up to which getrandom gives all at once */
#define POOLED_MAX 16

static __thread struct {
	uint8_t bytes[POOL_BYTES];
	size_t left;
} pool;

static void system_bytes(char *at, size_t length)
{
	while (length) {
		ssize_t got = getrandom(at, length, 0);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			PANIC("getrandom failed");
		at += got;
		length -= (size_t)got;
	}
}

void random_bytes(void *bytes, size_t length)
{
	if (installed) {
		installed(installed_self, bytes, length);
		return;
	}
	if (length > POOLED_MAX) {
		system_bytes(bytes, length);
		return;
	}
	if (pool.left < length) {
		system_bytes((char *)pool.bytes, POOL_BYTES);
		pool.left = POOL_BYTES;
	}
	pool.left -= length;
	memcpy(bytes, pool.bytes + pool.left, length);
	explicit_bzero(pool.bytes + pool.left, length);
}

uint64_t random_below(uint64_t bound)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
	uint64_t value;

	do
		random_bytes(&value, sizeof(value));
	while (value >= limit);
	return value % bound;
}

void random_install(void (*fill)(void *self, void *bytes, size_t length), void *self)
{
	installed = fill;
	installed_self = self;
}
