/* toy_store.h -- a small schema and kinds of records for tests of the store.
 *
 * Table notes(id, text, n, sum). Kinds: "toy.put" (body: packed id, text, n) inserts a row, a line
 * of the change feed, an event, and answers with the id; "toy.drop" (body: packed id) deletes it
 * and marks erasure; "toy.fail" inserts and then fails; "toy.fill" puts a text of n bytes of noise.
 * Everything is static: a test includes it after "support/support.h". */
#ifndef OM_TEST_TOY_STORE_H
#define OM_TEST_TOY_STORE_H

#include <stdio.h>

#include "store/store.h"

enum { TOY_INSERT, TOY_DELETE, TOY_GET, TOY_ALL, TOY_SQL_COUNT };
enum { TOY_EVENT_PUT = 3, TOY_EVENT_DROP = 7 };

static const char *const toy_migrations[] = {
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT NOT NULL, n INTEGER NOT NULL,"
    " sum INTEGER NOT NULL);",
    "CREATE INDEX notes_n ON notes(n);",
};
static const char *const toy_statements[TOY_SQL_COUNT] = {
    [TOY_INSERT] = "INSERT INTO notes(id, text, n, sum) VALUES(?, ?, ?, ?)",
    [TOY_DELETE] = "DELETE FROM notes WHERE id = ?",
    [TOY_GET] = "SELECT id, text, n, sum FROM notes WHERE id = ?",
    [TOY_ALL] = "SELECT id, text, n, sum FROM notes ORDER BY id",
};
static const char *const toy_tables[] = {"notes", NULL};

static inline int64_t toy_sum(int64_t id, omega_str text, int64_t n)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, id);
    om_row_sum_str(&sum, text);
    om_row_sum_i64(&sum, n);
    return om_row_sum_result(&sum);
}

static inline bool toy_row_good(const char *table, struct om_stmt *row)
{
    (void)table;
    return om_col_i64(row, 3) ==
           toy_sum(om_col_i64(row, 0), om_col_str(row, 1), om_col_i64(row, 2));
}

static inline omega_status toy_check(struct om_conn *conn, struct om_check *check);

static const struct om_schema toy_schema = {
    .name = "toy",
    .migrations = toy_migrations,
    .migration_count = OM_COUNT_OF(toy_migrations),
    .statements = toy_statements,
    .statement_count = TOY_SQL_COUNT,
    .tables = toy_tables,
    .check = toy_check,
    .row_good = toy_row_good,
};
static const struct om_schema *const toy_schemas[] = {&toy_schema};

static inline omega_status toy_check(struct om_conn *conn, struct om_check *check)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &toy_schema, TOY_ALL, &stmt);
    bool row = true;
    while (status == OMEGA_OK && (status = om_step(stmt, &row)) == OMEGA_OK && row) {
        check->rows++;
        if (!toy_row_good("notes", stmt)) {
            om_check_fault(check, "note %lld does not match its checksum",
                           (long long)om_col_i64(stmt, 0));
        }
    }
    return status;
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

static atomic_uint_fast64_t toy_published_sum; /* of the ids whose publish step ran */

static inline void toy_publish(void *context, uint64_t seq, void *data)
{
    int64_t *id = data;
    (void)context;
    (void)seq;
    atomic_fetch_add(&toy_published_sum, (uint64_t)*id);
}

static inline omega_status toy_insert(struct om_txn *txn, int64_t id, omega_str text, int64_t n)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(om_txn_conn(txn), &toy_schema, TOY_INSERT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, id);
    om_bind_str(stmt, 1, text);
    om_bind_i64(stmt, 2, n);
    om_bind_i64(stmt, 3, toy_sum(id, text, n));
    return om_run(stmt);
}

static inline omega_status toy_tell(struct om_txn *txn, uint32_t type, int64_t id)
{
    char json[80];
    int len = snprintf(json, sizeof(json), "{\"type\":\"%s\",\"id\":%lld}",
                       type == TOY_EVENT_PUT ? "Put" : "Drop", (long long)id);
    return om_txn_event(txn, type, (omega_str){json, (size_t)len}, &id, sizeof(id));
}

static inline omega_status toy_apply_put(void *context, struct om_txn *txn,
                                         const struct om_record *record, struct om_buf *result)
{
    struct om_unpack in;
    (void)context;
    om_unpack_init(&in, record->body.ptr, record->body.len);
    int64_t id = om_unpack_i64(&in);
    omega_str text = om_unpack_str(&in);
    int64_t n = om_unpack_i64(&in);
    omega_status status = om_unpack_finish(&in, "toy.put");
    if (status == OMEGA_OK) {
        status = toy_insert(txn, id, text, n);
    }
    if (status == OMEGA_OK) {
        status = om_txn_change(txn, 1, id, 0);
    }
    if (status == OMEGA_OK) {
        status = toy_tell(txn, TOY_EVENT_PUT, id);
    }
    int64_t *kept = om_arena_get(om_txn_arena(txn), sizeof(id));
    if (status == OMEGA_OK && kept == NULL) {
        status = om_nomem();
    }
    if (status == OMEGA_OK) {
        *kept = id;
        status = om_txn_on_commit(txn, toy_publish, NULL, kept);
    }
    om_pack_i64(result, id);
    return status;
}

