/*
 * put.c: dates and times put as the schema wants them, from whatever the sender wrote.
 *
 * Nothing is invented: a local time without a declared zone is left out and noted, a date alone becomes midnight only
 * with a note, and what can't be read is left out with a note that says so.
 */
#include "date.h"

/* "2026-11-23", "20261123", and as XML Schema writes a date, "2026-11-23+01:00": EP_OK without offset, EP_END with one;
 * EP_NOT_FOUND for a date that doesn't exist. */
static enum ep_status date_alone(struct ep_date *date, struct ep_slice text, int16_t *offset)
{
	enum ep_status status;

	if (text.length == 8)
		return date_parse(date, text, EP_DATE_BASIC);
	status = date_parse(date, ep_slice_sub(text, 0, 10), EP_DATE_ISO);
	if (status == EP_BAD_INPUT || text.length == 10)
		return status;
	if (!offset_read(ep_slice_sub(text, 10, text.length), offset))
		return EP_BAD_INPUT;
	return status == EP_OK ? EP_END : status;
}

void ep_put_local_time(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_local_time local,
	struct ep_text origin)
{
	struct ep_time time;

	switch (host->text->zoned(call, local, &time)) {
	case EP_OK:
		host->put_time(call, field, time, origin);
		break;
	case EP_NO_ZONE:
		host->note(call, field, EP_NOTE_TIME_ZONE_MISSING);
		break;
	default:
		host->note(call, field, EP_NOTE_VALUE_UNREADABLE);
	}
}

void ep_put_time(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text text)
{
	struct ep_text trimmed = ep_text_trim(text);
	struct ep_local_time local;
	struct ep_time time;
	int16_t offset = 0;

	if (trimmed.value.length == 0)
		return;
	switch (ep_time_read(&time, &local, trimmed.value)) {
	case EP_OK:
		host->put_time(call, field, time, trimmed);
		return;
	case EP_NO_ZONE:
		ep_put_local_time(host, call, field, local, trimmed);
		return;
	default:
		break;
	}
	memset(&local, 0, sizeof(local));
	switch (date_alone(&local.date, trimmed.value, &offset)) {
	case EP_OK:
		if (host->text->zoned(call, local, &time) == EP_OK)
			host->note(call, field, EP_NOTE_TIME_ABSENT);
		ep_put_local_time(host, call, field, local, trimmed);
		break;
	case EP_END:
		host->note(call, field, EP_NOTE_TIME_ABSENT);
		host->put_time(call, field, ep_time_at(local, offset), trimmed);
		break;
	case EP_NOT_FOUND:
		host->note(call, field, EP_NOTE_DATE_IMPOSSIBLE);
		break;
	default:
		host->note(call, field, EP_NOTE_VALUE_UNREADABLE);
	}
}

void ep_put_date(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text text)
{
	struct ep_text trimmed = ep_text_trim(text);
	enum ep_status status;
	struct ep_date date;
	struct ep_time time;
	int16_t offset;

	if (trimmed.value.length == 0)
		return;
	status = date_alone(&date, trimmed.value, &offset);
	if (status == EP_BAD_INPUT) {
		/* Of a date and time, the date as written: whatever zone it is in, the sender's calendar shows that day. */
		enum ep_status whole = ep_time_read(&time, NULL, trimmed.value);

		if (whole == EP_OK || whole == EP_NO_ZONE)
			status = date_parse(&date, ep_slice_sub(trimmed.value, 0, 10), EP_DATE_ISO);
	}
	if (status == EP_OK || status == EP_END)
		host->put_date(call, field, date, trimmed);
	else
		host->note(call, field, status == EP_NOT_FOUND ? EP_NOTE_DATE_IMPOSSIBLE : EP_NOTE_VALUE_UNREADABLE);
}
