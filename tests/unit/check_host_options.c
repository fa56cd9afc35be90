/*
 * check_host_options.c: an instance's state from its option table and settings; time zones.
 */
#include "call_test.h"

#include "base/arena.h"
#include "worker/zone.h"
#include "worker/zone_rule.h"

struct state {
	char separator;
	struct ep_slice account;
	int64_t skip;
	bool strict;
	uint32_t sign;
};

static const struct ep_option options[] = {
	EP_OPTION(struct state, separator, EP_OPTION_CHAR, ";", "column separator"),
	EP_OPTION(struct state, account, EP_OPTION_TEXT, EP_REQUIRED, "account that the list is for"),
	EP_OPTION_RANGE(struct state, skip, "0", -5, 100, "rows before the header"),
	EP_OPTION(struct state, strict, EP_OPTION_BOOL, "true", "refuse what deviates"),
	EP_OPTION_ONE_OF(struct state, sign, "minus", "minus|column|both", "how a debit is told"),
};

static struct call_test test;
static struct arena memory;
static struct error error;

static enum ep_status open_refuses(const struct ep_host *host, struct ep_call *call, void *state)
{
	struct ep_place place = {0};

	if (((const struct state *)state)->skip != 66)
		return EP_OK;
	return host->fail(call, EP_ERR_PLUGIN_OPTION, place, EP_SAY("skip = 66 makes no sense"));
}

static struct ep_plugin plugin = {.size = sizeof(plugin),
	.name = "test",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.state_size = sizeof(struct state),
	.open = open_refuses};

static void setup(void)
{
	call_test_start(&test);
	arena_init(&memory, 100000);
	error = (struct error){0};
}

static void teardown(void)
{
	call_test_stop(&test);
	arena_free(&memory);
}

/* "name=value;name=value" */
static enum ep_status open_with(const char *text, struct state **state)
{
	struct instance_setting settings[16];
	struct ep_slice rest = ep_slice_of(text), setting;
	void *opened = NULL;
	enum ep_status status;
	size_t count = 0;

	while (rest.length && ep_slice_split(&rest, ';', &setting)) {
		uint64_t equals = ep_slice_find(setting, '=');

		settings[count].name = ep_slice_sub(setting, 0, equals);
		settings[count++].value = ep_slice_sub(setting, equals + 1, setting.length);
	}
	status = instance_open(test.call, &plugin, settings, count, &memory, &opened, &error);
	*state = opened;
	return status;
}

START_TEST(defaults_and_settings)
{
	struct state *state;

	ck_assert_msg(open_with("account=123", &state) == EP_OK, "%s", error.text);
	ck_assert(ep_slice_is(state->account, "123"));
	ck_assert_int_eq(state->separator, ';');
	ck_assert_int_eq(state->skip, 0);
	ck_assert(state->strict);
	ck_assert_uint_eq(state->sign, 0);
	ck_assert_msg(open_with("account=;separator=tab;skip=-5;strict=false;sign=both;zone=Z;charset=utf-8", &state) ==
			      EP_OK,
		"%s", error.text);
	ck_assert_uint_eq(state->account.length, 0);
	ck_assert_int_eq(state->separator, '\t');
	ck_assert_int_eq(state->skip, -5);
	ck_assert(!state->strict);
	ck_assert_uint_eq(state->sign, 2);
}
END_TEST

static void expect_refused(const char *settings, const char *said)
{
	struct state *state;

	ck_assert_msg(open_with(settings, &state) == EP_BAD_CONFIG, "accepted: %s", settings);
	ck_assert_ptr_null(state);
	ck_assert_msg(strstr(error.text, said) != NULL, "%s: %s", settings, error.text);
}

START_TEST(what_is_wrong_is_named)
{
	expect_refused("", "account is required");
	expect_refused("account=1;seperator=,", "did you mean separator?");
	expect_refused("account=1;zoen=Z", "did you mean zone?");
	expect_refused("account=1;something-else=1", "no option \"something-else\"");
	expect_refused("account=1;separator=ab", "one ASCII character");
	expect_refused("account=1;separator=", "one ASCII character");
	expect_refused("account=1;separator=\xc3\xa9", "one ASCII character");
	expect_refused("account=1;skip=101", "from -5 to 100");
	expect_refused("account=1;skip=-6", "from -5 to 100");
	expect_refused("account=1;skip=1x", "an integer");
	expect_refused("account=1;skip=", "an integer");
	expect_refused("account=1;skip=-", "an integer");
	expect_refused("account=1;skip=99999999999999999999", "an integer");
	expect_refused("account=1;strict=yes", "true or false");
	expect_refused("account=1;sign=colum", "did you mean column?");
	expect_refused("account=1;sign=", "minus|column|both");
	expect_refused("account=1;account=2", "given twice");
	expect_refused("account=1;skip=66", "makes no sense");
	expect_refused("skip=x;sign=y", "account is required"); /* all at once */
	ck_assert_ptr_nonnull(strstr(error.text, "an integer"));
	ck_assert_ptr_nonnull(strstr(error.text, "minus|column|both"));
	ck_assert_int_eq(error.code, EP_ERR_PLUGIN_OPTION);
}
END_TEST

