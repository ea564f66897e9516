/* backup.c -- copies of the store: one read snapshot into a new file.
 *
 * The source is a reading connection inside a transaction, so its snapshot stands still while
 * SQLite's backup copies pages in slices: writers go on, and progress and cancelling have their
 * moments. (Slices without a transaction start over whenever somebody writes, and under load never
 * end.) The log cannot be checkpointed past the snapshot meanwhile: it grows, nothing waits.
 *
 * The copy is written beside its name and renamed when it is complete, synced and verified. It
 * leaves WAL mode, so that it is one file, and its meta says `backup_of`: a store that finds this
 * in its omega.db knows that somebody put a backup there by hand.
 *
 * Rejected: VACUUM INTO (rebuilds every tree: several times the work, no progress), copying the
 * files (tears between database and log).
 *
 * Source: sqlite.org/backup.html. */
#include "store/store_int.h"

enum { COPY_SLICE_PAGES = 256, BACKUP_WAIT_MS = 10000 };

static omega_status copy_pages(const struct om_copy *copy, struct om_conn *target)
{
    sqlite3_backup *backup = sqlite3_backup_init(target->db, "main", copy->source->db, "main");
    if (backup == NULL) {
        return om_conn_fail(target, sqlite3_extended_errcode(target->db), "starting a copy");
    }
    omega_status status = OMEGA_OK;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && status == OMEGA_OK) {
        rc = sqlite3_backup_step(backup, COPY_SLICE_PAGES);
        uint64_t total = (uint64_t)sqlite3_backup_pagecount(backup);
        uint64_t left = (uint64_t)sqlite3_backup_remaining(backup);
        if (copy->progress != NULL && (rc == SQLITE_OK || rc == SQLITE_DONE) &&
            !copy->progress(copy->progress_context, total - left, total)) {
            status = om_fail(OMEGA_ECANCELLED, "the copy was cancelled");
        }
    }
    int finished = sqlite3_backup_finish(backup);
    if (status == OMEGA_OK && rc != SQLITE_DONE) {
        status = om_conn_fail(target, finished != SQLITE_OK ? finished : rc, "copying");
    }
    return status;
}

static omega_status fill(const struct om_copy *copy, const char *path)
{
    int fd = -1;
    omega_status status = om_os_open_private(path, true, &fd);
    om_os_close(&fd);
    if (status != OMEGA_OK) {
        return status;
    }
    struct om_conn_options options = {
        .alloc = copy->source->alloc,
        .path = path,
        .vfs = copy->vfs,
        .role = OM_CONN_TARGET,
        .schemas = copy->source->schemas,
        .schema_count = copy->source->schema_count,
    };
    struct om_conn *target = NULL;
    status = om_conn_open(&options, &target);
    if (status == OMEGA_OK) {
        status = copy_pages(copy, target);
    }
    if (status == OMEGA_OK) {
        status = om_conn_exec(target, "PRAGMA journal_mode=DELETE");
    }
    if (status == OMEGA_OK && copy->finish != NULL) {
        status = copy->finish(copy->finish_context, target);
    }
    if (target != NULL) {
        om_conn_reset(target);
    }
    om_conn_close(target);
    return status;
}

/* Removes what an unfinished copy may leave: the file and SQLite's side files. */
static void remove_part(const char *part)
{
    static const char *const suffixes[] = {"", "-journal", "-wal", "-shm"};
    struct om_error error = *om_error_last();
    for (size_t i = 0; i < OM_COUNT_OF(suffixes); i++) {
        char path[OM_PATH_SIZE];
        int size = snprintf(path, sizeof(path), "%s%s", part, suffixes[i]);
        if (size > 0 && (size_t)size < sizeof(path) && om_os_remove(path) != OMEGA_OK) {
            om_log(OM_LOG_WARN, "store", "an unfinished copy could not be removed");
        }
    }
    om_error_set(&error);
}

omega_status om_sync_parent(const char *path)
{
    char dir[OM_PATH_SIZE];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return om_os_fsync_dir(".");
    }
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    if (len >= sizeof(dir)) {
        return om_fail(OMEGA_ELIMIT, "the path %s is too long", path);
    }
    memcpy(dir, path, len);
    dir[len] = '\0';
    return om_os_fsync_dir(dir);
}

static omega_status part_name(const char *path, char part[OM_PATH_SIZE])
{
    int size = snprintf(part, OM_PATH_SIZE, "%s.part", path);
    if (size < 0 || (size_t)size + sizeof("-journal") > OM_PATH_SIZE) {
        return om_fail(OMEGA_ELIMIT, "the path %s is too long", path);
    }
    return OMEGA_OK;
}

omega_status om_copy_database(const struct om_copy *copy)
{
    char part[OM_PATH_SIZE];
    omega_status status = part_name(copy->path, part);
    if (status != OMEGA_OK) {
        return status;
    }
    if (om_os_exists(copy->path)) {
        return om_fail(OMEGA_ECONFLICT, "%s exists already", copy->path);
    }
    remove_part(part);
    status = fill(copy, part);
    if (status == OMEGA_OK && copy->verify) {
        status = om_file_verify(copy->source, part, copy->vfs);
    }
    if (status == OMEGA_OK) {
        status = om_os_rename(part, copy->path);
    }
    if (status == OMEGA_OK) {
        status = om_sync_parent(copy->path);
    }
    if (status != OMEGA_OK) {
        remove_part(part);
    }
    return status;
}

/* ---- Verifying ------------------------------------------------------------------------------- */

