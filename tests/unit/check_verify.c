/*
 * check_verify.c: who is let in. The signatures were computed by the openssl command line, for instance
 * printf '1700000000.{"id":...}' | openssl dgst -sha256 -hmac whsec_test
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "intake/verify.h"

#define BODY "{\"id\":\"evt_1\",\"type\":\"charge.succeeded\"}"
#define STRIPE_NOW "a3f7d2647ca8af4e7ebbd79c4f9380dbd98ee11b35cf0485b700ca327380e947"
#define STRIPE_NEXT "e2e2fcd585139bba2fed7284e23c7954d29403388b066844c2c813ed0c4469c3"
#define SHOPIFY "Nqr6rlmu7OXwDkMkpGde0gRB8KeTuZVeVJxx+jBlBiY="
#define PLAIN_SHA256 "98934867fc5e2d155ffcc194ecd481d7a53524bb490510c6699bb8609cc626d1"
#define PLAIN_SHA1 "53adebc432df2d4ae1f21aba94bb83e2c14b82ec"
#define PLAIN_SHA512                                                                                                   \
	"9e3c810468fecbfc557611691e0337f574ccb092652f238ed2a29b52ecd5646cc427a074eaadd862d9775a4ab727ca56d23981b38969" \
	"d8d0"                                                                                                         \
	"f11a2068d465e124"
#define LONG_KEY "972ad5427740bbff5f8949f82bed30dc2be92b0f633bf429890abe685b8be4ce"
#define URL_AND_BODY "T+jQKCEIGlCcflofcJihhFGr86xGEAGMUHyhJVW+1t8="
#define MILLISECONDS "0e3ac3253b5d7b26656a1662e37ccc5f1e653f1b11a281dee93408d0151ac0cf"
#define TIME_BEHIND "dc33e03307d75de0faf1dea5f94865ed3b5ca71588e40325f7e5f7260844ef5e"
#define EMPTY_BODY "8bb990c40a7d61cb97597a942125025be50ac8beb74436e3735b98893a7f6620"

static struct http_head *head;
static struct verifier *verifier;
static int64_t now_ns;

static int64_t fake_now(void *self)
{
	(void)self;
	return now_ns;
}

static const struct clock_source fake_clock = {fake_now, fake_now, NULL};

static void setup(void)
{
	now_ns = INT64_C(1700000000) * NS_PER_S;
	clock_install(&fake_clock);
	ck_assert_int_eq(http_head_create(&head, 16384), EP_OK);
}

static void teardown(void)
{
	http_head_destroy(head);
	verifier_destroy(verifier);
	verifier = NULL;
	clock_install(NULL);
}

static struct conf_secret secret(char *text)
{
	return (struct conf_secret){text, strlen(text)};
}

static void make(const struct conf_verify *verify)
{
	struct error error;

	verifier_destroy(verifier);
	ck_assert_msg(verifier_create(&verifier, verify, NULL, &error) == EP_OK, "%s", error.text);
}

static void read_headers(const char *headers)
{
	struct http_fault fault;
	char text[4000];
	int length =
		snprintf(text, sizeof(text), "POST /in/square?x=1 HTTP/1.1\r\nHost: gw.example\r\n%s\r\n", headers);

	ck_assert_int_eq(http_head_read(head, ep_slice_make(text, (uint64_t)length), &fault), EP_OK);
}

/* Feeds `body` in pieces of `step` bytes. */
static bool passes_in(const char *headers, struct ep_slice body, uint64_t step)
{
	struct verification verification;

	read_headers(headers);
	(void)verify_begin(&verification, verifier, head, true);
	for (uint64_t at = 0; at < body.length; at += step)
		verify_update(&verification, ep_slice_sub(body, at, step));
	return verify_finish(&verification);
}

static bool passes(const char *headers)
{
	bool whole = passes_in(headers, EP_SAY(BODY), 1000);

	ck_assert_int_eq(whole, passes_in(headers, EP_SAY(BODY), 1));
	/* What passes by its signature doesn't pass with another body */
	if (whole && !strstr(headers, "uthorization"))
		ck_assert(!passes_in(headers, EP_SAY(BODY "x"), 1000));
	return whole;
}

static enum verify_step first_step(const char *headers)
{
	struct verification verification;

	read_headers(headers);
	return verify_begin(&verification, verifier, head, false);
}

static struct conf_verify plain_hmac(void)
{
	return (struct conf_verify){.scheme = CONF_VERIFY_HMAC,
		.algorithm = CONF_SHA256,
		.encoding = CONF_HEX,
		.header = "x-signature",
		.signature_prefix = "",
		.signed_text = "{body}",
		.secret = secret("k")};
}

