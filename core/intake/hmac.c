/*
 * hmac.c: see hmac.h. Uses OpenSSL's low-level digests: their states can be copied as memory, while EVP contexts take
 * several allocations a message.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "intake/hmac.h"

#include <string.h>

#include <openssl/crypto.h>

#define BLOCK_MAX 128

static size_t block_bytes(enum conf_algorithm algorithm)
{
	return algorithm == CONF_SHA512 ? 128 : 64;
}

size_t hmac_bytes(enum conf_algorithm algorithm)
{
	switch (algorithm) {
	case CONF_SHA1:
		return SHA_DIGEST_LENGTH;
	case CONF_SHA256:
		return SHA256_DIGEST_LENGTH;
	case CONF_SHA512:
		return SHA512_DIGEST_LENGTH;
	}
	PANIC("no algorithm %d", (int)algorithm);
}

static void digest_start(enum conf_algorithm algorithm, union hmac_state *state)
{
	switch (algorithm) {
	case CONF_SHA1:
		SHA1_Init(&state->sha1);
		break;
	case CONF_SHA256:
		SHA256_Init(&state->sha256);
		break;
	case CONF_SHA512:
		SHA512_Init(&state->sha512);
		break;
	}
}

static void digest_update(enum conf_algorithm algorithm, union hmac_state *state, const void *data, size_t length)
{
	if (length == 0)
		return;
	switch (algorithm) {
	case CONF_SHA1:
		SHA1_Update(&state->sha1, data, length);
		break;
	case CONF_SHA256:
		SHA256_Update(&state->sha256, data, length);
		break;
	case CONF_SHA512:
		SHA512_Update(&state->sha512, data, length);
		break;
	}
}

static void digest_finish(enum conf_algorithm algorithm, union hmac_state *state, unsigned char *out)
{
	switch (algorithm) {
	case CONF_SHA1:
		SHA1_Final(out, &state->sha1);
		break;
	case CONF_SHA256:
		SHA256_Final(out, &state->sha256);
		break;
	case CONF_SHA512:
		SHA512_Final(out, &state->sha512);
		break;
	}
}

static void pad_start(struct hmac_key *key, union hmac_state *state, const unsigned char *secret, unsigned char pad)
{
	unsigned char block[BLOCK_MAX];
	size_t length = block_bytes(key->algorithm);

	for (size_t i = 0; i < length; i++)
		block[i] = secret[i] ^ pad;
	digest_start(key->algorithm, state);
	digest_update(key->algorithm, state, block, length);
	OPENSSL_cleanse(block, sizeof(block));
}

void hmac_key_set(struct hmac_key *key, enum conf_algorithm algorithm, struct ep_slice secret)
{
	unsigned char block[BLOCK_MAX] = {0};

	memset(key, 0, sizeof(*key));
	key->algorithm = algorithm;
	if (secret.length > block_bytes(algorithm)) {
		union hmac_state state;

		digest_start(algorithm, &state);
		digest_update(algorithm, &state, secret.data, secret.length);
		digest_finish(algorithm, &state, block);
		OPENSSL_cleanse(&state, sizeof(state));
	} else if (secret.length) {
		memcpy(block, secret.data, secret.length);
	}
	pad_start(key, &key->inner, block, 0x36);
	pad_start(key, &key->outer, block, 0x5c);
	OPENSSL_cleanse(block, sizeof(block));
}

void hmac_key_wipe(struct hmac_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

void hmac_start(struct hmac *hmac, const struct hmac_key *key)
{
	hmac->key = key;
	hmac->state = key->inner;
}

void hmac_update(struct hmac *hmac, struct ep_slice data)
{
	digest_update(hmac->key->algorithm, &hmac->state, data.data, data.length);
}

void hmac_finish(struct hmac *hmac, uint8_t out[HMAC_BYTES_MAX])
{
	enum conf_algorithm algorithm = hmac->key->algorithm;
	union hmac_state outer = hmac->key->outer;
	unsigned char inner[HMAC_BYTES_MAX];

	digest_finish(algorithm, &hmac->state, inner);
	digest_update(algorithm, &outer, inner, hmac_bytes(algorithm));
	digest_finish(algorithm, &outer, out);
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(&outer, sizeof(outer));
}
