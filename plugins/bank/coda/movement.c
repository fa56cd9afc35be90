/*
 * movement.c: a movement (2.1 to 2.3) with what explains it (3.1 to 3.3) as a settlement.
 *
 * A movement whose detail number isn't 0000 explains the one before that has 0000: it becomes an item of its `details`
 * and is not money of its own. Details are put as they come, so that a batch of any size needs no memory here.
 */
#include "coda.h"

static bool is_debit(struct ep_slice sign)
{
	return ep_slice_is(sign, "1");
}

/* In every family, transactions 49 and 99 take back an earlier one. */
static bool is_reversal(struct ep_slice code)
{
	struct ep_slice transaction = ep_slice_sub(code, 3, 2);

	return ep_slice_is(transaction, "49") || ep_slice_is(transaction, "99");
}

/* Records ---------------------------------------------------------------------------------------------------------- */

/* 2.1 */
static enum ep_status read_first(struct coda_reader *reader, struct ep_slice line, struct coda_movement *movement)
{
	memset(movement, 0, sizeof(*movement));
	movement->reference = coda_field(reader, line, 11, 31);
	movement->sign = coda_field(reader, line, 32, 32);
	movement->amount_text = coda_columns(reader, line, 33, 47);
	movement->value_date = coda_field(reader, line, 48, 53);
	movement->code = coda_field(reader, line, 54, 61);
	movement->structure = coda_field(reader, line, 62, 62);
	movement->communication[0] = coda_columns(reader, line, 63, 115);
	movement->entry_date = coda_field(reader, line, 116, 121);
	if (coda_amount(movement->amount_text, &movement->amount))
		return EP_OK;
	return reader->host->reject(reader->call, EP_ERR_VALUE,
		ep_place_in(&reader->part, coda_cut(reader, movement->amount_text)),
		EP_SAY("expected an amount of 15 digits in columns 33 to 47 of record 21"));
}

/* 2.2 */
static void read_second(struct coda_reader *reader, struct ep_slice line, struct coda_movement *movement)
{
	movement->communication[1] = coda_columns(reader, line, 11, 63);
	movement->customer_reference = coda_field(reader, line, 64, 98);
	movement->agent = coda_field(reader, line, 99, 109);
	movement->reason = coda_field(reader, line, 114, 117);
}

/* 2.3 */
static void read_third(struct coda_reader *reader, struct ep_slice line, struct coda_movement *movement)
{
	movement->account = coda_field(reader, line, 11, 44);
	movement->name = coda_field(reader, line, 48, 82);
	movement->communication[2] = coda_columns(reader, line, 83, 125);
}

void coda_information(struct coda_reader *reader, struct ep_slice line)
{
	char part = line.length > 1 ? line.data[1] : 0;
	struct ep_slice text;

	if (!reader->entry_begun)
		return;
	if (part == '1') {
		text = coda_columns(reader, line, 41, 113);
		reader->info_structured = ep_slice_is(coda_field(reader, line, 40, 40), "1");
		if (reader->info_structured && ep_slice_starts(text, EP_SAY("001"))) {
			reader->info_name = coda_field(reader, line, 44, 113);
			return;
		}
		if (reader->info_structured)
			text = coda_columns(reader, line, 44, 113);
	} else {
		text = coda_columns(reader, line, 11, part == '2' ? 115 : 100);
		if (reader->info_structured) /* address of a party, pieces of a calculation */
			return;
	}
	coda_append(&reader->info, coda_cut(reader, text));
}

/* Details ------------------------------------------------------------------------------------------------------------ */

