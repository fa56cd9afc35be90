/*
 * check_conf.c: configurations that load, and what is said of those that don't. Every bad file is a whole file with the
 * messages that it must cause, so that a message that stops being given is noticed.
 */
#include <check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/conf.h"
#include "plugin_image.h"

static char directory[] = "/tmp/check_conf.XXXXXX";
static char file[128];
static struct buffer report;
static struct conf *conf;

static void write_mode(const char *name, const void *bytes, size_t length, mode_t mode)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "wb");
	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(bytes, 1, length, out), length);
	fclose(out);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
	write_mode(name, text, strlen(text), mode);
}

static void write_plugin(const char *name, uint32_t flags)
{
	struct plugin_image image = plugin_image_make(name, "1.0.0", EP_KIND_BANK, flags);
	char path[128];

	snprintf(path, sizeof(path), "plugins/%s.so", name);
	write_mode(path, &image, sizeof(image), 0644);
}

static void set_up(void)
{
	char path[128];

	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/plugins", directory);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	write_plugin("shopify", 0);
	write_plugin("camt", EP_WHOLE_ONLY);
	write_plugin("x12", EP_REPEATS_MEANINGFUL);
	write_plugin("stripe", 0);
	write_text("c.pem", "certificate\n", 0644);
	write_text("k.pem", "key\n", 0600);
	write_text("ca.pem", "ca\n", 0644);
	write_text("bank.token", "bank-token-1\n", 0600);
	ck_assert_int_eq(setenv("SHOP_SECRET", "shop-secret-1", 1), 0);
	ck_assert_int_eq(setenv("WH_SECRET", "warehouse-secret-1", 1), 0);
	snprintf(file, sizeof(file), "%s/entrepot.conf", directory);
	buffer_init(&report, 1 << 20);
	conf = NULL;
}

