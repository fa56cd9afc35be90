/*
 * main.c: entrepot-worker. Hosts one plugin instance for the gateway that started it; useless to start by hand.
 *
 * 0 and 1 are /dev/null, 2 goes to the gateway's log, 3 is the socket; nothing else is open, the environment is empty.
 * The order below is the security of it: what needs files comes before files are out of reach, the partner's code
 * comes after the first stage of the sandbox, messages after the second.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "worker/body.h"
#include "worker/sandbox.h"
#include "worker/serve.h"

#define MEMORY_SPARE ((size_t)4 * 1024 * 1024)

struct hello {
	struct sandbox_limits limits;
	uint64_t json_max;
	bool reject_message, describe;
	char plugin_path[WORKER_TEXT_MAX];
	struct ep_slice required[SANDBOX_LAYERS + 1];
	size_t required_count;
	struct instance_setting settings[WORKER_SETTINGS_MAX];
	size_t setting_count;
};

static struct server server;
static struct hello hello;
static struct buffer description; /* the plugin's options, if they were asked for */
static struct arena kept;         /* settings and the instance's state: as long as the process */

static void __attribute__((noreturn)) refuse(enum ep_status status, const struct error *error)
{
	size_t at;

	buffer_clear(&server.out);
	at = frame_begin(&server.out, WORKER_REFUSED);
	frame_put_u32(&server.out, (uint32_t)error->code);
	frame_put_u32(&server.out, (uint32_t)status);
	frame_put_bytes(&server.out, ep_slice_of(error->text));
	frame_end(&server.out, at);
	serve_flush(&server);
	_exit(WORKER_EXIT_REFUSED);
}

/* The frame's memory is reused: what must last is copied. */
static struct ep_slice keep(struct frame_reader *reader)
{
	return arena_copy(&kept, frame_get_bytes(reader));
}

static bool read_hello(const struct worker_frame *frame)
{
	struct frame_reader reader = frame_reader_of(frame);
	struct ep_slice path;
	uint32_t count, mode;

	if (frame->kind != WORKER_HELLO || frame_get_u32(&reader) != WORKER_PROTOCOL)
		return false;
	mode = frame_get_u32(&reader);
	hello.reject_message = mode & WORKER_REJECT_MESSAGE;
	hello.describe = mode & WORKER_DESCRIBE;
	hello.limits.memory_max = frame_get_u64(&reader);
	hello.limits.body_max = frame_get_u64(&reader);
	hello.json_max = frame_get_u64(&reader);
	server.source = keep(&reader);
	path = frame_get_bytes(&reader);
	if (path.length >= sizeof(hello.plugin_path))
		return false;
	memcpy(hello.plugin_path, path.data, path.length);
	count = frame_get_u32(&reader);
	if (count > SANDBOX_LAYERS)
		return false;
	for (hello.required_count = 0; hello.required_count < count; hello.required_count++)
		hello.required[hello.required_count] = keep(&reader);
	count = frame_get_u32(&reader);
	if (count > WORKER_SETTINGS_MAX)
		return false;
	for (hello.setting_count = 0; hello.setting_count < count; hello.setting_count++) {
		hello.settings[hello.setting_count].name = keep(&reader);
		hello.settings[hello.setting_count].value = keep(&reader);
	}
	return !reader.bad;
}

