/*
 * json_index.h: simdjson behind a thin wrapper: where the tokens of a JSON text begin.
 *
 * Only simdjson's first stage is used. It checks that the text is UTF-8 and finds the first byte of every brace, bracket,
 * colon, comma, string and bare word outside of strings. What the tokens are, and whether they stand in order, is
 * json_tree.c's matter. Its lazy front end (On-Demand) and its own tree aren't used: the one leaves values unchecked that
 * nobody asks for, the other turns numbers into doubles.
 */
#ifndef WORKER_JSON_INDEX_H
#define WORKER_JSON_INDEX_H

#include <entrepot/types.h> /* alone: this header is read by a C++ compiler, to which ep_header is two things */

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_INDEX_BYTES_MAX ((uint64_t)0xffffff00) /* of one text; offsets are 32 bits */

struct json_index; /* keeps its memory, 4 bytes for each byte of the largest text, from text to text */

struct json_index *json_index_create(void); /* NULL without memory */
void json_index_destroy(struct json_index *index);
/* Frees what a large text made necessary. */
void json_index_trim(struct json_index *index);

/*
 * The tokens of `text`, valid until the next call. `whole`: the text ends with `text`. Else it may go on, and only the
 * tokens of the documents that are whole are given: EP_LIMIT if there is none. EP_END: only white space.
 * EP_BAD_INPUT: not UTF-8, a control character in a string, or a string without end; nothing is known of where.
 */
EP_MUST_CHECK enum ep_status json_index_read(
	struct json_index *index, struct ep_slice text, bool whole, const uint32_t **starts, uint32_t *count);

#ifdef __cplusplus
}
#endif
#endif