static struct conf_verify stripe(void)
{
	struct conf_verify verify = plain_hmac();

	verify.header = "stripe-signature";
	verify.signature_prefix = "v1=";
	verify.signature_list = true;
	verify.signed_text = "{timestamp}.{body}";
	verify.tolerance_ns = 300 * NS_PER_S;
	verify.secret = secret("whsec_test");
	return verify;
}

START_TEST(hmac_algorithms)
{
	struct conf_verify verify = plain_hmac();

	make(&verify);
	ck_assert(passes("X-Signature: " PLAIN_SHA256 "\r\n"));
	ck_assert(passes("X-Signature: 98934867FC5E2D155FFCC194ECD481D7A53524BB490510C6699BB8609CC626D1\r\n"));
	ck_assert(!passes("X-Signature: 98934867fc5e2d155ffcc194ecd481d7a53524bb490510c6699bb8609cc626d2\r\n"));
	ck_assert(!passes("X-Signature: 98934867fc5e2d155ffcc194ecd481d7a53524bb490510c6699bb8609cc626\r\n"));
	ck_assert(!passes("X-Signature: " PLAIN_SHA256 "00\r\n"));
	ck_assert(!passes("X-Signature: " PLAIN_SHA1 "\r\n"));
	ck_assert(!passes("X-Signature:\r\n"));
	ck_assert(!passes(""));
	ck_assert(!passes("X-Signature: " PLAIN_SHA256 "\r\nX-Signature: " PLAIN_SHA256 "\r\n"));
	ck_assert(passes_in("X-Signature: " EMPTY_BODY "\r\n", EP_SAY(""), 1));
	verify.algorithm = CONF_SHA1;
	make(&verify);
	ck_assert(passes("X-Signature: " PLAIN_SHA1 "\r\n"));
	verify.algorithm = CONF_SHA512;
	make(&verify);
	ck_assert(passes("X-Signature: " PLAIN_SHA512 "\r\n"));
}
END_TEST

START_TEST(key_longer_than_a_block)
{
	struct conf_verify verify = plain_hmac();
	char key[101];

	memset(key, 'K', 100);
	key[100] = '\0';
	verify.secret = secret(key);
	make(&verify);
	ck_assert(passes("X-Signature: " LONG_KEY "\r\n"));
}
END_TEST

START_TEST(shopify)
{
	struct conf_verify verify = plain_hmac();

	verify.header = "x-shopify-hmac-sha256";
	verify.encoding = CONF_BASE64;
	verify.secret = secret("shpss_secret");
	make(&verify);
	ck_assert_int_eq(first_step("X-Shopify-Hmac-Sha256: " SHOPIFY "\r\n"), VERIFY_BODY);
	ck_assert(passes("X-Shopify-Hmac-Sha256: " SHOPIFY "\r\n"));
	ck_assert(!passes("X-Shopify-Hmac-Sha256: Mqr6rlmu7OXwDkMkpGde0gRB8KeTuZVeVJxx+jBlBiY=\r\n"));
	ck_assert(!passes("X-Shopify-Hmac-Sha256: Nqr6rlmu7OXwDkMkpGde0gRB8KeTuZVeVJxx+jBlBiY\r\n"));
	ck_assert(!passes("X-Shopify-Hmac-Sha256: !!!!\r\n"));
	ck_assert_int_eq(first_step("X-Shopify-Hmac-Sha256: !!!!\r\n"), VERIFY_REFUSED);
	ck_assert_int_eq(first_step(""), VERIFY_REFUSED);
}
END_TEST

START_TEST(stripe_list)
{
	struct conf_verify verify = stripe();

	make(&verify);
	ck_assert(passes("Stripe-Signature: t=1700000000,v1=" STRIPE_NOW "\r\n"));
	ck_assert(passes("Stripe-Signature: t=1700000000, v1=" STRIPE_NOW ",v0=abc\r\n"));
	ck_assert(passes("Stripe-Signature: v1=00,v1=" STRIPE_NEXT ",v1=" STRIPE_NOW ",t=1700000000\r\n"));
	ck_assert(!passes("Stripe-Signature: t=1700000001,v1=" STRIPE_NOW "\r\n"));
	ck_assert(!passes("Stripe-Signature: v1=" STRIPE_NOW "\r\n"));
	ck_assert(!passes("Stripe-Signature: t=1700000000,t=1700000000,v1=" STRIPE_NOW "\r\n"));
	ck_assert(!passes("Stripe-Signature: t=1700000000,v0=" STRIPE_NOW "\r\n"));
	ck_assert(!passes("Stripe-Signature: t=1700000000\r\n"));
	ck_assert(!passes("Stripe-Signature: t=1700000000,v1=" STRIPE_NEXT "\r\n"));
	ck_assert(!passes("Stripe-Signature: t=x,v1=" STRIPE_NOW "\r\n"));
	ck_assert(!passes("Stripe-Signature: t=99999999999999999999,v1=" STRIPE_NOW "\r\n"));
}
END_TEST

