/*
 * envelope.c: interchanges, groups and transaction sets: their ends, counts and control numbers (X12.5, X12.6).
 *
 * Deviations are remembered for the notes of the records inside; only an end that is missing is an error, since then
 * nobody knows what else is. Each check reads ahead on a copy of the tokenizer, so memory stays constant.
 */
#include "x12.h"

enum ep_status refuse(struct reader *reader)
{
	const struct ep_host *host = reader->host;
	struct ep_place place = ep_x12_place(host, reader->call, &reader->x12, 0);

	if (reader->x12.count == EP_X12_ELEMENTS_MAX)
		return host->fail(reader->call, EP_ERR_LIMIT, place, EP_SAY("a segment of more than 128 elements"));
	if (segment_is(reader, "ISA"))
		return host->fail(reader->call, EP_ERR_SYNTAX, place, EP_SAY("an ISA whose separators can't be found"));
	return host->fail(reader->call, EP_ERR_TRUNCATED, place, EP_SAY("the file ends inside this segment"));
}

static enum ep_status refuse_open(struct reader *reader, const struct ep_x12 *begun, struct ep_slice text)
{
	return reader->host->fail(
		reader->call, EP_ERR_TRUNCATED, ep_x12_place(reader->host, reader->call, begun, 0), text);
}

/* Whether both are the same number, leading zeros aside; where one isn't a number, the same text. */
static bool same_number(struct ep_text a, struct ep_text b)
{
	int64_t left, right;

	if (ep_slice_integer(a.value, &left) && ep_slice_integer(b.value, &right))
		return left == right;
	return ep_slice_equal(a.value, b.value);
}

static bool is_count(struct ep_text text, uint64_t count)
{
	int64_t value;

	return ep_slice_integer(ep_slice_trim(text.value), &value) && (uint64_t)value == count;
}

enum ep_status check_interchange(struct reader *reader)
{
	const struct ep_x12 isa = reader->x12;
	struct ep_text group = no_text();
	uint64_t groups = 0, sets = 0;
	bool in_group = false;
	bool deviates = isa.irregular_isa;
	enum ep_status status;

	reader->usage = element(reader, 15);
	while ((status = ep_x12_next(&reader->x12)) == EP_OK) {
		if (segment_is(reader, "ISA")) {
			deviates = true;
			break;
		}
		if (segment_is(reader, "GS")) {
			deviates |= in_group;
			group = element(reader, 6);
			in_group = true;
			groups++;
			sets = 0;
		} else if (segment_is(reader, "ST")) {
			deviates |= !in_group;
			sets++;
		} else if (segment_is(reader, "GE")) {
			deviates |= !in_group || !is_count(element(reader, 1), sets) ||
				    !same_number(element(reader, 2), group);
			in_group = false;
		} else if (segment_is(reader, "IEA")) {
			deviates |= in_group || !is_count(element(reader, 1), groups) ||
				    !same_number(element(reader, 2), ep_x12_element(&isa, 13));
			break;
		}
	}
	if (status == EP_END)
		return refuse_open(reader, &isa, EP_SAY("the file ends before the IEA of this interchange"));
	if (status != EP_OK)
		return refuse(reader);
	reader->x12 = isa;
	reader->envelope_deviates = deviates;
	return EP_OK;
}

static bool ends_set(const struct reader *reader)
{
	return segment_is(reader, "SE") || segment_is(reader, "ST") || segment_is(reader, "GE") ||
	       segment_is(reader, "GS") || segment_is(reader, "IEA") || segment_is(reader, "ISA");
}

/* What a set says of itself, added up as it is read. */
struct totals {
	struct ep_decimal sum; /* of the lines' quantities */
	uint64_t lines;
	bool unknown; /* a quantity couldn't be read or added */
	bool deviates;
};

static void totals_line(struct reader *reader, struct totals *totals, uint32_t quantity)
{
	struct ep_decimal value;

	totals->lines++;
	if (quantity == 0)
		return;
	if (ep_decimal_read(&value, element(reader, quantity).value, EP_DECIMAL_POINT) != EP_OK ||
		ep_decimal_add(&totals->sum, totals->sum, value) != EP_OK)
		totals->unknown = true;
}

/* Compares the sum with what element 1 of the segment at hand states. */
static void totals_stated(struct reader *reader, struct totals *totals)
{
	struct ep_decimal value;

	if (is_empty(element(reader, 1)) || totals->unknown)
		return;
	if (ep_decimal_read(&value, element(reader, 1).value, EP_DECIMAL_POINT) != EP_OK ||
		ep_decimal_compare(value, totals->sum) != 0)
		totals->deviates = true;
}

/* CTT01 of an 846 counts its LINs; W1401 of a 944 is the sum of its W0701. */
static void totals_segment(struct reader *reader, struct totals *totals, bool inventory, bool receipt)
{
	if (inventory && segment_is(reader, "LIN"))
		totals_line(reader, totals, 0);
	else if (inventory && segment_is(reader, "CTT"))
		totals->deviates |= !is_empty(element(reader, 1)) && !is_count(element(reader, 1), totals->lines);
	else if (receipt && segment_is(reader, "W07"))
		totals_line(reader, totals, 1);
	else if (receipt && segment_is(reader, "W14"))
		totals_stated(reader, totals);
}

enum ep_status check_set(struct reader *reader)
{
	const struct ep_x12 begin = reader->x12;
	bool inventory = element_is(reader, 1, "846");
	bool receipt = element_is(reader, 1, "944");
	struct totals totals = {.sum = ep_decimal_make(0, 0)};
	enum ep_status status;

	while ((status = ep_x12_next(&reader->x12)) == EP_OK && !ends_set(reader))
		totals_segment(reader, &totals, inventory, receipt);
	if (status == EP_END)
		return refuse_open(reader, &begin, EP_SAY("the file ends before the SE of this transaction set"));
	if (status != EP_OK)
		return refuse(reader);
	/* SE02 is ST02 as text; SE01 counts the segments from ST to SE. */
	reader->set_deviates = !segment_is(reader, "SE") ||
			       !ep_slice_equal(element(reader, 2).value, ep_x12_element(&begin, 2).value) ||
			       !is_count(element(reader, 1), reader->x12.segment_number - begin.segment_number + 1);
	reader->totals_deviate = totals.deviates;
	reader->x12 = begin;
	return EP_OK;
}

enum ep_status segment_next(struct reader *reader)
{
	if (reader->held) {
		reader->held = false;
	} else {
		enum ep_status status = ep_x12_next(&reader->x12);

		if (status == EP_END)
			return EP_END;
		if (status != EP_OK)
			return refuse(reader);
	}
	if (!ends_set(reader))
		return EP_OK;
	reader->held = true; /* for the caller of the caller: it may be the next ST */
	return EP_END;
}
