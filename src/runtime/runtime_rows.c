/* runtime_rows.c -- the runtime's own tables: due times, cycles that did something, long
 * operations.
 *
 * Each is written by a small record of its own with `process` durability: none of it is worth an
 * fsync of its own, and the next disk write carries it along. */
#include "runtime/runtime_int.h"

#include "runtime/runtime_rows_int.h"

enum {
    PUT_SCHEDULE,
    GET_SCHEDULE,
    PUT_CYCLE,
    TRIM_CYCLES,
    PUT_OPERATION,
    LIST_OPERATIONS,
    INTERRUPT_OPERATIONS,
    TRIM_OPERATIONS
};

static const char *const migrations[] = {
    "CREATE TABLE schedule(name TEXT PRIMARY KEY, due INTEGER NOT NULL, last INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE cycles(number INTEGER PRIMARY KEY, id BLOB NOT NULL, loop INTEGER NOT NULL,"
    " at INTEGER NOT NULL, success INTEGER NOT NULL, result TEXT NOT NULL);"
    "CREATE TABLE operations(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    " name TEXT NOT NULL, subject TEXT NOT NULL, state INTEGER NOT NULL, phase TEXT NOT NULL,"
    " done INTEGER NOT NULL, total INTEGER NOT NULL, started INTEGER NOT NULL,"
    " updated INTEGER NOT NULL, error TEXT);",
};

static const char *const statements[] = {
    [PUT_SCHEDULE] = "INSERT INTO schedule(name, due, last) VALUES(?, ?, ?)"
                     " ON CONFLICT(name) DO UPDATE SET due = excluded.due, last = excluded.last",
    [GET_SCHEDULE] = "SELECT due, last FROM schedule WHERE name = ?",
    [PUT_CYCLE] = "INSERT INTO cycles(id, loop, at, success, result) VALUES(?, ?, ?, ?, ?)",
    [TRIM_CYCLES] = "DELETE FROM cycles WHERE number <= (SELECT max(number) FROM cycles) - 10000",
    [PUT_OPERATION] =
        "INSERT INTO operations(id, name, subject, state, phase, done, total, started, updated,"
        " error) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
        " state = excluded.state, phase = excluded.phase, done = excluded.done,"
        " total = excluded.total, updated = excluded.updated, error = excluded.error",
    [LIST_OPERATIONS] =
        "SELECT id, name, subject, state, phase, done, total, started, updated, error"
        " FROM operations ORDER BY number DESC LIMIT ?",
    [INTERRUPT_OPERATIONS] = "UPDATE operations SET state = ?1, updated = ?2 WHERE state = 0",
    [TRIM_OPERATIONS] =
        "DELETE FROM operations WHERE number <= (SELECT max(number) FROM operations) - 1000",
};

static const char *const tables[] = {"schedule", "cycles", "operations", NULL};

const struct om_schema om_runtime_schema = {
    .name = "runtime",
    .migrations = migrations,
    .migration_count = OM_COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OM_COUNT_OF(statements),
    .tables = tables,
};

static struct om_stmt *take(struct om_conn *conn, unsigned index, omega_status *status)
{
    struct om_stmt *stmt = NULL;
    *status = om_sql(conn, &om_runtime_schema, index, &stmt);
    return stmt;
}

/* ---- Kinds ---------------------------------------------------------------------------------- */

static omega_status apply_schedule(void *context, struct om_txn *txn,
                                   const struct om_record *record, struct om_buf *result)
{
    struct om_unpack unpack;
    omega_status status = OMEGA_OK;
    (void)context;
    (void)result;
    om_unpack_init(&unpack, record->body.ptr, record->body.len);
    const omega_str name = om_unpack_str(&unpack);
    const int64_t due = om_unpack_i64(&unpack);
    const int64_t last = om_unpack_i64(&unpack);
    status = om_unpack_finish(&unpack, "a due time");
    struct om_stmt *stmt =
        status == OMEGA_OK ? take(om_txn_conn(txn), PUT_SCHEDULE, &status) : NULL;
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, name);
    om_bind_i64(stmt, 1, due);
    om_bind_i64(stmt, 2, last);
    return om_run(stmt);
}

static omega_status trim(struct om_txn *txn, unsigned statement)
{
    omega_status status = OMEGA_OK;
    struct om_stmt *stmt = take(om_txn_conn(txn), statement, &status);
    return status == OMEGA_OK ? om_run(stmt) : status;
}

