/*
 * types.h: the values that plugins and the gateway exchange.
 *
 * Every struct here is part of ABI v1: fixed width, no pointers to libc objects, no change of an existing member ever.
 * Valid C11 and C++17. Include <entrepot/plugin.h>, not this file.
 */
#ifndef ENTREPOT_TYPES_H
#define ENTREPOT_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EP_MUST_CHECK __attribute__((warn_unused_result))

/* What a call came to. Partner input that is wrong is EP_BAD_INPUT; the others say that something of ours was. */
enum ep_status {
	EP_OK = 0,
	EP_END = 1,         /* nothing more to read */
	EP_BAD_INPUT = 2,   /* the message is wrong; fail() or reject() has said where */
	EP_NO_ZONE = 3,     /* a local time, and the source declares no zone */
	EP_LIMIT = 4,       /* a bound was reached; nothing was stored */
	EP_NO_MEMORY = 5,   /* memory could not be had */
	EP_NOT_FOUND = 6,   /* asked for something that isn't there */
	EP_MISUSE = 7,      /* the caller broke a rule of the interface */
	EP_AGAIN = 8,       /* not now; ask later */
	EP_IO = 9,          /* the operating system refused a read or write */
	EP_BAD_CONFIG = 10, /* a setting or option isn't accepted */
	EP_INTERNAL = 11,   /* a defect */
	EP_CONFLICT = 12    /* what is stored already says otherwise */
};

/* Borrowed bytes; `data` is not terminated and may be NULL where length is 0. */
struct ep_slice {
	const char *data;
	uint64_t length;
};

/* Character sets in which a part may come. Those from EP_LATIN1 on hold one character in one byte. */
enum ep_charset {
	EP_UTF8 = 0,
	EP_GB18030 = 1, /* with GBK and GB2312 inside */
	EP_LATIN1 = 16, /* ISO 8859-1 */
	EP_WINDOWS_1252 = 17,
	EP_CP850 = 18,
	EP_CP852 = 19
};

/*
 * Text together with its origin. `value` is in `charset`; offset and length name the bytes of the part that it was
 * read from, before entities, escapes or quotes were undone. Part EP_NO_PART: it comes from no input (a constant).
 */
struct ep_text {
	struct ep_slice value;
	uint64_t offset;
	uint64_t length;
	uint32_t part;
	uint32_t charset; /* enum ep_charset; EP_UTF8 or one of one byte a character */
};

#define EP_NO_PART UINT32_MAX

/* Where in the input. Zero members are unknown; `row` and `column` count from 1; `path` is such as "Stmt[1]/Ntry[3]/Amt". */
struct ep_place {
	uint32_t part;
	uint32_t column;
	uint64_t offset;
	uint64_t length;
	uint64_t row;
	struct ep_slice path;
};

/* An exact decimal: (high:low as a two's complement integer of 128 bits) / 10^scale. At most 38 digits, scale 0 to 18. */
struct ep_decimal {
	uint64_t low;
	int64_t high;
	uint32_t scale;
	uint32_t reserved;
};

/* `currency` is ISO 4217 alpha-3, upper case, NUL-terminated; empty where the source gives none. */
struct ep_money {
	struct ep_decimal amount;
	char currency[8];
};

/* `unit` is UN/CEFACT Recommendation 20 (or the sender's code), NUL-terminated; empty where the source gives none. */
struct ep_quantity {
	struct ep_decimal quantity;
	char unit[16];
};

/* Proleptic Gregorian; year 1 to 9999, month 1 to 12, day 1 to 31. */
struct ep_date {
	int16_t year;
	uint8_t month;
	uint8_t day;
};

/* A time of day without a zone; `digits` (0 to 9) of the second's fraction were given. */
struct ep_local_time {
	struct ep_date date;
	uint8_t hour;
	uint8_t minute;
	uint8_t second;
	uint8_t digits;
	uint32_t nanosecond;
};

/* A point in time and the offset from UTC that the sender used. `seconds` counts from 1970-01-01T00:00:00Z. */
struct ep_time {
	int64_t seconds;
	uint32_t nanosecond;
	int16_t offset_minutes; /* -1439 to 1439 */
	uint8_t digits;         /* digits of the second's fraction that were given, 0 to 9 */
	uint8_t reserved;
};

#ifdef __cplusplus
}
#endif
#endif
