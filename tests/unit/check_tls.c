/* check_tls.c: TLS listeners: versions, ALPN, renegotiation, client certificates. The client is a child process. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "intake_world.h"

static struct intake *intake;
static struct conf conf;
static struct conf_source source;
static struct conf_listener listener;
static char certificate[300], key[300], other_certificate[300], other_key[300];

/* A self-signed certificate and its key as PEM files. */
static void make_certificate(const char *name, char certificate_path[300], char key_path[300])
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *made = X509_new();
	FILE *file;

	snprintf(certificate_path, 300, "%s/%s.pem", world.directory, name);
	snprintf(key_path, 300, "%s/%s.key", world.directory, name);
	X509_set_version(made, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
	X509_gmtime_adj(X509_getm_notBefore(made), -3600);
	X509_gmtime_adj(X509_getm_notAfter(made), 3600);
	X509_set_pubkey(made, pair);
	X509_NAME_add_entry_by_txt(
		X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made, X509_get_subject_name(made));
	ck_assert_int_ne(X509_sign(made, pair, EVP_sha256()), 0);
	file = fopen(certificate_path, "w");
	ck_assert_int_eq(PEM_write_X509(file, made), 1);
	fclose(file);
	file = fopen(key_path, "w");
	ck_assert_int_eq(PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL), 1);
	fclose(file);
	X509_free(made);
	EVP_PKEY_free(pair);
}

static enum ep_status open_intake(void)
{
	const struct intake_options options = {.conf = &conf,
		.loop = world.loop,
		.journal = world.journal,
		.acceptor = world.acceptor,
		.outcomes = &world.outcomes};
	enum ep_status status = intake_create(&intake, &options, &world.error);

	if (status == EP_OK)
		intake_start(intake);
	return status;
}

static void setup(void)
{
	world_begin();
	make_certificate("server", certificate, key);
	make_certificate("other", other_certificate, other_key);
	source = (struct conf_source){
		.name = "open", .verify = {.scheme = CONF_VERIFY_NONE}, .dedupe = CONF_DEDUPE_OFF, .body_max = 4 << 20};
	listener = (struct conf_listener){
		.address = "127.0.0.1:0", .has_tls = true, .tls = {.certificate = certificate, .key = key}};
	conf = (struct conf){.header_max = 8192,
		.header_timeout_ns = 5 * NS_PER_S,
		.body_timeout_ns = 5 * NS_PER_S,
		.idle_timeout_ns = 5 * NS_PER_S,
		.connections_max = 100,
		.listeners = &listener,
		.listener_count = 1,
		.sources = &source,
		.source_count = 1};
}

static void teardown(void)
{
	intake_destroy(intake);
	intake = NULL;
	world_end();
}

/* What the child tries. */
struct attempt {
	int version_max;         /* 0: any */
	const char *ciphers;     /* TLS 1.2 */
	const char *alpn;        /* wire format; NULL: none */
	const char *certificate; /* of the client; NULL: none */
	const char *key;
	bool renegotiate;
	size_t body; /* bytes */
	int requests;
};

enum result { RESULT_OK = 0, NO_HANDSHAKE = 1, NO_ANSWER = 2, WRONG_ALPN = 3, RENEGOTIATED = 4, NO_CLOSE = 5 };

static int read_answer(SSL *tls)
{
	char text[4096] = "";
	size_t length = 0;

	while (length < sizeof(text) - 1 && !strstr(text, "\"duplicate\":false}")) {
		int got = SSL_read(tls, text + length, (int)(sizeof(text) - 1 - length));

		if (got <= 0)
			return 0;
		length += (size_t)got;
		text[length] = '\0';
	}
	return strncmp(text, "HTTP/1.1 202 ", 13) == 0;
}

static enum result talk(SSL *tls, const struct attempt *attempt)
{
	const unsigned char *alpn;
	unsigned int alpn_length;
	char head[200], *body = calloc(1, attempt->body + 1);
	int number = 0;

	if (SSL_connect(tls) != 1)
		return NO_HANDSHAKE;
	SSL_get0_alpn_selected(tls, &alpn, &alpn_length);
	if (attempt->alpn && (alpn_length != 8 || memcmp(alpn, "http/1.1", 8) != 0))
		return WRONG_ALPN;
	do {
		int last = ++number >= attempt->requests;
		int length = snprintf(head, sizeof(head),
			"POST /in/open HTTP/1.1\r\nHost: gw\r\n%sContent-Length: %zu\r\n\r\n",
			last ? "Connection: close\r\n" : "", attempt->body);

		if (SSL_write(tls, head, length) != length)
			return NO_ANSWER;
		if (attempt->body && SSL_write(tls, body, (int)attempt->body) != (int)attempt->body)
			return NO_ANSWER;
		if (!read_answer(tls))
			return NO_ANSWER;
		if (attempt->renegotiate) /* the handshake's bytes are refused by an alert */
			return SSL_renegotiate(tls) == 1 && SSL_do_handshake(tls) == 1 &&
					       SSL_write(tls, head, length) > 0 && read_answer(tls)
				       ? RENEGOTIATED
				       : RESULT_OK;
	} while (number < attempt->requests);
	free(body);
	/* The end is said in TLS too, so that nothing can be cut off unseen */
	return SSL_read(tls, head, 1) == 0 && SSL_get_error(tls, 0) == SSL_ERROR_ZERO_RETURN ? RESULT_OK : NO_CLOSE;
}

