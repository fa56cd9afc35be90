/*
 * entry.c: a transaction (STMTTRN) as a settlement. The sign of its amount is the direction; TRNTYPE is not reliable, and says
 * it only where the amount is zero.
 */
#include "ofx.h"

static void keep(struct ep_slice *field, struct ep_slice value)
{
	if (field->length == 0)
		*field = value;
}

static void keep_own(struct ofx_entry *entry, const struct ofx_tag *tag)
{
	switch (tag->name) {
	case OFX_TRNTYPE:
		keep(&entry->type, tag->text);
		break;
	case OFX_DTPOSTED:
	case OFX_DTTRAN:
		keep(&entry->posted, tag->text);
		break;
	case OFX_DTAVAIL:
		keep(&entry->available, tag->text);
		break;
	case OFX_TRNAMT:
		keep(&entry->amount, tag->text);
		break;
	case OFX_FITID:
		keep(&entry->id, tag->text);
		break;
	case OFX_SRVRTID:
		keep(&entry->server_id, tag->text);
		break;
	case OFX_CHECKNUM:
		keep(&entry->check_number, tag->text);
		break;
	case OFX_REFNUM:
		keep(&entry->reference, tag->text);
		break;
	case OFX_NAME:
		keep(&entry->name, tag->text);
		break;
	case OFX_EXTDNAME:
		keep(&entry->extended_name, tag->text);
		break;
	case OFX_MEMO:
		keep(&entry->memo, tag->text);
		break;
	default:
		break;
	}
}

void ofx_entry_value(struct ofx_entry *entry, enum ofx_name context, const struct ofx_tag *tag)
{
	if (context == OFX_PAYEE && tag->name == OFX_NAME)
		keep(&entry->payee, tag->text);
	else if ((context == OFX_BANKACCTTO || context == OFX_CCACCTTO) && tag->name == OFX_ACCTID)
		keep(&entry->other_account, tag->text);
	else if (context == OFX_BANKACCTTO && tag->name == OFX_BANKID)
		keep(&entry->other_bank, tag->text);
	else if (context == OFX_CURRENCY && tag->name == OFX_CURSYM)
		keep(&entry->currency, tag->text);
	else if (context == OFX_CURRENCY && tag->name == OFX_CURRATE)
		keep(&entry->rate, tag->text);
	else if (context == OFX_ORIGCURRENCY && tag->name == OFX_CURRATE)
		keep(&entry->original_rate, tag->text);
	else if (context == OFX_STMTTRN || context == OFX_STMTTRNP)
		keep_own(entry, tag);
}

static void put_amount(struct ofx_reader *reader, const struct ofx_entry *entry, struct ep_decimal amount)
{
	const struct ep_host *host = reader->host;
	struct ep_text origin = ep_text_of(&reader->part, entry->amount);
	bool debit = ep_decimal_is_negative(amount);
	struct ep_money money;

	memset(&money, 0, sizeof(money));
	money.amount = ep_decimal_abs(amount);
	if (entry->currency.length == 0 || ep_currency_set(&money, entry->currency) != EP_OK)
		memcpy(money.currency, reader->statement.code, sizeof(money.currency));
	if (ep_decimal_is_zero(amount))
		debit = ep_slice_is(entry->type, "DEBIT");
	ep_ledger_entry(&reader->statement.ledger, money, debit, !entry->pending);
	host->put_money(reader->call, EP_SETTLEMENT_AMOUNT, money, origin);
	host->put_code(reader->call, EP_SETTLEMENT_DIRECTION, debit ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT, origin);
}

static void put_rate(struct ofx_reader *reader, const struct ofx_entry *entry)
{
	struct ep_slice text = entry->rate.length ? entry->rate : entry->original_rate;
	struct ep_decimal rate;

	if (text.length == 0)
		return;
	if (ep_decimal_read_either(&rate, text) == EP_OK)
		reader->host->put_decimal(
			reader->call, EP_SETTLEMENT_EXCHANGE_RATE, rate, ep_text_of(&reader->part, text));
	else
		reader->host->note(reader->call, EP_SETTLEMENT_EXCHANGE_RATE, EP_NOTE_VALUE_UNREADABLE);
}

static void put(struct ofx_reader *reader, uint32_t field, struct ep_slice value)
{
	reader->host->put_text(reader->call, field, ofx_text(reader, value));
}

static void put_texts(struct ofx_reader *reader, const struct ofx_entry *entry)
{
	struct ep_slice name = entry->name.length ? entry->name : entry->payee;

	if (entry->extended_name.length > name.length)
		name = entry->extended_name; /* NAME has 32 characters */
	put(reader, EP_SETTLEMENT_SERVICER_REF, entry->id);
	put(reader, EP_SETTLEMENT_REMITTANCE, entry->memo);
	put(reader, EP_SETTLEMENT_ENTRY_REF, entry->reference.length ? entry->reference : entry->check_number);
	put(reader, EP_SETTLEMENT_BANK_CODE, entry->type);
	put(reader, EP_SETTLEMENT_COUNTERPARTY, name);
	put(reader, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT, entry->other_account);
	put(reader, EP_SETTLEMENT_COUNTERPARTY_AGENT, entry->other_bank);
	put_rate(reader, entry);
	put(reader, EP_SETTLEMENT_TRANSACTION_ID, entry->server_id);
}

static bool is_too_long(const struct ofx_entry *entry)
{
	return entry->memo.length > OFX_TEXT_MAX || entry->name.length > OFX_TEXT_MAX ||
	       entry->extended_name.length > OFX_TEXT_MAX || entry->payee.length > OFX_TEXT_MAX;
}

enum ep_status ofx_put_entry(struct ofx_reader *reader)
{
	const struct ep_host *host = reader->host;
	const struct ofx_entry *entry = &reader->entry;
	struct ep_text account;
	struct ep_decimal amount;

	if (!reader->in_entry)
		return EP_OK;
	reader->in_entry = false;
	if (is_too_long(entry))
		return host->reject(reader->call, EP_ERR_LIMIT,
			ep_place_in(&reader->part, ep_text_of(&reader->part, ep_slice_make(entry->begin, 8))),
			EP_SAY("expected at most 65536 bytes in each text of STMTTRN"));
	if (entry->amount.length && ep_decimal_read_either(&amount, entry->amount) != EP_OK)
		return host->reject(reader->call, EP_ERR_VALUE,
			ep_place_in(&reader->part, ep_text_of(&reader->part, entry->amount)),
			EP_SAY("expected an amount in TRNAMT, such as -12.50"));
	host->record_begin(reader->call, EP_SETTLEMENT);
	account = ofx_text(reader, reader->statement.account);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT,
		account.value.length ? account : ep_text_constant(reader->options->account));
	if (entry->amount.length) {
		put_amount(reader, entry, amount);
	} else {
		ep_ledger_entry_unknown(&reader->statement.ledger);
		host->note(reader->call, EP_SETTLEMENT_AMOUNT, EP_NOTE_VALUE_UNREADABLE);
	}
	host->put_code(reader->call, EP_SETTLEMENT_STATUS,
		entry->pending ? EP_ENTRY_STATUS_PENDING : EP_ENTRY_STATUS_BOOKED, ep_text_constant(EP_SAY("")));
	ofx_put_date(reader, EP_SETTLEMENT_BOOKING_DATE, entry->posted);
	ofx_put_date(reader, EP_SETTLEMENT_VALUE_DATE, entry->available);
	put_texts(reader, entry);
	return host->record_end(reader->call);
}
