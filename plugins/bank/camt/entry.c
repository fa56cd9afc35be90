/*
 * entry.c: one entry (Ntry) as a settlement, its transactions (TxDtls) as details.
 *
 * The sign is the entry's CdtDbtInd alone: RvslInd says that an earlier booking is reversed, and CdtDbtInd shows the
 * effect already. Only booked entries move the ledger. Where an entry has one transaction, what that says of
 * references, remittance and counterparty is the settlement's too.
 */
#include "camt.h"

#define REMITTANCE_MAX 64 /* pieces of remittance information of one transaction; more are left out with a note */

/* A party of a transaction. */
struct party {
	struct ep_text name, account, agent;
};

/* One transaction, or what the entry says of itself. */
struct transaction {
	struct camt_amount amount, instructed, transaction_amount;
	struct ep_text direction, rate, end_to_end_id, transaction_id, instruction_id, mandate_id, servicer_ref, uetr;
	struct ep_text bank_code, reference, return_reason, remittance, additional;
	struct party debtor, creditor;
	struct ep_text ultimate_debtor, ultimate_creditor;
	struct ep_decimal charges;
	struct camt_amount charge; /* the first one: its currency and origin */
	bool charges_unreadable;
};

struct entry {
	struct camt_amount amount;
	struct ep_text direction, status, reversal, booking_date, value_date, reference, batch_count;
	struct transaction own;  /* what stands in the entry itself */
	struct transaction last; /* the transaction read last, not put yet: whether it is the only one is not known */
	uint32_t transactions;
};

/* Structures of a transaction ----------------------------------------------------------------------------------- */

/* Domn/Cd + Fmly/Cd + SubFmlyCd as "PMNT/RCDT/ESCT", else the proprietary code. */
static struct ep_text read_bank_code(const struct camt_reader *reader)
{
	struct ep_text pieces[3] = {{{NULL, 0}, 0, 0, 0, 0}}, proprietary = {0};
	uint32_t child, inner;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_Prtry) {
			proprietary = camt_find(reader, CAMT_Cd);
			continue;
		}
		if (child != CAMT_Domn) {
			camt_skip(reader);
			continue;
		}
		while ((child = camt_child(reader)) != 0) {
			if (child == CAMT_Cd)
				pieces[0] = camt_text(reader);
			else if (child != CAMT_Fmly)
				camt_skip(reader);
			else
				while ((inner = camt_child(reader)) != 0) {
					if (inner == CAMT_Cd)
						pieces[1] = camt_text(reader);
					else if (inner == CAMT_SubFmlyCd)
						pieces[2] = camt_text(reader);
					else
						camt_skip(reader);
				}
		}
	}
	if (pieces[0].value.length && pieces[1].value.length && pieces[2].value.length)
		return ep_text_join(reader->host, reader->call, pieces, 3, EP_SAY("/"));
	return proprietary.value.length ? proprietary : pieces[0];
}

/* AmtDtls: what was instructed, what the transaction comes to, the rate between. */
static void read_amount_details(const struct camt_reader *reader, struct transaction *transaction)
{
	uint32_t child, inner;

	while ((child = camt_child(reader)) != 0) {
		if (child != CAMT_InstdAmt && child != CAMT_TxAmt) {
			camt_skip(reader);
			continue;
		}
		while ((inner = camt_child(reader)) != 0) {
			if (inner == CAMT_Amt && child == CAMT_InstdAmt)
				transaction->instructed = camt_amount(reader);
			else if (inner == CAMT_Amt)
				transaction->transaction_amount = camt_amount(reader);
			else if (inner == CAMT_CcyXchg && transaction->rate.value.length == 0)
				transaction->rate = camt_find(reader, CAMT_XchgRate);
			else
				camt_skip(reader);
		}
	}
}

static void add_charge(struct transaction *transaction, struct camt_amount amount)
{
	struct ep_money money;

	if (amount.text.value.length == 0)
		return;
	if (!camt_money(&money, amount) ||
		ep_decimal_add(&transaction->charges, transaction->charges, money.amount) != EP_OK ||
		(transaction->charge.text.value.length &&
			!ep_slice_equal(transaction->charge.currency.value, amount.currency.value))) {
		transaction->charges_unreadable = true;
		return;
	}
	if (transaction->charge.text.value.length == 0)
		transaction->charge = amount;
}

