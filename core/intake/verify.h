/*
 * verify.h: is the sender who the source expects? Decided before anything is accepted, and before a plugin sees a byte.
 *
 * A verifier is made once for each source, from what its configuration declares; presets are resolved there already. A
 * verification goes along with one request: it is begun with the head, fed with the body as sent, and finished.
 * Everything that a secret takes part in is compared in constant time. An unknown source gets the verifier made of NULL,
 * which refuses everyone after the same work, so that the answer doesn't tell which sources exist.
 */
#ifndef INTAKE_VERIFY_H
#define INTAKE_VERIFY_H

#include "conf/conf.h"
#include "intake/hmac.h"
#include "intake/http_parse.h"

#define VERIFY_SIGNATURES_MAX 8 /* that one request may offer: during a rotation there are two */

struct verifier;

struct verification {
	const struct verifier *verifier;
	const struct http_head *head; /* for what the template takes from it behind the body */
	bool tls;
	bool refused;
	struct ep_slice timestamp;
	uint32_t run_count;
	uint32_t signature_count;
	struct hmac runs[2]; /* with the secret, and the next one */
	uint8_t signatures[VERIFY_SIGNATURES_MAX][HMAC_BYTES_MAX];
};

enum verify_step {
	VERIFY_REFUSED, /* whatever the body is; feeding and finishing it all the same is allowed, and does the same work */
	VERIFY_PASSED, /* whatever the body is */
	VERIFY_BODY    /* the body decides */
};

/* `verify` NULL: refuses everyone. Secrets are taken over as hashed states, so `verify` need not outlive the call. */
EP_MUST_CHECK enum ep_status verifier_create(struct verifier **verifier, const struct conf_verify *verify,
	const struct conf_secret *status_token, struct error *error);
void verifier_destroy(struct verifier *verifier);

/* `head` and `verifier` must outlive the verification. `tls`: how {url} begins. */
enum verify_step verify_begin(
	struct verification *verification, const struct verifier *verifier, const struct http_head *head, bool tls);
/* A verification that nothing passes and that does no work. */
void verify_nothing(struct verification *verification);
void verify_update(struct verification *verification, struct ep_slice body);
/* true: the sender is who the source expects. Wipes the verification. */
EP_MUST_CHECK bool verify_finish(struct verification *verification);

/* Whether who asks for an outcome may see it: as a sender where the scheme needs no body, else by the status token. */
EP_MUST_CHECK bool verify_reader(const struct verifier *verifier, const struct http_head *head);

#endif