START_TEST(too_many_signatures)
{
	struct conf_verify verify = stripe();
	char headers[2000] = "Stripe-Signature: t=1700000000";

	make(&verify);
	for (int i = 0; i < VERIFY_SIGNATURES_MAX; i++)
		strncat(headers, ",v1=" STRIPE_NEXT, sizeof(headers) - strlen(headers) - 1);
	strncat(headers, ",v1=" STRIPE_NOW "\r\n", sizeof(headers) - strlen(headers) - 1);
	ck_assert(!passes(headers));
}
END_TEST

START_TEST(rotation)
{
	struct conf_verify verify = stripe();

	verify.second = secret("whsec_next");
	make(&verify);
	ck_assert(passes("Stripe-Signature: t=1700000000,v1=" STRIPE_NOW "\r\n"));
	ck_assert(passes("Stripe-Signature: t=1700000000,v1=" STRIPE_NEXT "\r\n"));
	ck_assert(!passes("Stripe-Signature: t=1700000000,v1=" PLAIN_SHA256 "\r\n"));
}
END_TEST

START_TEST(tolerance)
{
	struct conf_verify verify = stripe();
	const char *headers = "Stripe-Signature: t=1700000000,v1=" STRIPE_NOW "\r\n";

	make(&verify);
	now_ns += 300 * NS_PER_S;
	ck_assert(passes(headers));
	now_ns += 1;
	ck_assert(!passes(headers));
	now_ns -= 600 * NS_PER_S + 1;
	ck_assert(passes(headers));
	now_ns -= 1;
	ck_assert(!passes(headers));
	verify.tolerance_ns = 0;
	make(&verify);
	now_ns = INT64_C(1800000000) * NS_PER_S;
	ck_assert(passes(headers));
}
END_TEST

START_TEST(templates)
{
	struct conf_verify verify = plain_hmac();
	struct verification verification;

	verify.encoding = CONF_BASE64;
	verify.signed_text = "{url}{body}";
	make(&verify);
	ck_assert(passes("X-Signature: " URL_AND_BODY "\r\n"));
	read_headers("X-Signature: " URL_AND_BODY "\r\n");
	(void)verify_begin(&verification, verifier, head, false); /* http:// was not what was signed */
	verify_update(&verification, EP_SAY(BODY));
	ck_assert(!verify_finish(&verification));

	verify = plain_hmac();
	verify.signed_text = "{timestamp}{body}";
	verify.timestamp_header = "x-timestamp";
	verify.tolerance_ns = NS_PER_S;
	make(&verify);
	ck_assert(passes("X-Signature: " MILLISECONDS "\r\nX-Timestamp: 1700000000123\r\n"));
	ck_assert(!passes("X-Signature: " MILLISECONDS "\r\nX-Timestamp: 1700000000124\r\n"));
	ck_assert(!passes("X-Signature: " MILLISECONDS "\r\n"));
	now_ns += 2 * NS_PER_S;
	ck_assert(!passes("X-Signature: " MILLISECONDS "\r\nX-Timestamp: 1700000000123\r\n"));

	verify.signed_text = "{body}|{timestamp}";
	verify.tolerance_ns = 0;
	verify.signature_prefix = "sha256=";
	make(&verify);
	ck_assert(passes("X-Signature: sha256=" TIME_BEHIND "\r\nX-Timestamp: 1700000000\r\n"));
	ck_assert(!passes("X-Signature: " TIME_BEHIND "\r\nX-Timestamp: 1700000000\r\n"));
	ck_assert(!passes("X-Signature: SHA256=" TIME_BEHIND "\r\nX-Timestamp: 1700000000\r\n"));
}
END_TEST

