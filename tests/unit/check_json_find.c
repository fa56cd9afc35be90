/* check_json_find.c: one member of a JSON text, also of texts that are cut or broken. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <entrepot/helpers.h>

#include "intake/json_find.h"

static void expect(const char *text, const char *path, const char *wanted)
{
	/* In memory of exactly that size, so that reading past it shows */
	size_t length = strlen(text);
	char *exact = malloc(length ? length : 1);
	struct ep_slice found;

	memcpy(exact, text, length);
	found = json_find(ep_slice_make(exact, length), ep_slice_of(path));
	if (wanted)
		ck_assert_msg(ep_slice_equal(found, ep_slice_of(wanted)), "%s in %s: %.*s", path, text,
			(int)found.length, found.data ? found.data : "");
	else
		ck_assert_msg(!found.data, "%s in %s: %.*s", path, text, (int)found.length, found.data);
	free(exact);
}

START_TEST(found)
{
	expect("{\"id\":\"evt_1\"}", "id", "evt_1");
	expect(" { \"a\" : [1,{\"id\":2}] ,\r\n\t\"id\" : \"evt_1\" , \"b\":1}", "id", "evt_1");
	expect("{\"a\":\"}\\\"{\",\"id\":\"x\\\"y\"}", "id", "x\\\"y");
	expect("{\"id\":12345}", "id", "12345");
	expect("{\"id\":-1.5e3 }", "id", "-1.5e3");
	expect("{\"data\":{\"x\":null,\"object\":{\"id\":\"in\"}},\"id\":\"out\"}", "data.object.id", "in");
	expect("{\"id\":\"first\",\"id\":\"second\"}", "id", "first");
	expect("{\"id\":\"\"}", "id", "");
	expect("{\"xid\":1,\"i\":2,\"id\":3}", "id", "3");
}
END_TEST

START_TEST(not_found)
{
	expect("", "id", NULL);
	expect("[]", "id", NULL);
	expect("{}", "id", NULL);
	expect("{\"a\":{\"id\":1}}", "id", NULL);
	expect("{\"id\":null}", "id", NULL);
	expect("{\"id\":true}", "id", NULL);
	expect("{\"id\":{}}", "id", NULL);
	expect("{\"id\":\"abc", "id", NULL);
	expect("{\"id\":123", "id", NULL);
	expect("{\"id\":\"abc\\", "id", NULL);
	expect("{\"id\"", "id", NULL);
	expect("{\"id\" 1}", "id", NULL);
	expect("{\"a\":[[[[[", "id", NULL);
	expect("{\"a\":}", "id", NULL);
	expect("id", "id", NULL);
	expect("{\"id\":1}", "id.id", NULL);
	expect("<xml/>", "id", NULL);
}
END_TEST

START_TEST(garbage)
{
	static const char good[] = "{\"a\":[1,{\"b\":\"\\\"c\"}],\"data\":{\"id\":\"evt_1\"},\"n\":-1.5}";
	uint32_t seed = 7;

	for (int round = 0; round < 20000; round++) {
		char text[sizeof(good)];

		memcpy(text, good, sizeof(good));
		seed = seed * 1664525 + 1013904223;
		text[(seed >> 8) % (sizeof(good) - 1)] = "{}[]\",:\\\0 1"[(seed >> 20) % 11];
		text[(seed >> 16) % sizeof(good)] = '\0';
		(void)json_find(ep_slice_of(text), EP_SAY("data.id"));
		(void)json_find(ep_slice_of(text), EP_SAY("n"));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_find");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(all, found);
	tcase_add_test(all, not_found);
	tcase_add_test(all, garbage);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
