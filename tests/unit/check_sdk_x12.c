/*
 * X12: separators of every kind, the deviations of real files, and input that ends anywhere.
 */
#include <check.h>

#include "sdk_host.h"

static struct ep_call call;

/* Segments as "NAME|element|element/"; "!" behind a failure, "?" if it doesn't begin like X12. */
static const char *x12_as(const char *bytes, size_t length)
{
	static char text[4096];
	struct ep_part part = sdk_part(bytes, length);
	struct ep_x12 x12;
	enum ep_status status = ep_x12_begin(&x12, &part);
	size_t used = 0;

	if (status != EP_OK) {
		sdk_part_free(&part);
		return "?";
	}
	text[0] = '\0';
	while ((status = ep_x12_next(&x12)) == EP_OK) {
		for (uint32_t i = 0; i < x12.count && used < sizeof(text) - 256; i++) {
			struct ep_text element = i ? ep_x12_element(&x12, i) : x12.elements[0];

			used += (size_t)snprintf(text + used, 200, "%s%.*s", i ? "|" : "", (int)element.value.length,
				element.value.data);
			ck_assert_uint_le(element.offset + element.length, length);
		}
		used += (size_t)snprintf(text + used, 2, "/");
	}
	if (status != EP_END)
		snprintf(text + used, 2, "!");
	sdk_part_free(&part);
	sdk_call_free(&call);
	return text;
}

#define x12(literal) x12_as(literal, sizeof(literal) - 1)

/* ISA with the three separators and ISA11, ISA12 given; no terminator. */
#define ISA(e, repetition, version, tail)                                                                              \
	"ISA" e "00" e "          " e "00" e "          " e "ZZ" e "WAREHOUSE      " e "ZZ" e "PLATFORM       " e      \
	"260904" e "0915" e repetition e version e "000000001" e "0" e "P" tail
#define READ(e, repetition, version, tail)                                                                             \
	"ISA|00||00||ZZ|WAREHOUSE|ZZ|PLATFORM|260904|0915|" repetition "|" version "|000000001|0|P" tail "/"

static struct ep_x12 begun(const char *bytes, size_t length, struct ep_part *part)
{
	struct ep_x12 reader;

	*part = sdk_part(bytes, length);
	ck_assert_int_eq(ep_x12_begin(&reader, part), EP_OK);
	ck_assert_int_eq(ep_x12_next(&reader), EP_OK);
	return reader;
}

START_TEST(separators_are_what_the_isa_says)
{
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>~") "GS*RE*A~IEA*0*1~"),
		READ("*", "U", "00401", "|>") "GS|RE|A/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("~", "U", "00401", "~>?") "GS~RE~A?IEA~0~1?"),
		READ("~", "U", "00401", "|>") "GS|RE|A/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("|", "U", "00401", "|^}") "GS|RE|A}IEA|0|1}"),
		READ("|", "U", "00401", "|^") "GS|RE|A/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("\x1d", "U", "00401", "\x1d\x1f\x1c") "GS\x1dRE\x1c"
								       "IEA\x1d"
								       "0\x1d"
								       "1\x1c"),
		READ("", "U", "00401", "|\x1f") "GS|RE/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("^", "U", "00401", "^>.") "GS^RE^A.IEA^0^1."),
		READ("^", "U", "00401", "|>") "GS|RE|A/IEA|0|1/");
	/* A terminator of several bytes (U+2026), and one byte that only looks like the begin of one. */
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>\xe2\x80\xa6") "GS*RE\xe2\x80\xa6\nIEA*0*1\xe2\x80\xa6"),
		READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>\xe2") "GS*RE\xe2"
							      "IEA*0*1\xe2"),
		READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
}
END_TEST

START_TEST(line_ends_are_terminators)
{
	ck_assert_str_eq(
		x12(ISA("*", "U", "00401", "*>\n") "GS*RE\nIEA*0*1\n"), READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>\r\n") "GS*RE\r\nIEA*0*1\r\n"),
		READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*> \r\n") " GS*RE \r\n IEA*0*1 \r\n"),
		READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
	ck_assert_str_eq(
		x12(ISA("*", "U", "00401", "*>\r") "GS*RE\rIEA*0*1"), READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>\n") "GS*RE\r\nIEA*0*1\r\n\r\n"),
		READ("*", "U", "00401", "|>") "GS|RE/IEA|0|1/");
}
END_TEST

START_TEST(white_space_stands_between_segments_only)
{
	ck_assert_str_eq(
		x12("\xef\xbb\xbf\r\n " ISA("*", "U", "00401", "*>~") "\r\n  GS*RE* A B ~\t\n IEA*0*1~\r\n\x1a"),
		READ("*", "U", "00401", "|>") "GS|RE| A B/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>~") "~~\nGS*RE**~~IEA*0*1"),
		READ("*", "U", "00401", "|>") "GS|RE||/IEA|0|1/");
}
END_TEST

