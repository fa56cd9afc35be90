/*
 * tracking.c: 214, transportation carrier shipment status message: one tracking_event an AT7.
 *
 * What stands behind an AT7 (its MS1) belongs to it, so an event is put when the next begins. A status code that has no
 * counterpart in the one vocabulary stays in source_code and gives no code.
 */
#include "x12.h"

struct event {
	struct ep_text status;
	struct moment occurred;
	struct ep_text place[3]; /* MS1: city, state, country */
};

struct trace {
	struct ep_text waybill, shipment, carrier;
	struct event event;
	bool begun;
};

/* X12 1650 (what happened) and 1652 (appointments), as far as they say one of these. */
static const struct {
	uint32_t code;
	const char *statuses;
} codes[] = {{EP_TRACKING_CODE_ACCEPTED, "XB R1 DO"}, {EP_TRACKING_CODE_PICKED_UP, "AF CP AM BA"},
	{EP_TRACKING_CODE_DEPARTED, "P1 X6 J1 RL"}, {EP_TRACKING_CODE_ARRIVED, "X1 X3 X4 X5 X8 AR I1 S1"},
	{EP_TRACKING_CODE_CUSTOMS_IN, "K1 PR"}, {EP_TRACKING_CODE_CUSTOMS_OUT, "CT"},
	{EP_TRACKING_CODE_OUT_FOR_DELIVERY, "AJ"}, {EP_TRACKING_CODE_DELIVERED, "D1 CB"},
	{EP_TRACKING_CODE_EXCEPTION, "A7 A9 AH AP CA SD"}, {EP_TRACKING_CODE_RETURNED, "A3"},
	{EP_TRACKING_CODE_INFORMATION, "AG AV X2 B6 C1 AA AB"}};

static void put_code(struct reader *reader, struct ep_text status)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (is_among(status.value, codes[i].statuses))
			reader->host->put_code(reader->call, EP_TRACKING_EVENT_CODE, codes[i].code, status);
	}
}

static enum ep_status put_event(struct reader *reader, struct trace *trace)
{
	const struct ep_host *host = reader->host;
	const struct event *event = &trace->event;

	if (!trace->begun)
		return EP_OK;
	trace->begun = false;
	host->record_begin(reader->call, EP_TRACKING_EVENT);
	put(reader, EP_TRACKING_EVENT_WAYBILL_NO, trace->waybill);
	put(reader, EP_TRACKING_EVENT_SHIPMENT_NO, trace->shipment);
	put(reader, EP_TRACKING_EVENT_CARRIER, trace->carrier);
	put(reader, EP_TRACKING_EVENT_SOURCE_CODE, event->status);
	put_code(reader, event->status);
	put(reader, EP_TRACKING_EVENT_PLACE, ep_text_join(host, reader->call, event->place, 3, EP_SAY(", ")));
	if (event->place[2].value.length == 2)
		put(reader, EP_TRACKING_EVENT_COUNTRY, event->place[2]);
	put_moment(reader, EP_TRACKING_EVENT_OCCURRED_AT, EP_TRACKING_EVENT_OCCURRED_ON, event->occurred);
	put_declared(reader, EP_TRACKING_EVENT_TEST, EP_TRACKING_EVENT_WAYBILL_NO);
	return host->record_end(reader->call);
}

static void begin_event(struct reader *reader, struct trace *trace)
{
	memset(&trace->event, 0, sizeof(trace->event));
	trace->event.status = either(element(reader, 1), element(reader, 3));
	trace->event.occurred.date = element(reader, 5);
	trace->event.occurred.time = element(reader, 6);
	trace->event.occurred.code = element(reader, 7);
	trace->begun = true;
}

enum ep_status read_status(struct reader *reader)
{
	struct trace trace = {0};
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "AT7") || segment_is(reader, "LX")) {
			status = put_event(reader, &trace);
			if (status != EP_OK)
				return status;
		}
		if (segment_is(reader, "AT7")) {
			begin_event(reader, &trace);
		} else if (segment_is(reader, "B10")) {
			trace.waybill = element(reader, 1);
			trace.shipment = element(reader, 2);
			trace.carrier = element(reader, 3);
		} else if (segment_is(reader, "L11") && is_among(element(reader, 2).value, "CN 2I")) {
			trace.waybill = either(trace.waybill, element(reader, 1));
		} else if (segment_is(reader, "MS1") && trace.begun) {
			for (uint32_t i = 0; i < 3; i++)
				trace.event.place[i] = element(reader, i + 1);
		}
	}
	if (status != EP_END)
		return status;
	return put_event(reader, &trace);
}
