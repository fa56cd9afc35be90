/*
 * notice.c: 856, ship notice/manifest: one shipment.
 *
 * The hierarchy (HL) is read for what a level is, not for its order: a segment belongs to the HL before it. Orders are the
 * PRF of all levels, lines the SN1 with the LIN of their HL. Read three times, so that neither has to be kept.
 */
#include "x12.h"

struct notice {
	struct ep_text number;
	struct moment issued, shipped;
	struct ep_text waybill, master_bill, carrier;
	struct ep_text pieces, weight, weight_unit, net, net_unit;
	struct parties parties;
	struct ep_text country;
	bool consignee_at_hand;
};

/* At the shipment's own level, or before the first HL. */
static void read_shipment_segment(struct reader *reader, struct notice *notice)
{
	if (segment_is(reader, "TD1")) {
		notice->pieces = either(notice->pieces, element(reader, 2));
		if (is_empty(notice->weight)) {
			notice->weight = element(reader, 7);
			notice->weight_unit = element(reader, 8);
		}
	} else if (segment_is(reader, "MEA") && element_is(reader, 1, "PD") && element_is(reader, 2, "G")) {
		notice->weight = either(notice->weight, element(reader, 3));
		notice->weight_unit = either(notice->weight_unit, element(reader, 4));
	} else if (segment_is(reader, "MEA") && element_is(reader, 1, "PD") && element_is(reader, 2, "N")) {
		notice->net = either(notice->net, element(reader, 3));
		notice->net_unit = either(notice->net_unit, element(reader, 4));
	} else if (segment_is(reader, "TD5")) {
		notice->carrier = either(notice->carrier, either(element(reader, 3), element(reader, 5)));
	} else if (segment_is(reader, "REF")) {
		if (is_among(element(reader, 1).value, "CN 2I"))
			notice->waybill = either(notice->waybill, element(reader, 2));
		else if (is_among(element(reader, 1).value, "BM MB"))
			notice->master_bill = either(notice->master_bill, element(reader, 2));
	} else if (segment_is(reader, "DTM") && element_is(reader, 1, "011")) {
		notice->shipped.date = element(reader, 2);
		notice->shipped.time = element(reader, 3);
		notice->shipped.code = element(reader, 4);
	} else if (segment_is(reader, "N1")) {
		party_add(reader, &notice->parties, "WH SF");
		notice->consignee_at_hand = element_is(reader, 1, "ST");
	} else if (segment_is(reader, "N4") && notice->consignee_at_hand && element(reader, 4).value.length == 2) {
		notice->country = either(notice->country, element(reader, 4));
	}
}

static enum ep_status read_head(struct reader *reader, struct notice *notice)
{
	bool of_shipment = true;
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "BSN")) {
			notice->number = element(reader, 2);
			notice->issued.date = element(reader, 3);
			notice->issued.time = element(reader, 4);
		} else if (segment_is(reader, "HL")) {
			of_shipment = element_is(reader, 3, "S");
		} else if (of_shipment) {
			read_shipment_segment(reader, notice);
		}
	}
	return status == EP_END ? EP_OK : status;
}

static enum ep_status put_orders(struct reader *reader)
{
	struct ep_text last = no_text();
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (!segment_is(reader, "PRF") || ep_slice_equal(element(reader, 1).value, last.value))
			continue;
		last = element(reader, 1);
		put(reader, EP_SHIPMENT_ORDER_NOS, last);
	}
	return status == EP_END ? EP_OK : status;
}

/* What is known of the item whose HL is being read. */
struct content {
	struct item item;
	struct ep_text line_no, name, quantity, unit;
};

