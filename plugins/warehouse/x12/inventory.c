/*
 * inventory.c: 846, inventory inquiry/advice: one inventory_position a LIN, or one a warehouse where a LIN names several.
 *
 * A quantity whose qualifier has no field, or whose field is taken, goes to quantities[] with the sender's code. Where a
 * line is split by place (LS/REF*WS*place*quantity/LE, or SDQ), the parts go there too, with their place, so that nobody
 * adds them to the total that stands beside them. A LIN without any quantity is an inquiry and gives nothing.
 */
#include "x12.h"

/* The quantities that have a field of their own, by the names that option `quantities` uses. */
static const struct {
	const char *name;
	uint32_t field;
} fields[] = {{"on_hand", EP_INVENTORY_POSITION_ON_HAND}, {"available", EP_INVENTORY_POSITION_AVAILABLE},
	{"reserved", EP_INVENTORY_POSITION_RESERVED}, {"in_transit", EP_INVENTORY_POSITION_IN_TRANSIT},
	{"on_hold", EP_INVENTORY_POSITION_ON_HOLD}, {"damaged", EP_INVENTORY_POSITION_DAMAGED},
	{"on_order", EP_INVENTORY_POSITION_ON_ORDER}};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* N101 of the place whose stock it is: warehouse, reporting location, ship from. */
#define PLACES "WH RL SF"
/* DTM01 of the time that a report is about: effective, end of report, created, of change. Dates of expiry, production or
 * arrival are none. */
#define AS_OF "007 091 097 152 194"

struct amount {
	struct ep_text code, quantity, unit;
};

/* What is said before the first LIN. */
struct report {
	struct ep_text document;
	struct moment issued; /* BIA */
	struct moment as_of;  /* DTM */
	struct parties parties;
};

struct position {
	struct item item;
	struct ep_text name;
	struct ep_text line_place; /* of an N1 or REF*WS below the LIN */
	struct moment as_of;
	struct amount amounts[FIELD_COUNT];
	struct amount current; /* the QTY read last, until its UIT is known */
	bool any;              /* a quantity was read */
	bool rejected;         /* one of them could not be read */
	bool listed;           /* some go to quantities[] */
};

static struct moment dtm(const struct reader *reader)
{
	struct moment moment = {element(reader, 2), element(reader, 3), element(reader, 4)};

	return moment;
}

static void list_quantity(struct reader *reader, struct amount amount, struct ep_text place)
{
	const struct ep_host *host = reader->host;

	host->item_begin(reader->call);
	put(reader, EP_INVENTORY_POSITION_QUANTITIES_CODE, amount.code);
	put_quantity(reader, EP_INVENTORY_POSITION_QUANTITIES_QUANTITY, amount.quantity, amount.unit, false);
	put(reader, EP_INVENTORY_POSITION_QUANTITIES_PLACE, place);
	host->item_end(reader->call);
}

/* The QTY at hand is complete: to its field, or to the list (which is written when `listing`). */
static void settle_current(struct reader *reader, struct position *position, bool listing)
{
	struct amount amount = position->current;
	struct ep_slice name = ep_map_find(reader->options->quantities, amount.code.value);

	if (is_empty(amount.quantity))
		return;
	position->any = true;
	position->current.quantity = no_text();
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		if (!ep_slice_equal(name, ep_slice_of(fields[i].name)) || !is_empty(position->amounts[i].quantity))
			continue;
		position->amounts[i] = amount;
		return;
	}
	position->listed = true;
	if (listing)
		list_quantity(reader, amount, no_text());
}

/* One of the parts into which the quantity read last is split by place. */
static void split_quantity(struct reader *reader, struct position *position, struct ep_text place,
	struct ep_text quantity, struct ep_text unit, bool listing)
{
	struct amount part = {position->current.code, quantity, either(unit, position->current.unit)};

	position->any = true;
	position->listed = true;
	part.code = either(part.code, reader->x12.elements[0]);
	if (listing)
		list_quantity(reader, part, place);
}

/* The QTY at hand. */
static enum ep_status begin_quantity(struct reader *reader, struct position *position, bool listing)
{
	bool sound;
	enum ep_status status = check_quantity(reader, 2, &sound);

	settle_current(reader, position, listing);
	position->rejected |= !sound;
	position->current.code = element(reader, 1);
	position->current.quantity = ep_text_trim(element(reader, 2));
	position->current.unit = element(reader, 3);
	return status;
}

static enum ep_status read_destinations(struct reader *reader, struct position *position, bool listing)
{
	settle_current(reader, position, listing);
	for (uint32_t i = 3; i + 1 < reader->x12.count; i += 2) {
		bool sound;
		enum ep_status status = check_quantity(reader, i + 1, &sound);

		if (status != EP_OK)
			return status;
		position->rejected |= !sound;
		split_quantity(
			reader, position, element(reader, i), element(reader, i + 1), element(reader, 1), listing);
	}
	return EP_OK;
}

static void read_reference(struct reader *reader, struct position *position, bool listing)
{
	if (element_is(reader, 1, "WS") && is_number(element(reader, 3).value)) {
		settle_current(reader, position, listing);
		split_quantity(reader, position, element(reader, 2), element(reader, 3), no_text(), listing);
	} else if (element_is(reader, 1, "WS")) {
		position->line_place = either(position->line_place, element(reader, 2));
	} else if (is_among(element(reader, 1).value, "LT BT")) {
		position->item.lot = either(position->item.lot, element(reader, 2));
	}
}

