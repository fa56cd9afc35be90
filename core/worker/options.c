/*
 * options.c: makes an instance's state of the plugin's option table and the source's settings.
 *
 * Parsing, defaults, ranges and the errors for unknown names come from that one table. All errors are told at once. A
 * table that contradicts itself is the plugin's defect and refuses the plugin.
 */
#include "worker/call_state.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 256
#define OPTION_BYTES_MAX 4096
#define STATE_BYTES_MAX ((uint32_t)1024 * 1024)
#define NAME_MAX_BYTES 63
#define OPTION_BYTES_MIN (offsetof(struct ep_option, member_size) + sizeof(uint32_t))

static const char *const own_names[] = {"zone", "charset"};

/* Adds a complaint to those before. */
__attribute__((format(printf, 2, 3))) static void complain(struct error *error, const char *format, ...)
{
	size_t used = error->code ? strlen(error->text) : 0;
	va_list arguments;

	if (used)
		used += (size_t)snprintf(error->text + used, sizeof(error->text) - used, "; ");
	if (used >= sizeof(error->text))
		return;
	va_start(arguments, format);
	vsnprintf(error->text + used, sizeof(error->text) - used, format, arguments);
	va_end(arguments);
	error->code = EP_ERR_PLUGIN_OPTION;
}

/* Edit distance (Levenshtein), of names no longer than NAME_MAX_BYTES. */
static size_t distance(struct ep_slice a, struct ep_slice b)
{
	size_t row[NAME_MAX_BYTES + 1];

	for (size_t j = 0; j <= b.length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.length; j++) {
			size_t substitute = diagonal + (a.data[i - 1] != b.data[j - 1]);
			size_t least = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;

			diagonal = row[j];
			row[j] = least < substitute ? least : substitute;
		}
	}
	return row[b.length];
}

/* Keeps the nearest of the names shown to it. */
struct nearest {
	struct ep_slice wanted, name;
	size_t distance;
};

static void nearest_see(struct nearest *nearest, struct ep_slice name)
{
	size_t steps;

	if (nearest->wanted.length > NAME_MAX_BYTES || name.length > NAME_MAX_BYTES)
		return;
	steps = distance(nearest->wanted, name);
	if (!nearest->name.data || steps < nearest->distance) {
		nearest->name = name;
		nearest->distance = steps;
	}
}

/* " (nearest: NAME)" if one is near enough to be meant. */
static const char *nearest_text(const struct nearest *nearest, char *text, size_t size)
{
	text[0] = '\0';
	if (nearest->name.data && nearest->distance <= 1 + nearest->wanted.length / 2)
		snprintf(text, size, " (did you mean %.*s?)", (int)nearest->name.length, nearest->name.data);
	return text;
}

/* Choices are separated by bars. EP_NOT_FOUND if `value` is none of them. */
static enum ep_status find_choice(const char *choices, struct ep_slice value, uint32_t *index, struct nearest *nearest)
{
	struct ep_slice rest = ep_slice_of(choices), choice;

	for (*index = 0; ep_slice_split(&rest, '|', &choice); ++*index) {
		if (ep_slice_equal(choice, value))
			return EP_OK;
		nearest_see(nearest, choice);
	}
	return EP_NOT_FOUND;
}

static bool read_integer(struct ep_slice text, int64_t *value)
{
	bool negative = text.length && text.data[0] == '-';
	uint64_t at = negative;

	*value = 0;
	if (at == text.length)
		return false;
	for (; at < text.length; at++) {
		if (text.data[at] < '0' || text.data[at] > '9' || __builtin_mul_overflow(*value, 10, value) ||
			__builtin_sub_overflow(*value, text.data[at] - '0', value))
			return false;
	}
	return negative || !__builtin_sub_overflow(0, *value, value);
}

static bool read_char(struct ep_slice text, char *value)
{
	if (ep_slice_is(text, "tab")) {
		*value = '\t';
		return true;
	}
	*value = text.length == 1 ? text.data[0] : '\0';
	return text.length == 1 && (unsigned char)*value < 0x80 && *value != '\0';
}