static omega_status apply_cycle(void *context, struct om_txn *txn, const struct om_record *record,
                                struct om_buf *result)
{
    struct om_unpack unpack;
    struct om_uuid id;
    omega_status status = OMEGA_OK;
    (void)context;
    (void)result;
    om_unpack_init(&unpack, record->body.ptr, record->body.len);
    om_unpack_bytes(&unpack, id.bytes, sizeof id.bytes);
    const int64_t loop = om_unpack_i64(&unpack);
    const bool success = om_unpack_bool(&unpack);
    const omega_str json = om_unpack_str(&unpack);
    status = om_unpack_finish(&unpack, "a cycle");
    struct om_stmt *stmt = status == OMEGA_OK ? take(om_txn_conn(txn), PUT_CYCLE, &status) : NULL;
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_uuid(stmt, 0, id);
    om_bind_i64(stmt, 1, loop);
    om_bind_i64(stmt, 2, record->at_ms);
    om_bind_i64(stmt, 3, success);
    om_bind_str(stmt, 4, json);
    status = om_run(stmt);
    return status == OMEGA_OK ? trim(txn, TRIM_CYCLES) : status;
}

static void unpack_operation(struct om_unpack *unpack, struct om_operation_row *row)
{
    om_unpack_bytes(unpack, row->id.bytes, sizeof row->id.bytes);
    row->name = om_unpack_str(unpack);
    row->subject = om_unpack_str(unpack);
    row->state = om_unpack_i64(unpack);
    row->phase = om_unpack_str(unpack);
    row->done = om_unpack_u64(unpack);
    row->total = om_unpack_u64(unpack);
    row->started = om_unpack_i64(unpack);
    row->error = om_unpack_str(unpack);
}

static omega_status apply_operation(void *context, struct om_txn *txn,
                                    const struct om_record *record, struct om_buf *result)
{
    struct om_unpack unpack;
    struct om_operation_row row;
    omega_status status = OMEGA_OK;
    (void)context;
    (void)result;
    om_unpack_init(&unpack, record->body.ptr, record->body.len);
    unpack_operation(&unpack, &row);
    status = om_unpack_finish(&unpack, "a long operation");
    struct om_stmt *stmt =
        status == OMEGA_OK ? take(om_txn_conn(txn), PUT_OPERATION, &status) : NULL;
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_uuid(stmt, 0, row.id);
    om_bind_str(stmt, 1, row.name);
    om_bind_str(stmt, 2, row.subject);
    om_bind_i64(stmt, 3, row.state);
    om_bind_str(stmt, 4, row.phase);
    om_bind_i64(stmt, 5, (int64_t)row.done);
    om_bind_i64(stmt, 6, (int64_t)row.total);
    om_bind_i64(stmt, 7, row.started);
    om_bind_i64(stmt, 8, record->at_ms);
    om_bind_str(stmt, 9, row.error);
    status = om_run(stmt);
    return status == OMEGA_OK ? trim(txn, TRIM_OPERATIONS) : status;
}

static omega_status apply_interrupt(void *context, struct om_txn *txn,
                                    const struct om_record *record, struct om_buf *result)
{
    omega_status status = OMEGA_OK;
    (void)context;
    (void)result;
    struct om_stmt *stmt = take(om_txn_conn(txn), INTERRUPT_OPERATIONS, &status);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, OMEGA_OPERATION_INTERRUPTED);
    om_bind_i64(stmt, 1, record->at_ms);
    return om_run(stmt);
}

static const struct om_record_kind kind_schedule = {"runtime.schedule", apply_schedule, NULL};
static const struct om_record_kind kind_cycle = {"runtime.cycle", apply_cycle, NULL};
static const struct om_record_kind kind_operation = {"runtime.operation", apply_operation, NULL};
static const struct om_record_kind kind_interrupt = {"runtime.interrupt", apply_interrupt, NULL};

const struct om_record_kind *const *om_runtime_kinds(size_t *count)
{
    static const struct om_record_kind *const kinds[] = {&kind_schedule, &kind_cycle,
                                                         &kind_operation, &kind_interrupt};
    *count = OM_COUNT_OF(kinds);
    return kinds;
}

/* ---- Writing and reading -------------------------------------------------------------------- */

static omega_status commit(omega_runtime *rt, const struct om_record_kind *kind,
                           struct om_buf *body)
{
    struct om_write write = {
        .record = {.op_id = om_uuid_new(&rt->ids),
                   .kind = kind,
                   .at_ms = om_wall_ms(rt->clock),
                   .actor = OM_STR("system"),
                   .body = om_buf_str(body),
                   .durability = OM_DURABILITY_PROCESS},
    };
    if (body->status != OMEGA_OK) {
        return om_fail(body->status, "a record of the runtime does not fit");
    }
    write.record.request_hash = om_hash(body->ptr, body->len, 0);
    om_buf_init(&write.result, &rt->alloc, OM_LIMIT_METADATA);
    const omega_status status = om_store_commit(rt->store, &write, 1);
    om_buf_fini(&write.result);
    return status;
}

