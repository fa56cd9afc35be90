/* arena.c: see arena.h. Blocks of 64 KiB; what is larger gets a block of its own. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t size; /* bytes behind this header */
	size_t used;
	size_t reserved; /* keeps what follows aligned to 16 */
};

_Static_assert(sizeof(struct arena_block) % 16 == 0, "arena memory is aligned to 16");

void arena_init(struct arena *arena, size_t max)
{
	*arena = (struct arena){.max = max};
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
	struct arena_block *block = malloc(sizeof(*block) + size);

	if (!block)
		return NULL;
	*block = (struct arena_block){.size = size};
	if (size > BLOCK_BYTES && arena->blocks) { /* the block at hand stays the one to fill */
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = arena->blocks;
		arena->blocks = block;
	}
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t rounded = (size + 15) & ~(size_t)15;
	void *memory;

	if (rounded < size || rounded > arena->max - arena->used)
		return NULL;
	if (!block || rounded > block->size - block->used)
		block = add_block(arena, rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES);
	if (!block)
		return NULL;
	memory = (char *)(block + 1) + block->used;
	block->used += rounded;
	arena->used += rounded;
	memset(memory, 0, rounded);
	return memory;
}

struct ep_slice arena_copy(struct arena *arena, struct ep_slice slice)
{
	char *copy = arena_alloc(arena, slice.length + 1);

	if (!copy)
		return ep_slice_make(NULL, 0);
	if (slice.length)
		memcpy(copy, slice.data, slice.length);
	return ep_slice_make(copy, slice.length);
}

static void free_from(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->blocks;

	if (kept && kept->size > BLOCK_BYTES) { /* a large block is not worth keeping */
		free_from(kept);
		arena->blocks = NULL;
	} else if (kept) {
		free_from(kept->next);
		kept->next = NULL;
		kept->used = 0;
	}
	arena->used = 0;
}

void arena_free(struct arena *arena)
{
	free_from(arena->blocks);
	arena->blocks = NULL;
	arena->used = 0;
}
