/*
 * sound.h: which values exist: the bounds of entrepot/types.h. The builder refuses others to the plugin that puts them,
 * accept.c to a worker that sends them all the same.
 */
#ifndef RECORD_SOUND_H
#define RECORD_SOUND_H

#include "record/schema.h"

#define DECIMAL_SCALE_MAX 18

/* At most 38 digits: below 10^38 on either side of zero. */
static inline bool decimal_sound(struct ep_decimal decimal)
{
	const uint64_t limit_high = 0x4b3b4ca85a86c47aU, limit_low = 0x098a224000000000U; /* 10^38 */
	uint64_t high = (uint64_t)decimal.high, low = decimal.low;

	if (decimal.scale > DECIMAL_SCALE_MAX)
		return false;
	if (decimal.high < 0) {
		low = ~low + 1;
		high = ~high + (low == 0);
	}
	return high < limit_high || (high == limit_high && low < limit_low);
}

static inline bool date_sound(struct ep_date date)
{
	static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (date.year % 4 == 0 && date.year % 100 != 0) || date.year % 400 == 0;

	if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12)
		return false;
	return date.day >= 1 && date.day <= days[date.month - 1] && (date.month != 2 || date.day <= 28 + leap);
}

/* The local time that it shows lies in the years 1 to 9999, so that it can be written. */
static inline bool time_sound(struct ep_time time)
{
	const int64_t first = -62135596800, last = 253402300799;
	int64_t local = time.seconds;

	if (time.offset_minutes < -1439 || time.offset_minutes > 1439 || time.digits > 9 || time.nanosecond > 999999999)
		return false;
	if (time.seconds < first || time.seconds > last)
		return false;
	local += time.offset_minutes * 60;
	return local >= first && local <= last;
}

/* Nanoseconds of the last of `digits` digits: a time's nanoseconds are a multiple of it. */
static inline uint32_t time_unit(uint8_t digits)
{
	static const uint32_t units[] = {1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};

	return units[digits];
}

/* "cn-id", "passport": the kind of a person's number. */
static inline bool person_kind_sound(struct ep_slice kind)
{
	if (kind.length < 1 || kind.length > 32)
		return false;
	for (uint64_t i = 0; i < kind.length; i++)
		if (!(kind.data[i] >= 'a' && kind.data[i] <= 'z') && !(kind.data[i] >= '0' && kind.data[i] <= '9') &&
			kind.data[i] != '-')
			return false;
	return true;
}

/* Length of a currency: 0, 3, or -1 for what isn't three capitals. */
static inline int currency_length(const char currency[8])
{
	if (currency[0] == '\0')
		return 0;
	for (int i = 0; i < 3; i++)
		if (currency[i] < 'A' || currency[i] > 'Z')
			return -1;
	return currency[3] == '\0' ? 3 : -1;
}

#endif
