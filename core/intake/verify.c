/*
 * verify.c: see verify.h.
 *
 * Rules of this file: what depends on a secret is compared by CRYPTO_memcmp over a length that doesn't depend on it;
 * tokens are compared by their keyed hashes, so that not even their length shows. The other comparisons of bytes are
 * left to helpers that are given no secret.
 */
#include "intake/verify.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"

#define PIECES_MAX 16
#define CREDENTIALS_MAX 1024 /* bytes of user:password */
#define TOKEN_HASH_BYTES 32

enum piece_kind { PIECE_LITERAL, PIECE_TIMESTAMP, PIECE_URL, PIECE_BODY };

/* Of the signed text's template. */
struct piece {
	enum piece_kind kind;
	struct ep_slice literal;
};

struct token_hash {
	bool present;
	uint8_t bytes[TOKEN_HASH_BYTES];
};

struct verifier {
	bool refuse_all;
	enum conf_scheme scheme;
	enum conf_algorithm algorithm;
	enum conf_encoding encoding;
	bool list;
	bool needs_timestamp;
	int64_t tolerance_ns;
	char *header, *prefix, *template, *timestamp_header; /* owned; timestamp_header may be NULL */
	struct piece pieces[PIECES_MAX];                     /* point into `template` */
	uint32_t piece_count;
	uint32_t body_piece; /* index of {body} */
	struct hmac_key keys[2];
	uint32_t key_count;
	struct hmac_key token_key; /* random: tokens are compared hashed with it */
	struct hmac_key decoy_key; /* random: for work without a result */
	struct token_hash tokens[2];
	struct token_hash status_token;
};

static void hash_token(const struct verifier *verifier, struct ep_slice token, uint8_t out[HMAC_BYTES_MAX])
{
	struct hmac hmac;

	hmac_start(&hmac, &verifier->token_key);
	hmac_update(&hmac, token);
	hmac_finish(&hmac, out);
}

static void set_token(const struct verifier *verifier, struct token_hash *token, const struct conf_secret *secret)
{
	uint8_t hash[HMAC_BYTES_MAX];

	token->present = secret && secret->length;
	if (!token->present)
		return;
	hash_token(verifier, ep_slice_make(secret->data, secret->length), hash);
	memcpy(token->bytes, hash, sizeof(token->bytes));
}

static void set_random_key(struct hmac_key *key)
{
	char bytes[32];

	random_bytes(bytes, sizeof(bytes));
	hmac_key_set(key, CONF_SHA256, ep_slice_make(bytes, sizeof(bytes)));
	OPENSSL_cleanse(bytes, sizeof(bytes));
}

/* The placeholder that `rest` begins with. */
static bool take_placeholder(struct ep_slice *rest, enum piece_kind *kind)
{
	static const struct {
		const char *text;
		enum piece_kind kind;
	} known[] = {{"{timestamp}", PIECE_TIMESTAMP}, {"{url}", PIECE_URL}, {"{body}", PIECE_BODY}};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct ep_slice text = ep_slice_of(known[i].text);

		if (!ep_slice_starts(*rest, text))
			continue;
		*kind = known[i].kind;
		*rest = ep_slice_sub(*rest, text.length, rest->length - text.length);
		return true;
	}
	return false;
}

static enum ep_status read_template(struct verifier *verifier, struct error *error)
{
	struct ep_slice rest = ep_slice_of(verifier->template);
	uint32_t bodies = 0;

	while (rest.length) {
		struct piece *piece = &verifier->pieces[verifier->piece_count];

		if (verifier->piece_count == PIECES_MAX)
			return error_set(
				error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "signed: at most %d pieces", PIECES_MAX);
		if (!take_placeholder(&rest, &piece->kind)) {
			uint64_t length = 1 + ep_slice_find(ep_slice_sub(rest, 1, rest.length - 1), '{');

			piece->kind = PIECE_LITERAL;
			piece->literal = ep_slice_sub(rest, 0, length);
			rest = ep_slice_sub(rest, length, rest.length - length);
		}
		if (piece->kind == PIECE_BODY) {
			verifier->body_piece = verifier->piece_count;
			bodies++;
		}
		verifier->needs_timestamp = verifier->needs_timestamp || piece->kind == PIECE_TIMESTAMP;
		verifier->piece_count++;
	}
	if (bodies != 1)
		return error_set(
			error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "signed: {body} must stand in it exactly once");
	return EP_OK;
}

