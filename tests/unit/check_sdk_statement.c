/*
 * What plugins for statements share: charset by evidence, gathered texts, the ledger.
 */
#include <check.h>

#include "sdk_host.h"

static struct ep_call call;

/* Just enough of UTF-8 for these tests: no byte from 0xf8 on, every lead byte followed by its tail. */
static enum ep_status check_utf8(struct ep_slice bytes, uint64_t *offset)
{
	for (uint64_t i = 0; i < bytes.length; i++) {
		uint8_t byte = (uint8_t)bytes.data[i];
		uint64_t tail = byte < 0x80 ? 0 : byte >= 0xe0 ? 2 : 1;

		*offset = i;
		if (byte >= 0x80 && (byte < 0xc2 || byte >= 0xf0 || bytes.length - i <= tail))
			return EP_BAD_INPUT;
		for (; tail; tail--)
			if (((uint8_t)bytes.data[++i] & 0xc0) != 0x80)
				return EP_BAD_INPUT;
	}
	return EP_OK;
}

static uint32_t evidence(const char *text, uint32_t declared)
{
	static const struct ep_text_service service = {.size = sizeof(service), .check_utf8 = check_utf8};
	struct ep_part part = {.bytes = ep_slice_of(text), .charset = declared};
	struct ep_host host = {.size = sizeof(host), .text = &service};

	return ep_charset_by_evidence(&host, &part, EP_WINDOWS_1252);
}

START_TEST(the_charset_shows_in_the_bytes)
{
	ck_assert_uint_eq(evidence("plain", EP_UTF8), EP_UTF8);
	ck_assert_uint_eq(evidence("M\xc3\xbcller", EP_UTF8), EP_UTF8);
	ck_assert_uint_eq(evidence("M\xfcller", EP_UTF8), EP_WINDOWS_1252);
	ck_assert_uint_eq(evidence("M\x81ller", EP_UTF8), EP_CP850);
	ck_assert_uint_eq(evidence("K\x84the Gro\xe1", EP_UTF8), EP_CP850);
	ck_assert_uint_eq(evidence("\x88\xa5ka \x98wi\xa9to \xbeyto", EP_UTF8), EP_CP852);
	ck_assert_uint_eq(evidence("l\x92"
				   "eau co\xfbte 5 \x80",
				  EP_UTF8),
		EP_WINDOWS_1252);
	ck_assert_uint_eq(evidence("\x93quoted\x94 and \x96 dashed", EP_UTF8), EP_WINDOWS_1252);
	ck_assert_uint_eq(evidence("caf\xe9 \x81 na\xefve", EP_UTF8), EP_LATIN1);
	ck_assert_uint_eq(evidence("M\x81ller", EP_LATIN1), EP_LATIN1);
}
END_TEST

START_TEST(gathered_texts_know_where_they_come_from)
{
	struct ep_part part = {.bytes = EP_SAY("first line\nsecond line"), .index = 0};
	struct ep_host host = {.alloc = sdk_alloc};
	struct ep_gather gather;
	struct ep_text text;

	ck_assert(ep_gather_open(&host, &call, &gather, 16));
	ep_gather_word(&gather, ep_text_of(&part, ep_slice_sub(part.bytes, 11, 6)));
	ep_gather_word(&gather, ep_text_of(&part, ep_slice_sub(part.bytes, 5, 0)));
	ep_gather_word(&gather, ep_text_of(&part, ep_slice_sub(part.bytes, 0, 5)));
	text = ep_gathered(&gather);
	ck_assert(ep_slice_is(text.value, "second first"));
	ck_assert_uint_eq(text.part, 0);
	ck_assert_uint_eq(text.offset, 0);
	ck_assert_uint_eq(text.length, 17);
	ck_assert(!gather.full);
	ep_gather_bytes(&gather, EP_SAY("12345"));
	ck_assert(gather.full);
	ck_assert_uint_eq(gather.length, 16);
	ep_gather_byte(&gather, 'x');
	ck_assert_uint_eq(gather.length, 16);
	ep_gather_clear(&gather);
	ck_assert_uint_eq(ep_gathered(&gather).value.length, 0);
	ck_assert_uint_eq(ep_gathered(&gather).part, EP_NO_PART);
	sdk_call_free(&call);
}
END_TEST

