/* version.c: see version.h. */
#include "pipeline/version.h"

#include <string.h>

#include "record/accept.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Takes a run of digits off the front, without its leading zeros. */
static struct ep_slice take_digits(struct ep_slice *text)
{
	uint64_t begin = 0, end = 0;
	struct ep_slice digits;

	while (end < text->length && is_digit(text->data[end]))
		end++;
	while (begin < end && text->data[begin] == '0')
		begin++;
	digits = ep_slice_sub(*text, begin, end - begin);
	*text = ep_slice_sub(*text, end, text->length);
	return digits;
}

static int compare_texts(struct ep_slice a, struct ep_slice b)
{
	while (a.length && b.length) {
		if (is_digit(a.data[0]) && is_digit(b.data[0])) {
			struct ep_slice left = take_digits(&a), right = take_digits(&b);
			int order = compare_numbers(left.length, right.length);

			if (order == 0 && left.length)
				order = memcmp(left.data, right.data, left.length);
			if (order != 0)
				return order;
			continue;
		}
		if (a.data[0] != b.data[0])
			return (unsigned char)a.data[0] < (unsigned char)b.data[0] ? -1 : 1;
		a = ep_slice_sub(a, 1, a.length);
		b = ep_slice_sub(b, 1, b.length);
	}
	return compare_numbers(a.length, b.length);
}

static int compare_times(struct ep_time a, struct ep_time b)
{
	if (a.seconds != b.seconds)
		return a.seconds < b.seconds ? -1 : 1;
	return compare_numbers(a.nanosecond, b.nanosecond);
}

int version_compare(const struct entry_record *a, const struct entry_record *b)
{
	struct ep_time left, right;
	bool is_time, other_is_time;

	if (!a->sent || !b->sent)
		return compare_numbers(a->sequence, b->sequence);
	is_time = ep_time_read(&left, NULL, a->version) == EP_OK;
	other_is_time = ep_time_read(&right, NULL, b->version) == EP_OK;
	if (is_time && other_is_time)
		return compare_times(left, right);
	if (is_time != other_is_time)
		return compare_numbers(a->sequence, b->sequence);
	return compare_texts(a->version, b->version);
}

struct ep_slice version_of_sequence(uint64_t sequence, char text[ENTRY_VERSION_MAX])
{
	char *end = text + ENTRY_VERSION_MAX, *at = end;

	do
		*--at = (char)('0' + sequence % 10);
	while ((sequence /= 10) != 0);
	return ep_slice_make(at, (uint64_t)(end - at));
}

struct entry_record version_entry(const struct outcome_record *record, uint64_t sequence)
{
	struct entry_record entry = {.revision = record->revision,
		.sequence = sequence,
		.attempt = record->attempt,
		.version = record->version};
	char text[ENTRY_VERSION_MAX];

	memcpy(entry.content, record->content, sizeof(entry.content));
	/* its own, or the one that it took */
	entry.sent = record_version(record->encoded, text).length > 0 ||
		     !ep_slice_equal(record->version, version_of_sequence(sequence, text));
	return entry;
}

enum record_fate version_decide(const struct entry_record *current, struct entry_record *record)
{
	int order;

	record->revision = 1;
	record->attempt = 1;
	if (!current)
		return RECORD_NEW;
	if (memcmp(current->content, record->content, sizeof(record->content)) == 0)
		return RECORD_SUPPRESSED;
	if (current->sent && !record->sent && record->sequence >= current->sequence) {
		record->version = current->version;
		record->sent = true;
	}
	order = version_compare(record, current);
	if (order < 0) {
		record->revision = 0;
		return RECORD_SUPERSEDED;
	}
	record->revision = current->revision + 1;
	if (order > 0)
		return RECORD_UPDATE;
	record->attempt = current->attempt + 1;
	return RECORD_CONFLICT;
}