static void tear_down(void)
{
	char command[256];

	conf_free(conf);
	buffer_free(&report);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static const char *said(void)
{
	ck_assert_int_eq(buffer_append_byte(&report, '\0'), EP_OK);
	report.length--;
	return report.data;
}

static void load(const char *text)
{
	enum ep_status status;

	write_text("entrepot.conf", text, 0644);
	status = conf_load(file, &conf, &report);
	ck_assert_msg(status == EP_OK, "%s", said());
	ck_assert_ptr_nonnull(conf);
}

/* `messages`: each "LINE: text" must begin a line of the report behind the file's name; "" ends. */
static void refuse(const char *text, const char *const *messages)
{
	size_t lines = 0, expected = 0;
	char wanted[700];

	write_text("entrepot.conf", text, 0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_ptr_null(conf);
	for (; *messages; messages++, expected++) {
		snprintf(wanted, sizeof(wanted), "%s:%s", file, *messages);
		ck_assert_msg(strstr(said(), wanted) != NULL, "expected:\n%s\nin:\n%s", wanted, said());
	}
	for (size_t i = 0; i < report.length; i++)
		lines += report.data[i] == '\n';
	ck_assert_msg(lines == expected, "%zu lines, expected %zu:\n%s", lines, expected, said());
	buffer_clear(&report);
}

#define REFUSE(text, ...) refuse(text, (const char *const[]){__VA_ARGS__, NULL})
#define SOURCE(rest) "sources = ( { name = \"a\"; plugin = \"camt\"; verify = { scheme = \"none\"; }; " rest " } );\n"

/* Word for word the example of the contract with the outside. */
static const char example[] =
	"data_dir = \"data\";\n"
	"listeners = ( { address = \"127.0.0.1:8080\"; },\n"
	"  { address = \"127.0.0.1:8443\"; tls = { certificate = \"c.pem\"; key = \"k.pem\"; client_ca = \"ca.pem\"; "
	"}; } );\n"
	"admin = { socket = \"admin.sock\"; };                        // in data_dir; optional: address, token\n"
	"sources = (\n"
	"  { name = \"shop\"; plugin = \"shopify\"; verify = { scheme = \"shopify\"; secret = \"env:SHOP_SECRET\"; }; "
	"},\n"
	"  { name = \"bank\"; plugin = \"camt\"; verify = { scheme = \"bearer\"; secret = \"file:bank.token\"; };\n"
	"    drop = { directory = \"in/bank\"; }; options = { zone = \"+01:00\"; };\n"
	"    dedupe = \"digest\"; on_bad_record = \"reject-message\"; deadline = \"5s\"; body_max = \"2GiB\"; },\n"
	"  { name = \"wh\"; plugin = \"x12\"; dedupe = \"digest\"; verify = { scheme = \"hmac\"; algorithm = "
	"\"sha256\"; header = "
	"\"X-Signature\";\n"
	"      encoding = \"hex\"; signed = \"{timestamp}.{body}\"; timestamp_header = \"X-Timestamp\";\n"
	"      tolerance = \"300s\"; secret = \"env:WH_SECRET\"; }; },\n"
	"  { name = \"test\"; plugin = \"stripe\"; verify = { scheme = \"none\"; }; } );\n"
	"destinations = (\n"
	"  { name = \"platform\"; transport = \"http\"; url = \"http://127.0.0.1:9000/events\";\n"
	"    types = [ \"order\", \"settlement\" ]; sources = [ \"shop\", \"bank\" ];\n"
	"    batch = { records = 500; bytes = \"1MiB\"; linger = \"20ms\"; }; retry = { first = \"200ms\"; max = "
	"\"60s\"; }; },\n"
	"  { name = \"log\"; transport = \"file\"; path = \"out.ndjson\"; rotate_bytes = \"64MiB\"; } );\n"
	"sandbox = { require = [ \"seccomp\", \"landlock\" ]; };\n"
	"plugin_dir = \"plugins\";                                    // default: beside the executable, then the "
	"installed one\n";

static const char *in_directory(const char *name)
{
	static char path[2][160];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
	return path[turn];
}

START_TEST(contract_example)
{
	const struct conf_source *shop, *bank, *wh, *test;
	const struct conf_destination *platform, *log;

	load(example);
	ck_assert_str_eq(conf->data_dir, in_directory("data"));
	ck_assert_str_eq(conf->admin_socket, in_directory("data/admin.sock"));
	ck_assert_str_eq(conf->plugin_dir, in_directory("plugins"));
	ck_assert_uint_eq(conf->listener_count, 2);
	ck_assert(conf->listeners[0].loopback && !conf->listeners[0].has_tls);
	ck_assert(conf->listeners[1].has_tls);
	ck_assert_str_eq(conf->listeners[1].tls.client_ca, in_directory("ca.pem"));
	ck_assert_int_eq(conf->listeners[1].line, 3);

	ck_assert_uint_eq(conf->source_count, 4);
	shop = conf_source_find(conf, EP_SAY("shop"));
	ck_assert_int_eq(shop->verify.scheme, CONF_VERIFY_HMAC);
	ck_assert_int_eq(shop->verify.encoding, CONF_BASE64);
	ck_assert_str_eq(shop->verify.preset, "shopify");
	ck_assert_str_eq(shop->verify.header, "x-shopify-hmac-sha256");
	ck_assert_str_eq(shop->verify.signed_text, "{body}");
	ck_assert_str_eq(shop->verify.event_id_header, "x-shopify-webhook-id");
	ck_assert_str_eq(shop->verify.secret.data, "shop-secret-1");
	ck_assert_int_eq(shop->dedupe, CONF_DEDUPE_EVENT_ID);
	ck_assert_str_eq(shop->note.name, "shopify");
	ck_assert_str_eq(shop->plugin_path, in_directory("plugins/shopify.so"));

	bank = conf_source_find(conf, EP_SAY("bank"));
	ck_assert_int_eq(bank->verify.scheme, CONF_VERIFY_BEARER);
	ck_assert_str_eq(bank->verify.secret.data, "bank-token-1");
	ck_assert_str_eq(bank->drop_directory, in_directory("in/bank"));
	ck_assert_int_eq(bank->on_bad_record, CONF_REJECT_MESSAGE);
	ck_assert_int_eq(bank->body_max, INT64_C(2) << 30);
	ck_assert_int_eq(bank->deadline_ns, 5 * NS_PER_S);
	ck_assert_uint_eq(bank->option_count, 1);
	ck_assert_str_eq(bank->options[0].name, "zone");
	ck_assert_str_eq(bank->options[0].value, "+01:00");
	ck_assert(bank->note.flags & EP_WHOLE_ONLY);

	wh = conf_source_find(conf, EP_SAY("wh"));
	ck_assert_str_eq(wh->verify.header, "x-signature");
	ck_assert_str_eq(wh->verify.timestamp_header, "x-timestamp");
	ck_assert_int_eq(wh->verify.tolerance_ns, 300 * NS_PER_S);
	ck_assert_int_eq(wh->dedupe, CONF_DEDUPE_DIGEST);
	test = conf_source_find(conf, EP_SAY("test"));
	ck_assert_int_eq(test->verify.scheme, CONF_VERIFY_NONE);
	ck_assert_int_eq(test->dedupe, CONF_DEDUPE_DIGEST);
	ck_assert_ptr_null(conf_source_find(conf, EP_SAY("tes")));

	platform = &conf->destinations[0];
	ck_assert_uint_eq(platform->type_count, 2);
	ck_assert_uint_eq(platform->types[0], EP_ORDER);
	ck_assert_uint_eq(platform->types[1], EP_SETTLEMENT);
	ck_assert_uint_eq(platform->source_count, 2);
	ck_assert_str_eq(platform->sources[1], "bank");
	ck_assert_int_eq(platform->batch_linger_ns, 20 * NS_PER_MS);
	log = &conf->destinations[1];
	ck_assert_int_eq(log->transport, CONF_FILE);
	ck_assert_str_eq(log->path, in_directory("out.ndjson"));
	ck_assert_int_eq(log->rotate_bytes, 64 << 20);
	ck_assert_int_eq(log->batch_records, 500);
	ck_assert_uint_eq(conf->sandbox_require_count, 2);
	ck_assert_str_eq(conf->sandbox_require[1], "landlock");
	ck_assert_uint_eq(report.length, 0);
}
END_TEST

START_TEST(empty_file_has_defaults)
{
	load("");
	ck_assert_str_eq(conf->data_dir, in_directory("data"));
	ck_assert_ptr_null(conf->plugin_dir);
	ck_assert_int_eq(conf->drain_timeout_ns, 10 * NS_PER_S);
	ck_assert_int_eq(conf->segment_bytes, 64 << 20);
	ck_assert_int_eq(conf->log_level, EP_LOG_INFO);
	ck_assert_int_eq(conf->log_format, LOG_TEXT);
	ck_assert_uint_eq(conf->source_count, 0);
}
END_TEST

START_TEST(options_are_flattened)
{
	load("plugin_dir = \"plugins\";\n" SOURCE(
		"options = { zone = \"Asia/Shanghai\"; skip = 3; large = 5000000000L; "
		"csv = { separator = \";\"; head = { rows = -1; }; }; strict = true; };"));
	ck_assert_uint_eq(conf->sources[0].option_count, 6);
	ck_assert_str_eq(conf->sources[0].options[1].value, "3");
	ck_assert_str_eq(conf->sources[0].options[2].value, "5000000000");
	ck_assert_str_eq(conf->sources[0].options[3].name, "csv.separator");
	ck_assert_str_eq(conf->sources[0].options[4].name, "csv.head.rows");
	ck_assert_str_eq(conf->sources[0].options[4].value, "-1");
	ck_assert_str_eq(conf->sources[0].options[5].value, "true");
}
END_TEST

START_TEST(included_files)
{
	write_text("more.conf", "drain_timeout = \"3s\";\n\nlogg = { };\n", 0644);
	write_text("entrepot.conf", "@include \"more.conf\"\ndata_dirr = \"x\";\n", 0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(
		strstr(said(), "more.conf:3: unknown setting logg in the configuration (nearest: log)"), "%s", said());
	ck_assert_msg(strstr(said(), "entrepot.conf:2: unknown setting data_dirr"), "%s", said());
	buffer_clear(&report);
	write_text("more.conf", "drain_timeout = \"3s\";\n", 0644);
	load("@include \"more.conf\"\n");
	ck_assert_int_eq(conf->drain_timeout_ns, 3 * NS_PER_S);
	conf_free(conf);
	conf = NULL;
	write_text("more.conf", "\nx = 4294967296;\n", 0644);
	write_text("entrepot.conf", "@include \"more.conf\"\n", 0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), "more.conf:2: this number doesn't fit 32 bits"), "%s", said());
}
END_TEST

START_TEST(all_errors_at_once)
{
	REFUSE("data_dirr = \"x\";\n"
	       "drain_timeout = 10;\n"
	       "log = { level = \"inof\"; fromat = \"text\"; };\n"
	       "http = { header_max = \"3 MiB\"; connections_max = 0; idle_timeout = \"2h\"; };\n"
	       "journal = 5;\n"
	       "zzzzzzzzz = 1;\n"
	       "sandbox = { require = [ \"secomp\", \"uid\", \"uid\" ]; };\n",
		"1: unknown setting data_dirr in the configuration (nearest: data_dir)",
		"2: drain_timeout is a number, expected a text with a unit, such as \"500ms\"",
		"3: level is \"inof\" (nearest: \"info\", accepted: debug, info, warn, error)",
		"3: unknown setting fromat in log (nearest: format)",
		"4: header_max is \"3 MiB\", expected a text with a unit",
		"4: connections_max is out of range (accepted: 1 to 1000000)",
		"4: idle_timeout is out of range (accepted: 100ms to 1h)",
		"5: journal is a number, expected a group { name = value; }",
		"6: unknown setting zzzzzzzzz in the configuration (known: data_dir, ",
		"7: require is \"secomp\" (nearest: \"seccomp\", accepted: rlimits, ", "7: require has \"uid\" twice");
}
END_TEST

START_TEST(syntax)
{
	REFUSE("data_dir = \"x\";\nlog = { level = \"info\" ;\n\n", "4: syntax error here or just before");
	REFUSE("data_dir = \"x\";\ndata_dir = \"y\";\n", "2: duplicate setting name here or just before");
	REFUSE("@include \"missing.conf\"\n", "1: ", "1: ");
	REFUSE("@include \"/etc/entrepot/more.conf\"\n", "1: the name of an included file is relative to", "1: ");
}
END_TEST

START_TEST(numbers_too_large)
{
	REFUSE("# 99999999999 in a comment\n/* 99999999999\n */ data_dir = \"99999999999\"; // 99999999999\n"
	       "http = { connections_max = 4294967297; };\n",
		"4: this number doesn't fit 32 bits (a larger one needs an L behind it)");
	REFUSE("http = { connections_max = 9223372036854775808L; };", "1: this number doesn't fit 64 bits",
		"1: connections_max is out of range");
	REFUSE("http = { connections_max = 0x100000001; };", "1: this number doesn't fit 32 bits");
	REFUSE("http = { connections_max = 0xffffffff; };", "1: this number doesn't fit 32 bits",
		"1: connections_max is out");
	REFUSE("http = { connections_max = -2147483649; };", "1: this number doesn't fit 32 bits",
		"1: connections_max is out");
	load("http = { connections_max = 1000L; };");
	ck_assert_int_eq(conf->connections_max, 1000);
}
END_TEST

START_TEST(not_text)
{
	REFUSE("data_dir = \"a\";\nlog = { level = \"\xff\"; };\n", "2: byte 33 is not UTF-8 text");
	REFUSE("data_dir = \"a\\x00b\";\n", "1: \\x00 would end the text here");
	write_mode("entrepot.conf", "data_dir = \"a\";\n\0x = 1;\n", 24, 0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), ":2: byte 16 is not UTF-8 text"), "%s", said());
}
END_TEST

