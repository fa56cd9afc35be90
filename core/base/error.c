/* error.c: see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ep_status error_set(struct error *error, enum ep_status status, enum ep_error code, const char *format, ...)
{
	va_list arguments;

	if (!error)
		return status;
	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return status;
}

enum ep_status error_set_errno(struct error *error, enum ep_error code, const char *format, ...)
{
	int number = errno;
	va_list arguments;
	size_t used;

	if (!error)
		return EP_IO;
	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	used = strlen(error->text);
	snprintf(error->text + used, sizeof(error->text) - used, ": %s", strerror(number));
	return EP_IO;
}

void panic_at(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "entrepot: defect at %s:%d: ", file, line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}