/* Chrgs/Rcrd/Amt since version .04, Chrgs/Amt before; the total only where the single ones are missing. */
static void read_charges(const struct camt_reader *reader, struct transaction *transaction)
{
	struct camt_amount total = {0};
	bool single = false;
	uint32_t child, inner;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_TtlChrgsAndTaxAmt) {
			total = camt_amount(reader);
		} else if (child == CAMT_Amt) {
			add_charge(transaction, camt_amount(reader));
			single = true;
		} else if (child == CAMT_Rcrd) {
			while ((inner = camt_child(reader)) != 0) {
				if (inner != CAMT_Amt) {
					camt_skip(reader);
					continue;
				}
				add_charge(transaction, camt_amount(reader));
				single = true;
			}
		} else {
			camt_skip(reader);
		}
	}
	if (!single)
		add_charge(transaction, total);
}

static void read_references(const struct camt_reader *reader, struct transaction *transaction)
{
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		switch (child) {
		case CAMT_AcctSvcrRef:
			transaction->servicer_ref = camt_text(reader);
			break;
		case CAMT_EndToEndId:
			transaction->end_to_end_id = camt_text(reader);
			break;
		case CAMT_TxId:
			transaction->transaction_id = camt_text(reader);
			break;
		case CAMT_InstrId:
			transaction->instruction_id = camt_text(reader);
			break;
		case CAMT_MndtId:
			transaction->mandate_id = camt_text(reader);
			break;
		case CAMT_UETR:
			transaction->uetr = camt_text(reader);
			break;
		default:
			camt_skip(reader);
		}
	}
}

/* Dbtr/Nm, and since version .08 Dbtr/Pty/Nm; an agent in a party's place has FinInstnId/Nm. */
static void read_parties(const struct camt_reader *reader, struct transaction *transaction)
{
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		switch (child) {
		case CAMT_Dbtr:
			transaction->debtor.name = camt_find(reader, CAMT_Nm);
			break;
		case CAMT_Cdtr:
			transaction->creditor.name = camt_find(reader, CAMT_Nm);
			break;
		case CAMT_DbtrAcct:
			transaction->debtor.account = camt_account(reader, NULL, NULL, NULL);
			break;
		case CAMT_CdtrAcct:
			transaction->creditor.account = camt_account(reader, NULL, NULL, NULL);
			break;
		case CAMT_UltmtDbtr:
			transaction->ultimate_debtor = camt_find(reader, CAMT_Nm);
			break;
		case CAMT_UltmtCdtr:
			transaction->ultimate_creditor = camt_find(reader, CAMT_Nm);
			break;
		default:
			camt_skip(reader);
		}
	}
}

static void read_agents(const struct camt_reader *reader, struct transaction *transaction)
{
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_DbtrAgt)
			transaction->debtor.agent = camt_agent(reader);
		else if (child == CAMT_CdtrAgt)
			transaction->creditor.agent = camt_agent(reader);
		else
			camt_skip(reader);
	}
}

static void read_structured(
	const struct camt_reader *reader, struct transaction *transaction, struct ep_text *pieces, uint32_t *count)
{
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_CdtrRefInf && transaction->reference.value.length == 0)
			transaction->reference = camt_find(reader, CAMT_Ref);
		else if (child == CAMT_AddtlRmtInf && *count < REMITTANCE_MAX)
			pieces[(*count)++] = camt_text(reader);
		else
			camt_skip(reader);
	}
}

/* Unstructured pieces joined by a blank, those that are added to a structured one behind them. */
static void read_remittance(const struct camt_reader *reader, struct transaction *transaction)
{
	struct ep_text pieces[REMITTANCE_MAX];
	uint32_t child, count = 0;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_Ustrd && count < REMITTANCE_MAX)
			pieces[count++] = camt_text(reader);
		else if (child == CAMT_Strd)
			read_structured(reader, transaction, pieces, &count);
		else
			camt_skip(reader);
	}
	if (count == 1)
		transaction->remittance = pieces[0];
	else if (count > 1)
		transaction->remittance = ep_text_join(reader->host, reader->call, pieces, count, EP_SAY(" "));
}

static struct ep_text read_return_reason(const struct camt_reader *reader)
{
	struct ep_text reason = {0};
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_Rsn)
			reason = camt_code(reader);
		else
			camt_skip(reader);
	}
	return reason;
}

