/*
 * drop.c: see drop.h. Finds files and claims them; what becomes of a claimed file is claim.c's.
 *
 * A file is ripe when it was renamed in, as inotify tells, or when its change time lies `stable_for` back: that time is
 * the kernel's, so a copy that keeps the original's modification time doesn't look old. Folders are looked through every
 * SCAN_NS as well, since inotify loses events under load and knows nothing of other machines' writes to a network disk.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include <entrepot/helpers.h>

#include "base/clock.h"
#include "intake/claim.h"
#include "intake/outcome_json.h"

#define SCAN_NS (5 * NS_PER_S)
#define CLAIMS_MAX 256      /* of one folder; further files wait where they are */
#define CANDIDATES_MAX 1024 /* of one scan */
#define RETRY_NS NS_PER_S
#define STEPS_MAX 16 /* of one pass of the loop */

struct candidate {
	int64_t changed_ns;
	char name[DROP_NAME_MAX + 1];
};

void drops_wake(struct drops *drops)
{
	loop_task_queue(drops->options.loop, &drops->work);
}

void drops_wake_at(struct drops *drops, int64_t monotonic_ns)
{
	if (drops->timer.due_ns && drops->timer.due_ns <= monotonic_ns)
		return;
	loop_timer_set(&drops->timer, monotonic_ns - clock_monotonic_ns());
}

static void scan_at(struct drop_folder *folder, int64_t monotonic_ns)
{
	if (monotonic_ns < folder->scan_ns)
		folder->scan_ns = monotonic_ns;
	drops_wake_at(folder->drops, folder->scan_ns);
}

static bool has_room(const struct drop_folder *folder)
{
	const struct drops_options *options = &folder->drops->options;

	return folder->claim_count < CLAIMS_MAX && journal_accepts(options->room->journal) == EP_OK &&
	       options->outcomes->admits(options->outcomes->self, folder->source->name) == EP_OK;
}

static bool is_claimed(const struct drop_folder *folder, const char *name)
{
	const struct claim *claim;

	for (claim = TAILQ_FIRST(&folder->claims); claim; claim = TAILQ_NEXT(claim, link))
		if (strcmp(claim->name, name) == 0)
			return true;
	return false;
}

static void claim_file(struct drop_folder *folder, const char *name)
{
	enum ep_status status = drop_file_claim(&folder->directory, name);

	if (status == EP_OK && !claim_create(folder, name, false))
		folder->resuming = true; /* no memory: found again in .claimed */
	else if (status == EP_AGAIN)     /* one of that name is still under way: its end wakes us */
		folder->scan_ns = clock_monotonic_ns() + RETRY_NS;
	else if (status == EP_IO)
		log_warn("file can't be claimed", log_slice("source", folder->source->name), log_text("file", name),
			log_text("reason", strerror(errno)));
}

/* Looking through a folder --------------------------------------------------------------------------------------- */

static DIR *open_listing(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* an offset of its own */
	DIR *listing = fd == -1 ? NULL : fdopendir(fd);

	if (!listing && fd != -1)
		close(fd);
	return listing;
}

/* Files that were claimed before the start. */
static void resume(struct drop_folder *folder)
{
	DIR *listing = open_listing(folder->directory.claimed);
	struct dirent *entry;
	bool all = true;

	if (!listing)
		return;
	while ((entry = readdir(listing))) {
		if (entry->d_name[0] == '.' || is_claimed(folder, entry->d_name))
			continue;
		if (folder->claim_count == CLAIMS_MAX || !claim_create(folder, entry->d_name, true)) {
			all = false;
			break;
		}
	}
	closedir(listing);
	folder->resuming = !all;
}

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* The oldest change first, then by name: the order in which the sender put them there, as far as it can be known. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->changed_ns != right->changed_ns)
		return left->changed_ns < right->changed_ns ? -1 : 1;
	return strcmp(left->name, right->name);
}

