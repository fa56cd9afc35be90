/*
 * histogram.h: latencies in buckets that grow by powers of two, 64 to each: none is off by more than 1.6 %, and a long
 * run takes no more memory than a short one.
 */
#ifndef TOOLS_HISTOGRAM_H
#define TOOLS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS (64 * 59)

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
	uint64_t count;
};

static inline void histogram_add(struct histogram *histogram, int64_t ns)
{
	uint64_t value = ns > 0 ? (uint64_t)ns : 0;
	unsigned int shift = value < 64 ? 0 : (unsigned int)(57 - __builtin_clzll(value));

	histogram->buckets[shift * 64 + (value >> shift)]++;
	histogram->count++;
}

/* The latency in ms that this share of all did not exceed. */
static inline double histogram_ms(const struct histogram *histogram, double share)
{
	uint64_t rank = (uint64_t)(share * (double)histogram->count), passed = 0;

	if (rank >= histogram->count)
		rank = histogram->count ? histogram->count - 1 : 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		passed += histogram->buckets[i];
		if (passed > rank) {
			unsigned int shift = i < 128 ? 0 : (unsigned int)(i / 64 - 1);

			return (double)((i - 64 * (uint64_t)shift) << shift) / 1e6;
		}
	}
	return 0;
}

#endif
