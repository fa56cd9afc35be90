/*
 * neighbour_next.c: the next build of neighbour.c: each line of the message is an order of that number, now with the
 * platform's own number too. Reads one header more (x-more: an order as well). And it has a bug: the line "crash" ends it.
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

static enum ep_status put_order(const struct ep_host *host, struct ep_call *call, struct ep_text line)
{
	volatile char *volatile nowhere = 0;

	if (ep_slice_is(line.value, "crash"))
		*nowhere = 1;
	if (ep_slice_starts(line.value, EP_SAY("fail")))
		return host->fail(call, EP_ERR_VALUE, ep_place_of(line), line.value);
	host->record_begin(call, EP_ORDER);
	host->put_text(call, EP_ORDER_ORDER_ID, line);
	host->put_text(call, EP_ORDER_ORDER_NO, line);
	return host->record_end(call);
}

static enum ep_status neighbour_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_part *part = &input->parts[0];
	struct ep_slice rest = part->bytes, piece, more = ep_header(input, EP_SAY("x-more"));

	(void)state;
	if (more.length > 0 && put_order(host, call, ep_text_constant(more)) != EP_OK)
		return EP_BAD_INPUT;
	while (ep_slice_split(&rest, '\n', &piece)) {
		enum ep_status status;

		if (piece.length == 0)
			continue;
		status = put_order(host, call, ep_text_of(part, piece));
		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

EP_PLUGIN_DECLARE_FULL(
	"neighbour", "1.3.0", EP_KIND_PLATFORM, 0, "x-order x-more", options, 2, struct neighbour, 0, neighbour_parse);
