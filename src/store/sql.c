/* sql.c -- statements: prepared once on each connection, bound, stepped, read.
 *
 * A connection keeps one array with a place for every statement of every schema; the place is
 * filled on first use. A statement that was taken stands in the connection's list of taken ones, so
 * that ending a transaction can end every read that is still open: an unfinished SELECT would keep
 * the snapshot, and with it the write-ahead log, alive.
 *
 * A failed binding is remembered and reported by the step, so that call sites bind freely.
 * Error texts come from SQLite, which never puts a bound value into them.
 *
 * Source: sqlite.org/c3ref, sqlite.org/rescode. */
#include <math.h>

#include "store/store_int.h"

/* SQLite's result codes and ours: an extended code is looked for first, then its primary one. */
static const struct {
    int rc;
    omega_status status;
    const char *text;
} results[] = {
    {SQLITE_CONSTRAINT_UNIQUE, OMEGA_ECONFLICT, "such a row exists"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, OMEGA_ECONFLICT, "such a row exists"},
    {SQLITE_CONSTRAINT_ROWID, OMEGA_ECONFLICT, "such a row exists"},
    {SQLITE_IOERR_NOMEM, OMEGA_ENOMEM, "out of memory"},
    {SQLITE_READONLY_DIRECTORY, OMEGA_EDENIED, "the directory cannot be written"},
    {SQLITE_READONLY_CANTINIT, OMEGA_EDENIED, "the directory cannot be written"},
    {SQLITE_CONSTRAINT, OMEGA_EINVAL, "the row breaks a rule of its table"},
    {SQLITE_MISMATCH, OMEGA_EINVAL, "a value has the wrong type"},
    {SQLITE_TOOBIG, OMEGA_ELIMIT, "a value is too big"},
    {SQLITE_FULL, OMEGA_ENOSPC, "no space left for the store"},
    {SQLITE_IOERR, OMEGA_EIO, "the disk failed"},
    {SQLITE_CANTOPEN, OMEGA_EIO, "the file cannot be opened"},
    {SQLITE_PROTOCOL, OMEGA_EAGAIN, "the store is busy"},
    {SQLITE_BUSY, OMEGA_EAGAIN, "the store is busy"},
    {SQLITE_LOCKED, OMEGA_EAGAIN, "the store is busy"},
    {SQLITE_CORRUPT, OMEGA_ECORRUPT, "the file is damaged"},
    {SQLITE_NOTADB, OMEGA_EFORMAT, "the file is no database"},
    {SQLITE_FORMAT, OMEGA_EFORMAT, "the file is no database"},
    {SQLITE_READONLY, OMEGA_EREADONLY, "the store is read-only"},
    {SQLITE_PERM, OMEGA_EDENIED, "access denied"},
    {SQLITE_AUTH, OMEGA_EDENIED, "access denied"},
    {SQLITE_NOMEM, OMEGA_ENOMEM, "out of memory"},
    {SQLITE_INTERRUPT, OMEGA_ECANCELLED, "cancelled"},
    {SQLITE_ABORT, OMEGA_ECANCELLED, "the transaction was rolled back"},
    {SQLITE_SCHEMA, OMEGA_ECORRUPT, "the tables do not fit the statement"},
    {SQLITE_ERROR, OMEGA_ECORRUPT, "the tables do not fit the statement"},
};

omega_status om_sqlite_status(int rc, const char **text)
{
    int wanted[2] = {rc, rc & 0xff};
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < OM_COUNT_OF(results); i++) {
            if (results[i].rc == wanted[pass]) {
                *text = results[i].text;
                return results[i].status;
            }
        }
    }
    *text = "an unexpected answer of SQLite";
    return OMEGA_EIO;
}

omega_status om_conn_fail(struct om_conn *conn, int rc, const char *what)
{
    const char *text;
    omega_status status = om_sqlite_status(rc, &text);
    if (status == OMEGA_ENOMEM) {
        return om_nomem();
    }
    const char *detail = conn != NULL && conn->db != NULL ? sqlite3_errmsg(conn->db) : "";
    int os_errno = conn != NULL && conn->db != NULL ? sqlite3_system_errno(conn->db) : 0;
    bool from_os = status == OMEGA_EIO || status == OMEGA_ENOSPC || status == OMEGA_EDENIED;
    if (from_os && os_errno != 0) {
        return om_fail_errno(status, os_errno, "%s: %s (SQLite %d: %s)", what, text, rc, detail);
    }
    return om_fail(status, "%s: %s (SQLite %d: %s)", what, text, rc, detail);
}

