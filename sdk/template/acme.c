/*
 * acme: a bank's list of booked entries, one a row: date;currency;amount;reference;text
 *
 * Gives one settlement a row. A negative amount is a debit. A row with other than five columns fails the message, since
 * nothing behind it can be trusted; a row whose amount can't be read is rejected, and the others go on.
 */
#include <entrepot/plugin.h>

struct acme {
	struct ep_slice account;
	char separator;
	int64_t skip_rows;
};

static const struct ep_option options[] = {
	EP_OPTION(struct acme, account, EP_OPTION_TEXT, "", "account that the list is for; empty: the source's name"),
	EP_OPTION(struct acme, separator, EP_OPTION_CHAR, ";", "column separator"),
	EP_OPTION_RANGE(struct acme, skip_rows, "1", 0, 100, "rows before the first entry"),
};

static enum ep_status acme_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	const struct acme *acme = state;
	struct ep_csv rows = ep_csv_begin(host, call, &input->parts[0], acme->separator);
	struct ep_text date, currency, amount, reference, text;
	struct ep_money money;

	while (ep_csv_row(&rows)) {
		if ((int64_t)rows.row_number <= acme->skip_rows)
			continue;
		if (!ep_csv_take(&rows, &date) || !ep_csv_take(&rows, &currency) || !ep_csv_take(&rows, &amount) ||
			!ep_csv_take(&rows, &reference) || !ep_csv_take(&rows, &text) || rows.more)
			return host->fail(call, EP_ERR_COLUMNS, ep_csv_place(&rows), EP_SAY("expected 5 columns"));

		if (ep_money_read(&money, amount.value, EP_DECIMAL_POINT, currency.value) != EP_OK) {
			struct ep_place place = ep_place_in(&input->parts[0], amount);

			if (host->reject(call, EP_ERR_VALUE, place, EP_SAY("amount or currency")) != EP_OK)
				return EP_BAD_INPUT;
			continue;
		}
		host->record_begin(call, EP_SETTLEMENT);
		host->put_text(call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(acme->account));
		ep_put_date(host, call, EP_SETTLEMENT_BOOKING_DATE, date);
		host->put_money(call, EP_SETTLEMENT_AMOUNT, ep_money_abs(money), amount);
		host->put_code(call, EP_SETTLEMENT_DIRECTION,
			ep_money_is_negative(money) ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT, amount);
		host->put_code(call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, ep_text_constant(EP_SAY("")));
		host->put_text(call, EP_SETTLEMENT_SERVICER_REF, reference);
		host->put_text(call, EP_SETTLEMENT_REMITTANCE, text);
		if (host->record_end(call) != EP_OK) /* what a put found wrong is known here */
			return EP_BAD_INPUT;
	}
	return rows.status; /* only when this is EP_OK do the records exist, all or none */
}

EP_PLUGIN_DECLARE("acme", "0.1.0", EP_KIND_BANK, options, struct acme, acme_parse);
