/* hash.h: SHA-256 of several slices (OpenSSL), XXH3 (xxHash). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <entrepot/plugin.h>

#define SHA256_BYTES 32

struct sha256; /* one running digest */

struct sha256 *sha256_create(void); /* never NULL: without a digest nothing can be accepted, so it panics */
void sha256_start(struct sha256 *digest);
void sha256_update(struct sha256 *digest, struct ep_slice data);
void sha256_finish(struct sha256 *digest, uint8_t out[SHA256_BYTES]);
void sha256_destroy(struct sha256 *digest);
/* In one go. */
void sha256_of(struct ep_slice data, uint8_t out[SHA256_BYTES]);
/* Adds the slice's length as 8 bytes, little endian, then the slice, so that fields can't run into each other. */
void sha256_update_field(struct sha256 *digest, struct ep_slice data);
/* Several slices as fields. */
uint64_t xxh3(const void *data, size_t length, uint64_t seed);

#endif