static bool map_progress(void)
{
	int fd = serve_take_descriptor(&server);
	void *page;

	if (fd == -1)
		return false;
	page = mmap(NULL, sizeof(*server.progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	server.progress = page;
	return page != MAP_FAILED;
}

/* Whether the crash at hand is what happens when an allocation failed and nobody looked. */
static bool is_out_of_memory(void)
{
	void *page;

	if (server.call && call_lacks_memory(server.call))
		return true;
	page = mmap(NULL, MEMORY_SPARE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return true;
	munmap(page, MEMORY_SPARE);
	return false;
}

/*
 * Says by the exit status what the signal wouldn't. SIGBUS on a body that is mapped is the disk's doing. As process 1
 * of its namespace abort() doesn't end a process by SIGABRT. Everything else happens again on return, and is fatal then.
 */
static void on_crash(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (number == SIGBUS && body_holds(info->si_addr))
		_exit(WORKER_EXIT_BODY);
	if (is_out_of_memory())
		_exit(WORKER_EXIT_MEMORY);
	if (number == SIGABRT)
		_exit(128 + number);
}

static void catch_signals(void)
{
#ifdef __SANITIZE_ADDRESS__ /* has its own handlers, which say more */
	static const int signals[] = {SIGABRT};
#else
	static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT};
#endif
	static char stack[32768]; /* of the handler: the plugin's may have overflowed */
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action;

	sigaltstack(&alternate, NULL);
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_crash;
	action.sa_flags = SA_SIGINFO | (int)SA_RESETHAND | SA_ONSTACK;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static struct ep_slice setting(const char *name)
{
	for (size_t i = 0; i < hello.setting_count; i++) {
		if (ep_slice_equal(hello.settings[i].name, ep_slice_of(name)))
			return hello.settings[i].value;
	}
	return ep_slice_make(NULL, 0);
}

static enum ep_status prepare_call(struct error *error)
{
	const struct call_options options = {
		.memory_max = (size_t)hello.limits.memory_max,
		.json_max = (size_t)hello.json_max,
		.reject_message = hello.reject_message || (server.file.note.flags & EP_WHOLE_ONLY),
		.zone = setting("zone"),
		.charset = setting("charset"),
		.sink = {serve_record, serve_reject, serve_log, &server},
	};

	return call_create(&server.call, &options, error);
}

static enum ep_status require(struct error *error)
{
	for (size_t i = 0; i < hello.required_count; i++) {
		enum ep_status status = sandbox_require(hello.required[i], error);

		if (status != EP_OK)
			return status;
	}
	return EP_OK;
}

static void put_option(void *argument, const struct ep_option *option)
{
	struct buffer *out = argument;
	const char *const texts[] = {option->name, option->default_text, option->choices, option->help};

	frame_put_u32(out, option->type);
	frame_put_u32(out, !option->default_text);
	frame_put_u64(out, (uint64_t)option->min);
	frame_put_u64(out, (uint64_t)option->max);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		frame_put_bytes(out, ep_slice_make(texts[i], texts[i] ? strnlen(texts[i], WORKER_TEXT_MAX) : 0));
}

/* Into `description`, to be told with READY. */
static enum ep_status describe(struct error *error)
{
	buffer_init(&description, WORKER_OPTIONS_MAX * WORKER_TEXT_MAX);
	return instance_describe(&server.file.plugin, put_option, &description, error);
}

/* Goes out before the plugin's constructors run, which could say what they like. */
static void say_loading(void)
{
	const size_t at = frame_begin(&server.out, WORKER_LOADING);

	frame_put_u64(&server.out, server.file.build);
	frame_put_bytes(&server.out, ep_slice_of(server.file.note.name));
	frame_put_bytes(&server.out, ep_slice_of(server.file.note.version));
	frame_put_bytes(&server.out, ep_slice_of(sandbox_layers()));
	frame_end(&server.out, at);
	serve_flush(&server);
}

static enum ep_status start(struct error *error)
{
	enum ep_status status = plugin_fetch(&server.file, hello.plugin_path, error);

	if (status == EP_OK)
		status = sandbox_confine(&hello.limits, error);
	if (status == EP_OK)
		status = prepare_call(error); /* zones, converters: the last that needs files */
	if (status != EP_OK)
		return status;
	sandbox_restrict_files();
	sandbox_close_loading();
	status = require(error);
	if (status != EP_OK)
		return status;
	say_loading();
	status = plugin_load(&server.file, error);
	if (status == EP_OK && hello.describe)
		status = describe(error);
	else if (status == EP_OK)
		status = instance_open(server.call, &server.file.plugin, hello.settings, hello.setting_count, &kept,
			&server.state, error);
	if (status != EP_OK)
		return status;
	sandbox_close();
	return require(error);
}

static void say_ready(void)
{
	const size_t at = frame_begin(&server.out, WORKER_READY);

	frame_put_u32(&server.out, hello.describe ? server.file.plugin.option_count : 0);
	buffer_append_slice(&server.out, buffer_slice(&description));
	frame_end(&server.out, at);
}

int main(void)
{
	struct worker_frame frame;
	struct error error;
	enum ep_status status;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* again in sandbox_confine(), after the uid has changed */
	if (fcntl(WORKER_SOCKET_FD, F_GETFD) == -1) {
		static const char text[] = "entrepot-worker: started by entrepot only\n";

		if (write(WORKER_LOG_FD, text, sizeof(text) - 1) == -1)
			return 70;
		return 64;
	}
	arena_init(&kept, (size_t)4 * 1024 * 1024);
	serve_init(&server);
	catch_signals();
	status = serve_next(&server, &frame);
	if (status != EP_OK || !read_hello(&frame) || !map_progress())
		return WORKER_EXIT_SOCKET;
	status = start(&error);
	if (status != EP_OK)
		refuse(status, &error);
	say_ready();
	if (hello.describe) { /* nothing to serve: waits for its end */
		serve_flush(&server);
		return serve_next(&server, &frame) == EP_OK ? WORKER_EXIT_SOCKET : WORKER_EXIT_DONE;
	}
	serve_calls(&server);
}
