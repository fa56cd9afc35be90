/*
 * shopify: Shopify's Admin REST resources, as webhooks send them (bare) and as its API answers them (wrapped, or lists).
 *
 *   order         -> order (with option embedded: its refunds and fulfilments too)
 *   refund        -> payment of kind refund, and return where goods come back
 *   fulfillment   -> shipment
 *   inventory level -> inventory_position
 *
 * Everything else that Shopify sends (products, customers, checkouts ...) carries nothing for us: no records, no error.
 * The topic header tells what a bare body is; without it its members do. Money is the shop's (`currency`, shop_money);
 * where the buyer paid in another currency, presentment_total keeps that.
 */
#include <entrepot/plugin.h>

struct shopify {
	bool embedded;
};

static const struct ep_option options[] = {
	EP_OPTION(struct shopify, embedded, EP_OPTION_BOOL, "false",
		"also give the refunds and fulfilments that stand inside an order"),
};

/* What every reader below needs. */
struct reader {
	const struct ep_host *host;
	struct ep_call *call;
	const struct shopify *shopify;
	struct ep_text shop; /* domain of the shop, from the headers */
};

enum resource { NOTHING, ORDER, REFUND, FULFILLMENT, INVENTORY_LEVEL };

static struct ep_json member(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_at(reader->host, value, path);
}

static struct ep_text text(const struct reader *reader, struct ep_json value, const char *path)
{
	return ep_json_text(reader->host, value, path);
}

static bool has(const struct reader *reader, struct ep_json value, const char *path)
{
	uint32_t kind = member(reader, value, path).kind;

	return kind != EP_JSON_ABSENT && kind != EP_JSON_NULL;
}

static void put_text(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	ep_json_put_text(reader->host, reader->call, field, value, path);
}

static void put_time(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	ep_put_time(reader->host, reader->call, field, text(reader, value, path));
}

static void put_money(
	const struct reader *reader, uint32_t field, struct ep_json value, const char *path, struct ep_slice currency)
{
	ep_put_money(reader->host, reader->call, field, text(reader, value, path), EP_DECIMAL_JSON, currency);
}

/* Shopify counts pieces. */
static void put_pieces(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	ep_put_quantity(reader->host, reader->call, field, text(reader, value, path), EP_DECIMAL_JSON, EP_SAY("EA"));
}

static void put_bool(const struct reader *reader, uint32_t field, struct ep_json value, const char *path)
{
	struct ep_json flag = member(reader, value, path);

	if (flag.kind == EP_JSON_TRUE || flag.kind == EP_JSON_FALSE)
		reader->host->put_bool(reader->call, field, flag.kind == EP_JSON_TRUE, reader->host->json->text(flag));
}

/* Up to six texts joined, those that are empty left out. */
static void put_joined(const struct reader *reader, uint32_t field, struct ep_json value, const char *const *paths,
	uint32_t count, struct ep_slice glue)
{
	struct ep_text pieces[6];
	uint32_t used = 0;

	for (uint32_t i = 0; i < count && used < 6; i++) {
		struct ep_text piece = ep_text_trim(text(reader, value, paths[i]));

		if (piece.value.length)
			pieces[used++] = piece;
	}
	if (used)
		reader->host->put_text(
			reader->call, field, ep_text_join(reader->host, reader->call, pieces, used, glue));
}

/* Orders -------------------------------------------------------------------------------------------------------- */

static void put_order_status(const struct reader *reader, struct ep_json order)
{
	struct ep_text paid = text(reader, order, "financial_status"), sent = text(reader, order, "fulfillment_status");
	uint32_t status = EP_ORDER_STATUS_PLACED;

	if (has(reader, order, "cancelled_at"))
		status = EP_ORDER_STATUS_CANCELLED;
	else if (ep_slice_is(paid.value, "refunded"))
		status = EP_ORDER_STATUS_REFUNDED;
	else if (ep_slice_is(sent.value, "fulfilled"))
		status = has(reader, order, "closed_at") ? EP_ORDER_STATUS_DONE : EP_ORDER_STATUS_SHIPPED;
	else if (ep_slice_is(paid.value, "paid") || ep_slice_is(paid.value, "partially_refunded"))
		status = EP_ORDER_STATUS_PAID;
	reader->host->put_code(reader->call, EP_ORDER_STATUS, status, paid);
	reader->host->put_text(reader->call, EP_ORDER_SOURCE_STATUS, paid);
}

