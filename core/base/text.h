/*
 * text.h: small conversions between text and bytes, numbers with units, and times.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <entrepot/plugin.h>

/* `length` bytes as 2 * length lower-case digits and a NUL. */
void hex_write(const void *bytes, size_t length, char *text);
/* Exactly 2 * length digits of either case. */
EP_MUST_CHECK enum ep_status hex_read(struct ep_slice text, void *bytes, size_t length);
/* RFC 4648 section 4, padding required; `capacity` bytes at most. */
EP_MUST_CHECK enum ep_status base64_read(struct ep_slice text, void *bytes, size_t capacity, size_t *length);
/* 4 * ceil(length / 3) characters and a NUL. */
void base64_write(const void *bytes, size_t length, char *text);

/* "64MiB", "500kB", "123B", "0": units B kB MB GB KiB MiB GiB TiB. */
EP_MUST_CHECK enum ep_status size_read(struct ep_slice text, int64_t *bytes);
/* "200ms", "5s", "1h30m", "7d": units us ms s m h d, largest first. In nanoseconds. */
EP_MUST_CHECK enum ep_status duration_read(struct ep_slice text, int64_t *ns);

/* Code points in valid UTF-8. */
uint64_t utf8_count(struct ep_slice text);
/* The first byte that isn't strict UTF-8 (RFC 3629), or the text's length. */
uint64_t utf8_valid_until(struct ep_slice text);

/* RFC 3339 in UTC with milliseconds: "2026-11-23T10:00:00.123Z", 25 bytes with the NUL. */
void timestamp_write(int64_t realtime_ns, char text[32]);

#endif
