/*
 * arena.h: memory that is given out piece by piece and taken back all at once, up to a maximum.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <entrepot/plugin.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;                /* bytes given out, padding included */
	size_t max;
};

void arena_init(struct arena *arena, size_t max);
/* Zeroed, aligned to 16; NULL past the maximum or without memory. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy with a NUL behind it; data NULL if refused. */
struct ep_slice arena_copy(struct arena *arena, struct ep_slice slice);
/* Everything given out is gone; one block is kept for the next round. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