omega_status om_due_load(void *context, const char *name, int64_t *due_ms, int64_t *last_ms)
{
    omega_runtime *rt = (omega_runtime *)context;
    struct om_reader reader = {0};
    struct om_stmt *stmt = NULL;
    bool row = false;
    if (rt->store == NULL) {
        return OMEGA_ENOTFOUND;
    }
    omega_status status = om_store_read(rt->store, 1000, &reader);
    if (status == OMEGA_OK) {
        stmt = take(reader.conn, GET_SCHEDULE, &status);
    }
    if (status == OMEGA_OK) {
        om_bind_str(stmt, 0, omega_str_of(name));
        status = om_step(stmt, &row);
    }
    if (status == OMEGA_OK && row) {
        *due_ms = om_col_i64(stmt, 0);
        *last_ms = om_col_i64(stmt, 1);
    }
    om_stmt_reset(stmt);
    om_store_read_end(&reader);
    return status == OMEGA_OK && !row ? OMEGA_ENOTFOUND : status;
}

omega_status om_due_save(void *context, const char *name, int64_t due_ms, int64_t last_ms)
{
    omega_runtime *rt = (omega_runtime *)context;
    struct om_buf body;
    om_buf_init(&body, &rt->alloc, OM_LIMIT_METADATA);
    om_pack_str(&body, omega_str_of(name));
    om_pack_i64(&body, due_ms);
    om_pack_i64(&body, last_ms);
    const omega_status status = commit(rt, &kind_schedule, &body);
    om_buf_fini(&body);
    return status;
}

omega_status om_cycle_keep(omega_runtime *rt, struct om_uuid id, omega_loop loop, bool success,
                           omega_str json)
{
    struct om_buf body;
    om_buf_init(&body, &rt->alloc, OM_LIMIT_BULK);
    om_pack_bytes(&body, id.bytes, sizeof id.bytes);
    om_pack_i64(&body, (int64_t)loop);
    om_pack_bool(&body, success);
    om_pack_str(&body, json);
    const omega_status status = commit(rt, &kind_cycle, &body);
    om_buf_fini(&body);
    return status;
}

omega_status om_operation_keep(omega_runtime *rt, const struct om_operation_row *row)
{
    struct om_buf body;
    om_buf_init(&body, &rt->alloc, OM_LIMIT_METADATA);
    om_pack_bytes(&body, row->id.bytes, sizeof row->id.bytes);
    om_pack_str(&body, row->name);
    om_pack_str(&body, row->subject);
    om_pack_i64(&body, row->state);
    om_pack_str(&body, row->phase);
    om_pack_u64(&body, row->done);
    om_pack_u64(&body, row->total);
    om_pack_i64(&body, row->started);
    om_pack_str(&body, row->error);
    const omega_status status = commit(rt, &kind_operation, &body);
    om_buf_fini(&body);
    return status;
}

omega_status om_operations_interrupt(omega_runtime *rt)
{
    struct om_buf body;
    om_buf_init(&body, &rt->alloc, 64);
    om_buf_add_char(&body, '0');
    const omega_status status = commit(rt, &kind_interrupt, &body);
    om_buf_fini(&body);
    return status;
}

static void read_operation(struct om_stmt *stmt, struct om_operation_row *row)
{
    row->id = om_col_uuid(stmt, 0);
    row->name = om_col_str(stmt, 1);
    row->subject = om_col_str(stmt, 2);
    row->state = om_col_i64(stmt, 3);
    row->phase = om_col_str(stmt, 4);
    row->done = (uint64_t)om_col_i64(stmt, 5);
    row->total = (uint64_t)om_col_i64(stmt, 6);
    row->started = om_col_i64(stmt, 7);
    row->updated = om_col_i64(stmt, 8);
    row->error = om_col_str(stmt, 9);
}

omega_status om_operations_each(omega_runtime *rt, size_t max,
                                void (*each)(void *context, const struct om_operation_row *row),
                                void *context)
{
    struct om_reader reader = {0};
    struct om_stmt *stmt = NULL;
    bool more = false;
    omega_status status = om_store_read(rt->store, 1000, &reader);
    if (status == OMEGA_OK) {
        stmt = take(reader.conn, LIST_OPERATIONS, &status);
    }
    if (status == OMEGA_OK) {
        om_bind_i64(stmt, 0, (int64_t)max);
        status = om_step(stmt, &more);
    }
    while (status == OMEGA_OK && more) {
        struct om_operation_row row;
        read_operation(stmt, &row);
        each(context, &row);
        status = om_step(stmt, &more);
    }
    om_stmt_reset(stmt);
    om_store_read_end(&reader);
    return status;
}