/* price times quantity; one of the two unreadable has rejected the order already. */
static void put_line_total(const struct reader *reader, struct ep_json line, struct ep_slice currency)
{
	struct ep_text price = text(reader, line, "price"), pieces = text(reader, line, "quantity");
	struct ep_decimal quantity;
	struct ep_money total;

	if (price.value.length == 0 || pieces.value.length == 0)
		return;
	memset(&total, 0, sizeof(total));
	if (ep_decimal_read_json(&total.amount, price.value) != EP_OK ||
		ep_decimal_read_json(&quantity, pieces.value) != EP_OK ||
		ep_decimal_multiply(&total.amount, total.amount, quantity) != EP_OK)
		return;
	if (currency.length && ep_currency_set(&total, currency) != EP_OK)
		return;
	reader->host->put_money(reader->call, EP_ORDER_LINES_LINE_TOTAL, total, price);
}

static void put_order_lines(const struct reader *reader, struct ep_json order, struct ep_slice currency)
{
	const struct ep_host *host = reader->host;
	struct ep_json line = host->json->first(member(reader, order, "line_items"));

	host->list_begin(reader->call, EP_ORDER_LINES);
	for (; line.kind != EP_JSON_ABSENT; line = host->json->next(line)) {
		host->item_begin(reader->call);
		put_text(reader, EP_ORDER_LINES_LINE_NO, line, "id");
		put_text(reader, EP_ORDER_LINES_SKU, line, "sku");
		put_text(reader, EP_ORDER_LINES_NAME, line, has(reader, line, "name") ? "name" : "title");
		put_pieces(reader, EP_ORDER_LINES_QUANTITY, line, "quantity");
		put_money(reader, EP_ORDER_LINES_UNIT_PRICE, line, "price", currency);
		put_line_total(reader, line, currency);
		put_text(reader, EP_ORDER_LINES_ORIGIN, line, "origin_location.country_code");
		host->item_end(reader->call);
	}
	host->list_end(reader->call);
}

/* The set's shop_money where there is one (orders of some years don't have it), else the sum of the shipping lines. */
static void put_freight(const struct reader *reader, struct ep_json order, struct ep_slice currency)
{
	const struct ep_host *host = reader->host;
	struct ep_json line = host->json->first(member(reader, order, "shipping_lines"));
	struct ep_text origin = text(reader, line, "price");
	struct ep_money sum;

	if (has(reader, order, "total_shipping_price_set.shop_money.amount")) {
		put_money(reader, EP_ORDER_FREIGHT, order, "total_shipping_price_set.shop_money.amount", currency);
		return;
	}
	if (line.kind == EP_JSON_ABSENT)
		return;
	memset(&sum, 0, sizeof(sum));
	for (; line.kind != EP_JSON_ABSENT; line = host->json->next(line)) {
		struct ep_text price = text(reader, line, "price");
		struct ep_decimal amount;

		if (ep_decimal_read_json(&amount, price.value) != EP_OK ||
			ep_decimal_add(&sum.amount, sum.amount, amount) != EP_OK) {
			host->note(reader->call, EP_ORDER_FREIGHT, EP_NOTE_VALUE_UNREADABLE);
			return;
		}
	}
	if (currency.length == 0 || ep_currency_set(&sum, currency) == EP_OK)
		host->put_money(reader->call, EP_ORDER_FREIGHT, sum, origin);
}

