/*
 * Dates, times of day, points in time: the calendars edges, every way of writing that is accepted, and what is refused.
 */
#include <check.h>
#include <stdlib.h>

#include <entrepot/plugin.h>

static const char *date_as(const char *text, enum ep_date_format format)
{
	static char written[16];
	struct ep_date date;

	if (ep_date_read(&date, ep_slice_of(text), format) != EP_OK)
		return "bad";
	ck_assert_uint_eq(ep_date_write(date, written), 10);
	return written;
}

/* "local" is prefixed where the text gives no offset. */
static const char *time_as(const char *text)
{
	static char written[48];
	struct ep_time time;
	struct ep_local_time local;

	switch (ep_time_read(&time, &local, ep_slice_of(text))) {
	case EP_OK:
		ck_assert_uint_eq(ep_time_write(time, written), strlen(written));
		return written;
	case EP_NO_ZONE:
		memcpy(written, "local ", 6);
		ep_time_write(ep_time_at(local, 0), written + 6);
		return written;
	default:
		return "bad";
	}
}

static const char *clock_as(const char *text)
{
	static char written[48];
	struct ep_local_time local;

	memset(&local, 0, sizeof(local));
	local.date.year = 2026;
	local.date.month = 11;
	local.date.day = 23;
	if (ep_clock_read(&local, ep_slice_of(text)) != EP_OK)
		return "bad";
	ep_time_write(ep_time_at(local, 0), written);
	return written + 11;
}