START_TEST(an_irregular_isa_is_counted)
{
	struct ep_part part;
	struct ep_x12 reader;

	ck_assert_str_eq(x12("ISA*00**00**ZZ*A*ZZ*B*20260904*0915*U*00401*1*0*T*:~GS*RE~IEA*0*1~"),
		"ISA|00||00||ZZ|A|ZZ|B|20260904|0915|U|00401|1|0|T|:/GS|RE/IEA|0|1/");
	/* ISA16 left empty, and left out, so that its place is the terminator's. */
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*~\n") "GS*RE~\nST*846*1~\nIEA*0*1~\n"),
		READ("*", "U", "00401", "|") "GS|RE/ST|846|1/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "~") "GS*RE*A*B~IEA*0*1~"),
		READ("*", "U", "00401", "") "GS|RE|A|B/IEA|0|1/");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "~\r\n") "GS*RE*A*B~\r\nIEA*0*1~\r\n"),
		READ("*", "U", "00401", "") "GS|RE|A|B/IEA|0|1/");
	reader = begun("ISA*00**00**ZZ*A*ZZ*B*20260904*0915*U*00401*1*0*T*:~IEA*0*1~", 61, &part);
	ck_assert(reader.irregular_isa);
	ck_assert_int_eq(reader.component_separator, ':');
	sdk_part_free(&part);
	reader = begun(ISA("*", "U", "00401", "*>~") "IEA*0*1~", 114, &part);
	ck_assert(!reader.irregular_isa);
	ck_assert(reader.in_interchange);
	sdk_part_free(&part);
	ck_assert_str_eq(x12("ISA*00*too short~GS*RE~"), "?");
	ck_assert_str_eq(x12(ISA("*", "U", "00401", "*>x") "GS*RE~"), "?"); /* a letter is no terminator */
}
END_TEST

START_TEST(repetition_only_from_00402_on)
{
	static const struct {
		const char *text;
		char repetition;
	} cases[] = {{ISA("*", "U", "00401", "*>~") "IEA*0*1~", 0}, {ISA("*", "^", "00401", "*>~") "IEA*0*1~", 0},
		{ISA("*", " ", "00401", "*>~") "IEA*0*1~", 0}, {ISA("*", "^", "00501", "*>~") "IEA*0*1~", '^'},
		{ISA("*", "-", "00406", "*>~") "IEA*0*1~", '-'}, {ISA("*", "U", "00501", "*>~") "IEA*0*1~", 0},
		{ISA("*", "^", "VERSN", "*>~") "IEA*0*1~", 0}};
	struct ep_part part;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ep_x12 reader = begun(cases[i].text, strlen(cases[i].text), &part);

		ck_assert_int_eq(reader.repetition_separator, cases[i].repetition);
		sdk_part_free(&part);
	}
}
END_TEST

START_TEST(several_interchanges_each_with_its_separators)
{
	ck_assert_str_eq(
		x12(ISA("*", "U", "00401", "*>~") "IEA*0*1~\n" ISA("|", "U", "00401", "|:\n") "ST|846|1\nIEA|0|1\n"),
		READ("*", "U", "00401", "|>") "IEA|0|1/" READ("|", "U", "00401", "|:") "ST|846|1/IEA|0|1/");
	ck_assert_str_eq(
		x12(ISA("*", "U", "00401", "*>~") "IEA*0*1~ISA*broken~"), READ("*", "U", "00401", "|>") "IEA|0|1/!");
}
END_TEST

START_TEST(without_an_envelope)
{
	ck_assert_str_eq(x12("ST*846*0001~BIA*00*SI~SE*3*0001~"), "ST|846|0001/BIA|00|SI/SE|3|0001/");
	ck_assert_str_eq(x12("ST|944|0001}W17|F}SE|3|0001"), "ST|944|0001/W17|F/SE|3|0001/");
	ck_assert_str_eq(x12("ST*846*0001\r\nBIA*00*SI\r\nSE*3*0001"), "ST|846|0001/BIA|00|SI/SE|3|0001/");
	ck_assert_str_eq(x12("GS*RE*A-B.C*D~ST*944*1~SE*2*1~GE*1*1~"), "GS|RE|A-B.C|D/ST|944|1/SE|2|1/GE|1|1/");
	ck_assert_str_eq(x12("GS|RE|A-B.C|D|20260904|0915|1|X|004010VICS}ST|944|1}SE|2|1}GE|1|1}"),
		"GS|RE|A-B.C|D|20260904|0915|1|X|004010VICS/ST|944|1/SE|2|1/GE|1|1/");
	ck_assert_str_eq(x12("ST~846~1?BIA~00?SE~3~1?"), "ST|846|1/BIA|00/SE|3|1/");
	ck_assert_str_eq(x12("STATEMENT OF ACCOUNT"), "?");
	ck_assert_str_eq(x12("{\"a\":1}"), "?");
	ck_assert_str_eq(x12("UNB+UNOC:3'"), "?");
	ck_assert_str_eq(x12("ISA"), "?");
	ck_assert_str_eq(x12("ST*846*0001"), "?");
	ck_assert_str_eq(x12(""), "?");
	ck_assert_str_eq(x12("\xef\xbb\xbf \r\n"), "?");
}
END_TEST

