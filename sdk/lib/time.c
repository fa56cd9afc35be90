/*
 * time.c: points in time with the offset that the sender used (ISO 8601, RFC 3339), times of day (X12, SWIFT).
 *
 * A time without an offset is never given one here: that is the source's zone, which only the host knows (put.c).
 */
#include "date.h"

#define DAY 86400
#define FRACTION_DIGITS_MAX 9

/* A leap second is written 23:59:60 UTC. Offsets are multiples of a quarter of an hour, so the minute tells a leap second
 * from a mistake even where the offset isn't known. */
static bool second_accepted(uint32_t second, uint32_t minute)
{
	return second <= 59 || (second == 60 && minute % 15 == 14);
}

static bool clock_set(struct ep_local_time *local, uint32_t hour, uint32_t minute, uint32_t second)
{
	if (hour > 23 || minute > 59 || !second_accepted(second, minute))
		return false;
	local->hour = (uint8_t)hour;
	local->minute = (uint8_t)minute;
	local->second = (uint8_t)(second == 60 ? 59 : second);
	return true;
}

/* Digits of a fraction from `offset` on; returns the offset behind them. Those beyond the ninth are dropped. */
static uint64_t fraction_read(struct ep_slice text, uint64_t offset, struct ep_local_time *local)
{
	uint32_t nanosecond = 0;
	uint8_t digits = 0;

	for (; offset < text.length && text.data[offset] >= '0' && text.data[offset] <= '9'; offset++) {
		if (digits == FRACTION_DIGITS_MAX)
			continue;
		nanosecond = nanosecond * 10 + (uint32_t)(text.data[offset] - '0');
		digits++;
	}
	local->digits = digits;
	for (; digits < FRACTION_DIGITS_MAX; digits++)
		nanosecond *= 10;
	local->nanosecond = nanosecond;
	return offset;
}

bool offset_read(struct ep_slice text, int16_t *minutes)
{
	uint32_t hour, minute = 0;

	if (text.length == 1 && (text.data[0] == 'Z' || text.data[0] == 'z')) {
		*minutes = 0;
		return true;
	}
	if (text.length < 3 || (text.data[0] != '+' && text.data[0] != '-') || !date_digits(text, 1, 2, &hour))
		return false;
	if (text.length == 6) {
		if (text.data[3] != ':' || !date_digits(text, 4, 2, &minute))
			return false;
	} else if (text.length == 5) {
		if (!date_digits(text, 3, 2, &minute))
			return false;
	} else if (text.length != 3) {
		return false;
	}
	if (hour > 23 || minute > 59)
		return false;
	*minutes = (int16_t)((text.data[0] == '-' ? -1 : 1) * (int)(hour * 60 + minute));
	return true;
}

/* "HH:MM[:SS[.fff]]" from `offset` on; returns the offset behind it, 0 if it isn't one. 24:00:00 ends the day. */
static uint64_t extended_clock(struct ep_slice text, uint64_t offset, struct ep_local_time *local)
{
	uint32_t hour, minute, second = 0;
	bool end_of_day;

	if (text.length < offset + 5 || text.data[offset + 2] != ':' || !date_digits(text, offset, 2, &hour) ||
		!date_digits(text, offset + 3, 2, &minute))
		return 0;
	offset += 5;
	if (offset < text.length && text.data[offset] == ':') {
		if (!date_digits(text, offset + 1, 2, &second))
			return 0;
		offset += 3;
		if (offset < text.length && (text.data[offset] == '.' || text.data[offset] == ',')) {
			uint64_t end = fraction_read(text, offset + 1, local);

			if (end == offset + 1)
				return 0;
			offset = end;
		}
	}
	end_of_day = hour == 24 && minute == 0 && second == 0 && local->nanosecond == 0;
	if (!clock_set(local, end_of_day ? 0 : hour, minute, second))
		return 0;
	if (end_of_day) {
		int64_t next = ep_date_days(local->date) + 1;

		local->date = ep_date_from_days(next);
		if (ep_date_days(local->date) != next)
			return 0;
	}
	return offset;
}

static bool in_range(struct ep_time time)
{
	static const int64_t first = -719162 * (int64_t)DAY;    /* 0001-01-01T00:00:00Z */
	static const int64_t last = 2932897 * (int64_t)DAY - 1; /* 9999-12-31T23:59:59Z */

	return time.seconds >= first && time.seconds <= last;
}

enum ep_status ep_time_read(struct ep_time *time, struct ep_local_time *local, struct ep_slice text)
{
	struct ep_local_time read;
	struct ep_time made;
	struct ep_slice zone;
	int16_t minutes;
	uint64_t end;

	memset(&read, 0, sizeof(read));
	if (text.length < 16 || date_parse(&read.date, ep_slice_sub(text, 0, 10), EP_DATE_ISO) != EP_OK ||
		(text.data[10] != 'T' && text.data[10] != 't' && text.data[10] != ' '))
		return EP_BAD_INPUT;
	end = extended_clock(text, 11, &read);
	if (end == 0)
		return EP_BAD_INPUT;
	if (end == text.length) {
		if (local)
			*local = read;
		return EP_NO_ZONE;
	}
	zone = ep_slice_sub(text, end, text.length);
	if (zone.data[0] == ' ') /* "2026-11-23 10:00:00 +0800", "... UTC" */
		zone = ep_slice_sub(zone, 1, zone.length);
	if (ep_slice_is(zone, "UTC"))
		minutes = 0;
	else if (!offset_read(zone, &minutes))
		return EP_BAD_INPUT;
	made = ep_time_at(read, minutes);
	if (!in_range(made))
		return EP_BAD_INPUT;
	*time = made;
	return EP_OK;
}

