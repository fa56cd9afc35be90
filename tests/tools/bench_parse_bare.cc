/* bench_parse_bare.cc: see bench_parse_bare.h. */
#include "bench_parse_bare.h"

#include <simdjson.h>

using namespace simdjson;

static bool walk(ondemand::value value, uint64_t &bytes)
{
	ondemand::json_type type;

	if (value.type().get(type))
		return false;
	switch (type) {
	case ondemand::json_type::object: {
		ondemand::object object;

		if (value.get_object().get(object))
			return false;
		for (auto member : object) {
			std::string_view name;
			ondemand::value child;

			if (member.unescaped_key().get(name) || member.value().get(child) || !walk(child, bytes))
				return false;
			bytes += name.size();
		}
		return true;
	}
	case ondemand::json_type::array: {
		ondemand::array array;

		if (value.get_array().get(array))
			return false;
		for (auto element : array) {
			ondemand::value child;

			if (element.get(child) || !walk(child, bytes))
				return false;
		}
		return true;
	}
	case ondemand::json_type::string: {
		std::string_view text;

		if (value.get_string().get(text))
			return false;
		bytes += text.size();
		return true;
	}
	default:
		bytes += value.raw_json_token().size();
		return true;
	}
}

extern "C" uint64_t bare_json(const char *text, size_t length)
{
	static ondemand::parser parser;
	ondemand::document document;
	ondemand::value root;
	uint64_t bytes = 0;

	if (parser.iterate(text, length, length + SIMDJSON_PADDING).get(document) || document.get_value().get(root))
		return 0;
	return walk(root, bytes) ? bytes : 0;
}
