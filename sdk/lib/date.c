/*
 * date.c: calendar dates, proleptic Gregorian, years 1 to 9999. No time zone is involved, and none is looked up.
 */
#include "date.h"

static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static bool leap_year(int32_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

bool ep_date_exists(struct ep_date date)
{
	if (date.year < 1 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1)
		return false;
	return date.day <= month_days[date.month - 1] + (date.month == 2 && leap_year(date.year) ? 1 : 0);
}

bool date_digits(struct ep_slice text, uint64_t offset, uint64_t count, uint32_t *value)
{
	uint32_t sum = 0;

	if (count == 0 || count > 9 || offset > text.length || text.length - offset < count)
		return false;
	for (uint64_t i = offset; i < offset + count; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		sum = sum * 10 + (uint32_t)(text.data[i] - '0');
	}
	*value = sum;
	return true;
}

/* The window of two-digit years: 80 to 99 are 19xx. */
static uint32_t full_year(uint32_t two_digits)
{
	return two_digits + (two_digits >= 80 ? 1900 : 2000);
}

static enum ep_status date_make(struct ep_date *date, uint32_t year, uint32_t month, uint32_t day)
{
	struct ep_date made;

	if (year > 9999 || month > 99 || day > 99)
		return EP_BAD_INPUT;
	made.year = (int16_t)year;
	made.month = (uint8_t)month;
	made.day = (uint8_t)day;
	if (!ep_date_exists(made))
		return EP_NOT_FOUND;
	*date = made;
	return EP_OK;
}

/* Three numbers between two equal separators; `digits` says how many digits each has. */
static bool three_numbers(struct ep_slice text, uint32_t number[3], uint64_t digits[3])
{
	uint64_t start = 0;
	char separator = 0;

	for (int i = 0; i < 3; i++) {
		uint64_t end = start;

		while (end < text.length && text.data[end] >= '0' && text.data[end] <= '9')
			end++;
		digits[i] = end - start;
		if (digits[i] > 4 || !date_digits(text, start, digits[i], &number[i]))
			return false;
		if (i == 2)
			return end == text.length;
		if (end == text.length || (text.data[end] != '.' && text.data[end] != '/' && text.data[end] != '-'))
			return false;
		if (i == 0)
			separator = text.data[end];
		else if (text.data[end] != separator)
			return false;
		start = end + 1;
	}
	return false;
}

static enum ep_status parse_separated(struct ep_date *date, struct ep_slice text, enum ep_date_format format)
{
	uint32_t number[3];
	uint64_t digits[3];
	int year = format == EP_DATE_YMD ? 0 : 2;
	int month = format == EP_DATE_MDY ? 0 : 1;
	int day = format == EP_DATE_YMD ? 2 : format == EP_DATE_MDY ? 1 : 0;

	if (!three_numbers(text, number, digits) || digits[month] > 2 || digits[day] > 2)
		return EP_BAD_INPUT;
	if (digits[year] == 2 && format != EP_DATE_YMD)
		number[year] = full_year(number[year]);
	else if (digits[year] != 4)
		return EP_BAD_INPUT;
	return date_make(date, number[year], number[month], number[day]);
}

enum ep_status date_parse(struct ep_date *date, struct ep_slice text, enum ep_date_format format)
{
	uint32_t year, month, day;

	switch (format) {
	case EP_DATE_ISO:
		if (text.length != 10 || text.data[4] != '-' || text.data[7] != '-' ||
			!date_digits(text, 0, 4, &year) || !date_digits(text, 5, 2, &month) ||
			!date_digits(text, 8, 2, &day))
			return EP_BAD_INPUT;
		return date_make(date, year, month, day);
	case EP_DATE_BASIC:
		if (text.length != 8 || !date_digits(text, 0, 4, &year) || !date_digits(text, 4, 2, &month) ||
			!date_digits(text, 6, 2, &day))
			return EP_BAD_INPUT;
		return date_make(date, year, month, day);
	case EP_DATE_SHORT:
		if (text.length != 6 || !date_digits(text, 0, 2, &year) || !date_digits(text, 2, 2, &month) ||
			!date_digits(text, 4, 2, &day))
			return EP_BAD_INPUT;
		return date_make(date, full_year(year), month, day);
	case EP_DATE_DMY:
	case EP_DATE_MDY:
	case EP_DATE_YMD:
		return parse_separated(date, text, format);
	}
	return EP_BAD_INPUT;
}

enum ep_status ep_date_read(struct ep_date *date, struct ep_slice text, enum ep_date_format format)
{
	return date_parse(date, text, format) == EP_OK ? EP_OK : EP_BAD_INPUT;
}

/* Years begin in March here, so that the leap day is the last of its year; 719,468 days lie between 0000-03-01 and 1970. */
int64_t ep_date_days(struct ep_date date)
{
	int64_t year = date.year - (date.month <= 2 ? 1 : 0);
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

struct ep_date ep_date_from_days(int64_t days)
{
	struct ep_date date;
	int64_t era, day_of_era, year_of_era, day_of_year, month;

	/* 0001-01-01 to 9999-12-31; what lies outside is the nearest of them. */
	days = days < -719162 ? -719162 : days > 2932896 ? 2932896 : days;
	days += 719468;
	era = days / 146097;
	day_of_era = days - era * 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	month = (5 * day_of_year + 2) / 153;
	date.day = (uint8_t)(day_of_year - (153 * month + 2) / 5 + 1);
	date.month = (uint8_t)(month < 10 ? month + 3 : month - 9);
	date.year = (int16_t)(year_of_era + era * 400 + (date.month <= 2 ? 1 : 0));
	return date;
}

static void write_digits(char *text, uint32_t value, uint32_t count)
{
	while (count--) {
		text[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

uint32_t ep_date_write(struct ep_date date, char text[16])
{
	write_digits(text, (uint32_t)(date.year < 0 ? 0 : date.year), 4);
	text[4] = '-';
	write_digits(text + 5, date.month, 2);
	text[7] = '-';
	write_digits(text + 8, date.day, 2);
	text[10] = '\0';
	return 10;
}
