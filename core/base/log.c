/* log.c: see log.h. A line is formed in memory and written with one call, so that lines of threads don't mix. */
#include "base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#define LINE_MAX ((size_t)16 * 1024)
#define VALUE_MAX ((uint64_t)2000) /* bytes of one value that are shown */

static enum log_format log_format = LOG_TEXT;
static enum ep_log_level log_least = EP_LOG_INFO;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_setup(enum log_format format, enum ep_log_level least)
{
	log_format = format;
	log_least = least;
}

bool log_wants(enum ep_log_level level)
{
	return level >= log_least;
}

/* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: they turn the direction of what follows. */
static bool is_bidirectional(const unsigned char *at, uint64_t left)
{
	if (left < 3 || at[0] != 0xe2)
		return false;
	return (at[1] == 0x80 && (at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xaa && at[2] <= 0xae))) ||
	       (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

/* JSON's escapes, and for what turns the direction the code point as \uXXXX. */
static void append_value(struct buffer *line, struct ep_slice value)
{
	uint64_t plain = 0;

	if (value.length > VALUE_MAX)
		value.length = VALUE_MAX;
	for (uint64_t i = 0; i < value.length; i++) {
		const unsigned char *at = (const unsigned char *)value.data + i;

		if (!is_bidirectional(at, value.length - i))
			continue;
		json_escape(line, ep_slice_make(value.data + plain, i - plain));
		buffer_append_format(line, "\\u%04x", (unsigned)(0x2000 | (at[1] & 0x3f) << 6 | (at[2] & 0x3f)));
		plain = i + 3;
		i += 2;
	}
	json_escape(line, ep_slice_make(value.data + plain, value.length - plain));
}

static void append_json(struct buffer *line, enum ep_log_level level, const char *time, const char *event,
	const struct log_field *field)
{
	buffer_append_format(
		line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time, level_names[level], event);
	for (; field->name; field++) {
		buffer_append_format(line, ",\"%s\":", field->name);
		if (field->is_number) {
			buffer_append_format(line, "%lld", (long long)field->number);
			continue;
		}
		buffer_append_byte(line, '"');
		append_value(line, field->text);
		buffer_append_byte(line, '"');
	}
	buffer_append_string(line, "}\n");
}

static void append_text(struct buffer *line, enum ep_log_level level, const char *time, const char *event,
	const struct log_field *field)
{
	buffer_append_format(line, "%s %-5s %s", time, level_names[level], event);
	for (; field->name; field++) {
		buffer_append_format(line, " %s=", field->name);
		if (field->is_number) {
			buffer_append_format(line, "%lld", (long long)field->number);
			continue;
		}
		buffer_append_byte(line, '"');
		append_value(line, field->text);
		buffer_append_byte(line, '"');
	}
	buffer_append_byte(line, '\n');
}

void log_write(enum ep_log_level level, const char *event, const struct log_field *fields)
{
	static struct buffer line = {.max = LINE_MAX}; /* reused: guarded by `lock` */
	char time[32];

	if (!log_wants(level))
		return;
	timestamp_write(clock_realtime_ns(), time);
	pthread_mutex_lock(&lock);
	buffer_clear(&line);
	if (log_format == LOG_JSON)
		append_json(&line, level, time, event, fields);
	else
		append_text(&line, level, time, event, fields);
	if (line.failed == EP_OK && write(STDERR_FILENO, line.data, line.length) == -1)
		log_least = EP_LOG_ERROR; /* nobody reads: don't waste time on what isn't an error */
	pthread_mutex_unlock(&lock);
}
