/*
 * zone.c: see zone.h. Reads TZif files (RFC 8536) itself: libc's own reading depends on the environment, is shared by the
 * whole process, and takes an unknown name for UTC without a word. Files with leap seconds are refused.
 */
#include "worker/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/zone_rule.h"

#define DIRECTORY "/usr/share/zoneinfo/"
#define NAME_BYTES_MAX 64
#define FILE_BYTES_MAX ((size_t)256 * 1024)
#define TYPES_MAX 256
#define HEAD_BYTES 44
#define DAY 86400

struct zone {
	size_t transition_count;
	int64_t *at;   /* owned; ascending */
	uint8_t *type; /* owned; of the time from that transition on */
	int32_t offsets[TYPES_MAX];
	size_t type_count;
	bool has_rule;
	struct zone_rule rule;
};

struct head {
	uint32_t utc_count, standard_count, leap_count, time_count, type_count, char_count;
};

static uint64_t big_endian(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static bool read_head(const unsigned char *at, size_t left, struct head *head)
{
	if (left < HEAD_BYTES || memcmp(at, "TZif", 4) != 0)
		return false;
	head->utc_count = (uint32_t)big_endian(at + 20, 4);
	head->standard_count = (uint32_t)big_endian(at + 24, 4);
	head->leap_count = (uint32_t)big_endian(at + 28, 4);
	head->time_count = (uint32_t)big_endian(at + 32, 4);
	head->type_count = (uint32_t)big_endian(at + 36, 4);
	head->char_count = (uint32_t)big_endian(at + 40, 4);
	return head->time_count < FILE_BYTES_MAX && head->char_count < FILE_BYTES_MAX && head->type_count >= 1 &&
	       head->type_count <= TYPES_MAX && head->leap_count == 0 && head->utc_count <= TYPES_MAX &&
	       head->standard_count <= TYPES_MAX;
}

static size_t block_bytes(const struct head *head, size_t time_bytes)
{
	return (size_t)head->time_count * (time_bytes + 1) + (size_t)head->type_count * 6 + head->char_count +
	       head->standard_count + head->utc_count;
}

static bool read_block(struct zone *zone, const struct head *head, const unsigned char *at)
{
	const unsigned char *types = at + (size_t)head->time_count * 8, *infos = types + head->time_count;

	zone->transition_count = head->time_count;
	zone->type_count = head->type_count;
	zone->at = calloc(head->time_count + 1, sizeof(*zone->at));
	zone->type = calloc(head->time_count + 1, sizeof(*zone->type));
	if (!zone->at || !zone->type)
		return false;
	for (size_t i = 0; i < head->time_count; i++) {
		zone->at[i] = (int64_t)big_endian(at + i * 8, 8);
		zone->type[i] = types[i];
		if (types[i] >= head->type_count || (i && zone->at[i] <= zone->at[i - 1]))
			return false;
	}
	for (size_t i = 0; i < head->type_count; i++) {
		zone->offsets[i] = (int32_t)(uint32_t)big_endian(infos + i * 6, 4);
		if (zone->offsets[i] < -DAY || zone->offsets[i] > DAY)
			return false;
	}
	return true;
}

/* Version 2 and later: a block with short times, which is passed over, one with long times, and the rule. */
static bool read_file(struct zone *zone, const unsigned char *file, size_t length)
{
	struct head head;
	struct ep_slice rule;
	size_t at = HEAD_BYTES;

	if (!read_head(file, length, &head) || file[4] < '2' || block_bytes(&head, 4) > length - at)
		return false;
	at += block_bytes(&head, 4);
	if (!read_head(file + at, length - at, &head))
		return false;
	at += HEAD_BYTES;
	if (block_bytes(&head, 8) > length - at || !read_block(zone, &head, file + at))
		return false;
	at += block_bytes(&head, 8);
	if (length - at < 2 || file[at] != '\n' || file[length - 1] != '\n')
		return false;
	rule = ep_slice_make((const char *)file + at + 1, length - at - 2);
	zone->has_rule = rule.length > 0;
	return !zone->has_rule || zone_rule_read(&zone->rule, rule);
}

static bool name_is_sound(struct ep_slice name)
{
	if (name.length == 0 || name.length > NAME_BYTES_MAX || name.data[0] == '/')
		return false;
	for (uint64_t i = 0; i < name.length; i++) {
		char c = name.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
			    c == '_' || c == '-' || c == '+'))
			return false;
	}
	return true;
}

