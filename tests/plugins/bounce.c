/* bounce.c: about 600 bytes back for a message, without looking at it; nothing for one that begins with '-'. For bench-worker. */
#include <entrepot/plugin.h>

struct bounce {
	bool unused;
};

static enum ep_status bounce_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_part *part = &input->parts[0];

	(void)state;
	if (ep_slice_starts(part->bytes, EP_SAY("-")))
		return EP_OK;
	host->record_begin(call, EP_ORDER);
	host->put_text(call, EP_ORDER_ORDER_NO, ep_text_of(part, ep_slice_sub(part->bytes, 0, 20)));
	host->put_text(call, EP_ORDER_CONSIGNEE_ADDRESS, ep_text_of(part, ep_slice_sub(part->bytes, 20, 400)));
	return host->record_end(call);
}

EP_PLUGIN_DECLARE_FULL("bounce", "1.0.0", EP_KIND_PLATFORM, 0, "", 0, 0, struct bounce, 0, bounce_parse);
