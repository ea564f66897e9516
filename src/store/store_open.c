/* store_open.c -- what stands in the directory, and may it be used.
 *
 *   file         mode  content
 *   omega.db     0600  the database (SQLite, WAL)
 *   omega.db-wal 0600  its write-ahead log; -shm beside it while it is open
 *   omega.lock   0600  the owner's lock; the owner's pid as text
 *   omega.mark   0600  the highest sequence that is on the disk (mark.c)
 *   omega.db.before-*  copies kept before a migration or a restore
 *
 * Decisions, in this order:
 *   no database, but a mark above 0 or a log that is not empty: OMEGA_ECORRUPT, never a new store
 *   a log beside a database of another id, or beside a backup's file: OMEGA_ECORRUPT; SQLite would
 *     play the log into a file that it does not belong to
 *   a file of another program, or a newer format: OMEGA_EFORMAT
 *   a database that ends below its mark: read-only, the missing operations are named; with
 *     accept_loss it goes on above the mark (no number is given twice) as a new incarnation
 *   a mark of another database: somebody replaced the file; a warning, and a new mark
 *   a mark that asks for it (an fsync had failed): a full check first; read-only when it fails */
#include "store/store_int.h"

/* ---- Files ----------------------------------------------------------------------------------- */

static uint64_t file_size(const char *path)
{
    uint64_t size = 0;
    return om_os_exists(path) && om_os_file_size(path, &size) == OMEGA_OK ? size : 0;
}

static uint64_t wal_size(const struct om_store *store)
{
    char path[OM_PATH_SIZE + 8];
    (void)snprintf(path, sizeof(path), "%s-wal", store->db_path);
    return file_size(path);
}

static omega_status take_lock(struct om_store *store)
{
    char path[OM_PATH_SIZE];
    int64_t pid = 0;
    omega_status status = om_os_join(path, store->dir, "omega.lock");
    if (status == OMEGA_OK) {
        status = om_os_lock_file(path, &store->lock_fd, &pid);
    }
    if (status == OMEGA_EBUSY) {
        return om_fail(OMEGA_EBUSY, "%s is in use by process %lld, see %s/omega.sock", store->dir,
                       (long long)pid, store->dir);
    }
    if (status == OMEGA_OK && !om_os_close_on_fork(store->lock_fd)) {
        return om_fail(OMEGA_ELIMIT, "%d stores are open in this process: the bound",
                       (int)OM_OS_FORK_FDS);
    }
    return status;
}

static omega_status open_dir(struct om_store *store)
{
    bool must_exist = store->options.must_exist || store->options.read_only;
    if (must_exist && !om_os_is_dir(store->dir)) {
        return om_fail(OMEGA_ENOTFOUND, "there is no directory %s", store->dir);
    }
    omega_status status = om_os_join(store->db_path, store->dir, "omega.db");
    if (status == OMEGA_OK) {
        status = om_os_join(store->mark_path, store->dir, "omega.mark");
    }
    if (status == OMEGA_OK && strlen(store->db_path) + sizeof("-journal") > OM_PATH_SIZE) {
        status = om_fail(OMEGA_ELIMIT, "the path %s is too long", store->db_path);
    }
    if (status != OMEGA_OK || store->options.read_only) {
        return status;
    }
    status = om_os_private_dir(store->dir);
    return status == OMEGA_OK ? take_lock(store) : status;
}

/* There is no database: is that good news? */
static omega_status make_new(struct om_store *store)
{
    if (store->mark.damaged || (store->mark.found && store->mark.seq > 0)) {
        return om_fail(OMEGA_ECORRUPT,
                       "omega.db is missing or empty, but %llu operations were stored in %s: "
                       "restore a backup, or remove omega.mark to begin anew",
                       (unsigned long long)store->mark.seq, store->dir);
    }
    if (wal_size(store) > 0) {
        return om_fail(OMEGA_ECORRUPT,
                       "omega.db is missing or empty beside omega.db-wal in %s: put it back, "
                       "restore a backup, or remove the log to begin anew",
                       store->dir);
    }
    if (store->options.must_exist || store->options.read_only) {
        return om_fail(OMEGA_ENOTFOUND, "there is no store in %s", store->dir);
    }
    int fd = -1;
    omega_status status = om_os_open_private(store->db_path, true, &fd);
    om_os_close(&fd);
    return status;
}