START_TEST(missing_file)
{
	ck_assert_int_eq(conf_load(in_directory("none.conf"), &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), "none.conf: No such file or directory"), "%s", said());
	buffer_clear(&report);
	ck_assert_int_eq(conf_load(directory, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), ": Is a directory"), "%s", said());
}
END_TEST

#define WITH_SECRET(reference)                                                                                         \
	"plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"camt\";\n"                                  \
	" verify = { scheme = \"bearer\"; secret = \"" reference "\"; }; } );\n"

START_TEST(secrets)
{
	REFUSE(WITH_SECRET("hunter2hunter2"),
		"3: secret: a secret doesn't stand in the configuration (accepted: \"env:NAME\"");
	REFUSE(WITH_SECRET("env:ENTREPOT_NOT_SET"), "3: secret: environment variable ENTREPOT_NOT_SET is not set");
	REFUSE(WITH_SECRET("env:"), "3: secret: what follows env: is not the name of a variable");
	REFUSE(WITH_SECRET("file:none.token"), "3: secret: ");
	write_text("open.token", "x", 0640);
	REFUSE(WITH_SECRET("file:open.token"), "3: secret: ");
	write_text("open.token", "\n", 0600);
	REFUSE(WITH_SECRET("file:open.token"), "3: secret: ");
	write_text("open.token", "two words", 0600);
	REFUSE(WITH_SECRET("file:open.token"),
		"3: secret: a bearer token has visible ASCII characters only, byte 3 isn't one");
	REFUSE(WITH_SECRET("file:plugins"), "3: secret: ");
	write_text("open.token", "one\n\n", 0400);
	REFUSE(WITH_SECRET("file:open.token"), "3: secret: a bearer token"); /* one line end is dropped, not two */
}
END_TEST

