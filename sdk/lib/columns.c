/*
 * columns.c: the columns of a CSV file by the names in its header row, so that a file may have them in any order, leave
 * some out and bring new ones. A file of any size is read with what stands in struct ep_columns.
 */
#include <entrepot/plugin.h>

static uint32_t role_of(const struct ep_column *table, struct ep_slice header)
{
	for (; table->header; table++)
		if (ep_slice_equal_nocase(header, ep_slice_of(table->header)))
			return table->role;
	return 0;
}

bool ep_columns_have(const struct ep_columns *columns, uint32_t role)
{
	for (uint32_t i = 0; i < columns->count; i++)
		if (columns->roles[i] == role)
			return true;
	return false;
}

void ep_columns_read(struct ep_columns *columns, struct ep_csv *csv, const struct ep_column *table)
{
	struct ep_text field;

	memset(columns, 0, sizeof(*columns));
	while (columns->count < EP_COLUMNS_MAX && ep_csv_take(csv, &field)) {
		uint32_t role = role_of(table, ep_text_trim(field).value);

		if (role && role <= UINT8_MAX && !ep_columns_have(columns, role))
			columns->roles[columns->count] = (uint8_t)role;
		columns->count++;
	}
}

void ep_columns_take(const struct ep_columns *columns, struct ep_csv *csv, struct ep_text *fields, uint32_t role_count)
{
	struct ep_text field;

	for (uint32_t role = 0; role < role_count; role++)
		fields[role] = ep_text_constant(ep_slice_make(NULL, 0));
	for (uint32_t i = 0; i < columns->count && ep_csv_take(csv, &field); i++) {
		uint32_t role = columns->roles[i];

		if (role && role < role_count)
			fields[role] = ep_text_trim(field);
	}
}
