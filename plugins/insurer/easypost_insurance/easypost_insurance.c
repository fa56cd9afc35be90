/*
 * easypost_insurance: EasyPost's insurances and claims, as its webhooks (Event) and its API's answers carry them.
 *
 *   Insurance -> insurance_policy      Claim -> insurance_claim
 *
 * Trackers, shipments and whatever else EasyPost reports carry nothing for us here: no records, no error. Amounts come
 * without a currency: EasyPost insures in US dollars, and option currency says otherwise where it doesn't.
 */
#include <entrepot/plugin.h>

struct easypost {
	struct ep_slice currency;
	struct ep_slice insurer;
};

static const struct ep_option options[] = {
	EP_OPTION(struct easypost, currency, EP_OPTION_TEXT, "USD", "currency of the amounts (ISO 4217)"),
	EP_OPTION(struct easypost, insurer, EP_OPTION_TEXT, "easypost",
		"insurer of a claim, and of a policy that names none"),
};

/* What every reader below needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct easypost *easypost;
};

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

static void put_text(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	ep_json_put_text(reader->host, reader->call, field, value, path);
}

static void put_time(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	ep_put_time(reader->host, reader->call, field, text(reader, value, path));
}

static void put_money(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	struct ep_text amount = text(reader, value, path);

	ep_put_money(reader->host, reader->call, field, amount, EP_DECIMAL_JSON, reader->easypost->currency);
}

static void put_test(const struct reader *reader, uint32_t field, struct ep_json value)
{
	struct ep_text mode = text(reader, value, "mode");

	if (ep_slice_is(mode.value, "test"))
		reader->host->put_bool(reader->call, field, true, mode);
}

static void put_insurer(const struct reader *reader, uint32_t field, struct ep_text named)
{
	reader->host->put_text(
		reader->call, field, named.value.length ? named : ep_text_constant(reader->easypost->insurer));
}

/* The tracking code stands in the insurance, or only in its tracker. */
static void put_waybill(const struct reader *reader, struct ep_json insurance)
{
	bool own = text(reader, insurance, "tracking_code").value.length != 0;

	put_text(reader, EP_INSURANCE_POLICY_WAYBILL_NO, insurance, own ? "tracking_code" : "tracker.tracking_code");
	put_text(reader, EP_INSURANCE_POLICY_CARRIER, insurance, "tracker.carrier");
	put_text(reader, EP_INSURANCE_POLICY_SHIPMENT_NO, insurance,
		text(reader, insurance, "shipment_id").value.length ? "shipment_id" : "tracker.shipment_id");
}

static enum ep_status read_insurance(const struct reader *reader, struct ep_json insurance)
{
	const struct ep_host *host = reader->host;
	struct ep_json message = host->json->first(ep_json_at(host, insurance, "messages"));

	host->record_begin(reader->call, EP_INSURANCE_POLICY);
	put_text(reader, EP_INSURANCE_POLICY_POLICY_NO, insurance, "id");
	put_insurer(reader, EP_INSURANCE_POLICY_INSURER, text(reader, insurance, "provider"));
	host->put_text(reader->call, EP_INSURANCE_POLICY_KIND, ep_text_constant(EP_SAY("shipping")));
	put_text(reader, EP_INSURANCE_POLICY_STATUS, insurance, "status");
	put_money(reader, EP_INSURANCE_POLICY_LIMIT, insurance, "amount");
	put_money(reader, EP_INSURANCE_POLICY_PREMIUM, insurance, "fee.amount");
	put_text(reader, EP_INSURANCE_POLICY_REFERENCE, insurance, "reference");
	put_text(reader, EP_INSURANCE_POLICY_PROVIDER_POLICY_NO, insurance, "provider_id");
	put_text(reader, EP_INSURANCE_POLICY_INSURED, insurance, "from_address.name");
	put_waybill(reader, insurance);
	put_time(reader, EP_INSURANCE_POLICY_CREATED_AT, insurance, "created_at");
	put_time(reader, EP_INSURANCE_POLICY_UPDATED_AT, insurance, "updated_at");
	for (; message.kind != EP_JSON_ABSENT; message = host->json->next(message))
		host->put_text(reader->call, EP_INSURANCE_POLICY_MESSAGES, host->json->text(message));
	put_test(reader, EP_INSURANCE_POLICY_TEST, insurance);
	return host->record_end(reader->call);
}