enum ep_status ep_clock_read(struct ep_local_time *local, struct ep_slice text)
{
	struct ep_local_time read = *local;
	uint32_t hour, minute, second = 0;
	bool colons = text.length >= 3 && text.data[2] == ':';
	uint64_t step = colons ? 3 : 2;

	read.digits = 0;
	read.nanosecond = 0;
	if (!date_digits(text, 0, 2, &hour) || !date_digits(text, step, 2, &minute))
		return EP_BAD_INPUT;
	if (colons) {
		if (text.length != 5 && (text.length != 8 || text.data[5] != ':' || !date_digits(text, 6, 2, &second)))
			return EP_BAD_INPUT;
	} else if (text.length != 4) {
		/* X12 TM: HHMM, HHMMSS, HHMMSSD, HHMMSSDD */
		if (text.length < 6 || text.length > 8 || !date_digits(text, 4, 2, &second) ||
			fraction_read(text, 6, &read) != text.length)
			return EP_BAD_INPUT;
	}
	if (!clock_set(&read, hour, minute, second))
		return EP_BAD_INPUT;
	*local = read;
	return EP_OK;
}

struct ep_time ep_time_at(struct ep_local_time local, int16_t offset_minutes)
{
	struct ep_time time;

	memset(&time, 0, sizeof(time));
	time.seconds = ep_date_days(local.date) * DAY + local.hour * 3600 + local.minute * 60 + local.second -
		       offset_minutes * (int64_t)60;
	time.nanosecond = local.nanosecond;
	time.offset_minutes = offset_minutes;
	time.digits = local.digits;
	return time;
}

struct ep_time ep_time_unix(int64_t seconds)
{
	struct ep_time time;

	memset(&time, 0, sizeof(time));
	time.seconds = seconds;
	return time;
}

struct ep_time ep_time_unix_ms(int64_t milliseconds)
{
	int64_t rest = milliseconds % 1000;
	struct ep_time time = ep_time_unix(milliseconds / 1000);

	if (rest < 0) {
		rest += 1000;
		time.seconds--;
	}
	time.nanosecond = (uint32_t)rest * 1000000;
	time.digits = 3;
	return time;
}

/* Days since 1970 and seconds of the day, as the time's own offset shows them, inside the years 1 to 9999. */
static int64_t shown_days(struct ep_time time, int64_t *second_of_day)
{
	int64_t offset = time.offset_minutes < -1439 ? -1439 : time.offset_minutes > 1439 ? 1439 : time.offset_minutes;
	int64_t first = -719162 * (int64_t)DAY, last = 2932897 * (int64_t)DAY - 1;
	int64_t seconds, days;

	seconds = time.seconds < first ? first : time.seconds > last ? last : time.seconds;
	seconds += offset * 60;
	seconds = seconds < first ? first : seconds > last ? last : seconds;
	days = seconds / DAY;
	if (seconds % DAY < 0)
		days--;
	*second_of_day = seconds - days * DAY;
	return days;
}

struct ep_date ep_time_date(struct ep_time time)
{
	int64_t second;

	return ep_date_from_days(shown_days(time, &second));
}

static char *write_pair(char *text, char mark, uint32_t value)
{
	text[0] = mark;
	text[1] = (char)('0' + value / 10 % 10);
	text[2] = (char)('0' + value % 10);
	return text + 3;
}

uint32_t ep_time_write(struct ep_time time, char text[40])
{
	int64_t second;
	struct ep_date date = ep_date_from_days(shown_days(time, &second));
	uint32_t digits = time.digits > FRACTION_DIGITS_MAX ? FRACTION_DIGITS_MAX : time.digits;
	uint32_t nanosecond = time.nanosecond % 1000000000;
	char *end = text + ep_date_write(date, text);

	end = write_pair(end, 'T', (uint32_t)(second / 3600));
	end = write_pair(end, ':', (uint32_t)(second / 60 % 60));
	end = write_pair(end, ':', (uint32_t)(second % 60));
	if (digits) {
		*end++ = '.';
		for (uint32_t i = 0, power = 100000000; i < digits; i++, power /= 10)
			*end++ = (char)('0' + nanosecond / power % 10);
	}
	if (time.offset_minutes == 0) {
		*end++ = 'Z';
	} else {
		uint32_t minutes = (uint32_t)(time.offset_minutes < 0 ? -time.offset_minutes : time.offset_minutes);

		minutes = minutes > 1439 ? 1439 : minutes;
		end = write_pair(end, time.offset_minutes < 0 ? '-' : '+', minutes / 60);
		end = write_pair(end, ':', minutes % 60);
	}
	*end = '\0';
	return (uint32_t)(end - text);
}
