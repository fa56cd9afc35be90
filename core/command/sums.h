/* sums.h: exact sums of money, one a currency, in several columns. */
#ifndef COMMAND_SUMS_H
#define COMMAND_SUMS_H

#include "base/json.h"

#define SUMS_COLUMNS 6
#define SUMS_CURRENCIES_MAX 256

struct sum {
	char currency[8]; /* empty: the source gives none */
	struct ep_decimal columns[SUMS_COLUMNS];
};

struct sums {
	struct sum *list; /* owned; by currency */
	size_t count;
	bool overflow; /* more than 38 digits, or than SUMS_CURRENCIES_MAX currencies: the sums are not complete */
};

/* The record's amount as the unified format declares it; false: it has none. */
bool sums_amount(struct ep_slice encoded, struct ep_money *amount);
void sums_add(struct sums *sums, size_t column, const struct ep_money *amount);
/* An array; a member of each object is named by each of `names` (`count` of them). */
void sums_write_json(const struct sums *sums, struct json *json, const char *const names[], size_t count);
/* A line a currency, indented. */
void sums_print(const struct sums *sums, struct buffer *out, const char *const names[], size_t count);
void sums_free(struct sums *sums);

#endif
