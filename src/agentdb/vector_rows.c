/* vector_rows.c -- the rows of vectors in the store, and the schema of spaces and vectors.
 *
 * A vector's row is its id (space << 40 | row), the floats and XXH3-64 over both; it is verified
 * whenever it is read. Floats stand as little-endian IEEE bytes; the machines we run on are
 * little-endian (asserted at compile time), so they are copied, never converted.
 *
 * Each write is also a line of the change feed, by which an index snapshot catches up. */
#include "agentdb/spaces_int.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "vectors stand in the store as little-endian floats"
#endif

int64_t om_vector_sum(int64_t id, const void *floats, size_t size)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, id);
    om_row_sum_blob(&sum, floats, size);
    return om_row_sum_result(&sum);
}

omega_status om_spaces_put(struct om_txn *txn, const struct om_space *space, int64_t row,
                           const void *floats)
{
    struct om_stmt *stmt = NULL;
    int64_t id = om_vector_id(space->id, row);
    size_t size = space->dimension * sizeof(float);
    OM_ASSERT(row > 0 && row < OM_ROW_LIMIT);
    omega_status status =
        om_sql(om_txn_conn(txn), &om_agentdb_schema, OM_AGENTDB_VECTOR_PUT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, id);
    om_bind_i64(stmt, 1, om_vector_sum(id, floats, size));
    om_bind_blob(stmt, 2, floats, size);
    status = om_run(stmt);
    return status != OMEGA_OK ? status : om_txn_change(txn, OM_CHANGE_VECTOR_PUT, row, space->id);
}

static omega_status remove_id(struct om_txn *txn, uint32_t space, int64_t row, uint64_t *removed)
{
    struct om_stmt *stmt = NULL;
    omega_status status =
        om_sql(om_txn_conn(txn), &om_agentdb_schema, OM_AGENTDB_VECTOR_REMOVE, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, om_vector_id(space, row));
    status = om_run(stmt);
    *removed = status == OMEGA_OK ? (uint64_t)om_changed_rows(om_txn_conn(txn)) : 0;
    if (status == OMEGA_OK && *removed > 0) {
        status = om_txn_change(txn, OM_CHANGE_VECTOR_GONE, row, space);
    }
    return status;
}

omega_status om_spaces_remove(struct om_txn *txn, const struct om_space *space, int64_t row,
                              uint64_t *removed)
{
    return remove_id(txn, space->id, row, removed);
}

/* The store's own list of spaces: it also has those that this batch made. */
omega_status om_spaces_drop(struct om_spaces *spaces, struct om_txn *txn, int64_t row,
                            uint64_t *removed)
{
    uint64_t total = 0;
    uint32_t ids[OM_LIMIT_SPACES];
    size_t count = 0;
    struct om_stmt *stmt = NULL;
    bool found = true;
    (void)spaces;
    omega_status status = om_sql(om_txn_conn(txn), &om_agentdb_schema, OM_AGENTDB_SPACES, &stmt);
    while (status == OMEGA_OK && count < OM_LIMIT_SPACES) {
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        if (om_col_i64(stmt, 2) == OM_SPACE_MEMORIES) {
            ids[count++] = (uint32_t)om_col_i64(stmt, 0);
        }
    }
    om_stmt_reset(stmt);
    for (size_t i = 0; i < count && status == OMEGA_OK; i++) {
        uint64_t gone = 0;
        status = remove_id(txn, ids[i], row, &gone);
        total += gone;
    }
    if (removed != NULL) {
        *removed = total;
    }
    return status;
}

/* The blob under the statement's cursor (columns id, sum, floats) if it is sound, else NULL. */
static const void *sound_blob(struct om_stmt *stmt, const struct om_space *space)
{
    size_t size = 0;
    const void *blob = om_col_blob(stmt, 2, &size);
    bool sound = blob != NULL && size == space->dimension * sizeof(float) &&
                 om_vector_sum(om_col_i64(stmt, 0), blob, size) == om_col_i64(stmt, 1);
    return sound ? blob : NULL;
}

