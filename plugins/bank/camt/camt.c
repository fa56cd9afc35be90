/*
 * camt: ISO 20022 camt.052 (reports), camt.053 (statements) and camt.054 (notifications), versions .01 to .14.
 *
 * Each Stmt, Rpt or Ntfctn gives a settlement for each entry, then a statement. Names are matched without their
 * namespace, so prefixed documents, later versions and documents inside an application header or envelope are read
 * alike. Read forward in constant memory: a document may be of any size.
 */
#include "camt.h"

#define CAMT_STRING(name) #name,
static const char *const names[] = {CAMT_NAMES(CAMT_STRING)};

static const struct ep_option options[] = {
	EP_OPTION(struct camt, account, EP_OPTION_TEXT, "",
		"account of a report that names none (without it: the source's name)"),
};

/* Balances ------------------------------------------------------------------------------------------------------ */

struct balance {
	struct camt_amount amount;
	struct ep_text type, direction;
};

static struct balance read_balance(const struct camt_reader *reader)
{
	struct balance balance;
	uint32_t child;

	memset(&balance, 0, sizeof(balance));
	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_Tp) {
			uint32_t inner;

			/* CdOrPrtry/Cd or CdOrPrtry/Prtry, before version .02 Cd; SubTp beside it is not wanted */
			while ((inner = camt_child(reader)) != 0) {
				if (inner == CAMT_CdOrPrtry || inner == CAMT_Cd || inner == CAMT_Prtry)
					balance.type = camt_code(reader);
				else
					camt_skip(reader);
			}
		} else if (child == CAMT_Amt) {
			balance.amount = camt_amount(reader);
		} else if (child == CAMT_CdtDbtInd) {
			balance.direction = camt_text(reader);
		} else {
			camt_skip(reader);
		}
	}
	return balance;
}

/* The first of its type counts: a second one is the same balance in another currency or on another day. */
static void keep_balance(struct camt_report *report, const struct balance *balance)
{
	struct ep_slice type = balance->type.value;
	bool opening = ep_slice_is(type, "OPBD"), previous = ep_slice_is(type, "PRCD");
	struct ep_money money;

	if (!camt_money(&money, balance->amount))
		return;
	if (report->currency.value.length == 0)
		report->currency = balance->amount.currency;
	if (ep_slice_is(balance->direction.value, "DBIT"))
		money = ep_money_negate(money);
	else if (balance->direction.value.length == 0)
		report->sign_assumed = true;
	if ((opening && (!report->opening_stated || report->opening_is_previous)) ||
		(previous && !report->opening_stated)) {
		report->opening = money;
		report->opening_origin = balance->amount.text;
		report->opening_stated = true;
		report->opening_is_previous = previous;
	} else if (ep_slice_is(type, "CLBD") && !report->closing_stated) {
		report->closing = money;
		report->closing_origin = balance->amount.text;
		report->closing_stated = true;
	} else if (ep_slice_is(type, "CLAV") && !report->available_stated) {
		report->available = money;
		report->available_origin = balance->amount.text;
		report->available_stated = true;
	}
}

/* The statement ------------------------------------------------------------------------------------------------- */

static void put_sum(
	const struct camt_reader *reader, const struct camt_report *report, uint32_t field, struct ep_decimal sum)
{
	const struct ep_text computed = ep_text_constant(EP_SAY(""));
	struct ep_money money;

	if (report->currencies_differ || report->overflow)
		return;
	memset(&money, 0, sizeof(money));
	money.amount = sum;
	if (report->currency.value.length == 0 || ep_currency_set(&money, report->currency.value) == EP_OK)
		reader->host->put_money(reader->call, field, money, computed);
}

/* opening + booked credits - booked debits = closing, where both balances are stated in one currency. */
static void put_balance_check(const struct camt_reader *reader, const struct camt_report *report)
{
	const struct ep_text computed = ep_text_constant(EP_SAY(""));
	const struct ep_host *host = reader->host;
	struct ep_money difference = report->closing;
	uint32_t check = EP_BALANCE_CHECK_NOT_STATED;

	if (report->opening_stated && report->closing_stated && !report->currencies_differ && !report->overflow &&
		strcmp(report->opening.currency, report->closing.currency) == 0 &&
		ep_decimal_subtract(&difference.amount, difference.amount, report->opening.amount) == EP_OK &&
		ep_decimal_subtract(&difference.amount, difference.amount, report->booked_credits) == EP_OK &&
		ep_decimal_add(&difference.amount, difference.amount, report->booked_debits) == EP_OK)
		check = ep_decimal_is_zero(difference.amount) ? EP_BALANCE_CHECK_BALANCED : EP_BALANCE_CHECK_UNBALANCED;
	host->put_code(reader->call, EP_STATEMENT_BALANCE_CHECK, check, computed);
	if (check == EP_BALANCE_CHECK_UNBALANCED)
		host->put_money(reader->call, EP_STATEMENT_BALANCE_DIFFERENCE, difference, computed);
}

