/* elements.c: small structures of camt that occur in several places. Versions differ in how deep a value lies. */
#include "camt.h"

struct camt_amount camt_amount(const struct camt_reader *reader)
{
	struct camt_amount amount;

	amount.currency = reader->host->xml->attribute(reader->xml, CAMT_Ccy);
	amount.text = camt_text(reader);
	return amount;
}

/* AmtDtls/InstdAmt and its like hold an Amt; CcyXchg may stand beside it. Before version .02 the text is its own. */
struct ep_text camt_find(const struct camt_reader *reader, uint32_t name)
{
	struct ep_text found = {0};
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (found.value.length)
			camt_skip(reader);
		else if (child == name)
			found = camt_text(reader);
		else
			found = camt_find(reader, name);
	}
	return found;
}

struct ep_text camt_code(const struct camt_reader *reader)
{
	return camt_text(reader); /* the character data of all below: Cd or Prtry, whichever is there */
}

struct ep_text camt_date(const struct camt_reader *reader)
{
	return camt_text(reader);
}

/* What comes first wins, but an IBAN over everything. */
static void read_account_id(const struct camt_reader *reader, struct ep_text *id)
{
	bool has_iban = false;
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		struct ep_text text = {0};

		switch (child) {
		case CAMT_IBAN:
			text = camt_text(reader);
			if (text.value.length && !has_iban) {
				*id = text;
				has_iban = true;
			}
			break;
		case CAMT_BBAN:
		case CAMT_UPIC:
			text = camt_text(reader);
			break;
		case CAMT_Othr:
		case CAMT_PrtryAcct:
			text = camt_find(reader, CAMT_Id);
			break;
		default:
			camt_skip(reader);
		}
		if (id->value.length == 0)
			*id = text;
	}
}

struct ep_text camt_account(
	const struct camt_reader *reader, struct ep_text *currency, struct ep_text *owner, struct ep_text *servicer)
{
	struct ep_text id = {0};
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child == CAMT_Id)
			read_account_id(reader, &id);
		else if (child == CAMT_Ccy && currency)
			*currency = camt_text(reader);
		else if (child == CAMT_Ownr && owner)
			*owner = camt_find(reader, CAMT_Nm);
		else if (child == CAMT_Svcr && servicer)
			*servicer = camt_agent(reader);
		else
			camt_skip(reader);
	}
	return id;
}

struct ep_text camt_agent(const struct camt_reader *reader)
{
	struct ep_text bic = {0}, member = {0}, name = {0};
	uint32_t child;

	while ((child = camt_child(reader)) != 0) {
		if (child != CAMT_FinInstnId) {
			camt_skip(reader);
			continue;
		}
		while ((child = camt_child(reader)) != 0) {
			if (child == CAMT_BIC || child == CAMT_BICFI)
				bic = camt_text(reader);
			else if (child == CAMT_ClrSysMmbId)
				member = camt_find(reader, CAMT_MmbId);
			else if (child == CAMT_Nm)
				name = camt_text(reader);
			else
				camt_skip(reader);
		}
	}
	return bic.value.length ? bic : member.value.length ? member : name;
}

bool camt_money(struct ep_money *money, struct camt_amount amount)
{
	return ep_money_read(money, amount.text.value, EP_DECIMAL_POINT, amount.currency.value) == EP_OK;
}