static struct om_conn_options conn_options(const struct om_store *store, enum om_conn_role role)
{
    return (struct om_conn_options){
        .alloc = store->alloc,
        .path = store->db_path,
        .vfs = store->vfs,
        .role = role,
        .read_only = store->options.read_only,
        .schemas = store->schemas,
        .schema_count = store->schema_count,
    };
}

/* A log that is not this file's: seen by looking at the file without its log. What cannot be read
 * so (a store killed before its first checkpoint) is left to SQLite. */
static omega_status refuse_strange_log(struct om_store *store)
{
    struct om_conn_options options = conn_options(store, OM_CONN_EXAMINER);
    struct om_conn *conn = NULL;
    struct om_uuid id = {{0}};
    bool found = false, copied = false;
    int64_t from = 0;
    if (wal_size(store) == 0) {
        return OMEGA_OK;
    }
    if (om_conn_open(&options, &conn) == OMEGA_OK &&
        om_meta_get_bytes(conn, "database_id", id.bytes, sizeof(id.bytes), &found) == OMEGA_OK &&
        om_meta_get_i64(conn, "backup_of", &from) == OMEGA_OK) {
        copied = from != 0;
    }
    if (conn != NULL) {
        om_conn_reset(conn);
    }
    om_conn_close(conn);
    bool other = found && store->mark.found && !om_uuid_eq(id, store->mark.database_id);
    if (other || copied) {
        return om_fail(OMEGA_ECORRUPT,
                       "omega.db in %s was replaced, and omega.db-wal beside it belongs to the "
                       "file that stood there before: move the log away, or use restore",
                       store->dir);
    }
    return OMEGA_OK;
}

static omega_status look_at_file(struct om_store *store)
{
    struct om_file_look look;
    omega_status status = om_file_look(store->db_path, &look);
    if (status != OMEGA_OK) {
        return status;
    }
    if (!look.exists || look.is_empty) {
        return make_new(store);
    }
    bool foreign = !look.is_sqlite ||
                   (look.application_id != 0 && look.application_id != OM_STORE_APPLICATION_ID);
    if (foreign && store->mark.found) {
        return om_fail(OMEGA_ECORRUPT,
                       "the head of omega.db in %s is damaged: restore a backup, or salvage what "
                       "can be read",
                       store->dir);
    }
    if (foreign) {
        return om_fail(OMEGA_EFORMAT, "omega.db in %s is not a store of Omega", store->dir);
    }
    if (look.application_id != 0 && look.format > OM_STORE_FORMAT) {
        return om_fail(OMEGA_EFORMAT,
                       "omega.db has format %u and this program knows up to %d: use a newer one",
                       look.format, OM_STORE_FORMAT);
    }
    return refuse_strange_log(store);
}

/* ---- The database ---------------------------------------------------------------------------- */

static int count_frames(void *context, sqlite3 *db, const char *name, int frames)
{
    struct om_store *store = context;
    (void)db;
    (void)name;
    atomic_store_explicit(&store->wal_bytes, (uint64_t)frames * (4096 + 24) + 32,
                          memory_order_relaxed);
    return SQLITE_OK;
}