START_TEST(dates_in_every_format)
{
	static const struct {
		const char *text;
		enum ep_date_format format;
		const char *want;
	} cases[] = {{"2026-11-23", EP_DATE_ISO, "2026-11-23"}, {"20261123", EP_DATE_BASIC, "2026-11-23"},
		{"261123", EP_DATE_SHORT, "2026-11-23"}, {"800101", EP_DATE_SHORT, "1980-01-01"},
		{"791231", EP_DATE_SHORT, "2079-12-31"}, {"991231", EP_DATE_SHORT, "1999-12-31"},
		{"000229", EP_DATE_SHORT, "2000-02-29"}, {"23.11.2026", EP_DATE_DMY, "2026-11-23"},
		{"23/11/2026", EP_DATE_DMY, "2026-11-23"}, {"3-1-26", EP_DATE_DMY, "2026-01-03"},
		{"11/23/2026", EP_DATE_MDY, "2026-11-23"}, {"1/2/2026", EP_DATE_MDY, "2026-01-02"},
		{"2026/11/23", EP_DATE_YMD, "2026-11-23"}, {"2026.1.2", EP_DATE_YMD, "2026-01-02"},
		{"2024-02-29", EP_DATE_ISO, "2024-02-29"}, {"2000-02-29", EP_DATE_ISO, "2000-02-29"},
		{"1900-02-29", EP_DATE_ISO, "bad"}, {"2026-02-29", EP_DATE_ISO, "bad"},
		{"2026-02-30", EP_DATE_ISO, "bad"}, {"2026-04-31", EP_DATE_ISO, "bad"},
		{"2026-13-01", EP_DATE_ISO, "bad"}, {"2026-00-10", EP_DATE_ISO, "bad"},
		{"2026-01-00", EP_DATE_ISO, "bad"}, {"0000-00-00", EP_DATE_ISO, "bad"},
		{"0000-01-01", EP_DATE_ISO, "bad"}, {"0001-01-01", EP_DATE_ISO, "0001-01-01"},
		{"9999-12-31", EP_DATE_ISO, "9999-12-31"}, {"2026-1-2", EP_DATE_ISO, "bad"},
		{"2026-11-23T", EP_DATE_ISO, "bad"}, {"2026/11/23", EP_DATE_ISO, "bad"},
		{"-026-11-23", EP_DATE_ISO, "bad"}, {"2026-1+-23", EP_DATE_ISO, "bad"},
		{"CCYYMMDD", EP_DATE_BASIC, "bad"}, {"2026112", EP_DATE_BASIC, "bad"},
		{"202611230", EP_DATE_BASIC, "bad"}, {"23.11/2026", EP_DATE_DMY, "bad"},
		{"11/23/2026", EP_DATE_DMY, "bad"}, {"23/11/20266", EP_DATE_DMY, "bad"},
		{"23/11/026", EP_DATE_DMY, "bad"}, {"26/11/23", EP_DATE_YMD, "bad"}, {"23//2026", EP_DATE_DMY, "bad"},
		{"", EP_DATE_DMY, "bad"}, {"23/11/2026/", EP_DATE_DMY, "bad"},
		{"2026-11-23", (enum ep_date_format)77, "bad"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(date_as(cases[i].text, cases[i].format), cases[i].want) == 0, "'%s': %s",
			cases[i].text, date_as(cases[i].text, cases[i].format));
}
END_TEST

START_TEST(days_and_dates_agree)
{
	struct ep_date epoch = {1970, 1, 1};
	struct ep_date date = {1, 1, 1};

	ck_assert_int_eq(ep_date_days(epoch), 0);
	for (int64_t days = ep_date_days(date); days <= 2932896; days++) {
		date = ep_date_from_days(days);
		if (!ep_date_exists(date) || ep_date_days(date) != days)
			ck_abort_msg("day %lld", (long long)days);
	}
	ck_assert_int_eq(date.year, 9999);
	ck_assert_int_eq(date.day, 31);
	ck_assert_int_eq(ep_date_from_days(INT64_MAX).year, 9999);
	ck_assert_int_eq(ep_date_from_days(INT64_MIN).year, 1);
}
END_TEST

START_TEST(times_as_they_are_written)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"2026-11-23T10:00:00.123+08:00", "2026-11-23T10:00:00.123+08:00"},
		{"2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"}, {"2026-11-23t10:00:00z", "2026-11-23T10:00:00Z"},
		{"2026-11-23 10:00:00+00:00", "2026-11-23T10:00:00Z"},
		{"2026-11-23T10:00:00-00:00", "2026-11-23T10:00:00Z"},
		{"2026-11-23T10:00+0800", "2026-11-23T10:00:00+08:00"},
		{"2026-11-23T10:00:00-05", "2026-11-23T10:00:00-05:00"},
		{"2026-11-23T23:45:00+05:45", "2026-11-23T23:45:00+05:45"},
		{"2026-11-23 10:00:00 +0800", "2026-11-23T10:00:00+08:00"},
		{"2026-11-23 10:00:00 UTC", "2026-11-23T10:00:00Z"},
		{"2026-11-23T10:00:00,5Z", "2026-11-23T10:00:00.5Z"},
		{"2026-11-23T10:00:00.123456789012Z", "2026-11-23T10:00:00.123456789Z"},
		{"2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00.000Z"},
		{"2026-11-23T10:00:00", "local 2026-11-23T10:00:00Z"},
		{"2026-11-23 10:00", "local 2026-11-23T10:00:00Z"}, {"2026-11-23T24:00:00Z", "2026-11-24T00:00:00Z"},
		{"2026-12-31T24:00:00", "local 2027-01-01T00:00:00Z"}, {"2026-11-23T24:00:01Z", "bad"},
		{"2026-11-23T24:00:00.1Z", "bad"}, {"9999-12-31T24:00:00", "bad"},
		/* A leap second is the second before it, wherever the sender sits. */
		{"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"},
		{"2017-01-01T08:59:60+09:00", "2017-01-01T08:59:59+09:00"},
		{"2017-01-01T05:44:60+05:45", "2017-01-01T05:44:59+05:45"}, {"2016-12-31T23:59:61Z", "bad"},
		{"2016-12-31T12:30:60Z", "bad"}, {"1969-12-31T23:59:59.9Z", "1969-12-31T23:59:59.9Z"},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"}, {"0001-01-01T00:00:00+01:00", "bad"},
		{"9999-12-31T23:59:59-01:00", "bad"}, {"2026-11-23", "bad"}, {"2026-11-23T", "bad"},
		{"2026-11-23T10", "bad"}, {"2026-11-23T10:0", "bad"}, {"2026-11-23T10:00:", "bad"},
		{"2026-11-23T10:00:0", "bad"}, {"2026-11-23T10:00:00.", "bad"}, {"2026-11-23T10:00:00.Z", "bad"},
		{"2026-11-23T25:00:00Z", "bad"}, {"2026-11-23T10:60:00Z", "bad"}, {"2026-02-30T10:00:00Z", "bad"},
		{"2026-11-23T10:00:00+24:00", "bad"}, {"2026-11-23T10:00:00+08:60", "bad"},
		{"2026-11-23T10:00:00+8", "bad"}, {"2026-11-23T10:00:00+08:0", "bad"},
		{"2026-11-23T10:00:00 CET", "bad"}, {"2026-11-23T10:00:00ZZ", "bad"}, {"2026-11-23T10:00:00 ", "bad"},
		{"2026-11-23X10:00:00Z", "bad"}, {" 2026-11-23T10:00:00Z", "bad"}, {"0000-00-00 00:00:00", "bad"},
		{"", "bad"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(time_as(cases[i].text), cases[i].want) == 0, "'%s': %s", cases[i].text,
			time_as(cases[i].text));
}
END_TEST

