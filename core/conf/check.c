/*
 * check.c: what a table can't say of a configuration: what must be unique, what names something else in the file, what
 * needs or excludes something else. Runs after everything was read; whatever wasn't readable is left out here.
 */
#include "conf/setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/note.h"

static const config_setting_t *element_of(const config_setting_t *root, const char *list, size_t index)
{
	const config_setting_t *at = config_setting_get_member(root, list);

	return at ? config_setting_get_elem(at, (unsigned)index) : NULL;
}

/* The setting itself, or the group if it isn't given: the best line there is. */
static const config_setting_t *place_of(const config_setting_t *group, const char *name)
{
	const config_setting_t *at = config_setting_get_member(group, name);

	return at ? at : group;
}

static void check_readable(struct reader *reader, const config_setting_t *at, const char *what, const char *path)
{
	if (path && access(path, R_OK) == -1)
		reader_complain(reader, at, "%s: %s: %s", what, path, strerror(errno));
}

static void check_listener(
	struct reader *reader, const config_setting_t *group, const struct conf *conf, struct conf_listener *listener)
{
	const config_setting_t *tls = config_setting_get_member(group, "tls");

	listener->has_tls = tls && config_setting_is_group(tls);
	if (listener->has_tls) {
		check_readable(reader, place_of(tls, "certificate"), "certificate", listener->tls.certificate);
		check_readable(reader, place_of(tls, "key"), "key", listener->tls.key);
		check_readable(reader, place_of(tls, "client_ca"), "client_ca", listener->tls.client_ca);
	}
	if (!listener->address)
		return;
	if (!address_check(listener->address, &listener->loopback)) {
		reader_complain(reader, place_of(group, "address"),
			"address is \"%s\" (accepted: a numeric address and a port, such as \"127.0.0.1:8080\" or "
			"\"[::1]:8080\")",
			listener->address);
		return;
	}
	if (!listener->loopback && !listener->has_tls)
		reader_warn(reader, group,
			"listener %s takes messages and secrets in clear from the network: tls is missing",
			listener->address);
	for (const struct conf_listener *other = conf->listeners; other < listener; other++)
		if (other->address && strcmp(other->address, listener->address) == 0 &&
			strcmp(strrchr(other->address, ':'), ":0") != 0)
			reader_complain(reader, place_of(group, "address"),
				"address %s is listened on already (line %d)", listener->address, other->line);
}

static void check_admin(struct reader *reader, const config_setting_t *root, struct conf *conf)
{
	const config_setting_t *group = config_setting_get_member(root, "admin");
	const char *socket = conf->admin_socket;
	bool loopback;

	if (socket && socket[0] != '/' && conf->data_dir) {
		size_t size = strlen(conf->data_dir) + strlen(socket) + 2;
		char *path = arena_alloc(reader->memory, size);

		if (path)
			snprintf(path, size, "%s/%s", conf->data_dir, socket);
		conf->admin_socket = path;
	}
	if (!conf->admin_address)
		return;
	if (!address_check(conf->admin_address, &loopback) || !loopback)
		reader_complain(reader, place_of(group, "address"),
			"address is \"%s\" (accepted: a numeric loopback address and a port, such as "
			"\"127.0.0.1:9090\")",
			conf->admin_address);
	if (!config_setting_get_member(group, "token"))
		reader_complain(reader, group, "token is missing in admin: address needs it");
}

static void check_drop(
	struct reader *reader, const config_setting_t *group, const struct conf *conf, const struct conf_source *source)
{
	struct stat status, other_status;
	bool exists;

	if (!source->drop_directory)
		return;
	exists = stat(source->drop_directory, &status) == 0;
	if (exists && !S_ISDIR(status.st_mode))
		reader_complain(reader, group, "drop: %s is not a folder", source->drop_directory);
	for (const struct conf_source *other = conf->sources; other < source; other++) {
		bool same = other->drop_directory && strcmp(other->drop_directory, source->drop_directory) == 0;

		if (!same && other->drop_directory && exists && stat(other->drop_directory, &other_status) == 0)
			same = status.st_dev == other_status.st_dev && status.st_ino == other_status.st_ino;
		if (same)
			reader_complain(reader, group, "drop: %s is the folder of source %s already (line %d)",
				source->drop_directory, other->name ? other->name : "?", other->line);
	}
}

static void find_plugin(
	struct reader *reader, const config_setting_t *group, const struct conf *conf, struct conf_source *source)
{
	const config_setting_t *at = place_of(group, "plugin");
	char path[4096];
	const char *plugin = source->plugin;
	struct error error;

	if (plugin && strchr(plugin, '/'))
		plugin = reader_path(reader, plugin);
	if (!plugin)
		return;
	if (plugin_file_find(conf->plugin_dir, plugin, path, sizeof(path), &error) != EP_OK ||
		note_read(path, &source->note, &error) != EP_OK) {
		reader_complain(reader, at, "plugin: %s", error.text);
		return;
	}
	source->plugin_path = reader_copy(reader, ep_slice_of(path));
}

