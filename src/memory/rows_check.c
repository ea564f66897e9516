/* rows_check.c -- the memory tables' part of `omega check`.
 *
 * Each row is read and verified; what SQL can see of the links between rows it looks at in whole
 * statements: a key that two standing memories share, a version without its memory, a link to
 * nothing, a link that the other end does not know, figures or vectors of a row that is gone. (The
 * vectors' tables are agentdb's, spaces.c; only their owners know whether they have one.) */
#include "memory/rows_check_int.h"
#include "memory/schema_int.h"

static omega_status look_at_row(void *context, const struct om_memory_row *row, bool damaged)
{
    struct om_check *check = context;
    check->rows++;
    if (damaged) {
        om_check_fault(check, "%s", om_error_last()->message);
        return OMEGA_OK;
    }
    const char *id = om_uuid_text(row->id).text;
    if (!(row->importance >= 0.0 && row->importance <= 1.0) ||
        !(row->confidence >= 0.0 && row->confidence <= 1.0)) {
        om_check_fault(check, "memory %s has importance %g and confidence %g", id, row->importance,
                       row->confidence);
    }
    if (om_uuid_is_nil(row->id) || row->version == 0 || row->position < -1) {
        om_check_fault(check, "memory row %lld (id %s) has version %llu and position %lld",
                       (long long)row->row, id, (unsigned long long)row->version,
                       (long long)row->position);
    }
    if (row->state == OMEGA_MEMORY_ACTIVE && row->believed_to != OMEGA_TIME_UNSET) {
        om_check_fault(check, "memory %s is active but no longer believed", id);
    }
    return OMEGA_OK;
}

/* Every row that `statement` gives is a fault; column 0 is its number. */
static omega_status report_each(struct om_conn *conn, unsigned statement, struct om_check *check,
                                const char *fault)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_memory_schema, statement, &stmt);
    while (status == OMEGA_OK) {
        bool found;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        om_check_fault(check, "memory row %lld %s", (long long)om_col_i64(stmt, 0), fault);
    }
    return status;
}

static const struct {
    unsigned statement;
    const char *fault;
} link_faults[] = {
    {OM_MEMORY_SQL_CHECK_KEYS, "shares its key with another of the same user and agent"},
    {OM_MEMORY_SQL_CHECK_LINKS, "supersedes one that is gone or does not say so"},
    {OM_MEMORY_SQL_CHECK_VERSIONS, "is a past version of nothing"},
    {OM_MEMORY_SQL_CHECK_SUCCESSORS, "is superseded by one that is gone"},
    {OM_MEMORY_SQL_CHECK_ACCESS, "is gone, but its access figures are not"},
    {OM_MEMORY_SQL_CHECK_VECTORS, "is gone, but a vector of it is not"},
};

omega_status om_memory_check_rows(struct om_conn *conn, struct om_check *check)
{
    omega_status status = om_row_each(conn, look_at_row, check);
    for (size_t i = 0; i < OM_COUNT_OF(link_faults) && status == OMEGA_OK; i++) {
        status = report_each(conn, link_faults[i].statement, check, link_faults[i].fault);
    }
    return status == OMEGA_OK ? om_tombstones_check(conn, check) : status;
}

bool om_memory_row_good(const char *table, struct om_stmt *row)
{
    struct om_memory_row values;
    if (strcmp(table, "memories") == 0) {
        return om_row_read(row, &values);
    }
    return strcmp(table, "tombstones") != 0 || om_tombstone_good(row);
}
