/*
 * movement.c: 944, stock transfer receipt advice, and 947, inventory adjustment advice: one stock_movement a line.
 *
 * line_no is the line's position in its document, since senders leave their own number out or repeat it; theirs is
 * source_line. What was received damaged (W13 of condition 01) is part of the quantity received.
 */
#include "x12.h"

/* What the document's head says. */
struct document {
	struct ep_text number;
	struct ep_text cause; /* the order or shipment that the movement belongs to */
	struct moment moved;
	struct parties parties;
	uint32_t kind; /* enum ep_movement_kind */
	uint32_t line;
};

struct movement {
	struct item item;
	struct ep_text quantity, unit;
	struct ep_text reason;
	struct ep_text name;
	struct ep_text source_line;
	struct ep_text damaged; /* the first quantity of its kind, for unit and origin */
	struct ep_text damaged_unit;
	struct ep_decimal damaged_sum;
};

/*
 * W1702 is the date and W1703 the number. Senders also write the number first, or leave W1701 out, so that everything is
 * one place to the left; which of the elements is a date tells.
 */
static void read_w17(struct reader *reader, struct document *document)
{
	uint32_t date = is_date(element(reader, 2).value)   ? 2
			: is_date(element(reader, 3).value) ? 3
			: is_date(element(reader, 1).value) ? 1
							    : 2;
	uint32_t order = date == 1 ? 3 : 4;

	document->moved.date = element(reader, date);
	document->number = element(reader, date == 2 ? 3 : 2);
	/* The shipment that was received, else the depositor's order. */
	document->cause = either(element(reader, order + 1), element(reader, order));
	document->number = either(document->number, document->cause);
	/* W1706, W1707: time qualifier, time. */
	if (date == 2)
		document->moved.time = element(reader, 7);
	if (element_is(reader, 1, "C")) /* customer return */
		document->kind = EP_MOVEMENT_KIND_RETURN;
}

/* W1501 is the date, W1502 the warehouse's number, W1503 the depositor's. Seen with the date third and a code first. */
static void read_w15(struct reader *reader, struct document *document)
{
	bool moved = !is_date(element(reader, 1).value) && is_date(element(reader, 3).value);

	document->moved.date = element(reader, moved ? 3 : 1);
	document->cause = moved ? no_text() : element(reader, 3);
	document->number = either(element(reader, 2), document->cause);
}

static void add_damaged(struct movement *movement, struct ep_text quantity, struct ep_text unit)
{
	struct ep_decimal value;

	if (ep_decimal_read(&value, quantity.value, EP_DECIMAL_POINT) != EP_OK)
		return;
	if (is_empty(movement->damaged)) {
		movement->damaged = quantity;
		movement->damaged_unit = unit;
		movement->damaged_sum = value;
	} else if (ep_slice_equal(movement->damaged_unit.value, unit.value)) {
		struct ep_decimal sum;

		if (ep_decimal_add(&sum, movement->damaged_sum, value) == EP_OK)
			movement->damaged_sum = sum;
	}
}

/* Everything below a line, up to the next; that segment is held. */
static enum ep_status read_below(struct reader *reader, struct movement *movement)
{
	struct ep_text lot = no_text();
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (is_among(reader->x12.elements[0].value, "LX W07 W19 W14")) {
			reader->held = true;
			break;
		}
		if (segment_is(reader, "G69")) {
			movement->name = either(movement->name, element(reader, 1));
		} else if (segment_is(reader, "N9") && is_among(element(reader, 1).value, "LT BT")) {
			lot = either(lot, element(reader, 2));
		} else if (segment_is(reader, "N9") && element_is(reader, 1, "LI") &&
			   is_number(element(reader, 2).value)) {
			movement->source_line = element(reader, 2);
		} else if (segment_is(reader, "W13") && element_is(reader, 3, "01")) {
			add_damaged(movement, element(reader, 1), element(reader, 2));
		} else if (segment_is(reader, "W20") && element_is(reader, 1, "DM")) {
			/* W2001 is a pack size; a condition code in its place is a sender's own. */
			add_damaged(movement, element(reader, 2), movement->unit);
		}
	}
	movement->item.lot = either(lot, movement->item.lot); /* the depositor's lot before the warehouse's own */
	return status;
}

static void put_damaged(struct reader *reader, const struct movement *movement)
{
	struct ep_quantity value = {.quantity = movement->damaged_sum};
	struct ep_slice unit = unit_of(reader, either(movement->damaged_unit, movement->unit)).value;

	if (is_empty(movement->damaged) || ep_decimal_is_zero(movement->damaged_sum) ||
		unit.length >= sizeof(value.unit))
		return;
	if (unit.length)
		memcpy(value.unit, unit.data, unit.length);
	reader->host->put_quantity(reader->call, EP_STOCK_MOVEMENT_DAMAGED, value, movement->damaged);
}

