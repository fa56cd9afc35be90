/*
 * shipment.c: 945, warehouse shipping advice; 943, stock transfer shipment advice; 940, warehouse shipping order: one
 * shipment each. A 945 also gives a stock_movement of kind issue for each line of which something was shipped.
 *
 * The set is read once for what the shipment's head needs, since weights and totals come last, then once for its lines,
 * and a 945 once more for its movements: so no line has to be kept.
 */
#include "x12.h"

struct shipment {
	struct ep_text number;
	struct ep_text orders[2];
	struct ep_text waybill, master_bill;
	struct ep_text carrier;
	struct moment shipped;
	struct parties parties;
	struct ep_text country;
	struct ep_text weight, weight_unit;
	bool consignee_at_hand; /* the N1 read last is the consignee's */
	bool below_lines;       /* an LX or a line was read: an N9 belongs to it */
};

/* W06: reporting code, depositor's order, date of shipment, shipment number, agent's number, purchase order. */
static void read_w06(struct reader *reader, struct shipment *shipment)
{
	shipment->number = either(element(reader, 2), element(reader, 4));
	shipment->orders[0] = element(reader, 2);
	shipment->orders[1] = element(reader, 6);
	if (is_empty(shipment->shipped.date))
		shipment->shipped.date = element(reader, 3);
}

/* W05: status, depositor's order, purchase order. What is ordered has not left yet. */
static void read_w05(struct reader *reader, struct shipment *shipment)
{
	shipment->number = either(element(reader, 2), element(reader, 3));
	shipment->orders[0] = element(reader, 2);
	shipment->orders[1] = element(reader, 3);
}

static void read_reference(struct reader *reader, struct shipment *shipment)
{
	if (shipment->below_lines)
		return;
	if (is_among(element(reader, 1).value, "2I CN"))
		shipment->waybill = either(shipment->waybill, element(reader, 2));
	else if (is_among(element(reader, 1).value, "BM MB"))
		shipment->master_bill = either(shipment->master_bill, element(reader, 2));
}

static void read_party(struct reader *reader, struct shipment *shipment)
{
	if (segment_is(reader, "N1")) {
		party_add(reader, &shipment->parties, "WH SF");
		shipment->consignee_at_hand = element_is(reader, 1, "ST");
	} else if (shipment->consignee_at_hand && element(reader, 4).value.length == 2) {
		shipment->country = either(shipment->country, element(reader, 4));
	}
}

static enum ep_status read_head(struct reader *reader, struct shipment *shipment)
{
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "W06")) {
			read_w06(reader, shipment);
		} else if (segment_is(reader, "W05")) {
			read_w05(reader, shipment);
		} else if (segment_is(reader, "N1") || segment_is(reader, "N4")) {
			read_party(reader, shipment);
		} else if (segment_is(reader, "N9")) {
			read_reference(reader, shipment);
		} else if (segment_is(reader, "G62") && element_is(reader, 1, "11")) {
			/* Shipped on this date: more exact than W0603 where it has a time. */
			shipment->shipped.date = element(reader, 2);
			shipment->shipped.time = element(reader, 4);
			shipment->shipped.code = element(reader, 5);
		} else if (segment_is(reader, "W27") || segment_is(reader, "W66")) {
			/* W27: method, SCAC, routing; W66: payment, method, ..., routing 05, SCAC 10. */
			shipment->carrier = segment_is(reader, "W27") ? either(element(reader, 2), element(reader, 3))
								      : either(element(reader, 10), element(reader, 5));
		} else if (segment_is(reader, "W03")) {
			shipment->weight = element(reader, 2);
			shipment->weight_unit = element(reader, 3);
		} else if (is_among(reader->x12.elements[0].value, "LX W01 W04 W12")) {
			shipment->below_lines = true;
		}
	}
	return status == EP_END ? EP_OK : status;
}

static void put_head(struct reader *reader, const struct shipment *shipment)
{
	put(reader, EP_SHIPMENT_SHIPMENT_NO, shipment->number);
	put(reader, EP_SHIPMENT_WAYBILL_NO, shipment->waybill);
	put(reader, EP_SHIPMENT_MASTER_BILL, shipment->master_bill);
	put(reader, EP_SHIPMENT_CARRIER, shipment->carrier);
	put(reader, EP_SHIPMENT_ORDER_NOS, shipment->orders[0]);
	if (!ep_slice_equal(shipment->orders[0].value, shipment->orders[1].value))
		put(reader, EP_SHIPMENT_ORDER_NOS, shipment->orders[1]);
	put(reader, EP_SHIPMENT_WAREHOUSE, shipment->parties.place);
	put(reader, EP_SHIPMENT_CONSIGNEE_NAME, shipment->parties.consignee);
	put(reader, EP_SHIPMENT_SHIP_TO_COUNTRY, shipment->country);
	if (is_number(shipment->weight.value))
		put_quantity(reader, EP_SHIPMENT_GROSS_WEIGHT, shipment->weight, shipment->weight_unit, false);
	put_moment(reader, EP_SHIPMENT_SHIPPED_AT, EP_SHIPMENT_SHIPPED_ON, shipment->shipped);
	put_declared(reader, EP_SHIPMENT_TEST, EP_SHIPMENT_SHIPMENT_NO);
}

