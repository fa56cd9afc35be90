/* clock.c: see clock.h. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static const struct clock_source *installed;

static int64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_realtime_ns(void)
{
	return installed ? installed->realtime_ns(installed->self) : read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return installed ? installed->monotonic_ns(installed->self) : read_clock(CLOCK_MONOTONIC);
}

void clock_install(const struct clock_source *source)
{
	installed = source;
}
