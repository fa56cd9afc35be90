/* text.c: see text.h. */
#include "base/text.h"

#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/clock.h"

void hex_write(const void *bytes, size_t length, char *text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++) {
		text[2 * i] = digits[at[i] >> 4];
		text[2 * i + 1] = digits[at[i] & 15];
	}
	text[2 * length] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum ep_status hex_read(struct ep_slice text, void *bytes, size_t length)
{
	uint8_t *at = bytes;

	if (text.length != 2 * length)
		return EP_BAD_INPUT;
	for (size_t i = 0; i < length; i++) {
		int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);

		if (high < 0 || low < 0)
			return EP_BAD_INPUT;
		at[i] = (uint8_t)(high << 4 | low);
	}
	return EP_OK;
}

/* A table: signatures are random, and so would be the branches. */
static int base64_digit(char c)
{
	static const int8_t digits[] = {62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1,
		-1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
		-1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45,
		46, 47, 48, 49, 50, 51}; /* from '+' to 'z' */
	unsigned int at = (unsigned char)c - (unsigned int)'+';

	return at < sizeof(digits) ? digits[at] : -1;
}

enum ep_status base64_read(struct ep_slice text, void *bytes, size_t capacity, size_t *length)
{
	uint8_t *out = bytes;
	size_t padding = 0, used = 0;

	if (text.length % 4 != 0)
		return EP_BAD_INPUT;
	while (padding < 2 && padding < text.length && text.data[text.length - 1 - padding] == '=')
		padding++;
	if (text.length / 4 * 3 - padding > capacity)
		return EP_LIMIT;
	for (uint64_t i = 0; i < text.length; i += 4) {
		uint32_t bits = 0;
		size_t digits = i + 4 == text.length ? 4 - padding : 4;

		for (size_t k = 0; k < 4; k++) {
			int digit = k < digits ? base64_digit(text.data[i + k]) : 0;

			if (digit < 0)
				return EP_BAD_INPUT;
			bits = bits << 6 | (uint32_t)digit;
		}
		if (bits & (digits == 2          ? 0xffffu
				   : digits == 3 ? 0xffu
						 : 0u)) /* bits that stand for nothing must be zero */
			return EP_BAD_INPUT;
		for (size_t k = 0; k + 1 < digits; k++)
			out[used++] = (uint8_t)(bits >> (16 - 8 * k));
	}
	*length = used;
	return EP_OK;
}

void base64_write(const void *bytes, size_t length, char *text)
{
	EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
}

