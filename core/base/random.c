/* random.c: see random.h. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/error.h"

static void (*installed)(void *self, void *bytes, size_t length);
static void *installed_self;

void random_bytes(void *bytes, size_t length)
{
	char *at = bytes;

	if (installed) {
		installed(installed_self, bytes, length);
		return;
	}
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