static void read_transaction(const struct camt_reader *reader, struct transaction *transaction)
{
	uint32_t child;

	memset(transaction, 0, sizeof(*transaction));
	while ((child = camt_child(reader)) != 0) {
		switch (child) {
		case CAMT_Refs:
			read_references(reader, transaction);
			break;
		case CAMT_Amt:
			transaction->amount = camt_amount(reader);
			break;
		case CAMT_CdtDbtInd:
			transaction->direction = camt_text(reader);
			break;
		case CAMT_AmtDtls:
			read_amount_details(reader, transaction);
			break;
		case CAMT_BkTxCd:
			transaction->bank_code = read_bank_code(reader);
			break;
		case CAMT_Chrgs:
			read_charges(reader, transaction);
			break;
		case CAMT_RltdPties:
			read_parties(reader, transaction);
			break;
		case CAMT_RltdAgts:
			read_agents(reader, transaction);
			break;
		case CAMT_RmtInf:
			read_remittance(reader, transaction);
			break;
		case CAMT_RtrInf:
			transaction->return_reason = read_return_reason(reader);
			break;
		case CAMT_AddtlTxInf:
			transaction->additional = camt_text(reader);
			break;
		default:
			camt_skip(reader);
		}
	}
}

/* Putting ------------------------------------------------------------------------------------------------------- */

static void put_amount(const struct camt_reader *reader, uint32_t field, struct camt_amount amount)
{
	ep_put_money(reader->host, reader->call, field, amount.text, EP_DECIMAL_POINT, amount.currency.value);
}

static bool is_debit(struct ep_text direction)
{
	return ep_slice_is(direction.value, "DBIT");
}

static void put_direction(const struct camt_reader *reader, uint32_t field, struct ep_text direction)
{
	if (direction.value.length)
		reader->host->put_code(
			reader->call, field, is_debit(direction) ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT, direction);
}

/* An instructed amount is news only where its currency is another. */
static void put_original(const struct camt_reader *reader, uint32_t amount_field, uint32_t rate_field,
	const struct transaction *transaction, struct ep_slice currency)
{
	if (transaction->instructed.currency.value.length &&
		!ep_slice_equal(transaction->instructed.currency.value, currency))
		put_amount(reader, amount_field, transaction->instructed);
	ep_put_decimal(reader->host, reader->call, rate_field, transaction->rate, EP_DECIMAL_POINT);
}

static void put_charges(const struct camt_reader *reader, uint32_t field, const struct transaction *transaction)
{
	struct ep_money sum;

	if (transaction->charges_unreadable) {
		reader->host->note(reader->call, field, EP_NOTE_VALUE_UNREADABLE);
		return;
	}
	if (transaction->charge.text.value.length == 0 || !camt_money(&sum, transaction->charge))
		return;
	sum.amount = transaction->charges;
	reader->host->put_money(reader->call, field, sum, transaction->charge.text);
}

/* The fields of the other party, at one of two places. */
struct party_fields {
	uint32_t name, account, agent;
};

/* Who paid a credit, whom a debit paid; the ultimate party where the nearer one has no name. */
static void put_party(const struct camt_reader *reader, const struct party_fields *fields,
	const struct transaction *transaction, bool debit)
{
	const struct party *party = debit ? &transaction->creditor : &transaction->debtor;
	struct ep_text ultimate = debit ? transaction->ultimate_creditor : transaction->ultimate_debtor;

	reader->host->put_text(reader->call, fields->name, party->name.value.length ? party->name : ultimate);
	reader->host->put_text(reader->call, fields->account, party->account);
	reader->host->put_text(reader->call, fields->agent, party->agent);
}

/* The transaction read last as an item of `details`. */
static void put_last_transaction(const struct camt_reader *reader, const struct entry *entry)
{
	static const struct party_fields fields = {EP_SETTLEMENT_DETAILS_COUNTERPARTY,
		EP_SETTLEMENT_DETAILS_COUNTERPARTY_ACCOUNT, EP_SETTLEMENT_DETAILS_COUNTERPARTY_AGENT};
	const struct transaction *transaction = &entry->last;
	const struct ep_host *host = reader->host;
	struct ep_text direction = transaction->direction.value.length ? transaction->direction : entry->direction;
	struct camt_amount amount = transaction->amount;

	if (amount.text.value.length == 0)
		amount = transaction->transaction_amount;
	if (amount.text.value.length == 0)
		amount = entry->transactions == 1 ? entry->amount : transaction->instructed;
	host->item_begin(reader->call);
	put_amount(reader, EP_SETTLEMENT_DETAILS_AMOUNT, amount);
	put_direction(reader, EP_SETTLEMENT_DETAILS_DIRECTION, direction);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_END_TO_END_ID, transaction->end_to_end_id);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_REMITTANCE, transaction->remittance);
	put_party(reader, &fields, transaction, is_debit(direction));
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_SERVICER_REF, transaction->servicer_ref);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_TRANSACTION_ID, transaction->transaction_id);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_INSTRUCTION_ID, transaction->instruction_id);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_REFERENCE, transaction->reference);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_MANDATE_ID, transaction->mandate_id);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_UETR, transaction->uetr);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_BANK_CODE, transaction->bank_code);
	host->put_text(reader->call, EP_SETTLEMENT_DETAILS_RETURN_REASON, transaction->return_reason);
	put_original(reader, EP_SETTLEMENT_DETAILS_ORIGINAL_AMOUNT, EP_SETTLEMENT_DETAILS_EXCHANGE_RATE, transaction,
		amount.currency.value);
	put_charges(reader, EP_SETTLEMENT_DETAILS_CHARGES, transaction);
	host->item_end(reader->call);
}