static void put_content(struct reader *reader, const struct content *content)
{
	if (is_empty(content->quantity))
		return;
	reader->host->item_begin(reader->call);
	put(reader, EP_SHIPMENT_LINES_SKU, content->item.sku);
	put(reader, EP_SHIPMENT_LINES_GTIN, content->item.gtin);
	put(reader, EP_SHIPMENT_LINES_LOT, content->item.lot);
	put(reader, EP_SHIPMENT_LINES_NAME, content->name);
	put(reader, EP_SHIPMENT_LINES_LINE_NO, content->line_no);
	put_quantity(reader, EP_SHIPMENT_LINES_QUANTITY, content->quantity, content->unit, false);
	reader->host->item_end(reader->call);
}

static enum ep_status put_lines(struct reader *reader)
{
	struct content content = {0};
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "HL") || segment_is(reader, "LIN")) {
			put_content(reader, &content);
			memset(&content, 0, sizeof(content));
		}
		if (segment_is(reader, "LIN")) {
			content.line_no = element(reader, 1);
			item_add_pairs(reader, &content.item, 2);
		} else if (segment_is(reader, "SN1")) {
			bool sound;

			status = check_quantity(reader, 2, &sound);
			if (status != EP_OK)
				return status;
			content.quantity = element(reader, 2);
			content.unit = element(reader, 3);
			content.line_no = either(content.line_no, element(reader, 1));
		} else if (segment_is(reader, "PID")) {
			content.name = either(content.name, element(reader, 5));
		} else if (segment_is(reader, "REF") && is_among(element(reader, 1).value, "LT BT")) {
			content.item.lot = either(content.item.lot, element(reader, 2));
		}
	}
	put_content(reader, &content);
	return status == EP_END ? EP_OK : status;
}

static void put_head(struct reader *reader, const struct notice *notice)
{
	int64_t pieces;

	put(reader, EP_SHIPMENT_SHIPMENT_NO, notice->number);
	put(reader, EP_SHIPMENT_WAYBILL_NO, notice->waybill);
	put(reader, EP_SHIPMENT_MASTER_BILL, notice->master_bill);
	put(reader, EP_SHIPMENT_CARRIER, notice->carrier);
	put(reader, EP_SHIPMENT_WAREHOUSE, notice->parties.place);
	put(reader, EP_SHIPMENT_CONSIGNEE_NAME, notice->parties.consignee);
	put(reader, EP_SHIPMENT_SHIP_TO_COUNTRY, notice->country);
	if (ep_slice_integer(notice->pieces.value, &pieces))
		reader->host->put_integer(reader->call, EP_SHIPMENT_PIECES, pieces, notice->pieces);
	if (is_number(notice->weight.value))
		put_quantity(reader, EP_SHIPMENT_GROSS_WEIGHT, notice->weight, notice->weight_unit, false);
	if (is_number(notice->net.value))
		put_quantity(reader, EP_SHIPMENT_NET_WEIGHT, notice->net, notice->net_unit, false);
	put_moment(reader, EP_SHIPMENT_SHIPPED_AT, EP_SHIPMENT_SHIPPED_ON, notice->shipped);
	put_declared(reader, EP_SHIPMENT_TEST, EP_SHIPMENT_SHIPMENT_NO);
}

static void rewind_to(struct reader *reader, const struct ep_x12 *mark)
{
	reader->x12 = *mark;
	reader->held = false;
}

enum ep_status read_ship_notice(struct reader *reader)
{
	const struct ep_x12 mark = reader->x12;
	struct notice notice = {0};
	enum ep_status status = read_head(reader, &notice);

	if (status != EP_OK)
		return status;
	reader->host->record_begin(reader->call, EP_SHIPMENT);
	put_head(reader, &notice);
	rewind_to(reader, &mark);
	status = put_orders(reader);
	if (status != EP_OK)
		return status;
	rewind_to(reader, &mark);
	reader->host->list_begin(reader->call, EP_SHIPMENT_LINES);
	status = put_lines(reader);
	reader->host->list_end(reader->call);
	if (status != EP_OK)
		return status;
	return reader->host->record_end(reader->call);
}