static bool read_named(struct zone *zone, struct ep_slice name)
{
	char path[sizeof(DIRECTORY) + NAME_BYTES_MAX];
	unsigned char *file = NULL;
	FILE *stream = NULL;
	bool sound = false;
	size_t length;

	if (!name_is_sound(name))
		return false;
	snprintf(path, sizeof(path), DIRECTORY "%.*s", (int)name.length, name.data);
	file = malloc(FILE_BYTES_MAX);
	stream = fopen(path, "rbe");
	if (!file || !stream)
		goto out;
	length = fread(file, 1, FILE_BYTES_MAX, stream);
	sound = length < FILE_BYTES_MAX && read_file(zone, file, length);
out:
	if (stream)
		fclose(stream);
	free(file);
	return sound;
}

/* [+-]hh[[:]mm] */
static bool read_offset(struct zone *zone, struct ep_slice text)
{
	int digits[4] = {0}, count = 0;

	if (ep_slice_is(text, "Z") || ep_slice_is(text, "UTC"))
		return true;
	if (text.length < 3 || (text.data[0] != '+' && text.data[0] != '-'))
		return false;
	for (uint64_t i = 1; i < text.length; i++) {
		char c = text.data[i];

		if (c == ':' && i == 3 && text.length == 6)
			continue;
		if (c < '0' || c > '9' || count == 4)
			return false;
		digits[count++] = c - '0';
	}
	if ((count != 2 && count != 4) || digits[0] * 10 + digits[1] > 23 || digits[2] > 5)
		return false;
	zone->offsets[0] = (digits[0] * 10 + digits[1]) * 3600 + (digits[2] * 10 + digits[3]) * 60;
	if (text.data[0] == '-')
		zone->offsets[0] = -zone->offsets[0];
	return true;
}

enum ep_status zone_open(struct zone **opened, struct ep_slice name, struct error *error)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	*opened = NULL;
	if (!zone)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a time zone");
	zone->type_count = 1;
	if (!read_offset(zone, name) && !read_named(zone, name)) {
		zone_close(zone);
		return error_set(error, EP_BAD_CONFIG, EP_ERR_PLUGIN_OPTION,
			"zone = \"%.*s\": no such time zone; accepted are an offset such as \"+08:00\" and the names "
			"in "
			"%s such as \"Asia/Shanghai\"",
			(int)(name.length < 100 ? name.length : 100), name.data, DIRECTORY);
	}
	*opened = zone;
	return EP_OK;
}

void zone_close(struct zone *zone)
{
	if (!zone)
		return;
	free(zone->at);
	free(zone->type);
	free(zone);
}

int32_t zone_offset_at(const struct zone *zone, int64_t seconds)
{
	size_t low = 0, high = zone->transition_count;

	while (low < high) { /* the number of transitions not after `seconds` */
		size_t middle = low + (high - low) / 2;

		if (zone->at[middle] <= seconds)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == zone->transition_count && zone->has_rule)
		return zone_rule_offset_at(&zone->rule, seconds);
	return zone->offsets[low ? zone->type[low - 1] : 0];
}

enum ep_status zone_time(const struct zone *zone, struct ep_local_time local, struct ep_time *time)
{
	int32_t before, after, offset, minutes;
	int64_t wall, earlier, later, seconds;

	if (!ep_date_exists(local.date) || local.hour > 23 || local.minute > 59 || local.second > 60 ||
		local.nanosecond > 999999999 || local.digits > 9)
		return EP_BAD_INPUT;
	if (local.second == 60)
		local.second = 59;
	wall = ep_date_days(local.date) * DAY + local.hour * 3600 + local.minute * 60 + local.second;
	before = zone_offset_at(zone, wall - DAY);
	after = zone_offset_at(zone, wall + DAY);
	earlier = wall - (before > after ? before : after);
	later = wall - (before > after ? after : before);
	/* An offset holds if it is in force at the time that it gives; where none does, the clock jumps over this time. */
	if (wall - earlier == zone_offset_at(zone, earlier))
		seconds = earlier;
	else if (wall - later == zone_offset_at(zone, later))
		seconds = later;
	else
		seconds = wall - before;
	offset = zone_offset_at(zone, seconds);
	minutes = (offset + (offset < 0 ? -30 : 30)) / 60; /* local mean times had seconds */
	*time = (struct ep_time){.seconds = seconds,
		.nanosecond = local.nanosecond,
		.offset_minutes = (int16_t)minutes,
		.digits = local.digits};
	return EP_OK;
}
