/*
 * report.c: what is wrong with a configuration, for the person who wrote it: place, text, nearest known name.
 */
#include "conf/setting.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 40 /* longer names are near to nothing */
#define CHOICES_MAX 16

static void add_line(
	struct reader *reader, const char *file, unsigned line, const char *kind, const char *format, va_list arguments)
{
	char text[1000];

	vsnprintf(text, sizeof(text), format, arguments);
	if (line)
		(void)buffer_append_format(reader->report, "%s:%u: %s%s\n", file, line, kind, text);
	else
		(void)buffer_append_format(reader->report, "%s: %s%s\n", file, kind, text);
}

static const char *file_of(const struct reader *reader, const config_setting_t *at)
{
	const char *file = at ? config_setting_source_file(at) : NULL;

	return file ? file : reader->file; /* libconfig names included files only */
}

void reader_complain(struct reader *reader, const config_setting_t *at, const char *format, ...)
{
	va_list arguments;

	if (reader->errors++ >= CONF_ERRORS_MAX)
		return;
	va_start(arguments, format);
	add_line(reader, file_of(reader, at), at ? config_setting_source_line(at) : 0, "", format, arguments);
	va_end(arguments);
}

void reader_complain_line(struct reader *reader, const char *file, unsigned line, const char *format, ...)
{
	va_list arguments;

	if (reader->errors++ >= CONF_ERRORS_MAX)
		return;
	va_start(arguments, format);
	add_line(reader, file, line, "", format, arguments);
	va_end(arguments);
}

void reader_warn(struct reader *reader, const config_setting_t *at, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_line(reader, file_of(reader, at), at ? config_setting_source_line(at) : 0, "warning: ", format, arguments);
	va_end(arguments);
}

char *reader_copy(struct reader *reader, struct ep_slice text)
{
	struct ep_slice copy = arena_copy(reader->memory, text);

	if (!copy.data)
		reader_complain(
			reader, NULL, "the configuration needs more than %zu bytes of memory", reader->memory->max);
	return (char *)copy.data;
}

const char *reader_path(struct reader *reader, const char *path)
{
	size_t length = strlen(reader->folder) + strlen(path) + 2;
	char *joined;

	if (path[0] == '/' || reader->folder[0] == '\0')
		return reader_copy(reader, ep_slice_of(path));
	joined = arena_alloc(reader->memory, length);
	if (!joined) {
		reader_complain(
			reader, NULL, "the configuration needs more than %zu bytes of memory", reader->memory->max);
		return NULL;
	}
	snprintf(joined, length, "%s/%s", reader->folder, path);
	return joined;
}

/* Insertions, deletions, replacements and swaps of neighbours that lead from one name to the other (optimal string
 * alignment distance). */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t before[NAME_MAX_BYTES + 1], last[NAME_MAX_BYTES + 1], row[NAME_MAX_BYTES + 1];

	for (size_t k = 0; k <= b_length; k++)
		last[k] = before[k] = k;
	for (size_t i = 1; i <= a_length; i++) {
		row[0] = i;
		for (size_t k = 1; k <= b_length; k++) {
			size_t least = last[k - 1] + (a[i - 1] != b[k - 1]);

			if (last[k] + 1 < least)
				least = last[k] + 1;
			if (row[k - 1] + 1 < least)
				least = row[k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && before[k - 2] + 1 < least)
				least = before[k - 2] + 1;
			row[k] = least;
		}
		memcpy(before, last, sizeof(last));
		memcpy(last, row, sizeof(row));
	}
	return last[b_length];
}

const char *nearest_name(
	const char *name, const char *(*list)(const void *argument, size_t index), const void *argument, size_t count)
{
	size_t length = strlen(name), least = SIZE_MAX;
	const char *nearest = NULL;

	if (length > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *known = list(argument, i);
		size_t known_length = known ? strlen(known) : 0, steps;

		if (known_length == 0 || known_length > NAME_MAX_BYTES)
			continue;
		steps = distance(name, length, known, known_length);
		/* the start of a longer name is likely meant too: "cert" for "certificate" */
		if (length >= 3 && strncmp(name, known, length) == 0)
			steps = 1;
		if (steps < least) {
			least = steps;
			nearest = known;
		}
	}
	return least <= 1 + length / 4 ? nearest : NULL;
}

struct choices {
	char names[CHOICES_MAX][NAME_MAX_BYTES + 1];
};

static const char *choice_at(const void *argument, size_t index)
{
	return ((const struct choices *)argument)->names[index];
}

const char *nearest_choice(const char *name, const char *choices, char *out, size_t out_size)
{
	struct choices known;
	size_t count = 0;
	const char *nearest;

	while (*choices && count < CHOICES_MAX) {
		size_t length = strcspn(choices, "|");

		snprintf(known.names[count++], sizeof(known.names[0]), "%.*s", (int)length, choices);
		choices += length + (choices[length] == '|');
	}
	nearest = nearest_name(name, choice_at, &known, count);
	if (nearest)
		snprintf(out, out_size, "%s", nearest);
	return nearest ? out : NULL;
}
