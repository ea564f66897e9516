/* store_schema.c -- the store's own tables, and the small facts of `meta`.
 *
 *   meta      key, value. database_id, incarnation (UUIDs), key (32 secret bytes), seq_floor (no
 *             operation gets a number up to here), changes_floor and outbox_floor (the feeds were
 *             trimmed up to here), erase_pending, touch, backup_of (only in a backup's file)
 *   versions  which version of each schema stands in this file
 *   ops       one row for each operation that was applied; `sum` over all columns before it. The
 *             sequence needs no AUTOINCREMENT (a page more in every commit): the row with the
 *             highest number is never removed
 *   changes   the change feed; ids are dense and ascend with the sequence, so the first line after
 *             a sequence is found by bisection and needs no index (a page less in every commit)
 *   outbox    one row for each operation that told events; its row is the operation's sequence.
 *             body is a JSON array, parts says where its elements end: (type, bytes) as varints
 *   backups   where copies of this store went */
#include "store/store_int.h"

static const char *const migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE versions(name TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE ops(seq INTEGER PRIMARY KEY, op_id BLOB NOT NULL UNIQUE, kind TEXT NOT NULL,"
    " at INTEGER NOT NULL, actor TEXT NOT NULL, user TEXT, agent TEXT, session TEXT,"
    " request_hash INTEGER NOT NULL, durability INTEGER NOT NULL, body BLOB, result BLOB,"
    " sum INTEGER NOT NULL);"
    "CREATE TABLE changes(id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, kind INTEGER NOT NULL,"
    " row INTEGER NOT NULL, space INTEGER NOT NULL);"
    "CREATE TABLE outbox(row INTEGER PRIMARY KEY, at INTEGER NOT NULL, mask INTEGER NOT NULL,"
    " parts BLOB NOT NULL, body TEXT NOT NULL, sum INTEGER NOT NULL);"
    "CREATE TABLE backups(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " file TEXT NOT NULL);",
};

#define OP_COLUMNS                                                                                 \
    "seq, op_id, kind, at, actor, user, agent, session, request_hash, durability, body, result, "  \
    "sum"

