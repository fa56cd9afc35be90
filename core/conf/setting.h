/*
 * setting.h: how a setting is declared, and what reads the declarations. Inside core/conf only.
 *
 * A table describes one group of the file. Everything that is known of a setting stands in its line of the table:
 * reading, defaults, ranges, errors, the nearest known name and the reference in docs all come from there.
 */
#ifndef CONF_SETTING_H
#define CONF_SETTING_H

#include <libconfig.h>

#include "conf/conf.h"

enum setting_type {
	SETTING_TEXT = 1,
	SETTING_WORD,     /* one of `choices`, kept as text */
	SETTING_CHOICE,   /* one of `choices`, kept as its index + min */
	SETTING_NAME,     /* [a-z][a-z0-9-]{0,39} */
	SETTING_PATH,     /* made relative to the main file's folder */
	SETTING_SIZE,     /* bytes, int64_t */
	SETTING_DURATION, /* nanoseconds, int64_t */
	SETTING_INTEGER,  /* int64_t */
	SETTING_BOOL,
	SETTING_SECRET,  /* struct conf_secret, by reference */
	SETTING_TEXTS,   /* const char ** and a size_t */
	SETTING_RECORDS, /* names of record types: uint32_t * and a size_t */
	SETTING_OPTIONS, /* struct conf_option * and a size_t: any names, not known here */
	SETTING_GROUP,   /* another table, filling the same struct from `offset` on */
	SETTING_GROUPS   /* a list of structs of another table, and a size_t */
};

struct setting {
	const char *name;
	enum setting_type type;
	bool required;
	size_t offset;        /* of the value, in the struct that the table fills */
	size_t count_offset;  /* of the number of elements */
	const char *fallback; /* as written in the file, without quotes; NULL: none */
	const char *choices;  /* "a|b|c" */
	int64_t min, max; /* of the value (sizes in bytes, durations in nanoseconds), or of the number of elements */
	const struct settings *group;
	const char *help;
};

struct settings {
	const char *name; /* "a source": for texts */
	const struct setting *list;
	size_t count;
	size_t struct_bytes; /* of one element, for SETTING_GROUPS */
	size_t line_offset;  /* of an int that gets the element's line; 0: none */
};

extern const struct settings settings_root;

/* Names of record types, for texts and the nearest one. */
const char *record_type_name(const void *unused, size_t index);
size_t record_type_count(void);
uint32_t record_type_number(const char *name); /* 0: none */

#define CONF_FILE_BYTES_MAX ((size_t)1024 * 1024)
#define CONF_ERRORS_MAX 100  /* shown; the rest is counted */
#define CONF_OPTIONS_MAX 200 /* of one source */
#define CONF_OPTION_DEPTH_MAX 8

/* One load. */
struct reader {
	const char *file; /* as given */
	char *folder;     /* of the file, owned; "" for the current one */
	struct arena *memory;
	struct buffer *report;
	size_t errors;
	bool blind; /* secrets stay references: for commands that need none */
};

/* "FILE:LINE: text" into the report, and counts it. `at` may be NULL: no line. */
__attribute__((format(printf, 3, 4))) void reader_complain(
	struct reader *reader, const config_setting_t *at, const char *format, ...);
__attribute__((format(printf, 4, 5))) void reader_complain_line(
	struct reader *reader, const char *file, unsigned line, const char *format, ...);
__attribute__((format(printf, 3, 4))) void reader_warn(
	struct reader *reader, const config_setting_t *at, const char *format, ...);
/* A copy in the configuration's memory; NULL, with a complaint, when that is used up. */
char *reader_copy(struct reader *reader, struct ep_slice text);
/* Relative paths from the file's folder on. */
const char *reader_path(struct reader *reader, const char *path);

/* The closest of `count` names, if it is close enough to be meant; NULL otherwise. */
const char *nearest_name(
	const char *name, const char *(*list)(const void *argument, size_t index), const void *argument, size_t count);
/* The same for "a|b|c"; the text is put into `out`. */
const char *nearest_choice(const char *name, const char *choices, char *out, size_t out_size);

/* A value as a person writes it: "64MiB", "1m". */
void setting_format(const struct setting *setting, int64_t value, char *out, size_t size);

/* scan.c: a file's bytes with a NUL behind them, at most CONF_FILE_BYTES_MAX; NULL with errno. Owned by the caller. */
char *text_load(const char *path, size_t *length);
/* What libconfig lets pass: numbers too large for their type, bytes that no text has. Follows @include. */
void scan_text(struct reader *reader, const char *file, struct ep_slice text, unsigned depth);

/* secret.c */
bool secret_read(struct reader *reader, const config_setting_t *at, const char *name, const char *reference,
	struct conf_secret *secret);
void secret_wipe(struct conf_secret *secret);

/* read.c: fills `base` from `group` (NULL: the defaults only). */
void settings_read(struct reader *reader, const struct settings *table, const config_setting_t *group, void *base);

/* verify.c, check.c: what a table can't say. */
void verify_resolve(struct reader *reader, const config_setting_t *group, struct conf_verify *verify);
void conf_check(struct reader *reader, const config_setting_t *root, struct conf *conf);
/* address.c: "HOST:PORT", numeric. */
bool address_check(const char *address, bool *loopback);

#endif
