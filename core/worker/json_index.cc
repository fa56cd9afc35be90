/* json_index.cc: see json_index.h. No exception leaves this file: nothing in it throws. */
#include "worker/json_index.h"

#include <memory>
#include <new>

#include <simdjson.h>

namespace
{
constexpr size_t capacity_least = 16 * 1024;
constexpr size_t capacity_kept = 1024 * 1024;
constexpr size_t depth_unused = 1; /* of simdjson's second stage */
} // namespace

struct json_index {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

static bool make_room(struct json_index *index, size_t length)
{
	size_t capacity = capacity_least;

	if (index->stage && index->stage->capacity() >= length)
		return true;
	while (capacity < length)
		capacity *= 2;
	if (capacity > JSON_INDEX_BYTES_MAX)
		capacity = JSON_INDEX_BYTES_MAX;
	index->stage.reset();
	return simdjson::get_active_implementation()->create_dom_parser_implementation(
		       capacity, depth_unused, index->stage) == simdjson::SUCCESS;
}

extern "C" struct json_index *json_index_create(void)
{
	std::unique_ptr<struct json_index> index(new (std::nothrow) struct json_index());

	if (!index || !make_room(index.get(), capacity_least))
		return nullptr;
	return index.release();
}

extern "C" void json_index_destroy(struct json_index *index)
{
	delete index;
}

extern "C" void json_index_trim(struct json_index *index)
{
	if (index->stage && index->stage->capacity() > capacity_kept)
		index->stage.reset();
}

extern "C" enum ep_status json_index_read(
	struct json_index *index, struct ep_slice text, bool whole, const uint32_t **starts, uint32_t *count)
{
	simdjson::stage1_mode mode = whole ? simdjson::stage1_mode::regular : simdjson::stage1_mode::streaming_partial;
	simdjson::error_code code;

	*starts = nullptr;
	*count = 0;
	if (text.length == 0)
		return EP_END;
	if (text.length > JSON_INDEX_BYTES_MAX || !make_room(index, text.length))
		return EP_NO_MEMORY;
	code = index->stage->stage1(reinterpret_cast<const uint8_t *>(text.data), text.length, mode);
	*starts = index->stage->structural_indexes.get();
	*count = index->stage->n_structural_indexes;
	switch (code) {
	case simdjson::SUCCESS:
		return *count ? EP_OK : whole ? EP_END : EP_LIMIT;
	case simdjson::EMPTY:
		return whole ? EP_END : EP_LIMIT;
	case simdjson::CAPACITY:
		return EP_LIMIT;
	default:
		return EP_BAD_INPUT;
	}
}