static char *copy(const char *text)
{
	char *made = strdup(text ? text : "");

	if (!made)
		PANIC("no memory for a verifier");
	return made;
}

static enum ep_status set_hmac(struct verifier *verifier, const struct conf_verify *verify, struct error *error)
{
	if (!verify->header || !verify->signed_text || verify->secret.length == 0)
		return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_MISSING, "hmac needs header, signed and secret");
	verifier->algorithm = verify->algorithm;
	verifier->encoding = verify->encoding;
	verifier->list = verify->signature_list;
	verifier->tolerance_ns = verify->tolerance_ns;
	verifier->needs_timestamp = verify->tolerance_ns > 0;
	verifier->header = copy(verify->header);
	verifier->prefix = copy(verify->signature_prefix);
	verifier->template = copy(verify->signed_text);
	if (verify->timestamp_header)
		verifier->timestamp_header = copy(verify->timestamp_header);
	hmac_key_set(&verifier->keys[verifier->key_count++], verify->algorithm,
		ep_slice_make(verify->secret.data, verify->secret.length));
	if (verify->second.length)
		hmac_key_set(&verifier->keys[verifier->key_count++], verify->algorithm,
			ep_slice_make(verify->second.data, verify->second.length));
	return read_template(verifier, error);
}

enum ep_status verifier_create(struct verifier **out, const struct conf_verify *verify,
	const struct conf_secret *status_token, struct error *error)
{
	struct verifier *verifier = calloc(1, sizeof(*verifier));
	enum ep_status status = EP_OK;

	*out = NULL;
	if (!verifier)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for a verifier");
	set_random_key(&verifier->token_key);
	set_random_key(&verifier->decoy_key);
	verifier->refuse_all = !verify;
	if (verify) {
		verifier->scheme = verify->scheme;
		set_token(verifier, &verifier->status_token, status_token);
	}
	if (verify && verify->scheme == CONF_VERIFY_HMAC) {
		status = set_hmac(verifier, verify, error);
	} else if (verify && verify->scheme != CONF_VERIFY_NONE) {
		set_token(verifier, &verifier->tokens[0], &verify->secret);
		set_token(verifier, &verifier->tokens[1], &verify->second);
		if (!verifier->tokens[0].present)
			status = error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_MISSING, "%s needs a secret",
				verify->scheme == CONF_VERIFY_BASIC ? "basic" : "bearer");
	}
	if (status != EP_OK) {
		verifier_destroy(verifier);
		return status;
	}
	*out = verifier;
	return EP_OK;
}

void verifier_destroy(struct verifier *verifier)
{
	if (!verifier)
		return;
	free(verifier->header);
	free(verifier->prefix);
	free(verifier->template);
	free(verifier->timestamp_header);
	OPENSSL_cleanse(verifier, sizeof(*verifier));
	free(verifier);
}

/* Tokens that are not configured are compared too, so that their number doesn't show. */
static bool token_matches(const struct verifier *verifier, struct ep_slice token, const struct token_hash *first,
	const struct token_hash *second)
{
	uint8_t hash[HMAC_BYTES_MAX];
	bool is_first, is_second;

	hash_token(verifier, token, hash);
	is_first = (CRYPTO_memcmp(hash, first->bytes, TOKEN_HASH_BYTES) == 0) & first->present;
	is_second = (CRYPTO_memcmp(hash, second->bytes, TOKEN_HASH_BYTES) == 0) & second->present;
	return is_first | is_second;
}

/* What stands behind "Bearer " or "Basic "; data NULL if there is no such header, or more than one. */
static struct ep_slice read_authorization(const struct http_head *head, struct ep_slice scheme)
{
	const struct ep_slice none = {NULL, 0};
	uint32_t count;
	struct ep_slice value = http_header(head, EP_SAY("authorization"), &count);

	if (count != 1 || value.length <= scheme.length || value.data[scheme.length] != ' ')
		return none;
	if (!ep_slice_equal_nocase(ep_slice_sub(value, 0, scheme.length), scheme))
		return none;
	return ep_slice_trim(ep_slice_sub(value, scheme.length, value.length - scheme.length));
}

