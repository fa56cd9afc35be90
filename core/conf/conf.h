/*
 * conf.h: the configuration file, checked and typed. Every setting is declared once, in a table (name, type, default,
 * range, help), from which parsing, defaults, errors and the reference in docs come.
 *
 * conf_load() reports all semantic errors at once, each as "FILE:LINE: text (nearest known name, accepted values)".
 * Relative paths are made relative to the file's folder. Sizes are bytes, durations nanoseconds.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"

/* A secret read through its reference (env:NAME, file:PATH). Wiped by conf_free(); never printed. */
struct conf_secret {
	char *data; /* owned, followed by a NUL */
	size_t length;
};

struct conf_tls {
	const char *certificate; /* PEM, chain included */
	const char *key;
	const char *client_ca; /* NULL: clients are not asked for a certificate */
};

struct conf_listener {
	const char *address; /* "127.0.0.1:8080", "[::1]:0": port 0 takes a free one */
	bool loopback;
	bool has_tls;
	struct conf_tls tls;
	int line;
};

enum conf_scheme { CONF_VERIFY_NONE, CONF_VERIFY_BEARER, CONF_VERIFY_BASIC, CONF_VERIFY_HMAC };
enum conf_encoding { CONF_HEX, CONF_BASE64 };
enum conf_algorithm { CONF_SHA256, CONF_SHA1, CONF_SHA512 };
enum conf_dedupe { CONF_DEDUPE_DEFAULT, CONF_DEDUPE_EVENT_ID, CONF_DEDUPE_DIGEST, CONF_DEDUPE_OFF };
enum conf_on_bad_record { CONF_REJECT_RECORD, CONF_REJECT_MESSAGE };

/* A preset (shopify, stripe) is resolved to `hmac` with everything filled in; a preset can be adjusted by the other settings. */
struct conf_verify {
	enum conf_scheme scheme;
	const char *preset; /* as written: "shopify"; the scheme's own name otherwise */
	enum conf_algorithm algorithm;
	enum conf_encoding encoding;
	const char *header;           /* that carries the signature, lower case */
	const char *signature_prefix; /* e.g. "sha256=", or "v1=" for a list "t=...,v1=..."; "" for none */
	bool signature_list; /* comma-separated name=value list, as Stripe's; the prefix is the member's name and "=" */
	const char *signed_text;      /* template: {timestamp} {body} {url} and literal text */
	const char *timestamp_header; /* NULL: none; with signature_list the list's "t" */
	const char *event_id_header;  /* header with the provider's event id; NULL: none */
	const char *event_id_path;    /* or a JSON member of the body, such as "id"; NULL: none */
	int64_t tolerance_ns;         /* how far the timestamp may be off; 0: not checked */
	struct conf_secret secret;    /* basic: user:password */
	struct conf_secret second;    /* secret_next: also accepted, for rotation; empty: none */
};

struct conf_option {
	const char *name; /* nested groups are joined by dots */
	const char *value;
};

struct conf_source {
	const char *name;
	const char *title;
	const char *plugin;      /* as written: a name, or a path with a slash */
	const char *plugin_path; /* the file */
	struct conf_verify verify;
	const char *drop_directory; /* NULL: none */
	int64_t drop_stable_for_ns; /* a file that isn't renamed in counts when unchanged so long */
	struct conf_option *options;
	size_t option_count;
	enum conf_dedupe dedupe; /* resolved: never CONF_DEDUPE_DEFAULT after conf_load() */
	int64_t dedupe_window_ns;
	enum conf_on_bad_record on_bad_record;
	int64_t deadline_ns; /* of one call, for the first MiB */
	int64_t deadline_per_mib_ns;
	int64_t body_max;
	int64_t json_max;
	int64_t memory_max;              /* of the worker, bytes */
	int64_t idle_timeout_ns;         /* of the worker; 0: it stays */
	struct conf_secret status_token; /* bearer for GET of a source that signs its bodies; empty: none */
	struct ep_note note;             /* of the plugin file */
	int line;
};

enum conf_transport { CONF_HTTP, CONF_FILE };

struct conf_destination {
	const char *name;
	enum conf_transport transport;
	const char *url;
	const char *path;
	int64_t rotate_bytes; /* 0: never */
	uint32_t *types;      /* record numbers */
	size_t type_count;    /* 0: all */
	const char **sources;
	size_t source_count; /* 0: all */
	int64_t batch_records;
	int64_t batch_bytes;
	int64_t batch_linger_ns;
	int64_t retry_first_ns;
	int64_t retry_max_ns;
	int64_t parked_max;
	int64_t timeout_ns;  /* of one request */
	int64_t connections; /* requests in flight at once */
	int line;
};

struct conf {
	const char *file;
	const char *data_dir;
	const char *plugin_dir; /* NULL: beside the executable, then where it is installed */
	const char *admin_socket;
	const char *admin_address;      /* NULL: none */
	struct conf_secret admin_token; /* empty: none */
	enum log_format log_format;
	enum ep_log_level log_level;
	int64_t drain_timeout_ns;
	int64_t header_max;
	int64_t header_timeout_ns;
	int64_t body_timeout_ns; /* without any progress */
	int64_t idle_timeout_ns; /* keep-alive */
	int64_t connections_max;
	int64_t spool_max;    /* bytes of bodies not yet accepted */
	int64_t disk_reserve; /* free space below which new messages are refused */
	int64_t segment_bytes;
	int64_t retain_age_ns;         /* how long what everybody has passed is kept */
	int64_t retain_bytes;          /* and how much of it at most; 0: no bound */
	struct conf_secret person_key; /* empty: made once and kept in the data directory */
	const char **sandbox_require;  /* names of layers */
	size_t sandbox_require_count;
	struct conf_listener *listeners;
	size_t listener_count;
	struct conf_source *sources;
	size_t source_count;
	struct conf_destination *destinations;
	size_t destination_count;
	struct arena memory;
};

/* Messages about what is wrong, one a line, are appended to `report`; EP_BAD_CONFIG then. Warnings are appended too. */
EP_MUST_CHECK enum ep_status conf_load(const char *file, struct conf **conf, struct buffer *report);
/* The same without reading the secrets, which are only their references then: for commands that look at what is stored,
 * and are run where the gateway's environment isn't. */
EP_MUST_CHECK enum ep_status conf_load_blind(const char *file, struct conf **conf, struct buffer *report);
void conf_free(struct conf *conf);
/* NULL: none. */
const struct conf_source *conf_source_find(const struct conf *conf, struct ep_slice name);
/* The reference of all settings as Markdown, from the tables. */
enum ep_status conf_write_reference(struct buffer *out);

/* A plugin's file: `plugin` is a path if it has a slash, else a name that is looked up in `plugin_dir` (NULL: see above). */
EP_MUST_CHECK enum ep_status plugin_file_find(
	const char *plugin_dir, const char *plugin, char *path, size_t path_size, struct error *error);
/* Plugin folders in the order in which they are searched; false when there is no number `index`. */
bool plugin_folder(const char *plugin_dir, size_t index, char *path, size_t path_size);

#endif