/* NtryDtls: one transaction is held, so that a batch of any size needs no memory here. */
static void read_entry_details(const struct camt_reader *reader, struct entry *entry)
{
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_Btch) {
			entry->batch_count = camt_find(reader, CAMT_NbOfTxs);
		} else if (child == CAMT_TxDtls) {
			if (entry->transactions++ > 0)
				put_last_transaction(reader, entry);
			read_transaction(reader, &entry->last);
		} else {
			camt_skip(reader);
		}
	}
}

static void read_entry_child(const struct camt_reader *reader, struct entry *entry, uint32_t child)
{
	switch (child) {
	case CAMT_Amt:
		entry->amount = camt_amount(reader);
		break;
	case CAMT_CdtDbtInd:
		entry->direction = camt_text(reader);
		break;
	case CAMT_RvslInd:
		entry->reversal = camt_text(reader);
		break;
	case CAMT_Sts:
		entry->status = camt_code(reader);
		break;
	case CAMT_BookgDt:
		entry->booking_date = camt_date(reader);
		break;
	case CAMT_ValDt:
		entry->value_date = camt_date(reader);
		break;
	case CAMT_NtryRef:
		entry->reference = camt_text(reader);
		break;
	case CAMT_AcctSvcrRef:
		entry->own.servicer_ref = camt_text(reader);
		break;
	case CAMT_BkTxCd:
		entry->own.bank_code = read_bank_code(reader);
		break;
	case CAMT_AmtDtls:
		read_amount_details(reader, &entry->own);
		break;
	case CAMT_Chrgs:
		read_charges(reader, &entry->own);
		break;
	case CAMT_AddtlNtryInf:
		entry->own.additional = camt_text(reader);
		break;
	case CAMT_Btch: /* before version .03 it stands beside the transactions */
		entry->batch_count = camt_find(reader, CAMT_NbOfTxs);
		break;
	case CAMT_NtryDtls:
		read_entry_details(reader, entry);
		break;
	default:
		camt_skip(reader);
	}
}

static uint32_t entry_status(struct ep_slice status)
{
	if (ep_slice_is(status, "PDNG"))
		return EP_ENTRY_STATUS_PENDING;
	if (ep_slice_is(status, "INFO") || ep_slice_is(status, "FUTR"))
		return EP_ENTRY_STATUS_INFO;
	return EP_ENTRY_STATUS_BOOKED;
}

static void put_entry_facts(
	const struct camt_reader *reader, const struct entry *entry, const struct camt_report *report)
{
	const struct ep_host *host = reader->host;
	bool reversal = ep_slice_is(entry->reversal.value, "true") || ep_slice_is(entry->reversal.value, "1");

	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, report->account);
	host->put_text(reader->call, EP_SETTLEMENT_STATEMENT_ID, report->id);
	put_amount(reader, EP_SETTLEMENT_AMOUNT, entry->amount);
	if (entry->direction.value.length) {
		put_direction(reader, EP_SETTLEMENT_DIRECTION, entry->direction);
	} else {
		host->put_code(reader->call, EP_SETTLEMENT_DIRECTION, EP_DIRECTION_CREDIT, entry->amount.text);
		host->note(reader->call, EP_SETTLEMENT_DIRECTION, EP_NOTE_SIGN_ASSUMED);
	}
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, entry_status(entry->status.value), entry->status);
	if (reversal)
		host->put_bool(reader->call, EP_SETTLEMENT_REVERSAL, true, entry->reversal);
	ep_put_date(host, reader->call, EP_SETTLEMENT_BOOKING_DATE, entry->booking_date);
	ep_put_date(host, reader->call, EP_SETTLEMENT_VALUE_DATE, entry->value_date);
	host->put_text(reader->call, EP_SETTLEMENT_ENTRY_REF, entry->reference);
	host->put_text(reader->call, EP_SETTLEMENT_DESCRIPTION, entry->own.additional);
	ep_put_integer(host, reader->call, EP_SETTLEMENT_BATCH_COUNT, entry->batch_count);
	ep_put_time(host, reader->call, EP_SETTLEMENT_REPORTED_AT, report->created_at);
}

