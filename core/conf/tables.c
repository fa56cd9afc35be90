/*
 * tables.c: every setting of the configuration. A new one is a line here and a member in conf.h.
 */
#include "conf/setting.h"

#include <stddef.h>

#include "base/clock.h"

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define MINUTE (60 * NS_PER_S)
#define DAY (24 * 60 * MINUTE)

#define AT(state, member) .offset = offsetof(struct state, member)
#define COUNT(state, member) .count_offset = offsetof(struct state, member)
#define TABLE(rows) .list = rows, .count = sizeof(rows) / sizeof(rows[0])

static const struct setting tls_settings[] = {
	{"certificate", SETTING_PATH, true, AT(conf_tls, certificate),
		.help = "PEM file with the server's certificate and the chain behind it"},
	{"key", SETTING_PATH, true, AT(conf_tls, key), .help = "PEM file with the certificate's private key"},
	{"client_ca", SETTING_PATH, false, AT(conf_tls, client_ca),
		.help = "PEM file with the authorities whose client certificates are accepted; absent: clients are not "
			"asked "
			"for one"},
};
static const struct settings tls = {.name = "tls", TABLE(tls_settings)};

static const struct setting listener_settings[] = {
	{"address", SETTING_TEXT, true, AT(conf_listener, address),
		.help = "numeric address and port: \"127.0.0.1:8080\", \"[::1]:8443\"; port 0 takes a free one"},
	{"tls", SETTING_GROUP, false, AT(conf_listener, tls), .group = &tls,
		.help = "TLS 1.2 and 1.3; absent: plain HTTP"},
};
static const struct settings listener = {.name = "a listener",
	TABLE(listener_settings),
	.struct_bytes = sizeof(struct conf_listener),
	.line_offset = offsetof(struct conf_listener, line)};

static const struct setting admin_settings[] = {
	{"socket", SETTING_TEXT, false, AT(conf, admin_socket), .fallback = "admin.sock",
		.help = "unix socket of the admin API, relative to data_dir"},
	{"address", SETTING_TEXT, false, AT(conf, admin_address),
		.help = "loopback address and port on which the admin API is offered too; needs token"},
	{"token", SETTING_SECRET, false, AT(conf, admin_token), .help = "bearer token for address"},
};
static const struct settings admin = {.name = "admin", TABLE(admin_settings)};

static const struct setting verify_settings[] = {
	{"scheme", SETTING_WORD, true, AT(conf_verify, preset), .choices = "none|bearer|basic|hmac|shopify|stripe",
		.help = "how the sender is verified; none has to be written out and is refused where a listener isn't "
			"loopback; "
			"shopify and stripe are hmac with everything filled in, and can be adjusted by the settings "
			"below"},
	{"secret", SETTING_SECRET, false, AT(conf_verify, secret),
		.help = "bearer: the token; basic: user:password; hmac: the key"},
	{"secret_next", SETTING_SECRET, false, AT(conf_verify, second),
		.help = "a second secret that is accepted too, while one replaces the other"},
	{"algorithm", SETTING_CHOICE, false, AT(conf_verify, algorithm), .choices = "sha256|sha1|sha512",
		.min = CONF_SHA256, .help = "hmac: the digest; sha256 if absent"},
	{"encoding", SETTING_CHOICE, false, AT(conf_verify, encoding), .choices = "hex|base64", .min = CONF_HEX,
		.help = "hmac: how the signature is written; hex if absent"},
	{"header", SETTING_TEXT, false, AT(conf_verify, header), .help = "hmac: header that carries the signature"},
	{"prefix", SETTING_TEXT, false, AT(conf_verify, signature_prefix),
		.help = "hmac: what stands before the signature, such as \"sha256=\""},
	{"list", SETTING_BOOL, false, AT(conf_verify, signature_list),
		.help = "hmac: the header is a list \"t=TIME,v1=SIGNATURE\", of which prefix names the signatures"},
	{"signed", SETTING_TEXT, false, AT(conf_verify, signed_text),
		.help = "hmac: the text that is signed: {body}, {timestamp}, {url} and characters as they are; {body} "
			"if absent"},
	{"timestamp_header", SETTING_TEXT, false, AT(conf_verify, timestamp_header),
		.help = "hmac: header with the time of signing, in seconds or milliseconds since 1970"},
	{"tolerance", SETTING_DURATION, false, AT(conf_verify, tolerance_ns), .min = 0, .max = DAY,
		.help = "hmac: how far the time of signing may be off; 0: any; 300s if absent and a timestamp is "
			"signed"},
	{"event_id_header", SETTING_TEXT, false, AT(conf_verify, event_id_header),
		.help = "header with the provider's id of the message, for dedupe = \"event-id\""},
	{"event_id_member", SETTING_TEXT, false, AT(conf_verify, event_id_path),
		.help = "or the JSON member of the body that holds it, such as \"id\""},
};
static const struct settings verify = {.name = "verify", TABLE(verify_settings)};

