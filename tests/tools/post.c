/*
 * post.c: posts one file to a gateway the way a partner would, and prints the answer.
 *
 *   post [--sign shopify|stripe|x-signature] [--secret TEXT] [--bearer TOKEN] [--header 'N: V']... URL FILE
 *
 * Exit 0 for a 2xx answer, 1 for any other, 2 if there was none.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/hmac.h>

#include "base/clock.h"
#include "base/text.h"

#define FILE_MAX ((size_t)64 * 1024 * 1024)

static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *bytes = malloc(FILE_MAX);

	if (!file || !bytes) {
		fprintf(stderr, "post: %s can't be read\n", path);
		exit(2);
	}
	*length = fread(bytes, 1, FILE_MAX, file);
	fclose(file);
	return bytes;
}

static void mac_of(const char *secret, const char *text, size_t length, unsigned char mac[32])
{
	unsigned int mac_length = 32;

	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, length, mac, &mac_length);
}

/* The signature header of each scheme, computed as that partner computes it. */
static void sign(const char *scheme, const char *secret, const char *body, size_t length, char *header, size_t size)
{
	long long now = (long long)(clock_realtime_ns() / NS_PER_S);
	char text[96], *stamped = malloc(length + 64);
	unsigned char mac[32];
	size_t head;

	if (!stamped)
		exit(2);
	head = (size_t)snprintf(stamped, 64, "%lld.", now);
	memcpy(stamped + head, body, length);
	if (strcmp(scheme, "shopify") == 0) {
		mac_of(secret, body, length, mac);
		base64_write(mac, 32, text);
		snprintf(header, size, "X-Shopify-Hmac-Sha256: %s", text);
	} else if (strcmp(scheme, "stripe") == 0) {
		mac_of(secret, stamped, head + length, mac);
		hex_write(mac, 32, text);
		snprintf(header, size, "Stripe-Signature: t=%lld,v1=%s", now, text);
	} else if (strcmp(scheme, "x-signature") == 0) {
		mac_of(secret, body, length, mac);
		hex_write(mac, 32, text);
		snprintf(header, size, "X-Signature: %s", text);
	} else {
		fprintf(stderr, "post: no scheme '%s' (shopify, stripe, x-signature)\n", scheme);
		exit(64);
	}
	free(stamped);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"sign", required_argument, NULL, 's'},
		{"secret", required_argument, NULL, 'k'}, {"bearer", required_argument, NULL, 'b'},
		{"header", required_argument, NULL, 'H'}, {NULL, 0, NULL, 0}};
	const char *scheme = NULL, *secret = "secret";
	struct curl_slist *headers = NULL;
	char header[512];
	size_t length;
	char *body;
	long status = 0;
	CURL *curl;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's') {
			scheme = optarg;
		} else if (option == 'k') {
			secret = optarg;
		} else if (option == 'b') {
			snprintf(header, sizeof(header), "Authorization: Bearer %s", optarg);
			headers = curl_slist_append(headers, header);
		} else if (option == 'H') {
			headers = curl_slist_append(headers, optarg);
		} else {
			return 64;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr,
			"Usage: post [--sign SCHEME] [--secret TEXT] [--bearer TOKEN] [--header 'N: V']... URL FILE\n");
		return 64;
	}
	body = read_file(argv[optind + 1], &length);
	if (scheme) {
		sign(scheme, secret, body, length, header, sizeof(header));
		headers = curl_slist_append(headers, header);
	}
	headers = curl_slist_append(headers, "Expect:");
	curl = curl_easy_init();
	if (!curl)
		return 2;
	curl_easy_setopt(curl, CURLOPT_URL, argv[optind]);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	putchar('\n');
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(body);
	return status == 0 ? 2 : status / 100 == 2 ? 0 : 1;
}