START_TEST(secret_is_never_shown)
{
	write_text("entrepot.conf",
		"sources = ( { name = \"a\"; plugin = \"camt\"; verify = { scheme = \"bearer\"; secret = "
		"\"hunter2hunter2\"; "
		"secrett = \"hunter2hunter2\"; secret_next = [ \"hunter2hunter2\" ]; }; } );\nperson_key = "
		"\"hunter2hunter2\";\n",
		0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), "hunter2") == NULL, "%s", said());
	buffer_clear(&report);
	write_text("entrepot.conf", "secret = \"hunter2hunter2\" }\n", 0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), "hunter2") == NULL, "%s", said());
}
END_TEST

#define VERIFY(rest)                                                                                                   \
	"plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"camt\";\n verify = { " rest " }; } );\n"
#define KEY "secret = \"env:WH_SECRET\"; "

START_TEST(verify_settings)
{
	REFUSE("plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"camt\"; } );\n",
		"2: verify is missing in a source");
	REFUSE(VERIFY(""), "3: scheme is missing in verify");
	REFUSE(VERIFY("scheme = \"shopfy\";"),
		"3: scheme is \"shopfy\" (nearest: \"shopify\", accepted: none, bearer, ");
	REFUSE(VERIFY("scheme = \"bearer\";"), "3: secret is missing in verify: scheme bearer needs it");
	REFUSE(VERIFY("scheme = \"none\"; " KEY), "3: scheme none takes no secret");
	REFUSE(VERIFY("scheme = \"basic\"; " KEY), "3: secret: scheme basic needs user:password");
	REFUSE(VERIFY("scheme = \"bearer\"; header = \"x\"; " KEY), "3: header has no meaning with scheme bearer");
	REFUSE(VERIFY("scheme = \"hmac\"; " KEY), "3: header is missing in verify");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x y\"; " KEY),
		"3: header is \"x y\", which is not a header's name");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x\"; signed = \"{bdy}\"; " KEY),
		"3: signed is \"{bdy}\" (accepted: {body}");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x\"; signed = \"{body\"; " KEY),
		"3: signed is \"{body\" (accepted: {body}");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x\"; signed = \"{url}\"; " KEY),
		"3: signed is \"{url}\": without {body}");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x\"; signed = \"{timestamp}{body}\"; " KEY),
		"3: signed has {timestamp}, but there is none");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x\"; tolerance = \"5s\"; " KEY), "3: tolerance has no meaning");
	REFUSE(VERIFY("scheme = \"hmac\"; header = \"x\"; list = true; " KEY), "3: prefix is missing in verify");
	load(VERIFY("scheme = \"hmac\"; header = \"X-A\"; signed = \"{timestamp}{body}\"; timestamp_header = "
		    "\"X-T\"; " KEY));
	ck_assert_int_eq(conf->sources[0].verify.tolerance_ns, 300 * NS_PER_S);
	ck_assert_str_eq(conf->sources[0].verify.signature_prefix, "");
}
END_TEST