static void put_order_persons(const struct reader *reader, struct ep_json order)
{
	static const char *const buyer[] = {"customer.first_name", "customer.last_name"};
	static const char *const consignee[] = {"first_name", "last_name"};
	static const char *const address[] = {"address1", "address2", "city", "province", "zip", "country"};
	struct ep_json ship_to = member(reader, order, "shipping_address");

	put_text(reader, EP_ORDER_BUYER_ACCOUNT, order, "customer.id");
	put_joined(reader, EP_ORDER_BUYER_NAME, order, buyer, 2, EP_SAY(" "));
	put_text(reader, EP_ORDER_BUYER_EMAIL, order, has(reader, order, "email") ? "email" : "contact_email");
	if (has(reader, ship_to, "name"))
		put_text(reader, EP_ORDER_CONSIGNEE_NAME, ship_to, "name");
	else
		put_joined(reader, EP_ORDER_CONSIGNEE_NAME, ship_to, consignee, 2, EP_SAY(" "));
	put_text(reader, EP_ORDER_CONSIGNEE_PHONE, ship_to, "phone");
	put_joined(reader, EP_ORDER_CONSIGNEE_ADDRESS, ship_to, address, 6, EP_SAY(", "));
	put_text(reader, EP_ORDER_SHIP_TO_COUNTRY, ship_to,
		has(reader, ship_to, "country_code") ? "country_code" : "country");
}

static void put_order_money(const struct reader *reader, struct ep_json order, struct ep_slice currency)
{
	struct ep_slice paid_in = text(reader, order, "total_price_set.presentment_money.currency_code").value;

	put_money(reader, EP_ORDER_TOTAL, order, "total_price", currency);
	put_money(reader, EP_ORDER_GOODS_VALUE, order, "total_line_items_price", currency);
	put_freight(reader, order, currency);
	put_money(reader, EP_ORDER_DISCOUNT, order, "total_discounts", currency);
	put_money(reader, EP_ORDER_TAX_TOTAL, order, "total_tax", currency);
	put_money(reader, EP_ORDER_CURRENT_TOTAL, order, "current_total_price", currency);
	if (paid_in.length && !ep_slice_equal(paid_in, currency))
		put_money(
			reader, EP_ORDER_PRESENTMENT_TOTAL, order, "total_price_set.presentment_money.amount", paid_in);
}

static enum ep_status read_order(const struct reader *reader, struct ep_json order)
{
	const struct ep_host *host = reader->host;
	struct ep_slice currency = text(reader, order, "currency").value;
	struct ep_json gateways = member(reader, order, "payment_gateway_names");

	if (currency.length == 0)
		currency = text(reader, order, "total_price_set.shop_money.currency_code").value;
	host->record_begin(reader->call, EP_ORDER);
	/* What the buyer sees; orders that an app made may have no name. */
	put_text(reader, EP_ORDER_ORDER_NO, order,
		has(reader, order, "name")           ? "name"
		: has(reader, order, "order_number") ? "order_number"
						     : "id");
	put_text(reader, EP_ORDER_ORDER_ID, order, "id");
	put_order_status(reader, order);
	put_time(reader, EP_ORDER_ORDERED_AT, order, "created_at");
	put_time(reader, EP_ORDER_UPDATED_AT, order, "updated_at");
	put_order_money(reader, order, currency);
	if (has(reader, order, "gateway"))
		put_text(reader, EP_ORDER_PAYMENT_METHOD, order, "gateway");
	else
		host->put_text(reader->call, EP_ORDER_PAYMENT_METHOD, host->json->text(host->json->first(gateways)));
	put_order_persons(reader, order);
	host->put_text(reader->call, EP_ORDER_PLATFORM, reader->shop);
	put_bool(reader, EP_ORDER_TEST, order, "test");
	put_time(reader, EP_ORDER_CANCELLED_AT, order, "cancelled_at");
	put_text(reader, EP_ORDER_CANCEL_REASON, order, "cancel_reason");
	put_order_lines(reader, order, currency);
	return host->record_end(reader->call);
}

/* Refunds ------------------------------------------------------------------------------------------------------- */

/* What the refund's transactions come to. */
struct refunded {
	struct ep_money amount; /* of those that count */
	struct ep_text origin, method, currency, message;
	uint32_t status; /* enum ep_payment_status; 0: there is no transaction */
	bool test;
	bool unreadable;
};

static uint32_t transaction_status(struct ep_slice status)
{
	if (ep_slice_is(status, "success"))
		return EP_PAYMENT_STATUS_SUCCEEDED;
	if (ep_slice_is(status, "pending"))
		return EP_PAYMENT_STATUS_PENDING;
	return EP_PAYMENT_STATUS_FAILED; /* failure, error */
}