START_TEST(bounds_are_kept)
{
	static char many[2000] = "ST*846*1~";
	struct ep_part part;
	struct ep_x12 reader;

	for (size_t i = 9; i < 9 + 127; i++)
		many[i] = '*';
	memcpy(many + 9 + 127, "~SE*2*1~", 9);
	part = sdk_part(many, strlen(many));
	ck_assert_int_eq(ep_x12_begin(&reader, &part), EP_OK);
	ck_assert_int_eq(ep_x12_next(&reader), EP_OK);
	ck_assert_int_eq(ep_x12_next(&reader), EP_OK);
	ck_assert_uint_eq(reader.count, 128);
	sdk_part_free(&part);
	memcpy(many + 9 + 127, "*~SE*2*1~", 10);
	part = sdk_part(many, strlen(many));
	ck_assert_int_eq(ep_x12_begin(&reader, &part), EP_OK);
	ck_assert_int_eq(ep_x12_next(&reader), EP_OK);
	ck_assert_int_eq(ep_x12_next(&reader), EP_BAD_INPUT);
	(void)ep_x12_place(sdk_host(), &call, &reader, 3);
	sdk_part_free(&part);
	sdk_call_free(&call);
}
END_TEST

START_TEST(places_name_the_segment)
{
	static const char text[] = "ST*944*1~W07*1*EA~W07*22*EA~SE*4*1~ST*944*2~W07*3~SE*3*2~";
	struct ep_part part = sdk_part(text, sizeof(text) - 1);
	struct ep_x12 reader;
	struct ep_place place;

	ck_assert_int_eq(ep_x12_begin(&reader, &part), EP_OK);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ep_x12_next(&reader), EP_OK);
	place = ep_x12_place(sdk_host(), &call, &reader, 1);
	ck_assert(ep_slice_is(place.path, "W07[2]-01"));
	ck_assert_uint_eq(place.offset, 22);
	ck_assert_uint_eq(place.length, 2);
	place = ep_x12_place(sdk_host(), &call, &reader, 0);
	ck_assert(ep_slice_is(place.path, "W07[2]"));
	ck_assert_uint_eq(place.offset, 18);
	ck_assert_uint_eq(place.length, 9);
	place = ep_x12_place(sdk_host(), &call, &reader, 14);
	ck_assert(ep_slice_is(place.path, "W07[2]-14"));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ep_x12_next(&reader), EP_OK);
	ck_assert_uint_eq(reader.set_number, 2);
	ck_assert(ep_slice_is(ep_x12_place(sdk_host(), &call, &reader, 2).path, "ST[2]/W07[1]-02"));
	call.no_memory = true;
	ck_assert_uint_eq(ep_x12_place(sdk_host(), &call, &reader, 2).path.length, 0);
	sdk_part_free(&part);
	sdk_call_free(&call);
}
END_TEST

START_TEST(every_cut_and_every_changed_byte_is_survived)
{
	static const char whole[] = "\xef\xbb\xbf" ISA("*", "^", "00501",
		"*>\xe2\x80\xa6") "\r\n GS*RE*A*B\xe2\x80\xa6ST*944*1\xe2\x80\xa6"
				  "W07*1*EA\xe2\x80\xa6SE*3*1\xe2\x80\xa6GE*1*1\xe2\x80\xa6IEA*1*1\xe2\x80\xa6" ISA(
					  "|", "U", "00401", "|:~") "IEA|0|1~";
	static const char bytes[] = "*~|\n\r\0 A0\xe2\x80^>";
	char changed[sizeof(whole)];

	for (size_t length = 0; length < sizeof(whole); length++)
		(void)x12_as(whole, length);
	for (size_t at = 0; at < sizeof(whole) - 1; at++) {
		for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
			memcpy(changed, whole, sizeof(whole));
			changed[at] = bytes[i];
			(void)x12_as(changed, sizeof(changed) - 1);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sdk x12");
	TCase *tcase = tcase_create("x12");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, separators_are_what_the_isa_says);
	tcase_add_test(tcase, line_ends_are_terminators);
	tcase_add_test(tcase, white_space_stands_between_segments_only);
	tcase_add_test(tcase, an_irregular_isa_is_counted);
	tcase_add_test(tcase, repetition_only_from_00402_on);
	tcase_add_test(tcase, several_interchanges_each_with_its_separators);
	tcase_add_test(tcase, without_an_envelope);
	tcase_add_test(tcase, bounds_are_kept);
	tcase_add_test(tcase, places_name_the_segment);
	tcase_add_test(tcase, every_cut_and_every_changed_byte_is_survived);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