struct first_fault {
    char text[200];
};

static void keep_first(void *context, const char *fault)
{
    struct first_fault *first = context;
    if (first->text[0] == '\0') {
        (void)snprintf(first->text, sizeof(first->text), "%s", fault);
    }
}

omega_status om_file_verify(struct om_conn *like, const char *path, const char *vfs)
{
    struct om_conn_options options = {
        .alloc = like->alloc,
        .path = path,
        .vfs = vfs,
        .role = OM_CONN_EXAMINER,
        .schemas = like->schemas,
        .schema_count = like->schema_count,
    };
    struct om_conn *conn = NULL;
    struct first_fault first = {{0}};
    struct om_check check = {.each = keep_first, .context = &first};
    bool fresh = false;
    omega_status status = om_conn_open(&options, &conn);
    if (status == OMEGA_OK) {
        status = om_schema_trust(conn, &fresh);
    }
    if (status == OMEGA_OK && fresh) {
        status = om_fail(OMEGA_EFORMAT, "%s holds no store", path);
    }
    if (status == OMEGA_OK) {
        status = om_check_rows(conn, &check);
    }
    if (status == OMEGA_OK && check.faults > 0) {
        status = om_fail(OMEGA_ECORRUPT, "%s has %llu faults, the first: %s", path,
                         (unsigned long long)check.faults, first.text);
    }
    if (conn != NULL) {
        om_conn_reset(conn);
    }
    om_conn_close(conn);
    return status;
}

/* ---- The list -------------------------------------------------------------------------------- */

static omega_status apply_backup(void *context, struct om_txn *txn, const struct om_record *record,
                                 struct om_buf *result)
{
    struct om_unpack in;
    struct om_stmt *stmt;
    (void)context;
    (void)result;
    om_unpack_init(&in, record->body.ptr, record->body.len);
    uint64_t seq = om_unpack_u64(&in);
    omega_str file = om_unpack_str(&in);
    omega_status status = om_unpack_finish(&in, "a backup's record");
    if (status == OMEGA_OK) {
        status = om_sql(om_txn_conn(txn), &om_store_schema, OM_SQL_BACKUP_INSERT, &stmt);
    }
    if (status != OMEGA_OK) {
        return status;
    }
    om_bind_i64(stmt, 0, record->at_ms);
    om_bind_i64(stmt, 1, (int64_t)seq);
    om_bind_str(stmt, 2, file);
    return om_run(stmt);
}

const struct om_record_kind om_store_backup_kind = {"store.backup", apply_backup, NULL};

static omega_status list_backup(struct om_store *store, const char *file, uint64_t seq)
{
    struct om_write write = {0};
    struct om_buf body;
    om_buf_init(&body, store->alloc, (size_t)OM_PATH_SIZE * 2);
    om_buf_init(&write.result, store->alloc, 0);
    om_pack_u64(&body, seq);
    om_pack_str(&body, omega_str_of(file));
    write.record = (struct om_record){
        .kind = &om_store_backup_kind,
        .at_ms = om_wall_ms(store->clock),
        .actor = OM_STR("system"),
        .body = om_buf_str(&body),
        .durability = OM_DURABILITY_DISK,
    };
    om_os_random(write.record.op_id.bytes, sizeof(write.record.op_id.bytes));
    omega_status status = body.status;
    if (status == OMEGA_OK) {
        status = om_store_commit(store, &write, 1);
    }
    om_buf_fini(&write.result);
    om_buf_fini(&body);
    return status;
}

/* ---- The call -------------------------------------------------------------------------------- */

static omega_status mark_copy(void *context, struct om_conn *target)
{
    (void)context;
    return om_meta_set_i64(target, "backup_of", 1);
}

omega_status om_store_backup(struct om_store *store, const char *file, om_progress progress,
                             void *context)
{
    struct om_reader reader;
    omega_status status = om_store_read(store, BACKUP_WAIT_MS, &reader);
    if (status != OMEGA_OK) {
        return status;
    }
    uint64_t seq = 0;
    struct om_copy copy = {
        .source = reader.conn,
        .path = file,
        .vfs = store->vfs,
        .progress = progress,
        .progress_context = context,
        .finish = mark_copy,
        .verify = true,
    };
    status = om_conn_last_seq(reader.conn, &seq);
    if (status == OMEGA_OK) {
        status = om_copy_database(&copy);
    }
    om_store_read_end(&reader);
    if (status != OMEGA_OK) {
        return om_error_prefix(status, "backing up");
    }
    if (om_store_is_shut(store)) {
        om_log(OM_LOG_WARN, "store", "the backup stands, but a read-only store cannot list it");
        return OMEGA_OK;
    }
    return list_backup(store, file, seq);
}

omega_status om_store_backups(struct om_reader *reader,
                              bool (*each)(void *context, const struct om_backup_row *row),
                              void *context)
{
    struct om_stmt *stmt;
    omega_status status = om_sql(reader->conn, &om_store_schema, OM_SQL_BACKUP_LIST, &stmt);
    bool row = true;
    while (status == OMEGA_OK && (status = om_step(stmt, &row)) == OMEGA_OK && row) {
        struct om_backup_row found = {.at_ms = om_col_i64(stmt, 0),
                                      .seq = (uint64_t)om_col_i64(stmt, 1)};
        (void)snprintf(found.file, sizeof(found.file), "%.*s", OM_STR_ARG(om_col_str(stmt, 2)));
        if (!each(context, &found)) {
            break;
        }
    }
    return status;
}