/* Adds up the transactions of kind refund in `status`. */
static struct refunded sum_transactions(const struct reader *reader, struct ep_json refund, uint32_t status)
{
	const struct ep_host *host = reader->host;
	struct ep_json each = host->json->first(member(reader, refund, "transactions"));
	struct refunded sum;

	memset(&sum, 0, sizeof(sum));
	for (; each.kind != EP_JSON_ABSENT; each = host->json->next(each)) {
		struct ep_text amount = text(reader, each, "amount");
		struct ep_decimal decimal;

		if (!ep_slice_is(text(reader, each, "kind").value, "refund") ||
			transaction_status(text(reader, each, "status").value) != status)
			continue;
		sum.origin = amount;
		sum.status = status;
		sum.method = text(reader, each, "gateway");
		sum.currency = text(reader, each, "currency");
		sum.message = text(reader, each, "message");
		sum.test = sum.test || member(reader, each, "test").kind == EP_JSON_TRUE;
		if (ep_decimal_read_json(&decimal, amount.value) != EP_OK ||
			ep_decimal_add(&sum.amount.amount, sum.amount.amount, decimal) != EP_OK) {
			sum.unreadable = true;
			return sum;
		}
	}
	return sum;
}

/* The amount given back is the sum of the successful transactions, not of the lines. */
static struct refunded read_transactions(const struct reader *reader, struct ep_json refund)
{
	static const uint32_t order_of_weight[] = {
		EP_PAYMENT_STATUS_SUCCEEDED, EP_PAYMENT_STATUS_PENDING, EP_PAYMENT_STATUS_FAILED};
	struct refunded sum;

	memset(&sum, 0, sizeof(sum));
	for (uint32_t i = 0; i < 3 && sum.status == 0; i++)
		sum = sum_transactions(reader, refund, order_of_weight[i]);
	return sum;
}

static enum ep_status put_refund_payment(
	const struct reader *reader, struct ep_json refund, const struct refunded *refunded, struct ep_text order_no)
{
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;
	struct ep_money amount = refunded->amount;

	host->record_begin(call, EP_PAYMENT);
	put_text(reader, EP_PAYMENT_PAYMENT_ID, refund, "id");
	host->put_code(call, EP_PAYMENT_KIND, EP_PAYMENT_KIND_REFUND, refunded->origin);
	host->put_code(call, EP_PAYMENT_STATUS, refunded->status, refunded->origin);
	if (refunded->unreadable)
		(void)host->reject(
			call, EP_ERR_VALUE, ep_place_of(refunded->origin), EP_SAY("expected a decimal amount"));
	else if (refunded->currency.value.length && ep_currency_set(&amount, refunded->currency.value) != EP_OK)
		(void)host->reject(
			call, EP_ERR_VALUE, ep_place_of(refunded->currency), EP_SAY("expected a currency (ISO 4217)"));
	else
		host->put_money(call, EP_PAYMENT_AMOUNT, amount, refunded->origin);
	host->put_text(call, EP_PAYMENT_ORDER_NO, order_no);
	put_text(reader, EP_PAYMENT_ORDER_ID, refund, "order_id");
	host->put_text(call, EP_PAYMENT_METHOD, refunded->method);
	put_time(reader, EP_PAYMENT_PAID_AT, refund,
		has(reader, refund, "processed_at") ? "processed_at" : "created_at");
	put_text(reader, EP_PAYMENT_REASON, refund, "note");
	host->put_text(call, EP_PAYMENT_DESCRIPTION, refunded->message);
	if (refunded->test)
		host->put_bool(call, EP_PAYMENT_TEST, true, refunded->origin);
	return host->record_end(call);
}

/* restock_type (no_restock, cancel, return, legacy_restock) replaced the refund's flag `restock`. */
static void put_restocked(const struct reader *reader, struct ep_json refund, struct ep_json line)
{
	struct ep_text type = text(reader, line, "restock_type");

	if (type.value.length)
		reader->host->put_bool(
			reader->call, EP_RETURN_LINES_RESTOCKED, !ep_slice_is(type.value, "no_restock"), type);
	else
		put_bool(reader, EP_RETURN_LINES_RESTOCKED, refund, "restock");
}

