/* writer.c -- the role of the one who writes: taking it alone, committing, checkpoints, poison.
 *
 * The writing connection is no thread's own; whoever holds the role uses it. Two kinds of callers
 * take it: a commit's leader (commit.c), who takes it when it is free and gives it back after one
 * batch, and upkeep (checkpoint, trim, erase, backup's copy of a schema), which must have it alone.
 * Upkeep that waits gets the role handed over by the next leader who is done, so a stream of
 * commits cannot starve it; new commits may overtake each other but not the one who was granted.
 *
 * After an fsync that failed the kernel has already forgotten which pages did not reach the disk,
 * so a second fsync would lie. From then on every write is refused, the mark says that the file
 * must be checked before it is trusted, and only closing and opening it again clears the state
 * (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
 *
 * fsync times are measured as the duration of COMMIT with synchronous=FULL: SQLite writes the
 * frames and fsyncs in it, and the write is a small part. */
#include "store/store_int.h"

/* ---- The role alone -------------------------------------------------------------------------- */

omega_status om_writer_enter(struct om_store *store, unsigned timeout_ms)
{
    struct om_writer *writer = &store->writer;
    int64_t left_ns = (int64_t)timeout_ms * 1000000;
    omega_status status = OMEGA_OK;
    om_mutex_lock(&writer->mutex);
    writer->alone_waiting++;
    while (writer->is_busy && !writer->is_granted && status == OMEGA_OK) {
        if (!om_cond_wait_for(&writer->alone, &writer->mutex, left_ns) && writer->is_busy &&
            !writer->is_granted) {
            status = om_fail(OMEGA_EAGAIN, "a writer stood in the way for %u ms", timeout_ms);
        }
    }
    writer->alone_waiting--;
    if (status == OMEGA_OK) {
        writer->is_busy = true;
        writer->is_granted = false;
    }
    om_mutex_unlock(&writer->mutex);
    return status;
}

/* ---- Commit ---------------------------------------------------------------------------------- */

omega_status om_store_writable(struct om_store *store)
{
    if (atomic_load_explicit(&store->is_poisoned, memory_order_acquire)) {
        return om_fail(OMEGA_EIO,
                       "the disk failed earlier: nothing is written until the store in "
                       "%s is closed, opened again and found sound",
                       store->dir);
    }
    if (store->is_read_only) {
        return om_fail(OMEGA_EREADONLY, "%s", store->read_only_reason);
    }
    return OMEGA_OK;
}

bool om_store_is_shut(const struct om_store *store)
{
    return store->is_read_only || atomic_load_explicit(&store->is_poisoned, memory_order_acquire);
}

void om_store_poison(struct om_store *store, const char *what)
{
    om_mutex_lock(&store->notice);
    bool first = !atomic_load_explicit(&store->is_poisoned, memory_order_relaxed);
    if (first) {
        (void)snprintf(store->read_only_reason, sizeof(store->read_only_reason),
                       "%s failed: close the store and open it again", what);
        atomic_store_explicit(&store->is_poisoned, true, memory_order_release);
    }
    om_mutex_unlock(&store->notice);
    if (first) {
        om_log(OM_LOG_ERROR, "store", "%s failed: writes are refused until the store is reopened",
               what);
        store->mark.needs_check = true;
        if (store->mark_fd >= 0 && om_mark_write(store->mark_fd, &store->mark) != OMEGA_OK) {
            om_log(OM_LOG_WARN, "store", "the mark could not be written");
        }
    }
}

