/*
 * read.c: fills a struct from a group of the file, as its table says. Knows nothing of any particular setting.
 *
 * Every setting that is wrong is complained of, and reading goes on with the next.
 */
#include "conf/setting.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static const char *const kinds[] = {[CONFIG_TYPE_NONE] = "nothing",
	[CONFIG_TYPE_GROUP] = "a group { }",
	[CONFIG_TYPE_INT] = "a number",
	[CONFIG_TYPE_INT64] = "a number",
	[CONFIG_TYPE_FLOAT] = "a number with a point",
	[CONFIG_TYPE_STRING] = "a text",
	[CONFIG_TYPE_BOOL] = "true or false",
	[CONFIG_TYPE_ARRAY] = "a list [ ]",
	[CONFIG_TYPE_LIST] = "a list ( )"};

static void wrong_kind(
	struct reader *reader, const config_setting_t *at, const struct setting *setting, const char *wanted)
{
	reader_complain(reader, at, "%s is %s, expected %s", setting->name, kinds[config_setting_type(at)], wanted);
}

static const char *text_of(
	struct reader *reader, const config_setting_t *at, const struct setting *setting, const char *wanted)
{
	const char *text;

	if (config_setting_type(at) != CONFIG_TYPE_STRING) {
		wrong_kind(reader, at, setting, wanted);
		return NULL;
	}
	text = config_setting_get_string(at);
	if (!text || text[0] == '\0') {
		reader_complain(reader, at, "%s is empty, expected %s", setting->name, wanted);
		return NULL;
	}
	return text;
}

static void format_size(int64_t bytes, char *out, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, size, "%lld%s", (long long)bytes, bytes ? units[unit] : "");
}

static void format_duration(int64_t ns, char *out, size_t size)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{86400 * NS_PER_S, "d"}, {3600 * NS_PER_S, "h"}, {60 * NS_PER_S, "m"}, {NS_PER_S, "s"},
		{NS_PER_MS, "ms"}, {NS_PER_US, "us"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns < units[i].ns || ns % units[i].ns)
			continue;
		snprintf(out, size, "%lld%s", (long long)(ns / units[i].ns), units[i].name);
		return;
	}
	snprintf(out, size, "%lld%s", (long long)ns, ns ? "ns" : "");
}

/* A value of a setting as a person writes it. */
void setting_format(const struct setting *setting, int64_t value, char *out, size_t size)
{
	if (setting->type == SETTING_SIZE)
		format_size(value, out, size);
	else if (setting->type == SETTING_DURATION)
		format_duration(value, out, size);
	else
		snprintf(out, size, "%lld", (long long)value);
}

static void take_number(
	struct reader *reader, const config_setting_t *at, const struct setting *setting, int64_t value, void *base)
{
	char least[32], most[32];

	if (value < setting->min || value > setting->max) {
		setting_format(setting, setting->min, least, sizeof(least));
		setting_format(setting, setting->max, most, sizeof(most));
		reader_complain(reader, at, "%s is out of range (accepted: %s to %s)", setting->name, least, most);
		return;
	}
	memcpy((char *)base + setting->offset, &value, sizeof(value));
}

static bool parse_unit(const struct setting *setting, const char *text, int64_t *value)
{
	struct ep_slice slice = ep_slice_of(text);

	return (setting->type == SETTING_SIZE ? size_read(slice, value) : duration_read(slice, value)) == EP_OK;
}

static void take_unit(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	const char *wanted = setting->type == SETTING_SIZE
				     ? "a text with a unit, such as \"64MiB\" (accepted: B kB MB GB KiB MiB GiB TiB)"
				     : "a text with a unit, such as \"500ms\" or \"1h30m\" (accepted: us ms s m h d)";
	const char *text = text_of(reader, at, setting, wanted);
	int64_t value;

	if (!text)
		return;
	if (!parse_unit(setting, text, &value)) {
		reader_complain(reader, at, "%s is \"%s\", expected %s", setting->name, text, wanted);
		return;
	}
	take_number(reader, at, setting, value, base);
}

static void take_integer(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	int type = config_setting_type(at);

	if (type == CONFIG_TYPE_INT)
		take_number(reader, at, setting, config_setting_get_int(at), base);
	else if (type == CONFIG_TYPE_INT64)
		take_number(reader, at, setting, config_setting_get_int64(at), base);
	else
		wrong_kind(reader, at, setting, "a number");
}