static const struct setting drop_settings[] = {
	{"directory", SETTING_PATH, true, AT(conf_source, drop_directory),
		.help = "folder from which files are taken; what became of them lands in done/ and failed/ beneath it"},
	{"stable_for", SETTING_DURATION, false, AT(conf_source, drop_stable_for_ns), .fallback = "10s",
		.min = 100 * NS_PER_MS, .max = DAY,
		.help = "a file that was not renamed into the folder counts when it hasn't changed for so long"},
};
static const struct settings drop = {.name = "drop", TABLE(drop_settings)};

static const struct setting source_settings[] = {
	{"name", SETTING_NAME, true, AT(conf_source, name),
		.help = "stands in the address (/in/NAME), in every event and id: never change it"},
	{"title", SETTING_TEXT, false, AT(conf_source, title), .help = "for people; may change"},
	{"plugin", SETTING_TEXT, true, AT(conf_source, plugin),
		.help = "name of a plugin, or its file's path with a slash"},
	{"verify", SETTING_GROUP, true, AT(conf_source, verify), .group = &verify,
		.help = "how the sender is verified"},
	{"drop", SETTING_GROUP, false, 0, .group = &drop, .help = "a folder that is watched for files, besides HTTP"},
	{"options", SETTING_OPTIONS, false, AT(conf_source, options), COUNT(conf_source, option_count),
		.help = "the plugin's own options (entrepot plugins NAME); every plugin knows zone and charset"},
	{"dedupe", SETTING_CHOICE, false, AT(conf_source, dedupe), .choices = "event-id|digest|off",
		.min = CONF_DEDUPE_EVENT_ID,
		.help = "what makes two messages the same: the provider's id, the bytes, or nothing; event-id if "
			"absent and the "
			"scheme names one, else digest; to be written out where a plugin's equal messages may be "
			"meant"},
	{"dedupe_window", SETTING_DURATION, false, AT(conf_source, dedupe_window_ns), .fallback = "7d", .min = MINUTE,
		.max = 400 * DAY, .help = "how long a message is remembered"},
	{"on_bad_record", SETTING_CHOICE, false, AT(conf_source, on_bad_record), .fallback = "reject-record",
		.choices = "reject-record|reject-message", .min = CONF_REJECT_RECORD,
		.help = "whether the other records of a message go on when one can't be read"},
	{"deadline", SETTING_DURATION, false, AT(conf_source, deadline_ns), .fallback = "5s", .min = 10 * NS_PER_MS,
		.max = 60 * MINUTE, .help = "of one call of the plugin"},
	{"deadline_per_mib", SETTING_DURATION, false, AT(conf_source, deadline_per_mib_ns), .fallback = "1s", .min = 0,
		.max = 10 * MINUTE, .help = "more time for each MiB of the message beyond the first"},
	{"body_max", SETTING_SIZE, false, AT(conf_source, body_max), .fallback = "64MiB", .min = 1, .max = 64 * GIB,
		.help = "largest message"},
	{"json_max", SETTING_SIZE, false, AT(conf_source, json_max), .fallback = "16MiB", .min = KIB, .max = GIB,
		.help = "largest JSON document: it is held in memory whole"},
	{"memory_max", SETTING_SIZE, false, AT(conf_source, memory_max), .fallback = "256MiB", .min = 16 * MIB,
		.max = 16 * GIB, .help = "memory of the worker"},
	{"idle_timeout", SETTING_DURATION, false, AT(conf_source, idle_timeout_ns), .fallback = "10m", .min = 0,
		.max = 7 * DAY,
		.help = "without a message for so long, the worker ends; the next message starts another; 0: never"},
	{"status_token", SETTING_SECRET, false, AT(conf_source, status_token),
		.help = "bearer token for asking after outcomes where the scheme signs bodies"},
};
static const struct settings source = {.name = "a source",
	TABLE(source_settings),
	.struct_bytes = sizeof(struct conf_source),
	.line_offset = offsetof(struct conf_source, line)};

