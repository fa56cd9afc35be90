/*
 * error.h: an error on its way to a person. The text is formed once, where the error happened; the code leads to the
 * catalogue (sdk/schema/errors.def) with its Chinese text, remedy and who must act.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <entrepot/plugin.h>

struct error {
	enum ep_error code;
	char text[1000];
};

/* Sets code and text (printf) and returns `status`, so that a function can end with it. `error` may be NULL. */
__attribute__((format(printf, 4, 5))) enum ep_status error_set(
	struct error *error, enum ep_status status, enum ep_error code, const char *format, ...);

/* "text: strerror(errno)". Returns EP_IO. */
__attribute__((format(printf, 3, 4))) enum ep_status error_set_errno(
	struct error *error, enum ep_error code, const char *format, ...);

/* A broken invariant of ours: says which, dumps core. Never returns. */
#define PANIC(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 3, 4), noreturn)) void panic_at(const char *file, int line, const char *format, ...);
#define ASSERT(condition) ((condition) ? (void)0 : PANIC("assertion failed: %s", #condition))

#endif
