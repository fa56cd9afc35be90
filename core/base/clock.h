/*
 * clock.h: the seam through which all time is read. Nothing else calls clock_gettime.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

struct clock_source {
	int64_t (*realtime_ns)(void *self);  /* since 1970, UTC; may jump */
	int64_t (*monotonic_ns)(void *self); /* never goes back */
	void *self;
};

int64_t clock_realtime_ns(void);
int64_t clock_monotonic_ns(void);
/* For tests and simulation; NULL puts the system's clock back. `source` must outlive its use. */
void clock_install(const struct clock_source *source);

#endif