/* The number at the front of *text, and what stands behind it up to the next digit. */
static bool take_number(struct ep_slice *text, int64_t *number, struct ep_slice *unit)
{
	uint64_t digits = 0, end;

	*number = 0;
	while (digits < text->length && text->data[digits] >= '0' && text->data[digits] <= '9') {
		if (__builtin_mul_overflow(*number, 10, number) ||
			__builtin_add_overflow(*number, text->data[digits] - '0', number))
			return false;
		digits++;
	}
	end = digits;
	while (end < text->length && (text->data[end] < '0' || text->data[end] > '9'))
		end++;
	*unit = ep_slice_make(text->data + digits, end - digits);
	*text = ep_slice_make(text->data + end, text->length - end);
	return digits > 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit *find_unit(const struct unit *units, size_t count, struct ep_slice name)
{
	for (size_t i = 0; i < count; i++)
		if (ep_slice_equal(ep_slice_of(units[i].name), name))
			return &units[i];
	return NULL;
}

enum ep_status size_read(struct ep_slice text, int64_t *bytes)
{
	static const struct unit units[] = {{"B", 1}, {"kB", 1000}, {"MB", 1000000}, {"GB", 1000000000},
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", INT64_C(1) << 40}};
	const struct unit *unit;
	struct ep_slice name;

	if (!take_number(&text, bytes, &name) || text.length)
		return EP_BAD_INPUT;
	if (name.length == 0)
		return *bytes == 0 ? EP_OK : EP_BAD_INPUT;
	unit = find_unit(units, sizeof(units) / sizeof(units[0]), name);
	if (!unit || __builtin_mul_overflow(*bytes, unit->factor, bytes))
		return EP_BAD_INPUT;
	return EP_OK;
}

enum ep_status duration_read(struct ep_slice text, int64_t *ns)
{
	static const struct unit units[] = {{"d", 86400 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {"m", 60 * NS_PER_S},
		{"s", NS_PER_S}, {"ms", NS_PER_MS}, {"us", NS_PER_US}};
	const struct unit *last = NULL;
	int64_t total = 0;

	if (ep_slice_is(text, "0")) {
		*ns = 0;
		return EP_OK;
	}
	do {
		const struct unit *unit;
		struct ep_slice name;
		int64_t number;

		if (!take_number(&text, &number, &name))
			return EP_BAD_INPUT;
		unit = find_unit(units, sizeof(units) / sizeof(units[0]), name);
		if (!unit || (last && unit <= last) || __builtin_mul_overflow(number, unit->factor, &number) ||
			__builtin_add_overflow(total, number, &total))
			return EP_BAD_INPUT;
		last = unit;
	} while (text.length);
	*ns = total;
	return EP_OK;
}

uint64_t utf8_count(struct ep_slice text)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < text.length; i++)
		count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
	return count;
}

/* Length of the well-formed sequence at the front (Unicode 15, table 3-7), or 0. */
static uint64_t sequence_length(const unsigned char *at, uint64_t left)
{
	unsigned char first = at[0];

	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return left >= 2 && (at[1] & 0xc0) == 0x80 ? 2 : 0;
	if (first >= 0xe0 && first <= 0xef) {
		unsigned char least = first == 0xe0 ? 0xa0 : 0x80, most = first == 0xed ? 0x9f : 0xbf;

		return left >= 3 && at[1] >= least && at[1] <= most && (at[2] & 0xc0) == 0x80 ? 3 : 0;
	}
	if (first >= 0xf0 && first <= 0xf4) {
		unsigned char least = first == 0xf0 ? 0x90 : 0x80, most = first == 0xf4 ? 0x8f : 0xbf;

		return left >= 4 && at[1] >= least && at[1] <= most && (at[2] & 0xc0) == 0x80 && (at[3] & 0xc0) == 0x80
			       ? 4
			       : 0;
	}
	return 0;
}

uint64_t utf8_valid_until(struct ep_slice text)
{
	const unsigned char *bytes = (const unsigned char *)text.data;
	uint64_t i = 0;

	while (i < text.length) {
		uint64_t eight, length;

		/* Eight ASCII bytes at a time: nearly all text is. */
		while (text.length - i >= 8) {
			memcpy(&eight, bytes + i, 8);
			if (eight & UINT64_C(0x8080808080808080))
				break;
			i += 8;
		}
		if (i == text.length)
			break;
		length = sequence_length(bytes + i, text.length - i);
		if (length == 0)
			break;
		i += length;
	}
	return i;
}

/* `value` as `width` decimal digits; what doesn't fit is cut off at the front. */
static char *put_digits(char *at, int64_t value, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		at[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return at + width;
}

void timestamp_write(int64_t realtime_ns, char text[32])
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	struct tm utc;
	char *at = text;

	gmtime_r(&seconds, &utc);
	at = put_digits(at, utc.tm_year + 1900, 4);
	*at++ = '-';
	at = put_digits(at, utc.tm_mon + 1, 2);
	*at++ = '-';
	at = put_digits(at, utc.tm_mday, 2);
	*at++ = 'T';
	at = put_digits(at, utc.tm_hour, 2);
	*at++ = ':';
	at = put_digits(at, utc.tm_min, 2);
	*at++ = ':';
	at = put_digits(at, utc.tm_sec, 2);
	*at++ = '.';
	at = put_digits(at, realtime_ns % NS_PER_S / NS_PER_MS, 3);
	*at++ = 'Z';
	*at = '\0';
}
