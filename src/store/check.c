/* check.c -- looks at everything and says what is wrong.
 *
 * On one read snapshot: SQLite's integrity check, the tables' definitions against those that the
 * schemas make in an empty database, the store's own rows (checksums, ascending sequences, dense
 * change ids, events that fit their parts), the facts of meta and the mark; then each schema's own
 * check. A part that cannot be read to its end is a fault, and the next part is still looked at. */
#include <stdarg.h>

#include "store/store_int.h"

enum { FAULT_SIZE = 512, CHECK_WAIT_MS = 10000, PROGRESS_STEPS = 20000 };

void om_check_fault(struct om_check *check, const char *format, ...)
{
    char text[FAULT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    check->faults++;
    if (check->each != NULL) {
        check->each(check->context, text);
    }
}

/* Damage is what a check looks for: a fault, not a failure. */
static omega_status tolerate(struct om_check *check, const char *part, omega_status status)
{
    if (status != OMEGA_ECORRUPT && status != OMEGA_EFORMAT) {
        return status;
    }
    om_check_fault(check, "%s: %s", part, om_error_last()->message);
    return OMEGA_OK;
}

static int on_progress(void *context)
{
    struct om_check *check = context;
    return check->progress != NULL && !check->progress(check->progress_context, check->rows, 0);
}

/* ---- SQLite's view --------------------------------------------------------------------------- */

static omega_status check_sqlite(struct om_conn *conn, struct om_check *check)
{
    struct om_stmt stmt;
    omega_status status = om_conn_prepare(conn, "PRAGMA integrity_check(100)", &stmt);
    bool row = true;
    while (status == OMEGA_OK && (status = om_step(&stmt, &row)) == OMEGA_OK && row) {
        omega_str text = om_col_str(&stmt, 0);
        if (!om_str_eq_text(text, "ok")) {
            om_check_fault(check, "database: %.*s", OM_STR_ARG(om_utf8_clip(text, 400)));
        }
    }
    om_stmt_done(&stmt);
    return status;
}

static omega_status make_expected(const struct om_conn *like, struct om_conn **out)
{
    struct om_conn_options options = {
        .alloc = like->alloc, .path = ":memory:", .role = OM_CONN_TARGET};
    omega_status status = om_conn_open(&options, out);
    for (size_t i = 0; i < like->schema_count && status == OMEGA_OK; i++) {
        const struct om_schema *schema = like->schemas[i];
        for (unsigned m = 0; m < schema->migration_count && status == OMEGA_OK; m++) {
            status = om_conn_exec(*out, schema->migrations[m]);
        }
    }
    return status;
}

#define DEFINITIONS                                                                                \
    "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"

static omega_status compare_definitions(struct om_conn *conn, struct om_conn *expected,
                                        struct om_check *check)
{
    struct om_stmt found = {0}, wanted = {0};
    bool have = true, want = true;
    omega_status status = om_conn_prepare(conn, DEFINITIONS, &found);
    if (status == OMEGA_OK) {
        status = om_conn_prepare(expected, DEFINITIONS, &wanted);
    }
    while (status == OMEGA_OK && have && want) {
        status = om_step(&found, &have);
        if (status == OMEGA_OK) {
            status = om_step(&wanted, &want);
        }
        bool same = status == OMEGA_OK && have == want &&
                    (!have || (om_str_eq(om_col_str(&found, 0), om_col_str(&wanted, 0)) &&
                               om_str_eq(om_col_str(&found, 1), om_col_str(&wanted, 1))));
        if (status == OMEGA_OK && !same) {
            /* Both lists ascend: the lower name is the one that has no counterpart. */
            bool extra =
                have && (!want || om_str_cmp(om_col_str(&found, 0), om_col_str(&wanted, 0)) < 0);
            omega_str name = om_col_str(extra ? &found : &wanted, 0);
            om_check_fault(check, "the definition of '%.*s' is not what it should be",
                           OM_STR_ARG(name));
            break;
        }
    }
    om_stmt_done(&found);
    om_stmt_done(&wanted);
    return status;
}

static omega_status check_definitions(struct om_conn *conn, struct om_check *check)
{
    struct om_conn *expected = NULL;
    omega_status status = make_expected(conn, &expected);
    if (status == OMEGA_OK) {
        status = compare_definitions(conn, expected, check);
    }
    om_conn_close(expected);
    return status;
}

/* ---- The store's own rows -------------------------------------------------------------------- */

static omega_status check_ops(struct om_conn *conn, struct om_check *check)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_OP_LIST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, INT64_MIN);
    bool row = true;
    while ((status = om_step(stmt, &row)) == OMEGA_OK && row) {
        struct om_op_row op;
        om_op_read(stmt, &op);
        check->rows++;
        if (op.seq <= 0) {
            om_check_fault(check, "operation %lld has no possible number", (long long)op.seq);
        }
        if (om_uuid_is_nil(op.op_id)) {
            om_check_fault(check, "operation %lld has no id", (long long)op.seq);
        }
        if (op.sum != om_op_sum(&op)) {
            om_check_fault(check, "operation %lld does not match its checksum", (long long)op.seq);
        }
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status check_changes(struct om_conn *conn, uint64_t last, struct om_check *check)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_CHANGE_LIST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, INT64_MIN);
    bool row = true;
    int64_t id_before = 0, seq_before = 0;
    while ((status = om_step(stmt, &row)) == OMEGA_OK && row) {
        int64_t id = om_col_i64(stmt, 0), seq = om_col_i64(stmt, 1);
        check->rows++;
        if (id <= 0 || (id_before != 0 && id != id_before + 1)) {
            om_check_fault(check, "the change feed has a gap before line %lld", (long long)id);
        }
        if (seq < seq_before || seq > (int64_t)last) {
            om_check_fault(check, "line %lld of the change feed names operation %lld out of order",
                           (long long)id, (long long)seq);
        }
        id_before = id;
        seq_before = seq;
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status check_outbox(struct om_conn *conn, uint64_t last, struct om_check *check)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_OUTBOX_LIST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, INT64_MIN);
    om_bind_i64(stmt, 1, INT64_MAX);
    bool row = true;
    while ((status = om_step(stmt, &row)) == OMEGA_OK && row) {
        check->rows++;
        if (!om_outbox_row_sound(stmt)) {
            om_check_fault(check, "the events of row %lld do not match their checksum",
                           (long long)om_col_i64(stmt, 0));
        }
        if (om_col_i64(stmt, 0) <= 0 || (uint64_t)om_col_i64(stmt, 0) > last) {
            om_check_fault(check, "the events of row %lld belong to no operation",
                           (long long)om_col_i64(stmt, 0));
        }
    }
    om_stmt_reset(stmt);
    return status;
}

