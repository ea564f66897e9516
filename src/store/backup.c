/* backup.c -- copies of the store: one read snapshot into a new file.
 *
 * The source is a reading connection inside a transaction, so its snapshot stands still while
 * SQLite's backup copies pages in slices: writers go on, and progress and cancelling have their
 * moments. (Slices without a transaction start over whenever somebody writes, and under load never
 * end.) The log cannot be checkpointed past the snapshot meanwhile: it grows, nothing waits.
 *
 * The copy is written beside its name and renamed when it is complete, synced and verified. It
 * leaves WAL mode, so that it is one file, and its meta says `backup_of`: a store that finds this in
 * its omega.db knows that somebody put a backup there by hand.
 *
 * Rejected: VACUUM INTO (rebuilds every tree: several times the work, no progress), copying the
 * files (tears between database and log).
 *
 * Source: sqlite.org/backup.html. */
#include "store/store_int.h"

enum { COPY_SLICE_PAGES = 256 };

static omega_status copy_pages(const struct om_copy *copy, struct om_conn *target)
{
    sqlite3_backup *backup =
        sqlite3_backup_init(target->db, "main", copy->source->db, "main");
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

static omega_status sync_parent(const char *path)
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

omega_status om_copy_database(const struct om_copy *copy)
{
    char part[OM_PATH_SIZE];
    int size = snprintf(part, sizeof(part), "%s.part", copy->path);
    if (size < 0 || (size_t)size + sizeof("-journal") > sizeof(part)) {
        return om_fail(OMEGA_ELIMIT, "the path %s is too long", copy->path);
    }
    if (om_os_exists(copy->path)) {
        return om_fail(OMEGA_ECONFLICT, "%s exists already", copy->path);
    }
    remove_part(part);
    omega_status status = fill(copy, part);
    if (status == OMEGA_OK) {
        status = om_os_rename(part, copy->path);
    }
    if (status == OMEGA_OK) {
        status = sync_parent(copy->path);
    }
    if (status != OMEGA_OK) {
        remove_part(part);
    }
    return status;
}