static size_t find_ripe(struct drop_folder *folder, struct candidate *candidates)
{
	int64_t now_ns = clock_realtime_ns(), stable_ns = folder->source->conf->drop_stable_for_ns;
	DIR *listing = open_listing(folder->directory.folder);
	struct dirent *entry;
	struct stat status;
	size_t count = 0;

	if (!listing)
		return 0;
	while (count < CANDIDATES_MAX && (entry = readdir(listing))) {
		int64_t ripe_ns;

		if (!drop_name_counts(entry->d_name) || !drop_file_counts(&folder->directory, entry->d_name, &status))
			continue;
		ripe_ns = ns_of(status.st_ctim) + stable_ns;
		if (ripe_ns > now_ns) {
			scan_at(folder, clock_monotonic_ns() + ripe_ns - now_ns + NS_PER_MS);
			continue;
		}
		candidates[count].changed_ns = ns_of(status.st_mtim);
		memcpy(candidates[count].name, entry->d_name, strlen(entry->d_name) + 1);
		count++;
	}
	closedir(listing);
	return count;
}

static void scan(struct drop_folder *folder)
{
	struct candidate *candidates;
	size_t count;

	folder->scan_ns = clock_monotonic_ns() + SCAN_NS;
	if (folder->resuming)
		resume(folder);
	if (!has_room(folder)) {
		scan_at(folder, clock_monotonic_ns() + RETRY_NS);
		return;
	}
	candidates = malloc(CANDIDATES_MAX * sizeof(*candidates));
	if (!candidates)
		return;
	count = find_ripe(folder, candidates);
	qsort(candidates, count, sizeof(*candidates), compare_candidates);
	for (size_t i = 0; i < count; i++) {
		if (folder->claim_count == CLAIMS_MAX) {
			scan_at(folder, clock_monotonic_ns() + RETRY_NS);
			break;
		}
		claim_file(folder, candidates[i].name);
	}
	if (count == CANDIDATES_MAX)
		scan_at(folder, clock_monotonic_ns());
	free(candidates);
}

/* Work ----------------------------------------------------------------------------------------------------------- */

/* The next file to be read: one at a time and in their order, but a file that is put off holds up no other. */
static struct claim *next_claim(struct drop_folder *folder, int64_t now_ns)
{
	struct claim *claim, *next = NULL;

	for (claim = TAILQ_FIRST(&folder->claims); claim; claim = TAILQ_NEXT(claim, link)) {
		if (claim->state == CLAIM_READING)
			return claim;
		if (claim->state != CLAIM_QUEUED || next)
			continue;
		if (claim->not_before_ns <= now_ns)
			next = claim;
		else
			drops_wake_at(folder->drops, claim->not_before_ns);
	}
	return next;
}

static void work(void *argument)
{
	struct drops *drops = argument;
	int64_t now_ns = clock_monotonic_ns();
	bool again = false;

	if (drops->stopped)
		return;
	for (size_t i = 0; i < drops->folder_count; i++) {
		struct drop_folder *folder = &drops->folders[i];
		struct claim *claim;
		int steps = 0;

		if (folder->scan_ns <= now_ns)
			scan(folder);
		while (steps < STEPS_MAX && (claim = next_claim(folder, now_ns))) {
			bool large = claim->state == CLAIM_READING;

			(void)claim_step(claim);
			steps += large ? STEPS_MAX
				       : 1; /* the loop's other work goes on between pieces of a large file */
		}
		again = again || steps >= STEPS_MAX;
		drops_wake_at(drops, folder->scan_ns);
	}
	if (again)
		drops_wake(drops);
}

/* The folder of an event, and what it says of it. */
static void on_notice(struct drops *drops, const struct inotify_event *event)
{
	int64_t now_ns = clock_monotonic_ns();

	for (size_t i = 0; i < drops->folder_count; i++) {
		struct drop_folder *folder = &drops->folders[i];
		struct stat status;

		if (event->mask & IN_Q_OVERFLOW) {
			scan_at(folder, now_ns);
			continue;
		}
		if (folder->watch != event->wd || event->len == 0 || !drop_name_counts(event->name))
			continue;
		if (!(event->mask & IN_MOVED_TO) || !has_room(folder))
			scan_at(folder, now_ns + folder->source->conf->drop_stable_for_ns + NS_PER_MS);
		else if (drop_file_counts(&folder->directory, event->name, &status))
			claim_file(folder, event->name);
	}
}

