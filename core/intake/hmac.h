/*
 * hmac.h: HMAC (RFC 2104) over a message that comes in pieces, with SHA-1, SHA-256 or SHA-512.
 *
 * A key is hashed once into its inner and outer state; a message then starts from a copy, which costs a third of what
 * HMAC() does for a short body. Keys and states are plain memory: wipe them with hmac_key_wipe().
 */
#ifndef INTAKE_HMAC_H
#define INTAKE_HMAC_H

#include <openssl/sha.h>

#include "conf/conf.h"

#define HMAC_BYTES_MAX 64

union hmac_state {
	SHA_CTX sha1;
	SHA256_CTX sha256;
	SHA512_CTX sha512;
};

struct hmac_key {
	enum conf_algorithm algorithm;
	union hmac_state inner, outer;
};

struct hmac {
	const struct hmac_key *key;
	union hmac_state state;
};

void hmac_key_set(struct hmac_key *key, enum conf_algorithm algorithm, struct ep_slice secret);
void hmac_key_wipe(struct hmac_key *key);
/* `key` must outlive the run. */
void hmac_start(struct hmac *hmac, const struct hmac_key *key);
void hmac_update(struct hmac *hmac, struct ep_slice data);
void hmac_finish(struct hmac *hmac, uint8_t out[HMAC_BYTES_MAX]);
/* Of the result: 20, 32 or 64. */
size_t hmac_bytes(enum conf_algorithm algorithm);

#endif