/* ---- Taking and giving back ------------------------------------------------------------------ */

static size_t first_statement(const struct om_conn *conn, const struct om_schema *schema)
{
    size_t first = 0, at = 0;
    while (at < conn->schema_count && conn->schemas[at] != schema) {
        first += conn->schemas[at++]->statement_count;
    }
    OM_ASSERT(at < conn->schema_count); /* the schema was handed to om_store_open */
    return first;
}

static omega_status prepare(struct om_conn *conn, const char *sql, unsigned flags,
                            struct om_stmt *stmt)
{
    const char *rest = NULL;
    int rc = sqlite3_prepare_v3(conn->db, sql, -1, flags, &stmt->raw, &rest);
    if (rc != SQLITE_OK) {
        return om_conn_fail(conn, rc, "preparing a statement");
    }
    OM_ASSERT(stmt->raw != NULL && rest != NULL && rest[0] == '\0');
    stmt->conn = conn;
    return OMEGA_OK;
}

omega_status om_sql(struct om_conn *conn, const struct om_schema *schema, unsigned index,
                    struct om_stmt **out)
{
    OM_ASSERT(index < schema->statement_count);
    struct om_stmt *stmt = &conn->statements[first_statement(conn, schema) + index];
    if (stmt->raw == NULL) {
        omega_status status =
            prepare(conn, schema->statements[index], SQLITE_PREPARE_PERSISTENT, stmt);
        if (status != OMEGA_OK) {
            return status;
        }
    } else {
        sqlite3_reset(stmt->raw);
        sqlite3_clear_bindings(stmt->raw);
    }
    stmt->bind_rc = SQLITE_OK;
    if (!stmt->is_taken) {
        stmt->is_taken = true;
        stmt->next_taken = conn->taken;
        conn->taken = stmt;
    }
    *out = stmt;
    return OMEGA_OK;
}

void om_stmt_reset(struct om_stmt *stmt)
{
    if (stmt != NULL && stmt->raw != NULL) {
        sqlite3_reset(stmt->raw);
    }
}

void om_conn_reset(struct om_conn *conn)
{
    while (conn->taken != NULL) {
        struct om_stmt *stmt = conn->taken;
        conn->taken = stmt->next_taken;
        stmt->is_taken = false;
        sqlite3_reset(stmt->raw);
        /* What was bound is borrowed and may be gone by now. */
        sqlite3_clear_bindings(stmt->raw);
    }
}

omega_status om_conn_prepare(struct om_conn *conn, const char *sql, struct om_stmt *out)
{
    *out = (struct om_stmt){0};
    return prepare(conn, sql, 0, out);
}

void om_stmt_done(struct om_stmt *stmt)
{
    if (stmt != NULL) {
        sqlite3_finalize(stmt->raw);
        stmt->raw = NULL;
    }
}

/* ---- Binding --------------------------------------------------------------------------------- */

static void note_bind(struct om_stmt *stmt, int rc)
{
    if (rc != SQLITE_OK && stmt->bind_rc == SQLITE_OK) {
        stmt->bind_rc = rc;
    }
}

void om_bind_i64(struct om_stmt *stmt, int index, int64_t value)
{
    note_bind(stmt, sqlite3_bind_int64(stmt->raw, index + 1, value));
}

void om_bind_double(struct om_stmt *stmt, int index, double value)
{
    /* SQLite binds NaN as NULL by itself. */
    note_bind(stmt, sqlite3_bind_double(stmt->raw, index + 1, value));
}

void om_bind_str(struct om_stmt *stmt, int index, omega_str value)
{
    if (!om_str_given(value)) {
        om_bind_null(stmt, index);
        return;
    }
    note_bind(stmt, sqlite3_bind_text64(stmt->raw, index + 1, value.ptr, value.len, SQLITE_STATIC,
                                        SQLITE_UTF8));
}

