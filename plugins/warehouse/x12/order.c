/*
 * order.c: 850, purchase order: one order, with a line for each PO1.
 *
 * Prices have a currency only where a CUR gives one. A unit price is put only where its basis (PO105) is the piece:
 * prices per hundred, thousand or pound aren't prices of one unit. Nothing is multiplied or added up.
 */
#include "x12.h"

struct purchase {
	struct ep_text number, purpose;
	struct moment ordered;
	struct ep_text currency;
	struct ep_text total;
	struct parties parties;
	struct ep_text buyer;
	struct ep_text address[5]; /* N3 and N4 of the consignee */
	struct ep_text country;
	bool consignee_at_hand;
};

static void read_party(struct reader *reader, struct purchase *purchase)
{
	if (segment_is(reader, "N1")) {
		party_add(reader, &purchase->parties, "");
		purchase->consignee_at_hand = element_is(reader, 1, "ST");
		if (is_among(element(reader, 1).value, "BY BT"))
			purchase->buyer = either(purchase->buyer, element(reader, 2));
	} else if (purchase->consignee_at_hand && segment_is(reader, "N3")) {
		for (uint32_t i = 0; i < 2; i++)
			purchase->address[i] = either(purchase->address[i], element(reader, i + 1));
	} else if (purchase->consignee_at_hand && segment_is(reader, "N4")) {
		for (uint32_t i = 1; i <= 3; i++)
			purchase->address[i + 1] = either(purchase->address[i + 1], element(reader, i));
		if (element(reader, 4).value.length == 2)
			purchase->country = either(purchase->country, element(reader, 4));
	}
}

static enum ep_status read_head(struct reader *reader, struct purchase *purchase)
{
	bool below_lines = false;
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "BEG")) {
			purchase->purpose = element(reader, 1);
			purchase->number = element(reader, 3);
			purchase->ordered.date = element(reader, 5);
		} else if (segment_is(reader, "CUR")) {
			purchase->currency = either(purchase->currency, element(reader, 2));
		} else if (segment_is(reader, "AMT") && element_is(reader, 1, "TT")) {
			purchase->total = element(reader, 2);
		} else if (segment_is(reader, "PO1")) {
			below_lines = true;
		} else if (!below_lines && is_among(reader->x12.elements[0].value, "N1 N3 N4")) {
			read_party(reader, purchase);
		}
	}
	return status == EP_END ? EP_OK : status;
}

static void put_amount(struct reader *reader, uint32_t field, struct ep_text amount, struct ep_text currency)
{
	if (is_number(amount.value))
		ep_put_money(reader->host, reader->call, field, amount, EP_DECIMAL_POINT, currency.value);
	else if (!is_empty(amount))
		reader->host->note(reader->call, field, EP_NOTE_VALUE_UNREADABLE);
}

static void put_head(struct reader *reader, const struct purchase *purchase)
{
	const struct ep_host *host = reader->host;

	put(reader, EP_ORDER_ORDER_NO, purchase->number);
	put(reader, EP_ORDER_SOURCE_STATUS, purchase->purpose);
	host->put_code(reader->call, EP_ORDER_STATUS,
		ep_slice_is(purchase->purpose.value, "01") ? EP_ORDER_STATUS_CANCELLED : EP_ORDER_STATUS_PLACED,
		purchase->purpose);
	put_moment(reader, EP_ORDER_ORDERED_AT, 0, purchase->ordered);
	put_amount(reader, EP_ORDER_TOTAL, purchase->total, purchase->currency);
	put(reader, EP_ORDER_BUYER_NAME, purchase->buyer);
	put(reader, EP_ORDER_CONSIGNEE_NAME, purchase->parties.consignee);
	put(reader, EP_ORDER_CONSIGNEE_ADDRESS, ep_text_join(host, reader->call, purchase->address, 5, EP_SAY(", ")));
	put(reader, EP_ORDER_SHIP_TO_COUNTRY, purchase->country);
	put_declared(reader, EP_ORDER_TEST, EP_ORDER_ORDER_NO);
}

struct line {
	struct item item;
	struct ep_text number, name, quantity, unit, price;
	bool begun;
};

static void put_line(struct reader *reader, const struct line *line, struct ep_text currency)
{
	if (!line->begun)
		return;
	reader->host->item_begin(reader->call);
	put(reader, EP_ORDER_LINES_LINE_NO, line->number);
	put(reader, EP_ORDER_LINES_SKU, line->item.sku);
	put(reader, EP_ORDER_LINES_GTIN, line->item.gtin);
	put(reader, EP_ORDER_LINES_NAME, line->name);
	put_quantity(reader, EP_ORDER_LINES_QUANTITY, line->quantity, line->unit, false);
	put_amount(reader, EP_ORDER_LINES_UNIT_PRICE, line->price, currency);
	reader->host->item_end(reader->call);
}

static enum ep_status read_po1(struct reader *reader, struct line *line)
{
	bool sound;

	memset(line, 0, sizeof(*line));
	line->begun = true;
	line->number = element(reader, 1);
	line->quantity = element(reader, 2);
	line->unit = element(reader, 3);
	/* Price per hundred, thousand, ten, pound, pack: not of one unit. */
	if (!is_among(element(reader, 5).value, "HP HT TP TT PN PP PK"))
		line->price = ep_text_trim(element(reader, 4));
	item_add_pairs(reader, &line->item, 6);
	return check_quantity(reader, 2, &sound);
}

static enum ep_status put_lines(struct reader *reader, struct ep_text currency)
{
	struct line line = {0};
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "PO1") || segment_is(reader, "CTT")) {
			put_line(reader, &line, currency);
			line.begun = false;
		}
		if (segment_is(reader, "PO1"))
			status = read_po1(reader, &line);
		else if (segment_is(reader, "PID"))
			line.name = either(line.name, element(reader, 5));
		if (status != EP_OK)
			return status;
	}
	put_line(reader, &line, currency);
	return status == EP_END ? EP_OK : status;
}

enum ep_status read_order(struct reader *reader)
{
	const struct ep_x12 mark = reader->x12;
	struct purchase purchase = {0};
	enum ep_status status = read_head(reader, &purchase);

	if (status != EP_OK)
		return status;
	reader->x12 = mark;
	reader->held = false;
	reader->host->record_begin(reader->call, EP_ORDER);
	put_head(reader, &purchase);
	reader->host->list_begin(reader->call, EP_ORDER_LINES);
	status = put_lines(reader, purchase.currency);
	reader->host->list_end(reader->call);
	if (status != EP_OK)
		return status;
	return reader->host->record_end(reader->call);
}
