/*
 * chain.c: the pages of one statement. A page that ends with an intermediate closing balance (:62M:) goes on in the next
 * message, if that is of the same account and opens with an intermediate balance (:60M:) of the same statement number or
 * amount. Opening, entries and closing are then checked over the whole chain, and each page states the result.
 *
 * The result must be known before the first page is put, so the pages behind it are read ahead, once a chain: nothing of
 * them is kept but sums.
 */
#include "swift_mt.h"

struct page {
	const char *begin;
	struct ep_slice account, number;
	struct mt_balance closing;
	bool intermediate;
};

static struct ep_slice first_line(struct ep_slice value)
{
	struct ep_slice line = ep_slice_make(NULL, 0);

	mt_take_line(&value, &line);
	return ep_slice_trim(line);
}

static struct ep_slice number_of(struct ep_slice value)
{
	struct ep_slice line = first_line(value);

	return ep_slice_sub(line, 0, ep_slice_find(line, '/'));
}

static bool continues(const struct page *before, const struct page *page, const struct mt_field *opening)
{
	struct mt_balance balance = mt_read_balance(opening->value);

	if (opening->letter != 'M' || !balance.readable || !ep_slice_equal(before->account, page->account))
		return false;
	return ep_slice_equal(before->number, page->number) ||
	       ep_decimal_compare(balance.money.amount, before->closing.money.amount) == 0;
}

static void add_entry(struct ep_ledger *ledger, const struct mt_field *field, const char *currency)
{
	struct mt_entry entry;
	struct ep_slice why;
	struct ep_money money;

	if (mt_read_entry(&entry, field, &why) != EP_OK) {
		ep_ledger_entry_unknown(ledger);
		return;
	}
	memset(&money, 0, sizeof(money));
	money.amount = entry.amount;
	memcpy(money.currency, currency, sizeof(money.currency));
	ep_ledger_entry(ledger, money, entry.debit, !entry.expected);
}

/* Reads the message that begins at `fields`, as far as it continues `before`; leaves `fields` at the next one. */
static bool read_page(struct mt_fields *fields, const struct page *before, struct page *page, struct ep_ledger *ledger)
{
	struct mt_fields next = *fields;
	struct mt_field field;
	bool linked = false;

	memset(page, 0, sizeof(*page));
	while (mt_fields_next(&next, &field)) {
		if (field.tag == MT_20 && page->begin)
			break;
		if (field.tag == MT_20)
			page->begin = field.begin;
		else if (!page->begin)
			return false;
		else if (field.tag == MT_25 && page->account.length == 0)
			page->account = first_line(field.value);
		else if (field.tag == MT_28 && page->number.length == 0)
			page->number = number_of(field.value);
		else if (field.tag == MT_60 && !linked && !(linked = continues(before, page, &field)))
			return false;
		else if ((field.tag == MT_61 || field.tag == MT_62) && !linked)
			return false;
		else if (field.tag == MT_61)
			add_entry(ledger, &field, ledger->currency);
		else if (field.tag == MT_62) {
			page->closing = mt_read_balance(field.value);
			page->intermediate = field.letter == 'M';
		}
		*fields = next;
	}
	return linked;
}

void mt_read_chain(struct mt_reader *reader, const struct mt_fields *behind)
{
	struct mt_statement *statement = &reader->statement;
	struct ep_ledger ledger = statement->ledger;
	struct mt_fields fields = *behind;
	struct page page, before;

	memset(&before, 0, sizeof(before));
	before.account = statement->raw_account;
	before.number = statement->raw_number;
	before.intermediate = true;
	before.closing.money = ledger.closing;
	before.closing.readable = true;
	reader->chain.last = statement->begin;
	for (;;) {
		struct ep_ledger sums = ledger;

		if (!before.intermediate || !read_page(&fields, &before, &page, &sums))
			break;
		ledger = sums;
		reader->chain.last = page.begin;
		if (page.closing.readable) {
			memcpy(page.closing.money.currency, ledger.currency, sizeof(ledger.currency));
			ep_ledger_close(&ledger, page.closing.money, ledger.closing_origin);
		} else {
			ledger.closing_stated = false;
		}
		before = page;
	}
	reader->chain.check = ep_ledger_check(&ledger, &reader->chain.difference);
}
