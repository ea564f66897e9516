/* points_apply.c -- the rows of points, and the records that change them.
 *
 *   points   row, space, key, metadata (compact JSON, NULL when none), seq of the last write, and
 *            XXH3-64 over them; unique by (space, key). The vector stands in `vectors` under
 *            (space, row).
 *
 * Bodies of records, after the version:
 *   vector.add      space, metric, dimension, count, then of each point: key, metadata, floats
 *   vector.delete   space, key
 *
 * Every added point gets a new item, also when its key is known: readers at an older snapshot keep
 * the old item until it is reclaimed. Which item a row had is looked up at publishing, because all
 * records of a batch are applied before the first is published.
 * Rejected: looking items up in apply, for that reason. */
#include "agentdb/points_int.h"

/* What the publish step needs, in the transaction's arena. */
struct publication {
    struct om_points *points;
    const struct om_space *space;
    int64_t row;
    uint32_t item;
    const void *floats; /* NULL: the point is gone */
};

/* ---- Rows ----------------------------------------------------------------------------------- */

static int64_t sum_of(const struct om_point_row *row)
{
    struct om_row_sum sum;
    om_row_sum_init(&sum, row->row);
    om_row_sum_i64(&sum, row->space);
    om_row_sum_i64(&sum, (int64_t)row->seq);
    om_row_sum_str(&sum, row->key);
    om_row_sum_str(&sum, row->metadata);
    return om_row_sum_result(&sum);
}

/* Columns row, space, seq, sum, key, metadata. */
static omega_status read_row(struct om_stmt *stmt, struct om_point_row *out)
{
    out->row = om_col_i64(stmt, 0);
    out->space = (uint32_t)om_col_i64(stmt, 1);
    out->seq = (uint64_t)om_col_i64(stmt, 2);
    out->key = om_col_str(stmt, 4);
    out->metadata = om_col_str(stmt, 5);
    if (om_col_i64(stmt, 3) != sum_of(out)) {
        return om_fail(OMEGA_ECORRUPT,
                       "point row %lld is damaged: its checksum does not fit; run 'omega check'",
                       (long long)out->row);
    }
    return OMEGA_OK;
}

static omega_status read_only_row(struct om_stmt *stmt, struct om_point_row *out, bool *found)
{
    omega_status status = om_step(stmt, found);
    return status == OMEGA_OK && *found ? read_row(stmt, out) : status;
}

omega_status om_point_find(struct om_conn *conn, uint32_t space, omega_str key,
                           struct om_point_row *out, bool *found)
{
    struct om_stmt *stmt = NULL;
    *found = false;
    omega_status status = om_sql(conn, &om_points_schema, OM_POINTS_FIND, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, space);
    om_bind_str(stmt, 1, key);
    return read_only_row(stmt, out, found);
}

omega_status om_point_by_row(struct om_conn *conn, int64_t row, struct om_point_row *out,
                             bool *found)
{
    struct om_stmt *stmt = NULL;
    *found = false;
    omega_status status = om_sql(conn, &om_points_schema, OM_POINTS_BY_ROW, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, row);
    return read_only_row(stmt, out, found);
}