static void put_detail(struct coda_reader *reader)
{
	const struct ep_host *host = reader->host;
	const struct coda_movement *detail = &reader->detail;
	struct ep_call *call = reader->call;
	struct coda_said said;
	struct ep_money money;

	if (!reader->detail_begun)
		return;
	reader->detail_begun = false;
	if (!reader->details_listed)
		host->list_begin(call, EP_SETTLEMENT_DETAILS);
	reader->details_listed = true;
	memset(&money, 0, sizeof(money));
	money.amount = detail->amount;
	memcpy(money.currency, reader->statement.code, sizeof(money.currency));
	coda_read_communication(reader, detail, &said);
	host->item_begin(call);
	host->put_money(call, EP_SETTLEMENT_DETAILS_AMOUNT, money, coda_cut(reader, detail->amount_text));
	host->put_code(call, EP_SETTLEMENT_DETAILS_DIRECTION,
		is_debit(detail->sign) ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT, coda_cut(reader, detail->sign));
	host->put_text(call, EP_SETTLEMENT_DETAILS_END_TO_END_ID, coda_cut(reader, detail->customer_reference));
	host->put_text(call, EP_SETTLEMENT_DETAILS_REMITTANCE, said.remittance);
	host->put_text(call, EP_SETTLEMENT_DETAILS_COUNTERPARTY, coda_cut(reader, detail->name));
	host->put_text(call, EP_SETTLEMENT_DETAILS_COUNTERPARTY_ACCOUNT, coda_cut(reader, detail->account));
	host->put_text(call, EP_SETTLEMENT_DETAILS_COUNTERPARTY_AGENT, coda_cut(reader, detail->agent));
	host->put_text(call, EP_SETTLEMENT_DETAILS_SERVICER_REF, coda_cut(reader, detail->reference));
	host->put_text(call, EP_SETTLEMENT_DETAILS_REFERENCE, said.reference);
	host->put_text(call, EP_SETTLEMENT_DETAILS_MANDATE_ID, said.mandate_id);
	host->put_text(call, EP_SETTLEMENT_DETAILS_RETURN_REASON, coda_cut(reader, detail->reason));
	host->put_text(call, EP_SETTLEMENT_DETAILS_BANK_CODE, coda_cut(reader, detail->code));
	host->item_end(call);
}

static enum ep_status begin_detail(struct coda_reader *reader, struct ep_slice line)
{
	struct ep_slice globalised = coda_field(reader, line, 125, 125);
	enum ep_status status;
	struct ep_decimal amount;

	put_detail(reader);
	status = read_first(reader, line, &reader->detail);
	if (status != EP_OK) {
		reader->entry_begun = false;
		return reader->host->record_end(reader->call);
	}
	amount = is_debit(reader->detail.sign) ? ep_decimal_negate(reader->detail.amount) : reader->detail.amount;
	if (ep_decimal_add(&reader->details_sum, reader->details_sum, amount) != EP_OK)
		reader->details_nested = true;
	if (globalised.length && !ep_slice_is(globalised, "0") && !ep_slice_is(globalised, "1"))
		reader->details_nested = true;
	reader->detail_begun = true;
	return EP_OK;
}

/* The settlement ------------------------------------------------------------------------------------------------------ */

static enum ep_status begin_entry(struct coda_reader *reader, struct ep_slice line)
{
	enum ep_status status = coda_put_entry(reader);

	if (status == EP_OK)
		status = read_first(reader, line, &reader->entry);
	if (status != EP_OK)
		return status;
	reader->details_listed = false;
	reader->details_nested = false;
	reader->details_sum = ep_decimal_make(0, 3);
	reader->info_name = ep_slice_make(NULL, 0);
	reader->info_structured = false;
	ep_gather_clear(&reader->info);
	reader->entry_begun = true;
	reader->host->record_begin(reader->call, EP_SETTLEMENT);
	return EP_OK;
}

