/* bench_parse_bare.h: what the libraries do without the services around them. */
#ifndef TOOLS_BENCH_PARSE_BARE_H
#define TOOLS_BENCH_PARSE_BARE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* simdjson On-Demand, every value walked. `text` is followed by 64 readable bytes. Returns the bytes of all values, 0 if wrong. */
uint64_t bare_json(const char *text, size_t length);

#ifdef __cplusplus
}
#endif
#endif
