/* fake_disk.c: the fake disk itself: what it holds, how it fails, what a crash leaves of it. See fake_disk.h. */
#include "support/fake_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MEMORY_BYTES ((size_t)INODES * 2 * FILE_MAX)

struct fake_image {
	struct state state;
	uint8_t *bytes; /* of the used inodes, two a piece */
};

struct state *fake_state;
static uint8_t *memory;

static void *share(size_t bytes)
{
	void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (shared == MAP_FAILED)
		fake_misuse("no memory");
	return shared;
}

void fake_disk_begin(uint64_t seed)
{
	fake_state = share(sizeof(*fake_state));
	memory = share(MEMORY_BYTES);
	for (int i = 0; i < INODES; i++) {
		fake_state->inodes[i].bytes = memory + (size_t)i * 2 * FILE_MAX;
		fake_state->inodes[i].synced = fake_state->inodes[i].bytes + FILE_MAX;
	}
	for (int i = 0; i < NAMES; i++)
		fake_state->names[i].inode = fake_state->synced[i].inode = -1;
	for (int i = 0; i < FDS; i++)
		fake_state->fds[i] = -1;
	fake_state->random = seed * 2 + 1;
	fake_state->space = UINT64_MAX / 2;
	fake_put_name(fake_state->names, "/fake", fake_new_inode(true));
	fake_put_name(fake_state->synced, "/fake", fake_state->names[0].inode);
	disk_install(&fake_ops);
}

void fake_disk_end(void)
{
	disk_install(NULL);
	fake_hook = NULL;
	munmap(fake_state, sizeof(*fake_state));
	munmap(memory, MEMORY_BYTES);
	fake_state = NULL;
}

void fake_disk_stop_at(uint64_t operation)
{
	fake_state->stop_at = operation;
	fake_state->operations = 0;
}

uint64_t fake_disk_operations(void)
{
	return fake_state->operations;
}

uint64_t fake_disk_count(enum fake_operation operation)
{
	return fake_state->counts[operation];
}

void fake_disk_reset_counts(void)
{
	memset(fake_state->counts, 0, sizeof(fake_state->counts));
}

void fake_disk_fail(enum fake_operation operation, uint64_t skip, int error_number)
{
	fake_state->fail_skip[operation] = skip;
	fake_state->fail_number[operation] = error_number;
}

bool fake_disk_fails(enum fake_operation operation)
{
	return fake_state->fail_number[operation] != 0;
}

void fake_disk_space(uint64_t bytes)
{
	fake_state->space = bytes;
}

void fake_disk_disturb(bool on)
{
	fake_state->disturb = on;
}

void fake_disk_on_operation(void (*hook)(enum fake_operation operation))
{
	fake_hook = hook;
}

void fake_disk_no_tmpfile(bool on)
{
	fake_state->no_tmpfile = on;
}

/* A page that was not synced: as it was, or as it is, or torn. What is left is on the disk. */
static void cut_page(struct inode *inode, size_t page, enum fake_loss loss)
{
	uint8_t *current = inode->bytes + page * PAGE;
	uint8_t *synced = inode->synced + page * PAGE;

	if (memcmp(current, synced, PAGE) == 0)
		return;
	if (loss == FAKE_DROP || inode->lost[page] || fake_chance(2)) {
		memcpy(current, synced, PAGE);
		return;
	}
	for (size_t at = 0; at < PAGE && fake_chance(8); at += SECTOR) /* torn: a few sectors at the front are old */
		memcpy(current + at, synced + at, SECTOR);
	memcpy(synced, current, PAGE);
}

static void cut_file(struct inode *inode, enum fake_loss loss)
{
	for (size_t page = 0; page < PAGES; page++) {
		if (inode->dirty[page])
			cut_page(inode, page, loss);
		inode->dirty[page] = inode->lost[page] = false;
	}
	if (loss == FAKE_DROP || fake_chance(2))
		inode->size = inode->synced_size;
	inode->synced_size = inode->size;
	if (inode->size < inode->top) {
		memset(inode->bytes + inode->size, 0, inode->top - inode->size);
		memset(inode->synced + inode->size, 0, inode->top - inode->size);
	}
}

