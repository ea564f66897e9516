/* rows_check_int.h -- the memory tables' part of `omega check`. Private to memory/. */
#ifndef OM_ROWS_CHECK_INT_H
#define OM_ROWS_CHECK_INT_H

#include "memory/memory_int.h"

/* tombstone.c: every tombstone's checksum. */
OMEGA_MUST_CHECK omega_status om_tombstones_check(struct om_conn *conn, struct om_check *check);

/* rows.c: reads the row of `memories` under the cursor; false when it is damaged. */
bool om_row_read(struct om_stmt *stmt, struct om_memory_row *out);
/* tombstone.c: the same question about a row of `tombstones`. */
bool om_tombstone_good(struct om_stmt *stmt);
/* What salvage asks: `row` has all columns of `table` in their order. */
bool om_memory_row_good(const char *table, struct om_stmt *row);

/* Every row's checksum and ranges, keys unique among what stands, links that lead somewhere and
 * back, tombstones' checksums. */
OMEGA_MUST_CHECK omega_status om_memory_check_rows(struct om_conn *conn, struct om_check *check);

#endif
