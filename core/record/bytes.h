/* bytes.h: the encoding's numbers, little endian, at any alignment. */
#ifndef RECORD_BYTES_H
#define RECORD_BYTES_H

#include <endian.h>
#include <string.h>

#include "record/encode.h"

static inline uint16_t get_u16(const char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static inline uint32_t get_u32(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static inline uint64_t get_u64(const char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static inline void set_u16(char *at, uint16_t value)
{
	value = htole16(value);
	memcpy(at, &value, sizeof(value));
}

static inline void set_u32(char *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
}

static inline void set_u64(char *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
}

static inline void set_field_head(char *at, uint32_t id, uint32_t type, size_t length)
{
	set_u16(at, (uint16_t)id);
	at[2] = (char)type;
	at[3] = 0;
	set_u32(at + 4, (uint32_t)length);
}

/* Lengths of the values of a fixed size, and the least of the others. */
#define DECIMAL_BYTES 17
#define DATE_BYTES 4
#define TIME_BYTES 15
#define SEALED_HASH_BYTES 32

#endif
