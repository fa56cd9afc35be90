/* reference.c: the tables as Markdown: one section a group, one row a setting. */
#include "conf/setting.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 4

static const char *const type_names[] = {[SETTING_TEXT] = "text",
	[SETTING_WORD] = "one of",
	[SETTING_CHOICE] = "one of",
	[SETTING_NAME] = "name",
	[SETTING_PATH] = "path",
	[SETTING_SIZE] = "size",
	[SETTING_DURATION] = "duration",
	[SETTING_INTEGER] = "number",
	[SETTING_BOOL] = "true or false",
	[SETTING_SECRET] = "secret",
	[SETTING_TEXTS] = "list of texts",
	[SETTING_RECORDS] = "list of record types",
	[SETTING_OPTIONS] = "group",
	[SETTING_GROUP] = "group",
	[SETTING_GROUPS] = "list of groups"};

static void write_type(const struct setting *setting, struct buffer *out)
{
	char least[32], most[32];

	(void)buffer_append_format(out, "%s", type_names[setting->type]);
	if (setting->choices) {
		(void)buffer_append_byte(out, ' ');
		for (const char *at = setting->choices; *at; at++) {
			if (*at == '|')
				(void)buffer_append_string(out, ", ");
			else
				(void)buffer_append_byte(out, *at);
		}
	}
	if (setting->type == SETTING_SIZE || setting->type == SETTING_DURATION || setting->type == SETTING_INTEGER) {
		setting_format(setting, setting->min, least, sizeof(least));
		setting_format(setting, setting->max, most, sizeof(most));
		(void)buffer_append_format(out, ", %s to %s", least, most);
	}
}

static void write_table(const struct settings *table, const char *path, unsigned depth, struct buffer *out)
{
	(void)buffer_append_format(out, "\n## %s\n\n| setting | type | default | meaning |\n|---|---|---|---|\n",
		path[0] ? path : "The file");
	for (size_t i = 0; i < table->count; i++) {
		const struct setting *setting = &table->list[i];

		(void)buffer_append_format(out, "| `%s` | ", setting->name);
		write_type(setting, out);
		(void)buffer_append_format(out, " | %s%s%s | %s |\n", setting->fallback ? "`" : "",
			setting->required   ? "*required*"
			: setting->fallback ? setting->fallback
					    : "",
			setting->fallback ? "`" : "", setting->help);
	}
	for (size_t i = 0; i < table->count && depth < DEPTH_MAX; i++) {
		char name[200];

		if (!table->list[i].group)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", path, path[0] ? "." : "", table->list[i].name);
		write_table(table->list[i].group, name, depth + 1, out);
	}
}

enum ep_status conf_write_reference(struct buffer *out)
{
	(void)buffer_append_string(out,
		"# Settings\n\n"
		"The file is read by libconfig. Sizes are texts with a unit (`B kB MB GB KiB MiB GiB TiB`), so are "
		"durations\n"
		"(`us ms s m h d`, as in `\"1h30m\"`). Paths are relative to the main file. A secret is a reference: "
		"`env:NAME`, or\n"
		"`file:PATH` of a file that nobody else may read, of which one line end is dropped.\n");
	write_table(&settings_root, "", 0, out);
	return out->failed;
}
