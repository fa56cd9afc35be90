/*
 * x12: ANSI X12 files of warehouses and their partners.
 *
 *   846 inventory inquiry/advice        -> inventory_position, one a LIN (and warehouse)
 *   944 stock transfer receipt advice   -> stock_movement of kind receipt, one a W07
 *   947 inventory adjustment advice     -> stock_movement of kind adjust, one a W19
 *   945 warehouse shipping advice       -> shipment, and stock_movement of kind issue, one a W12
 *   943 stock transfer shipment advice, 940 warehouse shipping order, 856 ship notice -> shipment
 *   214 shipment status                 -> tracking_event, one an AT7
 *   850 purchase order                  -> order
 *
 * Dispatched on ST01, never on GS01, which real files get wrong. Other transaction sets give nothing, and no error.
 * An envelope whose counts or control numbers are wrong is read all the same, and its records say so; a file that ends
 * before its IEA is refused, for what is missing can't be known.
 */
#include "x12.h"

static const struct ep_option options[] = {
	EP_OPTION(struct x12_options, quantities, EP_OPTION_TEXT,
		"33=available,17=on_hand,QH=on_hold,63=on_order,20=damaged",
		"846: which field a QTY01 qualifier gives; others go to quantities[] with their code"),
	EP_OPTION(struct x12_options, sku, EP_OPTION_TEXT, "SK",
		"qualifiers of the item number, the preferred first; then the first that is no GTIN, then the GTIN"),
	EP_OPTION(struct x12_options, units, EP_OPTION_TEXT, "",
		"units of measure to be replaced, such as CA=XCS,LB=LBR"),
	EP_OPTION(struct x12_options, default_unit, EP_OPTION_TEXT, "EA", "unit where the sender gives none"),
	EP_OPTION_ONE_OF(struct x12_options, party, "code", "code|name",
		"what names a warehouse or an owner: N104 (else N102), or N102 (else N104)"),
};

static const struct {
	char set[4];
	enum ep_status (*read)(struct reader *reader);
} sets[] = {{"846", read_inventory}, {"944", read_receipt}, {"947", read_adjustment}, {"945", read_shipping_advice},
	{"943", read_shipment_only}, {"940", read_shipment_only}, {"856", read_ship_notice}, {"214", read_status},
	{"850", read_order}};

static enum ep_status x12_open(const struct ep_host *host, struct ep_call *call, void *state)
{
	static const char fields[] = "available on_hand on_hold on_order damaged reserved in_transit";
	const struct x12_options *settings = state;
	struct ep_slice map = settings->quantities;
	struct ep_slice pair;

	while (ep_slice_split(&map, ',', &pair)) {
		uint64_t equals = ep_slice_find(pair, '=');
		struct ep_slice field = ep_slice_trim(ep_slice_sub(pair, equals + 1, pair.length));

		if (ep_slice_trim(pair).length == 0 || (equals < pair.length && field.length == 0))
			continue;
		if (equals == pair.length || !is_among(field, fields))
			return host->fail(call, EP_ERR_PLUGIN_OPTION, ep_place_none(),
				EP_SAY("quantities: expected QTY01=field, with field one of available, on_hand, "
				       "on_hold, "
				       "on_order, damaged, reserved, in_transit"));
	}
	return EP_OK;
}

/* Reads the transaction set whose ST is at hand. */
static enum ep_status read_set(struct reader *reader)
{
	enum ep_status status = check_set(reader);

	if (status != EP_OK)
		return status;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if (element_is(reader, 1, sets[i].set))
			return sets[i].read(reader);
	}
	return EP_OK;
}

/* Whether the file was cut into lines of one width (80, as a rule), whatever stands there: then a line ends inside the
 * ISA. An ISA that a line end terminates has its 15 or 16 separators before it. */
static bool is_wrapped(struct ep_slice bytes)
{
	uint32_t separators = 0;

	if (ep_slice_starts(bytes, EP_SAY("\xef\xbb\xbf")))
		bytes = ep_slice_sub(bytes, 3, bytes.length);
	if (!ep_slice_starts(bytes, EP_SAY("ISA")) || bytes.length < 106)
		return false;
	for (uint64_t i = 3; i < 106 && separators < 15; i++) {
		if (bytes.data[i] == '\r' || bytes.data[i] == '\n')
			return true;
		separators += bytes.data[i] == bytes.data[3];
	}
	return false;
}

/* The part without its line ends. What is read from it has no origin, since the offsets are others. */
static enum ep_status unwrap(
	const struct ep_host *host, struct ep_call *call, const struct ep_part *part, struct ep_part *unwrapped)
{
	char *bytes = host->alloc(call, part->bytes.length);
	uint64_t length = 0;

	if (!bytes)
		return host->fail(call, EP_ERR_PLUGIN_MEMORY, ep_place_none(),
			EP_SAY("a file cut into lines, too large to join"));
	for (uint64_t i = 0; i < part->bytes.length; i++) {
		if (part->bytes.data[i] != '\r' && part->bytes.data[i] != '\n')
			bytes[length++] = part->bytes.data[i];
	}
	*unwrapped = *part;
	unwrapped->bytes = ep_slice_make(bytes, length);
	unwrapped->index = EP_NO_PART;
	return EP_OK;
}

static enum ep_status read_file(struct reader *reader)
{
	enum ep_status status = EP_OK;

	reader->usage = no_text();
	reader->envelope_deviates = true; /* until an ISA says otherwise */
	for (;;) {
		if (reader->held)
			reader->held = false;
		else
			status = ep_x12_next(&reader->x12);
		if (status == EP_END)
			return EP_OK;
		if (status != EP_OK)
			return refuse(reader);
		if (segment_is(reader, "ISA"))
			status = check_interchange(reader);
		else if (segment_is(reader, "ST"))
			status = read_set(reader);
		if (status != EP_OK)
			return status;
	}
}

static enum ep_status x12_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct ep_part *part = &input->parts[0];
	struct reader reader = {.host = host, .call = call, .options = state};
	struct ep_part unwrapped;

	if (is_wrapped(part->bytes)) {
		if (unwrap(host, call, part, &unwrapped) != EP_OK)
			return EP_BAD_INPUT;
		part = &unwrapped;
	}
	if (ep_slice_trim(part->bytes).length == 0)
		return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("nothing but white space"));
	if (ep_x12_begin(&reader.x12, part) != EP_OK)
		return host->fail(call, EP_ERR_SYNTAX, ep_place_of(ep_text_of(part, ep_slice_sub(part->bytes, 0, 3))),
			EP_SAY("not X12: it begins with no readable ISA, GS or ST segment"));
	return read_file(&reader);
}

EP_PLUGIN_DECLARE_FULL("x12", "1.0.0", EP_KIND_WAREHOUSE, EP_REPEATS_MEANINGFUL, "", options,
	sizeof(options) / sizeof(options[0]), struct x12_options, x12_open, x12_parse);