/* TxsSummry against what was counted. */
static void check_totals(const struct camt_reader *reader, const struct camt_report *report)
{
	struct ep_decimal stated;
	int64_t count;

	if (ep_slice_integer(report->total_count.value, &count) && count != report->entries)
		reader->host->note(reader->call, EP_STATEMENT_ENTRY_COUNT, EP_NOTE_CONTROL_TOTAL);
	if (report->currencies_differ || report->overflow)
		return;
	if (ep_decimal_read(&stated, report->total_credits.value, EP_DECIMAL_POINT) == EP_OK &&
		ep_decimal_compare(stated, report->credits) != 0)
		reader->host->note(reader->call, EP_STATEMENT_CREDIT_SUM, EP_NOTE_CONTROL_TOTAL);
	if (ep_decimal_read(&stated, report->total_debits.value, EP_DECIMAL_POINT) == EP_OK &&
		ep_decimal_compare(stated, report->debits) != 0)
		reader->host->note(reader->call, EP_STATEMENT_DEBIT_SUM, EP_NOTE_CONTROL_TOTAL);
}

static enum ep_status put_statement(const struct camt_reader *reader, const struct camt_report *report)
{
	const struct ep_text counted = ep_text_constant(EP_SAY(""));
	const struct ep_host *host = reader->host;
	struct ep_call *call = reader->call;

	host->record_begin(call, EP_STATEMENT);
	host->put_text(call, EP_STATEMENT_ACCOUNT, report->account);
	host->put_text(call, EP_STATEMENT_STATEMENT_ID, report->id);
	host->put_text(call, EP_STATEMENT_SEQUENCE, report->sequence);
	host->put_text(call, EP_STATEMENT_CURRENCY, report->currency);
	ep_put_date(host, call, EP_STATEMENT_FROM_DATE, report->from);
	ep_put_date(host, call, EP_STATEMENT_TO_DATE, report->to);
	if (report->opening_stated)
		host->put_money(call, EP_STATEMENT_OPENING_BALANCE, report->opening, report->opening_origin);
	if (report->closing_stated)
		host->put_money(call, EP_STATEMENT_CLOSING_BALANCE, report->closing, report->closing_origin);
	if (report->available_stated)
		host->put_money(call, EP_STATEMENT_AVAILABLE_BALANCE, report->available, report->available_origin);
	host->put_integer(call, EP_STATEMENT_ENTRY_COUNT, report->entries, counted);
	put_sum(reader, report, EP_STATEMENT_CREDIT_SUM, report->credits);
	put_sum(reader, report, EP_STATEMENT_DEBIT_SUM, report->debits);
	put_balance_check(reader, report);
	check_totals(reader, report);
	if (report->sign_assumed)
		host->note(call, EP_STATEMENT_BALANCE_CHECK, EP_NOTE_SIGN_ASSUMED);
	ep_put_time(host, call, EP_STATEMENT_CREATED_AT, report->created_at);
	host->put_text(call, EP_STATEMENT_REPORT_TYPE, ep_text_constant(ep_slice_of(report->type)));
	host->put_text(call, EP_STATEMENT_OWNER, report->owner);
	host->put_text(call, EP_STATEMENT_SERVICER, report->servicer);
	host->put_text(call, EP_STATEMENT_PAGE, report->page);
	return host->record_end(call);
}

/* Reports ------------------------------------------------------------------------------------------------------- */

/* FrDtTm and ToDtTm, or FrDt and ToDt. */
static void read_period(const struct camt_reader *reader, struct camt_report *report)
{
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_FrDtTm || child == CAMT_FrDt)
			report->from = camt_text(reader);
		else if (child == CAMT_ToDtTm || child == CAMT_ToDt)
			report->to = camt_text(reader);
		else
			camt_skip(reader);
	}
}

static void read_totals(const struct camt_reader *reader, struct camt_report *report)
{
	uint32_t child, inner;

	while ((child = camt_child(reader)) != 0) {
		if (child != CAMT_TtlNtries && child != CAMT_TtlCdtNtries && child != CAMT_TtlDbtNtries) {
			camt_skip(reader);
			continue;
		}
		while ((inner = camt_child(reader)) != 0) {
			if (child == CAMT_TtlNtries && inner == CAMT_NbOfNtries)
				report->total_count = camt_text(reader);
			else if (child == CAMT_TtlCdtNtries && inner == CAMT_Sum)
				report->total_credits = camt_text(reader);
			else if (child == CAMT_TtlDbtNtries && inner == CAMT_Sum)
				report->total_debits = camt_text(reader);
			else
				camt_skip(reader);
		}
	}
}

static enum ep_status read_report_child(const struct camt_reader *reader, struct camt_report *report, uint32_t child)
{
	struct ep_text account;
	struct balance balance;