static enum ep_status read_claim(const struct reader *reader, struct ep_json claim)
{
	const struct ep_host *host = reader->host;
	struct ep_slice status = text(reader, claim, "status").value;

	host->record_begin(reader->call, EP_INSURANCE_CLAIM);
	put_text(reader, EP_INSURANCE_CLAIM_CLAIM_NO, claim, "id");
	put_insurer(reader, EP_INSURANCE_CLAIM_INSURER, text(reader, claim, "provider"));
	put_text(reader, EP_INSURANCE_CLAIM_POLICY_NO, claim, "insurance_id");
	put_text(reader, EP_INSURANCE_CLAIM_STATUS, claim, "status");
	put_text(reader, EP_INSURANCE_CLAIM_STATUS_DETAIL, claim, "status_detail");
	put_time(reader, EP_INSURANCE_CLAIM_STATUS_AT, claim, "status_timestamp");
	put_money(reader, EP_INSURANCE_CLAIM_LOSS, claim, "requested_amount");
	put_money(reader, EP_INSURANCE_CLAIM_APPROVED, claim, "approved_amount");
	if (ep_slice_is(status, "paid")) /* granted isn't paid */
		put_money(reader, EP_INSURANCE_CLAIM_PAID, claim, "approved_amount");
	put_text(reader, EP_INSURANCE_CLAIM_CAUSE, claim, "type");
	put_text(reader, EP_INSURANCE_CLAIM_DESCRIPTION, claim, "description");
	put_text(reader, EP_INSURANCE_CLAIM_WAYBILL_NO, claim, "tracking_code");
	put_text(reader, EP_INSURANCE_CLAIM_SHIPMENT_NO, claim, "shipment_id");
	put_text(reader, EP_INSURANCE_CLAIM_CONTACT_EMAIL, claim, "contact_email");
	put_text(reader, EP_INSURANCE_CLAIM_REFERENCE, claim, "reference");
	put_time(reader, EP_INSURANCE_CLAIM_REPORTED_AT, claim, "created_at");
	put_time(reader, EP_INSURANCE_CLAIM_UPDATED_AT, claim, "updated_at");
	put_test(reader, EP_INSURANCE_CLAIM_TEST, claim);
	return host->record_end(reader->call);
}

static enum ep_status read_object(const struct reader *reader, struct ep_json object)
{
	struct ep_slice type = text(reader, object, "object").value;

	if (ep_slice_is(type, "Insurance"))
		return read_insurance(reader, object);
	if (ep_slice_is(type, "Claim"))
		return read_claim(reader, object);
	return EP_OK;
}

/* An event holds the object as `result`; a list stands under the plural of its name, or is the document itself. */
static enum ep_status read_document(const struct reader *reader, struct ep_json root)
{
	static const char *const lists[] = {"insurances", "claims"};
	const struct ep_host *host = reader->host;
	struct ep_json list = root;
	enum ep_status status = EP_OK;

	if (ep_slice_is(text(reader, root, "object").value, "Event"))
		return read_object(reader, ep_json_at(host, root, "result"));
	if (root.kind == EP_JSON_OBJECT) {
		for (size_t i = 0; i < 2 && list.kind != EP_JSON_ARRAY; i++)
			list = ep_json_at(host, root, lists[i]);
		if (list.kind != EP_JSON_ARRAY)
			return read_object(reader, root);
	}
	for (list = host->json->first(list); list.kind != EP_JSON_ABSENT && status == EP_OK;
		list = host->json->next(list))
		status = read_object(reader, list);
	return status;
}

static enum ep_status easypost_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct reader reader = {host, call, state};
	struct ep_json root;
	enum ep_status status = host->json->open(call, &input->parts[0], 0, NULL, &root);

	if (status == EP_END)
		return host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected a JSON document"));
	if (status != EP_OK)
		return status;
	if (root.kind != EP_JSON_OBJECT && root.kind != EP_JSON_ARRAY)
		return host->fail(
			call, EP_ERR_TYPE_UNKNOWN, host->json->place(root), EP_SAY("expected an object or a list"));
	return read_document(&reader, root);
}

EP_PLUGIN_DECLARE("easypost_insurance", "1.0.0", EP_KIND_INSURER, options, struct easypost, easypost_parse);