START_TEST(presets_can_be_adjusted)
{
	load(VERIFY("scheme = \"stripe\"; tolerance = \"10m\"; secret_next = \"env:SHOP_SECRET\"; " KEY));
	ck_assert_int_eq(conf->sources[0].verify.tolerance_ns, 600 * NS_PER_S);
	ck_assert(conf->sources[0].verify.signature_list);
	ck_assert_str_eq(conf->sources[0].verify.signature_prefix, "v1=");
	ck_assert_str_eq(conf->sources[0].verify.signed_text, "{timestamp}.{body}");
	ck_assert_str_eq(conf->sources[0].verify.event_id_path, "id");
	ck_assert_str_eq(conf->sources[0].verify.second.data, "shop-secret-1");
	ck_assert_int_eq(conf->sources[0].dedupe, CONF_DEDUPE_EVENT_ID);
	conf_free(conf);
	load(VERIFY("scheme = \"shopify\"; header = \"X-Test\"; event_id_header = \"X-Id\"; " KEY));
	ck_assert_str_eq(conf->sources[0].verify.header, "x-test");
	ck_assert_str_eq(conf->sources[0].verify.event_id_header, "x-id");
	ck_assert_int_eq(conf->sources[0].verify.encoding, CONF_BASE64);
	conf_free(conf);
	load(VERIFY("scheme = \"none\"; event_id_member = \"id\";"));
	ck_assert_int_eq(conf->sources[0].dedupe, CONF_DEDUPE_EVENT_ID);
}
END_TEST