static omega_status next_row(struct om_conn *conn, int64_t *out)
{
    struct om_stmt *stmt = NULL;
    bool found = false;
    omega_status status = om_sql(conn, &om_points_schema, OM_POINTS_LAST, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_step(stmt, &found);
    *out = status == OMEGA_OK && found ? om_col_i64(stmt, 0) + 1 : 1;
    om_stmt_reset(stmt);
    return status;
}

static omega_status write_row(struct om_conn *conn, const struct om_point_row *row)
{
    struct om_stmt *stmt = NULL;
    omega_status status = om_sql(conn, &om_points_schema, OM_POINTS_WRITE, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, row->row);
    om_bind_i64(stmt, 1, row->space);
    om_bind_i64(stmt, 2, (int64_t)row->seq);
    om_bind_i64(stmt, 3, sum_of(row));
    om_bind_str(stmt, 4, row->key);
    om_bind_str(stmt, 5, row->metadata);
    return om_run(stmt);
}

/* ---- Publishing ------------------------------------------------------------------------------ */

static void unlink_row(struct om_points *points, const struct publication *p, uint64_t seq)
{
    uint32_t item = 0;
    if (om_items_find(points->items, p->row, &item)) {
        (void)om_vectors_remove(p->space->vectors, item, seq);
        om_items_remove(points->items, item);
    }
}

static void publish(void *context, uint64_t seq, void *data)
{
    struct om_points *points = context;
    const struct publication *p = data;
    om_mutex_lock(&points->mutex);
    unlink_row(points, p, seq);
    if (p->floats != NULL) {
        om_items_add(points->items, p->item);
        /* Room was made in apply; what fails all the same is found again at the next open. */
        if (om_spaces_add(p->space, p->item, 0, seq, p->floats) != OMEGA_OK) {
            om_log(OM_LOG_ERROR, "agentdb", "point row %lld of space '%s' is not searchable: %s",
                   (long long)p->row, p->space->name, om_error_last()->message);
        }
    }
    points->published_seq = seq;
    om_mutex_unlock(&points->mutex);
}

static omega_status announce(struct om_points *points, struct om_txn *txn,
                             const struct publication *p)
{
    struct publication *copy = om_arena_get(om_txn_arena(txn), sizeof *copy);
    omega_status status = OMEGA_OK;
    if (copy == NULL) {
        return om_nomem();
    }
    *copy = *p;
    if (p->floats != NULL) {
        om_mutex_lock(&points->mutex);
        status = om_items_prepare(points->items, p->row, &copy->item);
        if (status == OMEGA_OK) {
            status = om_spaces_reserve(p->space, copy->item);
        }
        om_mutex_unlock(&points->mutex);
    }
    return status != OMEGA_OK ? status : om_txn_on_commit(txn, publish, points, copy);
}

/* ---- Applying -------------------------------------------------------------------------------- */

static omega_status add_point(struct om_points *points, struct om_txn *txn,
                              const struct om_space *space, struct om_point_row *row,
                              const void *floats)
{
    struct om_point_row known = {.row = 0};
    bool found = false;
    omega_status status = om_point_find(om_txn_conn(txn), space->id, row->key, &known, &found);
    if (status != OMEGA_OK) {
        return status;
    }
    row->row = known.row;
    if (!found) {
        status = next_row(om_txn_conn(txn), &row->row);
    }
    row->space = space->id;
    row->seq = om_txn_seq(txn);
    if (status == OMEGA_OK) {
        status = write_row(om_txn_conn(txn), row);
    }
    if (status == OMEGA_OK) {
        status = om_spaces_put(txn, space, row->row, floats);
    }
    struct publication p = {points, space, row->row, 0, floats};
    return status != OMEGA_OK ? status : announce(points, txn, &p);
}

/* The space's part of an add record; its name must end with a NUL for om_spaces_ensure. */
static omega_status read_space(struct om_txn *txn, struct om_unpack *body, struct om_space *out)
{
    uint64_t version = om_unpack_u64(body);
    omega_str name = om_unpack_str(body);
    memset(out, 0, sizeof *out);
    out->owner = OM_SPACE_POINTS;
    out->metric = (enum om_metric)om_unpack_u64(body);
    out->dimension = (uint32_t)om_unpack_u64(body);
    if (body->failed || version != OM_POINTS_RECORD_VERSION || name.len > OM_LIMIT_NAME ||
        (unsigned)out->metric > OM_METRIC_L2) {
        return om_fail(OMEGA_ECORRUPT, "a record of points cannot be read");
    }
    out->name = om_arena_text(om_txn_arena(txn), name);
    return out->name != NULL ? OMEGA_OK : om_nomem();
}

omega_status om_points_apply_add(void *context, struct om_txn *txn, const struct om_record *record,
                                 struct om_buf *result)
{
    struct om_points *points = context;
    struct om_unpack body;
    struct om_space wanted;
    const struct om_space *space = NULL;
    (void)result;
    om_unpack_init(&body, record->body.ptr, record->body.len);
    omega_status status = read_space(txn, &body, &wanted);
    if (status == OMEGA_OK) {
        status = om_spaces_ensure(points->spaces, txn, &wanted, &space);
    }
    uint64_t count = status == OMEGA_OK ? om_unpack_u64(&body) : 0;
    for (uint64_t i = 0; i < count && status == OMEGA_OK; i++) {
        struct om_point_row row = {.key = om_unpack_str(&body)};
        uint32_t dimension = 0;
        row.metadata = om_unpack_str(&body);
        const void *floats = om_unpack_floats(&body, &dimension);
        if (body.failed || dimension != space->dimension) {
            return om_fail(OMEGA_ECORRUPT, "a record of points cannot be read");
        }
        status = add_point(points, txn, space, &row, floats);
    }
    return status != OMEGA_OK ? status : om_unpack_finish(&body, "a record of points");
}

static omega_status remove_point(struct om_points *points, struct om_txn *txn,
                                 const struct om_space *space, omega_str key)
{
    struct om_point_row row;
    struct om_stmt *stmt = NULL;
    uint64_t removed = 0;
    bool found = false;
    omega_status status = om_point_find(om_txn_conn(txn), space->id, key, &row, &found);
    if (status == OMEGA_OK && !found) {
        return om_fail(OMEGA_ENOTFOUND, "space '%s' has no point '%.*s'", space->name,
                       OM_STR_ARG(key));
    }
    if (status == OMEGA_OK) {
        status = om_sql(om_txn_conn(txn), &om_points_schema, OM_POINTS_REMOVE, &stmt);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    int64_t number = row.row;
    om_bind_i64(stmt, 0, number);
    status = om_run(stmt);
    if (status == OMEGA_OK) {
        status = om_spaces_remove(txn, space, number, &removed);
    }
    if (status == OMEGA_OK) {
        status = om_txn_mark_erase(txn);
    }
    struct publication p = {points, space, number, 0, NULL};
    return status != OMEGA_OK ? status : announce(points, txn, &p);
}

omega_status om_points_apply_delete(void *context, struct om_txn *txn,
                                    const struct om_record *record, struct om_buf *result)
{
    struct om_points *points = context;
    struct om_unpack body;
    (void)result;
    om_unpack_init(&body, record->body.ptr, record->body.len);
    uint64_t version = om_unpack_u64(&body);
    omega_str name = om_unpack_str(&body);
    omega_str key = om_unpack_str(&body);
    omega_status status = om_unpack_finish(&body, "a record of points");
    if (status != OMEGA_OK || version != OM_POINTS_RECORD_VERSION) {
        return om_fail(OMEGA_ECORRUPT, "a record of points cannot be read");
    }
    const struct om_space *space = om_spaces_find(points->spaces, name);
    if (space == NULL || space->owner != OM_SPACE_POINTS) {
        return om_fail(OMEGA_ENOTFOUND, "no space of points '%.*s'", OM_STR_ARG(name));
    }
    return remove_point(points, txn, space, key);
}

/* ---- Loading --------------------------------------------------------------------------------- */

struct loading {
    struct om_points *points;
    const struct om_space *space;
    uint64_t seq;
};

static omega_status load_vector(void *context, int64_t row, const float *values)
{
    struct loading *loading = context;
    struct om_points *points = loading->points;
    uint32_t item = 0;
    if (values == NULL) {
        om_log(OM_LOG_ERROR, "agentdb",
               "the vector of point row %lld in space '%s' is damaged; it "
               "is left out",
               (long long)row, loading->space->name);
        return OMEGA_OK;
    }
    if (!om_items_find(points->items, row, &item)) {
        return OMEGA_OK;
    }
    return om_spaces_add(loading->space, item, 0, loading->seq, values);
}

static omega_status load_rows(struct om_points *points, struct om_reader *reader)
{
    struct om_stmt *stmt = NULL;
    bool found = true;
    omega_status status = om_sql(reader->conn, &om_points_schema, OM_POINTS_EACH, &stmt);
    while (status == OMEGA_OK) {
        struct om_point_row row;
        uint32_t item = 0;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        status = read_row(stmt, &row);
        if (status == OMEGA_ECORRUPT) {
            om_log(OM_LOG_ERROR, "agentdb", "%s; it is left out", om_error_last()->message);
            status = OMEGA_OK;
            continue;
        }
        if (status == OMEGA_OK) {
            status = om_items_prepare(points->items, row.row, &item);
        }
        if (status == OMEGA_OK) {
            om_items_add(points->items, item);
        }
    }
    om_stmt_reset(stmt);
    return status;
}

omega_status om_points_load(struct om_points *points, struct om_store *store)
{
    enum { WAIT_MS = 10000 };
    struct om_reader reader = {0};
    omega_status status = om_store_read(store, WAIT_MS, &reader);
    if (status != OMEGA_OK) {
        return status;
    }
    struct loading loading = {.points = points, .seq = reader.seq};
    status = om_spaces_load(points->spaces, &reader);
    if (status == OMEGA_OK) {
        status = load_rows(points, &reader);
    }
    for (uint32_t id = 1; id <= om_spaces_count(points->spaces) && status == OMEGA_OK; id++) {
        loading.space = om_spaces_at(points->spaces, id);
        if (loading.space != NULL && loading.space->owner == OM_SPACE_POINTS) {
            status = om_spaces_scan(points->spaces, &reader, loading.space, load_vector, &loading);
        }
    }
    om_store_read_end(&reader);
    return status;
}

/* ---- The schema ------------------------------------------------------------------------------ */

static omega_status check_points(struct om_conn *conn, struct om_check *check)
{
    struct om_stmt *stmt = NULL;
    bool found = true;
    omega_status status = om_sql(conn, &om_points_schema, OM_POINTS_EACH, &stmt);
    while (status == OMEGA_OK) {
        struct om_point_row row;
        status = om_step(stmt, &found);
        if (status != OMEGA_OK || !found) {
            break;
        }
        check->rows += 1;
        if (read_row(stmt, &row) != OMEGA_OK) {
            om_check_fault(check, "%s", om_error_last()->message);
        } else if (om_col_is_null(stmt, 6)) {
            om_check_fault(check, "point row %lld has no vector in its space", (long long)row.row);
        }
    }
    om_stmt_reset(stmt);
    return status;
}

static bool row_good(const char *table, struct om_stmt *row)
{
    struct om_point_row point;
    (void)table;
    return read_row(row, &point) == OMEGA_OK;
}

static const char *const migrations[] = {
    "CREATE TABLE points(row INTEGER PRIMARY KEY, space INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " sum INTEGER NOT NULL, key TEXT NOT NULL, metadata TEXT);"
    "CREATE UNIQUE INDEX points_key ON points(space, key);",
};

#define POINTS_EACH                                                                                \
    "SELECT p.row, p.space, p.seq, p.sum, p.key, p.metadata, v.id FROM points p"                   \
    " LEFT JOIN vectors v ON v.id = (p.space << 40 | p.row) ORDER BY p.row"
#define POINT_COLUMNS "SELECT row, space, seq, sum, key, metadata FROM points "

static const char *const statements[OM_POINTS_STATEMENT_COUNT] = {
    [OM_POINTS_FIND] = POINT_COLUMNS "WHERE space = ? AND key = ?",
    [OM_POINTS_BY_ROW] = POINT_COLUMNS "WHERE row = ?",
    [OM_POINTS_LAST] = "SELECT ifnull(max(row), 0) FROM points",
    [OM_POINTS_WRITE] = "INSERT INTO points(row, space, seq, sum, key, metadata)"
                        " VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(row) DO UPDATE SET"
                        " seq = excluded.seq, sum = excluded.sum, metadata = excluded.metadata",
    [OM_POINTS_REMOVE] = "DELETE FROM points WHERE row = ?",
    [OM_POINTS_EACH] = POINTS_EACH,
};

static const char *const tables[] = {"points", NULL};

const struct om_schema om_points_schema = {
    .name = "points",
    .migrations = migrations,
    .migration_count = OM_COUNT_OF(migrations),
    .statements = statements,
    .statement_count = OM_POINTS_STATEMENT_COUNT,
    .tables = tables,
    .check = check_points,
    .row_good = row_good,
};