static enum ep_status put_movement(
	struct reader *reader, const struct document *document, const struct movement *movement, struct ep_text origin)
{
	const struct ep_host *host = reader->host;

	host->record_begin(reader->call, EP_STOCK_MOVEMENT);
	put(reader, EP_STOCK_MOVEMENT_WAREHOUSE, document->parties.place);
	put(reader, EP_STOCK_MOVEMENT_OWNER, document->parties.owner);
	put(reader, EP_STOCK_MOVEMENT_MOVEMENT_NO, document->number);
	put_position_number(reader, EP_STOCK_MOVEMENT_LINE_NO, document->line);
	put(reader, EP_STOCK_MOVEMENT_SOURCE_LINE, movement->source_line);
	host->put_code(reader->call, EP_STOCK_MOVEMENT_KIND, document->kind, origin);
	put(reader, EP_STOCK_MOVEMENT_SKU, movement->item.sku);
	put(reader, EP_STOCK_MOVEMENT_GTIN, movement->item.gtin);
	put(reader, EP_STOCK_MOVEMENT_LOT, movement->item.lot);
	put(reader, EP_STOCK_MOVEMENT_NAME, movement->name);
	put_quantity(reader, EP_STOCK_MOVEMENT_QUANTITY, movement->quantity, movement->unit, false);
	put_damaged(reader, movement);
	put(reader, EP_STOCK_MOVEMENT_REASON, movement->reason);
	put_moment(reader, EP_STOCK_MOVEMENT_MOVED_AT, EP_STOCK_MOVEMENT_MOVED_ON, document->moved);
	put(reader, EP_STOCK_MOVEMENT_DOCUMENT, document->cause);
	put_declared(reader, EP_STOCK_MOVEMENT_TEST, EP_STOCK_MOVEMENT_MOVEMENT_NO);
	return host->record_end(reader->call);
}

/* The W07 or W19 at hand and what is below it. */
static enum ep_status read_movement(struct reader *reader, struct document *document, struct ep_text loop)
{
	struct movement movement = {.source_line = loop};
	bool sound;
	struct ep_text origin = reader->x12.elements[0];
	enum ep_status status = check_quantity(reader, segment_is(reader, "W07") ? 1 : 2, &sound);

	document->line++;
	if (status != EP_OK)
		return status;
	if (segment_is(reader, "W07")) {
		movement.quantity = element(reader, 1);
		movement.unit = element(reader, 2);
		item_add_warehouse(reader, &movement.item, 3);
		item_add(reader, &movement.item, element(reader, 10), element(reader, 11));
		movement.item.lot = either(movement.item.lot, element(reader, 8));
	} else {
		movement.reason = element(reader, 1);
		movement.quantity = element(reader, 2);
		movement.unit = element(reader, 3);
		item_add_warehouse(reader, &movement.item, 4);
		item_add(reader, &movement.item, element(reader, 17), element(reader, 18));
		movement.item.lot = either(movement.item.lot, element(reader, 9));
	}
	status = read_below(reader, &movement);
	if (status != EP_OK && status != EP_END)
		return status;
	return sound ? put_movement(reader, document, &movement, origin) : EP_OK;
}

static enum ep_status read_movements(
	struct reader *reader, uint32_t kind, const char *head, const char *line, const char *places)
{
	struct document document = {.kind = kind};
	struct ep_text loop = no_text();
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, line)) {
			status = read_movement(reader, &document, loop);
			if (status != EP_OK)
				return status;
		} else if (segment_is(reader, head)) {
			if (segment_is(reader, "W17"))
				read_w17(reader, &document);
			else
				read_w15(reader, &document);
		} else if (segment_is(reader, "LX")) {
			loop = element(reader, 1);
		} else if (segment_is(reader, "N1")) {
			party_add(reader, &document.parties, places);
		}
	}
	return status == EP_END ? EP_OK : status;
}

enum ep_status read_receipt(struct reader *reader)
{
	/* Where it was received: the warehouse, else the place that it was shipped to. */
	return read_movements(reader, EP_MOVEMENT_KIND_RECEIPT, "W17", "W07", "WH ST");
}

enum ep_status read_adjustment(struct reader *reader)
{
	return read_movements(reader, EP_MOVEMENT_KIND_ADJUST, "W15", "W19", "WH");
}
