/* upkeep.c -- what keeps the files small: when to checkpoint, trimming the feeds and the log.
 *
 * Trimming works in slices of a few hundred rows, each a transaction of its own, always from the
 * oldest end. The feeds remember up to where they were trimmed (outbox_floor, changes_floor), so
 * that whoever comes with an older cursor is told instead of being given a gap. The last operation
 * is never removed: it carries the sequence. Kept operations (keep_operations) are not trimmed. */
#include "store/store_int.h"

enum { SLICE_ROWS = 256, IDLE_NS = 1000000000, TRIM_WAIT_MS = 100 };
static const int64_t keep_ms = INT64_C(7) * 24 * 3600 * 1000;

bool om_store_wants_checkpoint(struct om_store *store)
{
    uint64_t bytes = atomic_load_explicit(&store->wal_bytes, memory_order_relaxed);
    int64_t last = atomic_load_explicit(&store->last_write_ns, memory_order_relaxed);
    if (bytes == 0 || om_store_is_shut(store)) {
        return false;
    }
    return bytes > OM_WAL_CHECKPOINT_BYTES || om_mono_ns(store->clock) - last >= IDLE_NS;
}

struct trim {
    struct om_store *store;
    int64_t last_seq;
    int64_t cutoff_ms;
    bool more;
};

/* The last row of the slice that may go, 0 when none; a slice that goes whole has more behind it.
 * */
static omega_status old_events(struct trim *trim, struct om_conn *conn, int64_t *out)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_OUTBOX_OLD, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, SLICE_ROWS);
    bool row = true;
    unsigned count = 0;
    *out = 0;
    while ((status = om_step(stmt, &row)) == OMEGA_OK && row) {
        int64_t at = om_col_i64(stmt, 0);
        if (at > trim->last_seq - OM_FEED_MAX && om_col_i64(stmt, 1) >= trim->cutoff_ms) {
            break;
        }
        *out = at;
        count++;
    }
    om_stmt_reset(stmt);
    trim->more = trim->more || count == SLICE_ROWS;
    return status;
}

static omega_status remove_upto(struct om_conn *conn, enum om_own_sql which, int64_t upto)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(conn, &om_store_schema, which, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, upto);
    return om_run(stmt);
}

static omega_status trim_outbox(struct trim *trim, struct om_conn *conn)
{
    int64_t upto = 0;
    omega_status status = old_events(trim, conn, &upto);
    if (status != OMEGA_OK || upto == 0) {
        return status;
    }
    status = om_meta_set_i64(conn, "outbox_floor", upto);
    return status == OMEGA_OK ? remove_upto(conn, OM_SQL_OUTBOX_TRIM, upto) : status;
}

static omega_status change_ends(struct om_conn *conn, enum om_own_sql which, int64_t at,
                                int64_t *id, int64_t *seq)
{
    struct om_stmt *stmt;
    bool row = false;
    omega_status status = om_sql(conn, &om_store_schema, which, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    if (which == OM_SQL_CHANGE_AT) {
        om_bind_i64(stmt, 0, at);
    }
    status = om_step(stmt, &row);
    *id = row ? om_col_i64(stmt, 0) : 0;
    *seq = row ? om_col_i64(stmt, 1) : 0;
    om_stmt_reset(stmt);
    return status;
}

/* A sequence that loses some of its lines counts as trimmed. */
static omega_status trim_changes(struct trim *trim, struct om_conn *conn)
{
    int64_t first = 0, last = 0, seq = 0;
    omega_status status = change_ends(conn, OM_SQL_CHANGE_FIRST, 0, &first, &seq);
    if (status == OMEGA_OK) {
        status = change_ends(conn, OM_SQL_CHANGE_LAST, 0, &last, &seq);
    }
    if (status != OMEGA_OK || first <= 0 || last - first < OM_FEED_MAX) {
        return status;
    }
    int64_t excess = last - first + 1 - OM_FEED_MAX, upto = 0;
    trim->more = trim->more || excess > SLICE_ROWS;
    status =
        change_ends(conn, OM_SQL_CHANGE_AT, first + OM_MIN(excess, SLICE_ROWS) - 1, &upto, &seq);
    if (status == OMEGA_OK) {
        status = om_meta_set_i64(conn, "changes_floor", seq);
    }
    return status == OMEGA_OK ? remove_upto(conn, OM_SQL_CHANGE_TRIM, upto) : status;
}

static omega_status trim_ops(struct trim *trim, struct om_conn *conn)
{
    struct om_stmt *stmt;
    if (trim->store->options.keep_operations) {
        return OMEGA_OK;
    }
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_OP_TRIM, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, trim->last_seq);
    om_bind_i64(stmt, 1, SLICE_ROWS);
    om_bind_i64(stmt, 2, trim->cutoff_ms);
    status = om_run(stmt);
    trim->more = trim->more || om_changed_rows(conn) == SLICE_ROWS;
    return status;
}

static omega_status trim_all(void *context, struct om_conn *conn)
{
    struct trim *trim = context;
    omega_status status = trim_outbox(trim, conn);
    if (status == OMEGA_OK) {
        status = trim_changes(trim, conn);
    }
    return status == OMEGA_OK ? trim_ops(trim, conn) : status;
}

omega_status om_store_trim(struct om_store *store, bool *more)
{
    *more = false;
    omega_status status = om_writer_enter(store, TRIM_WAIT_MS);
    if (status != OMEGA_OK) {
        return status;
    }
    struct trim trim = {.store = store,
                        .last_seq = (int64_t)store->last_seq,
                        .cutoff_ms = om_wall_ms(store->clock) - keep_ms};
    status = om_writer_txn(store, trim_all, &trim);
    om_writer_leave(store);
    *more = status == OMEGA_OK && trim.more;
    return status;
}