START_TEST(every_cut_is_survived)
{
	static const char whole[] = "2026-11-23 10:00:00.123456789 +08:00";
	struct ep_time time;
	size_t read = 0;

	for (size_t length = 0; length < sizeof(whole); length++) {
		char *copy = malloc(length + 1); /* exactly as long, so that a sanitizer sees a read beyond */

		memcpy(copy, whole, length);
		read += ep_time_read(&time, NULL, ep_slice_make(copy, length)) == EP_OK;
		free(copy);
	}
	ck_assert_uint_eq(read, 2); /* at +08 and at the end */
}
END_TEST

START_TEST(clocks_of_edi)
{
	static const struct {
		const char *text, *want;
	} cases[] = {{"1030", "10:30:00Z"}, {"103015", "10:30:15Z"}, {"1030155", "10:30:15.5Z"},
		{"10301505", "10:30:15.05Z"}, {"10:30", "10:30:00Z"}, {"10:30:15", "10:30:15Z"},
		{"235960", "23:59:59Z"}, {"0000", "00:00:00Z"}, {"2400", "bad"}, {"1060", "bad"}, {"103060", "bad"},
		{"103", "bad"}, {"10301", "bad"}, {"103015055", "bad"}, {"10:3", "bad"}, {"10:30:1", "bad"},
		{"10:30:15.5", "bad"}, {"10.30", "bad"}, {"1O30", "bad"}, {"", "bad"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(clock_as(cases[i].text), cases[i].want) == 0, "'%s': %s", cases[i].text,
			clock_as(cases[i].text));
}
END_TEST

START_TEST(unix_times_and_the_offsets_date)
{
	struct ep_time time;
	char text[40];

	ep_time_write(ep_time_unix(1700000000), text);
	ck_assert_str_eq(text, "2023-11-14T22:13:20Z");
	ep_time_write(ep_time_unix_ms(-1), text);
	ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
	ep_time_write(ep_time_unix_ms(1700000000123), text);
	ck_assert_str_eq(text, "2023-11-14T22:13:20.123Z");
	ck_assert_int_eq(ep_time_read(&time, NULL, EP_SAY("2026-11-24T00:30:00+08:00")), EP_OK);
	ck_assert_int_eq(ep_time_date(time).day, 24);
	ck_assert_int_eq(time.seconds, ep_time_unix(1795451400).seconds);
	ck_assert_int_eq(time.offset_minutes, 480);
}
END_TEST

START_TEST(any_bits_are_written_inside_the_bound)
{
	static const int64_t seconds[] = {INT64_MIN, INT64_MAX, 0, -62135596800, 253402300799};
	static const int16_t offsets[] = {INT16_MIN, INT16_MAX, -1439, 1439, 0};
	struct ep_time time;
	char text[40];

	for (size_t i = 0; i < 5; i++) {
		for (size_t k = 0; k < 5; k++) {
			time = ep_time_unix(seconds[i]);
			time.offset_minutes = offsets[k];
			time.nanosecond = UINT32_MAX;
			time.digits = UINT8_MAX;
			ck_assert_uint_le(ep_time_write(time, text), 35);
			ck_assert(ep_date_exists(ep_time_date(time)));
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sdk time");
	TCase *tcase = tcase_create("time");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, dates_in_every_format);
	tcase_add_test(tcase, days_and_dates_agree);
	tcase_add_test(tcase, times_as_they_are_written);
	tcase_add_test(tcase, every_cut_is_survived);
	tcase_add_test(tcase, clocks_of_edi);
	tcase_add_test(tcase, unix_times_and_the_offsets_date);
	tcase_add_test(tcase, any_bits_are_written_inside_the_bound);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
