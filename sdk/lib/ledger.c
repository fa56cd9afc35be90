/*
 * ledger.c: the arithmetic of an account's statement: sums of its entries, and whether they lead from the opening to the
 * closing balance. Only booked entries move the ledger. Where an amount isn't known, or isn't in the account's currency,
 * nothing is said: a sum that leaves something out is worse than none.
 */
#include <entrepot/plugin.h>

/* Whether `money` is in the ledger's currency, which the first that has one sets. */
static bool same_currency(struct ep_ledger *ledger, const struct ep_money *money)
{
	if (money->currency[0] == '\0')
		return true;
	if (ledger->currency[0] == '\0')
		memcpy(ledger->currency, money->currency, sizeof(ledger->currency));
	return strcmp(ledger->currency, money->currency) == 0;
}

void ep_ledger_open(struct ep_ledger *ledger, struct ep_money balance, struct ep_text origin)
{
	ledger->opening = balance;
	ledger->opening_origin = origin;
	ledger->opening_stated = true;
	if (!same_currency(ledger, &balance))
		ledger->currencies_differ = true;
}

void ep_ledger_close(struct ep_ledger *ledger, struct ep_money balance, struct ep_text origin)
{
	ledger->closing = balance;
	ledger->closing_origin = origin;
	ledger->closing_stated = true;
	if (!same_currency(ledger, &balance))
		ledger->currencies_differ = true;
}

void ep_ledger_entry(struct ep_ledger *ledger, struct ep_money amount, bool debit, bool booked)
{
	struct ep_decimal *sum = debit ? &ledger->debits : &ledger->credits;
	struct ep_decimal *moved = debit ? &ledger->booked_debits : &ledger->booked_credits;

	ledger->entries++;
	*(debit ? &ledger->debit_entries : &ledger->credit_entries) += 1;
	if (!same_currency(ledger, &amount))
		ledger->currencies_differ = true;
	if (ep_decimal_add(sum, *sum, amount.amount) != EP_OK ||
		(booked && ep_decimal_add(moved, *moved, amount.amount) != EP_OK))
		ledger->incomplete = true;
}

void ep_ledger_entry_unknown(struct ep_ledger *ledger)
{
	ledger->entries++;
	ledger->incomplete = true;
}

uint32_t ep_ledger_check(const struct ep_ledger *ledger, struct ep_money *difference)
{
	*difference = ledger->closing;
	if (!ledger->opening_stated || !ledger->closing_stated || ledger->currencies_differ || ledger->incomplete ||
		ep_decimal_subtract(&difference->amount, difference->amount, ledger->opening.amount) != EP_OK ||
		ep_decimal_subtract(&difference->amount, difference->amount, ledger->booked_credits) != EP_OK ||
		ep_decimal_add(&difference->amount, difference->amount, ledger->booked_debits) != EP_OK)
		return EP_BALANCE_CHECK_NOT_STATED;
	return ep_decimal_is_zero(difference->amount) ? EP_BALANCE_CHECK_BALANCED : EP_BALANCE_CHECK_UNBALANCED;
}

static void put_sum(const struct ep_host *host, struct ep_call *call, const struct ep_ledger *ledger, uint32_t field,
	struct ep_decimal sum)
{
	struct ep_money money;

	if (ledger->currencies_differ || ledger->incomplete)
		return;
	memset(&money, 0, sizeof(money));
	money.amount = sum;
	memcpy(money.currency, ledger->currency, sizeof(money.currency));
	host->put_money(call, field, money, ep_text_constant(EP_SAY("")));
}

void ep_ledger_put(const struct ep_host *host, struct ep_call *call, const struct ep_ledger *ledger)
{
	if (ledger->opening_stated)
		host->put_money(call, EP_STATEMENT_OPENING_BALANCE, ledger->opening, ledger->opening_origin);
	if (ledger->closing_stated)
		host->put_money(call, EP_STATEMENT_CLOSING_BALANCE, ledger->closing, ledger->closing_origin);
	host->put_integer(call, EP_STATEMENT_ENTRY_COUNT, ledger->entries, ep_text_constant(EP_SAY("")));
	put_sum(host, call, ledger, EP_STATEMENT_CREDIT_SUM, ledger->credits);
	put_sum(host, call, ledger, EP_STATEMENT_DEBIT_SUM, ledger->debits);
}

void ep_ledger_put_check(const struct ep_host *host, struct ep_call *call, const struct ep_ledger *ledger)
{
	struct ep_money difference;
	uint32_t check = ep_ledger_check(ledger, &difference);

	host->put_code(call, EP_STATEMENT_BALANCE_CHECK, check, ep_text_constant(EP_SAY("")));
	if (check == EP_BALANCE_CHECK_UNBALANCED)
		host->put_money(call, EP_STATEMENT_BALANCE_DIFFERENCE, difference, ep_text_constant(EP_SAY("")));
}

/* Appends to `text`, at most `room` bytes in all. */
static uint64_t append(char *text, uint64_t length, uint64_t room, struct ep_slice piece)
{
	if (piece.length > room - length)
		piece.length = room - length;
	if (piece.length)
		memcpy(text + length, piece.data, piece.length);
	return length + piece.length;
}

void ep_note_total(const struct ep_host *host, struct ep_call *call, uint32_t field, const char *what,
	struct ep_decimal stated, struct ep_decimal counted)
{
	char text[256], number[48];
	uint64_t length = append(text, 0, sizeof(text), ep_slice_of(what));

	host->note(call, field, EP_NOTE_CONTROL_TOTAL);
	length = append(text, length, sizeof(text), EP_SAY(": stated "));
	length = append(text, length, sizeof(text), ep_slice_make(number, ep_decimal_write(stated, number)));
	length = append(text, length, sizeof(text), EP_SAY(", counted "));
	length = append(text, length, sizeof(text), ep_slice_make(number, ep_decimal_write(counted, number)));
	host->log(call, EP_LOG_WARN, ep_slice_make(text, length));
}
