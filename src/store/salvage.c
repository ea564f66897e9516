/* salvage.c -- what can still be read of a damaged store goes into a new one.
 *
 * Table by table, row by row, as plain SQL. In a table with row numbers a damaged page ends a scan;
 * the scan then comes from the other end, and what lies between is halved again and again, so that
 * only the ranges whose own pages are damaged are lost, not what stands behind them. A table
 * without row numbers is read from both ends. Reading goes through SQLite's checks of each page and
 * cell; a row whose checksum is wrong (the schema's row_good) is counted and left out.
 *
 * The source is not changed: it is opened for reading, its log is read where it fits, no
 * checkpoint. The new store keeps the old one's id and key (tombstones stay valid) and gets a new
 * incarnation.
 *
 * `*lost` counts damaged rows that were seen, and one for each range that could not be read: how
 * many rows stood there nobody knows.
 *
 * Rejected: SQLite's recovery extension (not in Debian's build). */
#include "store/store_int.h"

enum {
    RANGES_MAX = 2048,
    RANGES_OPEN = 128,
    COLUMNS_MAX = 64,
    SQL_SIZE = 4096,
    COMMIT_ROWS = 1000
};

struct salvage {
    struct om_conn *source;
    struct om_conn *target;
    uint64_t copied, lost;
    unsigned ranges; /* looked at, of this table */
    uint64_t in_txn;
};

struct salvage_table {
    const struct om_schema *schema;
    const char *name;
    char columns[SQL_SIZE / 2]; /* "a, b, c" */
    int column_count;
    bool has_rowid;
    struct om_stmt insert;
};

/* ---- One row --------------------------------------------------------------------------------- */

static omega_status keep_going(struct salvage *salvage)
{
    if (++salvage->in_txn < COMMIT_ROWS) {
        return OMEGA_OK;
    }
    salvage->in_txn = 0;
    omega_status status = om_conn_exec(salvage->target, "COMMIT");
    return status == OMEGA_OK ? om_conn_exec(salvage->target, "BEGIN") : status;
}

static bool is_good(const struct salvage_table *table, struct om_stmt *row)
{
    if (table->schema == &om_store_schema && strcmp(table->name, "ops") == 0) {
        struct om_op_row op;
        om_op_read(row, &op);
        return op.sum == om_op_sum(&op) && !om_uuid_is_nil(op.op_id);
    }
    if (table->schema == &om_store_schema && strcmp(table->name, "outbox") == 0) {
        return om_outbox_row_sound(row);
    }
    return table->schema->row_good == NULL || table->schema->row_good(table->name, row);
}