static omega_status check_identity(struct om_store *store, struct om_conn *conn,
                                   struct om_check *check)
{
    uint64_t last = 0;
    struct om_uuid id = {{0}};
    unsigned char key[sizeof(store->key)];
    bool has_id = false, has_key = false;
    omega_status status =
        om_meta_get_bytes(conn, "database_id", id.bytes, sizeof(id.bytes), &has_id);
    if (status == OMEGA_OK) {
        status = om_meta_get_bytes(conn, "key", key, sizeof(key), &has_key);
    }
    if (status == OMEGA_OK) {
        status = om_conn_last_seq(conn, &last);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    if (!has_id || !om_uuid_eq(id, store->database_id)) {
        om_check_fault(check, "the database id is damaged");
    }
    if (!has_key || memcmp(key, store->key, sizeof(key)) != 0) {
        om_check_fault(check, "the store's key is damaged");
    }
    if (store->missing_to != 0) {
        om_check_fault(check, "operations %llu to %llu are missing",
                       (unsigned long long)store->missing_from,
                       (unsigned long long)store->missing_to);
    }
    if (last < om_store_commit_seq(store)) {
        om_check_fault(check, "the database ends at operation %llu, %llu were published",
                       (unsigned long long)last, (unsigned long long)om_store_commit_seq(store));
    }
    return OMEGA_OK;
}

static omega_status check_own_rows(struct om_conn *conn, struct om_check *check)
{
    uint64_t last = 0;
    omega_status status = tolerate(check, "operations", om_conn_last_seq(conn, &last));
    if (status == OMEGA_OK) {
        status = tolerate(check, "operations", check_ops(conn, check));
    }
    if (status == OMEGA_OK) {
        status = tolerate(check, "change feed", check_changes(conn, last, check));
    }
    if (status == OMEGA_OK) {
        status = tolerate(check, "outbox", check_outbox(conn, last, check));
    }
    return status;
}

omega_status om_check_rows(struct om_conn *conn, struct om_check *check)
{
    omega_status status = tolerate(check, "database", check_sqlite(conn, check));
    if (status == OMEGA_OK) {
        status = tolerate(check, "definitions", check_definitions(conn, check));
    }
    if (status == OMEGA_OK) {
        status = check_own_rows(conn, check);
    }
    for (size_t i = 0; i < conn->schema_count && status == OMEGA_OK; i++) {
        const struct om_schema *schema = conn->schemas[i];
        if (schema->check != NULL) {
            status = tolerate(check, schema->name, schema->check(conn, check));
        }
    }
    return status;
}

omega_status om_store_check(struct om_store *store, struct om_check *check)
{
    struct om_reader reader;
    check->rows = 0;
    check->faults = 0;
    omega_status status = om_store_read(store, CHECK_WAIT_MS, &reader);
    if (status != OMEGA_OK) {
        return tolerate(check, "reading", status);
    }
    sqlite3_progress_handler(reader.conn->db, PROGRESS_STEPS, on_progress, check);
    status = tolerate(check, "identity", check_identity(store, reader.conn, check));
    if (status == OMEGA_OK) {
        status = om_check_rows(reader.conn, check);
    }
    sqlite3_progress_handler(reader.conn->db, 0, NULL, NULL);
    om_store_read_end(&reader);
    return status;
}