START_TEST(none_needs_loopback)
{
	REFUSE("plugin_dir = \"plugins\";\n"
	       "listeners = ( { address = \"127.0.0.1:1\"; },\n"
	       " { address = \"0.0.0.0:2\"; tls = { certificate = \"c.pem\"; key = \"k.pem\"; }; } );\n" SOURCE(""),
		"4: scheme none: anyone could post to a, for listener 0.0.0.0:2 (line 3) isn't loopback");
	load("plugin_dir = \"plugins\";\nlisteners = ( { address = \"127.9.9.9:1\"; }, { address = \"[::1]:2\"; } "
	     ");\n" SOURCE(""));
}
END_TEST

START_TEST(listeners)
{
	REFUSE("listeners = ( { address = \"localhost:80\"; }, { address = \"127.0.0.1\"; },\n"
	       "{ address = \"127.0.0.1:65536\"; }, { address = \"[::1:80\"; }, { },\n"
	       "{ address = \"127.0.0.1:7\"; tls = { certificate = \"none.pem\"; }; },\n"
	       "{ address = \"127.0.0.1:7\"; }, 5 );\n",
		"1: address is \"localhost:80\" (accepted: a numeric address and a port",
		"1: address is \"127.0.0.1\" (acc", "2: address is \"127.0.0.1:65536\"", "2: address is \"[::1:80\"",
		"2: address is missing in a listener", "3: key is missing in tls",
		"3: certificate: ", "4: address 127.0.0.1:7 is listened on already (line 3)",
		"4: listeners is a number, expected groups { } in it");
	load("listeners = ( { address = \"127.0.0.1:0\"; }, { address = \"127.0.0.1:0\"; }, { address = \"[::]:8\"; } "
	     ");\n");
	ck_assert_msg(strstr(said(), "warning: listener [::]:8 takes messages and secrets in clear"), "%s", said());
	ck_assert(!conf->listeners[2].loopback);
}
END_TEST

START_TEST(sources)
{
	REFUSE("plugin_dir = \"plugins\";\nsources = (\n"
	       "{ name = \"Shop\"; plugin = \"camt\"; verify = { scheme = \"none\"; }; },\n"
	       "{ name = \"a\"; plugin = \"cmat\"; verify = { scheme = \"none\"; }; drop = { directory = \"in\"; }; "
	       "},\n"
	       "{ name = \"a\"; plugin = \"./plugins/none.so\"; verify = { scheme = \"none\"; }; drop = { directory = "
	       "\"in\"; }; "
	       "},\n"
	       "{ name = \"abcdefghijklmnopqrstuvwxyzabcdefghijklmno\"; plugin = \"c.pem\"; verify = { scheme = "
	       "\"none\"; }; },\n"
	       "{ name = \"b\"; plugin = \"./c.pem\"; verify = { scheme = \"none\"; }; dedupe = \"event-id\"; },\n"
	       "{ name = \"c\"; plugin = \"camt\"; verify = { scheme = \"none\"; }; dedup = \"off\"; options = { x = "
	       "1.5; }; } );",
		"3: name is \"Shop\" (accepted: [a-z][a-z0-9-]{0,39})", "4: plugin: no plugin \"cmat\" in ",
		"5: source a exists already (line 4)", "5: plugin: ", "5: drop: ", "6: name is \"abcdef",
		"6: plugin: no plugin \"c.pem\" in ", "7: plugin: ", "7: dedupe is \"event-id\", but verify names none",
		"8: unknown setting dedup in a source (nearest: dedupe)",
		"8: option x is a number with a point, expected a text, a whole number, true or false");
}
END_TEST

START_TEST(nearest_plugin)
{
	write_text("entrepot.conf",
		"plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"shopfy\"; verify = { scheme = "
		"\"none\"; }; } );",
		0644);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	ck_assert_msg(strstr(said(), "plugins (nearest: \"shopify\")"), "%s", said());
}
END_TEST