static enum ep_status put_return(
	const struct reader *reader, struct ep_json refund, const struct refunded *refunded, struct ep_text order_no)
{
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;
	struct ep_json line = host->json->first(member(reader, refund, "refund_line_items"));
	struct ep_slice currency = refunded->currency.value;

	host->record_begin(call, EP_RETURN);
	put_text(reader, EP_RETURN_RETURN_NO, refund, "id");
	host->put_text(call, EP_RETURN_ORDER_NO, order_no);
	put_text(reader, EP_RETURN_ORDER_ID, refund, "order_id");
	put_text(reader, EP_RETURN_REASON, refund, "note");
	put_time(reader, EP_RETURN_REQUESTED_AT, refund, "created_at");
	put_text(reader, EP_RETURN_REFUND_ID, refund, "id");
	host->list_begin(call, EP_RETURN_LINES);
	for (; line.kind != EP_JSON_ABSENT; line = host->json->next(line)) {
		host->item_begin(call);
		put_text(reader, EP_RETURN_LINES_LINE_NO, line, "line_item_id");
		put_text(reader, EP_RETURN_LINES_SKU, line, "line_item.sku");
		put_text(reader, EP_RETURN_LINES_NAME, line,
			has(reader, line, "line_item.name") ? "line_item.name" : "line_item.title");
		put_pieces(reader, EP_RETURN_LINES_QUANTITY, line, "quantity");
		put_money(reader, EP_RETURN_LINES_AMOUNT, line, "subtotal", currency);
		put_restocked(reader, refund, line);
		host->item_end(call);
	}
	host->list_end(call);
	return host->record_end(call);
}

static enum ep_status read_refund(const struct reader *reader, struct ep_json refund, struct ep_text order_no)
{
	struct refunded refunded;
	enum ep_status status = EP_OK;

	if (!has(reader, refund, "id")) /* a calculation, which Shopify answers in the same shape */
		return EP_OK;
	refunded = read_transactions(reader, refund);
	if (refunded.status)
		status = put_refund_payment(reader, refund, &refunded, order_no);
	if (status == EP_OK &&
		reader->host->json->first(member(reader, refund, "refund_line_items")).kind != EP_JSON_ABSENT)
		status = put_return(reader, refund, &refunded, order_no);
	return status;
}

/* Fulfilments --------------------------------------------------------------------------------------------------- */

/* A fulfilment is named after its order: "#1001.1", "#1001-F1". */
static struct ep_text order_of_name(struct ep_text name)
{
	uint64_t end = name.value.length;

	while (end > 0 && name.value.data[end - 1] >= '0' && name.value.data[end - 1] <= '9')
		end--;
	if (end == name.value.length)
		return ep_text_sub(name, 0, 0);
	if (end >= 2 && name.value.data[end - 1] == '.')
		return ep_text_sub(name, 0, end - 1);
	if (end >= 3 && name.value.data[end - 1] == 'F' && name.value.data[end - 2] == '-')
		return ep_text_sub(name, 0, end - 2);
	return ep_text_sub(name, 0, 0);
}

static void put_shipment_lines(const struct reader *reader, struct ep_json fulfillment)
{
	const struct ep_host *host = reader->host;
	struct ep_json line = host->json->first(member(reader, fulfillment, "line_items"));

	host->list_begin(reader->call, EP_SHIPMENT_LINES);
	for (; line.kind != EP_JSON_ABSENT; line = host->json->next(line)) {
		host->item_begin(reader->call);
		put_text(reader, EP_SHIPMENT_LINES_LINE_NO, line, "id");
		put_text(reader, EP_SHIPMENT_LINES_SKU, line, "sku");
		put_text(reader, EP_SHIPMENT_LINES_NAME, line, has(reader, line, "name") ? "name" : "title");
		put_pieces(reader, EP_SHIPMENT_LINES_QUANTITY, line, "quantity");
		host->item_end(reader->call);
	}
	host->list_end(reader->call);
}

static enum ep_status read_fulfillment(const struct reader *reader, struct ep_json fulfillment, struct ep_text order_no)
{
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;
	struct ep_text waybill = text(reader, fulfillment, "tracking_number"),
		       url = text(reader, fulfillment, "tracking_url");

