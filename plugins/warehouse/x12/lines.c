/*
 * lines.c: the goods lines of the warehouse sets, W01 (940), W04 (943) and W12 (943, 945), read in one way.
 */
#include "x12.h"

/*
 * W12: status, ordered, shipped, difference, unit, case code, pairs. Senders leave the difference out, or both counts
 * but one; where a unit stands in place of a number tells.
 */
static enum ep_status read_w12(struct reader *reader, struct goods *goods)
{
	uint32_t unit = 5;
	uint32_t shipped = 3;

	if (!is_empty(element(reader, 3)) && !is_number(element(reader, 3).value)) {
		unit = 3;
		shipped = 2;
	} else if (!is_empty(element(reader, 4)) && !is_number(element(reader, 4).value)) {
		unit = 4;
	}
	if (shipped == 3)
		goods->ordered = ep_text_trim(element(reader, 2));
	goods->quantity = ep_text_trim(element(reader, shipped));
	goods->unit = element(reader, unit);
	item_add_warehouse(reader, &goods->item, unit + 1);
	if (unit == 5)
		goods->item.lot = either(goods->item.lot, element(reader, 9));
	if (!is_empty(goods->ordered) && !is_number(goods->ordered.value))
		goods->ordered = no_text();
	return check_quantity(reader, shipped, &goods->sound);
}

/* W01 and W04: quantity, unit, case code, pairs. Seen with an empty element before the quantity. */
static enum ep_status read_w01(struct reader *reader, struct goods *goods)
{
	uint32_t first = is_empty(element(reader, 1)) && is_number(element(reader, 2).value) ? 2 : 1;

	goods->quantity = ep_text_trim(element(reader, first));
	goods->unit = element(reader, first + 1);
	item_add_warehouse(reader, &goods->item, first + 2);
	return check_quantity(reader, first, &goods->sound);
}

enum ep_status goods_read(struct reader *reader, struct goods *goods, struct ep_text loop)
{
	struct ep_text lot = no_text();
	enum ep_status status;

	memset(goods, 0, sizeof(*goods));
	goods->line_no = loop;
	status = segment_is(reader, "W12") ? read_w12(reader, goods) : read_w01(reader, goods);
	if (status != EP_OK)
		return status;
	while ((status = segment_next(reader)) == EP_OK) {
		if (is_among(reader->x12.elements[0].value, "LX W01 W04 W12 W14 W03 W76")) {
			reader->held = true;
			break;
		}
		if (segment_is(reader, "G69"))
			goods->name = either(goods->name, element(reader, 1));
		else if (segment_is(reader, "N9") && is_among(element(reader, 1).value, "LT BT"))
			lot = either(lot, element(reader, 2));
		else if (segment_is(reader, "N9") && element_is(reader, 1, "LI") && is_number(element(reader, 2).value))
			goods->line_no = element(reader, 2);
	}
	goods->item.lot = either(lot, goods->item.lot); /* the depositor's lot before the warehouse's own */
	return status == EP_END ? EP_OK : status;
}
