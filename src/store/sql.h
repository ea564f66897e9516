/* sql.h -- statements over the store's connections, so that no other folder sees SQLite.
 *
 * A folder describes its tables once, in a const om_schema: the store runs its migrations, keeps
 * its statements prepared on every connection, and lets it check its own rows.
 * A statement belongs to its connection; taking it again resets it. Columns and bindings count from
 * 0. Text and blobs that are bound are borrowed until the step; those read are valid until the next
 * step or reset.
 * Threads: a connection serves one thread at a time (the writer's leader, or a reader's holder). */
#ifndef OM_SQL_H
#define OM_SQL_H

#include "core/core.h"

struct om_conn;
struct om_stmt;
struct om_check;

struct om_schema {
    const char *name; /* also the prefix of nothing: table names are unique in the store */
    /* migrations[i] brings version i to i + 1: one SQL script, run in one transaction. */
    const char *const *migrations;
    unsigned migration_count;
    /* Prepared on first use, on each connection. */
    const char *const *statements;
    unsigned statement_count;
    /* The tables that stand after the last migration, NULL-terminated: anything else is foreign. */
    const char *const *tables;
    /* Looks at every row of its tables and reports what is wrong (om_check_fault). May be NULL. */
    omega_status (*check)(struct om_conn *conn, struct om_check *check);
    /* Salvage asks about each row it could read (all columns of `table`, in their order): false
     * when its checksum is wrong. NULL: all are good. */
    bool (*row_good)(const char *table, struct om_stmt *row);
};

/* Takes statement `index` of the schema, reset and with all bindings NULL. */
OMEGA_MUST_CHECK omega_status om_sql(struct om_conn *conn, const struct om_schema *schema,
                                     unsigned index, struct om_stmt **out);
/* Gives the statement back early (ends its read); taking it again does the same. NULL allowed. */
void om_stmt_reset(struct om_stmt *stmt);

void om_bind_i64(struct om_stmt *stmt, int index, int64_t value);
void om_bind_double(struct om_stmt *stmt, int index, double value); /* NaN binds NULL */
void om_bind_str(struct om_stmt *stmt, int index, omega_str value); /* not given binds NULL */
void om_bind_blob(struct om_stmt *stmt, int index, const void *bytes, size_t size);
void om_bind_uuid(struct om_stmt *stmt, int index, struct om_uuid value); /* nil binds NULL */
void om_bind_time(struct om_stmt *stmt, int index, int64_t wall_ms); /* OMEGA_TIME_UNSET: NULL */
void om_bind_null(struct om_stmt *stmt, int index);

/* One step: *row tells whether there is one. A failed binding is reported here. Statuses:
 * OMEGA_ECONFLICT (a unique constraint), OMEGA_ENOSPC, OMEGA_EIO, OMEGA_ECORRUPT, OMEGA_EREADONLY,
 * OMEGA_ENOMEM, OMEGA_ECANCELLED (interrupted). */
OMEGA_MUST_CHECK omega_status om_step(struct om_stmt *stmt, bool *row);
/* Steps once and resets: for a statement that gives no rows. */
OMEGA_MUST_CHECK omega_status om_run(struct om_stmt *stmt);

int64_t om_col_i64(struct om_stmt *stmt, int index);
double om_col_double(struct om_stmt *stmt, int index); /* NULL: NaN */
omega_str om_col_str(struct om_stmt *stmt, int index); /* NULL: not given */
const void *om_col_blob(struct om_stmt *stmt, int index, size_t *size);
struct om_uuid om_col_uuid(struct om_stmt *stmt, int index); /* NULL or misshapen: nil */
int64_t om_col_time(struct om_stmt *stmt, int index);        /* NULL: OMEGA_TIME_UNSET */
bool om_col_is_null(struct om_stmt *stmt, int index);

/* Of the last insert on this connection, and rows changed by the last statement. */
int64_t om_last_row(const struct om_conn *conn);
int64_t om_changed_rows(const struct om_conn *conn);

#endif