static omega_status enter_wal_mode(struct om_conn *conn)
{
    struct om_stmt stmt;
    bool row = false;
    omega_status status = om_conn_prepare(conn, "PRAGMA journal_mode=WAL", &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_step(&stmt, &row);
    bool is_wal = status == OMEGA_OK && row && om_str_eq_text(om_col_str(&stmt, 0), "wal");
    om_stmt_done(&stmt);
    if (status == OMEGA_OK && !is_wal) {
        return om_fail(OMEGA_EUNSUPPORTED,
                       "the file system cannot share memory between processes, which the "
                       "write-ahead log needs");
    }
    return status;
}

static omega_status open_database(struct om_store *store)
{
    struct om_conn_options options =
        conn_options(store, store->options.read_only ? OM_CONN_READER : OM_CONN_WRITER);
    struct om_conn *conn = NULL;
    bool fresh = false;
    omega_status status = om_conn_open(&options, &conn);
    store->writer.conn = conn;
    store->writer.txn.conn = conn;
    if (status == OMEGA_OK) {
        status = om_schema_trust(conn, &fresh);
    }
    if (status == OMEGA_OK && fresh && store->is_read_only) {
        status = om_fail(OMEGA_ENOTFOUND, "there is no store in %s", store->dir);
    }
    if (status == OMEGA_OK && !store->is_read_only) {
        status = enter_wal_mode(conn);
    }
    if (status == OMEGA_OK && !store->is_read_only) {
        sqlite3_wal_hook(conn->db, count_frames, store);
    }
    return status == OMEGA_OK ? om_schema_migrate(store, conn, fresh) : status;
}

static omega_status read_identity(struct om_store *store)
{
    struct om_conn *conn = store->writer.conn;
    bool id = false, incarnation = false, key = false;
    omega_status status = om_meta_get_bytes(conn, "database_id", store->database_id.bytes,
                                            sizeof(store->database_id.bytes), &id);
    if (status == OMEGA_OK) {
        status = om_meta_get_bytes(conn, "incarnation", store->incarnation.bytes,
                                   sizeof(store->incarnation.bytes), &incarnation);
    }
    if (status == OMEGA_OK) {
        status = om_meta_get_bytes(conn, "key", store->key, sizeof(store->key), &key);
    }
    if (status == OMEGA_OK && !(id && incarnation && key)) {
        status = om_fail(OMEGA_ECORRUPT, "the store's identity is damaged: restore a backup");
    }
    return status == OMEGA_OK ? om_conn_last_seq(conn, &store->last_seq) : status;
}

/* ---- The mark -------------------------------------------------------------------------------- */

static omega_status renew_incarnation(void *context, struct om_conn *conn)
{
    const uint64_t *floor = context;
    omega_status status = om_schema_new_incarnation(conn);
    if (status == OMEGA_OK && *floor > 0) {
        status = om_meta_set_i64(conn, "seq_floor", (int64_t)*floor);
    }
    return status == OMEGA_OK ? om_meta_remove(conn, "backup_of") : status;
}

/* Goes on above `floor` as a new incarnation. */
static omega_status go_on_above(struct om_store *store, uint64_t floor)
{
    omega_status status = om_writer_txn(store, renew_incarnation, &floor);
    return status == OMEGA_OK ? read_identity(store) : status;
}

omega_status om_store_adopt(struct om_store *store)
{
    omega_status status = read_identity(store);
    om_conn_reset(store->writer.conn);
    store->mark.database_id = store->database_id;
    if (status == OMEGA_OK) {
        atomic_store_explicit(&store->commit_seq, store->last_seq, memory_order_release);
    }
    return status;
}

static void note_missing(struct om_store *store)
{
    store->missing_from = store->last_seq + 1;
    store->missing_to = store->mark.seq;
    om_store_set_read_only(store,
                           "operations %llu to %llu are missing from omega.db: restore a backup, "
                           "or accept the loss",
                           (unsigned long long)store->missing_from,
                           (unsigned long long)store->missing_to);
}

static omega_status check_after_fsync_failure(struct om_store *store)
{
    struct om_stmt stmt;
    bool row = false;
    omega_status status = om_conn_prepare(store->writer.conn, "PRAGMA integrity_check(1)", &stmt);
    if (status != OMEGA_OK) {
        return status;
    }
    status = om_step(&stmt, &row);
    bool sound = status == OMEGA_OK && row && om_str_eq_text(om_col_str(&stmt, 0), "ok");
    om_stmt_done(&stmt);
    if (sound) {
        store->mark.needs_check = false;
    } else if (status == OMEGA_OK || status == OMEGA_ECORRUPT) {
        om_store_set_read_only(store, "the disk failed before and omega.db is damaged: restore a "
                                      "backup, or salvage");
        status = OMEGA_OK;
    }
    return status;
}

/* Compares the mark with what the database holds. */
static omega_status heed_mark(struct om_store *store)
{
    struct om_mark *mark = &store->mark;
    omega_status status = OMEGA_OK;
    if (mark->found && !om_uuid_eq(mark->database_id, store->database_id)) {
        om_log(OM_LOG_WARN, "store",
               "omega.mark belongs to another database: was omega.db replaced?");
        mark->seq = 0;
        mark->needs_check = false;
    }
    if (mark->damaged) {
        om_log(OM_LOG_WARN, "store", "omega.mark is damaged and is written anew");
    }
    if (mark->needs_check && !store->is_read_only) {
        status = check_after_fsync_failure(store);
    }
    if (status == OMEGA_OK && mark->seq > store->last_seq) {
        if (store->options.accept_loss && !store->is_read_only) {
            status = go_on_above(store, mark->seq);
        } else {
            note_missing(store);
        }
    }
    mark->database_id = store->database_id;
    return status;
}

static omega_status adopt_backup(struct om_store *store)
{
    int64_t from = 0;
    omega_status status = om_meta_get_i64(store->writer.conn, "backup_of", &from);
    om_conn_reset(store->writer.conn);
    if (status != OMEGA_OK || from == 0 || store->is_read_only) {
        return status;
    }
    om_log(OM_LOG_WARN, "store", "omega.db is a backup that was put here by hand");
    return go_on_above(store, store->last_seq);
}

static omega_status next_change_id(struct om_store *store)
{
    int64_t last = 0;
    omega_status status = om_conn_number(store->writer.conn,
                                         "SELECT id FROM changes ORDER BY id DESC LIMIT 1", &last);
    store->writer.txn.next_change = last + 1;
    return status;
}

/* Empties the log of the last life. What stands in the way now may be gone later. */
static omega_status settle_log(struct om_store *store)
{
    if (wal_size(store) == 0) {
        om_writer_durable(store, store->last_seq);
        return OMEGA_OK;
    }
    omega_status status = om_writer_checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE, 0);
    if (status == OMEGA_ENOSPC || status == OMEGA_EAGAIN) {
        om_log(OM_LOG_WARN, "store", "the log could not be emptied at start");
        return OMEGA_OK;
    }
    return status;
}