omega_status om_writer_sync_mode(struct om_store *store, bool full)
{
    struct om_conn *conn = store->writer.conn;
    if (conn->is_full == full) {
        return OMEGA_OK;
    }
    omega_status status =
        om_conn_exec(conn, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    if (status == OMEGA_OK) {
        conn->is_full = full;
    }
    return status;
}

omega_status om_writer_commit(struct om_store *store, bool full)
{
    struct om_conn *conn = store->writer.conn;
    struct om_stmt *stmt;
    om_conn_reset(conn);
    omega_status status = om_sql(conn, &om_store_schema, OM_SQL_COMMIT, &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    int64_t start = om_mono_ns(om_clock_system());
    int rc = sqlite3_step(stmt->raw);
    if (rc == SQLITE_DONE) {
        int64_t now = om_mono_ns(om_clock_system());
        if (full) {
            om_fsync_note(store, now - start);
        }
        atomic_fetch_add_explicit(&store->commits, 1, memory_order_relaxed);
        sqlite3_reset(stmt->raw);
        return OMEGA_OK;
    }
    status = om_conn_fail(conn, rc, "committing");
    sqlite3_reset(stmt->raw);
    if (om_sqlite_is_io(rc) && status != OMEGA_ENOMEM) {
        om_store_poison(store, "committing to the disk");
    }
    return status;
}

void om_writer_durable(struct om_store *store, uint64_t seq)
{
    atomic_store_explicit(&store->durable_seq, seq, memory_order_release);
    store->mark.seq = seq;
    if (om_mark_write(store->mark_fd, &store->mark) != OMEGA_OK) {
        /* It may lag: the next one that succeeds catches up. */
        om_log(OM_LOG_WARN, "store", "the mark could not be written");
    }
}

omega_status om_writer_txn(struct om_store *store,
                           omega_status (*work)(void *context, struct om_conn *conn), void *context)
{
    struct om_conn *conn = store->writer.conn;
    struct om_stmt *stmt;
    int64_t before = sqlite3_total_changes64(conn->db);
    omega_status status = om_store_writable(store);
    if (status == OMEGA_OK) {
        status = om_conn_no_txn(conn);
    }
    if (status == OMEGA_OK) {
        status = om_writer_sync_mode(store, true);
    }
    if (status == OMEGA_OK) {
        status = om_sql(conn, &om_store_schema, OM_SQL_BEGIN, &stmt);
    }
    if (status == OMEGA_OK) {
        status = om_run(stmt);
    }
    if (status == OMEGA_OK) {
        status = work(context, conn);
    }
    if (status == OMEGA_OK) {
        status = om_writer_commit(store, true);
    }
    if (status != OMEGA_OK) {
        om_conn_roll_back(conn);
        return status;
    }
    if (sqlite3_total_changes64(conn->db) != before) {
        om_writer_durable(store, store->last_seq); /* an empty commit fsyncs nothing */
    }
    return OMEGA_OK;
}

/* ---- Checkpoints ----------------------------------------------------------------------------- */

omega_status om_writer_checkpoint(struct om_store *store, int mode, unsigned timeout_ms)
{
    struct om_conn *conn = store->writer.conn;
    om_conn_reset(conn);
    om_writer_note_log(store);
    (void)sqlite3_busy_timeout(conn->db, (int)OM_MIN(timeout_ms, 1000000000U));
    int frames = 0, copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(conn->db, "main", mode, &frames, &copied);
    (void)sqlite3_busy_timeout(conn->db, 2000);
    if (rc == SQLITE_OK) {
        if (copied < frames) {
            return om_fail(OMEGA_EAGAIN, "readers stand in the way of the checkpoint");
        }
        atomic_store_explicit(&store->wal_bytes, 0, memory_order_relaxed);
        om_writer_durable(store, store->last_seq);
        return OMEGA_OK;
    }
    omega_status status = om_conn_fail(conn, rc, "checkpointing");
    if (rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC) {
        om_store_poison(store, "an fsync of the checkpoint");
    }
    return status;
}

omega_status om_store_checkpoint(struct om_store *store, bool truncate, unsigned timeout_ms)
{
    omega_status status = om_store_writable(store);
    if (status == OMEGA_OK) {
        status = om_writer_enter(store, timeout_ms);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_store_writable(store);
    if (status == OMEGA_OK) {
        int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
        status = om_writer_checkpoint(store, mode, timeout_ms);
    }
    om_writer_leave(store);
    return status;
}
