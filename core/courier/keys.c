/* keys.c: the lines in which items of one business key wait. A key exists as long as its line isn't empty. */
#include <stdlib.h>

#include "base/hash.h"
#include "courier/parts.h"
#include "record/bytes.h"

uint64_t key_hash(struct ep_slice source, const struct outcome_record *record)
{
	uint64_t type = record->encoded.length >= RECORD_HEAD_BYTES ? get_u16(record->encoded.data) : 0;
	uint64_t hash = xxh3(record->key.data, record->key.length, xxh3(source.data, source.length, type));

	return hash == DELIVERY_NO_KEY ? 0 : hash;
}

static struct key **find(struct keys *keys, uint64_t hash)
{
	struct key **at = &keys->buckets[hash % KEY_BUCKETS];

	while (*at && (*at)->hash != hash)
		at = &(*at)->next;
	return at;
}

bool keys_join(struct keys *keys, uint64_t hash, struct item *item)
{
	struct key **at = find(keys, hash), *key = *at;

	if (!key) {
		key = calloc(1, sizeof(*key));
		if (!key)
			return false;
		key->hash = hash;
		*at = key;
	}
	item->key = key;
	item->key_previous = key->last;
	item->key_next = NULL;
	if (key->last)
		key->last->key_next = item;
	else
		key->first = item;
	key->last = item;
	return true;
}

struct item *keys_leave(struct keys *keys, struct item *item)
{
	struct key *key = item->key, **at;
	struct item *next = item->key_next;

	ASSERT(key->first == item); /* whoever overtakes breaks the order of the key */
	item->key = NULL;
	item->key_next = NULL;
	key->first = next;
	if (next) {
		next->key_previous = NULL;
		return next;
	}
	at = find(keys, key->hash);
	*at = key->next;
	free(key);
	return NULL;
}
