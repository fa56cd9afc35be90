/*
 * gather.c: a text put together of pieces, in room that is taken once a call and used again for each text. So what a
 * message of a million wrapped lines needs doesn't grow with their number.
 */
#include <entrepot/plugin.h>

bool ep_gather_open(const struct ep_host *host, struct ep_call *call, struct ep_gather *gather, uint64_t capacity)
{
	memset(gather, 0, sizeof(*gather));
	gather->bytes = host->alloc(call, capacity);
	gather->capacity = gather->bytes ? capacity : 0;
	ep_gather_clear(gather);
	return gather->bytes != NULL;
}

void ep_gather_clear(struct ep_gather *gather)
{
	gather->length = 0;
	gather->full = false;
	gather->origin = ep_text_constant(ep_slice_make(NULL, 0));
}

void ep_gather_bytes(struct ep_gather *gather, struct ep_slice bytes)
{
	uint64_t room = gather->capacity - gather->length;

	if (bytes.length > room) {
		gather->full = true;
		bytes.length = room;
	}
	if (bytes.length)
		memcpy(gather->bytes + gather->length, bytes.data, bytes.length);
	gather->length += bytes.length;
}

void ep_gather_byte(struct ep_gather *gather, char byte)
{
	if (gather->length == gather->capacity)
		gather->full = true;
	else
		gather->bytes[gather->length++] = byte;
}

void ep_gather_origin(struct ep_gather *gather, struct ep_text text)
{
	struct ep_text *origin = &gather->origin;
	uint64_t end = origin->offset + origin->length;

	if (text.part == EP_NO_PART || (origin->part != EP_NO_PART && text.part != origin->part))
		return;
	if (origin->part == EP_NO_PART) {
		*origin = text;
		return;
	}
	if (text.offset + text.length > end)
		end = text.offset + text.length;
	if (text.offset < origin->offset)
		origin->offset = text.offset;
	origin->length = end - origin->offset;
}

void ep_gather_text(struct ep_gather *gather, struct ep_text text)
{
	ep_gather_origin(gather, text);
	ep_gather_bytes(gather, text.value);
}

void ep_gather_word(struct ep_gather *gather, struct ep_text text)
{
	if (text.value.length == 0)
		return;
	if (gather->length && gather->bytes[gather->length - 1] != ' ')
		ep_gather_byte(gather, ' ');
	ep_gather_text(gather, text);
}

struct ep_text ep_gathered(const struct ep_gather *gather)
{
	struct ep_text text = gather->origin;

	text.value = ep_slice_make(gather->bytes, gather->length);
	return text;
}