static void put_effect(const struct coda_reader *reader, const struct coda_movement *entry, struct ep_money money)
{
	const struct ep_host *host = reader->host;
	bool debit = is_debit(entry->sign);
	struct ep_decimal signed_amount = debit ? ep_decimal_negate(entry->amount) : entry->amount;

	host->put_money(reader->call, EP_SETTLEMENT_AMOUNT, money, coda_cut(reader, entry->amount_text));
	host->put_code(reader->call, EP_SETTLEMENT_DIRECTION, debit ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT,
		coda_cut(reader, entry->sign));
	if (!debit && !ep_slice_is(entry->sign, "0"))
		host->note(reader->call, EP_SETTLEMENT_DIRECTION, EP_NOTE_SIGN_ASSUMED);
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, EP_ENTRY_STATUS_BOOKED, ep_text_constant(EP_SAY("")));
	if (is_reversal(entry->code))
		host->put_bool(reader->call, EP_SETTLEMENT_REVERSAL, true, coda_cut(reader, entry->code));
	if (reader->details_listed && !reader->details_nested &&
		ep_decimal_compare(reader->details_sum, signed_amount) != 0)
		host->note(reader->call, EP_SETTLEMENT_DETAILS, EP_NOTE_DETAIL_MISMATCH);
}

enum ep_status coda_put_entry(struct coda_reader *reader)
{
	const struct ep_host *host = reader->host;
	const struct coda_movement *entry = &reader->entry;
	struct ep_call *call = reader->call;
	struct coda_said said;
	struct ep_money money;

	if (!reader->entry_begun)
		return EP_OK;
	reader->entry_begun = false;
	put_detail(reader);
	if (reader->details_listed)
		host->list_end(call);
	memset(&money, 0, sizeof(money));
	money.amount = entry->amount;
	memcpy(money.currency, reader->statement.code, sizeof(money.currency));
	ep_ledger_entry(&reader->statement.ledger, money, is_debit(entry->sign), true);
	coda_read_communication(reader, entry, &said);
	host->put_text(call, EP_SETTLEMENT_ACCOUNT, reader->statement.account);
	host->put_text(call, EP_SETTLEMENT_STATEMENT_ID, reader->file_reference);
	put_effect(reader, entry, money);
	coda_put_date(reader, EP_SETTLEMENT_BOOKING_DATE, entry->entry_date);
	coda_put_date(reader, EP_SETTLEMENT_VALUE_DATE, entry->value_date);
	host->put_text(call, EP_SETTLEMENT_SERVICER_REF, coda_cut(reader, entry->reference));
	host->put_text(call, EP_SETTLEMENT_END_TO_END_ID, coda_cut(reader, entry->customer_reference));
	host->put_text(call, EP_SETTLEMENT_REMITTANCE, said.remittance);
	host->put_text(call, EP_SETTLEMENT_BANK_CODE, coda_cut(reader, entry->code));
	host->put_text(call, EP_SETTLEMENT_DESCRIPTION, ep_text_trim(ep_gathered(&reader->info)));
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY,
		coda_cut(reader, entry->name.length ? entry->name : reader->info_name));
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT, coda_cut(reader, entry->account));
	host->put_text(call, EP_SETTLEMENT_COUNTERPARTY_AGENT, coda_cut(reader, entry->agent));
	host->put_text(call, EP_SETTLEMENT_REFERENCE, said.reference);
	host->put_text(call, EP_SETTLEMENT_MANDATE_ID, said.mandate_id);
	if (reader->info.full)
		host->note(call, EP_SETTLEMENT_DESCRIPTION, EP_NOTE_TOO_LONG);
	return host->record_end(call);
}

enum ep_status coda_movement(struct coda_reader *reader, struct ep_slice line)
{
	struct coda_movement *movement = reader->detail_begun ? &reader->detail : &reader->entry;
	struct ep_slice number = coda_field(reader, line, 7, 10);
	bool is_detail = number.length && !ep_slice_is(number, "0000");

	switch (line.length > 1 ? line.data[1] : 0) {
	case '1':
		return is_detail && reader->entry_begun ? begin_detail(reader, line) : begin_entry(reader, line);
	case '2':
		if (reader->entry_begun)
			read_second(reader, line, movement);
		return EP_OK;
	case '3':
		if (reader->entry_begun)
			read_third(reader, line, movement);
		return EP_OK;
	default:
		return EP_OK;
	}
}