	switch (child) {
	case CAMT_Id:
		report->id = camt_text(reader);
		break;
	case CAMT_ElctrncSeqNb:
		report->sequence = camt_text(reader);
		break;
	case CAMT_LglSeqNb:
		if (report->sequence.value.length == 0)
			report->sequence = camt_text(reader);
		else
			camt_skip(reader);
		break;
	case CAMT_StmtPgntn:
		report->page = camt_find(reader, CAMT_PgNb);
		break;
	case CAMT_CreDtTm:
		report->created_at = camt_text(reader);
		break;
	case CAMT_FrToDt:
		read_period(reader, report);
		break;
	case CAMT_Acct:
		account = camt_account(reader, &report->currency, &report->owner, &report->servicer);
		if (account.value.length)
			report->account = account;
		break;
	case CAMT_Bal:
		balance = read_balance(reader);
		keep_balance(report, &balance);
		break;
	case CAMT_TxsSummry:
		read_totals(reader, report);
		break;
	case CAMT_Ntry:
		return camt_entry(reader, report);
	default:
		camt_skip(reader);
	}
	return EP_OK;
}

static enum ep_status read_report(
	const struct camt_reader *reader, const char *type, struct ep_text created_at, struct ep_text page)
{
	struct camt_report report;
	enum ep_status status = EP_OK;
	uint32_t child;

	memset(&report, 0, sizeof(report));
	report.type = type;
	report.created_at = created_at;
	report.page = page;
	report.account = ep_text_constant(reader->camt->account.length ? reader->camt->account : reader->source);
	while (status == EP_OK && (child = camt_child(reader)) != 0)
		status = read_report_child(reader, &report, child);
	if (status == EP_OK && reader->host->xml->status(reader->xml) == EP_BAD_INPUT)
		status = EP_BAD_INPUT;
	return status == EP_OK ? put_statement(reader, &report) : status;
}

/* BkToCstmrStmt and its like: a group header, then reports. */
static enum ep_status read_message(const struct camt_reader *reader, const char *type)
{
	struct ep_text created_at = {0}, page = {0};
	enum ep_status status = EP_OK;
	uint32_t child, inner;

	while (status == EP_OK && (child = camt_child(reader)) != 0) {
		if (child == CAMT_Stmt || child == CAMT_Rpt || child == CAMT_Ntfctn) {
			status = read_report(reader, type, created_at, page);
		} else if (child == CAMT_GrpHdr) {
			while ((inner = camt_child(reader)) != 0) {
				if (inner == CAMT_CreDtTm)
					created_at = camt_text(reader);
				else if (inner == CAMT_MsgPgntn)
					page = camt_find(reader, CAMT_PgNb);
				else
					camt_skip(reader);
			}
		} else {
			camt_skip(reader);
		}
	}
	return status;
}

/* Looks for messages at any depth: Document, or an envelope with an application header around it. */
static enum ep_status find_messages(const struct camt_reader *reader, uint32_t *found)
{
	enum ep_status status = EP_OK;
	uint32_t child;

	while (status == EP_OK && (child = camt_child(reader)) != 0) {
		const char *type = NULL;

		if (child == CAMT_BkToCstmrStmt || child == CAMT_BkToCstmrStmtV01)
			type = "camt.053";
		else if (child == CAMT_BkToCstmrAcctRpt || child == CAMT_BkToCstmrAcctRptV01)
			type = "camt.052";
		else if (child == CAMT_BkToCstmrDbtCdtNtfctn || child == CAMT_BkToCstmrDbtCdtNtfctnV01)
			type = "camt.054";
		if (type) {
			(*found)++;
			status = read_message(reader, type);
		} else {
			status = find_messages(reader, found);
		}
	}
	return status;
}

static enum ep_status camt_parse(
	const struct ep_host *host, struct ep_call *call, const void *state, const struct ep_input *input)
{
	struct camt_reader reader = {host, call, NULL, state, input->source};
	uint32_t found = 0;
	enum ep_status status =
		host->xml->open(call, &input->parts[0], names, sizeof(names) / sizeof(names[0]), &reader.xml);

	if (status != EP_OK)
		return status;
	status = find_messages(&reader, &found);
	if (status != EP_OK)
		return status;
	if (host->xml->status(reader.xml) == EP_BAD_INPUT)
		return EP_BAD_INPUT;
	if (found == 0)
		return host->fail(call, EP_ERR_TYPE_UNKNOWN, ep_place_none(),
			EP_SAY("expected a camt.052, camt.053 or camt.054 message"));
	return EP_OK;
}

EP_PLUGIN_DECLARE_FULL("camt", "1.0.0", EP_KIND_BANK, EP_WHOLE_ONLY, "", options, sizeof(options) / sizeof(options[0]),
	struct camt, 0, camt_parse);
