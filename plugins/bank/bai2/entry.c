/*
 * entry.c: a transaction (16) as a settlement.
 *
 *	16,type,amount,funds type[,...],bank reference,customer reference,text
 *
 * The type says the direction: 100 to 399 credits, 400 to 699 debits, of the bank's own 920 to 959 and 960 to 999, of
 * loans 720 and 760; all others (890) inform of something and move nothing. The text runs on to the next record, commas
 * and slashes included. Some banks write "NAME: value" in the records that continue it.
 */
#include "bai2.h"

enum effect { EFFECT_NONE, EFFECT_CREDIT, EFFECT_DEBIT };

static enum effect effect_of(struct ep_slice type)
{
	int64_t code;

	if (!ep_slice_integer(type, &code))
		return EFFECT_NONE;
	if ((code >= 100 && code <= 399) || code == 720 || (code >= 920 && code <= 959))
		return EFFECT_CREDIT;
	if ((code >= 400 && code <= 699) || code == 760 || (code >= 960 && code <= 999))
		return EFFECT_DEBIT;
	return EFFECT_NONE;
}

/* What the continued text names. */
struct names {
	struct ep_slice reference, remittance, name[2], account[2], agent[2]; /* 0: debtor, 1: creditor */
};

/* "DBNM: SAMPLE INC": four capitals, a colon and a blank. */
static bool read_name(struct ep_slice piece, struct names *names)
{
	static const struct {
		char key[5];
		size_t field;
	} keys[] = {{"EREF", offsetof(struct names, reference)}, {"REMI", offsetof(struct names, remittance)},
		{"DBNM", offsetof(struct names, name[0])}, {"CRNM", offsetof(struct names, name[1])},
		{"DACT", offsetof(struct names, account[0])}, {"CACT", offsetof(struct names, account[1])},
		{"DBIC", offsetof(struct names, agent[0])}, {"CBIC", offsetof(struct names, agent[1])},
		{"DABA", offsetof(struct names, agent[0])}, {"CABA", offsetof(struct names, agent[1])}};

	if (piece.length < 5 || piece.data[4] != ':')
		return false;
	if (piece.length == 5 && piece.data[0] >= 'A' && piece.data[0] <= 'Z')
		return true; /* nothing is named */
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct ep_slice *field = (struct ep_slice *)((char *)names + keys[i].field);

		if (memcmp(piece.data, keys[i].key, 4) != 0)
			continue;
		if (field->length == 0)
			*field = ep_slice_trim(ep_slice_sub(piece, 5, piece.length));
		return true;
	}
	return false;
}

/* A text may go on in lines without a code. */
static bool take_line(struct ep_slice *piece, struct ep_slice *line)
{
	uint64_t feed = ep_slice_find(*piece, '\n'), end = ep_slice_find(ep_slice_sub(*piece, 0, feed), '\r');

	if (piece->length == 0)
		return false;
	*line = ep_slice_trim(ep_slice_sub(*piece, 0, end));
	*piece = ep_slice_sub(*piece, end + 1, piece->length);
	return true;
}

/* The text into reader->text, without what it names. */
static void read_text(struct bai_reader *reader, struct names *names)
{
	struct ep_slice piece, line;
	bool first = true;

	ep_gather_clear(&reader->text);
	while (bai_text(&reader->records, &piece)) {
		if (!first && read_name(piece, names))
			continue;
		first = false;
		while (take_line(&piece, &line))
			ep_gather_word(&reader->text, bai_cut(reader, line));
	}
}

static void put_party(const struct bai_reader *reader, const struct names *names, size_t other)
{
	const struct ep_host *host = reader->host;

	host->put_text(reader->call, EP_SETTLEMENT_COUNTERPARTY, bai_cut(reader, names->name[other]));
	host->put_text(reader->call, EP_SETTLEMENT_COUNTERPARTY_ACCOUNT, bai_cut(reader, names->account[other]));
	host->put_text(reader->call, EP_SETTLEMENT_COUNTERPARTY_AGENT, bai_cut(reader, names->agent[other]));
}