static omega_status open_for_writing(struct om_store *store)
{
    omega_status status = om_os_open_private(store->mark_path, true, &store->mark_fd);
    if (status == OMEGA_OK) {
        status = heed_mark(store);
    }
    if (status == OMEGA_OK && !store->is_read_only) {
        status = adopt_backup(store);
    }
    if (status == OMEGA_OK && !store->is_read_only) {
        status = next_change_id(store);
    }
    if (status == OMEGA_OK && !store->is_read_only) {
        status = settle_log(store);
    }
    if (status != OMEGA_OK || !store->is_read_only) {
        return status;
    }
    /* Nothing is changed any more: neither rows nor the log that may be needed for salvage. */
    (void)sqlite3_db_config(store->writer.conn->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return om_conn_exec(store->writer.conn, "PRAGMA query_only=ON");
}

/* An erasure that was cut short. A reader of another process may stand in its way: then it is
 * wanted later. */
static omega_status finish_erasure(struct om_store *store)
{
    int64_t pending = 0;
    uint64_t overwritten = 0;
    omega_status status = om_meta_get_i64(store->writer.conn, "erase_pending", &pending);
    om_conn_reset(store->writer.conn);
    if (status != OMEGA_OK || pending == 0) {
        return status;
    }
    atomic_store_explicit(&store->wants_erase, true, memory_order_relaxed);
    if (om_store_is_shut(store)) {
        return OMEGA_OK;
    }
    status = om_writer_erase(store, 0, &overwritten);
    if (status == OMEGA_EAGAIN || status == OMEGA_ENOSPC) {
        om_log(OM_LOG_WARN, "store", "an unfinished erasure could not be finished at start");
        return OMEGA_OK;
    }
    return status;
}

omega_status om_store_bring_up(struct om_store *store)
{
    omega_status status = open_dir(store);
    if (status == OMEGA_OK) {
        status = om_mark_read(store->mark_path, &store->mark);
    }
    if (status == OMEGA_OK) {
        status = look_at_file(store);
    }
    if (status == OMEGA_OK) {
        status = open_database(store);
    }
    if (status == OMEGA_OK) {
        status = read_identity(store);
    }
    if (status == OMEGA_OK) {
        status = store->options.read_only ? heed_mark(store) : open_for_writing(store);
    }
    if (status == OMEGA_OK) {
        status = finish_erasure(store);
    }
    if (status == OMEGA_OK) {
        atomic_store_explicit(&store->commit_seq, store->last_seq, memory_order_release);
    }
    return status;
}