	if (waybill.value.length == 0)
		waybill = host->json->text(host->json->first(member(reader, fulfillment, "tracking_numbers")));
	if (url.value.length == 0)
		url = host->json->text(host->json->first(member(reader, fulfillment, "tracking_urls")));
	if (order_no.value.length == 0)
		order_no = order_of_name(text(reader, fulfillment, "name"));
	host->record_begin(call, EP_SHIPMENT);
	put_text(reader, EP_SHIPMENT_SHIPMENT_NO, fulfillment, "id");
	host->put_text(call, EP_SHIPMENT_WAYBILL_NO, waybill);
	put_text(reader, EP_SHIPMENT_CARRIER, fulfillment, "tracking_company");
	if (order_no.value.length)
		host->put_text(call, EP_SHIPMENT_ORDER_NOS, order_no);
	put_text(reader, EP_SHIPMENT_ORDER_ID, fulfillment, "order_id");
	put_time(reader, EP_SHIPMENT_SHIPPED_AT, fulfillment, "created_at");
	put_time(reader, EP_SHIPMENT_UPDATED_AT, fulfillment, "updated_at");
	put_text(reader, EP_SHIPMENT_STATUS, fulfillment,
		has(reader, fulfillment, "shipment_status") ? "shipment_status" : "status");
	put_text(reader, EP_SHIPMENT_SHIP_TO_COUNTRY, fulfillment, "destination.country_code");
	put_text(reader, EP_SHIPMENT_CONSIGNEE_NAME, fulfillment, "destination.name");
	put_text(reader, EP_SHIPMENT_WAREHOUSE, fulfillment, "location_id");
	host->put_text(call, EP_SHIPMENT_TRACKING_URL, url);
	put_shipment_lines(reader, fulfillment);
	return host->record_end(call);
}

/* Inventory levels ---------------------------------------------------------------------------------------------- */

static enum ep_status read_inventory_level(const struct reader *reader, struct ep_json level)
{
	reader->host->record_begin(reader->call, EP_INVENTORY_POSITION);
	put_text(reader, EP_INVENTORY_POSITION_SKU, level, "inventory_item_id");
	put_text(reader, EP_INVENTORY_POSITION_WAREHOUSE, level, "location_id");
	put_pieces(reader, EP_INVENTORY_POSITION_AVAILABLE, level, "available"); /* null: the item isn't tracked */
	put_time(reader, EP_INVENTORY_POSITION_AS_OF, level, "updated_at");
	return reader->host->record_end(reader->call);
}

/* Which is which ------------------------------------------------------------------------------------------------ */

static enum ep_status read_embedded(const struct reader *reader, struct ep_json order)
{
	const struct ep_host *host = reader->host;
	struct ep_text order_no = text(reader, order, "name");
	struct ep_json each;
	enum ep_status status = EP_OK;

	for (each = host->json->first(member(reader, order, "refunds")); each.kind == EP_JSON_OBJECT && status == EP_OK;
		each = host->json->next(each))
		status = read_refund(reader, each, order_no);
	for (each = host->json->first(member(reader, order, "fulfillments"));
		each.kind == EP_JSON_OBJECT && status == EP_OK; each = host->json->next(each))
		status = read_fulfillment(reader, each, order_no);
	return status;
}

static enum ep_status read_resource(const struct reader *reader, enum resource resource, struct ep_json value)
{
	const struct ep_text unknown = ep_text_constant(EP_SAY(""));
	enum ep_status status = EP_OK;

	switch (resource) {
	case ORDER:
		status = read_order(reader, value);
		if (status == EP_OK && reader->shopify->embedded)
			status = read_embedded(reader, value);
		return status;
	case REFUND:
		return read_refund(reader, value, unknown);
	case FULFILLMENT:
		return read_fulfillment(reader, value, unknown);
	case INVENTORY_LEVEL:
		return read_inventory_level(reader, value);
	case NOTHING:
		break;
	}
	return status;
}

/* The topic of a webhook: "orders/updated". Deletions carry an id only. */
static enum resource resource_of_topic(struct ep_slice topic)
{
	static const struct {
		const char *topic;
		enum resource resource;
	} topics[] = {{"orders/", ORDER}, {"refunds/", REFUND}, {"fulfillments/", FULFILLMENT},
		{"inventory_levels/", INVENTORY_LEVEL}};

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (ep_slice_starts(topic, ep_slice_of(topics[i].topic)))
			return topics[i].resource;
	return NOTHING;
}