/* The index of `text` in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *text)
{
	size_t length = strlen(text);

	for (int index = 0;; index++) {
		size_t choice = strcspn(choices, "|");

		if (choice == length && memcmp(choices, text, length) == 0)
			return index;
		if (choices[choice] == '\0')
			return -1;
		choices += choice + 1;
	}
}

static void choice_list(const char *choices, char *out, size_t size)
{
	size_t used = 0;

	for (; *choices && used + 3 < size; choices++) {
		if (*choices == '|') {
			out[used++] = ',';
			out[used++] = ' ';
		} else {
			out[used++] = *choices;
		}
	}
	out[used] = '\0';
}

static bool is_choice(
	struct reader *reader, const config_setting_t *at, const struct setting *setting, const char *text)
{
	char accepted[200], near[64];
	const char *nearest;

	if (choice_index(setting->choices, text) >= 0)
		return true;
	choice_list(setting->choices, accepted, sizeof(accepted));
	nearest = nearest_choice(text, setting->choices, near, sizeof(near));
	reader_complain(reader, at, "%s is \"%s\" (%s%s%saccepted: %s)", setting->name, text,
		nearest ? "nearest: \"" : "", nearest ? nearest : "", nearest ? "\", " : "", accepted);
	return false;
}

static void take_choice(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	char accepted[200];
	const char *text;
	uint32_t number;

	choice_list(setting->choices, accepted, sizeof(accepted));
	text = text_of(reader, at, setting, accepted);
	if (!text || !is_choice(reader, at, setting, text))
		return;
	if (setting->type == SETTING_WORD) {
		const char *copy = reader_copy(reader, ep_slice_of(text));

		memcpy((char *)base + setting->offset, &copy, sizeof(copy));
		return;
	}
	number = (uint32_t)choice_index(setting->choices, text) + (uint32_t)setting->min;
	memcpy((char *)base + setting->offset, &number, sizeof(number)); /* an enum */
}

static bool is_name(const char *text)
{
	size_t length = strlen(text);

	if (length > 40 || text[0] < 'a' || text[0] > 'z')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') && text[i] != '-')
			return false;
	return true;
}

static void take_text(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	const char *text = text_of(reader, at, setting, "a text");
	const char *copy;

	if (!text)
		return;
	if (setting->type == SETTING_NAME && !is_name(text)) {
		reader_complain(reader, at, "%s is \"%s\" (accepted: [a-z][a-z0-9-]{0,39})", setting->name, text);
		return;
	}
	copy = setting->type == SETTING_PATH ? reader_path(reader, text) : reader_copy(reader, ep_slice_of(text));
	memcpy((char *)base + setting->offset, &copy, sizeof(copy));
}

static void take_bool(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	bool value;

	if (config_setting_type(at) != CONFIG_TYPE_BOOL) {
		wrong_kind(reader, at, setting, "true or false");
		return;
	}
	value = config_setting_get_bool(at) != 0;
	memcpy((char *)base + setting->offset, &value, sizeof(value));
}

/* An array [ ] or a list ( ) of at least min and at most max elements. */
static bool is_list(
	struct reader *reader, const config_setting_t *at, const struct setting *setting, const char *wanted)
{
	int length = config_setting_length(at);

	if (!config_setting_is_array(at) && !config_setting_is_list(at)) {
		wrong_kind(reader, at, setting, wanted);
		return false;
	}
	if (length < setting->min && setting->min == 1) {
		reader_complain(reader, at, "%s is empty; leave it out for all", setting->name);
		return false;
	}
	if (length > setting->max) {
		reader_complain(reader, at, "%s has %d elements (accepted: at most %lld)", setting->name, length,
			(long long)setting->max);
		return false;
	}
	return true;
}

static void take_texts(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	const char **texts;
	size_t count = 0;
	int length;

	if (!is_list(reader, at, setting, "a list of texts, such as [ \"a\", \"b\" ]"))
		return;
	length = config_setting_length(at);
	texts = arena_alloc(reader->memory, ((size_t)length + 1) * sizeof(*texts));
	for (int i = 0; texts && i < length; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);
		const char *text = text_of(reader, element, setting, "texts in it");
		bool twice = false;

		for (size_t k = 0; text && k < count; k++)
			twice = twice || strcmp(texts[k], text) == 0;
		if (twice)
			reader_complain(reader, element, "%s has \"%s\" twice", setting->name, text);
		else if (text && (!setting->choices || is_choice(reader, element, setting, text)))
			texts[count++] = reader_copy(reader, ep_slice_of(text));
	}
	memcpy((char *)base + setting->offset, &texts, sizeof(texts));
	memcpy((char *)base + setting->count_offset, &count, sizeof(count));
}