static omega_status copy_row(struct salvage *salvage, struct salvage_table *table,
                             struct om_stmt *row)
{
    if (!is_good(table, row)) {
        salvage->lost++;
        return OMEGA_OK;
    }
    sqlite3_reset(table->insert.raw);
    for (int i = 0; i < table->column_count; i++) {
        int rc = sqlite3_bind_value(table->insert.raw, i + 1, sqlite3_column_value(row->raw, i));
        if (rc != SQLITE_OK) {
            return om_conn_fail(salvage->target, rc, "copying a row");
        }
    }
    omega_status status = om_run(&table->insert);
    if (status == OMEGA_EINVAL || status == OMEGA_ECONFLICT) {
        salvage->lost++; /* it breaks a rule of its table: damaged */
        return OMEGA_OK;
    }
    if (status != OMEGA_OK) {
        return status;
    }
    salvage->copied += om_changed_rows(salvage->target) > 0 ? 1 : 0;
    return keep_going(salvage);
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

struct range {
    int64_t low, high;
};

/* One pass over row numbers [low, high]. */
struct scan {
    int64_t low, high;
    bool descending;
    int64_t
        reached; /* the last row number that was read; beyond the edge when not even the first */
    bool whole;  /* nothing was in the way */
};

static omega_status scan_rows(struct salvage *salvage, struct salvage_table *table,
                              struct om_stmt *stmt, struct scan *scan)
{
    bool row = true;
    omega_status status = OMEGA_OK;
    scan->reached = scan->descending ? scan->high + 1 : scan->low - 1;
    om_bind_i64(stmt, 0, scan->low);
    om_bind_i64(stmt, 1, scan->high);
    while ((status = om_step(stmt, &row)) == OMEGA_OK && row) {
        scan->reached = om_col_i64(stmt, table->column_count);
        status = copy_row(salvage, table, stmt);
        if (status != OMEGA_OK) {
            break;
        }
    }
    scan->whole = status == OMEGA_OK;
    return status;
}

/* Only damage is tolerated. */
static omega_status scan_range(struct salvage *salvage, struct salvage_table *table,
                               struct scan *scan)
{
    char sql[SQL_SIZE];
    struct om_stmt stmt;
    (void)snprintf(sql, sizeof(sql),
                   "SELECT %s, rowid FROM %s WHERE rowid BETWEEN ? AND ? ORDER BY rowid %s",
                   table->columns, table->name, scan->descending ? "DESC" : "ASC");
    omega_status status = om_conn_prepare(salvage->source, sql, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    status = scan_rows(salvage, table, &stmt, scan);
    om_stmt_done(&stmt);
    bool damaged = status == OMEGA_ECORRUPT || status == OMEGA_EIO;
    return damaged ? OMEGA_OK : status;
}

/* From both ends, then the halves of what lies between, until ranges or patience are used up. */
static omega_status copy_ranges(struct salvage *salvage, struct salvage_table *table,
                                struct range *stack)
{
    size_t depth = 0;
    omega_status status = OMEGA_OK;
    stack[depth++] = (struct range){-(INT64_C(1) << 62), INT64_C(1) << 62};
    while (depth > 0 && status == OMEGA_OK) {
        struct range range = stack[--depth];
        struct scan up = {.low = range.low, .high = range.high};
        status = scan_range(salvage, table, &up);
        if (status != OMEGA_OK || up.whole) {
            continue;
        }
        struct scan down = {.low = up.reached + 1, .high = range.high, .descending = true};
        status = scan_range(salvage, table, &down);
        int64_t low = up.reached + 1, high = down.reached - 1;
        if (status != OMEGA_OK || down.whole) {
            salvage->lost += down.whole ? 1 : 0;
            continue;
        }
        if (low >= high || ++salvage->ranges > RANGES_MAX || depth + 2 > RANGES_OPEN) {
            salvage->lost++;
            continue;
        }
        int64_t middle = low + (high - low) / 2;
        stack[depth++] = (struct range){middle + 1, high};
        stack[depth++] = (struct range){low, middle};
    }
    return status;
}

static omega_status copy_both_ends(struct salvage *salvage, struct salvage_table *table)
{
    static const char *const orders[] = {"ASC", "DESC"};
    for (size_t i = 0; i < OM_COUNT_OF(orders); i++) {
        char sql[SQL_SIZE];
        struct om_stmt stmt;
        bool row = true;
        (void)snprintf(sql, sizeof(sql), "SELECT %s FROM %s ORDER BY 1 %s", table->columns,
                       table->name, orders[i]);
        omega_status status = om_conn_prepare(salvage->source, sql, &stmt);
        while (status == OMEGA_OK && (status = om_step(&stmt, &row)) == OMEGA_OK && row) {
            status = copy_row(salvage, table, &stmt);
            if (status != OMEGA_OK) {
                break;
            }
        }
        om_stmt_done(&stmt);
        if (status == OMEGA_OK) {
            return OMEGA_OK;
        }
        salvage->lost += i == 0 ? 1 : 0;
        if (status != OMEGA_ECORRUPT && status != OMEGA_EIO) {
            return status;
        }
    }
    return OMEGA_OK;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static bool has_rowid(struct om_conn *conn, const char *name)
{
    char sql[SQL_SIZE];
    struct om_stmt stmt;
    (void)snprintf(sql, sizeof(sql), "SELECT rowid FROM %s LIMIT 0", name);
    bool has = om_conn_prepare(conn, sql, &stmt) == OMEGA_OK;
    om_stmt_done(&stmt);
    return has;
}

/* The columns as the new store has them, and the statement that fills them. */
static omega_status describe(struct salvage *salvage, struct salvage_table *table)
{
    char sql[SQL_SIZE], marks[COLUMNS_MAX * 3 + 1];
    struct om_stmt stmt;
    bool row = true;
    size_t len = 0;
    (void)snprintf(sql, sizeof(sql), "SELECT name FROM pragma_table_info('%s') ORDER BY cid",
                   table->name);
    omega_status status = om_conn_prepare(salvage->target, sql, &stmt);
    marks[0] = '\0';
    while (status == OMEGA_OK && (status = om_step(&stmt, &row)) == OMEGA_OK && row &&
           table->column_count < COLUMNS_MAX && len < sizeof(table->columns) - OM_LIMIT_NAME) {
        const char *comma = table->column_count > 0 ? ", " : "";
        (void)snprintf(table->columns + len, sizeof(table->columns) - len, "%s%.*s", comma,
                       OM_STR_ARG(om_utf8_clip(om_col_str(&stmt, 0), OM_LIMIT_NAME - 4)));
        len = strlen(table->columns);
        (void)snprintf(marks + strlen(marks), sizeof(marks) - strlen(marks), "%s?", comma);
        table->column_count++;
    }
    om_stmt_done(&stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    table->has_rowid = has_rowid(salvage->target, table->name);
    (void)snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s(%s) VALUES(%s)", table->name,
                   table->columns, marks);
    return om_conn_prepare(salvage->target, sql, &table->insert);
}

static omega_status copy_table(struct salvage *salvage, const struct om_schema *schema,
                               const char *name)
{
    struct salvage_table table = {.schema = schema, .name = name};
    struct range *stack = om_get0(salvage->source->alloc, RANGES_OPEN, sizeof(*stack));
    salvage->ranges = 0;
    omega_status status = stack != NULL ? describe(salvage, &table) : om_nomem();
    if (status == OMEGA_OK) {
        status =
            table.has_rowid ? copy_ranges(salvage, &table, stack) : copy_both_ends(salvage, &table);
        if (status == OMEGA_ECORRUPT) {
            salvage->lost++; /* not even the table's definition can be read */
            status = OMEGA_OK;
        }
    }
    om_stmt_done(&table.insert);
    om_put(salvage->source->alloc, stack);
    return status;
}

/* meta is taken fact by fact: what the new store says of itself stays. */
static omega_status copy_facts(struct salvage *salvage)
{
    unsigned char id[16], key[32];
    bool has_id = false, has_key = false;
    int64_t floor = 0;
    omega_status status =
        om_meta_get_bytes(salvage->source, "database_id", id, sizeof(id), &has_id);
    if (status == OMEGA_OK) {
        status = om_meta_get_bytes(salvage->source, "key", key, sizeof(key), &has_key);
    }
    if (status == OMEGA_OK) {
        status = om_meta_get_i64(salvage->source, "seq_floor", &floor);
    }
    if (status == OMEGA_ECORRUPT) {
        salvage->lost++;
        status = OMEGA_OK;
    }
    if (status == OMEGA_OK && has_id) {
        status = om_meta_set_bytes(salvage->target, "database_id", id, sizeof(id));
    }
    if (status == OMEGA_OK && has_key) {
        status = om_meta_set_bytes(salvage->target, "key", key, sizeof(key));
    }
    if (status == OMEGA_OK && floor > 0) {
        status = om_meta_set_i64(salvage->target, "seq_floor", floor);
    }
    return status;
}

/* Taken fact by fact, or not at all: a change feed with gaps would be believed, so the new one is
 * empty and says from where it begins. */
static bool is_left_out(const struct om_schema *schema, const char *table)
{
    static const char *const names[] = {"meta", "versions", "changes"};
    for (size_t i = 0; i < OM_COUNT_OF(names) && schema == &om_store_schema; i++) {
        if (strcmp(table, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static omega_status close_feed(struct salvage *salvage)
{
    uint64_t last = 0;
    omega_status status = om_conn_last_seq(salvage->target, &last);
    return status == OMEGA_OK ? om_meta_set_i64(salvage->target, "changes_floor", (int64_t)last)
                              : status;
}

static omega_status copy_all(struct salvage *salvage)
{
    omega_status status = om_conn_exec(salvage->target, "BEGIN");
    if (status == OMEGA_OK) {
        status = copy_facts(salvage);
    }
    for (size_t i = 0; i < salvage->target->schema_count && status == OMEGA_OK; i++) {
        const struct om_schema *schema = salvage->target->schemas[i];
        for (const char *const *t = schema->tables; *t != NULL && status == OMEGA_OK; t++) {
            if (!is_left_out(schema, *t)) {
                status = copy_table(salvage, schema, *t);
            }
        }
    }
    if (status == OMEGA_OK) {
        status = close_feed(salvage);
    }
    om_conn_reset(salvage->source);
    om_conn_reset(salvage->target);
    if (om_conn_in_txn(salvage->target)) {
        omega_status committed =
            om_conn_exec(salvage->target, status == OMEGA_OK ? "COMMIT" : "ROLLBACK");
        status = status == OMEGA_OK ? committed : status;
    }
    return status;
}

/* ---- Both stores ----------------------------------------------------------------------------- */

static omega_status lock_source(const struct om_store_options *options, int *lock_fd)
{
    char path[OM_PATH_SIZE];
    int64_t pid = 0;
    omega_status status = om_os_join(path, options->dir, "omega.db");
    if (status == OMEGA_OK && !om_os_exists(path)) {
        status = om_fail(OMEGA_ENOTFOUND, "there is no store in %s", options->dir);
    }
    if (status == OMEGA_OK) {
        status = om_os_join(path, options->dir, "omega.lock");
    }
    if (status == OMEGA_OK) {
        status = om_os_lock_file(path, lock_fd, &pid);
    }
    if (status == OMEGA_EBUSY) {
        return om_fail(OMEGA_EBUSY, "%s is in use by process %lld", options->dir, (long long)pid);
    }
    return status;
}

static omega_status open_source(const struct om_store_options *options, struct om_store *like,
                                struct om_conn **out)
{
    char path[OM_PATH_SIZE];
    omega_status status = om_os_join(path, options->dir, "omega.db");
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_conn_options source = {
        .alloc = options->alloc,
        .path = path,
        .vfs = options->vfs,
        .role = OM_CONN_READER,
        .schemas = like->schemas,
        .schema_count = like->schema_count,
    };
    return om_conn_open(&source, out);
}

static omega_status salvage_into(const struct om_store_options *options, struct om_store *store,
                                 struct salvage *salvage)
{
    bool fresh = false;
    omega_status status = om_writer_enter(store, 0);
    if (status != OMEGA_OK) {
        return status;
    }
    salvage->target = store->writer.conn;
    status = open_source(options, store, &salvage->source);
    if (status == OMEGA_OK) {
        /* Nothing foreign runs, also not while rescuing. */
        status = om_schema_trust(salvage->source, &fresh);
    }
    if (status == OMEGA_OK) {
        status = copy_all(salvage);
    }
    om_conn_close(salvage->source);
    om_writer_leave(store);
    return status;
}

static omega_status open_target(const struct om_store_options *options, const char *out_dir,
                                struct om_store **out)
{
    struct om_store_options target = *options;
    char path[OM_PATH_SIZE];
    omega_status status = om_os_join(path, out_dir, "omega.db");
    if (status == OMEGA_OK && om_os_exists(path)) {
        status = om_fail(OMEGA_ECONFLICT, "%s holds a store already", out_dir);
    }
    target.dir = out_dir;
    target.must_exist = target.read_only = target.accept_loss = false;
    return status == OMEGA_OK ? om_store_open(&target, out) : status;
}

omega_status om_store_salvage(const struct om_store_options *options, const char *out_dir,
                              uint64_t *copied, uint64_t *lost)
{
    struct om_store *store = NULL;
    struct salvage salvage = {0};
    int lock_fd = -1;
    omega_status status = lock_source(options, &lock_fd);
    if (status == OMEGA_OK) {
        status = open_target(options, out_dir, &store);
    }
    if (status == OMEGA_OK) {
        status = salvage_into(options, store, &salvage);
    }
    if (status == OMEGA_OK) {
        /* The mark of the new store must name the id that was taken over. */
        status = om_store_adopt(store);
    }
    om_store_close(store);
    om_os_close(&lock_fd);
    *copied = salvage.copied;
    *lost = salvage.lost;
    return status == OMEGA_OK ? OMEGA_OK : om_error_prefix(status, "salvaging");
}