static const struct setting batch_settings[] = {
	{"records", SETTING_INTEGER, false, AT(conf_destination, batch_records), .fallback = "500", .min = 1,
		.max = 10000, .help = "events in one request at most; 1 sends single events"},
	{"bytes", SETTING_SIZE, false, AT(conf_destination, batch_bytes), .fallback = "1MiB", .min = KIB,
		.max = 16 * MIB, .help = "bytes of one request; a single event may be larger"},
	{"linger", SETTING_DURATION, false, AT(conf_destination, batch_linger_ns), .fallback = "5ms", .min = 0,
		.max = MINUTE, .help = "how long a batch that isn't full waits for more"},
};
static const struct settings batch = {.name = "batch", TABLE(batch_settings)};

static const struct setting retry_settings[] = {
	{"first", SETTING_DURATION, false, AT(conf_destination, retry_first_ns), .fallback = "200ms", .min = NS_PER_MS,
		.max = 60 * MINUTE,
		.help = "ceiling of the first wait; it doubles with each failure, and the wait is random below it"},
	{"max", SETTING_DURATION, false, AT(conf_destination, retry_max_ns), .fallback = "60s", .min = NS_PER_MS,
		.max = DAY, .help = "where the doubling ends"},
};
static const struct settings retry = {.name = "retry", TABLE(retry_settings)};

static const struct setting destination_settings[] = {
	{"name", SETTING_NAME, true, AT(conf_destination, name),
		.help = "its progress is kept under this name: a new name starts from the beginning"},
	{"transport", SETTING_CHOICE, true, AT(conf_destination, transport), .choices = "http|file", .min = CONF_HTTP,
		.help = "http: CloudEvents by POST; file: one event a line, synced"},
	{"url", SETTING_TEXT, false, AT(conf_destination, url), .help = "http: where to (http:// or https://)"},
	{"path", SETTING_PATH, false, AT(conf_destination, path), .help = "file: the file that is appended to"},
	{"rotate_bytes", SETTING_SIZE, false, AT(conf_destination, rotate_bytes), .fallback = "0", .min = 0,
		.max = INT64_C(1024) * GIB,
		.help = "file: renamed to path.1, path.2 ... when it would grow past this; 0: never"},
	{"types", SETTING_RECORDS, false, AT(conf_destination, types), COUNT(conf_destination, type_count), .min = 1,
		.max = 64, .help = "record types that go there; absent: all"},
	{"sources", SETTING_TEXTS, false, AT(conf_destination, sources), COUNT(conf_destination, source_count),
		.min = 1, .max = 1024, .help = "sources whose records go there; absent: all"},
	{"batch", SETTING_GROUP, false, 0, .group = &batch, .help = "how many events one request takes"},
	{"retry", SETTING_GROUP, false, 0, .group = &retry, .help = "exponential, with full jitter"},
	{"parked_max", SETTING_INTEGER, false, AT(conf_destination, parked_max), .fallback = "10000", .min = 1,
		.max = 50000,
		.help = "records that wait to be tried again; at this number the destination takes no new ones"},
	{"timeout", SETTING_DURATION, false, AT(conf_destination, timeout_ns), .fallback = "30s", .min = 10 * NS_PER_MS,
		.max = 60 * MINUTE, .help = "http: of one request"},
	{"connections", SETTING_INTEGER, false, AT(conf_destination, connections), .fallback = "2", .min = 1, .max = 64,
		.help = "http: requests under way at once; records of one key never are in two"},
};
static const struct settings destination = {.name = "a destination",
	TABLE(destination_settings),
	.struct_bytes = sizeof(struct conf_destination),
	.line_offset = offsetof(struct conf_destination, line)};

static const struct setting log_settings[] = {
	{"format", SETTING_CHOICE, false, AT(conf, log_format), .fallback = "text", .choices = "text|json",
		.min = LOG_TEXT, .help = "of the lines on standard error"},
	{"level", SETTING_CHOICE, false, AT(conf, log_level), .fallback = "info", .choices = "debug|info|warn|error",
		.min = EP_LOG_DEBUG, .help = "the least that is written"},
};
static const struct settings logs = {.name = "log", TABLE(log_settings)};

static const struct setting http_settings[] = {
	{"header_max", SETTING_SIZE, false, AT(conf, header_max), .fallback = "32KiB", .min = KIB, .max = MIB,
		.help = "request line and headers together"},
	{"header_timeout", SETTING_DURATION, false, AT(conf, header_timeout_ns), .fallback = "10s",
		.min = 100 * NS_PER_MS, .max = 60 * MINUTE,
		.help = "from the first byte of a request to the end of its headers"},
	{"body_timeout", SETTING_DURATION, false, AT(conf, body_timeout_ns), .fallback = "30s", .min = 100 * NS_PER_MS,
		.max = 60 * MINUTE, .help = "without any byte of a body"},
	{"idle_timeout", SETTING_DURATION, false, AT(conf, idle_timeout_ns), .fallback = "60s", .min = 100 * NS_PER_MS,
		.max = 60 * MINUTE, .help = "of a connection between requests"},
	{"connections_max", SETTING_INTEGER, false, AT(conf, connections_max), .fallback = "4096", .min = 1,
		.max = 1000000, .help = "of all listeners together"},
};
static const struct settings http = {.name = "http", TABLE(http_settings)};