static void take_records(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	uint32_t *numbers;
	size_t count = 0;
	int length;

	if (!is_list(reader, at, setting, "a list of record types, such as [ \"order\" ]"))
		return;
	length = config_setting_length(at);
	numbers = arena_alloc(reader->memory, ((size_t)length + 1) * sizeof(*numbers));
	for (int i = 0; numbers && i < length; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);
		const char *text = text_of(reader, element, setting, "record types in it");
		uint32_t number = text ? record_type_number(text) : 0;

		if (text && number == 0) {
			const char *nearest = nearest_name(text, record_type_name, NULL, record_type_count());

			reader_complain(reader, element, "%s has \"%s\", which is no record type%s%s%s", setting->name,
				text, nearest ? " (nearest: \"" : "", nearest ? nearest : "", nearest ? "\")" : "");
		}
		if (number)
			numbers[count++] = number;
	}
	memcpy((char *)base + setting->offset, &numbers, sizeof(numbers));
	memcpy((char *)base + setting->count_offset, &count, sizeof(count));
}

static void take_groups(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	size_t size = setting->group->struct_bytes;
	size_t count;
	char *structs;

	if (!is_list(reader, at, setting, "a list of groups, such as ( { ... }, { ... } )"))
		return;
	count = (size_t)config_setting_length(at);
	structs = arena_alloc(reader->memory, (count + 1) * size);
	if (!structs) {
		reader_complain(reader, at, "the configuration needs too much memory");
		return;
	}
	memcpy((char *)base + setting->offset, &structs, sizeof(structs));
	memcpy((char *)base + setting->count_offset, &count, sizeof(count));
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(at, (unsigned)i);
		int line = (int)config_setting_source_line(element);

		if (setting->group->line_offset)
			memcpy(structs + i * size + setting->group->line_offset, &line, sizeof(line));
		if (config_setting_is_group(element))
			settings_read(reader, setting->group, element, structs + i * size);
		else
			wrong_kind(reader, element, setting, "groups { } in it");
	}
}

struct option_list {
	struct conf_option *options;
	size_t count;
};

static void add_option(struct reader *reader, const config_setting_t *at, const char *name, struct option_list *list)
{
	const char *text;
	char number[32];

	switch (config_setting_type(at)) {
	case CONFIG_TYPE_STRING:
		text = config_setting_get_string(at);
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(number, sizeof(number), "%lld", config_setting_get_int64(at));
		text = number;
		break;
	case CONFIG_TYPE_BOOL:
		text = config_setting_get_bool(at) ? "true" : "false";
		break;
	default:
		reader_complain(reader, at, "option %s is %s, expected a text, a whole number, true or false", name,
			kinds[config_setting_type(at)]);
		return;
	}
	if (list->count == CONF_OPTIONS_MAX) {
		reader_complain(reader, at, "more than %d options", CONF_OPTIONS_MAX);
		return;
	}
	list->options[list->count].name = reader_copy(reader, ep_slice_of(name));
	list->options[list->count++].value = reader_copy(reader, ep_slice_of(text ? text : ""));
}

static void flatten_options(
	struct reader *reader, const config_setting_t *group, const char *prefix, int depth, struct option_list *list)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *at = config_setting_get_elem(group, (unsigned)i);
		char name[256];
		int length =
			snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", config_setting_name(at));

		if (length < 0 || (size_t)length >= sizeof(name) || depth == CONF_OPTION_DEPTH_MAX)
			reader_complain(reader, at, "option %s... is too long or nested more than %d deep", name,
				CONF_OPTION_DEPTH_MAX);
		else if (config_setting_is_group(at))
			flatten_options(reader, at, name, depth + 1, list);
		else
			add_option(reader, at, name, list);
	}
}

static void take_options(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	struct option_list list = {.count = 0};

	if (!config_setting_is_group(at)) {
		wrong_kind(reader, at, setting, "a group { name = value; }");
		return;
	}
	list.options = arena_alloc(reader->memory, CONF_OPTIONS_MAX * sizeof(*list.options));
	if (!list.options) {
		reader_complain(reader, at, "the configuration needs too much memory");
		return;
	}
	flatten_options(reader, at, "", 0, &list);
	memcpy((char *)base + setting->offset, &list.options, sizeof(list.options));
	memcpy((char *)base + setting->count_offset, &list.count, sizeof(list.count));
}