START_TEST(defective_tables_are_refused)
{
	struct ep_option table[2] = {options[2], options[3]};
	struct ep_plugin defective = plugin;
	void *state;

	defective.options = table;
	defective.option_count = 2;
	defective.open = NULL;
	ck_assert_int_eq(instance_open(test.call, &defective, NULL, 0, &memory, &state, &error), EP_OK);
	table[0].offset = sizeof(struct state) - 4;
	ck_assert_int_eq(instance_open(test.call, &defective, NULL, 0, &memory, &state, &error), EP_BAD_CONFIG);
	ck_assert_int_eq(error.code, EP_ERR_PLUGIN_FAULT);
	table[0] = options[2];
	table[0].member_size = 4;
	ck_assert_int_eq(instance_open(test.call, &defective, NULL, 0, &memory, &state, &error), EP_BAD_CONFIG);
	table[0] = options[3];
	ck_assert_int_eq(instance_open(test.call, &defective, NULL, 0, &memory, &state, &error), EP_BAD_CONFIG);
	table[0] = options[2];
	table[0].type = 99;
	ck_assert_int_eq(instance_open(test.call, &defective, NULL, 0, &memory, &state, &error), EP_BAD_CONFIG);
}
END_TEST

/* A table built with a later header has larger entries: what is known of them is read. */
START_TEST(tables_of_other_versions)
{
	struct later {
		struct ep_option option;
		uint64_t added[3];
	} table[2] = {{options[2], {1, 2, 3}}, {options[3], {4, 5, 6}}};
	struct ep_plugin later = plugin;
	void *state;

	table[0].option.size = table[1].option.size = sizeof(struct later);
	later.options = &table[0].option;
	later.option_count = 2;
	ck_assert_msg(instance_open(test.call, &later, NULL, 0, &memory, &state, &error) == EP_OK, "%s", error.text);
	ck_assert(((struct state *)state)->strict);
	table[1].option.size = sizeof(struct ep_option);
	ck_assert_int_eq(instance_open(test.call, &later, NULL, 0, &memory, &state, &error), EP_BAD_CONFIG);
}
END_TEST

/* Zones ------------------------------------------------------------------------------------------------------------ */

static struct ep_local_time local_time(int year, int month, int day, int hour, int minute)
{
	struct ep_local_time local = {.date = {(int16_t)year, (uint8_t)month, (uint8_t)day},
		.hour = (uint8_t)hour,
		.minute = (uint8_t)minute};

	return local;
}

static void expect_time(const char *name, struct ep_local_time local, const char *expected)
{
	struct zone *zone;
	struct ep_time time;
	char text[40];

	ck_assert_msg(zone_open(&zone, ep_slice_of(name), &error) == EP_OK, "%s", error.text);
	ck_assert_int_eq(zone_time(zone, local, &time), EP_OK);
	ep_time_write(time, text);
	ck_assert_msg(strcmp(text, expected) == 0, "%s: %s, not %s", name, text, expected);
	zone_close(zone);
}

START_TEST(fixed_offsets)
{
	expect_time("+08:00", local_time(2026, 11, 23, 10, 0), "2026-11-23T10:00:00+08:00");
	expect_time("-0330", local_time(2026, 11, 23, 10, 0), "2026-11-23T10:00:00-03:30");
	expect_time("+01", local_time(2026, 7, 1, 0, 0), "2026-07-01T00:00:00+01:00");
	expect_time("Z", local_time(2024, 2, 29, 23, 59), "2024-02-29T23:59:00Z");
	expect_time("UTC", local_time(1, 1, 1, 0, 0), "0001-01-01T00:00:00Z");
}
END_TEST

START_TEST(zones_of_the_database)
{
	expect_time("Asia/Shanghai", local_time(2026, 11, 23, 10, 0), "2026-11-23T10:00:00+08:00");
	expect_time("Asia/Shanghai", local_time(1990, 7, 1, 10, 0), "1990-07-01T10:00:00+09:00");
	expect_time("Europe/Berlin", local_time(2026, 7, 1, 12, 0), "2026-07-01T12:00:00+02:00");
	expect_time("Europe/Berlin", local_time(2026, 12, 1, 12, 0), "2026-12-01T12:00:00+01:00");
	expect_time("Europe/Berlin", local_time(2090, 7, 1, 12, 0), "2090-07-01T12:00:00+02:00"); /* by the rule */
	expect_time("Europe/Berlin", local_time(2090, 12, 1, 12, 0), "2090-12-01T12:00:00+01:00");
	expect_time("Australia/Sydney", local_time(2090, 1, 1, 12, 0), "2090-01-01T12:00:00+11:00");
	expect_time("Australia/Sydney", local_time(2090, 7, 1, 12, 0), "2090-07-01T12:00:00+10:00");
	expect_time("America/St_Johns", local_time(2026, 1, 1, 0, 0), "2026-01-01T00:00:00-03:30");
	expect_time("Asia/Kolkata", local_time(2026, 1, 1, 0, 0), "2026-01-01T00:00:00+05:30");
	expect_time("Africa/Casablanca", local_time(2026, 1, 1, 0, 0), "2026-01-01T00:00:00+01:00");
}
END_TEST