#define SHOWN(slice) (int)((slice).length < 100 ? (slice).length : 100), (slice).data

/* Stores the value in its member; complains if it can't be. */
static void set_option(
	const struct ep_option *option, struct ep_slice value, char *member, struct arena *memory, struct error *error)
{
	struct nearest nearest = {.wanted = value};
	struct ep_slice text;
	char hint[100], character;
	int64_t integer;
	uint32_t choice;
	bool truth;

	switch (option->type) {
	case EP_OPTION_TEXT:
		text = arena_copy(memory, value);
		if (!text.data)
			complain(error, "%s: a text too long for the memory there is", option->name);
		memcpy(member, &text, sizeof(text));
		break;
	case EP_OPTION_CHAR:
		if (!read_char(value, &character))
			complain(error, "%s = \"%.*s\": expected one ASCII character, or \"tab\"", option->name,
				SHOWN(value));
		*member = character;
		break;
	case EP_OPTION_INTEGER:
		if (!read_integer(value, &integer) || integer < option->min || integer > option->max)
			complain(error, "%s = \"%.*s\": expected an integer from %lld to %lld", option->name,
				SHOWN(value), (long long)option->min, (long long)option->max);
		memcpy(member, &integer, sizeof(integer));
		break;
	case EP_OPTION_BOOL:
		truth = ep_slice_is(value, "true");
		if (!truth && !ep_slice_is(value, "false"))
			complain(error, "%s = \"%.*s\": expected true or false", option->name, SHOWN(value));
		memcpy(member, &truth, sizeof(truth));
		break;
	case EP_OPTION_CHOICE:
		if (find_choice(option->choices, value, &choice, &nearest) != EP_OK)
			complain(error, "%s = \"%.*s\": expected one of %s%s", option->name, SHOWN(value),
				option->choices, nearest_text(&nearest, hint, sizeof(hint)));
		memcpy(member, &choice, sizeof(choice));
		break;
	}
}

static uint32_t type_bytes(uint32_t type)
{
	switch (type) {
	case EP_OPTION_TEXT:
		return sizeof(struct ep_slice);
	case EP_OPTION_CHAR:
		return sizeof(char);
	case EP_OPTION_INTEGER:
		return sizeof(int64_t);
	case EP_OPTION_BOOL:
		return sizeof(bool);
	case EP_OPTION_CHOICE:
		return sizeof(uint32_t);
	default:
		return 0;
	}
}

/* The option at `index`, of a table made with any version of the header: what it doesn't know yet is zero. */
static struct ep_option option_at(const struct ep_plugin *plugin, uint32_t index)
{
	const char *at = (const char *)plugin->options;
	struct ep_option option = {0};
	uint32_t size;

	memcpy(&size, at, sizeof(size)); /* one compiler made the table: all its entries have the first one's size */
	memcpy(&option, at + (size_t)index * size, size < sizeof(option) ? size : sizeof(option));
	return option;
}

static enum ep_status refuse_table(
	struct error *error, const struct ep_plugin *plugin, const char *name, const char *what)
{
	return error_set(error, EP_BAD_CONFIG, EP_ERR_PLUGIN_FAULT, "the plugin %s is defective: option %s: %s",
		plugin->name, name, what);
}

static enum ep_status check_table(const struct ep_plugin *plugin, struct error *error)
{
	uint32_t size = plugin->option_count ? plugin->options->size : OPTION_BYTES_MIN;

	if (plugin->state_size > STATE_BYTES_MAX || plugin->option_count > OPTIONS_MAX || size < OPTION_BYTES_MIN ||
		size > OPTION_BYTES_MAX)
		return refuse_table(error, plugin, "table", "its size is out of bounds");
	for (uint32_t i = 0; i < plugin->option_count; i++) {
		struct ep_option option = option_at(plugin, i);

		if (option.size != size || !option.name)
			return refuse_table(error, plugin, "table", "an entry without name or of another size");
		if (type_bytes(option.type) == 0 || option.member_size != type_bytes(option.type))
			return refuse_table(error, plugin, option.name, "its member isn't of the option's type");
		if (option.offset > plugin->state_size || option.member_size > plugin->state_size - option.offset)
			return refuse_table(error, plugin, option.name, "its member lies outside of the state");
		if (option.type == EP_OPTION_CHOICE && !option.choices)
			return refuse_table(error, plugin, option.name, "it has no choices");
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(option_at(plugin, j).name, option.name) == 0)
				return refuse_table(error, plugin, option.name, "it is declared twice");
	}
	return EP_OK;
}