static inline omega_status toy_apply_drop(void *context, struct om_txn *txn,
                                          const struct om_record *record, struct om_buf *result)
{
    struct om_unpack in;
    struct om_stmt *stmt;
    (void)context;
    (void)result;
    om_unpack_init(&in, record->body.ptr, record->body.len);
    int64_t id = om_unpack_i64(&in);
    omega_status status = om_unpack_finish(&in, "toy.drop");
    if (status == OMEGA_OK) {
        status = om_sql(om_txn_conn(txn), &toy_schema, TOY_DELETE, &stmt);
    }
    if (status == OMEGA_OK) {
        om_bind_i64(stmt, 0, id);
        status = om_run(stmt);
    }
    if (status == OMEGA_OK && om_changed_rows(om_txn_conn(txn)) == 0) {
        status = om_fail(OMEGA_ENOTFOUND, "no note %lld", (long long)id);
    }
    if (status == OMEGA_OK) {
        status = om_txn_change(txn, 2, id, 0);
    }
    if (status == OMEGA_OK) {
        status = toy_tell(txn, TOY_EVENT_DROP, id);
    }
    return status == OMEGA_OK ? om_txn_mark_erase(txn) : status;
}

static inline omega_status toy_apply_fail(void *context, struct om_txn *txn,
                                          const struct om_record *record, struct om_buf *result)
{
    omega_status status = toy_apply_put(context, txn, record, result);
    return status == OMEGA_OK ? om_fail(OMEGA_EREJECTED, "the toy refuses") : status;
}

static const struct om_record_kind toy_put = {"toy.put", toy_apply_put, NULL};
static const struct om_record_kind toy_drop = {"toy.drop", toy_apply_drop, NULL};
static const struct om_record_kind toy_fail = {"toy.fail", toy_apply_fail, NULL};
static const struct om_record_kind *const toy_kinds[] = {&toy_put, &toy_drop, &toy_fail};

/* ---- Helpers --------------------------------------------------------------------------------- */

static inline struct om_store_options toy_options(const char *dir)
{
    return (struct om_store_options){
        .alloc = om_alloc_default(),
        .clock = om_clock_system(),
        .dir = dir,
        .schemas = toy_schemas,
        .schema_count = 1,
        .kinds = toy_kinds,
        .kind_count = OM_COUNT_OF(toy_kinds),
    };
}

/* One write with its body. */
struct toy_write {
    struct om_write write;
    struct om_buf body;
};

static inline struct om_uuid toy_uuid(uint64_t number)
{
    struct om_uuid uuid = {{1}};
    for (int i = 0; i < 8; i++) {
        uuid.bytes[8 + i] = (unsigned char)(number >> (56 - 8 * i));
    }
    return uuid;
}

/* op is the operation's number and the hash of the request. */
static inline void toy_write_init(struct toy_write *toy, const struct om_record_kind *kind,
                                  uint64_t op, enum om_durability durability)
{
    *toy = (struct toy_write){0};
    om_buf_init(&toy->body, om_alloc_default(), OM_LIMIT_BULK);
    om_buf_init(&toy->write.result, om_alloc_default(), OM_LIMIT_BULK);
    toy->write.record = (struct om_record){
        .op_id = toy_uuid(op),
        .kind = kind,
        .at_ms = 1000 + (int64_t)(op & 0xffffff),
        .actor = OM_STR("system"),
        .scope = {OM_STR("ann"), {NULL, 0}, {NULL, 0}},
        .request_hash = op,
        .durability = durability,
    };
}

static inline void toy_write_fini(struct toy_write *toy)
{
    om_buf_fini(&toy->body);
    om_buf_fini(&toy->write.result);
}

static inline void toy_body_put(struct toy_write *toy, int64_t id, omega_str text, int64_t n)
{
    om_pack_i64(&toy->body, id);
    om_pack_str(&toy->body, text);
    om_pack_i64(&toy->body, n);
    toy->write.record.body = om_buf_str(&toy->body);
}

static inline omega_status toy_commit(struct om_store *store, struct toy_write *toy)
{
    if (toy->body.status != OMEGA_OK) {
        return toy->body.status;
    }
    return om_store_commit(store, &toy->write, 1);
}

static inline omega_status toy_put_one(struct om_store *store, int64_t id, omega_str text,
                                       enum om_durability durability, uint64_t *seq)
{
    struct toy_write toy;
    toy_write_init(&toy, &toy_put, (uint64_t)id, durability);
    toy_body_put(&toy, id, text, id % 10);
    omega_status status = toy_commit(store, &toy);
    if (seq != NULL) {
        *seq = toy.write.seq;
    }
    toy_write_fini(&toy);
    return status;
}

/* The operation's number is the id with bit 40 set. */
static inline omega_status toy_drop_one(struct om_store *store, int64_t id)
{
    struct toy_write toy;
    toy_write_init(&toy, &toy_drop, (uint64_t)id | UINT64_C(1) << 40, OM_DURABILITY_DISK);
    om_pack_i64(&toy.body, id);
    toy.write.record.body = om_buf_str(&toy.body);
    omega_status status = toy_commit(store, &toy);
    toy_write_fini(&toy);
    return status;
}

/* Rows that are there and sound; -1 when the read failed. *bad counts rows with a wrong sum. */
static inline int64_t toy_count(struct om_store *store, int64_t *bad)
{
    struct om_reader reader;
    struct om_stmt *stmt;
    int64_t count = 0, wrong = 0;
    if (om_store_read(store, 1000, &reader) != OMEGA_OK) {
        return -1;
    }
    bool row = true;
    omega_status status = om_sql(reader.conn, &toy_schema, TOY_ALL, &stmt);
    while (status == OMEGA_OK && (status = om_step(stmt, &row)) == OMEGA_OK && row) {
        bool good = toy_row_good("notes", stmt);
        count += good ? 1 : 0;
        wrong += good ? 0 : 1;
    }
    om_store_read_end(&reader);
    if (bad != NULL) {
        *bad = wrong;
    }
    return status == OMEGA_OK ? count : -1;
}

#endif
