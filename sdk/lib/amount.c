/*
 * amount.c: amounts and quantities read from text and put, in one call.
 *
 * What can't be read rejects the record: money and goods are never guessed, and never left out in silence.
 */
#include <entrepot/plugin.h>

static void refuse(const struct ep_host *host, struct ep_call *call, struct ep_text text, struct ep_slice what)
{
	if (host->reject(call, EP_ERR_VALUE, ep_place_of(text), what) != EP_OK)
		return; /* the record's end says it again: nothing is lost by going on */
}

static enum ep_status read_decimal(struct ep_decimal *decimal, struct ep_slice text, enum ep_decimal_mark mark)
{
	return mark == EP_DECIMAL_JSON ? ep_decimal_read_json(decimal, text) : ep_decimal_read(decimal, text, mark);
}

void ep_put_money(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text amount,
	enum ep_decimal_mark mark, struct ep_slice currency)
{
	struct ep_money money;

	if (amount.value.length == 0)
		return;
	memset(&money, 0, sizeof(money));
	if (read_decimal(&money.amount, amount.value, mark) != EP_OK)
		refuse(host, call, amount, EP_SAY("expected a decimal amount"));
	else if (currency.length && ep_currency_set(&money, currency) != EP_OK)
		refuse(host, call, amount, EP_SAY("its currency is not three letters (ISO 4217)"));
	else
		host->put_money(call, field, money, amount);
}

void ep_put_money_minor(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text amount,
	struct ep_slice currency)
{
	struct ep_money money;

	if (amount.value.length == 0)
		return;
	if (ep_money_read_minor(&money, amount.value, currency) != EP_OK)
		refuse(host, call, amount, EP_SAY("expected a whole number of minor units and a currency (ISO 4217)"));
	else
		host->put_money(call, field, money, amount);
}

void ep_put_quantity(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text quantity,
	enum ep_decimal_mark mark, struct ep_slice unit)
{
	struct ep_quantity value;

	if (quantity.value.length == 0)
		return;
	memset(&value, 0, sizeof(value));
	if (read_decimal(&value.quantity, quantity.value, mark) != EP_OK) {
		refuse(host, call, quantity, EP_SAY("expected a decimal quantity"));
		return;
	}
	if (unit.length >= sizeof(value.unit)) {
		refuse(host, call, quantity, EP_SAY("its unit has more than 15 bytes"));
		return;
	}
	if (unit.length)
		memcpy(value.unit, unit.data, unit.length);
	host->put_quantity(call, field, value, quantity);
}

void ep_put_decimal(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text decimal,
	enum ep_decimal_mark mark)
{
	struct ep_decimal value;

	if (decimal.value.length == 0)
		return;
	if (read_decimal(&value, decimal.value, mark) != EP_OK)
		refuse(host, call, decimal, EP_SAY("expected a decimal"));
	else
		host->put_decimal(call, field, value, decimal);
}

void ep_put_integer(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text integer)
{
	int64_t value;

	if (integer.value.length == 0)
		return;
	if (ep_slice_integer(integer.value, &value))
		host->put_integer(call, field, value, integer);
	else
		host->note(call, field, EP_NOTE_VALUE_UNREADABLE);
}