static enum result run_client(const struct attempt *attempt)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *tls;

	address.sin_port = htons((uint16_t)strtol(strchr(intake_address(intake, 0), ':') + 1, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	SSL_CTX_set_security_level(context, 0);
	if (attempt->version_max)
		SSL_CTX_set_max_proto_version(context, attempt->version_max);
	if (attempt->ciphers)
		SSL_CTX_set_cipher_list(context, attempt->ciphers);
	if (attempt->alpn)
		SSL_CTX_set_alpn_protos(
			context, (const unsigned char *)attempt->alpn, (unsigned int)strlen(attempt->alpn));
	if (attempt->certificate) {
		SSL_CTX_use_certificate_file(context, attempt->certificate, SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(context, attempt->key, SSL_FILETYPE_PEM);
	}
	tls = SSL_new(context);
	SSL_set_fd(tls, fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		return NO_HANDSHAKE;
	return talk(tls, attempt);
}

static enum result try(const struct attempt *attempt)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ne(child, -1);
	if (child == 0)
		_exit(run_client(attempt));
	world_until(waitpid(child, &status, WNOHANG) == child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(versions)
{
	ck_assert_int_eq(open_intake(), EP_OK);
	ck_assert_int_eq(try(&(struct attempt){.requests = 3}), RESULT_OK);
	ck_assert_int_eq(try(&(struct attempt){.version_max = TLS1_2_VERSION, .requests = 3}), RESULT_OK);
	ck_assert_int_eq(try(&(struct attempt){.version_max = TLS1_1_VERSION}), NO_HANDSHAKE);
	ck_assert_int_eq(try(&(struct attempt){.version_max = TLS1_VERSION}), NO_HANDSHAKE);
	ck_assert_int_eq(
		try(&(struct attempt){.version_max = TLS1_2_VERSION, .ciphers = "ECDHE+AES+SHA"}), NO_HANDSHAKE);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 6);
}
END_TEST

START_TEST(protocols)
{
	ck_assert_int_eq(open_intake(), EP_OK);
	ck_assert_int_eq(try(&(struct attempt){.alpn = "\x02h2\x08http/1.1"}), RESULT_OK);
	ck_assert_int_eq(try(&(struct attempt){.alpn = "\x02h2"}), NO_HANDSHAKE);
}
END_TEST

START_TEST(renegotiation)
{
	ck_assert_int_eq(open_intake(), EP_OK);
	ck_assert_int_eq(try(&(struct attempt){.version_max = TLS1_2_VERSION, .renegotiate = true}), RESULT_OK);
}
END_TEST

START_TEST(large_body)
{
	ck_assert_int_eq(open_intake(), EP_OK);
	ck_assert_int_eq(try(&(struct attempt){.body = 3000000, .requests = 2}), RESULT_OK);
}
END_TEST

START_TEST(client_certificates)
{
	enum result without;

	listener.tls.client_ca = other_certificate;
	ck_assert_int_eq(open_intake(), EP_OK);
	ck_assert_int_eq(try(&(struct attempt){.certificate = other_certificate, .key = other_key}), RESULT_OK);
	/* With TLS 1.3 the client learns of it only when it reads */
	without = try(&(struct attempt){.requests = 1});
	ck_assert(without == NO_HANDSHAKE || without == NO_ANSWER);
	without = try(&(struct attempt){.certificate = certificate, .key = key});
	ck_assert(without == NO_HANDSHAKE || without == NO_ANSWER);
	ck_assert_uint_eq(acceptor_counts(world.acceptor).messages, 1);
}
END_TEST

START_TEST(not_tls)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	ck_assert_int_eq(open_intake(), EP_OK);
	address.sin_port = htons((uint16_t)strtol(strchr(intake_address(intake, 0), ':') + 1, NULL, 10));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
	world_until(recv(fd, &byte, 1, 0) != 1 && (recv(fd, &byte, 1, 0) == 0 || errno == ECONNRESET));
	close(fd);
}
END_TEST

START_TEST(bad_files)
{
	listener.tls.key = other_key;
	ck_assert_int_eq(open_intake(), EP_BAD_CONFIG);
	ck_assert_ptr_nonnull(strstr(world.error.text, "other.key"));
	listener.tls.key = "/nonexistent";
	ck_assert_int_eq(open_intake(), EP_BAD_CONFIG);
	listener.tls.key = key;
	listener.tls.certificate = "/nonexistent";
	ck_assert_int_eq(open_intake(), EP_BAD_CONFIG);
	listener.tls.certificate = certificate;
	listener.tls.client_ca = key;
	ck_assert_int_eq(open_intake(), EP_BAD_CONFIG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, versions);
	tcase_add_test(all, protocols);
	tcase_add_test(all, renegotiation);
	tcase_add_test(all, large_body);
	tcase_add_test(all, client_certificates);
	tcase_add_test(all, not_tls);
	tcase_add_test(all, bad_files);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