static bool is_own(struct ep_slice name)
{
	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
		if (ep_slice_equal(name, ep_slice_of(own_names[i])))
			return true;
	return false;
}

/* Complains of settings that aren't options. */
static void check_names(
	const struct ep_plugin *plugin, const struct instance_setting *settings, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		struct nearest nearest = {.wanted = settings[i].name};
		bool known = is_own(settings[i].name);
		char hint[100];

		for (uint32_t j = 0; j < plugin->option_count && !known; j++) {
			struct ep_slice name = ep_slice_of(option_at(plugin, j).name);

			known = ep_slice_equal(name, settings[i].name);
			nearest_see(&nearest, name);
		}
		for (size_t j = 0; j < sizeof(own_names) / sizeof(own_names[0]); j++)
			nearest_see(&nearest, ep_slice_of(own_names[j]));
		if (!known)
			complain(error, "%s has no option \"%.*s\"%s", plugin->name, SHOWN(settings[i].name),
				nearest_text(&nearest, hint, sizeof(hint)));
		for (size_t j = 0; j < i; j++)
			if (ep_slice_equal(settings[i].name, settings[j].name)) {
				complain(error, "%.*s is given twice", SHOWN(settings[i].name));
				break;
			}
	}
}

static void set_options(const struct ep_plugin *plugin, const struct instance_setting *settings, size_t count,
	char *state, struct arena *memory, struct error *error)
{
	for (uint32_t i = 0; i < plugin->option_count; i++) {
		struct ep_option option = option_at(plugin, i);
		const struct instance_setting *given = NULL;

		for (size_t j = 0; j < count && !given; j++)
			if (ep_slice_equal(settings[j].name, ep_slice_of(option.name)))
				given = &settings[j];
		if (!given && !option.default_text)
			complain(error, "%s is required: %s", option.name, option.help ? option.help : "no help");
		else
			set_option(&option, given ? given->value : ep_slice_of(option.default_text),
				state + option.offset, memory, error);
	}
}

enum ep_status instance_describe(const struct ep_plugin *plugin,
	void (*each)(void *argument, const struct ep_option *option), void *argument, struct error *error)
{
	if (check_table(plugin, error) != EP_OK)
		return EP_BAD_CONFIG;
	for (uint32_t i = 0; i < plugin->option_count; i++) {
		struct ep_option option = option_at(plugin, i);

		each(argument, &option);
	}
	return EP_OK;
}

enum ep_status instance_open(struct ep_call *call, const struct ep_plugin *plugin,
	const struct instance_setting *settings, size_t setting_count, struct arena *memory, void **opened,
	struct error *error)
{
	struct error complaints = {0};
	struct call_failure failure;
	enum ep_status status;
	void *state;

	*opened = NULL;
	if (check_table(plugin, error) != EP_OK)
		return EP_BAD_CONFIG;
	state = arena_alloc(memory, plugin->state_size ? plugin->state_size : 1);
	if (!state)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for the state of %s", plugin->name);
	check_names(plugin, settings, setting_count, &complaints);
	set_options(plugin, settings, setting_count, state, memory, &complaints);
	if (complaints.code)
		return error_set(error, EP_BAD_CONFIG, complaints.code, "%s", complaints.text);
	if (plugin->open) {
		status = call_open(call, plugin, state, &failure);
		if (status != EP_OK)
			return error_set(error, EP_BAD_CONFIG, failure.code, "%s: %.*s", plugin->name,
				(int)failure.text.length, failure.text.data);
	}
	*opened = state;
	return EP_OK;
}