static enum resource resource_of_shape(const struct reader *reader, struct ep_json value)
{
	if (has(reader, value, "refund_line_items") && has(reader, value, "order_id"))
		return REFUND;
	if (has(reader, value, "inventory_item_id") && has(reader, value, "location_id"))
		return INVENTORY_LEVEL;
	if (has(reader, value, "line_items") && has(reader, value, "total_price") &&
		(member(reader, value, "financial_status").kind != EP_JSON_ABSENT ||
			has(reader, value, "order_number")))
		return ORDER;
	if (has(reader, value, "order_id") && (member(reader, value, "tracking_company").kind != EP_JSON_ABSENT ||
						      member(reader, value, "tracking_number").kind != EP_JSON_ABSENT))
		return FULFILLMENT;
	return NOTHING;
}

/* The member that an API answer wraps a resource, or a list of it, in. */
static struct ep_json unwrap(const struct reader *reader, struct ep_json root, enum resource *resource)
{
	static const struct {
		const char *name;
		enum resource resource;
	} wrappers[] = {{"order", ORDER}, {"orders", ORDER}, {"refund", REFUND}, {"refunds", REFUND},
		{"fulfillment", FULFILLMENT}, {"fulfillments", FULFILLMENT}, {"inventory_level", INVENTORY_LEVEL},
		{"inventory_levels", INVENTORY_LEVEL}};
	struct ep_json only = reader->host->json->first(root);

	if (root.kind != EP_JSON_OBJECT || reader->host->json->next(only).kind != EP_JSON_ABSENT ||
		(only.kind != EP_JSON_OBJECT && only.kind != EP_JSON_ARRAY))
		return root;
	*resource = NOTHING; /* one member that holds everything: a wrapper, of something that we may not know */
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (ep_slice_equal(reader->host->json->name(only).value, ep_slice_of(wrappers[i].name)))
			*resource = wrappers[i].resource;
	return only;
}

static enum ep_status read_one(const struct reader *reader, enum resource resource, bool declared, struct ep_json value)
{
	if (value.kind != EP_JSON_OBJECT)
		return reader->host->reject(
			reader->call, EP_ERR_SYNTAX, reader->host->json->place(value), EP_SAY("expected an object"));
	return read_resource(reader, declared ? resource : resource_of_shape(reader, value), value);
}

static enum ep_status shopify_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct reader reader = {
		host, call, state, ep_text_constant(ep_header(input, EP_SAY("x-shopify-shop-domain")))};
	struct ep_slice topic = ep_header(input, EP_SAY("x-shopify-topic"));
	bool declared = topic.length != 0;
	enum resource resource = resource_of_topic(topic), wrapped = ORDER;
	struct ep_json root, value;
	enum ep_status status = host->json->open(call, &input->parts[0], 0, NULL, &root);

	if (status != EP_OK)
		return status == EP_END
			       ? host->fail(call, EP_ERR_EMPTY, ep_place_none(), EP_SAY("expected a JSON document"))
			       : status;
	if (root.kind != EP_JSON_OBJECT && root.kind != EP_JSON_ARRAY)
		return host->fail(
			call, EP_ERR_TYPE_UNKNOWN, host->json->place(root), EP_SAY("expected an object or a list"));
	if (ep_slice_is(topic, "orders/delete"))
		return EP_OK;
	value = unwrap(&reader, root, &wrapped);
	if (value.node != root.node) {
		resource = wrapped;
		declared = true;
	}
	if (value.kind == EP_JSON_OBJECT)
		return read_one(&reader, resource, declared, value);
	for (value = host->json->first(value); value.kind != EP_JSON_ABSENT && status == EP_OK;
		value = host->json->next(value))
		status = read_one(&reader, resource, declared, value);
	return status;
}

EP_PLUGIN_DECLARE_FULL("shopify", "1.0.0", EP_KIND_PLATFORM, 0, "x-shopify-topic x-shopify-shop-domain", options,
	sizeof(options) / sizeof(options[0]), struct shopify, 0, shopify_parse);
