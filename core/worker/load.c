/*
 * load.c: see load.h.
 *
 * The file is copied into sealed memory first. So the bytes that were checked are the bytes that run, an operator may
 * overwrite the file under a running worker, and the worker's own uid needs no right on the operator's folders.
 */
#include "worker/load.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/note.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define OPTIONS_MAX 256
#define STATE_BYTES_MAX ((uint32_t)1024 * 1024)

static int make_memory_file(void)
{
	int fd = memfd_create("plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd == -1 && errno == EINVAL) /* before Linux 6.3 every memfd may be executed */
		fd = memfd_create("plugin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int copy_sealed(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int to = make_memory_file();
	struct stat status;
	ssize_t moved;

	if (from == -1 || to == -1 || fstat(from, &status) == -1)
		goto failed;
	for (off_t left = status.st_size; left > 0;) {
		moved = sendfile(to, from, NULL, (size_t)left);
		if (moved == -1 && errno == EINTR)
			continue;
		if (moved == 0)
			errno = ESTALE; /* shorter than it was a moment ago */
		if (moved <= 0)
			goto failed;
		left -= moved;
	}
	if (fcntl(to, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1)
		goto failed;
	close(from);
	return to;
failed:
	if (from != -1)
		close(from);
	if (to != -1)
		close(to);
	return -1;
}

enum ep_status plugin_fetch(struct plugin_file *file, const char *path, struct error *error)
{
	enum ep_status status;

	memset(file, 0, sizeof(*file));
	file->fd = -1;
	file->path = path;
	status = note_read(path, &file->note, error); /* with the path that people know in its text */
	if (status != EP_OK)
		return status;
	file->fd = copy_sealed(path);
	if (file->fd == -1)
		return error_set_errno(error, EP_ERR_PLUGIN_LOAD, "%s can't be read", path);
	snprintf(file->load_path, sizeof(file->load_path), "/proc/self/fd/%d", file->fd);
	if (access(file->load_path, R_OK) == -1)
		file->load_path[0] = '\0'; /* no /proc: the path itself must do */
	path = file->load_path[0] ? file->load_path : path;
	status = note_read(path, &file->note, error);
	if (status == EP_OK)
		status = note_build_id(path, &file->build, error);
	return status;
}

#define REFUSE(code, ...) error_set(error, EP_BAD_CONFIG, code, __VA_ARGS__)

/* What ep_plugin_v1() gave against what the note promised: the core decided by the note. */
static enum ep_status check(const struct plugin_file *file, struct error *error)
{
	const struct ep_plugin *plugin = &file->plugin;
	const struct ep_note *note = &file->note;
	const char *path = file->path;

	if (plugin->abi_major != EP_ABI_MAJOR || plugin->abi_minor > EP_ABI_MINOR)
		return REFUSE(EP_ERR_PLUGIN_ABI, "%s: plugin '%s' %s has interface %u.%u, this gateway has %d.%d", path,
			note->name, note->version, plugin->abi_major, plugin->abi_minor, EP_ABI_MAJOR, EP_ABI_MINOR);
	if (!plugin->name || strcmp(plugin->name, note->name) != 0)
		return REFUSE(EP_ERR_PLUGIN_NOTE, "%s: field name: the note says '%s', ep_plugin_v1() says '%.64s'",
			path, note->name, plugin->name ? plugin->name : "");
	if (!plugin->version || strcmp(plugin->version, note->version) != 0)
		return REFUSE(EP_ERR_PLUGIN_NOTE,
			"%s: plugin '%s', field version: the note says %s, ep_plugin_v1() says '%.64s'", path,
			note->name, note->version, plugin->version ? plugin->version : "");
	if (plugin->kind != note->kind || plugin->flags != note->flags)
		return REFUSE(EP_ERR_PLUGIN_NOTE,
			"%s: plugin '%s' %s, field %s: the note says %u, ep_plugin_v1() says %u", path, note->name,
			note->version, plugin->kind != note->kind ? "kind" : "flags",
			plugin->kind != note->kind ? note->kind : note->flags,
			plugin->kind != note->kind ? plugin->kind : plugin->flags);
	if (!plugin->parse)
		return REFUSE(EP_ERR_PLUGIN_LOAD, "%s: plugin '%s' %s, field parse: missing", path, note->name,
			note->version);
	if (plugin->option_count > OPTIONS_MAX || (plugin->option_count > 0 && !plugin->options))
		return REFUSE(EP_ERR_PLUGIN_LOAD, "%s: plugin '%s' %s, field option_count: %u, at most %d", path,
			note->name, note->version, plugin->option_count, OPTIONS_MAX);
	if (plugin->state_size > STATE_BYTES_MAX)
		return REFUSE(EP_ERR_PLUGIN_LOAD, "%s: plugin '%s' %s, field state_size: %u, at most %u", path,
			note->name, note->version, plugin->state_size, STATE_BYTES_MAX);
	return EP_OK;
}

enum ep_status plugin_load(struct plugin_file *file, struct error *error)
{
	void *library = dlopen(file->load_path[0] ? file->load_path : file->path, RTLD_NOW | RTLD_LOCAL);
	const struct ep_plugin *(*entry)(void);
	const struct ep_plugin *given;

	if (!library)
		return REFUSE(EP_ERR_PLUGIN_LOAD, "%s: plugin '%s' %s: %s", file->path, file->note.name,
			file->note.version, dlerror());
	*(void **)&entry = dlsym(library, "ep_plugin_v1");
	given = entry ? entry() : NULL;
	if (!given)
		return REFUSE(EP_ERR_PLUGIN_LOAD, "%s: plugin '%s' %s: ep_plugin_v1() is missing or gives nothing",
			file->path, file->note.name, file->note.version);
	if (given->size < offsetof(struct ep_plugin, parse) + sizeof(given->parse))
		return REFUSE(EP_ERR_PLUGIN_ABI, "%s: plugin '%s' %s, field size: %u is too small for interface %d.%d",
			file->path, file->note.name, file->note.version, given->size, EP_ABI_MAJOR, EP_ABI_MINOR);
	memset(&file->plugin, 0, sizeof(file->plugin));
	memcpy(&file->plugin, given, given->size < sizeof(file->plugin) ? given->size : sizeof(file->plugin));
	close(file->fd);
	file->fd = -1;
	return check(file, error);
}