START_TEST(gaps_and_overlaps)
{
	expect_time("Europe/Berlin", local_time(2026, 3, 29, 1, 59), "2026-03-29T01:59:00+01:00");
	expect_time(
		"Europe/Berlin", local_time(2026, 3, 29, 2, 30), "2026-03-29T03:30:00+02:00"); /* there is no 02:30 */
	expect_time("Europe/Berlin", local_time(2026, 3, 29, 3, 0), "2026-03-29T03:00:00+02:00");
	expect_time(
		"Europe/Berlin", local_time(2026, 10, 25, 2, 30), "2026-10-25T02:30:00+02:00"); /* the earlier of two */
	expect_time("Europe/Berlin", local_time(2026, 10, 25, 3, 0), "2026-10-25T03:00:00+01:00");
	expect_time("America/New_York", local_time(2026, 3, 8, 2, 0), "2026-03-08T03:00:00-04:00");
	expect_time("America/New_York", local_time(2026, 11, 1, 1, 0), "2026-11-01T01:00:00-04:00");
	expect_time("America/New_York", local_time(2090, 3, 12, 2, 30), "2090-03-12T03:30:00-04:00"); /* by the rule */
	expect_time("Pacific/Apia", local_time(2011, 12, 30, 12, 0), "2011-12-31T12:00:00+14:00"); /* a day left out */
	expect_time(
		"Australia/Lord_Howe", local_time(2026, 10, 4, 2, 15), "2026-10-04T02:45:00+11:00"); /* half an hour */
}
END_TEST

START_TEST(names_that_are_no_zones)
{
	static const char *const bad[] = {"", "+8", "8", "+24:00", "+08:60", "+08:0", "+080", "08:00", "Asia/Shanghay",
		"/etc/passwd", "../../etc/passwd", "Asia", "Asia/../Asia/Shanghai", "zone.tab", "tzdata.zi",
		"Europe/Berlin\n", "+08:00x"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct zone *zone;

		ck_assert_msg(zone_open(&zone, ep_slice_of(bad[i]), &error) == EP_BAD_CONFIG, "accepted: %s", bad[i]);
		ck_assert_ptr_null(zone);
	}
}
END_TEST

START_TEST(impossible_local_times)
{
	struct zone *zone;
	struct ep_time time;
	struct ep_local_time local = local_time(2026, 2, 30, 0, 0);

	ck_assert_int_eq(zone_open(&zone, EP_SAY("Z"), &error), EP_OK);
	ck_assert_int_eq(zone_time(zone, local, &time), EP_BAD_INPUT);
	local = local_time(2026, 2, 28, 24, 0);
	ck_assert_int_eq(zone_time(zone, local, &time), EP_BAD_INPUT);
	zone_close(zone);
}
END_TEST

START_TEST(rules)
{
	struct zone_rule rule;

	ck_assert(zone_rule_read(&rule, EP_SAY("CST-8")));
	ck_assert_int_eq(zone_rule_offset_at(&rule, 0), 28800);
	ck_assert(zone_rule_read(&rule, EP_SAY("<+0330>-3:30")));
	ck_assert_int_eq(rule.standard, 12600);
	ck_assert(zone_rule_read(&rule, EP_SAY("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"))); /* Nuuk */
	ck_assert(zone_rule_read(&rule, EP_SAY("IST-2IDT,M3.4.4/26,M10.5.0")));
	ck_assert(zone_rule_read(&rule, EP_SAY("XXX3YYY,J60,300/1")));
	ck_assert(!zone_rule_read(&rule, EP_SAY("")));
	ck_assert(!zone_rule_read(&rule, EP_SAY("CE-1")));
	ck_assert(!zone_rule_read(&rule, EP_SAY("CET-1CEST")));
	ck_assert(!zone_rule_read(&rule, EP_SAY("CET-1CEST,M13.5.0,M10.5.0")));
	ck_assert(!zone_rule_read(&rule, EP_SAY("CET-1CEST,M3.5.0,M10.5.0x")));
	ck_assert(!zone_rule_read(&rule, EP_SAY("CET-999")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("host_options");
	TCase *cases = tcase_create("options"), *zones = tcase_create("zones");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, defaults_and_settings);
	tcase_add_test(cases, what_is_wrong_is_named);
	tcase_add_test(cases, defective_tables_are_refused);
	tcase_add_test(cases, tables_of_other_versions);
	tcase_add_test(zones, fixed_offsets);
	tcase_add_test(zones, zones_of_the_database);
	tcase_add_test(zones, gaps_and_overlaps);
	tcase_add_test(zones, names_that_are_no_zones);
	tcase_add_test(zones, impossible_local_times);
	tcase_add_test(zones, rules);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, zones);
	return call_test_main(suite);
}