static void put_line(struct reader *reader, const struct goods *goods)
{
	reader->host->item_begin(reader->call);
	put(reader, EP_SHIPMENT_LINES_SKU, goods->item.sku);
	put(reader, EP_SHIPMENT_LINES_GTIN, goods->item.gtin);
	put(reader, EP_SHIPMENT_LINES_LOT, goods->item.lot);
	put(reader, EP_SHIPMENT_LINES_NAME, goods->name);
	put(reader, EP_SHIPMENT_LINES_LINE_NO, goods->line_no);
	put_quantity(reader, EP_SHIPMENT_LINES_QUANTITY, goods->quantity, goods->unit, false);
	if (!ep_slice_equal(goods->ordered.value, goods->quantity.value))
		put_quantity(reader, EP_SHIPMENT_LINES_ORDERED, goods->ordered, goods->unit, false);
	reader->host->item_end(reader->call);
}

/* A line of a 945 as the issue that it means for the stock; nothing where nothing was shipped. */
static enum ep_status put_issue(
	struct reader *reader, const struct shipment *shipment, const struct goods *goods, uint32_t line)
{
	const struct ep_host *host = reader->host;
	struct ep_decimal shipped;

	if (ep_decimal_read(&shipped, goods->quantity.value, EP_DECIMAL_POINT) != EP_OK || ep_decimal_is_zero(shipped))
		return EP_OK;
	host->record_begin(reader->call, EP_STOCK_MOVEMENT);
	put(reader, EP_STOCK_MOVEMENT_WAREHOUSE, shipment->parties.place);
	put(reader, EP_STOCK_MOVEMENT_OWNER, shipment->parties.owner);
	put(reader, EP_STOCK_MOVEMENT_MOVEMENT_NO, shipment->number);
	put_position_number(reader, EP_STOCK_MOVEMENT_LINE_NO, line);
	put(reader, EP_STOCK_MOVEMENT_SOURCE_LINE, goods->line_no);
	host->put_code(reader->call, EP_STOCK_MOVEMENT_KIND, EP_MOVEMENT_KIND_ISSUE, goods->quantity);
	put(reader, EP_STOCK_MOVEMENT_SKU, goods->item.sku);
	put(reader, EP_STOCK_MOVEMENT_GTIN, goods->item.gtin);
	put(reader, EP_STOCK_MOVEMENT_LOT, goods->item.lot);
	put(reader, EP_STOCK_MOVEMENT_NAME, goods->name);
	put_quantity(reader, EP_STOCK_MOVEMENT_QUANTITY, goods->quantity, goods->unit, true);
	put_moment(reader, EP_STOCK_MOVEMENT_MOVED_AT, EP_STOCK_MOVEMENT_MOVED_ON, shipment->shipped);
	put(reader, EP_STOCK_MOVEMENT_DOCUMENT, either(shipment->orders[0], shipment->orders[1]));
	put_declared(reader, EP_STOCK_MOVEMENT_TEST, EP_STOCK_MOVEMENT_MOVEMENT_NO);
	return host->record_end(reader->call);
}

/* All lines from here on: into the shipment's list, or (`issues`) as movements. */
static enum ep_status read_lines(struct reader *reader, const struct shipment *shipment, bool issues)
{
	struct ep_text loop = no_text();
	struct goods goods;
	uint32_t line = 0;
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "LX"))
			loop = element(reader, 1);
		if (!is_among(reader->x12.elements[0].value, "W01 W04 W12"))
			continue;
		line++;
		status = goods_read(reader, &goods, loop);
		if (status != EP_OK)
			return status;
		if (!issues)
			put_line(reader, &goods);
		else if (goods.sound)
			status = put_issue(reader, shipment, &goods, line);
		if (status != EP_OK)
			return status;
	}
	return status == EP_END ? EP_OK : status;
}

static enum ep_status read_shipment(struct reader *reader, bool issues)
{
	const struct ep_x12 mark = reader->x12;
	struct shipment shipment = {0};
	enum ep_status status = read_head(reader, &shipment);

	if (status != EP_OK)
		return status;
	reader->x12 = mark;
	reader->held = false;
	reader->host->record_begin(reader->call, EP_SHIPMENT);
	put_head(reader, &shipment);
	reader->host->list_begin(reader->call, EP_SHIPMENT_LINES);
	status = read_lines(reader, &shipment, false);
	reader->host->list_end(reader->call);
	if (status != EP_OK)
		return status;
	if (reader->host->record_end(reader->call) != EP_OK)
		return EP_BAD_INPUT;
	if (!issues)
		return EP_OK;
	reader->x12 = mark;
	reader->held = false;
	return read_lines(reader, &shipment, true);
}

enum ep_status read_shipping_advice(struct reader *reader)
{
	return read_shipment(reader, true);
}

enum ep_status read_shipment_only(struct reader *reader)
{
	return read_shipment(reader, false);
}