static void on_notified(evutil_socket_t fd, short what, void *argument)
{
	struct drops *drops = argument;
	_Alignas(struct inotify_event) char bytes[8192];
	ssize_t got = read(fd, bytes, sizeof(bytes));

	(void)what;
	for (ssize_t at = 0; got > 0 && at < got && !drops->stopped;) {
		const struct inotify_event *event = (const struct inotify_event *)(bytes + at);

		on_notice(drops, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	drops_wake(drops);
}

static void on_timer(void *argument)
{
	drops_wake(argument);
}

/* Life ----------------------------------------------------------------------------------------------------------- */

static enum ep_status open_folder(
	struct drops *drops, struct drop_folder *folder, const struct source *source, struct error *error)
{
	const char *path = source->conf->drop_directory;
	enum ep_status status;

	folder->drops = drops;
	folder->source = source;
	folder->watch = -1;
	folder->resuming = true;
	TAILQ_INIT(&folder->claims);
	body_create(&folder->body, drops->options.room);
	status = drop_directory_open(&folder->directory, path, error);
	if (status == EP_OK && drops->inotify != -1)
		folder->watch = inotify_add_watch(
			drops->inotify, path, IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_ATTRIB | IN_ONLYDIR);
	if (status == EP_OK && folder->watch == -1)
		log_warn("drop folder is not watched, only looked through", log_text("directory", path));
	return status;
}

static enum ep_status open_folders(struct drops *drops, struct error *error)
{
	const struct sources *sources = drops->options.sources;

	drops->folders = calloc(sources->count + 1, sizeof(*drops->folders));
	drops->read_buffer = malloc(CLAIM_READ);
	if (!drops->folders || !drops->read_buffer)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for drop folders");
	for (size_t i = 0; i < sources->count; i++) {
		enum ep_status status;

		if (!sources->list[i].conf->drop_directory)
			continue;
		status = open_folder(drops, &drops->folders[drops->folder_count++], &sources->list[i], error);
		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

enum ep_status drops_create(struct drops **out, const struct drops_options *options, struct error *error)
{
	struct drops *drops = calloc(1, sizeof(*drops));
	enum ep_status status;

	*out = NULL;
	if (!drops)
		return error_set(error, EP_NO_MEMORY, EP_ERR_INTERNAL, "no memory for drop folders");
	drops->options = *options;
	drops->stopped = true;
	drops->work = (struct loop_task){.run = work, .argument = drops};
	loop_timer_init(&drops->timer, options->loop, on_timer, drops);
	buffer_init(&drops->scratch, OUTCOME_JSON_MAX);
	drops->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (drops->inotify != -1)
		drops->notified =
			event_new(loop_base(options->loop), drops->inotify, EV_READ | EV_PERSIST, on_notified, drops);
	status = open_folders(drops, error);
	if (status != EP_OK) {
		drops_destroy(drops);
		return status;
	}
	*out = drops;
	return EP_OK;
}

void drops_start(struct drops *drops)
{
	if (drops->folder_count == 0)
		return;
	drops->stopped = false;
	if (drops->notified)
		event_add(drops->notified, NULL);
	drops_wake(drops);
}

void drops_stop(struct drops *drops)
{
	drops->stopped = true;
	if (drops->notified)
		event_del(drops->notified);
	loop_timer_cancel(&drops->timer);
}

size_t drops_busy(const struct drops *drops)
{
	return drops->accepting;
}

void drops_destroy(struct drops *drops)
{
	if (!drops)
		return;
	drops_stop(drops);
	for (size_t i = 0; i < drops->folder_count; i++) {
		struct drop_folder *folder = &drops->folders[i];

		while (!TAILQ_EMPTY(&folder->claims))
			claim_drop(TAILQ_FIRST(&folder->claims));
		body_destroy(&folder->body);
		drop_directory_close(&folder->directory);
	}
	while (drops->work.queued) /* the loop still names it */
		loop_run_once(drops->options.loop, NS_PER_MS);
	if (drops->notified)
		event_free(drops->notified);
	if (drops->inotify != -1)
		close(drops->inotify);
	loop_timer_end(&drops->timer);
	free(drops->folders);
	free(drops->read_buffer);
	buffer_free(&drops->scratch);
	free(drops);
}