/* Whether two equal messages are one is a question of what the partner means: where it isn't known, it is asked. */
static void resolve_dedupe(struct reader *reader, const config_setting_t *group, struct conf_source *source)
{
	bool names_id = source->verify.event_id_header || source->verify.event_id_path;

	if (source->dedupe == CONF_DEDUPE_EVENT_ID && !names_id)
		reader_complain(reader, place_of(group, "dedupe"),
			"dedupe is \"event-id\", but verify names none: event_id_header or event_id_member is missing "
			"(accepted without: digest, off)");
	if (source->dedupe != CONF_DEDUPE_DEFAULT)
		return;
	if (!names_id && (source->note.flags & EP_REPEATS_MEANINGFUL))
		reader_complain(reader, group,
			"dedupe is missing: equal messages of plugin %s may be meant (a stock level 5, 4, 5), so it "
			"has to be "
			"written out (accepted: %sdigest, off)",
			source->note.name, names_id ? "event-id, " : "");
	source->dedupe = names_id ? CONF_DEDUPE_EVENT_ID : CONF_DEDUPE_DIGEST;
}

static const struct conf_listener *open_listener(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++)
		if (conf->listeners[i].address && !conf->listeners[i].loopback)
			return &conf->listeners[i];
	return NULL;
}

static void check_source(
	struct reader *reader, const config_setting_t *group, const struct conf *conf, struct conf_source *source)
{
	const config_setting_t *verify = config_setting_get_member(group, "verify");
	const struct conf_listener *open = open_listener(conf);

	for (const struct conf_source *other = conf->sources; source->name && other < source; other++)
		if (other->name && strcmp(other->name, source->name) == 0)
			reader_complain(reader, place_of(group, "name"), "source %s exists already (line %d)",
				source->name, other->line);
	find_plugin(reader, group, conf, source);
	check_drop(reader, group, conf, source);
	if (!verify || !config_setting_is_group(verify) || !source->verify.preset)
		return;
	verify_resolve(reader, verify, &source->verify);
	if (source->verify.scheme == CONF_VERIFY_NONE && open)
		reader_complain(reader, place_of(verify, "scheme"),
			"scheme none: anyone could post to %s, for listener %s (line %d) isn't loopback (accepted: "
			"bearer, basic, "
			"hmac, shopify, stripe)",
			source->name ? source->name : "this source", open->address, open->line);
	resolve_dedupe(reader, group, source);
}

static void check_url(struct reader *reader, const config_setting_t *group, const char *url)
{
	const config_setting_t *at = place_of(group, "url");
	const char *host = strncmp(url, "http://", 7) == 0    ? url + 7
			   : strncmp(url, "https://", 8) == 0 ? url + 8
							      : NULL;
	size_t length;

	if (!host || host[0] == '\0' || host[0] == '/' || host[0] == ':') {
		reader_complain(reader, at,
			"url has no host that HTTP can reach (accepted: http://HOST... or https://HOST...)");
		return;
	}
	length = strcspn(host, "/?#");
	if (memchr(host, '@', length))
		reader_complain(reader, at, "url holds a user or password: secrets don't stand in the configuration");
	for (const char *byte = url; *byte; byte++) {
		if (*byte > ' ' && *byte < 127)
			continue;
		reader_complain(reader, at, "url has a blank, a control character or one that isn't ASCII at byte %zu",
			(size_t)(byte - url));
		break;
	}
}

static const char *source_name(const void *argument, size_t index)
{
	return ((const struct conf *)argument)->sources[index].name;
}

static void check_destination_sources(struct reader *reader, const config_setting_t *group, const struct conf *conf,
	const struct conf_destination *destination)
{
	for (size_t i = 0; i < destination->source_count; i++) {
		const char *name = destination->sources[i];
		const char *nearest;

		if (!name || conf_source_find(conf, ep_slice_of(name)))
			continue;
		nearest = nearest_name(name, source_name, conf, conf->source_count);
		reader_complain(reader, place_of(group, "sources"), "sources has \"%s\", which is no source%s%s%s",
			name, nearest ? " (nearest: \"" : "", nearest ? nearest : "", nearest ? "\")" : "");
	}
}

/* Settings of the other transport would be passed over without a word. */
static void check_transport(
	struct reader *reader, const config_setting_t *group, const struct conf_destination *destination)
{
	static const char *const of_http[] = {"url", "timeout", "connections", NULL};
	static const char *const of_file[] = {"path", "rotate_bytes", NULL};
	const char *const *foreign = destination->transport == CONF_HTTP ? of_file : of_http;
	const char *name = destination->transport == CONF_HTTP ? "http" : "file";

