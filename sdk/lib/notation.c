/*
 * notation.c: words and amounts in a sender's own notation, and what payments and account entries are made of.
 *
 * A sender's notation is declared in tables: what its words mean, how its amounts are written, in which currencies its
 * minor unit isn't ISO 4217's. An amount that can't be read rejects its record; it is never guessed.
 */
#include <entrepot/plugin.h>

#define UNIX_MAX INT64_C(253402300799) /* the last second of the year 9999 */

uint32_t ep_word_code(const struct ep_word *words, struct ep_slice word, uint32_t otherwise)
{
	for (; words->word; words++)
		if (ep_slice_equal_nocase(word, ep_slice_of(words->word)))
			return words->code;
	return otherwise;
}

/* In EP_BAD_INPUT the amount is no number, or has decimals that it may not have. */
static enum ep_status read_minor(struct ep_decimal *decimal, struct ep_slice amount, const struct ep_notation *notation,
	struct ep_slice currency)
{
	uint32_t unknown = UINT32_MAX, digits = unknown;
	enum ep_status status = ep_decimal_read_json(decimal, amount);

	if (status != EP_OK)
		return status;
	if (notation->digits)
		digits = ep_word_code(notation->digits, currency, unknown);
	if (digits == unknown && currency.length == 0)
		return EP_BAD_INPUT;
	if (digits == unknown)
		digits = ep_currency_digits(currency);
	if (decimal->scale != 0 && !notation->fractions)
		return EP_BAD_INPUT;
	if (decimal->scale + digits > 18)
		return EP_LIMIT;
	decimal->scale += digits;
	return EP_OK;
}

static enum ep_status read_amount(struct ep_decimal *decimal, struct ep_slice amount,
	const struct ep_notation *notation, struct ep_slice currency)
{
	if (notation->minor)
		return read_minor(decimal, amount, notation, currency);
	if (notation->mark == EP_DECIMAL_JSON)
		return ep_decimal_read_json(decimal, amount);
	if (notation->group)
		return ep_decimal_read_grouped(decimal, amount, notation->mark, notation->group);
	return ep_decimal_read(decimal, amount, notation->mark);
}

bool ep_money_take(const struct ep_host *host, struct ep_call *call, struct ep_money *money, struct ep_text amount,
	const struct ep_notation *notation, struct ep_slice currency)
{
	struct ep_money made;

	memset(&made, 0, sizeof(made));
	if (amount.value.length == 0)
		return false;
	if (read_amount(&made.amount, amount.value, notation, currency) == EP_OK &&
		(currency.length == 0 || ep_currency_set(&made, currency) == EP_OK)) {
		*money = made;
		return true;
	}
	(void)host->reject(call, EP_ERR_VALUE, ep_place_of(amount),
		notation->minor ? EP_SAY("expected a whole number of smallest units and a currency (ISO 4217)")
				: EP_SAY("expected a decimal amount and a currency (ISO 4217)"));
	return false;
}

void ep_put_money_unsigned(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text amount,
	const struct ep_notation *notation, struct ep_slice currency)
{
	struct ep_money money;

	if (ep_money_take(host, call, &money, amount, notation, currency))
		host->put_money(call, field, ep_money_abs(money), amount);
}

static void put_unix(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text text, bool ms)
{
	int64_t value;

	if (text.value.length == 0)
		return;
	if (!ep_slice_integer(text.value, &value) || value / (ms ? 1000 : 1) > UNIX_MAX)
		host->note(call, field, EP_NOTE_VALUE_UNREADABLE);
	else
		host->put_time(call, field, ms ? ep_time_unix_ms(value) : ep_time_unix(value), text);
}

void ep_put_unix_time(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text seconds)
{
	put_unix(host, call, field, seconds, false);
}

void ep_put_unix_ms(const struct ep_host *host, struct ep_call *call, uint32_t field, struct ep_text milliseconds)
{
	put_unix(host, call, field, milliseconds, true);
}

void ep_put_payment_status(const struct ep_host *host, struct ep_call *call, const struct ep_word *words,
	struct ep_text word, uint32_t otherwise)
{
	host->put_code(call, EP_PAYMENT_STATUS, ep_word_code(words, word.value, otherwise), word);
	host->put_text(call, EP_PAYMENT_SOURCE_STATUS, word);
}

void ep_put_entry_money(const struct ep_host *host, struct ep_call *call, struct ep_money money, struct ep_text origin)
{
	host->put_money(call, EP_SETTLEMENT_AMOUNT, ep_money_abs(money), origin);
	host->put_code(call, EP_SETTLEMENT_DIRECTION,
		ep_money_is_negative(money) ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT, origin);
}

void ep_put_entry(const struct ep_host *host, struct ep_call *call, struct ep_text amount,
	const struct ep_notation *notation, struct ep_slice currency)
{
	struct ep_money money;

	if (ep_money_take(host, call, &money, amount, notation, currency))
		ep_put_entry_money(host, call, money, amount);
}