static struct ep_money money(const char *amount, const char *currency)
{
	struct ep_money value;

	ck_assert_int_eq(ep_money_read(&value, ep_slice_of(amount), EP_DECIMAL_POINT, ep_slice_of(currency)), EP_OK);
	return value;
}

START_TEST(the_ledger_balances_over_booked_entries)
{
	const struct ep_text nowhere = ep_text_constant(EP_SAY(""));
	struct ep_ledger ledger = {0};
	struct ep_money difference;

	ep_ledger_open(&ledger, money("-10", "EUR"), nowhere);
	ck_assert_uint_eq(ep_ledger_check(&ledger, &difference), EP_BALANCE_CHECK_NOT_STATED);
	ep_ledger_entry(&ledger, money("12.50", "EUR"), false, true);
	ep_ledger_entry(&ledger, money("2.5", ""), true, true);
	ep_ledger_entry(&ledger, money("100", "EUR"), true, false);
	ep_ledger_close(&ledger, money("0.00", "EUR"), nowhere);
	ck_assert_uint_eq(ep_ledger_check(&ledger, &difference), EP_BALANCE_CHECK_BALANCED);
	ck_assert_int_eq(ledger.entries, 3);
	ck_assert_int_eq(ledger.debit_entries, 2);
	ep_ledger_close(&ledger, money("0.01", "EUR"), nowhere);
	ck_assert_uint_eq(ep_ledger_check(&ledger, &difference), EP_BALANCE_CHECK_UNBALANCED);
	ck_assert_int_eq(ep_decimal_compare(difference.amount, ep_decimal_make(1, 2)), 0);
	ck_assert_str_eq(difference.currency, "EUR");
	ep_ledger_entry(&ledger, money("1", "USD"), false, true);
	ck_assert_uint_eq(ep_ledger_check(&ledger, &difference), EP_BALANCE_CHECK_NOT_STATED);
}
END_TEST

START_TEST(an_unknown_amount_leaves_no_sums)
{
	struct ep_ledger ledger = {0};
	struct ep_money difference;

	ep_ledger_open(&ledger, money("1", "EUR"), ep_text_constant(EP_SAY("")));
	ep_ledger_close(&ledger, money("1", "EUR"), ep_text_constant(EP_SAY("")));
	ck_assert_uint_eq(ep_ledger_check(&ledger, &difference), EP_BALANCE_CHECK_BALANCED);
	ep_ledger_entry_unknown(&ledger);
	ck_assert_uint_eq(ep_ledger_check(&ledger, &difference), EP_BALANCE_CHECK_NOT_STATED);
}
END_TEST

START_TEST(short_texts_are_found)
{
	ck_assert_uint_eq(ep_slice_search(EP_SAY("aab"), EP_SAY("ab")), 1);
	ck_assert_uint_eq(ep_slice_search(EP_SAY("aa"), EP_SAY("ab")), 2);
	ck_assert_uint_eq(ep_slice_search(EP_SAY("a"), EP_SAY("ab")), 1);
	ck_assert_uint_eq(ep_slice_search(EP_SAY(""), EP_SAY("ab")), 0);
	ck_assert_uint_eq(ep_slice_search(EP_SAY("xyz"), EP_SAY("")), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sdk_statement");
	TCase *cases = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(cases, the_charset_shows_in_the_bytes);
	tcase_add_test(cases, gathered_texts_know_where_they_come_from);
	tcase_add_test(cases, the_ledger_balances_over_booked_entries);
	tcase_add_test(cases, an_unknown_amount_leaves_no_sums);
	tcase_add_test(cases, short_texts_are_found);
	suite_add_tcase(suite, cases);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