static void put_texts(struct bai_reader *reader, struct ep_slice bank_reference, struct ep_slice customer_reference,
	const struct names *names)
{
	const struct ep_host *host = reader->host;
	struct ep_text text = ep_gathered(&reader->text);
	struct ep_slice reference = customer_reference.length ? customer_reference : names->reference;

	host->put_text(reader->call, EP_SETTLEMENT_SERVICER_REF, bai_cut(reader, bank_reference));
	host->put_text(reader->call, EP_SETTLEMENT_END_TO_END_ID, bai_cut(reader, reference));
	if (names->remittance.length) {
		host->put_text(reader->call, EP_SETTLEMENT_REMITTANCE, bai_cut(reader, names->remittance));
		host->put_text(reader->call, EP_SETTLEMENT_DESCRIPTION, text);
	} else {
		host->put_text(reader->call, EP_SETTLEMENT_REMITTANCE, text);
	}
}

/* The amount, its direction and what it means for the ledger. */
static void put_amount(struct bai_reader *reader, struct ep_slice type, struct ep_slice text, struct ep_money money)
{
	const struct ep_host *host = reader->host;
	enum effect effect = effect_of(type);
	bool negative = ep_money_is_negative(money), debit = (effect == EFFECT_DEBIT) != negative;
	bool deleted = reader->group_status == '2';
	uint32_t status = effect == EFFECT_NONE || deleted ? EP_ENTRY_STATUS_INFO : EP_ENTRY_STATUS_BOOKED;

	if (text.length)
		host->put_money(reader->call, EP_SETTLEMENT_AMOUNT, ep_money_abs(money), bai_cut(reader, text));
	if (effect == EFFECT_NONE) {
		reader->account.ledger.entries++;
	} else {
		host->put_code(reader->call, EP_SETTLEMENT_DIRECTION, debit ? EP_DIRECTION_DEBIT : EP_DIRECTION_CREDIT,
			bai_cut(reader, type));
		if (negative)
			host->note(reader->call, EP_SETTLEMENT_DIRECTION, EP_NOTE_SIGN_ASSUMED);
		ep_ledger_entry(&reader->account.ledger, ep_money_abs(money), debit, !deleted);
	}
	host->put_code(reader->call, EP_SETTLEMENT_STATUS, status, bai_cut(reader, type));
}

enum ep_status bai_put_entry(struct bai_reader *reader)
{
	const struct ep_host *host = reader->host;
	struct ep_slice type = {0}, amount = {0}, funds = {0}, bank_reference = {0}, customer_reference = {0},
			value_date;
	struct names names;
	struct ep_money money;

	bai_field(&reader->records, &type);
	bai_field(&reader->records, &amount);
	bai_field(&reader->records, &funds);
	bai_funds(&reader->records, funds, &value_date);
	bai_field(&reader->records, &bank_reference);
	bai_field(&reader->records, &customer_reference);
	memset(&names, 0, sizeof(names));
	read_text(reader, &names);
	if (!bai_amount(reader, amount, &money))
		return host->reject(reader->call, EP_ERR_VALUE, ep_place_in(&reader->part, bai_cut(reader, amount)),
			EP_SAY("expected an amount in minor units in the third field of 16, such as 12345"));
	if (reader->text.full)
		return host->reject(reader->call, EP_ERR_LIMIT, ep_place_in(&reader->part, ep_gathered(&reader->text)),
			EP_SAY("expected at most 65536 bytes of text behind a 16"));
	host->record_begin(reader->call, EP_SETTLEMENT);
	host->put_text(reader->call, EP_SETTLEMENT_ACCOUNT, reader->account.number);
	host->put_text(reader->call, EP_SETTLEMENT_STATEMENT_ID, reader->file_id);
	put_amount(reader, type, amount, money);
	bai_put_date(reader, EP_SETTLEMENT_BOOKING_DATE, reader->as_of_date);
	bai_put_date(reader, EP_SETTLEMENT_VALUE_DATE, bai_cut(reader, value_date));
	put_texts(reader, bank_reference, customer_reference, &names);
	host->put_text(reader->call, EP_SETTLEMENT_BANK_CODE, bai_cut(reader, type));
	put_party(reader, &names, effect_of(type) == EFFECT_DEBIT ? 1 : 0);
	if (reader->group_status == '4')
		host->put_bool(reader->call, EP_SETTLEMENT_TEST, true, ep_text_constant(EP_SAY("")));
	return host->record_end(reader->call);
}