START_TEST(bad_settings)
{
	static const char *const bad[] = {"", "body", "{timestamp}", "{body}{body}",
		"{body}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}{url}"};
	struct conf_verify verify = plain_hmac();
	struct verifier *none;
	struct error error;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		verify.signed_text = bad[i];
		ck_assert_int_eq(verifier_create(&none, &verify, NULL, &error), EP_BAD_CONFIG);
	}
	verify = plain_hmac();
	verify.secret = secret("");
	ck_assert_int_eq(verifier_create(&none, &verify, NULL, &error), EP_BAD_CONFIG);
	verify = (struct conf_verify){.scheme = CONF_VERIFY_BEARER};
	ck_assert_int_eq(verifier_create(&none, &verify, NULL, &error), EP_BAD_CONFIG);
}
END_TEST

START_TEST(bearer)
{
	struct conf_verify verify = {.scheme = CONF_VERIFY_BEARER, .secret = secret("token"), .second = secret("new")};

	make(&verify);
	ck_assert_int_eq(first_step("Authorization: Bearer token\r\n"), VERIFY_PASSED);
	ck_assert(passes("Authorization: Bearer token\r\n"));
	ck_assert(passes("authorization: bearer  token\r\n"));
	ck_assert(passes("Authorization: Bearer new\r\n"));
	ck_assert(!passes("Authorization: Bearer toke\r\n"));
	ck_assert(!passes("Authorization: Bearer tokenn\r\n"));
	ck_assert(!passes("Authorization: Bearer \r\n"));
	ck_assert(!passes("Authorization: Bearer\r\n"));
	ck_assert(!passes("Authorization: token\r\n"));
	ck_assert(!passes("Authorization: Basic token\r\n"));
	ck_assert(!passes("Authorization: Bearer token\r\nAuthorization: Bearer token\r\n"));
	ck_assert(!passes(""));
	ck_assert(verify_reader(verifier, (read_headers("Authorization: Bearer token\r\n"), head)));
	ck_assert(!verify_reader(verifier, (read_headers("Authorization: Bearer other\r\n"), head)));
	verify.second = secret("");
	make(&verify);
	ck_assert(!passes("Authorization: Bearer \r\n"));
	ck_assert(passes("Authorization: Bearer token\r\n"));
}
END_TEST

START_TEST(basic)
{
	struct conf_verify verify = {.scheme = CONF_VERIFY_BASIC, .secret = secret("user:pass:word")};

	make(&verify);
	ck_assert(passes("Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n"));
	ck_assert(!passes("Authorization: Basic dXNlcjpwYXNz\r\n"));
	ck_assert(!passes("Authorization: Basic user:pass:word\r\n"));
	ck_assert(!passes("Authorization: Basic ====\r\n"));
	ck_assert(!passes("Authorization: Bearer user:pass:word\r\n"));
	ck_assert(!passes(""));
	ck_assert(verify_reader(verifier, (read_headers("Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n"), head)));
	ck_assert(!verify_reader(verifier, (read_headers(""), head)));
}
END_TEST

START_TEST(status_token)
{
	struct conf_verify verify = plain_hmac();
	struct conf_secret token = secret("status");
	struct error error;

	ck_assert_int_eq(verifier_create(&verifier, &verify, &token, &error), EP_OK);
	ck_assert(verify_reader(verifier, (read_headers("Authorization: Bearer status\r\n"), head)));
	ck_assert(!verify_reader(verifier, (read_headers("Authorization: Bearer k\r\n"), head)));
	ck_assert(!verify_reader(verifier, (read_headers(""), head)));
	make(&verify);
	ck_assert(!verify_reader(verifier, (read_headers("Authorization: Bearer \r\n"), head)));
}
END_TEST

START_TEST(none_and_unknown)
{
	struct conf_verify verify = {.scheme = CONF_VERIFY_NONE};

	make(&verify);
	ck_assert(passes_in("", EP_SAY(BODY), 10));
	ck_assert(verify_reader(verifier, (read_headers(""), head)));
	make(NULL);
	ck_assert_int_eq(first_step("Authorization: Bearer x\r\n"), VERIFY_REFUSED);
	ck_assert(!passes("Authorization: Bearer x\r\n"));
	ck_assert(!passes(""));
	ck_assert(!verify_reader(verifier, (read_headers("Authorization: Bearer \r\n"), head)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("verify");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(all, setup, teardown);
	tcase_add_test(all, hmac_algorithms);
	tcase_add_test(all, key_longer_than_a_block);
	tcase_add_test(all, shopify);
	tcase_add_test(all, stripe_list);
	tcase_add_test(all, too_many_signatures);
	tcase_add_test(all, rotation);
	tcase_add_test(all, tolerance);
	tcase_add_test(all, templates);
	tcase_add_test(all, bad_settings);
	tcase_add_test(all, bearer);
	tcase_add_test(all, basic);
	tcase_add_test(all, status_token);
	tcase_add_test(all, none_and_unknown);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
