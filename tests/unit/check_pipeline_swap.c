/* check_pipeline_swap.c: a plugin swapped for another, with played workers: order, trial, going back, giving up. */
#include "support/pipeline_world.h"

#include "plugin_image.h"

#define OLD 0              /* alpha's worker in the world's list */
#define NEXT WORLD_SOURCES /* the first that a swap makes */
#define OTHER (WORLD_SOURCES + 1)

static struct world world;
static char plugin[128];
static struct told {
	int times;
	enum swap_state state;
	uint32_t messages, refused;
	char why[512];
} told;

static void set_up(void)
{
	const struct plugin_image image = plugin_image_make("played", "2.0.0", EP_KIND_BANK, 0);
	FILE *file;

	world_init(&world);
	snprintf(plugin, sizeof(plugin), "%s/next.so", world.directory);
	file = fopen(plugin, "wb");
	ck_assert(file && fwrite(&image, sizeof(image), 1, file) == 1 && fclose(file) == 0);
	memset(&told, 0, sizeof(told));
	world_open(&world);
}

static void tear_down(void)
{
	world_free(&world);
}

static void on_done(void *argument, const struct swap_result *result)
{
	ck_assert_ptr_eq(argument, &told);
	told.times++;
	told.state = result->state;
	told.messages = result->messages;
	told.refused = result->refused;
	snprintf(told.why, sizeof(told.why), "%s", result->why);
}

static enum ep_status swap(const char *source)
{
	struct error error;

	return pipeline_swap(world.pipeline, ep_slice_of(source), plugin, on_done, &told, &error);
}

static void turn(int passes)
{
	while (passes--)
		loop_run_once(world.loop, NS_PER_MS);
}

static void send(const char *prefix, int count)
{
	char body[64];

	for (int i = 0; i < count; i++) {
		snprintf(body, sizeof(body), "order %s%03d 1.00\n", prefix, i);
		world_send(&world, "alpha", body);
	}
}

/* Every order once, in the order in which they were sent: prefixes as given, `count` of each. */
static void outcomes_are(const char *prefixes, int count)
{
	char *found = world_outcomes(&world), *at = found, expected[64];

	for (const char *prefix = prefixes; *prefix; prefix++)
		for (int i = 0; i < count; i++) {
			snprintf(expected, sizeof(expected), " | %c%03d new 1 1 ", *prefix, i);
			at = strstr(at, expected);
			ck_assert_msg(at != NULL, "%s in %s", expected, found);
			at += strlen(expected);
			ck_assert_ptr_null(strstr(at, expected));
		}
	free(found);
}

/* The old one has messages still while the new one answers: outcomes come in the order of the inbox. */
START_TEST(takes_over_between_two_messages)
{
	struct pipeline_source source;

	world.workers[OLD].stuck = true;
	send("a", 30);
	turn(50);
	ck_assert_uint_eq(world.workers[OLD].submitted, 30);
	ck_assert_int_eq(swap("alpha"), EP_OK);
	send("b", 30);
	turn(50);
	ck_assert_uint_eq(world.workers[NEXT].submitted, 30);
	ck_assert_uint_eq(world.workers[OLD].submitted, 30);
	ck_assert_int_eq(told.times, 1);
	ck_assert_int_eq(told.state, SWAP_IN_SERVICE);
	ck_assert_uint_eq(told.messages, 16);
	world.workers[OLD].stuck = false;
	world_settle(&world, 0);
	outcomes_are("ab", 30);
	ck_assert(pipeline_source(world.pipeline, 0, &source));
	ck_assert_str_eq(source.plugin_path, plugin);
	ck_assert_uint_eq(source.outcomes[OUTCOME_NORMALIZED], 60);
}
END_TEST