static const char *const statements[OM_SQL_COUNT] = {
    [OM_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [OM_SQL_BEGIN_READ] = "BEGIN",
    [OM_SQL_COMMIT] = "COMMIT",
    [OM_SQL_SAVEPOINT] = "SAVEPOINT r",
    [OM_SQL_SAVEPOINT_UNDO] = "ROLLBACK TO r",
    [OM_SQL_SAVEPOINT_KEEP] = "RELEASE r",
    [OM_SQL_META_GET] = "SELECT value FROM meta WHERE key = ?",
    [OM_SQL_META_SET] = "INSERT INTO meta(key, value) VALUES(?, ?)"
                        " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    [OM_SQL_META_REMOVE] = "DELETE FROM meta WHERE key = ?",
    [OM_SQL_META_TOUCH] = "INSERT INTO meta(key, value) VALUES('touch', 1)"
                          " ON CONFLICT(key) DO UPDATE SET value = value + 1",
    [OM_SQL_OP_FIND] = "SELECT seq, request_hash, result FROM ops WHERE op_id = ?",
    [OM_SQL_OP_INSERT] = "INSERT INTO ops(" OP_COLUMNS ")"
                         " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [OM_SQL_OP_FORGET] = "UPDATE ops SET body = NULL, result = NULL, sum = ? WHERE seq = ?",
    [OM_SQL_OP_ROW] = "SELECT " OP_COLUMNS " FROM ops WHERE seq = ?",
    [OM_SQL_OP_LAST] = "SELECT seq FROM ops ORDER BY seq DESC LIMIT 1",
    [OM_SQL_OP_LIST] = "SELECT " OP_COLUMNS " FROM ops WHERE seq > ? ORDER BY seq",
    [OM_SQL_OP_KEPT] = "SELECT " OP_COLUMNS " FROM ops WHERE seq > ? AND seq <= ?"
                       " AND body IS NOT NULL ORDER BY seq",
    [OM_SQL_OP_TRIM] = "DELETE FROM ops WHERE seq IN (SELECT seq FROM ops WHERE seq < ?"
                       " ORDER BY seq LIMIT ?) AND at < ?",
    [OM_SQL_CHANGE_INSERT] = "INSERT INTO changes(id, seq, kind, row, space) VALUES(?, ?, ?, ?, ?)",
    [OM_SQL_CHANGE_LAST] = "SELECT id, seq FROM changes ORDER BY id DESC LIMIT 1",
    [OM_SQL_CHANGE_FIRST] = "SELECT id, seq FROM changes ORDER BY id LIMIT 1",
    [OM_SQL_CHANGE_AT] = "SELECT id, seq FROM changes WHERE id >= ? ORDER BY id LIMIT 1",
    [OM_SQL_CHANGE_LIST] = "SELECT id, seq, kind, row, space FROM changes WHERE id >= ?"
                           " ORDER BY id",
    [OM_SQL_CHANGE_TRIM] = "DELETE FROM changes WHERE id <= ?",
    [OM_SQL_OUTBOX_INSERT] = "INSERT INTO outbox(row, at, mask, parts, body, sum)"
                             " VALUES(?, ?, ?, ?, ?, ?)",
    [OM_SQL_OUTBOX_LIST] = "SELECT row, at, mask, parts, body, sum FROM outbox"
                           " WHERE row >= ? AND row <= ? ORDER BY row",
    [OM_SQL_OUTBOX_OLD] = "SELECT row, at FROM outbox ORDER BY row LIMIT ?",
    [OM_SQL_OUTBOX_TRIM] = "DELETE FROM outbox WHERE row <= ?",
    [OM_SQL_BACKUP_INSERT] = "INSERT INTO backups(at, seq, file) VALUES(?, ?, ?)",
    [OM_SQL_BACKUP_LIST] = "SELECT at, seq, file FROM backups ORDER BY id",
};

static const char *const tables[] = {"meta",   "versions", "ops", "changes",
                                     "outbox", "backups",  NULL};

const struct om_schema om_store_schema = {
    .name = "store",
    .migrations = migrations,
    .migration_count = OM_COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OM_SQL_COUNT,
    .tables = tables,
    .check = NULL, /* om_store_check looks at these itself, with what the store knows */
};

/* ---- Facts ----------------------------------------------------------------------------------- */

static omega_status meta_find(struct om_conn *conn, const char *key, struct om_stmt **stmt,
                              bool *row)
{
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_META_GET, stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(*stmt, 0, omega_str_of(key));
    return om_step(*stmt, row);
}

omega_status om_meta_get_i64(struct om_conn *conn, const char *key, int64_t *out)
{
    struct om_stmt *stmt = NULL;
    bool row = false;
    omega_status status = meta_find(conn, key, &stmt, &row);
    *out = status == OMEGA_OK && row ? om_col_i64(stmt, 0) : 0;
    om_stmt_reset(stmt);
    return status;
}

omega_status om_meta_get_bytes(struct om_conn *conn, const char *key, void *out, size_t size,
                               bool *found)
{
    struct om_stmt *stmt = NULL;
    bool row = false;
    omega_status status = meta_find(conn, key, &stmt, &row);
    *found = false;
    if (status == OMEGA_OK && row) {
        size_t got;
        const void *bytes = om_col_blob(stmt, 0, &got);
        if (bytes != NULL && got == size) {
            memcpy(out, bytes, size);
            *found = true;
        }
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_meta_set_i64(struct om_conn *conn, const char *key, int64_t value)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_META_SET, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, omega_str_of(key));
    om_bind_i64(stmt, 1, value);
    return om_run(stmt);
}

omega_status om_meta_set_bytes(struct om_conn *conn, const char *key, const void *bytes,
                               size_t size)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_META_SET, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, omega_str_of(key));
    om_bind_blob(stmt, 1, bytes, size);
    return om_run(stmt);
}

omega_status om_meta_remove(struct om_conn *conn, const char *key)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_META_REMOVE, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_str(stmt, 0, omega_str_of(key));
    return om_run(stmt);
}

omega_status om_conn_last_seq(struct om_conn *conn, uint64_t *out)
{
    struct om_stmt *stmt;
    bool row;
    int64_t floor = 0;
    omega_status status = om_meta_get_i64(conn, "seq_floor", &floor);
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_store_schema, OM_SQL_OP_LAST, &stmt);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_step(stmt, &row);
    int64_t last = status == OMEGA_OK && row ? om_col_i64(stmt, 0) : 0;
    om_stmt_reset(stmt);
    *out = (uint64_t)OM_MAX(OM_MAX(last, floor), 0);
    return status;
}
