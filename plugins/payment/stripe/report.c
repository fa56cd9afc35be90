/*
 * report.c: itemized reports of balance transactions (payout reconciliation, balance change, the dashboard's balance
 * history) as CSV: each row is an entry of the balance, net of its fees. Columns are found by their headers.
 */
#include "stripe.h"

enum role { ID = 1, CREATED, AVAILABLE, CURRENCY, FEE, NET, CATEGORY, SOURCE, DESCRIPTION, PAYOUT, ROLES };

static const struct ep_column headers[] = {{"balance_transaction_id", ID}, {"id", ID}, {"Balance Transaction ID", ID},
	{"created_utc", CREATED}, {"created", CREATED}, {"Created (UTC)", CREATED}, {"Created date (UTC)", CREATED},
	{"available_on_utc", AVAILABLE}, {"available_on", AVAILABLE}, {"Available On (UTC)", AVAILABLE},
	{"currency", CURRENCY}, {"fee", FEE}, {"Fees", FEE}, {"net", NET}, {"reporting_category", CATEGORY},
	{"type", CATEGORY}, {"source_id", SOURCE}, {"source", SOURCE}, {"charge_id", SOURCE},
	{"description", DESCRIPTION}, {"automatic_payout_id", PAYOUT}, {"payout_id", PAYOUT}, {"transfer", PAYOUT},
	{NULL, 0}};

static enum ep_status read_row(
	const struct reader *reader, const struct ep_notation *notation, const struct ep_text *row)
{
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;
	struct ep_money fee;

	host->record_begin(call, EP_SETTLEMENT);
	host->put_text(call, EP_SETTLEMENT_ACCOUNT, ep_text_constant(reader->account));
	ep_put_entry(host, call, row[NET], notation, row[CURRENCY].value);
	if (ep_money_take(host, call, &fee, row[FEE], notation, row[CURRENCY].value))
		host->put_money(call, EP_SETTLEMENT_CHARGES, fee, row[FEE]);
	host->put_code(call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, row[CATEGORY]);
	host->put_text(call, EP_SETTLEMENT_SERVICER_REF, row[ID]);
	host->put_text(call, EP_SETTLEMENT_STATEMENT_ID, row[PAYOUT]);
	host->put_text(call, EP_SETTLEMENT_TRANSACTION_ID, row[SOURCE]);
	host->put_text(call, EP_SETTLEMENT_BANK_CODE, row[CATEGORY]);
	host->put_text(call, EP_SETTLEMENT_DESCRIPTION, row[DESCRIPTION]);
	ep_put_date(host, call, EP_SETTLEMENT_BOOKING_DATE, row[CREATED]);
	ep_put_date(host, call, EP_SETTLEMENT_VALUE_DATE, row[AVAILABLE]);
	return host->record_end(call);
}

enum ep_status read_report(const struct reader *reader, const struct ep_part *part)
{
	static const struct ep_notation notations[] = {
		[STRIPE_DECIMAL_POINT] = {.mark = EP_DECIMAL_POINT, .group = ','},
		[STRIPE_DECIMAL_COMMA] = {.mark = EP_DECIMAL_COMMA, .group = '.'}};
	struct ep_csv csv = ep_csv_begin(reader->host, reader->call, part, reader->stripe->separator);
	struct ep_text row[ROLES];
	struct ep_columns columns;
	enum ep_status status = EP_OK;

	if (!ep_csv_row(&csv) && csv.status != EP_OK)
		return csv.status;
	ep_columns_read(&columns, &csv, headers);
	if (!ep_columns_have(&columns, ID) || !ep_columns_have(&columns, CURRENCY) || !ep_columns_have(&columns, NET))
		return reader->host->fail(reader->call, EP_ERR_TYPE_UNKNOWN, ep_csv_place(&csv),
			EP_SAY("expected JSON, or a report with columns balance_transaction_id, currency and net"));
	while (status == EP_OK && ep_csv_row(&csv)) {
		ep_columns_take(&columns, &csv, row, ROLES);
		status = read_row(reader, &notations[reader->stripe->decimal], row);
	}
	return status == EP_OK ? csv.status : status;
}