static const struct setting retain_settings[] = {
	{"age", SETTING_DURATION, false, AT(conf, retain_age_ns), .fallback = "30d", .min = 0, .max = 4000 * DAY,
		.help = "how long what every destination has passed is kept, to look at and to replay"},
	{"bytes", SETTING_SIZE, false, AT(conf, retain_bytes), .fallback = "0", .min = 0, .max = INT64_C(1024) * GIB,
		.help = "and how much of it at most, bodies over 1 MiB not counted; 0: no bound"},
};
static const struct settings retain = {.name = "retain", TABLE(retain_settings)};

static const struct setting journal_settings[] = {
	{"segment_bytes", SETTING_SIZE, false, AT(conf, segment_bytes), .fallback = "64MiB", .min = 4 * MIB,
		.max = 4 * GIB, .help = "of one file of the log"},
	{"spool_max", SETTING_SIZE, false, AT(conf, spool_max), .fallback = "4GiB", .min = MIB,
		.max = INT64_C(1024) * GIB, .help = "bodies over 1 MiB that are not yet accepted, all together"},
	{"disk_reserve", SETTING_SIZE, false, AT(conf, disk_reserve), .fallback = "256MiB", .min = 0,
		.max = INT64_C(1024) * GIB, .help = "free space below which new messages are refused"},
	{"retain", SETTING_GROUP, false, 0, .group = &retain,
		.help = "what is kept although nobody needs it any more; what somebody needs is always kept"},
};
static const struct settings journal = {.name = "journal", TABLE(journal_settings)};

static const struct setting sandbox_settings[] = {
	{"require", SETTING_TEXTS, false, AT(conf, sandbox_require), COUNT(conf, sandbox_require_count), .min = 0,
		.max = 32, .choices = "rlimits|no-new-privs|uid|user-ns|pid-ns|net-ns|ipc-ns|mount-ns|landlock|seccomp",
		.help = "layers without which no worker starts; the worker says which are active (entrepot check)"},
};
static const struct settings sandbox = {.name = "sandbox", TABLE(sandbox_settings)};

static const struct setting root_settings[] = {
	{"data_dir", SETTING_PATH, false, AT(conf, data_dir), .fallback = "data",
		.help = "folder of the journal and the index; one gateway uses it"},
	{"plugin_dir", SETTING_PATH, false, AT(conf, plugin_dir),
		.help = "folder of the plugins; absent: plugins/ beside the executable, then the installed one"},
	{"listeners", SETTING_GROUPS, false, AT(conf, listeners), COUNT(conf, listener_count), .max = 16,
		.group = &listener, .help = "where messages are taken over HTTP"},
	{"admin", SETTING_GROUP, false, 0, .group = &admin, .help = "the admin API"},
	{"sources", SETTING_GROUPS, false, AT(conf, sources), COUNT(conf, source_count), .max = 1024, .group = &source,
		.help = "partners' endpoints that data comes from"},
	{"destinations", SETTING_GROUPS, false, AT(conf, destinations), COUNT(conf, destination_count), .max = 64,
		.group = &destination, .help = "endpoints that records go to"},
	{"sandbox", SETTING_GROUP, false, 0, .group = &sandbox, .help = "what a worker must not be able to do"},
	{"log", SETTING_GROUP, false, 0, .group = &logs, .help = "logs"},
	{"http", SETTING_GROUP, false, 0, .group = &http, .help = "bounds of all listeners"},
	{"journal", SETTING_GROUP, false, 0, .group = &journal, .help = "bounds on the disk"},
	{"drain_timeout", SETTING_DURATION, false, AT(conf, drain_timeout_ns), .fallback = "10s", .min = 0,
		.max = 60 * MINUTE, .help = "how long SIGTERM waits for answers and deliveries under way"},
	{"person_key", SETTING_SECRET, false, AT(conf, person_key),
		.help = "key of the hashes that stand for persons' numbers; absent: made once, kept in data_dir"},
};
const struct settings settings_root = {
	.name = "the configuration", TABLE(root_settings), .struct_bytes = sizeof(struct conf)};