static struct ep_text either(struct ep_text a, struct ep_text b)
{
	return a.value.length ? a : b;
}

/* What the entry says itself, else what its only transaction says. */
static void put_entry_references(const struct camt_reader *reader, const struct entry *entry)
{
	static const struct party_fields fields = {
		EP_SETTLEMENT_COUNTERPARTY, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT, EP_SETTLEMENT_COUNTERPARTY_AGENT};
	const struct ep_host *host = reader->host;
	const struct transaction *own = &entry->own, *only = &entry->last;

	if (entry->transactions != 1) {
		host->put_text(reader->call, EP_SETTLEMENT_SERVICER_REF, own->servicer_ref);
		host->put_text(reader->call, EP_SETTLEMENT_BANK_CODE, own->bank_code);
		put_original(reader, EP_SETTLEMENT_ORIGINAL_AMOUNT, EP_SETTLEMENT_EXCHANGE_RATE, own,
			entry->amount.currency.value);
		put_charges(reader, EP_SETTLEMENT_CHARGES, own);
		return;
	}
	host->put_text(reader->call, EP_SETTLEMENT_SERVICER_REF, either(own->servicer_ref, only->servicer_ref));
	host->put_text(reader->call, EP_SETTLEMENT_BANK_CODE, either(own->bank_code, only->bank_code));
	host->put_text(reader->call, EP_SETTLEMENT_END_TO_END_ID, only->end_to_end_id);
	host->put_text(reader->call, EP_SETTLEMENT_REMITTANCE, only->remittance);
	host->put_text(reader->call, EP_SETTLEMENT_REFERENCE, only->reference);
	host->put_text(reader->call, EP_SETTLEMENT_MANDATE_ID, only->mandate_id);
	host->put_text(reader->call, EP_SETTLEMENT_TRANSACTION_ID, only->transaction_id);
	put_party(reader, &fields, only, is_debit(either(only->direction, entry->direction)));
	put_original(reader, EP_SETTLEMENT_ORIGINAL_AMOUNT, EP_SETTLEMENT_EXCHANGE_RATE,
		own->instructed.text.value.length || own->rate.value.length ? own : only, entry->amount.currency.value);
	put_charges(reader, EP_SETTLEMENT_CHARGES, own->charge.text.value.length ? own : only);
}

static void add_to_report(struct camt_report *report, const struct entry *entry)
{
	bool debit = is_debit(entry->direction), booked = entry_status(entry->status.value) == EP_ENTRY_STATUS_BOOKED;
	struct ep_decimal *all = debit ? &report->debits : &report->credits;
	struct ep_decimal *ledger = debit ? &report->booked_debits : &report->booked_credits;
	struct ep_money money;

	report->entries++;
	if (!camt_money(&money, entry->amount))
		return; /* the settlement has been rejected */
	if (report->currency.value.length == 0)
		report->currency = entry->amount.currency;
	if (!ep_slice_equal(report->currency.value, entry->amount.currency.value))
		report->currencies_differ = true;
	if (entry->direction.value.length == 0)
		report->sign_assumed = true;
	if (ep_decimal_add(all, *all, money.amount) != EP_OK ||
		(booked && ep_decimal_add(ledger, *ledger, money.amount) != EP_OK))
		report->overflow = true;
}

enum ep_status camt_entry(const struct camt_reader *reader, struct camt_report *report)
{
	const struct ep_host *host = reader->host;
	struct entry entry;
	uint32_t child;

	memset(&entry, 0, sizeof(entry));
	host->record_begin(reader->call, EP_SETTLEMENT);
	host->list_begin(reader->call, EP_SETTLEMENT_DETAILS);
	while ((child = camt_child(reader)) != 0)
		read_entry_child(reader, &entry, child);
	if (entry.transactions)
		put_last_transaction(reader, &entry);
	host->list_end(reader->call);
	if (host->xml->status(reader->xml) == EP_BAD_INPUT) {
		host->record_cancel(reader->call);
		return EP_BAD_INPUT;
	}
	put_entry_facts(reader, &entry, report);
	put_entry_references(reader, &entry);
	add_to_report(report, &entry);
	return host->record_end(reader->call);
}