static void take_secret(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	/* The value isn't shown, whatever it is: it may be the secret itself. */
	const char *text = text_of(reader, at, setting, "\"env:NAME\" or \"file:PATH\"");
	struct conf_secret secret;

	if (text && secret_read(reader, at, setting->name, text, &secret))
		memcpy((char *)base + setting->offset, &secret, sizeof(secret));
}

static void take(struct reader *reader, const config_setting_t *at, const struct setting *setting, void *base)
{
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_NAME:
	case SETTING_PATH:
		take_text(reader, at, setting, base);
		break;
	case SETTING_WORD:
	case SETTING_CHOICE:
		take_choice(reader, at, setting, base);
		break;
	case SETTING_SIZE:
	case SETTING_DURATION:
		take_unit(reader, at, setting, base);
		break;
	case SETTING_INTEGER:
		take_integer(reader, at, setting, base);
		break;
	case SETTING_BOOL:
		take_bool(reader, at, setting, base);
		break;
	case SETTING_SECRET:
		take_secret(reader, at, setting, base);
		break;
	case SETTING_TEXTS:
		take_texts(reader, at, setting, base);
		break;
	case SETTING_RECORDS:
		take_records(reader, at, setting, base);
		break;
	case SETTING_OPTIONS:
		take_options(reader, at, setting, base);
		break;
	case SETTING_GROUPS:
		take_groups(reader, at, setting, base);
		break;
	case SETTING_GROUP:
		if (config_setting_is_group(at))
			settings_read(reader, setting->group, at, (char *)base + setting->offset);
		else
			wrong_kind(reader, at, setting, "a group { name = value; }");
		break;
	}
}

/* A fallback is ours: one that can't be read is a defect. */
static void take_fallback(struct reader *reader, const struct setting *setting, void *base)
{
	const char *text = setting->fallback;
	const char *copy;
	uint32_t number;
	int64_t value;

	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_PATH:
		copy = setting->type == SETTING_PATH ? reader_path(reader, text) : text;
		memcpy((char *)base + setting->offset, &copy, sizeof(copy));
		return;
	case SETTING_CHOICE:
		ASSERT(choice_index(setting->choices, text) >= 0);
		number = (uint32_t)choice_index(setting->choices, text) + (uint32_t)setting->min;
		memcpy((char *)base + setting->offset, &number, sizeof(number));
		return;
	case SETTING_SIZE:
	case SETTING_DURATION:
		ASSERT(parse_unit(setting, text, &value));
		break;
	case SETTING_INTEGER:
		value = 0;
		for (; *text; text++)
			value = value * 10 + (*text - '0');
		break;
	default:
		PANIC("setting %s can't have a default", setting->name);
	}
	ASSERT(value >= setting->min && value <= setting->max);
	memcpy((char *)base + setting->offset, &value, sizeof(value));
}

static const char *setting_name(const void *argument, size_t index)
{
	return ((const struct settings *)argument)->list[index].name;
}

static void list_names(const struct settings *table, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < table->count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", table->list[i].name);
}

static void unknown(struct reader *reader, const struct settings *table, const config_setting_t *at)
{
	const char *name = config_setting_name(at);
	const char *nearest = nearest_name(name, setting_name, table, table->count);
	char known[600];

	list_names(table, known, sizeof(known));
	if (nearest)
		reader_complain(reader, at, "unknown setting %s in %s (nearest: %s)", name, table->name, nearest);
	else
		reader_complain(reader, at, "unknown setting %s in %s (known: %s)", name, table->name, known);
}

void settings_read(struct reader *reader, const struct settings *table, const config_setting_t *group, void *base)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct setting *setting = &table->list[i];
		const config_setting_t *at = group ? config_setting_get_member(group, setting->name) : NULL;

		if (setting->fallback)
			take_fallback(reader, setting, base);
		if (at)
			take(reader, at, setting, base);
		else if (group && setting->required)
			reader_complain(
				reader, group, "%s is missing in %s: %s", setting->name, table->name, setting->help);
		else if (setting->type == SETTING_GROUP)
			settings_read(reader, setting->group, NULL, (char *)base + setting->offset);
	}
	for (int i = 0; group && i < config_setting_length(group); i++) {
		const config_setting_t *at = config_setting_get_elem(group, (unsigned)i);
		bool known = false;

		for (size_t k = 0; k < table->count; k++)
			known = known || strcmp(table->list[k].name, config_setting_name(at)) == 0;
		if (!known)
			unknown(reader, table, at);
	}
}