START_TEST(dedupe_must_be_chosen)
{
	REFUSE("plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"x12\"; verify = { scheme = \"none\"; "
	       "}; } );",
		"2: dedupe is missing: equal messages of plugin x12 may be meant");
	load("plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"x12\"; dedupe = \"off\"; verify = { "
	     "scheme = "
	     "\"none\"; }; } );");
	ck_assert_int_eq(conf->sources[0].dedupe, CONF_DEDUPE_OFF);
	conf_free(conf);
	load("plugin_dir = \"plugins\";\nsources = ( { name = \"a\"; plugin = \"x12\"; verify = { scheme = "
	     "\"shopify\"; " KEY "}; } );");
	ck_assert_int_eq(conf->sources[0].dedupe, CONF_DEDUPE_EVENT_ID);
}
END_TEST

START_TEST(one_folder_by_two_names)
{
	char link[160], folder[160];

	snprintf(folder, sizeof(folder), "%s/in", directory);
	snprintf(link, sizeof(link), "%s/also", directory);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	ck_assert_int_eq(symlink("in", link), 0);
	REFUSE("plugin_dir = \"plugins\";\nsources = (\n"
	       "{ name = \"a\"; plugin = \"camt\"; verify = { scheme = \"none\"; }; drop = { directory = \"in\"; }; "
	       "},\n"
	       "{ name = \"b\"; plugin = \"camt\"; verify = { scheme = \"none\"; }; drop = { directory = \"also\"; }; "
	       "} );",
		"4: drop: ");
}
END_TEST

START_TEST(destinations)
{
	REFUSE("plugin_dir = \"plugins\";\n" SOURCE(
		       "") "destinations = (\n"
			   "{ name = \"p\"; transport = \"http\"; types = [ \"ordr\" ]; sources = [ \"b\", \"aa\" ]; "
			   "},\n"
			   "{ name = \"p\"; transport = \"file\"; url = \"http://x\"; },\n"
			   "{ name = \"q\"; transport = \"http\"; url = \"ftp://x/\"; retry = { first = \"2m\"; }; },\n"
			   "{ name = \"r\"; transport = \"http\"; url = \"http://u:hunter2@x/\"; types = [ ]; "
			   "parked_max = 0; },\n"
			   "{ name = \"s\"; transport = \"http\"; url = \"http://x/a b\"; path = \"f\"; batch = { "
			   "records = 10001; }; },\n"
			   "{ name = \"t\"; transport = \"nats\"; }, { name = \"u\"; transport = \"file\"; path = "
			   "\"f\"; },\n"
			   "{ name = \"v\"; transport = \"file\"; path = \"none/f\"; },\n"
			   "{ name = \"w\"; transport = \"file\"; path = \"g\"; },\n"
			   "{ name = \"y\"; transport = \"file\"; path = \"./g\"; },\n"
			   "{ name = \"x\"; transport = \"file\"; path = \"plugins\"; } );\n",
		"4: types has \"ordr\", which is no record type (nearest: \"order\")",
		"4: sources has \"b\", which is no source (nearest: \"a\")",
		"4: sources has \"aa\", which is no source (nearest: \"a\")",
		"4: url is missing: transport http needs it", "5: destination p exists already (line 4)",
		"5: url has no meaning with transport file", "5: path is missing: transport file needs it",
		"6: url has no host that HTTP can reach", "6: retry: first is longer than max",
		"7: url holds a user or password", "7: types is empty; leave it out for all",
		"7: parked_max is out of range (accepted: 1 to 50000)", "8: url has a blank",
		"8: path has no meaning with transport http", "8: records is out of range (accepted: 1 to 10000)",
		"9: transport is \"nats\" (accepted: http, file)", "9: path ", "10: path: folder ", "12: path ",
		"13: path: ");
}
END_TEST

START_TEST(data_dir)
{
	REFUSE("data_dir = \"none/data\";\n", "1: data_dir: folder ");
	REFUSE("data_dir = \"entrepot.conf\";\n", "1: data_dir: ");
	load("data_dir = \"new/\";\n");
}
END_TEST

START_TEST(errors_are_bounded)
{
	struct buffer text;
	const char *at;
	size_t lines = 0;

	buffer_init(&text, 1 << 20);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(buffer_append_format(&text, "x%d = 1;\n", i), EP_OK);
	write_mode("entrepot.conf", text.data, text.length, 0644);
	buffer_free(&text);
	ck_assert_int_eq(conf_load(file, &conf, &report), EP_BAD_CONFIG);
	for (at = said(); *at; at++)
		lines += *at == '\n';
	ck_assert_uint_eq(lines, 101);
	ck_assert_ptr_nonnull(strstr(said(), "400 more errors"));
}
END_TEST