static bool bearer_matches(const struct verifier *verifier, const struct http_head *head,
	const struct token_hash *first, const struct token_hash *second)
{
	struct ep_slice token = read_authorization(head, EP_SAY("bearer"));

	return token_matches(verifier, token, first, second) & (token.data != NULL);
}

static bool basic_matches(const struct verifier *verifier, const struct http_head *head)
{
	struct ep_slice encoded = read_authorization(head, EP_SAY("basic"));
	char credentials[CREDENTIALS_MAX];
	size_t length = 0;
	bool read, matches;

	read = encoded.data && base64_read(encoded, credentials, sizeof(credentials), &length) == EP_OK;
	matches = token_matches(verifier, ep_slice_make(credentials, read ? length : 0), &verifier->tokens[0],
			  &verifier->tokens[1]) &
		  read;
	OPENSSL_cleanse(credentials, sizeof(credentials));
	return matches;
}

static bool read_signature(struct verification *verification, struct ep_slice text)
{
	const struct verifier *verifier = verification->verifier;
	size_t wanted = hmac_bytes(verifier->algorithm), length = 0;
	uint8_t *signature;

	if (verification->signature_count == VERIFY_SIGNATURES_MAX)
		return false;
	signature = verification->signatures[verification->signature_count];
	if (verifier->encoding == CONF_HEX) {
		if (text.length != 2 * wanted || hex_read(text, signature, wanted) != EP_OK)
			return false;
	} else if (base64_read(text, signature, HMAC_BYTES_MAX, &length) != EP_OK || length != wanted) {
		return false;
	}
	verification->signature_count++;
	return true;
}

/* "t=1492774577,v1=5257...,v1=...": unknown names are ignored, as the providers ask for. */
static bool read_signature_list(struct verification *verification, struct ep_slice list)
{
	struct ep_slice prefix = ep_slice_of(verification->verifier->prefix), item;
	struct ep_slice time = EP_SAY("t=");

	while (ep_slice_split(&list, ',', &item)) {
		item = ep_slice_trim(item);
		if (ep_slice_starts(item, prefix)) {
			/* One that can't be read is none; another may still match */
			(void)read_signature(
				verification, ep_slice_sub(item, prefix.length, item.length - prefix.length));
		} else if (ep_slice_starts(item, time)) {
			if (verification->timestamp.data)
				return false;
			verification->timestamp = ep_slice_sub(item, time.length, item.length - time.length);
		}
	}
	return verification->signature_count > 0;
}

/* Seconds or, from 100 000 000 000 on (the year 5138 in seconds), milliseconds since 1970. */
static bool timestamp_in_tolerance(struct ep_slice text, int64_t tolerance_ns)
{
	int64_t value, unit = NS_PER_S, off;

	if (text.length > 13 || !ep_slice_integer(text, &value))
		return false;
	if (value >= INT64_C(100000000000))
		unit = NS_PER_MS;
	else if (value > INT64_MAX / NS_PER_S)
		return false;
	off = clock_realtime_ns() - value * unit;
	return off <= tolerance_ns && off >= -tolerance_ns;
}

static bool read_signatures(struct verification *verification)
{
	const struct verifier *verifier = verification->verifier;
	struct ep_slice prefix = ep_slice_of(verifier->prefix);
	uint32_t count;
	struct ep_slice value = http_header(verification->head, ep_slice_of(verifier->header), &count);

	if (count != 1)
		return false;
	if (verifier->timestamp_header) {
		verification->timestamp =
			http_header(verification->head, ep_slice_of(verifier->timestamp_header), &count);
		if (count != 1)
			return false;
	}
	if (verifier->list) {
		if (!read_signature_list(verification, value))
			return false;
	} else if (!ep_slice_starts(value, prefix) ||
		   !read_signature(verification, ep_slice_sub(value, prefix.length, value.length - prefix.length))) {
		return false;
	}
	if (!verifier->needs_timestamp)
		return true;
	if (verification->timestamp.length == 0)
		return false;
	return verifier->tolerance_ns == 0 || timestamp_in_tolerance(verification->timestamp, verifier->tolerance_ns);
}

static void update_all(struct verification *verification, struct ep_slice data)
{
	for (uint32_t i = 0; i < verification->run_count; i++)
		hmac_update(&verification->runs[i], data);
}