omega_status om_spaces_get(struct om_reader *reader, const struct om_space *space, int64_t row,
                           float *out)
{
    struct om_stmt *stmt = NULL;
    bool found = false;
    omega_status status = om_sql(reader->conn, &om_agentdb_schema, OM_AGENTDB_VECTOR_GET, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, om_vector_id(space->id, row));
    status = om_step(stmt, &found);
    if (status == OMEGA_OK && !found) {
        status = om_fail(OMEGA_ENOTFOUND, "space '%s' has no vector of row %lld", space->name,
                         (long long)row);
    }
    const void *blob = status == OMEGA_OK ? sound_blob(stmt, space) : NULL;
    if (blob != NULL) {
        memcpy(out, blob, space->dimension * sizeof(float));
    } else if (status == OMEGA_OK) {
        status = om_fail(OMEGA_ECORRUPT,
                         "the vector of row %lld in space '%s' is damaged: its checksum does not "
                         "fit; run 'omega check'",
                         (long long)row, space->name);
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_spaces_scan(struct om_spaces *spaces, struct om_reader *reader,
                            const struct om_space *space,
                            omega_status (*each)(void *context, int64_t row, const float *values),
                            void *context)
{
    struct om_stmt *stmt = NULL;
    bool found = true;
    float *values = NULL;
    (void)spaces;
    omega_status status = om_sql(reader->conn, &om_agentdb_schema, OM_AGENTDB_VECTORS, &stmt);
    if (status == OMEGA_OK) {
        values = om_get(om_alloc_default(), space->dimension * sizeof *values);
        status = values != NULL ? OMEGA_OK : om_nomem();
    }
    if (status == OMEGA_OK) {
        om_bind_i64(stmt, 0, om_vector_id(space->id, 0));
        om_bind_i64(stmt, 1, om_vector_id(space->id + 1, 0));
    }
    while (status == OMEGA_OK) {
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        const void *blob = sound_blob(stmt, space);
        if (blob != NULL) {
            memcpy(values, blob, space->dimension * sizeof *values);
        }
        status =
            each(context, om_col_i64(stmt, 0) & (OM_ROW_LIMIT - 1), blob != NULL ? values : NULL);
    }
    om_stmt_reset(stmt);
    om_put(om_alloc_default(), values);
    return status;
}

/* ---- The schema ------------------------------------------------------------------------------ */

/* Reads all spaces into dimensions[id] (0: none); faults are reported. */
static omega_status check_spaces(struct om_conn *conn, struct om_check *check, uint32_t *dimensions)
{
    struct om_stmt *stmt = NULL;
    bool found = true;
    omega_status status = om_sql(conn, &om_agentdb_schema, OM_AGENTDB_SPACES, &stmt);
    while (status == OMEGA_OK) {
        char name[OM_LIMIT_NAME + 1];
        struct om_space space;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        check->rows += 1;
        if (om_space_read(stmt, name, &space) != OMEGA_OK) {
            om_check_fault(check, "%s", om_error_last()->message);
            continue;
        }
        dimensions[space.id] = space.dimension;
    }
    om_stmt_reset(stmt);
    return status;
}

static void check_vector(struct om_stmt *stmt, struct om_check *check, const uint32_t *dimensions)
{
    size_t size = 0;
    int64_t id = om_col_i64(stmt, 0);
    int64_t space = id >> OM_ROW_BITS;
    const void *blob = om_col_blob(stmt, 2, &size);
    long long row = (long long)(id & (OM_ROW_LIMIT - 1));
    if (space < 1 || space > OM_LIMIT_SPACES || dimensions[space] == 0) {
        om_check_fault(check, "the vector of row %lld belongs to space %lld, which is not there",
                       row, (long long)space);
    } else if (blob == NULL || size != dimensions[space] * sizeof(float)) {
        om_check_fault(check, "the vector of row %lld in space %lld has %zu bytes", row,
                       (long long)space, size);
    } else if (om_vector_sum(id, blob, size) != om_col_i64(stmt, 1)) {
        om_check_fault(check, "the vector of row %lld in space %lld: its checksum does not fit",
                       row, (long long)space);
    }
}

static omega_status check_agentdb(struct om_conn *conn, struct om_check *check)
{
    uint32_t dimensions[OM_LIMIT_SPACES + 1] = {0};
    struct om_stmt *stmt = NULL;
    bool found = true;
    omega_status status = check_spaces(conn, check, dimensions);
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_agentdb_schema, OM_AGENTDB_ALL_VECTORS, &stmt);
    }
    while (status == OMEGA_OK) {
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        check->rows += 1;
        check_vector(stmt, check, dimensions);
    }
    om_stmt_reset(stmt);
    return status;
}

static bool row_good(const char *table, struct om_stmt *row)
{
    if (strcmp(table, "spaces") == 0) {
        char name[OM_LIMIT_NAME + 1];
        struct om_space space;
        return om_space_read(row, name, &space) == OMEGA_OK;
    }
    size_t size = 0;
    const void *blob = om_col_blob(row, 2, &size);
    return blob != NULL && om_vector_sum(om_col_i64(row, 0), blob, size) == om_col_i64(row, 1);
}

static const char *const migrations[] = {
    "CREATE TABLE spaces(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " owner INTEGER NOT NULL, metric INTEGER NOT NULL, dimension INTEGER NOT NULL,"
    " sum INTEGER NOT NULL);"
    "CREATE TABLE vectors(id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, floats BLOB NOT NULL);",
};

static const char *const statements[OM_AGENTDB_STATEMENT_COUNT] = {
    [OM_AGENTDB_SPACES] = "SELECT id, name, owner, metric, dimension, sum FROM spaces ORDER BY id",
    [OM_AGENTDB_SPACE_BY_NAME] =
        "SELECT id, name, owner, metric, dimension, sum FROM spaces WHERE name = ?",
    [OM_AGENTDB_SPACE_LAST] = "SELECT ifnull(max(id), 0) FROM spaces",
    [OM_AGENTDB_SPACE_INSERT] = "INSERT INTO spaces(id, name, owner, metric, dimension, sum)"
                                " VALUES(?, ?, ?, ?, ?, ?)",
    [OM_AGENTDB_VECTOR_PUT] = "INSERT INTO vectors(id, sum, floats) VALUES(?, ?, ?)"
                              " ON CONFLICT(id) DO UPDATE SET sum = excluded.sum,"
                              " floats = excluded.floats",
    [OM_AGENTDB_VECTOR_GET] = "SELECT id, sum, floats FROM vectors WHERE id = ?",
    [OM_AGENTDB_VECTOR_REMOVE] = "DELETE FROM vectors WHERE id = ?",
    [OM_AGENTDB_VECTORS] =
        "SELECT id, sum, floats FROM vectors WHERE id >= ? AND id < ? ORDER BY id",
    [OM_AGENTDB_ALL_VECTORS] = "SELECT id, sum, floats FROM vectors ORDER BY id",
};

static const char *const tables[] = {"spaces", "vectors", NULL};

const struct om_schema om_agentdb_schema = {
    .name = "agentdb",
    .migrations = migrations,
    .migration_count = OM_COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OM_AGENTDB_STATEMENT_COUNT,
    .tables = tables,
    .check = check_agentdb,
    .row_good = row_good,
};
