/*
 * tls.c: see tls.h. TLS 1.2 with forward secrecy and authenticated encryption only, and TLS 1.3; no renegotiation, no
 * compression; ALPN offers http/1.1 and refuses everything else. With a client_ca, a client without a certificate of it
 * gets no further than the handshake.
 */
#include "intake/tls.h"

#include <string.h>

#include <openssl/err.h>

#define TLS_1_2_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

/* OpenSSL's own words behind ours. */
static enum ep_status set_openssl_error(struct error *error, const char *what, const char *file)
{
	unsigned long number = ERR_peek_last_error();
	char reason[200] = "no reason given";

	if (number)
		ERR_error_string_n(number, reason, sizeof(reason));
	ERR_clear_error();
	return error_set(error, EP_BAD_CONFIG, EP_ERR_CONFIG_VALUE, "%s %s: %s", what, file, reason);
}

static int choose_protocol(SSL *tls, const unsigned char **chosen, unsigned char *chosen_length,
	const unsigned char *offered, unsigned int offered_length, void *argument)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)tls;
	(void)argument;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)chosen, chosen_length, ours, sizeof(ours) - 1, offered,
		    offered_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static enum ep_status load_files(SSL_CTX *context, const struct conf_tls *conf, struct error *error)
{
	if (SSL_CTX_use_certificate_chain_file(context, conf->certificate) != 1)
		return set_openssl_error(error, "certificate", conf->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, conf->key, SSL_FILETYPE_PEM) != 1)
		return set_openssl_error(error, "key", conf->key);
	if (SSL_CTX_check_private_key(context) != 1)
		return set_openssl_error(error, "the key doesn't belong to the certificate:", conf->key);
	if (!conf->client_ca)
		return EP_OK;
	if (SSL_CTX_load_verify_file(context, conf->client_ca) != 1)
		return set_openssl_error(error, "client_ca", conf->client_ca);
	SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(conf->client_ca));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return EP_OK;
}

enum ep_status tls_create(SSL_CTX **out, const struct conf_tls *conf, struct error *error)
{
	static const unsigned char session_name[] = "entrepot";
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	enum ep_status status;

	*out = NULL;
	if (!context)
		return set_openssl_error(error, "TLS", "");
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* an idle connection holds no 32 KiB */
	SSL_CTX_set_session_id_context(context, session_name, sizeof(session_name) - 1);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	if (SSL_CTX_set_cipher_list(context, TLS_1_2_CIPHERS) != 1)
		status = set_openssl_error(error, "ciphers", TLS_1_2_CIPHERS);
	else
		status = load_files(context, conf, error);
	if (status != EP_OK) {
		SSL_CTX_free(context);
		return status;
	}
	*out = context;
	return EP_OK;
}

void tls_destroy(SSL_CTX *context)
{
	SSL_CTX_free(context);
}