/* An N1 of a place: false if it begins another one than that of the quantities so far. */
static bool read_place(struct reader *reader, struct position *position, bool listing)
{
	struct parties parties = {0};

	settle_current(reader, position, listing);
	if (position->any && !is_empty(position->line_place))
		return false;
	party_add(reader, &parties, PLACES);
	position->line_place = either(position->line_place, parties.place);
	return true;
}

/* Everything below a LIN up to the next, or up to an N1 that begins another place; that segment is held. */
static enum ep_status read_line(struct reader *reader, struct position *position, bool listing, bool *another_place)
{
	enum ep_status status;

	*another_place = false;
	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "LIN") || segment_is(reader, "CTT")) {
			reader->held = true;
			break;
		}
		if (segment_is(reader, "QTY")) {
			status = begin_quantity(reader, position, listing);
		} else if (segment_is(reader, "UIT")) {
			position->current.unit = either(position->current.unit, element(reader, 1));
		} else if (segment_is(reader, "REF")) {
			read_reference(reader, position, listing);
		} else if (segment_is(reader, "SDQ")) {
			status = read_destinations(reader, position, listing);
		} else if (segment_is(reader, "PID")) {
			position->name = either(position->name, element(reader, 5));
		} else if (segment_is(reader, "DTM") && is_among(element(reader, 1).value, AS_OF)) {
			if (is_empty(position->as_of.date))
				position->as_of = dtm(reader);
		} else if (segment_is(reader, "N1") && is_among(element(reader, 1).value, PLACES)) {
			*another_place = !read_place(reader, position, listing);
		}
		if (status != EP_OK)
			return status;
		if (*another_place) {
			reader->held = true;
			break;
		}
	}
	settle_current(reader, position, listing);
	return status == EP_END ? EP_OK : status;
}

static void put_position(struct reader *reader, const struct report *report, const struct position *position)
{
	struct moment as_of = report->issued;

	if (!is_empty(report->as_of.date))
		as_of = report->as_of;
	if (!is_empty(position->as_of.date))
		as_of = position->as_of;
	put(reader, EP_INVENTORY_POSITION_SKU, position->item.sku);
	put(reader, EP_INVENTORY_POSITION_GTIN, position->item.gtin);
	put(reader, EP_INVENTORY_POSITION_LOT, position->item.lot);
	put(reader, EP_INVENTORY_POSITION_NAME, position->name);
	put(reader, EP_INVENTORY_POSITION_WAREHOUSE, either(position->line_place, report->parties.place));
	put(reader, EP_INVENTORY_POSITION_OWNER, report->parties.owner);
	put(reader, EP_INVENTORY_POSITION_DOCUMENT, report->document);
	put_moment(reader, EP_INVENTORY_POSITION_AS_OF, EP_INVENTORY_POSITION_AS_OF_DATE, as_of);
	put_declared(reader, EP_INVENTORY_POSITION_TEST, EP_INVENTORY_POSITION_DOCUMENT);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		put_quantity(reader, fields[i].field, position->amounts[i].quantity, position->amounts[i].unit, false);
}

/* The LIN at hand and what is below it. A line with quantities for the list is read twice, so that none has to be kept. */
static enum ep_status read_positions(struct reader *reader, const struct report *report)
{
	struct position begun = {0};
	struct ep_place place = ep_place_none();
	bool another_place;

	item_add_pairs(reader, &begun.item, 2);
	if (is_empty(begun.item.sku))
		place = ep_x12_place(reader->host, reader->call, &reader->x12, 0);
	do {
		const struct ep_x12 mark = reader->x12;
		const bool mark_held = reader->held;
		struct position position = begun;
		enum ep_status status = read_line(reader, &position, false, &another_place);

		if (status != EP_OK)
			return status;
		begun.item = position.item;
		begun.name = position.name;
		if (!position.any || position.rejected)
			continue;
		if (is_empty(begun.item.sku)) {
			status =
				reader->host->reject(reader->call, EP_ERR_KEY_MISSING, place, EP_SAY("no item number"));
			if (status != EP_OK)
				return status;
			continue;
		}
		reader->host->record_begin(reader->call, EP_INVENTORY_POSITION);
		put_position(reader, report, &position);
		if (position.listed) {
			position = begun;
			reader->x12 = mark;
			reader->held = mark_held;
			reader->host->list_begin(reader->call, EP_INVENTORY_POSITION_QUANTITIES);
			status = read_line(reader, &position, true, &another_place);
			reader->host->list_end(reader->call);
			if (status != EP_OK)
				return status;
		}
		if (reader->host->record_end(reader->call) != EP_OK)
			return EP_BAD_INPUT;
	} while (another_place);
	return EP_OK;
}

enum ep_status read_inventory(struct reader *reader)
{
	struct report report = {0};
	enum ep_status status;

	while ((status = segment_next(reader)) == EP_OK) {
		if (segment_is(reader, "LIN")) {
			status = read_positions(reader, &report);
			if (status != EP_OK)
				return status;
		} else if (segment_is(reader, "BIA")) {
			report.document = element(reader, 3);
			report.issued.date = element(reader, 4);
			report.issued.time = element(reader, 5);
		} else if (segment_is(reader, "DTM") && is_among(element(reader, 1).value, AS_OF)) {
			if (is_empty(report.as_of.date))
				report.as_of = dtm(reader);
		} else if (segment_is(reader, "N1")) {
			party_add(reader, &report.parties, PLACES);
		} else if (segment_is(reader, "REF") && element_is(reader, 1, "WS")) {
			report.parties.place = either(report.parties.place, element(reader, 2));
		}
	}
	return status == EP_END ? EP_OK : status;
}