/* The template's pieces from `first` up to `end`, none of which is the body. */
static void update_pieces(struct verification *verification, uint32_t first, uint32_t end)
{
	const struct verifier *verifier = verification->verifier;

	for (uint32_t i = first; i < end; i++) {
		const struct piece *piece = &verifier->pieces[i];

		if (piece->kind == PIECE_LITERAL) {
			update_all(verification, piece->literal);
		} else if (piece->kind == PIECE_TIMESTAMP) {
			update_all(verification, verification->timestamp);
		} else {
			update_all(verification, verification->tls ? EP_SAY("https://") : EP_SAY("http://"));
			update_all(verification, verification->head->host);
			update_all(verification, verification->head->target);
		}
	}
}

static enum verify_step refuse(struct verification *verification)
{
	verification->refused = true;
	verification->run_count = 1;
	hmac_start(&verification->runs[0], &verification->verifier->decoy_key);
	return VERIFY_REFUSED;
}

static enum verify_step begin_hmac(struct verification *verification)
{
	const struct verifier *verifier = verification->verifier;

	if (!read_signatures(verification))
		return refuse(verification);
	for (uint32_t i = 0; i < verifier->key_count; i++)
		hmac_start(&verification->runs[i], &verifier->keys[i]);
	verification->run_count = verifier->key_count;
	update_pieces(verification, 0, verifier->body_piece);
	return VERIFY_BODY;
}

enum verify_step verify_begin(
	struct verification *verification, const struct verifier *verifier, const struct http_head *head, bool tls)
{
	bool matches;

	verification->verifier = verifier;
	verification->head = head;
	verification->tls = tls;
	verification->refused = false;
	verification->timestamp = ep_slice_make(NULL, 0);
	verification->run_count = verification->signature_count = 0;
	if (verifier->refuse_all) {
		(void)bearer_matches(verifier, head, &verifier->tokens[0], &verifier->tokens[1]);
		return refuse(verification);
	}
	switch (verifier->scheme) {
	case CONF_VERIFY_NONE:
		return VERIFY_PASSED;
	case CONF_VERIFY_BEARER:
		matches = bearer_matches(verifier, head, &verifier->tokens[0], &verifier->tokens[1]);
		return matches ? VERIFY_PASSED : refuse(verification);
	case CONF_VERIFY_BASIC:
		return basic_matches(verifier, head) ? VERIFY_PASSED : refuse(verification);
	case CONF_VERIFY_HMAC:
		return begin_hmac(verification);
	}
	PANIC("no scheme %d", (int)verifier->scheme);
}

void verify_nothing(struct verification *verification)
{
	verification->refused = true;
	verification->run_count = verification->signature_count = 0;
}

void verify_update(struct verification *verification, struct ep_slice body)
{
	update_all(verification, body);
}

bool verify_finish(struct verification *verification)
{
	const struct verifier *verifier = verification->verifier;
	uint8_t expected[HMAC_BYTES_MAX];
	bool matches = false;

	if (!verification->refused && verification->run_count == 0)
		return true; /* passed with the head */
	if (!verification->refused)
		update_pieces(verification, verifier->body_piece + 1, verifier->piece_count);
	for (uint32_t run = 0; run < verification->run_count; run++) {
		hmac_finish(&verification->runs[run], expected);
		for (uint32_t i = 0; i < verification->signature_count; i++)
			matches |= CRYPTO_memcmp(
					   expected, verification->signatures[i], hmac_bytes(verifier->algorithm)) == 0;
	}
	matches &= !verification->refused;
	OPENSSL_cleanse(expected, sizeof(expected));
	OPENSSL_cleanse(verification->runs, sizeof(verification->runs));
	return matches;
}

bool verify_reader(const struct verifier *verifier, const struct http_head *head)
{
	static const struct token_hash none;

	if (verifier->refuse_all || verifier->scheme == CONF_VERIFY_HMAC)
		return bearer_matches(verifier, head, &verifier->status_token, &none) & !verifier->refuse_all;
	if (verifier->scheme == CONF_VERIFY_BASIC)
		return basic_matches(verifier, head);
	if (verifier->scheme == CONF_VERIFY_BEARER)
		return bearer_matches(verifier, head, &verifier->tokens[0], &verifier->tokens[1]);
	return true;
}