/* It dies in its trial: what it has not answered goes to the old one, in order. */
START_TEST(goes_back)
{
	struct pipeline_source source;

	ck_assert_int_eq(swap("alpha"), EP_OK);
	turn(5);
	send("a", 5);
	world_settle(&world, 0);
	world.workers[NEXT].stuck = true;
	send("b", 20);
	turn(50);
	ck_assert_uint_eq(world.workers[NEXT].submitted, 25);
	world.workers[NEXT].watch.failed(world.workers[NEXT].watch.argument, EP_ERR_PLUGIN_CRASH, "died of signal 11");
	send("c", 20);
	world_settle(&world, 0);
	ck_assert_uint_eq(world.workers[OLD].submitted, 40);
	outcomes_are("a", 5);
	outcomes_are("bc", 20);
	ck_assert(pipeline_source(world.pipeline, 0, &source));
	ck_assert_str_eq(source.swap, "");
	ck_assert_ptr_nonnull(strstr(source.swap_trouble, "died of signal 11"));
	ck_assert_str_eq(source.plugin_path, "");
	ck_assert_int_eq(told.times, 1);
	ck_assert_int_eq(told.state, SWAP_REFUSED);
	ck_assert_str_eq(told.why, "died of signal 11");
}
END_TEST

START_TEST(never_serves)
{
	world.workers[NEXT].stuck = true;
	ck_assert_int_eq(swap("alpha"), EP_OK);
	ck_assert_int_eq(swap("alpha"), EP_CONFLICT); /* while it starts */
	send("a", 10);
	world_settle(&world, 0);
	ck_assert_uint_eq(world.workers[NEXT].submitted, 0);
	world.workers[NEXT].watch.failed(world.workers[NEXT].watch.argument, EP_ERR_PLUGIN_OPTION, "no such option");
	ck_assert_int_eq(told.times, 0); /* never from within a worker's callback */
	turn(5);
	ck_assert_int_eq(told.state, SWAP_REFUSED);
	send("b", 10);
	world_settle(&world, 0);
	outcomes_are("ab", 10);
}
END_TEST

/* Refused messages count as answers, and are told. */
START_TEST(refusals_are_told)
{
	ck_assert_int_eq(swap("alpha"), EP_OK);
	turn(5);
	for (int i = 0; i < 8; i++) {
		world_send(&world, "alpha", "fail no\n");
		world_send(&world, "alpha", "order A 1.00\n");
	}
	world_settle(&world, 0);
	turn(10);
	ck_assert_int_eq(told.state, SWAP_IN_SERVICE);
	ck_assert_uint_eq(told.refused, 8);
}
END_TEST

START_TEST(next_one_decides)
{
	ck_assert_int_eq(swap("alpha"), EP_OK);
	turn(5);
	send("a", 3);
	world_settle(&world, 0);
	ck_assert_int_eq(swap("alpha"), EP_OK); /* the first is accepted: it has answered */
	turn(5);
	ck_assert_int_eq(told.state, SWAP_IN_SERVICE);
	send("b", 3);
	world_settle(&world, 0);
	ck_assert_uint_eq(world.workers[NEXT].submitted, 3);
	ck_assert_uint_eq(world.workers[OTHER].submitted, 3);
	world.workers[OTHER].watch.failed(world.workers[OTHER].watch.argument, EP_ERR_PLUGIN_CRASH, "died");
	turn(5);
	send("c", 3);
	world_settle(&world, 0);
	ck_assert_uint_eq(world.workers[NEXT].submitted, 6); /* the last that was accepted, not the first */
	outcomes_are("abc", 3);
}
END_TEST

START_TEST(refused_and_given_up)
{
	struct error error;

	ck_assert_int_eq(swap("nobody"), EP_NOT_FOUND);
	ck_assert_int_ne(pipeline_swap(world.pipeline, EP_SAY("alpha"), "/nowhere.so", on_done, &told, &error), EP_OK);
	ck_assert_int_eq(swap("alpha"), EP_OK);
	pipeline_swap_cancel(world.pipeline, &told);
	turn(5);
	world.workers[NEXT].stuck = true;
	send("a", 20); /* closed in the middle of a trial */
	turn(20);
	world_close(&world, true);
	ck_assert_int_eq(told.times, 0);
	world_open(&world);
	world_settle(&world, 0);
	outcomes_are("a", 20);
	pipeline_stop(world.pipeline);
	ck_assert_int_eq(swap("alpha"), EP_AGAIN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pipeline_swap");
	TCase *test = tcase_create("pipeline_swap");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, test);
	tcase_set_timeout(test, 60);
	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_add_test(test, takes_over_between_two_messages);
	tcase_add_test(test, goes_back);
	tcase_add_test(test, never_serves);
	tcase_add_test(test, refusals_are_told);
	tcase_add_test(test, next_one_decides);
	tcase_add_test(test, refused_and_given_up);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
