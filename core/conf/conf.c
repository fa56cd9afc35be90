/*
 * conf.c: loads a configuration: scan the text, parse it, read the tables, check what remains, and tell everything that
 * is wrong at once. Only a syntax error hides what comes after it: libconfig stops there.
 */
#include "conf/setting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CONF_MEMORY_MAX ((size_t)64 * 1024 * 1024)

static const struct {
	const char *name;
	uint32_t number;
} record_types[] = {
#define RECORD_TYPE(number, name) {name, number},
	EP_EACH_RECORD(RECORD_TYPE)
#undef RECORD_TYPE
};

const char *record_type_name(const void *unused, size_t index)
{
	(void)unused;
	return record_types[index].name;
}

size_t record_type_count(void)
{
	return sizeof(record_types) / sizeof(record_types[0]);
}

uint32_t record_type_number(const char *name)
{
	for (size_t i = 0; i < record_type_count(); i++)
		if (strcmp(record_types[i].name, name) == 0)
			return record_types[i].number;
	return 0;
}

/* The folder of a file, owned; "" for the current one. */
static char *folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		return strdup("");
	if (slash == file)
		return strdup("/.");
	return strndup(file, (size_t)(slash - file));
}

static bool parse(struct reader *reader, config_t *config, const char *text)
{
	const char *file;

	/* names in @include are relative to the main file, like all paths */
	config_set_include_dir(config, reader->folder[0] ? reader->folder : ".");
	if (config_read_string(config, text) == CONFIG_TRUE)
		return true;
	file = config_error_file(config);
	reader_complain_line(reader, file ? file : reader->file, (unsigned)config_error_line(config),
		"%s here or just before; what comes after it was not looked at", config_error_text(config));
	return false;
}

static void load(struct reader *reader, struct conf *conf)
{
	config_t config;
	size_t length;
	char *text = text_load(reader->file, &length);

	if (!text) {
		reader_complain(reader, NULL, "%s", strerror(errno));
		return;
	}
	config_init(&config);
	scan_text(reader, reader->file, ep_slice_make(text, length), 0);
	if (utf8_valid_until(ep_slice_make(text, length)) == length && strlen(text) == length &&
		parse(reader, &config, text)) {
		const config_setting_t *root = config_root_setting(&config);

		settings_read(reader, &settings_root, root, conf);
		conf_check(reader, root, conf);
	}
	config_destroy(&config);
	explicit_bzero(text, length); /* in case of a secret that should not be there */
	free(text);
}

static enum ep_status load_file(const char *file, bool blind, struct conf **out, struct buffer *report)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct reader reader = {.file = file, .folder = folder_of(file), .report = report, .blind = blind};

	*out = NULL;
	if (!conf || !reader.folder) {
		free(conf);
		free(reader.folder);
		return EP_NO_MEMORY;
	}
	arena_init(&conf->memory, CONF_MEMORY_MAX);
	reader.memory = &conf->memory;
	conf->file = reader_copy(&reader, ep_slice_of(file));
	load(&reader, conf);
	if (reader.errors > CONF_ERRORS_MAX)
		(void)buffer_append_format(report, "%s: %zu more errors\n", file, reader.errors - CONF_ERRORS_MAX);
	free(reader.folder);
	if (reader.errors) {
		conf_free(conf);
		return EP_BAD_CONFIG;
	}
	*out = conf;
	return EP_OK;
}

enum ep_status conf_load(const char *file, struct conf **conf, struct buffer *report)
{
	return load_file(file, false, conf, report);
}

enum ep_status conf_load_blind(const char *file, struct conf **conf, struct buffer *report)
{
	return load_file(file, true, conf, report);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->source_count; i++) {
		secret_wipe(&conf->sources[i].verify.secret);
		secret_wipe(&conf->sources[i].verify.second);
		secret_wipe(&conf->sources[i].status_token);
	}
	secret_wipe(&conf->person_key);
	secret_wipe(&conf->admin_token);
	arena_free(&conf->memory);
	free(conf);
}

const struct conf_source *conf_source_find(const struct conf *conf, struct ep_slice name)
{
	for (size_t i = 0; i < conf->source_count; i++)
		if (conf->sources[i].name && ep_slice_equal(ep_slice_of(conf->sources[i].name), name))
			return &conf->sources[i];
	return NULL;
}
