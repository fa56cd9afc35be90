/*
 * The layout of the plugin interface: what sdk/abi/v1.layout says is what plugins out there were built with.
 *
 * A difference fails. Where something was added at the end of a struct that begins with its size, EP_ABI_MINOR grows and
 * the dump is written anew: build/tests/check_sdk_abi --print >sdk/abi/v1.layout. Any other change needs a new major.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/plugin.h>

#define DUMP "sdk/abi/v1.layout" /* tests are run from the root of the tree */
#define TEXT_MAX 65536

static void say(char *text, const char *format, const char *name, const char *member, size_t offset, size_t size)
{
	size_t used = strlen(text);

	snprintf(text + used, TEXT_MAX - used, format, name, member, offset, size);
}

#define STRUCT(name)                                                                                                   \
	say(text, "struct %s%s align %zu size %zu\n", #name, "", _Alignof(struct name), sizeof(struct name))
#define MEMBER(name, member)                                                                                           \
	say(text, "\t%s.%s offset %zu size %zu\n", #name, #member, offsetof(struct name, member),                      \
		sizeof(((struct name *)0)->member))
#define VALUE(name, value) say(text, "%s %s = %zu, %zu bytes\n", #name, #value, (size_t)(value), sizeof(value))

static void dump_values(char *text)
{
	STRUCT(ep_slice);
	MEMBER(ep_slice, data);
	MEMBER(ep_slice, length);
	STRUCT(ep_text);
	MEMBER(ep_text, value);
	MEMBER(ep_text, offset);
	MEMBER(ep_text, length);
	MEMBER(ep_text, part);
	MEMBER(ep_text, charset);
	STRUCT(ep_place);
	MEMBER(ep_place, part);
	MEMBER(ep_place, column);
	MEMBER(ep_place, offset);
	MEMBER(ep_place, length);
	MEMBER(ep_place, row);
	MEMBER(ep_place, path);
	STRUCT(ep_decimal);
	MEMBER(ep_decimal, low);
	MEMBER(ep_decimal, high);
	MEMBER(ep_decimal, scale);
	MEMBER(ep_decimal, reserved);
	STRUCT(ep_money);
	MEMBER(ep_money, amount);
	MEMBER(ep_money, currency);
	STRUCT(ep_quantity);
	MEMBER(ep_quantity, quantity);
	MEMBER(ep_quantity, unit);
	STRUCT(ep_date);
	MEMBER(ep_date, year);
	MEMBER(ep_date, month);
	MEMBER(ep_date, day);
	STRUCT(ep_local_time);
	MEMBER(ep_local_time, date);
	MEMBER(ep_local_time, hour);
	MEMBER(ep_local_time, minute);
	MEMBER(ep_local_time, second);
	MEMBER(ep_local_time, digits);
	MEMBER(ep_local_time, nanosecond);
	STRUCT(ep_time);
	MEMBER(ep_time, seconds);
	MEMBER(ep_time, nanosecond);
	MEMBER(ep_time, offset_minutes);
	MEMBER(ep_time, digits);
	MEMBER(ep_time, reserved);
}

static void dump_input(char *text)
{
	STRUCT(ep_part);
	MEMBER(ep_part, bytes);
	MEMBER(ep_part, name);
	MEMBER(ep_part, type);
	MEMBER(ep_part, index);
	MEMBER(ep_part, charset);
	STRUCT(ep_header);
	MEMBER(ep_header, name);
	MEMBER(ep_header, value);
	STRUCT(ep_input);
	MEMBER(ep_input, size);
	MEMBER(ep_input, part_count);
	MEMBER(ep_input, parts);
	MEMBER(ep_input, headers);
	MEMBER(ep_input, header_count);
	MEMBER(ep_input, reserved);
	MEMBER(ep_input, source);
}

static void dump_services(char *text)
{
	STRUCT(ep_json);
	MEMBER(ep_json, document);
	MEMBER(ep_json, node);
	MEMBER(ep_json, kind);
	STRUCT(ep_json_service);
	MEMBER(ep_json_service, size);
	MEMBER(ep_json_service, reserved);
	MEMBER(ep_json_service, open);
	MEMBER(ep_json_service, member);
	MEMBER(ep_json_service, first);
	MEMBER(ep_json_service, next);
	MEMBER(ep_json_service, name);
	MEMBER(ep_json_service, text);
	MEMBER(ep_json_service, place);
	STRUCT(ep_xml_service);
	MEMBER(ep_xml_service, size);
	MEMBER(ep_xml_service, reserved);
	MEMBER(ep_xml_service, open);
	MEMBER(ep_xml_service, child);
	MEMBER(ep_xml_service, text);
	MEMBER(ep_xml_service, skip);
	MEMBER(ep_xml_service, attribute);
	MEMBER(ep_xml_service, name);
	MEMBER(ep_xml_service, space);
	MEMBER(ep_xml_service, place);
	MEMBER(ep_xml_service, status);
	STRUCT(ep_text_service);
	MEMBER(ep_text_service, size);
	MEMBER(ep_text_service, reserved);
	MEMBER(ep_text_service, utf8);
	MEMBER(ep_text_service, check_utf8);
	MEMBER(ep_text_service, zoned);
}

static void dump_host(char *text)
{
	STRUCT(ep_host);
	MEMBER(ep_host, size);
	MEMBER(ep_host, abi_major);
	MEMBER(ep_host, abi_minor);
	MEMBER(ep_host, record_begin);
	MEMBER(ep_host, put_text);
	MEMBER(ep_host, put_code);
	MEMBER(ep_host, put_bool);
	MEMBER(ep_host, put_integer);
	MEMBER(ep_host, put_decimal);
	MEMBER(ep_host, put_money);
	MEMBER(ep_host, put_quantity);
	MEMBER(ep_host, put_date);
	MEMBER(ep_host, put_time);
	MEMBER(ep_host, put_person_id);
	MEMBER(ep_host, list_begin);
	MEMBER(ep_host, item_begin);
	MEMBER(ep_host, item_end);
	MEMBER(ep_host, list_end);
	MEMBER(ep_host, note);
	MEMBER(ep_host, record_end);
	MEMBER(ep_host, record_cancel);
	MEMBER(ep_host, fail);
	MEMBER(ep_host, reject);
	MEMBER(ep_host, log);
	MEMBER(ep_host, alloc);
	MEMBER(ep_host, json);
	MEMBER(ep_host, xml);
	MEMBER(ep_host, text);
}

static void dump_plugin(char *text)
{
	STRUCT(ep_option);
	MEMBER(ep_option, size);
	MEMBER(ep_option, type);
	MEMBER(ep_option, name);
	MEMBER(ep_option, default_text);
	MEMBER(ep_option, choices);
	MEMBER(ep_option, help);
	MEMBER(ep_option, min);
	MEMBER(ep_option, max);
	MEMBER(ep_option, offset);
	MEMBER(ep_option, member_size);
	STRUCT(ep_plugin);
	MEMBER(ep_plugin, size);
	MEMBER(ep_plugin, abi_major);
	MEMBER(ep_plugin, abi_minor);
	MEMBER(ep_plugin, name);
	MEMBER(ep_plugin, version);
	MEMBER(ep_plugin, kind);
	MEMBER(ep_plugin, flags);
	MEMBER(ep_plugin, options);
	MEMBER(ep_plugin, option_count);
	MEMBER(ep_plugin, state_size);
	MEMBER(ep_plugin, open);
	MEMBER(ep_plugin, parse);
	MEMBER(ep_plugin, render);
	MEMBER(ep_plugin, plan);
	MEMBER(ep_plugin, reply);
	STRUCT(ep_note);
	MEMBER(ep_note, size);
	MEMBER(ep_note, abi_major);
	MEMBER(ep_note, abi_minor);
	MEMBER(ep_note, kind);
	MEMBER(ep_note, flags);
	MEMBER(ep_note, name);
	MEMBER(ep_note, version);
	MEMBER(ep_note, headers);
	STRUCT(ep_elf_note);
	MEMBER(ep_elf_note, name_size);
	MEMBER(ep_elf_note, desc_size);
	MEMBER(ep_elf_note, type);
	MEMBER(ep_elf_note, owner);
	MEMBER(ep_elf_note, desc);
}

static void dump_numbers(char *text)
{
	VALUE(abi, EP_ABI_MAJOR);
	VALUE(abi, EP_ABI_MINOR);
	VALUE(abi, EP_NOTE_TYPE);
	VALUE(abi, EP_NO_PART);
	VALUE(abi, EP_XML_OTHER);
	VALUE(abi, EP_REPEATS_MEANINGFUL);
	VALUE(abi, EP_WHOLE_ONLY);
	VALUE(ep_status, EP_OK);
	VALUE(ep_status, EP_END);
	VALUE(ep_status, EP_BAD_INPUT);
	VALUE(ep_status, EP_NO_ZONE);
	VALUE(ep_status, EP_LIMIT);
	VALUE(ep_status, EP_NO_MEMORY);
	VALUE(ep_status, EP_NOT_FOUND);
	VALUE(ep_status, EP_MISUSE);
	VALUE(ep_status, EP_AGAIN);
	VALUE(ep_status, EP_IO);
	VALUE(ep_status, EP_BAD_CONFIG);
	VALUE(ep_status, EP_INTERNAL);
	VALUE(ep_status, EP_CONFLICT);
	VALUE(ep_charset, EP_UTF8);
	VALUE(ep_charset, EP_GB18030);
	VALUE(ep_charset, EP_LATIN1);
	VALUE(ep_charset, EP_WINDOWS_1252);
	VALUE(ep_charset, EP_CP850);
	VALUE(ep_charset, EP_CP852);
	VALUE(ep_json_kind, EP_JSON_ABSENT);
	VALUE(ep_json_kind, EP_JSON_NULL);
	VALUE(ep_json_kind, EP_JSON_FALSE);
	VALUE(ep_json_kind, EP_JSON_TRUE);
	VALUE(ep_json_kind, EP_JSON_NUMBER);
	VALUE(ep_json_kind, EP_JSON_STRING);
	VALUE(ep_json_kind, EP_JSON_ARRAY);
	VALUE(ep_json_kind, EP_JSON_OBJECT);
	VALUE(ep_log_level, EP_LOG_DEBUG);
	VALUE(ep_log_level, EP_LOG_INFO);
	VALUE(ep_log_level, EP_LOG_WARN);
	VALUE(ep_log_level, EP_LOG_ERROR);
	VALUE(ep_option_type, EP_OPTION_TEXT);
	VALUE(ep_option_type, EP_OPTION_CHAR);
	VALUE(ep_option_type, EP_OPTION_INTEGER);
	VALUE(ep_option_type, EP_OPTION_BOOL);
	VALUE(ep_option_type, EP_OPTION_CHOICE);
	VALUE(ep_kind, EP_KIND_BANK);
	VALUE(ep_kind, EP_KIND_PAYMENT);
	VALUE(ep_kind, EP_KIND_PLATFORM);
	VALUE(ep_kind, EP_KIND_WAREHOUSE);
	VALUE(ep_kind, EP_KIND_INSURER);
	VALUE(ep_kind, EP_KIND_CUSTOMS);
}

static void dump(char *text)
{
	text[0] = '\0';
	dump_values(text);
	dump_input(text);
	dump_services(text);
	dump_host(text);
	dump_plugin(text);
	dump_numbers(text);
}

/* The first line in which they differ, for the message. */
static void compare_lines(const char *want, const char *now)
{
	while (*want || *now) {
		size_t want_length = strcspn(want, "\n");
		size_t now_length = strcspn(now, "\n");

		if (want_length != now_length || memcmp(want, now, want_length) != 0)
			ck_abort_msg("released: %.*s\nnow:      %.*s", (int)want_length, want, (int)now_length, now);
		want += want_length + (want[want_length] != '\0');
		now += now_length + (now[now_length] != '\0');
	}
}

START_TEST(the_layout_is_the_released_one)
{
	char *want = calloc(1, TEXT_MAX);
	char *now = calloc(1, TEXT_MAX);
	FILE *file = fopen(DUMP, "r");

	ck_assert_msg(file != NULL, "%s can't be read: tests are run from the root of the tree", DUMP);
	ck_assert(fread(want, 1, TEXT_MAX - 1, file) > 0);
	fclose(file);
	dump(now);
	ck_assert_uint_lt(strlen(now), TEXT_MAX - 1);
	compare_lines(want, now);
	free(now);
	free(want);
}
END_TEST

/* What the ELF note's reader relies on: no padding, and the description at the offset that the note's header gives. */
START_TEST(the_note_is_packed_as_elf_wants_it)
{
	ck_assert_uint_eq(offsetof(struct ep_elf_note, desc), 12 + (sizeof(EP_NOTE_OWNER) + 3) / 4 * 4);
	ck_assert_uint_eq(sizeof(struct ep_elf_note) % 4, 0);
	ck_assert_uint_eq(sizeof(struct ep_note), 16 + 40 + 24 + 256);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tcase;
	SRunner *runner;
	int failed;

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		char *text = calloc(1, TEXT_MAX);

		dump(text);
		fputs(text, stdout);
		free(text);
		return EXIT_SUCCESS;
	}
	suite = suite_create("sdk abi");
	tcase = tcase_create("abi");
	tcase_add_test(tcase, the_layout_is_the_released_one);
	tcase_add_test(tcase, the_note_is_packed_as_elf_wants_it);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