	for (; *foreign; foreign++)
		if (config_setting_get_member(group, *foreign))
			reader_complain(reader, place_of(group, *foreign), "%s has no meaning with transport %s",
				*foreign, name);
	if (destination->transport == CONF_HTTP && !config_setting_get_member(group, "url"))
		reader_complain(reader, group, "url is missing: transport http needs it");
	if (destination->transport == CONF_FILE && !config_setting_get_member(group, "path"))
		reader_complain(reader, group, "path is missing: transport file needs it");
}

/* Of "a/b" and "a/b/" that is "a/". */
static void folder_of(const char *path, char *folder, size_t size)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 0 && path[length - 1] != '/')
		length--;
	snprintf(folder, size, "%.*s", length ? (int)length : 1, length ? path : ".");
}

/* The folder of what is written must be there: run would not start without it. */
static void check_folder(struct reader *reader, const config_setting_t *group, const char *name, const char *path)
{
	char folder[4096];

	folder_of(path, folder, sizeof(folder));
	if (access(folder, W_OK | X_OK) == -1)
		reader_complain(reader, place_of(group, name), "%s: folder %s: %s", name, folder, strerror(errno));
}

/* Two names of one file: "out" and "./out". */
static bool is_same_file(const char *a, const char *b)
{
	const char *a_slash = strrchr(a, '/'), *b_slash = strrchr(b, '/');
	struct stat a_status, b_status;
	char folder[4096];

	if (strcmp(a_slash ? a_slash + 1 : a, b_slash ? b_slash + 1 : b) != 0)
		return false;
	folder_of(a, folder, sizeof(folder));
	if (stat(folder, &a_status) == -1)
		return strcmp(a, b) == 0;
	folder_of(b, folder, sizeof(folder));
	return stat(folder, &b_status) == 0 && a_status.st_dev == b_status.st_dev && a_status.st_ino == b_status.st_ino;
}

static void check_file(struct reader *reader, const config_setting_t *group, const char *path)
{
	struct stat status;

	check_folder(reader, group, "path", path);
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		reader_complain(reader, place_of(group, "path"), "path: %s is a folder", path);
}

/* Made by run if only its last part is missing. */
static void check_data_dir(struct reader *reader, const config_setting_t *root, const char *path)
{
	struct stat status;

	if (stat(path, &status) == -1)
		check_folder(reader, root, "data_dir", path);
	else if (!S_ISDIR(status.st_mode))
		reader_complain(reader, place_of(root, "data_dir"), "data_dir: %s is not a folder", path);
	else if (access(path, W_OK | X_OK) == -1)
		reader_complain(reader, place_of(root, "data_dir"), "data_dir: %s: %s", path, strerror(errno));
}

static void check_destination(struct reader *reader, const config_setting_t *group, const struct conf *conf,
	const struct conf_destination *destination)
{
	const config_setting_t *retry = config_setting_get_member(group, "retry");
	const config_setting_t *transport = config_setting_get_member(group, "transport");

	for (const struct conf_destination *other = conf->destinations; other < destination; other++) {
		if (destination->name && other->name && strcmp(other->name, destination->name) == 0)
			reader_complain(reader, place_of(group, "name"), "destination %s exists already (line %d)",
				destination->name, other->line);
		if (destination->path && other->path && is_same_file(other->path, destination->path))
			reader_complain(reader, place_of(group, "path"),
				"path %s is that of destination %s already (line %d)", destination->path,
				other->name ? other->name : "?", other->line);
	}
	if (transport && config_setting_type(transport) == CONFIG_TYPE_STRING &&
		strcmp(config_setting_get_string(transport), destination->transport == CONF_HTTP ? "http" : "file") ==
			0)
		check_transport(reader, group, destination);
	if (destination->url)
		check_url(reader, group, destination->url);
	if (destination->path)
		check_file(reader, group, destination->path);
	if (destination->retry_first_ns > destination->retry_max_ns)
		reader_complain(reader, retry ? retry : group, "retry: first is longer than max");
	check_destination_sources(reader, group, conf, destination);
}

void conf_check(struct reader *reader, const config_setting_t *root, struct conf *conf)
{
	if (conf->data_dir && conf->data_dir[0])
		check_data_dir(reader, root, conf->data_dir);
	for (size_t i = 0; i < conf->listener_count; i++) {
		const config_setting_t *group = element_of(root, "listeners", i);

		if (config_setting_is_group(group))
			check_listener(reader, group, conf, &conf->listeners[i]);
	}
	if (config_setting_get_member(root, "admin") || conf->admin_socket)
		check_admin(reader, root, conf);
	for (size_t i = 0; i < conf->source_count; i++) {
		const config_setting_t *group = element_of(root, "sources", i);

		if (config_setting_is_group(group))
			check_source(reader, group, conf, &conf->sources[i]);
	}
	for (size_t i = 0; i < conf->destination_count; i++) {
		const config_setting_t *group = element_of(root, "destinations", i);

		if (config_setting_is_group(group))
			check_destination(reader, group, conf, &conf->destinations[i]);
	}
}
