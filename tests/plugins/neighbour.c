/*
 * neighbour.c: a well-behaved plugin. Each line of the message is an order of that number; "reject ..." rejects a
 * record, "fail ..." the message. Checks what the host promises of its input: the zeros behind it, and nothing changed.
 */
#include <entrepot/plugin.h>

struct neighbour {
	struct ep_slice prefix;
	int64_t repeat;
};

static const struct ep_option options[] = {
	EP_OPTION(struct neighbour, prefix, EP_OPTION_TEXT, "", "put before each number"),
	EP_OPTION_RANGE(struct neighbour, repeat, "1", 1, 1000000, "orders for one line"),
};

static bool is_padded(const struct ep_part *part)
{
	for (uint64_t i = 0; i < 64; i++) {
		if (part->bytes.data[part->bytes.length + i] != '\0')
			return false;
	}
	return true;
}

static enum ep_status put_order(
	const struct ep_host *host, struct ep_call *call, const struct neighbour *neighbour, struct ep_text line)
{
	const struct ep_text parts[] = {ep_text_constant(neighbour->prefix), line};

	host->record_begin(call, EP_ORDER);
	host->put_text(call, EP_ORDER_ORDER_NO,
		neighbour->prefix.length > 0 ? ep_text_join(host, call, parts, 2, EP_SAY("")) : line);
	return host->record_end(call);
}

static enum ep_status take_line(
	const struct ep_host *host, struct ep_call *call, const struct neighbour *neighbour, struct ep_text line)
{
	if (ep_slice_starts(line.value, EP_SAY("fail")))
		return host->fail(call, EP_ERR_VALUE, ep_place_of(line), line.value);
	if (ep_slice_starts(line.value, EP_SAY("reject")))
		return host->reject(call, EP_ERR_VALUE, ep_place_of(line), line.value);
	for (int64_t i = 0; i < neighbour->repeat; i++) {
		if (put_order(host, call, neighbour, line) != EP_OK)
			return EP_BAD_INPUT;
	}
	return EP_OK;
}

static enum ep_status neighbour_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_part *part = &input->parts[0];
	struct ep_slice rest = part->bytes, piece, header;

	if (!is_padded(part))
		return host->fail(call, EP_ERR_SYNTAX, ep_place_none(), EP_SAY("no zeros behind the message"));
	header = ep_header(input, EP_SAY("x-order"));
	if (header.length > 0 && take_line(host, call, state, ep_text_constant(header)) != EP_OK)
		return EP_BAD_INPUT;
	while (ep_slice_split(&rest, '\n', &piece)) {
		enum ep_status status;

		if (piece.length == 0 || piece.length > 60)
			continue; /* blank, or filler of a large message */
		status = take_line(host, call, state, ep_text_of(part, piece));
		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

EP_PLUGIN_DECLARE_FULL(
	"neighbour", "1.2.3", EP_KIND_PLATFORM, 0, "x-order", options, 2, struct neighbour, 0, neighbour_parse);
