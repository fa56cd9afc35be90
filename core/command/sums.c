/* sums.c: see sums.h. */
#include "command/sums.h"

#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "record/bytes.h"

bool sums_amount(struct ep_slice encoded, struct ep_money *amount)
{
	const struct schema_record *type =
		encoded.length >= RECORD_HEAD_BYTES ? schema_record_find(get_u16(encoded.data)) : NULL;
	struct record_value value;

	if (!type || !type->monetary_field ||
		!record_find(encoded, (uint32_t)type->number << 16 | type->monetary_field, &value))
		return false;
	*amount = record_money(value.bytes);
	return true;
}

static struct sum *find(struct sums *sums, const char *currency)
{
	struct sum *grown;
	size_t at = 0;

	while (at < sums->count && strcmp(sums->list[at].currency, currency) < 0)
		at++;
	if (at < sums->count && strcmp(sums->list[at].currency, currency) == 0)
		return &sums->list[at];
	if (sums->count == SUMS_CURRENCIES_MAX)
		return NULL;
	grown = reallocarray(sums->list, sums->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	sums->list = grown;
	memmove(grown + at + 1, grown + at, (sums->count - at) * sizeof(*grown));
	sums->count++;
	grown[at] = (struct sum){.currency = ""};
	memcpy(grown[at].currency, currency, sizeof(grown[at].currency));
	return &grown[at];
}

void sums_add(struct sums *sums, size_t column, const struct ep_money *amount)
{
	struct sum *sum = find(sums, amount->currency);

	if (!sum || ep_decimal_add(&sum->columns[column], sum->columns[column], amount->amount) != EP_OK)
		sums->overflow = true;
}

void sums_write_json(const struct sums *sums, struct json *json, const char *const names[], size_t count)
{
	json_array_begin(json);
	for (size_t i = 0; i < sums->count; i++) {
		const struct sum *sum = &sums->list[i];

		json_object_begin(json);
		json_member_string(json, "currency", sum->currency);
		for (size_t column = 0; column < count; column++) {
			char text[48];

			json_member_text(
				json, names[column], ep_slice_make(text, ep_decimal_write(sum->columns[column], text)));
		}
		json_object_end(json);
	}
	json_array_end(json);
}

void sums_print(const struct sums *sums, struct buffer *out, const char *const names[], size_t count)
{
	for (size_t i = 0; i < sums->count; i++) {
		const struct sum *sum = &sums->list[i];

		(void)buffer_append_format(out, "    %-3s", sum->currency[0] ? sum->currency : "---");
		for (size_t column = 0; column < count; column++) {
			char text[48];

			if (column && ep_decimal_is_zero(sum->columns[column]))
				continue;
			(void)buffer_append_format(out, "  %s %.*s", names[column],
				(int)ep_decimal_write(sum->columns[column], text), text);
		}
		(void)buffer_append_byte(out, '\n');
	}
	if (sums->overflow)
		buffer_append_string(out, "    some amounts are too large to be added\n");
}

void sums_free(struct sums *sums)
{
	free(sums->list);
	*sums = (struct sums){.count = 0};
}
