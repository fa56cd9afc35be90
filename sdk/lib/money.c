/*
 * money.c: amounts with a currency, quantities with a unit.
 *
 * A currency that isn't three letters is refused; whether ISO 4217 knows it is for the core to say. No currency is ever
 * assumed: an amount without one keeps it empty.
 */
#include <entrepot/plugin.h>

/*
 * ISO 4217, list one: the currencies whose minor unit isn't a hundredth. Those without a minor unit ("N.A.": metals,
 * units of account, test codes) are counted whole. Some payment institutions have a table of their own (two digits for
 * ISK or UGX): a plugin for one of them says so itself.
 */
static const struct {
	char code[4];
	uint32_t digits;
} exponents[] = {{"BIF", 0}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"ISK", 0}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0},
	{"PYG", 0}, {"RWF", 0}, {"UGX", 0}, {"UYI", 0}, {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
	{"BHD", 3}, {"IQD", 3}, {"JOD", 3}, {"KWD", 3}, {"LYD", 3}, {"OMR", 3}, {"TND", 3}, {"CLF", 4}, {"UYW", 4},
	{"XAG", 0}, {"XAU", 0}, {"XBA", 0}, {"XBB", 0}, {"XBC", 0}, {"XBD", 0}, {"XDR", 0}, {"XPD", 0}, {"XPT", 0},
	{"XSU", 0}, {"XTS", 0}, {"XUA", 0}, {"XXX", 0}};

uint32_t ep_currency_digits(struct ep_slice currency)
{
	for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
		if (ep_slice_equal_nocase(currency, ep_slice_make(exponents[i].code, 3)))
			return exponents[i].digits;
	}
	return 2;
}

enum ep_status ep_currency_set(struct ep_money *money, struct ep_slice currency)
{
	char code[8] = "";

	if (currency.length != 3)
		return EP_BAD_INPUT;
	for (int i = 0; i < 3; i++) {
		char letter = currency.data[i];

		if (letter >= 'a' && letter <= 'z')
			letter = (char)(letter - ('a' - 'A'));
		if (letter < 'A' || letter > 'Z')
			return EP_BAD_INPUT;
		code[i] = letter;
	}
	memcpy(money->currency, code, sizeof(code));
	return EP_OK;
}

/* An empty currency stays empty: the source gives none. */
static enum ep_status money_make(struct ep_money *money, struct ep_decimal amount, struct ep_slice currency)
{
	struct ep_money made;

	memset(&made, 0, sizeof(made));
	made.amount = amount;
	if (currency.length && ep_currency_set(&made, currency) != EP_OK)
		return EP_BAD_INPUT;
	*money = made;
	return EP_OK;
}

enum ep_status ep_money_read(
	struct ep_money *money, struct ep_slice amount, enum ep_decimal_mark mark, struct ep_slice currency)
{
	struct ep_decimal decimal;
	enum ep_status status = ep_decimal_read(&decimal, amount, mark);

	return status == EP_OK ? money_make(money, decimal, currency) : status;
}

enum ep_status ep_money_read_minor(struct ep_money *money, struct ep_slice amount, struct ep_slice currency)
{
	struct ep_decimal decimal;
	enum ep_status status;

	if (currency.length == 0 || amount.length == 0 || amount.data[amount.length - 1] == '.')
		return EP_BAD_INPUT;
	status = ep_decimal_read(&decimal, amount, EP_DECIMAL_POINT);
	if (status != EP_OK)
		return status;
	if (decimal.scale != 0)
		return EP_BAD_INPUT;
	decimal.scale = ep_currency_digits(currency);
	return money_make(money, decimal, currency);
}

struct ep_money ep_money_abs(struct ep_money money)
{
	money.amount = ep_decimal_abs(money.amount);
	return money;
}

struct ep_money ep_money_negate(struct ep_money money)
{
	money.amount = ep_decimal_negate(money.amount);
	return money;
}

bool ep_money_is_negative(struct ep_money money)
{
	return ep_decimal_is_negative(money.amount);
}

enum ep_status ep_quantity_read(
	struct ep_quantity *quantity, struct ep_slice text, enum ep_decimal_mark mark, struct ep_slice unit)
{
	struct ep_quantity made;
	enum ep_status status;

	memset(&made, 0, sizeof(made));
	if (unit.length >= sizeof(made.unit))
		return EP_LIMIT;
	status = ep_decimal_read(&made.quantity, text, mark);
	if (status != EP_OK)
		return status;
	if (unit.length)
		memcpy(made.unit, unit.data, unit.length);
	*quantity = made;
	return EP_OK;
}
