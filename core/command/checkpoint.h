/*
 * checkpoint.h: what a checkpoint of the gateway's is made of: a part for the pipeline, one for its counts, one for each courier.
 *
 *   part  kind u8, u8 length of name, name, u32 length, bytes
 */
#ifndef COMMAND_CHECKPOINT_H
#define COMMAND_CHECKPOINT_H

#include "base/buffer.h"

#define CHECKPOINT_PIPELINE 'p' /* its name is empty */
#define CHECKPOINT_COURIER 'c'  /* the destination's name */
#define CHECKPOINT_COUNTS 'n'   /* of sources, for who watches; its name is empty */

struct checkpoint_part {
	char kind;
	struct ep_slice name;
	struct ep_slice bytes;
};

enum ep_status checkpoint_append(struct buffer *out, char kind, const char *name, struct ep_slice bytes);
/* Takes the next part off; false at the end, or if what is left isn't one. */
bool checkpoint_next(struct ep_slice *rest, struct checkpoint_part *part);
/* The part's bytes; empty: there is none. */
struct ep_slice checkpoint_find(struct ep_slice checkpoint, char kind, const char *name);

#endif
