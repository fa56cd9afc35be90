/* hash.c: see hash.h. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <openssl/evp.h>
#include <xxhash.h>

#include "base/error.h"

static const EVP_MD *algorithm(void)
{
	static const EVP_MD *fetched; /* looked up once: a fetch costs as much as hashing a small message */

	if (!fetched)
		fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!fetched)
		PANIC("SHA-256 is not available");
	return fetched;
}

struct sha256 *sha256_create(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context)
		PANIC("no memory for a digest");
	return (struct sha256 *)context;
}

static EVP_MD_CTX *context_of(struct sha256 *digest)
{
	return (EVP_MD_CTX *)digest;
}

void sha256_start(struct sha256 *digest)
{
	if (EVP_DigestInit_ex(context_of(digest), algorithm(), NULL) != 1)
		PANIC("SHA-256 is not available");
}

void sha256_update(struct sha256 *digest, struct ep_slice data)
{
	if (data.length && EVP_DigestUpdate(context_of(digest), data.data, data.length) != 1)
		PANIC("SHA-256 failed");
}

void sha256_finish(struct sha256 *digest, uint8_t out[SHA256_BYTES])
{
	if (EVP_DigestFinal_ex(context_of(digest), out, NULL) != 1)
		PANIC("SHA-256 failed");
}

void sha256_destroy(struct sha256 *digest)
{
	EVP_MD_CTX_free(context_of(digest));
}

void sha256_of(struct ep_slice data, uint8_t out[SHA256_BYTES])
{
	static __thread EVP_MD_CTX *context; /* kept: making one costs more than hashing a small record */

	if (!context)
		context = EVP_MD_CTX_new();
	if (!context || EVP_DigestInit_ex(context, algorithm(), NULL) != 1 ||
		EVP_DigestUpdate(context, data.data, data.length) != 1 || EVP_DigestFinal_ex(context, out, NULL) != 1)
		PANIC("SHA-256 failed");
}

void sha256_update_field(struct sha256 *digest, struct ep_slice data)
{
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(data.length >> (8 * i));
	sha256_update(digest, ep_slice_make((const char *)length, sizeof(length)));
	sha256_update(digest, data);
}

uint64_t xxh3(const void *data, size_t length, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, length, seed);
}
