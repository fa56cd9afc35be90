/*
 * values.c: amounts and balances as banks write them.
 *
 * The standard has digits and one comma. A point for the comma and a grouping of thousands are read too.
 */
#include "swift_mt.h"

uint64_t mt_digits(struct ep_slice text)
{
	uint64_t count = 0;

	while (count < text.length && text.data[count] >= '0' && text.data[count] <= '9')
		count++;
	return count;
}

bool mt_is_upper(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

uint64_t mt_amount_length(struct ep_slice text)
{
	uint64_t i = text.length && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;

	while (i < text.length &&
		((text.data[i] >= '0' && text.data[i] <= '9') || text.data[i] == ',' || text.data[i] == '.'))
		i++;
	return i;
}

bool mt_read_amount(struct ep_slice text, struct ep_decimal *amount)
{
	return ep_decimal_read_either(amount, text) == EP_OK;
}

struct mt_balance mt_read_balance(struct ep_slice value)
{
	struct mt_balance balance;
	struct ep_slice line = {0}, rest;
	bool debit = false;
	char mark;

	memset(&balance, 0, sizeof(balance));
	if (!mt_take_line(&value, &line))
		return balance;
	rest = ep_slice_trim(line);
	mark = rest.length ? rest.data[0] : 0;
	if (mark == 'C' || mark == 'D' || mark == 'c' || mark == 'd') {
		debit = mark == 'D' || mark == 'd';
		rest = ep_slice_sub(rest, 1, rest.length);
	} else {
		balance.sign_assumed = true;
	}
	if (mt_digits(rest) >= 6) {
		balance.date = ep_slice_sub(rest, 0, 6);
		rest = ep_slice_sub(rest, 6, rest.length);
	}
	rest = ep_slice_trim(rest);
	if (rest.length >= 3 && ep_currency_set(&balance.money, ep_slice_sub(rest, 0, 3)) == EP_OK)
		rest = ep_slice_trim(ep_slice_sub(rest, 3, rest.length));
	balance.readable = mt_read_amount(ep_slice_sub(rest, 0, mt_amount_length(rest)), &balance.money.amount);
	if (debit)
		balance.money = ep_money_negate(balance.money);
	return balance;
}
