/*
 * communication.c: the communication of a movement: 53 characters of 2.1, 53 of 2.2, 43 of 2.3, as one text.
 *
 * Free text is the remittance. Structured ones begin with a type of three digits (Febelfin, "structured format
 * communications"): 101 and 102 are a payment reference of 12 digits ("+++123/4567/89012+++"), 127 a European direct debit
 * with its mandate. What the other types hold (calculations, card data) is kept as it is written, without its type.
 */
#include "coda.h"

#define DIRECT_DEBIT_MANDATE 44 /* 6 settlement date, type, scheme, outcome, 35 creditor; then 35 mandate */
#define DIRECT_DEBIT_TEXT 79    /* 62 communication */
#define DIRECT_DEBIT_END 141

void coda_append(struct ep_gather *gather, struct ep_text text)
{
	struct ep_slice rest = text.value;

	ep_gather_origin(gather, text);
	while (rest.length) {
		uint64_t blank = ep_slice_find(rest, ' ');

		ep_gather_bytes(gather, ep_slice_sub(rest, 0, blank));
		if (blank < rest.length && gather->length && gather->bytes[gather->length - 1] != ' ')
			ep_gather_byte(gather, ' ');
		rest = ep_slice_sub(rest, blank + 1, rest.length);
	}
}

/* Characters `from` to `to` of the communication, counted from 0. */
static struct ep_text part_of(const struct coda_reader *reader, struct ep_text whole, uint32_t from, uint32_t to)
{
	struct ep_slice part = coda_columns(reader, whole.value, from + 1, to);

	return ep_text_trim(ep_text_sub(whole, (uint64_t)(part.data - whole.value.data), part.length));
}

/* All three pieces, padded as they stand in the records, so that offsets hold. */
static struct ep_text whole_of(struct coda_reader *reader, const struct coda_movement *movement)
{
	static const uint64_t widths[] = {53, 53, 43};

	ep_gather_clear(&reader->text);
	for (size_t i = 0; i < 3; i++) {
		struct ep_text piece = coda_cut(reader, movement->communication[i]);

		ep_gather_text(&reader->text, piece);
		for (uint64_t length = coda_characters(reader, piece.value); length < widths[i]; length++)
			ep_gather_byte(&reader->text, ' ');
	}
	return ep_gathered(&reader->text);
}

static struct ep_text squeezed(struct coda_reader *reader, const struct coda_movement *movement)
{
	ep_gather_clear(&reader->text);
	for (size_t i = 0; i < 3; i++)
		coda_append(&reader->text, coda_cut(reader, movement->communication[i]));
	return ep_text_trim(ep_gathered(&reader->text));
}

void coda_read_communication(struct coda_reader *reader, const struct coda_movement *movement, struct coda_said *said)
{
	struct ep_slice type = ep_slice_sub(movement->communication[0], 0, 3);
	struct ep_text whole;

	memset(said, 0, sizeof(*said));
	if (!ep_slice_is(movement->structure, "1")) {
		said->remittance = squeezed(reader, movement);
	} else if (ep_slice_is(type, "101") || ep_slice_is(type, "102")) {
		said->reference = ep_text_trim(coda_cut(reader, ep_slice_sub(movement->communication[0], 3, 12)));
	} else if (ep_slice_is(type, "127")) {
		whole = whole_of(reader, movement);
		said->mandate_id = part_of(reader, whole, 3 + DIRECT_DEBIT_MANDATE, 3 + DIRECT_DEBIT_TEXT);
		said->remittance = part_of(reader, whole, 3 + DIRECT_DEBIT_TEXT, 3 + DIRECT_DEBIT_END);
	} else {
		struct ep_text text = squeezed(reader, movement);

		said->remittance = ep_text_trim(ep_text_sub(text, 3, text.value.length));
	}
}
