/*
 * plugin_file.c: from a plugin's name to its file. A name with a slash is a path; any other is looked up in plugin_dir,
 * or, where none is configured, beside the executable and then where it is installed.
 */
#include "conf/setting.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/disk.h"

#ifndef INSTALLED_PLUGIN_DIR
#define INSTALLED_PLUGIN_DIR "/usr/local/lib/entrepot/plugins"
#endif

#define NAMES_MAX 256

bool plugin_folder(const char *plugin_dir, size_t index, char *path, size_t path_size)
{
	char program[4096];
	ssize_t length;
	char *slash;
	int used;

	if (plugin_dir || index > 1) {
		used = plugin_dir && index == 0 ? snprintf(path, path_size, "%s", plugin_dir) : -1;
		return used >= 0 && (size_t)used < path_size;
	}
	if (index == 1) {
		used = snprintf(path, path_size, "%s", INSTALLED_PLUGIN_DIR);
		return used >= 0 && (size_t)used < path_size;
	}
	length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length == -1)
		length = 0; /* no /proc: the folder is searched from where we stand */
	program[length] = '\0';
	slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	used = snprintf(path, path_size, "%s%splugins", program, slash ? "/" : "");
	return used >= 0 && (size_t)used < path_size;
}

struct names {
	char list[NAMES_MAX][40];
	size_t count;
};

static int collect(void *argument, const char *name)
{
	struct names *names = argument;
	size_t length = strlen(name);

	if (length > 3 && length - 3 < sizeof(names->list[0]) && strcmp(name + length - 3, ".so") == 0)
		snprintf(names->list[names->count++], sizeof(names->list[0]), "%.*s", (int)(length - 3), name);
	return names->count == NAMES_MAX;
}

static const char *collected(const void *argument, size_t index)
{
	return ((const struct names *)argument)->list[index];
}

static enum ep_status not_found(const char *plugin_dir, const char *plugin, struct error *error)
{
	struct names names = {.count = 0};
	char folder[4096], searched[600];
	const char *nearest;
	size_t used = 0;

	for (size_t i = 0; plugin_folder(plugin_dir, i, folder, sizeof(folder)); i++) {
		(void)disk_list(folder, collect, &names); /* one that isn't there has no names */
		if (used < sizeof(searched))
			used += (size_t)snprintf(
				searched + used, sizeof(searched) - used, "%s%s", i ? ", " : "", folder);
	}
	nearest = nearest_name(plugin, collected, &names, names.count);
	return error_set(error, EP_BAD_CONFIG, EP_ERR_PLUGIN_MISSING, "no plugin \"%s\" in %s%s%s%s", plugin, searched,
		nearest ? " (nearest: \"" : "", nearest ? nearest : "", nearest ? "\")" : "");
}

enum ep_status plugin_file_find(
	const char *plugin_dir, const char *plugin, char *path, size_t path_size, struct error *error)
{
	char folder[4096];
	int used;

	if (strchr(plugin, '/')) {
		used = snprintf(path, path_size, "%s", plugin);
		if (used < 0 || (size_t)used >= path_size)
			return error_set(
				error, EP_BAD_CONFIG, EP_ERR_PLUGIN_MISSING, "the path of a plugin is too long");
		if (access(path, R_OK) == -1) {
			error_set_errno(error, EP_ERR_PLUGIN_MISSING, "%s", plugin);
			return EP_BAD_CONFIG;
		}
		return EP_OK;
	}
	for (size_t i = 0; plugin_folder(plugin_dir, i, folder, sizeof(folder)); i++) {
		used = snprintf(path, path_size, "%s/%s.so", folder, plugin);
		if (used > 0 && (size_t)used < path_size && access(path, R_OK) == 0)
			return EP_OK;
	}
	return not_found(plugin_dir, plugin, error);
}
