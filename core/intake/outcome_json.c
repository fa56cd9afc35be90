/* outcome_json.c: see outcome_json.h. The members are those of the contract; at most 100 rejections are named. */
#include "intake/outcome_json.h"

#include <entrepot/helpers.h>

#include "base/json.h"
#include "base/text.h"
#include "record/schema.h"

static void write_rejections(struct json *json, struct ep_slice rest)
{
	struct outcome_rejection rejection;

	json_array_begin(json);
	for (int i = 0; i < OUTCOME_REJECTIONS_MAX && outcome_next_rejection(&rest, &rejection); i++) {
		json_object_begin(json);
		json_name(json, "place");
		json_text(json, rejection.place);
		json_member_string(json, "code", schema_error_find(rejection.code)->code);
		json_name(json, "text");
		json_text(json, rejection.text);
		json_object_end(json);
	}
	json_array_end(json);
}

enum ep_status outcome_json_write(const struct outcome *outcome, bool duplicate, struct buffer *out)
{
	struct json json = json_begin(out);
	enum outcome_kind kind = outcome->kind;
	char id[33];

	/* While the first is pending, so is its repetition */
	if (duplicate && kind != OUTCOME_PENDING)
		kind = OUTCOME_DUPLICATE;
	hex_write(outcome->message_id, sizeof(outcome->message_id), id);
	json_object_begin(&json);
	json_member_string(&json, "message_id", id);
	json_member_text(&json, "source", outcome->source);
	json_member_string(&json, "outcome", outcome_kind_name(kind));
	json_member_integer(&json, "records", outcome->record_count);
	json_member_integer(&json, "suppressed", outcome->suppressed);
	json_name(&json, "rejected");
	write_rejections(&json, outcome->rejections);
	json_object_end(&json);
	return out->failed;
}
