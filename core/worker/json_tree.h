/*
 * json_tree.h: the values of one JSON document as a table of 16 bytes a value, in the order of the text.
 *
 * Every value is checked against RFC 8259 when the table is made: numbers stay as written, escapes are checked and undone
 * only when asked for.
 */
#ifndef WORKER_JSON_TREE_H
#define WORKER_JSON_TREE_H

#include <entrepot/plugin.h>

#define JSON_DEPTH_MAX 1024

/* Every value but the first of each container and the root has a comma before it, every container two brackets. */
#define JSON_NODES_MAX(tokens) ((tokens) / 2 + JSON_DEPTH_MAX / 2 + 2)

/*
 * What a node's bits hold: kind (3), escapes in the string or something in the container (1), escapes in the name (1),
 * length of the name (8), of the scalar as written, without quotes (19); a length that doesn't fit is all ones, and is
 * found by looking for the end.
 */
struct json_node {
	uint32_t value; /* offset of the scalar (behind its quote), or of the bracket */
	uint32_t name;  /* offset of the member's name behind its quote; 0: it has none */
	uint32_t next;  /* number of the next sibling; 0: none */
	uint32_t bits;
};

struct json_frame {
	uint32_t node, last, count; /* an open container, its child at hand, how many children so far */
};

struct json_walk {
	/* Set by the caller. */
	struct ep_slice text;
	const uint32_t *starts; /* of tokens */
	uint32_t start_count;
	uint32_t at; /* the first token; set to the one behind the document */
	struct json_node *nodes;
	uint32_t node_max;         /* JSON_NODES_MAX(start_count) suffices */
	struct json_frame *frames; /* JSON_DEPTH_MAX */
	/* Set by json_walk(). */
	uint32_t node_count;
	uint32_t depth;
	uint32_t end; /* offset behind the document; or where it is wrong */
	enum ep_error code;
	const char *wrong;
	bool in_name; /* what is wrong is a member's name: it has no path of its own */
};

/* EP_OK, or EP_BAD_INPUT with code, wrong and end set and the frames as they stood. */
EP_MUST_CHECK enum ep_status json_walk(struct json_walk *walk);

static inline uint32_t json_node_kind(const struct json_node *node)
{
	return node->bits & 7;
}

/* A string with escapes; a container that isn't empty. */
static inline bool json_node_flag(const struct json_node *node)
{
	return node->bits & 8;
}

struct ep_slice json_node_name(const struct json_node *node, struct ep_slice text);
/* Of a scalar. */
struct ep_slice json_node_value(const struct json_node *node, struct ep_slice text);
/* The first of the siblings from `node` on whose name, escapes undone, is `name`; 0: none. */
uint32_t json_find_member(const struct json_node *nodes, uint32_t node, struct ep_slice text, struct ep_slice name);
bool json_node_name_escaped(const struct json_node *node);
/* Undoes the escapes of checked text; `out` has room for raw.length bytes. Returns what was written. */
uint64_t json_unescape(struct ep_slice raw, char *out);
/* The first byte that is no white space, or the length. */
uint64_t json_skip_space(struct ep_slice text, uint64_t at);

#endif