static const char *const shipped[] = {"conf/entrepot.conf", "../conf/entrepot.conf", "../../conf/entrepot.conf", NULL};

/* The shipped file shows every setting with its default; the reference lists the same ones. */
START_TEST(shipped_file_is_complete)
{
	static char text[65536];
	struct buffer reference;
	const char *row;
	size_t length = 0, rows = 0;
	FILE *in = NULL;

	for (size_t i = 0; shipped[i] && !in; i++) {
		in = fopen(shipped[i], "r");
		if (in)
			ck_assert_int_eq(conf_load(shipped[i], &conf, &report), EP_OK);
	}
	ck_assert_msg(in != NULL, "run from the repository's top folder");
	length = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	ck_assert_uint_gt(length, 0);
	buffer_init(&reference, 1 << 20);
	ck_assert_int_eq(conf_write_reference(&reference), EP_OK);
	ck_assert_int_eq(buffer_append_byte(&reference, '\0'), EP_OK);
	for (row = reference.data; (row = strstr(row, "\n| `")) != NULL; rows++) {
		char name[64], wanted[160];
		const char *fallback;

		row += 4;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(row, "`"), row);
		snprintf(wanted, sizeof(wanted), "%s = ", name);
		ck_assert_msg(strstr(text, wanted) != NULL, "conf/entrepot.conf doesn't show %s", name);
		fallback = strstr(row, " | ");
		fallback = strstr(fallback + 3, " | ") + 3;
		if (*fallback != '`')
			continue;
		fallback++;
		snprintf(wanted, sizeof(wanted), "%s = \"%.*s\"", name, (int)strcspn(fallback, "`"), fallback);
		if (!strstr(text, wanted))
			snprintf(wanted, sizeof(wanted), "%s = %.*s;", name, (int)strcspn(fallback, "`"), fallback);
		ck_assert_msg(strstr(text, wanted) != NULL, "conf/entrepot.conf doesn't show the default: %s", wanted);
	}
	ck_assert_uint_gt(rows, 60);
	buffer_free(&reference);
}
END_TEST

/* docs/settings.md is what `entrepot check --reference` prints. */
START_TEST(reference_in_docs_is_current)
{
	static const char *const places[] = {"docs/settings.md", "../docs/settings.md", "../../docs/settings.md", NULL};
	static char text[65536];
	struct buffer reference;
	size_t length;
	FILE *in = NULL;

	for (size_t i = 0; places[i] && !in; i++)
		in = fopen(places[i], "r");
	ck_assert_msg(in != NULL, "run from the repository's top folder");
	length = fread(text, 1, sizeof(text), in);
	fclose(in);
	buffer_init(&reference, 1 << 20);
	ck_assert_int_eq(conf_write_reference(&reference), EP_OK);
	ck_assert_msg(length == reference.length && memcmp(text, reference.data, length) == 0,
		"build/entrepot check --reference >docs/settings.md");
	buffer_free(&reference);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *tests = tcase_create("conf");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, contract_example);
	tcase_add_test(tests, empty_file_has_defaults);
	tcase_add_test(tests, options_are_flattened);
	tcase_add_test(tests, included_files);
	tcase_add_test(tests, all_errors_at_once);
	tcase_add_test(tests, syntax);
	tcase_add_test(tests, numbers_too_large);
	tcase_add_test(tests, not_text);
	tcase_add_test(tests, missing_file);
	tcase_add_test(tests, secrets);
	tcase_add_test(tests, secret_is_never_shown);
	tcase_add_test(tests, verify_settings);
	tcase_add_test(tests, presets_can_be_adjusted);
	tcase_add_test(tests, none_needs_loopback);
	tcase_add_test(tests, listeners);
	tcase_add_test(tests, sources);
	tcase_add_test(tests, nearest_plugin);
	tcase_add_test(tests, dedupe_must_be_chosen);
	tcase_add_test(tests, one_folder_by_two_names);
	tcase_add_test(tests, destinations);
	tcase_add_test(tests, data_dir);
	tcase_add_test(tests, errors_are_bounded);
	tcase_add_test(tests, shipped_file_is_complete);
	tcase_add_test(tests, reference_in_docs_is_current);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