void om_bind_blob(struct om_stmt *stmt, int index, const void *bytes, size_t size)
{
    if (bytes == NULL) {
        om_bind_null(stmt, index);
        return;
    }
    note_bind(stmt, sqlite3_bind_blob64(stmt->raw, index + 1, bytes, size, SQLITE_STATIC));
}

void om_bind_uuid(struct om_stmt *stmt, int index, struct om_uuid value)
{
    if (om_uuid_is_nil(value)) {
        om_bind_null(stmt, index);
        return;
    }
    /* Passed by value: SQLite keeps its own copy. */
    note_bind(stmt, sqlite3_bind_blob(stmt->raw, index + 1, value.bytes, sizeof(value.bytes),
                                      SQLITE_TRANSIENT));
}

void om_bind_time(struct om_stmt *stmt, int index, int64_t wall_ms)
{
    if (wall_ms == OMEGA_TIME_UNSET) {
        om_bind_null(stmt, index);
        return;
    }
    om_bind_i64(stmt, index, wall_ms);
}

void om_bind_null(struct om_stmt *stmt, int index)
{
    note_bind(stmt, sqlite3_bind_null(stmt->raw, index + 1));
}

/* ---- Stepping -------------------------------------------------------------------------------- */

omega_status om_step(struct om_stmt *stmt, bool *row)
{
    *row = false;
    int rc = stmt->bind_rc;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt->raw);
    }
    if (rc == SQLITE_ROW) {
        *row = true;
        return OMEGA_OK;
    }
    if (rc == SQLITE_DONE) {
        return OMEGA_OK;
    }
    omega_status status = om_conn_fail(stmt->conn, rc, "running a statement");
    sqlite3_reset(stmt->raw);
    return status;
}

omega_status om_run(struct om_stmt *stmt)
{
    bool row;
    omega_status status = om_step(stmt, &row);
    sqlite3_reset(stmt->raw);
    return status;
}

/* ---- Columns --------------------------------------------------------------------------------- */

int64_t om_col_i64(struct om_stmt *stmt, int index)
{
    return sqlite3_column_int64(stmt->raw, index);
}

double om_col_double(struct om_stmt *stmt, int index)
{
    if (om_col_is_null(stmt, index)) {
        return (double)NAN;
    }
    return sqlite3_column_double(stmt->raw, index);
}

omega_str om_col_str(struct om_stmt *stmt, int index)
{
    omega_str text = {NULL, 0};
    if (om_col_is_null(stmt, index)) {
        return text;
    }
    /* The blob form needs no terminator and no conversion: the store's texts are UTF-8, and what a
     * damaged file says instead is bytes. An empty text has no pointer here. */
    text.ptr = sqlite3_column_blob(stmt->raw, index);
    text.len = (size_t)sqlite3_column_bytes(stmt->raw, index);
    if (text.ptr == NULL) {
        text.ptr = "";
        text.len = 0;
    }
    return text;
}

const void *om_col_blob(struct om_stmt *stmt, int index, size_t *size)
{
    if (om_col_is_null(stmt, index)) {
        *size = 0;
        return NULL;
    }
    omega_str bytes = om_col_str(stmt, index);
    *size = bytes.len;
    return bytes.ptr;
}

struct om_uuid om_col_uuid(struct om_stmt *stmt, int index)
{
    struct om_uuid uuid = {{0}};
    size_t size;
    const void *bytes = om_col_blob(stmt, index, &size);
    if (bytes != NULL && size == sizeof(uuid.bytes)) {
        memcpy(uuid.bytes, bytes, size);
    }
    return uuid;
}

int64_t om_col_time(struct om_stmt *stmt, int index)
{
    return om_col_is_null(stmt, index) ? OMEGA_TIME_UNSET : om_col_i64(stmt, index);
}

bool om_col_is_null(struct om_stmt *stmt, int index)
{
    return sqlite3_column_type(stmt->raw, index) == SQLITE_NULL;
}

int64_t om_last_row(const struct om_conn *conn)
{
    return sqlite3_last_insert_rowid(conn->db);
}

int64_t om_changed_rows(const struct om_conn *conn)
{
    return sqlite3_changes64(conn->db);
}
