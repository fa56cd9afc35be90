/*
 * retention.c: see retention.h. The log goes in whole segments; how old one is says the first message behind it, so
 * nothing has to be remembered from run to run. A clock that was wrong makes a segment stay longer or go earlier, never one
 * that is needed.
 */
#include "command/retention.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/message.h"

/* When the first message at or behind the position was received; INT64_MAX: there is none. */
static int64_t time_of(struct retention *retention, struct journal *journal, uint64_t position)
{
	struct journal_reader *reader = NULL;
	struct journal_frame frame;
	struct message message;
	struct error error = {0};
	int64_t ns = INT64_MAX;
	enum ep_status status;

	if (retention->seen == position)
		return retention->seen_ns;
	status = journal_reader_open(journal, position, &reader, &error);
	if (status == EP_OK)
		status = journal_read(reader, JOURNAL_KINDS(JOURNAL_MESSAGE), &frame, &error);
	if (status == EP_OK && message_read(&frame, &message) == EP_OK) {
		ns = message.received_at_ns;
		retention->seen = position;
		retention->seen_ns = ns;
	} else if (status != EP_END && !retention->complained) {
		log_warn("retention can't tell how old a part of the journal is: it is kept",
			log_text("reason", error.text));
		retention->complained = true;
	}
	journal_reader_close(reader);
	return ns;
}

uint64_t retention_cut(struct retention *retention, const struct conf *conf, struct journal *journal, uint64_t needed)
{
	int64_t old_ns = clock_realtime_ns() - conf->retain_age_ns;
	uint64_t at = journal_first(journal), cut = 0, next;

	while ((next = journal_segment_after(journal, at)) != 0 && next <= needed) {
		bool too_much = conf->retain_bytes && needed - at > (uint64_t)conf->retain_bytes;

		if (!too_much && time_of(retention, journal, next) > old_ns)
			break;
		cut = at = next;
	}
	return cut;
}
