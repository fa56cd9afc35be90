/* zone_rule.c: see zone_rule.h. */
#include "worker/zone_rule.h"

#define DAY 86400

static bool take(struct ep_slice *text, char c)
{
	if (text->length == 0 || text->data[0] != c)
		return false;
	*text = ep_slice_make(text->data + 1, text->length - 1);
	return true;
}

static bool take_number(struct ep_slice *text, int32_t most, int32_t *number)
{
	uint64_t digits = 0;

	*number = 0;
	while (digits < text->length && text->data[digits] >= '0' && text->data[digits] <= '9' && *number <= most)
		*number = *number * 10 + (text->data[digits++] - '0');
	*text = ep_slice_make(text->data + digits, text->length - digits);
	return digits > 0 && *number <= most;
}

/* An abbreviation: letters, or anything in angle brackets. */
static bool take_name(struct ep_slice *text)
{
	bool quoted = take(text, '<');
	uint64_t length = 0;

	while (length < text->length) {
		char c = text->data[length];

		if (quoted ? c == '>' : !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			break;
		length++;
	}
	*text = ep_slice_make(text->data + length, text->length - length);
	return length >= 3 && (!quoted || take(text, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool take_clock(struct ep_slice *text, int32_t *seconds)
{
	bool negative = take(text, '-');
	int32_t hours, minutes = 0, rest = 0;

	if (!negative)
		take(text, '+');
	if (!take_number(text, 167, &hours))
		return false;
	if (take(text, ':') && !take_number(text, 59, &minutes))
		return false;
	if (take(text, ':') && !take_number(text, 59, &rest))
		return false;
	*seconds = hours * 3600 + minutes * 60 + rest;
	if (negative)
		*seconds = -*seconds;
	return true;
}

static bool take_day(struct ep_slice *text, struct zone_rule_day *day)
{
	*day = (struct zone_rule_day){.kind = '0', .seconds = 2 * 3600};
	if (!take(text, ','))
		return false;
	if (take(text, 'M')) {
		day->kind = 'M';
		if (!take_number(text, 12, &day->month) || day->month == 0 || !take(text, '.') ||
			!take_number(text, 5, &day->week) || day->week == 0 || !take(text, '.') ||
			!take_number(text, 6, &day->day))
			return false;
	} else {
		if (take(text, 'J'))
			day->kind = 'J';
		if (!take_number(text, 365, &day->day) || (day->kind == 'J' && day->day == 0))
			return false;
	}
	return !take(text, '/') || take_clock(text, &day->seconds);
}

bool zone_rule_read(struct zone_rule *rule, struct ep_slice text)
{
	int32_t west;

	*rule = (struct zone_rule){.standard = 0};
	if (!take_name(&text) || !take_clock(&text, &west))
		return false;
	rule->standard = -west;
	if (text.length == 0)
		return true;
	rule->has_summer = true;
	rule->summer = rule->standard + 3600;
	if (!take_name(&text))
		return false;
	if (text.length && text.data[0] != ',') {
		if (!take_clock(&text, &west))
			return false;
		rule->summer = -west;
	}
	return take_day(&text, &rule->begin) && take_day(&text, &rule->end) && text.length == 0;
}

/* Local seconds since 1970 at which the day's rule strikes in that year. */
static int64_t strike(const struct zone_rule_day *day, int16_t year)
{
	int64_t first = ep_date_days((struct ep_date){year, 1, 1});
	bool leap = ep_date_exists((struct ep_date){year, 2, 29});

	if (day->kind == 'J') {
		first += day->day - 1 + (leap && day->day >= 60);
	} else if (day->kind == '0') {
		first += day->day;
	} else {
		int64_t weekday;

		first = ep_date_days((struct ep_date){year, (uint8_t)day->month, 1});
		weekday = (first % 7 + 7 + 4) % 7; /* 1970-01-01 was a Thursday */
		first += (day->day - weekday + 7) % 7 + 7 * (day->week - 1);
		while (ep_date_from_days(first).month != day->month)
			first -= 7;
	}
	return first * DAY + day->seconds;
}

int32_t zone_rule_offset_at(const struct zone_rule *rule, int64_t seconds)
{
	int64_t local = seconds + rule->standard, begin, end;
	bool summer;
	int16_t year;

	if (!rule->has_summer)
		return rule->standard;
	year = ep_date_from_days(local / DAY - (local % DAY < 0)).year;
	begin = strike(&rule->begin, year) - rule->standard;
	end = strike(&rule->end, year) - rule->summer;
	summer = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
	return summer ? rule->summer : rule->standard;
}