void fake_disk_crash(enum fake_loss loss)
{
	fake_state->stop_at = 0;
	memset(fake_state->fail_number, 0, sizeof(fake_state->fail_number));
	for (int i = 0; i < FDS; i++)
		fake_state->fds[i] = -1;
	if (loss != FAKE_KEEP) {
		for (int i = 0; i < fake_state->change_count; i++)
			if (loss == FAKE_SOME && fake_chance(2))
				fake_apply(fake_state->synced, &fake_state->changes[i]);
		memcpy(fake_state->names, fake_state->synced, sizeof(fake_state->names));
		fake_state->change_count = 0;
	}
	for (int i = 0; i < INODES; i++) {
		fake_state->inodes[i].opened = 0;
		if (fake_state->inodes[i].used && loss != FAKE_KEEP)
			cut_file(&fake_state->inodes[i], loss);
	}
	fake_free_unused();
}

void fake_disk_settle(void)
{
	for (int i = 0; i < INODES; i++) {
		struct inode *inode = &fake_state->inodes[i];

		if (!inode->used)
			continue;
		memcpy(inode->synced, inode->bytes, FILE_MAX);
		memset(inode->dirty, 0, sizeof(inode->dirty));
		memset(inode->lost, 0, sizeof(inode->lost));
		inode->synced_size = inode->size;
	}
	memcpy(fake_state->synced, fake_state->names, sizeof(fake_state->synced));
	fake_state->change_count = 0;
}

struct fake_image *fake_disk_save(void)
{
	struct fake_image *image = malloc(sizeof(*image));
	size_t count = 0;

	if (!image)
		fake_misuse("no memory");
	image->state = *fake_state;
	for (int i = 0; i < INODES; i++)
		count += fake_state->inodes[i].used;
	image->bytes = malloc(count * 2 * FILE_MAX);
	count = 0;
	for (int i = 0; i < INODES; i++)
		if (fake_state->inodes[i].used)
			memcpy(image->bytes + count++ * 2 * FILE_MAX, fake_state->inodes[i].bytes, 2 * FILE_MAX);
	return image;
}

void fake_disk_restore(const struct fake_image *image)
{
	uint64_t random = fake_state->random;
	size_t count = 0;

	*fake_state = image->state;
	fake_state->random = random; /* chance goes on */
	for (int i = 0; i < INODES; i++)
		if (fake_state->inodes[i].used)
			memcpy(fake_state->inodes[i].bytes, image->bytes + count++ * 2 * FILE_MAX, 2 * FILE_MAX);
}

void fake_disk_free_image(struct fake_image *image)
{
	free(image->bytes);
	free(image);
}

uint8_t *fake_disk_bytes(const char *path, uint64_t *size)
{
	const struct name *name = fake_find_name(fake_state->names, path);

	if (!name)
		return NULL;
	*size = fake_state->inodes[name->inode].size;
	fake_state->inodes[name->inode].top = FILE_MAX;
	return fake_state->inodes[name->inode].bytes;
}

void fake_disk_set_size(const char *path, uint64_t size)
{
	struct inode *inode = &fake_state->inodes[fake_find_name(fake_state->names, path)->inode];

	if (size < inode->size)
		memset(inode->bytes + size, 0, inode->size - size);
	inode->size = inode->synced_size = size;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool fake_disk_name(const char *directory, int n, char name[PATH_MAX_BYTES])
{
	static char names[NAMES][PATH_MAX_BYTES];
	int count = 0;

	for (int i = 0; i < NAMES; i++)
		if (fake_state->names[i].inode != -1 && fake_in_directory(fake_state->names[i].path, directory))
			fake_set_path(names[count++], strrchr(fake_state->names[i].path, '/') + 1);
	qsort(names, (size_t)count, PATH_MAX_BYTES, compare_names);
	if (n >= count)
		return false;
	memcpy(name, names[n], PATH_MAX_BYTES);
	return true;
}

struct fake_notes *fake_disk_notes(void)
{
	return &fake_state->notes;
}
