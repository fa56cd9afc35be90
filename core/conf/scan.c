/*
 * scan.c: reads the text of a configuration before libconfig does, for what libconfig 1.5 lets pass: a whole number too
 * large for its type is silently wrapped; bytes that are no text are taken into strings; \x00 ends one.
 *
 * Knows of the grammar what it needs to: strings, comments, names, numbers, @include lines.
 */
#include "conf/setting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define INCLUDE_DEPTH_MAX 10 /* libconfig's own */

struct scan {
	struct reader *reader;
	const char *file;
	const char *at, *end;
	unsigned line;
	unsigned depth;
};

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte == '*';
}

static void complain(const struct scan *scan, const char *text)
{
	reader_complain_line(scan->reader, scan->file, scan->line, "%s", text);
}

static void skip_string(struct scan *scan)
{
	for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++) {
		if (*scan->at == '\n')
			scan->line++;
		if (*scan->at != '\\' || scan->end - scan->at < 2)
			continue;
		if (scan->end - scan->at >= 4 && memcmp(scan->at, "\\x00", 4) == 0)
			complain(scan, "\\x00 would end the text here");
		scan->at++;
		if (*scan->at == '\n')
			scan->line++;
	}
	if (scan->at < scan->end)
		scan->at++;
}

static void skip_line(struct scan *scan)
{
	while (scan->at < scan->end && *scan->at != '\n')
		scan->at++;
}

static void skip_comment(struct scan *scan)
{
	for (scan->at += 2; scan->at < scan->end; scan->at++) {
		if (*scan->at == '\n')
			scan->line++;
		if (scan->end - scan->at >= 2 && scan->at[0] == '*' && scan->at[1] == '/') {
			scan->at += 2;
			return;
		}
	}
}

static int digit_value(char byte)
{
	if (is_digit(byte))
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : 16;
}

static bool fits(const char *digits, const char *end, int base, uint64_t most)
{
	uint64_t value = 0;

	for (; digits < end; digits++)
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
			__builtin_add_overflow(value, (uint64_t)digit_value(*digits), &value) || value > most)
			return false;
	return true;
}

/* At a digit or a sign before one. The text ends with a NUL, so looking at the next byte is safe. */
static void check_number(struct scan *scan)
{
	bool negative = *scan->at == '-', is_long;
	const char *begin = scan->at + (*scan->at == '-' || *scan->at == '+');
	int base = begin[0] == '0' && (begin[1] == 'x' || begin[1] == 'X') ? 16 : 10;
	const char *end;
	uint64_t most;

	begin += base == 16 ? 2 : 0;
	for (end = begin; digit_value(*end) < base;)
		end++;
	if (base == 10 && (*end == '.' || *end == 'e' || *end == 'E')) { /* a float: the reader refuses it */
		while (is_digit(*end) || *end == '.' || *end == 'e' || *end == 'E' || *end == '-' || *end == '+')
			end++;
		scan->at = end;
		return;
	}
	is_long = *end == 'L';
	most = (is_long ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX) + negative;
	if (!fits(begin, end, base, most))
		complain(scan, is_long ? "this number doesn't fit 64 bits"
				       : "this number doesn't fit 32 bits (a larger one needs an L behind it)");
	while (*end == 'L')
		end++;
	scan->at = end;
}

char *text_load(const char *path, size_t *length)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	int error_number = 0;

	*length = 0;
	if (!file)
		return NULL;
	text = malloc(CONF_FILE_BYTES_MAX + 2);
	if (text)
		*length = fread(text, 1, CONF_FILE_BYTES_MAX + 1, file);
	if (!text || ferror(file))
		error_number = errno;
	else if (*length > CONF_FILE_BYTES_MAX)
		error_number = EFBIG;
	else
		text[*length] = '\0';
	fclose(file);
	if (error_number) {
		free(text);
		errno = error_number;
		return NULL;
	}
	return text;
}

/* @include "FILE": libconfig reads it, too; here only for the same look at its text. */
static void scan_include(struct scan *scan)
{
	const char *quote = memchr(scan->at, '"', (size_t)(scan->end - scan->at));
	const char *close = quote ? memchr(quote + 1, '"', (size_t)(scan->end - quote - 1)) : NULL;
	size_t length;
	char *text, *name, *path;

	skip_line(scan);
	if (!close || close > scan->at)
		return; /* a syntax error, which libconfig reports */
	name = reader_copy(scan->reader, ep_slice_make(quote + 1, (uint64_t)(close - quote - 1)));
	path = name ? (char *)reader_path(scan->reader, name) : NULL;
	if (!path)
		return;
	if (name[0] == '/') { /* libconfig would look for it beneath the main file's folder */
		complain(scan, "the name of an included file is relative to the main file's folder");
		return;
	}
	if (scan->depth == INCLUDE_DEPTH_MAX) {
		complain(scan, "files include each other more than 10 deep");
		return;
	}
	text = text_load(path, &length);
	if (!text) {
		reader_complain_line(scan->reader, scan->file, scan->line, "%s: %s", path, strerror(errno));
		return;
	}
	scan_text(scan->reader, path, ep_slice_make(text, length), scan->depth + 1);
	free(text);
}

static unsigned line_at(struct ep_slice text, uint64_t offset)
{
	unsigned line = 1;

	for (uint64_t i = 0; i < offset; i++)
		line += text.data[i] == '\n';
	return line;
}

void scan_text(struct reader *reader, const char *file, struct ep_slice text, unsigned depth)
{
	struct scan scan = {reader, file, text.data, text.data + text.length, 1, depth};
	uint64_t valid = utf8_valid_until(text);

	if (valid < text.length || memchr(text.data, '\0', text.length)) {
		if (valid == text.length)
			valid = strlen(text.data);
		reader_complain_line(
			reader, file, line_at(text, valid), "byte %llu is not UTF-8 text", (unsigned long long)valid);
		return;
	}
	while (scan.at < scan.end) {
		char byte = *scan.at, next = scan.at[1];

		if (byte == '\n')
			scan.line++;
		if (byte == '"') {
			skip_string(&scan);
		} else if (byte == '#' || (byte == '/' && next == '/')) {
			skip_line(&scan);
		} else if (byte == '/' && next == '*') {
			skip_comment(&scan);
		} else if (byte == '@') {
			scan_include(&scan);
		} else if (is_letter(byte)) {
			while (scan.at < scan.end && (is_letter(*scan.at) || is_digit(*scan.at) || *scan.at == '-'))
				scan.at++;
		} else if (is_digit(byte) || ((byte == '-' || byte == '+') && is_digit(next))) {
			check_number(&scan);
		} else {
			scan.at++;
		}
	}
}
